"""Which limits a call is under, and their counters: what is spent of each, and what is held for calls under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from flexlib.dates import Month, Span, list_periods
from flexlib.errors import LimitReached
from flexlib.ledger.db.columns import USD_DECIMALS, Money, to_microseconds
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import COUNTER_KEY, COUNTERS, HOLDS, TABLE
from flexlib.ledger.record.values import read_usable
from flexlib.ledger.record.writing import open_transaction
from flexlib.store.budgets import Budget, read_budgets

SEPARATOR = "\x1f"
"""Between the type and the id of a usable, as the triggers of the table write it."""

DAY = timedelta(days=1)
USD = Money(USD_DECIMALS)

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


@dataclass(frozen=True)
class Counted:
    """What a counter holds, in US$."""

    spent: Decimal
    held: Decimal


def load_limits(path: Path) -> list[Budget]:
    """The budgets of the file that are enforced; none where there is no file. Read again when it changes. Raises
    `BadFile`."""
    try:
        stamp = path.stat()
    except FileNotFoundError:
        return []
    return _read_limits(path, stamp.st_mtime_ns, stamp.st_size)


@cache
def _read_limits(path: Path, _when: int, _size: int) -> list[Budget]:
    return [one for one in read_budgets(path) if one.is_enforced]


def find_limits(budgets: Iterable[Budget], call: Mapping[str, Any], now: datetime) -> list[Limit]:
    """The limits that a call made `now` is under, in the order in which their counters are locked.

    `call`: `usable`, `provider`, `proxy`, `model`, `metadata`, as `record_usage` takes them, as far as they are known.
    """
    named = {**(call.get("metadata") or {})}
    usable = read_usable(call.get("usable"))
    sender = call.get("proxy") or call.get("provider")
    told = {
        "whole": "",
        "usable": write_usable(usable),
        "provider": None if sender is None else str(sender),
        "model": None if call.get("model") is None else str(call["model"]).strip().lower(),
        **{name: named[name] for name in ("department", "project", "team") if isinstance(named.get(name), str)},
    }
    found = []
    for budget in budgets:
        value = name_value(budget)
        if told.get(budget.scope) == value:
            found.append(build_limit(budget, find_period(budget, now)))
    return sorted(found, key=lambda one: one.key)


def build_limit(budget: Budget, span: Span) -> Limit:
    """The budget in one of its periods."""
    first, until = (datetime.combine(day, time(), timezone.utc) for day in (span.first, span.last + DAY))
    return Limit(budget, (budget.scope, name_value(budget), first, until))


def name_value(budget: Budget) -> str:
    """What the rows that a budget is of have in the column of its scope."""
    if budget.scope == "whole":
        return ""
    if budget.scope == "usable":
        return write_usable(read_usable(budget.of)) or ""
    text = budget.of[0]
    return text.lower() if budget.scope in ("provider", "model") else text


def write_usable(usable: tuple[str | None, int | None, str | None]) -> str | None:
    """The type and the id as one text; None for nobody."""
    kind, number, key = usable
    return None if kind is None else f"{kind}{SEPARATOR}{key if number is None else number}"


def find_period(budget: Budget, now: datetime) -> Span:
    """The period of the budget that a moment lies in, by the days of UTC."""
    day = now.astimezone(timezone.utc).date()
    return next(one for one in list_periods(budget.period, Month.containing(day), budget.begins) if day in one)


class Counters:
    """The counters of a ledger, its dialect hidden."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._is_sqlite = ledger.backend == "sqlite"

    def write(self, sql: str) -> str:
        """A statement with `?` for its values, as the driver wants it."""
        return sql if self._is_sqlite else sql.replace("?", "%s")

    def encode(self, *values: Any) -> list[Any]:  # noqa: ANN401
        """Values as the driver takes them: money, times and texts."""
        if not self._is_sqlite:
            return list(values)
        return [
            USD.encode(one) if isinstance(one, Decimal) else to_microseconds(one) if isinstance(one, datetime) else one
            for one in values
        ]

    def ensure(self, limits: Iterable[Limit]) -> None:
        """Sees to it that each has its counter, which begins with what is recorded by now."""
        for key in sorted({one.key for one in limits} - self.ledger.counters):
            scope, value, first, until = key
            condition, of = _select_scope(scope, value, self.ledger.backend)
            with open_transaction(self.ledger) as connection:
                there = connection.execute(self.write(f"SELECT 1 FROM {COUNTERS} WHERE {_KEY}"), self.encode(*key))  # noqa: S608
                if there.fetchone() is None:
                    if not self._is_sqlite:  # nobody records meanwhile: a call is in the sum, or counted by its trigger
                        connection.execute(f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE")
                    connection.execute(
                        self.write(
                            f"INSERT INTO {COUNTERS} ({', '.join(COUNTER_KEY)}, spent, held) "  # noqa: S608
                            f"SELECT {self._list_places(key)}, coalesce(sum(amount_in_usd), 0), 0 FROM {TABLE} "
                            f"WHERE created_at >= ? AND created_at < ? AND {condition} ON CONFLICT DO NOTHING"
                        ),
                        self.encode(*key, first, until, *of),
                    )
            self.ledger.counters.add(key)

    def _list_places(self, key: Key) -> str:
        kinds = ("text", "text", "timestamptz", "timestamptz")
        return ", ".join("?" if self._is_sqlite else f"?::{kind}" for kind, _ in zip(kinds, key, strict=True))

    def hold(
        self,
        connection: Any,  # noqa: ANN401
        name: str,
        limits: Iterable[Limit],
        amount: Decimal,
        now: datetime,
        expires: datetime,
    ) -> None:
        """Holds the amount of each of the limits for the call, inside a transaction, or raises `LimitReached`."""
        for key, budget in _find_tightest(limits).items():
            insert = (
                f"INSERT INTO {HOLDS} (hold, {', '.join(COUNTER_KEY)}, amount, expires) "  # noqa: S608
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            )
            values = self.encode(name, *key, amount, expires)
            if connection.execute(self.write(insert), values).rowcount == 0:
                continue  # held before; only the answer was lost
            raise_held = f"UPDATE {COUNTERS} SET held = held + ? WHERE {_KEY} AND spent + held + ? <= ?"  # noqa: S608
            values = self.encode(amount, *key, amount, budget.amount)
            if connection.execute(self.write(raise_held), values).rowcount == 0:
                self._drop_expired(connection, key, now)
                if connection.execute(self.write(raise_held), values).rowcount == 0:
                    counted = self.read(connection, key)
                    raise LimitReached(budget.name, budget.amount, counted.spent, counted.held, amount)

    def _drop_expired(self, connection: Any, key: Key, now: datetime) -> None:  # noqa: ANN401
        self._lock(connection, [key])
        delete = self.write(f"DELETE FROM {HOLDS} WHERE {_KEY} AND expires <= ? RETURNING amount")  # noqa: S608
        gone = sum(amount for (amount,) in connection.execute(delete, self.encode(*key, now)).fetchall())
        lower = self.write(f"UPDATE {COUNTERS} SET held = held - ? WHERE {_KEY}")  # noqa: S608
        if gone:
            connection.execute(lower, [gone, *self.encode(*key)])

    def _lock(self, connection: Any, keys: Iterable[Key]) -> None:  # noqa: ANN401
        """Counters before holds, in every process: else two of them wait for each other, on PostgreSQL."""
        for key in () if self._is_sqlite else keys:
            connection.execute(self.write(f"SELECT 1 FROM {COUNTERS} WHERE {_KEY} FOR UPDATE"), key)  # noqa: S608

    def resolve(self, connection: Any, name: str, limits: Iterable[Limit]) -> None:  # noqa: ANN401
        """Holds nothing of the limits for the call any more, inside a transaction."""
        self._lock(connection, [one.key for one in limits])
        delete = f"DELETE FROM {HOLDS} WHERE hold = ? RETURNING {', '.join(COUNTER_KEY)}, amount"  # noqa: S608
        gone = sorted(connection.execute(self.write(delete), [name]).fetchall())
        lower = self.write(f"UPDATE {COUNTERS} SET held = held - ? WHERE {_KEY}")  # noqa: S608
        for *key, amount in gone:
            connection.execute(lower, [amount, *key])

    def keep(self, connection: Any, name: str) -> None:  # noqa: ANN401
        """Holds what is held for the call until its period is over: what it cost nobody knows."""
        connection.execute(self.write(f"UPDATE {HOLDS} SET expires = until WHERE hold = ?"), [name])  # noqa: S608

    def read(self, connection: Any, key: Key, now: datetime | None = None) -> Counted:  # noqa: ANN401
        """What a counter holds; `now`: without what has expired by then."""
        ask = self.write(f"SELECT spent, held FROM {COUNTERS} WHERE {_KEY}")  # noqa: S608
        ((spent, held),) = connection.execute(ask, self.encode(*key)).fetchall()
        if now is not None:
            old = self.write(f"SELECT coalesce(sum(amount), 0) FROM {HOLDS} WHERE {_KEY} AND expires <= ?")  # noqa: S608
            held -= connection.execute(old, self.encode(*key, now)).fetchone()[0]
        return Counted(USD.decode(spent), USD.decode(held))


_KEY = " AND ".join(f"{name} = ?" for name in COUNTER_KEY)


def _find_tightest(limits: Iterable[Limit]) -> dict[Key, Budget]:
    """The smallest budget of each counter, in the order of the limits."""
    found: dict[Key, Budget] = {}
    for one in limits:
        before = found.get(one.key)
        found[one.key] = one.budget if before is None or one.budget.amount < before.amount else before
    return found


def _select_scope(scope: str, value: str, backend: str) -> tuple[str, list[Any]]:
    """The rows of calls that a counter is of, in SQL with its values: as the triggers find them."""
    if scope == "whole":
        return "1 = 1", []
    if scope == "usable":
        kind, who = value.split(SEPARATOR, 1)
        return "usable_type = ? AND coalesce(usable_key, CAST(usable_id AS TEXT)) = ?", [kind, who]
    if scope == "provider":
        return "coalesce(proxy, provider) = ?", [value]
    if scope == "model":
        return "lower(model) = ?", [value]
    text = f"CAST(json_extract(metadata, '$.{scope}') AS TEXT)" if backend == "sqlite" else f"metadata->>'{scope}'"
    return f"{text} = ?", [value]
