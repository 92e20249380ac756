"""From a page of the site to a space in it, with Cisco's bundle as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from playwright.sync_api import Page, Route, WebSocket, expect

from webex_widgets.models import WebexToken

from . import webex_api
from .cloud import Cloud
from .conftest import (
    MakeContext,
    Seen,
    Site,
    assert_within,
    button,
    connect,
    expect_space,
    go_through_webex,
    sign_in,
    space_frame,
)
from .site import middleware
from .webex_api import HELP_DESK, UNICORN, WebexApi

pytestmark = pytest.mark.browser

STYLES = """
() => Object.fromEntries(["html", "body", "h1", "p"].map((name) => {
  const style = getComputedStyle(document.querySelector(name));
  const kept = [...style].filter((property) => /font|margin|padding|line-h|letter|back|color|float/
    .test(property));
  return [name, Object.fromEntries(kept.map((property) => [
    property, style.getPropertyValue(property)]))];
}))
"""
"""What Cisco's stylesheet changes in a page that it is loaded into."""

DOCUMENT = "() => document.documentElement.outerHTML"


def test_round_trip(
    page: Page,
    site: Site,
    signed_in: User,
    api: WebexApi,
    cloud: Cloud,
    seen: Seen,
    screenshot: Callable[[Page], None],
) -> None:
    address = site.url("/pages/project/?tab=chat&page=2")
    page.goto(address)
    expect(button(space_frame(page))).to_have_text("Connect to Webex")
    go_through_webex(page)

    assert page.url == address
    expect_space(page, UNICORN)
    cloud.say(UNICORN, "It has just been released.")
    arrived = space_frame(page).locator(".webex-message-wrapper", has_text="just been released")
    expect(arrived).to_be_visible()
    assert_within(page, arrived)
    screenshot(page)

    assert WebexToken.objects.get(user=signed_in).email == "ada@example.com"
    exchange = next(request for request in api.requests if request.method == "POST")
    assert exchange.form["redirect_uri"] == site.url("/webex/callback/")
    assert seen.violations == []
    assert seen.errors == []
    assert cloud.strays == []


