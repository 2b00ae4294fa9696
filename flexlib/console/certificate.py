"""A certificate as the text that a terminal shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from shlex import quote
from typing import Any

from flexlib.certificate import (
    AnyCertificate,
    Certificate,
    ChargesCertificate,
    CreditsCertificate,
    SourceCertificate,
    State,
    explain_witness,
)
from flexlib.checks import Check, describe_check, explain_check, explain_money, say_unpriced
from flexlib.commands import HIDDEN
from flexlib.formats import (
    WHOLE,
    clean_text,
    format_count,
    format_credits,
    format_moment,
    format_money,
    format_number,
    format_plain,
)
from flexlib.i18n import _, join_and, join_texts, mark_text, translate_count, write_number
from flexlib.sources.registry import ALL_PAGES
from flexlib.stored_notes import tell_note, tell_route

OptionsOf = Callable[[Mapping[str, Any]], str]

CENT = Decimal("0.01")
NAME_WIDTH = 15
"""The least of the column of names."""

TITLES = {"independent_total": mark_text("Other endpoint")}
"""Of checks whose name would not fit into its column."""
NAMES = (
    *(mark_text("Sums"), mark_text("sums"), mark_text("Cross check"), mark_text("cross check")),
    *(mark_text("Balance"), mark_text("balance"), mark_text("independent total")),
)
"""Of the other checks, as a line and as a sentence have them."""

UNITS = {"USD": "US$"}
"""Of currencies whose name is another here."""


def explain_state(certificate: Certificate, name_options: OptionsOf = lambda entry: "") -> str:
    """Why the state is what it is, in one sentence; `name_options` as of `advise_again`."""
    if certificate.state is State.PROVISIONAL:
        said = _("it was read before the month was over and settled; the total will still grow.")
        if certificate.as_of < certificate.read_at:
            said = _("by the server's clock, {moment}, it was read before the month was over and settled; the total "
                     "will still grow.").format(moment=format_moment(certificate.as_of))  # fmt: skip
        return said
    if certificate.state is State.UNWITNESSED and isinstance(certificate, CreditsCertificate):
        return explain_witness(certificate.checks, certificate.users_asked, certificate.accepted_by) + "."
    if certificate.state is State.UNRECONCILED:
        wrong = (
            _(name.replace("_", " ")) + ": " + explain_check(one)
            for name, one in certificate.checks.items()
            if one.result == "differs"
        )
        return join_texts(wrong) + "."
    if certificate.lacks_money and not certificate.quarantined_rows:
        said = _("{what}; the certificate says of which models, and why.")
        return said.format(what=explain_money(vars(certificate)))
    failed = getattr(certificate, "failed_users", ())
    shown = ", ".join(failed[:5]) + (" ..." if failed[5:] else "")
    pages = sum(entry.get("open_pages", 0) for entry in getattr(certificate, "files", ()))
    quarantined = certificate.quarantined_rows - pages
    unread = translate_count("{count} user could not be read ({shown})", "{count} users could not be read ({shown})",
                             len(failed))  # fmt: skip
    parts = [unread.format(count=format_number(len(failed)), shown=shown)] * bool(failed)
    untaken = translate_count("{count} row could not be taken", "{count} rows could not be taken", quarantined)
    parts += [untaken.format(count=format_number(quarantined))] * bool(quarantined)
    parts += [_("pages are missing")] * bool(pages)
    again = [
        _("fix the rows in their file and import it with {options}").format(
            options=advise_again(certificate, name_options)
        )
    ]
    again = again * bool(quarantined) + [_(ALL_PAGES)] * bool(pages)
    if isinstance(certificate, CreditsCertificate):
        again = [_("run flexlib fetch again")]
    said = _("{parts}: the total is a lower bound; {again}.")
    return said.format(parts=join_and(parts), again=join_and(again))


def advise_again(certificate: Certificate, name_options: OptionsOf = lambda entry: "") -> str:
    """The options by which a file that was fixed is read as before, and takes the place of what is stored of it;
    `name_options`: those by which a file was taken, out of its entry, where that tells them."""
    files: dict[str, list[str]] = {}
    for entry in getattr(certificate, "files", ()):
        if entry["quarantined"] > entry.get("open_pages", 0):
            files.setdefault(name_options(entry), []).append(f"--supersedes {quote(entry['name'])}")
    told = list[str]()
    for read, names in files.items():
        said = "{options}" if read else _("{options} and the options by which it was imported")
        if HIDDEN in read.split():
            said = _("{options} ({hidden} is a condition with an e-mail, which is not kept)")
        told.append(said.format(options=" ".join(filter(None, [read, *names])), hidden=HIDDEN))
    return join_and(told) or _("--supersedes and its name")


def render_certificate(certificate: AnyCertificate, *, told: bool = False, state: State | None = None) -> str:
    """The proof as text, one line per fact; `told`: whether what differs is told beside it; `state`: where it is not
    the certificate's own. Ends with a newline."""
    lines = {_("State"): f"{state or certificate.state}", _("Read"): f"{certificate.read_at:%Y-%m-%d %H:%M} UTC"}
    if isinstance(certificate, CreditsCertificate):
        lines |= {
            _("Server"): certificate.server,
            _("Route"): f"{certificate.route} ({tell_route(certificate.route_reason)})",
            _("Users"): _("{asked} asked, {active} active, {failed} failed").format(
                asked=format_number(certificate.users_asked),
                active=format_number(certificate.users_active),
                failed=format_number(certificate.users_failed),
            ),
            _("Failed users"): ", ".join(certificate.failed_users),
            _("Rows"): _("{rows} ({absent} absent values, {refused} quarantined)").format(
                rows=format_number(certificate.rows),
                absent=format_number(certificate.absent_values),
                refused=format_number(certificate.quarantined_rows),
            ),
            _("Flex credits"): format_credits(certificate.flex_credits_hundredths),
            _("Prompt credits"): format_credits(certificate.prompt_credits_hundredths),
            _("Unmapped keys"): format_number(certificate.unmapped_keys),
            _("Requests"): _("{sent} sent, {retried} retried, {resumed} resumed").format(
                sent=format_number(certificate.requests_sent),
                retried=format_number(certificate.requests_retried),
                resumed=format_number(certificate.requests_resumed),
            ),
        }
    elif isinstance(certificate, ChargesCertificate):
        lines |= {
            _("Source"): certificate.source,
            _("Rows"): _("{read} read{files}, {stored} stored, {refused} quarantined").format(
                **_count_rows(certificate)
            ),
            _("Left out"): _join_some(f"{one['kind']} ({format_number(one['rows'])})" for one in certificate.left_out),
            **{
                UNITS.get(one["currency"], one["currency"]): _("{amount} billed").format(
                    amount=_render_amount(one["amount"], one["currency"])
                )
                for one in certificate.amounts
            },
        }
    else:
        lines |= {
            _("Source"): certificate.source,
            _("Rows"): _("{read} read{files}, {stored} stored, {twice} duplicates, {refused} quarantined").format(
                twice=format_number(certificate.duplicate_rows), **_count_rows(certificate)
            ),
            _("Left out"): ", ".join(f"{one['kind']} ({format_number(one['rows'])})" for one in certificate.left_out),
            _("Tokens"): _("{prompt} prompt, {completion} completion").format(
                prompt=format_number(certificate.prompt_tokens), completion=format_number(certificate.completion_tokens)
            ),
            _("US$"): _render_amount(certificate.amount_in_usd, "USD", certificate.unpriced_rows, without_price=True),
            _("Unpriced"): _join_some(
                f"{one['provider']} {one['model']} ({format_number(one['rows'])}: {say_unpriced(one['reason'])})"
                for one in certificate.unpriced
            ),
            _("CLP"): _render_amount(certificate.amount_in_clp, "CLP", certificate.rows_without_clp),
            _("Rates"): _join_some(
                f"{one['day']} {write_number(one['value'])} {_(one['source'] or '')}"
                if one["day"]
                else _("given with {rows}").format(rows=format_count(one["rows"], "row"))
                for one in certificate.rates
            ),
        }
    for name, check in certificate.checks.items():
        lines[_(TITLES.get(name, name.replace("_", " ").capitalize()))] = _render_check(check, told=told)
    lines |= {_("Rows' SHA-256"): certificate.rows_sha256, _("Note"): " ".join(map(tell_note, certificate.notes))}
    title = _("CERTIFICATE - {month}").format(month=certificate.month.title).upper()
    shown = {name: clean_text(text) for name, text in lines.items() if text}
    width = max(NAME_WIDTH, *map(len, shown))
    return "\n".join([title, *(f"  {name:<{width}} {text}" for name, text in shown.items())]) + "\n"


