"""What the numbers of a month suggest to try: one thing, and nothing where they do not carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flexlib.analysis.credits import credits_by_model
from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if_credits import exchange_models
from flexlib.formats import format_amount, format_credits, format_number
from flexlib.i18n import _, translate_count

if TYPE_CHECKING:
    import pandas as pd

MOVED = Fraction(1, 10)
"""The share of the prompts that is reckoned with: what a team can move within a month."""

LEAST_SAVING = Fraction(1, 200)
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
    """At least, in the unit that was asked about."""


def suggest_variant(rows: object, multipliers: pd.DataFrame) -> Saving | None:
    """The stronger variant of a model whose weaker one costs less a prompt, where every tenth prompt asked of that one
    would have saved most, at least; None where there is none. Both as `exchange_models` takes them, models by name.

    Not by what a request of each cost: a request holds several prompts, and of the two models not as many.
    """
    whole, part = (read_rows(exchange_models(rows, multipliers, share)) for share in (Fraction(1), MOVED))
    costs = {row["model_uid"]: row["multiplier"] for row in read_rows(multipliers)}
    spent = sum(row["flex_credits"] for row in read_rows(credits_by_model(rows)))
    best: tuple[int, str, dict[str, Any], dict[str, Any]] | None = None
    for all_of_it, tenth in zip(whole, part, strict=True):
        for weaker in _list_weaker(tenth["model_uid"]):
            is_best = best is None or tenth["saved_low"] > best[0]
            if costs.get(weaker) == tenth["to_multiplier"] and is_best and tenth["saved_low"] >= LEAST_SAVING * spent:
                best = tenth["saved_low"], weaker, tenth, all_of_it
    if best is None:
        return None
    saved, weaker, tenth, all_of_it = best
    sentence = _(
        "ask {other} in place of {model} where its answers are as good: one of ten prompts asked so would have saved "
        "{tenth} flex credits, all of them {all}; the larger figures count the plan credits that get free, too. A "
        "prompt costs {less} credits there and {cost} here; {model} had {prompts} prompts."
    ).format(
        other=weaker,
        model=tenth["model_uid"],
        tenth=_write_range(tenth),
        all=_write_range(all_of_it),
        less=format_credits(tenth["to_multiplier"]),
        cost=format_credits(tenth["multiplier"]),
        prompts=format_number(tenth["prompts"]),
    )
    return Saving(sentence, Decimal(saved).scaleb(-2))


def _list_weaker(model: str) -> list[str]:
    return [model.removesuffix(end) + instead for end, instead in STRONGER.items() if model.endswith(end)]


def _write_range(row: Mapping[str, Any]) -> str:
    low, high = (format_credits(row[name]) for name in ("saved_low", "saved_high"))
    return low if low == high else _("{first} to {last}").format(first=low, last=high)


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
