"""One token's life: store a grant, hand out a valid access token, refresh, disconnect.

Nobody refreshes a token that somebody else is refreshing: the row is claimed first, for a while
that ends by itself. And nobody's result lands on a newer grant: every write names the version of
the row that it was made for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from . import signals
from .client import oauth
from .client.transport import Transport
from .client.types import Person, TokenGrant
from .conf import conf
from .exceptions import (
    ApiError,
    DecryptionError,
    GuestsNotSetUp,
    InvalidClient,
    InvalidGrant,
    NotConnected,
    ReauthorizationRequired,
    TransportError,
    WebexError,
)
from .models import WebexToken

logger = logging.getLogger("webex_widgets")

T = TypeVar("T")

VALID_FOR: Final = 60
"""Seconds for which a token that is handed out is valid at least."""

CLAIM: Final = timedelta(seconds=60)
"""How long a claim holds: well over ``REQUEST_TIMEOUT``, well under any token's life."""

SERVICE_APP_ENDED: Final = (
    "Webex refuses the service app's refresh token, so that nobody can become a guest: get a new "
    'one at https://developer.webex.com and put it into WEBEX_WIDGETS["GUESTS"]["REFRESH_TOKEN"].'
)
"""What to do about the one token that nobody can connect anew."""

POLL: Final = 0.1
"""Seconds between two looks at a row that somebody else is refreshing."""


@sensitive_variables()
def store(user_id: Any, grant: TokenGrant, person: Person | None) -> WebexToken:
    """Keep what connecting granted to the user of this primary key, over whatever there was.

    ``person`` is ``None`` where Webex would not say who connected. An existing refresh token
    outlives a grant that brings none, unless it is known to be another person's.
    """
    now = timezone.now()
    with transaction.atomic():
        token, _ = WebexToken.objects.select_for_update().get_or_create(
            user_id=user_id, defaults={"version": 0, "refreshed_at": now}
        )
        same_person = person is None or token.person_id in ("", person.id)
        if grant.refresh_token is not None or not same_person:
            token.refresh_token = grant.refresh_token or ""
            token.refresh_token_expires_at = grant.refresh_token_expires_at
        token.access_token = grant.access_token
        token.access_token_expires_at = grant.access_token_expires_at
        token.scopes = grant.scopes or ""
        token.person_id = person.id if person else ""
        token.email = person.email if person else ""
        token.status = WebexToken.Status.ACTIVE
        token.client_id = conf.CLIENT_ID
        token.refreshed_at = now
        token.version += 1
        token.claimed_until = None
        token.save()
        _send_on_commit(signals.webex_connected, user=token.user, token=token)
    return token


