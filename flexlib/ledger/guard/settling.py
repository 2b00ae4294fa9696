"""What is counted of a call when it is settled: in the limits that it is of, also where its hold was told others."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from flexlib.i18n import mark_text
from flexlib.ledger.db.database import run_with_retries
from flexlib.ledger.guard.alerts import leave_alerts
from flexlib.ledger.guard.counters import Counted, Counters
from flexlib.ledger.guard.limits import Limit, find_recorded_limits
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.writing import open_transaction
from flexlib.store.budgets import Budget

COUNT_AGAIN = mark_text(" The call is stored; settle it again, so that it counts in all its limits.")


class Settling:
    """The limits of one call, from when it is stored until all that it passed is told."""

    def __init__(self, counters: Counters, budgets: Sequence[Budget], name: str | None, amount: Decimal) -> None:
        """`name`: under which the amount is held; None where it is not."""
        self._counters, self._budgets, self._name, self._amount = counters, budgets, name, amount
        self._counted: list[tuple[Limit, Counted | None]] = []

    def conclude(self, connection: Any, stored: list[UsageRecord]) -> None:  # noqa: ANN401
        """Holds nothing for the call any more or, where it has no price, the amount of the limits that it is of. Inside
        a transaction, and as often as one likes."""
        (call,) = stored
        limits = find_recorded_limits(self._budgets, call)
        if self._name is not None:
            self._counters.resolve(connection, self._name)
        if call.amount_in_usd is None:
            self._counters.keep(connection, call.request_id, [one.key for one in limits], self._amount)
        self._counted = [(one, self._counters.find(connection, one.key)) for one in limits]

    def finish(self, call: UsageRecord) -> None:
        """Makes the counters that lack, which begin with the call, since nothing was held of a limit that the hold was
        not told of; and leaves what the call passed to be told."""
        known = self._counters.ledger.counters  # that are gone from the database: made again when somebody holds
        if lacking := [limit for limit, one in self._counted if one is None and limit.key not in known]:
            count = partial(self._count, lacking, call)
            run_with_retries(self._counters.ledger, count, COUNT_AGAIN)
        for limit, counted in self._counted:
            if counted is not None:
                leave_alerts(self._counters.ledger.data, limit, counted.spent, call.amount_in_usd or Decimal(0))

    def _count(self, limits: Sequence[Limit], call: UsageRecord) -> None:
        self._counters.ensure(limits)
        with open_transaction(self._counters.ledger) as connection:
            self.conclude(connection, [call])
