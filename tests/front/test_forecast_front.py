"""What a forecast takes for known: the days that were read, and of files those that their rows reach."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path

from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store

from flexlib.dates import Month
from flexlib.front.forecast import MonthForecast, forecast_month

JULY = Month(2025, 7)
READ = datetime(2025, 9, 27, 9, tzinfo=timezone.utc)


def store_days(root: Path, source: str, month: Month, last: int, read_at: datetime = READ) -> None:
    """A call of US$ 1 a day from the first to the `last` of the month."""
    calls = [call(f"{source}{month}{day}", f"{month}-{day:02}T10:00:00") for day in range(1, last + 1)]
    store(root, source, month, *calls, read_at=read_at)


def forecast(root: Path, month: Month = SEPTEMBER, as_of: date | None = None) -> MonthForecast:
    return forecast_month(month, root, of="usd", as_of=as_of)


def test_of_a_file_no_day_after_its_last_row_is_known_whenever_it_was_read(tmp_path: Path) -> None:
    """US$ 1 a day up to 20 September, read on the 27th: six days are not in it, and are no days without use."""
    for month, last in ((JULY, 31), (AUGUST, 31), (SEPTEMBER, 20)):
        store_days(tmp_path, "import", month, last)
    made = forecast(tmp_path)
    assert (made.as_of, made.known) == (date(2025, 9, 20), 20)
    assert made.this.expected == 30
    said = "The last row of imported files is of 20 Sep, so that no later day is known; "
    assert made.missing[0] == said + "if its files go on, say up to which with --as-of."
    told = forecast(tmp_path, as_of=date(2025, 9, 26))
    assert (told.as_of, told.known) == (date(2025, 9, 26), 20)
    assert not any("last row" in text for text in told.missing)


def test_a_file_that_ends_early_in_a_month_that_is_over_ends_there_too(tmp_path: Path) -> None:
    store_days(tmp_path, "import", SEPTEMBER, 20, datetime(2025, 10, 5, tzinfo=timezone.utc))
    assert forecast(tmp_path).as_of == date(2025, 9, 20)
    store_days(tmp_path, "import", OCTOBER, 2, datetime(2025, 10, 5, tzinfo=timezone.utc))
    made = forecast(tmp_path)  # it has gone on: the days between were days without a call
    assert (made.as_of, made.known) == (date(2025, 9, 30), 20)


def test_a_ledger_is_known_up_to_the_day_before_it_was_read(tmp_path: Path) -> None:
    store_days(tmp_path, "ledger", SEPTEMBER, 20)
    made = forecast(tmp_path)
    assert (made.as_of, made.known) == (date(2025, 9, 26), 20)
    assert not any("last row" in text for text in made.missing)


def test_a_file_that_ended_in_an_earlier_month_is_said_and_hides_no_later_day(tmp_path: Path) -> None:
    store_days(tmp_path, "import", AUGUST, 10)
    store_days(tmp_path, "ledger", SEPTEMBER, 26)
    made = forecast(tmp_path)
    assert made.as_of == date(2025, 9, 26)
    assert made.missing[0].startswith("Nothing of imported files is stored of 2025-09: ")


def test_a_month_of_the_history_that_is_not_stored_is_said(tmp_path: Path) -> None:
    store_days(tmp_path, "ledger", JULY, 31)
    store_days(tmp_path, "ledger", SEPTEMBER, 26)
    assert "Nothing of 2025-08 is stored: its days are not in the history." in forecast(tmp_path).missing


def test_what_the_days_known_lack_is_said_of_the_month_that_lacks_it(tmp_path: Path) -> None:
    """US$ 100 of August are of no day, and one call of October has no price."""
    for month, last in ((AUGUST, 31), (SEPTEMBER, 30), (OCTOBER, 2)):
        store_days(tmp_path, "ledger", month, last, datetime(2025, 10, 3, tzinfo=timezone.utc))
    store(tmp_path, "import", AUGUST, call("sum", "2025-08-01", "100", grain="month", requests=9))
    store(tmp_path, "import", SEPTEMBER, call("y", "2025-09-30", "1"))
    store(tmp_path, "import", OCTOBER, call("x", "2025-10-01", None))
    assert [forecast(tmp_path, month).is_least for month in (AUGUST, SEPTEMBER, OCTOBER)] == [True, False, True]


def test_a_call_without_a_price_counts_up_to_the_last_day_that_is_known(tmp_path: Path) -> None:
    """From 26 September on a call a day has no price; on the 27th the ledger was read, and that day was not over."""
    store_days(tmp_path, "ledger", AUGUST, 31)
    calls = [call(f"{day}", f"{day}T10:00:00", None if day.day >= 26 else "1") for day in SEPTEMBER.span]
    calls += [call(f"{day}+", f"{day}T11:00:00", "1") for day in SEPTEMBER.span]
    store(tmp_path, "ledger", SEPTEMBER, *calls[:27], *calls[30:57], lacking=2, read_at=READ)
    said = "1 call without a price is left out of the days known."
    made = [forecast(tmp_path, as_of=as_of) for as_of in (date(2025, 9, 25), date(2025, 9, 26), None)]
    assert [(one.known, one.is_least, said in one.missing) for one in made] == [
        (50, False, False),
        (51, True, True),
        (51, True, True),  # known up to the 26th
    ]
    store(tmp_path, "ledger", SEPTEMBER, *calls[:25], *calls[26:27], *calls[30:57], lacking=1, read_at=READ)
    assert not forecast(tmp_path).is_least


def test_calls_without_a_price_count_where_no_day_of_their_month_is_known(tmp_path: Path) -> None:
    store_days(tmp_path, "ledger", AUGUST, 31)
    store(tmp_path, "ledger", SEPTEMBER, call("x", "2025-09-05T10:00:00", None), lacking=1, read_at=READ)
    made = forecast(tmp_path)
    assert (made.as_of, made.is_least) == (date(2025, 8, 31), True)
