"""The application's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebexWidgetsConfig(AppConfig):
    """Registers the system checks and does nothing else."""

    name = "webex_widgets"
    verbose_name = _("Webex widgets")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from . import checks  # noqa: F401 - importing registers
