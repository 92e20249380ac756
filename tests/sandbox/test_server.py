"""When the server starts, and when it does not."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests
from django.core.signals import request_started
from django.utils.autoreload import autoreload_started
from pytest_django import Settings

from webex_widgets.sandbox import server as module
from webex_widgets.sandbox.conf import Address
from webex_widgets.sandbox.server import Server, Starter, explain, is_sandbox


@pytest.fixture
def address(settings: Settings) -> Address:
    """Return a free address, to which the settings point."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings.WEBEX_WIDGETS = {"API_BASE_URL": f"http://127.0.0.1:{port}/v1"}
    return Address("127.0.0.1", port)


@pytest.fixture
def starter() -> Iterator[Starter]:
    """Return a starter that stops in the end."""
    starter = Starter()
    yield starter
    starter.stop()


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Return a semaphore that opens once for every explanation that is over."""
    over = threading.Semaphore(0)

    def and_tell(address: Address, error: OSError) -> None:
        explain(address, error)
        over.release()

    monkeypatch.setattr(module, "explain", and_tell)
    return over


def test_starts_once(starter: Starter, address: Address, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    threads = [threading.Thread(target=starter) for _ in range(3)]
    with starter._lock:
        for thread in threads:
            thread.start()
        time.sleep(0.1)  # All of them are past the first look by now.
    for thread in threads:
        thread.join()
    starter()
    assert is_sandbox(address)
    assert caplog.text.count(f"The Webex sandbox is at {address.origin}") == 1


def test_stays_away_while_debug_is_off(
    starter: Starter, address: Address, settings: Settings
) -> None:
    settings.DEBUG = False
    starter()
    assert not is_sandbox(address)


def test_stays_away_from_webex_itself(starter: Starter, settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"API_BASE_URL": "https://webexapis.com/v1"}
    starter()
    starter.stop()


def test_takes_over_from_another_sandbox(
    starter: Starter,
    address: Address,
    explained: threading.Semaphore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Server(address):
        starter()
        assert explained.acquire(timeout=5)
        starter()
    starter()
    assert is_sandbox(address)
    assert caplog.text == ""


def test_says_once_who_holds_the_port(
    starter: Starter,
    address: Address,
    explained: threading.Semaphore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server((address.host, address.port)) as stranger:
        starter()
        connection, _ = stranger.accept()
        with connection:
            connection.sendall(b"SSH-2.0-stranger\r\n")
        assert explained.acquire(timeout=5)
        starter()
        starter()
    assert len(caplog.records) == 1
    assert f"cannot listen on {address.origin}" in caplog.text
    assert 'WEBEX_WIDGETS["API_BASE_URL"]' in caplog.text


def test_says_what_the_system_says(caplog: pytest.LogCaptureFixture, address: Address) -> None:
    explain(address, OSError("no such thing"))
    assert "no such thing" in caplog.text


def test_is_called_by_requests_and_by_the_reloader(settings: Settings) -> None:
    settings.INSTALLED_APPS = ["webex_widgets.sandbox"]
    for signal in (request_started, autoreload_started):
        called = [
            receiver()
            for ((uid, _), receiver, *_) in signal.receivers
            if uid == "webex_widgets_sandbox"
        ]
        assert called == [module.ensure_running]


def test_a_call_costs_little_while_the_port_is_held(
    starter: Starter, address: Address, explained: threading.Semaphore
) -> None:
    with Server(address):
        starter()
        assert explained.acquire(timeout=5)
        started = time.perf_counter()
        for _ in range(100):
            starter()
        assert time.perf_counter() - started < 1


def test_has_its_port_back_at_once(address: Address) -> None:
    for _ in range(2):
        with Server(address) as server:
            assert server.origin == address.origin
            assert requests.get(server.origin, timeout=5).status_code == 200


def test_ipv6() -> None:
    try:
        server = Server(Address("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with server:
        assert server.origin.startswith("http://[::1]:")
        assert requests.get(server.origin, timeout=5).status_code == 200
