"""The addresses of a small site that shows Webex spaces."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path


def page(request: HttpRequest, name: str) -> HttpResponse:
    """Draw one of the templates beside this file."""
    return render(request, f"{name}.html")


urlpatterns = [
    path("pages/<slug:name>/", page, name="page"),
    path("public/<slug:name>/", login_not_required(page), name="public"),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("webex/", include("webex_widgets.urls")),
]
