"""The certificate as a reader needs it: the state in a word, what is missing, and why the total can be trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from flexlib.analysis.credits import CreditsStatistics
from flexlib.certificate import SETTLING_TIME, Check, CreditsCertificate, State
from flexlib.errors import BadRecord
from flexlib.formats import format_count_or_dash, format_credits_or_dash, format_moment
from flexlib.page.kit.markup import Html, render_element

KEY = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.I)

ROUTES = {
    "team": "one query for the whole team",
    "batch": "many people a request, a query for each",
    "user": "one request for each person",
    "consumption": "the documented consumption endpoint",
}

CHECKS = {
    "sums": "The rows and the server's own sum",
    "cross_check": "People asked a second time",
    "witness": "A second endpoint",
    "balance": "The team's balance",
}

RESULTS = {"agrees": ("good", "✓"), "differs": ("bad", "✗"), "not checked": ("unknown", "–")}


@dataclass(frozen=True)
class StateBadge:
    """How the state of a certificate is shown: a colour, a sign and a word that do not need each other."""

    colour: str
    sign: str
    word: str
    heading: str
    """Of the proof."""
    total_prefix: str = ""
    """What stands before the total."""
    warning: str = ""
    """What it means for the total."""


BADGES = {
    State.COMPLETE: StateBadge("good", "✓", "Complete", "Why you can trust the total"),
    State.PROVISIONAL: StateBadge(
        "warn", "◔", "Provisional", "What the total rests on, so far", "so far", "the total is not final."
    ),
    State.UNRECONCILED: StateBadge(
        "bad", "≠", "Not reconciled", "Two sums that must agree do not", "", "two sums that must agree do not."
    ),
    State.GAP: StateBadge(
        "bad", "!", "Not whole", "What is missing from the total", "at least", "the total is a lower bound."
    ),
}


def describe_badge(certificate: CreditsCertificate) -> StateBadge:
    """How the certificate's state is shown."""
    return BADGES[certificate.state]


def list_missing(certificate: CreditsCertificate, people: Mapping[str, Mapping[str, str]] | None = None) -> list[str]:
    """Why the month is not whole, a sentence each; empty when it is. No key is in them; names are, with `people`."""
    month = certificate.month
    missing = []
    if certificate.users_failed:
        who = "1 person" if certificate.users_failed == 1 else f"{certificate.users_failed:,} people"
        where = f"flexlib certificate --year {month.year} --month {month.month} lists their keys"
        if people is not None:
            known = (people.get(key, {}) for key in certificate.failed_users)
            where = ", ".join(who.get("name") or who.get("email") or "a key without a name" for who in known)
        missing.append(
            f"{who} of {certificate.users_asked:,} could not be read; what they spent is in no number here ({where})."
        )
    if certificate.quarantined_rows:
        rows = "1 row" if certificate.quarantined_rows == 1 else f"{certificate.quarantined_rows:,} rows"
        missing.append(f"{rows} of the answers could not be understood or counted; raw/ beside the month keeps them.")
    for name, check in certificate.checks.items():
        if check.result == "differs":
            missing.append(f"{CHECKS[name]}: {_hide_keys(check.why)}.")
    if certificate.read_at < month.end + SETTLING_TIME:
        over = "the month was over" if certificate.read_at < month.end else "the server had settled the last day"
        missing.append(f"It was read on {format_moment(certificate.read_at)}, before {over}: the total may still grow.")
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
    standing = describe_badge(certificate)
    asked, failed = certificate.users_asked, certificate.users_failed
    lines = [
        ("good" if not failed else "bad", "People asked, read, not read", _join(asked, asked - failed, failed)),
        ("", "People with use", format_count_or_dash(certificate.users_active)),
        ("", "Asked by", f"{ROUTES.get(certificate.route, certificate.route)}: {certificate.route_reason}"),
        (
            "good",
            "This page and the certificate",
            f"{statistics.rows:,} rows, {format_credits_or_dash(statistics.flex_credits)} flex and "
            f"{format_credits_or_dash(statistics.prompt_credits)} prompt credits on both",
        ),
        *((RESULTS[check.result][0], CHECKS[name], _write_check(check)) for name, check in certificate.checks.items()),
        (
            "good" if not certificate.quarantined_rows else "bad",
            "Absent values, unreadable rows, keys not on the list",
            _join(certificate.absent_values, certificate.quarantined_rows, certificate.unmapped_keys),
        ),
        (
            "",
            "Requests sent, repeated, taken over",
            _join(certificate.requests_sent, certificate.requests_retried, certificate.requests_resumed),
        ),
        ("", "Data as of", format_moment(certificate.read_at)),
        ("", "Server", certificate.server.partition("://")[2] or certificate.server),
        ("", "Rows' SHA-256", certificate.rows_sha256),
        ("", "flexlib", certificate.flexlib_version),
    ]
    facts = "".join(_write_fact(colour, name, text) for colour, name, text in lines if text)
    missing = "".join(render_element("li", escape(text)) for text in list_missing(certificate, people))
    notes = "".join(render_element("p", escape(_hide_keys(note))) for note in certificate.notes)
    return Html(
        "proof",
        render_element(
            "section",
            render_element("h2", standing.heading)
            + (render_element("ul", missing, class_="missing") if missing else "")
            + render_element("dl", facts)
            + notes,
            class_=f"flex-section flex-proof {standing.colour}",
            id="proof",
        ),
    )


def _check_sums(certificate: CreditsCertificate, statistics: CreditsStatistics) -> None:
    here = statistics.rows, statistics.flex_credits, statistics.prompt_credits
    there = certificate.rows, certificate.flex_credits_hundredths, certificate.prompt_credits_hundredths
    if here != there:
        raise BadRecord(
            f"the rows of {certificate.month} are not those of its certificate: rows, flex and prompt credits "
            f"(hundredths) are {here}, it says {there}. Bring all rows of the snapshot, or fetch the month again."
        )


def _write_fact(colour: str, name: str, text: str) -> str:
    signs = {"good": "✓", "bad": "✗", "unknown": "–"}
    sign = render_element("b", signs[colour], class_=colour) if colour else render_element("b", "")
    return render_element("div", render_element("dt", sign + escape(name)) + render_element("dd", escape(text)))


def _write_check(check: Check) -> str:
    compared = f" ({check.checked:,} compared)" if check.checked else ""
    how = f": {check.how}" if check.how else ""
    return f"{check.result}{compared}{how}" + (f" – {_hide_keys(check.why)}" if check.why else "")


def _hide_keys(text: str) -> str:
    return KEY.sub("[key]", text)


def _join(*counts: int) -> str:
    return " · ".join(format_count_or_dash(count) for count in counts)
