"""What every template of the site can read."""

from django.conf import settings
from django.http import HttpRequest


def sandbox(request: HttpRequest) -> dict[str, str | None]:  # noqa: ARG001 - Django's signature
    """Return the address of the sandbox, or ``None`` where the site speaks to Webex."""
    return {"sandbox_url": getattr(settings, "SANDBOX_URL", None)}
