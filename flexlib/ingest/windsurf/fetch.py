"""Brings a month of credits up to date: fetch, check every record, keep the raw answers, write the certificate."""

from __future__ import annotations

import hashlib
import json
from itertools import chain
from typing import Any

from flexlib.certificate import CreditsCertificate
from flexlib.dates import Month, Span, check_begun
from flexlib.ingest.windsurf.progress import Progress
from flexlib.ingest.windsurf.route_choice import RouteChoice
from flexlib.ingest.windsurf.run import Outcome, Run
from flexlib.ingest.windsurf.server import check_root, identify_server
from flexlib.schema import check_credits
from flexlib.settings import Settings
from flexlib.sources.windsurf.client import Client
from flexlib.store.draft import Draft
from flexlib.store.server import check_server, read_server
from flexlib.store.snapshots import Snapshot, find_snapshot, lock_month, write_snapshot


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
    """Fetches the month again and stores it with its certificate; takes up what a killed run had read.

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
                found = RouteChoice(run, month, server, settings, route, verify).choose()
            outcome = found.outcome
            snapshot = write_snapshot(
                check_credits(found.rows, month),
                found.certificate,
                chain(draft.lines(), (_quarantine_line(one) for one in outcome.tally.quarantined)),
                {person.key: {"email": person.email, "name": person.name} for person in run.people} | outcome.people,
                settings.data,
            )
            # Users who failed are worth asking again while the other answers still are of this state of the server.
            discard = not (outcome.failed and not outcome.tally.quarantined)
        finally:
            progress.close()
            draft.close(discard=discard)
    progress.finish(_summarize(found.certificate, outcome))
    return snapshot


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
