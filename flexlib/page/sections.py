"""The parts of a page that are more than one chart or table: title, headline numbers, sections under a finding."""

from __future__ import annotations

from collections.abc import Mapping

from flexlib.aggregate.credits import CreditsStatistics
from flexlib.aggregate.shares import measure_change
from flexlib.certificate import CreditsCertificate, State
from flexlib.formats import format_month
from flexlib.page.findings import Finding
from flexlib.page.fold import is_comparable, list_read_days
from flexlib.page.formats import (
    LIST_PRICE,
    UNKNOWN,
    price_credits,
    write_change,
    write_count,
    write_credits,
    write_day,
    write_moment,
    write_usd,
)
from flexlib.page.markup import Html, Piece, escape, join_pieces, write_element
from flexlib.page.proof import describe_standing, list_missing
from flexlib.page.theme import LAB_STYLE, write_lab_style

__all__ = ["DEMO", "show_beside", "show_headlines", "show_section", "show_title"]

DEMO = write_element("em", "Demo data", class_="demo")
"""Beside the title of a page on made-up people."""


def show_title(
    title: str, certificate: CreditsCertificate, people: Mapping[str, Mapping[str, str]] | None = None
) -> Html:
    """Title, month and the certificate's state, which leads to the proof; when the month is not whole, why.

    Carries the style of all that follows, so that JupyterLab shows it as the page does.
    """
    standing = describe_standing(certificate)
    month = write_element("span", certificate.month.title)
    demo = DEMO if certificate.demo else ""
    over = "Windsurf team · monthly report"
    if certificate.demo:
        over += " · made-up people"
    badge = write_element(
        "a",
        write_element("b", f"{standing.sign} {standing.word}") + escape(_summarize(certificate)),
        class_=f"flex-badge {standing.colour}",
        href="#proof",
    )
    head = write_element("p", over, class_="over") + write_element("h1", f"{escape(title)} {month} {demo}".rstrip())
    missing = "".join(write_element("li", escape(text)) for text in list_missing(certificate, people))
    alert = ""
    if missing:
        alert = write_element("p", f"{standing.word}: {standing.warning}") + write_element("ul", missing)
        alert = write_element("div", alert, class_=f"flex-alert {standing.colour}", role="note")
    header = write_element("header", write_element("div", head) + badge, class_="flex-title")
    return Html("title", f"{write_element('style', write_lab_style(), class_=LAB_STYLE)}\n{header}\n{alert}")


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
    standing = describe_standing(certificate)
    mark = standing.before_total and write_element("b", standing.before_total, class_=standing.colour)

    def compare(now: int, then: int | None) -> str:
        if then is None:
            return f"{UNKNOWN} no {earlier} stored"
        if not is_comparable(certificate, before_certificate):
            # A part of a month against another would look like a rise or a fall.
            return f"{UNKNOWN} {earlier}: {write_credits(then)}"
        change = measure_change(now, then)
        if change is None:
            return f"none in {earlier}"
        way, sign = ("more", "▲") if change > 0 else ("less", "▼") if change < 0 else ("same", "=")
        at_least = "at least " if certificate.state is State.GAP else ""
        return write_element("span", f"{sign} {at_least}{write_change(change)} on {earlier}", class_=way)

    first = f"first on {write_day(statistics.first_flex_day)}" if statistics.first_flex_day else "none"
    peak = write_day(statistics.peak_day) if statistics.peak_day else UNKNOWN
    most = f"{write_credits(statistics.peak_flex_credits)} credits" if statistics.peak_day else "none"
    cards = [
        (
            f"Flex credits {mark}",
            write_credits(statistics.flex_credits),
            compare(statistics.flex_credits, before.flex_credits if before else None),
        ),
        (
            "At list price",
            f"<small>US$</small>{write_usd(price_credits(statistics.flex_credits), '1')}",
            f"{standing.before_total}{', ' if mark else ''}US${LIST_PRICE} a credit",
        ),
        (
            "People with use",
            write_count(certificate.users_active),
            f"{earlier}: {write_count(before_certificate.users_active)}"
            if before_certificate
            else f"{UNKNOWN} no {earlier} stored",
        ),
        ("Days of flex use", f"{statistics.days_with_flex_credits} of {days.days}", first),
        ("Highest day", peak, most),
        (
            "Prompt credits",
            write_credits(statistics.prompt_credits),
            compare(statistics.prompt_credits, before.prompt_credits if before else None),
        ),
    ]
    written = "".join(
        write_element("div", f'<dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd>')
        for name, value, note in cards
    )
    return Html("headlines", write_element("dl", written, class_="flex-headlines"))


def show_section(finding: Finding, *pieces: Piece) -> Html:
    """Charts and tables under what they show."""
    head = write_element("h2", escape(finding.heading)) + write_element("p", escape(finding.note), class_="lede")
    name = pieces[0].name if pieces else "section"
    return Html(name, write_element("section", f"{head}\n{join_pieces(pieces)}", class_="flex-section"))


def show_beside(left: Piece, right: Piece) -> Html:
    """Two sections side by side where there is room."""
    return Html(
        f"{left.name}, {right.name}", write_element("div", f"{join_pieces([left, right])}", class_="flex-beside")
    )


def _summarize(certificate: CreditsCertificate) -> str:
    read = certificate.users_asked - certificate.users_failed
    agreed = sum(check.result == "agrees" for check in certificate.checks.values())
    differ = sum(check.result == "differs" for check in certificate.checks.values())
    checks = f"{agreed} checks agree" if agreed != 1 else "1 check agrees"
    if differ:
        checks += f", {differ} do not" if differ > 1 else ", 1 does not"
    return f"{read:,} of {certificate.users_asked:,} people read · {checks} · as of {write_moment(certificate.read_at)}"
