"""What only real sockets, signals and processes show of the command."""

from __future__ import annotations

import signal

import pytest

from ..provider import Provider
from .crew import Crew, say


def test_a_late_answer_lands_in_nobody_s_row(crew: Crew, provider: Provider) -> None:
    """An answer that comes once its time is up belongs to no other token that is asked about."""
    provider.latency = 0.5
    provider.before_body["u0"] = lambda: provider.wait_for_calls(2)
    crew.settings["REQUEST_TIMEOUT"] = 0.8
    crew.do("make", 2)
    crew.play(crew.refresh("--workers", "1"))
    for name, row in crew.do("rows").items():
        assert row["access_token"].startswith(f"A-{name}-")
        assert row["refresh_token"].startswith(f"R-{name}-")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_well(crew: Crew, provider: Provider, number: int) -> None:
    """What is in flight is saved, the rest is left alone and reported, nothing stays claimed."""
    tokens, workers = 120, 8
    provider.latency = 0.2
    crew.do("make", tokens)
    (actor,) = crew.start(crew.refresh("--workers", str(workers)))
    provider.wait_for_calls(30)
    actor.signal(number)
    assert actor.wait() == 1
    asked = len(provider.calls)
    assert 30 <= asked <= 30 + 2 * workers
    assert actor.report == {
        "refreshed": asked,
        "not_tried": tokens - asked,
        "stopped": "The run was interrupted.",
    }
    assert "The run was interrupted." in actor.err
    rows = crew.do("rows")
    assert sum(row["claimed"] for row in rows.values()) == 0
    for name, row in rows.items():
        assert row["access_token"] == f"A-{name}-{provider.granted.get(name, 1)}"
    # And the next run does what was left.
    provider.latency = 0
    (actor,) = crew.play(crew.refresh())
    assert actor.report == {"refreshed": tokens - asked, "complete": True}
    assert set(provider.calls.values()) == {1}


@pytest.mark.parametrize("refusals", [[503], [0], [0, 503]], ids=str)
def test_a_cut_connection_is_tried_again(
    crew: Crew, provider: Provider, refusals: list[int]
) -> None:
    provider.refusals = list(refusals)
    crew.do("make", 3)
    (actor,) = crew.play(crew.refresh("--workers", "1"))
    assert actor.report == {"refreshed": 3, "complete": True}
    assert provider.calls.total() == 3 + len(refusals)
    assert not provider.refused


def test_memory_does_not_grow_with_the_number_of_rows(crew: Crew, provider: Provider) -> None:
    """The most that a run holds at a time, in MiB, for few and for very many rows.

    All are claimed and settled; to be quick, Webex is asked about the first 2,000 alone.
    """
    peaks = {}
    for number in (200, 20_000):
        provider.granted.clear()
        askable = min(number, 2_000)
        crew.do("make", number, askable=askable)
        (actor,) = crew.play(crew.refresh())
        ended = actor.report.pop("reauthorization_required", 0)
        assert (actor.report["refreshed"], ended) == (askable, number - askable)
        peaks[number] = actor.peak
    say(f"Peak memory in MiB, by the number of rows: {peaks}")
    assert peaks[20_000] - peaks[200] < 15


def test_what_is_due_is_found_by_its_index(crew: Crew) -> None:
    crew.do("make", 5_000)
    plans = crew.do("explain")
    assert len(plans) >= 4
    for query, plan in plans.items():
        assert "webex_widgets_due" in plan, f"{query}\n{plan}"
