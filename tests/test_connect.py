"""Connecting, coming back, disconnecting."""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
import responses
import time_machine
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client, override_settings
from django.urls import set_script_prefix
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from webex_widgets.models import WebexToken

from .conftest import API, CLIENT_ID, GRANT, NEW_ACCESS, NEW_REFRESH, PERSON, make_token

TOKEN_URL = f"{API}/access_token"


def begin(client: Client, next_url: str = "/projects/1/", **extra: Any) -> dict[str, str]:
    """Press the button; return the authorization request's parameters."""
    response = client.post("/webex/connect/", {"next": next_url}, **extra)
    assert response.status_code == 302
    address = urlsplit(response["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{API}/authorize"
    return dict(parse_qsl(address.query))


def come_back(client: Client, **query: str) -> Any:
    return client.get("/webex/callback/", query)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_whole_way(browser_client: Client, wire: responses.RequestsMock) -> None:
    page = browser_client.get("/webex/connect/", {"next": "/projects/1/"})
    assert page.status_code == 200
    assert "Continue to Webex" in page.text
    sent = begin(browser_client)
    assert sent["response_type"] == "code"
    assert sent["client_id"] == CLIENT_ID
    assert sent["redirect_uri"] == "http://testserver/webex/callback/"
    assert sent["scope"] == "spark:all spark:kms"
    assert sent["code_challenge_method"] == "S256"
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json=PERSON)
    response = come_back(browser_client, code="c0de", state=sent["state"])
    assert response.status_code == 302
    assert response["Location"] == "/projects/1/"
    assert said(response) == ["You are connected to Webex as ada@example.com."]
    body = parse_qs(str(wire.calls[0].request.body))
    (verifier,) = body.pop("code_verifier")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    assert challenge.decode().rstrip("=") == sent["code_challenge"]
    assert body == {
        "grant_type": ["authorization_code"],
        "code": ["c0de"],
        "redirect_uri": ["http://testserver/webex/callback/"],
        "client_id": [CLIENT_ID],
        "client_secret": ["sentinel-client-secret"],
    }
    token = WebexToken.objects.get()
    assert (token.access_token, token.refresh_token) == (NEW_ACCESS, NEW_REFRESH)
    assert (token.person_id, token.email) == ("PERSON_ADA", "ada@example.com")
    assert token.scopes == "spark:all spark:kms"
    page = browser_client.get("/webex/connect/")
    assert "You are connected to Webex as ada@example.com." in page.text


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "a_b_c"},
        {"access_token": "a_b_c", "scope": "spark:rooms_read"},
        {"access_token": "eyJ" + "x" * 4000, "expires_in": 43199},
    ],
)
def test_meagre_grants_are_kept_whole(
    browser_client: Client, wire: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    wire.post(TOKEN_URL, json=answer)
    wire.get(f"{API}/people/me", json={})
    sent = begin(browser_client)
    response = come_back(browser_client, code="c0de", state=sent["state"])
    assert said(response) == ["You are connected to Webex."]
    token = WebexToken.objects.get()
    assert token.access_token == answer["access_token"]
    assert token.scopes == answer.get("scope", "")
    assert token.refresh_token == ""


@pytest.mark.parametrize(
    "person",
    [{"json": {"emails": "ada"}}, {"json": {"emails": [5]}}, {"status": 500}, {"body": "<html>"}],
)
def test_who_it_is_may_stay_unknown(
    browser_client: Client, wire: responses.RequestsMock, person: dict[str, Any]
) -> None:
    """The code is spent by then: the grant must not be lost."""
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", **person)
    response = come_back(browser_client, code="c0de", state=begin(browser_client)["state"])
    assert response["Location"] == "/projects/1/"
    assert WebexToken.objects.get().email == ""
    assert "You are connected to Webex." in browser_client.get("/webex/connect/").text


@pytest.mark.parametrize(
    ("next_url", "place"),
    [
        ("/projects/1/?tab=2#here", "/projects/1/?tab=2#here"),
        ("http://testserver/here/", "http://testserver/here/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_where_to_next(
    browser_client: Client, wire: responses.RequestsMock, next_url: str, place: str
) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json=PERSON)
    sent = begin(browser_client, next_url)
    assert come_back(browser_client, code="c", state=sent["state"])["Location"] == place


def test_a_secure_site_does_not_come_back_to_plain_http(browser_client: Client) -> None:
    page = browser_client.get(
        "/webex/connect/", {"next": "http://testserver/x/"}, headers={}, secure=True
    )
    assert 'name="next" value="/"' in page.text


def test_a_redirect_uri_of_the_settings(
    browser_client: Client, wire: responses.RequestsMock, settings: Settings
) -> None:
    uri = "https://public.example/webex/callback/"
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REDIRECT_URI": uri}
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json=PERSON)
    sent = begin(browser_client)
    assert sent["redirect_uri"] == uri
    come_back(browser_client, code="c", state=sent["state"])
    assert parse_qs(str(wire.calls[0].request.body))["redirect_uri"] == [uri]


def test_under_a_prefix(browser_client: Client) -> None:
    set_script_prefix("/intranet/")
    try:
        sent = begin(browser_client, "")
        assert sent["redirect_uri"] == "http://testserver/intranet/webex/callback/"
        assert browser_client.get("/webex/connect/").context["next"] == "/intranet/"
    finally:
        set_script_prefix("/")


# Hostile callbacks

HOSTILE_STATES = ["", "x", "\x00", "é" * 1000, "x" * 100_000]


@pytest.mark.parametrize("state", HOSTILE_STATES)
def test_a_state_that_nobody_gave(
    browser_client: Client, wire: responses.RequestsMock, state: str
) -> None:
    begin(browser_client)
    response = come_back(browser_client, code="c0de", state=state)
    assert response.status_code == 400
    assert "no longer valid" in response.text
    assert response["Referrer-Policy"] == "no-referrer"
    assert not wire.calls


@pytest.mark.parametrize("query", [{}, {"code": "c0de"}])
def test_no_state_at_all(
    browser_client: Client, wire: responses.RequestsMock, query: dict[str, str]
) -> None:
    begin(browser_client)
    assert come_back(browser_client, **query).status_code == 400
    assert not wire.calls


@pytest.mark.parametrize("code", ["", "\x00", "é", "a\nb", "x" * 4097, b"\xff"])
def test_a_code_that_cannot_be_one(
    browser_client: Client, wire: responses.RequestsMock, code: str | bytes
) -> None:
    state = begin(browser_client)["state"]
    query: dict[str, str | bytes] = {"state": state, "code": code}
    response = browser_client.get("/webex/callback/", query)
    assert response.status_code == 400
    assert come_back(browser_client, code="c0de", state=state).status_code == 400  # spent
    assert not wire.calls


def test_replayed(browser_client: Client, wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json=PERSON)
    state = begin(browser_client)["state"]
    assert come_back(browser_client, code="c", state=state).status_code == 302
    assert come_back(browser_client, code="c", state=state).status_code == 400
    assert len(wire.calls) == 2


def test_foreign(
    browser_client: Client, wire: responses.RequestsMock, django_user_model: Any
) -> None:
    """A callback that an attacker began, opened by a victim: in no session of theirs."""
    attacker = Client()
    attacker.force_login(django_user_model.objects.create_user("mallory"))
    state = begin(attacker)["state"]
    assert come_back(browser_client, code="c", state=state).status_code == 400
    assert not wire.calls


def test_another_user_in_the_same_browser(
    browser_client: Client, wire: responses.RequestsMock, django_user_model: Any
) -> None:
    state = begin(browser_client)["state"]
    session = browser_client.session
    pending = session["webex_widgets.states"]
    browser_client.force_login(django_user_model.objects.create_user("grace"))
    session = browser_client.session
    session["webex_widgets.states"] = pending
    session.save()
    assert come_back(browser_client, code="c", state=state).status_code == 400
    assert not wire.calls


def test_stale(browser_client: Client, wire: responses.RequestsMock) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        state = begin(browser_client)["state"]
        clock.shift(601)
        assert come_back(browser_client, code="c", state=state).status_code == 400
    assert not wire.calls


def test_signed_out(client: Client, db: None, wire: responses.RequestsMock) -> None:
    assert come_back(client, code="c", state="x").status_code == 400
    assert not wire.calls


@hypothesis_settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.dictionaries(
        st.sampled_from(["state", "code", "error", "error_description", "w", "next"]), st.binary()
    )
)
def test_anything_at_all(
    browser_client: Client, wire: responses.RequestsMock, query: dict[str, bytes]
) -> None:
    begin(browser_client)
    assert browser_client.get("/webex/callback/", query).status_code in (302, 400, 502)
    assert not wire.calls


