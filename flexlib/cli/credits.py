"""The commands on flex credits: fetch, certificate, by-model, daily, monthly."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_fetch_options,
    add_span_options,
    asks_demo,
    find_exit_code,
    open_settings,
    read_fetch_options,
    read_span,
    warn_of_problems,
    warn_of_state,
)
from flexlib.cli.report_months import check_made_up, open_shown
from flexlib.console.certificate import render_certificate
from flexlib.dates import Month
from flexlib.errors import SnapshotMissing
from flexlib.formats import clean_text
from flexlib.i18n import _, join_and, write_json
from flexlib.settings import Settings
from flexlib.sources.registry import WINDSURF, list_sources, name_source
from flexlib.store.engines import ENGINES
from flexlib.store.server import mark_made_up, name_command
from flexlib.store.snapshots import find_snapshot, list_newest, load_credits, load_usage, scan
from flexlib.store.strays import list_misplaced
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    from flexlib.dates import Span
    from flexlib.tables.definition import Table

Build = Callable[[object, "Span", bool], "tuple[object, Table, str]"]
"""Of rows, their days and whether they lack somebody: the frame, the table of it for a file, the text."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "fetch",
                         _("read months from the server and store them with their certificates"), """\
  flexlib fetch --year 2025 --month 9
  flexlib fetch --year 2025 --month 9 --workers 50 --route user --verify all
  flexlib fetch --start-date 2025-01-01 --end-date 2025-12-31 --json""")  # fmt: skip
    add_span_options(parser)
    add_fetch_options(parser)
    parser.add_argument("--json", action="store_true", help=_("print the certificates as JSON"))
    parser.set_defaults(run=run_fetch)

    parser = add_command(commands, "certificate", _("show the proof of a stored month"), """\
  flexlib certificate --year 2025 --month 9
  flexlib certificate --year 2025 --month 9 --json
  flexlib certificate --year 2025 --month 9 --source ledger""")  # fmt: skip
    add_span_options(parser)
    parser.add_argument(
        "--source",
        choices=[source.name for source in list_sources()],
        default=WINDSURF.name,
        help=_("whose month: {sources}; default {name}").format(
            sources=", ".join(f"{source.name} ({source.title})" for source in list_sources()), name=WINDSURF.name
        ),
    )
    add_demo_option(parser)
    parser.add_argument("--json", action="store_true", help=_("print it as it is stored"))
    parser.set_defaults(run=run_certificate)

    for name, summary, run in (
        ("by-model", _("flex credits by day and model, on the console and as CSV"), run_by_model),
        ("daily", _("flex and prompt credits a day, on the console and as CSV"), run_daily),
        ("monthly", _("flex and prompt credits a month, on the console and as CSV"), run_monthly),
    ):
        parser = add_command(commands, name, summary, f"""\
  flexlib {name} --year 2025 --month 9
  flexlib {name} --year 2025 --start-month 1 --end-month 9
  flexlib {name} --start-date 2025-01-01 --end-date 2025-12-31 --workers 50
  flexlib {name} --demo --year 2025 --month 9 --json""")  # fmt: skip
        add_span_options(parser)
        add_fetch_options(parser)
        parser.add_argument(
            "--output-dir",
            type=Path,
            default=Path("output"),
            metavar="FOLDER",
            help=_("where the CSV goes (default output)"),
        )
        parser.add_argument("--json", action="store_true", help=_("print rows as JSON and write no CSV"))
        parser.add_argument(
            "--engine",
            choices=ENGINES,
            default="duckdb",
            help=_(
                "what sums the stored months (default duckdb; spark: extra 'spark', master from Spark's own settings)"
            ),
        )
        parser.set_defaults(run=run)


