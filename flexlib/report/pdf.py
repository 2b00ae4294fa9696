"""A page as a PDF: paged and numbered, with contents and bookmarks, tagged for those who have it read to them."""

from __future__ import annotations

import html
import logging
import re
from pathlib import Path
from typing import Any

from flexlib.errors import ExtraMissing
from flexlib.i18n import _
from flexlib.page.kit.markup import escape, render_element
from flexlib.store.disk import PRIVATE, PUBLIC, REPORTS, report_disk, write_whole

VARIABLE = re.compile(r"var\(--flex-[\w-]+,(#[0-9a-f]{6})\)")
"""A colour of the theme and what it is on paper: inside an SVG the renderer knows no variables."""
HEADING = re.compile(r"<h2[^>]*>(.*?)</h2>", re.DOTALL)
FIRST_SECTION = re.compile(r'<(?:section class="flex-section|div class="flex-beside)')

TABLE = re.compile(r'<table class="flex-table([^>]*>.*?</thead>)', re.DOTALL)
MANY = 8
"""Columns from which on a table is written smaller: paper is narrower than a screen, and nothing may be cut."""

STYLE = """
@page { @bottom-left { content: string(page-title); font: 9px sans-serif; color: #5d6879; } }
title { string-set: page-title content(); }
head, head title { display: block; height: 0; overflow: hidden; font-size: 0; }
.flex-title, .flex-beside:has(table) { display: block; }
.flex-beside:has(table) .flex-chart { max-width: 420px; }
.flex-badge { display: block; margin-top: 10px; }
.contents { margin: 18px 0 0; break-inside: avoid; }
.contents ol { margin: 6px 0 0; padding: 0; list-style: none; font-size: 12px; columns: 2; column-gap: 28px; }
.contents li { break-inside: avoid; }
.contents li { padding: 3px 0; border-bottom: 1px solid #e3e6eb; }
.contents a { display: block; color: #1a2130; text-decoration: none; }
.contents a::after { content: leader(" ") target-counter(attr(href), page); color: #5d6879; }
.flex-details:not([open]), .flex-details { display: block; }
.flex-details summary { margin: 10px 0 4px; font-size: 11.5px; font-weight: 600; color: #1a2130; list-style: none; }
.flex-details summary { break-after: avoid; }
.flex-section:has(.flex-scroll tbody tr:nth-child(8)) { break-inside: auto; }
.flex-scroll { break-before: avoid; }
.flex-scroll:not(:has(tbody tr:nth-child(8))) { break-inside: avoid; }
.flex-scroll::before { content: ""; display: block; height: 120px; margin-bottom: -120px; }
.flex-table tbody tr:last-child { break-after: auto; }
.flex-table.many { font-size: 10px; }
.flex-table.many :is(th, td) { padding: 3px 3px; }
.flex-table.many :is(th, td):not(:first-child) { padding-left: 6px; }
.flex-table.many :is(th, small, .new) { font-size: 9.5px; }
.flex-table.many td:has(.bar) { width: 9%; min-width: 44px; }
.flex-table.many td:has(.key):first-child { min-width: 0; }
.flex-proof code { max-width: none; overflow-wrap: anywhere; }
"""
"""Beside the page's own style for paper: nothing stays closed."""


def write_pdf(page: Path, target: Path, *, is_private: bool = False) -> Path:
    """The page as `target`; nothing outside it is asked for. `is_private`: for its owner alone.

    Raises `ExtraMissing` where the library is missing or what it stands on, and `DiskFailed`.
    """
    content = render_pdf(page.read_text("utf-8"))
    with report_disk(target.parent, REPORTS):
        write_whole(target, content, PRIVATE if is_private else PUBLIC)
    return target


def render_pdf(page: str) -> bytes:
    """The page of a report as a PDF, the same bytes for the same page."""
    weasyprint = _import_weasyprint()
    fetcher = weasyprint.URLFetcher(allowed_protocols={"data"}, allow_redirects=False)
    document = weasyprint.HTML(string=prepare_page(page), url_fetcher=fetcher, media_type="print")
    made: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=b"flexlib")
    return made


def prepare_page(page: str) -> str:
    """The page with its lines opened, its colours written out, and contents before the first section."""
    page = VARIABLE.sub(r"\1", page).replace("<details ", "<details open ")
    page = page.replace("</head>", f"<style>{STYLE}</style>\n</head>", 1)
    headings: list[str] = []

    def mark(found: re.Match[str]) -> str:
        headings.append(" ".join(html.unescape(re.sub("<[^>]+>", "", found[1])).split()))
        return f'<h2 id="section-{len(headings)}">{found[1]}</h2>'

    page = TABLE.sub(_mark_many, HEADING.sub(mark, page))
    first = FIRST_SECTION.search(page)
    if first is None or not headings:
        return page
    items = "".join(
        render_element("li", render_element("a", escape(text), href=f"#section-{number}"))
        for number, text in enumerate(headings, 1)
    )
    title = render_element("p", render_element("b", escape(_("Contents"))))
    contents = render_element("nav", title + render_element("ol", items), class_="contents")
    return page[: first.start()] + contents + "\n" + page[first.start() :]


def _mark_many(found: re.Match[str]) -> str:
    has_many = len(re.findall("<t[hd][ >]", found[1])) >= MANY
    return f'<table class="flex-table{" many" * has_many}{found[1]}'


def _import_weasyprint() -> Any:  # noqa: ANN401 (it has no types)
    for name in ("weasyprint", "fontTools"):  # what of CSS it passes over is nothing to a reader
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        import weasyprint
    except OSError as error:  # a library of the system that Python's packages do not bring
        raise ExtraMissing(
            _(
                "A PDF needs Pango, which this machine lacks; install it, such as by: apt-get install "
                "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 (macOS: brew install pango)."
            )
        ) from error
    return weasyprint
