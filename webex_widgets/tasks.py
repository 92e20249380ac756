"""The upkeep for sites with a queue: Celery tasks that find what is due and refresh it in batches.

Celery's autodiscovery imports this module. Nothing else here does, so that nobody needs Celery.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any, Final

from celery import shared_task

from . import tokens
from .conf import conf
from .models import WebexToken
from .refresh import due_tokens, refresh_tokens

BATCH: Final = 100
"""Tokens in a batch: half a minute's work where Webex takes its time, lost time where one dies."""

WORKERS: Final = 8
"""Calls to Webex at a time, in each process of a worker's pool."""

RETRIES: Final = 4
"""How often what is left of a batch is tried again: within twenty minutes, all together."""

AGAIN: Final = frozenset({"busy", "failed", "not_tried"})
"""Outcomes that another try may better. A claim whose owner was killed is ``busy`` as well."""

logger = logging.getLogger("webex_widgets")


@shared_task(name="webex_widgets.refresh_due_tokens", acks_late=True, reject_on_worker_lost=True)
def refresh_due_webex_tokens() -> int:
    """Enqueue batches of the tokens that are due; return how many tokens that are.

    To run it twice, or while earlier batches still wait, costs a few queries and no refresh.
    """
    tokens.prepare_service_app_token()
    # The queue needs to know which tokens they are, and nobody needs to read them here.
    chosen = WebexToken.objects.defer("access_token", "refresh_token")
    due = (token.pk for token in due_tokens(chosen, conf.REFRESH_BEFORE))
    queued = 0
    while batch := list(islice(due, BATCH)):
        refresh_webex_token_batch.delay(batch)
        queued += len(batch)
    return queued


@shared_task(
    bind=True,
    name="webex_widgets.refresh_token_batch",
    # A batch whose worker dies is delivered again. That is safe: what was refreshed is not due
    # any more, and what was on its way is claimed.
    acks_late=True,
    reject_on_worker_lost=True,
    rate_limit="30/m",
    max_retries=RETRIES,
)
def refresh_webex_token_batch(self: Any, pks: list[int]) -> dict[str, object]:
    """Refresh those tokens of these primary keys that are still due; return the report's figures.

    Raises Celery's ``Retry`` where some are left, later than any claim holds. After ``RETRIES``
    of these they are left to the next scheduled run, for which they are still due.
    """
    left: list[int] = []

    def progress(token: WebexToken, outcome: str) -> None:
        if outcome in AGAIN:
            left.append(token.pk)

    due = due_tokens(WebexToken.objects.filter(pk__in=pks), conf.REFRESH_BEFORE)
    report = refresh_tokens(due, workers=WORKERS, progress=progress)
    if report.stopped:
        logger.error("A batch of Webex tokens was stopped: %s", report.stopped)
    if left and self.request.retries < RETRIES:
        # The longest of these waits is ten minutes. RabbitMQ takes a message back that a worker
        # holds for half an hour, Redis for an hour.
        wait = 1.25 * tokens.CLAIM.total_seconds() * 2**self.request.retries
        raise self.retry(args=[left], countdown=wait)
    if left:
        logger.warning("%d Webex tokens are left to the next run.", len(left))
    return report.as_dict()
