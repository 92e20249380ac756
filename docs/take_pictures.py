"""Take the documentation's pictures from the running example site.

Start it in another terminal (``make demo``), then: ``python docs/take_pictures.py``, or with
another address than http://127.0.0.1:8000/ as the argument. It walks the way of a newcomer, by
the buttons that the pages offer, so it also shows that this way exists.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
BUNDLE = Path(__file__).parents[1] / "example_project/static/webex/widget-space"
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def shoot(page: Page, name: str) -> None:
    """Write ``pictures/NAME.png``."""
    page.screenshot(path=PICTURES / f"{name}.png")


def serve_from_npm(route: Route) -> None:
    """Answer for Cisco's CDN with the same files from npm, so that no network is needed."""
    path = urlsplit(route.request.url).path.partition("/archives/")[2].partition("/")[2]
    file = BUNDLE / path
    if file.is_file():
        route.fulfill(path=file, headers={"Access-Control-Allow-Origin": "*"})
    else:
        route.abort()


def walk(page: Page, address: str) -> None:
    """Sign in, connect, and look at a project."""
    page.goto(address)
    shoot(page, "home")
    page.get_by_role("button", name="Ada").click()
    page.goto(f"{address}webex/disconnect/")
    if page.get_by_role("button", name="Disconnect").is_visible():  # from an earlier walk
        page.get_by_role("button", name="Disconnect").click()
    page.goto(address)
    page.get_by_role("link", name="Project Unicorn").first.click()
    frame = page.frame_locator("iframe")
    connect = frame.get_by_role("link", name="Connect to Webex")
    connect.wait_for()
    shoot(page, "not-connected")
    connect.click()
    shoot(page, "connect")
    page.get_by_role("button", name="Continue to Webex").click()
    shoot(page, "consent")
    page.get_by_role("button", name=re.compile("accept", re.IGNORECASE)).click()
    frame.locator(".webex-message-wrapper").first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    shoot(page, "demo")


def main() -> None:
    """Take them all."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=BROWSER_OPTIONS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        page.route("https://code.s4d.io/**", serve_from_npm)
        walk(page, address)
        browser.close()


if __name__ == "__main__":
    main()
