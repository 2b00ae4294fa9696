"""Any number of made-up calls as Parquet, by DuckDB out of the row's number: the same rows every time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

__all__ = ["ROWS", "write_usage"]

ROWS = """
WITH numbers AS (
    SELECT range AS n, hash(range) AS h, hash(range + 0.5) AS g FROM range({first}, {first} + {rows})
), drawn AS (
    SELECT *, (h % 12)::INT AS kind, 20 + (h // 4096) % 6000 AS prompt, (g // 64) % 900 AS completion FROM numbers
)
SELECT
    printf('%032x', n) AS id,
    TIMESTAMP '{day}' + to_microseconds((n - {first}) * (86400000000 * {days} // {rows})) AS created_at,
    'call' AS grain,
    1::BIGINT AS requests,
    CASE WHEN g % 50 > 0 THEN 'user' END AS usable_type,
    CASE WHEN g % 50 > 0 THEN 1 + (g // 4096) % {users} END::BIGINT AS usable_id,
    ['openai', 'anthropic', 'google', 'mistral'][1 + kind % 4] AS provider,
    'model-' || chr(97 + kind) AS model,
    [NULL, NULL, 'openrouter', 'together'][(1 + (h // 16) % 4)::INT] AS proxy,
    CASE WHEN kind = 11 THEN 'embedding' ELSE 'text' END AS task_type,
    prompt::BIGINT AS prompt_tokens,
    completion::BIGINT AS completion_tokens,
    (prompt + completion)::BIGINT AS total_tokens,
    (prompt // 3)::BIGINT AS cached_tokens,
    0::BIGINT AS cache_write_tokens,
    NULL::DECIMAL(20, 10) AS cost,
    CASE WHEN kind <> 10 THEN ((prompt * 25 + completion * 100) * 1000 + h % 1000)::BIGINT::DECIMAL(20, 0)
        * 0.0000000001::DECIMAL(11, 10) END::DECIMAL(20, 10) AS amount_in_usd,
    CASE WHEN kind <> 10 AND g % 10 > 0 THEN (prompt * 237 + completion * 950)::BIGINT::DECIMAL(16, 0)
        * 0.0001::DECIMAL(5, 4) END::DECIMAL(20, 4) AS amount_in_clp,
    (200 + g % 9000)::BIGINT AS duration_ms,
    'ok' AS status,
    NULL::VARCHAR AS metadata,
    created_at AS updated_at
FROM drawn ORDER BY n
"""


def write_usage(file: Path, rows: int, *, day: date, days: int, first: int = 0, users: int = 500) -> Path:
    """Writes `rows` calls of `schema.USAGE`, spread evenly over `days` from `day` on; sorted, ids from `first` on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    query = ROWS.format(rows=rows, day=day, days=days, first=first, users=users)
    target = str(file).replace("'", "''")
    duckdb.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    return file
