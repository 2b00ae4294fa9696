"""What is spent of limits by now, for whoever tells of it: by the counters to which the database adds every call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timezone
from decimal import Decimal

from flexlib.dates import Span
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.guard.counters import Counters
from flexlib.ledger.guard.limits import DAY, build_limit, find_period
from flexlib.store.budgets import Budget


def list_counted(ledger: Ledger, budgets: Sequence[Budget], now: datetime) -> list[tuple[Budget, Span, Decimal]]:
    """What is spent of each budget, in US$, in the period of `now` and in the one before, which may have been passed
    since somebody last looked; a period for which nothing was held has no line.

    It costs the calls nothing. Raises `LedgerUnavailable`, `LedgerFailed` and `LedgerMissing`.
    """
    if ledger.is_absent:
        return []
    prepare_ledger(ledger)
    counters = Counters(ledger)

    def look() -> list[tuple[Budget, Span, Decimal]]:
        found = []
        with ledger.connect() as connection:
            for budget in budgets:
                span = find_period(budget, now)
                before = find_period(budget, datetime.combine(span.first - DAY, time(), timezone.utc))
                for limit in (build_limit(budget, one) for one in (before, span)):
                    if counted := counters.find(connection, limit.key):
                        found.append((budget, limit.span, counted.spent))
        return found

    return run_with_retries(ledger, look)
