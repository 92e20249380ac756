"""The authorization page and the token endpoint, over HTTP."""

from __future__ import annotations

import base64
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from tests.sandbox.conftest import CALLBACK, CLIENT_ID, CLIENT_SECRET, Sandbox, bearer, query
from webex_widgets.sandbox.data import ADA, GRACE
from webex_widgets.sandbox.state import STATE
from webex_widgets.sandbox.tokens import Grant, mint

DEAD = "The refresh token provided is expired, revoked, malformed, or invalid."


def test_the_page_asks_who_you_are(sandbox: Sandbox) -> None:
    response = sandbox.get("/v1/authorize", params=sandbox.asking())
    assert response.status_code == 200
    assert "This is not Webex" in response.text
    assert "Ada Lovelace" in response.text
    assert "<strong>localhost:8000</strong>" in response.text
    assert re.search(r'value="ada@example.com" checked', response.text)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_login_hint_chooses_the_person(sandbox: Sandbox) -> None:
    asked = sandbox.asking(login_hint=GRACE.email)
    response = sandbox.get("/v1/authorize", params=asked)
    assert re.search(r'value="grace@example.com" checked', response.text)


def test_what_the_site_sends_is_escaped(sandbox: Sandbox) -> None:
    response = sandbox.get("/v1/authorize", params=sandbox.asking(state='"><script>'))
    assert "<script>" not in response.text


def test_accepting_gives_tokens_that_work(sandbox: Sandbox) -> None:
    answer = sandbox.exchange(sandbox.consent(GRACE))
    assert answer.status_code == 200
    tokens = answer.json()
    assert tokens["expires_in"] == 1209599
    assert tokens["refresh_token_expires_in"] == 7775999
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "spark:all spark:kms"
    first, _, organisation = tokens["access_token"].split("_")
    assert re.fullmatch(r"[A-Za-z0-9+/]+", first)
    assert organisation.count("-") == 4
    me = sandbox.get("/v1/people/me", tokens["access_token"])
    assert me.json()["emails"] == [GRACE.email]


def test_the_state_comes_back_as_it_went(sandbox: Sandbox) -> None:
    form = sandbox.asking(state="ä &=?") | {"person": ADA.email, "decision": "accept"}
    assert query(sandbox.post("/v1/authorize", data=form))["state"] == "ä &=?"


def test_a_redirect_uri_keeps_its_query(sandbox: Sandbox) -> None:
    uri = CALLBACK + "?site=1"
    form = sandbox.asking(redirect_uri=uri) | {"person": "nobody", "decision": "accept"}
    location = sandbox.post("/v1/authorize", data=form).headers["Location"]
    assert location.startswith(uri + "&code=")


def test_declining(sandbox: Sandbox) -> None:
    form = sandbox.asking(state=None) | {"person": ADA.email, "decision": "decline"}
    said = query(sandbox.post("/v1/authorize", data=form))
    assert said["error"] == "access_denied"
    assert "declined" in said["error_description"]
    assert "state" not in said


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "spark:all read everything"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_the_site_hears_what_it_did_wrong(
    sandbox: Sandbox, changed: dict[str, str | None], error: str
) -> None:
    response = sandbox.get("/v1/authorize", params=sandbox.asking(**changed))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(CALLBACK)
    assert query(response)["error"] == error
    assert query(response)["state"] == "the state"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "/webex/callback/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": CALLBACK + "#fragment"},
    ],
)
def test_nobody_is_sent_to_an_address_that_does_not_fit(
    sandbox: Sandbox, changed: dict[str, str | None]
) -> None:
    response = sandbox.get("/v1/authorize", params=sandbox.asking(**changed))
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert "Location" not in response.headers


