"""A month's spend as HTML tables: by task, by way, by user; the rates; what has no price; what the rows were asked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.formats import UNKNOWN, format_count_or_dash, format_usd
from flexlib.page.kit.markup import Column, Table
from flexlib.spend.quality import QualityCheck

Row = dict[str, Any]


def table_spend_by_task_type(by_task_type: object) -> Table:
    """The tasks by tokens. The frame as from `aggregate.stats_by_task_type`."""
    rows = read_rows(by_task_type)
    tasks = [LlmTaskType.parse(row["task_type"]) for row in rows]
    return _tabulate(
        "table-tasks", "Spend by task", "Task", [f"{one.icon} {escape(one.label())}" for one in tasks], rows
    )


def table_spend_by_proxy(by_proxy: object) -> Table:
    """The ways by tokens: through whom, or directly. The frame as from `aggregate.usage_by_proxy`."""
    rows = read_rows(by_proxy)
    names = [_name_proxy(row["proxy"]) for row in rows]
    return _tabulate("table-proxies", "Spend by proxy and directly", "Way", names, rows)


def table_spend_by_usable(by_usable: object, top: int = 10) -> Table:
    """The `top` users by tokens, the others in one line. The frame as from `aggregate.usage_by_usable`."""
    rows = read_rows(by_usable)
    names = [
        escape(f"{row['usable_type']} {row['usable_id']}") if row["usable_type"] else "<em>Nobody named</em>"
        for row in rows
    ]
    others = frozenset[int]()
    if len(rows) > top + 1:
        rest = rows[top:]
        names, rows = [*names[:top], f"{len(rest):,} others"], [*rows[:top], _join_rows(rest)]
        others = frozenset({top})
    return _tabulate("table-usables", "Spend by user", "User", names, rows, others)


def table_spend_by_windsurf_model(by_model: object) -> Table:
    """Windsurf's models by spend, behind a line to be opened. As from `usage_by_provider_and_model` on its rows."""
    rows = sorted(read_rows(by_model), key=lambda row: (-(row["total_usd"] or 0), row["provider"], row["model"]))
    names = [
        f"{escape(row['model'])} <small>{escape(LlmProvider.parse(row['provider']).label())}</small>" for row in rows
    ]
    columns = [
        Column("Model through Windsurf", names, "All"),
        _add_up("Rows", rows, "request_count"),
        _add_amounts("US$", rows, "total_usd", "0.01"),
        _add_amounts("CLP", rows, "total_clp", "1"),
    ]
    return Table("table-windsurf-models", "Spend by model through Windsurf", columns, "Windsurf's models, by spend")


def table_rates(rates: Sequence[Row]) -> Table:
    """The rates behind the pesos, behind a line to be opened. As from `spend.list_rates`."""
    days = [row["day"] or "given by the source" for row in rates]
    columns = [
        Column("Observed on", [escape(day) for day in days]),
        Column("CLP for US$1", [escape(row["value"] or UNKNOWN) for row in rates], is_number=True),
        Column("By", [escape(row["source"] or UNKNOWN) for row in rates]),
        _count_column(rates),
    ]
    return Table("table-rates", "Exchange rates behind the pesos", columns, "The rates, day by day")


def table_unpriced(unpriced: Sequence[Row]) -> Table:
    """Calls without an amount, most first. As from `spend.list_unpriced`."""
    columns = [
        Column("Without a price", [escape(row["model"]) for row in unpriced], "All"),
        Column("Provider", [escape(LlmProvider.parse(row["provider"]).label()) for row in unpriced]),
        Column("Way", [_name_proxy(row["proxy"]) for row in unpriced], is_extra=True),
        Column("Why", [escape(row["reason"]) for row in unpriced], is_extra=True),
        _count_column(unpriced),
    ]
    return Table("table-unpriced", "Calls without a price", columns)


def table_unmapped(unmapped: Sequence[Row]) -> Table:
    """Calls whose provider is not known, most first. As from `spend.list_unmapped`."""
    columns = [
        Column("Model of no known provider", [escape(row["model"]) for row in unmapped], "All"),
        Column("Way", [_name_proxy(row["proxy"]) for row in unmapped]),
        _count_column(unmapped),
    ]
    return Table("table-unmapped", "Calls whose provider is not known", columns)


def table_quality(checks: Sequence[QualityCheck]) -> Table:
    """What the rows were asked, with what was found. As from `spend.check_quality`."""
    columns = [
        Column("Question", [escape(one.question) for one in checks]),
        Column("Found", [format_count_or_dash(one.count) if one.count else "none" for one in checks], is_number=True),
        Column("What it means", [escape(one.note) if one.count else "" for one in checks], is_extra=True),
    ]
    return Table("table-quality", "Data quality", columns)


def _tabulate(
    name: str, caption: str, head: str, names: Sequence[str], rows: Sequence[Row], others: frozenset[int] = frozenset()
) -> Table:
    columns = [
        Column(head, names, "All"),
        _add_up("Rows", rows, "request_count"),
        _add_up("Tokens", rows, "total_tokens"),
        _add_amounts("US$", rows, "total_usd", "0.01"),
        _add_amounts("CLP", rows, "total_clp", "1"),
        _add_up("No US$", rows, "unpriced_usd", is_extra=True),
    ]
    if any(row["unpriced_clp"] != row["unpriced_usd"] for row in rows):
        columns.append(_add_up("No CLP", rows, "unpriced_clp", is_extra=True))
    return Table(name, caption, columns, others=others)


def _join_rows(rows: Sequence[Row]) -> Row:
    names = ("request_count", "total_tokens", "unpriced_usd", "unpriced_clp")
    counts = {name: sum(row[name] for row in rows) for name in names}
    return {**counts, **{name: sum_amounts([row[name] for row in rows]) for name in ("total_usd", "total_clp")}}


def _add_up(head: str, rows: Sequence[Row], name: str, *, is_extra: bool = False) -> Column:
    total = format_count_or_dash(sum(row[name] for row in rows))
    return Column(head, [format_count_or_dash(_read_count(row, name)) for row in rows], total, True, is_extra)


def _read_count(row: Row, name: str) -> int | None:
    """Windsurf's tokens are not none: they are not told."""
    count: int = row[name]
    return None if name == "total_tokens" and row.get("proxy") == LlmProxy.WINDSURF else count


def _add_amounts(head: str, rows: Sequence[Row], name: str, places: str) -> Column:
    amounts = [row[name] for row in rows]
    return Column(head, [_write(one, places) for one in amounts], _write(sum_amounts(amounts), places), is_number=True)


def _write(amount: Decimal | None, places: str) -> str:
    if amount is None:
        return UNKNOWN
    # What rounds to nothing is not nothing.
    return f"&lt; {places}" if 0 < amount < Decimal(places) / 2 else format_usd(amount, places)


def _count_column(rows: Sequence[Row]) -> Column:
    return Column(
        "Rows",
        [format_count_or_dash(row["calls"]) for row in rows],
        format_count_or_dash(sum(row["calls"] for row in rows)),
        True,
    )


def _name_proxy(proxy: str | None) -> str:
    return "Directly" if proxy is None else escape(LlmProxy.parse(proxy).label())
