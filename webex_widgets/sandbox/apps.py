"""The sandbox as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.core.signals import request_started
from django.utils.autoreload import autoreload_started


class WebexSandboxConfig(AppConfig):
    """Registers the checks and starts the sandbox's server when the site starts to work."""

    name = "webex_widgets.sandbox"
    label = "webex_widgets_sandbox"
    verbose_name = "Webex sandbox"

    def ready(self) -> None:
        """Wait for the first request, or for ``runserver``: other commands need no server."""
        from webex_widgets.sandbox import checks
        from webex_widgets.sandbox.server import ensure_running

        register(checks.check_debug)
        register(checks.check_order)
        register(checks.check_address)
        request_started.connect(ensure_running, dispatch_uid="webex_widgets_sandbox")
        # After a restart by the reloader, open widgets come back without waiting for a request.
        autoreload_started.connect(ensure_running, dispatch_uid="webex_widgets_sandbox")
