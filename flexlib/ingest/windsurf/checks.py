"""What a route brought home, held against other ways to the same figures."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from datetime import date
from typing import Any

from flexlib.certificate import Check
from flexlib.errors import RouteRefused, UnsupportedTeam
from flexlib.formats import format_credits
from flexlib.ingest.windsurf.run import Outcome, Run
from flexlib.ingest.windsurf.unit import read_cycle, read_used
from flexlib.sources.windsurf.consumption import HUNDREDTHS, read_total, settle_unit
from flexlib.sources.windsurf.wire import CreditSums, ask_users

BALANCE_TOLERANCE = 100
"""Hundredths of a credit: the balance is given in whole credits."""

UNLISTED = "a key that is not on the list of people may have spent it"


def check_sums(outcome: Outcome, *, settled: bool) -> Check:
    """The rows against the server's own sum over the whole team; while the month still grows only if both agree."""
    how = "prompt credits, flex credits and rows against the server's own sum over the whole team"
    if outcome.team_totals is None:
        return Check("not checked", how, why="the server gives no sum over the whole team")
    prompt, flex, rows = outcome.tally.totals
    names = ("prompt_credits_hundredths", "flex_credits_hundredths", "rows")
    figures = dict(zip(names, outcome.team_totals, strict=True))
    if (prompt, flex, rows) == outcome.team_totals:
        return Check("agrees", how, 3 if outcome.counts_rows else 2, figures=figures)
    more = outcome.team_totals[1] - flex
    why = (
        f"the server's own sum holds {format_credits(abs(more))} flex credits {'more' if more >= 0 else 'less'} "
        f"({outcome.team_totals[2]:,} rows, {rows:,} here)"
    )
    if outcome.failed or outcome.tally.quarantined:
        return Check("not checked", how, why=f"some of it could not be read; {why}", figures=figures)
    if not settled and outcome.route in ("batch", "user"):
        return Check("not checked", how, why=f"the month grew while it was read, or {UNLISTED}; {why}", figures=figures)
    if more > 0 and outcome.route in ("batch", "user"):
        why += f"; {UNLISTED}, which the routes team and consumption show"
    return Check("differs", how, 3, why, figures)


def check_users(run: Run, outcome: Outcome, verify: int | None) -> Check:
    """`verify` users (None: all), big spenders and random ones, asked again one by one in halves of the month."""
    how = "users asked again one by one, the month in two halves"
    if verify == 0:
        return Check("not checked", how, why="switched off by --verify 0")
    sample = _choose_sample(run.keys, outcome, verify)
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
    asked = [user for user in sample if user not in lost]
    if not asked:
        return Check("not checked", how, why=f"no user could be asked again ({next(iter(lost.values()), 'no users')})")
    here = _by_user(outcome.tally, set(asked), outcome.counts_rows)
    there = {user: _by_user(tally, {user}, outcome.counts_rows).get(user, {}) for user, tally in again.items()}
    wrong = [user for user in asked if here.get(user, {}) != there[user] or again[user].quarantined]
    why = f"{len(lost)} of {len(sample)} could not be asked again" if lost else ""
    if wrong:
        alone, first = (sum(row[1] for user in wrong for row in part.get(user, {}).values()) for part in (there, here))
        who = "1 user differs" if len(wrong) == 1 else f"{len(wrong)} users differ"
        why = f"{who}: {format_credits(alone)} flex credits alone, {format_credits(first)} at first"
        return Check("differs", how, len(asked), why, {"differing_users": wrong})
    return Check("agrees", how, len(asked), why)


def check_witness(run: Run, outcome: Outcome, *, settled: bool) -> Check:
    """The month's total by the other endpoint, a second, independent source; settles consumption's unit on the way.

    Raises `UnsupportedTeam` where it says that the team has no credits, and none are here: a zero would be a lie.
    """
    how = "the month's total by the consumption endpoint (v2alpha)"
    if outcome.route == "consumption":
        return _check_v1(run, outcome, settled=settled)
    reply = run.replies.get("witness")
    if reply is None:
        return Check("not checked", how, why="it was not asked")
    here = outcome.tally.totals[:2]
    try:
        native = read_total(reply)
    except UnsupportedTeam as no:
        if not any(here):
            raise
        return Check("not checked", how, why=str(no))
    except RouteRefused as no:
        return Check("not checked", how, why=str(no))
    unit = settle_unit(native, here, exact=True)
    if unit or (sum(here) == 0 and sum(native) == 0):
        run.unit_settled = unit
        return Check("agrees", how, 2, figures={"unit": unit or "unknown"})
    shown = {unit: [format_credits(round(number * size)) for number in native] for unit, size in HUNDREDTHS.items()}
    why = (
        f"it says {shown['credits'][1]} flex and {shown['credits'][0]} prompt credits if its unit is a credit "
        f"({shown['hundredths'][1]} and {shown['hundredths'][0]} if a hundredth); "
        f"here they are {format_credits(here[1])} and {format_credits(here[0])}"
    )
    if outcome.failed or outcome.tally.quarantined:
        return Check("not checked", how, why=f"some of it could not be read; {why}")
    if not settled:
        return Check("not checked", how, why=f"the month is not settled yet, the two refresh at different times; {why}")
    return Check("differs", how, 2, why)


def _check_v1(run: Run, outcome: Outcome, *, settled: bool) -> Check:
    """The rows of the consumption endpoint against what /Analytics says of the whole team, where that still answers."""
    how = "the month's total by /Analytics (v1)"
    if run.v1_totals is None:
        return Check("not checked", how, why="/Analytics gives no sum over the whole team")
    if run.v1_totals[:2] == outcome.tally.totals[:2]:
        return Check("agrees", how, 2)
    there, here = (
        [format_credits(number) for number in totals[:2]] for totals in (run.v1_totals, outcome.tally.totals)
    )
    why = f"it says {there[1]} flex and {there[0]} prompt credits, here they are {here[1]} and {here[0]}"
    if outcome.tally.quarantined:
        return Check("not checked", how, why=f"some of it could not be read; {why}")
    if not settled:
        return Check("not checked", how, why=f"the month is not settled yet, the two refresh at different times; {why}")
    return Check("differs", how, 2, why)


def check_balance(run: Run, outcome: Outcome) -> Check:
    """The flex credits against what the team's balance says was used, where the billing cycle is the month itself."""
    how = "flex credits against the add-on credits used by the team's balance"
    reply = run.replies.get("balance")
    if reply is None or not reply.is_good:
        no = "it was not asked" if reply is None else reply.refused or reply.failed
        return Check("not checked", how, why=f"the balance cannot be read ({no}; it needs 'Billing Read')")
    figures = {name: _plain(value) for name, value in reply.value.items() if isinstance(name, str)}
    cycle = read_cycle(reply.value)
    if cycle != run.span:
        why = f"the billing cycle is {cycle or 'not whole days'}, not the month"
        return Check("not checked", how, why=why, figures=figures)
    used = read_used(reply.value)
    if used is None:
        return Check("not checked", how, why="the balance is no number", figures=figures)
    residual = used - outcome.tally.totals[1]
    figures["residual_hundredths"] = residual
    if abs(residual) <= BALANCE_TOLERANCE:
        return Check("agrees", how, 1, figures=figures)
    if outcome.failed or outcome.tally.quarantined:
        return Check("not checked", how, why="some of it could not be read", figures=figures)
    why = f"the balance says {format_credits(used)} were used, {format_credits(outcome.tally.totals[1])} are here"
    return Check("differs", how, 1, why, figures)


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
    return value if isinstance(value, int | str | None) else str(value)
