"""Money that a file does not tell and no list knows: unpriced by name, "at least", and no whole month of it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from preset_samples import build_mapping

from flexlib.certificate import State
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.ingest.files.importing import MonthImport, import_usage
from flexlib.ledger import open_ledger, record_usage
from flexlib.money.prices import MIXED, NO_TOKENS
from flexlib.sources.files.mapping import CallMapping
from flexlib.spend.month import load_month_usage
from flexlib.store.snapshots import load_usage

MAY, LATER = Month(2026, 5), datetime(2026, 8, 1, tzinfo=timezone.utc)
HEADER = "day,maker,model,n,in,out,level,usd,task"
COLUMNS: dict[str, Any] = {
    "created_at": "day", "provider_column": "maker", "model_column": "model", "requests": "n", "prompt_tokens": "in",
    "completion_tokens": "out", "tier": "level", "amount_in_usd": "usd", "task_type_column": "task", "grain": "day",
}  # fmt: skip


def bring(root: Path, *rows: str, **more: Any) -> MonthImport:  # noqa: ANN401
    file = root / "days.csv"
    file.write_text("\n".join([HEADER, *(f"2026-05-01T00:00:00Z,{row}" for row in rows)]) + "\n", "utf-8")
    (done,) = import_usage(file, CallMapping(**COLUMNS), root / "data", now=LATER, **more)
    return done


def read_amounts(root: Path) -> list[tuple[Decimal | None, str | None]]:
    rows = pq.read_table(load_usage(MAY, root / "data").parquet).to_pylist()
    return [(row["amount_in_usd"], row["unpriced"]) for row in rows]


@pytest.mark.parametrize(
    ("row", "usd", "reason"),
    [
        # 100 calls of 10,000 and 500: 1.25 and 10 a million, not the 2.50 and 15 of a call above 200,000
        ("google,gemini-2.5-pro,100,1000000,50000,,,text", "1.75", None),
        ("google,gemini-2.5-pro,10,1000000,50000,,,text", None, MIXED),
        ("openai,gpt-4o-2024-08-06,1,1000000,50000,batch,,text", None, "has no batch price of gpt-4o"),
        ("openai,gpt-4o-2024-08-06,1,1000000,50000,flex,,text", None, "has no flex price of gpt-4o"),
        ("openai,whisper-1,1,0,0,,,audio", None, NO_TOKENS),
        ("openai,gpt-4o,1,0,0,,,text", None, NO_TOKENS),
        ("openai,gpt-4o,1,0,0,,0.5,text", "0.5", None),
        ("bedrock,us.anthropic.claude-sonnet-4-5-20250929-v1:0,1,1000,100,,,text", "0.00495", None),  # 3.30 and 16.50
        ("bedrock,our.own-model,1,1000,100,,,text", None, "does not know 'our.own-model' of aws"),
        ("perplexity,sonar,1,100,50,low,,text", "0.00515", None),
        ("perplexity,sonar,1,100,50,,,text", None, "the highest of several prices of a request"),
    ],
)
def test_a_row_costs_what_is_certain_or_is_unpriced_with_the_reason(
    tmp_path: Path, row: str, usd: str | None, reason: str | None
) -> None:
    certificate = bring(tmp_path, row).certificate
    ((amount, unpriced),) = read_amounts(tmp_path)
    assert amount == (None if usd is None else Decimal(usd))
    assert (unpriced is None) is (reason is None)
    assert (reason or "") in (unpriced or "")
    assert certificate.state is (State.GAP if usd is None else State.COMPLETE)


def test_a_month_without_any_price_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calls.csv"
    rows = ["2025-09-01T10:00:00Z,our-model,1000,100", "2025-09-02T10:00:00Z,our-model,1000,100"]
    file.write_text("\n".join(["time,model,in,out", *rows, ""]), "utf-8")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    words = ["import", str(file), "--provider", "anthropic", "--model-column", "model", "--timestamp", "time"]
    words += ["--prompt-tokens", "in", "--completion-tokens", "out"]
    assert main([*words, "--json"]) == 3
    told = capsys.readouterr()
    (month,) = json.loads(told.out)["months"]
    assert (month["state"], month["at_least"], month["requests"], month["unpriced_requests"]) == ("GAP", True, 2, 2)
    assert "2025-09 is GAP: 2 of 2 calls have no price: the total in USD is at least" in told.err
    usage = load_month_usage(Month(2025, 9), tmp_path / "data")
    assert usage.state is State.GAP
    assert [one for one in usage.list_problems() if "2 of 2 calls have no price" in one]
    monkeypatch.setenv("FLEXLIB_MOST_UNPRICED", "1")
    assert main(words) == 0  # whoever knows that no list has his models says so


@pytest.mark.parametrize(("priced", "state"), [(9, State.COMPLETE), (8, State.GAP)])
def test_it_is_requests_that_are_counted_and_not_rows(tmp_path: Path, priced: int, state: State) -> None:
    done = bring(tmp_path, f"openai,gpt-4o,{priced},900,90,,,text", "openai,our-model,1,1000,100,,,text")
    counted = done.certificate.requests, done.certificate.unpriced_requests, done.certificate.unpriced_rows
    assert (counted, done.certificate.state) == ((priced + 1, 1, 1), state)
    assert (
        bring(tmp_path, f"openai,gpt-4o,{priced},900,90,,,text", "openai,our-model,1,1000,100,,,text").is_new is False
    )


@pytest.mark.parametrize(("size", "state"), [("1", State.COMPLETE), ("", State.GAP)])
def test_a_sum_of_a_day_that_does_not_say_how_many_calls_it_sums_is_no_single_one(
    tmp_path: Path, size: str, state: State
) -> None:
    done = bring(tmp_path, "openai,gpt-4o,999,900,90,,1,text", f"openai,our-model,{size},1000,100,,,text")
    assert (done.certificate.unsized_rows, done.certificate.state) == (int(not size), state)


def test_a_ledger_s_month_of_unknown_money_closed_again_stays_the_version_that_it_is(tmp_path: Path) -> None:
    from flexlib.ingest.ledger import close_month

    ledger = open_ledger(data=tmp_path)
    for number in range(2):
        record_usage(
            usable=None, provider="openai", model="our-model", prompt_tokens=1, request_id=f"call-{number}",
            created_at="2026-05-01T00:00:00Z", ledger=ledger,
        )  # fmt: skip
    first, again = (close_month(MAY, tmp_path, ledger=ledger, now=LATER) for _ in range(2))
    assert first.certificate.state is State.GAP
    assert again.path == first.path
    ledger.close()


def test_an_amount_of_0_beside_tokens_is_noted_unless_the_mapping_says_that_it_is_known(tmp_path: Path) -> None:
    rows = ("openai,our-model,1,150000,0,,0,text", "openai,google/gemma-3-27b-it:free,1,7,7,,0,text")
    certificate = bring(tmp_path, *rows).certificate
    (note,) = [one for one in certificate.notes if "an amount of 0" in one]
    assert note.startswith("1 row with tokens and an amount of 0")
    assert (certificate.amount_in_usd, certificate.state) == ("0.0000000000", State.COMPLETE)


def test_what_a_plan_includes_is_not_billed_and_how_much_that_is_is_told(tmp_path: Path) -> None:
    head = "Date,Kind,Model,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Cost"
    (file := tmp_path / "events.csv").write_text("\n".join([
        head,
        "2026-05-03T10:00:00.000Z,Included,claude-4.5-sonnet,0,1000,0,100,0.12",
        "2026-05-04T10:00:00.000Z,Included in Pro,claude-4.5-sonnet,0,1000,0,100,$0.24",
        "2026-05-04T11:00:00.000Z,Included,claude-4.5-sonnet,0,1000,0,100,Included",  # says no amount
        "2026-05-05T10:00:00.000Z,On-Demand,claude-4.5-sonnet,0,1000,0,100,0.05",
    ]), "utf-8")  # fmt: skip
    mapping = build_mapping(file)
    for _ in range(2):  # also when it comes again
        (done,) = import_usage(file, mapping, tmp_path / "data", now=LATER)
        assert (done.certificate.state, done.certificate.amount_in_usd) == (State.COMPLETE, "0.0500000000")
        (said,) = (note for note in done.certificate.notes if "included" in note)
        assert said == (
            "Rows of events.csv that are included or free though they carry a cost: 2; their US$ 0.36 was not billed "
            "and is in no total."
        )
