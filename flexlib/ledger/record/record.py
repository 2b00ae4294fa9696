"""One recorded call: its columns, how a caller's arguments become them, and when two are the same call."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import InvalidCall
from flexlib.i18n import _
from flexlib.ledger.db.columns import CLP_DECIMALS, USD_DECIMALS, encode_json
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.record.values import (
    LONGEST_NAME,
    NOT_COUNTED,
    read_count,
    read_extra_counts,
    read_grain,
    read_member,
    read_money,
    read_text,
    read_time,
    read_usable,
)
from flexlib.money.amounts import FILLED
from flexlib.store.membership import clean_places

GIVEN = ("created_at", "amount_in_usd", "amount_in_clp")
"""Columns that the ledger fills when the caller does not, and that then tell nothing about the call's content."""

OWN = frozenset({"id", "updated_at", "masked", "earlier_amounts", *FILLED} - set(GIVEN))
"""Columns that only the ledger fills."""

LONGEST_ID = 200
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of it in JSON, not an escaped backslash before `u0000`."""


class UsageRecord(NamedTuple):
    """A recorded call, or a sum of calls, as it is stored."""

    id: int | None
    """The row's number; None before it is stored."""
    request_id: str
    created_at: datetime
    """UTC; of a sum the beginning of its period."""
    grain: str
    """What the row stands for: call, hour, day or month."""
    requests: int
    """Calls in the row; 1 for a call."""
    usable_type: str | None
    usable_id: int | None
    usable_key: str | None
    """The user's id where it is no number."""
    provider: LlmProvider
    model: str
    proxy: LlmProxy | None
    """None: called directly."""
    task_type: LlmTaskType
    tier: str | None
    """The service tier; None: standard."""
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    """Part of the prompt, read from a cache."""
    cache_write_tokens: int
    """Part of the prompt, written to a cache."""
    cache_write_1h_tokens: int | None
    """This and the next nine are counts that price lists may price by themselves; None: not counted."""
    cache_audio_read_tokens: int | None
    cache_image_read_tokens: int | None
    input_audio_tokens: int | None
    input_image_tokens: int | None
    input_video_tokens: int | None
    output_audio_tokens: int | None
    output_image_tokens: int | None
    output_video_tokens: int | None
    web_searches: int | None
    cost: Decimal | None
    """What the seller said, in the proxy's own unit; USD without a proxy."""
    amount_in_usd: Decimal | None
    """None: unpriced, which is not zero."""
    price_source: str | None
    """The price list that gave the amount; None: the caller gave it."""
    price_date: date | None
    """The day from which that price holds; None: the list does not date it."""
    unpriced: str | None
    """Why there is no amount in USD."""
    amount_in_clp: Decimal | None
    """None: no amount in USD, or no rate for its day."""
    fx_rate: Decimal | None
    """CLP for 1 USD; None: the caller gave the pesos."""
    fx_date: date | None
    fx_source: str | None
    unconverted: str | None
    """Why there is no amount in CLP though there is one in USD."""
    duration_ms: int | None
    status: str | None
    metadata: dict[str, Any] | None
    """The caller's own."""
    masked: str | None
    """Kinds of personal data that were masked in the metadata, by commas."""
    earlier_amounts: list[dict[str, Any]] | None
    """What repricing replaced, the oldest first."""
    updated_at: datetime
    """UTC."""

    @property
    def usable(self) -> tuple[str, int | str] | None:
        """Who used it, as a pair; None where nobody was named."""
        who = self.usable_key if self.usable_id is None else self.usable_id
        return None if self.usable_type is None or who is None else (self.usable_type, who)


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
    extra_counts: Mapping[str, int | None] | None = None,
    tier: str | None = None,
    duration_ms: int | None = None,
    status: str | None = None,
    created_at: datetime | str | None = None,
    grain: str = "call",
    requests: int | None = None,
) -> UsageRecord:
    """The record of a call as the caller gave it, checked and masked, not yet priced. Raises `InvalidCall`."""
    now = datetime.now(timezone.utc)
    usable_type, usable_id, usable_key = read_usable(usable)
    prompt = read_count("prompt_tokens", prompt_tokens)
    completion = read_count("completion_tokens", completion_tokens)
    cached = read_count("cached_tokens", cached_tokens) if cached_tokens else 0
    cache_write = read_count("cache_write_tokens", cache_write_tokens) if cache_write_tokens else 0
    if cached + cache_write > prompt:
        raise InvalidCall(
            _(
                "cached_tokens ({cached}) and cache_write_tokens ({cache_write}) are parts of the prompt, "
                "and prompt_tokens is {prompt}; where they are counted beside it, add them to it."
            ).format(cached=cached, cache_write=cache_write, prompt=prompt)
        )
    grain, number = ("call", 1) if grain == "call" and requests is None else read_grain(grain, requests, created_at)
    kept, masked = _read_metadata(ledger, metadata) if metadata else (None, None)
    extra = read_extra_counts(extra_counts, kept) if extra_counts or kept else NOT_COUNTED
    if tier is not None:
        tier = read_text("tier", tier, strip=True)
    elif kept and isinstance(said := kept.get("tier"), str):
        tier = said
    return UsageRecord(
        None,
        make_request_id()
        if request_id is None
        else ledger.guard.hide_id("id", read_text("request_id", request_id, LONGEST_ID)),
        now if created_at is None else read_time("created_at", created_at),
        grain,
        number,
        usable_type,
        usable_id,
        usable_key,
        read_member("provider", provider, LlmProvider),
        read_text("model", model, LONGEST_NAME, strip=True),
        None if proxy is None else read_member("proxy", proxy, LlmProxy),
        LlmTaskType.TEXT if task_type is None else read_member("task_type", task_type, LlmTaskType),
        tier,
        prompt,
        completion,
        prompt + completion,
        cached,
        cache_write,
        *extra,
        None if cost is None else read_money("cost", cost, USD_DECIMALS),
        read_money("amount_in_usd", amount_in_usd, USD_DECIMALS),
        None,
        None,
        None,
        read_money("amount_in_clp", amount_in_clp, CLP_DECIMALS),
        None,
        None,
        None,
        None,
        None if duration_ms is None else read_count("duration_ms", duration_ms),
        None if status is None else read_text("status", status, LONGEST_NAME, strip=True),
        kept,
        masked,
        None,
        now,
    )