def test_a_registered_redirect_uri_must_be_equal(sandbox: Sandbox, settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REDIRECT_URI": CALLBACK}
    assert sandbox.get("/v1/authorize", params=sandbox.asking()).status_code == 200
    other = sandbox.asking(redirect_uri=CALLBACK.rstrip("/"))
    assert sandbox.get("/v1/authorize", params=other).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://localhost:8000"}, {"Origin": "null"}],
)
def test_another_site_cannot_consent(sandbox: Sandbox, headers: dict[str, str]) -> None:
    form = sandbox.asking() | {"person": ADA.email, "decision": "accept"}
    assert sandbox.post("/v1/authorize", data=form, headers=headers).status_code == 403


def test_other_methods(sandbox: Sandbox) -> None:
    assert sandbox.call("PUT", "/v1/authorize").status_code == 405
    assert sandbox.get("/v1/access_token").status_code == 405


def test_a_code_works_once(sandbox: Sandbox) -> None:
    code = sandbox.consent()
    assert sandbox.exchange(code).status_code == 200
    again = sandbox.exchange(code)
    assert again.status_code == 400
    assert "authorization code" in again.json()["errors"][0]["description"]
    assert again.json()["trackingId"] == again.headers["trackingid"]


def test_a_code_ends_after_ten_minutes(sandbox: Sandbox) -> None:
    with time_machine.travel("2026-11-20T10:00:00Z", tick=False) as clock:
        code = sandbox.consent()
        clock.shift(timedelta(minutes=11))
        sandbox.consent()  # Forgets the first one on the way.
        assert sandbox.exchange(code).status_code == 400
        late = sandbox.consent()
        clock.shift(timedelta(minutes=11))
        assert sandbox.exchange(late).status_code == 400


@pytest.mark.parametrize(
    "changed", [{"code_verifier": "another"}, {"code_verifier": ""}, {"redirect_uri": "http://x/"}]
)
def test_a_code_is_bound_to_what_it_was_asked_with(
    sandbox: Sandbox, changed: dict[str, str]
) -> None:
    assert sandbox.exchange(sandbox.consent(), **changed).status_code == 400


def test_pkce_is_optional(sandbox: Sandbox) -> None:
    code = sandbox.consent(code_challenge=None, code_challenge_method=None)
    assert sandbox.exchange(code, code_verifier="").status_code == 200


def test_a_wrong_secret_does_not_use_up_the_code(sandbox: Sandbox) -> None:
    code = sandbox.consent()
    refused = sandbox.exchange(code, client_secret="wrong")
    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_client"
    assert refused.json()["trackingID"] == refused.headers["trackingid"]
    assert sandbox.exchange(code).status_code == 200


def test_no_secret(sandbox: Sandbox) -> None:
    refused = sandbox.exchange(sandbox.consent(), client_secret="")
    assert refused.status_code == 401
    assert refused.json()["error_description"] == "client_secret cannot be null or empty"


@pytest.mark.parametrize("auth", ["not base64!", base64.b64encode(b"x:y").decode()])
def test_a_wrong_authorization_header(sandbox: Sandbox, auth: str) -> None:
    refused = sandbox.post(
        "/v1/access_token",
        data={"grant_type": "refresh_token"},
        headers={"Authorization": f"Basic {auth}"},
    )
    assert refused.status_code == 401


def test_credentials_that_are_not_configured_match_nothing(
    sandbox: Sandbox, settings: Settings
) -> None:
    settings.WEBEX_WIDGETS = {"CLIENT_ID": "", "CLIENT_SECRET": None}
    assert sandbox.get("/v1/authorize", params=sandbox.asking(client_id="")).status_code == 400
    settings.WEBEX_WIDGETS = None
    assert sandbox.exchange("code", client_id="").status_code == 401


def test_an_unknown_grant_type(sandbox: Sandbox) -> None:
    refused = sandbox.exchange("code", grant_type="password")
    assert refused.status_code == 400
    assert refused.json()["error"] == "unsupported_grant_type"


