"""Notes of stored months: written in English into certificates, and told in the language of who reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from flexlib.i18n import _, mark_text, write_number

UNPRICED = (
    mark_text("{count} row without a price: the sum in USD is a lower bound."),
    mark_text("{count} rows without a price: the sum in USD is a lower bound."),
)
"""One and several, as the other notes that count."""
UNRATED = (
    mark_text("{count} row with a price, but without an exchange rate yet: run flexlib fx update or fx set, then "
              "{command} again."),
    mark_text("{count} rows with a price, but without an exchange rate yet: run flexlib fx update or fx set, then "
              "{command} again."),
)  # fmt: skip
ZEROS = (
    mark_text("{count} row with tokens and an amount of 0: where the source writes 0 for what it does not know, the "
              "sum in USD is a lower bound."),
    mark_text("{count} rows with tokens and an amount of 0: where the source writes 0 for what it does not know, the "
              "sum in USD is a lower bound."),
)  # fmt: skip
LOST_REQUESTS = (
    mark_text("The version of {month} stored before counts {count} request, by the route {route}; the route {now} "
              "counts none, so that number is now unknown. Read the month with --route {again} to have it again."),
    mark_text("The version of {month} stored before counts {count} requests, by the route {route}; the route {now} "
              "counts none, so that number is now unknown. Read the month with --route {again} to have it again."),
)  # fmt: skip
CROSSING = (
    mark_text("{count} charge of a period that ends in a later month: counted where it begins."),
    mark_text("{count} charges of a period that ends in a later month: counted where it begins."),
)
UNDATED = mark_text(
    "Rows of {name} without a readable time: {count}; they count as quarantined in every month of that file."
)
REPEATED = mark_text("Calls of {name} in an hour that the clock showed twice: {count}; the first is assumed.")
SUPERSEDED = mark_text("Rows of {name} that were dropped because {by} covers the same periods: {count}.")
FREE = mark_text(
    "Rows of {name} that are included or free though they carry a cost: {count}; their US$ {amount} was not billed and "
    "is in no total."
)
DISTINCT_ROWS = mark_text("Whoever imported {name} said that its rows are separate calls.")
DISTINCT_LINES = mark_text("Whoever imported {name} said that each of its lines is a charge of its own.")
UNIT = mark_text("The consumption endpoint's numbers are {unit}: {why}.")
UNIT_FOUND = {
    "nothing": mark_text("there are none, which is none in any unit"),
    "total": mark_text("the same month's total by /Analytics is the same"),
    "cycle": mark_text("the current billing cycle's use by UserPageAnalytics or the balance is about the same"),
    "before": mark_text("so they were in an earlier month"),
    "set": mark_text("WINDSURF_CONSUMPTION_UNIT says so"),
}
"""How the unit of the consumption endpoint was found out."""
GONE = mark_text("a file that is no longer of the month")
WORDS = {*UNIT_FOUND.values(), GONE, mark_text("credits"), mark_text("hundredths")}
"""What a note may be filled with that is ours, not a name that others gave."""
NOTES = (
    *UNPRICED, *UNRATED, *ZEROS, *LOST_REQUESTS, *CROSSING, UNDATED, REPEATED, SUPERSEDED, FREE, DISTINCT_ROWS,
    DISTINCT_LINES, UNIT,
)  # fmt: skip
NOT_WHOLE_DAYS = mark_text("not whole days")
"""What is stored of a billing cycle that is none."""
NUMBER = re.compile(r"\d[\d,]*(\.\d+)?")


def write_note(note: tuple[str, str], count: int, **named: object) -> str:
    """The note of that many, in English."""
    return note[count != 1].format(count=f"{count:,}", **named)


def tell_note(stored: str) -> str:
    """A stored note in the reader's language, its numbers as they are written there; as it is where nobody knows it,
    such as one of an earlier flexlib."""
    for note, found in _match(stored):
        return _(note).format(**{name: _tell_value(name, value) for name, value in found.items()})
    return _(stored)


def _match(stored: str) -> Iterator[tuple[str, dict[str, str]]]:
    for note in NOTES:
        if found := _compile(note).fullmatch(stored):
            yield note, found.groupdict()


@cache
def _compile(note: str) -> re.Pattern[str]:
    """What the note is with anything in place of its names; counts are numbers alone."""
    parts = re.split(r"\{(\w+)\}", note)
    texts, names = map(re.escape, parts[::2]), parts[1::2]
    holes = [f"(?P<{name}>{NUMBER.pattern if name in ('count', 'amount') else '.+'})" for name in names]
    return re.compile("".join(text + hole for text, hole in zip(texts, [*holes, ""], strict=True)), re.DOTALL)


def _tell_value(name: str, value: str) -> str:
    if name in ("count", "amount"):
        return write_number(value)
    return _(value) if value in WORDS else value


def tell_cycle(stored: str) -> str:
    """A stored billing cycle: its first and its last day, or what it is instead."""
    first, to, last = stored.partition(" to ")
    return _("{first} to {last}").format(first=first, last=last) if to else _(stored)
