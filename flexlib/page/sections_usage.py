"""The parts of a page on calls that are more than one chart or table: title, headline numbers, findings, proof."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flexlib.aggregate.shares import WHOLE
from flexlib.aggregate.usage import UsageStatistics, read_usage
from flexlib.certificate import REFRESH, State, UsageCertificate
from flexlib.errors import BadRecord
from flexlib.formats import round_half_up
from flexlib.page.findings import Finding
from flexlib.page.formats import UNKNOWN, write_count, write_day, write_moment, write_share, write_usd
from flexlib.page.markup import Html, escape, write_element
from flexlib.page.proof import RESULTS, STANDINGS
from flexlib.page.theme import LAB_STYLE, write_lab_style

__all__ = [
    "find_usage_days",
    "find_usage_hours",
    "find_usage_models",
    "find_usage_sizes",
    "show_usage_headlines",
    "show_usage_proof",
    "show_usage_title",
]

LONGEST = 10**8
"""From here on a number has no room among the headlines."""

SIGNS = {"good": "✓", "bad": "✗", "unknown": "–"}


def show_usage_title(title: str, certificate: UsageCertificate) -> Html:
    """Title, month and the certificate's state, which leads to the proof; when the month is not whole, why.

    Carries the style of all that follows, so that JupyterLab shows it as the page does.
    """
    standing = STANDINGS[certificate.state]
    month = write_element("span", certificate.month.title)
    taken = certificate.rows_read - certificate.quarantined_rows
    summary = f"{taken:,} of {certificate.rows_read:,} rows taken · as of {write_moment(certificate.read_at)}"
    badge = write_element(
        "a",
        write_element("b", f"{standing.sign} {standing.word}") + escape(summary),
        class_=f"flex-badge {standing.colour}",
        href="#proof",
    )
    head = write_element("p", "LLM calls · monthly report", class_="over")
    head += write_element("h1", f"{escape(title)} {month}")
    alert = ""
    if missing := _list_missing(certificate):
        lines = "".join(write_element("li", escape(text)) for text in missing)
        alert = write_element("p", f"{standing.word}: {standing.warning}") + write_element("ul", lines)
        alert = write_element("div", alert, class_=f"flex-alert {standing.colour}", role="note")
    header = write_element("header", write_element("div", head) + badge, class_="flex-title")
    return Html("title", f"{write_element('style', write_lab_style(), class_=LAB_STYLE)}\n{header}\n{alert}")


def show_usage_headlines(statistics: UsageStatistics, certificate: UsageCertificate) -> Html:
    """The month's headline numbers: calls, tokens, models, days, amount."""
    standing = STANDINGS[certificate.state]
    mark = standing.before_total and " " + write_element("b", standing.before_total, class_=standing.colour)
    priced = statistics.request_count - statistics.requests_without_usd
    peak = write_day(statistics.peak_day) if statistics.peak_day else UNKNOWN
    peak_note = f"{write_count(statistics.peak_tokens)} tokens"
    amount = "" if statistics.total_usd is None else f"<small>US$</small>{write_usd(statistics.total_usd)}"
    cards = [
        (f"Calls{mark}", write_count(statistics.request_count), f"on {_count(statistics.days_with_calls, 'day')}"),
        (
            "Prompt tokens",
            _write_large(statistics.total_prompt_tokens),
            _write_average(statistics.average_prompt_tokens),
        ),
        (
            "Completion tokens",
            _write_large(statistics.total_completion_tokens),
            _write_average(statistics.average_completion_tokens),
        ),
        ("Models", write_count(statistics.models_used), "ranked below"),
        ("Highest day", peak, peak_note),
        ("Known amount", amount or UNKNOWN, f"of {_count(priced, 'call')}" if priced else "no call has one"),
    ]
    written = "".join(
        write_element("div", f'<dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd>')
        for name, value, note in cards
    )
    return Html("headlines", write_element("dl", written, class_="flex-headlines"))


def find_usage_days(by_day: object, zone: str = "UTC") -> Finding:
    """Of `usage_by_day`: the day of the most tokens; `zone` is that of the days."""
    rows = read_usage(by_day)
    if not rows:
        return Finding("No calls", f"Tokens a day. Days are {zone}.")
    note = f"Tokens a day, on {_count(len(rows), 'day')} with calls. Days are {zone}."
    peak = max(rows, key=lambda row: row["total_tokens"])
    if len(rows) == 1:
        return Finding(f"All calls are of {write_day(peak['date'])}", note)
    return Finding(
        f"{write_day(peak['date'])} took {write_share(_share(peak['total_tokens'], rows))} of the tokens", note
    )


def find_usage_hours(by_hour: object, zone: str = "UTC") -> Finding:
    """Of `usage_by_hour`: the hour of the most tokens; `zone` is that of the hours."""
    rows = read_usage(by_hour)
    note = "Tokens by hour of the day, over all days."
    if not rows:
        return Finding("By hour", note)
    peak = max(rows, key=lambda row: row["total_tokens"])
    share = write_share(_share(peak["total_tokens"], rows))
    return Finding(
        f"From {peak['hour']:02d} to {(peak['hour'] + 1) % 24:02d} h {zone} fall {share} of the tokens", note
    )


