"""Tables of spend and calls: by model, seller, user, task and day; how calls ended; what has no price; the rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import choose_coloured, fold_lines, measure_unit_price, rank_spend
from flexlib.enums import LlmProvider, LlmProxy
from flexlib.formats import format_number
from flexlib.i18n import _, mark_text, translate_count
from flexlib.senders import name_provider, name_task
from flexlib.spend.before import MonthBefore
from flexlib.spend.bills import MonthBills
from flexlib.spend.quality import QualityCheck
from flexlib.tables.definition import Column, Kind, Row, Table, Total, say_least
from flexlib.tables.spend import (
    lead_to_spend,
    table_differences,
    table_differences_by_model,
    table_providers,
)

UNSIZED = mark_text("not known, since a row sums calls and does not say how many")
REQUESTS = Column("request_count", "Calls", Kind.COUNT, Total.SUM, unknown=UNSIZED)
CALLS = Column("calls", "Calls", Kind.COUNT, Total.SUM)
OF_APPLICATIONS = mark_text("Application calls")
"""The heading of calls where those are left out that Windsurf's developers make, and `Calls` counts elsewhere."""
PROMPT = Column("total_prompt_tokens", "Prompt tokens", Kind.COUNT, Total.SUM)
COMPLETION = Column("total_completion_tokens", "Completion tokens", Kind.COUNT, Total.SUM)
USD = Column("total_usd", "US$", Kind.USD, Total.KNOWN)
CLP = Column("total_clp", "CLP", Kind.CLP, Total.KNOWN)
UNIT_PRICE = Column("usd_per_million", "US$ per 1M tokens", Kind.USD)
USABLE = ("usable_type", "usable_id", "usable_key")

NAMES_OF_PERCENTS = {0: mark_text("the smallest call"), 50: mark_text("50\u00a0%, the median"),
                     100: mark_text("100\u00a0%, the largest")}  # fmt: skip


def table_spend_by_model(
    models: Sequence[Row],
    priced: object = None,
    before: MonthBefore | None = None,
    bills: MonthBills | None = None,
) -> Table:
    """The models by money: calls, tokens, US$, share, price of a million tokens, and the change on the month before.

    As from `rank_models` with the `priced` rows; past the largest twelve they are one line. With `bills` the total is
    led to the month's spend: by what was billed without calls, and by what bills take more or less than was counted.
    """
    folded = fold_lines(models, "model")
    rows = [
        {**row, "label": _("{count} models").format(count=row["lines"])} if "lines" in row else row for row in folded
    ]
    columns = [
        Column("model", "Model", total="All models", note="label", is_series=True),
        replace(REQUESTS, is_optional=True),
        Column("total_tokens", "Tokens", Kind.COUNT, Total.KNOWN if rows else Total.SUM, is_optional=True),
        replace(UNIT_PRICE, total=None if priced is None else measure_unit_price(read_rows(priced))),
        *_list_money(rows, _list_change(models, before), has_bar=True),
    ]
    coloured, written = frozenset(line["model"] for line in choose_coloured(models)), say_least(columns, rows)
    closing = lead_to_spend(bills, columns) if bills is not None and bills.has_bills else ()
    return Table(
        "table-spend-models", "Spend by model", *written, _find_others(rows), coloured=coloured, closing=closing
    )


def table_other_models(models: Sequence[Row]) -> Table:
    """The models that `table_spend_by_model` has in one line, each on a line of its own, behind a line to be opened."""
    shown = fold_lines(models, "model")
    rows = models[len(shown) - 1 :] if _find_others(shown) else []
    columns = [
        Column("model", "Model", total="Other models", note="label"),
        replace(REQUESTS, is_optional=True),
        UNIT_PRICE,
        *_list_money(rows),
    ]
    said, summary = say_least(columns, rows), _("The other {count} models").format(count=len(rows))
    return Table("table-other-models", "Spend by the other models", *said, summary=summary)


