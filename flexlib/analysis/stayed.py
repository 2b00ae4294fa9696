"""The change of one person who stayed, taken apart by model: how much, of what, at which price and, in pesos, at which
exchange rate (see `analysis.compare`)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal

LAST_DIGIT = Decimal("1e-9")
"""Parts are kept to this share of a unit; what is rounded off one part stands in another, so that they add up."""

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Use:
    """What one person spent on one model in a span."""

    amount: Decimal
    """In the unit that is compared; in dollars where pesos are compared."""
    quantity: Decimal | int | None = None
    """How much was used: requests, or tokens, of a department its share of them; None where it was not counted."""
    pesos: Decimal | None = None
    """The same amount in pesos, where those are compared."""
    refunded: Decimal = NOTHING
    """What refunds and credit notes came to, below 0, in the unit that is compared, pesos where those are; it is not in
    the amounts: it is of no use and at the rate of another day, so that with it they would tell neither price nor
    rate."""
    is_part: bool = False
    """Whether it is of some of the calls, or of none: what the others cost is not known."""


UNUSED = Use(NOTHING, 0)


def compare_person(
    old: Mapping[Hashable, Use], new: Mapping[Hashable, Use], orders: dict[str, list[Decimal]]
) -> dict[Hashable, dict[str, Decimal]]:
    """The parts of somebody who stayed, by model, but for refunds; what each order of change gives is added to
    `orders`. Models of which something has no count or no amount are set aside, and the others taken apart among
    themselves; all are where nothing of the others was used on one side."""
    pairs = {model: (old.get(model) or UNUSED, new.get(model) or UNUSED) for model in {**old, **new}}
    counted = {model: pair for model, pair in pairs.items() if all(map(_is_counted, pair))}
    wholes = [sum(pair[side].quantity or 0 for pair in counted.values()) for side in (0, 1)]
    each = [use for pair in pairs.values() for use in pair]
    found = {model: {"unmeasured": other.amount - one.amount} for model, (one, other) in pairs.items()}
    steps: dict[str, list[Decimal]] = {}
    if all(wholes):
        measured, steps = _split_person(counted, Decimal(wholes[0]), Decimal(wholes[1]))
        found |= measured
    spent = [sum((pair[side].amount for pair in pairs.values()), NOTHING) for side in (0, 1)]
    pesos = [sum((pair[side].pesos or NOTHING for pair in pairs.values()), NOTHING) for side in (0, 1)]
    rates = [own / amount for own, amount in zip(pesos, spent, strict=True) if amount]
    if any(use.pesos is not None for use in each):
        # The rate changes before all else, at what was spent then, or after all else.
        first, last = (rates[-1], rates[0]) if rates else (NOTHING, NOTHING)
        steps = {name: [step * rate for rate in (first, last) for step in own] for name, own in steps.items()}
        steps["rate"] = [(first - last) * amount for amount in spent]
    for name, own in steps.items():
        orders[name] = [total + step for total, step in zip(orders.get(name) or [NOTHING] * len(own), own, strict=True)]
    rate = sum(rates, NOTHING) / len(rates) if rates else NOTHING
    return {model: _add_rate(parts, rate, *pairs[model]) for model, parts in found.items()}


def _is_counted(use: Use) -> bool:
    return bool(use.quantity or not use.amount) and not use.is_part


def _split_person(
    pairs: Mapping[Hashable, tuple[Use, Use]], whole: Decimal, later: Decimal
) -> tuple[dict[Hashable, dict[str, Decimal]], dict[str, list[Decimal]]]:
    """Volume, mix and price, by model; and of all models what each order gives. An amount is `whole * share * price`,
    each of the three as it was and as it became.

    A factor's change is multiplied by the two others as both were, as one of them has become, or as both have: over the
    six orders the first and the last come twice each.
    """
    found, sums = {}, [NOTHING] * 4
    for model, (one, other) in pairs.items():
        shares = Decimal(one.quantity or 0) / whole, Decimal(other.quantity or 0) / later
        # A model that only one side has cost then what it costs now: its whole change is one of mix.
        price = one.amount / one.quantity if one.quantity else other.amount / (other.quantity or 1)
        dearer = other.amount / other.quantity if other.quantity else price
        # The mean cost of a unit, by share and price, old or new.
        costs = shares[0] * price, shares[0] * dearer, shares[1] * price, shares[1] * dearer
        sums = [total + cost for total, cost in zip(sums, costs, strict=True)]
        volume = (later - whole) * (2 * costs[0] + costs[1] + costs[2] + 2 * costs[3]) / 6
        mixed, mixed_later = costs[2] - costs[0], costs[3] - costs[1]
        mix = (2 * whole * mixed + whole * mixed_later + later * mixed + 2 * later * mixed_later) / 6
        volume, mix = volume.quantize(LAST_DIGIT), mix.quantize(LAST_DIGIT)
        found[model] = {"volume": volume, "mix": mix, "price": other.amount - one.amount - volume - mix}
    steps = {
        "volume": [(later - whole) * cost for cost in sums],
        "mix": [volume * (sums[2 + place] - sums[place]) for volume in (whole, later) for place in (0, 1)],
        "price": [volume * (sums[place + 1] - sums[place]) for volume in (whole, later) for place in (0, 2)],
    }
    return found, steps


def _add_rate(parts: dict[str, Decimal], rate: Decimal, one: Use, other: Use) -> dict[str, Decimal]:
    """The parts in pesos where those are compared: each at the mean of the person's two rates, and what the change of
    the rate itself moved."""
    if one.pesos is None and other.pesos is None:
        return parts
    parts = {name: (part * rate).quantize(LAST_DIGIT) for name, part in parts.items()}
    return parts | {"rate": convert(other) - convert(one) - sum(parts.values(), NOTHING)}


def convert(use: Use) -> Decimal:
    """What was spent, in the unit that is compared, before anything was refunded."""
    return use.amount if use.pesos is None else use.pesos


def sum_use(use: Use) -> Decimal:
    """What it came to after refunds."""
    return convert(use) + use.refunded
