"""The part of Webex's cloud that the widgets ask, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import requests

from tests.sandbox.conftest import Sandbox, bearer
from webex_widgets.sandbox import cloud
from webex_widgets.sandbox.data import ADA, GRACE, KATHERINE, Person, Space
from webex_widgets.sandbox.state import STATE

CONVERSATION = "/cloud/conv-a.wbx2.com/conversation/api/v1"
ANY = "00000000-0000-0000-0000-000000000000"
EVENTS = f"/cloud/mercury-a.wbx2.com/v1/events/{ANY}"


def space_called(title: str) -> Space:
    return next(space for space in STATE.spaces() if space.title == title)


def wait_for_listeners(count: int) -> None:
    """Return when so many listen; a stream that was cut off is noticed a heartbeat later."""
    deadline = time.monotonic() + 5
    while STATE.listening() != count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def stream(sandbox: Sandbox) -> Iterator[Callable[..., tuple[Iterator[bytes], requests.Response]]]:
    """Return a function that opens a stream of events and gives its lines."""
    opened: list[requests.Response] = []

    def open_stream(token: str, after: str = "") -> tuple[Iterator[bytes], requests.Response]:
        response = requests.get(
            sandbox.origin + EVENTS + after, headers=bearer(token), stream=True, timeout=10
        )
        opened.append(response)
        return response.iter_lines(chunk_size=1), response

    yield open_stream
    for response in opened:
        response.close()


def event(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.parametrize(
    "path",
    [
        "ds.ciscospark.com/v1/region",
        "u2c.wbx2.com/u2c/api/v1/limited/catalog?orgId=x&format=hostmap",
    ],
)
def test_calls_before_the_token(sandbox: Sandbox, path: str) -> None:
    assert sandbox.get(f"/cloud/{path}").status_code == 200


def test_the_token_is_not_traded(sandbox: Sandbox) -> None:
    path = "/cloud/idbroker.webex.com/idb/oauth2/v1/access_token"
    assert sandbox.post(path, data={"token": "x"}).status_code == 400


def test_there_is_no_key_server(sandbox: Sandbox, ada: str) -> None:
    path = f"/cloud/encryption-a.wbx2.com/encryption/api/v1/kms/{ADA.uuid}"
    assert sandbox.get(path, ada).status_code == 404


AUTHORISED = [
    ("GET", "u2c.wbx2.com/u2c/api/v1/catalog?format=hostmap"),
    ("POST", "wdm-a.wbx2.com/wdm/api/v1/devices"),
    ("DELETE", f"wdm-a.wbx2.com/wdm/api/v1/devices/{ANY}"),
    ("GET", "calliope-a.wbx2.com/calliope/api/discovery/v1/clusters"),
    ("GET", "conv-a.wbx2.com/conversation/api/v1/conversations"),
    ("GET", "conv-a.wbx2.com/conversation/api/v1/conversationsSummary"),
    ("GET", "conv-a.wbx2.com/conversation/api/v1/users"),
    ("GET", "conv-a.wbx2.com/conversation/api/v1/teams"),
    ("POST", f"conv-a.wbx2.com/conversation/api/v1/conversations/{ANY}/status/typing"),
    ("POST", "conv-a.wbx2.com/conversation/api/v1/activities"),
    ("POST", "apheleia-a.wbx2.com/apheleia/api/v1/subscriptions"),
    ("GET", "locus-a.wbx2.com/locus/api/v1/loci"),
    ("GET", "api.ciscospark.com/v1/people/?id=x"),
    ("GET", "api.ciscospark.com/v1/rooms?max=25&sortBy=lastactivity"),
    ("POST", "metrics-a.wbx2.com/metrics/api/v1/clientmetrics"),
]


@pytest.mark.parametrize(("method", "path"), AUTHORISED)
def test_calls_with_the_token(sandbox: Sandbox, ada: str, method: str, path: str) -> None:
    assert sandbox.call(method, f"/cloud/{path}").status_code == 401
    response = sandbox.call(method, f"/cloud/{path}", headers=bearer(ada))
    assert response.status_code == 200
    assert isinstance(response.json(), dict)


def test_every_service_of_the_catalogue_is_led_here(sandbox: Sandbox) -> None:
    links = sandbox.get("/cloud/u2c.wbx2.com/u2c/api/v1/limited/catalog").json()["serviceLinks"]
    hosts = [link.split("/")[2] for link in links.values()]
    assert all(host.endswith((".wbx2.com", ".ciscospark.com", ".webex.com")) for host in hosts)


def test_a_device(sandbox: Sandbox, ada: str) -> None:
    device = sandbox.post("/cloud/wdm-a.wbx2.com/wdm/api/v1/devices", ada).json()
    assert device["userId"] == str(ADA.uuid)
    assert device["webSocketUrl"].startswith("wss://mercury-a.wbx2.com/v1/events/")


def test_a_conversation(sandbox: Sandbox, ada: str) -> None:
    space = space_called("Project Unicorn")
    found = sandbox.get(f"{CONVERSATION}/conversations/{space.uuid}", ada).json()
    assert found["displayName"] == "Project Unicorn"
    assert found["globalId"] == space.id
    first, *messages = found["activities"]["items"]
    assert first["verb"] == "create"
    assert [each["object"]["displayName"] for each in messages] == [
        message.text for message in STATE.messages(space)
    ]
    assert {each["displayName"] for each in found["participants"]["items"]} == {
        ADA.name,
        GRACE.name,
        KATHERINE.name,
    }


def test_a_conversation_of_others(sandbox: Sandbox, token_of: Callable[[Person], str]) -> None:
    space = space_called("Customer visits")
    response = sandbox.get(f"{CONVERSATION}/conversations/{space.uuid}", token_of(GRACE))
    assert response.status_code == 404


def test_a_conversation_of_two(
    sandbox: Sandbox, ada: str, token_of: Callable[[Person], str]
) -> None:
    found = sandbox.get(f"{CONVERSATION}/conversations/user/{GRACE.uuid}", ada).json()
    assert found["displayName"] == GRACE.name
    assert found["tags"] == ["ONE_ON_ONE"]
    assert len(found["activities"]["items"]) == 3

    new = sandbox.get(f"{CONVERSATION}/conversations/user/{KATHERINE.email}", ada).json()
    assert new["displayName"] == KATHERINE.name
    assert len(new["activities"]["items"]) == 1
    back = sandbox.get(f"{CONVERSATION}/conversations/user/{ADA.uuid}", token_of(KATHERINE)).json()
    assert back["id"] == new["id"]


@pytest.mark.parametrize("user", ["nobody@example.com", ADA.email])
def test_a_conversation_with_nobody(sandbox: Sandbox, ada: str, user: str) -> None:
    assert sandbox.get(f"{CONVERSATION}/conversations/user/{user}", ada).status_code == 404


def test_the_conversations(sandbox: Sandbox, ada: str) -> None:
    items = sandbox.get(f"{CONVERSATION}/conversationsSummary", ada).json()["items"]
    assert [item["displayName"] for item in items][:2] == ["Project Unicorn", "Help desk"]
    first = items[0]["activities"]["items"]
    assert [each["verb"] for each in first] == ["post", "create"]
    assert first[0]["object"]["displayName"] == "Three it is. I will watch the logs."


def times(sandbox: Sandbox, token: str, space: Space) -> tuple[str, str]:
    """Return when somebody last read a space, and when somebody last wrote in it."""
    found = sandbox.get(f"{CONVERSATION}/conversations/{space.uuid}", token).json()
    return found["lastSeenActivityDate"], found["lastReadableActivityDate"]


def test_what_is_read_and_what_is_not(
    sandbox: Sandbox, ada: str, token_of: Callable[[Person], str]
) -> None:
    space = space_called("Help desk")
    seen, written = times(sandbox, ada, space)
    assert seen > written
    STATE.post(space, GRACE, "A new ticket")
    seen, written = times(sandbox, ada, space)
    assert seen < written
    assert times(sandbox, token_of(GRACE), space) == (written, written)

    path = f"{CONVERSATION}/conversations/{space.uuid}/activities"
    for body in (b"nonsense", b"[]", b'{"verb": "post"}'):
        assert sandbox.post(path, ada, data=body).json() == {"items": []}
    assert times(sandbox, ada, space)[0] == seen
    assert sandbox.post(path, ada, json={"verb": "acknowledge"}).status_code == 200
    seen, written = times(sandbox, ada, space)
    assert seen >= written


def test_nobody_reads_what_they_may_not_see(
    sandbox: Sandbox, token_of: Callable[[Person], str]
) -> None:
    path = f"{CONVERSATION}/conversations/{space_called('Customer visits').uuid}/activities"
    assert sandbox.get(path, token_of(GRACE)).json() == {"items": []}
    assert sandbox.post(path, token_of(GRACE), json={"verb": "acknowledge"}).status_code == 200


def test_who_has_read_a_space_hears_of_it_alone(
    sandbox: Sandbox,
    stream: Callable[..., tuple[Iterator[bytes], requests.Response]],
    ada: str,
    token_of: Callable[[Person], str],
) -> None:
    lines, others = stream(ada)[0], stream(token_of(GRACE))[0]
    next(lines), next(others)
    space = space_called("Help desk")
    path = f"{CONVERSATION}/conversations/{space.uuid}/activities"
    sandbox.post(path, ada, json={"verb": "acknowledge"})
    STATE.post(space, KATHERINE, "For both")
    read = event(next(lines))["data"]["activity"]
    assert (read["verb"], read["actor"]["id"]) == ("acknowledge", str(ADA.uuid))
    assert read["target"]["id"] == str(space.uuid)
    for each in (lines, others):
        assert event(next(each))["data"]["activity"]["verb"] == "post"


def test_users(sandbox: Sandbox, ada: str) -> None:
    assert sandbox.get(f"{CONVERSATION}/users", ada).json()["email"] == ADA.email
    wanted = [{"email": GRACE.email}, {"email": "nobody@example.com"}]
    found = sandbox.post(f"{CONVERSATION}/users", ada, json=wanted).json()
    assert {email: UUID(user["id"]) for email, user in found.items()} == {GRACE.email: GRACE.uuid}


@pytest.mark.parametrize("body", [b"nonsense", b"3", b"[{}]"])
def test_users_that_cannot_be_read(sandbox: Sandbox, ada: str, body: bytes) -> None:
    assert sandbox.post(f"{CONVERSATION}/users", ada, data=body).status_code == 400


def test_a_message_is_announced_to_members(
    stream: Callable[..., tuple[Iterator[bytes], requests.Response]],
    ada: str,
    token_of: Callable[[Person], str],
) -> None:
    lines, response = stream(ada)
    others, _ = stream(token_of(GRACE))
    assert response.headers["Content-Type"] == "application/x-ndjson"
    for each in (lines, others):
        assert event(next(each))["data"]["eventType"] == "mercury.buffer_state"
    STATE.post(space_called("Customer visits"), KATHERINE, "Not for Grace")
    STATE.post(space_called("Project Unicorn"), KATHERINE, "For everybody")
    first = event(next(lines))
    assert first["data"]["eventType"] == "conversation.activity"
    assert first["data"]["activity"]["object"]["displayName"] == "Not for Grace"
    assert first["data"]["activity"]["actor"]["displayName"] == KATHERINE.name
    assert first["data"]["activity"]["target"]["tags"] == []
    for each in (lines, others):
        assert event(next(each))["data"]["activity"]["object"]["displayName"] == "For everybody"


def test_a_stream_needs_a_token(sandbox: Sandbox) -> None:
    assert sandbox.get(EVENTS).status_code == 401
    assert STATE.listening() == 0


def test_a_heartbeat_finds_out_who_has_left(
    stream: Callable[..., tuple[Iterator[bytes], requests.Response]],
    ada: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cloud, "HEARTBEAT_SECONDS", 0.05)
    lines, response = stream(ada)
    next(lines)
    assert next(lines) == b""
    wait_for_listeners(1)
    response.close()
    wait_for_listeners(0)


def test_a_revoked_person_is_hung_up_on(
    stream: Callable[..., tuple[Iterator[bytes], requests.Response]],
    ada: str,
    token_of: Callable[[Person], str],
) -> None:
    lines, _ = stream(ada)
    others, _ = stream(token_of(GRACE))
    next(lines), next(others)
    STATE.revoke(ADA)
    assert list(lines) == []
    wait_for_listeners(1)
    STATE.hang_up()
    assert list(others) == []
    wait_for_listeners(0)


def test_with_many_streams_newcomers_come_back(
    stream: Callable[..., tuple[Iterator[bytes], requests.Response]],
    ada: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cloud, "STREAMS", 1)
    kept, _ = stream(ada)
    next(kept)
    greeting, resume = (event(line) for line in stream(ada)[0])
    assert greeting["data"]["eventType"] == "mercury.buffer_state"
    STATE.post(space_called("Compiler reading group"), GRACE, "Not for Ada")
    STATE.post(space_called("Help desk"), GRACE, "Meanwhile")
    message, resume = (event(line) for line in stream(ada, f"?after={resume['resume']}")[0])
    assert message["data"]["activity"]["object"]["displayName"] == "Meanwhile"
    (resume,) = (event(line) for line in stream(ada, f"?after={resume['resume']}")[0])
    assert resume == {"resume": 2}
    wait_for_listeners(1)
