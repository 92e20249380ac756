"""System checks: what would go wrong later, said at the start, each with its fix.

The documentation lists them all (``docs/checks.md``); a test holds the two together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import resolve_url
from django.template.utils import get_app_template_dirs
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from . import crypto
from .conf import NAMES, conf

REQUIRED_APPS = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions")


@checks.register("webex_widgets")
def check_settings(**_options: Any) -> list[CheckMessage]:
    """Every value that cannot be used (E001), and every name that is no setting (W001)."""
    try:
        unknown = sorted(str(name) for name in set(conf.site_values) - set(NAMES))
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="webex_widgets.E001")]
    found: list[CheckMessage] = []
    for name in NAMES:
        try:
            getattr(conf, name)
            if name == "ENCRYPTION_KEYS":
                crypto.encrypt("")
        except ImproperlyConfigured as error:
            found.append(checks.Error(str(error), id="webex_widgets.E001"))
    if unknown:
        found.append(
            checks.Warning(
                f"WEBEX_WIDGETS has no setting {', '.join(unknown)}.",
                hint=f"The settings are {', '.join(NAMES)}.",
                id="webex_widgets.W001",
            )
        )
    return found


@checks.register("webex_widgets")
def check_guests(**_options: Any) -> list[CheckMessage]:
    """Templates that let guests in where the settings do not (W006)."""
    try:
        if conf.GUESTS is not None:
            return []
    except ImproperlyConfigured:
        return []  # check_settings says so
    found = sorted(str(path) for path in _templates() if _lets_guests_in(path))
    if not found:
        return []
    return [
        checks.Warning(
            "A template draws a Webex space for guests, and no guest can be made.",
            hint=f'Set WEBEX_WIDGETS["GUESTS"], or take guest=True out of {", ".join(found)}.',
            id="webex_widgets.W006",
        )
    ]


GUEST_TAG: Final = re.compile(rb"\{%\s*webex_space_widget\s((?!%\}).)*\bguest=True\b")


def _templates() -> Iterator[Path]:
    """Yield the files of this site's and its apps' template directories."""
    engines: list[dict[str, Any]] = settings.TEMPLATES
    of_the_site = [path for engine in engines for path in engine.get("DIRS", ())]
    for top in {*get_app_template_dirs("templates"), *of_the_site}:
        for directory, _, names in os.walk(top):
            yield from (Path(directory, name) for name in names)


def _lets_guests_in(path: Path) -> bool:
    try:
        return path.is_file() and GUEST_TAG.search(path.read_bytes()) is not None
    except OSError:
        return False


@checks.register("webex_widgets")
def check_site(**_options: Any) -> list[CheckMessage]:
    """Addresses (E002), apps (E003), the session cookie (W002) and the way to sign in (W003)."""
    found: list[CheckMessage] = []
    try:
        reverse("webex_widgets:frame")
    except NoReverseMatch:
        found.append(
            checks.Error(
                "The addresses of webex_widgets are not in the URLconf.",
                hint='Add path("webex/", include("webex_widgets.urls")) to your urlpatterns.',
                id="webex_widgets.E002",
            )
        )
    missing = [name for name in REQUIRED_APPS if not apps.is_installed(name)]
    if missing:
        found.append(
            checks.Error(
                f"webex_widgets needs {', '.join(missing)}.",
                hint="Add it to INSTALLED_APPS, and its middleware to MIDDLEWARE.",
                id="webex_widgets.E003",
            )
        )
    if str(settings.SESSION_COOKIE_SAMESITE).lower() == "strict":
        found.append(
            checks.Warning(
                'SESSION_COOKIE_SAMESITE = "Strict" loses the session on the way back from Webex, '
                "so that nobody can connect.",
                hint='Use "Lax", which is Django\'s default.',
                id="webex_widgets.W002",
            )
        )
    if not _leads_somewhere(settings.LOGIN_URL):
        found.append(
            checks.Warning(
                f"LOGIN_URL is {settings.LOGIN_URL!r}, and this site has no such address, so that "
                "nobody can sign in to connect.",
                hint='Set LOGIN_URL to your sign-in page, such as "admin:login".',
                id="webex_widgets.W003",
            )
        )
    return found


def _leads_somewhere(login_url: str) -> bool:
    """Whether a visitor who is sent there arrives; addresses of other sites are taken on trust."""
    try:
        url = urlsplit(resolve_url(login_url))
        return bool(url.netloc or resolve(url.path))
    except (NoReverseMatch, Resolver404):
        return False


@checks.register("webex_widgets", deploy=True)
def check_deployment(**_options: Any) -> list[CheckMessage]:
    """Keys of their own (W004), and a cache that all processes share (W005)."""
    found: list[CheckMessage] = []
    try:
        keys, cache = conf.ENCRYPTION_KEYS, settings.CACHES[conf.CACHE]["BACKEND"]
    except ImproperlyConfigured:
        return found  # check_settings says so
    if keys is None:
        found.append(
            checks.Warning(
                "Webex tokens are encrypted with a key that is derived from SECRET_KEY.",
                hint='Set WEBEX_WIDGETS["ENCRYPTION_KEYS"], so that a new SECRET_KEY does not '
                "make the stored tokens unreadable.",
                id="webex_widgets.W004",
            )
        )
    if cache.endswith((".LocMemCache", ".DummyCache")):
        found.append(
            checks.Warning(
                f'The cache "{conf.CACHE}" is not shared between processes, so each of them has '
                "to find out for itself that Webex does not answer, and counts guests for itself.",
                hint='Name a shared cache in WEBEX_WIDGETS["CACHE"]: Redis, Memcached or the '
                "database, which counts guests less exactly.",
                id="webex_widgets.W005",
            )
        )
    return found
