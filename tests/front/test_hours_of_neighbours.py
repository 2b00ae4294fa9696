"""Hours of a zone's month that a neighbouring month of UTC has are over when they are, not when that month is."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from report_samples import read_words
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.cli.main import main
from flexlib.dashboard.figures import Figures
from flexlib.dashboard.view import View
from flexlib.dates import Month
from flexlib.front.budgets import check_budgets
from flexlib.front.compare import compare_spans
from flexlib.front.forecast import forecast_month, forecast_running
from flexlib.front.spend import Spend, load_spend
from flexlib.front.year import list_models, measure_months
from flexlib.page.year import heading_for_months
from flexlib.proof import State
from flexlib.store.budgets import read_budgets

JULY = Month(2025, 7)
SANTIAGO, TOKYO = "America/Santiago", "Asia/Tokyo"
SETTLED = datetime(2025, 9, 1, 7, tzinfo=timezone.utc)
"""Santiago's August ends on 1 September at 4:00 UTC; three hours later its last use has arrived."""
EARLIER = SETTLED - timedelta(seconds=1)
MIDDLE = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
READ = pytest.mark.parametrize(("read_at", "is_over"), [(MIDDLE, True), (SETTLED, True), (EARLIER, False)])
"""When September was read, and whether Santiago's August was over by then."""


def store_until(root: Path, read_at: datetime, grace: timedelta | None = None) -> None:
    """US$ 4 in July, 6 in August, of which 1 in the last hours of Santiago's, and September as it was `read_at`."""
    store(root, "ledger", JULY, call("a", "2025-07-31T10:00:00", "4"))
    store(root, "ledger", AUGUST, call("b", "2025-08-31T10:00:00", "5"))
    said = {} if grace is None else {"grace_seconds": int(grace.total_seconds())}
    store(root, "ledger", SEPTEMBER, call("c", "2025-09-01T01:00:00", "1"), read_at=read_at, **said)


def load(root: Path, first: Month, last: Month | None = None, zone: str = SANTIAGO) -> Spend:
    return load_spend(first, last, root, zone=zone, names=False)


@READ
def test_a_month_is_provisional_until_its_own_hours_of_the_next_one_are_over(
    tmp_path: Path, read_at: datetime, is_over: bool
) -> None:
    store_until(tmp_path, read_at)
    august = load(tmp_path, AUGUST)
    assert august.state is (State.COMPLETE if is_over else State.PROVISIONAL)
    assert any("before the month was settled" in text for text in august.missing) is not is_over
    assert august.before.obstacle == ("" if is_over else "August was not over")
    # What is proven of the neighbour itself is of all of it.
    assert [str(one.state) for one in august.certificates] == ["COMPLETE", "PROVISIONAL"]


@pytest.mark.parametrize(("read_at", "state"), [(MIDDLE, State.COMPLETE), (SETTLED, State.PROVISIONAL)])
def test_hours_are_over_as_long_after_their_end_as_their_own_source_needs(
    tmp_path: Path, read_at: datetime, state: State
) -> None:
    store_until(tmp_path, read_at, timedelta(days=5))
    assert load(tmp_path, AUGUST).state is state


@pytest.mark.parametrize("zone", ["UTC", TOKYO])
def test_a_month_is_provisional_until_its_own_month_of_utc_is_over_whose_last_day_is_its(
    tmp_path: Path, zone: str
) -> None:
    """Tokyo's September ends on the 30th at 15:00 UTC; sums of that day and Windsurf's days are those of UTC."""
    store_until(tmp_path, datetime(2025, 9, 30, 20, tzinfo=timezone.utc))
    assert load(tmp_path, SEPTEMBER, zone=zone).state is State.PROVISIONAL


@READ
def test_the_months_of_a_year_are_compared_and_marked_by_the_same_rule(
    tmp_path: Path, read_at: datetime, is_over: bool
) -> None:
    store_until(tmp_path, read_at)
    year = load(tmp_path, JULY, SEPTEMBER)
    (model,) = list_models(year, "usd")
    assert model["running"] == ({"2025-09"} if is_over else {"2025-08", "2025-09"})
    told = "August 2025: +50.0 % against July 2025" if is_over else "The months side by side"
    assert heading_for_months(measure_months(year)).heading.replace("\u00a0", " ") == told


@READ
def test_two_months_are_compared_by_the_same_rule(tmp_path: Path, read_at: datetime, is_over: bool) -> None:
    store_until(tmp_path, read_at)
    made = compare_spans(JULY.span, AUGUST.span, tmp_path, of="usd", zone=SANTIAGO)
    assert (made.state is State.COMPLETE, not made.running, not made.change.is_running) == (is_over,) * 3


@READ
def test_the_dashboard_states_a_change_by_the_same_rule(tmp_path: Path, read_at: datetime, is_over: bool) -> None:
    store_until(tmp_path, read_at)
    view = View((AUGUST, AUGUST), against=(JULY, JULY))
    found = Figures(view, load(tmp_path, AUGUST), load(tmp_path, JULY))
    assert found.obstacle == ("" if is_over else "August was not over")
    assert [one["change"] for one in found.lines] == [500 if is_over else None]


@READ
def test_the_site_states_a_change_by_the_same_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_at: datetime, is_over: bool
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    store_until(tmp_path / "data", read_at)
    main(["site", "--zone", SANTIAGO])
    words = read_words(Path("site", "2025-08", "index.html").read_text("utf-8")).replace("\u00a0", " ")
    assert ("+50.0 %" in words, "August was not over" in words) == (is_over, not is_over)


@READ
def test_a_day_of_which_no_price_is_known_is_judged_by_a_budget_once_its_hours_are_over(
    tmp_path: Path, read_at: datetime, is_over: bool
) -> None:
    store_until(tmp_path, read_at)
    calls = (call(f"{day}", f"{day}T12:00:00", None if day == AUGUST.last else "1") for day in AUGUST.span)
    store(tmp_path, "ledger", AUGUST, *calls)
    store(tmp_path, "ledger", SEPTEMBER, call("c", "2025-09-02T10:00:00", "1"), read_at=read_at)
    (file := tmp_path / "budgets.yaml").write_text(
        "budgets: [{name: day, provider: openai, currency: usd, amount: '9', period: day}]"
    )
    found = check_budgets(AUGUST, tmp_path, read_budgets(file), zone=SANTIAGO).periods
    assert found[-1].span.last == (AUGUST.last if is_over else date(2025, 8, 30))


@READ
def test_a_page_foresees_the_end_of_a_month_that_was_not_over_by_the_same_rule(
    tmp_path: Path, read_at: datetime, is_over: bool
) -> None:
    store_until(tmp_path, read_at)
    assert (forecast_running(load(tmp_path, AUGUST), "usd") is None) is is_over


def test_days_are_known_up_to_the_reading_of_the_month_itself_whenever_the_one_before_was_read(tmp_path: Path) -> None:
    """Tokyo's August begins on 31 July at 15:00 UTC; July was read on 2 August, when it was settled."""
    read = {JULY: datetime(2025, 8, 2, tzinfo=timezone.utc), AUGUST: datetime(2025, 8, 15, 12, tzinfo=timezone.utc)}
    for month, moment in read.items():
        days = [day for day in month.span if day < moment.date()]
        store(tmp_path, "ledger", month, *(call(f"{day}", f"{day}T03:00:00") for day in days), read_at=moment)
    assert forecast_month(AUGUST, tmp_path, of="usd", zone=TOKYO).as_of == date(2025, 8, 14)
