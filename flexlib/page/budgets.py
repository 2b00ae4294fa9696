"""The budgets of a month on its page: a bar each against the whole of it, the forecast's band, and a table."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from flexlib.analysis.budgets import BudgetLine, Outcome, rank_outcome, tell_left_out
from flexlib.formats import PERCENT, format_number
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.kit.chart import NARROW, WIDE, Chart, add_axes, size_letter
from flexlib.page.kit.markup import Html, Piece
from flexlib.page.kit.parts import Heading, show_section
from flexlib.page.kit.svg import add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT
from flexlib.tables.budgets import (
    NEAR_OR_OVER,
    explain_outcome,
    find_state,
    name_outcome,
    table_budgets,
    write_amount,
    write_money,
    write_period,
    write_share,
)

MOST_LINES = 12
"""More budgets than that are read in the table."""

WIDEST = 200
"""Percent at which the chart ends: what is twice its budget is read in the table."""

COLOURS = {
    Outcome.WITHIN: "accent",
    Outcome.NEAR: "amber2",
    Outcome.CANNOT_SAY: "before",
    Outcome.WILL_BE_OVER: "amber1",
    Outcome.OVER: "bad",
}

SAID = {
    Outcome.OVER: mark_text("{name}: the budget is exceeded"),
    Outcome.WILL_BE_OVER: mark_text("{name}: the budget is expected to be exceeded"),
    NEAR_OR_OVER: mark_text("{name}: the budget is nearly used up or exceeded"),
    Outcome.CANNOT_SAY: mark_text("{name}: the budget cannot be judged"),
    Outcome.NEAR: mark_text("{name}: the budget is nearly used up"),
}
"""Of one budget, by `find_state`; the worst first."""


def _count_said(state: str, count: int) -> str:
    """Of several."""
    said: dict[str, str] = {
        Outcome.OVER: translate_count("{count} is exceeded", "{count} are exceeded", count),
        Outcome.WILL_BE_OVER: translate_count(
            "{count} is expected to be exceeded", "{count} are expected to be exceeded", count
        ),
        NEAR_OR_OVER: translate_count(
            "{count} is nearly used up or exceeded", "{count} are nearly used up or exceeded", count
        ),
        Outcome.CANNOT_SAY: translate_count("{count} cannot be judged", "{count} cannot be judged", count),
        Outcome.NEAR: translate_count("{count} is nearly used up", "{count} are nearly used up", count),
    }
    return said[state].format(count=format_number(count))


def show_budgets(lines: Sequence[BudgetLine], left_out: int = 0) -> Piece:
    """The budgets that concern a page, the worst first; nothing where there is none. `left_out`: how many are not shown
    because everybody may see the page."""
    if not lines:
        return Html("budgets", "")
    ranked = sorted(
        lines,
        key=lambda one: (rank_outcome(one.outcome, is_unknown=one.is_unknown), one.measure(one.spent) or 0),
        reverse=True,
    )
    heading = heading_for_budgets(ranked)
    if left_out:
        heading = Heading(heading.heading, f"{heading.note} {tell_left_out(left_out)}")
    return show_section(heading, plot_budgets(ranked), table_budgets(ranked))


def heading_for_budgets(lines: Sequence[BudgetLine]) -> Heading:
    """How many budgets are exceeded, likely will be, cannot be judged or are nearly used up, or that all are held."""
    note = _(
        "What is known, in percent of the budget; the thin line is the band in which four of five forecasts end, its "
        "mark what is expected."
    )
    if any(_is_forecast(one) and one.low is not None and one.high is None for one in lines):
        note += " " + _("Where something is missing it comes on top, and the line has no upper end.")
    if any(one.period != "month" for one in lines):
        note += " " + _("Of days, weeks and cycles the one that used most stands for all.")
    counts = {state: sum(find_state(one) == state for one in lines) for state in SAID}
    said, many = [_count_said(state, count) for state, count in counts.items() if count], format_number(len(lines))
    if not said:
        held = translate_count("The budget is held", "All {count} budgets are held", len(lines))
        return Heading(held.format(count=many), note)
    if len(lines) == 1:
        return Heading(_(SAID[find_state(lines[0])]).format(name=lines[0].name), note)
    return Heading(_("Of {count} budgets {said}").format(count=many, said=", ".join(said)), note)


def plot_budgets(lines: Sequence[BudgetLine], *, name: str = "chart-budgets") -> Chart | None:
    """Of the budgets with an amount, each as a bar up to what was spent; None without one."""
    rows = [one for one in lines if one.amount][:MOST_LINES][::-1]
    if not rows:
        return None
    most = max(max(one.measure(end) or 0 for end in (one.spent, one.high or 0, one.expected or 0)) for one in rows)
    end = min(max(1.1 * most, 110), WIDEST)

    def draw(width: int) -> Figure:
        figure, left = new_figure(width, 44 + 40 * len(rows)), min(300, width // 2)
        axes, letters = add_axes(figure, left, 20, 6, 40 * len(rows)), (left - 12) // size_letter(width)
        for place, one in enumerate(rows):
            share = max(min(one.measure(one.spent) or 0, WIDEST), end / 400)
            for bar in axes.barh([place] * _is_drawn(one), share, 0.5, color=LIGHT[COLOURS[one.outcome]]):
                add_tooltip(bar, _describe(one))
            if (one.measure(one.spent) or 0) > end:  # it goes on beyond the chart
                axes.text(0.99 * end, place, f"{write_share(one)} →", color=LIGHT["paper"], ha="right", va="center")
            if _is_forecast(one):
                ends = [one.expected if value is None else value for value in (one.low, one.high, one.expected)]
                low, high, expected = (min(one.measure(value or 0) or 0, WIDEST) for value in ends)
                axes.plot([low, high], [place] * 2, color=LIGHT["ink"], linewidth=1.5)
                axes.plot([expected] * 2, [place - 0.3, place + 0.3], color=LIGHT["ink"])
        part = _("{share} of {amount}")
        shares = (part.format(share=write_share(one), amount=write_money(one.amount, one.unit)) for one in rows)
        if width == NARROW:  # the unit stands in the table
            shares = (part.format(share=write_share(one), amount=write_amount(one.amount, one.unit)) for one in rows)
        texts = [text for one, share in zip(rows, shares, strict=True) for text in (share, one.name)]
        places = [place + side for place in range(len(rows)) for side in (-0.2, 0.2)]  # the two of a line, one above
        axes.set_yticks(places, [text if len(text) <= letters else f"{text[: letters - 1]}…" for text in texts])
        axes.axvline(100, color=LIGHT["soft"], linewidth=1)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlim(0, end)
        ticks = range(0, int(end) + 1, 100 if width == NARROW else 25)
        axes.set_xticks(ticks, [f"{tick}{PERCENT}" for tick in ticks])
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        return figure

    drawn = (one for one in rows[::-1] if _is_drawn(one))
    legend = [*dict.fromkeys((name_outcome(one), COLOURS[one.outcome]) for one in drawn)]
    if any(_is_forecast(one) for one in rows):
        legend.append((_("expected, in its band"), "ink"))
    words = translate_count(
        "{count} budget in percent of the whole of each: {budgets}.",
        "{count} budgets in percent of the whole of each: {budgets}.",
        len(rows),
    ).format(count=len(rows), budgets="; ".join(map(_describe, rows[::-1])))
    return Chart(name, "Budgets", words, draw, WIDE, legend)


def _is_forecast(one: BudgetLine) -> bool:
    return one.is_running and one.expected is not None and one.outcome is not Outcome.CANNOT_SAY


def _is_drawn(one: BudgetLine) -> bool:
    """Whether it has a bar: a short one of nothing used, and none where nothing is known."""
    return one.known is not None


def _describe(one: BudgetLine) -> str:
    """For who cannot see the bar, and under the mouse."""
    whole = write_money(one.amount, one.unit)
    said = _("{name}: {share} of {amount}").format(name=one.name, share=write_share(one), amount=whole)
    return ", ".join(filter(None, (said, write_period(one), name_outcome(one), explain_outcome(one), one.lacks)))
