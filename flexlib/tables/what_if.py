"""What a month would have come to elsewhere, as finished tables. The frames are those of `front.what_if.WhatIf`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.formats import PERCENT, format_amount, format_credits, format_number, format_short_day, format_usd
from flexlib.i18n import _, find_language, mark_text, write_number
from flexlib.senders import name_task
from flexlib.tables.definition import Column, Kind, Row, Table
from flexlib.tables.latency import name_route

LONG_FACTOR = 100
"""From so many times on a break-even is only said to be beyond it: nobody's answers get so much longer."""

WHOLE, UNKNOWN_END = 100, "?"

KINDS = {"batch": mark_text("batch"), "cache": mark_text("cache")}
"""What a discount is called."""

NEAR_LIST = Decimal("0.01")
"""By how much what calls cost may differ from their list before it is said: more is a contract or a margin, and the
other model may be had at such a price, too."""

Compare = Callable[[str, str], str | None]
"""What scores say of two models, as `front.scores.Scores.compare`."""


def table_savings(savings: object, top: int | None = None, compare: Compare | None = None) -> Table:
    """Each route with another in its place: what its calls cost, and would have, as a range."""
    rows = [
        _name_move(row) | {
            "stays": format_factor(row["break_even"]),
            "score": compare and compare(row["model"], row["to_model"]),
        }
        for row in read_rows(savings)
    ]  # fmt: skip
    columns = [
        Column("model", "Now", note="route"),
        Column("calls", "Calls", Kind.COUNT, is_optional=True),
        Column("now_usd", "US$", Kind.USD),
        Column("to_model", "Instead", note="there"),
        *AMOUNTS,
        Column("stays", "Answers at most", Kind.NUMBER, is_optional=True),
        *_count_unpriced(rows),
        *([Column("score", "Its score")] if compare else []),
    ]
    return Table("table-savings", "What the calls of a model would have cost on another", columns, rows[:top])


AMOUNTS = (Column("usd", "US$ then", Kind.USD, is_optional=True), Column("range", "As a range", Kind.NUMBER))


def table_tasks(tasks: object, top: int | None = None) -> Table:
    """Each task by each route: what all its calls would have cost there, the cheapest first."""
    rows = [_name_move(row) for row in read_rows(tasks)]
    columns = [
        Column("task_type", "Task"),
        Column("to_model", "Model", note="there"),
        Column("calls", "Calls", Kind.COUNT, is_optional=True),
        Column("now_usd", "US$ now", Kind.USD, is_optional=True),
        *AMOUNTS,
        *_count_unpriced(rows),
    ]
    return Table("table-tasks", "Each task by each provider", columns, rows[:top])


def table_discounts(discounts: object, top: int | None = None) -> Table:
    """Batch and cache: by how much each route could at most have cost less."""
    rows = [
        row | {"route": _name_task(row), "discount": _(KINDS[row["discount"]]), "why": _explain_discount(row)}
        for row in read_rows(discounts)
    ]
    columns = [
        Column("model", "Model", note="route"),
        Column("discount", "Discount", note="why"),
        Column("calls", "Calls", Kind.COUNT, is_optional=True),
        Column("usd", "US$", Kind.USD, is_optional=True),
        Column("saved", "At most US$ less", Kind.USD),
    ]
    return Table("table-discounts", "Discounts that were not used", columns, rows[:top])


def table_accepted(accepted: object) -> Table:
    """What an accepted answer cost; one place for those that chance may have put in their order."""
    rows = [
        row | {
            "route": _name_task(row),
            **{name: write_number(f"{100 * row[name]:.1f}{PERCENT}") for name in ("share", "share_low", "share_high")},
            "range": format_range(row["usd_low"], row["usd_high"], "0.0001"),
            "each": None if row["usd_each"] is None else format_amount(row["usd_each"], "0.0001"),
        }
        for row in read_rows(accepted)
    ]  # fmt: skip
    columns = [
        Column("model", "Model", note="route"),
        Column("calls", "Calls", Kind.COUNT),
        Column("share", "Accepted", Kind.NUMBER),
        Column("share_low", "from", Kind.NUMBER, is_optional=True),
        Column("share_high", "to", Kind.NUMBER, is_optional=True),
        Column("usd", "US$", Kind.USD, is_optional=True),
        Column("each", "US$ each", Kind.NUMBER),
        Column("range", "As a range", Kind.NUMBER, is_optional=True),
        Column("place", "Place", Kind.COUNT),
    ]
    return Table("table-accepted", "What an accepted answer cost", columns, rows)


