"""``manage.py pin_webex_widgets 0.221.0``, for sites that take one fixed version of the widgets."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from ...bundles import BUNDLES, as_python
from ...client.cdn import CdnError, PublishedFile, check, published_files


def fixed_version(text: str) -> str:
    """Return a version such as ``0.221.0``, and nothing that changes under the same name."""
    if text in ("production", "latest"):
        raise argparse.ArgumentTypeError(
            f"{text!r} changes whenever Cisco publishes, so no checksum can hold: name a version "
            "such as 0.221.0"
        )
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,5}){2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as 0.221.0")
    return text


class Command(BaseCommand):
    """Checks one version of the widgets on Cisco's CDN, and prints the settings that pin it."""

    help = (
        "Pin one version of Cisco's widgets: download it from Cisco's CDN, check it against its "
        "manifest, and print the settings SPACE_WIDGET and RECENTS_WIDGET with their checksums."
    )
    # It also has to work before the settings that it prints are there.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "version", type=fixed_version, metavar="VERSION", help="a version, such as 0.221.0"
        )
        parser.add_argument(
            "--write",
            type=Path,
            metavar="FILE",
            help="store the settings in this JSON file instead, and print how to load it",
        )

    def handle(self, *args: Any, version: str, write: Path | None = None, **options: Any) -> None:
        """Check everything; only then print or write anything."""
        file = None if write is None else writable(write)
        self.quiet = options["verbosity"] == 0
        try:
            values = {
                bundle.setting: self._pinned(bundle.folder, version) for bundle in BUNDLES.values()
            }
        except CdnError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing was changed.", returncode=130) from None
        if file is None:
            self.stdout.write(f"# Paste this into WEBEX_WIDGETS:\n{as_python(values)}")
            return
        store(file, f"{json.dumps(values, indent=4)}\n")
        self.stdout.write(
            f"# {file} is written. Load it in your settings, below WEBEX_WIDGETS:\n"
            f"import json\nWEBEX_WIDGETS |= json.loads({path_in_settings(file)}.read_text())"
        )

    def _pinned(self, widget: str, version: str) -> dict[str, str]:
        """Return the setting for one widget, whose files have been checked."""
        files = published_files(widget, version)
        for name, file in files.items():
            self._check(f"{widget}/{name}", file)
        script, stylesheet = files["bundle.js"], files["main.css"]
        return {
            "SCRIPT": script.url,
            "STYLESHEET": stylesheet.url,
            "SCRIPT_INTEGRITY": script.integrity,
            "STYLESHEET_INTEGRITY": stylesheet.integrity,
        }

    def _check(self, name: str, file: PublishedFile) -> None:
        with tqdm(
            desc=name,
            disable=self.quiet or not self.stderr.isatty(),
            file=self.stderr,
            unit="B",
            unit_scale=True,
        ) as bar:

            def progress(received: int, expected: int | None) -> None:
                bar.total = expected
                bar.update(received - bar.n)

            check(file, progress)


def writable(file: Path) -> Path:
    """Return the whole path of a file to write; refuse what cannot work before anything is done."""
    file = file.resolve()
    if file.suffix != ".json":
        raise CommandError(f"--write stores JSON, and {file} is not called so: name a .json file.")
    if not file.parent.is_dir():
        raise CommandError(f"{file} cannot be written: make the directory {file.parent} first.")
    return file


def store(file: Path, text: str) -> None:
    """Write the file in one step: it holds all of the text, or what it held before."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CommandError(
            f"{file} could not be written: {error.strerror or error}. Allow it, or name another "
            "file."
        ) from error


def path_in_settings(file: Path) -> str:
    """Return the Python that names the file, from BASE_DIR where the settings have it."""
    base = getattr(settings, "BASE_DIR", None)
    if base is not None and file.is_relative_to(Path(base).resolve()):
        return f"(BASE_DIR / {file.relative_to(Path(base).resolve()).as_posix()!r})"
    return f"Path({str(file)!r})"
