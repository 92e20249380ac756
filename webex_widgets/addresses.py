"""This app's own addresses, and which page of the site to come back to."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.http import url_has_allowed_host_and_scheme


def url(name: str, **query: str) -> str:
    """Return the address of one of this app's views, with a query string.

    Raises ``ImproperlyConfigured`` where the site's URLconf does not include them.
    """
    try:
        path = reverse(f"webex_widgets:{name}")
    except NoReverseMatch:
        raise ImproperlyConfigured(
            "webex_widgets has no addresses: add "
            'path("webex/", include("webex_widgets.urls")) to your URLconf.'
        ) from None
    return f"{path}?{urlencode(query)}" if query else path


def next_page(request: HttpRequest) -> str:
    """Return the request's ``next``, if it is a page of this site; else the site's first page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else home()


def home() -> str:
    """Return the site's first page."""
    return get_script_prefix()
