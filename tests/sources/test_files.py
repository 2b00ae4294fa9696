"""Files of calls: every value read as it stands, every row taken or quarantined, every call with an id of its own."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from usage_samples import BLANK

from flexlib.dates import Month
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadFile, BadParameter
from flexlib.i18n import speak
from flexlib.schema import USAGE, check_usage
from flexlib.sources.files import CallFile, files, read_calls
from flexlib.sources.files.files import list_columns
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import RefusedRow
from flexlib.stored_notes import tell_reasons

SEPTEMBER = Month(2025, 9)
PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4",
}


def write(folder: Path, text: str, name: str = "calls.csv") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def read_table(calls: CallFile, month: Month) -> pa.Table:
    """The month's calls, sorted."""
    rows = calls.read_month(month).select(*USAGE.names).order("created_at, id").to_arrow_table()
    return pa.Table.from_arrays(rows.columns, schema=USAGE)


def take(file: Path, **mapping: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """All rows that are taken, month after month."""
    with read_calls(file, CallMapping(**PLAIN | mapping)) as calls:
        tables = [check_usage(read_table(calls, month), month) for month in calls.months]
    return [row for table in tables for row in table.to_pylist()]


def refuse(file: Path, **mapping: Any) -> list[RefusedRow]:  # noqa: ANN401
    """All rows that are not."""
    with read_calls(file, CallMapping(**PLAIN | mapping)) as calls:
        return calls.list_quarantined()


def take_one(folder: Path, head: str, row: str, **mapping: Any) -> dict[str, Any]:  # noqa: ANN401
    (taken,) = take(write(folder, f"{head}\n{row}\n"), **mapping)
    return taken


def refuse_all(folder: Path, head: str, rows: list[str], **mapping: Any) -> list[str]:  # noqa: ANN401
    """The reason why each of `rows` is not taken, beside one that is."""
    good = ",".join({"time": "2025-09-01 10:00:00", "in": "9", "out": "5"}.get(name, "") for name in head.split(","))
    bad = refuse(write(folder, "\n".join([head, good, *rows])), **mapping)
    assert [(row.line, row.text) for row in bad] == list(enumerate(rows, start=3))
    with speak("es"):  # each is known by what tells it in another language
        assert [row.reason for row in bad if tell_reasons(row.reason) == row.reason] == []
    return [row.reason for row in bad]


def refuse_one(folder: Path, head: str, row: str, **mapping: Any) -> str:  # noqa: ANN401
    (reason,) = refuse_all(folder, head, [row], **mapping)
    return reason


def test_a_month_has_the_schema_s_columns_and_the_file_s_sums(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out\n2025-09-02 10:00:00,7,5\n2025-09-01 10:00:00,4808,10\n")
    with read_calls(file, CallMapping(**PLAIN)) as calls:
        assert calls.months == [SEPTEMBER]
        counts, rows = calls.count_month(SEPTEMBER), read_table(calls, SEPTEMBER)
    assert (counts.rows_read, counts.rows, counts.prompt_tokens, counts.completion_tokens) == (2, 2, 4815, 15)
    assert rows.schema.equals(USAGE)
    first = check_usage(rows, SEPTEMBER).to_pylist()[0]
    assert first == {
        **BLANK,
        "id": first["id"],
        "created_at": datetime(2025, 9, 1, 10),
        "usable_type": None,
        "usable_id": None,
        "provider": "openai",
        "model": "gpt-4",
        "proxy": None,
        "task_type": "text",
        "prompt_tokens": 4808,
        "completion_tokens": 10,
        "total_tokens": 4818,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "cost": None,
        "amount_in_usd": None,
        "amount_in_clp": None,
        "duration_ms": None,
        "status": None,
        "metadata": None,
        "updated_at": datetime(2025, 9, 1, 10),
    }
    assert re.fullmatch("[0-9a-f]{32}", first["id"])


# Times


def test_two_calls_100_ns_apart_stay_two_and_keep_the_microsecond(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out\n2025-09-16 18:17:03.9799600,7,5\n2025-09-16 18:17:03.9799601,7,5\n")
    one, other = take(file)
    assert one["created_at"] == other["created_at"] == datetime(2025, 9, 16, 18, 17, 3, 979960)
    assert one["id"] != other["id"]


def test_a_time_is_cut_down_and_never_rounded_into_the_next_month(tmp_path: Path) -> None:
    row = take_one(tmp_path, "time,in,out", "2025-09-30 23:59:59.999999999,7,5")
    assert row["created_at"] == datetime(2025, 9, 30, 23, 59, 59, 999999)


SAME_INSTANT = [
    "2025-09-01T10:00:00.5Z",
    "2025-09-01 10:00:00.500000000",
    "2025-09-01t10:00:00.50z",
    "2025-09-01 07:00:00.500-03:00",
    "2025-09-01 15:30:00.5+0530",
    "2025-09-01 12:00:00.5+02",
    "2025-09-01 10:00:00.5 UTC",
    "2025-09-01 10:00:00,5",
    "1756720800.5",
    "1756720800500",
    "1756720800500000",
    "1756720800500000000",
]


def test_one_instant_written_in_many_ways_is_one_time_and_one_id(tmp_path: Path) -> None:
    alike = take(write(tmp_path, "\n".join(["time;in;out", *(f"{text};7;5" for text in SAME_INSTANT)])))
    as_often = take(write(tmp_path, "\n".join(["time;in;out", *[f"{SAME_INSTANT[0]};7;5"] * len(SAME_INSTANT)])))
    assert alike == as_often
    assert {row["created_at"] for row in alike} == {datetime(2025, 9, 1, 10, 0, 0, 500000)}


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-09-01 10:00", datetime(2025, 9, 1, 14)),  # winter in Santiago: 4 hours behind
        ("2025-09-10 10:00", datetime(2025, 9, 10, 13)),  # summer since the 7th
        ("2025-09-10 10:00Z", datetime(2025, 9, 10, 10)),  # it names a zone of its own
        ("1756720800", datetime(2025, 9, 1, 10)),
    ],
)
def test_a_time_without_a_zone_is_of_the_zone_that_was_named(tmp_path: Path, text: str, utc: datetime) -> None:
    assert take_one(tmp_path, "time,in,out", f"{text},7,5", timezone="America/Santiago")["created_at"] == utc


def test_an_hour_that_the_clock_showed_twice_is_taken_as_its_first_and_counted(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out\n2025-04-05 23:30:00,7,5\n2025-04-05 22:30:00,7,5\n")
    with read_calls(file, CallMapping(**PLAIN, timezone="America/Santiago")) as calls:
        assert calls.count_month(Month(2025, 4)).repeated_rows == 1
        assert read_table(calls, Month(2025, 4))["created_at"].to_pylist() == [
            datetime(2025, 4, 6, 1, 30),
            datetime(2025, 4, 6, 2, 30),
        ]


def test_an_hour_that_the_clock_left_out_is_no_time(tmp_path: Path) -> None:
    reason = refuse_one(tmp_path, "time,in,out", "2025-09-07 00:30:00,7,5", timezone="America/Santiago")
    assert reason == "no such time in America/Santiago: 2025-09-07 00:30:00 (the clock skipped it)"


def test_what_is_no_time_is_quarantined_as_it_stands(tmp_path: Path) -> None:
    texts = [
        "2025-02-30 10:00:00",
        "2025-09-01 25:00:00",
        "01/09/25 10:00",
        "2025-02-30",
        "20250230",
        "2025/13/01",
        "2025-09-01 10:00:00.1234567890",
        "1999-12-31 23:59:59",
        "2100-01-01 00:00:00",
        "2025-09-01 10:00 America/Santiago",
        "17567208",
        "-1756720800",
        "9999999999",
    ]
    reasons = refuse_all(tmp_path, "time,in,out", [f"{text},7,5" for text in texts])
    assert reasons == [f"not a time of 2000 to 2099: {text}" for text in texts]


def test_the_last_day_of_2099_has_a_month(tmp_path: Path) -> None:
    assert take_one(tmp_path, "time,in,out", "2099-12-31 23:59:59,7,5")["created_at"] == datetime(
        2099, 12, 31, 23, 59, 59
    )


# Tokens and amounts


def test_a_whole_number_may_be_written_as_programs_write_it(tmp_path: Path) -> None:
    rows = [f"2025-09-01 10:00:00,{text},5" for text in ("7", "7.0", "007", " 7 ")]
    taken = take(write(tmp_path, "\n".join(["time,in,out", *rows])))
    assert [row["prompt_tokens"] for row in taken] == [7, 7, 7, 7]


def test_a_number_that_may_be_thousands_is_quarantined_while_nobody_said_what_a_dot_means(tmp_path: Path) -> None:
    columns = {"amount_in_clp": "clp", "amount_in_usd": "usd", "duration_ms": "ms", "usable_id": "who"}
    head = "time,in,out,clp,usd,ms,who"
    rows = [
        "1.000,5,,,,",
        "7,12.000000,,,,",
        "1.234.567,5,,,,",
        "7,5,25.500,,,",
        "7,5,,1.234,,",
        "7,5,,,834.512,",
        "7,5,,,,1.000",
    ]
    fields = ["prompt_tokens", "completion_tokens", "prompt_tokens", *columns]
    texts = ["1.000", "12.000000", "1.234.567", "25.500", "1.234", "834.512", "1.000"]
    rows = [f"2025-09-01 10:00:00,{row}" for row in rows]
    assert refuse_all(tmp_path, head, rows, usable_type="user", **columns) == [
        f"{field} is ambiguous ({text}: thousands or decimals?); give --decimal"
        for field, text in zip(fields, texts, strict=True)
    ]


def test_a_number_that_can_only_have_decimals_needs_no_word(tmp_path: Path) -> None:
    rows = [f"2025-09-01 10:00:00,1234.000,5,{text}" for text in ("0.125", "1234.500", "25.5000", "25.50", "1.250e1")]
    taken = take(write(tmp_path, "\n".join(["time,in,out,clp", *rows])), amount_in_clp="clp")
    assert {row["prompt_tokens"] for row in taken} == {1234}
    assert sorted(row["amount_in_clp"] for row in taken) == [
        Decimal(text) for text in ("0.1250", "12.5000", "25.5000", "25.5000", "1234.5000")
    ]


@pytest.mark.parametrize(
    ("decimal", "row"),
    [
        (",", "1.234;12.000;13.234;234;1.000;1.234,5;0,00015;25.500;1.000,4;1.042"),
        (".", "1,234;12,000.0;13234;234.0;1,000;1,234.5;0.00015;25,500;1,000.4;1,042"),
        (",", "1234;12000;13.234,00;234,;1000;1234,50;1,5e-4;25500,0000;1000,4;1042"),
        (".", "1234.000;12000;13234;234;1000.000;1234.500;1.5e-4;25500;1000.400;1042.000"),
    ],
)
def test_numbers_are_read_as_the_decimal_says(tmp_path: Path, decimal: str, row: str) -> None:
    columns = {
        "prompt_tokens": "a",
        "completion_tokens": "b",
        "total_tokens": "c",
        "cached_tokens": "d",
        "cache_write_tokens": "e",
        "cost": "f",
        "amount_in_usd": "g",
        "amount_in_clp": "h",
        "duration_ms": "i",
        "usable_id": "j",
    }
    told = columns | {"usable_type": "user", "decimal": decimal}
    taken = take_one(tmp_path, "time;a;b;c;d;e;f;g;h;i;j", f"2025-09-01 10:00:00;{row}", **told)
    assert {name: taken[name] for name in columns} == {
        "prompt_tokens": 1234,
        "completion_tokens": 12000,
        "total_tokens": 13234,
        "cached_tokens": 234,
        "cache_write_tokens": 1000,
        "cost": Decimal("1234.5"),
        "amount_in_usd": Decimal("0.00015"),
        "amount_in_clp": Decimal(25500),
        "duration_ms": 1000,
        "usable_id": 1042,
    }


@pytest.mark.parametrize(
    ("decimal", "texts"),
    [
        (",", ["1.5", "1.23", "1234.567", "0.123", "1.234.56", "1,234.5", "1,2,3", ".5", "1.234,5e3", "1.000.", "."]),
        (".", ["1,5", "1,23", "1234,567", "0,123", "1,234,56", "1.234,5", "1.2.3", ",5", "1,234.5e3", "1,000,", ","]),
    ],
)
def test_a_number_that_does_not_fit_what_the_decimal_says_is_quarantined(
    tmp_path: Path, decimal: str, texts: list[str]
) -> None:
    rows = [f"2025-09-01 10:00;7;5;{text}" for text in ["0", *texts]]
    file = write(tmp_path, "\n".join(["time;in;out;usd", *rows]))
    assert [row.reason for row in refuse(file, amount_in_usd="usd", decimal=decimal)] == [
        f"amount_in_usd is not a number under --decimal {decimal}: {text}" for text in texts
    ]


def test_how_numbers_are_written_changes_no_id(tmp_path: Path) -> None:
    plain = take_one(tmp_path, "time;in;out;usd", "2025-09-01 10:00;1234;5;1234.5", amount_in_usd="usd")
    told = take_one(tmp_path, "time;in;out;usd", "2025-09-01 10:00;1.234;5;1.234,5", amount_in_usd="usd", decimal=",")
    assert told == plain


@pytest.mark.parametrize("decimal", [None, ",", "."])
def test_the_numbers_of_json_and_parquet_are_no_texts_and_need_no_word(tmp_path: Path, decimal: str | None) -> None:
    call = {"time": "2025-09-01 10:00", "usage": {"in": 7.0}, "out": 5, "clp": 25.125}
    file = write(tmp_path, json.dumps(call), "calls.jsonl")
    (taken,) = take(file, prompt_tokens="usage.in", amount_in_clp="clp", decimal=decimal)
    assert (taken["prompt_tokens"], taken["amount_in_clp"]) == (7, Decimal("25.125"))
    columns = {
        "time": ["2025-09-01 10:00"],
        "in": pa.array([Decimal("7.000")]),
        "out": pa.array([5]),
        "clp": pa.array([25.125]),
    }
    pq.write_table(pa.table(columns), tmp_path / "calls.parquet")
    assert take(tmp_path / "calls.parquet", amount_in_clp="clp", decimal=decimal) == [taken]


def test_a_number_in_a_string_of_json_is_a_text(tmp_path: Path) -> None:
    calls = [{"time": "2025-09-01 10:00", "in": text, "out": 5} for text in ("1.234", 7)]
    file = write(tmp_path, "\n".join(map(json.dumps, calls)), "calls.jsonl")
    assert [row.reason for row in refuse(file)] == [
        "prompt_tokens is ambiguous (1.234: thousands or decimals?); give --decimal"
    ]
    assert sorted(row["prompt_tokens"] for row in take(file, decimal=",")) == [7, 1234]


def test_what_is_no_count_of_tokens_is_quarantined(tmp_path: Path) -> None:
    texts = ["-1", "1.5", "NaN", "1e3", "+7", "1000000000000001", "99999999999999999999", "0x7"]
    reasons = refuse_all(tmp_path, "time,in,out", [f"2025-09-01 10:00:00,{text},5" for text in texts])
    assert reasons == [f"prompt_tokens is not a whole number from 0 to 1000000000000000: {text}" for text in texts]


def test_an_empty_count_of_tokens_is_not_a_zero(tmp_path: Path) -> None:
    assert refuse_one(tmp_path, "time,in,out", "2025-09-01 10:00:00,7,") == "no completion_tokens"


def test_a_total_must_be_the_sum(tmp_path: Path) -> None:
    row = "2025-09-01 10:00:00,7,5,13"
    assert refuse_one(tmp_path, "time,in,out,sum", row, total_tokens="sum") == (
        "total_tokens is not prompt + completion: 13"
    )
    assert take_one(tmp_path, "time,in,out,sum", "2025-09-01 10:00:00,7,5,12", total_tokens="sum")["total_tokens"] == 12


def test_a_row_is_of_one_request_or_more(tmp_path: Path) -> None:
    columns = {"requests": "count", "grain": "hour"}
    head = "time,in,out,count"
    assert take_one(tmp_path, head, "2025-09-01 10:00:00,7,5,3", **columns)["requests"] == 3
    assert refuse_one(tmp_path, head, "2025-09-01 10:00:00,7,5,0", **columns) == "requests is 0; a row is of 1 or more"


def test_cached_tokens_are_part_of_the_prompt(tmp_path: Path) -> None:
    columns = {"cached_tokens": "hit", "cache_write_tokens": "new", "cache": "included"}
    head = "time,in,out,hit,new"
    taken = take_one(tmp_path, head, "2025-09-01 10:00:00,7,5,4,3", **columns)
    assert (taken["cached_tokens"], taken["cache_write_tokens"]) == (4, 3)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1000000001", Decimal("0.1000000001")),
        ("1e-05", Decimal("0.00001")),
        (".5", Decimal("0.5")),
        ("0", Decimal(0)),
        ("9999999999.9999999999", Decimal("9999999999.9999999999")),
        ("", None),
    ],
)
def test_an_amount_is_exact_and_an_absent_one_is_not_zero(tmp_path: Path, text: str, amount: Decimal | None) -> None:
    taken = take_one(tmp_path, "time,in,out,usd", f"2025-09-01 10:00:00,7,5,{text}", amount_in_usd="usd")
    assert taken["amount_in_usd"] == amount


