"""Cisco's unmodified bundles in a real browser, led to the sandbox, under a policy as strict as
the frame's.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.sandbox.conftest import Sandbox
from webex_widgets.sandbox import cloud
from webex_widgets.sandbox.data import ADA, GRACE, Space
from webex_widgets.sandbox.state import STATE

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT / "example_project" / "static" / "webex"
LEAD = ROOT / "webex_widgets" / "sandbox" / "static" / "webex_widgets_sandbox" / "lead.js"
PATIENCE = 60_000

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is not led to the sandbox goes nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "font-src https://code.s4d.io; img-src 'self' https://code.s4d.io; "
    "connect-src 'self' https://*.wbx2.com https://*.ciscospark.com https://*.webex.com "
    "wss://*.wbx2.com {sandbox}"
)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Frame</title>
<link rel="stylesheet" href="/main.css">
<script src="/watch.js"></script>
<script src="/lead.js" data-sandbox="{sandbox}"></script>
<script src="/bundle.js" defer></script>
<script src="/start.js" defer></script>
<div id="widget" style="width: 600px; height: 600px"></div>
"""

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""

START = """
window.events = [];
window.webex.widget(document.getElementById("widget")).{function}({
  ...{options},
  onEvent: (name, detail) => events.push([name, detail.data.title]),
});
"""

# Without the token: who and where the visitor is, and what else there is to call.
OPEN_CALLS = (
    "/cloud/ds.ciscospark.com/v1/region",
    "/cloud/u2c.wbx2.com/u2c/api/v1/limited/catalog",
    "/cloud/idbroker.webex.com/idb/oauth2/v1/access_token",
)


def missing(what: str, fix: str) -> None:
    """Skip, or fail where nobody would notice a skipped test."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"These tests need {what}: {fix}.")
    pytest.skip(f"These tests need {what}: {fix}.")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a Chromium."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not executable:
        missing("Chromium", "install it, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Site:
    """A site of one page, whose files and policy the test chooses."""

    origin: str
    files: dict[str, tuple[str, bytes]]


@pytest.fixture
def site(sandbox: Sandbox) -> Iterator[Site]:
    """Yield a site with nothing but the script of the sandbox."""
    files = {
        "/": ("text/html", PAGE.replace("{sandbox}", sandbox.origin).encode()),
        "/watch.js": ("text/javascript", WATCH.encode()),
        "/lead.js": ("text/javascript", LEAD.read_bytes()),
    }
    policy = POLICY.replace("{sandbox}", sandbox.origin)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(urlsplit(self.path).path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}", files)
        server.shutdown()
        thread.join()


@dataclass
class Seen:
    """What the browser has asked for, and what went wrong in it."""

    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        """Take in a request."""
        self.requests.append(request)


@pytest.fixture
def seen() -> Seen:
    """Return what is seen in this test."""
    return Seen()


@pytest.fixture
def page(chromium: Browser, seen: Seen) -> Iterator[Page]:
    """Yield a page of a fresh browser profile."""
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("request", seen.note)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    yield page
    context.close()


def start(page: Page, site: Site, widget: str, **options: Any) -> None:
    """Open a page with one of Cisco's widgets, ``space`` or ``recents``."""
    folder = BUNDLES / f"widget-{widget}"
    if not (folder / "bundle.js").is_file():
        missing(
            f"Cisco's bundle of the {widget} widget",
            "run example_project/manage.py vendor_webex_widgets example_project/static/webex",
        )
    script = START.replace("{function}", f"{widget}Widget")
    script = script.replace("{options}", json.dumps(options))
    site.files["/start.js"] = ("text/javascript", script.encode())
    site.files["/bundle.js"] = ("text/javascript", (folder / "bundle.js").read_bytes())
    site.files["/main.css"] = ("text/css", (folder / "main.css").read_bytes())
    page.goto(site.origin)


