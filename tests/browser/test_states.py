"""What stands in the space's way, drawn with the next step on a button that the keyboard reaches.

Each test goes on until the space is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from .cloud import Cloud
from .conftest import (
    MakeContext,
    Site,
    assert_within,
    button,
    expect_space,
    go_through_webex,
    sign_in,
    space_frame,
)
from .webex_api import HELP_DESK, UNICORN, WebexApi

pytestmark = pytest.mark.browser

Screenshot = Callable[[Page], None]


def expect_state(page: Page, sentence: str, label: str) -> None:
    """Wait for a state's one sentence and one button, both where they can be seen."""
    frame = space_frame(page)
    expect(button(frame)).to_have_text(label)
    expect(frame.locator("p:visible")).to_have_text(sentence)
    assert_within(page, button(frame))
    assert_within(page, frame.locator("p:visible"))


def press(page: Page) -> None:
    """Go to the button with the keyboard, and press it."""
    page.keyboard.press("Tab")
    expect(button(space_frame(page))).to_be_focused()
    page.keyboard.press("Enter")


def test_sign_in(page: Page, site: Site, user: User, api: WebexApi, screenshot: Screenshot) -> None:
    address = site.url("/public/project/?tab=chat&page=2#talk")
    page.goto(address)
    expect_state(page, "Sign in to see this Webex space.", "Sign in")
    screenshot(page)
    press(page)
    expect(page).to_have_title("Sign in")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(address)
    expect_state(page, "Connect your Webex account to see this space.", "Connect to Webex")
    assert api.requests == []


def test_connect(page: Page, site: Site, signed_in: User, screenshot: Screenshot) -> None:
    address = site.url("/pages/project/?tab=chat&page=2#talk")
    page.goto(address)
    expect_state(page, "Connect your Webex account to see this space.", "Connect to Webex")
    press(page)
    go_on = page.get_by_role("button", name="Continue to Webex")
    expect(go_on).to_be_visible()
    screenshot(page)
    go_on.press("Enter")
    page.wait_for_url(address)
    expect_space(page, UNICORN)


def test_connecting_can_be_left(page: Page, site: Site, signed_in: User) -> None:
    address = site.url("/pages/project/?tab=chat&page=2#talk")
    page.goto(address)
    button(space_frame(page)).click()
    page.get_by_role("link", name="Go back").click()
    page.wait_for_url(address)
    expect(button(space_frame(page))).to_have_text("Connect to Webex")


def test_reconnect(
    page: Page, site: Site, connected: User, api: WebexApi, screenshot: Screenshot
) -> None:
    api.end_consent()
    address = site.url("/pages/project/?tab=chat")
    page.goto(address)
    sentence = "Your connection to Webex has ended. Connect again to see this space."
    expect_state(page, sentence, "Connect again")
    screenshot(page)
    press(page)
    page.get_by_role("button", name="Connect again").press("Enter")
    page.wait_for_url(address)
    expect_space(page, UNICORN)


def test_room_not_found(
    page: Page, site: Site, connected: User, api: WebexApi, screenshot: Screenshot
) -> None:
    api.spaces = [HELP_DESK]
    page.goto(site.url("/pages/project/"))
    sentence = "You are in no Webex space called “Project Unicorn”. Ask a member to add you."
    expect_state(page, sentence, "Look again")
    screenshot(page)
    api.spaces = [HELP_DESK, UNICORN]
    press(page)
    expect_space(page, UNICORN)


def test_unavailable(
    page: Page, site: Site, connected: User, api: WebexApi, screenshot: Screenshot
) -> None:
    api.faults["rooms"] = 503
    page.goto(site.url("/pages/project/"))
    expect_state(page, "Webex cannot be reached at the moment.", "Try again")
    screenshot(page)
    api.faults.clear()
    press(page)
    expect_space(page, UNICORN)


def test_session_that_is_no_answer(page: Page, site: Site, connected: User) -> None:
    session = re.compile("/webex/session/")
    page.route(
        session,
        lambda route: route.fulfill(status=500, content_type="text/html", body="<h1>Oh no</h1>"),
    )
    page.goto(site.url("/pages/project/"))
    expect_state(page, "Webex cannot be reached at the moment.", "Try again")
    page.unroute(session)
    press(page)
    expect_space(page, UNICORN)


