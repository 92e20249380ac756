"""The intranet's addresses."""

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.urls import path

from . import views

app_name = "intranet"
urlpatterns = [
    path("", views.home, name="home"),
    path("projects/<slug:slug>/", views.project, name="project"),
    path("inbox/", views.inbox, name="inbox"),
    path("reception/", views.reception, name="reception"),
    path("connection/", views.connection, name="connection"),
    path("connection/spaces/", views.spaces, name="spaces"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
]
if getattr(settings, "DEMO_SIGN_IN", False):
    urlpatterns.append(path("sign-in/", views.sign_in, name="sign_in"))
