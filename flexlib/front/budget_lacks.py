"""What is missing of a budget's period, so that nobody takes what is not known for room left."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from flexlib.addresses import simplify_email
from flexlib.dates import Month, Span, name_months
from flexlib.formats import format_number
from flexlib.front.budget_bills import Billed
from flexlib.front.lacking_days import list_lacking
from flexlib.front.spend import Spend
from flexlib.front.table import write_key
from flexlib.front.undecided import explain_lack
from flexlib.guesses import guess_names
from flexlib.i18n import _, join_and, join_texts, translate_count
from flexlib.senders import LABELS, name_sender
from flexlib.sources.registry import WINDSURF
from flexlib.store.budgets import Budget
from flexlib.store.ended import part_begun
from flexlib.store.membership import LEVELS, PERSON, PERSONS
from flexlib.store.membership import write_key as write_who
from flexlib.store.roster import simplify_text

UNKNOWN = {"usd": "unpriced_requests", "clp": "unconverted_requests"}


def find_missing(
    spend: Spend, budget: Budget, table: pd.DataFrame, span: Span, until: date, most_unpriced: Decimal,
    undecided: Collection[Month], misnamed: str, bills: Billed | None,
) -> tuple[str, bool]:  # fmt: skip
    """What is missing of a period, in a few words, and whether that is too much; `until`: the last day that could be
    known, whose month has begun though nothing of it is stored; `undecided`: months of which somebody's sum may be of
    the budget, as of `list_concerned`; `misnamed` as `explain_name` says it; `bills` as of `find_billed`, of which the
    budget is then."""
    of = "credits" if budget.unit == "flex_credits" else budget.unit
    begun = [month for month in span.months if month <= spend.loaded[-1].month or month.first <= until]
    rows = table[table["month"].isin([pd.Timestamp(one.first) for one in begun])]
    if bills is not None:
        gone = "" if bills.is_all else _explain_gap(spend, rows, span, begun, of, bills=False)
        return join_texts([bills.lacks, gone]), bills.is_unknown or bool(gone)
    if of != "credits" and (moved := {*span.months} & {*undecided}):
        return explain_lack(moved, budget.scope), True
    if misnamed:
        return misnamed, True
    gone = _explain_gap(spend, rows, span, begun, of)
    within = rows[rows["day"].isna() | rows["day"].between(pd.Timestamp(span.first), pd.Timestamp(span.last))]
    if of in UNKNOWN and within[f"lacks_{of}"].any():
        # Each source by itself, as its certificate judges it; a row that does not say of how many calls it is is one.
        # Of shared calls all are counted: each part lacks as much of what it is of.
        shares = [Decimal(int(rows[f"without_{of}"].sum())) / max(int(rows[rows["uncounted"] == 0]["calls"].sum()), 1)
                  for _other, rows in within.groupby("source")]  # fmt: skip
        unpriced = _explain_unpriced(int(within[UNKNOWN[of]].sum()), of)
        return join_texts([gone, unpriced]), bool(gone) or max(shares) > most_unpriced
    return gone, bool(gone)


def _explain_gap(
    spend: Spend, rows: pd.DataFrame, span: Span, begun: Collection[Month], of: str, *, bills: bool = True
) -> str:
    """What is not stored of a period, in a few words; empty where all is. `begun`: its months that have; `rows`: of
    these; `bills` as of `list_lacking`."""
    here = {one.month: one for one in spend.loaded}
    if of == "credits":
        here = {month: one for month, one in here.items() if any(each.dataset == of for each in one.snapshots)}
    absent = [month for month in begun if month not in here and not _is_over(month, of, spend.root)]
    lacking = [(month, hours) for month in begun if month in here
               for days, hours in list_lacking(here[month], of, bills=bills)
               if span.first <= days.last and days.first <= span.last]  # fmt: skip
    if absent:
        said = _("no credits of {months}") if of == "credits" else _("nothing of {months}")
        return said.format(months=name_months(absent))
    if lacking:
        short, hours = [month for month, edge in lacking if not edge], filter(None, (edge for _month, edge in lacking))
        lost = join_and(dict.fromkeys([*[name_months(short)] * bool(short), *hours]))
        return _("rows of {months} are missing").format(months=lost)
    has_parts = span not in [one.span for one in begun] and _has_undated(rows, of)
    return _("sums of a month have no day") if has_parts else ""


def explain_name(spend: Spend, budget: Budget, table: pd.DataFrame) -> str:
    """That a budget's name is not as rows, or the organization's file, have it, in a few words; empty where it is.
    `spend`: all rows; `table`: the budget's own."""
    if budget.scope != "whole" and not len(table):
        if _is_listed(spend, budget):
            return ""
        said = _("no stored row is of {what}: check the name").format(what=" ".join(budget.of))
        return said + _guess_name(spend, budget)
    name = _find_other_spelling(spend, budget)
    return _("the organization's file writes it {name}: check the name").format(name=name) if name else ""


def _is_listed(spend: Spend, budget: Budget) -> bool:
    """Whether the organization's file has the name just so: who is new, and used nothing yet, is not written wrong."""
    if not spend.organization:
        return False
    if budget.scope in LEVELS:
        return budget.of[0] in spend.organization.names[budget.scope]
    kind = PERSON if budget.scope == "person" or budget.of[0] in PERSONS else budget.of[0]
    return write_who(kind, simplify_email(budget.of[-1])) in spend.organization.held


def _guess_name(spend: Spend, budget: Budget) -> str:
    """Which department, team, project or sender may be meant, in brackets; of people none: pages name nobody."""
    if budget.scope == "provider":
        senders = spend._rows.select("coalesce(proxy, provider)").distinct().fetchall()
        return guess_names(budget.of, [LABELS.get(name_sender(one), one) for (one,) in senders if one])
    if budget.scope not in LEVELS:
        return ""
    rows = spend._placed if spend.roster else spend._rows
    told = rows.select(budget.scope if spend.roster else write_key(budget.scope)).distinct().fetchall()
    known = spend.organization.names[budget.scope] if spend.organization else frozenset[str]()
    return guess_names(budget.of, sorted(known.union(one for (one,) in told if one)))


def _find_other_spelling(spend: Spend, budget: Budget) -> str | None:
    """How the organization's file writes the name where the budget, and metadata of calls, have it in another way: what
    is of these calls is not all of it."""
    if budget.scope not in LEVELS or not spend.organization:
        return None
    known, asked = spend.organization.names[budget.scope], budget.of[0]
    if asked in known:
        return None
    return next((one for one in sorted(known) if simplify_text(one) == simplify_text(asked)), None)


def _has_undated(rows: pd.DataFrame, of: str) -> bool:
    """Whether sums of a month are among what the unit is known of; one that does not say of how many calls is of some,
    and of a shared one each part is."""
    if of == "credits":
        rows = rows[rows["source"] == WINDSURF.name]
    undated = rows[rows["day"].isna()]
    return bool((undated["calls"] + undated["uncounted"]).any())


def _explain_unpriced(count: int, of: str) -> str:
    """That calls have no amount, so many; of 0 they are counted where a larger part of them is."""
    if not count:
        return _("parts of calls without a price") if of == "usd" else _("parts of calls without pesos")
    said = translate_count("{count} call without pesos", "{count} calls without pesos", count)
    if of == "usd":
        said = translate_count("{count} call without a price", "{count} calls without a price", count)
    return said.format(count=format_number(count))


def _is_over(month: Month, of: str, root: Path) -> bool:
    """Whether all that the unit is known of had ended before the month."""
    going, ended = part_begun(month, root)
    return WINDSURF.name in ended if of == "credits" else bool(ended) and not going
