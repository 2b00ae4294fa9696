"""What a mapping can say of a file's columns: sums, units, filters, what stands apart; each file read by hand first."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.addresses import hide_email
from flexlib.dates import Month
from flexlib.enums import SOURCE_SAYS_ZERO, LlmProvider, LlmProxy
from flexlib.errors import BadFile, BadParameter
from flexlib.money.amounts import find_unknown_zeros
from flexlib.schema import USAGE, check_usage
from flexlib.sources.files import MonthCounts, read_calls
from flexlib.sources.files.conditions import read_conditions, write_condition
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import RefusedRow

MARCH = Month(2026, 3)
AT = "2026-03-15T10:00:00Z"
PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.ANTHROPIC,
    "model": "claude-sonnet-4-5",
}


def write(folder: Path, head: str, *rows: str, name: str = "calls.csv") -> Path:
    file = folder / name
    file.write_text("\n".join([head, *rows, ""]), "utf-8")
    return file


def take(file: Path, **mapping: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """All rows of the file, in the order of time and tokens; none may be refused."""
    with read_calls(file, CallMapping(**PLAIN | mapping)) as calls:
        assert calls.list_quarantined() == []
        found = []
        for month in calls.months:
            rows = calls.read_month(month).select(*USAGE.names).order("created_at, id").to_arrow_table()
            found += check_usage(pa.Table.from_arrays(rows.columns, schema=USAGE), month).to_pylist()
    return sorted(found, key=lambda row: (row["created_at"], row["prompt_tokens"], row["completion_tokens"]))


def read(file: Path, *names: str, **mapping: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
    return [tuple(row[name] for name in names) for row in take(file, **mapping)]


def refuse(file: Path, **mapping: Any) -> list[RefusedRow]:  # noqa: ANN401
    with read_calls(file, CallMapping(**PLAIN | mapping)) as calls:
        return calls.list_quarantined()


def count(file: Path, **mapping: Any) -> tuple[dict[str, int], MonthCounts]:  # noqa: ANN401
    """What the file leaves out of March by kind, and its counts."""
    with read_calls(file, CallMapping(**PLAIN | mapping)) as calls:
        return calls.left_out(MARCH), calls.count_month(MARCH)


# Sums


def test_a_number_may_be_the_sum_of_columns_and_an_empty_part_is_0_beside_another(tmp_path: Path) -> None:
    file = write(tmp_path, "time,a,b,c,out", f"{AT},9,5,1,7", f"{AT},,5,,7")
    assert read(file, "prompt_tokens", prompt_tokens="a + b+c") == [(5,), (15,)]


def test_a_sum_whose_parts_are_all_empty_is_empty_and_not_0(tmp_path: Path) -> None:
    file = write(tmp_path, "time,a,b,out,in", f"{AT},,,7,1", f"{AT},1,,7,1")
    (bad,) = refuse(file, prompt_tokens="a + b")
    assert (bad.line, bad.reason) == (2, "no prompt_tokens")


def test_a_part_that_is_no_number_is_refused_as_it_would_be_alone(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "time,a,b,out,usd,fee",
        f"{AT},9,x,7,1,1",
        f"{AT},1.000,2,7,1,1",
        f"{AT},1,2,7,1,1e-40",
        f"{AT},1,2,7,1,1",
    )
    assert [row.reason for row in refuse(file, prompt_tokens="a + b", amount_in_usd="usd + fee")] == [
        "prompt_tokens is not a whole number from 0 to 1000000000000000: x",
        "prompt_tokens is ambiguous (1.000: thousands or decimals?); give --decimal",
        "amount_in_usd has more than 10 decimals, and would be 0: 1e-40",
    ]


def test_a_column_of_that_very_name_wins_over_a_sum(tmp_path: Path) -> None:
    file = write(tmp_path, "time,a,b,a + b,out", f"{AT},9,5,100,7")
    assert read(file, "prompt_tokens", prompt_tokens="a + b") == [(100,)]


def test_a_part_that_is_not_there_is_missed_by_its_name(tmp_path: Path) -> None:
    file = write(tmp_path, "time,a,out", f"{AT},9,7")
    with pytest.raises(BadFile, match=r"no column 'b' for --prompt-tokens; its columns are time, a, out\."):
        take(file, prompt_tokens="a + b")
    assert read(file, "prompt_tokens", prompt_tokens="a + b", optional=("b",)) == [(9,)]


def test_sums_are_exact_in_json_and_parquet_too(tmp_path: Path) -> None:
    row = {"time": AT, "usage": {"in": 3, "more": 4}, "out": 1, "total": 0.0001, "byok": 0.02, "text": "$1,000.50"}
    lines = write(tmp_path, json.dumps(row), name="calls.jsonl")
    named: dict[str, Any] = {"prompt_tokens": "usage.in + usage.more", "amount_in_usd": "total + byok"}
    assert read(lines, "prompt_tokens", "amount_in_usd", **named) == [(7, Decimal("0.0201"))]  # S10, one's own key
    assert read(lines, "amount_in_usd", **named | {"amount_in_usd": "total + text"}) == [(Decimal("1000.5001"),)]
    table = pa.table({"time": [AT], "a": [3], "b": [4], "out": [1], "total": [0.0001], "byok": [0.02]})
    pq.write_table(table, tmp_path / "calls.parquet")
    named = {"prompt_tokens": "a + b", "amount_in_usd": "total + byok"}
    assert read(tmp_path / "calls.parquet", "prompt_tokens", "amount_in_usd", **named) == [(7, Decimal("0.0201"))]


def test_an_extra_count_may_be_a_sum(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,w5,w1", f"{AT},3000,7,1000,1000")
    counts = {"cache_write_tokens": "w5 + w1", "cache": "included", "extra_counts": ("cache_write_1h_tokens=w1",)}
    assert read(file, "cache_write_tokens", "cache_write_1h_tokens", **counts) == [(2000, 1000)]


# Units and amounts


def test_cents_are_hundredths_of_a_dollar(tmp_path: Path) -> None:  # S9
    file = write(tmp_path, "time,in,out,c", f"{AT},1,1,20.18", f"{AT},2,1,5.5")
    amounts = read(file, "amount_in_usd", amount_in_usd="c", amount_unit="cents")
    assert amounts == [(Decimal("0.2018"),), (Decimal("0.055"),)]  # 0.2568, not 25.68


def test_seconds_are_a_thousand_milliseconds(tmp_path: Path) -> None:  # S16
    file = write(tmp_path, "time,in,out,latency", f"{AT},1,1,2.0", f"{AT},2,1,0.0015")
    assert read(file, "duration_ms", duration_ms="latency", duration_unit="s") == [(2000,), (2,)]


@pytest.mark.parametrize("slip", [{"where": ("typ!=user",)}, {"no_calls": ("users: typ=user",)}])
def test_a_key_of_a_condition_that_no_line_has_is_a_slip(tmp_path: Path, slip: dict[str, Any]) -> None:
    rows = [f'{{"time": "{AT}", "in": {nth}, "out": 1, "type": "{kind}"}}' for nth, kind in ((5, "user"), (7, "tool"))]
    file = write(tmp_path, *rows, name="calls.jsonl")
    with pytest.raises(BadFile, match=r"no column 'typ' for the rows to take; its columns are time, in, out, type\."):
        take(file, **slip)
    assert read(file, "prompt_tokens", where=("type!=user",)) == [(7,)]
    assert read(file, "prompt_tokens", where=("typ!=user",), optional=("typ",)) == [(5,), (7,)]


@pytest.mark.parametrize("text", ["-", "–", "Included", "FREE", "free"])  # noqa: RUF001
def test_a_word_for_an_amount_tells_none_and_is_not_0(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, "time,in,out,usd", f"{AT},1,1,{text}")
    assert read(file, "amount_in_usd", amount_in_usd="usd") == [(None,)]
    assert read(file, "amount_in_usd", amount_in_usd="usd", not_billed=(f"usd={text}",)) == [(0,)]


def test_what_is_not_billed_costs_nothing_whatever_its_amount(tmp_path: Path) -> None:  # S10
    rows = (f'{AT},1,1,0.12,"Included"', f'{AT},2,1,0.05,"On-Demand"', f'{AT},3,1,-,"Errored, No Charge"')
    file = write(tmp_path, "time,in,out,Cost,Kind", *rows)
    for condition in ("Kind!=On-Demand", "kind=x", "Kind=included|Errored, No Charge"):
        if condition == "kind=x":
            with pytest.raises(BadFile, match="no column 'kind' for the rows to take"):
                take(file, amount_in_usd="Cost", not_billed=(condition,))
        else:
            amounts = read(file, "amount_in_usd", amount_in_usd="Cost", not_billed=(condition,))
            assert amounts == [(0,), (Decimal("0.05"),), (0,)]  # 0.05, not 0.17


def test_a_credit_is_a_negative_charge_and_no_call(tmp_path: Path) -> None:
    rows = (f"{AT},1000,100,claude-sonnet-4-5,2.00", f"{AT},,,,-0.50", f'{AT},,,,"($0.25)"', f"{AT},10,1,m,-0.01")
    file = write(tmp_path, "time,in,out,model,usd", *rows)
    named = {"model": None, "model_column": "model", "amount_in_usd": "usd"}
    found = read(file, "model", "requests", "prompt_tokens", "amount_in_usd", **named)
    assert sorted(found) == [
        ("claude-sonnet-4-5", 1, 1000, Decimal(2)),
        ("credit", 0, 0, Decimal("-0.5")),
        ("credit", 0, 0, Decimal("-0.25")),
        ("m", 1, 10, Decimal("-0.01")),
    ]


@pytest.mark.parametrize("column", ["amount_in_usd", "cost"])
def test_a_source_s_0_beside_tokens_may_say_that_it_has_no_price(tmp_path: Path, column: str) -> None:  # S18
    file = write(tmp_path, "time,in,out,usd", f"{AT},0,0,0", f"{AT},150000,0,0.0", f"{AT},200000,1,0.05")
    amounts = read(file, column, "unpriced", **{column: "usd"}, amount_zero="unknown")
    assert amounts == [(0, None), (None, SOURCE_SAYS_ZERO), (Decimal("0.05"), None)]
    assert read(file, column, "unpriced", **{column: "usd"})[1] == (0, None)


def test_an_unknown_0_in_one_column_leaves_the_amount_in_the_other(tmp_path: Path) -> None:
    rows = (f"{AT},1,1,0,5", f"{AT},2,1,5,0", f"{AT},3,1,0,0", f"{AT},4,1,0,", f"{AT},5,1,,")
    file = write(tmp_path, "time,in,out,cost,usd", *rows)
    assert read(file, "cost", "amount_in_usd", "unpriced", cost="cost", amount_in_usd="usd", amount_zero="unknown") == [
        (None, 5, None),
        (5, None, None),
        (None, None, SOURCE_SAYS_ZERO),
        (None, None, SOURCE_SAYS_ZERO),
        (None, None, None),
    ]


@pytest.mark.parametrize(("said", "known"), [("known", True), ("unknown", False), (None, False)])
def test_the_certificate_keeps_what_was_said_of_a_0(said: Any, known: bool) -> None:  # noqa: ANN401
    mapping = CallMapping(**PLAIN, amount_in_usd="usd", amount_zero=said)
    assert (find_unknown_zeros([{"mapping": mapping.describe()}]) == "false") is known
    assert mapping.describe().get("amount_zero") == said


def test_rows_that_are_called_directly_have_no_proxy_whatever_that_of_the_others(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,key,via", f"{AT},1,1,own,together", f"{AT},2,1,,together", f"{AT},3,1,,")
    direct = ("key=own",)
    assert read(file, "proxy", proxy=LlmProxy.CURSOR, direct=direct) == [(None,), ("cursor",), ("cursor",)]
    both = {"proxy": LlmProxy.CURSOR, "proxy_column": "via"}
    assert read(file, "proxy", **both, direct=direct) == [(None,), ("together",), ("cursor",)]
    assert read(file, "proxy", **both) == [("together",), ("together",), ("cursor",)]


@pytest.mark.parametrize("written", ["JOS\u00c9@corp.com", "jose\u0301@corp.com", "jos\u00e9@corp\u200b.com"])
def test_an_e_mail_in_a_condition_has_one_key_however_it_is_written(written: str) -> None:
    said = CallMapping(**PLAIN, where=(f"User={written}|bo",)).describe()["where"]
    assert said == [f"User={hide_email('josé@corp.com')}|bo"]


def test_an_e_mail_in_a_condition_is_opaque_in_the_certificate() -> None:
    said = CallMapping(**PLAIN, where=("User=ana@corp.com|bo",)).describe()["where"]
    assert "ana" not in said[0]
    assert said[0].startswith("User=email-")
    assert said[0].endswith("|bo")


def test_what_is_not_billed_is_known_to_cost_0_also_where_a_0_is_unknown(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,usd,kind", f"{AT},9,1,0,free", f"{AT},10,1,0,paid")
    mapping = {"amount_in_usd": "usd", "amount_zero": "unknown", "not_billed": ("kind=free",)}
    assert read(file, "amount_in_usd", "unpriced", **mapping) == [(0, None), (None, SOURCE_SAYS_ZERO)]


@pytest.mark.parametrize("other", ["EUR", "eur", "CLP"])
def test_amounts_in_another_currency_refuse_the_file(tmp_path: Path, other: str) -> None:  # S9
    file = write(tmp_path, "time,in,out,cost,cur", f"{AT},1,1,0.50,USD", f"{AT},2,1,1.50,{other}")
    said = rf"calls.csv has amounts in {other.upper()} \(line 3\), which no total adds to dollars; import its rows in"
    with pytest.raises(BadFile, match=said):
        take(file, amount_in_usd="cost", currency_column="cur")
    alone = read(file, "amount_in_usd", amount_in_usd="cost", currency_column="cur", where=("cur=USD",))
    assert alone == [(Decimal("0.5"),)]
    with pytest.raises(BadFile, match="has amounts in EUR, which"):
        take(file, amount_in_usd="cost", currency="EUR")


# What stands apart


CACHE = {"cached_tokens": "read", "cache_write_tokens": "write"}
# 22 March: fresh 100000, written 20000, read 80000; 23 March: fresh 90000, read 30000. Together 320000, not 190000.
S2 = ("2026-03-22T10:00:00Z,100000,5000,20000,80000", "2026-03-23T10:00:00Z,90000,1000,0,30000")


def test_a_cache_beside_the_prompt_is_added_to_it(tmp_path: Path) -> None:  # S2
    file = write(tmp_path, "time,in,out,write,read", *S2)
    assert read(file, "prompt_tokens", "cached_tokens", "cache_write_tokens", **CACHE, cache="apart") == [
        (200_000, 80_000, 20_000),
        (120_000, 30_000, 0),
    ]
    assert sum(row["prompt_tokens"] for row in take(file, **CACHE, cache="included")) == 190_000


def test_a_file_that_does_not_say_where_its_cache_stands_is_refused_with_the_option_that_does(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,write,read", *S2)
    said = r"line 2: nothing says whether its cached and written tokens \(100000\) are in its prompt or beside it: "
    with pytest.raises(BadFile, match=f"{said}give --cache included or --cache apart"):
        take(file, **CACHE)


@pytest.mark.parametrize("cache", [None, "included"])
def test_a_cache_above_the_prompt_proves_that_the_file_is_read_wrongly(tmp_path: Path, cache: str | None) -> None:
    file = write(tmp_path, "time,in,out,write,read", *S2, f"{AT},10,1,7,4")
    said = (
        r"line 4: its cached and written tokens \(11\) are more than its prompt \(10\), so they stand beside it: give"
    )
    with pytest.raises(BadFile, match=f"{said} --cache apart"):
        take(file, **CACHE, cache=cache)


def test_a_file_of_flexlib_0_2_0_keeps_the_rows_that_it_refused_then(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,write,read,all", f"{AT},10,1,7,4,11", f"{AT},10,1,3,4,12", f"{AT},10,1,3,4,11")
    assert [row.reason for row in refuse(file, **CACHE, total_tokens="all", rules=1)] == [
        "cached tokens are more than the prompt: 11",
        "total_tokens is not prompt + completion: 12",
    ]


def test_a_file_without_any_token_in_a_cache_need_not_say_where_it_stands(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,write,read", f"{AT},10,1,0,", f"{AT},11,1,,0")
    assert read(file, "prompt_tokens", **CACHE) == [(10,), (11,)]


def test_each_row_s_total_tells_where_its_cache_stands(tmp_path: Path) -> None:
    rows = (f"{AT},100,10,20,80,210", f"{AT},300,10,20,80,310", f"{AT},50,10,0,0,60")
    file = write(tmp_path, "time,in,out,write,read,all", *rows)
    assert read(file, "prompt_tokens", "total_tokens", **CACHE, total_tokens="all") == [
        (50, 60),
        (200, 210),
        (300, 310),
    ]


@pytest.mark.parametrize(("total", "completion"), [(4100, 3100), (1100, 100)])
def test_a_row_s_total_tells_where_its_reasoning_stands(tmp_path: Path, total: int, completion: int) -> None:  # S17
    reasoning = 3000 if total > 4000 else 60
    file = write(tmp_path, "time,in,out,r,all", f"{AT},1000,100,{reasoning},{total}")
    named = {"reasoning_tokens": "r", "total_tokens": "all", "provider": LlmProvider.XAI, "model": "grok-4"}
    assert read(file, "completion_tokens", **named) == [(completion,)]


def test_a_total_that_contradicts_refuses_the_file_and_not_the_row(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,r,all", f"{AT},1000,100,3000,4101", f"{AT},1,1,0,2")
    with pytest.raises(
        BadFile, match=r"line 2: its total \(4101\) is not prompt \+ completion as they are read \(4100\)"
    ):
        take(file, reasoning_tokens="r", total_tokens="all", reasoning="apart")
    with pytest.raises(
        BadFile, match=r"its reasoning tokens \(3000\) are more than its completion \(100\).*reasoning apart"
    ):
        take(file, reasoning_tokens="r", total_tokens="all")


def test_a_total_that_fits_two_readings_proves_none(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,k,r,all", f"{AT},100,50,40,40,190")
    named = {"cached_tokens": "k", "reasoning_tokens": "r", "total_tokens": "all"}
    with pytest.raises(BadFile, match="nothing says whether its cached and written tokens"):
        take(file, **named)
    assert read(file, "prompt_tokens", "completion_tokens", **named, cache="apart") == [(140, 50)]
    assert read(file, "prompt_tokens", "completion_tokens", **named, reasoning="apart") == [(100, 90)]


Count = st.integers(0, 10**6)


@given(st.lists(st.tuples(Count, Count, Count, Count, Count, st.decimals(0, 100, places=4)), min_size=1, max_size=20))
@settings(max_examples=20, deadline=None)
def test_any_calls_written_apart_and_included_are_the_same_calls_and_the_same_money(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("calls")
    head = "time,in,out,read,write,r,usd,all"
    apart, included = [], []
    for fresh, hit, new, out, reasoning, usd in calls:
        total = fresh + hit + new + out + reasoning
        apart.append(f"{AT},{fresh},{out},{hit},{new},{reasoning},{usd},{total}")
        included.append(f"{AT},{fresh + hit + new},{out + reasoning},{hit},{new},{reasoning},{usd},{total}")
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "amount_in_usd")
    columns = CACHE | {"reasoning_tokens": "r", "amount_in_usd": "usd"}
    both = {"apart": apart, "included": included}
    found = {
        word: sorted(
            read(write(folder, head, *rows, name=f"{word}.csv"), *names, **columns, cache=word, reasoning=word)
        )
        for word, rows in both.items()
    }
    right = sorted((a + b + c, d + e, b, c, usd) for a, b, c, d, e, usd in calls)
    assert found == {"apart": right, "included": right}
    mixed = [rows[place % 2] for place, rows in enumerate(zip(apart, included, strict=True))]
    try:
        told = sorted(read(write(folder, head, *mixed), *names, **columns, total_tokens="all"))
    except BadFile:  # a total that fits two readings
        assert any(hit + new == reasoning > 0 for _, hit, new, _, reasoning, _ in calls)
    else:
        assert told == right


# Dates without a time


def test_a_date_alone_is_a_day_of_its_own_grain(tmp_path: Path) -> None:
    rows = ("2026-03-15,1,1", "20260316,2,1", "2026/03/17,3,1", "2026-03-18T10:00:00Z,4,1")
    found = read(write(tmp_path, "time,in,out", *rows), "created_at", "grain", "requests")
    assert found == [
        (datetime(2026, 3, 15), "day", None),
        (datetime(2026, 3, 16), "day", None),
        (datetime(2026, 3, 17), "day", None),
        (datetime(2026, 3, 18, 10), "call", 1),
    ]


@pytest.mark.parametrize("zone", ["UTC", "America/Santiago", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("text", ["2026-03-31", "2026-03-31 00:00:00", "20260331"])
def test_a_day_keeps_its_date_in_every_time_zone(tmp_path: Path, zone: str, text: str) -> None:  # S12
    file = write(tmp_path, "time,in,out", f"{text},1,1")
    assert read(file, "created_at", grain="day", timezone=zone) == [(datetime(2026, 3, 31),)]


def test_a_date_alone_in_a_file_of_months_stands_for_its_month(tmp_path: Path) -> None:
    assert read(write(tmp_path, "time,in,out", "2026-03-01,1,1"), "grain", grain="month") == [("month",)]


@pytest.mark.parametrize(
    ("order", "rows", "days"),
    [
        ("dmy", ("05/03/2026,1,1", "5.3.2026 9:05,2,1"), [datetime(2026, 3, 5), datetime(2026, 3, 5, 9, 5)]),
        ("mdy", ("03/05/2026,1,1",), [datetime(2026, 3, 5)]),
        (None, ("05/03/2026,1,1", "13/03/2026,1,1"), [datetime(2026, 3, 5), datetime(2026, 3, 13)]),
        (None, ("03/05/2026,1,1", "03/13/2026,1,1"), [datetime(2026, 3, 5), datetime(2026, 3, 13)]),
    ],
)
def test_a_date_that_begins_with_its_day_or_month_is_read_as_said_or_as_a_day_above_12_proves(
    tmp_path: Path, order: str | None, rows: tuple[str, ...], days: list[datetime]
) -> None:
    assert read(write(tmp_path, "time,in,out", *rows), "created_at", date_order=order) == [(day,) for day in days]


def test_a_date_whose_order_nothing_proves_is_refused_with_the_option_that_says_it(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out", "05/10/2026,1,1")
    why = r"created_at is ambiguous \(05/10/2026: day or month first\?\); give --date-order"
    with pytest.raises(BadFile, match=why):
        take(file)


def test_dates_in_both_orders_refuse_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="has dates with the day first and dates with the month first"):
        take(write(tmp_path, "time,in,out", "13/10/2026,1,1", "10/13/2026,1,1"))


def test_a_date_that_is_none_in_the_order_that_was_said_is_quarantined(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out", "03/13/2026,1,1", "01/03/2026,1,1")
    assert [row.reason for row in refuse(file, date_order="dmy")] == ["not a time of 2000 to 2099: 03/13/2026"]


# Rows that are no calls


def test_rows_that_are_no_calls_are_counted_by_kind_and_are_no_gap(tmp_path: Path) -> None:
    rows = (
        f"{AT},9,1,assistant,200",
        f"{AT},,,user,",
        f"{AT},,,assistant,429",
        f"{AT},8,1,assistant,429",  # billed, though it failed
        "Total,17,2,,",
        "2026-04-01,,,assistant,500",
    )
    file = write(tmp_path, "time,in,out,type,status", *rows)
    kinds = ("total rows: time=total", "failed calls: status=429|500 & in=", "failed calls: status=")
    found, counts = count(file, where=("type=assistant|",), no_calls=kinds)
    assert found == {"failed calls": 1, "other rows": 1, "total rows": 1}  # a total has no time: it may be of any month
    assert (counts.rows_read, counts.rows, counts.quarantined_rows, counts.duplicate_rows) == (5, 2, 0, 0)
    assert read(file, "prompt_tokens", where=("type=assistant|",), no_calls=kinds) == [(8,), (9,)]


def test_of_several_filters_all_must_hold(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,a,b", f"{AT},1,1,x,y", f"{AT},2,1,x,z", f"{AT},3,1,w,y")
    assert read(file, "prompt_tokens", where=("a=X", "b!=z")) == [(1,)]
    assert read(file, "prompt_tokens", where=("a=x & b!=z",)) == [(1,)]


def test_a_filter_reads_paths_of_json_and_columns_of_parquet(tmp_path: Path) -> None:
    rows = [{"time": AT, "in": n, "out": 1, "m": {"type": kind}} for n, kind in ((1, "a"), (2, None), (3, True))]
    lines = write(tmp_path, "\n".join(map(json.dumps, rows)), name="calls.jsonl")
    assert read(lines, "prompt_tokens", where=("m.type=a|true",)) == [(1,), (3,)]
    assert read(lines, "prompt_tokens", where=("m.type=",)) == [(2,)]
    pq.write_table(
        pa.table({"time": [AT] * 2, "in": [1, 2], "out": [1, 1], "n": [7, None]}), tmp_path / "calls.parquet"
    )
    assert read(tmp_path / "calls.parquet", "prompt_tokens", where=("n=7",)) == [(1,)]


def test_a_file_without_a_call_says_what_its_rows_are(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out", "2026-03-01,,", "2026-03-02,,")
    with pytest.raises(BadFile, match=r"calls.csv holds no calls; its rows are empty days \(2\)\."):
        take(file, no_calls=("empty days: in=",))


def test_a_row_that_cannot_be_read_is_a_gap_even_beside_a_filter(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,type", f"{AT},1,1,a", "broken")
    assert [row.reason for row in refuse(file, where=("type=a",))] == ["1 column where the header has 4"]


# Tiers, ids


def test_a_batch_is_a_tier_whatever_the_tier_says(tmp_path: Path) -> None:  # S4
    rows = [f"{AT},{n},1,{batch},{tier}" for n, (batch, tier) in enumerate(
        [("TRUE", "default"), ("1", ""), ("yes", ""), ("false", "flex"), ("0", ""), ("", "priority")])]  # fmt: skip
    file = write(tmp_path, "time,in,out,batch,tier", *rows)
    tiers = read(file, "tier", batch_column="batch", tier="tier")
    assert tiers == [("batch",), ("batch",), ("batch",), ("flex",), (None,), ("priority",)]
    (bad,) = refuse(write(tmp_path, "time,in,out,batch", f"{AT},1,1,maybe", f"{AT},1,1,no"), batch_column="batch")
    assert bad.reason == "batch is neither true nor false: maybe"


def test_rows_without_an_id_are_two_calls_where_any_column_differs_mapped_or_not(tmp_path: Path) -> None:  # S6
    row = f"{AT},1000,100"
    ids = [take(write(tmp_path, "time,in,out,key", f"{row},{key}"))[0]["id"] for key in ("a", "b", "a")]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize("head", ["key,time,in,out", "time,in,out,none,key"])
def test_the_order_of_columns_and_those_without_a_word_change_no_id(tmp_path: Path, head: str) -> None:
    told = {"time": AT, "in": "9", "out": "1", "key": "a", "none": ""}
    one, other = (
        take(write(tmp_path, names, ",".join(told[name] for name in names.split(","))))[0]["id"]
        for names in (head, "time,in,out,key")
    )
    assert one == other


def test_a_file_whose_columns_are_all_mapped_has_the_ids_of_flexlib_0_2_0_in_every_format(tmp_path: Path) -> None:
    csv = write(tmp_path, "time,in,out", f"{AT},9,1")
    lines = write(tmp_path, json.dumps({"time": AT, "u": {"in": 9}, "out": 1, "empty": None}), name="calls.jsonl")
    pq.write_table(pa.table({"time": [AT], "in": [9], "out": [1]}), tmp_path / "calls.parquet")
    found = {take(csv)[0]["id"], take(csv, rules=1)[0]["id"], take(lines, prompt_tokens="u.in")[0]["id"]}
    assert found | {take(tmp_path / "calls.parquet")[0]["id"]} == {take(csv)[0]["id"]}


def test_other_columns_make_an_id_in_json_and_parquet_too(tmp_path: Path) -> None:
    rows = [{"time": AT, "in": 9, "out": 1, "who": {"key": key}} for key in ("a", "b")]
    lines = [take(write(tmp_path, json.dumps(row), name="calls.jsonl"))[0]["id"] for row in rows]
    files = []
    for row in rows:
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "calls.parquet")
        files.append(take(tmp_path / "calls.parquet")[0]["id"])
    assert len({*lines}) == len({*files}) == 2


def test_bytes_that_are_no_text_in_a_column_that_feeds_nothing_are_part_of_an_id_and_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    ids = []
    for name in ("José", "Jose"):
        file.write_bytes(f"time,in,out,who\n{AT},9,1,{name}\n".encode("latin1"))
        ids += [row["id"] for row in take(file)]
    assert len({*ids}) == 2


def test_of_a_repeated_id_the_last_row_is_taken_where_that_is_said(tmp_path: Path) -> None:
    rows = (f"{AT},9,1,a", f"{AT},9,5,a", f"{AT},9,8,a", f"{AT},9,8,a", f"{AT},9,2,b")
    file = write(tmp_path, "time,in,out,id", *rows)
    assert read(file, "id", "completion_tokens", request_id="id", repeated="last") == [("b", 2), ("a", 8)]
    found, counts = count(file, request_id="id", repeated="last")
    assert found == {"earlier rows of a call": 2}
    assert (counts.rows_read, counts.rows, counts.duplicate_rows, counts.quarantined_rows) == (5, 2, 1, 0)
    assert [row.line for row in refuse(file, request_id="id")] == [3, 4, 5]


# What is said of a file


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"cache": "beside", "cached_tokens": "k"}, "cache must be apart or included, not 'beside'"),
        ({"cache": "apart"}, "cache is apart, but of what"),
        ({"amount_unit": "cents"}, "amount_unit is cents, but of what"),
        ({"duration_unit": "s"}, "duration_unit is s, but of what"),
        ({"repeated": "last"}, "repeated is last, but of what"),
        ({"date_order": "ymd"}, "date_order must be dmy or mdy, not 'ymd'"),
        ({"where": ("type",)}, "'type' is no condition; write COLUMN=VALUE"),
        ({"where": ("=a",)}, "'=a' is no condition"),
        ({"no_calls": ("status=error",)}, "'status=error' names no rows; write KIND: COLUMN=VALUE"),
        ({"not_billed": ("x!",)}, "'x!' is no condition"),
        ({"direct": ("x!",)}, "'x!' is no condition"),
    ],
)
def test_what_a_mapping_cannot_mean_is_refused(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        CallMapping(**PLAIN | mapping)


def test_what_was_said_stands_in_the_certificate_and_what_every_flexlib_took_for_granted_does_not() -> None:
    said: dict[str, Any] = CACHE | {
        "cache": "apart",
        "where": ("type=a",),
        "amount_in_usd": "c",
        "amount_unit": "cents",
    }
    told = CallMapping(**PLAIN | said).describe()
    assert {name: told[name] for name in said} == said | {"where": ["type=a"]}
    assert "cache" not in CallMapping(**PLAIN | CACHE, cache="included").describe()


@pytest.mark.parametrize(
    ("condition", "right"),
    [
        ("kind=Included*", ["Included", "included in Pro"]),
        ("kind!=*in pro|a_%*", ["Included", None]),  # _ and % are themselves
        ("kind=*", ["Included", "included in Pro", "a_%b", None]),
    ],
)
def test_a_star_in_a_condition_is_any_text_for_calls_and_for_bills(condition: str, right: list[str | None]) -> None:
    (one,) = read_conditions(condition)
    texts = ["Included", "included in Pro", "a_%b", None]
    rows = duckdb.from_arrow(pa.table({"kind": texts}))
    assert [kind for (kind,) in rows.filter(write_condition([one], {"kind": "kind"})).fetchall()] == right
    assert [text for text in texts if one.holds(text)] == right
