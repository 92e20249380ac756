"""A fresh sandbox on a port of its own for every test that asks for one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pytest_django import Settings

from webex_widgets.sandbox.conf import Address
from webex_widgets.sandbox.data import ADA, Person
from webex_widgets.sandbox.server import Server
from webex_widgets.sandbox.state import STATE
from webex_widgets.sandbox.tokens import Grant, mint

CLIENT_ID = "sandbox-client-id"
CLIENT_SECRET = "sandbox-client-secret"
SERVICE_APP_ID = "sandbox-service-app"
SERVICE_APP_SECRET = "sandbox-service-app-secret"
SERVICE_APP_REFRESH_TOKEN = "sandbox-service-app-refresh-token"
CALLBACK = "http://localhost:8000/webex/callback/"
VERIFIER = "a-verifier-of-forty-three-characters-at-least"


def challenge(verifier: str = VERIFIER) -> str:
    """Return the S256 challenge of a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def query(response: requests.Response) -> dict[str, str]:
    """Return the parameters of the address to which an answer redirects."""
    found = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in found.items()}


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox, and calls to it as the site and the browser make them."""

    origin: str

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Call the sandbox; redirects are for the test to look at."""
        return requests.request(
            method, self.origin + path, allow_redirects=False, timeout=10, **kwargs
        )

    def get(self, path: str, token: str = "", **kwargs: Any) -> requests.Response:
        """GET, with a bearer token if there is one."""
        return self.call("GET", path, headers=bearer(token) | kwargs.pop("headers", {}), **kwargs)

    def post(self, path: str, token: str = "", **kwargs: Any) -> requests.Response:
        """POST, with a bearer token if there is one."""
        return self.call("POST", path, headers=bearer(token) | kwargs.pop("headers", {}), **kwargs)

    def asking(self, **changed: str | None) -> dict[str, str]:
        """Return the parameters of an authorization request; ``None`` leaves one out."""
        parameters: dict[str, str | None] = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "spark:all spark:kms",
            "state": "the state",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def consent(self, person: Person = ADA, **changed: str | None) -> str:
        """Accept as a person and return the code."""
        form = self.asking(**changed) | {"person": person.email, "decision": "accept"}
        return query(self.post("/v1/authorize", data=form))["code"]

    def exchange(self, code: str, **changed: str) -> requests.Response:
        """Trade a code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changed,
        }
        return self.post("/v1/access_token", data=form)

    def refresh_service_app(
        self, refresh_token: str = SERVICE_APP_REFRESH_TOKEN
    ) -> requests.Response:
        """Trade the service app's refresh token, with its own credentials, for an access token."""
        return self.post(
            "/v1/access_token",
            data={"grant_type": "refresh_token", "refresh_token": refresh_token},
            auth=(SERVICE_APP_ID, SERVICE_APP_SECRET),
        )

    def guest(self, subject: str = "visitor-1", name: str = "Vera") -> dict[str, Any]:
        """Return a new guest, with a token."""
        app = self.refresh_service_app().json()["access_token"]
        body = {"subject": subject, "displayName": name}
        answer: dict[str, Any] = self.post("/v1/guests/token", app, json=body).json()
        return answer

    def refresh(self, refresh_token: str) -> requests.Response:
        """Trade a refresh token for an access token."""
        return self.post(
            "/v1/access_token",
            data={"grant_type": "refresh_token", "refresh_token": refresh_token},
            auth=(CLIENT_ID, CLIENT_SECRET),
        )


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.fixture(autouse=True)
def _development(settings: Settings) -> Iterator[None]:
    settings.DEBUG = True
    settings.WEBEX_WIDGETS = {
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "API_BASE_URL": "http://127.0.0.1:8001/v1",
        "GUESTS": {
            "CLIENT_ID": SERVICE_APP_ID,
            "CLIENT_SECRET": SERVICE_APP_SECRET,
            "REFRESH_TOKEN": SERVICE_APP_REFRESH_TOKEN,
        },
    }
    STATE.reset()
    yield
    STATE.reset()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a server on a free port; what it remembers is cleared for every test."""
    with Server(Address("127.0.0.1", 0)) as running:
        yield running


@pytest.fixture
def sandbox(server: Server, settings: Settings) -> Sandbox:
    """Return a sandbox to which the settings point."""
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "API_BASE_URL": f"{server.origin}/v1"}
    return Sandbox(server.origin)


@pytest.fixture
def token_of() -> Callable[[Person], str]:
    """Return a function that gives a person's access token."""

    def make(person: Person) -> str:
        token, _ = mint("access", Grant.new(person, CLIENT_ID, "spark:all"), 3600)
        return token

    return make


@pytest.fixture
def ada(token_of: Callable[[Person], str]) -> str:
    """Return an access token of Ada's."""
    return token_of(ADA)
