"""Signals, each sent after the change is committed.

Every one carries ``user``; the sender is the ``WebexToken`` class. A receiver that raises is
logged by Django and disturbs nobody else.
"""

from __future__ import annotations

from django.dispatch import Signal

webex_connected = Signal()
"""A user has connected, or connected anew. Arguments: ``user``, ``token``."""

webex_disconnected = Signal()
"""A user has disconnected. Arguments: ``user``."""

webex_token_refreshed = Signal()
"""A user's token was refreshed. Arguments: ``user``, ``token``."""

webex_reauthorization_required = Signal()
"""A user's consent has ended: only connecting again helps. Arguments: ``user``, ``token``."""
