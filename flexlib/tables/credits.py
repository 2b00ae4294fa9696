"""Tables of flex credits, in hundredths: by model, day, month and person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import measure_change
from flexlib.analysis.top import NOT_LISTED, OTHER_MODELS, find_label
from flexlib.dates import Month
from flexlib.formats import format_number
from flexlib.i18n import _, translate_count
from flexlib.money.credit_prices import NO_RATES, CreditCost, CreditPrices, price_days
from flexlib.money.fx import Rates
from flexlib.tables.definition import Column, Kind, Row, Table, Total

FLEX = Column("flex_credits", "Flex credits", Kind.CREDITS, Total.SUM)
PROMPT = Column("prompt_credits", "Prompt credits", Kind.CREDITS, Total.SUM)
DATA_POINTS = Column("data_points", "Requests", Kind.COUNT, Total.SUM)
BAR = Column("flex_credits", "", Kind.BAR, is_optional=True)
SHARE = Column("share_permille", "Share", Kind.SHARE, Total.SUM)


def table_daily_credits(by_day: object) -> Table:
    """A line a day, as from `credits_by_day`: for console and file."""
    columns = [
        Column("date", "Day", Kind.DAY, "Total", export_name="event_date"),
        _export(FLEX, "total_flex_credits"),
        _export(PROMPT, "total_prompt_credits"),
        DATA_POINTS,
    ]
    return Table("table-daily", "Flex credits by day", columns, read_rows(by_day))


def table_monthly_credits(by_month: object) -> Table:
    """A line a month, as from `credits_by_month`: for console and file."""
    columns = [
        Column("month", "Month", Kind.MONTH, "Total"),
        _export(FLEX, "total_flex_credits"),
        _export(PROMPT, "total_prompt_credits"),
        Column("total_credits", "Total credits", Kind.CREDITS, Total.SUM, export_name="total_credits_used"),
        DATA_POINTS,
    ]
    return Table("table-monthly", "Credits by month", columns, read_rows(by_month))


def table_credits_by_day_and_model(by_day_and_model: object) -> Table:
    """A line a day and model, zeros too, as from `credits_by_day_and_model` with `name_models`: for a file."""
    columns = [
        Column("date", "Day", Kind.DAY, "Total", export_name="event_date"),
        Column("model", "Model"),
        FLEX,
    ]
    return Table("table-day-and-model", "Flex credits by day and model", columns, read_rows(by_day_and_model))


def price_by_day(by_day: object, prices: CreditPrices, rates: Rates = NO_RATES) -> CreditCost:
    """What the flex credits of a frame as from `credits_by_day` cost, each day's at its price, in pesos at its rate."""
    return price_days(prices, ((row["date"], row["flex_credits"]) for row in read_rows(by_day)), rates)


def table_credits_by_model(
    by_model: object, by_day_and_model: object, compared: object, before: Month, prices: CreditPrices
) -> Table:
    """The largest models and the others: credits, share, change on the month `before`, days, cost by `prices`.

    All frames as from `top_models` over `credits_by_model`, `credits_by_day_and_model` and `compare_models`;
    `compared` is None when the month before is not stored.
    """
    models, cells = read_rows(by_model), read_rows(by_day_and_model)
    changes = {} if compared is None else {row["model"]: row for row in read_rows(compared)}
    days = {row["model"]: [(one["date"], one["flex_credits"]) for one in cells if one["model"] == row["model"]]
            for row in models}  # fmt: skip
    rows = [
        {
            **row,
            "model": find_label(row["model"], OTHER_MODELS),
            "count": _("{count} models").format(count=row["models"]) if row["models"] > 1 else "",
            "change": _find_change(changes.get(row["model"])),
            "days": [flex_credits for _other, flex_credits in days[row["model"]]],
            "usd": price_days(prices, days[row["model"]]).usd,
        }
        for row in models
    ]
    both = {name: sum(row[name] for row in changes.values()) for name in ("flex_credits", "flex_credits_before")}
    columns = [
        Column("model", "Model", total="All models", note="count", is_series=True),
        *_list_credits(models),
        Column(
            "change", _("vs {month}").format(month=before.name), Kind.CHANGE, _find_change(both) if changes else None
        ),
        Column("days", "Day by day", Kind.SPARK, is_optional=True),
        Column("usd", "US$", Kind.USD, Total.SUM, is_optional=True),
    ]
    others = frozenset(place for place, row in enumerate(rows) if row["model"] == OTHER_MODELS)
    return Table("table-models", "Flex credits by model", columns, rows, others)