def table_spend_by_seller(sellers: Sequence[Row], before: MonthBefore | None = None) -> Table:
    """Who sends the bill, by money. As from `rank_sellers`."""
    rows = [{**line, "name": name_provider(line["seller"])} for line in sellers]
    columns = [
        Column("name", "Who bills", total="All"),
        REQUESTS,
        Column("total_tokens", "Tokens", Kind.COUNT, Total.KNOWN if rows else Total.SUM, is_optional=True),
        replace(CLP, is_optional=True),
        *_list_money(rows, _list_change(sellers, before), has_bar=True),
    ]
    return Table("table-sellers", "Spend by who sends the bill", *say_least(columns, rows))


def list_seller_tables(sellers: Sequence[Row], bills: MonthBills, before: MonthBefore | None = None) -> list[Table]:
    """Who sends the bill: as counted; where any bill is there, counted and billed, and where the two differ."""
    if not bills.has_bills:
        return [table_spend_by_seller(sellers, before)]
    return [table_providers(bills), table_differences_by_model(bills), table_differences(bills)]


def table_usage_by_day(by_day: object) -> Table:
    """Every day with calls, behind a line to be opened. The frame as from `usage_by_day`."""
    rows = read_rows(by_day)
    columns = [
        Column("date", "Day", Kind.DAY, "All days"),
        *_list_usd(rows),
        REQUESTS,
        replace(PROMPT, is_optional=True),
        replace(COMPLETION, is_optional=True),
    ]
    summary = translate_count("The day with calls", "All {count} days with calls", len(rows)).format(count=len(rows))
    return Table("table-usage-days", "Spend, calls and tokens a day", *say_least(columns, rows), summary=summary)


def table_usage_distribution(distribution: object) -> Table:
    """The size that a share of the calls does not exceed. As from `usage_distribution`."""
    rows = [
        {**row, "share": _(NAMES_OF_PERCENTS.get(row["percent"], f"{row['percent']}\u00a0%"))}
        for row in read_rows(distribution)
    ]
    columns = [
        Column("share", "Share of calls at or below"),
        Column("prompt_tokens", "Prompt tokens", Kind.COUNT),
        Column("completion_tokens", "Completion tokens", Kind.COUNT),
    ]
    return Table("table-usage-sizes", "Tokens of a call", columns, rows, summary="In numbers")


def table_spend_by_task_type(by_task_type: object) -> Table:
    """The tasks by money. The frame as from `stats_by_task_type`."""
    lines = rank_spend(read_rows(by_task_type), ("task_type",))
    rows = [{**line, "name": name_task(line["task_type"])} for line in lines]
    columns = [Column("name", "Task", total="All"), REQUESTS, *_list_money(rows)]
    return Table("table-tasks", "Spend by task", *say_least(columns, rows))


def table_spend_by_usable(by_usable: object, top: int = 10, *, is_masked: bool = True) -> Table:  # noqa: ARG001
    """The `top` users by money, the others in one line; keys as they were loaded, which is masked unless names were
    asked for. The frame as from `usage_by_usable`; `is_masked` is said by notebooks of before, and means nothing."""
    ranked = rank_spend(read_rows(by_usable), USABLE)
    lines = [{**line, "name": _name_usable(line)} for line in ranked]
    rows = fold_lines(lines, "name", _("{count} others").format(count=format_number(len(lines) - top)), top)
    columns = [
        Column("name", "User", total="All"),
        replace(REQUESTS, heading=OF_APPLICATIONS),
        Column("total_tokens", "Tokens", Kind.COUNT, Total.SUM, is_optional=True),
        *_list_money(rows, has_bar=True),
    ]
    return Table("table-usables", "Spend by user", *say_least(columns, rows), _find_others(rows))


def table_statuses(statuses: Sequence[Row]) -> Table:
    """How calls ended, most first. As from `spend.list_statuses`."""
    rows = [
        {
            **row,
            "name": _("Not said") if row["status"] is None else row["status"],
            "note": _("left out of the file") if row["left_out"] else _("failed") if row["failed"] else "",
        }
        for row in statuses
    ]
    total = _("All, with those left out") if any(row["left_out"] for row in rows) else _("All")
    columns = [Column("name", "Status", total=total, note="note"), replace(CALLS, heading=OF_APPLICATIONS), USD]
    return Table("table-statuses", "Calls by how they ended", *say_least(columns, rows))


