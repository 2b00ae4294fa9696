"""What the routes and the checks of one run share, and the first wave of its requests."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from flexlib.dates import Span
from flexlib.errors import ServerRefused, ServerUnreachable
from flexlib.i18n import _
from flexlib.ingest.windsurf.progress import Progress
from flexlib.sources.windsurf import wire
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.consumption import ask_consumption_total
from flexlib.sources.windsurf.wire import ApiRequest, CreditSums, Person
from flexlib.store.draft import Draft

Totals = tuple[int, int, int]

INDEPENDENT_TOTAL = "independent total"
"""The purpose of the request for the month's total by the other endpoint."""


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
    replies: dict[str, ApiResponse] = field(default_factory=dict)
    """What the first wave of requests brought, by purpose."""

    @property
    def keys(self) -> list[str]:
        return [person.key for person in self.people]

    def take_reply(self, ask: ApiRequest) -> ApiResponse:
        """The first wave's reply for this purpose, which is used once: a later route asks for a fresh one."""
        return self.replies.pop(ask.purpose, None) or self.client.ask_one(ask)


@dataclass
class Outcome:
    """What one route brought home."""

    route: str
    tally: CreditSums
    failed: dict[str, str] = field(default_factory=dict)
    """Users who could not be read, and why."""
    team_totals: Totals | None = None
    """The server's own sums over the whole team: prompt, flex (hundredths), rows (0 where it counts none)."""
    counts_rows: bool = True
    notes: list[str] = field(default_factory=list)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    """Personal data of spenders who are not on the list."""
    analytics_totals: Totals | None = None
    """What /Analytics says the whole team used, where consumption was read and it was asked too."""
    unit: str | None = None
    """The consumption endpoint's unit, where this route has found it out."""

    @property
    def is_partial(self) -> bool:
        """Whether something could not be read."""
        return bool(self.failed or self.tally.quarantined)


def open_run(run: Run, route: str) -> None:
    """Sends what needs nothing else at once: people, balance, the independent total, the route's first request.

    Raises `ServerRefused` or `ServerUnreachable` when there is no list of people to be had.
    """
    asks = deque([wire.ask_balance()])
    kept = _take_kept_people(run.draft.people)
    if kept is None:
        asks.appendleft(wire.ask_people())
    if route == "team" and not run.draft.find("team", "team"):
        asks.append(wire.ask_team(run.span))
    if route in ("batch", "user"):
        asks.append(wire.ask_team(run.span, grouped=False))
    if route != "consumption":
        asks.append(ask_consumption_total(run.span, INDEPENDENT_TOTAL))
    run.replies = {reply.ask.purpose: reply for reply in run.client.ask_all(asks)}
    if kept is None:
        kept = _read_people(run.replies.pop("people"))
        run.draft.keep_people([asdict(person) for person in kept])
    run.people = kept
    run.progress.start(len(run.people))


def count_people(client: Client) -> int:
    """How many are on the team's list, asked once. Raises `ServerRefused` or `ServerUnreachable`."""
    return len(_read_people(client.ask_one(replace(wire.ask_people(), retries=False))))


def _take_kept_people(kept: list[dict[str, Any]] | None) -> list[Person] | None:
    """Those of a run that was cut off; None, so that they are asked for again, where that list was spoilt."""
    names = {field.name for field in fields(Person)}
    return [Person(**one) for one in kept] if kept and all(one.keys() == names for one in kept) else None


def _read_people(reply: ApiResponse) -> list[Person]:
    server = reply.ask.path
    if reply.refused:
        raise ServerRefused(
            _("The server refused to list the team's people at {server} ({refused}).").format(
                server=server, refused=reply.refused
            )
        )
    if reply.failed:
        raise ServerUnreachable(
            _("The server did not list the team's people at {server} ({failed}). Try again.").format(
                server=server, failed=reply.failed
            )
        )
    if not reply.value:
        raise ServerRefused(
            _("The server lists no people at {server}, so there is nobody to ask for; check the key.").format(
                server=server
            )
        )
    people: list[Person] = reply.value
    return people


def ask_team_totals(run: Run) -> Totals | None:
    """The server's own sum over the whole team, when it is willing to give one."""
    reply = run.take_reply(wire.ask_team(run.span, grouped=False))
    if not reply.is_good:
        return None
    run.draft.add("total", reply.text)
    try:
        return wire.read_totals(reply.value[0][0] if reply.value[0] else {})
    except ValueError:
        return None  # quarantined rows make the sum itself unreadable; they are a GAP of their own
