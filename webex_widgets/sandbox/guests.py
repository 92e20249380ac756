"""People without an account: tokens by a service app, and by the older guest issuer.

The service app and the issuer are those in ``WEBEX_WIDGETS["GUESTS"]``, as the integration is the
one in ``WEBEX_WIDGETS``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare

from webex_widgets.sandbox import conf
from webex_widgets.sandbox.data import SERVICE_APP, Person, guest
from webex_widgets.sandbox.errors import ApiError, not_allowed, unauthorised
from webex_widgets.sandbox.rest import text_of
from webex_widgets.sandbox.tokens import (
    GUEST_LIFETIME,
    ISSUED_GUEST_LIFETIME,
    Grant,
    bearer_grant,
    bearer_text,
    mint,
)

SUBJECT = re.compile(r"[A-Za-z0-9-]+")


def token(request: HttpRequest) -> HttpResponse:
    """Make a guest of ``{"subject": …, "displayName": …}``, with the service app's token."""
    if request.method != "POST":
        raise not_allowed()
    asking, client_id = bearer_grant(request), conf.guests("CLIENT_ID")
    if (asking.person, asking.client_id) != (SERVICE_APP, client_id):
        raise unauthorised()
    subject, name = text_of(request, "subject"), text_of(request, "displayName")
    if not SUBJECT.fullmatch(subject):
        raise ApiError(400, "The value of subject must be letters, digits and hyphens.")
    person = guest(client_id, subject, name)
    return JsonResponse(
        {
            "id": person.id,
            "subject": subject,
            "displayName": name,
            "email": person.email,
            "accessToken": _access_token(person, client_id, GUEST_LIFETIME),
            "expiresIn": GUEST_LIFETIME,
        }
    )


def login(request: HttpRequest) -> HttpResponse:
    """Make a guest of a JSON Web Token that the guest issuer has signed, sent as the bearer."""
    if request.method != "POST":
        raise not_allowed()
    issuer = conf.guests("ISSUER_ID")
    claims = _claims(bearer_text(request), conf.guests("ISSUER_SECRET"))
    subject, name = claims.get("sub"), claims.get("name")
    if (
        not issuer
        or claims.get("iss") != issuer
        or not isinstance(subject, str)
        or not SUBJECT.fullmatch(subject)
        or not isinstance(name, str)
    ):
        raise unauthorised()
    access = _access_token(guest(issuer, subject, name), issuer, ISSUED_GUEST_LIFETIME)
    return JsonResponse({"token": access, "expiresIn": ISSUED_GUEST_LIFETIME})


def _access_token(person: Person, client_id: str, lifetime: int) -> str:
    return mint("access", Grant.new(person, client_id, "spark:all spark:kms"), lifetime)[0]


def _claims(text: str, secret: str) -> dict[str, Any]:
    """Return what a signed text claims; nothing where the signature or the time is not right.

    The key is the secret, decoded; the algorithm is HS256 whatever the text says.
    """
    try:
        head, body, signature = text.split(".")
        key = base64.b64decode(secret, validate=True)
        digest = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
        expected = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        ends = float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return {}
    genuine = bool(secret) and constant_time_compare(signature, expected)
    return claims if genuine and ends > time.time() else {}
