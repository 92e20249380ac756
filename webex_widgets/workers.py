"""Threads that ask Webex side by side, each over a kept-alive connection of its own.

They touch no database. An answer takes up its worker until whoever reads it says that it is
safe: there are never more answers to lose in a crash than there are workers. After an answer that
is an error nobody begins another call before that either.

A call that outlasts its time (a server that sends a byte a second never lets a socket time out)
is given up and its thread left behind; should its answer come after all, it is handed out too.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import Final

from . import tokens
from .client.transport import Transport
from .client.types import TokenGrant
from .conf import conf
from .exceptions import WebexTimeout
from .tokens import Claim

GRACE: Final = 1.0
"""Seconds that a call may take longer than its own time-outs."""

Answer = TokenGrant | Exception | None
"""What ``tokens.ask`` returned or raised."""


class Workers:
    """A context manager; ``submit`` claims, and ``answers`` to them come in any order."""

    def __init__(self, number: int) -> None:
        self._timeout = conf.REQUEST_TIMEOUT + GRACE
        self._answers: queue.SimpleQueue[tuple[Claim, Answer]] = queue.SimpleQueue()
        # The condition guards what follows.
        self._changed = threading.Condition()
        self._claims: deque[Claim] = deque()
        self._number = number
        self._unsafe = 0
        self._held = False
        self._over = False
        self._asking: dict[threading.Thread, tuple[Claim, float]] = {}
        self._threads = {self._start() for _ in range(number)}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(self._timeout)

    def submit(self, claim: Claim) -> None:
        """Let a worker ask Webex as soon as one is idle."""
        with self._changed:
            self._claims.append(claim)
            self._changed.notify(min(1, self._places()))

    def withdraw(self) -> list[Claim]:
        """Return the claims that no worker has taken up, and forget them."""
        with self._changed:
            claims = list(self._claims)
            self._claims.clear()
        return claims

    def go_on(self, safe: int) -> None:
        """Let the workers begin calls again: so many answers more are safe."""
        with self._changed:
            self._unsafe -= safe
            self._held = False
            # To wake them all would be a race of many for a few places.
            self._changed.notify(self._places())

    def _places(self) -> int:
        """Return how many calls may begin now."""
        if self._held:
            return 0
        return max(0, min(len(self._claims), self._number - len(self._asking) - self._unsafe))

    def answers(self, timeout: float | None) -> list[tuple[Claim, Answer]]:
        """Return the answers that have come; wait a while for the first, ``timeout`` at most."""
        # Now and then somebody has to look whether a call has outlasted its time.
        wait = GRACE if timeout is None else min(timeout, GRACE)
        found: list[tuple[Claim, Answer]] = []
        while True:
            try:
                found.append(self._answers.get(block=not found, timeout=wait))
            except queue.Empty:
                return found or self._given_up()

    def _given_up(self) -> list[tuple[Claim, Answer]]:
        """Replace the threads whose calls have outlasted their time; answer for them."""
        latest = time.monotonic() - self._timeout
        with self._changed:
            late = [thread for thread, (_, began) in self._asking.items() if began < latest]
            claims = [self._asking.pop(thread)[0] for thread in late]
            self._held = self._held or bool(late)
            self._unsafe += len(late)
        for thread in late:
            self._threads.remove(thread)
            self._threads.add(self._start())
        return [(claim, WebexTimeout("Webex gave no whole answer in time.")) for claim in claims]

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name="webex_widgets.worker", daemon=True)
        thread.start()
        return thread

    def _take(self) -> Claim | None:
        """Wait for a claim; ``None``: there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._places())
            if self._over:
                return None
            claim = self._claims.popleft()
            self._asking[threading.current_thread()] = claim, time.monotonic()
            return claim

    def _work(self) -> None:
        with Transport() as transport:
            while (claim := self._take()) is not None:
                try:
                    answer: Answer = tokens.ask(transport, claim)
                except Exception as error:  # noqa: BLE001 - whoever reads the answers hears of it
                    answer = error
                with self._changed:
                    self._held = self._held or isinstance(answer, Exception)
                    self._unsafe += 1
                    given_up = self._asking.pop(threading.current_thread(), None) is None
                self._answers.put((claim, answer))
                if given_up:
                    return
