"""Small months of spend, stored: calls of the ledger and of files, and Windsurf's credits."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from stored import hash_rows, write_snapshot

from flexlib.certificate import CreditsCertificate, UsageCertificate
from flexlib.checks import Check
from flexlib.dates import Month
from flexlib.ingest.charges.importing import ChargesImport, prepare_charges
from flexlib.ingest.files.entries import Decisions
from flexlib.schema import CREDITS, USAGE, check_usage
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.paths import InputFile

AUGUST, SEPTEMBER, OCTOBER = Month(2025, 8), Month(2025, 9), Month(2025, 10)
LATER = datetime(2025, 12, 1, tzinfo=timezone.utc)


def call(name: str, when: str, usd: str | None = "1", **columns: Any) -> dict[str, Any]:  # noqa: ANN401
    moment = datetime.fromisoformat(when)
    counts: dict[str, Any] = dict.fromkeys(("prompt_tokens", "total_tokens"), 100) | dict.fromkeys(
        ("completion_tokens", "cached_tokens", "cache_write_tokens"), 0
    )
    texts = {"id": name, "grain": "call", "requests": 1, "provider": "openai", "model": "gpt-4o", "task_type": "text"}
    amount = usd and Decimal(usd)
    return {**counts, **texts, "created_at": moment, "updated_at": moment, "amount_in_usd": amount, **columns}


def store(
    root: Path,
    source: str,
    month: Month,
    *calls: dict[str, Any],
    lacking: int | None = None,
    **said: Any,  # noqa: ANN401
) -> None:
    """`lacking`: how many requests the certificate says to be without a price; None: it does not say. `said`: what
    else it says."""
    rows = pa.Table.from_pylist(list(calls), schema=USAGE).sort_by([("created_at", "ascending"), ("id", "ascending")])
    told: dict[str, Any] = {
        "read_at": LATER, "rows_read": len(rows), "quarantined_rows": 0,
        "requests": lacking and len(rows), "unpriced_requests": lacking,
    }  # fmt: skip
    certificate = UsageCertificate(
        month=month, rows=len(rows), rows_sha256=hash_rows(rows), source=source,
        prompt_tokens=sum(rows["prompt_tokens"].to_pylist()),
        completion_tokens=sum(rows["completion_tokens"].to_pylist()), **told | said,
    )  # fmt: skip
    write_snapshot(check_usage(rows, month), certificate, (), None, root)


def store_credits(
    root: Path,
    *rows: tuple[int, str, str, int, int],
    unlisted: tuple[str, ...] = (),
    people: dict[str, dict[str, str]] | None = None,
    **said: Any,  # noqa: ANN401
) -> None:
    """`unlisted`: users who are not on the list of people; `people`: name and e-mail by user; `said`: what else the
    certificate says."""
    table = build_credits(*rows)
    certificate = CreditsCertificate(
        month=SEPTEMBER, read_at=LATER, rows=len(table), quarantined_rows=0, rows_sha256=hash_rows(table), server="x",
        route="team", users_asked=1, users_active=1, flex_credits_hundredths=sum(table["flex_credits"].to_pylist()),
        prompt_credits_hundredths=sum(table["prompt_credits"].to_pylist()),
        sums=Check("agrees"), unmapped_users=unlisted, **said,
    )  # fmt: skip
    write_snapshot(table, certificate, (), people or {}, root)


def build_credits(*rows: tuple[int, str, str, int, int]) -> pa.Table:
    """Day of September, user, model, plan and flex credits in hundredths."""
    names = ("user", "model_uid", "prompt_credits", "flex_credits")
    built = [
        {"date": datetime(2025, 9, day), **dict(zip(names, others, strict=True)), "requests": 1}
        for day, *others in rows
    ]
    return pa.Table.from_pylist(built, schema=CREDITS)


def ingest_charges(
    files: list[Path],
    mapping: ChargeMapping,
    root: Path,
    *,
    wait: bool = False,
    now: datetime = LATER,
    **decisions: Any,  # noqa: ANN401
) -> list[ChargesImport]:
    """The charges of `files` brought into their months; `decisions` as in `Decisions`."""
    given = [(InputFile(file, file.name), mapping) for file in files]
    said = Decisions(**{"drops_others": True} | decisions)
    with prepare_charges(given, root, said, wait=wait, now=now) as store_months:
        return store_months()
