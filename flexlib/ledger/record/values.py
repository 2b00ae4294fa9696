"""Values as callers give them, made exact or refused: money is a Decimal, a count an integer, a time UTC."""

from __future__ import annotations

import numbers
import operator
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa

from flexlib.dates import FIRST_YEAR, LAST_YEAR
from flexlib.enums import GRAINS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import InvalidCall
from flexlib.money.extra_counts import EXTRA_COUNTS
from flexlib.nesting import format_given
from flexlib.privacy import PrivacyGuard

MOST_TOKENS = 10**12
Member = TypeVar("Member", LlmProvider, LlmProxy, LlmTaskType)
SPELLINGS: Mapping[type, Mapping[str, Any]] = {one: one.spellings() for one in (LlmProvider, LlmProxy, LlmTaskType)}
LONGEST_NAME = 255
NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
PERSONAL = PrivacyGuard()
"""What no row may hold as a user's id, whatever is masked in metadata."""
MOST_STEPS = 9 * 10**18
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
STEPS = {decimals: Decimal(1).scaleb(-decimals) for decimals in (4, 10)}


def read_money(name: str, value: Any, decimals: int) -> Decimal | None:  # noqa: ANN401 (whatever the caller gave)
    """`value` as an exact amount with `decimals` decimals; None stays None, unknown.

    A Decimal, a whole number or a text is taken as it is, and refused when it has more decimals than the column: it is
    never rounded without a word. A float is no exact number to begin with and is rounded half to even, from the digits
    that Python shows of it. NumPy's numbers are taken alike. Raises `InvalidCall` for those with more decimals, for
    negative amounts and for what is no number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        value = _read_number(name, value)
    context = ROUNDING if isinstance(value, float) else EXACT
    try:
        number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
        if not number.is_finite() or number < 0:
            raise InvalidCall(
                f"{name} is {format_given(value)}; an amount is a finite number, zero or more (unknown is None)."
            )
        amount = number.quantize(STEPS[decimals], context=context)
    except Inexact as error:
        raise InvalidCall(f"{name} is {value!s}, finer than its {decimals} decimals; round it before.") from error
    except InvalidOperation as error:
        raise InvalidCall(f"{name} is {format_given(value)}, which is no amount.") from error
    if amount.scaleb(decimals, EXACT) > MOST_STEPS:
        raise InvalidCall(f"{name} is {value!s}, more than a call can cost.")
    return amount


def _read_number(name: str, value: Any) -> int | float:  # noqa: ANN401
    """A number of NumPy's, or of whoever else registers them, as Python's own."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        return float(str(value))  # the digits that it shows: 0.1 of 32 bits is 0.1, not 0.10000000149
    raise InvalidCall(f"{name} must be a number such as Decimal('0.0015'), not {format_given(value)}.")


def read_count(name: str, value: Any, most: int = MOST_TOKENS) -> int:  # noqa: ANN401
    """`value` as an integer from 0 to `most`. Raises `InvalidCall` for anything else, floats and booleans too."""
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            value = operator.index(value)
        except TypeError as error:
            raise InvalidCall(f"{name} must be a whole number, not {format_given(value)}.") from error
    if not 0 <= value <= most:
        raise InvalidCall(f"{name} is {format_given(value)}; it must be from 0 to {most}.")
    return int(value)


def read_text(name: str, value: Any, longest: int = LONGEST_NAME, *, strip: bool = False) -> str:  # noqa: ANN401
    """`value` as a text that is not blank, of at most `longest` printable characters. Raises `InvalidCall`.

    `strip`: without the blanks around it, for texts in which they cannot be meant.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidCall(f"{name} must be a text, not {format_given(value)}.")
    if strip:
        value = value.strip()
    if len(value) > longest or not value.isprintable():
        raise InvalidCall(f"{name} must be at most {longest} printable characters, not {value!r}")
    return str(value)


def read_time(name: str, value: datetime | str) -> datetime:
    """`value`, a time or its ISO text, in UTC; without a zone it is UTC already. Raises `InvalidCall`."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidCall(f"{name} is {format_given(value)}; write it as 2025-09-01T12:00:00Z.") from error
    if not isinstance(moment, datetime):
        raise InvalidCall(
            f"{name} must be a time such as datetime(2025, 9, 1, 12, tzinfo=timezone.utc), not {format_given(value)}."
        )
    try:
        moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except OverflowError as error:  # in UTC it is before the year 1 or after 9999
        raise InvalidCall(
            f"{name} is {moment.isoformat()}; a call happens between {FIRST_YEAR} and {LAST_YEAR}."
        ) from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidCall(f"{name} is {moment.isoformat()}; a call happens between {FIRST_YEAR} and {LAST_YEAR}.")
    return moment


