"""Title, headline numbers and proof of the page on calls and their spend."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import measure_amount_change, measure_unit_price
from flexlib.analysis.usage import UsageStatistics
from flexlib.analysis.usage_frames import hide_zero, sum_amounts
from flexlib.certificate import State, UsageCertificate
from flexlib.errors import BadRecord
from flexlib.formats import UNKNOWN, format_amount, format_change, format_count, format_moment, format_short_day
from flexlib.page.kit.markup import Html, escape, render_element
from flexlib.page.kit.parts import (
    BADGES,
    Fact,
    StateBadge,
    list_facts,
    mark_total,
    show_cards,
    show_facts,
    show_title,
)
from flexlib.page.usage.headings import COUNTED
from flexlib.sources.registry import name_source
from flexlib.spend.before import MonthBefore
from flexlib.spend.bills import SEE_SPEND
from flexlib.spend.failures import count_calls, count_failed, count_silent
from flexlib.spend.month import MonthUsage
from flexlib.store.version import Snapshot
from flexlib.tables.definition import Kind, format_value

TOKENS = ("prompt_tokens", "completion_tokens")

SEE_TABLE = "; the table of providers lists the largest, and what to do about them."
AT_LEAST = " " + render_element("b", "at least", class_="warn")  # of a sum that lacks calls, in a month that is whole

Row = dict[str, Any]
Totals = dict[str, Decimal | int | None]


def show_month_title(title: str, usage: MonthUsage) -> Html:
    """Title, month, its zone and the worst state of its sources, which leads to the proof; what is missing, and why."""
    badge = BADGES[usage.state]
    state: dict[str, Any] = {"state": str(usage.state), "missing": list(usage.missing)}
    state |= {"possible_duplicates": list(usage.possible_duplicates), "problems": usage.own_problems}
    sources = " and ".join(dict.fromkeys(map(_name_source, usage.snapshots)))
    return show_title(
        title,
        usage.month.title,
        f"All that is stored · monthly report · days of {usage.zone}",
        badge,
        f"from {sources} · as of {format_moment(max(one.read_at for one in usage.certificates))}",
        _list_problems(usage),
        demo=any(getattr(one, "demo", False) for one in usage.certificates),
        for_scripts=state,
    )


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
    is_lower_bound = bool(_mark(badge, usd, totals["unpriced_usd"])) and usage.state is not State.PROVISIONAL
    change = _describe_change(totals, before, at_least=is_lower_bound)
    all_days = [] if by_day is None else read_rows(by_day)
    days = [row for row in all_days if row["total_usd"]]
    all_calls = [calls.request_count] if by_day is None else [row["request_count"] for row in all_days]
    unsized = [row for row in all_days if row["request_count"] is None]  # what they lack is counted as one
    what = f"a price{' or a bill' * usage.has_bills}"
    missing = _describe_missing(totals, "usd", what, unsized) if totals["unpriced_usd"] or not change else ""
    peak = max(days, key=lambda row: (row["total_usd"], -row["date"].toordinal()), default=None)
    unit_price = None if priced is None else measure_unit_price(read_rows(priced))
    cards = [
        (
            f"Spend{_mark(badge, usd, totals['unpriced_usd'])}",
            _render_amount("US$", usd, Kind.USD),
            "; ".join(filter(None, (change, missing))),
        ),
        (
            f"In pesos{'' if clp is None else _mark(badge, clp, totals['unpriced_clp'])}",
            _render_amount("CLP", clp, Kind.CLP),
            _describe_pesos(totals, rates, unsized),
        ),
        ("Per 1M tokens", _render_amount("US$", unit_price, Kind.USD), "where both are known"),
        _describe_calls(calls, statuses, all_calls, lacks_calls=usage.has_bills and usage.bills.lacks_calls),
        (
            "Tokens",
            f"{calls.total_tokens:,}" if calls.models_used else UNKNOWN,
            f"{calls.total_completion_tokens:,} of them in answers" if calls.models_used else "no calls",
        ),
        (
            f"Highest day{COUNTED * usage.has_bills}",
            format_short_day(peak["date"]) if peak else UNKNOWN,
            f"US$ {format_amount(peak['total_usd'])}" if peak else "no amount is known",
        ),
    ]
    return show_cards(cards)


def show_month_proof(usage: MonthUsage, calls: UsageStatistics) -> Html:
    """The certificate of each snapshot that was read: state, rows, sums, files and hash; and that this page holds them.

    `calls`: the statistics of `usage.calls`. Raises `BadRecord` when they are not what the certificates say.
    """
    facts = [_reconcile(usage, calls), *(fact for one in usage.certificates for fact in list_facts(one))]
    texts = {f"{_name_source(one)}, {one.month}": " ".join(one.certificate.notes) for one in usage.snapshots}
    notes = (f"{name}: {text}" for name, text in texts.items() if text)
    return show_facts(BADGES[usage.state], _list_problems(usage), facts, notes)


def _list_problems(usage: MonthUsage) -> list[str]:
    """For readers of the page, who have no console."""
    return [text.replace(SEE_SPEND, SEE_TABLE) for text in usage.list_problems()]


def _reconcile(usage: MonthUsage, calls: UsageStatistics) -> Fact:
    """The page's calls held against the certificates, where both are of the same month of UTC and no call is in two."""
    name = "This page and the certificates"
    if usage.zone != "UTC" or usage.repeated:
        why = f"months of {usage.zone} are not those of the certificates" if usage.zone != "UTC" else "a call is in two"
        return Fact(name, f"not compared: {why}", "unknown")
    certificates = [one for one in usage.certificates if isinstance(one, UsageCertificate)]
    # Rows and not calls: a row may sum many.
    here = usage.count_rows(), calls.total_prompt_tokens, calls.total_completion_tokens
    there = tuple(sum(getattr(one, name) for one in certificates) for name in ("rows", *TOKENS))
    if here != there:
        raise BadRecord(
            f"the calls of {usage.month} are not those of the certificates: rows, prompt and completion tokens are "
            f"{here}, they say {there}. Close or import the month again."
        )
    for column, found in {"amount_in_usd": calls.total_usd, "amount_in_clp": calls.total_clp}.items():
        reported = [getattr(one, column) for one in certificates]
        stored = sum_amounts([Decimal(amount) for amount in reported if amount is not None])
        if found != stored and all(one.has_known_total(column) for one in certificates):
            raise BadRecord(
                f"{column} of {usage.month} is {found} in the rows, and {stored} in the certificates. "
                "Close or import the month again."
            )
    return Fact(name, "{:,} stored rows of calls, {:,} prompt and {:,} completion tokens on both".format(*here), "good")


