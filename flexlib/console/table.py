"""Finished tables, and flex credits by day and model, as the text that a terminal shows, with their totals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby, islice
from textwrap import wrap
from typing import Any

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.frames import read_rows
from flexlib.dates import Span
from flexlib.errors import InvalidRequest
from flexlib.formats import (
    clean_text,
    format_credits,
    format_day,
    format_month,
    format_share,
    format_span,
    round_half_up,
)
from flexlib.i18n import _, mark_text, write_number
from flexlib.tables.definition import NUMBERS, Column, Kind, Row, Table, format_value

DOUBLE, SINGLE = "=" * 100, "-" * 100
NARROWEST = 24
"""Letters of a column of texts that is not made narrower: most names of models are whole in it."""

USD = "US$"
"""What stands once above a table that would be too wide with it in each heading."""

FIRST_WIDTH = 32
NUMBER_WIDTH = 14
"""The least that a column is wide."""

INDENT = "   "
NAME_WIDTH = 48
"""Of the models' names, an indent included."""
AMOUNT_WIDTH = 16
"""Right-aligned, the space before it included."""
SHARE = "  ({share:>5}%)"
WIDEST_NAME = len(SINGLE) - AMOUNT_WIDTH - len(SHARE.format(share=""))
"""Of a name, so that nothing is wider than the rulers; a longer one stands in several lines."""

AT_LEAST = mark_text("⚠️  AT LEAST: not everything is known; every total here is a lower bound.")


def render_table(table: Table, days: Span, *, lower_bound: bool = False) -> str:
    """The table of those days, one line per row, then the total, if it has one; `lower_bound` marks a total that is
    incomplete. Ends with a newline."""
    columns = table.written_columns
    heads = [column.title.upper() for column in columns]
    cells = [[_render_cell(column, row) for column in columns] for row in table.rows]
    totals = [format_value(table.sum_column(column), column.kind) for column in columns]
    has_totals = any(totals)
    totals[0] = totals[0].upper() + (_(" (AT LEAST)") if lower_bound else "")
    lines, signs = [heads, *cells, totals], [">" if column.kind in NUMBERS else "<" for column in columns]
    laid = _lay_out(lines, signs, FIRST_WIDTH, NUMBER_WIDTH)
    caption = table.title
    if max(map(len, laid)) > len(SINGLE):
        lines[0] = [head.removesuffix(f" {USD}").removesuffix(",") for head in heads]
        caption += f", {USD}" * (lines[0] != heads)
        days_at = [place for place, column in enumerate(columns) if column.kind is Kind.DAY]
        lines[1:-1] = [
            [cell.partition(" - ")[0] if place in days_at else cell for place, cell in enumerate(line)]
            for line in cells
        ]
        laid = _lay_out(lines, signs)
    if max(map(len, laid)) > len(SINGLE) and signs[-1] == "<":  # the last text stands below its line
        *shorter, __ = zip(*lines, strict=True)
        below = [f"\n    {line[-1]}" * bool(line[-1]) for line in lines]
        beside = [*zip(*shorter, strict=True)]
        laid = _lay_out(beside, signs)
        laid = _lay_out_wrapped(beside, signs[:-1]) if max(map(len, laid)) > len(SINGLE) else laid
        laid = [one + more for one, more in zip(laid, below, strict=True)]
    elif max(map(len, laid)) > len(SINGLE):
        laid = _lay_out_wrapped(lines, signs)
    title = render_title(f"{caption} - {format_span(days)}", lower_bound=lower_bound)
    end = [SINGLE, laid[-1], DOUBLE] if has_totals else [DOUBLE]
    return "\n".join([*title, laid[0], SINGLE, *laid[1:-1], *end, *table.explain_dashes().values()]) + "\n"


def render_by_model(
    by_day_and_model: object, by_model: object, statistics: CreditsStatistics, days: Span, *, lower_bound: bool = False
) -> str:
    """The flex credits of a span by day and model, then by model, then the headline numbers.

    A day's block lists the models with flex credits on it. A day with rows but no flex credits has its block too, with
    a total of 0.00: that is known, not missing. So there are as many blocks as days with data, and as many lines of
    totals as models used. The frames have the column `model` of `name_models`. `lower_bound` marks totals that lack
    somebody. Ends with a newline.

    Raises `InvalidRequest` when the three inputs are not of the same rows.
    """
    daily, models = read_rows(by_day_and_model), read_rows(by_model)
    total = sum(row["flex_credits"] for row in models)
    if not sum(row["flex_credits"] for row in daily) == total == statistics.flex_credits:
        raise InvalidRequest(
            _("the frames by day, by model and the statistics differ in their total; make all of one month.")
        )
    longest = max([NAME_WIDTH, *(len(INDENT + clean_text(row["model"])) for row in [*daily, *models])])
    width = min(longest, WIDEST_NAME)
    lines = render_title(f"{_('Flex credits by model')} - {format_span(days)}", lower_bound=lower_bound)
    for day, rows in groupby(daily, key=lambda row: row["date"]):
        lines += ["", *_render_day(day, list(rows), width)]
    lines += ["", DOUBLE, _("TOTALS BY MODEL"), DOUBLE]
    lines += [_amount(row["model"], row["flex_credits"], width, row["share_permille"]) for row in models]
    shares = sum(row["share_permille"] for row in models)
    label = _("GRAND TOTAL") + (_(" (AT LEAST)") if lower_bound else "")
    lines += [SINGLE, _amount(label, total, width, shares), DOUBLE, "", *_render_statistics(statistics)]
    return "\n".join(lines) + "\n"


