"""What a reader should know of a month's calls beside their sums: rates, unpriced and unmapped calls, odd rows.

`rows` are a DuckDB relation of `schema.USAGE`, as `spend.load_month_usage` gives them; answers are small lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flexlib.certificate import UsageCertificate
from flexlib.checks import say_unpriced
from flexlib.enums import LlmProvider, LlmProxy
from flexlib.i18n import _, mark_text, write_number
from flexlib.money.amounts import find_unknown_zeros
from flexlib.money.fx import AT_ANY_RATE, MADE_UP
from flexlib.names import find_maker
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


FAR = Decimal("0.5")
"""An amount is far from its tokens' list price when it is off by more than this part of it."""

BATCH = 100_000
"""Rows that are looked at together, so that memory stays bounded."""

GIVEN = f"amount_in_usd > 0 AND proxy IS DISTINCT FROM '{LlmProxy.WINDSURF}' AND price_source IS NULL"
CALLS = "coalesce(sum(coalesce(requests, 1)), 0)::BIGINT"
"""A row that does not say how many calls it sums is one at least."""
IS_LEAST = "bool_or(requests IS NULL)"

NEGATIVE = "least(prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, cost, amount_in_usd) < 0"


@dataclass(frozen=True)
class QualityCheck:
    """One question to the rows."""

    question: str
    count: int
    """How many calls (or ids) it finds; 0 is what one hopes for."""
    note: str
    """What it means for the totals."""


