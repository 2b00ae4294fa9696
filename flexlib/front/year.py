"""Some months side by side: what each came to, who was active, what a credit and a million tokens cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import measure_unit_price
from flexlib.analysis.small_groups import SMALL_GROUPS, name_apart
from flexlib.analysis.usage import usage_with_price
from flexlib.analysis.usage_frames import hide_zero
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.front.narrow import sum_rows
from flexlib.front.sharing import find_folded, fold_rows, name_folded
from flexlib.front.spend import Spend
from flexlib.front.table import MONEY, SpendTable, write_key
from flexlib.front.undecided import list_concerned
from flexlib.front.unstored import find_gaps, list_gaps, part_absent
from flexlib.front.uses import UNITS
from flexlib.i18n import _
from flexlib.proof import State
from flexlib.sources.registry import WINDSURF
from flexlib.spend.before import MonthBefore, compare_before, find_own_sources, total_spend
from flexlib.store.ended import find_awaited, find_over
from flexlib.store.membership import LEVELS, NOWHERE

Row = dict[str, Any]

MARKS = ("missing", "lacking", "running")
"""What `list_parts` says of months, which the rows of a year say, too."""


def measure_months(spend: Spend) -> list[Row]:
    """A row for each month of the span, also where nothing is stored; what is not known is None. `month` (its first
    day), `state` (None: nothing is stored), `sources` (that are stored of it) and `ended` (those that had ended
    before it), `why_absent` (of a month that is not stored and no gap, see `Absent`),
    `usd` and `clp` (the spend, as of `Spend.total`), `lacks` (of which of these, and of `flex_credits`, it is a lower
    bound), `flex_credits`, `usd_per_credit`, `people` (with flex credits), `users` (of calls), `requests`,
    `total_tokens`, `usd_per_million` (tokens, over the calls that have both).
    """
    unknown = dict.fromkeys(("state", "sources", "ended", "usd", "clp", "lacks", "usd_per_million", "why_absent"))
    rows: list[Row] = [
        {"month": month.first, **unknown, **found}
        for month, found in zip(spend.span.months, _sum_months(spend), strict=True)
    ]
    loaded = {month.month.first: month for month in spend.loaded}
    reasons = part_absent(spend.absent, spend.stored, spend.root).reasons
    for row in rows:
        row["why_absent"] = reasons.get(Month.containing(row["month"]))
        if usage := loaded.get(row["month"]):
            totals = total_spend(usage)
            row |= {one: hide_zero(totals[one], totals[f"unpriced_{one}"]) for one in ("usd", "clp")}
            lacks = {one for one in ("usd", "clp") if usage.state is State.GAP or totals[f"unpriced_{one}"]}
            is_part = WINDSURF.name in usage.unstored or usage.find_state(usage.unstored) is State.GAP
            row |= {"state": usage.state, "lacks": lacks | ({"flex_credits"} if is_part else set())}
            row |= {"sources": find_own_sources(usage), "ended": find_over(usage.month, usage.root)}
            row["usd_per_million"] = measure_unit_price(read_rows(usage_with_price(usage.calls)))
    return rows


def find_before(spend: Spend, month: Month) -> MonthBefore | None:
    """The month before one of the stored ones, and whether a change on it means anything; None where nothing of it is
    among them."""
    loaded = {one.month: one for one in spend.loaded}
    return compare_before(loaded[month], loaded[month.previous]) if month.previous in loaded else None


def list_models(spend: Spend, of: str) -> list[Row]:
    """A row for each model with anything in the unit `of` (`usd`, `clp` or `flex_credits`), or with calls without an
    amount of money, the largest first: `model`, `total` (of what is known), `MARKS` as of `list_parts`, and under each
    month, such as `2025-09`, its amount: 0 where the month has none of it, None where the month is not stored, nor
    all of its sources and none that is has the model or one that is not has it in other months, or its amount of the
    model is not known."""
    return _list_rows(spend, of, "model", spend.by("month", "model"), _("not given"))


def list_places(spend: Spend, of: str, by: str = "department", *, share: bool = False) -> list[Row]:
    """The same for each department, or another of `LEVELS`, with `MARKS` as of `list_parts`; none where neither an
    organization nor the metadata of calls names any. With `share` departments of few people are one row, as
    `find_folded` has it. Raises `InvalidRequest` for what is no level, or cannot be shared."""
    if by not in LEVELS:
        raise InvalidRequest(
            _("{by!r} is nothing to belong to; choose {levels}.").format(by=by, levels=", ".join(LEVELS))
        )
    if not spend.roster and sum_rows(spend, [by])[by].isna().all():
        return []
    table = spend.by("month", by)
    nothing = name_apart(_(NOWHERE[by]), {*table[by]})
    folded = name_folded(find_folded(spend, by), nothing) if share else set()
    return fold_rows(_list_rows(spend, of, by, table, nothing), by, folded, (), _add_known)


def _add_known(name: str, amounts: Sequence[Any]) -> object:
    """None where one is not known; of months all."""
    if name in MARKS:
        return set().union(*amounts)
    known = [one for one in amounts if one is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def list_parts(table: SpendTable, key: str, spend: Spend, of: str) -> list[Row]:
    """A row for each model, or what else `key` is, in a table by month, the largest first: `total` (None: nothing of it
    is known), `unpriced` (calls; None where it has but parts of some, which are counted where a larger part is), `used`
    (the months with a line), `missing` (the months of which something of it has no amount, or may not be stored: of
    rows that are missing nobody knows whose they are), `moved` (those of which the sum of somebody may be partly its,
    who moved within the month, and is in another line), `lacking` (both: the months of which its amount is a lower
    bound), `running` (those that are not settled), and under each month, such as `2025-09`, its amount as far as it is
    known: 0 where the month has none of it, None where not all of the month is stored, or no amount is known."""
    gaps = list_short(spend, of)
    running = {str(one.month) for one in spend.loaded if not all(each.is_settled for each in one.proofs)}
    blank = {str(one): Decimal(0) if one in {*spend.stored} - gaps else None for one in spend.span.months}
    rows: dict[str, Row] = {}
    for line in table.to_dict("records"):
        new = {key: line[key], "total": None, "unpriced": 0, "used": [], **blank, "running": running}
        new |= {"missing": {*map(str, gaps)}, "moved": set()}
        row, month = rows.setdefault(line[key], new), f"{line['month']:%Y-%m}"
        row["used"].append(month)
        row["unpriced"] = add_lacking(row["unpriced"], line)
        row["missing"] |= {month} if of in MONEY and (line[f"lacks_{of}"] or not is_known(line[of])) else set()
        if is_known(line[of]):
            row["total"], row[month] = (row["total"] or 0) + line[of], (row[month] or 0) + line[of]
        elif not row[month]:
            row[month] = None
    for (_level, name), moved in list_concerned(spend, [key]).items() if of in MONEY else ():
        # Who has no line of their own may be among the small ones that stand as one.
        if own := rows.get(name) or rows.get(_(SMALL_GROUPS)):
            own["moved"] |= {*map(str, moved)}
    for row in rows.values():
        row["lacking"] = row["missing"] | row["moved"]
    return sorted(rows.values(), key=lambda row: (row["total"] is None, -(row["total"] or 0), row[key]))


def list_short(spend: Spend, of: str) -> set[Month]:
    """The months of which not all is there that the unit is counted from: those of `list_gaps`, and those of which
    nothing is stored though it is awaited."""
    absent = part_absent(spend.absent, spend.stored, spend.root)
    awaited = {*absent.gaps, *absent.running}
    if of not in MONEY:
        awaited = {month for month in awaited if WINDSURF.name in find_awaited(month, spend.root)}
    return awaited | list_gaps(spend.loaded, name_unit(of))


def add_lacking(count: int | None, line: Mapping[Any, Any]) -> int | None:
    """The calls without a price of a line of `Spend.by` added to those before; None where there are but parts of such,
    which are counted where a larger part is."""
    found = (count or 0) + int(line["unpriced_requests"])
    return found or (None if count is None or line["lacks_usd"] else 0)


def is_known(value: object) -> bool:
    """Whether it is an amount."""
    return value is not None and not pd.isna(value)  # type: ignore[call-overload]


def _list_rows(spend: Spend, of: str, key: str, table: SpendTable, nothing: str) -> list[Row]:
    """`table`: by month and `key`, of which none is `nothing`."""
    table = table.fillna({key: nothing})
    rows, parts = list_parts(table, key, spend, of), _list_lacking(spend, of, key, nothing)
    unpriced = {*table[table[f"lacks_{of}"]][key]} if of in MONEY else set[str]()
    return [
        {
            name: None if row[key] in parts.get(name, ()) else row[name]
            for name in (key, "total", *MARKS, *map(str, spend.span.months))
        }
        for row in rows
        if row[key] in unpriced or any(row[str(month)] for month in spend.span.months)
    ]


def _list_lacking(spend: Spend, of: str, key: str, nothing: str) -> dict[str, set[str]]:
    """By month of which a source is not stored what that source has in other months: its amount is only a part."""
    gaps, found = find_gaps(spend.loaded, name_unit(of)), defaultdict[str, set[str]](set)
    if not gaps:
        return found
    table = spend.by("source", key).fillna({key: nothing})
    for source, months in gaps.items():
        for month in months:
            found[str(month)] |= {*table[(table["source"] == source) & table[of].notna()][key]}
    return found


def name_unit(of: str) -> str:
    """A unit as `find_gaps` has it."""
    return "credits" if of == UNITS["credits"] else of


def _sum_months(spend: Spend) -> Iterator[Row]:
    """Of each month the credits and what one cost, the requests and tokens of calls, and by how many people."""
    by_source, people = spend.by("month", "source"), _count_people(spend)
    for month in spend.span.months:
        lines = by_source[by_source["month"] == pd.Timestamp(month.first)]
        is_windsurf = lines["source"] == WINDSURF.name
        of_credits, of_calls = lines[is_windsurf], lines[~is_windsurf]
        spent = None if of_credits.empty else of_credits["flex_credits"].iloc[0]
        cost = None if of_credits.empty or of_credits["unpriced_requests"].any() else of_credits["usd"].iloc[0]
        yield {
            "flex_credits": spent,
            "usd_per_credit": cost / spent if spent and cost is not None else None,
            "people": None if of_credits.empty else people[month.first, True],
            "users": None if of_calls.empty else people[month.first, False],
            **{name: _add(of_calls[name]) for name in ("requests", "total_tokens")},
        }


def _count_people(spend: Spend) -> dict[tuple[date, bool], int]:
    """By month, and whether it is of credits: those with flex credits, and those of calls. Counted where the rows are:
    of a large company they are thousands a month."""
    rows = spend._rows.select(f'{write_key("month")} AS month, source, "user", flex_credits')
    sums = rows.aggregate('month, source, "user", sum(flex_credits) AS credits', 'month, source, "user"')
    is_windsurf = f"source = '{WINDSURF.name}'"
    counted = f'month, {is_windsurf}, count(*) FILTER (credits > 0), count("user")'
    found = sums.aggregate(counted, f"month, {is_windsurf}").fetchall()
    return {(month, of_credits): people if of_credits else users for month, of_credits, people, users in found}


def _add(counts: pd.Series[int]) -> int | None:
    """None without a count, or where one is not known: a smaller sum would be wrong."""
    return None if counts.empty or counts.isna().any() else int(counts.sum())
