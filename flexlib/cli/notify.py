"""`flexlib notify`: tells who has to know that a budget is nearly used up, exceeded, or will be exceeded; each once."""

from __future__ import annotations

import argparse
import sys
import textwrap
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.check import add_check_options, check_stored
from flexlib.cli.notice_output import describe_message, explain_open, name_reader, render_message
from flexlib.cli.options import Commands, add_command, add_demo_option, add_month_options
from flexlib.dates import Month
from flexlib.errors import BadFile, InvalidRequest, LedgerError
from flexlib.formats import clean_lines, clean_text, format_moment
from flexlib.home import find_home
from flexlib.i18n import _, write_json
from flexlib.setting_values import has_file
from flexlib.settings import Settings
from flexlib.store.budgets import BUDGETS
from flexlib.store.outbox import Standing, list_standings
from flexlib.store.server import is_made_up

if TYPE_CHECKING:
    from flexlib.deliver.claims import Message
    from flexlib.deliver.delivery import FindOwner
    from flexlib.front.budgets import BudgetPeriod

NOTICES = Path("params", "notices.yaml")
"""Where rules are looked for, in the folder of the project, unless FLEXLIB_NOTICES names another file."""
EXAMPLE = Path("params", "notices.example.yaml")
WIDTH = 110
"""Of a line of what would be told."""
NOT_TOLD = 1
"""The exit code where somebody was not told, or may not have been."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "notify", _("tells everyone who has to know about a budget, once each"), _("""\
  flexlib notify --year 2025 --month 9 --dry-run
  flexlib notify --year 2025 --month 9
  flexlib notify                              what waits, and limits that are exceeded by now, without a look at months
  flexlib notify --resend 3f1c9a2b77d0"""))  # fmt: skip
    add_month_options(parser, required=False)
    add_check_options(parser)
    parser.add_argument("--notices", type=Path, metavar="FILE",
                        help=_("who is told (default FLEXLIB_NOTICES, else params/notices.yaml)"))  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help=_("print what is new to tell; send and store nothing"))
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--resend", type=read_key, metavar="KEY",
                        help=_("send again a notice that may or may not have been sent"))  # fmt: skip
    chosen.add_argument(
        "--settle", type=read_key, metavar="KEY", help=_("note that it has arrived, or need not be sent any more")
    )
    parser.add_argument("--json", action="store_true", help=_("print it as JSON"))
    add_demo_option(parser)
    parser.set_defaults(run=run_notify)


def read_key(text: str) -> str:
    """The key of a notice; not that of an empty variable of a shell."""
    if not text.strip():
        raise argparse.ArgumentTypeError(_("the key is empty; flexlib check and flexlib send name open ones."))
    return text.strip()


def run_notify(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints what became of each notice; exits with 1 where one was not sent, or may not have been."""
    if arguments.resend or arguments.settle:
        return _mend(arguments, settings)
    from flexlib.deliver.rules import read_rules

    path = arguments.notices or settings.notices or find_home() / NOTICES
    if not path.is_file():
        raise BadFile(
            _("{path} is not there; copy {example} to it and say who is told, or name a file with --notices.").format(
                path=path, example=EXAMPLE
            )
        )
    rules = read_rules(path)
    if (arguments.year is None) != (arguments.month is None):
        raise InvalidRequest(_("give --year and --month, or neither to send what waits."))
    month, standings, lost, lacking = None, list[Standing](), list[str](), ""
    if arguments.year is not None:
        month = Month(arguments.year, arguments.month)
        made, settings = check_stored(arguments, settings, month)
        standings = [describe_standing(one) for one in made.periods]
        for sentence in made.missing:
            print(sentence, file=sys.stderr)
        known = {one.budget.name for one in made.periods}
        said = _("A rule is of {name}, which is no budget of {month}: nobody is told of it. Check the name.")
        lost = [said.format(name=name, month=month) for rule in rules for name in rule.budgets if name not in known]
    if not is_made_up(settings.data):
        counted, lacking = read_limits(arguments, settings)
        standings += counted
    find_owner = _read_owners(arguments, settings)
    if arguments.dry_run:
        from flexlib.deliver.claims import Claims
        from flexlib.deliver.delivery import gather, list_left, plan_notices

        claims, now = Claims(settings.data), datetime.now(timezone.utc)
        moved = list_left(claims, rules, path, find_owner).standings
        plan = plan_notices(rules, [*list_standings(settings.data).values(), *standings, *moved], now, find_owner)
        messages = gather(claims.list_new(plan.claims))
    else:
        from flexlib.deliver.delivery import tell

        if is_made_up(settings.data):
            raise InvalidRequest(
                _("These budgets are of made-up data, of which nobody is told; add --dry-run to see how.")
            )
        servers, bundle = settings.servers, settings.ca_bundle
        plan, messages = tell(rules, standings, settings.data, servers, bundle, find_owner, file=path)
    untold = (*plan.untold, *lost, *filter(None, [lacking]))
    _print_all(arguments, month, messages, untold)
    return NOT_TOLD if untold or not arguments.dry_run and any(map(is_lacking, messages)) else 0


