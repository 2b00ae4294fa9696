"""The two limits of the server: requests a second, and requests an hour of the consumption endpoint."""

from __future__ import annotations

import math
from collections import deque

HOUR = 3600.0


class RateLimit:
    """At most `rate` requests a second, with bursts of as many; 0 is no limit. A token bucket."""

    def __init__(self, rate: float) -> None:
        self._rate, self._size = rate, max(1.0, rate)
        self._tokens, self._last = self._size, 0.0

    def take(self, now: float) -> int:
        """0 for a request that may pass at the second `now`; otherwise after how many seconds to come again."""
        if not self._rate:
            return 0
        self._tokens = min(self._size, self._tokens + (now - self._last) * self._rate)
        self._last = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return math.ceil((1 - self._tokens) / self._rate)


class HourlyLimit:
    """At most `count` requests in any hour."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._passed: deque[float] = deque()

    def take(self, now: float) -> int:
        """0 for a request that may pass at the second `now`; otherwise after how many seconds to come again."""
        while self._passed and self._passed[0] <= now - HOUR:
            self._passed.popleft()
        if len(self._passed) < self._count:
            self._passed.append(now)
            return 0
        return math.ceil(self._passed[0] + HOUR - now) if self._passed else math.ceil(HOUR)
