"""``refresh_webex_tokens``: what it refreshes, what it leaves alone, and what it says."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from webex_widgets import managers, refresh, tasks
from webex_widgets.management.commands.refresh_webex_tokens import _stop_on_signals
from webex_widgets.models import WebexToken

from .conftest import API, CLIENT_ID, DEAD, GRANT, NEW_ACCESS, make_token
from .test_guests import APP, APP_REFRESH, SERVICE_APP

TOKEN_URL = f"{API}/access_token"

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    """A terminal, as far as anybody asks."""

    def isatty(self) -> bool:
        return True


def run(*args: str, stderr: io.StringIO | None = None) -> tuple[int, str]:
    """Run the command; return its exit status and what it printed."""
    out = io.StringIO()
    try:
        call_command("refresh_webex_tokens", *args, stdout=out, stderr=stderr or io.StringIO())
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def report(*args: str) -> dict[str, Any]:
    """Return the report for machines, without its zeros."""
    result: dict[str, Any] = json.loads(run("--json", *args)[1].splitlines()[0])
    return {name: value for name, value in result.items() if value}


@pytest.fixture(autouse=True)
def _no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "BACK_OFF", 0.0)


@pytest.fixture
def people(django_user_model: Any) -> Any:
    """Return a maker of users, each with a token that ends in so many days."""

    def make(name: str, days: float | None, **fields: Any) -> WebexToken:
        user = django_user_model.objects.create_user(name)
        ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
        return make_token(user, access_token_expires_at=ends, refresh_token=f"R-{name}", **fields)

    return make


def rotate(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    (sent,) = parse_qs(str(request.body))["refresh_token"]
    return (
        200,
        {},
        json.dumps({**GRANT, "access_token": f"{sent}_x_y", "refresh_token": f"{sent}+"}),
    )


def asked(wire: responses.RequestsMock) -> list[str]:
    return sorted(parse_qs(str(call.request.body))["refresh_token"][0] for call in wire.calls)


def test_what_is_due(people: Any, wire: responses.RequestsMock) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    people("late", 10)
    people("soon", 2)
    people("ended", -1)
    people("unknown", None)
    people("dead", 1, status="reauthorization_required")
    now = datetime.now(UTC)
    people("short", 0.4, refreshed_at=now)  # twelve hours, just begun
    status, said = run()
    assert status == 0
    assert said.startswith("3 refreshed, 0 must connect again")
    assert asked(wire) == ["R-ended", "R-soon", "R-unknown"]
    assert WebexToken.objects.get(user__username="soon").access_token == "R-soon_x_y"
    assert WebexToken.objects.get(user__username="soon").refresh_token == "R-soon+"


def test_each_result_lands_in_its_own_row(people: Any, wire: responses.RequestsMock) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    for number in range(40):
        people(f"u{number}", 1)
    assert report("--workers", "8") == {"refreshed": 40, "complete": True}
    for token in WebexToken.objects.select_related("user"):
        assert token.user is not None
        assert token.access_token == f"R-{token.user.get_username()}_x_y"


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--before", "5d"], ["R-day1", "R-day4"]),
        (["--before", "30h"], ["R-day1"]),
        (["--all"], ["R-day1", "R-day10", "R-day4"]),
        (["--all", "--user", "day10"], ["R-day10"]),
        (["--user", "day10", "day1"], ["R-day1"]),
    ],
)
def test_which_ones(
    people: Any, wire: responses.RequestsMock, args: list[str], names: list[str]
) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    for days in (1, 4, 10):
        people(f"day{days}", days)
    people("dead", 1, status="reauthorization_required")
    assert run(*args)[0] == 0
    assert asked(wire) == names


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--before", "soon"], "'soon' is not a time span such as 3d"),
        (["--before", "3y"], "time span"),
        (["--workers", "0"], "'0' is not a number from 1 to 64"),
        (["--workers", "many"], "number from 1 to 64"),
        (["--user", "nobody", "nobody else"], "no user called nobody, nobody else"),
        (["--all", "--before", "3d"], "not allowed with"),
    ],
)
def test_options_that_make_no_sense(args: list[str], words: str) -> None:
    status, said = run(*args)
    assert status == 1
    assert words in said


def test_a_dry_run(people: Any, wire: responses.RequestsMock) -> None:
    people("soon", 1)
    people("late", 10)
    assert run("--dry-run") == (0, "1 due.\nsoon\n")
    assert json.loads(run("--dry-run", "--json")[1]) == {"due": 1, "users": ["soon"]}
    assert not wire.calls


def test_a_line_a_token(people: Any, wire: responses.RequestsMock) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    people("soon", 1)
    assert run("-v", "2")[1].splitlines()[0] == "soon: refreshed"


def test_people_who_must_connect_again_are_no_failure(
    people: Any, wire: responses.RequestsMock
) -> None:
    people("soon", 1)
    wire.post(TOKEN_URL, json=DEAD, status=400)
    status, said = run()
    assert status == 0
    assert "1 must connect again" in said
    assert WebexToken.objects.get().status == WebexToken.Status.REAUTHORIZATION_REQUIRED


@pytest.mark.parametrize(
    "answer",
    [{"status": 503}, {"status": 429}, {"body": "<html>"}, {"body": requests.ReadTimeout()}],
)
def test_bad_weather(people: Any, wire: responses.RequestsMock, answer: dict[str, Any]) -> None:
    people("soon", 1)
    wire.post(TOKEN_URL, **answer)
    status, said = run()
    assert status == 1
    assert "1 failed" in said
    assert len(wire.calls) == refresh.TRIES
    assert "Not every token could be refreshed now." in said
    after = WebexToken.objects.get()
    assert (after.status, after.claimed_until) == (WebexToken.Status.ACTIVE, None)


def test_wrong_credentials_stop_the_run(people: Any, wire: responses.RequestsMock) -> None:
    for number in range(5):
        people(f"u{number}", 1)
    wire.post(TOKEN_URL, json={"error": "invalid_client"}, status=401)
    status, said = run("--workers", "1")
    assert status == 1
    assert "CLIENT_SECRET" in said
    assert "1 failed, 4 not tried" in said
    assert len(wire.calls) == 1
    assert WebexToken.objects.filter(status="active", claimed_until=None).count() == 5


def test_what_others_are_doing_is_left_to_them(people: Any, wire: responses.RequestsMock) -> None:
    people("soon", 1, claimed_until=datetime.now(UTC) + timedelta(seconds=30))
    assert report() == {"busy": 1, "complete": True}
    assert not wire.calls


def test_a_row_that_changes_meanwhile(people: Any, wire: responses.RequestsMock) -> None:
    """The user connects anew while a refresh of the old grant is on its way."""
    people("soon", 1)

    def reconnected() -> Any:
        for token in refresh.due_tokens(WebexToken.objects.all(), timedelta(days=3)):
            WebexToken.objects.update(version=7)
            token.version = 7
            yield token
            # The claim is taken and the call is under way once the next token is asked for.
            WebexToken.objects.update(version=8, access_token="NEWER_x_y", claimed_until=None)

    wire.add_callback("POST", TOKEN_URL, rotate)
    result = refresh.refresh_tokens(reconnected(), workers=2, progress=lambda token, outcome: None)
    assert (result.busy, result.refreshed) == (1, 0)
    assert WebexToken.objects.get().access_token == "NEWER_x_y"


def test_unreadable_rows_do_not_stop_the_others(
    people: Any, wire: responses.RequestsMock, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    people("old", 1)
    settings.SECRET_KEY = "another"
    people("new", 1)
    status, said = run()
    assert status == 1
    assert "1 refreshed" in said
    assert "1 unreadable" in said
    assert "SECRET_KEY_FALLBACKS" in caplog.text
    assert WebexToken.objects.get(user__username="old").status == WebexToken.Status.ACTIVE


def test_a_progress_bar_at_a_terminal(people: Any, wire: responses.RequestsMock) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    for number in range(3):
        people(f"u{number}", 1)
    terminal = Terminal()
    status, said = run("-v", "2", stderr=terminal)
    assert status == 0
    assert "3/3" in terminal.getvalue()
    assert "tokens/s" in terminal.getvalue()
    assert sorted(said.splitlines()[:3]) == [f"u{number}: refreshed" for number in range(3)]
    assert "refreshed" not in terminal.getvalue()


@pytest.mark.parametrize("option", [["--json"], ["-v", "0"]])
def test_and_none_for_machines(
    people: Any, wire: responses.RequestsMock, option: list[str]
) -> None:
    terminal = Terminal()
    assert run(*option, stderr=terminal)[0] == 0
    assert terminal.getvalue() == ""


def test_tokens_of_another_client_hold_up_nobody(people: Any, wire: responses.RequestsMock) -> None:
    """A site that has changed its client id: Webex would refuse the old refresh tokens."""
    wire.add_callback("POST", TOKEN_URL, rotate)
    people("old", 1, client_id="another")
    people("new", 1)
    status, said = run()
    assert status == 1
    assert "1 refreshed" in said
    assert "1 of another client" in said
    assert 'WEBEX_WIDGETS["CLIENT_ID"] has changed' in said
    assert asked(wire) == ["R-new"]
    assert WebexToken.objects.get(user__username="old").status == WebexToken.Status.ACTIVE


def test_a_stop_before_the_first(people: Any, wire: responses.RequestsMock) -> None:
    for number in range(3):
        people(f"u{number}", 1)
    stop = refresh.Stop()
    stop.set()
    due = refresh.due_tokens(WebexToken.objects.all(), None)
    result = refresh.refresh_tokens(due, workers=2, progress=lambda *_: None, stop=stop)
    assert (result.not_tried, result.tokens, result.stopped) == (3, 3, "The run was interrupted.")
    assert not wire.calls


def test_a_mistake_of_the_caller_loses_no_answer(people: Any, wire: responses.RequestsMock) -> None:
    """What is on its way when something else goes wrong is saved before the run ends."""
    people("a", 1)
    people("b", 1)
    raised = threading.Event()
    order = iter(["first", "second"])

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if next(order) == "second":
            raised.wait()
        return rotate(request)

    def progress(token: WebexToken, outcome: str) -> None:
        if not raised.is_set():
            raised.set()
            raise RuntimeError("mistake")

    wire.add_callback("POST", TOKEN_URL, answer)
    due = refresh.due_tokens(WebexToken.objects.all(), None)
    with pytest.raises(RuntimeError, match="mistake"):
        refresh.refresh_tokens(due, workers=2, progress=progress)
    for token in WebexToken.objects.select_related("user"):
        assert token.user is not None
        assert token.access_token == f"R-{token.user.get_username()}_x_y"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_stays_away_ends_the_run(
    people: Any, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "TRY_AGAIN", (0.0, 0.0))
    people("a", 1)
    refused: list[str] = []

    def refuse(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE"):
            refused.append(sql)
            raise OperationalError("the database is away")
        return execute(sql, *arguments)

    with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
        refresh.refresh_tokens(
            refresh.due_tokens(WebexToken.objects.all(), None),
            workers=1,
            progress=lambda *_: None,
        )
    assert len(refused) == 3
    assert not wire.calls


def test_many_pages(
    people: Any, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of one end, of many ends and of none, on pages of two."""
    monkeypatch.setattr(managers, "PAGE", 2)
    now = datetime.now(UTC)
    for number in range(5):
        people(f"same{number}", 0)
    WebexToken.objects.update(access_token_expires_at=now)
    for number in range(5):
        people(f"other{number}", number / 4)
        people(f"none{number}", None)
    for before in (timedelta(days=3), None):
        found = list(refresh.due_tokens(WebexToken.objects.all(), before))
        assert len(found) == len({token.pk for token in found}) == 15
        assert refresh.due_count(WebexToken.objects.all(), before) == 15


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_what_is_in_flight(
    people: Any, wire: responses.RequestsMock, number: signal.Signals
) -> None:
    for name in ("a", "b", "c"):
        people(name, 1)

    sent = iter([number])

    def interrupted(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        for each in sent:
            os.kill(os.getpid(), each)
        return rotate(request)

    wire.add_callback("POST", TOKEN_URL, interrupted)
    before = signal.getsignal(number)
    status, said = run("--workers", "1")
    assert signal.getsignal(number) is before
    assert status == 1
    assert f"{len(wire.calls)} refreshed" in said
    assert f"{3 - len(wire.calls)} not tried" in said
    assert "The run was interrupted." in said
    assert WebexToken.objects.filter(claimed_until=None).count() == 3


def test_outside_of_the_main_thread(people: Any, wire: responses.RequestsMock) -> None:
    """Signals are the main thread's; elsewhere the command runs without."""
    handled: list[bool] = []

    def inside() -> None:
        with _stop_on_signals() as event:
            handled.append(event.is_set())

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert handled == [False]


def test_quiet(people: Any, wire: responses.RequestsMock) -> None:
    wire.add_callback("POST", TOKEN_URL, rotate)
    people("soon", 1)
    assert run("-v", "0") == (0, "")


def test_nothing_to_do(wire: responses.RequestsMock) -> None:
    status, said = run()
    assert status == 0
    assert set(re.findall(r"\d+", said)) == {"0"}


def test_the_new_token_is_the_one_that_is_used(people: Any, wire: responses.RequestsMock) -> None:
    from webex_widgets.tokens import get_access_token

    token = people("soon", 1)
    wire.post(TOKEN_URL, json=GRANT)
    run()
    assert get_access_token(token.user) == NEW_ACCESS
    assert len(wire.calls) == 1


# The service app's own token


@pytest.fixture
def app(settings: Settings) -> dict[str, Any]:
    """Set a service app up; return its settings, to change them."""
    values: dict[str, Any] = dict(SERVICE_APP)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": values}
    return values


def refusing(refused: str, status: int, body: dict[str, Any]) -> Any:
    """Return a token endpoint that refuses this client and refreshes for everybody else."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if parse_qs(str(request.body))["client_id"] == [refused]:
            return status, {}, json.dumps(body)
        return rotate(request)

    return answer


def test_the_service_app_is_kept_fresh(people: Any, app: Any, wire: responses.RequestsMock) -> None:
    """Even before anybody has been a guest."""
    wire.add_callback("POST", TOKEN_URL, rotate)
    people("soon", 1)
    said = run("-v", "2")[1].splitlines()
    assert sorted(said[:2]) == ["soon: refreshed", "the service app: refreshed"]
    assert asked(wire) == ["R-soon", APP_REFRESH]
    assert report() == {"complete": True}
    assert report("--all") == {"refreshed": 2, "complete": True}
    assert report("--all", "--user", "soon") == {"refreshed": 1, "complete": True}
    token = WebexToken.objects.get(service_app=APP)
    assert token.refresh_token == f"{APP_REFRESH}++"


def test_a_dry_run_with_a_service_app(people: Any, app: Any) -> None:
    people("soon", 1)
    assert run("--dry-run") == (0, "1 due.\nsoon\n")
    assert WebexToken.objects.count() == 1
    make_service_app()
    assert run("--dry-run") == (0, "2 due.\nthe service app\nsoon\n")


def make_service_app(**fields: Any) -> WebexToken:
    now = datetime.now(UTC)
    values = {"service_app": APP, "client_id": APP, "refresh_token": APP_REFRESH, **fields}
    return WebexToken.objects.create(access_token_expires_at=now, refreshed_at=now, **values)


def test_a_service_app_s_secret_stops_nobody(
    people: Any, app: Any, wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        people(f"u{number}", 1)
    wire.add_callback("POST", TOKEN_URL, refusing(APP, 401, {"error": "invalid_client"}))
    status, said = run("--workers", "1", "--all")
    assert status == 1
    assert "5 refreshed, 0 must connect again, 1 failed" in said
    assert 'Check WEBEX_WIDGETS["GUESTS"].' in said
    assert 'Check WEBEX_WIDGETS["GUESTS"].' in caplog.text
    token = WebexToken.objects.get(service_app=APP)
    assert (token.status, token.claimed_until) == ("active", None)


def test_the_integration_s_secret_still_stops_all(
    people: Any, app: Any, wire: responses.RequestsMock
) -> None:
    for number in range(5):
        people(f"u{number}", 1)
    wire.add_callback("POST", TOKEN_URL, refusing(CLIENT_ID, 401, {"error": "invalid_client"}))
    status, said = run("--workers", "1")
    assert status == 1
    assert "CLIENT_SECRET" in said
    assert "1 failed" in said
    assert WebexToken.objects.filter(status="active", claimed_until=None).count() == 6


def test_a_service_app_that_is_dead(
    people: Any, app: dict[str, Any], wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can connect it anew, so it is worth a mail, once."""
    people("soon", 1)
    wire.add_callback("POST", TOKEN_URL, refusing(APP, 400, DEAD))
    status, said = run()
    assert status == 1
    assert "1 refreshed, 1 must connect again" in said
    assert 'put it into WEBEX_WIDGETS["GUESTS"]["REFRESH_TOKEN"]' in said
    assert [each.levelname for each in caplog.records if "GUESTS" in each.getMessage()] == ["ERROR"]
    assert report() == {"complete": True}
    app["REFRESH_TOKEN"] = "another"
    wire.remove("POST", TOKEN_URL)
    wire.add_callback("POST", TOKEN_URL, rotate)
    assert report() == {"refreshed": 1, "complete": True}


@pytest.mark.parametrize("guests", [None, {**SERVICE_APP, "CLIENT_ID": "another"}])
def test_a_service_app_that_is_not_set_up_any_more(
    people: Any, settings: Settings, wire: responses.RequestsMock, guests: dict[str, Any] | None
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": guests}
    wire.add_callback("POST", TOKEN_URL, rotate)
    make_service_app()
    people("soon", 1)
    others = 1 if guests else 0
    assert report() == {"refreshed": 1 + others, "complete": True}
    assert report("--all") == {"refreshed": 1 + others, "complete": True}
    assert WebexToken.objects.get(service_app=APP).version == 1


def test_an_unreadable_service_app(
    people: Any, app: Any, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    make_service_app()
    settings.SECRET_KEY = "another"
    assert report() == {"unreadable": 1}
    assert "The Webex token of the service app is unreadable" in caplog.text


def test_bad_weather_for_a_service_app(
    app: Any, wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    wire.post(TOKEN_URL, status=503)
    assert report() == {"failed": 1}
    assert "the Webex token of the service app failed" in caplog.text


def test_the_queue_knows_the_service_app(
    people: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[int]] = []
    monkeypatch.setattr(tasks.refresh_webex_token_batch, "delay", batches.append)
    mine = people("soon", 1)
    assert tasks.refresh_due_webex_tokens() == 2
    token = WebexToken.objects.get(service_app=APP)
    assert sorted(batches[0]) == sorted([mine.pk, token.pk])
