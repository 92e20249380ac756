"""Processes on a database of their own, and a provider on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..provider import Provider, running
from .crew import Crew, assembled


@pytest.fixture(scope="session")
def whole_crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Yield the crew that all tests share."""
    with assembled(tmp_path_factory.mktemp("crew")) as crew:
        yield crew


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Yield a provider that rotates refresh tokens and answers at once."""
    with running() as provider:
        yield provider


@pytest.fixture
def crew(whole_crew: Crew, provider: Provider) -> Crew:
    """Return a crew that asks the provider."""
    whole_crew.settings = {"API_BASE_URL": provider.base_url}
    whole_crew.claim = 60.0
    return whole_crew
