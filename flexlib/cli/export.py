"""`flexlib export`: what a month cost, handed over to other programs and to people without flexlib."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.export_formats import (
    CHARTS,
    FORMATS,
    OF_PROGRAMS,
    check_libraries,
    check_zone,
    explain_finer,
    explain_unwritten,
    take_formats,
)
from flexlib.cli.export_source import DIALECTS, Exported, Source
from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    add_roster_option,
    find_exit_code,
    warn_of_month,
)
from flexlib.cli.report_months import USUAL_MONTHS, load_shown_spend, open_shown
from flexlib.cli.report_with import add_share_option, load_compared, share_page
from flexlib.cli.spend import is_at_least
from flexlib.commands import write_command
from flexlib.dates import Month
from flexlib.errors import BadParameter, InvalidRequest
from flexlib.formats import clean_text, format_number, format_plain, format_usd
from flexlib.i18n import LANGUAGES, _, find_language, speak, translate_count, write_json
from flexlib.settings import Settings
from flexlib.store.server import mark_made_up
from flexlib.store.shared import check_shared

if TYPE_CHECKING:
    from decimal import Decimal

    from flexlib.front.spend import Spend


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "export", _("a month as files of other programs: Excel, PDF, CSV and more"), """\
  flexlib export --format xlsx,pdf --year 2025 --month 9
  flexlib export --format csv --csv-dialect es-CL --year 2025 --month 9
  flexlib export --format focus --year 2025 --month 9 --output september.csv --json
  flexlib export --format png,svg --notebook flex_credits --year 2025 --month 9
  flexlib export --format xlsx,pdf,png --demo --year 2025 --month 9""")  # fmt: skip
    titles = "; ".join(f"{name}: {_(one.title)}" for name, one in FORMATS.items())
    parser.add_argument("--format", required=True, type=take_formats, metavar="FORMAT[,FORMAT]", help=titles)
    add_month_options(parser, required=True)
    parser.add_argument("--notebook", default="llm_usage",
                        help=_("the report whose tables and charts are written (default llm_usage)"))  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help=_("where one file goes (default in output/)"))
    parser.add_argument("--output-dir", type=Path, default=Path("output"), metavar="FOLDER",
                        help=_("where files go, and pictures in a folder charts (default output)"))  # fmt: skip
    parser.add_argument("--zone", default="UTC", help=_("whose month and days, such as America/Santiago (default UTC)"))
    parser.add_argument("--csv-dialect", choices=DIALECTS, default=DIALECTS[0],
                        help=_("how --format csv is written: plain (1234.5, commas between), or es-CL (1234,5, "
                               "semicolons between) as Excel in Chile opens it (default plain)"))  # fmt: skip
    parser.add_argument("--names", action="store_true",
                        help=_("people by name instead of under pseudonyms, for the file's owner alone"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=_("say as JSON what was written, amounts as exact text"))
    add_share_option(parser)
    add_roster_option(parser)
    add_demo_option(parser)
    parser.set_defaults(run=run_export)


def run_export(arguments: argparse.Namespace, settings: Settings) -> int:
    """Writes the files, says what is in them; the exit code is that of the month."""
    from flexlib.report.parameters import find_notebook, read_parameters

    month, formats = Month(arguments.year, arguments.month), arguments.format
    _check_options(arguments)
    check_libraries(formats)
    check_zone(formats, arguments.zone)
    settings = open_shown(arguments, settings, month, before=USUAL_MONTHS)
    load = cache(partial(load_shown_spend, settings, month, zone=arguments.zone, roster=arguments.roster))
    notebook = find_notebook(arguments.notebook)
    page_names = arguments.names and "names" in read_parameters(notebook)
    spend = load(names=arguments.names)
    with tempfile.TemporaryDirectory(prefix="flexlib-") as folder:
        make = partial(_make_page, arguments, settings, month, Path(folder))
        source = Source(
            lambda: spend, partial(make, None), arguments.names, arguments.csv_dialect, is_shared=arguments.share
        )
        of_page = replace(source, load_spend=partial(load, names=page_names), is_private=page_names,
                          load_compared=lambda: load_compared(load(names=page_names), notebook, {}))  # fmt: skip
        of_programs = of_page
        if find_language() != LANGUAGES[0]:
            of_programs = replace(of_page, make_page=partial(make, LANGUAGES[0]), language=LANGUAGES[0])
        sources = {
            name: of_programs if name in OF_PROGRAMS else of_page if FORMATS[name].is_of_page else source
            for name in formats
        }
        for name, one in sources.items() if arguments.share else ():
            if why := explain_unwritten(name, one.page):
                raise InvalidRequest(why)
        written = [_write(name, one, month, settings, arguments) for name, one in sources.items()]
    if arguments.json:
        told = [describe_export(name, spend, made) for name, made in zip(formats, written, strict=True)]
        print(write_json(told[0] if len(told) == 1 else told))
    for sentence in dict.fromkeys(sentence for made in written for sentence in made.notes):
        print(f"{month}: {sentence}", file=sys.stderr)
    warn_of_month(spend.loaded[0], {})
    return find_exit_code(spend.certificates, spend.state)


def describe_export(name: str, spend: Spend, made: Exported) -> dict[str, object]:
    """What was written, for JSON."""
    files = [str(file) for file in made.files]
    told: dict[str, object] = {"format": name, "month": str(spend.span.months[0]), "state": str(spend.state)}
    told |= {"files": files} if FORMATS[name].suffix in (".png", ".svg") else {"file": files[0]}
    if made.rows is not None and made.usd is not None:
        usd = None if spend.total("usd") is None else format_plain(made.usd)
        told |= {"rows": made.rows, "amount_in_usd": usd, "at_least": usd is not None and _is_least(spend)}
    return told | {"notes": list(made.notes)}


def _write(name: str, source: Source, month: Month, settings: Settings, arguments: argparse.Namespace) -> Exported:
    from flexlib.report.manifest import name_manifest, names_people, read_manifest
    from flexlib.report.notes import note_files

    form = FORMATS[name]
    stem = f"{Path(arguments.notebook).stem if form.is_of_page else name}_{month}"
    path = arguments.output or arguments.output_dir / (mark_made_up(stem, settings.data) + form.suffix)
    if sys.stderr.isatty():  # of a large month a file takes a while
        print(_("Writing {path}.").format(path=clean_text(str(path))), file=sys.stderr, flush=True)
    made = form.write(source, path)
    if arguments.names and form.is_of_page and not source.is_private:
        said = _("{notebook} names nobody: what is made of it has people under pseudonyms, with --names, too.")
        made = replace(made, notes=(*made.notes, said.format(notebook=Path(arguments.notebook).stem)))
    shows = form.is_of_page and names_people(read_manifest(name_manifest(source.page)))
    note_files(made.files, names=source.is_private or shows)
    if not arguments.json:
        for file in made.files:
            print(f"📄 {clean_text(str(file))}")
        if made.rows is not None and made.usd is not None:
            print(_describe_sum(source.spend, made.rows, made.usd))
    return made


def _describe_sum(spend: Spend | None, rows: int, usd: Decimal) -> str:
    """How many charges are in a file, and what they say of the month's spend."""
    assert spend is not None  # whose charges they are
    said = translate_count(
        "{count} charge that sums to {usd}, the spend of {month}",
        "{count} charges that sum to {usd}, the spend of {month}",
        rows,
    )
    if spend.total("usd") is None:
        said = translate_count(
            "{count} charge; the spend of {month} is not known",
            "{count} charges; the spend of {month} is not known",
            rows,
        )
    elif _is_least(spend):
        said = translate_count(
            "{count} charge that sums to {usd}; the spend of {month} is at least that",
            "{count} charges that sum to {usd}; the spend of {month} is at least that",
            rows,
        )
    return said.format(count=format_number(rows), usd=format_usd(usd), month=spend.span.months[0])


