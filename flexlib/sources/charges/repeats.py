"""What a bill says a second time: totals of its own rows, held against them, and lines that are equal in every column.

As of sums of calls (`doubled_rows`): two seats at one price are told by equal lines, and so is a page that was saved
twice. The file does not say which, and only whoever imports it can.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month
from flexlib.formats import format_plain
from flexlib.schema import CHARGES
from flexlib.sources.charges.amounts import EXACT
from flexlib.sources.charges.rows import Charge, Verdict
from flexlib.sources.charges.texts import Texts
from flexlib.sources.files.ids import HALF_A_CENT
from flexlib.sources.files.kinds import find_kind
from flexlib.sources.files.meaning import ALL_MODELS
from flexlib.sources.files.page_words import ASKING, find_word
from flexlib.sources.files.texts import read_raw

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

REPEATED_LINES = "repeated lines"
"""The kind of lines whose own id stands before."""

SAID = ["id", "period_start", "period_end", "line_item", "model", "amount", "currency"]
"""What tells a row that sums others."""

ZERO = Decimal(0)


@dataclass
class _Sum:
    """The rows of one currency up to one of them."""

    amount: Decimal = ZERO
    rows: int = 0

    def add(self, amount: Decimal) -> None:
        self.amount, self.rows = EXACT.add(self.amount, amount), self.rows + 1

    def is_told_by(self, said: Decimal) -> bool:
        """Whether a total says it, as far as it and the rows may be rounded."""
        half = Decimal(HALF_A_CENT)
        return abs(EXACT.subtract(said, self.amount)) <= half + min(half * self.rows, abs(said) / 100)


@dataclass
class Repeats:
    """What was read of one file, held against what comes after it."""

    ids: dict[str, Charge] = field(default_factory=dict)
    """The first line with each id of the file's own."""
    spans: dict[int, int] = field(default_factory=dict)
    """How many lines of the file a row is where that is not one."""
    totals: list[tuple[Month | None, int, str, Decimal, list[_Sum]]] = field(default_factory=list)
    last: dict[str, Charge] = field(default_factory=dict)
    """The last row of each currency that charges something."""
    before: dict[str, _Sum] = field(default_factory=dict)
    """The rows so far by currency, and in `since` those after the last total."""
    since: dict[str, _Sum] = field(default_factory=dict)

    def judge(self, verdict: Verdict, row: Texts) -> Verdict:
        """The verdict, but of a line whose own id stands before: it is the same charge, or nobody knows which holds."""
        charge = verdict.charge
        if verdict.total:
            self._add_total(verdict.month, row.line, *verdict.total)
        if charge is None:
            return verdict
        if verdict.line_id and (first := self.ids.setdefault(verdict.line_id, charge)) is not charge:
            if first[1:] == charge[1:]:
                return Verdict(verdict.month, left_out=REPEATED_LINES)
            return Verdict(verdict.month, fault=f"line_id stands before with other content: {verdict.line_id}")
        for sums in (self.before, self.since):
            sums.setdefault(charge.currency, _Sum()).add(charge.amount)
        if charge.amount:
            self.last[charge.currency] = charge
        if row.lines > 1:
            self.spans[row.line] = row.lines
        return verdict

    def _add_total(self, month: Month | None, line: int, said: Decimal, currency: str) -> None:
        """One that names no currency is of the one that the rows have."""
        code = currency or next(iter(self.before), "")
        sums = [replace(one) for one in (self.before.get(code), self.since.pop(code, None)) if one]
        self.totals.append((month, line, code, said, sums))

    def list_totals(self) -> Iterator[tuple[Month | None, tuple[str, str, str]]]:
        """Each total of the file's own that sums neither all rows, nor those before it or since another one, and the
        month that it names: what it is called, what it says, and what all rows sum up to."""
        for month, line, currency, said, sums in self.totals:
            whole = self.before.get(currency, _Sum())
            if not any(one.is_told_by(said) for one in (*sums, whole)):
                yield month, (f"amount of line {line}", format_plain(said), format_plain(whole.amount))

    def find_sums(self, rows: pa.Table) -> Iterator[tuple[Month, int]]:
        """The line, and its month, that is the last of its currency, names no model, and charges what all rows before
        it charge: a total by a name that nobody foresaw. It has a name of its own, or is of the time of all of them;
        and where it is one row before it, that one names a model."""
        for last in self.last.values():
            spare = HALF_A_CENT if last.amount == round(last.amount, 2) else 0
            above = EXACT.subtract(self.before[last.currency].amount, last.amount)
            if abs(EXACT.subtract(above, last.amount)) > min(Decimal(spare), abs(last.amount) / 100):
                continue
            charged = [one for one in rows.select(SAID).to_pylist() if one["amount"] and one["id"] != last.id]
            others = [one for one in charged if one["currency"] == last.currency]
            models = {one["model"] for one in others}
            is_whole = (last.model or "").lower() in ("", *ALL_MODELS)
            is_named = last.line_item not in {one["line_item"] for one in others}
            is_named = is_named and (is_whole or last.model == last.line_item and last.model not in models)
            starts, ends = ({one[name] for one in others} for name in ("period_start", "period_end"))
            is_of_all = is_whole and last.period_start <= min(starts) and last.period_end >= max(ends)
            if (is_named or is_of_all) and (len(others) > 1 or is_whole and models != {None}):
                yield Month.containing(last.period_start.date()), int(last.id.rpartition("-")[2])

    def count_doubled(self, connection: duckdb.DuckDBPyConnection, file: Path, rows: pa.Table) -> Counter[Month]:
        """How many lines of each month say what one before them says, in columns that feed no field too, and charge
        something."""
        said = ", ".join(name for name in CHARGES.names if name != "id")
        lines = "list(regexp_extract(id, '[0-9]+$')::BIGINT)"
        connection.register("charges", rows)
        groups = connection.execute(
            f"SELECT period_start, {lines} FROM charges WHERE amount <> 0 GROUP BY {said} HAVING count(*) > 1"
        ).fetchall()
        asked = {line: self.spans.get(line, 1) for _, group in groups for line in group}
        texts, is_lines = read_raw(connection, file, asked), find_kind(file) == "jsonl"
        found = Counter[Month]()
        for start, group in groups:
            same = {_drop_paging(texts[line]) if is_lines else texts[line] for line in group}
            found[Month.containing(start.date())] += len(group) - len(same)
        return found


def _drop_paging(text: str) -> str:
    row: dict[str, Any] = json.loads(text)
    inner = {name: _keep_own(value) if isinstance(value, dict) else value for name, value in row.items()}
    return json.dumps(_keep_own(inner), sort_keys=True)


def _keep_own(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if find_word(name) not in ASKING}
