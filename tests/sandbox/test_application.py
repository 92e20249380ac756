"""What every answer has in common."""

from __future__ import annotations

import http.client
import logging

import pytest

from tests.sandbox.conftest import Sandbox
from webex_widgets.sandbox import urls
from webex_widgets.sandbox.server import Server


def raw(server: Server, host: str, path: str = "/v1/rooms") -> http.client.HTTPResponse:
    """GET with a Host header of one's own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        if host:
            connection.putheader("Host", host)
        connection.endheaders()
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    return response


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost", "demo.localhost:1", "[::1]:8001"])
def test_names_of_this_machine(server: Server, host: str) -> None:
    assert raw(server, host).status == 401


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "192.0.2.1", "["])
def test_a_name_that_somebody_else_pointed_here(server: Server, host: str) -> None:
    assert raw(server, host).status == 400


def test_headers_of_every_answer(sandbox: Sandbox) -> None:
    response = sandbox.get("/v1/nothing")
    assert response.status_code == 404
    assert response.json()["trackingId"] == response.headers["trackingid"]
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Server"] == "webex-widgets-sandbox"
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:8000", "http://127.0.0.1:1", "https://[::1]:2", "http://a.localhost"],
)
def test_pages_of_this_machine_may_read(sandbox: Sandbox, origin: str) -> None:
    response = sandbox.get("/v1/rooms", headers={"Origin": origin})
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Access-Control-Expose-Headers"] == "Link, trackingid, Retry-After"
    assert response.headers["Vary"] == "Origin"


def test_preflight(sandbox: Sandbox) -> None:
    wanted = {
        "Origin": "http://localhost:8000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,trackingid",
    }
    response = sandbox.call("OPTIONS", "/cloud/wdm-a.wbx2.com/anything", headers=wanted)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Headers"] == "authorization,trackingid"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://x:y"])
def test_other_pages_may_not(sandbox: Sandbox, origin: str) -> None:
    response = sandbox.call("OPTIONS", "/v1/rooms", headers={"Origin": origin})
    assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_an_unknown_call_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sandbox.post("/cloud/new.wbx2.com/v1/thing?token=SENTINEL")
    assert "The sandbox does not know POST /cloud/new.wbx2.com/v1/thing" in caplog.text
    assert "SENTINEL" not in caplog.text


def test_a_failure_is_an_answer(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("broken")

    pattern = next(each for each in urls.urlpatterns if str(each.pattern) == "sandbox.css")
    monkeypatch.setattr(pattern, "callback", fail)
    response = sandbox.get("/sandbox.css?token=SENTINEL")
    assert response.status_code == 500
    assert response.json()["trackingId"]
    assert "The sandbox failed to answer GET /sandbox.css" in caplog.text
    assert "SENTINEL" not in caplog.text


def test_a_request_that_django_finds_suspicious(sandbox: Sandbox) -> None:
    fields = "&".join(f"a{number}=1" for number in range(1100))
    response = sandbox.post(
        "/v1/access_token",
        data=fields,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 400


def test_connections_stay_open(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        for _ in range(2):
            connection.request("GET", "/sandbox.css")
            assert connection.getresponse().read()
            assert connection.sock is not None
    finally:
        connection.close()


def test_a_garbled_request_is_logged_without_its_words(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.connect()
        connection.send(b"GET /?code=SENTINEL HTTP/x\r\n\r\n")
        assert b"400" in connection.sock.recv(4096)
    finally:
        connection.close()
    assert "SENTINEL" not in caplog.text
