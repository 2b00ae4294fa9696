"""`flexlib chargeback`: who a month is charged to, with the proof that it is all of it; files for billing, letters."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    add_roster_option,
    find_exit_code,
    read_count,
    warn_of_month,
)
from flexlib.cli.report_months import load_shown_spend, open_shown
from flexlib.dates import Month
from flexlib.errors import BadFile, InvalidRequest
from flexlib.formats import clean_text, format_plain
from flexlib.i18n import _, write_json
from flexlib.settings import DEMO, Settings
from flexlib.store.membership import LEVELS as PLACES

if TYPE_CHECKING:
    from flexlib.analysis.chargeback import ChargeLine
    from flexlib.front.chargeback import Chargeback

LEVELS = (*PLACES, "person")
"""What a month can be charged to, as `front.chargeback` has it, which is loaded for nobody else."""

SHOWN = 40
"""Lines shown of those who are charged, unless another number is asked for; files have all."""
EXAMPLE = Path("params", "chargeback.example.yaml")


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "chargeback",
                         _("who a month is charged to, and the proof that it is all of it"), _("""\
  flexlib chargeback --year 2025 --month 9
  flexlib chargeback --year 2025 --month 9 --by cost_centre --csv billing.csv
  flexlib chargeback --year 2025 --month 9 --by person --names --json
  flexlib chargeback --year 2025 --month 9 --per department    a page for each, holding only its part"""))  # fmt: skip
    add_month_options(parser, required=True)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--by", choices=LEVELS, default="department", help=_("who is charged (default department)"))
    which.add_argument("--per", choices=LEVELS, help=_("write a page for each of them, holding only its part"))
    parser.add_argument("--rules", type=Path, metavar="FILE",
                        help=_("pools, their rules, and taxes (default params/chargeback.yaml, if there)"))  # fmt: skip
    add_roster_option(parser)
    parser.add_argument("--of", choices=("usd", "clp", "flex_credits"), default="usd",
                        help=_("the unit in which items are shown (default usd)"))  # fmt: skip
    parser.add_argument("--zone", default="UTC", help=_("whose month, such as America/Santiago (default UTC)"))
    parser.add_argument(
        "--top",
        type=read_count,
        default=SHOWN,
        metavar="N",
        help=_("lines shown before the others are one (default {shown})").format(shown=SHOWN),
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help=_("write every item of every line, for billing"))
    parser.add_argument(
        "--output-dir", type=Path, default=Path("reports"), metavar="FOLDER", help=_("where pages go (default reports)")
    )
    parser.add_argument("--with-total", action="store_true", help=_("say on each page what the whole month came to"))
    parser.add_argument("--share", action="store_true",
                        help=_("departments of few people as one line, for a page that everybody may see"))  # fmt: skip
    parser.add_argument("--names", action="store_true", help=_("people by name instead of under pseudonyms"))
    parser.add_argument("--json", action="store_true", help=_("print every item of every line as JSON"))
    add_demo_option(parser)
    parser.set_defaults(run=run_chargeback)


def run_chargeback(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints who is charged, writes what was asked for, gives the exit code of the month's state; 4, and nothing
    written, where the lines are not the whole month."""
    from flexlib.front.chargeback import charge_month, find_rules

    if arguments.rules and not arguments.rules.is_file():
        raise BadFile(
            _("{rules} is not there; copy {example} to it and write your rules.").format(
                rules=arguments.rules, example=EXAMPLE
            )
        )
    if arguments.share and (arguments.per or arguments.names):
        raise InvalidRequest(_("--share is of what everybody may see; leave out --per and --names."))
    if arguments.with_total and not arguments.per:
        raise InvalidRequest(_("--with-total is of pages, of which none is written; add --per department."))
    rules = find_rules(arguments.rules)
    month = Month(arguments.year, arguments.month)
    settings = open_shown(arguments, settings, month)
    spend = load_shown_spend(settings, month, zone=arguments.zone, names=arguments.names, roster=arguments.roster)
    made = charge_month(spend, arguments.per or arguments.by, rules, share=arguments.share)
    written = _write_files(made, arguments, settings)
    if arguments.json:
        print(write_json(describe_chargeback(made) | written))
    else:
        print(render_chargeback(made, arguments.of, arguments.top))
        for files in written.values():
            print(*[f"📄 {clean_text(file)}" for file in files], sep="\n")
    warn_of_month(made.usage, {})
    return find_exit_code(made.usage.certificates, made.usage.state)


