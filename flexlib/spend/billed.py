"""A month's calls and its bills, summed for each other: by who sends the bill, day and model, in dollars and pesos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any

from flexlib.enums import OF_A_DAY, LlmProxy
from flexlib.money.fx import CLP, USD_CLP, Rate, Rates, convert_to_clp, convert_to_usd, find_rate
from flexlib.money.price_book import name_models
from flexlib.money.unit_prices import EXACT
from flexlib.senders import name_sender
from flexlib.sources.registry import BILLS
from flexlib.store.cache import Basis, recall

if TYPE_CHECKING:
    import duckdb

    from flexlib.certificate import UsageCertificate
    from flexlib.spend.month import MonthUsage

ZERO = Decimal(0)

COUNTS = f"""
    seller, CASE WHEN grain IN {OF_A_DAY} THEN CAST(created_at AS DATE) END AS day, model,
    sum(usd) AS usd, sum(clp) AS clp, sum(calls)::BIGINT AS requests,
    coalesce(sum(calls) FILTER (usd IS NULL), 0)::BIGINT AS unpriced,
    coalesce(sum(greatest(calls, 1)) FILTER (usd IS NOT NULL AND clp IS NULL), 0)::BIGINT AS unconverted,
    bool_or(is_least) AS is_least
"""
"""A row that does not say how many calls it sums is one at least."""

ON_OWN_KEY = f"proxy = '{LlmProxy.OPENROUTER}' AND cost < amount_in_usd"
"""Calls of which OpenRouter billed `cost` alone: the rest the maker charged to the company's own key."""

OF_PROXY = f"""
    coalesce(proxy, provider) AS seller, grain, created_at, model,
    CASE WHEN {ON_OWN_KEY} THEN cost ELSE amount_in_usd END AS usd,
    CASE WHEN {ON_OWN_KEY} THEN round(cost * fx_rate, 4) ELSE amount_in_clp END AS clp, coalesce(requests, 1) AS calls,
    requests IS NULL AS is_least
"""
OF_MAKER = """
    provider AS seller, grain, created_at, model, amount_in_usd - cost AS usd,
    amount_in_clp - round(cost * fx_rate, 4) AS clp, 0 AS calls, false AS is_least
"""

CHARGES = """
    provider, CAST(period_start AS DATE) AS first, CAST(period_end - INTERVAL 1 MICROSECOND AS DATE) AS last, model,
    kind, CASE WHEN kind <> 'usage' THEN line_item END AS name, currency, sum(amount) AS amount,
    CASE WHEN count(list_amount) = count(*) THEN sum(list_amount) END AS listed
"""

REQUESTS = "coalesce(sum(coalesce(requests, 1)){0}, 0)::BIGINT"
UNSIZED = "count(*) FILTER (requests IS NULL AND grain <> 'call')"

SPELLINGS = "spellings of models"
"""What is asked of rows for `name_spellings`."""
MEASURES = {
    "requests": REQUESTS.format(""),
    "requests_at_least": "count(*) > count(requests)",
    "prompt_tokens": "coalesce(sum(prompt_tokens), 0)::BIGINT",
    "completion_tokens": "coalesce(sum(completion_tokens), 0)::BIGINT",
    "unpriced_requests": REQUESTS.format(" FILTER (amount_in_usd IS NULL)"),
}
"""What is counted of rows, as SQL."""


@dataclass(frozen=True)
class Count:
    """The calls of one provider, day and model, and what they cost by themselves or their prices."""

    provider: str
    day: date | None
    """None where a row sums a month."""
    model: str
    usd: Decimal | None
    """Of those with an amount; None where none has one."""
    clp: Decimal | None
    """Of those with pesos."""
    requests: int
    unpriced_requests: int
    unconverted_requests: int = 0
    """Those with dollars and without pesos."""
    is_least: bool = False
    """Whether a row does not say of how many requests it is: the counts are at least so many."""


@dataclass(frozen=True)
class Billed:
    """What one provider billed for one period, model and kind."""

    provider: str
    first: date
    last: date
    """The last day, included."""
    model: str | None
    kind: str
    name: str
    """What the bill calls it, for kinds other than usage."""
    usd: Decimal | None
    """None: of a currency without a rate."""
    clp: Decimal | None
    listed_usd: Decimal | None
    """What the list prices ask for; None where the bill does not say it of all of it."""
    currency: str
    amount: Decimal
    """As it is billed, in `currency`."""
    bills: str | None = None
    """What whoever imported it said that it pays for, as `ChargeMapping` has it."""


