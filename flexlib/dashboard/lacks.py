"""What a total, or a line of sums, lacks: calls whose amount in the view's unit is not known, rows that nobody
knows the owner of, and what may be its own of the month's sum of somebody who moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from flexlib.certificate import State
from flexlib.dashboard.held import list_moved
from flexlib.dashboard.view import View
from flexlib.dates import Month
from flexlib.front.spend import Spend
from flexlib.front.table import MONEY
from flexlib.front.year import list_short
from flexlib.i18n import _

Line = Mapping[str, Any]


def is_least(spend: Spend, unit: str, view: View) -> bool:
    """Whether its total lacks something: a month, calls without an amount, or a share of what somebody spent of whom
    only the month's sum is known, where the view is of such a place."""
    without = unit in ("usd", "clp") and any(one[f"unpriced_{unit}"] for one in spend._totals)
    is_moved = any(value is not None and value in list_moved(spend, key) for key, value in view.only)
    return bool(without) or is_moved or spend.state in (State.GAP, State.PROVISIONAL)


def mark_missing(lines: Iterable[Line], spend: Spend, view: View, moved: Collection[object]) -> list[dict[str, Any]]:
    """The lines, each with whether calls or rows are `missing` from its amount, and whether it is of those that may
    have `moved`: then it may be more, and the sum of all is not."""
    key, of, months = view.by, view.of, list_short(spend, view.of)
    sources = _list_short_sources(spend, months) if key == "source" else None

    def is_short(value: Any) -> bool:  # noqa: ANN401
        if key in ("day", "month") and value is not None:
            return Month.containing(value) in months
        return bool(months) if sources is None else value in sources

    return [
        {**line, "missing": is_short(line[key]) or (of in MONEY and bool(line[f"lacks_{of}"])),
         "may_be_more": line[key] is not None and line[key] in moved}
        for line in lines
    ]  # fmt: skip


def _list_short_sources(spend: Spend, months: Collection[Month]) -> set[str] | None:
    """Those of which rows are missing; None where they may be any source's."""
    loaded = {one.month for one in spend.loaded}
    if any(one.missing for one in spend.loaded) or not loaded.issuperset(months):
        return None
    snapshots = (one for month in spend.loaded for one in month.snapshots)
    read = {one.source for one in snapshots if one.certificate.state_of_rows is State.GAP}
    return read.union(*(one.unstored for one in spend.loaded))


def lacks_any(line: Line) -> bool:
    """Also parts of calls that are counted where a larger part is."""
    return bool(line["missing"] or line["may_be_more"])


def mark_lacks(line: Line, of: str) -> dict[str, Any]:
    """The note beside its amount, and the calls without a price: None where it has but parts of such."""
    count = line["unpriced_requests"]
    return {"note": say_least([line], of), "unpriced_requests": count or (None if line["lacks_usd"] else 0)}


def say_least(lines: Iterable[Line], of: str) -> str:
    """`at least` beside an amount that is known and lacks any."""
    given = list(lines)
    is_known = any(line[of] is not None for line in given)
    return _("at least") if is_known and any(map(lacks_any, given)) else ""
