"""The unusual days of a month on its page: what the highest was made of, and those far above their own weekday."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Protocol

from flexlib.analysis.anomalies import WHAT_TO_DO, Anomalies, Outcome
from flexlib.formats import (
    format_amount,
    format_few,
    format_number,
    format_short_day,
)
from flexlib.i18n import _, translate_count, write_number
from flexlib.page.kit.markup import Html, Piece
from flexlib.page.kit.parts import Heading, show_line, show_section
from flexlib.tables.compare import UNITS, write_in_words
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
    def outcome(self) -> Outcome: ...
    @property
    def reason(self) -> str: ...
    @property
    def limits(self) -> Sequence[str]: ...
    @property
    def layers(self) -> Mapping[str, Anomalies]: ...
    @property
    def peak(self) -> tuple[date, tuple[int, float, int, float]] | None: ...
    @property
    def peak_event(self) -> str: ...


def show_peak(made: UnusualDays | None) -> Html:
    """What the highest day was made of, where it is far above such weekdays; nothing where it is not."""
    if made is None or made.peak is None:
        return Html("peak", "")
    day, (count, each, usual, usually) = made.peak
    if count * each < PEAK * usual * usually or not usual:
        return Html("peak", "")
    amounts = [write_in_words(format_amount(Decimal(one)), made.unit) for one in (each, usually)]
    said = translate_count(
        "{count} spender at {each} each, against {usual} at {usually} on such a weekday.",
        "{count} spenders at {each} each, against {usual} at {usually} on such a weekday.",
        count,
    ).format(count=format_number(count), each=amounts[0], usual=format_number(usual), usually=amounts[1])
    head = _("{day}, the highest day:")
    if made.peak_event:
        head = _("{day}, the highest day, planned ({event}):")
    return show_line("peak", head.format(day=format_short_day(day), event=made.peak_event) + " ", said)


def show_unusual(made: UnusualDays | None) -> Piece:
    """The days far above what was expected, with what they were made of; a line where there is none."""
    if made is None:
        return Html("unusual", "")
    if made.reason:
        said = _("Whether a day was unusual cannot be said: {reason}.").format(reason=made.reason)
        return show_line("unusual", "", said)
    if not made.found:
        said = _("No day was far above its own weekday, of a person, of a model or of all together.")
        if made.outcome is Outcome.IN_PART:
            said = _("Of what can be judged no day was far above its own weekday.")
        elif made.limits:
            said = _("No day that is known was far above its own weekday, of a person, of a model or of all together.")
        return show_line("unusual", "", said + _say_limits(made))
    found = sorted(made.found, key=lambda one: bool(one.event))
    shown = SHOWN + (len(found) == SHOWN + 1)
    first, others = _table_unusual(found[:shown], made.unit), _table_unusual(found[shown:][:FOLDED], made.unit)
    summary = _("{count} more").format(count=format_number(len(others.rows)))
    return show_section(
        _head_unusual(made), first, replace(others, name="table-more-unusual", caption="More of them", summary=summary)
    )


def _say_limits(made: UnusualDays) -> str:
    """What and who could not be judged, as sentences after a blank; nothing where all could."""
    count = made.layers["user"].unjudged
    said = translate_count(
        "{count} spender has too few days of use to tell.", "{count} spenders have too few days of use to tell.", count
    )
    return "".join(f" {one}" for one in (*made.limits, *([said.format(count=format_number(count))] if count else [])))


def _head_unusual(made: UnusualDays) -> Heading:
    note = _(
        "Days above their own weekday beyond chance, of at least {least} each; of the {count}, {few} may be false "
        "alarms."
    ).format(
        least=write_in_words(write_number(f"{made.least:,g}"), made.unit),
        count=format_number(len(made.alarms)),
        few=format_few(made.false_alarms),
    )
    note += f" {_(WHAT_TO_DO)}{_say_limits(made)}"
    whole = next((one for one in made.alarms if one.heads), None)
    if whole is not None and whole.heads:
        count, each, usual, usually = whole.heads
        places = "1" if made.unit == "flex_credits" else UNITS[made.unit][1]  # of a dollar each, cents are the amount
        amounts = [format_amount(Decimal(one), places) for one in (each, usually)]
        head = translate_count(
            "{day}: {count} spender at {each} each, against {usual} at {usually}",
            "{day}: {count} spenders at {each} each, against {usual} at {usually}",
            count,
        )
        counts = {"count": format_number(count), "usual": format_number(usual)}
        day = format_short_day(whole.date)
        return Heading(head.format(day=day, each=amounts[0], usually=amounts[1], **counts), note)
    if not made.alarms:
        return Heading("All unusual days were planned", note)
    first = made.alarms[0]
    said, more = _("{day}: {who} {times} times the usual"), len(made.alarms) - 1
    if more:
        said = translate_count(
            "{day}: {who} {times} times the usual, and {count} more unusual day",
            "{day}: {who} {times} times the usual, and {count} more unusual days",
            more,
        )
    times = write_number(f"{first.times:.1f}")
    day = format_short_day(first.date)
    return Heading(said.format(day=day, who=first.who, times=times, count=format_number(more)), note)


def _table_unusual(found: Sequence[Unusual], unit: str) -> Table:
    title, kind = UNITS[unit][0], Kind.CLP if unit == "clp" else Kind.USD  # credits have two decimals, too
    kinds = {"day": _("all together"), "user": _("person"), "model": _("model")}
    planned = _("planned: {event}")
    rows = [
        {
            "who": one.who or _("Everything"),
            "kind": planned.format(event=one.event) if one.event else kinds.get(one.layer, one.layer) * bool(one.who),
            "when": one.date,
            "amount": one.amount,
            "expected": Decimal(f"{one.expected:.15g}"),  # as far as a float holds
            "times": Decimal(f"{one.times:.1f}"),
        }
        for one in found
    ]
    columns = [
        Column("who", "Who, or what", note="kind"),
        Column("when", "Day", Kind.DAY),
        Column("amount", title, kind),
        Column("expected", "Usual", kind, is_optional=True),
        Column("times", "Times", Kind.NUMBER),
    ]
    return Table("table-unusual", "Unusual days", columns, rows)
