"""A mail as HTML: tables for layout, classes of one short style in the head, nothing that is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from string import Template

from flexlib.formats import capitalize_first, format_weekday
from flexlib.i18n import _, find_language
from flexlib.page.kit.markup import escape, render_element
from flexlib.page.kit.theme import LIGHT
from flexlib.page.mail.parts import Card, MailPage, Picture, Section, list_columns
from flexlib.tables.definition import NUMBERS, Column, Kind, Row, Table, Total, format_value, is_day

MOST_BYTES = 100_000
"""Gmail cuts a mail after 102 kB of HTML, and hides what follows behind a link."""
MOST_WARNINGS = 10
LONGEST_TEXT = 400
"""Characters of a sentence in a mail; what is longer stands on the page."""
CARDS_BESIDE = 2
LAYOUT = {"role": "presentation", "cellpadding": "0", "cellspacing": "0", "border": "0"}


def render_mail(page: MailPage) -> tuple[str, MailPage]:
    """The HTML of the mail, of less than `MOST_BYTES`, and the page as it is in it: the last sections are left out
    where all would be too long, which is said."""
    fitting = replace(page, warnings=_limit(page.warnings))
    text = _render_page(fitting)
    while len(text.encode()) >= MOST_BYTES and fitting.sections:
        cut = _("This mail is cut to a size that every mail program shows; the report has the rest.")
        notes = fitting.notes if cut in fitting.notes else (*fitting.notes, cut)
        fitting = replace(fitting, sections=fitting.sections[:-1], notes=notes)
        text = _render_page(fitting)
    return text, fitting


def _limit(sentences: Sequence[str]) -> list[str]:
    said = [one if len(one) <= LONGEST_TEXT else f"{one[:LONGEST_TEXT]}…" for one in sentences]
    if len(said) > MOST_WARNINGS:
        more = len(said) - MOST_WARNINGS + 1
        said[MOST_WARNINGS - 1 :] = [_("And {count} more; the report has all of them.").format(count=more)]
    return said


def _render_page(page: MailPage) -> str:
    template = Template((files("flexlib") / "templates" / "mail.css").read_text("utf-8"))
    style = template.substitute({name.replace("-", "_"): colour for name, colour in LIGHT.items()})
    rows = [
        _render_head(page),
        *([_wrap(_render_warnings(page))] if page.warnings else []),
        _wrap(_render_cards(page.cards)),
        *(_wrap(_render_section(one)) for one in page.sections),
        _wrap("".join(render_element("p", escape(one)) for one in page.notes), "foot"),
    ]
    inner = render_element("table", "".join(rows), class_="page", width="600", align="center", **LAYOUT)
    outer = render_element("tr", render_element("td", inner, align="center", class_="around"))
    return (
        f'<!doctype html>\n<html lang="{find_language()}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light">\n<meta name="supported-color-schemes" content="light">\n'
        f"<title>{escape(page.subject)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"{render_element('div', escape(_preview(page)), class_='preview')}\n"
        f"{render_element('table', outer, width='100%', class_='all', **LAYOUT)}\n</body>\n</html>\n"
    )


def _preview(page: MailPage) -> str:
    """What a list of mails shows beside the subject."""
    return " · ".join(f"{one.name}: {one.value}" for one in page.cards)


def _wrap(content: str, class_: str = "part") -> str:
    return render_element("tr", render_element("td", content, class_=class_)) + "\n"


def _render_head(page: MailPage) -> str:
    demo = " " + render_element("span", escape(_("Demo data")), class_="demo") if page.is_demo else ""
    badge = render_element(
        "span", f"{page.badge.sign} {escape(_(page.badge.word))}", class_=f"badge {page.badge.colour}"
    )
    content = render_element("p", escape(page.over), class_="over")
    content += render_element("h1", escape(page.title) + demo)
    content += render_element("p", f"{badge} {escape(page.read)}", class_="read")
    return _wrap(content, "part head")


def _render_warnings(page: MailPage) -> str:
    items = "".join(render_element("li", escape(capitalize_first(one))) for one in page.warnings)
    cell = render_element("td", render_element("ul", items), class_=f"alert {page.badge.colour}")
    return render_element("table", render_element("tr", cell), width="100%", **LAYOUT)


def _render_cards(cards: Sequence[Card]) -> str:
    rows = []
    for first in range(0, len(cards), CARDS_BESIDE):
        beside = cards[first : first + CARDS_BESIDE]
        cells = [render_element("td", _render_card(one), class_="card", width="50%", valign="top") for one in beside]
        rows.append(render_element("tr", "".join(cells)))
    return render_element("table", "".join(rows), width="100%", **LAYOUT)


def _render_card(card: Card) -> str:
    note = render_element("div", escape(card.note), class_="note") if card.note else ""
    name = render_element("div", escape(card.name), class_="name")
    return f"{name}{render_element('div', escape(card.value), class_='value')}{note}"


def _render_section(section: Section) -> str:
    content = render_element("h2", escape(section.heading))
    content += render_element("p", escape(section.note), class_="lede") if section.note else ""
    content += _render_picture(section.picture) if section.picture else ""
    return content + (_render_table(section.table) if section.table else "")


def _render_picture(picture: Picture) -> str:
    items = "".join(
        f'<span class="key"><span style="color:{colour}">&#9632;</span> {escape(text)}</span> '
        for text, colour in picture.legend
    )
    alt = escape(f"{picture.title}. {picture.description}")
    image = f'<img src="cid:{picture.name}" alt="{alt}" width="552" class="picture">'
    return render_element("p", items, class_="keys") + image if items else image


def _render_table(table: Table) -> str:
    columns = list_columns(table)
    heads = "".join(render_element("th", escape(one.title), class_=_name_class(one), scope="col") for one in columns)
    lines = [render_element("tr", "".join(_render_cell(one, row) for one in columns)) for row in table.rows]
    foot = []
    if any(one.total is not Total.BLANK for one in columns):
        sums = (_render_plain(table.sum_column(one), one, one.kind) for one in columns)
        foot.append(render_element("tr", "".join(sums), class_="total"))
    foot += [render_element("tr", "".join(_render_cell(one, row) for one in columns), class_="total")
             for row in table.closing]  # fmt: skip
    body = render_element("thead", render_element("tr", heads)) + render_element("tbody", "\n".join([*lines, *foot]))
    shown = render_element("table", body, class_="data", width="100%", cellpadding="0", cellspacing="0", border="0")
    dashes = {key: said for key, said in table.explain_dashes().items() if key in {one.key for one in columns}}
    return shown + "".join(render_element("p", escape(said), class_="lede") for said in dashes.values())


def _render_cell(column: Column, row: Row) -> str:
    value = row.get(column.key)
    note = format_weekday(value) if value is not None and is_day(value, column) else row.get(column.note)
    return _render_plain(
        value, column, column.find_kind(row), f" {render_element('small', escape(str(note)))}" if note else ""
    )


def _render_plain(value: object, column: Column, kind: Kind, note: str = "") -> str:
    class_ = _name_class(column)
    text = format_value(value, kind)
    return render_element("td", escape(text) + note, class_="words" if class_ and text[:1].isalpha() else class_)


def _name_class(column: Column) -> str:
    return "n" if column.kind in NUMBERS else ""
