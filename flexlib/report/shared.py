"""Whether a report can be shared with everybody, by its parameters, before it is made."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flexlib.dates import SHARED_ZONE
from flexlib.report.parameters import Parameter
from flexlib.report.values import find_zone
from flexlib.store.membership import LEVELS, PERSON
from flexlib.store.shared import check_shared, check_shared_level

NAMES = ("level", "by")
"""Parameters that say of which groups a page is."""


def check_shared_report(known: Mapping[str, Parameter], given: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` for a report of a plan (its `share`, `zone` and `names`) that could not be shared, though
    the plan or its own parameters ask for it. What a plan that shares says of zones and names, it is told by itself."""
    is_own = given.get("share") is True
    if is_own and not plan.get("share"):
        zone = find_zone({"zone": plan.get("zone", SHARED_ZONE), **given}, known)
        check_shared(zone, names=bool(given.get("names", plan.get("names") and "names" in known)))
    if is_own or plan.get("share"):
        check_shared_groups(known, given)


def check_shared_groups(known: Mapping[str, Parameter], given: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` where a notebook that knows of sharing is asked, or by its own default, for groups that
    are not shared; `known` are its parameters."""
    for name in NAMES if "share" in known else ():
        if name in known:
            group = given.get(name, _read_default(known[name]))
            if group in (*LEVELS, PERSON):  # another value the notebook itself judges
                check_shared_level(group)


def _read_default(parameter: Parameter) -> object:
    """None where it is no plain value."""
    with suppress(ValueError, SyntaxError):
        return ast.literal_eval(parameter.default)
    return None
