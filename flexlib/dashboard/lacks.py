"""What a total, or a line of sums, lacks: calls whose amount in the view's unit is not known, and what may be its own
of the month's sum of somebody who moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flexlib.certificate import State
from flexlib.dashboard.held import list_moved
from flexlib.dashboard.view import View
from flexlib.front.spend import Spend
from flexlib.front.table import MONEY
from flexlib.i18n import _

Line = Mapping[str, Any]


def is_least(spend: Spend, unit: str, view: View) -> bool:
    """Whether its total lacks something: a month, calls without an amount, or a share of what somebody spent of whom
    only the month's sum is known, where the view is of such a place."""
    without = unit in ("usd", "clp") and any(one[f"unpriced_{unit}"] for one in spend._totals)
    is_moved = any(value is not None and value in list_moved(spend, key) for key, value in view.only)
    return bool(without) or is_moved or spend.state in (State.GAP, State.PROVISIONAL)


def lacks_any(line: Line, of: str) -> bool:
    """Also parts of calls that are counted where a larger part is."""
    return bool(line["may_be_more"]) or (of in MONEY and bool(line[f"lacks_{of}"]))


def mark_lacks(line: Line, of: str) -> dict[str, Any]:
    """The note beside its amount, and the calls without a price: None where it has but parts of such."""
    count = line["unpriced_requests"]
    return {"note": say_least([line], of), "unpriced_requests": count or (None if line["lacks_usd"] else count)}


def say_least(lines: Iterable[Line], of: str) -> str:
    """`at least` beside an amount that is known and lacks any."""
    given = list(lines)
    is_known = any(line[of] is not None for line in given)
    return _("at least") if is_known and any(lacks_any(line, of) for line in given) else ""
