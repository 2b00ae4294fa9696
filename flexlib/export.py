"""Finished frames -> CSV files and plain rows for JSON.

CSV: RFC 4180 quoting, UTF-8, `\\n` at line ends, credits with two decimals and no thousands separator. A file is there
whole or not at all. JSON: credits stay integers, and the key says the unit (`flex_credits_hundredths`): exact, where a
decimal number would be read as a float.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.frames import read_rows
from flexlib.dates import Span
from flexlib.errors import DiskFailed
from flexlib.formats import format_credits, format_day, format_month, format_span, round_half_up
from flexlib.store.disk import write_whole

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_by_model_csv(by_day_and_model: object, path: Path) -> Path:
    """`event_date,date_formatted,model,flex_credits`: a line a day and model, zeros too, in the order of the frame.

    `by_day_and_model` is that of `aggregate.credits_by_day_and_model` with the names of `names.name_models`.
    Raises `DiskFailed`; a file that was there before is then untouched.
    """
    columns = ["event_date", "date_formatted", "model", "flex_credits"]
    rows = (
        (row["date"], format_day(row["date"]), _disarm(row["model"]), _decimal(row["flex_credits"]))
        for row in read_rows(by_day_and_model)
    )
    return _write_csv(path, columns, rows)


def write_daily_csv(by_day: object, path: Path) -> Path:
    """`event_date,date_formatted,total_flex_credits,total_prompt_credits,data_points`: a line a day, up.

    `by_day` is that of `aggregate.credits_by_day`. Raises `DiskFailed`.
    """
    columns = ["event_date", "date_formatted", "total_flex_credits", "total_prompt_credits", "data_points"]
    rows = (
        (
            row["date"],
            format_day(row["date"]),
            _decimal(row["flex_credits"]),
            _decimal(row["prompt_credits"]),
            row["data_points"],
        )
        for row in read_rows(by_day)
    )
    return _write_csv(path, columns, rows)


def write_monthly_csv(by_month: object, path: Path) -> Path:
    """`month,month_formatted,total_flex_credits,total_prompt_credits,total_credits_used,data_points`: a line a month.

    `by_month` is that of `aggregate.credits_by_month`; a month is written `2025-09`. Raises `DiskFailed`.
    """
    columns = ["month", "month_formatted", "total_flex_credits", "total_prompt_credits", "total_credits_used"]
    rows = (
        (
            f"{row['month']:%Y-%m}",
            format_month(row["month"]),
            _decimal(row["flex_credits"]),
            _decimal(row["prompt_credits"]),
            _decimal(row["total_credits"]),
            row["data_points"],
        )
        for row in read_rows(by_month)
    )
    return _write_csv(path, [*columns, "data_points"], rows)


def to_json_rows(finished: object) -> list[dict[str, Any]]:
    """The rows of a finished frame, ready for `json.dumps`: days as `2025-09-01`, months as `2025-09`, counts as
    integers, unknown as null; a column of credits is an integer under its name and `_hundredths`."""
    return [{_name_unit(name): _to_json(name, value) for name, value in row.items()} for row in read_rows(finished)]


def to_json_row(statistics: CreditsStatistics) -> dict[str, Any]:
    """The headline numbers as one such row; the average is rounded to a whole hundredth, halves up."""
    return {_name_unit(name): _to_json(name, value) for name, value in asdict(statistics).items()}


def name_file(stem: str, days: Span, today: date, suffix: str = "csv") -> str:
    """`flex_credits_by_model_september_2025_2025-10-21.csv`; days that are no whole month are written out:
    `flex_credits_by_model_2025-09-05_to_2025-09-20_2025-10-21.csv`."""
    return f"{stem}_{format_span(days).lower().replace(' ', '_')}_{today}.{suffix}"


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    text = "".join(_format_line(cells) for cells in [columns, *rows])
    try:
        write_whole(path, text)
    except OSError as error:
        raise DiskFailed(f"{path} cannot be written ({error.strerror}); make room or choose another folder.") from error
    return path


def _format_line(cells: Sequence[object]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)  # ends in \r\n: with \n alone it would leave a lone \r in a cell unquoted
    return line.getvalue().removesuffix("\r\n") + "\n"


def _decimal(hundredths: int) -> str:
    return format_credits(hundredths, thousands="")


def _disarm(text: str) -> str:
    # A spreadsheet would run a cell that starts like this as a formula; behind an apostrophe it is text.
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _name_unit(name: str) -> str:
    return f"{name}_hundredths" if "credits" in name and not name.startswith("days_") else name


def _to_json(name: str, value: object) -> object:
    if isinstance(value, date):
        return f"{value:%Y-%m}" if name == "month" else value.isoformat()
    return round_half_up(value) if isinstance(value, Fraction) else value
