"""The rules of a chargeback out of a file: what is charged beside use, how it is shared, and taxes, by their dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from flexlib.analysis.allocation import Rule
from flexlib.dates import Span
from flexlib.errors import BadFile
from flexlib.i18n import _, join_and
from flexlib.nesting import Faults, format_given
from flexlib.nesting.yaml_texts import Place, decode_yaml, explain_unread, find_places, read_digits

KINDS = ("usd_a_seat", "usd", "plan_credits", "line")
"""What a pool may be: US$ a seat and month, US$ a month, flex credits a month that are paid already, the own use of the
line of that name."""
OF_AMOUNT = KINDS[:3]
UNMAPPED, BESIDE, DIRECT = "unmapped", "billed beside the calls", "direct use"
OWN_NAMES = (UNMAPPED, BESIDE, DIRECT, "total")
"""Names that a pool or a tax cannot have."""
AMOUNT = re.compile(r"\d{1,12}(\.\d{1,4})?", re.ASCII)
MOST_SEATS = 10**7
FIELDS, TAX_FIELDS = {"name", "rule", "seats", "from", "until", *KINDS}, {"name", "percent", "from", "until"}
DAY = timedelta(1)


@dataclass(frozen=True)
class Dated:
    """What holds from the day `first` up to but without `end`, the day after the file's `until`."""

    name: str
    amount: Decimal
    """Of a pool in the unit of its kind, 0 of a line; of a tax its percent."""
    first: date
    end: date

    def measure_share(self, days: Span) -> Fraction:
        """The share of the days on which it holds."""
        held = (min(self.end.toordinal(), days.last.toordinal() + 1)) - max(self.first, days.first).toordinal()
        return Fraction(max(held, 0), days.days)


@dataclass(frozen=True)
class PoolRule(Dated):
    """What is charged beside use, as `params/chargeback.example.yaml` explains it."""

    kind: str
    """One of `KINDS`."""
    rule: Rule
    seats: int | None = None
    """None: the people on Windsurf's list."""
    line: str | None = None
    """Whose own use it is."""


Dates = TypeVar("Dates", bound=Dated)


@dataclass(frozen=True)
class ChargebackRules:
    """The rules of a company; without a file nothing is charged but use, and nothing is shared."""

    unmapped: Rule = Rule.NONE
    billed_beside: Rule = Rule.NONE
    pools: tuple[PoolRule, ...] = ()
    taxes: tuple[Dated, ...] = ()

    @property
    def has_shares(self) -> bool:
        """Whether anything is shared."""
        return any(
            one is not Rule.NONE for one in (self.unmapped, self.billed_beside, *(pool.rule for pool in self.pools))
        )


def read_rules(path: Path) -> ChargebackRules:
    """The rules of a YAML file as `params/chargeback.example.yaml` explains it. Raises `BadFile` with all faults, each
    with its line."""
    try:
        content = decode_yaml(text := path.read_text("utf-8"), exact=True)
        whole, places = (
            find_places(text, path)[0],
            {name: find_places(text, path, name)[1] for name in ("pools", "taxes")},
        )
    except (OSError, ValueError) as error:
        raise BadFile(explain_unread(path, error)) from error
    takes = ("unmapped", "billed_beside", "pools", "taxes")
    if not isinstance(content, dict):
        raise BadFile(
            _("{path}: the rules of a chargeback are {takes}, not a list.").format(path=path, takes=", ".join(takes))
        )
    faults = Faults()
    for name in sorted(map(str, content.keys() - {*takes})):
        said = _("{where}: the rules of a chargeback are {takes}, not {name}.")
        faults.found.append(said.format(where=whole.at(name), takes=", ".join(takes), name=name))
    own = [faults.read(_read_rule, content.get(name, "none"), f"{whole.at(name)}: {name}") for name in takes[:2]]
    found: dict[str, list[tuple[Any, Place]]] = {"pools": [], "taxes": []}
    for name, read in (("pools", _read_pool), ("taxes", _read_tax)):
        listed = content.get(name) or []
        if not isinstance(listed, list):
            said = _("{where}: {name} is no list; give one entry a line, with -.")
            faults.found.append(said.format(where=whole.at(name), name=name))
            continue
        for one, where in zip(listed, places[name], strict=True):
            if rule := faults.read(read, one, where):
                found[name].append((rule, where))
    _check_names([*found["pools"], *found["taxes"]], faults)
    faults.tell()
    return ChargebackRules(*own, *(tuple(one for one, _other in found[name]) for name in ("pools", "taxes")))


