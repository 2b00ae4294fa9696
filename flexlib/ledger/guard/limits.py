"""Which limits a call is under: budgets that are enforced, and what of a call they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from flexlib.dates import Month, Span, list_periods
from flexlib.errors import BadFile, InvalidCall
from flexlib.i18n import _
from flexlib.ledger.guard.call import name_record, name_values, write_usable
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.values import read_usable
from flexlib.money.price_book import name_model
from flexlib.refusals import explain_refusal
from flexlib.setting_values import has_file
from flexlib.store.budgets import Budget, read_budgets
from flexlib.store.membership import LEVELS
from flexlib.store.organization import read_organization

DAY = timedelta(days=1)

MOST_PLACED = 4096
"""Budgets in a day whose limits a process keeps, rather than find them for every call: more than a company enforces."""

Stamp: TypeAlias = tuple[int, int, int, int]
"""Of a file: when it was written and when it was changed in any way, its place on the disk and its size."""
Key = tuple[str, str, datetime, datetime]
"""A counter: scope, value, and the period from the first moment until the next one's, UTC."""


@dataclass(frozen=True)
class Limit:
    """A budget that is enforced, in the period that a moment lies in."""

    budget: Budget
    key: Key

    @property
    def span(self) -> Span:
        """The days of the period, UTC."""
        return Span(self.key[2].date(), (self.key[3] - DAY).date())


def load_limits(path: Path, organization: Path | None = None, *, is_named: bool) -> list[Budget]:
    """The budgets of the file that are enforced. Read again when it, or the organization's, changes. Raises `BadFile`,
    also where the file is not there though somebody named it, or where `check_limits` does."""
    stamp = _read_stamp(path)
    if stamp is None and has_file(path):  # put in place since it was looked at
        stamp = _read_stamp(path)
    if stamp is None:
        if is_named:
            raise BadFile(_("{path} is not there; the limits that calls are held to stand in it.").format(path=path))
        return []
    if organization is not None:
        _check_once(path, stamp, organization, _read_stamp(organization))
    return _read_limits(path, stamp)


def _read_stamp(path: Path) -> Stamp | None:
    """What changes with a file, whatever sets its time back (`cp -p`, an editor); None: it is not there."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadFile(
            _("{file} cannot be read: {strerror}.").format(file=path, strerror=explain_refusal(error))
        ) from error
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


@cache
def _check_once(path: Path, stamp: Stamp, organization: Path, _: Stamp | None) -> None:
    check_limits(path, _read_limits(path, stamp), organization)


def check_limits(path: Path, budgets: Iterable[Budget], organization: Path | None) -> None:
    """Raises `BadFile` for a budget of `path` that is enforced for a department, project or team of people or keys: a
    call is held by what its own metadata names, and theirs would pass it by."""
    placed = [one for one in budgets if one.is_enforced and one.scope in LEVELS]
    if not placed or organization is None or not has_file(organization):
        return
    known = read_organization(organization)
    for one in placed:
        if known.places_in(one.scope, one.of[0]):
            raise BadFile(
                _(
                    "{path}: {name} is to be enforced for a {scope} that {organization} gives people or keys, "
                    "whose calls it could not hold: a call is held by its own metadata, by its usable, model or "
                    "provider. Enforce budgets of usables, or leave enforce out."
                ).format(path=path, name=one.name, scope=one.scope, organization=organization)
            )


@cache
def _read_limits(path: Path, _stamp: Stamp) -> list[Budget]:
    budgets = [one for one in read_budgets(path) if one.is_enforced]
    for one in budgets:
        try:
            name_value(one)
        except InvalidCall as error:
            raise BadFile(
                _("{path}: the budget {name} cannot be enforced, since no call can name what it is of: {error}").format(
                    path=path, name=one.name, error=error
                )
            ) from error
    return budgets


def find_limits(budgets: Iterable[Budget], call: Mapping[str, Any], now: datetime) -> list[Limit]:
    """The limits that a call made `now` is under, in the order in which their counters are locked.

    `call`: `usable`, `provider`, `proxy`, `model`, `metadata`, as a record has them, as far as they are known.
    """
    return _choose_limits(budgets, name_values(call, read_usable(call.get("usable"))), now)


def find_recorded_limits(budgets: Sequence[Budget], record: UsageRecord) -> list[Limit]:
    """The limits that a recorded call counts for, in the same order."""
    named = name_record(record, with_model=any(one.scope == "model" for one in budgets))
    return _choose_limits(budgets, named, record.created_at)


def _choose_limits(budgets: Iterable[Budget], told: Mapping[str, str | None], now: datetime) -> list[Limit]:
    day = now.astimezone(timezone.utc).date()
    limits = (_place_budget(budget, day) for budget in budgets)
    return sorted((one for one in limits if told.get(one.key[0]) == one.key[1]), key=lambda one: one.key)


def place_limits(limits: list[Limit], now: datetime) -> list[Limit]:
    """The same budgets in the periods that `now` lies in: since they were found a day or month may have turned."""
    if all(one.key[2] <= now < one.key[3] for one in limits):
        return limits
    day = now.astimezone(timezone.utc).date()
    return sorted((_place_budget(one.budget, day) for one in limits), key=lambda one: one.key)


@lru_cache(maxsize=MOST_PLACED)
def _place_budget(budget: Budget, day: date) -> Limit:
    return build_limit(budget, _find_span(budget, day))


def find_tightest(limits: Iterable[Limit]) -> dict[Key, Budget]:
    """The smallest budget of each counter, in the order of the limits."""
    found: dict[Key, Budget] = {}
    for one in limits:
        before = found.get(one.key)
        found[one.key] = one.budget if before is None or one.budget.amount < before.amount else before
    return found


def build_limit(budget: Budget, span: Span) -> Limit:
    """The budget in one of its periods."""
    first, until = (datetime.combine(day, time(), timezone.utc) for day in (span.first, span.last + DAY))
    return Limit(budget, (budget.scope, name_value(budget), first, until))


def name_value(budget: Budget) -> str:
    """What the rows that a budget is of have in the column of its scope."""
    if budget.scope == "whole":
        return ""
    if budget.scope == "usable":
        return str(write_usable(read_usable(budget.of)))
    text = budget.of[0]
    if budget.scope == "model":
        return name_model(text)
    return text.lower() if budget.scope == "provider" else text


def find_period(budget: Budget, now: datetime) -> Span:
    """The period of the budget that a moment lies in, by the days of UTC."""
    return _find_span(budget, now.astimezone(timezone.utc).date())


def _find_span(budget: Budget, day: date) -> Span:
    return next(one for one in list_periods(budget.period, Month.containing(day), budget.begins) if day in one)
