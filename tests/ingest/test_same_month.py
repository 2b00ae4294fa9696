"""The same calls recorded and closed, or imported as a file: the same month, to the last decimal of the money."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from stored import read_version

from flexlib.certificate import UsageCertificate
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import BadFile
from flexlib.i18n import speak
from flexlib.ingest.files.importing import import_usage
from flexlib.ingest.ledger import close_month
from flexlib.ledger import open_ledger, record_many
from flexlib.money.amounts import FILLED, drop_filled, fill_rows
from flexlib.money.fx import Rate, sort_rates
from flexlib.schema import USAGE
from flexlib.sources.files.mapping import CallMapping
from flexlib.store.fx import KeptRate, write_kept_rates
from flexlib.store.snapshots import list_snapshots, load_usage

SEPTEMBER = Month(2025, 9)
OVER = datetime(2025, 12, 1, tzinfo=timezone.utc)
ALIKE = [name for name in USAGE.names if name not in ("id", "metadata", "updated_at")]
FIELDS = (
    ("created_at", "prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "cost")
    + ("amount_in_usd", "amount_in_clp", "duration_ms", "status", "usable_id", "request_id")
)  # fmt: skip
NAMES: dict[str, Any] = {name: name for name in FIELDS} | {
    f"{name}_column": name for name in ("provider", "model", "proxy", "task_type")
}
MAPPING = CallMapping(
    **NAMES,
    cache="included",
    usable_type="user",
    metadata=("team", "tier"),
)

SAME_FIGURES = (
    ("state", "rows", "prompt_tokens", "completion_tokens", "amount_in_usd", "amount_in_clp", "unpriced_rows")
    + ("unpriced", "rows_without_clp", "rates")
)  # fmt: skip

Call = dict[str, Any]


def call(name: str, day: int, model: str = "gpt-4o", provider: str = "openai", **more: Any) -> Call:  # noqa: ANN401
    tokens = {"prompt_tokens": 1000, "completion_tokens": 100}
    base = {"request_id": name, "provider": provider, "model": model, "task_type": "text", "usable_id": 42}
    return {**base, "created_at": f"2025-09-{day:02d}T12:00:00+00:00", **tokens, **more}


CALLS = [
    call("a", 10),
    call("b", 10, cached_tokens=600),
    call("c", 10, "claude-sonnet-4-0", "anthropic", cached_tokens=300, cache_write_tokens=200, duration_ms=900),
    call("d", 11, "no-such-model", team="blue \"one\", and {two}"),
    call("e", 11, amount_in_usd="0.5", team="red", status="ok"),
    call("f", 11, amount_in_usd="2", amount_in_clp="1234.5"),
    call("g", 11, cost="0.0125"),
    call("h", 11, "gpt-4o", proxy="openrouter", cost="0.01"),
    call("i", 11, "gpt-4o", proxy="windsurf", cost="3"),
    call("j", 11, tier="batch", team="blue"),
    call("k", 11, "dall-e-3", task_type="image", prompt_tokens=0, completion_tokens=0),
    call("l", 20, "gemini-2.5-pro", "google", prompt_tokens=250_000),
    call("m", 11, "no-such-model", amount_in_clp="7"),
]  # fmt: skip


def keep_rates(root: Path, *rates: tuple[int, str]) -> None:
    kept = [KeptRate(Rate(date(2025, 9, day), Decimal(value), "mindicador.cl"), OVER) for day, value in rates]
    write_kept_rates(kept, root)


def record(root: Path, calls: Sequence[Call]) -> UsageCertificate:
    """The calls through the API into a SQLite ledger, and the month closed."""
    batch = []
    for one in calls:
        metadata = {name: one.get(name) for name in MAPPING.metadata}
        given = {name: value for name, value in one.items() if name not in (*metadata, "usable_id")}
        batch.append(given | {"usable": ("user", one["usable_id"]), "metadata": metadata})
    ledger = open_ledger(data=root)
    record_many(batch, ledger=ledger)
    certificate = close_month(SEPTEMBER, root, ledger=ledger, now=OVER).certificate
    ledger.close()
    assert isinstance(certificate, UsageCertificate)
    return certificate


def write(file: Path, calls: Sequence[Call]) -> Path:
    names = [*FIELDS, "provider", "model", "proxy", "task_type", *MAPPING.metadata]
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictWriter(out, names, restval="")
        rows.writeheader()
        rows.writerows(calls)
    return file


def bring(root: Path, file: Path, mapping: CallMapping = MAPPING, *, replace_months: bool = False) -> UsageCertificate:
    (month,) = import_usage(file, mapping, root, now=OVER, replace_months=replace_months)
    return month.certificate


def read_rows(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(load_usage(SEPTEMBER, root).parquet).to_pylist()
    return rows


def read_amounts(root: Path) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    return {row["id"]: (row["amount_in_usd"], row["amount_in_clp"]) for row in read_rows(root)}


def test_recorded_and_closed_or_imported_the_month_is_the_same(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "recorded", tmp_path / "imported"
    for root in (ours, theirs):
        keep_rates(root, (10, "950.00"), (11, "960.5"))  # and none of the 20th
    closed, brought = record(ours, CALLS), bring(theirs, write(tmp_path / "calls.csv", CALLS))
    pairs = list(zip(read_rows(ours), read_rows(theirs), strict=True))
    assert [{name: one[name] for name in ALIKE} for one, _ in pairs] == [
        {name: other[name] for name in ALIKE} for _, other in pairs
    ]
    for one, other in pairs:
        assert json.loads(one["metadata"]) == json.loads(other["metadata"])
    assert {name: getattr(closed, name) for name in SAME_FIGURES} == {
        name: getattr(brought, name) for name in SAME_FIGURES
    }
    assert (brought.sums.result, brought.rows, brought.unpriced_rows, brought.rows_without_clp) == ("agrees", 13, 5, 5)
    assert [(row["model"], row["proxy"], row["rows"]) for row in brought.unpriced] == [
        ("no-such-model", None, 2),
        ("dall-e-3", None, 1),
        ("gpt-4o", "windsurf", 1),  # its cost is in credits
        ("gpt-4o", None, 1),  # as a batch
    ]
    assert "5 rows without a price: the sum in USD is a lower bound." in brought.notes


def test_what_is_stored_of_files_is_the_same_in_every_language(tmp_path: Path) -> None:
    many = [call(f"n{number}", 11, "no-such-model") for number in range(1_200)]
    broken = [call("y", 12, cost="nine"), call("z", 12, amount_in_usd="0"), call("x", 10, prompt_tokens="two")]
    file = write(tmp_path / "calls.csv", [*CALLS, *many, *broken])
    found = []
    for folder, code in (("one", "en"), ("other", "es"), ("other", "en")):  # no new version of the other
        keep_rates(tmp_path / folder, (10, "950.00"))
        with speak(code):
            bring(tmp_path / folder, file)
        (version,) = list_snapshots("usage", SEPTEMBER, tmp_path / folder)
        found.append(read_version(version))
    assert found[0] == found[1] == found[2]
    certificate = load_usage(SEPTEMBER, tmp_path / "other").certificate
    assert "1,205 rows without a price: the sum in USD is a lower bound." in certificate.notes
    assert certificate.quarantined_rows == 2


def test_imported_amounts_are_those_of_the_price_lists_and_the_rate_of_the_day(tmp_path: Path) -> None:
    keep_rates(tmp_path, (10, "950.00"), (11, "960.5"))
    bring(tmp_path, write(tmp_path / "calls.csv", CALLS))
    amounts = read_amounts(tmp_path)
    assert amounts["a"] == (Decimal("0.0035"), Decimal("3.325"))  # 1000 x 2.50 + 100 x 10.00 USD a million, at 950
    assert amounts["b"] == (Decimal("0.00275"), Decimal("2.6125"))  # 600 of the prompt at 1.25
    assert amounts["d"] == (None, None)
    assert amounts["e"] == (Decimal("0.5"), Decimal("480.25"))  # given, at 960.5
    assert amounts["f"] == (Decimal(2), Decimal("1234.5"))  # both given
    assert amounts["g"] == (Decimal("0.0125"), Decimal("12.0062"))  # a cost without a proxy is USD; half to even
    assert amounts["j"] == (None, None)  # the lists have no batch price of that day
    assert amounts["l"][1] is None  # no rate of that day


def test_ids_come_from_the_file_and_not_from_prices_and_rates(tmp_path: Path) -> None:
    calls = [{name: value for name, value in one.items() if name != "request_id"} for one in CALLS]
    file, found = write(tmp_path / "calls.csv", calls), []
    for name, rates in (("bare", []), ("rated", [(10, "950"), (11, "960")])):
        keep_rates(tmp_path / name, *rates)
        bring(tmp_path / name, file)
        found.append({row["id"] for row in read_rows(tmp_path / name)})
    assert found[0] == found[1]
    assert len(found[0]) == len(CALLS)


def test_imported_again_a_month_gets_the_amounts_that_have_become_known_and_keeps_the_others(tmp_path: Path) -> None:
    file = write(tmp_path / "calls.csv", CALLS)
    keep_rates(tmp_path, (10, "950.00"))
    first = bring(tmp_path, file)
    assert "4 rows with a price, but without an exchange rate yet" in " ".join(first.notes)
    keep_rates(tmp_path, (10, "1.00"), (11, "960.5"))  # the 10th is said to be another now: what is stored stays
    second = bring(tmp_path, file)
    assert (first.rows, second.rows, second.sums.result) == (13, 13, "agrees")
    amounts = read_amounts(tmp_path)
    assert (amounts["a"][1], amounts["e"][1]) == (Decimal("3.325"), Decimal("480.25"))
    assert len(list_snapshots("usage", SEPTEMBER, tmp_path)) == 2
    assert bring(tmp_path, file) == second
    assert len(list_snapshots("usage", SEPTEMBER, tmp_path)) == 2
    bring(tmp_path, file, replace_months=True)
    assert read_amounts(tmp_path)["a"][1] == Decimal("0.0035")


def test_a_stored_call_that_another_file_holds_too_is_known_though_its_amounts_are_filled(tmp_path: Path) -> None:
    keep_rates(tmp_path, (10, "950.00"), (11, "960.5"))
    bring(tmp_path, write(tmp_path / "calls.csv", CALLS))
    more = bring(tmp_path, write(tmp_path / "more.csv", [*CALLS, call("z", 12)]))
    assert (more.rows, more.rows_read, more.duplicate_rows, more.sums.result) == (14, 27, 13, "agrees")
    changed = write(tmp_path / "changed.csv", [CALLS[0] | {"amount_in_usd": "0.0035"}])
    with pytest.raises(BadFile, match="says something else than calls.csv of 1 call of the same id, such as a"):
        bring(tmp_path, changed)


@pytest.mark.parametrize("rates", [(), ((11, "950.00"),)], ids=["no rate", "a rate"])
def test_the_columns_say_where_each_amount_is_from_and_why_there_is_none(
    tmp_path: Path, rates: tuple[tuple[int, str], ...]
) -> None:
    keep_rates(tmp_path, *rates)
    bring(tmp_path, write(tmp_path / "calls.csv", CALLS), replace(MAPPING, metadata=()))
    rows = {row["id"]: row for row in read_rows(tmp_path)}
    filled = {name: {column for column in FILLED if row[column] is not None} for name, row in rows.items()}
    rate = {"amount_in_clp", "fx_rate", "fx_date", "fx_source"} if rates else {"unconverted"}
    assert filled["a"] == {"amount_in_usd", "price_source", "unconverted"}  # this list is not dated
    assert filled["d"] == {"unpriced"}
    assert filled["e"] == filled["g"] == {"amount_in_usd"} | rate
    assert filled["f"] == {"amount_in_usd", "amount_in_clp"}
    assert read_amounts(tmp_path)["f"] == (Decimal(2), Decimal("1234.5"))
    assert {row["metadata"] for row in rows.values()} == {None}


def test_filled_rows_are_told_from_what_their_source_said(tmp_path: Path) -> None:
    bring(tmp_path, write(tmp_path / "calls.csv", CALLS))
    rows = pq.read_table(load_usage(SEPTEMBER, tmp_path).parquet, schema=USAGE)
    rates = sort_rates([Rate(date(2025, 9, day), Decimal("900.10"), 'a "source"') for day in (10, 11, 20)])
    said, filled = drop_filled(rows), fill_rows(rows, rates)
    assert not filled.equals(rows)
    assert drop_filled(filled).equals(said)
    assert fill_rows(said, rates).equals(filled)
    assert fill_rows(filled, rates).equals(filled)
    kept = [json.loads(text) for text in said["metadata"].to_pylist()]
    assert [set(one) for one in kept] == [{"team", "tier"}] * len(CALLS)


def test_a_callers_own_metadata_that_looks_like_a_note_stays(tmp_path: Path) -> None:
    texts = ['{"a": 1, "unpriced": "x"}', '","unpriced":"x"}', '[{"rate":"1","rate_day":"2","rate_source":"3"}]']
    calls = [call(str(number), 10, team=text) for number, text in enumerate(texts)]
    keep_rates(tmp_path, (10, "950.00"))
    file = write(tmp_path / "calls.csv", calls)
    mapping = replace(MAPPING, metadata=("tier", "team"))
    for again in (False, True):
        bring(tmp_path, file, mapping, replace_months=again)
        kept = [json.loads(row["metadata"]) for row in read_rows(tmp_path)]
        assert [one["team"] for one in kept] == [json.loads(texts[0]), texts[1], json.loads(texts[2])]
        assert [row["fx_rate"] for row in read_rows(tmp_path)] == [Decimal("950.00")] * 3


def test_metadata_of_any_name_is_the_callers(tmp_path: Path) -> None:
    names = ("price_source", "unpriced", "rate_day")
    file = tmp_path / "calls.csv"
    file.write_text(f"t,p,c,{','.join(names)}\n2025-09-10 12:00:00,1000,100,a,b,c\n", "utf-8")
    mapping = CallMapping(created_at="t", prompt_tokens="p", completion_tokens="c", provider=LlmProvider.OPENAI,
                          model="gpt-4o", metadata=names)  # fmt: skip
    bring(tmp_path, file, mapping)
    (row,) = read_rows(tmp_path)
    assert json.loads(row["metadata"]) == {"price_source": "a", "unpriced": "b", "rate_day": "c"}
    assert (row["price_source"][:12], row["unpriced"]) == ("genai-prices", None)