def _read_pool(one: object, where: Place) -> PoolRule:
    faults = Faults()
    given, where = _read_fields(one, FIELDS, _("a pool"), where, faults)
    kind = faults.read(_choose_kind, given, where)
    seats, line = given.get("seats"), given.get("line")
    if seats is not None and (kind != "usd_a_seat" or type(seats) is not int or not 0 <= seats <= MOST_SEATS):
        said = _("{where} has seats: {given}; give a whole number, beside usd_a_seat.")
        faults.found.append(said.format(where=where.at("seats"), given=format_given(seats)))
    if kind == "line" and not (isinstance(line, str) and line.strip()):
        said = _("{where} has line: {given}; write the name of a line, such as line: Platform.")
        faults.found.append(said.format(where=where.at("line"), given=format_given(line)))
    amount = (
        faults.read(_read_amount, given[kind], _("{where} has {name}:").format(where=where.at(kind), name=kind))
        if kind in OF_AMOUNT
        else Decimal(0)
    )
    rule = faults.read(_read_rule, given.get("rule"), _("{where}: the rule").format(where=where.at("rule")))
    dates = faults.read(_read_dates, given, where)
    faults.tell()
    first, end = dates
    return PoolRule(given["name"], amount, first, end, kind, rule, seats, line and line.strip())


def _choose_kind(given: dict[str, Any], where: Place) -> str:
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        said = _('{where} does not say how much it is; add one line of {known}, such as usd: "100.00".')
        if kinds:
            said = _("{where} says {kinds} at once; keep one of them.")
        raise BadFile(said.format(where=where, kinds=join_and(kinds), known=", ".join(KINDS)))
    return kinds[0]


def _read_tax(one: object, where: Place) -> Dated:
    faults = Faults()
    given, where = _read_fields(one, TAX_FIELDS, _("a tax"), where, faults)
    percent = faults.read(
        _read_amount, given.get("percent"), _("{where} has {name}:").format(where=where.at("percent"), name="percent")
    )
    dates = faults.read(_read_dates, given, where)
    faults.tell()
    return Dated(given["name"], percent, *dates)


def _read_fields(
    one: object, fields: set[str], what: str, where: Place, faults: Faults
) -> tuple[dict[str, Any], Place]:
    """What is given, and where it stands with its name."""
    faults.found += where.explain_fields(what, one, fields)
    if not isinstance(one, dict):
        raise BadFile("\n".join(faults.found))
    name = one.get("name")
    if not isinstance(name, str) or not name.strip() or name.strip().lower() in OWN_NAMES:
        said = _("{where}: {what} is called {given}; give it a name of its own.")
        faults.found.append(said.format(where=where.at("name"), what=what, given=format_given(name)))
        name = what
    return {**one, "name": name.strip()}, replace(where, name=name.strip())


def _read_rule(value: object, what: str) -> Rule:
    if value not in list(Rule):
        raise BadFile(
            _("{what} is {given}; it must be one of {rule}.").format(
                what=what, given=format_given(value), rule=", ".join(Rule)
            )
        )
    return Rule(str(value))


def _read_amount(value: object, what: str) -> Decimal:
    text = read_digits(value)
    if text is None or not AMOUNT.fullmatch(text):
        raise BadFile(
            _("{what} {given}; write it as digits with at most 4 decimals, such as 30.00.").format(
                what=what, given=format_given(value)
            )
        )
    return Decimal(text)


def _read_dates(given: dict[str, Any], where: Place) -> tuple[date, date]:
    ends = given.get("from"), given.get("until")
    for name, value in zip(("from", "until"), ends, strict=True):
        if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
            raise BadFile(
                _("{where} has the date {given}; write it as 2025-09-01, without quotes.").format(
                    where=where.at(name), given=format_given(value)
                )
            )
    first, last = ends[0] or date.min, ends[1]
    if last is not None and last < first:
        raise BadFile(
            _("{where} ends on {last}, before it begins on {first}; until is its last day.").format(
                where=where.at("until"), last=last, first=first
            )
        )
    return first, date.max if last in (None, date.max) else last + DAY


def _check_names(given: Sequence[tuple[Dated, Place]], faults: Faults) -> None:
    """Finds names that have two entries on one day, or are a pool's and a tax's; and lines that are shared out twice on
    one, as what a line used can be taken off it once."""
    for (one, __), (other, where) in combinations(given, 2):
        day, said = max(one.first, other.first), ""
        is_twice, line = day < min(one.end, other.end), getattr(one, "line", None)
        if one.name != other.name:
            if is_twice and line and line == getattr(other, "line", None):
                said = _("{name} shares out {line}, as {before} does; a line is shared out once.")
        elif type(one) is not type(other):
            said = _("{name} is a pool too; give the tax another name.")
        elif is_twice and day == date.min:
            said = _("{name} stands twice on every day; end the first before, or name it otherwise.")
        elif is_twice:
            said = _("{name} stands twice on {day}; end the first before, or name it otherwise.")
        elif isinstance(one, PoolRule) and isinstance(other, PoolRule) and one.rule is not other.rule:
            said = _("{name} is shared by another rule before; name it otherwise.")
        if said:
            faults.found.append(said.format(name=f"{where}: {other.name}", day=day, line=line, before=one.name))
