"""A chargeback as finished tables: a line for each that is charged, and the items of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flexlib.analysis.allocation import Basis, Rule, round_parts
from flexlib.analysis.chargeback import (
    AS_CHARGED,
    CHARGED_PLACES,
    DIRECT,
    MONEY,
    OWN_USE,
    UNITS,
    ChargeLine,
    LineKind,
    SumCheck,
)
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.formats import (
    capitalize_first,
    count_calls_at_least,
    format_amount,
    format_exact,
    format_money,
    format_number,
    format_plain,
)
from flexlib.i18n import Label, Translated, _, join_and, mark_text, translate_count, write_number
from flexlib.tables.charge_lacks import count_lacking, lacks_any, lacks_calls, lacks_moved, say_line_lacks
from flexlib.tables.definition import Column, Kind, Row, Table

UNIT_KINDS = {"flex_credits": Kind.USD, "usd": Kind.USD, "clp": Kind.CLP}
UNIT_NAMES = {"flex_credits": "Flex credits", "usd": "US$", "clp": "CLP"}
WRITTEN = {"usd": mark_text("US$ {amount}"), "clp": mark_text("CLP {amount}")}
LEVEL_NAMES = {
    "department": mark_text("Department"),
    "project": mark_text("Project"),
    "cost_centre": mark_text("Cost centre"),
    "team": mark_text("Team"),
    "person": mark_text("Person"),
}
PLURALS = {
    "department": mark_text("departments"),
    "project": mark_text("projects"),
    "cost_centre": mark_text("cost centres"),
    "team": mark_text("teams"),
    "person": mark_text("people"),
}
CAPTIONS = {
    "department": mark_text("Charged to departments"),
    "project": mark_text("Charged to projects"),
    "cost_centre": mark_text("Charged to cost centres"),
    "team": mark_text("Charged to teams"),
    "person": mark_text("Charged to people"),
}
NOBODYS = (mark_text("unmapped"), mark_text("billed beside the calls"), mark_text("pool"))  # as `LineKind` has them
OWN_NAMES = (mark_text("direct use"), *NOBODYS[:2])  # items that no rule has named: none may
UNPRICED = mark_text("none of its calls has a price")
IN_PART = mark_text("parts of calls that are counted where a larger part is")
RULE_WORDS = {
    Rule.NONE: mark_text("not shared"),
    Rule.EQUAL: mark_text("shared equally"),
    Rule.USE: mark_text("shared by use"),
    Rule.HEAD: mark_text("shared by people"),
}


def name_level(level: str) -> str:
    """What a part of a month is of, within a sentence: `department`."""
    return Translated(_(LEVEL_NAMES[level]).lower(), LEVEL_NAMES[level].lower())


def table_charges(
    lines: Sequence[ChargeLine], items: Sequence[str], level: str, of: str = "usd", top: int | None = None
) -> Table:
    """A line for each that is charged, with its items in the unit `of` and what they come to in every unit; beyond
    `top` of them the others are one line."""
    parts = [line for line in lines if line.key.kind is LineKind.PART]
    shown = parts if top is None or len(parts) <= top + 1 else parts[:top]
    rest = parts[len(shown) :]
    rows = [_build_row([line], line.name, items, of) for line in shown]
    if rest:
        rows.append(_build_row(rest, _("{count} more").format(count=format_number(len(rest))), items, of))
    nobody = [line for line in lines if line.key.kind is not LineKind.PART]
    rows += [_build_row([line], capitalize_first(name_line(line)), items, of) for line in nobody]
    sums = _build_row(lines, "", items, of)
    others = [unit for unit in UNITS if unit != of and any(line.total(unit) is not None for line in lines)]
    heads = {name: capitalize_first(name_item(name)) for name in items}
    columns = [
        Column("line", LEVEL_NAMES[level], total=mark_text("Total, at least") if sums["least"] else "Total"),
        *(
            # None of them may be left out where there is little room: what stayed would not add up.
            Column(f"item {one}", heads[one], UNIT_KINDS[of], sums[f"item {one}"], unknown=UNPRICED * (one == DIRECT))
            for one in items
            if sums[f"item {one}"] != "" and len(items) > 1
        ),
        Column(of, UNIT_NAMES[of], UNIT_KINDS[of], sums[of], "least" if any(row["least"] for row in rows) else "",
               is_kept=True, unknown=UNPRICED * (of != "flex_credits")),
        *(Column(unit, UNIT_NAMES[unit], UNIT_KINDS[unit], sums[unit], is_optional=True) for unit in others),
        *_count_unpriced(rows, has_pesos="clp" in (of, *others)),
    ]  # fmt: skip
    return Table("table-charges", CAPTIONS[level], columns, rows, frozenset(range(len(shown), len(rows))))


def table_items(line: ChargeLine, items: Sequence[str], said: Mapping[str, str]) -> Table:
    """What one line is charged for, item by item, in every unit, and what is `said` of each."""
    rows: list[Row] = [
        {"item": capitalize_first(name_item(name)), "rule": said.get(name, ""),
         **{unit: line.charged[name].get(unit, "") for unit in UNITS}}
        for name in items
        if name in line.charged
    ]  # fmt: skip
    units = [unit for unit in UNITS if line.total(unit) is not None]
    columns = [
        Column("item", "Item", total="Total", note="rule"),
        *(Column(unit, UNIT_NAMES[unit], UNIT_KINDS[unit], line.total(unit)) for unit in units),
    ]
    return Table("table-items", _("What {name} is charged for").format(name=name_line(line)), columns, rows)


def table_models(models: Sequence[Row], line: ChargeLine) -> Table:
    """The own use of one line by model, rows as of `Spend.by`, without those that cost nothing: rounded together, to
    what its direct use is charged."""
    rows = [dict(row) for row in models if any(row[unit] for unit in UNITS)]
    for unit, charged in line.charged.get(DIRECT, {}).items():
        places = CHARGED_PLACES[unit]
        parts = {str(place): row[unit].scaleb(places) for place, row in enumerate(rows) if row[unit] is not None}
        total = int(charged.scaleb(places))
        if abs(sum(parts.values()) - total) < 1:  # else it is charged otherwise, as where it is everybody's
            for place, amount in round_parts(parts, total).items():
                rows[int(place)][unit] = Decimal(amount).scaleb(-places)
    columns = [
        Column("model", "Model", total="All models"),
        *(
            Column(unit, UNIT_NAMES[unit], UNIT_KINDS[unit], sum_amounts(row[unit] for row in rows))
            for unit in UNITS
            if any(row[unit] is not None for row in rows)
        ),
    ]
    return Table("table-models", _("What {name} used itself, by model").format(name=name_line(line)), columns, rows)


def explain_sums(checks: Sequence[SumCheck], level: str) -> str:
    """The certificate's line: that the lines are the whole month, in every unit.

    >>> found = [SumCheck("own use", "usd", Decimal("1.50"), Decimal("1.5"))]
    >>> explain_sums(found, "team")
    'Sum of teams = total: US$ 1.50, to the last digit'
    """
    used = {one.unit: one.whole for one in checks if one.what == OWN_USE}
    own = [_write_exact(one) for one in checks if one.what == OWN_USE and one.whole]
    said = join_and(own) or ("0" if used else _("not known"))
    more = [
        one for one in checks if one.what == AS_CHARGED and one.unit in MONEY and one.whole != used.get(one.unit, 0)
    ]
    sums = [_(WRITTEN[one.unit]).format(amount=write_number(f"{one.whole:,}")) for one in more]
    text = _("Sum of {lines} = total: {sums}, to the last digit")
    if sums:
        text = _("Sum of {lines} = total: {sums}, to the last digit; as charged, with all items: {charged}")
    return text.format(lines=_(PLURALS[level]), sums=said, charged=join_and(sums))


def name_item(name: str) -> str:
    """What an item is called: ours in the reader's language, pools and taxes as their rules call them."""
    return _(name) if name in OWN_NAMES or isinstance(name, Label) else name


