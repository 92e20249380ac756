"""The OAuth round trip's memory."""

from __future__ import annotations

import pytest
import time_machine
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.cache import SessionStore

from webex_widgets import state
from webex_widgets.exceptions import StateError


@pytest.fixture
def session() -> SessionBase:
    return SessionStore()


def begin(session: SessionBase, user: str = "1") -> state.RoundTrip:
    return state.begin(session, user, "https://site.example/webex/callback/", "/next/")


def test_a_round_trip(session: SessionBase) -> None:
    trip = begin(session)
    assert state.redeem(session, "1", trip.state) == trip
    assert trip.state not in repr(trip)
    assert trip.code_verifier not in repr(trip)


def test_each_is_another(session: SessionBase) -> None:
    trips = [begin(session) for _ in range(20)]
    assert len({trip.state for trip in trips}) == len({trip.code_verifier for trip in trips}) == 20
    # RFC 7636, section 4.1.
    assert all(43 <= len(trip.code_verifier) <= 128 for trip in trips)


def test_once_only(session: SessionBase) -> None:
    trip = begin(session)
    state.redeem(session, "1", trip.state)
    with pytest.raises(StateError, match="not one of this session"):
        state.redeem(session, "1", trip.state)


@pytest.mark.parametrize("user", ["2", None])
def test_another_user_spoils_it(session: SessionBase, user: str | None) -> None:
    trip = begin(session)
    with pytest.raises(StateError, match="another user"):
        state.redeem(session, user, trip.state)
    with pytest.raises(StateError, match="not one of this session"):
        state.redeem(session, "1", trip.state)


@pytest.mark.parametrize(("seconds", "good"), [(state.LIFETIME, True), (state.LIFETIME + 1, False)])
def test_it_expires(session: SessionBase, seconds: int, good: bool) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        trip = begin(session)
        clock.shift(seconds)
        if good:
            state.redeem(session, "1", trip.state)
            return
        with pytest.raises(StateError, match="expired"):
            state.redeem(session, "1", trip.state)


def test_a_clock_that_went_back(session: SessionBase) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        trip = begin(session)
        clock.shift(-60)
        with pytest.raises(StateError, match="expired"):
            state.redeem(session, "1", trip.state)


def test_the_oldest_give_way(session: SessionBase) -> None:
    trips = [begin(session) for _ in range(state.PENDING + 2)]
    assert len(session[state.SESSION_KEY]) == state.PENDING
    with pytest.raises(StateError):
        state.redeem(session, "1", trips[1].state)
    state.redeem(session, "1", trips[2].state)


@pytest.mark.parametrize("forged", ["", "x", "\x00", "é" * 100_000])
def test_forged(session: SessionBase, forged: str) -> None:
    trip = begin(session)
    with pytest.raises(StateError):
        state.redeem(session, "1", forged)
    state.redeem(session, "1", trip.state)
