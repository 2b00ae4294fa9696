"""`flexlib site`: all months as a folder of pages for a browser, without a server."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.options import Commands, add_command, add_demo_option, add_roster_option
from flexlib.cli.report_months import load_shown_spend, open_shown
from flexlib.dates import Month, name_months
from flexlib.errors import SnapshotMissing
from flexlib.formats import clean_text, format_count, format_number
from flexlib.i18n import _, join_and, write_json
from flexlib.proof import State
from flexlib.settings import DEMO, Settings
from flexlib.store.shared import check_shared_zone
from flexlib.store.snapshots import list_months

if TYPE_CHECKING:
    from flexlib.site.facts import Facts
    from flexlib.site.write import Written


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "site", _("all months as a folder of pages for a browser, without a server"), """\
  flexlib site
  flexlib site --output /srv/intranet/models --zone America/Santiago
  flexlib site --demo --roster params/organization.example.csv --json""")  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=Path("site"), metavar="FOLDER", help=_("where it goes (default site)")
    )
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="FOLDER",
                        help=_("the reports that are shown in it (default reports)"))  # fmt: skip
    parser.add_argument(
        "--zone", default="UTC", help=_("whose months and days, such as America/Santiago (default UTC)")
    )
    parser.add_argument("--share", action="store_true",
                        help=_("departments of few people as one line, for a page that everybody may see"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=_("what was written as JSON"))
    add_roster_option(parser)
    add_demo_option(parser)
    parser.set_defaults(run=run_site)


def run_site(arguments: argparse.Namespace, settings: Settings) -> int:
    """Writes what changed; the exit code is 3 where a month between those that are stored is not, as that of `flexlib
    sources`; the states of stored months, for which rows are read, its pages show."""
    if arguments.share:
        check_shared_zone(arguments.zone)
    # Whoever looks at the demo first has none of its months: the last one that has ended is brought.
    ended = [] if list_months(settings.data / DEMO) else [Month.containing(date.today()).previous]
    data = (settings := open_shown(arguments, settings, *ended)).data
    stored = list_months(data)
    if not stored:
        said = _("Nothing is stored in {data}, so there is no month to show; run flexlib fetch first, or add --demo to "
                 "look at made-up months.")  # fmt: skip
        raise SnapshotMissing(said.format(data=data))
    from flexlib.front.unstored import part_absent
    from flexlib.report.inputs import Inputs
    from flexlib.site.facts import Facts, find_reports, find_span
    from flexlib.site.frame import INDEX
    from flexlib.site.inputs import hash_inputs
    from flexlib.site.write import keep_site
    from flexlib.store.server import is_made_up

    sub = DEMO if is_made_up(data) else ""
    inputs = Inputs(settings, data.absolute(), arguments.roster)
    reports, left = find_reports(arguments.reports / sub, inputs, share=arguments.share)
    months = find_span(stored, reports).months
    spend = load_shown_spend(settings, months[0], months[-1], zone=arguments.zone, roster=arguments.roster)
    facts, folder = Facts(spend, tuple(reports), arguments.share), arguments.output / sub
    made_of = hash_inputs(spend, reports, is_shared=arguments.share)
    done = keep_site(folder, made_of) or _make_site(facts, folder, made_of)
    if arguments.json:
        made = {name: list(paths) for name, paths in vars(done).items()}
        made |= {"left_out": left, "months": [str(one) for one in facts.months]}
        moved = {one.path: list(one.moved) for one in reports if one.moved}
        print(write_json({"folder": str(folder), **made, "outdated": facts.outdated, "moved": moved}))
    else:
        written, kept, removed = (format_number(len(one)) for one in (done.written, done.kept, done.removed))
        said = _("{months}; files: {written} written, {kept} unchanged, {removed} removed").format(
            months=format_count(len(facts.months), "month"), written=written, kept=kept, removed=removed
        )
        print(f"📄 {clean_text(str(folder / INDEX))}: {said}")
    for sentence in left:
        print(clean_text(sentence), file=sys.stderr)
    for page, changed in facts.outdated.items():
        told = _("{page} was made of other data of {months} than are stored now, and the site says so; flexlib report "
                 "makes it again.")  # fmt: skip
        print(clean_text(told.format(page=page, months=changed)), file=sys.stderr)
    for one in (one for one in reports if one.moved):
        told = _("{page} was made with other inputs than there are now ({inputs}), and the site says so; flexlib "
                 "report makes it again.")  # fmt: skip
        print(clean_text(told.format(page=one.path, inputs=join_and(one.moved))), file=sys.stderr)
    for path in done.foreign:
        said = _("{path} is of an earlier site and was changed since: it is left there.")
        print(said.format(path=clean_text(path)), file=sys.stderr)
    if gaps := part_absent(spend.absent, spend.stored, data).gaps:
        print(_("Nothing of {months} is stored.").format(months=name_months(gaps)), file=sys.stderr)
    return State.GAP.exit_code if gaps else 0


def _make_site(facts: Facts, folder: Path, made_of: str) -> Written:
    from flexlib.site.feed import render_feed
    from flexlib.site.first_page import render_site
    from flexlib.site.frame import FEED
    from flexlib.site.site import Site
    from flexlib.site.write import write_site

    site = Site(facts)
    files = {path: text.encode() for path, text in render_site(site)} | {FEED: render_feed(site)}
    files |= {one.path: one.content for one in facts.reports}
    return write_site(files, folder, is_shared=facts.is_shared, made_of=made_of)
