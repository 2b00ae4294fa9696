"""Title and headline numbers of the page on flex credits."""

from __future__ import annotations

from collections.abc import Mapping

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.shares import measure_change
from flexlib.analysis.top import is_comparable, list_read_days
from flexlib.certificate import CreditsCertificate, State
from flexlib.formats import (
    UNKNOWN,
    format_amount,
    format_change,
    format_credits,
    format_moment,
    format_short_day,
)
from flexlib.money.credit_prices import CreditCost
from flexlib.page.credits.proof import list_missing
from flexlib.page.kit import parts
from flexlib.page.kit.markup import Html, escape, render_element
from flexlib.page.kit.parts import BADGES, mark_total, show_cards


def show_title(
    title: str, certificate: CreditsCertificate, people: Mapping[str, Mapping[str, str]] | None = None
) -> Html:
    """Title, month and the certificate's state, which leads to the proof; when the month is not whole, why."""
    over = "Windsurf team · monthly report" + " · made-up people" * certificate.demo
    return parts.show_title(
        title,
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
    nothing = f"{earlier} is not stored, so nothing to compare with"

    def compare(now: int, then: int | None) -> str:
        if then is None:
            return nothing
        if not is_comparable(certificate, before_certificate):
            # A part of a month against another would look like a rise or a fall.
            return f"{UNKNOWN} {earlier}: {format_credits(then)}"
        change = measure_change(now, then)
        if change is None:
            return f"none in {earlier}"
        way, sign = ("more", "▲") if change > 0 else ("less", "▼") if change < 0 else ("same", "=")
        at_least = "at least " if certificate.state is State.GAP else ""
        return render_element("span", f"{sign} {at_least}{format_change(change)} vs {earlier}", class_=way)

    first = f"first on {format_short_day(statistics.first_flex_day)}" if statistics.first_flex_day else "none"
    peak = format_short_day(statistics.peak_day) if statistics.peak_day else UNKNOWN
    most = "none" if statistics.peak_flex_credits is None else f"{format_credits(statistics.peak_flex_credits)} credits"
    cards = [
        (
            f"Flex credits{mark_total(badge)}",
            format_credits(statistics.flex_credits),
            compare(statistics.flex_credits, before.flex_credits if before else None),
        ),
        (
            f"At {cost.whose}",
            UNKNOWN if cost.usd is None else f"<small>US$</small>{escape(format_amount(cost.usd, '1'))}",
            ", ".join(filter(None, (badge.total_prefix, _name_pesos(cost), _name_prices(cost)))),
        ),
        (
            "People with use",
            f"{certificate.users_active:,}",
            f"{earlier}: {before_certificate.users_active:,}" if before_certificate else nothing,
        ),
        ("Days of flex use", f"{statistics.days_with_flex_credits} of {days.days}", first),
        ("Highest day", peak, most),
        (
            "Prompt credits",
            format_credits(statistics.prompt_credits),
            compare(statistics.prompt_credits, before.prompt_credits if before else None),
        ),
    ]
    return show_cards(cards)


def _name_pesos(cost: CreditCost) -> str:
    return "" if cost.clp is None else f"CLP\u00a0{format_amount(cost.clp, '1')}"


def _name_prices(cost: CreditCost) -> str:
    prices = sorted({one.usd for one in cost.prices})
    named = f"US${' to '.join(map(str, dict.fromkeys((prices[0], prices[-1]))))} a credit" if prices else ""
    return named if cost.usd is not None else "no price is known for some of the days"


def _summarize(certificate: CreditsCertificate) -> str:
    read = certificate.users_asked - certificate.users_failed
    agreed = sum(check.result == "agrees" for check in certificate.checks.values())
    differ = sum(check.result == "differs" for check in certificate.checks.values())
    checks = f"{agreed} checks agree" if agreed != 1 else "1 check agrees"
    if differ:
        checks += f", {differ} do not" if differ > 1 else ", 1 does not"
    return (
        f"{read:,} of {certificate.users_asked:,} people read · {checks} · as of {format_moment(certificate.read_at)}"
    )