def table_other_models(by_model: object, shown: object) -> Table:
    """The models that `shown`, as from `top_models`, has in one line, each on a line of its own.

    `by_model` as from `top_models` with every model shown.
    """
    own = {row["model"] for row in read_rows(shown)}
    rows = [row for row in read_rows(by_model) if row["model"] not in own]
    columns = [Column("model", "Model", total="Other models"), *_list_credits(rows)]
    summary = _("The other {count} models").format(count=len(rows))
    return Table("table-other-models", "Flex credits of the other models", columns, rows, summary=summary,
                 bar_colour="other")  # fmt: skip


def table_peak_days(peaks: object) -> Table:
    """The highest days and the others as one line, as from `top_days`."""
    days = read_rows(peaks)
    rows = [{**row, "date": row["date"] or _("{count} other days").format(count=row["days"])} for row in days]
    others = frozenset(place for place, row in enumerate(days) if not row["date"])
    columns = [Column("date", "Day", Kind.DAY, "All days"), *_list_credits(rows)]
    return Table("table-peaks", "The days of the most flex credits", columns, rows, others)


def table_credits_by_day(by_day: object) -> Table:
    """Every day as from `credits_by_day`, behind a line to be opened."""
    rows = read_rows(by_day)
    columns = [
        Column("date", "Day", Kind.DAY, "All days"),
        FLEX,
        Column("cumulative_flex_credits", "Month so far", Kind.CREDITS),
        Column("prompt_credits", "Prompt credits", Kind.CREDITS, Total.SUM, is_optional=True),
        # The people of a month are not the sum of its days': the total has none.
        Column("users", "People", Kind.COUNT, total=None),
    ]
    return Table("table-days", "Credits a day", columns, rows, summary=_("All {count} days").format(count=len(rows)))


def table_credits_by_user(people: object, *, full: bool = False) -> Table:
    """The biggest spenders and the others, as from `top_users`; `full` has more columns and is to be opened."""
    users = read_rows(people)
    rows = [
        {
            **row,
            "person": find_label(row["person"], NOT_LISTED),
            "keys": _count_keys(row["people"]) * (row["person"] == NOT_LISTED),
        }
        for row in users
    ]
    everybody = _("All {count}").format(count=format_number(sum(row["people"] for row in rows)))
    columns = [
        Column("person", "Person", total=everybody, note="keys"),
        *(column for column in _list_credits(rows) if not full or column is not BAR),  # half a page has no room for all
    ]
    others = frozenset(place for place, row in enumerate(rows) if row["days"] is None)
    if not full:
        return Table("table-people", "Credits by person", columns, rows, others)
    listed = len(rows) - len(others)
    has_more = any(row["days"] is None and row["person"] != NOT_LISTED for row in rows)
    summary = (
        _("The first {count} people") if has_more else translate_count("The one person", "All {count} people", listed)
    )
    summary = summary.format(count=format_number(listed))
    columns += [
        Column("prompt_credits", "Prompt credits", Kind.CREDITS, Total.SUM, is_optional=True),
        # Two people may use it on the same day: the total has no number of days.
        Column("days", "Days", Kind.COUNT, total=None, is_optional=True),
    ]
    return Table("table-all-people", "Credits by person", columns, rows, others, summary)


def _count_keys(count: int) -> str:
    return translate_count("{count} key", "{count} keys", count).format(count=format_number(count))


def _list_credits(rows: Sequence[Row]) -> list[Column]:
    """Flex credits, their bars, and the share where the rows have it."""
    return [FLEX, BAR, *([SHARE] if rows and "share_permille" in rows[0] else [])]


def _export(column: Column, name: str) -> Column:
    return replace(column, export_name=name)


def _find_change(row: Row | None) -> int | str | None:
    if row is None:
        return None
    now, before = row["flex_credits"], row["flex_credits_before"]
    return ("new" if now else None) if before == 0 else measure_change(now, before)