@pytest.mark.parametrize("field", ["cost", "amount_in_usd"])
def test_what_is_no_amount_is_quarantined(tmp_path: Path, field: str) -> None:
    texts = ["- 0.1 -", "NaN", "inf", "EUR 1", "1_000", "1 000"]
    rows = [f"2025-09-01 10:00:00,7,5,{text}" for text in texts] + ['2025-09-01 10:00:00,7,5,"1,5"']
    reasons = refuse_all(tmp_path, "time,in,out,money", rows, **{field: "money"})
    assert reasons == [f"{field} is not a number: {text}" for text in [*texts, "1,5"]]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.00041731487450000003", Decimal("0.0004173149")),  # a float
        ("4.1731487450000003e-04", Decimal("0.0004173149")),
        ("0.00000000005", Decimal("0.0000000001")),
        ("0e-30", Decimal(0)),
        ("0.000000000000", Decimal(0)),
    ],
)
def test_decimals_that_are_not_kept_are_rounded_away(tmp_path: Path, text: str, amount: Decimal) -> None:
    taken = take_one(tmp_path, "time,in,out,usd", f"2025-09-01 10:00:00,7,5,{text}", amount_in_usd="usd")
    assert taken["amount_in_usd"] == amount


@pytest.mark.parametrize(
    ("field", "decimals", "texts"),
    [
        ("amount_in_usd", 10, ["1e-11", "0.00000000004", "4.9E-11", "1e-300"]),
        ("cost", 10, ["1e-11"]),
        ("amount_in_clp", 4, ["0.00004", "4e-5"]),
    ],
)
def test_an_amount_that_is_not_zero_never_becomes_zero(
    tmp_path: Path, field: str, decimals: int, texts: list[str]
) -> None:
    rows = [f"2025-09-01 10:00:00,7,5,{text}" for text in texts]
    assert refuse_all(tmp_path, "time,in,out,money", rows, **{field: "money"}) == [
        f"{field} has more than {decimals} decimals, and would be 0: {text}" for text in texts
    ]


