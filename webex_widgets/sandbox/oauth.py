"""The authorization page and the token endpoint."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.crypto import constant_time_compare

from webex_widgets.sandbox import conf, pages
from webex_widgets.sandbox.data import PEOPLE, SERVICE_APP, person_named
from webex_widgets.sandbox.errors import ApiError, OAuthError, not_allowed
from webex_widgets.sandbox.state import STATE, Code, Refreshed
from webex_widgets.sandbox.tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    Grant,
    Token,
    mint,
    read,
)

CODE_LIFETIME = 10 * 60
# Two refreshes within this time give out one and the same access token.
REFRESH_INTERVAL = 24 * 60 * 60

# What a service app that makes guests has been allowed.
GUESTS_SCOPE = "guest-issuer:write"

# What the authorization page hands on to itself when the form is sent.
PARAMETERS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)

_SCOPE = re.compile(r"[a-zA-Z][\w-]*:[\w.-]+")


def authorize(request: HttpRequest) -> HttpResponse:
    """Ask who the visitor is and whether the site may act for them.

    GET draws the question; POST, sent by that page only, answers it with a redirect that carries
    ``code`` or ``error``, and ``state``. A client or a redirect URI that does not fit gets a page
    of its own and no redirect, since nobody knows where it would lead.
    """
    if request.method == "GET":
        said = request.GET
    elif request.method == "POST":
        pages.refuse_other_sites(request)
        said = request.POST
    else:
        raise not_allowed()
    mistake = _mistake(said)
    if mistake:
        return pages.page(
            "mistake.html", {"title": "This request does not fit", "mistake": mistake}, 400
        )
    if said.get("response_type") != "code":
        return _back(
            said, error="unsupported_response_type", error_description="Use response_type=code."
        )
    if not _scopes_are_sound(said.get("scope", "")):
        return _back(
            said, error="invalid_scope", error_description="The requested scope is invalid."
        )
    if said.get("code_challenge") and said.get("code_challenge_method") != "S256":
        return _back(
            said,
            error="invalid_request",
            error_description="Use code_challenge_method=S256.",
        )
    if said.get("prompt") == "none":
        return _back(said, error="login_required", error_description="Nobody is signed in.")
    if request.method == "POST":
        return _decide(said)
    hinted = person_named(said.get("login_hint", "")) or PEOPLE[0]
    return pages.page(
        "authorize.html",
        {
            "title": "Connect to the Webex sandbox",
            "people": PEOPLE,
            "hinted": hinted,
            "site": conf.split(said["redirect_uri"]).netloc,
            "scopes": said["scope"].split(),
            "parameters": [(name, said[name]) for name in PARAMETERS if name in said],
        },
    )


def _mistake(said: Mapping[str, str]) -> str:
    """Return what is wrong with the client or the redirect URI, or an empty string."""
    if not _same(said.get("client_id", ""), conf.client_id()):
        return 'client_id is not the one in WEBEX_WIDGETS["CLIENT_ID"].'
    redirect_uri = said.get("redirect_uri", "")
    parts = conf.split(redirect_uri)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment:
        return "redirect_uri is not an absolute http:// or https:// address."
    if conf.redirect_uri() not in ("", redirect_uri):
        return 'redirect_uri differs from the one in WEBEX_WIDGETS["REDIRECT_URI"].'
    return ""


def _scopes_are_sound(scope: str) -> bool:
    """Whether every scope is written as Webex writes them; which are registered nobody knows."""
    scopes = scope.split()
    return bool(scopes) and all(_SCOPE.fullmatch(each) for each in scopes)


def _decide(said: Mapping[str, str]) -> HttpResponse:
    """Turn the sent form into a redirect."""
    if said.get("decision") != "accept":
        return _back(
            said, error="access_denied", error_description="The person declined the request."
        )
    person = person_named(said.get("person", "")) or PEOPLE[0]
    code = secrets.token_urlsafe(32)
    STATE.add_code(
        code,
        Code(
            said["client_id"],
            said["redirect_uri"],
            said.get("code_challenge", ""),
            person,
            said["scope"],
            time.time() + CODE_LIFETIME,
        ),
    )
    return _back(said, code=code)


def _back(said: Mapping[str, str], **answer: str) -> HttpResponse:
    """Redirect to the site with an answer, and with the state as it came."""
    if "state" in said:
        answer["state"] = said["state"]
    uri = said["redirect_uri"]
    glue = "&" if conf.split(uri).query else "?"
    return HttpResponseRedirect(f"{uri}{glue}{urlencode(answer)}")


def access_token(request: HttpRequest) -> HttpResponse:
    """Exchange a code, or refresh: a form in, tokens as JSON out."""
    if request.method != "POST":
        raise not_allowed()
    client_id = _authenticate_client(request)
    grant_type = request.POST.get("grant_type", "")
    if grant_type == "authorization_code":
        return _exchange(client_id, request.POST)
    if grant_type == "refresh_token":
        return _refresh(client_id, request.POST.get("refresh_token", ""))
    raise OAuthError(400, "unsupported_grant_type", "The grant type is not supported.")


def _authenticate_client(request: HttpRequest) -> str:
    """Hold the credentials, from the header or the form, against the settings.

    Return the client's id: the integration's, or the service app's.
    """
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except ValueError:
            pair = ""
        client_id, _, client_secret = (unquote_plus(part) for part in pair.partition(":"))
    else:
        client_id = request.POST.get("client_id", "")
        client_secret = request.POST.get("client_secret", "")
    if not client_secret:
        raise OAuthError(401, "invalid_client", "client_secret cannot be null or empty")
    for known_id, known_secret in (
        (conf.client_id(), conf.client_secret()),
        (conf.guests("CLIENT_ID"), conf.guests("CLIENT_SECRET")),
    ):
        if _same(client_id, known_id) and _same(client_secret, known_secret):
            return client_id
    raise OAuthError(401, "invalid_client", "The client's credentials are not valid.")


def _exchange(client_id: str, form: Mapping[str, str]) -> HttpResponse:
    code = STATE.redeem_code(form.get("code", ""))
    if code is None:
        raise ApiError(400, "The authorization code is used, expired, malformed or invalid.")
    if form.get("redirect_uri") != code.redirect_uri or code.client_id != client_id:
        raise ApiError(400, "The redirect URI is not the one that the code was asked for with.")
    if code.challenge and not _same(_challenge(form.get("code_verifier", "")), code.challenge):
        raise ApiError(400, "The code verifier does not fit the code challenge.")
    grant = Grant.new(code.person, code.client_id, code.scope)
    access, _ = mint("access", grant, ACCESS_LIFETIME)
    refresh, _ = mint("refresh", grant, REFRESH_LIFETIME)
    return _tokens(grant, access, ACCESS_LIFETIME, refresh)


def _refresh(client_id: str, refresh: str) -> HttpResponse:
    token = read("refresh", refresh) or _service_app(refresh)
    now = time.time()
    if token is None or token.grant.client_id != client_id or _refresh_ends(token) <= now:
        raise OAuthError(
            400,
            "invalid_request",
            "The refresh token provided is expired, revoked, malformed, or invalid.",
        )
    last = STATE.last_refresh(token.grant.id)
    if last is None or last.issued + REFRESH_INTERVAL <= now:
        access, said = mint("access", token.grant, ACCESS_LIFETIME)
        last = Refreshed(access, said.issued, said.expires)
        STATE.remember_refresh(token.grant.id, last)
    return _tokens(token.grant, last.access_token, round(last.expires - now), refresh)


def _service_app(refresh: str) -> Token | None:
    """Return what the service app's refresh token, which the site has in its settings, says.

    It counts as given out when the sandbox started, and has the usual 90 days from then.
    """
    issued = STATE.started.timestamp()
    revoked = STATE.is_revoked(SERVICE_APP, issued)
    if revoked or not _same(refresh, conf.guests("REFRESH_TOKEN")):
        return None
    grant = Grant(SERVICE_APP, conf.guests("CLIENT_ID"), GUESTS_SCOPE, "service-app")
    return Token(grant, issued, issued + REFRESH_LIFETIME)


def _refresh_ends(token: Token) -> float:
    """Return when a refresh token ends: every refresh gives it another 90 days."""
    last = STATE.last_refresh(token.grant.id)
    return max(token.expires, last.issued + REFRESH_LIFETIME if last else 0)


def _tokens(grant: Grant, access: str, expires_in: int, refresh: str) -> HttpResponse:
    return JsonResponse(
        {
            "access_token": access,
            "expires_in": expires_in,
            "refresh_token": refresh,
            "refresh_token_expires_in": REFRESH_LIFETIME,
            "token_type": "Bearer",
            "scope": grant.scope,
        }
    )


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _same(given: str, expected: str) -> bool:
    """Whether two strings are equal and say something."""
    return bool(expected) and constant_time_compare(given, expected)
