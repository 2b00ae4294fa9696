"""One class for each way of being wrong: its sentence says what was asked, what is wrong and what to do.

Exit codes, the same for every command: 0 whole, 1 a run failed, 2 wrong usage, 3 data incomplete, 4 not reconciled
or not witnessed, 5 a budget is exceeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from flexlib.i18n import _, translate_count

LIMIT_PASSED = 5
"""The exit code of a check that went well and found a budget exceeded."""
RANK = (2, 1, 4, 3, LIMIT_PASSED, 0)
"""Exit codes, the worst first. Any other, such as that of a process that was killed, is a run that failed."""

LONGEST_QUOTED = 255
"""Nothing longer is a name, not of a file either."""
_LONG_VALUE = re.compile(
    rf"""(?<![^\s(\[=:])(['"])(?P<quoted>(?:\\.|(?!\1).){{{LONGEST_QUOTED + 1},}})\1(?!\w)
    | [^\s/]{{{LONGEST_QUOTED},}}[^\s/.,;:)\]'"]""",
    re.VERBOSE,
)
_SHOWN_OF_LONG = 40


def shorten_values(sentence: str) -> str:
    """A sentence in which no value that it quotes is longer than a name: of a longer one its beginning and its length.

    >>> shorten_values("not a number: " + "9" * 5_000 + ".")
    'not a number: 9999999999999999999999999999999999999999... (5,000 characters).'
    """
    return _LONG_VALUE.sub(_shorten, sentence)


def _shorten(found: re.Match[str]) -> str:
    value = found["quoted"] or found[0]
    return f"{value[:_SHOWN_OF_LONG]}... ({len(value):,} characters)"


class FlexlibError(Exception):
    """Base of all: one sentence for the person who asked, `english` what is stored of it, `exit_code` for a script."""

    exit_code = 1

    def __init__(self, sentence: str = "") -> None:
        super().__init__(shorten_values(sentence))
        self.english = shorten_values(getattr(sentence, "english", sentence))


class InvalidRequest(FlexlibError):
    """What was asked cannot be done as asked."""

    exit_code = 2


class BadMonth(InvalidRequest, ValueError):
    """A month, date or span that does not exist or has not begun."""


class BadSetting(InvalidRequest):
    """A setting from the environment or `.env` is missing or makes no sense."""


class BadParameter(InvalidRequest):
    """A notebook parameter is unknown, missing, of the wrong kind, or looks like a secret."""


class BadFile(InvalidRequest):
    """A file to be imported is not there, not readable or lacks a column."""


class AlreadyRunning(InvalidRequest):
    """Another run is writing the same month."""


class OtherServer(InvalidRequest):
    """The data folder belongs to another server than the one that is asked."""


class SnapshotMissing(InvalidRequest):
    """The month has not been stored; the sentence names the command that stores it."""


class SnapshotChanged(FlexlibError):
    """What is stored of a month is not what its certificate is of; the sentence names the command that mends it."""

    exit_code = 4


class SumsDiffer(FlexlibError):
    """Two sums that must be one are not; nothing was written."""

    exit_code = 4


class EngineMissing(InvalidRequest):
    """The engine that was asked for is not installed or does not answer."""


class ExtraMissing(InvalidRequest):
    """What was asked needs a library that is installed only when it is asked for."""


class BadRecord(FlexlibError):
    """Rows that are about to be stored break the schema: a fault of ours, never of the reader's."""


class ServerRefused(FlexlibError):
    """The server says no to the key or to a request that cannot be asked in another way."""


class ServerUnreachable(FlexlibError):
    """The server does not answer, or not with anything that can be read."""


class RouteRefused(FlexlibError):
    """One route cannot be used; another may be.

    `gone`: nor can any route that reads the same data source. `passing`: it may well be used the next time.
    """

    def __init__(self, message: str, *, gone: bool = False, passing: bool = False, exit_code: int = 1) -> None:
        super().__init__(message)
        self.gone = gone
        self.passing = passing
        self.exit_code = exit_code


class UnsupportedTeam(FlexlibError):
    """The team is billed in a unit that these reports do not know."""


class DiskFailed(FlexlibError):
    """The disk is full or the folder cannot be written; what was stored before is untouched."""


class NotebookFailed(FlexlibError):
    """A cell of a report notebook failed; the marked notebook is kept."""


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
        differ = translate_count(
            "The request id {id!r} is stored already, and {columns} differs: send a new call under an id of its own.",
            "The request id {id!r} is stored already, and {columns} differ: send a new call under an id of its own.",
            len(self.columns),
        )
        super().__init__(differ.format(id=request_id, columns=", ".join(self.columns)))

    def __reduce__(self) -> tuple[type[ConflictingUsage], tuple[str, tuple[str, ...]]]:
        return type(self), (self.request_id, self.columns)


class LedgerMissing(LedgerError, InvalidRequest):
    """The database has no ledger, or one of another revision; the sentence names the command that helps."""


class LedgerUnavailable(LedgerError):
    """The database stayed busy or out of reach for longer than the ledger waits."""


class LedgerFailed(LedgerError):
    """The database refused what the ledger asked, and asking again would not help."""


class LimitReached(LedgerError):
    """A call that would exceed a limit: it must not be made.

    >>> from decimal import Decimal
    >>> import flexlib as fl
    >>> print(fl.LimitReached("user-42", Decimal("1.00"), Decimal("0.70"), Decimal("0.20"), Decimal("0.15")))
    The limit user-42 (US$ 1.00) has no room for US$ 0.15: US$ 0.70 is spent and US$ 0.20 held for calls in progress.
    """

    exit_code = LIMIT_PASSED

    def __init__(self, limit: str, amount: Decimal, spent: Decimal, held: Decimal, asked: Decimal) -> None:
        self.limit, self.amount, self.spent, self.held, self.asked = limit, amount, spent, held, asked
        """Its name; in US$ what it is, what is spent of it, what is held for other calls, what this one asked for."""
        parts = (f"{one:f}".partition(".") for one in (amount, asked, spent, held))
        usd = [f"US$ {whole}.{digits.rstrip('0').ljust(2, '0')}" for whole, _other, digits in parts]
        super().__init__(
            _(
                "The limit {name} ({amount}) has no room for {asked}: {spent} is spent and {held} held for calls in "
                "progress."
            ).format(name=limit, **dict(zip(("amount", "asked", "spent", "held"), usd, strict=True)))
        )

    def __reduce__(self) -> tuple[type[LimitReached], tuple[Any, ...]]:
        return type(self), (self.limit, self.amount, self.spent, self.held, self.asked)


class LimitUnknown(LimitReached):
    """Whether there is room for a call cannot be asked: it must not be made, unless FLEXLIB_GUARD is open."""

    def __init__(self, reason: str) -> None:
        self.reason, self.limit = reason, ""
        self.amount = self.spent = self.held = self.asked = Decimal("NaN")
        said = _("Whether a limit has room could not be checked, so the call is refused: {reason}")
        FlexlibError.__init__(self, said.format(reason=reason))

    def __reduce__(self) -> tuple[type[LimitUnknown], tuple[str]]:
        return type(self), (self.reason,)


def choose_worst(codes: Iterable[int]) -> int:
    """The gravest exit code by `RANK`; 0 of none."""
    found = {code if code in RANK else 1 for code in codes}
    return next((code for code in RANK if code in found), 0)


MODULES_OF_EXTRAS: dict[str, tuple[str, ...]] = {
    "dashboard": ("IPython", "ipywidgets", "jupyter_server", "prometheus_client", "voila"),
    "excel": ("python_calamine", "xlsxwriter"),
    "fetch": ("requests", "requests_futures", "urllib3"),
    "pdf": ("resvg_py", "weasyprint"),
    "postgres": ("adbc_driver_manager", "adbc_driver_postgresql", "psycopg"),
    "reports": ("holidays", "ipykernel", "jupyter_client", "jupyter_core", "jupyterlab", "matplotlib", "nbclient",
                "nbconvert", "nbformat", "papermill", "questionary", "tornado", "traitlets"),
    "redis": ("redis",), "spark": ("pyspark",),
}  # fmt: skip
"""The modules that come with each extra, as Python imports them."""


def explain_missing(*errors: ImportError) -> ExtraMissing | None:
    """Which extras to install, in a sentence, where the modules that were not found belong to some."""
    modules = [(error.name or "").partition(".")[0] for error in errors]
    extra = ",".join(one for one, known in MODULES_OF_EXTRAS.items() if not {*known}.isdisjoint(modules))
    said = _("This needs {module}, which is not installed; run: pip install 'flexlib[{extra}]'")
    if len(modules) > 1:
        said = _("This needs {module}, which are not installed; run: pip install 'flexlib[{extra}]'")
    return ExtraMissing(said.format(module=", ".join(modules), extra=extra)) if extra else None
