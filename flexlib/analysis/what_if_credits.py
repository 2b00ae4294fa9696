"""What Windsurf's credits would have come to with other models, or with a cap for each person: exact, in hundredths.

A prompt costs its model's multiplier. The vendor's API does not tell it, and his lists differ by plan and by month; but
the rows do: a row's credits are whole prompts, so that what divides all rows of a model is what a prompt cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import floor, gcd
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import open_credits

if TYPE_CHECKING:
    import pandas as pd

ENOUGH_ROWS = 30
"""Rows below which no multiplier is read out of them: that so many counts of prompts are all even by chance has a
probability of one in a billion."""

DOUBTFUL_ROWS = 20
"""Rows that follow each other, all divided by more than the others are: so many are so by chance once in a million, and
so the multiplier has changed. Two that no 30 rows prove would else pass for what divides both."""

LEAST = 10
"""Hundredths: no list had a prompt for less. A model billed by its tokens has rows that a hundredth alone divides."""


def find_multipliers(rows: object) -> pd.DataFrame:
    """What a prompt of each model cost, by `model_uid`: `rows` with credits, `credits` (plan and flex, hundredths),
    `divisor` of all its rows, and `multiplier` (hundredths; None: too few rows, it changed within the month, or tokens
    are billed). The most credits first.

    `rows` as of `schema.CREDITS`, of one month.
    """
    import pandas as pd

    total = nw.col("prompt_credits") + nw.col("flex_credits")
    spent = open_credits(rows).with_columns(total=total).filter(total > 0)
    days: dict[str, dict[date, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in _collect(spent.group_by("model_uid", "date", "total").agg(rows=nw.len())):
        days[row["model_uid"]][row["date"]].append((row["total"], row["rows"]))
    lines: list[list[Any]] = []
    for model, own in days.items():
        sums = [(gcd(*(each for each, _ in own[day])), sum(count for _, count in own[day])) for day in sorted(own)]
        rows_of = sum(count for _, count in sums)
        credits_of = sum(each * count for one in own.values() for each, count in one)
        lines.append([model, rows_of, credits_of, gcd(*(each for each, _ in sums)), _find_multiplier(sums)])
    lines.sort(key=lambda line: (-line[2], line[0]))
    frame = pd.DataFrame(lines, columns=["model_uid", "rows", "credits", "divisor", "multiplier"])
    return frame.astype({"rows": "int64", "credits": "int64", "divisor": "int64", "multiplier": "Int64"})


def _find_multiplier(days: Sequence[tuple[int, int]]) -> int | None:
    """Of what divides each day's rows, and how many they are, what divides all; None where it says nothing.

    Where the multiplier changed, the days before or after have a larger one by themselves: each stretch of them with
    `DOUBTFUL_ROWS` is held against the whole. That both have a larger one is as rare by chance as `ENOUGH_ROWS` are.
    """
    each_day = [each for each, _ in days]
    whole = gcd(*each_day)
    if whole < LEAST or sum(count for _, count in days) < ENOUGH_ROWS:
        return None
    if any(whole not in (gcd(*each_day[:day]), gcd(*each_day[day:])) for day in range(1, len(days))):
        return None
    for first in range(len(days)):
        divisor = rows = 0
        for each, count in days[first:]:
            divisor, rows = gcd(divisor, each), rows + count
            if rows >= DOUBTFUL_ROWS:
                break
        if rows < DOUBTFUL_ROWS:  # and fewer from each later day on
            break
        if divisor != whole:
            return None
    return whole


def exchange_models(rows: object, multipliers: pd.DataFrame, share: Fraction = Fraction(1)) -> pd.DataFrame:
    """The flex credits that each model would have saved had a `share` of its prompts been asked of a cheaper one:
    `model_uid`, `to_model_uid` (the most used of one multiplier) and how many `others` have that, `multiplier` and
    `to_multiplier`, `prompts` and `flex_credits` (of all), `saved_low` and `saved_high` (hundredths). The model of the
    most flex credits first, and of it the smallest step down.

    `multipliers` as from `find_multipliers`. At least what its own flex credits come to; at most also what the plan
    credits that get free would have covered of the person's other flex credits, which holds where plan credits are used
    first and the billing cycle is the month. As many prompts are taken for granted.
    """
    import pandas as pd

    by_user: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    flex_of: dict[str, int] = defaultdict(int)
    summed = open_credits(rows).group_by("user", "model_uid").agg(nw.col("prompt_credits", "flex_credits").sum())
    for row in _collect(summed):
        by_user[row["model_uid"]][row["user"]] = row["prompt_credits"] + row["flex_credits"], row["flex_credits"]
        flex_of[row["user"]] += row["flex_credits"]
    models: dict[int, list[str]] = defaultdict(list)
    for model, multiplier in multipliers.dropna()[["model_uid", "multiplier"]].itertuples(index=False):
        models[int(multiplier)].append(model)
    lines: list[list[Any]] = []
    for model, each, less in ((model, one, other) for one, own in models.items() for model in own for other in models):
        flex = sum(spent for _, spent in by_user[model].values())
        if less < each and flex:
            moved = share * (each - less) / each
            freed = {user: floor(total * moved) for user, (total, _) in by_user[model].items()}
            most = sum(min(flex_of[user], free) for user, free in freed.items())
            prompts = sum(total for total, _ in by_user[model].values()) // each
            to, *others = models[less]
            lines.append([model, to, len(others), each, less, prompts, flex, floor(flex * moved), most])
    lines.sort(key=lambda line: (-line[6], line[0], -line[4]))
    names = ("model_uid", "to_model_uid", "others", "multiplier", "to_multiplier", "prompts", "flex_credits")
    return pd.DataFrame(lines, columns=[*names, "saved_low", "saved_high"])


def simulate_cap(rows: object, cap: int) -> pd.DataFrame:
    """Who would have met a cap of so many hundredths of a flex credit in the month of `rows`: `user`, `flex_credits`,
    `over` (hundredths beyond it), `reached_on` (the day); the most beyond it first.
    """
    import pandas as pd

    days: dict[str, list[tuple[date, int]]] = defaultdict(list)
    summed = open_credits(rows).group_by("user", "date").agg(nw.col("flex_credits").sum())
    for row in _collect(summed):
        days[row["user"]].append((row["date"].date(), row["flex_credits"]))
    lines: list[list[Any]] = []
    for user, spent in days.items():
        total, reached = 0, None
        for day, flex in sorted(spent):
            total += flex
            reached = day if reached is None and total > cap else reached
        if total > cap:
            lines.append([user, total, total - cap, reached])
    lines.sort(key=lambda line: (-line[2], line[0]))
    return pd.DataFrame(lines, columns=["user", "flex_credits", "over", "reached_on"])


def _collect(frame: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (a lazy frame)
    counts = [name for name, kind in frame.collect_schema().items() if kind.is_integer()]
    rows: list[dict[str, Any]] = (
        frame.with_columns(nw.col(*counts).cast(nw.Int64)).collect("pyarrow").to_native().to_pylist()
    )
    return rows
