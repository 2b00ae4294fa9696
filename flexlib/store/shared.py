"""What can be shared with everybody at all, by the zone, the names and the groups that are asked for."""

from __future__ import annotations

from flexlib.dates import SHARED_ZONE
from flexlib.errors import InvalidRequest
from flexlib.i18n import _

SHARED_LEVEL = "department"
"""The one kind of group of a page that is shared: of two kinds, such as departments and their teams, the amounts of one
could be subtracted from those of the other."""


def check_shared(zone: str, *, names: bool) -> None:
    """Raises `InvalidRequest` for what cannot be shared at all."""
    if names:
        raise InvalidRequest(_("what is shared is for everybody to see; leave out the names, or that it is shared."))
    check_shared_zone(zone)


def check_shared_zone(zone: str) -> None:
    """Raises `InvalidRequest` for another zone than UTC: a month of two zones, one less the other, is the calls of the
    hours between, maybe one person's."""
    if zone != SHARED_ZONE:
        raise InvalidRequest(
            _(
                "what is shared is of months of {shared} alone: those of {zone} less those of {shared} would be a few "
                "people's calls. Leave out the zone, or that it is shared."
            ).format(shared=SHARED_ZONE, zone=zone)
        )


def check_shared_level(level: str) -> None:
    """Raises `InvalidRequest` for groups of another kind than `SHARED_LEVEL`."""
    if level != SHARED_LEVEL:
        raise InvalidRequest(
            _(
                "what is shared is by {level} alone: of groups of two kinds, the amounts of few people could be found "
                "by subtraction. Take {level}, or leave out that it is shared."
            ).format(level=SHARED_LEVEL)
        )
