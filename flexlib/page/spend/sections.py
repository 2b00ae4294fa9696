"""The parts of the page on a month's spend that are more than a table: title, headline numbers, proof."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

from flexlib.analysis.usage import UsageStatistics
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.certificate import State, UsageCertificate
from flexlib.errors import BadRecord
from flexlib.formats import UNKNOWN, format_count, format_count_or_dash, format_moment, format_short_day, format_usd
from flexlib.page.credits.proof import BADGES, RESULTS, StateBadge
from flexlib.page.credits.sections import DEMO
from flexlib.page.kit.markup import Html, render_element
from flexlib.page.kit.theme import LAB_STYLE, render_lab_style
from flexlib.spend.month import WINDSURF, MonthUsage
from flexlib.store.snapshots import Snapshot

TOKENS = ("prompt_tokens", "completion_tokens")

Row = dict[str, Any]
Totals = dict[str, Decimal | int | None]


def show_month_title(title: str, usage: MonthUsage) -> Html:
    """Title, month, its zone and the worst state of its sources, which leads to the proof; what is missing, and why.

    Carries the style of all that follows, so that JupyterLab shows it as the page does.
    """
    standing = BADGES[usage.state]
    month = render_element("span", usage.month.title)
    sources = list(dict.fromkeys(map(_name_source, usage.snapshots)))
    summary = f"out of {', '.join(sources)} · as of {format_moment(max(one.read_at for one in usage.certificates))}"
    badge = render_element("b", f"{standing.sign} {standing.word}") + escape(summary)
    badge = render_element("a", badge, class_=f"flex-badge {standing.colour}", href="#proof")
    head = render_element("p", f"LLM spend · monthly report · days of {escape(usage.zone)}", class_="over")
    demo = DEMO if any(getattr(one, "demo", False) for one in usage.certificates) else ""
    head += render_element("h1", f"{escape(title)} {month} {demo}".rstrip())
    alert = ""
    if missing := _list_missing(usage):
        lines = "".join(render_element("li", escape(text)) for text in missing)
        alert = render_element("p", f"{standing.word}: {standing.warning}") + render_element("ul", lines)
        alert = render_element("div", alert, class_=f"flex-alert {standing.colour}", role="note")
    header = render_element("header", render_element("div", head) + badge, class_="flex-title")
    return Html("title", f"{render_element('style', render_lab_style(), class_=LAB_STYLE)}\n{header}\n{alert}")


def show_month_headlines(usage: MonthUsage, totals: Totals, rates: Sequence[Row], calls: UsageStatistics) -> Html:
    """The month's spend in both currencies, with the rate, and its calls.

    `totals` of all rows as from `aggregate.total_cost_by_period`, `rates` as from `spend.list_rates`,
    `calls` the statistics of `usage.calls`.
    """
    standing = BADGES[usage.state]
    usd, clp = totals["usd"], totals["clp"]
    peak = format_short_day(calls.peak_day) if calls.peak_day else UNKNOWN
    cards = [
        (
            f"Spend{_mark(standing, usd, totals['unpriced_usd'])}",
            _write_amount("US$", usd, "0.01"),
            _write_lacking(totals["unpriced_usd"], "a price"),
        ),
        (
            f"In pesos{_mark(standing, clp, totals['unpriced_clp'])}",
            _write_amount("CLP", clp, "1"),
            _describe_pesos(totals, rates),
        ),
        ("Calls", format_count_or_dash(calls.request_count), f"on {format_count(calls.days_with_calls, 'day')}"),
        ("Prompt tokens", format_count_or_dash(calls.total_prompt_tokens), "of these calls"),
        ("Completion tokens", format_count_or_dash(calls.total_completion_tokens), "of these calls"),
        ("Highest day", peak, f"{format_count_or_dash(calls.peak_tokens)} tokens"),
    ]
    written = "".join(
        render_element("div", f'<dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd>')
        for name, value, note in cards
    )
    return Html("headlines", render_element("dl", written, class_="flex-headlines"))


def show_month_proof(usage: MonthUsage, calls: UsageStatistics) -> Html:
    """The certificate of each snapshot that was read: state, rows, sums, files and hash; and that this page holds them.

    `calls`: the statistics of `usage.calls`. Raises `BadRecord` when they are not what the certificates say.
    """
    standing = BADGES[usage.state]
    facts = _reconcile(usage, calls) + "".join(_write_snapshot(one) for one in usage.snapshots)
    missing = "".join(render_element("li", escape(text)) for text in _list_missing(usage))
    content = render_element("h2", standing.heading)
    content += render_element("ul", missing, class_="missing") if missing else ""
    content += render_element("dl", facts)
    for one in usage.snapshots:
        text = " ".join(one.certificate.notes)
        content += render_element("p", escape(f"{_name_source(one)}, {one.month}: {text}")) if text else ""
    return Html(
        "proof", render_element("section", content, class_=f"flex-section flex-proof {standing.colour}", id="proof")
    )


def _reconcile(usage: MonthUsage, calls: UsageStatistics) -> str:
    """The page's calls held against the certificates, where both are of the same month of UTC and no call is in two."""
    name = "This page and the certificates"
    if usage.zone != "UTC" or usage.repeated:
        why = f"months of {usage.zone} are not those of the certificates" if usage.zone != "UTC" else "a call is in two"
        return _write_fact("unknown", name, f"not compared: {why}")
    certificates = [one for one in usage.certificates if isinstance(one, UsageCertificate)]
    here = calls.request_count, calls.total_prompt_tokens, calls.total_completion_tokens
    there = tuple(sum(getattr(one, name) for one in certificates) for name in ("rows", *TOKENS))
    if here != there:
        raise BadRecord(
            f"the calls of {usage.month} are not those of the certificates: calls, prompt and completion tokens are "
            f"{here}, they say {there}. Close or import the month again."
        )
    for column, found in {"amount_in_usd": calls.total_usd, "amount_in_clp": calls.total_clp}.items():
        told = [getattr(one, column) for one in certificates]
        stored = sum_amounts([Decimal(amount) for amount in told if amount is not None])
        if found != stored and all(one.tells(column) for one in certificates):
            raise BadRecord(
                f"{column} of {usage.month} is {found} in the rows, and {stored} in the certificates. "
                "Close or import the month again."
            )
    return _write_fact("good", name, "{:,} calls, {:,} prompt and {:,} completion tokens on both".format(*here))


