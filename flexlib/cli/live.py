"""`flexlib live`: the tallies of the ledger as lines, an hour, provider and model each, whenever they change."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flexlib.cli.forecast import read_day
from flexlib.cli.options import Commands, add_command
from flexlib.errors import InvalidRequest, LedgerMissing
from flexlib.formats import clean_text, format_count, format_number, format_plain
from flexlib.i18n import _, write_number
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.ledger import Ledger

EVERY = 2.0
"""Seconds between two looks: as soon as a person would look again."""
SHORTEST = 0.1
"""Seconds; more often than that it would do little but ask."""

Hours = Mapping[tuple[datetime, str, str], tuple[Any, ...]]


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "live", _("what is recorded in the ledger, as it comes"), _("""\
  flexlib ledger tallies on                        once
  flexlib live
  flexlib live --json --every 10
  flexlib live --once --since 2025-09-01

A line for each hour (of UTC), provider and model, first of all since today's or another day's begin, then of those that
change: also by calls that come late, are repriced or are deleted. Ctrl-C ends it."""))  # fmt: skip
    parser.add_argument("--every", type=float, default=EVERY, metavar="SECONDS",
        help=_("seconds between two looks (default {seconds:g})").format(seconds=EVERY))  # fmt: skip
    parser.add_argument("--once", action="store_true", help=_("only what is there now"))
    parser.add_argument(
        "--since", metavar="DATE", type=read_day, help=_("from the begin of this day of UTC on (default today)")
    )
    parser.add_argument("--json", action="store_true", help=_("a JSON object a line"))
    parser.set_defaults(run=run_live)


def run_live(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints them until it is stopped, or once; 0. Raises `LedgerMissing` where no tallies are kept."""
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.tally.switch import explain_off, read_status

    if not arguments.every >= SHORTEST:
        raise InvalidRequest(_("--every must be at least {seconds:g} seconds.").format(seconds=SHORTEST))
    day = arguments.since or datetime.now(timezone.utc).date()
    ledger = find_ledger(settings)
    ledger.require_file()
    if not read_status(ledger).is_on:
        raise LedgerMissing(explain_off())
    write = _write_json if arguments.json else _write_text
    before: Hours = {}
    while True:
        now = _read_hours(ledger, datetime(day.year, day.month, day.day, tzinfo=timezone.utc))
        for key, sums in _list_changed(before, now):
            print(write(key, sums), flush=True)
        if arguments.once:
            return 0
        before = now
        time.sleep(arguments.every)


def _read_hours(ledger: Ledger, since: datetime) -> Hours:
    from flexlib.ledger.read.queries import sum_by_hour
    from flexlib.ledger.read.scopes import UsageQuery

    rows = sum_by_hour(since, within=UsageQuery(ledger))
    return {(start, str(provider), model): tuple(sums) for start, provider, model, *sums in rows}


def _list_changed(before: Hours, now: Hours) -> Iterator[tuple[tuple[datetime, str, str], tuple[Any, ...]]]:
    """What is not as before, the earliest first; an hour whose calls are gone has none."""
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            yield key, now.get(key, (0, 0, 0, None, None, 0, 0, 0))


def _write_json(key: tuple[datetime, str, str], sums: tuple[Any, ...]) -> str:
    start, provider, model = key
    prompt, completion, __, usd, clp, calls, unpriced_usd, unpriced_clp = sums
    facts = {
        "start": start.isoformat(),
        "span": "hour",
        "provider": provider,
        "model": model,
        "calls": calls,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "usd": None if usd is None else format_plain(usd),
        "clp": None if clp is None else format_plain(clp),
        "unpriced_usd": unpriced_usd,
        "unpriced_clp": unpriced_clp,
    }
    return json.dumps(facts, ensure_ascii=False)


def _write_text(key: tuple[datetime, str, str], sums: tuple[Any, ...]) -> str:
    start, provider, model = key
    __, __, tokens, usd, __, calls, unpriced, __ = sums
    amount = _("unpriced")
    if usd is not None:
        amount = _("USD {amount}").format(amount=write_number(format_plain(usd)))
        amount = _("at least {amount}").format(amount=amount) if unpriced else amount
    amount = amount if calls else ""
    of_tokens = _("{amount} tokens").format(amount=format_number(tokens))
    what = f"{start:%Y-%m-%d %H:%M}  {provider} {clean_text(model)}"
    return f"{what}  {format_count(calls, 'call')}  {of_tokens}  {amount}".rstrip()
