"""`flexlib report --with xlsx,pdf`: files of other programs beside a page, from what it shows."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.export_formats import FORMATS, Source, take_formats
from flexlib.cli.report_months import load_shown_spend
from flexlib.i18n import _
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.front.spend import Spend
    from flexlib.report.parameters import ReportRequest


def add_with_option(parser: argparse.ArgumentParser) -> None:
    """--with, as `flexlib export` takes --format."""
    titles = "; ".join(f"{name}: {_(one.title)}" for name, one in FORMATS.items())
    parser.add_argument("--with", type=take_formats, default=[], dest="beside", metavar="FORMAT[,FORMAT]",
                        help=_("files beside the page: {titles}").format(titles=titles))  # fmt: skip


def write_beside(page: Path, request: ReportRequest, settings: Settings, arguments: argparse.Namespace) -> list[Path]:
    """The files that were asked for, beside the page and named after it; says on stderr what is not in them."""
    source = Source(lambda: _load(request, settings), lambda: page, bool(request.values.get("names")))
    files: list[Path] = []
    for name in arguments.beside:
        form = FORMATS[name]
        stem = page.stem if form.is_of_page else f"{page.stem}_{name}"
        made = form.write(source, page.with_name(stem + form.suffix))
        for sentence in made.notes:
            print(f"{request.period}: {sentence}", file=sys.stderr)
        files += made.files
    return files


def _load(request: ReportRequest, settings: Settings) -> Spend | None:
    """All that is stored of the page's month, as `flexlib export` loads it; None of a page of no month."""
    if request.month is None:
        return None
    zone, names = str(request.values.get("zone", "UTC")), bool(request.values.get("names"))
    return load_shown_spend(settings, request.month, zone=zone, names=names)
