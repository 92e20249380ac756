"""What can go wrong, sorted by what the caller should do about it.

No message here carries a token, a code, a secret or the body of an answer. A wrong setting is
Django's ``ImproperlyConfigured`` and stands outside this tree, so that no page swallows it.
"""

from __future__ import annotations

from django.core.exceptions import SuspiciousOperation


class WebexError(Exception):
    """The base of everything that a page survives."""


class TransportError(WebexError):
    """Webex could not be asked, or gave no usable answer: keep the token and try later.

    ``retry_after`` is the number of seconds that Webex asked to wait, or ``None``.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WebexTimeout(TransportError):
    """Webex gave no complete answer within the time that was left."""


class ApiError(WebexError):
    """Webex refused a call for good (4xx): ``status``, its ``description``, its ``tracking_id``."""

    def __init__(self, status: int, description: str, tracking_id: str) -> None:
        super().__init__(f"Webex answered {status}: {description} (tracking id {tracking_id})")
        self.status = status
        self.description = description
        self.tracking_id = tracking_id


class OAuthError(WebexError):
    """The token endpoint said no."""


class InvalidGrant(OAuthError):
    """Webex refused this very code or refresh token: it is dead."""


class InvalidClient(OAuthError):
    """Webex refused the site's own credentials: nobody's token is to blame."""


class NotConnected(WebexError):
    """This user has never connected to Webex, or has disconnected."""


class ReauthorizationRequired(WebexError):
    """This user's consent has ended: only connecting again helps."""


class RoomNotFound(WebexError):
    """The user is in no space of that name or id."""


class GuestsNotSetUp(WebexError):
    """The setting ``GUESTS`` is ``None``."""


class GuestNameRequired(WebexError):
    """Nobody has told what to call this guest: ask the visitor."""


class TooManyGuests(WebexError):
    """This session or address has made as many guests as it may; ``retry_after`` in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DecryptionError(WebexError):
    """No key in ``ENCRYPTION_KEYS`` fits a stored token."""


class StateError(SuspiciousOperation):
    """A callback that this session did not ask for: forged, replayed or stale."""
