"""`flexlib export`: what a month cost, handed over to another system."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    add_roster_option,
    find_exit_code,
    warn_of_month,
)
from flexlib.cli.report_months import open_shown
from flexlib.dates import Month
from flexlib.errors import SumsDiffer
from flexlib.formats import clean_text, format_amount, format_count, format_plain
from flexlib.settings import Settings
from flexlib.store.disk import PRIVATE, PUBLIC
from flexlib.store.server import mark_made_up

if TYPE_CHECKING:
    from flexlib.front.focus import Charges
    from flexlib.front.spend import Spend


@dataclass(frozen=True)
class Exported:
    """What a file holds."""

    rows: int
    usd: Decimal
    """Summed from the file itself."""
    notes: tuple[str, ...] = ()
    """Sentences on what is not in it."""


@dataclass(frozen=True)
class Format:
    """One way to hand a month over."""

    title: str
    suffix: str
    write: Callable[[Spend, Path], Exported]
    """Writes the month into the file, whole or not at all."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "export", "a month's charges as a file for another system", """\
  flexlib export --format focus --year 2025 --month 9
  flexlib export --format focus --year 2025 --month 9 --output september.csv --json
  flexlib export --format csv --year 2025 --month 9 --names
  flexlib export --format focus --demo --year 2025 --month 9""")  # fmt: skip
    titles = "; ".join(f"{name}: {one.title}" for name, one in FORMATS.items())
    parser.add_argument("--format", required=True, choices=tuple(FORMATS), help=titles)
    add_month_options(parser, required=True)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default output/FORMAT_MONTH)")
    parser.add_argument("--names", action="store_true",
                        help="people by name instead of under pseudonyms, for the file's owner alone")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="say as JSON what was written, amounts as exact text")
    add_roster_option(parser)
    add_demo_option(parser)
    parser.set_defaults(run=run_export)


def run_export(arguments: argparse.Namespace, settings: Settings) -> int:
    """Writes the file, says what is in it; the exit code is that of the month."""
    from flexlib.front.months import find_look
    from flexlib.front.spend import load_spend

    month, form = Month(arguments.year, arguments.month), FORMATS[arguments.format]
    settings = open_shown(arguments, settings, month)
    look = find_look(settings, settings.data)
    tolerance = settings.bill_tolerance
    spend = load_spend(
        month,
        None,
        settings.data,
        zone="UTC",
        names=arguments.names,
        tolerance=tolerance,
        look=look,
        roster=arguments.roster or settings.organization,
    )
    name = mark_made_up(f"{arguments.format}_{month}", settings.data) + form.suffix
    path = arguments.output or Path("output", name)
    made = form.write(spend, path)
    if arguments.json:
        print(json.dumps(describe_export(arguments.format, spend, path, made), indent=2, ensure_ascii=False))
    else:
        print(f"📄 {clean_text(str(path))}")
        print(f"{format_count(made.rows, 'charge')} that sum to US$ {format_amount(made.usd)}, the spend of {month}")
    for sentence in made.notes:
        print(f"{month}: {sentence}", file=sys.stderr)
    warn_of_month(spend.loaded[0], {})
    return find_exit_code(spend.certificates, spend.state)


def describe_export(name: str, spend: Spend, path: Path, made: Exported) -> dict[str, object]:
    """What was written, for JSON."""
    return {
        "format": name,
        "month": str(spend.span.months[0]),
        "state": str(spend.state),
        "file": str(path),
        "rows": made.rows,
        "amount_in_usd": format_plain(made.usd),
        "notes": list(made.notes),
    }


def _write_focus(spend: Spend, path: Path) -> Exported:
    from flexlib.front.focus import build_focus

    return _write_charges(build_focus(spend), "BilledCost", spend, path)


def _write_facts(spend: Spend, path: Path) -> Exported:
    from flexlib.front.facts import build_facts

    return _write_charges(build_facts(spend), "usd", spend, path)


def _write_charges(charges: Charges, amount: str, spend: Spend, path: Path) -> Exported:
    """Refuses to write what does not sum to the spend: the one is summed from the file, the other from the month."""
    from flexlib.export import write_rows
    from flexlib.front.focus import read_sums

    spent = Decimal(spend.total("usd") or 0)
    found: list[tuple[int, Decimal]] = []

    def check(file: Path) -> None:
        rows, total = read_sums(file, charges.rows.columns, amount)
        if total != spent:
            raise SumsDiffer(
                f"{path} was not written: its charges sum to US$ {format_plain(total)}, the spend of "
                f"{spend.span.months[0]} is US$ {format_plain(spent)}. This is a fault of flexlib; report it."
            )
        found.append((rows, total))

    write_rows(charges.rows, path, mode=PRIVATE if spend.names else PUBLIC, check=check)
    ((rows, total),) = found
    return Exported(rows, total, charges.notes)


FORMATS: Mapping[str, Format] = {
    "focus": Format("FOCUS 1.2, the open layout of bills that cost tools read, as CSV", ".csv", _write_focus),
    "csv": Format("the same charges under plain names, with what has no price", ".csv", _write_facts),
}
"""By the name that `--format` takes."""
