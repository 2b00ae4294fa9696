"""Answers in a Redis, which many machines may share: what they are named after is the same everywhere.

How much they may take is Redis' own to say (`maxmemory`): whatever it takes away is computed anew, and no list of ours
can come to differ from what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flexlib.store.cache_files import CacheStatus

PATIENCE = 0.5
"""Seconds that a Redis has to answer: one that is near takes a thousandth, and one that is away is asked once."""
KEY = "flexlib:answer:"
"""What the names of answers begin with."""
KEPT_SECONDS = 7 * 24 * 3600
"""Since it was last asked for, after which an answer goes: a week's are some megabytes, and a month that somebody comes
back to later is counted in seconds."""
AT_ONCE = 1000
"""Keys that are looked through in one step: a Redis that others use may have millions, and stops for each step."""


class AnswerRedis:
    """Answers by their names, in one database of a Redis."""

    failures: tuple[type[Exception], ...] = (redis.RedisError, OSError, ValueError, TypeError, AttributeError)
    """Python's own where what answers is no Redis: unless they are told apart here, a month that is whole would be said
    to be damaged."""

    def __init__(self, url: str, place: str) -> None:
        """`place`: the URL without its password."""
        self.place = place
        self._redis = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )

    def read(self, name: str) -> bytes | None:
        with self._redis.pipeline() as steps:
            steps.get(KEY + name)
            steps.expire(KEY + name, KEPT_SECONDS)
            return cast("bytes | None", steps.execute()[0])

    def write(self, name: str, content: bytes) -> None:
        self._redis.set(KEY + name, content, ex=KEPT_SECONDS)

    def measure(self) -> CacheStatus:
        sizes: list[int] = []
        for keys in self._list_keys():
            with self._redis.pipeline(transaction=False) as steps:
                for key in keys:
                    steps.strlen(key)
                sizes += filter(None, steps.execute())  # 0: gone meanwhile
        return CacheStatus(self.place, len(sizes), sum(sizes), None)

    def clear(self) -> int:
        gone = [self._redis.delete(*keys) for keys in self._list_keys()]
        return sum(gone)

    def _list_keys(self) -> Iterator[list[bytes]]:
        keys = [*{*self._redis.scan_iter(f"{KEY}*", AT_ONCE)}]  # it may tell one twice
        for start in range(0, len(keys), AT_ONCE):
            yield keys[start : start + AT_ONCE]
