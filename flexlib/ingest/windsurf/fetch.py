"""Brings a month of credits up to date: fetch, check every record, keep the raw answers, write the certificate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from flexlib.certificate import CreditsCertificate
from flexlib.dates import Month, Span, check_begun
from flexlib.formats import format_number
from flexlib.i18n import _, find_language, write_stored
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.pipeline import hold_month, prepare_month, store_month
from flexlib.ingest.windsurf.progress import Progress
from flexlib.ingest.windsurf.route_choice import RouteChoice, RouteResult
from flexlib.ingest.windsurf.run import Outcome, Run
from flexlib.ingest.windsurf.server import check_root, identify_server
from flexlib.settings import Settings
from flexlib.sources.registry import WINDSURF
from flexlib.sources.windsurf.client import Client
from flexlib.store.draft import Draft
from flexlib.store.server import check_server, read_server
from flexlib.store.snapshots import find_snapshot
from flexlib.store.version import Snapshot
from flexlib.stored_notes import LOST_REQUESTS, write_note


def ensure_credits(span: Span, settings: Settings, **options: Any) -> list[Snapshot]:  # noqa: ANN401
    """The snapshot of each month of `span`, fetched where it is missing or stale; `options` as of `update_credits`."""
    check_begun(span)
    snapshots = []
    for month in span.months:
        snapshot = find_snapshot(WINDSURF.dataset, month, settings.data)
        if snapshot is not None and settings.service_key:  # without one no server is asked, and what is stored is shown
            check_root(settings)
        if snapshot is None or snapshot.certificate.is_stale():
            snapshot = update_credits(month, settings, **options)
        snapshot.check()
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
    with hold_month(WINDSURF, month, settings.data, wait=wait) as held:
        fingerprint = hashlib.blake2b(key.encode(), digest_size=8, person=b"flexlib").hexdigest()
        draft = Draft(held.folder / ".draft", f"{server.name} {fingerprint}")
        discard = False
        try:
            with Client(settings.base_url, key, workers, settings.ca_bundle, progress.say) as client:
                remembered = read_server(settings.data)
                run = Run(client, month.span, draft, progress, settings.consumption_unit, remembered.get("unit"))
                found = RouteChoice(run, month, server, settings, route, verify).choose()
            lost = _name_lost_requests(held.newest, found)
            snapshot = store_month(prepare_month(held, _deliver(run, month, found, lost)))
            # Users who failed are worth asking again while the other answers still are of this state of the server.
            discard = not (found.outcome.failed and not found.outcome.tally.quarantined)
        finally:
            progress.close()
            draft.close(discard=discard)
    progress.finish(_summarize(snapshot, found.outcome))
    for sentence in lost:
        progress.say(sentence)
    return snapshot


@write_stored
def _name_lost_requests(before: Snapshot | None, found: RouteResult) -> Iterator[str]:
    """That the newest version counts requests, and this route's, which is the newest from now on, does not."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if before is None or found.outcome.counts_rows or not before.is_unchanged:
        return
    certificate = before.certificate
    counted = pc.sum(pq.read_table(before.path / f"{before.dataset}.parquet", columns=["requests"])["requests"]).as_py()
    if not counted or not isinstance(certificate, CreditsCertificate):
        return
    before_it, now = certificate.route, found.outcome.route
    yield write_note(LOST_REQUESTS, counted, month=before.month, route=before_it, now=now, again=before_it)


def _deliver(run: Run, month: Month, found: RouteResult, lost: tuple[str, ...]) -> Delivery:
    tally = found.outcome.tally
    prompt, flex, _ = tally.totals
    people = {person.key: {"email": person.email, "name": person.name} for person in run.people}
    return Delivery(
        source=WINDSURF,
        month=month,
        read_at=run.draft.started_at,
        tables=[found.rows],
        counts={"rows": len(tally.sums), "prompt_credits_hundredths": prompt, "flex_credits_hundredths": flex},
        raw=chain(run.draft.lines(), map(_quarantine_line, tally.quarantined)),
        people=people | found.outcome.people,
        facts=found.facts | {"notes": (*found.facts["notes"], *lost)},
        renews="always",
    )


def _quarantine_line(one: dict[str, Any]) -> str:
    return json.dumps({"purpose": "quarantined", **one}, default=str)


def _summarize(snapshot: Snapshot, outcome: Outcome) -> str:
    certificate = snapshot.certificate
    assert isinstance(certificate, CreditsCertificate)
    head = _("✅ Complete!") if certificate.state.exit_code == 0 else f"⚠️  {certificate.state}:"
    data_points = outcome.tally.data_points if outcome.counts_rows else certificate.rows
    write = str if find_language() == "en" else format_number  # the English line is that of the seed
    failed = _(" | Failed: {count}").format(count=write(certificate.users_failed)) if certificate.users_failed else ""
    return _("{head} Processed {asked} users | Active: {active}{failed} | Data points: {points}").format(
        head=head,
        asked=write(certificate.users_asked),
        active=write(certificate.users_active),
        failed=failed,
        points=format_number(data_points),
    )
