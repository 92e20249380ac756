"""The views inside the ``<iframe>``: its document, its session, and what a guest is called.

None of them fails because of Webex: whatever stands in the way becomes a session's ``status`` that
says what to do next. They stay outside ``ATOMIC_REQUESTS``, because no transaction may stay open
while Webex is asked.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from . import guests, policy, rooms, tokens
from .addresses import next_page, url
from .client import rest
from .client.transport import Transport
from .conf import conf
from .exceptions import (
    ApiError,
    DecryptionError,
    GuestNameRequired,
    GuestsNotSetUp,
    NotConnected,
    OAuthError,
    ReauthorizationRequired,
    RoomNotFound,
    TooManyGuests,
    WebexError,
)
from .widgets import RecentsWidget, SpaceWidget, from_signed

logger = logging.getLogger("webex_widgets")


@require_http_methods(["GET", "HEAD"])
@login_not_required
@xframe_options_sameorigin
def frame(request: HttpRequest) -> HttpResponse:
    """Draw the document inside the ``<iframe>``: the same bytes for everybody, and no secret.

    Its script may find a ``room`` or a ``start`` in the address, which are nothing to this view.
    """
    signed = request.GET.get("w", "")
    try:
        widget = from_signed(signed)
    except BadSignature:
        context: dict[str, object] = {"message": _stale_address()}
        response = render(
            request, "webex_widgets/frame.html", context, status=HTTPStatus.BAD_REQUEST
        )
        response["Content-Security-Policy"] = policy.frame_policy([])
        return response
    script = policy.address(widget.assets.script)
    stylesheet = policy.address(widget.assets.stylesheet)
    context = {
        "widget": widget,
        "session_url": url("session", w=signed),
        "script": script,
        "stylesheet": stylesheet,
    }
    with translation.override(_language(widget)):
        response = render(request, "webex_widgets/frame.html", context)
    response["Content-Language"] = _language(widget)
    response["Content-Security-Policy"] = policy.frame_policy([script, stylesheet])
    return response


@require_GET
@transaction.non_atomic_requests
@never_cache
@login_not_required
@csrf_protect
@sensitive_variables()
def session(request: HttpRequest) -> HttpResponse:
    """Answer a frame with the bundle's options, or with what stands in the way, as JSON.

    Takes the frame's ``w``, ``next``, the page to come back to, and ``room``, the id of a space
    that was chosen in a Recents widget. Only pages of this very origin may ask: the answer holds
    an access token.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return _answer("unavailable", _stale_address(), status=HTTPStatus.FORBIDDEN)
    try:
        widget = from_signed(request.GET.get("w", ""))
    except BadSignature:
        return _answer("unavailable", _stale_address(), status=HTTPStatus.BAD_REQUEST)
    room_id = request.GET.get("room", "")
    # It opens nothing that the visitor's own account may not see. For guests the site vouches, so
    # they see what the template has signed and nothing else.
    if room_id and isinstance(widget, SpaceWidget) and not widget.guest:
        widget = replace(widget, destination=room_id, destination_type="room_id")
    with translation.override(_language(widget)):
        response = _session(request, widget)
    response["Content-Language"] = _language(widget)
    return response


def _session(request: HttpRequest, widget: SpaceWidget | RecentsWidget) -> JsonResponse:
    if request.user.is_authenticated:
        return _session_of_user(request, widget)
    if isinstance(widget, SpaceWidget) and widget.guest:
        return _session_of_guest(request, widget)
    message = (
        _("Sign in to see this Webex space.")
        if isinstance(widget, SpaceWidget)
        else _("Sign in to see your Webex spaces.")
    )
    return _answer("sign_in", message, _sign_in_action(request))


def _session_of_user(request: HttpRequest, widget: SpaceWidget | RecentsWidget) -> JsonResponse:
    """Answer somebody who is signed in to this site."""
    try:
        token = tokens.get_token(request.user)
        with Transport(total=conf.REQUEST_TIMEOUT) as transport:
            destination = tokens.call(
                transport,
                token,
                lambda access: _destination(
                    transport, access, widget, f"{token.user_id} {token.person_id}"
                ),
            )
        return _ready(widget, token.access_token, destination, token.access_token_expires_at)
    except NotConnected:
        if isinstance(widget, SpaceWidget) and widget.guest:
            return _session_of_guest(request, widget)
        message = (
            _("Connect your Webex account to see this space.")
            if isinstance(widget, SpaceWidget)
            else _("Connect your Webex account to see your spaces.")
        )
        return _answer("connect", message, _connect_action(request, _("Connect to Webex")))
    except (ReauthorizationRequired, DecryptionError) as failure:
        if isinstance(failure, DecryptionError):
            logger.error("The Webex token of user %s is unreadable: %s", request.user.pk, failure)
        return _reconnect(request, widget)
    except ApiError as failure:
        # Whoever may not list spaces has granted too little.
        if failure.status == HTTPStatus.FORBIDDEN:
            return _reconnect(request, widget)
        return _failed(request, widget, failure)
    except WebexError as failure:
        return _failed(request, widget, failure)


