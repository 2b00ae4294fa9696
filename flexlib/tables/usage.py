"""Tables of calls and their spend: by model, day and size; by task, proxy and user; what has no price; the rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.names import mask_key
from flexlib.spend.quality import QualityCheck
from flexlib.tables.definition import Column, Kind, Row, Table, Total

REQUESTS = Column("request_count", "Calls", Kind.COUNT, Total.SUM)
CALLS = Column("calls", "Calls", Kind.COUNT, Total.SUM)
PROMPT = Column("total_prompt_tokens", "Prompt tokens", Kind.COUNT, Total.SUM)
COMPLETION = Column("total_completion_tokens", "Completion tokens", Kind.COUNT, Total.SUM)
USD = Column("total_usd", "US$", Kind.USD, Total.KNOWN)
CLP = Column("total_clp", "CLP", Kind.CLP, Total.KNOWN)

NAMES_OF_PERCENTS = {0: "the smallest call", 50: "50\u00a0%, the median", 100: "100\u00a0%, the largest"}


def table_usage_by_provider_and_model(by_model: object) -> Table:
    """The models by tokens: calls, tokens, share, US$. As from `usage_by_provider_and_model`."""
    rows = _label(read_rows(by_model))
    columns = [
        Column("model", "Model", total="All models", note="label", is_series=True),
        REQUESTS,
        replace(PROMPT, is_optional=True),
        replace(COMPLETION, is_optional=True),
        Column("total_tokens", "Tokens", Kind.COUNT, Total.SUM),
        Column("total_tokens", "", Kind.BAR, is_optional=True),
        Column("share_permille", "Share", Kind.SHARE, Total.SUM),
        *_list_usd(rows),
    ]
    return Table("table-usage-models", "Calls and tokens by model", columns, rows)


def table_usage_by_day(by_day: object) -> Table:
    """Every day with calls, behind a line to be opened. The frame as from `usage_by_day`."""
    rows = read_rows(by_day)
    columns = [
        Column("date", "Day", Kind.DAY, "All days"),
        REQUESTS,
        PROMPT,
        COMPLETION,
        *_list_usd(rows),
    ]
    summary = "The day with calls" if len(rows) == 1 else f"All {len(rows)} days with calls"
    return Table("table-usage-days", "Calls and tokens a day", columns, rows, summary=summary)


def table_usage_distribution(distribution: object) -> Table:
    """The size that a share of the calls does not exceed. As from `usage_distribution`."""
    rows = [
        {**row, "share": NAMES_OF_PERCENTS.get(row["percent"], f"{row['percent']}\u00a0%")}
        for row in read_rows(distribution)
    ]
    columns = [
        Column("share", "Share of calls at or below"),
        Column("prompt_tokens", "Prompt tokens", Kind.COUNT),
        Column("completion_tokens", "Completion tokens", Kind.COUNT),
    ]
    return Table("table-usage-sizes", "Tokens of a call", columns, rows, summary="In numbers")


def table_spend_by_task_type(by_task_type: object) -> Table:
    """The tasks by tokens. The frame as from `stats_by_task_type`."""
    rows = read_rows(by_task_type)
    tasks = [LlmTaskType.parse(row["task_type"]) for row in rows]
    return _tabulate("table-tasks", "Spend by task", "Task", [f"{one.icon} {one.label()}" for one in tasks], rows)


def table_spend_by_proxy(by_proxy: object) -> Table:
    """Through which proxy, or directly, by tokens. The frame as from `usage_by_proxy`."""
    rows = read_rows(by_proxy)
    # Windsurf's tokens are not zero: they are not reported.
    reported = [row if row["proxy"] != LlmProxy.WINDSURF else {**row, "total_tokens": None} for row in rows]
    names = [_name_proxy(row["proxy"]) for row in rows]
    return _tabulate("table-proxies", "Spend by proxy and directly", "Proxy", names, reported)


def table_spend_by_usable(by_usable: object, top: int = 10) -> Table:
    """The `top` users by tokens, the others in one line. The frame as from `usage_by_usable`."""
    rows = read_rows(by_usable)
    names = [_name_usable(row) for row in rows]
    others = frozenset[int]()
    if len(rows) > top + 1:
        rest = rows[top:]
        names, rows = [*names[:top], f"{len(rest):,} others"], [*rows[:top], _join_rows(rest)]
        others = frozenset({top})
    return _tabulate("table-usables", "Spend by user", "User", names, rows, others)


def table_spend_by_windsurf_model(by_model: object) -> Table:
    """Windsurf's models by spend, behind a line to be opened. As from `usage_by_provider_and_model` on its rows."""
    ranked = sorted(read_rows(by_model), key=lambda row: (-(row["total_usd"] or 0), row["provider"], row["model"]))
    columns = [Column("model", "Model through Windsurf", total="All", note="label"), REQUESTS, USD, CLP]
    summary = "Windsurf's models, by spend"
    return Table("table-windsurf-models", "Spend by model through Windsurf", columns, _label(ranked), summary=summary)


