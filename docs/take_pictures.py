"""Take the documentation's pictures from the running example site.

Start it in another terminal (``make demo``), then: ``python docs/take_pictures.py``, or with
another address than http://127.0.0.1:8000/ as the argument. It walks the way of a newcomer, by
the buttons that the pages and the sandbox offer, so it also shows that this way exists. It goes
twice, in the light and in the dark colour scheme, and leaves Ada disconnected and nothing broken.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    FrameLocator,
    Locator,
    Page,
    Route,
    ViewportSize,
    sync_playwright,
)

PICTURES = Path(__file__).parent / "pictures"
BUNDLES = Path(__file__).parents[1] / "example_project/static/webex"
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 60_000

WIDE: ViewportSize = {"width": 1280, "height": 920}
LOW: ViewportSize = {"width": 1280, "height": 800}
SMALL: ViewportSize = {"width": 900, "height": 560}
STRIP: ViewportSize = {"width": 900, "height": 440}
NARROW: ViewportSize = {"width": 512, "height": 920}  # frames are 480 pixels wide then
PHONE: ViewportSize = {"width": 390, "height": 844}

# What the pictures' clocks show, so that they are the same every time: all spaces were opened a
# week ago, and the first message of each of them is of this morning.
NOW = "2026-05-05T11:40:00Z"
OPENED = datetime.fromisoformat("2026-04-28T08:35:00Z")
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT[\d:.]+Z\b")

Scheme = Literal["light", "dark"]


class Camera:
    """A browser in one colour scheme, at one example site."""

    def __init__(self, browser: Browser, scheme: Scheme, address: str) -> None:
        self.browser = browser
        self.scheme = scheme
        self.address = address

    @contextmanager
    def somebody(self, *, script: bool = True) -> Iterator[Page]:
        """Yield a page of somebody who has never been here, on the home page."""
        context = self.browser.new_context(
            color_scheme=self.scheme,
            java_script_enabled=script,
            locale="en-US",
            timezone_id="UTC",
            viewport=WIDE,
        )
        context.set_default_timeout(PATIENCE)
        context.route("https://code.s4d.io/**", serve_from_npm)
        if script:
            stop_the_clock(context)
        page = context.new_page()
        page.goto(self.address)
        yield page
        context.close()

    def shoot(self, page: Page, name: str, viewport: ViewportSize = WIDE) -> None:
        """Take a picture of the page."""
        page.set_viewport_size(viewport)
        page.evaluate("() => scrollTo(0, 0)")
        self._take(page, page, name, full_page=viewport is PHONE)
        page.set_viewport_size(WIDE)

    def shoot_frame(self, page: Page, name: str, *, height: int = 240) -> None:
        """Take a picture of the last frame of the page, as low as ``height`` would make it."""
        frame = page.locator("iframe").last
        frame.evaluate("(frame, height) => { frame.height = height; }", height)
        page.set_viewport_size(NARROW)
        self._take(page, frame, name)
        page.set_viewport_size(WIDE)

    def _take(
        self, page: Page, what: Page | Locator, name: str, *, full_page: bool = False
    ) -> None:
        """Write ``pictures/NAME-SCHEME.png`` as soon as nothing moves any more."""
        page.mouse.move(0, 0)
        before, picture = b"", b"-"
        while before != picture:
            page.wait_for_timeout(500)
            before = picture
            picture = (
                what.screenshot(full_page=full_page, animations="disabled")
                if isinstance(what, Page)
                else what.screenshot(animations="disabled")
            )
        (PICTURES / f"{name}-{self.scheme}.png").write_bytes(picture)


def serve_from_npm(route: Route) -> None:
    """Answer for Cisco's CDN with the same files from npm, so that no network is needed."""
    path = urlsplit(route.request.url).path.partition("/archives/")[2].partition("/")[2]
    file = BUNDLES / "widget-space" / path
    if file.is_file():
        route.fulfill(path=file, headers={"Access-Control-Allow-Origin": "*"})
    else:
        route.abort()


def stop_the_clock(context: BrowserContext) -> None:
    """Let it be the same moment in every picture, and the messages be of the same times."""

    def move(route: Route) -> None:
        response = route.fetch()
        text = response.text()
        shift = OPENED - datetime.fromisoformat(json.loads(text)["published"])
        route.fulfill(response=response, body=TIME.sub(lambda time: moved(time[0], shift), text))

    context.clock.set_fixed_time(NOW)
    context.route(re.compile(r"/conversation/api/v1/conversations/[^/]+$"), move)


def moved(time: str, shift: timedelta) -> str:
    """Return an ISO time so much earlier or later."""
    return (datetime.fromisoformat(time) + shift).isoformat().replace("+00:00", "Z")


# What somebody does


def frame_of(page: Page) -> FrameLocator:
    """Return the inside of the last frame of the page."""
    return page.frame_locator("iframe >> nth=-1")


def open_project(page: Page, title: str) -> FrameLocator:
    """Go to a project by way of the navigation; return the inside of its frame."""
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("navigation", name="Projects").get_by_role("link", name=title).click()
    return frame_of(page)


def connect(page: Page) -> None:
    """Say yes on the pages that follow a button to connect."""
    page.get_by_role("button", name=re.compile("Continue to Webex|Connect again")).click()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("You are connected to Webex as").wait_for()


def disconnect(page: Page) -> None:
    """Leave no connection behind."""
    page.get_by_role("link", name="Connection").click()
    link = page.get_by_role("link", name="Disconnect")
    if link.is_visible():
        link.click()
        page.get_by_role("button", name="Disconnect").click()


