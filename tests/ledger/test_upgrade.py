"""A ledger of revision 0001 upgraded: no row is lost, and each says in columns what it said among the metadata.

`data/flexlib-0.1.0` was made by that version: a ledger with a call of every kind that it knew, and September 2025 as it
closed it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from shutil import copy
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from alembic import command
from alembic.config import Config
from databases import Postgresql, execute, query

from flexlib.dates import Month
from flexlib.ingest.ledger import close_month
from flexlib.ledger import Ledger, LedgerFailed, LedgerMissing, UsageQuery, open_ledger, record_usage, upgrade_ledger
from flexlib.ledger.db.columns import from_microseconds
from flexlib.ledger.db.migrate import MIGRATIONS
from flexlib.ledger.db.table import VERSION_TABLE
from flexlib.store.usage_files import read_usage

BEFORE = Path(__file__).parent.parent / "data" / "flexlib-0.1.0"
SEPTEMBER = Month(2025, 9)
NOON = datetime(2025, 9, 10, 12, 0, 0, 1, timezone.utc)
CALL: dict[str, Any] = {
    "usable": ("user", 42),
    "provider": "openai",
    "model": "gpt-4o",
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "created_at": NOON,
}

BY_LIST = {"amount_in_usd": Decimal("0.0075"), "price_source": "genai-prices 0.2.3 (openai)"}
BY_RATE = {"fx_rate": Decimal("970.55"), "fx_date": date(2025, 9, 10), "fx_source": "mindicador.cl"}
AT_RATE = BY_LIST | BY_RATE | {"amount_in_clp": Decimal("7.2791")}

EXPECTED: dict[str, dict[str, Any]] = {
    "priced": AT_RATE,
    "priced, with metadata": AT_RATE
    | {"metadata": {"team": "búsqueda", "n": 1.5, "deep": {"b": [1, None], "a": 'x, "y"'}}},
    "dated price": AT_RATE
    | {"model": "o3", "price_date": date(2025, 6, 10), "amount_in_usd": Decimal("0.006")}
    | {"amount_in_clp": Decimal("5.8233"), "created_at": datetime(2025, 9, 11, tzinfo=timezone.utc)},
    "given": {"amount_in_usd": Decimal("1e-10"), "amount_in_clp": Decimal("0.0001"), "metadata": {"trace": "abc"}},
    "cost": BY_RATE
    | {"cost": Decimal("0.25"), "amount_in_usd": Decimal("0.25"), "amount_in_clp": Decimal("242.6375")},
    "unpriced": {"model": "my-own", "unpriced": "genai-prices 0.2.3 does not know 'my-own' of openai"}
    | {"metadata": {"team": "x"}},
    "nobody": BY_RATE
    | {"cost": Decimal("0.5"), "amount_in_usd": Decimal("0.5"), "amount_in_clp": Decimal("485.275")}
    | {"provider": "google", "model": "gemini-2.5-flash", "proxy": "openrouter", "duration_ms": 12, "status": "ok"}
    | {"usable_type": None, "usable_id": None},
    "an object": AT_RATE | {"usable_id": 7},  # of the class User
    "masked": AT_RATE | {"metadata": {"note": "[email], [rut]"}, "masked": "email,rut"},
    "batch": BY_LIST
    | {"amount_in_usd": Decimal("0.00375"), "price_date": date(2026, 10, 14), "tier": "batch"}
    | {"metadata": {"tier": "batch"}, "created_at": datetime(2026, 11, 1, 12, tzinfo=timezone.utc)},
    "a tier that is no text": AT_RATE | {"metadata": {"tier": 3}},
    "an hour's cache": AT_RATE
    | {"provider": "anthropic", "model": "claude-sonnet-4-20250514", "cache_write_tokens": 900}
    | {"amount_in_usd": Decimal("0.032075"), "amount_in_clp": Decimal("31.1304")}
    | {"price_source": "genai-prices 0.2.3 (anthropic)", "cache_write_1h_tokens": 400, "web_searches": 2}
    | {"metadata": {"cache_write_1h_tokens": 400, "web_searches": 2, "reasoning_tokens": 9}},
    "counts that are none": AT_RATE
    | {"metadata": {"web_searches": -1, "input_audio_tokens": True, "input_image_tokens": 1.0}
       | {"output_audio_tokens": 0}, "output_audio_tokens": 0},
    "without a rate": AT_RATE | {"metadata": {"team": "search"}},  # which was found when the month was closed
    "a spoilt table of rates": BY_LIST
    | {"created_at": datetime(2025, 8, 10, 12, tzinfo=timezone.utc)}
    | {"unconverted": "/srv/company/data/rates/usd_clp.csv does not start with day,value,source,fetched_at,"
       "superseded_at; move it away and run: flexlib fx update"},
    "repriced twice": AT_RATE
    | {"provider": "mistral", "model": "mistral-large-latest", "price_source": "newer 2 (mistral)"}
    | {"amount_in_usd": Decimal("0.012"), "amount_in_clp": Decimal("11.6466")}
    | {"earlier_amounts": [
        {"amount_in_usd": "0.0050000000", "amount_in_clp": "4.8528"},
        {"amount_in_usd": "0.0105000000", "amount_in_clp": "10.1908"},
    ]},
}  # fmt: skip
"""What each call is in today's columns, where it is not as `CALL` or nothing."""


