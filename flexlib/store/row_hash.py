"""The hash of a month's rows: the same rows give the same one, in one table or piece by piece."""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class RowHash:
    """SHA-256 of rows as text, a line each, columns by commas, null as nothing; tables are added in their order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, rows: pa.Table) -> None:
        """Takes in the rows of one more table."""
        # By way of Arrow's own text, whose buffer is hashed as it lies: a row never becomes a Python object.
        import pyarrow.compute as pc

        comma, end, nothing = _build_texts()
        for batch in filter(len, rows.to_batches()):
            # A column of nothing but nulls, as many are, is nothing in each row.
            columns = [
                nothing if column.null_count == len(column) else column.cast("string") for column in batch.columns
            ]
            lines = pc.binary_join_element_wise(*columns, comma, null_handling="replace", null_replacement="")
            text = pc.binary_join_element_wise(lines, nothing, end)
            _, offsets, content = text.buffers()
            size = memoryview(offsets).cast("i")[len(text)]
            self._digest.update(memoryview(content)[:size])

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _build_texts() -> list[pa.StringScalar]:
    """A comma, a line's end and nothing; not by pa.scalar, which imports pandas to convert a Python value."""
    import pyarrow as pa

    offsets = pa.py_buffer(array("i", [0, 1, 2, 2]))
    return list(pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b",\n")]))
