"""The intranet's pages.

None of them waits for Webex, except the list of spaces, which a script loads into the page.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from webex_widgets.exceptions import NotConnected, ReauthorizationRequired, WebexError
from webex_widgets.rooms import list_rooms

from .projects import BY_SLUG, PROJECTS

DEMO_PEOPLE = ["ada", "grace"]


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this site shows, and offer the next step."""
    return render(request, "intranet/home.html", {"projects": PROJECTS, **_demo_sign_in(request)})


@require_safe
def project(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a project with its Webex space beside it.

    There is nothing about Webex here: the template tag is all that a page needs. Nobody has to
    be signed in either; where somebody must, the frame says so.
    """
    if slug not in BY_SLUG:
        raise Http404(f"There is no project {slug!r}.")
    return render(
        request, "intranet/project.html", {"project": BY_SLUG[slug], "projects": PROJECTS}
    )


@require_safe
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """Show the person's own spaces, and beside them the one that they choose."""
    return render(request, "intranet/inbox.html")


@require_safe
def reception(request: HttpRequest) -> HttpResponse:
    """Let visitors without an account talk to the reception, as guests."""
    return render(request, "intranet/reception.html")


@require_safe
@login_required
@never_cache
def connection(request: HttpRequest) -> HttpResponse:
    """Show with whom the person is connected. Everything on it comes from the site's database."""
    return render(
        request, "intranet/connection.html", {"token": getattr(request.user, "webex_token", None)}
    )


@require_safe
@login_required
@never_cache
def spaces(request: HttpRequest) -> HttpResponse:
    """List the person's spaces, as Webex answers now.

    A whole page, which works by itself; the connection page takes the list out of it.
    """
    context: dict[str, Any] = {}
    try:
        context["rooms"] = list_rooms(request.user)
    except NotConnected:
        context["problem"] = "You are not connected to Webex."
    except ReauthorizationRequired:
        context["problem"] = "Webex no longer accepts your connection: please reconnect."
    except WebexError:
        context["problem"] = "Webex does not answer at the moment. Please try again in a minute."
    return render(request, "intranet/spaces.html", context)


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demo people by one click; only for trying the site (see the urls)."""
    if request.method == "POST":
        person = get_object_or_404(
            get_user_model().objects.filter(username__in=DEMO_PEOPLE),
            username=request.POST.get("person", ""),
        )
        login(request, person)
        return redirect(_safe_next(request, request.POST.get("next", "")))
    return render(request, "intranet/sign_in.html", _demo_sign_in(request))


def _demo_sign_in(request: HttpRequest) -> dict[str, Any]:
    """Return what the sign-in buttons need; no people where the demo sign-in is off."""
    people = get_user_model().objects.filter(username__in=DEMO_PEOPLE).order_by("username")
    return {
        "people": people if getattr(settings, "DEMO_SIGN_IN", False) else [],
        "next": _safe_next(request, request.GET.get("next", "")),
    }


def _safe_next(request: HttpRequest, address: str) -> str:
    """Return the address if it is one of this site's own, else the home page's."""
    own = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if own else resolve_url(settings.LOGIN_REDIRECT_URL)
