"""The pages, without Webex. Run them with ``manage.py test``, or all tests with ``make test``."""

# ruff: noqa: D102, S101, S106 - tests; the tokens are no tokens

from datetime import timedelta
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from webex_widgets.client.types import Room
from webex_widgets.exceptions import NotConnected, ReauthorizationRequired, TransportError
from webex_widgets.models import WebexToken

from .projects import PROJECTS


class Pages(TestCase):
    """What somebody sees, by who they are."""

    def sign_in(self, person: str = "grace", **extra: str) -> str:
        """Press a sign-in button; return where it leads."""
        response = self.client.post(reverse("intranet:sign_in"), {"person": person, **extra})
        assert response.status_code == 302
        return response.headers["Location"]

    def connect(self, person: str, status: str = "active") -> None:
        """Store a token, as after a consent."""
        now = timezone.now()
        WebexToken.objects.create(
            user=get_user_model().objects.get(username=person),
            access_token="access",
            refresh_token="refresh",
            access_token_expires_at=now + timedelta(days=14, minutes=1),
            refresh_token_expires_at=now + timedelta(days=90, minutes=1),
            refreshed_at=now,
            email=f"{person}@example.com",
            status=status,
        )

    def test_home_offers_to_sign_in(self) -> None:
        response = self.client.get("/")
        self.assertContains(response, "Sign in as Ada")
        self.assertContains(response, "Sign in as Grace")
        for project in PROJECTS:
            self.assertContains(response, project.title)

    def test_home_then_offers_to_connect(self) -> None:
        assert self.sign_in("ada") == "/"
        response = self.client.get("/")
        self.assertContains(response, "Connect to Webex, Ada")
        self.assertContains(response, reverse("webex_widgets:connect"))

    def test_home_then_offers_a_project(self) -> None:
        self.sign_in()
        self.connect("grace")
        self.assertContains(self.client.get("/"), "Open Project Unicorn")

    def test_home_offers_to_reconnect(self) -> None:
        self.sign_in()
        self.connect("grace", "reauthorization_required")
        self.assertContains(self.client.get("/"), "Reconnect, Grace")

    def test_the_demo_people_have_no_password_and_only_ada_keeps_the_site(self) -> None:
        ada, grace = get_user_model().objects.order_by("username")
        assert not ada.has_usable_password()
        assert not grace.has_usable_password()
        assert (ada.is_staff, grace.is_staff) == (True, False)

    def test_nobody_else_can_be_signed_in_by_one_click(self) -> None:
        get_user_model().objects.create_user("mallory")
        for person in ("mallory", ""):
            response = self.client.post(reverse("intranet:sign_in"), {"person": person})
            assert response.status_code == 404

    def test_sign_in_returns_only_to_this_site(self) -> None:
        assert self.sign_in(next="/connection/") == "/connection/"
        assert self.sign_in(next="https://example.org/") == "/"

    def test_sign_out(self) -> None:
        self.sign_in()
        self.client.post(reverse("intranet:sign_out"))
        self.assertContains(self.client.get("/"), "Sign in as Grace")

    def test_a_project_has_its_space_beside_it_and_asks_the_database_nothing(self) -> None:
        for project in PROJECTS:
            with self.assertNumQueries(0):
                response = self.client.get(reverse("intranet:project", args=[project.slug]))
            self.assertContains(response, project.goal)
            self.assertContains(response, "<iframe", count=1)

    def test_the_inbox_needs_a_person_and_opens_spaces_beside_the_list(self) -> None:
        inbox = reverse("intranet:inbox")
        self.assertRedirects(self.client.get(inbox), f"{reverse('intranet:sign_in')}?next={inbox}")
        self.assertNotContains(self.client.get("/"), inbox)
        self.sign_in()
        self.connect("grace")
        self.assertContains(self.client.get("/"), "Open your inbox")
        response = self.client.get(inbox)
        self.assertContains(response, "<iframe", count=2)
        for part in ('id="recents"', 'id="space"', 'id="unread"', "intranet/unread.js"):
            self.assertContains(response, part, count=1)

    def test_guests_talk_to_the_reception(self) -> None:
        reception = reverse("intranet:reception")
        with override_settings(WEBEX_WIDGETS={**settings.WEBEX_WIDGETS, "GUESTS": {}}):
            self.assertContains(self.client.get("/"), reception)
            with self.assertNumQueries(0):
                self.assertContains(self.client.get(reception), "<iframe", count=1)
        without = {name: settings.WEBEX_WIDGETS[name] for name in ("CLIENT_ID", "CLIENT_SECRET")}
        with override_settings(WEBEX_WIDGETS=without):
            self.assertNotContains(self.client.get("/"), reception)
            response = self.client.get(reception)
            self.assertContains(response, "Guests are not set up")
            self.assertNotContains(response, "<iframe")

    def test_there_is_no_other_project(self) -> None:
        response = self.client.get(reverse("intranet:project", args=["zeppelin"]))
        assert response.status_code == 404

    def test_connection_needs_a_person(self) -> None:
        for name in ("intranet:connection", "intranet:spaces"):
            response = self.client.get(reverse(name))
            self.assertRedirects(response, f"{reverse('intranet:sign_in')}?next={reverse(name)}")

    def test_connection_before_and_after(self) -> None:
        self.sign_in()
        self.assertContains(self.client.get(reverse("intranet:connection")), "Not connected")
        self.connect("grace")
        with patch("intranet.views.list_rooms", side_effect=AssertionError):
            response = self.client.get(reverse("intranet:connection"))
        self.assertContains(response, "grace@example.com")
        self.assertContains(response, "in 2\N{NO-BREAK SPACE}weeks")
        self.assertContains(response, reverse("webex_widgets:disconnect"))

    def test_spaces(self) -> None:
        self.sign_in()
        rooms = [
            Room("1", "Help desk", "group", timezone.now() - timedelta(hours=3)),
            Room("2", "", "group", None),
        ]
        with patch("intranet.views.list_rooms", return_value=rooms):
            response = self.client.get(reverse("intranet:spaces"))
        self.assertContains(response, "Help desk")
        self.assertContains(response, "last message 3\N{NO-BREAK SPACE}hours ago")
        self.assertContains(response, "A space whose title cannot be read")

    def test_spaces_say_what_is_wrong(self) -> None:
        self.sign_in()
        for error, sentence in (
            (NotConnected(), "You are not connected to Webex."),
            (ReauthorizationRequired(), "please reconnect."),
            (TransportError("no answer"), "Webex does not answer at the moment."),
        ):
            with patch("intranet.views.list_rooms", side_effect=error):
                response = self.client.get(reverse("intranet:spaces"))
            self.assertContains(response, sentence)

    def test_only_the_sandbox_has_a_banner(self) -> None:
        self.assertNotContains(self.client.get("/"), "This runs on the sandbox")
        with override_settings(SANDBOX_URL="http://127.0.0.1:8001"):
            self.assertContains(self.client.get("/"), 'href="http://127.0.0.1:8001/"')
