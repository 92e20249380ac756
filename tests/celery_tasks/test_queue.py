"""Real workers on real brokers, killed in the middle: who was refreshed, and how often.

The token endpoint takes each refresh token once. So a token whose answer was on the wire, or just
being saved, when its worker died is lost by its nature: the next one to send it is refused, and
the person must connect again. Everything else must be refreshed exactly once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from webex_widgets import crypto
from webex_widgets.fields import PREFIX
from webex_widgets.tasks import WORKERS

from ..provider import Provider, running

PEOPLE = 2000
CONCURRENCY = 2
CLAIM = 8.0
VISIBILITY_TIMEOUT = 4
"""Seconds after which Redis lets others have the messages of a worker that is gone."""

DEADLINE = 100.0
"""Seconds for all of it, within pytest's own ``faulthandler_timeout``."""

POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/15")

pytestmark = pytest.mark.queue


def missing(what: str, error: Exception) -> NoReturn:
    """Skip where one tries things out; fail where all must be there."""
    reason = f"{what} cannot be reached: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Broker:
    """A queue of the test's own on a broker."""

    url: str
    options: dict[str, Any] = field(default_factory=dict)
    queue: str = field(default_factory=lambda: f"webex-widgets-{uuid.uuid4().hex}")

    def connect(self) -> Connection:
        return Connection(self.url, connect_timeout=5)  # type: ignore[no-untyped-call]

    def ready_to_restart(self) -> bool:
        """Whether it gives the killed workers' messages to others; RabbitMQ does so by itself."""
        if self.url == RABBITMQ:
            return True
        with redis.Redis.from_url(self.url) as client:
            index = f"{self.queue}:unacked_index"
            newest = client.zrange(index, -1, -1, withscores=True)
        assert isinstance(newest, list)
        ((_, held_since),) = newest
        return bool(held_since + VISIBILITY_TIMEOUT < time.time())

    def remove(self) -> None:
        if self.url == RABBITMQ:
            with self.connect() as connection:
                connection.default_channel.queue_delete(self.queue)
            return
        with redis.Redis.from_url(self.url) as client:
            for key in client.scan_iter(f"{self.queue}:*"):
                client.delete(key)


