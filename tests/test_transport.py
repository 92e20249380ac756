"""The one way to Webex: limits, mapping, redaction."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
from pytest_django import Settings

from webex_widgets.client import breaker
from webex_widgets.client.transport import Transport
from webex_widgets.exceptions import ApiError, TransportError, WebexError, WebexTimeout

from . import wire as bad
from .conftest import ACCESS, API
from .wire import BadServer


def get(transport: Transport, path: str = "rooms") -> dict[str, Any]:
    return transport.get(path, ACCESS)[0]


def test_an_answer(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", json={"items": []})
    with Transport() as transport:
        assert get(transport) == {"items": []}
    headers = wire.calls[0].request.headers
    assert headers["Authorization"] == f"Bearer {ACCESS}"
    assert headers["User-Agent"].startswith("django-webex-widgets/")


@pytest.mark.parametrize("status", [423, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        ("99999", 3600),
        ("-5", 0),
        ("soon", None),
        ("nan", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
    ],
)
def test_passing_failures(
    wire: responses.RequestsMock, status: int, header: str | None, seconds: float | None
) -> None:
    headers = {"trackingid": "ROUTER_7", **({"Retry-After": header} if header else {})}
    wire.get(f"{API}/rooms", body="<html>", status=status, headers=headers)
    with Transport() as transport, pytest.raises(TransportError, match="ROUTER_7") as raised:
        get(transport)
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418])
def test_definite_failures(wire: responses.RequestsMock, status: int) -> None:
    body = {"message": "No.", "errors": [{"description": "Because."}, {"description": "No."}, 5]}
    wire.get(f"{API}/rooms", json=body, status=status, headers={"trackingid": "ROUTER_7 \x01"})
    with Transport() as transport, pytest.raises(ApiError) as raised:
        get(transport)
    assert raised.value.status == status
    assert raised.value.description == "No. / Because."
    assert raised.value.tracking_id == "ROUTER_7"


@pytest.mark.parametrize("body", ["", "<html>", "[]", '"text"', "null", "[" * 100_000, b"\xff\xfe"])
@pytest.mark.parametrize("status", [200, 201, 304])
def test_garbage(wire: responses.RequestsMock, body: str | bytes, status: int) -> None:
    wire.get(f"{API}/rooms", body=body, status=status)
    with Transport() as transport, pytest.raises(TransportError):
        get(transport)


def test_garbage_with_a_refusal(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", body="<html>secret", status=403)
    with Transport() as transport, pytest.raises(ApiError, match="403: no description"):
        get(transport)


def test_a_redirect_is_not_followed(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", status=302, headers={"Location": "https://evil.example/"})
    with Transport() as transport, pytest.raises(TransportError):
        get(transport)
    assert len(wire.calls) == 1


def test_nothing_long_is_repeated(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", json={"message": f"bad {ACCESS}{ACCESS} \x07\n."}, status=400)
    with Transport() as transport, pytest.raises(ApiError) as raised:
        get(transport)
    assert raised.value.description == "bad […] ."


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError(f"secret {ACCESS}"),
        requests.exceptions.ChunkedEncodingError("cut"),
        requests.exceptions.InvalidHeader("odd"),
        OSError("reset"),
    ],
)
@pytest.mark.parametrize("total", [None, 5.0])
def test_no_exception_carries_the_request(
    wire: responses.RequestsMock, error: Exception, total: float | None
) -> None:
    wire.get(f"{API}/rooms", body=error)
    with Transport(total) as transport, pytest.raises(TransportError) as raised:
        get(transport)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert ACCESS not in "".join(traceback.format_exception(raised.value))


def test_the_time_outs_of_requests(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", body=requests.ReadTimeout())
    with Transport() as transport, pytest.raises(WebexTimeout):
        get(transport)


def test_a_mistake_of_our_own_is_not_webex_s(wire: responses.RequestsMock) -> None:
    def mistake(timeout: float) -> None:
        raise KeyError("mistake")

    with Transport(total=5) as transport, pytest.raises(KeyError):
        transport.send(mistake)


Behaviour = Callable[[socket.socket, threading.Event], None]


@pytest.mark.parametrize("behave", [bad.hang, bad.drip_headers, bad.drip_body])
def test_no_call_outlasts_its_time(settings: Settings, behave: Behaviour) -> None:
    with BadServer(behave) as server:
        settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "API_BASE_URL": server.base_url}
        with Transport(total=0.3) as transport, pytest.raises(WebexTimeout):
            get(transport)
        assert server.connections == 1
        with pytest.raises(WebexTimeout, match="no time left"):
            get(transport)
        assert server.connections == 1


@pytest.mark.parametrize("behave", [bad.hang, bad.cut])
def test_without_a_total_each_read_has_its_time(settings: Settings, behave: Behaviour) -> None:
    with BadServer(behave) as server:
        settings.WEBEX_WIDGETS = {
            **settings.WEBEX_WIDGETS,
            "API_BASE_URL": server.base_url,
            "REQUEST_TIMEOUT": 0.3,
        }
        with Transport() as transport, pytest.raises(TransportError):
            get(transport)


def test_a_body_without_end(settings: Settings) -> None:
    with BadServer(bad.flood) as server:
        settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "API_BASE_URL": server.base_url}
        with Transport() as transport, pytest.raises(TransportError):
            get(transport)


def test_nobody_there(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.WEBEX_WIDGETS = {
        **settings.WEBEX_WIDGETS,
        "API_BASE_URL": f"http://127.0.0.1:{port}/v1",
    }
    with Transport(total=5) as transport, pytest.raises(TransportError, match="ConnectionError"):
        get(transport)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (f"{API}/rooms?cursor=x", f"{API}/rooms?cursor=x"),
        ("/v1/rooms?cursor=x", f"{API}/rooms?cursor=x"),
        ("http://webexapis.com/v1/rooms", f"{API}/rooms"),
        ("https://webexapis.com:443/v1/rooms", "https://webexapis.com:443/v1/rooms"),
        ("https://evil.example/v1/rooms", None),
        ("https://webexapis.com.evil.example/v1/rooms", None),
        ("https://webexapis.com@evil.example/v1/rooms", None),
        ("//evil.example/rooms", None),
        ("https://webexapis.com:8443/v1/rooms", None),
        ("https://[", None),
        ("ftp://webexapis.com/", None),
    ],
)
def test_further_pages(url: str, page: str | None) -> None:
    with Transport() as transport:
        if page is not None:
            assert transport.page(url) == page
            return
        with pytest.raises(TransportError, match="not its own"):
            transport.page(url)


def test_nothing_secret_in_a_debug_log(
    wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    wire.get(f"{API}/rooms", json={"items": []})
    with caplog.at_level(logging.DEBUG), Transport() as transport:
        get(transport)
    assert ACCESS not in caplog.text


def time_out() -> None:
    """Let a call time out, as one request of a site would."""

    def hang(timeout: float) -> None:
        raise requests.ReadTimeout

    with Transport(total=5) as transport:
        with pytest.raises(WebexTimeout):
            transport.send(hang)
        with pytest.raises(WebexTimeout, match="no time left"):
            transport.send(hang)


def answer(transport: Transport, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", status=500)
    with pytest.raises(TransportError):
        get(transport)


def test_time_outs_in_a_row_pause_everyone(wire: responses.RequestsMock) -> None:
    with Transport(total=5) as transport:
        for _ in range(breaker.TIMEOUTS):
            time_out()
        with pytest.raises(TransportError, match="in a row") as raised:
            get(transport)
    assert raised.value.retry_after == breaker.PAUSE
    assert not wire.calls
    # A command goes on: nobody waits for it, and it has its own ways to stop.
    wire.get(f"{API}/rooms", json={"items": []})
    with Transport() as transport:
        get(transport)


def test_an_answer_in_between_starts_the_count_anew(wire: responses.RequestsMock) -> None:
    with Transport(total=5) as transport:
        for _ in range(2):
            for _ in range(breaker.TIMEOUTS - 1):
                time_out()
            answer(transport, wire)
        answer(transport, wire)


def end_of_pause() -> None:
    from django.core.cache import cache

    cache.delete("webex_widgets.probe")


def test_one_probe_at_a_time_until_one_succeeds(wire: responses.RequestsMock) -> None:
    with Transport(total=5) as transport:
        for _ in range(breaker.TIMEOUTS):
            time_out()
        end_of_pause()
        time_out()  # the probe
        with pytest.raises(TransportError, match="in a row"):
            get(transport)
        end_of_pause()
        answer(transport, wire)  # the probe: any answer will do
        answer(transport, wire)


def test_only_one_of_many_is_the_probe(wire: responses.RequestsMock) -> None:
    for _ in range(breaker.TIMEOUTS):
        time_out()
    end_of_pause()
    verdicts: list[bool] = []

    def ask() -> None:
        try:
            breaker.check()
            verdicts.append(True)
        except WebexError:
            verdicts.append(False)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == [False] * 7 + [True]


def test_a_count_that_was_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.cache import caches

    monkeypatch.setattr(caches["default"], "add", lambda *args: False)
    breaker.timed_out()
    monkeypatch.undo()
    assert breaker.check() is False
