"""What a report reads, brought up to date first: from a server, out of the ledger, or of the made-up company."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import asks_demo, open_settings, read_fetch_options
from flexlib.dates import Month, Span, check_begun, name_months
from flexlib.errors import BadMonth, BadSetting, RouteRefused, ServerRefused, ServerUnreachable
from flexlib.formats import clean_text
from flexlib.i18n import _
from flexlib.setting_values import FIRST_MADE_UP, NO_KEY
from flexlib.settings import Settings
from flexlib.sources.registry import WINDSURF
from flexlib.store.snapshots import find_snapshot, list_newest, load_credits
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    from flexlib.front.spend import Spend
    from flexlib.proof import Certificate
    from flexlib.report.parameters import ReportRequest


USUAL_MONTHS = 2
"""Months before one out of which pages and `flexlib anomalies` tell what is usual: with fewer of them made up, a page
would be another one once somebody had asked for more."""


def bring_month(
    request: ReportRequest, settings: Settings, arguments: argparse.Namespace, *, is_demo: bool
) -> tuple[Snapshot, ...]:
    """Brings what the report reads up to date, and gives what it is of."""
    from flexlib.report.values import find_against
    from flexlib.spend.zones import find_month_snapshots

    month = request.month
    if month is None:
        year = request.values.get("year")
        months = [Month(year, number) for number in range(1, 13)] if isinstance(year, int) and year else []
        if is_demo and not arguments.offline:
            now = Month.containing(datetime.now(timezone.utc).date())
            for one in months:
                if FIRST_MADE_UP <= one <= now:
                    ensure_demo(one, "UTC", settings, **read_fetch_options(arguments))
        return tuple(snapshot for one in months for snapshot in list_newest(one, settings.data))
    if request.reads == "credits":
        found = _find_credits(month, settings, arguments)
        if is_demo and not arguments.offline:
            from flexlib.demo.calls import ensure_demo_rates
            from flexlib.ingest.windsurf.fetch import ensure_credits

            read = Span(_find_first(month, USUAL_MONTHS).first, month.last)
            if not arguments.alone:
                options: dict[str, Any] = read_fetch_options(arguments)
                ensure_credits(read, settings, **options)
            for one in read.months:  # as with the calls: a page is the same whichever is made first
                ensure_demo_rates(one, settings.data)
        return (found,)
    zone = request.zone
    if is_demo and not arguments.offline:
        many = max(USUAL_MONTHS, request.months_before)
        for one, before in ((find_against(request.values) or month, 0), (month, many)):
            ensure_demo(one, zone, settings, before, **read_fetch_options(arguments))
    elif not arguments.offline:
        _close_ledger(month, zone, settings)
        if settings.service_key:
            _find_credits(month, settings, arguments)
    return tuple(find_month_snapshots(month, settings.data, zone=zone))


def list_proofs(request: ReportRequest, snapshots: Sequence[Snapshot]) -> list[Certificate]:
    """Those of what a report is of, as the month of its zone has them."""
    from flexlib.spend.zones import judge_hours

    return [judge_hours(one, request.month or one.month, request.zone) for one in snapshots]


def _find_credits(month: Month, settings: Settings, arguments: argparse.Namespace) -> Snapshot:
    """The month's credits, and in the data folder those of the month before, which a report compares with."""
    if arguments.offline:
        return load_credits(month, settings.data)
    from flexlib.ingest.windsurf.fetch import ensure_credits

    if not settings.service_key and not find_snapshot(WINDSURF.dataset, month, settings.data):
        others = list_newest(month, settings.data)
        raise BadSetting(
            _("{no_key}; for imported calls add --notebook llm_usage.").format(no_key=_(NO_KEY))
            if others
            else _(NO_KEY) + "."
        )
    options: dict[str, Any] = read_fetch_options(arguments)
    (found,) = ensure_credits(month.span, settings, **options)
    before = month.previous
    if settings.service_key and not arguments.alone and not find_snapshot(WINDSURF.dataset, before, settings.data):
        try:
            ensure_credits(before.span, settings, **options)
        except (RouteRefused, ServerRefused, ServerUnreachable) as error:
            why = clean_text(str(error).rstrip("."))
            print(
                _("{month} is compared with nothing, {before} could not be read: {why} (--alone).").format(
                    month=month, before=before, why=why
                ),
                file=sys.stderr,
            )
    return found


