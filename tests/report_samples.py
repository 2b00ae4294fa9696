"""What the tests of the report stand on: rows of credits by hand, certificates in every state, and the fixture."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timezone
from html import unescape
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from stored import hash_rows, write_snapshot

from flexlib import analysis as aggregate
from flexlib.certificate import CreditsCertificate
from flexlib.checks import Check
from flexlib.dates import Month
from flexlib.report.manifest import hash_bytes, name_manifest, seal_manifest
from flexlib.schema import CREDITS
from flexlib.store.version import Snapshot

__all__ = [
    "FIXTURE", "SEPTEMBER", "THINKING", "Row", "certify", "make_rows", "read_cells", "read_words", "store_month",
    "write_manifest",
]  # fmt: skip

FIXTURE = Path(__file__).parent / "data" / "fixture"

SEPTEMBER = Month(2025, 9)

THINKING = "MODEL_CLAUDE_4_SONNET_THINKING"

Row = tuple[int, str, str, int, int]
"""Day of the month, user, model id, prompt credits, flex credits (hundredths)."""

AGREES = Check("agrees", "one way against another", 3)


def make_rows(rows: Sequence[Row], month: Month = SEPTEMBER) -> pd.DataFrame:
    """The rows as a snapshot gives them, sorted."""
    frame: pd.DataFrame = _make_table(rows, month).to_pandas()
    return frame


def certify(rows: pd.DataFrame, **changes: object) -> CreditsCertificate:
    """A certificate of the rows, COMPLETE but for the `changes`."""
    statistics = aggregate.credits_statistics(rows)
    values: dict[str, Any] = {
        "month": SEPTEMBER,
        "read_at": datetime(2025, 10, 3, 6, 0, tzinfo=timezone.utc),
        "rows": len(rows),
        "quarantined_rows": 0,
        "rows_sha256": "0" * 64,
        "flexlib_version": "0.1.0",
        "server": "https://server.codeium.com",
        "route": "team",
        "route_reason": "the first choice, and the server answered it",
        "users_asked": 5930,
        "users_active": statistics.users_active,
        "flex_credits_hundredths": statistics.flex_credits,
        "prompt_credits_hundredths": statistics.prompt_credits,
        "sums": AGREES,
        "cross_check": AGREES,
        "balance": Check("not checked", why="the billing cycle is 2025-09-12 to 2025-10-11, not the month"),
    }
    return CreditsCertificate(**values | changes)


def store_month(root: Path, rows: Sequence[Row], **changes: object) -> Snapshot:
    """The rows as a snapshot under `root`, with the people `ana`, `ben` ... as Ana, Ben."""
    month = cast(Month, changes.get("month", SEPTEMBER))
    table = _make_table(rows, month)
    certificate = certify(table.to_pandas(), **{"rows_sha256": hash_rows(table), **changes})
    people = {user: {"email": f"{user}@example.com", "name": user.title()} for _, user, *_ in rows}
    return write_snapshot(table, certificate, [], people, root)


def read_cells(html: str, table: str) -> list[list[str]]:
    """The words of each cell of the body and the foot of the table with this id, a list a line."""
    found = re.search(rf'<table[^>]* id="{table}">(.*?)</table>', html, re.DOTALL)
    assert found, f"no table {table}"
    lines = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1].partition("</thead>")[2], re.DOTALL)
    return [[read_words(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", line, re.DOTALL)] for line in lines]


def read_words(html: str) -> str:
    """What a reader reads of it."""
    return " ".join(unescape(re.sub(r"<(?:style|desc|title).*?</(?:style|desc|title)>|<[^>]+>", " ", html)).split())


def _make_table(rows: Sequence[Row], month: Month) -> pa.Table:
    sorted_rows = sorted(rows)
    columns: list[list[Any]] = [
        [datetime.combine(date(month.year, month.month, day), datetime.min.time()) for day, *_ in sorted_rows],
        *([row[place] for row in sorted_rows] for place in (1, 2, 3, 4)),
        [1] * len(sorted_rows),
    ]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, CREDITS, strict=True)], CREDITS)


def write_manifest(file: Path, /, **changes: Any) -> None:  # noqa: ANN401
    """The manifest of a page, as `flexlib report` leaves it beside it, with these entries; of a stored month what is
    not said is of none."""
    manifest: dict[str, Any] = {
        "form": 1, "page": {"sha256": hash_bytes(file.read_bytes()), "headlines": {}}, "parameters": {},
        "notebook": {"file": "notebooks/mine.ipynb", "sha256": ""}, "language": "en", "made_up": False, "snapshots": {},
        "files": {}, "settings": {}, "versions": {}, "pseudonyms": None, "unclosed": None,
    } | changes  # fmt: skip
    empty = {"version": "20250930T120000.000000Z-00000000", "state": "COMPLETE", "rows": 0, "sums": {},
             "rows_sha256": "", "certificate_sha256": ""}  # fmt: skip
    manifest["snapshots"] = {name: empty | one for name, one in manifest["snapshots"].items()}
    name_manifest(file).write_text(json.dumps(manifest | {"seal": seal_manifest(manifest)}), "utf-8")
