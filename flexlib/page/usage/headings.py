"""What stands out in a month of calls and their spend, as headings: plain rules on finished frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from statistics import median
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import rank_spend
from flexlib.analysis.shares import WHOLE, measure_share
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.enums import LlmTaskType
from flexlib.formats import format_amount, format_count, format_share_percent, format_short_day
from flexlib.page.kit.parts import Heading
from flexlib.senders import name_provider
from flexlib.spend.before import MonthBefore
from flexlib.spend.bills import MonthBills
from flexlib.spend.failures import count_calls, count_failed, count_silent
from flexlib.spend.quality import QualityCheck
from flexlib.tables.usage import USABLE

FAR_ABOVE_EVEN = Fraction(3, 2)
"""So many times an even share is a finding; less comes about by chance (an even share of an hour is 4.2 %)."""

PEAK = 2
"""So many times the median day is a day worth a heading."""

FEWEST_DAYS = 5
"""Days that say what a usual day is."""

FEW = 3
"""So many lines together can be the finding; more of them are not a few."""

COUNTS = ("", "One", "Two", "Three")

NOT_THE_SPEND = " Amounts are counted; the month's spend takes the bills where there are any."
"""Why what is counted does not add up to the headline, in a month with bills."""

COUNTED = ", as counted"
"""Of amounts that are the calls', in a month whose spend bills say."""

Row = Mapping[str, Any]


def heading_for_spend_days(
    by_day: object, totals: Mapping[str, Any], zone: str = "UTC", *, has_bills: bool = False
) -> Heading:
    """Of `usage_by_day` over all rows: a day far above the others. `totals` as from `total_cost_by_period`;
    `has_bills`: whether the month's spend is another, because bills say it."""
    days = [row for row in read_rows(by_day) if row["total_usd"] is not None]
    note = f"US$ a day by model, as calls and prices count them; above, the month so far. Days are {zone}."
    if totals["usd"] is None:
        what = "None of the month's calls has a price." if totals["unpriced_usd"] else "No call of the month is stored."
        return Heading("No amount is known", what)
    undated = totals["usd"] - (sum_amounts([row["total_usd"] for row in days]) or 0)
    if undated:
        note += f" Not shown: US$ {format_amount(undated)} that are known only as sums of the month."
    if totals["unpriced_usd"]:
        # A sum of an unknown number of calls is counted as one.
        least = "at least " * any(
            row.get("request_count", 1) is None and row.get("unpriced_usd", 1) for row in read_rows(by_day)
        )
        note += f" Not {'counted' if has_bills else 'in it'}: "
        note += f"{least}{format_count(totals['unpriced_usd'], 'call')} without a price."
    peak = max(days, key=lambda row: (row["total_usd"], -row["date"].toordinal()), default=None)
    if peak is None or not peak["total_usd"]:
        return Heading(f"Spend by day{COUNTED * has_bills}", note)
    if len(days) == 1:
        what = "All that was counted by day" if has_bills else "All dated spend"
        return Heading(f"{what} is of {format_short_day(peak['date'])}", note)
    usual = median(row["total_usd"] for row in days)
    if len(days) < FEWEST_DAYS or peak["total_usd"] < PEAK * usual:
        return Heading(f"Spend by day{COUNTED * has_bills}", note)
    day, amount = format_short_day(peak["date"]), format_amount(peak["total_usd"])
    times = f", {peak['total_usd'] / usual:.1f} times a usual day" if usual else ""
    usual_day = " A usual day is the median of those with an amount." if usual else ""
    return Heading(f"{day} took US$ {amount}{times}{COUNTED * has_bills}", note + usual_day)


def heading_for_spend_models(
    models: Sequence[Row], before: MonthBefore | None = None, *, has_bills: bool = False
) -> Heading:
    """Of `rank_models`: the fewest that take half; `has_bills` as in `heading_for_spend_days`."""
    note = (
        "Ranked by money. An amount is what the source gives, else the list price of the call's own time; the price of "
        "a million tokens is that of all calls that have both."
    )
    if before is not None and before.obstacle:
        note += f" No change is stated: {before.obstacle}."
    note += NOT_THE_SPEND * has_bills
    return Heading(
        _find_half(models, "model", "models", has_bills=has_bills) or f"Spend by model{COUNTED * has_bills}", note
    )


def heading_for_sellers(sellers: Sequence[Row], bills: MonthBills | None = None) -> Heading:
    """Of `rank_sellers`: the fewest that take half of what was counted; with bills what they came to beside it."""
    note = "Who sends the bill: the proxy that calls went through, else the provider. Counted: calls at their prices."
    if bills is not None and bills.has_bills:
        note += " The spend is the bill where there is one, and the count of days that it does not cover."
        billed = [one for one in bills.providers if one.billed_usd is not None]
        if not billed:
            return Heading("Spend by provider", note)
        # What nobody counted would look like a difference.
        both = [one for one in billed if one.counted_usd is not None]
        text = format_amount(sum_amounts([one.billed_usd for one in both or billed]) or Decimal(0))
        what = f"{format_count(len(both or billed), 'provider')} billed US$ {text}"
        if both:
            known = format_amount(sum_amounts([one.counted_usd for one in both]) or Decimal(0))
            what += f", where US$ {known} were counted"
        return Heading(what, note)
    names = [{**line, "name": name_provider(line["seller"])} for line in sellers]
    return Heading(_find_half(names, "name", "providers", has_bills=False) or "Spend by provider", note)


