"""What a month is charged for beside use, in credits, dollars and pesos: fees by their dates, and what bills add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from flexlib.analysis.allocation import Basis, Rule
from flexlib.analysis.chargeback import MONEY, PLACES, ROWS, Amounts, Charge, ChargeLine, LineKey, LineKind, Use
from flexlib.certificate import CreditsCertificate
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.formats import format_amount, format_count, format_number
from flexlib.front.chargeback_rules import DAY, OF_AMOUNT, ChargebackRules, Dated, PoolRule
from flexlib.front.narrow import sum_rows
from flexlib.front.spend import Spend
from flexlib.front.unstored import list_gaps
from flexlib.i18n import _, join_texts, write_number
from flexlib.money.fx import EXACT, USD_CLP, Rates, convert_to_clp, find_rate
from flexlib.proof import State
from flexlib.senders import name_provider
from flexlib.sources.registry import BILLS, WINDSURF
from flexlib.spend.billed import ZERO, Billed, read_charges, read_counts, sum_known
from flexlib.spend.month import MonthUsage


def measure_beside(month: MonthUsage) -> Amounts:
    """What bills come to more than the calls, or less (below 0); empty where there is no bill."""
    if not month.has_bills:
        return {}
    counts = read_counts(month)
    pairs = {
        "usd": (month.bills.spend_usd, sum_known(one.usd for one in counts)),
        "clp": (month.bills.spend_clp, sum_known(one.clp for one in counts)),
    }
    found = {
        unit: EXACT.subtract(spent or ZERO, counted or ZERO)
        for unit, (spent, counted) in pairs.items()
        if spent is not None or counted is not None
    }
    if found.get("usd") and not found.get("clp") and _list_unrated(month):  # its pesos are not known, and not 0
        found.pop("clp", None)
    return found


def list_charges(
    spend: Spend,
    usage: MonthUsage,
    rules: ChargebackRules,
    use: Mapping[LineKey, Use],
    heads: Mapping[LineKey, Fraction],
) -> tuple[list[Charge], list[str]]:
    """What is shared, or stands beside use, and sentences on what is not known of it. Raises `InvalidRequest`."""
    charges, notes = [], list[str]()
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
            charges.append(Charge(one.name, amounts, one.rule, "flex_credits", pays_use=True))
            if taken := -amounts.get("flex_credits", ZERO):
                text = _("{name}: {credits} of the flex credits used are paid with the plan, and are taken off.")
                notes.append(text.format(name=one.name, credits=format_amount(taken)))
            continue
        amounts = _price(one, share, usage)
        if "clp" not in amounts:
            text = _("{name} is not in pesos, because no rate for {day} is stored; run: flexlib fx set {day} VALUE "
                     "--source TEXT")  # fmt: skip
            notes.append(text.format(name=one.name, day=month.first))
        spare, said = _count_spare(one, usage, rules, heads)
        notes += said
        charges.append(Charge(one.name, amounts, one.rule, spare=spare))
    own = {LineKey(LineKind.UNMAPPED): rules.unmapped, LineKey(LineKind.BESIDE): rules.billed_beside}
    told = _tell_pesos_beside(usage)
    for key, rule in own.items():
        amounts = use[key].amounts if key in use else {}
        if key.kind is LineKind.BESIDE and told and "clp" in amounts:
            amounts = {unit: amount for unit, amount in amounts.items() if unit != "clp"}
            notes += told
        if key in use and rule is not Rule.NONE:
            charges.append(Charge(str(key.kind), amounts, rule, source=key))
    return charges, notes


def _tell_pesos_beside(month: MonthUsage) -> list[str]:
    """Why the pesos that bills come to more than the calls are not those of the dollars; empty where they are."""
    name, lacking, unrated = _(str(LineKind.BESIDE)), _count_billed_without_pesos(month), _list_unrated(month)
    told = []
    if lacking:
        text = _("{name}: its pesos are also those of {calls} that have none of their own, so they are not shared.")
        told.append(text.format(name=name, calls=format_count(lacking, "call")))
    if unrated:
        text = _("{name}: its pesos lack what {providers} billed, because no rate for {day} is stored, so they are not "
                 "shared; run: flexlib fx set {day} VALUE --source TEXT")  # fmt: skip
        providers = ", ".join(dict.fromkeys(name_provider(one.provider) for one in unrated))
        told.append(text.format(name=name, providers=providers, day=min(one.first for one in unrated)))
    return told


def _list_unrated(month: MonthUsage) -> list[Billed]:
    """What is billed in dollars that have no rate in pesos."""
    return [one for one in read_charges(month) if one.usd and one.clp is None]


def _count_billed_without_pesos(month: MonthUsage) -> int:
    """Calls of those who sent a bill whose dollars are known and not their pesos: in pesos the bill says those, too."""
    if not month.has_bills:
        return 0
    billed = {one.provider for one in month.bills.providers if one.billed_usd is not None}
    return sum(one.unconverted_requests for one in read_counts(month) if one.provider in billed)


def list_bases(usage: MonthUsage, rules: ChargebackRules) -> dict[str, Basis]:
    """What a seat costs, and how many there are, by the name of the fee; of one that changes within the month, of each
    part of it."""
    days = usage.month.span
    found: dict[str, Basis] = {}
    for one in sorted(rules.pools, key=lambda one: one.first, reverse=True):
        if one.kind == "usd_a_seat" and (share := one.measure_share(days)):
            held = int(share * days.days)
            found[one.name] = Basis(
                usd_a_seat=one.amount,
                seats=count_seats(one, usage) or 0,
                days=None if held == days.days else held,
                then=found.get(one.name),
            )
    return found


def list_end_notes(rules: Iterable[Dated], month: Month) -> list[str]:
    """Sentences on what ends on the first day of the month, which a file that meant the day after would write so."""
    return [
        _("{name} is still charged on {day}, its last day; if it should end before, write until: {before}.").format(
            name=one.name, day=month.first, before=month.first - DAY
        )
        for one in rules
        if one.end == month.first + DAY and one.first < month.first
    ]


def _count_spare(
    one: PoolRule, usage: MonthUsage, rules: ChargebackRules, heads: Mapping[LineKey, Fraction]
) -> tuple[Fraction, list[str]]:
    """The seats of a pool by people that nobody known has, and what there is to say of them: they are the unmapped's,
    or, where a rule shares what is unmapped, everybody's."""
    if one.kind != "usd_a_seat" or one.rule is not Rule.HEAD:
        return Fraction(0), []
    seats, people = count_seats(one, usage) or 0, sum(heads.values(), Fraction(0))
    if seats <= people or not people:
        return Fraction(0), []
    if rules.unmapped is Rule.NONE:
        return seats - people, [
            _(
                "{name}: {spare} of {seats} seats belong to nobody in the organization's file and to nobody who used "
                "anything; they are charged to Unmapped."
            ).format(name=one.name, spare=write_number(f"{float(seats - people):,.1f}"), seats=format_number(seats))
        ]
    return Fraction(0), [
        _(
            "{name}: the fee of {seats} seats is shared among {people} people, all that the organization's file or the "
            "use of the month names, as what is unmapped is shared."
        ).format(name=one.name, seats=format_number(seats), people=write_number(f"{float(people):,.1f}"))
    ]