def _read_owners(arguments: argparse.Namespace, settings: Settings) -> FindOwner:
    """Who answers for a team on the last day of a period that has come, as the organization says."""
    from flexlib.deliver.delivery import know_no_owner

    file = arguments.roster or settings.organization
    if file is None:
        return know_no_owner
    from flexlib.store.organization import read_organization

    organization, today = read_organization(file), datetime.now(timezone.utc).date()
    return lambda one: organization.find_owner(one.of[0], max(one.first, min(one.last, today)))


def is_lacking(message: Message) -> bool:
    """Whether its reader was not told, or may not have been."""
    from flexlib.deliver.claims import Fate

    return message.fate in (Fate.FAILED, Fate.UNKNOWN)


def _print_all(
    arguments: argparse.Namespace, month: Month | None, messages: list[Message], untold: tuple[str, ...]
) -> None:
    if arguments.json:
        described = [describe_message(one) for one in messages]
        content = {"month": month and str(month), "messages": described, "untold": list(untold)}
        print(write_json(content))
    else:
        title = _("Notices of {month}").format(month=month.title) if month else _("Notices")
        if arguments.dry_run:
            title = _("{title}, not sent (--dry-run)").format(title=title)
        print(title + (": " + _("none") if not messages else ""))
        for one in messages:
            print(_preview(one) if arguments.dry_run else render_message(one))
    for sentence in untold:
        print(clean_text(sentence), file=sys.stderr)
    for one in messages if not arguments.dry_run else ():
        if is_lacking(one):
            print(f"{explain_open(one)}.", file=sys.stderr)


def _preview(message: Message) -> str:
    """What its reader would get."""
    from flexlib.deliver.texts import SPACE, write_lines, write_subject

    due = max(one.due for one in message.claims)
    when = _(", not before {moment}").format(moment=format_moment(due)) if due > message.changed else ""
    said = [textwrap.fill(line, WIDTH, initial_indent="    - ", subsequent_indent="      ")
            for line in write_lines(message)]  # fmt: skip
    lines = [f"  {name_reader(message)}{when}", f"    {write_subject(message)}", *said]
    return clean_lines("\n".join(lines).replace(SPACE, " "))


def _mend(arguments: argparse.Namespace, settings: Settings) -> int:
    """Sends one again, or settles it."""
    from flexlib.deliver.claims import Claims, Fate
    from flexlib.deliver.delivery import open_channels, send_again

    claims = Claims(settings.data)
    with claims.hold():
        message = claims.find_open(arguments.resend or arguments.settle)
        if arguments.settle:
            message = claims.mark(message, Fate.SETTLED, datetime.now(timezone.utc), message.trouble)
        else:
            channels = open_channels(settings.servers, settings.data, settings.ca_bundle)
            message = send_again(claims, message, channels)
    _print_all(arguments, None, [message], ())
    return NOT_TOLD if is_lacking(message) else 0


def read_limits(arguments: argparse.Namespace, settings: Settings) -> tuple[list[Standing], str]:
    """Where the budgets stand that are enforced, by what the ledger has counted until now; and why it could not be
    asked, where it could not."""
    path = arguments.budgets or settings.budgets or find_home() / BUDGETS
    if not (settings.has_ledger and has_file(path)):
        return [], ""
    from flexlib.store.budgets import read_budgets

    enforced = [one for one in read_budgets(path) if one.is_enforced]
    if not enforced:
        return [], ""
    from flexlib.analysis.budgets import Usage, judge_budget
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.guard.counted import list_counted

    try:
        counted = list_counted(find_ledger(settings), enforced, datetime.now(timezone.utc))
    except LedgerError as error:
        return [], str(error)
    return [
        Standing(
            one.name,
            one.scope,
            one.of,
            one.unit,
            one.amount,
            one.thresholds,
            span.first,
            span.last,
            str(judge_budget(one.amount, one.thresholds, Usage({}, undated=spent))),
            spent,
        )
        for one, span, spent in counted
    ], ""


def describe_standing(one: BudgetPeriod) -> Standing:
    """A budget in one of its periods, as it is told."""
    budget = one.budget
    ends = [None if end is None else Decimal(str(round(end, 2))) for end in (one.expected, one.low, one.high)]
    return Standing(
        budget.name,
        budget.scope,
        budget.of,
        budget.unit,
        budget.amount,
        budget.thresholds,
        one.span.first,
        one.span.last,
        str(one.outcome),
        one.spent,
        bool(one.lacks),
        ends[0],
        ends[1],
        ends[2],
        one.day,
        one.is_unknown,
        one.is_sure,
    )