def test_the_other_fields_are_taken_too(tmp_path: Path) -> None:
    taken = take_one(
        tmp_path,
        "time,in,out,clp,ms,how,who,whose,tag",
        '2025-09-01 10:00:00,7,5,123.4567,1234.5,ok,42,user,"{""a"": 1}"',
        amount_in_clp="clp",
        duration_ms="ms",
        status="how",
        usable_id="who",
        usable_type_column="whose",
        metadata=("tag", "how"),
        proxy=LlmProxy.OPENROUTER,
    )
    assert taken["amount_in_clp"] == Decimal("123.4567")
    assert (taken["duration_ms"], taken["status"], taken["proxy"]) == (1235, "ok", "openrouter")
    assert (taken["usable_type"], taken["usable_id"]) == ("user", 42)
    assert json.loads(taken["metadata"]) == {"tag": {"a": 1}, "how": "ok"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2025-09-01 10:00:00,7,5,x42,user,", "usable_id is not a whole number: x42"),
        ("2025-09-01 10:00:00,7,5,42,,", "usable_id without usable_type: 42"),
        ("2025-09-01 10:00:00,7,5,,,soon", "duration_ms is not a number at or above 0: [text]"),
    ],
)
def test_a_bad_value_of_an_optional_field_is_not_left_out(tmp_path: Path, row: str, reason: str) -> None:
    mapping = {"usable_id": "who", "usable_type_column": "whose", "duration_ms": "ms"}
    assert refuse_one(tmp_path, "time,in,out,who,whose,ms", row, **mapping) == reason


