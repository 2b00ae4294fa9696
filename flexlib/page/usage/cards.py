"""The headline numbers of the page on calls and their spend."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import measure_unit_price
from flexlib.analysis.usage import UsageStatistics
from flexlib.analysis.usage_frames import hide_zero
from flexlib.certificate import State
from flexlib.formats import (
    UNKNOWN,
    count_calls_at_least,
    format_amount,
    format_change,
    format_number,
    format_short_day,
)
from flexlib.i18n import _, translate_count, write_number
from flexlib.page.kit.markup import Html, escape, render_element
from flexlib.page.kit.parts import (
    BADGES,
    StateBadge,
    mark_total,
    show_cards,
)
from flexlib.page.kit.units import render_sign
from flexlib.spend.before import MonthBefore
from flexlib.spend.failures import count_calls, count_failed, count_silent
from flexlib.spend.month import MonthUsage
from flexlib.tables.definition import Kind, format_value

Row = dict[str, Any]
Totals = dict[str, Decimal | int | None]


def show_month_headlines(
    usage: MonthUsage,
    totals: Totals,
    rates: Sequence[Row],
    calls: UsageStatistics,
    *,
    by_day: object = None,
    priced: object = None,
    statuses: Sequence[Row] = (),
    before: MonthBefore | None = None,
) -> Html:
    """The month's spend in both currencies, with its change and the rate, what a million tokens cost, and its calls.

    `totals` of all rows as from `total_cost_by_period`, `rates` as from `spend.list_rates`, `calls` the statistics of
    `usage.calls`, `by_day` of all rows as from `usage_by_day`, `priced` as from `usage_with_price`, `statuses` as from
    `spend.list_statuses`.
    """
    badge = BADGES[usage.state]
    usd, clp = (hide_zero(totals[one], totals[f"unpriced_{one}"]) for one in ("usd", "clp"))  # type: ignore[arg-type]
    marked = _mark(badge, usd, totals["unpriced_usd"] or usage.bills.is_at_least)
    is_lower_bound = bool(marked) and usage.state is not State.PROVISIONAL
    change = _describe_change(usd, before, at_least=is_lower_bound)
    all_days = [] if by_day is None else read_rows(by_day)
    days = [row for row in all_days if row["total_usd"]]
    all_calls = [calls.request_count] if by_day is None else [row["request_count"] for row in all_days]
    unsized = [row for row in all_days if row["request_count"] is None]  # what they lack is counted as one
    what = "usd or bill" if usage.has_bills else "usd"
    missing = _describe_missing(totals, what, unsized) if totals["unpriced_usd"] or not change else ""
    peak = max(days, key=lambda row: (row["total_usd"], -row["date"].toordinal()), default=None)
    unit_price = None if priced is None else measure_unit_price(read_rows(priced))
    cards = [
        (
            f"{_('Spend')}{marked}",
            _render_amount("usd", usd, Kind.USD),
            "; ".join(filter(None, (change, missing))),
        ),
        (
            f"{_('In pesos')}{'' if clp is None else _mark(badge, clp, totals['unpriced_clp'])}",
            _render_amount("clp", clp, Kind.CLP),
            _describe_pesos(totals, rates, unsized),
        ),
        (_("Per 1M tokens"), _render_amount("usd", unit_price, Kind.USD), _("where cost and tokens are known")),
        _describe_calls(calls, statuses, all_calls, lacks_calls=usage.has_bills and usage.bills.lacks_calls),
        (
            _("Tokens"),
            format_number(calls.total_tokens) if calls.models_used else UNKNOWN,
            _("{count} of them in answers").format(count=format_number(calls.total_completion_tokens))
            if calls.models_used
            else _("no calls"),
        ),
        (
            _("Highest day, as counted") if usage.has_bills else _("Highest day"),
            format_short_day(peak["date"]) if peak else UNKNOWN,
            _("US$ {amount}").format(amount=format_amount(peak["total_usd"])) if peak else _("no amount is known"),
        ),
    ]
    return show_cards(cards)


def _describe_change(usd: Decimal | None, before: MonthBefore | None, *, at_least: bool) -> str:
    """The change on the month before, or why none is stated, with what that month came to; nothing without one."""
    if before is None:
        return ""
    name, then = before.month.name, before.totals
    if then is None or then["usd"] is None:
        why = before.obstacle or _("no amount is known of {month}").format(month=name)
        return _("{reason}, so nothing to compare with").format(reason=why)
    bound = before.is_least
    change = before.measure_change(usd, is_least=at_least)
    if change is None:
        said = _("{month}: at least US$ {amount}") if bound else _("{month}: US$ {amount}")
        if before.obstacle:
            said = (
                _("{month}: at least US$ {amount}, but {reason}") if bound else _("{month}: US$ {amount}, but {reason}")
            )
        text = said.format(month=name, amount=format_amount(then["usd"]), reason=before.obstacle)
        return f"{UNKNOWN} {escape(text)}"
    way, sign = ("more", "▲") if change > 0 else ("less", "▼") if change < 0 else ("same", "=")
    said = _("at least {change} vs {month}") if at_least else _("{change} vs {month}")
    text = said.format(change=format_change(change), month=name)
    return render_element("span", f"{sign} {escape(text)}", class_=way)


def _describe_calls(
    calls: UsageStatistics, statuses: Sequence[Row], all_calls: Sequence[int | None], *, lacks_calls: bool
) -> tuple[str, str, str]:
    """The card of the calls: how many, on how many days or how many of them are Windsurf's, and how many failed."""
    # Unknown as soon as one is: a smaller number would be wrong.
    name, count = _("Calls"), None if None in all_calls else sum(one or 0 for one in all_calls)
    note = translate_count("on {count} day", "on {count} days", calls.days_with_calls)
    note, failed = note.format(count=calls.days_with_calls), _("{count} failed")
    if count is None and statuses:  # a row of unknown many calls is one
        name, count = f"{_('Calls')}{_mark_least()}", sum(row["calls"] for row in statuses if not row["left_out"])
    elif count is not None and calls.request_count is not None and count != calls.request_count:
        note = _("{count} by Windsurf").format(count=format_number(count - calls.request_count))
        failed = _("of the others {count} failed")
    if lacks_calls:  # of some only a bill is known
        name, count = f"{_('Calls')}{_mark_least()}" if count else name, count or None
    if count_silent(statuses) != count_calls(statuses):
        note += "; " + failed.format(count=format_number(count_failed(statuses)))
    return name, format_value(count, Kind.COUNT), note


