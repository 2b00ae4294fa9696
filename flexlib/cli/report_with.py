"""`flexlib report --with xlsx,pdf`: files of other programs beside a page, from what it shows."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.cli.export_formats import FORMATS, OF_PROGRAMS, explain_unwritten, take_formats
from flexlib.cli.export_source import Source
from flexlib.cli.report_months import load_shown_spend
from flexlib.dates import Span
from flexlib.errors import BadParameter
from flexlib.i18n import LANGUAGES, _, find_language, speak
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.front.spend import Spend
    from flexlib.report.parameters import Parameter, ReportRequest

NOTEBOOK = "flex_credits"
"""The report that is made where none is named."""


def add_with_option(parser: argparse.ArgumentParser) -> None:
    """--with, as `flexlib export` takes --format, and --share."""
    titles = "; ".join(f"{name}: {_(one.title)}" for name, one in FORMATS.items())
    parser.add_argument("--with", type=take_formats, default=[], dest="beside", metavar="FORMAT[,FORMAT]",
                        help=_("files beside the page: {titles}").format(titles=titles))  # fmt: skip
    add_share_option(parser)


def add_share_option(parser: argparse.ArgumentParser) -> None:
    said = _("for everybody to see: no department of few people, no file finer than the page")
    parser.add_argument("--share", action="store_true", help=said)


def share_page(arguments: argparse.Namespace, given: dict[str, Any], known: Mapping[str, Parameter]) -> None:
    """Adds `share` to the parameters that are `given` where it is asked for, and the notebook's `known` ones have it.
    Raises `InvalidRequest` for what cannot be shared, and `BadParameter` where they have no names, at once."""
    if given.get("names") and "names" not in known:
        said = _("{notebook} names nobody; leave the names out.")
        raise BadParameter(said.format(notebook=Path(arguments.notebook).stem))
    if arguments.share and "share" in known:
        given["share"] = True
    if arguments.share or given.get("share") is True:
        from flexlib.report.shared import check_shared_groups
        from flexlib.report.values import find_zone
        from flexlib.store.shared import check_shared

        check_shared(find_zone(given, known), names=bool(given.get("names")))
        check_shared_groups(known, given)


def write_beside(page: Path, request: ReportRequest, settings: Settings, arguments: argparse.Namespace) -> list[Path]:
    """The files that were asked for, beside the page and named after it; says on stderr what is not in them."""
    shares = bool(arguments.share or request.values.get("share") is True)
    is_private = bool(request.values.get("names"))
    source = Source(lambda: _load(request, settings), lambda: page, is_private, is_shared=shares,
                    load_compared=lambda: load_compared(source.spend, request.notebook, request.values))  # fmt: skip
    files: list[Path] = []
    with tempfile.TemporaryDirectory(prefix="flexlib-") as folder:
        of_programs = source
        if find_language() != LANGUAGES[0]:
            make = partial(_make_again, request, settings, Path(folder), arguments.cell_limit)
            of_programs = replace(source, make_page=make, language=LANGUAGES[0])
        for name in arguments.beside:
            form = FORMATS[name]
            if shares and (why := explain_unwritten(name, page)):
                print(f"{request.period}: {why}", file=sys.stderr)
                continue
            stem = page.stem if form.is_of_page else f"{page.stem}_{name}"
            made = form.write(of_programs if name in OF_PROGRAMS else source, page.with_name(stem + form.suffix))
            for sentence in made.notes:
                print(f"{request.period}: {sentence}", file=sys.stderr)
            files += made.files
    return files


def _make_again(request: ReportRequest, settings: Settings, folder: Path, cell_limit: float) -> Path:
    """The page in English, for what programs read of it."""
    from flexlib.front.months import find_look
    from flexlib.proof import write_unclosed
    from flexlib.report.run import run_report
    from flexlib.store.snapshots import list_months

    unclosed = write_unclosed(find_look(settings, settings.data), list_months(settings.data))
    values = {name: value for name, value in request.values.items() if name != "lang"}
    with speak(LANGUAGES[0]):
        return run_report(
            replace(request, values=values), folder, settings.data, unclosed=unclosed, cell_limit=cell_limit
        )


def note_beside(page: Path, files: Iterable[Path]) -> None:
    """Notes the files beside the page, and its notebook, so that they can be handed on and checked."""
    from flexlib.report.manifest import name_manifest, names_people, read_manifest
    from flexlib.report.notes import forget_gone, note_files

    beside, names = [one for one in files if one != page], names_people(read_manifest(name_manifest(page)))
    note_files([*beside, page.with_suffix(".ipynb")], names=names, page=page)
    forget_gone(page)


def _load(request: ReportRequest, settings: Settings) -> Spend | None:
    """All that is stored of the page's month, as `flexlib export` loads it; None of a page of no month."""
    if request.month is None:
        return None
    zone, names = request.zone, bool(request.values.get("names"))
    return load_shown_spend(settings, request.month, zone=zone, names=names)


def load_compared(spend: Spend | None, notebook: Path, values: Mapping[str, Any]) -> Spend | None:
    """The month that is loaded and the one that the notebook compares it with, whose people have the same pseudonyms;
    None of another notebook, and of versions of one month, whose rows would count twice."""
    from flexlib.report.parameters import read_parameters
    from flexlib.store.snapshots import list_newest
    from flexlib.store.version_names import read_version

    named = next((one.name for one in read_parameters(notebook).values() if one.meaning == "version"), None)
    if spend is None or named is None:
        return None
    (month,), given = spend.span.months, values.get(named)
    before, version = read_version(str(given)) if given else (month.previous, None)
    months = tuple(sorted({before, month}))
    if version is not None or not list_newest(before, spend.root):
        return None
    return replace(spend, span=Span(months[0].first, months[-1].last), stored=months)


def find_parameter(option: str, words: Sequence[str]) -> str:
    """How what is no option is given, where it is a parameter of the notebook that the words name; else nothing."""
    from flexlib.report.parameters import find_notebook, read_parameters

    named = [word.partition("=")[2] for word in words if word.startswith("--notebook=")]
    named += [value for word, value in pairwise(words) if word == "--notebook"]
    name = option.removeprefix("--").replace("-", "_")
    try:
        known = read_parameters(find_notebook([NOTEBOOK, *named][-1]))
    except BadParameter:  # that there is no such notebook is said once the options are right
        return ""
    said = _("{option} is a parameter of the notebook: -p {name} VALUE")
    return said.format(option=option, name=name) if name in known else ""
