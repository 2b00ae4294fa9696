"""Public scores of models, out of a dated file that the reader brings."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flexlib.analysis.accepted import Interval, find_interval
from flexlib.errors import BadFile
from flexlib.names import match_model

COLUMNS = ("model", "score", "cases", "date")
"""Of the file, others may follow: the score in percent of so many cases, as it was on the date."""


@dataclass(frozen=True)
class Score:
    """The share of cases that a model solved, in percent, and within which 95 of 100 such tables would put it."""

    percent: float
    cases: int
    within: Interval
    day: date


@dataclass(frozen=True)
class Scores:
    """The scores of one file, by `names.match_model`."""

    name: str
    by_model: dict[str, Score]

    @property
    def last_day(self) -> date:
        return max(one.day for one in self.by_model.values())

    def find(self, model: str) -> Score | None:
        return self.by_model.get(match_model(model))

    def compare(self, here: str, there: str) -> str | None:
        """`lower` or `higher` where the intervals of the two part, else `not told apart`; None where one has none."""
        one, other = self.find(here), self.find(there)
        if one is None or other is None:
            return None
        if other.within[1] < one.within[0]:
            return "lower"
        return "higher" if other.within[0] > one.within[1] else "not told apart"


def read_scores(path: Path) -> Scores:
    """The scores of a CSV of `COLUMNS`; of a model that stands in it twice the newest. Raises `BadFile`."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read ({error}); give a CSV of {','.join(COLUMNS)}.") from error
    if not rows or not {*COLUMNS} <= rows[0].keys():
        raise BadFile(
            f"{path} is no file of scores; its first line must name {','.join(COLUMNS)}, a model a line follows."
        )
    found: dict[str, Score] = {}
    for number, row in enumerate(rows, 2):
        try:
            percent, cases, day = float(row["score"]), int(row["cases"]), date.fromisoformat(row["date"])
            if not (0 <= percent <= 100 and cases > 0):
                raise ValueError("a score is 0 to 100 percent, of 1 case or more")
        except (TypeError, ValueError) as error:
            raise BadFile(f"{path}, line {number} cannot be read: {error}; fix this line.") from error
        low, high = find_interval(percent / 100 * cases, cases)
        key = match_model(row["model"])
        if key not in found or found[key].day <= day:
            found[key] = Score(percent, cases, (100 * low, 100 * high), day)
    return Scores(path.name, found)