def _describe_pesos(totals: Totals, rates: Sequence[Row], unsized: Sequence[Row]) -> str:
    """The rate, its date and its source; of several, the lowest and the highest."""
    known = [row for row in rates if row["day"]]
    missing = _describe_missing(totals, "clp", unsized)
    if not known:
        if totals["clp"] is not None:
            return missing
        return _("unknown") if totals["usd"] is None else _("unknown, no exchange rate")
    days = f"{write_number(known[0]['value'])} ({known[0]['day']})"
    if len(known) > 1:
        low, high = (choose(known, key=lambda row: Decimal(row["value"]))["value"] for choose in (min, max))
        low, high = write_number(low), write_number(high)
        days = low if low == high else _("{first} to {last}").format(first=low, last=high)
    sources = ", ".join(sorted({row["source"] for row in known if row["source"]}))  # a caller's rate may have none
    said = _("at {rate}, {source}") if sources else _("at {rate}")
    text = escape(said.format(rate=days, source=sources))
    return text if not totals["unpriced_clp"] else f"{text}; {missing}"


def _mark(badge: StateBadge, amount: object, missing: object) -> str:
    """What stands after the name of a sum: of the month's state, or that something of it has no amount."""
    return mark_total(badge) or _mark_least() * bool(amount is not None and missing)


def _mark_least() -> str:
    """Of a sum that lacks calls, in a month that is whole."""
    return " " + render_element("b", escape(_("at least")), class_="warn")


def _describe_missing(totals: Totals, what: str, unsized: Sequence[Row]) -> str:
    """How many calls lack an amount; at least so many where one of the `unsized` rows lacks it, which counts as one."""
    unit = what.partition(" ")[0]
    count, least = totals[f"unpriced_{unit}"], any(row[f"unpriced_{unit}"] for row in unsized)
    assert isinstance(count, int)
    if not count:
        return _("all calls")
    if not totals.get(f"calls_without_{unit}", count):
        return _("billed without a rate for pesos")
    said = {
        "usd": _("{calls} without a price"),
        "usd or bill": _("{calls} without a price or a bill"),
        "clp": _("{calls} without an amount in pesos"),
    }[what]
    return escape(said.format(calls=count_calls_at_least(count, is_least=least)))


def _render_amount(unit: str, amount: object, kind: Kind) -> str:
    text = escape(format_value(amount, kind))
    return text if amount is None else f"{render_sign(unit)}{text}"
