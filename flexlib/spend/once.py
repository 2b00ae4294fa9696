"""Each call in one place only, though two sources hold it; and how many calls may be double without anybody knowing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from typing import TYPE_CHECKING

from flexlib.formats import format_number
from flexlib.i18n import translate_count
from flexlib.money.moved_calls import FARTHEST
from flexlib.money.same_calls import CLOCKS
from flexlib.sources.registry import IMPORT

if TYPE_CHECKING:
    import duckdb

    from flexlib.dates import Month

    Sources = list[tuple[str, duckdb.DuckDBPyRelation]]
    CountRows = Callable[[duckdb.DuckDBPyRelation], int]

CONTENT = ("provider", "model", "prompt_tokens", "completion_tokens")
COMPARED = ("id", *CONTENT, "created_at", "amount_in_usd")
EDGE = "INTERVAL 1 DAY"
"""How far from the end of a month one call may stand on both sides of it: clocks of two sources differ by less."""
NEAR = 2 * FARTHEST
"""Seconds on each side of an edge in which calls are held against each other: what another zone moves, and as much
again, in which what is asked twice a day shows its own rhythm."""
SAME_CONTENT = " AND ".join(f"here.{name} = there.{name}" for name in CONTENT)
SAME_CALL = f"here.id = there.id AND {SAME_CONTENT}"
# Logs mostly have milliseconds.
SAME_MOMENT = (
    f"{SAME_CONTENT} AND here.id <> there.id "
    "AND date_trunc('millisecond', here.created_at) = date_trunc('millisecond', there.created_at)"
)
ONLY_THERE = "here.amount_in_usd IS NULL AND there.amount_in_usd IS NOT NULL"
ONLY_HERE = "here.amount_in_usd IS NOT NULL AND there.amount_in_usd IS NULL"


def is_near(month: Month, seconds: int = NEAR) -> str:
    """Whether `created_at` is within so many seconds of the month's first moment, in SQL."""
    edge, reach = f"DATE '{month.first}'", f"({CLOCKS} + to_seconds({seconds}))"
    return f"created_at BETWEEN {edge} - {reach} AND {edge} + {reach}"


def drop_calls(
    sources: Sources, ids: Mapping[Month, Collection[str]], count: CountRows
) -> tuple[Sources, list[tuple[str, int]]]:
    """The relations without the imported calls of these ids that are near these edges, and how many those are: farther
    away another call may have the id, as of exports that number their calls."""
    if not ids:
        return sources, []
    listed = {edge: ", ".join("'{}'".format(one.replace("'", "''")) for one in sorted(ids[edge])) for edge in ids}
    goes = " OR ".join(f"(id IN ({texts}) AND {is_near(edge)})" for edge, texts in listed.items())
    kept: Sources = []
    dropped = []
    for source, rows in sources:
        if source == IMPORT.name and (met := count(rows.filter(goes))):
            dropped.append((source, met))
            rows = rows.filter(f"NOT ({goes})")
        kept.append((source, rows))
    return kept, dropped


def drop_counted_beside(
    sources: Sources, before: Sources, after: Sources, month: Month, count: CountRows
) -> tuple[Sources, list[tuple[str, int]], int]:
    """The relations without the calls that count in the month beside theirs, of which a source has them too; how many
    those are, and how many more only share their id with one of the month before.

    They count in the earlier month, but where only the later one knows their amount. That source may be the same: two
    files of one log may put a call on both sides."""
    kept: Sources = []
    repeated, same_ids = [], 0
    late = [_join([rows]).filter(f"created_at >= DATE '{month.first}' - {EDGE}") for _, rows in before]
    early = [_join([rows]).filter(f"created_at < DATE '{month.next.first}' + {EDGE}") for _, rows in after]
    for source, rows in sources:
        for others, reaches, counts_there in (
            (late, f"created_at < DATE '{month.first}' + {EDGE}", f"{SAME_CALL} AND NOT ({ONLY_HERE})"),
            (early, f"created_at >= DATE '{month.next.first}' - {EDGE}", f"{SAME_CALL} AND {ONLY_THERE}"),
        ):
            if not others:
                continue
            near, there = rows.filter(reaches), _join(others)
            if others is late:
                same_ids += count(_meet(near, there, "here.id = there.id"))
                same_ids -= count(_meet(near, there, SAME_CALL))
            if met := count(_meet(near, there, counts_there)):
                repeated.append((source, met))
                rows = _meet(rows, there, counts_there, "anti")
        kept.append((source, rows))
    return kept, repeated, same_ids


