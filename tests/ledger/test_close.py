"""A month of the ledger closed: what the database counts is what the file holds, whole or not at all, on both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databases import execute, query
from stored import hash_rows

from flexlib.certificate import State, UsageCertificate
from flexlib.checks import explain_check
from flexlib.dates import Month
from flexlib.errors import AlreadyRunning, BadMonth, BadRecord, DiskFailed
from flexlib.ingest.ledger import close_month, deliver_month, ensure_month
from flexlib.ingest.pipeline import HeldMonth, certify_usage, hold_month
from flexlib.ingest.recount import DeliveredCounts, count_usage
from flexlib.ingest.tables import check_tables, join_tables
from flexlib.ledger import (
    Ledger,
    LedgerMissing,
    UsageQuery,
    UsageRecord,
    open_ledger,
    read_month,
    record_many,
    record_usage,
)
from flexlib.ledger.read.months import LedgerMonth
from flexlib.ledger.record.changing import FilledAmounts, fill_amounts
from flexlib.ledger.record.pages import PAGE_ROWS
from flexlib.ledger.record.pricing import price_records
from flexlib.money.fx import Rate
from flexlib.money.price_book import load_book
from flexlib.schema import USAGE, check_usage
from flexlib.sources.registry import LEDGER
from flexlib.store.fx import KeptRate, write_kept_rates
from flexlib.store.snapshots import list_snapshots, load_usage, lock_month
from flexlib.store.version import Snapshot

SEPTEMBER = Month(2025, 9)
OVER = datetime(2025, 10, 1, 3, tzinfo=timezone.utc)
CALL: dict[str, Any] = {
    "usable": ("user", 42),
    "provider": "openai",
    "model": "gpt-4o",
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "created_at": "2025-09-10T12:00:00Z",
}
GPT_4O = Decimal("0.00035")  # 100 x 2.50 + 10 x 10.00 USD a million


def keep_rates(ledger: Ledger, *days: tuple[int, str]) -> None:
    rates = [KeptRate(Rate(date(2025, 9, day), Decimal(value), "mindicador.cl"), OVER) for day, value in days]
    write_kept_rates(rates, ledger.data)


def close(ledger: Ledger, **options: Any) -> tuple[Snapshot, UsageCertificate]:  # noqa: ANN401
    snapshot = close_month(SEPTEMBER, ledger.data, ledger=ledger, **{"now": OVER, **options})
    assert isinstance(snapshot.certificate, UsageCertificate)
    return snapshot, snapshot.certificate


def certify(opened: LedgerMonth, file: Path) -> UsageCertificate:
    return certify_usage(deliver_month(opened, OVER), DeliveredCounts(), count_usage(file), "")


def read_rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(snapshot.parquet).to_pylist()
    return rows


def usage_of(ledger: Ledger) -> list[UsageRecord]:
    return UsageQuery(ledger).all()


def test_closed_month_holds_what_was_recorded_and_its_certificate_says_so(ledger: Ledger) -> None:
    keep_rates(ledger, (10, "950.00"), (11, "960.00"))
    more: dict[str, Any] = {"cached_tokens": 60, "duration_ms": 900, "status": "ok"}
    record_usage(**CALL, **more, request_id="a", ledger=ledger)
    record_usage(**CALL | {"created_at": "2025-09-11T12:00Z"}, request_id="b", amount_in_usd="0.50", ledger=ledger)
    record_usage(**CALL | {"model": "no-such-model"}, request_id="c", ledger=ledger)
    record_usage(**CALL, request_id="d", amount_in_usd="2", amount_in_clp="1234.5", ledger=ledger)
    snapshot, certificate = close(ledger)
    assert certificate.state is State.GAP  # one of four has no price
    assert certificate.sums.result == "agrees"
    assert (certificate.source, certificate.rows, certificate.rows_read) == ("ledger", 4, 4)
    assert (certificate.prompt_tokens, certificate.completion_tokens) == (400, 40)
    # a: 40 x 2.50 + 60 x 1.25 + 10 x 10.00 USD a million = 0.000275, at 950 = 0.26125, half to even 0.2612
    assert certificate.amount_in_usd == "2.5002750000"
    assert certificate.amount_in_clp == "1714.7612"  # 0.2612 + 0.50 x 960 + 1234.5
    assert (certificate.unpriced_rows, certificate.rows_without_clp) == (1, 1)
    (unpriced,) = certificate.unpriced
    assert (unpriced["provider"], unpriced["model"], unpriced["proxy"], unpriced["rows"]) == (
        "openai", "no-such-model", None, 1,
    )  # fmt: skip
    assert certificate.rates == (
        {"day": "2025-09-10", "value": "950", "source": "mindicador.cl", "rows": 1},
        {"day": "2025-09-11", "value": "960", "source": "mindicador.cl", "rows": 1},
        {"day": None, "value": None, "source": None, "rows": 1},  # given by the caller
    )
    assert snapshot.path.parent == ledger.data / "usage" / "2025-09" / "ledger"
    assert load_usage(SEPTEMBER, ledger.data).certificate == certificate
    rows = read_rows(snapshot)
    assert [row["id"] for row in rows] == ["a", "c", "d", "b"]
    assert rows[0]["amount_in_usd"] == Decimal("0.000275")
    assert (rows[0]["cached_tokens"], rows[0]["duration_ms"], rows[0]["status"]) == (60, 900, "ok")


def test_certificate_counts_the_calls_that_wait_for_a_rate_alone(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="waits", ledger=ledger)
    record_usage(**CALL | {"model": "no-such-model"}, request_id="in pesos", amount_in_clp="7", ledger=ledger)
    _, certificate = close(ledger)
    assert (certificate.unpriced_rows, certificate.rows_without_clp) == (1, 1)
    assert "1 row with a price, but without an exchange rate yet" in " ".join(certificate.notes)


def test_a_day_that_is_not_of_the_month_stays_out(ledger: Ledger) -> None:
    moments = ["2025-08-31T23:59:59.999999Z", "2025-09-01T00:00Z", "2025-09-30T23:59:59.999999Z", "2025-10-01T00:00Z"]
    record_many([CALL | {"created_at": moment} for moment in moments], ledger=ledger)
    snapshot, certificate = close(ledger)
    assert certificate.rows == 2
    assert [row["created_at"].day for row in read_rows(snapshot)] == [1, 30]


def test_month_of_many_tables_is_the_same_as_of_one(ledger: Ledger) -> None:
    record_many([CALL | {"request_id": f"{one % 7} {one}"} for one in range(500)], ledger=ledger)
    tables = {}
    for rows in (1, 70, 500, 100_000):
        with read_month(SEPTEMBER, ledger) as opened:
            tables[rows] = list(join_tables(opened.tables, rows))
    assert [len(one) for one in tables[70]] == [70] * 7 + [10]
    assert {rows: len(found) for rows, found in tables.items()} == {1: 500, 70: 8, 500: 1, 100_000: 1}
    hashes = {hash_rows(pa.concat_tables(found)) for found in tables.values()}
    snapshot, certificate = close(ledger)
    assert hashes == {certificate.rows_sha256}
    assert check_usage(pq.read_table(snapshot.parquet, schema=USAGE), SEPTEMBER).num_rows == 500


@pytest.mark.parametrize(
    ("now", "grace", "state"),
    [
        (datetime(2025, 9, 30, 23, tzinfo=timezone.utc), timedelta(0), State.PROVISIONAL),
        (datetime(2025, 10, 1, tzinfo=timezone.utc), timedelta(0), State.COMPLETE),
        (datetime(2025, 10, 1, 2, 59, tzinfo=timezone.utc), timedelta(hours=3), State.PROVISIONAL),
        (datetime(2025, 10, 1, 3, tzinfo=timezone.utc), timedelta(hours=3), State.COMPLETE),
        (datetime(2025, 10, 3, tzinfo=timezone.utc), timedelta(days=3), State.PROVISIONAL),
    ],
)
def test_month_is_complete_only_once_the_grace_after_it_is_over(
    tmp_path: Path, now: datetime, grace: timedelta, state: State
) -> None:
    ledger = open_ledger(data=tmp_path)
    record_usage(**CALL, ledger=ledger)
    snapshot, certificate = close(ledger, now=now, grace=grace)
    assert certificate.state is state
    assert load_usage(SEPTEMBER, tmp_path).certificate.state is state
    assert snapshot.certificate.grace == grace
    ledger.close()


def test_month_without_a_call_is_closed_as_an_empty_one(ledger: Ledger) -> None:
    _, certificate = close(ledger)
    assert (certificate.rows, certificate.amount_in_usd, certificate.amount_in_clp) == (0, None, None)
    assert certificate.state is State.COMPLETE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rows": 3}, "rows is 2, not 3"),
        ({"prompt_tokens": 199}, "prompt_tokens is 200, not 199"),
        ({"cached_tokens": 1}, "cached_tokens is 0, not 1"),
        ({"amount_in_usd": Decimal("0.0007000001")}, "amount_in_usd is 0.0007000000, not 0.0007000001"),
        ({"amount_in_clp": Decimal(1)}, "amount_in_clp is None, not 1"),
        ({"unpriced_usd": 1}, "unpriced_rows is 0, not 1"),
    ],
)
def test_sums_that_differ_are_not_reconciled(ledger: Ledger, tmp_path: Path, change: dict[str, Any], why: str) -> None:
    record_many([CALL, CALL], ledger=ledger)
    file = tmp_path / "rows.parquet"
    with read_month(SEPTEMBER, ledger) as opened:
        pq.write_table(next(opened.tables), file)
    assert certify(opened, file).state is State.COMPLETE
    other = replace(opened, totals=replace(opened.totals, **change))
    certificate = certify(other, file)
    assert certificate.state is State.UNRECONCILED
    assert certificate.state.exit_code == 4
    assert explain_check(certificate.sums) == why


def test_an_id_that_stands_twice_in_the_file_is_not_reconciled(ledger: Ledger, tmp_path: Path) -> None:
    record_many([CALL | {"request_id": "a"}, CALL | {"request_id": "b"}], ledger=ledger)
    with read_month(SEPTEMBER, ledger) as opened:
        table = next(opened.tables)
    pq.write_table(table.set_column(0, USAGE.field("id"), pa.array(["a", "a"])), tmp_path / "rows.parquet")
    certificate = certify(opened, tmp_path / "rows.parquet")
    assert explain_check(certificate.sums) == "2 rows have 1 different ids"


def test_tables_that_do_not_follow_each_other_are_refused(ledger: Ledger) -> None:
    record_many([CALL | {"request_id": name} for name in "abc"], ledger=ledger)
    with read_month(SEPTEMBER, ledger, rows_at_once=1) as opened:
        one, two, three = opened.tables

    def turn(*tables: pa.Table) -> Iterator[pa.Table]:
        return iter(tables)

    assert len(list(check_tables(turn(one, two, three), LEDGER, SEPTEMBER))) == 3
    for wrong in ((one, three, two), (one, two, two)):
        with pytest.raises(BadRecord, match="rows refused: [abc] at 2025-09-10 12:00:00 stands behind [abc] at "):
            list(check_tables(turn(*wrong), LEDGER, SEPTEMBER))

    def break_off() -> Iterator[pa.Table]:
        yield one
        raise OSError("the next cannot be read")

    with pytest.raises(OSError, match="the next cannot be read"):
        list(check_tables(break_off(), LEDGER, SEPTEMBER))
    with pytest.raises(BadRecord, match="rows refused"):  # of what is wrong, the first
        list(check_tables(break_off(), LEDGER, SEPTEMBER.previous))


def test_closing_again_keeps_a_complete_version_and_renews_a_provisional_one(ledger: Ledger) -> None:
    record_usage(**CALL, ledger=ledger)
    early, _ = close(ledger, now=datetime(2025, 9, 20, tzinfo=timezone.utc))
    again, _ = close(ledger, now=datetime(2025, 9, 21, tzinfo=timezone.utc))
    whole, _ = close(ledger)
    same, _ = close(ledger, now=OVER + timedelta(days=9))
    record_usage(**CALL, ledger=ledger)
    late, certificate = close(ledger, now=OVER + timedelta(days=10))
    assert len({early.path, again.path, whole.path, late.path}) == 4
    assert same.path == whole.path
    assert [one.path for one in list_snapshots("usage", SEPTEMBER, ledger.data)][-1] == late.path
    assert certificate.rows == 2


def test_an_absent_ledger_or_a_month_to_come_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    ledger = open_ledger(data=tmp_path / "none")
    with pytest.raises(LedgerMissing, match="There is no ledger in .*none/ledger.sqlite yet"):
        close_month(SEPTEMBER, tmp_path, ledger=ledger)
    with pytest.raises(BadMonth, match="has not begun yet"):
        close_month(Month(2099, 1), tmp_path, ledger=ledger)
    assert list(tmp_path.iterdir()) == []


def test_one_run_closes_a_month_at_a_time(ledger: Ledger) -> None:
    record_usage(**CALL, ledger=ledger)
    with lock_month("usage", SEPTEMBER, ledger.data), pytest.raises(AlreadyRunning, match="is reading 2025-09"):
        close(ledger)


def test_what_a_killed_run_left_is_swept_out(ledger: Ledger) -> None:
    record_usage(**CALL, ledger=ledger)
    left = ledger.data / "usage" / "2025-09" / ".ingesting"
    left.mkdir(parents=True)
    (left / "usage.parquet").write_bytes(b"half")
    snapshot, _ = close(ledger)
    assert not left.exists()
    assert list_snapshots("usage", SEPTEMBER, ledger.data) == [snapshot]


def test_a_disk_that_refuses_is_one_sentence_and_stores_nothing(ledger: Ledger) -> None:
    record_usage(**CALL, ledger=ledger)
    folder = ledger.data / "usage" / "2025-09"
    folder.mkdir(parents=True)
    (folder / "ledger").write_text("a file where a folder should be")
    with pytest.raises(DiskFailed, match="Could not write into"):
        close(ledger)
    assert list_snapshots("usage", SEPTEMBER, ledger.data) == []


def test_amounts_are_filled_once_they_are_known_and_given_ones_stay(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="priced", ledger=ledger)
    record_usage(**CALL, request_id="given", amount_in_usd="7", ledger=ledger)
    record_usage(**CALL, request_id="both", amount_in_usd="7", amount_in_clp="1", ledger=ledger)
    record_usage(**CALL | {"model": "no-such-model"}, request_id="unpriced", ledger=ledger)
    record_usage(**CALL | {"created_at": "2025-09-20T12:00Z"}, request_id="no rate", ledger=ledger)
    keep_rates(ledger, (10, "950"), (11, "960"))
    filled = fill_amounts(SEPTEMBER, ledger)
    assert (filled.usd, filled.clp) == (0, 2)
    stored = {one.request_id: (one.amount_in_usd, one.amount_in_clp) for one in usage_of(ledger)}
    assert stored == {
        "priced": (GPT_4O, Decimal("0.3325")),
        "given": (Decimal(7), Decimal(6650)),
        "both": (Decimal(7), Decimal(1)),
        "unpriced": (None, None),
        "no rate": (GPT_4O, None),
    }
    rates = {one.request_id: (one.fx_rate, one.fx_date, one.fx_source) for one in usage_of(ledger)}
    of_the_10th = (Decimal(950), date(2025, 9, 10), "mindicador.cl")
    nothing = (None, None, None)
    assert rates == {"given": of_the_10th, "priced": of_the_10th, "both": nothing, "no rate": nothing} | {
        "unpriced": nothing
    }
    again = fill_amounts(SEPTEMBER, ledger)
    assert (again.usd, again.clp) == (0, 0)


def test_a_call_that_has_a_price_now_gets_it_and_loses_the_reason_why_it_had_none(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="a", metadata={"team": "x"}, ledger=ledger)
    unpriced = "amount_in_usd = NULL, price_source = NULL, unpriced = 'no list names this model'"
    execute(ledger, f"UPDATE llm_usage_statistics SET {unpriced}")
    filled = fill_amounts(SEPTEMBER, ledger)
    assert (filled.usd, filled.clp) == (1, 0)
    (record,) = usage_of(ledger)
    assert record.amount_in_usd == GPT_4O
    assert (record.price_source, record.unpriced) == (f"{load_book().name} (openai)", None)
    assert record.metadata == {"team": "x"}


def test_filling_looks_at_no_call_of_a_model_that_no_list_names(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def price(ledger: Ledger, records: list[UsageRecord]) -> list[UsageRecord]:
        looked_at.extend(one.request_id for one in records)
        return price_records(ledger, records)

    nobody = CALL | {"model": "it's 100% ours"}
    record_usage(**nobody, request_id="unlisted", ledger=ledger)
    record_usage(**CALL | {"created_at": "2025-09-20T12:00Z"}, request_id="listed", ledger=ledger)
    record_usage(**nobody, request_id="with its cost", ledger=ledger)
    cost = 5_000_000_000 if ledger.backend == "sqlite" else "0.5"
    execute(ledger, f"UPDATE llm_usage_statistics SET cost = {cost} WHERE request_id = 'with its cost'")
    execute(ledger, "UPDATE llm_usage_statistics SET amount_in_usd = NULL WHERE request_id = 'listed'")
    monkeypatch.setattr("flexlib.ledger.record.changing.price_records", price)
    assert fill_amounts(SEPTEMBER, ledger).usd == 2
    assert "listed" in looked_at
    looked_at.clear()
    keep_rates(ledger, (10, "950"), (11, "960"))
    execute(ledger, "DELETE FROM llm_usage_statistics WHERE request_id = 'with its cost'")
    assert fill_amounts(SEPTEMBER, ledger) == FilledAmounts(SEPTEMBER, 0, 0)
    assert looked_at == ["listed"]  # which has no rate yet


def test_filling_goes_over_every_page_and_leaves_the_other_months(ledger: Ledger) -> None:
    calls = [CALL | {"created_at": f"2025-09-10T12:{one % 60:02d}Z"} for one in range(2 * PAGE_ROWS + 5)]
    outside = [CALL | {"created_at": moment} for moment in ("2025-08-31T23:59Z", "2025-10-01T00:00Z")]
    record_many([*calls, *outside], ledger=ledger)
    days = (date(2025, 8, 31), date(2025, 9, 10), date(2025, 9, 30), date(2025, 10, 1))
    write_kept_rates([KeptRate(Rate(day, Decimal(950), "mindicador.cl"), OVER) for day in days], ledger.data)
    assert fill_amounts(SEPTEMBER, ledger).clp == 2 * PAGE_ROWS + 5
    counts = "SELECT count(amount_in_clp), count(*) FROM llm_usage_statistics"
    assert query(ledger, counts) == [(2 * PAGE_ROWS + 5, 2 * PAGE_ROWS + 7)]


def test_month_is_closed_again_only_when_the_ledger_has_changed(ledger: Ledger) -> None:
    assert ensure_month(SEPTEMBER, ledger.data, ledger=ledger) is None
    record_usage(**CALL, ledger=ledger)
    first = ensure_month(SEPTEMBER, ledger.data, ledger=ledger)
    same = ensure_month(SEPTEMBER, ledger.data, ledger=ledger)
    record_usage(**CALL, ledger=ledger)
    late = ensure_month(SEPTEMBER, ledger.data, ledger=ledger)
    keep_rates(ledger, (10, "950"), (11, "960"))
    with_pesos = ensure_month(SEPTEMBER, ledger.data, ledger=ledger)
    assert first is not None
    assert same is not None
    assert late is not None
    assert with_pesos is not None
    assert first.path == same.path
    assert late.certificate.rows == 2
    assert isinstance(with_pesos.certificate, UsageCertificate)
    assert with_pesos.certificate.amount_in_clp == "0.6650"
    assert len(list_snapshots("usage", SEPTEMBER, ledger.data)) == 3


def test_a_stale_month_is_filled_and_summed_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record_usage(**CALL, ledger=ledger)
    done: list[str] = []

    def count(place: str, name: str) -> None:
        real = getattr(sys.modules[place], name)

        def run(*given: object) -> object:
            done.append(name)
            return real(*given)

        monkeypatch.setattr(f"{place}.{name}", run)

    count("flexlib.ingest.ledger", "fill_amounts")
    count("flexlib.ledger.read.months", "_sum_up")
    assert ensure_month(SEPTEMBER, ledger.data, ledger=ledger) is not None
    assert done == ["fill_amounts", "_sum_up"]


def test_what_another_run_stored_in_between_is_not_hidden_by_an_older_reading(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_usage(**CALL, ledger=ledger)

    def close_first(*given: Any) -> AbstractContextManager[HeldMonth]:  # noqa: ANN401
        monkeypatch.undo()
        record_usage(**CALL, ledger=ledger)
        close_month(SEPTEMBER, ledger.data, ledger=ledger)
        return hold_month(*given)

    monkeypatch.setattr("flexlib.ingest.ledger.hold_month", close_first)
    kept = ensure_month(SEPTEMBER, ledger.data, ledger=ledger)
    assert kept is not None
    assert kept.certificate.rows == 2
    assert len(list_snapshots("usage", SEPTEMBER, ledger.data)) == 1
