"""The formats of `flexlib export` and `flexlib report --with`, and what writes each of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.export_source import Exported, Source
from flexlib.commands import write_command
from flexlib.dates import SHARED_ZONE
from flexlib.errors import BadParameter, SumsDiffer, explain_missing
from flexlib.formats import format_plain
from flexlib.i18n import _
from flexlib.store.disk import PRIVATE, PUBLIC, REPORTS, report_disk, write_whole

if TYPE_CHECKING:
    from flexlib.front.focus import Charges
    from flexlib.front.spend import Spend

CHARTS = "charts"
"""The folder of pictures."""


@dataclass(frozen=True)
class Format:
    """One way to hand a month over."""

    title: str
    suffix: str
    write: Callable[[Source, Path], Exported]
    """Writes the file, whole or not at all."""
    is_of_page: bool = True
    """Whether it shows a page, or else the month's charges."""
    needs: str = ""
    """The library of an extra that it is written with."""


def _write_focus(source: Source, path: Path) -> Exported:
    from flexlib.front.focus import build_focus

    spend = _find_month(source)
    return _write_charges(build_focus(spend), "BilledCost", spend, path)


def _write_facts(source: Source, path: Path) -> Exported:
    from flexlib.front.facts import build_facts

    spend = _find_month(source)
    return _write_charges(build_facts(spend), "usd", spend, path, is_chilean=source.dialect == "es-CL")


def _write_charges(charges: Charges, amount: str, spend: Spend, path: Path, *, is_chilean: bool = False) -> Exported:
    from flexlib.export import write_rows
    from flexlib.front.facts import NUMBERS
    from flexlib.front.focus import read_sums

    found: list[tuple[int, Decimal]] = []

    def check(file: Path) -> None:
        decimal = "," if is_chilean else "."
        found.append(_hold_against_spend(read_sums(file, charges.rows.columns, amount, decimal), spend, path))

    decimals = NUMBERS if is_chilean else ()
    write_rows(charges.rows, path, mode=PRIVATE if spend.names else PUBLIC, check=check, with_commas=decimals)
    ((rows, total),) = found
    return Exported([path], rows, total, charges.notes)


def _write_parquet(source: Source, path: Path) -> Exported:
    from flexlib.export.data import write_parquet
    from flexlib.front.facts import build_facts, sum_column, type_facts

    spend = _find_month(source)
    charges, found = build_facts(spend), list[tuple[int, Decimal]]()

    def check(file: Path) -> None:
        found.append(_hold_against_spend(sum_column(file, "usd"), spend, path))

    write_parquet(type_facts(charges), path, check, is_private=source.is_private)
    ((rows, total),) = found
    return Exported([path], rows, total, charges.notes)


def _hold_against_spend(found: tuple[int, Decimal], spend: Spend, path: Path) -> tuple[int, Decimal]:
    """Refuses to write what does not sum to the spend: the one is summed from the file, the other from the month."""
    rows, total = found
    spent = Decimal(spend.total("usd") or 0)
    if total != spent:
        raise SumsDiffer(
            _(
                "{path} was not written: its charges sum to US$ {total}, the spend of {months} is US$ "
                "{spent}. This is a fault of flexlib; report it."
            ).format(path=path, total=format_plain(total), months=spend.span.months[0], spent=format_plain(spent))
        )
    return rows, total


def _find_month(source: Source) -> Spend:
    if source.spend is None:
        raise BadParameter(
            _("csv, focus and parquet are of one month; ask for a report of a month, or leave them out.")
        )
    return source.spend


def _write_workbook(source: Source, path: Path) -> Exported:
    from flexlib.export.workbook import Facts, write_workbook
    from flexlib.front.facts import build_facts, sum_facts
    from flexlib.tables.facts import FACT_COLUMNS

    spend = None if source.is_shared else source.load_compared() or source.spend
    facts = None if spend is None else Facts(FACT_COLUMNS, sum_facts(build_facts(spend)))
    how = {"is_private": source.is_private, "is_shared": source.is_shared}
    notes = write_workbook(source.document, path, facts, **how)
    if source.is_shared:
        said = _("{file} has the page's tables alone: the month's facts are of single people and departments.")
        notes.append(said.format(file=path.name))
    return Exported([path], notes=tuple(notes))


def _write_pdf(source: Source, path: Path) -> Exported:
    from flexlib.report.pdf import write_pdf

    return Exported([write_pdf(source.page, path, is_private=source.is_private)])


