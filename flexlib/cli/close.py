"""The commands on the ledger's months: close, reprice."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from flexlib.cli.options import (
    Commands,
    add_command,
    add_month_options,
    find_exit_code,
    load_judged,
    warn_of_month,
)
from flexlib.console.certificate import explain_state, render_certificate
from flexlib.dates import Month
from flexlib.formats import format_count, format_number
from flexlib.i18n import _, write_json, write_number
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.ledger.record.changing import Repricing


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "close", _("store a month of the ledger, with its certificate, for reports"), """\
  flexlib close --year 2025 --month 9
  flexlib close --year 2025 --month 9 --grace 24 --json""")  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument("--grace", type=_read_hours, default=timedelta(hours=3), metavar="HOURS",
                        help=_("how long after its end the month counts as complete (default 3)"))  # fmt: skip
    parser.add_argument("--wait", action="store_true", help=_("wait when another run writes the same month"))
    parser.add_argument("--json", action="store_true", help=_("print the certificate as JSON"))
    parser.set_defaults(run=run_close)

    parser = add_command(commands, "reprice",
                         _("what the installed price book would change in a month"), _("""\
  flexlib reprice --year 2025 --month 9
  flexlib reprice --year 2025 --month 9 --apply
  flexlib close --year 2025 --month 9              the month's snapshot follows"""))  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument("--apply", action="store_true",
                        help=_("change the amounts that a price book had set; the old ones are kept"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=_("print the changes as JSON, amounts as text"))
    parser.set_defaults(run=run_reprice)


def run_close(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.ingest.ledger import close_month
    from flexlib.ledger.door import find_ledger

    month = Month(arguments.year, arguments.month)
    ledger = find_ledger(settings)
    snapshot = close_month(
        month,
        settings.data,
        ledger=ledger,
        grace=arguments.grace,
        most_unpriced=settings.most_unpriced,
        wait=arguments.wait,
    )
    certificate = snapshot.certificate
    print(certificate.to_json() if arguments.json else render_certificate(certificate, told=True), end="")
    usage = load_judged(month, settings)
    warn_of_month(usage, {snapshot.source: explain_state(certificate)}, usage.unstored)
    return find_exit_code(usage.certificates, usage.find_state(usage.unstored))


def run_reprice(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.record.changing import reprice_month

    ledger = find_ledger(settings)
    ledger.require_file()
    found = reprice_month(Month(arguments.year, arguments.month), ledger, apply=arguments.apply)
    print(_describe(found) if arguments.json else _render(found))
    return 0


def _describe(found: Repricing) -> str:
    facts = {**asdict(found), "month": str(found.month), "rows": found.rows}
    return write_json(facts, default=lambda amount: f"{amount:f}")


def _render(found: Repricing) -> str:
    said = _("{month} by {book}: {count} of {calls} would change.")
    if found.applied:
        said = _("{month} by {book}: {count} of {calls} changed.")
    calls = format_count(found.rows_looked_at, "call")
    lines = [said.format(month=found.month, book=found.book, count=format_number(found.rows), calls=calls)]
    for one in found.changes:
        source = one.old_source or _("unpriced")
        amounts = _("US$ {amount}").format(amount=f"{_write_usd(one.old_usd)} -> {_write_usd(one.new_usd)}")
        lines.append(
            f"  {one.provider} {one.model}: {format_count(one.rows, 'call')}, {amounts} ({source} -> {one.new_source})"
        )
    if found.rows:
        lines.append(
            _("Close the month again, so that reports show it.")
            if found.applied
            else _("Nothing changed yet; add --apply.")
        )
    return "\n".join(lines)


def _write_usd(amount: Decimal | None) -> str:
    return _("none") if amount is None else write_number(f"{amount.normalize():,f}")


def _read_hours(text: str) -> timedelta:
    if not text.isdecimal() or int(text) > 24 * 31:
        raise argparse.ArgumentTypeError(_("{text!r} is not a number of hours from 0 to 744").format(text=text))
    return timedelta(hours=int(text))
