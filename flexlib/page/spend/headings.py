"""What stands out in a month's spend, as the heading of a section: said in words, computed from finished frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.enums import LlmProxy
from flexlib.formats import format_count, format_usd
from flexlib.page.credits.headings import Heading
from flexlib.spend.quality import QualityCheck

Row = dict[str, Any]


def heading_for_task_types(by_task_type: object) -> Heading:
    """Of `aggregate.stats_by_task_type` over all rows."""
    rows = read_rows(by_task_type)
    kinds = format_count(len(rows), "kind")
    return Heading(f"{kinds} of task", "Ranked by tokens. A row is a call; of Windsurf, a user's day with one model.")


def heading_for_proxies(by_proxy: object) -> Heading:
    """Of `aggregate.usage_by_proxy` over all rows: which way took most of the money."""
    rows = [row for row in read_rows(by_proxy) if row["total_usd"] is not None]
    note = "Through a proxy or directly, ranked by tokens. Windsurf tells credits, no tokens."
    if not rows:
        return Heading("By proxy and directly", note)
    top = max(rows, key=lambda row: (row["total_usd"], row["proxy"] or ""))
    way = "directly" if top["proxy"] is None else f"through {LlmProxy.parse(top['proxy']).label()}"
    return Heading(f"Most of the known spend went {way}: US$ {format_usd(top['total_usd'])}", note)


def heading_for_usables(by_usable: object) -> Heading:
    """Of `aggregate.usage_by_usable` over the calls: how many there are."""
    named = [row for row in read_rows(by_usable) if row["usable_type"]]
    note = "Calls ranked by tokens; those of nobody are a line too. Windsurf's users are in its own report."
    return Heading(format_count(len(named), "user"), note)


def heading_for_open_questions(unpriced: Sequence[Row], unmapped: Sequence[Row]) -> Heading:
    """Of `spend.list_unpriced` and `list_unmapped`."""
    note = "What has no price is in no total; what has no known provider counts, as unmapped."
    without = format_count(sum(row["calls"] for row in unpriced), "row")
    unknown = format_count(sum(row["calls"] for row in unmapped), "row")
    return Heading(f"{without} without a price, {unknown} of no known provider", note)


def heading_for_quality(checks: Sequence[QualityCheck]) -> Heading:
    """Of `spend.check_quality`: to how many of the questions something was found."""
    found = sum(1 for one in checks if one.count)
    return Heading(f"{found} of {len(checks)} questions to the data find something", "Asked of every row of the month.")
