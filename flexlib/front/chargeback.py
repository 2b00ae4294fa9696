"""A month charged to departments, projects, cost centres, teams or people, and the proof that it is the whole month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from flexlib.analysis.allocation import Basis, Rule
from flexlib.analysis.chargeback import (
    MONEY,
    MOVED,
    NOBODY,
    UNITS,
    Amounts,
    Charge,
    ChargeLine,
    LineKey,
    LineKind,
    SumCheck,
    Use,
    build_lines,
    check_lines,
    tax_amount,
)
from flexlib.analysis.small_groups import fold_lines
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.dates import Month
from flexlib.errors import BadFile, InvalidRequest, SumsDiffer
from flexlib.formats import format_plain
from flexlib.front.chargeback_pools import (
    explain_unpriced,
    list_bases,
    list_charges,
    list_end_notes,
    list_lacking,
    list_lacking_beside,
    measure_beside,
)
from flexlib.front.chargeback_rules import ChargebackRules, read_rules
from flexlib.front.heads import count_heads, name_line
from flexlib.front.sharing import explain_folded, find_folded, find_level
from flexlib.front.spend import Spend
from flexlib.front.table import SpendTable
from flexlib.front.undecided import explain_unmapped, list_concerned
from flexlib.home import find_home, find_named
from flexlib.i18n import _
from flexlib.setting_values import has_file
from flexlib.spend.month import MonthUsage
from flexlib.store.membership import LEVELS as PLACES
from flexlib.store.place_names import list_taken_by_calls

LEVELS = {"department": "department", "project": "project", "cost_centre": "cost_centre", "team": "team",
          "person": "user"}  # fmt: skip
"""What a month can be charged to, and the key of `Spend.by` that it is."""
RULES = Path("params", "chargeback.yaml")
"""Where the rules are looked for, in the folder of the project, unless another file is named."""


@dataclass(frozen=True)
class Chargeback:
    """A month charged to the lines of one level."""

    spend: Spend
    level: str
    """One of `LEVELS`."""
    lines: tuple[ChargeLine, ...]
    """Who is charged, the largest first; then what is nobody's."""
    items: tuple[str, ...]
    """What a line may be charged for: direct use, pools, taxes; in their order."""
    rules: Mapping[str, Rule]
    """How each item that is shared is shared."""
    checks: tuple[SumCheck, ...]
    """The sums that were held against each other; all agree."""
    notes: tuple[str, ...]
    """Sentences on what is not charged, or not in every unit."""
    bases: Mapping[str, Basis]
    """What each pool by people and each tax comes from."""
    heads: Mapping[LineKey, Fraction]
    """People by line, where anything is shared."""
    folded: str = ""
    """What is one line that is several, and why; what is nobody's may be in it."""

    @property
    def usage(self) -> MonthUsage:
        """The month, all of its sources."""
        return self.spend.loaded[0]

    @property
    def month(self) -> Month:
        return self.spend.span.months[0]

    @cached_property
    def parts(self) -> tuple[ChargeLine, ...]:
        """The lines of somebody."""
        return tuple(line for line in self.lines if line.key.kind is LineKind.PART)

    def total(self, unit: str) -> Decimal | None:
        """What all lines are charged."""
        return sum_amounts(line.total(unit) for line in self.lines)

    def list_models(self, line: ChargeLine) -> SpendTable:
        """The own use of a part by model, as `Spend.by`."""
        key = LEVELS[self.level]
        table = self._models
        return table[table[key] == line.key.name].drop(columns=key)

    @cached_property
    def _models(self) -> SpendTable:
        return self.spend.by(LEVELS[self.level], "model")


