"""What every template of the site can read."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001 - Django's signature
    """Return the address of the sandbox, where there is one, and whether guests are welcome."""
    return {
        "sandbox_url": getattr(settings, "SANDBOX_URL", None),
        "guests": "GUESTS" in settings.WEBEX_WIDGETS,
    }