def _write_json(source: Source, path: Path) -> Exported:
    from flexlib.export.data import write_json

    file = write_json(source.document, path, is_private=source.is_private, language=source.language)
    return Exported([file])


def _write_pictures(source: Source, path: Path) -> Exported:
    """A picture of each chart in the folder `charts` beside `path`, whose ending says which kind."""
    from flexlib.page.kit.picture import compose_picture, draw_png, name_picture

    document, written = source.document, []
    said = " · ".join(filter(None, (document.name, document.state, document.summary)))
    mode = PRIVATE if source.is_private else PUBLIC
    for section in document.sections:
        for one in section.pictures:
            svg = compose_picture(one, section.heading, said)
            file = path.parent / CHARTS / f"{name_picture(one, path.stem)}{path.suffix}"
            with report_disk(file.parent, REPORTS):
                write_whole(file, draw_png(svg) if path.suffix == ".png" else svg, mode)
            written.append(file)
    return Exported(written)


OF_PROGRAMS = ("json",)
"""Formats of a page that programs read: of one in English, whatever the reader's language is."""
FORMATS: Mapping[str, Format] = {
    "focus": Format("FOCUS 1.2, the open layout of bills that cost tools read, as CSV", ".csv", _write_focus, False),
    "csv": Format("the same charges under plain names, with what has no price", ".csv", _write_facts, False),
    "parquet": Format("these charges with exact types", ".parquet", _write_parquet, False),
    "xlsx": Format(
        "the page's tables and the month's facts as an Excel workbook", ".xlsx", _write_workbook, needs="xlsxwriter"
    ),
    "pdf": Format("the page, paged and numbered", ".pdf", _write_pdf, needs="weasyprint"),
    "json": Format("the page's tables, exact", ".json", _write_json),
    "png": Format("a picture of each chart for slides", ".png", _write_pictures, needs="resvg_py"),
    "svg": Format("the same without pixels", ".svg", _write_pictures),
}
"""By the name that `--format` and `--with` take."""


def take_formats(text: str) -> list[str]:
    """The formats in `xlsx,pdf`, each once, as argparse takes an option."""
    names = list(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        said = _("{name} is no format; there are {formats}").format(
            name=", ".join(unknown) or repr(text), formats=", ".join(FORMATS)
        )
        raise argparse.ArgumentTypeError(said)
    return names


def explain_unattached(file: Path, page: Path, zone: str, command: str) -> str:
    """Why a file beside a page may not go with a mail of a month of this zone, without the stop; empty where it may.
    `command` makes the page, with it all that lies beside it."""
    from flexlib.deliver.readers import ATTACHABLE
    from flexlib.export.workbook import is_shared_workbook
    from flexlib.report.fresh import explain_unshared, explain_zone
    from flexlib.report.manifest import name_manifest, read_manifest

    if file.suffix != ".xlsx" or is_shared_workbook(file):
        return explain_unshared(read_manifest(name_manifest(page)), zone)
    if zone != SHARED_ZONE:
        return explain_zone(zone)
    beside = ",".join(one for one in ATTACHABLE if page.with_suffix(f".{one}").is_file())
    said = _("it may show departments of few people unless {command} makes it")
    return said.format(command=write_command(f"{command} --with {beside} --share"))


def explain_unwritten(name: str, page: Path) -> str:
    """Why a format is not written of a page that is to be shared, in a sentence; empty where it is."""
    from flexlib.report.fresh import explain_unshared
    from flexlib.report.manifest import name_manifest, read_manifest

    if why := explain_unshared(read_manifest(name_manifest(page))):
        said = _("{name} is not written beside the page, which is not for everybody to see: {why}.")
        return said.format(name=name, why=why)
    return "" if FORMATS[name].is_of_page else explain_finer(name)


def explain_finer(name: str) -> str:
    return _("{name} is not written: its rows are finer than the page, which is shared.").format(name=name)


def check_zone(names: Iterable[str], zone: str) -> None:
    """Raises `BadParameter` where a format cannot be of this zone."""
    if zone != "UTC" and "focus" in names:
        raise BadParameter(
            _("FOCUS counts by days of UTC, so focus cannot be of {zone}; ask for it alone, in UTC.").format(zone=zone)
        )


def check_libraries(names: Iterable[str]) -> None:
    """Raises `ExtraMissing` where formats need libraries that are not installed: before a page is made for them."""
    needed = sorted({FORMATS[name].needs for name in names} - {""})
    if missing := explain_missing(*(ImportError(name=one) for one in needed if find_spec(one) is None)):
        raise missing