def move_to_first(ledger: Ledger) -> None:
    """Makes the tables as revision 0001 made them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with ledger.engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def write_first_rows(ledger: Ledger) -> None:
    """The rows of the file, by plain SQL, into the tables of revision 0001 on PostgreSQL."""
    with closing(sqlite3.connect(BEFORE / "ledger.sqlite")) as file:
        cursor = file.execute("SELECT * FROM llm_usage_statistics ORDER BY id")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    for month in ("2025-08", "2025-09", "2026-11"):
        year, number = map(int, month.split("-"))
        name, end = f"llm_usage_statistics_{year}_{number:02}", Month(year, number).next.first
        execute(ledger, f"CREATE TABLE {name} (LIKE llm_usage_statistics INCLUDING ALL)")
        execute(
            ledger,
            f"ALTER TABLE llm_usage_statistics ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{month}-01 00:00+00') TO ('{end} 00:00+00')",
        )
    for row in rows:
        row |= {name: from_microseconds(row[name]) for name in ("created_at", "updated_at")}
        for name, decimals in (("cost", 10), ("amount_in_usd", 10), ("amount_in_clp", 4)):
            row[name] = None if row[name] is None else Decimal(row[name]).scaleb(-decimals)
        with ledger.connect() as connection:
            connection.execute("INSERT INTO llm_usage_request_ids VALUES (%(request_id)s, %(created_at)s)", row)
            connection.execute(
                f"INSERT INTO llm_usage_statistics ({', '.join(names)}) "
                f"VALUES ({', '.join(f'%({name})s' for name in names)})",
                row,
            )


@pytest.fixture(params=["sqlite", "postgresql"])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of revision 0001 with a row of every kind, not upgraded yet."""
    if request.param == "sqlite":
        copy(BEFORE / "ledger.sqlite", tmp_path)
        ledger = open_ledger(data=tmp_path)
        yield ledger
        ledger.close()
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    ledger = open_ledger(url := server.create(), data=tmp_path)
    move_to_first(ledger)
    write_first_rows(ledger)
    yield ledger
    ledger.close()
    server.drop(url)


def test_a_ledger_of_0001_says_which_command_upgrades_it(first: Ledger) -> None:
    for ask in (UsageQuery(first).count, lambda: record_usage(**CALL, ledger=first)):
        with pytest.raises(LedgerMissing, match="is at revision 0001, not 0006. Run: flexlib ledger upgrade"):
            ask()


