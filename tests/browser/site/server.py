"""Runs the site on a port of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test.testcases import LiveServerThread
from django.views.static import serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Files(StaticFilesHandler):
    """Static files: the collected ones where ``STATIC_ROOT`` says so, else those that are found."""

    def get_base_url(self) -> str:
        return "/static/"

    def file_path(self, url: str) -> str:
        return super().file_path(url.removeprefix(settings.FORCE_SCRIPT_NAME or ""))

    def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
        if settings.STATIC_ROOT:
            return serve(request, self.file_path(request.path), settings.STATIC_ROOT)
        return super().serve(request)


class Front(WSGIHandler):
    """Hands requests on as a server in front of the site does, below ``FORCE_SCRIPT_NAME``.

    It puts the site together anew for each request, so that a test's settings count; a live
    server reads ``MIDDLEWARE`` once for the whole run.
    """

    def __init__(self, _application: WSGIHandler) -> None:
        """Read nothing yet."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> HttpResponseBase:
        prefix = settings.FORCE_SCRIPT_NAME or ""
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(prefix)
        return Files(WSGIHandler())(environ, start_response)


class Server(ThreadedWSGIServer):
    """A live server whose connections end with it, so that none outlives its test's database.

    A browser keeps its connections open for as long as it likes.
    """

    daemon_threads = False  # so that server_close() waits for them

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


class ServerThread(LiveServerThread):
    server_class = Server


@contextmanager
def running() -> Iterator[str]:
    """Run the site in a thread and yield its origin."""
    thread = ServerThread("localhost", Front)
    thread.daemon = True
    thread.start()
    try:
        thread.is_ready.wait()
        if thread.error:
            raise thread.error
        yield f"http://localhost:{thread.port}"
    finally:
        thread.terminate()
