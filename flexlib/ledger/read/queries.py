"""What recorded calls came to, summed in the database: for questions about today; reports read snapshots.

Every sum of money is exact, None where not one row has an amount, and beside it stands how many rows have none:
`unpriced_usd` calls without an amount in USD, `unpriced_clp` calls without one in pesos. A row that sums several
calls counts as many as it has. Periods are half-open in UTC,
and a bare day as the end means that whole day. `within` narrows what is summed: a query with scopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from flexlib.dates import Moment
from flexlib.enums import OF_AN_HOUR
from flexlib.errors import InvalidCall
from flexlib.i18n import _
from flexlib.ledger.db.columns import WIDE, MoneySum, QuarterHour
from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.door import find_ledger
from flexlib.ledger.read.scopes import UsageQuery, usage
from flexlib.ledger.tally.current import are_current, are_there
from flexlib.ledger.tally.fold import fold_changes, may_fold
from flexlib.ledger.tally.parts import find_kind, select_parts
from flexlib.ledger.tally.tables import DAY, SPANS, DayStart, HourStart

if TYPE_CHECKING:
    import pandas as pd


MEASURES = (
    "total_prompt_tokens",
    "total_completion_tokens",
    "total_tokens",
    "total_usd",
    "total_clp",
    "request_count",
    "unpriced_usd",
    "unpriced_clp",
)
"""The columns beside the key of every frame: tokens and counts int64, money Decimal or None."""

KINDS: dict[str, Any] = {
    **dict.fromkeys(("provider", "model", "proxy", "task_type", "usable_type", "usable_key"), "str"),
    **dict.fromkeys(("total_usd", "total_clp"), "object"),
    "date": "datetime64[us]",
    "usable_id": "Int64",
}

Currency = Literal["usd", "clp"]
AMOUNTS = {"usd": STATISTICS.c.amount_in_usd, "clp": STATISTICS.c.amount_in_clp}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def get_total_cost_by_period(
    start: Moment, end: Moment, currency: Currency | None = None, *, within: UsageQuery = usage
) -> Decimal | None | dict[str, Decimal | int | None]:
    """What the period's calls came to: one currency's amount, or both, `usd` and `clp`, with `unpriced_usd` and
    `unpriced_clp`, the calls that each sum lacks. Raises `InvalidCall` for another currency.
    """
    if currency is not None and currency not in AMOUNTS:
        raise InvalidCall(
            _("{currency!r} is not a currency of the ledger; ask for usd or clp.").format(currency=currency)
        )
    ((*__, usd, clp, __, unpriced_usd, unpriced_clp),) = _sum_by(within.between(start, end), [])
    if currency is not None:
        amount: Decimal | None = usd if currency == "usd" else clp
        return amount
    return {"usd": usd, "clp": clp, "unpriced_usd": unpriced_usd, "unpriced_clp": unpriced_clp}


def get_usage_by_provider_and_model(
    start: Moment = None, end: Moment = None, *, within: UsageQuery = usage
) -> pd.DataFrame:
    """A row for each `provider` and `model`, in their order, with `MEASURES`."""
    return _build_frame(["provider", "model"], within.between(start, end))


def get_stats_by_task_type(start: Moment = None, end: Moment = None, *, within: UsageQuery = usage) -> pd.DataFrame:
    """A row for each `task_type`, in its order, with `MEASURES`."""
    return _build_frame(["task_type"], within.between(start, end))


def get_usage_by_proxy(start: Moment = None, end: Moment = None, *, within: UsageQuery = usage) -> pd.DataFrame:
    """A row for each `proxy`, in its order, direct calls (no proxy) last, with `MEASURES`."""
    return _build_frame(["proxy"], within.between(start, end))


def get_usage_by_usable(start: Moment = None, end: Moment = None, *, within: UsageQuery = usage) -> pd.DataFrame:
    """A row for each `usable_type`, `usable_id` and `usable_key`, in this order, with `MEASURES`; nobody comes last."""
    return _build_frame(["usable_type", "usable_id", "usable_key"], within.between(start, end))


def get_usage_by_day(
    start: Moment = None, end: Moment = None, *, zone: tzinfo = timezone.utc, within: UsageQuery = usage
) -> pd.DataFrame:
    """A row for each `date` with a call, the earliest first, with `MEASURES`; the days are those of `zone`.

    A sum of a day keeps its date in every zone. Sums of months have no day: they are the last row, its date NaT.
    """
    if zone is timezone.utc:
        days_of = _sum_by(within.between(start, end), [STATISTICS.c.grain, DayStart(STATISTICS.c.created_at)])
        return _gather_days(
            (None if kind == "month" else moment.replace(tzinfo=None), measures) for kind, moment, *measures in days_of
        )
    grain, quarter = STATISTICS.c.grain, QuarterHour(STATISTICS.c.created_at)
    there, here = (UsageQuery().between(start, end, one) for one in (zone, timezone.utc))
    of_days = sa.or_(
        sa.and_(grain.in_(OF_AN_HOUR), *there.conditions), sa.and_(grain.not_in(OF_AN_HOUR), *here.conditions)
    )
    lows, highs = ([one for one in pair if one] for pair in zip(there.period, here.period, strict=True))
    period = min(lows, default=None), max(highs, default=None)

    def find_day(kind: str, number: int) -> datetime | None:
        moment = (EPOCH + timedelta(minutes=15 * number)).astimezone(zone if kind in OF_AN_HOUR else timezone.utc)
        return None if kind == "month" else datetime(moment.year, moment.month, moment.day)

    rows = _sum_by(within._where(of_days, period=period), [grain, quarter])
    return _gather_days((find_day(kind, number), measures) for kind, number, *measures in rows)


def sum_by_hour(start: Moment, end: Moment = None, *, within: UsageQuery = usage) -> Sequence[Sequence[Any]]:
    """The start of each hour with a call, in UTC, its `provider` and `model`, then `MEASURES`; in no order."""
    keys = [HourStart(STATISTICS.c.created_at), STATISTICS.c.provider, STATISTICS.c.model]
    return _sum_by(within.between(start, end), keys)


def _gather_days(rows: Iterable[tuple[datetime | None, list[Any]]]) -> pd.DataFrame:
    days: dict[datetime | None, list[Any]] = {}
    for day, measures in rows:
        days[day] = [_add(*pair) for pair in zip(days.get(day, [None] * len(measures)), measures, strict=True)]
    return _to_frame(["date"], [(day, *measures) for day, measures in days.items()])


def _sum_by(query: UsageQuery, keys: Sequence[sa.ColumnElement[Any]]) -> Sequence[Sequence[Any]]:
    """The keys and `MEASURES` of each group; one group when there is no key. Out of tallies where they know it."""
    names = _list_columns([*(key for key in keys if not isinstance(key, HourStart)), *query.narrowed])
    kind = find_kind(names)
    coarsest = next((key.span for key in keys if isinstance(key, HourStart)), DAY)
    if (kind, coarsest) not in SPANS:
        kind = None

    def ask(connection: sa.Connection) -> tuple[Sequence[Sequence[Any]], bool]:
        if kind is None or not are_there(connection):
            return connection.execute(_sum_calls(query, keys)).all(), False
        if not are_current(connection):
            return connection.execute(_sum_calls(query, keys)).all(), may_fold(connection)
        parts = select_parts(kind, *query.period, coarsest)
        return connection.execute(_sum_parts(parts, query, keys)).all(), may_fold(connection)

    rows, has_many = query.run(ask)
    if has_many:
        fold_changes(query.ledger or find_ledger())  # for whoever asks next
    return rows


def _sum_calls(query: UsageQuery, keys: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    table = STATISTICS.c
    tokens = (sa.func.sum(one) for one in (table.prompt_tokens, table.completion_tokens, table.total_tokens))
    calls = sa.func.sum(table.requests)
    unpriced = (calls.filter(amount.is_(None)) for amount in AMOUNTS.values())
    measures = (*map(_count, tokens), *map(MoneySum, AMOUNTS.values()), *map(_count, (calls, *unpriced)))
    return sa.select(*keys, *measures).select_from(STATISTICS).where(*query.conditions).group_by(*keys)


def _sum_parts(parts: sa.Subquery, query: UsageQuery, keys: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """The same of the parts: a group whose calls are all gone is none, and one without a priced call has no amount."""

    def move(element: Any, **_: object) -> Any:  # noqa: ANN401
        if isinstance(element, sa.Column) and element.table is STATISTICS:
            return parts.c["start" if element.name == "created_at" else element.name]
        return None

    there = [replacement_traverse(key, {}, move) for key in keys]
    conditions = [replacement_traverse(one, {}, move) for one in query.narrowed]
    prompt, completion, calls = (
        sa.func.sum(parts.c[name]) for name in ("prompt_tokens", "completion_tokens", "requests")
    )
    unpriced = [sa.func.sum(parts.c[f"unpriced_{name}"]) for name in AMOUNTS]
    amounts = (sa.case((calls > none, MoneySum(parts.c[name]))) for name, none in zip(AMOUNTS, unpriced, strict=True))
    measures = (*map(_count, (prompt, completion, prompt + completion)), *amounts, *map(_count, (calls, *unpriced)))
    select = sa.select(*there, *measures).select_from(parts).where(*conditions).group_by(*there)
    return select.having(calls != sa.literal_column("0")) if keys else select


def _list_columns(elements: Iterable[sa.ColumnElement[Any]]) -> set[str]:
    """The columns of calls that they name."""
    found = (one for element in elements for one in iterate(element))
    return {one.name for one in found if isinstance(one, sa.Column) and one.table is STATISTICS}


def _count(total: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """A sum of integers as one, which PostgreSQL makes a decimal; 0 where there are none."""
    return sa.cast(sa.func.coalesce(total, 0), sa.BigInteger)


def _build_frame(names: list[str], query: UsageQuery) -> pd.DataFrame:
    return _to_frame(names, _sum_by(query, [STATISTICS.c[name] for name in names]))


def _to_frame(names: list[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    import pandas as pd

    def place(row: Sequence[Any]) -> list[tuple[bool, Any]]:
        return [(value is None, value) for value in row[: len(names)]]

    ordered = sorted(rows, key=place)
    columns = list(zip(*ordered, strict=True)) or [()] * (len(names) + len(MEASURES))
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=KINDS.get(name, "int64"))
            for name, values in zip([*names, *MEASURES], columns, strict=True)
        }
    )


def _add(one: Any, other: Any) -> Any:  # noqa: ANN401 (counts or amounts; None is no amount)
    if one is None or other is None:
        return other if one is None else one
    return WIDE.add(one, other) if isinstance(one, Decimal) else one + other
