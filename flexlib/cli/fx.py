"""`flexlib fx update` and `flexlib fx show`: the dollar's rates, brought in and looked at."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.certificate import State
from flexlib.cli.options import Commands, add_command, add_span_options, read_span
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.formats import format_count
from flexlib.ingest.fx import Difference, RatesUpdate, find_missing_days, update_rates
from flexlib.money.fx import Rate, Rates, find_rate, find_santiago_day
from flexlib.settings import Settings
from flexlib.sources.fx import FRANKFURTER_URL, MINDICADOR_URL
from flexlib.store.fx import find_rates_file, load_rates

if TYPE_CHECKING:
    from flexlib.ledger.record.filling import FilledAmounts


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "fx", "the dollar's rates in Chilean pesos: bring them in, or look at them", """\
  flexlib fx update --year 2025 --month 9
  flexlib fx update --year 2025 --month 9 --check
  flexlib fx show --start-date 2025-09-01 --end-date 2025-09-30 --json""")  # fmt: skip
    parser.add_argument("action", choices=("update", "show"), help="ask the sources, or show what is kept")
    add_span_options(parser)
    parser.add_argument("--check", action="store_true", help="update: ask the second source too, and compare the two")
    parser.add_argument(
        "--json", action="store_true", help="the result as JSON, values as text so that they stay exact"
    )
    parser.add_argument("--mindicador-url", default=MINDICADOR_URL, help=f"default {MINDICADOR_URL}")
    parser.add_argument("--frankfurter-url", default=FRANKFURTER_URL, help=f"default {FRANKFURTER_URL}")
    parser.set_defaults(run=run_fx)


def run_fx(arguments: argparse.Namespace, settings: Settings) -> int:
    """Does it, prints it, gives the exit code: 3 when days have no rate that must long have been published."""
    today = find_santiago_day(datetime.now(timezone.utc))
    words = arguments.year, arguments.month, arguments.start_date, arguments.end_date
    span = Month.containing(today).span if words == (None,) * 4 else read_span(arguments)
    if arguments.action == "show":
        if arguments.check:
            raise InvalidRequest(
                "--check asks the sources; show only reads what is kept. Use: flexlib fx update --check"
            )
        rates = load_rates(settings.data)
        missing, pending = find_missing_days(rates, span, today)
        facts = describe_days(rates, span) | _describe_missing(missing, pending)
        print(json.dumps(facts, indent=2) if arguments.json else render_days(rates, span), end="\n" * arguments.json)
    else:
        from flexlib.ingest.ledger import fill_months
        from flexlib.ledger.door import find_ledger

        update = update_rates(
            span,
            settings.data,
            check=arguments.check,
            mindicador_url=arguments.mindicador_url,
            frankfurter_url=arguments.frankfurter_url,
        )
        missing, pending = update.missing, update.pending
        filled = fill_months(span.months, find_ledger(settings))
        file = find_rates_file(settings.data)
        print(_describe(update, filled, file) if arguments.json else _render(update, filled, file))
        for sentence in update.failures:
            print(f"flexlib: {sentence}", file=sys.stderr)
    for days, what in (
        (pending, "not published yet"),
        (missing, "missing: amounts of these days stay without CLP"),
    ):
        if days:
            print(f"No rate for {_join_days(days)} ({what}).", file=sys.stderr)
    return State.GAP.exit_code if missing else 0


def describe_days(rates: Rates, span: Span) -> dict[str, object]:
    """Each day of `span` with its rate and the day it was observed, for JSON; null where there is none."""
    found = [(day, find_rate(rates, day)) for day in span]
    return {"span": str(span), "days": [{"day": str(day), **_describe_rate(rate)} for day, rate in found]}


def describe_update(update: RatesUpdate, file: Path) -> dict[str, object]:
    """What an update did, for JSON."""
    return {
        "file": str(file),
        "span": str(update.span),
        "observations": len(update.rates),
        "added": len(update.added),
        "changed": [_describe_difference(one) for one in update.changed],
        "disagreements": [_describe_difference(one) for one in update.disagreements],
        "answered": list(update.answered),
        "failures": list(update.failures),
    } | _describe_missing(update.missing, update.pending)


def render_days(rates: Rates, span: Span) -> str:
    """A line a day, with the source and, where it is carried, the day of the observation. Ends with a newline."""
    lines = [f"Observed dollar, {span}: pesos for 1 USD"]
    for day in span:
        rate = find_rate(rates, day)
        carried = f", carried from {rate.day}" if rate and rate.day != day else ""
        lines.append(f"  {day}  {rate.value:>12,f}  {rate.source}{carried}" if rate else f"  {day}  {'no rate':>12}")
    return "\n".join(lines) + "\n"


def render_update(update: RatesUpdate, file: Path) -> str:
    """What an update did, a line a fact."""
    lines = [f"Rates of {update.span}: {len(update.added)} observations added, {len(update.rates)} kept in all."]
    lines += [f"  asked: {one}" for one in update.answered]
    lines += [f"  changed: {_render_difference(one)}; the old value is kept as superseded" for one in update.changed]
    lines += [f"  disagreement: {_render_difference(one)}; the first is used" for one in update.disagreements]
    return "\n".join([*lines, f"  file: {file}"])


def _describe(update: RatesUpdate, filled: list[FilledAmounts], file: Path) -> str:
    months = [{"month": str(one.month), "usd": one.usd, "clp": one.clp} for one in filled]
    return json.dumps(describe_update(update, file) | {"filled": months}, indent=2)


def _render(update: RatesUpdate, filled: list[FilledAmounts], file: Path) -> str:
    """With what the rates gave to calls that were recorded before them."""
    lines = [f"  ledger: {format_count(one.clp, 'row')} of {one.month} got an amount in CLP" for one in filled]
    return "\n".join([render_update(update, file), *lines])


def _describe_rate(rate: Rate | None) -> dict[str, str | None]:
    if rate is None:
        return {"value": None, "observed_on": None, "source": None}
    return {"value": f"{rate.value:f}", "observed_on": str(rate.day), "source": rate.source}


def _describe_difference(one: Difference) -> dict[str, object]:
    return {"day": str(one.kept.day), "kept": _describe_rate(one.kept), "other": _describe_rate(one.other)}


def _describe_missing(missing: Iterable[date], pending: Iterable[date]) -> dict[str, object]:
    return {"missing": [str(day) for day in missing], "pending": [str(day) for day in pending]}


def _render_difference(one: Difference) -> str:
    kept, other = one.kept, one.other
    return f"{kept.day}, {kept.value:f} of {kept.source}, {other.value:f} of {other.source}"


def _join_days(days: tuple[date, ...]) -> str:
    shown = ", ".join(map(str, days[:7]))
    return shown if len(days) <= 7 else f"{shown} and {len(days) - 7} more days"
