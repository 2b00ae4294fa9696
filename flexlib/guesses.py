"""What somebody may have meant who wrote a name that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from flexlib.errors import BadParameter
from flexlib.i18n import _, join_or

OF_MACHINES = re.compile("localtime|posix|right|Factory$")
"""How names begin that some systems have besides those of all; Factory is what a clock has that nobody has set."""


def guess_names(wrong: Iterable[str], known: Iterable[str]) -> str:
    """The known names nearest to the wrong ones, in brackets to be put behind these; empty where none is near.

    >>> guess_names(["llm_usge"], ["flex_credits", "llm_usage"]), guess_names(["x"], ["llm_usage"])
    (' (did you mean llm_usage?)', '')
    """
    folded = {name.casefold(): name for name in known}
    near = (folded[one] for name in wrong for one in get_close_matches(name.casefold(), folded, n=1))
    names = join_or(dict.fromkeys(near))
    return _(" (did you mean {name}?)").format(name=names) if names else ""


def read_zone(zone: object) -> ZoneInfo:
    """Raises `BadParameter` for what is no time zone, or another one on each machine."""
    try:
        if OF_MACHINES.match(str(zone)):
            raise ValueError
        return ZoneInfo(str(zone))
    except (OSError, ValueError, KeyError) as error:
        raise BadParameter(explain_no_zone(zone)) from error


def explain_no_zone(zone: object) -> str:
    """That this is no time zone, in a sentence with the nearest that is one."""
    if zone is None:
        return _("no time zone is given; write one such as America/Santiago or UTC.")
    said = _("{zone!r} is not a time zone{near}; write it as America/Santiago or UTC.")
    known = sorted(one for one in available_timezones() if not OF_MACHINES.match(one))
    return said.format(zone=zone, near=guess_names([str(zone)], known))
