"""The four routes to a month of credits, each with the same result: who spent what, and what could not be read."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from flexlib.draft import Draft
from flexlib.errors import RouteRefused, ServerRefused, ServerUnreachable
from flexlib.formats import format_credits
from flexlib.month import Span
from flexlib.sources.windsurf import consumption, wire
from flexlib.sources.windsurf.client import Client, Reply
from flexlib.sources.windsurf.consumption import ask_consumption_total, settle_unit
from flexlib.sources.windsurf.users import ask_batches, is_gone
from flexlib.sources.windsurf.wire import Ask, Person, Tally
from flexlib.update.progress import Progress

__all__ = ["ROUTES", "Outcome", "Run", "Totals", "open_run", "read_cycle", "read_used"]

Totals = tuple[int, int, int]


@dataclass
class Run:
    """What the routes and the checks of one run share."""

    client: Client
    span: Span
    draft: Draft
    progress: Progress
    unit_setting: str | None = None
    unit_remembered: str | None = None
    people: list[Person] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    """What the first wave of requests brought, by purpose."""
    unit_settled: str | None = None
    """The consumption endpoint's unit, once this run has found it out."""

    @property
    def keys(self) -> list[str]:
        return [person.key for person in self.people]

    def ask(self, ask: Ask) -> Reply:
        """The first wave's reply for this purpose, or a fresh one."""
        return self.replies.pop(ask.purpose, None) or self.client.ask_one(ask)


@dataclass
class Outcome:
    """What one route brought home."""

    route: str
    tally: Tally
    failed: dict[str, str] = field(default_factory=dict)
    """Users who could not be read, and why."""
    team_totals: Totals | None = None
    """The server's own sums over the whole team: prompt, flex (hundredths), rows (0 where it counts none)."""
    counts_rows: bool = True
    notes: list[str] = field(default_factory=list)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    """Personal data of spenders who are not on the list."""


def open_run(run: Run, route: str, *, witness: bool) -> None:
    """Sends everything that needs nothing else at once: the people, the balance, the witness, the route's first ask.

    Raises `ServerRefused` or `ServerUnreachable` when there is no list of people to be had.
    """
    asks = deque([wire.ask_balance()])
    kept = run.draft.people
    if kept is None:
        asks.appendleft(wire.ask_people())
    if route == "team" and not run.draft.find("team", "team"):
        asks.append(wire.ask_team(run.span))
    if route in ("batch", "user"):
        asks.append(wire.ask_team(run.span, grouped=False))
    if route != "consumption" and witness:
        asks.append(ask_consumption_total(run.span, "witness"))
    run.replies = {reply.ask.purpose: reply for reply in run.client.ask_all(asks)}
    if kept is None:
        kept = _read_people(run.replies.pop("people"))
        run.draft.keep_people(kept)
    run.people = [Person(**person) for person in kept]
    run.progress.start(len(run.people))


def _read_people(reply: Reply) -> list[dict[str, Any]]:
    server = reply.ask.path
    if reply.refused:
        raise ServerRefused(f"The server refused to list the team's people at {server} ({reply.refused}).")
    if reply.failed:
        raise ServerUnreachable(f"The server did not list the team's people at {server} ({reply.failed}). Try again.")
    if not reply.value:
        raise ServerRefused(f"The server lists no people at {server}, so there is nobody to ask for; check the key.")
    return [asdict(person) for person in reply.value]