def table_rates(rates: Sequence[Row]) -> Table:
    """The exchange rates behind the CLP amounts, behind a line to be opened. As from `spend.list_rates`."""
    columns = [
        Column("day", "Observed on"),
        Column("value", "CLP for US$1", Kind.NUMBER),
        Column("source", "By"),
        CALLS,
    ]
    rows = [{**row, "day": row["day"] or "given by the source"} for row in rates]
    return Table("table-rates", "Exchange rates behind the CLP amounts", columns, rows, summary="The rates, day by day")


def table_unpriced(unpriced: Sequence[Row]) -> Table:
    """Calls without an amount, most first. As from `spend.list_unpriced`."""
    columns = [
        Column("model", "Without a price", total="All"),
        Column("label", "Provider"),
        Column("way", "Proxy", is_optional=True),
        Column("reason", "Why", is_optional=True),
        CALLS,
    ]
    return Table("table-unpriced", "Calls without a price", columns, _label(unpriced))


def table_unmapped(unmapped: Sequence[Row]) -> Table:
    """Calls whose provider is not known, most first. As from `spend.list_unmapped`."""
    columns = [Column("model", "Model of no known provider", total="All"), Column("way", "Proxy"), CALLS]
    return Table("table-unmapped", "Calls whose provider is not known", columns, _label(unmapped))


def table_quality(checks: Sequence[QualityCheck]) -> Table:
    """What the rows were asked, with what was found. As from `spend.check_quality`."""
    columns = [
        Column("question", "Question"),
        Column("count", "Found", Kind.COUNT),
        Column("note", "What it means", is_optional=True),
    ]
    rows = [
        {"question": one.question, "count": one.count or "none", "note": one.note if one.count else ""}
        for one in checks
    ]
    return Table("table-quality", "Data quality", columns, rows)


def _list_usd(rows: Sequence[Row]) -> list[Column]:
    """The known amounts, and how many rows lack one: those are in no sum."""
    missing = Column("unpriced_usd", "Without US$", Kind.COUNT, Total.SUM, is_optional=True)
    has_missing = any(row["unpriced_usd"] for row in rows)
    return [USD, *([missing] if has_missing else [])]


def _tabulate(
    name: str,
    caption: str,
    heading: str,
    names: Sequence[str],
    rows: Sequence[Row],
    others: frozenset[int] = frozenset(),
) -> Table:
    columns = [
        Column("name", heading, total="All"),
        REQUESTS,
        Column("total_tokens", "Tokens", Kind.COUNT, Total.KNOWN if rows else Total.SUM),
        USD,
        CLP,
        Column("unpriced_usd", "No US$", Kind.COUNT, Total.SUM, is_optional=True),
    ]
    if any(row["unpriced_clp"] != row["unpriced_usd"] for row in rows):
        columns.append(Column("unpriced_clp", "No CLP", Kind.COUNT, Total.SUM, is_optional=True))
    named = [{**row, "name": text} for text, row in zip(names, rows, strict=True)]
    return Table(name, caption, columns, named, others)


def _join_rows(rows: Sequence[Row]) -> dict[str, Any]:
    names = ("total_tokens", "unpriced_usd", "unpriced_clp")
    counts = {name: sum(row[name] for row in rows) for name in names}
    calls = [row["request_count"] for row in rows]
    counts["request_count"] = None if None in calls else sum(calls)
    return {**counts, **{name: sum_amounts([row[name] for row in rows]) for name in ("total_usd", "total_clp")}}


def _label(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each row with `label`, the provider as a reader knows it, and `way`, the proxy likewise, where it has them."""
    labelled = []
    for row in rows:
        label = {"label": LlmProvider.parse(row["provider"]).label()} if "provider" in row else {}
        way = {"way": _name_proxy(row["proxy"])} if "proxy" in row else {}
        labelled.append({**row, **label, **way})
    return labelled


def _name_usable(row: Row) -> str:
    if row["usable_type"] is None:
        return "Without a user"
    return f"{row['usable_type']} {mask_key(row['usable_key']) if row['usable_id'] is None else row['usable_id']}"


def _name_proxy(proxy: str | None) -> str:
    return "Directly" if proxy is None else LlmProxy.parse(proxy).label()
