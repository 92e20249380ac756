"""Keeps a site's workers from piling up behind a Webex that hangs.

After a few time-outs in a row nobody asks Webex any more, and everyone has the answer at once; one
probe every so often finds out whether Webex is back. All processes share this through the cache;
while that is down, everybody asks.
"""

from __future__ import annotations

import logging
from typing import Final

from .. import cache
from ..exceptions import TransportError

TIMEOUTS: Final = 3
"""Time-outs in a row after which Webex counts as down."""

PAUSE: Final = 30
"""Seconds from one probe to the next."""

_TIMEOUTS_KEY: Final = "webex_widgets.timeouts"
_PROBE_KEY: Final = "webex_widgets.probe"

logger = logging.getLogger("webex_widgets")


def check() -> bool:
    """Raise ``TransportError`` while Webex counts as down and it is not this caller's turn to ask.

    Returns whether there have been time-outs lately, for ``answered``.
    """
    timeouts = cache.get(_TIMEOUTS_KEY, 0)
    # add() sets the key for exactly one caller of all processes: that one is the probe.
    if timeouts >= TIMEOUTS and not cache.add(_PROBE_KEY, 1, PAUSE):
        raise TransportError(
            f"Webex has not answered {timeouts} times in a row; it will be asked again soon.",
            retry_after=PAUSE,
        )
    return bool(timeouts)


def timed_out() -> None:
    """Count a time-out."""
    # The count outlives the pause, so that a probe's own time-out does not start from nothing.
    cache.add(_TIMEOUTS_KEY, 0, 20 * PAUSE)
    timeouts = cache.count(_TIMEOUTS_KEY, 1, 20 * PAUSE) or 0
    if timeouts >= TIMEOUTS:
        cache.put(_PROBE_KEY, 1, PAUSE)
    if timeouts == TIMEOUTS:
        logger.warning("Webex has not answered %d times in a row; pausing.", timeouts)


def answered() -> None:
    """Forget the time-outs: Webex is there, whatever it said."""
    cache.delete(_TIMEOUTS_KEY, _PROBE_KEY)
