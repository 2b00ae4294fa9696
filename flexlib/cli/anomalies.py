"""`flexlib anomalies`: the days of a month that were far from their own weekday, by person, by model, all together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
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
)
from flexlib.cli.report_months import USUAL_MONTHS, open_shown
from flexlib.dates import Month
from flexlib.formats import clean_text, format_few, format_number, format_plain, format_short_day, round_amount
from flexlib.i18n import _, translate_count, write_json, write_number
from flexlib.names import show_people
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.front.anomalies import MonthAnomalies, Unusual

SHOWN = 10
"""Days shown of each layer, unless another number is asked for."""

LAYERS = ("day", "user", "model")
"""What is looked by without being asked to."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "anomalies", _("days of a month far above their own weekday"), """\
  flexlib anomalies --year 2025 --month 9
  flexlib anomalies --year 2025 --month 9 --least 50 --events params/events.yaml --json
  flexlib anomalies --year 2025 --month 9 --of usd --by department
  flexlib anomalies --year 2025 --month 9 --demo""")  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument("--of", default="", choices=("credits", "usd"),
                        help=_("default credits, or dollars where Windsurf is not in use"))  # fmt: skip
    parser.add_argument("--least", type=_read_least, metavar="AMOUNT",
                        help=_("what a day must have come to (default 20 credits, 1 US$)"))  # fmt: skip
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="KEY",
        help=_("look by this too, such as a department, of an organization or in metadata"),
    )
    parser.add_argument("--events", type=Path, metavar="FILE",
                        help=_("planned events, not alarmed (default params/events.yaml, if there)"))  # fmt: skip
    parser.add_argument(
        "--top",
        type=read_count,
        default=SHOWN,
        metavar="N",
        help=_("days shown of each (default {shown})").format(shown=SHOWN),
    )
    parser.add_argument("--names", action="store_true", help=_("people by name instead of under pseudonyms"))
    parser.add_argument("--json", action="store_true", help=_("print it as JSON, every day"))
    add_roster_option(parser)
    add_demo_option(parser)
    parser.set_defaults(run=run_anomalies)


def run_anomalies(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the unusual days; the exit code is that of the month."""
    from flexlib.front.anomalies import find_month_anomalies
    from flexlib.front.events import read_events, read_planned
    from flexlib.front.months import find_look

    month = Month(arguments.year, arguments.month)
    events = read_events(arguments.events) if arguments.events else read_planned()
    settings = open_shown(arguments, settings, month, before=USUAL_MONTHS)
    made = find_month_anomalies(
        month,
        settings.data,
        of=arguments.of,
        least=arguments.least,
        names=arguments.names,
        events=events,
        by=[key for key in arguments.by if key not in LAYERS],
        roster=arguments.roster or settings.organization,
        tolerance=settings.bill_tolerance,
        look=find_look(settings, settings.data),
    )
    print(write_json(describe_anomalies(made)) if arguments.json
          else render_anomalies(made, arguments.top))  # fmt: skip
    for sentence in made.missing:
        print(sentence, file=sys.stderr)
    return find_exit_code(made.certificates, made.state)


def describe_anomalies(made: MonthAnomalies) -> dict[str, Any]:
    """For JSON: every day, those with an `event` last; in the unit, amounts as exact text."""
    return {
        "month": str(made.month),
        "of": made.unit,
        "least": made.least,
        "state": str(made.state),
        "outcome": str(made.outcome),
        "reason": made.reason or None,
        "days_before": made.days_before,
        "days_known": made.days_known,
        "false_alarms": round(made.false_alarms, 2),
        "unusual": [_describe(one) for one in sorted(made.found, key=lambda one: bool(one.event))],
        "layers": {name: {"rows_too_new": one.unjudged, "rows_without_prices": one.lacking, "days_tested": one.tested,
                          "reason": one.reason or None}
                   for name, one in made.layers.items()},
        "missing": [*made.missing, *made.limits],
    }  # fmt: skip


def render_anomalies(made: MonthAnomalies, top: int) -> str:
    """The unusual days for the console, layer by layer."""
    from flexlib.analysis.anomalies import WHAT_TO_DO, Outcome
    from flexlib.front.anomaly_limits import name_layer

    unit = "US$" if made.unit == "usd" else _(made.unit.replace("_", " "))
    title = _("Unusual days of {title} in {unit}, at least {least} each").format(
        title=made.month.title, unit=unit, least=write_number(f"{made.least:,g}")
    )
    if made.reason:
        return _("{title}: cannot say, {reason}.").format(title=title, reason=made.reason)
    count = len(made.alarms)
    expect = (
        _(", of which {false_alarms} may be false alarms").format(false_alarms=format_few(made.false_alarms))
        if count
        else ""
    )
    none = _("none of what can be judged") if made.outcome is Outcome.IN_PART else _("none")
    lines = [f"{title}: {format_number(count) if count else none}{expect}"]
    for name in made.layers:
        lines += _render_layer(name_layer(name), [one for one in made.alarms if one.layer == name], top)
    lines += _render_layer(_("Planned"), [one for one in made.found if one.event], top)
    lines += [_(WHAT_TO_DO)] if made.alarms else []
    if unjudged := made.layers["user"].unjudged:
        lines.append(
            translate_count(
                "{count} spender with too few days of use to tell what is usual.",
                "{count} spenders with too few days of use to tell what is usual.",
                unjudged,
            ).format(count=format_number(unjudged))
        )
    lines += made.limits
    return "\n".join(lines)


def _render_layer(title: str, found: Sequence[Unusual], top: int) -> list[str]:
    lines = [title] if found else []
    for one in found[:top]:
        label = show_people(clean_text(", ".join(filter(None, (one.event, one.who)))))
        said = _("{amount}   {times} times the {expected} expected").format(
            amount=write_number(f"{round_amount(one.amount):>13,.2f}"),
            times=write_number(f"{one.times:.1f}"),
            expected=write_number(f"{one.expected:,.2f}"),
        )
        lines.append(f"  {format_short_day(one.date):<7} {label:<40}{said}{_render_heads(one)}")
    return (
        [*lines, _("  and {count} more").format(count=format_number(len(found) - top))] if len(found) > top else lines
    )


def _render_heads(one: Unusual) -> str:
    if one.heads is None:
        return ""
    count, each, usual, usually = one.heads
    usually_said = _("on such a weekday {usual} at {usually}").format(
        usual=format_number(usual), usually=write_number(f"{usually:,.2f}")
    )
    said = translate_count(
        " ({count} spender at {each} each, {usually_said})", " ({count} spenders at {each} each, {usually_said})", count
    )
    return said.format(count=format_number(count), each=write_number(f"{each:,.2f}"), usually_said=usually_said)


def _describe(one: Unusual) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "layer": one.layer,
        "who": one.who or None,
        "date": one.date.isoformat(),
        "amount": format_plain(one.amount),
        "expected": round(one.expected, 2),
        "times": round(one.times, 2),
        "false_alarm": round(one.chance, 4),
        "event": one.event or None,
    }
    if one.heads:
        count, each, usual, usually = one.heads
        facts["people"] = {
            "count": count,
            "each": round(each, 2),
            "usual_count": usual,
            "usual_each": round(usually, 2),
        }
    return facts


def _read_least(text: str) -> float:
    try:
        least = float(text)
    except ValueError:
        least = -1.0
    if not 0 <= least < float("inf"):
        raise argparse.ArgumentTypeError(_("{text!r} is no amount of at least 0").format(text=text))
    return least
