"""Answers in a Redis, which many machines may share: what they are named after is the same everywhere."""

from __future__ import annotations

import time
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flexlib.store.cache_files import KEPT_BYTES, MOST_BYTES, CacheStatus

PATIENCE = 0.5
"""Seconds that a Redis has to answer: one that is near takes a thousandth, and one that is away is asked once."""
KEY = "flexlib:answer:"
"""What the names of answers begin with."""
USED, SIZES = "flexlib:answers:used", "flexlib:answers:sizes"
"""When each was last asked for, and how many bytes it has."""


class AnswerRedis:
    """Answers by their names, in one database of a Redis."""

    failures: tuple[type[Exception], ...] = (redis.RedisError, OSError, ValueError, TypeError, AttributeError)
    """Python's own where another writes there, too, so that a size is no number, or where what answers is no Redis:
    unless they are told apart here, a month that is whole would be said to be damaged."""

    def __init__(self, url: str, place: str) -> None:
        """`place`: the URL without its password."""
        self.place = place
        self._redis = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )

    def read(self, name: str) -> bytes | None:
        with self._redis.pipeline() as steps:
            steps.get(KEY + name)
            steps.zadd(USED, {name: time.time()}, xx=True)
            return cast("bytes | None", steps.execute()[0])

    def write(self, name: str, content: bytes) -> None:
        with self._redis.pipeline() as steps:
            steps.set(KEY + name, content)
            steps.zadd(USED, {name: time.time()})
            steps.hset(SIZES, name, str(len(content)))
            steps.execute()
        self._shrink()

    def measure(self) -> CacheStatus:
        sizes = self._list_sizes()
        return CacheStatus(self.place, len(sizes), sum(sizes.values()), MOST_BYTES)

    def clear(self) -> int:
        return self._drop(cast("list[bytes]", self._redis.hkeys(SIZES)))

    def _shrink(self) -> None:
        sizes = self._list_sizes()
        total = sum(sizes.values())
        if total > MOST_BYTES:
            gone = []
            for name in cast("list[bytes]", self._redis.zrange(USED, 0, -1)):
                if total <= KEPT_BYTES:
                    break
                gone.append(name)
                total -= sizes.get(name, 0)
            self._drop(gone)

    def _list_sizes(self) -> dict[bytes, int]:
        return {name: int(size) for name, size in cast("dict[bytes, bytes]", self._redis.hgetall(SIZES)).items()}

    def _drop(self, names: list[bytes]) -> int:
        if names:
            with self._redis.pipeline() as steps:
                steps.delete(*(KEY.encode() + name for name in names))
                steps.zrem(USED, *names)
                steps.hdel(SIZES, *names)
                steps.execute()
        return len(names)