def _count_rows(certificate: SourceCertificate) -> dict[str, str]:
    return {
        "read": format_number(certificate.rows_read),
        "files": _tell_files(certificate),
        "stored": format_number(certificate.rows),
        "refused": format_number(certificate.quarantined_rows),
    }


def _tell_files(certificate: SourceCertificate) -> str:
    """That the rows are of all files of the month so far, where these are several."""
    said = _(" of the month's {count} files so far").format(count=len(certificate.files))
    return said if len(certificate.files) > 1 else ""


def _render_amount(amount: str | None, currency: str, missing: int = 0, *, without_price: bool = False) -> str:
    if amount is None and not missing:
        return ""
    lacks = (
        translate_count(", {count} row without a price", ", {count} rows without a price", missing)
        if without_price
        else translate_count(
            ", {count} row without an amount in CLP", ", {count} rows without an amount in CLP", missing
        )
    )
    without = lacks.format(count=format_number(missing)) if missing else ""
    if amount is None or (missing and not Decimal(amount)):  # what is free is all that is known
        return _("unknown") + without
    value, least = Decimal(amount), Decimal(1) if currency in WHOLE else CENT
    # Rounded up, a lower bound would be none; and less than a cent is something.
    is_exact = value % least and (missing or abs(value) < least)
    shown = write_number(f"{Decimal(format_plain(value)):,f}") if is_exact else format_money(value, currency)
    return (_("at least {amount}").format(amount=shown) if missing else shown) + without


def _join_some(texts: Iterable[str], most: int = 5) -> str:
    shown = list(texts)
    return join_texts(shown[:most]) + (
        _("; and {count} more").format(count=len(shown) - most) if len(shown) > most else ""
    )


def _render_check(check: Check, *, told: bool) -> str:
    counted = _(" ({count} compared)").format(count=format_number(check.checked)) if check.checked else ""
    why = "" if told and check.result == "differs" else explain_check(check)
    return _(check.result) + counted + ": " + join_texts((describe_check(check), why))
