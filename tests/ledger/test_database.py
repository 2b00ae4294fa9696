"""Where the ledger is: a database of any setting, one that lost its revision or a partition, one that is held."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from shutil import copy
from zoneinfo import ZoneInfo

import pytest
from databases import Postgresql, execute, query
from sqlalchemy.engine import make_url

from flexlib.dates import Month
from flexlib.errors import ConflictingUsage, LedgerFailed, LedgerMissing, LedgerUnavailable
from flexlib.ingest.fx import keep_rates
from flexlib.ingest.ledger import close_month
from flexlib.ledger import (
    Ledger,
    UsageQuery,
    get_ledger_status,
    get_total_cost_by_period,
    get_usage_by_day,
    init_ledger,
    open_ledger,
    record_many,
    record_usage,
    upgrade_ledger,
)
from flexlib.ledger.read.months import read_month
from flexlib.ledger.read.unclosed import LedgerLook, list_recorded_months
from flexlib.ledger.record.changing import reprice_month
from flexlib.money.fx import USD_CLP, Rate
from flexlib.privacy import PrivacyGuard

SEPTEMBER = Month(2025, 9)
PARTITION = "llm_usage_statistics_2025_09"


def record(ledger: Ledger, request_id: str, model: str = "gpt-4o") -> str:
    return record_usage(
        usable=("key", "ñandú €"),
        provider="openai",
        model=model,
        prompt_tokens=1000,
        created_at="2025-09-10T12:00:00Z",
        request_id=request_id,
        ledger=ledger,
    ).request_id


def keep_dollar(root: Path) -> None:
    keep_rates([Rate(date(2025, 9, day), Decimal("950.5"), "bcch") for day in (9, 10, 11)], USD_CLP, root)


def test_a_ledger_whose_revision_is_gone_is_told_and_nothing_is_done_to_it(ledger: Ledger) -> None:
    record(ledger, "a1")
    execute(ledger, "DELETE FROM flexlib_ledger_version")
    other = open_ledger(ledger.engine.url.render_as_string(hide_password=False), data=ledger.data)
    for ask in (init_ledger, upgrade_ledger, get_ledger_status, lambda one: record(one, "a2")):
        with pytest.raises(LedgerMissing, match="does not say of which revision: restore the database from a backup"):
            ask(other)
    execute(ledger, "INSERT INTO flexlib_ledger_version VALUES ('0002')")
    assert get_ledger_status(other).rows == 1
    other.close()


def test_an_id_with_an_e_mail_or_a_key_is_kept_as_imports_keep_it(ledger: Ledger) -> None:
    hidden = record(ledger, "ana@corp.com")
    assert hidden == "id-f6328e9f04d038bbbae63165"  # sha256("ana@corp.com")
    assert record(ledger, "ana@corp.com") == hidden
    assert query(ledger, "SELECT request_id FROM llm_usage_statistics") == [(hidden,)]


def test_a_call_that_a_version_before_stored_under_its_plain_id_is_the_same_when_it_comes_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = "ana@corp.com"
    with monkeypatch.context() as before:
        before.setattr(PrivacyGuard, "hide_id", lambda self, kind, text: text)
        record(ledger, plain)
    assert record(ledger, plain) == plain
    sent = {"usable": ("key", "ñandú €"), "provider": "openai", "model": "gpt-4o", "prompt_tokens": 1000}
    (again, other) = record_many([{**sent, "request_id": one} for one in (plain, "eva@corp.com")], ledger=ledger)
    assert again.request_id == plain
    assert other.request_id.startswith("id-")
    with pytest.raises(ConflictingUsage, match="model"):
        record(ledger, plain, "gpt-4o-mini")
    assert get_ledger_status(ledger).rows == 2


def test_a_close_behind_a_writer_says_what_is_stored(sqlite_file: Path, tmp_path: Path) -> None:
    copy(sqlite_file, tmp_path)
    ledger, writer = (open_ledger(data=tmp_path, retry_seconds=seconds) for seconds in (0.1, 1))
    record(ledger, "held")
    keep_dollar(tmp_path)  # so that there are pesos to fill
    with writer.connect() as connection:
        connection.execute("BEGIN IMMEDIATE")
        said = "database is locked. Amounts filled or repriced so far are kept, and nothing else was stored; run it"
        with pytest.raises(LedgerUnavailable, match=said):
            close_month(SEPTEMBER, tmp_path, ledger=ledger)
        connection.execute("ROLLBACK")
    assert close_month(SEPTEMBER, tmp_path, ledger=ledger).certificate.rows == 1
    ledger.close()
    writer.close()


@pytest.fixture
def url(postgresql: Postgresql) -> str:
    return postgresql.create(template="template_ledger")


@pytest.mark.parametrize("table", ["llm_usage_statistics", PARTITION])
def test_a_close_behind_a_lock_on_the_table_ends_and_says_so(table: str, url: str, tmp_path: Path) -> None:
    ledger, other = (open_ledger(url, data=tmp_path, retry_seconds=seconds) for seconds in (0.2, 10))
    record(other, "a1")
    with other.connect() as connection:
        connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        said = r"for 0\.\d s: another session locks its table: end that session, .* nothing else was stored; run it"
        with pytest.raises(LedgerUnavailable, match=said):
            close_month(SEPTEMBER, tmp_path, ledger=ledger)
        said = "refused: another session locks its table"
        with pytest.raises(LedgerUnavailable, match=said), read_month(SEPTEMBER, ledger):
            pass
        connection.execute("ROLLBACK")
    assert close_month(SEPTEMBER, tmp_path, ledger=ledger).certificate.rows == 1
    ledger.close()
    other.close()


@pytest.mark.parametrize(
    "setting", ["client_encoding TO 'LATIN1'", "DateStyle TO 'German'", "TimeZone TO 'Asia/Tokyo'"]
)
def test_a_database_of_other_settings_is_written_and_read_alike(
    setting: str, url: str, postgresql: Postgresql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql._run(f"ALTER DATABASE {make_url(url).database} SET {setting}")
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    ledger = open_ledger(url, data=tmp_path)
    assert [record(ledger, "a1"), record(ledger, "a1"), record(ledger, "a2", "modèle €")] == ["a1", "a1", "a2"]
    rows = close_month(SEPTEMBER, tmp_path, ledger=ledger).frame
    assert rows[["usable_key", "model"]].to_numpy().tolist() == [["ñandú €", "gpt-4o"], ["ñandú €", "modèle €"]]
    assert [str(one) for one in rows["created_at"]] == ["2025-09-10 12:00:00"] * 2
    ledger.close()


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql: Postgresql, url: str, tmp_path: Path) -> None:
    postgresql._run("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    latin = make_url(url).set(database="latin").render_as_string(hide_password=False)
    with pytest.raises(LedgerFailed, match="The database latin is in LATIN1, .* CREATE DATABASE name ENCODING 'UTF8'"):
        init_ledger(open_ledger(latin, data=tmp_path))


def test_a_month_whose_partition_is_detached_is_neither_recorded_nor_closed_nor_left_out_of_a_sum(
    url: str, tmp_path: Path
) -> None:
    ledger = open_ledger(url, data=tmp_path)
    record(ledger, "a1")
    execute(ledger, f"ALTER TABLE llm_usage_statistics DETACH PARTITION {PARTITION}")
    other = open_ledger(url, data=tmp_path)
    with pytest.raises(LedgerFailed, match=f"partition {PARTITION} is detached") as refused:
        close_month(SEPTEMBER, tmp_path, ledger=other)
    for one in (ledger, other):
        with pytest.raises(LedgerFailed, match="is detached, so that its calls of 2025-09 are in no sum; attach it"):
            record(one, "a2")
    assert get_total_cost_by_period("2025-10-01", "2025-10-31", within=UsageQuery(other))["usd"] is None  # type: ignore[index]
    of_september = UsageQuery(other).between("2025-09-30", "2025-10-31")
    santiago = {"zone": ZoneInfo("America/Santiago"), "within": UsageQuery(other)}
    asked: list[Callable[[], object]] = [
        UsageQuery(other).count, of_september.by_provider("openai").all, of_september.to_frame,
        lambda: list(UsageQuery(other)), lambda: UsageQuery(other).sum("amount_in_usd"),
        lambda: get_usage_by_day("2025-08-31", "2025-08-31", **santiago),  # type: ignore[arg-type]
        lambda: get_total_cost_by_period("2025-09-01", "2025-09-01", within=UsageQuery(other)),
        lambda: reprice_month(SEPTEMBER, other),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(LedgerFailed, match="is detached, so that its calls of 2025-09 are in no sum; attach it"):
            ask()
    assert get_usage_by_day("2025-10-02", "2025-10-31", **santiago).empty  # type: ignore[arg-type]
    told = LedgerLook(other, tmp_path)(SEPTEMBER)
    assert told is not None
    assert (told.is_gap, "ATTACH PARTITION" in told.text) == (True, True)
    assert LedgerLook(other, tmp_path)(SEPTEMBER.next) is None
    assert list_recorded_months(other) == [SEPTEMBER]
    execute(ledger, str(refused.value).partition("again: ")[2])
    assert UsageQuery(other).count() == 1
    assert close_month(SEPTEMBER, tmp_path, ledger=other).certificate.rows == 1
    execute(ledger, f"ALTER TABLE llm_usage_statistics DETACH PARTITION {PARTITION}")
    assert LedgerLook(other, tmp_path)(SEPTEMBER) is None  # put aside after it was closed
    ledger.close()
    other.close()


def test_a_role_that_may_only_read_closes_what_needs_no_filling(url: str, tmp_path: Path) -> None:
    ledger = open_ledger(url, data=tmp_path)
    record(ledger, "a1")
    execute(ledger, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'x'")
    execute(ledger, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    reader = open_ledger(make_url(url).set(username="reader", password="x").render_as_string(False), data=tmp_path)
    assert close_month(SEPTEMBER, tmp_path, ledger=reader).certificate.rows == 1
    keep_dollar(tmp_path)
    with pytest.raises(LedgerFailed, match="permission denied for table llm_usage_statistics"):
        close_month(SEPTEMBER, tmp_path, ledger=reader)
    close_month(SEPTEMBER, tmp_path, ledger=ledger)
    assert close_month(SEPTEMBER, tmp_path, ledger=reader).certificate.rows_without_clp == 0  # type: ignore[union-attr]
    reader.close()
    execute(ledger, "DROP OWNED BY reader; DROP ROLE reader")
    ledger.close()
