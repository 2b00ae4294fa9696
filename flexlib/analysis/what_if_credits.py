"""What Windsurf's credits would have come to with other models, or with a cap for each person: exact, in hundredths.

A prompt costs its model's multiplier. The vendor's API does not tell it, and his lists differ by plan and by month; but
the rows do: a row's credits are whole prompts, so that what divides all rows of a model is what a prompt cost.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from math import gcd
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import open_credits

if TYPE_CHECKING:
    import pandas as pd

ENOUGH_ROWS = 30
"""Rows below which no multiplier is read out of them: that so many counts of prompts are all even by chance has a
probability of one in a billion."""

HALF = 15
"""The last day of the first half of a month. Where a multiplier changed, what divides both is not what divides one."""


def find_multipliers(rows: object) -> pd.DataFrame:
    """What a prompt of each model cost, by `model_uid`: `rows` with credits, `credits` (plan and flex, hundredths) and
    `multiplier` (hundredths; None: too few rows, or it changed within the month). The most credits first.

    `rows` as of `schema.CREDITS`, of one month.
    """
    import pandas as pd

    opened = open_credits(rows).with_columns(
        total=nw.col("prompt_credits") + nw.col("flex_credits"), half=nw.col("date").dt.day() > HALF
    )
    counted = opened.filter(nw.col("total") > 0).group_by("model_uid", "half", "total").agg(rows=nw.len())
    halves: dict[str, dict[bool, list[tuple[int, int]]]] = defaultdict(lambda: {False: [], True: []})
    for row in _collect(counted):
        halves[row["model_uid"]][row["half"]].append((row["total"], row["rows"]))
    lines: list[dict[str, Any]] = []
    for model, parts in halves.items():
        found = {gcd(*(total for total, _ in part)) for part in parts.values() if part}
        count = sum(number for part in parts.values() for _, number in part)
        spent = sum(total * number for part in parts.values() for total, number in part)
        multiplier = found.pop() if len(found) == 1 and count >= ENOUGH_ROWS else None
        lines.append({"model_uid": model, "rows": count, "credits": spent, "multiplier": multiplier})
    lines.sort(key=lambda line: (-line["credits"], line["model_uid"]))
    frame = pd.DataFrame(lines, columns=["model_uid", "rows", "credits", "multiplier"])
    return frame.astype({"rows": "int64", "credits": "int64", "multiplier": "Int64"})


def exchange_models(rows: object, multipliers: pd.DataFrame) -> pd.DataFrame:
    """The flex credits that each model would have saved had its prompts been asked of a cheaper one: `model_uid`,
    `to_model_uid` (the most used of one multiplier) and how many `others` have that, `multiplier` and `to_multiplier`,
    `prompts`, `flex_credits`, `saved_low` and `saved_high` (hundredths). The model of the most flex credits first, and
    of it the smallest step down.

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
            freed = {user: total * (each - less) // each for user, (total, _) in by_user[model].items()}
            most = sum(min(flex_of[user], free) for user, free in freed.items())
            prompts = sum(total for total, _ in by_user[model].values()) // each
            to, *others = models[less]
            saved = flex * (each - less) // each
            lines.append([model, to, len(others), each, less, prompts, flex, saved, most])
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