# Providers and models


def test_a_provider_is_known_by_value_or_label_and_a_constant_fills_what_is_empty(tmp_path: Path) -> None:
    text = (
        "time,in,out,who\n2025-09-01 10:00:00,7,5,Stability AI\n2025-09-01 11:00:00,7,5,XAI\n2025-09-01 12:00:00,7,5,\n"
    )
    taken = take(write(tmp_path, text), provider_column="who")
    assert [row["provider"] for row in taken] == ["stability", "xai", "openai"]


def test_an_unknown_provider_is_quarantined_and_never_becomes_the_constant(tmp_path: Path) -> None:
    reason = refuse_one(tmp_path, "time,in,out,who", "2025-09-01 10:00:00,7,5,opneai", provider_column="who")
    assert reason == "unknown provider: opneai (say what it means: --alias 'opneai=NAME')"


def test_an_alias_says_what_the_file_s_own_words_mean(tmp_path: Path) -> None:
    rows = ["Azure,,", "OUR GATEWAY,together,Chat", "our cloud,Our Proxy,chat", "n/a,None,"]
    file = write(tmp_path, "\n".join(["time,in,out,who,via,what", *(f"2025-09-01 1{row}" for row in (
        f"{hour}:00,7,5,{words}" for hour, words in enumerate(rows)))]))  # fmt: skip
    columns = {"provider_column": "who", "proxy_column": "via", "task_type_column": "what"}
    texts = ("Azure=openai", "our gateway=Unknown", "our cloud=Google", "our proxy=Together AI", "CHAT=text")
    taken = take(file, aliases=(*texts, "none=", "n/a="), **columns | {"provider": LlmProvider.MISTRAL})
    assert [(row["provider"], row["proxy"], row["task_type"]) for row in taken] == [
        ("openai", None, "text"),
        ("unknown", "together", "text"),
        ("google", "together", "text"),
        ("mistral", None, "text"),
    ]
    reasons = [row.reason for row in refuse(write(tmp_path, file.read_text() + "2025-09-01 10:00,7,5,openai,,\n"),
                                            **columns)]  # fmt: skip
    assert reasons[0] == (
        "unknown provider: OUR GATEWAY (say what it means: --alias 'OUR GATEWAY=NAME'); "
        "unknown task_type: Chat (say what it means: --alias 'Chat=NAME')"
    )


def test_an_alias_of_a_provider_is_none_of_a_proxy(tmp_path: Path) -> None:
    row = "2025-09-01 10:00:00,7,5,azure"
    reason = refuse_one(tmp_path, "time,in,out,via", row, proxy_column="via", aliases=("azure=openai",))
    assert reason == "unknown proxy: azure (say what it means: --alias 'azure=NAME')"


def test_an_alias_that_means_nothing_leaves_a_provider_untold(tmp_path: Path) -> None:
    text = "time,in,out,who\n2025-09-01 10:00:00,7,5,openai\n2025-09-01 10:00:00,7,5,-\n"
    (bad,) = refuse(write(tmp_path, text), provider=None, provider_column="who", aliases=("-=",))
    assert bad.reason == "no provider"


def test_the_maker_stands_before_the_slash_of_a_model_where_nothing_else_tells_it(tmp_path: Path) -> None:
    models = ["anthropic/claude-sonnet-4", "x-ai/grok-4", "qwen/qwen-3", "gpt-4", "/gpt-4"]
    rows = [f"2025-09-01 1{place}:00:00,7,5,{model}" for place, model in enumerate(models)]
    file = write(tmp_path, "\n".join(["time,in,out,what", *rows]))
    untold = {"provider": None, "model": None, "model_column": "what"}
    assert [(row["provider"], row["model"]) for row in take(file, **untold)] == [
        ("anthropic", "anthropic/claude-sonnet-4"),
        ("xai", "x-ai/grok-4"),
    ]
    assert [row.reason for row in refuse(file, **untold)] == [
        "unknown provider: qwen (say what it means: --alias 'qwen=NAME')",
        "no provider",
        "no provider",
    ]
    assert {row["provider"] for row in take(file, **untold | {"provider": LlmProvider.META})} == {"meta"}