def test_every_call_is_there_and_says_in_columns_what_its_metadata_said(first: Ledger) -> None:
    rows = query(first, "SELECT request_id, id, updated_at FROM llm_usage_statistics")
    status = upgrade_ledger(first)
    assert (status.revision, status.rows) == ("0006", 16)
    records = {one.request_id: one for one in UsageQuery(first)}
    blank: dict[str, Any] = dict.fromkeys(next(iter(records.values()))._asdict())
    common = blank | {"grain": "call", "requests": 1, "usable_type": "user", "usable_id": 42, "task_type": "text"}
    common |= {"total_tokens": 1500, "cached_tokens": 0, "cache_write_tokens": 0}
    common |= {name: value for name, value in CALL.items() if name != "usable"}
    found = {}
    for name, record in records.items():
        row = record._asdict() | {"id": None, "updated_at": None, "request_id": None}
        for each in row["earlier_amounts"] or ():
            del each["until"], each["price_source"], each["price_date"]
        found[name] = row
    assert found == {name: common | own for name, own in EXPECTED.items()}
    after = query(first, "SELECT request_id, id, updated_at FROM llm_usage_statistics")
    assert sorted(after) == sorted(rows)


def test_the_sums_are_those_of_before(first: Ledger) -> None:
    upgrade_ledger(first)
    calls = UsageQuery(first)
    assert (calls.count(), calls.sum("prompt_tokens")) == (16, 16_000)
    assert calls.sum("amount_in_usd") == Decimal("0.8638250001")
    assert calls.sum("amount_in_clp") == Decimal("827.4666")


def test_the_month_closes_to_the_same_rows_as_before(first: Ledger) -> None:
    upgrade_ledger(first)
    closed = close_month(SEPTEMBER, first.data, ledger=first)
    now, before = (
        [
            row | {"metadata": row["metadata"] and json.loads(row["metadata"])}
            | {"earlier_amounts": row["earlier_amounts"] and json.loads(row["earlier_amounts"])}
            | {"usable_type": row["usable_type"] and row["usable_type"].lower()}
            for row in table.to_pylist()
        ]
        for table in (pq.read_table(closed.parquet), read_usage([BEFORE / "usage.parquet"]).to_arrow_table())
    )  # fmt: skip
    assert now == before
    assert len(now) == 14


def test_an_old_call_sent_again_is_still_the_same_call(first: Ledger) -> None:
    upgrade_ledger(first)
    hour = {"provider": "anthropic", "model": "claude-sonnet-4-20250514", "cache_write_tokens": 900}
    counts = {"cache_write_1h_tokens": 400, "web_searches": 2, "reasoning_tokens": 9}
    record_usage(**CALL, request_id="masked", metadata={"note": "ana@empresa.cl, 12.345.678-5"}, ledger=first)
    record_usage(**CALL | hour, request_id="an hour's cache", metadata=counts, ledger=first)
    record_usage(**CALL | {"usable": ("User", 7)}, request_id="an object", ledger=first)
    assert UsageQuery(first).count() == 16


def test_what_an_object_recorded_under_its_class_is_found_by_its_pair(first: Ledger) -> None:
    class User:
        id = 7

    upgrade_ledger(first)
    for usable in (User(), ("user", 7), ("User", 7)):
        assert [one.request_id for one in UsageQuery(first).by_usable(usable)] == ["an object"]


def test_a_type_with_a_letter_beyond_ascii_is_found_by_its_pair_too(first: Ledger) -> None:
    execute(first, "UPDATE llm_usage_statistics SET usable_type = 'Ñandú' WHERE request_id = 'an object'")
    upgrade_ledger(first)
    assert [one.request_id for one in UsageQuery(first).by_usable(("Ñandú", 7))] == ["an object"]