@pytest.fixture
def show(page: Page, site: Site, ada: str) -> Callable[..., None]:
    """Return a function that shows a destination in Cisco's Space widget, by default as Ada."""

    def open_page(destination: str, kind: str = "spaceId", token: str = ada) -> None:
        options = {"accessToken": token, "destinationId": destination, "destinationType": kind}
        start(page, site, "space", **options)

    return open_page


def unicorn() -> Space:
    return next(space for space in STATE.spaces() if space.title == "Project Unicorn")


def expect_message(page: Page, text: str) -> None:
    messages = page.locator(".webex-message-wrapper")
    expect(messages.get_by_text(text)).to_be_visible(timeout=PATIENCE)


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Return when the condition holds; the browser goes on meanwhile."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def test_a_space_with_its_history_and_what_arrives(
    page: Page, sandbox: Sandbox, site: Site, show: Callable[..., None], seen: Seen, ada: str
) -> None:
    space = unicorn()
    show(space.id)
    title = page.locator(".webex-title-bar-wrapper")
    expect(title).to_contain_text("Project Unicorn", timeout=PATIENCE)
    for message in STATE.messages(space):
        expect_message(page, message.text)

    sent = {"roomId": space.id, "text": "This has just arrived"}
    assert sandbox.post("/v1/messages", ada, json=sent).status_code == 200
    expect_message(page, "This has just arrived")

    assert page.evaluate("violations") == []
    assert seen.errors == []

    own = [request for request in seen.requests if request.url.startswith(sandbox.origin)]
    with_token = [request for request in own if urlsplit(request.url).path not in OPEN_CALLS]
    assert len(with_token) > 5
    assert {request.headers.get("authorization") for request in with_token} == {f"Bearer {ada}"}
    assert not [request.url for request in seen.requests if ada in request.url]
    elsewhere = {
        urlsplit(request.url).hostname
        for request in seen.requests
        if not request.url.startswith((sandbox.origin, site.origin))
    }
    # Pictures and fonts, which the bundle has from Cisco wherever it stands itself.
    assert elsewhere <= {"code.s4d.io"}

    # History that ends is not asked for again and again.
    page.wait_for_timeout(1000)
    asked = [request for request in own if "limit=20&maxDate" in request.url]
    assert len(asked) <= 1


@pytest.mark.parametrize(("kind", "destination"), [("email", GRACE.email), ("userId", GRACE.id)])
def test_a_conversation_of_two(
    page: Page, show: Callable[..., None], kind: str, destination: str
) -> None:
    show(destination, kind)
    expect(page.locator(".webex-title-bar-wrapper")).to_contain_text(GRACE.name, timeout=PATIENCE)
    expect_message(page, "Of course, after the stand-up.")


def reception() -> Space:
    return next(space for space in STATE.spaces() if space.open_to_guests)


def test_a_guest_sees_a_space_and_what_arrives(
    page: Page, sandbox: Sandbox, show: Callable[..., None], seen: Seen
) -> None:
    show(reception().id, token=sandbox.guest()["accessToken"])
    title = page.locator(".webex-title-bar-wrapper")
    expect(title).to_contain_text("Reception", timeout=PATIENCE)
    expect_message(page, "Visitors park in the yard.")
    until(page, lambda: STATE.listening() == 1)
    STATE.post(reception(), GRACE, "Welcome, Vera")
    expect_message(page, "Welcome, Vera")
    assert page.evaluate("violations") == []
    assert seen.errors == []


@pytest.mark.parametrize(("kind", "destination"), [("email", GRACE.email), ("userId", GRACE.id)])
def test_a_guest_talks_to_a_person(
    page: Page, sandbox: Sandbox, show: Callable[..., None], kind: str, destination: str
) -> None:
    show(destination, kind, sandbox.guest()["accessToken"])
    expect(page.locator(".webex-title-bar-wrapper")).to_contain_text(GRACE.name, timeout=PATIENCE)

    def talks() -> list[Space]:
        return [space for space in STATE.spaces(GRACE) if space.title_for(GRACE) == "Vera"]

    until(page, lambda: STATE.listening() == 1 and bool(talks()))
    # What is said before the widget has its conversation would be nobody's.
    expect(page.get_by_text("created this conversation")).to_be_visible(timeout=PATIENCE)
    STATE.post(talks()[0], GRACE, "How can I help?")
    expect_message(page, "How can I help?")


