"""How the calls of a month ended, as far as their sources say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flexlib.certificate import UsageCertificate
from flexlib.enums import FAILED
from flexlib.spend.month import MonthUsage
from flexlib.spend.quality import CALLS, IS_LEAST

UNPRICED = "coalesce(sum(coalesce(requests, 1)) FILTER (amount_in_usd IS NULL), 0)::BIGINT"


def list_statuses(usage: MonthUsage) -> list[dict[str, Any]]:
    """How calls ended, most first: `status` (as the source writes it; None: it does not say), `failed` (whether the
    status says so), `calls`, `total_usd` (what they cost; None: not known), `unpriced` (of how many that is not known);
    last those that an import left out because they failed, with `left_out` true: they are no rows of the month.
    """
    grouped = usage.calls.aggregate(
        f"status, {CALLS} AS calls, {IS_LEAST} AS is_least, sum(amount_in_usd) AS total_usd, {UNPRICED} AS unpriced",
        "status",
    )
    rows = grouped.order("calls DESC, status NULLS LAST").fetchall()
    lines = [dict(zip(("status", "calls", "is_least", "total_usd", "unpriced"), row, strict=True)) for row in rows]
    return [
        *({**line, "failed": bool(FAILED.search(line["status"] or "")), "left_out": False} for line in lines),
        *_list_left_out(usage),
    ]


def _list_left_out(usage: MonthUsage) -> Iterator[dict[str, Any]]:
    for certificate in usage.certificates:
        for entry in certificate.left_out if isinstance(certificate, UsageCertificate) else ():
            if FAILED.search(entry["kind"]):
                facts = {"failed": True, "left_out": True, "total_usd": None, "unpriced": entry["rows"]}
                yield {"status": entry["kind"], "calls": entry["rows"], **facts}


def count_calls(statuses: Sequence[Mapping[str, Any]]) -> int:
    """All calls of `spend.list_statuses`, those that an import left out included."""
    return sum(row["calls"] for row in statuses)


def count_failed(statuses: Sequence[Mapping[str, Any]]) -> int:
    return sum(row["calls"] for row in statuses if row["failed"])


def count_silent(statuses: Sequence[Mapping[str, Any]]) -> int:
    """Calls of which no source says how they ended."""
    return sum(row["calls"] for row in statuses if row["status"] is None)
