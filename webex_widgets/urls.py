"""The app's addresses: ``path("webex/", include("webex_widgets.urls"))``."""

from __future__ import annotations

from django.urls import path

from . import frame, views

app_name = "webex_widgets"
urlpatterns = [
    path("connect/", views.connect, name="connect"),
    path("callback/", views.callback, name="callback"),
    path("disconnect/", views.disconnect, name="disconnect"),
    path("frame/", frame.frame, name="frame"),
    path("session/", frame.session, name="session"),
    path("guest/", frame.guest, name="guest"),
]
