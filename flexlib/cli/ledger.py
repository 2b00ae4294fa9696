"""`flexlib ledger`: the ledger's tables, their tallies, and months that are taken out of them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from flexlib.cli.archive import add_options, run_archive
from flexlib.cli.options import Commands, add_command
from flexlib.cli.tallies import add_words, run_tallies
from flexlib.errors import InvalidRequest
from flexlib.formats import format_number
from flexlib.i18n import _
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.ledger.db.migrate import LedgerStatus


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "ledger",
                         _("make the ledger's tables, bring them up to date, or look at them"), _("""\
  flexlib ledger status
  flexlib ledger init                              needed on PostgreSQL only
  flexlib ledger upgrade --json
  flexlib ledger tallies on                        sums by hour and day, kept as calls are recorded
  flexlib ledger archive --before 2025-01          months of years ago, into their files alone"""))  # fmt: skip
    add_words(parser)
    add_options(parser)
    parser.add_argument("--json", action="store_true", help=_("the status as JSON"))
    parser.set_defaults(run=run_ledger)


def run_ledger(arguments: argparse.Namespace, settings: Settings) -> int:
    """Does it and prints the status; 0."""
    from flexlib.ledger.db.migrate import get_ledger_status, holds_of_models, init_ledger, upgrade_ledger
    from flexlib.ledger.door import find_ledger

    if arguments.action == "tallies" or arguments.tallies:
        return run_tallies(arguments, settings)
    if arguments.action == "archive":
        return run_archive(arguments, settings)
    if arguments.before or arguments.dry_run:
        raise InvalidRequest(_("--before and --dry-run are said of archive: flexlib ledger archive --before 2025-01"))
    do = {"init": init_ledger, "upgrade": upgrade_ledger, "status": get_ledger_status}[arguments.action]
    ledger = find_ledger(settings)
    has_holds = arguments.action == "upgrade" and holds_of_models(ledger)
    status = do(ledger)
    print(status.to_json() if arguments.json else _render_status(status))
    if has_holds:
        print(_("What was held of limits of models for calls under way is held no longer."), file=sys.stderr)
    return 0


def _render_status(status: LedgerStatus) -> str:
    if status.revision is None:
        said = _("No ledger in {place} ({backend}). Run: flexlib ledger init")
        return said.format(place=status.place, backend=status.backend)
    own = _(" (this flexlib: {revision})").format(revision=status.head)
    lines = {
        _("Backend"): status.backend,
        _("Place"): status.place,
        _("Revision"): status.revision + ("" if status.revision == status.head else own),
        _("Rows"): None if status.rows is None else format_number(status.rows),
        _("First"): status.first and f"{status.first:%Y-%m-%d %H:%M:%S} UTC",
        _("Last"): status.last and f"{status.last:%Y-%m-%d %H:%M:%S} UTC",
        _("Archived"): ", ".join(status.archived),
    }
    return "\n".join(f"{name:<{max(9, *map(len, lines))}} {text}" for name, text in lines.items() if text)
