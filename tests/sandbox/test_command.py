"""``manage.py webex_sandbox``."""

from __future__ import annotations

import io
import socket

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from webex_widgets.sandbox.management.commands.webex_sandbox import Command
from webex_widgets.sandbox.server import Server


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Interrupt the server as soon as it serves, and note where it was."""
    origins: list[str] = []

    def serve(server: Server) -> None:
        origins.append(server.origin)
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", serve)
    return origins


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("argument", "origin"),
    [
        (None, "http://127.0.0.1:{}"),
        ("{}", "http://127.0.0.1:{}"),
        ("localhost:{}", "http://127.0.0.1:{}"),
    ],
)
def test_serves_until_interrupted(
    served: list[str], free_port: int, settings: Settings, argument: str | None, origin: str
) -> None:
    settings.WEBEX_WIDGETS = {"API_BASE_URL": f"http://127.0.0.1:{free_port}/v1"}
    out = io.StringIO()
    arguments = [argument.format(free_port)] if argument else []
    call_command(Command(stdout=out), *arguments)
    assert served == [origin.format(free_port)]
    assert f"The Webex sandbox is at {served[0]}/" in out.getvalue()


@pytest.mark.parametrize("argument", ["port", "127.0.0.1:", "127.0.0.1:99999", "a:b:c"])
def test_an_address_that_is_none(argument: str) -> None:
    with pytest.raises(CommandError, match="neither a port nor host:port"):
        call_command(Command(), argument)


def test_settings_that_name_no_address(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {}
    with pytest.raises(CommandError, match="API_BASE_URL"):
        call_command(Command())


def test_a_held_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(CommandError, match="choose another port"):
            call_command(Command(), str(port))


def test_debug_is_off(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command(Command())


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Command().create_parser("manage.py", "webex_sandbox")
    text = " ".join(parser.format_help().split())
    assert "until Ctrl-C" in text
    assert "API_BASE_URL" in text


def test_the_server_stops_listening(served: list[str], free_port: int) -> None:
    call_command(Command(stdout=io.StringIO()), str(free_port))
    assert served
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port))
