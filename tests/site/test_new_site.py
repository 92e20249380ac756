"""The wheel, and a new site that follows README.md to the letter."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Route, expect

from ..browser.cloud import Cloud
from ..browser.conftest import button, expect_space, space_frame
from ..browser.webex_api import ADA, CLIENT_SECRET, UNICORN, WebexApi
from . import readme
from .new_site import PASSWORD, PEOPLE, Distribution, NewSite, Visitor

pytestmark = pytest.mark.site

JOURNEY, STATES, BROWSER = PEOPLE
[EMAIL] = ADA["emails"]
LANGUAGES = ("de", "es", "fr", "ja", "pt_BR")


def test_the_wheel_holds_the_package_and_nothing_else(distribution: Distribution) -> None:
    with ZipFile(distribution.wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(names) == sorted(distribution.package)


def test_the_wheel_holds_more_than_modules(distribution: Distribution) -> None:
    with ZipFile(distribution.wheel) as archive:
        names = "\n".join(archive.namelist())
    for pattern in (
        r"webex_widgets/py\.typed",
        r"webex_widgets/migrations/0001_initial\.py",
        r"webex_widgets/management/commands/refresh_webex_tokens\.py",
        r"webex_widgets/static/webex_widgets/frame\.js",
        r"webex_widgets/templates/webex_widgets/frame\.html",
        *(rf"webex_widgets/locale/{name}/LC_MESSAGES/django\.mo" for name in LANGUAGES),
        r"webex_widgets/sandbox/static/.+\.css",
        r"webex_widgets/sandbox/templates/.+\.html",
        r".+\.dist-info/licenses/LICENSE",
    ):
        assert re.search(f"^{pattern}$", names, re.M), pattern


def test_the_sdist_holds_what_the_wheel_is_made_of(distribution: Distribution) -> None:
    with tarfile.open(distribution.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert names >= {*distribution.package, "README.md", "CHANGELOG.md", "LICENSE"}
    assert not [name for name in names if name.startswith(("tests/", "example_project/"))]


def test_the_site_has_the_wheel_and_no_checkout(site: NewSite) -> None:
    code = "import webex_widgets; print(webex_widgets.__file__)"
    assert Path(site.run("-c", code).stdout.strip()).is_relative_to(site.venv)


def test_nothing_is_left_to_do(site: NewSite) -> None:
    site.manage("check", "--fail-level", "WARNING")
    site.manage("makemigrations", "--check", "--dry-run")
    site.manage("migrate", "--check")


def test_a_visitor_connects_sees_the_space_and_disconnects(site: NewSite, webex: WebexApi) -> None:
    visitor = Visitor(site)
    visitor.sign_in(JOURNEY)

    arrived = visitor.connect()
    assert [step.status_code for step in arrived.history] == [302, 302, 302]
    assert arrived.url == f"{site.url}/unicorn/"
    assert arrived.text.count("<iframe") == 1
    [authorize] = [step for step in webex.requests if step.path == "/v1/authorize"]
    assert authorize.query["redirect_uri"] == readme.redirect_uri(site.port)
    assert authorize.query["scope"].split() == readme.scopes()

    pages = [arrived, visitor.get("/webex/connect/"), visitor.get("/webex/disconnect/")]
    assert all(EMAIL in page.text for page in pages[1:])

    answer = visitor.session()
    assert answer["status"] == "ready"
    assert 1209000 < answer["expires_in"] < 1209600
    token = answer["options"].pop("accessToken")
    assert token == webex.access_tokens[-1]
    assert answer["options"] == {"destinationId": UNICORN.id, "destinationType": "spaceId"}

    listed = visitor.get(f"/admin/webex_widgets/webextoken/?q={JOURNEY}")
    [detail] = re.findall(r'href="(/admin/webex_widgets/webextoken/\d+/change/)', listed.text)
    pages += [listed, visitor.get(detail)]
    assert all(EMAIL in page.text for page in pages[-2:])
    for page in pages:
        assert_no_secret(page.text, webex)

    assert site.manage(*readme.cron_command().split()).startswith("0 refreshed, ")
    now = ["refresh_webex_tokens", "--all", "--json", "--user", JOURNEY]
    report = json.loads(site.manage(*now))
    assert (report["refreshed"], report["complete"]) == (1, True)
    assert visitor.session()["options"]["accessToken"] == webex.access_tokens[-1] != token

    assert visitor.submit("/webex/disconnect/?next=/unicorn/").url == f"{site.url}/unicorn/"
    assert visitor.session()["status"] == "connect"
    assert_no_secret(site.log.read_text(), webex)


def test_a_visitor_meets_every_state_of_the_table(site: NewSite, webex: WebexApi) -> None:
    visitor = Visitor(site)
    states = readme.states()
    met = set()

    def meet(status: str) -> None:
        answer = visitor.session()
        assert answer["status"] == status
        assert answer["message"] == states[status].message
        assert answer["action"]["label"] == states[status].button
        visitor.get(answer["action"]["url"])
        met.add(status)

    meet("sign_in")
    visitor.sign_in(STATES)
    meet("connect")
    visitor.connect()
    assert visitor.session()["status"] == "ready"
    webex.spaces = []
    meet("room_not_found")
    webex.faults = {"rooms": 503}
    meet("unavailable")
    webex.spaces, webex.faults = [UNICORN], {}
    webex.end_consent()
    meet("reconnect")
    visitor.connect()
    assert visitor.session()["status"] == "ready"
    assert met == set(states)


@pytest.mark.browser
def test_a_browser_shows_the_space(
    site: NewSite, webex: WebexApi, chromium: Browser, bundle: Path
) -> None:
    def production(route: Route) -> None:
        route.fulfill(path=bundle / route.request.url.rpartition("/")[2])

    cloud = Cloud(webex, bundle)
    with chromium.new_context(locale="en-US") as context:
        cloud.route(context)
        context.route("https://code.s4d.io/widget-space/production/*", production)
        page = context.new_page()
        page.goto(f"{site.url}/unicorn/")
        expect(button(space_frame(page))).to_have_text("Sign in")
        button(space_frame(page)).click()
        page.fill("[name=username]", BROWSER)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        expect(button(space_frame(page))).to_have_text("Connect to Webex")
        button(space_frame(page)).click()
        page.get_by_role("button", name="Continue to Webex").click()
        page.wait_for_url(f"{site.url}/unicorn/")
        expect_space(page, UNICORN)
        assert_no_secret(page.content(), webex)
    assert not cloud.strays


def assert_no_secret(text: str, webex: WebexApi) -> None:
    for secret in (CLIENT_SECRET, *webex.access_tokens, *webex.refresh_tokens):
        assert secret not in text
