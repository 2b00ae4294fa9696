"""The command that makes a month's report."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from flexlib.certificate import State
from flexlib.cli.options import (
    Commands,
    add_command,
    add_fetch_options,
    add_month_options,
    asks_demo,
    find_exit_code,
    open_settings,
    read_fetch_options,
    warn_of_state,
)
from flexlib.dates import Month, Span
from flexlib.errors import BadParameter
from flexlib.settings import Settings
from flexlib.store.server import mark_made_up
from flexlib.store.snapshots import load_credits, scan
from flexlib.store.version import Snapshot


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "report", "make a month's report: one HTML file to share", """\
  flexlib report --year 2025 --month 9
  flexlib report --demo --year 2025 --month 9
  flexlib report --year 2025 --month 9 --names --offline --output-dir reports
  flexlib report -f params/flex_credits.yaml
  flexlib report --notebook llm_usage --year 2025 --month 9 -p zone America/Santiago
  flexlib report --notebook notebooks/my_own.ipynb --year 2025 --month 9 -p top 20""")  # fmt: skip
    add_month_options(parser, required=False)
    parser.add_argument("--notebook", default="flex_credits", help="name in notebooks/, or path (default flex_credits)")
    parser.add_argument("--names", action="store_true", help="show people's names instead of pseudonyms")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters",
                        help="another parameter of the notebook")  # fmt: skip
    parser.add_argument("-f", type=Path, metavar="FILE", dest="file", help="parameters from a YAML file; -p wins")
    parser.add_argument("--offline", action="store_true", help="use what is stored, ask no server")
    parser.add_argument("--console", action="store_true", help="also print the month's flex credits by day and model")
    parser.add_argument("--output-dir", type=Path, default=Path("reports"), help="where it goes (default reports)")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    add_fetch_options(parser)
    parser.set_defaults(run=run_report_command)


def run_report_command(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.report.parameters import check_request
    from flexlib.report.run import read_state, run_report
    from flexlib.spend.month import find_month_snapshots

    request = check_request(arguments.notebook, _read_parameters(arguments), settings.service_key)
    month, reads_usage, is_demo = request.month, False, asks_demo(arguments, settings)
    snapshots: tuple[Snapshot, ...] = ()
    with open_settings(arguments, settings, offline=arguments.offline) as settings:
        if month and request.reads == "credits":
            snapshots = (_find_credits(month, settings, arguments),)
        elif month:
            reads_usage, zone = True, str(request.values.get("zone", "UTC"))
            if is_demo and not arguments.offline:
                ensure_demo(month, zone, settings, **read_fetch_options(arguments))
            elif not arguments.offline:
                _close_ledger(month, zone, settings)
            snapshots = find_month_snapshots(month, settings.data, zone=zone)
    page = run_report(request, arguments.output_dir, settings.data)
    files = [page]
    if month and not reads_usage:
        text, table = _write_tables(month, settings, snapshots[0], page.parent)
        files.append(table)
        if arguments.console and not arguments.json:
            print(text)
    # The month that the notebook has loaded is not loaded again.
    state = read_state(page) if reads_usage else None
    if arguments.json:
        states = [{"month": str(one.month), "state": one.certificate.state} for one in snapshots]
        facts = {"files": [str(file) for file in files], "certificates": states}
        if state:
            facts |= {"state": state["state"], "missing": state["missing"], "doubts": state["possible_duplicates"]}
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(f"📄 {file}" for file in files))
    certificates = [snapshot.certificate for snapshot in snapshots]
    warn_of_state(certificates)
    if not state:
        return find_exit_code(certificates)
    for sentence in (*state["missing"], *state["possible_duplicates"], *state["bills"]):
        print(f"{month} is {state['state']}: {sentence}", file=sys.stderr)
    return find_exit_code(certificates, State(state["state"]))


def _read_parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """The notebook's parameters: of the file, then -p, then the options of their own."""
    import yaml

    values: dict[str, Any] = {}
    try:
        if arguments.file is not None:
            values |= yaml.safe_load(arguments.file.read_text("utf-8")) or {}
        values |= {name: yaml.safe_load(value) for name, value in arguments.parameters}
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise BadParameter(f"The parameters cannot be read: {' '.join(str(error).split())}.") from error
    given = {"year": arguments.year, "month": arguments.month, "names": arguments.names or None}
    return values | {name: value for name, value in given.items() if value is not None}


def _find_credits(month: Month, settings: Settings, arguments: argparse.Namespace) -> Snapshot:
    if arguments.offline:
        return load_credits(month, settings.data)
    from flexlib.ingest.windsurf.fetch import ensure_credits

    options: dict[str, Any] = read_fetch_options(arguments)
    return ensure_credits(month.span, settings, **options)[0]


def _close_ledger(month: Month, zone: str, settings: Settings) -> None:
    """Closes the ledger's calls of the month, and of those that a report reads with it, again where they are stale."""
    from flexlib.ingest.ledger import ensure_month
    from flexlib.ledger.door import find_ledger

    ledger, most = find_ledger(settings), settings.most_unpriced
    now = Month.containing(datetime.now(timezone.utc).date())
    is_recorded = month <= now and ensure_month(month, settings.data, ledger=ledger, most_unpriced=most) is not None
    # The month before is what this one is compared with; in another zone the months around have hours of this one.
    around = {month.previous: False} if zone == "UTC" else dict.fromkeys((month.previous, month.next), is_recorded)
    for one, even_empty in around.items():
        if one <= now:
            ensure_month(one, settings.data, ledger=ledger, even_empty=even_empty, most_unpriced=most)


def ensure_demo(month: Month, zone: str, settings: Settings, **options: Any) -> None:  # noqa: ANN401
    """The made-up company's credits and calls of the month and of those that a report reads with it."""
    from flexlib.demo.calls import ensure_demo_calls
    from flexlib.demo.company import FIRST_MONTH
    from flexlib.ingest.windsurf.fetch import ensure_credits

    first, now = max(FIRST_MONTH, month.previous), Month.containing(datetime.now(timezone.utc).date())
    ensure_credits(Span(first.first, month.last), settings, **options)
    last = month if zone == "UTC" else min(month.next, now)
    for one in Span(first.first, last.last).months:
        ensure_demo_calls(one, settings.data)


def _write_tables(month: Month, settings: Settings, snapshot: Snapshot, folder: Path) -> tuple[str, Path]:
    """The month by day and model as text, and the CSV beside the page."""
    from flexlib.cli.credits import build_by_model
    from flexlib.export import write_csv

    rows = scan("credits", month.span, settings.data)
    _, table, text = build_by_model(rows, month.span, snapshot.certificate.state is State.GAP)
    return text, write_csv(table, folder / f"{mark_made_up('flex_credits_by_model', settings.data)}.csv")
