"""A token endpoint on a real port that rotates refresh tokens and takes its time.

Every refresh token works once: the second use is answered as Webex answers for a dead one. A token
names its owner and its generation, so that a test can tell whose result landed where.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from .conftest import DEAD, UNAUTHORIZED, room

ROOM = "Support"
"""The title of the one space that everybody is in."""


class Provider(ThreadingHTTPServer):
    """Grants ``A-<owner>-<n+1>`` and ``R-<owner>-<n+1>`` for the refresh token ``R-<owner>-<n>``.

    ``latency`` is in seconds. ``calls`` counts the requests of each owner; ``granted`` the
    generation that each owner has come to; ``refused`` the refresh tokens that were used twice;
    ``sent`` when each owner's last answer had left. ``refusals`` holds statuses that the next
    requests are answered with instead (nothing is granted then, and 0 cuts the connection), and
    ``before_body`` what to wait for between an owner's head and body. ``changed`` tells of requests
    and of connections that end.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, latency: float = 0.0, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.latency = latency
        self.changed = threading.Condition()
        self.calls: Counter[str] = Counter()
        self.granted: dict[str, int] = {}
        self.refused: list[str] = []
        self.sent: dict[str, float] = {}
        self.refusals: list[int] = []
        self.connections = 0
        self.before_body: dict[str, Callable[[], object]] = {}
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"

    def grant(self, refresh_token: str) -> tuple[int, dict[str, Any]]:
        """Answer a refresh."""
        _, owner, generation = refresh_token.split("-")
        with self.changed:
            self.calls[owner] += 1
            self.changed.notify_all()
            if self.refusals:
                return self.refusals.pop(0), {}
            if int(generation) != self.granted.setdefault(owner, int(generation)):
                self.refused.append(refresh_token)
                return 400, dict(DEAD)
            self.granted[owner] += 1
        later = int(generation) + 1
        return 200, {
            "access_token": f"A-{owner}-{later}",
            "expires_in": 1209599,
            "refresh_token": f"R-{owner}-{later}",
            "refresh_token_expires_in": 7775999,
        }

    def rooms(self, access_token: str) -> tuple[int, dict[str, Any]]:
        """List the one space, for the newest access token of its owner alone."""
        _, owner, generation = access_token.split("-")
        if int(generation) != self.granted.get(owner):
            return 401, dict(UNAUTHORIZED)
        return 200, {"items": [room(ROOM)]}

    def wait_for_calls(self, number: int) -> None:
        """Return once there have been so many requests for tokens."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.calls.total() >= number, 60):
                raise TimeoutError(f"Only {self.calls.total()} of {number} requests came.")

    def wait_until_idle(self) -> None:
        """Return once every connection has ended, and so every request is answered."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.connections == 0, 60):
                raise TimeoutError(f"{self.connections} connections do not end.")

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection."""
        with self.changed:
            self.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Count a connection that has ended."""
        super().shutdown_request(request)
        with self.changed:
            self.connections -= 1
            self.changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that are gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: Provider
    protocol_version = "HTTP/1.1"
    # Without this, small answers wait for the other side's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length).decode()
        if len(body) < length:  # whoever asked is gone
            self.close_connection = True
            return
        (refresh_token,) = parse_qs(body)["refresh_token"]
        owner = refresh_token.split("-")[1]
        status, answer = self.server.grant(refresh_token)
        time.sleep(self.server.latency)
        if status == 0:
            self.close_connection = True
            return
        self._answer(status, answer, self.server.before_body.get(owner))
        self.server.sent[owner] = time.monotonic()

    def do_GET(self) -> None:
        status, answer = self.server.rooms(self.headers["Authorization"].removeprefix("Bearer "))
        self._answer(status, answer)

    def _answer(
        self, status: int, answer: dict[str, Any], before_body: Callable[[], object] | None = None
    ) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if before_body:
            self.wfile.flush()
            before_body()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def running(latency: float = 0.0) -> Iterator[Provider]:
    """Yield a provider that serves."""
    with Provider(latency) as provider:
        thread = threading.Thread(target=provider.serve_forever, args=[0.05], daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
