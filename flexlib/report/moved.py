"""What differs between two pages and their manifests, in sentences: inputs, by how much the totals, and where."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flexlib.formats import UNKNOWN, capitalize_first, format_count, format_plain
from flexlib.i18n import (
    LANGUAGES,
    Translated,
    _,
    join_texts,
    mark_text,
    speak,
    to_english,
    translate_count,
    write_number,
)

MOST_PLACES = 3
"""Places of a page that are named; who changed more will see it."""
AROUND = 20
"""Letters on each side of what is another."""
SHORT = 12
"""Letters of a hash that tell it from others."""
FIGURE = re.compile(r"[^\d]*(\d[\d.,\u00a0 ]*)[^\d]*")
DATASETS = {
    "credits": mark_text("The credits of {month} ({source})"),
    "usage": mark_text("The calls of {month} ({source})"),
    "charges": mark_text("The bills of {month} ({source})"),
}
ROWS, FLEX_CREDITS = mark_text("rows"), mark_text("flex credits")
"""Units that have a name in each language."""
OWN_FILES, NOT_INSTALLED = mark_text("flexlib's files"), mark_text("not installed")
"""What a manifest says the version of these is of, and of a library that is not there."""
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Moved:
    """An input or a figure that is not what it was; None where there was none, or is none."""

    name: str
    then: str | None
    now: str | None
    sentence: str


def list_moved(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Moved]:
    """The inputs that two manifests have differently: stored months first, then files, settings and versions."""
    found = [*_compare_snapshots(then["snapshots"], now["snapshots"])]
    notebook, other = then["notebook"], now["notebook"]
    pairs = {_("the notebook {name}").format(name=notebook["file"]): (notebook["sha256"], other["sha256"])}
    named = {"files": _("the file {name}"), "settings": _("the setting {name}"), "versions": _("the version of {name}")}
    several = {kind: {text.format(name=_(name) if name == OWN_FILES else name): pair
                      for name, pair in _pair(then[kind], now[kind])} for kind, text in named.items()}  # fmt: skip
    pairs |= several["files"] | several["settings"]
    pairs[_("the language")] = (then["language"], now["language"])
    pairs[_("the key of the pseudonyms")] = (then["pseudonyms"], now["pseudonyms"])
    pairs[_("what the ledger has not closed")] = (then["unclosed"], now["unclosed"])
    pairs |= several["versions"]
    return found + [Moved(name, *pair, _say(name, *pair)) for name, pair in pairs.items() if pair[0] != pair[1]]


def list_figures(then: Mapping[str, str], now: Mapping[str, str]) -> list[Moved]:
    """The headline numbers that differ, with the difference where both are numbers.

    >>> [one.sentence for one in list_figures({"Spend": "US$ 401.57"}, {"Spend": "US$ 412.03"})]
    ['Spend: US$ 401.57 then, US$ 412.03 now (+10.46).']
    """
    then, now = _unmark(then, now), _unmark(now, then)
    return [
        Moved(name, *pair, _("{name}: {then} then, {now} now{by}.").format(
            name=name, then=pair[0] or UNKNOWN, now=pair[1] or UNKNOWN, by=_subtract(*map(_read_figure, pair))
        ))
        for name, pair in _pair(then, now)
        if pair[0] != pair[1]
    ]  # fmt: skip


def _unmark(figures: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """What says `at least` behind a name that the others have without it says so before the amount."""
    found = {name: (name, amount) for name, amount in figures.items()}
    for language in LANGUAGES:  # whatever that of the page is
        with speak(language):
            mark = str(_("at least"))
        plain = {f"{name} {mark}": name for name in others.keys() - figures.keys()}
        found |= {name: (plain[name], f"{mark} {figures[name]}") for name in figures.keys() & plain.keys()}
    return dict(found.values())


def describe_places(page: str, made: str) -> list[str]:
    """The first lines of `page` that are others than in the page that is made again, with what stands around the
    difference.

    >>> describe_places("<p>Total 120,083.50</p>", "<p>Total 120,082.50</p>")
    ['Line 1 has “Total 120,083.50” where the page that is made again has “Total 120,082.50”.']
    """
    line = _("Line {line} has “{here}” where the page that is made again has “{there}”.")
    return _describe(
        page,
        made,
        line,
        lambda count: translate_count(
            "It has {here} line, the page that is made again {there}.",
            "It has {here} lines, the page that is made again {there}.",
            count,
        ),
    )


def describe_edits(page: str, made: str) -> list[str]:
    """The same of a page that was changed after it was made.

    >>> describe_edits("<p>Total 120,083.50</p>", "<p>Total 120,082.50</p>")
    ['Line 1 has “Total 120,083.50” where it was made with “Total 120,082.50”.']
    """
    line = _("Line {line} has “{here}” where it was made with “{there}”.")
    return _describe(
        page,
        made,
        line,
        lambda count: translate_count(
            "It has {here} line and was made with {there}.", "It has {here} lines and was made with {there}.", count
        ),
    )


def _describe(page: str, made: str, line: str, count_lines: Callable[[int], str]) -> list[str]:
    lines, others = page.split("\n"), made.split("\n")
    places = [number for number, pair in enumerate(zip(lines, others, strict=False)) if pair[0] != pair[1]]
    said = []
    for number in places[:MOST_PLACES]:
        here, there = _cut(lines[number], others[number])
        said.append(line.format(line=number + 1, here=here, there=there))
    if len(lines) != len(others):
        said.append(count_lines(len(lines)).format(here=len(lines), there=len(others)))
    elif len(places) > MOST_PLACES:
        more = len(places) - MOST_PLACES
        text = translate_count("{count} further line differs.", "{count} further lines differ.", more)
        said.append(text.format(count=more))
    return said


def _cut(one: str, other: str) -> tuple[str, str]:
    """The parts of two lines that differ, with a few letters of what is around them."""
    start = len(os.path.commonprefix([one, other]))
    tail = len(os.path.commonprefix([one[start:][::-1], other[start:][::-1]]))

    def clip(line: str) -> str:
        text = line[max(0, start - AROUND) : min(len(line), len(line) - tail + AROUND)]
        return " ".join(re.sub(r"^[^<>]*>|<[^<>]*>|<[^<>]*$", " ", text).split()) or " ".join(text.split())

    if (here := clip(one)) != (there := clip(other)):
        return here, there
    # Alike to the eye: blanks, ends of lines, letters without a shape are written as a program writes them.
    return repr(one[max(0, start - AROUND) :])[1:-1], repr(other[max(0, start - AROUND) :])[1:-1]


def _compare_snapshots(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Moved]:
    for name, (before, after) in _pair(then, now):
        if before == after:
            continue
        dataset, month, source = name.split("/", 2)
        words = {"what": _(DATASETS[dataset]).format(month=month, source=source)}
        if before is None:
            text = _("{what} are read now and were not then: {now}.")
        elif after is None:
            text = _("{what} were read then and are not now: {then}.")
        elif before["version"] == after["version"]:
            text = _("{what} have another certificate: {then} then, {now} now{by}.")
        else:
            text = _("{what} were stored again: {then} then, {now} now{by}.")
        said = {
            "then": _say_snapshot(before),
            "now": _say_snapshot(after),
            "by": _subtract_sums(before, after),
        }
        then_is, now_is = (one and str(one["version"]) for one in (before, after))
        yield Moved(name, then_is, now_is, text.format(**words, **said))


def _say_snapshot(one: Mapping[str, Any] | None) -> str:
    """`423 rows, 3.13 USD, COMPLETE`."""
    if one is None:
        return ""
    sums = (_say_sum(write_number(amount), unit) for unit, amount in one["sums"].items())
    return join_texts([format_count(one["rows"], "row"), *sums, str(one["state"])], ", ")


def _say_sum(amount: str, unit: str) -> str:
    return _("{amount} {unit}").format(amount=amount, unit=_(unit))


def _subtract_sums(then: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    """` (+7 rows, +0.37 USD)`, exact."""
    if then is None or now is None:
        return ""
    pairs = {ROWS: (Decimal(then["rows"]), Decimal(now["rows"]))}
    units = [unit for unit in then["sums"] if unit in now["sums"]]
    pairs |= {unit: (Decimal(then["sums"][unit]), Decimal(now["sums"][unit])) for unit in units}
    said = [_say_sum(_sign(now - then), unit) for unit, (then, now) in pairs.items() if then != now]
    return _put_behind(join_texts(said, ", "))


def _put_behind(said: str) -> str:
    return join_texts((" (", said, ")"), "") if said else ""


def _say(name: str, then: str | None, now: str | None) -> str:
    start = Translated(capitalize_first(name), capitalize_first(to_english(name)))
    if then is None:
        return _("{name} was not used then, and is now.").format(name=start)
    if now is None:
        return _("{name} was used then, and is not now.").format(name=start)
    return _("{name} is not what it was: {then} then, {now} now.").format(
        name=start, then=_shorten(then), now=_shorten(now)
    )


def _shorten(value: str) -> str:
    return f"SHA-256 {value[:SHORT]}…" if HASH.fullmatch(value) else _(value) if value == NOT_INSTALLED else value


def _pair(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    yield from ((name, (then.get(name), now.get(name))) for name in {**then, **now})


def _read_figure(text: str | None) -> Decimal | None:
    """The number of a headline, in any language: what two digits follow at its end is the decimal sign."""
    found = FIGURE.fullmatch(text or "")
    if not found:
        return None
    digits = found[1].strip(".,\u00a0 ")
    whole, cents = (digits[:-3], digits[-2:]) if re.search(r"[.,]\d\d$", digits) else (digits, "")
    return Decimal(re.sub(r"\D", "", whole) + "." + (cents or "0"))


def _subtract(then: Decimal | None, now: Decimal | None) -> str:
    return "" if then is None or now is None else _put_behind(_sign(now - then))


def _sign(amount: Decimal) -> str:
    return write_number(f"{'+' if amount >= 0 else '−'}{Decimal(format_plain(abs(amount))):,f}")