def test_a_file_whose_models_never_tell_the_maker_is_refused_whole(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,what\n2025-09-01 10:00:00,7,5,gpt-4\n2025-09-01 10:00:00,7,5,\n")
    with pytest.raises(
        BadParameter, match=r"whose model was called\? 'gpt-4' in 'what' names no maker, as openai/gpt-4 does; add --p"
    ):
        take(file, provider=None, model_column="what")


def test_a_maker_before_the_slash_fills_no_empty_column_of_providers(tmp_path: Path) -> None:
    text = "time,in,out,who,what\n2025-09-01 10:00:00,7,5,xai,a/b\n2025-09-01 10:00:00,7,5,,openai/gpt-4\n"
    file = write(tmp_path, text)
    assert [row.reason for row in refuse(file, provider=None, provider_column="who", model_column="what")] == [
        "no provider"
    ]


def test_a_row_that_names_no_model_is_quarantined_when_nothing_stands_for_it(tmp_path: Path) -> None:
    text = "time,in,out,what\n2025-09-01 10:00:00,7,5,grok-4\n2025-09-01 11:00:00,7,5,\n"
    file = write(tmp_path, text)
    assert [row["model"] for row in take(file, model=None, model_column="what")] == ["grok-4"]
    assert [row.reason for row in refuse(file, model=None, model_column="what")] == ["no model"]
    assert [row["model"] for row in take(file, model_column="what")] == ["grok-4", "gpt-4"]


@pytest.mark.parametrize(("model", "is_taken"), [("x" * 255, True), ("x" * 256, False), ("gpt\x1b[2J", False)])
def test_a_name_is_as_limited_as_one_that_is_recorded(tmp_path: Path, model: str, *, is_taken: bool) -> None:
    file = write(tmp_path, f"time,in,out,what\n2025-09-01 10:00:00,7,5,gpt-4\n2025-09-01 10:00:00,7,5,{model}\n")
    mapping = {"model": None, "model_column": "what"}
    assert len(take(file, **mapping)) == 1 + is_taken
    reasons = [row.reason for row in refuse(file, **mapping)]
    assert reasons == ["a name or an id is not of at most 255 printable characters"] * (not is_taken)


def test_words_in_the_place_of_a_number_are_not_quoted_as_they_may_name_somebody(tmp_path: Path) -> None:
    row = "2025-09-01 10:00:00,Juan Pérez,5"
    assert refuse_one(tmp_path, "time,in,out", row).endswith("from 0 to 1000000000000000: [text]")


def test_all_that_is_wrong_with_a_row_is_said(tmp_path: Path) -> None:
    row = "never,x,5,opneai"
    assert refuse_one(tmp_path, "time,in,out,who", row, provider_column="who") == (
        "not a time of 2000 to 2099: [text]; unknown provider: opneai (say what it means: --alias 'opneai=NAME'); "
        "prompt_tokens is not a whole number from 0 to 1000000000000000: x"
    )


def test_an_embedding_needs_no_completion_tokens(tmp_path: Path) -> None:
    embedding = {"completion_tokens": None, "task_type": LlmTaskType.EMBEDDING}
    taken = take_one(tmp_path, "time,in", "2025-09-01 10:00:00,7", **embedding)
    assert (taken["task_type"], taken["prompt_tokens"], taken["total_tokens"]) == ("embedding", 7, 7)


# Lines


def test_a_quarantined_row_keeps_its_line_and_its_text(tmp_path: Path) -> None:
    text = (
        'time,in,out,note\n2025-09-01 10:00:00,7,5,"two\nlines"\n\n2025-09-01 10:00:00,x,5,"with a\nbreak"\n'
        "short\n2025-09-01 10:00:00,y,5,\n1,2,3,4,5\n"
    )
    whole = "prompt_tokens is not a whole number from 0 to 1000000000000000"
    assert refuse(write(tmp_path, text)) == [
        RefusedRow(5, f"{whole}: x", '2025-09-01 10:00:00,x,5,"with a\nbreak"'),
        RefusedRow(7, "1 column where the header has 4", "short"),
        RefusedRow(8, f"{whole}: y", "2025-09-01 10:00:00,y,5,"),
        RefusedRow(9, "5 columns where the header has 4", "1,2,3,4,5"),
    ]


KINDS = ["good", "blank", "short", "bad", "broken line", "bad broken line"]


@given(
    kinds=st.lists(st.sampled_from(KINDS), max_size=60), blocks=st.sampled_from([(64,), (200,), (1 << 20,), (30, 64)])
)
@example(kinds=["short", "short", "short", "good", "short"], blocks=(64,))  # a piece without a row, and notes beyond it
@settings(max_examples=30, deadline=None)
def test_lines_are_right_whatever_stands_among_them(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], blocks: tuple[int, ...]
) -> None:
    time = "2025-09-01 10:00:00"
    texts = {
        "good": f"{time},7,5,",
        "blank": "",
        "short": f"{time},7",
        "bad": f"{time},x,5,",
        "broken line": f'{time},7,5,"a\n\nb"',
        "bad broken line": f'{time},7,x,"a\nb"',
    }
    kinds = ["good", *kinds]
    expected, line = [], 2
    for kind in kinds:
        if kind in ("short", "bad", "bad broken line"):
            expected.append((line, texts[kind]))
        line += texts[kind].count("\n") + 1
    file = write(tmp_path_factory.mktemp("calls"), "\n".join(["time,in,out,note", *(texts[kind] for kind in kinds)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCKS", blocks)  # pieces so small that rows fall on both sides of many, or in none
        bad = refuse(file)
        taken = take(file)
    assert [(row.line, row.text) for row in bad] == expected
    assert len(taken) == kinds.count("good") + kinds.count("broken line")


def test_a_row_whose_month_is_unknown_counts_in_every_month_of_the_file(tmp_path: Path) -> None:
    text = "time,in,out\n2025-08-01 10:00:00,7,5\n2025-09-01 10:00:00,7,5\nsoon,7,5\n2025-09-02 10:00:00,x,5\n"
    with read_calls(write(tmp_path, text), CallMapping(**PLAIN)) as calls:
        assert calls.months == [Month(2025, 8), SEPTEMBER]
        august, september = (calls.count_month(month) for month in calls.months)
        assert [row.line for row in calls.list_quarantined(Month(2025, 8))] == [4]
        assert [row.line for row in calls.list_quarantined(SEPTEMBER)] == [4, 5]
    assert (august.rows_read, august.rows, august.quarantined_rows, august.undated_rows) == (2, 1, 1, 1)
    assert (september.rows_read, september.rows, september.quarantined_rows, september.undated_rows) == (3, 1, 2, 1)


# Ids

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from(["", "a", "b"])), min_size=1, max_size=30
)


def write_rows(folder: Path, rows: list[tuple[int, int, str]]) -> Path:
    lines = (f"2025-09-01 10:00:00.000000{digit},{tokens},5,{who}" for digit, tokens, who in rows)
    return write(folder, "\n".join(["time,in,out,who", *lines]))


@given(rows=ROWS, order=st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_changes_no_id(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, str]],
    order: Any,  # noqa: ANN401
) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)
    one, other = (
        take(write_rows(tmp_path_factory.mktemp("calls"), some), usable_type_column="who") for some in (rows, shuffled)
    )
    assert one == other
    assert len({row["id"] for row in one}) == len(rows)


