"""A page as a PDF, read back by another library: every table, contents, bookmarks, tags, and nothing from outside."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pypdf import PdfReader

from flexlib.cli.main import main
from flexlib.errors import ExtraMissing
from flexlib.page.kit.markup import Html
from flexlib.report.letters import render_pieces
from flexlib.report.pdf import prepare_page, render_pdf
from flexlib.tables.definition import Kind, format_value
from flexlib.tables.document import read_document

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
MARGIN = 13 * 72 / 25.4
"""Of the paper, in points."""
WIDTH = 210 * 72 / 25.4
LETTER = 0.4
"""How wide a letter is at least, as a part of its size."""
SECTION = '<section class="flex-section"><h2>{}</h2><p>{}</p></section>'
PAGE = '<!doctype html><html lang="en"><head><title>A page</title></head><body><h1>A page</h1>{}</body></html>'


@pytest.mark.usefixtures("pango")
def test_a_pdf_is_tagged_and_has_contents_bookmarks_and_its_language() -> None:
    page = PAGE.format(SECTION.format("One", "first") + SECTION.format("Two &amp; more", "second"))
    pdf = PdfReader(io.BytesIO(render_pdf(page)))
    root: Any = pdf.trailer["/Root"]
    assert (root["/MarkInfo"]["/Marked"], root["/Lang"], pdf.metadata and pdf.metadata.title) == (True, "en", "A page")
    texts = [" ".join(one.extract_text().split()) for one in pdf.pages]
    assert texts[0].startswith("A page Contents One 1 Two & more 1 One first")
    titles = [one.title for part in pdf.outline for one in (part if isinstance(part, list) else [part])]  # type: ignore[union-attr]
    assert titles == ["A page", "One", "Two & more"]


def test_what_is_closed_on_a_page_is_open_on_paper_and_colours_are_written_out() -> None:
    page = '<details class="flex-details"><summary>All</summary></details><path style="fill:var(--flex-ink,#1a2130)"/>'
    assert prepare_page(page) == page.replace("<details ", "<details open ").replace(
        "var(--flex-ink,#1a2130)", "#1a2130"
    )


@pytest.mark.usefixtures("pango")
def test_nothing_outside_is_asked_for(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (as http.server calls it)
            asked.append(self.path)
            self.send_error(404)

    (tmp_path / "secret.txt").write_text("TOP SECRET", "utf-8")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        body = f'<img src="{url}/a.png" alt="a"><link rel="attachment" href="file://{tmp_path}/secret.txt"><p>x</p>'
        made = render_pdf(
            PAGE.format(f"{body}<style>p {{ background: url({url}/b.png) }} @import '{url}/c.css';</style>")
        )
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []
    assert (b"EmbeddedFile" in made, [*PdfReader(io.BytesIO(made)).attachments]) == (False, [])


def test_a_machine_without_pango_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ExtraMissing, match="A PDF needs Pango, which this machine lacks; install it"):
        render_pdf("")


@pytest.mark.usefixtures("pango")
def test_the_pdf_of_a_month_holds_every_table_of_its_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    asked = ["report", "--offline", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--with", "pdf"]
    assert main([*asked, "--output-dir", str(tmp_path)]) == 0
    made = tmp_path / "demo" / "2025-09" / "llm_usage.pdf"
    document, pdf = read_document(made.with_suffix(".html")), PdfReader(made)
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).replace("\u00a0", " ").split())
    for table in document.tables:
        for column in table.written_columns:
            total = table.sum_column(column)
            if isinstance(total, Decimal | int) and column.kind in (Kind.USD, Kind.COUNT):
                assert format_value(total, column.kind) in text, (table.name, column.key)
    sections = [one for part in pdf.outline if isinstance(part, list) for one in part]
    assert [one.title.replace("\u00a0", " ") for one in sections if not isinstance(one, list)] == [  # type: ignore[union-attr]
        *(one.heading.replace("\u00a0", " ") for one in document.sections),
        "Why you can trust the total",
        "Notes and definitions",
    ]
    first = " ".join(pdf.pages[0].extract_text().replace("\u00a0", " ").split())
    assert f"1 / {len(pdf.pages)}" in first
    # In the contents and where it stands, with its chart, which no page parts from it.
    assert first.count(document.sections[0].heading.replace("\u00a0", " ")) == 2
    assert render_pdf(made.with_suffix(".html").read_text("utf-8")) == made.read_bytes()


@pytest.mark.usefixtures("pango")
def test_no_table_is_wider_than_its_sheet_of_paper() -> None:
    assert 500 < max(end for _text, _x, _y, end in _list_places(_make_section("Wide", 1, 9))) < WIDTH - MARGIN


@pytest.mark.usefixtures("pango")
def test_what_stands_beside_another_on_a_page_has_the_width_of_paper() -> None:
    people = _make_section("People", 9, 5)
    places = _list_places(f'<div class="flex-beside">{_make_section("Days", 3, 3)}{people}</div>')
    last = {text: x for text, x, _y, _end in places}  # the contents before them stand in two columns
    assert max(last["Days"], last["People"]) < MARGIN + 1
    assert max(end for _text, _x, _y, end in places) < WIDTH - MARGIN


@pytest.mark.usefixtures("pango")
def test_a_section_with_a_table_longer_than_what_is_left_of_a_sheet_begins_on_it() -> None:
    page = render_pieces([Html("all", _make_section("Departments", 60, 3))])
    texts = [one.extract_text() for one in PdfReader(io.BytesIO(render_pdf(page))).pages]
    assert (len(texts), texts[0].count("Departments")) == (2, 2)  # in the contents, and where it stands


@pytest.mark.usefixtures("pango")
def test_a_long_title_does_not_run_into_the_state_of_its_page() -> None:
    badge = '<a class="flex-badge good" href="#proof"><b>Completo</b>de archivos importados y Windsurf</a>'
    title = "<div><h1>Distribución de costos <span>septiembre de 2025</span> <em class='demo'>Datos</em></h1></div>"
    found = _list_places(f'<header class="flex-title">{title}{badge}</header>')
    (state,) = {y for text, _x, y, _end in found if text == "Completo"}
    title_ys = [y for text, _x, y, _end in found if "costos" in text or "2025" in text]
    assert min(y for y in title_ys if y > MARGIN) > state  # the title is at the foot of the sheet, too


def _make_section(heading: str, lines: int, columns: int) -> str:
    return f'<section class="flex-section"><h2>{heading}</h2>{_make_table(lines, columns)}</section>'


def _make_table(lines: int, columns: int) -> str:
    heads = "".join(f'<th class="n">Heading {number}</th>' for number in range(columns))
    body = ("<tr>" + '<td class="n">511,202,376</td>' * columns + "</tr>") * lines
    table = f'<table class="flex-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="flex-scroll">{table}</div>'


def _list_places(content: str) -> list[tuple[str, float, float, float]]:
    """Each text of the PDF with where it begins from the left and the bottom, and where it ends at least, in points."""
    places: list[tuple[str, float, float, float]] = []

    def note(text: str, cm: list[float], tm: list[float], _font: object, size: float) -> None:
        if text.strip():
            x, y = tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5]
            places.append((" ".join(text.split()), x, y, x + LETTER * size * abs(cm[0]) * len(text.strip())))

    for sheet in PdfReader(io.BytesIO(render_pdf(render_pieces([Html("all", content)])))).pages:
        sheet.extract_text(visitor_text=note)
    return places