def fetch_team(run: Run) -> Outcome:
    """Everybody's sums in one request, checked against the server's sum with no grouping."""
    ask = wire.ask_team(run.span)
    if kept := run.draft.find("team", "team"):
        groups, whole = ask.read(json.loads(kept[-1]["text"]))
    else:
        reply = run.ask(ask)
        if not reply.is_good:
            raise RouteRefused(_say_no(reply), gone=is_gone(reply.refused))
        groups, whole = reply.value
        run.draft.add("team", reply.text, "team")
    tally = Tally()
    tally.add_items(groups, run.span)
    try:
        totals = wire.read_totals(whole[0] if whole else {})
    except ValueError as error:
        raise RouteRefused(f"the team's own sum is no number ({error})") from error
    if totals != tally.totals and not tally.quarantined:
        raise RouteRefused(
            f"the answer is cut short: it holds {tally.totals[2]:,} rows with {format_credits(tally.totals[1])} "
            f"flex credits, the server's own sum is {totals[2]:,} rows with {format_credits(totals[1])}",
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
    outcome = Outcome(route, Tally())
    missing = dict.fromkeys(run.keys)
    total = _ask_team_totals(run)

    def take(users: list[str], results: list[list[dict[str, Any]]]) -> None:
        for user, items in zip(users, results, strict=True):
            part = Tally()
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


def _ask_team_totals(run: Run) -> Totals | None:
    """The server's own sum over the whole team, when it is willing to give one."""
    reply = run.ask(wire.ask_team(run.span, grouped=False))
    if not reply.is_good:
        return None
    run.draft.add("total", reply.text)
    try:
        return wire.read_totals(reply.value[0][0] if reply.value[0] else {})
    except ValueError:
        return None  # quarantined rows make the sum itself unreadable; they are a GAP of their own


def fetch_consumption(run: Run) -> Outcome:
    """The documented endpoint: people by e-mail, its unit settled or refused."""
    rows: list[dict[str, Any]] = []
    texts = []
    for reply in consumption.fetch_pages(run.client, run.span):
        rows += reply.value.rows
        texts.append(reply.text)
    native = consumption.read_total(run.client.ask_one(ask_consumption_total(run.span, "total", consumption.PATIENCE)))
    unit, why = _settle(run, native)
    users = consumption.map_people(rows, run.people)
    for text in texts:
        run.draft.add("consumption", consumption.hide_people(text, users), "consumption")
    tally = consumption.tally_rows(rows, run.span, users, unit)
    try:
        totals = (consumption.scale(native[0], unit), consumption.scale(native[1], unit), 0)
    except ValueError as error:
        raise RouteRefused(f"the consumption endpoint's total cannot be in {unit}: {error}") from error
    if totals != tally.totals and not tally.quarantined:
        raise RouteRefused(
            f"the answer is cut short: its rows hold {format_credits(tally.totals[1])} flex credits, "
            f"its own total is {format_credits(totals[1])}",
            exit_code=4,
        )
    strangers = {key: {"email": email, "name": ""} for email, key in users.items() if key.startswith("unmapped-")}
    run.progress.advance(len(run.people), _count_active(tally, run.keys), len(rows))
    note = f"The consumption endpoint's numbers are {unit}: {why}."
    return Outcome("consumption", tally, {}, totals, counts_rows=False, notes=[note], people=strangers)


def _settle(run: Run, native: tuple[Any, Any]) -> tuple[str, str]:
    """The unit of the consumption endpoint and how it was found out. Raises `RouteRefused` when it cannot be."""
    if (v1 := _ask_team_totals(run)) and (unit := settle_unit(native, v1[:2], exact=True)):
        run.unit_settled = unit
        return unit, "the same month's total by /Analytics is the same"
    if unit := _settle_by_cycle(run):
        run.unit_settled = unit
        return unit, "the current billing cycle's use by UserPageAnalytics or the balance is about the same"
    if run.unit_remembered:
        return run.unit_remembered, "so they were in an earlier month"
    if run.unit_setting:
        return run.unit_setting, "WINDSURF_CONSUMPTION_UNIT says so"
    raise RouteRefused(
        "nothing tells whether the consumption endpoint counts credits or hundredths of a credit; "
        "set WINDSURF_CONSUMPTION_UNIT to credits or hundredths once you have compared one month with the vendor's page"
    )


def _settle_by_cycle(run: Run) -> str | None:
    """The unit in which the current cycle's consumption is about what the people's list or the balance says."""
    reply = run.replies.get("balance")
    cycle = None if reply is None or not reply.is_good else read_cycle(reply.value)
    if cycle is None:
        return None
    assert reply is not None
    answer = run.client.ask_one(ask_consumption_total(cycle, "cycle", consumption.PATIENCE))
    if not answer.is_good:
        return None
    prompt, flex = consumption.read_total(answer)
    spent = sum(person.prompt_credits for person in run.people)
    used = read_used(reply.value) or 0  # what is no number settles nothing, as nothing used does not
    pairs = (((prompt, prompt), (spent, spent)), ((flex, flex), (used, used)))
    fits = {unit for native, known in pairs if (unit := settle_unit(native, known, exact=False))}
    return fits.pop() if len(fits) == 1 else None


def read_cycle(balance: dict[str, Any]) -> Span | None:
    """The days of the billing cycle, or None when it is not given or not at midnight."""
    try:
        first, end = (str(balance[name]).removesuffix("Z") for name in ("billingCycleStart", "billingCycleEnd"))
        days = Span.parse(first.split("T")[0], end.split("T")[0])
    except (KeyError, ValueError):
        return None
    if days.days < 2 or {text.partition("T")[2].strip("0:.") for text in (first, end)} != {""}:
        return None
    return Span(days.first, list(days)[-2])


def read_used(balance: dict[str, Any]) -> int | None:
    """The add-on credits used in the cycle, in hundredths, or None when the balance gives no number."""
    name = "addOnCreditsUsed"
    try:
        return consumption.scale(consumption.read_number(balance.get(name), name), "credits")
    except ValueError:
        return None


def _count_active(tally: Tally, keys: list[str]) -> int:
    return len({user for _, user, _ in tally.sums} & set(keys))


def _say_no(reply: Reply) -> str:
    return reply.refused or reply.failed


ROUTES: dict[str, Callable[[Run], Outcome]] = {
    "team": fetch_team,
    "batch": fetch_batch,
    "user": fetch_user,
    "consumption": fetch_consumption,
}
"""By name, in the order in which `auto` tries them."""
