"""A browser, Cisco's bundle, and a site on a port of its own."""

from __future__ import annotations

import os
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha384
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FrameLocator,
    Locator,
    Page,
    expect,
    sync_playwright,
)
from pytest_django import Settings

from ..conftest import make_token
from . import webex_api
from .cloud import Cloud
from .site import server
from .webex_api import WebexApi

HERE: Final = Path(__file__).resolve().parent
STATIC: Final = HERE.parent.parent / "example_project" / "static"
BUNDLE: Final = STATIC / "webex" / "widget-space"
RECENTS: Final = STATIC / "webex" / "widget-recents"
PATIENCE: Final = 60_000
"""Milliseconds after which something that should happen counts as not happening."""

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # What Playwright's routes do not see must not leave this machine, either.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

WATCH: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`Violation: ${event.effectiveDirective} stops ${event.blockedURI}`);
});
"""


def missing(what: str, fix: str) -> NoReturn:
    """Skip, or fail where a skipped test would go unnoticed."""
    message = f"The browser tests need {what}: {fix}."
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Yield a Chromium.

    Playwright's synchronous interface keeps an event loop in this thread, and Django's ORM would
    refuse to work beside one; both end with the last test of this folder.
    """
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not executable:
        missing("Chromium", "install it, or set CHROMIUM to its path")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def bundle() -> Path:
    """Return the folder with Cisco's real Space widget; the Recents widget is beside it."""
    if not all((folder / "bundle.js").is_file() for folder in (BUNDLE, RECENTS)):
        missing(
            "Cisco's bundle",
            "run example_project/manage.py vendor_webex_widgets example_project/static/webex",
        )
    return BUNDLE


@pytest.fixture
def api() -> Iterator[WebexApi]:
    """Yield a Webex API of this test's own."""
    with webex_api.running() as running:
        yield running


@dataclass
class Site:
    """The site that is tested, and its settings, which count from the next request on."""

    origin: str
    settings: Settings

    def url(self, path: str) -> str:
        """Return the absolute address of one of the site's pages."""
        return f"{self.origin}{django_settings.FORCE_SCRIPT_NAME or ''}{path}"

    def add_middleware(self, name: str) -> None:
        """Put a middleware behind all others."""
        self.settings.MIDDLEWARE = [*self.settings.MIDDLEWARE, name]

    def set_integrity(self, folder: Path) -> None:
        """Accept no other bundle than the one in ``folder``."""
        names = {"SCRIPT_INTEGRITY": "bundle.js", "STYLESHEET_INTEGRITY": "main.css"}
        checksums = {
            name: f"sha384-{b64encode(sha384((folder / file).read_bytes()).digest()).decode()}"
            for name, file in names.items()
        }
        values = self.settings.WEBEX_WIDGETS
        self.settings.WEBEX_WIDGETS = {
            **values,
            "SPACE_WIDGET": {**values["SPACE_WIDGET"], **checksums},
        }


@pytest.fixture
def site(transactional_db: None, settings: Settings, bundle: Path, api: WebexApi) -> Iterator[Site]:
    """Yield a running site."""
    settings.ROOT_URLCONF = "tests.browser.site.urls"
    settings.LOGIN_URL = "login"
    settings.STATICFILES_DIRS = [HERE / "site" / "static", STATIC]
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [HERE / "site" / "templates"]}]
    settings.WEBEX_WIDGETS = {
        "CLIENT_ID": webex_api.CLIENT_ID,
        "CLIENT_SECRET": webex_api.CLIENT_SECRET,
        "API_BASE_URL": api.url,
        "SPACE_WIDGET": {
            "SCRIPT": "webex/widget-space/bundle.js",
            "STYLESHEET": "webex/widget-space/main.css",
        },
        "RECENTS_WIDGET": {
            "SCRIPT": "webex/widget-recents/bundle.js",
            "STYLESHEET": "webex/widget-recents/main.css",
        },
    }
    with server.running() as origin:
        yield Site(origin, settings)


