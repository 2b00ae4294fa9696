"""Months that another version of flexlib wrote, read as today's."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from usage_samples import BLANK

from flexlib.schema import USAGE
from flexlib.store.usage_files import read_usage

FIRST_COLUMNS = (
    "id, created_at, usable_type, usable_id, provider, model, proxy, task_type, prompt_tokens, completion_tokens, "
    "total_tokens, cached_tokens, cache_write_tokens, cost, amount_in_usd, amount_in_clp, duration_ms, status, "
    "metadata, updated_at"
)


def write_first(file: Path, name: str, metadata: str | None) -> Path:
    """A Parquet as flexlib 0.1.0 wrote it: one call, with what the ledger noted at the end of its metadata."""
    noted = "NULL" if metadata is None else f"'{metadata}'"
    moment = "TIMESTAMP '2025-09-01 10:00:00'"
    duckdb.execute(f"""COPY (SELECT '{name}' AS id, {moment} AS created_at, NULL::VARCHAR AS usable_type,
        NULL::BIGINT AS usable_id, 'openai' AS provider, 'gpt-4o' AS model, NULL::VARCHAR AS proxy, 'text' AS task_type,
        100::BIGINT AS prompt_tokens, 10::BIGINT AS completion_tokens, 110::BIGINT AS total_tokens,
        0::BIGINT AS cached_tokens, 0::BIGINT AS cache_write_tokens, NULL::DECIMAL(20, 10) AS cost,
        0.5::DECIMAL(20, 10) AS amount_in_usd, NULL::DECIMAL(20, 4) AS amount_in_clp, NULL::BIGINT AS duration_ms,
        NULL::VARCHAR AS status, {noted}::VARCHAR AS metadata, {moment} AS updated_at) TO '{file}' (FORMAT parquet)""")
    assert ", ".join(duckdb.read_parquet(str(file)).columns) == FIRST_COLUMNS
    return file


CALL = BLANK | {
    "created_at": datetime(2025, 9, 1, 10),
    "updated_at": datetime(2025, 9, 1, 10),
    "provider": "openai",
    "model": "gpt-4o",
    "task_type": "text",
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "total_tokens": 110,
    "cached_tokens": 0,
    "cache_write_tokens": 0,
    "amount_in_usd": Decimal("0.5"),
}


@pytest.mark.parametrize(
    ("metadata", "columns"),
    [
        (None, {}),
        ('{"team":"x"}', {"metadata": '{"team":"x"}'}),
        (
            '{"team":null,"price_source":"genai-prices 0.2.3 (openai)","price_date":"2024-10-01"}',
            {
                "metadata": '{"team":null}',
                "price_source": "genai-prices 0.2.3 (openai)",
                "price_date": date(2024, 10, 1),
            },
        ),
        ('{"price_source":"list","price_date":null}', {"price_source": "list"}),
        ('{"unpriced":"the list \\"x\\" has no price"}', {"unpriced": 'the list "x" has no price'}),
        (
            '{"rate":"965.85","rate_day":"2025-09-01","rate_source":"mindicador.cl"}',
            {"fx_rate": Decimal("965.85"), "fx_date": date(2025, 9, 1), "fx_source": "mindicador.cl"},
        ),
        (
            '{"tier":"batch","cache_write_1h_tokens":20,"web_searches":3}',
            {
                "metadata": '{"tier":"batch","cache_write_1h_tokens":20,"web_searches":3}',
                "tier": "batch",
                "cache_write_1h_tokens": 20,
                "web_searches": 3,
            },
        ),
        ('{"tier":5,"web_searches":"3"}', {"metadata": '{"tier":5,"web_searches":"3"}'}),
        (
            '{"masked":["email","key"],"repriced":[{"amount_in_usd":"0.4"}],"rate_unreadable":"no"}',
            {"masked": "email,key", "earlier_amounts": '[{"amount_in_usd":"0.4"}]', "unconverted": "no"},
        ),
    ],
)
def test_what_the_first_version_noted_in_the_metadata_stands_in_columns(
    tmp_path: Path, metadata: str | None, columns: dict[str, object]
) -> None:
    rows = read_usage([write_first(tmp_path / "a.parquet", "a", metadata)]).to_arrow_table()
    assert rows.cast(USAGE).to_pylist() == [CALL | {"id": "a"} | columns]


def test_files_of_both_versions_are_read_side_by_side(tmp_path: Path) -> None:
    first = write_first(tmp_path / "a.parquet", "a", '{"unpriced":"no list"}')
    second = tmp_path / "b.parquet"
    read_usage([first]).select("* REPLACE ('b' AS id, 7 AS requests, 'day' AS grain)").to_parquet(str(second))
    rows = read_usage([first, second]).order("id").select("id, grain, requests, unpriced").fetchall()
    assert rows == [("a", "call", 1, "no list"), ("b", "day", 7, "no list")]
