"""A delivery's tables on their way: each checked, all in order, and cut into tables of one size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from flexlib.dates import Month
from flexlib.errors import BadRecord
from flexlib.i18n import _
from flexlib.privacy import KINDS, PLAIN_GUARD, SIGNS, PrivacyGuard
from flexlib.schema import SHAPES
from flexlib.sources.registry import Source
from flexlib.store.membership import clean_places

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Result = TypeVar("Result")

TABLE_ROWS = 122_880
"""As many rows as DuckDB reads at a time: a row group of the Parquet each."""


def check_tables(tables: Iterable[pa.Table], source: Source, month: Month) -> Iterator[pa.Table]:
    """The tables as they came, when each passes its schema's check and stands behind the one before it.

    Whether an id stands in two of the tables is not seen here; the whole file tells. Raises `BadRecord` at the first
    that does not.
    """
    __, key, check = SHAPES[source.dataset]
    last: list[Any] | None = None
    for table in work_ahead(lambda table: check(table, month), (table for table in tables if table.num_rows)):
        first = _read_key(table, key, 0)
        if last is not None and first <= last:
            raise BadRecord(
                _("rows refused: {key} stands behind {key_2}.").format(key=_write_key(first), key_2=_write_key(last))
            )
        last = _read_key(table, key, table.num_rows - 1)
        yield table


def work_ahead(work: Callable[[pa.Table], Result], tables: Iterable[pa.Table]) -> Iterator[Result]:
    """What `work` gives of each table, in their order: it works in a thread, on a table while the next one is made.

    Raises what is wrong with the first of them, also where meanwhile the next one cannot be made.
    """
    with ThreadPoolExecutor(1) as pool:
        before: Future[Result] | None = None
        try:
            for table in tables:
                working = pool.submit(work, table)
                if before is not None:
                    yield before.result()
                before = working
        except Exception:
            if before is not None:
                before.result()
            raise
        if before is not None:
            yield before.result()


def join_tables(tables: Iterable[pa.Table], rows: int = TABLE_ROWS) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` each, the last of what is left."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(map(len, waiting)) >= rows:
            joined = pa.concat_tables(waiting).combine_chunks()
            yield joined.slice(0, rows)
            waiting = [joined.slice(rows)] if len(joined) > rows else []
    if sum(map(len, waiting)):
        yield pa.concat_tables(waiting).combine_chunks()


def _read_key(table: pa.Table, key: list[str], row: int) -> list[Any]:
    return [table[column][row].as_py() for column in key]


def _write_key(key: list[Any]) -> str:
    moment, *names = key
    return f"{', '.join(names)} at {moment}"


TEXTS = ("model", "status", "tier", "usable_type", "line_item", "unit")
"""Columns of texts that a file says, in which nobody's e-mail or key belongs."""


def mask_private(rows: pa.Table, guard: PrivacyGuard) -> pa.Table:
    """The rows with e-mails and keys masked in their texts, and in calls' metadata what `guard` says, and
    places cleaned, as recording does it. A key of a user that is a secret, or an e-mail, becomes an opaque one.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names, (plain, signs) = rows.column_names, _find_signs(guard)
    for name in (*TEXTS, "usable_key"):
        if name not in names:
            continue
        encoded = rows[name].combine_chunks().dictionary_encode()  # most of the texts are the same few
        if not pc.any(pc.match_substring_regex(encoded.dictionary, signs)).as_py():
            continue
        texts = [_mask_text(text, plain, is_key=name == "usable_key") for text in encoded.dictionary.to_pylist()]
        masked = pa.array(texts, pa.string()).take(encoded.indices)
        rows = rows.set_column(names.index(name), rows.schema.field(name), masked)
    return _mask_metadata(rows, guard) if "metadata" in names else rows


def _find_signs(guard: PrivacyGuard) -> tuple[PrivacyGuard, str]:
    """The guard of texts, with the same secret, and the pattern of what it may find."""
    secrets = [re.escape(guard.secret)] if guard.secret else []
    return replace(PLAIN_GUARD, secret=guard.secret), "|".join([SIGNS, *secrets])


def _mask_text(text: str, guard: PrivacyGuard, *, is_key: bool) -> str:
    return guard.hide_id("key", text) if is_key else guard.mask_text(text)


def hide_ids(
    rows: duckdb.DuckDBPyRelation, name: str, connection: duckdb.DuckDBPyConnection, guard: PrivacyGuard
) -> duckdb.DuckDBPyRelation:
    """The rows of the connection with an opaque id for each that has an e-mail or a key in it; the others stay as they
    are. `name`: of these rows among others, for the table of such ids."""
    import pyarrow as pa

    plain, signs = _find_signs(guard)
    pattern = signs.replace("'", "''")
    found = rows.filter(f"regexp_matches(id, '{pattern}')").select("id").distinct().fetchall()
    hidden = {text: other for (text,) in sorted(found) if (other := plain.hide_id("id", text)) != text}
    if not hidden:
        return rows
    opaque = pa.table({"plain_id": list(hidden), "opaque_id": list(hidden.values())})
    connection.register("opaque", opaque)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE opaque_{name} AS FROM opaque")
    joined = rows.set_alias("rows").join(connection.table(f"opaque_{name}"), "id = plain_id", how="left")
    return joined.select("* EXCLUDE (plain_id, opaque_id) REPLACE (coalesce(opaque_id, id) AS id)")


def _mask_metadata(rows: pa.Table, guard: PrivacyGuard) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows["metadata"].combine_chunks()
    if column.null_count == len(column):
        return rows
    encoded = column.dictionary_encode()
    texts, kinds = list[str](), list[str | None]()
    for text in encoded.dictionary.to_pylist():
        shown = clean_places(told := json.loads(text))
        masked, found = guard.mask(shown)
        texts.append(json.dumps(masked, ensure_ascii=False) if found or shown != told else text)
        kinds.append(",".join(found) or None)
    old = rows["masked"].combine_chunks()
    new = {"metadata": pa.array(texts, pa.string()).take(encoded.indices)}
    found_here = pa.array(kinds, pa.string()).take(encoded.indices)
    new["masked"] = pc.coalesce(found_here, old)
    if pc.any(pc.and_(found_here.is_valid(), old.is_valid())).as_py():  # masked before, as fewer kinds were asked for
        pairs = zip(old.to_pylist(), found_here.to_pylist(), strict=True)
        every = [{kind for text in pair if text for kind in text.split(",")} for pair in pairs]
        new["masked"] = pa.array([",".join(one for one in KINDS if one in them) or None for them in every], pa.string())
    for name, column in new.items():
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), column)
    return rows
