"""What the numbers of a month say, as headings: plain rules on finished frames, neutral where nothing stands out."""

from __future__ import annotations

from itertools import accumulate
from statistics import median

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import WHOLE, measure_share
from flexlib.analysis.top import OTHER_MODELS
from flexlib.formats import format_count, format_credits, format_share_percent, format_short_day, format_whole_credits
from flexlib.i18n import _, list_weekday_names
from flexlib.page.kit.parts import Heading

PEAK = 2
"""So many times the median day is a day worth a heading."""

GROWTH = 1.25
"""So many times the first half is a second half worth a heading."""

NUMBERS = ("", "One model takes", "Two models take", "Three models take")


def heading_for_days(by_day: object) -> Heading:
    """Of `credits_by_day` with every day: a day far above the others, or growth, or fall."""
    rows = read_rows(by_day)
    note = "Flex credits a day by model; above them the month so far. Days are UTC."
    spent = [row["flex_credits"] for row in rows if row["flex_credits"]]
    if not spent:
        return Heading("No flex credits were used", note)
    peak = min(rows, key=lambda row: row["rank"])
    usual = median(spent)
    if len(spent) >= 5 and peak["flex_credits"] >= PEAK * usual:
        times = f"{peak['flex_credits'] / usual:.1f} times"
        heading = (
            f"{format_short_day(peak['date'])} took {format_whole_credits(peak['flex_credits'])}, {times} a usual day"
        )
        return Heading(heading, note + " A usual day is the median of those with flex credits.")
    first, second = _halve([row["flex_credits"] for row in rows])
    if second >= GROWTH * first and len(rows) >= 28:
        return Heading("Use grew in the second half of the month", note)
    if first >= GROWTH * second and len(rows) >= 28:
        return Heading("Use fell in the second half of the month", note)
    return Heading("Flex credits by day", note)


def heading_for_models(by_model: object) -> Heading:
    """Of `top_models` over `credits_by_model`: the fewest models that take half."""
    rows = [row for row in read_rows(by_model) if row["flex_credits"]]
    note = "Ranked by flex credits; the colours are those of the chart."
    named = [row for row in rows if row["model"] != OTHER_MODELS]
    for count, share in enumerate(accumulate(row["share_permille"] for row in named[:3]), 1):
        if share >= WHOLE / 2:
            if count == 1:
                return Heading(f"{named[0]['model']} takes {format_share_percent(share)} of the flex credits", note)
            return Heading(f"{NUMBERS[count]} {format_share_percent(share)} of the flex credits", note)
    return Heading("Flex credits by model", note)


def heading_for_weekdays(by_weekday_and_week: object) -> Heading:
    """Of `credits_by_weekday_and_week`: a weekday far above the others, or quiet weekends."""
    rows = read_rows(by_weekday_and_week)
    note = "A cell a day, in credits; a stronger blue is more."
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
        return Heading(f"Weekends take only {format_share_percent(weekend)}", note)
    return Heading("By weekday and week", note)


def heading_for_users(by_user: object) -> Heading:
    """Of `credits_by_user`: what the tenth of the people with use who spend most take together."""
    rows = read_rows(by_user)
    note = "The share of all flex credits that the biggest spenders take together."
    if len(rows) < 10 or not rows[-1]["cumulative_share_permille"]:
        return Heading("By person", note)
    top = rows[round(len(rows) / 10) - 1]
    share = format_share_percent(top["cumulative_share_permille"])
    return Heading(f"One person in ten takes {share}", f"{note} One in ten: {top['rank']} of {len(rows)} with use.")


def heading_for_spenders(by_user: object) -> Heading:
    """Of `credits_by_user`: how many people had flex credits at all."""
    rows = read_rows(by_user)
    spent = sum(1 for row in rows if row["flex_credits"])
    note = "Ranked by flex credits. A pseudonym is the same in every month; names stand only where they were asked for."
    if not spent:
        return Heading("People", note)
    note += " Flex credits are what a person uses beyond the prompt credits of the plan."
    return Heading(f"{spent:,} of {len(rows):,} people with use took flex credits", note)


def heading_for_peaks(statistics: CreditsStatistics) -> Heading:
    """The highest day, and the first with any."""
    if statistics.first_flex_day is None or statistics.peak_day is None:
        return Heading("Peak days", "No day has flex credits.")
    peak = f"Most on {format_short_day(statistics.peak_day)}: {format_credits(statistics.peak_flex_credits or 0)}"
    days = format_count(statistics.days_with_flex_credits, "day")
    verb = "has" if statistics.days_with_flex_credits == 1 else "have"
    first = format_short_day(statistics.first_flex_day)
    return Heading(f"{peak} flex credits", f"{days} of the month {verb} some, the first is {first}.")


def _halve(amounts: list[int]) -> tuple[int, int]:
    """The sums of the first and the last half; a day in the middle is in neither."""
    half = len(amounts) // 2
    return sum(amounts[:half]), sum(amounts[-half:]) if half else 0
