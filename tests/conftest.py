"""What all tests share: a user, a connected user, and a wire that answers as Webex does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from webex_widgets.models import WebexToken

API = "https://webexapis.com/v1"
CLIENT_ID = "sentinel-client-id"
CLIENT_SECRET = "sentinel-client-secret"
ACCESS = "SENTINELaccess_space_abc123"
REFRESH = "SENTINELrefresh"
NEW_ACCESS = "SENTINELnewaccess_space_abc123"
NEW_REFRESH = "SENTINELnewrefresh"

GRANT: dict[str, Any] = {
    "access_token": NEW_ACCESS,
    "expires_in": 1209599,
    "refresh_token": NEW_REFRESH,
    "refresh_token_expires_in": 7775999,
    "token_type": "Bearer",
    "scope": "spark:all spark:kms",
}
DEAD = {
    "error": "invalid_request",
    "error_description": ("The refresh token provided is expired, revoked, malformed, or invalid."),
    "trackingID": "ROUTER_1",
}
UNAUTHORIZED = {
    "message": (
        "The request requires a valid access token set in the Authorization request header."
    ),
    "errors": [{"description": "The request requires a valid access token."}],
    "trackingId": "ROUTER_2",
}
PERSON = {"id": "PERSON_ADA", "emails": ["ada@example.com"], "displayName": "Ada Lovelace"}


def room(title: str, **fields: Any) -> dict[str, Any]:
    """Return a room as Webex lists it."""
    return {
        "id": f"ID-{title}",
        "title": title,
        "type": "group",
        "lastActivity": "2026-11-20T10:00:00.000Z",
        **fields,
    }


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    """Yield a wire on which nobody answers but whom the test puts there."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def user(db: None) -> User:
    """Return a user."""
    return get_user_model().objects.create_user("ada", "ada@site.example", "password")


@pytest.fixture
def browser_client(client: Client, user: User) -> Client:
    """Return a signed-in client."""
    client.force_login(user)
    return client


@pytest.fixture
def token(user: User) -> WebexToken:
    """Return a token with ten days to live."""
    return make_token(user)


def make_token(user: User, **fields: Any) -> WebexToken:
    """Create a token with ten of its fourteen days to live."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "access_token_expires_at": now + timedelta(days=10),
        "refresh_token_expires_at": now + timedelta(days=80),
        "scopes": "spark:all spark:kms",
        "person_id": "PERSON_ADA",
        "email": "ada@example.com",
        "client_id": CLIENT_ID,
        "refreshed_at": now - timedelta(days=4),
        **fields,
    }
    return WebexToken.objects.create(user=user, **values)
