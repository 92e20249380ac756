"""Connecting and disconnecting, the frame, and the session that the frame asks for.

No view here fails because of Webex: what goes wrong there ends in a page, or in a session's
``status``, that says what to do next. All of them stay outside ``ATOMIC_REQUESTS``, because no
transaction may stay open while Webex is asked.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.signing import BadSignature
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, get_script_prefix
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from . import policy, rooms, state, tokens
from .client import oauth, rest
from .client.transport import Transport
from .conf import conf
from .exceptions import (
    ApiError,
    DecryptionError,
    InvalidClient,
    NotConnected,
    OAuthError,
    ReauthorizationRequired,
    RoomNotFound,
    StateError,
    WebexError,
)
from .widgets import SpaceWidget, url

logger = logging.getLogger("webex_widgets")

MAX_CODE: Final = 4096
"""Characters of an authorization code; anything longer is not one."""


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.non_atomic_requests
@never_cache
@csrf_protect
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """Ask (GET) whether to connect, or send the user to Webex (POST). Takes ``next``."""
    next_url = _next(request)
    if request.method != "POST":
        token = tokens.find_token(request.user)
        return render(request, "webex_widgets/connect.html", {"token": token, "next": next_url})
    redirect_uri = conf.REDIRECT_URI or request.build_absolute_uri(url("callback"))
    trip = state.begin(request.session, str(request.user.pk), redirect_uri, next_url)
    return HttpResponseRedirect(
        oauth.authorization_url(redirect_uri, trip.state, trip.code_verifier)
    )


@require_GET
@transaction.non_atomic_requests
@never_cache
@login_not_required
@sensitive_variables()
def callback(request: HttpRequest) -> HttpResponse:
    """Where Webex sends the user back to: redeem the state, store the grant, go to ``next``."""
    error = request.GET.get("error")
    if error is not None and "state" not in request.GET:
        # Whether Webex returns the state with an error is not documented.
        return _not_connected(request, error, _home())
    try:
        trip = state.redeem(
            request.session,
            str(request.user.pk) if request.user.is_authenticated else None,
            request.GET.get("state", ""),
        )
    except StateError as refusal:
        logger.warning("A callback was refused: %s", refusal)
        return _refused(request)
    if error is not None:
        return _not_connected(request, error, trip.next)
    code = request.GET.get("code", "")
    # RFC 6749, appendix A.11: visible ASCII characters and spaces.
    if len(code) > MAX_CODE or not re.fullmatch(r"[\x20-\x7e]+", code):
        logger.warning("A callback was refused: its code cannot be one.")
        return _refused(request)
    try:
        with Transport(total=conf.REQUEST_TIMEOUT) as transport:
            grant = oauth.exchange(transport, code, trip.redirect_uri, trip.code_verifier)
            try:
                person = rest.me(transport, grant.access_token)
            except WebexError as failure:
                # The code is spent: the grant is worth more than the name that belongs to it.
                logger.warning("Webex did not tell who connected: %s", failure)
                person = None
    except WebexError as failure:
        logger.error("Connecting user %s to Webex failed: %s", request.user.pk, failure)
        return _failed(request, trip.next, site_to_blame=isinstance(failure, InvalidClient))
    token = tokens.store(request.user.pk, grant, person)
    text = (
        _("You are connected to Webex as %(email)s.")
        if token.email
        else _("You are connected to Webex.")
    )
    messages.success(request, text % {"email": token.email}, fail_silently=True)
    return HttpResponseRedirect(trip.next)


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.non_atomic_requests
@never_cache
@csrf_protect
@login_required
def disconnect(request: HttpRequest) -> HttpResponse:
    """Ask (GET) whether to forget the connection, or do so (POST). Takes ``next``."""
    next_url = _next(request)
    if request.method == "POST":
        if tokens.disconnect(request.user):
            messages.success(request, _("You are disconnected from Webex."), fail_silently=True)
        return HttpResponseRedirect(next_url)
    token = tokens.find_token(request.user)
    return render(request, "webex_widgets/disconnect.html", {"token": token, "next": next_url})


@require_http_methods(["GET", "HEAD"])
@login_not_required
@xframe_options_sameorigin
def frame(request: HttpRequest) -> HttpResponse:
    """Draw the document inside the ``<iframe>``: the same bytes for everybody, and no secret."""
    signed = request.GET.get("w", "")
    context: dict[str, str | None] = {}
    assets: list[str] = []
    status = HTTPStatus.OK
    try:
        widget = SpaceWidget.from_signed(signed)
    except BadSignature:
        context["message"] = _stale_address()
        status = HTTPStatus.BAD_REQUEST
    else:
        assets = [policy.address(widget.assets.script), policy.address(widget.assets.stylesheet)]
        context = {
            "session_url": url("session", w=signed),
            "script": assets[0],
            "script_integrity": widget.assets.script_integrity,
            "stylesheet": assets[1],
            "stylesheet_integrity": widget.assets.stylesheet_integrity,
        }
    response = render(request, "webex_widgets/frame.html", context, status=status)
    response["Content-Security-Policy"] = policy.frame_policy(assets)
    return response


@require_GET
@transaction.non_atomic_requests
@never_cache
@login_not_required
@sensitive_variables()
def session(request: HttpRequest) -> HttpResponse:
    """Answer a frame with the bundle's options, or with what stands in the way, as JSON.

    Takes the frame's ``w`` and ``next``, the page to come back to. Only pages of this very origin
    may ask: the answer holds an access token.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return _answer("unavailable", _stale_address(), status=HTTPStatus.FORBIDDEN)
    try:
        widget = SpaceWidget.from_signed(request.GET.get("w", ""))
    except BadSignature:
        return _answer("unavailable", _stale_address(), status=HTTPStatus.BAD_REQUEST)
    if not request.user.is_authenticated:
        return _answer("sign_in", _("Sign in to see this Webex space."), _sign_in_action(request))
    try:
        token = tokens.get_token(request.user)
        with Transport(total=conf.REQUEST_TIMEOUT) as transport:
            room_id = rooms.room_id(transport, token, widget.room_title)
        access_token = token.access_token
    except NotConnected:
        return _answer(
            "connect",
            _("Connect your Webex account to see this space."),
            _connect_action(request, _("Connect to Webex")),
        )
    except (ReauthorizationRequired, DecryptionError) as failure:
        if isinstance(failure, DecryptionError):
            logger.error("The Webex token of user %s is unreadable: %s", request.user.pk, failure)
        return _reconnect(request)
    except RoomNotFound:
        return _answer(
            "room_not_found",
            _("You are in no Webex space called “%(title)s”. Ask a member to add you.")
            % {"title": widget.room_title},
            _retry_action(request, _("Look again")),
        )
    except WebexError as failure:
        # Whoever may not list spaces has granted too little.
        if isinstance(failure, ApiError) and failure.status == HTTPStatus.FORBIDDEN:
            return _reconnect(request)
        level = logging.ERROR if isinstance(failure, OAuthError) else logging.WARNING
        logger.log(level, "No Webex session for user %s: %s", request.user.pk, failure)
        return _answer(
            "unavailable",
            _("Webex cannot be reached at the moment."),
            _retry_action(request, _("Try again")),
        )
    ends = token.access_token_expires_at
    return _json(
        {
            "status": "ready",
            "options": widget.options(access_token, room_id),
            "expires_in": None if ends is None else int((ends - timezone.now()).total_seconds()),
        }
    )


