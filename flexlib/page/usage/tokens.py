"""What stands out in the tokens of a month, by day, hour and size, as headings: plain rules on finished frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import median

from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import WHOLE, measure_share
from flexlib.formats import format_number, format_share_percent, format_short_day
from flexlib.i18n import _, translate_count
from flexlib.page.kit.parts import Heading
from flexlib.page.usage.headings import FAR_ABOVE_EVEN, FEWEST_DAYS, PEAK, Row


def heading_for_usage_days(
    by_day: object, zone: str = "UTC", left_out: int | None = 0, tokens: int | None = None
) -> Heading:
    """Of `usage_by_day`: a day far above the others; `zone` is the days', `left_out` as of `count_coarser`, `tokens`
    those of all calls, if their day is known or not."""
    rows, not_shown = read_rows(by_day), _note_left_out(left_out, _("monthly sums"))
    if not rows:
        if not_shown:
            return Heading("Tokens by day", _("No day is known of these calls.") + not_shown)
        return Heading("No calls with tokens", "The month has none: nothing is drawn by day, hour or size.")
    note = translate_count(
        "Tokens a day, on {count} day with calls. Days are {zone}.",
        "Tokens a day, on {count} days with calls. Days are {zone}.",
        len(rows),
    )
    note = note.format(count=len(rows), zone=zone) + not_shown
    peak = max(rows, key=lambda row: (row["total_tokens"], -row["date"].toordinal()))
    if len(rows) == 1:
        return Heading(_("All calls are of {day}").format(day=format_short_day(peak["date"])), note)
    usual, whole = median(row["total_tokens"] for row in rows), _name_whole(rows, tokens, "day")
    if len(rows) < FEWEST_DAYS or peak["total_tokens"] < PEAK * usual or not whole:
        return Heading("Tokens by day", note)
    share = format_share_percent(_share(peak["total_tokens"], rows))
    said = _("{day} took {share} of {whole}")
    return Heading(said.format(day=format_short_day(peak["date"]), share=share, whole=whole), note)


def heading_for_usage_hours(
    by_hour: object, zone: str = "UTC", left_out: int | None = 0, tokens: int | None = None
) -> Heading | None:
    """Of `usage_by_hour`: an hour far above an even share; the others as of `heading_for_usage_days`. None where there
    is no call."""
    rows, not_shown = read_rows(by_hour), _note_left_out(left_out, _("daily or monthly sums"))
    if not rows:
        return Heading("Tokens by hour", _("No hour is known of these calls.") + not_shown) if not_shown else None
    note = _("Tokens by hour of the day, over all days.") + not_shown
    peak = max(rows, key=lambda row: (row["total_tokens"], -row["hour"]))
    share, whole = _share(peak["total_tokens"], rows), _name_whole(rows, tokens, "hour")
    if share < FAR_ABOVE_EVEN * Fraction(WHOLE, 24) or not whole:
        return Heading("Tokens by hour of the day", note)
    first, end = peak["hour"], (peak["hour"] + 1) % 24
    said = _("{share} of {whole} fall between {first:02d}:00 and {end:02d}:00 {zone}")
    named = {"share": format_share_percent(share), "whole": whole, "zone": zone}
    return Heading(said.format(first=first, end=end, **named), note)


def heading_for_usage_sizes(distribution: object, left_out: int | None = 0) -> Heading | None:
    """Of `usage_distribution`: the median call; `left_out` as of `count_coarser`. None where there is no call."""
    half = next((row for row in read_rows(distribution) if row["percent"] == 50), None)
    not_shown = _note_left_out(left_out, _("hourly, daily or monthly sums"))
    if half is None:
        return Heading("Tokens by size", _("No call is known by itself.") + not_shown) if not_shown else None
    note = _("Application calls by how many tokens they read (prompt) and write (completion).") + not_shown
    said = _("Half of the calls read at most {count} tokens")
    return Heading(said.format(count=format_number(half["prompt_tokens"])), note)


def _share(part: int, rows: Sequence[Row]) -> int:
    return measure_share(part, sum(row["total_tokens"] for row in rows))


def _name_whole(rows: Sequence[Row], tokens: int | None, what: str) -> str:
    """What a share of the rows' tokens is a share of, as words; nothing where less than half of all `tokens` are in the
    rows: what most of them did is not known then."""
    known = sum(row["total_tokens"] for row in rows)
    if tokens is None or known == tokens:
        return _("the tokens")
    said = _("the tokens whose day is known") if what == "day" else _("the tokens whose hour is known")
    return said if 2 * known >= tokens else ""


def _note_left_out(calls: int | None, sums: str) -> str:
    """Which calls a chart has no place for, as a sentence after a blank; nothing where it has all."""
    if calls == 0:
        return ""
    if calls is None:
        return " " + _("Not shown: an unknown number of calls that are known only as {sums}.").format(sums=sums)
    said = translate_count(
        "Not shown: {count} call that is known only as {sums}.",
        "Not shown: {count} calls that are known only as {sums}.",
        calls,
    )
    return " " + said.format(count=format_number(calls), sums=sums)
