"""Budgets out of a file: of whom or what, how much, in which period."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from flexlib.addresses import compose_text
from flexlib.dates import PERIODS
from flexlib.enums import LlmProvider, LlmProxy
from flexlib.errors import BadFile
from flexlib.formats import format_number
from flexlib.i18n import _, join_and
from flexlib.nesting import Faults, format_given
from flexlib.nesting.yaml_texts import Place, decode_yaml, explain_unread, find_places, read_digits
from flexlib.refusals import explain_refusal
from flexlib.setting_values import READS_BUDGETS

BUDGETS = Path("params", "budgets.yaml")
"""Where budgets are looked for, in the folder of the project, unless FLEXLIB_BUDGETS names another file."""
UNITS = ("flex_credits", "usd", "clp")
THRESHOLDS = (75, 90, 100)
"""Percent of a budget at which it is near, unless it names others."""
FORECAST = "forecast"
"""Among thresholds: the forecast of the period's end is above the whole of the budget."""
MOST_PERCENT = 1000
AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]+)?")
"""With separators nobody knows which is which."""
LAST_BEGIN = 28
"""The last day that every month has."""
SCOPES = ("whole", "usable", "person", "model", "provider", "department", "project", "team")
"""What a budget may be of; the last three as the metadata of calls names them."""
SELLERS = {str(one) for one in (*LlmProvider, *LlmProxy)}
"""As recorded calls name who bills them."""

FIELDS = {"name", "currency", "amount", "period", "begins", "thresholds", "enforce", *SCOPES}
MOST_ENFORCED = 900_000_000
"""US$: what SQLite counts exactly in steps of 1e-10 is 922 million."""
ENFORCED = ("whole", "usable", "model", "provider", "department", "project", "team")
"""Scopes that a call itself names, the last three in its metadata: only to limits of theirs can it be held."""


@dataclass(frozen=True)
class Budget:
    """So much for somebody or something in each period, as `params/budgets.example.yaml` explains it."""

    name: str
    scope: str
    """One of `SCOPES`."""
    of: tuple[str, ...]
    """Whom it is of: one text, two of a usable, none of `whole`."""
    unit: str
    amount: Decimal
    period: str
    begins: int
    """The day of the month on which a cycle begins."""
    thresholds: tuple[int, ...]
    has_forecast: bool = False
    """Whether `forecast` is one of its thresholds."""
    is_enforced: bool = False
    """Whether `flexlib.hold` holds to it."""


def read_budgets(path: Path) -> list[Budget]:
    """The budgets of a YAML file as `params/budgets.example.yaml` explains it; none of a bare `budgets:`.
    Raises `BadFile` with all faults, each with its line."""
    sys.audit(READS_BUDGETS, path)
    try:
        text = path.read_text("utf-8")
        content, (whole, places) = decode_yaml(text, exact=True), find_places(text, path, "budgets")
    except OSError as error:
        said = _("{path} cannot be read ({strerror}); name the YAML file of your budgets.")
        raise BadFile(said.format(path=path, strerror=explain_refusal(error))) from error
    except ValueError as error:
        raise BadFile(explain_unread(path, error)) from error
    if content is None:  # as a write that failed leaves it, too: nobody has said that nothing is limited
        said = _("{path} is empty, which may be a mistake: write your budgets, or `budgets: []` if there are none.")
        raise BadFile(said.format(path=path))
    if isinstance(content, dict) and "budgets" in content and len(content) > 1:
        raise BadFile("\n".join(whole.explain_fields(_("a file of budgets"), content, ["budgets"])))
    listed = content["budgets"] if isinstance(content, dict) and content.keys() == {"budgets"} else ""
    listed = [] if listed is None else listed
    if not isinstance(listed, list):
        said = _("{path} is no list of budgets: give `budgets:` and below it a name, a scope and an amount each.")
        raise BadFile(said.format(path=path))
    faults, names = Faults(), list[str]()
    budgets = [faults.read(_read_budget, one, names, place) for one, place in zip(listed, places, strict=True)]
    faults.tell()
    return [*filter(None, budgets)]


def _read_budget(one: Any, names: list[str], where: Place) -> Budget:  # noqa: ANN401 (YAML)
    """`names`: of the budgets before it, to which its own is added."""
    faults = Faults()
    faults.found += where.explain_fields(_("a budget"), one, FIELDS)
    if not isinstance(one, dict):
        faults.tell()
    name = faults.read(_read_name, one.get("name"), names, where.at("name"))
    names += [name] if name else []
    where = replace(where, name=name or _("the budget"))
    scope = faults.read(_choose_scope, one, where)
    of = scope and faults.read(_read_scope, scope, one[scope], where.at(scope))
    unit = faults.read(_read_unit, one.get("currency"), where.at("currency"))
    amount = faults.read(_read_amount, one.get("amount"), where.at("amount"))
    period = faults.read(_read_period, one.get("period", "month"), where.at("period"))
    begins = period and faults.read(_read_begins, one.get("begins"), period, where.at("begins"))
    thresholds = faults.read(_read_thresholds, one.get("thresholds", list(THRESHOLDS)), where.at("thresholds"))
    is_whole = of is not None and unit and amount is not None
    enforced = faults.read(_read_enforce, one, scope, where.at("enforce")) if is_whole else False
    faults.tell()
    percents, has_forecast = thresholds
    return Budget(name, scope, of, unit, amount, period, begins, percents, has_forecast, enforced)


