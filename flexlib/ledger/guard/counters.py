"""Counters of limits in the ledger: what is spent of each in a period, and what is held for calls under way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flexlib.errors import LedgerFailed, LimitReached
from flexlib.i18n import _
from flexlib.ledger.db.columns import USD_DECIMALS, Money, to_microseconds
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import check_partitions
from flexlib.ledger.db.table import COUNTER_KEY, COUNTERS, HOLDS, MODELS, TABLE
from flexlib.ledger.guard.call import SEPARATOR, name_record
from flexlib.ledger.guard.limits import Key, Limit, find_tightest
from flexlib.ledger.guard.statements import HOLD, INCREASE, INSERT_HOLD, KEEP, KEY, LOCK, LOOK, NAMES, RELEASE
from flexlib.ledger.record.models import ensure_models
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.writing import open_transaction
from flexlib.money.price_book import name_model
from flexlib.store.budgets import Budget

USD = Money(USD_DECIMALS)


@dataclass(frozen=True)
class Counted:
    """What a counter holds, in US$."""

    spent: Decimal
    held: Decimal


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
            check_partitions(self.ledger, first, until)
            if scope == "model":
                self._name_models(first, until)
            total, of = self._sum_calls(key)
            with open_transaction(self.ledger) as connection:
                there = connection.execute(self.write(f"SELECT 1 FROM {COUNTERS} WHERE {KEY}"), self.encode(*key))  # noqa: S608
                if there.fetchone() is None:
                    self._stop_recording(connection)
                    connection.execute(
                        self.write(
                            f"INSERT INTO {COUNTERS} ({', '.join(COUNTER_KEY)}, spent, held) "  # noqa: S608
                            f"VALUES ({self._list_places(key)}, ({total}), 0) ON CONFLICT DO NOTHING"
                        ),
                        self.encode(*key, *of),
                    )
            self.ledger.counters.add(key)

    def _stop_recording(self, connection: Any) -> None:  # noqa: ANN401
        """Nobody records until the transaction ends: a call is in a sum, or counted by its trigger."""
        if not self._is_sqlite:
            connection.execute(f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE")

    def _sum_calls(self, key: Key) -> tuple[str, list[Any]]:
        """What is recorded of a counter, in SQL with its values."""
        scope, value, first, until = key
        condition, of = _select_scope(scope, value, self.ledger.backend)
        total = f"SELECT coalesce(sum(amount_in_usd), 0) FROM {TABLE}"  # noqa: S608
        return f"{total} WHERE created_at >= ? AND created_at < ? AND {condition}", [first, until, *of]

    def _name_models(self, first: datetime, until: datetime) -> None:
        """Sees to it that all models, also of calls that a flexlib of before recorded in the period, are called as the
        price lists of this machine do: a limit is of a name of theirs."""
        ask = self.write(f"SELECT DISTINCT model FROM {TABLE} WHERE created_at >= ? AND created_at < ?")  # noqa: S608
        with self.ledger.connect() as connection:
            known = dict(connection.execute(f"SELECT model, name FROM {MODELS}").fetchall())  # noqa: S608
            recorded = {one for (one,) in connection.execute(ask, self.encode(first, until)).fetchall()}
        self.ledger.models -= recorded - known.keys()
        ensure_models(self.ledger, recorded)
        for model, before in known.items():
            if before != (name := name_model(model)):
                self._rename(model, before, name, first)

    def _rename(self, model: str, before: str, name: str, since: datetime) -> None:
        """Calls a model by another name, under which its calls count from now on, those that are recorded as well."""
        with open_transaction(self.ledger) as connection:
            self._stop_recording(connection)
            connection.execute(self.write(f"UPDATE {MODELS} SET name = ? WHERE model = ?"), [name, model])  # noqa: S608
            ask = (
                f"SELECT {', '.join(COUNTER_KEY)} FROM {COUNTERS} "  # noqa: S608
                f"WHERE scope = 'model' AND value IN (?, ?) AND until > ? ORDER BY {', '.join(COUNTER_KEY)}"
            )
            for found in connection.execute(self.write(ask), self.encode(before, name, since)).fetchall():
                total, of = self._sum_calls(found)
                again = f"UPDATE {COUNTERS} SET spent = ({total}) WHERE {KEY}"  # noqa: S608
                connection.execute(self.write(again), self.encode(*of, *found))

    def _list_places(self, key: Key) -> str:
        kinds = ("text", "text", "timestamptz", "timestamptz")
        return ", ".join("?" if self._is_sqlite else f"?::{kind}" for kind, _ in zip(kinds, key, strict=True))

    def hold(self, name: str, limits: Sequence[Limit], amount: Decimal, now: datetime, expires: datetime) -> None:
        """Holds the amount of each of the limits for the call, or raises `LimitReached`. Held before, where only the
        answer was lost, it is not held again."""
        tightest = find_tightest(limits)
        if not self._is_sqlite:
            with self.ledger.connect() as connection:  # one statement: no transaction whose ends are to be waited for
                if self._hold(connection, name, tightest, amount, expires):
                    return
        with open_transaction(self.ledger) as connection:
            if self._hold(connection, name, tightest, amount, expires):
                return
            for key in tightest:
                self._drop_expired(connection, key, now)
            if self._hold(connection, name, tightest, amount, expires):
                return
            counted = {key: self.read(connection, key) for key in tightest}
            full = next(key for key, one in counted.items() if one.spent + one.held + amount > tightest[key].amount)
            raise LimitReached(
                tightest[full].name, tightest[full].amount, counted[full].spent, counted[full].held, amount
            )

    def _hold(
        self,
        connection: Any,  # noqa: ANN401
        name: str,
        tightest: dict[Key, Budget],
        amount: Decimal,
        expires: datetime,
    ) -> bool:
        """Whether the amount is held of each now; else nothing is, and on PostgreSQL a transaction has their locks."""
        if not self._is_sqlite:
            keys = [list(each) for each in zip(*tightest, strict=True)]
            most = [budget.amount for budget in tightest.values()]
            asked = {"most": most, "number": len(most), "hold": name, "amount": amount, "expires": expires}
            return bool(connection.execute(HOLD, {**dict(zip(COUNTER_KEY, keys, strict=True)), **asked}).fetchone()[0])
        new, wanted = [], USD.encode(amount)
        for key, budget in tightest.items():
            values = self.encode(*key)
            found = connection.execute(LOOK, [name, *values, *values]).fetchone()
            if found is None or not found[2] and found[0] + found[1] + wanted > USD.encode(budget.amount):
                return False
            if not found[2]:
                new.append(values)
        for values in new:
            connection.execute(INSERT_HOLD, [name, *values, wanted, *self.encode(expires)])
            connection.execute(INCREASE, [wanted, *values])
        return True

    def _drop_expired(self, connection: Any, key: Key, now: datetime) -> None:  # noqa: ANN401
        delete = self.write(f"DELETE FROM {HOLDS} WHERE {KEY} AND expires <= ? RETURNING amount")  # noqa: S608
        if gone := sum(amount for (amount,) in connection.execute(delete, self.encode(*key, now)).fetchall()):
            connection.execute(self.write(INCREASE), [-gone, *self.encode(*key)])

    def lock(self, connection: Any, record: UsageRecord, keys: Collection[Key]) -> None:  # noqa: ANN401
        """The counters that are held, and those that the record will count in, before holds and calls in every process,
        and in one order: else two of them wait for each other, on PostgreSQL."""
        if self._is_sqlite or not keys:
            return
        told = name_record(record).items()
        pairs = {key[:2] for key in keys} | {(scope, value) for scope, value in told if value is not None}
        scopes, values = map(list, zip(*pairs, strict=True))
        since = min(record.created_at, *(key[2] for key in keys))
        connection.execute(LOCK, {"scope": scopes, "value": values, "since": since})

    def release(self, name: str) -> None:
        """Holds nothing for the call any more."""
        with open_transaction(self.ledger) if self._is_sqlite else self.ledger.connect() as connection:
            self.resolve(connection, name, is_alone=True)

    def resolve(self, connection: Any, name: str, *, is_alone: bool = False) -> None:  # noqa: ANN401
        """Holds nothing for the call any more: inside a transaction, or in one statement of PostgreSQL."""
        if not self._is_sqlite:
            connection.execute(RELEASE, {"hold": name, "alone": is_alone})
            return
        delete = f"DELETE FROM {HOLDS} WHERE hold = ? RETURNING {NAMES}, amount"  # noqa: S608
        for *key, amount in connection.execute(delete, [name]).fetchall():
            connection.execute(INCREASE, [-amount, *key])

    def keep(self, connection: Any, request_id: str, keys: Iterable[Key], amount: Decimal) -> None:  # noqa: ANN401
        """Holds the amount of these counters until their periods are over, or the call gets a price: what it cost
        nobody knows. Held already, as for a call that is sent again, it is not held twice."""
        for key in keys:
            held = connection.execute(self.write(KEEP), self.encode(request_id, amount, *key))
            if held.fetchone():
                connection.execute(self.write(INCREASE), self.encode(amount, *key))

    def read(self, connection: Any, key: Key, now: datetime | None = None) -> Counted:  # noqa: ANN401
        """What a counter holds; `now`: without what has expired by then."""
        counted = self.find(connection, key)
        if counted is None:
            self.ledger.counters.clear()
            self.ledger.models.clear()
            raise LedgerFailed(_("Counters of limits that were there are gone, as in a backup; they are made again."))
        if now is None:
            return counted
        old = self.write(f"SELECT coalesce(sum(amount), 0) FROM {HOLDS} WHERE {KEY} AND expires <= ?")  # noqa: S608
        (expired,) = connection.execute(old, self.encode(*key, now)).fetchone()
        return Counted(counted.spent, counted.held - USD.decode(expired))

    def find(self, connection: Any, key: Key) -> Counted | None:  # noqa: ANN401
        """What a counter holds; None where there is none, as nothing was held yet in that period."""
        ask = self.write(f"SELECT spent, held FROM {COUNTERS} WHERE {KEY}")  # noqa: S608
        found = connection.execute(ask, self.encode(*key)).fetchone()
        return None if found is None else Counted(*map(USD.decode, found))


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
        known = f"model IN (SELECT model FROM {MODELS} WHERE name = ?)"  # noqa: S608
        return f"({known} OR lower(model) = ? AND model NOT IN (SELECT model FROM {MODELS}))", [value, value]  # noqa: S608
    text = (
        f"trim(CAST(json_extract(metadata, '$.{scope}') AS TEXT))"
        if backend == "sqlite"
        else f"trim(metadata->>'{scope}')"
    )
    return f"{text} = ?", [value]
