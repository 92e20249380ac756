"""A visitor without any account, from a page of the site into a space."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from webex_widgets.models import WebexToken

from . import webex_api
from .cloud import Cloud
from .conftest import Seen, Site, assert_within, button, expect_space, space_frame
from .webex_api import UNICORN, WebexApi

pytestmark = pytest.mark.browser


@pytest.fixture
def guests(site: Site) -> None:
    """Let the site have guests."""
    client_id, client_secret = webex_api.SERVICE_APP
    site.settings.WEBEX_WIDGETS = {
        **site.settings.WEBEX_WIDGETS,
        "GUESTS": {
            "CLIENT_ID": client_id,
            "CLIENT_SECRET": client_secret,
            "REFRESH_TOKEN": webex_api.SERVICE_APP_REFRESH_TOKEN,
        },
    }


def test_a_visitor_joins(
    page: Page,
    site: Site,
    guests: None,
    api: WebexApi,
    cloud: Cloud,
    seen: Seen,
    screenshot: Callable[[Page], None],
) -> None:
    page.goto(site.url("/public/guest/"))
    frame = space_frame(page)
    expect(frame.locator("p:visible")).to_have_text(
        "Join this Webex space as a guest. Which name should the others see?"
    )
    assert seen.count("bundle.js") <= 1  # the download alone
    assert api.guests == []
    screenshot(page)
    page.keyboard.press("Tab")
    expect(frame.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Katherine")
    assert_within(page, frame.get_by_role("button", name="Join as a guest"))
    page.keyboard.press("Enter")
    expect_space(page, UNICORN)
    assert [guest["displayName"] for guest in api.guests] == ["Katherine"]
    assert cloud.socket_tokens == [f"Bearer {api.access_tokens[-1]}"]
    assert api.access_tokens[-1].startswith("TESTGUEST")
    assert seen.violations == []
    scripts = "() => document.querySelectorAll('script[src$=\"bundle.js\"]').length"
    assert page.frames[1].evaluate(scripts) == 1

    page.reload()
    expect_space(page, UNICORN)
    assert len(api.guests) == 1
    (service_app,) = WebexToken.objects.all()
    assert service_app.user is None
    assert service_app.access_token == api.access_tokens[0]


def test_a_guest_clicks_once(page: Page, site: Site, guests: None) -> None:
    page.goto(site.url("/public/guest-click/"))
    frame = space_frame(page)
    frame.get_by_role("button", name="Show the Webex space").click()
    frame.get_by_label("Your name").fill("Katherine")
    frame.get_by_role("button", name="Join as a guest").click()
    expect_space(page, UNICORN)


def test_no_name_is_no_guest(page: Page, site: Site, guests: None, api: WebexApi) -> None:
    page.goto(site.url("/public/guest/"))
    name = space_frame(page).get_by_label("Your name")
    name.fill("   ")
    with page.expect_response(re.compile("/webex/session/")):
        name.press("Enter")
    expect(name).to_be_visible()
    assert api.guests == []


def test_a_form_that_the_site_refuses_is_asked_for_again(
    page: Page, site: Site, guests: None, api: WebexApi
) -> None:
    page.goto(site.url("/public/guest/"))
    name = space_frame(page).get_by_label("Your name")
    name.fill("Katherine")
    page.context.clear_cookies()
    with page.expect_response(re.compile("/webex/session/")):
        name.press("Enter")
    expect(name).to_be_visible()
    assert api.guests == []
    name.fill("Katherine")
    name.press("Enter")
    expect_space(page, UNICORN)


def test_somebody_with_an_account_is_no_guest(
    page: Page, site: Site, guests: None, connected: User, api: WebexApi
) -> None:
    page.goto(site.url("/public/guest/"))
    expect_space(page, UNICORN)
    assert api.guests == []


def test_somebody_who_is_signed_in_has_a_name(
    page: Page, site: Site, guests: None, signed_in: User, api: WebexApi
) -> None:
    page.goto(site.url("/public/guest/"))
    expect_space(page, UNICORN)
    assert [guest["displayName"] for guest in api.guests] == ["ada"]


def test_guests_that_are_not_set_up(page: Page, site: Site) -> None:
    page.goto(site.url("/public/guest/"))
    frame = space_frame(page)
    expect(frame.locator("p:visible")).to_have_text("This Webex space is not open to guests yet.")
    expect(button(frame)).to_have_count(0)


def test_guests_while_webex_is_down(page: Page, site: Site, guests: None, api: WebexApi) -> None:
    api.faults["guests/token"] = 503
    page.goto(site.url("/public/guest/"))
    frame = space_frame(page)
    frame.get_by_label("Your name").fill("Katherine")
    frame.get_by_role("button").click()
    expect(frame.locator("p:visible")).to_have_text("Webex cannot be reached at the moment.")
    api.faults.clear()
    button(frame).click()
    expect_space(page, UNICORN)
    assert [guest["displayName"] for guest in api.guests] == ["Katherine"]
