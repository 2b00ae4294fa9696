"""The tables of a site: months, models and departments, each line with the address of its own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flexlib.analysis.ranking import name_coloured, share_out
from flexlib.dates import Month, Span
from flexlib.i18n import _
from flexlib.page.kit.parts import BADGES
from flexlib.site.facts import OF, Facts, list_amounts
from flexlib.tables.chargeback import IN_PART
from flexlib.tables.definition import Column, Kind, Row, Table, Total
from flexlib.tables.year import NOT_STORED, UNITS, name_months_total, name_total


def table_months(facts: Facts, addresses: Mapping[str, str]) -> Table:
    """A line a month, the newest first: its days as a line, its spend, and the state of its certificate."""
    rows = []
    for month, row in reversed(facts.rows.items()):
        is_stored = row["state"] is not None
        badge = BADGES[row["state"]] if is_stored else None
        notes = {f"note_{one}": _("at least") * (row[one] is not None and one in (row["lacks"] or ())) for one in UNITS}
        said = f"{badge.sign}\u00a0{_(badge.word)}" if badge else _(NOT_STORED[row["why_absent"]])
        days = facts.list_days(month) if is_stored else ()
        rows.append({**row, **notes, "days": days, "said": said, "page": addresses.get(str(month))})
    whole, least, least_in_part = _("All months"), _("All months, at least"), _("All months, {units} at least")
    is_absent = any(row["state"] is None and row["why_absent"] in (None, "running") for row in rows)
    total = least if is_absent else name_months_total(rows, whole, least, least_in_part)
    columns = [
        Column("month", _("Month"), Kind.MONTH, total, link="page"),
        Column("days", "", Kind.SPARK),
        Column("usd", "US$", Kind.USD, Total.KNOWN, "note_usd"),
        Column("clp", "CLP", Kind.CLP, Total.KNOWN, "note_clp", is_optional=True),
        Column("flex_credits", _("Flex credits"), Kind.USD, Total.KNOWN, "note_flex_credits", is_optional=True),
        Column("people", _("Spenders"), Kind.COUNT, is_optional=True),
        Column("requests", _("Application calls"), Kind.COUNT, Total.KNOWN, is_optional=True),
        Column("said", _("State")),
    ]
    return Table("table-months", _("The months"), columns, rows)


def table_parts(
    rows: Sequence[Row], key: str, span: Span, addresses: Mapping[str, str], heading: str, name: str
) -> Table:
    """A line for each model or department of the whole time, with its months as a line. `rows` are `list_parts`'."""
    lines = [{**row, OF: row["total"], "drawn": list_amounts({**row}, span)} for row in rows]
    return _build(lines, key, Column("drawn", "", Kind.SPARK), addresses, heading, name)


def table_of_month(
    rows: Sequence[Row],
    key: str,
    month: Month,
    addresses: Mapping[str, str],
    heading: str,
    name: str,
    coloured: frozenset[str] = frozenset(),
) -> Table:
    """A line for each that was used in one month, its part of it as a bar. `coloured`: the models with a colour in
    the chart beside it, which has what has a day alone."""
    found = [row for row in rows if str(month) in row["used"] and row[str(month)] != 0]
    lines: list[Row] = [{key: row[key], OF: row[str(month)], "drawn": row[str(month)],
                         "lacking": row["lacking"] & {str(month)}, "missing": row["missing"] & {str(month)}}
                        for row in found]  # fmt: skip
    lines.sort(key=lambda row: (row[OF] is None, -(row[OF] or 0), row[key]))
    return _build(lines, key, Column("drawn", "", Kind.BAR), addresses, heading, name, coloured)


def _build(
    lines: Sequence[Row],
    key: str,
    drawn: Column,
    addresses: Mapping[str, str],
    heading: str,
    name: str,
    coloured: frozenset[str] = frozenset(),
) -> Table:
    shares = share_out([row[OF] for row in lines])  # as a month's report gives them: they sum to 100.0 %
    rows = [{**row, "share": share, "page": addresses.get(row[key]), "note": _mark_least(row)}
            for row, share in zip(lines, shares, strict=True)]  # fmt: skip
    total = name_total(rows, _("All together"), _("All together, at least"))
    columns = [
        Column(key, heading, total=total, is_series=key == "model", link="page"),
        drawn,
        Column(OF, "US$", Kind.USD, Total.KNOWN, "note", unknown=_("no amount is known")),
        Column("share", _("Share"), Kind.SHARE, is_optional=drawn.kind is Kind.SPARK),
    ]
    unpriced = Column("unpriced", _("Calls not priced"), Kind.COUNT, Total.KNOWN, is_optional=True, unknown=IN_PART)
    if any(row.get("unpriced") for row in rows):
        columns.append(unpriced)
    return Table(name, heading, columns, rows, coloured=coloured or name_coloured(rows, key, OF))


def table_of_part(rows: Sequence[Row], addresses: Mapping[str, str], name: str, *, is_least: bool) -> Table:
    """A line a month of one model or department; `rows` have `month`, the measures of `Spend.by` and whether it
    is `lacking`. `is_least`: whether their sum is, as of a month in which it has no line."""
    least = _("All months, at least") if is_least else _("All months")
    lines = [
        {**row, "note": _mark_least(row), "page": addresses.get(str(Month.containing(row["month"])))} for row in rows
    ]
    columns = [
        Column("month", _("Month"), Kind.MONTH, least, link="page"),
        Column(OF, "US$", Kind.USD, Total.KNOWN, "note"),
        Column("flex_credits", _("Flex credits"), Kind.USD, Total.KNOWN),
        Column("requests", _("Requests"), Kind.COUNT, Total.KNOWN),
        Column("total_tokens", _("Tokens"), Kind.COUNT, Total.KNOWN, is_optional=True),
        Column("unpriced", _("Not priced"), Kind.COUNT, Total.KNOWN, is_optional=True, unknown=IN_PART),
    ]
    return Table(name, _("Month by month"), columns, lines)


def _mark_least(row: Row) -> str:
    return _("at least") if row["lacking"] and row[OF] is not None else ""
