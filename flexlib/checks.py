"""What the checks of a certificate compare and what they find: a code with figures, and the English of each code.

The sentence is made where it is shown; a certificate without codes, as of flexlib 0.1.0, is shown with its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from flexlib.formats import count_calls_at_least, format_number
from flexlib.i18n import _, join_texts, mark_text, translate_count
from flexlib.reasons import COMPARED, OTHER_CYCLE, REASONS
from flexlib.stored_notes import tell_cycle

MOST_UNPRICED = Decimal("0.1")
"""The largest share of a month's requests whose money may be unknown in a whole month: more is far from the total."""


@dataclass(frozen=True)
class BillTolerance:
    """By how much a bill may differ from what was counted without a reason: the larger of the two holds."""

    usd: Decimal = Decimal(1)
    """Dollars: less than looking at it costs."""
    share: Decimal = Decimal("0.01")
    """A part of the bill or the count: lists are rounded, and some calls end after midnight."""


@dataclass(frozen=True)
class Check:
    """One comparison of two ways to the same figure."""

    result: Literal["agrees", "differs", "not checked"]
    how: str = ""
    """What was compared with what, where no code says it."""
    checked: int = 0
    """How many were compared (users, sums)."""
    why: str = ""
    """What differs, or why nothing was checked, where no reason says it."""
    figures: dict[str, Any] = field(default_factory=dict)
    """What was found, in the types of JSON; the reasons' figures too."""
    code: str = ""
    """One of `COMPARED`, or a source's own."""
    reasons: tuple[str, ...] = ()
    """Codes of what differs, or of why nothing was checked: `REASONS`."""


def describe_check(check: Check) -> str:
    """What was compared with what.

    >>> describe_check(Check("agrees", code="database"))
    'what the database counts and sums, against the written Parquet counted again'
    """
    return _(COMPARED.get(check.code, check.how))


def explain_check(check: Check) -> str:
    """What differs, or why nothing was checked; empty where there is nothing to say.

    >>> explain_check(Check("not checked", code="balance", reasons=("not_settled", "balance_no_number")))
    'the month is not settled yet, the two refresh at different times; the balance is no number'
    """
    known = [REASONS[reason](check.figures) for reason in check.reasons if reason in REASONS]
    start, end = OTHER_CYCLE.split("{cycle}")
    if not known and check.why.startswith(start) and check.why.endswith(end):  # by flexlib 0.1.0, without a code
        return _(OTHER_CYCLE).format(cycle=tell_cycle(check.why.removeprefix(start).removesuffix(end)))
    return join_texts(known) or check.why


def explain_money(figures: Mapping[str, Any]) -> str:
    """What a month lacks of which much of the money is unknown, as a clause; of a certificate's figures.

    >>> explain_money({"unpriced_requests": 2, "requests": 5})
    '2 of 5 calls have no price: the total in USD is at least what the others cost'
    """
    if sums := figures.get("unsized_rows"):
        return translate_count(
            "{count} sum of an unknown number of calls without a price: the total in USD is at least what the others "
            "cost",
            "{count} sums of an unknown number of calls without a price: the total in USD is at least what the others "
            "cost",
            sums,
        ).format(count=format_number(sums))
    unpriced, calls = figures["unpriced_requests"], figures["requests"]
    said = translate_count(
        "{count} of {calls} has no price: the total in USD is at least what the others cost",
        "{count} of {calls} have no price: the total in USD is at least what the others cost",
        unpriced,
    )
    return said.format(count=format_number(unpriced), calls=count_calls_at_least(calls, is_least=False))


NO_WITNESS = "FLEXLIB_NO_WITNESS"
"""The setting by which a company says that its server offers nothing to hold a month's total against."""


UNPRICED = (
    mark_text("{book} has no price list of unknown"),
    mark_text("{book} has no price list of {name}"),
    mark_text("{book} does not know {model} of {seller}"),
    mark_text("{book} lists {model} of {seller} without a price"),
    mark_text("{book} has no {tier} price of {model} for the day of the call"),
    mark_text("{model} is an internal id, not a model of a price list"),
    mark_text("the tier {tier} is not one of {tiers}"),
)
"""Why calls have no price, as it is stored: in English, with the names in it."""
FILLED = re.compile(r"(\{\w+\})")


def say_unpriced(reason: str) -> str:
    """A stored reason in the reader's language; one that nobody knows as it is."""
    for said in UNPRICED:
        pattern = "".join(f"(?P<{one[1:-1]}>.+?)" if one[:1] == "{" else re.escape(one) for one in FILLED.split(said))
        if found := re.fullmatch(pattern, reason):
            return _(said).format(**found.groupdict())
    return _(reason)
