"""Rates out of files: a person's own, a central bank's, or one that flexlib keeps."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from flexlib.errors import BadFile, BadParameter, BadRecord
from flexlib.i18n import _
from flexlib.money.fx import Rate

DAYS = ("day", "date", "time_period", "fecha", "día", "dia", "periodo")
VALUES = ("value", "rate", "obs_value", "valor")
"""What the columns of days and values are called, in any case: by ourselves, by people, by central banks."""


WITH_COMMA = re.compile(r"(\d+|\d{1,3}(\.\d{3})+),\d+", re.ASCII)
"""`964,50` or `1.012,35`."""
DAY = re.compile(r"\d{4}-\d\d-\d\d|(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4})", re.ASCII)
"""`2025-09-01` or `01-09-2025`."""
MONTHS = 12
DIGITS_OF_A_GROUP = 3
"""After a point so many digits may be decimals or a group of thousands."""


def read_rates_file(file: Path, source: str | None) -> list[Rate]:
    """The rates in a CSV with a column of days (ISO) and one of values; whose they are, a column `source` or `source`.

    Rows that a file of ours calls superseded are left out. Raises `BadFile`, with the line.
    """
    if not file.is_file():
        raise BadFile(
            _("{file} is not a file that exists; give the path of a CSV with the columns date and value.").format(
                file=file
            )
        )
    try:
        text = file.read_text("utf-8-sig")
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        heads = None if not DAY.match(text) else (DAYS[1], VALUES[0])
        reader = csv.DictReader(io.StringIO(text, newline=""), heads, delimiter=delimiter)
        names = {name.strip().lower(): name for name in reader.fieldnames or ()}
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFile(_("{name} is not a CSV in UTF-8; save it as one.").format(name=file.name)) from error
    day, value = (next((names[one] for one in known if one in names), None) for known in (DAYS, VALUES))
    if day is None or value is None:
        raise BadFile(
            _("{name} needs a column {days} and a column {values}; it has {names}.").format(
                name=file.name, days=DAYS[1], values=VALUES[0], names=", ".join(names)
            )
        )
    if source is None and "source" not in names:
        raise BadParameter(
            _("who says the rates of {name}? Add --source, such as --source ECB.").format(name=file.name)
        )
    found: dict[date, Rate] = {}
    written = [match for row in rows if (match := DAY.fullmatch((row[day] or "").strip())) and match["first"]]
    # Which number is the day, a day above 12 proves.
    is_day_first = any(int(one["first"]) > MONTHS for one in written)
    for number, row in enumerate(rows, 1 if heads else 2):
        if row.get("superseded_at"):
            continue
        said = source or row[names["source"]]
        try:
            when, amount = _read_day(row[day].strip(), is_day_first), _read_written(row[value].strip(), delimiter)
            rate = Rate(when, amount, said.strip())
        except (ValueError, InvalidOperation, AttributeError, BadRecord) as error:
            text = delimiter.join(str(one) for one in row.values())
            raise BadFile(
                _("{name}, line {number} is not a rate: {text!r}; write 2025-09-30,1.08.").format(
                    name=file.name, number=number, text=text
                )
            ) from error
        if found.setdefault(rate.day, rate) != rate:
            raise BadFile(_("{name} gives {day} two values; leave one.").format(name=file.name, day=rate.day))
    return sorted(found.values())


def _read_day(text: str, is_day_first: bool) -> date:
    match = DAY.fullmatch(text)
    if match and match["first"] and is_day_first:
        return date(int(match["year"]), int(match["second"]), int(match["first"]))
    return date.fromisoformat(text)


def _read_written(text: str, delimiter: str) -> Decimal:
    """A value as it stands in a file: between semicolons with a decimal comma, as Chile's banks and SII write it."""
    if delimiter == ";" and WITH_COMMA.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    if delimiter == ";" and "." in text and len(text.rpartition(".")[2]) == DIGITS_OF_A_GROUP:
        raise ValueError(f"{text} may be thousands or decimals")
    return Decimal(text)
