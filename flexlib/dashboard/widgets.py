"""The page as widgets: a view comes in as a query string, out of a choice or a link, and what it shows goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import ipywidgets
from IPython.display import HTML, display

from flexlib.dashboard.figures import NAMES, Figures, name_span
from flexlib.dashboard.held import Spans
from flexlib.dashboard.live import MOST_OF_TIME, Watch
from flexlib.dashboard.live_page import render_age, render_live
from flexlib.dashboard.page import render_bar, render_chart, render_file, render_head, render_problem, render_sums
from flexlib.dashboard.view import GROUPS, UNITS, Months, View, format_view, parse_view
from flexlib.dates import Month
from flexlib.errors import FlexlibError
from flexlib.i18n import _, find_language, use_language
from flexlib.ledger.door import find_ledger
from flexlib.page.kit.markup import render_element
from flexlib.page.kit.units import UNITS as WORDS
from flexlib.settings import load_settings
from flexlib.store.snapshots import list_months

MOST_DRAWN = 24
"""Views that are kept as they were shown, some 200 kB each: those that somebody goes to and fro between."""
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
        self.spans = Spans(settings, names=names)
        self.drawn: dict[tuple[View, str, bool], tuple[str, str, str]] = {}
        self.is_narrow = False
        self.task: asyncio.Task[None] | None = None
        self.ahead: asyncio.Task[None] | None = None
        self.is_setting = False
        self.asked = _build_text(self.read)
        self.bar, self.age, self.head, self.chart, self.sums, self.taken = (ipywidgets.HTML() for _number in range(6))
        self.taken.add_class("dash-taken")
        self.choices = {name: self._build_choice(name) for name in ("first", "last", "of", "by", "against")}
        self.form = ipywidgets.HBox([*self.choices.values()]).add_class("dash-form")
        shown = [self.bar, self.form, self.age, self.head, self.chart, self.sums]
        self.all = ipywidgets.VBox([self.asked, *shown, self.taken])
        self.show(self.view)
        self.ahead_of_clicks = _start(self._prepare())

    async def _prepare(self) -> None:
        """What the first click may ask for, while the kernel waits for its viewer: the sums by everything, and those of
        the month before, to compare with; one at a time, so that a viewer who is there waits for one at most."""
        await asyncio.sleep(0)
        spans = [(one, one) for one in list_months(self.root)[-2:]]
        for months in reversed(spans):
            for by in GROUPS:
                figures = Figures(View(by=by), self.spans.load(months))
                await asyncio.sleep(0)
                if months == spans[-1]:
                    figures.drawn_sums  # noqa: B018 (read so that it is summed)
                figures.sums  # noqa: B018

    def _build_choice(self, name: str) -> ipywidgets.Dropdown:
        choice = ipywidgets.Dropdown()
        choice.observe(lambda change: self.choose(name, change["new"]), "value")
        return choice

    def read(self, text: str) -> None:
        """What a link asks for: a number, so that the same can be asked for twice, the width of the page, the file that
        is to be taken along, if any, and the query of the view."""
        _number, shape, name, query = text.split("|", 3)
        self.is_narrow = shape == "narrow"
        try:
            view = parse_view(query.removeprefix("?"))
            if name:
                self.taken.value = render_element("div", render_file(self._open(view), name), data_asked=_number)
            else:
                self.show(view)
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
        self.age.value = self.taken.value = ""
        try:
            view = view if view.months else replace(view, months=self._newest)
            self._offer(view)
            self._draw(view)
        except FlexlibError as error:
            self._fill(render_problem(str(error), view))

    def _open(self, view: View) -> Figures:
        months = view.months or self._newest
        then = self.spans.load(view.against) if view.against else None
        return Figures(replace(view, months=months), self.spans.load(months), then)

    def _draw(self, view: View) -> None:
        """The view as it was drawn before, where nothing that it is made of is another; the chart last: the figures are
        there before it is."""
        if self.spans.check([one for one in (view.months, view.against) if one]):
            self.drawn.clear()
        key = view, find_language(), self.is_narrow
        if key in self.drawn:
            head, sums, chart = self.drawn[key]
            self.head.value, self.sums.value = self._frame(head), sums
        else:
            figures = self._open(view)
            head = render_head(figures)
            self.chart.value, self.head.value = "", self._frame(head)
            self.sums.value = sums = render_sums(figures)
            chart = render_chart(figures, is_narrow=self.is_narrow)
            for one in [*self.drawn][: len(self.drawn) - MOST_DRAWN + 1]:
                del self.drawn[one]
            self.drawn[key] = head, sums, chart
        self._finish(chart)

    @property
    def _newest(self) -> Months:
        months = list_months(self.root)
        newest = months[-1] if months else Month.containing(self.watch.today).previous
        return newest, newest

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


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Begins it beside what a browser asks for; where nobody can ask it is left."""
    try:
        return asyncio.get_running_loop().create_task(work)
    except RuntimeError:
        work.close()
        return None


def _build_text(tell: Callable[[str], None]) -> ipywidgets.Text:
    """The field through which the page's script says which view a link asks for; nobody sees it."""
    text = ipywidgets.Text(tabbable=False).add_class("dash-asked")
    text.observe(lambda change: tell(change["new"]), "value")
    return text


def show_dashboard(*, names: bool = False) -> ipywidgets.VBox:
    """The dashboard of the data that the settings name; with `names` people stand by name. Beside it, as an output of
    its own, what it shows first: a browser has that in the page itself, before any script."""
    made = Dashboard(names=names)
    for head, sums, chart in made.drawn.values():
        first = HTML("\n".join([head, chart, sums]))  # type: ignore[no-untyped-call]
        display(first)  # type: ignore[no-untyped-call]
    return made.all
