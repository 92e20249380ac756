"""As much of Webex's cloud as lets Cisco's widgets show a space and see a message arrive.

The widgets find every other service through the catalogue, so the hosts below are this module's
own choice; only those of ``region``, ``limited_catalogue`` and ``broker`` are fixed in the widgets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from queue import Empty
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from webex_widgets.sandbox.data import (
    CLUSTER,
    ORGANISATION,
    PEOPLE,
    Message,
    Person,
    Space,
    known_to,
)
from webex_widgets.sandbox.errors import ApiError
from webex_widgets.sandbox.rest import timestamp
from webex_widgets.sandbox.state import STATE, Events, News
from webex_widgets.sandbox.tokens import bearer

CONVERSATION = "https://conv-a.wbx2.com/conversation/api/v1"
DEVICES = "https://wdm-a.wbx2.com/wdm/api/v1"
EVENTS = "wss://mercury-a.wbx2.com/v1/events"

SERVICES = {
    "hydra": "https://api.ciscospark.com/v1/",
    "wdm": DEVICES,
    "conversation": CONVERSATION,
    "identityLookup": CONVERSATION,
    "apheleia": "https://apheleia-a.wbx2.com/apheleia/api/v1",
    "avatar": "https://avatar-a.wbx2.com/avatar/api/v1",
    "metrics": "https://metrics-a.wbx2.com/metrics/api/v1",
    "user": "https://user-a.wbx2.com/user/api/v1",
    "locus": "https://locus-a.wbx2.com/locus/api/v1",
    "calliopeDiscovery": "https://calliope-a.wbx2.com/calliope/api/discovery/v1",
    "idbroker": "https://idbroker.webex.com",
    "identity": "https://identity.webex.com",
    "encryption": "https://encryption-a.wbx2.com/encryption/api/v1",
}

# Empty lines this often tell the server that a reader is gone, and the reader that all is well.
HEARTBEAT_SECONDS = 10.0
# Browsers open six connections to one address; two are left for everything else.
STREAMS = 4


def region(_request: HttpRequest) -> HttpResponse:
    """Say where the visitor is."""
    return JsonResponse(
        {
            "countryCode": "US",
            "regionCode": "US-EAST",
            "timezone": "America/New_York",
            "clientAddress": "127.0.0.1",
        }
    )


def limited_catalogue(_request: HttpRequest) -> HttpResponse:
    """List the services for somebody who has not signed in yet."""
    return _catalogue()


def catalogue(request: HttpRequest) -> HttpResponse:
    """List the services."""
    bearer(request)
    return _catalogue()


def _catalogue() -> HttpResponse:
    host = "conv-a.wbx2.com"
    entry = {"host": host, "ttl": -1, "priority": 5, "id": f"{CLUSTER}:identityLookup"}
    return JsonResponse({"serviceLinks": SERVICES, "hostCatalog": {host: [entry]}})


def broker(_request: HttpRequest) -> HttpResponse:
    """Decline to trade the widget's token for others; the widgets go on with the one they have."""
    raise ApiError(400, "The sandbox gives out no such tokens.")


def keys(_request: HttpRequest, **_kwargs: object) -> HttpResponse:
    """Decline to encrypt: the sandbox has no key server, so nobody can write in a widget.

    The widget then says that the message could not be sent. Without any answer it would try for
    ever, and bring the browser's tab to a standstill.
    """
    raise ApiError(404, "The sandbox has no key server.")


def devices(request: HttpRequest) -> HttpResponse:
    """Register the browser as a device and tell it where messages are announced."""
    person = bearer(request)
    return JsonResponse(
        {
            "url": f"{DEVICES}/devices/{uuid4()}",
            "webSocketUrl": f"{EVENTS}/{uuid4()}",
            "userId": str(person.uuid),
            "deviceType": "WEB",
            "modificationTime": timestamp(STATE.started),
            "features": {"developer": [], "entitlement": [], "user": []},
        }
    )


def nothing(request: HttpRequest, **empty: object) -> HttpResponse:
    """Accept a call that has nothing to tell in the sandbox, and answer that."""
    bearer(request)
    return JsonResponse(empty)