def _read_name(name: object, names: list[str], where: Place) -> str:
    if name is None or isinstance(name, str) and not name.strip():
        raise BadFile(_("{where}: the budget has no name; give it one of its own.").format(where=where))
    if not isinstance(name, str):
        said = _('{where}: the name of a budget is {given}; write it as text, such as "Platform 42".')
        raise BadFile(said.format(where=where, given=format_given(name)))
    if name.strip() in names:
        raise BadFile(_("{where}: two budgets are called {given}; give each its own name.")
            .format(where=where, given=format_given(name.strip())))  # fmt: skip
    return name.strip()


def _choose_scope(one: dict[str, Any], where: Place) -> str:
    scopes = [scope for scope in SCOPES if scope in one]
    if len(scopes) != 1:
        said = _("{where} does not say whose spend it limits; add one line of {known}, such as whole: true.")
        if scopes:
            said = _("{where} limits the spend of {scopes} at once; keep one of them.")
        raise BadFile(said.format(where=where, scopes=join_and(scopes), known=", ".join(SCOPES)))
    return scopes[0]


def _read_unit(unit: object, where: Place) -> str:
    if unit is None:
        raise BadFile(_("{where} has no currency; give it one of {units}.")
            .format(where=where, units=', '.join(UNITS)))  # fmt: skip
    if unit not in UNITS:
        raise BadFile(_("{where} has the currency {given}; it must be one of {units}.")
            .format(where=where, given=format_given(unit), units=', '.join(UNITS)))  # fmt: skip
    return str(unit)


def _read_period(period: object, where: Place) -> str:
    if period not in PERIODS:
        raise BadFile(_("{where} has the period {given}; choose {periods}.")
            .format(where=where, given=format_given(period), periods=', '.join(PERIODS)))  # fmt: skip
    return str(period)


def _read_scope(scope: str, value: object, where: Place) -> tuple[str, ...]:
    if scope == "whole":
        if value is not True:
            raise BadFile(
                _("{where} has whole: {given}; write whole: true, or name whom it is of.").format(
                    where=where, given=format_given(value)
                )
            )
        return ()
    parts: list[Any] = (value if isinstance(value, list) else []) if scope == "usable" else [value]
    if len(parts) != 1 + (scope == "usable") or not all(_is_text(one, scope) for one in parts):
        example = "usable: [user, 42]" if scope == "usable" else _("{scope}: a name").format(scope=scope)
        raise BadFile(
            _("{where} has {scope}: {given}; write it as {example}.").format(
                where=where, scope=scope, given=format_given(value), example=example
            )
        )
    texts = (str(one).strip() for one in parts)
    return tuple(compose_text(one) if "@" in one else one for one in texts)


def _is_text(value: object, scope: str) -> bool:
    """YAML reads 0421 as another number: only the number of a usable may stand without quotes."""
    return isinstance(value, str) and bool(value.strip()) or (scope == "usable" and type(value) is int)


def _read_amount(value: object, where: Place) -> Decimal:
    if value is None:
        raise BadFile(_("{where} has no amount; give it one, such as 1200.00.").format(where=where))
    text = read_digits(value)
    if text is None or not AMOUNT.fullmatch(text):
        raise BadFile(_("{where} has the amount {given}; write it as digits with at most one point, such as 1200.00.")
            .format(where=where, given=format_given(value)))  # fmt: skip
    return Decimal(text)


def _read_begins(value: object, period: str, where: Place) -> int:
    if period != "cycle" and value is None:
        return 1
    if period != "cycle" or type(value) is not int or not 1 <= value <= LAST_BEGIN:
        raise BadFile(
            _(
                "{where} begins on {given}; a cycle begins on a day of the month from 1 to {last_begin}, "
                "other periods by themselves."
            ).format(where=where, given=format_given(value), last_begin=LAST_BEGIN)
        )
    return value


def _read_thresholds(value: object, where: Place) -> tuple[tuple[int, ...], bool]:
    """Those in percent, and whether the forecast is one, too."""
    percents: list[Any] = [one for one in value if one != FORECAST] if isinstance(value, list) else [value]
    if not all(type(one) is int and 0 < one <= MOST_PERCENT for one in percents):
        raise BadFile(_("{where} has the thresholds {given}; give whole percents of 1 to {most_percent} and "
            "{forecast}, such as [75, 90, 100, {forecast}].").format(where=where, given=format_given(value),
            most_percent=format_number(MOST_PERCENT), forecast=FORECAST))  # fmt: skip
    return tuple(sorted(percents)), isinstance(value, list) and FORECAST in value


def _read_enforce(one: dict[str, Any], scope: str, where: Place) -> bool:
    value, unit = one.get("enforce", False), one["currency"]
    if type(value) is not bool:
        raise BadFile(
            _("{where} has enforce: {given}; write enforce: true, or leave it out.").format(
                where=where, given=format_given(value)
            )
        )
    if value and unit != "usd":
        raise BadFile(
            _("{where} is to be enforced in {unit}; what a call costs is known at once in usd only.").format(
                where=where, unit=unit
            )
        )
    if value and scope not in ENFORCED:
        raise BadFile(
            _("{where} is to be enforced for a {scope}; a call names only {enforced}.").format(
                where=where, scope=scope, enforced=", ".join(ENFORCED)
            )
        )
    if value and scope == "provider" and one[scope].strip().lower() not in SELLERS:
        raise BadFile(
            _("{where} is to be enforced for {one}; calls are of {sellers}.").format(
                where=where, one=one[scope], sellers=", ".join(sorted(SELLERS))
            )
        )
    if value and _read_amount(one.get("amount"), where) > MOST_ENFORCED:
        raise BadFile(
            _("{where} is to be enforced with {amount}; the most is {most_enforced} US$.").format(
                where=where, amount=one["amount"], most_enforced=format_number(MOST_ENFORCED)
            )
        )
    return value