def _write_files(made: Chargeback, arguments: argparse.Namespace, settings: Settings) -> dict[str, list[str]]:
    from flexlib.export import write_csv
    from flexlib.report.notes import note_files
    from flexlib.tables.billing import table_billing

    written: dict[str, list[str]] = {}
    if arguments.csv:
        table = table_billing(made.lines, made.items, made.level, str(made.month), made.rules)
        is_private = made.level == "person" and arguments.names
        written["csv"] = [str(write_csv(table, arguments.csv, is_private=is_private))]
        note_files([arguments.csv], names=is_private)
    if arguments.per:
        written["pages"] = [str(page) for page in _write_letters(made, arguments, settings)]
    return written


def _write_letters(made: Chargeback, arguments: argparse.Namespace, settings: Settings) -> list[Path]:
    """A page for each of those who are charged, in the folder of the month's reports."""
    from flexlib.analysis.frames import read_rows
    from flexlib.page.chargeback import build_letter
    from flexlib.report.letters import write_letters
    from flexlib.report.notes import note_files
    from flexlib.store.server import is_made_up

    folder = arguments.output_dir / (DEMO if is_made_up(settings.data) else "") / str(made.month) / "chargeback"
    letters = (
        (line.name, build_letter(made, line, read_rows(made.list_models(line)), with_total=arguments.with_total))
        for line in made.parts
    )
    is_private = made.level == "person" and arguments.names
    pages = write_letters(letters, folder / "people" if is_private else folder, made.level, is_private=is_private)
    note_files(pages, names=is_private)
    if old := sorted({*pages[0].parent.glob(f"{made.level}_*.html")} - {*pages}) if pages else []:
        names = ", ".join(clean_text(one.name) for one in old)
        said = _("Of an earlier run, and of nobody who is charged now: {names}; delete what you do not need.")
        print(said.format(names=names), file=sys.stderr)
    return pages


def describe_chargeback(made: Chargeback) -> dict[str, Any]:
    """For JSON: amounts as text, as they are charged and exact; null where nothing is known."""
    from flexlib.analysis.chargeback import UNITS

    def write(amounts: dict[str, Any]) -> dict[str, str | None]:
        return {name: None if amount is None else format_plain(amount) for name, amount in amounts.items()}

    def describe(line: ChargeLine) -> dict[str, Any]:
        items = [
            {"item": name, "rule": str(made.rules[name]) if name in made.rules else None}
            | write({unit: line.charged[name].get(unit) for unit in UNITS})
            | write({f"{unit}_exact": line.items[name].get(unit) for unit in UNITS})
            for name in made.items
            if name in line.items
        ]
        total = {unit: line.total(unit) for unit in UNITS} | {
            f"{unit}_exact": line.total(unit, exact=True) for unit in UNITS
        }
        return {
            "line": line.name, "kind": line.key.kind.name.lower(), "requests": line.requests,
            "unpriced_requests": line.count_lacking("usd"), "unconverted_requests": line.count_lacking("clp"),
            "lacks": sorted(line.lacks), "items": items, "total": write(total),
        }  # fmt: skip

    return {
        "month": str(made.month),
        "level": made.level,
        "zone": made.spend.zone,
        "state": str(made.usage.state),
        "lines": [describe(line) for line in made.lines],
        "total": write({unit: made.total(unit) for unit in UNITS}),
        "checks": [
            {"what": one.what, "unit": one.unit, "agrees": one.agrees} | write({"lines": one.lines, "whole": one.whole})
            for one in made.checks
        ],
        "notes": list(made.notes),
        "missing": list(made.spend.missing),
    }


def render_chargeback(made: Chargeback, of: str = "usd", top: int | None = SHOWN) -> str:
    """The lines for the console, what was proved of them, and what is not in them."""
    from flexlib.console.table import render_table
    from flexlib.tables.chargeback import explain_sums, table_charges

    table = render_table(table_charges(made.lines, made.items, made.level, of, top), made.month.span)
    proof = _("Certificate: {sums}").format(sums=explain_sums(made.checks, made.level))
    return "\n".join([table.rstrip("\n"), proof, *map(clean_text, (*made.notes, *made.spend.missing))])
