"""The admin's view of the connections: who, until when, and never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import tokens
from .client.transport import Transport
from .conf import conf
from .exceptions import WebexError
from .models import WebexToken

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[WebexToken]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(WebexToken)
class WebexTokenAdmin(ModelAdmin):
    """Read-only but for deleting; refreshing and disconnecting are actions."""

    actions = ("refresh", "disconnect")
    fields = (
        "user",
        "email",
        "person_id",
        "status",
        "scopes",
        "access_token_expires_at",
        "refresh_token_expires_at",
        "created_at",
        "refreshed_at",
    )
    list_display = (
        "owner",
        "email",
        "status",
        "access_token_expires_at",
        "refresh_token_expires_at",
        "refreshed_at",
    )
    list_filter = ("status",)
    list_select_related = ("user",)
    ordering = ("access_token_expires_at",)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Search by what users sign in with and by the Webex address; never by tokens."""
        return [f"user__{get_user_model().USERNAME_FIELD}", "email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebexToken]:
        """Leave the secrets in the database."""
        return super().get_queryset(request).defer("access_token", "refresh_token")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody but Webex can add one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing in a row is for people to change."""
        return False

    @admin.display(description=_("user"), ordering="user")
    def owner(self, token: WebexToken) -> Any:
        """Return the user, or whose token else it is."""
        return token.user or _("service app")

    @admin.action(description=_("Refresh the selected tokens now"), permissions=["delete"])
    def refresh(self, request: HttpRequest, queryset: QuerySet[WebexToken]) -> None:
        """Refresh, one after the other, and say what came of it."""
        refreshed = 0
        with Transport(total=conf.REQUEST_TIMEOUT) as transport:
            for token in queryset.select_related("user"):
                try:
                    tokens.refresh(transport, token)
                    refreshed += 1
                except WebexError as error:
                    self.message_user(request, f"{token.user or token}: {error}", messages.ERROR)
        if refreshed:
            text = ngettext("%d token was refreshed.", "%d tokens were refreshed.", refreshed)
            self.message_user(request, text % refreshed, messages.SUCCESS)

    @admin.action(description=_("Disconnect the selected users"), permissions=["delete"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[WebexToken]) -> None:
        """Forget the selected users' tokens as if they had asked for it."""
        for token in queryset.select_related("user"):
            if token.user is not None:
                tokens.disconnect(token.user)
        self.message_user(request, _("The selected users are disconnected."), messages.SUCCESS)
