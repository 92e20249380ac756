"""Where Cisco's bundles come from: Cisco's servers, or the site's own with all others closed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, Response, expect

from .cloud import Cloud
from .conftest import RECENTS, Seen, Site, expect_space, space_frame
from .webex_api import UNICORN

pytestmark = pytest.mark.browser

CDN = "https://code.s4d.io/"


def fonts(page: Page) -> list[Response]:
    """Collect the answers of which bundles make letters and icons."""
    found: list[Response] = []

    def keep(response: Response) -> None:
        if "/fonts/" in response.url:
            found.append(response)

    page.on("response", keep)
    return found


def settings_without(site: Site, *names: str) -> None:
    values = site.settings.WEBEX_WIDGETS
    site.settings.WEBEX_WIDGETS = {name: values[name] for name in values if name not in names}


def test_cisco_s_own_servers(
    page: Page, site: Site, connected: User, cloud: Cloud, seen: Seen
) -> None:
    settings_without(site, "SPACE_WIDGET", "RECENTS_WIDGET")
    found = fonts(page)
    page.goto(site.url("/pages/events/"))
    expect_space(page, UNICORN, 1)
    expect(space_frame(page).get_by_text(UNICORN.title, exact=True)).to_be_visible()
    assert seen.count(f"{CDN}widget-space/production/bundle.js") == 1
    assert seen.count(f"{CDN}widget-recents/production/bundle.js") == 1
    assert found
    assert all(font.url.startswith(CDN) and font.ok for font in found)
    assert seen.violations == []
    assert cloud.strays == []


def test_all_from_the_site(
    page: Page, site: Site, connected: User, cloud: Cloud, seen: Seen
) -> None:
    found = fonts(page)
    page.goto(site.url("/pages/events/"))
    expect_space(page, UNICORN, 1)
    expect(space_frame(page).get_by_text(UNICORN.title, exact=True)).to_be_visible()
    static = [site.url(f"/static/webex/{name}/fonts/") for name in ("widget-space", RECENTS.name)]
    assert {font.url.rpartition("/fonts/")[0] + "/fonts/" for font in found} == set(static)
    assert all(font.ok for font in found)
    assert seen.count(CDN) == 0
    assert seen.violations == []
    assert cloud.strays == []


def test_all_from_the_site_under_hashed_names(
    page: Page, site: Site, connected: User, cloud: Cloud, seen: Seen, tmp_path: Any
) -> None:
    site.settings.STATIC_ROOT = tmp_path
    site.settings.STORAGES = {
        **site.settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", "--noinput", verbosity=0)
    found = fonts(page)
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    assert found
    assert all(font.ok and font.url.startswith(site.url("/static/")) for font in found)
    assert seen.count(CDN) == 0
    assert cloud.strays == []


def test_the_bundle_s_loader_is_all_that_is_changed(
    page: Page, site: Site, connected: User
) -> None:
    page.goto(site.url("/pages/project/"))
    expect_space(page, UNICORN)
    assert page.frames[1].evaluate("() => 'p' in Function.prototype") is False
