"""What a site may put around its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from webex_widgets.conf import conf

View = Callable[[HttpRequest], HttpResponse]

STRICT: Final = "default-src 'self'; frame-src 'self'"
FORMS_STAY: Final = "default-src 'self'; form-action 'self'"
FORMS_LEAD_TO_WEBEX: Final = "default-src 'self'; form-action 'self' {webex}"

RESPONSES: list[tuple[str, HttpResponse]] = []
"""What ``keep`` has kept: paths and responses."""


def _with_policy(policy: str) -> Callable[[View], View]:
    """Return a middleware that gives a policy to every response that brings none of its own."""

    def middleware(get_response: View) -> View:
        def answer(request: HttpRequest) -> HttpResponse:
            response = get_response(request)
            webex = urlsplit(conf.API_BASE_URL)
            value = policy.format(webex=f"{webex.scheme}://{webex.netloc}")
            response.headers.setdefault("Content-Security-Policy", value)
            return response

        return answer

    return middleware


strict = _with_policy(STRICT)
forms_stay = _with_policy(FORMS_STAY)
forms_lead_to_webex = _with_policy(FORMS_LEAD_TO_WEBEX)


def keep(get_response: View) -> View:
    """Keep every response."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        RESPONSES.append((request.path, response))
        return response

    return answer
