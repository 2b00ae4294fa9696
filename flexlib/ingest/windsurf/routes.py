"""The four routes to a month of credits, each with the same result: who spent what, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flexlib.errors import RouteRefused
from flexlib.formats import format_credits, format_number
from flexlib.i18n import _
from flexlib.ingest.windsurf.run import Outcome, Run, ask_team_totals
from flexlib.ingest.windsurf.unit import settle_run_unit
from flexlib.sources.windsurf import consumption, wire
from flexlib.sources.windsurf.client import ApiResponse
from flexlib.sources.windsurf.consumption import ask_consumption_total
from flexlib.sources.windsurf.users import ask_batches, is_gone
from flexlib.sources.windsurf.wire import CreditSums
from flexlib.stored_notes import CUT_SHORT, CUT_SHORT_TOTAL, NO_TEAM_SUM, UNIT


def fetch_team(run: Run) -> Outcome:
    """Everybody's sums in one request, checked against the server's sum with no grouping."""
    ask = wire.ask_team(run.span)
    if kept := run.draft.find("team", "team"):
        groups, whole = ask.read(json.loads(kept[-1]["text"]))
    else:
        reply = run.take_reply(ask)
        if not reply.is_good:
            raise RouteRefused(_say_no(reply), gone=is_gone(reply.refused), passing=bool(reply.failed))
        groups, whole = reply.value
        run.draft.add("team", reply.text, "team")
    tally = CreditSums()
    tally.add_items(groups, run.span)
    try:
        totals = wire.read_totals(whole[0] if whole else {})
    except ValueError as error:
        raise RouteRefused(_(NO_TEAM_SUM).format(error=error)) from error
    if totals != tally.totals and not tally.quarantined:
        raise RouteRefused(
            _(CUT_SHORT).format(
                rows=format_number(tally.totals[2]),
                credits=format_credits(tally.totals[1]),
                rows_there=format_number(totals[2]),
                credits_there=format_credits(totals[1]),
            ),
            exit_code=4,
        )
    run.progress.advance(len(run.people), _count_active(tally, run.keys), tally.data_points)
    return Outcome("team", tally, team_totals=totals)


def fetch_batch(run: Run) -> Outcome:
    """Many users a request, a query each."""
    return _fetch_users(run, "batch", 0)


def fetch_user(run: Run) -> Outcome:
    """One request a user."""
    return _fetch_users(run, "user", 1)


def _fetch_users(run: Run, route: str, size: int) -> Outcome:
    outcome = Outcome(route, CreditSums())
    missing = dict.fromkeys(run.keys)
    total = ask_team_totals(run)

    def take(users: list[str], results: list[list[dict[str, Any]]]) -> None:
        for user, items in zip(users, results, strict=True):
            part = CreditSums()
            part.add_items(items, run.span, user)
            outcome.tally.merge(part)
            run.progress.advance(1, int(bool(part.sums)), part.data_points)
            missing.pop(user, None)

    for line in run.draft.find("users", route):
        take(line["users"], wire.ask_users(line["users"], run.span).read(json.loads(line["text"])))
    for reply in ask_batches(run.client, list(missing), run.span, size):
        users = list(reply.ask.users)
        if reply.failed:
            outcome.failed[users[0]] = reply.failed
            run.progress.advance(1, 0, 0)
        else:
            run.draft.add("users", reply.text, route, users=users)
            take(users, reply.value)
    outcome.team_totals = total
    return outcome


def fetch_consumption(run: Run) -> Outcome:
    """The documented endpoint: people by e-mail, its unit settled or refused."""
    rows: list[dict[str, Any]] = []
    texts = []
    for reply in consumption.fetch_pages(run.client, run.span):
        rows += reply.value.rows
        texts.append(reply.text)
    native = consumption.read_total(
        run.client.ask_one(ask_consumption_total(run.span, "total", consumption.MAX_RETRY_AFTER))
    )
    analytics = ask_team_totals(run)
    settled = settle_run_unit(run, native, analytics)
    unit = settled.unit
    users = consumption.map_people(rows, run.people, run.span)
    for text in texts:
        run.draft.add("consumption", consumption.hide_people(text, users), "consumption")
    tally = consumption.tally_rows(rows, run.span, users, unit)
    try:
        totals = (consumption.scale(native[0], unit), consumption.scale(native[1], unit), 0)
    except ValueError as error:
        raise RouteRefused(
            _("the consumption endpoint's total cannot be in {unit}: {error}").format(unit=unit, error=error)
        ) from error
    if totals != tally.totals and not tally.quarantined:
        raise RouteRefused(
            _(CUT_SHORT_TOTAL).format(credits=format_credits(tally.totals[1]), credits_there=format_credits(totals[1])),
            exit_code=4,
        )
    unlisted = {key: {"email": email, "name": ""} for email, key in users.items() if key.startswith("unmapped-")}
    run.progress.advance(len(run.people), _count_active(tally, run.keys), len(rows))
    return Outcome(
        "consumption",
        tally,
        team_totals=totals,
        counts_rows=False,
        notes=[UNIT.format(unit=unit, why=settled.why)],
        people=unlisted,
        analytics_totals=analytics,
        unit=unit if settled.is_found else None,
    )


def _count_active(tally: CreditSums, keys: list[str]) -> int:
    return len({user for _, user, _ in tally.sums} & set(keys))


def _say_no(reply: ApiResponse) -> str:
    return reply.refused or reply.failed


ROUTES: dict[str, Callable[[Run], Outcome]] = {
    "team": fetch_team,
    "batch": fetch_batch,
    "user": fetch_user,
    "consumption": fetch_consumption,
}
"""By name, in the order in which `auto` tries them."""
