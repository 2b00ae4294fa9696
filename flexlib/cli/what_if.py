"""`flexlib what-if`: what a month would have come to on other models, with batches and caches, or with a cap."""

from __future__ import annotations

import argparse
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    find_exit_code,
    read_count,
    warn_of_month,
)
from flexlib.cli.report_months import load_shown_spend, open_shown
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.formats import format_number, format_plain
from flexlib.i18n import _, write_json
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.front.spend import Spend
    from flexlib.front.what_if import WhatIf

SHOWN = 8
"""Lines shown of each table, unless another number is asked for."""

FRAMES = ("moves", "tasks", "discounts", "too_short", "accepted", "multipliers", "exchanges", "capped")


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "what-if",
                         _("what a month would have come to on other models, or with a cap"), _("""\
  flexlib what-if --year 2025 --month 9
  flexlib what-if --year 2025 --month 9 --to openai/gpt-5-mini,anthropic/claude-haiku-4-5
  flexlib what-if --year 2025 --month 9 --accepted-by used --scores polyglot.csv --json
  flexlib what-if --year 2025 --month 9 --cap 300 --demo     a list: nothing is changed anywhere"""))  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument("--to", default="", metavar="MAKER/MODEL[@PROXY],...",
                        help=_("other models to try, beside those of the month for the same task"))  # fmt: skip
    parser.add_argument("--accepted-by", default="", metavar="FIELD",
                        help=_("field in the calls' metadata: whether an answer was used, true or false"))  # fmt: skip
    parser.add_argument("--scores", default="", metavar="FILE",
                        help=_("scores of models: a CSV of model,score,cases,date, in percent of cases"))  # fmt: skip
    parser.add_argument("--cap", type=_read_cap, metavar="CREDITS",
                        help=_("a cap on each person's flex credits: who would have met it"))  # fmt: skip
    parser.add_argument("--zone", default="UTC", help=_("whose month, such as America/Santiago (default UTC)"))
    parser.add_argument("--top", type=read_count, default=SHOWN, metavar="N",
                        help=_("lines shown of each table (default {shown})").format(shown=SHOWN))  # fmt: skip
    parser.add_argument("--names", action="store_true", help=_("people by name instead of under pseudonyms"))
    parser.add_argument(
        "--json", action="store_true", help=_("print it all as JSON, amounts as exact text, credits in hundredths")
    )
    add_demo_option(parser)
    parser.set_defaults(run=run_what_if)


def run_what_if(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints what it would have come to, gives the exit code of the month's state."""
    from flexlib.front.what_if import find_what_ifs

    month = Month(arguments.year, arguments.month)
    settings = open_shown(arguments, settings, month)
    spend = load_shown_spend(settings, month, zone=arguments.zone, names=arguments.names)
    (usage,) = spend.loaded
    if arguments.cap is not None and not spend.credits.limit(1):
        raise InvalidRequest(
            _("{month} has no credits of Windsurf, to cap; fetch it, or leave --cap out.").format(month=month)
        )
    asked = {name: getattr(arguments, name) for name in ("to", "accepted_by", "cap", "scores")}
    made = find_what_ifs(spend, **asked)
    print(write_json(describe_what_ifs(spend, made)) if arguments.json
          else render_what_ifs(spend, made, arguments.top, arguments.cap))  # fmt: skip
    warn_of_month(usage, {})
    return find_exit_code(usage.certificates, usage.state)


def describe_what_ifs(spend: Spend, made: WhatIf) -> dict[str, Any]:
    """For JSON: every line of every frame; amounts as exact text, credits in hundredths, shares from 0 to 1."""
    from flexlib.analysis.frames import read_rows

    def write(value: object) -> object:
        if isinstance(value, Decimal):
            return format_plain(value)
        if isinstance(value, Fraction):
            return round(float(value), 4)
        return str(value) if hasattr(value, "isoformat") else value

    frames = {one.name: getattr(made, one.name) for one in fields(made) if one.name in FRAMES}
    lines = {name: [{key: write(value) for key, value in row.items()} for row in read_rows(frame)]
             for name, frame in frames.items()}  # fmt: skip
    scores = made.scores and {"file": made.scores.name, "date": str(made.scores.last_day)}
    return {"month": str(spend.span.months[0]), "zone": spend.zone, "state": str(spend.state),
            "credits_in": "hundredths", **lines,
            "scores": scores, "left_out": [*made.left_out, *made.uncached, *made.unproven]}  # fmt: skip


def render_what_ifs(spend: Spend, made: WhatIf, top: int, cap: int | None = None) -> str:
    """The tables that have a line, and what is not in them."""
    from flexlib.console.table import render_table
    from flexlib.tables import what_if as tables

    shown = [
        tables.table_savings(made.savings, top, made.compare),
        tables.table_tasks(made.tasks, top),
        tables.table_discounts(made.discounts, top),
        tables.table_accepted(made.accepted),
        tables.table_exchanges(made.exchanges, made.credit_usd, top),
    ]
    if cap is not None:  # who asks for a cap asks for nothing else
        shown = [tables.table_capped(made.capped, cap, made.credit_usd, top)]
    month = spend.span
    parts = [render_table(one, month).rstrip("\n") for one in shown if one.rows]
    parts = parts or [
        _("Nobody had more than {cap} flex credits.").format(cap=format_number(cap))
        if cap is not None
        else _("Nothing can be compared.")
    ]
    notes = () if cap is not None else (made.dated, *made.left_out, *made.uncached, *made.unproven)
    return "\n\n".join([*parts, "\n".join(filter(None, notes))]).rstrip()


def _read_cap(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(_("{text!r} is no whole number of credits").format(text=text))
    return int(text)