def charge_month(
    spend: Spend, level: str = "department", rules: ChargebackRules | None = None, *, share: bool = False
) -> Chargeback:
    """The month of `spend` charged to the lines of a level (empty: as `find_level`) by the `rules` (None: those of the
    project, as `find_rules`). With `share` departments of few people are one line, as `find_folded` has it, and all
    sums the same.

    Raises `InvalidRequest` for another level or several months, `SumsDiffer` where the lines are not the whole month.

    >>> import flexlib as fl
    >>> made = charge_month(fl.load("2025-09"), "team")
    >>> [(line.name, str(line.total("usd")), line.unpriced) for line in made.lines]
    [('support', '1.24', 11), ('billing', '1.05', 14), ('search', '0.84', 21), ('Unmapped', '398.44', 0)]
    """
    level = level or find_level(spend, share=share)
    if level not in LEVELS:
        raise InvalidRequest(_("{level!r} is nothing to charge; choose {levels}.")
            .format(level=level, levels=", ".join(LEVELS)))  # fmt: skip
    if len(spend.span.months) != 1:
        raise InvalidRequest(_("a chargeback is of one month, not of {span}.").format(span=spend.span))
    rules = find_rules(None) if rules is None else rules
    (usage,) = spend.loaded
    key = LEVELS[level]
    short = list_lacking(usage)
    lacks = {name: short | {MOVED} for _level, name in list_concerned(spend, [key])}
    use = {
        name_line(row[key]): _read_use(row, lacks.get(row[key], short))
        for row in _sum_use(spend, level).to_dict("records")
    }
    beside = measure_beside(usage)
    if beside:
        use[LineKey(LineKind.BESIDE)] = Use(beside, lacks=list_lacking_beside(usage))
    heads: dict[LineKey, Fraction] = count_heads(spend, key) if rules.has_shares else {}
    if rules.unmapped is not Rule.NONE:  # what is unmapped is everybody's, and so are those who are nowhere
        heads.pop(NOBODY, None)
    charges, notes = list_charges(spend, usage, rules, use, heads)
    month = spend.span.months[0]
    taxes = [(one.name, one.amount) for one in rules.taxes if one.first <= month.last < one.end]
    notes += list_end_notes([*rules.pools, *rules.taxes], month)
    totals: dict[str, Decimal] = {unit: Decimal(amount) for unit in UNITS if (amount := spend.total(unit)) is not None}
    zero = {unit: Decimal(0) for unit in totals}  # who used nothing may have to pay for seats
    payers = [*heads, *([NOBODY] if any(one.spare for one in charges) else [])]
    use |= {one: Use(zero, 0, lacks=lacks.get(one.name, short)) for one in payers if one not in use}
    folded = _list_folded(spend, level, charges) if share else set()
    lines = fold_lines(built := build_lines(use, charges, taxes, heads), folded)
    told = explain_folded(lines) if any(one.key in folded for one in built) else ""
    notes += [told] * bool(told) + (explain_unmapped(spend, key) if NOBODY not in folded else [])
    heads = {one: count for one, count in heads.items() if one not in folded}
    notes += list_taken_by_calls({key: [one.name for one in use if one not in folded]} if key in PLACES else {})
    shared = {name for line in lines if line.key.kind is not LineKind.POOL for name in line.items}
    nobody = _("{name}: to be shared by {rule}, but no line has any; it stays a line of its own.")
    notes += [
        nobody.format(name=one.name, rule=one.rule)
        for one in charges
        if one.rule is not Rule.NONE and one.name not in shared and one.amounts
    ]
    notes += [note for one in charges if (note := explain_unpriced(one, charges, lines))]
    checks = check_lines(lines, totals, _expect(totals, charges, taxes))
    _prove(checks, month)
    found = dict.fromkeys(name for line in lines for name in line.items)
    order = [*(one.name for one in charges), *(name for name, _other in taxes)]
    items = sorted(found, key=lambda name: order.index(name) if name in order else -1)
    return Chargeback(
        spend,
        level,
        tuple(lines),
        tuple(items),
        {one.name: one.rule for one in charges},
        tuple(checks),
        tuple(dict.fromkeys(notes)),
        list_bases(usage, rules) | {name: Basis(percent=percent) for name, percent in taxes},
        heads,
        told,
    )


def _list_folded(spend: Spend, level: str, charges: list[Charge]) -> set[LineKey]:
    """The lines of few people. Raises `InvalidRequest` where the use of one of them stands as a pool of its own."""
    folded = {name_line(name) for name in find_folded(spend, level)}
    for one in charges:
        if one.source in folded:
            raise InvalidRequest(_("{name} is the use of a few people, whose amount would stand on a page that is "
                "shared; leave out this pool, or that it is shared.").format(name=one.name))  # fmt: skip
    return folded


def find_rules(named: Path | str | None) -> ChargebackRules:
    """The rules of the file that is named, from here or in the folder of the project, else of `params/chargeback.yaml`
    there, else none. Raises `BadFile`."""
    path = find_named(named) if named else find_home() / RULES
    return read_rules(path) if named or has_file(path) else ChargebackRules()


def _sum_use(spend: Spend, level: str) -> SpendTable:
    key, month = LEVELS[level], spend.span.months[0]
    try:
        return spend.by(key)
    except InvalidRequest as error:
        if key not in PLACES or isinstance(error, BadFile):
            raise
        said = _("no call of {month} names a {level} in its metadata, and no map says who belongs where; write "
                 "params/organization.csv, or charge it to another level (--by of flexlib chargeback, -p level of "
                 "flexlib report).")  # fmt: skip
        raise InvalidRequest(said.format(month=month, level=level)) from error


def _read_use(row: Mapping[Any, Any], lacks: frozenset[str]) -> Use:
    amounts = {unit: Decimal(row[unit]) for unit in UNITS if not pd.isna(row[unit])}
    requests = None if pd.isna(row["requests"]) else int(row["requests"])
    lacks |= {unit for unit in MONEY if row[f"lacks_{unit}"]}
    return Use(amounts, requests, int(row["unpriced_requests"]), int(row["unconverted_requests"]), lacks)


def _expect(totals: Amounts, charges: list[Charge], taxes: list[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """What all lines must come to: the month's total, the pools beside it, and the taxes on that, never by line."""
    expected = {}
    for unit in UNITS:
        base = sum_amounts([totals.get(unit), *(one.amounts.get(unit) for one in charges if one.source is None)])
        if base is not None:
            added = [tax_amount(base, percent) for _, percent in taxes] if unit in MONEY else []
            expected[unit] = sum_amounts([base, *added]) or Decimal(0)
    return expected


def _prove(checks: list[SumCheck], month: Month) -> None:
    for one in checks:
        if not one.agrees:
            lines, whole = format_plain(one.lines), format_plain(one.whole)
            said = _("The chargeback of {month} is not the whole month: its lines sum to {lines} {unit} ({what}), the "
                     "month to {whole}. Nothing was written; please report it, with the output of flexlib spend."
                     )  # fmt: skip
            raise SumsDiffer(said.format(month=month, lines=lines, unit=one.unit, what=one.what, whole=whole))
