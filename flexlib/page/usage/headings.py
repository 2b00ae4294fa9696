"""What stands out in a month of calls, as the heading of a section: said in words, computed from finished frames."""

from __future__ import annotations

from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import WHOLE
from flexlib.formats import format_count, format_count_or_dash, format_share_percent, format_short_day
from flexlib.page.credits.headings import Heading


def heading_for_usage_days(by_day: object, zone: str = "UTC") -> Heading:
    """Of `usage_by_day`: the day of the most tokens; `zone` is that of the days."""
    rows = read_rows(by_day)
    if not rows:
        return Heading("No calls", f"Tokens a day. Days are {zone}.")
    note = f"Tokens a day, on {format_count(len(rows), 'day')} with calls. Days are {zone}."
    peak = max(rows, key=lambda row: row["total_tokens"])
    if len(rows) == 1:
        return Heading(f"All calls are of {format_short_day(peak['date'])}", note)
    share = format_share_percent(_share(peak["total_tokens"], rows))
    return Heading(f"{format_short_day(peak['date'])} took {share} of the tokens", note)


def heading_for_usage_hours(by_hour: object, zone: str = "UTC") -> Heading:
    """Of `usage_by_hour`: the hour of the most tokens; `zone` is that of the hours."""
    rows = read_rows(by_hour)
    note = "Tokens by hour of the day, over all days."
    if not rows:
        return Heading("By hour", note)
    peak = max(rows, key=lambda row: row["total_tokens"])
    share = format_share_percent(_share(peak["total_tokens"], rows))
    return Heading(
        f"From {peak['hour']:02d} to {(peak['hour'] + 1) % 24:02d} h {zone} fall {share} of the tokens", note
    )


def heading_for_usage_models(by_model: object) -> Heading:
    """Of `usage_by_provider_and_model`: what the first takes."""
    rows = read_rows(by_model)
    note = "Ranked by tokens. An amount is what the source gives, else the list price of the call's own time."
    if not rows:
        return Heading("By model", note)
    if len(rows) == 1:
        return Heading(f"All calls are to {rows[0]['model']}", note)
    return Heading(f"{rows[0]['model']} takes {format_share_percent(rows[0]['share_permille'])} of the tokens", note)


def heading_for_usage_sizes(distribution: object) -> Heading:
    """Of `usage_distribution`: the median call."""
    half = next((row for row in read_rows(distribution) if row["percent"] == 50), None)
    note = "Calls by how many tokens they read (prompt) and write (completion)."
    if half is None:
        return Heading("By size", note)
    return Heading(f"Half of the calls read at most {format_count_or_dash(half['prompt_tokens'])} tokens", note)


def _share(part: int, rows: list[dict[str, Any]]) -> int:
    """Tenths of a percent, rounded down."""
    total: int = sum(row["total_tokens"] for row in rows)
    return WHOLE * part // max(1, total)
