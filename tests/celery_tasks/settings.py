"""Settings of the workers' site: the test's own database and token endpoint."""

from __future__ import annotations

from tests.settings import *  # noqa: F403 - settings build upon settings
from tests.settings import WEBEX_WIDGETS as COMMON
from tests.settings import env

WEBEX_WIDGETS = {
    **COMMON,
    "API_BASE_URL": env.str("TEST_API_BASE_URL"),
    # Under the claim of `app`, as it is under the real one.
    "REQUEST_TIMEOUT": 6,  # type: ignore[dict-item]
}
