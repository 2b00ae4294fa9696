"""The pieces of work that `bench_ledger.py` measures, each run as a process of its own: `python ledger_parts.py PART`.

What a part has to say (its seconds, memory, result) it prints as one line of JSON.
"""

import json
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import sum_parts

Work = Callable[[], object]


def record(url: str, how: str, rows: str, tallies: str = "off") -> Work:
    """Records so many calls through the API: `one` at a time, `many` in batches of a thousand, `priced` by the book."""
    from flexlib.ledger import init_ledger, open_ledger, record_many, record_usage
    from flexlib.ledger.tally.switch import turn_on

    ledger = open_ledger(url, data=Path("/nonexistent"))
    init_ledger(ledger)
    call: dict[str, Any] = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o", "completion_tokens": 5}
    call["created_at"] = datetime(2025, 9, 1, 12)
    if how != "priced":
        call |= {"amount_in_usd": Decimal("0.00125"), "amount_in_clp": Decimal("1.2")}
    calls = [{**call, "prompt_tokens": number} for number in range(int(rows))]
    if tallies == "on":
        turn_on(ledger)
    record_many(calls[:1], ledger=ledger)  # connected, the month's partition made, the price book read

    def work() -> None:
        if how == "many":
            for start in range(0, len(calls), 1000):
                record_many(calls[start : start + 1000], ledger=ledger)
        else:
            for call in calls:
                record_usage(**call, ledger=ledger)

    return work


def hold(url: str, how: str, rows: str) -> Work:
    """Holds room for so many calls under one limit: each is let go again, or with `settled` recorded."""
    from flexlib.ledger import init_ledger, open_ledger
    from flexlib.ledger.guard import hold as guard

    folder = Path(tempfile.mkdtemp())
    budgets = folder / "budgets.yaml"
    budgets.write_text('budgets:\n  - {name: u, usable: [user, 7], currency: usd, amount: "9000000", enforce: true}')
    ledger = open_ledger(url, data=folder)
    init_ledger(ledger)
    call: dict[str, Any] = {"provider": "openai", "model": "gpt-4o", "completion_tokens": 5}
    call |= {"amount_in_usd": Decimal("0.00125"), "amount_in_clp": Decimal("1.2")}

    def work() -> None:
        for number in range(int(rows)):
            with guard.hold(usable=("user", 7), estimate_usd="0.002", budgets=budgets, ledger=ledger) as held:
                if how == "settled":
                    held.settle(**call, prompt_tokens=number)
                elif not held.is_held:
                    raise RuntimeError("nothing is held")

    with guard.hold(usable=("user", 7), estimate_usd="0.002", budgets=budgets, ledger=ledger) as held:
        held.settle(**call)  # connected, the month's partition and the counter made
    return work


def insert(url: str, how: str, rows: str) -> Work:
    """The yardstick: the same rows by the driver's own INSERT into the same columns, indexes and checks, as safe on the
    disk as ours."""
    from flexlib.ledger import init_ledger, open_ledger
    from flexlib.ledger.db.table import TABLE

    ledger = open_ledger(url, data=Path("/nonexistent"))
    init_ledger(ledger)
    moment = datetime(2025, 9, 1, 12, tzinfo=timezone.utc)
    sqlite, count = ledger.backend == "sqlite", int(rows)
    at: Any = int(moment.timestamp()) * 1_000_000 if sqlite else moment
    usd: Any = 12_500_000 if sqlite else Decimal("0.00125")
    clp: Any = 12_000 if sqlite else Decimal("1.2")
    names = (
        "request_id, created_at, usable_type, usable_id, provider, model, task_type, prompt_tokens, completion_tokens, "
        "total_tokens, cached_tokens, cache_write_tokens, amount_in_usd, amount_in_clp, updated_at"
    )

    def build_row(number: int) -> tuple[Any, ...]:
        tokens = (number, 5, number + 5, 0, 0)
        return (str(uuid4()), at, "user", 7, "openai", "gpt-4o", "text", *tokens, usd, clp, at)

    marks = ", ".join(["?" if sqlite else "%s"] * len(build_row(0)))
    connection: Any
    if sqlite:
        connection = sqlite3.connect(
            url.removeprefix("sqlite:///"), isolation_level=None if how == "one" else "DEFERRED"
        )
        connection.execute("PRAGMA synchronous = FULL")
        target = TABLE
    else:
        import psycopg

        connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=how == "one")
        target = "bare_insert"
        connection.execute(
            f"CREATE TABLE {target} (LIKE {TABLE} INCLUDING ALL); ALTER TABLE {target} ADD UNIQUE (request_id)"
        )
        connection.commit()
    statement = f"INSERT INTO {target} ({names}) VALUES ({marks})"

    def work() -> None:
        cursor = connection.cursor()
        if how == "many":
            for start in range(0, count, 1000):
                cursor.executemany(statement, [build_row(start + number) for number in range(1000)])
                connection.commit()
        else:
            for number in range(count):
                cursor.execute(statement, build_row(number))  # in autocommit: one trip to the server

    return work


