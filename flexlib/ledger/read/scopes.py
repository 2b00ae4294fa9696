"""Scopes of recorded calls, composed as on a query: `usage.by_provider(OPENAI).via_openrouter().between(a, b)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import sqlalchemy as sa

from flexlib.dates import Moment, read_period
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import InvalidCall, InvalidRequest
from flexlib.i18n import _
from flexlib.ledger.db.archived import refuse_archived
from flexlib.ledger.db.columns import MoneySum
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import check_partitions, prepare_ledger
from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.door import find_ledger
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.values import read_member, read_text, read_usable

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_ONCE = 1000
AMOUNTS = ("cost", "amount_in_usd", "amount_in_clp")
SUMMED = ("_tokens", "_ms", "requests", "web_searches")
"""How the names of the other columns end that can be summed."""

T = TypeVar("T")
Period: TypeAlias = "tuple[datetime | None, datetime | None]"


@dataclass(frozen=True)
class UsageQuery:
    """Recorded calls that meet every condition; each scope gives a narrower one and changes nothing.

    A scope with several values takes the calls of any of them. Records come in the order of their time, then of their
    request id.

    >>> import flexlib as fl
    >>> _ = fl.record_usage(usable=None, provider="openai", model="gpt-4o", prompt_tokens=7, created_at="2025-09-10")
    >>> fl.usage.by_provider("openai").direct().between("2025-09-01", "2025-09-30").sum("total_tokens")
    7
    """

    ledger: Ledger | None = None
    """None: the ledger of the settings, when the query is run."""
    conditions: tuple[sa.ColumnElement[bool], ...] = field(default=(), repr=False)
    period: Period = field(default=(None, None), repr=False)
    """The time that `conditions` leave, in UTC; None: no bound."""
    narrowed: tuple[sa.ColumnElement[bool], ...] = field(default=(), repr=False)
    """Those of the conditions that are not of that time."""

    def by_provider(self, *providers: LlmProvider | str) -> UsageQuery:
        """Calls of models of these providers."""
        return self._one_of("provider", LlmProvider, providers)

    def by_proxy(self, *proxies: LlmProxy | str) -> UsageQuery:
        """Calls through these proxies."""
        return self._one_of("proxy", LlmProxy, proxies)

    def by_task_type(self, *task_types: LlmTaskType | str) -> UsageQuery:
        """Calls for these tasks."""
        return self._one_of("task_type", LlmTaskType, task_types)

    def by_model(self, *models: str) -> UsageQuery:
        """Calls of exactly these models."""
        return self._where(STATISTICS.c.model.in_([read_text("model", model) for model in _some("model", models)]))

    def by_usable(self, *usables: Any) -> UsageQuery:  # noqa: ANN401 (mapped objects or pairs)
        """Calls of these users: mapped objects or pairs such as `("user", 42)` or `("key", "3f1c-...")`."""
        return self._where(sa.or_(*(_name_usable(*read_usable(usable)) for usable in _some("usable", usables))))

    def via_openrouter(self) -> UsageQuery:
        """Calls through OpenRouter."""
        return self.by_proxy(LlmProxy.OPENROUTER)

    def direct(self) -> UsageQuery:
        """Calls without a proxy."""
        return self._where(STATISTICS.c.proxy.is_(None))

    def unpriced(self) -> UsageQuery:
        """Calls without an amount in USD."""
        return self._where(STATISTICS.c.amount_in_usd.is_(None))

    def between(self, start: Moment, end: Moment, zone: tzinfo = timezone.utc) -> UsageQuery:
        """Calls from `start` on and before `end`; where `end` is a bare day, that whole day is in. Days are `zone`'s.

        Raises `InvalidCall` as `dates.read_period` says.
        """
        try:
            low, high = (bound and bound.replace(tzinfo=timezone.utc) for bound in read_period(start, end, zone))
        except InvalidRequest as error:
            raise InvalidCall(str(error)) from error
        created_at = STATISTICS.c.created_at
        bounds = [created_at >= low] if low else []
        return self._where(*bounds, *([created_at < high] if high else []), period=(low, high))

    def all(self) -> list[UsageRecord]:
        """The records."""
        return self.run(lambda connection: [UsageRecord(*row) for row in connection.execute(self._select())])

    def first(self) -> UsageRecord | None:
        """The first of them, or None."""
        rows = self.run(lambda connection: connection.execute(self._select().limit(1)).all())
        return UsageRecord(*rows[0]) if rows else None

    def __iter__(self) -> Iterator[UsageRecord]:
        """The records one after the other, of one state of the ledger, in bounded memory."""
        with self._open(self._find_ledger()) as connection:
            streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
            for row in streamed.execute(self._select()):
                yield UsageRecord(*row)

    def count(self) -> int:
        """How many calls there are; a sum of several counts as many as it has."""
        query = sa.select(sa.func.sum(STATISTICS.c.requests)).select_from(STATISTICS).where(*self.conditions)
        return int(self.run(lambda connection: connection.execute(query).scalar_one()) or 0)

    def sum(self, column: str) -> int | Decimal | None:
        """The exact sum of a column of counts, milliseconds or money; None where no record has a value.

        Raises `InvalidCall` for any other column.
        """
        summed = STATISTICS.c.get(column)
        is_amount = column in AMOUNTS
        if summed is None or not (is_amount or column.endswith(SUMMED)):
            raise InvalidCall(
                _("{column} is not a column that can be summed; amounts, cost, counts and duration_ms are.").format(
                    column=column
                )
            )
        total: sa.ColumnElement[Any] = MoneySum(summed) if is_amount else sa.func.sum(summed)
        query = sa.select(total).select_from(STATISTICS).where(*self.conditions)
        value = self.run(lambda connection: connection.execute(query).scalar_one())
        return value if value is None or is_amount else int(value)

    def to_frame(self) -> pd.DataFrame:
        """The records as a pandas frame, a column each; amounts stay Decimals, ids and counts `Int64`."""
        import pandas as pd

        # As objects first: pandas would turn integers beside a null into floats.
        frame = pd.DataFrame(self.all(), columns=list(UsageRecord._fields), dtype=object)
        counts = [column.name for column in STATISTICS.c if isinstance(column.type, sa.Integer)]
        return frame.astype(dict.fromkeys(counts, "Int64"))

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` reads of one state of the ledger; tried again when the database is busy or out of reach.

        Raises `LedgerFailed` where a part of the query's time is archived.
        """
        ledger = self._find_ledger()

        def read() -> T:
            with self._open(ledger) as connection:
                return work(connection)

        return run_with_retries(ledger, read)

    @contextmanager
    def _open(self, ledger: Ledger) -> Iterator[sa.Connection]:
        with ledger.read() as connection:
            refuse_archived(connection, *self.period)
            yield connection

    def _find_ledger(self) -> Ledger:
        ledger = self.ledger or find_ledger()
        prepare_ledger(ledger)
        check_partitions(ledger, *self.period)
        return ledger

    def _select(self) -> sa.Select[Any]:
        order = STATISTICS.c.created_at, STATISTICS.c.request_id
        return sa.select(STATISTICS).where(*self.conditions).order_by(*order)

    def _where(self, *conditions: sa.ColumnElement[bool], period: Period = (None, None)) -> UsageQuery:
        lows, highs = ([one for one in pair if one] for pair in zip(self.period, period, strict=True))
        both = max(lows, default=None), min(highs, default=None)
        other = () if period != (None, None) else conditions
        every = (*self.conditions, *conditions)
        return replace(self, conditions=every, period=both, narrowed=(*self.narrowed, *other))

    def _one_of(self, name: str, members: type[Any], values: tuple[StrEnum | str, ...]) -> UsageQuery:
        wanted = [read_member(name, value, members) for value in _some(name, values)]
        return self._where(STATISTICS.c[name].in_(wanted))


usage = UsageQuery()
"""All recorded calls of the ledger of the settings."""


def _name_usable(kind: str | None, number: int | None, key: str | None) -> sa.ColumnElement[bool]:
    table = STATISTICS.c
    who = table.usable_id == number if key is None else table.usable_key == key
    return sa.and_(table.usable_type == kind, who)


def _some(name: str, values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise InvalidCall(_("by_{name} needs at least one value.").format(name=name))
    return values


class UsableMixin:
    """For a mapped class whose objects use models: gives them `usage_statistics`.

    The recorded calls are read from the ledger, wherever the application keeps its own tables. `__usable_type__` is the
    name under which the class is recorded, by default the class's own in small letters.
    """

    __usable_type__: str

    @property
    def usage_statistics(self) -> UsageQuery:
        """The calls recorded for this object, as a query: to iterate, to sum, or to narrow by the scopes."""
        return usage.by_usable(self)
