"""A certificate as the text that a terminal shows."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from shlex import quote

from flexlib.certificate import (
    AnyCertificate,
    Certificate,
    ChargesCertificate,
    CreditsCertificate,
    SourceCertificate,
    State,
    explain_witness,
)
from flexlib.checks import Check, describe_check, explain_check, explain_money
from flexlib.formats import WHOLE, clean_text, format_count, format_credits, format_moment, format_money, format_plain
from flexlib.sources.registry import ALL_PAGES

CENT = Decimal("0.01")

TITLES = {"independent_total": "Other endpoint"}
"""Of checks whose name would not fit into its column."""

UNITS = {"USD": "US$"}
"""Of currencies whose name is another here."""


def explain_state(certificate: Certificate) -> str:
    """Why the state is what it is, in one sentence."""
    if certificate.state is State.PROVISIONAL:
        clock = f"by the server's clock, {format_moment(certificate.as_of)}, " * (
            certificate.as_of < certificate.read_at
        )
        return f"{clock}it was read before the month was over and settled; the total will still grow."
    if certificate.state is State.UNWITNESSED and isinstance(certificate, CreditsCertificate):
        return f"{explain_witness(certificate.checks, certificate.users_asked, certificate.accepted_by)}."
    if certificate.state is State.UNRECONCILED:
        wrong = (
            f"{name.replace('_', ' ')}: {explain_check(one)}"
            for name, one in certificate.checks.items()
            if one.result == "differs"
        )
        return "; ".join(wrong) + "."
    if certificate.lacks_money and not certificate.quarantined_rows:
        return f"{explain_money(vars(certificate))}; the certificate says of which models, and why."
    failed = getattr(certificate, "failed_users", ())
    shown = ", ".join(failed[:5]) + (" ..." if failed[5:] else "")
    pages = sum(entry.get("open_pages", 0) for entry in getattr(certificate, "files", ()))
    quarantined = certificate.quarantined_rows - pages
    parts = [f"{format_count(len(failed), 'user')} could not be read ({shown})"] * bool(failed)
    parts += [f"{format_count(quarantined, 'row')} could not be taken"] * bool(quarantined)
    parts += ["pages are missing"] * bool(pages)
    again = [f"fix the rows in their file and import it with {advise_again(certificate)}"] * bool(quarantined)
    again += [ALL_PAGES] * bool(pages)
    if isinstance(certificate, CreditsCertificate):
        again = ["run flexlib fetch again"]
    return f"{' and '.join(parts)}: the total is a lower bound; {', and '.join(again)}."


def advise_again(certificate: Certificate) -> str:
    """The option by which a file that was fixed takes the place of what is stored of it."""
    files = getattr(certificate, "files", ())
    names = [entry["name"] for entry in files if entry["quarantined"] > entry.get("open_pages", 0)]
    return " ".join(f"--supersedes {quote(name)}" for name in names) or "--supersedes and its name"


def render_certificate(certificate: AnyCertificate, *, told: bool = False) -> str:
    """The proof as text, one line per fact; `told`: whether what differs is told beside it. Ends with a newline."""
    lines = {"State": f"{certificate.state}", "Read": f"{certificate.read_at:%Y-%m-%d %H:%M} UTC"}
    if isinstance(certificate, CreditsCertificate):
        lines |= {
            "Server": certificate.server,
            "Route": f"{certificate.route} ({certificate.route_reason})",
            "Users": f"{certificate.users_asked:,} asked, {certificate.users_active:,} active, "
            f"{certificate.users_failed:,} failed",
            "Failed users": ", ".join(certificate.failed_users),
            "Rows": f"{certificate.rows:,} ({certificate.absent_values:,} absent values, "
            f"{certificate.quarantined_rows:,} quarantined)",
            "Flex credits": format_credits(certificate.flex_credits_hundredths),
            "Prompt credits": format_credits(certificate.prompt_credits_hundredths),
            "Unmapped keys": f"{certificate.unmapped_keys:,}",
            "Requests": f"{certificate.requests_sent:,} sent, {certificate.requests_retried:,} retried, "
            f"{certificate.requests_resumed:,} resumed",
        }
    elif isinstance(certificate, ChargesCertificate):
        lines |= {
            "Source": certificate.source,
            "Rows": f"{certificate.rows_read:,} read{_tell_files(certificate)}, {certificate.rows:,} stored, "
            f"{certificate.quarantined_rows:,} quarantined",
            "Left out": _join_some(f"{one['kind']} ({one['rows']:,})" for one in certificate.left_out),
            **{
                UNITS.get(one["currency"], one["currency"]): f"{_render_amount(one['amount'], one['currency'])} billed"
                for one in certificate.amounts
            },
        }
    else:
        lines |= {
            "Source": certificate.source,
            "Rows": f"{certificate.rows_read:,} read{_tell_files(certificate)}, {certificate.rows:,} stored, "
            f"{certificate.duplicate_rows:,} duplicates, {certificate.quarantined_rows:,} quarantined",
            "Left out": ", ".join(f"{one['kind']} ({one['rows']:,})" for one in certificate.left_out),
            "Tokens": f"{certificate.prompt_tokens:,} prompt, {certificate.completion_tokens:,} completion",
            "US$": _render_amount(certificate.amount_in_usd, "USD", certificate.unpriced_rows, "a price"),
            "Unpriced": _join_some(
                f"{one['provider']} {one['model']} ({one['rows']:,}: {one['reason']})" for one in certificate.unpriced
            ),
            "CLP": _render_amount(certificate.amount_in_clp, "CLP", certificate.rows_without_clp, "an amount in CLP"),
            "Rates": _join_some(
                f"{one['day']} {one['value']} {one['source']}"
                if one["day"]
                else f"given with {format_count(one['rows'], 'row')}"
                for one in certificate.rates
            ),
        }
    for name, check in certificate.checks.items():
        lines[TITLES.get(name, name.replace("_", " ").capitalize())] = _render_check(check, told=told)
    lines |= {"Rows' SHA-256": certificate.rows_sha256, "Note": " ".join(certificate.notes)}
    title = f"CERTIFICATE - {certificate.month.title}".upper()
    return "\n".join([title, *(f"  {name:<15} {clean_text(text)}" for name, text in lines.items() if text)]) + "\n"


def _tell_files(certificate: SourceCertificate) -> str:
    """That the rows are of all files of the month so far, where these are several."""
    return f" of the month's {len(certificate.files)} files so far" if len(certificate.files) > 1 else ""


def _render_amount(amount: str | None, currency: str, missing: int = 0, what: str = "") -> str:
    if amount is None and not missing:
        return ""
    without = f", {format_count(missing, 'row')} without {what}" if missing else ""
    if amount is None or (missing and not Decimal(amount)):  # what is free is all that is known
        return "unknown" + without
    value, least = Decimal(amount), Decimal(1) if currency in WHOLE else CENT
    # Rounded up, a lower bound would be none; and less than a cent is something.
    is_exact = value % least and (missing or abs(value) < least)
    return "at least " * bool(missing) + (format_plain(value) if is_exact else format_money(value, currency)) + without


def _join_some(texts: Iterable[str], most: int = 5) -> str:
    shown = list(texts)
    return "; ".join(shown[:most]) + (f"; and {len(shown) - most} more" if len(shown) > most else "")


def _render_check(check: Check, *, told: bool) -> str:
    counted = f" ({check.checked:,} compared)" if check.checked else ""
    why = "" if told and check.result == "differs" else explain_check(check)
    sentences = "; ".join(filter(None, (describe_check(check), why)))
    return f"{check.result}{counted}: {sentences}"
