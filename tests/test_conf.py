"""Settings: defaults, live reading, and errors that name the setting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from pytest_django import Settings

from webex_widgets.conf import NAMES, GuestIssuer, Guests, ServiceApp, conf


def test_defaults() -> None:
    assert conf.REDIRECT_URI is None
    assert conf.SCOPES == ["spark:all", "spark:kms"]
    assert conf.API_BASE_URL == "https://webexapis.com/v1"
    assert conf.REQUEST_TIMEOUT == 10
    assert conf.ENCRYPTION_KEYS is None
    assert timedelta(days=3) == conf.REFRESH_BEFORE
    assert conf.CACHE == "default"
    assert conf.ROOM_CACHE_TIMEOUT == 3600
    assert conf.SPACE_WIDGET.script == "https://code.s4d.io/widget-space/production/bundle.js"
    assert conf.SPACE_WIDGET.stylesheet_integrity is None
    assert conf.RECENTS_WIDGET.stylesheet == (
        "https://code.s4d.io/widget-recents/production/main.css"
    )
    assert conf.FEDRAMP is False
    assert conf.REVOKE_ON_DISCONNECT is False
    assert conf.GUESTS is None


def test_settings_are_read_live(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"SCOPES": ["spark:rooms_read"]}
    assert conf.SCOPES == ["spark:rooms_read"]


def test_the_government_cloud_has_its_own_address(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"FEDRAMP": True}
    assert conf.API_BASE_URL == "https://api-usgov.webex.com/v1"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001/v1/", "http://localhost/v1", "http://[::1]:9/v1"]
)
def test_plain_http_to_this_machine(settings: Settings, url: str) -> None:
    settings.WEBEX_WIDGETS = {"API_BASE_URL": url}
    assert url.rstrip("/") == conf.API_BASE_URL


APP = {"CLIENT_ID": "app", "CLIENT_SECRET": "secret", "REFRESH_TOKEN": "refresh"}
ISSUER = {"ISSUER_ID": "issuer", "ISSUER_SECRET": "c2VjcmV0"}

WRONG: list[tuple[str, Any]] = [
    ("CLIENT_ID", None),
    ("CLIENT_ID", "  "),
    ("CLIENT_SECRET", 5),
    ("REDIRECT_URI", "/webex/callback/"),
    ("REDIRECT_URI", 1),
    ("SCOPES", "spark:all"),
    ("SCOPES", []),
    ("SCOPES", ["spark:all spark:kms"]),
    ("SCOPES", [None]),
    ("API_BASE_URL", 7),
    ("API_BASE_URL", "webexapis.com/v1"),
    ("API_BASE_URL", "http://webexapis.com/v1"),
    ("API_BASE_URL", "http://127.0.0.1.example.com/v1"),
    ("API_BASE_URL", "https://user@webexapis.com/v1"),
    ("API_BASE_URL", "https://webexapis.com/v1?x=1"),
    ("API_BASE_URL", "https://webexapis.com:port/v1"),
    ("API_BASE_URL", "https://"),
    ("REQUEST_TIMEOUT", 0),
    ("REQUEST_TIMEOUT", True),
    ("REQUEST_TIMEOUT", "10"),
    ("REQUEST_TIMEOUT", float("nan")),
    ("ENCRYPTION_KEYS", "key"),
    ("ENCRYPTION_KEYS", []),
    ("ENCRYPTION_KEYS", [b"key"]),
    ("REFRESH_BEFORE", 3),
    ("REFRESH_BEFORE", timedelta()),
    ("CACHE", "nowhere"),
    ("ROOM_CACHE_TIMEOUT", -1),
    ("RECENTS_WIDGET", {"STYLESHEET": 7}),
    ("SPACE_WIDGET", "bundle.js"),
    ("SPACE_WIDGET", {"script": "x"}),
    ("SPACE_WIDGET", {"SCRIPT": ""}),
    ("SPACE_WIDGET", {"SCRIPT": "https://cdn.example; script-src *"}),
    ("SPACE_WIDGET", {"STYLESHEET": None}),
    ("SPACE_WIDGET", {"SCRIPT_INTEGRITY": "md5-x"}),
    ("FEDRAMP", "false"),
    ("REVOKE_ON_DISCONNECT", 1),
    ("GUESTS", True),
    ("GUESTS", {}),
    ("GUESTS", {"PER_SESSION": 5}),
    ("GUESTS", {**APP, **ISSUER}),
    ("GUESTS", {**APP, "COLOUR": "red"}),
    ("GUESTS", {**APP, "CLIENT_SECRET": None}),
    ("GUESTS", {**APP, "REFRESH_TOKEN": " "}),
    ("GUESTS", {"CLIENT_ID": "app"}),
    ("GUESTS", {**ISSUER, "ISSUER_ID": 5}),
    ("GUESTS", {"ISSUER_SECRET": "c2VjcmV0"}),
    ("GUESTS", {**ISSUER, "ISSUER_SECRET": "c2Vj cmV0"}),
    ("GUESTS", {**ISSUER, "ISSUER_SECRET": "c2VjcmV"}),
    ("GUESTS", {**ISSUER, "ISSUER_SECRET": "sécret"}),
    ("GUESTS", {**APP, "PER_SESSION": 0}),
    ("GUESTS", {**APP, "PER_SESSION": True}),
    ("GUESTS", {**APP, "PER_ADDRESS": "100"}),
    ("GUESTS", {**APP, "PER_ADDRESS": None}),
    ("GUESTS", {**APP, "DISPLAY_NAME": 5}),
    ("GUESTS", {**APP, "DISPLAY_NAME": "name"}),
    ("GUESTS", {**APP, "DISPLAY_NAME": "nowhere.name"}),
    ("GUESTS", {**APP, "DISPLAY_NAME": "tests.test_conf.nothing"}),
    ("GUESTS", {**APP, "DISPLAY_NAME": "tests.test_conf.WRONG"}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_an_error_names_the_setting(name: str, value: Any) -> None:
    with (
        override_settings(WEBEX_WIDGETS={name: value}),
        pytest.raises(ImproperlyConfigured, match=rf'WEBEX_WIDGETS\["{name}"\] '),
    ):
        getattr(conf, name)


def test_every_setting_can_be_wrong() -> None:
    assert {name for name, _ in WRONG} == set(NAMES)


def test_the_dictionary_itself(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = ["CLIENT_ID"]
    with pytest.raises(ImproperlyConfigured, match="must be a dictionary"):
        _ = conf.SCOPES
    del settings.WEBEX_WIDGETS
    assert conf.SCOPES == ["spark:all", "spark:kms"]


def test_guests_of_a_service_app(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": APP}
    app = ServiceApp("app", "secret", "refresh")
    assert Guests(app, None, 10, 100) == conf.GUESTS
    assert conf.service_app == app
    limits = {"PER_SESSION": 1, "PER_ADDRESS": 2, "DISPLAY_NAME": "builtins.str"}
    settings.WEBEX_WIDGETS = {"GUESTS": {**APP, **limits}}
    assert Guests(app, str, 1, 2) == conf.GUESTS


def test_guests_of_an_issuer(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"GUESTS": {**ISSUER, "DISPLAY_NAME": str}}
    issuer = GuestIssuer("issuer", b"secret")
    assert Guests(issuer, str, 10, 100) == conf.GUESTS
    assert conf.service_app is None
    assert "secret" not in repr(conf.GUESTS)


@pytest.mark.parametrize(
    ("others", "words"),
    [({"FEDRAMP": True}, "government cloud"), ({"CLIENT_ID": "app"}, "integration's CLIENT_ID")],
)
def test_guests_and_other_settings(settings: Settings, others: dict[str, Any], words: str) -> None:
    settings.WEBEX_WIDGETS = {"GUESTS": APP, **others}
    with pytest.raises(ImproperlyConfigured, match=rf'WEBEX_WIDGETS\["GUESTS"\] .*{words}'):
        _ = conf.GUESTS


def test_an_issuer_needs_pyjwt(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webex_widgets.conf.find_spec", lambda name: None)
    settings.WEBEX_WIDGETS = {"GUESTS": ISSUER}
    with pytest.raises(ImproperlyConfigured, match=r'"GUESTS".*\[guest-issuer\]'):
        _ = conf.GUESTS


def test_clients(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"CLIENT_ID": "mine", "CLIENT_SECRET": "hidden", "GUESTS": APP}
    mine, app = conf.client("mine"), conf.client("app")
    assert mine == conf.integration
    assert mine is not None
    assert app is not None
    assert (mine.secret, app.secret) == ("hidden", "secret")
    assert "CLIENT_SECRET" in mine.settings
    assert "GUESTS" in app.settings
    assert "hidden" not in repr(mine)
    assert conf.client("another") is None
    settings.WEBEX_WIDGETS = {"CLIENT_ID": "mine", "CLIENT_SECRET": "hidden"}
    assert conf.client("app") is None
