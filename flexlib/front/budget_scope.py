"""Of which rows a budget is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from flexlib.addresses import hide_email, simplify_email
from flexlib.analysis.top import NOT_LISTED
from flexlib.front.people import call_people, find_pseudonyms, list_credits
from flexlib.front.spend import Spend
from flexlib.front.table import IN_PART, make_table, sum_groups, write_key
from flexlib.money.price_book import name_model
from flexlib.senders import LABELS, name_sender
from flexlib.spend.billed import ON_OWN_KEY
from flexlib.store.budgets import Budget
from flexlib.store.membership import LEVELS

if TYPE_CHECKING:
    import duckdb

TABLE = ("month", "day", "source")
"""By what the rows of a budget are summed."""


def narrow_spend(spend: Spend, budget: Budget) -> Spend:
    """The same months, and of their rows those that the budget is of. `spend` is loaded with names, by which a person
    is found."""
    rows = _list_rows(spend, is_placed=_is_placed(spend, budget)).filter(_write_scope(spend, budget))
    found = replace(spend)
    vars(found).update({"_months": spend._months, "loaded": spend.loaded, "_rows": rows, "basis": None})
    return found


def sum_budgets(spend: Spend, budgets: Sequence[Budget]) -> list[pd.DataFrame]:
    """Of each budget the sums of its rows with `IN_PART`, by `TABLE`: all budgets in one reading of the rows, or two
    where some are of what the organization's file says. `spend` as of `narrow_spend`."""
    found: dict[int, pd.DataFrame] = {}
    keys = {"budget": "budget"} | {key: write_key(key) for key in TABLE}
    for is_placed in (False, True):
        scopes = {number: _write_scope(spend, budget) for number, budget in enumerate(budgets)
                  if _is_placed(spend, budget) == is_placed}  # fmt: skip
        if not scopes:
            continue
        each = ", ".join(f"CASE WHEN {scope} THEN {number} END" for number, scope in scopes.items())
        rows = _list_rows(spend, is_placed=is_placed).select(
            f"*, unnest(list_filter([{each}], lambda one: one IS NOT NULL)) AS budget"
        )
        table = make_table(sum_groups(rows, keys), keys, spend.span, spend.zone, IN_PART)
        of_each = dict[str, pd.DataFrame]((str(number), part) for number, part in table.groupby("budget"))
        empty = table.iloc[:0]
        for number in scopes:
            part = of_each.get(str(number), empty)
            found[number] = part.drop(columns="budget").reset_index(drop=True)
    return [found[number] for number in range(len(budgets))]


def sum_unbilled(spend: Spend, senders: Collection[str]) -> pd.DataFrame:
    """As of `sum_budgets`, of the rows of `narrow_spend` of which none of these sends a bill, not of a part either."""
    keys = {key: write_key(key) for key in TABLE}

    def write_names(column: str) -> str:
        names = [one for (one,) in spend._rows.select(column).distinct().fetchall() if name_sender(one) not in senders]
        return f"{column} IN ({', '.join(map(_quote, names)) or 'NULL'})"

    is_makers = f"coalesce({ON_OWN_KEY}, false)"
    unbilled = f"{write_names('coalesce(proxy, provider)')} AND (NOT {is_makers} OR {write_names('provider')})"
    rows = spend._rows.filter(unbilled)
    return make_table(sum_groups(rows, keys), keys, spend.span, spend.zone, IN_PART)


def _is_placed(spend: Spend, budget: Budget) -> bool:
    return budget.scope in LEVELS and spend.organization is not None


def _list_rows(spend: Spend, *, is_placed: bool) -> duckdb.DuckDBPyRelation:
    return spend._placed if is_placed else spend._rows


def _write_scope(spend: Spend, budget: Budget) -> str:
    if _is_placed(spend, budget):
        return f"{budget.scope} = {_quote(budget.of[0])}"
    return _write_condition(spend, budget)


def _write_condition(spend: Spend, budget: Budget) -> str:
    """The rows that a budget is of, as SQL."""
    if budget.scope == "whole":
        return "true"
    if budget.scope == "usable":
        kind, key = budget.of
        return f"usable_type = {_quote(kind)} AND coalesce(usable_key, usable_id::VARCHAR) IN ({_list_keys(key)})"
    if budget.scope == "person":
        asked = simplify_email(budget.of[0])
        spent = list_credits(spend.loaded)
        listed = {key: who for one in spent for key, who in one.people.items()}
        pseudonyms = find_pseudonyms(spent, spend.root)
        called = {
            _quote(name) for key, name in zip(*call_people(spent, pseudonyms, names=True), strict=True)
            if asked in map(simplify_email, (key, pseudonyms[key], name, listed.get(key, {}).get("email", "")))
            and name != NOT_LISTED  # whom nothing tells apart
        }  # fmt: skip
        users = ", ".join(sorted(called)) or "NULL"
        return f'"user" IN ({users}) OR lower(usable_key) IN ({_list_keys(asked)})'
    if budget.scope == "model":
        models = [one for (one,) in spend._rows.select("model").distinct().fetchall()]
        named = ", ".join(sorted(_quote(one) for one in models if name_model(one) == name_model(budget.of[0])))
        return f"model IN ({named or 'NULL'})"
    if budget.scope == "provider":  # who sends the bill
        senders = {one for (one,) in spend._rows.select("coalesce(proxy, provider)").distinct().fetchall()}
        named = ", ".join(_quote(one) for one in sorted(senders) if is_named(budget.of[0], one))
        return f"coalesce(proxy, provider) IN ({named or 'NULL'})"
    return f"({write_key(budget.scope)}) = {_quote(budget.of[0])}"


def is_named(text: str, sender: str) -> bool:
    """Whether a text names who sends a bill: as it stands in rows or on bills, or as a reader sees it.

    >>> is_named("Together AI", "together"), is_named("AWS", "bedrock"), is_named("openai", "anthropic")
    (True, True, False)
    """
    names = {sender, name_sender(sender)}
    shown = {LABELS.get(name, name) for name in names}
    return name_sender(text) == name_sender(sender) or text.lower() in {one.lower() for one in names | shown}


def _list_keys(key: str) -> str:
    """A user's text key, and what stands for it where it is an e-mail."""
    return ", ".join(map(_quote, (key, hide_email(key))))


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