def table_rates(rates: Sequence[Row]) -> Table:
    """The exchange rates behind the CLP amounts, behind a line to be opened. As from `spend.list_rates`."""
    columns = [Column("day", "Observed on", Kind.DAY, "All"), Column("value", "CLP for US$1", Kind.NUMBER),
               Column("source", "By"), CALLS]  # fmt: skip
    given = _("given by the source")
    rows = [{**row, "day": date.fromisoformat(row["day"]) if row["day"] else given,
             "value": row["value"] and Decimal(row["value"])} for row in rates]  # fmt: skip
    counted = say_least(columns, rows)
    return Table("table-rates", "Exchange rates behind the CLP amounts", *counted, summary="The rates, day by day")


def table_unpriced(unpriced: Sequence[Row]) -> Table:
    """Calls without an amount, most first. As from `spend.list_unpriced`."""
    columns = [Column("model", "Without a price", total="All", note="maker"), Column("reason", "Why"), CALLS]
    said = say_least(columns, _label(unpriced))
    return Table("table-unpriced", "Calls without a price", *said)


def table_unmapped(unmapped: Sequence[Row]) -> Table:
    """Calls to none of the providers, most first. As from `spend.list_unmapped`."""
    rows = [row | {"way": ", ".join(filter(None, (row.get("made_by"), row["way"])))} for row in _label(unmapped)]
    columns = [Column("model", "Model of no listed provider", total="All", note="way"), CALLS]
    return Table("table-unmapped", "Calls to no listed provider", *say_least(columns, rows))


def table_quality(checks: Sequence[QualityCheck]) -> Table:
    """What the rows were asked and something was found. As from `spend.check_quality`."""
    columns = [Column("question", "Question", note="note"), Column("count", "Found", Kind.COUNT)]
    rows = [{"question": _(one.question), "count": one.count, "note": _(one.note)} for one in checks if one.count]
    return Table("table-quality", "Data quality", columns, rows)


def _list_money(rows: Sequence[Row], change: Sequence[Column] = (), *, has_bar: bool = False) -> list[Column]:
    """The known amounts, the share of each, its `change`, and how many calls lack one."""
    usd, *missing = _list_usd(rows)
    bar = [Column("total_usd", "", Kind.BAR, is_optional=True)] if has_bar else []
    has_shares = any(row["share_permille"] is not None for row in rows)
    total = Total.KNOWN if has_shares else None
    # A phone has no room for both.
    share = Column("share_permille", "Share", Kind.SHARE, total, is_optional=bool(change))
    return [usd, *bar, share, *change, *missing]


def _list_change(lines: Sequence[Row], before: MonthBefore | None) -> list[Column]:
    """The change of each line on the month before, and of all: that month's other lines are in the total."""
    if before is None or before.obstacle:
        return []
    return [Column("change", _("vs {month}").format(month=before.month.name), Kind.CHANGE, before.compare(lines))]


def _list_usd(rows: Sequence[Row]) -> list[Column]:
    """The known amounts, and how many rows lack one: those are in no sum."""
    missing = Column("unpriced_usd", "Without US$", Kind.COUNT, Total.SUM, is_optional=True)
    has_missing = any(row["unpriced_usd"] for row in rows)
    return [USD, *([missing] if has_missing else [])]


def _find_others(rows: Sequence[Row]) -> frozenset[int]:
    return frozenset(place for place, row in enumerate(rows) if "lines" in row)


def _label(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each row with `maker`, the provider and the proxy as a reader knows them, and `way`, the proxy alone."""
    labelled = []
    for row in rows:
        maker = name_provider(LlmProvider.parse(row["provider"])) if "provider" in row else ""
        way = "" if row.get("proxy") is None else LlmProxy.parse(row["proxy"]).label()
        labelled.append({**row, "maker": ", ".join(filter(None, (maker, way))), "way": way})
    return labelled


def _name_usable(row: Row) -> str:
    if row["usable_type"] is None:
        return _("Without a user")
    name, key = row["usable_id"], row["usable_key"]
    if name is None and key is None:  # an empty cell in the column of users
        return _("{kind}, not named").format(kind=row["usable_type"])
    return f"{row['usable_type']} {key if name is None else name}"
