"""How far a total can be trusted, and what every certificate says of it, whatever the rows are."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias

from flexlib.checks import Check, describe_check, explain_check
from flexlib.dates import Month
from flexlib.i18n import LANGUAGES, speak
from flexlib.reasons import COMPARED, REASONS

SETTLING_TIME = timedelta(hours=3)
"""How long after a prompt the server may still be without it."""


class State(StrEnum):
    """How far a total can be trusted, worst first: the first that holds is the state."""

    GAP = "GAP"  # something that was asked for, or much of the money, is missing: the total is a lower bound
    UNRECONCILED = "UNRECONCILED"  # two sums that must agree do not, or something may count twice
    UNWITNESSED = "UNWITNESSED"  # no second figure of the server's confirms the total: a list cut short would not show
    PROVISIONAL = "PROVISIONAL"  # read before the month was over and settled
    COMPLETE = "COMPLETE"

    @property
    def exit_code(self) -> int:
        return {State.GAP: 3, State.UNRECONCILED: 4, State.UNWITNESSED: 4}.get(self, 0)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What both kinds say: which rows, read when, and whether they are whole."""

    dataset: ClassVar[str]
    _leading: ClassVar[tuple[str, ...]] = ("state", "dataset", "month", "source", "read_at", "rows_read", "rows")
    _json_names: ClassVar[dict[str, str]] = {}
    _shown_if_any: ClassVar[tuple[str, ...]] = ("file_sha256", "accepted_by", "server_clock")

    month: Month
    read_at: datetime
    """When the reading began, UTC: what came in later may be missing."""
    rows: int
    quarantined_rows: int
    """Rows that could not be taken, kept with their raw text and the reason."""
    rows_sha256: str
    file_sha256: str = ""
    """Of the Parquet's bytes; empty in certificates of a version before, whose rows are hashed instead."""
    accepted_by: str = ""
    """The setting that says that its server offers nothing to hold an unwitnessed total against; empty: none does."""
    notes: tuple[str, ...] = ()
    """Sentences for the reader."""
    flexlib_version: str = ""

    @property
    def state(self) -> State:
        return State.GAP if self.lacks_money else self.state_of_rows

    @property
    def state_of_rows(self) -> State:
        """What the state is where the money is known, as by a bill."""
        if self._has_gap():
            return State.GAP
        if self._differs():
            return State.UNRECONCILED
        if not self.is_settled:
            return State.PROVISIONAL
        return State.COMPLETE if self.has_witness else State.UNWITNESSED

    @property
    def exit_code(self) -> int:
        """What a script sees of its state."""
        return 0 if self.state is State.UNWITNESSED and self.accepted_by else self.state.exit_code

    @property
    def has_witness(self) -> bool:
        """Whether a second way to the total agreed with it; of files and ledgers the rows are all that there is."""
        return True

    @property
    def lacks_money(self) -> bool:
        """Whether more of the money is unknown than a month that is whole may lack."""
        return False

    @property
    def may_change(self) -> bool:
        """Whether the same month read again may say more. Money that no list knows is no reason to read again."""
        return self.state_of_rows is not State.COMPLETE

    @property
    def is_settled(self) -> bool:
        """Whether the month was over, and long enough for its last use to have arrived, when it was read."""
        return self.as_of >= self.month.end + self.grace

    @property
    def is_part(self) -> bool:
        """Whether rows of it are known to be missing, or are still to come: its change on another month would be a fall
        or a rise of which nobody knows how much is true. Rows without a price are there."""
        return self.state_of_rows is State.GAP or not self.is_settled

    @property
    def is_measure(self) -> bool:
        """Whether the change of another month on it means anything: no part of it is missing, and it has a witness, or
        is accepted without."""
        is_unproven = self.state is State.UNWITNESSED and self.exit_code
        return not (self.is_part or self.state is State.GAP or is_unproven)

    @property
    def as_of(self) -> datetime:
        """When it was read, by whichever clock is behind: ours or the server's."""
        return self.read_at

    @property
    def grace(self) -> timedelta:
        """How long after the month's end it is read at the earliest to be complete."""
        return SETTLING_TIME

    @property
    def checks(self) -> dict[str, Check]:
        """Every comparison by its name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Check)}

    def is_stale(self, now: datetime | None = None) -> bool:
        """Whether the month is better read again: it has a gap, or was not settled and a refresh has passed since."""
        age = (now or datetime.now(timezone.utc)) - self.read_at
        return self._has_gap() or (not self.is_settled and age > SETTLING_TIME)

    def to_json(self) -> str:
        """The certificate as it is stored and printed; the same one gives the same text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        with speak(LANGUAGES[0]):  # what is stored is the same for every reader
            values |= {name: write_check(check) for name, check in self.checks.items()}
        values |= {"state": self.state, "dataset": self.dataset, "month": str(self.month)}
        values["read_at"] = self.read_at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        values = {name: values[name] for name in self._leading} | values | self._list_derived()
        shown = {self._json_names.get(name, name): one for name, one in values.items()
                 if one or name not in self._shown_if_any}  # fmt: skip
        return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"

    def _has_gap(self) -> bool:
        return self.quarantined_rows > 0

    def _differs(self) -> bool:
        return any(check.result == "differs" for check in self.checks.values())

    def _list_derived(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Unclosed:
    """A sentence on what the ledger holds of a month and the stored month may lack."""

    text: str
    is_gap: bool
    """Whether the totals are known to lack it; else it is a note, which changes no state."""


Look: TypeAlias = Callable[[Month], Unclosed | None]
"""What tells of a month what is recorded and not closed. Rooms below the ledger get it from the doors."""


def look_nowhere(month: Month) -> None:
    """Of data that no ledger is beside."""


def write_unclosed(look: Look, months: Collection[Month]) -> str:
    """What is told of these months, for a process that has no ledger: see `read_unclosed`."""
    found = {str(month): look(month) for month in months}
    return json.dumps({month: (one.text, one.is_gap) for month, one in found.items() if one})


def read_unclosed(text: str) -> Look:
    """What tells again what `write_unclosed` wrote."""
    found = {month: Unclosed(*told) for month, told in json.loads(text).items()}
    return lambda month: found.get(str(month))


Problem: TypeAlias = tuple[State | None, str]
"""Why a month is not whole or not certain: the state that it makes by itself (None: a note), and a sentence."""


def find_worst(states: Collection[State]) -> State:
    """The worst of one state or more."""
    return next(state for state in State if state in states)


def write_check(check: Check) -> dict[str, Any]:
    """The check as a certificate stores it: the sentences are for whoever reads only those."""
    values = {"result": check.result, "how": describe_check(check), "checked": check.checked}
    values |= {"why": explain_check(check), "figures": check.figures}
    coded = {"code": check.code, "reasons": list(check.reasons)}
    return values | {name: value for name, value in coded.items() if value}


def read_check(values: Mapping[str, Any]) -> Check:
    """The check that `write_check` wrote, or flexlib 0.1.0; sentences that its codes say are left to them."""
    check = Check(**{**values, "reasons": tuple(values.get("reasons", ()))})
    how = "" if check.code in COMPARED else check.how
    why = "" if check.reasons and set(check.reasons) <= REASONS.keys() else check.why
    return Check(check.result, how, check.checked, why, check.figures, check.code, check.reasons)
