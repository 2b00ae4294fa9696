"""What a month's page answers first: why it changed, where it will end, what is unusual, and what may be tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Protocol

from flexlib.analysis.anomalies import WHAT_TO_DO, Anomalies
from flexlib.analysis.compare import METHOD, NOTHING, SAID, Change
from flexlib.analysis.savings import Saving
from flexlib.dates import Month
from flexlib.formats import format_amount, format_count, format_few, format_short_day, format_signed, format_weekday
from flexlib.page.compare import Compared
from flexlib.page.forecast import Forecasted, bound_month, write_estimate
from flexlib.page.kit.markup import Html, Piece, escape, render_element
from flexlib.page.kit.parts import Heading, show_section
from flexlib.tables.compare import UNITS, WORDS, list_parts
from flexlib.tables.definition import Column, Kind, Table

SHOWN, FOLDED = 5, 50
"""Unusual days that are listed, and those behind a line to be opened; `flexlib anomalies` has all."""

PEAK = 2
"""So many times what such a weekday usually takes is a day worth a line."""


class Unusual(Protocol):
    """A day far above what was expected, as `front.anomalies` finds it."""

    @property
    def layer(self) -> str: ...
    @property
    def who(self) -> str: ...
    @property
    def date(self) -> date: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def expected(self) -> float: ...
    @property
    def times(self) -> float: ...
    @property
    def event(self) -> str: ...
    @property
    def heads(self) -> tuple[int, float, int, float] | None: ...


class UnusualDays(Protocol):
    """The unusual days of a month."""

    @property
    def unit(self) -> str: ...
    @property
    def least(self) -> float: ...
    @property
    def found(self) -> Sequence[Unusual]: ...
    @property
    def alarms(self) -> Sequence[Unusual]: ...
    @property
    def false_alarms(self) -> float: ...
    @property
    def reason(self) -> str: ...
    @property
    def layers(self) -> Mapping[str, Anomalies]: ...
    @property
    def peak(self) -> tuple[date, tuple[int, float, int, float]] | None: ...


def show_why(change: Change | None, unit: str, earlier: Month, *, of_counted: str = "", is_least: bool = False) -> Html:
    """Why the month differs from the one before, in a line: who is new, who stopped, what the same people did.

    `of_counted` stands before it where the headline is another sum; `is_least`: the month lacks something.
    """
    if change is None:
        return Html("change", "")
    parts, people, (title, places) = list_parts(change, unit), change.people, UNITS[unit]

    def write(amount: Decimal) -> str:
        return format_signed(amount, places)

    money = "" if unit == "flex_credits" else f"{title}\u00a0"
    reasons = ", ".join(f"{words} {write(parts[name])}" for name, words in SAID.items() if parts.get(name))
    stayed = sum((parts.get(name, NOTHING) for name in SAID), NOTHING)
    said = [
        f"{format_count(people['new'], 'new spender')} {write(parts['new'])}",
        f"{people['gone']:,} who stopped{' or are missing' * is_least} {write(parts['gone'])}",
        f"the same {format_count(people['stayed'], 'spender')} {write(stayed)}{reasons and f' ({reasons})'}",
    ]
    least = ("at least " if of_counted else "At least ") * is_least
    head = f"{of_counted}{least}{money}{write(change.difference)} vs {earlier.name}: "
    return _show_line("change", head, f"{'; '.join(said)}.", METHOD)


def show_change(made: Compared | None, *, is_counted: bool = False) -> Html:
    """`show_why` of a comparison with the month before; `is_counted`: the headline is what bills say."""
    if made is None:
        return Html("change", "")
    of_counted = "As counted, " * is_counted
    earlier = made.before.months[0]
    return show_why(made.change, made.unit, earlier, of_counted=of_counted, is_least=made.lacking[1])


def show_outlook(made: Forecasted | None) -> Html:
    """Where a month that is running will end, in a line; nothing of one that is over."""
    if made is None:
        return Html("outlook", "")
    one, name = bound_month(made), made.month.name
    known = f"{'at least ' * made.is_least}{WORDS[made.unit].format(write_estimate(made.known))} known up to "
    known += format_short_day(made.as_of)
    if one.expected is None:
        return _show_line("outlook", f"Where {name} will end cannot be said: ", f"{one.reason}; {known}.")
    expected, low, high = (write_estimate(end or 0.0) for end in (one.expected, one.low, one.high))
    if one.low is None:
        head = f"{name} may end near {WORDS[made.unit].format(expected)}: "
        return _show_line("outlook", head, f"{known}; no band yet, {one.reason}.")
    held = next((line for line in made.backtest.to_dict("records") if line["bands"]), None)
    tried = f", and held {held['held']} of {held['bands']} times in earlier months" if held else ""
    head = f"{name} will end between {WORDS[made.unit].format(f'{low} and {high}')}: "
    return _show_line("outlook", head, f"a band that should hold four times in five{tried}; {known}.")


def show_peak(made: UnusualDays | None) -> Html:
    """What the highest day was made of, where it is far above such weekdays; nothing where it is not."""
    if made is None or made.peak is None:
        return Html("peak", "")
    day, (count, each, usual, usually) = made.peak
    if count * each < PEAK * usual * usually or not usual:
        return Html("peak", "")
    people = "1 person" if count == 1 else f"{count:,} people"
    amounts = [WORDS[made.unit].format(format_amount(Decimal(one))) for one in (each, usually)]
    said = f"{people} at {amounts[0]} each, against {usual:,} at {amounts[1]} on such a weekday."
    return _show_line("peak", f"{format_short_day(day)}, the highest day: ", said)


def show_unusual(made: UnusualDays | None) -> Piece:
    """The days far above what was expected, with what they were made of; a line where there is none."""
    if made is None:
        return Html("unusual", "")
    if made.reason:
        return _show_line("unusual", "", f"Whether a day was unusual cannot be said: {made.reason}.")
    if not made.found:
        said = "No day was far above its own weekday, of a person, of a model or of all together."
        return _show_line("unusual", "", said + _count_unjudged(made))
    found = sorted(made.found, key=lambda one: bool(one.event))
    shown = SHOWN + (len(found) == SHOWN + 1)
    first, others = _table_unusual(found[:shown], made.unit), _table_unusual(found[shown:][:FOLDED], made.unit)
    summary = f"{len(others.rows):,} more"
    return show_section(
        _head_unusual(made), first, replace(others, name="table-more-unusual", caption="More of them", summary=summary)
    )


def show_saving(saving: Saving | None) -> Html:
    """The one thing that the month's own numbers suggest to try; nothing where they do not."""
    return Html("saving", "") if saving is None else _show_line("saving", "Worth a try: ", saving.sentence)


