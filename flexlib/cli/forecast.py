"""`flexlib forecast`: where a month will end, with its band, and how such forecasts did before."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import date
from pathlib import Path

from flexlib.cli.forecast_output import (
    describe_forecast,
    describe_sum,
    list_lines,
    render_backtest,
    render_forecast,
    render_sum,
)
from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    find_exit_code,
)
from flexlib.cli.report_months import open_shown
from flexlib.cli.series import COUNTRY, read_holidays, read_series
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.formats import format_short_day
from flexlib.i18n import _, write_json
from flexlib.proof import State
from flexlib.setting_values import MADE_UP_BEFORE
from flexlib.settings import Settings

AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]+)?")
"""Of digits alone: a sign, an exponent or a separator of thousands is more likely a slip."""
GAP = State.GAP.exit_code


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "forecast", _("where a month will end, and how such forecasts did before"), """\
  flexlib forecast --year 2025 --month 9 --as-of 2025-09-15
  flexlib forecast --year 2025 --month 9 --of usd --budget 1200 --json
  flexlib forecast --demo --year 2025 --month 9 --as-of 2025-09-15
  flexlib forecast --series daily.csv --backtest""")  # fmt: skip
    add_month_options(parser, required=False)
    parser.add_argument("--as-of", type=read_day, metavar="DATE",
                        help=_("the last day that counts as known (default: the last one read whole)"))  # fmt: skip
    parser.add_argument("--zone", default="UTC", help=_("whose month and days, such as America/Santiago (default UTC)"))
    parser.add_argument("--of", default="", choices=("credits", "usd", "clp"),
                        help=_("default credits, or dollars where Windsurf is not in use"))  # fmt: skip
    parser.add_argument("--band", type=float, default=0.8, metavar="SHARE",
                        help=_("the share of such forecasts that shall hold (default 0.8)"))  # fmt: skip
    parser.add_argument("--budget", type=_read_amount, metavar="AMOUNT",
        help=_("say on which day this much is used up"))  # fmt: skip
    parser.add_argument("--holidays", metavar="COUNTRY|FILE|none",
        help=_("days like each other, not like their weekday: a country (extra 'reports'; default "
        "CL, as on pages, but of a --series none), a file with a date a line, or none"))  # fmt: skip
    parser.add_argument("--series", type=Path, metavar="FILE",
                        help=_("a daily series instead of the stored months: a CSV of date,value"))  # fmt: skip
    parser.add_argument("--backtest", action="store_true",
                        help=_("print by day of the month how often the band held, and the mean error"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=_("print it as JSON; null where nothing can be said"))
    add_demo_option(parser)
    parser.set_defaults(run=run_forecast)


def run_forecast(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the forecast, or the backtest; exits as the months behind it, with 3 or more where it cannot say."""
    if arguments.series:
        if arguments.demo or arguments.budget is not None or arguments.of:
            raise InvalidRequest(_("--series is of no stored data: leave out --of, --budget and --demo."))
        return _run_series(arguments)
    if arguments.year is None or arguments.month is None:
        raise InvalidRequest(_("of which month? Give --year and --month, or a daily series with --series FILE."))
    if arguments.backtest:
        raise InvalidRequest(_("--backtest is of a file: add --series FILE; a month's forecast prints its own."))
    from flexlib.analysis.forecast import Outcome
    from flexlib.front.forecast import forecast_month
    from flexlib.front.months import find_look

    month = Month(arguments.year, arguments.month)
    if arguments.as_of and arguments.as_of > month.last:
        said = _("as of {as_of} all of {month} is over; name one of its days, or a day before it.")
        raise InvalidRequest(said.format(as_of=arguments.as_of, month=month))
    settings = open_shown(arguments, settings, month, before=MADE_UP_BEFORE)
    made = forecast_month(
        month,
        settings.data,
        of=arguments.of,
        as_of=arguments.as_of,
        band=arguments.band,
        holidays=read_holidays(arguments.holidays, (month.year - 2, month.year + 1), COUNTRY),
        budget=arguments.budget,
        zone=arguments.zone,
        tolerance=settings.bill_tolerance,
        look=find_look(settings, settings.data),
    )
    print(write_json(describe_forecast(made, arguments.band)) if arguments.json
          else render_forecast(made, arguments.band, arguments.budget))  # fmt: skip
    for sentence in made.missing:
        print(sentence, file=sys.stderr)
    code = find_exit_code(made.certificates, made.state)
    return max(code, GAP) if made.this.outcome is Outcome.CANNOT_SAY else code


def _run_series(arguments: argparse.Namespace) -> int:
    from flexlib.analysis.forecast import Outcome, backtest_months, forecast_sum, sum_up_backtest

    asked = arguments.year, arguments.month
    if arguments.backtest and asked != (None, None):
        raise InvalidRequest(_("--backtest is of all months of the file: leave out --year and --month."))
    if asked.count(None) == 1:
        raise InvalidRequest(_("of which month? Give --year and --month, or neither for that of the last day."))
    history = read_series(arguments.series)
    if arguments.as_of is not None:
        history = history[: str(arguments.as_of)]
    if not len(history):
        said = _("{series} has no day up to {as_of}.") if arguments.as_of else _("{series} has no day.")
        raise InvalidRequest(said.format(series=arguments.series, as_of=arguments.as_of))
    first, last = history.index[0].date(), history.index[-1].date()
    holidays = read_holidays(arguments.holidays, (first.year, last.year + 1))
    if arguments.backtest:
        lines = sum_up_backtest(backtest_months(history, band=arguments.band, holidays=holidays))
        facts = {"series": str(arguments.series), "band": arguments.band, "backtest": list_lines(lines)}
        print(write_json(facts) if arguments.json else render_backtest(lines, arguments.band))
        return 0
    month = Month.containing(last) if None in asked else Month(*asked)
    if month.last < first:
        said = _("{series} begins on {first}: ask for a month from then on.")
        raise InvalidRequest(said.format(series=arguments.series, first=first))
    made = forecast_sum(history, month.span, arguments.band, holidays)
    facts = {"series": str(arguments.series), "month": str(month), "as_of": last.isoformat(), **describe_sum(made)}
    print(write_json(facts) if arguments.json
          else _("Forecast of {month} as of {day}: {made}").format(
              month=month, day=format_short_day(last), made=render_sum(made, arguments.band)))  # fmt: skip
    return GAP if made.outcome is Outcome.CANNOT_SAY else 0


def _read_amount(text: str) -> float:
    if not AMOUNT.fullmatch(text):
        raise argparse.ArgumentTypeError(
            _("{text!r} is not an amount of 0 or more; write it as 120000 or 1200.50").format(text=text)
        )
    return float(text)


def read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            _("{text!r} is not a date; write it as 2025-09-15").format(text=text)
        ) from error