# Errors


@pytest.mark.parametrize("with_state", [True, False])
def test_declining_is_no_error(
    browser_client: Client, wire: responses.RequestsMock, with_state: bool
) -> None:
    sent = begin(browser_client)
    state = {"state": sent["state"]} if with_state else {}
    response = come_back(
        browser_client, error="access_denied", error_description="<script>", **state
    )
    assert response.status_code == 302
    assert response["Location"] == ("/projects/1/" if with_state else "/")
    assert said(response) == ["You are not connected to Webex: nothing was changed."]
    assert not wire.calls


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("invalid_scope", "how this site is set up"),
        ("server_error", "please try again"),
        ("<script>alert(1)</script>\n" * 100, "please try again"),
    ],
)
def test_other_errors_are_a_page(
    browser_client: Client, caplog: pytest.LogCaptureFixture, error: str, words: str
) -> None:
    state = begin(browser_client)["state"]
    response = come_back(browser_client, error=error, state=state)
    assert response.status_code == 502
    assert words in response.text
    assert "<script>alert" not in response.text
    assert "\n<script>" not in caplog.text
    assert "/webex/connect/?next=%2Fprojects%2F1%2F" in response.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"json": {"error": "invalid_grant"}, "status": 400}, "please try again"),
        ({"json": {"error": "invalid_client"}, "status": 401}, "how this site is set up"),
        ({"status": 500}, "please try again"),
        ({"body": requests.ReadTimeout()}, "please try again"),
        ({"body": "<html>", "status": 200}, "please try again"),
    ],
)
def test_an_exchange_that_fails(
    browser_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    answer: dict[str, Any],
    words: str,
) -> None:
    wire.post(TOKEN_URL, **answer)
    response = come_back(browser_client, code="c", state=begin(browser_client)["state"])
    assert response.status_code == 502
    assert words in response.text
    assert len(wire.calls) == 1  # a code works once: never again
    after = WebexToken.objects.get()
    assert (after.access_token, after.status) == (token.access_token, WebexToken.Status.ACTIVE)


