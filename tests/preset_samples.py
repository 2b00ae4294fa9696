"""Files of known systems, read as their preset says: what a test holds against sums made by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from flexlib.ingest.files.importing import import_usage
from flexlib.sources.files import read_calls
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.presets import choose_preset


@dataclass(frozen=True)
class Sums:
    """What a file holds, over all of its months."""

    rows: int
    requests: int | None
    prompt: int
    completion: int
    cached: int = 0
    written: int = 0
    usd: Decimal | None = None
    """Of the rows whose amount the file tells; None where it tells none."""
    untold: int = 0
    """Rows whose amount it does not tell."""


def write_file(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text.strip() + "\n", "utf-8")
    return file


def write_lines(folder: Path, name: str, *rows: object) -> Path:
    """A line of JSON for each row; a text is a line as it stands."""
    return write_file(folder, name, "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))


def build_mapping(file: Path, preset: str | None = None) -> CallMapping:
    """How the file is read; its columns tell the preset where none is named."""
    found, columns = choose_preset(file, preset)
    mapping = found.build_mapping(columns)
    assert isinstance(mapping, CallMapping)
    return mapping


def read_rows(file: Path, preset: str | None = None) -> list[dict[str, Any]]:
    """The rows that are taken, in order; none may be quarantined."""
    rows: list[dict[str, Any]] = []
    with read_calls(file, build_mapping(file, preset)) as calls:
        assert [(row.line, row.reason) for row in calls.list_quarantined()] == []
        for month in calls.months:
            rows += calls.read_month(month).order("created_at, model, prompt_tokens, id").to_arrow_table().to_pylist()
    return rows


def sum_rows(file: Path, preset: str | None = None) -> Sums:
    """The sums of those rows."""
    rows = read_rows(file, preset)
    amounts = [row["amount_in_usd"] for row in rows if row["amount_in_usd"] is not None]
    requests = [row["requests"] for row in rows]
    return Sums(
        rows=len(rows),
        requests=None if None in requests else sum(requests),
        prompt=sum(row["prompt_tokens"] for row in rows),
        completion=sum(row["completion_tokens"] for row in rows),
        cached=sum(row["cached_tokens"] for row in rows),
        written=sum(row["cache_write_tokens"] for row in rows),
        usd=sum(amounts, Decimal()) if amounts else None,
        untold=len(rows) - len(amounts),
    )


def find_preset_name(file: Path) -> str:
    """The name of the preset that the file's columns tell."""
    return choose_preset(file)[0].name


def price_file(file: Path, root: Path) -> tuple[Decimal | None, int]:
    """What the file's calls cost once they are imported, and how many rows are unpriced."""
    months = import_usage(file, build_mapping(file), root)
    amounts = [Decimal(text) for one in months if (text := one.certificate.amount_in_usd) is not None]
    return sum(amounts, Decimal()) if amounts else None, sum(one.certificate.unpriced_rows for one in months)


def count_left_out(file: Path, preset: str | None = None) -> dict[str, int]:
    """The rows that are no calls, by kind."""
    kinds: dict[str, int] = {}
    with read_calls(file, build_mapping(file, preset)) as calls:
        for month in calls.months:
            for kind, rows in calls.left_out(month).items():
                kinds[kind] = kinds.get(kind, 0) + rows
    return kinds
