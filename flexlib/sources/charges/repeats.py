"""What a bill says a second time: totals of its own rows, held against them, and lines that are equal in every column.

As of sums of calls (`doubled_rows`): two seats at one price are told by equal lines, and so is a page that was saved
twice. The file does not say which, and only whoever imports it can.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month
from flexlib.formats import format_plain
from flexlib.schema import CHARGES
from flexlib.sources.charges.amounts import EXACT, Sum
from flexlib.sources.charges.rows import Charge, Verdict
from flexlib.sources.charges.sums import find_sum_lines, has_run
from flexlib.sources.charges.texts import Texts
from flexlib.sources.files.files import list_columns, read_csv
from flexlib.sources.files.kinds import find_kind
from flexlib.sources.files.page_words import ASKING, find_word
from flexlib.sources.files.texts import read_raw

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

REPEATED_LINES = "repeated lines"
"""The kind of lines whose own id stands before."""

PAYMENTS = "payments"
"""The kind of lines that take off what all before them charge, or all since another one, and say that it was paid."""

_PAID = (
    r"(?i)(?:less:? )?(?:amounts? )?(?:already )?(?:paid|payments?|pagos?|pagad[oa]s?|zahlung|bezahlt|paiement|payé)\b"
)
PAYMENT = re.compile(
    rf"{_PAID}(?:\W+(?:received|made|recibidos?|realizados?|erhalten|reçu|thank|thanks|you|gracias|danke|merci|by|with|"
    r"via|on|of|from|in|full|con|mit|par|el|the|le|am|an?|your|su|credit\W+card|tarjeta|karte|carte|card|visa|"
    r"mastercard|amex|american|express|paypal|stripe|ach|sepa|wire|bank|transfer|check|cheque|ending|date|invoice|"
    r"factura|rechnung|facture|no|usd|eur|"
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|ember|tember|ober)?|x*\d+\w{0,2}))*\W*"
)
"""How a line of a payment is called, in whole: a credit of as much makes the bill less, and a payment does not."""

MAYBE_PAYMENT = re.compile(
    rf"{_PAID}(?!.*(?:credit(?! card)|cr[eé]dito|discount|refund|rebate|reversal|chargeback|descuento|reembolso|"
    r"devoluci|gutschrift|storno|abono|avoir|remboursement|plan|uso|usage|terms)).*"
)
"""How one is called that may be a payment."""

NAMES = ("line_item", "model", "unit")
"""Texts that say the same in other letters and with other blanks."""

ZERO = Decimal(0)

SAID = ["id", "period_start", "period_end", "line_item", "model", "key", "amount"]
"""What tells a row that sums others."""


@dataclass
class Repeats:
    """What was read of one file, held against what comes after it."""

    ids: dict[str, Charge] = field(default_factory=dict)
    """The first line with each id of the file's own."""
    spans: dict[int, int] = field(default_factory=dict)
    """How many lines of the file a row is where that is not one."""
    totals: list[tuple[Month | None, int, str, Decimal, list[Sum]]] = field(default_factory=list)
    before: dict[str, Sum] = field(default_factory=dict)
    """The rows so far by currency, and in `since` those after the last total."""
    since: dict[str, Sum] = field(default_factory=dict)
    paid: dict[str, Decimal] = field(default_factory=dict)
    """What was paid by currency."""
    payments: list[tuple[Month, int]] = field(default_factory=list)
    """Lines that may be payments, but of something else than all before them, with their months."""

    def judge(self, verdict: Verdict, row: Texts) -> Verdict:
        """The verdict, but of a line whose own id stands before: it is the same charge, or nobody knows which holds."""
        charge = verdict.charge
        if verdict.total:
            self._add_total(verdict.month, row.line, *verdict.total)
        if charge is None:
            return verdict
        if verdict.line_id and (first := self.ids.setdefault(verdict.line_id, charge)) is not charge:
            if first[1:] == charge[1:]:
                return Verdict(verdict.day, left_out=REPEATED_LINES)
            return Verdict(verdict.day, fault=f"line_id stands before with other content: {verdict.line_id}")
        name = (charge.line_item or "").strip()
        if charge.amount < 0 and (PAYMENT.fullmatch(name) or MAYBE_PAYMENT.fullmatch(name)):
            whole, paid = self.before.get(charge.currency, Sum()), self.paid.get(charge.currency, ZERO)
            is_whole = Sum(EXACT.subtract(whole.amount, paid)).is_charged_by(-charge.amount)
            if is_whole and PAYMENT.fullmatch(name):
                self.paid[charge.currency] = whole.amount
                return Verdict(verdict.day, left_out=PAYMENTS)
            self.payments.append((Month.containing(charge.period_start.date()), row.line))
        for sums in (self.before, self.since):
            sums.setdefault(charge.currency, Sum()).add(charge.amount)
        if row.lines > 1:
            self.spans[row.line] = row.lines
        return verdict

    def _add_total(self, month: Month | None, line: int, said: Decimal, currency: str) -> None:
        """One that names no currency is of the one that the rows have."""
        code = currency or next(iter(self.before), "")
        sums = [replace(one) for one in (self.before.get(code), self.since.pop(code, None)) if one]
        if code in self.paid:  # what is still due
            sums.append(Sum(EXACT.subtract(self.before[code].amount, self.paid[code]), self.before[code].rows))
        self.totals.append((month, line, code, said, sums))

    def list_totals(self) -> Iterator[tuple[Month | None, tuple[str, str, str]]]:
        """Each total of the file's own that sums neither all rows, nor those before it or since another one, and the
        month that it names: what it is called, what it says, and what all rows sum up to."""
        for month, line, currency, said, sums in self.totals:
            whole = self.before.get(currency, Sum())
            if not any(one.is_told_by(said) for one in (*sums, whole)):
                yield month, (f"amount of line {line}", format_plain(said), format_plain(whole.amount))

    def find_sums(self, rows: pa.Table) -> Iterator[tuple[Month, int]]:
        """Lines, each with its month, that charge what lines beside them sum up to, by a name that nobody foresaw."""
        import pyarrow.compute as pc

        for currency, whole in self.before.items():
            if any(code == currency and whole.is_told_by(said) for _, _, code, said, _ in self.totals):
                continue  # the bill itself says that each line counts
            mine = rows.filter(pc.and_(pc.equal(rows["currency"], currency), pc.not_equal(rows["amount"], ZERO)))
            amounts = mine["amount"].to_pylist()
            if has_run(amounts):  # next to none has one, and a bill may be long
                told = mine.select(SAID).to_pylist()
                for one in (told[place] for place in find_sum_lines(amounts, told)):
                    yield Month.containing(one["period_start"].date()), int(one["id"].rpartition("-")[2])

    def count_doubled(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: Path,
        rows: pa.Table,
        fed: Collection[str],
        delimiter: str | None,
    ) -> Counter[Month]:
        """How many lines of each month say what one before them says, however they write it, and charge something; but
        for the columns that `fed` the rows, to the letter."""
        alike = {name: f"lower(trim(regexp_replace({name}, '\\s+', ' ', 'g')))" for name in NAMES}
        said = ", ".join(alike.get(name, name) for name in CHARGES.names if name != "id")
        lines = "list(regexp_extract(id, '[0-9]+$')::BIGINT)"
        connection.register("charges", rows)
        groups = connection.execute(
            f"SELECT period_start, {lines} FROM charges WHERE amount <> 0 GROUP BY {said} HAVING count(*) > 1"
        ).fetchall()
        asked = {line: self.spans.get(line, 1) for _, group in groups for line in group}
        texts = _read_rest(connection, file, asked, fed, delimiter)
        found = Counter[Month]()
        for start, group in groups:
            found[Month.containing(start.date())] += len(group) - len({texts[line] for line in group})
        return found


