"""The page of a change: what it comes to, its parts as a staircase from one sum to the other, and who moved most."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Protocol

from matplotlib.figure import Figure

from flexlib.analysis.compare import NOTHING, OF_WHOMEVER, Change
from flexlib.analysis.ranking import measure_amount_change
from flexlib.certificate import Certificate, State
from flexlib.dates import Span
from flexlib.formats import (
    PERCENT,
    UNKNOWN,
    capitalize_first,
    format_amount,
    format_change,
    format_number,
    format_signed,
)
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.kit.chart import Chart, add_axes, size_letter
from flexlib.page.kit.markup import Html, escape, render_element
from flexlib.page.kit.parts import BADGES, Heading, show_cards, show_title
from flexlib.page.kit.svg import add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT
from flexlib.page.kit.units import render_sign
from flexlib.tables.compare import HEADINGS, UNITS, list_parts, name_part

STEP = 34
"""CSS pixels of a step of the staircase."""

NAMES = {"new": mark_text("New"), "gone": mark_text("Stopped"), **HEADINGS}
"""The steps, as there is room for beside them on a phone."""

VERSIONS_NAMES = NAMES | {"new": mark_text("Late rows"), "gone": mark_text("Withdrawn")}


class Compared(Protocol):
    """Two spans compared, as `front.compare_spans` gives it."""

    @property
    def before(self) -> Span: ...
    @property
    def after(self) -> Span: ...
    @property
    def unit(self) -> str: ...
    @property
    def change(self) -> Change: ...
    @property
    def state(self) -> State: ...
    @property
    def certificates(self) -> tuple[Certificate, ...]: ...
    @property
    def lacking(self) -> tuple[bool, bool]: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def zone(self) -> str: ...
    @property
    def running(self) -> str: ...
    @property
    def versions(self) -> tuple[int, int] | None: ...
    @property
    def sides(self) -> tuple[str, str]: ...


def show_compare_title(made: Compared) -> Html:
    """What is compared with what, and the worst state of both; what is missing, and why."""
    earlier, later = made.sides
    over = _("{unit} · a change and its parts · days of {zone}")
    if made.unit == "flex_credits":  # Windsurf's days are those of UTC in every zone
        over = _("{unit} · a change and its parts")
    return show_title(
        _("Why it changed"),
        _("{later} vs {earlier}").format(later=capitalize_first(later) if made.versions else later, earlier=earlier),
        over.format(unit=_(UNITS[made.unit][0]), zone=made.zone),
        BADGES[made.state],
        _("the worse state of the two"),
        () if made.state is State.COMPLETE else made.missing,
        demo=any(getattr(one, "demo", False) for one in made.certificates),
        for_scripts={"state": str(made.state), "missing": list(made.missing), "possible_duplicates": []},
    )


def show_compare_headlines(made: Compared) -> Html:
    """Both sums and their difference, and how many came, went and stayed, each with what they moved."""
    change, parts, people = made.change, list_parts(made.change, made.unit), made.change.people
    title, places = _(UNITS[made.unit][0]), UNITS[made.unit][1]
    came, went, (earlier, later) = parts["new"], parts["gone"], _name_sides(made)
    apart = {name: parts[name] for name in OF_WHOMEVER if parts.get(name)}
    stayed = sum(parts.values(), NOTHING) - came - went - sum(apart.values(), NOTHING)
    named = {"refunds": _(HEADINGS["refunds"]), "unmeasured": _(HEADINGS["unmeasured"])}
    notes = {"refunds": _("but for those of new and gone spenders"), "unmeasured": _("not taken apart")}
    gone = _("Not there yet") if change.is_running else _("Who stopped")
    counts = [
        (_("New spenders"), format_number(people["new"]), format_signed(came, places)),
        (gone, format_number(people["gone"]), format_signed(went, places)),
        (_("The same spenders"), format_number(people.get("stayed", 0)), format_signed(stayed, places)),
        *((named[name], format_signed(part, places), notes[name]) for name, part in apart.items()),
    ]
    if made.versions:
        changed = people["restated"] + people["price"] + people["rate"]
        counts = [(_("Late rows"), *counts[0][1:]), (_("Withdrawn rows"), *counts[1][1:]),
                  (_("Changed rows"), format_number(changed), format_signed(stayed, places))]  # fmt: skip
    unit = render_sign(made.unit)
    marks = [f" {render_element('b', escape(_('at least')), class_='warn')}" * lacks for lacks in made.lacking]
    share = None if any(made.lacking) or made.running else measure_amount_change(change.after, change.before)
    way = "more" if change.difference > 0 else "less" if change.difference < 0 else "same"
    said = _("none in {month}").format(month=earlier)
    if any(made.lacking):
        said = _("{dash} one of the two lacks something").format(dash=UNKNOWN)
    elif made.running:
        said = escape(made.running)
    if share is not None:
        said = render_element(
            "span", escape(_("{change} vs {month}").format(change=format_change(share), month=earlier)), class_=way
        )
    return show_cards([
        (f"{later}{marks[1]}", f"{unit}{format_amount(change.after, places)}", said),
        (f"{earlier}{marks[0]}", f"{unit}{format_amount(change.before, places)}", title),
        (_("Difference"), format_signed(change.difference, places),
         _("of what is known") if any(made.lacking) else _("the sum of all parts")),
        *counts,
    ])  # fmt: skip


def heading_for_parts(made: Compared) -> Heading:
    """The part that moved most the way that the sum went."""
    change = made.change
    note = _(change.method)
    if change.ranges:
        note += " " + _("The lines beside their ends: how far another order would have moved them.")
    sign, parts = 1 if change.difference > 0 else -1, list_parts(change, made.unit)
    name = max(parts, key=lambda one: sign * parts[one])
    if not change.difference:
        return Heading(_("As much as in {month}").format(month=_name_sides(made)[0]), note)
    amount = format_signed(parts[name], UNITS[made.unit][1])
    return Heading(_("{part} moved most: {amount}").format(part=name_part(name, change), amount=amount), note)


def heading_for_movers(moved: Mapping[Hashable, Mapping[str, Decimal]], what: str) -> Heading | None:
    """The few who together moved as much as all others or more, and how much of it; `moved` as from
    `Change.sum_by_person` or `sum_by_model`."""
    sizes = [abs(sum(parts.values(), NOTHING)) for parts in moved.values()]
    whole, so_far = sum(sizes, NOTHING), NOTHING
    note = _("Ranked by how much each changed, up or down; the parts of a line add up to its change.")
    of_people = what == "people"
    for count, size in enumerate(sizes, 1):
        so_far += size
        if 2 * so_far >= whole > 0:
            if so_far < whole:
                said = translate_count("One of {all} models made {share} of all that moved",
                                       "{count} of {all} models made {share} of all that moved", count)  # fmt: skip
                if of_people:
                    said = translate_count("One of {all} people made {share} of all that moved",
                                           "{count} of {all} people made {share} of all that moved", count)  # fmt: skip
            else:
                said = translate_count("One of {all} models made all that moved",
                                       "{count} of {all} models made all that moved", count)  # fmt: skip
                if of_people:
                    said = translate_count("One of {all} people made all that moved",
                                           "{count} of {all} people made all that moved", count)  # fmt: skip
            counts = {"count": format_number(count), "all": format_number(len(sizes))}
            return Heading(said.format(share=f"{int(100 * so_far / whole)}{PERCENT}", **counts), note)
    return None


def plot_parts(made: Compared, *, title: str = "From one sum to the other", name: str = "chart-parts") -> Chart:
    """A staircase from the one sum to the other, a step a part; a thin line at the end of a step shows how far other
    orders of change would have taken it."""
    change, unit = made.change, made.unit
    parts, (earlier, later) = list_parts(change, unit), _name_sides(made)
    steps = [(earlier, NOTHING, change.before, "before")]
    height, ranges = change.before, dict[int, tuple[float, float]]()
    names = VERSIONS_NAMES if made.versions else NAMES | ({"gone": mark_text("Not yet")} if change.is_running else {})
    for place, (part, moved) in enumerate(parts.items(), 1):
        steps.append((_(names[part]), height, moved, "more" if moved >= 0 else "less"))
        if part in change.ranges:
            least, most = change.ranges[part]
            ranges[place] = float(height + least), float(height + most)
        height += moved
    steps.append((later, NOTHING, change.after, "accent"))
    places = UNITS[unit][1]

    def write(place: int) -> str:
        is_sum = place in (0, len(steps) - 1)
        return (format_amount if is_sum else format_signed)(steps[place][2], places)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 12 + STEP * len(steps))
        longest = max(len(step[0]) for step in steps)
        room = max(len(write(place)) for place in range(len(steps)))
        left, right = min(12 + size_letter(width) * longest, width // 2), 16 + size_letter(width) * room
        axes = add_axes(figure, left, right, 4, STEP * len(steps))
        for place, (label, foot, size, colour) in enumerate(steps):
            (bar,) = axes.barh(place, float(size), 0.62, left=float(foot), color=LIGHT[colour])
            add_tooltip(bar, f"{label}: {write(place)}")
            end = max(float(foot), float(foot + size), *ranges.get(place, ()))
            axes.annotate(write(place), (end, place), (6, 0), textcoords="offset points", va="center",
                          color=LIGHT["ink"])  # fmt: skip
            if place in ranges:
                least, most = ranges[place]
                axes.hlines(place, least, most, color=LIGHT["ink"], linewidth=1.5)
            if place > 0:
                at = float(foot) if place < len(steps) - 1 else float(size)
                axes.vlines(at, place - 1 + 0.31, place - 0.31, color=LIGHT["soft"], linewidth=1)
        axes.set_yticks(range(len(steps)), [step[0] for step in steps])
        axes.set_ylim(len(steps) - 0.5, -0.5)
        axes.set_xlim(min(0.0, *(min(ends) for ends in ranges.values()), 0.0))
        axes.set_xticks([])
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        return figure

    listed = ", ".join(f"{step[0]} {write(place)}" for place, step in enumerate(steps) if 0 < place < len(steps) - 1)
    words = _("From {first} to {last} in {unit}: {steps}.")
    words = words.format(first=write(0), last=write(len(steps) - 1), unit=_(UNITS[unit][0]), steps=listed)
    return Chart(name, title, words, draw)


def _name_sides(made: Compared) -> tuple[str, str]:
    """Both spans, months without their year where it is one."""
    if made.versions:
        before, after = (_("Version {number}").format(number=number) for number in made.versions)
        return before, after
    sides = [span.months for span in (made.before, made.after)]
    if any(len(months) > 1 for months in sides):
        before, after = (_("{first} to {last}").format(first=months[0], last=months[-1]) for months in sides)
        return before, after
    (before_month,), (after_month,) = sides
    if before_month.year == after_month.year:
        return before_month.name, after_month.name
    return before_month.title, after_month.title
