"""The session endpoint: what it answers to whom, and in whatever weather Webex has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, modify_settings
from pytest_django import Settings

from webex_widgets.client import breaker
from webex_widgets.models import WebexToken
from webex_widgets.widgets import SpaceWidget

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


def ask(client: Client, title: str = TITLE, **extra: Any) -> dict[str, Any]:
    """Ask for a session as the frame does."""
    query = {"w": SpaceWidget(title).signed(), "next": "/projects/1/?tab=2#here"}
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
    query = {"w": SpaceWidget(TITLE).signed(), "next": next_url}
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
        {"w": SpaceWidget(TITLE).signed()},
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
    "signed", ["", "x", "x:y", "\x00", "é:é", SpaceWidget(TITLE).signed() + "x", "x" * 100_000]
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
    assert client.get("/webex/frame/", {"w": SpaceWidget(TITLE).signed()}).status_code == 200


def test_no_transaction_is_open_while_webex_is_asked(settings: Settings) -> None:
    from django.urls import resolve

    for name in ("session", "callback", "connect", "disconnect"):
        view = resolve(f"/webex/{name}/").func
        assert view._non_atomic_requests == {"default"}  # type: ignore[attr-defined]
