"""Who used the model: an application's own mapped object, or a pair of a type and an id."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flexlib.ledger.errors import BadUsage
from flexlib.ledger.values import read_text

__all__ = ["read_usable"]

LARGEST_ID = 2**63 - 1


def read_usable(usable: Any) -> tuple[str | None, int | None]:  # noqa: ANN401 (any mapped object)
    """Type and id of `usable`: a mapped object, a pair such as `("user", 42)`, or None where nobody is to be named.

    Raises `BadUsage` for an object that has no integer id yet, and for anything else.
    """
    if usable is None:
        return None, None
    if isinstance(usable, tuple | list) and len(usable) == 2:
        name, number = usable
    else:
        name, number = getattr(usable, "__usable_type__", type(usable).__name__), _find_id(usable)
    if not isinstance(name, str):
        raise BadUsage(f'usable must be a mapped object or a pair such as ("user", 42), not {usable!r}.')
    read_text("the type of usable", name)
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > LARGEST_ID:
        raise BadUsage(f"usable {name} has the id {number!r}; it must be a whole number (save a new object first).")
    return name, number


def _find_id(usable: object) -> Any:  # noqa: ANN401
    state: Any = sa.inspect(usable, raiseerr=False)
    if not hasattr(state, "mapper"):
        return getattr(usable, "id", None)
    # The identity, where there is one, is known without a query even after a commit expired the object.
    identity = getattr(state, "identity", None) or state.mapper.primary_key_from_instance(usable)
    return identity[0] if len(identity) == 1 else identity
