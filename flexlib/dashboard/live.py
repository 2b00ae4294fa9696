"""The running month as the ledger has it this moment: today and the month, the last minute, how long calls take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

from flexlib.checks import MOST_UNPRICED
from flexlib.dashboard.outlook import Outlook, read_outlook
from flexlib.enums import FAILED
from flexlib.errors import BadFile, LedgerError
from flexlib.i18n import _, find_language
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.read.now import Now, read_now
from flexlib.spend.billed import sum_known
from flexlib.store.budgets import read_budgets

MINUTE, RECENT = timedelta(minutes=1), timedelta(hours=1)
"""What calls a minute are counted over, and how long calls take."""
PERCENT = 90
FORESEEN = 60.0
"""Seconds between two outlooks, which read half a year of days."""
MOST_OF_TIME = 4
"""A look that took longer is followed by a pause of so many times as long, so that no ledger is kept busy by looks."""
TRY_SECONDS = 0.5
"""For which a busy or absent ledger is tried again within one look: the next look is a second later anyway."""


@dataclass(frozen=True)
class Sums:
    """What some calls came to; `usd` None where no amount is known."""

    calls: int
    failed: int
    usd: Decimal | None
    unpriced: int


@dataclass(frozen=True)
class Live:
    """The figures of one look."""

    day: date
    """Today, in UTC."""
    today: Sums
    month: Sums
    a_minute: int
    """Calls of the last minute."""
    p90_ms: int | None
    """So long took nine of ten calls of the last hour that were answered; None: none has a duration."""
    timed: int
    """Out of so many."""
    routes: tuple[tuple[str, str, Sums], ...]
    """Today by provider and model, most spent first."""
    last: tuple[tuple[Any, ...], ...]
    """The last calls, see `read.now.Now`."""


class Watch:
    """Looks at a ledger again and again, and keeps the last figures that are known."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        budgets: Path | None = None,
        most_unpriced: Decimal = MOST_UNPRICED,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.budgets = budgets
        self.most_unpriced = most_unpriced
        self.outlook: Outlook | None = None
        self.foresees_at = 0.0
        """When the next outlook is due, by the monotonic clock."""
        self.outlook_problem = ""
        """Why the outlook, or the budgets in it, could not be read."""
        self.outlook_language = find_language()
        """That of the sentences in it."""
        self.live: Live | None = None
        self.read_at: datetime | None = None
        """When the figures were read."""
        self.problem = ""
        """Why the last look saw nothing; empty: it saw the figures."""
        look_only(ledger)

    @property
    def today(self) -> date:
        return self.clock().date()

    def look(self) -> float:
        """Reads the figures, or notes why they cannot be read; gives the seconds that it took."""
        begun, now = time.monotonic(), self.clock()
        try:
            self.live = build_live(read_now(self.ledger, now, MINUTE, RECENT), now.date())
            self.read_at, self.problem = now, ""
        except LedgerError as error:
            self.problem = str(error)
            let_go(self.ledger)
        return time.monotonic() - begun

    def look_ahead(self) -> None:
        """Reads the outlook, where it is due or of another language and the ledger answers, beside the looks that go on
        meanwhile. Raises what is a fault of ours, once a minute, and says it as any other reason."""
        begun, language = time.monotonic(), find_language()
        if self.problem or (begun < self.foresees_at and language == self.outlook_language):
            return
        now, problem, pause = self.clock(), "", FORESEEN
        outlook: Outlook | None = None
        try:
            try:
                budgets = read_budgets(self.budgets) if self.budgets else []
            except BadFile as error:
                budgets, problem = [], str(error)
            outlook = read_outlook(self.ledger, budgets, now, self.most_unpriced)
        except LedgerError as error:
            problem, pause = str(error), 0.0  # a ledger that is lost is asked as soon as it is back
        except Exception as error:
            said = _("A fault in flexlib itself: {kind}: {error}.")
            problem = said.format(kind=type(error).__name__, error=error)
            raise
        finally:
            # None, too: the one before would be taken for this minute's.
            self.outlook, self.outlook_problem, self.outlook_language = outlook, problem, language
            done = time.monotonic()
            self.foresees_at = done + max(pause, MOST_OF_TIME * (done - begun))


def look_only(ledger: Ledger) -> None:
    """Makes a ledger, before its first use, one that is only looked at: one that went away is missing, and no empty one
    is made in its place, whose zeros would be shown."""
    ledger.retry_seconds, ledger.makes_file = TRY_SECONDS, False


def let_go(ledger: Ledger) -> None:
    """Ends the connections of a lost ledger: what comes back may be another file, or another server."""
    ledger.close()
    ledger.prepared = False


def build_live(now: Now, day: date) -> Live:
    """The figures out of what was read."""
    routes: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in now.today:
        routes.setdefault((row[0], row[1]), []).append(row)
    by_route = [(*route, _sum_up(rows)) for route, rows in routes.items()]
    by_route.sort(key=lambda one: (-(one[2].usd or 0), -one[2].calls, one[:2]))
    durations = sorted(one for one, status in now.durations if not FAILED.search(status or ""))
    nearest = durations[ceil(len(durations) * PERCENT / 100) - 1] if durations else None
    return Live(day, _sum_up(now.today), _sum_up(now.month), now.a_minute, nearest, len(durations), tuple(by_route),
                now.last)  # fmt: skip


def _sum_up(rows: Sequence[tuple[Any, ...]]) -> Sums:
    """Rows of provider, model, status, calls, dollars, calls without a price."""
    return Sums(
        calls=sum(row[3] for row in rows),
        failed=sum(row[3] for row in rows if FAILED.search(row[2] or "")),
        usd=sum_known(row[4] for row in rows),
        unpriced=sum(row[5] for row in rows),
    )