def _read_rest(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    spans: dict[int, int],
    fed: Collection[str],
    delimiter: str | None,
) -> dict[int, str]:
    """What the rows that begin at each line of `spans` say in columns that fed nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if find_kind(file) == "csv":
        columns = [column for column in list_columns(file, delimiter) if column not in fed] if spans else []
        others = {f"other {place}": column for place, column in enumerate(columns)}
        found = dict.fromkeys(spans, "")
        for piece in read_csv(file, {}, delimiter, others) if others else ():
            for row in piece.filter(pc.is_in(piece["line"], pa.array(spans, piece["line"].type))).to_pylist():
                found[row["line"]] = repr([(row[name] or b"").strip() for name in others])
        return found
    texts = {line: json.loads(text) for line, text in read_raw(connection, file, spans).items()}
    for row in texts.values():
        row.pop("file_row_number", None)
        for column in fed:
            _drop_column(row, column)
    return {line: _drop_paging(row) for line, row in texts.items()}


def _drop_column(row: dict[str, Any], column: str) -> None:
    key, _, rest = column.partition(".")
    if column in row:
        del row[column]
    elif rest and isinstance(inner := row.get(key), dict):
        _drop_column(inner, rest)


def _drop_paging(row: dict[str, Any]) -> str:
    inner = {name: _keep_own(value) if isinstance(value, dict) else value for name, value in row.items()}
    return json.dumps(_keep_own(inner), sort_keys=True)


def _keep_own(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if find_word(name) not in ASKING}