@dataclass
class Seen:
    """What a browser has noticed since its test began."""

    urls: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a line of the console, or what a policy has stopped."""
        (self.violations if text.startswith("Violation: ") else self.console).append(text)

    def count(self, part: str) -> int:
        """Return how many requests had ``part`` in their address."""
        return sum(part in url for url in self.urls)


@pytest.fixture
def seen() -> Seen:
    """Return what is noticed in this test."""
    return Seen()


MakeContext = Callable[..., BrowserContext]


@pytest.fixture
def new_context(chromium: Browser, site: Site, seen: Seen) -> Iterator[MakeContext]:
    """Yield what makes a browser profile, with Playwright's options."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(locale="en-US", **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        context.on("request", lambda request: seen.urls.append(request.url))
        context.on("console", lambda message: seen.note(message.text))
        context.on("weberror", lambda error: seen.errors.append(str(error.error)))
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def context(new_context: MakeContext) -> BrowserContext:
    """Return a browser profile of this test's own."""
    return new_context()


@pytest.fixture
def cloud(context: BrowserContext, api: WebexApi, bundle: Path) -> Cloud:
    """Return Webex's cloud as this test's browser meets it."""
    cloud = Cloud(api, bundle)
    cloud.route(context)
    return cloud


@pytest.fixture
def page(context: BrowserContext, cloud: Cloud) -> Page:
    """Return a page in which nobody is signed in."""
    return context.new_page()


@pytest.fixture
def signed_in(context: BrowserContext, site: Site, user: User) -> User:
    """Sign the user in."""
    return sign_in(context, site, user)


def sign_in(context: BrowserContext, site: Site, user: User) -> User:
    """Give ``context`` the cookie of a session of ``user``'s."""
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site.origin}])
    return user


@pytest.fixture
def connected(signed_in: User, api: WebexApi) -> User:
    """Sign in a user who is connected to Webex."""
    return connect(signed_in, api)


def connect(user: User, api: WebexApi) -> User:
    """Give ``user`` a token that ``api`` accepts."""
    grant = api.grant()
    make_token(
        user,
        access_token=grant["access_token"],
        refresh_token=grant["refresh_token"],
        client_id=webex_api.CLIENT_ID,
    )
    return user


def space_frame(page: Page, index: int = 0) -> FrameLocator:
    """Return one of the page's frames."""
    return page.locator("iframe").nth(index).content_frame


def go_through_webex(page: Page) -> None:
    """Press the frame's button and the one on the page that it leads to, and come back."""
    address = page.url
    button(space_frame(page)).click()
    expect(page).to_have_title("Connect to Webex")
    page.locator("form button").click()
    page.wait_for_url(address)


def button(frame: FrameLocator) -> Locator:
    """Return the one thing that can be pressed in a frame."""
    return frame.locator("a:visible, button:visible")


def expect_space(page: Page, space: webex_api.Space, index: int = 0) -> None:
    """Wait for Cisco's widget to show the space's title and messages where they can be seen."""
    frame = space_frame(page, index)
    title = frame.locator(".webex-title-bar-wrapper")
    expect(title).to_contain_text(space.title)
    shown = frame.locator(".webex-message-wrapper")
    for text in space.messages:
        expect(shown.get_by_text(text)).to_be_visible()
        assert_within(page, shown.get_by_text(text), index)
    assert_within(page, title, index)


def assert_within(page: Page, element: Locator, index: int = 0) -> None:
    """Assert that an element has an extent, and lies in its frame's box.

    Playwright calls elements visible that lie outside of what a frame shows.
    """
    inner, outer = element.bounding_box(), page.locator("iframe").nth(index).bounding_box()
    assert inner
    assert outer
    assert inner["width"] > 0
    assert inner["height"] > 0
    assert inner["x"] >= outer["x"]
    assert inner["y"] >= outer["y"]
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]


@pytest.fixture
def screenshot(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Page], None]:
    """Return what keeps a picture of a page, in ``SCREENSHOTS`` if that is set."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    name = re.sub(r"\W+", "-", request.node.name).strip("-")

    def keep(page: Page) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return keep
