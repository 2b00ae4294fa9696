"""One recorded call: its columns, how a caller's arguments become them, and when two are the same call."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.ledger.db.columns import CLP_DECIMALS, USD_DECIMALS, encode_json
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.errors import InvalidCall
from flexlib.ledger.record.values import (
    LONGEST_NAME,
    read_count,
    read_member,
    read_money,
    read_text,
    read_time,
    read_usable,
)

NOTES = (
    ("price_source", "price_date", "unpriced", "rate", "rate_day", "rate_source", "rate_unreadable")
    + ("masked", "repriced")
)  # fmt: skip
"""Names in the metadata under which the ledger itself writes; a caller cannot use them."""
RESERVED = frozenset(NOTES)

DERIVED = ("created_at", "amount_in_usd", "amount_in_clp")
"""Columns that the ledger fills when the caller does not, and that then tell nothing about the call's content."""

LONGEST_ID = 200
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of it in JSON, not an escaped backslash before `u0000`."""


class UsageRecord(NamedTuple):
    """A recorded call, as it is stored."""

    id: int | None
    """The row's number; None before it is stored."""
    request_id: str
    created_at: datetime
    """UTC."""
    usable_type: str | None
    usable_id: int | None
    provider: LlmProvider
    model: str
    proxy: LlmProxy | None
    """None: called directly."""
    task_type: LlmTaskType
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    """Part of the prompt, read from a cache."""
    cache_write_tokens: int
    """Part of the prompt, written to a cache."""
    cost: Decimal | None
    """What the seller said, in the proxy's own unit; USD without a proxy."""
    amount_in_usd: Decimal | None
    """None: unpriced, which is not zero."""
    amount_in_clp: Decimal | None
    """None: no amount in USD, or no rate for its day."""
    duration_ms: int | None
    status: str | None
    metadata: dict[str, Any] | None
    updated_at: datetime
    """UTC."""

    @property
    def unpriced(self) -> str | None:
        """Why there is no amount; None where there is one."""
        return None if self.amount_in_usd is not None else str((self.metadata or {}).get("unpriced", "not given"))

    @property
    def usable(self) -> tuple[str, int] | None:
        """Who used it, as a pair; None where nobody was named."""
        return None if self.usable_type is None or self.usable_id is None else (self.usable_type, self.usable_id)


def build_record(
    ledger: Ledger,
    *,
    usable: Any,  # noqa: ANN401 (any mapped object, or a pair)
    provider: LlmProvider | str,
    model: str,
    task_type: LlmTaskType | str | None = LlmTaskType.TEXT,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    cost: Decimal | float | str | None = None,
    amount_in_usd: Decimal | float | str | None = None,
    amount_in_clp: Decimal | float | str | None = None,
    proxy: LlmProxy | str | None = None,
    metadata: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    duration_ms: int | None = None,
    status: str | None = None,
    created_at: datetime | str | None = None,
) -> UsageRecord:
    """The record of a call as the caller gave it, checked and masked, not yet priced. Raises `InvalidCall`."""
    now = datetime.now(timezone.utc)
    usable_type, usable_id = read_usable(usable)
    prompt = read_count("prompt_tokens", prompt_tokens)
    completion = read_count("completion_tokens", completion_tokens)
    cached = read_count("cached_tokens", cached_tokens) if cached_tokens else 0
    cache_write = read_count("cache_write_tokens", cache_write_tokens) if cache_write_tokens else 0
    if cached + cache_write > prompt:
        raise InvalidCall(
            f"cached_tokens ({cached}) and cache_write_tokens ({cache_write}) are parts of the prompt, "
            f"and prompt_tokens is {prompt}; where they are counted beside it, add them to it."
        )
    return UsageRecord(
        None,
        make_request_id() if request_id is None else read_text("request_id", request_id, LONGEST_ID),
        now if created_at is None else read_time("created_at", created_at),
        usable_type,
        usable_id,
        read_member("provider", provider, LlmProvider),
        read_text("model", model, LONGEST_NAME, strip=True),
        None if proxy is None else read_member("proxy", proxy, LlmProxy),
        LlmTaskType.TEXT if task_type is None else read_member("task_type", task_type, LlmTaskType),
        prompt,
        completion,
        prompt + completion,
        cached,
        cache_write,
        read_money("cost", cost, USD_DECIMALS),
        read_money("amount_in_usd", amount_in_usd, USD_DECIMALS),
        read_money("amount_in_clp", amount_in_clp, CLP_DECIMALS),
        None if duration_ms is None else read_count("duration_ms", duration_ms),
        None if status is None else read_text("status", status, LONGEST_NAME, strip=True),
        None if not metadata else _read_metadata(ledger, metadata),
        now,
    )


def find_differences(stored: UsageRecord, sent: UsageRecord, given: Mapping[str, Any]) -> list[str]:
    """The columns in which a call sent again is not the stored one, in the table's order; empty for the same call.

    `given`: the caller's arguments. What the ledger filled in at the first time (the time, the amounts) is compared
    only where the caller gives it now, and what the ledger wrote into the metadata is not compared at all.
    """
    skipped = {"id", "updated_at", "metadata", *(name for name in DERIVED if given.get(name) is None)}
    names = [
        name
        for name, old, new in zip(UsageRecord._fields, stored, sent, strict=True)
        if name not in skipped and old != new
    ]
    return names if _drop_notes(stored.metadata) == _drop_notes(sent.metadata) else [*names, "metadata"]


def make_request_id() -> str:
    """A UUIDv7 (RFC 9562): the time in milliseconds, then 74 random bits, so that ids made later sort later."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    text = f"{number & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _drop_notes(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (metadata or {}).items() if name not in NOTES}


def _read_metadata(ledger: Ledger, metadata: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(metadata, Mapping):
        raise InvalidCall(f"metadata must be a dict, not {type(metadata).__name__}.")
    if not RESERVED.isdisjoint(metadata):
        taken = [name for name in NOTES if name in metadata]
        raise InvalidCall(f"metadata names {', '.join(taken)}, which the ledger writes itself; choose another name.")
    try:
        masked, kinds = ledger.guard.mask(metadata)
        text = encode_json(masked)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise InvalidCall(f"metadata cannot be kept as JSON: {error}.") from error
    if "\\u0000" in text and NUL.search(text):
        raise InvalidCall("metadata holds a NUL character, which PostgreSQL cannot keep.")
    if size > ledger.metadata_bytes:
        raise InvalidCall(
            f"metadata is {size} bytes of JSON, and the most is {ledger.metadata_bytes}; keep it elsewhere."
        )
    return {**masked, "masked": kinds} if kinds else masked
