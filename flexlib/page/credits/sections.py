"""Title and headline numbers of the page on flex credits."""

from __future__ import annotations

from collections.abc import Mapping

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.shares import measure_change
from flexlib.analysis.top import is_comparable, list_read_days
from flexlib.certificate import CreditsCertificate
from flexlib.formats import (
    UNKNOWN,
    format_amount,
    format_change,
    format_credits,
    format_moment,
    format_number,
    format_short_day,
)
from flexlib.i18n import _, mark_text, translate_count, write_number
from flexlib.money.credit_prices import CreditCost
from flexlib.page.credits.proof import list_missing
from flexlib.page.kit import parts
from flexlib.page.kit.markup import Html, escape, render_element
from flexlib.page.kit.parts import BADGES, mark_total, show_cards
from flexlib.page.kit.units import render_sign

WHOSE = (mark_text("At list price"), mark_text("At your price"), mark_text("At your price and list price"))
"""What the card of the money is called, by whose prices they are."""


def show_title(
    title: str, certificate: CreditsCertificate, people: Mapping[str, Mapping[str, str]] | None = None
) -> Html:
    """Title, month and the certificate's state, which leads to the proof; when the month is not whole, why."""
    over = (
        _("Windsurf team · monthly report · made-up people")
        if certificate.demo
        else _("Windsurf team · monthly report")
    )
    return parts.show_title(
        _(title),
        certificate.month.title,
        over,
        BADGES[certificate.state],
        _summarize(certificate),
        list_missing(certificate, people),
        demo=certificate.demo,
    )


def show_headlines(
    statistics: CreditsStatistics,
    certificate: CreditsCertificate,
    cost: CreditCost,
    before: CreditsStatistics | None = None,
    before_certificate: CreditsCertificate | None = None,
) -> Html:
    """The month's headline numbers, each with what it is measured against: the month before, if that is stored."""
    month = certificate.month
    days = list_read_days(certificate)
    earlier = month.previous.name
    badge = BADGES[certificate.state]
    nothing = _("{month} is not stored, so nothing to compare with").format(month=earlier)

    def compare(now: int, then: int | None) -> str:
        if then is None:
            return nothing
        if not is_comparable(certificate, before_certificate):
            # A part of a month against another would look like a rise or a fall.
            return f"{UNKNOWN} {earlier}: {format_credits(then)}"
        change = measure_change(now, then)
        if change is None:
            return _("none in {month}").format(month=earlier)
        way, sign = ("more", "▲") if change > 0 else ("less", "▼") if change < 0 else ("same", "=")
        text = _("{change} vs {month}").format(change=format_change(change), month=earlier)
        return render_element("span", f"{sign} {escape(text)}", class_=way)

    first = _("none")
    if statistics.first_flex_day:
        first = _("first on {day}").format(day=format_short_day(statistics.first_flex_day))
    peak = format_short_day(statistics.peak_day) if statistics.peak_day else UNKNOWN
    most = _("none")
    if statistics.peak_flex_credits is not None:
        most = _("{credits} credits").format(credits=format_credits(statistics.peak_flex_credits))
    named = f"At {cost.whose}"
    used = _("{count} of {days}").format(count=statistics.days_with_flex_credits, days=days.days)
    cards = [
        (
            f"{_('Flex credits')}{mark_total(badge)}",
            format_credits(statistics.flex_credits),
            compare(statistics.flex_credits, before.flex_credits if before else None),
        ),
        (
            escape(_(named)),
            UNKNOWN if cost.usd is None else f"{render_sign('usd')}{escape(format_amount(cost.usd, '1'))}",
            ", ".join(filter(None, (_(badge.total_prefix), _name_pesos(cost), _name_prices(cost), _name_listed(cost)))),
        ),
        (
            _("People with use"),
            format_number(certificate.users_active),
            f"{earlier}: {format_number(before_certificate.users_active)}" if before_certificate else nothing,
        ),
        (_("Days of flex use"), used, first),
        (_("Highest day"), peak, most),
        (
            _("Prompt credits"),
            format_credits(statistics.prompt_credits),
            compare(statistics.prompt_credits, before.prompt_credits if before else None),
        ),
    ]
    return show_cards(cards)


def _name_pesos(cost: CreditCost) -> str:
    return "" if cost.clp is None else _("CLP\u00a0{amount}").format(amount=format_amount(cost.clp, "1"))


def _name_prices(cost: CreditCost) -> str:
    prices = sorted({one.usd for one in cost.prices})
    if cost.usd is None:
        return _("no price is known for some of the days")
    if not prices:
        return ""
    said = _("US$ {low} a credit") if prices[0] == prices[-1] else _("US$ {low} to {high} a credit")
    return said.format(low=write_number(str(prices[0])), high=write_number(str(prices[-1])))


def _name_listed(cost: CreditCost) -> str:
    count = len(cost.listed)
    said = translate_count("{count} day at the list price", "{count} days at the list price", count)
    return said.format(count=count) if count else ""


def _summarize(certificate: CreditsCertificate) -> str:
    read = certificate.users_asked - certificate.users_failed
    agreed = sum(check.result == "agrees" for check in certificate.checks.values())
    differ = sum(check.result == "differs" for check in certificate.checks.values())
    checks = [translate_count("{count} check agrees", "{count} checks agree", agreed).format(count=agreed)]
    if differ:
        checks.append(translate_count("{count} does not", "{count} do not", differ).format(count=differ))
    people = _("{read} of {asked} people read")
    people = people.format(read=format_number(read), asked=format_number(certificate.users_asked))
    moment = _("as of {moment}").format(moment=format_moment(certificate.read_at))
    return " · ".join((people, ", ".join(checks), moment))
