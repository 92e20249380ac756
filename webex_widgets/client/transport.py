"""The one way to Webex: time limits, error mapping and redaction, for OAuth and REST alike.

No exception of requests, urllib3 or oauthlib leaves this package: they carry requests, and with
these the tokens. What leaves is a ``WebexError`` whose message names no secret.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from django.views.decorators.debug import sensitive_variables
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth2Session

from .. import __version__
from ..conf import conf
from ..exceptions import ApiError, TransportError, WebexTimeout
from . import breaker

T = TypeVar("T")

MAX_BODY: Final = 32 * 1024 * 1024
MAX_RETRY_AFTER: Final = 3600.0

# At level DEBUG requests-oauthlib logs tokens, secrets and codes in full.
logging.getLogger("requests_oauthlib.oauth2_session").addFilter(
    lambda record: record.levelno > logging.DEBUG
)


class Transport:
    """One caller's kept-alive connections to Webex; a context manager.

    ``total`` is the number of seconds that all calls may take together. Give it wherever somebody
    waits for the answer: then no call outlasts it, however Webex hangs, and while Webex counts as
    down (``breaker``) every call fails at once. Without it each read of a call has
    ``REQUEST_TIMEOUT``, and whoever calls has to watch over the whole.
    """

    def __init__(self, total: float | None = None) -> None:
        self._ends = None if total is None else time.monotonic() + total
        self._answered = False
        self.base_url = _as_https(conf.API_BASE_URL)
        self.session = OAuth2Session(conf.CLIENT_ID)
        self.session.headers["User-Agent"] = f"django-webex-widgets/{__version__}"
        self.session.headers["Accept"] = "application/json"
        # A redirect would carry the request to somebody who was not asked.
        self.session.max_redirects = 0
        self.session.hooks["response"].append(self._note_answer)
        self.session.mount("https://", _Adapter())
        if self.base_url != conf.API_BASE_URL:
            self.session.trust_env = False  # no proxy on the way to this very machine
            self.session.mount(f"https://{urlsplit(self.base_url).netloc}/", _LoopbackAdapter())

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.session.close()

    def remaining(self) -> float:
        """Return the seconds that a call may take now; raise ``WebexTimeout`` at the end."""
        if self._ends is None:
            return conf.REQUEST_TIMEOUT
        remaining = min(conf.REQUEST_TIMEOUT, self._ends - time.monotonic())
        if remaining <= 0:
            raise WebexTimeout("There was no time left to ask Webex.")
        return remaining

    @sensitive_variables()
    def get(
        self, path: str, access_token: str, params: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any], requests.Response]:
        """GET a path below the base address, or a whole address; return the JSON object and all.

        Raises ``ApiError`` for a definite 4xx and ``TransportError`` for everything passing.
        """
        url = path if path.startswith("https://") else f"{self.base_url}/{path}"
        response = self.send(
            lambda timeout: self.session.request(
                "GET",
                url,
                params=params,
                headers={"Authorization": f"Bearer {access_token}"},
                timeout=timeout,
                withhold_token=True,
            )
        )
        return json_object(response), response

    def send(self, call: Callable[[float], T]) -> T:
        """Run ``call(timeout in seconds)``, which uses ``session``, within the limits.

        Raises ``WebexTimeout`` or another ``TransportError`` where no answer came.
        """
        timeout = self.remaining()
        if self._ends is None:
            return _mapped(call, timeout)
        recovering = breaker.check()
        self._answered = False
        try:
            return _within(timeout, lambda: _mapped(call, timeout))
        except WebexTimeout:
            breaker.timed_out()
            # The thread that was left behind still holds the session: nobody else may use it.
            self._ends = time.monotonic()
            raise
        finally:
            if self._answered and recovering:
                breaker.answered()

    def page(self, url: str) -> str:
        """Return the address of a further page, if it is one of the place that was asked.

        Raises ``TransportError`` for any other host: a token must not go there.
        """
        try:
            page = _as_https(urljoin(f"{self.base_url}/", url))
            same = _origin(page) == _origin(self.base_url)
        except ValueError:
            same = False
        if not same:
            raise TransportError("Webex named a further page on a host that is not its own.")
        return page

    def _note_answer(self, response: requests.Response, **_options: object) -> None:
        self._answered = True


class _Adapter(HTTPAdapter):
    """Reads bodies itself, up to a size that no answer of Webex has."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        response = super().send(request, *args, **{**options, "stream": True})
        response._content = _body(response)
        # JSON is UTF-8; without a word, requests would try one encoding after the other.
        response.encoding = "utf-8"
        return response