def fill(url: str, number: str, indexes: str = "dropped") -> Work:
    """Fills September 2025 with so many calls, inside the database. With `indexes` that are `kept` they are as an
    application's would be, which records one after the other: half of each id is random, and SQLite has all indexes."""
    from flexlib.ledger import init_ledger, open_ledger
    from flexlib.ledger.db.table import INDEXES, REQUEST_IDS, TABLE
    from flexlib.ledger.record.writing import ensure_months

    ledger = open_ledger(url, data=Path("/nonexistent"))
    init_ledger(ledger)
    ensure_months(ledger, [datetime(2025, 9, 1, tzinfo=timezone.utc)])
    rows, step = int(number), 30 * 86_400 * 1_000_000 // int(number)
    names = (
        "id, request_id, created_at, usable_type, usable_id, provider, model, task_type, prompt_tokens, "
        "completion_tokens, total_tokens, cached_tokens, cache_write_tokens, amount_in_usd, amount_in_clp, updated_at"
    )
    is_kept = indexes == "kept"
    start = int(datetime(2025, 9, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000
    middle = "'user', 1 + n % 500, 'openai', 'model-' || (n % 12), 'text', n % 6000, n % 900, n % 6000 + n % 900, 0, 0"

    def work_sqlite() -> None:
        request_id = "printf('%016x', n) || lower(hex(randomblob(8)))" if is_kept else "printf('%032x', n)"
        with ledger.connect() as connection:
            connection.execute("PRAGMA cache_size = -400000")
            for index in () if is_kept else INDEXES:
                connection.execute(f"DROP INDEX ix_{TABLE}_{index}")
            connection.execute(
                f"WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < {rows}) "
                f"INSERT INTO {TABLE} ({names}) SELECT n + 1, {request_id}, {start} + n * {step}, {middle}, "
                f"CASE WHEN n % 12 < 11 THEN 1000003 * (n % 6000) END, 10 * (n % 6000), {start} FROM number"
            )

    def work_postgresql() -> None:
        made = "timestamptz '2025-09-01 00:00+00' + n * interval '1 microsecond' * " + str(step)
        numbers = f"generate_series(0, {rows - 1}) AS n"
        request_id = "lpad(to_hex(n), 16, '0') || left(md5(n::text), 16)" if is_kept else "lpad(to_hex(n), 32, '0')"
        with ledger.connect() as connection, connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # both tables get the same ids here
            connection.execute(f"INSERT INTO {REQUEST_IDS} SELECT {request_id}, {made} FROM {numbers}")
            connection.execute(
                f"INSERT INTO {TABLE} ({names}) SELECT n + 1, {request_id}, {made}, {middle}, "
                f"CASE WHEN n % 12 < 11 THEN 0.0001000003 * (n % 6000) END, 0.001 * (n % 6000), now() FROM {numbers}"
            )

    return work_sqlite if ledger.backend == "sqlite" else work_postgresql


def count_tallies(url: str) -> Work:
    """Turns tallies on: all calls are counted."""
    from flexlib.ledger import open_ledger
    from flexlib.ledger.tally.switch import turn_on

    return lambda: turn_on(open_ledger(url, data=Path("/nonexistent"))).tallies


def total(url: str, end: str, times: str) -> Work:
    """Asks so many times what September 2025 until `end` came to."""
    from flexlib.ledger import UsageQuery, get_total_cost_by_period, open_ledger

    usage = UsageQuery(open_ledger(url, data=Path("/nonexistent")))
    usage.between("2025-08-01", "2025-08-01").count()  # connected

    def work() -> object:
        for _ in range(int(times)):
            said = get_total_cost_by_period("2025-09-01", datetime.fromisoformat(end), within=usage)
        return said

    return work


def close(url: str, folder: str) -> Work:
    """Closes the month into Parquet with its certificate."""
    from flexlib.dates import Month
    from flexlib.ingest.ledger import close_month
    from flexlib.ledger import open_ledger

    def work() -> object:
        certificate = close_month(
            Month(2025, 9), Path(folder), ledger=open_ledger(url, data=Path(folder)), grace=timedelta(days=1)
        ).certificate
        return {"rows": certificate.rows, "sums": str(certificate.state)}

    return work


def archive(url: str, folder: str) -> Work:
    """Takes the closed month out of the database."""
    from flexlib.dates import Month
    from flexlib.ingest.archive import archive_months
    from flexlib.ledger import open_ledger

    def work() -> object:
        ledger = open_ledger(url, data=Path(folder))
        (one,) = archive_months(Month(2025, 10), Path(folder), ledger=ledger, today=date(2026, 11, 1))
        if one.why:
            raise RuntimeError(one.why)
        return one.rows

    return work


def read_bare(url: str, folder: str) -> Work:
    """The yardstick of closing: the same rows by the driver's own SELECT in their order, into Arrow and Parquet.

    No transaction, no sum, no check, no hash, no proof; amounts on SQLite stay the integers that they are there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from flexlib.schema import USAGE

    names = ", ".join("request_id" if name == "id" else name for name in USAGE.names)
    select = f"SELECT {names} FROM llm_usage_statistics WHERE created_at >= {{}} AND created_at < {{}} ORDER BY 2, 1"
    sqlite = url.startswith("sqlite")

    def name_type(field: pa.Field) -> pa.DataType:
        if sqlite:
            return field.type if pa.types.is_string(field.type) else pa.int64()
        return pa.timestamp("us", "UTC") if pa.types.is_timestamp(field.type) else field.type

    schema = pa.schema([pa.field(field.name, name_type(field)) for field in USAGE])

    def work() -> object:
        connection: Any
        if sqlite:
            connection = sqlite3.connect(url.removeprefix("sqlite:///"))
            cursor = connection.cursor()
            bounds = (1_756_684_800_000_000, 1_759_276_800_000_000)
        else:
            import psycopg

            connection = psycopg.connect(url.replace("+psycopg", ""))
            cursor = connection.cursor("bare")
            bounds = ("'2025-09-01 00:00+00'", "'2025-10-01 00:00+00'")  # type: ignore[assignment]
        cursor.execute(select.format(*bounds))
        rows = 0
        Path(folder).mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(f"{folder}/bare.parquet", schema, compression="zstd") as writer:
            while some := cursor.fetchmany(50_000):
                columns = zip(schema, zip(*some, strict=True), strict=True)
                writer.write_table(pa.table([pa.array(one, field.type) for field, one in columns], schema=schema))
                rows += len(some)
        connection.close()
        return {"rows": rows}

    return work


PARTS: dict[str, Callable[..., Work]] = {
    "aggregate_flexlib": lambda *files: sum_parts.aggregate_flexlib(list(files)),
    "aggregate_spark": lambda *files: sum_parts.aggregate_flexlib(list(files), "spark"),
    "aggregate_sql": lambda *files: sum_parts.aggregate_sql(list(files)),
    "aggregate_sql_at_once": lambda *files: sum_parts.aggregate_sql_at_once(list(files)),
    "aggregate_pandas": lambda *files: sum_parts.aggregate_pandas(list(files)),
    "aggregate_pandas_arrow": lambda *files: sum_parts.aggregate_pandas_arrow(list(files)),
    "record": record,
    "hold": hold,
    "insert": insert,
    "fill": fill,
    "count_tallies": count_tallies,
    "total": total,
    "close": close,
    "archive": archive,
    "read_bare": read_bare,
}


def write_plainly(value: object) -> object:
    """Results of all yardsticks in one form: exact text, groups in one order."""
    if isinstance(value, dict):
        return {key: write_plainly(one) for key, one in value.items()}
    if isinstance(value, list):
        rows: list[Any] = [write_plainly(one) for one in value]
        return sorted(rows) if any(isinstance(one, list) for one in value) else rows
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    return "" if (text := str(value)) in ("None", "nan", "<NA>") else text


def main(words: Iterable[str]) -> None:
    part, *arguments = words
    work = PARTS[part](*arguments)
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    # Not ru_maxrss, which starts at what the process held that started this one.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    said = {"seconds": seconds, "cpu": time.process_time(), "mib": int(peak[1]) / 1024}
    print(json.dumps({**said, "result": write_plainly(result)}))


if __name__ == "__main__":
    main(sys.argv[1:])
