"""Amounts that a call does not bring: USD by its cost or the price book, pesos by the kept rates, with the sources.

The one place that fills amounts, for one call and for a table of them, by the same rules and to the last digit alike:
an amount that is there stays; where there is none in USD, the cost is it where the seller's own unit is the dollar, and
else the price book says it; pesos follow at the kept rate of the call's day in Santiago, and are 0 of nothing, which no
rate is needed for;
a sum of a day or a month has no hour, and takes the rate of the date that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flexlib.enums import OF_AN_HOUR, SOURCE_REASONS, LlmProxy
from flexlib.i18n import mark_text
from flexlib.money.extra_counts import BASE_COUNTS, EXTRA_COUNTS
from flexlib.money.fx import AT_ANY_RATE, Rates, convert_rows, convert_to_clp, find_rate
from flexlib.money.price_book import PriceBook
from flexlib.money.prices import Price, price_call

if TYPE_CHECKING:
    import pyarrow as pa


PAID_IN_USD = frozenset({None, LlmProxy.OPENROUTER})
"""Proxies (None: none) whose own unit is the dollar: there the cost that the seller states is the amount."""

PRICED_BY = ("provider", "model", "proxy", "task_type", "tier", "created_at", "requests", *BASE_COUNTS, *EXTRA_COUNTS)
"""The columns that decide what a call costs by a list."""

PRICE = ("price_source", "price_date")
RATE = ("fx_rate", "fx_date", "fx_source")
FILLED = ("amount_in_usd", "amount_in_clp", *PRICE, "unpriced", *RATE, "unconverted")
"""The columns that are filled: the amounts, and where each is from or why there is none."""

ZERO_BESIDE_TOKENS = "amount_in_usd = 0 AND price_source IS NULL AND total_tokens > 0 AND NOT ends_with(model, ':free')"
"""In SQL: the source itself gave an amount of exactly 0 for tokens. Some sources write it for what they do not know."""

NO_RATE = mark_text("no exchange rate is known for the day of the call")


def fill_call(
    call: Mapping[str, Any] | tuple[Any, ...],
    rates: Rates,
    book: PriceBook | None = None,
    *,
    unconverted: str = NO_RATE,
) -> dict[str, Any]:
    """The columns `FILLED` of one call, whose fields are those of the usage schema, by name or as a named tuple.

    A field that is not there is as if it were None, and `requests` as if it were 1. `book`: by default the installed
    one. `unconverted`: what to say where there are dollars and no rate for them. Filled again with the same books, a
    call stays as it is; the reasons are found again. Raises `BadRecord` for counts that cannot be.
    """
    values: Mapping[str, Any] = call if isinstance(call, Mapping) else call._asdict()  # type: ignore[attr-defined]
    read: Callable[..., Any] = values.get
    filled = {name: read(name) for name in FILLED} | {"unpriced": None, "unconverted": None}
    usd = filled["amount_in_usd"]
    if usd is None and read("proxy") in PAID_IN_USD:
        usd = read("cost")
    if usd is None and read("unpriced") in SOURCE_REASONS:
        filled["unpriced"] = read("unpriced")
    elif usd is None:
        answer = price_call(
            read("provider"),
            read("model"),
            read("created_at"),
            prompt_tokens=read("prompt_tokens"),
            completion_tokens=read("completion_tokens"),
            cached_tokens=read("cached_tokens"),
            cache_write_tokens=read("cache_write_tokens"),
            extra_counts={name: read(name) for name in EXTRA_COUNTS},
            task_type=read("task_type"),
            tier=read("tier"),
            proxy=read("proxy"),
            requests=read("requests", 1),
            book=book,
        )
        if isinstance(answer, Price):
            usd = answer.amount_usd
            filled |= {"price_source": answer.source, "price_date": answer.date}
        else:
            filled |= {"price_source": None, "price_date": None, "unpriced": answer.reason}
    filled["amount_in_usd"] = usd
    if usd is not None and filled["amount_in_clp"] is None:
        moment = read("created_at")
        rate = find_rate(rates, moment if read("grain", "call") in OF_AN_HOUR else moment.date())
        if rate is not None:
            filled["amount_in_clp"] = convert_to_clp(usd, rate)
            filled |= {"fx_rate": rate.value, "fx_date": rate.day, "fx_source": rate.source}
        elif usd == 0:
            filled |= {"amount_in_clp": Decimal(0), "fx_source": AT_ANY_RATE}
        else:
            filled["unconverted"] = unconverted
    return filled


def fill_rows(rows: pa.Table, rates: Rates, book: PriceBook | None = None, *, unconverted: str = NO_RATE) -> pa.Table:
    """The rows, in the columns of the usage schema, with `FILLED` filled: each as `fill_call` fills it alone.

    Raises `BadRecord` for counts that cannot be.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not rows.num_rows:
        return rows
    old = {name: rows[name].combine_chunks() for name in FILLED}
    given = _take_cost(rows)
    open_rows = pc.is_null(given)
    unpriced = old["unpriced"]
    if unpriced.null_count < len(unpriced):  # reasons of before, which are found again, or the source's own
        is_own = pc.is_in(unpriced, value_set=pa.array(SOURCE_REASONS))
        unpriced = pc.if_else(pc.and_(open_rows, is_own), unpriced, None)
        open_rows = pc.and_(open_rows, pc.is_null(unpriced))
    priced = _price_open(rows, open_rows, book)
    usd = pc.coalesce(given, priced["amount_in_usd"])
    converted = convert_rows(pa.table({"created_at": _list_moments(rows), "amount_in_usd": usd}), rates)
    pesos = pc.coalesce(old["amount_in_clp"], converted["amount_in_clp"].combine_chunks())
    by_rate = pc.and_(pc.is_null(old["amount_in_clp"]), pc.is_valid(pesos))
    no_rate = pc.and_(pc.is_valid(usd), pc.is_null(pesos))
    return _replace(
        rows,
        amount_in_usd=usd,
        amount_in_clp=pesos,
        **{name: pc.if_else(open_rows, priced[name], old[name]) for name in PRICE},
        unpriced=pc.coalesce(priced["unpriced"], unpriced),
        **{name: pc.if_else(by_rate, converted[name].combine_chunks(), old[name]) for name in RATE},
        unconverted=pc.if_else(no_rate, pa.scalar(unconverted), pa.scalar(None, pa.string())),
    )