def list_rates(rows: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """The exchange rates behind the CLP amounts, ascending: `day` of the observation (ISO), `value`, `source` (all
    None: the source itself gave the CLP), `calls` (at least so many where `is_least`).
    """
    value = r"regexp_replace(fx_rate::VARCHAR, '(\.\d{2}\d*?)0+$', '\1')"  # at least two decimals: 969.60
    keys = {"day": "fx_date::VARCHAR", "value": value, "source": "fx_source"}
    found = _group(
        rows.filter(f"amount_in_clp IS NOT NULL AND fx_source IS DISTINCT FROM '{AT_ANY_RATE}'"), keys, "day"
    )
    return [row | {"source": _(MADE_UP)} if row["source"] == MADE_UP else row for row in found]


def list_unpriced(rows: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """Calls without an amount in USD: `provider`, `model`, `proxy`, `reason`, `calls` (at least so many where
    `is_least`); most calls first."""
    keys = {name: name for name in ("provider", "model", "proxy")}
    reason = "coalesce(unpriced, 'the source gives no amount')"
    found = _group(rows.filter("amount_in_usd IS NULL"), {**keys, "reason": reason}, "calls DESC")
    return [row | {"reason": say_unpriced(row["reason"])} for row in found]


def list_unmapped(rows: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """Calls to none of the providers: `model`, `proxy`, `calls` (at least so many where `is_least`), and of those that
    Windsurf sold `made_by`, as far as it is known; most calls first."""
    unknown = _group(
        rows.filter(f"provider = '{LlmProvider.UNKNOWN}'"), {"model": "model", "proxy": "proxy"}, "calls DESC"
    )
    return [
        one | {"made_by": find_maker(one["model"]) if one["proxy"] == LlmProxy.WINDSURF else None} for one in unknown
    ]


def check_quality(usage: MonthUsage) -> list[QualityCheck]:
    """The month's rows asked what could be wrong with them; the whole list, also where nothing is found."""
    rows = usage.rows
    repeated = sum(count for _, count in usage.repeated)
    return [
        QualityCheck(
            mark_text("No amount in USD"),
            _count(rows, "amount_in_usd IS NULL"),
            mark_text("The totals in USD lack them."),
        ),
        QualityCheck(
            mark_text("No amount in CLP"),
            _count(rows, "amount_in_clp IS NULL"),
            mark_text("The totals in CLP lack them."),
        ),
        QualityCheck(
            mark_text("No user named"),
            _count(usage.calls, "usable_id IS NULL AND usable_key IS NULL"),
            mark_text("They are in a line without a user."),
        ),
        QualityCheck(mark_text("A negative number"), _count(rows, NEGATIVE), mark_text("They lower the totals.")),
        QualityCheck(
            mark_text("Total is not prompt + completion"),
            _count(rows, "total_tokens <> prompt_tokens + completion_tokens"),
            mark_text("The tokens of these calls contradict each other."),
        ),
        QualityCheck(
            mark_text("Amount far from tokens x list price"),
            _count_far(rows.filter(GIVEN)),
            mark_text("Amounts that the source gave and that are off by more than half; a contract may explain it."),
        ),
        QualityCheck(
            mark_text("An amount of 0 beside tokens"),
            _count(rows, _find_unknown_zeros(usage)),
            mark_text(
                "Where the source writes 0 for what it does not know, the totals in USD are at least what they say."
            ),
        ),
        _check_sums(rows),
        QualityCheck(
            mark_text("Calls held by two sources"), repeated, mark_text("Counted once, in the first of them.")
        ),
        QualityCheck(
            mark_text("Ids of two different calls"),
            usage.same_ids,
            mark_text("Both count; look whether they are one call."),
        ),
        QualityCheck(
            mark_text("Possible duplicates in two sources"),
            usage.lookalikes + sum(one.calls + one.sums for one in usage.recorded_twice),
            mark_text("Both count; look whether they are one call."),
        ),
        QualityCheck(
            mark_text("Calls through Windsurf beside its credits"),
            _count(rows, f"proxy = '{LlmProxy.WINDSURF}' AND source <> '{WINDSURF.name}'")
            if _has_credits(usage)
            else 0,
            mark_text("They may be in the credits too, and count twice then."),
        ),
    ]


def _check_sums(rows: duckdb.DuckDBPyRelation) -> QualityCheck:
    """Sums of calls that the price list's short calls have priced: how much dearer long ones among them can be."""
    from flexlib.money.price_table import find_most_beyond

    sums = rows.filter("requests > 1 AND price_source IS NOT NULL").select("* EXCLUDE (source)")
    found = [find_most_beyond(batch) for batch in sums.to_arrow_reader(BATCH)]
    count, most = sum(one[0] for one in found), sum((one[1] for one in found), Decimal(0))
    return QualityCheck(
        mark_text("Sums of calls priced as short ones"),
        count,
        _("Long calls among them cost more: at most US$ {amount} in all.").format(
            amount=write_number(f"{most.normalize():f}")
        )
        if count
        else _("No long one is in."),
    )


def _find_unknown_zeros(usage: MonthUsage) -> str:
    """In SQL: the rows with an amount of 0 that their source may write for what it does not know."""
    proofs = [one for one in usage.certificates if isinstance(one, UsageCertificate)]
    asks = {one.source: find_unknown_zeros(one.files) for one in proofs}
    return " OR ".join(f"source = '{source}' AND ({zeros})" for source, zeros in asks.items()) or "false"


def _count_far(rows: duckdb.DuckDBPyRelation) -> int:
    """In pieces, so that memory stays bounded; a call that no list prices cannot be far from its price."""
    return sum(_count_far_in(batch) for batch in rows.select("* EXCLUDE (source)").to_arrow_reader(BATCH))


def _count_far_in(batch: pa.RecordBatch) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    from flexlib.money.price_table import price_rows

    table = pa.Table.from_batches([batch])
    wide = pa.decimal256(40, 12)
    price = price_rows(table)["amount_in_usd"].cast(wide)
    distance = pc.abs(pc.subtract(table["amount_in_usd"].cast(wide), price))
    return int(pc.sum(pc.greater(distance, pc.multiply(price, pa.scalar(FAR)))).as_py() or 0)


def _has_credits(usage: MonthUsage) -> bool:
    return any(one.dataset == "credits" for one in usage.snapshots)


def _group(rows: duckdb.DuckDBPyRelation, keys: dict[str, str], order: str) -> list[dict[str, Any]]:
    named = ", ".join(f"{expression} AS {name}" for name, expression in keys.items())
    measures = f"{CALLS} AS calls, {IS_LEAST} AS is_least"
    grouped = rows.select(f"{named}, requests").aggregate(f"{', '.join(keys)}, {measures}", ", ".join(keys))
    found = grouped.order(", ".join([order, *(f"{name} NULLS LAST" for name in keys)])).fetchall()
    return [dict(zip([*keys, "calls", "is_least"], row, strict=True)) for row in found]


def _count(rows: duckdb.DuckDBPyRelation, condition: str) -> int:
    ((count,),) = rows.filter(condition).aggregate(CALLS).fetchall()
    return int(count)
