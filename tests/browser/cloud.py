"""Webex's cloud as Cisco's widget meets it: answers for its calls, inside the browser's routing.

Nothing leaves this machine: what is neither loopback nor one of the hosts below is aborted and
noted as a stray.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from playwright.sync_api import BrowserContext, Route, WebSocketRoute

from .webex_api import Space, WebexApi

OUTSIDE: Final = re.compile(r"^https?://(?!(localhost|127\.0\.0\.1)[:/])")
CONVERSATION: Final = "https://conv-a.wbx2.com/conversation/api/v1"
DEVICE: Final = "https://wdm-a.wbx2.com/wdm/api/v1"
SERVICES: Final = {
    "hydra": "https://api.ciscospark.com/v1/",
    "wdm": DEVICE,
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
}
CATALOGUE: Final = {
    "serviceLinks": SERVICES,
    "hostCatalog": {
        "conv-a.wbx2.com": [
            {
                "host": "conv-a.wbx2.com",
                "ttl": -1,
                "priority": 5,
                "id": "urn:TEAM:us-east-2_a:identityLookup",
            }
        ]
    },
}
REGION: Final = {
    "countryCode": "US",
    "regionCode": "US-EAST",
    "timezone": "America/New_York",
    "clientAddress": "127.0.0.1",
}
OPEN: Final = (
    "https://ds.ciscospark.com/v1/region",
    "https://u2c.wbx2.com/u2c/api/v1/limited/catalog",
    "https://idbroker.webex.com/idb/oauth2/v1/access_token",
)
"""What the widget asks without a bearer token."""
EMPTY: Final[Mapping[str, Any]] = {
    "https://calliope-a.wbx2.com/": {"clusterClasses": {}, "clusters": {}},
    "https://apheleia-a.wbx2.com/": {"responses": []},
    "https://locus-a.wbx2.com/": {"loci": []},
    "https://api.ciscospark.com/v1/people": {"items": []},
    "https://metrics-a.wbx2.com/": {},
    f"{CONVERSATION}/activities": {},
}
ADA_UUID: Final = str(uuid5(NAMESPACE_URL, "ada@example.com"))
ADA: Final = {
    "objectType": "person",
    "id": ADA_UUID,
    "entryUUID": ADA_UUID,
    "displayName": "Ada Lovelace",
    "emailAddress": "ada@example.com",
    "entryEmail": "ada@example.com",
    "orgId": "abc123",
    "type": "PERSON",
}
GRACE_UUID: Final = str(uuid5(NAMESPACE_URL, "grace@example.com"))
GRACE: Final = {
    **ADA,
    "id": GRACE_UUID,
    "entryUUID": GRACE_UUID,
    "displayName": "Grace Hopper",
    "emailAddress": "grace@example.com",
    "entryEmail": "grace@example.com",
}
PUBLISHED: Final = "2026-11-20T10:00:00.000Z"
LATER: Final = "2026-11-20T10:05:00.000Z"


@dataclass(frozen=True)
class Call:
    """One call of the widget's."""

    method: str
    url: str
    authorization: str


