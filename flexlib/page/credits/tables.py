"""Finished frames as HTML tables: exact numbers, small bars and lines, and a total that is the sum of what is above it.

Credits come in hundredths. The unit stands once, in the head; a dash stands for what is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import measure_change
from flexlib.dates import Month
from flexlib.formats import (
    UNKNOWN,
    format_change,
    format_count_or_dash,
    format_credits_or_dash,
    format_month,
    format_share_percent,
    format_short_day,
    format_usd,
    price_credits,
)
from flexlib.page.credits.top import NOT_LISTED, OTHER_MODELS
from flexlib.page.kit.markup import Column, Table
from flexlib.page.kit.theme import OTHER, assign_colours, css_colour

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

SPARK_WIDTH, SPARK_HEIGHT = 92, 20

Row = dict[str, Any]


def table_credits_by_model(by_model: object, by_day_and_model: object, compared: object, before: Month) -> Table:
    """The largest models and the others: credits, share, change on the month `before`, days, list price.

    All frames as from `fold.top_models` over `aggregate.credits_by_model`, `credits_by_day_and_model` and
    `compare_models`; `compared` is None when the month before is not stored.
    """
    rows, cells = read_rows(by_model), read_rows(by_day_and_model)
    changes = {} if compared is None else {row["model"]: row for row in read_rows(compared)}
    colours = {**assign_colours(row["model"] for row in rows if row["model"] != OTHER_MODELS), OTHER_MODELS: OTHER}
    sparks = [[cell["flex_credits"] for cell in cells if cell["model"] == row["model"]] for row in rows]
    models = [
        _write_key(colours[row["model"]], row["model"])
        + (f" <small>{row['models']} models</small>" if row["models"] > 1 else "")
        for row in rows
    ]
    total = sum(row["flex_credits"] for row in rows)
    columns = [
        Column("Model", models, "All models"),
        *_list_credits(rows, [colours[row["model"]] for row in rows]),
        Column(
            f"On {format_month(before.first).split()[0]}",
            [_write_model_change(changes.get(row["model"])) for row in rows],
            _write_model_change(_add_changes(list(changes.values()))),
            is_number=True,
        ),
        Column(
            "Day by day",
            [render_spark(spark, colours[row["model"]]) for row, spark in zip(rows, sparks, strict=True)],
            is_extra=True,
        ),
        Column(
            "List US$",
            [format_usd(price_credits(row["flex_credits"])) for row in rows],
            format_usd(price_credits(total)),
            is_number=True,
            is_extra=True,
        ),
    ]
    others = frozenset(number for number, row in enumerate(rows) if row["model"] == OTHER_MODELS)
    return Table("table-models", "Flex credits by model", columns, others=others)


def table_other_models(by_model: object, shown: object) -> Table:
    """The models that `shown`, a folded frame, has folded into one line, each on a line of its own.

    `by_model` as from `fold.top_models` with every model shown.
    """
    own = {row["model"] for row in read_rows(shown)}
    rows = [row for row in read_rows(by_model) if row["model"] not in own]
    columns = [
        Column("Model", [escape(row["model"]) for row in rows], f"{OTHER_MODELS} models"),
        *_list_credits(rows, [OTHER] * len(rows)),
    ]
    return Table("table-other-models", "Flex credits of the other models", columns, f"The other {len(rows)} models")


def table_peak_days(peaks: object) -> Table:
    """The highest days and the others as one line, as from `fold.top_days`."""
    rows = read_rows(peaks)
    names = [_write_weekday(row["date"]) if row["date"] else f"{row['days']} other days" for row in rows]
    columns = [
        Column("Day", names, "All days"),
        *_list_credits(rows, ["accent" if row["date"] else None for row in rows]),
    ]
    others = frozenset(number for number, row in enumerate(rows) if not row["date"])
    return Table("table-peaks", "The days of the most flex credits", columns, others=others)


def table_credits_by_day(by_day: object) -> Table:
    """Every day as from `aggregate.credits_by_day`, behind a line to be opened."""
    rows = read_rows(by_day)
    columns = [
        Column("Day", [_write_weekday(row["date"]) for row in rows], "All days"),
        _list_amounts("Flex credits", rows, "flex_credits"),
        Column(
            "Month so far", [format_credits_or_dash(row["cumulative_flex_credits"]) for row in rows], is_number=True
        ),
        _list_amounts("Prompt credits", rows, "prompt_credits", is_extra=True),
        # The people of a month are not the sum of its days': the total has none.
        Column("People", [format_count_or_dash(row["users"]) for row in rows], UNKNOWN, is_number=True),
    ]
    return Table("table-days", "Credits a day", columns, f"All {len(rows)} days")


def table_credits_by_user(people: object, *, full: bool = False) -> Table:
    """The biggest spenders and the others, as from `fold.top_users`; `full` has more columns and is to be opened."""
    rows = read_rows(people)
    names = [
        escape(row["person"]) + (f" <small>{_count_keys(row['people'])}</small>" if row["person"] == NOT_LISTED else "")
        for row in rows
    ]
    columns = [
        Column("Person", names, f"All {format_count_or_dash(sum(row['people'] for row in rows))}"),
        *_list_credits(rows, ["accent" if row["days"] else None for row in rows]),
    ]
    summary = ""
    if full:
        listed = sum(row["days"] is not None for row in rows)
        has_more = any(row["days"] is None and row["person"] != NOT_LISTED for row in rows)
        summary = (
            f"The first {format_count_or_dash(listed)} people"
            if has_more
            else f"All {format_count_or_dash(listed)} people"
        )
        columns += [
            _list_amounts("Prompt credits", rows, "prompt_credits", is_extra=True),
            # Two people may use it on the same day: the total has no number of days.
            Column("Days", [format_count_or_dash(row["days"]) for row in rows], UNKNOWN, is_number=True, is_extra=True),
        ]
    others = frozenset(number for number, row in enumerate(rows) if row["days"] is None)
    name = "table-all-people" if full else "table-people"
    return Table(name, "Credits by person", columns, summary, others)


def render_spark(amounts: Sequence[int], colour: str) -> str:
    """A small line of amounts, the first day left; nothing for fewer than two."""
    if len(amounts) < 2:
        return UNKNOWN
    top, step = max(*amounts, 1), (SPARK_WIDTH - 2) / (len(amounts) - 1)
    points = " ".join(
        f"{1 + number * step:.1f},{SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * amount / top:.1f}"
        for number, amount in enumerate(amounts)
    )
    line = f'<polyline points="{points}" fill="none" style="stroke:{css_colour(colour)};stroke-width:1.5"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" width="{SPARK_WIDTH}" '
        f'height="{SPARK_HEIGHT}" aria-hidden="true">{line}</svg>'
    )


def _list_credits(rows: list[Row], colours: Sequence[str | None]) -> list[Column]:
    """Flex credits, a bar in its colour for each line that has one, and the share where the rows have it."""
    top = max([row["flex_credits"] for row, colour in zip(rows, colours, strict=True) if colour] + [1])
    bars = [
        f'<i class="bar" style="width:{100 * row["flex_credits"] / top:.1f}%;background:{css_colour(colour)}"></i>'
        if colour and row["flex_credits"]
        else ""
        for row, colour in zip(rows, colours, strict=True)
    ]
    columns = [_list_amounts("Flex credits", rows, "flex_credits"), Column("", bars, is_extra=True)]
    if rows and "share_permille" in rows[0]:
        shares = [row["share_permille"] for row in rows]
        columns.append(
            Column(
                "Share",
                [format_share_percent(share) for share in shares],
                format_share_percent(sum(shares)),
                is_number=True,
            )
        )
    return columns


def _list_amounts(head: str, rows: list[Row], name: str, *, is_extra: bool = False) -> Column:
    amounts = [row[name] for row in rows]
    return Column(
        head,
        [format_credits_or_dash(amount) for amount in amounts],
        format_credits_or_dash(sum(amounts)),
        True,
        is_extra,
    )


def _write_key(colour: str, text: str) -> str:
    return f'<i class="key" style="background:{css_colour(colour)}"></i>{escape(text)}'


def _count_keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count:,} keys"


def _write_weekday(day: date) -> str:
    return f"{format_short_day(day)} <small>{WEEKDAYS[day.weekday()]}</small>"


def _add_changes(rows: list[Row]) -> Row | None:
    if not rows:
        return None
    return {name: sum(row[name] for row in rows) for name in ("flex_credits", "flex_credits_before")}


def _write_model_change(row: Row | None) -> str:
    """More is `more` and less is `less`, colours of cost, not of good and bad."""
    if row is None:
        return UNKNOWN
    now, before = row["flex_credits"], row["flex_credits_before"]
    if before == 0:
        return "new" if now else UNKNOWN
    way = "more" if now > before else "less" if now < before else "same"
    return f'<span class="{way}">{format_change(measure_change(now, before))}</span>'
