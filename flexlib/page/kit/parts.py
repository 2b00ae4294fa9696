"""The parts of a page that are more than one chart or table: title, headline numbers, sections, the proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import unescape
from typing import Any

from flexlib.certificate import Certificate, State, UsageCertificate
from flexlib.checks import describe_check, explain_check
from flexlib.formats import UNKNOWN, format_exact, format_moment, format_number
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.kit.kept import keep_cards, keep_title
from flexlib.page.kit.markup import Html, Piece, escape, join_kept, render_element
from flexlib.page.kit.table import render_table
from flexlib.page.kit.theme import LAB_STYLE, render_lab_style
from flexlib.sources.registry import WINDSURF, name_source
from flexlib.tables.definition import Table

LONG_FIGURE, LONGEST_FIGURE = 14, 17
"""From so many characters on a headline number is written smaller: half a phone has room for 13 at full size."""

SIGNS = {"good": "✓", "bad": "×", "unknown": "–"}

HASH = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class StateBadge:
    """How the state of a certificate is shown: a colour, a sign and a word that do not need each other."""

    colour: str
    sign: str
    word: str
    """That of the certificate, which consoles and JSON write in capitals."""
    heading: str
    """Of the proof."""
    total_prefix: str = ""
    """What stands before the total."""
    warning: str = ""
    """What it means for the total."""


UNRECONCILED = mark_text("two sums that must agree do not, or something may count twice.")
BADGES = {
    State.COMPLETE: StateBadge("good", "✓", "Complete", "Why you can trust the total"),
    State.PROVISIONAL: StateBadge(
        "warn", "…", "Provisional", "What the total rests on, so far", "so far", "the total is not final."
    ),
    State.UNWITNESSED: StateBadge(
        "warn", "?", "Unwitnessed", "What the total rests on", "", "no second figure confirms the total."
    ),
    State.UNRECONCILED: StateBadge(
        "bad", "≠", "Unreconciled", "What does not agree, or may count twice", warning=UNRECONCILED
    ),
    State.GAP: StateBadge(
        "bad", "!", "Gap", "What is missing from the total", "at least", "the total is a lower bound."
    ),
}

RESULTS = {mark_text("agrees"): "good", mark_text("differs"): "bad", mark_text("not checked"): "unknown"}
"""The colour of a check's result."""

CHECKS = {
    "sums": mark_text("Sums"),
    "cross_check": mark_text("Cross check"),
    "independent_total": mark_text("Independent total"),
    "balance": mark_text("Balance"),
}
"""What the checks of a certificate are called."""


@dataclass(frozen=True)
class Heading:
    """A heading that says what is seen, and a line on what is drawn."""

    heading: str
    note: str


MANY_CERTIFICATES = 4
"""Two months of two sources; more of them are longer than what they prove."""


@dataclass(frozen=True)
class Fact:
    """A line of the proof: what it is, what was found, and whether that is good, bad, unknown or neither."""

    name: str
    text: str
    colour: str = ""


def show_title(
    title: str,
    month: str,
    over: str,
    badge: StateBadge,
    summary: str,
    missing: Sequence[str],
    *,
    demo: bool,
    for_scripts: Mapping[str, Any] | None = None,
) -> Html:
    """Title, month and the state, which leads to the proof; what is `missing`, and why. `over` stands above the title.

    Carries the style of all that follows, so that JupyterLab shows it as the page does.
    """
    head = render_element("p", escape(over), class_="over")
    mark = render_element("em", escape(_("Demo data")), class_="demo") if demo else ""
    head += render_element("h1", f"{escape(title)} {render_element('span', month)} {mark}".rstrip())
    state = render_element(
        "a",
        render_element("b", f"{badge.sign} {escape(_(badge.word))}") + escape(summary),
        class_=f"flex-badge {badge.colour}",
        href="#proof",
    )
    alert = ""
    if missing:
        alert = render_element("p", escape(f"{_(badge.word)}: {_(badge.warning)}")) + _list_items(missing)
        alert = render_element("div", alert, class_=f"flex-alert {badge.colour}", role="note")
    header = render_element("header", render_element("div", head) + state, class_="flex-title")
    style = render_element("style", render_lab_style(), class_=LAB_STYLE)
    kept = keep_title(title, month, badge.word, summary, over, missing, is_demo=demo)
    return Html("title", f"{style}\n{header}\n{alert}", for_scripts, [kept])


def show_cards(cards: Iterable[tuple[str, str, str]]) -> Html:
    """Headline numbers: name, value and note of each, as HTML."""
    cards = list(cards)
    written = "".join(
        render_element("div", f'<dt>{name}</dt>{_render_figure(value)}<dd class="note">{note}</dd>')
        for name, value, note in cards
    )
    return Html("headlines", render_element("dl", written, class_="flex-headlines"), kept=[keep_cards(cards)])


def show_section(heading: Heading | None, *parts: Piece | Table | None) -> Html:
    """Charts and tables under what they show; None and tables without a row are left out, without a heading all."""
    shown = [part for part in parts if part is not None and not (isinstance(part, Table) and not part.rows)]
    name = shown[0].name if shown else "section"
    if heading is None:
        return Html(name, "")
    title = escape(_(heading.heading)).replace("US$ ", "US$\u00a0")
    head = render_element("h2", title) + render_element("p", escape(_(heading.note)), class_="lede")
    content = "\n".join(render_table(part) if isinstance(part, Table) else part.render_html() for part in shown)
    kept = [{"part": "section", "heading": _(heading.heading), "note": _(heading.note), "shown": shown}]
    return Html(name, render_element("section", f"{head}\n{content}", class_="flex-section"), kept=kept)


