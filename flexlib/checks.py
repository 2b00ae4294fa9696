"""What the checks of a certificate compare and what they find: a code with figures, and the English of each code.

The sentence is made where it is shown; a certificate without codes, as of flexlib 0.1.0, is shown with its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from shlex import quote
from typing import Any, Literal

from flexlib.formats import format_count, format_credits

UNLISTED = "a key that is not on the list of people may have spent it"
OWN_TOTAL = "{} says that its {} is {}, and its rows sum up to {}: export it again"
SUM_LINE = ("line {} of {} charges what lines beside it sum up to",
            "lines {} of {} each charge what lines beside them sum up to", "charge")  # fmt: skip
PAYMENT_LINE = ("line {} of {} may be a payment, which makes no bill less",
                "lines {} of {} may be payments, which make no bill less", "credit")  # fmt: skip
OWN_LINES = "it is a {} of its own, or without that line", "they are {}s of their own, or without those lines"
MOST_NAMED = 12
"""Lines of a bill that a sentence names."""
Figures = Mapping[str, Any]

COMPARED = {
    "team_sum": "prompt credits, flex credits and rows against the server's own sum over the whole team",
    "users_again": "users asked again one by one, the month in two halves",
    "consumption_total": "the month's total by the consumption endpoint (v2alpha)",
    "analytics_total": "the month's total by /Analytics (v1)",
    "balance": "flex credits against the add-on credits used by the team's balance",
    "database": "what the database counts and sums, against the written Parquet counted again",
    "files": "what was stored and what the file adds to it, against the written Parquet counted again",
    "bills": "the rows of the bills, summed by currency, against the written Parquet counted again",
    "delivered": "what was delivered, against the written Parquet counted again",
}
"""What each code compares with what."""

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
    return COMPARED.get(check.code) or check.how


def explain_check(check: Check) -> str:
    """What differs, or why nothing was checked; empty where there is nothing to say.

    >>> explain_check(Check("not checked", code="balance", reasons=("not_settled", "balance_no_number")))
    'the month is not settled yet, the two refresh at different times; the balance is no number'
    """
    known = [REASONS[reason](check.figures) for reason in check.reasons if reason in REASONS]
    return "; ".join(filter(None, known)) or check.why


def explain_money(figures: Mapping[str, Any]) -> str:
    """What a month lacks of which much of the money is unknown, as a clause; of a certificate's figures.

    >>> explain_money({"unpriced_requests": 2, "requests": 5})
    '2 of 5 calls have no price: the total in USD is at least what the others cost'
    """
    unpriced = figures["unpriced_requests"]
    verb = "has" if unpriced == 1 else "have"
    what = f"{unpriced:,} of {format_count(figures['requests'], 'call')} {verb} no price"
    if figures.get("unsized_rows"):
        what = f"{format_count(figures['unsized_rows'], 'sum')} of an unknown number of calls without a price"
    return f"{what}: the total in USD is at least what the others cost"


NO_WITNESS = "FLEXLIB_NO_WITNESS"
"""The setting by which a company says that its server offers nothing to hold a month's total against."""


def _compare_team_sum(figures: Figures) -> str:
    more = figures["flex_credits_hundredths"] - figures["flex_credits_here"]
    return (
        f"the server's own sum holds {format_credits(abs(more))} flex credits {'more' if more >= 0 else 'less'} "
        f"({figures['rows']:,} rows, {figures['rows_here']:,} here)"
    )


def _count_differing(figures: Figures) -> str:
    count = len(figures["differing_users"])
    alone, first = (format_credits(figures[name]) for name in ("flex_credits_alone", "flex_credits_first"))
    who = "1 user differs" if count == 1 else f"{count} users differ"
    return f"{who}: {alone} flex credits alone, {first} at first"


def _compare_units(figures: Figures) -> str:
    shown = {unit: [format_credits(one) for one in pair] for unit, pair in figures["as_unit"].items()}
    here = [format_credits(one) for one in figures["here"]]
    return (
        f"it says {shown['credits'][1]} flex and {shown['credits'][0]} prompt credits if its unit is a credit "
        f"({shown['hundredths'][1]} and {shown['hundredths'][0]} if a hundredth); "
        f"here they are {here[1]} and {here[0]}"
    )


def _compare_totals(figures: Figures) -> str:
    there, here = ([format_credits(one) for one in figures[name]] for name in ("there", "here"))
    return f"it says {there[1]} flex and {there[0]} prompt credits, here they are {here[1]} and {here[0]}"


def _compare_balance(figures: Figures) -> str:
    used, here = (format_credits(figures[name]) for name in ("used_hundredths", "flex_credits_here"))
    return f"the balance says {used} were used, {here} are here"


def _compare_counts(figures: Figures) -> str:
    return "; ".join(f"{name} is {found}, not {figures[name]}" for name, found in figures["found"].items())