def find_unknown_zeros(files: Iterable[Mapping[str, Any]] = ()) -> str:
    """In SQL: the rows of `ZERO_BESIDE_TOKENS` of the proxies of those `files` of a certificate whose mappings do not
    say that their 0 is known: of what Cursor includes, nothing is unknown. What was recorded has no files.
    """
    mappings = [one.get("mapping", {}) for one in files]
    unknown = [one for one in mappings if one.get("amount_zero") != "known" and "not_billed" not in one]
    if not mappings or any("proxy_column" in one for one in unknown):
        return ZERO_BESIDE_TOKENS
    proxies = {one.get("proxy", "") for one in unknown} | {"" for one in unknown if "direct" in one}
    told = ", ".join(f"'{one}'" for one in sorted(proxies))
    return f"{ZERO_BESIDE_TOKENS} AND coalesce(proxy, '') IN ({told})" if told else "false"


def drop_filled(rows: pa.Table) -> pa.Table:
    """The rows as their source said them, whatever has been filled in since: to compare calls of the same id.

    A cost in USD stands as the amount, filled or not.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    said = {
        name: pc.if_else(pc.is_null(rows[source].combine_chunks()), rows[name].combine_chunks(), None)
        for name, source in (("amount_in_usd", "price_source"), ("amount_in_clp", "fx_source"))
    }
    empty = {name: pa.nulls(len(rows), rows.schema.field(name).type) for name in FILLED if name not in said}
    dropped = _replace(rows, **said, **empty)
    return _replace(dropped, amount_in_usd=_take_cost(dropped))


def _take_cost(rows: pa.Table) -> pa.Array:
    """The amount in USD as it is given: by itself, or as the cost where the seller's unit is the dollar."""
    import pyarrow as pa
    import pyarrow.compute as pc

    proxies = pa.array([None if one is None else str(one) for one in PAID_IN_USD], pa.string())
    in_usd = pc.is_in(rows["proxy"].combine_chunks(), value_set=proxies)
    usd, cost = (rows[name].combine_chunks() for name in ("amount_in_usd", "cost"))
    return pc.coalesce(usd, pc.if_else(in_usd, cost, None))


def _list_moments(rows: pa.Table) -> pa.Array:
    """When each row was, to find its rate: of a sum of a day or a month noon of the date that it names, which is of
    that date in Santiago too, where UTC's midnight is the evening before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = rows["created_at"].combine_chunks()
    is_moment = pc.is_in(rows["grain"].combine_chunks(), value_set=pa.array(OF_AN_HOUR))
    if pc.all(is_moment).as_py():
        return moments
    noon = pc.add(pc.floor_temporal(moments, unit="day"), pa.scalar(timedelta(hours=12), pa.duration("us")))
    return pc.if_else(is_moment, moments, noon.cast(moments.type))


def _price_open(rows: pa.Table, open_rows: pa.Array, book: PriceBook | None) -> dict[str, pa.Array]:
    """What the book says of the rows without an amount, and null for the others: no book is asked about those."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from flexlib.money.price_table import price_rows

    calls = rows.select([name for name in rows.column_names if name in PRICED_BY])
    priced = price_rows(calls if pc.all(open_rows).as_py() else calls.filter(open_rows), book)
    return {
        name: pc.replace_with_mask(pa.nulls(len(rows), values.type), open_rows, values.combine_chunks())
        for name, values in zip(priced.column_names, priced.columns, strict=True)
    }


def _replace(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_arrays([columns.get(name, rows[name]) for name in rows.column_names], schema=rows.schema)
