"""A view of closed months as HTML: the report's own tiles, chart, tables and proof, and the links between views."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from flexlib.analysis.ranking import measure_bound_change
from flexlib.dashboard.figures import NAMES, Figures, name_span, name_value, say_more
from flexlib.dashboard.lacks import is_least
from flexlib.dashboard.view import View, format_view
from flexlib.errors import InvalidRequest
from flexlib.export.lines import write_csv
from flexlib.export.workbook import write_workbook
from flexlib.formats import UNKNOWN, format_amount, format_change, format_number
from flexlib.i18n import LANGUAGES, _, find_language, translate_count
from flexlib.page.kit.chart import Chart
from flexlib.page.kit.markup import escape, render_element
from flexlib.page.kit.parts import BADGES, Heading, mark_total, show_cards, show_certificates, show_section, show_title
from flexlib.page.kit.svg import render_svg
from flexlib.page.kit.theme import render_page_style
from flexlib.page.kit.units import UNITS, render_sign
from flexlib.proof import State
from flexlib.store.server import is_made_up
from flexlib.tables.document import Document, Section

LANGUAGE_NAMES = {"en": "English", "es": "Español"}
MOST_MISSING = 6
"""Sentences above the figures: all of them stand in the proof."""
KINDS = {
    "csv": "text/csv;charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What can be taken along, and what a browser calls it."""
SUMS, ROWS = "table-sums", "table-rows"


def render_style() -> str:
    """The pages' own style, and what a dashboard has beside it."""
    own = (files("flexlib") / "templates" / "dashboard" / "dashboard.css").read_text("utf-8")
    page = (files("flexlib") / "templates" / "flexlib" / "page.css").read_text("utf-8")
    return "\n".join([render_page_style(), page, own])


def render_refusal(sentence: str) -> str:
    """A page that says why there is no dashboard for whoever asks."""
    head = (
        f'<!doctype html>\n<html lang="{find_language()}">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_('Dashboard'))}</title>\n"
        '<link rel="stylesheet" href="dashboard/page.css">\n'
    )
    return f"{head}<main><h1>{escape(_('Dashboard'))}</h1><p>{escape(sentence)}</p></main>\n</html>\n"


def render_bar(view: View) -> str:
    """The links above everything: closed months or the running one, and the language."""
    kinds = (
        (_("Closed months"), replace(view, is_live=False)),
        (_("The running month"), View(is_live=True, lang=view.lang)),
    )
    links = [_link(text, one, is_here=one.is_live == view.is_live) for text, one in kinds]
    other = next(one for one in LANGUAGES if one != find_language())
    link = _link(LANGUAGE_NAMES[other], replace(view, lang=other), lang=other)
    return render_element("nav", "".join(links) + link, class_="dash-bar", aria_label=_("Views"))


def render_head(figures: Figures) -> str:
    """Title, state, what it is narrowed to, and the tiles."""
    view, spend = figures.view, figures.spend
    against = _("against {months}").format(months=name_span(view.against)) if view.against else ""
    badge = BADGES[spend.state]
    stored = translate_count("{count} month is stored", "{count} months are stored", len(spend.stored))
    summary = stored.format(count=format_number(len(spend.stored)))
    missing = () if spend.state is State.COMPLETE else spend.missing
    months = spend.span.months[0], spend.span.months[-1]
    title = show_title(_("LLM spend"), escape(name_span(months)), against, badge, summary, missing[:MOST_MISSING],
                       demo=is_made_up(spend.root))  # fmt: skip
    return "\n".join([title.text.partition("</style>\n")[2], _render_chosen(view), _show_tiles(figures)])


@dataclass(repr=False, eq=False)
class OneWidth(Chart):
    """A chart drawn as this viewer's page shows it: twice takes twice as long."""

    is_narrow: bool = False

    def render_html(self) -> str:
        said = _(self.title), self.description
        if self.is_narrow:
            drawn = render_svg(self.narrow_figure, f"{self.name}-narrow", *said, "narrow")
        else:
            drawn = render_svg(self.figure, self.name, *said, "wide")
        return render_element("figure", f"{self._render_legend()}{drawn}", class_="flex-chart", id=self.name)


def render_chart(figures: Figures, *, is_narrow: bool = False) -> str:
    """The chart of the sums, which takes longest to draw, for a phone or for a wider page."""
    found = figures.draw()
    if found is None:
        return render_element("p", escape(_("Of these rows no amount is known in this unit.")), class_="flex-why")
    chart = OneWidth(**{one.name: getattr(found, one.name) for one in fields(found)}, is_narrow=is_narrow)
    said = _("By {group}, in {unit}.").format(group=figures.heading.lower(), unit=UNITS[figures.view.of].title)
    return show_section(Heading(chart.title, said), chart).render_html()


def render_sums(figures: Figures) -> str:
    """The sums as a table with its downloads, the rows where they are asked for, and the proof."""
    spend, parts = figures.spend, []
    if figures.lines:
        heading = Heading(_("The sums"), _("A name leads to its rows."))
        parts.append(show_section(heading, figures.table_sums()).render_html())
        parts.append(_render_downloads(SUMS, figures.heading, figures))
    if figures.view.shows_rows:
        parts.append(_render_rows(figures))
    parts.append(show_certificates(spend.state, spend.certificates, spend.missing).render_html())
    return "\n".join(parts)


