"""Two stored versions of one month compared row by row: what came late, was restated, priced or converted anew."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.versions import RowsCompared, take_versions_apart
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.enums import EXTRA_COUNTS
from flexlib.errors import InvalidRequest
from flexlib.formats import format_count
from flexlib.front.compare import KNOWN, UNITS, Comparison, check_unit, compare_loaded, lacks_rows
from flexlib.front.months import compare_total
from flexlib.front.spend import Spend
from flexlib.i18n import _
from flexlib.proof import Look, find_worst, look_nowhere
from flexlib.sources.registry import WINDSURF
from flexlib.spend.billed import name_spellings
from flexlib.store.snapshots import list_states

if TYPE_CHECKING:
    import duckdb

COUNTED = ("requests", "prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", *EXTRA_COUNTS,
           "flex_credits", "prompt_credits", "tier")  # fmt: skip
"""What a row says was used, and on which terms."""

ROW = {
    "source": "source",
    "id": "id",
    "who": "coalesce(\"user\", 'not given')",
    "counted": f"struct_pack({', '.join(f'{name} := {name}' for name in COUNTED)})",
    "quantity": f"CASE WHEN source = '{WINDSURF.name}' THEN flex_credits ELSE total_tokens END",
    "list": "struct_pack(name := price_source, since := price_date)",
    "rate": "fx_rate",
}
"""What is compared of a row, as SQL over `front.spend.Spend._rows`."""

AMOUNTS = {
    "credits": "(CAST(flex_credits AS DECIMAL(16, 0)) * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2)",
    "usd": "amount_in_usd",
    "clp": "amount_in_usd",
}

BOTH = "one.id IS NOT NULL AND other.id IS NOT NULL"
OTHERWISE = f"{BOTH} AND one.counted IS DISTINCT FROM other.counted AND one.list IS DISTINCT FROM other.list"
"""Rows of which each of the two has to be known to take them apart."""


def compare_versions(
    month: Month,
    before: int | None,
    after: int | None,
    root: Path,
    *,
    of: str = "credits",
    names: bool = False,
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
) -> Comparison:
    """The change from one stored version of a month to another, as `store.snapshots.find_state` counts them, the newest
    where it is None; the others as of `front.compare.compare_spans`. Raises as that does."""
    check_unit(of)
    newest = len(list_states(month, root))
    versions = before or newest, after or newest
    sides = [Spend(month.span, "UTC", (month,), root, names, tolerance, look, one) for one in versions]
    model = name_spellings(sides[0]._rows.union(sides[1]._rows))  # one name on both sides
    groups = _compare_rows(*(_select(one, of, model) for one in sides), in_pesos=of == "clp")
    if of == "credits" and not any(one.dataset == "credits" for side in sides for one in side.certificates):
        raise InvalidRequest(
            _("neither version of {month} has any credits; compare them with --of usd.").format(month=month)
        )
    unknown = [0 if of == "credits" else _count_unknown(one, of) for one in sides]
    problems = [
        [
            text
            for one in side.loaded
            for text in (*one.list_problems(), *(compare_total(one) if of != "credits" else ()))
        ]
        for side in sides
    ]
    missing = [text for text in problems[0] if text in problems[1]]
    for version, own, count in zip(versions, problems, unknown, strict=True):
        missing += [f"Version {version}: {text}" for text in own if text not in missing]
        if count:
            lacks = f"{format_count(count, 'call')} without {'a price' if of == 'usd' else 'an amount in pesos'}"
            missing.append(f"Version {version}: {lacks} {'is' if count == 1 else 'are'} left out.")
    lacking = [bool(count) or any(lacks_rows(one, of) for one in side.loaded)
               or (of == "credits" and not any(one.dataset == "credits" for one in side.certificates))
               for count, side in zip(unknown, sides, strict=True)]  # fmt: skip
    return Comparison(
        month.span,
        month.span,
        UNITS[of],
        take_versions_apart(groups, in_pesos=of == "clp"),
        find_worst({one.state for side in sides for one in side.loaded}),
        tuple(one for side in sides for one in side.certificates),
        (lacking[0], lacking[1]),
        tuple(dict.fromkeys(missing)),
        versions,
    )


def compare_named(against: str, after: Spend, of: str) -> Comparison:
    """What is loaded held against the month that is named, the one before where none is, or a version of it:
    `2025-08`, `2025-09@1`."""
    month, version = read_version(against) if against else (after.span.months[0].previous, None)
    if version is None:
        return compare_loaded(month.span, after, of)
    if after.span != month.span or after.zone != "UTC":
        raise InvalidRequest(
            _("{against} is a version of {month}; compare it with that month, in UTC.").format(
                against=against, month=month
            )
        )
    how = partial(compare_versions, names=after.names, tolerance=after.tolerance, look=after.look)
    return how(month, version, after.version, after.root, of=of)


def read_version(text: str) -> tuple[Month, int | None]:
    """A month, and which version of it: `2025-09` or `2025-09@1`. Raises `BadMonth`."""
    name, _, version = text.partition("@")
    whole = name if re.fullmatch(r"(@[1-9]\d{0,8})?", text[len(name) :], re.ASCII) else text
    return Month.parse(whole), int(version) if version else None


def name_version(span: Span, version: int | None) -> str:
    """How a side of a comparison is written: `2025-09@1` of a version."""
    return f"{span.months[0]}@{version}" if version else str(span)


def _select(side: Spend, of: str, model: str) -> duckdb.DuckDBPyRelation:
    columns = ROW | {"model": model, "amount": AMOUNTS[of]}
    columns["pesos"] = f"CASE WHEN {KNOWN[of]} THEN amount_in_clp END" if of == "clp" else "NULL::DECIMAL(20, 4)"
    rows = side._rows.filter(KNOWN[of]) if of == "credits" else side._rows  # calls have no credits
    return rows.select(", ".join(f"{sql} AS {name}" for name, sql in columns.items()))


def _compare_rows(
    one: duckdb.DuckDBPyRelation, other: duckdb.DuckDBPyRelation, *, in_pesos: bool
) -> list[RowsCompared]:
    """Rows of both versions side by side, those that changed alike together."""
    pairs = one.set_alias("one").join(
        other.set_alias("other"), "one.source = other.source AND one.id = other.id", how="outer"
    )
    keys = {
        "source": "coalesce(one.source, other.source)",
        "who_before": "one.who",
        "model_before": "one.model",
        "who_after": "other.who",
        "model_after": "other.model",
        "alike": "one.counted IS NOT DISTINCT FROM other.counted",
        "priced": "coalesce(other.list.name, one.list.name) IS NOT NULL",
        "new_list": "one.list IS DISTINCT FROM other.list",
        "rate_before": f"CASE WHEN {in_pesos} THEN one.rate END",
        "rate_after": f"CASE WHEN {in_pesos} THEN other.rate END",
        "quantity_before": f"CASE WHEN {OTHERWISE} THEN one.quantity END",
        "quantity_after": f"CASE WHEN {OTHERWISE} THEN other.quantity END",
        "known": "(one.amount IS NOT NULL)::INT * 8 + (other.amount IS NOT NULL)::INT * 4 "
                 "+ (one.pesos IS NOT NULL)::INT * 2 + (other.pesos IS NOT NULL)::INT",
    }  # fmt: skip
    sides, units = (("one", "before"), ("other", "after")), (("amount", 10), ("pesos", 4))
    sums = ", ".join(f"sum({side}.{name})::DECIMAL(38, {places}) AS {name}_{when}"
                     for name, places in units for side, when in sides)  # fmt: skip
    differs = f"NOT ({BOTH}) OR one.amount IS DISTINCT FROM other.amount OR one.pesos IS DISTINCT FROM other.pesos"
    columns = ", ".join(f"{sql} AS {name}" for name, sql in keys.items())
    whole = f"{columns}, {sums}, count(*) FILTER ({differs})::BIGINT AS changed"
    return [_read_group(row) for row in read_rows(pairs.aggregate(whole, ", ".join(keys.values())))]


def _read_group(row: dict[str, Any]) -> RowsCompared:
    sides = [(row["source"], row[f"who_{when}"]) if row[f"who_{when}"] is not None else None
             for when in ("before", "after")]  # fmt: skip
    cells = [(who, row[f"model_{when}"]) if who else None for who, when in zip(sides, ("before", "after"), strict=True)]
    return RowsCompared(
        cells[0],
        cells[1],
        row["changed"],
        (row["amount_before"], row["amount_after"]),
        (row["pesos_before"], row["pesos_after"]),
        row["alike"],
        row["priced"],
        row["new_list"],
        row["rate_before"] != row["rate_after"],
        (row["quantity_before"], row["quantity_after"]),
    )


def _count_unknown(side: Spend, of: str) -> int:
    """How many calls have no such amount."""
    lacking = side._rows.filter(f"NOT ({KNOWN[of]})")
    ((count,),) = lacking.aggregate("coalesce(sum(coalesce(requests, 1)), 0)::BIGINT").fetchall()
    return int(count)