def _session_of_guest(request: HttpRequest, widget: SpaceWidget) -> JsonResponse:
    """Answer somebody who has no Webex account, or none that this site knows of."""
    try:
        with Transport(total=conf.REQUEST_TIMEOUT) as transport:
            guest = guests.guest(transport, request)
            try:
                destination = _destination(transport, guest.access_token, widget, guest.subject)
            except ApiError as error:
                if error.status != HTTPStatus.UNAUTHORIZED:
                    raise
                guest = guests.guest(transport, request, refused=True)
                destination = _destination(transport, guest.access_token, widget, guest.subject)
        return _ready(widget, guest.access_token, destination, guest.ends_at)
    except GuestNameRequired:
        action = {
            "label": _("Join as a guest"),
            "url": url("guest", w=request.GET["w"]),
            "target": "_self",
        }
        message = _("Join this Webex space as a guest. Which name should the others see?")
        return _answer("guest_name", message, action, csrf_token=get_token(request))
    except GuestsNotSetUp as failure:
        logger.error("A guest was turned away: %s", failure)
        return _answer("unavailable", _("This Webex space is not open to guests yet."))
    except TooManyGuests as failure:
        logger.warning("A guest was turned away: %s", failure)
        return _answer(
            "unavailable",
            _("Too many guests have joined from here. Please try again later."),
            _retry_action(request, _("Try again")),
        )
    except WebexError as failure:
        return _failed(request, widget, failure)


@sensitive_variables()
def _destination(
    transport: Transport,
    access_token: str,
    widget: SpaceWidget | RecentsWidget,
    owner: str,
) -> str | None:
    """Return what the bundle is to open; empty where it needs nothing, ``None``: not chosen yet.

    Always asks Webex something: a token that it refuses would be a minute's spinner in Cisco's
    widget. Raises ``RoomNotFound``, ``ApiError`` or ``TransportError``.
    """
    if isinstance(widget, SpaceWidget):
        if widget.destination and widget.destination_type == "room_id":
            try:
                return rest.room(transport, access_token, widget.destination).id
            except ApiError as error:
                if error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                    raise RoomNotFound("The user is in no space of that id.") from None
                raise
        if widget.destination and widget.destination_type == "room_title":
            return rooms.room_id(transport, access_token, widget.destination, owner)
    try:
        rest.me(transport, access_token)
    except ApiError as error:
        # Who may not read about themselves may still talk.
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise
    if isinstance(widget, RecentsWidget):
        return ""
    return widget.destination or None


@require_POST
@transaction.non_atomic_requests
@never_cache
@login_not_required
@csrf_protect
def guest(request: HttpRequest) -> HttpResponse:
    """Keep the name that a visitor wants to be called by as a guest, for the next session."""
    try:
        widget = from_signed(request.GET.get("w", ""))
    except BadSignature:
        widget = None
    if not isinstance(widget, SpaceWidget) or not widget.guest:
        return _answer("unavailable", _stale_address(), status=HTTPStatus.BAD_REQUEST)
    guests.introduce(request, request.POST.get("name", ""))
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _language(widget: SpaceWidget | RecentsWidget) -> str:
    """Return the language of the page around the frame, if this site still speaks it."""
    known = translation.check_for_language(widget.language) if widget.language else False
    return widget.language if known else translation.get_language() or settings.LANGUAGE_CODE


def _ready(
    widget: SpaceWidget | RecentsWidget,
    access_token: str,
    destination: str | None,
    ends: datetime | None,
) -> JsonResponse:
    if destination is None:
        return _answer("choose", _("Choose one of your Webex spaces to see it here."))
    return _json(
        {
            "status": "ready",
            "options": widget.options(access_token, destination)
            if isinstance(widget, SpaceWidget)
            else widget.options(access_token),
            "expires_in": None if ends is None else int((ends - timezone.now()).total_seconds()),
        }
    )


def _failed(
    request: HttpRequest, widget: SpaceWidget | RecentsWidget, failure: WebexError
) -> JsonResponse:
    if isinstance(failure, RoomNotFound):
        message = (
            _("You are in no Webex space called “%(title)s”. Ask a member to add you.")
            % {"title": widget.destination}
            if isinstance(widget, SpaceWidget) and widget.destination_type == "room_title"
            else _("You are not in this Webex space. Ask a member to add you.")
        )
        return _answer("room_not_found", message, _retry_action(request, _("Look again")))
    # What no visitor can mend: the site's credentials, or those of its service app.
    to_mend = isinstance(failure, OAuthError | ReauthorizationRequired | DecryptionError)
    level = logging.ERROR if to_mend else logging.WARNING
    logger.log(level, "No Webex session for user %s: %s", request.user.pk, failure)
    return _answer(
        "unavailable",
        _("Webex cannot be reached at the moment."),
        _retry_action(request, _("Try again")),
    )


def _reconnect(request: HttpRequest, widget: SpaceWidget | RecentsWidget) -> JsonResponse:
    message = (
        _("Your connection to Webex has ended. Connect again to see this space.")
        if isinstance(widget, SpaceWidget)
        else _("Your connection to Webex has ended. Connect again to see your spaces here.")
    )
    return _answer("reconnect", message, _connect_action(request, _("Connect again")))


def _answer(
    status_name: str,
    message: str,
    action: dict[str, str] | None = None,
    *,
    status: int = HTTPStatus.OK,
    **more: object,
) -> JsonResponse:
    content: dict[str, object] = {"status": status_name, "message": message, **more}
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
    login_url += joint + urlencode({REDIRECT_FIELD_NAME: next_page(request)})
    return {"label": _("Sign in"), "url": login_url, "target": "_top"}


def _connect_action(request: HttpRequest, label: str) -> dict[str, str]:
    return {"label": label, "url": url("connect", next=next_page(request)), "target": "_top"}


def _retry_action(request: HttpRequest, label: str) -> dict[str, str]:
    again = {name: request.GET[name] for name in ("w", "room") if name in request.GET}
    return {"label": label, "url": url("frame", **again), "target": "_self"}


def _stale_address() -> str:
    return _("This page is out of date. Reload it to see the Webex space.")
