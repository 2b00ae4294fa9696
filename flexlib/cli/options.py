"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from flexlib.certificate import Certificate, Check, CreditsCertificate, State, UsageCertificate
from flexlib.errors import BadMonth
from flexlib.formats import format_count, format_credits
from flexlib.month import Month, Span
from flexlib.settings import Settings, load_settings

__all__ = [
    "Commands",
    "add_command",
    "add_demo_option",
    "add_fetch_options",
    "add_span_options",
    "find_exit_code",
    "open_settings",
    "read_fetch_options",
    "read_span",
    "render_certificate",
    "warn_of_state",
]

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Commands, name: str, summary: str, examples: str) -> argparse.ArgumentParser:
    """A subcommand whose --help ends in examples."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_span_options(parser: argparse.ArgumentParser) -> None:
    """--year and --month, or --start-date and --end-date."""
    parser.add_argument("--year", type=int, help="such as 2025")
    parser.add_argument("--month", type=int, help="1 to 12")
    parser.add_argument("--start-date", metavar="DATE", help="first day, such as 2025-09-01, instead of year and month")
    parser.add_argument("--end-date", metavar="DATE", help="last day, included")


def add_fetch_options(parser: argparse.ArgumentParser) -> None:
    """How to ask the server."""
    group = parser.add_argument_group("asking the server")
    group.add_argument(
        "--workers", type=_read_count, default=20, help="requests at once (default 20; 50 for big teams)"
    )
    group.add_argument("--route", choices=("auto", "team", "batch", "user", "consumption"), default="auto",
                       help="how to ask (default auto: the first that works, in this order)")  # fmt: skip
    group.add_argument("--verify", type=_read_verify, default=20, metavar="N",
                       help="users asked a second time as a check: a number or 'all' (default 20)")  # fmt: skip
    group.add_argument("--progress", action="store_true", help="show the progress bar also where there is no terminal")
    group.add_argument("--wait", action="store_true", help="wait when another run reads the same month")
    add_demo_option(group)


def add_demo_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument("--demo", nargs="?", const="always", choices=("always", "without-key"),
                        help="ask a demo server with made-up people (started for this run); "
                        "'without-key': only when no service key is set")  # fmt: skip


def read_span(arguments: argparse.Namespace) -> Span:
    """The days that were asked for. Raises `BadMonth` when they are not clear."""
    dates = arguments.start_date, arguments.end_date
    if arguments.year is not None and arguments.month is not None and dates == (None, None):
        return Month(arguments.year, arguments.month).span
    if None not in dates and (arguments.year, arguments.month) == (None, None):
        return Span.parse(*dates)
    raise BadMonth("give either --year and --month, or --start-date and --end-date.")


def read_fetch_options(arguments: argparse.Namespace) -> dict[str, object]:
    """The options of `update_credits`."""
    return {
        "route": arguments.route,
        "workers": arguments.workers,
        "verify": arguments.verify,
        "forced_progress": arguments.progress,
        "wait": arguments.wait,
    }


@contextmanager
def open_settings(arguments: argparse.Namespace, *, offline: bool = False) -> Iterator[Settings]:
    """The settings, or those of a demo server that lives as long as the block; says which server is asked."""
    settings = load_settings()
    if arguments.demo == "always" or (arguments.demo == "without-key" and not settings.service_key):
        demo = replace(settings, data=settings.data / "demo")
        if offline:
            yield demo
            return
        from flexlib.demo.command import DEFAULT_KEY
        from flexlib.demo.process import demo_server

        print("Asking the demo server: made-up people, no real data.", file=sys.stderr)
        with demo_server() as url:
            yield replace(demo, base_url=url, service_key=DEFAULT_KEY)
        return
    if arguments.demo and not offline:
        print(f"Asking {settings.base_url}.", file=sys.stderr)
    yield settings


def warn_of_state(certificates: Sequence[Certificate]) -> None:
    """A line on stderr for each month that is not whole."""
    for one in certificates:
        if one.state is not State.COMPLETE:
            print(f"{one.month} is {one.state}: {explain_state(one)}", file=sys.stderr)


def explain_state(certificate: Certificate) -> str:
    """Why the state is what it is, in one sentence."""
    if certificate.state is State.PROVISIONAL:
        return "it was read before the month was over and settled; the total will still grow."
    if certificate.state is State.UNRECONCILED:
        wrong = (f"{name}: {one.why}" for name, one in certificate.checks.items() if one.result == "differs")
        return "; ".join(wrong) + "."
    failed = getattr(certificate, "failed_users", ())
    shown = ", ".join(failed[:5]) + (" ..." if failed[5:] else "")
    quarantined = certificate.quarantined_rows
    parts = [f"{format_count(len(failed), 'user')} could not be read ({shown})"] * bool(failed)
    parts += [f"{format_count(quarantined, 'row')} could not be taken"] * bool(quarantined)
    again = "run flexlib fetch again"
    if isinstance(certificate, UsageCertificate):
        again = "mend the rows in their file and import it with --replace"
    return f"{' and '.join(parts)}: the total is a lower bound; {again}."


def render_certificate(certificate: CreditsCertificate | UsageCertificate) -> str:
    """The proof as text, a line a fact. Ends with a newline."""
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
    else:
        lines |= {
            "Source": certificate.source,
            "Rows": f"{certificate.rows_read:,} read, {certificate.rows:,} stored, "
            f"{certificate.duplicate_rows:,} duplicates, {certificate.quarantined_rows:,} quarantined",
            "Tokens": f"{certificate.prompt_tokens:,} prompt, {certificate.completion_tokens:,} completion",
            "US$": _render_amount(certificate.amount_in_usd, certificate.unpriced_rows, "a price"),
            "Unpriced": _join_some(
                f"{one['provider']} {one['model']} ({one['rows']:,}: {one['reason']})" for one in certificate.unpriced
            ),
            "CLP": _render_amount(certificate.amount_in_clp, certificate.rows_without_clp, "an amount in CLP"),
            "Rates": _join_some(
                f"{one['day']} {one['value']} {one['source']}"
                if one["day"]
                else f"given with {format_count(one['rows'], 'call')}"
                for one in certificate.rates
            ),
        }
    for name, check in certificate.checks.items():
        lines[name.replace("_", " ").capitalize()] = _render_check(check)
    lines |= {"Rows' SHA-256": certificate.rows_sha256, "Note": " ".join(certificate.notes)}
    title = f"CERTIFICATE - {certificate.month.title}".upper()
    return "\n".join([title, *(f"  {name:<15} {text}" for name, text in lines.items() if text)]) + "\n"


def _render_amount(amount: str | None, lacking: int, what: str) -> str:
    if amount is None and not lacking:
        return ""
    without = f", {format_count(lacking, 'call')} without {what}" if lacking else ""
    return (amount or "unknown") + without


def _join_some(texts: Iterable[str], most: int = 5) -> str:
    shown = list(texts)
    return "; ".join(shown[:most]) + (f"; and {len(shown) - most} more" if len(shown) > most else "")


def _render_check(check: Check) -> str:
    counted = f" ({check.checked:,} compared)" if check.checked else ""
    return f"{check.result}{counted}: {check.how}{'; ' + check.why if check.why else ''}"


def find_exit_code(certificates: Sequence[Certificate]) -> int:
    """That of the worst state."""
    states = [certificate.state for certificate in certificates]
    return next((state.exit_code for state in State if state in states), 0)


def _read_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _read_verify(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor 'all'")
    return int(text)