@pytest.fixture(params=["rabbitmq", "redis"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Yield each of the brokers."""
    broker = Broker(RABBITMQ if request.param == "rabbitmq" else REDIS)
    if request.param == "redis":
        broker.options = {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "global_keyprefix": f"{broker.queue}:",
        }
    try:
        with broker.connect() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except (OSError, OperationalError) as error:
        missing(request.param, error)
    yield broker
    broker.remove()


@pytest.fixture
def database() -> Iterator[str]:
    """Yield the URL of an empty database on PostgreSQL."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        server = POSTGRES
    name = f"webex_widgets_{uuid.uuid4().hex}"
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        missing("PostgreSQL", error)
    with connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass(frozen=True)
class Row:
    """What the database holds of one person."""

    owner: str
    status: str
    version: int
    access_token: str
    refresh_token: str
    claimed_until: datetime | None


class Rows:
    """Looks into the workers' database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def due(self) -> int:
        """Return how many tokens nothing has come of."""
        return self._number(
            "SELECT count(*) FROM webex_widgets_webextoken WHERE status = 'active' AND version = 1"
        )

    def at_rest(self) -> bool:
        """Whether nobody else is connected: a killed client's last statement is still executed."""
        return not self._number(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def all(self) -> list[Row]:
        rows = self._connection.execute(
            "SELECT username, status, version, access_token, refresh_token, claimed_until"
            " FROM webex_widgets_webextoken t JOIN auth_user u ON u.id = t.user_id"
        )
        return [
            Row(owner, status, version, _plain(access), _plain(refresh), claimed_until)
            for owner, status, version, access, refresh, claimed_until in rows
        ]

    def _number(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def _plain(ciphertext: str) -> str:
    return crypto.decrypt(ciphertext.removeprefix(PREFIX))


class Calls:
    """When each person's refresh token was sent; ``reached`` is set at a number of calls.

    From there on answers take so long that calls are on the wire when a worker is killed.
    """

    def __init__(self, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times: defaultdict[str, list[datetime]] = defaultdict(list)
        self.reached = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self._at = 0
        self._provider = provider
        self._grant = provider.grant
        monkeypatch.setattr(provider, "grant", self._note)

    def until(self, number: int) -> None:
        """Count to this number of calls from now on."""
        self.reached.clear()
        self._provider.latency = 0.05
        self._at = self._number + number

    def _note(self, refresh_token: str) -> tuple[int, dict[str, object]]:
        with self._lock:
            self.times[refresh_token.split("-")[1]].append(datetime.now(UTC))
            self._number += 1
            if self._number == self._at:
                self._provider.latency = 2.0
                self.reached.set()
        return self._grant(refresh_token)


class Site:
    """The workers' site: starts and ends processes, and waits for what they do."""

    def __init__(self, database: str, broker: Broker, provider: Provider, logs: Path) -> None:
        self._environment = {
            **os.environ,
            "DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "tests.celery_tasks.settings",
            "TEST_API_BASE_URL": provider.base_url,
            "TEST_BROKER_URL": broker.url,
            "TEST_CLAIM_SECONDS": str(CLAIM),
            "TEST_QUEUE": broker.queue,
            "TEST_TRANSPORT_OPTIONS": json.dumps(broker.options),
        }
        self._logs = logs
        self._deadline = time.monotonic() + DEADLINE
        self.workers: list[subprocess.Popen[bytes]] = []

    def fill(self) -> None:
        command = [sys.executable, "-m", "tests.celery_tasks.fill", str(PEOPLE)]
        subprocess.run(command, env=self._environment, check=True, timeout=DEADLINE)

    def start(self) -> None:
        """Start two workers with a pool of processes each."""
        for name in ("one", "two"):
            command = [sys.executable, "-m", "celery", "--app", "tests.celery_tasks.app", "worker"]
            command += ["--pool", "prefork", "--concurrency", str(CONCURRENCY)]
            command += ["--hostname", f"{name}@%h", "--loglevel", "INFO"]
            command += ["--without-gossip", "--without-mingle"]
            with (self._logs / f"{name}.log").open("ab") as log:
                self.workers.append(
                    subprocess.Popen(
                        command,
                        env=self._environment,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        # Workers and pools die together and alone.
                        start_new_session=True,
                    )
                )

    def kill(self) -> None:
        """Kill both workers and all processes of their pools, in no particular state."""
        for worker in self.workers:
            if worker.poll() is None:  # its number is nobody else's yet
                os.killpg(worker.pid, signal.SIGKILL)
        for worker in self.workers:
            worker.wait()
        self.workers = []

    def kill_one_of_the_pool(self) -> None:
        """Kill the busiest process of the pools; its worker lives, and hears of it."""
        workers = ",".join(str(worker.pid) for worker in self.workers)
        found = subprocess.run(
            ["pgrep", "--parent", workers], capture_output=True, check=True, text=True
        )
        os.kill(max(map(int, found.stdout.split()), key=_sockets), signal.SIGKILL)

    def stop(self) -> list[int]:
        """Ask both workers to end what they do and go; return their exit statuses."""
        for worker in self.workers:
            worker.terminate()
        statuses = [worker.wait(self._left()) for worker in self.workers]
        self.workers = []
        return statuses

    def wait_until(self, what: str, true: Callable[[], bool]) -> None:
        """Wait, and fail where the time is over or a worker has ended by itself."""
        while not true():
            assert self._left() > 0, f"{what}: in vain"
            assert [worker.poll() for worker in self.workers] == [None] * len(self.workers)
            time.sleep(0.05)

    def print_logs(self) -> None:
        for log in self._logs.glob("*.log"):
            lines = log.read_text().splitlines()[-200:]
            sys.stdout.write("\n".join([log.name, *lines, ""]))

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def _sockets(pid: int) -> int:
    """Return how many connections a process has: one for each call to Webex, and a few more."""
    number = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since
            number += str(file.readlink()).startswith("socket:")
    return number


@contextmanager
def _site(
    database: str, broker: Broker, provider: Provider, logs: Path
) -> Iterator[tuple[Site, Rows]]:
    site = Site(database, broker, provider, logs)
    try:
        site.fill()
        with psycopg.connect(database, autocommit=True) as connection:
            yield site, Rows(connection)
    finally:
        site.kill()
        site.print_logs()


def _nobody_is_served() -> bool:
    return not any("process_request_thread" in thread.name for thread in threading.enumerate())


def test_two_workers_are_killed_in_the_middle(
    database: str, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as provider, _site(database, broker, provider, tmp_path) as (site, rows):
        calls = Calls(provider, monkeypatch)
        calls.until(PEOPLE // 3)
        site.start()
        site.wait_until("a third of the calls", calls.reached.is_set)
        killed_at = time.monotonic()
        site.kill()
        site.wait_until("the answers to nobody", _nobody_is_served)
        site.wait_until("the last statements", rows.at_rest)
        lost = {
            row.owner: row.claimed_until
            for row in rows.all()
            if row.owner in provider.granted and row.refresh_token == f"R-{row.owner}-0"
        }
        assert 0 < len(lost) <= 2 * CONCURRENCY * WORKERS
        answered = [killed_at - provider.sent.get(owner, killed_at) for owner in lost]
        unsaved = [seconds for seconds in answered if seconds > 0]
        assert max(unsaved, default=0) < 2, "an answer is saved at once"
        assert not provider.refused

        site.wait_until("the messages to be given to others", broker.ready_to_restart)
        calls.until(PEOPLE // 4)
        site.start()
        site.wait_until("another quarter of the calls", calls.reached.is_set)
        site.kill_one_of_the_pool()
        calls.until(PEOPLE)
        site.wait_until("all tokens", lambda: rows.due() == 0)
        assert site.stop() == [0, 0]
        found = rows.all()

    assert {row.owner for row in found} == set(calls.times)
    assert len(found) == PEOPLE
    refused = {token.split("-")[1] for token in provider.refused}
    lost_later = refused - set(lost)
    sys.stdout.write(
        f"Lost with two workers: {len(lost)}, of which {len(unsaved)} had been answered for "
        f"{max(unsaved, default=0):.2f} s at most; with one process: {len(lost_later)}\n"
    )
    assert set(lost) <= refused
    assert 0 < len(lost_later) <= WORKERS
    for row in found:
        times = calls.times[row.owner]
        if row.owner in refused:
            assert row.status == "reauthorization_required"
            first, second = times
            # A claim begins a moment before its call.
            assert second - first > timedelta(seconds=CLAIM - 1)
        else:
            assert len(times) == 1
            assert (row.status, row.version) == ("active", 2)
            assert row.access_token == f"A-{row.owner}-1"
            assert row.refresh_token == f"R-{row.owner}-1"
        claimed_until = lost.get(row.owner)
        assert claimed_until is None or claimed_until <= times[1]
