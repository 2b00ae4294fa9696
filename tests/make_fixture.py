"""Makes the fixture again: two months of a small made-up company, fetched from the demo server by the real fetch, the
made-up calls of `calls.csv`, and made-up rates of the dollar.

Run it as `python tests/make_fixture.py` when the schema changes, then `make refresh`.
"""

import shutil
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from flexlib import Month
from flexlib.demo.process import demo_server
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import import_files
from flexlib.ingest.windsurf.fetch import update_credits
from flexlib.money.fx import Rate
from flexlib.settings import Settings
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.store.fx import KeptRate, write_kept_rates

DATA = Path(__file__).parent / "data"
FIXTURE = DATA / "fixture"
USERS = "600"
MOST_UNPRICED = Decimal("0.2")
"""One model's calls have no price: enough to be seen, and not to make the month a part of one."""
IMPORTED_AT = datetime(2025, 10, 3, 6, tzinfo=timezone.utc)

CALLS = CallMapping(
    created_at="time",
    provider_column="provider",
    model_column="model",
    proxy_column="proxy",
    task_type_column="task_type",
    prompt_tokens="prompt_tokens",
    completion_tokens="completion_tokens",
    cached_tokens="cached_tokens",
    cache="included",
    amount_in_usd="usd",
    duration_ms="duration_ms",
    usable_type="user",
    usable_id="user_id",
    metadata=("team",),
)


def make_credits() -> None:
    shutil.rmtree(FIXTURE / "credits", ignore_errors=True)
    with demo_server("--users", USERS) as url:
        for month in (Month(2025, 8), Month(2025, 9)):
            update_credits(month, Settings(FIXTURE, url, "demo-key"), verify=None)


def make_rates() -> None:
    """A rate for each weekday of September and the days around it, plausible and nobody's."""
    days = (date(2025, 8, 29) + timedelta(days=number) for number in range(36))
    weekdays = [day for day in days if day.isoweekday() < 6]
    rates = [Rate(day, Decimal("962.10") + (number * 37 % 11) - Decimal(number) / 4, "made up")
             for number, day in enumerate(weekdays)]  # fmt: skip
    write_kept_rates([KeptRate(rate, IMPORTED_AT) for rate in rates], FIXTURE)


def make_usage() -> None:
    shutil.rmtree(FIXTURE / "usage", ignore_errors=True)
    file = DATA / "calls.csv"
    import_files(
        [(InputFile(file, file.name), CALLS)], FIXTURE, Decisions(most_unpriced=MOST_UNPRICED), now=IMPORTED_AT
    )


if __name__ == "__main__":
    make_credits()
    make_rates()
    make_usage()
    for lock in FIXTURE.rglob(".lock"):
        lock.unlink()
