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
from flexlib.analysis.shares import WHOLE
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.formats import (
    count_calls_at_least,
    format_amount,
    format_number,
    format_share_percent,
    format_short_day,
)
from flexlib.i18n import _, mark_text, translate_count, write_number
from flexlib.page.kit.parts import Heading
from flexlib.page.usage.doubts import heading_for_open_questions as heading_for_open_questions
from flexlib.page.usage.doubts import heading_for_quality as heading_for_quality
from flexlib.page.usage.doubts import heading_for_statuses as heading_for_statuses
from flexlib.senders import name_provider, name_task
from flexlib.spend.before import MonthBefore
from flexlib.spend.bills import MonthBills
from flexlib.tables.usage import USABLE

FAR_ABOVE_EVEN = Fraction(3, 2)
"""So many times an even share is a finding; less comes about by chance (an even share of an hour is 4.2 %)."""

PEAK = 2
"""So many times the median day is a day worth a heading."""

FEWEST_DAYS = 5
"""Days that say what a usual day is."""

FEW = 3
"""So many lines together can be the finding; more of them are not a few."""

TAKES = {
    ("model", False): mark_text("{name} takes {share} of the spend"),
    ("model", True): mark_text("{name} takes {share} of what was counted"),
}
"""Of the largest line, whatever it is of; in a month whose spend bills say, or of which calls lack a price, of what was
counted."""

TAKE = {
    (2, "models"): mark_text("Two of {all} models take {share} of the spend"),
    (3, "models"): mark_text("Three of {all} models take {share} of the spend"),
    (2, "providers"): mark_text("Two of {all} providers take {share} of the spend"),
    (3, "providers"): mark_text("Three of {all} providers take {share} of the spend"),
    (2, "tasks"): mark_text("Two of {all} tasks take {share} of the spend"),
    (3, "tasks"): mark_text("Three of {all} tasks take {share} of the spend"),
}
"""Of a few of many."""

TAKE_COUNTED = {
    (2, "models"): mark_text("Two of {all} models take {share} of what was counted"),
    (3, "models"): mark_text("Three of {all} models take {share} of what was counted"),
    (2, "providers"): mark_text("Two of {all} providers take {share} of what was counted"),
    (3, "providers"): mark_text("Three of {all} providers take {share} of what was counted"),
    (2, "tasks"): mark_text("Two of {all} tasks take {share} of what was counted"),
    (3, "tasks"): mark_text("Three of {all} tasks take {share} of what was counted"),
}
"""The same of what was counted."""

Row = Mapping[str, Any]


def heading_for_spend_days(
    by_day: object, totals: Mapping[str, Any], zone: str = "UTC", *, has_bills: bool = False
) -> Heading:
    """Of `usage_by_day` over all rows: a day far above the others. `totals` as from `total_cost_by_period`;
    `has_bills`: whether the month's spend is another, because bills say it."""
    days = [row for row in read_rows(by_day) if row["total_usd"] is not None]
    note = _("US$ a day by model, as calls and prices count them; above, the month so far. Days are {zone}.")
    note, plain = note.format(zone=zone), _("Spend by day, as counted") if has_bills else _("Spend by day")
    if totals["usd"] is None:
        what = _("None of the month's calls has a price.")
        if not totals["unpriced_usd"]:
            what = _("No call of the month is stored.")
        return Heading("No amount is known", what)
    undated = totals["usd"] - (sum_amounts([row["total_usd"] for row in days]) or 0)
    if undated:
        said = _("Not shown: US$ {amount} that are known only as sums of the month.")
        note += " " + said.format(amount=format_amount(undated))
    if totals["unpriced_usd"]:
        # A sum of an unknown number of calls is counted as one.
        is_least = any(row.get("request_count", 1) is None and row.get("unpriced_usd", 1) for row in read_rows(by_day))
        said = _("Not counted: {calls} without a price.") if has_bills else _("Not in it: {calls} without a price.")
        note += " " + said.format(calls=count_calls_at_least(totals["unpriced_usd"], is_least=is_least))
    peak = max(days, key=lambda row: (row["total_usd"], -row["date"].toordinal()), default=None)
    if peak is None or not peak["total_usd"]:
        return Heading(plain, note)
    if len(days) == 1:
        said = _("All that was counted by day is of {day}") if has_bills else _("All dated spend is of {day}")
        return Heading(said.format(day=format_short_day(peak["date"])), note)
    usual = median(row["total_usd"] for row in days)
    if len(days) < FEWEST_DAYS or peak["total_usd"] < PEAK * usual:
        return Heading(plain, note)
    said = _("{day} took US$ {amount}, as counted") if has_bills else _("{day} took US$ {amount}")
    times = ""
    if usual:
        said = _("{day} took US$ {amount}, {times} times a usual day")
        if has_bills:
            said = _("{day} took US$ {amount}, {times} times a usual day, as counted")
        times = write_number(f"{peak['total_usd'] / usual:.1f}")
        note += " " + _("A usual day is the median of those with an amount.")
    day, amount = format_short_day(peak["date"]), format_amount(peak["total_usd"])
    return Heading(said.format(day=day, amount=amount, times=times), note)


