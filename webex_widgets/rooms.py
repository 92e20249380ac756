"""From a space's title to its id: the cache first, then Webex."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from . import cache, tokens
from .client import rest
from .client.transport import Transport
from .client.types import Room
from .conf import conf
from .exceptions import ApiError, RoomNotFound

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def list_rooms(user: AbstractBaseUser | AnonymousUser) -> list[Room]:
    """Return ``user``'s group spaces, the most recently active first.

    Takes ``REQUEST_TIMEOUT`` seconds at most. Raises ``NotConnected``,
    ``ReauthorizationRequired``, ``ApiError`` or ``TransportError``.
    """
    with Transport(total=conf.REQUEST_TIMEOUT) as transport:
        found = tokens.call(
            transport, tokens.get_token(user), lambda access: list(rest.rooms(transport, access))
        )
    return sorted(found, key=_activity, reverse=True)


def room_id(transport: Transport, access_token: str, title: str, owner: str) -> str:
    """Return the id of the space that ``title`` names for whom ``access_token`` belongs to.

    ``owner`` is a name for them under which the id is remembered. Always asks Webex, so that
    whoever goes on to use the access token knows it to be accepted; a remembered id makes it one
    small call. Raises ``RoomNotFound``, ``ApiError`` or ``TransportError``.
    """
    whose = [owner, conf.API_BASE_URL, title]
    key = f"webex_widgets.room.{hashlib.sha256(json.dumps(whose).encode()).hexdigest()}"
    remembered = cache.get(key)
    if remembered and _still(transport, access_token, remembered, title):
        return str(remembered)
    room = choose(rest.rooms(transport, access_token), title)
    if room is None:
        cache.delete(key)
        raise RoomNotFound("The user is in no space of that title.")
    cache.put(key, room.id, conf.ROOM_CACHE_TIMEOUT)
    return room.id


def choose(rooms: Iterable[Room], title: str) -> Room | None:
    """Return the room of exactly that title, else one that differs in case alone.

    Of several the most recently active one, because titles are not unique.
    """
    alike = [room for room in rooms if _folded(room.title) == _folded(title)]
    exact = [room for room in alike if room.title.strip() == title.strip()]
    return max(exact or alike, key=_activity, default=None)


def _still(transport: Transport, access_token: str, room_id: str, title: str) -> bool:
    """Whether the user is still in that room and it still has that title."""
    try:
        room = rest.room(transport, access_token, room_id)
    except ApiError as error:
        if error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            return False
        raise
    # Where Webex could not decrypt the title just now, it is the room's own matter.
    return not room.title or _folded(room.title) == _folded(title)


def _folded(title: str) -> str:
    return title.strip().casefold()


def _activity(room: Room) -> datetime:
    return room.last_activity or _LONG_AGO