def show_beside(left: Piece, right: Piece) -> Html:
    """Two sections side by side where there is room; one that is empty leaves it to the other."""
    name, sides = f"{left.name}, {right.name}", [left.render_html(), right.render_html()]
    shown = render_element("div", "\n".join(sides), class_="flex-beside") if all(sides) else "".join(sides)
    return Html(name, shown, kept=join_kept((left, right)))


def show_sections(*pieces: Piece) -> Html:
    """Sections one below the other."""
    names, shown = ", ".join(piece.name for piece in pieces), "\n".join(piece.render_html() for piece in pieces)
    return Html(names, shown, kept=join_kept(pieces))


def show_line(name: str, head: str, text: str, title: str = "") -> Html:
    """An answer in a line, what it is about first; `title` is told under the mouse."""
    more = {"title": title} if title else {}
    content = (render_element("b", escape(head)) if head else "") + escape(text)
    return Html(name, render_element("p", content, class_="flex-why", **more))


def show_facts(
    badge: StateBadge, missing: Sequence[str], facts: Iterable[Fact], notes: Iterable[str], summary: str = ""
) -> Html:
    """The proof: the state's heading, what is missing, the facts, and what else is to be known. With a `summary` the
    facts are behind a line to be opened."""
    facts, notes = list(facts), list(notes)
    content = render_element("h2", escape(_(badge.heading)))
    content += _list_items(missing, class_="missing") if missing else ""
    listed = render_element("dl", "".join(map(_render_fact, facts)))
    opened = render_element("summary", escape(summary)) + listed
    content += render_element("details", opened, class_="flex-details") if summary else listed
    content += "".join(render_element("p", escape(note)) for note in notes)
    class_ = f"flex-section flex-proof {badge.colour}"
    kept = [{"part": "facts", "facts": [[_(one.name), one.text] for one in facts], "notes": notes}]
    return Html("proof", render_element("section", content, class_=class_, id="proof"), kept=kept)


def show_certificates(state: State, certificates: Sequence[Certificate], missing: Sequence[str]) -> Html:
    """The proof of a page that rests on several months: the certificate of each, of many behind a line to be opened."""
    facts = [fact for one in certificates for fact in list_facts(one)]
    # Of months that are whole the sentences are notes, and nothing is missing.
    lacks, notes = ((), missing) if state is State.COMPLETE else (missing, ())
    if len(certificates) <= MANY_CERTIFICATES:
        return show_facts(BADGES[state], lacks, facts, notes)
    said = _("The {count} certificates behind this page, with the hash of the rows of each")
    # On paper nothing can be opened.
    known = _("Behind this page are {count} certificates: flexlib certificate shows each.")
    count = len(certificates)
    return show_facts(BADGES[state], lacks, facts, (*notes, known.format(count=count)), said.format(count=count))


def list_facts(certificate: Certificate) -> Iterator[Fact]:
    """Lines of the proof: state, rows, exact sums, checks, files and the hash of what one source holds of a month."""
    badge = BADGES[certificate.state]
    colour = "good" if badge.colour == "good" else "bad"
    name = name_source(getattr(certificate, "source", WINDSURF.name))
    read = _("{state}, read {moment}").format(state=_(badge.word), moment=format_moment(certificate.read_at))
    yield Fact(f"{name}, {certificate.month}", read, colour)
    stored = translate_count(
        "{count} row, {quarantined} not taken", "{count} rows, {quarantined} not taken", certificate.rows
    )
    quarantined = format_number(certificate.quarantined_rows)
    yield Fact("Stored", stored.format(count=format_number(certificate.rows), quarantined=quarantined))
    if isinstance(certificate, UsageCertificate) and certificate.amount_in_usd is not None:
        sums = certificate.amount_in_usd, certificate.amount_in_clp
        usd, clp = (UNKNOWN if one is None else format_exact(Decimal(one)) for one in sums)
        yield Fact("Exact sums", _("US$ {usd}, CLP {clp}").format(usd=usd, clp=clp))
    for name, check in certificate.checks.items():
        words = filter(None, (_(check.result), describe_check(check) or explain_check(check)))
        yield Fact(CHECKS.get(name, name), ": ".join(words), RESULTS[check.result])
    for entry in getattr(certificate, "files", ()):
        read = translate_count(
            "{name}: {count} row read, SHA-256 {hash}", "{name}: {count} rows read, SHA-256 {hash}", entry["rows"]
        )
        yield Fact("File", read.format(name=entry["name"], count=format_number(entry["rows"]), hash=entry["sha256"]))
    yield Fact("Rows' SHA-256", certificate.rows_sha256)


def mark_total(badge: StateBadge) -> str:
    """What stands after the name of a total that is not the whole, as HTML; nothing after one that is."""
    return badge.total_prefix and " " + render_element("b", escape(_(badge.total_prefix)), class_=badge.colour)


def _render_figure(value: str) -> str:
    length = len(unescape(re.sub(r"<[^>]+>", "", value)))
    size = "longest" if length >= LONGEST_FIGURE else "long" if length >= LONG_FIGURE else ""
    return render_element("dd", value, class_=size)


def _list_items(texts: Iterable[str], class_: str = "") -> str:
    return render_element("ul", "".join(render_element("li", escape(text)) for text in texts), class_=class_)


def _render_fact(fact: Fact) -> str:
    sign = render_element("b", SIGNS.get(fact.colour, ""), class_=fact.colour)
    text = HASH.sub(lambda found: render_element("code", found[0]), escape(fact.text))
    return render_element("div", render_element("dt", sign + escape(_(fact.name))) + render_element("dd", text))
