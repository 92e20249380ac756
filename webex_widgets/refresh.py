"""Many tokens: claim what is due, refresh side by side, save each result as it comes, report.

Only the calls to Webex run side by side. Every query is this thread's, which so is the single
writer: what has come while it was busy goes into one transaction, because a durable commit takes
longer than everything else. A crash loses no answer but those that were on the wire.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from django.db import OperationalError, close_old_connections, transaction
from django.utils import timezone

from . import tokens
from .conf import conf
from .exceptions import DecryptionError, InvalidClient, TransportError
from .managers import WebexTokenQuerySet
from .models import WebexToken
from .tokens import Claim
from .workers import Answer, Workers

TRIES: Final = 3
"""Calls for one token in one run."""

BACK_OFF = 2.0
"""Seconds before a second try, on average; twice that before a third."""

GIVE_UP: Final = 5
"""Answers in a row that decide nothing, after which a run stops."""

LONGEST_PAUSE: Final = 60.0
"""Seconds that a run waits because Webex asks for it (429), with no other answer in between; for
more, the rest is left alone.
"""

TRY_AGAIN: Final = (0.1, 1.0, 5.0, 10.0)
"""Seconds before each further query of a database that has refused one."""

T = TypeVar("T")

logger = logging.getLogger("webex_widgets")


@dataclass
class Report:
    """How many tokens had which outcome."""

    refreshed: int = 0
    reauthorization_required: int = 0
    """Webex refused the refresh token, or it had ended: the person must connect again."""
    busy: int = 0
    """Somebody else is refreshing it, or has just done so."""
    unreadable: int = 0
    """No encryption key fits."""
    other_client: int = 0
    """It was granted to another ``CLIENT_ID``, so that Webex would refuse it."""
    failed: int = 0
    """Webex decided nothing: the token stands as it stood."""
    not_tried: int = 0
    """Left alone, because the run was stopped before."""
    stopped: str = ""
    """Why the run was stopped, if it was."""
    service_app: str = ""
    """What the site's people must mend before the service app's own token can be refreshed."""

    @property
    def tokens(self) -> int:
        """The number of tokens that had an outcome."""
        return sum(value for value in vars(self).values() if isinstance(value, int))

    @property
    def complete(self) -> bool:
        """Whether nothing is left but people who must reconnect."""
        left = self.unreadable + self.other_client + self.failed + self.not_tried
        return not (left or self.stopped or self.service_app)

    def as_dict(self) -> dict[str, object]:
        """Return the figures for machines."""
        return {**asdict(self), "complete": self.complete}


def due_count(queryset: WebexTokenQuerySet, before: timedelta | None) -> int:
    """Return how many of ``queryset`` ``due_tokens`` looks at: it may leave out some."""
    active = queryset.active()
    return (active if before is None else active.due(timezone.now(), before)).count()


def due_tokens(queryset: WebexTokenQuerySet, before: timedelta | None) -> Iterator[WebexToken]:
    """Yield the active tokens of ``queryset`` that are due ``before`` their end; ``None``: all.

    Few of them are in memory at a time, however many there are. The token of a service app that
    ``GUESTS`` no longer names is never due: nobody asks for guests with it.
    """
    now = timezone.now()
    active = queryset.active().select_related("user")
    if before is None:
        found = active.in_pages("pk")
    else:
        unknown = active.filter(access_token_expires_at=None).in_pages("pk")
        known = active.filter(access_token_expires_at__lte=now + before)
        known_in_pages = known.in_pages("access_token_expires_at", "pk")
        found = (
            token for token in itertools.chain(unknown, known_in_pages) if token.is_due(now, before)
        )
    app = conf.service_app
    for token in found:
        if token.service_app is None or (app is not None and token.service_app == app.id):
            yield token


def refresh_tokens(
    due: Iterator[WebexToken],
    *,
    workers: int,
    progress: Callable[[WebexToken, str], None],
    stop: Stop | None = None,
) -> Report:
    """Refresh ``due`` with ``workers`` calls at a time; ``progress`` hears of each outcome.

    An outcome is the name of one of the report's counts. Once ``stop`` is set, what is in flight
    is finished and saved, and nothing more is begun. The run stops by itself where Webex refuses
    the integration's credentials, does not answer, or asks for a longer pause than anybody should
    wait.
    """
    with Workers(workers) as pool:
        return _Run(due, pool, 2 * workers, progress, stop or Stop()).report()


class Stop:
    """A wish that a run may end, which a signal's handler can utter.

    ``threading.Event`` cannot be set by a handler that interrupts its own ``wait``: its lock is
    taken. ``SimpleQueue`` is made for this.
    """

    def __init__(self) -> None:
        self._wishes: SimpleQueue[None] = SimpleQueue()
        self._uttered = False

    def set(self) -> None:
        """Wish that the run may end."""
        self._uttered = True
        self._wishes.put(None)

    def is_set(self) -> bool:
        """Whether somebody has wished so."""
        return self._uttered

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until somebody wishes so."""
        with suppress(Empty):
            self._wishes.get(timeout=seconds)


