"""Rows of the ledger as Arrow: their columns, and the types that a client gives made those of `schema.USAGE`."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from flexlib.ledger.db.database import Ledger

if TYPE_CHECKING:
    import pyarrow as pa


Tables: TypeAlias = "Generator[pa.Table, None, None]"


def read_ahead(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch, None, None]:
    """The batches, the next being fetched by another thread while one is worked on; Arrow holds no lock meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(next, batches, None)
        while (batch := ahead.result()) is not None:
            ahead = pool.submit(next, batches, None)
            yield batch


def write_sql(ledger: Ledger, select: sa.Select[*tuple[Any, ...]]) -> str:
    """The query with its values in it, for clients that SQLAlchemy does not know."""
    return str(select.compile(ledger.engine, compile_kwargs={"literal_binds": True}))


def build_table(columns: Iterable[pa.Array], empty: Collection[str] = ()) -> pa.Table:
    """The columns in the types of `schema.USAGE`, those that are `empty` being null in each row."""
    import pyarrow as pa

    from flexlib.schema import USAGE

    fields = [field for field in USAGE if field.name not in empty]
    found = {field.name: _cast(values, field) for values, field in zip(columns, fields, strict=True)}
    rows = len(found["id"])
    arrays = [found[field.name] if field.name in found else pa.nulls(rows, field.type) for field in USAGE]
    return pa.Table.from_arrays(arrays, schema=USAGE)


def _cast(values: pa.Array, field: pa.Field) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_decimal(field.type):
        # Whole steps are what a decimal consists of: only the type's scale is put on them.
        steps = values.cast(pa.int64()).cast(pa.decimal128(19, 0))
        return pa.Array.from_buffers(field.type, len(steps), steps.buffers(), offset=steps.offset)
    if pa.types.is_date32(field.type) and not pa.types.is_date32(values.type):
        return values.cast(pa.int32()).cast(field.type)
    return values.cast(field.type)


def list_columns(empty: Collection[str] = ()) -> dict[str, pa.Field]:
    """The columns of `schema.USAGE` that are not `empty`, by their names in the table: the id is the request id."""
    from flexlib.schema import USAGE

    return {"request_id" if one.name == "id" else one.name: one for one in USAGE if one.name not in empty}


def is_text(field: pa.Field) -> bool:
    """Whether the column is a text, and not a number or a time, which SQLite keeps as integers."""
    import pyarrow as pa

    return bool(pa.types.is_string(field.type))
