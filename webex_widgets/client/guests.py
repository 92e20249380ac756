"""Guests: tokens for people without a Webex account.

A ``subject`` names a guest to Webex and consists of letters, digits and hyphens. A call is made
once: whoever gets no answer does not know whether Webex has made a guest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from ..exceptions import ApiError, InvalidClient, TransportError
from .transport import Transport, json_object, tracking_id
from .types import GuestGrant

LOGIN_TERM: Final = timedelta(hours=1)
"""How long the text that logs a guest in is good for. It is used at once, by clocks that differ."""


@sensitive_variables()
def service_app_guest(
    transport: Transport, access_token: str, subject: str, display_name: str
) -> GuestGrant:
    """Return a guest's token, asked for with the service app's.

    Raises ``ApiError`` where Webex refuses, ``TransportError`` where no usable answer came.
    """
    names = {"subject": subject, "displayName": display_name}
    return _granted(transport, "guests/token", access_token, "accessToken", json=names)


@sensitive_variables()
def issuer_guest(
    transport: Transport, issuer_id: str, key: bytes, subject: str, display_name: str
) -> GuestGrant:
    """Return a guest's token, asked for with a text that the guest issuer's key signs.

    Raises ``InvalidClient`` where Webex does not accept the signature, and what
    ``service_app_guest`` raises.
    """
    import jwt  # an extra: conf sees to it that it is there

    ends = datetime.now(UTC) + LOGIN_TERM
    claims = {
        "sub": subject,
        "name": display_name,
        "iss": issuer_id,
        "exp": int(ends.timestamp()),
    }
    signed = jwt.encode(claims, key, algorithm="HS256")
    try:
        return _granted(transport, "jwt/login", signed, "token")
    except ApiError as error:
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise
        refusal = str(error)
    raise InvalidClient(f'{refusal}. Check WEBEX_WIDGETS["GUESTS"].')


@sensitive_variables()
def _granted(transport: Transport, path: str, bearer: str, name: str, **content: Any) -> GuestGrant:
    """POST, and return the token that the answer holds as ``name``."""
    asked_at = datetime.now(UTC)
    response = transport.send(
        lambda timeout: transport.session.request(
            "POST",
            f"{transport.base_url}/{path}",
            headers={"Authorization": f"Bearer {bearer}"},
            timeout=timeout,
            withhold_token=True,
            **content,
        )
    )
    grant = GuestGrant.from_answer(json_object(response), name, asked_at)
    if grant is None:
        raise TransportError(
            f"Webex's answer about a guest holds no token (tracking id {tracking_id(response)})."
        )
    return grant
