"""Which limits a call is under: budgets that are enforced, and what of a call they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from flexlib.dates import Month, Span, list_periods
from flexlib.enums import LlmProvider, LlmProxy
from flexlib.errors import BadFile, InvalidCall
from flexlib.i18n import _
from flexlib.ledger.db.columns import USD_DECIMALS
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.record.values import LONGEST_NAME, read_member, read_money, read_text, read_usable
from flexlib.money.price_book import name_model
from flexlib.refusals import explain_refusal
from flexlib.setting_values import has_file
from flexlib.store.budgets import Budget, read_budgets
from flexlib.store.membership import LEVELS
from flexlib.store.organization import read_organization

SEPARATOR = "\x1f"
"""Between the type and the id of a usable, as the triggers of the table write it."""

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


def read_call(
    ledger: Ledger,
    usable: Any,  # noqa: ANN401
    amount: Decimal | float | str,
    name: str,
    provider: LlmProvider | str | None,
    proxy: LlmProxy | str | None,
    model: str | None,
    metadata: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], Decimal]:
    """What is named of the call, and what it may cost."""
    asked = read_money(name, amount, USD_DECIMALS)
    if asked is None:
        raise InvalidCall(
            _("{name} is {amount}; give what the call may cost in US$, 0 or more.").format(name=name, amount=amount)
        )
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidCall(_("metadata must be a dict, not {name}.").format(name=type(metadata).__name__))
    named = {
        "usable": usable,
        "provider": None if provider is None else read_member("provider", provider, LlmProvider),
        "proxy": None if proxy is None else read_member("proxy", proxy, LlmProxy),
        "model": None if model is None else read_text("model", model, LONGEST_NAME, strip=True),
        "metadata": None if metadata is None else ledger.guard.mask(metadata)[0],  # as it is recorded
    }
    return {name: value for name, value in named.items() if value is not None or name == "usable"}, asked


def find_limits(budgets: Iterable[Budget], call: Mapping[str, Any], now: datetime) -> list[Limit]:
    """The limits that a call made `now` is under, in the order in which their counters are locked.

    `call`: `usable`, `provider`, `proxy`, `model`, `metadata`, as a record has them, as far as they are known.
    """
    told, day = name_values(call, read_usable(call.get("usable"))), now.astimezone(timezone.utc).date()
    limits = (_place_budget(budget, day) for budget in budgets)
    return sorted((one for one in limits if told.get(one.key[0]) == one.key[1]), key=lambda one: one.key)


def name_values(call: Mapping[str, Any], usable: tuple[str | None, int | None, str | None]) -> dict[str, str | None]:
    """What a call is of, by scope, as the triggers of the table find it; None where it is of nothing."""
    named, sender = call.get("metadata") or {}, call.get("proxy") or call.get("provider")
    return {
        "whole": "",
        "usable": write_usable(usable),
        "provider": None if sender is None else str(sender),
        "model": None if call.get("model") is None else name_model(call["model"]),
        **{name: _write_text(named.get(name)) for name in ("department", "project", "team")},
    }


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


def write_usable(usable: tuple[str | None, int | None, str | None]) -> str | None:
    """The type and the id as one text; None for nobody."""
    kind, number, key = usable
    return None if kind is None else f"{kind}{SEPARATOR}{key if number is None else number}"


def find_period(budget: Budget, now: datetime) -> Span:
    """The period of the budget that a moment lies in, by the days of UTC."""
    return _find_span(budget, now.astimezone(timezone.utc).date())


def _find_span(budget: Budget, day: date) -> Span:
    return next(one for one in list_periods(budget.period, Month.containing(day), budget.begins) if day in one)


def _write_text(value: object) -> str | None:
    """A value in the metadata as the triggers of the table read it: a text, or a whole number."""
    if isinstance(value, str):
        return value.strip(" ")
    return str(value) if type(value) is int else None
