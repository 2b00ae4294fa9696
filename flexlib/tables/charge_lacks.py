"""Calls, and rows, that the amounts of a chargeback's lines do not have."""

from __future__ import annotations

from collections.abc import Sequence

from flexlib.analysis.chargeback import MONEY, MOVED, ROWS, ChargeLine
from flexlib.formats import count_calls_at_least
from flexlib.i18n import _, join_texts


def count_lacking(lines: Sequence[ChargeLine], unit: str) -> int:
    """The calls whose amount in this unit is not known, each once: where the largest part of it is."""
    return sum(line.count_lacking(unit) or 0 for line in lines)


def lacks_calls(lines: Sequence[ChargeLine], unit: str) -> bool:
    """Whether amounts in this unit are known not to be all: of calls, or parts of them, or of somebody's credits."""
    return any(unit in line.lacks or line.count_lacking(unit) for line in lines)


def lacks_any(lines: Sequence[ChargeLine], unit: str) -> bool:
    """The same, also of rows that may be anybody's."""
    return lacks_calls(lines, unit) or (unit in MONEY and any(ROWS in line.lacks for line in lines))


def say_lacking(lines: Sequence[ChargeLine], unit: str) -> str:
    """Calls that their amount in this unit does not have, as a clause; empty where it has all. What has no price has no
    pesos either, and is said once."""
    count, unpriced = count_lacking(lines, unit), count_lacking(lines, "usd")
    if not count and unit in MONEY and any(unit in line.lacks for line in lines):
        is_unpriced = any("usd" in line.lacks for line in lines)
        return _("parts of calls without a price") if is_unpriced else _("parts of calls without pesos")
    calls = count_calls_at_least(count, is_least=False)
    if unit == "clp" and count > unpriced:
        return _("{calls} without pesos").format(calls=calls)
    return _("{calls} without a price").format(calls=calls) if count else ""


def say_line_lacks(line: ChargeLine, *units: str) -> str:
    """The same of one line in these units, and that sums of a month may be partly of its amounts, which are in no line
    of somebody's."""
    is_moved = any(lacks_moved(line, unit) and line.total(unit) is not None for unit in units)
    moved = _("without the month's sum of somebody who moved within it") if is_moved else ""
    said = dict.fromkeys((*(say_lacking([line], unit) for unit in units), moved))
    return join_texts(filter(None, said), ", ")


def is_least(line: ChargeLine, unit: str) -> bool:
    """Whether what the line comes to is a lower bound."""
    return lacks_any([line], unit) or lacks_moved(line, unit)


def lacks_moved(line: ChargeLine, unit: str) -> bool:
    """Whether such sums may be partly of the line; credits are known day by day."""
    return unit in MONEY and MOVED in line.lacks
