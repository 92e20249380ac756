"""The list of a person's spaces; how a title is found stands in ``test_session.py``."""

from __future__ import annotations

from typing import Any

import pytest
import responses
from django.contrib.auth.models import AnonymousUser, User

from webex_widgets.exceptions import NotConnected, TransportError
from webex_widgets.models import WebexToken
from webex_widgets.rooms import list_rooms

from .conftest import API, room


def test_the_most_recent_first(user: User, token: WebexToken, wire: responses.RequestsMock) -> None:
    items = [
        room("never", lastActivity=None),
        room("old", lastActivity="2026-01-01T00:00:00Z"),
        room("new", lastActivity="2026-11-01T00:00:00Z"),
    ]
    wire.get(f"{API}/rooms", json={"items": items})
    assert [found.title for found in list_rooms(user)] == ["new", "old", "never"]


def test_nobody(db: None) -> None:
    with pytest.raises(NotConnected):
        list_rooms(AnonymousUser())


@pytest.mark.parametrize("answer", [{"status": 500}, {"body": "<html>"}])
def test_bad_weather(
    user: User, token: WebexToken, wire: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    wire.get(f"{API}/rooms", **answer)
    with pytest.raises(TransportError):
        list_rooms(user)
