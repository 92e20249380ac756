"""The settings: one typed property each, read when it is asked for.

This module is the only reader of ``settings.WEBEX_WIDGETS``. Because nothing is kept, Django's
``override_settings`` simply works. Every property raises ``ImproperlyConfigured`` with the
setting's name and the fix when its value cannot be used.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django.http import HttpRequest

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


CDN: Final = "https://code.s4d.io"
"""Where Cisco publishes the widgets."""


@dataclass(frozen=True)
class Client:
    """An OAuth client of this site, and the settings that it comes from."""

    id: str
    secret: str = field(repr=False)
    settings: str


@dataclass(frozen=True)
class ServiceApp:
    """The Service App that makes guests."""

    id: str
    secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class GuestIssuer:
    """The Guest Issuer that makes guests; ``key`` is its secret, decoded."""

    id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Guests:
    """Who makes guests, what they are called, and how many an hour.

    ``display_name`` supplies the name of the visitor whose request it is given; ``None``, of it or
    from it, stands for asking the visitor.
    """

    issuer: ServiceApp | GuestIssuer
    display_name: Callable[[HttpRequest], str | None] | None
    per_session: int
    per_address: int


SERVICE_APP: Final = ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")
GUEST_ISSUER: Final = ("ISSUER_ID", "ISSUER_SECRET")


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
        return self._assets("SPACE_WIDGET", "widget-space")

    @property
    def RECENTS_WIDGET(self) -> WidgetAssets:  # noqa: N802
        """Where Cisco's Recents widget comes from."""
        return self._assets("RECENTS_WIDGET", "widget-recents")

    @property
    def FEDRAMP(self) -> bool:  # noqa: N802
        """Whether the site's Webex is the government cloud."""
        return self._flag("FEDRAMP")

    @property
    def REVOKE_ON_DISCONNECT(self) -> bool:  # noqa: N802
        """Whether disconnecting also asks Webex to revoke the token (best effort)."""
        return self._flag("REVOKE_ON_DISCONNECT")

    @property
    def GUESTS(self) -> Guests | None:  # noqa: N802
        """How visitors without a Webex account become guests; ``None``: they do not."""
        value = self.site_values.get("GUESTS")
        if value is None:
            return None
        kind = self._guests_kind(value)
        for name in kind:
            if not isinstance(value.get(name), str) or not value[name].strip():
                raise improperly(
                    "GUESTS", f"needs {name}, from https://developer.webex.com/my-apps."
                )
        if self.FEDRAMP:
            raise improperly(
                "GUESTS", "must be None with FEDRAMP: there are no guests in the government cloud."
            )
        issuer: ServiceApp | GuestIssuer
        if kind == GUEST_ISSUER:
            issuer = GuestIssuer(value["ISSUER_ID"], _decoded(value["ISSUER_SECRET"]))
        else:
            issuer = ServiceApp(*(value[name] for name in SERVICE_APP))
            if issuer.id == self.site_values.get("CLIENT_ID"):
                raise improperly(
                    "GUESTS", "has the integration's CLIENT_ID: a Service App has one of its own."
                )
        limits = {"PER_SESSION": 10, "PER_ADDRESS": 100}
        for name, default in limits.items():
            limits[name] = value.get(name, default)
            if type(limits[name]) is not int or limits[name] < 1:
                raise improperly("GUESTS", f"needs a positive whole number as {name}.")
        display_name = _imported(value.get("DISPLAY_NAME"))
        return Guests(issuer, display_name, limits["PER_SESSION"], limits["PER_ADDRESS"])

    def _guests_kind(self, value: object) -> tuple[str, ...]:
        """Return the names that this value of GUESTS must have."""
        if isinstance(value, Mapping):
            optional = {"DISPLAY_NAME", "PER_SESSION", "PER_ADDRESS"}
            for kind in (SERVICE_APP, GUEST_ISSUER):
                if set(value) & set(kind) and set(value) <= {*kind, *optional}:
                    return kind
        raise improperly(
            "GUESTS",
            f"must be None or a dictionary with either {', '.join(SERVICE_APP)} (a Service App) or "
            f"{', '.join(GUEST_ISSUER)} (a Guest Issuer), and where wanted DISPLAY_NAME, "
            "PER_SESSION and PER_ADDRESS.",
        )

    @property
    def integration(self) -> Client:
        """The OAuth client that users connect to."""
        names = 'WEBEX_WIDGETS["CLIENT_ID"] and WEBEX_WIDGETS["CLIENT_SECRET"]'
        return Client(self.CLIENT_ID, self.CLIENT_SECRET, names)

    @property
    def service_app(self) -> ServiceApp | None:
        """The Service App that makes guests, if it is one that does."""
        guests = self.GUESTS
        return guests.issuer if guests and isinstance(guests.issuer, ServiceApp) else None

    def client(self, client_id: str) -> Client | None:
        """Return this site's OAuth client of that id: the integration, the Service App or none."""
        if client_id == self.CLIENT_ID:
            return self.integration
        app = self.service_app
        if app is None or client_id != app.id:
            return None
        return Client(client_id, app.secret, 'WEBEX_WIDGETS["GUESTS"]')

    def _required(self, name: str) -> str:
        value = self.site_values.get(name)
        if not isinstance(value, str) or not value.strip():
            raise improperly(
                name,
                "is missing: take it from your integration's page at "
                "https://developer.webex.com/my-apps.",
            )
        return value

    def _assets(self, setting: str, widget: str) -> WidgetAssets:
        values: dict[str, Any] = {
            "SCRIPT": f"{CDN}/{widget}/production/bundle.js",
            "STYLESHEET": f"{CDN}/{widget}/production/main.css",
            "SCRIPT_INTEGRITY": None,
            "STYLESHEET_INTEGRITY": None,
        }
        given = self.site_values.get(setting, {})
        if not isinstance(given, Mapping) or not set(given) <= set(values):
            raise improperly(setting, f"must be a dictionary with keys out of {', '.join(values)}.")
        values |= given
        for name in ("SCRIPT", "STYLESHEET"):
            # It ends up in a Content-Security-Policy, where these would begin something else.
            if not isinstance(values[name], str) or not re.fullmatch(r"[^\s;,'\"]+", values[name]):
                raise improperly(
                    setting, f"needs an absolute URL or a static file's path as {name}."
                )
        for name in ("SCRIPT_INTEGRITY", "STYLESHEET_INTEGRITY"):
            if values[name] is not None and not re.match(r"sha(256|384|512)-", str(values[name])):
                raise improperly(setting, f'needs "sha384-…" or None as {name}.')
        return WidgetAssets(**{name.lower(): value for name, value in values.items()})

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


def _decoded(secret: str) -> bytes:
    """Return a Guest Issuer's secret as a key."""
    if find_spec("jwt") is None:
        raise improperly(
            "GUESTS",
            "names a Guest Issuer, which needs PyJWT: "
            'pip install "django-webex-widgets[guest-issuer]".',
        )
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise improperly("GUESTS", "needs ISSUER_SECRET as Webex shows it: it is not base64.")


def _imported(function: object) -> Callable[[HttpRequest], str | None] | None:
    """Return the function that DISPLAY_NAME is or names."""
    if isinstance(function, str):
        try:
            function = import_string(function)
        except ImportError as error:
            raise improperly(
                "GUESTS", f"has a DISPLAY_NAME that cannot be imported: {error}"
            ) from None
    if function is not None and not callable(function):
        raise improperly(
            "GUESTS", "needs a function of the request, or its dotted path, as DISPLAY_NAME."
        )
    return function


conf = Settings()

NAMES: Final = tuple(name for name in vars(Settings) if name.isupper())
