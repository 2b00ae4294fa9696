"""One month's spend out of all of its sources: nothing twice, in the zone that was asked for, Windsurf with them."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, build_credits, call, store, store_credits

from flexlib.analysis.frames import read_rows
from flexlib.analysis.usage import total_cost_by_period, usage_by_day
from flexlib.certificate import State
from flexlib.errors import BadFile, BadParameter, SnapshotMissing
from flexlib.money.credit_prices import CreditPrice, find_credit_price
from flexlib.money.fx import Rate, Rates
from flexlib.schema import check_usage
from flexlib.spend.month import load_month_usage
from flexlib.spend.windsurf import credits_as_usage
from flexlib.store.credit_prices import load_credit_prices

SANTIAGO = "America/Santiago"


def ids(root: Path, **options: Any) -> list[str]:  # noqa: ANN401
    return sorted(row[0] for row in load_month_usage(SEPTEMBER, root, **options).rows.select("id").fetchall())


def test_a_month_is_the_sum_of_its_sources(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00", "1.5"), call("b", "2025-09-02T10:00", None))
    store(tmp_path, "import", SEPTEMBER, call("c", "2025-09-03T10:00", "0.25"))
    store_credits(tmp_path, (1, "u", "gpt-5-low", 150, 250), (2, "u", "no-such", 100, 0))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    assert total_cost_by_period(usage.rows, currency="usd") == Decimal("1.85")  # 1.5 + 0.25 + 2.5 credits x 0.04
    assert usage.rows.aggregate("source, count(*)").order("source").fetchall() == [
        ("import", 1), ("ledger", 2), ("windsurf", 2),
    ]  # fmt: skip
    assert (usage.repeated, usage.same_ids, usage.missing, usage.state) == ((), 0, (), State.COMPLETE)
    assert [type(one).__name__ for one in usage.certificates] == [
        "UsageCertificate", "UsageCertificate", "CreditsCertificate",
    ]  # fmt: skip


def test_a_month_that_flexlib_0_1_0_stored_is_read_to_the_last_digit() -> None:
    month = load_month_usage(SEPTEMBER, Path(__file__).parents[1] / "data" / "before")
    assert (month.count_rows(), month.bills.spend_usd) == (423, Decimal("3.1313269500"))
    assert month.state is State.COMPLETE  # what was not counted then decides nothing


def test_only_the_newest_version_of_a_source_counts(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00"))
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00"), call("b", "2025-09-01T10:00"))
    assert ids(tmp_path) == ["a", "b"]


def test_one_call_under_the_same_id_in_two_sources_counts_once_in_the_ledger(tmp_path: Path) -> None:
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-01T10:00:01", "9"), call("b", "2025-09-02T10:00", "0.25"))
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00:00", "1"))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    assert usage.rows.select("id, source").order("id").fetchall() == [("a", "ledger"), ("b", "import")]
    assert total_cost_by_period(usage.rows, currency="usd") == Decimal("1.25")
    assert (usage.repeated, usage.same_ids) == ((("import", 1),), 0)


@pytest.mark.parametrize("source", ["ledger", "import"])  # of one source: two files that put it in two months
def test_one_call_on_both_sides_of_a_months_edge_counts_once_in_the_earlier_month(tmp_path: Path, source: str) -> None:
    store(tmp_path, "import", SEPTEMBER, call("edge", "2025-09-30T23:59:59"), call("only", "2025-09-30T23:59:58"))
    store(tmp_path, source, OCTOBER, call("edge", "2025-10-01T00:00:01"), call("other", "2025-10-01T00:00:02"))
    september, october = (load_month_usage(month, tmp_path) for month in (SEPTEMBER, OCTOBER))
    assert sorted(september.calls.select("id").fetchall()) == [("edge",), ("only",)]
    assert (october.calls.select("id").fetchall(), october.repeated) == ([("other",)], ((source, 1),))
    assert total_cost_by_period(october.rows, currency="usd") == 1


@pytest.mark.parametrize(
    ("early", "late", "september", "october"),
    [
        (None, "3", None, "3"),  # only October knows what it cost
        ("2", "3", "2", None),
        ("2", None, "2", None),
    ],
)
def test_a_call_on_both_sides_of_an_edge_counts_in_the_month_that_knows_its_amount(
    tmp_path: Path, early: str | None, late: str | None, september: str | None, october: str | None
) -> None:
    store(tmp_path, "import", SEPTEMBER, call("edge", "2025-09-30T23:59:59", early))
    store(tmp_path, "ledger", OCTOBER, call("edge", "2025-10-01T00:00:01", late))
    for month, usd, name in ((SEPTEMBER, september, "import"), (OCTOBER, october, "ledger")):
        usage = load_month_usage(month, tmp_path)
        assert usage.calls.select("amount_in_usd").fetchall() == ([(Decimal(usd),)] if usd else [])
        assert usage.repeated == (() if usd else ((name, 1),))


def test_a_call_on_both_sides_of_an_edge_of_which_nobody_knows_the_amount_counts_in_the_earlier_month(
    tmp_path: Path,
) -> None:
    store(tmp_path, "import", SEPTEMBER, call("edge", "2025-09-30T23:59:59", None))
    store(tmp_path, "ledger", OCTOBER, call("edge", "2025-10-01T00:00:01", None))
    assert [load_month_usage(month, tmp_path).count_rows() for month in (SEPTEMBER, OCTOBER)] == [1, 0]


def test_the_same_id_on_both_sides_of_an_edge_with_other_tokens_is_told(tmp_path: Path) -> None:
    store(tmp_path, "import", SEPTEMBER, call("edge", "2025-09-30T23:59:59"))
    store(tmp_path, "ledger", OCTOBER, call("edge", "2025-10-01T00:00:01", prompt_tokens=7, total_tokens=7))
    october = load_month_usage(OCTOBER, tmp_path)
    assert (october.same_ids, october.repeated, october.find_state(["import"])) == (1, (), State.UNRECONCILED)


def test_the_same_id_with_other_content_is_two_calls_and_told(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("1", "2025-09-01T10:00"))
    store(tmp_path, "import", SEPTEMBER, call("1", "2025-09-20T10:00", model="gpt-4"), call("2", "2025-09-20T10:00"))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    assert (usage.rows.count("id").fetchall(), usage.repeated, usage.same_ids) == ([(3,)], (), 1)
    assert usage.state is State.UNRECONCILED
    assert usage.possible_duplicates == (
        "1 call stood under an id that another source has with another model or other tokens: if they are one call, "
        "it counts twice. Import calls under their request ids, or not what is recorded; of a log that grew, the newer "
        "file with --supersedes of the older one.",
    )


@pytest.mark.parametrize(
    ("when", "columns", "asked"),
    [
        ("2025-09-01T10:00:00.123999", {}, 1),  # a log of milliseconds
        ("2025-09-01T10:00:00.124", {}, 1),  # by another clock
        ("2025-09-01T10:00:01.123456", {}, 1),
        ("2025-09-01T10:00:01.123457", {}, 0),
        ("2025-09-01T10:00:00.123456", {"model": "gpt-4"}, 0),
        ("2025-09-01T10:00:00.123456", {"completion_tokens": 1, "total_tokens": 101}, 0),
    ],
)
def test_a_call_of_another_id_at_the_same_moment_with_the_same_tokens_is_in_doubt(
    tmp_path: Path, when: str, columns: dict[str, Any], asked: int
) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00:00.123456"))
    store(tmp_path, "import", SEPTEMBER, call("made of its content", when, **columns))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    assert usage.rows.count("id").fetchall() == [(2,)]
    assert len(usage.possible_duplicates) == asked
    assert usage.state is (State.UNRECONCILED if asked else State.COMPLETE)


def test_of_a_call_in_two_sources_the_one_that_knows_its_amount_counts(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00", None), call("b", "2025-09-01T10:00", None))
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-01T10:00", "5"), call("b", "2025-09-01T10:00", None))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    assert usage.rows.select("id, source").order("id").fetchall() == [("a", "import"), ("b", "ledger")]
    assert total_cost_by_period(usage.rows) == {"usd": Decimal(5), "clp": None, "unpriced_usd": 1, "unpriced_clp": 2}
    assert (usage.repeated, usage.possible_duplicates) == ((("import", 2),), ())


def test_three_sources_are_each_held_against_all_before_them(tmp_path: Path) -> None:
    for source in ("a-log", "import", "ledger"):
        store(tmp_path, source, SEPTEMBER, call("x", "2025-09-01T10:00"), call(source, "2025-09-01T10:00"))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    assert ids(tmp_path) == ["a-log", "import", "ledger", "x"]
    assert usage.repeated == (("a-log", 1), ("import", 1))


def test_a_month_of_santiago_reads_the_hours_of_the_next_month_of_utc(tmp_path: Path) -> None:
    # Santiago is 4 hours behind UTC up to 7 September 2025, 3 hours from then on.
    store(tmp_path, "ledger", SEPTEMBER, call("august there", "2025-09-01T03:59:59"), call("first", "2025-09-01T04:00"))
    store(tmp_path, "ledger", OCTOBER, call("last", "2025-10-01T02:59:59"), call("october there", "2025-10-01T03:00"))
    assert ids(tmp_path) == ["august there", "first"]
    usage = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO)
    assert ids(tmp_path, zone=SANTIAGO) == ["first", "last"]
    assert [row["date"] for row in read_rows(usage_by_day(usage.rows))] == [date(2025, 9, 1), date(2025, 9, 30)]
    moments = usage.rows.select("id, created_at").order("created_at").fetchall()
    assert moments == [("first", datetime(2025, 9, 1)), ("last", datetime(2025, 9, 30, 23, 59, 59))]
    assert (usage.missing, usage.zone) == ((), SANTIAGO)


def test_the_clocks_change_within_the_month(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("before", "2025-09-07T03:59:59"), call("after", "2025-09-07T04:00"))
    store(tmp_path, "ledger", OCTOBER)
    usage = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO)
    moments = usage.rows.select("id, created_at").order("created_at").fetchall()
    assert moments == [("before", datetime(2025, 9, 6, 23, 59, 59)), ("after", datetime(2025, 9, 7, 1))]


def test_windsurfs_days_stay_those_of_utc(tmp_path: Path) -> None:
    store_credits(tmp_path, (1, "u", "gpt-5-low", 0, 100), (30, "u", "gpt-5-low", 0, 100))
    usage = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO)
    assert [row["date"].day for row in read_rows(usage_by_day(usage.rows))] == [1, 30]


@pytest.mark.parametrize("zone", ["UTC", SANTIAGO, "Asia/Tokyo"])
def test_sums_of_days_and_months_keep_their_date_and_month_in_every_zone(tmp_path: Path, zone: str) -> None:
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        days = {"first": month.first, "last": month.last}
        store(
            tmp_path, "ledger", month,
            *(call(f"{month} {name}", f"{day}T00:00", grain="day", requests=9) for name, day in days.items()),
            call(f"{month} whole", f"{month.first}T00:00", grain="month", requests=90),
        )  # fmt: skip
    rows = load_month_usage(SEPTEMBER, tmp_path, zone=zone).rows
    assert rows.select("id, created_at").order("id").fetchall() == [
        ("2025-09 first", datetime(2025, 9, 1)),
        ("2025-09 last", datetime(2025, 9, 30)),
        ("2025-09 whole", datetime(2025, 9, 1)),
    ]


def test_sums_of_hours_move_with_the_zone(tmp_path: Path) -> None:
    hours = [call("august there", "2025-09-01T03:00", grain="hour"), call("first", "2025-09-01T04:00", grain="hour")]
    store(tmp_path, "ledger", SEPTEMBER, *hours)
    rows = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO).rows
    assert rows.select("id, created_at").fetchall() == [("first", datetime(2025, 9, 1))]


def test_hours_that_are_not_stored_are_a_gap_and_told(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-10T10:00"))
    usage = load_month_usage(SEPTEMBER, tmp_path, zone=SANTIAGO)
    assert usage.missing == (
        "2025-10-01 00:00 to 2025-10-01 03:00 UTC is not in it for the ledger: its month 2025-10 is not stored. "
        "Run: flexlib close --year 2025 --month 10",
    )
    assert usage.state is State.GAP
    assert load_month_usage(SEPTEMBER, tmp_path).state is State.COMPLETE


def test_a_month_east_of_utc_reads_the_month_before(tmp_path: Path) -> None:
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-31T15:00"))
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-30T14:59"), call("c", "2025-09-30T15:00"))
    assert ids(tmp_path, zone="Asia/Tokyo") == ["a", "b"]


def test_nothing_stored_and_no_zone_are_told(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing) as told:  # whoever has no ledger has another way
        load_month_usage(SEPTEMBER, tmp_path)
    assert str(told.value) == (
        "Nothing of 2025-09 is stored. Run: flexlib fetch --year 2025 --month 9, flexlib close --year 2025 --month 9, "
        "flexlib import FILE --provider ... --model ... or flexlib import FILE --from ..."
    )
    for zone, near in (("Santiago", r" \(did you mean America/Santiago\?\)"), ("", ""), ("../etc/passwd", "")):
        with pytest.raises(BadParameter, match=f"is not a time zone{near}; write it as America/Santiago or UTC"):
            load_month_usage(SEPTEMBER, tmp_path, zone=zone)


def test_credits_are_usage_of_windsurf_and_only_flex_ones_cost_dollars() -> None:
    rates = Rates((Rate(date(2025, 9, 1), Decimal(1000), "mindicador.cl"),))
    rows = build_credits((1, "u", "claude-sonnet-4", 150, 250), (1, "v", "swe-1-5", 100, 0), (2, "u", "x", 0, 1))
    table = check_usage(credits_as_usage(rows, load_credit_prices(Path("/nowhere")), rates), SEPTEMBER)
    found = sorted(table.to_pylist(), key=lambda row: row["cost"], reverse=True)
    names = ("provider", "proxy", "cost", "amount_in_usd", "amount_in_clp")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("anthropic", "windsurf", Decimal("4.00"), Decimal("0.10"), Decimal(100)),
        ("unknown", "windsurf", Decimal("1.00"), Decimal(0), Decimal(0)),  # its maker is Windsurf, none of ours
        ("unknown", "windsurf", Decimal("0.01"), Decimal("0.0004"), None),  # no rate of that day
    ]
    assert '"flex_credits": "2.5' in found[0]["metadata"]
    assert '"usd_per_credit": "0.04"' in found[0]["metadata"]
    assert [(row["price_source"] is None, row["fx_date"], row["unconverted"]) for row in found] == [
        (False, date(2025, 9, 1), None),
        (True, date(2025, 9, 1), None),
        (False, None, "no exchange rate is known for the day of the call"),
    ]
    assert not any(row["usable_type"] == "u" or row["usable_id"] for row in found)


def test_without_a_file_of_its_own_a_company_pays_the_list_price(tmp_path: Path) -> None:
    assert [(str(price.usd), price.is_own) for price in load_credit_prices(tmp_path)] == [("0.04", False)]


def test_a_companys_own_price_holds_for_its_days_and_the_list_for_the_others(tmp_path: Path) -> None:
    file = tmp_path / "prices" / "windsurf_credits.csv"
    file.parent.mkdir()
    file.write_text("from,until,usd_per_credit,source\n2025-09-02,2025-09-03,0.03,our contract\n")
    prices = load_credit_prices(tmp_path)
    found = {day: find_credit_price(prices, date(2025, 9, day)) for day in (1, 2, 3)}
    assert [str(one.usd) for one in found.values() if one] == ["0.04", "0.03", "0.04"]
    amounts = credits_as_usage(build_credits((1, "u", "x", 0, 100), (2, "u", "x", 0, 100)), prices, Rates())
    assert amounts["amount_in_usd"].to_pylist() == [Decimal("0.04"), Decimal("0.03")]


def test_flex_credits_without_a_price_are_unpriced_and_plan_credits_cost_nothing() -> None:
    rows = credits_as_usage(build_credits((1, "u", "x", 0, 100), (2, "u", "x", 100, 0)), (), Rates()).to_pylist()
    assert [row["amount_in_usd"] for row in rows] == [None, Decimal(0)]
    assert [row["unpriced"] for row in rows] == ["no price of a credit is known for this day", None]


def test_the_metadata_of_credits_is_json_whatever_the_id_of_the_model() -> None:
    rows = build_credits((1, "u", 'claude "4" ñ', 5, -250))  # a correction is below zero
    (row,) = credits_as_usage(rows, load_credit_prices(Path("/nowhere")), Rates()).to_pylist()
    said = {"model_uid": 'claude "4" ñ', "plan_credits": "0.05", "flex_credits": "-2.50", "tokens": "not_reported"}
    assert json.loads(row["metadata"]) == said | {"usd_per_credit": "0.04"}
    assert row["amount_in_usd"] == Decimal("-0.10")


def test_pesos_are_rounded_half_to_even_also_below_zero() -> None:
    prices = (CreditPrice(date.min, date.max, Decimal("0.01"), "list"),)
    rates = Rates((Rate(date(2025, 9, 1), Decimal("0.5"), "mindicador.cl"),))
    rows = build_credits(*((1, f"u{flex}", "x", 0, flex) for flex in range(-9, 10)))
    found = credits_as_usage(rows, prices, rates)
    assert [*map(str, found["amount_in_clp"].to_pylist())] == [
        str((usd / 2).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)).replace("-0.0000", "0.0000")
        for usd in found["amount_in_usd"].to_pylist()
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("day,price\n", "does not start with from,until,usd_per_credit,source"),
        (",,free,x\n", "line 2 cannot be read"),
        (",,-1,x\n", "a price is 0 or more"),
        (",,0.0000000001,x\n", "at most 8 decimals"),
        ("2025-09-02,2025-09-02,1,x\n", "holds for a day at least"),
        ("2025-09-01,,1,x\n2025-10-01,,2,x\n", "two prices for 2025-10-01: 1 and 2"),
        (",,1\n", "line 2 cannot be read"),
    ],
)
def test_a_spoilt_file_of_prices_is_told_with_its_line(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "prices" / "windsurf_credits.csv"
    file.parent.mkdir()
    file.write_text(text if text.startswith("day") else f"from,until,usd_per_credit,source\n{text}")
    with pytest.raises(BadFile, match=why):
        load_credit_prices(tmp_path)