def test_refreshing(sandbox: Sandbox) -> None:
    with time_machine.travel("2026-11-20T10:00:00Z", tick=False) as clock:
        tokens: dict[str, Any] = sandbox.exchange(sandbox.consent()).json()
        clock.shift(timedelta(days=10))
        first = sandbox.refresh(tokens["refresh_token"]).json()
        assert first["refresh_token"] == tokens["refresh_token"]
        assert first["refresh_token_expires_in"] == 7775999
        assert first["access_token"] != tokens["access_token"]
        assert first["expires_in"] == 1209599
        assert sandbox.get("/v1/people/me", tokens["access_token"]).status_code == 200

        clock.shift(timedelta(hours=23))
        second = sandbox.refresh(tokens["refresh_token"]).json()
        assert second["access_token"] == first["access_token"]
        assert second["expires_in"] == 1209599 - 23 * 3600

        clock.shift(timedelta(hours=2))
        third = sandbox.refresh(tokens["refresh_token"]).json()
        assert third["access_token"] != first["access_token"]
        assert third["expires_in"] == 1209599


def test_tokens_end(sandbox: Sandbox) -> None:
    with time_machine.travel("2026-11-20T10:00:00Z", tick=False) as clock:
        tokens = sandbox.exchange(sandbox.consent()).json()
        clock.shift(timedelta(days=14))
        assert sandbox.get("/v1/people/me", tokens["access_token"]).status_code == 401
        clock.shift(timedelta(days=70))
        assert sandbox.refresh(tokens["refresh_token"]).status_code == 200
        clock.shift(timedelta(days=80))
        assert sandbox.refresh(tokens["refresh_token"]).status_code == 200
        clock.shift(timedelta(days=91))
        assert sandbox.refresh(tokens["refresh_token"]).status_code == 400


def test_tokens_survive_a_restart(sandbox: Sandbox) -> None:
    tokens = sandbox.exchange(sandbox.consent()).json()
    STATE.reset()
    assert sandbox.get("/v1/people/me", tokens["access_token"]).status_code == 200
    assert sandbox.refresh(tokens["refresh_token"]).status_code == 200


def test_revoked(sandbox: Sandbox) -> None:
    tokens = sandbox.exchange(sandbox.consent()).json()
    other = sandbox.exchange(sandbox.consent(GRACE)).json()
    STATE.revoke(ADA)
    assert sandbox.get("/v1/people/me", tokens["access_token"]).status_code == 401
    refused = sandbox.refresh(tokens["refresh_token"])
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_request"
    assert refused.json()["error_description"] == DEAD
    assert sandbox.refresh(other["refresh_token"]).status_code == 200
    again = sandbox.exchange(sandbox.consent()).json()
    assert sandbox.refresh(again["refresh_token"]).status_code == 200


@pytest.mark.parametrize("refresh_token", ["", "nonsense", "é_a_b", "bm9uc2Vuc2U_a_b", "4pyT_a_b"])
def test_an_invented_refresh_token(sandbox: Sandbox, refresh_token: str) -> None:
    assert sandbox.refresh(refresh_token).json()["error_description"] == DEAD


def test_tokens_are_not_interchangeable(sandbox: Sandbox) -> None:
    tokens = sandbox.exchange(sandbox.consent()).json()
    assert sandbox.refresh(tokens["access_token"]).status_code == 400
    assert sandbox.get("/v1/people/me", tokens["refresh_token"]).status_code == 401
    stranger, _ = mint("refresh", Grant.new(ADA, "another client", "spark:all"), 3600)
    assert sandbox.refresh(stranger).status_code == 400


def test_nothing_secret_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.get("/v1/authorize", params=sandbox.asking())
    code = sandbox.consent()
    tokens = sandbox.exchange(code).json()
    sandbox.call("GET", "/v1/people/me", headers=bearer(tokens["access_token"]))
    sandbox.refresh(tokens["refresh_token"])
    logged = "\n".join(
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("webex_widgets.sandbox")
    )
    assert "POST /v1/access_token 200" in logged
    secrets = (code, tokens["access_token"], tokens["refresh_token"], CLIENT_SECRET, CLIENT_ID)
    assert not [secret for secret in (*secrets, "the state") if secret in logged]
