"""Access and refresh tokens: signed strings that describe themselves.

Nothing is stored, so a token outlives the process that gave it out. Like Webex's, a token is
``base64_CLUSTER_organisation``; the widgets refuse a token that does not split into exactly three
parts on underscores.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal

from django.core import signing
from django.http import HttpRequest

from webex_widgets.sandbox.data import ORGANISATION, SERVICE_APP, Person, person_named
from webex_widgets.sandbox.errors import unauthorised
from webex_widgets.sandbox.state import STATE

Kind = Literal["access", "refresh"]

# What Webex gives an integration: 14 days and 90 days, each less a second.
ACCESS_LIFETIME = 1209599
REFRESH_LIFETIME = 7775999
# What Webex gives a guest: by a service app, and by a guest issuer.
GUEST_LIFETIME = 64799
ISSUED_GUEST_LIFETIME = 21599
# A token for a developer's own scripts, as Webex's developer site hands them out.
PERSONAL_LIFETIME = 12 * 60 * 60

_SALT = "webex_widgets.sandbox.tokens"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed an integration, once; every token belongs to a grant."""

    person: Person
    client_id: str
    scope: str
    id: str

    @classmethod
    def new(cls, person: Person, client_id: str, scope: str) -> Grant:
        """Return a grant of its own."""
        return cls(person, client_id, scope, secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class Token:
    """What a token string says."""

    grant: Grant
    issued: float
    expires: float


def mint(kind: Kind, grant: Grant, lifetime: int) -> tuple[str, Token]:
    """Return a new token string for a grant, and what it says."""
    issued = time.time()
    token = Token(grant, issued, issued + lifetime)
    signed = signing.Signer(salt=_SALT).sign_object(
        {
            "kind": kind,
            "person": grant.person.email,
            # Of guests there is no list: their tokens say all that is known of them.
            **({"guest": grant.person.name} if grant.person.guest else {}),
            "client": grant.client_id,
            "scope": grant.scope,
            "grant": grant.id,
            "issued": token.issued,
            "expires": token.expires,
            "once": secrets.token_hex(4),
        }
    )
    body = base64.b64encode(signed.encode()).decode().rstrip("=")
    return f"{body}_SANDBOX_{ORGANISATION}", token


def read(kind: Kind, text: str) -> Token | None:
    """Return what a token of this kind says, or ``None`` for a revoked, invented or garbled one.

    Expiry is left to the caller: a refresh token's is put off by every use.
    """
    body, _, _ = text.partition("_")
    try:
        signed = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode()
        said = signing.Signer(salt=_SALT).unsign_object(signed)
    except (binascii.Error, UnicodeDecodeError, ValueError, signing.BadSignature):
        return None
    person = _person(said)
    if said["kind"] != kind or person is None or STATE.is_revoked(person, said["issued"]):
        return None
    grant = Grant(person, said["client"], said["scope"], said["grant"])
    return Token(grant, said["issued"], said["expires"])


def _person(said: dict[str, Any]) -> Person | None:
    email = said["person"]
    if "guest" in said:
        return Person(email, said["guest"], guest=True)
    return SERVICE_APP if email == SERVICE_APP.email else person_named(email)


def bearer(request: HttpRequest) -> Person:
    """Return the person whose access token a request carries; raise the 401 error otherwise."""
    return bearer_grant(request).person


def bearer_grant(request: HttpRequest) -> Grant:
    """Return the grant whose access token a request carries; raise the 401 error otherwise."""
    token = read("access", bearer_text(request))
    if token is None or token.expires <= time.time():
        raise unauthorised()
    return token.grant


def bearer_text(request: HttpRequest) -> str:
    """Return what a request carries as a bearer token, or an empty string."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