def _name_changed(figures: Figures) -> str:
    return "; ".join(
        f"{name} of the stored rows is {found}, and their certificate says {said}: import the files anew with --replace"
        for name, (found, said) in figures["changed_amounts"].items()
    )


def _name_possible_duplicates(figures: Figures) -> str:
    return "; ".join(
        f"{format_count(count, 'call')} of {name}, which was read by other columns than files before it, at the moment "
        "of a stored one, with its model and tokens: they may count twice; import it again by the columns of the others"
        f" and with --supersedes {quote(name)}, or with --distinct if they are other calls"
        for name, count in figures["possible_duplicates"]
    )


def _name_overlaps(figures: Figures) -> str:
    return "; ".join(
        f"{one} and {other} both bill {provider} from {first} to {last}, which would count twice: import {other} again "
        f"with --supersedes {quote(one)} if it is the newer one, {one} with --supersedes {quote(other)} if that is, or "
        "one of them with --distinct if both are right"
        for one, other, provider, first, last in figures["overlaps"]
    )


def _name_shared_rows(figures: Figures) -> str:
    return "; ".join(
        f"{format_count(count, 'row')} of {name} may repeat calls in {other}, and no call ids can tell: import {name} "
        f"again with --distinct if they are other calls, with --supersedes {quote(other)} if it is the newer file, or "
        f"{other} again with --supersedes {quote(name)} if that is"
        for name, other, count in figures["shared_rows"]
    )


def _name_doubled_rows(figures: Figures) -> str:
    return "; ".join(
        f"{format_count(count, 'row')} of {name} {'is' if count == 1 else 'are'} of the same time, model and user as a "
        f"row before, all others or a session before: import {name} again with --distinct if what tells them "
        f"apart is missing, with that session's file, or without those rows and with --supersedes {quote(name)}"
        for name, count in figures["doubled_rows"]
    )


def _name_doubled_lines(figures: Figures) -> str:
    return "; ".join(
        f"{format_count(count, 'line')} of {name} {'says' if count == 1 else 'say'} in every column what a line before "
        f"says: import {name} again with --distinct if each is a charge of its own, or without the repeated lines and "
        f"with --supersedes {quote(name)}"
        for name, count in figures["doubled_lines"]
    )


def _name_lines(words: tuple[str, str, str], lines: Any) -> str:  # noqa: ANN401 (JSON)
    """The lines of each bill, what one or several do (`words`), and what they may be instead."""
    found = {name: [str(number) for file, number in lines if file == name] for name in dict(lines)}
    return "; ".join(
        f"{words[len(of) > 1].format(', '.join(of[:MOST_NAMED]) + ', ...' * (len(of) > MOST_NAMED), name)}: import it "
        f"again with --distinct if {OWN_LINES[len(of) > 1].format(words[2])} and with --supersedes {quote(name)}"
        for name, of in found.items()
    )


def _say(text: str) -> Callable[[Figures], str]:
    return lambda figures: text.format_map(figures)


REASONS: dict[str, Callable[[Figures], str]] = {
    "answer": _say("{answer}"),
    "not_asked": _say("it was not asked"),
    "unread": _say("some of it could not be read"),
    "not_settled": _say("the month is not settled yet, the two refresh at different times"),
    "no_team_sum": _say("the server gives no sum over the whole team"),
    "no_analytics_sum": _say("/Analytics gives no sum over the whole team"),
    "grew_or_unlisted": _say(f"the month grew while it was read, or {UNLISTED}"),
    "team_sum_differs": _compare_team_sum,
    "unlisted": _say(f"{UNLISTED}, which the routes team and consumption show"),
    "switched_off": _say("switched off by --verify 0"),
    "nobody_asked": _say("no user could be asked again ({answer})"),
    "some_not_asked": _say("{not_asked} of {sample} could not be asked again"),
    "users_differ": _count_differing,
    "total_differs_in_any_unit": _compare_units,
    "total_differs": _compare_totals,
    "no_balance": _say("the balance cannot be read ({answer}; it needs 'Billing Read')"),
    "other_cycle": _say("the billing cycle is {cycle}, not the month"),
    "balance_no_number": _say("the balance is no number"),
    "balance_differs": _compare_balance,
    "amounts_changed": _name_changed,
    "own_totals": lambda figures: "; ".join(OWN_TOTAL.format(*one) for one in figures["own_totals"]),
    "counts_differ": _compare_counts,
    "ids_repeated": _say("{rows_found} rows have {distinct_ids} different ids"),
    "possible_duplicates": _name_possible_duplicates,
    "bills_overlap": _name_overlaps,
    "shared_rows": _name_shared_rows,
    "doubled_rows": _name_doubled_rows,
    "doubled_lines": _name_doubled_lines,
    "sum_lines": lambda figures: _name_lines(SUM_LINE, figures["sum_lines"]),
    "payment_lines": lambda figures: _name_lines(PAYMENT_LINE, figures["payment_lines"]),
}
"""What each reason says of a check's figures."""
