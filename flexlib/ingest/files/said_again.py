"""Calls that a file says again: whether it says of each what was said before."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

import duckdb
import pyarrow as pa

from flexlib.errors import BadFile
from flexlib.formats import format_count
from flexlib.i18n import _
from flexlib.ingest.files.known import FIGURES, UNKNOWN
from flexlib.ingest.tables import TABLE_ROWS, mask_private
from flexlib.money.amounts import FILLED, PAID_IN_USD, drop_filled
from flexlib.privacy import PrivacyGuard
from flexlib.schema import USAGE

STANDARD = "standard"
"""The tier of a call of which none is said."""

MOST_WIDE = 200_000
"""Calls of two files that are held side by side in all their columns at a time: some 200 MB."""

IN_USD = f"""coalesce(CASE WHEN price_source IS NULL THEN amount_in_usd END, CASE WHEN proxy IS NULL
    OR proxy IN ({", ".join(f"'{one}'" for one in sorted(filter(None, PAID_IN_USD)))}) THEN cost END)"""
SAID = {
    **{name: name for name in USAGE.names if name not in (*FILLED, "id", "masked")},
    "tier": f"nullif(tier, '{STANDARD}')",
    "amount_in_usd": IN_USD,
    "amount_in_clp": "CASE WHEN fx_source IS NULL THEN amount_in_clp END",
}
"""What the source of a call said of it, in SQL, as `drop_filled` has it: equal in these, two calls are the same."""


def compare_calls(
    connection: duckdb.DuckDBPyConnection,
    found: str,
    known: str,
    names: dict[int, str],
    guard: PrivacyGuard,
    lifted: Iterable[str] = (),
) -> dict[str, int]:
    """Rows and tokens of the calls of `found` that stand in `known` too; both are views, `found` with its `file`.

    What is `lifted` out of the metadata flexlib 0.1.0 did not read: there the metadata alone says whether it is alike.
    No tier is the standard one, which an older flexlib did not read everywhere. Raises `BadFile`, with the name of the
    file, where the two say something else.
    """
    lifted = sorted(lifted)
    # By their hashes first: in all their columns millions of calls would not be held side by side in memory.
    apart = {name: f"hash({SAID[name]})" for name in lifted}
    hashed = ", ".join(sql for name, sql in SAID.items() if name not in apart)
    narrow = ", ".join(["id", "file", *FIGURES[1:], f"hash({hashed}) AS said", f"hash(1, {hashed}) AS said_too"])
    for name, sql in apart.items():
        narrow += f", CASE WHEN {name} IS NOT NULL THEN {sql} END AS said_{name}"
    differs = ["one.said <> other.said", "one.said_too <> other.said_too"]
    differs += [f"coalesce(other.said_{name} IS DISTINCT FROM one.said_{name} AND other.said_{name} IS NOT NULL, false)"
                for name in apart]  # fmt: skip
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE said_again AS
        SELECT one.id, {", ".join(f"one.{name}" for name in FIGURES[1:])}, {" OR ".join(differs)} AS differs
        FROM (SELECT {narrow} FROM {found}) one JOIN (SELECT {narrow} FROM {known}) other ON one.id = other.id""")
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in FIGURES[1:])
    ((*counts, wide),) = connection.execute(
        f"SELECT count(*), {sums}, count(*) FILTER (differs) FROM said_again"
    ).fetchall()
    changed: list[tuple[str, int, int]] = []
    pieces = -(-wide // MOST_WIDE)
    for piece in range(pieces):
        chosen = f"id IN (SELECT id FROM said_again WHERE differs AND hash(id) % {pieces} = {piece})"
        changed += _list_changed(connection, f"(FROM {found} WHERE {chosen})", f"(FROM {known} WHERE {chosen})",
                                 guard, lifted)  # fmt: skip
    connection.execute("DROP TABLE said_again")
    if changed:
        _refuse_changed(changed, names, is_stored=known == "stored")
    return dict(zip(FIGURES, counts, strict=True))


def _list_changed(
    connection: duckdb.DuckDBPyConnection, found: str, known: str, guard: PrivacyGuard, lifted: Iterable[str]
) -> list[tuple[str, int, int]]:
    """The id of each call of which the two say something else once both are masked, and the two files."""
    strict = PrivacyGuard(secret=guard.secret)  # what was stored was masked as was set then
    here = {name: f"found.{name}" for name in USAGE.names}
    there = {name: f"known.{name}" for name in USAGE.names}
    there |= {name: f"coalesce(known.{name}, found.{name})" for name in lifted}
    for sides in (here, there):
        sides["tier"] = f"nullif({sides['tier']}, '{STANDARD}')"
    columns = ", ".join(
        [f"{sql} AS {name}" for name, sql in here.items()]
        + [f"{sql} AS known_{name}" for name, sql in there.items()]
        + ["found.file", "known.file AS known_file"]
    )
    changed: list[tuple[str, int, int]] = []
    query = f"SELECT {columns} FROM {found} found JOIN {known} known ON found.id = known.id"
    for batch in connection.sql(query).to_arrow_reader(TABLE_ROWS):
        again, before = (
            mask_private(
                drop_filled(pa.Table.from_arrays(batch.columns[start : start + len(USAGE)], schema=USAGE)), strict
            )
            for start in (0, len(USAGE))
        )
        before, again = before.drop_columns("masked"), again.drop_columns("masked")
        if not before.equals(again):
            files = (batch.columns[place].to_pylist() for place in (-2, -1))
            rows = zip(before.to_pylist(), again.to_pylist(), *files, strict=True)
            changed += [(one["id"], *places) for one, other, *places in rows if one != other]
    return changed


def _refuse_changed(changed: list[tuple[str, int, int]], names: dict[int, str], *, is_stored: bool) -> None:
    first, file, other = min(changed)
    count = sum(number == file for _row, number, _said in changed)
    advice = _("import the newer of the two with --supersedes {other}")
    if not is_stored:  # none of the two is there yet
        advice = _("import both with --supersedes {other}, or {file} if that is the older")
    if other == UNKNOWN:
        advice = _("import all files of the month in one command, with --replace")
    raise BadFile(
        _("{names} says something else than {names_2} of {calls} of the same id, such as {first}; {advice}.").format(
            names=names[file],
            names_2=names[other],
            calls=format_count(count, "call"),
            first=first,
            advice=advice.format(other=quote(names[other]), file=quote(names[file])),
        )
    )
