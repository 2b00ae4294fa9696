"""Notes of stored months, and why rows of files could not be taken: written in English into certificates and beside
them, and told in the language of who reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

from flexlib.i18n import _, join_texts, mark_text, write_number

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
TIMES = mark_text("{field} is not a time of 2000 to 2099: {value}"), mark_text("not a time of 2000 to 2099: {value}")
WRONG_NUMBERS = (
    mark_text("{field} is not a whole number from 0 to {most}: {value}"),
    mark_text("{field} is not a whole number from 0 to {most} under --decimal {mark}: {value}"),
    mark_text("{field} is not a whole number: {value}"),
    mark_text("{field} is not a whole number under --decimal {mark}: {value}"),
    mark_text("{field} is not a number at or above 0: {value}"),
    mark_text("{field} is not a number at or above 0 under --decimal {mark}: {value}"),
    mark_text("{field} is not a number: {value}"),
    mark_text("{field} is not a number under --decimal {mark}: {value}"),
    mark_text("{field} has more than {places} decimals, and would be 0: {value}"),
    mark_text("{field} is {limit} or more in size, and what is kept with {places} decimals must be less: {value}"),
    mark_text("{field} is ambiguous ({value}: thousands or decimals?); give --decimal"),
    mark_text("{field} is not an amount: {value}"),
)
"""Of a text that is no number of its field; the size of an amount is that of the column that keeps it."""
REASONS = (
    mark_text("{told}, unless --distinct says that this is all: import all pages in one command"),
    mark_text("{told}: import all pages in one command"),
    *TIMES, *WRONG_NUMBERS,
    mark_text("no time"), mark_text("no model"), mark_text("no provider"), mark_text("no amount"),
    mark_text("no period"), mark_text("no currency"), mark_text("no {field}"),
    mark_text("no period of an hour, a day or a month: {value} to {end}"),
    mark_text("no such time in {zone}: {value} (the clock skipped it)"),
    mark_text("{field} is ambiguous ({value}: day or month first?); give --date-order"),
    mark_text("unknown {field}: {value} (say what it means: --alias '{again}=NAME')"),
    mark_text("cached tokens are more than the prompt: {value}"),
    mark_text("total_tokens is not prompt + completion: {value}"),
    mark_text("batch is neither true nor false: {value}"),
    mark_text("a name or an id is not of at most {most} printable characters"),
    mark_text("requests is 0; a row is of 1 or more"),
    mark_text("{field} without usable_type: {value}"),
    mark_text("request_id stands before with other content: {value}"),
    mark_text("{count} column where the header has {width}"),
    mark_text("{count} columns where the header has {width}"),
    mark_text("not a JSON object"), mark_text("the key {value} twice in one object"),
    mark_text("the period ends before it begins: {value}"),
    mark_text("not the code of a currency: {value}"),
    mark_text("the amount is in {other}, and its currency is {code}: {value}"),
    mark_text("the list amount is in {other}, and its currency is {code}: {value}"),
    mark_text("other pages come before page {place}, and the one before it is not here"),
    mark_text("more pages follow page {place}, and the next one is not here"),
    mark_text("page {place} is of {count} rows, and {here} are here"),
)  # fmt: skip
"""Why a row of a file could not be taken; several of one row are joined."""
CUT_SHORT = mark_text("the answer is cut short: it holds {rows} rows with {credits} flex credits, the server's own sum "
                      "is {rows_there} rows with {credits_there}")  # fmt: skip
CUT_SHORT_TOTAL = mark_text(
    "the answer is cut short: its rows hold {credits} flex credits, its own total is {credits_there}"
)
NO_TEAM_SUM = mark_text("the team's own sum is no number ({error})")
NO_SOURCE = mark_text("the data source is gone ({refused})")
ENDPOINT_REFUSES = mark_text("the consumption endpoint says no ({refused})")
PROOF_FAILS = mark_text("its proof fails, {checks}")
SUMS_FAIL, CROSS_CHECK_FAILS = mark_text("sums: {found}"), mark_text("cross-check: {found}")
TEAM_SUM = (
    mark_text("the server's own sum holds {credits} flex credits more ({rows} rows, {here} here)"),
    mark_text("the server's own sum holds {credits} flex credits less ({rows} rows, {here} here)"),
)
UNLISTED = mark_text(
    "a key that is not on the list of people may have spent it, which the routes team and consumption show"
)
USERS_DIFFER = (
    mark_text("{count} user differs: {alone} flex credits alone, {first} at first"),
    mark_text("{count} users differ: {alone} flex credits alone, {first} at first"),
)
FIRST_ROUTE, ASKED_ROUTE = mark_text("the first choice, and the server answered it"), mark_text("asked for by --route")
ROUTE_TAKEN = mark_text("{route} was taken")
ROUTE_REFUSED, ROUTE_FAILED = mark_text("{route} was refused ({why})"), mark_text("{route} failed ({why})")
ROUTE_REFUSED_BEFORE = mark_text("{route} was refused on {day} ({why})")
ROUTES = ROUTE_TAKEN, ROUTE_REFUSED_BEFORE, ROUTE_REFUSED, ROUTE_FAILED
"""What became of the routes to a month, joined."""
WHYS = (
    CUT_SHORT, CUT_SHORT_TOTAL, NO_TEAM_SUM, NO_SOURCE, ENDPOINT_REFUSES, PROOF_FAILS, SUMS_FAIL, CROSS_CHECK_FAILS,
    *TEAM_SUM, UNLISTED, *USERS_DIFFER,
)  # fmt: skip
"""Why a route was not taken, joined: these, or what the server answered."""
BETWEEN = "; "
NUMBER = re.compile(r"\d[\d,]*(\.\d+)?")
NUMBERED = ("count", "amount", "here", "rows", "credits", "rows_there", "credits_there", "alone", "first")
HOLES = dict.fromkeys(NUMBERED, NUMBER.pattern) | {"field": r"\w+", "place": r"\d+", "route": r"\w+", "day": r"[\d-]+"}
"""What may stand in a sentence where a name does: else anything."""


def write_note(note: tuple[str, str], count: int, **named: object) -> str:
    """The note of that many, in English."""
    return note[count != 1].format(count=f"{count:,}", **named)


def tell_note(stored: str) -> str:
    """A stored note in the reader's language, its numbers as they are written there; as it is where nobody knows it,
    such as one of an earlier flexlib."""
    for note, found in match_sentences(stored, NOTES):
        return _fill(note, found)
    return _(stored)


def tell_reasons(stored: str) -> str:
    """Why a row could not be taken, in the reader's language; a part that nobody knows as it is."""
    return _tell_joined(stored, REASONS)


