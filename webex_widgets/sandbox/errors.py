"""Refusals, in the two shapes in which Webex writes errors.

A view raises; the application turns the exception into an answer, because only it knows the
request's tracking id, which stands in the body as well as in a header.
"""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse


class ApiError(Exception):
    """An error of the REST API: ``message``, ``errors`` and ``trackingId``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def answer(self, tracking_id: str) -> HttpResponse:
        """Return the answer to a request with this tracking id."""
        return JsonResponse(
            {
                "message": self.message,
                "errors": [{"description": self.message}],
                "trackingId": tracking_id,
            },
            status=self.status,
        )


class OAuthError(ApiError):
    """An error of the token endpoint: ``error``, ``error_description`` and ``trackingID``."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status, description)
        self.error = error

    def answer(self, tracking_id: str) -> HttpResponse:
        """Return the answer to a request with this tracking id."""
        return JsonResponse(
            {
                "error": self.error,
                "error_description": self.message,
                "trackingID": tracking_id,
            },
            status=self.status,
        )


class RateLimitError(ApiError):
    """Too many requests. The body is HTML, which Webex's documentation warns of."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(429, "Too Many Requests")
        self.retry_after = retry_after

    def answer(self, tracking_id: str) -> HttpResponse:
        """Return the answer; the tracking id is only in its header."""
        return HttpResponse(
            "<html><head><title>429 Too Many Requests</title></head>"
            "<body><h1>429 Too Many Requests</h1></body></html>",
            status=self.status,
            headers={"Retry-After": str(self.retry_after)},
        )


def unauthorised() -> ApiError:
    """Return the answer to a missing, expired, revoked or invented access token."""
    return ApiError(
        401,
        "The request requires a valid access token set in the Authorization request header.",
    )


def not_allowed() -> ApiError:
    """Return the answer to a method that an address does not know."""
    return ApiError(405, "The method is not supported for this resource.")