def test_equal_rows_are_as_many_calls_and_a_file_with_fewer_of_them_has_some_of_their_ids(tmp_path: Path) -> None:
    thrice = {row["id"] for row in take(write_rows(tmp_path, [(1, 7, "a")] * 3))}
    twice = {row["id"] for row in take(write_rows(tmp_path, [(1, 7, "a"), (2, 7, "a"), (1, 7, "a")]))}
    assert len(thrice) == 3
    assert len(thrice & twice) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"model": "gpt-4o"},
        {"provider": LlmProvider.XAI},
        {"task_type": LlmTaskType.IMAGE},
        {"proxy": LlmProxy.TOGETHER},
        {"cost": "in"},
        {"status": "out"},
        {"usable_type": "user"},
        {"metadata": ("in",)},
    ],
)
def test_every_field_has_a_part_in_the_id(tmp_path: Path, change: dict[str, Any]) -> None:
    file = write(tmp_path, "time,in,out\n2025-09-01 10:00:00,7,5\n")
    assert take(file)[0]["id"] != take(file, **change)[0]["id"]


def test_the_id_of_a_call_is_the_same_for_ever(tmp_path: Path) -> None:
    content = (
        "created_ns:19:1756720800123456700provider:6:openaimodel:5:gpt-4task_type:4:textprompt_tokens:1:7"
        "completion_tokens:1:5cached_tokens:1:0cache_write_tokens:1:0cost:12:0.5000000000"
    )
    first = hashlib.sha256(content.encode()).hexdigest()
    second = hashlib.sha256(f"{first}#1".encode()).hexdigest()
    row = "2025-09-01 10:00:00.1234567,7,5,.5\n"
    taken = take(write(tmp_path, "time,in,out,cost\n" + row * 2), cost="cost")
    # With other ids every call that is stored would count twice on its next import.
    assert {call["id"] for call in taken} == {first[:32], second[:32]}


def test_a_request_id_is_the_row_s_id_where_there_is_one(tmp_path: Path) -> None:
    text = "time,in,out,id\n2025-09-01 10:00:00,7,5,req-1\n2025-09-01 11:00:00,7,5,\n"
    one, other = take(write(tmp_path, text), request_id="id")
    assert one["id"] == "req-1"
    assert re.fullmatch("[0-9a-f]{32}", other["id"])


def test_the_same_request_twice_is_one_call(tmp_path: Path) -> None:
    file = write(tmp_path, "time,in,out,id\n" + "2025-09-01 10:00:00,7,5,req-1\n" * 2)
    with read_calls(file, CallMapping(**PLAIN, request_id="id")) as calls:
        counts = calls.count_month(SEPTEMBER)
    assert (counts.rows_read, counts.rows, counts.duplicate_rows, counts.quarantined_rows) == (2, 1, 1, 0)
    assert counts.prompt_tokens == 7


def test_a_request_id_that_comes_again_with_other_content_is_quarantined(tmp_path: Path) -> None:
    text = "time,in,out,id\n2025-09-01 10:00:00,7,5,req-1\n2025-09-01 10:00:00,8,5,req-1\n"
    file = write(tmp_path, text)
    assert [row["prompt_tokens"] for row in take(file, request_id="id")] == [7]
    assert refuse(file, request_id="id") == [
        RefusedRow(3, "request_id stands before with other content: req-1", "2025-09-01 10:00:00,8,5,req-1")
    ]


# Formats

ONE_CALL = {"time": "2025-09-01T10:00:00.1234567Z", "in": 7, "out": 5, "usd": 0.00015}


def test_json_lines_give_the_same_calls_as_a_csv(tmp_path: Path) -> None:
    as_csv = take_one(tmp_path, ",".join(ONE_CALL), ",".join(map(str, ONE_CALL.values())), amount_in_usd="usd")
    (as_json,) = take(write(tmp_path, json.dumps(ONE_CALL) + "\n\n", "calls.jsonl"), amount_in_usd="usd")
    assert as_json == as_csv
    assert as_json["amount_in_usd"] == Decimal("0.00015")


def test_a_path_leads_into_json_and_a_key_may_hold_dots_itself(tmp_path: Path) -> None:
    line = {"time": 1756720800, "usage": {"in": 7}, "gen_ai.usage.out": 5, "who": {"id": 3}}
    file = write(tmp_path, json.dumps(line), "calls.ndjson")
    (taken,) = take(file, prompt_tokens="usage.in", completion_tokens="gen_ai.usage.out", metadata=("who",))
    assert (taken["prompt_tokens"], taken["completion_tokens"]) == (7, 5)
    assert json.loads(taken["metadata"]) == {"who": {"id": 3}}
    assert list_columns(file) == ["time", "usage.in", "gen_ai.usage.out", "who.id"]


