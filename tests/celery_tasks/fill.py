"""``python -m tests.celery_tasks.fill 2000``: tables, people with a due token, and the tasks."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import django


def main(people: int) -> None:
    from . import app  # noqa: F401 - the queue that the tasks go to

    django.setup()

    from django.contrib.auth.models import User
    from django.core.management import call_command

    from webex_widgets.models import WebexToken
    from webex_widgets.tasks import BATCH, refresh_due_webex_tokens, refresh_webex_token_batch

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    users = User.objects.bulk_create(
        User(username=f"u{number}", password="!") for number in range(people)
    )
    tokens = WebexToken.objects.bulk_create(
        WebexToken(
            user=user,
            access_token=f"A-{user.username}-0",
            refresh_token=f"R-{user.username}-0",
            access_token_expires_at=now + timedelta(days=1),
            refresh_token_expires_at=now + timedelta(days=77),
            client_id="sentinel-client-id",
            refreshed_at=now - timedelta(days=13),
        )
        for user in users
    )
    # Some go out twice, so that two processes have them at a time. The others do not, so that
    # nobody makes up for a batch that is lost.
    for start in range(0, people // 4, BATCH):
        for _ in range(2):
            refresh_webex_token_batch.delay([token.pk for token in tokens[start : start + BATCH]])
    refresh_due_webex_tokens.delay()


if __name__ == "__main__":
    main(int(sys.argv[1]))