def _show_line(name: str, head: str, text: str, title: str = "") -> Html:
    more = {"title": title} if title else {}
    content = (render_element("b", escape(head)) if head else "") + escape(text)
    return Html(name, render_element("p", content, class_="flex-why", **more))


def _count_unjudged(made: UnusualDays) -> str:
    """Who could not be judged, as a sentence after a blank; nothing where everybody could."""
    count = made.layers["user"].unjudged
    return (
        f" {'1 person has' if count == 1 else f'{count:,} people have'} too few days of use to tell." if count else ""
    )


def _head_unusual(made: UnusualDays) -> Heading:
    note = (
        f"Days above their own weekday beyond chance, of at least {WORDS[made.unit].format(f'{made.least:,g}')} each; "
        f"of the {len(made.alarms):,} about {format_few(made.false_alarms)} may be false alarms. {WHAT_TO_DO}"
    ) + _count_unjudged(made)
    whole = next((one for one in made.alarms if one.heads), None)
    if whole is not None and whole.heads:
        count, each, usual, usually = whole.heads
        people = "1 person" if count == 1 else f"{count:,} people"
        places = "1" if made.unit == "flex_credits" else UNITS[made.unit][1]  # of a dollar each, cents are the amount
        amounts = [format_amount(Decimal(one), places) for one in (each, usually)]
        head = f"{format_short_day(whole.date)}: {people} at {amounts[0]} each, against {usual:,} at {amounts[1]}"
        return Heading(head, note)
    if not made.alarms:
        return Heading("All unusual days were planned", note)
    first = made.alarms[0]
    more = f", and {format_count(len(made.alarms) - 1, 'more unusual day')}" if len(made.alarms) > 1 else ""
    return Heading(f"{format_short_day(first.date)}: {first.who} {first.times:.1f} times the usual{more}", note)


def _table_unusual(found: Sequence[Unusual], unit: str) -> Table:
    title, places = UNITS[unit]
    kinds = {"day": "all together", "user": "person", "model": "model"}
    rows = [
        {
            "who": one.who or "Everything",
            "kind": f"planned: {one.event}" if one.event else kinds.get(one.layer, one.layer) * bool(one.who),
            "when": f"{format_weekday(one.date)} {format_short_day(one.date)}".replace(" ", "\u00a0"),
            "amount": format_amount(one.amount, places),
            "expected": format_amount(Decimal(one.expected), places),
            "times": f"{one.times:.1f}",
        }
        for one in found
    ]
    columns = [
        Column("who", "Who, or what", note="kind"),
        Column("when", "Day"),
        Column("amount", title, Kind.NUMBER),
        Column("expected", "Usual", Kind.NUMBER, is_optional=True),
        Column("times", "Times", Kind.NUMBER),
    ]
    return Table("table-unusual", "Unusual days", columns, rows)
