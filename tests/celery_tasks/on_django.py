"""The task of docs/upkeep.md for Django's own queue, which Django has from 6.0 on."""

from __future__ import annotations

from django.core.management import call_command
from django.tasks import task


@task
def refresh_webex_tokens() -> None:
    call_command("refresh_webex_tokens", verbosity=0)
