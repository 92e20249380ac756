"""The home page and what its forms do."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox, bearer
from webex_widgets.sandbox.data import ADA, GRACE
from webex_widgets.sandbox.state import STATE, Outage

OWN: dict[str, Any] = {"headers": {"Sec-Fetch-Site": "same-origin"}}


def test_home(sandbox: Sandbox) -> None:
    page = sandbox.get("/")
    assert page.status_code == 200
    assert "This is not Webex" in page.text
    for space in STATE.spaces():
        assert space.id in page.text
        assert space.title in page.text
    assert "Ada Lovelace and Grace Hopper" in page.text
    assert page.text.count("Katherine Johnson, guests") == 1
    assert re.search(r'value="none" checked', page.text)
    assert "_SANDBOX_" not in page.text
    assert sandbox.post("/").status_code == 405


def test_a_space_without_messages(sandbox: Sandbox) -> None:
    STATE.add_space("<b>Empty</b>", ADA)
    text = sandbox.get("/").text
    assert "No messages yet." in text
    assert "<b>Empty" not in text


def test_stylesheet(sandbox: Sandbox) -> None:
    response = sandbox.get("/sandbox.css")
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in response.text


def test_writing_a_message(sandbox: Sandbox) -> None:
    space = STATE.spaces()[0]
    form = {"space": str(space.uuid), "person": GRACE.email, "text": " Hello "}
    response = sandbox.post("/message", data=form, **OWN)
    assert response.status_code == 303
    assert "The message has been sent." in sandbox.get(response.headers["Location"]).text
    assert STATE.messages(space)[-1].text == "Hello"
    assert STATE.messages(space)[-1].author == GRACE


@pytest.mark.parametrize(
    "changed",
    [
        {"text": " "},
        {"space": "nonsense"},
        {"space": "00000000-0000-0000-0000-000000000000"},
        {"person": "nobody@example.com"},
    ],
)
def test_a_message_that_cannot_be(sandbox: Sandbox, changed: dict[str, str]) -> None:
    form = {"space": str(STATE.spaces()[0].uuid), "person": ADA.email, "text": "Hello"}
    assert sandbox.post("/message", data=form | changed, **OWN).status_code == 400


@pytest.mark.parametrize("outage", list(Outage))
def test_the_outage_switch(sandbox: Sandbox, outage: Outage) -> None:
    response = sandbox.post("/outage", data={"outage": outage}, **OWN)
    assert response.status_code == 303
    assert STATE.outage is outage
    page = sandbox.get(response.headers["Location"]).text
    assert re.search(f'value="{outage}" checked', page)
    assert sandbox.post("/outage", data={"outage": "other"}, **OWN).status_code == 400


def test_revoking(sandbox: Sandbox, ada: str) -> None:
    assert sandbox.post("/revoke", data={"person": ADA.email}, **OWN).status_code == 303
    assert sandbox.get("/v1/people/me", ada).status_code == 401


def test_a_token_for_scripts(sandbox: Sandbox) -> None:
    page = sandbox.post("/token", data={"person": GRACE.email}, **OWN)
    found = re.search(r"<textarea[^>]*>([^<]+)</textarea>", page.text)
    assert found
    me = sandbox.call("GET", "/v1/people/me", headers=bearer(unescape(found[1])))
    assert me.json()["displayName"] == GRACE.name
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/message", "/outage", "/revoke", "/token"])
def test_forms_of_other_sites(sandbox: Sandbox, path: str) -> None:
    assert sandbox.get(path).status_code == 405
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "http://localhost:8000"}):
        form = {"person": ADA.email, "outage": "none"}
        assert sandbox.post(path, data=form, headers=headers).status_code == 403
