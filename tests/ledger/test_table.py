"""The table: its columns, exact money, what the database itself refuses, its partitions and its indexes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from databases import execute, query

from flexlib.ledger import (
    ConflictingUsage,
    InvalidCall,
    Ledger,
    UsageQuery,
    UsageRecord,
    open_ledger,
    record_many,
    record_usage,
)
from flexlib.ledger.db.table import COLUMNS
from flexlib.schema import USAGE

SEPTEMBER = datetime(2025, 9, 1, tzinfo=timezone.utc)
ALL = UsageQuery()
CALL: dict[str, Any] = {"usable": ("user", 42), "provider": "openai", "model": "gpt-4o", "prompt_tokens": 100}


def test_table_has_the_columns_of_the_seed_and_those_of_the_usage_schema() -> None:
    seed = (
        "id usable_id usable_type provider model proxy task_type prompt_tokens completion_tokens total_tokens cost "
        "amount_in_usd amount_in_clp metadata created_at updated_at"
    )
    assert set(seed.split()) - set(COLUMNS) == set()
    assert set(USAGE.names) - set(COLUMNS) == set()
    assert set(COLUMNS) - set(USAGE.names) == {"request_id"}  # which is the id of a snapshot's row
    assert UsageRecord._fields == COLUMNS


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (Decimal("0.00015"), "0.0001500000"),  # what decimal(10,2) would make nothing
        (Decimal("0.0000000001"), "1E-10"),
        (Decimal("900000000"), "900000000.0000000000"),
        (Decimal("123456789.0123456789"), "123456789.0123456789"),
        ("0.10", "0.1000000000"),
        (3, "3.0000000000"),
        (0.1, "0.1000000000"),
        (0.1 + 0.2, "0.3000000000"),  # a float is rounded: 0.30000000000000004
        (0, "0E-10"),
    ],
)
def test_amount_comes_back_as_it_was_given(ledger: Ledger, given: Any, stored: str) -> None:  # noqa: ANN401
    record = record_usage(**CALL, amount_in_usd=given, cost=given, ledger=ledger)
    read = UsageQuery(ledger).first()
    assert read is not None
    assert (str(record.amount_in_usd), str(record.cost)) == (stored, stored)
    assert (str(read.amount_in_usd), str(read.cost)) == (stored, stored)


def test_pesos_are_exact_to_four_decimals(ledger: Ledger) -> None:
    record_usage(**CALL, amount_in_usd=1, amount_in_clp=Decimal("971.5601"), ledger=ledger)
    assert UsageQuery(ledger).sum("amount_in_clp") == Decimal("971.5601")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("amount_in_usd", Decimal("0.00000000015")),
        ("cost", "0.00000000015"),
        ("amount_in_clp", Decimal("0.00005")),
        ("amount_in_usd", Decimal("-1")),
        ("amount_in_usd", Decimal("NaN")),
        ("amount_in_usd", float("inf")),
        ("amount_in_usd", 900_000_001),
        ("amount_in_usd", "a lot"),
        ("amount_in_usd", True),
    ],
)
def test_amount_that_is_too_fine_too_large_or_none_is_refused(ledger: Ledger, name: str, given: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidCall, match=f"^{name} "):
        record_usage(**CALL, **{name: given}, ledger=ledger)
    assert UsageQuery(ledger).count() == 0


def test_money_is_whole_steps_on_sqlite_and_numeric_on_postgresql(ledger: Ledger) -> None:
    record_usage(**CALL, amount_in_usd=Decimal("0.00015"), amount_in_clp=Decimal("0.1457"), ledger=ledger)
    kind = "typeof" if ledger.backend == "sqlite" else "pg_typeof"
    rows = query(ledger, f"SELECT {kind}(amount_in_usd), amount_in_usd, amount_in_clp FROM llm_usage_statistics")
    expected = {
        "sqlite": [("integer", 1_500_000, 1_457)],
        "postgresql": [("numeric", Decimal("0.0001500000"), Decimal("0.1457"))],
    }
    assert rows == expected[ledger.backend]


def test_sums_of_money_are_exact_where_floats_would_not_be(ledger: Ledger) -> None:
    amounts = ["899999999.9999999999", "0.0000000001", "0.0000000001"]
    record_many([{**CALL, "amount_in_usd": amount} for amount in amounts], ledger=ledger)
    total = UsageQuery(ledger).sum("amount_in_usd")
    assert str(total) == "900000000.0000000001"
    assert float(str(total)) == 900000000.0  # no float is nearer, however well it was summed


def test_sums_go_beyond_what_one_integer_of_sqlite_holds(ledger: Ledger) -> None:
    record_many([{**CALL, "amount_in_usd": "899999999.9999999999"} for _ in range(20)], ledger=ledger)
    assert UsageQuery(ledger).sum("amount_in_usd") == Decimal("17999999999.9999999980")


@pytest.mark.parametrize(
    "change",
    [
        "total_tokens = 99",
        "prompt_tokens = -1, total_tokens = -1",
        "completion_tokens = -100, total_tokens = 0",
        "cached_tokens = -1",
        "cache_write_tokens = -1",
        "cached_tokens = 60, cache_write_tokens = 41",
        "usable_id = NULL",
        "usable_type = NULL",
        "usable_key = 'a'",
        "usable_type = NULL, usable_id = NULL, usable_key = 'a'",
        "grain = 'week'",
        "grain = NULL",
        "requests = 0",
        "requests = NULL",
        "web_searches = -1",
        "duration_ms = -1",
        "provider = NULL",
        "request_id = NULL",
    ],
)
def test_database_refuses_rows_that_cannot_be(ledger: Ledger, change: str) -> None:
    record_usage(**CALL, ledger=ledger)
    with pytest.raises(ledger.driver_error, match="(?i)constraint"):
        execute(ledger, f"UPDATE llm_usage_statistics SET {change}")


def test_the_same_request_id_under_another_time_is_refused_by_name(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="a", created_at=SEPTEMBER, ledger=ledger)
    for moment in (SEPTEMBER + timedelta(seconds=1), SEPTEMBER + timedelta(days=40)):
        with pytest.raises(ConflictingUsage, match="'a' is stored already, and created_at differs") as caught:
            record_usage(**CALL, request_id="a", created_at=moment, ledger=ledger)
        assert caught.value.columns == ("created_at",)
    assert UsageQuery(ledger).count() == 1


def test_postgresql_itself_refuses_a_request_id_in_two_partitions(ledger: Ledger) -> None:
    for moment in ("2025-09-01", "2025-10-01"):
        record_usage(**CALL, request_id=moment, created_at=f"{moment}T00:00Z", ledger=ledger)
    move = "UPDATE llm_usage_statistics SET request_id = '2025-09-01' WHERE request_id = '2025-10-01'"
    with pytest.raises(ledger.driver_error, match="(?i)constraint"):
        execute(ledger, move)
    if ledger.backend == "postgresql":
        names = ", ".join(name for name in COLUMNS if name not in ("id", "created_at"))
        copy = f"INSERT INTO llm_usage_statistics ({names}, created_at) SELECT {names}, '2025-10-02' " + (
            "FROM llm_usage_statistics WHERE request_id = '2025-09-01'"
        )
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            execute(ledger, copy)
        with pytest.raises(psycopg.errors.UniqueViolation):
            execute(ledger, "INSERT INTO llm_usage_request_ids VALUES ('2025-09-01', '2025-10-02')")


def test_each_month_is_a_partition_of_its_own_on_postgresql(ledger: Ledger) -> None:
    moments = [
        "2025-08-31T23:59:59.999999Z",
        "2025-09-01T00:00:00Z",
        "2025-09-30T23:59:59.999999Z",
        "2025-12-31T23:00Z",
    ]
    record_many([{**CALL, "created_at": moment} for moment in moments], ledger=ledger)
    assert UsageQuery(ledger).count() == 4
    if ledger.backend == "postgresql":
        where = "SELECT tableoid::regclass::text, count(*) FROM llm_usage_statistics GROUP BY 1 ORDER BY 1"
        assert query(ledger, where) == [
            ("llm_usage_statistics_2025_08", 1),
            ("llm_usage_statistics_2025_09", 2),
            ("llm_usage_statistics_2025_12", 1),
        ]


def test_partitions_are_made_by_many_at_once(ledger: Ledger) -> None:
    months = [datetime(2025, month, 1, tzinfo=timezone.utc) for month in range(1, 13)]

    def record_year(number: int) -> None:
        own = open_ledger(ledger._url.render_as_string(hide_password=False), data=ledger.data)  # noqa: SLF001
        for month in months:
            record_usage(**CALL, created_at=month, request_id=f"{number} {month}", ledger=own)
        own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record_year, range(8)))
    assert UsageQuery(ledger).count() == 96


def test_a_partition_that_is_gone_is_made_again(ledger: Ledger) -> None:
    record_usage(**CALL, created_at=SEPTEMBER, ledger=ledger)
    if ledger.backend == "postgresql":
        execute(ledger, "DROP TABLE llm_usage_statistics_2025_09")
    record_usage(**CALL, created_at=SEPTEMBER, ledger=ledger)
    assert UsageQuery(ledger).count() == (1 if ledger.backend == "postgresql" else 2)


VALUES = """
    'r' || i, {moment}, 'user', i % 500,
    CASE i % 12 WHEN 0 THEN 'openai' ELSE 'provider ' || (i % 12) END, 'model ' || (i % 80),
    CASE WHEN i % 50 = 7 THEN 'openrouter' END, CASE i / 12 % 7 WHEN 0 THEN 'image' ELSE 'task ' || (i / 12 % 7) END,
    1, 1, 2, 0, 0, {moment}
