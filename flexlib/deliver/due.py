"""When a notice may go: not in the hours of quiet, and with a digest not before its time of day."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from flexlib.nesting import format_given

MINUTE = timedelta(minutes=1)
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True)
class Times:
    """By the clock of a zone."""

    zone: ZoneInfo = ZoneInfo("UTC")
    quiet: tuple[time, time] | None = None
    """From the first on, until the second, over midnight where that is the earlier one."""
    digest: time | None = None
    """When all that has come up since the last one goes."""

    def find_due(self, now: datetime) -> datetime:
        """The first moment from `now` on at which a notice may go, in UTC.

        >>> santiago = Times(ZoneInfo("America/Santiago"), (time(20), time(8)))
        >>> santiago.find_due(datetime(2025, 9, 24, 2, tzinfo=timezone.utc)).isoformat()  # 23:00 there
        '2025-09-24T11:00:00+00:00'
        """
        here = now.astimezone(self.zone)
        if self.digest is not None:
            here = self._find_next(here, self.digest, most=1)
        if self.quiet is not None and self._is_quiet(here.time()):
            here = self._find_next(here, self.quiet[1])
        return here.astimezone(timezone.utc)

    def find_quiet_end(self, now: datetime) -> datetime | None:
        """When the hours of quiet end in which a moment lies, in UTC; None where it lies in none."""
        end = replace(self, digest=None).find_due(now)
        return end if end > now else None

    def write_quiet(self) -> str | None:
        """The hours of quiet as text, for `read_quiet`: such as `20:00 08:00 America/Santiago`."""
        return None if self.quiet is None else f"{self.quiet[0]:%H:%M} {self.quiet[1]:%H:%M} {self.zone.key}"

    @classmethod
    def read_quiet(cls, text: str) -> Times:
        """What `write_quiet` wrote.

        >>> Times.read_quiet("20:00 08:00 UTC").find_quiet_end(datetime(2025, 9, 24, 23, tzinfo=timezone.utc)).hour
        8
        """
        first, end, zone = text.split(" ")
        return cls(ZoneInfo(zone), (read_time(first), read_time(end)))

    def _is_quiet(self, clock: time) -> bool:
        assert self.quiet is not None
        first, end = self.quiet
        return first <= clock < end if first < end else clock >= first or clock < end

    def _find_next(self, here: datetime, clock: time, most: int = 2) -> datetime:
        """The next moment, from `here` on, at which the clock shows it; where it does so twice on a day, of `most`."""
        days = (here.date() + timedelta(days=one) for one in (0, 1))
        moments = (one for day in days for one in self._list_moments(datetime.combine(day, clock))[:most])
        return next(one for one in moments if one >= here.astimezone(timezone.utc)).astimezone(self.zone)

    def _list_moments(self, shown: datetime) -> list[datetime]:
        """When the clock shows that, in UTC: twice where it is set back over it; where it jumps over it, the first
        moment after."""
        folds = (shown.replace(tzinfo=self.zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
        before, *rest = sorted({*folds})
        if not rest or self._show(before) == shown:
            return [before, *rest]
        while self._show(before) < shown:
            before += MINUTE
        return [before]

    def _show(self, moment: datetime) -> datetime:
        """What the clock shows, without its zone."""
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)


def read_time(text: object) -> time:
    """`08:00`. Raises `ValueError` with what was given."""
    found = TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(format_given(text))
    return time(int(found[1]), int(found[2]))
