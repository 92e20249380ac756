"""Guests and the service app that makes them, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
import time_machine
from pytest_django import Settings

from tests.sandbox.conftest import (
    CLIENT_ID,
    CLIENT_SECRET,
    SERVICE_APP_ID,
    SERVICE_APP_REFRESH_TOKEN,
    SERVICE_APP_SECRET,
    Sandbox,
)
from webex_widgets.sandbox.data import ADA, GRACE, SERVICE_APP
from webex_widgets.sandbox.state import STATE

BODY = {"subject": "visitor-1", "displayName": "Vera"}
CONVERSATION = "/cloud/conv-a.wbx2.com/conversation/api/v1"
ISSUER = "sandbox-issuer"
KEY = b"a key of at least thirty-two bytes, as HS256 wants"


# The service app


def test_the_service_app_refreshes_with_its_own_credentials(sandbox: Sandbox) -> None:
    answer = sandbox.refresh_service_app()
    assert answer.status_code == 200
    assert answer.json()["scope"] == "guest-issuer:write"
    assert answer.json()["expires_in"] == 1209599
    assert answer.json()["refresh_token"] == SERVICE_APP_REFRESH_TOKEN
    me = sandbox.get("/v1/people/me", answer.json()["access_token"]).json()
    assert me["emails"] == [SERVICE_APP.email]
    assert sandbox.get("/v1/rooms", answer.json()["access_token"]).json() == {"items": []}
    again = sandbox.refresh_service_app().json()
    assert again["access_token"] == answer.json()["access_token"]


def test_the_usual_rules_hold_for_its_refresh_token(sandbox: Sandbox) -> None:
    with time_machine.travel("2026-11-20T10:00:00Z", tick=False) as clock:
        STATE.reset()
        clock.shift(timedelta(days=80))
        first = sandbox.refresh_service_app().json()["access_token"]
        clock.shift(timedelta(days=80))
        second = sandbox.refresh_service_app().json()["access_token"]
        assert second != first
        clock.shift(timedelta(days=91))
        assert sandbox.refresh_service_app().status_code == 400
        STATE.reset()
        assert sandbox.refresh_service_app().status_code == 200


def test_a_revoked_service_app(sandbox: Sandbox) -> None:
    token = sandbox.refresh_service_app().json()["access_token"]
    STATE.revoke(SERVICE_APP)
    assert sandbox.refresh_service_app().status_code == 400
    assert sandbox.post("/v1/guests/token", token, json=BODY).status_code == 401


@pytest.mark.parametrize("refresh_token", ["", "invented"])
def test_an_invented_refresh_token(sandbox: Sandbox, refresh_token: str) -> None:
    refused = sandbox.refresh_service_app(refresh_token)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        ((CLIENT_ID, CLIENT_SECRET), 400),
        ((SERVICE_APP_ID, CLIENT_SECRET), 401),
        ((CLIENT_ID, SERVICE_APP_SECRET), 401),
    ],
)
def test_each_client_has_its_own_tokens(
    sandbox: Sandbox, credentials: tuple[str, str], status: int
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": SERVICE_APP_REFRESH_TOKEN}
    assert sandbox.post("/v1/access_token", data=form, auth=credentials).status_code == status
    theirs = sandbox.exchange(sandbox.consent()).json()["refresh_token"]
    assert sandbox.refresh_service_app(theirs).status_code == 400
    stolen = {"client_id": SERVICE_APP_ID, "client_secret": SERVICE_APP_SECRET}
    assert sandbox.exchange(sandbox.consent(), **stolen).status_code == 400


@pytest.mark.parametrize("guests", [None, "nonsense", {}, {"CLIENT_ID": 1}])
def test_a_site_without_guests(sandbox: Sandbox, settings: Settings, guests: object) -> None:
    token = sandbox.refresh_service_app().json()["access_token"]
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": guests}
    assert sandbox.refresh_service_app().status_code == 401
    assert sandbox.post("/v1/guests/token", token, json=BODY).status_code == 401


# A guest's token


def test_a_guest(sandbox: Sandbox) -> None:
    app = sandbox.refresh_service_app().json()["access_token"]
    answer = sandbox.post("/v1/guests/token", app, json=BODY)
    assert answer.status_code == 200
    said = answer.json()
    assert set(said) == {"id", "subject", "displayName", "email", "accessToken", "expiresIn"}
    assert (said["subject"], said["displayName"]) == ("visitor-1", "Vera")
    assert said["expiresIn"] == 64799
    assert len(said["accessToken"].split("_")) == 3
    me = sandbox.get("/v1/people/me", said["accessToken"]).json()
    assert me["id"] == said["id"]
    assert me["emails"] == [said["email"]]
    assert me["displayName"] == "Vera"


@pytest.mark.parametrize("bearer", ["", "invented", "ada", "refresh"])
def test_only_the_service_app_makes_guests(sandbox: Sandbox, ada: str, bearer: str) -> None:
    tokens = {"ada": ada, "refresh": SERVICE_APP_REFRESH_TOKEN}
    refused = sandbox.post("/v1/guests/token", tokens.get(bearer, bearer), json=BODY)
    assert refused.status_code == 401
    assert set(refused.json()) == {"message", "errors", "trackingId"}


def test_a_guest_makes_no_guests(sandbox: Sandbox) -> None:
    # It belongs to the same client, but was not allowed to.
    guest = sandbox.guest()["accessToken"]
    assert sandbox.post("/v1/guests/token", guest, json=BODY).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"subject": "visitor-1"},
        {"displayName": "Vera"},
        {"subject": "visitor-1", "displayName": " "},
        {"subject": "visitor 1", "displayName": "Vera"},
        {"subject": 1, "displayName": "Vera"},
    ],
)
def test_a_body_that_does_not_do(sandbox: Sandbox, body: object) -> None:
    app = sandbox.refresh_service_app().json()["access_token"]
    refused = sandbox.post("/v1/guests/token", app, json=body)
    assert refused.status_code == 400
    assert refused.json()["errors"] == [{"description": refused.json()["message"]}]
    assert refused.json()["trackingId"] == refused.headers["trackingid"]


@pytest.mark.parametrize("path", ["/v1/guests/token", "/v1/jwt/login"])
def test_methods(sandbox: Sandbox, path: str) -> None:
    assert sandbox.get(path).status_code == 405


def test_the_same_subject_is_the_same_guest_by_whatever_name(sandbox: Sandbox) -> None:
    first, second = sandbox.guest(name="Vera"), sandbox.guest(name="Vera N.")
    assert first["id"] == second["id"]
    assert sandbox.guest(subject="visitor-2")["id"] != first["id"]
    path = f"{CONVERSATION}/conversations/user/{ADA.email}"
    talks = [sandbox.get(path, each["accessToken"]).json()["id"] for each in (first, second)]
    assert talks[0] == talks[1]


def test_a_guests_token_ends_and_survives_a_restart(sandbox: Sandbox) -> None:
    with time_machine.travel("2026-11-20T10:00:00Z", tick=False) as clock:
        guest = sandbox.guest()["accessToken"]
        STATE.reset()
        assert sandbox.get("/v1/people/me", guest).json()["displayName"] == "Vera"
        clock.shift(timedelta(hours=18))
        assert sandbox.get("/v1/people/me", guest).status_code == 401


# What a guest may open


def test_a_guest_sees_the_space_that_is_open_to_guests(sandbox: Sandbox, ada: str) -> None:
    guest = sandbox.guest()
    token = guest["accessToken"]
    (room,) = sandbox.get("/v1/rooms?type=group", token).json()["items"]
    assert room["title"] == "Reception"
    assert sandbox.get(f"/v1/rooms/{room['id']}", token).status_code == 200
    others = sandbox.get("/v1/rooms?sortBy=lastactivity", ada).json()["items"]
    assert sandbox.get(f"/v1/rooms/{others[0]['id']}", token).status_code == 404

    sent = sandbox.post("/v1/messages", token, json={"roomId": room["id"], "text": "Hello"})
    assert sent.json()["personEmail"] == guest["email"]
    listed = sandbox.get(f"/v1/messages?roomId={room['id']}&max=1", ada).json()["items"]
    assert listed[0]["text"] == "Hello"


def test_a_guest_in_the_widgets_cloud(sandbox: Sandbox) -> None:
    guest = sandbox.guest()
    token = guest["accessToken"]
    space = next(space for space in STATE.spaces() if space.open_to_guests)
    found = sandbox.get(f"{CONVERSATION}/conversations/{space.uuid}", token).json()
    names = [each["displayName"] for each in found["participants"]["items"]]
    assert names == ["Grace Hopper", "Ada Lovelace", "Katherine Johnson", "Vera"]
    user = sandbox.get(f"{CONVERSATION}/users", token).json()
    assert user["displayName"] == "Vera"
    asked = [{"email": guest["email"]}, {"email": GRACE.email}]
    known = sandbox.post(f"{CONVERSATION}/users", token, json=asked).json()
    assert set(known) == {guest["email"], GRACE.email}
    (person,) = sandbox.get(f"/v1/people?id={UUID(user['id'])}", token).json()["items"]
    assert person["displayName"] == "Vera"


def test_a_guest_and_a_member_talk(sandbox: Sandbox, ada: str) -> None:
    token = sandbox.guest()["accessToken"]
    talk = sandbox.get(f"{CONVERSATION}/conversations/user/{ADA.email}", token).json()
    assert talk["displayName"] == ADA.name
    rooms = sandbox.get("/v1/rooms?type=direct", ada).json()["items"]
    assert "Vera" in [room["title"] for room in rooms]


# The older guest issuer


@pytest.fixture
def _issuer(sandbox: Sandbox, settings: Settings) -> None:
    guests = {"ISSUER_ID": ISSUER, "ISSUER_SECRET": base64.b64encode(KEY).decode()}
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": guests}


def claims(**changed: Any) -> dict[str, Any]:
    """Return what a site claims of a guest; ``None`` leaves a claim out."""
    said = {
        "sub": "visitor-1",
        "name": "Vera",
        "iss": ISSUER,
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def signed(key: bytes = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    """Return the claims as a JSON Web Token."""
    return jwt.encode(claims(**changed), key, algorithm=algorithm)


@pytest.mark.usefixtures("_issuer")
def test_a_guest_of_the_issuer(sandbox: Sandbox) -> None:
    answer = sandbox.post("/v1/jwt/login", signed())
    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expiresIn"}
    assert answer.json()["expiresIn"] == 21599
    me = sandbox.get("/v1/people/me", answer.json()["token"]).json()
    assert me["displayName"] == "Vera"
    (room,) = sandbox.get("/v1/rooms", answer.json()["token"]).json()["items"]
    assert room["title"] == "Reception"


@pytest.mark.usefixtures("_issuer")
@pytest.mark.parametrize(
    "changed",
    [
        {"key": b"another key, which is also thirty-two bytes long"},
        {"key": KEY + b"x" * 32, "algorithm": "HS512"},
        {"iss": "another"},
        {"iss": None},
        {"sub": None},
        {"sub": "visitor 1"},
        {"sub": ""},
        {"name": None},
        {"exp": None},
        {"exp": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_text_that_does_not_do(sandbox: Sandbox, changed: dict[str, Any]) -> None:
    refused = sandbox.post("/v1/jwt/login", signed(**changed))
    assert refused.status_code == 401
    assert set(refused.json()) == {"message", "errors", "trackingId"}


@pytest.mark.usefixtures("_issuer")
def test_a_text_without_a_signature(sandbox: Sandbox) -> None:
    unsigned = signed().rpartition(".")[0]
    assert sandbox.post("/v1/jwt/login", f"{unsigned}.").status_code == 401


@pytest.mark.usefixtures("_issuer")
@pytest.mark.parametrize(
    "text", ["", "nonsense", "a.b", "a.b.c", "a.W10.c", "a.bnVsbA.c", "é.W10.c"]
)
def test_a_text_that_is_no_token(sandbox: Sandbox, text: str) -> None:
    headers = {"Authorization": f"Bearer {text}".encode("latin-1")}
    assert sandbox.call("POST", "/v1/jwt/login", headers=headers).status_code == 401


def test_no_issuer(sandbox: Sandbox, settings: Settings) -> None:
    assert sandbox.post("/v1/jwt/login", signed()).status_code == 401
    text = signed().rpartition(".")[0]
    # With an empty key, anybody could sign; PyJWT does not.
    digest = hmac.new(b"", text.encode(), hashlib.sha256).digest()
    text += "." + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    for secret in ("", "not base64!"):
        guests = {"ISSUER_ID": ISSUER, "ISSUER_SECRET": secret}
        settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": guests}
        assert sandbox.post("/v1/jwt/login", text).status_code == 401
