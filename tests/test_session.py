"""The session endpoint: what it answers to whom, and in whatever weather Webex has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import responses
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, modify_settings
from pytest_django import Settings

from webex_widgets.client import breaker
from webex_widgets.models import WebexToken
from webex_widgets.widgets import RecentsWidget, SpaceWidget, Widget

from . import wire as bad
from .conftest import (
    ACCESS,
    API,
    DEAD,
    GRANT,
    NEW_ACCESS,
    UNAUTHORIZED,
    make_token,
    room,
)
from .wire import BadServer

TITLE = "Project Unicorn"
ROOMS = f"{API}/rooms"


def ask(
    client: Client, title: str = TITLE, widget: Widget | None = None, room: str = "", **extra: Any
) -> dict[str, Any]:
    """Ask for a session as the frame does."""
    signed = (widget or SpaceWidget(destination=title)).signed()
    query = {"w": signed, "next": "/projects/1/?tab=2#here", **({"room": room} if room else {})}
    response = client.get("/webex/session/", query, **extra)
    assert response.status_code == 200, response.content
    assert "no-store" in response["Cache-Control"]
    content: dict[str, Any] = response.json()
    if content["status"] != "ready":
        assert content["message"]
        assert ACCESS not in response.content.decode()
    return content


def test_ready(browser_client: Client, token: WebexToken, wire: responses.RequestsMock) -> None:
    wire.get(ROOMS, json={"items": [room("Other"), room(TITLE)]})
    content = ask(browser_client)
    left = content.pop("expires_in")
    assert timedelta(days=9) < timedelta(seconds=left) <= timedelta(days=10)
    assert content == {
        "status": "ready",
        "options": {
            "accessToken": ACCESS,
            "destinationId": f"ID-{TITLE}",
            "destinationType": "spaceId",
        },
    }
    assert str(wire.calls[0].request.url) == f"{ROOMS}?type=group&max=1000"


def test_the_government_cloud(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, settings: Settings
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "FEDRAMP": True}
    wire.get("https://api-usgov.webex.com/v1/rooms", json={"items": [room(TITLE)]})
    assert ask(browser_client)["options"]["fedramp"] is True


def test_an_unknown_end(browser_client: Client, user: User, wire: responses.RequestsMock) -> None:
    make_token(user, access_token_expires_at=None)
    wire.post(f"{API}/access_token", json={**GRANT, "expires_in": None})
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    assert ask(browser_client)["expires_in"] is None


def test_sign_in(client: Client) -> None:
    content = ask(client)
    assert content["status"] == "sign_in"
    assert content["action"] == {
        "label": "Sign in",
        "url": "/admin/login/?next=%2Fprojects%2F1%2F%3Ftab%3D2%23here",
        "target": "_top",
    }


@pytest.mark.parametrize(
    ("login_url", "url"),
    [("/in/?via=webex", "/in/?via=webex&next="), ("admin:login", "/admin/login/?next=")],
)
def test_sign_in_elsewhere(client: Client, settings: Settings, login_url: str, url: str) -> None:
    settings.LOGIN_URL = login_url
    assert ask(client)["action"]["url"].startswith(url)


def test_sign_in_nowhere(client: Client, settings: Settings) -> None:
    settings.LOGIN_URL = "no-such-view"
    content = ask(client)
    assert content["status"] == "sign_in"
    assert "action" not in content


def test_connect(browser_client: Client) -> None:
    content = ask(browser_client)
    assert content["status"] == "connect"
    assert content["action"]["url"].startswith("/webex/connect/?next=%2Fprojects%2F1%2F")
    assert content["action"]["target"] == "_top"


@pytest.mark.parametrize(
    "next_url", ["https://evil.example/", "//evil.example", "", "javascript:x"]
)
def test_the_way_back_stays_on_the_site(browser_client: Client, next_url: str) -> None:
    query = {"w": SpaceWidget(destination=TITLE).signed(), "next": next_url}
    content = browser_client.get("/webex/session/", query).json()
    assert content["action"]["url"] == "/webex/connect/?next=%2F"


def test_reconnect(browser_client: Client, user: User, wire: responses.RequestsMock) -> None:
    make_token(user, status=WebexToken.Status.REAUTHORIZATION_REQUIRED)
    content = ask(browser_client)
    assert content["status"] == "reconnect"
    assert content["action"]["url"].startswith("/webex/connect/?next=")


def test_consent_withdrawn(
    browser_client: Client, user: User, wire: responses.RequestsMock
) -> None:
    make_token(user, access_token_expires_at=datetime.now(UTC))
    wire.post(f"{API}/access_token", json=DEAD, status=400)
    assert ask(browser_client)["status"] == "reconnect"
    assert ask(browser_client)["status"] == "reconnect"
    assert len(wire.calls) == 1


def test_a_refused_token_is_refreshed_once(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json=UNAUTHORIZED, status=401)
    wire.post(f"{API}/access_token", json=GRANT)
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    assert ask(browser_client)["options"]["accessToken"] == NEW_ACCESS


def test_a_remembered_room_does_not_hide_a_refused_token(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE, id="old")]})
    ask(browser_client)
    wire.get(f"{ROOMS}/old", json=UNAUTHORIZED, status=401)
    wire.post(f"{API}/access_token", json=DEAD, status=400)
    assert ask(browser_client)["status"] == "reconnect"
    assert WebexToken.objects.get().status == WebexToken.Status.REAUTHORIZATION_REQUIRED


def test_refused_even_when_fresh(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json=UNAUTHORIZED, status=401)
    wire.post(f"{API}/access_token", json=GRANT)
    assert ask(browser_client)["status"] == "reconnect"
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


def test_too_little_was_granted(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"message": "Missing scope."}, status=403)
    assert ask(browser_client)["status"] == "reconnect"


def test_an_unreadable_token(
    browser_client: Client,
    token: WebexToken,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.WEBEX_WIDGETS = {
        **settings.WEBEX_WIDGETS,
        "ENCRYPTION_KEYS": ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="],
    }
    assert ask(browser_client)["status"] == "reconnect"
    assert "ENCRYPTION_KEYS" in caplog.text


# Guests


GUEST_TOKEN = "SENTINELguest_space_abc123"
GUEST = {"accessToken": GUEST_TOKEN, "expiresIn": 64799}
FOR_GUESTS = SpaceWidget(destination=TITLE, guest=True)
GUESTS_URL = f"{API}/guests/token"


@pytest.fixture
def service_app(settings: Settings, wire: responses.RequestsMock, db: None) -> None:
    """Let the site have guests."""
    settings.WEBEX_WIDGETS = {
        **settings.WEBEX_WIDGETS,
        "GUESTS": {
            "CLIENT_ID": "service-app",
            "CLIENT_SECRET": "sentinel-service-app-secret",
            "REFRESH_TOKEN": "SENTINELservice",
        },
    }
    wire.post(f"{API}/access_token", json=GRANT)


def introduce(client: Client, name: str = "Grace", widget: Widget = FOR_GUESTS) -> Any:
    """Send the form that asks a guest's name."""
    address = f"/webex/guest/?{urlencode({'w': widget.signed()})}"
    return client.post(address, {"name": name})


