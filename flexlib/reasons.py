"""What a check's codes say: what is compared with what, and what differs; a sentence of the figures for each code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from shlex import quote
from typing import Any

from flexlib.formats import format_credits, format_number
from flexlib.i18n import _, join_texts, mark_text, translate_count
from flexlib.stored_notes import TEAM_SUM, UNLISTED, USERS_DIFFER, tell_cycle

OWN_TOTAL = mark_text("{} says that its {} is {}, and its rows sum up to {}: export it again")
OTHER_CYCLE = mark_text("the billing cycle is {cycle}, not the month")
MOST_NAMED = 12
"""Lines of a bill that a sentence names."""
Figures = Mapping[str, Any]

COMPARED = {
    "team_sum": mark_text("prompt credits, flex credits and rows against the server's own sum over the whole team"),
    "users_again": mark_text("users asked again one by one, the month in two halves"),
    "consumption_total": mark_text("the month's total by the consumption endpoint (v2alpha)"),
    "analytics_total": mark_text("the month's total by /Analytics (v1)"),
    "balance": mark_text("flex credits against the add-on credits used by the team's balance"),
    "database": mark_text("what the database counts and sums, against the written Parquet counted again"),
    "files": mark_text("what was stored and what the file adds to it, against the written Parquet counted again"),
    "bills": mark_text("the rows of the bills, summed by currency, against the written Parquet counted again"),
    "delivered": mark_text("what was delivered, against the written Parquet counted again"),
}
"""What each code compares with what."""


def _compare_team_sum(figures: Figures) -> str:
    more = figures["flex_credits_hundredths"] - figures["flex_credits_here"]
    rows, here = format_number(figures["rows"]), format_number(figures["rows_here"])
    return _(TEAM_SUM[more < 0]).format(credits=format_credits(abs(more)), rows=rows, here=here)


def _count_differing(figures: Figures) -> str:
    count = len(figures["differing_users"])
    alone, first = (format_credits(figures[name]) for name in ("flex_credits_alone", "flex_credits_first"))
    return _(USERS_DIFFER[count != 1]).format(count=format_number(count), alone=alone, first=first)


def _compare_units(figures: Figures) -> str:
    shown = {unit: [format_credits(one) for one in pair] for unit, pair in figures["as_unit"].items()}
    here = [format_credits(one) for one in figures["here"]]
    return _(
        "it says {flex} flex and {prompt} prompt credits if its unit is a credit ({flex_less} and {prompt_less} if a "
        "hundredth); here they are {flex_here} and {prompt_here}"
    ).format(
        flex=shown["credits"][1],
        prompt=shown["credits"][0],
        flex_less=shown["hundredths"][1],
        prompt_less=shown["hundredths"][0],
        flex_here=here[1],
        prompt_here=here[0],
    )


def _compare_totals(figures: Figures) -> str:
    there, here = ([format_credits(one) for one in figures[name]] for name in ("there", "here"))
    said = _("it says {flex} flex and {prompt} prompt credits, here they are {flex_here} and {prompt_here}")
    return said.format(flex=there[1], prompt=there[0], flex_here=here[1], prompt_here=here[0])


def _compare_balance(figures: Figures) -> str:
    used, here = (format_credits(figures[name]) for name in ("used_hundredths", "flex_credits_here"))
    return _("the balance says {used} were used, {here} are here").format(used=used, here=here)


def _compare_counts(figures: Figures) -> str:
    said = _("{name} is {found}, not {stored}")
    return join_texts(
        said.format(name=name, found=found, stored=figures[name]) for name, found in figures["found"].items()
    )


def _name_changed(figures: Figures) -> str:
    return join_texts(
        _(
            "{name} of the stored rows is {found}, and their certificate says {said}: import the files anew with "
            "--replace"
        ).format(name=name, found=found, said=said)
        for name, (found, said) in figures["changed_amounts"].items()
    )


def _say_possible_duplicates(count: int) -> str:
    return translate_count(
        "{count} call of {name}, which was read by other columns than files before it, at the moment of a stored one, "
        "with its model and tokens: they may count twice; import it again by the columns of the others and with "
        "--supersedes {quoted}, or with --distinct if they are other calls",
        "{count} calls of {name}, which was read by other columns than files before it, at the moment of a stored one, "
        "with its model and tokens: they may count twice; import it again by the columns of the others and with "
        "--supersedes {quoted}, or with --distinct if they are other calls",
        count,
    )


def _name_overlaps(figures: Figures) -> str:
    return join_texts(
        _(
            "{one} and {other} both bill {provider} from {first} to {last}, which would count twice: import {other} "
            "again with --supersedes {one_quoted} if it is the newer one, {one} with --supersedes {other_quoted} if "
            "that is, or one of them with --distinct if both are right"
        ).format(
            one=one,
            other=other,
            provider=provider,
            first=first,
            last=last,
            one_quoted=quote(one),
            other_quoted=quote(other),
        )
        for one, other, provider, first, last in figures["overlaps"]
    )


def _say_shared_rows(count: int) -> str:
    return translate_count(
        "{count} row of {name} may repeat calls in {other}, and no call ids can tell: import {name} again with "
        "--distinct if they are other calls, with --supersedes {other_quoted} if it is the newer file, or {other} "
        "again with --supersedes {quoted} if that is",
        "{count} rows of {name} may repeat calls in {other}, and no call ids can tell: import {name} again with "
        "--distinct if they are other calls, with --supersedes {other_quoted} if it is the newer file, or {other} "
        "again with --supersedes {quoted} if that is",
        count,
    )


def _say_doubled_rows(count: int) -> str:
    return translate_count(
        "{count} row of {name} is of the same time, model and user as a row before, all others or a session "
        "before: import {name} again with --distinct if what tells them apart is missing, with that session's "
        "file, or without those rows and with --supersedes {quoted}",
        "{count} rows of {name} are of the same time, model and user as a row before, all others or a session "
        "before: import {name} again with --distinct if what tells them apart is missing, with that session's "
        "file, or without those rows and with --supersedes {quoted}",
        count,
    )


def _say_doubled_lines(count: int) -> str:
    return translate_count(
        "{count} line of {name} says in every column what a line before says: import {name} again with --distinct "
        "if each is a charge of its own, or without the repeated lines and with --supersedes {quoted}",
        "{count} lines of {name} say in every column what a line before says: import {name} again with --distinct "
        "if each is a charge of its own, or without the repeated lines and with --supersedes {quoted}",
        count,
    )


def _name_files(say: Callable[[int], str], code: str) -> Callable[[Figures], str]:
    """Of each file, or each two of them, how many rows do it: as the figures have them under the code."""

    def name(figures: Figures) -> str:
        told = []
        for file, *other, count in figures[code]:
            words = {"other": other[0], "other_quoted": quote(other[0])} if other else {}
            told.append(say(count).format(count=format_number(count), name=file, quoted=quote(file), **words))
        return join_texts(told)

    return name


def _name_sum_lines(count: int) -> str:
    return translate_count(
        "line {lines} of {name} charges what lines beside it sum up to: import it again with --distinct if it is a "
        "charge of its own, or without that line and with --supersedes {quoted}",
        "lines {lines} of {name} each charge what lines beside them sum up to: import it again with --distinct if they "
        "are charges of their own, or without those lines and with --supersedes {quoted}",
        count,
    )


def _name_payment_lines(count: int) -> str:
    return translate_count(
        "line {lines} of {name} may be a payment, which makes no bill less: import it again with --distinct if it is a "
        "credit of its own, or without that line and with --supersedes {quoted}",
        "lines {lines} of {name} may be payments, which make no bill less: import it again with --distinct if they are "
        "credits of their own, or without those lines and with --supersedes {quoted}",
        count,
    )


def _name_lines(say: Callable[[int], str], lines: Any) -> str:  # noqa: ANN401 (JSON)
    """The lines of each bill, what one or several do, and what they may be instead."""
    found = {name: [str(number) for file, number in lines if file == name] for name in dict(lines)}
    named = {name: ", ".join(of[:MOST_NAMED]) + ", ..." * (len(of) > MOST_NAMED) for name, of in found.items()}
    return join_texts(
        say(len(of)).format(lines=named[name], name=name, quoted=quote(name)) for name, of in found.items()
    )


def _say(text: str) -> Callable[[Figures], str]:
    return lambda figures: _(text).format_map(figures)


REASONS: dict[str, Callable[[Figures], str]] = {
    "answer": _say(mark_text("{answer}")),
    "not_asked": _say(mark_text("it was not asked")),
    "unread": _say(mark_text("some of it could not be read")),
    "not_settled": _say(mark_text("the month is not settled yet, the two refresh at different times")),
    "no_team_sum": _say(mark_text("the server gives no sum over the whole team")),
    "no_analytics_sum": _say(mark_text("/Analytics gives no sum over the whole team")),
    "grew_or_unlisted": _say(
        mark_text("the month grew while it was read, or a key that is not on the list of people may have spent it")
    ),
    "team_sum_differs": _compare_team_sum,
    "unlisted": _say(UNLISTED),
    "switched_off": _say(mark_text("switched off by --verify 0")),
    "nobody_asked": _say(mark_text("no user could be asked again ({answer})")),
    "some_not_asked": _say(mark_text("{not_asked} of {sample} could not be asked again")),
    "users_differ": _count_differing,
    "total_differs_in_any_unit": _compare_units,
    "total_differs": _compare_totals,
    "no_balance": _say(mark_text("the balance cannot be read ({answer}; it needs 'Billing Read')")),
    "other_cycle": lambda figures: _(OTHER_CYCLE).format(cycle=tell_cycle(figures["cycle"])),
    "balance_no_number": _say(mark_text("the balance is no number")),
    "balance_differs": _compare_balance,
    "amounts_changed": _name_changed,
    "own_totals": lambda figures: join_texts(_(OWN_TOTAL).format(*one) for one in figures["own_totals"]),
    "counts_differ": _compare_counts,
    "ids_repeated": _say(mark_text("{rows_found} rows have {distinct_ids} different ids")),
    "possible_duplicates": _name_files(_say_possible_duplicates, "possible_duplicates"),
    "bills_overlap": _name_overlaps,
    "shared_rows": _name_files(_say_shared_rows, "shared_rows"),
    "doubled_rows": _name_files(_say_doubled_rows, "doubled_rows"),
    "doubled_lines": _name_files(_say_doubled_lines, "doubled_lines"),
    "sum_lines": lambda figures: _name_lines(_name_sum_lines, figures["sum_lines"]),
    "payment_lines": lambda figures: _name_lines(_name_payment_lines, figures["payment_lines"]),
}
"""What each reason says of a check's figures."""
