"""Lines of a bill that sum others of it, by names that nobody foresaw.

A bill is read as a tree: a line sums lines right behind it (the head of a section) or right before it (its foot), which
may be sums themselves, and a grand sum stands anywhere. Amounts alone do not tell a sum from a charge that comes to as
much by chance, so a reading is believed where it leaves nothing but taxes behind, or where chance is too rare for it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple

from flexlib.sources.charges.amounts import EXACT, find_spare
from flexlib.sources.files.meaning import ALL_MODELS

READINGS, MOST_STEPS = 64, 4_000
"""In how many ways the lines of a bill are read at once, and how many lines in all of them: each line that sums others
by chance doubles them, and few do in a long bill."""

SHORT = 500
"""Lines that are looked at for one sum at least, where credits make sums smaller again."""

FOLDS = 3
"""Sums of sums may stand on the other side than those: heads of sections with a grand sum behind."""

RARE = 0.01
"""Of a hundred bills without sums one at most may be asked about since amounts of it are sums by chance."""

DEPTHS = (2, 3, 4)
"""All lines come to so many times a grand sum, wherever each stands, where every charge is in as many sums less one."""

PLACES = 18
"""An amount has so many decimals at most: in units of the last one it is a whole number."""
CENT = 10 ** (PLACES - 2)


class _Line(NamedTuple):
    """A line of the bill that no sum covers, whether it is one itself; amounts in the last of `PLACES`."""

    place: int
    amount: int
    spare: int
    is_sum: bool = False

    def sums(self, amount: int, more: int = 0) -> bool:
        """Whether it is of as much, as far as it may be rounded, and what it sums by so much `more`."""
        return abs(self.amount - amount) <= self.spare + more

    def equals(self, other: _Line) -> bool:
        return self.sums(other.amount) or other.sums(self.amount)


_Stack = tuple[_Line, "_Stack"] | None
"""Lines behind or before one, the nearest first."""


class _Reading(NamedTuple):
    """One way to read the bill: what no sum covers in the order of the bill, which lines are sums, and how often these
    would be by chance."""

    lines: list[_Line]
    found: tuple[int, ...] = ()
    chance: float = 1


def has_run(amounts: Sequence[Decimal]) -> bool:
    """Whether an amount may be the sum of a run right before or behind it, or all come to a few times one of them."""
    lines = _list_lines(amounts)
    sums = [*accumulate((line.amount for line in lines), initial=0)]
    cents = {one // CENT for one in sums}
    for line, before, behind in zip(lines, sums, sums[1:], strict=False):
        for edge in (before - line.amount, behind + line.amount):
            if not cents.isdisjoint(range(edge // CENT - 1, edge // CENT + 2)):
                return True
    return any(abs(sums[-1] - depth * line.amount) <= depth * line.spare for line in lines for depth in DEPTHS)


def find_sum_lines(amounts: Sequence[Decimal], told: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places whose amounts sum up others, as the lines say (`told`)."""
    return _Bill(_list_lines(amounts), told).find_sums() if amounts else []


def _list_lines(amounts: Sequence[Decimal]) -> list[_Line]:
    def count(amount: Decimal) -> int:
        return int(amount.scaleb(PLACES, context=EXACT))

    return [_Line(place, count(amount), count(find_spare(amount))) for place, amount in enumerate(amounts)]


