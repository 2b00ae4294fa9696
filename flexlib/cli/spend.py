"""`flexlib spend`: what a month cost, provider by provider, by count and by bill."""

from __future__ import annotations

import argparse
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    find_exit_code,
    load_judged,
    warn_of_problems,
)
from flexlib.cli.report_months import open_shown
from flexlib.dates import Month
from flexlib.formats import format_plain
from flexlib.i18n import _, write_json
from flexlib.setting_values import read_tolerance
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.spend.bills import MonthBills
    from flexlib.spend.month import MonthUsage

MOST_DIFFERENCES = 12
"""So many fit a screen under the providers; what is behind them is mostly rounding."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "spend", _("what a month cost: calls and credits, held against bills"), """\
  flexlib spend --year 2025 --month 10
  flexlib spend --year 2025 --month 10 --json
  flexlib spend --demo --year 2025 --month 9
  flexlib spend --year 2025 --month 10 --tolerance-usd 50 --tolerance-share 0.02""")  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument("--json", action="store_true", help=_("the month as JSON, amounts as exact text"))
    parser.add_argument("--tolerance-usd", metavar="USD",
                        help=_("by how many dollars a bill may differ from the calls without a reason (default 1, "
                               "or FLEXLIB_BILL_TOLERANCE_USD)"))  # fmt: skip
    parser.add_argument("--tolerance-share", metavar="SHARE",
                        help=_("or by which share of it, from 0 to 1; the larger of the two holds (default 0.01, "
                               "or FLEXLIB_BILL_TOLERANCE_SHARE)"))  # fmt: skip
    add_demo_option(parser)
    parser.set_defaults(run=run_spend)


def run_spend(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the month, gives the exit code of its state."""
    tolerance = read_tolerance(
        ("--tolerance-usd", arguments.tolerance_usd),
        ("--tolerance-share", arguments.tolerance_share),
        settings.bill_tolerance,
    )
    asked = Month(arguments.year, arguments.month)
    settings = open_shown(arguments, settings, asked)
    from flexlib.spend.bills import SEE_SPEND  # after the line on whose data it is: it takes long to load

    month = load_judged(asked, replace(settings, bill_tolerance=tolerance))
    facts = describe_spend(month, bills := month.bills)
    print(write_json(facts) if arguments.json else render_spend(month, bills))
    told = [(state, text.replace(SEE_SPEND, ".")) for state, text in month.judge_problems()]
    warn_of_problems(asked, month.state, told)
    return find_exit_code(month.certificates, month.state)


def describe_spend(month: MonthUsage, bills: MonthBills) -> dict[str, Any]:
    """The month for JSON: amounts as text, null where they are not known."""
    from flexlib.analysis.usage_frames import hide_zero
    from flexlib.spend.billed import count_calls, count_models

    return {
        "state": str(month.state),
        "month": str(month.month),
        "amount_in_usd": _write(hide_zero(bills.spend_usd, bills.is_at_least)),
        "at_least": is_at_least(month, bills),
        **count_calls(month.rows),
        "requests": bills.calls,
        "requests_at_least": bills.calls_at_least,
        "amount_in_clp": _write(hide_zero(bills.spend_clp, bills.requests_without_clp)),
        "amount_in_clp_at_least": bool(bills.requests_without_clp),
        "providers": [
            {
                "provider": one.provider,
                "counted_usd": _write(hide_zero(one.counted_usd, one.unpriced_requests)),
                "billed_usd": _write(one.billed_usd),
                "difference_usd": _write(one.difference_usd),
                "spend_usd": _write(hide_zero(one.spend_usd, one.is_at_least)),
                "at_least": one.is_at_least,
                "requests": one.calls,
                "requests_at_least": one.requests_at_least,
                "basis": one.basis,
                "unconverted": {currency: _write(amount) for currency, amount in one.unconverted},
            }
            for one in bills.providers
        ],
        "models": [
            one | {"counted_usd": _write(hide_zero(one["counted_usd"], one["unpriced_requests"]))}
            for one in count_models(month.rows)
        ],
        "differences": [
            {
                "provider": one.provider,
                "day": one.day and str(one.day),
                "model": one.model,
                "kind": str(one.kind),
                "counted_usd": _write(one.counted_usd),
                "billed_usd": _write(one.billed_usd),
                "difference_usd": _write(one.usd),
                "reason": one.reason or None,
                "explained": one.is_explained,
            }
            for one in bills.differences
        ],
    }


def is_at_least(month: MonthUsage, bills: MonthBills) -> bool:
    """Whether the spend lacks something: an amount, a rate, or rows that could not be read."""
    return bills.is_at_least or month.state is State.GAP


def render_spend(month: MonthUsage, bills: MonthBills) -> str:
    """The month as a table of its providers, then what differs."""
    from flexlib.console.table import render_table
    from flexlib.tables.spend import table_differences, table_providers

    lower_bound = is_at_least(month, bills)
    text = render_table(table_providers(bills), month.month.span, lower_bound=lower_bound)
    if (differences := table_differences(bills, MOST_DIFFERENCES)).rows:
        text += "\n" + render_table(differences, month.month.span)
    return text.rstrip("\n")


def _write(amount: Decimal | None) -> str | None:
    return None if amount is None else format_plain(amount)