def _list_missing(usage: MonthUsage) -> list[str]:
    missing = [*usage.missing, *usage.doubts]
    for one in usage.snapshots:
        state, name = one.certificate.state, f"{_name_source(one)}, {one.month}"
        if state is State.GAP:
            missing.append(f"{name}: something is missing; flexlib certificate and raw/ beside the month say what.")
        if state is State.PROVISIONAL:
            missing.append(f"{name}: read on {format_moment(one.certificate.read_at)}, before the month was settled.")
        missing += [f"{name}: {check.why}." for check in one.certificate.checks.values() if check.result == "differs"]
    return missing


def _name_source(snapshot: Snapshot) -> str:
    names = {"ledger": "the ledger", "import": "imported files", WINDSURF: "Windsurf"}
    source = WINDSURF if snapshot.dataset == "credits" else snapshot.path.parent.name
    return names.get(source, source)


def _write_snapshot(snapshot: Snapshot) -> str:
    certificate = snapshot.certificate
    standing = BADGES[certificate.state]
    name = f"{_name_source(snapshot)}, {snapshot.month}"
    lines = [
        (
            "good" if standing.colour == "good" else "bad",
            name,
            f"{standing.word}, read {format_moment(certificate.read_at)}",
        )
    ]
    lines.append(("", "Rows", f"{format_count(certificate.rows, 'row')}, {certificate.quarantined_rows:,} not taken"))
    if isinstance(certificate, UsageCertificate) and certificate.amount_in_usd is not None:
        lines.append(("", "Exact sums", f"US$ {certificate.amount_in_usd}, CLP {certificate.amount_in_clp or UNKNOWN}"))
    lines += [
        (
            RESULTS[check.result][0],
            check_name.replace("_", " ").capitalize(),
            f"{check.result}: {check.how or check.why}",
        )
        for check_name, check in certificate.checks.items()
    ]
    for entry in getattr(certificate, "files", ()):
        lines.append(("", "File", f"{entry['name']}: {format_count(entry['rows'], 'row')}, SHA-256 {entry['sha256']}"))
    lines.append(("", "Rows' SHA-256", certificate.rows_sha256))
    return "".join(_write_fact(*line) for line in lines)


def _write_fact(colour: str, name: str, text: str) -> str:
    signs = {"good": "✓", "bad": "✗", "unknown": "–"}
    sign = render_element("b", signs[colour], class_=colour) if colour else render_element("b", "")
    return render_element("div", render_element("dt", sign + escape(name)) + render_element("dd", escape(text)))


def _describe_pesos(totals: Totals, rates: Sequence[Row]) -> str:
    """The rate, its date and its source; of several, the first and the last."""
    known = [row for row in rates if row["day"]]
    lacking = _write_lacking(totals["unpriced_clp"], "pesos")
    if not known:
        return lacking
    first, last = known[0], known[-1]
    days = f"{first['value']} ({first['day']})"
    if last is not first:
        days = f"the rates of {first['day']} ({first['value']}) to {last['day']} ({last['value']})"
    sources = ", ".join(sorted({row["source"] for row in known}))
    return f"at {escape(days)}, {escape(sources)}{'' if lacking == 'all rows' else '; ' + lacking}"


def _mark(standing: StateBadge, amount: object, lacking: object) -> str:
    """What stands before a sum that is not the whole: of the month's state, or because some rows have no amount."""
    shown = BADGES[State.GAP] if amount is not None and lacking and not standing.total_prefix else standing
    return shown.total_prefix and " " + render_element("b", shown.total_prefix, class_=shown.colour)


def _write_lacking(count: object, what: str) -> str:
    assert isinstance(count, int)
    return f"{format_count(count, 'row')} without {what}" if count else "all rows"


def _write_amount(unit: str, amount: object, places: str) -> str:
    if not isinstance(amount, Decimal):
        return UNKNOWN
    # What rounds to nothing is not nothing.
    text = f"&lt; {places}" if 0 < amount < Decimal(places) / 2 else format_usd(amount, places)
    return f"<small>{unit}</small>{text}"
