"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from flexlib.certificate import Certificate, State, explain_rows
from flexlib.cli.argparse_words import Help
from flexlib.cli.import_output import explain_why
from flexlib.commands import is_step
from flexlib.dates import Month, Span
from flexlib.errors import BadMonth
from flexlib.formats import clean_text
from flexlib.i18n import LANGUAGES, _
from flexlib.proof import Problem, find_worst
from flexlib.settings import DEMO, Settings

if TYPE_CHECKING:
    from flexlib.spend.month import MonthUsage

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Commands, name: str, summary: str, examples: str) -> argparse.ArgumentParser:
    """A subcommand whose --help ends in examples."""
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".",
        epilog=_("examples:") + f"\n{examples}", formatter_class=Help)  # fmt: skip
    add_language_option(parser)
    return parser


def add_language_option(parser: argparse.ArgumentParser) -> None:
    """--lang, before a command or after it: the last one holds."""
    parser.add_argument("--lang", choices=LANGUAGES, default=argparse.SUPPRESS,
                        help=_("language of what is shown (default FLEXLIB_LANG, else the system's)"))  # fmt: skip


def add_month_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """--year and --month."""
    parser.add_argument("--year", type=int, required=required, help=_("such as 2025"))
    parser.add_argument("--month", type=int, required=required, help=_("1 to 12"))


def add_span_options(parser: argparse.ArgumentParser) -> None:
    """--year and --month, or --year and some of its months, or --start-date and --end-date."""
    parser.add_argument("--year", type=int, help=_("such as 2025; without a month all of it"))
    parser.add_argument("--month", type=int, help=_("1 to 12"))
    parser.add_argument("--start-month", type=int, metavar="MONTH", help=_("first month of the year (default 1)"))
    parser.add_argument(
        "--end-month", type=int, metavar="MONTH", help=_("last one, included (default 12, or this month)")
    )
    parser.add_argument(
        "--start-date", metavar="DATE", help=_("first day, such as 2025-09-01, instead of year and month")
    )
    parser.add_argument("--end-date", metavar="DATE", help=_("last day, included"))


def add_fetch_options(parser: argparse.ArgumentParser) -> None:
    """How to ask the server."""
    group = parser.add_argument_group(_("asking the server"))
    group.add_argument(
        "--workers", type=read_count, default=20, help=_("requests at once (default 20; 50 for big teams)")
    )
    group.add_argument("--route", choices=("auto", "team", "batch", "user", "consumption"), default="auto",
                       help=_("how to ask (default auto: the first that works, in this order)"))  # fmt: skip
    group.add_argument("--verify", type=_read_verify, default=20, metavar="N",
                       help=_("users asked a second time as a check: a number or 'all' (default 20)"))  # fmt: skip
    group.add_argument(
        "--progress", action="store_true", help=_("show the progress bar also where there is no terminal")
    )
    group.add_argument("--wait", action="store_true", help=_("wait when another run reads the same month"))
    add_demo_option(group)


def add_demo_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument("--demo", nargs="?", const="always", choices=("always", "without-key"),
                        help=_("ask a demo server with made-up people (started for this run); 'without-key': only "
                               "when no service key is set"))  # fmt: skip


def add_roster_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--roster", type=_read_roster, metavar="FILE",
                        help=_("who belongs to which department, CSV or Excel (default FLEXLIB_ORGANIZATION, else "
                               "params/organization.csv)"))  # fmt: skip


def _read_roster(text: str) -> Path:
    """Looked for at once: some commands read it only where somebody is asked for by department."""
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(_("{text} is not there; name the file that says who belongs to which "
            "department").format(text=text))  # fmt: skip
    return Path(text)


def asks_span(arguments: argparse.Namespace) -> bool:
    """Whether any days were asked for."""
    names = ("year", "month", "start_month", "end_month", "start_date", "end_date")
    return any(getattr(arguments, name) is not None for name in names)


def read_span(arguments: argparse.Namespace) -> Span:
    """The days that were asked for. Raises `BadMonth` when they are not clear."""
    year, month = arguments.year, arguments.month
    months, dates = (arguments.start_month, arguments.end_month), (arguments.start_date, arguments.end_date)
    if None not in dates and (year, month, *months) == (None,) * 4:
        return Span.parse(*dates)
    if year is None or dates != (None, None) or (month is not None and months != (None, None)):
        raise BadMonth(
            _(
                "give either --year and --month, or --year alone or with --start-month and --end-month, or "
                "--start-date and --end-date."
            )
        )
    if month is not None:
        return Month(year, month).span
    start, end = months
    first, now = Month(year, 1 if start is None else start), Month.containing(datetime.now(timezone.utc).date())
    last = max(first, min(Month(year, 12), now)) if end is None else Month(year, end)
    return Span(first.first, last.last)


def _list_read(
    arguments: argparse.Namespace, settings: Settings, judged: Collection[Month] | None
) -> Collection[Month] | None:
    """The months whose misplaced versions nobody else tells: of options of a span all, of those `judged` such as have
    nothing stored; None for every month, where there are no options, or a file says which."""
    from flexlib.store.snapshots import list_newest

    if judged is not None:
        return [one for one in judged if not list_newest(one, settings.data)]
    try:
        return read_span(arguments).months if "start_date" in vars(arguments) else None
    except BadMonth:  # which the command says, where no file of parameters mends it
        return None


