"""What is missing of a budget's period, so that nobody takes what is not known for room left."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from flexlib.dates import Month, Span, name_months
from flexlib.formats import format_number
from flexlib.front.lacking_days import list_lacking_days
from flexlib.front.spend import Spend
from flexlib.i18n import _, translate_count
from flexlib.sources.registry import WINDSURF
from flexlib.store.budgets import Budget
from flexlib.store.ended import part_begun

UNKNOWN = {"usd": "unpriced_requests", "clp": "unconverted_requests"}


def find_lack(
    spend: Spend, budget: Budget, table: pd.DataFrame, span: Span, until: date, most_unpriced: Decimal
) -> tuple[str, bool]:
    """What is missing of a period, in a few words, and whether that is too much; `until`: the last day that could be
    known, whose month has begun though nothing of it is stored."""
    of = "credits" if budget.unit == "flex_credits" else budget.unit
    if budget.scope != "whole" and not len(table):
        return _("no stored row is of {what}: check the name").format(what=" ".join(budget.of)), True
    here = {one.month: one for one in spend.loaded}
    if of == "credits":
        here = {month: one for month, one in here.items() if any(each.dataset == of for each in one.snapshots)}
    begun = [month for month in span.months if month <= spend.loaded[-1].month or month.first <= until]
    over = {month for month in begun if _is_over(month, of, spend.root)}
    if absent := [month for month in begun if month not in here and month not in over]:
        said = _("no credits of {months}") if of == "credits" else _("nothing of {months}")
        return said.format(months=name_months(absent)), True
    lacking = {month: list_lacking_days(here[month], of) for month in begun if month in here}
    if short := [one for one in lacking if any(span.first <= days.last and days.first <= span.last
                                               for days in lacking[one])]:  # fmt: skip
        return _("rows of {months} are missing").format(months=name_months(short)), True
    rows = table[table["month"].isin([pd.Timestamp(one.first) for one in begun])]
    if span not in [one.span for one in begun] and rows[rows["day"].isna()]["requests"].any():
        return _("sums of a month have no day"), True
    within = rows[rows["day"].isna() | rows["day"].between(pd.Timestamp(span.first), pd.Timestamp(span.last))]
    if of in UNKNOWN and (count := int(within[UNKNOWN[of]].sum())):
        # Each source by itself, as its certificate judges it; a row that does not say of how many calls it is is one.
        shares = [Decimal(int(rows[UNKNOWN[of]].sum())) / max(int(rows["requests"].sum()), 1)
                  for _other, rows in within.groupby("source")]  # fmt: skip
        said = translate_count("{count} call without pesos", "{count} calls without pesos", count)
        if of == "usd":
            said = translate_count("{count} call without a price", "{count} calls without a price", count)
        return said.format(count=format_number(count)), max(shares) > most_unpriced
    return "", False


def _is_over(month: Month, of: str, root: Path) -> bool:
    """Whether all that the unit is known of had ended before the month."""
    going, ended = part_begun(month, root)
    return WINDSURF.name in ended if of == "credits" else bool(ended) and not going
