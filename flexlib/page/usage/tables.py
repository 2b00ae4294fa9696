"""Finished frames of calls as HTML tables: exact numbers, small bars, and a total that is the sum of the lines."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.enums import LlmProvider
from flexlib.formats import UNKNOWN, format_count_or_dash, format_share_percent, format_short_day, format_usd
from flexlib.page.kit.markup import Column, Table
from flexlib.page.kit.theme import assign_colours, css_colour

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

TOKENS = {"Prompt tokens": "total_prompt_tokens", "Completion tokens": "total_completion_tokens"}

Row = dict[str, Any]


def table_usage_by_provider_and_model(by_model: object) -> Table:
    """The models by tokens: calls, tokens, share, US$. As from `aggregate.usage_by_provider_and_model`."""
    rows = read_rows(by_model)
    slots = assign_colours(row["model"] for row in rows)
    colours = [css_colour(slots[row["model"]]) for row in rows]
    names = [
        f'<i class="key" style="background:{colour}"></i>{escape(row["model"])}'
        f" <small>{escape(LlmProvider.parse(row['provider']).label())}</small>"
        for row, colour in zip(rows, colours, strict=True)
    ]
    top = max([row["total_tokens"] for row in rows] + [1])
    bars = [
        f'<i class="bar" style="width:{100 * row["total_tokens"] / top:.1f}%;background:{colour}"></i>'
        for row, colour in zip(rows, colours, strict=True)
    ]
    shares = [row["share_permille"] for row in rows]
    columns = [
        Column("Model", names, "All models"),
        _list_counts("Calls", rows, "request_count"),
        *(_list_counts(head, rows, name, is_extra=True) for head, name in TOKENS.items()),
        _list_counts("Tokens", rows, "total_tokens"),
        Column("", bars, is_extra=True),
        Column(
            "Share",
            [format_share_percent(share) for share in shares],
            format_share_percent(sum(shares)),
            is_number=True,
        ),
        *_list_usd(rows),
    ]
    return Table("table-usage-models", "Calls and tokens by model", columns)


def table_usage_by_day(by_day: object) -> Table:
    """Every day with rows, behind a line to be opened. The frame as from `aggregate.usage_by_day`."""
    rows = read_rows(by_day)
    summary = "The day with rows" if len(rows) == 1 else f"All {len(rows)} days with rows"
    days = [f"{format_short_day(row['date'])} <small>{WEEKDAYS[row['date'].weekday()]}</small>" for row in rows]
    columns = [
        Column("Day", days, "All days"),
        _list_counts("Rows", rows, "request_count"),
        *(_list_counts(head, rows, name) for head, name in TOKENS.items()),
        *_list_usd(rows),
    ]
    return Table("table-usage-days", "Rows and tokens a day", columns, summary)


def table_usage_distribution(distribution: object) -> Table:
    """How many tokens a call has at most, in so many percent of the calls. As from `usage_distribution`."""
    rows = read_rows(distribution)
    names = {0: "the smallest", 50: "half of the calls", 100: "the largest"}
    columns = [
        Column("Of all calls", [names.get(row["percent"], f"{row['percent']}\u00a0%") for row in rows]),
        Column("Prompt tokens, at most", [format_count_or_dash(row["prompt_tokens"]) for row in rows], is_number=True),
        Column(
            "Completion tokens, at most",
            [format_count_or_dash(row["completion_tokens"]) for row in rows],
            is_number=True,
        ),
    ]
    return Table("table-usage-sizes", "Tokens of a call", columns, "In numbers")


def _list_counts(head: str, rows: list[Row], name: str, *, is_extra: bool = False) -> Column:
    counts = [row[name] for row in rows]
    return Column(
        head, [format_count_or_dash(count) for count in counts], format_count_or_dash(sum(counts)), True, is_extra
    )


def _list_usd(rows: list[Row]) -> list[Column]:
    """The known amounts, and of how many calls none is known: those are in no sum."""
    known = [row["total_usd"] for row in rows if row["total_usd"] is not None]
    amounts = [_write_amount(row["total_usd"]) for row in rows]
    columns = [Column("US$", amounts, _write_amount(sum(known, Decimal(0)) if known else None), is_number=True)]
    if any(row["unpriced_usd"] for row in rows):
        columns.append(_list_counts("Without US$", rows, "unpriced_usd", is_extra=True))
    return columns


def _write_amount(amount: Decimal | None) -> str:
    if amount is None:
        return UNKNOWN
    # What rounds to nothing is not nothing.
    return "&lt; 0.01" if 0 < amount < Decimal("0.005") else format_usd(amount)
