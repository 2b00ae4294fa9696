"""What a month on other models leaves out, and why, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from flexlib.analysis.cells import ROUTE, Cell, Route
from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if import ENOUGH_CALLS, TO
from flexlib.checks import say_unpriced
from flexlib.formats import format_count, format_number
from flexlib.i18n import _


def explain_left_out(cells: Sequence[Cell], told: Sequence[Cell], moves: pd.DataFrame) -> Iterator[str]:
    """Which of the `cells` are not in `moves`: those not `told` of have no tokens, others no price, or are few."""

    def count(some: Iterable[Cell]) -> int:
        return sum(one["requests"] for one in some)

    if silent := count(cells) - count(told):
        yield _("Left out: {calls} without tokens.").format(calls=format_count(silent, "call"))
    if unpriced := count(one for one in told if not one["is_priced"]):
        yield _("Left out: {calls} without a price.").format(calls=format_count(unpriced, "call"))
    pairs = moves[[*ROUTE, *TO[:3]]].itertuples(index=False, name=None)
    elsewhere = moves[pd.Series([pair[:3] != pair[3:] for pair in pairs], moves.index, dtype=bool)]
    here = moves[["task_type", *ROUTE, "calls", "unpriced_calls"]].to_dict("records")
    sizes = {tuple(one[name] for name in ("task_type", *ROUTE)): one["calls"] + one["unpriced_calls"] for one in here}
    if few := [size for size in sizes.values() if size < ENOUGH_CALLS]:
        said = _("Not compared: {calls} of {routes} of fewer than {least}.")
        calls, routes = format_count(sum(few), "call"), format_count(len(few), "route")
        yield said.format(calls=calls, routes=routes, least=ENOUGH_CALLS)
    for __, lines in elsewhere.groupby([*TO[:3]], sort=False, dropna=False):
        one = lines.iloc[0]
        own = moves.drop(elsewhere.index).merge(lines[[*TO[:3]]].drop_duplicates())["calls"].sum()
        if own < ENOUGH_CALLS and not lines["calls"].any():
            said = _("Not among the others: {model}, as {why}.")
            yield said.format(model=one["to_model"], why=say_unpriced(one["unpriced"]))
            continue
        many = lines[(lines["calls"] < ENOUGH_CALLS) & (lines["calls"] + lines["unpriced_calls"] >= ENOUGH_CALLS)]
        if len(many):
            names, why = ", ".join(dict.fromkeys(many["model"])), many.iloc[0]["unpriced"]
            said = _("Not compared with {model}: {names}, of whose calls fewer than {least} have a price there, as "
                     "{why}.")  # fmt: skip
            yield said.format(model=one["to_model"], names=names, least=ENOUGH_CALLS, why=say_unpriced(why))


def explain_untried(
    named: Iterable[Route], tried: Mapping[str, Collection[Route]], routes: Mapping[str, Collection[Route]]
) -> Iterator[str]:
    """Which of the `named` models were not tried for a task; `tried` and the `routes` of the month by task."""
    for task, own in tried.items():
        if left := [one.model for one in named if one not in own and one not in routes[task]]:
            said = _("Not tried for {task}: {models}; no list says that such a model does that.")
            yield said.format(task=task, models=", ".join(left))


def explain_too_short(found: pd.DataFrame) -> Iterator[str]:
    """Of `count_too_short`, a sentence for each least length."""
    groups = dict[tuple[int, bool], list[Mapping[str, Any]]]()
    for row in read_rows(found):
        groups.setdefault((row["least_tokens"], row["is_documented"]), []).append(row)
    for (least, is_documented), rows in groups.items():
        said = _(
            "Left out of what a cache saves: {calls} to {models} with prompts of fewer than {least} tokens, from which "
            "on the provider keeps one."
        )
        if not is_documented:
            said = _(
                "Left out of what a cache saves: {calls} to {models} with prompts of fewer than {least} tokens: from "
                "how many on the provider keeps one is not known, so this is the most that any other asks for."
            )
        calls = format_count(sum(row["calls"] for row in rows), "call")
        models = ", ".join(dict.fromkeys(row["model"] for row in rows))
        yield said.format(calls=calls, models=models, least=format_number(least))
