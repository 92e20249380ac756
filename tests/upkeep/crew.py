"""The tests' side of ``actors``: start processes, wait for them, kill them, read what they said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def say(text: str) -> None:
    """Print a figure that a test has measured (``pytest -s`` or ``-rP`` shows it)."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass
class Act:
    """What an actor is to do: a function of ``actors``, and its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)


@dataclass
class Actor:
    """A process that acts."""

    crew: Crew
    pid: int
    stage: Path

    def wait(self) -> int:
        """Return the exit status; it is negative where a signal ended the process."""
        return int(self.crew.request(wait=self.pid))

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    @property
    def out(self) -> str:
        """What it printed."""
        return (self.stage / "out").read_text()

    @property
    def err(self) -> str:
        """What it complained of."""
        return (self.stage / "err").read_text()

    @property
    def report(self) -> dict[str, Any]:
        """The figures that the command printed as JSON, without the zeros."""
        figures: dict[str, Any] = json.loads(self.out)
        return {name: figure for name, figure in figures.items() if figure}

    @property
    def result(self) -> Any:
        """What the act returned."""
        return json.loads((self.stage / "result").read_text())["result"]

    @property
    def peak(self) -> float:
        """The most memory that it held, in MiB."""
        kibibytes: int = json.loads((self.stage / "result").read_text())["peak"]
        return kibibytes / 1024 / (1024 if sys.platform == "darwin" else 1)


class Crew:
    """Starts actors; ``settings`` of the app, and ``claim`` in seconds, hold for those to come."""

    def __init__(self, process: subprocess.Popen[str], scratch: Path) -> None:
        self.settings: dict[str, Any] = {}
        self.claim = 60.0
        self._process = process
        self._scratch = scratch
        self._stages = 0
        self.vendor: str = self._answer()

    def start(self, *acts: Act) -> list[Actor]:
        """Start actors, all at the same moment."""
        wanted: list[dict[str, Any]] = []
        for act in acts:
            self._stages += 1
            stage = self._scratch / str(self._stages)
            stage.mkdir()
            wanted.append(
                {
                    "act": act.name,
                    "arguments": act.arguments,
                    "named": act.named,
                    "stage": str(stage),
                    "claim": self.claim,
                    "settings": self.settings,
                }
            )
        pids = self.request(start=wanted)
        return [Actor(self, pid, Path(act["stage"])) for pid, act in zip(pids, wanted, strict=True)]

    def play(self, *acts: Act) -> list[Actor]:
        """Start actors and wait for all of them."""
        actors = self.start(*acts)
        for actor in actors:
            status = actor.wait()
            assert status in (0, 1), actor.err
        return actors

    def do(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Return what one actor's act returns."""
        (actor,) = self.play(Act(name, arguments, named))
        return actor.result

    def refresh(self, *arguments: str) -> Act:
        """Return the act of running the command, with its report as JSON."""
        return Act("command", ("--json", *arguments))

    def request(self, **request: Any) -> Any:
        """Ask the process that forks the actors."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"The actors are gone: {self._process.wait()}"
        return json.loads(line)


@contextmanager
def assembled(scratch: Path) -> Iterator[Crew]:
    """Yield a crew with a database of its own, next to the one that ``DATABASE_URL`` names."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.upkeep.actors", str(scratch)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Crew(process, scratch)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 0
