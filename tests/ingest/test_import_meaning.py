"""Files whose columns mean something else than they seem: from the command to the stored month, with the right sum."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flexlib.certificate import State, UsageCertificate
from flexlib.cli import main
from flexlib.dates import Month
from flexlib.ingest.files.importing import import_usage
from flexlib.sources.files.mapping import CallMapping
from flexlib.store.snapshots import load_usage

MARCH = Month(2026, 3)
CLAUDE = ["--provider", "anthropic", "--model", "claude-sonnet-4-5"]
GPT = ["--provider", "openai", "--model", "gpt-4o-2024-08-06"]
TOKENS = ["--timestamp", "time", "--prompt-tokens", "in", "--completion-tokens", "out"]
AT = "2026-03-15T10:00:00Z"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def bring(root: Path, head: str, rows: list[str], *words: str, code: int = 0) -> UsageCertificate:
    """The certificate of March after the command."""
    file = root.parent / "calls.csv"
    file.write_text("\n".join([head, *rows, ""]), "utf-8")
    assert main(["import", str(file), *TOKENS, *words]) == code
    certificate = load_usage(MARCH, root).certificate
    assert isinstance(certificate, UsageCertificate)
    return certificate


def refuse(root: Path, capsys: pytest.CaptureFixture[str], head: str, rows: list[str], *words: str) -> str:
    """What the command says where it takes nothing."""
    file = root.parent / "calls.csv"
    file.write_text("\n".join([head, *rows, ""]), "utf-8")
    assert main(["import", str(file), *TOKENS, *words]) == 2
    assert not (root / "usage").exists()
    return capsys.readouterr().err


def read_rows(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(load_usage(MARCH, root).parquet).to_pylist()
    return rows


S2 = ["2026-03-22T10:00:00Z,100000,5000,20000,80000", "2026-03-23T10:00:00Z,90000,1000,0,30000"]
HEAD = "time,in,out,write,read"
COUNTS = ["--cache-write-tokens", "write", "--cached-tokens", "read", *CLAUDE]


def test_a_cache_beside_the_prompt_is_counted_and_paid(root: Path) -> None:
    # fresh 190000 x 3, written 20000 x 3.75, read 110000 x 0.30, out 6000 x 15, a million each
    done = bring(root, HEAD, S2, *COUNTS, "--cache", "apart")
    assert (done.prompt_tokens, Decimal(done.amount_in_usd or 0)) == (320_000, Decimal("0.768"))
    assert done.state is State.COMPLETE


def test_without_a_word_for_its_cache_nothing_of_such_a_file_is_stored(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "give --cache included or --cache apart" in refuse(root, capsys, HEAD, S2, *COUNTS)


def test_a_batch_is_not_paid_as_a_call_of_its_own(root: Path) -> None:
    rows = [f"2026-03-15T10:{minute}:00Z,1000000,50000,{minute == 10}" for minute in range(10, 30)]
    done = bring(root, "time,in,out,batch", rows, *GPT, "--batch-column", "batch")
    assert [row["tier"] for row in read_rows(root)] == ["batch", *[None] * 19]
    # 19 at 3.00, and the one at the list's price for a batch, or unpriced where it has none
    assert (Decimal(done.amount_in_usd or 0), done.unpriced_rows) in [(Decimal("58.5"), 0), (Decimal(57), 1)]


def test_cents_and_euros_are_no_dollars(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{AT},1,1,1.50,EUR", f"{AT},2,1,0.50,USD"]
    words = ["--amount-usd", "usd", "--currency-column", "cur", *GPT]
    assert "has amounts in EUR (line 2)" in refuse(root, capsys, "time,in,out,usd,cur", rows, *words)
    done = bring(root, "time,in,out,usd,cur", rows, *words, "--where", "cur=USD")
    assert (done.amount_in_usd, done.left_out) == ("0.5000000000", ({"kind": "other rows", "rows": 1},))
    cents = [f"{AT},1,1,20.18", f"{AT},2,1,5.5"]
    done = bring(root, "time,in,out,c", cents, "--amount-usd", "c", "--amount-unit", "cents", *GPT, "--replace")
    assert Decimal(done.amount_in_usd or 0) == Decimal("0.2568")


def test_what_is_included_is_not_billed(root: Path) -> None:
    rows = [f"{AT},1,1,0.12,Included", f"{AT},2,1,$0.05,On-Demand"]
    done = bring(root, "time,in,out,Cost,Kind", rows, "--amount-usd", "Cost", "--not-billed", "Kind!=On-Demand", *GPT)
    assert (Decimal(done.amount_in_usd or 0), done.state) == (Decimal("0.05"), State.COMPLETE)


def test_a_credit_makes_the_sum_exact_and_no_gap(root: Path) -> None:
    rows = [f"{AT},1000,100,2.00", f"{AT},,,(0.50)"]
    done = bring(root, "time,in,out,usd", rows, "--amount-usd", "usd", *GPT)
    assert (done.state, done.rows, done.amount_in_usd) == (State.COMPLETE, 2, "1.5000000000")
    assert sum(row["requests"] for row in read_rows(root)) == 1


def test_days_failures_and_totals_are_named_in_the_certificate_and_are_no_gap(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["2026-03-01,,,", "2026-03-02,9,1,200", "2026-03-03,,,429", "Total,9,1,"]
    kinds = ["total rows: time=total", "failed calls: status=429", "empty days: in="]
    words = [word for kind in kinds for word in ("--no-call", kind)]
    done = bring(root, "time,in,out,status", rows, *GPT, *words)
    assert (done.state, done.rows_read, done.rows, done.duplicate_rows) == (State.COMPLETE, 4, 1, 0)
    assert done.left_out == tuple({"kind": kind, "rows": 1} for kind in ("empty days", "failed calls", "total rows"))
    assert "Left out        empty days (1), failed calls (1), total rows (1)" in capsys.readouterr().out
    again = bring(root, "time,in,out,status", rows, *GPT, *words)
    assert again == done


def test_days_keep_their_month_in_every_zone(root: Path) -> None:
    rows = [f"2026-03-{day:02},1000,10,1.00" for day in range(1, 32)] + ["2026-04-01,1000,10,50.00"]
    words = ["--amount-usd", "usd", "--timezone", "America/Santiago", "--grain", "day", *GPT]
    done = bring(root, "time,in,out,usd", rows, *words)
    assert (done.rows, Decimal(done.amount_in_usd or 0)) == (31, Decimal(31))
    assert {row["created_at"].date() for row in read_rows(root)} == {date(2026, 3, day) for day in range(1, 32)}


def test_a_source_s_0_is_unpriced_and_not_priced_by_a_list(root: Path) -> None:
    rows = [f"{AT},150000,1,0.0", *(f"{AT},{number},1,0.5" for number in range(1, 20))]
    for _ in range(2):
        done = bring(root, "time,in,out,usd", rows, "--amount-usd", "usd", "--amount-zero", "unknown", *GPT)
        assert (done.amount_in_usd, done.unpriced_rows) == ("9.5000000000", 1)  # at least
        assert [one["reason"] for one in done.unpriced] == ["the source gives 0"]


def test_reasoning_beside_the_completion_is_counted_by_the_total(root: Path) -> None:
    # 1000 x 3 + 3100 x 15, a million each: 0.0495
    rows = [f"{AT},1000,100,3000,4100"]
    words = ["--reasoning-tokens", "r", "--total-tokens", "all", "--provider", "xai", "--model", "grok-4"]
    done = bring(root, "time,in,out,r,all", rows, *words)
    assert (done.completion_tokens, Decimal(done.amount_in_usd or 0)) == (3100, Decimal("0.0495"))


def test_seconds_dates_and_keys_are_read_as_the_options_say(root: Path) -> None:
    head, row = "time,in,out,latency,who,way", "05/03/2026,3000000000,1,2.0,k-1,standard"
    words = ["--duration-ms", "latency", "--duration-unit", "s", "--date-order", "dmy", "--key-column", "who"]
    bring(root, head, [row], *words, "--usable-type", "key", "--tier-column", "way", *GPT)
    (call,) = read_rows(root)
    found = [call[name] for name in ("duration_ms", "grain", "usable_key", "tier", "prompt_tokens")]
    assert found == [2000, "day", "k-1", "standard", 3_000_000_000]
    assert call["created_at"].date() == date(2026, 3, 5)


def test_a_file_of_flexlib_0_2_0_is_read_again_by_its_rules_and_counts_once(root: Path) -> None:
    rows = [f"{AT},9,1,a,4", f"{AT},9,1,b,4"]
    file = root.parent / "calls.csv"
    file.write_text("\n".join(["time,in,out,key,read", *rows, ""]), "utf-8")
    names: dict[str, Any] = {"created_at": "time", "prompt_tokens": "in", "completion_tokens": "out"}
    names |= {"provider": "openai", "model": "gpt-4o", "cached_tokens": "read"}
    import_usage(file, CallMapping(**names, rules=1), root)
    stored = load_usage(MARCH, root)
    certificate = stored.path / "certificate.json"
    told = json.loads(certificate.read_text("utf-8"))
    del told["files"][0]["rules"]  # which 0.2.0 did not know
    certificate.write_text(json.dumps(told), "utf-8")
    before = {row["id"] for row in read_rows(root)}
    (again,) = import_usage(file, CallMapping(**names), root)
    assert (again.added_rows, again.certificate.rows) == (0, 2)
    assert {row["id"] for row in read_rows(root)} == before
    (anew,) = import_usage(file, CallMapping(**names, cache="included"), root, replace_months=True)
    assert anew.certificate.rows == 2
    assert before.isdisjoint(row["id"] for row in read_rows(root))
