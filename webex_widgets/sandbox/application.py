"""The sandbox as a WSGI application: small, and apart from the site's own middleware and URLs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from uuid import uuid4

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from webex_widgets.sandbox.conf import is_loopback, split
from webex_widgets.sandbox.errors import ApiError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger("webex_widgets.sandbox")

URLS = "webex_widgets.sandbox.urls"
# By this a process that finds the port held tells another sandbox from a stranger.
SERVER = "webex-widgets-sandbox"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request; whatever goes wrong, there is an answer."""
    request = WSGIRequest(environ)
    response = answer(request)
    status = f"{response.status_code} {response.reason_phrase}"
    start_response(status, list(response.items()))
    # Not the response itself: closing it would tell the site that one of its requests is over.
    return iter(cast("Iterable[bytes]", response))


def answer(request: HttpRequest) -> HttpResponseBase:
    """Return the answer to a request, with the headers that every answer carries."""
    tracking_id = f"SANDBOX_{uuid4()}"
    try:
        response = _respond(request)
    except ApiError as error:
        response = error.answer(tracking_id)
    except SuspiciousOperation:
        response = ApiError(400, "The request is malformed.").answer(tracking_id)
    except Exception:
        # The path and nothing else: queries and bodies carry codes and tokens.
        logger.exception("The sandbox failed to answer %s %s", request.method, request.path)
        response = ApiError(500, "The sandbox failed; its log says why.").answer(tracking_id)
    response["Server"] = SERVER
    response["trackingid"] = tracking_id
    response["X-Content-Type-Options"] = "nosniff"
    response.setdefault("Cache-Control", "no-store")
    if isinstance(response, HttpResponse):
        response["Content-Length"] = str(len(response.content))
    _allow_other_ports(request, response)
    return response


def _respond(request: HttpRequest) -> HttpResponseBase:
    # A page elsewhere on the web may point its own host name at 127.0.0.1; it is turned away here.
    if not is_loopback(split(f"//{request.META.get('HTTP_HOST', '')}").hostname):
        raise ApiError(400, "The sandbox answers only to names of this machine.")
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    try:
        match = resolve(request.path_info, URLS)
    except Resolver404:
        # Seen when the widgets ask for something that the sandbox does not know.
        logger.info("The sandbox does not know %s %s", request.method, request.path)
        raise ApiError(404, "The requested resource could not be found.") from None
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response


def _allow_other_ports(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let pages of this machine, which live on other ports, read the answer."""
    response["Vary"] = "Origin"
    origin = request.headers.get("Origin", "")
    if not is_loopback(split(origin).hostname):
        return
    response["Access-Control-Allow-Origin"] = origin
    response["Access-Control-Expose-Headers"] = "Link, trackingid, Retry-After"
    if request.method == "OPTIONS":
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        response["Access-Control-Allow-Headers"] = wanted
        response["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
        response["Access-Control-Max-Age"] = "600"
