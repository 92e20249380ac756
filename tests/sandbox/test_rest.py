"""The REST API, over HTTP."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from webexpythonsdk import WebexAPI

from tests.sandbox.conftest import Sandbox
from webex_widgets.sandbox import rest
from webex_widgets.sandbox.data import ADA, GRACE, KATHERINE, Person
from webex_widgets.sandbox.state import STATE, Outage

TITLES = [
    "Project Unicorn",
    "Help desk",
    "Reception",
    "Course 101",
    "Grace Hopper",
    "Customer visits",
]
INVALID = "The request requires a valid access token set in the Authorization request header."


def titles(answer: dict[str, Any]) -> list[str]:
    return [room["title"] for room in answer["items"]]


def test_rooms(sandbox: Sandbox, ada: str) -> None:
    response = sandbox.get("/v1/rooms?sortBy=lastactivity", ada)
    assert response.status_code == 200
    assert titles(response.json()) == TITLES
    assert "Link" not in response.headers
    room = response.json()["items"][0]
    padded = room["id"] + "=" * (-len(room["id"]) % 4)
    name = base64.b64decode(padded).decode()
    assert name.startswith("ciscospark://urn:TEAM:us-east-2_a/ROOM/")
    assert room["type"] == "group"
    assert room["lastActivity"].endswith("Z")


@pytest.mark.parametrize(("kind", "count"), [("group", 5), ("direct", 1)])
def test_rooms_of_a_type(sandbox: Sandbox, ada: str, kind: str, count: int) -> None:
    assert len(sandbox.get(f"/v1/rooms?type={kind}", ada).json()["items"]) == count


@pytest.mark.parametrize(("order", "key"), [("id", "id"), ("created", "created")])
def test_rooms_in_order(sandbox: Sandbox, ada: str, order: str, key: str) -> None:
    keys = [room[key] for room in sandbox.get(f"/v1/rooms?sortBy={order}", ada).json()["items"]]
    assert keys == sorted(keys, reverse=order == "created")


@pytest.mark.parametrize(
    "query",
    [
        "type=team",
        "sortBy=title",
        "max=0",
        "max=1001",
        "max=many",
        "cursor=x",
        "cursor=MQ",
        "cursor=WyJ4IiwwXQ",
    ],
)
def test_a_query_that_makes_no_sense(sandbox: Sandbox, ada: str, query: str) -> None:
    assert sandbox.get(f"/v1/rooms?{query}", ada).status_code == 400


def test_pages(sandbox: Sandbox, ada: str) -> None:
    seen: list[list[str]] = []
    response = sandbox.get("/v1/rooms?max=2&sortBy=lastactivity", ada)
    seen.append(titles(response.json()))
    while "next" in response.links:
        url = response.links["next"]["url"]
        assert url.startswith(f"{sandbox.origin}/v1/rooms?")
        response = sandbox.get(url.removeprefix(sandbox.origin), ada)
        seen.append(titles(response.json()))
    assert seen == [TITLES[:2], [], TITLES[2:4], TITLES[4:]]


def test_one_room(sandbox: Sandbox, ada: str, token_of: Callable[[Person], str]) -> None:
    direct = sandbox.get("/v1/rooms?type=direct", ada).json()["items"][0]
    assert direct["title"] == GRACE.name
    seen_by_grace = sandbox.get(f"/v1/rooms/{direct['id']}", token_of(GRACE))
    assert seen_by_grace.json()["title"] == ADA.name
    seen_by_katherine = sandbox.get(f"/v1/rooms/{direct['id']}", token_of(KATHERINE))
    assert seen_by_katherine.status_code == 404
    assert seen_by_katherine.json()["message"] == "Could not find a room with provided ID."


def test_me(sandbox: Sandbox, ada: str) -> None:
    me = sandbox.get("/v1/people/me", ada).json()
    assert me["emails"] == [ADA.email]
    assert me["displayName"] == ADA.name
    assert me["id"] == ADA.id


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (f"email={GRACE.email}", [GRACE.name]),
        ("email=nobody@example.com", []),
        (f"id={GRACE.uuid},{ADA.id}", [ADA.name, GRACE.name]),
        ("", []),
    ],
)
def test_people(sandbox: Sandbox, ada: str, query: str, names: list[str]) -> None:
    found = sandbox.get(f"/v1/people?{query}", ada).json()["items"]
    assert [person["displayName"] for person in found] == names


def test_a_new_room(sandbox: Sandbox, ada: str, token_of: Callable[[Person], str]) -> None:
    room = sandbox.post("/v1/rooms", ada, json={"title": " New ideas "}).json()
    assert room["title"] == "New ideas"
    assert sandbox.get("/v1/rooms?sortBy=lastactivity", ada).json()["items"][0] == room
    assert sandbox.get(f"/v1/rooms/{room['id']}", token_of(GRACE)).status_code == 404
    assert sandbox.get(f"/v1/messages?roomId={room['id']}", ada).json() == {"items": []}


def test_messages(sandbox: Sandbox, ada: str) -> None:
    room = sandbox.get("/v1/rooms?sortBy=lastactivity", ada).json()["items"][-1]
    sent = sandbox.post("/v1/messages", ada, json={"roomId": room["id"], "text": "Hello"})
    assert sent.status_code == 200
    listed = sandbox.get(f"/v1/messages?max=1&roomId={room['id']}", ada)
    assert listed.json()["items"] == [sent.json()]
    assert sent.json()["personEmail"] == ADA.email
    assert "next" in listed.links
    assert sandbox.get("/v1/rooms?sortBy=lastactivity", ada).json()["items"][0]["id"] == room["id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 400),
        (b"[]", 400),
        (b"nonsense", 400),
        (b'{"roomId": 1}', 400),
        (b'{"roomId": "unknown", "text": "Hello"}', 404),
    ],
)
def test_a_message_that_cannot_be_sent(
    sandbox: Sandbox, ada: str, body: bytes, status: int
) -> None:
    assert sandbox.post("/v1/messages", ada, data=body).status_code == status


@pytest.mark.parametrize("path", ["rooms", "rooms/x", "people/me", "people", "messages"])
def test_methods(sandbox: Sandbox, ada: str, path: str) -> None:
    assert (
        sandbox.call(
            "DELETE", f"/v1/{path}", headers={"Authorization": f"Bearer {ada}"}
        ).status_code
        == 405
    )


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer nonsense", "Bearer SENTINEL_space_abc123", "Basic eDp5"]
)
@pytest.mark.parametrize("path", ["rooms", "rooms/x", "people/me", "people", "messages"])
def test_without_a_valid_token(sandbox: Sandbox, path: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    response = sandbox.call("GET", f"/v1/{path}", headers=headers)
    assert response.status_code == 401
    assert response.json()["message"] == INVALID
    assert response.json()["errors"] == [{"description": INVALID}]
    assert response.json()["trackingId"] == response.headers["trackingid"]


def test_unavailable(sandbox: Sandbox, ada: str) -> None:
    STATE.outage = Outage.UNAVAILABLE
    assert sandbox.get("/v1/rooms", ada).status_code == 503
    assert sandbox.exchange("code").status_code == 503
    assert sandbox.get("/").status_code == 200
    assert sandbox.get("/v1/authorize", params=sandbox.asking()).status_code == 200


def test_rate_limited(sandbox: Sandbox, ada: str) -> None:
    STATE.outage = Outage.RATE_LIMITED
    response = sandbox.get("/v1/rooms", ada)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "3600"
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["trackingid"]


def test_hanging_until_mended(sandbox: Sandbox, ada: str) -> None:
    STATE.outage = Outage.HANGING
    mend = threading.Timer(0.3, setattr, (STATE, "outage", Outage.NONE))
    started = time.monotonic()
    mend.start()
    assert sandbox.get("/v1/rooms", ada).status_code == 504
    assert 0.2 < time.monotonic() - started < 5


def test_hanging_ends(sandbox: Sandbox, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "HANG_SECONDS", 0.05)
    STATE.outage = Outage.HANGING
    assert sandbox.get("/v1/rooms", ada).status_code == 504


def test_the_python_sdk_lists_the_rooms(sandbox: Sandbox, ada: str) -> None:
    api = WebexAPI(access_token=ada, base_url=f"{sandbox.origin}/v1/")
    assert {room.title for room in api.rooms.list(max=2)} == set(TITLES)
    assert api.people.me().displayName == ADA.name
