"""The kept tables of rates, ROOT/rates/usd_clp.csv and one a pair: every observation ever read, and which of them hold.

A row is an observation: day, value, source, fetched_at, superseded_at. One that its source changed afterwards stays,
with the moment at which the new one was read in `superseded_at`; the rows without it are the table that is used.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from flexlib.commands import write_command
from flexlib.errors import BadFile, BadRecord
from flexlib.i18n import _
from flexlib.money.fx import USD_CLP, Pair, Rate, Rates, find_rate, sort_rates
from flexlib.nesting import format_given
from flexlib.refusals import explain_refusal
from flexlib.setting_values import seek
from flexlib.store.disk import lock_file, report_disk, write_whole

PAIRS = "???_???.csv"
COLUMNS = ["day", "value", "source", "fetched_at", "superseded_at"]


@dataclass(frozen=True)
class KeptRate:
    """An observation as it was read."""

    rate: Rate
    fetched_at: datetime
    """UTC, whole seconds."""
    superseded_at: datetime | None = None
    """When its source was found to say something else; None: it holds."""


def load_rates(root: Path, pair: Pair = USD_CLP) -> Rates:
    """The rates that hold, of the data folder `root`; empty when none was ever fetched.

    Raises `BadFile` when the file is corrupt.
    """
    return sort_rates(one.rate for one in read_kept_rates(root, pair) if one.superseded_at is None)


def find_rates(days: Iterable[date], root: Path, pair: Pair = USD_CLP) -> dict[date, Rate]:
    """Those that hold on the days, of each that has one. Raises `BadFile` as `load_rates`."""
    rates = load_rates(root, pair)
    return {day: rate for day in days if (rate := find_rate(rates, day)) is not None}


def load_pairs(root: Path) -> dict[Pair, Rates]:
    """The rates that hold, of every pair of which any are kept. Raises `BadFile` when a file is corrupt."""
    seek(root / "rates" / PAIRS)
    names = [file.stem.upper().split("_") for file in (root / "rates").glob(PAIRS)]
    return {(base, quote): load_rates(root, (base, quote)) for base, quote in sorted(names)}


def find_rates_file(root: Path, pair: Pair = USD_CLP) -> Path:
    """Where the table is kept."""
    return root / "rates" / f"{'_'.join(pair).lower()}.csv"


def read_kept_rates(root: Path, pair: Pair = USD_CLP) -> list[KeptRate]:
    """Every observation, superseded ones too, sorted by day and by when they were read."""
    file = find_rates_file(root, pair)
    again = write_command("flexlib fx update" if pair == USD_CLP else f"flexlib fx import FILE --pair {'/'.join(pair)}")
    try:
        rows = list(csv.reader(io.StringIO(file.read_bytes().decode(), newline="")))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        why = explain_refusal(error) if isinstance(error, OSError) else _("it is no table in UTF-8")
        raise BadFile(
            _("{file} cannot be read ({why}); move it away and run: {again}").format(file=file, why=why, again=again)
        ) from error
    if rows[:1] != [COLUMNS]:
        raise BadFile(
            _("{file} does not start with {columns}; move it away and run: {again}").format(
                file=file, columns=",".join(COLUMNS), again=again
            )
        )
    return [_read_row(row, number, file) for number, row in enumerate(rows[1:], 2)]


def write_kept_rates(kept: Iterable[KeptRate], root: Path, pair: Pair = USD_CLP) -> Path:
    """Stores these observations in place of those that are kept, whole or not at all. Raises `DiskFailed`."""
    file = find_rates_file(root, pair)
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in sorted(kept, key=lambda one: (one.rate.day, one.superseded_at is None, one.fetched_at, one.rate)):
        ended = one.superseded_at.isoformat() if one.superseded_at else ""
        rows.writerow([one.rate.day, f"{one.rate.value:f}", one.rate.source, one.fetched_at.isoformat(), ended])
    with report_disk(file.parent):
        write_whole(file, text.getvalue())
    return file


@contextmanager
def lock_rates(root: Path) -> Iterator[None]:
    """Lets one process at a time read, merge and write the table; the others wait those milliseconds."""
    with lock_file(find_rates_file(root).with_name(".lock")):
        yield


def _read_row(row: list[str], number: int, file: Path) -> KeptRate:
    try:
        day, value, source, fetched_at, superseded_at = row
        return KeptRate(
            Rate(date.fromisoformat(day), Decimal(value), source),
            datetime.fromisoformat(fetched_at),
            datetime.fromisoformat(superseded_at) if superseded_at else None,
        )
    except (ValueError, InvalidOperation, BadRecord) as error:
        raise BadFile(
            _("{file}, line {number} cannot be read: {given}. Fix it, or move the file away.").format(
                file=file, number=number, given=format_given(",".join(row))
            )
        ) from error
