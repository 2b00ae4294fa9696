"""What a site is made of: every stored month, its models and departments, and the reports that may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

from flexlib.analysis.small_groups import name_apart
from flexlib.certificate import AnyCertificate
from flexlib.dates import Month, Span, name_months
from flexlib.errors import FlexlibError, InvalidRequest
from flexlib.front.sharing import find_folded, fold_table
from flexlib.front.spend import Spend
from flexlib.front.table import SpendTable
from flexlib.front.year import list_parts, measure_months
from flexlib.i18n import _
from flexlib.report.fresh import explain_misplaced, explain_unshared
from flexlib.report.inputs import Inputs, find_month, find_stored, list_restored
from flexlib.report.manifest import hash_bytes, name_manifest, names_people, read_manifest
from flexlib.report.no_page import PERIOD
from flexlib.report.values import find_page_zone
from flexlib.site.frame import INDEX

Row = dict[str, Any]

TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
HEADING = re.compile(r"<h2[^>]*>(.*?)</h2>", re.DOTALL)
UTC = "UTC"
"""Of whose months `flexlib spend` is, and a report that is told no zone."""
OF = "usd"
"""The unit by which months, models and departments are put in order and drawn."""


@dataclass(frozen=True)
class Report:
    """A page of `flexlib report` that its manifest shows to be whole and without names."""

    period: str
    """`2025-09`, or `2025`."""
    name: str
    """Of its file."""
    title: str
    headings: tuple[str, ...]
    content: bytes
    made_at: float
    """When it was made, in seconds, as the file system says."""
    made_of: Mapping[str, str]
    """By month and source, such as `credits/2025-09/windsurf`, the hash of the rows that it was made of."""
    zone: str = UTC
    """Whose days it is of."""
    moved: tuple[str, ...] = ()
    """Its files and settings that are others now, in words."""

    @property
    def path(self) -> str:
        """Where it is in the site."""
        return f"{self.period}/{self.name}"


@dataclass(frozen=True)
class Facts:
    """The months from the first to the last of which anything is stored; those between are gaps, and no zeros."""

    spend: Spend
    reports: tuple[Report, ...] = ()
    is_shared: bool = False
    """Whether departments of few people are one line."""

    @property
    def span(self) -> Span:
        return self.spend.span

    @property
    def months(self) -> list[Month]:
        """Those that have a page: stored ones, and such as have a report."""
        reported = {one.period for one in self.reports}
        return [one for one in self.span.months if one in self.spend.stored or str(one) in reported]

    @cached_property
    def outdated(self) -> dict[str, str]:
        """By path, of reports that were made of other rows or sources than are stored now, in words of which months."""
        read = {find_month(name) for one in self.reports for name in one.made_of}
        stored = find_stored(read.union(self.spend.stored), self.spend.root)
        changed = {one.path: name_months(_list_changed(one, stored)) for one in self.reports}
        return {path: names for path, names in changed.items() if names}

    @cached_property
    def rows(self) -> dict[Month, Row]:
        """As `front.year.measure_months` gives them, of gaps as well."""
        return dict(zip(self.span.months, measure_months(self.spend), strict=True))

    @cached_property
    def models(self) -> list[Row]:
        """As `front.year.list_parts` gives them."""
        return list_parts(self.by_model, "model", self.spend, OF)

    @cached_property
    def departments(self) -> list[Row]:
        """The same; none where nothing says who belongs where."""
        return list_parts(self.by_month, "department", self.spend, OF) if "department" in self.by_month else []

    @cached_property
    def by_day(self) -> SpendTable:
        return self.spend.by("day", "model").fillna({"model": _("not given")})

    @cached_property
    def by_month(self) -> SpendTable:
        """By month and model, and department where there is any; where it is shared by month and department alone: of a
        department's models one may be somebody's."""
        nothing, keys = {"model": _("not given")}, ["month", "department", "model"]
        try:
            table = self.spend.by(*keys[: 2 if self.is_shared else 3])
        except InvalidRequest:  # nothing says who belongs where
            return self.spend.by("month", "model").fillna(nothing)
        nothing["department"] = name_apart(_("in no department"), {*table["department"]})
        table = table.fillna(nothing)
        if self.is_shared:
            return fold_table(table, find_folded(self.spend, "department"), nothing["department"])
        return table

    @cached_property
    def by_model(self) -> SpendTable:
        """The same without departments where it is shared."""
        has_models = "model" in self.by_month
        return self.by_month if has_models else self.spend.by("month", "model").fillna({"model": _("not given")})

    def pick(self, month: Month) -> Spend:
        """One of the stored months, which is not read again."""
        place = self.spend.stored.index(month)
        one = replace(self.spend, span=month.span, stored=(month,))
        vars(one).update(_months=self.spend._months[place : place + 1], loaded=self.spend.loaded[place : place + 1])
        return one

    def list_days(self, month: Month) -> list[int | None]:
        """What each day came to, in cents, for a line; of days that nothing is known of none."""
        return [int(100 * self._days.get(day, 0)) for day in self._list_read(month)]

    def select(self, key: str, name: str) -> SpendTable:
        """The lines of one model or department."""
        table = self.by_model if key == "model" else self.by_month
        found: SpendTable = table[table[key] == name]
        return found

    @cached_property
    def _days(self) -> dict[Any, Decimal]:
        known = self.by_day[self.by_day[OF].notna() & self.by_day["day"].notna()]
        sums: dict[Any, Decimal] = {}
        for day, amount in zip(known["day"], known[OF], strict=True):
            sums[day.date()] = sums.get(day.date(), Decimal(0)) + amount
        return sums

    def _list_read(self, month: Month) -> list[Any]:
        known = [day for day in self._days if Month.containing(day) == month]
        return [day for day in month.span if day <= max(known)] if known else []


def _list_changed(report: Report, stored: Mapping[str, AnyCertificate]) -> list[Month]:
    """The months of which other rows are stored now than the report was made of; of its own period also those of which
    a source was stored since, or is gone: of other months a report need not read all."""
    made_of = report.made_of
    changed = list_restored(made_of, stored)
    changed |= {name for name in made_of.keys() - stored.keys() if str(find_month(name)).startswith(report.period)}
    if made_of:
        changed |= {name for name in stored.keys() - made_of.keys() if str(find_month(name)).startswith(report.period)
                    and stored[name].read_at.timestamp() > report.made_at}  # fmt: skip
    return sorted({*map(find_month, changed)})


def list_amounts(row: Row, span: Span) -> list[int | None]:
    """The amounts of a model or department month by month, in cents, for a line; of gaps None."""
    return [None if row[str(month)] is None else int(100 * row[str(month)]) for month in span.months]


def find_reports(folder: Path, inputs: Inputs, *, share: bool = False) -> tuple[list[Report], list[str]]:
    """The reports below `folder` that a site may show, and of each other one a sentence why not: it shows people by
    name, or nothing proves that it is what was made; with `share` also where it may show departments of few people."""
    found, left = list[Report](), list[str]()
    pages = (one for one in sorted(folder.glob("*/*.html")) if PERIOD.fullmatch(one.parent.name))
    for page in pages:
        place = f"{page.parent.name}/{page.name}"
        if why := _find_obstacle(page, share):
            left.append(_("{page} is left out: {why}.").format(page=place, why=why))
            continue
        text = (content := page.read_bytes()).decode("utf-8")
        title = TITLE.search(text)
        words = tuple(_strip(one) for one in HEADING.findall(text))
        manifest = read_manifest(name_manifest(page))
        made_of = {name: one["rows_sha256"] for name, one in manifest["snapshots"].items()}
        zone = find_page_zone(manifest)
        name = _strip(title[1]) if title else page.stem
        made_at, moved = page.stat().st_mtime, tuple(inputs.list_moved(manifest, page))
        found.append(Report(page.parent.name, page.name, name, words, content, made_at, made_of, zone, moved))
    return found, left


def _find_obstacle(page: Path, share: bool) -> str:
    if not name_manifest(page).exists():
        return _("it has no manifest, so that nobody knows whether it shows people by name")
    try:
        manifest = read_manifest(name_manifest(page))
    except FlexlibError:
        return _("its manifest was edited")
    if manifest["page"]["sha256"] != hash_bytes(page.read_bytes()):
        return _("it was changed after it was made")
    if names_people(manifest):
        return _("it shows people by name")
    if why := explain_misplaced(page, manifest):
        return why
    if page.name.lower() == INDEX:
        return _("the page of its month has this name; give the notebook another")
    return explain_unshared(manifest) if share else ""


def find_span(stored: Sequence[Month], reports: Sequence[Report]) -> Span:
    """From the first month that is stored or reported to the last."""
    months = sorted({*stored, *(Month.parse(one.period) for one in reports if len(one.period) > len("2025"))})
    return Span(months[0].first, months[-1].last)


def _strip(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
