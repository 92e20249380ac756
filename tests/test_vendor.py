"""``manage.py vendor_webex_widgets``."""

from __future__ import annotations

import io
from base64 import b64encode
from hashlib import sha384
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from pytest_django import Settings

import webex_widgets
from webex_widgets import bundles
from webex_widgets.conf import conf
from webex_widgets.management.commands.vendor_webex_widgets import Command, static_path

from .test_bundles import GOOD, Npm, archive, files


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Return an ``npm`` that packs a good archive, whichever it is asked for."""
    npm = Npm(tmp_path, monkeypatch)
    npm.packs(archive(GOOD))
    return npm


@pytest.fixture
def static(tmp_path: Path, settings: Settings) -> Path:
    """Return the site's directory for static files."""
    settings.STATICFILES_DIRS = [tmp_path / "static"]
    return tmp_path / "static"


def run(*arguments: object, **options: Any) -> tuple[str, str]:
    """Run the command; return what it printed and what it said meanwhile."""
    out, err = io.StringIO(), io.StringIO()
    words = [str(argument) for argument in arguments]
    call_command("vendor_webex_widgets", *words, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def pasted(printed: str) -> dict[str, dict[str, str]]:
    """Return the settings that somebody has who pastes this."""
    values = eval(f"{{\n{printed}\n}}")
    assert isinstance(values, dict)
    return values


def checksum(content: bytes) -> str:
    return f"sha384-{b64encode(sha384(content).digest()).decode()}"


def test_both_widgets(npm: Npm, static: Path, settings: Settings) -> None:
    printed, said = run(static / "webex")

    for folder in ("widget-space", "widget-recents"):
        assert "fonts/icons.woff" in files(static / "webex" / folder)
    assert [call.split()[1] for call in npm.calls()] == [
        "@webex/widget-space@0.45.0",
        "@webex/widget-recents@0.44.0",
    ]
    assert pasted(printed) == {
        f"{name}_WIDGET": {
            "SCRIPT": f"webex/widget-{name.lower()}/bundle.js",
            "STYLESHEET": f"webex/widget-{name.lower()}/main.css",
            "SCRIPT_INTEGRITY": checksum(GOOD["package/dist/bundle.js"]),
            "STYLESHEET_INTEGRITY": checksum(GOOD["package/dist/main.css"]),
        }
        for name in ("SPACE", "RECENTS")
    }
    assert "STATICFILES_DIRS" not in printed
    assert said.count("is ready.") == 2

    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, **pasted(printed)}
    assert conf.SPACE_WIDGET.script == "webex/widget-space/bundle.js"


def test_one_widget(npm: Npm, static: Path) -> None:
    printed, _ = run(static, "--widget", "recents")
    assert list(pasted(printed)) == ["RECENTS_WIDGET"]
    assert pasted(printed)["RECENTS_WIDGET"]["SCRIPT"] == "widget-recents/bundle.js"
    assert [path.name for path in static.iterdir()] == ["widget-recents"]


def test_a_second_run_fetches_nothing(npm: Npm, static: Path) -> None:
    first, _ = run(static)
    (npm.directory / "bin" / "npm").unlink()

    second, said = run(static)

    assert second == first
    assert said == "@webex/widget-space 0.45.0 is there.\n@webex/widget-recents 0.44.0 is there.\n"
    assert len(npm.calls()) == 2


def test_quiet(npm: Npm, static: Path) -> None:
    printed, said = run(static, verbosity=0)
    assert said == ""
    assert len(pasted(printed)) == 2


def test_what_is_fetched_stays_when_the_next_fails(npm: Npm, static: Path) -> None:
    run(static, "--widget", "space")
    npm.runs("sys.exit('npm error code ENOTFOUND')")
    with pytest.raises(CommandError, match=r"could not fetch @webex/widget-recents .* ENOTFOUND"):
        run(static)
    assert [path.name for path in static.iterdir()] == ["widget-space"]


def test_an_interrupt(npm: Npm, static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundles, "check", interrupted)
    with pytest.raises(CommandError, match="widget-space is as it was") as raised:
        run(static)
    assert raised.value.returncode == 130
    assert list(static.iterdir()) == []


def test_a_directory_that_django_does_not_know(npm: Npm, tmp_path: Path) -> None:
    printed, _ = run(tmp_path / "elsewhere")
    assert f"add this to STATICFILES_DIRS:\n#     {str(tmp_path / 'elsewhere')!r}\n" in printed
    assert pasted(printed)["SPACE_WIDGET"]["SCRIPT"] == "widget-space/bundle.js"


def test_no_checksums_of_files_that_collectstatic_rewrites(
    npm: Npm, static: Path, settings: Settings
) -> None:
    storage = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": storage}}
    printed, _ = run(static)
    assert "# No INTEGRITY, because this site's collectstatic rewrites the files." in printed
    assert list(pasted(printed)["SPACE_WIDGET"]) == ["SCRIPT", "STYLESHEET"]


def test_where_django_finds_static_files(tmp_path: Path, settings: Settings) -> None:
    settings.STATICFILES_DIRS = [str(tmp_path / "a"), ("there", tmp_path / "b")]
    app = Path(webex_widgets.__file__).parent
    assert str(static_path(tmp_path / "a" / "webex" / "x")) == "webex/x"
    assert str(static_path(tmp_path / "b" / "webex")) == "there/webex"
    assert str(static_path(app / "static" / "webex")) == "webex"
    assert static_path(tmp_path / "c") is None
    assert static_path(app) is None


def test_it_needs_no_working_site(npm: Npm, static: Path, settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"CLIENT_ID": None}
    settings.LOGIN_URL = "/nowhere/"
    assert Command.requires_system_checks == ()
    printed, _ = run(static)
    assert len(pasted(printed)) == 2


def test_every_bundle_has_a_setting() -> None:
    assert apps.is_installed("webex_widgets")
    for bundle in bundles.BUNDLES.values():
        assert hasattr(type(conf), bundle.setting)
