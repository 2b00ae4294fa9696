"""Which route is taken: the first whose answer is whole and whose proof holds, else the last that brought anything."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyarrow.json import ParseOptions, read_json

from flexlib.certificate import SETTLING_TIME, WITNESSES
from flexlib.checks import NO_WITNESS, Check, explain_check
from flexlib.dates import Month
from flexlib.errors import FlexlibError, RouteRefused, ServerRefused
from flexlib.i18n import Translated, _, join_texts, mark_text, to_english
from flexlib.ingest.windsurf.checks import (
    PER_USER,
    check_balance,
    check_independent_total,
    check_sums,
    check_users,
)
from flexlib.ingest.windsurf.routes import ROUTES
from flexlib.ingest.windsurf.run import INDEPENDENT_TOTAL, Outcome, Run, open_run
from flexlib.ingest.windsurf.server import Server, recall_refusals, remember_refusal
from flexlib.schema import CREDITS
from flexlib.settings import Settings
from flexlib.store.server import keep_server
from flexlib.stored_notes import (
    ASKED_ROUTE,
    BETWEEN,
    CROSS_CHECK_FAILS,
    FIRST_ROUTE,
    PROOF_FAILS,
    ROUTE_FAILED,
    ROUTE_REFUSED,
    ROUTE_REFUSED_BEFORE,
    ROUTE_TAKEN,
    SUMS_FAIL,
    tell_why,
)

LAST_RESORT = "consumption"
"""Its refusal is not remembered: what it is refused for, such as the hourly limit, passes soon."""

PEOPLE_ONLY = mark_text(
    "This route asks only the people on the list: a key that spends and is not on it would not show."
)


@dataclass(frozen=True)
class RouteResult:
    """What one route brought home, as rows, and what the certificate says of it."""

    outcome: Outcome
    rows: pa.Table
    facts: dict[str, Any]

    @property
    def failed_checks(self) -> str:
        """What its own proof says against it. Not the balance and the other endpoint: no route would change them."""
        own = {SUMS_FAIL: self.facts["sums"], CROSS_CHECK_FAILS: self.facts["cross_check"]}
        return join_texts(
            _(said).format(found=explain_check(check)) for said, check in own.items() if check.result == "differs"
        )


@dataclass
class RouteChoice:
    """The routes to one month, tried from the top. `asked` is one of `ROUTES` or `auto`."""

    run: Run
    month: Month
    server: Server
    settings: Settings
    asked: str
    verify: int | None
    attempts: list[str] = field(default_factory=list)
    """What became of the routes that were not taken, in the reader's language; stored in English."""

    def choose(self) -> RouteResult:
        """The month by the first route that holds, else by the last that brought anything.

        Raises `RouteRefused` with the whole attempts when none did, and what stops a run at once (`errors`).
        """
        names = self._order_routes()
        open_run(self.run, names[0])
        # Not before somebody answered: a mistyped address would own the folder.
        keep_server(
            self.server.name, {"base_url": self.settings.base_url, "demo": self.server.demo}, self.settings.data
        )
        found: RouteResult | None = None
        refusal: FlexlibError | None = None
        while names and (found is None or found.failed_checks):
            name = names.pop(0)
            try:
                found = self._try_route(name)
            except RouteRefused as no:
                refusal = no
                self._step_down(name, Translated(str(no), no.english), passing=no.passing)
                if no.gone:
                    names = [other for other in names if other == LAST_RESORT]
            except FlexlibError as error:
                if found is None and not self._is_passed_over(error, name, names):
                    raise
                refusal = error
                self._note(_(ROUTE_FAILED), name, Translated(str(error), error.english))
                names = [] if found else names
            else:
                if found.failed_checks and names:
                    self._step_down(name, _(PROOF_FAILS).format(checks=found.failed_checks))
        if found is None:
            assert refusal is not None
            raise RouteRefused(
                _("{month} cannot be read from {name}: {attempts}. Nothing was stored.").format(
                    month=self.month, name=self.server.name, attempts=join_texts(self.attempts)
                ),
                exit_code=refusal.exit_code,
            ) from refusal
        return found

    def _order_routes(self) -> list[str]:
        if self.asked != "auto":
            return [self.asked]
        refused = recall_refusals(self.settings)
        said = _(ROUTE_REFUSED_BEFORE)
        self.attempts += [
            said.format(route=name, day=fact["at"][:10], why=tell_why(fact["why"])) for name, fact in refused.items()
        ]
        # Refused lately: tried last, so a refusal that has passed does not leave us with nothing.
        return [*(name for name in ROUTES if name not in refused), *refused]

    def _try_route(self, name: str) -> RouteResult:
        self.run.progress.restart()
        outcome = ROUTES[name](self.run)
        checks = self._check(outcome)
        if unit := outcome.unit or checks["independent_total"].figures.get("unit"):
            keep_server(self.server.name, {"unit": unit}, self.settings.data)
        return RouteResult(outcome, _build_rows(outcome), checks | self._list_facts(outcome, checks))

    def _step_down(self, name: str, why: str, *, passing: bool = False) -> None:
        if name != LAST_RESORT and not passing:
            remember_refusal(self.settings, self.server, name, self.settings.hide_key(str(to_english(why))))
        self._note(_(ROUTE_REFUSED), name, why)

    def _note(self, said: str, name: str, why: str) -> None:
        shown, stored = (self.settings.hide_key(str(one)) for one in (why, to_english(why)))
        self.attempts.append(said.format(route=name, why=Translated(shown, stored)))

    @staticmethod
    def _is_passed_over(error: FlexlibError, name: str, others: list[str]) -> bool:
        """Whether the key may still be allowed to read the other routes' endpoint."""
        return isinstance(error, ServerRefused) and name == LAST_RESORT and bool(others)

    def _check(self, outcome: Outcome) -> dict[str, Check]:
        run = self.run
        settled = min(filter(None, (run.draft.started_at, run.client.server_date))) >= self._settled_at
        return {
            "sums": check_sums(outcome, settled=settled),
            "independent_total": check_independent_total(run.replies.get(INDEPENDENT_TOTAL), outcome, settled=settled),
            "cross_check": check_users(run, outcome, self.verify),
            "balance": check_balance(run.replies.get("balance"), run.span, outcome, len(run.people)),
        }

    @property
    def _settled_at(self) -> datetime:
        return self.month.end + SETTLING_TIME

    def _list_facts(self, outcome: Outcome, checks: dict[str, Check]) -> dict[str, Any]:
        """What the certificate says of the route, beside rows, sums and checks."""
        run, tally = self.run, outcome.tally
        users = {user for _, user, _ in tally.sums}
        unlisted = sorted(users - set(run.keys))
        notes = list(outcome.notes)
        if outcome.route in PER_USER and "agrees" not in (checks["sums"].result, checks["independent_total"].result):
            notes.append(PEOPLE_ONLY)
        is_accepted = self.settings.has_no_witness and "agrees" not in (checks[name].result for name in WITNESSES)
        clock = run.client.server_date
        is_behind = clock is not None and clock < self._settled_at <= run.draft.started_at
        return {
            "quarantined_rows": len(tally.quarantined),
            "accepted_by": NO_WITNESS * is_accepted,
            "server_clock": clock.isoformat() if clock is not None and is_behind else "",
            "notes": tuple(notes),
            "server": self.server.name,
            "demo": self.server.demo,
            "route": outcome.route,
            "route_reason": self._explain_route(outcome.route),
            "users_asked": len(run.people),
            "users_active": len(users & set(run.keys)),
            "users_failed": len(outcome.failed),
            "failed_users": tuple(sorted(outcome.failed)),
            "absent_values": tally.absent_values,
            "unmapped_keys": len(unlisted),
            "unmapped_users": tuple(unlisted),
            "requests_sent": run.client.sent,
            "requests_retried": run.client.retried,
            "requests_resumed": len(run.draft.resumed),
        }

    def _explain_route(self, name: str) -> str:
        if self.asked != "auto":
            return ASKED_ROUTE
        if not self.attempts:
            return FIRST_ROUTE
        return BETWEEN.join([*map(str, to_english(self.attempts)), ROUTE_TAKEN.format(route=name)])


def _build_rows(outcome: Outcome) -> pa.Table:
    """The credits table, sorted by its key."""
    lines = []
    for (day, user, model), (prompt, flex, count) in sorted(outcome.tally.sums.items()):
        values = (f"{day} 00:00:00", user, model, prompt, flex, count if outcome.counts_rows else None)
        lines.append(json.dumps(dict(zip(CREDITS.names, values, strict=True))))
    text = pa.BufferReader("\n".join(lines).encode() or b"\n")
    # By way of JSON: pa.array imports pandas, which takes longer than the rest of the run.
    return read_json(text, parse_options=ParseOptions(explicit_schema=CREDITS)).cast(CREDITS)