def _is_least(spend: Spend) -> bool:
    (month,) = spend.loaded
    return is_at_least(month, month.bills)


def _make_page(
    arguments: argparse.Namespace, settings: Settings, month: Month, folder: Path, language: str | None
) -> Path:
    """The page of the month, made anew: what stands in the files is what it shows. In `language`, or the reader's: what
    it says to the reader is in theirs."""
    from flexlib.front.months import find_look
    from flexlib.proof import write_unclosed
    from flexlib.report.no_page import NoPage
    from flexlib.report.parameters import check_request, find_notebook, read_parameters
    from flexlib.report.run import run_report
    from flexlib.store.snapshots import list_months

    known = read_parameters(find_notebook(arguments.notebook))
    values: dict[str, object] = {"year": month.year, "month": month.month}
    share_page(arguments, values, known)
    if arguments.names and "names" in known:
        values["names"] = True
    if arguments.zone != "UTC":
        values["zone"] = arguments.zone
    request = check_request(arguments.notebook, values, settings.service_key)
    unclosed = write_unclosed(find_look(settings, settings.data), list_months(settings.data))
    try:
        with speak(language):
            return run_report(
                request,
                Path(tempfile.mkdtemp(dir=folder)),  # for each: the page may be made in two languages
                settings.data,
                unclosed=unclosed,
                shows_progress=sys.stderr.isatty(),
                organization=arguments.roster,
            )
    except NoPage as error:  # what it kept of it is gone with the folder
        command = write_command(
            f"flexlib report --notebook {arguments.notebook} --year {month.year} --month {month.month}"
        )
        raise NoPage(error.why, _("what {command} keeps").format(command=command)) from error


def _check_options(arguments: argparse.Namespace) -> None:
    """Raises `BadParameter` where options do not go together, `InvalidRequest` for what cannot be shared."""
    if arguments.share:
        check_shared(arguments.zone, names=arguments.names)
        for name in arguments.format:
            if not FORMATS[name].is_of_page:
                raise InvalidRequest(explain_finer(name))
    pictures = {name for name in arguments.format if FORMATS[name].suffix in (".png", ".svg")}
    if arguments.output and (len(arguments.format) > 1 or pictures):
        said = _("--output names one file, and there are several here; name their folder by --output-dir: pictures go "
                 "into {charts}/ in it.")  # fmt: skip
        raise BadParameter(said.format(charts=CHARTS))
    if arguments.csv_dialect != DIALECTS[0] and "csv" not in arguments.format:
        raise BadParameter(_("--csv-dialect is of --format csv, which is not asked for; add csv or leave it out."))
