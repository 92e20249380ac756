"""Guests: visitors without a Webex account, each browser session one of them.

What a session keeps of its guest is a name, a subject (what Webex knows the guest by) and the
token, encrypted. Webex is asked for a new token only where that one will not do, and only so many
times an hour.
"""

from __future__ import annotations

import ipaddress
import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from . import cache, crypto, tokens
from .client import guests as client
from .client.transport import Transport
from .client.types import GuestGrant
from .conf import GuestIssuer, Guests, conf
from .exceptions import (
    DecryptionError,
    GuestNameRequired,
    GuestsNotSetUp,
    TooManyGuests,
    TransportError,
)

SESSION_KEY: Final = "webex_guest"

LONGEST_NAME: Final = 80
"""Characters of a guest's name."""

WINDOW: Final = 3600
"""Seconds for which new guests are counted together."""

JOINERS: Final = "\u200c\u200d"
"""What is invisible, and yet part of how some languages and emoji are written."""


@dataclass(frozen=True)
class Guest:
    """Whom a session is on Webex. ``ends_at`` is ``None`` where Webex did not tell."""

    access_token: str = field(repr=False)
    ends_at: datetime | None
    display_name: str
    subject: str


def introduce(request: HttpRequest, name: str) -> None:
    """Remember what the visitor wants to be called; an empty name changes nothing."""
    if told := clean_name(name):
        request.session[SESSION_KEY] = {**_entry(request.session), "told": told}


@sensitive_variables()
def guest(transport: Transport, request: HttpRequest, *, refused: bool = False) -> Guest:
    """Return the guest that this session is, with a token valid for at least a minute.

    The name comes from the site (``DISPLAY_NAME``), else from a signed-in user's account, else from
    the visitor (``introduce``). ``refused`` says that Webex refuses the token that was handed out.
    Call it outside of transactions.

    Raises ``GuestsNotSetUp``, ``GuestNameRequired`` (ask the visitor), ``TooManyGuests``;
    ``ReauthorizationRequired``, ``InvalidClient`` or ``DecryptionError`` where the site's own
    credentials will not do, which no visitor can mend; ``ApiError`` or ``TransportError``.
    """
    guests = conf.GUESTS
    if guests is None:
        raise GuestsNotSetUp('WEBEX_WIDGETS["GUESTS"] is not set.')
    known = _Known.of(request.session)
    display_name = _supplied_name(request, guests) or known.told
    if not display_name:
        raise GuestNameRequired("Nobody has told what this guest is called.")
    same = (known.by, known.name) == (guests.issuer.id, display_name)
    if same and known.subject and known.access_token and not (refused or _ended(known.ends_at)):
        return Guest(known.access_token, known.ends_at, display_name, known.subject)
    with _one_more("address", _address(request), guests.per_address):
        # Not earlier: an address that is refused must not fill the table of sessions.
        subject = known.subject or _subject(request.session)
        with _one_more("session", subject, guests.per_session):
            grant = _mint(transport, guests, subject, display_name)
    _remember(
        request,
        {
            "subject": subject,
            "name": display_name,
            "by": guests.issuer.id,
            "token": crypto.encrypt(grant.access_token),
            "ends": grant.ends_at and grant.ends_at.timestamp(),
        },
    )
    return Guest(grant.access_token, grant.ends_at, display_name, subject)