def read_fetch_options(arguments: argparse.Namespace) -> dict[str, object]:
    """The options of `update_credits`."""
    return {
        "route": arguments.route,
        "workers": arguments.workers,
        "verify": arguments.verify,
        "forced_progress": arguments.progress,
        "wait": arguments.wait,
    }


def asks_demo(arguments: argparse.Namespace, settings: Settings) -> bool:
    """Whether the made-up company is asked: by `--demo`, or because there is no key, or nothing else to show."""
    from flexlib.store.server import find_shown_data

    is_chosen = arguments.demo == "always" or (arguments.demo == "without-key" and not settings.service_key)
    return is_chosen or find_shown_data(settings) != settings.data


@contextmanager
def open_settings(
    arguments: argparse.Namespace, settings: Settings, *, offline: bool = False, judged: Collection[Month] | None = None
) -> Iterator[Settings]:
    """The settings, for made-up data those of a demo server living as long as the block; says whose data it is where
    that is not the reader's own, with `--demo` which server is asked, and what the months that are read (those of the
    options of a span, else all) lack since it lies elsewhere; of `judged` ones only where nothing else is stored, since
    `load_judged` and the front say it of the others."""
    from flexlib.store.server import describe_made_up, is_made_up
    from flexlib.store.strays import list_misplaced

    has_demo = asks_demo(arguments, settings)
    if has_demo:
        settings = replace(settings, data=settings.data / DEMO, database_url=None)
    # Whoever has a key has chosen the server, and knows it; of a step of a month's run the run has said it.
    if not is_step() and (has_demo or (not settings.service_key and is_made_up(settings.data))):
        print(clean_text(describe_made_up(settings.data)), file=sys.stderr)
    for sentence in list_misplaced(settings.data, _list_read(arguments, settings, judged)):
        print(sentence, file=sys.stderr)
    if arguments.demo and not has_demo and not offline:
        said = _("A service key is set, so this is of {url} and not of the demo.")
        print(said.format(url=settings.base_url), file=sys.stderr)
    if not has_demo or offline:
        yield settings
        return
    from flexlib.demo.command import DEFAULT_KEY
    from flexlib.demo.process import demo_server

    with demo_server() as url:
        yield replace(settings, base_url=url, service_key=DEFAULT_KEY)


def warn_of_state(certificates: Sequence[Certificate], reasons: Sequence[str] = ()) -> None:
    """A line on stderr for each month that is not whole; `reasons`: why, where more is known than they say."""
    for one, why in zip_longest(certificates, reasons):
        if one.state is not State.COMPLETE:
            said = _("{month} is {state}: {why}")
            print(said.format(month=one.month, state=one.state, why=why or explain_why(one)), file=sys.stderr)


def load_judged(month: Month, settings: Settings, zone: str = "UTC") -> MonthUsage:
    """All that is stored of the month, whose state every command and `fl.months` take from here."""
    from flexlib.front.months import find_look
    from flexlib.spend.month import load_month_usage

    tolerance, look = settings.bill_tolerance, find_look(settings, settings.data)
    return load_month_usage(month, settings.data, zone=zone, tolerance=tolerance, look=look)


def warn_of_month(usage: MonthUsage, told: Mapping[str, str], known: Collection[str] = ()) -> None:
    """A line on stderr for each reason why the month is not whole; `told`: by source, what the rows that the command
    has just stored lack, in its own words. `known`: sources that whoever stores another one need not be told of."""
    judged = [(one.source, usage.judge(one)) for one in usage.snapshots]
    lacking = {source: one.state for source, one in judged if explain_rows(one)}
    problems = [(lacking[source], text) for source, text in told.items() if source in lacking]
    warn_of_problems(usage.month, usage.find_state(known), (*problems, *usage.judge_problems(told, known)))


def warn_of_problems(month: Month | str, state: State, problems: Sequence[Problem]) -> None:
    """A line on stderr for each: what makes a month of that state, what else it is by a less grave one, and notes; the
    state alone first where none of them is said to make it."""
    if problems and state is not State.COMPLETE and all(own is None for own, _sentence in problems):
        print(_("{month} is {state}.").format(month=month, state=state), file=sys.stderr)
    for own, sentence in sorted(problems, key=lambda one: (one[0] is not state, one[0] is None)):
        said = _("{month} is {state}: {why}") if own is state else _("{month} is also {state}: {why}")
        said = "{month}: {why}" if own is None else said
        print(said.format(month=month, state=own, why=sentence), file=sys.stderr)


def find_exit_code(certificates: Sequence[Certificate], state: State | None = None) -> int:
    """That of the worst certificate; where they make up one thing, of its own `state`."""
    worst = state or find_worst({one.state for one in certificates} or {State.COMPLETE})
    return max(one.exit_code for one in certificates) if worst is State.UNWITNESSED else worst.exit_code


def read_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(_("{text!r} is not a number from 1 to 1000").format(text=text))
    return int(text)


def _read_verify(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(_("{text!r} is neither a number nor 'all'").format(text=text))
    return int(text)
