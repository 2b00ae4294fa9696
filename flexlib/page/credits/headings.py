"""What the numbers of a month say, as headings: plain rules on finished frames, neutral where nothing stands out."""

from __future__ import annotations

from itertools import accumulate
from statistics import median

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import WHOLE, measure_share
from flexlib.analysis.top import OTHER_MODELS
from flexlib.formats import (
    format_credits,
    format_number,
    format_share_percent,
    format_short_day,
    format_whole_credits,
)
from flexlib.i18n import _, list_weekday_names, mark_text, translate_count, write_number
from flexlib.page.kit.parts import Heading

PEAK = 2
"""So many times the median day is a day worth a heading."""

GROWTH = 1.25
"""So many times the first half is a second half worth a heading."""

TAKE_HALF = (
    mark_text("{model} takes {share} of the flex credits"),
    mark_text("Two models take {share} of the flex credits"),
    mark_text("Three models take {share} of the flex credits"),
)
"""Of as many models."""


def heading_for_days(by_day: object) -> Heading:
    """Of `credits_by_day` with every day: a day far above the others, or growth, or fall."""
    rows = read_rows(by_day)
    note = _("Flex credits a day by model; above them the month so far. Days are UTC.")
    spent = [row["flex_credits"] for row in rows if row["flex_credits"]]
    if not spent:
        return Heading("No flex credits were used", note)
    peak = min(rows, key=lambda row: row["rank"])
    usual = median(spent)
    if len(spent) >= 5 and peak["flex_credits"] >= PEAK * usual:
        heading = _("{day} took {credits} flex credits, {times} times a usual day").format(
            day=format_short_day(peak["date"]),
            credits=format_whole_credits(peak["flex_credits"]),
            times=write_number(f"{peak['flex_credits'] / usual:.1f}"),
        )
        return Heading(heading, f"{note} {_('A usual day is the median of those with flex credits.')}")
    first, second = _halve([row["flex_credits"] for row in rows])
    if second >= GROWTH * first and len(rows) >= 28:
        return Heading("Use grew in the second half of the month", note)
    if first >= GROWTH * second and len(rows) >= 28:
        return Heading("Use fell in the second half of the month", note)
    return Heading("Flex credits by day", note)


def heading_for_models(by_model: object) -> Heading:
    """Of `top_models` over `credits_by_model`: the fewest models that take half."""
    rows = [row for row in read_rows(by_model) if row["flex_credits"]]
    note = _("Ranked by flex credits; the colours are those of the chart.")
    named = [row for row in rows if row["model"] != OTHER_MODELS]
    for count, share in enumerate(accumulate(row["share_permille"] for row in named[:3]), 1):
        if share >= WHOLE / 2:
            said = _(TAKE_HALF[count - 1])
            return Heading(said.format(model=named[0]["model"], share=format_share_percent(share)), note)
    return Heading("Flex credits by model", note)


def heading_for_weekdays(by_weekday_and_week: object) -> Heading:
    """Of `credits_by_weekday_and_week`: a weekday far above the others, or quiet weekends."""
    rows = read_rows(by_weekday_and_week)
    note = _("A cell a day, in credits; a stronger blue is more.")
    total = sum(row["flex_credits"] for row in rows)
    if not total:
        return Heading("By weekday and week", note)
    sums = {day: sum(row["flex_credits"] for row in rows if row["weekday"] == day) for day in range(1, 8)}
    top = max(sums, key=lambda day: (sums[day], -day))
    weekend = measure_share(sums[6] + sums[7], total)
    if measure_share(sums[top], total) >= 300:
        title = _("{weekday}s take {share}")
        share = format_share_percent(measure_share(sums[top], total))
        return Heading(title.format(weekday=list_weekday_names()[top - 1], share=share), note)
    if weekend <= 100 and any(row["weekday"] > 5 for row in rows):
        return Heading(_("Weekends take only {share}").format(share=format_share_percent(weekend)), note)
    return Heading("By weekday and week", note)


def heading_for_users(by_user: object) -> Heading:
    """Of `credits_by_user`: what the tenth of the people with use who spend most take together."""
    rows = read_rows(by_user)
    note = _("The share of all flex credits that the biggest spenders take together.")
    if len(rows) < 10 or not rows[-1]["cumulative_share_permille"]:
        return Heading("By person", note)
    top = rows[round(len(rows) / 10) - 1]
    share = format_share_percent(top["cumulative_share_permille"])
    tenth = _("One in ten: {count} of {people} with use.").format(count=top["rank"], people=len(rows))
    return Heading(_("One person in ten takes {share}").format(share=share), f"{note} {tenth}")


def heading_for_spenders(by_user: object) -> Heading:
    """Of `credits_by_user`: how many people had flex credits at all."""
    rows = read_rows(by_user)
    spent = sum(1 for row in rows if row["flex_credits"])
    note = _(
        "Ranked by flex credits. A pseudonym is the same in every month; names stand only where they were asked for."
    )
    if not spent:
        return Heading("People", note)
    note += " " + _("Flex credits are what a person uses beyond the prompt credits of the plan.")
    said = _("{spenders} of {people} people with use took flex credits")
    return Heading(said.format(spenders=format_number(spent), people=format_number(len(rows))), note)


def heading_for_peaks(statistics: CreditsStatistics) -> Heading:
    """The highest day, and the first with any."""
    if statistics.first_flex_day is None or statistics.peak_day is None:
        return Heading("Peak days", "No day has flex credits.")
    peak = _("Most on {day}: {credits} flex credits").format(
        day=format_short_day(statistics.peak_day), credits=format_credits(statistics.peak_flex_credits or 0)
    )
    days = translate_count(
        "{count} day of the month has some, the first is {first}.",
        "{count} days of the month have some, the first is {first}.",
        statistics.days_with_flex_credits,
    )
    first = format_short_day(statistics.first_flex_day)
    return Heading(peak, days.format(count=statistics.days_with_flex_credits, first=first))


def _halve(amounts: list[int]) -> tuple[int, int]:
    """The sums of the first and the last half; a day in the middle is in neither."""
    half = len(amounts) // 2
    return sum(amounts[:half]), sum(amounts[-half:]) if half else 0
