"""The proof that a month is whole, or of what it lacks: one certificate beside each snapshot."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias

from flexlib.checks import MOST_UNPRICED, Check, write_check
from flexlib.dates import Month

SETTLING_TIME = timedelta(hours=3)
"""How long after a prompt the server may still be without it."""


class State(StrEnum):
    """How far a total can be trusted, worst first: the first that holds is the state."""

    GAP = "GAP"  # something that was asked for, or much of the money, is missing: the total is a lower bound
    UNRECONCILED = "UNRECONCILED"  # two sums that must agree do not
    PROVISIONAL = "PROVISIONAL"  # read before the month was over and settled
    COMPLETE = "COMPLETE"

    @property
    def exit_code(self) -> int:
        return {State.GAP: 3, State.UNRECONCILED: 4}.get(self, 0)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What both kinds say: which rows, read when, and whether they are whole."""

    dataset: ClassVar[str]
    _leading: ClassVar[tuple[str, ...]] = ("state", "dataset", "month", "source", "read_at", "rows_read", "rows")
    _json_names: ClassVar[dict[str, str]] = {}
    _shown_if_any: ClassVar[tuple[str, ...]] = ("file_sha256",)

    month: Month
    read_at: datetime
    """When the reading began, UTC: what came in later may be missing."""
    rows: int
    quarantined_rows: int
    """Rows that could not be taken, kept with their raw text and the reason."""
    rows_sha256: str
    file_sha256: str = ""
    """Of the Parquet's bytes; empty in certificates of a version before, whose rows are hashed instead."""
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
        return State.COMPLETE if self.is_settled else State.PROVISIONAL

    @property
    def lacks_money(self) -> bool:
        """Whether more of the money is unknown than a month that is whole may lack."""
        return False

    @property
    def may_change(self) -> bool:
        """Whether the same month read again may say more. Money that no list knows is no reason to read again."""
        return self._has_gap() or self._differs() or not self.is_settled

    @property
    def is_settled(self) -> bool:
        """Whether the month was over, and long enough for its last use to have arrived, when it was read."""
        return self.read_at >= self.month.end + self.grace

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


CREDITS_NAMES = {"read_at": "fetched_at", "independent_total": "witness"}
"""Fields whose name in JSON is another."""


@dataclass(frozen=True, kw_only=True)
class CreditsCertificate(Certificate):
    """The proof of a month of credits: who was asked, by which route, which sums agree. Credits in hundredths."""

    dataset: ClassVar = "credits"
    _leading: ClassVar = ("state", "dataset", "month", "server", "demo", "route", "route_reason", "read_at")
    _json_names: ClassVar = CREDITS_NAMES

    server: str
    demo: bool = False
    """Whether the people in it are made up."""
    route: str
    route_reason: str = ""
    users_asked: int
    users_active: int
    users_failed: int = 0
    failed_users: tuple[str, ...] = ()
    flex_credits_hundredths: int
    prompt_credits_hundredths: int
    absent_values: int = 0
    """Numbers that the server left out, which stand for zero."""
    unmapped_keys: int = 0
    """Keys that spent and are not on the list of people."""
    unmapped_users: tuple[str, ...] = ()
    requests_sent: int = 0
    requests_retried: int = 0
    requests_resumed: int = 0
    """Answers taken over from a run that was cut off."""
    sums: Check = Check("not checked")
    """The rows against the server's own sum over the whole team."""
    cross_check: Check = Check("not checked")
    """A sample of users asked again, one by one and in another shape."""
    independent_total: Check = Check("not checked")
    """The month's total by the other endpoint; in JSON `witness`."""
    balance: Check = Check("not checked")
    """The flex credits against the team's balance, where the billing cycle is the month."""

    def _has_gap(self) -> bool:
        return super()._has_gap() or self.users_failed > 0


@dataclass(frozen=True, kw_only=True)
class SourceCertificate(Certificate):
    """What the proofs of calls and of charges share: both are of one of several sources."""

    source: str
    """The name of the source, as in `sources.registry`."""
    rows_read: int
    left_out: tuple[dict[str, Any], ...] = ()
    """Rows read that are neither, by kind: kind, rows. Nothing is missing without them."""
    files: tuple[dict[str, Any], ...] = ()
    """Each file read: name, sha256, rows; of a bill also how it was read."""
    sums: Check = Check("not checked")


@dataclass(frozen=True, kw_only=True)
class UsageCertificate(SourceCertificate):
    """The proof of a month of calls from one source."""

    dataset: ClassVar = "usage"
    _shown_if_any: ClassVar = (*Certificate._shown_if_any, "left_out", "unsized_rows")

    duplicate_rows: int = 0
    """Rows that were there already, counted once."""
    prompt_tokens: int
    completion_tokens: int
    grace_seconds: int = int(SETTLING_TIME.total_seconds())
    """How late after the month's end a call may still be recorded, as far as one can say."""
    amount_in_usd: str | None = None
    """The exact sum as text; None where no row has an amount, or the source does not say."""
    amount_in_clp: str | None = None
    unpriced_rows: int = 0
    """Rows without an amount in USD, which that sum lacks."""
    unpriced: tuple[dict[str, Any], ...] = ()
    """Those by model: provider, model, proxy, reason, rows; most rows first."""
    requests: int | None = None
    """Calls in the rows; a row that does not say how many it sums is one at least. None: flexlib did not count them."""
    unpriced_requests: int | None = None
    """Those in the rows without an amount in USD."""
    unsized_rows: int = 0
    """Rows without an amount that sum an unknown number of calls: nobody knows how much of the month they are."""
    most_unpriced: str = str(MOST_UNPRICED)
    """The largest share of them with which the month was taken for whole."""
    rows_without_clp: int = 0
    rates: tuple[dict[str, Any], ...] = ()
    """The exchange rates behind the pesos, by day of observation: day, value, source (all None: the caller gave the
    pesos), rows."""

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.grace_seconds)

    @property
    def lacks_money(self) -> bool:
        if not self.requests or self.unpriced_requests is None:  # of a version before: it is what it was
            return False
        most = Decimal(self.most_unpriced)
        return self.unpriced_requests > most * self.requests or (self.unsized_rows > 0 and most < 1)

    @property
    def is_at_least(self) -> bool:
        """Whether the sum in USD lacks something, however little."""
        return self._has_gap() or self.unpriced_rows > 0

    def has_known_total(self, column: str) -> bool:
        """Whether it knows the sum of `amount_in_usd` or `amount_in_clp`, if only that no row has any."""
        missing = self.unpriced_rows if column == "amount_in_usd" else self.rows_without_clp
        return getattr(self, column) is not None or missing == self.rows

    def _list_derived(self) -> dict[str, Any]:
        return {"at_least": self.is_at_least}


@dataclass(frozen=True, kw_only=True)
class ChargesCertificate(SourceCertificate):
    """The proof of a month of charges from one source."""

    dataset: ClassVar = "charges"

    amounts: tuple[dict[str, Any], ...] = ()
    """By currency: currency, amount (exact, as text), list_amount (None where a row has none), rows."""


AnyCertificate: TypeAlias = CreditsCertificate | UsageCertificate | ChargesCertificate

CERTIFICATES: dict[str, type[AnyCertificate]] = {
    one.dataset: one for one in (CreditsCertificate, UsageCertificate, ChargesCertificate)
}
