"""The same upkeep on Django's own queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import responses
from django.contrib.auth.models import User

from webex_widgets.models import WebexToken

from ..conftest import API, GRANT, NEW_ACCESS, make_token

pytest.importorskip("django.tasks", reason="Django has tasks from 6.0 on")


@pytest.mark.parametrize(("status", "state"), [(200, "SUCCESSFUL"), (503, "FAILED")])
def test_the_documented_task(
    user: User,
    wire: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    state: str,
) -> None:
    from .on_django import refresh_webex_tokens

    monkeypatch.setattr("webex_widgets.refresh.BACK_OFF", 0.001)
    make_token(user, access_token_expires_at=datetime.now(UTC) + timedelta(days=1))
    wire.post(f"{API}/access_token", body=json.dumps(GRANT), status=status)
    result = refresh_webex_tokens.enqueue()
    assert result.status == state
    assert (WebexToken.objects.get().access_token == NEW_ACCESS) is (status == 200)
