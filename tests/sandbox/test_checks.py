"""The checks, as ``manage.py check`` runs them."""

from __future__ import annotations

import pytest
from django.core.checks import registry, run_checks
from pytest_django import Settings

OTHERS = ["django.contrib.auth", "django.contrib.contenttypes"]
SANDBOX = "webex_widgets.sandbox"


@pytest.fixture(autouse=True)
def _installed(settings: Settings) -> None:
    settings.INSTALLED_APPS = [SANDBOX, "webex_widgets", *OTHERS]


def found() -> list[str]:
    """Return the ids of the sandbox's findings."""
    ids = [message.id or "" for message in run_checks()]
    return [each for each in ids if each.startswith("webex_widgets_sandbox.")]


def test_all_is_well() -> None:
    assert found() == []


def test_debug_is_off(settings: Settings) -> None:
    settings.DEBUG = False
    assert found() == ["webex_widgets_sandbox.E001"]


@pytest.mark.parametrize("apps", [["webex_widgets", SANDBOX], [SANDBOX]])
def test_the_order(settings: Settings, apps: list[str]) -> None:
    settings.INSTALLED_APPS = [*OTHERS, *apps]
    assert "webex_widgets_sandbox.E002" in found()


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://webexapis.com/v1",
        "http://192.0.2.1:8001/v1",
        "https://127.0.0.1:8001/v1",
        "http://127.0.0.1/v1",
        "http://127.0.0.1:8001/",
        "http://127.0.0.1:port/v1",
        "http://[::1/v1",
    ],
)
def test_the_address(settings: Settings, url: str | None) -> None:
    settings.WEBEX_WIDGETS = {"API_BASE_URL": url}
    assert found() == ["webex_widgets_sandbox.E003"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "webex.localhost", "127.9.9.9"]
)
def test_addresses_of_this_machine(settings: Settings, host: str) -> None:
    settings.WEBEX_WIDGETS = {"API_BASE_URL": f"http://{host}:8001/v1/"}
    assert found() == []


def test_every_finding_has_a_hint(settings: Settings) -> None:
    settings.DEBUG = False
    settings.INSTALLED_APPS = [*OTHERS, "webex_widgets", SANDBOX]
    settings.WEBEX_WIDGETS = {}
    messages = [message for message in run_checks() if "sandbox" in (message.id or "")]
    assert len(messages) == 3
    assert all(message.hint for message in messages)
    assert registry.registry.deployment_checks.isdisjoint(
        check for check in registry.registry.registered_checks if "sandbox" in check.__module__
    )