def test_a_line_that_is_no_json_object_is_quarantined(tmp_path: Path) -> None:
    good = json.dumps(ONE_CALL)
    bad = refuse(write(tmp_path, f'{good}\n{{"time": \n[1, 2]\n{good}\n7\x1f\n', "calls.jsonl"))
    assert [(row.line, row.text) for row in bad] == [(2, '{"time": '), (3, "[1, 2]"), (5, "7\x1f")]
    assert [row.reason for row in bad][:2] == ["not a JSON object"] * 2


def test_a_key_that_comes_late_is_found_and_one_that_never_comes_is_refused(tmp_path: Path) -> None:
    lines = [json.dumps(ONE_CALL)] * 150 + [json.dumps(ONE_CALL | {"how": "ok"})]
    file = write(tmp_path, "\n".join(lines), "calls.jsonl")
    assert [row["status"] for row in take(file, status="how") if row["status"]] == ["ok"]
    with pytest.raises(BadFile, match="calls.jsonl has no column 'hwo' for --status; its columns are time, in"):
        take(file, status="hwo")


def test_parquet_gives_the_same_calls_as_a_csv_whatever_its_types(tmp_path: Path) -> None:
    as_csv = take_one(tmp_path, "time,in,out,usd", "2025-09-01T10:00:00.123456Z,7,5,0.00015", amount_in_usd="usd")
    time = datetime(2025, 9, 1, 10, 0, 0, 123456)
    for kind in (pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.timestamp("ms")):
        columns = {
            "time": pa.array([time]).cast(kind, safe=False),
            "in": pa.array([7.0]),
            "out": pa.array([5], pa.int16()),
            "usd": pa.array([Decimal("0.00015")]),
        }
        pq.write_table(pa.table(columns), tmp_path / "calls.parquet")
        (taken,) = take(tmp_path / "calls.parquet", amount_in_usd="usd")
        if kind != pa.timestamp("ms"):
            assert taken == as_csv
        else:
            assert taken["created_at"] == datetime(2025, 9, 1, 10, 0, 0, 123000)


def test_structs_and_lists_of_parquet_are_kept_as_json_and_the_ids_are_those_of_their_texts(tmp_path: Path) -> None:
    who = pa.struct([("mail", pa.string()), ("k", pa.int64()), ("tags", pa.list_(pa.string()))])
    columns = {
        "time": ["2025-09-01 10:00:00", "2025-09-01 11:00:00"],
        "in": [7, 7],
        "out": [5, 5],
        "who": pa.array([{"mail": "a@b.cl", "k": 118, "tags": ["x"]}, None], who),  # pyarrow 23 would sort the names
        "all": [["it's", "b"], []],
        "at": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "n": [3, None],
    }
    pq.write_table(pa.table(columns), tmp_path / "calls.parquet")
    one, other = take(tmp_path / "calls.parquet", metadata=("who", "all", "at", "n"))
    assert json.loads(one["metadata"]) == {
        "who": {"mail": "a@b.cl", "k": 118, "tags": ["x"]},
        "all": ["it's", "b"],
        "at": {"a": 1},
        "n": "3",
    }
    assert json.loads(other["metadata"]) == {"who": None, "all": [], "at": None, "n": None}
    # As they were when the texts were kept: with other ids a call that is stored would count twice.
    assert [one["id"], other["id"]] == ["4149436934cd44a6c4286e985ab102a6", "c954b903871e40d0fce4ab06cc6e6406"]


def test_a_bad_row_of_parquet_is_kept_as_json(tmp_path: Path) -> None:
    table = pa.table({"time": ["2025-09-01 10:00:00", "2025-09-01 10:00:00"], "in": [7, -1], "out": [5, 5]})
    pq.write_table(table, tmp_path / "calls.parquet")
    (bad,) = refuse(tmp_path / "calls.parquet")
    assert (bad.line, bad.reason) == (2, "prompt_tokens is not a whole number from 0 to 1000000000000000: -1")
    assert {"time": "2025-09-01 10:00:00", "in": -1, "out": 5}.items() <= json.loads(bad.text).items()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_packed_text_gives_the_same_calls(tmp_path: Path, suffix: str) -> None:
    text = "time,in,out\n2025-09-01 10:00:00,7,5\n2025-09-01 10:00:00,x,5\n"
    plain = write(tmp_path, text)
    packed = tmp_path / f"calls.csv{suffix}"
    with pa.output_stream(str(packed), compression="detect") as file:
        file.write(text.encode())
    assert packed.read_bytes() != plain.read_bytes()
    assert take(packed) == take(plain)
    assert refuse(packed) == refuse(plain)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_commonest_of_the_first_line(tmp_path: Path, delimiter: str) -> None:
    text = "time,in,out\n2025-09-01 10:00:00,7,5\n".replace(",", delimiter)
    assert take(write(tmp_path, text, "calls.tsv"))[0]["prompt_tokens"] == 7


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_value(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_bytes(b"\xef\xbb\xbftime,in,out\r\n2025-09-01 10:00:00,7,5\r\n1,2,3\r\n")
    assert take(tmp_path / "calls.csv")[0]["completion_tokens"] == 5
    assert refuse(tmp_path / "calls.csv")[0].text == "1,2,3"


def test_a_column_that_is_not_asked_for_need_not_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_bytes(b"time,in,out,note\n2025-09-01 10:00:00,7,5,ma\xf1ana\n")
    assert take(tmp_path / "calls.csv")[0]["prompt_tokens"] == 7
    with pytest.raises(BadFile, match=r"calls.csv cannot be read: line 2 is not UTF-8 text; save the"):
        take(tmp_path / "calls.csv", status="note")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["calls.csv", "calls.jsonl"])
def test_a_file_in_utf_16_is_named_as_that(tmp_path: Path, encoding: str, name: str) -> None:
    (tmp_path / name).write_bytes("time,in,out\r\n2025-09-01 10:00:00,7,5\r\n".encode(encoding))
    with pytest.raises(BadFile, match=f"^{name} is UTF-16; save it as UTF-8.$"):
        take(tmp_path / name)


