"""`flexlib ledger archive`: closed months of the ledger kept in their files alone."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from flexlib.dates import Month
from flexlib.errors import BadMonth, InvalidRequest
from flexlib.formats import clean_text, format_count
from flexlib.i18n import _, write_json
from flexlib.proof import State
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.ingest.archive import ArchivedResult


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `flexlib ledger archive` takes."""
    group = parser.add_argument_group(_("archive"))
    group.add_argument("--before", type=_read_month, metavar="MONTH",
        help=_("take the calls of the months before this one, such as 2025-01, out of the ledger, once they are proved "
        "to be in their stored files; exits with 4 where a month stays"))  # fmt: skip
    group.add_argument("--dry-run", action="store_true", help=_("prove it, and take nothing out"))


def run_archive(arguments: argparse.Namespace, settings: Settings) -> int:
    """Does it and prints what became of each month; 4 where one stays in the ledger."""
    from flexlib.ingest.archive import archive_months
    from flexlib.ledger.door import find_ledger

    if arguments.before is None:
        raise InvalidRequest(_("archive needs --before MONTH, such as --before 2025-01."))
    today = datetime.now(timezone.utc).date()
    found: list[ArchivedResult] = []
    for one in archive_months(
        arguments.before, settings.data, ledger=find_ledger(settings), today=today, dry_run=arguments.dry_run
    ):
        found.append(one)
        if not arguments.json:
            print(clean_text(_tell(one, dry_run=arguments.dry_run)), flush=True)
    if arguments.json:
        months = [{"month": str(one.month), "rows": one.rows, "place": one.place and str(one.place), "why": one.why}
                  for one in found]  # fmt: skip
        print(write_json({"dry_run": arguments.dry_run, "months": months}))
    elif not found:
        print(_("The ledger has no month before {month}.").format(month=arguments.before))
    return 0 if all(one.is_archived for one in found) else State.UNRECONCILED.exit_code


def _tell(one: ArchivedResult, *, dry_run: bool) -> str:
    if one.why:
        return _("{month} stays: {why}").format(month=one.month, why=one.why)
    said = (
        _("{month} would be archived: {calls} in {place}") if dry_run else _("{month} is archived: {calls} in {place}")
    )
    return said.format(month=one.month, calls=format_count(one.rows or 0, "call"), place=one.place)


def _read_month(text: str) -> Month:
    try:
        return Month.parse(text)
    except BadMonth as error:
        raise argparse.ArgumentTypeError(str(error)) from error