def name_line(line: ChargeLine) -> str:
    """What a line is called: that of nobody in the reader's language."""
    name = line.key.name or capitalize_first(_(str(line.key.kind)))
    return _(name) if isinstance(name, Label) else name


def _write_exact(one: SumCheck) -> str:
    if one.unit == "flex_credits":
        return _("{amount} flex credits").format(amount=format_amount(one.whole))
    return _(WRITTEN[one.unit]).format(amount=format_exact(one.whole))


def _build_row(lines: Sequence[ChargeLine], name: str, items: Sequence[str], of: str) -> dict[str, Any]:
    lacks = {unit for unit in MONEY if lacks_calls(lines, unit)}
    counts = {unit: count_lacking(lines, unit) or (None if unit in lacks else "") for unit in MONEY}
    row: dict[str, Any] = {"line": name, "unpriced": counts["usd"], "unconverted": counts["clp"]}
    for item in items:
        mine = [line.charged[item] for line in lines if item in line.charged]
        amount = sum_amounts(one.get(of) for one in mine)
        # What a line has no part in is nothing; only of its own use is nothing known.
        row[f"item {item}"] = "" if amount is None and not (item == DIRECT and mine and of in lacks) else amount
    for unit in UNITS:
        amount = sum_amounts(line.total(unit) for line in lines)
        row[unit] = "" if amount is None and unit not in lacks else amount
    # What somebody spent who moved is in the total: it is unmapped.
    may_be_more = lacks_any(lines, of) or any(lacks_moved(line, of) for line in lines if name)
    row["least"] = _("at least") if may_be_more and row[of] not in ("", None) else ""
    return row


