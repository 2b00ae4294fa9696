"""The figures of a view: the sums of its months by what it is summed by, beside those that they are compared with, and
the rows below them, as finished tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from flexlib.analysis.ranking import measure_amount_change, name_coloured, share_out
from flexlib.analysis.top import NOT_GIVEN
from flexlib.dashboard.held import list_moved, list_view_rows, sum_view
from flexlib.dashboard.lacks import is_least, lacks_any, mark_lacks, mark_missing, name_sum, say_least
from flexlib.dashboard.view import Months, View, format_view
from flexlib.dates import Month
from flexlib.enums import OF_AN_HOUR
from flexlib.formats import format_number
from flexlib.front.spend import Spend
from flexlib.front.table import SpendTable
from flexlib.front.unstored import part_absent
from flexlib.i18n import Label, _, list_weekday_names, mark_text, translate_count
from flexlib.page.kit.chart import Chart
from flexlib.page.kit.units import UNITS
from flexlib.senders import name_provider
from flexlib.sources.registry import WINDSURF, name_source
from flexlib.spend.before import explain_unlike
from flexlib.spend.billed import sum_known
from flexlib.tables.chargeback import IN_PART
from flexlib.tables.definition import Column, Kind, Row, Table, Total

MOST_LINES = 40
"""Lines of a table of sums, and of rows: more are for a spreadsheet, which the downloads hold all of."""
MOST_DAYS = 62
"""Days that a chart has as columns: past two months they are thinner than a finger, and months stand in their place."""
KINDS = {"usd": Kind.USD, "clp": Kind.CLP, "flex_credits": Kind.USD}
COUNTED = ("share", "requests", "total_tokens", "unpriced_requests")
TIMES = ("day", "month", "weekday", "hour")
NAMED: Mapping[str, Callable[[str], str]] = {"provider": name_provider, "source": name_source}
"""What the values of a group are called."""
NAMES = {
    "model": mark_text("Model"), "provider": mark_text("Provider"), "source": mark_text("Source"),
    "user": mark_text("Person"), "department": mark_text("Department"), "team": mark_text("Team"),
    "project": mark_text("Project"), "cost_centre": mark_text("Cost centre"), "task_type": mark_text("Task"),
    "proxy": mark_text("Proxy"), "day": mark_text("Day"), "month": mark_text("Month"),
    "weekday": mark_text("Weekday"), "hour": mark_text("Hour"),
}  # fmt: skip
"""What a group is called above its column."""


@dataclass(frozen=True)
class Figures:
    """What one view shows of the months that were loaded for it; `then`: those that they are compared with."""

    view: View
    spend: Spend
    then: Spend | None = None

    @cached_property
    def sums(self) -> SpendTable:
        """By what the view is summed by, the largest first."""
        return sum_view(self.spend, (self.view.by,), self.view.only)

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """A line for each, with its share, its amount then and the address of its rows."""
        view, key = self.view, self.view.by
        now = list_lines(self.sums)
        before = {} if self.then is None else {
            line[key]: line[view.of] for line in list_lines(sum_view(self.then, (key,), view.only))
        }  # fmt: skip
        # Days and months are others in another span: only what has a name in both is compared.
        here = {line[key] for line in now}
        gone = [] if key in ("day", "month") else [one for one in before if one not in here]
        now += [{**dict.fromkeys([*self.sums.columns]), key: one} for one in gone if before[one]]
        shares = share_out([line[view.of] for line in now])
        moved = list_moved(self.spend, key)
        unsure = moved if self.then is None else moved | list_moved(self.then, key)
        now = mark_missing(now, self.spend, view, moved)
        return [
            {
                **line,
                **mark_lacks(line, view.of),
                "name": name_value(key, line[key]),
                "drawn": line[view.of],
                "share": share,
                "then": before.get(line[key]),
                "change": None
                if self.obstacle or line[key] in unsure or lacks_any(line)
                else measure_amount_change(line[view.of], before.get(line[key])),
                "page": self._lead(line[key]) if place <= MOST_LINES else "",
            }
            for place, (line, share) in enumerate(zip(now, shares, strict=True))
        ]

    def _lead(self, value: object) -> str:
        """The address of the rows behind a line."""
        return "?" + format_view(self.view.narrow(self.view.by, None if value is None else write_value(value)))

    @cached_property
    def obstacle(self) -> str:
        """Why no change on what it is compared with is stated, in a few words; empty where one may be."""
        if self.then is None:
            return ""
        of = self.view.of
        own, other = (name_span(find_months(one)) for one in (self.spend, self.then))
        within = {WINDSURF.name} if of == "flex_credits" else None
        if unlike := explain_unlike(self.spend.loaded, self.then.loaded, (own, other), within):
            return unlike
        # Where a month is not stored at all there is nothing of it to look at.
        parts = [other] * is_least(self.then, of, self.view) + [own] * lacks_months(self.spend)
        return _("{month} is not whole").format(month=parts[0]) if parts else ""

    @property
    def heading(self) -> str:
        """What a line is of."""
        return _(NAMES[self.view.by])

    def table_sums(self, most: int | None = MOST_LINES) -> Table:
        """The lines as a table; of more than `most` the others are one."""
        of, lines = self.view.of, self.lines
        shown: list[Row] = [*lines]
        if most is not None and len(lines) > most + 1:
            rest = lines[most:]
            amounts = {one: sum_known(line[one] for line in rest) for one in (of, "then")}
            counts = {one: _sum_counts(line[one] for line in rest) for one in COUNTED}
            rest_of = {"name": say_more(len(rest)), "note": say_least(rest, of), **amounts, **counts}
            shown = [*lines[:most], {**rest_of, "drawn": None, "change": None, "page": ""}]
        has_note = any(line["note"] for line in lines)
        columns = [
            Column("name", self.heading, total=name_sum(lines, self.spend, self.view),
                   is_series=self.view.by == "model", link="page", export_name=self.view.by),
            Column("drawn", "", Kind.BAR),
            Column(of, UNITS[of].title, KINDS[of], Total.KNOWN, "note" if has_note else "",
                   unknown=_("no amount is known")),
            Column("share", _("Share"), Kind.SHARE, is_optional=True),
        ]  # fmt: skip
        if self.then is not None and self.view.by not in ("day", "month"):
            then = name_span(self.view.against) if self.view.against else ""
            columns.append(Column("then", then, KINDS[of], Total.KNOWN, is_optional=True, export_name=f"{of}_then"))
            columns.append(Column("change", _("Change"), Kind.CHANGE))
        columns.append(Column("requests", _("Requests"), Kind.COUNT, Total.KNOWN, is_optional=True))
        columns.append(Column("total_tokens", _("Tokens"), Kind.COUNT, Total.KNOWN, is_optional=True))
        if any(line["lacks_usd"] for line in lines) and of != "flex_credits":
            columns.append(Column("unpriced_requests", _("Not priced"), Kind.COUNT, Total.KNOWN, is_optional=True,
                                  unknown=IN_PART))  # fmt: skip
        others = frozenset({len(shown) - 1} if len(shown) < len(lines) else ())
        coloured = name_coloured(lines, "name", of)
        return Table("table-sums", self.heading, columns, shown, others, coloured=coloured)

    def table_rows(self) -> tuple[Table, int]:
        """The newest rows behind the sums, and how many there are."""
        rows, count = list_view_rows(self.spend, self.view.only, MOST_LINES)
        lines = [
            row | {
                "created_at": row["created_at"][: 16 if row["grain"] in OF_AN_HOUR else 10],
                "provider": name_value("provider", row["provider"]),
                "source": name_value("source", row["source"]),
                "total_tokens": row["total_tokens"] or None,
            }
            for row in rows
        ]  # fmt: skip
        columns = [
            Column("created_at", _("When (UTC)")),
            Column("user", _("Person"), is_optional=True),
            Column("model", _("Model")),
            Column("provider", _("Provider"), is_optional=True),
            Column("source", _("Source"), is_optional=True),
            Column("requests", _("Requests"), Kind.COUNT, is_optional=True),
            Column("total_tokens", _("Tokens"), Kind.COUNT, is_optional=True),
            Column("flex_credits", _("Flex credits"), Kind.USD, is_optional=self.view.of != "flex_credits"),
            Column("usd", "US$", Kind.USD, is_optional=self.view.of == "flex_credits"),
        ]
        return Table("table-rows", _("The rows"), columns, lines), count

    @property
    def drawn_sums(self) -> SpendTable:
        """What the chart is of."""
        by, span = self.view.by, self.spend.span
        time = "day" if (span.last - span.first).days < MOST_DAYS else "month"
        keys = (by,) if by in (*TIMES, "user") else (time, by)
        return sum_view(self.spend, keys, self.view.only)

    def draw(self) -> Chart | None:
        """The report's own chart of these sums: over the days, of more than two months over the months; people as
        bars, since six thousand are no columns. None where no amount is known."""
        by, of = self.view.by, self.view.of
        sums = self.drawn_sums
        if "day" in sums.columns:  # a sum of a month has no day
            sums = sums[sums["day"].notna()]
        if sums.empty or sums[of].isna().all():
            return None
        if by in NAMED:
            sums = sums.assign(**{by: pd.Series([None if pd.isna(one) else NAMED[by](one) for one in sums[by]],
                                                sums.index, dtype="str")})  # fmt: skip
        return sums.plot(of=of, name="chart-sums")


def find_months(spend: Spend) -> Months:
    """The first and the last month of a span."""
    return Month.containing(spend.span.first), Month.containing(spend.span.last)


def lacks_months(spend: Spend) -> bool:
    """Whether a month of it is awaited and not stored."""
    return bool(part_absent(spend.absent, spend.stored, spend.root).states)


def _sum_counts(counts: Iterable[int | None]) -> int | None:
    known = [one for one in counts if one is not None]
    return sum(known) if known else None


def say_more(count: int) -> str:
    """That so many others are there."""
    return translate_count("and {count} more", "and {count} more", count).format(count=format_number(count))


def list_lines(sums: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table of sums, what is not known as None."""
    columns = {str(name): values.astype(object).where(values.notna(), None).tolist() for name, values in sums.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def write_value(value: object) -> str:
    """A value of a key as an address has it, and as the rows' own text is."""
    return f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else str(value)


def name_value(key: str, value: object) -> str:
    """A value of a key as it is shown; of a text from an address, too."""
    if value is None:
        return Label(NOT_GIVEN)
    text = write_value(value)
    if key == "month":
        return Month.parse(text[:7]).title
    if key == "weekday" and text in tuple("1234567"):
        return list_weekday_names()[int(text) - 1]
    if key == "hour":
        return f"{text}:00"
    return NAMED[key](text) if key in NAMED else text


def name_span(months: Months) -> str:
    """`September 2025`, or `August 2025 – September 2025`."""
    first, last = months
    return first.title if first == last else f"{first.title} – {last.title}"
