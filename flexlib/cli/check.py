"""`flexlib check`: which budgets are exceeded, nearly used up, or will be exceeded and on which day."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.cli.forecast import read_day
from flexlib.cli.notice_output import describe_message, list_open, render_open
from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    add_roster_option,
    find_exit_code,
)
from flexlib.cli.report_months import open_shown
from flexlib.cli.series import COUNTRY, read_holidays
from flexlib.dates import Month
from flexlib.errors import LIMIT_PASSED, BadFile
from flexlib.formats import clean_text, format_plain
from flexlib.home import find_home
from flexlib.i18n import _, write_json
from flexlib.proof import State
from flexlib.setting_values import MADE_UP_BEFORE
from flexlib.settings import Settings
from flexlib.store.budgets import BUDGETS
from flexlib.store.outbox import count_left

if TYPE_CHECKING:
    from flexlib.analysis.budgets import BudgetLine
    from flexlib.front.budgets import BudgetCheck

EXAMPLE = Path("params", "budgets.example.yaml")

BAND = 0.8
"""The share of forecasts whose band holds, as `forecast_path` makes it."""

WIDTH = 13
"""Of the longest outcome, and a space."""


def add_commands(commands: Commands) -> None:
    summary = _("which budgets are exceeded, nearly used up, or will be exceeded, and when")
    parser = add_command(commands, "check", summary, """\
  flexlib check --year 2025 --month 9
  flexlib check --year 2025 --month 9 --as-of 2025-09-15 --json
  flexlib check --year 2025 --month 9 --budgets teams.yaml
  flexlib check --year 2025 --month 9 --caps""")  # fmt: skip
    add_month_options(parser, required=True)
    add_check_options(parser)
    parser.add_argument("--json", action="store_true", help=_("print it as JSON, every period of every budget"))
    parser.add_argument("--share", action="store_true",
                        help=_("only budgets that everybody may see: of the whole, a model, a provider, and by month "
                               "of departments of enough people"))  # fmt: skip
    parser.add_argument(
        "--caps",
        action="store_true",
        help=_(
            "ask Windsurf for its caps on add-on credits, and hold them against the budgets of "
            "all flex credits and of people (the key needs Billing Read; nothing is set)"
        ),
    )
    add_demo_option(parser)
    parser.set_defaults(run=run_check)


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """Which budgets are looked at, by what is known until when."""
    parser.add_argument("--budgets", type=Path, metavar="FILE",
                        help=_("the budgets (default FLEXLIB_BUDGETS, else params/budgets.yaml)"))  # fmt: skip
    parser.add_argument("--as-of", type=read_day, metavar="DATE",
                        help=_("the last day that counts as known (default: the last one read whole)"))  # fmt: skip
    parser.add_argument(
        "--holidays", metavar="COUNTRY|FILE", help=_("days like each other, as flexlib forecast has them")
    )
    parser.add_argument("--zone", default="UTC", help=_("whose month and days, such as America/Santiago (default UTC)"))
    add_roster_option(parser)


def run_check(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints each budget; exits with 5 where one is exceeded, with 4 where the vendor's cap is another, with 3 where
    one cannot be judged, else as the month."""
    from flexlib.analysis.budgets import Outcome
    from flexlib.cli.check_caps import check_caps, describe_caps, find_caps_code, render_caps

    made, shown = check_stored(arguments, settings, Month(arguments.year, arguments.month))
    budgets = dict.fromkeys(one.budget for one in made.periods)
    caps = check_caps(arguments, settings, shown, budgets) if arguments.caps else None
    notices, left = ([], 0) if arguments.share else (list_open(shown.data), count_left(shown.data))
    if arguments.json:
        described = {**describe_check(made), "notices": [describe_message(one) for one in notices]}
        described |= {} if caps is None else {"caps": describe_caps(caps)}
        print(write_json(described))
    else:
        capped = () if caps is None else render_caps(caps)
        print("\n".join([render_check(made), *capped, *render_open(notices, left)]))
    for sentence in made.missing:
        print(sentence, file=sys.stderr)
    if any(one.outcome is Outcome.OVER for one in made.periods):
        return LIMIT_PASSED
    code = max(find_exit_code(made.certificates, made.state), find_caps_code(caps or ()))
    return max(code, State.GAP.exit_code) if any(one.is_unknown for one in made.periods) else code


