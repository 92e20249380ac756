"""Cisco's CDN, where the widgets are published: public files, fetched without any token.

What comes from ``archives/VERSION`` never changes, so the archive's own manifest can say what each
file must be. All other addresses change whenever Cisco publishes.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha384
from http import HTTPStatus
from typing import Any, Final

from ..conf import CDN
from ..exceptions import TransportError, WebexError
from .transport import download

NAMES: Final = ("bundle.js", "main.css")
"""What a page loads; fonts and pictures follow from these."""

TOTAL: Final = 600.0
"""Seconds for one file: 13 MB over a slow line."""

STALL: Final = 30.0
"""Seconds without a byte after which nothing more will come."""

ANOTHER: Final = "Try again later, or choose another version."

Progress = Callable[[int, int | None], None]
"""Told how many bytes have come, and how many it will be where that is known."""


class CdnError(WebexError):
    """A file that cannot be had, or is not what it should be: one sentence that names it."""


@dataclass(frozen=True)
class PublishedFile:
    """A file of an archive: its address, and the ``sha384-…`` that its manifest promises."""

    url: str
    integrity: str


def published_files(widget: str, version: str) -> dict[str, PublishedFile]:
    """Return the files of a widget's archive by name, all of ``NAMES``, as its manifest says.

    ``widget`` is ``widget-space`` or ``widget-recents``. Raises ``CdnError``.
    """
    archive = f"{CDN}/{widget}/archives/{version}"
    url = f"{archive}/manifest.json"
    status, body = _fetch(url, lambda *_so_far: None)
    if status == HTTPStatus.NOT_FOUND:
        raise CdnError(
            f"There is no {widget} {version}: {url} does not exist. Name a version that Cisco has "
            "published, such as 0.221.0."
        )
    _expect_ok(url, status)
    try:
        manifest = json.loads(body)
    except (ValueError, RecursionError):
        raise CdnError(
            f"{url} is no JSON, so it is not Cisco's manifest. Does a proxy answer instead? "
            "Check the network."
        ) from None
    entries = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(entries, list):
        raise CdnError(f"{url} lists no files, so {widget} {version} cannot be pinned. {ANOTHER}")
    return {name: _entry(url, archive, entries, name) for name in NAMES}


def check(file: PublishedFile, progress: Progress) -> None:
    """Fetch the file. Raises ``CdnError`` unless it is the one that the manifest promises."""
    status, body = _fetch(file.url, progress)
    _expect_ok(file.url, status)
    if integrity(body) != file.integrity:
        raise CdnError(
            f"{file.url} is not the file that its manifest promises: its checksum is "
            f"{integrity(body)}, not {file.integrity}. {ANOTHER}"
        )


def integrity(content: bytes) -> str:
    """Return the content's ``sha384-…``, as browsers compare it."""
    return f"sha384-{b64encode(sha384(content).digest()).decode()}"


def _entry(manifest: str, archive: str, entries: list[Any], name: str) -> PublishedFile:
    """Return the manifest's entry of this name. Raises ``CdnError`` for any doubt."""
    found = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name]
    if len(found) != 1:
        raise CdnError(f"{manifest} lists {len(found)} files called {name}, not one. {ANOTHER}")
    url, promised = found[0].get("url"), found[0].get("integrity")
    # No part may begin with a dot: "/../" would lead to another archive.
    inside = re.escape(archive) + r"(/[A-Za-z0-9_@-][A-Za-z0-9_@.-]*)+"
    if not isinstance(url, str) or not re.fullmatch(inside, url):
        raise CdnError(f"{manifest} says that {name} is not below {archive}/. {ANOTHER}")
    if not isinstance(promised, str) or not re.fullmatch(r"sha384-[A-Za-z0-9+/]{64}", promised):
        raise CdnError(f"{manifest} has no sha384 checksum of {name}. {ANOTHER}")
    return PublishedFile(url, promised)


def _fetch(url: str, progress: Progress) -> tuple[int, bytes]:
    try:
        return download(url, total=TOTAL, stall=STALL, progress=progress)
    except TransportError as error:
        raise CdnError(
            f"{url} could not be fetched. {error} Check the network, and HTTPS_PROXY if a proxy "
            "is needed; then run this again."
        ) from None


def _expect_ok(url: str, status: int) -> None:
    if status != HTTPStatus.OK:
        raise CdnError(f"{url} answered {status}. {ANOTHER}")
