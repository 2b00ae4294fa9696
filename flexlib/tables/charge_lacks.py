"""Calls that the amounts of a chargeback's lines do not have."""

from __future__ import annotations

from collections.abc import Sequence

from flexlib.analysis.chargeback import MONEY, MOVED, ChargeLine
from flexlib.formats import count_calls_at_least
from flexlib.i18n import _, join_texts


def count_lacking(lines: Sequence[ChargeLine], unit: str) -> int:
    """The calls whose amount in this unit is not known, each once: where the largest part of it is."""
    return sum(line.count_lacking(unit) or 0 for line in lines)


def say_lacking(lines: Sequence[ChargeLine], unit: str) -> str:
    """Calls that their amount in this unit does not have, as a clause; empty where it has all. What has no price has no
    pesos either, and is said once."""
    count, unpriced = count_lacking(lines, unit), count_lacking(lines, "usd")
    if not count and any(unit in line.lacks for line in lines):
        is_unpriced = any("usd" in line.lacks for line in lines)
        return _("parts of calls without a price") if is_unpriced else _("parts of calls without pesos")
    calls = count_calls_at_least(count, is_least=False)
    if unit == "clp" and count > unpriced:
        return _("{calls} without pesos").format(calls=calls)
    return _("{calls} without a price").format(calls=calls) if count else ""


def say_line_lacks(line: ChargeLine, unit: str) -> str:
    """The same of one line, and that sums of a month may be partly its, which are in no line of somebody's."""
    moved = _("without the month's sum of somebody who moved within it") if lacks_moved(line, unit) else ""
    return join_texts([one for one in (say_lacking([line], unit), moved) if one], ", ")


def lacks_moved(line: ChargeLine, unit: str) -> bool:
    """Whether such sums may be partly of the line; credits are known day by day."""
    return unit in MONEY and MOVED in line.lacks
