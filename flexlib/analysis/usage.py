"""Calls summed by period, day, hour, model, task, user and proxy: on pandas, DuckDB and Spark alike.

`rows` are those of `schema.USAGE`, or a roll-up of them (`roll_up_usage`); `start` and `end` bound a period as in
`dates.read_period` (half-open, UTC; a bare day as the end means that whole day). Frames that sum carry the same
measures, sorted, in the kind of frame that came in (a DuckDB relation stays lazy):

- `request_count`: the calls, int64; null as soon as one row does not say how many it sums, because a smaller number
  would be wrong.
- `total_prompt_tokens`, `total_completion_tokens`, `total_tokens`: int64.
- `total_usd`, `total_clp`: Decimal, exact; null where no row has an amount, because that is not zero.
- `unpriced_usd`, `unpriced_clp`: the calls that those sums lack; a row that does not say how many it sums is one.

All but those of days and hours carry `share_permille` too: the share of all tokens, in tenths of a percent; all sum to
1000, or to 0 where there are none. They are sorted by tokens, descending, then by their keys, nothing (a direct call's
proxy, no user) last.

Read them with `read_rows`: a relation with decimals that is turned into pandas by DuckDB holds floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import Frame, read_rows
from flexlib.analysis.shares import add_shares
from flexlib.analysis.usage_frames import AMOUNTS, MEASURES, TOTALS, open_usage, sum_amounts, sum_usage, to_native_usage
from flexlib.dates import Moment
from flexlib.enums import OF_A_DAY, OF_AN_HOUR
from flexlib.errors import InvalidRequest
from flexlib.i18n import _

Currency = Literal["usd", "clp"]


@dataclass(frozen=True)
class UsageStatistics:
    """The headline numbers of some calls."""

    request_count: int | None
    """None as soon as one row does not say how many calls it sums."""
    total_prompt_tokens: int
    total_completion_tokens: int
    total_tokens: int
    total_usd: Decimal | None
    """None where no call has an amount."""
    unpriced_usd: int
    total_clp: Decimal | None
    unpriced_clp: int
    models_used: int
    """Pairs of provider and model."""
    days_with_calls: int
    peak_day: date | None
    """The day of the most tokens, the earliest of equals."""
    peak_tokens: int | None


def total_cost_by_period(
    rows: object, start: Moment = None, end: Moment = None, currency: Currency | None = None
) -> Decimal | None | dict[str, Decimal | int | None]:
    """What the period's calls came to: one currency's amount, or both, `usd` and `clp`, with `unpriced_usd` and
    `unpriced_clp`, the calls that each sum lacks. An amount is None where no call has one.

    Raises `InvalidRequest` for another currency.
    """
    if currency is not None and currency not in AMOUNTS:
        raise InvalidRequest(
            _("{currency!r} is not a currency of the calls; ask for usd or clp.").format(currency=currency)
        )
    wanted = [name for one in AMOUNTS for name in (f"total_{one}", f"unpriced_{one}")]
    sums = read_rows(sum_usage(open_usage(rows, start, end), []).select(*wanted).to_native())[0]
    if currency is not None:
        amount: Decimal | None = sums[f"total_{currency}"]
        return amount
    totals = {one: sums[f"total_{one}"] for one in AMOUNTS}
    return totals | {f"unpriced_{one}": sums[f"unpriced_{one}"] for one in AMOUNTS}


def usage_by_day(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """Each day's calls: `date` (midnight UTC), measures; ascending. A day without calls has no row.

    Rows that sum a month have no day and are left out; `count_coarser` says how many calls that are.
    """
    return _sum_by_day(rows, start, end, [])


def usage_by_day_and_model(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """Each day's calls of each model: `date`, `provider`, `model`, measures; ascending. Else as `usage_by_day`."""
    return _sum_by_day(rows, start, end, ["provider", "model"])


