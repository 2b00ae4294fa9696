"""Title, headline numbers and proof of the page on calls and their spend."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flexlib.analysis.usage import UsageStatistics
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.certificate import UsageCertificate
from flexlib.commands import leave_out_commands
from flexlib.errors import BadRecord
from flexlib.formats import (
    format_moment,
    format_number,
)
from flexlib.i18n import _, join_and
from flexlib.page.kit.markup import Html
from flexlib.page.kit.parts import (
    BADGES,
    Fact,
    list_facts,
    show_facts,
    show_title,
)
from flexlib.page.usage.cards import show_month_headlines as show_month_headlines
from flexlib.sources.registry import name_source
from flexlib.spend.bills import SEE_SPEND
from flexlib.spend.month import MonthUsage
from flexlib.store.version import Snapshot
from flexlib.stored_notes import tell_note

TOKENS = ("prompt_tokens", "completion_tokens")


Row = dict[str, Any]
Totals = dict[str, Decimal | int | None]


def show_month_title(title: str, usage: MonthUsage, *, is_shared: bool = False) -> Html:
    """Title, month, its zone and the worst state of its sources, which leads to the proof; what is missing, and why:
    without commands where it `is_shared` with readers who have no console."""
    badge, problems = BADGES[usage.state], _list_problems(usage)
    state: dict[str, Any] = {"state": str(usage.state), "missing": usage.lacking}
    state |= {"possible_duplicates": list(usage.possible_duplicates), "problems": usage.own_problems}
    sources = join_and([*dict.fromkeys(map(_name_source, usage.snapshots))])
    read = format_moment(max(one.read_at for one in usage.certificates))
    return show_title(
        _(title),
        usage.month.title,
        _("All that is stored · monthly report · days of {zone}").format(zone=usage.zone),
        badge,
        _("from {sources} · as of {moment}").format(sources=sources, moment=read),
        leave_out_commands(problems) if is_shared else problems,
        demo=any(getattr(one, "demo", False) for one in usage.certificates),
        for_scripts=state,
    )


def show_month_proof(usage: MonthUsage, calls: UsageStatistics) -> Html:
    """The certificate of each snapshot that was read: state, rows, sums, files and hash; and that this page holds them.

    `calls`: the statistics of `usage.calls`. Raises `BadRecord` when they are not what the certificates say.
    """
    facts = [_reconcile(usage, calls), *(fact for one in usage.certificates for fact in list_facts(one))]
    texts = {
        f"{_name_source(one)}, {one.month}": " ".join(map(tell_note, one.certificate.notes)) for one in usage.snapshots
    }
    notes = (f"{name}: {text}" for name, text in texts.items() if text)
    return show_facts(BADGES[usage.state], _list_problems(usage), facts, notes)


def _list_problems(usage: MonthUsage) -> list[str]:
    """For readers of the page, who have no console."""
    table = _("; the table of providers lists the largest, and what to do about them.")
    return [text.replace(_(SEE_SPEND), table) for text in usage.list_problems()]


def _reconcile(usage: MonthUsage, calls: UsageStatistics) -> Fact:
    """The page's calls held against the certificates, where both are of the same month of UTC and no call is in two."""
    name = _("This page and the certificates")
    if usage.zone != "UTC" or usage.repeated:
        said = _("not compared: a call is in two")
        if usage.zone != "UTC":
            said = _("not compared: months of {zone} are not those of the certificates").format(zone=usage.zone)
        return Fact(name, said, "unknown")
    certificates = [one for one in usage.certificates if isinstance(one, UsageCertificate)]
    # Rows and not calls: a row may sum many.
    here = usage.count_rows(), calls.total_prompt_tokens, calls.total_completion_tokens
    there = tuple(sum(getattr(one, name) for one in certificates) for name in ("rows", *TOKENS))
    if here != there:
        raise BadRecord(
            _(
                "the calls of {month} are not those of the certificates: rows, prompt and completion tokens are "
                "{here}, they say {there}. Close or import the month again."
            ).format(month=usage.month, here=here, there=there)
        )
    for column, found in {"amount_in_usd": calls.total_usd, "amount_in_clp": calls.total_clp}.items():
        reported = [getattr(one, column) for one in certificates]
        stored = sum_amounts([Decimal(amount) for amount in reported if amount is not None])
        if found != stored and all(one.has_known_total(column) for one in certificates):
            raise BadRecord(
                _(
                    "{column} of {month} is {found} in the rows, and {stored} in the certificates. Close or import the "
                    "month again."
                ).format(column=column, month=usage.month, found=found, stored=stored)
            )
    said = _("{rows} stored rows of calls, {prompt} prompt and {completion} completion tokens on both")
    rows, prompt, completion = map(format_number, here)
    return Fact(name, said.format(rows=rows, prompt=prompt, completion=completion), "good")


def _name_source(snapshot: Snapshot) -> str:
    return name_source(snapshot.source)
