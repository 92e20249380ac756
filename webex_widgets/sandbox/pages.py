"""The pages that a developer looks at: the home page and what its forms do."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import Context, Engine

from webex_widgets.sandbox.data import PEOPLE, Person, person_named
from webex_widgets.sandbox.errors import ApiError, not_allowed
from webex_widgets.sandbox.state import STATE, Outage
from webex_widgets.sandbox.tokens import PERSONAL_LIFETIME, Grant, mint

HERE = Path(__file__).parent

# An engine of its own: the site's may have context processors that need a database or a session.
ENGINE = Engine(dirs=[str(HERE / "templates" / "webex_sandbox")])

STYLESHEET = HERE / "static" / "webex_widgets_sandbox" / "sandbox.css"

OUTAGES = {
    Outage.NONE: "Everything works",
    Outage.UNAVAILABLE: "Unavailable: every call answers 503",
    Outage.RATE_LIMITED: "Too many requests: 429, an hour to wait, HTML instead of JSON",
    Outage.HANGING: "Hanging: no call is answered",
}

DONE = {
    "message": "The message has been sent.",
    "outage": "The state of the API has been changed.",
    "revoke": "Every token of that person is now worthless.",
}

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def page(name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return one of the sandbox's pages, drawn from a template and its context."""
    html = ENGINE.get_template(name).render(Context(context))
    return HttpResponse(
        html,
        status=status,
        headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"},
    )


def refuse_other_sites(request: HttpRequest) -> None:
    """Raise the 403 error unless a form was sent by one of the sandbox's own pages.

    Browsers say where a form stood; what says nothing is a developer's own script.
    """
    own = f"http://{request.META['HTTP_HOST']}"
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site != "same-origin" or request.headers.get("Origin", own) != own:
        raise ApiError(403, "The form was sent from another site.")


def home(request: HttpRequest) -> HttpResponse:
    """Say what this is, list the spaces and offer the switches."""
    if request.method not in ("GET", "HEAD"):
        raise not_allowed()
    spaces = [
        {
            "uuid": space.uuid,
            "id": space.id,
            "title": space.title or " and ".join(member.name for member in space.members),
            "type": space.type,
            "members": space.members,
            "open_to_guests": space.open_to_guests,
            "last": STATE.messages(space)[-1:],
        }
        for space in STATE.spaces()
    ]
    return page(
        "home.html",
        {
            "title": "Webex sandbox",
            "done": DONE.get(request.GET.get("done", "")),
            "spaces": spaces,
            "people": PEOPLE,
            "outages": OUTAGES.items(),
            "outage": STATE.outage,
        },
    )


def stylesheet(_request: HttpRequest) -> HttpResponse:
    """Return the one stylesheet of these pages."""
    return HttpResponse(STYLESHEET.read_bytes(), content_type="text/css; charset=utf-8")


def post_message(request: HttpRequest) -> HttpResponse:
    """Write into a space as one of its members."""
    _require_own_form(request)
    person = _person(request)
    try:
        space = STATE.space(UUID(request.POST.get("space", "")), person)
    except ValueError:
        space = None
    text = request.POST.get("text", "").strip()
    if space is None or not text:
        raise ApiError(400, "A message needs a text, a space, and one of its members.")
    STATE.post(space, person, text)
    return _home("message")


def set_outage(request: HttpRequest) -> HttpResponse:
    """Break the API in one of several ways, or mend it."""
    _require_own_form(request)
    try:
        STATE.outage = Outage(request.POST.get("outage", ""))
    except ValueError:
        raise ApiError(400, "There is no such outage.") from None
    return _home("outage")


def revoke(request: HttpRequest) -> HttpResponse:
    """Withdraw what a person has allowed, everywhere."""
    _require_own_form(request)
    STATE.revoke(_person(request))
    return _home("revoke")


def personal_token(request: HttpRequest) -> HttpResponse:
    """Show a new access token, for a script of the developer's own."""
    _require_own_form(request)
    person = _person(request)
    token, _ = mint("access", Grant.new(person, "", "spark:all spark:kms"), PERSONAL_LIFETIME)
    return page(
        "token.html",
        {
            "title": f"A token for {person.name}",
            "token": token,
            "hours": PERSONAL_LIFETIME // 3600,
            "origin": f"http://{request.META['HTTP_HOST']}",
        },
    )


def _require_own_form(request: HttpRequest) -> None:
    if request.method != "POST":
        raise not_allowed()
    refuse_other_sites(request)


def _person(request: HttpRequest) -> Person:
    person = person_named(request.POST.get("person", ""))
    if person is None:
        raise ApiError(400, "There is no such person.")
    return person


def _home(done: str) -> HttpResponse:
    return HttpResponseRedirect(f"/?done={done}", status=303)
