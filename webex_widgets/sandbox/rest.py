"""The part of the REST API that the product and the widgets read, and a little that adds to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse

from webex_widgets.sandbox.data import (
    ORGANISATION,
    Message,
    Person,
    Space,
    known_to,
    rest_id,
)
from webex_widgets.sandbox.errors import ApiError, RateLimitError, not_allowed
from webex_widgets.sandbox.state import STATE, Outage
from webex_widgets.sandbox.tokens import bearer

View = Callable[..., HttpResponse]

# Webex asks for up to an hour; a site must not wait that long, and a developer should see it.
RETRY_AFTER = 3600
# Longer than any sensible client's patience, short enough not to keep a thread for ever.
HANG_SECONDS = 120

PAGE_SIZE = 100
LARGEST_PAGE = 1000


def breakable(view: View) -> View:
    """Return a view that takes part in the outage chosen on the sandbox's home page."""

    @wraps(view)
    def broken(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        outage = STATE.outage
        if outage is Outage.UNAVAILABLE:
            raise ApiError(503, "The service is temporarily unavailable.")
        if outage is Outage.RATE_LIMITED:
            raise RateLimitError(RETRY_AFTER)
        if outage is Outage.HANGING:
            STATE.wait_while_hanging(HANG_SECONDS)
            raise ApiError(504, "The service did not answer in time.")
        return view(request, *args, **kwargs)

    return broken


def rooms(request: HttpRequest) -> HttpResponse:
    """List the caller's spaces (GET), or open one from ``{"title": …}`` (POST)."""
    person = bearer(request)
    if request.method == "POST":
        return JsonResponse(room_body(STATE.add_space(text_of(request, "title"), person), person))
    if request.method != "GET":
        raise not_allowed()
    spaces = STATE.spaces(person)
    kind = request.GET.get("type")
    if kind:
        if kind not in ("group", "direct"):
            raise ApiError(400, "The value of type must be group or direct.")
        spaces = [space for space in spaces if space.type == kind]
    order = request.GET.get("sortBy", "id")
    if order == "created":
        spaces.sort(key=lambda space: space.created, reverse=True)
    elif order == "id":
        spaces.sort(key=lambda space: space.id)
    elif order != "lastactivity":
        raise ApiError(400, "The value of sortBy must be id, lastactivity or created.")
    return _paged(request, [room_body(space, person) for space in spaces])


def room(request: HttpRequest, room_id: str) -> HttpResponse:
    """Return one space, which the caller must be a member of."""
    person = bearer(request)
    if request.method != "GET":
        raise not_allowed()
    return JsonResponse(room_body(_space(room_id, person), person))


def me(request: HttpRequest) -> HttpResponse:
    """Return the caller."""
    person = bearer(request)
    if request.method != "GET":
        raise not_allowed()
    return JsonResponse(person_body(person))


def people(request: HttpRequest) -> HttpResponse:
    """List the people with this ``email``, or with one of these ``id``, parted by commas.

    The widgets give the identifiers of Webex's cloud where everybody else gives those of the API.
    """
    caller = bearer(request)
    if request.method != "GET":
        raise not_allowed()
    email = request.GET.get("email")
    ids = request.GET.get("id", "").split(",")
    found = [
        person
        for person in known_to(caller)
        if person.email == email or person.id in ids or str(person.uuid) in ids
    ]
    return JsonResponse({"items": [person_body(person) for person in found]})


def messages(request: HttpRequest) -> HttpResponse:
    """List the messages of ``roomId``, newest first (GET), or add one to it (POST).

    POST takes ``{"roomId": …, "text": …}``; the message appears in open widgets at once.
    """
    person = bearer(request)
    if request.method == "POST":
        space = _space(text_of(request, "roomId"), person)
        return JsonResponse(message_body(STATE.post(space, person, text_of(request, "text"))))
    if request.method != "GET":
        raise not_allowed()
    space = _space(request.GET.get("roomId", ""), person)
    newest_first = reversed(STATE.messages(space))
    return _paged(request, [message_body(message) for message in newest_first])


def room_body(space: Space, person: Person) -> dict[str, object]:
    """Return a space as the REST API shows it to a person."""
    return {
        "id": space.id,
        "title": space.title_for(person),
        "type": space.type,
        "isLocked": False,
        "lastActivity": timestamp(STATE.last_activity(space)),
        "creatorId": space.creator.id,
        "created": timestamp(space.created),
        "ownerId": rest_id("ORGANIZATION", ORGANISATION),
        "isPublic": False,
        "isReadOnly": False,
    }


def person_body(person: Person) -> dict[str, object]:
    """Return a person as the REST API shows them."""
    return {
        "id": person.id,
        "emails": [person.email],
        "displayName": person.name,
        "orgId": rest_id("ORGANIZATION", ORGANISATION),
        "type": "person",
    }


def message_body(message: Message) -> dict[str, object]:
    """Return a message as the REST API shows it."""
    return {
        "id": message.id,
        "roomId": message.space.id,
        "roomType": message.space.type,
        "text": message.text,
        "personId": message.author.id,
        "personEmail": message.author.email,
        "created": timestamp(message.published),
    }


def timestamp(moment: datetime) -> str:
    """Return a moment in UTC as Webex writes it, to the millisecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _space(room_id: str, person: Person) -> Space:
    space = STATE.space_by_id(room_id, person)
    if space is None:
        raise ApiError(404, "Could not find a room with provided ID.")
    return space


def text_of(request: HttpRequest, name: str) -> str:
    """Return a text that must stand in the request's JSON object."""
    try:
        said = json.loads(request.body)
    except ValueError:
        said = None
    text = said.get(name) if isinstance(said, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise ApiError(400, f"{name} cannot be null or empty.")
    return text.strip()


def _paged(request: HttpRequest, items: list[dict[str, object]]) -> HttpResponse:
    """Return one page of a list, with a ``Link`` header where more may follow.

    A list of more than one page has an empty page after the first: Webex sends such pages, and a
    client that stops at one would miss the rest.
    """
    try:
        size = int(request.GET.get("max", PAGE_SIZE))
    except ValueError:
        size = 0
    if not 1 <= size <= LARGEST_PAGE:
        raise ApiError(400, f"The value of max must be a number from 1 to {LARGEST_PAGE}.")
    start, skip = _read_cursor(request.GET.get("cursor"))
    page = [] if skip else items[start : start + size]
    end = start + len(page)
    response = JsonResponse({"items": page})
    if end < len(items):
        query = {name: value for name, value in request.GET.items() if name != "cursor"}
        query |= {"max": str(size), "cursor": _cursor(end, skip=start == 0)}
        address = f"http://{request.META['HTTP_HOST']}{request.path}?{urlencode(query)}"
        response["Link"] = f'<{address}>; rel="next"'
    return response


def _cursor(start: int, *, skip: bool) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, skip]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[int, bool]:
    if cursor is None:
        return 0, False
    try:
        start, skip = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return int(start), bool(skip)
    except (ValueError, TypeError):
        raise ApiError(400, "The cursor is not valid.") from None
