"""Pages that stay open: tokens that end or are refused, sleep, and frames that come and go."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Final

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from websockets.sync.server import ServerConnection, serve

from webex_widgets.models import WebexToken

from .cloud import Cloud
from .conftest import (
    PATIENCE,
    MakeContext,
    Seen,
    Site,
    button,
    connect,
    expect_space,
    missing,
    sign_in,
    space_frame,
)
from .webex_api import HELP_DESK, UNICORN, WebexApi

pytestmark = pytest.mark.browser

SESSION: Final = re.compile("/webex/session/")
DAY: Final = 24 * 3600 * 1000
ENDED: Final = "Your connection to Webex has ended. Connect again to see this space."


def renewed_token() -> None:
    """Let the stored token be due, as it is when a page has stood open for long."""
    token = WebexToken.objects.get()
    token.access_token_expires_at = token.refreshed_at
    token.save()


def test_frame_renews_itself_before_its_token_ends(
    page: Page, site: Site, connected: User, api: WebexApi, cloud: Cloud, seen: Seen
) -> None:
    page.clock.install()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    renewed_token()
    with page.expect_event("framenavigated"):
        page.clock.fast_forward(10 * DAY - 4 * 60_000)
    expect_space(page, UNICORN)
    assert cloud.socket_tokens == [f"Bearer {token}" for token in api.access_tokens]
    assert len(api.access_tokens) == 2


def test_frame_stays_while_its_token_is_the_same(
    page: Page, site: Site, connected: User, seen: Seen
) -> None:
    page.clock.install()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    with page.expect_response(SESSION):
        page.clock.fast_forward(DAY)
    with page.expect_response(SESSION):
        page.clock.fast_forward(DAY)
    expect_space(page, UNICORN)
    assert seen.count("/webex/frame/") == 1


def test_renewal_waits_for_a_message_that_is_being_written(
    page: Page, site: Site, connected: User, seen: Seen
) -> None:
    page.clock.install()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    composer = space_frame(page).locator("textarea").first
    composer.fill("I was just about to say")
    renewed_token()
    with page.expect_response(SESSION):
        page.clock.fast_forward(10 * DAY - 4 * 60_000)
    expect(composer).to_have_value("I was just about to say")
    assert seen.count("/webex/frame/") == 1
    composer.fill("")
    with page.expect_event("framenavigated"):
        page.clock.fast_forward(60_000)
    expect_space(page, UNICORN)


def come_back_after_a_while(page: Page) -> None:
    """Look at another tab for longer than a moment, and at this one again."""
    look = """
    (hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }
    """
    page.frames[1].evaluate(look, True)
    page.clock.fast_forward(6 * 60_000)
    page.frames[1].evaluate(look, False)


def test_newer_token_is_no_reason_while_the_older_one_lasts(
    page: Page, site: Site, connected: User, api: WebexApi, seen: Seen
) -> None:
    page.clock.install()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    composer = space_frame(page).locator("textarea").first
    composer.fill("I was just about to say")
    renewed_token()  # as another tab's session, or cron, would renew it
    with page.expect_response(SESSION) as response:
        come_back_after_a_while(page)
        page.clock.run_for(1000)
    assert response.value.json()["options"]["accessToken"] == api.access_tokens[1]
    expect(composer).to_have_value("I was just about to say")
    assert seen.count("/webex/frame/") == 1


def test_trouble_waits_for_a_message_that_is_being_written(
    page: Page, site: Site, connected: User, api: WebexApi, cloud: Cloud, seen: Seen
) -> None:
    page.clock.install()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    composer = space_frame(page).locator("textarea").first
    composer.fill("I was just about to say")
    api.access_tokens = ["ended"]
    with page.expect_response(SESSION):
        cloud.drop()
        page.clock.run_for(20_000)
    expect(composer).to_have_value("I was just about to say")
    composer.fill("")
    with page.expect_event("framenavigated"):
        page.clock.run_for(60_000)
    expect_space(page, UNICORN)


def test_frame_does_not_go_round_in_a_circle(
    page: Page,
    site: Site,
    connected: User,
    api: WebexApi,
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each session brings another token, and Webex's cloud refuses every one of them."""
    page.clock.install()
    grant = api.grant
    monkeypatch.setattr(api, "grant", lambda: {**grant(), "expires_in": None})
    WebexToken.objects.update(access_token_expires_at=None)
    page.route(re.compile("wbx2.com"), lambda route: route.fulfill(status=401, json={}))
    page.goto(site.url("/pages/project/"))
    while seen.count("/webex/frame/") < 4:
        page.wait_for_event("framenavigated")
    # It asks once when it begins and once more in its trouble, and leaves it at that.
    for _ in range(2):
        page.wait_for_event("response", lambda response: "/webex/session/" in response.url)
    page.clock.run_for(60_000)
    assert seen.count("/webex/frame/") == 4


