"""Sentinels: no secret in any log, ``repr``, exception, admin page, address or HTML.

Every secret that the tests use begins with SENTINEL. The session's own answer is the one place
where an access token belongs.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from webex_widgets import guests, tokens
from webex_widgets.client.transport import Transport
from webex_widgets.client.types import TokenGrant
from webex_widgets.conf import conf
from webex_widgets.exceptions import WebexError
from webex_widgets.models import WebexToken
from webex_widgets.widgets import SpaceWidget

from .conftest import API, CLIENT_SECRET, GRANT, PERSON, make_token, room
from .test_guests import ISSUER, SERVICE_APP, visit

SENTINELS = ("SENTINEL", CLIENT_SECRET, ISSUER["ISSUER_SECRET"])

ANSWERS: list[dict[str, Any]] = [
    {"json": GRANT},
    {"json": {"error": "invalid_grant", "error_description": "SENTINELrefresh" * 5}, "status": 400},
    {"json": {"message": "SENTINELnewaccess_space_abc123 is bad", "errors": [5]}, "status": 401},
    {"json": {**GRANT, "error": "x"}, "status": 500},
    {"body": '{"access_token": "SENTINELhalf', "status": 200},
    {"body": requests.ConnectionError("SENTINEL in a message")},
    {"body": requests.ReadTimeout("SENTINEL in a message")},
]


def assert_clean(text: str) -> None:
    for sentinel in SENTINELS:
        assert sentinel not in text


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Record every log of every library at the lowest level; hold it clean at the end."""
    with caplog.at_level(logging.DEBUG):
        for name in ("requests_oauthlib", "oauthlib", "urllib3", "webex_widgets", "django"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield caplog
        for name in ("requests_oauthlib", "oauthlib", "urllib3", "webex_widgets", "django"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    # Django's own log of a request names its path alone.
    assert_clean(caplog.text)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer)[:40])
def test_the_whole_way(
    browser_client: Client,
    wire: responses.RequestsMock,
    log: pytest.LogCaptureFixture,
    answer: dict[str, Any],
) -> None:
    wire.post(f"{API}/access_token", **answer)
    wire.get(f"{API}/people/me", json=PERSON)
    wire.get(f"{API}/rooms", json={"items": [room("A")]})
    state = browser_client.post("/webex/connect/").headers["Location"].partition("state=")[2]
    state = state.partition("&")[0]
    pages = [
        browser_client.get("/webex/callback/", {"state": state, "code": "SENTINELcode"}),
        browser_client.get("/webex/callback/", {"state": state, "code": "SENTINELcode"}),
        browser_client.get("/webex/connect/"),
        browser_client.get("/webex/disconnect/"),
        browser_client.get("/webex/frame/", {"w": SpaceWidget(destination="A").signed()}),
    ]
    browser_client.get("/webex/session/", {"w": SpaceWidget(destination="A").signed()})
    for page in pages:
        assert_clean(page.text + str(page.headers))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer)[:40])
@pytest.mark.parametrize("debug", [True, False])
def test_errors(
    user: User,
    wire: responses.RequestsMock,
    log: pytest.LogCaptureFixture,
    settings: Settings,
    answer: dict[str, Any],
    debug: bool,
) -> None:
    """Neither the message nor the chain, nor (outside DEBUG) what Django mails to admins."""
    settings.DEBUG = debug
    token = make_token(user)
    wire.post(f"{API}/access_token", **answer)
    wire.get(f"{API}/people/me", json={"message": "no"}, status=401)
    with Transport(total=5) as transport, pytest.raises(WebexError) as raised:
        tokens.call(transport, token, lambda access: transport.get("people/me", access))
    error = raised.value
    assert_clean("".join(traceback.format_exception(error)))
    assert_clean(repr(error) + repr(vars(error)))
    assert error.__context__ is None or isinstance(error.__context__, WebexError)
    if not debug:
        report = ExceptionReporter(
            RequestFactory().get("/"), type(error), error, error.__traceback__
        )
        assert_clean(report.get_traceback_text())


ECHO = {"json": {"message": f"{'SENTINEL' * 5} is bad", "errors": [5]}, "status": 401}


@pytest.mark.parametrize("answer", [*ANSWERS[:2], ECHO, *ANSWERS[3:]], ids=lambda a: str(a)[:40])
@pytest.mark.parametrize("values", [SERVICE_APP, ISSUER], ids=["service app", "issuer"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.django_db
def test_guests(
    wire: responses.RequestsMock,
    log: pytest.LogCaptureFixture,
    settings: Settings,
    answer: dict[str, Any],
    values: dict[str, Any],
    first: bool,
) -> None:
    """Where Webex refuses the service app, or the guest."""
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": values}
    wire.post(f"{API}/access_token", **(answer if first else {"json": GRANT}))
    wire.post(f"{API}/guests/token", **answer)
    wire.post(f"{API}/jwt/login", **answer)
    request = visit()
    guests.introduce(request, "Grace")
    with Transport(total=5) as transport, pytest.raises(WebexError) as raised:
        guests.guest(transport, request)
    error = raised.value
    assert_clean("".join(traceback.format_exception(error)))
    assert_clean(repr(error) + repr(vars(error)))
    assert error.__context__ is None or isinstance(error.__context__, WebexError)
    report = ExceptionReporter(request, type(error), error, error.__traceback__)
    assert_clean(report.get_traceback_text())
    assert_clean(repr(conf.GUESTS) + str(dict(request.session)))


def test_reprs(token: WebexToken) -> None:
    grant = TokenGrant("SENTINELa", "SENTINELb", None, None, None)
    stored = WebexToken.objects.get()
    (claimed,) = tokens.claim_all([stored])
    widget = SpaceWidget(destination="A")
    for thing in (grant, token, stored, claimed, stored.__dict__, widget, Transport()):
        assert_clean(repr(thing) + str(thing))
