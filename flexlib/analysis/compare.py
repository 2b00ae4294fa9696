"""Why a sum changed: the difference of two spans taken apart by person and model, exactly, into parts that add up.

Who is new and who is gone count whole. For those who stayed the change is the exact Shapley value of three factors, the
average over all orders in which they could have changed: how much was used (`volume`), of which models (`mix`), and
what a unit of each cost (`price`); money in pesos has a fourth part, the exchange rate (`rate`). What was refunded to
them is a part of its own (`refunds`). It is an accounting, not a cause: `Change.ranges` tells how far another order
would have moved each part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from typing import Any

from flexlib.analysis.credits import credits_by_user_and_model
from flexlib.analysis.frames import read_rows
from flexlib.analysis.stayed import LAST_DIGIT as LAST_DIGIT
from flexlib.analysis.stayed import NOTHING as NOTHING
from flexlib.analysis.stayed import UNUSED, compare_person, convert, sum_use
from flexlib.analysis.stayed import Use as Use
from flexlib.formats import round_amount
from flexlib.i18n import mark_text

PARTS = ("new", "gone", "volume", "mix", "price", "rate", "refunds", "unmeasured")
"""New and gone people; of those who stayed how much, of what, at which price, at which exchange rate, and what they got
back; and what cannot be taken apart: somebody's use of a model that has no count, or is known of some calls only, or of
one side."""

SAID = {
    "volume": mark_text("how much they used"),
    "mix": mark_text("which models they chose"),
    "price": mark_text("what a request or token of each cost"),
    "rate": mark_text("the exchange rate"),
    "refunds": mark_text("refunds and credit notes"),
    "unmeasured": mark_text("what is not all counted or priced"),
}
"""What each part is that is not of who came or went, on the console and the page alike."""

OF_WHOMEVER = ("refunds", "unmeasured")
"""The parts that are no use of those who stayed: what was given back, but where it counts with who is new or gone, and
what nobody can take apart."""

OF_STAYED = tuple(name for name in SAID if name not in OF_WHOMEVER)

EXACT = Context(prec=50)
"""Digits enough that a quotient of two sums of a company's lifetime is right to the last one kept."""

METHOD = mark_text(
    "An accounting, not a cause: the parts of those who stayed are means over all orders of change (Shapley values)."
)


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
    """Of `volume`, `mix` and `price`, in pesos of `rate`, too: the least and the most that an order gives. The rate is
    the first to change, or the last."""
    names: Sequence[str] = PARTS
    """The parts that there may be; of two versions of a month `versions.VERSION_PARTS`, and `people` counts rows."""
    method: str = METHOD
    is_running: bool = False
    """Whether the span after was not over when it was read: who is `gone` may still come."""

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


def take_apart(before: Uses, after: Uses, unknown: Collection[Hashable] = ()) -> Change:
    """The change from `before` to `after`, see the module; a person who spent nothing on one side is new or gone, and
    one who spent nothing on either and got something back is neither.
    `unknown`: people of whom not all is known on both sides; whatever they moved is unmeasured, and they count nowhere.

    Taken the other way round every part has the other sign, `new` and `gone` change places.

    >>> from decimal import Decimal
    >>> august = {"ana": {"opus": Use(Decimal(100), 10)}, "ben": {"opus": Use(Decimal(30), 3)}}
    >>> september = {"ana": {"opus": Use(Decimal(180), 12)}, "eva": {"gpt-4": Use(Decimal(5), 1)}}
    >>> {name: str(part) for name, part in take_apart(august, september).sum_parts().items() if part}
    {'new': '5', 'gone': '-30', 'volume': '25.000000000', 'price': '55.000000000'}
    """
    with localcontext(EXACT):
        return _take_apart(before, after, unknown)


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
    whole = round_amount(sum(parts.values(), NOTHING), str(unit))
    over = int((whole - sum(cut.values())) / unit)
    most = sorted(parts, key=lambda name: cut[name] - parts[name])[:over]
    return {name: part + unit * (name in most) for name, part in cut.items()}


def _read_uses(rows: object) -> Uses:
    uses: dict[Any, dict[Any, Use]] = defaultdict(dict)
    for row in read_rows(credits_by_user_and_model(rows)):
        uses[row["user"]][row["model_uid"]] = Use(Decimal(row["flex_credits"]) / 100, row["requests"])
    return uses


def _take_apart(before: Uses, after: Uses, unknown: Collection[Hashable]) -> Change:
    cells: dict[tuple[Hashable, Hashable], dict[str, Decimal]] = {}
    orders: dict[str, list[Decimal]] = {name: [] for name in ("volume", "mix", "price")}
    people = {"new": 0, "gone": 0, "stayed": 0}
    for person in {**before, **after}:
        old, new = before.get(person, {}), after.get(person, {})
        was, is_ = (any(convert(use) or use.is_part for use in side.values()) for side in (old, new))
        if not any((was, is_, *(use.refunded for side in (old, new) for use in side.values()))):
            continue
        both = {model: (old.get(model) or UNUSED, new.get(model) or UNUSED) for model in {**old, **new}}
        if person in unknown:
            for model, (one, other) in both.items():
                cells[person, model] = {"unmeasured": sum_use(other) - sum_use(one)}
            continue
        parts_by_model: dict[Hashable, dict[str, Decimal]] = {}
        if was and is_:
            people["stayed"] += 1
            parts_by_model = compare_person(old, new, orders)
        elif was or is_:
            kind, sign, spent = ("new", 1, new) if is_ else ("gone", -1, old)
            people[kind] += 1
            parts_by_model = {model: {kind: sign * sum_use(use)} for model, use in spent.items()}
        for model, (one, other) in both.items():
            # Of who is new or gone that of the other side: theirs counts whole.
            refunds = (NOTHING if is_ and not was else other.refunded) - (NOTHING if was and not is_ else one.refunded)
            if refunds:
                parts_by_model[model] = {**parts_by_model.get(model, {}), "refunds": refunds}
        cells |= {(person, model): parts for model, parts in parts_by_model.items()}
    rounded = {name: [total.quantize(LAST_DIGIT) for total in sums] for name, sums in orders.items()}
    ranges = {name: (min(sums, default=NOTHING), max(sums, default=NOTHING)) for name, sums in rounded.items()}
    return Change(_sum_uses(before), _sum_uses(after), cells, people, ranges)


def _sum_uses(uses: Uses) -> Decimal:
    return sum((sum_use(use) for models in uses.values() for use in models.values()), NOTHING)