def titles_of(page: Page, event: str) -> list[str]:
    """Return the titles of the spaces that the widget has told such an event of."""
    titles: list[str] = page.evaluate(
        "name => events.filter((event) => event[0] === name).map((event) => event[1])", event
    )
    return titles


@pytest.mark.parametrize("basic", [False, True], ids=["default", "basic"])
def test_the_list_of_spaces(page: Page, site: Site, seen: Seen, ada: str, basic: bool) -> None:
    start(page, site, "recents", accessToken=ada, basicMode=basic)
    spaces = page.locator(".webex-spaces-list-wrapper")
    for space in STATE.spaces(ADA):
        expect(spaces.get_by_text(space.title_for(ADA))).to_be_visible(timeout=PATIENCE)
    unread = spaces.locator(".md-list-item--unread")
    expect(unread).to_have_count(0)
    spaces.get_by_text("Course 101").click()
    until(page, lambda: titles_of(page, "rooms:selected") == ["Course 101"])

    until(page, lambda: STATE.listening() == 1)
    help_desk = next(space for space in STATE.spaces() if space.title == "Help desk")
    STATE.post(help_desk, GRACE, "A new ticket")
    until(page, lambda: titles_of(page, "rooms:unread") == ["Help desk"])
    # What is unread is not known to the widget in its basic mode.
    expect(unread).to_have_text([] if basic else ["HHelp desk"], timeout=PATIENCE)
    STATE.read(help_desk, ADA)
    until(page, lambda: titles_of(page, "rooms:read") == ["Help desk"])
    expect(unread).to_have_count(0, timeout=PATIENCE)
    assert page.evaluate("violations") == []
    assert seen.errors == []


def test_a_message_from_the_widget_itself_fails_where_one_can_see_it(
    page: Page, show: Callable[..., None]
) -> None:
    show(unicorn().id)
    expect_message(page, "Three it is.")
    composer = page.locator(".webex-message-composer textarea")
    composer.fill("Hello")
    composer.press("Enter")
    expect(page.get_by_text("Unable to post")).to_be_visible(timeout=PATIENCE)


def test_the_widget_comes_back_when_the_stream_ends(page: Page, show: Callable[..., None]) -> None:
    space = unicorn()
    show(space.id)
    expect_message(page, "Three it is.")
    until(page, lambda: STATE.listening() == 1)
    with page.expect_request(lambda request: "/v1/events/" in request.url):
        STATE.hang_up()
    until(page, lambda: STATE.listening() == 1)
    STATE.post(space, GRACE, "Back again")
    expect_message(page, "Back again")


def test_messages_arrive_where_streams_are_scarce(
    page: Page, show: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "STREAMS", 0)
    space = unicorn()
    show(space.id)
    expect_message(page, "Three it is.")
    for text in ("One for the road", "Another one"):
        STATE.post(space, GRACE, text)
        expect_message(page, text)


@pytest.fixture
def plain(page: Page, site: Site, seen: Seen) -> Page:
    """Return a page with the sandbox's script and nothing else."""
    page.goto(site.origin)
    seen.requests.clear()
    return page


