"""One token's life, against a wire that answers as Webex does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from django.contrib.auth.models import AnonymousUser, User
from django.db import connections, transaction
from pytest_django import Settings

from webex_widgets import signals, tokens
from webex_widgets.client.transport import Transport
from webex_widgets.client.types import Person, TokenGrant
from webex_widgets.exceptions import (
    ApiError,
    DecryptionError,
    InvalidClient,
    NotConnected,
    ReauthorizationRequired,
    TransportError,
    WebexTimeout,
)
from webex_widgets.models import WebexToken

from .conftest import (
    ACCESS,
    API,
    CLIENT_ID,
    DEAD,
    GRANT,
    NEW_ACCESS,
    NEW_REFRESH,
    REFRESH,
    UNAUTHORIZED,
    make_token,
)
from .test_guests import APP, APP_REFRESH, APP_SECRET, SERVICE_APP

TOKEN_URL = f"{API}/access_token"
SOON = timedelta(hours=1)


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Yield the names of the signals that were sent."""
    sent = (
        "webex_connected",
        "webex_disconnected",
        "webex_token_refreshed",
        "webex_reauthorization_required",
    )
    names: list[str] = []

    def listener(name: str) -> Callable[..., None]:
        def listen(**arguments: Any) -> None:
            assert arguments["user"].get_username() == "ada"
            names.append(name)

        return listen

    listeners = {name: listener(name) for name in sent}
    for name, listen in listeners.items():
        getattr(signals, name).connect(listen)
    yield names
    for name, listen in listeners.items():
        getattr(signals, name).disconnect(listen)


def due(user: User, **fields: Any) -> WebexToken:
    """Create a token that ends within the hour."""
    return make_token(user, access_token_expires_at=datetime.now(UTC) + SOON, **fields)


def ended(user: User, **fields: Any) -> WebexToken:
    """Create a token that has ended."""
    return make_token(user, access_token_expires_at=datetime.now(UTC) - SOON, **fields)


def asked(wire: responses.RequestsMock, number: int = 0) -> dict[str, list[str]]:
    body = wire.calls[number].request.body
    assert isinstance(body, str)
    return parse_qs(body)


def test_a_valid_token_asks_nobody(
    user: User, token: WebexToken, wire: responses.RequestsMock
) -> None:
    assert tokens.get_access_token(user) == ACCESS
    assert not wire.calls


@pytest.mark.django_db
def test_nobody_is_not_connected(user: User) -> None:
    with pytest.raises(NotConnected):
        tokens.get_access_token(user)
    with pytest.raises(NotConnected):
        tokens.get_access_token(AnonymousUser())


def test_a_dead_token_asks_nobody(user: User, wire: responses.RequestsMock) -> None:
    make_token(user, status=WebexToken.Status.REAUTHORIZATION_REQUIRED)
    with pytest.raises(ReauthorizationRequired):
        tokens.get_access_token(user)
    assert not wire.calls


