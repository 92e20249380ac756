"""Run the sandbox by itself, in the foreground."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from webex_widgets.sandbox import conf
from webex_widgets.sandbox.conf import Address
from webex_widgets.sandbox.server import Server


class Command(BaseCommand):
    """``manage.py webex_sandbox [addrport]``."""

    help = (
        "Runs the Webex sandbox in the foreground, until Ctrl-C. The site starts it by itself; use "
        "this command to keep messages while the site restarts, or when the site runs elsewhere."
    )
    # The server must also start while other checks fail, and refuses by itself where it must.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the address."""
        parser.add_argument(
            "addrport",
            nargs="?",
            help=(
                "A port, or host:port, to listen on. Default: the host and the port of "
                'WEBEX_WIDGETS["API_BASE_URL"].'
            ),
        )

    def handle(self, *args: Any, addrport: str | None = None, **options: Any) -> None:
        """Serve until interrupted."""
        if not settings.DEBUG:
            raise CommandError("The Webex sandbox runs only while DEBUG is on.")
        try:
            address = _address(addrport) if addrport else conf.address()
        except (ImproperlyConfigured, ValueError) as error:
            raise CommandError(str(error)) from error
        try:
            server = Server(address)
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {address.origin}: {error.strerror or error}. "
                "Is a sandbox running there already? Otherwise choose another port."
            ) from error
        self.stdout.write(f"The Webex sandbox is at {server.origin}/ (Ctrl-C to stop)")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("")
        finally:
            server.server_close()


def _address(addrport: str) -> Address:
    """Return the address that a developer typed: ``8001`` or ``127.0.0.1:8001``."""
    host, _, port = addrport.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{addrport!r} is neither a port nor host:port.")
    return Address(host.strip("[]") or "127.0.0.1", int(port))