def conversation(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Return a space with its people and messages."""
    person = bearer(request)
    space = STATE.space(uuid, person)
    if space is None:
        raise ApiError(404, "Could not find a room with provided ID.")
    return JsonResponse(_conversation(space, person, STATE.messages(space)))


def conversation_with(request: HttpRequest, user: str) -> HttpResponse:
    """Return the caller's conversation with somebody, by the identifier in the cloud or address."""
    person = bearer(request)
    others = [other for other in PEOPLE if user in (str(other.uuid), other.email)]
    if not others or others == [person]:
        raise ApiError(404, "Could not find a person with provided ID.")
    space = STATE.direct_space(person, others[0])
    return JsonResponse(_conversation(space, person, STATE.messages(space)))


def conversations(request: HttpRequest) -> HttpResponse:
    """List the caller's spaces, each with its last message."""
    person = bearer(request)
    items = [
        _conversation(space, person, STATE.messages(space)[-1:]) for space in STATE.spaces(person)
    ]
    for item in items:
        # The Recents widget shows the first one.
        item["activities"]["items"].reverse()
    return JsonResponse({"items": items})


def activities(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take in that the caller has read a space (POST), or list what is older: nothing (GET)."""
    person = bearer(request)
    space = STATE.space(uuid, person)
    if request.method == "POST" and space is not None and _verb(request) == "acknowledge":
        STATE.read(space, person)
    return JsonResponse({"items": []})


def _verb(request: HttpRequest) -> object:
    try:
        said = json.loads(request.body)
    except ValueError:
        return None
    return said.get("verb") if isinstance(said, dict) else None


def users(request: HttpRequest) -> HttpResponse:
    """Return the caller (GET), or those of ``[{"email": …}]`` whom the sandbox knows (POST)."""
    caller = bearer(request)
    if request.method == "GET":
        return JsonResponse(_user(caller))
    try:
        wanted = {entry["email"] for entry in json.loads(request.body)}
    except (ValueError, TypeError, KeyError):
        raise ApiError(400, "The body is a list of objects with an email.") from None
    return JsonResponse(
        {person.email: _user(person) for person in known_to(caller) if person.email in wanted}
    )


def events(request: HttpRequest, **_kwargs: object) -> HttpResponseBase:
    """Announce messages and what has been read, a line of JSON each, as long as the reader stays.

    A browser opens few connections to one address, and each stream takes one for good. So when
    there are many, a newcomer gets what there is and ``{"resume": position}``: it is to come back
    in a moment with ``?after=position``.
    """
    person = bearer(request)
    after = request.GET.get("after", "")
    returning = after.isdecimal()
    listener, position = STATE.listen(person, int(after) if returning else None)
    crowded = STATE.listening() > STREAMS
    if crowded:
        listener.put(None)
    return Stream(_events(listener, greet=not returning, resume=position if crowded else None))


class Stream(HttpResponseBase):
    """An answer that is still being written; the server iterates it, and closes the iterator."""

    streaming = True

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__(content_type="application/x-ndjson")
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        """Return what is written, part by part."""
        return self._parts


def _events(listener: Events, *, greet: bool, resume: int | None) -> Iterator[bytes]:
    try:
        if greet:
            yield _line(_greeting())
        while True:
            try:
                news = listener.get(timeout=HEARTBEAT_SECONDS)
            except Empty:
                yield b"\n"
                continue
            if news is None:
                break
            yield _line(_announcement(news))
        if resume is not None:
            yield _line({"resume": resume})
    finally:
        STATE.forget(listener)


def _greeting() -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "data": {"eventType": "mercury.buffer_state", "bufferState": {}},
        "timestamp": timestamp(STATE.started),
    }


def _announcement(news: News) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "data": {"activity": _activity(news), "eventType": "conversation.activity"},
        "alertType": "none",
        "headers": {},
        "timestamp": timestamp(news.published),
    }


def _line(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode() + b"\n"


def _conversation(space: Space, person: Person, messages: list[Message]) -> dict[str, Any]:
    members = space.members if person in space.members else (*space.members, person)
    return {
        "objectType": "conversation",
        "id": str(space.uuid),
        "url": f"{CONVERSATION}/conversations/{space.uuid}",
        "globalId": space.id,
        "displayName": space.title_for(person),
        "published": timestamp(space.created),
        "lastReadableActivityDate": timestamp(STATE.last_activity(space)),
        # Without this one, or where it is earlier, the Recents widget marks the space as unread.
        "lastSeenActivityDate": timestamp(STATE.last_read(space, person)),
        "tags": _tags(space),
        "participants": {"items": [_person(member) for member in members]},
        "activities": {"items": [_creation(space), *(_activity(message) for message in messages)]},
    }


def _creation(space: Space) -> dict[str, object]:
    """Return how it all began; without it the widgets ask for older messages, again and again."""
    return {
        "objectType": "activity",
        "id": str(space.uuid),
        "url": f"{CONVERSATION}/activities/{space.uuid}",
        "verb": "create",
        "published": timestamp(space.created),
        "actor": _person(space.creator),
        "object": _reference(space),
        "target": _reference(space),
    }


def _activity(news: News) -> dict[str, object]:
    activity: dict[str, object] = {
        "objectType": "activity",
        "id": str(news.uuid),
        "url": f"{CONVERSATION}/activities/{news.uuid}",
        "published": timestamp(news.published),
        "target": _reference(news.space),
    }
    if isinstance(news, Message):
        said = {"objectType": "comment", "displayName": news.text}
        return activity | {"verb": "post", "actor": _person(news.author), "object": said}
    return activity | {
        "verb": "acknowledge",
        "actor": _person(news.reader),
        "object": {"objectType": "activity"},
    }


def _reference(space: Space) -> dict[str, object]:
    return {
        "objectType": "conversation",
        "id": str(space.uuid),
        "url": f"{CONVERSATION}/conversations/{space.uuid}",
        # The widgets pass over a message whose target lacks this list.
        "tags": _tags(space),
    }


def _tags(space: Space) -> list[str]:
    return ["ONE_ON_ONE"] if space.type == "direct" else []


def _user(person: Person) -> dict[str, object]:
    return {
        "id": str(person.uuid),
        "email": person.email,
        "displayName": person.name,
        "name": person.name,
        "orgId": str(ORGANISATION),
        "photos": [],
    }


def _person(person: Person) -> dict[str, object]:
    return {
        "objectType": "person",
        "id": str(person.uuid),
        "entryUUID": str(person.uuid),
        "displayName": person.name,
        "emailAddress": person.email,
        "entryEmail": person.email,
        "orgId": str(ORGANISATION),
        "type": "PERSON",
    }
