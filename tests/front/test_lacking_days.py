"""What is missing at the edge of a zone's month is missing of its days there, and of no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store

from flexlib.analysis.budgets import Outcome
from flexlib.cli.main import main
from flexlib.dates import Month, Span
from flexlib.front.budgets import BudgetPeriod, check_budgets
from flexlib.front.forecast import forecast_month
from flexlib.front.lacking_days import list_lacking_days
from flexlib.proof import Look, State, Unclosed, look_nowhere
from flexlib.spend.month import load_month_usage
from flexlib.store.budgets import read_budgets

JULY = Month(2025, 7)
SANTIAGO, TOKYO = "America/Santiago", "Asia/Tokyo"
LINE = "  - {{name: {period}, provider: openai, currency: usd, amount: '1000', period: {period}{more}}}\n"
BUDGETS = "budgets:\n" + "".join(
    LINE.format(period=period, more=", begins: 15" * (period == "cycle")) for period in ("cycle", "week", "day")
)
FIRST, LAST = date(2025, 9, 1), date(2025, 9, 30)
EVENING = "2025-10-01 00:00 to 2025-10-01 03:00 UTC"
"""Of 30 September in Santiago."""


def store_months(root: Path, *months: Month, **said: int) -> None:
    """A dollar a day at noon, UTC."""
    for month in months:
        store(root, "import", month, *(call(f"{day}", f"{day}T12:00:00") for day in month.span), **said)


def check(root: Path, zone: str, look: Look = look_nowhere) -> tuple[BudgetPeriod, ...]:
    (file := root / "budgets.yaml").write_text(BUDGETS)
    return check_budgets(SEPTEMBER, root, read_budgets(file), zone=zone, look=look).periods


def list_short(found: tuple[BudgetPeriod, ...], lost: str) -> list[tuple[str, date, date]]:
    assert {one.outcome for one in found if not one.lacks} <= {Outcome.WITHIN}
    short = [one for one in found if one.lacks == f"rows of {lost} are missing"]
    return [(one.budget.name, one.span.first, one.span.last) for one in short]


def test_only_periods_that_share_a_day_with_the_missing_hours_lack_rows(tmp_path: Path) -> None:
    """October is not stored, whose first hours are the evening of 30 September in Santiago."""
    store_months(tmp_path, AUGUST, SEPTEMBER)
    found = check(tmp_path, SANTIAGO)
    assert list_short(found, EVENING) == [("day", LAST, LAST)]
    assert [(one.budget.name, one.lacks) for one in found if one.lacks][:2] == [
        ("cycle", "nothing of 2025-10"),
        ("week", "nothing of 2025-10"),
    ]


def test_hours_that_are_missing_before_a_month_are_of_its_first_day(tmp_path: Path) -> None:
    """August is not stored, whose last hours are the morning of 1 September in Tokyo."""
    store_months(tmp_path, JULY, SEPTEMBER, OCTOBER)
    assert list_short(check(tmp_path, TOKYO), "2025-08-31 15:00 to 2025-09-01 00:00 UTC") == [
        ("week", FIRST, date(2025, 9, 7)),
        ("day", FIRST, FIRST),
    ]


def lose_rows(root: Path) -> Look:
    store_months(root, OCTOBER, quarantined_rows=3, rows_read=34)
    return look_nowhere


def leave_unclosed(root: Path) -> Look:
    store(root, "ledger", OCTOBER, call("x", "2025-10-05T12:00:00"))
    store_months(root, OCTOBER)
    return lambda month: Unclosed("Calls of October are recorded and not stored.", True) if month == OCTOBER else None


def misplace(root: Path) -> Look:
    store_months(root, OCTOBER)
    (version,) = (root / "usage/2025-10/import").iterdir()
    (root / "usage/2025-10/ledger").mkdir()
    version.rename(root / "usage/2025-10" / version.name)
    return look_nowhere


@pytest.mark.parametrize("spoil", [lose_rows, leave_unclosed, misplace])
def test_what_the_next_month_lacks_is_missing_of_the_days_that_it_shares(
    tmp_path: Path, spoil: Callable[[Path], Look]
) -> None:
    store_months(tmp_path, AUGUST, SEPTEMBER)
    look = spoil(tmp_path)
    month = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO, look=look)
    assert (month.state, list_lacking_days(month, "usd")) == (State.GAP, [Span(LAST, LAST)])
    assert [one for one in list_short(check(tmp_path, SANTIAGO, look), EVENING) if one[0] == "day"] == [
        ("day", LAST, LAST)
    ]


def test_rows_that_the_month_itself_lacks_are_missing_of_any_of_its_days(tmp_path: Path) -> None:
    store_months(tmp_path, AUGUST, OCTOBER)
    store_months(tmp_path, SEPTEMBER, quarantined_rows=3, rows_read=33)
    assert len([one for one in list_short(check(tmp_path, "UTC"), "2025-09") if one[0] == "day"]) == 30
    month = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO)
    assert list_lacking_days(month, "usd") == [Span(FIRST, LAST)]


@pytest.mark.parametrize(("as_of", "is_least"), [(date(2025, 9, 29), False), (LAST, True)])
def test_a_forecast_is_at_least_where_the_days_known_lack_hours(tmp_path: Path, as_of: date, is_least: bool) -> None:
    store_months(tmp_path, AUGUST, SEPTEMBER)
    assert forecast_month(SEPTEMBER, tmp_path, of="usd", as_of=as_of, zone=SANTIAGO).is_least == is_least


@pytest.mark.parametrize(
    ("read_at", "state", "lost"),
    [
        ("2025-09-20 12:00", State.PROVISIONAL, None),
        ("2025-10-01 00:00", State.PROVISIONAL, None),
        ("2025-10-01 01:30", State.GAP, "2025-10-01 00:00 to 2025-10-01 01:30 UTC"),
        ("2025-10-01 03:00", State.GAP, EVENING),
        ("2025-11-30 18:30", State.GAP, EVENING),
    ],
)
def test_hours_that_were_still_to_come_when_the_month_was_read_are_not_missing(
    read_at: str, state: State, lost: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The evening of 30 September in Santiago, which is October's in UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    read = datetime.fromisoformat(read_at).replace(tzinfo=timezone.utc)
    store(tmp_path, "import", SEPTEMBER, *(call(f"{day}", f"2025-09-{day:02}T12:00:00") for day in range(1, 21)),
          read_at=read)  # fmt: skip
    month = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO)
    said = month.missing
    assert (month.state, said[0].split(" is not in it")[0] if said else None) == (state, lost)
    main(["site", "--zone", SANTIAGO])
    assert "flexlib import" not in capsys.readouterr().err
    page = Path("site/2025-09/index.html").read_text("utf-8")
    assert ('"flex-badge bad"' in page, "flexlib import" in page) == (bool(lost), bool(lost))
    assert list_lacking_days(month, "usd") == ([Span(LAST, LAST)] if lost else [])
