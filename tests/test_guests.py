"""Guests: who becomes one, under which name, how often, and what a session keeps of it."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import jwt
import pytest
import requests
import responses
import time_machine
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from webex_widgets import guests, tokens
from webex_widgets.client import guests as client
from webex_widgets.client.transport import Transport
from webex_widgets.client.types import GuestGrant
from webex_widgets.exceptions import (
    ApiError,
    GuestNameRequired,
    GuestsNotSetUp,
    InvalidClient,
    ReauthorizationRequired,
    TooManyGuests,
    TransportError,
    WebexError,
)
from webex_widgets.guests import SESSION_KEY, Guest, clean_name
from webex_widgets.models import WebexToken
from webex_widgets.widgets import SpaceWidget

from .conftest import API, DEAD, GRANT, NEW_ACCESS, NEW_REFRESH, UNAUTHORIZED, room

TOKEN_URL = f"{API}/access_token"
GUEST_URL = f"{API}/guests/token"
LOGIN_URL = f"{API}/jwt/login"
APP = "service-app-id"
APP_SECRET = "SENTINELappsecret"
APP_REFRESH = "SENTINELapprefresh"
SERVICE_APP = {"CLIENT_ID": APP, "CLIENT_SECRET": APP_SECRET, "REFRESH_TOKEN": APP_REFRESH}
KEY = b"SENTINEL-0123456789-0123456789-01"
ISSUER = {"ISSUER_ID": "issuer-id", "ISSUER_SECRET": base64.b64encode(KEY).decode()}

pytestmark = pytest.mark.django_db


def app_answer(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return what guests/token answers."""
    return {
        "id": "PERSON_GUEST",
        "subject": "whoever",
        "displayName": "whoever",
        "email": "guest@appid.ciscospark.com",
        "accessToken": f"SENTINELguest{number}",
        "expiresIn": 64799,
        **fields,
    }


@pytest.fixture
def app(settings: Settings) -> dict[str, Any]:
    """Set a service app up; return its settings, to change them."""
    values: dict[str, Any] = dict(SERVICE_APP)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": values}
    return values


@pytest.fixture
def issuer(settings: Settings) -> dict[str, Any]:
    """Set a guest issuer up; return its settings, to change them."""
    values: dict[str, Any] = dict(ISSUER)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": values}
    return values


def mint(wire: responses.RequestsMock, expires_in: object = 64799) -> None:
    """Let the wire make guests, and refresh the service app's token."""
    made = iter(range(1, 10_000))

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        token = f"SENTINELguest{next(made)}"
        fields = {"accessToken": token, "token": token, "expiresIn": expires_in}
        return 200, {}, json.dumps(fields)

    wire.post(TOKEN_URL, json=GRANT)
    wire.add_callback("POST", GUEST_URL, answer)
    wire.add_callback("POST", LOGIN_URL, answer)


def visit(session: Any = None, user: Any = None, address: str = "192.0.2.1") -> HttpRequest:
    """Return a request of a visitor."""
    request = RequestFactory().get("/", REMOTE_ADDR=address)
    request.session = SessionStore() if session is None else session
    request.user = user or AnonymousUser()
    return request


def become(request: HttpRequest, name: str = "Grace", *, refused: bool = False) -> Guest:
    """Become a guest."""
    guests.introduce(request, name)
    with Transport(total=5) as transport:
        return guests.guest(transport, request, refused=refused)


def sent(wire: responses.RequestsMock, url: str = GUEST_URL) -> list[requests.PreparedRequest]:
    """Return what was sent to this address."""
    return [call.request for call in wire.calls if call.request.url == url]


# On the wire


@pytest.mark.parametrize(
    ("expires_in", "known"),
    [(64799, True), ("64799", True), (None, False), ("soon", False), (-1, False), ([], False)],
)
def test_a_service_app_s_guest(
    wire: responses.RequestsMock, expires_in: object, known: bool
) -> None:
    wire.post(GUEST_URL, json=app_answer(expiresIn=expires_in))
    with Transport(total=5) as transport:
        grant = client.service_app_guest(transport, "app-token", "abc-1", "Grace Hopper")
    assert grant.access_token == "SENTINELguest1"
    if known:
        assert grant.ends_at is not None
        left = grant.ends_at - datetime.now(UTC)
        assert timedelta(hours=17.9) < left < timedelta(hours=18)
    else:
        assert grant.ends_at is None
    (request,) = sent(wire)
    assert json.loads(request.body or "") == {"subject": "abc-1", "displayName": "Grace Hopper"}
    assert request.headers["Authorization"] == "Bearer app-token"
    assert request.headers["Content-Type"] == "application/json"