def count_once(
    sources: Sources, settled: Collection[str], count: CountRows
) -> tuple[list[duckdb.DuckDBPyRelation], list[tuple[str, int]], int, int]:
    """The relations, each call in one of them; how many others hold too, share an id with, or are alike: of imported
    calls without those of the ids in `settled`."""
    import duckdb
    import pyarrow as pa

    kept: list[duckdb.DuckDBPyRelation] = []
    repeated = []
    same_ids = lookalikes = 0
    for source, rows in sources:
        if kept:
            earlier = _join(kept)
            own, others = _meet(rows, earlier, SAME_CALL, "anti"), _meet(earlier, rows, SAME_CALL, "anti")
            same_ids += count(_meet(own, others, "here.id = there.id"))
            if settled and source == IMPORT.name:
                ids = duckdb.from_arrow(pa.table({"id": sorted(settled)}))
                own = _meet(own, ids, "here.id = there.id", "anti")
            lookalikes += count(_meet(own, others, SAME_MOMENT))
            if met := count(_meet(rows, earlier, SAME_CALL)):
                repeated.append((source, met))
                if count(_meet(earlier, rows, f"{SAME_CALL} AND {ONLY_THERE}")):
                    kept = [_meet(one, rows, f"{SAME_CALL} AND {ONLY_THERE}", "anti") for one in kept]
                rows = _meet(rows, _join(kept), SAME_CALL, "anti")
        kept.append(rows)
    return kept, repeated, same_ids, lookalikes


def _join(kept: list[duckdb.DuckDBPyRelation]) -> duckdb.DuckDBPyRelation:
    columns = [one.select(*COMPARED) for one in kept]
    return reduce(lambda one, other: one.union(other), columns)


def _meet(
    rows: duckdb.DuckDBPyRelation, others: duckdb.DuckDBPyRelation, condition: str, how: str = "semi"
) -> duckdb.DuckDBPyRelation:
    """The rows that meet one of the others, or with `anti` none."""
    return rows.set_alias("here").join(others.set_alias("there"), condition, how=how)


def count_rows(rows: duckdb.DuckDBPyRelation) -> int:
    ((count,),) = rows.aggregate("count(*)").fetchall()
    return int(count)


def explain_doubles(same_ids: int, lookalikes: int) -> tuple[str, ...]:
    """Sentences on calls that may count twice, as `MonthUsage` counts them."""
    of_ids = translate_count(
        "{count} call stood under an id that another source has with another model or other tokens: if they are "
        "one call, it counts twice. Import calls under their request ids, or not what is recorded; of a log that "
        "grew, the newer file with --supersedes of the older one.",
        "{count} calls stood under an id that another source has with another model or other tokens: if they are "
        "one call, it counts twice. Import calls under their request ids, or not what is recorded; of a log that "
        "grew, the newer file with --supersedes of the older one.",
        same_ids,
    )
    of_alike = translate_count(
        "{count} call happened when one of another source did, with its model and tokens but another id: if they "
        "are one call, it counts twice. Import calls under their request ids, or not what is recorded.",
        "{count} calls happened when one of another source did, with its model and tokens but another id: if they "
        "are one call, it counts twice. Import calls under their request ids, or not what is recorded.",
        lookalikes,
    )
    told = ((of_ids, same_ids), (of_alike, lookalikes))
    return tuple(said.format(count=format_number(count)) for said, count in told if count)