def find_differences(stored: UsageRecord, sent: UsageRecord, given: Mapping[str, Any]) -> list[str]:
    """The columns in which a call sent again is not the stored one, in the table's order; empty for the same call.

    `given`: the caller's arguments. What the ledger filled in at the first time (the time, the amounts) is compared
    only where the caller gives it now, and what the ledger alone writes is not compared at all.
    """
    skipped = OWN.union(name for name in GIVEN if given.get(name) is None)
    return [
        name
        for name, old, new in zip(UsageRecord._fields, stored, sent, strict=True)
        if old != new and name not in skipped
    ]


def make_request_id() -> str:
    """A UUIDv7 (RFC 9562): the time in milliseconds, then 74 random bits, so that ids made later sort later."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    text = f"{number & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _read_metadata(ledger: Ledger, metadata: Any) -> tuple[dict[str, Any], str | None]:  # noqa: ANN401
    """The metadata as it is kept, and the kinds of what was masked in it."""
    if not isinstance(metadata, Mapping):
        raise InvalidCall(_("metadata must be a dict, not {name}.").format(name=type(metadata).__name__))
    try:
        masked, kinds = ledger.guard.mask(clean_places(metadata))
        text = encode_json(masked)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise InvalidCall(_("metadata cannot be kept as JSON: {error}.").format(error=error)) from error
    if "\\u0000" in text and NUL.search(text):
        raise InvalidCall(_("metadata holds a NUL character, which PostgreSQL cannot keep."))
    if size > ledger.metadata_bytes:
        raise InvalidCall(
            _("metadata is {size} bytes of JSON, and the most is {metadata_bytes}; keep it elsewhere.").format(
                size=size, metadata_bytes=ledger.metadata_bytes
            )
        )
    return masked, ",".join(kinds) or None
