"""What comes off the wire, as frozen dataclasses.

Any field of an answer may be missing, or be of another type than documented: what cannot be used
counts as absent, and only an answer without its very point is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class TokenGrant:
    """What the token endpoint granted. ``None`` stands for what the answer did not say."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    access_token_expires_at: datetime | None
    refresh_token_expires_at: datetime | None
    scopes: str | None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], asked_at: datetime) -> TokenGrant | None:
        """Read a token answer that was asked for at ``asked_at``; ``None``: there is no token."""
        access_token = _text(answer, "access_token")
        if access_token is None:
            return None
        return cls(
            access_token=access_token,
            refresh_token=_text(answer, "refresh_token"),
            access_token_expires_at=_end(answer, "expires_in", asked_at),
            refresh_token_expires_at=_end(answer, "refresh_token_expires_in", asked_at),
            scopes=_text(answer, "scope"),
        )


@dataclass(frozen=True)
class GuestGrant:
    """A guest's token, and its end where Webex told it."""

    access_token: str = field(repr=False)
    ends_at: datetime | None

    @classmethod
    def from_answer(
        cls, answer: Mapping[str, Any], name: str, asked_at: datetime
    ) -> GuestGrant | None:
        """Read an answer that holds the token as ``name``; ``None``: there is none."""
        access_token = _text(answer, name)
        if access_token is None:
            return None
        return cls(access_token, _end(answer, "expiresIn", asked_at))


@dataclass(frozen=True)
class Room:
    """A Webex space. ``title`` is empty where Webex could not decrypt it."""

    id: str
    title: str
    type: str
    last_activity: datetime | None

    @classmethod
    def from_answer(cls, answer: object) -> Room | None:
        """Read one item; ``None``: it has no id.

        A title with an ``errors`` entry is still encrypted (``kms_failure``): it is nobody's name.
        """
        if not isinstance(answer, Mapping):
            return None
        room_id = _text(answer, "id")
        if room_id is None:
            return None
        errors = answer.get("errors")
        unreadable = isinstance(errors, Mapping) and "title" in errors
        return cls(
            id=room_id,
            title="" if unreadable else _text(answer, "title") or "",
            type=_text(answer, "type") or "",
            last_activity=_moment(answer, "lastActivity"),
        )


@dataclass(frozen=True)
class Person:
    """A Webex account. Fields that Webex did not tell are empty."""

    id: str
    email: str

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Person:
        """Read a person."""
        emails = answer.get("emails")
        first = emails[0] if isinstance(emails, list) and emails else None
        return cls(id=_text(answer, "id") or "", email=first if isinstance(first, str) else "")


def _text(answer: Mapping[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def _end(answer: Mapping[str, Any], name: str, asked_at: datetime) -> datetime | None:
    try:
        seconds = int(answer[name])
        return asked_at + timedelta(seconds=seconds) if seconds > 0 else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _moment(answer: Mapping[str, Any], name: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(answer[name])
    except (KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
