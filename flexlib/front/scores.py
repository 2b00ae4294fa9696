"""Public scores of models, out of a dated file that the reader brings."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flexlib.analysis.accepted import Interval, find_interval
from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.names import match_model
from flexlib.nesting import Unreadable, explain_line
from flexlib.refusals import explain_refusal

COLUMNS = ("model", "score", "cases", "date")
"""Of the file, others may follow: the score in percent of so many cases, as it was on the date."""


@dataclass(frozen=True)
class Scores:
    """The scores of one file: of each model, by `names.match_model`, the day and the interval of 95 % for its share."""

    name: str
    by_model: dict[str, tuple[date, Interval]]

    @property
    def last_day(self) -> date:
        return max(day for day, __ in self.by_model.values())

    def compare(self, here: str, there: str) -> str | None:
        """`lower` or `higher` where the intervals of the two part, else `not told apart`, in the reader's language;
        None where one has none."""
        found = [self.by_model.get(match_model(model)) for model in (here, there)]
        if found[0] is None or found[1] is None:
            return None
        (low, high), (other_low, other_high) = found[0][1], found[1][1]
        return _("lower") if other_high < low else _("higher") if other_low > high else _("not told apart")


def read_scores(path: Path) -> Scores:
    """The scores of a CSV of `COLUMNS`; of a model that stands in it twice the newest. Raises `BadFile`."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(
            _("{path} cannot be read ({error}); give a CSV of {columns}.").format(
                path=path, error=explain_refusal(error), columns=",".join(COLUMNS)
            )
        ) from error
    if not rows or not {*COLUMNS} <= rows[0].keys():
        raise BadFile(
            _("{path} is no file of scores; its first line must name {columns}, a model a line.").format(
                path=path, columns=",".join(COLUMNS)
            )
        )
    found: dict[str, tuple[date, Interval]] = {}
    for number, row in enumerate(rows, 2):
        try:
            share, cases, day = float(row["score"]) / 100, int(row["cases"]), date.fromisoformat(row["date"])
            if not (0 <= share <= 1 and cases > 0):
                raise Unreadable(_("a score is 0 to 100 percent, of 1 case or more"))
        except (TypeError, ValueError) as error:
            raise BadFile(
                _("{path}, line {number} cannot be read: {error}; fix this line.").format(
                    path=path, number=number, error=explain_line(error)
                )
            ) from error
        key = match_model(row["model"])
        if key not in found or found[key][0] <= day:
            found[key] = day, find_interval(share * cases, cases)
    return Scores(path.name, found)
