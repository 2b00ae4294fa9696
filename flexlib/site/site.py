"""A site before it is drawn: its pages' paths, the words they share, and how they lead to each other."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from flexlib.certificate import State
from flexlib.dates import Month, Span
from flexlib.formats import UNKNOWN, format_moment
from flexlib.i18n import _, join_and
from flexlib.page.kit.amounts import Cell, plot_amounts
from flexlib.page.kit.chart import Chart
from flexlib.page.kit.markup import Html, escape, render_element
from flexlib.page.kit.parts import BADGES, Heading, show_section
from flexlib.page.kit.units import UNITS
from flexlib.report.letters import name_files
from flexlib.site.facts import OF, Facts, Report, Row
from flexlib.site.frame import INDEX
from flexlib.tables.definition import Table

PARTS = {"model": "models", "department": "departments"}
"""The folder of the pages of each."""


class Site:
    """The facts, with the path of each page: `months` by `2025-09`, `parts` of each kind by its name."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.title = facts, _("What language models cost")
        self.rows = {"model": facts.models, "department": facts.departments}
        self.kinds = {"model": _("Model"), "department": _("Department")}
        self.headings = {"model": _("Models"), "department": _("Departments")}
        self.months = {str(month): f"{month}/{INDEX}" for month in facts.months}
        self.parts: dict[str, dict[str, str]] = {}
        for key, folder in PARTS.items():
            files = name_files([row[key] for row in self.rows[key]])
            self.parts[key] = {name: f"{folder}/{file}.html" for name, file in files.items()}
        self.is_demo = any(getattr(one, "demo", False) for one in facts.spend.certificates)

    def lead(self, key: str = "") -> dict[str, str]:
        """The addresses of models, departments, or else months, from a page that is in a folder."""
        return {name: f"../{path}" for name, path in (self.parts[key] if key else self.months).items()}

    def tell_read(self, month: Month | None = None) -> str:
        """When the newest data was read, of all months or of one: what else was read since changes none of its page."""
        found = self.facts.spend.loaded
        moments = [one.read_at for usage in found if month in (None, usage.month) for one in usage.certificates]
        return _("Data as of {moment}.").format(moment=format_moment(max(moments))) if moments else ""

    def link(self, month: Month | None) -> tuple[str, str] | None:
        """Words and address of a month, from a page that is in a folder."""
        return None if month is None else (month.title, f"../{self.months[str(month)]}")


def draw_months(rows: Sequence[Row], key: str, span: Span, title: str) -> Chart | None:
    """Columns of the months of `list_parts`, stacked; None where no amount is known."""
    cells = [Cell(month.first, row[key], row[str(month)]) for month in span.months for row in rows if row[str(month)]]
    if not cells:
        return None
    return plot_amounts(cells, OF, span, title=title, name="chart-months", by_month=True, by_model=key == "model")


def show_table(heading: str, note: str, table: Table) -> Html:
    """A table under a heading; without a line nothing, not even the heading."""
    return show_section(Heading(heading, note) if table.rows else None, table)


def show_reports(reports: Sequence[Report], root: str, facts: Facts) -> Html:
    """The links to reports, from a page from which the first one is `root` away, each with why its sums may be others
    than the site's."""
    if not reports:
        return Html("reports", "")
    items = ""
    for one in reports:
        link = render_element("a", escape(one.title), href=root + one.path)
        notes = [_("made of other data of {months} than are stored now")] if one.path in facts.outdated else []
        notes += [_("made with other inputs than there are now: {inputs}")] if one.moved else []
        notes += [_("of days of {zone}")] if one.zone != facts.spend.zone else []
        for note in notes:
            said = note.format(months=facts.outdated.get(one.path), zone=one.zone, inputs=join_and(one.moved))
            link += " " + render_element("small", escape(said))
        items += render_element("li", link)
    return show_section(Heading(_("Reports"), ""), Html("reports", render_element("ul", items, class_="flex-links")))


def name_state(state: State | None) -> str:
    """The word of a month's state."""
    return _("not stored") if state is None else _(BADGES[state].word)


def write_usd(amount: Decimal | None, *, is_least: bool = False) -> str:
    """`US$ 401.57`, a dash where it is not known, `at least US$ 401.57` where something is missing from it."""
    if amount is None:
        return UNKNOWN
    written = UNITS[OF].write(amount)
    return _("at least {amount}").format(amount=written) if is_least else written
