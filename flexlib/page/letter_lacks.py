"""What the letter or the mail of one who is charged says that its part may lack: of the others it says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from flexlib.analysis.chargeback import MONEY, ChargeLine
from flexlib.certificate import State
from flexlib.i18n import _, mark_text
from flexlib.proof import find_worst
from flexlib.spend.month import MonthUsage
from flexlib.tables.charge_lacks import lacks_any, lacks_moved

WARNINGS = {
    State.PROVISIONAL: mark_text("The month was not over when it was read."),
    State.UNWITNESSED: mark_text("No second figure confirms what was read of the whole month."),
    State.UNRECONCILED: mark_text(
        "A second figure of the month, such as a bill, differs from the calls; yours are as counted."
    ),
    State.GAP: mark_text("Something of the month could not be read, or has no price: yours may be more."),
}
"""What a letter says of a month that is not complete: no figure, which would be of others, too."""


def find_part_state(line: ChargeLine, usage: MonthUsage) -> State:
    """The month's, but for a gap that is of others alone; a gap where nothing says how much of the month's sum of
    somebody is the line's."""
    return find_worst({_find_state(line, usage), *([State.GAP] if _is_of_moved(line) else [])})


def list_warnings(line: ChargeLine, usage: MonthUsage) -> list[str]:
    """What a letter says above everything else, in sentences; none where its part is known to be whole."""
    moved = _("Somebody moved within the month, and nothing says how much of their sum of it is yours: "
              "yours may be more.")  # fmt: skip
    warning = WARNINGS.get(_find_state(line, usage))
    return [*([_(warning)] if warning else []), *([moved] if _is_of_moved(line) else [])]


def is_part_least(lines: Sequence[ChargeLine], unit: str = "usd") -> bool:
    """Whether amounts of these lines are lower bounds: calls or rows are known to be left out; of one line also where
    the month's sum of somebody may be partly its. Together the lines have that, where it is nobody's."""
    is_moved = len(lines) == 1 and lacks_moved(lines[0], unit)
    return is_moved or lacks_any(lines, unit)


def _find_state(line: ChargeLine, usage: MonthUsage) -> State:
    if usage.state is not State.GAP or any(lacks_any([line], unit) for unit in ("usd", "flex_credits")):
        return usage.state
    states = {usage.judge(one).state_of_rows for one in usage.snapshots}
    states |= {made for made, _text in usage.own_problems if made}
    return find_worst(states - {State.GAP} or {State.COMPLETE})


def _is_of_moved(line: ChargeLine) -> bool:
    return any(lacks_moved(line, unit) for unit in MONEY)