def heading_for_usables(by_usable: object, *, has_bills: bool = False) -> Heading:
    """Of `usage_by_usable` over the calls: how few take half; `has_bills` as in `heading_for_spend_days`."""
    lines = rank_spend(read_rows(by_usable), USABLE)
    note = "Ranked by money; calls of nobody named have a line of their own. Windsurf's users are in its own report."
    named = [line for line in lines if line["usable_type"] and {line["usable_id"], line["usable_key"]} != {None}]
    if not named:
        return Heading("Nobody is named", note)
    kinds = {str(line["usable_type"]).lower() for line in named}
    several = "user or application" if len(named) == 1 else "users and applications"
    who = format_count(len(named), "user") if kinds == {"user"} else f"{len(named):,} {several}"
    amount, half = Decimal(0), (sum_amounts([line["total_usd"] for line in lines]) or Decimal(0)) / 2
    for count, line in enumerate(named, 1):
        amount += line["total_usd"] or 0
        if amount >= half > 0:
            if count * FAR_ABOVE_EVEN <= Fraction(len(named), 2):
                total = format_amount(2 * half) + COUNTED * has_bills
                verb = "takes" if count == 1 else "take"
                return Heading(f"{count:,} of {who} {verb} half of US$ {total}", note)
            break
    return Heading(who, note)


def heading_for_task_types(by_task_type: object, *, has_bills: bool) -> Heading:
    """Of `stats_by_task_type` over all rows: the fewest that take half; `has_bills` as in `heading_for_spend_days`."""
    lines = rank_spend(read_rows(by_task_type), ("task_type",))
    names = [{**line, "name": LlmTaskType.parse(line["task_type"]).label()} for line in lines]
    note = "Ranked by money. Of Windsurf, a call is a request that its server counted."
    return Heading(
        _find_half(names, "name", "tasks", has_bills=has_bills) or f"Spend by task{COUNTED * has_bills}", note
    )


def heading_for_statuses(statuses: Sequence[Row]) -> Heading | None:
    """Of `spend.list_statuses`: how many calls failed; None where no source says how a call ended."""
    if all(row["status"] is None for row in statuses):
        return None
    calls, failed, silent = count_calls(statuses), count_failed(statuses), count_silent(statuses)
    note = "As the sources say it. A call failed where its status is an error, a timeout, a refusal or the like."
    if silent:
        least = "at least " * any(row.get("is_least", False) for row in statuses)
        note += f" Of {least}{format_count(silent, 'call')} nothing is said: they are in no share."
    if not failed:
        return Heading("No call is known to have failed", note)
    text = f"{format_count(failed, 'call')} failed"
    if silent and failed == calls - silent:  # where only failures are told, they are all of those by themselves
        return Heading(text, note)
    share = format_share_percent(measure_share(failed, calls - silent))
    whole = "those that say how they ended" if silent else "all application calls"
    return Heading(f"{text}, {share} of {whole}", note)


def heading_for_open_questions(
    unpriced: Sequence[Row],
    unmapped: Sequence[Row],
    request_count: int | None = 0,
    *,
    unbilled: int | None = None,
) -> Heading | None:
    """Of `spend.list_unpriced` and `list_unmapped`; None where both are empty. `request_count` of the month's calls:
    None where some row does not say how many it sums, and is counted as one. `unbilled`, in a month with bills: how
    many have neither a price nor a bill, as the spend's card says."""
    if not unpriced and not unmapped:
        return None
    note = "What has no price is in no total; what has no known provider counts, as unmapped."
    without = format_count(sum(row["calls"] for row in unpriced), "call")
    unknown = format_count(sum(row["calls"] for row in unmapped), "call")
    least, least_unknown = (
        "at least " * any(row.get("is_least", request_count is None) for row in rows) for rows in (unpriced, unmapped)
    )
    if unpriced and unbilled is not None:
        left = f"{least}{format_count(unbilled, 'call')} of it in no bill either" if unbilled else "bills say it all"
        note = note.replace("in no total", f"in no count, and {left}")
    parts = [f"{least}{without} without a price"] * bool(unpriced) + [
        f"{least_unknown}{unknown} to an unknown provider"
    ] * bool(unmapped)
    text = ", ".join(parts)
    return Heading(text[0].upper() + text[1:], note)


def heading_for_quality(checks: Sequence[QualityCheck]) -> Heading:
    """Of `spend.check_quality`: to how many of the questions something was found."""
    found = sum(1 for one in checks if one.count)
    asked = format_count(len(checks), "data check")
    note = "Asked of every row of the month."
    if silent := [one.question for one in checks if not one.count]:
        note += f" Nothing found: {'; '.join(silent)}."
    return Heading(f"{found} of {asked} found something" if found else f"None of {asked} found anything", note)


def _find_half(lines: Sequence[Row], name: str, things: str, *, has_bills: bool) -> str:
    """That the fewest lines (at most three) that take half of the money are far above an even share; else nothing."""
    shares = [line["share_permille"] or 0 for line in lines]
    if len(lines) == 1 and shares[0]:
        return f"All {'that was counted' if has_bills else 'spend'} went to {lines[0][name]}"
    for count, share in enumerate(accumulate(shares[:FEW]), 1):
        if 2 * share >= WHOLE:
            if Fraction(share, WHOLE) < FAR_ABOVE_EVEN * Fraction(count, len(lines)):
                return ""
            who = f"{lines[0][name]} takes" if count == 1 else f"{COUNTS[count]} of {len(lines):,} {things} take"
            return f"{who} {format_share_percent(share)} of {'what was counted' if has_bills else 'the spend'}"
    return ""
