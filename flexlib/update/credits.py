"""Brings a month of credits up to date: fetch, check every record, keep the raw answers, write the certificate."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from itertools import chain
from typing import Any

import pyarrow as pa
from pyarrow.json import ParseOptions, read_json

import flexlib
from flexlib.certificate import REFRESH, CreditsCertificate
from flexlib.draft import Draft
from flexlib.errors import BadMonth, FlexlibError, RouteRefused, ServerRefused
from flexlib.month import Month, Span
from flexlib.schema import CREDITS, check_credits
from flexlib.settings import Settings
from flexlib.sources.windsurf.client import Client
from flexlib.store import (
    Snapshot,
    check_server,
    find_snapshot,
    hash_rows,
    keep_server,
    lock_month,
    read_server,
    write_snapshot,
)
from flexlib.update.checks import check_balance, check_sums, check_users, check_witness
from flexlib.update.progress import Progress
from flexlib.update.routes import ROUTES, Outcome, Run, open_run
from flexlib.update.server import Server, check_root, identify_server, recall_refusals, remember_refusal

__all__ = ["check_begun", "ensure_credits", "update_credits"]

LAST_RESORT = "consumption"
"""Its refusal is not remembered: what it is refused for, such as the hourly limit, passes soon."""


def check_begun(span: Span) -> None:
    """Raises `BadMonth` when a month of `span` lies in the future, before any other is fetched."""
    now = Month.containing(datetime.now(timezone.utc).date())
    if span.months[-1] > now:
        raise BadMonth(f"{max(now.next, span.months[0]).title} has not begun yet; ask for days up to {now.title}.")


def ensure_credits(span: Span, settings: Settings, **options: Any) -> list[Snapshot]:  # noqa: ANN401
    """The snapshot of each month of `span`, fetched where it is missing or stale; `options` as of `update_credits`."""
    check_begun(span)
    snapshots = []
    for month in span.months:
        snapshot = find_snapshot("credits", month, settings.data)
        if snapshot is not None:
            check_root(settings)
        if snapshot is None or snapshot.certificate.is_stale():
            snapshot = update_credits(month, settings, **options)
        snapshots.append(snapshot)
    return snapshots


def update_credits(
    month: Month,
    settings: Settings,
    *,
    route: str = "auto",
    workers: int = 20,
    verify: int | None = 20,
    forced_progress: bool = False,
    wait: bool = False,
) -> Snapshot:
    """Fetches the month anew and stores it with its certificate; takes up what a killed run had read.

    `route` is one of `ROUTES` or `auto`; `verify` is how many users are asked again (None: all). Raises the errors of
    `errors`; then nothing is stored and what was stored before is untouched.
    """
    check_begun(month.span)
    key = settings.required_key
    server = identify_server(settings)
    check_server(server.name, settings.data)
    progress = Progress(forced=forced_progress)
    with lock_month("credits", month, settings.data, wait) as folder:
        fingerprint = hashlib.blake2b(key.encode(), digest_size=8, person=b"flexlib").hexdigest()
        draft = Draft(folder / ".draft", f"{server.name} {fingerprint}")
        discard = False
        try:
            with Client(settings.base_url, key, workers) as client:
                remembered = read_server(settings.data)
                run = Run(client, month.span, draft, progress, settings.consumption_unit, remembered.get("unit"))
                outcome, rows, certificate = _climb(run, month, server, route, verify, settings)
            snapshot = write_snapshot(
                check_credits(rows, month),
                certificate,
                chain(draft.lines(), (_quarantine_line(one) for one in outcome.tally.quarantined)),
                {person.key: {"email": person.email, "name": person.name} for person in run.people} | outcome.people,
                settings.data,
            )
            # Users who failed are worth asking again while the other answers still are of this state of the server.
            discard = not (outcome.failed and not outcome.tally.quarantined)
        finally:
            progress.close()
            draft.close(discard=discard)
    progress.finish(_summarize(certificate, outcome))
    return snapshot


def _climb(
    run: Run, month: Month, server: Server, route: str, verify: int | None, settings: Settings
) -> tuple[Outcome, pa.Table, CreditsCertificate]:
    """Tries the routes in turn until one is whole and proven; else the last that brought anything, as it is.

    Raises what the last route was refused with when none brought anything.
    """
    refused = recall_refusals(settings) if route == "auto" else {}
    # Refused lately: tried last, so a refusal that has passed does not leave us with nothing.
    names = [*(name for name in ROUTES if name not in refused), *refused] if route == "auto" else [route]
    story = [f"{name} was refused on {fact['at'][:10]} ({fact['why']})" for name, fact in refused.items()]
    open_run(run, names[0], witness=True)
    # Not before somebody answered: a mistyped address would own the folder.
    keep_server(server.name, {"base_url": settings.base_url, "demo": server.demo}, settings.data)
    found: tuple[Outcome, pa.Table, CreditsCertificate] | None = None
    failure: FlexlibError | None = None
    gone = False
    for name in names:
        if gone and name != LAST_RESORT:
            continue
        run.progress.restart()
        try:
            outcome = ROUTES[name](run)
        except RouteRefused as no:
            failure, gone = no, gone or no.gone
            if name == LAST_RESORT:
                story.append(f"{name} was refused ({no})")
            else:
                story.append(remember_refusal(settings, server, name, str(no)))
            continue
        except FlexlibError as error:
            story.append(f"{name} failed ({error})")
            if found is not None:
                break
            if not (isinstance(error, ServerRefused) and name == LAST_RESORT != names[-1]):
                raise
            failure = error
            continue
        rows = _build_rows(outcome)
        certificate = _certify(run, outcome, rows, month, server, verify, _tell(route, name, story))
        if run.unit_settled:
            keep_server(server.name, {"unit": run.unit_settled}, settings.data)
        found = outcome, rows, certificate
        # Only what another route could show otherwise: the balance and the witness would be the same.
        own = {"sums": certificate.sums, "cross-check": certificate.cross_check}
        wrong = [f"{name}: {check.why}" for name, check in own.items() if check.result == "differs"]
        if not wrong or route != "auto":
            break
        if name != names[-1]:
            story.append(remember_refusal(settings, server, name, f"its proof fails, {'; '.join(wrong)}"))
    if found is None:
        assert failure is not None
        raise RouteRefused(
            f"{month} cannot be read from {server.name}: " + "; ".join(story) + ". Nothing was stored.",
            exit_code=failure.exit_code,
        ) from failure
    return found


def _tell(asked: str, name: str, story: list[str]) -> str:
    if asked != "auto":
        return "asked for by --route"
    return "; ".join([*story, f"{name} was taken"]) if story else "the first choice, and the server answered it"


def _certify(
    run: Run, outcome: Outcome, rows: pa.Table, month: Month, server: Server, verify: int | None, reason: str
) -> CreditsCertificate:
    prompt, flex, _ = outcome.tally.totals
    users = {user for _, user, _ in outcome.tally.sums}
    strangers = sorted(users - set(run.keys))
    settled = run.draft.started_at >= month.end + REFRESH
    sums, witness = check_sums(outcome), check_witness(run, outcome, settled=settled)
    notes = list(outcome.notes)
    if outcome.route in ("batch", "user") and "agrees" not in (sums.result, witness.result):
        notes.append("This route asks only the people on the list: a key that spends and is not on it would not show.")
    return CreditsCertificate(
        month=month,
        read_at=run.draft.started_at,
        rows=rows.num_rows,
        quarantined_rows=len(outcome.tally.quarantined),
        rows_sha256=hash_rows(rows),
        notes=tuple(notes),
        flexlib_version=flexlib.__version__,
        server=server.name,
        demo=server.demo,
        route=outcome.route,
        route_reason=reason,
        users_asked=len(run.people),
        users_active=len(users & set(run.keys)),
        users_failed=len(outcome.failed),
        failed_users=tuple(sorted(outcome.failed)),
        flex_credits_hundredths=flex,
        prompt_credits_hundredths=prompt,
        absent_values=outcome.tally.absent_values,
        unmapped_keys=len(strangers),
        unmapped_users=tuple(strangers),
        sums=sums,
        cross_check=check_users(run, outcome, verify),
        witness=witness,
        balance=check_balance(run, outcome),
        requests_sent=run.client.sent,
        requests_retried=run.client.retried,
        requests_resumed=len(run.draft.resumed),
    )


def _build_rows(outcome: Outcome) -> pa.Table:
    """The credits table, sorted by its key."""
    lines = []
    for (day, user, model), (prompt, flex, count) in sorted(outcome.tally.sums.items()):
        values = (f"{day} 00:00:00", user, model, prompt, flex, count if outcome.counts_rows else None)
        lines.append(json.dumps(dict(zip(CREDITS.names, values, strict=True))))
    text = pa.BufferReader("\n".join(lines).encode() or b"\n")
    # By way of JSON: pa.array imports pandas, which takes longer than the rest of the run.
    return read_json(text, parse_options=ParseOptions(explicit_schema=CREDITS)).cast(CREDITS)


def _quarantine_line(one: dict[str, Any]) -> str:
    return json.dumps({"purpose": "quarantined", **one}, default=str)


def _summarize(certificate: CreditsCertificate, outcome: Outcome) -> str:
    head = "✅ Complete!" if certificate.state.exit_code == 0 else f"⚠️  {certificate.state}:"
    data_points = outcome.tally.data_points if outcome.counts_rows else certificate.rows
    failed = f" | Failed: {certificate.users_failed}" if certificate.users_failed else ""
    return (
        f"{head} Processed {certificate.users_asked} users | Active: {certificate.users_active}{failed} "
        f"| Data points: {data_points:,}"
    )
