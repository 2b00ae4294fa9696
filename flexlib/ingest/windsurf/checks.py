"""What a route brought home, held against other ways to the same figures."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from datetime import date
from typing import Any

from flexlib.checks import Check
from flexlib.dates import Span
from flexlib.errors import RouteRefused, UnsupportedTeam
from flexlib.i18n import to_english
from flexlib.ingest.windsurf.run import Outcome, Run
from flexlib.ingest.windsurf.unit import read_cycle, read_used
from flexlib.privacy import clean_message
from flexlib.sources.windsurf.client import ApiResponse
from flexlib.sources.windsurf.consumption import HUNDREDTHS, read_total, settle_unit
from flexlib.sources.windsurf.wire import CreditSums, ask_users
from flexlib.stored_notes import NOT_WHOLE_DAYS

BALANCE_TOLERANCE = 100
"""Hundredths of a credit: the balance is given in whole credits."""

BALANCE = (
    ("promptCreditsPerSeat", "numSeats", "addOnCreditsAvailable", "addOnCreditsUsed")
    + ("billingCycleStart", "billingCycleEnd")
)  # fmt: skip
"""What the certificate keeps of the balance's answer; a server may say anything beside it."""

PER_USER = ("batch", "user")
"""Routes that ask only the people on the list: who spends and is not on it would not show."""


def check_sums(outcome: Outcome, *, settled: bool) -> Check:
    """The rows against the server's own sum over the whole team; while the month still grows only if both agree."""
    code = "team_sum"
    if outcome.team_totals is None:
        return Check("not checked", code=code, reasons=("no_team_sum",))
    prompt, flex, rows = outcome.tally.totals
    names = ("prompt_credits_hundredths", "flex_credits_hundredths", "rows")
    figures = dict(zip(names, outcome.team_totals, strict=True))
    if (prompt, flex, rows) == outcome.team_totals:
        return Check("agrees", checked=3 if outcome.counts_rows else 2, figures=figures, code=code)
    more = outcome.team_totals[1] - flex
    figures |= {"prompt_credits_here": prompt, "flex_credits_here": flex, "rows_here": rows}
    differs: tuple[str, ...] = ("team_sum_differs",)
    if outcome.is_partial:
        return Check("not checked", figures=figures, code=code, reasons=("unread", *differs))
    if not settled and outcome.route in PER_USER:
        return Check("not checked", figures=figures, code=code, reasons=("grew_or_unlisted", *differs))
    if more > 0 and outcome.route in PER_USER:
        differs = (*differs, "unlisted")
    return Check("differs", checked=3, figures=figures, code=code, reasons=differs)


def check_users(run: Run, outcome: Outcome, verify: int | None) -> Check:
    """`verify` users (None: all), big spenders and random ones, asked again one by one in halves of the month."""
    code = "users_again"
    if verify == 0:
        return Check("not checked", code=code, reasons=("switched_off",))
    sample = _choose_sample(run.keys, outcome, verify)
    again, lost = _ask_again(run, outcome, sample)
    asked = [user for user in sample if user not in lost]
    if not asked:
        answer = next(iter(lost.values()), "no users")
        return Check("not checked", figures={"answer": to_english(answer)}, code=code, reasons=("nobody_asked",))
    here = _by_user(outcome.tally, set(asked), outcome.counts_rows)
    there = {user: _by_user(tally, {user}, outcome.counts_rows).get(user, {}) for user, tally in again.items()}
    wrong = [user for user in asked if here.get(user, {}) != there[user] or again[user].quarantined]
    if wrong:
        alone, first = (sum(row[1] for user in wrong for row in part.get(user, {}).values()) for part in (there, here))
        figures = {"differing_users": wrong, "flex_credits_alone": alone, "flex_credits_first": first}
        return Check("differs", checked=len(asked), figures=figures, code=code, reasons=("users_differ",))
    if lost:
        figures = {"not_asked": len(lost), "sample": len(sample)}
        return Check("agrees", checked=len(asked), figures=figures, code=code, reasons=("some_not_asked",))
    return Check("agrees", checked=len(asked), code=code)


def _ask_again(run: Run, outcome: Outcome, sample: list[str]) -> tuple[dict[str, CreditSums], dict[str, str]]:
    """What each user of the sample spent when asked alone; and why some could not be asked."""
    again: dict[str, CreditSums] = {user: CreditSums() for user in sample}
    lost: dict[str, str] = {}
    # The consumption route is for the day when the other endpoint is gone: its no must not stop the run then.
    optional = outcome.route == "consumption"
    asks = deque(
        replace(ask_users([user], half, "check"), optional=optional) for user in sample for half in run.span.halves
    )
    for reply in run.client.ask_all(asks):
        user = reply.ask.users[0]
        if not reply.is_good:
            lost[user] = reply.refused or reply.failed
            continue
        assert reply.ask.span is not None
        again[user].add_items(reply.value[0], reply.ask.span, user)
        run.draft.add("check", reply.text, outcome.route, users=[user])
    return again, lost