def sum_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of those that are known; None where none is."""
    known = [one for one in amounts if one is not None]
    return reduce(EXACT.add, known, ZERO) if known else None


def sum_by_currency(charges: list[Billed]) -> tuple[tuple[str, Decimal], ...]:
    """What is billed in each currency, as it is billed."""
    sums: dict[str, Decimal] = {}
    for one in charges:
        sums[one.currency] = EXACT.add(sums.get(one.currency, ZERO), one.amount)
    return tuple(sorted(sums.items()))


def count_calls(rows: duckdb.DuckDBPyRelation) -> dict[str, int | bool]:
    """How many requests and tokens the rows have, and how many requests without an amount; `requests_at_least`: whether
    a row does not say of how many it is, and counts as one."""
    (counts,) = rows.aggregate(", ".join(MEASURES.values())).fetchall()
    return dict(zip(MEASURES, counts, strict=True))


def count_models(rows: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """As `count_calls`, by `provider` and `model`, with its `spellings` and `counted_usd` (None where no call has an
    amount); the largest amount first."""
    named = rows.select(f"* REPLACE ({name_spellings(rows)} AS model), model AS spelling")
    more = {"spellings": "list_sort(list(DISTINCT spelling))", "counted_usd": "sum(amount_in_usd)"}
    columns = ["provider", "model", *(f"{sql} AS {name}" for name, sql in (MEASURES | more).items())]
    found = named.aggregate(", ".join(columns), "provider, model")
    ordered = found.order("counted_usd DESC NULLS LAST, requests DESC, provider, model")
    return [dict(zip(found.columns, row, strict=True)) for row in ordered.fetchall()]


def name_spellings(rows: duckdb.DuckDBPyRelation, basis: Basis | None = None) -> str:
    """The name of each row's model as SQL: one for all spellings that the price list has as one entry. `basis`: what
    the rows are made of."""

    def find() -> list[tuple[str, str, str]]:
        pairs = rows.select("provider, model").distinct().fetchall()
        return [(*pair, name) for pair, name in name_models(pairs).items() if pair[1] != name]

    # Names and no SQL are kept: whoever may write answers may not run anything.
    quoted = [["'" + text.replace("'", "''") + "'" for text in one] for one in recall(basis, SPELLINGS, find)]
    cases = [f"WHEN provider = {provider} AND model = {model} THEN {name} " for provider, model, name in quoted]
    return f"CASE {''.join(cases)}ELSE model END" if cases else "model"


def read_counts(month: MonthUsage) -> list[Count]:
    """The month's calls, and Windsurf's credits, by who sends the bill: the proxy where there is one, but the maker for
    what it charges to the company's own key."""
    rows = month.rows.select(OF_PROXY).union(month.rows.filter(ON_OWN_KEY).select(OF_MAKER))

    def count() -> list[Any]:
        return rows.aggregate(COUNTS, "seller, day, model").order("seller, day NULLS LAST, model").fetchall()

    found = recall(month.basis, "counts by who sends the bill", count)
    payers = find_payers(month)
    return [Count(payers.get(who := name_sender(seller), who), *others) for seller, *others in found]


def list_paid(said: str | None) -> list[str]:
    """Whose calls a bill pays for, by what `ChargeMapping.bills` says; empty where nobody named them."""
    return [name_sender(one) for one in said.split(",")] if said and said not in ("calls", "other") else []


def find_payers(month: MonthUsage) -> dict[str, str]:
    """Who sends the bill for the calls of a maker, where one bill alone is said to pay for them, and the maker sent
    none."""
    found: dict[str, set[str]] = {}
    own = set[str]()
    for snapshot in month.snapshots if month.has_bills else ():
        if snapshot.dataset == BILLS.dataset:
            pairs = snapshot.relation.aggregate("left(id, 16), provider", "left(id, 16), provider").fetchall()
            own |= {name_sender(provider) for _, provider in pairs}
            for entry in getattr(snapshot.certificate, "files", ()):
                senders = {name_sender(who) for file, who in pairs if file == entry["sha256"][:16]}
                for maker in list_paid(entry["mapping"].get("bills")):
                    found.setdefault(maker, set()).update(senders)
    return {maker: senders.pop() for maker, senders in found.items() if len(senders) == 1 and maker not in own}


def keep_unbilled(certificate: UsageCertificate, rows: duckdb.DuckDBPyRelation, month: MonthUsage) -> UsageCertificate:
    """What `certificate` says of the money of `rows` as far as it is unknown in the month: of those without an amount
    that a bill covers nothing is."""
    lacking = {one.provider for one in month.bills.providers if one.is_at_least}
    payers = find_payers(month)

    def is_unknown(seller: str) -> bool:
        return payers.get(who := name_sender(seller), who) in lacking

    sums = f"coalesce(proxy, provider) AS seller, {REQUESTS.format('')} AS calls, {UNSIZED} AS unsized"
    found = rows.filter("amount_in_usd IS NULL").aggregate(sums, "coalesce(proxy, provider)").fetchall()
    left = [counts for seller, *counts in found if is_unknown(seller)]
    unpriced = tuple(one for one in certificate.unpriced if is_unknown(one["proxy"] or one["provider"]))
    calls, unsized = (sum(one[place] for one in left) for place in (0, 1))
    return replace(certificate, unpriced_requests=calls, unsized_rows=unsized, unpriced=unpriced)


def read_charges(month: MonthUsage) -> Iterator[Billed]:
    """The month's charges in dollars and pesos, by the kept rates of the day on which their period begins."""
    pesos = month.rates.get(USD_CLP, Rates())
    for snapshot in month.snapshots:
        if snapshot.dataset != BILLS.dataset:
            continue
        files = getattr(snapshot.certificate, "files", ())
        said = {entry["sha256"][:16]: entry["mapping"].get("bills") for entry in files}
        cases = " ".join(f"WHEN '{file}' THEN '{bills}'" for file, bills in said.items() if bills)
        beside = f"CASE split_part(id, '-', 1) {cases} END AS bills" if cases else "NULL::VARCHAR AS bills"
        keys = "provider, first, last, model, kind, name, currency, bills"
        rows = snapshot.relation.aggregate(f"{CHARGES}, {beside}", keys).order(keys).fetchall()
        for provider, first, last, model, kind, name, currency, amount, listed, bills in rows:
            usd = convert_to_usd(amount, currency, first, month.rates)
            clp = amount if currency == CLP else _convert_to_pesos(usd, find_rate(pesos, first))
            in_list = None if listed is None else convert_to_usd(listed, currency, first, month.rates)
            who = name_sender(provider)
            yield Billed(who, first, last, model, kind, name or "", usd, clp, in_list, currency, amount, bills)


def _convert_to_pesos(usd: Decimal | None, rate: Rate | None) -> Decimal | None:
    return None if usd is None or rate is None else convert_to_clp(usd, rate)
