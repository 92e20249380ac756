"""A Webex API on a loopback port: OAuth with PKCE, ``people/me`` and the spaces.

It consents at once, keeps to what Cisco documents, and records every request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

CLIENT_ID = "browser-tests"
CLIENT_SECRET = "browser-tests-secret"
SERVICE_APP = ("browser-tests-guests", "browser-tests-guests-secret")
SERVICE_APP_REFRESH_TOKEN = "TESTREFRESHguests"

ADA = {
    "id": base64.b64encode(b"ciscospark://us/PEOPLE/ada").decode().rstrip("="),
    "emails": ["ada@example.com"],
    "displayName": "Ada Lovelace",
}


@dataclass(frozen=True)
class Space:
    """A group space and what was said in it."""

    title: str
    messages: tuple[str, ...]

    @property
    def uuid(self) -> UUID:
        """Its name inside Webex's cloud."""
        return uuid5(NAMESPACE_URL, self.title)

    @property
    def id(self) -> str:
        """Its name in the REST API."""
        return base64.b64encode(f"ciscospark://us/ROOM/{self.uuid}".encode()).decode().rstrip("=")

    def as_room(self) -> dict[str, str]:
        """Return it as the REST API shows it."""
        return {
            "id": self.id,
            "title": self.title,
            "type": "group",
            "lastActivity": "2026-11-20T10:00:00.000Z",
            "created": "2026-11-01T10:00:00.000Z",
        }


UNICORN = Space("Project Unicorn", ("The new horn is ready.", "Shall we release at three?"))
HELP_DESK = Space("Help desk", ("The printer reports a moth again.",))


@dataclass(frozen=True)
class Request:
    """What somebody asked."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True)
class Answer:
    """What they were told: an object, or somewhere else to go."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    location: str = ""


@dataclass
class WebexApi:
    """The state behind the port; tests change it as they go.

    ``faults`` maps a path below ``/v1/`` to the status that it answers with instead.
    """

    url: str
    spaces: list[Space] = field(default_factory=lambda: [UNICORN, HELP_DESK])
    faults: dict[str, int] = field(default_factory=dict)
    declines: bool = False
    requests: list[Request] = field(default_factory=list)
    access_tokens: list[str] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=lambda: [SERVICE_APP_REFRESH_TOKEN])
    guests: list[dict[str, str]] = field(default_factory=list)
    _asked: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def grant(self) -> dict[str, Any]:
        """Make out a new pair of tokens."""
        number = len(self.access_tokens) + 1
        # Cisco's SDK wants exactly three parts.
        self.access_tokens.append(f"TESTTOKEN{number}_space_abc123")
        self.refresh_tokens.append(f"TESTREFRESH{number}")
        return {
            "access_token": self.access_tokens[-1],
            "expires_in": 1209599,
            "refresh_token": self.refresh_tokens[-1],
            "refresh_token_expires_in": 7775999,
            "token_type": "Bearer",
            "scope": "spark:all spark:kms",
        }

    def end_consent(self) -> None:
        """Refuse every token that was made out so far."""
        self.access_tokens = [f"ended {token}" for token in self.access_tokens]
        self.refresh_tokens = [f"ended {token}" for token in self.refresh_tokens]

    def _guest(self, told: dict[str, str]) -> Answer:
        """Make out a guest's token."""
        self.guests.append(told)
        self.access_tokens.append(f"TESTGUEST{len(self.guests)}_space_abc123")
        return Answer(
            200,
            {
                "id": f"guest-{told['subject']}",
                **told,
                "email": f"{told['subject']}@guests.example",
                "accessToken": self.access_tokens[-1],
                "expiresIn": 64799,
            },
        )

    def answer(self, request: Request) -> Answer:
        """Record a request and answer it."""
        self.requests.append(request)
        path = request.path.removeprefix("/v1/")
        if path in self.faults:
            return _refusal(self.faults[path], "Something went wrong.")
        if (request.method, path) == ("GET", "authorize"):
            return self._authorize(request.query)
        if (request.method, path) == ("POST", "access_token"):
            return self._access_token(request)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in (
            self.access_tokens
        ):
            return _refusal(401, "The request requires a valid access token.")
        if (request.method, path) == ("POST", "guests/token"):
            return self._guest(json.loads(request.body))
        if path == "people/me":
            return Answer(200, ADA)
        if path == "rooms":
            return Answer(200, {"items": [space.as_room() for space in self.spaces]})
        for space in self.spaces:
            if path == f"rooms/{space.id}":
                return Answer(200, space.as_room())
        return _refusal(404, "Could not find a room with provided ID.")

    def _authorize(self, query: Mapping[str, str]) -> Answer:
        right = (
            query.get("client_id") == CLIENT_ID
            and query.get("response_type") == "code"
            and query.get("code_challenge_method") == "S256"
            and {"scope", "state", "redirect_uri", "code_challenge"} <= query.keys()
        )
        if not right:
            return _refusal(400, "The authorization request is not complete.")
        code = f"code-{len(self._asked) + 1}"
        back = {"error": "access_denied"} if self.declines else {"code": code}
        self._asked[code] = query
        location = f"{query['redirect_uri']}?{urlencode({**back, 'state': query['state']})}"
        return Answer(302, location=location)

    def _access_token(self, request: Request) -> Answer:
        form = request.form
        client = (form.get("client_id"), form.get("client_secret"))
        if client not in ((CLIENT_ID, CLIENT_SECRET), SERVICE_APP):
            return _refusal(401, "The client credentials are wrong.")
        if form.get("grant_type") == "refresh_token":
            known = form.get("refresh_token") in self.refresh_tokens
        else:
            asked = self._asked.pop(form.get("code", ""), {})
            known = (
                form.get("grant_type") == "authorization_code"
                and asked.get("redirect_uri") == form.get("redirect_uri")
                and asked.get("code_challenge") == _s256(form.get("code_verifier", ""))
            )
        if not known:
            return Answer(
                400,
                {
                    "error": "invalid_request",
                    "error_description": "The grant provided is expired, revoked, or invalid.",
                },
            )
        return Answer(200, self.grant())


@contextmanager
def running() -> Iterator[WebexApi]:
    """Serve an API of its own in a thread."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.api = WebexApi(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    api: WebexApi


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = self.server.api.answer(
            Request(
                self.command,
                parts.path,
                _fields(parts.query),
                _fields(body),
                dict(self.headers),
                body,
            )
        )
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        if answer.location:
            self.send_header("Location", answer.location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Be quiet."""


def _refusal(status: int, message: str) -> Answer:
    return Answer(status, {"message": message, "errors": [{"description": message}]})


def _fields(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded).items()}


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