def test_a_guest_is_asked_for_a_name(client: Client, service_app: None) -> None:
    content = ask(client, widget=FOR_GUESTS)
    assert content["status"] == "guest_name"
    assert content["action"]["label"] == "Join as a guest"
    assert content["action"]["url"].startswith("/webex/guest/?w=")
    assert content["csrf_token"]


def test_a_guest(client: Client, service_app: None, wire: responses.RequestsMock) -> None:
    assert introduce(client).status_code == 204
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    content = ask(client, widget=FOR_GUESTS)
    assert content["options"]["accessToken"] == GUEST_TOKEN
    assert content["options"]["destinationId"] == f"ID-{TITLE}"
    assert 64000 < content["expires_in"] < 64800
    wire.get(f"{ROOMS}/ID-{TITLE}", json=room(TITLE))
    assert ask(client, widget=FOR_GUESTS)["status"] == "ready"
    wire.assert_call_count(GUESTS_URL, 1)


def test_a_guest_whose_token_is_refused_gets_one_more(
    client: Client, service_app: None, wire: responses.RequestsMock
) -> None:
    introduce(client)
    wire.post(GUESTS_URL, json={**GUEST, "accessToken": "SENTINELold_space_abc123"})
    wire.get(ROOMS, json=UNAUTHORIZED, status=401)
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    assert ask(client, widget=FOR_GUESTS)["options"]["accessToken"] == GUEST_TOKEN


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_guest_in_bad_weather(
    client: Client, service_app: None, wire: responses.RequestsMock, status: int
) -> None:
    introduce(client)
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"message": "No."}, status=status)
    assert ask(client, widget=FOR_GUESTS)["status"] == "unavailable"


