"""The page as widgets: a view comes in as a query string, out of a choice or a link, and what it shows goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets

import flexlib as fl
from flexlib.dashboard.figures import NAMES, Figures, name_span
from flexlib.dashboard.live import MOST_OF_TIME, Watch
from flexlib.dashboard.live_page import render_age, render_live
from flexlib.dashboard.page import render_bar, render_chart, render_head, render_problem, render_sums
from flexlib.dashboard.view import GROUPS, UNITS, Months, View, format_view, parse_view
from flexlib.dates import Month
from flexlib.errors import FlexlibError
from flexlib.front.spend import Spend
from flexlib.i18n import _, find_language, use_language
from flexlib.ledger.door import find_ledger
from flexlib.page.kit.markup import render_element
from flexlib.page.kit.units import UNITS as WORDS
from flexlib.settings import load_settings
from flexlib.store.snapshots import list_months

MOST_LOADED = 6
"""Spans whose months stay loaded: those that somebody goes to and fro between."""
LOOK_SECONDS = 1.0
"""Between two looks at the ledger: what is recorded shows within two of them."""


class Dashboard:
    """One viewer's page."""

    def __init__(self, *, names: bool = False) -> None:
        self.names = names
        self.language = find_language()
        self.root = find_ledger().data
        settings = load_settings()
        self.watch = Watch(find_ledger(), budgets=settings.budgets, most_unpriced=settings.most_unpriced)
        self.view = View()
        self.loaded: dict[tuple[Months, str], Spend] = {}
        self.task: asyncio.Task[None] | None = None
        self.ahead: asyncio.Task[None] | None = None
        self.is_setting = False
        self.asked = _build_text(self.read)
        self.bar, self.age, self.head, self.chart, self.sums = (ipywidgets.HTML() for _number in range(5))
        self.choices = {name: self._build_choice(name) for name in ("first", "last", "of", "by", "against")}
        self.form = ipywidgets.HBox([*self.choices.values()]).add_class("dash-form")
        self.all = ipywidgets.VBox([self.asked, self.bar, self.form, self.age, self.head, self.chart, self.sums])
        self.show(self.view)

    def _build_choice(self, name: str) -> ipywidgets.Dropdown:
        choice = ipywidgets.Dropdown()
        choice.observe(lambda change: self.choose(name, change["new"]), "value")
        return choice

    def read(self, text: str) -> None:
        """A view that a link asks for: a number, so that the same one can be asked for twice, and its query."""
        query = text.partition("|")[2].removeprefix("?")
        try:
            self.show(parse_view(query))
        except FlexlibError as error:
            self._fill(render_problem(str(error), self.view))

    def choose(self, name: str, value: Any) -> None:  # noqa: ANN401 (of a widget)
        """What somebody chose above the figures."""
        if self.is_setting:
            return
        first, last = self.view.months or self._newest
        chosen: dict[str, Any] = {name: value or None}
        if name == "first":
            chosen = {"months": (value, max(value, last))}
        elif name == "last":
            chosen = {"months": (min(first, value), value)}
        self.show(replace(self.view, **chosen))

    def show(self, view: View) -> None:
        """Shows it, or why it cannot be shown."""
        use_language(view.lang or self.language)
        self.view = view
        self.bar.value = render_bar(view)
        self.form.layout.display = "none" if view.is_live else ""
        if view.is_live:
            self._watch()
            return
        self.age.value = ""
        try:
            view = view if view.months else replace(view, months=self._newest)
            self._offer(view)
            now = self._load(view.months or self._newest)
            then = self._load(view.against) if view.against else None
            figures = Figures(view, now, then)
            # The chart last: the figures are there before it is drawn.
            self.chart.value, self.head.value = "", self._frame(render_head(figures))
            self.sums.value = render_sums(figures)
            self._finish(render_chart(figures))
        except FlexlibError as error:
            self._fill(render_problem(str(error), view))

    @property
    def _newest(self) -> Months:
        months = list_months(self.root)
        newest = months[-1] if months else Month.containing(self.watch.today).previous
        return newest, newest

    def _load(self, months: Months) -> Spend:
        """Loaded once in each language: what is loaded keeps the sentences that it was first asked for."""
        key = months, find_language()
        if key not in self.loaded:
            for one in [*self.loaded][: len(self.loaded) - MOST_LOADED + 1]:
                del self.loaded[one]
            self.loaded[key] = fl.load(*months, names=self.names, lang=find_language())
        return self.loaded[key]

    def _offer(self, view: View) -> None:
        """The choices, in the reader's language, and what is chosen of them."""
        months = list_months(self.root) or [*self._newest]
        first, last = view.months or self._newest
        by_month = [(one.title, one) for one in sorted({*months, first, last}, reverse=True)]
        spans: list[tuple[str, Months | tuple[()]]] = [(_("nothing"), ())]  # None would be no choice to the widget
        spans += [(one.title, (one, one)) for one in reversed(months)]
        if view.against and view.against not in [span for _words, span in spans]:
            spans.append((name_span(view.against), view.against))
        offered: dict[str, tuple[str, list[tuple[str, Any]], Any]] = {
            "first": (_("From"), [*by_month], first),
            "last": (_("To"), [*by_month], last),
            "of": (_("In"), [(WORDS[one].title, one) for one in UNITS], view.of),
            "by": (_("By"), [(_(NAMES[one]), one) for one in GROUPS], view.by),
            "against": (_("Against"), [*spans], view.against or ()),
        }
        self.is_setting = True
        try:
            for name, (words, options, chosen) in offered.items():
                choice = self.choices[name]
                choice.description = words
                if [*choice.options] != options:
                    choice.options = options
                choice.value = chosen
        finally:
            self.is_setting = False

    def _fill(self, content: str) -> None:
        """Shows that and nothing else."""
        self.head.value, self.sums.value = self._frame(content), ""
        self._finish("")

    def _finish(self, chart: str) -> None:
        """The last of what is shown, by which the page's script knows that it is all there."""
        self.chart.value = render_element(
            "div", chart, class_="dash-drawn", data_asked=self.asked.value.partition("|")[0]
        )

    def _frame(self, content: str) -> str:
        """What is shown, and for the page's script the address of the view and its language."""
        return render_element(
            "div", content, class_="dash-shown", data_view=format_view(self.view), lang=find_language()
        )

    def _watch(self) -> None:
        self._fill(render_live(self.watch))
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._look_on())

    async def _look_on(self) -> None:
        """Looks at the ledger for as long as the running month is shown; the page is changed where the figures did."""
        looks = 0
        while self.view.is_live:
            took = await asyncio.to_thread(self.watch.look)
            use_language(self.view.lang or self.language)
            if self.view.is_live:
                looks += 1
                self._fill(render_live(self.watch))  # a widget that has that content already sends nothing
                self.age.value = render_age(looks)
                if self.ahead is None or self.ahead.done():
                    self.ahead = asyncio.get_running_loop().create_task(asyncio.to_thread(self.watch.look_ahead))
            await asyncio.sleep(max(LOOK_SECONDS, MOST_OF_TIME * took))


def _build_text(tell: Callable[[str], None]) -> ipywidgets.Text:
    """The field through which the page's script says which view a link asks for; nobody sees it."""
    text = ipywidgets.Text(tabbable=False).add_class("dash-asked")
    text.observe(lambda change: tell(change["new"]), "value")
    return text


def show_dashboard(*, names: bool = False) -> ipywidgets.VBox:
    """The dashboard of the data that the settings name; with `names` people stand by name."""
    return Dashboard(names=names).all
