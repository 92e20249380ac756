"""The addresses of a small site that shows Webex spaces."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import RequestContext, Template
from django.urls import include, path


def page(request: HttpRequest, name: str) -> HttpResponse:
    """Draw one of the templates beside this file."""
    return render(request, f"{name}.html")


def drawn(request: HttpRequest) -> HttpResponse:
    """Draw the tag that the address names."""
    block = f"{{% block content %}}{{% {request.GET['tag']} %}}{{% endblock %}}"
    source = f"{{% extends 'base.html' %}}{{% load webex_widgets %}}{block}"
    return HttpResponse(Template(source).render(RequestContext(request)))


urlpatterns = [
    path("drawn/", drawn),
    path("pages/<slug:name>/", page, name="page"),
    path("public/<slug:name>/", login_not_required(page), name="public"),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("webex/", include("webex_widgets.urls")),
]