@dataclass(eq=False)
class _Job:
    """One token's refresh, and how often it has been tried."""

    token: WebexToken
    tries: int = 0


class _Run:
    """The state of one run: what flies, what waits, and whether to go on."""

    def __init__(
        self,
        due: Iterator[WebexToken],
        workers: Workers,
        most: int,
        progress: Callable[[WebexToken, str], None],
        stop: Stop,
    ) -> None:
        self._due = due
        self._next = next(due, None)
        self._workers = workers
        # Twice as many as there are workers: while this thread commits, none waits for it.
        self._most = most
        self._progress = progress
        self._stop = stop
        self._report = Report()
        self._flying: dict[Claim, _Job] = {}
        self._waiting: list[tuple[float, int, _Job]] = []
        self._order = itertools.count()
        self._paused_since: float | None = None
        self._paused_until = 0.0
        self._undecided = 0

    def report(self) -> Report:
        """Work until all is done or the run is stopped; return what came of it."""
        try:
            self._work()
        except Exception:
            # Whatever went wrong, the answers that are on their way are saved.
            self._stop.set()
            self._withdraw()
            while self._flying:
                self._land()
            raise
        for _, _, job in self._waiting:
            self._count(job.token, "failed" if job.tries else "not_tried")
        if self._next is not None:
            for token in itertools.chain([self._next], self._due):
                self._count(token, "not_tried")
        return self._report

    def _work(self) -> None:
        while True:
            self._begin()
            if self._flying:
                self._land()
            elif self._left() and not self._stopped():
                self._stop.wait(self._seconds_to_wait())
            else:
                return

    def _stopped(self) -> bool:
        if self._stop.is_set() and not self._report.stopped:
            self._report.stopped = "The run was interrupted."
        return bool(self._report.stopped)

    def _left(self) -> bool:
        return bool(self._waiting) or self._next is not None

    def _has_room(self) -> bool:
        # Not for one claim at a time: each commit holds up the answers that come meanwhile.
        return len(self._flying) <= self._most * 3 / 4

    def _seconds_to_wait(self) -> float:
        """Return how long it is until one of those that are left may begin."""
        ready_at = 0.0 if self._next is not None else self._waiting[0][0]
        return max(0.0, max(ready_at, self._paused_until) - time.monotonic())

    def _begin(self) -> None:
        """Claim as many tokens as may fly, and hand them to the workers."""
        if not self._has_room():
            return
        jobs: dict[Any, _Job] = {}
        while (
            len(self._flying) + len(jobs) < self._most
            and self._left()
            and not self._stopped()
            and self._seconds_to_wait() == 0
        ):
            due_again = self._waiting and self._waiting[0][0] <= time.monotonic()
            if self._next is None or due_again:
                job = heapq.heappop(self._waiting)[2]
            else:
                job, self._next = _Job(self._next), next(self._due, None)
            if self._is_usable(job.token):
                jobs[job.token.pk] = job
        if not jobs:
            return
        for claim in _patiently(lambda: tokens.claim_all([job.token for job in jobs.values()])):
            job = jobs.pop(claim.token.pk)
            job.tries += 1
            self._flying[claim] = job
            self._workers.submit(claim)
        for job in jobs.values():
            self._count(job.token, "busy")

    def _is_usable(self, token: WebexToken) -> bool:
        """Whether Webex can be asked about this token; if not, it is counted."""
        if conf.client(token.client_id) is None:
            self._count(token, "other_client")
            return False
        try:
            _ = token.refresh_token
        except DecryptionError as error:
            logger.error("The Webex token of %s is unreadable: %s", token.owner, error)
            self._count(token, "unreadable")
            return False
        return True

    def _land(self) -> None:
        """Save the answers that have come, waiting for one if need be."""
        may_begin = self._has_room() and self._left() and not self._stopped()
        answers = self._workers.answers(self._seconds_to_wait() if may_begin else None)
        # Whoever locks rows in one order waits for nobody in a circle.
        answers.sort(key=lambda answer: answer[0].token.pk)
        mistakes: list[Exception] = []
        for claim, verdict in _patiently(lambda: self._save_all(answers)):
            job = self._flying.pop(claim, None)
            if job is None:
                continue  # it was given up before it came: saved, if that still helped
            if isinstance(verdict, str):
                self._count(job.token, verdict)
            elif isinstance(verdict, TransportError):
                self._put_off(job, verdict)
            else:
                mistakes.append(verdict)
        if self._stopped() or time.monotonic() < self._paused_until:
            self._withdraw()
        self._workers.go_on(safe=len(answers))
        if mistakes:
            raise mistakes[0]

    def _withdraw(self) -> None:
        """Take back what no worker has begun."""
        for claim in self._workers.withdraw():
            tokens.release(claim)
            job = self._flying.pop(claim)
            job.tries -= 1
            heapq.heappush(self._waiting, (0.0, next(self._order), job))

    def _save_all(self, answers: list[tuple[Claim, Answer]]) -> list[tuple[Claim, str | Exception]]:
        with transaction.atomic():
            return [(claim, self._save(claim, answer)) for claim, answer in answers]

    def _save(self, claim: Claim, answer: Answer) -> str | Exception:
        """Save one answer; return its outcome, or the error that decided nothing."""
        if isinstance(answer, Exception):
            tokens.release(claim)
            if not isinstance(answer, InvalidClient):
                return answer
            if claim.token.service_app is None:
                self._report.stopped = str(answer)
            else:
                # Other credentials than everybody else's.
                self._report.service_app = str(answer)
                logger.error("Refreshing the service app's Webex token failed: %s", answer)
            return "failed"
        self._undecided = 0
        self._paused_since = None
        if not tokens.settle(claim, answer):
            return "busy"
        if answer:
            return "refreshed"
        if claim.token.service_app is not None:
            self._report.service_app = tokens.SERVICE_APP_ENDED
        return "reauthorization_required"

    def _put_off(self, job: _Job, error: TransportError) -> None:
        """Try again later, if there is a later."""
        logger.warning("Refreshing the Webex token of %s failed: %s", job.token.owner, error)
        now = time.monotonic()
        if error.retry_after is not None:
            self._paused_until = max(self._paused_until, now + error.retry_after)
            self._paused_since = self._paused_since or now
            if self._paused_until - self._paused_since > LONGEST_PAUSE:
                self._report.stopped = f"Webex asks to wait {error.retry_after:.0f} seconds."
        else:
            self._undecided += 1
            if self._undecided >= GIVE_UP:
                self._report.stopped = f"Webex gave no usable answer {GIVE_UP} times in a row."
        if job.tries >= TRIES or self._report.stopped:
            self._count(job.token, "failed")
            return
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - keeps hosts apart, and no secret
        ready_at = now + BACK_OFF * 2 ** (job.tries - 1) * jitter
        heapq.heappush(self._waiting, (ready_at, next(self._order), job))

    def _count(self, token: WebexToken, outcome: str) -> None:
        setattr(self._report, outcome, getattr(self._report, outcome) + 1)
        self._progress(token, outcome)


def _patiently(query: Callable[[], T]) -> T:
    """Return ``query()``; where the database is locked or gone for a moment, try again.

    A refresh token that has rotated exists nowhere but in Webex's answer until it is saved. Raises
    ``OperationalError`` where the database stays away.
    """
    for seconds in TRY_AGAIN:
        try:
            return query()
        except OperationalError as error:
            logger.warning("The database refused, trying again: %s", error)
            close_old_connections()
            time.sleep(seconds)
    return query()
