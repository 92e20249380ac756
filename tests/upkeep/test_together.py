"""Several at once on one database: threads, processes, the session endpoint, two hosts."""

from __future__ import annotations

import pytest

from ..provider import Provider
from .crew import Act, Crew

WHOLE = {
    "access_token": "A-u0-2",
    "refresh_token": "R-u0-2",
    "version": 2,
    "status": "active",
    "claimed": False,
    "due": False,
}
"""A row that was refreshed once, and nothing else."""


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param([Act("refresh", named={"threads": 2})], id="two threads"),
        pytest.param([Act("refresh"), Act("refresh")], id="two processes"),
        pytest.param([Act("command", ("--json",)), Act("session")], id="command and session"),
        pytest.param([Act("session"), Act("session"), Act("refresh")], id="three processes"),
    ],
)
def test_one_request_for_everyone(crew: Crew, provider: Provider, acts: list[Act]) -> None:
    provider.latency = 0.2
    crew.do("make", 1, ended=True)
    for actor, act in zip(crew.play(*acts), acts, strict=True):
        if act.name == "command":
            # Whichever came first has refreshed; the command does not wait for others.
            assert actor.report in (
                {"refreshed": 1, "complete": True},
                {"busy": 1, "complete": True},
                {"complete": True},
            )
        else:
            assert set(actor.result) == {"A-u0-2"}, actor.err
    assert provider.calls == {"u0": 1}
    assert crew.do("rows") == {"u0": WHOLE}


def test_two_hosts_share_the_work(crew: Crew, provider: Provider) -> None:
    number = 60
    provider.latency = 0.02
    crew.do("make", number)
    actors = crew.play(crew.refresh("--workers", "4"), crew.refresh("--workers", "4"))
    assert [actor.report.get("complete") for actor in actors] == [True, True]
    assert sum(actor.report.get("refreshed", 0) for actor in actors) == number
    assert set(provider.calls.values()) == {1}
    assert len(provider.calls) == number
    for name, row in crew.do("rows").items():
        assert row == {**WHOLE, "access_token": f"A-{name}-2", "refresh_token": f"R-{name}-2"}
