"""`flexlib fx`: rates of the dollar in pesos and of other currencies, brought in and looked at."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.certificate import State
from flexlib.cli.options import Commands, add_command, add_span_options, asks_span, read_span
from flexlib.currencies import CURRENCIES
from flexlib.dates import Month, Span
from flexlib.errors import BadParameter, BadRecord, InvalidRequest, ServerRefused, ServerUnreachable
from flexlib.formats import clean_lines, clean_text, format_count
from flexlib.i18n import Translated, _, mark_text, translate_count, write_json, write_number
from flexlib.ingest.fx import Difference, Merge, RatesUpdate, find_missing_days, keep_rates, update_rates
from flexlib.money.fx import USD_CLP, Pair, Rate, Rates, check_value, find_rate, find_santiago_day
from flexlib.settings import Settings
from flexlib.sources.fx import FRANKFURTER_URL, MINDICADOR_URL
from flexlib.sources.rates_file import read_rates_file
from flexlib.store.fx import find_rates_file, load_rates

if TYPE_CHECKING:
    from flexlib.ledger.record.changing import FilledAmounts


BY_HAND = mark_text(
    "Without a network, bring the rates as a file, flexlib fx import FILE, or one by one, "
    "flexlib fx set DATE VALUE --source TEXT."
)
"""What to do where no source answers."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "fx", _("rates of currencies: bring them in, or look at them"), """\
  flexlib fx update --year 2025 --month 9
  flexlib fx update --year 2025 --month 9 --check
  flexlib fx show --start-date 2025-09-01 --end-date 2025-09-30 --json
  flexlib fx import ecb.csv --pair EUR/USD --source ECB
  flexlib fx set 2025-09-30 1.1741 --pair EUR/USD --source ECB""")  # fmt: skip
    parser.add_argument("action", choices=("update", "show", "import", "set"),
                        help=_("ask the sources of the dollar in pesos; show what is kept; keep the rates of a CSV "
                               "with the columns date and value; keep one rate"))  # fmt: skip
    parser.add_argument("given", nargs="*", metavar="FILE | DATE VALUE", help=_("of import the file, of set the rate"))
    parser.add_argument("--pair", type=_read_pair, default=USD_CLP, metavar="BASE/QUOTE",
                        help=_("import, set, show: what one BASE is worth in QUOTE (default USD/CLP)"))  # fmt: skip
    parser.add_argument("--source", metavar="TEXT", help=_("import, set: who says it"))
    parser.add_argument("--odd-value", action="store_true", help=_("import, set: keep a rate that looks wrong"))
    add_span_options(parser)
    parser.add_argument(
        "--check", action="store_true", help=_("update: ask the second source too, and compare the two")
    )
    parser.add_argument(
        "--json", action="store_true", help=_("the result as JSON, values as text so that they stay exact")
    )
    parser.add_argument("--mindicador-url", default=MINDICADOR_URL,
        help=_("default {mindicador_url}").format(mindicador_url=MINDICADOR_URL))  # fmt: skip
    parser.add_argument("--frankfurter-url", default=FRANKFURTER_URL,
        help=_("default {frankfurter_url}").format(frankfurter_url=FRANKFURTER_URL))  # fmt: skip
    parser.set_defaults(run=run_fx)


def run_fx(arguments: argparse.Namespace, settings: Settings) -> int:
    """Does it, prints it, gives the exit code: 3 when days have no rate that must long have been published."""
    if arguments.action in ("import", "set"):
        return _keep_given(arguments, settings)
    if arguments.given:
        raise InvalidRequest(_("fx {action} takes no {given!r}; give --year and --month.")
            .format(action=arguments.action, given=arguments.given[0]))  # fmt: skip
    today = find_santiago_day(datetime.now(timezone.utc))
    span = read_span(arguments) if asks_span(arguments) else Month.containing(today).span
    if arguments.action == "show":
        if arguments.check:
            raise InvalidRequest(_("--check asks the sources; show only reads what is kept. Use: flexlib fx update "
                "--check"))  # fmt: skip
        rates = load_rates(settings.data, arguments.pair)
        missing, pending = find_missing_days(rates, span, today)
        facts = describe_days(rates, span) | _describe_missing(missing, pending)
        text = render_days(rates, span, arguments.pair)
        print(write_json(facts) if arguments.json else text, end="\n" * arguments.json)
    else:
        from flexlib.ingest.ledger import fill_months
        from flexlib.ledger.door import find_ledger

        try:
            update = update_rates(span, settings.data, check=arguments.check, mindicador_url=arguments.mindicador_url,
                frankfurter_url=arguments.frankfurter_url)  # fmt: skip
        except (ServerRefused, ServerUnreachable) as error:
            raise type(error)(Translated(str(error), error.english) + " " + _(BY_HAND)) from error
        missing, pending = update.missing, update.pending
        filled = fill_months(span.months, find_ledger(settings))
        file = find_rates_file(settings.data)
        print(_describe(update, filled, file) if arguments.json else clean_lines(_render(update, filled, file)))
        for sentence in update.failures:
            print(f"flexlib: {clean_text(sentence)}", file=sys.stderr)
    for days, what in (
        (pending, _("not published yet")),
        (missing, _("missing: amounts of these days stay without CLP")),
    ):
        if days:
            print(_("No rate for {days} ({what}).").format(days=_join_days(days), what=what), file=sys.stderr)
    return State.GAP.exit_code if missing else 0


def _keep_given(arguments: argparse.Namespace, settings: Settings) -> int:
    """Keeps the rates of a file, or the one that was given; says what it replaced."""
    if arguments.action == "import":
        if len(arguments.given) != 1:
            raise InvalidRequest(_("fx import takes one file, as flexlib fx import FILE --pair EUR/USD --source ECB"))
        rates = read_rates_file(Path(arguments.given[0]), arguments.source)
    else:
        if len(arguments.given) != 2 or not arguments.source:
            raise InvalidRequest(_("fx set takes a date, a value and a source; write: flexlib fx set 2025-09-30 1.1741 "
                "--pair EUR/USD --source ECB"))  # fmt: skip
        day, value = arguments.given
        rates = [_read_rate(day, value, arguments.source)]
    for one in () if arguments.odd_value else rates:
        check_value(one, arguments.pair)
    merge = keep_rates(rates, arguments.pair, settings.data)
    file = find_rates_file(settings.data, arguments.pair)
    text = clean_lines(render_merge(merge, file))
    print(write_json(describe_merge(merge, file)) if arguments.json else text)
    return 0


def _read_pair(text: str) -> Pair:
    base, __, quote = (part.strip().upper() for part in text.partition("/"))
    if not {base, quote} <= CURRENCIES or base == quote:
        raise argparse.ArgumentTypeError(_("{text!r} is no pair of currencies as EUR/USD (ISO 4217)").format(text=text))
    return base, quote


def _read_rate(day: str, value: str, source: str) -> Rate:
    try:
        return Rate(date.fromisoformat(day), Decimal(value), source)
    except (ValueError, InvalidOperation, BadRecord) as error:
        raise BadParameter(_("{day} {value} is not a rate; write it as 2025-09-30 1.1741.")
            .format(day=day, value=value)) from error  # fmt: skip


def describe_merge(merge: Merge, file: Path) -> dict[str, object]:
    """What was kept, for JSON."""
    changed = [_describe_difference(one) for one in merge.changed]
    overruled = [{"day": str(one.day), **_describe_rate(one)} for one in merge.overruled]
    return {"file": str(file), "added": len(merge.added), "changed": changed, "overruled": overruled}


def render_merge(merge: Merge, file: Path) -> str:
    """What was kept, a line a fact."""
    lines = [_("{rates} added, {count} changed.").format(rates=format_count(len(merge.added), "rate"),
        count=len(merge.changed))]  # fmt: skip
    lines += [
        _("  changed: {difference}; the first is kept as superseded").format(difference=_render_difference(one))
        for one in merge.changed
    ]
    lines += [_("  superseded: {day}, {value} of {source} of the opposite pair").format(day=one.day,
        value=write_number(f"{one.value:f}"), source=one.source) for one in merge.overruled]  # fmt: skip
    return "\n".join([*lines, _("  file: {file}").format(file=file)])


def describe_days(rates: Rates, span: Span) -> dict[str, object]:
    """Each day of `span` with its rate and the day it was observed, for JSON; null where there is none."""
    found = [(day, find_rate(rates, day)) for day in span]
    return {"span": str(span), "days": [{"day": str(day), **_describe_rate(rate)} for day, rate in found]}


def describe_update(update: RatesUpdate, file: Path) -> dict[str, object]:
    """What an update did, for JSON."""
    return {"file": str(file), "span": str(update.span), "observations": len(update.rates),
        "added": len(update.added), "changed": [_describe_difference(one) for one in update.changed],
        "disagreements": [_describe_difference(one) for one in update.disagreements],
        "answered": list(update.answered), "failures": list(update.failures)} | _describe_missing(update.missing,
        update.pending)  # fmt: skip


def render_days(rates: Rates, span: Span, pair: Pair = USD_CLP) -> str:
    """A line a day, with the source and, where it is carried, the day of the observation. Ends with a newline."""
    base, quote = pair
    said = _("Observed dollar, {span}: pesos for 1 USD") if pair == USD_CLP else _("{span}: {quote} for 1 {base}")
    days = _("{first} to {last}").format(first=span.first, last=span.last)
    lines = [said.format(span=days, quote=quote, base=base)]
    for day in span:
        rate = find_rate(rates, day)
        carried = _(", carried from {day}").format(day=rate.day) if rate and rate.day != day else ""
        value = write_number(f"{rate.value:>12,f}") if rate else ""
        lines.append(f"  {day}  {value}  {rate.source}{carried}" if rate else f"  {day}  {_('no rate'):>12}")
    return "\n".join(lines) + "\n"


def render_update(update: RatesUpdate, file: Path) -> str:
    """What an update did, a line a fact."""
    count = len(update.added)
    said = translate_count("Rates of {span}: {count} observation added, {count_2} kept in all.",
                           "Rates of {span}: {count} observations added, {count_2} kept in all.", count)  # fmt: skip
    lines = [said.format(span=update.span, count=count, count_2=len(update.rates))]
    lines += [_("  asked: {one}").format(one=one) for one in update.answered]
    lines += [
        _("  changed: {difference}; the old value is kept as superseded").format(difference=_render_difference(one))
        for one in update.changed
    ]
    lines += [
        _("  disagreement: {difference}; the first is used").format(difference=_render_difference(one))
        for one in update.disagreements
    ]
    return "\n".join([*lines, _("  file: {file}").format(file=file)])


def _describe(update: RatesUpdate, filled: list[FilledAmounts], file: Path) -> str:
    months = [{"month": str(one.month), "usd": one.usd, "clp": one.clp} for one in filled]
    return write_json(describe_update(update, file) | {"filled": months})


def _render(update: RatesUpdate, filled: list[FilledAmounts], file: Path) -> str:
    """With what the rates gave to calls that were recorded before them."""
    lines = [
        _("  ledger: {rows} of {month} got an amount in CLP").format(rows=format_count(one.clp, "row"), month=one.month)
        for one in filled
    ]
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
    value, there = (write_number(f"{each.value:f}") for each in (kept, other))
    said = _("{day}, {value} of {source}, {other} of {another}")
    return said.format(day=kept.day, value=value, source=kept.source, other=there, another=other.source)


def _join_days(days: tuple[date, ...]) -> str:
    shown, count = ", ".join(map(str, days[:7])), len(days) - 7
    said = translate_count("{shown} and {count} more day", "{shown} and {count} more days", count)
    return said.format(shown=shown, count=count) if count > 0 else shown
