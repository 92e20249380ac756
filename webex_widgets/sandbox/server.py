"""The sandbox's own server: plain HTTP on a loopback port, from a thread of the site's process.

It has a port of its own because a site with one worker calls Webex from within a request: asked on
the site's port, it would wait for itself. It starts with the site's first request, or together
with ``runserver``, and in whichever process gets hold of the port first.
"""

from __future__ import annotations

import http.client
import logging
import os
import socketserver
import threading
from types import TracebackType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from webex_widgets.sandbox import conf
from webex_widgets.sandbox.application import SERVER, application
from webex_widgets.sandbox.conf import Address
from webex_widgets.sandbox.state import STATE

logger = logging.getLogger("webex_widgets.sandbox")


class Handler(WSGIRequestHandler):
    """One connection; logs without the query, which carries codes on the way through OAuth."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log the method, the path and the status at DEBUG level."""
        # After a garbled request there is no command and no path.
        path = getattr(self, "path", "").partition("?")[0]
        logger.debug("%s %s %s", self.command or "-", path, getattr(code, "value", code))

    def log_message(self, *args: Any) -> None:
        """Say no more than that: what else the base class logs may quote the whole request."""


class Server(ThreadedWSGIServer):
    """The sandbox on one address, listening from the moment that it exists.

    Raises ``OSError`` when the port is held. As a context manager it serves from a daemon thread
    and stops at the end.
    """

    def __init__(self, address: Address) -> None:
        # To reuse an address lets a restarted process have its port back at once; on Windows, it
        # would let two processes share the port.
        super().__init__(
            (address.host, address.port),
            Handler,
            ipv6=":" in address.host,
            allow_reuse_address=os.name != "nt",
        )
        self.set_app(application)

    def server_bind(self) -> None:
        """Bind without the look-up of a host name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    @property
    def origin(self) -> str:
        """Where the sandbox is, such as ``http://127.0.0.1:8001``, also when the port was 0."""
        return Address(self.server_name, self.server_port).origin

    def start(self) -> None:
        """Serve from a daemon thread."""
        threading.Thread(
            target=self.serve_forever, name="webex-widgets-sandbox", daemon=True
        ).start()

    def stop(self) -> None:
        """Stop serving, give the port back and end the open streams."""
        self.shutdown()
        self.server_close()
        STATE.hang_up()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Starter:
    """Starts the sandbox in this process as soon as the port is free.

    Called for every request of the site, so each call is cheap: nothing at all once the server
    runs, one attempt to bind as long as another process has the port.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._held_before = False

    def __call__(self, **kwargs: object) -> None:
        """Start the server if it is wanted and can be had; takes what a signal sends."""
        if self._server is None and settings.DEBUG:
            self._start()

    def _start(self) -> None:
        try:
            address = conf.address()
        except ImproperlyConfigured:
            return  # The system checks say so, at length.
        with self._lock:
            if self._server is not None:
                return  # Another request was faster.
            try:
                server = Server(address)
            except OSError as error:
                self._explain_once(address, error)
                return
            server.start()
            self._server = server
        logger.info("The Webex sandbox is at %s", server.origin)

    def stop(self) -> None:
        """Stop the server, if this process has it."""
        with self._lock:
            server, self._server = self._server, None
            self._held_before = False
        if server is not None:
            server.stop()

    def _explain_once(self, address: Address, error: OSError) -> None:
        # In a thread of its own: the port's holder may be this very site, busy with this request.
        if not self._held_before:
            self._held_before = True
            threading.Thread(target=explain, args=(address, error), daemon=True).start()


def explain(address: Address, error: OSError) -> None:
    """Log why the sandbox cannot listen, unless another sandbox does so already."""
    if not is_sandbox(address):
        logger.warning(
            "The Webex sandbox cannot listen on %s (%s). Choose a free port in "
            'WEBEX_WIDGETS["API_BASE_URL"], for example http://127.0.0.1:8002/v1.',
            address.origin,
            error.strerror or error,
        )


def is_sandbox(address: Address) -> bool:
    """Whether a sandbox, of whichever process, answers at an address."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=2)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().getheader("Server") == SERVER
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


ensure_running = Starter()
