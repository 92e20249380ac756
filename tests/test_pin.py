"""``manage.py pin_webex_widgets``, with a wire on which Cisco's CDN answers."""

from __future__ import annotations

import gzip
import io
import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha384
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from django.core.management import CommandError, call_command
from pytest_django import Settings

from webex_widgets.client import breaker, cdn, transport
from webex_widgets.client.transport import download
from webex_widgets.conf import conf
from webex_widgets.exceptions import TransportError, WebexTimeout
from webex_widgets.management.commands import pin_webex_widgets
from webex_widgets.management.commands.pin_webex_widgets import Command

from . import wire as bad
from .wire import BadServer

VERSION = "0.221.0"
CDN = "https://code.s4d.io"
WIDGETS = ("widget-space", "widget-recents")
NAMES = ("bundle.js", "main.css")


def content(widget: str, name: str) -> bytes:
    return f"/* {name} of {widget} */".encode() * 1000


def checksum(content: bytes) -> str:
    return f"sha384-{b64encode(sha384(content).digest()).decode()}"


def entry(widget: str, name: str, /, **fields: object) -> dict[str, object]:
    """Return a file's entry in a manifest, as Cisco writes it."""
    return {
        "name": name,
        "signature": "c2lnbmF0dXJl",
        "integrity": checksum(content(widget, name)),
        "url": f"{CDN}/{widget}/archives/{VERSION}/{name}",
        **fields,
    }


def manifest_of(widget: str) -> dict[str, Any]:
    files = [entry(widget, name) for name in ("bundle.js.map", *NAMES, "fonts/CiscoSans.woff")]
    return {"version": VERSION, "files": files}


def publish(wire: responses.RequestsMock) -> None:
    """Let the CDN have this version of both widgets."""
    for widget in WIDGETS:
        archive = f"{CDN}/{widget}/archives/{VERSION}"
        wire.get(f"{archive}/manifest.json", json=manifest_of(widget))
        for name in NAMES:
            body = content(widget, name)
            wire.get(f"{archive}/{name}", body=body, headers={"Content-Length": str(len(body))})


@pytest.fixture
def published(wire: responses.RequestsMock) -> responses.RequestsMock:
    """Return a wire on which all is well."""
    publish(wire)
    return wire


class Terminal(io.StringIO):
    """Where somebody looks on."""

    def isatty(self) -> bool:
        return True


def run(*arguments: object, **options: Any) -> str:
    """Run the command; return what it printed."""
    out = io.StringIO()
    words = [VERSION, *(str(argument) for argument in arguments)]
    call_command("pin_webex_widgets", *words, **{"stdout": out, "stderr": io.StringIO(), **options})
    return out.getvalue()