def read_member(name: str, value: Any, members: type[Member]) -> Member:  # noqa: ANN401
    """`value` as a member of the enum: one already, or a text that names one. Raises `InvalidCall` with the list."""
    if isinstance(value, members):
        return value
    found = SPELLINGS[members].get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise InvalidCall(
            f"{name} is {format_given(value)}; it must be one of {', '.join(one.value for one in members)}."
        )
    return cast("Member", found)


LARGEST_INTEGER = 2**63 - 1
Count: TypeAlias = int | None
ExtraCounts: TypeAlias = tuple[Count, Count, Count, Count, Count, Count, Count, Count, Count, Count]
"""The counts of `EXTRA_COUNTS`, in its order."""

NOT_COUNTED: ExtraCounts = (None,) * 10
"""The extra counts of a call that counts none."""


def read_extra_counts(given: Any, metadata: Mapping[str, Any] | None) -> ExtraCounts:  # noqa: ANN401
    """The counts as given, or else as the metadata names them. Raises `InvalidCall`."""
    if given is not None and not isinstance(given, Mapping):
        raise InvalidCall(f"extra_counts must be a dict such as {{'web_searches': 3}}, not {format_given(given)}.")
    counts = dict(given or {})
    if unknown := [str(name) for name in counts if name not in EXTRA_COUNTS]:
        raise InvalidCall(f"extra_counts has {', '.join(unknown)}; it may have {', '.join(EXTRA_COUNTS)}.")
    read = {name: read_count(name, count) for name, count in counts.items() if count is not None}
    for name in EXTRA_COUNTS if metadata else ():
        # What the metadata has under such a name and is no count is the caller's own affair.
        if name not in read and type(said := metadata.get(name)) is int and said >= 0:  # type: ignore[union-attr]
            read[name] = read_count(name, said, LARGEST_INTEGER)
    return cast("ExtraCounts", tuple(read.get(name) for name in EXTRA_COUNTS))


def read_grain(grain: Any, requests: Any, created_at: object) -> tuple[str, int]:  # noqa: ANN401
    """What a row stands for, and of how many calls. Raises `InvalidCall`."""
    if not isinstance(grain, str) or grain not in GRAINS:
        raise InvalidCall(f"grain is {format_given(grain)}; it must be one of {', '.join(sorted(GRAINS))}.")
    if requests is None:
        raise InvalidCall(f"requests must be given for grain {grain}: of how many calls is it the sum?")
    number = read_count("requests", requests)
    if number == 0 or (grain == "call" and number != 1):
        raise InvalidCall(f"requests is {number}; it is 1 for a call, and 1 or more for grain hour, day or month.")
    if grain != "call" and created_at is None:
        raise InvalidCall(f"a row of grain {grain} needs created_at, the beginning of its period.")
    return grain, number


def read_usable(usable: Any) -> tuple[str | None, int | None, str | None]:  # noqa: ANN401 (any mapped object)
    """Type, number and key of `usable`: a mapped object, a pair such as `("user", 42)`, or None for nobody.

    The type is in small letters, that of an object its `__usable_type__` or the name of its class: `User()` whose id is
    42 and `("user", 42)` are one. What identifies it is a whole number, or a text, such as a UUID or a user's name in
    a system. Raises `InvalidCall` for an object that has no id yet, for personal data, and for anything else.
    """
    if usable is None:
        return None, None, None
    if isinstance(usable, tuple | list) and len(usable) == 2:
        name, who = usable
    else:
        name, who = getattr(usable, "__usable_type__", type(usable).__name__), _find_id(usable)
    if not isinstance(name, str):
        raise InvalidCall(f'usable must be a mapped object or a pair such as ("user", 42), not {format_given(usable)}.')
    name = read_text("the type of usable", name).lower()
    if isinstance(who, UUID):
        who = str(who)
    if isinstance(who, str):
        return _read_key(name, who)
    if isinstance(who, bool) or not isinstance(who, int) or abs(who) > LARGEST_INTEGER:
        raise InvalidCall(
            f"usable {name} has the id {format_given(who)}; it must be a whole number or a text, such as a UUID "
            "(save a new object first)."
        )
    return name, who, None


def _read_key(name: str, who: str) -> tuple[str, int | None, str | None]:
    who = read_text(f"the id of usable {name}", who, strip=True)
    if NUMBER.fullmatch(who) and abs(int(who)) <= LARGEST_INTEGER:
        return name, int(who), None  # the same as the number
    kinds = PERSONAL.mask({"": who})[1]
    if kinds:
        raise InvalidCall(
            f"the id of usable {name} looks like personal data or a secret ({', '.join(kinds)}), which rows do not "
            "hold: give an id that says nothing by itself."
        )
    return name, None, who


def _find_id(usable: object) -> Any:  # noqa: ANN401
    state: Any = sa.inspect(usable, raiseerr=False)
    if not hasattr(state, "mapper"):
        return getattr(usable, "id", None)
    # The identity, where there is one, is known without a query even after a commit expired the object.
    identity = getattr(state, "identity", None) or state.mapper.primary_key_from_instance(usable)
    return identity[0] if len(identity) == 1 else identity
