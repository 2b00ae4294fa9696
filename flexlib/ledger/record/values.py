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
from flexlib.i18n import _
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
            raise InvalidCall(_("{name} is {given}; an amount is a finite number, zero or more (unknown is None).")
                .format(name=name, given=format_given(value)))  # fmt: skip
        amount = number.quantize(STEPS[decimals], context=context)
    except Inexact as error:
        raise InvalidCall(_("{name} is {value!s}, finer than its {decimals} decimals; round it before.")
            .format(name=name, value=value, decimals=decimals)) from error  # fmt: skip
    except InvalidOperation as error:
        raise InvalidCall(_("{name} is {given}, which is no amount.")
            .format(name=name, given=format_given(value))) from error  # fmt: skip
    if amount.scaleb(decimals, EXACT) > MOST_STEPS:
        raise InvalidCall(_("{name} is {value!s}, more than a call can cost.").format(name=name, value=value))
    return amount


def _read_number(name: str, value: Any) -> int | float:  # noqa: ANN401
    """A number of NumPy's, or of whoever else registers them, as Python's own."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        return float(str(value))  # the digits that it shows: 0.1 of 32 bits is 0.1, not 0.10000000149
    raise InvalidCall(_("{name} must be a number such as Decimal('0.0015'), not {given}.")
        .format(name=name, given=format_given(value)))  # fmt: skip


def read_count(name: str, value: Any, most: int = MOST_TOKENS) -> int:  # noqa: ANN401
    """`value` as an integer from 0 to `most`. Raises `InvalidCall` for anything else, floats and booleans too."""
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            value = operator.index(value)
        except TypeError as error:
            raise InvalidCall(_("{name} must be a whole number, not {given}.")
                .format(name=name, given=format_given(value))) from error  # fmt: skip
    if not 0 <= value <= most:
        raise InvalidCall(_("{name} is {given}; it must be from 0 to {most}.")
            .format(name=name, given=format_given(value), most=most))  # fmt: skip
    return int(value)


def read_text(name: str, value: Any, longest: int = LONGEST_NAME, *, strip: bool = False) -> str:  # noqa: ANN401
    """`value` as a text that is not blank, of at most `longest` printable characters. Raises `InvalidCall`.

    `strip`: without the blanks around it, for texts in which they cannot be meant.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidCall(_("{name} must be a text, not {given}.").format(name=name, given=format_given(value)))
    if strip:
        value = value.strip()
    if len(value) > longest or not value.isprintable():
        raise InvalidCall(_("{name} must be at most {longest} printable characters, not {value!r}")
            .format(name=name, longest=longest, value=value))  # fmt: skip
    return str(value)