def test_token_goes_to_webex_alone(
    page: Page,
    site: Site,
    signed_in: User,
    api: WebexApi,
    cloud: Cloud,
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    responses: list[tuple[str, HttpResponse]] = []
    monkeypatch.setattr(middleware, "RESPONSES", responses)
    site.add_middleware("tests.browser.site.middleware.keep")
    page.goto(site.url("/pages/project/"))
    go_through_webex(page)
    expect_space(page, UNICORN)

    [token] = api.access_tokens
    authorizations = {call.authorization for call in cloud.authorized}
    assert authorizations == {f"Bearer {token}"}
    assert cloud.socket_tokens == [f"Bearer {token}"]
    told = [path for path, response in responses if token in response.content.decode()]
    assert told == ["/webex/session/"]
    for secret in (api.refresh_tokens[-1], webex_api.CLIENT_SECRET):
        assert not any(secret in response.content.decode() for _path, response in responses)
    for secret in (token, api.refresh_tokens[-1], webex_api.CLIENT_SECRET):
        assert not [url for url in seen.urls if secret in url]
        assert secret not in page.content()


def test_host_page_stays_as_it_is(page: Page, site: Site, connected: User) -> None:
    page.goto(site.url("/pages/plain/"))
    plain_styles, plain = page.evaluate(STYLES), page.evaluate(DOCUMENT)
    page.goto(site.url("/pages/project/"), wait_until="commit")
    page.locator("iframe").wait_for()
    styles, document = page.evaluate(STYLES), page.evaluate(DOCUMENT)
    expect_space(page, UNICORN)

    assert page.evaluate(STYLES) == styles == plain_styles
    assert page.evaluate(DOCUMENT) == document
    [frame] = re.findall(r"<iframe.*?</iframe>", document)
    assert document.replace(frame, "") == plain


def test_frame_fits_its_column(page: Page, site: Site, connected: User) -> None:
    page.goto(site.url("/pages/project/"))
    paragraph, frame = page.locator("p").bounding_box(), page.locator("iframe").bounding_box()
    assert paragraph
    assert frame
    assert (frame["x"], frame["width"]) == (paragraph["x"], paragraph["width"])


def test_nothing_is_said_in_the_console_of_the_site(page: Page, site: Site, seen: Seen) -> None:
    page.goto(site.url("/pages/project/"))
    expect(button(space_frame(page))).to_be_visible()
    assert seen.console == []


def test_bundle_is_downloaded_once(page: Page, site: Site, connected: User, seen: Seen) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    assert seen.count("bundle.js") == 1
    assert seen.count("main.css") == 1


def test_bundle_with_a_checksum_is_downloaded_once(
    page: Page, site: Site, connected: User, bundle: Path, seen: Seen
) -> None:
    site.set_integrity(bundle)
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    assert seen.count("bundle.js") == 1
    assert seen.count("main.css") == 1


def test_two_spaces_on_one_page(
    page: Page, site: Site, connected: User, cloud: Cloud, seen: Seen
) -> None:
    page.set_viewport_size({"width": 1280, "height": 1200})
    page.goto(site.url("/pages/two/"))
    expect_space(page, UNICORN, 0)
    expect_space(page, HELP_DESK, 1)
    cloud.say(HELP_DESK, "It was one, indeed.")
    expect(
        space_frame(page, 1).locator(".webex-message-wrapper", has_text="indeed")
    ).to_be_visible()
    expect(space_frame(page, 0).get_by_text("indeed")).to_have_count(0)
    assert seen.violations == []


def test_far_frame_waits_until_it_is_scrolled_to(
    page: Page, site: Site, connected: User, seen: Seen
) -> None:
    page.goto(site.url("/pages/far/"))
    expect_space(page, UNICORN, 0)
    assert seen.count("/webex/frame/") == 1
    page.locator("#far").scroll_into_view_if_needed()
    expect_space(page, HELP_DESK, 1)
    assert seen.count("/webex/frame/") == 2


def test_declining_leads_back(page: Page, site: Site, signed_in: User, api: WebexApi) -> None:
    api.declines = True
    page.goto(site.url("/pages/project/"))
    go_through_webex(page)
    expect(button(space_frame(page))).to_have_text("Connect to Webex")
    api.declines = False
    go_through_webex(page)
    expect_space(page, UNICORN)


@pytest.fixture
def unrouted(new_context: MakeContext, site: Site, user: User, api: WebexApi, bundle: Path) -> Page:
    """Return a page for a connected user, in a browser with its own WebSockets.

    Sockets that Playwright routes are none, so no policy stops them.
    """
    context = new_context()
    Cloud(api, bundle).route(context, socket=False)
    connect(sign_in(context, site, user), api)
    return context.new_page()


def test_policy_lets_the_socket_out(unrouted: Page, site: Site, seen: Seen) -> None:
    with unrouted.expect_event("websocket") as opened:
        unrouted.goto(site.url("/pages/project/"))
    assert opened.value.url.startswith("wss://mercury-a.wbx2.com/")
    assert seen.violations == []


def test_a_missing_source_would_be_noticed(unrouted: Page, site: Site) -> None:
    """Hold the test above to what it promises: without ``wss:`` there is a violation."""

    def narrow(route: Route) -> None:
        response = route.fetch()
        policy = response.headers["content-security-policy"].replace("wss://*.wbx2.com", "")
        headers = {**response.headers, "content-security-policy": policy}
        route.fulfill(response=response, headers=headers)

    unrouted.route("**/webex/frame/**", narrow)
    opened: list[WebSocket] = []
    # Playwright cannot take a list's own method as a listener.
    unrouted.on("websocket", lambda socket: opened.append(socket))  # noqa: PLW0108
    stopped = "Violation: connect-src stops wss://mercury-a.wbx2.com/"
    with unrouted.expect_console_message(lambda message: message.text.startswith(stopped)):
        unrouted.goto(site.url("/pages/project/"))
    assert opened == []
