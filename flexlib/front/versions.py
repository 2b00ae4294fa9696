"""Two stored versions of one month compared row by row: what came late, was restated, priced or converted anew."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.analysis.top import NOT_GIVEN
from flexlib.analysis.versions import COUNTED, LIST, compare_rows
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.formats import format_count
from flexlib.front.compare import Comparison, check_unit, compare_loaded, lacks_rows
from flexlib.front.months import compare_total, tell_left_out
from flexlib.front.no_amount import KNOWN, choose_unit, refuse_side
from flexlib.front.spend import Spend
from flexlib.front.table import CREDITS
from flexlib.front.unstored import list_sources, name_sources
from flexlib.front.uses import UNITS
from flexlib.i18n import _
from flexlib.proof import Look, find_worst, look_nowhere
from flexlib.sources.registry import WINDSURF, name_source, sort_sources
from flexlib.spend.billed import name_spellings
from flexlib.store.snapshots import list_states
from flexlib.store.version_names import read_version

if TYPE_CHECKING:
    import duckdb

ROW = {
    "source": "source",
    "id": "id",
    "who": f"coalesce(\"user\", '{NOT_GIVEN}')",
    "quantity": f"CASE WHEN source = '{WINDSURF.name}' THEN flex_credits ELSE total_tokens END",
    **{name: name for name in (*COUNTED, *CREDITS, *LIST, "fx_rate")},
}
"""What is compared of a row, as SQL over `front.spend.Spend._rows`."""

AMOUNTS = {
    "credits": "(CAST(flex_credits AS DECIMAL(16, 0)) * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2)",
    "usd": "amount_in_usd",
    "clp": "amount_in_usd",
}


def compare_versions(
    month: Month,
    before: int | None,
    after: int | None,
    root: Path,
    *,
    of: str = "",
    names: bool = False,
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
) -> Comparison:
    """The change from one stored version of a month to another, as `store.snapshots.find_state` counts them, the newest
    where it is None; the others as of `front.compare.compare_spans`. Raises as that does."""
    of = choose_unit(of, [(month,)], root)
    check_unit(of)
    states = list_states(month, root)
    versions = before or len(states), after or len(states)
    sides = [Spend(month.span, "UTC", (month,), root, names, tolerance, look, one) for one in versions]
    model = name_spellings(sides[0]._rows.union(sides[1]._rows))  # one name on both sides
    rows = [_select(one, of, model) for one in sides]
    if of == "credits" and not any(one.dataset == "credits" for side in sides for one in side.certificates):
        raise InvalidRequest(
            _("neither version of {month} has any credits; compare them with --of usd.").format(month=month)
        )
    unknown = [0 if of == "credits" else _count_unknown(one, of) for one in sides]
    for version, side, count in zip(versions, sides, unknown, strict=True):
        if count and not side._rows.filter(f"{KNOWN[of]} AND {AMOUNTS[of]} <> 0").limit(1).fetchall():
            raise refuse_side(name_version(month.span, version), of, [month], root)
    problems = [
        [
            text
            for one in side.loaded
            for text in (*one.list_problems(), *(compare_total(one) if of != "credits" else ()))
        ]
        for side in sides
    ]
    missing = [text for text in problems[0] if text in problems[1]]
    # What the month has now it had then: nobody read it yet.
    now = name_sources(states[-1], of)
    unread = [sort_sources(now - list_sources(side.loaded[0], of)) for side in sides]
    for version, own, count, absent in zip(versions, problems, unknown, unread, strict=True):
        said = _(
            "Version {number} has nothing of {source}, which was stored later: what it held then is not known, and is "
            "not zero."
        )
        missing += [said.format(number=version, source=name_source(one)) for one in absent]
        if count:
            own = [*own, tell_left_out(count, format_count(count, "call"), of)]
        missing += [_("Version {number}: {what}").format(number=version, what=text) for text in own
                    if text not in missing]  # fmt: skip
    lacking = [bool(count or absent) or any(lacks_rows(one, of) for one in side.loaded)
               for count, absent, side in zip(unknown, unread, sides, strict=True)]  # fmt: skip
    return Comparison(
        month.span,
        month.span,
        UNITS[of],
        compare_rows(rows[0], rows[1], (*COUNTED, *CREDITS), in_pesos=of == "clp"),
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


def name_version(span: Span, version: int | None) -> str:
    """How a side of a comparison is written: `2025-09@1` of a version."""
    return f"{span.months[0]}@{version}" if version else str(span)


def _select(side: Spend, of: str, model: str) -> duckdb.DuckDBPyRelation:
    columns = ROW | {"model": model, "amount": AMOUNTS[of]}
    columns["pesos"] = f"CASE WHEN {KNOWN[of]} THEN amount_in_clp END" if of == "clp" else "NULL::DECIMAL(20, 4)"
    rows = side._rows.filter(KNOWN[of]) if of == "credits" else side._rows  # calls have no credits
    return rows.select(", ".join(f"{sql} AS {name}" for name, sql in columns.items()))


def _count_unknown(side: Spend, of: str) -> int:
    """How many calls have no such amount."""
    lacking = side._rows.filter(f"NOT ({KNOWN[of]})")
    ((count,),) = lacking.aggregate("coalesce(sum(coalesce(requests, 1)), 0)::BIGINT").fetchall()
    return int(count)
