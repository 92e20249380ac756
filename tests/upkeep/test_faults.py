"""What the command makes of every answer that Webex may give, and of many bad ones in a row."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest
import requests
import responses
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from webex_widgets import refresh
from webex_widgets.models import WebexToken

from ..conftest import DEAD, GRANT, NEW_ACCESS, NEW_REFRESH, REFRESH, make_token
from ..test_refresh import TOKEN_URL, report, run
from .crew import say

pytestmark = pytest.mark.django_db

ACTIVE, ENDED = "active", "reauthorization_required"

GOOD = {"json": GRANT}
DEAD_AS_LIST = {
    "message": "The refresh token is not valid.",
    "errors": [{"description": "The refresh token is not valid."}],
    "trackingId": "ROUTER_3",
}
PAGE = "<html><body>Too many requests</body></html>"
NO_CLIENT = {"error": "invalid_client", "error_description": "Client authentication failed"}
LIMIT = {"error": "tokenlimit_reached"}


class Fault(NamedTuple):
    """Answers, of which the last is given for ever, and what comes of a token."""

    answers: list[dict[str, Any]]
    verdict: str
    calls: int
    exit: int
    status: str = ACTIVE
    says: str = ""


FAULTS = {
    # An answer to go by
    "200": Fault([GOOD], "refreshed", 1, 0),
    "200 no new refresh token": Fault([{"json": {"access_token": NEW_ACCESS}}], "refreshed", 1, 0),
    "400 dead": Fault([{"status": 400, "json": DEAD}], ENDED, 1, 0, ENDED),
    "401 dead": Fault([{"status": 401, "json": DEAD}], ENDED, 1, 0, ENDED),
    "400 dead, the API's shape": Fault([{"status": 400, "json": DEAD_AS_LIST}], ENDED, 1, 0, ENDED),
    "401 dead, the API's shape": Fault([{"status": 401, "json": DEAD_AS_LIST}], ENDED, 1, 0, ENDED),
    "400 wrong client": Fault(
        [{"status": 400, "json": NO_CLIENT}], "failed", 1, 1, says="CLIENT_SECRET"
    ),
    "401 wrong client": Fault(
        [{"status": 401, "json": NO_CLIENT}], "failed", 1, 1, says="CLIENT_SECRET"
    ),
    # Nothing to go by, for ever
    "200 garbage": Fault([{"body": "<html>"}], "failed", 3, 1),
    "200 empty": Fault([{"body": ""}], "failed", 3, 1),
    "200 no token": Fault([{"json": {}}], "failed", 3, 1),
    "400 garbage": Fault([{"status": 400, "body": PAGE}], "failed", 3, 1),
    "400 token limit": Fault([{"status": 400, "json": LIMIT}], "failed", 3, 1),
    "403": Fault([{"status": 403, "json": {"message": "Forbidden"}}], "failed", 3, 1),
    "404": Fault([{"status": 404, "json": {"message": "Not found"}}], "failed", 3, 1),
    "423": Fault([{"status": 423, "json": {"message": "Locked"}}], "failed", 3, 1),
    "429": Fault([{"status": 429}], "failed", 3, 1),
    "429 garbage": Fault([{"status": 429, "body": PAGE}], "failed", 3, 1),
    "429 garbage to wait": Fault(
        [{"status": 429, "body": PAGE, "headers": {"Retry-After": "soon"}}], "failed", 3, 1
    ),
    "429 an hour to wait": Fault(
        [{"status": 429, "headers": {"Retry-After": "3600"}}, GOOD], "failed", 1, 1, says="3600 s"
    ),
    "500": Fault([{"status": 500}], "failed", 3, 1),
    "500 that looks dead": Fault([{"status": 500, "json": DEAD}], "failed", 3, 1),
    "502": Fault([{"status": 502, "body": PAGE}], "failed", 3, 1),
    "503": Fault([{"status": 503}], "failed", 3, 1),
    "503 an hour to wait": Fault(
        [{"status": 503, "headers": {"Retry-After": "3600"}}, GOOD], "failed", 1, 1, says="3600 s"
    ),
    "504": Fault([{"status": 504, "body": PAGE}], "failed", 3, 1),
    "time-out": Fault([{"body": requests.ReadTimeout()}], "failed", 3, 1),
    "cut connection": Fault([{"body": requests.ConnectionError()}], "failed", 3, 1),
    # Nothing to go by at first
    "429 a moment to wait, then 200": Fault(
        [{"status": 429, "headers": {"Retry-After": "1"}}, GOOD], "refreshed", 2, 0
    ),
    "429 garbage, then 200": Fault([{"status": 429, "body": PAGE}, GOOD], "refreshed", 2, 0),
    "500, then 200": Fault([{"status": 500}, GOOD], "refreshed", 2, 0),
    "503 no wait, then 200": Fault(
        [{"status": 503, "headers": {"Retry-After": "0"}}, GOOD], "refreshed", 2, 0
    ),
    "504 twice, then 200": Fault([{"status": 504}, {"status": 504}, GOOD], "refreshed", 3, 0),
    "time-out, then 200": Fault([{"body": requests.ReadTimeout()}, GOOD], "refreshed", 2, 0),
    "time-out, then dead": Fault(
        [{"body": requests.ReadTimeout()}, {"status": 400, "json": DEAD}], ENDED, 2, 0, ENDED
    ),
    "502, then wrong client": Fault(
        [{"status": 502}, {"status": 401, "json": NO_CLIENT}], "failed", 2, 1, says="CLIENT_SECRET"
    ),
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "BACK_OFF", 0.0)


def people(number: int) -> None:
    """Create users with tokens that are due."""
    for each in range(number):
        user = User.objects.create_user(f"u{each}")
        make_token(user, access_token_expires_at=None, refresh_token=f"R-{each}")


def asked_for(wire: responses.RequestsMock) -> list[str]:
    """Return the refresh tokens that were sent, in their order."""
    return [parse_qs(str(call.request.body))["refresh_token"][0] for call in wire.calls]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_answer_has_a_verdict(user: User, wire: responses.RequestsMock, fault: Fault) -> None:
    make_token(user, access_token_expires_at=None)
    for answer in fault.answers:
        wire.post(TOKEN_URL, **answer)
    exit_status, said = run("--json")
    figures = json.loads(said.partition("}")[0] + "}")
    assert {name for name, value in figures.items() if value and name in OUTCOMES} == {
        fault.verdict
    }
    assert figures["complete"] is (fault.exit == 0)
    assert fault.says in said
    assert (exit_status, len(wire.calls)) == (fault.exit, fault.calls)
    row = WebexToken.objects.get()
    assert (row.status, row.claimed_until) == (fault.status, None)
    if fault.verdict == "refreshed":
        assert row.access_token == NEW_ACCESS
        assert row.refresh_token in (NEW_REFRESH, REFRESH)
    else:
        assert row.refresh_token == REFRESH


OUTCOMES = set(refresh.Report().as_dict()) - {"stopped", "service_app", "complete"}


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("answer", [{"status": 503}, {"status": 403}, {"body": "<html>"}], ids=str)
def test_a_run_gives_up(wire: responses.RequestsMock, answer: dict[str, Any], workers: int) -> None:
    people(100)
    wire.post(TOKEN_URL, **answer)
    figures = report("--workers", str(workers))
    assert figures.pop("stopped") == "Webex gave no usable answer 5 times in a row."
    # Only what was in flight is answered after that, or had been queued right behind it.
    assert refresh.GIVE_UP <= len(wire.calls) < refresh.GIVE_UP + 2 * workers
    assert figures["failed"] <= len(wire.calls)
    assert figures == {"failed": figures["failed"], "not_tried": 100 - figures["failed"]}
    assert WebexToken.objects.filter(claimed_until=None, status=ACTIVE).count() == 100


def test_a_good_answer_in_between_goes_on(wire: responses.RequestsMock) -> None:
    people(40)
    sent: dict[str, int] = {}
    lock = threading.Lock()

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        (token,) = parse_qs(str(request.body))["refresh_token"]
        with lock:
            sent[token] = sent.get(token, 0) + 1
        first = sent[token] == 1 and int(token.split("-")[1]) % 4 == 0
        return (502, {}, "") if first else (200, {}, json.dumps(GRANT))

    wire.add_callback("POST", TOKEN_URL, answer)
    assert report("--workers", "1") == {"refreshed": 40, "complete": True}
    assert sorted(sent.values()) == [1] * 30 + [2] * 10


def test_a_pause_is_everybody_s(wire: responses.RequestsMock) -> None:
    """Nobody is asked again before the time that Webex names, and then all are."""
    people(12)
    times: list[float] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        times.append(time.monotonic())
        return (429, {"Retry-After": "1"}, "") if len(times) == 3 else (200, {}, json.dumps(GRANT))

    wire.add_callback("POST", TOKEN_URL, answer)
    assert report("--workers", "1") == {"refreshed": 12, "complete": True}
    assert len(times) == 13
    assert times[3] - times[2] >= 1


def test_three_statements_a_token(wire: responses.RequestsMock) -> None:
    """Among them the pages' queries; transactions' own statements are not counted."""
    people(250)
    wire.post(TOKEN_URL, json=GRANT)
    with CaptureQueriesContext(connection) as captured:
        assert report() == {"refreshed": 250, "complete": True}
    sql = [query["sql"] for query in captured.captured_queries]
    statements = [each for each in sql if not each.upper().startswith(CONTROL)]
    say(f"{len(statements) / 250:.2f} statements a token")
    assert len(statements) <= 3 * 250


CONTROL = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


@pytest.mark.django_db(transaction=True)
def test_an_answer_outlives_a_locked_database(wire: responses.RequestsMock) -> None:
    """A refresh token that has rotated exists nowhere but in the answer: saving it is tried again.

    At the very least, one row that cannot be saved costs no other row its answer.
    """
    people(8)
    wire.post(TOKEN_URL, json=GRANT)
    failures = [OperationalError("database is locked")]

    def locked_once(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if failures and sql.startswith("UPDATE") and "refreshed_at" in sql.partition("WHERE")[0]:
            raise failures.pop()
        return execute(sql, *arguments)

    with connection.execute_wrapper(locked_once), suppress(OperationalError):
        run("--workers", "8")
    assert not failures
    lost = [row for row in WebexToken.objects.all() if row.access_token != NEW_ACCESS]
    assert len(lost) <= 1, "The others' answers are gone too."
    assert not lost


@pytest.mark.parametrize("stopped", [False, True])
def test_waiting_leaves_the_processor_to_others(
    wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """With one token to be tried again later, the others' answers are waited for, not polled."""
    people(10)
    monkeypatch.setattr(refresh, "BACK_OFF", 0.4)
    stop = refresh.Stop()
    lock = threading.Lock()
    calls: list[str] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        with lock:
            calls.append(str(request.body))
            first = len(calls) == 1
        if first:
            return 503, {}, ""
        if stopped:
            stop.set()
        time.sleep(0.2)  # a call takes its time
        return 200, {}, json.dumps(GRANT)

    wire.add_callback("POST", TOKEN_URL, answer)
    due = refresh.due_tokens(WebexToken.objects.all(), None)
    began, worked = time.monotonic(), time.thread_time()
    with CaptureQueriesContext(connection) as captured:
        figures = refresh.refresh_tokens(due, workers=2, progress=lambda *_: None, stop=stop)
    took, worked = time.monotonic() - began, time.thread_time() - worked
    assert figures.refreshed == (10 if not stopped else len(calls) - 1)
    # Whoever polls does nothing else, be it here or in the database.
    assert worked < took / 3
    assert len(captured) <= 12 * len(calls)
