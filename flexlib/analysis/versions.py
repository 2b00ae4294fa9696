"""Why one month came to more or less when it was stored again: rows that came late or were withdrawn, rows that say
something else now, a new price list and a new exchange rate, exactly, into parts that add up.

A row is the same by the id that its source gave it. Of one whose counts and whose price both changed, each part is the
mean of the two orders in which they could have (Shapley values), as in `analysis.compare`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import reduce
from operator import and_, or_
from typing import Any

import narwhals.stable.v2 as nw

from flexlib.analysis.compare import EXACT, LAST_DIGIT, NOTHING, Change
from flexlib.analysis.frames import open_frame, read_rows
from flexlib.analysis.top import NOT_GIVEN
from flexlib.analysis.usage_frames import AMOUNTS, exact_decimals, open_usage
from flexlib.enums import EXTRA_COUNTS
from flexlib.errors import InvalidRequest
from flexlib.i18n import _, mark_text

VERSION_PARTS = ("new", "gone", "restated", "price", "rate")
"""Rows that the later version has alone, that the earlier has alone; of those in both what they say, what a price list
says of it, and the exchange rate."""

VERSIONS_METHOD = mark_text(
    "Rows are the same by their id; of one restated and priced anew each part is the mean of both orders."
)

HOW = VERSION_PARTS, VERSIONS_METHOD

COUNTED = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "cache_write_tokens",
    *EXTRA_COUNTS,
    "tier",
)
"""What a row says was used, and on which terms."""
LIST = ("price_source", "price_date")

Cell = tuple[Hashable, Hashable]
"""A person and a model."""


@dataclass(frozen=True)
class RowsCompared:
    """Sums of rows that changed alike; the two sides have the same rows, or one of them has none."""

    before: Cell | None
    """Whose they were; None: the earlier version has no such rows."""
    after: Cell | None
    rows: int
    """How many of them changed."""
    amounts: tuple[Decimal | None, Decimal | None]
    """In the unit that is compared; in dollars where pesos are. None: not known."""
    pesos: tuple[Decimal | None, Decimal | None] = (None, None)
    """The same amounts in pesos, where those are compared."""
    is_counted_alike: bool = True
    """Whether both versions count the same in each row."""
    is_priced: bool = False
    """Whether a price list gave the amounts, of the later version where there are two."""
    has_new_list: bool = False
    """Whether another list, or one of another day, gave those of the later version."""
    has_new_rate: bool = False
    quantities: tuple[int | None, int | None] = (None, None)
    """Of rows that count otherwise and have another price list: what each of them counts, then and now."""


def take_versions_apart(groups: Iterable[RowsCompared], *, in_pesos: bool = False) -> Change:
    """The change from one version of a month to another. Taken the other way round every part has the other sign, `new`
    and `gone` change places.

    >>> from decimal import Decimal
    >>> late = RowsCompared(None, ("ana", "gpt-5"), 2, (None, Decimal(3)))
    >>> same, told = ("ana", "gpt-5"), {"is_priced": True, "has_new_list": True}
    >>> dearer = RowsCompared(same, same, 9, (Decimal(40), Decimal(50)), **told)
    >>> {name: str(part) for name, part in take_versions_apart([late, dearer]).sum_parts().items() if part}
    {'new': '3', 'price': '10'}
    """
    cells: dict[Cell, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    counted, sums = dict.fromkeys(VERSION_PARTS, 0), [NOTHING, NOTHING]
    with localcontext(EXACT):
        for group in groups:
            was, became = (one or NOTHING for one in (group.pesos if in_pesos else group.amounts))
            sums = [sums[0] + was, sums[1] + became]
            for cell, parts in _split_group(group, was, became, in_pesos=in_pesos):
                for name, part in parts.items():
                    cells[cell][name] += part
                    counted[name] += group.rows if cell is group.after or group.after is None else 0
    return Change(sums[0], sums[1], {key: dict(parts) for key, parts in cells.items()}, counted, {}, *HOW)


def _split_group(
    group: RowsCompared, was: Decimal, became: Decimal, *, in_pesos: bool
) -> Iterable[tuple[Cell, dict[str, Decimal]]]:
    if group.before is None or group.after is None:
        cell = group.after or group.before
        assert cell
        return [(cell, {"gone": -was} if group.after is None else {"new": became})]
    if group.before != group.after:  # of somebody else, or of another model
        return [(group.before, {"restated": -was}), (group.after, {"restated": became})]
    parts = _split_pesos(group, became - was) if in_pesos else _split_amount(group)
    return [(group.after, {name: part for name, part in parts.items() if part})]


def _split_amount(group: RowsCompared) -> dict[str, Decimal]:
    before, after = (one or NOTHING for one in group.amounts)
    if group.is_counted_alike:
        return {"price" if group.is_priced and group.has_new_list else "restated": after - before}
    old, new = group.quantities
    # As many tokens in all, and others of a kind: what moved by their price cannot be told from what moved by the list.
    if not (group.is_priced and group.has_new_list and old and new and old != new) or None in group.amounts:
        return {"restated": after - before}
    restated = ((new - old) * (before / old + after / new) / 2).quantize(LAST_DIGIT)
    return {"restated": restated, "price": after - before - restated}


def _split_pesos(group: RowsCompared, moved: Decimal) -> dict[str, Decimal]:
    """The parts in dollars at the mean of both rates, and what the change of the rate itself moved."""
    parts = {name: part for name, part in _split_amount(group).items() if part}
    if None in group.pesos:  # which of both was not known
        return {"rate" if None not in group.amounts else next(iter(parts), "restated"): moved}
    if len(parts) <= 1 and not group.has_new_rate:
        return {next(iter(parts), "restated"): moved}
    rates = [pesos / spent for pesos, spent in zip(group.pesos, group.amounts, strict=True) if pesos and spent]
    rate = sum(rates, NOTHING) / len(rates) if rates else NOTHING
    split = {name: (part * rate).quantize(LAST_DIGIT) for name, part in parts.items()}
    rest = moved - sum(split.values(), NOTHING)
    if group.has_new_rate:
        return split | {"rate": rest}
    return split | {"price": split["price"] + rest}


def compare_usage(before: object, after: object, of: str = "usd") -> Change:
    """The change from one version of a month's rows of `schema.USAGE` to another, by who used it and model; `of` "usd"
    or "clp". Each is a pandas frame, DuckDB relation or Spark frame, both of the same kind; rows are the same by their
    `id`, and `source` where they have that column. Raises `InvalidRequest` as the sums of usage do, for another unit,
    and where two rows of one side would be the same.

    >>> import flexlib as fl
    >>> calls = fl.load("2025-09").calls
    >>> compare_usage(calls.filter("model <> 'gpt-4o-mini'").relation, calls.relation).sum_parts()["new"]
    Decimal('0.0558052500')
    """

    if of not in AMOUNTS:
        raise InvalidRequest(
            _("{of!r} is not a unit of usage; compare it in {units}.").format(of=of, units=", ".join(AMOUNTS))
        )

    def choose(rows: object) -> Any:  # noqa: ANN401
        source = [one for one in ("source",) if one in open_frame(rows).collect_schema()]
        who = nw.coalesce("usable_key", nw.col("usable_id").cast(nw.String), nw.lit(NOT_GIVEN))
        pesos = nw.when(nw.lit(of == "clp")).then(nw.col(AMOUNTS["clp"]))
        named = {"source": nw.col(*source) if source else nw.lit("calls"), "id": nw.col("id"), "who": who}
        amounts = {"quantity": nw.col("total_tokens"), "amount": nw.col(AMOUNTS["usd"])}
        opened = open_usage(rows, keys=[*source, "id", "usable_key", "usable_id", *COUNTED, *LIST, "fx_rate"])
        again = opened.group_by("id", *source).agg(rows=nw.len()).filter(nw.col("rows") > 1).head(1)
        if twice := read_rows(again.to_native()):
            raise InvalidRequest(
                _("the id {id} stands twice in one version; bring each row once, or a column source.").format(
                    id=twice[0]["id"]
                )
            )
        return opened.select("model", *COUNTED, *LIST, "fx_rate", pesos=pesos, **named, **amounts).to_native()

    return compare_rows(choose(before), choose(after), COUNTED, in_pesos=of == "clp")


def compare_rows(before: object, after: object, counted: Iterable[str], *, in_pesos: bool) -> Change:
    """The change from one version's rows to another's, on whatever engine they are. Their columns: `source` and `id`,
    which name a row; `who`, `model`; `counted`, what was used, and `quantity`, the number of it; `price_source`,
    `price_date`, `fx_rate`; `amount` and `pesos`, as `RowsCompared` has them."""
    pairs = open_frame(before).join(open_frame(after), on=["source", "id"], how="full", suffix="_after")
    is_in_both = ~nw.col("id").is_null() & ~nw.col("id_after").is_null()
    is_alike = reduce(and_, map(_is_same, counted))
    has_new_list = ~reduce(and_, map(_is_same, LIST))
    moved = is_in_both & ~is_alike & has_new_list
    sides = {"before": "", "after": "_after"}
    keys = {
        "source": nw.coalesce("source", "source_after"),
        "alike": is_alike,
        "priced": ~nw.coalesce("price_source_after", "price_source").is_null(),
        "new_list": has_new_list,
        "same": _is_same("amount"),  # or rows that only the rate moved would count as restated
    }
    for when, end in sides.items():
        keys |= {f"{name}_{when}": nw.col(f"{name}{end}") for name in ("who", "model")}
        keys |= {f"has_{name}_{when}": ~nw.col(f"{name}{end}").is_null() for name in ("amount", "pesos")}
        # Of each of the rows they have to be known, to take them apart.
        keys[f"quantity_{when}"] = nw.when(moved).then(nw.col(f"quantity{end}"))
        # A rate is told by what was spent, or by what was given back, and not by what is left of both.
        keys[f"refund_{when}"] = reduce(
            or_, (nw.col(f"{name}{end}").fill_null(NOTHING) < NOTHING for name in ("amount", "pesos"))
        )
        keys[f"rate_{when}"] = nw.when(nw.lit(in_pesos)).then(nw.col(f"fx_rate{end}"))
    sums = {f"{name}_{when}": nw.col(f"{name}{end}") for name in ("amount", "pesos") for when, end in sides.items()}
    changed = nw.when(is_in_both & _is_same("amount") & _is_same("pesos")).then(0).otherwise(1)
    named = pairs.select(**keys, **sums, changed=changed)
    with exact_decimals():
        groups = read_rows(named.group_by(*keys).agg(nw.col(*sums, "changed").sum()).to_native())
    return take_versions_apart(map(_read_group, groups), in_pesos=in_pesos)


def _is_same(name: str) -> nw.Expr:
    """Whether both versions of a row have the same there, or nothing."""
    one, other = nw.col(name), nw.col(f"{name}_after")
    return (one == other).fill_null(value=False) | (one.is_null() & other.is_null())


def _read_group(row: dict[str, Any]) -> RowsCompared:
    def pair(name: str) -> tuple[Decimal | None, Decimal | None]:
        one, other = (row[f"{name}_{when}"] if row[f"has_{name}_{when}"] else None for when in ("before", "after"))
        return one, other

    people = [(row["source"], row[f"who_{when}"]) for when in ("before", "after")]
    cells = [
        (who, row[f"model_{when}"]) if who[1] is not None else None
        for who, when in zip(people, ("before", "after"), strict=True)
    ]
    return RowsCompared(
        cells[0],
        cells[1],
        row["changed"],
        pair("amount"),
        pair("pesos"),
        row["alike"],
        row["priced"],
        row["new_list"],
        row["rate_before"] != row["rate_after"],
        (row["quantity_before"], row["quantity_after"]),
    )
