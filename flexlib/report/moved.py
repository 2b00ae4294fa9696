"""What differs between two manifests, in sentences: inputs, and by how much the totals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from flexlib.formats import UNKNOWN, capitalize_first, format_count, format_moment, format_plain
from flexlib.i18n import (
    LANGUAGES,
    Translated,
    _,
    join_texts,
    mark_text,
    speak,
    to_english,
    write_number,
)

SHORT = 12
"""Letters of a hash that tell it from others."""
SIGNS = "+±−–-"
FIGURE = re.compile(rf"[^\d{SIGNS}]*(?:(?<!\w)([+−-]))?(\d[\d.,\u00a0 ]*)([^\d{SIGNS}]*)")
"""A number, with its sign right before it, and what it is of behind it."""
DATASETS = {
    "credits": mark_text("the credits of {month} ({source})"),
    "usage": mark_text("the calls of {month} ({source})"),
    "charges": mark_text("the bills of {month} ({source})"),
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
    is_stored: bool = False
    """Whether it is of a stored month, whose version of then stays as it was where it is still there."""


def list_moved(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Moved]:
    """The inputs that two manifests have differently: stored months first, then files, settings and versions."""
    found = [*_compare_snapshots(then["snapshots"], now["snapshots"]), *_compare_parts(then, now)]
    then, now = _leave_parts(then, now), _leave_parts(now, then)
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


def list_figures(then: Mapping[str, str], now: Mapping[str, str], language: str) -> list[Moved]:
    """The headline numbers that differ, with the difference where both are numbers, as the page's `language` has them.

    >>> [one.sentence for one in list_figures({"Spend": "US$ 401.57"}, {"Spend": "US$ 412.03"}, "en")]
    ['Spend: US$ 401.57 then, US$ 412.03 now (+10.46).']
    """
    then, now = _unmark(then, now), _unmark(now, then)
    return [
        Moved(name, *pair, _("{name}: {then} then, {now} now{by}.").format(
            name=name, then=pair[0] or UNKNOWN, now=pair[1] or UNKNOWN,
            by=_subtract(*(_read_figure(one, language) for one in pair)),
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


def _compare_snapshots(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Moved]:
    for name, (before, after) in _pair(then, now):
        if before == after:
            continue
        words = {"what": begin_sentence(name_stored(name))}
        if before is None:
            text = _("{what} are read now and were not then: {now}.")
        elif after is None:
            text = _("{what} were read then and are not now: {then}.")
        elif before["version"] == after["version"]:
            text = _("{what} have another certificate: {then} then, {now} now{by}.")
        elif before["rows_sha256"] == after["rows_sha256"]:
            words["moment"] = format_moment(_read_moment(after["version"]))
            text = _("{what} are the same rows, read again on {moment}: {now}.")
            if say_snapshot(before) != say_snapshot(after):
                text = _("{what} are the same rows, read again on {moment}: {then} then, {now} now{by}.")
        else:
            text = _("{what} were stored again: {then} then, {now} now{by}.")
        said = {
            "then": say_snapshot(before),
            "now": say_snapshot(after),
            "by": _subtract_sums(before, after),
        }
        then_is, now_is = (one and str(one["version"]) for one in (before, after))
        yield Moved(name, then_is, now_is, text.format(**words, **said), is_stored=True)


def _compare_parts(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Moved]:
    """Files of months that both have in different versions, such as who their people are: each by the month alone."""
    before, after = _list_parts(then, now), _list_parts(now, then)
    both = then["snapshots"].keys() & now["snapshots"].keys()
    for name, part in {**before, **after}:
        own, other = before.get((name, part)), after.get((name, part))
        if own != other and name in both:
            said = _("the file {name}").format(name=f"{name}/{part}")
            yield Moved(said, own, other, _say(said, own, other), is_stored=True)


def _list_parts(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The files of its stored versions that the other does not have, by the month's name and theirs."""
    own = {
        f"{name_path(snapshot, name)}/": name
        for name, snapshot in one["snapshots"].items()
        if snapshot["version"] != other["snapshots"].get(name, {}).get("version")
    }
    return {
        (name, file.removeprefix(place)): hashed
        for place, name in own.items()
        for file, hashed in one["files"].items()
        if file.startswith(place)
    }


def _leave_parts(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without these files: they are another's because the month was stored again, which is said of it."""
    own = {f"{name_path(one['snapshots'][name], name)}/{part}" for name, part in _list_parts(one, other)}
    return {**one, "files": {name: hashed for name, hashed in one["files"].items() if name not in own}}


def name_stored(name: str) -> str:
    """`the calls of 2025-09 (import)` of the name that a manifest has for a stored month."""
    dataset, month, source = name.split("/", 2)
    return _(DATASETS[dataset]).format(month=month, source=source)


def begin_sentence(name: str) -> str:
    """What a sentence begins with, in both languages."""
    return Translated(capitalize_first(name), capitalize_first(to_english(name)))


def name_path(snapshot: Mapping[str, Any], name: str) -> str:
    """Where in a data folder the version of a manifest's snapshot is."""
    return f"{name.removesuffix('/windsurf') if name.startswith('credits/') else name}/{snapshot['version']}"


def _read_moment(version: str) -> datetime:
    """When a version was stored, as its name says."""
    return datetime.strptime(version.partition(".")[0], "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)


def say_snapshot(one: Mapping[str, Any] | None) -> str:
    """`423 rows, 3.13 USD, COMPLETE`."""
    if one is None:
        return ""
    sums = (_say_sum(_write(Decimal(amount)), unit) for unit, amount in one["sums"].items())
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
    start = begin_sentence(name)
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


def _read_figure(text: str | None, language: str) -> tuple[Decimal, str] | None:
    """The number of a headline, which may have any number of decimals, and what it is of: only its language tells 1.234
    from 1,234."""
    found = FIGURE.fullmatch(text or "")
    if not found:
        return None
    with speak(language):
        whole, _mark, decimals = found[2].strip(".,\u00a0 ").partition(write_number("."))
    if not re.fullmatch(r"\d*", decimals):
        return None
    size = Decimal(re.sub(r"\D", "", whole) + "." + decimals)
    return (size if found[1] in (None, "+") else -size), found[3]


def _subtract(then: tuple[Decimal, str] | None, now: tuple[Decimal, str] | None) -> str:
    """Of seconds and minutes, or of days of two months, there is no difference of numbers."""
    return _put_behind(_sign(now[0] - then[0])) if then and now and then[1] == now[1] else ""


def _sign(amount: Decimal) -> str:
    return join_texts(("+" if amount >= 0 else "−", _write(Decimal(format_plain(abs(amount))))), "")


def _write(amount: Decimal) -> str:
    """Every digit, with the signs of thousands."""
    return write_number(f"{amount:,f}")
