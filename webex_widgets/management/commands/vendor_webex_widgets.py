"""``manage.py vendor_webex_widgets DIRECTORY``, for sites that serve Cisco's widgets themselves."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from ... import bundles
from ...bundles import BUNDLES, Bundle, BundleError
from ...client.cdn import integrity


class Command(BaseCommand):
    """Fetches the widgets with npm, and prints the settings that use them."""

    help = (
        "Fetch Cisco's widgets with npm into DIRECTORY, so that your site serves them itself; "
        "checked, unmodified, and only what is not there yet. Prints the settings to use."
    )
    # It also has to work before the settings that it prints are there.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "directory",
            type=Path,
            metavar="DIRECTORY",
            help="a directory for static files, such as static/webex; widget-space/ and "
            "widget-recents/ are made in it",
        )
        parser.add_argument(
            "--widget", choices=list(BUNDLES), help="only this widget (default: both)"
        )

    def handle(
        self, *args: Any, directory: Path, widget: str | None = None, **options: Any
    ) -> None:
        """Fetch what is missing, then say how to use it."""
        directory = directory.resolve()
        chosen = [BUNDLES[widget]] if widget else list(BUNDLES.values())
        self.quiet = options["verbosity"] == 0
        for bundle in chosen:
            self._vendor(bundle, directory / bundle.folder)
        self.stdout.write(settings_to_use(chosen, directory))

    def _vendor(self, bundle: Bundle, target: Path) -> None:
        try:
            if bundles.is_intact(bundle, target):
                self._say(f"{bundle} is there.")
                return
            bundles.fetch(bundle, target, self._say)
        except BundleError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(f"Stopped: {target} is as it was.", returncode=130) from None
        self._say(f"{bundle} is ready.")

    def _say(self, sentence: str) -> None:
        """Tell the person at the terminal; standard output is for the settings alone."""
        if not self.quiet:
            self.stderr.write(sentence, style_func=str)


def settings_to_use(chosen: list[Bundle], directory: Path) -> str:
    """Return the lines for the site's settings, with what is to be known about them as comments."""
    lines = []
    prefix = static_path(directory)
    if prefix is None:
        prefix = PurePosixPath()
        lines.append("# Django does not find files there yet: add this to STATICFILES_DIRS:")
        lines.append(f"#     {str(directory)!r}")
    values: dict[str, dict[str, str]] = {}
    hashed = collectstatic_rewrites()
    for bundle in chosen:
        values[bundle.setting] = value = {}
        for name, file in (("SCRIPT", "bundle.js"), ("STYLESHEET", "main.css")):
            value[name] = str(prefix / bundle.folder / file)
            if not hashed:
                content = (directory / bundle.folder / file).read_bytes()
                value[f"{name}_INTEGRITY"] = integrity(content)
    if hashed:
        lines.append("# No INTEGRITY, because this site's collectstatic rewrites the files.")
    lines.append("# Paste this into WEBEX_WIDGETS:")
    return "\n".join([*lines, bundles.as_python(values)])


def static_path(directory: Path) -> PurePosixPath | None:
    """Return a directory as static files' paths name it; ``None`` if Django does not look there."""
    # An entry may be a pair of a prefix and a directory, which django-stubs does not know of.
    entries = cast("list[str | tuple[str, str]]", settings.STATICFILES_DIRS)
    places = [entry if isinstance(entry, list | tuple) else ("", entry) for entry in entries]
    places += [("", f"{app.path}/static") for app in apps.get_app_configs()]
    for prefix, place in places:
        root = Path(place).resolve()
        if directory.is_relative_to(root):
            return PurePosixPath(prefix, directory.relative_to(root).as_posix())
    return None


def collectstatic_rewrites() -> bool:
    """Whether collectstatic writes other files' hashed names into scripts and stylesheets."""
    storage = import_string(settings.STORAGES["staticfiles"]["BACKEND"])
    return issubclass(storage, HashedFilesMixin)