def _price(one: PoolRule, share: Fraction, usage: MonthUsage) -> dict[str, Decimal]:
    amount = one.amount
    if one.kind == "usd_a_seat":
        seats = count_seats(one, usage)
        if seats is None:
            raise InvalidRequest(
                _(
                    "{name} is US$ {amount} a seat, and without Windsurf's list of {month} nobody knows how many "
                    "there are; give it seats: and their number."
                ).format(name=one.name, amount=one.amount, month=usage.month)
            )
        amount = EXACT.multiply(amount, Decimal(seats))
    usd = _cut(amount, share, PLACES["usd"])
    rate = find_rate(usage.rates.get(USD_CLP, Rates()), usage.month.first)
    return {"usd": usd} | ({"clp": convert_to_clp(usd, rate)} if rate else {})


def count_seats(one: PoolRule, usage: MonthUsage) -> int | None:
    """Those that the rule names, else the people on Windsurf's list; None where there is none."""
    if one.seats is not None:
        return one.seats
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


def list_lacking(usage: MonthUsage) -> frozenset[str]:
    """What may be any line's, as nobody knows whose it is: rows of the month, and of credits those of Windsurf."""
    rows, of_credits = (bool(list_gaps([usage], unit)) for unit in ("usd", "credits"))
    return frozenset([ROWS] * rows + ["flex_credits"] * of_credits)


def list_lacking_beside(usage: MonthUsage) -> frozenset[str]:
    """The same of what is billed beside the calls: rows of a bill, or what has no rate."""
    read = {one.state_of_rows for one in usage.certificates if one.dataset == BILLS.dataset}
    unrated = {made for made, _text in usage.of_bills.bills.list_problems()}
    return frozenset([ROWS] * (State.GAP in read | unrated))


def explain_unpriced(one: Charge, charges: Sequence[Charge], lines: Sequence[ChargeLine]) -> str:
    """That a pool by use passes over calls without a price; empty where it does not."""
    sources = {other.source for other in charges if other.rule is not Rule.NONE}
    lacking = [line for line in lines if "usd" in line.lacks and one.name in line.items and line.key not in sources]
    if one.rule is not Rule.USE or one.measure != "usd" or not lacking:
        return ""
    counts = (format_count(line.unpriced, "call") if line.unpriced else _("parts of calls") for line in lacking)
    said = join_texts((f"{line.name} (" + count + ")" for line, count in zip(lacking, counts, strict=True)), ", ")
    text = _("{name}: calls without a price count for nothing, so these lines have too small a share: {lines}.")
    return text.format(name=one.name, lines=said)
