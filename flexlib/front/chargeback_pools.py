"""What a month is charged with beside use, in credits, dollars and pesos: fees by their dates, and what bills add."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from flexlib.analysis.allocation import Number, Rule
from flexlib.analysis.chargeback import MONEY, PLACES, Amounts, Charge, LineKey, LineKind, Use
from flexlib.certificate import CreditsCertificate
from flexlib.errors import InvalidRequest
from flexlib.front.chargeback_rules import OF_AMOUNT, ChargebackRules, PoolRule
from flexlib.front.organization import IS_PERSON
from flexlib.front.spend import Spend, sum_rows
from flexlib.money.fx import EXACT, USD_CLP, Rates, convert_to_clp, find_rate
from flexlib.sources.registry import WINDSURF
from flexlib.spend.billed import ZERO, read_counts, sum_known
from flexlib.spend.month import MonthUsage
from flexlib.store.membership import LEVELS, PERSON

PEOPLE = f"source = '{WINDSURF.name}' OR {IS_PERSON}"
"""Rows of people; applications and keys are none."""


def count_heads(spend: Spend, key: str) -> dict[str, Number]:
    """How many people each part has: by the organization's file where there is one, each by the days on which they were
    there; else those with use, who count in several parts by as much in each."""
    heads: dict[str, Number] = {}
    if spend.organization and key in LEVELS:
        days = spend.span
        for who, held in spend.organization.held.items():
            for one in held if who.startswith(f"{PERSON}\x1f") and not who.endswith("*") else ():
                there = min(one.last, days.last).toordinal() - max(one.first, days.first).toordinal() + 1
                for share, place in one.parts if there > 0 else ():
                    if name := getattr(place, key):
                        heads[name] = Fraction(heads.get(name, 0)) + share * Fraction(there, days.days)
        return heads
    table = sum_rows(spend, list(dict.fromkeys((key, "user"))), PEOPLE)
    pairs = [(str(part), str(user)) for part, user in zip(table[key], table["user"], strict=True) if not pd.isna(part)]
    times = Counter(user for _, user in pairs)
    for part, user in pairs:
        heads[part] = Fraction(heads.get(part, 0)) + Fraction(1, times[user])
    return heads


def measure_beside(month: MonthUsage) -> Amounts:
    """What bills come to more than the calls, or less (below 0); empty where there is no bill."""
    if not month.has_bills:
        return {}
    counts = read_counts(month)
    pairs = {
        "usd": (month.bills.spend_usd, sum_known(one.usd for one in counts)),
        "clp": (month.bills.spend_clp, sum_known(one.clp for one in counts)),
    }
    return {
        unit: EXACT.subtract(spent or ZERO, counted or ZERO)
        for unit, (spent, counted) in pairs.items()
        if spent is not None or counted is not None
    }


def list_charges(
    spend: Spend, usage: MonthUsage, rules: ChargebackRules, use: Mapping[LineKey, Use]
) -> tuple[list[Charge], list[str]]:
    """What is shared, or stands beside use, and sentences on what is not known of it. Raises `InvalidRequest`."""
    charges, notes = [], []
    credits_left = _measure_credits(spend)
    month = spend.span.months[0]
    for one in rules.pools:
        share = one.measure_share(month.span)
        if one.kind == "line":
            key = LineKey(LineKind.PART, one.line or "")
            if one.first <= month.last < one.end and key in use:
                charges.append(Charge(one.name, use[key].amounts, one.rule, source=key))
            continue
        assert one.kind in OF_AMOUNT
        if not share:
            continue
        if one.kind == "plan_credits":
            amounts, credits_left = _take_off(one, share, credits_left)
            charges.append(Charge(one.name, amounts, one.rule, "flex_credits"))
            continue
        amounts = _price(one, share, usage)
        if "clp" not in amounts:
            notes.append(
                f"{one.name} is not in pesos, because no rate of {month.first} is stored; "
                f"run: flexlib fx set {month.first} VALUE --source TEXT"
            )
        charges.append(Charge(one.name, amounts, one.rule))
    own = {LineKey(LineKind.UNMAPPED): rules.unmapped, LineKey(LineKind.BESIDE): rules.billed_beside}
    charges += [
        Charge(str(key.kind), use[key].amounts, rule, source=key)
        for key, rule in own.items()
        if key in use and rule is not Rule.NONE
    ]
    return charges, notes


def list_seat_notes(usage: MonthUsage, rules: ChargebackRules, heads: Mapping[str, Number]) -> list[str]:
    """Sentences on seats that are charged to fewer people than have one."""
    people = float(sum(Fraction(one) for one in heads.values()))
    notes = []
    for one in rules.pools:
        if one.kind == "usd_a_seat" and one.rule is Rule.HEAD and one.measure_share(usage.month.span):
            seats = _count_seats(usage) if one.seats is None else one.seats
            if seats is not None and seats > people + 1:
                notes.append(
                    f"{one.name}: the fee of {seats:,} seats is shared among {people:,.1f} people, all that the "
                    "organization's file or the use of the month names; nobody else pays for a seat."
                )
    return notes


def _price(one: PoolRule, share: Fraction, usage: MonthUsage) -> dict[str, Decimal]:
    amount = one.amount
    if one.kind == "usd_a_seat":
        seats = _count_seats(usage) if one.seats is None else one.seats
        if seats is None:
            raise InvalidRequest(
                f"{one.name} is US$ {one.amount} a seat, and without Windsurf's list of {usage.month} nobody knows how "
                "many there are; give it seats: and their number."
            )
        amount = EXACT.multiply(amount, Decimal(seats))
    usd = _cut(amount, share, PLACES["usd"])
    rate = find_rate(usage.rates.get(USD_CLP, Rates()), usage.month.first)
    return {"usd": usd} | ({"clp": convert_to_clp(usd, rate)} if rate else {})


def _count_seats(usage: MonthUsage) -> int | None:
    found = [one.users_asked for one in usage.certificates if isinstance(one, CreditsCertificate)]
    return found[0] if found else None


def _measure_credits(spend: Spend) -> Amounts:
    """The month's flex credits and what they cost."""
    row = sum_rows(spend, (), f"source = '{WINDSURF.name}'").iloc[0]
    return {unit: row[unit] for unit in ("flex_credits", *MONEY) if row[unit] is not None}


def _take_off(one: PoolRule, share: Fraction, used: Amounts) -> tuple[Amounts, Amounts]:
    """What plan credits take off, in every unit the same share of what was used; and what is left of that."""
    there = used.get("flex_credits", ZERO)
    taken = min(_cut(one.amount, share, PLACES["flex_credits"]), there)
    part = Fraction(taken) / Fraction(there) if there else Fraction(0)
    off = {unit: -_cut(amount, part, PLACES[unit]) for unit, amount in used.items()}
    return off, {unit: EXACT.add(amount, off[unit]) for unit, amount in used.items()}


def _cut(amount: Decimal, share: Fraction, places: int) -> Decimal:
    """The share of an amount, rounded once (half to even)."""
    return EXACT.scaleb(Decimal(round(Fraction(amount) * share * 10**places)), -places)
