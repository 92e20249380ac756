"""Our own states and pages, as everybody can use them: axe, narrow windows, large text, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.contrib.auth.models import User
from playwright.sync_api import Frame, Page, expect

from webex_widgets.models import WebexToken

from .conftest import MakeContext, Site, connect, sign_in
from .test_guests import guests  # noqa: F401 - a fixture
from .webex_api import WebexApi

pytestmark = pytest.mark.browser

SCHEMES: Final[dict[str, dict[str, Any]]] = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}

TOO_WIDE: Final = """
() => document.documentElement.scrollWidth > document.documentElement.clientWidth
"""


def nobody(user: User, api: WebexApi) -> None:
    """Look at it as a visitor who has no account."""


def ended(user: User, api: WebexApi) -> None:
    connect(user, api)
    WebexToken.objects.update(status=WebexToken.Status.REAUTHORIZATION_REQUIRED)


def in_no_space(user: User, api: WebexApi) -> None:
    connect(user, api)
    api.spaces = []


def unreachable(user: User, api: WebexApi) -> None:
    connect(user, api)
    api.faults["rooms"] = 503


def nothing_more(user: User, api: WebexApi) -> None:
    """Be signed in, and that is all."""


STATES: Final[dict[str, tuple[str, Callable[[User, WebexApi], object], str]]] = {
    "sign_in": ("/public/project/", nobody, "Sign in"),
    "guest_name": ("/public/guest/", nobody, "Join as a guest"),
    "click": ("/public/click/", nobody, "Show the Webex space"),
    "stale": ("/public/stale/", nobody, "Reload the page"),
    "connect": ("/pages/project/", nothing_more, "Connect to Webex"),
    "reconnect": ("/pages/project/", ended, "Connect again"),
    "room_not_found": ("/pages/project/", in_no_space, "Look again"),
    "unavailable": ("/pages/project/", unreachable, "Try again"),
    "choose": ("/pages/choose/", connect, ""),
}
PAGES: Final[dict[str, tuple[str, Callable[[User, WebexApi], object]]]] = {
    "/webex/connect/": ("/webex/connect/", nothing_more),
    "/webex/connect/ again": ("/webex/connect/", ended),
    "/webex/disconnect/": ("/webex/disconnect/", connect),
    "/webex/disconnect/ nothing": ("/webex/disconnect/", nothing_more),
    "/webex/callback/": ("/webex/callback/?state=forged&code=x", nothing_more),
}


def prepare(
    page: Page, site: Site, user: User, api: WebexApi, who: Callable[[User, WebexApi], object]
) -> None:
    if who is not nobody:
        sign_in(page.context, site, user)
    who(user, api)


def assert_accessible(page: Page, document: Frame) -> None:
    """Run axe in every colour scheme, and look at the extent in a narrow window."""
    for part in page.frames:
        part.evaluate(AXE_FILE_PATH.read_text())
    where = {} if document == page.main_frame else {"fromFrames": ["iframe", "html"]}
    for scheme, media in SCHEMES.items():
        page.emulate_media(**media)
        result = page.evaluate("(where) => axe.run(where)", where)
        found = [
            (item["id"], [node["html"] for node in item["nodes"]]) for item in result["violations"]
        ]
        assert not found, scheme
        assert result["passes"]


def assert_fits(page: Page, document: Frame) -> None:
    """Look at the extent in narrow windows."""
    # 640 pixels are what 1280 are at a zoom of 200 %.
    for width, height in ((320, 568), (640, 360)):
        page.set_viewport_size({"width": width, "height": height})
        too_wide = (
            "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        assert not document.evaluate(too_wide)


@pytest.mark.parametrize("name", STATES)
def test_states(
    name: str,
    page: Page,
    site: Site,
    guests: None,  # noqa: F811 - the fixture
    user: User,
    api: WebexApi,
) -> None:
    path, who, label = STATES[name]
    prepare(page, site, user, api, who)
    page.goto(site.url(path))
    frame = page.locator("iframe").content_frame
    if label:
        pressable = frame.locator("a:visible, button:visible")
        expect(pressable).to_have_text(label)
        box = pressable.bounding_box()
        assert box
        assert box["height"] >= 44
    else:
        expect(frame.locator("p:visible")).to_have_text(
            "Choose one of your Webex spaces to see it here."
        )
    assert_accessible(page, page.frames[1])
    assert_fits(page, page.frames[1])


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("script", [True, False], ids=["", "without JavaScript"])
def test_pages(
    name: str, script: bool, new_context: MakeContext, site: Site, user: User, api: WebexApi
) -> None:
    page = new_context(java_script_enabled=script).new_page()
    path, who = PAGES[name]
    prepare(page, site, user, api, who)
    page.goto(site.url(path))
    expect(page.locator("h1")).to_be_visible()
    if script:  # which axe is
        assert_accessible(page, page.main_frame)
    assert_fits(page, page.main_frame)
    # By keyboard alone, in the order in which it stands there.
    for index in range(page.locator("main a, main button").count()):
        page.keyboard.press("Tab")
        expect(page.locator("main a, main button").nth(index)).to_be_focused()