def check_stored(arguments: argparse.Namespace, settings: Settings, month: Month) -> tuple[BudgetCheck, Settings]:
    """The budgets that the options name, beside what is stored of the month, and the settings of what is shown."""
    from flexlib.front.budgets import check_budgets
    from flexlib.front.months import find_look
    from flexlib.store.budgets import read_budgets

    path = arguments.budgets or settings.budgets or find_home() / BUDGETS
    if path.exists() and not path.is_file():
        folder = _("{path} is a folder; name the YAML file of your budgets.")
        raise BadFile(
            (folder if path.is_dir() else _("{path} is no file; name the YAML file of your budgets.")).format(path=path)
        )
    if not path.is_file():
        raise BadFile(
            _(
                "{path} is not there; copy {example} to it and write your budgets, or name a file with --budgets."
            ).format(path=path, example=EXAMPLE)
        )
    budgets = read_budgets(path)
    if not budgets:
        print(_("{path} has no budgets: nothing is limited.").format(path=path), file=sys.stderr)
    if any(one.is_enforced for one in budgets):
        from flexlib.ledger.guard.limits import check_limits

        check_limits(path, budgets, arguments.roster or settings.organization)
    settings = open_shown(arguments, settings, month, before=MADE_UP_BEFORE)
    made = check_budgets(
        month,
        settings.data,
        budgets,
        as_of=arguments.as_of,
        holidays=read_holidays(arguments.holidays, (month.year - 2, month.year + 1), COUNTRY),
        zone=arguments.zone,
        tolerance=settings.bill_tolerance,
        most_unpriced=settings.most_unpriced,
        look=find_look(settings, settings.data),
        roster=arguments.roster or settings.organization,
        share=getattr(arguments, "share", False),
    )
    return made, settings


def describe_check(made: BudgetCheck) -> dict[str, Any]:
    """For JSON: amounts as exact text in the unit of the budget, forecasts as numbers, null where nothing is known."""
    from flexlib.store.budgets import FORECAST

    return {
        "month": str(made.month),
        "state": str(made.state),
        "budgets": [
            {
                "name": one.budget.name,
                "scope": one.budget.scope,
                "unit": one.budget.unit,
                "period": one.budget.period,
                "first": one.span.first.isoformat(),
                "last": one.span.last.isoformat(),
                "outcome": str(one.outcome),
                "is_sure": one.is_sure,
                "is_unknown": one.is_unknown,
                "amount": format_plain(one.budget.amount),
                "spent": None if one.known is None else format_plain(one.known),
                "thresholds_reached": [*one.reached, *[FORECAST] * one.is_forecast_over],
                "lacks": one.lacks or None,
                "is_running": one.is_running,
                "day": one.day and one.day.isoformat(),
                "earliest": one.earliest and one.earliest.isoformat(),
                **{name: None if (value := getattr(one, name)) is None else round(value, 2)
                   for name in ("expected", "low", "high")},
            }
            for one in made.periods
        ],
        "missing": list(made.missing),
    }  # fmt: skip


def render_check(made: BudgetCheck) -> str:
    """The budgets for the console: a line for each, of its days, weeks or cycles the one that used most of it."""
    from flexlib.front.budget_lines import list_lines
    from flexlib.tables.budgets import OUTCOMES, count_over, name_outcome

    lines, found = [_("Budgets of {title}").format(title=made.month.title)], list_lines(made, names=True)
    width = max((len(one.name) for one in found), default=0)
    wide = max(WIDTH, *(len(_(one)) + 1 for one in OUTCOMES))
    for one in found:
        over = count_over(one)
        said = f"{_render(one)}{over and f' ({over})'}"
        lines.append(f"  {name_outcome(one).upper():<{wide}}{clean_text(one.name):<{width}}  {said}")
    return "\n".join(lines)


def _render(one: BudgetLine) -> str:
    from flexlib.tables.budgets import explain_outcome, write_amount, write_period, write_share, write_used

    share = None if one.known is None else write_share(one)
    said = ", ".join(filter(None, (write_used(one), share, write_period(one))))
    outlook = [explain_outcome(one)]
    if one.is_running and one.expected is not None and one.outcome not in ("over", "cannot say"):
        band = ""
        if one.low is not None and one.high is not None and one.low < one.high:
            low, high = (write_amount(end, one.unit) for end in (one.low, one.high))
            band = _(" ({band}: {low} to {high})").format(band=f"{BAND:.0%}", low=low, high=high)
        elif one.low is not None and one.high is None:  # what is missing comes on top
            low = write_amount(one.low, one.unit)
            band = _(" by what is known ({band}: lower end {low})").format(band=f"{BAND:.0%}", low=low)
        outlook = [
            ", ".join(
                filter(
                    None,
                    (
                        _("expected {amount}{band}").format(amount=write_amount(one.expected, one.unit), band=band),
                        *outlook,
                    ),
                )
            )
        ]
    return "; ".join(filter(None, (said, *outlook, one.lacks)))
