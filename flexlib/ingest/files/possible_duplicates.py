"""What makes an imported month doubtful though its sums agree: calls that may count twice, amounts changed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from flexlib.certificate import UsageCertificate
from flexlib.formats import format_count
from flexlib.ingest.files.amounts import AMOUNTS
from flexlib.ingest.recount import format_amount

ALIKE = " AND ".join(
    [f"found.{name} = stored.{name}" for name in ("provider", "model", "prompt_tokens", "completion_tokens")]
    + ["date_trunc('millisecond', found.created_at) = date_trunc('millisecond', stored.created_at)"]
)


def count_alike(added: duckdb.DuckDBPyRelation, stored: duckdb.DuckDBPyRelation) -> int:
    """New calls at the moment of a stored one, with its model and tokens: read otherwise, a call has another id."""
    ((count,),) = added.join(stored, ALIKE, how="semi").aggregate("count(*)").fetchall()
    return int(count)


def list_alike(files: Iterable[dict[str, Any]]) -> Iterator[str]:
    for entry in files:
        if count := entry.get("alike"):
            yield (
                f"{format_count(count, 'call')} of {entry['name']}, which was read by other columns than files before "
                "it, at the moment of a stored one, with its model and tokens: they may count twice; import the files "
                "by the same columns, the first with --replace"
            )


def compare_amounts(stored: duckdb.DuckDBPyRelation, before: UsageCertificate | None) -> Iterator[str]:
    """Where the stored amounts are not those of their certificate: filling would carry them on."""
    if before is None:
        return
    sums = stored.aggregate(", ".join(f"sum({name})" for name in AMOUNTS)).fetchall()[0]
    for name, found in zip(AMOUNTS, sums, strict=True):
        if before.tells(name) and format_amount(found) != (told := getattr(before, name)):
            yield f"{name} of the stored rows is {format_amount(found)}, and their certificate says {told}"
