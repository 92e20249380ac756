"""``manage.py check_ports 8000``: are the ports of the demo free? ``make demo`` asks first."""

import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Fail with one sentence when the site's or the sandbox's port is taken."""

    help = "Checks that the port of the site, and the sandbox's where it runs, are free."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the site's port; the sandbox's stands in the settings."""
        parser.add_argument("port", type=int)

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        """Try to listen on each of them."""
        ports = [port]
        try:
            sandbox = urlsplit(getattr(settings, "SANDBOX_URL", None) or "").port
        except ValueError:
            raise CommandError(
                f"Port {port} leaves none for the sandbox, which takes the one after it; choose "
                "another one: make demo PORT=8100"
            ) from None
        if sandbox:
            ports.append(sandbox)
        for number in ports:
            if not is_free(number):
                raise CommandError(
                    f"Port {number} is not free; choose another one: make demo PORT=8100"
                )


def is_free(port: int) -> bool:
    """Whether one could listen on the port."""
    with socket.socket() as server:
        # As the servers do it: a connection that was closed just now does not take the port.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
