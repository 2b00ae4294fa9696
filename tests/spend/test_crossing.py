"""Bills of days in two months: never in both without a word, whichever came first; right values by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from spend_samples import call, ingest_charges, store
from test_counted_and_billed import LATER, MAY, bill

from flexlib.certificate import State
from flexlib.dates import Month
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.spend.month import load_month_usage

JUNE = Month(2025, 6)
MAPPING = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="openai")
OLD, NEW = "from,to,usd\n2025-05-20,2025-06-20T00:00,300\n", "from,to,usd\n2025-06-01,2025-07-01T00:00,400\n"


def bring(root: Path, name: str, text: str, *, are_distinct: bool = False) -> None:
    (root / name).write_text(text, "utf-8")
    ingest_charges([root / name], MAPPING, root, now=LATER, distinct=are_distinct)


def store_calls(root: Path) -> None:
    """May: 100 on the 25th. June: 200 on the 10th, 50 on the 25th."""
    store(root, "import", MAY, call("a", "2025-05-25T12:00", "100"))
    store(root, "import", JUNE, call("b", "2025-06-10T12:00", "200"), call("c", "2025-06-25T12:00", "50"))


def test_calls_that_an_earlier_months_bill_covers_are_not_spent_again_without_a_word(tmp_path: Path) -> None:
    store_calls(tmp_path)
    assert load_month_usage(JUNE, tmp_path).state is State.COMPLETE
    bring(tmp_path, "old.csv", OLD)
    june = load_month_usage(JUNE, tmp_path)
    assert june.state is State.UNRECONCILED
    assert june.list_problems() == [
        "OpenAI: old.csv bills 2025-05-20 to 2025-06-19, all of it in 2025-05; US$ 200.00 of calls on those days is "
        "counted here too. Import bills by day or by calendar month in its place, with --supersedes of it."
    ]
    daily = "".join(f"2025-{day},,{usd}\n" for day, usd in (("05-25", 100), ("06-10", 200), ("06-25", 50)))
    (tmp_path / "daily.csv").write_text(f"from,to,usd\n{daily}", "utf-8")
    ingest_charges([tmp_path / "daily.csv"], MAPPING, tmp_path, supersedes=("old.csv",), now=LATER)
    for month, right in ((MAY, Decimal(100)), (JUNE, Decimal(250))):
        found = load_month_usage(month, tmp_path)
        assert (found.bills.spend_usd, found.state) == (right, State.COMPLETE)


@pytest.mark.parametrize("names", [("old.csv", "new.csv"), ("new.csv", "old.csv")])
def test_two_bills_of_the_same_days_in_two_months_are_told(tmp_path: Path, names: tuple[str, str]) -> None:
    texts = {"old.csv": OLD, "new.csv": NEW}
    for name in names:
        bring(tmp_path, name, texts[name])
    june = load_month_usage(JUNE, tmp_path)
    assert june.state is State.UNRECONCILED
    assert june.list_problems() == [
        "OpenAI: old.csv bills 2025-05-20 to 2025-06-19, and new.csv 2025-06-01 to 2025-06-30: what both bill counts "
        "twice. Import the one that holds with --supersedes of the other, or with --distinct if both do."
    ]
    bring(tmp_path, names[1], texts[names[1]], are_distinct=True)
    assert load_month_usage(JUNE, tmp_path).state is State.COMPLETE


def test_a_year_of_seats_paid_in_may_covers_no_call_of_june(tmp_path: Path) -> None:
    store_calls(tmp_path)
    (tmp_path / "seats.csv").write_text("from,to,usd\n2025-05-01,2026-05-01T00:00,900\n", "utf-8")
    fees = ChargeMapping(
        period_start="from", period_end="to", amount="usd", currency="USD", provider="openai", kind="fee"
    )
    ingest_charges([tmp_path / "seats.csv"], fees, tmp_path, now=LATER)
    assert load_month_usage(JUNE, tmp_path).state is State.COMPLETE


def test_days_that_their_own_months_bill_covers_too_are_that_bills(tmp_path: Path) -> None:
    store_calls(tmp_path)
    bring(tmp_path, "old.csv", OLD)
    bring(tmp_path, "new.csv", "from,to,usd\n2025-06-01,2025-07-01T00:00,250\n")
    (problem,) = load_month_usage(JUNE, tmp_path).list_problems()
    assert "old.csv bills" in problem  # both bills, and not the calls


def test_a_bill_within_its_month_says_nothing_of_the_next(tmp_path: Path) -> None:
    store_calls(tmp_path)
    bill(tmp_path, "2025-05-25,a,,100,,USD,\n")
    assert load_month_usage(JUNE, tmp_path).state is State.COMPLETE


LATER_DAYS = "OpenAI: old.csv bills 2025-05-20 to 2025-06-19, "
IN_PLACE = (
    " Import bills by day or by calendar month in its place, with --supersedes of it, or it again with --bills other "
    "if it is for no calls."
)


@pytest.mark.parametrize(
    ("counted", "state"), [(None, State.UNRECONCILED), ("100", State.UNRECONCILED), ("300", State.COMPLETE)]
)
def test_a_bill_that_ends_in_a_later_month_is_this_months_only_where_its_calls_come_to_all_of_it(
    tmp_path: Path, counted: str | None, state: State
) -> None:
    if counted:
        store(tmp_path, "import", MAY, call("a", "2025-05-25T12:00", counted))
    bring(tmp_path, "old.csv", OLD)
    may = load_month_usage(MAY, tmp_path)
    assert (may.bills.spend_usd, may.state) == (Decimal(300), state)
    said = f"{LATER_DAYS}and what of that is of a later month nobody knows: all of it is in this one.{IN_PLACE}"
    assert (said in may.list_problems()) is (state is not State.COMPLETE)


def test_a_year_of_seats_that_no_word_says_to_be_a_fee_is_one_once_it_is_for_no_calls(tmp_path: Path) -> None:
    for said, state in ((None, State.UNRECONCILED), ("other", State.COMPLETE)):
        (tmp_path / "seats.csv").write_text("from,to,usd\n2025-05-01,2026-05-01T00:00,900\n", "utf-8")
        ingest_charges([tmp_path / "seats.csv"], replace(MAPPING, bills=said), tmp_path, now=LATER)
        may = load_month_usage(MAY, tmp_path)
        assert (may.bills.spend_usd, may.state) == (Decimal(900), state)


def test_a_month_of_other_calls_lacks_what_an_earlier_months_bill_is_for(tmp_path: Path) -> None:
    store(tmp_path, "import", JUNE, call("b", "2025-06-10T12:00", "5", provider="google", model="gemini-2.5-pro"))
    bring(tmp_path, "old.csv", OLD)
    june = load_month_usage(JUNE, tmp_path)
    assert (june.bills.spend_usd, june.state) == (Decimal(5), State.UNRECONCILED)
    assert june.list_problems() == [
        f"{LATER_DAYS}all of it in 2025-05: what of it is of this month, this total lacks.{IN_PLACE}"
    ]


def test_a_bill_by_day_of_california_ends_with_its_month(tmp_path: Path) -> None:
    store(tmp_path, "import", JUNE, call("b", "2025-06-10T12:00", "5", provider="google", model="gemini-2.5-pro"))
    for name, first, end in (("may.csv", "05-31", "06-01"), ("june.csv", "06-01", "06-02")):
        bring(tmp_path, name, f"from,to,usd\n2025-{first}T07:00,2025-{end}T07:00,300\n")
    assert [load_month_usage(month, tmp_path).state for month in (MAY, JUNE)] == [State.COMPLETE, State.COMPLETE]
