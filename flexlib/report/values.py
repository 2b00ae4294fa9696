"""What a parameter of a notebook may be: of its kind, one of those to choose from, and what the notebook says it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexlib.dates import SHARED_ZONE, Month
from flexlib.errors import BadMonth, BadParameter
from flexlib.free_days import list_holidays
from flexlib.guesses import guess_names, read_zone
from flexlib.home import find_home
from flexlib.i18n import _, join_or
from flexlib.store.version_names import read_version

KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
RANGES: dict[str, tuple[int, int | None]] = {"amount": (0, None), "count": (1, None), "day": (0, 31)}
"""By what a number is, its least and its largest value."""
CHECKS: dict[str, Callable[[str], object]] = {
    "country": lambda country: list_holidays(country, (2025, 2025)),
    "file": lambda name: _find_file(name),
    "version": lambda version: version and read_version(version),
    "zone": read_zone,
}
"""By what a text is, what raises `BadParameter` or `BadMonth` where it is none."""


@dataclass(frozen=True)
class Parameter:
    """A line of the cell tagged `parameters`: `year: int = 2025  # of the month reported`."""

    name: str
    kind: str
    """As it is written there, such as `int` or `list[str]`; empty when it has none."""
    default: str
    choices: tuple[object, ...] = ()
    """What it may be, where the notebook says so; empty: anything of its kind."""
    meaning: str = ""
    """What it is, where the notebook says so: one of `RANGES` and `CHECKS`. Its name alone says nothing: the zone of a
    notebook of one's own may be one of sales."""


def check_value(parameter: Parameter, value: object) -> None:
    """Raises `BadParameter` for a value of another kind, or that is none of the choices, or not what the notebook says
    that it is; `BadMonth` for no month where it is one."""
    kinds = KINDS.get(parameter.kind)
    # A bool is an int to Python, and to nobody else.
    fits = kinds is None or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)))
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        hint = _(" (text; write the number without quotes or leading zeros)") if isinstance(value, str) else ""
        raise BadParameter(
            _("The parameter {name} must be {kind}, such as {default}, not {value!r}{hint}.").format(
                name=parameter.name, kind=parameter.kind, default=parameter.default, value=value, hint=hint
            )
        )
    if parameter.choices and value not in parameter.choices:
        known = [str(one) for one in parameter.choices if one != ""]  # what is empty leaves the choice to the notebook
        said = _("The parameter {name} must be {choices}, not {value!r}{near}.")
        near = guess_names([str(value)], known)
        raise BadParameter(said.format(name=parameter.name, choices=join_or(known), value=value, near=near))
    if parameter.meaning in CHECKS:
        CHECKS[parameter.meaning](str(value))
    if parameter.meaning in RANGES:
        _check_range(parameter, value)


def find_zone(values: Mapping[str, Any], known: Mapping[str, Parameter] | None = None) -> str:
    """That of the month of a page with these parameters; of UTC is one that has none, or calls something else so, as
    its notebook's `known` ones say. Of one whose notebook nobody has, the value tells."""
    if known is not None and ("zone" not in known or known["zone"].meaning != "zone"):
        return SHARED_ZONE
    try:
        return read_zone(values.get("zone", SHARED_ZONE)).key
    except BadParameter:
        return SHARED_ZONE


def find_page_zone(manifest: Mapping[str, Any]) -> str:
    """The same of a page that was made, as its manifest says; one of before `zone` was noted says it by a value."""
    return str(manifest.get("zone") or find_zone(manifest["parameters"]))


def find_against(values: Mapping[str, Any]) -> Month | None:
    """The month that a page with these parameters holds its own against, where they name one."""
    try:
        return read_version(str(values.get("against")))[0]
    except BadMonth:
        return None


def _find_file(name: str) -> Path | None:
    home = find_home()
    if name and not (home / name).is_file():
        said = _("{file} is not there; name a file of {home}, or one elsewhere by its whole path.")
        raise BadParameter(said.format(file=name, home=home))
    return home / name if name else None


def _check_range(parameter: Parameter, value: object) -> None:
    least, most = RANGES[parameter.meaning]
    if isinstance(value, int | float) and least <= value <= (value if most is None else most):
        return
    said = _("The parameter {name} must be {least} or more, not {value}.")
    if most is not None:
        said = _("The parameter {name} must be from {least} to {most}, not {value}.")
    raise BadParameter(said.format(name=parameter.name, least=least, most=most, value=value))
