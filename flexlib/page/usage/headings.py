"""What stands out in a month of calls and their spend, as headings: plain rules on finished frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import measure_share
from flexlib.enums import LlmProxy
from flexlib.formats import format_amount, format_count, format_share_percent, format_short_day
from flexlib.page.kit.parts import Heading
from flexlib.spend.quality import QualityCheck

Row = dict[str, Any]


def heading_for_usage_days(by_day: object, zone: str = "UTC", left_out: int | None = 0) -> Heading:
    """Of `usage_by_day`: the day of the most tokens; `zone` is the days', `left_out` as of `count_coarser`."""
    rows, not_shown = read_rows(by_day), _note_left_out(left_out, "monthly sums")
    if not rows:
        return Heading("By day" if not_shown else "No calls", f"Tokens a day. Days are {zone}.{not_shown}")
    note = f"Tokens a day, on {format_count(len(rows), 'day')} with calls. Days are {zone}.{not_shown}"
    peak = max(rows, key=lambda row: row["total_tokens"])
    if len(rows) == 1:
        return Heading(f"All calls are of {format_short_day(peak['date'])}", note)
    share = format_share_percent(_share(peak["total_tokens"], rows))
    return Heading(f"{format_short_day(peak['date'])} took {share} of the tokens", note)


def heading_for_usage_hours(by_hour: object, zone: str = "UTC", left_out: int | None = 0) -> Heading:
    """Of `usage_by_hour`: the hour of the most tokens; `zone` is the hours', `left_out` as of `count_coarser`."""
    rows = read_rows(by_hour)
    note = "Tokens by hour of the day, over all days." + _note_left_out(left_out, "daily or monthly sums")
    if not rows:
        return Heading("By hour", note)
    peak = max(rows, key=lambda row: row["total_tokens"])
    share = format_share_percent(_share(peak["total_tokens"], rows))
    first, end = peak["hour"], (peak["hour"] + 1) % 24
    return Heading(f"{share} of the tokens fall between {first:02d}:00 and {end:02d}:00 {zone}", note)


def heading_for_usage_models(by_model: object) -> Heading:
    """Of `usage_by_provider_and_model`: what the first takes."""
    rows = read_rows(by_model)
    note = "Ranked by tokens. An amount is what the source gives, else the list price of the call's own time."
    if not rows:
        return Heading("By model", note)
    if len(rows) == 1:
        return Heading(f"All calls are to {rows[0]['model']}", note)
    return Heading(f"{rows[0]['model']} takes {format_share_percent(rows[0]['share_permille'])} of the tokens", note)


def heading_for_usage_sizes(distribution: object, left_out: int | None = 0) -> Heading:
    """Of `usage_distribution`: the median call; `left_out` as of `count_coarser`."""
    half = next((row for row in read_rows(distribution) if row["percent"] == 50), None)
    note = "Calls by how many tokens they read (prompt) and write (completion)."
    note += _note_left_out(left_out, "hourly, daily or monthly sums")
    if half is None:
        return Heading("By size", note)
    return Heading(f"Half of the calls read at most {half['prompt_tokens']:,} tokens", note)


def heading_for_task_types(by_task_type: object) -> Heading:
    """Of `stats_by_task_type` over all rows."""
    rows = read_rows(by_task_type)
    kinds = format_count(len(rows), "kind")
    return Heading(f"{kinds} of task", "Ranked by tokens. Of Windsurf, a call is a request that its server counted.")


def heading_for_proxies(by_proxy: object) -> Heading:
    """Of `usage_by_proxy` over all rows: which way took most of the money."""
    rows = [row for row in read_rows(by_proxy) if row["total_usd"] is not None]
    note = "Through a proxy or directly, ranked by tokens. Windsurf reports credits, not tokens."
    if not rows:
        return Heading("By proxy and directly", note)
    top = max(rows, key=lambda row: (row["total_usd"], row["proxy"] or ""))
    way = "directly" if top["proxy"] is None else f"through {LlmProxy.parse(top['proxy']).label()}"
    return Heading(f"Most of the known spend went {way}: US$ {format_amount(top['total_usd'])}", note)


def heading_for_usables(by_usable: object) -> Heading:
    """Of `usage_by_usable` over the calls: how many there are."""
    named = [row for row in read_rows(by_usable) if row["usable_type"]]
    note = (
        "Calls ranked by tokens; calls without a user have a line of their own. Windsurf's users are in its own report."
    )
    return Heading(format_count(len(named), "user"), note)


def heading_for_open_questions(unpriced: Sequence[Row], unmapped: Sequence[Row]) -> Heading:
    """Of `spend.list_unpriced` and `list_unmapped`."""
    note = "What has no price is in no total; what has no known provider counts, as unmapped."
    without = format_count(sum(row["calls"] for row in unpriced), "call")
    unknown = format_count(sum(row["calls"] for row in unmapped), "call")
    return Heading(f"{without} without a price, {unknown} to an unknown provider", note)


def heading_for_quality(checks: Sequence[QualityCheck]) -> Heading:
    """Of `spend.check_quality`: to how many of the questions something was found."""
    found = sum(1 for one in checks if one.count)
    return Heading(f"{found} of {len(checks)} questions to the data find something", "Asked of every row of the month.")


def _share(part: int, rows: list[Row]) -> int:
    return measure_share(part, sum(row["total_tokens"] for row in rows))


def _note_left_out(calls: int | None, sums: str) -> str:
    """Which calls a chart has no place for, as a sentence after a blank; nothing where it has all."""
    if calls == 0:
        return ""
    hidden = "an unknown number of calls" if calls is None else format_count(calls, "call")
    return f" Not shown: {hidden} that {'is' if calls == 1 else 'are'} known only as {sums}."