def _close_ledger(month: Month, zone: str, settings: Settings) -> None:
    """Closes the ledger's calls of the month, and of those that a report reads with it, again where they are stale."""
    from flexlib.ingest.ledger import ensure_month
    from flexlib.ledger.door import find_ledger

    ledger, most = find_ledger(settings), settings.most_unpriced
    now = Month.containing(datetime.now(timezone.utc).date())
    is_recorded = month <= now and ensure_month(month, settings.data, ledger=ledger, most_unpriced=most) is not None
    # The month before is what this one is compared with; in another zone the months around have hours of this one.
    around = {month.previous: False} if zone == "UTC" else dict.fromkeys((month.previous, month.next), is_recorded)
    for one, even_empty in around.items():
        if one <= now:
            ensure_month(one, settings.data, ledger=ledger, even_empty=even_empty, most_unpriced=most)


def open_shown(arguments: argparse.Namespace, settings: Settings, *months: Month, before: int = 1) -> Settings:
    """The settings of what is shown, see `open_settings`, once its `months` are there: with `--demo` the made-up
    company's are brought, in the zone that is asked for, and so many `before` each."""
    is_demo, zone = bool(arguments.demo) and asks_demo(arguments, settings), getattr(arguments, "zone", "UTC")
    with open_settings(arguments, settings, offline=not is_demo, judged=months) as shown:
        for month in months if is_demo else ():
            ensure_demo(month, zone, shown, before)
    return shown


def load_shown_spend(
    settings: Settings,
    first: Month,
    last: Month | None = None,
    *,
    zone: str = "UTC",
    names: bool = False,
    roster: Path | None = None,
) -> Spend:
    """What is shown of these months, judged as the settings say; `roster`: instead of the organization that they name.
    Raises `SnapshotMissing`."""
    from flexlib.front.months import find_look
    from flexlib.front.spend import load_spend

    tolerance, look = settings.bill_tolerance, find_look(settings, settings.data)
    roster = roster or settings.organization
    return load_spend(first, last, settings.data, zone=zone, names=names, tolerance=tolerance, look=look, roster=roster)


def ensure_demo(month: Month, zone: str, settings: Settings, before: int = 1, /, **options: Any) -> None:  # noqa: ANN401
    """The made-up company's credits and calls of the month and of those that a report reads with it, so many before."""
    from flexlib.demo.calls import ensure_demo_calls
    from flexlib.ingest.windsurf.fetch import ensure_credits

    check_begun(month.span)  # itself, not the ones that are read with it
    check_made_up(month)
    first, now = _find_first(month, before), Month.containing(datetime.now(timezone.utc).date())
    _tell_read(Span(first.first, month.last), month, settings)
    ensure_credits(Span(first.first, month.last), settings, **options)
    last = month if zone == "UTC" else min(month.next, now)
    for one in Span(first.first, last.last).months:
        ensure_demo_calls(one, settings.data)


def _find_first(month: Month, before: int) -> Month:
    """The first of so many months before it, as far as there was a made-up company."""
    first = month
    for __ in range(before):
        first = first.previous if first > FIRST_MADE_UP else first
    return first


def check_made_up(month: Month) -> None:
    """Raises `BadMonth` for a month in which there was no made-up company."""
    if month < FIRST_MADE_UP:
        raise BadMonth(
            _("the made-up company begins in {first_month}; ask for that month or a later one, not {month}.").format(
                first_month=FIRST_MADE_UP, month=month
            )
        )


def _tell_read(span: Span, month: Month, settings: Settings) -> None:
    """Says which months of the demo are brought now: it takes a while, and pages of months after them change."""
    new = [one for one in span.months if not list_newest(one, settings.data, [WINDSURF.dataset])]
    if new:
        print(
            _("Reading {months} of the made-up company; some seconds a month.").format(months=name_months(new)),
            file=sys.stderr,
            flush=True,
        )
    if new and list_newest(month, settings.data) and new[-1] < month:
        print(_("What is usual rests on the months before: a page made again may name other days."), file=sys.stderr)
