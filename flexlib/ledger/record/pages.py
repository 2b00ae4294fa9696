"""Recorded calls of a month changed a page at a time: each page is read, changed and stored in one transaction.

Nobody else changes a row of the page meanwhile. Between two pages the others may write: SQLite knows one writer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from flexlib.dates import Month
from flexlib.i18n import mark_text
from flexlib.ledger.db.columns import to_microseconds
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.table import COLUMNS, TABLE, lock_counters
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.writing import decode_record, encode_record, list_json_kinds, list_kinds, open_transaction
from flexlib.money.amounts import FILLED

PAGE_ROWS = 2_000
CHANGED = (*FILLED, "earlier_amounts", "updated_at")
KEY = ("created_at", "request_id")
GO_ON = mark_text(" Amounts filled or repriced so far are kept, and nothing else was stored; run it again to go on.")


def change_pages(
    ledger: Ledger,
    month: Month,
    condition: str,
    change: Callable[[list[UsageRecord]], list[UsageRecord]],
    *,
    store: bool = True,
) -> Iterator[tuple[list[UsageRecord], list[UsageRecord]]]:
    """Hands the month's calls for which the SQL `condition` holds to `change`, in their order, a page at a time.

    What it gives back is stored, as far as amounts, what they stand on and `updated_at` go, unless not `store`; then
    the page's calls and the changed ones are yielded. A page that fails changes nothing; `change` may see one again
    after a busy database. Raises `LedgerUnavailable`, `LedgerFailed`.
    """
    after: tuple[datetime, str] | None = (month.previous.end, "")

    def change_page() -> tuple[list[UsageRecord], list[UsageRecord]]:
        assert after is not None
        with open_transaction(ledger) if store else ledger.connect() as connection:
            records = _read_page(ledger, connection, month, condition, after, lock=store)
            changed = change(records) if records else []
            if changed and store:
                lock_counters(connection)
                _store(ledger, connection, month, changed)
        return records, changed

    while after is not None:
        start = time.monotonic()
        records, changed = run_with_retries(ledger, change_page, GO_ON)
        after = (records[-1].created_at, records[-1].request_id) if len(records) == PAGE_ROWS else None
        if after is not None and store and ledger.backend == "sqlite":
            # As long as the page took: a writer that tries again in between finds the door open every other time.
            time.sleep(time.monotonic() - start)
        yield records, changed


def _read_page(
    ledger: Ledger,
    connection: Any,  # noqa: ANN401 (the driver's connection)
    month: Month,
    condition: str,
    after: tuple[datetime, str],
    *,
    lock: bool,
) -> list[UsageRecord]:
    mark, locking = ("%s", " FOR UPDATE" * lock) if ledger.backend == "postgresql" else ("?", "")
    query = (
        f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE created_at >= {mark} AND created_at < {mark} "  # noqa: S608
        f"AND (created_at, request_id) > ({mark}, {mark}) AND ({condition}) "
        f"ORDER BY created_at, request_id LIMIT {PAGE_ROWS}{locking}"
    )
    # The first bound says nothing that the row comparison does not, but only it lets SQLite start there in the index.
    bounds: list[Any] = [after[0], month.end, after[0]]
    if ledger.backend == "sqlite":
        bounds = [to_microseconds(one) for one in bounds]
    return [decode_record(row) for row in connection.execute(query, [*bounds, after[1]]).fetchall()]


def _store(ledger: Ledger, connection: Any, month: Month, records: Sequence[UsageRecord]) -> None:  # noqa: ANN401
    now = datetime.now(timezone.utc)
    names = (*CHANGED, *KEY)
    places = [COLUMNS.index(name) for name in names]
    changed = (one._replace(updated_at=now, metadata=None) for one in records)  # metadata is not stored again
    rows = [[row[place] for place in places] for row in (encode_record(ledger, one) for one in changed)]
    if ledger.backend == "sqlite":
        sets, keys = (", ".join(f"{name} = ?" for name in CHANGED), " AND ".join(f"{name} = ?" for name in KEY))
        connection.executemany(f"UPDATE {TABLE} SET {sets} WHERE {keys}", rows)  # noqa: S608
        return
    kinds, json_kinds = list_kinds(), list_json_kinds()
    sets = ", ".join(f"{name} = new.{name}::{kinds[name]}" for name in CHANGED)
    connection.execute(
        f"UPDATE {TABLE} one SET {sets} FROM json_to_recordset(%s::json) "  # noqa: S608
        f"AS new({', '.join(f'{name} {json_kinds[name]}' for name in names)}) "
        "WHERE one.created_at = new.created_at AND one.request_id = new.request_id "
        "AND one.created_at >= %s AND one.created_at < %s",  # one partition, known before it runs
        [json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str), month.previous.end, month.end],
    )