"""
FILL = {
    "sqlite": "INSERT INTO llm_usage_statistics ({columns}) WITH RECURSIVE n(i) AS "
    "(SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999) SELECT {values} FROM n",
    "postgresql": "WITH n AS (SELECT i FROM generate_series(0, 19999) i), ids AS (INSERT INTO llm_usage_request_ids "
    "SELECT 'r' || i, {moment} FROM n) INSERT INTO llm_usage_statistics ({columns}) SELECT {values} FROM n",
}
MOMENT = {
    "sqlite": "1756684800000000 + i * 120000000",
    "postgresql": "timestamptz '2025-09-01 00:00Z' + i * interval '2 minutes'",
}
COLUMNS_FILLED = """
    request_id, created_at, usable_type, usable_id, provider, model, proxy, task_type,
    prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens, updated_at
"""


def fill(ledger: Ledger) -> None:
    """20,000 calls over four weeks of September 2025, so that a planner has something to choose."""
    record_usage(**CALL, created_at=SEPTEMBER, ledger=ledger)
    moment = MOMENT[ledger.backend]
    values = VALUES.format(moment=moment)
    execute(ledger, FILL[ledger.backend].format(columns=COLUMNS_FILLED, values=values, moment=moment))
    if ledger.backend == "postgresql":
        execute(ledger, "ANALYZE")  # as its autovacuum does; nobody does it on SQLite


def explain(ledger: Ledger, select: Any) -> str:  # noqa: ANN401
    compiled = select.compile(ledger.engine, compile_kwargs={"literal_binds": True})
    words = "EXPLAIN QUERY PLAN" if ledger.backend == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in query(ledger, f"{words} {compiled}".replace("%%", "%")))


INDEX_OF = [
    (ALL.by_provider("openai").by_model("model 4"), "ix_llm_usage_statistics_provider_model_proxy"),
    (ALL.by_provider("openai").by_task_type("image"), "ix_llm_usage_statistics_provider_task_type"),
    (ALL.by_task_type("image"), "ix_llm_usage_statistics_task_type"),
    (ALL.via_openrouter(), "ix_llm_usage_statistics_proxy"),
    (ALL.by_usable(("user", 42)), "ix_llm_usage_statistics_usable"),
    (ALL.between("2025-09-10", "2025-09-10"), "ix_llm_usage_statistics_created_at_request_id"),
]


def find_index(ledger: Ledger, name: str) -> str:
    """The index by its name; on PostgreSQL that part of it which belongs to September."""
    if ledger.backend == "sqlite":
        return name
    whole = "pk_llm_usage_statistics" if name.endswith("_created_at_request_id") else name
    parts = f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{whole}'::regclass"
    ((part,),) = query(ledger, parts)
    return str(part)


def test_each_scope_is_answered_by_its_index(ledger: Ledger) -> None:
    fill(ledger)
    for scope, index in INDEX_OF:
        assert find_index(ledger, index) in explain(ledger, scope._select()).replace(",", " ").split()  # noqa: SLF001


def test_the_order_of_a_month_needs_no_sort(ledger: Ledger) -> None:
    fill(ledger)
    plan = explain(ledger, UsageQuery(ledger).between("2025-09-01", "2025-09-30")._select())  # noqa: SLF001
    assert "created_at" in plan
    assert "TEMP B-TREE" not in plan.upper()
    assert "Sort" not in plan


def test_a_period_reads_only_its_partitions(ledger: Ledger) -> None:
    for month in ("2025-08", "2025-09", "2025-10"):
        record_usage(**CALL, created_at=f"{month}-10T00:00Z", ledger=ledger)
    plan = explain(ledger, UsageQuery(ledger).between("2025-09-01", "2025-09-30")._select())  # noqa: SLF001
    partitions = {"sqlite": set(), "postgresql": {"llm_usage_statistics_2025_09"}}
    assert set(re.findall(r"llm_usage_statistics_\d{4}_\d{2}", plan)) == partitions[ledger.backend]
