"""``kill -9`` at random moments of a run, against a provider that rotates refresh tokens."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from ..provider import Provider
from .crew import Crew, say

TOKENS = 300
WORKERS = 16
LATENCY = 0.02
CLAIM = 0.3
"""Seconds that a claim holds, so that the test need not wait for a minute."""


@pytest.mark.crash
def test_kill_9(crew: Crew, provider: Provider) -> None:
    """Rows stay whole, and only answers under way are lost; ``CRASH_SEED`` repeats the moments."""
    seed = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(10**6)))
    moments = random.Random(seed)
    kills = 50 if crew.vendor == "postgresql" else 10
    provider.latency = LATENCY
    crew.claim = CLAIM
    crew.do("make", TOKENS)
    losses: list[int] = []
    arrived = 0
    for _ in range(kills):
        with provider.changed:
            provider.calls.clear()
            provider.sent.clear()
        (victim,) = crew.start(crew.refresh("--workers", str(WORKERS)))
        provider.wait_for_calls(moments.randint(1, TOKENS - WORKERS))
        time.sleep(moments.uniform(0, provider.latency))  # any moment of a call's life
        victim.signal(signal.SIGKILL)
        killed_at = time.monotonic()
        assert victim.wait() == -signal.SIGKILL
        provider.wait_until_idle()

        # Every row can be read, and holds the newest grant or, at worst, the one before it.
        rows = crew.do("aftermath")
        lost = {
            name: provider.granted[name]
            for name, row in rows.items()
            if row["refresh_token"] != f"R-{name}-{provider.granted.get(name, 1)}"
        }
        for name, row in rows.items():
            generation = provider.granted.get(name, 1) - (name in lost)
            assert row["access_token"] == f"A-{name}-{generation}"
            assert row["refresh_token"] == f"R-{name}-{generation}"
            assert row["status"] == "active"
        # What was lost was asked for at that moment, by one of the workers.
        assert all(rows[name]["claimed"] and rows[name]["due"] for name in lost)
        under_way = [name for name in lost if provider.sent.get(name, killed_at) >= killed_at]
        assert len(under_way) <= WORKERS
        assert sum(row["claimed"] for row in rows.values()) <= 2 * WORKERS
        losses.append(len(lost))
        arrived += len(lost) - len(under_way)

        # "aftermath" returned once the claims had run out: the next run does all the rest.
        due = sum(row["due"] for row in rows.values())
        provider.latency = 0
        (next_run,) = crew.play(crew.refresh("--workers", str(WORKERS)))
        expected = {
            "refreshed": due - len(lost),
            "reauthorization_required": len(lost),
            "complete": True,
        }
        assert next_run.report == {name: value for name, value in expected.items() if value}
        crew.do("revive", lost)
        provider.latency = LATENCY
    say(
        f"Seed {seed}: {kills} kills cost {sum(losses)} answers, at most {max(losses)} at a time; "
        f"{arrived} of them had left Webex."
    )
    assert max(losses) <= WORKERS, "More is lost than was asked for at a time."