def test_a_guest_in_no_space(
    client: Client, service_app: None, wire: responses.RequestsMock
) -> None:
    introduce(client)
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"items": []})
    assert ask(client, widget=FOR_GUESTS)["status"] == "room_not_found"


def test_too_many_guests(
    client: Client, service_app: None, wire: responses.RequestsMock, settings: Settings
) -> None:
    values = settings.WEBEX_WIDGETS
    settings.WEBEX_WIDGETS = {**values, "GUESTS": {**values["GUESTS"], "PER_ADDRESS": 1}}
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    introduce(client)
    assert ask(client, widget=FOR_GUESTS)["status"] == "ready"
    other = Client()
    introduce(other)
    content = ask(other, widget=FOR_GUESTS)
    assert content["status"] == "unavailable"
    assert content["message"].startswith("Too many guests")
    assert content["action"]["label"] == "Try again"


def test_a_service_app_that_has_ended(
    client: Client,
    service_app: None,
    wire: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wire.replace("POST", f"{API}/access_token", json=DEAD, status=400)
    introduce(client)
    assert ask(client, widget=FOR_GUESTS)["status"] == "unavailable"
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_guests_that_are_not_set_up(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    content = ask(client, widget=FOR_GUESTS)
    assert content["status"] == "unavailable"
    assert content["message"] == "This Webex space is not open to guests yet."
    assert 'WEBEX_WIDGETS["GUESTS"] is not set' in caplog.text


def test_somebody_signed_in_but_not_connected_is_a_guest(
    browser_client: Client, service_app: None, wire: responses.RequestsMock
) -> None:
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    assert ask(browser_client, widget=FOR_GUESTS)["options"]["accessToken"] == GUEST_TOKEN


def test_somebody_connected_is_no_guest(
    browser_client: Client,
    service_app: None,
    token: WebexToken,
    wire: responses.RequestsMock,
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    assert ask(browser_client, widget=FOR_GUESTS)["options"]["accessToken"] == ACCESS


@pytest.mark.parametrize(
    "signed", ["", "forged", SpaceWidget(destination=TITLE).signed(), RecentsWidget().signed()]
)
def test_nobody_is_introduced_where_no_guest_is_let_in(
    client: Client, service_app: None, signed: str
) -> None:
    response = client.post(f"/webex/guest/?{urlencode({'w': signed})}", {"name": "Grace"})
    assert response.status_code == 400
    assert not client.session.items()


def test_a_guest_s_name_needs_the_form_s_token(service_app: None) -> None:
    client = Client(enforce_csrf_checks=True)
    assert introduce(client).status_code == 403
    content = ask(client, widget=FOR_GUESTS)
    answer = client.post(
        content["action"]["url"], {"name": "Grace", "csrfmiddlewaretoken": content["csrf_token"]}
    )
    assert answer.status_code == 204


# Rooms


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([room(TITLE), room(TITLE.upper(), id="X")], f"ID-{TITLE}"),
        ([room("PROJECT unicorn", id="folded")], "folded"),
        ([room(f" {TITLE} ", id="spaces")], "spaces"),
        (
            [
                room(TITLE, id="old", lastActivity="2026-01-01T00:00:00.000Z"),
                room(TITLE, id="new", lastActivity="2026-11-01T00:00:00.000Z"),
                room(TITLE, id="never", lastActivity=None),
                room(TITLE, id="odd", lastActivity="yesterday"),
            ],
            "new",
        ),
        ([room(TITLE, id="plain", lastActivity="2026-01-01T00:00:00")], "plain"),
        ([room(TITLE, type="direct"), room("project unicorn", id="group")], "group"),
        ([{"id": "bare"}, {"title": TITLE}, None, "x", {"id": "y", "title": TITLE}], "y"),
        ([room("gAAA", errors={"title": {"code": "kms_failure"}}), room(TITLE)], f"ID-{TITLE}"),
        ([room(TITLE, errors={"title": {"code": "kms_failure"}})], None),
        ([room(TITLE, errors={"lastActivity": {}})], f"ID-{TITLE}"),
        ([room("Something else")], None),
        ([], None),
    ],
)
def test_which_room(
    browser_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    items: list[Any],
    found: str | None,
) -> None:
    wire.get(ROOMS, json={"items": items})
    content = ask(browser_client)
    if found is None:
        assert content["status"] == "room_not_found"
        assert TITLE in content["message"]
        assert content["action"]["url"].startswith("/webex/frame/?w=")
        assert content["action"]["target"] == "_self"
    else:
        assert content["options"]["destinationId"] == found


# Other destinations, and the list of spaces

ME = f"{API}/people/me"


def test_a_room_by_its_id(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(f"{ROOMS}/short", json=room("Any", id="canonical"))
    options = ask(
        browser_client, widget=SpaceWidget(destination="short", destination_type="room_id")
    )["options"]
    assert (options["destinationType"], options["destinationId"]) == ("spaceId", "canonical")


@pytest.mark.parametrize("status", [403, 404])
def test_a_room_of_others(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, status: int
) -> None:
    wire.get(f"{ROOMS}/x", json={"message": "No."}, status=status)
    by_id = SpaceWidget(destination="x", destination_type="room_id")
    for content in (
        ask(browser_client, widget=by_id),
        ask(browser_client, widget=SpaceWidget(), room="x"),
        ask(browser_client, widget=SpaceWidget(destination=TITLE), room="x"),
    ):
        assert content["status"] == "room_not_found"
        assert content["message"] == ("You are not in this Webex space. Ask a member to add you.")


def test_a_room_in_bad_weather(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(f"{ROOMS}/x", json={"message": "No."}, status=400)
    wire.get(f"{ROOMS}/y", status=503)
    for name in "xy":
        assert ask(browser_client, widget=SpaceWidget(), room=name)["status"] == "unavailable"


@pytest.mark.parametrize(
    ("kind", "called"), [("email", "email"), ("person_id", "userId"), ("sip", "sip")]
)
@pytest.mark.parametrize("me", [{"json": {"id": "me"}}, {"json": {}, "status": 403}])
def test_people(
    browser_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    kind: str,
    called: str,
    me: dict[str, Any],
) -> None:
    wire.get(ME, **me)
    content = ask(browser_client, widget=SpaceWidget(destination="x@y.z", destination_type=kind))
    assert content["options"] == {
        "accessToken": ACCESS,
        "destinationId": "x@y.z",
        "destinationType": called,
    }


@pytest.mark.parametrize(
    "widget", [SpaceWidget(destination="x@y.z", destination_type="email"), RecentsWidget()]
)
def test_a_refused_token_is_noticed_without_a_room(
    browser_client: Client,
    user: User,
    token: WebexToken,
    wire: responses.RequestsMock,
    widget: Widget,
) -> None:
    wire.get(ME, json=UNAUTHORIZED, status=401)
    wire.post(f"{API}/access_token", json=DEAD, status=400)
    assert ask(browser_client, widget=widget)["status"] == "reconnect"


def test_nothing_chosen_yet(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ME, json={"id": "me"})
    content = ask(browser_client, widget=SpaceWidget())
    assert content["status"] == "choose"
    assert "action" not in content


def test_a_chosen_room(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(f"{ROOMS}/a%2Fb", json=room("Any", id="a/b"))
    for widget in (SpaceWidget(), SpaceWidget(destination=TITLE)):
        assert ask(browser_client, widget=widget, room="a/b")["options"]["destinationId"] == "a/b"


def test_a_room_that_the_site_did_not_offer(
    client: Client,
    user: User,
    service_app: None,
    wire: responses.RequestsMock,
) -> None:
    """Neither a guest nor somebody who is connected gets another space than the signed one."""
    wire.post(GUESTS_URL, json=GUEST)
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    introduce(client)
    signed = f"ID-{TITLE}"
    assert ask(client, widget=FOR_GUESTS, room="other")["options"]["destinationId"] == signed
    client.force_login(user)
    make_token(user)
    wire.get(f"{ROOMS}/{signed}", json=room(TITLE))
    assert ask(client, widget=FOR_GUESTS, room="other")["options"]["destinationId"] == signed
    assert not [call for call in wire.calls if "other" in str(call.request.url)]


def test_a_list_takes_no_room(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ME, json={"id": "me"})
    assert ask(browser_client, widget=RecentsWidget(), room="other")["options"] == {
        "accessToken": ACCESS
    }


@pytest.mark.parametrize("kind", ["email", "person_id", "sip"])
def test_a_chosen_room_instead_of_a_person(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, kind: str
) -> None:
    wire.get(f"{ROOMS}/chosen", json=room("Any", id="chosen"))
    widget = SpaceWidget(destination="x@y.z", destination_type=kind)
    options = ask(browser_client, widget=widget, room="chosen")["options"]
    assert (options["destinationType"], options["destinationId"]) == ("spaceId", "chosen")


def test_every_option_reaches_the_bundle(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    wire.get(ME, json={"id": "me"})
    space = SpaceWidget(
        destination=TITLE,
        activities="meet,message",
        initial_activity="meet",
        current_activity="message",
        start_call=False,
        attach_files=False,
        submit_button=True,
        send_on_return=False,
        full_width_activities=True,
        log_level="debug",
    )
    assert ask(browser_client, widget=space)["options"] == {
        "accessToken": ACCESS,
        "destinationId": f"ID-{TITLE}",
        "destinationType": "spaceId",
        "spaceActivities": {"files": False, "meet": True, "message": True, "people": False},
        "initialActivity": "meet",
        "setCurrentActivity": "message",
        "startCall": False,
        "composerActions": {"attachFiles": False},
        "showSubmitButton": True,
        "sendMessageOnReturnKey": False,
        "secondaryActivitiesFullWidth": True,
        "logLevel": "debug",
    }
    recents = RecentsWidget(
        basic_mode=True,
        add_button=True,
        filter=False,
        profile=True,
        profile_menu=True,
        space_count=50,
        log_level="error",
    )
    assert ask(browser_client, widget=recents)["options"] == {
        "accessToken": ACCESS,
        "basicMode": True,
        "enableAddButton": True,
        "enableSpaceListFilter": False,
        "enableUserProfile": True,
        "enableUserProfileMenu": True,
        "spaceLoadCount": 50,
        "logLevel": "error",
    }


@pytest.mark.parametrize(
    ("widget", "signed_out", "not_connected"),
    [
        (SpaceWidget(), "Sign in to see this", "Connect your Webex account to see this space."),
        (RecentsWidget(), "Sign in to see your", "Connect your Webex account to see your spaces."),
    ],
)
def test_words_for_each_widget(
    client: Client, user: User, widget: Widget, signed_out: str, not_connected: str
) -> None:
    assert ask(client, widget=widget)["message"].startswith(signed_out)
    client.force_login(user)
    assert ask(client, widget=widget)["message"] == not_connected
    make_token(user, status=WebexToken.Status.REAUTHORIZATION_REQUIRED)
    assert ask(client, widget=widget)["message"].endswith(
        "see this space." if isinstance(widget, SpaceWidget) else "see your spaces here."
    )


def link(url: str) -> dict[str, str]:
    return {"Link": f'<{url}>; rel="next"'}


def test_pages_of_which_one_is_empty(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"items": [room("A")]}, headers=link(f"{ROOMS}?cursor=1"))
    wire.get(f"{ROOMS}?cursor=1", json={"items": []}, headers=link(f"{ROOMS}?cursor=2"))
    wire.get(f"{ROOMS}?cursor=2", json={"items": [room(TITLE)]})
    assert ask(browser_client)["options"]["destinationId"] == f"ID-{TITLE}"
    assert len(wire.calls) == 3
    assert {call.request.headers["Authorization"] for call in wire.calls} == {f"Bearer {ACCESS}"}


@pytest.mark.parametrize(
    "target", ["https://evil.example/v1/rooms", "//evil.example/", "https://[", f"{ROOMS}?cursor=1"]
)
def test_pages_that_lead_astray(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, target: str
) -> None:
    """Another host never sees the token, and a circle ends."""
    wire.get(ROOMS, json={"items": []}, headers=link(target))
    wire.get(f"{ROOMS}?cursor=1", json={"items": []}, headers=link(f"{ROOMS}?cursor=1"))
    assert ask(browser_client)["status"] == "unavailable"
    assert all(str(call.request.url).startswith(ROOMS) for call in wire.calls)


def test_pages_without_end(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    count = iter(range(10_000))

    def page(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, link(f"{ROOMS}?cursor={next(count)}"), '{"items": []}'

    wire.add_callback("GET", ROOMS, page)
    assert ask(browser_client)["status"] == "unavailable"
    assert len(wire.calls) == 101


def test_the_id_is_remembered_and_still_checked(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE, id="a/b")]})
    wire.get(f"{ROOMS}/a%2Fb", json=room(TITLE, id="a/b"))
    for _ in range(3):
        assert ask(browser_client)["options"]["destinationId"] == "a/b"
    assert [str(call.request.url).partition("/rooms")[2][:4] for call in wire.calls] == [
        "?typ",
        "/a%2",
        "/a%2",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"message": "Could not find a room with provided ID."}, "status": 404},
        {"json": {"message": "No."}, "status": 403},
        {"json": room("Renamed", id="old")},
    ],
)
def test_a_remembered_room_that_is_no_longer_it(
    browser_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    answer: dict[str, Any],
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE, id="old")]})
    ask(browser_client)
    wire.get(f"{ROOMS}/old", **answer)
    wire.replace("GET", ROOMS, json={"items": [room(TITLE, id="new")]})
    assert ask(browser_client)["options"]["destinationId"] == "new"
    wire.get(f"{ROOMS}/new", **{**answer, "json": {**answer["json"], "id": "new"}})
    wire.replace("GET", ROOMS, json={"items": []})
    assert ask(browser_client)["status"] == "room_not_found"


