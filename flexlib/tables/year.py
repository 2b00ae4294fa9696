"""The months of a year as finished tables; rows as from `front.year`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from flexlib.analysis.ranking import name_coloured
from flexlib.analysis.top import OTHER_MODELS
from flexlib.analysis.usage_frames import exact_decimals
from flexlib.dates import Month, Span
from flexlib.i18n import _, join_and, list_short_months, mark_text
from flexlib.tables.definition import Column, Kind, Row, Table, Total

NOT_STORED = {
    None: mark_text("not stored"),
    "running": mark_text("not over yet"),
    "coming": mark_text("to come"),
    "ended": mark_text("not in use"),
}
"""What a month of which nothing is stored is in a cell, by why that is."""

SHOWN = 12
"""Models before the others are one line."""

LEAST = mark_text("at least")

STATES = (
    mark_text("complete"),
    mark_text("provisional"),
    mark_text("unwitnessed"),
    mark_text("unreconciled"),
    mark_text("gap"),
)
"""What the state of a month is in a cell."""

PLACES = {
    "department": (mark_text("Department"), mark_text("Departments by month"),
                   mark_text("All departments"), mark_text("All departments, at least")),
    "team": (mark_text("Team"), mark_text("Teams by month"), mark_text("All teams"), mark_text("All teams, at least")),
    "project": (mark_text("Project"), mark_text("Projects by month"),
                mark_text("All projects"), mark_text("All projects, at least")),
    "cost_centre": (mark_text("Cost centre"), mark_text("Cost centres by month"),
                    mark_text("All cost centres"), mark_text("All cost centres, at least")),
}  # fmt: skip
"""How a table of places calls one, itself, all, and what all came to at least."""

UNIT_NAMES = {"usd": "US$", "clp": "CLP", "flex_credits": mark_text("Flex credits")}
UNITS = tuple(UNIT_NAMES)

CREDIT_STEP = Decimal("0.0001")
"""A credit costs a few cents: in whole ones a price that fell by a quarter would stand still."""


def table_months(months: Sequence[Row]) -> Table:
    """A line a month: its spend, credits, who was active, what a credit and a million tokens cost, and its state."""
    rows = [
        {
            **row,
            "usd_per_credit": None if (each := row["usd_per_credit"]) is None else each.quantize(CREDIT_STEP),
            "said": _(str(row["state"]).lower() if row["state"] else NOT_STORED[row["why_absent"]]),
            **{f"note_{one}": _(LEAST) * bool(row[one] is not None and one in (row["lacks"] or ())) for one in UNITS},
        }
        for row in months
    ]
    said = _("All that is stored"), _("All that is stored, at least"), _("All that is stored, {units} at least")
    total = name_months_total(months, *said)
    columns = [
        Column("month", "Month", Kind.MONTH, total),
        Column("usd", UNIT_NAMES["usd"], Kind.USD, Total.KNOWN, "note_usd"),
        Column("clp", UNIT_NAMES["clp"], Kind.CLP, Total.KNOWN, "note_clp", is_optional=True),
        Column(
            "flex_credits", UNIT_NAMES["flex_credits"], Kind.USD, Total.KNOWN, "note_flex_credits", is_optional=True
        ),
        Column("usd_per_credit", "US$ a credit", Kind.NUMBER, is_optional=True),
        Column("people", "Spenders", Kind.COUNT),
        Column("requests", "Application calls", Kind.COUNT, Total.KNOWN, is_optional=True),
        Column("usd_per_million", "US$ per 1M tokens", Kind.USD, is_optional=True),
        Column("said", "Certificate"),
    ]
    return Table("table-months", "The months side by side", columns, rows)


def table_models(models: Sequence[Row], span: Span) -> Table:
    """The models with the most, a column a month, in whole units; past the first twelve they are one line."""
    shown, others_at = _shorten(models, "model", span)
    total = name_total(models, mark_text("All models"), mark_text("All models, at least"))
    least = _list_least(models)
    columns = _list_columns(Column("model", "Model", total=total, is_series=True), span, least)
    coloured = name_coloured(models, "model", "total")
    return Table("table-year", "Models by month", columns, _mark_least(shown), others_at, coloured=coloured)


def table_places(places: Sequence[Row], span: Span, by: str = "department") -> Table:
    """The same of departments, or of what `by` is."""
    shown, others_at = _shorten(places, by, span)
    name, caption, *totals = PLACES[by]
    columns = _list_columns(Column(by, name, total=name_total(places, *totals)), span, _list_least(places))
    return Table("table-year-places", caption, columns, _mark_least(shown), others_at)


def name_total(rows: Sequence[Row], whole: str, least: str) -> str:
    """What the sum of all is called: `least` where something is missing from a line. What the month's sum of somebody
    who moved may add to one is in another."""
    return least if any(row.get("missing") for row in rows) else whole


def name_months_total(months: Sequence[Row], whole: str, least: str, least_in_part: str) -> str:
    """What the sum of months is called, rows as of `measure_months`: `least_in_part`, with its units, where it lacks
    something of some of those that it has an amount of; that of a unit without any is a dash, and no lower bound."""
    known = [unit for unit in UNITS if any(row[unit] is not None for row in months)]
    lacking = [unit for unit in known if any(unit in (row["lacks"] or ()) for row in months)]
    if lacking and lacking != known:
        return least_in_part.format(units=join_and(_(UNIT_NAMES[unit]) for unit in lacking))
    return least if lacking else whole


def find_unsure(rows: Sequence[Row]) -> set[str]:
    """The months, such as `2025-09`, of which some amount is known and another is not, or is a lower bound, or of which
    more is to come: what came to most in them is so of what is known."""
    keys = [key for row in rows[:1] for key in row if key[:1].isdigit()]
    amounts = {key: [row[key] for row in rows] for key in keys}
    part = {key for key, found in amounts.items() if None in found and any(one is not None for one in found)}
    return part.union(*(row.get(mark, ()) for row in rows for mark in ("lacking", "running")))


def name_short(months: Sequence[Month]) -> dict[str, str]:
    """By month, such as `2025-09`, its short name; with its year where they are of several.

    >>> name_short([Month(2024, 9), Month(2025, 9)])
    {'2024-09': 'Sep 2024', '2025-09': 'Sep 2025'}
    """
    has_years = len({one.year for one in months}) > 1
    return {str(one): list_short_months()[one.month - 1] + f" {one.year}" * has_years for one in months}


def _list_least(rows: Sequence[Row]) -> set[str]:
    """The columns in which an amount is a lower bound."""
    least = set[str]().union(*(row.get("lacking", ()) for row in rows))
    return {*least, *(["total"] if least else [])}


def _mark_least(rows: Sequence[Row]) -> list[Row]:
    def mark(row: Row) -> Row:
        lacking = row.get("lacking") or ()
        return {_name_note(one): _(LEAST) for one in (*lacking, "total") if lacking and row[one] is not None}

    return [{**row, **mark(row)} for row in rows]


def _name_note(column: str) -> str:
    return f"note_{column}"


def _shorten(rows: Sequence[Row], key: str, span: Span) -> tuple[list[Row], frozenset[int]]:
    """The largest and one line of all the others, and where that is."""
    shown = list(rows if len(rows) <= SHOWN + 1 else rows[:SHOWN])
    others = rows[len(shown) :]
    if others:
        lacking = [row["lacking"] for row in others if "lacking" in row]
        least = {"lacking": set[str]().union(*lacking)} if lacking else {}
        shown.append({key: OTHER_MODELS, **least, **_add(others, [*map(str, span.months), "total"])})
    return shown, frozenset({len(shown) - 1}) if others else frozenset[int]()


def _list_columns(first: Column, span: Span, least: Collection[str] = ()) -> list[Column]:
    """`least`: those of which an amount is a lower bound."""
    is_year = span.first.year == span.last.year
    names = name_short(span.months) | {"total": mark_text("Year") if is_year else mark_text("All months")}
    return [
        first,
        *(
            Column(one, name, Kind.CLP, Total.KNOWN, _name_note(one) if one in least else "", is_kept=one == "total")
            for one, name in names.items()
        ),
    ]


def _add(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, Decimal | None]:
    known = {key: [row[key] for row in rows if row[key] is not None] for key in keys}
    with exact_decimals():
        return {key: sum(amounts, Decimal(0)) if amounts else None for key, amounts in known.items()}