def _count_unpriced(rows: Sequence[Row], *, has_pesos: bool) -> list[Column]:
    """The calls that no amount of their line has, and those that no pesos have, where these are more."""
    sums = {name: sum(row[name] or 0 for row in rows) for name in ("unpriced", "unconverted")}
    shown = {"unpriced": mark_text("Not priced")} if sums["unpriced"] else {}
    if has_pesos and sums["unconverted"] > sums["unpriced"]:
        shown["unconverted"] = mark_text("Without pesos")
    return [Column(name, heading, Kind.COUNT, sums[name], is_optional=True, unknown=IN_PART)
            for name, heading in shown.items()]  # fmt: skip


def explain_item(
    name: str, line: ChargeLine, rule: Rule | None, basis: Basis | None, heads: Fraction, *, with_total: bool = False
) -> str:
    """How an item of a line comes about: people, seats and percents; how many seats all have only `with_total`.

    >>> from flexlib.analysis.chargeback import LineKey
    >>> of = ChargeLine(LineKey(LineKind.PART, "Legal"), {}, {"seats": {"usd": Decimal("75.00")}}, 1, 0, 0)
    >>> explain_item("seats", of, Rule.HEAD, Basis(usd_a_seat=Decimal("30.00"), seats=600), Fraction(5, 2))
    'shared by people; your people: 2.5; US$ 30.00 a seat and month'
    >>> explain_item("IVA", of, None, Basis(percent=Decimal(19)), Fraction(0))
    '19 % of all above'
    """
    if name == DIRECT:
        known = [unit for unit in MONEY if unit == "usd" or line.total(unit) is not None]
        lacks = say_line_lacks(line, *known)
        return _("at least; {lacks}").format(lacks=lacks) if lacks else ""
    if basis and basis.percent is not None:
        return _("{percent} % of all above").format(percent=write_number(format_plain(basis.percent)))
    said = [_(RULE_WORDS[rule])] if rule else []
    if rule is Rule.USE and line.unpriced:
        calls = count_calls_at_least(line.unpriced, is_least=False)
        said.append(_("your {calls} without a price count for nothing").format(calls=calls))
    elif rule is Rule.USE and "usd" in line.lacks:
        said.append(_("your parts of calls without a price count for nothing"))
    if rule is Rule.HEAD:
        said.append(_("your people: {count}").format(count=write_number(f"{float(heads):,.4g}")))
    while basis and basis.usd_a_seat is not None:
        said.append(_("US$ {amount} a seat and month").format(amount=format_money(basis.usd_a_seat, "USD")))
        if basis.days:
            said.append(translate_count("for {count} day", "for {count} days", basis.days).format(count=basis.days))
        if with_total:
            seats = translate_count("{count} seat in all", "{count} seats in all", basis.seats)
            said.append(seats.format(count=format_number(basis.seats)))
        basis = basis.then
    return "; ".join(said)
