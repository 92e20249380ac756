"""What README.md tells its readers to do, taken from README.md itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Snippet:
    """A block of code that names, in its first line, the file whose end it belongs at."""

    file: str
    text: str


@dataclass(frozen=True)
class State:
    """A row of the table of what the visitor sees."""

    message: str
    button: str


def section(heading: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.+?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"README.md has no section {heading!r}"
    return found[1]


STEPS = section("Five minutes to your own site")


def blocks(language: str) -> list[str]:
    """Return the steps' blocks of code in a language."""
    return re.findall(rf"^```{re.escape(language)}\n(.+?)^```$", STEPS, re.M | re.S)


def snippets() -> list[Snippet]:
    """Return the pieces to add to the site's files."""
    found = []
    for text in blocks("python") + blocks("html+django"):
        title = re.match(r"(?:# |<!-- )(\S+)", text)
        assert title, f"this block does not name its file:\n{text}"
        found.append(Snippet(title[1], text))
    return found


def commands() -> list[str]:
    """Return the lines to type, one after the other."""
    return [line for block in blocks("shell") for line in block.splitlines()]


def cron_command() -> str:
    """Return what cron is to run, from ``manage.py`` on."""
    [line] = blocks("cron")
    found = re.search(r"manage\.py (.+?) > /dev/null$", line.strip())
    assert found, line
    return found[1]


def redirect_uri(port: int) -> str:
    """Return the address to register, with a port instead of 8000."""
    [address] = re.findall(r"`(http://127\.0\.0\.1:8000/\S+)`", STEPS.partition("### 3.")[0])
    return str(address).replace("8000", str(port))


def scopes() -> list[str]:
    """Return the scopes to give to the integration."""
    return re.findall(r"`(spark:\w+)`", STEPS)


def states() -> dict[str, State]:
    """Return the table of what the visitor sees, by status."""
    rows = re.findall(
        r"^\| `(\w+)` \| .+? \| (.+?) \| (.+?) \|$", section("What the visitor sees"), re.M
    )
    return {status: State(message, button) for status, message, button in rows}
