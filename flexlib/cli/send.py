"""`flexlib send`: mails a month to those who have to see it, each once, and a part only to whom it is of."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from flexlib.cli.notify import NOT_TOLD, is_lacking, read_key
from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    add_roster_option,
    find_exit_code,
)
from flexlib.cli.report_months import open_shown
from flexlib.cli.send_contents import MonthWriter
from flexlib.cli.send_output import describe_mail, explain_mail, render_mail
from flexlib.dates import Month
from flexlib.errors import BadFile, InvalidRequest, choose_worst
from flexlib.formats import clean_text
from flexlib.home import find_home
from flexlib.i18n import _, write_json
from flexlib.settings import DEMO, Settings
from flexlib.store.server import is_made_up

if TYPE_CHECKING:
    from flexlib.deliver.claims import Claim, Claims, Message
    from flexlib.deliver.months import Content
    from flexlib.deliver.readers import Reader

MAILS = Path("params", "mail.yaml")
"""Where readers are looked for, in the folder of the project, unless FLEXLIB_MAIL names another file."""
EXAMPLE = Path("params", "mail.example.yaml")
UNKNOWN_SENDER = "flexlib@localhost"
"""From whom a mail is in a dry run without a mail server."""
OWN_MAIL = b"Message-ID: <flexlib."
"""What no other mail has."""
REPORT = "llm_usage"
"""The notebook whose page must be there, and fresh, before a month is mailed."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "send", _("mails a month, and parts of it, each reader once"), _("""\
  flexlib send --year 2025 --month 9 --dry-run      sends nothing, writes .eml files to look at
  flexlib send --year 2025 --month 9
  flexlib send --year 2025 --month 9 --resend 3f1c9a2b77d0"""))  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument("--readers", type=Path, metavar="FILE",
                        help=_("who gets what (default FLEXLIB_MAIL, else params/mail.yaml)"))  # fmt: skip
    parser.add_argument("--rules", type=Path, metavar="FILE",
                        help=_("how parts are charged (default params/chargeback.yaml, if there)"))  # fmt: skip
    add_roster_option(parser)
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path("reports"),
        metavar="FOLDER",
        help=_("where reports are (default reports)"),
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help=_("write each mail as an .eml file beside the report; send and store nothing"),
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--resend", type=read_key, metavar="KEY",
                        help=_("send a mail again of which it is not known whether it was sent"))  # fmt: skip
    chosen.add_argument(
        "--settle", type=read_key, metavar="KEY", help=_("note that it has arrived, or need not be sent any more")
    )
    parser.add_argument("--json", action="store_true", help=_("print it as JSON"))
    add_demo_option(parser)
    parser.set_defaults(run=run_send)


def run_send(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints what became of each mail; exits with 1 where one was not sent, or may not have been, else as the month."""
    from flexlib.deliver.claims import Fate
    from flexlib.deliver.months import open_claims
    from flexlib.deliver.readers import read_readers

    month = Month(arguments.year, arguments.month)
    if arguments.settle:
        claims = open_claims(settings.data)
        with claims.hold():
            found = claims.find_open(arguments.settle)
            settled = claims.mark(found, Fate.SETTLED, datetime.now(timezone.utc), found.trouble)
        return _print_all(arguments, month, [settled], {}, [])
    path = arguments.readers or settings.mails or find_home() / MAILS
    if not path.is_file():
        raise BadFile(
            _("{file} is not there; copy {example} to it and say who gets what, or name a file with --readers.").format(
                file=path, example=EXAMPLE
            )
        )
    wanted = read_readers(path)
    settings = open_shown(arguments, settings, month)
    if is_made_up(settings.data) and not arguments.dry_run:
        raise InvalidRequest(_("This month is of made-up data, which nobody is mailed; add --dry-run to see how."))
    folder = arguments.output_dir / (DEMO if is_made_up(settings.data) else "") / str(month)
    made_by = f"flexlib report --notebook {REPORT} --year {month.year} --month {month.month}"
    place = "" if arguments.output_dir == Path("reports") else f" --output-dir {quote(str(arguments.output_dir))}"
    of = f"FLEXLIB_ORGANIZATION={quote(str(arguments.roster))} " if arguments.roster else ""
    command = of + made_by + place + " --demo" * is_made_up(settings.data)
    writer = MonthWriter.open(month, folder / f"{REPORT}.html", command, arguments, settings, wanted.largest)
    claims = open_claims(settings.data)
    with nullcontext() if arguments.dry_run else claims.hold():
        planned, contents = _plan(wanted.readers, writer, claims, is_all=arguments.dry_run or bool(arguments.resend))
        if arguments.dry_run:
            messages, files = _write_files(planned, contents, folder / "mail", settings)
        else:
            messages, files = _send(arguments, settings, claims, planned, contents), {}
    code = _print_all(arguments, month, messages, files, writer.lacks)
    return choose_worst([code, find_exit_code(writer.usage.certificates, writer.usage.state)])


