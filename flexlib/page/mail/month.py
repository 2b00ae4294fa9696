"""The mail of a whole month: what it came to, in both currencies and credits, by day, by model and by who bills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flexlib import analysis
from flexlib.analysis.usage_frames import hide_zero
from flexlib.certificate import State
from flexlib.commands import leave_out_commands
from flexlib.formats import UNKNOWN, count_calls_at_least, format_change, format_moment
from flexlib.i18n import _
from flexlib.page.kit.parts import BADGES, Heading
from flexlib.page.kit.units import UNITS
from flexlib.page.mail.parts import Card, MailPage, Section, draw_picture
from flexlib.page.usage import headings, money
from flexlib.spend import name_models, total_spend
from flexlib.spend.before import MonthBefore
from flexlib.spend.month import MonthUsage
from flexlib.tables import usage as tables
from flexlib.tables.definition import Kind, Table, call_counted, format_value

MONEY = ("usd", "clp")


def write_amount(unit: str, amount: Decimal | None) -> str:
    """`US$ 401.57`, `CLP 386,993`; a dash where it is not known."""
    return UNKNOWN if amount is None else UNITS[unit].write(amount)


def write_least(unit: str, amount: Decimal | None, *, is_least: bool | None) -> str:
    """The amount, which calls without a price may add to where `is_least`."""
    written = write_amount(unit, amount)
    return _("at least {amount}").format(amount=written) if is_least and amount is not None else written


def is_month_least(usage: MonthUsage, totals: Mapping[str, Any], unit: str) -> bool:
    """Whether what the month came to in US$ or pesos, by `totals`, is a lower bound; so it is, too, where a bill lacks
    days on which calls have an amount."""
    lacks_days = unit == "usd" and usage.bills.is_at_least
    return usage.state is State.GAP or bool(totals[f"unpriced_{unit}"]) or lacks_days


def build_month_mail(
    usage: MonthUsage,
    before: MonthBefore,
    flex_credits: Decimal | None,
    *,
    departments: Table | None = None,
) -> MailPage:
    """The mail of the month of `usage`; `before` it, and the flex credits of all. `departments`: what each came
    to."""
    badge, totals = BADGES[usage.state], total_spend(usage)
    usd, clp = (hide_zero(totals[one], totals[f"unpriced_{one}"]) for one in MONEY)
    is_least = is_month_least(usage, totals, "usd")
    title = _("LLM spend of {month}").format(month=usage.month.title)
    said = write_least("usd", usd, is_least=is_least)
    return MailPage(
        subject=f"{title}: {said}",
        over=_("Monthly report · days of {zone}").format(zone=usage.zone),
        title=title,
        badge=badge,
        read=write_read(usage),
        warnings=_list_warnings(usage),
        cards=[
            Card(_("Spend"), said, say_unpriced(totals["unpriced_usd"])),
            Card(_("In pesos"), write_least("clp", clp, is_least=is_month_least(usage, totals, "clp"))),
            Card(_("Flex credits"), _write_credits(flex_credits)),
            _compare(totals, before, is_least=is_least),
        ],
        sections=_list_sections(usage, before, departments),
        is_demo=any(getattr(one, "demo", False) for one in usage.certificates),
    )


def _write_credits(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else format_value(int(amount.scaleb(2)), Kind.CREDITS)


def write_read(usage: MonthUsage) -> str:
    """When what the month is out of was read."""
    moment = format_moment(max(one.read_at for one in usage.certificates))
    return _("Read on {moment}.").format(moment=moment)


def _list_warnings(usage: MonthUsage) -> list[str]:
    """Without commands: who is mailed has no console, and asks who has."""
    badge, problems = BADGES[usage.state], leave_out_commands(usage.list_problems())
    if usage.state is State.COMPLETE:
        return problems
    return [f"{_(badge.word)}: {_(badge.warning)}", *problems, _("Ask who sends this mail.")]


def say_unpriced(count: int) -> str:
    """How many calls an amount lacks; nothing where it lacks none."""
    return _("{calls} without a price").format(calls=count_calls_at_least(count, is_least=False)) if count else ""


def _compare(totals: Mapping[str, Any], before: MonthBefore, *, is_least: bool) -> Card:
    """The change on the month before; why none is stated, where none is."""
    name = _("Against {month}").format(month=before.month.name)
    then = before.totals
    if then is None or then["usd"] is None:
        return Card(name, UNKNOWN, before.obstacle)
    amount = write_amount("usd", then["usd"])
    amount = _("at least {amount}").format(amount=amount) if before.is_least else amount
    change = before.measure_change(totals["usd"], is_least=is_least)
    if change is None:
        return Card(name, UNKNOWN, "; ".join(filter(None, (amount, before.obstacle))))
    said = format_change(change)
    return Card(name, _("at least {amount}").format(amount=said) if is_least else said, amount)


def _list_sections(usage: MonthUsage, before: MonthBefore, departments: Table | None) -> list[Section]:
    calls, windsurf = (analysis.roll_up_usage(part) for part in (usage.calls, usage.windsurf))
    rows = calls.union(windsurf)
    priced = analysis.usage_with_price(usage.rows)
    sums, sums_before = analysis.usage_by_model_and_proxy(rows), before.sum_by(analysis.usage_by_model_and_proxy)
    models = analysis.rank_models(sums, priced, sums_before, name_models)
    sellers = analysis.rank_sellers(sums, sums_before)
    has_bills, counted = usage.has_bills, analysis.total_cost_by_period(rows)
    by_day = analysis.usage_by_day(rows)
    chart = money.plot_spend_by_day(
        analysis.usage_by_day_and_model(rows), models, usage.month.span, before.sum_by(analysis.usage_by_day),
        has_bills=has_bills, bills=usage.bills,
    )  # fmt: skip
    of_days = headings.heading_for_spend_days(by_day, counted, usage.zone, has_bills=has_bills)  # type: ignore[arg-type]
    of_models = headings.heading_for_spend_models(models, before, has_bills=has_bills)
    of_all = tables.table_spend_by_model(models, priced, before, usage.bills)
    shown = [
        build_section(of_days, picture=chart and draw_picture(chart)),
        build_section(
            of_models,
            table=call_counted(_drop_price(of_all), has_bills=has_bills),
        ),
        build_section(
            headings.heading_for_sellers(sellers, usage.bills),
            table=tables.list_seller_tables(sellers, usage.bills, before)[0],
        ),
    ]
    if departments is not None:
        note = _("Their own use and their shares of what is shared; groups of few people are one line.")
        shown.append(Section(_("Who it is charged to"), note, table=departments))
    return [one for one in shown if one.picture or (one.table and one.table.rows)]


def _drop_price(table: Table) -> Table:
    """The models without what a million tokens cost, for which a phone has no room."""
    return replace(table, columns=[one for one in table.columns if one.key != tables.UNIT_PRICE.key])


def build_section(heading: Heading, **content: Any) -> Section:  # noqa: ANN401 (a picture or a table)
    """What a page shows under the heading, in the reader's language."""
    return Section(_(heading.heading), _(heading.note), **content)
