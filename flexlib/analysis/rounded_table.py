"""A table in whole numbers that adds up both ways, and in which what is whole stays as it is.

Every cell, every sum of a line or column, and the sum of all is its exact one or the next whole number below or
above: of two dimensions there always is such a table. A line's sum stands beside its cells as one cell more, of the
other sign, so that each line comes to 0, and cells and sums are rounded by one rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from heapq import heappop, heappush
from itertools import pairwise, product
from typing import TypeAlias

from flexlib.analysis.allocation import Number, extend_parts

SUM = ""
"""The column of the lines' sums; no item is called so."""
Move: TypeAlias = tuple[int, int, str]
"""What a move costs, the place of its line among equals, and the line's name: the least is the best."""


def round_table(cells: Mapping[str, Mapping[str, Number]], own: str = SUM) -> dict[str, dict[str, int]]:
    """Whole numbers in place of the cells of a table, by line and column; each line and column of them sums to its
    exact sum or the next whole number below or above, and all of them to the sum of the cells, rounded half to even.

    The column `own` sums to its own sum rounded so, as it stands elsewhere: what rounding moves is the other columns'.
    No order of lines or columns changes anything.

    >>> part = Fraction(3, 5)
    >>> round_table({"a": {"use": part, "shared": -part}, "b": {"shared": part}})
    {'a': {'use': 1, 'shared': -1}, 'b': {'shared': 1}}
    """
    steps, whole = extend_parts({(name, one): part for name, line in cells.items() for one, part in line.items()})
    table = _Table({name: {one: steps[name, one] for one in line} for name, line in cells.items()}, whole)
    exact = Fraction(-table.sums[SUM], whole)
    table.lows[SUM] = table.highs[SUM] = -round(exact)
    if own in table.sums and own != SUM:
        mine = Fraction(table.sums[own], whole)
        # Not where halves that go to even on both sides would move one of the others by 1.
        if abs(round(exact) - round(mine) - (exact - mine)) < 1:
            table.lows[own] = table.highs[own] = round(mine)
    while path := table.find_path():
        for move in pairwise(path):
            table.move(*move)
    return {name: {one: table.read(name, one) for one in line} for name, line in cells.items()}


class _Table:
    """Lines that are each rounded as near as can be, and then moved, the nearest first, until columns add up, too."""

    def __init__(self, lines: Mapping[str, Mapping[str, int]], whole: int) -> None:
        """`lines`: in steps of which `whole` are 1."""
        totals = {name: sum(line.values()) for name, line in lines.items()}
        columns = [*sorted({one for line in lines.values() for one in line}), SUM]
        self.sums, self.heights = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0)
        """Of the columns: exact in steps, and as their cells are rounded."""
        self._floors: dict[str, dict[str, int]] = {}
        self._rests: dict[str, dict[str, int]] = {}
        """What is cut off, of the cells that are not whole."""
        self._raised: dict[str, set[str]] = {}
        """The cells that are the whole number above."""
        self._places: dict[str, int] = {}
        self._moves: dict[tuple[str, str], list[Move]] = {}
        """The lines that may lower their cell in one column and raise it in another; some of them no longer."""
        for place, name in enumerate(sorted(lines, key=lambda name: (-abs(totals[name]), name))):
            line = {one: lines[name][one] for one in columns if one in lines[name]} | {SUM: -totals[name]}
            rests = {one: steps % whole for one, steps in line.items() if steps % whole}
            missing = sum(rests.values()) // whole
            self._floors[name] = {one: steps // whole for one, steps in line.items()}
            self._rests[name], self._places[name] = rests, place
            self._raised[name] = {*sorted(rests, key=lambda one: -rests[one])[:missing]}
            for one, steps in line.items():
                self.sums[one] += steps
                self.heights[one] += self.read(name, one)
            self._offer(name, product(self._raised[name], rests.keys() - self._raised[name]))
        self.lows = {one: steps // whole for one, steps in self.sums.items()}
        self.highs = {one: -(-steps // whole) for one, steps in self.sums.items()}

    def read(self, name: str, column: str) -> int:
        return self._floors[name][column] + (column in self._raised[name])

    def find_path(self) -> tuple[str, ...]:
        """Columns from one that is too high to one that may be higher, or from one that may be lower to one that is too
        low, by the moves that cost least; none where all add up. As there is such a table, there is a path to it."""
        over = [one for one, height in self.heights.items() if height > self.highs[one]]
        under = [one for one, height in self.heights.items() if height < self.lows[one]]
        if not over and not under:
            return ()
        starts = over or [one for one, height in self.heights.items() if height > self.lows[one]]
        ends = [one for one, height in self.heights.items() if height < self.highs[one]] if over else under
        best: dict[str, tuple[int, tuple[str, ...]]] = {one: (0, (one,)) for one in starts}
        is_done = False
        while not is_done:
            is_done = True
            for one, (cost, path) in list(best.items()):
                for other in self.heights:
                    move = None if other in path else self._find_move(one, other)
                    if move and (other not in best or cost + move[0] < best[other][0]):
                        best[other], is_done = (cost + move[0], (*path, other)), False
        return min(best[one] for one in ends if one in best)[1]

    def move(self, column: str, other: str) -> None:
        """Lowers a cell of one column and raises that of the other in the same line, where it costs least."""
        found = self._find_move(column, other)
        assert found
        name = found[2]
        raised = self._raised[name]
        raised.remove(column)
        raised.add(other)
        self.heights[column] -= 1
        self.heights[other] += 1
        lowered = self._rests[name].keys() - raised
        self._offer(name, ((one, each) for one, each in product(raised, lowered) if one == other or each == column))

    def _find_move(self, column: str, other: str) -> Move | None:
        moves = self._moves.get((column, other), [])
        while moves and not (column in self._raised[moves[0][2]] and other not in self._raised[moves[0][2]]):
            heappop(moves)
        return moves[0] if moves else None

    def _offer(self, name: str, pairs: Iterable[tuple[str, str]]) -> None:
        rests = self._rests[name]
        for column, other in pairs:
            # Of equal sums the larger is raised, and the smaller lowered.
            place = self._places[name] if other != SUM else -self._places[name]
            heappush(self._moves.setdefault((column, other), []), (rests[column] - rests[other], place, name))