def read_time(name: str, value: datetime | str) -> datetime:
    """`value`, a time or its ISO text, in UTC; without a zone it is UTC already. Raises `InvalidCall`."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidCall(_("{name} is {given}; write it as 2025-09-01T12:00:00Z.")
            .format(name=name, given=format_given(value))) from error  # fmt: skip
    if not isinstance(moment, datetime):
        raise InvalidCall(_("{name} must be a time such as datetime(2025, 9, 1, 12, tzinfo=timezone.utc), not {given}.")
            .format(name=name, given=format_given(value)))  # fmt: skip
    try:
        moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except OverflowError as error:  # in UTC it is before the year 1 or after 9999
        raise InvalidCall(
            _("{name} is {moment}; a call happens between {first_year} and {last_year}.").format(
                name=name, moment=moment.isoformat(), first_year=FIRST_YEAR, last_year=LAST_YEAR
            )
        ) from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidCall(_("{name} is {moment}; a call happens between {first_year} and {last_year}.")
            .format(name=name, moment=moment.isoformat(), first_year=FIRST_YEAR, last_year=LAST_YEAR))  # fmt: skip
    return moment


def read_member(name: str, value: Any, members: type[Member]) -> Member:  # noqa: ANN401
    """`value` as a member of the enum: one already, or a text that names one. Raises `InvalidCall` with the list."""
    if isinstance(value, members):
        return value
    found = SPELLINGS[members].get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise InvalidCall(_("{name} is {given}; it must be one of {members}.")
            .format(name=name, given=format_given(value), members=', '.join(one.value for one in members)))  # fmt: skip
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
        raise InvalidCall(_("extra_counts must be a dict such as {{'web_searches': 3}}, not {given}.")
            .format(given=format_given(given)))  # fmt: skip
    counts = dict(given or {})
    if unknown := [str(name) for name in counts if name not in EXTRA_COUNTS]:
        raise InvalidCall(_("extra_counts has {unknown}; it may have {extra_counts}.")
            .format(unknown=', '.join(unknown), extra_counts=', '.join(EXTRA_COUNTS)))  # fmt: skip
    read = {name: read_count(name, count) for name, count in counts.items() if count is not None}
    for name in EXTRA_COUNTS if metadata else ():
        # What the metadata has under such a name and is no count is the caller's own affair.
        if name not in read and type(said := metadata.get(name)) is int and said >= 0:  # type: ignore[union-attr]
            read[name] = read_count(name, said, LARGEST_INTEGER)
    return cast("ExtraCounts", tuple(read.get(name) for name in EXTRA_COUNTS))


def read_grain(grain: Any, requests: Any, created_at: object) -> tuple[str, int]:  # noqa: ANN401
    """What a row stands for, and of how many calls. Raises `InvalidCall`."""
    if not isinstance(grain, str) or grain not in GRAINS:
        raise InvalidCall(_("grain is {given}; it must be one of {grains}.")
            .format(given=format_given(grain), grains=', '.join(sorted(GRAINS))))  # fmt: skip
    if requests is None:
        raise InvalidCall(_("requests must be given for grain {grain}: of how many calls is it the sum?")
            .format(grain=grain))  # fmt: skip
    number = read_count("requests", requests)
    if number == 0 or (grain == "call" and number != 1):
        raise InvalidCall(_("requests is {number}; it is 1 for a call, and 1 or more for grain hour, day or month.")
            .format(number=number))  # fmt: skip
    if grain != "call" and created_at is None:
        raise InvalidCall(_("a row of grain {grain} needs created_at, the beginning of its period.")
            .format(grain=grain))  # fmt: skip
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
        raise InvalidCall(_('usable must be a mapped object or a pair such as ("user", 42), not {given}.')
            .format(given=format_given(usable)))  # fmt: skip
    name = read_text(_("the type of usable"), name).lower()
    if isinstance(who, UUID):
        who = str(who)
    if isinstance(who, str):
        return _read_key(name, who)
    if isinstance(who, bool) or not isinstance(who, int) or abs(who) > LARGEST_INTEGER:
        raise InvalidCall(_("usable {name} has the id {given}; it must be a whole number or a text, such as a UUID "
            "(save a new object first).").format(name=name, given=format_given(who)))  # fmt: skip
    return name, who, None


def _read_key(name: str, who: str) -> tuple[str, int | None, str | None]:
    who = read_text(_("the id of usable {name}").format(name=name), who, strip=True)
    if NUMBER.fullmatch(who) and abs(int(who)) <= LARGEST_INTEGER:
        return name, int(who), None  # the same as the number
    kinds = PERSONAL.mask({"": who})[1]
    if kinds:
        raise InvalidCall(_("the id of usable {name} looks like personal data or a secret ({kinds}), which rows do not "
            "hold: give an id that says nothing by itself.").format(name=name, kinds=', '.join(kinds)))  # fmt: skip
    return name, None, who


def _find_id(usable: object) -> Any:  # noqa: ANN401
    state: Any = sa.inspect(usable, raiseerr=False)
    if not hasattr(state, "mapper"):
        return getattr(usable, "id", None)
    # The identity, where there is one, is known without a query even after a commit expired the object.
    identity = getattr(state, "identity", None) or state.mapper.primary_key_from_instance(usable)
    return identity[0] if len(identity) == 1 else identity
