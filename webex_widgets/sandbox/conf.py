"""What the sandbox reads from the site's settings, live."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "http://127.0.0.1:8001/v1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the sandbox listens: a loopback host and a port."""

    host: str
    port: int

    @property
    def origin(self) -> str:
        """The address as browsers write an origin, such as ``http://127.0.0.1:8001``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def is_loopback(host: str | None) -> bool:
    """Whether a host name or literal address can only mean this machine."""
    if not host:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split(url: str) -> SplitResult:
    """Return the parts of an address; a malformed one has nothing but empty parts."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # What is no number raises here.
    except ValueError:
        return urlsplit("")
    return parts


def address() -> Address:
    """Return the sandbox's own address, taken from ``WEBEX_WIDGETS["API_BASE_URL"]``.

    Raises ``ImproperlyConfigured``, with a sentence for the developer, when the setting does not
    name a place where the sandbox may listen.
    """
    url = _option("API_BASE_URL")
    if not url:
        raise ImproperlyConfigured('WEBEX_WIDGETS["API_BASE_URL"] is not set.')
    parts = split(url)
    if parts.scheme != "http" or not is_loopback(parts.hostname):
        raise ImproperlyConfigured(
            f'WEBEX_WIDGETS["API_BASE_URL"] is {url!r}, not an http:// address on this machine.'
        )
    if not parts.port or parts.path.rstrip("/") != "/v1":
        raise ImproperlyConfigured(
            f'WEBEX_WIDGETS["API_BASE_URL"] is {url!r}; it needs a port and the path /v1.'
        )
    return Address(parts.hostname or "", parts.port)


def client_id() -> str:
    """Return the integration's client id, or an empty string."""
    return _option("CLIENT_ID")


def client_secret() -> str:
    """Return the integration's client secret, or an empty string."""
    return _option("CLIENT_SECRET")


def redirect_uri() -> str:
    """Return the one registered redirect URI, or an empty string when the site leaves it open."""
    return _option("REDIRECT_URI")


def guests(name: str) -> str:
    """Return what ``WEBEX_WIDGETS["GUESTS"]`` has by this name, or an empty string."""
    options: Any = getattr(settings, "WEBEX_WIDGETS", None)
    return _text(options.get("GUESTS") if isinstance(options, dict) else None, name)


def _option(name: str) -> str:
    return _text(getattr(settings, "WEBEX_WIDGETS", None), name)


def _text(options: Any, name: str) -> str:
    value = options.get(name) if isinstance(options, dict) else None
    return value if isinstance(value, str) else ""
