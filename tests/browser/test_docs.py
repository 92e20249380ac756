"""What docs/widgets.md tells sites to write, written as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from .cloud import GRACE, Cloud
from .conftest import Site, button, space_frame
from .webex_api import HELP_DESK, UNICORN

pytestmark = pytest.mark.browser

DOCS = (Path(__file__).parents[2] / "docs" / "widgets.md").read_text()


def snippet(language: str, part: str) -> str:
    """Return the one piece of code in this language that says ``part``."""
    (found,) = [
        code
        for code in re.findall(rf"```{re.escape(language)}\n(.*?)```", DOCS, re.DOTALL)
        if part in code
    ]
    return str(found)


def test_badge_of_unread_messages(page: Page, site: Site, connected: User, cloud: Cloud) -> None:
    badge, script = snippet("html", "unread"), snippet("js", "webex:rooms:unread")
    assert len(script.splitlines()) <= 10
    page.goto(site.url("/pages/inbox/"))
    page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", badge)
    page.add_script_tag(content=script)
    space_frame(page).get_by_text(HELP_DESK.title, exact=True).wait_for()
    expect(page.locator("#unread")).to_be_hidden()
    for number, space in enumerate((HELP_DESK, UNICORN, HELP_DESK), start=1):
        cloud.say(space, f"Message {number}", GRACE)
        expect(page.locator("#unread")).to_have_text(str(number))
    cloud.read(HELP_DESK)
    expect(page.locator("#unread")).to_have_text("1")


def test_own_looks(page: Page, site: Site, user: User, tmp_path: Path) -> None:
    files = {
        "templates/webex_widgets/frame.html": snippet("html+django", "block styles"),
        "static/mysite/webex.css": snippet("css", "--webex-accent"),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content)
    settings: Any = site.settings
    templates = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**templates, "DIRS": [*templates["DIRS"], tmp_path / "templates"]}]
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, tmp_path / "static"]
    page.goto(site.url("/public/project/"))
    link = button(space_frame(page))
    expect(link).to_have_text("Sign in")
    expect(link).to_have_css("background-color", "rgb(122, 31, 162)")
    expect(link).to_have_css("border-radius", "0px")
    page.emulate_media(color_scheme="dark")
    expect(link).to_have_css("background-color", "rgb(225, 166, 255)")


def test_every_option_is_listed() -> None:
    from webex_widgets.templatetags.webex_widgets import FRAME, RECENTS, SPACE

    for name in {*FRAME, *SPACE, *RECENTS} - {"room_title"}:
        assert re.search(rf"`{name}`|`{name}=|{name}=", DOCS), name
