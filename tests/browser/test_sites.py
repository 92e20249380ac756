"""The whole way to a space, on sites that are set up in different ways."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from .cloud import Cloud
from .conftest import Seen, Site, button, expect_space, go_through_webex, space_frame
from .site import middleware
from .webex_api import UNICORN

pytestmark = pytest.mark.browser

STRICT = {"default-src": ["'self'"], "frame-src": ["'self'"]}


@pytest.fixture(autouse=True)
def _nothing_is_stopped(page: Page, cloud: Cloud, seen: Seen) -> Iterator[None]:
    yield
    assert seen.violations == []
    assert seen.errors == []
    assert cloud.strays == []


def walk(page: Page, site: Site, path: str = "/pages/project/") -> dict[str, str]:
    """Connect and come back to the space; return the page's own headers."""
    response = page.goto(site.url(path))
    go_through_webex(page)
    expect_space(page, UNICORN)
    assert response
    return response.headers


def test_default(page: Page, site: Site, signed_in: User) -> None:
    assert walk(page, site)["x-frame-options"] == "DENY"


def test_policy_of_a_middleware(page: Page, site: Site, signed_in: User) -> None:
    site.add_middleware("tests.browser.site.middleware.strict")
    assert walk(page, site)["content-security-policy"] == middleware.STRICT


@pytest.mark.skipif(
    not importlib.util.find_spec("django.utils.csp"), reason="Django has this since 6.0."
)
def test_policy_of_django(page: Page, site: Site, signed_in: User) -> None:
    site.settings.SECURE_CSP = STRICT
    site.add_middleware("django.middleware.csp.ContentSecurityPolicyMiddleware")
    assert walk(page, site)["content-security-policy"] == middleware.STRICT


def test_policy_of_django_csp(page: Page, site: Site, signed_in: User) -> None:
    site.settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": STRICT}
    site.add_middleware("csp.middleware.CSPMiddleware")
    assert "default-src 'self'" in walk(page, site)["content-security-policy"]


def test_policy_that_lets_forms_lead_to_webex(page: Page, site: Site, signed_in: User) -> None:
    site.add_middleware("tests.browser.site.middleware.forms_lead_to_webex")
    assert "form-action 'self' http://127" in walk(page, site)["content-security-policy"]


def test_policy_that_lets_forms_lead_nowhere_else(
    page: Page, site: Site, signed_in: User, seen: Seen
) -> None:
    """A browser holds a form's redirects to ``form-action`` too, so that has to name Webex."""
    site.add_middleware("tests.browser.site.middleware.forms_stay")
    page.goto(site.url("/webex/connect/"))
    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.get_by_role("button", name="Continue to Webex").click()
    assert page.url == site.url("/webex/connect/")
    seen.violations.clear()


def test_login_required(page: Page, site: Site, user: User) -> None:
    site.add_middleware("django.contrib.auth.middleware.LoginRequiredMiddleware")
    page.goto(site.url("/public/project/"))
    sign_in = button(space_frame(page))
    expect(sign_in).to_have_text("Sign in")
    sign_in.click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(site.url("/public/project/"))
    walk(page, site)


def test_below_a_path(page: Page, site: Site, signed_in: User, seen: Seen) -> None:
    site.settings.FORCE_SCRIPT_NAME = "/intranet"
    site.settings.STATIC_URL = "static/"
    walk(page, site)
    own = [url for url in seen.urls if url.startswith(site.origin)]
    assert all(url.startswith(f"{site.origin}/intranet/") for url in own)


def test_hashed_static_files(
    page: Page, site: Site, signed_in: User, seen: Seen, tmp_path: Path
) -> None:
    site.settings.STATIC_ROOT = tmp_path
    site.settings.STORAGES = {
        **site.settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    walk(page, site)
    static = [url for url in seen.urls if f"{site.origin}/static/" in url]
    assert any("/widget-space/bundle." in url for url in static)
    assert not [url for url in static if url.endswith(("/bundle.js", "/frame.js", "/main.css"))]