def render_problem(sentence: str, view: View) -> str:
    """Why there is nothing to show, and the way back."""
    back = _link(_("The first page"), View(lang=view.lang))
    text = render_element("p", escape(sentence))
    alert = render_element("div", text, class_="flex-alert bad", role="alert")
    return f"<h1>{escape(_('LLM spend'))}</h1>{alert}<p>{back}</p>"


def _render_chosen(view: View) -> str:
    """What it is narrowed to, each with the link that takes it away."""
    if not view.only:
        return ""
    links = []
    for key, value in view.only:
        name = f"{_(NAMES[key])}: {name_value(key, value)}"
        label = _("Without {name}").format(name=name)
        content = f'{escape(name)} <span aria-hidden="true">×</span>'
        wider = view.widen(key)
        wider = wider if wider.only else replace(wider, shows_rows=False)
        links.append(f'<li><a href="?{escape(format_view(wider))}" aria-label="{escape(label)}">{content}</a></li>')
    return render_element("ul", "".join(links), class_="dash-chosen", aria_label=_("Only these rows"))


def _show_tiles(figures: Figures) -> str:
    view, sums, then = figures.view, figures.lines, figures.then
    of = view.of

    def add_up(name: str, lines: Sequence[dict[str, object]]) -> Decimal | int | None:
        known = [one for line in lines if isinstance(one := line[name], Decimal | int)]
        return sum(known) if known else None

    def mark(unit: str, amount: Decimal | int | None) -> str:
        lacks = amount is not None and is_least(figures.spend, unit, view)
        return escape(UNITS[unit].title) + mark_total(BADGES[State.GAP]) * lacks

    # All of it is the report's total, in which bills take the place of what was counted.
    own = add_up(of, sums) if view.only else figures.spend.total(of)
    before = None if then is None else add_up("then", sums) if view.only else then.total(of)
    was = _("compared with nothing") if then is None else figures.obstacle
    is_more, change = is_least(figures.spend, of, view), UNKNOWN
    here, there = (None if one is None else Decimal(one) for one in (own, before))
    tenths = measure_bound_change(here, there, is_least=is_more)
    if not was and tenths is not None:
        change = f"<small>{escape(_('at least'))}</small> " * is_more + format_change(tenths)
    was = "; ".join(filter(None, ("" if before is None else _write(before, of), escape(was))))
    counts = {name: add_up(name, sums) for name in ("requests", "total_tokens")}
    others = [one for one in ("usd", "clp", "flex_credits") if one != of]
    amounts = {one: (add_up(one, sums) if view.only else figures.spend.total(one)) for one in others}
    all_of = _("{group}: {count} in all").format(group=figures.heading, count=format_number(len(sums)))
    cards = [
        (mark(of, own), _write(own, of), escape(all_of)),
        (_("Change"), change, was),
        *((mark(one, amounts[one]), _write(amounts[one], one), "") for one in others),
        *((escape(text), UNKNOWN if counts[one] is None else format_number(int(counts[one] or 0)), "")
          for one, text in (("requests", _("Requests")), ("total_tokens", _("Tokens")))),
    ]  # fmt: skip
    return show_cards(cards).render_html()


def _write(amount: Decimal | int | None, unit: str) -> str:
    if amount is None:
        return UNKNOWN
    return render_sign(unit) + format_amount(Decimal(amount), UNITS[unit].places)


def _render_rows(figures: Figures) -> str:
    table, count = figures.table_rows()
    more = count - len(table.rows)
    note = translate_count("The newest of {count} row.", "The newest of {count} rows.", count)
    section = show_section(Heading(_("The rows"), note.format(count=format_number(count))), table).render_html()
    if more > 0:
        section += render_element("p", escape(say_more(more)), class_="flex-why")
    return section + _render_downloads(ROWS, table.title, figures)


def _render_downloads(name: str, title: str, figures: Figures) -> str:
    """Links to the whole table as CSV and as a workbook, each written when it is asked for: of thousands of people a
    workbook takes longer than all else."""
    address = escape(format_view(figures.view))
    links = [f'<a href="?{address}" data-take="{name}.{kind}">{escape(text)}</a>'
             for kind, text in (("csv", _("CSV")), ("xlsx", _("Excel")))]  # fmt: skip
    links.append(f'<a href="?{address}">{escape(_("Link to this view"))}</a>')
    label = _("Take along: {table}").format(table=title)
    return render_element("p", " ".join(links), class_="dash-take", role="group", aria_label=label)


def render_file(figures: Figures, name: str) -> str:
    """A table of the view as a link that holds the file: nothing else is asked of the server for it. Raises
    `InvalidRequest` for a name that is none of `_render_downloads`."""
    stem, _dot, kind = name.partition(".")
    if stem not in (SUMS, ROWS) or kind not in KINDS:
        raise InvalidRequest(_("{name} is no table of this view.").format(name=name))
    table = figures.table_sums(None) if stem == SUMS else figures.table_rows()[0]
    with TemporaryDirectory(prefix="flexlib-") as folder:
        path = Path(folder) / name
        if kind == "csv":
            write_csv(table, path)
        else:
            write_workbook(Document(_("LLM spend"), "", sections=[Section(table.title, "", [table])]), path)
        content = b64encode(path.read_bytes()).decode()
    return f'<a download="{name}" href="data:{KINDS[kind]};base64,{content}" tabindex="-1"></a>'


def _link(text: str, view: View, *, is_here: bool = False, lang: str = "") -> str:
    here = ' aria-current="page"' if is_here else ""
    spoken = f' lang="{lang}" hreflang="{lang}"' if lang else ""
    return f'<a href="?{escape(format_view(view))}"{here}{spoken}>{escape(text)}</a>'