def _reconnect(request: HttpRequest) -> JsonResponse:
    return _answer(
        "reconnect",
        _("Your connection to Webex has ended. Connect again to see this space."),
        _connect_action(request, _("Connect again")),
    )


def _answer(
    status_name: str,
    message: str,
    action: dict[str, str] | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> JsonResponse:
    content: dict[str, object] = {"status": status_name, "message": message}
    if action is not None:
        content["action"] = action
    return _json(content, status=status)


def _json(content: dict[str, object], *, status: int = HTTPStatus.OK) -> JsonResponse:
    response = JsonResponse(content, status=status)
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _sign_in_action(request: HttpRequest) -> dict[str, str] | None:
    try:
        login_url = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return None
    joint = "&" if urlsplit(login_url).query else "?"
    login_url += joint + urlencode({REDIRECT_FIELD_NAME: _next(request)})
    return {"label": _("Sign in"), "url": login_url, "target": "_top"}


def _connect_action(request: HttpRequest, label: str) -> dict[str, str]:
    return {"label": label, "url": url("connect", next=_next(request)), "target": "_top"}


def _retry_action(request: HttpRequest, label: str) -> dict[str, str]:
    return {"label": label, "url": url("frame", w=request.GET["w"]), "target": "_self"}


def _stale_address() -> str:
    return _("This page is out of date. Reload it to see the Webex space.")


def _not_connected(request: HttpRequest, error: str, next_url: str) -> HttpResponse:
    """Answer a callback that brings an error: declining is a choice, the rest is a failure."""
    if error in ("access_denied", "login_required"):
        messages.info(
            request, _("You are not connected to Webex: nothing was changed."), fail_silently=True
        )
        return HttpResponseRedirect(next_url)
    logger.error("Webex refused an authorization: %.60r", error)
    # What is wrong with the scopes is for the site's developers to mend.
    return _failed(request, next_url, site_to_blame=error in SITE_ERRORS)


SITE_ERRORS: Final = ("invalid_scope", "invalid_request", "unauthorized_client")
"""Authorization errors that come from how the site is set up."""


def _failed(request: HttpRequest, next_url: str, *, site_to_blame: bool) -> HttpResponse:
    message = (
        _("Webex does not accept how this site is set up. Please tell its administrators.")
        if site_to_blame
        else _("Webex did not complete the connection. Nothing was changed; please try again.")
    )
    return _message_page(request, message, next_url, HTTPStatus.BAD_GATEWAY)


def _refused(request: HttpRequest) -> HttpResponse:
    message = _("This attempt to connect is no longer valid. Nothing was changed; start it again.")
    return _message_page(request, message, _home(), HTTPStatus.BAD_REQUEST)


def _message_page(
    request: HttpRequest, message: str, next_url: str, status: HTTPStatus
) -> HttpResponse:
    response = render(
        request,
        "webex_widgets/message.html",
        {"message": message, "connect_url": url("connect", next=next_url), "next": next_url},
        status=status,
    )
    # The address of this page holds a code and a state.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _next(request: HttpRequest) -> str:
    """Return the page to come back to, if it is one of this site; else the site's first page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else _home()


def _home() -> str:
    return get_script_prefix()