def run_fetch(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.dates import check_begun
    from flexlib.ingest.windsurf.fetch import update_credits

    span = read_span(arguments)
    check_begun(span)
    is_demo = asks_demo(arguments, settings)
    if is_demo:
        check_made_up(span.months[0])
    with open_settings(arguments, settings) as settings:
        options: dict[str, Any] = read_fetch_options(arguments)
        snapshots = [update_credits(month, settings, **options) for month in span.months]
    if is_demo:
        from flexlib.demo.calls import ensure_demo_calls

        for month in span.months:
            ensure_demo_calls(month, settings.data)
    _print_certificates(snapshots, as_json=arguments.json)
    return _finish(snapshots)


def run_certificate(arguments: argparse.Namespace, settings: Settings) -> int:
    span = read_span(arguments)
    settings = open_shown(arguments, settings, *span.months, before=0)
    snapshots = [_load_source(month, arguments.source, settings.data) for month in span.months]
    lost = {one: list_misplaced(settings.data, [one], arguments.source) for one in span.months}
    _print_certificates(snapshots, as_json=arguments.json, lost=lost)
    for month, said in lost.items():
        warn_of_problems(month, State.GAP, [(State.GAP, sentence) for sentence in said])
    code = _finish(snapshots)
    return State.GAP.exit_code if any(lost.values()) else code


def _load_source(month: Month, source: str, root: Path) -> Snapshot:
    if source != WINDSURF.name:
        return load_usage(month, root, source)
    if find_snapshot(WINDSURF.dataset, month, root) is None and (others := list_newest(month, root)):
        raise SnapshotMissing(
            _("No credits of {month} in {root}. Run: {command}; stored are {others}: add --source {source}").format(
                month=month,
                root=root,
                command=name_command(WINDSURF, month, root),
                others=join_and([name_source(one.source) for one in others]),
                source=others[0].source,
            )
        )
    return load_credits(month, root)


def run_by_model(arguments: argparse.Namespace, settings: Settings) -> int:
    return _run_table(arguments, settings, "flex_credits_by_model", build_by_model)


def build_by_model(rows: object, days: Span, lower_bound: bool) -> tuple[object, Table, str]:
    """As `Build` says, by day and model."""
    from flexlib.analysis.credits import credits_by_day_and_model, credits_by_model, credits_statistics
    from flexlib.analysis.top import name_models
    from flexlib.console.table import render_by_model
    from flexlib.tables.credits import table_credits_by_day_and_model

    daily, models = (name_models(by(rows), days) for by in (credits_by_day_and_model, credits_by_model))
    text = render_by_model(daily, models, credits_statistics(rows), days, lower_bound=lower_bound)
    return daily, table_credits_by_day_and_model(daily), text


def run_daily(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.analysis.credits import credits_by_day
    from flexlib.tables.credits import table_daily_credits

    return _run_table(arguments, settings, "team_daily_flex_credits", _build_with(credits_by_day, table_daily_credits))


def run_monthly(arguments: argparse.Namespace, settings: Settings) -> int:
    from flexlib.analysis.credits import credits_by_month
    from flexlib.tables.credits import table_monthly_credits

    return _run_table(arguments, settings, "team_monthly_credits", _build_with(credits_by_month, table_monthly_credits))


def _build_with(sum_rows: Callable[[object], object], define: Callable[[object], Table]) -> Build:
    def build(rows: object, days: Span, lower_bound: bool) -> tuple[object, Table, str]:
        from flexlib.console.table import render_table

        frame = sum_rows(rows)
        table = define(frame)
        return frame, table, render_table(table, days, lower_bound=lower_bound)

    return build


def _run_table(arguments: argparse.Namespace, settings: Settings, stem: str, build: Build) -> int:
    """Fetches what is stale, prints the table and writes its CSV, or prints its rows as JSON."""
    from flexlib.export import name_file, to_json_rows, write_csv
    from flexlib.ingest.windsurf.fetch import ensure_credits

    span = read_span(arguments)
    with open_settings(arguments, settings) as settings:
        snapshots = ensure_credits(span, settings, **read_fetch_options(arguments))
    states = [snapshot.certificate.state for snapshot in snapshots]
    rows = scan("credits", span, settings.data, engine=arguments.engine)
    frame, table, text = build(rows, span, "GAP" in states)
    if arguments.json:
        months = [{"month": str(one.month), "state": one.certificate.state} for one in snapshots]
        print(write_json({"certificates": months, "rows": to_json_rows(frame)}))
    else:
        print(text)
        name = name_file(mark_made_up(stem, settings.data), span, date.today())
        print(f"📄 {clean_text(str(write_csv(table, arguments.output_dir / name)))}")
    return _finish(snapshots)


def _print_certificates(
    snapshots: Sequence[Snapshot], *, as_json: bool, lost: Mapping[Month, Sequence[str]] | None = None
) -> None:
    """`lost`: by month, sentences on newer versions of it that were stored and are gone."""
    certificates, gone = [snapshot.certificate for snapshot in snapshots], lost or {}
    if not as_json:
        for one in certificates:
            state = State.GAP if gone.get(one.month) else one.state
            print(render_certificate(one, told=one.state is State.UNRECONCILED, state=state), end="")
        return
    told = [json.loads(one.to_json()) for one in certificates]
    for values, one in zip(told, certificates, strict=True):
        if sentences := gone.get(one.month):
            values |= {"state": State.GAP, "lost": list(sentences)}
    print(write_json(told if told[1:] else told[0]))


def _finish(snapshots: Sequence[Snapshot]) -> int:
    from flexlib.cli.import_output import explain_stored

    certificates = [snapshot.certificate for snapshot in snapshots]
    warn_of_state(certificates, [explain_stored(one) for one in snapshots])
    return find_exit_code(certificates)