def test_a_due_token_is_refreshed(
    user: User,
    wire: responses.RequestsMock,
    heard: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    before = due(user)
    wire.post(TOKEN_URL, json=GRANT)
    with django_capture_on_commit_callbacks(execute=True):
        assert tokens.get_access_token(user) == NEW_ACCESS
    assert asked(wire) == {
        "grant_type": ["refresh_token"],
        "refresh_token": [REFRESH],
        "client_id": [CLIENT_ID],
        "client_secret": ["sentinel-client-secret"],
    }
    after = WebexToken.objects.get()
    assert after.refresh_token == NEW_REFRESH
    assert after.access_token_expires_at is not None
    assert after.access_token_expires_at - datetime.now(UTC) > timedelta(days=13)
    assert after.refresh_token_expires_at is not None
    assert after.refresh_token_expires_at - datetime.now(UTC) > timedelta(days=89)
    assert after.refreshed_at > before.refreshed_at
    assert after.claimed_until is None
    assert heard == ["webex_token_refreshed"]


@pytest.mark.parametrize("missing", ["refresh_token", "scope", "token_type", "expires_in", None])
def test_what_the_answer_leaves_out(
    user: User, wire: responses.RequestsMock, missing: str | None
) -> None:
    before = due(user)
    wire.post(TOKEN_URL, json={name: v for name, v in GRANT.items() if name != missing})
    tokens.get_access_token(user)
    after = WebexToken.objects.get()
    assert after.access_token == NEW_ACCESS
    assert after.refresh_token == (REFRESH if missing == "refresh_token" else NEW_REFRESH)
    assert after.scopes == before.scopes
    assert (after.access_token_expires_at is None) == (missing == "expires_in")


@pytest.mark.parametrize("answered", [REFRESH, None, NEW_REFRESH])
def test_the_refresh_token_s_end(
    user: User, wire: responses.RequestsMock, answered: str | None
) -> None:
    before = due(user)
    answer = {**GRANT, "refresh_token": answered, "refresh_token_expires_in": None}
    wire.post(TOKEN_URL, json=answer)
    tokens.get_access_token(user)
    after = WebexToken.objects.get()
    unchanged = before.refresh_token_expires_at
    assert after.refresh_token_expires_at == (None if answered == NEW_REFRESH else unchanged)


def test_the_same_token_again_is_a_success(user: User, wire: responses.RequestsMock) -> None:
    due(user)
    wire.post(TOKEN_URL, json={**GRANT, "access_token": ACCESS, "expires_in": 3600})
    assert tokens.get_access_token(user) == ACCESS
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


@pytest.mark.parametrize("scope", ["spark:rooms_read", "", None, 5, ["a"]])
@pytest.mark.parametrize("expires_in", [1209599, "1209599", 1209599.7, None, "soon", -1, 1e300, []])
def test_odd_fields_do_not_cost_the_grant(
    user: User, wire: responses.RequestsMock, scope: object, expires_in: object
) -> None:
    due(user)
    wire.post(TOKEN_URL, json={**GRANT, "scope": scope, "expires_in": expires_in})
    tokens.get_access_token(user)
    after = WebexToken.objects.get()
    assert after.access_token == NEW_ACCESS
    assert after.scopes == (scope if isinstance(scope, str) and scope else "spark:all spark:kms")


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize(
    "body",
    [
        DEAD,
        {"error": "invalid_grant"},
        {"error": "invalid_grant", "error_description": "issued to another client"},
        {"message": "Bad.", "errors": [{"description": "Bad."}], "trackingId": "ROUTER_1"},
        {},
    ],
)
def test_refused_means_dead(
    user: User,
    wire: responses.RequestsMock,
    heard: list[str],
    django_capture_on_commit_callbacks: Any,
    status: int,
    body: dict[str, Any],
) -> None:
    due(user)
    wire.post(TOKEN_URL, json=body, status=status)
    with (
        django_capture_on_commit_callbacks(execute=True),
        pytest.raises(ReauthorizationRequired),
    ):
        tokens.get_access_token(user)
    after = WebexToken.objects.get()
    assert after.status == WebexToken.Status.REAUTHORIZATION_REQUIRED
    assert (after.access_token, after.refresh_token) == (ACCESS, REFRESH)
    assert after.claimed_until is None
    assert heard == ["webex_reauthorization_required"]


PASSING: list[dict[str, Any]] = [
    {"json": {"error": "invalid_client"}, "status": 401},
    {"json": {"message": "client_secret cannot be null or empty"}, "status": 400},
    {"json": {"message": "Client authentication failed"}, "status": 400},
    {"json": {"error": "unauthorized_client"}, "status": 400},
    {"json": {"error": "tokenlimit_reached"}, "status": 400},
    {"json": {"error": "server_error"}, "status": 400},
    {"body": "<html>no", "status": 400},
    {"body": "", "status": 401},
    {"json": DEAD, "status": 403},
    {"json": DEAD, "status": 404},
    {"json": DEAD, "status": 423},
    {"body": "<html>", "status": 429, "headers": {"Retry-After": "3600"}},
    {"json": DEAD, "status": 500},
    {"json": DEAD, "status": 503},
    {"body": "<html>", "status": 200},
    {"json": [], "status": 200},
    {"json": {}, "status": 200},
    {"json": {"access_token": ""}, "status": 200},
    {"json": {"access_token": ["x"]}, "status": 200},
    {"body": requests.ConnectionError("no")},
    {"body": requests.ReadTimeout("no")},
    {"status": 302, "headers": {"Location": "https://evil.example/"}},
]


@pytest.mark.parametrize("answer", PASSING, ids=lambda answer: str(answer)[:60])
def test_everything_else_marks_nobody(
    user: User, wire: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    due(user)
    wire.post(TOKEN_URL, **answer)
    assert tokens.get_access_token(user) == ACCESS  # still valid for an hour
    after = WebexToken.objects.get()
    assert after.status == WebexToken.Status.ACTIVE
    assert (after.access_token, after.refresh_token) == (ACCESS, REFRESH)
    assert after.claimed_until is None


@pytest.mark.parametrize("answer", PASSING, ids=lambda answer: str(answer)[:60])
def test_and_is_an_error_once_the_token_has_ended(
    user: User, wire: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    ended(user)
    wire.post(TOKEN_URL, **answer)
    with pytest.raises((TransportError, InvalidClient)):
        tokens.get_access_token(user)
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


def test_a_wrong_secret_names_the_settings(user: User, wire: responses.RequestsMock) -> None:
    ended(user)
    wire.post(TOKEN_URL, json={"error": "invalid_client"}, status=401)
    with pytest.raises(InvalidClient, match="CLIENT_SECRET"):
        tokens.get_access_token(user)


def test_another_client_id_is_not_asked_about(
    user: User, wire: responses.RequestsMock, settings: Settings
) -> None:
    ended(user)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "CLIENT_ID": "another"}
    with pytest.raises(InvalidClient, match="CLIENT_ID"):
        tokens.get_access_token(user)
    assert not wire.calls
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


@pytest.mark.parametrize(
    "fields",
    [{"refresh_token": ""}, {"refresh_token_expires_at": datetime(2020, 1, 1, tzinfo=UTC)}],
)
def test_without_a_refresh_token_that_lives_nobody_is_asked(
    user: User, wire: responses.RequestsMock, fields: dict[str, Any]
) -> None:
    ended(user, **fields)
    with pytest.raises(ReauthorizationRequired):
        tokens.get_access_token(user)
    assert not wire.calls
    assert WebexToken.objects.get().status == WebexToken.Status.REAUTHORIZATION_REQUIRED


@pytest.mark.parametrize("ends", [timedelta(hours=1), None])
def test_but_while_the_access_token_may_live_it_is_used(
    user: User, wire: responses.RequestsMock, ends: timedelta | None
) -> None:
    """Webex may grant no refresh token, and not say when the access token ends."""
    until = None if ends is None else datetime.now(UTC) + ends
    make_token(user, refresh_token="", access_token_expires_at=until)
    assert tokens.get_access_token(user) == ACCESS
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


def test_an_unknown_end_outlives_bad_weather(user: User, wire: responses.RequestsMock) -> None:
    make_token(user, access_token_expires_at=None)
    wire.post(TOKEN_URL, status=503)
    assert tokens.get_access_token(user) == ACCESS


def test_unreadable_is_neither_asked_nor_marked(
    user: User, wire: responses.RequestsMock, settings: Settings
) -> None:
    ended(user)
    settings.SECRET_KEY = "another"
    with pytest.raises(DecryptionError):
        tokens.get_access_token(user)
    assert not wire.calls
    after = WebexToken.objects.get()
    assert (after.status, after.claimed_until) == (WebexToken.Status.ACTIVE, None)


def test_a_short_lived_token_is_due_in_its_second_half(user: User) -> None:
    now = datetime.now(UTC)
    token = make_token(user, refreshed_at=now, access_token_expires_at=now + timedelta(hours=12))
    before = timedelta(days=3)
    assert not token.is_due(now + timedelta(hours=5), before)
    assert token.is_due(now + timedelta(hours=7), before)
    token.access_token_expires_at = None
    assert token.is_due(now, before)
    assert not token.ends_within(now, 0)


# Claims


def claimed(token: WebexToken, seconds: float = 60) -> datetime:
    """Let somebody else claim the row."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    WebexToken.objects.filter(pk=token.pk).update(claimed_until=until)
    return until


def test_a_claimed_token_that_lives_is_good_at_once(
    user: User, wire: responses.RequestsMock
) -> None:
    until = claimed(due(user))
    assert tokens.get_access_token(user) == ACCESS
    assert not wire.calls
    assert WebexToken.objects.get().claimed_until == until


def test_a_claim_that_stays_is_waited_for_as_long_as_there_is_time(
    user: User, wire: responses.RequestsMock, settings: Settings
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REQUEST_TIMEOUT": 0.2}
    claimed(ended(user))
    with pytest.raises(WebexTimeout):
        tokens.get_access_token(user)
    assert not wire.calls


def test_a_claim_that_has_run_out_is_anybody_s(user: User, wire: responses.RequestsMock) -> None:
    claimed(ended(user), seconds=-1)
    wire.post(TOKEN_URL, json=GRANT)
    assert tokens.get_access_token(user) == NEW_ACCESS


def others_claim(token: WebexToken) -> tokens.Claim:
    """Return the claim of somebody else who is about to settle."""
    (claim,) = tokens.claim_all([WebexToken.objects.get(pk=token.pk)])
    return claim


def meanwhile(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> None:
    """Let something happen while a caller waits for another's claim."""
    monkeypatch.setattr(time, "sleep", lambda seconds: happen())


@pytest.mark.parametrize("refused", [False, True])
def test_the_winner_s_token_is_everyone_s(
    user: User, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    token = ended(user)
    winner = others_claim(token)
    meanwhile(monkeypatch, lambda: tokens.settle(winner, grant()))
    with Transport(total=5) as transport:
        tokens.refresh(transport, token, refused=refused)
    assert token.access_token == NEW_ACCESS
    assert not wire.calls


def test_the_winner_s_refusal_too(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ended(user)
    winner = others_claim(token)
    meanwhile(monkeypatch, lambda: tokens.settle(winner, None))
    with Transport(total=5) as transport, pytest.raises(ReauthorizationRequired):
        tokens.refresh(transport, token)


def test_disconnected_while_waiting(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ended(user)
    claimed(token)
    meanwhile(monkeypatch, WebexToken.objects.all().delete)
    with Transport(total=5) as transport, pytest.raises(NotConnected):
        tokens.refresh(transport, token)


@pytest.mark.parametrize("answered", [True, False])
def test_a_result_never_lands_on_a_newer_grant(user: User, answered: bool) -> None:
    token = ended(user)
    (mine,) = tokens.claim_all([token])
    newer = TokenGrant("NEWER_x_y", "NEWER", datetime.now(UTC) + timedelta(days=1), None, None)
    tokens.store(user.pk, newer, None)
    assert not tokens.settle(mine, grant() if answered else None)
    after = WebexToken.objects.get()
    assert (after.access_token, after.status) == ("NEWER_x_y", WebexToken.Status.ACTIVE)


def test_a_late_success_outweighs_a_refusal(user: User) -> None:
    """The first refresher's claim runs out; the second is refused, for the token has rotated."""
    token = ended(user)
    slow = others_claim(token)
    claimed(token, seconds=-1)
    (quick,) = tokens.claim_all([token])
    assert tokens.settle(quick, None)
    assert tokens.settle(slow, grant())
    after = WebexToken.objects.get()
    assert (after.status, after.access_token) == (WebexToken.Status.ACTIVE, NEW_ACCESS)


def test_an_own_claim_ends_with_an_error_and_another_s_does_not(user: User) -> None:
    token = ended(user)
    (mine,) = tokens.claim_all([token])
    theirs = claimed(token)
    tokens.release(mine)
    assert WebexToken.objects.get().claimed_until == theirs


@pytest.mark.django_db(transaction=True)
def test_two_threads_one_request(user: User, wire: responses.RequestsMock) -> None:
    ended(user)
    wire.post(TOKEN_URL, json=GRANT)
    got: list[str] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        got.append(tokens.get_access_token(user))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [NEW_ACCESS] * 4
    assert len(wire.calls) == 1


# Connecting, and calls that are refused


def grant(**fields: Any) -> TokenGrant:
    made = TokenGrant.from_answer({**GRANT, **fields}, datetime.now(UTC))
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("person", "kept"),
    [
        (Person("PERSON_ADA", "ada@example.com"), True),
        (None, True),
        (Person("PERSON_GRACE", "grace@example.com"), False),
    ],
)
def test_nothing_does_not_replace_a_refresh_token(
    user: User, token: WebexToken, person: Person | None, kept: bool
) -> None:
    tokens.store(user.pk, grant(refresh_token=None), person)
    after = WebexToken.objects.get()
    assert after.refresh_token == (REFRESH if kept else "")
    assert after.access_token == NEW_ACCESS
    assert after.email == (person.email if person else "")


def test_connecting_revives(user: User) -> None:
    make_token(user, status=WebexToken.Status.REAUTHORIZATION_REQUIRED)
    tokens.store(user.pk, grant(), None)
    assert tokens.get_access_token(user) == NEW_ACCESS


def test_one_account_for_two_users(token: WebexToken, django_user_model: Any) -> None:
    other = django_user_model.objects.create_user("grace")
    tokens.store(other.pk, grant(refresh_token=REFRESH), Person("PERSON_ADA", "ada@example.com"))
    assert WebexToken.objects.count() == 2


def test_refused_once(user: User, token: WebexToken, wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    seen: list[str] = []

    def request(access_token: str) -> str:
        seen.append(access_token)
        if access_token == ACCESS:
            raise ApiError(401, "no", "none")
        return "answer"

    with Transport(total=5) as transport:
        assert tokens.call(transport, token, request) == "answer"
    assert seen == [ACCESS, NEW_ACCESS]


def test_refused_for_ever_is_not_marked(token: WebexToken, wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json=UNAUTHORIZED, status=401)
    with Transport(total=5) as transport, pytest.raises(ReauthorizationRequired):
        tokens.call(transport, token, lambda access: transport.get("people/me", access))
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE
    assert len(wire.calls) == 3


@pytest.mark.parametrize("first", [403, 401])
def test_another_refusal_is_the_caller_s(
    token: WebexToken, wire: responses.RequestsMock, first: int
) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json={}, status=first)
    wire.get(f"{API}/people/me", json={}, status=403)
    with Transport(total=5) as transport, pytest.raises(ApiError) as raised:
        tokens.call(transport, token, lambda access: transport.get("people/me", access))
    assert raised.value.status == 403


# Disconnecting


def test_disconnect(
    user: User, token: WebexToken, heard: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert tokens.disconnect(user)
    assert not WebexToken.objects.exists()
    assert heard == ["webex_disconnected"]
    assert not tokens.disconnect(user)


REVOKE = "https://idbroker.webex.com/idb/oauth2/v1/revoke"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_revoking_is_best_effort(
    user: User,
    token: WebexToken,
    wire: responses.RequestsMock,
    settings: Settings,
    status: int,
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REVOKE_ON_DISCONNECT": True}
    wire.post(REVOKE, status=status)
    assert tokens.disconnect(user)
    assert not WebexToken.objects.exists()
    assert asked(wire) == {"token": [REFRESH], "token_type_hint": ["refresh_token"]}
    assert wire.calls[0].request.headers["Authorization"].startswith("Basic ")


def test_an_account_that_another_user_shares_is_not_revoked(
    user: User,
    token: WebexToken,
    wire: responses.RequestsMock,
    settings: Settings,
    django_user_model: Any,
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REVOKE_ON_DISCONNECT": True}
    make_token(django_user_model.objects.create_user("grace"))
    assert tokens.disconnect(user)
    assert not wire.calls


def test_signals_wait_for_the_commit(
    user: User, heard: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        tokens.store(user.pk, grant(), None)
        assert heard == []
    assert heard == ["webex_connected"]


def test_a_receiver_that_fails_disturbs_nobody(
    user: User,
    heard: list[str],
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**arguments: Any) -> None:
        raise RuntimeError("receiver")

    signals.webex_connected.connect(fail)
    with django_capture_on_commit_callbacks(execute=True):
        tokens.store(user.pk, grant(), None)
    assert heard == ["webex_connected"]
    assert "receiver" in caplog.text


def test_nobody_gets_a_claim_twice(user: User, django_user_model: Any) -> None:
    """Not even two who ask in the same microsecond, with other rows in between."""
    first = make_token(user)
    second = make_token(django_user_model.objects.create_user("grace"))
    now = datetime.now(UTC)
    until = now + timedelta(seconds=60)
    assert WebexToken.objects.claim([first], now, until) == {first.pk}
    assert WebexToken.objects.claim([second, first], now, until) == {second.pk}
    assert WebexToken.objects.claim([second, first], now, until) == set()


# The service app's own token


@pytest.fixture
def app(db: None, settings: Settings) -> dict[str, Any]:
    """Set a service app up; return its settings, to change them."""
    values: dict[str, Any] = dict(SERVICE_APP)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": values}
    return values


def app_token() -> str:
    """Return the service app's access token."""
    with Transport(total=5) as transport:
        return tokens.valid_access_token(transport, tokens.get_service_app_token())


def test_a_service_app_s_token(
    app: Any,
    token: WebexToken,
    wire: responses.RequestsMock,
    heard: list[str],
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is made of the setting, with the service app's credentials, and no user hears of it."""
    wire.post(TOKEN_URL, json=GRANT)
    with django_capture_on_commit_callbacks(execute=True):
        assert app_token() == NEW_ACCESS
    assert asked(wire) == {
        "grant_type": ["refresh_token"],
        "refresh_token": [APP_REFRESH],
        "client_id": [APP],
        "client_secret": [APP_SECRET],
    }
    stored = WebexToken.objects.get(user=None)
    assert (stored.service_app, stored.client_id, stored.claimed_until) == (APP, APP, None)
    assert (stored.refresh_token, str(stored)) == (NEW_REFRESH, "the service app")
    assert app_token() == NEW_ACCESS
    assert len(wire.calls) == 1
    assert heard == []
    assert not caplog.records  # a receiver that fails would be logged


def test_a_living_refresh_token_is_never_replaced(
    app: dict[str, Any], wire: responses.RequestsMock
) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    app_token()
    WebexToken.objects.update(access_token_expires_at=datetime.now(UTC) - SOON)
    app["REFRESH_TOKEN"] = "another"
    app_token()
    assert asked(wire, 1)["refresh_token"] == [NEW_REFRESH]


def die(wire: responses.RequestsMock) -> None:
    """Let Webex refuse the service app's refresh token."""
    refusal = wire.post(TOKEN_URL, json=DEAD, status=400)
    with pytest.raises(ReauthorizationRequired, match="GUESTS"):
        app_token()
    wire.remove(refusal)
    wire.calls.reset()


def test_a_new_refresh_token_revives_the_service_app(
    app: dict[str, Any], wire: responses.RequestsMock
) -> None:
    die(wire)
    with pytest.raises(ReauthorizationRequired):
        app_token()
    assert not wire.calls
    app["REFRESH_TOKEN"] = "another"
    wire.post(TOKEN_URL, json=GRANT)
    assert app_token() == NEW_ACCESS
    assert asked(wire)["refresh_token"] == ["another"]
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE


def test_and_is_tried_once_where_it_is_dead_too(
    app: dict[str, Any], wire: responses.RequestsMock
) -> None:
    die(wire)
    app["REFRESH_TOKEN"] = "another"
    wire.post(TOKEN_URL, status=503)
    with pytest.raises(TransportError):
        app_token()
    wire.replace("POST", TOKEN_URL, json=DEAD, status=400)
    for _ in range(3):
        with pytest.raises(ReauthorizationRequired):
            app_token()
    assert [asked(wire, number)["refresh_token"] for number in (0, 1)] == [["another"]] * 2
    assert len(wire.calls) == 2
    assert WebexToken.objects.get().refresh_token == "another"


def test_a_dead_row_that_no_key_fits(
    app: dict[str, Any], wire: responses.RequestsMock, settings: Settings
) -> None:
    die(wire)
    settings.SECRET_KEY = "another"
    wire.post(TOKEN_URL, json=GRANT)
    assert app_token() == NEW_ACCESS


def test_a_row_that_goes_while_it_is_revived(
    app: dict[str, Any], wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(wire)
    app["REFRESH_TOKEN"] = "another"
    monkeypatch.setattr(
        "webex_widgets.managers.WebexTokenQuerySet.settle",
        lambda queryset, key, *_: queryset.filter(pk=key).delete(),
    )
    assert tokens.get_service_app_token().refresh_token == "another"


def test_a_service_app_s_wrong_secret(
    app: Any, wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    wire.post(TOKEN_URL, json={"error": "invalid_client"}, status=401)
    with pytest.raises(InvalidClient, match=r'Check WEBEX_WIDGETS\["GUESTS"\]\.'):
        app_token()
    assert WebexToken.objects.get().status == WebexToken.Status.ACTIVE
    now = datetime.now(UTC)
    WebexToken.objects.update(
        access_token="still good",
        access_token_expires_at=now + SOON,
        refreshed_at=now - timedelta(days=13),
    )
    assert app_token() == "still good"
    assert "the service app failed" in caplog.text


def test_a_service_app_that_is_gone(
    app: dict[str, Any], wire: responses.RequestsMock, settings: Settings
) -> None:
    old = tokens.get_service_app_token()
    app["CLIENT_ID"] = "another"
    with Transport(total=5) as transport, pytest.raises(InvalidClient, match="GUESTS"):
        tokens.refresh(transport, old)
    assert tokens.get_service_app_token().pk != old.pk
    assert not wire.calls


def test_a_service_app_shares_no_account(
    app: Any, user: User, wire: responses.RequestsMock, settings: Settings
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REVOKE_ON_DISCONNECT": True}
    tokens.get_service_app_token()
    make_token(user, person_id="")
    wire.post(REVOKE)
    assert tokens.disconnect(user)
    assert len(wire.calls) == 1


@pytest.mark.django_db(transaction=True)
def test_many_first_guests_one_request(app: Any, wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    got: list[str] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        got.append(app_token())
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [NEW_ACCESS] * 4
    assert len(wire.calls) == 1
    assert WebexToken.objects.count() == 1
