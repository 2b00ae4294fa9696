"""What is not known of a month of calls, as headings: how calls ended, what has no price, what the rows were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flexlib.analysis.shares import measure_share
from flexlib.formats import capitalize_first, count_calls_at_least, format_number, format_share_percent
from flexlib.i18n import _, join_and, translate_count
from flexlib.page.kit.parts import Heading
from flexlib.spend.failures import count_calls, count_failed, count_silent
from flexlib.spend.quality import QualityCheck

Row = Mapping[str, Any]


def heading_for_statuses(statuses: Sequence[Row]) -> Heading | None:
    """Of `spend.list_statuses`: how many calls failed; None where no source says how a call ended."""
    if all(row["status"] is None for row in statuses):
        return None
    calls, failed, silent = count_calls(statuses), count_failed(statuses), count_silent(statuses)
    note = _("As the sources say it. A call failed where its status is an error, a timeout, a refusal or the like.")
    if silent:
        said = _("Of {calls} nothing is said: they are in no share.")
        is_least = any(row.get("is_least", False) for row in statuses)
        note += " " + said.format(calls=count_calls_at_least(silent, is_least=is_least))
    if not failed:
        return Heading("No call is known to have failed", note)
    text = translate_count("{count} call failed", "{count} calls failed", failed)
    if silent and failed == calls - silent:  # where only failures are told, they are all of those by themselves
        return Heading(text.format(count=format_number(failed)), note)
    share = format_share_percent(measure_share(failed, calls - silent))
    text = translate_count(
        "{count} call failed, {share} of all application calls",
        "{count} calls failed, {share} of all application calls",
        failed,
    )
    if silent:
        text = translate_count(
            "{count} call failed, {share} of those that say how they ended",
            "{count} calls failed, {share} of those that say how they ended",
            failed,
        )
    return Heading(text.format(count=format_number(failed), share=share), note)


def heading_for_open_questions(
    unpriced: Sequence[Row],
    unmapped: Sequence[Row],
    request_count: int | None = 0,
    *,
    unbilled: int | None = None,
) -> Heading | None:
    """Of `spend.list_unpriced` and `list_unmapped`; None where both are empty. `request_count` of the month's calls:
    None where some row does not say how many it sums, and is counted as one. `unbilled`, in a month with bills: how
    many have neither a price nor a bill, as the spend's card says."""
    if not unpriced and not unmapped:
        return None
    note = _("What has no price is in no total; what is of no listed provider counts, as unmapped.")
    least, least_unknown = (
        any(row.get("is_least", request_count is None) for row in rows) for rows in (unpriced, unmapped)
    )
    without = sum(row["calls"] for row in unpriced)
    if unpriced and unbilled is not None:
        note = _(
            "What has no price is in no count, and bills say it all; what is of no listed provider counts, as unmapped."
        )
        if unbilled:
            note = _(
                "What has no price is in no count, and {calls} of it in no bill either; what is of no listed provider "
                "counts, as unmapped."
            ).format(calls=count_calls_at_least(unbilled, is_least=least))
    parts = []
    if unpriced:
        parts.append(_("{calls} without a price").format(calls=count_calls_at_least(without, is_least=least)))
    named = [row for row in unmapped if row.get("made_by")]
    if named:
        calls = count_calls_at_least(sum(row["calls"] for row in named), is_least=least_unknown)
        makers = join_and(dict.fromkeys(row["made_by"] for row in named))
        parts.append(_("{calls} through Windsurf to models of {makers}").format(calls=calls, makers=makers))
    if len(named) < len(unmapped):
        calls = count_calls_at_least(sum(row["calls"] for row in unmapped if row not in named), is_least=least_unknown)
        parts.append(_("{calls} to an unknown provider").format(calls=calls))
    return Heading(capitalize_first(", ".join(parts)), note)


def heading_for_quality(checks: Sequence[QualityCheck]) -> Heading:
    """Of `spend.check_quality`: to how many of the questions something was found."""
    found = sum(1 for one in checks if one.count)
    note = _("Asked of every row of the month.")
    if silent := [_(one.question) for one in checks if not one.count]:
        note += " " + _("Nothing found: {questions}.").format(questions="; ".join(silent))
    said = translate_count(
        "None of {all} data check found anything", "None of {all} data checks found anything", len(checks)
    )
    if found:
        said = translate_count(
            "{count} of {all} data check found something", "{count} of {all} data checks found something", len(checks)
        )
    return Heading(said.format(count=found, all=format_number(len(checks))), note)