# What is refused whole


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "calls.xlsx",
            "",
            "calls.xlsx is a workbook, of whose sheets none is read; save the one that holds the rows as CSV",
        ),
        ("calls.docx", "", "calls.docx does not end like a file of calls; it must end in .csv, .tsv, .jsonl"),
        ("calls.parquet.gz", "", "calls.parquet.gz does not end like a file of calls"),
        (
            "calls.csv",
            "when,in,out\n1,2,3\n",
            "calls.csv has no column 'time' for --timestamp; its columns are when, in, out.",
        ),
        ("calls.csv", "time,in,out,in\n1,2,3,4\n", "calls.csv has more than one column 'in'"),
        ("calls.csv", "", "calls.csv begins with no line of column names"),
        ("calls.csv", "time,in,out\n", "calls.csv holds no rows"),
        (
            "calls.csv",
            "time,in,out\nx,7,5\n",
            "calls.csv holds no row that can be taken; line 2: not a time of 2000 to 2099: x.",
        ),
        ("calls.parquet", "time,in,out", "calls.parquet cannot be read .*; fix it and import it again."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    with pytest.raises(BadFile, match=sentence):
        take(write(tmp_path, text, name))


def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it(tmp_path: Path) -> None:
    row = "2025-09-01 10:00:00,7,5,"
    assert len(take(write(tmp_path, f'time,in,out,note\n{row}\n{row}"two\nlines, ""quoted"""\n'))) == 2
    with pytest.raises(BadFile, match="calls.csv has a quote in line 3 that is never closed"):
        take(write(tmp_path, f'time,in,out,note\n{row}\n{row}"two\n{row}\n{row}\n'))


def test_two_stray_quotes_do_not_swallow_the_rows_between_them(tmp_path: Path) -> None:
    row = "2025-09-01 10:00:00,7,5,"
    swallowing = [f'{row}"5 inch', row, row, f'{row}"7 inch', row]
    with pytest.raises(BadFile, match=r"a quote in line 3 .*, or a stray one before .* closes it; fix it"):
        take(write(tmp_path, "\n".join(["time,in,out,note", row, *swallowing, ""])))
    assert len(take(write(tmp_path, "\n".join(["time,in,out,note", row, f'{row}5" long', f'{row}7" long', ""])))) == 3


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="calls.csv does not exist; give the path of a file"):
        take(tmp_path / "calls.csv")


def test_a_file_cut_off_in_the_middle_is_refused(tmp_path: Path) -> None:
    text = "time,in,out\n" + "".join(f"2025-09-01 10:00:00,{number},5\n" for number in range(5000))
    (tmp_path / "calls.csv.gz").write_bytes(gzip.compress(text.encode())[:-200])
    with pytest.raises(BadFile, match="calls.csv.gz cannot be read"):
        take(tmp_path / "calls.csv.gz")


def test_an_unknown_time_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match=r"'Chile/Santiago' is not a time zone \(did you mean America/Santiago\?\);"):
        take(write(tmp_path, "time,in,out\n2025-09-01 10:00:00,7,5\n"), timezone="Chile/Santiago")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"provider": None}, r"whose model was called\? Name a provider \(openai, .*\) or the column that does"),
        ({"model": None}, "which model was called"),
        ({"model": ""}, "which model was called"),
        ({"prompt_tokens": None}, "which column holds the prompt tokens"),
        ({"completion_tokens": None}, "which column holds the completion tokens"),
        ({"completion_tokens": None, "task_type": LlmTaskType.IMAGE, "task_type_column": "kind"}, "completion tokens"),
        ({"prompt_tokens": None, "task_type": LlmTaskType.EMBEDDING}, "which column holds the prompt tokens"),
        ({"usable_id": "who"}, "what is 'who' the id of"),
        ({"delimiter": "::"}, "the delimiter must be one character"),
        ({"aliases": ("Azure",)}, "'Azure' is no alias; write one such as Azure=openai"),
        ({"aliases": ("=openai",)}, "'=openai' is no alias; write one such as Azure=openai"),
        (
            {"aliases": ("Azure=opneai",)},
            r"'Azure=opneai' is no alias: the right must be a provider \(openai, .*\), a proxy \(openrouter, .*\), "
            r"a task type \(text, .*\) or nothing\.",
        ),
        ({"aliases": ("Azure=openai", "azure=meta")}, "'azure' has two aliases, 'openai' and 'meta'; give one of them"),
        ({"decimal": ";"}, "what stands before decimals must be . or , and not ';'"),
    ],
)
def test_a_mapping_without_what_is_needed_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        CallMapping(**PLAIN | change)


def test_a_mapping_tells_all_that_is_not_the_default() -> None:
    mapping = CallMapping(**PLAIN, metadata=("team",), proxy=LlmProxy.OPENROUTER)
    assert mapping.describe() == {
        "created_at": "time",
        "prompt_tokens": "in",
        "completion_tokens": "out",
        "provider": "openai",
        "model": "gpt-4",
        "proxy": "openrouter",
        "metadata": ["team"],
    }


def test_a_mapping_tells_the_decimal_only_where_it_was_said() -> None:
    assert "decimal" not in CallMapping(**PLAIN).describe()
    assert CallMapping(**PLAIN, decimal=".").describe()["decimal"] == "."


def test_a_mapping_tells_aliases_the_same_whatever_their_order_and_case() -> None:
    one = CallMapping(**PLAIN, aliases=("Azure=OpenAI", "togetherai=Together AI", "none="))
    other = CallMapping(**PLAIN, aliases=("none=", "TogetherAI=together", "azure=openai", "azure=openai"))
    assert one.describe()["aliases"] == other.describe()["aliases"] == ["azure=openai", "none=", "togetherai=together"]


def test_names_with_quotes_in_them_are_read_as_they_stand(tmp_path: Path) -> None:
    head = 'o\'clock,"in ""all""",out'
    mapping = {"created_at": "o'clock", "prompt_tokens": 'in "all"', "model": "it's", "metadata": ("o'clock",)}
    taken = take_one(tmp_path, head, "2025-09-01 10:00:00,7,5", **mapping)
    assert (taken["prompt_tokens"], taken["model"]) == (7, "it's")
    assert json.loads(taken["metadata"]) == {"o'clock": "2025-09-01 10:00:00"}