def find_usage_models(by_model: object) -> Finding:
    """Of `usage_by_provider_and_model`: what the first takes."""
    rows = read_usage(by_model)
    note = "Ranked by tokens. An amount is what the calls say themselves; where they say none, it is unknown."
    if not rows:
        return Finding("By model", note)
    if len(rows) == 1:
        return Finding(f"All calls are to {rows[0]['model']}", note)
    return Finding(f"{rows[0]['model']} takes {write_share(rows[0]['share_permille'])} of the tokens", note)


def find_usage_sizes(distribution: object) -> Finding:
    """Of `usage_distribution`: the median call."""
    half = next((row for row in read_usage(distribution) if row["percent"] == 50), None)
    note = "Calls by how many tokens they read (prompt) and write (completion)."
    if half is None:
        return Finding("By size", note)
    return Finding(f"Half of the calls read at most {write_count(half['prompt_tokens'])} tokens", note)


def show_usage_proof(certificate: UsageCertificate, statistics: UsageStatistics) -> Html:
    """The proof: which files, how many of their rows, which sums agree, what is missing, and the hash of the rows.

    `statistics` are those of all rows of the snapshot. Raises `BadRecord` when they are not what the certificate says.
    """
    here = statistics.request_count, statistics.total_prompt_tokens, statistics.total_completion_tokens
    there = certificate.rows, certificate.prompt_tokens, certificate.completion_tokens
    if here != there:
        raise BadRecord(
            f"the calls of {certificate.month} are not those of its certificate: calls, prompt and completion tokens "
            f"are {here}, it says {there}. Bring all rows of the snapshot, or import the month again."
        )
    standing, sums = STANDINGS[certificate.state], certificate.sums
    both = "{:,} calls, {:,} prompt and {:,} completion tokens on both".format(*here)
    files = [f"{entry['name']}: {entry['rows']:,} rows, SHA-256 {entry['sha256']}" for entry in certificate.files]
    lines = [
        (
            "bad" if certificate.quarantined_rows else "good",
            "Rows read, taken, known before, not taken",
            _join(certificate),
        ),
        ("good", "This page and the certificate", both),
        (RESULTS[sums.result][0], "The file's sums and the stored ones", f"{sums.result}: {sums.how}"),
        *(("", "File", text) for text in files),
        ("", "First and last call", _write_ends(statistics)),
        ("", "Imported", write_moment(certificate.read_at)),
        ("", "Rows' SHA-256", certificate.rows_sha256),
        ("", "flexlib", certificate.flexlib_version),
    ]
    facts = "".join(_write_fact(*line) for line in lines)
    missing = "".join(write_element("li", escape(text)) for text in _list_missing(certificate))
    content = write_element("h2", standing.heading)
    content += write_element("ul", missing, class_="missing") if missing else ""
    content += write_element("dl", facts) + "".join(write_element("p", escape(note)) for note in certificate.notes)
    section = write_element("section", content, class_=f"flex-section flex-proof {standing.colour}", id="proof")
    return Html("proof", section)


def _list_missing(certificate: UsageCertificate) -> list[str]:
    missing = []
    if certificate.quarantined_rows:
        rows = _count(certificate.quarantined_rows, "row")
        missing.append(f"{rows} of the files could not be taken; raw/ beside the month keeps them and says why.")
    if certificate.sums.result == "differs":
        missing.append(f"The stored sums differ: {certificate.sums.why}.")
    if certificate.state is State.PROVISIONAL or certificate.read_at < certificate.month.end + REFRESH:
        missing.append(f"It was imported on {write_moment(certificate.read_at)}, before the month was over.")
    return missing


def _share(part: int, rows: list[dict[str, Any]]) -> int:
    """Tenths of a percent, rounded down."""
    total: int = sum(row["total_tokens"] for row in rows)
    return WHOLE * part // max(1, total)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _write_large(tokens: int) -> str:
    """Exact as far as there is room; the proof and the tables have every digit."""
    return write_count(tokens) if tokens < LONGEST else f"{round_half_up(Fraction(tokens, 10**6)):,}\u00a0M"


def _write_average(average: Fraction | None) -> str:
    return "no calls" if average is None else f"{round_half_up(average):,} a call"


def _write_ends(statistics: UsageStatistics) -> str:
    ends = [statistics.first_call, statistics.last_call]
    return " · ".join(f"{one:%Y-%m-%d %H:%M:%S.%f} UTC" for one in ends if one) or UNKNOWN


def _join(certificate: UsageCertificate) -> str:
    counts = (certificate.rows_read, certificate.rows, certificate.duplicate_rows, certificate.quarantined_rows)
    return " · ".join(write_count(count) for count in counts)


def _write_fact(colour: str, name: str, text: str) -> str:
    sign = write_element("b", SIGNS[colour], class_=colour) if colour else write_element("b", "")
    return write_element("div", write_element("dt", sign + escape(name)) + write_element("dd", escape(text)))
