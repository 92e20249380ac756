"""The threads that ask Webex: what they do when an answer is an error, or does not come."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import responses
from django.contrib.auth.models import User
from pytest_django import Settings

from webex_widgets import refresh, signals, tokens, workers
from webex_widgets.client.types import TokenGrant
from webex_widgets.exceptions import TransportError, WebexTimeout
from webex_widgets.models import WebexToken
from webex_widgets.tokens import Claim
from webex_widgets.workers import Answer, Workers

from . import wire as bad
from .conftest import API, GRANT, NEW_ACCESS, make_token
from .wire import BadServer


@pytest.fixture
def claim(token: WebexToken) -> Claim:
    return Claim(token, token.version, "SENTINELrefresh", datetime.now(UTC) + timedelta(seconds=60))


def wait_for(pool: Workers) -> Iterator[tuple[Claim, Answer]]:
    """Yield the answers as they come."""
    while True:
        yield from pool.answers(None)


def test_nobody_begins_another_call_after_an_error(
    claim: Claim, wire: responses.RequestsMock
) -> None:
    wire.post(f"{API}/access_token", status=503)
    with Workers(2) as pool:
        pool.submit(claim)
        ((answered, error),) = pool.answers(None)
        assert answered is claim
        assert isinstance(error, TransportError)
        pool.submit(claim)
        assert pool.answers(0.05) == []
        assert len(wire.calls) == 1
        pool.go_on(safe=1)
        assert isinstance(next(wait_for(pool))[1], TransportError)


def test_what_was_not_begun_can_be_withdrawn(claim: Claim, wire: responses.RequestsMock) -> None:
    wire.post(f"{API}/access_token", status=503)
    with Workers(1) as pool:
        pool.submit(claim)
        next(wait_for(pool))
        pool.submit(claim)
        pool.submit(claim)
        assert pool.withdraw() == [claim, claim]
    assert len(wire.calls) == 1


@pytest.fixture
def hurried(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(workers, "GRACE", 0.1)
    monkeypatch.setattr(refresh, "BACK_OFF", 0.0)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REQUEST_TIMEOUT": 0.2}
    return settings


def test_a_run_ends_although_an_answer_does_not(user: User, hurried: Settings) -> None:
    make_token(user)
    with BadServer(bad.drip_headers) as server:
        hurried.WEBEX_WIDGETS = {**hurried.WEBEX_WIDGETS, "API_BASE_URL": server.base_url}
        due = refresh.due_tokens(WebexToken.objects.all(), None)
        report = refresh.refresh_tokens(due, workers=1, progress=lambda *_: None)
        assert (report.failed, report.tokens) == (1, 1)
        assert server.connections == refresh.TRIES
    assert WebexToken.objects.get().claimed_until is None


def test_an_answer_that_comes_too_late_still_counts(claim: Claim, hurried: Settings) -> None:
    let_go = threading.Event()

    def tarry(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not let_go.wait(0.05):
            connection.sendall(b"a")
        body = json.dumps(GRANT).encode()
        connection.sendall(b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with BadServer(tarry) as server:
        hurried.WEBEX_WIDGETS = {**hurried.WEBEX_WIDGETS, "API_BASE_URL": server.base_url}
        with Workers(1) as pool:
            pool.submit(claim)
            answers = wait_for(pool)
            assert isinstance(next(answers)[1], WebexTimeout)
            let_go.set()
            answered, grant = next(answers)
            assert answered is claim
            assert isinstance(grant, TokenGrant)
            assert tokens.settle(claim, grant)
    assert WebexToken.objects.get().access_token == NEW_ACCESS


@pytest.mark.django_db(transaction=True)
def test_a_run_saves_what_comes_too_late(user: User, hurried: Settings) -> None:
    """The first call is given up; while a second is under way, its answer comes after all."""
    make_token(user)
    second = threading.Event()
    calls = iter(range(10))
    saved = threading.Event()

    def note(**_arguments: object) -> None:
        saved.set()

    signals.webex_token_refreshed.connect(note)

    def tarry(connection: socket.socket, over: threading.Event) -> None:
        number = next(calls)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        if number:
            second.set()
        until = saved if number else second
        while not until.wait(0.05):
            connection.sendall(b"a")
        body = json.dumps(GRANT).encode()
        connection.sendall(b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with BadServer(tarry) as server:
        hurried.WEBEX_WIDGETS = {**hurried.WEBEX_WIDGETS, "API_BASE_URL": server.base_url}
        due = refresh.due_tokens(WebexToken.objects.all(), None)
        report = refresh.refresh_tokens(due, workers=1, progress=lambda *_: None)
    signals.webex_token_refreshed.disconnect(note)
    assert (report.tokens, report.busy) == (1, 1)
    after = WebexToken.objects.get()
    assert (after.access_token, after.version) == (NEW_ACCESS, 2)


def test_a_mistake_of_our_own_ends_the_run(
    user: User, wire: responses.RequestsMock, settings: Settings
) -> None:
    make_token(user)
    wire.post(f"{API}/access_token", body=KeyError("mistake"))
    due = refresh.due_tokens(WebexToken.objects.all(), None)
    with pytest.raises(KeyError):
        refresh.refresh_tokens(due, workers=1, progress=lambda *_: None)
    assert WebexToken.objects.get().access_token != NEW_ACCESS