def test_a_remembered_room_with_an_unreadable_title(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE, id="old")]})
    ask(browser_client)
    wire.get(f"{ROOMS}/old", json=room("gAAA", id="old", errors={"title": {}}))
    assert ask(browser_client)["options"]["destinationId"] == "old"


def test_each_user_has_a_room_of_their_own(
    browser_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    django_user_model: Any,
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    ask(browser_client)
    grace = django_user_model.objects.create_user("grace")
    make_token(grace, person_id="PERSON_GRACE", access_token="GRACE_x_y")
    browser_client.force_login(grace)
    wire.replace("GET", ROOMS, json={"items": []})
    assert ask(browser_client)["status"] == "room_not_found"


# Weather

FAULTS: dict[str, dict[str, Any]] = {
    "404": {"json": {"message": "?"}, "status": 404},
    "423": {"body": "locked", "status": 423},
    "429": {"body": "<html>slow", "status": 429, "headers": {"Retry-After": "3600"}},
    "500": {"body": "<html>", "status": 500},
    "502": {"body": "", "status": 502},
    "garbage": {"body": "<html>", "status": 200},
    "list": {"json": [], "status": 200},
    "no items": {"json": {"items": 5}, "status": 200},
    "cut": {"body": requests.ConnectionError(f"cut {ACCESS}")},
    "time-out": {"body": requests.ReadTimeout(f"slow {ACCESS}")},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["rooms", "remembered", "refresh"])
def test_bad_weather(
    browser_client: Client,
    user: User,
    wire: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    where: str,
) -> None:
    token = make_token(user)
    if where == "remembered":
        wire.get(ROOMS, json={"items": [room(TITLE, id="old")]})
        ask(browser_client)
        wire.get(f"{ROOMS}/old", **FAULTS[fault])
        wire.replace("GET", ROOMS, **FAULTS[fault])
    elif where == "rooms":
        wire.get(ROOMS, **FAULTS[fault])
    else:
        WebexToken.objects.update(access_token_expires_at=datetime.now(UTC))
        wire.post(f"{API}/access_token", **FAULTS[fault])
    with caplog.at_level(logging.DEBUG):
        content = ask(browser_client)
    assert content["status"] == "unavailable"
    assert content["action"]["target"] == "_self"
    after = WebexToken.objects.get()
    assert (after.status, after.access_token) == (WebexToken.Status.ACTIVE, ACCESS)
    assert after.refresh_token == token.refresh_token
    assert "SENTINEL" not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_room_without_an_id(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE, id="old")]})
    ask(browser_client)
    wire.get(f"{ROOMS}/old", json={})
    assert ask(browser_client)["status"] == "unavailable"


