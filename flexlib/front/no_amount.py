"""Which unit some months have, where none was asked for; that they lack the one that was, and which other they have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from flexlib.certificate import ChargesCertificate, UsageCertificate
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.formats import UNIT_NAMES
from flexlib.front.spend import Spend
from flexlib.front.uses import UNITS
from flexlib.i18n import _, join_or
from flexlib.proof import look_nowhere
from flexlib.sources.registry import WINDSURF
from flexlib.store.ended import find_awaited
from flexlib.store.snapshots import list_newest
from flexlib.store.strays import list_misplaced

KNOWN = {
    "credits": "flex_credits IS NOT NULL",
    "usd": "amount_in_usd IS NOT NULL",
    "clp": "amount_in_usd IS NOT NULL AND amount_in_clp IS NOT NULL",
}
"""The rows that a unit is known of. In pesos both amounts of the same calls: else what they have to one another would
be no exchange rate."""

UNIT_COLUMNS = {"credits": "flex_credits", "usd": "amount_in_usd", "clp": "amount_in_clp"}


def choose_unit(of: str, sides: Sequence[Collection[Month]], root: Path, units: Collection[str] = tuple(UNITS)) -> str:
    """`of`, and where it is empty credits while Windsurf is in use on each side, else the first of the units that each
    side has, or else that any has. What is in use and not stored yet is awaited: another unit would not say so."""
    if of or all(_uses_credits(months, root) for months in sides):
        return of or "credits"
    known = [{*_list_known(months, root, units)} for months in sides]
    both = [one for one in units if all(one in side for side in known)]
    return next((one for one in (*both, *units) if any(one in side for side in known)), "credits")


def refuse_side(name: str, of: str, months: Collection[Month], root: Path) -> InvalidRequest:
    """That a side has no amount that is known: another held against it would be a difference from 0."""
    return InvalidRequest(_("{span} has no {lack}.").format(span=name, lack=explain_no_amount(of, months, root)))


def explain_no_amount(of: str, months: Collection[Month], root: Path, units: Collection[str] = tuple(UNITS)) -> str:
    """What no day of the months has, and what to do: `units` are those that may be asked for, of which such are offered
    as have an amount. Calls without a price beside a bill are no month of bills only."""
    unit = _(UNIT_NAMES[UNITS[of]])
    if misplaced := list_misplaced(root, months):
        return f"{unit}: {misplaced[0].removesuffix('.')}"
    stored = {one.dataset for month in months for one in list_newest(month, root)}
    has_bills_only = ChargesCertificate.dataset in stored and UsageCertificate.dataset not in stored
    if of != "credits" and has_bills_only:
        said = _("{unit} of calls, only bills, which are of no day and no user; flexlib spend has their sum")
        return said.format(unit=unit)
    others = _list_known(months, root, [one for one in units if one != of])
    return _("{unit}; choose another with --of, {others}").format(unit=unit, others=join_or(others)) if others else unit


def _uses_credits(months: Collection[Month], root: Path) -> bool:
    """As the certificates say: the rows of millions of calls need not be asked."""
    newest = [one for month in months for one in list_newest(month, root, (WINDSURF.dataset,))]
    awaited = any(WINDSURF.name in find_awaited(month, root) for month in months)
    return any(one.certificate.rows for one in newest) or (awaited and not newest)


def _list_known(months: Collection[Month], root: Path, units: Collection[str]) -> list[str]:
    """Which of the units some row of the months has an amount of."""
    known = tuple(sorted(month for month in months if list_newest(month, root)))
    if not known:
        return []
    rows = Spend(Span(known[0].first, known[-1].last), "UTC", known, root, names=False, look=look_nowhere)._rows
    return [one for one in units if rows.filter(f"{KNOWN[one]} AND {UNIT_COLUMNS[one]} <> 0").limit(1).fetchall()]