def test_an_issuer_s_guest(wire: responses.RequestsMock) -> None:
    wire.post(LOGIN_URL, json={"token": "SENTINELguest", "expiresIn": 21599})
    with Transport(total=5) as transport:
        grant = client.issuer_guest(transport, "issuer", KEY, "abc-1", "Grace “Amazing” Hopper")
    assert grant.access_token == "SENTINELguest"
    assert grant.ends_at is not None
    assert grant.ends_at - datetime.now(UTC) > timedelta(hours=5.9)
    (request,) = sent(wire, LOGIN_URL)
    assert not request.body
    scheme, text = request.headers["Authorization"].split()
    assert scheme == "Bearer"
    claims = jwt.decode(text, KEY, algorithms=["HS256"], issuer="issuer")
    ends = claims.pop("exp")
    assert 0 < ends - datetime.now(UTC).timestamp() <= 3600
    assert claims == {"sub": "abc-1", "name": "Grace “Amazing” Hopper", "iss": "issuer"}


ODD: list[tuple[dict[str, Any], type[WebexError]]] = [
    ({"json": {}}, TransportError),
    ({"json": {"accessToken": "", "token": ""}}, TransportError),
    ({"json": {"accessToken": 5, "token": ["x"]}}, TransportError),
    ({"json": []}, TransportError),
    ({"body": "<html>"}, TransportError),
    ({"status": 302, "headers": {"Location": "https://evil.example/"}}, TransportError),
    ({"status": 429, "headers": {"Retry-After": "30"}}, TransportError),
    ({"status": 503}, TransportError),
    ({"body": requests.ConnectionError("SENTINEL")}, TransportError),
    ({"body": requests.ReadTimeout("SENTINEL")}, TransportError),
    ({"status": 400, "json": {"message": "Bad subject."}}, ApiError),
    ({"status": 403, "body": ""}, ApiError),
]


@pytest.mark.parametrize(("answer", "error"), ODD, ids=lambda value: str(value)[:50])
def test_no_guest(
    wire: responses.RequestsMock, answer: dict[str, Any], error: type[WebexError]
) -> None:
    """And nothing is asked twice."""
    wire.post(GUEST_URL, **answer)
    wire.post(LOGIN_URL, **answer)
    with Transport(total=5) as transport, pytest.raises(error):
        client.service_app_guest(transport, "t", "s", "n")
    with Transport(total=5) as transport, pytest.raises(error):
        client.issuer_guest(transport, "i", KEY, "s", "n")
    assert (len(sent(wire)), len(sent(wire, LOGIN_URL))) == (1, 1)


def test_an_issuer_that_webex_does_not_know(wire: responses.RequestsMock) -> None:
    wire.post(LOGIN_URL, json=UNAUTHORIZED, status=401)
    with (
        Transport(total=5) as transport,
        pytest.raises(InvalidClient, match=r"answered 401.*GUESTS") as raised,
    ):
        client.issuer_guest(transport, "i", KEY, "s", "n")
    assert raised.value.__context__ is None


# One guest a session


@pytest.mark.parametrize("kind", ["app", "issuer"])
def test_a_session_is_one_guest(
    kind: str, request: pytest.FixtureRequest, wire: responses.RequestsMock
) -> None:
    request.getfixturevalue(kind)
    mint(wire)
    visitor = visit()
    first = become(visitor)
    assert (first.access_token, first.display_name) == ("SENTINELguest1", "Grace")
    assert first.ends_at is not None
    assert first.ends_at - datetime.now(UTC) > timedelta(hours=17)
    assert re.fullmatch("[a-z0-9-]+", first.subject)
    # In another process, from what the session has saved; and the name is remembered.
    visitor.session.save()
    again = become(visit(SessionStore(visitor.session.session_key)), "")
    assert (again.access_token, again.subject) == (first.access_token, first.subject)
    assert again.ends_at is not None
    assert abs(again.ends_at - first.ends_at) < timedelta(seconds=1)
    assert len(sent(wire)) + len(sent(wire, LOGIN_URL)) == 1
    stored = SessionStore(visitor.session.session_key).get(SESSION_KEY)
    assert "SENTINEL" not in str(stored)
    assert str(visitor.session.session_key) not in str(stored)


