"""What the numbers of a month suggest to try: one thing, and nothing where they do not carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.formats import format_amount, format_number
from flexlib.i18n import _, translate_count

FEWEST_REQUESTS = 100
"""Requests of either model below which what one costs is chance."""

CHEAPER = Decimal("0.8")
"""A model costs less when it costs at most four fifths: less is within what prompts differ by."""

MOVED = Decimal("0.1")
"""The share of the requests that is reckoned with: what a team can move within a month."""

LEAST_SAVING = Decimal("0.005")
"""Of the month, below which nobody changes a habit."""

STRONGER = {" XHigh Thinking": " High Thinking", " High Thinking": " Medium Thinking", " Thinking": ""}
"""How the names of one model's variants end, the stronger one's and what the weaker one has instead."""

FAILED_SHARE = Decimal("0.01")
"""Of the month's money, from which on calls that failed are worth a look."""


@dataclass(frozen=True)
class Saving:
    """One thing to try, and what it would have saved in the month."""

    sentence: str
    amount: Decimal
    """In the unit that was asked about."""


def suggest_variant(models: object) -> Saving | None:
    """The stronger variant of a model whose weaker one costs less a request, where every tenth request asked of that
    one would have saved most; None where there is none. `models` as from `credits_by_model`, with names by
    `name_models`.

    >>> import pandas as pd
    >>> models = pd.DataFrame({"model": ["Claude Sonnet 4 Thinking", "Claude Sonnet 4"], "requests": [1000, 500],
    ...                        "flex_credits": [300_000, 100_000], "prompt_credits": [0, 0]})
    >>> suggest_variant(models).amount
    Decimal('100')
    """
    rows = {row["model"]: row for row in read_rows(models) if (row["requests"] or 0) >= FEWEST_REQUESTS}
    total = Decimal(sum(row["flex_credits"] for row in rows.values()))
    best: Saving | None = None
    for name, row in rows.items():
        for end, instead in STRONGER.items():
            weaker = name.removesuffix(end) + instead
            if not name.endswith(end) or (other := rows.get(weaker)) is None:
                continue
            cost, less = _cost(row), _cost(other)
            if not cost or less > CHEAPER * cost:
                continue
            saved = (MOVED * row["flex_credits"] * (1 - less / cost)).quantize(Decimal(1)) / 100
            if saved * 100 < LEAST_SAVING * total or (best and saved <= best.amount):
                continue
            sentence = _(
                "ask {other} in place of {model} in one of ten requests, if its answers are as good: that would have "
                "saved {saved} flex credits. A request costs {less} credits there and {cost} here, the plan's "
                "included; {model} had {requests} requests, of one prompt or several."
            ).format(
                model=name,
                cost=format_amount(cost),
                other=weaker,
                less=format_amount(less),
                requests=format_number(row["requests"]),
                saved=format_amount(saved),
            )
            best = Saving(sentence, saved)
    return best


def suggest_failures(statuses: Sequence[Mapping[str, Any]], spent: Decimal | None) -> Saving | None:
    """Of rows as from `spend.list_statuses`: what the calls that failed cost, where that is a part of what was `spent`
    that is worth a look. None where it is not, or is not known."""
    failed = [row for row in statuses if row["failed"] and row["total_usd"]]
    amount = sum((row["total_usd"] for row in failed), Decimal(0))
    if spent is None or amount <= 0 or amount < FAILED_SHARE * spent:
        return None
    worst = max(failed, key=lambda row: row["total_usd"])
    unknown = sum(row["unpriced"] for row in statuses if row["failed"])
    calls = sum(row["calls"] - row["unpriced"] for row in failed)
    said = translate_count(
        "{count} call that failed cost US$ {amount}, the largest part of it with the status "
        "{status}{lacking}: see what they have in common before they are asked again.",
        "{count} calls that failed cost US$ {amount}, the largest part of it with the status "
        "{status}{lacking}: see what they have in common before they are asked again.",
        calls,
    )
    if 2 * worst["total_usd"] > amount:
        said = translate_count(
            "{count} call that failed cost US$ {amount}, most of it with the status "
            "{status}{lacking}: see what they have in common before they are asked again.",
            "{count} calls that failed cost US$ {amount}, most of it with the status "
            "{status}{lacking}: see what they have in common before they are asked again.",
            calls,
        )
    lacking = _("; what {count} more cost is not known").format(count=format_number(unknown)) if unknown else ""
    named = {"status": worst["status"], "lacking": lacking}
    return Saving(said.format(count=format_number(calls), amount=format_amount(amount), **named), amount)


def _cost(row: Mapping[str, Any]) -> Decimal:
    """Credits a request, those of the plan included: the pool pays whichever is left."""
    return Decimal(row["flex_credits"] + row["prompt_credits"]) / Decimal(row["requests"]) / 100
