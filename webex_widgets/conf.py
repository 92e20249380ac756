"""The settings: one typed property each, read when it is asked for.

This module is the only reader of ``settings.WEBEX_WIDGETS``. Because nothing is kept, Django's
``override_settings`` simply works. Every property raises ``ImproperlyConfigured`` with the
setting's name and the fix when its value cannot be used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class WidgetAssets:
    """Where one of Cisco's bundles comes from.

    ``script`` and ``stylesheet`` are absolute URLs or static files' paths; the ``integrity``
    values are ``sha256|384|512-…`` or ``None``.
    """

    script: str
    stylesheet: str
    script_integrity: str | None
    stylesheet_integrity: str | None


SPACE_WIDGET: Final = {
    "SCRIPT": "https://code.s4d.io/widget-space/production/bundle.js",
    "STYLESHEET": "https://code.s4d.io/widget-space/production/main.css",
    "SCRIPT_INTEGRITY": None,
    "STYLESHEET_INTEGRITY": None,
}


def improperly(name: str, problem: str) -> ImproperlyConfigured:
    """Return the error that names the setting, what is wrong with it, and so the fix."""
    return ImproperlyConfigured(f'WEBEX_WIDGETS["{name}"] {problem}')


class Settings:
    """``settings.WEBEX_WIDGETS`` with its defaults, checked."""

    @property
    def site_values(self) -> Mapping[str, Any]:
        """The dictionary as the site wrote it; empty where there is none."""
        values = getattr(settings, "WEBEX_WIDGETS", {})
        if not isinstance(values, Mapping):
            raise ImproperlyConfigured("WEBEX_WIDGETS must be a dictionary.")
        return values

    @property
    def CLIENT_ID(self) -> str:  # noqa: N802 - settings are written in capitals
        """The integration's client id, from developer.webex.com."""
        return self._required("CLIENT_ID")

    @property
    def CLIENT_SECRET(self) -> str:  # noqa: N802
        """The integration's client secret."""
        return self._required("CLIENT_SECRET")

    @property
    def REDIRECT_URI(self) -> str | None:  # noqa: N802
        """The redirect URI as registered with Webex; ``None``: taken from the request."""
        value = self.site_values.get("REDIRECT_URI")
        if value is None:
            return None
        if not isinstance(value, str) or urlsplit(value).scheme not in ("http", "https"):
            raise improperly(
                "REDIRECT_URI",
                "must be the absolute address that is registered with Webex, such as "
                '"https://example.com/webex/callback/", or None.',
            )
        return value

    @property
    def SCOPES(self) -> list[str]:  # noqa: N802
        """The scopes to ask for."""
        value = self.site_values.get("SCOPES", ["spark:all", "spark:kms"])
        if (
            not isinstance(value, list | tuple)
            or not value
            or not all(isinstance(scope, str) and scope and " " not in scope for scope in value)
        ):
            raise improperly(
                "SCOPES", 'must be a list of scopes, such as ["spark:all", "spark:kms"].'
            )
        return list(value)

    @property
    def API_BASE_URL(self) -> str:  # noqa: N802
        """Webex's REST and OAuth base address, without a slash at its end."""
        default = "https://api-usgov.webex.com/v1" if self.FEDRAMP else "https://webexapis.com/v1"
        value = self.site_values.get("API_BASE_URL", default)
        problem = (
            "must be an absolute https:// address, such as "
            '"https://webexapis.com/v1" (http:// only for a loopback address).'
        )
        if not isinstance(value, str):
            raise improperly("API_BASE_URL", problem)
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise improperly("API_BASE_URL", problem) from None
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
        )
        if not secure or not parts.hostname or "@" in parts.netloc or parts.query + parts.fragment:
            raise improperly("API_BASE_URL", problem)
        return value.rstrip("/")

    @property
    def REQUEST_TIMEOUT(self) -> float:  # noqa: N802
        """Seconds for one call to Webex, and for all calls of one page's request together."""
        return self._seconds("REQUEST_TIMEOUT", 10)

    @property
    def ENCRYPTION_KEYS(self) -> list[str] | None:  # noqa: N802
        """Fernet keys, of which the first encrypts and all decrypt; ``None``: from SECRET_KEY."""
        value = self.site_values.get("ENCRYPTION_KEYS")
        if value is None:
            return None
        if (
            not isinstance(value, list | tuple)
            or not value
            or not all(isinstance(key, str) and key for key in value)
        ):
            raise improperly("ENCRYPTION_KEYS", "must be a list of Fernet keys, or None.")
        return list(value)

    @property
    def REFRESH_BEFORE(self) -> timedelta:  # noqa: N802
        """How long before its end an access token is due for a refresh."""
        value = self.site_values.get("REFRESH_BEFORE", timedelta(days=3))
        if not isinstance(value, timedelta) or value <= timedelta():
            raise improperly(
                "REFRESH_BEFORE", "must be a positive timedelta, such as timedelta(days=3)."
            )
        return value

    @property
    def CACHE(self) -> str:  # noqa: N802
        """The alias of the cache for rooms' ids and for whether Webex answers; never for tokens."""
        value = self.site_values.get("CACHE", "default")
        if value not in settings.CACHES:
            raise improperly("CACHE", f"names {value!r}, which is not in CACHES.")
        return str(value)

    @property
    def ROOM_CACHE_TIMEOUT(self) -> float:  # noqa: N802
        """Seconds for which a room's id is remembered per user."""
        return self._seconds("ROOM_CACHE_TIMEOUT", 3600)

    @property
    def SPACE_WIDGET(self) -> WidgetAssets:  # noqa: N802
        """Where Cisco's Space widget comes from."""
        given = self.site_values.get("SPACE_WIDGET", {})
        if not isinstance(given, Mapping) or not set(given) <= set(SPACE_WIDGET):
            raise improperly(
                "SPACE_WIDGET", f"must be a dictionary with keys out of {', '.join(SPACE_WIDGET)}."
            )
        values: dict[str, Any] = {**SPACE_WIDGET, **given}
        script, stylesheet = values["SCRIPT"], values["STYLESHEET"]
        for name, value in (("SCRIPT", script), ("STYLESHEET", stylesheet)):
            # It ends up in a Content-Security-Policy, where these would begin something else.
            if not isinstance(value, str) or not re.fullmatch(r"[^\s;,'\"]+", value):
                raise improperly(
                    "SPACE_WIDGET", f"needs an absolute URL or a static file's path as {name}."
                )
        for name in ("SCRIPT_INTEGRITY", "STYLESHEET_INTEGRITY"):
            value = values[name]
            if value is not None and not re.match(r"sha(256|384|512)-", str(value)):
                raise improperly("SPACE_WIDGET", f'needs "sha384-…" or None as {name}.')
        return WidgetAssets(
            script=script,
            stylesheet=stylesheet,
            script_integrity=values["SCRIPT_INTEGRITY"],
            stylesheet_integrity=values["STYLESHEET_INTEGRITY"],
        )

    @property
    def FEDRAMP(self) -> bool:  # noqa: N802
        """Whether the site's Webex is the government cloud."""
        return self._flag("FEDRAMP")

    @property
    def REVOKE_ON_DISCONNECT(self) -> bool:  # noqa: N802
        """Whether disconnecting also asks Webex to revoke the token (best effort)."""
        return self._flag("REVOKE_ON_DISCONNECT")

    def _required(self, name: str) -> str:
        value = self.site_values.get(name)
        if not isinstance(value, str) or not value.strip():
            raise improperly(
                name,
                "is missing: take it from your integration's page at "
                "https://developer.webex.com/my-apps.",
            )
        return value

    def _seconds(self, name: str, default: float) -> float:
        value = self.site_values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise improperly(name, "must be a positive number of seconds.")
        return value

    def _flag(self, name: str) -> bool:
        value = self.site_values.get(name, False)
        if not isinstance(value, bool):
            raise improperly(name, "must be True or False.")
        return value


conf = Settings()

NAMES: Final = tuple(name for name in vars(Settings) if name.isupper())