class _LoopbackAdapter(_Adapter):
    """Plain HTTP to this machine, for a base address that says so.

    oauthlib refuses every ``http://`` address unless an environment variable turns its check off
    for the whole process; so it is shown ``https://``, and the wire is plain.
    """

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        request.url = f"http{str(request.url).removeprefix('https')}"
        return super().send(request, *args, **options)


def download(
    url: str,
    *,
    total: float,
    stall: float,
    progress: Callable[[int, int | None], None],
) -> tuple[int, bytes]:
    """GET a public file; return the status and the body. Nothing that is sent says who asks.

    It may take ``total`` seconds, and ``stall`` of them without a byte. ``progress`` is told how
    many bytes have come over the wire, and how many it will be where that is known; a thread calls
    it. Raises ``TransportError`` where no whole answer came. A file's time-outs do not count for
    the breaker, which is about Webex's API.
    """

    def fetch(timeout: float) -> tuple[int, bytes]:
        with requests.Session() as session:
            session.headers["User-Agent"] = f"django-webex-widgets/{__version__}"
            # Otherwise requests would send what ~/.netrc holds for the host, or for every host.
            session.auth = lambda request: request
            with session.get(url, timeout=timeout, stream=True, allow_redirects=False) as response:
                length = response.headers.get("Content-Length", "")
                expected = int(length) if re.fullmatch(r"[0-9]{1,12}", length) else None
                # A compressed body has more bytes than come over the wire.
                body = _body(response, lambda: progress(response.raw.tell(), expected))
                return response.status_code, body

    return _within(total, lambda: _mapped(fetch, stall))


def _body(response: requests.Response, progress: Callable[[], None] = lambda: None) -> bytes:
    """Return a streamed answer's body, if it is not longer than any that is of use."""
    body = bytearray()
    for chunk in response.iter_content(64 * 1024):
        body += chunk
        if len(body) > MAX_BODY:
            response.close()
            raise requests.ConnectionError("The answer is too long.")
        progress()
    return bytes(body)


def json_object(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object that a successful answer holds.

    Raises ``ApiError`` for a definite 4xx, ``TransportError`` for 423, 429, 5xx and anything
    that is not an answer of the API at all.
    """
    status = response.status_code
    if status in (HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500:
        raise TransportError(
            f"Webex answered {status} (tracking id {tracking_id(response)}).",
            retry_after=_retry_after(response),
        )
    if 400 <= status < 500:
        raise ApiError(status, description(response), tracking_id(response))
    body = body_object(response)
    if body is None or not 200 <= status < 300:
        raise TransportError(
            f"Webex answered {status} without a JSON object (tracking id {tracking_id(response)})."
        )
    return body


def body_object(response: requests.Response) -> dict[str, Any] | None:
    """Return an answer's JSON object, or ``None`` where it is something else."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def description(response: requests.Response) -> str:
    """Return what an error answer says, in both of Webex's shapes; short, and without secrets."""
    body = body_object(response) or {}
    said = [body.get("error"), body.get("error_description"), body.get("message")]
    errors = body.get("errors")
    if isinstance(errors, list):
        said += [error.get("description") for error in errors if isinstance(error, dict)]
    words = " / ".join(dict.fromkeys(word for word in said if isinstance(word, str)))
    # Nothing that long without a space is prose: it may be a token that was echoed.
    words = re.sub(r"[^\s]{32,}", "[…]", words)
    return " ".join(re.sub(r"[^\x20-\x7e…]", " ", words).split())[:300] or "no description"


def tracking_id(response: requests.Response) -> str:
    """Return the id that Webex's support asks for."""
    return re.sub(r"[^\w-]+", "", response.headers.get("trackingid", ""))[:80] or "none"


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, min(seconds, MAX_RETRY_AFTER)) if seconds == seconds else None


def _mapped(call: Callable[[float], T], timeout: float) -> T:
    # The errors are raised outside of "except": a chained exception would carry the request.
    try:
        return call(timeout)
    except requests.Timeout:
        failure: TransportError = WebexTimeout(f"Webex gave no answer within {timeout:.1f} s.")
    except (requests.RequestException, OSError) as error:
        failure = TransportError(f"Webex could not be asked ({type(error).__name__}).")
    raise failure


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return what ``call`` returns; raise ``WebexTimeout`` after ``seconds``.

    A socket's time-out holds for each read, and not at all for looking up a name: a server that
    sends a byte a second, or a name server that hangs, would keep the caller for ever. The thread
    that is left behind ends with its socket.
    """
    outcome: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="webex_widgets.transport", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not outcome:
        raise WebexTimeout(f"Webex gave no complete answer within {seconds:.1f} s.")
    return outcome[0]


def _as_https(url: str) -> str:
    return f"https{url.removeprefix('http')}" if url.startswith("http://") else url


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 443}"
