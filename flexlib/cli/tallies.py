"""`flexlib ledger tallies`: sums that the ledger keeps as calls are recorded, turned on and off, and checked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from flexlib.errors import InvalidRequest
from flexlib.formats import format_number
from flexlib.i18n import _, write_json
from flexlib.proof import State
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.ledger.tally.switch import TallyStatus


def add_words(parser: argparse.ArgumentParser) -> None:
    """What `flexlib ledger` is asked to do."""
    parser.add_argument("action", choices=("init", "upgrade", "status", "tallies", "archive"),
        help=_("make the tables, bring them up to date, look, keep tallies, or take old months out"))  # fmt: skip
    parser.add_argument("tallies", nargs="?", choices=("on", "off", "status", "check"),
        help=_("of tallies: count all calls and keep them, take them away, look, or hold them against the calls; "
        "check exits with 4 where they differ"))  # fmt: skip


def run_tallies(arguments: argparse.Namespace, settings: Settings) -> int:
    """Does it and prints what is so; 4 where a check finds tallies that are not what the calls sum to."""
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.tally.switch import count_differences, read_status, turn_off, turn_on

    if arguments.action != "tallies":
        said = _("{word} is said of tallies: flexlib ledger tallies {word}")
        raise InvalidRequest(said.format(word=arguments.tallies))
    ledger = find_ledger(settings)
    ledger.require_file()
    if arguments.tallies == "check":
        different = count_differences(ledger)
        print(write_json({"different": different}) if arguments.json else _tell_check(different))
        return State.UNRECONCILED.exit_code if different else 0
    do = {"on": turn_on, "off": turn_off, "status": read_status}[arguments.tallies or "status"]
    status = do(ledger)
    print(status.to_json() if arguments.json else _tell_status(status))
    return 0


def _tell_check(different: int) -> str:
    if not different:
        return _("The tallies are what the calls sum to.")
    said = _("Tallies that are not what the calls sum to: {number}. Count them again: flexlib ledger tallies on")
    return said.format(number=format_number(different))


def _tell_status(status: TallyStatus) -> str:
    from flexlib.ledger.tally.switch import explain_off

    if not status.is_on:
        return explain_off()
    if not status.is_current:
        return _("The tallies are being counted, or are not of just the calls that are there, so sums are read from "
                 "the calls. If nobody is counting them now, run: flexlib ledger tallies on")  # fmt: skip
    said = _("Tallies are on: {tallies} kept, {changes} not folded into them yet; sums have both.")
    return said.format(tallies=format_number(status.tallies), changes=format_number(status.changes))
