"""The built distribution and the new site, made once for all tests that want them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import NoReturn

import pytest

from ..browser import webex_api
from ..browser.conftest import bundle, chromium
from ..browser.webex_api import UNICORN, WebexApi
from .new_site import Distribution, NewSite, build

__all__ = ["bundle", "chromium"]


def lacking(what: str) -> NoReturn:
    """Skip where something is missing on this machine; on CI nothing may be."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Return the sdist and the wheel of the files as they are now."""
    directory = tmp_path_factory.mktemp("distribution")
    pip = [sys.executable, "-m", "pip", "--retries=0", "download", "--no-deps", "setuptools>=77"]
    probe = subprocess.run(
        pip, cwd=directory, capture_output=True, text=True, timeout=300, check=False
    )
    if probe.returncode:
        lacking(f"pip reaches no package index: {probe.stderr.strip().splitlines()[-1]}")
    return build(directory)


@pytest.fixture(scope="session")
def _webex() -> Iterator[WebexApi]:
    with webex_api.running() as webex:
        yield webex


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, distribution: Distribution, _webex: WebexApi
) -> Iterator[NewSite]:
    """Yield the new site, being served."""
    site = NewSite(tmp_path_factory.mktemp("site"), distribution.wheel, _webex)
    site.follow_readme()
    with site.serving():
        yield site


@pytest.fixture
def webex(site: NewSite) -> WebexApi:
    """Return the stand-in for Webex that the site asks: up, with one space."""
    site.webex.spaces = [UNICORN]
    site.webex.faults = {}
    site.webex.requests.clear()
    return site.webex