def test_token_that_is_refused_while_the_widget_runs(
    page: Page, site: Site, connected: User, api: WebexApi, cloud: Cloud
) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    api.end_consent()
    cloud.drop()
    expect(space_frame(page).locator("p:visible")).to_have_text(ENDED)
    expect(button(space_frame(page))).to_have_text("Connect again")


def test_access_token_that_is_refused_is_replaced(
    page: Page, site: Site, connected: User, api: WebexApi, cloud: Cloud
) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    api.access_tokens = ["ended"]
    with page.expect_event("framenavigated"):
        cloud.drop()
    expect_space(page, UNICORN)
    assert cloud.socket_tokens[-1] == f"Bearer {api.access_tokens[-1]}"


def test_dropped_socket_alone_is_the_widget_s_own_matter(
    page: Page, site: Site, connected: User, cloud: Cloud, seen: Seen
) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    with page.expect_response(SESSION):
        cloud.drop()
    space_frame(page).locator("body").evaluate("() => new Promise(requestAnimationFrame)")
    expect_space(page, UNICORN)
    assert seen.count("/webex/frame/") == 1


def test_laptop_that_slept(
    page: Page, site: Site, connected: User, api: WebexApi, seen: Seen
) -> None:
    page.clock.install()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    api.end_consent()
    page.clock.fast_forward(8 * 3600 * 1000)
    expect(space_frame(page).locator("p:visible")).to_have_text(ENDED)


def test_network_that_comes_back(page: Page, site: Site, connected: User) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    page.route(SESSION, lambda route: route.abort())
    frame = page.frames[1]
    frame.evaluate("() => location.reload()")
    expect(space_frame(page).locator("p:visible")).to_have_text(
        "Webex cannot be reached at the moment."
    )
    page.unroute(SESSION)
    space_frame(page).locator("body").evaluate("() => window.dispatchEvent(new Event('online'))")
    expect_space(page, UNICORN)