# Resolves to the status of a call, 0 for one that fails.
CALL = """
(url) => new Promise((resolve) => {
  const call = new XMLHttpRequest();
  call.open("GET", url, true);
  call.onloadend = () => resolve(call.status);
  call.send();
})
"""


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://webexapis.com/v1/rooms?max=1", "/cloud/webexapis.com/v1/rooms?max=1"),
        ("https://api.ciscospark.com/v1/rooms", "/cloud/api.ciscospark.com/v1/rooms"),
        ("https://a.wbx2.com/x", "/cloud/a.wbx2.com/x"),
        ("https://idbroker.webex.com/x", "/cloud/idbroker.webex.com/x"),
    ],
)
def test_calls_that_are_led(plain: Page, sandbox: Sandbox, seen: Seen, url: str, path: str) -> None:
    assert plain.evaluate(CALL, url) in (401, 404)
    assert [request.url for request in seen.requests] == [sandbox.origin + path]
    assert plain.evaluate("violations") == []


def test_calls_of_the_site_itself(plain: Page, site: Site, seen: Seen) -> None:
    assert plain.evaluate(CALL, "/session/") == 200
    assert [request.url for request in seen.requests] == [f"{site.origin}/session/"]


@pytest.mark.parametrize(
    "url",
    [
        "https://webex.com.evil.example/",
        "https://notwebex.com/",
        "http://a.wbx2.com/",
        "https://evil.example/wbx2.com",
    ],
)
def test_other_addresses_are_left_alone(
    plain: Page, sandbox: Sandbox, seen: Seen, url: str
) -> None:
    assert plain.evaluate(CALL, url) == 0
    assert not [each for each in seen.requests if each.url.startswith(sandbox.origin)]


def test_an_address_that_is_none_is_the_browsers_business(plain: Page) -> None:
    with pytest.raises(Exception, match="SyntaxError"):
        plain.evaluate(CALL, "https://[")


def test_other_sockets_are_the_browsers_own(plain: Page) -> None:
    assert plain.evaluate("new WebSocket('wss://a.example/') instanceof EventTarget")
    assert plain.evaluate("WebSocket.OPEN") == 1
    with pytest.raises(Exception, match="SyntaxError"):
        plain.evaluate("new WebSocket('https://[')")


SOCKET = """
async ([token, act]) => {
  const seen = [];
  const socket = new WebSocket("wss://mercury-a.wbx2.com/v1/events/00000000-0000-0000-0000-000000000000?x=1");
  const over = new Promise((resolve) => {
    socket.onclose = (event) => {
      seen.push(["close", event.code, event.reason, socket.readyState]);
      resolve();
    };
  });
  socket.addEventListener("message", ({ data }) => {
    const { type, id, data: inner, sequenceNumber } = JSON.parse(data);
    seen.push([type ?? inner.eventType, type ? id : null, sequenceNumber]);
    if (inner) {
      socket.send(JSON.stringify({ type: "ack", messageId: "m" }));
      socket.send(JSON.stringify({ type: "ping", id: "p" }));
    } else if (act === "close") {
      socket.close(1000, "Done");
    }
  });
  await new Promise((resolve) => { socket.onopen = resolve; });
  seen.push(["open", socket.readyState, socket.url.startsWith("wss:")]);
  const data = { token: `Bearer ${token}` };
  socket.send(JSON.stringify({ type: "authorization", id: "a", data }));
  if (act === "close at once") {
    socket.close();
  }
  await over;
  await new Promise((resolve) => setTimeout(resolve, 100));
  return seen;
}
"""


def test_a_socket(plain: Page, ada: str) -> None:
    assert plain.evaluate(SOCKET, [ada, "close"]) == [
        ["open", 1, True],
        ["mercury.buffer_state", None, 1],
        ["pong", "p", 2],
        ["close", 1000, "Done", 3],
    ]


def test_a_socket_that_is_closed_at_once(plain: Page, ada: str) -> None:
    assert plain.evaluate(SOCKET, [ada, "close at once"]) == [
        ["open", 1, True],
        ["close", 1005, "", 3],
    ]


def test_a_socket_with_a_bad_token(plain: Page) -> None:
    assert plain.evaluate(SOCKET, ["nonsense", "wait"]) == [
        ["open", 1, True],
        ["close", 4401, "", 3],
    ]