def tell_route(stored: str) -> str:
    """Why a month was read by its route, in the reader's language; a part that nobody knows, such as what the server
    answered, as it is."""
    return _tell_joined(stored, ROUTES) if stored not in (FIRST_ROUTE, ASKED_ROUTE) else _(stored)


def tell_why(stored: str) -> str:
    """Why a route was not taken, in the reader's language; what the server answered as it is."""
    return _tell_joined(stored, WHYS)


def _tell_joined(stored: str, sentences: tuple[str, ...]) -> str:
    told, parts = list[str](), stored.split(BETWEEN)
    while parts:
        ends = range(1, len(parts) + 1)
        known = ((end, *one) for end in ends for one in match_sentences(BETWEEN.join(parts[:end]), sentences))
        if (first := next(known, None)) is None:
            end, said = 1, parts[0]
        else:
            # A bracket within the brackets of a route is not their end.
            every = chain([first], known)
            end, sentence, found = next((one for one in every if _is_closed(one[2].get("why", ""))), first)
            said = _fill(sentence, found)
        told.append(said)
        parts = parts[end:]
    return join_texts(told)


def _is_closed(text: str) -> bool:
    return text.count("(") <= text.count(")")


def _fill(text: str, found: dict[str, str]) -> str:
    return _(text).format(**{name: _tell_value(name, value) for name, value in found.items()})


def match_sentences(stored: str, notes: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Those of the sentences that a stored one can be, and what fills the names of each."""
    for note in notes:
        if found := _compile(note).fullmatch(stored):
            yield note, found.groupdict()


@cache
def _compile(note: str) -> re.Pattern[str]:
    """What the note is with anything in place of its names; counts are numbers alone."""
    parts = re.split(r"\{(\w+)\}", note)
    texts, names = map(re.escape, parts[::2]), parts[1::2]
    holes = [f"(?P<{name}>{HOLES.get(name, '.+')})" for name in names]
    return re.compile("".join(text + hole for text, hole in zip(texts, [*holes, ""], strict=True)), re.DOTALL)


def _tell_value(name: str, value: str) -> str:
    if name in NUMBERED:
        return write_number(value)
    if name == "told":
        return tell_reasons(value)
    if value in WORDS:
        return _(value)
    return tell_why(value) if name in ("why", "checks", "found") else value


def tell_cycle(stored: str) -> str:
    """A stored billing cycle: its first and its last day, or what it is instead."""
    first, to, last = stored.partition(" to ")
    return _("{first} to {last}").format(first=first, last=last) if to else _(stored)
