"""Lines of a bill that sum others of it, by names that nobody foresaw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from flexlib.sources.charges.amounts import EXACT
from flexlib.sources.files.ids import HALF_A_CENT
from flexlib.sources.files.meaning import ALL_MODELS

SHORT = 4
"""Lines of a bill of one charge, its total, a tax and the total with it: in a longer one two lines are as often equal
by chance."""

READINGS = 8
"""In how many ways the lines of a bill are read at once: each line that sums others by chance doubles them, and few
do."""

ZERO = Decimal(0)


@dataclass
class Sum:
    """The rows of one currency up to one of them."""

    amount: Decimal = ZERO
    rows: int = 0

    def add(self, amount: Decimal) -> None:
        self.amount, self.rows = EXACT.add(self.amount, amount), self.rows + 1

    def is_told_by(self, said: Decimal) -> bool:
        """Whether a total says it, as far as it and the rows may be rounded."""
        half = Decimal(HALF_A_CENT)
        return abs(EXACT.subtract(said, self.amount)) <= half + min(half * self.rows, abs(said) / 100)

    def is_charged_by(self, amount: Decimal) -> bool:
        """Whether a charge is of as much, as far as it may be rounded itself."""
        spare = Decimal(HALF_A_CENT) if amount == round(amount, 2) else ZERO
        return abs(EXACT.subtract(amount, self.amount)) <= min(spare, abs(amount) / 100)


@dataclass
class _Reading:
    """One way to read the lines so far: which sum others (`found`), and what the rest charges, in all and since the
    last of those."""

    before: Sum
    since: Sum
    found: list[int]

    def add(self, amount: Decimal) -> None:
        self.before.add(amount)
        self.since.add(amount)


def has_run(amounts: Sequence[Decimal]) -> bool:
    """Whether an amount is the sum of all before it or of all others, or the first one that of some behind it."""
    before, behind, whole = Sum(), Sum(), sum(amounts, ZERO)
    for amount in amounts:
        is_one = before.rows > 0 and (before.is_charged_by(amount) or behind.is_charged_by(amounts[0]))
        if is_one and (before.rows > 1 or len(amounts) <= SHORT):
            return True
        if len(amounts) > 2 and Sum(EXACT.subtract(whole, amount)).is_charged_by(amount):
            return True
        behind.add(amount) if before.rows else None
        before.add(amount)
    return len(amounts) > 1 and behind.is_charged_by(amounts[0])


def find_sum_lines(amounts: Sequence[Decimal], told: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places whose amounts sum up others, as the lines say (`told`): all others, all before, all since the last
    such one, or, of the first one, those behind it. What a bill adds to its last total, taxes and fees, is less than
    that.
    """
    nameable, weak = _list_nameable(told)
    whole, last = sum(amounts, ZERO), len(amounts) - 1
    for place in sorted(nameable, reverse=True):  # whatever else sums others by chance
        others = Sum(EXACT.subtract(whole, amounts[place]), last)
        if last >= nameable[place] and others.is_charged_by(amounts[place]) and (last > 1 or place not in weak):
            return [place]
    for reading in _list_readings(amounts, nameable, weak):
        if abs(reading.since.amount) < abs(amounts[reading.found[-1]]):
            return reading.found
    turned = {last - place: least for place, least in nameable.items()}
    for reading in _list_readings(amounts[::-1], turned, {last - place for place in weak}):
        if not reading.since.rows:  # sums that stand before what they sum
            return sorted(last - place for place in reading.found)
    behind = Sum()
    for amount in amounts[1:] if 0 in nameable else ():
        behind.add(amount)
        rest = EXACT.subtract(whole, EXACT.add(amounts[0], behind.amount))
        is_enough = behind.rows >= nameable[0] and (behind.rows > 1 or 0 not in weak)
        if is_enough and behind.is_charged_by(amounts[0]) and abs(rest) < abs(amounts[0]):
            return [0]
    return []


def _list_readings(amounts: Sequence[Decimal], nameable: Mapping[int, int], weak: set[int]) -> list[_Reading]:
    """The ways to read the lines in which some sum those before them: one that does may be a charge as well."""
    readings = [_Reading(Sum(), Sum(), [])]
    proven = set[int]()
    for place, amount in enumerate(amounts):
        split: list[_Reading] = []
        for one in readings:
            least = nameable.get(place, len(amounts))
            rows = [some.rows for some in (one.before, one.since) if some.rows >= least and some.is_charged_by(amount)]
            if rows:
                split.append(_Reading(replace(one.before), Sum(), [*one.found, place]))
                proven |= {place} if max(rows) > 1 or place not in weak else set()
            one.add(amount)
            split.append(one)
        readings = split[:READINGS]
    return [one for one in readings if not proven.isdisjoint(one.found)]


def _list_nameable(told: Sequence[Mapping[str, Any]]) -> tuple[dict[int, int], set[int]]:
    """The places of lines that may sum others, and how many at least, as they say: they name no model, and nobody whom
    the others do not, and have a name of their own or are of the time of all. That a line charges what a single other
    one does is no chance only in a short bill, and where it says less than that one; and where nothing but its name
    tells that (the second places), it proves nothing by itself: two seats are of one price as often."""
    items, models = (Counter(one[name] for one in told) for name in ("line_item", "model"))
    keys, times = {one["key"] for one in told}, {(one["period_start"], one["period_end"]) for one in told}
    amounts = Counter(one["amount"] for one in told)
    start, end = min(start for start, _ in times), max(end for _, end in times)
    found, weak = dict[int, int](), set[int]()
    for place, one in enumerate(told):
        is_whole = (one["model"] or "").lower() in ("", *ALL_MODELS)
        is_named = items[one["line_item"]] == 1
        is_named = is_named and (is_whole or one["model"] == one["line_item"] and models[one["model"]] == 1)
        is_of_all = is_whole and one["period_start"] == start and one["period_end"] == end
        says_less = is_whole and (is_named or len(models) > 1 or len(times) > 1)
        is_pair = len(told) <= SHORT and amounts[one["amount"]] <= 2  # three seats of one price are none
        is_anybodys = one["key"] is None or len(keys) == 1 or place == len(told) - 1  # a last line is asked about
        if (is_named or is_of_all) and is_anybodys:
            found[place] = 1 if says_less and is_pair else 2
            weak |= {place} if models.keys() == {None} and (len(times) == 1 or not is_of_all) else set()
    return found, weak
