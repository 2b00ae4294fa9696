"""What makes an imported month uncertain though its sums agree: calls that may count twice, amounts changed by hand."""

from __future__ import annotations

from typing import Any

import duckdb

from flexlib.certificate import UsageCertificate
from flexlib.ingest.recount import AMOUNTS, format_exact

SAME_MOMENT = " AND ".join(
    [f"found.{name} = stored.{name}" for name in ("provider", "model", "prompt_tokens", "completion_tokens")]
    + ["date_trunc('millisecond', found.created_at) = date_trunc('millisecond', stored.created_at)"]
)


def count_lookalikes(added: duckdb.DuckDBPyRelation, stored: duckdb.DuckDBPyRelation) -> int:
    """New calls at the moment of a stored one, with its model and tokens: read otherwise, a call has another id."""
    ((count,),) = added.join(stored, SAME_MOMENT, how="semi").aggregate("count(*)").fetchall()
    return int(count)


def compare_amounts(stored: duckdb.DuckDBPyRelation, before: UsageCertificate | None) -> dict[str, list[str | None]]:
    """Amounts whose stored sum is not their certificate's, both as text: filling would carry them on."""
    if before is None:
        return {}
    sums = stored.aggregate(", ".join(f"sum({name})" for name in AMOUNTS)).fetchall()[0]
    pairs: dict[str, list[Any]] = {
        name: [format_exact(found), getattr(before, name)]
        for name, found in zip(AMOUNTS, sums, strict=True)
        if before.has_known_total(name)
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
