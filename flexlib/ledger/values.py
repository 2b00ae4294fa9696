"""Values as callers give them, made exact or refused: money is a Decimal, a count an integer, a time UTC."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from typing import Any, TypeVar, cast

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.ledger.errors import BadUsage
from flexlib.month import FIRST_YEAR, LAST_YEAR

__all__ = ["LONGEST_NAME", "MOST_TOKENS", "read_count", "read_member", "read_money", "read_text", "read_time"]

MOST_TOKENS = 10**12
Member = TypeVar("Member", LlmProvider, LlmProxy, LlmTaskType)
SPELLINGS: Mapping[type, Mapping[str, Any]] = {one: one.spellings() for one in (LlmProvider, LlmProxy, LlmTaskType)}
LONGEST_NAME = 255
MOST_STEPS = 9 * 10**18
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
STEPS = {decimals: Decimal(1).scaleb(-decimals) for decimals in (4, 10)}


def read_money(name: str, value: Any, decimals: int) -> Decimal | None:  # noqa: ANN401 (whatever the caller gave)
    """`value` as an exact amount with `decimals` decimals; None stays None, unknown.

    A Decimal, a whole number or a text is taken as it is, and refused when it has more decimals than the column: it is
    never rounded without a word. A float is no exact number to begin with and is rounded half to even, from the digits
    that Python shows of it. NumPy's numbers are taken alike. Raises `BadUsage` for those with more decimals, for
    negative amounts and for what is no number.
    """
    if value is None:
        return None
    if not isinstance(value, Decimal | int | float | str):
        value = _read_number(name, value)
    context = ROUNDING if isinstance(value, float) else EXACT
    try:
        if isinstance(value, bool):
            raise BadUsage(f"{name} must be a number such as Decimal('0.0015'), not {value!r}.")
        number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
        if not number.is_finite() or number < 0:
            raise BadUsage(f"{name} is {value!r}; an amount is a finite number, zero or more (unknown is None).")
        amount = number.quantize(STEPS[decimals], context=context)
    except Inexact as error:
        raise BadUsage(f"{name} is {value!s}, finer than its {decimals} decimals; round it before.") from error
    except InvalidOperation as error:
        raise BadUsage(f"{name} is {value!r}, which is no amount.") from error
    if amount.scaleb(decimals, EXACT) > MOST_STEPS:
        raise BadUsage(f"{name} is {value!s}, more than a call can cost.")
    return amount


def _read_number(name: str, value: Any) -> int | float:  # noqa: ANN401
    """A number of NumPy's, or of whoever else registers them, as Python's own."""
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        return float(str(value))  # the digits that it shows: 0.1 of 32 bits is 0.1, not 0.10000000149
    raise BadUsage(f"{name} must be a number such as Decimal('0.0015'), not {value!r}.")


def read_count(name: str, value: Any, most: int = MOST_TOKENS) -> int:  # noqa: ANN401
    """`value` as an integer from 0 to `most`. Raises `BadUsage` for anything else, floats and booleans too."""
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            value = operator.index(value)
        except TypeError as error:
            raise BadUsage(f"{name} must be a whole number, not {value!r}.") from error
    if not 0 <= value <= most:
        raise BadUsage(f"{name} is {value}; it must be from 0 to {most}.")
    return int(value)


def read_text(name: str, value: Any, longest: int = LONGEST_NAME, *, strip: bool = False) -> str:  # noqa: ANN401
    """`value` as a text that is not blank, of at most `longest` printable characters. Raises `BadUsage`.

    `strip`: without the blanks around it, for texts in which they cannot be meant.
    """
    if not isinstance(value, str) or not value.strip():
        raise BadUsage(f"{name} must be a text, not {value!r}.")
    if strip:
        value = value.strip()
    if len(value) > longest or not value.isprintable():
        raise BadUsage(f"{name} must be at most {longest} printable characters, not {value[:40]!r}...")
    return str(value)


def read_time(name: str, value: datetime | str) -> datetime:
    """`value`, a time or its ISO text, in UTC; without a zone it is UTC already. Raises `BadUsage`."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise BadUsage(f"{name} is {value!r}; write it as 2025-09-01T12:00:00Z.") from error
    if not isinstance(moment, datetime):
        raise BadUsage(f"{name} must be a time such as datetime(2025, 9, 1, 12, tzinfo=timezone.utc), not {value!r}.")
    try:
        moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except OverflowError as error:  # in UTC it is before the year 1 or after 9999
        raise BadUsage(
            f"{name} is {moment.isoformat()}; a call happens between {FIRST_YEAR} and {LAST_YEAR}."
        ) from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadUsage(f"{name} is {moment.isoformat()}; a call happens between {FIRST_YEAR} and {LAST_YEAR}.")
    return moment


def read_member(name: str, value: Any, members: type[Member]) -> Member:  # noqa: ANN401
    """`value` as a member of the enum: one already, or a text that names one. Raises `BadUsage` with the list."""
    if isinstance(value, members):
        return value
    found = SPELLINGS[members].get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise BadUsage(f"{name} is {value!r}; it must be one of {', '.join(one.value for one in members)}.")
    return cast("Member", found)
