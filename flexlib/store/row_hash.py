"""The hash of a month's rows, the same for the same rows in one table or piece by piece, that of a file's bytes, and
its sums."""

from __future__ import annotations

import hashlib
import os
import time
from array import array
from collections.abc import Collection
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa


DIGITS = 60
"""Room for any sum of amounts."""

SETTLED_NS = 2 * 10**9
"""Nanoseconds after which another change has another time: what is coarsest, FAT's clock, goes by two seconds."""

Sums: TypeAlias = "dict[str, int | Decimal | None]"

_hashed: dict[Path, tuple[tuple[int, ...] | None, str]] = {}
"""What each file was before it was last hashed, and the hash."""


class RowHash:
    """SHA-256 of rows as text, a line each, columns by commas, null as nothing; tables are added in their order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, rows: pa.Table) -> None:
        """Takes in the rows of one more table."""
        # By way of Arrow's own text, whose buffer is hashed as it lies: a row never becomes a Python object.
        import pyarrow as pa
        import pyarrow.compute as pc

        comma, end, nothing = _build_texts()
        as_nothing: Any = {"null_handling": "replace", "null_replacement": ""}
        for batch in filter(len, rows.to_batches()):
            columns: list[pa.Array | pa.StringScalar] = []
            for column in batch.columns:
                # A column of nothing but nulls, as many are, is nothing in each row; of several that follow each other
                # only the commas between them are left, in one text for all rows.
                if column.null_count < len(column):
                    columns.append(column.cast("string"))
                elif columns and isinstance(columns[-1], pa.StringScalar):
                    columns[-1] = pc.binary_join_element_wise(columns[-1], nothing, comma)
                else:
                    columns.append(nothing)
            # The line's end goes behind the last column, not behind the line: so no line is copied twice.
            columns[-1] = pc.binary_join_element_wise(columns[-1], nothing, end, **as_nothing)
            text = pc.binary_join_element_wise(*columns, comma, **as_nothing)
            _, offsets, content = text.buffers()
            size = memoryview(offsets).cast("i")[len(text)]
            self._digest.update(memoryview(content)[:size])

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def hash_file(file: Path) -> str:
    """The SHA-256 of the file's bytes: a gigabyte a second or more."""
    with open(file, "rb") as content:
        before = _sign(content)
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    _hashed[file] = before, sha256
    return sha256


def is_still(file: Path, sha256: str) -> bool:
    """Whether the file's bytes have that hash now. They are read again only where the file was touched since
    `hash_file` gave it, or so shortly before that its times may not show it. Raises `OSError`."""
    with open(file, "rb") as content:
        now = _sign(content)
    return (now is not None and _hashed.get(file) == (now, sha256)) or hash_file(file) == sha256


def _sign(content: BinaryIO) -> tuple[int, ...] | None:
    """What is another for a file that is written or replaced from now on; None where nothing is."""
    found = os.fstat(content.fileno())
    # Windows has no time of the last change that nobody can set back.
    if os.name == "nt" or time.time_ns() - found.st_ctime_ns <= SETTLED_NS:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(maxsize=64)
def hash_parquet(file: Path, file_sha256: str) -> str:
    """The `RowHash` of a Parquet whose bytes have that hash: a second for a million calls, once in a process.

    Raises `ValueError` where it is no Parquet.
    """
    import pyarrow.parquet as pq

    digest = RowHash()
    try:
        with pq.ParquetFile(file) as rows:
            for group in range(rows.num_row_groups):
                digest.add(rows.read_row_group(group))
    except OSError as error:  # so Arrow calls pages that it cannot unpack
        raise ValueError(f"{file} is no Parquet") from error
    return digest.hexdigest()


def sum_file(file: Path, columns: Collection[str]) -> Sums:
    """The number of `rows` of a Parquet, and the exact sums of its `columns`, None where no row has a value."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    sums: Sums = dict.fromkeys(columns)
    with pq.ParquetFile(file) as rows, localcontext(Context(prec=DIGITS)):
        for group in range(rows.num_row_groups):
            for name, column in zip(columns, rows.read_row_group(group, [*columns]).columns, strict=True):
                if pa.types.is_decimal(column.type):
                    column = column.cast(pa.decimal128(38, column.type.scale))
                part = pc.sum(column).as_py()
                if part is not None:
                    sums[name] = part + (sums[name] or 0)
        return {"rows": rows.metadata.num_rows, **sums}


def _build_texts() -> list[pa.StringScalar]:
    """A comma, a line's end and nothing; not by pa.scalar, which imports pandas to convert a Python value."""
    import pyarrow as pa

    offsets = pa.py_buffer(array("i", [0, 1, 2, 2]))
    return list(pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b",\n")]))