def test_a_flexlib_of_before_that_still_runs_loses_no_call(first: Ledger) -> None:
    upgrade_ledger(first)
    at = str(int(NOON.timestamp() * 10**6)) if first.backend == "sqlite" else f"'{NOON.isoformat()}'"
    if first.backend == "postgresql":
        execute(first, f"INSERT INTO llm_usage_request_ids VALUES ('late', {at})")
    execute(
        first,
        "INSERT INTO llm_usage_statistics (request_id, created_at, usable_type, usable_id, provider, model, task_type, "
        "prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens, updated_at) "
        f"VALUES ('late', {at}, 'user', 1, 'openai', 'x', 'text', 1, 0, 1, 0, 0, {at})",
    )
    (late,) = UsageQuery(first).by_usable(("user", 1))
    assert (late.grain, late.requests) == ("call", 1)


def test_an_upgrade_that_was_broken_off_is_run_again(postgresql: Postgresql, tmp_path: Path) -> None:
    ledger = open_ledger(url := postgresql.create(), data=tmp_path)
    move_to_first(ledger)
    write_first_rows(ledger)
    execute(ledger, "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$")
    execute(
        ledger, "CREATE TRIGGER stop BEFORE UPDATE ON llm_usage_statistics_2025_09 FOR EACH ROW EXECUTE FUNCTION stop()"
    )
    with pytest.raises(LedgerFailed, match="no more"):
        upgrade_ledger(ledger)
    august = "SELECT unconverted IS NOT NULL, metadata::text FROM llm_usage_statistics_2025_08"
    assert query(ledger, august) == [(True, None)]  # this month was done, and is not done twice
    assert query(ledger, f"SELECT version_num FROM {VERSION_TABLE}") == [("0001",)]
    execute(ledger, "DROP TRIGGER stop ON llm_usage_statistics_2025_09")
    assert upgrade_ledger(ledger).rows == 16
    assert UsageQuery(ledger).sum("amount_in_usd") == Decimal("0.8638250001")
    assert len([one for one in UsageQuery(ledger) if one.price_source]) == 12
    ledger.close()
    postgresql.drop(url)


def test_others_read_and_write_while_a_month_is_converted(postgresql: Postgresql, tmp_path: Path) -> None:
    ledger = open_ledger(url := postgresql.create(), data=tmp_path)
    move_to_first(ledger)
    write_first_rows(ledger)
    name, plain = "llm_usage_statistics_2025_09", url.replace("+psycopg", "")
    body = "BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN new; END"
    execute(ledger, f"CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    execute(
        ledger,
        f"CREATE TRIGGER wait BEFORE UPDATE ON {name} FOR EACH ROW WHEN (old.request_id = 'repriced twice') "
        "EXECUTE FUNCTION wait()",
    )
    with ThreadPoolExecutor(1) as pool, psycopg.connect(plain, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(1)")
        upgraded = pool.submit(upgrade_ledger, ledger)
        waiting = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'UPDATE {name}%'"
        while other.execute(waiting).fetchone() == (0,):
            assert not upgraded.done()
            time.sleep(0.01)
        other.execute("SET lock_timeout = '5s'")
        assert other.execute(f"SELECT count(*) FROM {name}").fetchall() == [(14,)]
        later = "SELECT 'later', updated_at FROM llm_usage_request_ids JOIN llm_usage_statistics USING (request_id) "
        other.execute(f"INSERT INTO llm_usage_request_ids {later} WHERE request_id = 'masked'")
        other.execute(
            "INSERT INTO llm_usage_statistics SELECT (one).* FROM (SELECT jsonb_populate_record(old, "
            "to_jsonb(old) || jsonb_build_object('request_id', 'later', 'created_at', updated_at, 'updated_at', now()))"
            " AS one FROM llm_usage_statistics old WHERE request_id = 'masked')"
        )
        other.execute("SELECT pg_advisory_unlock(1)")
        assert upgraded.result().rows == 17
    records = {one.request_id: one for one in UsageQuery(ledger)}
    assert records["later"]._replace(updated_at=NOON, request_id="", created_at=NOON) == records["masked"]._replace(
        updated_at=NOON, request_id="", created_at=NOON
    )
    assert records["later"].masked == "email,rut"
    ledger.close()
    postgresql.drop(url)
