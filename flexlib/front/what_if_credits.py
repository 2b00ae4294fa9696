"""What the credits of a month say, and the company's own table and prices: a prompt's multiplier, a credit's price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import duckdb
import pandas as pd

from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if_credits import find_multipliers
from flexlib.formats import format_credits
from flexlib.front.credits_days import CreditsDays
from flexlib.front.spend import Spend
from flexlib.i18n import _
from flexlib.money.credit_prices import find_credit_price
from flexlib.store.credit_prices import load_multipliers


def read_multipliers(spend: Spend) -> tuple[duckdb.DuckDBPyRelation, pd.DataFrame, list[str]]:
    """The month's rows of credits, models by name; what a prompt of each cost; of what contradicts them, sentences."""
    spent = CreditsDays.read(spend.stored, spend.root, names=spend.names).read_rows()
    return spent, *add_multipliers(find_multipliers(spent), load_multipliers(spend.root, spend.span))


def add_multipliers(found: pd.DataFrame, own: Mapping[str, int]) -> tuple[pd.DataFrame, list[str]]:
    """With those of the company's own table where the rows say none; of what they contradict, sentences instead."""
    wrong = []
    for row in read_rows(found):
        model, proven = row["model_uid"], row["multiplier"]
        if (said := own.get(model)) is not None and (said != (proven or said) or not said or row["divisor"] % said):
            wrong.append(model)
    text = _("Your table says {credits} a prompt of {model}, its rows say otherwise: it is not used.")
    texts = [text.format(credits=format_credits(own[one]), model=one) for one in wrong]
    kept = {model: each for model, each in own.items() if model not in wrong}
    filled = found.assign(multiplier=found["multiplier"].fillna(found["model_uid"].map(kept).astype("Int64")))
    unused = [model for model in own if model not in {*found["model_uid"]}]
    nothing = dict.fromkeys(("rows", "credits", "divisor"), 0)
    more = pd.DataFrame({"model_uid": unused, **nothing, "multiplier": [own[one] for one in unused]})
    return pd.concat([filled, more.astype(found.dtypes)], ignore_index=True) if unused else filled, texts


def explain_unknown(multipliers: pd.DataFrame) -> Iterator[str]:
    """Of which models with credits nothing says what a prompt cost, in a sentence."""
    rows = read_rows(multipliers)
    if unknown := [row["model_uid"] for row in rows if row["multiplier"] is None and row["credits"]]:
        said = _("Not compared in credits: {models}; neither their rows nor your own table say what a prompt cost all "
                 "month.")  # fmt: skip
        yield said.format(models=", ".join(unknown))


def find_one_price(spend: Spend, spent: duckdb.DuckDBPyRelation) -> Decimal | None:
    """What a flex credit cost in dollars on all days on which some were spent; None where it was not the same."""
    days = spent.filter("flex_credits > 0").select("CAST(date AS DATE)").distinct().fetchall()
    found = [find_credit_price(spend.credit_prices, day) for (day,) in days]
    prices = {None if one is None else one.usd for one in found}  # whichever lines of a list say so
    return prices.pop() if len(prices) == 1 else None