def usage_by_hour(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """The calls of all days by hour: `hour` (0 to 23, UTC), measures; ascending. An hour without calls has no row.

    Rows that sum a day or a month have no hour and are left out; `count_coarser` says how many calls that are.
    """
    opened = open_usage(rows, start, end, ["grain"]).filter(nw.col("grain").is_in(OF_AN_HOUR))
    opened = opened.with_columns(hour=nw.col("created_at").dt.hour().cast(nw.Int64))
    return to_native_usage(sum_usage(opened, ["hour"]), rows, ["hour"], {"hour": False})


def usage_by_provider_and_model(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """The calls of each model: `provider`, `model`, measures, share."""
    return _share_by(rows, start, end, ["provider", "model"])


def usage_by_model_and_proxy(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """The calls of each model through each proxy: `provider`, `model`, `proxy` (null: called directly), measures,
    share."""
    return _share_by(rows, start, end, ["provider", "model", "proxy"])


def usage_with_price(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """Of the rows that have both tokens and an amount in USD, the sums of each model: `provider`, `model`, measures.

    What a token cost can be said of these alone. `rows` are no roll-up, which has forgotten which they are.
    """
    opened = open_usage(rows, start, end, ["provider", "model"])
    if "amount_in_usd" not in opened.collect_schema():
        raise InvalidRequest(_("a roll-up does not say which of its calls have an amount; bring rows of usage."))
    opened = opened.filter(~nw.col("amount_in_usd").is_null(), nw.col("total_tokens") > 0)
    keys = ["provider", "model"]
    return to_native_usage(sum_usage(opened, keys), rows, keys, dict.fromkeys(keys, False))


def stats_by_task_type(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """The calls for each task: `task_type`, measures, share."""
    return _share_by(rows, start, end, ["task_type"])


def usage_by_proxy(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """The calls through each proxy: `proxy` (null: called directly), measures, share."""
    return _share_by(rows, start, end, ["proxy"])


def usage_by_usable(rows: Frame, start: Moment = None, end: Moment = None) -> Frame:
    """The calls of each user: `usable_type`, `usable_id`, `usable_key` (all null: without a user), measures, share."""
    return _share_by(rows, start, end, ["usable_type", "usable_id", "usable_key"])


def count_coarser(rows: object, finest: Sequence[str] = ("call",)) -> int | None:
    """How many calls stand in rows of another grain than `finest`, which charts by day, hour or size leave out.

    None as soon as one of these rows does not say how many it sums.
    """
    left = open_usage(rows, keys=["grain"]).filter(~nw.col("grain").is_in(list(finest)))
    calls: int | None = read_rows(sum_usage(left, []).select("request_count", "_rows").to_native())[0]["request_count"]
    return calls


def usage_statistics(rows: object) -> UsageStatistics:
    """The headline numbers of `rows`; two small queries when they are a relation."""
    days, models = read_rows(usage_by_day(rows)), read_rows(usage_by_provider_and_model(rows))
    names = [name for name in MEASURES if name not in (*TOTALS, "request_count")]
    # Of the models, as sums of months are of no day.
    sums = {name: sum(model[name] for model in models) for name in names}
    counts = [model["request_count"] for model in models]
    calls = None if None in counts else sum(counts)
    peak = max(days, key=lambda day: (day["total_tokens"], -day["date"].toordinal()), default=None)
    return UsageStatistics(
        **sums,
        request_count=calls,
        total_usd=sum_amounts([model["total_usd"] for model in models]),
        total_clp=sum_amounts([model["total_clp"] for model in models]),
        models_used=len(models),
        days_with_calls=len(days),
        peak_day=peak["date"] if peak else None,
        peak_tokens=peak["total_tokens"] if peak else None,
    )


def _sum_by_day(rows: Frame, start: Moment, end: Moment, keys: Sequence[str]) -> Frame:
    opened, moment = open_usage(rows, start, end, ["grain", *keys]), nw.col("created_at")
    opened = opened.filter(nw.col("grain").is_in(OF_A_DAY))
    # Elsewhere a day is a type of its own, and to group by it is faster than by midnights.
    day = moment.dt.truncate("1d") if opened.implementation.is_pandas() else moment.cast(nw.Date)
    sums = sum_usage(opened.with_columns(date=day), ["date", *keys]).with_columns(
        nw.col("date").cast(nw.Datetime("us"))
    )
    return to_native_usage(sums, rows, ["date", *keys], dict.fromkeys(["date", *keys], False))


def _share_by(rows: Frame, start: Moment, end: Moment, keys: Sequence[str]) -> Frame:
    sums = sum_usage(open_usage(rows, start, end, keys), keys)
    # Text with a mark before it, so that no key is not an empty key.
    marked = [nw.concat_str(nw.lit("0"), nw.col(key).cast(nw.String)).fill_null("1") for key in keys]
    sums = add_shares(sums.with_columns(_tie=nw.concat_str(*marked, separator="\x1f")), "total_tokens", tie="_tie")
    return to_native_usage(sums, rows, keys, {"total_tokens": True, **dict.fromkeys(keys, False)}, ["share_permille"])
