"""The rows of a month with the department, team, project and cost centre of each, by the day that it is of.

In this order: what the call's own metadata names; the line of the team that it names; that of its key or application;
that of all such keys or applications; that of its person. What no line names, or not on that day, is nowhere: None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from math import lcm
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from flexlib.dates import Month
from flexlib.schema import USAGE, name_sql_type
from flexlib.store.membership import ALL, LEVELS, PERSON, PERSONS, TEAM, Held, Parts, Place, write_key
from flexlib.store.organization import Organization
from flexlib.store.version import Snapshot

PART = pa.struct(
    [(level, pa.string()) for level in LEVELS]
    + [("share", pa.int64()), ("whole", pa.int64()), ("up_to", pa.int64()), ("is_undecided", pa.bool_())]
    + [("among", pa.struct([(level, pa.list_(pa.string())) for level in LEVELS]))]
)
"""So many of `whole` are its share, and `up_to` are those of the parts up to it, the largest first. Of a month within
which somebody moved it is not decided where they belong: they were `among` these."""
PLACES = pa.schema(
    [("key", pa.string()), ("of_month", pa.bool_()), ("first", pa.date32()), ("last", pa.date32())]
    + [("place", pa.int64())]
)
PARTS = pa.schema([("number", pa.int64()), ("part", PART)])
NOWHERE: Parts = ((Fraction(1), Place()),)
"""The parts of what no line names."""


class Undecided(NamedTuple):
    """Where somebody was in a month within which something changed."""

    place: Place
    """What is the same on every day."""
    among: tuple[tuple[str, ...], ...]
    """Of each level what there was on any day."""


ID = "coalesce(usable_key, usable_id::VARCHAR)"
IS_PERSON = f"lower(usable_type) IN ({', '.join(f'{one!r}' for one in PERSONS)})"
WAYS = {
    "key": f"CASE WHEN NOT {IS_PERSON} THEN lower(usable_type) || chr(31) || {ID} END",
    "kind": f"CASE WHEN NOT {IS_PERSON} THEN lower(usable_type) || chr(31) || '{ALL}' END",
    "person": f"CASE WHEN usable_key IS NOT NULL OR {IS_PERSON} THEN '{PERSON}' || chr(31) || {ID} END",
}
"""By what lines are found, the surest first, and of a call the key of each (see `write_key`), as SQL."""
AMOUNTS = {name: USAGE.field(name).type for name in ("amount_in_usd", "amount_in_clp")}
BEFORE = "part.up_to - part.share"
CREDITS = ("flex_credits", "prompt_credits")
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def place_rows(
    rows: duckdb.DuckDBPyRelation, month: Month, organization: Organization, spent: Sequence[Snapshot]
) -> duckdb.DuckDBPyRelation:
    """The rows with `LEVELS`, one for each `part` of what a row is of (`PART`, `is_unlisted`: no line of the file names
    it, and `requests`, those of the whole row); `split_amounts` divides its amounts.

    The rows are as of `MonthUsage.with_spenders`; `spent`: the credits of the month, with people.
    """
    numbers: dict[Parts | Undecided, int] = {NOWHERE: 0}
    places = duckdb.from_arrow(pa.Table.from_pylist([*_list_places(organization, month, numbers)], schema=PLACES))
    parts = [{"number": number, "part": part} for one, number in numbers.items() for part in _list_parts(one)]
    said = ", ".join(f"nullif(trim(told ->> '$.{level}'), '') AS said_{level}" for level in LEVELS)
    found = name_keys(rows, organization, spent).select(
        f"*, {said}, CAST(created_at AS DATE) AS place_day, grain = 'month' AS of_month, "
        f"'{TEAM}' || chr(31) || said_team AS by_team"
    )
    ways = ("team", *WAYS)
    for way in ways:
        on = (f"found.by_{way} = {way}.key AND found.of_month = {way}.of_month "
              f"AND found.place_day BETWEEN {way}.first AND {way}.last")  # fmt: skip
        found = found.set_alias("found").join(places.set_alias(way), on, how="left")
        found = found.select(f"found.*, {way}.place AS place_of_{way}")
    of_parts = duckdb.from_arrow(pa.Table.from_pylist(parts, schema=PARTS)).set_alias("of_parts")
    number = f"coalesce({', '.join(f'place_of_{way}' for way in ways)})"
    found = found.set_alias("found").join(of_parts, f"coalesce({number}, 0) = of_parts.number")
    levels = ", ".join(f"coalesce(said_{level}, part.{level}) AS {level}" for level in LEVELS)
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    more = f"is_unlisted := {number} IS NULL, requests := requests"
    return found.select(f"{columns}, {levels}, struct_insert(part, {more}) AS part")


def name_keys(
    rows: duckdb.DuckDBPyRelation, organization: Organization, spent: Sequence[Snapshot]
) -> duckdb.DuckDBPyRelation:
    """The rows with the keys of lines that may name them, `by_` each of `WAYS`; arguments as of `place_rows`."""
    found = rows.set_alias("rows").join(
        _find_keys(organization, spent).set_alias("spent"), 'rows.spender = spent."user"', how="left"
    )
    ways = (f"{f'coalesce(spent.{way}, {sql})' if way != 'kind' else sql} AS by_{way}" for way, sql in WAYS.items())
    return found.select(f"rows.*, {', '.join(ways)}")


def has_shares(organization: Organization | None) -> bool:
    """Whether anybody is in several places at once."""
    return organization is not None and any(len(one.parts) > 1 for held in organization.held.values() for one in held)


def split_amounts(rows: duckdb.DuckDBPyRelation, organization: Organization | None) -> duckdb.DuckDBPyRelation:
    """Each row's amounts and credits divided by its parts, exact to the last digit that is stored; its requests and
    tokens are the largest part's, since pages count whole ones (see `narrow.count_shares`). A part has less than one
    last digit more or less of a row than its share, and which has more is drawn by the row's id, in proportion to what
    each lacks: over many rows nobody has more for it."""
    if not has_shares(organization):
        return rows  # no id is needed, which of credits is a hash
    split = [f"CASE WHEN part.whole = 1 THEN {name} ELSE {_scale(_write_part(f'{name} * {10**kind.scale}'), kind)} END "
             f"AS {name}" for name, kind in AMOUNTS.items()]  # fmt: skip
    split += [
        f"CASE WHEN part.whole = 1 THEN {name} ELSE ({_write_part(name)})::BIGINT END AS {name}" for name in CREDITS
    ]
    # Of a row that does not say how many calls it sums no part is known to have none.
    is_uncounted = "requests IS NULL AND amount_in_usd IS NOT NULL AND amount_in_clp IS NOT NULL"
    split += [f"CASE WHEN part.up_to > part.share AND NOT ({is_uncounted}) THEN 0 ELSE requests END AS requests"]
    split += [f"CASE WHEN part.up_to > part.share THEN 0 ELSE {name} END AS {name}" for name in COUNTS]
    return rows.select(f"* REPLACE ({', '.join(split)})")


def _write_part(whole: str) -> str:
    """A part of a whole number, as SQL: the parts up to it, rounded, less those before it, rounded alike."""
    amount, drawn = f"abs(({whole})::HUGEINT)", "(md5_number_lower(id) % part.whole::UBIGINT)::HUGEINT"
    up_to, before = (f"({amount} * ({shares}) + {drawn}) // part.whole" for shares in ("part.up_to", BEFORE))
    return f"sign({whole})::HUGEINT * ({up_to} - {before})"


def _scale(number: str, kind: pa.Decimal128Type) -> str:
    """A whole number of the last stored digits as the amount that it is, as SQL."""
    step = f"{Decimal(1).scaleb(-kind.scale):f}::DECIMAL({kind.scale + 1}, {kind.scale})"
    return f"(({number})::DECIMAL({kind.precision}, 0) * {step})::{name_sql_type(kind)}"


def _list_places(
    organization: Organization, month: Month, numbers: dict[Parts | Undecided, int]
) -> Iterator[dict[str, Any]]:
    """Where everybody belongs on the days of the month, and in sums of all of it: the number of its parts, or of the
    one place that is known of all."""
    first, last = month.first, month.last
    for key, held in organization.held.items():
        here = [one for one in held if one.first <= last and first <= one.last]
        of_days = [numbers.setdefault(one.parts, len(numbers)) for one in here]
        for one, place in zip(here, of_days, strict=True):
            yield {"key": key, "of_month": False, "first": one.first, "last": one.last, "place": place}
        if here:
            is_whole = here[0].first <= first and last <= here[0].last
            place = of_days[0] if is_whole else numbers.setdefault(_find_constant(here, month), len(numbers))
            yield {"key": key, "of_month": True, "first": first, "last": last, "place": place}


def _list_parts(parts: Parts | Undecided) -> list[dict[str, Any]]:
    if isinstance(parts, Undecided):
        among = dict(zip(LEVELS, parts.among, strict=True))
        return [parts.place._asdict() | {"share": 1, "whole": 1, "up_to": 1, "is_undecided": True, "among": among}]
    whole = lcm(*(share.denominator for share, _ in parts))
    shares = [int(share * whole) for share, _ in parts]
    return [place._asdict() | {"share": share, "whole": whole, "up_to": up_to, "is_undecided": False}
            for share, up_to, (_, place) in zip(shares, accumulate(shares), parts, strict=True)]  # fmt: skip


def _find_constant(held: Sequence[Held], month: Month) -> Undecided:
    """What is the same on every day of the month, though something else changed, and what there was of that."""
    places = [place for one in held for _, place in one.parts]
    days = sum((min(one.last, month.last) - max(one.first, month.first)).days + 1 for one in held)
    if days < month.span.days:
        places.append(Place())
    levels = [set(level) for level in zip(*places, strict=True)]
    among = tuple(tuple(sorted(filter(None, names))) for names in levels)
    return Undecided(Place(*(next(iter(names)) if len(names) == 1 else None for names in levels)), among)


def _find_keys(organization: Organization, spent: Sequence[Snapshot]) -> duckdb.DuckDBPyRelation:
    """Of each user of credits the first two keys that have lines: of its key, of its e-mail."""
    found: dict[str, list[str]] = {}
    for one in spent:
        for (user,) in one.relation.select('"user"').distinct().fetchall():
            email = one.people.get(user, {}).get("email") or user
            keys = write_key("key", user), write_key(PERSON, user), write_key(PERSON, email)
            found[user] = [*dict.fromkeys(key for key in keys if key in organization.held), "", ""]
    columns = {"user": [*found], "key": [one[0] or None for one in found.values()],
               "person": [one[1] or None for one in found.values()]}  # fmt: skip
    return duckdb.from_arrow(pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()}))
