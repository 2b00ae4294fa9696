"""Calls of one id in two places: counted once where both say the same, refused where they do not."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from flexlib.errors import BadFile
from flexlib.ingest.tables import TABLE_ROWS, mask_metadata
from flexlib.money.amounts import drop_filled
from flexlib.schema import USAGE

FIGURES = ("rows", "prompt_tokens", "completion_tokens")


def compare_calls(
    connection: duckdb.DuckDBPyConnection, found: str, known: str, names: dict[int, str], lifted: Iterable[str] = ()
) -> dict[str, int]:
    """Rows and tokens of the calls of `found` that stand in `known` too; both are views, `found` with its `file`.

    What is `lifted` out of the metadata flexlib 0.1.0 did not read: there the metadata alone says whether it is alike.
    Raises `BadFile`, with the name of the file, where the two say something else.
    """
    before_it = {name: f"coalesce(known.{name}, found.{name})" for name in lifted}
    columns = ", ".join(
        [f"found.{name}" for name in USAGE.names]
        + [f"{before_it.get(name, f'known.{name}')} AS known_{name}" for name in USAGE.names]
        + ["found.file"]
    )
    counts = dict.fromkeys(FIGURES, 0)
    changed: list[tuple[str, int]] = []
    query = f"SELECT {columns} FROM {found} found JOIN {known} known ON found.id = known.id"
    for batch in connection.sql(query).to_arrow_reader(TABLE_ROWS):
        again, before = (
            mask_metadata(drop_filled(pa.Table.from_arrays(batch.columns[start : start + len(USAGE)], schema=USAGE)))
            for start in (0, len(USAGE))
        )
        if not before.equals(again):
            rows = zip(before.to_pylist(), again.to_pylist(), batch.columns[-1].to_pylist(), strict=True)
            changed += [(one["id"], file) for one, other, file in rows if one != other]
        counts["rows"] += len(again)
        for name in FIGURES[1:]:
            counts[name] += pc.sum(again[name]).as_py()
    if changed:
        first, file = min(changed)
        here = sum(number == file for _, number in changed)
        raise BadFile(
            f"{names[file]} differs from what is stored in {here} calls of the same id, such as {first}. "
            "Import it together with the other files of its months and --replace; alone it would drop what they hold."
        )
    return counts
