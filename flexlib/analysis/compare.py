"""Why a sum changed: the difference of two spans taken apart by person and model, exactly, into parts that add up.

Who is new and who is gone count whole. For those who stayed the change is the exact Shapley value of three factors, the
average over all orders in which they could have changed: how much was used (`volume`), of which models (`mix`), and
what a unit of each cost (`price`); money in pesos has a fourth part, the exchange rate (`rate`). It is an accounting,
not a cause: `Change.ranges` tells how far another order would have moved each part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from flexlib.analysis.credits import credits_by_user_and_model
from flexlib.analysis.frames import read_rows
from flexlib.i18n import mark_text

PARTS = ("new", "gone", "volume", "mix", "price", "rate", "unmeasured")
"""New and gone people; of those who stayed how much, of what, at which price, at which exchange rate; and what cannot
be taken apart, since it has no count or is known of some calls only."""

SAID = {
    "volume": mark_text("how much they used"),
    "mix": mark_text("which models they chose"),
    "price": mark_text("what a request or token of each cost"),
    "rate": mark_text("the exchange rate"),
    "unmeasured": mark_text("what lacks a count or an amount"),
}
"""What each part of those who stayed is, on the console and the page alike."""

EXACT = Context(prec=50)
"""Digits enough that a quotient of two sums of a company's lifetime is right to the last one kept."""

METHOD = mark_text(
    "An accounting, not a cause: the parts of those who stayed are means over all orders of change (Shapley values)."
)

LAST_DIGIT = Decimal("1e-9")
"""Parts are kept to this share of a unit; what is rounded off one part stands in another, so that they add up."""

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Use:
    """What one person spent on one model in a span."""

    amount: Decimal
    """In the unit that is compared; in dollars where pesos are compared."""
    quantity: int | None = None
    """How much was used: requests, or tokens; None where it was not counted."""
    pesos: Decimal | None = None
    """The same amount in pesos, where those are compared."""
    is_part: bool = False
    """Whether it is of some of the calls, or of none: what the others cost is not known."""


UNUSED = Use(NOTHING, 0)


