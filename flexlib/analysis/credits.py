"""Credits summed by day, model, month and user: rows in, finished frames out, on pandas, DuckDB and Spark alike.

`rows` are those of `schema.CREDITS`; what comes out is the same kind of frame (a DuckDB relation stays lazy), sorted.
Every frame carries the same measures, all int64:

- `prompt_credits`, `flex_credits`: hundredths of a credit.
- `requests`: what the server counted behind the sums; null as soon as one row below it was read by a route that does
  not count, because a smaller number would be wrong.
- `data_points`: the rows that the server returned, as near as is known: `requests` where they were counted, else 1 for
  each row. Never null, and those of the parts sum to those of the whole.
- `rows`: rows of the snapshot.

An active user is one with at least one row, be it of zero credits. `days` lists days that were read whole, where no
row *is* a zero: each gets its row of zeros (`requests` too). Days of `rows` that are not listed stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import Frame, LazyFrame, list_days, open_credits, read_rows, to_native_frame
from flexlib.analysis.shares import add_places, add_running_share, add_running_total, add_shares

MEASURES = ["prompt_credits", "flex_credits", "requests", "data_points", "rows"]

SUMMED = ["prompt_credits", "flex_credits", "requests"]


@dataclass(frozen=True)
class CreditsStatistics:
    """The headline numbers of some rows of credits; credits in hundredths."""

    prompt_credits: int
    flex_credits: int
    requests: int | None
    """None as soon as one row was not counted."""
    data_points: int
    rows: int
    models_used: int
    """Models with a row, be it of zero credits."""
    users_active: int
    days_with_data: int
    days_with_flex_credits: int
    average_flex_credits: Fraction | None
    """Flex credits a day with data, exact; None without data."""
    first_flex_day: date | None
    peak_day: date | None
    """The day of the most flex credits, the earliest of equals; None where there are none."""
    peak_flex_credits: int | None


def credits_by_day_and_model(rows: Frame, days: Iterable[date] | None = None) -> Frame:
    """Each day's credits by model: `date`, `model_uid`, measures; days ascending, flex credits descending, then by id.

    With `days` every model of `rows` has a row on each of them.
    """
    sums = _sum_by(open_credits(rows), ["date", "model_uid"], days=days)
    columns = ["date", "model_uid", *MEASURES]
    return to_native_frame(sums, rows, columns, {"date": False, "flex_credits": True, "model_uid": False})


def credits_by_day(rows: Frame, days: Iterable[date] | None = None) -> Frame:
    """Each day's credits: `date`, measures, `users` (active), `cumulative_flex_credits`, `rank`; ascending.

    `rank` 1 is the day of the most flex credits, the earlier of equals first.
    """
    sums = _sum_by(open_credits(rows), ["date"], {"users": "user"}, days)
    sums = add_running_total(sums, "flex_credits", "date", "cumulative_flex_credits")
    sums = add_places(sums, "flex_credits", tie="date")
    return to_native_frame(sums, rows, ["date", *MEASURES, "users", "cumulative_flex_credits", "rank"], {"date": False})


def credits_by_model(rows: Frame) -> Frame:
    """Credits by model: `rank`, `model_uid`, measures, `users` (active), `days` (with rows), `share_permille`.

    The share is of all flex credits, in tenths of a percent; all sum to 1000, or to 0 where there are none. Flex
    credits descending, then by id.
    """
    sums = _sum_by(open_credits(rows), ["model_uid"], {"users": "user", "days": "date"})
    sums = add_places(add_shares(sums, "flex_credits", tie="model_uid"), "flex_credits", tie="model_uid")
    columns = ["rank", "model_uid", *MEASURES, "users", "days", "share_permille"]
    return to_native_frame(sums, rows, columns, {"rank": False})


def credits_by_user(rows: Frame) -> Frame:
    """Credits by user, for a Pareto curve: `rank`, `user`, measures, `days` (with rows), `share_permille`,
    `cumulative_flex_credits`, `cumulative_share_permille` (the last is 1000, or 0 where there are no flex credits).

    Flex credits descending, then by user. `user` is the API's hashed key.
    """
    sums = _sum_by(open_credits(rows), ["user"], {"days": "date"})
    sums = add_places(add_shares(sums, "flex_credits", tie="user"), "flex_credits", tie="user")
    sums = add_running_total(sums, "flex_credits", "rank", "cumulative_flex_credits")
    sums = add_running_share(sums, "cumulative_flex_credits", "flex_credits", "cumulative_share_permille")
    cumulative = ["cumulative_flex_credits", "cumulative_share_permille"]
    return to_native_frame(
        sums, rows, ["rank", "user", *MEASURES, "days", "share_permille", *cumulative], {"rank": False}
    )


def credits_by_month(rows: Frame, days: Iterable[date] | None = None) -> Frame:
    """Each month's credits: `month` (its first midnight), measures, `total_credits` (prompt and flex, hundredths),
    `users` (active), `days` (with rows); ascending. With `days` each month that they touch has a row."""
    opened = open_credits(rows).with_columns(month=nw.col("date").dt.truncate("1mo"))
    first_days = None if days is None else sorted({day.replace(day=1) for day in days})
    sums = _sum_by(opened, ["month"], {"users": "user", "days": "date"}, first_days)
    sums = sums.with_columns(total_credits=nw.col("prompt_credits") + nw.col("flex_credits"))
    return to_native_frame(sums, rows, ["month", *MEASURES, "total_credits", "users", "days"], {"month": False})


def credits_by_weekday_and_week(rows: Frame, days: Iterable[date] | None = None) -> Frame:
    """Each day's credits by its place in the ISO calendar, for a heat map: `iso_year`, `iso_week` (1 to 53), `weekday`
    (1 is Monday), `date`, measures, `users` (active); ascending. Without `days`, a day with no row has no cell."""
    sums = _sum_by(open_credits(rows), ["date"], {"users": "user"}, days)
    # Sunday is 7, but 0 on Spark with narwhals 2.29.
    sums = sums.with_columns(weekday=(nw.col("date").dt.weekday().cast(nw.Int64) + 6) % 7 + 1)
    # A week belongs to the year of its Thursday.
    thursday = nw.col("date")
    for weekday in (1, 2, 3, 5, 6, 7):
        moved = nw.col("date").dt.offset_by(f"{4 - weekday}d")
        thursday = nw.when(nw.col("weekday") == weekday).then(moved).otherwise(thursday)
    sums = sums.with_columns(_thursday=thursday).with_columns(
        iso_year=nw.col("_thursday").dt.year(), iso_week=(nw.col("_thursday").dt.ordinal_day().cast(nw.Int64) + 6) // 7
    )
    return to_native_frame(sums, rows, ["iso_year", "iso_week", "weekday", "date", *MEASURES, "users"], {"date": False})


def credits_statistics(rows: object) -> CreditsStatistics:
    """The headline numbers of `rows`; two small queries when they are a relation."""
    distinct = {name: nw.col(name).n_unique().fill_null(0) for name in ("model_uid", "user")}  # null of no rows in SQL
    counts = read_rows(open_credits(rows).select(**distinct).to_native())[0]
    days = read_rows(credits_by_day(rows))
    spent = [day for day in days if day["flex_credits"]]
    peak = min(spent, key=lambda day: day["rank"], default=None)
    flex_credits = sum(day["flex_credits"] for day in days)
    uncounted = any(day["requests"] is None for day in days)
    return CreditsStatistics(
        prompt_credits=sum(day["prompt_credits"] for day in days),
        flex_credits=flex_credits,
        requests=None if uncounted else sum(day["requests"] for day in days),
        data_points=sum(day["data_points"] for day in days),
        rows=sum(day["rows"] for day in days),
        models_used=counts["model_uid"],
        users_active=counts["user"],
        days_with_data=len(days),
        days_with_flex_credits=len(spent),
        average_flex_credits=Fraction(flex_credits, len(days)) if days else None,
        first_flex_day=spent[0]["date"] if spent else None,
        peak_day=peak["date"] if peak else None,
        peak_flex_credits=peak["flex_credits"] if peak else None,
    )


def credits_by_user_and_model(rows: Frame) -> Frame:
    """Credits by user and model: `user`, `model_uid`, measures; flex credits descending, then by user and model."""
    sums = _sum_by(open_credits(rows), ["user", "model_uid"])
    order = {"flex_credits": True, "user": False, "model_uid": False}
    return to_native_frame(sums, rows, ["user", "model_uid", *MEASURES], order)


def compare_models(rows: Frame, before: Frame) -> Frame:
    """Credits by model beside those of another month's rows: `model_uid`, `flex_credits`, `flex_credits_before`,
    `flex_credits_change` (hundredths), `presence`; flex credits descending, then those before, then by id.

    `presence` is `new` (no row before), `gone` (no row now) or `both`. Both frames must be of one kind.
    """
    sides = [
        open_credits(side)
        .group_by("model_uid")
        .agg(nw.col("flex_credits").sum(), nw.len().alias("rows"))
        .select(
            "model_uid",
            flex_credits=nw.col("flex_credits").cast(nw.Int64) * now,
            flex_credits_before=nw.col("flex_credits").cast(nw.Int64) * (1 - now),
            _rows=nw.col("rows").cast(nw.Int64) * now,
            _rows_before=nw.col("rows").cast(nw.Int64) * (1 - now),
        )
        for side, now in ((rows, 1), (before, 0))
    ]
    amounts = ["flex_credits", "flex_credits_before", "_rows", "_rows_before"]
    both = _sum_columns(nw.concat(sides), ["model_uid"], amounts)
    is_new, is_gone = nw.col("_rows_before") == 0, nw.col("_rows") == 0
    both = both.with_columns(
        flex_credits_change=nw.col("flex_credits") - nw.col("flex_credits_before"),
        presence=nw.when(is_new)
        .then(nw.lit("new"))
        .otherwise(nw.when(is_gone).then(nw.lit("gone")).otherwise(nw.lit("both"))),
    )
    columns = ["model_uid", "flex_credits", "flex_credits_before", "flex_credits_change", "presence"]
    return to_native_frame(both, rows, columns, {"flex_credits": True, "flex_credits_before": True, "model_uid": False})


def _sum_by(
    opened: LazyFrame,
    keys: Sequence[str],
    distinct: Mapping[str, str] | None = None,
    days: Iterable[date] | None = None,
) -> LazyFrame:
    """The measures of each group, and under new names the distinct values of some columns.

    `days`: values of the first key that have a row, of zeros if need be, with each value of the others.
    """
    distinct = distinct or {}
    sums = opened.group_by(*keys).agg(
        nw.col(*SUMMED).sum(),
        nw.col("requests").count().alias("_counted"),
        nw.len().alias("rows"),
        *(nw.col(column).n_unique().alias(name) for name, column in distinct.items()),
    )
    numbers = [*SUMMED, "_counted", "rows", *distinct]
    sums = sums.with_columns(nw.col(*numbers).cast(nw.Int64))
    if days is not None:
        zeros = list_days(opened, days, keys[0])
        if others := keys[1:]:
            zeros = zeros.join(opened.select(*others).unique(), how="cross")
        added = zeros.select(*keys).with_columns(**{name: nw.lit(0, nw.Int64) for name in numbers})
        sums = _sum_columns(nw.concat([sums, added]), keys, numbers)
    uncounted = nw.col("rows") - nw.col("_counted")
    return sums.with_columns(
        requests=nw.when(uncounted == 0).then(nw.col("requests")), data_points=nw.col("requests") + uncounted
    ).drop("_counted")


def _sum_columns(frame: LazyFrame, keys: Sequence[str], columns: Sequence[str]) -> LazyFrame:
    return frame.group_by(*keys).agg(nw.col(*columns).sum()).with_columns(nw.col(*columns).cast(nw.Int64))
