"""Budgets beside what was spent, as a finished table and in words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from flexlib.analysis.budgets import BudgetLine, Outcome, measure_used
from flexlib.formats import UNIT_NAMES, UNKNOWN, format_amount, format_money, format_number, format_short_day
from flexlib.i18n import _, mark_text, write_number
from flexlib.tables.definition import Column, Kind, Table, mark_least

WRITTEN = {
    "flex_credits": mark_text("{amount} flex credits"),
    "usd": mark_text("{amount} US$"),
    "clp": mark_text("{amount} CLP"),
}
"""An amount with its unit behind it, where the language has it there."""

USED = {
    "flex_credits": mark_text("{spent} of {amount} flex credits"),
    "usd": mark_text("{spent} of {amount} US$"),
    "clp": mark_text("{spent} of {amount} CLP"),
}
"""The same of what is used of it."""

LIKELY = mark_text("likely over")
"""A budget that will be over by what is expected, and may not be by the lower end of its band."""

NEAR_OR_OVER = mark_text("near or over")
"""A budget that is near by what is known, and may be over by what is missing."""

OUTCOMES = (
    mark_text("within"),
    mark_text("near"),
    NEAR_OR_OVER,
    LIKELY,
    mark_text("will be over"),
    mark_text("over"),
    mark_text("cannot say"),
)
"""What `Outcome` says, and the two that say it with less."""


def name_outcome(one: BudgetLine) -> str:
    """What is said of it, in a word or two."""
    return _(LIKELY if one.outcome is Outcome.WILL_BE_OVER and not one.is_sure else find_state(one))


def find_state(one: BudgetLine) -> str:
    """Its outcome, or `NEAR_OR_OVER`, by what is known of it."""
    return NEAR_OR_OVER if one.outcome is Outcome.NEAR and one.is_unknown else str(one.outcome)


def write_amount(amount: Decimal | float, unit: str) -> str:
    """An amount of a budget without its unit; a forecast to the hundredth."""
    exact = amount if isinstance(amount, Decimal) else Decimal(str(round(amount, 2)))
    return format_amount(exact) if unit == "flex_credits" else format_money(exact, unit.upper())


def write_money(amount: Decimal, unit: str) -> str:
    """The same with its unit."""
    return _(WRITTEN[unit]).format(amount=write_amount(amount, unit))


def write_used(one: BudgetLine) -> str:
    """What was spent, of how much; a dash where nothing of it is known."""
    if one.known is None:
        return _("{count} of {all}").format(count=UNKNOWN, all=write_money(one.amount, one.unit))
    said = _(USED[one.unit]).format(spent=write_amount(one.spent, one.unit), amount=write_amount(one.amount, one.unit))
    return mark_least(said) if one.lacks else said


def write_share(one: BudgetLine) -> str:
    """What was spent in percent of the budget; a dash where nothing of it is known."""
    share = measure_used(one.spent, one.amount)
    if share is None:
        return _("no share")
    if one.known is None:
        return UNKNOWN
    said = write_number(f"{Decimal(share).scaleb(-1):,} %")
    return mark_least(said) if one.lacks else said


def write_period(one: BudgetLine) -> str:
    """Which day, week or cycle it is; empty of a month."""
    if one.period == "month":
        return ""
    first, last = format_short_day(one.span.first), format_short_day(one.span.last)
    return first if one.span.days == 1 else _("{first} to {last}").format(first=first, last=last)


def explain_outcome(one: BudgetLine) -> str:
    """When a budget was exceeded, will be, or may be, in a few words; empty where there is nothing to be said."""
    if one.outcome is Outcome.OVER:
        return _("exceeded on {day}").format(day=format_short_day(one.day)) if one.day and one.span.days > 1 else ""
    if not one.is_running or one.outcome is Outcome.CANNOT_SAY:
        return ""
    if one.expected is None:
        return "" if one.lacks else _("too early for a forecast")
    if one.day and one.outcome is Outcome.WILL_BE_OVER:
        said = _("will be exceeded on {day}") if one.is_sure else _("is expected to be exceeded on {day}")
        if one.lacks:
            said = _("is expected to be exceeded by about {day}, earlier if what is missing adds to it")
        return said.format(day=format_short_day(one.day))
    return _("may be exceeded on {day}").format(day=format_short_day(one.earliest)) if one.earliest else ""


def count_over(one: BudgetLine) -> str:
    """How many of its days, weeks or cycles are over; empty where it has one, or none is."""
    said = {"day": _("{over} of {count} days over"), "week": _("{over} of {count} weeks over")}
    text = said.get(one.period, _("{over} of {count} cycles over"))
    counts = {"over": format_number(one.over), "count": format_number(one.count)}
    return text.format(**counts) if one.count > 1 and one.over else ""


def table_budgets(lines: Sequence[BudgetLine]) -> Table:
    """A line for each budget: used, of how much, what is expected, and what is said of it."""
    units = {one.unit for one in lines}
    kind = Kind.CLP if units == {"clp"} else Kind.USD
    rows = [
        {
            "name": one.name,
            "when": ", ".join(filter(None, (write_period(one), count_over(one)))),
            "spent": one.known,
            "least": _("at least") if one.lacks and one.known is not None else "",
            "of": one.amount,
            "kind": str(Kind.CLP if one.unit == "clp" else Kind.USD),  # credits have two decimals, too
            "unit": _(UNIT_NAMES[one.unit]) if len(units) > 1 else "",
            "share": _measure_share(one),
            **_write_expected(one),
            "outcome": name_outcome(one),
            "why": "; ".join(filter(None, (explain_outcome(one), one.lacks))),
        }
        for one in lines
    ]
    of = _("Of {unit}").format(unit=_(UNIT_NAMES[min(units)])) if len(units) == 1 else _("Of")
    least = "least" if any(row["least"] for row in rows) else ""
    columns = [
        Column("name", "Budget", note="when"),
        Column("spent", "Used", kind, note=least, kinds="kind"),
        Column("of", of, kind, note="unit" * (len(units) > 1), is_optional=True, kinds="kind"),
        Column("share", "Share", Kind.SHARE, note=least),
        Column("expected", "Expected", kind, note="band", is_optional=True, kinds="kind"),
        Column("outcome", "It is", note="why"),
    ]
    return Table("table-budgets", "Budgets", columns, rows)


def _measure_share(one: BudgetLine) -> int | str | None:
    if (share := measure_used(one.spent, one.amount)) is None:
        return write_share(one)
    return None if one.known is None else share


def _write_expected(one: BudgetLine) -> dict[str, Decimal | str]:
    if not one.is_running or one.expected is None or one.outcome is Outcome.CANNOT_SAY:
        return {"expected": "", "band": ""}
    low, high = (None if end is None else write_amount(end, one.unit) for end in (one.low, one.high))
    band = "" if low is None or low == high else _("{first} to {last}").format(first=low, last=high)
    if low is not None and high is None:  # what is missing comes on top
        band = _("lower end {low}").format(low=low)
    return {"expected": Decimal(str(round(one.expected, 2))), "band": band}
