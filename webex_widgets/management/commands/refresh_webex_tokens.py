"""``manage.py refresh_webex_tokens``, for cron."""

from __future__ import annotations

import argparse
import json
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from ... import tokens
from ...conf import conf
from ...models import WebexToken
from ...refresh import Report, Stop, due_count, due_tokens, refresh_tokens

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """Return ``3d``, ``12h``, ``30m``, ``90s`` or ``1w`` as a time span."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time span such as 3d, 12h or 30m")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def worker_count(text: str) -> int:
    """Return a number from 1 to 64."""
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 64")
    return int(text)


class Command(BaseCommand):
    """Refreshes the tokens that are due."""

    help = (
        "Refresh the Webex tokens that end soon. Run it from cron at least once a day; several "
        "hosts may run it side by side. SIGINT and SIGTERM finish what is in flight. "
        "Exit status 0: all done, or all but people who must connect again; "
        "1: something could not be refreshed now and is worth a look."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--before",
            type=duration,
            metavar="3d",
            help="refresh tokens that end within this time: 3d, 12h, 30m "
            "(default: the setting REFRESH_BEFORE)",
        )
        which.add_argument(
            "--all", action="store_true", help="refresh every active token, due or not"
        )
        parser.add_argument(
            "--user",
            nargs="+",
            default=[],
            metavar="NAME",
            help="only these users, by the name that they sign in with",
        )
        parser.add_argument(
            "--workers",
            type=worker_count,
            default=16,
            metavar="N",
            help="calls to Webex at a time (default: 16)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say which tokens are due and refresh none"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the report as one JSON object"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refresh, and report."""
        chosen = WebexToken.objects.all()
        if options["user"]:
            chosen = chosen.filter(user__in=self._users(options["user"]))
        elif not options["dry_run"]:
            tokens.prepare_service_app_token()
        before = None if options["all"] else options["before"] or conf.REFRESH_BEFORE
        due = due_tokens(chosen, before)
        if options["dry_run"]:
            self._say_what_is_due([_name(token) for token in due], options["json"])
            return
        quiet = options["json"] or options["verbosity"] == 0
        lines = options["verbosity"] >= 2 and not options["json"]
        at_a_terminal = self.stderr.isatty() and not quiet
        with tqdm(
            total=due_count(chosen, before) if at_a_terminal else None,
            disable=not at_a_terminal,
            file=self.stderr,
            unit=" tokens",
        ) as bar:

            def progress(token: WebexToken, outcome: str) -> None:
                if lines:
                    line = f"{_name(token)}: {outcome.replace('_', ' ')}"
                    with bar.external_write_mode(self.stdout):
                        self.stdout.write(line)
                bar.update()

            with _stop_on_signals() as stop:
                report = refresh_tokens(
                    due, workers=options["workers"], progress=progress, stop=stop
                )
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        elif not quiet:
            self.stdout.write(_summary(report))
        if report.stopped:
            raise CommandError(report.stopped, returncode=1)
        if report.service_app:
            raise CommandError(report.service_app, returncode=1)
        if report.other_client:
            raise CommandError(
                f"{report.other_client} tokens were granted to another client: "
                'WEBEX_WIDGETS["CLIENT_ID"] has changed. Put it back, or let their owners '
                "connect again.",
                returncode=1,
            )
        if not report.complete:
            raise CommandError("Not every token could be refreshed now.", returncode=1)

    def _say_what_is_due(self, names: list[str], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"due": len(names), "users": names}))
        else:
            self.stdout.write("\n".join([f"{len(names)} due.", *names]))

    def _users(self, names: list[str]) -> list[Any]:
        """Return the users of these names; an unknown name is an error."""
        model = get_user_model()
        field = model.USERNAME_FIELD
        users = model._default_manager.filter(**{f"{field}__in": names})
        found = {getattr(user, field): user for user in users}
        unknown = sorted(set(names) - set(found))
        if unknown:
            raise CommandError(f"--user: there is no user called {', '.join(unknown)}.")
        return list(found.values())


def _name(token: WebexToken) -> str:
    return token.user.get_username() if token.user else token.owner


def _summary(report: Report) -> str:
    counts = {
        "refreshed": report.refreshed,
        "must connect again": report.reauthorization_required,
        "in other hands": report.busy,
        "failed": report.failed,
        "unreadable": report.unreadable,
        "of another client": report.other_client,
        "not tried": report.not_tried,
    }
    always = ("refreshed", "must connect again", "failed")
    shown = [f"{count} {name}" for name, count in counts.items() if count or name in always]
    return f"{', '.join(shown)}."


@contextmanager
def _stop_on_signals() -> Iterator[Stop]:
    """Yield what SIGINT and SIGTERM set; a second SIGINT interrupts as usual."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request_stop(*_signal: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, request_stop)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
