"""What the project pages show. A real intranet would keep this in its database."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Milestone:
    """A step on the way."""

    title: str
    when: str
    state: Literal["done", "now", "next"]


@dataclass(frozen=True)
class Person:
    """Somebody who works on a project."""

    name: str
    role: str


@dataclass(frozen=True)
class File:
    """A document that belongs to a project."""

    name: str
    size: str
    changed: str


@dataclass(frozen=True)
class Project:
    """A project; the Webex space beside it has the same title."""

    slug: str
    title: str
    summary: str
    goal: str
    milestones: tuple[Milestone, ...]
    people: tuple[Person, ...]
    files: tuple[File, ...]
    loading: Literal["lazy", "click"] = "lazy"  # when the space is loaded


PROJECTS = (
    Project(
        slug="unicorn",
        title="Project Unicorn",
        summary="The new website, from the first sketch to the release.",
        goal=(
            "Visitors understand in half a minute what we offer, find the right price in two "
            "clicks, and sign up without calling anybody. The old site stays online until the "
            "new one has carried a full week of traffic."
        ),
        milestones=(
            Milestone("Talks with twelve visitors", "2 to 20 March", "done"),
            Milestone("Landing page on the staging server", "17 April", "done"),
            Milestone("Pricing table and sign-up form", "this week", "now"),
            Milestone("Release, with the old site on standby", "12 May", "next"),
            Milestone("The old site goes to the archive", "26 May", "next"),
        ),
        people=(
            Person("Ada", "leads the project, front end"),
            Person("Grace", "servers and releases"),
            Person("Katherine", "numbers and pricing"),
        ),
        files=(
            File("What visitors told us.pdf", "1.8 MB", "20 March, by Ada"),
            File("Pricing table, third draft.ods", "64 KB", "yesterday, by Katherine"),
            File("Release plan.md", "9 KB", "today, by Grace"),
        ),
    ),
    Project(
        slug="help-desk",
        title="Help desk",
        summary="Where everybody asks when something does not work.",
        goal=(
            "Nobody waits longer than half an hour for a first answer, and what has been "
            "answered twice becomes a page in the handbook. Printers are the exception to "
            "most rules, this one included."
        ),
        milestones=(
            Milestone("One space instead of three mailing lists", "January", "done"),
            Milestone("Every question answered on the same day", "March", "done"),
            Milestone("Twenty handbook pages out of old answers", "14 of 20", "now"),
            Milestone("New printers on the second floor", "June", "next"),
        ),
        people=(
            Person("Grace", "on duty this week"),
            Person("Ada", "accounts and laptops"),
            Person("Katherine", "on duty next week"),
        ),
        files=(
            File("First day, first questions.pdf", "420 KB", "3 May, by Ada"),
            File("Printer logbook.ods", "38 KB", "today, by Grace"),
        ),
        loading="click",
    ),
    Project(
        slug="office-move",
        title="Office move",
        summary="Two floors, one weekend. Its Webex space has yet to be created.",
        goal=(
            "On Friday evening everybody leaves from the second floor, and on Monday morning "
            "everybody finds a working desk on the fourth. The plants travel first."
        ),
        milestones=(
            Milestone("Floor plan agreed with every team", "28 April", "done"),
            Milestone("Labels for desks, boxes and plants", "until Thursday", "now"),
            Milestone("The weekend itself", "6 and 7 June", "next"),
        ),
        people=(
            Person("Katherine", "leads the move"),
            Person("Grace", "network and sockets"),
        ),
        files=(
            File("Fourth floor.svg", "210 KB", "28 April, by Katherine"),
            File("Who sits where.ods", "51 KB", "yesterday, by Katherine"),
        ),
    ),
)

BY_SLUG = {project.slug: project for project in PROJECTS}