@dataclass
class Cloud:
    """Answers for one browser context, from the spaces and tokens of ``api``.

    ``bundle`` is what Cisco's servers have, beside what they have of the Recents widget.
    """

    api: WebexApi
    bundle: Path
    mercury: str = "wss://mercury-a.wbx2.com"
    calls: list[Call] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    sockets: list[WebSocketRoute] = field(default_factory=list)
    socket_tokens: list[str] = field(default_factory=list)

    def route(self, context: BrowserContext, *, socket: bool = True) -> None:
        """Answer for ``context``; without ``socket`` the browser's own WebSocket stays."""
        context.route(OUTSIDE, self._route)
        if socket:
            context.route_web_socket(re.compile("^wss:"), self._connect)

    def say(self, space: Space, text: str, actor: Mapping[str, Any] = ADA) -> None:
        """Announce a message on every open WebSocket."""
        self._push({**_activity(space, text), "actor": actor})

    def read(self, space: Space) -> None:
        """Announce that Ada has read what there is in a space."""
        receipt = {"verb": "acknowledge", "object": {"objectType": "activity"}, "published": LATER}
        self._push({**_activity(space, "read"), **receipt})

    def _push(self, activity: Mapping[str, Any]) -> None:
        data = {"activity": activity, "eventType": "conversation.activity"}
        for socket in self.sockets:
            _send(socket, str(uuid4()), data=data, alertType="none", headers={})

    def drop(self) -> None:
        """Close every WebSocket, as a network that fails does."""
        sockets, self.sockets = self.sockets, []
        for socket in sockets:
            socket.close(code=1001, reason="Going away.")

    @property
    def authorized(self) -> list[Call]:
        """The calls that must carry a token."""
        return [call for call in self.calls if call.url.split("?")[0] not in OPEN]

    def _route(self, route: Route) -> None:
        request = route.request
        parts = urlsplit(request.url)
        if parts.hostname == "code.s4d.io":
            self._asset(route, parts.path)
            return
        if not re.search(r"(^|\.)(wbx2|ciscospark|webex)\.com$", parts.hostname or ""):
            self.strays.append(request.url)
            route.abort()
            return
        authorization = request.headers.get("authorization", "")
        self.calls.append(Call(request.method, request.url, authorization))
        address = request.url.split("?")[0]
        if address in OPEN or authorization.removeprefix("Bearer ") in self.api.access_tokens:
            status, body = self._answer(request.method, address)
        else:
            status, body = 401, {"message": "The request requires a valid access token."}
        route.fulfill(status=status, json=body, headers={"Access-Control-Allow-Origin": "*"})

    def _asset(self, route: Route, path: str) -> None:
        # /widget-space/production/bundle.js, /widget-space/archives/VERSION/fonts/…
        match = re.fullmatch(r"/(widget-\w+)/(?:production|archives/[\d.]+)/(.+)", path)
        file = self.bundle.parent / match[1] / match[2] if match else None
        if file and file.is_file():
            route.fulfill(path=file, headers={"Access-Control-Allow-Origin": "*"})
        else:
            self.strays.append(route.request.url)
            route.abort()

    def _answer(self, method: str, address: str) -> tuple[int, Any]:
        if address.endswith("/region"):
            return 200, REGION
        if address.endswith("/catalog"):
            return 200, CATALOGUE
        if address == f"{DEVICE}/devices":
            return 200, {
                "url": f"{DEVICE}/devices/{uuid4()}",
                "webSocketUrl": f"{self.mercury}/v1/{uuid4()}",
                "userId": ADA_UUID,
                "deviceType": "WEB",
                "modificationTime": PUBLISHED,
                "features": {"developer": [], "entitlement": [], "user": []},
            }
        if address == f"{CONVERSATION}/conversationsSummary":
            return 200, {"items": [_conversation(space) for space in self.api.spaces]}
        if address == f"{SERVICES['hydra']}rooms":
            return 200, {"items": [space.as_room() for space in self.api.spaces]}
        if address == f"{CONVERSATION}/teams":
            return 200, {"items": []}
        if address == f"{CONVERSATION}/users":
            return 200, {**ADA, "email": ADA["emailAddress"], "name": "Ada Lovelace", "photos": []}
        for space in self.api.spaces:
            if address == f"{CONVERSATION}/conversations/{space.uuid}":
                return 200, _conversation(space)
            if address == f"{CONVERSATION}/conversations/{space.uuid}/activities":
                return 200, {"items": []}
            if address == f"{SERVICES['hydra']}rooms/{space.id}":
                return 200, space.as_room()
        for start, body in EMPTY.items():
            if address.startswith(start):
                return 200, body
        return 400, {"message": "This is not answered here."}

    def _connect(self, socket: WebSocketRoute) -> None:
        def receive(message: str | bytes) -> None:
            frame = json.loads(message)
            if frame["type"] == "authorization":
                self.socket_tokens.append(frame["data"]["token"])
                self.sockets.append(socket)
                data = {"eventType": "mercury.buffer_state", "bufferState": {}}
                _send(socket, str(uuid4()), data=data, timestamp=0)
            elif frame["type"] == "ping":
                _send(socket, frame["id"], type="pong")

        socket.on_message(receive)


def _send(socket: WebSocketRoute, identifier: str, **content: object) -> None:
    socket.send(json.dumps({"id": identifier, "sequenceNumber": 1, **content}))


def _conversation(space: Space) -> dict[str, Any]:
    return {
        **_reference(space),
        "globalId": space.id,
        "displayName": space.title,
        "published": PUBLISHED,
        "lastReadableActivityDate": PUBLISHED,
        "participants": {"items": [ADA]},
        "activities": {
            "items": [_creation(space), *(_activity(space, text) for text in space.messages)]
        },
    }


def _creation(space: Space) -> dict[str, Any]:
    """Return how the space began; without it the widget asks for older messages for ever."""
    return {
        **_activity(space, ""),
        "verb": "create",
        "object": _reference(space),
    }


def _activity(space: Space, text: str) -> dict[str, Any]:
    uuid: UUID = uuid5(space.uuid, text)
    return {
        "objectType": "activity",
        "id": str(uuid),
        "url": f"{CONVERSATION}/activities/{uuid}",
        "verb": "post",
        "published": PUBLISHED,
        "actor": ADA,
        "object": {"objectType": "comment", "displayName": text},
        "target": _reference(space),
    }


def _reference(space: Space) -> dict[str, Any]:
    return {
        "objectType": "conversation",
        "id": str(space.uuid),
        "url": f"{CONVERSATION}/conversations/{space.uuid}",
        # The widget passes over a message whose target lacks this list.
        "tags": [],
    }
