"""The demo's calls in the demo's data folder, so that its report shows a whole company at once."""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from flexlib.dates import Month
from flexlib.demo.calls import write_calls
from flexlib.ingest.files.importing import import_usage
from flexlib.money.fx import Rate
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import IMPORT
from flexlib.store.fx import KeptRate, lock_rates, read_kept_rates, write_kept_rates
from flexlib.store.snapshots import find_snapshot

MAPPING = CallMapping(
    request_id="request_id",
    created_at="time",
    provider_column="provider",
    model_column="model",
    proxy_column="proxy",
    task_type_column="task_type",
    prompt_tokens="prompt_tokens",
    cached_tokens="cached_tokens",
    cache="included",
    completion_tokens="completion_tokens",
    amount_in_usd="usd",
    status="status",
    duration_ms="duration_ms",
    usable_type_column="application",
    usable_id="instance",
)

DAYS_BEFORE = timedelta(days=7)
"""So many days before a month has its rates: the first of them may be a holiday."""


def ensure_demo_calls(month: Month, root: Path) -> None:
    """Imports the made-up calls of the month, at made-up rates of the dollar, into the demo's data folder `root`;
    nothing where they are there and not stale."""
    stored = find_snapshot(IMPORT.dataset, month, root, IMPORT.name)
    if stored is not None and not stored.certificate.is_stale():
        return
    now = datetime.now(timezone.utc)
    _keep_rates(month, root, now)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"demo-calls-{month}.csv"
        if write_calls(month, file, now):
            import_usage(file, MAPPING, root, wait=True)


def _keep_rates(month: Month, root: Path, now: datetime) -> None:
    first, last = month.first - DAYS_BEFORE, min(month.last, now.date())
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    with lock_rates(root):
        kept = read_kept_rates(root)
        known = {one.rate.day for one in kept}
        made = [Rate(day, _make_up_rate(day), "made up") for day in days if day.weekday() < 5 and day not in known]
        write_kept_rates([*kept, *(KeptRate(rate, now.replace(microsecond=0)) for rate in made)], root)


def _make_up_rate(day: date) -> Decimal:
    """Plausible, the same every time, and nobody's."""
    return Decimal("948.30") + (day.toordinal() * 37 % 113) * Decimal("0.27")
