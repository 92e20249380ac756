"""The example site in a real browser, with Cisco's bundles and the sandbox in Webex's place."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import requests
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FrameLocator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.example.test_example_project import GUESTS, ROOT, SANDBOX

pytestmark = pytest.mark.browser

BUNDLES = ROOT / "example_project" / "static" / "webex"
PATIENCE = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is neither the site's nor the sandbox's goes nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
WIDE: ViewportSize = {"width": 1280, "height": 960}
NARROW: ViewportSize = {"width": 320, "height": 700}

WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`Violation: ${event.effectiveDirective} stops ${event.blockedURI}`);
});
"""


def missing(what: str, fix: str) -> NoReturn:
    """Skip, or fail where nobody would notice a skipped test."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"These tests need {what}: {fix}.")
    pytest.skip(f"These tests need {what}: {fix}.")


@dataclass
class Site:
    """Where the example site is, and its sandbox."""

    origin: str
    sandbox: str


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield the running site."""
    for widget in ("widget-space", "widget-recents"):
        if not (BUNDLES / widget / "bundle.js").is_file():
            missing(
                f"Cisco's {widget}",
                "run example_project/manage.py vendor_webex_widgets example_project/static/webex",
            )
    port, sandbox_port = free_ports()
    folder = tmp_path_factory.mktemp("example")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    variables = {
        "DEBUG": "True",
        "WEBEX_SANDBOX_PORT": str(sandbox_port),
        "WEBEX_ENCRYPTION_KEYS": "",
        **SANDBOX,
        **dict.fromkeys(GUESTS, ""),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.example.serve", str(port), str(folder / "db.sqlite3")],
            cwd=ROOT,
            env=kept | variables,
            stdout=log,
            stderr=log,
        )
        try:
            site = Site(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}")
            wait_for(site, folder / "log")
            yield site
        finally:
            process.terminate()
            process.wait(timeout=10)


def wait_for(site: Site, log: Path) -> None:
    """Return when the site answers."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            assert requests.get(site.origin, timeout=10).status_code == 200
        except requests.ConnectionError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a Chromium."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not executable:
        missing("Chromium", "install it, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def problems() -> list[str]:
    """Return what went wrong in the browser during this test."""
    return []


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, site: Site, problems: list[str]) -> Iterator[Open]:
    """Yield what opens one of the site's pages, in a browser profile of its own."""
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.text.startswith("Violation"):
            problems.append(message.text)

    def open_page(path: str, viewport: ViewportSize = WIDE) -> Page:
        context = chromium.new_context(locale="en-US", viewport=viewport)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", note)
        page.goto(f"{site.origin}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def sign_in_and_connect(page: Page) -> None:
    """Press the buttons that the page and the sandbox offer, where they still do."""
    page.get_by_role("button", name="Sign in as Ada").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("link", name="Connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your connection to Webex")
    connect = page.get_by_role("link", name="Connect to Webex")
    if connect.is_visible():
        connect.click()
        page.get_by_role("button", name="Continue to Webex").click()
        page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("ada@example.com", exact=True)).to_be_visible()
    page.get_by_role("link", name="Inbox").click()


def recents(page: Page) -> FrameLocator:
    return page.frame_locator("#recents")


def space(page: Page) -> FrameLocator:
    return page.frame_locator("#space")


def choose(page: Page, title: str, message: str) -> None:
    """Choose a space on the left; its title and a message are then on the right."""
    recents(page).locator(".webex-spaces-list-wrapper").get_by_text(title).click()
    expect(space(page).locator(".webex-title-bar-wrapper")).to_contain_text(title)
    expect(space(page).locator(".webex-message-wrapper").get_by_text(message)).to_be_visible()


def write(site: Site, title: str, text: str) -> None:
    """Write into a space as Grace, on the sandbox's own page."""
    after = requests.get(f"{site.sandbox}/", timeout=10).text.partition(f"<h3>{title}</h3>")[2]
    uuid = after.partition('name="space" value="')[2].partition('"')[0]
    form = {"space": uuid, "person": "grace@example.com", "text": text}
    requests.post(f"{site.sandbox}/message", data=form, timeout=10).raise_for_status()


def assert_no_sideways_scrolling(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_inbox(site: Site, open_page: Open, problems: list[str]) -> None:
    page = open_page("/inbox/")
    sign_in_and_connect(page)
    expect(space(page).get_by_text("Choose one of your Webex spaces")).to_be_visible()
    choose(page, "Customer visits", "I will meet them there")
    choose(page, "Course 101", "I have put the recording")

    badge = page.get_by_role("navigation").get_by_role("link", name="Inbox")
    expect(badge).to_have_accessible_name("Inbox")
    messages = space(page).locator(".webex-message-wrapper")
    write(site, "Course 101", "Both frames tell of this one")
    expect(messages.get_by_text("Both frames tell of this one")).to_be_visible()
    expect(page).to_have_title("(1) Inbox · Harbour intranet")
    write(site, "Help desk", "A ticket")
    expect(page).to_have_title("(2) Inbox · Harbour intranet")
    expect(badge).to_have_accessible_name("Inbox 2 unread")

    # To the widget, a space has been read when the pointer moves over its last message.
    messages.last.hover()
    expect(page).to_have_title("(1) Inbox · Harbour intranet")
    choose(page, "Help desk", "A ticket")
    messages.last.hover()
    expect(page).to_have_title("Inbox · Harbour intranet")
    expect(badge).to_have_accessible_name("Inbox")
    assert problems == []


def test_the_inbox_on_a_phone(open_page: Open, problems: list[str]) -> None:
    page = open_page("/inbox/", NARROW)
    sign_in_and_connect(page)
    assert_no_sideways_scrolling(page)
    left, right = page.locator("#recents").bounding_box(), page.locator("#space").bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] + left["height"] < right["y"]
    choose(page, "Project Unicorn", "Three it is.")
    expect(page.locator("#space")).to_be_in_viewport(ratio=0.9)
    assert_no_sideways_scrolling(page)
    choose(page, "Course 101", "I have put the recording")
    assert problems == []


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_guest_at_the_reception(
    site: Site, open_page: Open, problems: list[str], viewport: ViewportSize
) -> None:
    page = open_page("/", viewport)
    page.get_by_role("link", name="Talk to the reception").click()
    frame = page.frame_locator("iframe")
    frame.get_by_label("Your name").fill("Vera")
    assert_no_sideways_scrolling(page)
    frame.get_by_role("button", name="Join").click()
    expect(frame.locator(".webex-title-bar-wrapper")).to_contain_text("Reception")
    messages = frame.locator(".webex-message-wrapper")
    expect(messages.get_by_text("Visitors park in the yard.")).to_be_visible()
    write(site, "Reception", "Come in, Vera")
    expect(messages.get_by_text("Come in, Vera").last).to_be_visible()
    assert_no_sideways_scrolling(page)
    assert problems == []


def test_a_space_that_waits_for_a_click(open_page: Open, problems: list[str]) -> None:
    page = open_page("/projects/help-desk/")
    frame = page.frame_locator("iframe")
    show = frame.get_by_role("button", name="Show the Webex space")
    expect(show).to_have_css("background-color", "rgb(11, 110, 110)")  # the site's own
    page.emulate_media(color_scheme="dark")
    expect(show).to_have_css("background-color", "rgb(92, 199, 194)")
    show.click()
    expect(frame.get_by_role("link", name="Sign in")).to_be_visible()
    assert problems == []
