"""The system checks, and the page that lists them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import modify_settings, override_settings
from pytest_django import Settings

from webex_widgets import checks

from .test_guests import SERVICE_APP

REPOSITORY = Path(__file__).parents[1]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def found(*, deploy: bool = False) -> dict[str, str]:
    """Return the messages of this app's checks by id; every warning has a hint."""
    messages = run_checks(tags=["webex_widgets"], include_deployment_checks=deploy)
    for message in messages:
        assert message.hint or message.id == "webex_widgets.E001"
    return {str(message.id): f"{message.msg} {message.hint}" for message in messages}


def test_all_is_well() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("values", "number", "words"),
    [
        ({"CLIENT_ID": ""}, "E001", "CLIENT_ID"),
        ({"CLIENT_SECRET": None}, "E001", "developer.webex.com"),
        ({"ENCRYPTION_KEYS": ["bad"]}, "E001", "generate_key"),
        ({"GUESTS": {}}, "E001", "GUESTS"),
        ({"COLOUR": "red", 5: 6}, "W001", "no setting 5, COLOUR"),
    ],
)
def test_settings(settings: Settings, values: dict[Any, Any], number: str, words: str) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, **values}
    ((name, text),) = found().items()
    assert name == f"webex_widgets.{number}"
    assert words in text


def test_every_problem_at_once(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"SCOPES": "x"}
    messages = run_checks(tags=["webex_widgets"])
    assert len(messages) == 3


@override_settings(WEBEX_WIDGETS=[])
def test_no_dictionary() -> None:
    assert "dictionary" in found(deploy=True)["webex_widgets.E001"]


@override_settings(ROOT_URLCONF="tests.no_urls")
def test_no_addresses() -> None:
    assert "include" in found()["webex_widgets.E002"]


GUESTS_IN = """
{% load webex_widgets %}{% webex_space_widget width="100%" room_id=id guest=True %}
"""
NO_GUESTS = """
{% webex_space_widget "guest=True" %} guest=True {% if guest=True %}{% endif %}
{% webex_space_widget "A" guest=False %} {% webex_recents_widget guest=True %}
"""


def test_guests_who_cannot_come_in(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = tmp_path / "apps"
    for directory in (apps / "deep", tmp_path / "site"):
        directory.mkdir(parents=True)
        (directory / "no.html").write_text(NO_GUESTS.partition("\n{% webex_space")[0])
        (directory / "binary").write_bytes(bytes(range(256)))
        (directory / "gone.html").symlink_to("nowhere")
        os.mkfifo(directory / "pipe.html")
    monkeypatch.setattr(checks, "get_app_template_dirs", lambda name: (apps,))
    engine = {**settings.TEMPLATES[0], "DIRS": [str(tmp_path / "site"), tmp_path / "missing"]}
    settings.TEMPLATES = [engine]
    assert found() == {}
    (apps / "deep" / "of-an-app.html").write_text(GUESTS_IN)
    (tmp_path / "site" / "of-the-site.txt").write_text(GUESTS_IN)
    said = found()["webex_widgets.W006"]
    assert "GUESTS" in said
    assert str(apps / "deep" / "of-an-app.html") in said
    assert "of-the-site.txt" in said
    assert "no.html" not in said
    (apps / "deep" / "of-an-app.html").unlink()

    def refuse(path: Path) -> bytes:
        raise PermissionError("unreadable")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert found() == {}
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": SERVICE_APP}
    assert found() == {}
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": "wrong"}
    assert set(found()) == {"webex_widgets.E001"}


@modify_settings(INSTALLED_APPS={"remove": ["django.contrib.sessions"]})
def test_no_sessions() -> None:
    assert "django.contrib.sessions" in found()["webex_widgets.E003"]


@override_settings(SESSION_COOKIE_SAMESITE="Strict")
def test_a_session_that_is_lost_on_the_way_back() -> None:
    assert "Lax" in found()["webex_widgets.W002"]


@pytest.mark.parametrize(
    ("login_url", "good"),
    [
        ("/nowhere/", False),
        ("no-such-view", False),
        ("/admin/login/?via=webex", True),
        ("admin:login", True),
        ("https://sso.example/login", True),
    ],
)
def test_where_to_sign_in(settings: Settings, login_url: str, good: bool) -> None:
    settings.LOGIN_URL = login_url
    assert ("webex_widgets.W003" in found()) is not good


def test_deployment(settings: Settings) -> None:
    assert set(found(deploy=True)) == {"webex_widgets.W004", "webex_widgets.W005"}
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "ENCRYPTION_KEYS": [KEY]}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    assert found(deploy=True) == {}


@pytest.mark.parametrize("app", ["webex_widgets", "webex_widgets_sandbox"])
def test_the_documentation_lists_them_all(app: str) -> None:
    ids = re.compile(rf"{app}\.[EW]\d{{3}}")
    source = REPOSITORY / "webex_widgets" / ("sandbox" if app.endswith("box") else "")
    in_code = set(ids.findall((source / "checks.py").read_text()))
    in_docs = ids.findall((REPOSITORY / "docs" / "checks.md").read_text())
    assert in_code
    assert sorted(in_code) == sorted(set(in_docs))