def test_frames_that_ask_at_the_same_time_are_one_guest(
    app: Any, wire: responses.RequestsMock
) -> None:
    mint(wire)
    session = SessionStore()
    session.create()
    one, other = (become(visit(SessionStore(session.session_key))) for _ in range(2))
    assert one.subject == other.subject
    stranger = SessionStore()
    stranger.create()
    assert become(visit(stranger)).subject != one.subject


def test_the_subject_outlives_a_new_session_key(app: Any, wire: responses.RequestsMock) -> None:
    mint(wire)
    visitor = visit()
    before = become(visitor)
    visitor.session.cycle_key()
    assert become(visitor, "Another").subject == before.subject


@pytest.mark.parametrize(("left", "same"), [(61, True), (59, False)])
def test_a_token_that_ends_within_a_minute(
    app: Any, wire: responses.RequestsMock, left: int, same: bool
) -> None:
    mint(wire, 64800)
    visitor = visit()
    before = become(visitor)
    assert before.ends_at is not None
    with time_machine.travel(before.ends_at - timedelta(seconds=left), tick=False):
        after = become(visitor)
    assert (after.access_token == before.access_token) is same
    assert after.subject == before.subject


def test_an_unknown_end(app: Any, wire: responses.RequestsMock) -> None:
    mint(wire, None)
    visitor = visit()
    assert become(visitor) == become(visitor)
    assert become(visitor).ends_at is None


def test_a_token_that_webex_refuses(app: Any, wire: responses.RequestsMock) -> None:
    mint(wire)
    visitor = visit()
    become(visitor)
    assert become(visitor, refused=True).access_token == "SENTINELguest2"
    assert become(visitor).access_token == "SENTINELguest2"


def test_another_issuer(app: dict[str, Any], wire: responses.RequestsMock) -> None:
    mint(wire)
    visitor = visit()
    before = become(visitor)
    app.clear()
    app.update(ISSUER)
    after = become(visitor)
    assert after.access_token == "SENTINELguest2"
    assert (after.subject, after.display_name) == (before.subject, before.display_name)


# What else is in the session

BACKENDS = ["cache", "cached_db", "db", "file"]


def open_space(client: Client) -> dict[str, Any]:
    """Ask for the session of a frame that lets guests in."""
    widget = SpaceWidget(destination="R", destination_type="room_id", guest=True)
    content: dict[str, Any] = client.get("/webex/session/", {"w": widget.signed()}).json()
    return content


@pytest.fixture
def visitor(app: dict[str, Any], wire: responses.RequestsMock) -> Client:
    """Return a visitor whose name the site knows, of a space that can be opened."""
    app["DISPLAY_NAME"] = lambda request: "Grace"
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/rooms/R", json=room("Any", id="R"))
    return Client()