@contextmanager
def sandbox(page: Page) -> Iterator[Page]:
    """Yield the sandbox's own page, which the banner leads to."""
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Open the sandbox").click()
    yield popup.value
    popup.value.close()


def set_outage(page: Page, label: str) -> None:
    """Break Webex, or mend it."""
    with sandbox(page) as home:
        home.get_by_label(label).check()
        home.get_by_role("button", name="Apply").click()
        home.get_by_text("The state of the API has been changed.").wait_for()


BREAK, MEND = "Unavailable", "Everything works"


# The walks


def visit(camera: Camera) -> None:
    """Look around without an account, and talk to the reception."""
    with camera.somebody() as page:
        camera.shoot(page, "home", LOW)
        frame = open_project(page, "Project Unicorn")
        frame.get_by_role("link", name="Sign in").wait_for()
        camera.shoot_frame(page, "sign-in")

        # Nobody has changed the site's SECRET_KEY since, or kept the page for so long: this
        # spoils the address's signature instead.
        page.locator("iframe").evaluate("(frame) => { frame.src += 'x'; }")
        frame.get_by_role("link", name="Reload the page").wait_for()
        camera.shoot_frame(page, "out-of-date")

        frame = open_project(page, "Help desk")
        frame.get_by_role("button", name="Show the Webex space").wait_for()
        camera.shoot_frame(page, "click")

        page.get_by_role("link", name="Reception").click()
        frame = frame_of(page)
        frame.get_by_label("Your name").wait_for()
        camera.shoot_frame(page, "guest-name", height=320)
        page.get_by_role("link", name="Reception").click()
        frame.get_by_label("Your name").fill("Vera")
        frame.get_by_role("button", name="Join as a guest").click()
        frame.get_by_text("Visitors park in the yard.").wait_for()
        camera.shoot(page, "reception")
    with camera.somebody(script=False) as page:
        frame = open_project(page, "Project Unicorn")
        frame.locator("noscript p").wait_for()
        camera.shoot_frame(page, "no-script")


def work(camera: Camera, page: Page) -> None:
    """Connect, look at a project and the inbox, and meet what may stand in the way."""
    frame = open_project(page, "Project Unicorn")
    frame.get_by_role("link", name="Connect to Webex").wait_for()
    camera.shoot_frame(page, "connect")
    frame.get_by_role("link", name="Connect to Webex").click()
    page.get_by_role("button", name="Continue to Webex").wait_for()
    camera.shoot(page, "connect-page", STRIP)
    set_outage(page, BREAK)
    page.get_by_role("button", name="Continue to Webex").click()
    page.get_by_role("button", name="Accept").wait_for()
    camera.shoot(page, "consent", SMALL)
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Webex did not complete the connection.").wait_for()
    camera.shoot(page, "not-connected", STRIP)
    set_outage(page, MEND)
    page.get_by_role("link", name="Connect to Webex").click()
    connect(page)

    frame = open_project(page, "Project Unicorn")  # without the sentence about the connection
    frame.get_by_text("I will watch the logs.").wait_for()
    camera.shoot(page, "demo")
    frame = open_project(page, "Office move")
    frame.get_by_role("link", name="Look again").wait_for()
    camera.shoot_frame(page, "room-not-found")
    set_outage(page, BREAK)
    frame = open_project(page, "Project Unicorn")
    frame.get_by_text("Webex cannot be reached").wait_for()
    camera.shoot_frame(page, "unavailable")
    set_outage(page, MEND)
    # The site serves the widget itself and is there: something in between lets it not through.
    page.route("**/bundle.js", lambda route: route.abort())
    page.reload()
    frame.get_by_text("The Webex widget could not be loaded.").wait_for()
    camera.shoot_frame(page, "no-widget")
    page.unroute("**/bundle.js")

    inbox(camera, page)

    page.get_by_role("link", name="Connection").click()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").wait_for()
    camera.shoot(page, "disconnect-page", STRIP)

    with sandbox(page) as home:
        home.get_by_role("button", name="Revoke the access of Ada").click()
        home.get_by_text("is now worthless").wait_for()
    frame = open_project(page, "Project Unicorn")
    frame.get_by_role("link", name="Connect again").wait_for()
    camera.shoot_frame(page, "reconnect")


def inbox(camera: Camera, page: Page) -> None:
    """Choose a space in the list, on a desk and on a phone."""
    page.get_by_role("link", name="Inbox").click()
    space = frame_of(page)
    space.get_by_text("Choose one of your Webex spaces").wait_for()
    camera.shoot_frame(page, "choose")
    for name, viewport in {"inbox": WIDE, "inbox-phone": PHONE}.items():
        page.set_viewport_size(viewport)
        page.get_by_role("link", name="Inbox").click()
        page.frame_locator("#recents").get_by_text("Project Unicorn").click()
        space.get_by_text("I will watch the logs.").wait_for()
        camera.shoot(page, name, viewport)


def take_all(camera: Camera) -> None:
    """Take every picture in one colour scheme, and tidy up."""
    with camera.somebody() as page:
        page.get_by_role("button", name="Sign in as Ada").click()
        # An earlier walk may have been stopped on its way.
        set_outage(page, MEND)
        disconnect(page)
        try:
            visit(camera)
            work(camera, page)
        finally:
            page.goto(camera.address)
            set_outage(page, MEND)
            disconnect(page)


def main() -> None:
    """Take them all."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
    PICTURES.mkdir(exist_ok=True)
    schemes: tuple[Scheme, ...] = ("light", "dark")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=BROWSER_OPTIONS
        )
        for scheme in schemes:
            take_all(Camera(browser, scheme, address))
        browser.close()


if __name__ == "__main__":
    main()
