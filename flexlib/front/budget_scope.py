"""Of which rows a budget is."""

from __future__ import annotations

from dataclasses import replace

from flexlib.analysis.top import NOT_LISTED
from flexlib.front.budget_file import Budget
from flexlib.front.people import call_people, find_pseudonyms, list_credits
from flexlib.front.spend import Spend
from flexlib.front.table import write_key
from flexlib.spend.billed import name_spellings


def narrow_spend(spend: Spend, budget: Budget) -> Spend:
    """The same months, and of their rows those that the budget is of. `spend` is loaded with names, by which a person
    is found."""
    condition, found = _write_condition(spend, budget), replace(spend)
    vars(found).update({"_months": spend._months, "loaded": spend.loaded, "_rows": spend._rows.filter(condition)})
    return found


def _write_condition(spend: Spend, budget: Budget) -> str:
    """The rows that a budget is of, as SQL."""
    if budget.scope == "whole":
        return "true"
    if budget.scope == "usable":
        kind, key = map(_quote, budget.of)
        return f"usable_type = {kind} AND coalesce(usable_key, usable_id::VARCHAR) = {key}"
    if budget.scope == "person":
        asked = budget.of[0].lower()
        spent = list_credits(spend.loaded)
        listed = {key: who for one in spent for key, who in one.people.items()}
        pseudonyms = find_pseudonyms(spent, spend.root)
        called = {
            _quote(name) for key, name in zip(*call_people(spent, pseudonyms, names=True), strict=True)
            if asked in (key.lower(), pseudonyms[key], listed.get(key, {}).get("email", "").lower())
            and name != NOT_LISTED  # whom nothing tells apart
        }  # fmt: skip
        return f'"user" IN ({", ".join(sorted(called)) or "NULL"}) OR lower(usable_key) = {_quote(asked)}'
    if budget.scope == "model":
        return f"{_quote(budget.of[0])} IN (model, {name_spellings(spend._rows)})"
    if budget.scope == "provider":  # who sends the bill
        return f"coalesce(proxy, provider) = {_quote(budget.of[0].lower())}"
    return f"({write_key(budget.scope)}) = {_quote(budget.of[0])}"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
