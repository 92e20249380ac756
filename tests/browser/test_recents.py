"""The list of spaces, the space that is chosen in it, and what the page around them hears."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from .cloud import GRACE, Cloud
from .conftest import Seen, Site, button, expect_space, go_through_webex, space_frame
from .webex_api import HELP_DESK, UNICORN, Space, WebexApi

pytestmark = pytest.mark.browser

LISTEN = """
window.heard = [];
for (const name of [
  "ready", "error", "state", "rooms:unread", "rooms:selected", "messages:created",
  "calls:created",
]) {
  document.addEventListener(`webex:${name}`, ({ target, detail }) => {
    // An object of this page's own: the frame's is not an instance of this Object.
    const own = detail === null || detail instanceof Object;
    window.heard.push({ name, id: target.id, detail, own });
  });
}
"""


def choose(page: Page, space: Space) -> None:
    space_frame(page).get_by_text(space.title, exact=True).click()


def heard(page: Page, name: str, target: str) -> list[Any]:
    """Wait until the page has heard of it; return the details."""
    page.wait_for_function(
        "([name, id]) => heard.some((event) => event.name === name && event.id === id)",
        arg=[name, target],
    )
    events = page.evaluate("() => heard")
    assert all(event["own"] for event in events)
    return [event["detail"] for event in events if (event["name"], event["id"]) == (name, target)]


def test_choosing_a_space(
    page: Page, site: Site, connected: User, cloud: Cloud, seen: Seen
) -> None:
    page.goto(site.url("/pages/plain/"))
    page.goto(site.url("/pages/inbox/"))
    expect(space_frame(page, 1).locator("p:visible")).to_have_text(
        "Choose one of your Webex spaces to see it here."
    )
    expect(button(space_frame(page, 1))).to_have_count(0)
    page.evaluate("() => { window.stays = true; }")
    choose(page, UNICORN)
    expect_space(page, UNICORN, 1)
    choose(page, HELP_DESK)
    expect_space(page, HELP_DESK, 1)
    assert page.evaluate("() => window.stays")
    loaded = seen.count("/webex/frame/")
    choose(page, HELP_DESK)
    cloud.say(HELP_DESK, "It was one, indeed.")
    message = space_frame(page, 1).locator(".webex-message-wrapper", has_text="indeed")
    expect(message).to_be_visible()
    assert seen.count("/webex/frame/") == loaded
    assert seen.violations == []
    assert cloud.strays == []
    # The spaces left no trace in the history.
    page.go_back()
    page.wait_for_url(site.url("/pages/plain/"))


def test_chosen_space_outlives_a_reload_of_its_frame(
    page: Page, site: Site, connected: User
) -> None:
    page.goto(site.url("/pages/inbox/"))
    choose(page, HELP_DESK)
    expect_space(page, HELP_DESK, 1)
    page.evaluate("() => document.getElementById('talk').contentWindow.location.reload()")
    expect_space(page, HELP_DESK, 1)


def test_chosen_space_of_which_one_is_no_longer_a_member(
    page: Page, site: Site, connected: User, api: WebexApi
) -> None:
    page.goto(site.url("/pages/inbox/"))
    expect(space_frame(page).get_by_text(UNICORN.title, exact=True)).to_be_visible()
    api.spaces = [HELP_DESK]
    choose(page, UNICORN)
    talk = space_frame(page, 1)
    expect(talk.locator("p:visible")).to_have_text(
        "You are not in this Webex space. Ask a member to add you."
    )
    api.spaces = [HELP_DESK, UNICORN]
    button(talk).click()
    expect_space(page, UNICORN, 1)


def test_list_of_somebody_who_connects(page: Page, site: Site, signed_in: User) -> None:
    page.goto(site.url("/pages/inbox/"))
    for index, words in enumerate(("your spaces", "this space")):
        expect(space_frame(page, index).locator("p:visible")).to_have_text(
            f"Connect your Webex account to see {words}."
        )
    go_through_webex(page)
    choose(page, UNICORN)
    expect_space(page, UNICORN, 1)


def test_a_list_that_opens_nothing(page: Page, site: Site, connected: User, seen: Seen) -> None:
    page.goto(site.url("/pages/inbox/"))
    expect(space_frame(page).get_by_text(UNICORN.title, exact=True)).to_be_visible()
    page.evaluate("() => document.getElementById('talk').remove()")
    with page.expect_console_message(
        lambda message: 'no webex_space_widget with id="talk"' in message.text
    ):
        choose(page, UNICORN)


def test_events(page: Page, site: Site, connected: User, cloud: Cloud) -> None:
    page.add_init_script(LISTEN)
    page.goto(site.url("/pages/events/"))
    assert heard(page, "ready", "talk") == [None]
    assert heard(page, "ready", "list") == [None]
    assert heard(page, "state", "talk") == [{"status": "ready"}]
    cloud.say(HELP_DESK, "A moth!", GRACE)
    (unread,) = heard(page, "rooms:unread", "list")
    assert (unread["data"]["title"], unread["data"]["id"]) == (HELP_DESK.title, HELP_DESK.id)
    (created,) = heard(page, "messages:created", "list")
    assert (created["data"]["text"], created["data"]["roomId"]) == ("A moth!", HELP_DESK.id)
    choose(page, HELP_DESK)
    (selected,) = heard(page, "rooms:selected", "list")
    assert selected["data"]["id"] == HELP_DESK.id
    assert "TESTTOKEN" not in str(page.evaluate("() => heard"))


CATCH = """
// Keep what the bundle is given to tell events to.
const define = (object, name, wrap) => {
  let value;
  const set = (given) => {
    value = wrap(given);
  };
  Object.defineProperty(object, name, { configurable: true, get: () => value, set });
};
define(window, "webex", (webex) => {
  const { widget } = webex;
  define(webex, "widget", (make) => (element) => {
    const made = make(element);
    const { recentsWidget } = made;
    made.recentsWidget = (options) => {
      window.onEvent = options.onEvent;
      return recentsWidget.call(made, options);
    };
    return made;
  });
  if (widget) {
    webex.widget = widget;
  }
  return webex;
});
"""

ODD = """
() => {
  class Sdk {
    credentials = { token: "TESTTOKEN1_space_abc123" };
  }
  const call = new Sdk();
  call.itself = call;
  const circle = {};
  circle.circle = circle;
  window.onEvent("calls:created", { call, roomId: "r", kinds: ["audio", () => {}, 1n] });
  window.onEvent("rooms:selected", { circle });
  window.onEvent("rooms:selected");
  window.onEvent("messages:created", () => {});
}
"""


def test_events_that_are_no_plain_data(page: Page, site: Site, connected: User) -> None:
    """Cisco's widget tells of a call with the SDK's own object, which leads to the token."""
    page.add_init_script(LISTEN)
    page.add_init_script(CATCH)
    page.goto(site.url("/pages/inbox/"))
    expect(space_frame(page).get_by_text(UNICORN.title, exact=True)).to_be_visible()
    page.frames[1].evaluate(ODD)
    assert heard(page, "calls:created", "list") == [{"roomId": "r", "kinds": ["audio", None, None]}]
    assert heard(page, "messages:created", "list") == [None]
    assert len(heard(page, "rooms:selected", "list")) == 2
    assert "TESTTOKEN" not in str(page.evaluate("() => heard"))
    expect(space_frame(page).get_by_text(UNICORN.title, exact=True)).to_be_visible()


def test_a_list_that_opens_a_space_for_guests(page: Page, site: Site, connected: User) -> None:
    page.goto(site.url("/pages/inbox-guest/"))
    expect_space(page, UNICORN, 1)
    with page.expect_event("framenavigated"):
        choose(page, HELP_DESK)
    expect_space(page, UNICORN, 1)


def test_events_of_states_and_errors(
    page: Page, site: Site, signed_in: User, api: WebexApi
) -> None:
    page.add_init_script(LISTEN)
    page.route(re.compile("/bundle.js$"), lambda route: route.abort())
    page.goto(site.url("/pages/events/"))
    assert heard(page, "state", "talk") == [
        {"status": "connect", "message": "Connect your Webex account to see this space."}
    ]
    go_through_webex(page)
    failed = {"message": "The Webex widget could not be loaded."}
    assert heard(page, "error", "talk") == [failed]
    assert heard(page, "state", "talk") == [{"status": "unavailable", **failed}]