def clean_name(name: object) -> str:
    """Return a name as Webex may show it: one line, nothing invisible, not too long."""
    visible = "".join(
        character
        for character in str(name or "")
        if character.isspace()
        or character in JOINERS
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    return " ".join(visible.split())[:LONGEST_NAME].strip(f" {JOINERS}")


def _supplied_name(request: HttpRequest, guests: Guests) -> str:
    """Return the name that the site gives this visitor, or that a signed-in user has; or none."""
    if guests.display_name is not None and (name := clean_name(guests.display_name(request))):
        return name
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    # A user model of the site's own need not know of full names.
    full_name = getattr(user, "get_full_name", str)()
    return clean_name(full_name) or clean_name(user.get_username())


def _entry(session: SessionBase) -> dict[str, Any]:
    """Return what the session holds of its guest, whoever wrote it."""
    entry = session.get(SESSION_KEY)
    return entry if isinstance(entry, dict) else {}


@dataclass(frozen=True)
class _Known:
    """What a session remembers of its guest; empty where that is of no use.

    ``told`` is what the visitor wants to be called, ``name`` what the guest of this token is.
    """

    told: str
    subject: str
    name: str
    by: str
    access_token: str = field(repr=False)
    ends_at: datetime | None

    @classmethod
    @sensitive_variables()
    def of(cls, session: SessionBase) -> _Known:
        """Read it, whatever it is: another version or another key may have written it."""
        entry = _entry(session)
        text = {key: value for key, value in entry.items() if isinstance(value, str)}
        subject, ends = text.get("subject", ""), entry.get("ends")
        access_token, ends_at = "", None
        with suppress(DecryptionError, TypeError, ValueError, OverflowError, OSError):
            ends_at = None if ends is None else datetime.fromtimestamp(ends, UTC)
            access_token = crypto.decrypt(text.get("token", ""))
        return cls(
            told=clean_name(text.get("told")),
            subject=subject if re.fullmatch("[A-Za-z0-9-]{1,100}", subject) else "",
            name=text.get("name", ""),
            by=text.get("by", ""),
            access_token=access_token,
            ends_at=ends_at,
        )


def _ended(ends_at: datetime | None) -> bool:
    return ends_at is not None and ends_at < timezone.now() + timedelta(seconds=tokens.VALID_FOR)


def _subject(session: SessionBase) -> str:
    """Return the subject of a session that has none: the same one, however many ask at a time."""
    if session.session_key is None:
        session.save()
    return _hashed("subject", str(session.session_key))


@sensitive_variables()
def _remember(request: HttpRequest, entry: dict[str, Any]) -> None:
    """Keep a guest in the session, and with it whatever was put there while Webex was asked."""
    session, key = request.session, request.session.session_key
    # A session that is new, or that lives in a cookie, is this request's alone; one that has ended
    # meanwhile is Django's matter, and so are changes that the site makes in this very request.
    shared = key is not None and not session.modified and session.exists(key)
    if shared:
        session = request.session = type(session)(key)
    session[SESSION_KEY] = {**_entry(session), **entry}
    if shared:
        with suppress(UpdateError):  # it has ended this very moment
            session.save()
        # Otherwise it would be saved once more after the response, over what others do until then.
        session.modified = False


@contextmanager
def _one_more(kind: str, whose: str, most: int) -> Iterator[None]:
    """Count a guest of this session or address, unless making one raises.

    Raises ``TooManyGuests``, and ``TransportError`` while the cache that counts is down.
    """
    now = time.time()
    # No cache can be read for who was here.
    key = f"webex_widgets.guests.{_hashed(kind, whose)}.{now // WINDOW:.0f}"
    cache.add(key, 0, 2 * WINDOW)
    # Counted first and looked at then, so that many at a time do not all see room for one more.
    number = cache.count(key, 1, 2 * WINDOW)
    if number is None:
        raise TransportError("The cache that counts guests is down, so there are no new ones.")
    try:
        if number > most:
            raise TooManyGuests(  # noqa: TRY301 - what was counted is given back here too
                f"One {kind} may be {most} new guests an hour.",
                retry_after=int(WINDOW - now % WINDOW) + 1,
            )
        yield
    except BaseException:
        cache.count(key, -1, 2 * WINDOW)
        raise


@sensitive_variables()
def _mint(transport: Transport, guests: Guests, subject: str, name: str) -> GuestGrant:
    issuer = guests.issuer
    if isinstance(issuer, GuestIssuer):
        return client.issuer_guest(transport, issuer.id, issuer.key, subject, name)
    return tokens.call(
        transport,
        tokens.get_service_app_token(),
        lambda access: client.service_app_guest(transport, access, subject, name),
    )


def _address(request: HttpRequest) -> str:
    """Return whose address it is: of IPv6 the network that one household or office has."""
    text = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return str(text)
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or int(address) >> 64)


def _hashed(kind: str, text: str) -> str:
    return salted_hmac(f"webex_widgets.guests.{kind}", text, algorithm="sha256").hexdigest()
