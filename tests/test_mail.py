"""The e-mail with the reconnect link."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from django.contrib.auth.models import User
from django.core import mail
from pytest_django import Settings

from webex_widgets import tokens
from webex_widgets.exceptions import ReauthorizationRequired
from webex_widgets.mail import mail_reconnect_link
from webex_widgets.signals import webex_reauthorization_required

from .conftest import API, DEAD, make_token


@pytest.fixture(autouse=True)
def _connected(settings: Settings) -> Iterator[None]:
    uri = "https://intranet.example/webex/callback/"
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REDIRECT_URI": uri}
    webex_reauthorization_required.connect(mail_reconnect_link)
    yield
    webex_reauthorization_required.disconnect(mail_reconnect_link)


def end_consent(user: User, wire: responses.RequestsMock, capture: Any) -> None:
    make_token(user, access_token_expires_at=datetime.now(UTC))
    wire.post(f"{API}/access_token", json=DEAD, status=400)
    with capture(execute=True), pytest.raises(ReauthorizationRequired):
        tokens.get_access_token(user)


def test_the_link(
    user: User, wire: responses.RequestsMock, django_capture_on_commit_callbacks: Any
) -> None:
    end_consent(user, wire, django_capture_on_commit_callbacks)
    (message,) = mail.outbox
    assert message.to == ["ada@site.example"]
    assert "https://intranet.example/webex/connect/" in message.body
    assert "SENTINEL" not in str(message.message())


def test_nobody_to_write_to(
    user: User, wire: responses.RequestsMock, django_capture_on_commit_callbacks: Any
) -> None:
    User.objects.update(email="")
    user.refresh_from_db()
    end_consent(user, wire, django_capture_on_commit_callbacks)
    assert mail.outbox == []


def test_without_an_address_of_the_site(
    user: User,
    wire: responses.RequestsMock,
    django_capture_on_commit_callbacks: Any,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REDIRECT_URI": None}
    end_consent(user, wire, django_capture_on_commit_callbacks)
    assert mail.outbox == []
    assert "REDIRECT_URI" in caplog.text