def _name_source(snapshot: Snapshot) -> str:
    return name_source(snapshot.source)


def _describe_change(totals: Totals, before: MonthBefore | None, *, at_least: bool) -> str:
    """The change on the month before, or why none is stated, with what that month came to; nothing without one."""
    if before is None:
        return ""
    name, then = before.month.name, before.totals
    if then is None or then["usd"] is None:
        return f"{before.obstacle or f'no amount is known of {name}'}, so nothing to compare with"
    bound = "at least " * bool(then["unpriced_usd"])
    change = measure_amount_change(totals["usd"], then["usd"])  # type: ignore[arg-type]
    if before.obstacle or bound or change is None:
        # A bound against a bound, or a part against a whole, would look like a rise or a fall.
        why = f", but {before.obstacle}" * bool(before.obstacle)
        return f"{UNKNOWN} {name}: {bound}US$ {format_amount(then['usd'])}{escape(why)}"
    way, sign = ("more", "▲") if change > 0 else ("less", "▼") if change < 0 else ("same", "=")
    text = f"{sign} {'at least ' * at_least}{format_change(change)} vs {name}"
    return render_element("span", text, class_=way)


def _describe_calls(
    calls: UsageStatistics, statuses: Sequence[Row], all_calls: Sequence[int | None], *, lacks_calls: bool
) -> tuple[str, str, str]:
    """The card of the calls: how many, on how many days or how many of them are Windsurf's, and how many failed."""
    # Unknown as soon as one is: a smaller number would be wrong.
    name, count = "Calls", None if None in all_calls else sum(one or 0 for one in all_calls)
    note = f"on {format_count(calls.days_with_calls, 'day')}"
    if count is None and statuses:  # a row of unknown many calls is one
        name, count = f"Calls{AT_LEAST}", sum(row["calls"] for row in statuses if not row["left_out"])
    elif count is not None and calls.request_count is not None and count != calls.request_count:
        note = f"{count - calls.request_count:,} by Windsurf"
    if lacks_calls:  # of some only a bill is known
        name, count = f"Calls{AT_LEAST}" if count else name, count or None
    if count_silent(statuses) != count_calls(statuses):
        note += f"; {count_failed(statuses):,} failed"
    return name, format_value(count, Kind.COUNT), note


def _describe_pesos(totals: Totals, rates: Sequence[Row], unsized: Sequence[Row]) -> str:
    """The rate, its date and its source; of several, the lowest and the highest."""
    known = [row for row in rates if row["day"]]
    missing = _describe_missing(totals, "clp", "an amount in pesos", unsized)
    if not known:
        return missing if totals["clp"] is not None else "unknown" + ", no exchange rate" * (totals["usd"] is not None)
    days = f"{known[0]['value']} ({known[0]['day']})"
    if len(known) > 1:
        low, high = (choose(known, key=lambda row: Decimal(row["value"]))["value"] for choose in (min, max))
        days = low if low == high else f"{low} to {high}"
    sources = ", ".join(sorted({row["source"] for row in known}))
    return f"at {escape(days)}, {escape(sources)}{'' if missing == 'all calls' else '; ' + missing}"


def _mark(badge: StateBadge, amount: object, missing: object) -> str:
    """What stands after the name of a sum: of the month's state, or that some calls have no amount."""
    return mark_total(badge) or AT_LEAST * bool(amount is not None and missing)


def _describe_missing(totals: Totals, unit: str, what: str, unsized: Sequence[Row]) -> str:
    """How many calls lack an amount; at least so many where one of the `unsized` rows lacks it, which counts as one."""
    count, least = totals[f"unpriced_{unit}"], any(row[f"unpriced_{unit}"] for row in unsized)
    assert isinstance(count, int)
    return f"{'at least ' * least}{format_count(count, 'call')} without {what}" if count else "all calls"


def _render_amount(unit: str, amount: object, kind: Kind) -> str:
    text = escape(format_value(amount, kind))
    return text if amount is None else f"<small>{unit}</small>{text}"