@pytest.mark.parametrize("behave", [bad.hang, bad.cut, bad.drip_headers, bad.drip_body])
def test_real_sockets(
    browser_client: Client, token: WebexToken, settings: Settings, behave: Callable[..., None]
) -> None:
    with BadServer(behave) as server:
        settings.WEBEX_WIDGETS = {
            **settings.WEBEX_WIDGETS,
            "API_BASE_URL": server.base_url,
            "REQUEST_TIMEOUT": 0.3,
        }
        assert ask(browser_client)["status"] == "unavailable"


def test_workers_do_not_pile_up(
    browser_client: Client, token: WebexToken, settings: Settings
) -> None:
    with BadServer(bad.hang) as server:
        settings.WEBEX_WIDGETS = {
            **settings.WEBEX_WIDGETS,
            "API_BASE_URL": server.base_url,
            "REQUEST_TIMEOUT": 0.2,
        }
        for _ in range(breaker.TIMEOUTS + 5):
            assert ask(browser_client)["status"] == "unavailable"
        assert server.connections == breaker.TIMEOUTS


def test_wrong_credentials_are_an_error_in_the_log(
    browser_client: Client,
    user: User,
    wire: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_token(user, access_token_expires_at=datetime.now(UTC))
    wire.post(f"{API}/access_token", json={"error": "invalid_client"}, status=401)
    assert ask(browser_client)["status"] == "unavailable"
    assert [record.levelname for record in caplog.records if "CLIENT_SECRET" in record.message] == [
        "ERROR"
    ]


# Who may ask


@pytest.mark.parametrize("site", ["cross-site", "same-site", "odd"])
def test_other_origins_may_not(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, site: str
) -> None:
    response = browser_client.get(
        "/webex/session/",
        {"w": SpaceWidget(destination=TITLE).signed()},
        headers={"Sec-Fetch-Site": site},
    )
    assert response.status_code == 403
    assert response.json()["status"] == "unavailable"
    assert not wire.calls


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_this_origin_may(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, site: str
) -> None:
    wire.get(ROOMS, json={"items": [room(TITLE)]})
    assert ask(browser_client, headers={"Sec-Fetch-Site": site})["status"] == "ready"


@pytest.mark.parametrize(
    "signed",
    ["", "x", "x:y", "\x00", "é:é", f"{SpaceWidget(destination=TITLE).signed()}x", "x" * 100_000],
)
@pytest.mark.parametrize("path", ["session", "frame"])
def test_forged_addresses(
    browser_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    signed: str,
    path: str,
) -> None:
    response = browser_client.get(f"/webex/{path}/", {"w": signed})
    assert response.status_code == 400
    assert b"out of date" in response.content
    assert not wire.calls


def test_an_address_of_another_version(browser_client: Client) -> None:
    from django.core.signing import Signer

    from webex_widgets.widgets import SALT

    signed = Signer(salt=SALT).sign_object({"colour": "red"})
    assert browser_client.get("/webex/session/", {"w": signed}).status_code == 400


def test_only_get(browser_client: Client) -> None:
    assert browser_client.post("/webex/session/").status_code == 405


def test_a_misconfiguration_is_not_swallowed(
    browser_client: Client, token: WebexToken, settings: Settings
) -> None:
    settings.WEBEX_WIDGETS = {}
    with pytest.raises(ImproperlyConfigured, match="CLIENT_ID"):
        ask(browser_client)


@modify_settings(MIDDLEWARE={"append": "django.contrib.auth.middleware.LoginRequiredMiddleware"})
def test_where_every_page_needs_a_login(client: Client, db: None) -> None:
    assert ask(client)["status"] == "sign_in"
    assert (
        client.get("/webex/frame/", {"w": SpaceWidget(destination=TITLE).signed()}).status_code
        == 200
    )


def test_no_transaction_is_open_while_webex_is_asked(settings: Settings) -> None:
    from django.urls import resolve

    for name in ("session", "callback", "connect", "disconnect"):
        view = resolve(f"/webex/{name}/").func
        assert view._non_atomic_requests == {"default"}  # type: ignore[attr-defined]