def fails(*arguments: object) -> str:
    """Run the command, which prints nothing but one error; return that."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as raised:
        run(*arguments, stdout=out, stderr=err)
    assert out.getvalue() == err.getvalue() == ""
    return str(raised.value)


EXPECTED = {
    setting: {
        "SCRIPT": f"{CDN}/{widget}/archives/{VERSION}/bundle.js",
        "STYLESHEET": f"{CDN}/{widget}/archives/{VERSION}/main.css",
        "SCRIPT_INTEGRITY": checksum(content(widget, "bundle.js")),
        "STYLESHEET_INTEGRITY": checksum(content(widget, "main.css")),
    }
    for setting, widget in zip(("SPACE_WIDGET", "RECENTS_WIDGET"), WIDGETS, strict=True)
}


def test_settings_to_paste(published: responses.RequestsMock, settings: Settings) -> None:
    printed = run()
    values = eval(f"{{\n{printed}\n}}")
    assert values == EXPECTED
    assert len(published.calls) == 6

    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, **values}
    assert conf.SPACE_WIDGET.script_integrity == EXPECTED["SPACE_WIDGET"]["SCRIPT_INTEGRITY"]


def test_nobody_is_told_who_asks(
    published: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    run()
    for call in published.calls:
        assert "Authorization" not in call.request.headers
        assert call.request.headers["User-Agent"].startswith("django-webex-widgets/")


def test_it_needs_no_working_site(published: responses.RequestsMock, settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"CLIENT_ID": None, "REQUEST_TIMEOUT": "soon"}
    assert Command.requires_system_checks == ()
    assert "SPACE_WIDGET" in run()


def test_a_progress_bar_at_a_terminal(published: responses.RequestsMock) -> None:
    terminal = Terminal()
    printed = run(stderr=terminal)
    for widget in WIDGETS:
        for name in NAMES:
            assert f"{widget}/{name}: 100%" in terminal.getvalue()
    assert "100%" not in printed


def test_no_progress_bar_when_quiet(published: responses.RequestsMock) -> None:
    terminal = Terminal()
    run(stderr=terminal, verbosity=0)
    assert terminal.getvalue() == ""


# FILE ---------------------------------------------------------------------------------------------


def loaded(printed: str, base: Path) -> dict[str, Any]:
    """Return WEBEX_WIDGETS of settings that end with what was printed."""
    names: dict[str, Any] = {"Path": Path, "BASE_DIR": base, "WEBEX_WIDGETS": {"CLIENT_ID": "id"}}
    exec(printed, names)
    values = names["WEBEX_WIDGETS"]
    assert isinstance(values, dict)
    return values


@pytest.mark.parametrize("below", [True, False])
def test_a_file(
    published: responses.RequestsMock, tmp_path: Path, settings: Settings, below: bool
) -> None:
    if below:
        settings.BASE_DIR = tmp_path
    file = tmp_path / "webex_widgets.json"

    printed = run("--write", file)

    assert json.loads(file.read_text()) == EXPECTED
    assert loaded(printed, tmp_path) == {"CLIENT_ID": "id", **EXPECTED}
    assert ("BASE_DIR" in printed) is below
    assert list(tmp_path.iterdir()) == [file]
    # Whoever runs the site can read it.
    (tmp_path / "other").touch()
    assert file.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_file_is_replaced(published: responses.RequestsMock, tmp_path: Path) -> None:
    file = tmp_path / "webex_widgets.json"
    file.write_text("{}")
    run("--write", file)
    assert json.loads(file.read_text()) == EXPECTED


def test_a_file_stays_when_anything_failed(wire: responses.RequestsMock, tmp_path: Path) -> None:
    publish(wire)
    wire.replace("GET", f"{CDN}/widget-recents/archives/{VERSION}/main.css", body=b"something else")
    file = tmp_path / "webex_widgets.json"
    file.write_text("{}")
    assert "not the file that its manifest promises" in fails("--write", file)
    assert file.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [file]


def test_files_that_cannot_be(wire: responses.RequestsMock, tmp_path: Path) -> None:
    assert "name a .json file" in fails("--write", tmp_path / "settings.py")
    assert f"make the directory {tmp_path / 'no'} first" in fails("--write", tmp_path / "no/x.json")
    assert not wire.calls


def test_a_file_that_cannot_be_written(published: responses.RequestsMock, tmp_path: Path) -> None:
    (tmp_path / "x.json" / "y").mkdir(parents=True)
    assert "x.json could not be written: " in fails("--write", tmp_path / "x.json")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


# VERSION ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("production", "changes whenever Cisco publishes"),
        ("latest", "changes whenever Cisco publishes"),
        ("0.221", "is not a version such as 0.221.0"),
        ("v0.221.0", "is not a version such as 0.221.0"),
        ("0.221.0/../1", "is not a version such as 0.221.0"),
        ("\u0660.\u0662.\u0661", "is not a version such as 0.221.0"),
        ("", "is not a version such as 0.221.0"),
    ],
)
def test_what_is_no_version(wire: responses.RequestsMock, version: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("pin_webex_widgets", version)


def test_a_version_that_does_not_exist(wire: responses.RequestsMock) -> None:
    wire.get(f"{CDN}/widget-space/archives/{VERSION}/manifest.json", status=404, body="<html>")
    assert "There is no widget-space 0.221.0" in fails()


# What goes wrong on the way -----------------------------------------------------------------------


MANIFEST = f"{CDN}/widget-space/archives/{VERSION}/manifest.json"
SCRIPT = f"{CDN}/widget-space/archives/{VERSION}/bundle.js"


@pytest.mark.parametrize("url", [MANIFEST, SCRIPT])
@pytest.mark.parametrize("status", [204, 302, 403, 500])
def test_another_status(wire: responses.RequestsMock, url: str, status: int) -> None:
    publish(wire)
    wire.replace("GET", url, status=status, headers={"Location": "https://evil.example/"})
    assert fails().startswith(f"{url} answered {status}.")


@pytest.mark.parametrize("url", [MANIFEST, SCRIPT])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ConnectionError(), "could not be asked (ConnectionError)"),
        (requests.exceptions.SSLError(), "could not be asked (SSLError)"),
        (requests.ReadTimeout(), "gave no answer within 30.0 s"),
    ],
)
def test_no_network(wire: responses.RequestsMock, url: str, error: Exception, said: str) -> None:
    publish(wire)
    wire.replace("GET", url, body=error)
    message = fails()
    assert message.startswith(f"{url} could not be fetched. Webex {said}")
    assert "Check the network" in message


def test_an_interrupt(
    published: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pin_webex_widgets, "check", interrupted)
    with pytest.raises(CommandError, match="nothing was changed") as raised:
        run("--write", tmp_path / "x.json")
    assert raised.value.returncode == 130
    assert list(tmp_path.iterdir()) == []


# Manifests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_no_json(wire: responses.RequestsMock, body: bytes) -> None:
    wire.get(MANIFEST, body=body)
    assert f"{MANIFEST} is no JSON" in fails()


@pytest.mark.parametrize("manifest", [[], None, 5, "files", {}, {"files": {}}, {"files": None}])
def test_no_files(wire: responses.RequestsMock, manifest: object) -> None:
    wire.get(MANIFEST, body=json.dumps(manifest))
    assert f"{MANIFEST} lists no files" in fails()


def script(**fields: object) -> list[object]:
    return [entry("widget-space", "main.css"), entry("widget-space", "bundle.js", **fields)]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([], "lists 0 files called bundle.js, not one"),
        ([None, 5, [], "bundle.js", {}], "lists 0 files called bundle.js, not one"),
        (script(name=["bundle.js"]), "lists 0 files called bundle.js, not one"),
        ([*script(), *script()], "lists 2 files called bundle.js, not one"),
        ([entry("widget-space", "bundle.js")], "lists 0 files called main.css, not one"),
        *(
            (script(url=url), "says that bundle.js is not below")
            for url in (
                None,
                5,
                "bundle.js",
                f"http://code.s4d.io/widget-space/archives/{VERSION}/bundle.js",
                f"https://evil.example/widget-space/archives/{VERSION}/bundle.js",
                f"https://code.s4d.io.evil.example/widget-space/archives/{VERSION}/bundle.js",
                f"https://code.s4d.io@evil.example/widget-space/archives/{VERSION}/bundle.js",
                f"{CDN}/widget-space/production/bundle.js",
                f"{CDN}/widget-space/archives/0.1.0/bundle.js",
                f"{CDN}/widget-recents/archives/{VERSION}/bundle.js",
                f"{CDN}/widget-space/archives/{VERSION}/../../production/bundle.js",
                f"{CDN}/widget-space/archives/{VERSION}/%2e%2e/bundle.js",
                f"{CDN}/widget-space/archives/{VERSION}/bundle.js?x",
                f"{CDN}/widget-space/archives/{VERSION}/bundle.js\n",
                f"{CDN}/widget-space/archives/{VERSION}/'; script-src *",
                f"{CDN}/widget-space/archives/{VERSION}/",
            )
        ),
        *(
            (script(integrity=integrity), "has no sha384 checksum of bundle.js")
            for integrity in (
                None,
                5,
                "",
                "sha384-",
                "md5-abc",
                f"{checksum(b'')}\n",
                f"{checksum(b'')} sha256-x",
                'sha384-"' + "a" * 63,
            )
        ),
    ],
)
def test_odd_files(wire: responses.RequestsMock, files: list[object], sentence: str) -> None:
    wire.get(MANIFEST, json={"files": files})
    message = fails()
    assert message.startswith(MANIFEST)
    assert sentence in message


def test_entries_in_folders_of_the_archive(wire: responses.RequestsMock) -> None:
    publish(wire)
    url = f"{CDN}/widget-space/archives/{VERSION}/js@2/bundle.min.js"
    manifest = manifest_of("widget-space")
    manifest["files"][1]["url"] = url
    wire.replace("GET", MANIFEST, json=manifest)
    wire.get(url, body=content("widget-space", "bundle.js"))
    assert url in run()


# Downloads over a real socket ---------------------------------------------------------------------


def get(server: BadServer, total: float = 5.0, stall: float = 5.0) -> tuple[int, bytes]:
    return download(server.base_url, total=total, stall=stall, progress=lambda *_so_far: None)


@pytest.mark.parametrize("behave", [bad.hang, bad.drip_headers, bad.drip_body])
def test_the_whole_time_is_limited(behave: Callable[..., None]) -> None:
    with BadServer(behave) as server:
        for _ in range(breaker.TIMEOUTS + 1):
            with pytest.raises(WebexTimeout):
                get(server, total=0.2)
    # Webex's API goes on being asked.
    assert breaker.check() is False


def test_a_stall_is_limited() -> None:
    with BadServer(bad.hang) as server, pytest.raises(WebexTimeout):
        get(server, stall=0.2)


@pytest.mark.parametrize("behave", [bad.cut, bad.flood])
def test_no_whole_file(behave: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 1024 * 1024)
    with BadServer(behave) as server, pytest.raises(TransportError):
        get(server)


def test_progress_counts_what_comes_over_the_wire() -> None:
    body = content("widget-space", "bundle.js") * 10
    packed = gzip.compress(body)

    def answer(connection: Any, _over: object) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        connection.sendall(head.encode() + packed)

    seen: list[tuple[int, int | None]] = []
    with BadServer(answer) as server:
        fetched = download(
            server.base_url, total=5, stall=5, progress=lambda *so_far: seen.append(so_far)
        )
    assert fetched == (200, body)
    assert seen[-1] == (len(packed), len(packed))


@pytest.mark.parametrize("length", ["many", "-1", "1" * 5000])
def test_an_odd_length(length: str) -> None:
    def answer(connection: Any, _over: object) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nbody".encode())

    seen: list[tuple[int, int | None]] = []
    with BadServer(answer) as server:
        fetched = download(
            server.base_url, total=5, stall=5, progress=lambda *so_far: seen.append(so_far)
        )
    assert fetched == (200, b"body")
    assert seen == [(4, None)]


def test_a_checksum_as_browsers_compare_it() -> None:
    assert cdn.integrity(b"alert('Hello, world.');") == (
        "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO"
    )
