"""An OAuth round trip's memory, in the user's session: the state and what belongs to it.

A state is random, known to one session and one user, good for one callback and ten minutes; a
session holds a handful at most.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.sessions.backends.base import SessionBase

from .exceptions import StateError

SESSION_KEY: Final = "webex_widgets.states"
LIFETIME: Final = 600
"""Seconds that somebody may take on Webex's pages."""
PENDING: Final = 5
"""Round trips that one session may have under way: one for each tab."""


@dataclass(frozen=True)
class RoundTrip:
    """What the callback needs of the request that began it."""

    state: str = field(repr=False)
    code_verifier: str = field(repr=False)
    redirect_uri: str
    next: str


def begin(session: SessionBase, user_id: str, redirect_uri: str, next_url: str) -> RoundTrip:
    """Store and return a new round trip for this user."""
    trip = RoundTrip(
        state=secrets.token_urlsafe(32),
        code_verifier=secrets.token_urlsafe(64),
        redirect_uri=redirect_uri,
        next=next_url,
    )
    pending = list(_pending(session).items())[-(PENDING - 1) :]
    entry = {
        "user": user_id,
        "code_verifier": trip.code_verifier,
        "redirect_uri": redirect_uri,
        "next": next_url,
        "begun_at": int(time.time()),
    }
    session[SESSION_KEY] = {**dict(pending), trip.state: entry}
    return trip


def redeem(session: SessionBase, user_id: str | None, state: str) -> RoundTrip:
    """Return the round trip that ``state`` began, and forget it.

    Raises ``StateError`` when this session began none of that state, the state was redeemed
    before, is too old, or was begun by another user.
    """
    pending = _pending(session)
    entry = pending.pop(state, None)
    if entry is None:
        raise StateError("The state is not one of this session.")
    session[SESSION_KEY] = pending
    if entry["user"] != user_id:
        raise StateError("The state belongs to another user.")
    if not 0 <= time.time() - entry["begun_at"] <= LIFETIME:
        raise StateError("The state has expired.")
    return RoundTrip(state, entry["code_verifier"], entry["redirect_uri"], entry["next"])


def _pending(session: SessionBase) -> dict[str, dict[str, Any]]:
    return dict(session.get(SESSION_KEY, {}))
