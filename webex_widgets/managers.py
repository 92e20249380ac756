"""Which tokens are due, and how one is claimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from django.db import connections, models, router, transaction
from django.db.models import Q
from django.db.models.functions import Lower

if TYPE_CHECKING:
    from .models import WebexToken

PAGE: Final = 200
"""Rows in memory at a time."""


class WebexTokenQuerySet(models.QuerySet["WebexToken"]):
    """Queries of ``WebexToken``; every write here is one conditional UPDATE."""

    def active(self) -> WebexTokenQuerySet:
        """Tokens whose consent, as far as anybody knows, stands."""
        return self.filter(status="active")

    def due(self, at: datetime, before: timedelta) -> WebexTokenQuerySet:
        """Active tokens that end within ``before`` of ``at``, or of which no end is known.

        ``WebexToken.is_due`` has the last word on tokens that live shorter than ``before``.
        """
        return self.active().filter(
            Q(access_token_expires_at__lte=at + before) | Q(access_token_expires_at=None)
        )

    def in_pages(self, *order: str) -> Iterator[WebexToken]:
        """Yield the rows in this order, which ends in "pk", with a page in memory at a time.

        Each page is a query of its own that begins where the last one ended, so that rows may
        change meanwhile and no cursor stays open.
        """
        page = list(self.order_by(*order)[:PAGE])
        while page:
            last = {name: getattr(page[-1], name) for name in order}
            yield from page
            beyond = Q()
            for position, name in enumerate(order):
                same = {earlier: last[earlier] for earlier in order[:position]}
                beyond |= Q(**same, **{f"{name}__gt": last[name]})
            # The second condition follows from the first, and is what databases use the index for.
            beyond &= Q(**{f"{order[0]}__gte": last[order[0]]})
            page = list(self.filter(beyond).order_by(*order)[:PAGE])

    def claim(self, tokens: Sequence[WebexToken], at: datetime, until: datetime) -> set[Any]:
        """Claim the right to refresh ``tokens`` until then; return the keys of those it got.

        The others are in somebody else's hands, or have changed since they were loaded. A claim
        runs out by itself, so a process that dies holding one locks nobody out.
        """
        unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=at)
        # No index can be used for a function of the status. InnoDB would lock the index first and
        # the row then, ``settle`` does it the other way round, and that is a deadlock.
        claimable = self.alias(state=Lower("status")).filter(unclaimed, state="active")
        unchanged = Q()
        for version in sorted({token.version for token in tokens}):
            keys = [token.pk for token in tokens if token.version == version]
            unchanged |= Q(version=version, pk__in=keys)
        using = router.db_for_write(self.model)
        with transaction.atomic(using):
            if claimable.filter(unchanged).update(claimed_until=until) == len(tokens):
                return {token.pk for token in tokens}
            # Which ones it got, only a count for each of them tells.
            transaction.set_rollback(True, using)
        with transaction.atomic(using):
            return {
                token.pk
                for token in sorted(tokens, key=lambda token: token.pk)
                if claimable.filter(pk=token.pk, version=token.version).update(claimed_until=until)
            }

    def settle(self, key: Any, version: int, changes: Mapping[str, Any]) -> bool:
        """Write ``changes`` and end the claim, if the row still holds that version's grant.

        Every refreshed token goes through here, and to build this one statement anew each time
        would take the ORM longer than all else that a refresh costs.
        """
        changes = {**changes, "claimed_until": None}
        connection = connections[router.db_for_write(self.model)]
        quote = connection.ops.quote_name
        table = quote(self.model._meta.db_table)
        fields = [
            cast("models.Field[Any, Any]", self.model._meta.get_field(name)) for name in changes
        ]
        assignments = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
        values = [field.get_db_prep_save(changes[field.name], connection) for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(
                # Nothing but the model's own names is put together here.
                f"UPDATE {table} SET {assignments} WHERE id = %s AND version = %s",  # noqa: S608
                [*values, key, version],
            )
            return bool(cursor.rowcount)
