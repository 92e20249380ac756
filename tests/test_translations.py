"""The catalogues: complete, compiled as they are written, and spoken where a page speaks them."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

import pytest
import responses
from django.contrib.auth.models import User
from django.core import mail
from django.template import Context, Template
from django.test import Client
from django.utils import translation
from django.utils.translation import ngettext
from pytest_django import Settings

import webex_widgets
from webex_widgets.mail import mail_reconnect_link
from webex_widgets.models import WebexToken

from .conftest import API, room

PACKAGE: Final = Path(webex_widgets.__file__).parent
LANGUAGES: Final = ("de", "es", "fr", "ja", "pt_BR")
TITLE: Final = "Project Unicorn"
SIGN_IN: Final = "Sign in to see this Webex space."
LOADING: Final = "Loading the Webex space…"
NOT_IN: Final = "You are in no Webex space called “%(title)s”. Ask a member to add you."

Catalogue = dict[str | tuple[str, int], str]
"""Texts by what they are in English; the forms of a plural by their number as well."""

all_languages = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """Speak what the settings say, whatever the last request spoke."""
    with translation.override("en-us"):
        yield


def path(language: str, suffix: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"


def read(compiled: Path) -> Catalogue:
    """Return a compiled catalogue, without its header."""
    with compiled.open("rb") as file:
        texts: Catalogue = vars(GNUTranslations(file))["_catalog"]
    return {english: text for english, text in texts.items() if english}


def english_of(texts: Catalogue) -> set[str]:
    return {key if isinstance(key, str) else key[0] for key in texts}


def translated(language: str, english: str) -> str:
    text = read(path(language, "mo"))[english]
    assert text != english
    return text


# The files


@pytest.fixture(scope="module")
def gettext_tools() -> None:
    """Skip without GNU gettext, or fail where a skipped test would go unnoticed."""
    lacking = [name for name in ("xgettext", "msgen", "msgfmt") if not shutil.which(name)]
    if lacking:
        message = f"The tests of the catalogues need {', '.join(lacking)}: install GNU gettext."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command that must succeed, and that knows of no settings."""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def extracted(gettext_tools: None, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return what there is to translate now; no catalogue that exists has a say in it."""
    folder = tmp_path_factory.mktemp("messages")
    copy = folder / "webex_widgets"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    (copy / "locale").mkdir()
    command = ("-m", "django", "makemessages", "--locale", "de", "--ignore", "sandbox")
    run(sys.executable, *command, cwd=copy)
    # The English texts as translations of themselves, because msgfmt leaves out what has none.
    fresh = copy / "locale" / "de" / "LC_MESSAGES" / "django.po"
    run("msgen", "--output-file", folder / "english.po", fresh)
    run("msgfmt", "--output-file", folder / "english.mo", folder / "english.po")
    return english_of(read(folder / "english.mo"))


def test_there_are_no_other_languages() -> None:
    assert sorted(folder.name for folder in (PACKAGE / "locale").iterdir()) == sorted(LANGUAGES)


@all_languages
def test_a_catalogue_is_complete(language: str, extracted: set[str], tmp_path: Path) -> None:
    """What is fuzzy or empty is not among what msgfmt compiles."""
    assert SIGN_IN in extracted
    run("msgfmt", "--output-file", tmp_path / "django.mo", path(language, "po"))
    assert english_of(read(tmp_path / "django.mo")) == extracted
    assert not re.search("^#(,.* fuzzy|~)", path(language, "po").read_text("utf-8"), re.M)


@all_languages
def test_what_is_compiled_is_what_is_written(
    language: str, gettext_tools: None, tmp_path: Path
) -> None:
    run("msgfmt", "--check", "--output-file", tmp_path / "django.mo", path(language, "po"))
    assert read(path(language, "mo")) == read(tmp_path / "django.mo")


@all_languages
def test_placeholders_agree(language: str) -> None:
    for key, text in read(path(language, "mo")).items():
        english = key if isinstance(key, str) else key[0]
        found, wanted = (sorted(re.findall(r"%(?:\(\w+\))?.", said)) for said in (text, english))
        assert found == wanted, text


@all_languages
def test_a_header_names_the_language_and_nobody(language: str) -> None:
    header = path(language, "po").read_text("utf-8").partition("\n\n")[0]
    assert f'"Language: {language}\\n"' in header
    assert '"Project-Id-Version: django-webex-widgets\\n"' in header
    assert "@" not in header
    assert "Date" not in header


# What visitors see


@pytest.fixture(params=["with LocaleMiddleware", "without"])
def _middleware(request: pytest.FixtureRequest, settings: Settings) -> None:
    name = "django.middleware.locale.LocaleMiddleware"
    assert name in settings.MIDDLEWARE
    if request.param == "without":
        settings.MIDDLEWARE = [other for other in settings.MIDDLEWARE if other != name]


def open_frame(client: Client, language: str, source: str, browser_speaks: str) -> tuple[str, str]:
    """Draw a tag in a page of this language; return its frame and what that is to show."""
    with translation.override(language):
        drawn = Template("{% load webex_widgets %}" + source).render(Context())
    [address] = re.findall(r'src="([^"]+)"', drawn)
    headers = {"Accept-Language": browser_speaks}
    response = client.get(html.unescape(address), headers=headers)
    frame = response.content.decode()
    [address] = re.findall(r'data-session="([^"]+)"', frame)
    session = client.get(f"{html.unescape(address)}&next=/", headers=headers)
    assert response["Content-Language"] == session["Content-Language"] == language
    return frame, session.json()["message"]


def opening(language: str, direction: str) -> str:
    return f'<html lang="{language}" dir="{direction}">'


@all_languages
@pytest.mark.usefixtures("_middleware", "db")
def test_a_frame_speaks_the_language_of_its_page(client: Client, language: str) -> None:
    page_speaks = translation.to_language(language)
    browser_speaks = "de" if language == "fr" else "fr"
    source = f'{{% webex_space_widget "{TITLE}" %}}'
    frame, message = open_frame(client, page_speaks, source, browser_speaks)
    assert opening(page_speaks, "ltr") in frame
    assert f"<title>{translated(language, 'Webex space')}</title>" in frame
    assert f'data-loading="{translated(language, LOADING)}"' in frame
    assert html.escape(LOADING) not in frame
    assert message == translated(language, SIGN_IN)


@all_languages
@pytest.mark.usefixtures("_middleware")
def test_a_message_names_the_space(
    browser_client: Client, token: WebexToken, wire: responses.RequestsMock, language: str
) -> None:
    wire.get(f"{API}/rooms", json={"items": [room("Other")]})
    source = f'{{% webex_space_widget "{TITLE}" %}}'
    page_speaks = translation.to_language(language)
    _, message = open_frame(browser_client, page_speaks, source, "en")
    assert message == translated(language, NOT_IN) % {"title": TITLE}


@pytest.mark.parametrize(("page_speaks", "language"), [("de-at", "de"), ("es-mx", "es")])
@pytest.mark.usefixtures("_middleware", "db")
def test_a_variant_of_a_language(client: Client, page_speaks: str, language: str) -> None:
    frame, message = open_frame(client, page_speaks, "{% webex_recents_widget %}", "fr")
    assert opening(page_speaks, "ltr") in frame
    assert f"<h1>{translated(language, 'Your Webex spaces')}</h1>" in frame
    assert message == translated(language, "Sign in to see your Webex spaces.")


@pytest.mark.parametrize(
    ("page_speaks", "direction"), [("ar", "rtl"), ("fa", "rtl"), ("he", "rtl"), ("nl", "ltr")]
)
@pytest.mark.usefixtures("_middleware", "db")
def test_a_language_without_a_catalogue(client: Client, page_speaks: str, direction: str) -> None:
    """Texts are in the site's own language, and the frame is laid out as the page around it."""
    source = f'{{% webex_space_widget "{TITLE}" %}}'
    frame, message = open_frame(client, page_speaks, source, "fr")
    assert opening(page_speaks, direction) in frame
    assert f'data-loading="{LOADING}"' in frame
    assert message == SIGN_IN


@all_languages
def test_a_page_speaks_the_language_of_its_visitor(browser_client: Client, language: str) -> None:
    code = translation.to_language(language)
    headers = {"Accept-Language": code}
    page = browser_client.get("/webex/connect/", headers=headers).content.decode()
    assert opening(code, "ltr") in page
    assert f"<h1>{translated(language, 'Connect to Webex')}</h1>" in page
    assert f">{translated(language, 'Continue to Webex')}</button>" in page


@all_languages
def test_a_letter_speaks_the_active_language(user: User, settings: Settings, language: str) -> None:
    uri = "https://intranet.example/webex/callback/"
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "REDIRECT_URI": uri}
    with translation.override(translation.to_language(language)):
        mail_reconnect_link(user)
    [letter] = mail.outbox
    assert letter.subject == translated(language, "Please connect to Webex again")
    assert translated(language, "Connect again here:") in letter.body


@all_languages
@pytest.mark.parametrize("number", [0, 1, 2, 1_000_000])
def test_plurals(language: str, number: int) -> None:
    singular, plural = "%d token was refreshed.", "%d tokens were refreshed."
    texts = read(path(language, "mo"))
    with translation.override(translation.to_language(language)):
        text = ngettext(singular, plural, number)
    assert text in [said for key, said in texts.items() if key[0] == singular]
    assert (text == texts[singular, 0]) == (
        language == "ja" or number == 1 or (number == 0 and language in ("fr", "pt_BR"))
    )
