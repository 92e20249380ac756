"""The two tasks by themselves, without a broker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
import responses
from celery import Celery, Task
from celery.contrib.testing.app import setup_default_app
from celery.exceptions import Retry
from django.contrib.auth.models import User

from webex_widgets import tasks
from webex_widgets.models import WebexToken
from webex_widgets.tasks import refresh_due_webex_tokens, refresh_webex_token_batch

from ..conftest import API, DEAD, GRANT, make_token

TOKEN_URL = f"{API}/access_token"


@pytest.fixture(autouse=True)
def celery_app() -> Iterator[Celery]:
    """Yield a site's Celery app that runs tasks at once."""
    app = Celery("site", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = True
    app.conf.task_annotations = {refresh_webex_token_batch.name: {"rate_limit": "7/m"}}
    with setup_default_app(app):
        app.set_default()
        app.set_current()
        yield app


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webex_widgets.refresh.BACK_OFF", 0.001)


def people(count: int, **fields: Any) -> list[int]:
    """Create users whose tokens are due; return the tokens' keys."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    users = User.objects.bulk_create(User(username=f"u{number}") for number in range(count))
    fields = {"access_token_expires_at": tomorrow, **fields}
    return [make_token(user, **fields).pk for user in users]


def counts(report: Any) -> dict[str, Any]:
    return {name: value for name, value in report.items() if value}


@pytest.mark.django_db
def test_what_is_due_goes_out_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[int]] = []
    monkeypatch.setattr(Task, "delay", lambda task, batch: batches.append(batch))
    monkeypatch.setattr(tasks, "BATCH", 3)
    due = people(7)
    make_token(User.objects.create_user("late"))
    assert refresh_due_webex_tokens.apply().get() == 7
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert sorted(chain.from_iterable(batches)) == due


@pytest.mark.django_db
def test_nothing_is_due() -> None:
    assert refresh_due_webex_tokens.apply().get() == 0


@pytest.mark.django_db
def test_run_twice(wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    pks = people(3)
    make_token(User.objects.create_user("late"))
    assert refresh_due_webex_tokens.apply().get() == 3
    assert refresh_due_webex_tokens.apply().get() == 0
    assert counts(refresh_webex_token_batch.apply([pks]).get()) == {"complete": True}
    assert len(wire.calls) == 3


@pytest.mark.django_db
def test_the_report(wire: responses.RequestsMock) -> None:
    wire.post(TOKEN_URL, json=DEAD, status=400)
    report = refresh_webex_token_batch.apply([people(2)]).get()
    assert counts(report) == {"reauthorization_required": 2, "complete": True}


@pytest.mark.django_db
def test_what_is_left_is_tried_again(wire: responses.RequestsMock) -> None:
    """Three tries of the first run do not help, the first of the next one does."""
    for _ in range(3):
        wire.post(TOKEN_URL, status=503)
    wire.post(TOKEN_URL, json=GRANT)
    report = refresh_webex_token_batch.apply([people(1)]).get()
    assert counts(report) == {"refreshed": 1, "complete": True}


@pytest.mark.django_db
def test_what_others_hold_is_tried_again_once_no_claim_can_hold(
    monkeypatch: pytest.MonkeyPatch, wire: responses.RequestsMock
) -> None:
    wire.post(TOKEN_URL, json=GRANT)
    held, *_ = pks = people(2)
    WebexToken.objects.filter(pk=held).update(
        claimed_until=datetime.now(UTC) + timedelta(seconds=60)
    )
    retries: list[dict[str, Any]] = []

    def retry(task: Task, **options: Any) -> Retry:
        retries.append(options)
        return Retry()

    monkeypatch.setattr(Task, "retry", retry)
    for retried in range(tasks.RETRIES):
        refresh_webex_token_batch.apply([pks], retries=retried)
    assert [options["args"] for options in retries] == [[[held]]] * tasks.RETRIES
    assert [options["countdown"] for options in retries] == [75, 150, 300, 600]
    assert len(wire.calls) == 1


@pytest.mark.django_db
def test_wrong_credentials_are_not_tried_for_ever(
    wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "WORKERS", 1)
    wire.post(TOKEN_URL, json={"error": "invalid_client"}, status=401)
    report = refresh_webex_token_batch.apply([people(5)]).get()
    assert (report["failed"], report["not_tried"]) == (1, 4)
    assert len(wire.calls) == 1 + tasks.RETRIES
    assert "CLIENT_SECRET" in caplog.text
    assert "5 Webex tokens are left to the next run." in caplog.text
    assert WebexToken.objects.filter(status="active", claimed_until=None).count() == 5


def test_a_site_sets_its_own_rate(celery_app: Celery) -> None:
    name = refresh_webex_token_batch.name
    assert celery_app.tasks[name].rate_limit == "7/m"
    assert Celery("another", set_as_current=False).tasks[name].rate_limit == "30/m"


def test_celery_is_imported_by_those_who_use_it_alone() -> None:
    code = """
import sys, django
django.setup()
from django.core.management import call_command
import webex_widgets.urls, webex_widgets.management.commands.refresh_webex_tokens
assert not {"celery", "kombu", "webex_widgets.tasks"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
