"""The example site, in processes of its own: it has settings of its own."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MANAGE = ROOT / "example_project" / "manage.py"
WEBEX = {"WEBEX_CLIENT_ID": "id", "WEBEX_CLIENT_SECRET": "secret"}
SANDBOX = {"WEBEX_CLIENT_ID": "", "WEBEX_CLIENT_SECRET": ""}
GUESTS = {
    "WEBEX_GUEST_CLIENT_ID": "service app",
    "WEBEX_GUEST_CLIENT_SECRET": "secret",
    "WEBEX_GUEST_REFRESH_TOKEN": "refresh token",
}


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the example site; a developer's own .env counts for nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    defaults = {
        "PYTHONPATH": str(ROOT),
        "DEBUG": "True",
        "SECRET_KEY": "",
        "ALLOWED_HOSTS": "",
        "WEBEX_ENCRYPTION_KEYS": "",
        **SANDBOX,
        **dict.fromkeys(GUESTS, ""),
    }
    return subprocess.run(
        [sys.executable, "-W", "error", str(MANAGE), *arguments],
        env=kept | defaults | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_own_tests_pass() -> None:
    result = manage("test", "--debug-mode", "intranet", **WEBEX)
    assert result.returncode == 0, result.stderr
    assert "NO TESTS RAN" not in result.stderr


@pytest.mark.parametrize(
    "variables", [WEBEX, WEBEX | GUESTS, SANDBOX], ids=["webex", "guests", "sandbox"]
)
def test_the_system_checks_pass(variables: dict[str, str]) -> None:
    result = manage("check", "--fail-level", "WARNING", **variables)
    assert result.returncode == 0, result.stderr


def test_no_migration_is_missing() -> None:
    result = manage("makemigrations", "--check", "--dry-run")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (WEBEX | {"WEBEX_CLIENT_SECRET": ""}, "Set both WEBEX_CLIENT_ID and WEBEX_CLIENT_SECRET"),
        (WEBEX | {"WEBEX_CLIENT_ID": ""}, "Set both WEBEX_CLIENT_ID and WEBEX_CLIENT_SECRET"),
        (WEBEX | {"DEBUG": "False"}, "Set SECRET_KEY"),
        ({"DEBUG": "False", "SECRET_KEY": "x" * 50}, "the sandbox runs only with DEBUG=True"),
    ],
    ids=["no secret", "no id", "no key", "sandbox in public"],
)
def test_wrong_settings_are_named(variables: dict[str, str], sentence: str) -> None:
    result = manage("check", **variables)
    assert result.returncode != 0
    assert sentence in result.stderr


def test_half_of_a_service_app_is_named() -> None:
    result = manage("check", **WEBEX, WEBEX_GUEST_CLIENT_ID="service app")
    assert result.returncode != 0
    assert 'WEBEX_WIDGETS["GUESTS"] needs CLIENT_SECRET' in result.stderr


def test_every_variable_is_listed() -> None:
    settings = (ROOT / "example_project" / "config" / "settings.py").read_text(encoding="utf-8")
    listed = (ROOT / ".env.example").read_text(encoding="utf-8")
    read = set(re.findall(r"""env\.\w+\(\s*["'](\w+)["']""", settings))
    assert read == set(re.findall(r"^#([A-Z_]+)=", listed, re.MULTILINE))
    assert len(read) >= 10


def test_the_last_port_leaves_none_for_the_sandbox() -> None:
    result = manage("check_ports", "65535", WEBEX_SANDBOX_PORT="65536")
    assert result.returncode == 1
    assert "Port 65535 leaves none for the sandbox" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for site, sandbox in ((port, "0"), ("0", port)):
            result = manage("check_ports", site, WEBEX_SANDBOX_PORT=sandbox)
            assert result.returncode == 1
            assert f"Port {port} is not free" in result.stderr
            assert "make demo PORT=8100" in result.stderr
        assert manage("check_ports", "0", WEBEX_SANDBOX_PORT=port, **WEBEX).returncode == 0
