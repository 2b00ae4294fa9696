"""Recording calls: each request id once, priced from the books at hand, kept through a busy or absent database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import ConflictingUsage, InvalidCall
from flexlib.i18n import _, mark_text
from flexlib.ledger.db.archived import explain_late
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.db.table import lock_counters
from flexlib.ledger.door import find_ledger
from flexlib.ledger.record.pricing import price_records
from flexlib.ledger.record.record import UsageRecord, build_record, find_differences
from flexlib.ledger.record.writing import (
    StoredBatch,
    find_stored,
    insert_record,
    insert_records,
    keep_stored_ids,
    make_room,
    open_transaction,
)

Amount = Decimal | float | str | None
PROXY_IS_SET = mark_text("the proxy is set by the function that you called; use record_usage to choose another.")
SEND_AGAIN = mark_text(" It is not certain that the call is stored; send it again under the same request id.")


def record_usage(
    *,
    usable: Any,  # noqa: ANN401 (any mapped object, or a pair)
    provider: LlmProvider | str,
    model: str,
    task_type: LlmTaskType | str = LlmTaskType.TEXT,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    cost: Amount = None,
    amount_in_usd: Amount = None,
    amount_in_clp: Amount = None,
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
    ledger: Ledger | None = None,
) -> UsageRecord:
    """Stores one call and gives it back as it is stored; the same call sent again gives back the first.

    `usable`: who used it, a mapped object or a pair such as `("user", 42)` or `("key", "3f1c-...")`, never an e-mail or
    a person's name; None where nobody is to be named. `cost` is in the proxy's own unit; without a proxy, and through
    OpenRouter, that is USD and stands before any price list. Amounts that are not given are priced offline, by the
    call's time; what cannot be is None, and `unpriced` says why. `cached_tokens` and `cache_write_tokens` are parts of
    the prompt. `extra_counts`: what a list may price by itself, such as `{"web_searches": 3}`, and `tier`: the service
    tier, such as batch; both are also read from the metadata, where they have these names. `request_id`: the caller's
    own, of up to 200 characters, by default a UUIDv7. `created_at`: when the call was made (no zone: UTC), by default
    now. `grain`: hour, day or month for a sum of several calls, `requests` how many, which must be said,
    `created_at` the beginning of the period. `ledger`: by default that of the settings.

    Raises `InvalidCall` for what cannot be, or is of an archived month, `ConflictingUsage` when the request id is
    stored with other content, `LedgerUnavailable` when the database stays busy or out of reach: the call may be sent
    again under the same id.

    >>> import flexlib as fl
    >>> call = fl.record_usage(
    ...     usable=("user", 42), provider="openai", model="gpt-4o", prompt_tokens=1000, created_at="2025-09-10"
    ... )
    >>> call.amount_in_usd
    Decimal('0.0025000000')
    """
    ledger = ledger or find_ledger()
    prepare_ledger(ledger)
    built = build_record(ledger, usable=usable, provider=provider, model=model, task_type=task_type,
        prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, cost=cost, amount_in_usd=amount_in_usd,
        amount_in_clp=amount_in_clp, proxy=proxy, metadata=metadata, request_id=request_id,
        cached_tokens=cached_tokens, cache_write_tokens=cache_write_tokens, extra_counts=extra_counts, tier=tier,
        duration_ms=duration_ms, status=status, created_at=created_at, grain=grain, requests=requests)  # fmt: skip
    (record,) = price_records(ledger, keep_stored_ids(ledger, [{"request_id": request_id}], [built]))
    given = {"created_at": created_at, "amount_in_usd": amount_in_usd, "amount_in_clp": amount_in_clp}

    def store() -> UsageRecord:
        if (number := insert_record(ledger, record)) is not None:
            return record._replace(id=number)
        with ledger.connect() as connection:
            found = find_stored(ledger, connection, [record.request_id])
        if not found:
            raise explain_late()
        _refuse_other_content(found[0], record, given)
        return found[0]

    return run_with_retries(ledger, store, SEND_AGAIN)


def record_openrouter_usage(
    *,
    usable: Any,  # noqa: ANN401
    provider: LlmProvider | str,
    model: str,
    task_type: LlmTaskType | str = LlmTaskType.TEXT,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    amount_in_usd: Amount = None,
    metadata: Mapping[str, Any] | None = None,
    **others: Any,  # noqa: ANN401 (as record_usage takes them)
) -> UsageRecord:
    """As `record_usage`, for a call through OpenRouter.

    >>> import flexlib as fl
    >>> call = fl.record_openrouter_usage(
    ...     usable=None, provider="google", model="google/gemini-2.5-flash", prompt_tokens=10, cost="0.25"
    ... )
    >>> call.proxy, call.amount_in_usd
    (<LlmProxy.OPENROUTER: 'openrouter'>, Decimal('0.2500000000'))
    """
    if "proxy" in others:
        raise InvalidCall(_(PROXY_IS_SET))
    return record_usage(
        usable=usable,
        provider=provider,
        model=model,
        task_type=task_type,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        amount_in_usd=amount_in_usd,
        metadata=metadata,
        proxy=LlmProxy.OPENROUTER,
        **others,
    )


def record_direct_usage(
    *,
    usable: Any,  # noqa: ANN401
    provider: LlmProvider | str,
    model: str,
    task_type: LlmTaskType | str = LlmTaskType.TEXT,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    amount_in_usd: Amount = None,
    metadata: Mapping[str, Any] | None = None,
    **others: Any,  # noqa: ANN401
) -> UsageRecord:
    """As `record_usage`, for a call without a proxy.

    >>> import flexlib as fl
    >>> fl.record_direct_usage(usable=None, provider="mistral", model="our-own", prompt_tokens=10).proxy is None
    True
    """
    if "proxy" in others:
        raise InvalidCall(_(PROXY_IS_SET))
    return record_usage(
        usable=usable,
        provider=provider,
        model=model,
        task_type=task_type,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        amount_in_usd=amount_in_usd,
        metadata=metadata,
        proxy=None,
        **others,
    )


def record_many(calls: Iterable[Mapping[str, Any]], *, ledger: Ledger | None = None) -> list[UsageRecord]:
    """Stores a batch of calls, each a mapping of `record_usage`'s arguments: all of them or none. Gives them back in
    their order; those that were stored already as they were. Raises as `record_usage` does; a refusal names the place
    of the call in the batch, from 0. A batch of about a thousand is quickest.

    >>> import flexlib as fl
    >>> calls = [dict(usable=("team", "search"), provider="openai", model="gpt-4o", prompt_tokens=n) for n in (7, 5)]
    >>> [call.total_tokens for call in fl.record_many(calls)]
    [7, 5]
    """
    ledger = ledger or find_ledger()
    prepare_ledger(ledger)
    sent = list(calls)
    return store_batch(ledger, sent, [_build_one(ledger, place, call) for place, call in enumerate(sent)]).records


def store_batch(
    ledger: Ledger,
    calls: Sequence[Mapping[str, Any]],
    built: Sequence[UsageRecord],
    before: Callable[[Any], None] = lock_counters,
    after: Callable[[Any, list[UsageRecord]], None] | None = None,
) -> StoredBatch:
    """Stores the records that `build_record` made of the calls, all or none, and does in the same transaction what is
    to be done `before` and `after`, with the connection and the records as stored. Raises as `record_many`."""
    records = price_records(ledger, keep_stored_ids(ledger, calls, built))
    firsts: dict[str, UsageRecord] = {}
    for record, call in zip(records, calls, strict=True):
        _refuse_other_content(firsts.setdefault(record.request_id, record), record, call)

    def store() -> StoredBatch:
        make_room(ledger, firsts.values())
        with open_transaction(ledger) as connection:
            before(connection)
            numbers = insert_records(ledger, connection, list(firsts.values()))
            stored = {name: UsageRecord(number, *firsts[name][1:]) for name, number in numbers.items()}
            there = [name for name in firsts if name not in numbers]
            stored |= {one.request_id: one for one in find_stored(ledger, connection, there)} if there else {}
            if len(stored) < len(firsts):
                raise explain_late()
            for record, call in zip(records, calls, strict=True) if there else ():
                _refuse_other_content(stored[record.request_id], record, call)
            if after:
                after(connection, list(stored.values()))
        return StoredBatch([stored[record.request_id] for record in records], len(numbers))

    return run_with_retries(ledger, store, SEND_AGAIN) if firsts else StoredBatch([], 0)


def _build_one(ledger: Ledger, place: int, call: Mapping[str, Any]) -> UsageRecord:
    if not isinstance(call, Mapping):
        kind = type(call).__name__
        raise InvalidCall(_("call {place} of the batch: give record_usage's arguments as a dict, not {kind}.")
            .format(place=place, kind=kind))  # fmt: skip
    try:
        return build_record(ledger, **call)
    except (InvalidCall, TypeError) as error:  # a missing or unknown argument is a TypeError, with the function's name
        raise InvalidCall(_("call {place} of the batch: {error}")
            .format(place=place, error=str(error).replace('build_record() ', ''))) from error  # fmt: skip


def _refuse_other_content(stored: UsageRecord, sent: UsageRecord, given: Mapping[str, Any]) -> None:
    if differing := [] if stored is sent else find_differences(stored, sent, given):
        raise ConflictingUsage(sent.request_id, differing)