def check_independent_total(reply: ApiResponse | None, outcome: Outcome, *, settled: bool) -> Check:
    """The month's total by the other endpoint, a second, independent source; `reply` is what consumption answered.

    Where they agree, its figures say consumption's unit. Raises `UnsupportedTeam` where it says that the team has no
    credits, and none are here: a zero would be a lie.
    """
    if outcome.route == "consumption":
        return _check_analytics(outcome, settled=settled)
    code = "consumption_total"
    if reply is None:
        return Check("not checked", code=code, reasons=("not_asked",))
    here = outcome.tally.totals[:2]
    try:
        native = read_total(reply)
    except UnsupportedTeam as no:
        if not any(here):
            raise
        return Check("not checked", figures={"answer": no.english}, code=code, reasons=("answer",))
    except RouteRefused as no:
        return Check("not checked", figures={"answer": no.english}, code=code, reasons=("answer",))
    unit = settle_unit(native, here, exact=True)
    if unit or (sum(here) == 0 and sum(native) == 0):
        return Check("agrees", checked=2, figures={"unit": unit or "unknown"}, code=code)
    as_unit = {unit: [round(number * size) for number in native] for unit, size in HUNDREDTHS.items()}
    figures = {"as_unit": as_unit, "here": list(here)}
    return _judge_total(outcome, code, figures, "total_differs_in_any_unit", settled=settled)


def _check_analytics(outcome: Outcome, *, settled: bool) -> Check:
    """The rows of the consumption endpoint against what /Analytics says of the whole team, where that still answers."""
    code = "analytics_total"
    if outcome.analytics_totals is None:
        return Check("not checked", code=code, reasons=("no_analytics_sum",))
    there, here = outcome.analytics_totals[:2], outcome.tally.totals[:2]
    if there == here:
        return Check("agrees", checked=2, code=code)
    return _judge_total(outcome, code, {"there": list(there), "here": list(here)}, "total_differs", settled=settled)


def _judge_total(outcome: Outcome, code: str, figures: dict[str, Any], reason: str, *, settled: bool) -> Check:
    """Two totals that differ: nothing is said where something could not be read, or the month still grows."""
    if outcome.is_partial:
        return Check("not checked", figures=figures, code=code, reasons=("unread", reason))
    if not settled:
        return Check("not checked", figures=figures, code=code, reasons=("not_settled", reason))
    return Check("differs", checked=2, figures=figures, code=code, reasons=(reason,))


def check_balance(reply: ApiResponse | None, span: Span, outcome: Outcome, listed: int) -> Check:
    """The flex credits against what the team's balance says was used, where the billing cycle is the month itself.

    It agrees to nothing where only the `listed` people were asked and the team has more seats: it says nothing of
    the prompt credits of whoever may be missing.
    """
    code = "balance"
    if reply is None or not reply.is_good:
        answer = "it was not asked" if reply is None else reply.refused or reply.failed
        return Check("not checked", figures={"answer": to_english(answer)}, code=code, reasons=("no_balance",))
    figures = {name: _plain(reply.value[name]) for name in BALANCE if name in reply.value}
    cycle = read_cycle(reply.value)
    if cycle != span:
        figures["cycle"] = str(cycle or NOT_WHOLE_DAYS)
        return Check("not checked", figures=figures, code=code, reasons=("other_cycle",))
    used = read_used(reply.value)
    if used is None:
        return Check("not checked", figures=figures, code=code, reasons=("balance_no_number",))
    here = outcome.tally.totals[1]
    figures["residual_hundredths"] = used - here
    if abs(used - here) <= BALANCE_TOLERANCE:
        seats = str(figures.get("numSeats"))
        if outcome.route in PER_USER and seats.isdecimal() and int(seats) > listed:
            return Check("not checked", figures=figures, code=code, reasons=("unlisted",))
        return Check("agrees", checked=1, figures=figures, code=code)
    if outcome.is_partial:
        return Check("not checked", figures=figures, code=code, reasons=("unread",))
    figures |= {"used_hundredths": used, "flex_credits_here": here}
    return Check("differs", checked=1, figures=figures, code=code, reasons=("balance_differs",))


def _choose_sample(keys: list[str], outcome: Outcome, verify: int | None) -> list[str]:
    """Half of the sample spent most; the others are drawn from everybody, also from those who spent nothing.

    Those who could not be read, or not wholly, are a gap already and would differ.
    """
    unread = {*outcome.failed, *(str(one["user"] or one["item"].get("api_key")) for one in outcome.tally.quarantined)}
    keys = [key for key in keys if key not in unread]
    if verify is None or verify >= len(keys):
        return keys
    spent: dict[str, int] = dict.fromkeys(keys, 0)
    for (_, user, _), row in outcome.tally.sums.items():
        if user in spent:
            spent[user] += row[0] + row[1]
    biggest = sorted(keys, key=lambda key: (-spent[key], key))[: (verify + 1) // 2]
    return biggest + random.sample(sorted(set(keys) - set(biggest)), verify - len(biggest))


def _by_user(tally: CreditSums, users: set[str], counts_rows: bool) -> dict[str, dict[tuple[date, str], list[int]]]:
    rows: dict[str, dict[tuple[date, str], list[int]]] = {}
    for (day, user, model), row in tally.sums.items():
        if user in users:
            rows.setdefault(user, {})[day, model] = row if counts_rows else row[:2]
    return rows


def _plain(value: object) -> Any:  # noqa: ANN401
    return value if isinstance(value, int | None) else clean_message(str(value))
