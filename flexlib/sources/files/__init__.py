"""Calls to LLMs out of a CSV, JSON or Parquet: bytes in, rows of the usage schema out, a month at a time.

Every value is read as text first, so that a bad one is seen and not guessed. A row that cannot be taken is quarantined
with its line, its raw text and the reason; it is never dropped and never a zero.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.formats import format_number, format_plain
from flexlib.i18n import _
from flexlib.privacy import PrivacyGuard
from flexlib.schema import USAGE
from flexlib.sources.files.json_rows import write_json_lines
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.pages import Page
from flexlib.sources.files.rows import judge_rows
from flexlib.sources.files.texts import quote, read_raw
from flexlib.sources.registry import RefusedRow
from flexlib.stored_notes import tell_reasons

MEMORY = "160MB"
"""From here on what was read goes to the system's temporary folder: with it 20 million calls take less than 1 GB."""

GROUP = (
    *("created_at", "provider", "model", "proxy", "task_type", "usable_type", "usable_id", "usable_key", "tier"),
    *("status", "metadata", "rest"),
)
"""What says of which calls a sum is, all but its counts and amounts; `rest` is what stands in columns of no field."""

PASTED = 3
"""One call in so many that says what another of its millisecond says makes a file that was pasted into itself."""


@dataclass(frozen=True)
class MonthCounts:
    """What a file holds of one month, counted over the file's rows; tokens of the rows that are taken."""

    rows_read: int
    """Those that are no calls among them."""
    rows: int
    """Rows taken."""
    duplicate_rows: int
    """Rows whose request id and content stand in an earlier row."""
    quarantined_rows: int
    """Those with a time in this month, and those whose month is unknown, which count in every month of the file."""
    undated_rows: int
    """Those of unknown month among them."""
    repeated_rows: int
    """Rows taken whose time stands in an hour that the clock showed twice."""
    prompt_tokens: int
    completion_tokens: int


class CallFile:
    """A file of calls, read and judged; its months are read one at a time."""

    def __init__(
        self,
        file: Path,
        mapping: CallMapping,
        connection: duckdb.DuckDBPyConnection,
        empty: set[str],
        pages: list[Page],
    ) -> None:
        self.file = file
        self.pages = pages
        """Those of a file that is made of them."""
        self.empty_columns = empty
        """Columns of `schema.USAGE` in which no call of the file has a value."""
        self.lifted = mapping.lifted
        """Fields that a column of the metadata feeds by its name."""
        self.connection = connection
        """Where the calls are, so that they can be joined with others; what memory does not hold is on the disk."""

    @property
    def own_totals(self) -> list[tuple[str, str, str]]:
        """Totals that the file says of itself, and what its rows sum up to, where that is something else."""
        found = self._query("SELECT name, said, found FROM own_totals ORDER BY name")
        told = [(name, format_plain(Decimal(said)), format_plain(Decimal(sums))) for name, said, sums in found]
        return [one for page in self.pages for one in page.differs] + told

    @property
    def outside(self) -> pa.Table:
        """The `id` of each call that was made in something that is not in the file, and the `parent` that is that."""
        return self.connection.table("outside").to_arrow_table()

    @property
    def doubtful(self) -> set[str]:
        """The ids of calls that count, and may be of another session."""
        found = self._query("SELECT id FROM calls WHERE fault IS NULL AND has_own_id AND line IN (FROM doubtful)")
        return {name for (name,) in found}

    @cached_property
    def months(self) -> list[Month]:
        """Every month that a row of the file lies in, taken or not, in order."""
        found = self._query(
            "SELECT DISTINCT year(created_at), month(created_at) FROM calls WHERE created_at IS NOT NULL"
        )
        return sorted(Month(*one) for one in found)

    def count_month(self, month: Month) -> MonthCounts:
        """How many rows and tokens the file has of the month."""
        taken, others = "fault IS NULL AND NOT is_duplicate", sum(self.left_out(month).values())
        counts = self._query(f"""
            SELECT count(*) + {others}, count(*) FILTER ({taken}), count(*) FILTER (is_duplicate), count(fault),
                count(*) FILTER (created_at IS NULL), count(*) FILTER ({taken} AND is_repeated),
                coalesce(sum(prompt_tokens) FILTER ({taken}), 0), coalesce(sum(completion_tokens) FILTER ({taken}), 0)
            FROM calls WHERE {select_month(month)} OR created_at IS NULL""")
        return MonthCounts(*counts[0])

    def count_doubled(self, month: Month) -> int:
        """How many sums of calls say that they are of the same period, model and whatever else as one before them: an
        export groups by those, so that a column is missing, or the calls count twice. Those with an id are told apart.
        A row that may be the total of the one before it is another. So are calls of less than a second that each come
        again, but for few: a file that was pasted into itself.
        """
        found = self._query(f"""
            SELECT coalesce(sum(rows - 1), 0)::BIGINT + (
                SELECT count(*) FROM calls WHERE {select_month(month)} AND fault IS NULL AND line IN (FROM doubtful))
            FROM (
                SELECT count(*) AS rows FROM calls
                WHERE {select_month(month)} AND grain <> 'call' AND fault IS NULL AND NOT is_repeated AND NOT has_own_id
                GROUP BY grain, {", ".join(GROUP)} HAVING count(*) > 1)""")
        if not self._query("SELECT 1 FROM duckdb_tables() WHERE table_name = 'again'"):
            return int(found[0][0])
        ((twice, calls),) = self._query(f"""
            SELECT count(again_line), count(*) FROM calls LEFT JOIN again ON line = again_line
            WHERE {select_month(month)} AND grain = 'call' AND calls.fault IS NULL AND NOT has_own_id
                AND created_at <> date_trunc('second', created_at)""")
        return int(found[0][0]) + (twice if twice * PASTED > calls else 0)

    def sum_free(self, month: Month) -> tuple[int, Decimal]:
        """How many rows of the month cost nothing though they carry an amount, and the US$ that they say."""
        if "free_usd" not in self.connection.table("judged").columns:
            return 0, Decimal()
        ((rows, usd),) = self._query(f"""
            SELECT count(free_usd), coalesce(sum(free_usd), 0) FROM calls
            WHERE {select_month(month)} AND fault IS NULL AND NOT is_duplicate""")
        return int(rows), Decimal(usd)

    def left_out(self, month: Month) -> dict[str, int]:
        """Rows that are no calls, by kind: those of the month, and those without a time, which count in every month."""
        found = self._query(f"""
            SELECT kind, count(*) FROM left_out WHERE month = DATE '{month.first}' OR month IS NULL
            GROUP BY kind ORDER BY kind""")
        return dict(found)

    def count_held_days(self, month: Month) -> dict[str, int]:
        """How many rows of each day of the month, `2025-09-03`, cannot be taken."""
        held = f"FROM calls WHERE fault IS NOT NULL AND {select_month(month)}"
        return dict(self._query(f"SELECT created_at::DATE::VARCHAR AS day, count(*) {held} GROUP BY day ORDER BY day"))

    def read_month(self, month: Month | None = None) -> duckdb.DuckDBPyRelation:
        """The calls of the month (default: of the file), in no order: the columns of `schema.USAGE`, and `has_own_id`,
        whether the file gives the id. Of `connection`, read when used.
        """
        where = select_month(month) if month else "true"
        taken = self.connection.view("calls").filter(f"{where} AND fault IS NULL AND NOT is_duplicate")
        return taken.select(*USAGE.names, "has_own_id")

    def list_people(self, month: Month) -> dict[str, dict[str, str]]:
        """E-mails that stood for the usable, by the opaque key that stands for them now; no names."""
        found = self._query(f"""
            SELECT DISTINCT usable_key, email FROM calls
            WHERE {select_month(month)} AND fault IS NULL AND email IS NOT NULL ORDER BY usable_key, email""")
        return {key: {"email": email, "name": ""} for key, email in found}

    def list_quarantined(self, month: Month | None = None) -> list[RefusedRow]:
        """The rows of the month (default: of the file) that cannot be taken, and those of unknown month, by line."""
        where = f"({select_month(month)} OR created_at IS NULL)" if month else "true"
        found = self._query(f"SELECT line, lines, fault FROM calls WHERE fault IS NOT NULL AND {where} ORDER BY line")
        texts = read_raw(self.connection, self.file, {line: lines for line, lines, _ in found})
        return [RefusedRow(line, reason, texts[line]) for line, _, reason in found]

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()


