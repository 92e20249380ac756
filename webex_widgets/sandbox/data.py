"""The people and spaces of the sandbox, and how things are named in it.

Every identifier is derived from a fixed name, so that a space that a page refers to is still the
same space after a restart.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

SpaceType = Literal["group", "direct"]

# The cluster that the widgets know as "us"; REST ids of spaces carry it.
CLUSTER = "urn:TEAM:us-east-2_a"


def stable_uuid(name: str) -> UUID:
    """Return the same UUID for the same name, on every machine."""
    return uuid5(NAMESPACE_URL, f"webex-widgets-sandbox:{name}")


def rest_id(kind: str, uuid: UUID, cluster: str = "us") -> str:
    """Return an identifier as the REST API shows it: opaque, base64 without padding."""
    name = f"ciscospark://{cluster}/{kind}/{uuid}"
    return base64.b64encode(name.encode()).decode().rstrip("=")


ORGANISATION = stable_uuid("organisation")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a developer can be while trying the site, a guest, or the service app.

    The address alone says who it is: a guest may come back by another name.
    """

    email: str
    name: str = field(compare=False)
    guest: bool = False

    @property
    def uuid(self) -> UUID:
        """The identifier inside Webex's cloud."""
        return stable_uuid(self.email)

    @property
    def id(self) -> str:
        """The identifier in the REST API."""
        return rest_id("PEOPLE", self.uuid)


@dataclass(frozen=True, slots=True)
class Space:
    """A group space, or a conversation of two.

    One that is ``open_to_guests`` has every guest among its members. That is the sandbox's own
    choice, so that there is something to see: on Webex, a guest is in no space until somebody adds
    them to it.
    """

    uuid: UUID
    title: str
    type: SpaceType
    members: tuple[Person, ...]
    created: datetime
    open_to_guests: bool = False

    @property
    def id(self) -> str:
        """The identifier in the REST API."""
        return rest_id("ROOM", self.uuid, CLUSTER)

    def has(self, person: Person) -> bool:
        """Whether somebody is a member."""
        return person in self.members or (self.open_to_guests and person.guest)

    @property
    def creator(self) -> Person:
        """Who opened the space."""
        return self.members[0]

    def title_for(self, person: Person) -> str:
        """Return the title that somebody sees; a conversation of two is named after the other."""
        if self.type == "group":
            return self.title
        return next(member.name for member in self.members if member != person)


@dataclass(frozen=True, slots=True)
class Message:
    """A plain text message in a space."""

    uuid: UUID
    space: Space
    author: Person
    text: str
    published: datetime

    @property
    def id(self) -> str:
        """The identifier in the REST API."""
        return rest_id("MESSAGE", self.uuid)

    def concerns(self, person: Person) -> bool:
        """Whether somebody is to hear of it."""
        return self.space.has(person)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Somebody has read a space, up to its last message."""

    uuid: UUID
    space: Space
    reader: Person
    published: datetime

    def concerns(self, person: Person) -> bool:
        """Whether somebody is to hear of it: the other widgets of who has read."""
        return person == self.reader


ADA = Person("ada@example.com", "Ada Lovelace")
GRACE = Person("grace@example.com", "Grace Hopper")
KATHERINE = Person("katherine@example.com", "Katherine Johnson")

PEOPLE = (ADA, GRACE, KATHERINE)

# Whose token makes guests; it is in no space.
SERVICE_APP = Person("service-app@example.com", "Service app")


@dataclass(frozen=True, slots=True)
class Seed:
    """A space as it stands when the sandbox starts; a line is author, minutes ago, text."""

    title: str
    type: SpaceType
    members: tuple[Person, ...]
    lines: tuple[tuple[Person, int, str], ...]
    open_to_guests: bool = False


SEEDS = (
    Seed(
        "Project Unicorn",
        "group",
        (ADA, GRACE, KATHERINE),
        (
            (ADA, 185, "Good morning! The new landing page is on the staging server."),
            (GRACE, 178, "Looks great. The sign-up form still jumps a little on my phone."),
            (ADA, 171, "Thanks, I can see it here as well. Fixing it before lunch."),
            (KATHERINE, 64, "I checked the numbers in the pricing table twice. They add up."),
            (ADA, 22, "The form stays put now. Shall we release at three?"),
            (GRACE, 9, "Three it is. I will watch the logs."),
        ),
    ),
    Seed(
        "Help desk",
        "group",
        (GRACE, ADA, KATHERINE),
        (
            (KATHERINE, 260, "The printer on the second floor reports a moth again."),
            (GRACE, 252, "On my way with the tape and the logbook."),
            (GRACE, 236, "Bug removed, test page printed."),
            (KATHERINE, 41, "Thank you. It prints like new."),
        ),
    ),
    Seed(
        "Reception",
        "group",
        (GRACE, ADA, KATHERINE),
        (
            (GRACE, 75, "Good morning! Write to us here, we answer within minutes."),
            (KATHERINE, 72, "Deliveries go to the side entrance today."),
            (GRACE, 58, "Visitors park in the yard. Your badge is ready when you come."),
        ),
        open_to_guests=True,
    ),
    Seed(
        "Course 101",
        "group",
        (ADA, GRACE, KATHERINE),
        (
            (ADA, 1620, "Welcome to the course! The first exercise is on page 12."),
            (KATHERINE, 1480, "Is the second half of exercise 3 due this week, too?"),
            (ADA, 1475, "No, next week is fine. We talk about loops first."),
            (GRACE, 130, "I have put the recording of the lecture into the library."),
        ),
    ),
    Seed(
        "Customer visits",
        "group",
        (KATHERINE, ADA),
        (
            (KATHERINE, 3050, "The visitors arrive at the north entrance at ten."),
            (ADA, 3011, "I will meet them there and bring them up."),
        ),
    ),
    Seed(
        "Compiler reading group",
        "group",
        (GRACE, KATHERINE),
        (
            (GRACE, 5900, "Next time: chapter 4, register allocation."),
            (KATHERINE, 5820, "I will prepare the example with the spilled variables."),
        ),
    ),
    Seed(
        "",
        "direct",
        (ADA, GRACE),
        (
            (GRACE, 330, "Do you have ten minutes for the release notes?"),
            (ADA, 326, "Of course, after the stand-up."),
        ),
    ),
)


def person_named(email: str) -> Person | None:
    """Return the person with this address, or ``None``."""
    return next((person for person in PEOPLE if person.email == email), None)


def guest(issuer: str, subject: str, name: str) -> Person:
    """Return the guest whom an issuer knows by this subject."""
    uuid = stable_uuid(f"guest {issuer} {subject}")
    return Person(f"{uuid}@guests.example.com", name, guest=True)


def known_to(person: Person) -> tuple[Person, ...]:
    """Return whom somebody may look up: everybody who is no guest, and themselves."""
    return PEOPLE if person in PEOPLE else (*PEOPLE, person)
