"""The certificate as a reader needs it: the state in a word, what is missing, and why the total can be trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flexlib.analysis.credits import CreditsStatistics
from flexlib.certificate import CreditsCertificate, State, explain_witness
from flexlib.checks import Check, describe_check, explain_check
from flexlib.errors import BadRecord
from flexlib.formats import format_credits, format_moment, format_number
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.kit.markup import Html
from flexlib.page.kit.parts import BADGES, RESULTS, Fact, show_facts
from flexlib.stored_notes import tell_note, tell_route

KEY = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.I)

ROUTES = {
    "team": mark_text("one query for the whole team"),
    "batch": mark_text("many people a request, a query for each"),
    "user": mark_text("one request for each person"),
    "consumption": mark_text("the documented consumption endpoint"),
}

CHECKS = {
    "sums": mark_text("The rows and the server's own sum"),
    "cross_check": mark_text("People asked a second time"),
    "independent_total": mark_text("An independent total"),
    "balance": mark_text("The team's balance"),
}


def list_missing(certificate: CreditsCertificate, people: Mapping[str, Mapping[str, str]] | None = None) -> list[str]:
    """Why the month is not whole, a sentence each; empty when it is. No key is in them; names are, with `people`."""
    month = certificate.month
    missing = []
    if certificate.users_failed:
        where = _("{command} lists their keys").format(
            command=f"flexlib certificate --year {month.year} --month {month.month}"
        )
        if people is not None:
            known = (people.get(key, {}) for key in certificate.failed_users)
            where = ", ".join(who.get("name") or who.get("email") or _("a key without a name") for who in known)
        said = translate_count(
            "{count} person of {asked} could not be read; what they spent is in no number here ({where}).",
            "{count} people of {asked} could not be read; what they spent is in no number here ({where}).",
            certificate.users_failed,
        )
        counts = format_number(certificate.users_failed), format_number(certificate.users_asked)
        missing.append(said.format(count=counts[0], asked=counts[1], where=where))
    if certificate.quarantined_rows:
        said = translate_count(
            "{count} row of the answers could not be understood or counted; raw/ beside the month keeps them.",
            "{count} rows of the answers could not be understood or counted; raw/ beside the month keeps them.",
            certificate.quarantined_rows,
        )
        missing.append(said.format(count=format_number(certificate.quarantined_rows)))
    for name, check in certificate.checks.items():
        if check.result == "differs":
            missing.append(f"{_(CHECKS[name])}: {_hide_keys(explain_check(check))}.")
    if not certificate.is_settled:
        moment = format_moment(certificate.as_of)
        if certificate.as_of < certificate.read_at:
            moment = _("{moment} by the server's clock").format(moment=moment)
        said = _("It was read on {moment}, before the server had settled the last day: the total may still grow.")
        if certificate.as_of < month.end:
            said = _("It was read on {moment}, before the month was over: the total may still grow.")
        missing.append(said.format(moment=moment))
    if certificate.state is State.UNWITNESSED:
        why = explain_witness(certificate.checks, certificate.users_asked, certificate.accepted_by)
        missing.append(f"{_hide_keys(why[0].upper() + why[1:])}.")
    return missing


def show_proof(
    certificate: CreditsCertificate,
    statistics: CreditsStatistics,
    people: Mapping[str, Mapping[str, str]] | None = None,
) -> Html:
    """The proof: who was asked, by which way, which sums agree, what is missing, and the hash of the rows.

    `statistics` are those of all rows of the snapshot. Raises `BadRecord` when they are not what the certificate says.
    """
    _check_sums(certificate, statistics)
    asked, failed = certificate.users_asked, certificate.users_failed
    same = translate_count(
        "{rows} row, {flex} flex and {prompt} prompt credits on both",
        "{rows} rows, {flex} flex and {prompt} prompt credits on both",
        statistics.rows,
    ).format(
        rows=format_number(statistics.rows),
        flex=format_credits(statistics.flex_credits),
        prompt=format_credits(statistics.prompt_credits),
    )
    way = _(ROUTES.get(certificate.route, certificate.route))
    checks = [Fact(CHECKS[name], _describe_check(one), RESULTS[one.result]) for name, one in certificate.checks.items()]
    facts = [
        Fact("People asked, read, not read", _join(asked, asked - failed, failed), "bad" if failed else "good"),
        Fact("People with use", format_number(certificate.users_active)),
        Fact("Asked by", f"{way}: {tell_route(certificate.route_reason)}"),
        Fact("This page and the certificate", same, "good"),
        *checks,
        Fact(
            "Absent values, unreadable rows, keys not on the list",
            _join(certificate.absent_values, certificate.quarantined_rows, certificate.unmapped_keys),
            "bad" if certificate.quarantined_rows else "good",
        ),
        Fact(
            "Requests sent, repeated, taken over",
            _join(certificate.requests_sent, certificate.requests_retried, certificate.requests_resumed),
        ),
        Fact("Data as of", format_moment(certificate.read_at)),
        Fact("Server", certificate.server.partition("://")[2] or certificate.server),
        Fact("Rows' SHA-256", certificate.rows_sha256),
        Fact("flexlib", certificate.flexlib_version),
    ]
    missing, notes = list_missing(certificate, people), [_hide_keys(tell_note(one)) for one in certificate.notes]
    return show_facts(BADGES[certificate.state], missing, [fact for fact in facts if fact.text], notes)


def _check_sums(certificate: CreditsCertificate, statistics: CreditsStatistics) -> None:
    here = statistics.rows, statistics.flex_credits, statistics.prompt_credits
    there = certificate.rows, certificate.flex_credits_hundredths, certificate.prompt_credits_hundredths
    if here != there:
        raise BadRecord(
            _(
                "the rows of {month} are not those of its certificate: rows, flex and prompt credits (hundredths) are "
                "{here}, it says {there}. Bring all rows of the snapshot, or fetch the month again."
            ).format(month=certificate.month, here=here, there=there)
        )


def _describe_check(check: Check) -> str:
    said = _(check.result)
    if check.checked:
        said = _("{result} ({count} compared)").format(result=said, count=format_number(check.checked))
    how, why = describe_check(check), explain_check(check)
    return said + (f": {how}" if how else "") + (f" – {_hide_keys(why)}" if why else "")


def _hide_keys(text: str) -> str:
    return KEY.sub(_("[key]"), text)


def _join(*counts: int) -> str:
    return " · ".join(map(format_number, counts))
