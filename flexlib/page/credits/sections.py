"""The parts of a page that are more than one chart or table: title, headline numbers, sections under a finding."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.shares import measure_change
from flexlib.certificate import CreditsCertificate, State
from flexlib.formats import (
    LIST_PRICE,
    UNKNOWN,
    format_change,
    format_count_or_dash,
    format_credits_or_dash,
    format_moment,
    format_month,
    format_short_day,
    format_usd,
    price_credits,
)
from flexlib.page.credits.headings import Heading
from flexlib.page.credits.proof import describe_badge, list_missing
from flexlib.page.credits.top import is_comparable, list_read_days
from flexlib.page.kit.markup import Html, Piece, join_pieces, render_element
from flexlib.page.kit.theme import LAB_STYLE, render_lab_style

DEMO = render_element("em", "Demo data", class_="demo")
"""Beside the title of a page on made-up people."""


def show_title(
    title: str, certificate: CreditsCertificate, people: Mapping[str, Mapping[str, str]] | None = None
) -> Html:
    """Title, month and the certificate's state, which leads to the proof; when the month is not whole, why.

    Carries the style of all that follows, so that JupyterLab shows it as the page does.
    """
    standing = describe_badge(certificate)
    month = render_element("span", certificate.month.title)
    demo = DEMO if certificate.demo else ""
    over = "Windsurf team · monthly report"
    if certificate.demo:
        over += " · made-up people"
    badge = render_element(
        "a",
        render_element("b", f"{standing.sign} {standing.word}") + escape(_summarize(certificate)),
        class_=f"flex-badge {standing.colour}",
        href="#proof",
    )
    head = render_element("p", over, class_="over") + render_element("h1", f"{escape(title)} {month} {demo}".rstrip())
    missing = "".join(render_element("li", escape(text)) for text in list_missing(certificate, people))
    alert = ""
    if missing:
        alert = render_element("p", f"{standing.word}: {standing.warning}") + render_element("ul", missing)
        alert = render_element("div", alert, class_=f"flex-alert {standing.colour}", role="note")
    header = render_element("header", render_element("div", head) + badge, class_="flex-title")
    return Html("title", f"{render_element('style', render_lab_style(), class_=LAB_STYLE)}\n{header}\n{alert}")


def show_headlines(
    statistics: CreditsStatistics,
    certificate: CreditsCertificate,
    before: CreditsStatistics | None = None,
    before_certificate: CreditsCertificate | None = None,
) -> Html:
    """The month's headline numbers, each with what it is measured against: the month before, if that is stored."""
    month = certificate.month
    days = list_read_days(certificate)
    earlier = format_month(month.previous.first).split()[0]
    standing = describe_badge(certificate)
    mark = standing.total_prefix and render_element("b", standing.total_prefix, class_=standing.colour)

    def compare(now: int, then: int | None) -> str:
        if then is None:
            return f"{UNKNOWN} no {earlier} stored"
        if not is_comparable(certificate, before_certificate):
            # A part of a month against another would look like a rise or a fall.
            return f"{UNKNOWN} {earlier}: {format_credits_or_dash(then)}"
        change = measure_change(now, then)
        if change is None:
            return f"none in {earlier}"
        way, sign = ("more", "▲") if change > 0 else ("less", "▼") if change < 0 else ("same", "=")
        at_least = "at least " if certificate.state is State.GAP else ""
        return render_element("span", f"{sign} {at_least}{format_change(change)} on {earlier}", class_=way)

    first = f"first on {format_short_day(statistics.first_flex_day)}" if statistics.first_flex_day else "none"
    peak = format_short_day(statistics.peak_day) if statistics.peak_day else UNKNOWN
    most = f"{format_credits_or_dash(statistics.peak_flex_credits)} credits" if statistics.peak_day else "none"
    cards = [
        (
            f"Flex credits {mark}",
            format_credits_or_dash(statistics.flex_credits),
            compare(statistics.flex_credits, before.flex_credits if before else None),
        ),
        (
            "At list price",
            f"<small>US$</small>{format_usd(price_credits(statistics.flex_credits), '1')}",
            f"{standing.total_prefix}{', ' if mark else ''}US${LIST_PRICE} a credit",
        ),
        (
            "People with use",
            format_count_or_dash(certificate.users_active),
            f"{earlier}: {format_count_or_dash(before_certificate.users_active)}"
            if before_certificate
            else f"{UNKNOWN} no {earlier} stored",
        ),
        ("Days of flex use", f"{statistics.days_with_flex_credits} of {days.days}", first),
        ("Highest day", peak, most),
        (
            "Prompt credits",
            format_credits_or_dash(statistics.prompt_credits),
            compare(statistics.prompt_credits, before.prompt_credits if before else None),
        ),
    ]
    written = "".join(
        render_element("div", f'<dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd>')
        for name, value, note in cards
    )
    return Html("headlines", render_element("dl", written, class_="flex-headlines"))


def show_section(finding: Heading, *pieces: Piece) -> Html:
    """Charts and tables under what they show."""
    head = render_element("h2", escape(finding.heading)) + render_element("p", escape(finding.note), class_="lede")
    name = pieces[0].name if pieces else "section"
    return Html(name, render_element("section", f"{head}\n{join_pieces(pieces)}", class_="flex-section"))


def show_beside(left: Piece, right: Piece) -> Html:
    """Two sections side by side where there is room."""
    return Html(
        f"{left.name}, {right.name}", render_element("div", f"{join_pieces([left, right])}", class_="flex-beside")
    )


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
