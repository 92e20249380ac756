"""The calls of Webex's REST API that the widgets need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from ..exceptions import TransportError
from .transport import Transport
from .types import Person, Room

MAX_PAGES: Final = 100
"""Pages of 1000 rooms: nobody is in that many spaces, so a listing this long has gone wrong."""


def rooms(transport: Transport, access_token: str) -> Iterator[Room]:
    """Yield every group space of the token's owner, page by page, as Webex orders them.

    A page may be empty and still have a next one. Raises ``TransportError`` where the pages lead
    to another host, in a circle, or do not end; ``ApiError`` where Webex refuses.
    """
    answer, response = transport.get("rooms", access_token, {"type": "group", "max": "1000"})
    seen: set[str] = set()
    while True:
        items = answer.get("items")
        if not isinstance(items, list):
            raise TransportError("Webex's list of spaces holds no items.")
        for item in items:
            room = Room.from_answer(item)
            # The title of a 1:1 space is the other person's name, so it is no title to look for.
            if room is not None and room.type in ("group", ""):
                yield room
        url = response.links.get("next", {}).get("url")
        if not url:
            return
        url = transport.page(url)
        if url in seen or len(seen) >= MAX_PAGES:
            raise TransportError("Webex's list of spaces leads in a circle.")
        seen.add(url)
        answer, response = transport.get(url, access_token)


def room(transport: Transport, access_token: str, room_id: str) -> Room:
    """Return a space by its id; ``ApiError`` 404 where the token's owner is not in it."""
    answer, _ = transport.get(f"rooms/{quote(room_id, safe='')}", access_token)
    found = Room.from_answer(answer)
    if found is None:
        raise TransportError("Webex's answer about a space holds no id.")
    return found


def me(transport: Transport, access_token: str) -> Person:
    """Return whose token this is."""
    answer, _ = transport.get("people/me", access_token)
    return Person.from_answer(answer)