def table_exchanges(exchanges: object, usd: Decimal | None, top: int | None = None) -> Table:
    """Credits: what a prompt of each model cost, and the flex credits saved had they been asked of another."""
    rows = [
        row | {
            "each": _("{credits} a prompt").format(credits=format_credits(row["multiplier"])),
            "to_each": _name_others(row) + format_credits(row["to_multiplier"]),
            "usd": None if usd is None else Decimal(row["saved_low"]).scaleb(-2) * usd,
        }
        for row in read_rows(exchanges)
    ]  # fmt: skip
    columns = [
        Column("model_uid", "Now", note="each"),
        Column("prompts", "Prompts", Kind.COUNT, is_optional=True),
        Column("flex_credits", "Flex credits", Kind.CREDITS, is_optional=True),
        Column("to_model_uid", "Instead", note="to_each"),
        Column("saved_low", "Saved, at least", Kind.CREDITS),
        Column("saved_high", "Saved, at most", Kind.CREDITS, is_optional=True),
        Column("usd", "US$ saved, at least", Kind.USD, is_optional=True),
    ]
    return Table("table-exchanges", "Flex credits with another model", columns, rows[:top])


def table_capped(capped: object, cap: int, usd: Decimal | None, top: int | None = None) -> Table:
    """Who would have met a cap; the total is of all of them, of more than `top` as a line."""
    people = read_rows(capped)
    rows: list[dict[str, Any]] = [row | {"reached": format_short_day(row["reached_on"])} for row in people[:top]]
    if others := people[len(rows) :]:
        sums = {name: sum(row[name] for row in others) for name in ("flex_credits", "over")}
        rows.append({"user": _("{count} more").format(count=format_number(len(others))), "reached": "", **sums})
    for row in rows:
        row["usd"] = None if usd is None else Decimal(row["over"]).scaleb(-2) * usd
    money = Column("usd", "US$ less", Kind.USD, sum((row["usd"] or 0 for row in rows), Decimal(0)), is_optional=True)
    most = format_number(cap)
    columns = [
        Column("user", "Person", total=_("{count} with more than {cap}").format(
            count=format_number(len(people)), cap=most)),
        Column("flex_credits", "Flex credits", Kind.CREDITS, sum(row["flex_credits"] for row in people)),
        Column("over", "Beyond the cap", Kind.CREDITS, sum(row["over"] for row in people)),
        *([money] if usd is not None else []),
        Column("reached", "Reached"),
    ]  # fmt: skip
    lines = frozenset({len(rows) - 1}) if others else frozenset[int]()
    title = _("A cap of {cap} flex credits a person, tried on this month").format(cap=most)
    return Table("table-capped", title, columns, rows, lines)


def format_factor(factor: Fraction | None) -> str:
    """`1.4 times` as long; cut, so that what is said still saves.

    >>> format_factor(Fraction(149, 100)), format_factor(Fraction(500)), format_factor(None)
    ('1.4 times', 'over 100 times', '–')
    """
    if factor is None:
        return "–"
    if factor >= LONG_FACTOR:
        return _("over {count} times").format(count=LONG_FACTOR)
    places = 10 if factor < 10 else 1
    return _("{count} times").format(count=write_number(f"{int(factor * places) / places:g}"))


def format_range(low: Decimal, high: Decimal | None, places: str = "0.01") -> str:
    """`0.12–0.35`, `287–554`: from a hundred on, cents of such ends say nothing; one figure where both are the same, a
    question mark for an end that nobody knows."""
    if low != high and high is not None and high >= WHOLE:
        places = "1"
    ends = [UNKNOWN_END if end is None else format_amount(end, places) for end in (low, high)]
    return "–".join(dict.fromkeys(ends))


def _count_unpriced(rows: Sequence[Row]) -> list[Column]:
    """The calls that are in no amount of their line, as the other list cannot price them."""
    return [Column("unpriced_calls", "Not priced", Kind.COUNT)] * any(row["unpriced_calls"] for row in rows)


def _name_task(row: Row) -> str:
    return f"{name_route(row)}, {_name_kind(row)}"


def _name_kind(row: Row) -> str:
    """`text`: within a sentence."""
    return str(row["task_type"]) if find_language() == "en" else name_task(row["task_type"]).lower()


def _name_move(row: Row) -> dict[str, Any]:
    there = name_route({"provider": row["to_provider"], "proxy": row["to_proxy"]})
    route = _name_task(row) if "provider" in row else ""
    by_list = row.get("list_usd")
    if by_list is not None and abs(by_list - row["now_usd"]) > NEAR_LIST * by_list:
        route += _("; by its list {usd}").format(usd=format_usd(by_list))
    return {
        **row,
        "task_type": _name_kind(row),
        "there": there,
        "route": route,
        "range": format_range(row["low_usd"], row["high_usd"]),
    }


def _explain_discount(row: Row) -> str:
    if row["best_share"] is None:
        return _("had all been sent to be answered within a day")
    share, best = (f"{float(100 * row[name]):.0f}{PERCENT}" for name in ("share", "best_share"))
    said = _("{share} of these prompts is read from one, {best} of the best sender's")
    return said.format(share=share, best=best)


def _name_others(row: Row) -> str:
    return _("and {count} more, ").format(count=format_number(row["others"])) if row["others"] else ""
