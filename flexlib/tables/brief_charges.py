"""A chargeback for a mail, which has room for few columns: direct use, all other items as one, and what they sum to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from flexlib.analysis.chargeback import DIRECT, UNITS, Amounts, ChargeLine
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.i18n import Label, mark_text
from flexlib.tables.chargeback import table_charges
from flexlib.tables.definition import Table

OTHER_ITEMS = Label(mark_text("other items"))
"""Pools, taxes and what else is beside direct use; no rule's item is taken for it."""


def table_brief_charges(
    lines: Sequence[ChargeLine], items: Sequence[str], level: str, of: str = "usd", top: int | None = None
) -> Table:
    """The table of `table_charges`; of more than two items all but direct use are one, so that each line adds up."""
    if len(items) <= 2:
        return table_charges(lines, items, level, of, top)
    folded = [replace(line, charged=_fold_items(line.charged)) for line in lines]
    return table_charges(folded, [DIRECT, OTHER_ITEMS], level, of, top)


def _fold_items(charged: Mapping[str, Amounts]) -> dict[str, Amounts]:
    others = [amounts for name, amounts in charged.items() if name != DIRECT]
    sums = {unit: sum_amounts(one.get(unit) for one in others) for unit in UNITS}
    known: dict[str, Decimal] = {unit: amount for unit, amount in sums.items() if amount is not None}
    return {name: charged[name] for name in charged if name == DIRECT} | ({OTHER_ITEMS: known} if others else {})
