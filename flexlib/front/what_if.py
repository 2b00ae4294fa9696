"""A month on other models: what its calls would have cost elsewhere, by task, and its credits with other models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd

from flexlib.analysis.accepted import measure_accepted
from flexlib.analysis.cells import ROUTE, Route, sum_by_size
from flexlib.analysis.discounts import count_too_short, find_discounts
from flexlib.analysis.what_if import ENOUGH_CALLS, TO, Outcome, reprice, sum_moves
from flexlib.analysis.what_if_credits import exchange_models, simulate_cap
from flexlib.dates import Month
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter, InvalidRequest
from flexlib.front.scores import Scores, read_scores
from flexlib.front.spend import Spend
from flexlib.front.table import write_key
from flexlib.front.what_if_credits import explain_unknown, find_one_price, read_multipliers
from flexlib.front.what_if_left_out import explain_left_out, explain_too_short, explain_untried
from flexlib.home import find_named
from flexlib.i18n import _
from flexlib.money.price_book import load_book
from flexlib.money.unit_prices import UnitPrices, find_unit_prices, is_listed
from flexlib.spend.billed import name_spellings
from flexlib.spend.zones import write_moment

OWNERS = ("usable_type", "usable_id", "usable_key")
"""Whose calls they are, as far as that is known."""

STEPS = 2
"""Moves shown of each route: the next saves more, and is a longer step down in price, which is all that is known."""

YES, NO = ("true", "yes", "1", "accepted"), ("false", "no", "0", "rejected")
"""What the metadata may say of an answer, in any case."""


@dataclass(frozen=True)
class WhatIf:
    """What a month would have come to, in finished frames; what is missing from them, in sentences."""

    moves: pd.DataFrame
    """As of `reprice`, of routes with calls enough: to each other route of the task, and to those that were named."""
    tasks: pd.DataFrame
    """As of `sum_moves`: each task with calls enough, by each route."""
    discounts: pd.DataFrame
    """As of `find_discounts`."""
    too_short: pd.DataFrame
    """As of `count_too_short`."""
    accepted: pd.DataFrame
    """As of `measure_accepted`; empty where no field was named."""
    multipliers: pd.DataFrame
    """As of `find_multipliers`, models by name; what too few rows show is that of `load_multipliers`."""
    exchanges: pd.DataFrame
    """As of `exchange_models`."""
    capped: pd.DataFrame
    """As of `simulate_cap`; empty where no cap was named. Only a list: nothing is changed anywhere."""
    credit_usd: Decimal | None
    """What a flex credit cost; None where it was not the same on all days."""
    scores: Scores | None
    named: tuple[Route, ...]
    """What else was to be tried."""
    left_out: tuple[str, ...]
    """Of calls."""
    unproven: tuple[str, ...]
    """Of credits: what of the company's own table the rows contradict, and models of which nothing says what a prompt
    cost."""

    @property
    def uncompared(self) -> tuple[str, ...] | None:
        """Where no call can be held against another model: why, as far as the tasks do not say it; else None."""
        if len(self.moves):
            return None
        return () if len(self.tasks) else self.left_out

    @property
    def uncached(self) -> tuple[str, ...]:
        """What is left out of what a cache saves, and why, in sentences."""
        return tuple(explain_too_short(self.too_short))

    @property
    def compare(self) -> Callable[[str, str], str | None] | None:
        """What the scores say of two models; None without scores."""
        return self.scores.compare if self.scores else None

    @property
    def dated(self) -> str:
        """Of when the scores are, in a sentence; nothing without scores."""
        said = _("Scores: {name}, the last of {day}.")
        return said.format(name=self.scores.name, day=self.scores.last_day) if self.scores else ""

    @property
    def savings(self) -> pd.DataFrame:
        """What to look at, the dearest routes first: of each the moves to what was named; where nothing was, `STEPS`
        that save in any case, else one that may, and is cheaper with as many tokens as now. The dearest of them come
        first: the smallest steps down."""
        found, lines = list[int](), self.moves
        if self.named:
            lines = lines[[Route(*one) in self.named for one in lines[[*TO]].itertuples(index=False)]]
        dearest = lines.sort_values(["now_usd", "usd"], ascending=False, kind="stable")
        for __, own in dearest.groupby(["task_type", *ROUTE], sort=False, dropna=False):
            saves, may = (own[own["outcome"] == one] for one in (Outcome.SAVES, Outcome.MAY_SAVE))
            likely = may[may["usd"] < may["now_usd"]]
            steps = [*saves.index[:STEPS]] or [*likely.index[:1]]
            found += [*own.index] if self.named else steps
        return self.moves.loc[found].reset_index(drop=True)


def find_what_ifs(
    spend: Spend, to: str = "", *, accepted_by: str = "", cap: int | None = None, scores: str | Path = ""
) -> WhatIf:
    """What the one month of `spend` would have come to. `to`: further models, as `read_routes` takes them;
    `accepted_by`: the field in the calls' metadata that says whether an answer was used; `cap`: whole flex credits a
    person; `scores`: a file as `read_scores` takes it. Raises `BadParameter` for models that are none, `BadFile`, and
    `InvalidRequest` for a field that no call has, or that says neither yes nor no.
    """
    (usage,), named = spend.loaded, read_routes(to)
    moment, model = write_moment(usage.month, usage.zone), name_spellings(usage.calls)
    calls = usage.calls.select(f"* REPLACE ({moment} AS created_at, {model} AS model)")
    every = [*_list_routes(calls), *named]
    cells, owned = sum_by_size(calls, every), sum_by_size(calls, every, OWNERS, by_length=True)
    told = [one for one in cells if one["prompt_tokens"] or one["completion_tokens"]]
    routes: dict[str, dict[Route, None]] = defaultdict(dict)
    for one in (one for one in told if one["is_priced"]):
        routes[one["task_type"]][Route(*(one[name] for name in ROUTE))] = None
    tried = {task: [one for one in named if _may_answer(one, task, usage.month)] for task in routes}
    moves = reprice(told, {task: dict.fromkeys([*own, *tried[task]]) for task, own in routes.items()})
    lines = moves[moves["calls"] > 0]
    totals = sum_moves(moves)
    spent, multipliers, contradicted = read_multipliers(spend)
    enough = lines[lines["calls"] >= ENOUGH_CALLS]
    pairs = enough[[*ROUTE, *TO[:3]]].itertuples(index=False, name=None)
    is_other = pd.Series([pair[:3] != pair[3:] for pair in pairs], enough.index, dtype=bool)
    return WhatIf(
        moves=enough[is_other].reset_index(drop=True),
        tasks=totals[totals["calls"] >= ENOUGH_CALLS].reset_index(drop=True),
        discounts=find_discounts(cells, owned, OWNERS),
        too_short=count_too_short(owned, OWNERS),
        accepted=_measure_accepted(calls, accepted_by),
        multipliers=multipliers,
        exchanges=exchange_models(spent, multipliers),
        capped=simulate_cap(spent.limit(0) if cap is None else spent, 100 * (cap or 0)),
        credit_usd=find_one_price(spend, spent),
        scores=read_scores(find_named(scores)) if scores else None,
        named=tuple(named),
        left_out=(*explain_left_out(cells, told, moves), *explain_untried(named, tried, routes)),
        unproven=(*contradicted, *explain_unknown(multipliers)),
    )


def read_routes(text: str) -> list[Route]:
    """Models by commas, `openai/gpt-5-mini, anthropic/claude-sonnet-4-20250514@bedrock`: the maker, his name of it or
    the seller's, the proxy. Raises `BadParameter` for one that is none, or that no installed price list has.

    >>> read_routes("openai/gpt-5-mini")
    [Route(provider='openai', model='gpt-5-mini', proxy=None, tier=None)]
    """
    routes = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        maker, __, rest = one.partition("/")
        model, __, proxy = rest.partition("@")
        if not model:
            raise BadParameter(_("{one!r} is no model of a maker; write it as openai/gpt-5-mini.").format(one=one))
        route = Route(str(LlmProvider.parse(maker)), model, str(LlmProxy.parse(proxy)) if proxy else None)
        if not is_listed(load_book(), *route[:3]):
            raise BadParameter(_("{one!r} is in no price list that is installed; name another model.").format(one=one))
        routes.append(route)
    return routes


def _may_answer(route: Route, task: str, month: Month) -> bool:
    """Whether a model may be tried for a task that the month's calls do not show it at: any for text, where its list
    prices answers or not; for embeddings one that has no price for answers. Of other tasks the lists do not tell."""
    if task != LlmTaskType.EMBEDDING:
        return task == LlmTaskType.TEXT
    moment = datetime.combine(month.first, time())
    found = find_unit_prices(load_book(), route.provider, route.model, moment, prompt_tokens=0, proxy=route.proxy)
    return isinstance(found, UnitPrices) and found.completion is None


def _list_routes(calls: duckdb.DuckDBPyRelation) -> list[Route]:
    return [Route(*one) for one in calls.select(*ROUTE).distinct().order("ALL").fetchall()]


def _measure_accepted(calls: duckdb.DuckDBPyRelation, field: str) -> pd.DataFrame:
    if not field:
        return measure_accepted(calls.limit(0).select("*, true AS accepted"))
    said = f"lower(CAST({write_key(field)} AS VARCHAR))"
    values = [one for (one,) in calls.select(f"{said} AS said").distinct().order("said").fetchall() if one is not None]
    if not values:
        raise InvalidRequest(
            _("no call has {field!r} in its metadata; name what says whether an answer was used.").format(field=field)
        )
    if wrong := [one for one in values if one not in (*YES, *NO)]:
        raise InvalidRequest(
            _("{field!r} is {wrong!r} in the metadata of a call; write true or false.").format(
                field=field, wrong=wrong[0]
            )
        )
    return measure_accepted(calls.select(f"*, {said} IN {YES} AS accepted"))
