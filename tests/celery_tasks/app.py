"""The Celery app of the workers' site. Claims are short here, so that the test is."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from unittest import mock

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.celery_tasks.settings")

app = Celery("tests.celery_tasks", broker=os.environ["TEST_BROKER_URL"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options=json.loads(os.environ["TEST_TRANSPORT_OPTIONS"]),
    task_annotations={"webex_widgets.refresh_token_batch": {"rate_limit": "20/s"}},
    task_default_queue=os.environ["TEST_QUEUE"],
    worker_enable_remote_control=False,
)
app.autodiscover_tasks()


@worker_init.connect  # type: ignore[untyped-decorator]
def shorten_claims(**_signal: object) -> None:
    """Happens before the pool is forked, and once Django is set up."""
    from webex_widgets import tokens

    claim = timedelta(seconds=float(os.environ["TEST_CLAIM_SECONDS"]))
    mock.patch.object(tokens, "CLAIM", claim).start()