@sensitive_variables()
def get_access_token(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return ``user``'s access token, valid for at least a minute; refreshed first when due.

    Takes ``REQUEST_TIMEOUT`` seconds at most. Call it outside of transactions: it may wait for
    Webex. Raises ``NotConnected``, ``ReauthorizationRequired`` or ``TransportError``.
    """
    with Transport(total=conf.REQUEST_TIMEOUT) as transport:
        return valid_access_token(transport, get_token(user))


def find_token(user: AbstractBaseUser | AnonymousUser) -> WebexToken | None:
    """Return ``user``'s row, whatever its status, or ``None``."""
    return None if user.pk is None else WebexToken.objects.filter(user_id=user.pk).first()


def get_token(user: AbstractBaseUser | AnonymousUser) -> WebexToken:
    """Return ``user``'s row. Raises ``NotConnected`` or ``ReauthorizationRequired``."""
    token = find_token(user)
    if token is None:
        raise NotConnected("This user has not connected to Webex.")
    _hold_active(token)
    return token


@sensitive_variables()
def get_service_app_token() -> WebexToken:
    """Return the service app's own row.

    Raises ``GuestsNotSetUp`` or ``ReauthorizationRequired``.
    """
    token = prepare_service_app_token()
    if token is None:
        raise GuestsNotSetUp('WEBEX_WIDGETS["GUESTS"] names no service app.')
    _hold_active(token)
    return token


@sensitive_variables()
def prepare_service_app_token() -> WebexToken | None:
    """Return the service app's own row, whatever its status; ``None``: the site has no such app.

    The first time it is made of the setting's refresh token, which otherwise matters only once
    Webex has refused the row's: if it is another one, the row lives again with it, and the next
    refresh shows what it is worth.
    """
    app = conf.service_app
    if app is None:
        return None
    now = timezone.now()
    # An access token that has just ended: due, and never handed out.
    start: dict[str, Any] = {
        "access_token": "",
        "access_token_expires_at": now,
        "refresh_token": app.refresh_token,
        "refresh_token_expires_at": None,
        "refreshed_at": now,
    }
    token, _ = WebexToken.objects.get_or_create(
        service_app=app.id, defaults={**start, "client_id": app.id}
    )
    if token.status == WebexToken.Status.ACTIVE or _holds(token, app.refresh_token):
        return token
    changes = {**start, "status": WebexToken.Status.ACTIVE, "version": token.version + 1}
    WebexToken.objects.settle(token.pk, token.version, changes)
    # By this process or by another, which may even have been told of a third refresh token.
    return prepare_service_app_token()


def _holds(token: WebexToken, refresh_token: str) -> bool:
    try:
        return token.refresh_token == refresh_token
    except DecryptionError:
        return False


def _hold_active(token: WebexToken) -> None:
    """Raise ``ReauthorizationRequired`` where the consent has ended."""
    if token.status != WebexToken.Status.ACTIVE:
        raise ReauthorizationRequired(
            SERVICE_APP_ENDED if token.service_app else "This user must connect to Webex again."
        )


@sensitive_variables()
def call(transport: Transport, token: WebexToken, request: Callable[[str], T]) -> T:
    """Return ``request(access token)``; refreshed once where Webex refuses the access token.

    Raises what ``get_access_token`` and ``request`` raise, but ``ReauthorizationRequired``
    where even a fresh token is refused.
    """
    try:
        return request(valid_access_token(transport, token))
    except ApiError as error:
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise
    refresh(transport, token, refused=True)
    try:
        return request(token.access_token)
    except ApiError as error:
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise
    # Not marked: what Webex refused is the access token, the refresh token was fine just now.
    raise ReauthorizationRequired("Webex refuses even a fresh access token.")


@sensitive_variables()
def valid_access_token(transport: Transport, token: WebexToken) -> str:
    """Return the row's access token, refreshed first when due; see ``get_access_token``.

    Where refreshing fails for now, or there is nothing to refresh with, a token that is not known
    to have ended is good enough. ``token`` itself is brought up to date.
    """
    now = timezone.now()
    ended = token.ends_within(now, VALID_FOR)
    if token.is_due(now, conf.REFRESH_BEFORE) and (ended or token.can_refresh(now)):
        try:
            refresh(transport, token)
        except (TransportError, InvalidClient) as error:
            if ended:
                raise
            logger.warning("Refreshing the Webex token of %s failed: %s", token.owner, error)
    return token.access_token


@sensitive_variables()
def refresh(transport: Transport, token: WebexToken, *, refused: bool = False) -> None:
    """Refresh one token, or take over what somebody else's refresh brings; updates ``token``.

    ``refused`` says that Webex refuses the access token although its time is not up: then only a
    newer one will do. Raises ``ReauthorizationRequired`` when the consent has ended,
    ``InvalidClient`` when Webex refuses the client's credentials, ``TransportError`` when nothing
    was decided, ``NotConnected`` when the user has disconnected meanwhile.
    """
    version = token.version
    while not (claims := claim_all([token])):
        _reload(token)
        if token.version != version or not (
            refused or token.ends_within(timezone.now(), VALID_FOR)
        ):
            return
        transport.remaining()
        time.sleep(POLL)
    try:
        settle(claims[0], ask(transport, claims[0]))
    except BaseException:
        release(claims[0])
        raise
    _reload(token)


def _reload(token: WebexToken) -> None:
    try:
        token.refresh_from_db()
    except WebexToken.DoesNotExist:
        raise NotConnected("This user has disconnected from Webex.") from None
    _hold_active(token)


@dataclass(frozen=True, repr=False, eq=False)
class Claim:
    """The right to refresh a token, and what to send: ``None`` where no refresh token lives.

    ``version`` is the row's as it was claimed: what comes of the claim is about that grant alone.
    """

    token: WebexToken
    version: int
    refresh_token: str | None
    until: datetime


@sensitive_variables()
def claim_all(tokens: Sequence[WebexToken]) -> list[Claim]:
    """Claim tokens for a refresh, with one UPDATE; return the claims that were to be had.

    The others are in somebody else's hands, or have changed. Raises ``DecryptionError`` (and
    claims nothing) where no key fits.
    """
    now = timezone.now()
    until = now + CLAIM
    claims = [
        Claim(token, token.version, token.refresh_token if token.can_refresh(now) else None, until)
        for token in tokens
    ]
    claimed = WebexToken.objects.claim(tokens, now, until)
    return [claim for claim in claims if claim.token.pk in claimed]


@sensitive_variables()
def ask(transport: Transport, claim: Claim) -> TokenGrant | None:
    """Ask Webex for a refresh; ``None``: the consent has ended. No database is touched here.

    Raises ``InvalidClient`` or ``TransportError``.
    """
    if claim.refresh_token is None:
        return None
    client = conf.client(claim.token.client_id)
    if client is None:
        name = "GUESTS" if claim.token.service_app else "CLIENT_ID"
        raise InvalidClient(
            f'WEBEX_WIDGETS["{name}"] names another client than this token was granted to.'
        )
    try:
        return oauth.refresh(transport, claim.refresh_token, client)
    except InvalidGrant as error:
        logger.info("Webex refused a refresh token: %s", error)
        return None


@sensitive_variables()
def settle(claim: Claim, grant: TokenGrant | None) -> bool:
    """Write what ``ask`` answered, if the row still holds the grant that was sent.

    Returns whether it was written; then the claim's token holds it too. It is one UPDATE, and the
    signal follows its commit. The service app's token is nobody's to hear of: its end is logged.
    """
    token = claim.token
    if grant is None:
        changes: dict[str, Any] = {"status": WebexToken.Status.REAUTHORIZATION_REQUIRED}
        signal = signals.webex_reauthorization_required
    else:
        changes = _changes(claim, grant)
        signal = signals.webex_token_refreshed
    written = WebexToken.objects.settle(token.pk, claim.version, changes)
    if written:
        for name, value in changes.items():
            setattr(token, name, value)
        if token.service_app is None:
            _send_on_commit(signal, user=token.user, token=token)
        elif grant is None:
            logger.error(SERVICE_APP_ENDED)
    return written


def release(claim: Claim) -> None:
    """End a claim of which nothing came, unless it has run out and is another's by now."""
    held = WebexToken.objects.filter(pk=claim.token.pk, claimed_until=claim.until)
    held.update(claimed_until=None)


@sensitive_variables()
def disconnect(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Forget ``user``'s tokens here, and with ``REVOKE_ON_DISCONNECT`` at Webex too.

    Revoking is best effort and comes last. Returns whether there was anything to forget.
    """
    token = find_token(user)
    if token is None:
        return False
    with transaction.atomic():
        WebexToken.objects.filter(pk=token.pk).delete()
        _send_on_commit(signals.webex_disconnected, user=user)
    # Webex may give one refresh token to two users here who share an account there.
    shared = WebexToken.objects.filter(person_id=token.person_id, service_app=None).exists()
    if conf.REVOKE_ON_DISCONNECT and not shared:
        try:
            with Transport(total=conf.REQUEST_TIMEOUT) as transport:
                oauth.revoke(transport, token.refresh_token, "refresh_token")
        except WebexError as error:
            logger.warning("Revoking the Webex token of user %s failed: %s", user.pk, error)
    return True


def _changes(claim: Claim, grant: TokenGrant) -> dict[str, Any]:
    changes: dict[str, Any] = {
        # A new grant: whoever still works on the old one loses.
        "version": claim.version + 1,
        "access_token": grant.access_token,
        "access_token_expires_at": grant.access_token_expires_at,
        "refreshed_at": timezone.now(),
        "status": WebexToken.Status.ACTIVE,
    }
    if grant.scopes is not None:
        changes["scopes"] = grant.scopes
    if grant.refresh_token is not None:
        changes["refresh_token"] = grant.refresh_token
    if grant.refresh_token_expires_at is not None or grant.refresh_token not in (
        None,
        claim.refresh_token,
    ):
        changes["refresh_token_expires_at"] = grant.refresh_token_expires_at
    return changes


def _send_on_commit(signal: Signal, **arguments: object) -> None:
    transaction.on_commit(lambda: signal.send_robust(WebexToken, **arguments))