def not_found(route: Route) -> None:
    """Answer as a server without the file does."""
    route.fulfill(status=404, content_type="text/html", body="<h1>Not found</h1>")


def aborted(route: Route) -> None:
    """Answer nothing, as a broken connection or a blocker does."""
    route.abort()


def another(route: Route) -> None:
    """Answer with something else, as a network that wants a sign-in does."""
    route.fulfill(content_type="text/javascript", body="")


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        ("bundle.js", not_found),
        ("bundle.js", aborted),
        ("bundle.js", another),
        ("main.css", not_found),
    ],
)
def test_bundle_does_not_load(
    page: Page,
    site: Site,
    connected: User,
    screenshot: Screenshot,
    file: str,
    answer: Callable[[Route], None],
) -> None:
    address = re.compile(f"/{re.escape(file)}$")
    page.route(address, answer)
    page.goto(site.url("/pages/project/"))
    expect_state(page, "The Webex widget could not be loaded.", "Try again")
    screenshot(page)
    page.unroute(address)
    press(page)
    expect_space(page, UNICORN)


def test_bundle_with_another_checksum(
    page: Page, site: Site, connected: User, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle.js").write_text("something else")
    (tmp_path / "main.css").write_text("something else")
    site.set_integrity(tmp_path)
    page.goto(site.url("/pages/project/"))
    expect_state(page, "The Webex widget could not be loaded.", "Try again")
    site.set_integrity(bundle)
    press(page)
    expect_space(page, UNICORN)


def test_own_script_does_not_load(page: Page, site: Site, connected: User) -> None:
    script = re.compile("/frame[^/]*.js$")
    page.route(script, aborted)
    page.goto(site.url("/pages/project/"))
    frame = space_frame(page)
    expect(frame.get_by_text("Loading the Webex space…")).to_be_visible()
    expect(button(frame)).to_have_count(0)
    # The button comes after a while, by an animation.
    frame.locator("body").evaluate(
        "() => document.getAnimations().forEach((animation) => animation.finish())"
    )
    expect_state(page, "Loading the Webex space…", "Try again")
    page.unroute(script)
    press(page)
    expect_space(page, UNICORN)


def test_address_of_an_older_key(
    page: Page, site: Site, connected: User, screenshot: Screenshot
) -> None:
    page.goto(site.url("/pages/stale/?tab=chat"))
    sentence = "This page is out of date. Reload it to see the Webex space."
    expect_state(page, sentence, "Reload the page")
    screenshot(page)
    with page.expect_navigation(url=site.url("/pages/stale/?tab=chat")):
        press(page)


def test_without_javascript(
    new_context: MakeContext, cloud: Cloud, site: Site, user: User, screenshot: Screenshot
) -> None:
    context = new_context(java_script_enabled=False)
    cloud.route(context)
    sign_in(context, site, user)
    page = context.new_page()
    page.goto(site.url("/pages/project/"))
    sentence = "Webex needs JavaScript here. Turn it on in your browser, then try again."
    expect_state(page, sentence, "Try again")
    screenshot(page)
    with page.expect_response(re.compile("/webex/frame/")):
        press(page)
    expect_state(page, sentence, "Try again")


def test_whoever_signs_out_elsewhere_is_asked_to_sign_in(
    page: Page, site: Site, connected: User
) -> None:
    page.goto(site.url("/public/project/"))
    expect_space(page, UNICORN)
    page.context.clear_cookies()
    page.reload()
    expect_state(page, "Sign in to see this Webex space.", "Sign in")


def test_disconnecting(page: Page, site: Site, connected: User) -> None:
    page.goto(site.url("/webex/disconnect/?next=/pages/project/"))
    page.get_by_role("button", name="Disconnect").click()
    page.wait_for_url(site.url("/pages/project/"))
    expect(button(space_frame(page))).to_have_text("Connect to Webex")
    go_through_webex(page)
    expect_space(page, UNICORN)
