"""The proof that a month is whole, or of what it lacks: one certificate beside each snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias

from flexlib.checks import MOST_UNPRICED, NO_WITNESS, Check, explain_check, explain_money
from flexlib.commands import write_command
from flexlib.formats import format_moment, format_number
from flexlib.i18n import _, join_and, join_texts, mark_text, translate_count
from flexlib.proof import SETTLING_TIME as SETTLING_TIME
from flexlib.proof import Certificate as Certificate
from flexlib.proof import State as State
from flexlib.sources.registry import WINDSURF

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
    server_clock: str = ""
    """What the server's clock said (ISO, UTC), where by that the month was not settled and by ours it was."""
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

    @property
    def has_witness(self) -> bool:
        return "agrees" in (self.sums.result, self.independent_total.result, self.balance.result)

    @property
    def as_of(self) -> datetime:
        return min(self.read_at, datetime.fromisoformat(self.server_clock)) if self.server_clock else self.read_at

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
    _shown_if_any: ClassVar = (*Certificate._shown_if_any, "left_out", "unsized_rows", "origins_sha256")

    origins_sha256: str = ""
    """Of the bytes of the file beside the rows that says which file each came from; empty where there is none, and in
    certificates of a version before."""
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


WITNESSES = (mark_text("sums"), "independent_total", mark_text("balance"))
"""Checks of credits of which one must agree for a month to be whole: the others ask the same list of people again."""


def explain_witness(checks: Mapping[str, Check], people: int, accepted_by: str) -> str:
    """Why nothing confirms the total of a month, as a clause; `people`: how many are on the list."""
    why = join_texts(_(name.replace("_", " ")) + ": " + explain_check(checks[name]) for name in WITNESSES)
    seats = str(checks["balance"].figures.get("numSeats"))
    end = _("fetch it again, or set {setting}=yes if the server offers none").format(setting=NO_WITNESS)
    if accepted_by:
        end = _("{setting} says that the server offers none").format(setting=accepted_by)
    named = {"why": why, "people": format_number(people), "end": end}
    if seats.isdecimal() and int(seats) > people:
        return _(
            "no second figure of the server's confirms the total ({why}); people listed: {people}, seats of the team: "
            "{seats}; {end}"
        ).format(seats=format_number(int(seats)), **named)
    said = _("no second figure of the server's confirms the total ({why}); people listed: {people}; {end}")
    return said.format(**named)


NAMES = (mark_text("independent total"),)
"""What the second of them is called in a sentence."""

NAMED = 3
"""Models without a price that a sentence names; the table of them has all."""


def list_missing(certificate: Certificate) -> list[str]:
    """What could not be read of one source, a clause each; nobody's key is in them."""
    users = getattr(certificate, "users_failed", 0)
    files = [one for one in getattr(certificate, "files", ()) if one.get("quarantined")]
    pages = sum(one.get("open_pages", 0) for one in files)
    rows = certificate.quarantined_rows - pages
    unread = translate_count("{count} user could not be read", "{count} users could not be read", users)
    found = [unread.format(count=format_number(users))] * bool(users)
    untaken = translate_count("{count} row could not be taken", "{count} rows could not be taken", rows)
    if files:
        untaken = translate_count(
            "{count} row of {files} could not be taken", "{count} rows of {files} could not be taken", rows
        )
    named = join_and(str(one["name"]) for one in files)
    found += [untaken.format(count=format_number(rows), files=named)] * bool(rows)
    return found + [_("pages are missing")] * bool(pages)


def name_command(certificate: Certificate) -> str:
    """The command that shows it, and what it lacks."""
    month, source = certificate.month, getattr(certificate, "source", WINDSURF.name)
    of = "" if source == WINDSURF.name else f" --source {source}"
    return write_command(f"flexlib certificate --year {month.year} --month {month.month}{of}")


def explain_rows(certificate: Certificate) -> list[str]:
    """Why the rows of one source are not whole, a clause each, beside sums that differ."""
    found, state = [], certificate.state
    if state is not certificate.state_of_rows:  # its money alone makes it a gap
        models = list(dict.fromkeys(one["model"] for one in getattr(certificate, "unpriced", ())))
        named, more = ", ".join(models[:NAMED]), format_number(len(models) - NAMED)
        said = _("{why}; without a price: {models}") if models else "{why}"
        if models[NAMED:]:
            said = _("{why}; without a price: {models} and {count} more")
        found.append(said.format(why=explain_money(vars(certificate)), models=named, count=more))
    elif state is State.GAP:
        said = _("{what}; {command} says which, and why")
        found.append(said.format(what=join_and(list_missing(certificate)), command=name_command(certificate)))
    if state is State.PROVISIONAL:
        said = _("read on {moment}, before the month was settled")
        found.append(said.format(moment=format_moment(certificate.as_of)))
    if state is State.UNWITNESSED and isinstance(certificate, CreditsCertificate):
        found.append(explain_witness(certificate.checks, certificate.users_asked, certificate.accepted_by))
    return found
