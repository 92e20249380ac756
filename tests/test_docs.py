"""The documentation's pictures: what is shown is there, and what is there is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

SHOWN = re.compile(r'!\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"')


def shown_on(page: Path) -> set[Path]:
    """Return the files that a page shows as pictures."""
    text = page.read_text(encoding="utf-8")
    addresses = {image or attribute for image, attribute in SHOWN.findall(text)}
    return {(page.parent / address).resolve() for address in addresses if ":" not in address}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_that_is_shown_is_there(page: Path) -> None:
    assert {path.name for path in shown_on(page) if not path.is_file()} == set()


def test_every_picture_that_is_there_is_shown() -> None:
    shown = set[Path]().union(*map(shown_on, PAGES))
    assert {path.name for path in PICTURES.iterdir()} - {path.name for path in shown} == set()


def test_every_picture_is_there_in_both_colour_schemes_and_small() -> None:
    names = {path.stem.rpartition("-")[::2] for path in PICTURES.iterdir()}
    motifs = {motif for motif, _ in names}
    assert names == {(motif, scheme) for motif in motifs for scheme in ("light", "dark")}
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 3_000_000
