"""The cache that ``CACHE`` names, for a site that goes on without it.

While it cannot be asked, which is logged, everybody finds it empty: no page fails because of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import BaseCache, caches

from .conf import conf

T = TypeVar("T")

logger = logging.getLogger("webex_widgets")


def get(key: str, default: Any = None) -> Any:
    """Return what is kept under this key, else ``default``."""
    return _asked(lambda cache: cache.get(key, default), default)


def put(key: str, value: object, seconds: float) -> None:
    """Keep a value for so long."""
    _asked(lambda cache: cache.set(key, value, seconds), None)


def add(key: str, value: object, seconds: float) -> bool:
    """Keep a value where there is none; return whether there was none."""
    return _asked(lambda cache: cache.add(key, value, seconds), True)


def count(key: str, number: int, seconds: float) -> int | None:
    """Add to a counter that ``add`` has made, keep it for so long, and return its new value.

    That is 0 where the cache has lost it or keeps nothing, ``None`` where it cannot be asked. Of
    many at a time no two see the same value, except where Django's ``incr`` is a read and a write:
    in the database and in files.
    """

    def counted(cache: BaseCache) -> int:
        try:
            value = cache.incr(key, number)
        except ValueError:
            return 0
        # There, it has also gone back to the time for which the cache keeps things by default.
        cache.touch(key, seconds)
        return value

    return _asked(counted, None)


def delete(*keys: str) -> None:
    """Forget what is kept under these keys."""
    _asked(lambda cache: cache.delete_many(keys), None)


def _asked(call: Callable[[BaseCache], T], otherwise: T) -> T:
    """Return what the cache says, or ``otherwise``."""
    cache = caches[conf.CACHE]
    try:
        return call(cache)
    except Exception as error:  # noqa: BLE001 - each backend has errors of its own
        # Nothing but the error's kind: the cache's address may hold a password.
        logger.warning('The cache "%s" cannot be asked (%s).', conf.CACHE, type(error).__name__)
        return otherwise