def _lay_out_wrapped(lines: Sequence[Sequence[str]], signs: Sequence[str]) -> list[str]:
    """As `_lay_out`, in no more than a hundred letters where words allow it: headings as wide as what stands below
    them, then texts in several lines. No word is cut but one that is longer than any column of names, `NAME_WIDTH`."""
    heads, *others = lines
    widths = [max(map(len, [*cells, *head.split()])) for head, *cells in zip(*lines, strict=True)]
    texts = [place for place, sign in enumerate(signs) if sign == "<"]
    while texts and sum(widths) + 2 * (len(widths) - 1) > len(SINGLE):
        widest = max(texts, key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    rows = [_wrap_cells(heads, widths, is_head=True), *(_wrap_cells(line, widths, is_head=False) for line in others)]
    laid = iter(_lay_out([line for row in rows for line in row], signs))
    return ["\n".join(islice(laid, len(row))) for row in rows]


def _wrap_cells(cells: Sequence[str], widths: Sequence[int], *, is_head: bool) -> list[list[str]]:
    """The lines of a row; a heading's last one stands next to what is below."""
    cuts = [any(len(word) > NAME_WIDTH for word in cell.split()) for cell in cells]
    pieces = [wrap(cell, max(width, 1), break_long_words=is_cut, break_on_hyphens=False) or [""]
              for cell, width, is_cut in zip(cells, widths, cuts, strict=True)]  # fmt: skip
    height = max(map(len, pieces))
    blanks = [[""] * (height - len(one)) for one in pieces]
    filled = [blank + one if is_head else one + blank for one, blank in zip(pieces, blanks, strict=True)]
    return [list(line) for line in zip(*filled, strict=True)]


def _lay_out(lines: Sequence[Sequence[str]], signs: Sequence[str], first: int = 0, least: int = 0) -> list[str]:
    """Each line with its cells below each other; `first` and `least`: how wide the first column is, and any."""
    widths = [max(least, *map(len, cells)) for cells in zip(*lines, strict=True)]
    widths[0] = max(first, widths[0])
    return [
        "  ".join(f"{cell:{sign}{width}}" for cell, sign, width in zip(line, signs, widths, strict=False)).rstrip()
        for line in lines
    ]


def render_title(title: str, *, lower_bound: bool) -> list[str]:
    """The lines above a table or a block."""
    return [DOUBLE, title.upper(), DOUBLE, *([_(AT_LEAST)] if lower_bound else [])]


def title_day(day: date) -> str:
    """`2025-09-01 - September 01, 2025`."""
    return f"{day} - {format_day(day)}"


def _render_cell(column: Column, row: Row) -> str:
    value: Any = row.get(column.key)
    text, note = format_value(value, column.find_kind(row)), row.get(column.note)
    if column.kind is Kind.DAY and isinstance(value, date):
        return title_day(value)
    if column.kind is Kind.MONTH and isinstance(value, date):
        return f"{value:%Y-%m} - {format_month(value)}"
    return text + (f" {clean_text(note)}" if note else "")


def _render_day(day: date, rows: Sequence[dict[str, Any]], width: int) -> list[str]:
    spent = [_amount(row["model"], row["flex_credits"], width, indent=INDENT) for row in rows if row["flex_credits"]]
    total = sum(row["flex_credits"] for row in rows)
    return [f"📅 {title_day(day)}", SINGLE, *spent, _amount(_("DAILY TOTAL"), total, width, indent=INDENT)]


def _render_statistics(statistics: CreditsStatistics) -> list[str]:
    average = statistics.average_flex_credits
    by_day = "-" if average is None else format_credits(round_half_up(average))
    return [
        _("📊 Statistics:"),
        _("   - Days with data: {count}").format(count=statistics.days_with_data),
        _("   - Total models used: {count}").format(count=statistics.models_used),
        _("   - Total flex credits: {amount}").format(amount=format_credits(statistics.flex_credits)),
        _("   - Avg flex credits/day: {amount}").format(amount=by_day),
        "",
        _("⚠️  Days with flex credits: {count}").format(count=statistics.days_with_flex_credits),
    ]


def _amount(name: str, hundredths: int, width: int, permille: int | None = None, *, indent: str = "") -> str:
    """The name, its amount and its share; the rest of a long name below."""
    first, *rest = wrap(clean_text(name), width, initial_indent=indent, subsequent_indent=indent,
                        break_on_hyphens=False) or [""]  # fmt: skip
    share = "" if permille is None else SHARE.format(share=write_number(format_share(permille)))
    return "\n".join([first.ljust(width) + format_credits(hundredths).rjust(AMOUNT_WIDTH) + share, *rest])
