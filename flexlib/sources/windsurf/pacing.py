"""How fast to ask: as fast as the workers go until the server says 429, then just below the rate that it sustains."""

from __future__ import annotations

from collections import deque

WINDOW = 2.0
"""Seconds over which the rate that the server bore is measured."""
CUT = 0.9
"""What is left of that rate after a 429."""
FEW = 20
"""Answers: a rate that rests on fewer says next to nothing of what the server bears."""
RAISE_BLIND = 1.0
"""How much faster each quiet second where it does."""
RAISE_FAR, RAISE_NEAR = 0.10, 0.01
"""How much faster each quiet second, below and above nine tenths of the rate that was last too much."""


class Pacer:
    """Says how long to wait before the next request. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests a second; None while no limit is known."""
        self.ceiling = 0.0
        """The rate that was last too much."""
        self._is_blind = False
        """Whether the rate rests on too few answers."""
        self._next = 0.0
        self._changed = 0.0
        self._accepted: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._next - now)

    def spend(self, now: float) -> None:
        """Notes that a request goes now."""
        if self.rate is not None:
            self._next = max(self._next, now) + 1 / self.rate

    def succeed(self, now: float) -> None:
        """Notes an answer; each second without a 429 the rate goes up a little."""
        self._accepted.append(now)
        while self._accepted[0] < now - WINDOW:
            self._accepted.popleft()
        if self.rate is not None and now - self._changed >= 1:
            known = RAISE_FAR if self.rate < CUT * self.ceiling else RAISE_NEAR
            self.rate *= 1 + (RAISE_BLIND if self._is_blind else known)
            self._changed = now

    def throttle(self, now: float, sent: float, pause: float) -> None:
        """Notes a 429 to a request `sent` at that time: everything pauses, and the rate is cut once a burst."""
        if sent >= self._changed or self.rate is None:
            first = self._accepted[0] if self._accepted else now
            sustained = len(self._accepted) / max(now - first, 1.0)
            self._is_blind = self.rate is None and len(self._accepted) < FEW
            self.ceiling = max(1.0, sustained if self.rate is None else min(sustained, self.rate))
            self.rate = max(1.0, CUT * self.ceiling)
        self._changed = now + pause
        self._next = max(self._next, now + pause)
