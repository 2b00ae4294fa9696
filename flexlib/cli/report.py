"""The command that makes reports: of a month, or of each of several."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.cli.export_formats import check_libraries, check_zone
from flexlib.cli.options import (
    Commands,
    add_command,
    add_fetch_options,
    add_span_options,
    asks_demo,
    find_exit_code,
    open_settings,
    read_span,
    warn_of_problems,
    warn_of_state,
)
from flexlib.cli.report_months import bring_month, list_proofs
from flexlib.cli.report_with import NOTEBOOK, add_with_option, find_parameter, note_beside, share_page, write_beside
from flexlib.dates import Month, Span
from flexlib.errors import BadMonth, BadParameter, FlexlibError, choose_worst
from flexlib.formats import clean_lines, clean_text
from flexlib.i18n import LANGUAGES, _, use_language, write_json
from flexlib.nesting.yaml_texts import decode_yaml
from flexlib.proof import write_unclosed
from flexlib.refusals import explain_refusal
from flexlib.setting_values import CELL_LIMIT, read_choice
from flexlib.settings import Settings
from flexlib.store.server import mark_made_up
from flexlib.store.snapshots import list_months, scan
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    from flexlib.report.parameters import ReportRequest


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "report", _("make a month's report: one HTML file to share"), """\
  flexlib report --year 2025 --month 9
  flexlib report --demo --year 2025 --month 9
  flexlib report --year 2025 --month 9 --with xlsx,pdf
  flexlib report --year 2025 --start-month 7 --end-month 9
  flexlib report --year 2025 --month 9 --names --offline --output-dir reports
  flexlib report -f params/flex_credits.yaml
  flexlib report --notebook llm_usage --year 2025 --month 9 -p zone America/Santiago
  flexlib report --notebook notebooks/my_own.ipynb --year 2025 --month 9 -p top 20""")  # fmt: skip
    add_span_options(parser)
    parser.add_argument("--notebook", default=NOTEBOOK, help=_("name in notebooks/, or path (default flex_credits)"))
    parser.add_argument("--names", action="store_true", help=_("show people's names instead of pseudonyms"))
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters",
                        help=_("another parameter of the notebook"))  # fmt: skip
    parser.add_argument("-f", type=Path, metavar="FILE", dest="file", help=_("parameters from a YAML file; -p wins"))
    parser.add_argument("--offline", action="store_true", help=_("use what is stored, ask no server"))
    parser.add_argument("--alone", action="store_true",
                        help=_("do not read the month before, to compare with, where it is missing"))  # fmt: skip
    parser.add_argument("--console", action="store_true",
                        help=_("also print the month's flex credits by day and model"))  # fmt: skip
    parser.add_argument("--output-dir", type=Path, default=Path("reports"), metavar="FOLDER",
                        help=_("where it goes (default reports)"))  # fmt: skip
    add_with_option(parser)
    limit = _("how long a cell of the notebook may take (default {seconds:g})").format(seconds=CELL_LIMIT)
    parser.add_argument("--cell-limit", type=_read_seconds, default=CELL_LIMIT, metavar="SECONDS", help=limit)
    parser.add_argument("--json", action="store_true", help=_("print what was made as JSON"))
    add_fetch_options(parser)
    vars(parser)["find_otherwise"] = find_parameter
    parser.set_defaults(run=run_report_command)


def run_report_command(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.front.months import find_look
    from flexlib.report.run import run_report, stop_reports

    check_libraries(arguments.beside)
    requests = list_requests(arguments, settings.service_key)
    for one in requests:
        check_zone(arguments.beside, one.zone)
    is_demo, many = asks_demo(arguments, settings), len(requests) > 1
    told = settings.judging
    # Each notebook has a process of its own, and a thread that talks to it; this one only waits, so that Ctrl-C ends
    # all of them at once.
    pool = ThreadPoolExecutor(os.cpu_count())
    begun: list[tuple[ReportRequest, tuple[Snapshot, ...], Future[Path]]] = []
    try:
        with open_settings(arguments, settings, offline=arguments.offline) as settings:
            look = find_look(settings, settings.data)
            for request in requests:
                try:
                    snapshots = bring_month(request, settings, arguments, is_demo=is_demo)
                except FlexlibError as error:
                    if not many:
                        raise
                    begun.append((request, (), _fail(error)))
                    continue
                shows = not many and (arguments.progress or sys.stderr.isatty())
                # After the request's months were closed; of all months, since a notebook may load any of them.
                unclosed = write_unclosed(look, list_months(settings.data))
                how = {"shows_progress": shows, "cell_limit": arguments.cell_limit, "unclosed": unclosed, "told": told}
                make = partial(run_report, request, arguments.output_dir, settings.data, **how)
                begun.append((request, snapshots, pool.submit(make)))
            made = [_finish(*one, settings, arguments, many=many) for one in begun]
    except KeyboardInterrupt:
        stop_reports()
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    if arguments.json:
        facts = [one for one, _ in made]
        print(write_json(facts if many else facts[0]))
    return choose_worst([code for _, code in made])


def list_requests(arguments: argparse.Namespace, service_key: str | None) -> list[ReportRequest]:
    """One report, or one for each month of those that were asked for. Raises `BadParameter`, `BadMonth`."""
    from flexlib.report.parameters import check_request, find_notebook, read_parameters

    given, known = _read_parameters(arguments), read_parameters(find_notebook(arguments.notebook))
    if "lang" not in known:
        given.pop("lang", None)
    share_page(arguments, given, known)
    is_year = arguments.year is not None and "month" not in given
    takes_months = "month" in known
    bounds = (arguments.start_month, arguments.end_month, arguments.start_date, arguments.end_date)
    if bounds == (None,) * 4 and not (is_year and takes_months):
        return [check_request(arguments.notebook, given, service_key)]
    span = read_span(arguments)
    months = span.months
    if span != Span(months[0].first, months[-1].last):
        raise BadMonth(_("a report is of a whole month; {span} begins or ends within one.").format(span=span))
    return [
        check_request(arguments.notebook, given | {"year": one.year, "month": one.month}, service_key) for one in months
    ]


def _fail(error: FlexlibError) -> Future[Path]:
    failed: Future[Path] = Future()
    failed.set_exception(error)
    return failed


def _finish(
    request: ReportRequest,
    snapshots: tuple[Snapshot, ...],
    made: Future[Path],
    settings: Settings,
    arguments: argparse.Namespace,
    *,
    many: bool,
) -> tuple[dict[str, Any], int]:
    """Waits for the page, says what was made, and gives that for JSON, and the exit code. Of one month among many also
    that it could not be read or made; a report alone raises that."""
    month = request.month
    try:
        while not made.done():
            wait((made,), timeout=1)  # on Windows nobody who waits without end hears Ctrl-C
        facts, code = _tell(request, snapshots, made.result(), settings, arguments, many=many)
    except FlexlibError as error:
        if not many:
            raise
        said, english = (clean_lines(settings.hide_key(one)) for one in (str(error), error.english))
        print(f"flexlib: {month}: {said}", file=sys.stderr)
        facts, code = {"files": [], "certificates": [], "error": english}, error.exit_code
    return ({"month": str(month)} if many else {}) | facts, code


def _tell(
    request: ReportRequest,
    snapshots: tuple[Snapshot, ...],
    page: Path,
    settings: Settings,
    arguments: argparse.Namespace,
    *,
    many: bool,
) -> tuple[dict[str, Any], int]:
    """Writes the tables beside the page, says what was made, and gives that for JSON, and the exit code."""
    from flexlib.report.run import read_state

    files, month, reads_usage = [page], request.month, request.reads == "usage"
    if month and not reads_usage:
        text, table = _write_tables(month, settings, snapshots[0], page.parent)
        files.append(table)
        if arguments.console and not arguments.json:
            print(text)
    note_beside(page, files := [*files, *write_beside(page, request, settings, arguments)])
    # The month that the notebook has loaded is not loaded again.
    state = None if request.reads == "credits" else read_state(page)
    # A notebook of no month that says nothing of what it loaded is judged by nothing.
    certificates = [one.certificate for one in snapshots if state or request.reads]
    facts: dict[str, Any] = {"files": [str(file) for file in files], "certificates": [{"month": str(one.month),
        "state": one.state} for one in certificates]}  # fmt: skip
    if state:
        facts |= {"state": state["state"], "missing": state["missing"], "doubts": state["possible_duplicates"]}
    if not arguments.json:
        print("\n".join(f"📄 {clean_text(str(file))}" for file in (files[:1] if many else files)), flush=True)
    warn_of_state(list_proofs(request, snapshots) if certificates else ())
    if not state:
        return facts, find_exit_code(certificates)
    found = State(state["state"])
    # Of a page that does not say what each of them makes of the month, some may be notes.
    told = state.get("problems", [(None, text) for text in (*state["missing"], *state["possible_duplicates"])])
    warn_of_problems(month or request.period, found, [(made and State(made), text) for made, text in told])
    return facts, find_exit_code(certificates, found)


def _read_seconds(text: str) -> float:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(_("{text!r} is not a number of seconds from 1 up").format(text=text))
    return float(text)


def _read_parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """The notebook's parameters: of the file, then -p, then the options of their own."""
    values: dict[str, Any] = {}
    try:
        if (file := arguments.file) is not None:
            values = decode_yaml(file.read_text("utf-8")) or {}
            if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
                said = _("{file} must have lines of a name and a value, such as year: 2025")
                raise ValueError(said.format(file=file))
        values |= {name: decode_yaml(value) if value else value for name, value in arguments.parameters}
    except OSError as error:
        said = _("{file} cannot be read: {why}; give the path of a YAML file.")
        raise BadParameter(said.format(file=file, why=explain_refusal(error))) from error
    except ValueError as error:
        raise BadParameter(_("The parameters cannot be read: {error}.").format(error=explain_refusal(error))) from error
    if language := values.get("lang"):  # of the page: also where its notebook has no such parameter
        use_language(read_choice("lang", str(language), LANGUAGES))
    given = {"year": arguments.year, "month": arguments.month, "names": arguments.names or None}
    return values | {name: value for name, value in given.items() if value is not None}


def _write_tables(month: Month, settings: Settings, snapshot: Snapshot, folder: Path) -> tuple[str, Path]:
    """The month by day and model as text, and the CSV beside the page."""
    from flexlib.cli.credits import build_by_model
    from flexlib.export import write_csv

    rows = scan("credits", month.span, settings.data)
    _, table, text = build_by_model(rows, month.span, snapshot.certificate.state is State.GAP)
    return text, write_csv(table, folder / f"{mark_made_up('flex_credits_by_model', settings.data)}.csv")
