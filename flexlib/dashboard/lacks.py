"""What a total, or a line of sums, lacks: calls whose amount in the view's unit is not known, rows that nobody
knows the owner of, and what may be its own of the month's sum of somebody who moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flexlib.certificate import State
from flexlib.dashboard.held import list_moved
from flexlib.dashboard.view import View
from flexlib.dates import Month
from flexlib.front.spend import Spend
from flexlib.front.table import MONEY
from flexlib.front.unstored import find_gaps, list_datasets
from flexlib.front.year import list_short, name_unit
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
    key, of, short = view.by, view.of, _find_short(spend, view.of)
    return [
        {**line, "missing": short.has(key, line[key]) or (of in MONEY and bool(line[f"lacks_{of}"])),
         "may_be_more": line[key] is not None and line[key] in moved}
        for line in lines
    ]  # fmt: skip


def name_sum(lines: Iterable[Line], spend: Spend, view: View) -> str:
    """What the sum of the lines is called, of which anything may be missing that has no line: a source, a month."""
    short = _find_short(spend, view.of)
    lacks = bool(short.months) and all(short.has(key, value) for key, value in view.only)
    is_part = lacks or any(line["missing"] for line in lines)
    return _("All together, at least") if is_part else _("All together")


@dataclass(frozen=True)
class _Short:
    months: set[Month]
    """Those of `list_short`."""
    sources: set[str] | None
    """Those of which rows are missing; None where they may be any source's."""

    def has(self, key: str, value: object) -> bool:
        """Whether rows may be missing from what has the value, of a line or an address."""
        if key in ("day", "month") and value is not None:
            return Month.parse(str(value)[:7]) in self.months
        return bool(self.months) if key != "source" or self.sources is None else value in self.sources


def _find_short(spend: Spend, of: str) -> _Short:
    months, unit = list_short(spend, of), name_unit(of)
    if not {one.month for one in spend.loaded}.issuperset(months) or (
        of in MONEY and any(one.missing for one in spend.loaded)
    ):
        return _Short(months, None)
    datasets = list_datasets(unit)
    snapshots = (one for month in spend.loaded for one in month.snapshots if one.dataset in datasets)
    read = {one.source for one in snapshots if one.certificate.state_of_rows is State.GAP}
    return _Short(months, read.union(find_gaps(spend.loaded, unit)))


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