@contextmanager
def read_calls(
    file: Path, mapping: CallMapping, name: str | None = None, *, is_distinct: bool = False
) -> Iterator[CallFile]:
    """The calls of `file`, read as `mapping` says; `name` is what sentences call it. Those that are `is_distinct` are
    calls of their own where what is made in them may be counted in them.

    Raises `BadFile` when it cannot be read, lacks a column, holds no rows, or none with a time.
    """
    with tempfile.TemporaryDirectory(prefix="flexlib-") as folder, duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = {quote(folder)}; SET memory_limit = '{MEMORY}'")
        # Rows have a line: kept in order within the memory, they would be made by one thread at a time.
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        with name_in_errors(file, name):
            lines, pages = write_json_lines(file, mapping.asked, Path(folder))
            with name_in_errors(lines, file.name):
                calls = CallFile(
                    lines, mapping, connection, judge_rows(connection, lines, mapping, is_distinct=is_distinct), pages
                )
            if not calls.months:
                check_taken(calls, file.name)
        yield calls


@contextmanager
def name_in_errors(file: Path, name: str | None) -> Iterator[None]:
    """Calls `file` by the name that its reader knows in what it raises: a copy in a scratch folder has another."""
    try:
        yield
    except BadFile as error:
        said = PrivacyGuard(("key", "email")).mask_text(str(error).replace(file.name, "\0"))
        if (clean := said.replace("\0", name or file.name)) == str(error):
            raise
        error.args = (clean,)
        raise


def check_taken(calls: CallFile, name: str) -> None:
    """Raises `BadFile` where no row can be taken: stored, the failed try would stand in its months and in the way."""
    if not any(calls.count_month(month).rows for month in calls.months):
        raise BadFile(_explain_empty(calls, name))


def _explain_empty(calls: CallFile, name: str) -> str:
    if bad := calls.list_quarantined():
        said = _("{name} holds no row that can be taken; line {line}: {reason}.")
        return said.format(name=name, line=bad[0].line, reason=tell_reasons(bad[0].reason))
    others = calls.connection.execute("SELECT kind, count(*) FROM left_out GROUP BY kind ORDER BY kind").fetchall()
    if not others:
        return _("{name} holds no rows; export it again.").format(name=name)
    kinds = ", ".join(f"{kind} ({format_number(rows)})" for kind, rows in others)
    return _("{name} holds no calls; its rows are {kinds}.").format(name=name, kinds=kinds)


def select_month(month: Month) -> str:
    """SQL that is true of the rows of a month."""
    return f"created_at >= TIMESTAMP '{month.first}' AND created_at < TIMESTAMP '{month.next.first}'"