def heading_for_spend_models(
    models: Sequence[Row], before: MonthBefore | None = None, *, has_bills: bool = False
) -> Heading:
    """Of `rank_models`: the fewest that take half; `has_bills` as in `heading_for_spend_days`."""
    note = _(
        "Ranked by money. An amount is what the source gives, else the list price of the call's own time; the price of "
        "a million tokens is that of all calls that have both."
    )
    if before is not None and before.obstacle:
        note += " " + _("No change is stated: {reason}.").format(reason=before.obstacle)
    plain = _("Spend by model")
    if has_bills:  # why what is counted does not add up to the headline
        note += " " + _("Amounts are counted; the month's spend takes the bills where there are any.")
        plain = _("Spend by model, as counted")
    return Heading(_find_half(models, "model", "models", has_bills=has_bills) or plain, note)


def heading_for_sellers(sellers: Sequence[Row], bills: MonthBills | None = None) -> Heading:
    """Of `rank_sellers`: the fewest that take half of what was counted; with bills what they came to beside it."""
    note = _(
        "Who sends the bill: the proxy that calls went through, else the provider. Counted: calls at their prices."
    )
    if bills is not None and bills.has_bills:
        note += " " + _("The spend is the bill where there is one, and the count of days that it does not cover.")
        billed = [one for one in bills.providers if one.billed_usd is not None]
        if not billed:
            return Heading("Spend by provider", note)
        # What nobody counted would look like a difference.
        both = [one for one in billed if one.counted_usd is not None]
        text = format_amount(sum_amounts([one.billed_usd for one in both or billed]) or Decimal(0))
        count, known = len(both or billed), ""
        said = translate_count("{count} provider billed US$ {billed}", "{count} providers billed US$ {billed}", count)
        if both:
            known = format_amount(sum_amounts([one.counted_usd for one in both]) or Decimal(0))
            said = translate_count(
                "{count} provider billed US$ {billed}, where US$ {counted} were counted",
                "{count} providers billed US$ {billed}, where US$ {counted} were counted",
                count,
            )
        return Heading(said.format(count=format_number(count), billed=text, counted=known), note)
    names = [{**line, "name": name_provider(line["seller"])} for line in sellers]
    return Heading(_find_half(names, "name", "providers", has_bills=False) or "Spend by provider", note)


def heading_for_usables(by_usable: object, *, has_bills: bool = False) -> Heading:
    """Of `usage_by_usable` over the calls: how few take half; `has_bills` as in `heading_for_spend_days`."""
    lines = rank_spend(read_rows(by_usable), USABLE)
    note = _("Ranked by money; calls of nobody named have a line of their own. Windsurf's users are in its own report.")
    named = [line for line in lines if line["usable_type"] and {line["usable_id"], line["usable_key"]} != {None}]
    if not named:
        return Heading("Nobody is named", note)
    kinds = {str(line["usable_type"]).lower() for line in named}
    who = translate_count("{count} user or application", "{count} users and applications", len(named))
    if kinds == {"user"}:
        who = translate_count("{count} user", "{count} users", len(named))
    who = who.format(count=format_number(len(named)))
    amount, half = Decimal(0), (sum_amounts([line["total_usd"] for line in lines]) or Decimal(0)) / 2
    for count, line in enumerate(named, 1):
        amount += line["total_usd"] or 0
        if amount >= half > 0:
            if count * FAR_ABOVE_EVEN <= Fraction(len(named), 2):
                said = translate_count(
                    "{count} of {users} takes half of US$ {amount}",
                    "{count} of {users} take half of US$ {amount}",
                    count,
                )
                if has_bills:
                    said = translate_count(
                        "{count} of {users} takes half of US$ {amount}, as counted",
                        "{count} of {users} take half of US$ {amount}, as counted",
                        count,
                    )
                return Heading(said.format(count=format_number(count), users=who, amount=format_amount(2 * half)), note)
            break
    return Heading(who, note)


def heading_for_task_types(by_task_type: object, *, has_bills: bool) -> Heading:
    """Of `stats_by_task_type` over all rows: the fewest that take half; `has_bills` as in `heading_for_spend_days`."""
    lines = rank_spend(read_rows(by_task_type), ("task_type",))
    names = [{**line, "name": name_task(line["task_type"])} for line in lines]
    note = _("Ranked by money. Of Windsurf, a call is a request that its server counted (of one prompt or several).")
    plain = _("Spend by task, as counted") if has_bills else _("Spend by task")
    return Heading(_find_half(names, "name", "tasks", has_bills=has_bills) or plain, note)


def _find_half(lines: Sequence[Row], name: str, things: str, *, has_bills: bool) -> str:
    """That the fewest lines (at most three) that take half of the money are far above an even share; else nothing."""
    shares = [line["share_permille"] or 0 for line in lines]
    is_counted = has_bills or any(line.get("unpriced_usd") for line in lines)
    if len(lines) == 1 and shares[0]:
        said = _("All that was counted went to {name}") if is_counted else _("All spend went to {name}")
        return said.format(name=lines[0][name])
    for count, share in enumerate(accumulate(shares[:FEW]), 1):
        if 2 * share >= WHOLE:
            if Fraction(share, WHOLE) < FAR_ABOVE_EVEN * Fraction(count, len(lines)):
                return ""
            said = TAKES["model", is_counted]
            if count > 1:
                said = (TAKE_COUNTED if is_counted else TAKE)[count, things]
            named = {"name": lines[0][name], "all": format_number(len(lines))}
            return _(said).format(share=format_share_percent(share), **named)
    return ""
