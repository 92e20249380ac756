"""One row a connected user, and one for the service app: tokens and when they end. No HTTP here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import EncryptedTextField
from .managers import WebexTokenQuerySet


class WebexToken(models.Model):
    """A user's consent on Webex. All times are aware; the database holds them in UTC.

    One row may be no user's: it holds the service app's own token, and its client id as
    ``service_app``, so that there is one of each.
    """

    class Status(models.TextChoices):
        """Whether the consent stands."""

        ACTIVE = "active", _("active")
        REAUTHORIZATION_REQUIRED = "reauthorization_required", _("must connect again")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="webex_token",
        null=True,
        blank=True,
        verbose_name=_("user"),
    )
    access_token = EncryptedTextField(_("access token"))
    refresh_token = EncryptedTextField(_("refresh token"), blank=True)
    access_token_expires_at = models.DateTimeField(_("access token ends"), null=True, blank=True)
    refresh_token_expires_at = models.DateTimeField(_("refresh token ends"), null=True, blank=True)
    scopes = models.TextField(
        _("scopes"), blank=True, help_text=_("Separated by spaces, as Webex granted them.")
    )
    person_id = models.TextField(_("Webex person"), blank=True)
    email = models.TextField(_("Webex e-mail"), blank=True)
    status = models.CharField(
        _("status"), max_length=32, choices=Status.choices, default=Status.ACTIVE
    )
    created_at = models.DateTimeField(_("connected first"), auto_now_add=True)
    refreshed_at = models.DateTimeField(_("refreshed last"))
    # With another client id Webex would refuse the refresh token, through no fault of the token.
    client_id = models.TextField(_("client id"), editable=False)
    # NULLs are no duplicates of each other.
    service_app = models.CharField(  # noqa: DJ001
        max_length=255, null=True, unique=True, editable=False
    )
    # Counts the grants that this row has held: a writer who names it cannot hit a newer one.
    version = models.PositiveIntegerField(default=1, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[WebexTokenQuerySet] = WebexTokenQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("Webex token")
        verbose_name_plural = _("Webex tokens")
        indexes: ClassVar = [
            models.Index(fields=["status", "access_token_expires_at"], name="webex_widgets_due")
        ]

    def __str__(self) -> str:
        return self.email or self.owner

    @property
    def owner(self) -> str:
        """Whose token this is, for logs."""
        return "the service app" if self.user_id is None else f"user {self.user_id}"

    def ends_within(self, at: datetime, seconds: float) -> bool:
        """Whether the access token is known to end in the ``seconds`` after ``at``, or before."""
        ends = self.access_token_expires_at
        return ends is not None and ends < at + timedelta(seconds=seconds)

    def can_refresh(self, at: datetime) -> bool:
        """Whether there is a refresh token that is not known to have ended."""
        ends = self.refresh_token_expires_at
        return bool(self.refresh_token) and (ends is None or ends > at)

    def is_due(self, at: datetime, before: timedelta) -> bool:
        """Whether to refresh: the end is unknown or at most ``before`` away.

        A token whose whole life is short (12 hours have been seen) is due in the second half of
        its life, rather than always: Webex keeps at most 750 tokens a person.
        """
        if self.access_token_expires_at is None:
            return True
        half_life = (self.access_token_expires_at - self.refreshed_at) / 2
        return self.access_token_expires_at - at <= min(before, half_life)