def test_a_second_account_replaces_the_first(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    wire.get(f"{API}/people/me", json={"id": "PERSON_GRACE", "emails": ["grace@example.com"]})
    come_back(browser_client, code="c", state=begin(browser_client)["state"])
    after = WebexToken.objects.get()
    assert (after.pk, after.email, after.access_token) == (
        token.pk,
        "grace@example.com",
        NEW_ACCESS,
    )


# Asking, and disconnecting


def test_asking_changes_nothing(browser_client: Client, token: WebexToken) -> None:
    for name in ("connect", "disconnect"):
        page = browser_client.get(f"/webex/{name}/", {"next": '/"><script>'})
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert "no-store" in page["Cache-Control"]
    assert WebexToken.objects.exists()
    assert "webex_widgets.states" not in browser_client.session


def test_the_page_after_the_consent_ended(browser_client: Client, user: User) -> None:
    make_token(user, status=WebexToken.Status.REAUTHORIZATION_REQUIRED)
    assert "has ended" in browser_client.get("/webex/connect/").text


def test_disconnecting(browser_client: Client, token: WebexToken) -> None:
    assert "ada@example.com" in browser_client.get("/webex/disconnect/").text
    response = browser_client.post("/webex/disconnect/", {"next": "/bye/"})
    assert response["Location"] == "/bye/"
    assert said(response) == ["You are disconnected from Webex."]
    assert not WebexToken.objects.exists()
    assert "not connected" in browser_client.get("/webex/disconnect/").text
    again = browser_client.post("/webex/disconnect/")
    assert said(again) == ["You are disconnected from Webex."]  # the first one, not yet shown


def test_disconnecting_without_a_name(browser_client: Client, user: User) -> None:
    make_token(user, email="")
    assert "You are connected to Webex." in browser_client.get("/webex/disconnect/").text


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_strangers_sign_in_first(client: Client, db: None, name: str) -> None:
    response = client.post(f"/webex/{name}/", {"next": "/x/"})
    assert response["Location"] == f"/admin/login/?next=/webex/{name}/"


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_other_sites_cannot_press_the_button(user: User, token: WebexToken, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(f"/webex/{name}/").status_code == 403
    assert WebexToken.objects.exists()


@override_settings(
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
)
def test_a_site_without_middleware_for_csrf_and_messages(
    user: User, wire: responses.RequestsMock
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post("/webex/connect/").status_code == 403
    assert client.get("/webex/callback/", {"error": "access_denied"}).status_code == 302


def test_the_log_of_a_hostile_callback(
    browser_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        come_back(browser_client, code="SENTINELcode", state="SENTINELstate")
    assert "webex_widgets" in {record.name for record in caplog.records}
    assert "SENTINEL" not in " ".join(
        record.getMessage() for record in caplog.records if record.name == "webex_widgets"
    )