@dataclass(frozen=True)
class Change:
    """The difference of two spans and its parts; every level sums to it exactly."""

    before: Decimal
    after: Decimal
    cells: Mapping[tuple[Hashable, Hashable], Mapping[str, Decimal]]
    """The parts by person and model, of who is new or gone that one alone."""
    people: Mapping[str, int]
    """How many spenders are `new`, `gone`, `stayed`."""
    ranges: Mapping[str, tuple[Decimal, Decimal]]
    """Of `volume`, `mix` and `price`, in the unit of `Use.amount`: the least and the most that an order gives."""
    names: Sequence[str] = PARTS
    """The parts that there may be; of two versions of a month `versions.VERSION_PARTS`, and `people` counts rows."""
    method: str = METHOD

    @property
    def is_of_versions(self) -> bool:
        """Whether it is of what was stored twice of one month, and not of two spans."""
        return self.names is not PARTS

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    def sum_parts(self) -> dict[str, Decimal]:
        """Each of `names` over everybody; they sum to `difference`."""
        return self._sum_parts(self.cells.values())

    def sum_by_person(self) -> dict[Hashable, dict[str, Decimal]]:
        """The parts of each person, the largest change first."""
        return self._sum_by(0)

    def sum_by_model(self) -> dict[Hashable, dict[str, Decimal]]:
        """The parts of each model, the largest change first."""
        return self._sum_by(1)

    def _sum_by(self, place: int) -> dict[Hashable, dict[str, Decimal]]:
        groups: dict[Hashable, list[Mapping[str, Decimal]]] = defaultdict(list)
        for key, parts in self.cells.items():
            groups[key[place]].append(parts)
        summed = {key: self._sum_parts(parts) for key, parts in groups.items()}
        return dict(sorted(summed.items(), key=lambda one: (-abs(sum(one[1].values(), NOTHING)), str(one[0]))))

    def _sum_parts(self, cells: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
        sums = dict.fromkeys(self.names, NOTHING)
        for parts in cells:
            for name, part in parts.items():
                sums[name] += part
        return sums


Uses = Mapping[Any, Mapping[Any, Use]]
"""By person, then by model."""


def take_apart(before: Uses, after: Uses) -> Change:
    """The change from `before` to `after`, see the module; a person who spent nothing on one side is new or gone.

    Taken the other way round every part has the other sign, `new` and `gone` change places.

    >>> from decimal import Decimal
    >>> august = {"ana": {"opus": Use(Decimal(100), 10)}, "ben": {"opus": Use(Decimal(30), 3)}}
    >>> september = {"ana": {"opus": Use(Decimal(180), 12)}, "eva": {"gpt-4": Use(Decimal(5), 1)}}
    >>> {name: str(part) for name, part in take_apart(august, september).sum_parts().items() if part}
    {'new': '5', 'gone': '-30', 'volume': '25.000000000', 'price': '55.000000000'}
    """
    with localcontext(EXACT):
        return _take_apart(before, after)


def compare_credits(before: object, after: object) -> Change:
    """The change from one month's rows of `schema.CREDITS` to another's, by user and model, in flex credits.

    `before` and `after` are frames of any kind that `credits_by_user_and_model` sums.
    """
    return take_apart(*(_read_uses(rows) for rows in (before, after)))


def round_parts(parts: Mapping[str, Decimal], places: int) -> dict[str, Decimal]:
    """The parts with so many decimals, their sum that of the exact ones: what is over goes where most was cut off.

    >>> round_parts({"new": Decimal("1.004"), "gone": Decimal("-0.996"), "mix": Decimal("0.004")}, 2)
    {'new': Decimal('1.01'), 'gone': Decimal('-1.00'), 'mix': Decimal('0.00')}
    """
    unit = Decimal(1).scaleb(-places)
    cut = {name: part.quantize(unit, ROUND_FLOOR) for name, part in parts.items()}
    whole = sum(parts.values(), Decimal(0)).quantize(unit, ROUND_HALF_UP)
    over = int((whole - sum(cut.values())) / unit)
    most = sorted(parts, key=lambda name: cut[name] - parts[name])[:over]
    return {name: part + unit * (name in most) for name, part in cut.items()}


def _read_uses(rows: object) -> Uses:
    uses: dict[Any, dict[Any, Use]] = defaultdict(dict)
    for row in read_rows(credits_by_user_and_model(rows)):
        uses[row["user"]][row["model_uid"]] = Use(Decimal(row["flex_credits"]) / 100, row["requests"])
    return uses


def _take_apart(before: Uses, after: Uses) -> Change:
    cells: dict[tuple[Hashable, Hashable], dict[str, Decimal]] = {}
    orders: dict[str, list[Decimal]] = {name: [NOTHING] * 4 for name in ("volume", "mix", "price")}
    people = {"new": 0, "gone": 0, "stayed": 0}
    for person in {**before, **after}:
        old, new = before.get(person, {}), after.get(person, {})
        was, is_ = (any(_convert(use) or use.is_part for use in side.values()) for side in (old, new))
        if not (was or is_):
            continue
        kind = "stayed" if was and is_ else "new" if is_ else "gone"
        people[kind] += 1
        if kind == "stayed":
            parts_by_model = _compare_person(old, new, orders)
        else:
            sign, spent = (1, new) if kind == "new" else (-1, old)
            parts_by_model = {model: {kind: sign * _convert(use)} for model, use in spent.items()}
        cells |= {(person, model): parts for model, parts in parts_by_model.items()}
    rounded = {name: [total.quantize(LAST_DIGIT) for total in sums] for name, sums in orders.items()}
    ranges = {name: (min(sums), max(sums)) for name, sums in rounded.items()}
    return Change(_sum_uses(before), _sum_uses(after), cells, people, ranges)


def _compare_person(
    old: Mapping[Hashable, Use], new: Mapping[Hashable, Use], orders: dict[str, list[Decimal]]
) -> dict[Hashable, dict[str, Decimal]]:
    """The parts of somebody who stayed, by model; what each order of change gives is added to `orders`."""
    pairs = {model: (old.get(model) or UNUSED, new.get(model) or UNUSED) for model in {**old, **new}}
    wholes = [sum(pair[side].quantity or 0 for pair in pairs.values()) for side in (0, 1)]
    each = [use for pair in pairs.values() for use in pair]
    is_counted = all(wholes) and all((use.quantity or not use.amount) and not use.is_part for use in each)
    if is_counted:
        found = _split_person(pairs, Decimal(wholes[0]), Decimal(wholes[1]), orders)
    else:
        found = {model: {"unmeasured": other.amount - one.amount} for model, (one, other) in pairs.items()}
    rates = [sum(pair[side].pesos or NOTHING for pair in pairs.values()) / spent
             for side in (0, 1) if (spent := sum((pair[side].amount for pair in pairs.values()), NOTHING))]  # fmt: skip
    rate = sum(rates, NOTHING) / len(rates) if rates else NOTHING
    return {model: _add_rate(parts, rate, *pairs[model]) for model, parts in found.items()}


def _split_person(
    pairs: Mapping[Hashable, tuple[Use, Use]], whole: Decimal, later: Decimal, orders: dict[str, list[Decimal]]
) -> dict[Hashable, dict[str, Decimal]]:
    """Volume, mix and price: an amount is `whole * share * price`, each of the three as it was and as it became.

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
    for name, moved in steps.items():
        orders[name] = [total + step for total, step in zip(orders[name], moved, strict=True)]
    return found


def _add_rate(parts: dict[str, Decimal], rate: Decimal, one: Use, other: Use) -> dict[str, Decimal]:
    """The parts in pesos where those are compared: each at the mean of the person's two rates, and what the change of
    the rate itself moved."""
    if one.pesos is None and other.pesos is None:
        return parts
    parts = {name: (part * rate).quantize(LAST_DIGIT) for name, part in parts.items()}
    return parts | {"rate": _convert(other) - _convert(one) - sum(parts.values(), NOTHING)}


def _convert(use: Use) -> Decimal:
    return use.amount if use.pesos is None else use.pesos


def _sum_uses(uses: Uses) -> Decimal:
    return sum((_convert(use) for models in uses.values() for use in models.values()), NOTHING)