def test_whoever_connects_in_another_tab(
    page: Page, site: Site, signed_in: User, api: WebexApi
) -> None:
    page.goto(site.url("/pages/project/"))
    expect(button(space_frame(page))).to_have_text("Connect to Webex")
    connect(signed_in, api)
    space_frame(page).locator("body").evaluate(
        "() => document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect_space(page, UNICORN)


def test_back_button(page: Page, site: Site, connected: User) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    page.goto(site.url("/pages/plain/"))
    page.go_back()
    expect_space(page, UNICORN)
    page.go_forward()
    expect(page.locator("iframe")).to_have_count(0)


def test_sign_in_comes_back_to_where_the_page_is_now(page: Page, site: Site, user: User) -> None:
    page.goto(site.url("/public/project/"))
    expect(button(space_frame(page))).to_have_text("Sign in")
    page.evaluate("() => history.pushState({}, '', '/public/project/?tab=chat')")
    button(space_frame(page)).click()
    page.wait_for_url("**/login/**")
    assert "next=%2Fpublic%2Fproject%2F%3Ftab%3Dchat" in page.url


# Sockets that are real, and so are seen to end


@dataclass
class Mercury:
    """A WebSocket server, and what has happened at it."""

    url: str
    events: Queue[str]


@pytest.fixture
def mercury() -> Iterator[Mercury]:
    """Yield a server to which the widget's socket leads."""
    events: Queue[str] = Queue()

    def handle(connection: ServerConnection) -> None:
        events.put("opened")
        for message in connection:
            frame = json.loads(message)
            if frame["type"] == "authorization":
                data = {"eventType": "mercury.buffer_state", "bufferState": {}}
                connection.send(json.dumps({"id": "1", "data": data, "sequenceNumber": 1}))
        events.put("closed")

    with serve(handle, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Mercury(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", events)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "leave",
    [
        "document.querySelector('iframe').remove()",
        "document.body.innerHTML = ''",
        "document.querySelector('iframe').contentWindow.location.reload()",
    ],
)
def test_a_frame_that_goes_leaves_no_socket(
    new_context: MakeContext,
    site: Site,
    user: User,
    api: WebexApi,
    bundle: Path,
    mercury: Mercury,
    leave: str,
) -> None:
    # The policy allows Webex's own sockets alone.
    context = new_context(bypass_csp=True)
    Cloud(api, bundle, mercury.url).route(context, socket=False)
    connect(sign_in(context, site, user), api)
    page = context.new_page()
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    assert mercury.events.get(timeout=PATIENCE / 1000) == "opened"
    assert mercury.events.empty()
    page.evaluate(leave)
    assert mercury.events.get(timeout=PATIENCE / 1000) == "closed"


# Click to load


def test_click_loads_the_bundle(page: Page, site: Site, connected: User, seen: Seen) -> None:
    page.goto(site.url("/pages/click/"))
    start = space_frame(page).get_by_role("button", name="Show the Webex space")
    expect(start).to_be_visible()
    assert seen.count("/webex/session/") == 0
    assert seen.count("bundle.js") == 0
    page.keyboard.press("Tab")
    expect(start).to_be_focused()
    page.keyboard.press("Space")
    expect_space(page, UNICORN)
    assert seen.count("bundle.js") == 1


def test_a_frame_that_was_started_stays_so(
    page: Page, site: Site, connected: User, api: WebexApi
) -> None:
    api.faults["rooms"] = 503
    page.goto(site.url("/pages/click/"))
    space_frame(page).get_by_role("button", name="Show the Webex space").click()
    expect(button(space_frame(page))).to_have_text("Try again")
    api.faults.clear()
    button(space_frame(page)).click()
    expect_space(page, UNICORN)
    page.frames[1].evaluate("() => location.reload()")
    expect_space(page, UNICORN)
    page.reload()
    expect(button(space_frame(page))).to_have_text("Show the Webex space")


def test_click_leads_to_a_state(page: Page, site: Site, user: User, seen: Seen) -> None:
    page.goto(site.url("/public/click/"))
    space_frame(page).get_by_role("button", name="Show the Webex space").click()
    expect(button(space_frame(page))).to_have_text("Sign in")
    expect(space_frame(page).get_by_role("link", name="Sign in")).to_be_visible()
    assert seen.count("bundle.js") == 0


# Pages that change without being loaded


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with htmx and Turbo, as npm has them."""
    npm = shutil.which("npm")
    if npm is None:
        missing("npm", "install it")
    folder = tmp_path_factory.mktemp("libraries")
    subprocess.run(
        [npm, "pack", "htmx.org@2.0.4", "@hotwired/turbo@8.0.12", "--loglevel=error"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=300,
    )
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder / archive.name.split("-")[0], filter="data")
    return folder


def open_with(page: Page, site: Site, path: str, library: Path) -> None:
    """Open a page and give it a library, as its template would."""
    page.goto(site.url(path))
    page.add_script_tag(path=library)


def test_htmx(page: Page, site: Site, connected: User, cloud: Cloud, libraries: Path) -> None:
    open_with(page, site, "/pages/plain/", libraries / "htmx.org" / "package/dist/htmx.min.js")
    swap = "(path) => htmx.ajax('GET', path, { target: 'body', swap: 'innerHTML' })"
    for path, space in (("project", UNICORN), ("desk", HELP_DESK), ("project", UNICORN)):
        page.evaluate(swap, f"/pages/{path}/")
        expect_space(page, space)
    page.evaluate(swap, "/pages/plain/")
    expect(page.locator("iframe")).to_have_count(0)
    assert len(page.frames) == 1


def test_turbo(page: Page, site: Site, connected: User, libraries: Path) -> None:
    turbo = libraries / "hotwired" / "package/dist/turbo.es2017-umd.js"
    open_with(page, site, "/pages/plain/", turbo)
    page.evaluate("() => { window.stays = true; }")
    for path, space in (("project", UNICORN), ("desk", HELP_DESK)):
        page.evaluate("(path) => Turbo.visit(path)", f"/pages/{path}/")
        page.wait_for_url(site.url(f"/pages/{path}/"))
        expect_space(page, space)
    page.go_back()
    page.wait_for_url(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    assert page.evaluate("() => window.stays")
