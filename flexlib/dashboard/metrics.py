"""The running month as OpenMetrics, for a Prometheus: nobody's name, and no value where one is not known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import CollectorRegistry

from flexlib.checks import MOST_UNPRICED
from flexlib.dashboard.budgets import find_span, keep_recorded, lacks_too_much, list_rows, sum_days
from flexlib.dashboard.live import let_go, look_only
from flexlib.dates import Month
from flexlib.enums import FAILED
from flexlib.errors import BadFile, LedgerError
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.guard.limits import find_period
from flexlib.ledger.read.running import DaySums, RouteSums, read_days, read_routes
from flexlib.spend.billed import sum_known
from flexlib.store.budgets import Budget, read_budgets

KIND = CONTENT_TYPE_LATEST
KEPT_SECONDS = 1.0
"""For which an answer stands: however many ask, the ledger is read once a second at most."""

ROUTE = ("provider", "model")
MEASURES: dict[str, tuple[str, Callable[[list[RouteSums]], Decimal | int | None]]] = {
    "flexlib_month_spend_usd": ("US dollars recorded this month, where a price is known.",
                                lambda rows: sum_known(one.usd for one in rows)),
    "flexlib_month_spend_clp": ("Chilean pesos recorded this month, where price and rate are known.",
                                lambda rows: sum_known(one.clp for one in rows)),
    "flexlib_month_calls": ("Calls recorded this month.", lambda rows: sum(one.calls for one in rows)),
    "flexlib_month_failed_calls": ("Of these, calls that failed.",
                                   lambda rows: sum(one.calls for one in rows if FAILED.search(one.status or ""))),
    "flexlib_month_unpriced_calls": ("Of these, calls without an amount in US dollars.",
                                     lambda rows: sum(one.unpriced for one in rows)),
    "flexlib_month_tokens": ("Tokens of the calls recorded this month.", lambda rows: sum(one.tokens for one in rows)),
}  # fmt: skip
"""Each with its help and what the rows of a provider and model come to. Gauges: a month begins anew, and calls are
repriced and deleted. The words are a protocol's, in one language for all who read it."""


class Metrics:
    """The ledger as OpenMetrics text; from several threads at once, too."""

    def __init__(
        self,
        ledger: Ledger,
        budgets: Path | None,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        most_unpriced: Decimal = MOST_UNPRICED,
    ) -> None:
        self.ledger = ledger
        self.budgets = budgets
        self.clock = clock
        self.most_unpriced = most_unpriced
        """The largest share of a budget's calls without a price of which it can still be said how much is used."""
        self._lock = Lock()
        self._kept: tuple[float, bytes] | None = None
        look_only(ledger)

    def write(self) -> bytes:
        """The text of this second."""
        with self._lock:
            now = time.monotonic()
            if self._kept is None or now - self._kept[0] >= KEPT_SECONDS:
                registry = CollectorRegistry()
                registry.register(self)
                self._kept = now, generate_latest(registry)  # type: ignore[no-untyped-call]
            return self._kept[1]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges of one look, as the library asks for them."""
        now, routes, days = self.clock(), list[RouteSums](), list[DaySums]()
        budgets, is_read = self._read_budgets()
        is_up, span = True, find_span(budgets, now)
        try:
            routes = read_routes(self.ledger, Month.containing(now.date()))
            days = read_days(self.ledger, span) if span else []
        except LedgerError:
            is_up = False
            let_go(self.ledger)
        yield GaugeMetricFamily("flexlib_ledger_up", "1 where the ledger answered, else 0.", value=int(is_up))
        yield GaugeMetricFamily("flexlib_budgets_up", "1 where the file of budgets could be read, or there is none.",
                                value=int(is_read))  # fmt: skip
        if is_up:
            yield from _list_routes(routes)
            yield _list_budgets(budgets, days, now, self.most_unpriced)

    def _read_budgets(self) -> tuple[list[Budget], bool]:
        try:
            return keep_recorded(read_budgets(self.budgets)) if self.budgets else [], True
        except BadFile:
            return [], False


def _list_routes(routes: list[RouteSums]) -> Iterator[GaugeMetricFamily]:
    by_route: dict[tuple[str, str], list[RouteSums]] = {}
    for one in routes:
        by_route.setdefault((one.provider, one.model), []).append(one)
    for name, (said, measure) in MEASURES.items():
        family = GaugeMetricFamily(name, said, labels=ROUTE)
        for route, rows in sorted(by_route.items()):
            _add(family, route, measure(rows))
        yield family


def _list_budgets(
    budgets: list[Budget], days: list[DaySums], now: datetime, most_unpriced: Decimal
) -> GaugeMetricFamily:
    said = "What the ledger holds of a budget's running period, as a share of the budget."
    family = GaugeMetricFamily("flexlib_budget_used_ratio", said, labels=("budget", "period", "currency"))
    for budget in budgets:
        if budget.amount:
            span = find_period(budget, now)
            rows = [one for one in list_rows(budget, days) if one.day in span]
            used = sum(sum_days(budget, rows).values()) / budget.amount
            if used > 1 or not lacks_too_much(budget, rows, most_unpriced):  # exceeded, whatever is missing
                _add(family, (budget.name, budget.period, budget.unit), used)
    return family


def _add(family: GaugeMetricFamily, labels: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 (a number)
    """What is not known has no line."""
    if value is not None:
        family.add_metric(labels, float(value))