def while_webex_is_asked(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen: in this thread, which is the one with the test's transaction."""
    mint_guest = guests._mint

    def mint_slowly(*args: Any) -> GuestGrant:
        happens()
        return mint_guest(*args)

    monkeypatch.setattr(guests, "_mint", mint_slowly)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_others_put_into_the_session_meanwhile_stays(
    visitor: Client,
    wire: responses.RequestsMock,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{backend}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session = visitor.session
    session["cart"] = []
    session.save()

    def another_request() -> None:
        other = store(session.session_key)
        other["cart"] = ["book"]
        other[SESSION_KEY] = {"told": "Ada"}
        other.save()

    mint(wire)
    while_webex_is_asked(monkeypatch, another_request)
    assert open_space(visitor)["status"] == "ready"
    assert open_space(visitor)["options"]["accessToken"] == "SENTINELguest1"
    after = store(session.session_key)
    assert after["cart"] == ["book"]
    assert after[SESSION_KEY]["told"] == "Ada"
    assert after[SESSION_KEY]["name"] == "Grace"
    assert len(sent(wire)) == 1


@pytest.mark.parametrize("backend", [*BACKENDS, "signed_cookies"])
def test_every_kind_of_session(
    visitor: Client,
    wire: responses.RequestsMock,
    settings: Settings,
    tmp_path: Path,
    backend: str,
) -> None:
    """One that there was before, and one that there was not."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{backend}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    mint(wire)
    other = Client()
    session = other.session
    session["cart"] = ["book"]
    session.save()
    other.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    for number, browser in enumerate((visitor, other), 1):
        for _ in range(2):
            assert open_space(browser)["options"]["accessToken"] == f"SENTINELguest{number}"
    assert other.session["cart"] == ["book"]


def test_a_session_that_ends_meanwhile(
    visitor: Client, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django refuses such a request, and the session does not come back."""
    session = visitor.session
    session["cart"] = []
    session.save()
    mint(wire)
    while_webex_is_asked(monkeypatch, session.flush)
    widget = SpaceWidget(destination="R", destination_type="room_id", guest=True)
    answer = visitor.get("/webex/session/", {"w": widget.signed()})
    assert answer.status_code == 400
    assert not Session.objects.exists()


def test_a_session_that_ends_while_it_is_saved(
    visitor: Client, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = visitor.session
    session["cart"] = []
    session.save()
    mint(wire)
    monkeypatch.setattr(SessionStore, "save", mock.Mock(side_effect=UpdateError))
    assert open_space(visitor)["status"] == "ready"


STRANGE: list[Callable[[dict[str, Any]], Any]] = [
    lambda entry: "text",
    lambda entry: None,
    lambda entry: ["list"],
    lambda entry: {},
    lambda entry: {**entry, "subject": "no spaces!"},
    lambda entry: {**entry, "subject": 5},
    lambda entry: {**entry, "token": "gAAAA"},
    lambda entry: {**entry, "token": "é"},
    lambda entry: {**entry, "token": {}},
    lambda entry: {**entry, "ends": "2026-11-21"},
    lambda entry: {**entry, "ends": 1e300},
    lambda entry: {**entry, "ends": float("nan")},
    lambda entry: {**entry, "ends": 10**15},
    lambda entry: {**entry, "by": None},
    lambda entry: {**entry, "name": ["Grace"]},
    lambda entry: {"told": "x" * 1000},
]


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_what_a_session_may_hold(app: Any, wire: responses.RequestsMock, number: int) -> None:
    mint(wire)
    visitor = visit()
    before = become(visitor)
    visitor.session[SESSION_KEY] = STRANGE[number](visitor.session[SESSION_KEY])
    after = become(visitor)
    assert (after.access_token, after.subject) == ("SENTINELguest2", before.subject)
    assert become(visitor) == after


def test_another_encryption_key(app: Any, wire: responses.RequestsMock, settings: Settings) -> None:
    mint(wire)
    visitor = visit()
    become(visitor)
    WebexToken.objects.all().delete()
    keys = [base64.urlsafe_b64encode(b"x" * 32).decode()]
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "ENCRYPTION_KEYS": keys}
    assert become(visitor).access_token == "SENTINELguest2"


def test_the_setting_is_missing() -> None:
    with pytest.raises(GuestsNotSetUp):
        become(visit())


# What a guest is called


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("  Grace \t\n Hopper ", "Grace Hopper"),
        ("Gra\x00ce\x1b[31m", "Grace[31m"),
        ("\u202eecarG", "ecarG"),
        ("Gra\ud800ce", "Grace"),
        ("a\u200cb", "a\u200cb"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("x" * 100, "x" * 80),
        ("x" * 79 + " y", "x" * 79),
        ("Zoë 李 O'Neil <b>", "Zoë 李 O'Neil <b>"),
        ("\u200d \x07\u2066", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_names(name: object, clean: str) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize("name", ["", "  ", "\x00", "\u200b"])
def test_no_name(app: Any, wire: responses.RequestsMock, name: str) -> None:
    visitor = visit()
    with pytest.raises(GuestNameRequired):
        become(visitor, name)
    assert not wire.calls
    assert visitor.session.is_empty()


def test_introduced(app: Any, wire: responses.RequestsMock) -> None:
    mint(wire)
    visitor = visit()
    guests.introduce(visitor, " Grace\n")
    guests.introduce(visitor, "")
    assert become(visitor, "").display_name == "Grace"
    guests.introduce(visitor, "Ada")
    after = become(visitor, "")
    assert (after.display_name, after.access_token) == ("Ada", "SENTINELguest2")
    assert json.loads(sent(wire)[-1].body or "")["displayName"] == "Ada"


def test_a_signed_in_user_is_not_asked(app: Any, wire: responses.RequestsMock, user: User) -> None:
    mint(wire)
    assert become(visit(user=user), "").display_name == "ada"
    user.first_name, user.last_name = "Ada", "Lovelace"
    assert become(visit(user=user), "").display_name == "Ada Lovelace"
    # And does not pass for somebody else.
    assert become(visit(user=user), "The boss").display_name == "Ada Lovelace"


def test_a_user_model_without_full_names(app: Any, wire: responses.RequestsMock) -> None:
    class Account:
        is_authenticated = True

        def get_username(self) -> str:
            return "grace"

        def __str__(self) -> str:
            return "<Account>"

    mint(wire)
    assert become(visit(user=Account()), "").display_name == "grace"


def test_a_site_without_users(app: Any, wire: responses.RequestsMock) -> None:
    mint(wire)
    visitor = visit()
    del visitor.user
    assert become(visitor).display_name == "Grace"


def name_from_the_site(request: HttpRequest) -> str | None:
    return request.GET.get("booking") or None


@pytest.mark.parametrize("named", [name_from_the_site, f"{__name__}.name_from_the_site"])
def test_the_site_knows(
    app: dict[str, Any], wire: responses.RequestsMock, user: User, named: object
) -> None:
    mint(wire)
    app["DISPLAY_NAME"] = named
    visitor = visit(user=user)
    assert become(visitor).display_name == "ada"
    visitor.GET = {"booking": "Room 5"}  # type: ignore[assignment]
    assert become(visitor).display_name == "Room 5"
    stranger = visit()
    with pytest.raises(GuestNameRequired):
        become(stranger, "")
    assert become(stranger, "Grace").display_name == "Grace"


# How many


def test_a_session_s_limit(
    app: dict[str, Any], wire: responses.RequestsMock, time_machine: Any
) -> None:
    time_machine.move_to(datetime(2026, 11, 21, 12, 20, tzinfo=UTC), tick=False)
    app["PER_SESSION"] = 3
    mint(wire)
    visitor = visit()
    for number in range(3):
        become(visitor, f"Grace {number}")
        become(visitor, f"Grace {number}")  # costs nothing
    with pytest.raises(TooManyGuests) as raised:
        become(visitor, "Grace again")
    assert raised.value.retry_after == 2401
    assert "session" in str(raised.value)
    assert len(sent(wire)) == 3
    become(visit())  # another session
    time_machine.shift(2401)
    assert become(visitor, "Grace again").access_token == "SENTINELguest5"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
        ("unix:", "", False),
    ],
)
def test_an_address_s_limit(
    app: dict[str, Any], wire: responses.RequestsMock, one: str, other: str, same: bool
) -> None:
    app["PER_ADDRESS"] = 2
    mint(wire)
    for _ in range(2):
        become(visit(address=one))
    if same:
        with pytest.raises(TooManyGuests, match="address"):
            become(visit(address=other))
    else:
        become(visit(address=other))


def test_an_address_that_is_refused_makes_no_sessions(
    app: dict[str, Any], visitor: Client, wire: responses.RequestsMock
) -> None:
    app["PER_ADDRESS"] = 1
    mint(wire)
    assert open_space(visitor)["status"] == "ready"
    for _ in range(3):
        assert open_space(Client())["message"].startswith("Too many guests")
    assert Session.objects.count() == 1


def test_only_guests_that_were_made_count(
    app: dict[str, Any], wire: responses.RequestsMock
) -> None:
    app.update(PER_SESSION=1, PER_ADDRESS=1)
    wire.post(TOKEN_URL, json=GRANT)
    for _ in range(3):
        wire.post(GUEST_URL, status=503)
    mint(wire)
    visitor = visit()
    for _ in range(3):
        with pytest.raises(TransportError):
            become(visitor)
    become(visitor)
    # Another session is turned away for its address, and has spent nothing of its own.
    other = visit()
    for _ in range(3):
        with pytest.raises(TooManyGuests, match="address"):
            become(other)
    app["PER_ADDRESS"] = 2
    become(other)


@pytest.mark.parametrize(
    "backend", ["db.DatabaseCache", "filebased.FileBasedCache", "locmem.LocMemCache"]
)
def test_a_quiet_while_does_not_begin_the_hour_anew(
    app: dict[str, Any],
    wire: responses.RequestsMock,
    settings: Settings,
    time_machine: Any,
    tmp_path: Path,
    backend: str,
) -> None:
    """Some caches' ``incr`` keeps the value for the cache's own default time, five minutes."""
    location = str(tmp_path) if "file" in backend else "guests_cache"
    settings.CACHES = {
        "default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": location}
    }
    call_command("createcachetable")
    app["PER_ADDRESS"] = 2
    mint(wire)
    time_machine.move_to(datetime(2026, 11, 21, 12, 1, tzinfo=UTC), tick=False)
    for _ in range(2):
        become(visit())
    for _ in range(4):
        with pytest.raises(TooManyGuests):
            become(visit())
        time_machine.shift(840)
    time_machine.shift(600)
    become(visit())


@pytest.mark.parametrize("backend", ["dummy.DummyCache", "locmem.LocMemCache"])
def test_a_cache_that_loses_its_counters(
    app: dict[str, Any],
    wire: responses.RequestsMock,
    settings: Settings,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    app["PER_SESSION"] = 1
    mint(wire)
    # The counter expires before it is increased.
    monkeypatch.setattr(f"django.core.cache.backends.{backend}.add", lambda *_: True)
    visitor = visit()
    become(visitor, "One")
    become(visitor, "Two")


def test_a_cache_that_is_down_makes_no_guests(
    app: Any, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mint(wire)
    visitor = visit()
    before = become(visitor)
    with monkeypatch.context() as patch:
        patch.setattr(LocMemCache, "incr", mock.Mock(side_effect=ConnectionError))
        with pytest.raises(TransportError, match="cache"):
            become(visit())
        assert become(visitor) == before
    # Nor does one that goes down meanwhile hide what went wrong.
    for url in (TOKEN_URL, GUEST_URL):
        wire.remove("POST", url)

    def go_down(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        monkeypatch.setattr(LocMemCache, "incr", mock.Mock(side_effect=ConnectionError))
        return 403, {}, ""

    wire.add_callback("POST", GUEST_URL, go_down)
    with pytest.raises(ApiError):
        become(visit())


def test_the_cache_tells_nobody(
    app: Any, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    add = LocMemCache.add

    def listen(self: LocMemCache, key: str, *args: Any, **options: Any) -> bool:
        keys.append(f"{key} {args} {options}")
        return add(self, key, *args, **options)

    monkeypatch.setattr(LocMemCache, "add", listen)
    mint(wire)
    visitor = visit()
    become(visitor)
    assert len(keys) == 2
    for key in keys:
        assert "192.0.2.1" not in key
        assert str(visitor.session.session_key) not in key
        assert visitor.session[SESSION_KEY]["subject"] not in key


# The service app's own token


def test_the_first_guest_brings_the_app_s_token(app: Any, wire: responses.RequestsMock) -> None:
    mint(wire)
    become(visit())
    assert sent(wire)[0].headers["Authorization"] == f"Bearer {NEW_ACCESS}"
    token = WebexToken.objects.get()
    assert (token.user, token.service_app, token.client_id) == (None, APP, APP)
    assert (token.access_token, token.refresh_token) == (NEW_ACCESS, NEW_REFRESH)
    become(visit())
    assert len(sent(wire, TOKEN_URL)) == 1


def test_a_refused_app_token_is_refreshed_once(app: Any, wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.post(GUEST_URL, json=UNAUTHORIZED, status=401)
    wire.post(GUEST_URL, json=app_answer())
    assert become(visit()).access_token == "SENTINELguest1"
    assert len(sent(wire, TOKEN_URL)) == 2


def test_and_not_for_ever(app: Any, wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.post(GUEST_URL, json=UNAUTHORIZED, status=401)
    with pytest.raises(ReauthorizationRequired):
        become(visit())
    assert len(sent(wire)) == 2
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


def test_a_dead_app_token(
    app: Any, wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    wire.post(TOKEN_URL, json=DEAD, status=400)
    for _ in range(2):
        with pytest.raises(ReauthorizationRequired, match=r"developer\.webex\.com"):
            become(visit())
    assert len(wire.calls) == 1
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert 'WEBEX_WIDGETS["GUESTS"]["REFRESH_TOKEN"]' in record.getMessage()


@pytest.mark.parametrize("status", [503, 429])
def test_an_app_token_that_cannot_be_had_now(
    app: Any, wire: responses.RequestsMock, status: int
) -> None:
    wire.post(TOKEN_URL, status=status)
    with pytest.raises(TransportError):
        become(visit())
    mint(wire)
    wire.remove("POST", TOKEN_URL)
    wire.post(TOKEN_URL, json=GRANT)
    assert become(visit()).access_token == "SENTINELguest1"


def test_an_app_token_without_an_app(issuer: Any) -> None:
    with pytest.raises(GuestsNotSetUp):
        tokens.get_service_app_token()


def test_reprs() -> None:
    for thing in (
        Guest("SENTINEL", None, "Grace", "subject"),
        GuestGrant("SENTINEL", None),
        guests._Known("Grace", "s", "Grace", "b", "SENTINEL", None),
    ):
        assert "SENTINEL" not in repr(thing)
