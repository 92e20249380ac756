"""How much faster the command's refresh is than one call after the other.

``make bench`` measures both in one run, in turn: a serial loop that keeps its connection alive and
saves each row, and ``refresh_tokens`` with 16 and with 32 workers. The provider is a process of
its own that takes 50 ms an answer; the database is PostgreSQL, and every save is durable. The exit
status is 1 where a ratio is below its goal.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django
import requests
from django.conf import settings
from django.db import connection, connections

TOKENS = 400
LATENCY = 0.05
ROUNDS = 3
GOALS = {16: 14.0, 32: 22.0}
DATABASE_URL = "postgres://postgres@127.0.0.1:5432/postgres"


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def serve() -> int:
    """Be the provider, until the signal that ends it; print the address first."""
    from tests.provider import Provider

    with Provider(LATENCY) as provider:
        say(provider.base_url)
        provider.serve_forever()
    return 0


def serially() -> None:
    """Refresh every token as a loop would that knows no better, but keeps its connection."""
    from webex_widgets.client.types import TokenGrant
    from webex_widgets.conf import conf
    from webex_widgets.models import WebexToken

    with requests.Session() as session:
        session.trust_env = False
        for token in WebexToken.objects.order_by("pk"):
            asked_at = datetime.now(UTC)
            response = session.post(
                f"{conf.API_BASE_URL}/access_token",
                data={
                    "grant_type": "refresh_token",
                    "refresh_token": token.refresh_token,
                    "client_id": conf.CLIENT_ID,
                    "client_secret": conf.CLIENT_SECRET,
                },
                timeout=10,
            )
            grant = TokenGrant.from_answer(response.json(), asked_at)
            if grant is None:
                raise RuntimeError(f"The provider answered {response.status_code}.")
            token.access_token = grant.access_token
            token.refresh_token = grant.refresh_token or token.refresh_token
            token.access_token_expires_at = grant.access_token_expires_at
            token.save()


def side_by_side(workers: int) -> None:
    """Refresh every token as the command does."""
    from webex_widgets.models import WebexToken
    from webex_widgets.refresh import due_tokens, refresh_tokens

    due = due_tokens(WebexToken.objects.all(), timedelta(days=3))
    report = refresh_tokens(due, workers=workers, progress=lambda _token, _outcome: None)
    if report.refreshed != TOKENS:
        raise RuntimeError(str(report))


def seconds(work: Callable[[], None]) -> float:
    """Return how long ``work`` takes on tokens that are all due."""
    from tests.upkeep.actors import revive

    revive({})
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure() -> bool:
    """Print the medians and their ratios; return whether the goals are met."""
    from tests.upkeep.actors import make

    make(TOKENS)
    contenders: dict[str, Callable[[], None]] = {
        "serial": serially,
        **{f"{n} workers": lambda n=n: side_by_side(n) for n in GOALS},  # type: ignore[misc]
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(ROUNDS):
        for name, work in contenders.items():
            times[name].append(seconds(work))
            say(f"round {number + 1}, {name}: {times[name][-1]:.2f} s")
    serial = statistics.median(times["serial"])
    good = True
    for workers, goal in GOALS.items():
        median = statistics.median(times[f"{workers} workers"])
        ratio = serial / median
        good = good and ratio >= goal
        say(
            f"{workers} workers: {ratio:.1f} times as fast as the serial loop "
            f"({median:.2f} s and {serial:.2f} s, medians of {ROUNDS}); the goal is {goal:.0f}."
        )
    return good


def main() -> int:
    """Make a database and a provider, measure, and remove both; return the exit status."""
    provider = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.refresh", "serve"], stdout=subprocess.PIPE, text=True
    )
    original = str(connection.settings_dict["NAME"])
    connection.settings_dict["TEST"]["NAME"] = f"webex_bench_{os.getpid()}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        settings.WEBEX_WIDGETS = {
            **settings.WEBEX_WIDGETS,
            "API_BASE_URL": next(iter(provider.stdout or [])).strip(),
        }
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            (commits,) = cursor.fetchone()
        say(
            f"{TOKENS} tokens, {LATENCY * 1000:.0f} ms an answer, PostgreSQL with "
            f"synchronous_commit = {commits}"
        )
        return 0 if measure() else 1
    finally:
        provider.send_signal(signal.SIGTERM)
        provider.wait()
        connections.close_all()
        connection.creation.destroy_test_db(original, verbosity=0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ.setdefault("DATABASE_URL", DATABASE_URL)
    django.setup()
    sys.exit(serve() if sys.argv[1:] == ["serve"] else main())