class _Bill:
    """The lines of a bill that charge something, in its order."""

    def __init__(self, lines: list[_Line], told: Sequence[Mapping[str, Any]]) -> None:
        self.lines, self.told = lines, told
        self.nameable = _list_nameable(told)
        self.step = math.gcd(*(line.amount for line in lines))
        self.credits = -sum(min(line.amount, 0) for line in lines)
        self.longest = max(MOST_STEPS // len(lines), SHORT) if self.credits else len(lines)
        self.most = max(2, min(READINGS, MOST_STEPS // len(lines)))

    def find_sums(self) -> list[int]:
        """The places of the first reading that is believed."""
        amounts = [line.amount for line in self.lines]
        whole = sum(amounts)
        for line in reversed(self.lines):
            for depth in DEPTHS if line.place in self.nameable and len(self.lines) > 2 else ():
                is_one = abs(whole - depth * line.amount) <= depth * line.spare
                if is_one and (depth == DEPTHS[0] or self._find_chance(line, amounts) <= RARE):
                    return [line.place]
        grand = max(self.lines, key=lambda line: line.amount)
        others = [line for line in self.lines if line is not grand]
        for given, over in ((self.lines, None), (others, grand)):
            for turn in (1, -1):
                readings = [_Reading(given)]
                for fold in range(FOLDS):
                    readings = self._fold(readings, turn * (-1) ** fold)
                if found := self._choose(readings, turn, over):
                    return found
        return []

    def _fold(self, readings: Sequence[_Reading], turn: int) -> list[_Reading]:
        """The readings in which lines also sum those right before them (1) or behind them (-1)."""
        folded: dict[frozenset[int], _Reading] = {}
        for lines, found, chance in readings:
            ways: list[tuple[_Stack, tuple[int, ...], float]] = [(None, found, chance)]
            for line in lines[::turn]:
                split: list[tuple[_Stack, tuple[int, ...], float]] = []
                for stack, places, rare in ways:
                    for rest, alone, rarity in () if line.is_sum else self._find_runs(line, stack):
                        top = line._replace(is_sum=True), rest
                        split.append((top, (*places, *alone, line.place), rare * rarity))
                    split.append(((line, stack), places, rare))
                ways = split[: self.most]
            for stack, places, rare in ways:
                folded.setdefault(frozenset(places), _Reading([*_list_stack(stack)][::-turn], places, rare))
        ranked = sorted(folded.values(), key=lambda one: sum(not line.is_sum for line in one.lines))
        return ranked[: self.most]

    def _find_runs(self, line: _Line, stack: _Stack) -> Iterator[tuple[_Stack, list[int], float]]:
        """What is left of the lines next to one when it sums the first of them, which of those are sums of a single
        line, and how often so much would be a sum by chance."""
        if line.place not in self.nameable and self._find_chance(line, [line.amount], self.step) > RARE:
            return
        sums, rows = [0, 0, 0], [0, 0, 0]  # each line counts, one of a pair, one of all that are equal
        alone: tuple[list[int], list[int], list[int]] = ([], [], [])
        run, before, is_paired, more = list[int](), None, False, 0
        while stack and sums[-1] <= line.amount + line.spare + more + self.credits and len(run) < self.longest:
            one, stack = stack
            run.append(one.amount)
            is_equal = before is not None and before.equals(one)
            is_paired = is_equal and not is_paired
            more += one.spare * (one.is_sum or is_equal)
            for way, is_again in enumerate((False, is_paired, is_equal)):
                if is_again and before:
                    alone[way].append(before.place)
                else:
                    sums[way], rows[way] = sums[way] + one.amount, rows[way] + 1
            before = one
            for way in range(3):
                if rows[way] > 1 and line.sums(sums[way], more):
                    chance = self._find_chance(line, run)
                    if line.place in self.nameable or chance <= RARE:
                        yield stack, [*alone[way]], chance
                    break

    def _find_chance(self, line: _Line, run: Sequence[int], least: int = 0) -> float:
        """In how many bills of this length a line of that amount would be a sum by chance, at most 1: one of round
        prices is more often than one of odd cents. `least`: the step of whatever it may sum."""
        step = least or math.gcd(line.amount, *run)
        if sum(run) != line.amount:
            step = max(step, CENT)
        tries = 2 * len(self.nameable if line.place in self.nameable else self.lines)
        return min(1, tries * step / abs(line.amount))

    def _choose(self, readings: Sequence[_Reading], turn: int, grand: _Line | None) -> list[int]:
        """The sums of the first reading in which they cover all, or all but the taxes behind, or are no chance."""
        for reading in readings:
            is_sure = bool(reading.found or grand) or self._is_paired(reading)
            pairs, lines = self._pair(reading, turn, is_sure=is_sure)
            found = sorted({*reading.found, *pairs})
            if grand:
                more = sum(line.spare for line in lines if line.is_sum)
                is_all = len(lines) > 1 and grand.sums(sum(line.amount for line in lines), more)
                if is_all and grand.place in self.nameable:
                    return sorted([*found, grand.place])
                continue
            covered = sum(line.amount for line in lines if line.is_sum)
            rest = [line for line in lines if not line.is_sum]
            is_behind = rest == lines[len(lines) - len(rest) :]
            if found and is_behind and abs(sum(line.amount for line in rest)) < abs(covered):
                return found
            if reading.found and reading.chance <= RARE:
                return sorted(reading.found)
        return []

    def _is_paired(self, reading: _Reading) -> bool:
        """Whether each line is followed by one of its amount, of another amount than the next two: sections of a single
        line. Of one price alone they may be seats."""
        pairs = [*zip(reading.lines[::2], reading.lines[1::2], strict=False)]
        amounts = {one.amount for one, _ in pairs}
        is_whole = len(reading.lines) == 2 * len(pairs) and len(amounts) == len(pairs) > 1
        return is_whole and all(one.equals(other) for one, other in pairs)

    def _pair(self, reading: _Reading, turn: int, *, is_sure: bool) -> tuple[set[int], list[_Line]]:
        """The sums of a single line, where others are sums or it says less than that line, and what is left."""
        pairs, lines = set[int](), list[_Line]()
        for line in reading.lines[::turn]:
            other = lines[-1] if lines else None
            is_pair = other and not line.is_sum and other.equals(line) and line.place in self.nameable
            if is_pair and other and (is_sure or pairs or self._says_less(line, other)):
                pairs.add(line.place)
                lines[-1] = line._replace(is_sum=True)
            else:
                lines.append(line)
        return pairs, lines[::turn]

    def _says_less(self, line: _Line, other: _Line) -> bool:
        """Whether a line leaves out a model or somebody that the other one names, or digits, or is of a longer time."""
        mine, its = self.told[line.place], self.told[other.place]
        if line.amount != other.amount or any(not mine[name] and its[name] for name in ("model", "key")):
            return True
        return bool(mine["period_end"] - mine["period_start"] > its["period_end"] - its["period_start"])


def _list_stack(stack: _Stack) -> Iterator[_Line]:
    while stack:
        line, stack = stack
        yield line


def _list_nameable(told: Sequence[Mapping[str, Any]]) -> set[int]:
    """The places of lines that may sum others, as they say: they name no model, and nobody whom the others do not, and
    have a name of their own or are of the time of all."""
    items, models = (Counter(one[name] for one in told) for name in ("line_item", "model"))
    keys, times = {one["key"] for one in told}, {(one["period_start"], one["period_end"]) for one in told}
    start, end = min(start for start, _ in times), max(end for _, end in times)
    found = set[int]()
    for place, one in enumerate(told):
        is_whole = (one["model"] or "").lower() in ("", *ALL_MODELS)
        is_named = items[one["line_item"]] == 1
        is_named = is_named and (is_whole or one["model"] == one["line_item"] and models[one["model"]] == 1)
        is_of_all = is_whole and one["period_start"] == start and one["period_end"] == end and len(times) > 1
        is_anybodys = one["key"] is None or len(keys) == 1 or place == len(told) - 1  # a last line is asked about
        found |= {place} if (is_named or is_of_all) and is_anybodys else set()
    return found
