"""The relation of an application's own mapped class to its recorded calls."""

from __future__ import annotations

from flexlib.ledger.scopes import UsageQuery, usage

__all__ = ["UsableMixin"]


class UsableMixin:
    """For a mapped class whose objects use models: gives them `usage_statistics`.

    The recorded calls are read from the ledger, wherever the application keeps its own tables. `__usable_type__` is the
    name under which the class is recorded, by default the class's own.
    """

    __usable_type__: str

    @property
    def usage_statistics(self) -> UsageQuery:
        """The calls recorded for this object, as a query: to iterate, to sum, or to narrow by the scopes."""
        return usage.by_usable(self)
