"""What can be wrong with a recorded call or with the ledger itself: one class each, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable

from flexlib.errors import FlexlibError, InvalidRequest


class LedgerError(FlexlibError):
    """Base of what the ledger raises."""


class InvalidCall(LedgerError, InvalidRequest, ValueError):
    """A call, a scope or an argument that the ledger refuses; nothing was stored."""


class ConflictingUsage(LedgerError, InvalidRequest):
    """A request id that is stored already, with other content; nothing was stored."""

    def __init__(self, request_id: str, columns: Iterable[str]) -> None:
        self.request_id = request_id
        self.columns = tuple(columns)
        """The columns that differ, in the table's order."""
        super().__init__(
            f"The request id {request_id!r} is stored already, and {', '.join(self.columns)} "
            f"{'differs' if len(self.columns) == 1 else 'differ'}: send a new call under an id of its own."
        )

    def __reduce__(self) -> tuple[type[ConflictingUsage], tuple[str, tuple[str, ...]]]:
        return type(self), (self.request_id, self.columns)


class LedgerMissing(LedgerError, InvalidRequest):
    """The database has no ledger, or one of another revision; the sentence names the command that helps."""


class LedgerUnavailable(LedgerError):
    """The database stayed busy or out of reach for longer than the ledger waits."""


class LedgerFailed(LedgerError):
    """The database refused what the ledger asked, and asking again would not help."""
