"""The options, as Cisco's widgets take them."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import FrameLocator, Page, expect

from .cloud import Cloud
from .conftest import Site, expect_space, space_frame
from .webex_api import HELP_DESK, UNICORN

pytestmark = pytest.mark.browser


def draw(page: Page, site: Site, tag: str) -> FrameLocator:
    """Open a page with this tag; return its frame."""
    page.goto(site.url(f"/drawn/?{urlencode({'tag': tag})}"))
    return space_frame(page)


def tabs(frame: FrameLocator) -> list[str]:
    """Return what can be chosen in a space, beside the call."""
    return frame.locator(".webex-tabs > button").all_inner_texts()


def test_the_space_as_cisco_has_it(page: Page, site: Site, connected: User) -> None:
    frame = draw(page, site, 'webex_space_widget "Project Unicorn"')
    expect_space(page, UNICORN)
    assert tabs(frame) == ["Messages", "Content", "People"]
    expect(frame.get_by_role("button", name="Call")).to_be_visible()
    # Besides what is dropped onto the messages, there is a button.
    expect(frame.locator("input[type=file]")).to_have_count(2)
    expect(frame.get_by_role("button", name="Send")).to_have_count(0)


def test_options_of_the_space(page: Page, site: Site, connected: User) -> None:
    frame = draw(
        page,
        site,
        'webex_space_widget "Project Unicorn" activities="message,people" attach_files=False '
        "submit_button=True send_on_return=False",
    )
    expect_space(page, UNICORN)
    assert tabs(frame) == ["Messages", "People"]
    expect(frame.get_by_role("button", name="Call")).to_have_count(0)
    expect(frame.locator("input[type=file]")).to_have_count(1)
    composer = frame.locator("textarea")
    composer.press_sequentially("One")
    composer.press("Enter")
    composer.press_sequentially("Two")
    expect(composer).to_have_value("One\nTwo")
    expect(frame.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_initial_activity(page: Page, site: Site, connected: User) -> None:
    frame = draw(page, site, 'webex_space_widget "Project Unicorn" initial_activity="meet"')
    expect(frame.locator(".webex-title-bar-wrapper")).to_contain_text(UNICORN.title)
    expect(frame.locator(".webex-meet-wrapper")).to_be_visible()
    expect(frame.locator(".webex-message-wrapper")).to_be_hidden()


def test_room_by_its_id(page: Page, site: Site, connected: User) -> None:
    draw(page, site, f'webex_space_widget room_id="{HELP_DESK.id}"')
    expect_space(page, HELP_DESK)


def test_the_list_as_cisco_has_it(page: Page, site: Site, connected: User) -> None:
    frame = draw(page, site, "webex_recents_widget")
    expect(frame.get_by_text(UNICORN.title, exact=True)).to_be_visible()
    expect(frame.locator("input[name=pillSearchInput]")).to_be_visible()
    expect(frame.locator(".webex-recents-header [title='Ada Lovelace']")).to_be_visible()
    expect(frame.get_by_role("button", name="create a space")).to_have_count(0)


def test_options_of_the_list(page: Page, site: Site, connected: User, cloud: Cloud) -> None:
    page.add_init_script("addEventListener('webex:add:clicked', () => { window.added = true; })")
    frame = draw(
        page,
        site,
        "webex_recents_widget basic_mode=True filter=False add_button=True profile=False "
        "space_count=7",
    )
    expect(frame.get_by_text(UNICORN.title, exact=True)).to_be_visible()
    expect(frame.locator("input[name=pillSearchInput]")).to_have_count(0)
    expect(frame.locator(".webex-recents-header [title='Ada Lovelace']")).to_have_count(0)
    frame.get_by_role("button", name="create a space").click()
    page.wait_for_function("() => window.added")
    # In basic mode the list is the REST API's.
    assert [call.url for call in cloud.calls if "conversationsSummary" in call.url] == []
    assert [call.url for call in cloud.calls if "/v1/rooms?" in call.url and "max=7" in call.url]
