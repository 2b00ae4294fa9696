"""What a parameter of a notebook may be: of its kind, and one of those to choose from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flexlib.errors import BadParameter
from flexlib.guesses import explain_no_zone, guess_names
from flexlib.i18n import _, join_or
from flexlib.store.version_names import read_version

KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


@dataclass(frozen=True)
class Parameter:
    """A line of the cell tagged `parameters`: `year: int = 2025  # of the month reported`."""

    name: str
    kind: str
    """As it is written there, such as `int` or `list[str]`; empty when it has none."""
    default: str
    choices: tuple[object, ...] = ()
    """What it may be, where the notebook says so; empty: anything of its kind."""


def check_value(parameter: Parameter, value: object) -> None:
    """Raises `BadParameter` for a value of another kind, or that is none of the choices, or no time zone; `BadMonth`
    for no month that another is held against."""
    kinds = KINDS.get(parameter.kind)
    # A bool is an int to Python, and to nobody else.
    fits = kinds is None or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)))
    if parameter.name == "top" and isinstance(value, int) and value < 1:  # lines of a table
        raise BadParameter(_("The parameter top must be 1 or more, not {value}.").format(value=value))
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
    if parameter.name == "zone":
        try:
            ZoneInfo(str(value))
        except (OSError, ValueError, KeyError) as error:
            raise BadParameter(explain_no_zone(value)) from error
    if parameter.name == "against" and value:
        read_version(str(value))
