"""The admin: everything but the secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from pytest_django import Settings

from webex_widgets import tokens
from webex_widgets.models import WebexToken

from .conftest import API, DEAD, GRANT
from .test_guests import SERVICE_APP

URL = "/admin/webex_widgets/webextoken/"


def act(client: Client, action: str, token: WebexToken) -> Any:
    data = {"action": action, ACTION_CHECKBOX_NAME: [str(token.pk)]}
    return client.post(URL, data, follow=True)


def test_the_pages(admin_client: Client, token: WebexToken, settings: Settings) -> None:
    """They work, and need no key."""
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # for the session's sake
    settings.WEBEX_WIDGETS = {
        **settings.WEBEX_WIDGETS,
        "ENCRYPTION_KEYS": ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="],
    }
    for url in (URL, f"{URL}?q=ada", f"{URL}{token.pk}/change/", f"{URL}{token.pk}/history/"):
        page = admin_client.get(url)
        assert page.status_code == 200
        assert "SENTINEL" not in page.text
        assert "gAAAA" not in page.text
    assert "ada@example.com" in admin_client.get(URL).text


def test_tokens_cannot_be_searched_for(admin_client: Client, token: WebexToken) -> None:
    assert "0 Webex tokens" in admin_client.get(f"{URL}?q=SENTINEL").text


def test_nothing_to_add_or_change(admin_client: Client, token: WebexToken) -> None:
    assert admin_client.get(f"{URL}add/").status_code == 403
    assert admin_client.post(f"{URL}{token.pk}/change/", {"email": "x"}).status_code == 403


def test_refresh(admin_client: Client, token: WebexToken, wire: responses.RequestsMock) -> None:
    wire.post(f"{API}/access_token", json=GRANT)
    page = act(admin_client, "refresh", token)
    assert "1 token was refreshed." in page.text
    assert "SENTINEL" not in page.text
    assert WebexToken.objects.get().version == token.version + 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [({"status": 503}, "Webex answered 503"), ({"json": DEAD, "status": 400}, "connect to Webex")],
)
def test_a_refresh_that_fails(
    admin_client: Client,
    token: WebexToken,
    wire: responses.RequestsMock,
    answer: dict[str, Any],
    words: str,
) -> None:
    wire.post(f"{API}/access_token", **answer)
    page = act(admin_client, "refresh", token)
    assert words in page.text
    assert "refreshed." not in page.text


def test_a_refresh_of_a_claimed_token(admin_client: Client, token: WebexToken) -> None:
    WebexToken.objects.update(claimed_until=datetime.now(UTC) + timedelta(seconds=60))
    assert "1 token was refreshed." in act(admin_client, "refresh", token).text


def test_disconnect(admin_client: Client, token: WebexToken) -> None:
    assert "are disconnected" in act(admin_client, "disconnect", token).text
    assert not WebexToken.objects.exists()


def test_staff_who_may_only_look(client: Client, token: WebexToken, django_user_model: Any) -> None:
    from django.contrib.auth.models import Permission

    staff = django_user_model.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_webextoken"))
    client.force_login(staff)
    assert "Disconnect the selected" not in client.get(URL).text
    act(client, "disconnect", token)
    assert WebexToken.objects.exists()


def test_a_row_is_named_after_its_person(token: WebexToken) -> None:
    assert str(token) == "ada@example.com"
    token.email = ""
    assert str(token) == f"user {token.user_id}"


@pytest.fixture
def service_app(db: None, settings: Settings) -> WebexToken:
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "GUESTS": SERVICE_APP}
    return tokens.get_service_app_token()


def test_the_service_app_s_row(admin_client: Client, service_app: WebexToken) -> None:
    page = admin_client.get(URL)
    assert "service app" in page.text
    assert "the service app" in admin_client.get(f"{URL}{service_app.pk}/change/").text
    assert "SENTINEL" not in page.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"json": GRANT}, "1 token was refreshed."),
        ({"status": 503}, "service app: Webex answered 503"),
        ({"json": DEAD, "status": 400}, "developer.webex.com"),
    ],
)
def test_refreshing_the_service_app(
    admin_client: Client,
    service_app: WebexToken,
    wire: responses.RequestsMock,
    answer: dict[str, Any],
    words: str,
) -> None:
    wire.post(f"{API}/access_token", **answer)
    assert words in act(admin_client, "refresh", service_app).text


def test_nobody_disconnects_the_service_app(admin_client: Client, service_app: WebexToken) -> None:
    act(admin_client, "disconnect", service_app)
    assert WebexToken.objects.get() == service_app
