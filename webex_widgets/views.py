"""Connecting and disconnecting.

No view here fails because of Webex: what goes wrong there ends in a page that says what to do next.
All of them stay outside ``ATOMIC_REQUESTS``, because no transaction may stay open while Webex is
asked.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from . import state, tokens
from .addresses import home, next_page, url
from .client import oauth, rest
from .client.transport import Transport
from .conf import conf
from .exceptions import InvalidClient, StateError, WebexError

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
    next_url = next_page(request)
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
        return _not_connected(request, error, home())
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
    next_url = next_page(request)
    if request.method == "POST":
        if tokens.disconnect(request.user):
            messages.success(request, _("You are disconnected from Webex."), fail_silently=True)
        return HttpResponseRedirect(next_url)
    token = tokens.find_token(request.user)
    return render(request, "webex_widgets/disconnect.html", {"token": token, "next": next_url})


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
    return _message_page(request, message, home(), HTTPStatus.BAD_REQUEST)


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
