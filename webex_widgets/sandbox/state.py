"""What the sandbox remembers while its process lives: one object behind one lock.

Tokens are not in here: they describe themselves (see ``tokens``), so that the restart which
follows every saved file does not disconnect anybody.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from queue import SimpleQueue
from uuid import UUID, uuid4

from webex_widgets.sandbox.data import SEEDS, Message, Person, Receipt, Space, stable_uuid


class Outage(StrEnum):
    """How the REST API and the token endpoint answer; the sandbox's own pages go on working."""

    NONE = "none"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate-limited"
    HANGING = "hanging"


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code and what it is bound to."""

    client_id: str
    redirect_uri: str
    challenge: str
    person: Person
    scope: str
    expires: float


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The access token that the last refresh of a grant gave out."""

    access_token: str
    issued: float
    expires: float


# News for a listener, or ``None``: hang up.
News = Message | Receipt
Events = SimpleQueue[News | None]


class State:
    """Spaces, messages, listeners, codes, revocations and the outage switch."""

    def __init__(self) -> None:
        # Re-entrant, so that methods may call one another.
        self._changed = threading.Condition(threading.RLock())
        self._listeners: dict[int, tuple[Person, Events]] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the state of a fresh start and hang up on every listener."""
        now = datetime.now(UTC)
        with self._changed:
            self.hang_up()
            self._spaces: dict[UUID, Space] = {}
            self._messages: dict[UUID, list[Message]] = {}
            self._news: list[News] = []
            self._read: dict[tuple[UUID, Person], datetime] = {}
            self._codes: dict[str, Code] = {}
            self._refreshed: dict[str, Refreshed] = {}
            self._revoked: dict[Person, float] = {}
            self._outage = Outage.NONE
            self.started = now
            self._seed(now)
            self._changed.notify_all()

    def _seed(self, now: datetime) -> None:
        for seed in SEEDS:
            name = seed.title or " ".join(member.email for member in seed.members)
            written = [now - timedelta(minutes=minutes) for _, minutes, _ in seed.lines]
            created = written[0] - timedelta(days=7)
            space = Space(
                stable_uuid(name),
                seed.title,
                seed.type,
                seed.members,
                created,
                seed.open_to_guests,
            )
            self._spaces[space.uuid] = space
            self._messages[space.uuid] = [
                Message(stable_uuid(f"{name} {number}"), space, author, text, moment)
                for number, ((author, _, text), moment) in enumerate(
                    zip(seed.lines, written, strict=True)
                )
            ]

    # Spaces and messages

    def spaces(self, person: Person | None = None) -> list[Space]:
        """Return the spaces of a person, or all of them, the most recently active first."""
        with self._changed:
            spaces = [
                space for space in self._spaces.values() if person is None or space.has(person)
            ]
            return sorted(spaces, key=self.last_activity, reverse=True)

    def space(self, uuid: UUID, person: Person) -> Space | None:
        """Return a space that the person is a member of, or ``None``."""
        with self._changed:
            space = self._spaces.get(uuid)
        return space if space and space.has(person) else None

    def space_by_id(self, rest_id: str, person: Person) -> Space | None:
        """Return a space that the person is a member of by its REST id, or ``None``."""
        return next((space for space in self.spaces(person) if space.id == rest_id), None)

    def last_activity(self, space: Space) -> datetime:
        """Return when somebody last wrote in the space, or when it was made."""
        messages = self.messages(space)
        return messages[-1].published if messages else space.created

    def add_space(self, title: str, creator: Person) -> Space:
        """Open a group space with one member and return it."""
        space = Space(uuid4(), title, "group", (creator,), datetime.now(UTC))
        with self._changed:
            self._spaces[space.uuid] = space
            self._messages[space.uuid] = []
        return space

    def direct_space(self, person: Person, other: Person) -> Space:
        """Return the conversation of two people, opened now if they never spoke."""
        with self._changed:
            for space in self._spaces.values():
                if space.type == "direct" and {person, other} == set(space.members):
                    return space
            space = Space(uuid4(), "", "direct", (person, other), datetime.now(UTC))
            self._spaces[space.uuid] = space
            self._messages[space.uuid] = []
        return space

    def messages(self, space: Space) -> list[Message]:
        """Return the messages of a space, the oldest first."""
        with self._changed:
            return list(self._messages.get(space.uuid, ()))

    def post(self, space: Space, author: Person, text: str) -> Message:
        """Add a message to a space, tell every listening member, and return it."""
        message = Message(uuid4(), space, author, text, datetime.now(UTC))
        with self._changed:
            self._messages.setdefault(space.uuid, []).append(message)
            self._read[space.uuid, author] = message.published
            self._announce(message)
        return message

    def read(self, space: Space, reader: Person) -> None:
        """Note that somebody has read a space, and tell their other widgets."""
        receipt = Receipt(uuid4(), space, reader, datetime.now(UTC))
        with self._changed:
            self._read[space.uuid, reader] = receipt.published
            self._announce(receipt)

    def last_read(self, space: Space, reader: Person) -> datetime:
        """Return when somebody last read a space; what was there at the start counts as read."""
        with self._changed:
            return self._read.get((space.uuid, reader), self.started)

    def _announce(self, news: News) -> None:
        self._news.append(news)
        for person, events in self._listeners.values():
            if news.concerns(person):
                events.put(news)

    # Listeners

    def listen(self, person: Person, after: int | None = None) -> tuple[Events, int]:
        """Return a queue that receives the news of a person's spaces, and a position.

        The queue is filled from now on or, for somebody who comes back, from ``after``, which is
        the position that an earlier call returned.
        """
        events: Events = SimpleQueue()
        with self._changed:
            position = len(self._news)
            for news in self._news[position if after is None else after :]:
                if news.concerns(person):
                    events.put(news)
            self._listeners[id(events)] = (person, events)
        return events, position

    def forget(self, events: Events) -> None:
        """Stop filling a listener's queue."""
        with self._changed:
            self._listeners.pop(id(events), None)

    def listening(self) -> int:
        """Return how many listeners there are."""
        with self._changed:
            return len(self._listeners)

    def hang_up(self, person: Person | None = None) -> None:
        """End the streams of a person, or of everybody, as when a server stops."""
        with self._changed:
            for listener, events in self._listeners.values():
                if person in (None, listener):
                    events.put(None)

    # Authorization

    def add_code(self, code: str, bound: Code) -> None:
        """Remember a code; codes that nobody redeemed in time are dropped on the way."""
        now = time.time()
        with self._changed:
            self._codes = {key: kept for key, kept in self._codes.items() if kept.expires > now}
            self._codes[code] = bound

    def redeem_code(self, code: str) -> Code | None:
        """Return what a code is bound to; it works once, and not after its expiry."""
        with self._changed:
            bound = self._codes.pop(code, None)
        return bound if bound and bound.expires > time.time() else None

    def last_refresh(self, grant: str) -> Refreshed | None:
        """Return what the last refresh of a grant gave out, if there was one."""
        with self._changed:
            return self._refreshed.get(grant)

    def remember_refresh(self, grant: str, refreshed: Refreshed) -> None:
        """Keep what a refresh gave out."""
        with self._changed:
            self._refreshed[grant] = refreshed

    def revoke(self, person: Person) -> None:
        """Make every token that a person has been given so far worthless, and hang up."""
        with self._changed:
            self._revoked[person] = time.time()
            self.hang_up(person)

    def is_revoked(self, person: Person, issued: float) -> bool:
        """Whether a token of this person, issued at that time, has been revoked."""
        with self._changed:
            return issued <= self._revoked.get(person, 0)

    # Outages

    @property
    def outage(self) -> Outage:
        """How the API answers at present."""
        with self._changed:
            return self._outage

    @outage.setter
    def outage(self, outage: Outage) -> None:
        with self._changed:
            self._outage = outage
            self._changed.notify_all()

    def wait_while_hanging(self, timeout: float) -> None:
        """Return when the API no longer hangs, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._outage is not Outage.HANGING, timeout)


STATE = State()