def _plan(
    readers: Sequence[Reader], writer: MonthWriter, claims: Claims, *, is_all: bool
) -> tuple[list[Claim], dict[tuple[str, str], Content]]:
    """What is claimed, or is to be, and what each reader's mail holds; no mail of what they have already, unless
    `is_all`."""
    from flexlib.deliver.months import find_past, find_told, name_channel, plan_claim

    planned: list[Claim] = []
    contents: dict[tuple[str, str], Content] = {}
    now = datetime.now(timezone.utc)
    for reader in readers:
        if not writer.has_part(reader):
            continue
        past, files = find_past(claims, writer.month, reader), writer.find_files(reader)
        told = find_told(past)
        claim = plan_claim(past, writer.month, reader, writer.find_said(reader), now, files)
        planned.append(claim)
        if is_all or told is None or claim is not told.claim:
            contents[name_channel(writer.month, reader), reader.to] = writer.write(reader, told)
        elif told.left_out:
            writer.find_files(reader, says=True)
    return planned, contents


def _send(
    arguments: argparse.Namespace,
    settings: Settings,
    claims: Claims,
    planned: Sequence[Claim],
    contents: Mapping[tuple[str, str], Content],
) -> list[Message]:
    from flexlib.deliver.months import send_month, send_month_again

    server, bundle = settings.servers.mail, settings.ca_bundle
    if not arguments.resend:
        return send_month(claims, planned, contents, server, bundle)
    found = claims.find_open(arguments.resend)
    if (found.channel, found.recipient) not in contents:
        raise InvalidRequest(
            _("{key} is of {what} to {reader}, which this month and the file of readers do not have.").format(
                key=arguments.resend, what=found.channel, reader=clean_text(found.recipient)
            )
        )
    return [send_month_again(claims, found, planned, contents, server, bundle)]


def _write_files(
    planned: Sequence[Claim], contents: Mapping[tuple[str, str], Content], folder: Path, settings: Settings
) -> tuple[list[Message], dict[str, Path]]:
    """Each mail as a file that mail programs open, for its owner alone, and by its message's id; those of an earlier
    run that would not be sent now go."""
    from flexlib.deliver.delivery import gather
    from flexlib.deliver.months import build_month_mail
    from flexlib.report.letters import name_files
    from flexlib.report.notes import note_files
    from flexlib.store.disk import PRIVATE, PRIVATE_FOLDER, REPORTS, report_disk, write_whole

    sender = settings.servers.mail.sender if settings.servers.mail else UNKNOWN_SENDER
    messages, files = gather(planned), dict[str, Path]()
    names = {one.id: f"{one.channel.partition(' ')[2]} {one.recipient}" for one in messages}
    stems = name_files(list(names.values()))
    with report_disk(folder, REPORTS):
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        for one in messages:
            mail = build_month_mail(contents[one.channel, one.recipient], one, sender)
            files[one.id] = folder / f"{stems[names[one.id]]}.eml"
            write_whole(files[one.id], mail.as_bytes(), PRIVATE)
        for file in {*folder.glob("*.eml")} - {*files.values()}:
            if OWN_MAIL in file.read_bytes():  # of a reader who gets none any more
                file.unlink()
    note_files(files.values(), names=False)
    return messages, files


def _print_all(
    arguments: argparse.Namespace,
    month: Month,
    messages: Sequence[Message],
    files: Mapping[str, Path],
    lacks: Sequence[str],
) -> int:
    """Prints what became of each mail, those of this month first, and gives the exit code."""
    from flexlib.deliver.months import read_month

    messages = sorted(messages, key=lambda one: read_month(one) != month)
    if arguments.json:
        described = [describe_mail(one, files.get(one.id)) for one in messages]
        content = {"month": str(month), "messages": described, "lacks": list(lacks)}
        print(write_json(content))
    else:
        title = _("Mails of {month}, not sent (--dry-run)") if arguments.dry_run else _("Mails of {month}")
        print(title.format(month=month.title) + (": " + _("none") if not messages else ""))
        for one in messages:
            print(render_mail(one, files.get(one.id)))
    for sentence in lacks:
        print(clean_text(sentence), file=sys.stderr)
    is_open = not arguments.dry_run and any(map(is_lacking, messages))
    for one in filter(is_lacking, messages) if is_open else ():
        print(explain_mail(one), file=sys.stderr)
    return NOT_TOLD if is_open or lacks else 0
