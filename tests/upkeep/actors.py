"""Processes that work on one database, for tests of what happens between them.

``python -m tests.upkeep.actors`` makes a database of its own, then reads a JSON line a request:
it forks an actor for each act (a fork is a real process and costs no start-up) and lets all of
them begin at the same moment. At the end of its input the database goes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import django
from django.conf import settings
from django.db import connection, connections

from .crew import say

SOON = timedelta(hours=1)


def make(number: int, *, ended: bool = False, askable: int | None = None) -> None:
    """Put ``number`` users here, and nothing else, each with a token that is due or has ended.

    Of those after the first ``askable`` there is nothing to ask Webex for: they need reconnecting.
    """
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import User

    from webex_widgets.models import WebexToken

    from ..conftest import CLIENT_ID

    WebexToken.objects.all().delete()
    User.objects.all().delete()
    askable = number if askable is None else askable
    now = datetime.now(UTC)
    User.objects.bulk_create([User(username=f"u{n}") for n in range(number)], batch_size=500)
    WebexToken.objects.bulk_create(
        [
            WebexToken(
                user_id=pk,
                access_token=f"A-{name}-1",
                refresh_token=f"R-{name}-1" if int(name[1:]) < askable else "",
                access_token_expires_at=now - SOON if ended else now + SOON,
                refresh_token_expires_at=now + timedelta(days=80),
                refreshed_at=now - timedelta(days=13),
                client_id=CLIENT_ID,
            )
            for pk, name in get_user_model().objects.values_list("pk", "username")
        ],
        batch_size=500,
    )


def rows() -> dict[str, dict[str, Any]]:
    """Return what every row holds, by user."""
    from webex_widgets.models import WebexToken

    now = datetime.now(UTC)
    return {
        str(token.user): {
            "access_token": token.access_token,
            "refresh_token": token.refresh_token,
            "version": token.version,
            "status": token.status,
            "claimed": token.claimed_until is not None,
            "due": token.is_due(now, timedelta(days=3)),
        }
        for token in WebexToken.objects.select_related("user")
    }


def aftermath() -> dict[str, dict[str, Any]]:
    """Return the rows as a process that was killed has left them, once its claims have run out."""
    from webex_widgets.models import WebexToken

    others = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "mysql": "SELECT count(*) FROM information_schema.processlist "
        "WHERE db = database() AND id <> connection_id()",
        "sqlite": "SELECT 0",
    }[connection.vendor]
    with connection.cursor() as cursor:
        # A server may still be at work on the last statement of somebody who is gone.
        cursor.execute(others)
        while cursor.fetchone() != (0,):
            time.sleep(0.01)
            cursor.execute(others)
    found = rows()
    while WebexToken.objects.filter(claimed_until__gt=datetime.now(UTC)).exists():
        time.sleep(0.01)
    return found


def revive(generations: dict[str, int]) -> None:
    """Let every token end soon again, and store the generations that these users have come to."""
    from webex_widgets.models import WebexToken

    now = datetime.now(UTC)
    WebexToken.objects.update(
        status="active", access_token_expires_at=now + SOON, refreshed_at=now - timedelta(days=13)
    )
    for name, generation in generations.items():
        token = WebexToken.objects.get(user__username=name)
        token.access_token = f"A-{name}-{generation}"
        token.refresh_token = f"R-{name}-{generation}"
        token.save()


def refresh(threads: int = 1) -> list[str]:
    """Return what ``get_access_token`` says to each of so many threads that ask at once."""
    from django.contrib.auth.models import User

    from webex_widgets.tokens import get_access_token

    user = User.objects.get(username="u0")
    got: list[str] = []
    barrier = threading.Barrier(threads)

    def ask() -> None:
        connection.ensure_connection()
        barrier.wait()
        try:
            got.append(get_access_token(user))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=ask) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return got


def session() -> list[str]:
    """Return the access token that a frame is given by the session endpoint."""
    from django.contrib.auth.models import User
    from django.test import Client

    from webex_widgets.addresses import url
    from webex_widgets.widgets import SpaceWidget

    from ..provider import ROOM

    client = Client()
    client.force_login(User.objects.get(username="u0"))
    answer = client.get(url("session", w=SpaceWidget(destination=ROOM).signed())).json()
    return [answer["options"]["accessToken"] if answer["status"] == "ready" else answer["status"]]


def command(*arguments: str) -> NoReturn:
    """Run the command as ``manage.py`` does."""
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "refresh_webex_tokens", *arguments])
    sys.exit(0)


def explain() -> dict[str, str]:
    """Return the plan of every query that looks for what is due."""
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from webex_widgets.models import WebexToken
    from webex_widgets.refresh import due_count, due_tokens

    before = timedelta(days=3)
    far = timezone.now() + timedelta(days=10)
    few = WebexToken.objects.order_by("pk").values_list("pk", flat=True)[:300]
    WebexToken.objects.exclude(pk__in=list(few)).update(access_token_expires_at=far)
    table = WebexToken._meta.db_table
    explaining = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {'TABLE ' * (connection.vendor == 'mysql')}{table}")
        if connection.vendor == "mysql":
            cursor.fetchall()
    with CaptureQueriesContext(connection) as captured:
        assert len(list(due_tokens(WebexToken.objects.all(), before))) == 300
        assert due_count(WebexToken.objects.all(), before) == 300
    plans = {}
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            cursor.execute(f"{explaining} {query['sql']}")
            plans[query["sql"]] = "\n".join(str(row) for row in cursor.fetchall())
    return plans


ACTS: dict[str, Callable[..., object]] = {
    act.__name__: act for act in (make, rows, aftermath, revive, refresh, session, command, explain)
}


def perform(act: dict[str, Any], barrier: int) -> NoReturn:
    """Wait for the barrier, act, leave the result in files, and exit."""
    status, result = 0, None
    stage = Path(act["stage"])
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(stage / name, os.O_WRONLY | os.O_CREAT), descriptor)
    try:
        from webex_widgets import refresh, tokens

        refresh.BACK_OFF = 0.05
        tokens.CLAIM = timedelta(seconds=act["claim"])  # type: ignore[misc]
        settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, **act["settings"]}
        connection.ensure_connection()
        os.read(barrier, 1)
        result = ACTS[act["act"]](*act["arguments"], **act["named"])
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # noqa: BLE001 - this is the end of the process
        traceback.print_exc()
        status = 70
    finally:
        connections.close_all()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (stage / "result").write_text(json.dumps({"result": result, "peak": peak}))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def start(acts: list[dict[str, Any]]) -> list[int]:
    """Fork an actor for each act; return their process ids."""
    reading, writing = os.pipe()
    pids = []
    for act in acts:
        pid = os.fork()
        if pid == 0:
            os.close(writing)
            perform(act, reading)
        pids.append(pid)
    os.close(writing)
    os.close(reading)
    return pids


def main(scratch: str) -> None:
    """Make the database, serve requests, drop the database."""
    django.setup()
    name = f"webex_upkeep_{os.getpid()}"
    sqlite = connection.vendor == "sqlite"
    original = str(connection.settings_dict["NAME"])
    connection.settings_dict["TEST"]["NAME"] = str(Path(scratch) / name) if sqlite else name
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    connections.close_all()
    try:
        say(json.dumps(connection.vendor))
        for line in sys.stdin:
            request = json.loads(line)
            answer: object
            if "wait" in request:
                _, status = os.waitpid(request["wait"], 0)
                answer = os.waitstatus_to_exitcode(status)
            else:
                answer = start(request["start"])
            say(json.dumps(answer))
    finally:
        connection.creation.destroy_test_db(original, verbosity=0)


if __name__ == "__main__":
    main(sys.argv[1])
