"""The cache is of use, and never needed: what happens when it is down."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import requests
import responses
from django.core.cache.backends.base import BaseCache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from webex_widgets import cache
from webex_widgets.client import breaker
from webex_widgets.client.transport import Transport
from webex_widgets.exceptions import WebexTimeout
from webex_widgets.models import WebexToken
from webex_widgets.widgets import SpaceWidget

from .conftest import ACCESS, API, room


class DownCache(BaseCache):
    """What a cache is whose server does not answer."""

    def __init__(self, *_args: object) -> None:
        super().__init__({})

    def get(self, *_args: Any, **_options: Any) -> Any:
        raise ConnectionError("redis://:SENTINEL@cache.example")

    add = set = incr = touch = delete = delete_many = get


@pytest.fixture
def down(settings: Settings) -> None:
    """Let the app's cache be one that is down."""
    up = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = {"default": up, "down": {"BACKEND": f"{__name__}.DownCache"}}
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "CACHE": "down"}


def test_it_is_as_if_it_were_empty(down: None, caplog: pytest.LogCaptureFixture) -> None:
    assert cache.get("key", 5) == 5
    cache.put("key", 6, 60)
    assert cache.add("key", 7, 60)
    assert cache.count("key", 1, 60) is None
    cache.delete("key", "other")
    assert {record.getMessage() for record in caplog.records} == {
        'The cache "down" cannot be asked (ConnectionError).'
    }
    assert len(caplog.records) == 5
    for record in caplog.records:
        assert (record.levelno, record.exc_info) == (logging.WARNING, None)


def test_a_wrong_setting_is_told(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "no.such.Cache"}}
    with pytest.raises(ImproperlyConfigured):
        cache.get("key")


@pytest.mark.usefixtures("down")
def test_a_space_opens_without_it(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/rooms", json={"items": [room("Project Unicorn")]})
    for _ in range(2):
        address = {"w": SpaceWidget(destination="Project Unicorn").signed()}
        assert browser_client.get("/webex/session/", address).json()["status"] == "ready"
    # And where there is no such space.
    address = {"w": SpaceWidget(destination="Another").signed()}
    assert browser_client.get("/webex/session/", address).json()["status"] == "room_not_found"


@pytest.mark.usefixtures("down")
def test_nobody_is_kept_from_asking_without_it(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/rooms", body=requests.ReadTimeout())
    for _ in range(breaker.TIMEOUTS + 1):
        with Transport(total=5) as transport, pytest.raises(WebexTimeout):
            transport.get("rooms", ACCESS)
    breaker.answered()
    assert breaker.check() is False
