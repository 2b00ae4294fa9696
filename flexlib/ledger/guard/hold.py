"""Holding what a call may cost before it is made, and settling with what it cost: a limit is not passed in between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from flexlib.enums import LlmProvider, LlmProxy
from flexlib.errors import BadFile, InvalidCall, LedgerError
from flexlib.i18n import _, mark_text
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.door import find_guard, find_ledger
from flexlib.ledger.guard.alerts import LOG
from flexlib.ledger.guard.ask import ask_ledger, let_through
from flexlib.ledger.guard.call import check_told, read_call
from flexlib.ledger.guard.counters import Counters
from flexlib.ledger.guard.limits import Limit, find_limits, load_limits, place_limits
from flexlib.ledger.guard.settling import Settling
from flexlib.ledger.record.record import UsageRecord, build_record, make_request_id
from flexlib.ledger.record.recording import store_batch
from flexlib.store.budgets import Budget

LIFETIME = timedelta(minutes=10)
"""How long an amount is held for a call of which nothing more is heard: longer than a model takes to answer."""

EXPIRES = mark_text(" What is held expires by itself.")

LONGEST = timedelta(days=1)
"""A lifetime beyond it is a mistake: nobody waits so long for an answer."""


def read_clock() -> datetime:
    """The time by which amounts expire and periods turn."""
    return datetime.now(timezone.utc)


class Hold:
    """What is held for one call: to be entered before the call, and settled with what the call was."""

    def __init__(
        self,
        ledger: Ledger,
        budgets: Sequence[Budget],
        limits: list[Limit],
        call: Mapping[str, Any],
        amount: Decimal,
        lifetime: timedelta,
    ) -> None:
        self.request_id: str = make_request_id()
        """Under which the call is recorded, unless it is settled with another."""
        self.amount = amount
        """What is held, in US$."""
        self.is_held = False
        """Whether it is: not before it is entered, nor where there is no limit, or none could be asked."""
        self._ledger, self._budgets, self._limits = ledger, budgets, limits
        self._call, self._lifetime = call, lifetime
        self._taken: datetime | None = None
        self._is_made = False  # a call that could not be recorded: what is held for it expires, and is not given back
        self._is_settled = False
        self._counters = Counters(ledger)

    def __enter__(self) -> Hold:
        return self.take()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if not self._is_made:
                self.release()
        except LedgerError as trouble:  # what is held expires by itself: no reason to hide another error, or to stop
            if error is None and not find_guard().is_open:
                raise
            LOG.warning("What was held for a call could not be given back, and expires: %s", trouble)

    async def __aenter__(self) -> Hold:
        taking = asyncio.ensure_future(asyncio.to_thread(self.take))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError as error:  # the thread goes on, and nobody would give back what it takes
            await asyncio.wait([taking])
            await asyncio.to_thread(self.__exit__, type(error), error, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.__exit__, kind, error, None))

    def take(self) -> Hold:
        """Holds the amount of every limit, or of none. Raises `LimitReached`, or `LimitUnknown` where it cannot be
        asked and FLEXLIB_GUARD is not open; `InvalidCall` once it is settled, since another call needs its own."""
        if self._is_settled:
            raise InvalidCall(_("This hold is settled, and is of one call; ask for another for the next one."))
        if not self._limits:
            self._taken = read_clock()
        elif not self.is_held:
            self.is_held = ask_ledger(self._ledger, self._take, otherwise=False)
        return self

    def _take(self) -> bool:
        self._taken = now = read_clock()
        self._limits = place_limits(self._limits, now)
        self._counters.ensure(self._limits)
        self._counters.hold(self.request_id, self._limits, self.amount, now, now + self._lifetime)
        return True

    def settle(self, **call: Any) -> UsageRecord:  # noqa: ANN401
        """Records the call and holds nothing for it any more, in one transaction; gives it back as it is stored.

        `call`: the arguments of `record_usage`, by default those of the hold; no `created_at`: a call counts at the
        time at which it was held, and in the limits that it really is of. One without a price goes on being held of
        these until the period is over: what it cost nobody knows. Settled again, it is the same call. Raises as
        `record_usage` does; then it can be settled again.
        """
        if "created_at" in call:
            raise InvalidCall(_("A call counts at the time at which it was held: settle takes no created_at."))
        named = {**self._call, "request_id": self.request_id, **call}
        if given := self._call.get("metadata"):
            named["metadata"] = {**given, **(call.get("metadata") or {})}
        # Sent again under another hold, it is the same call at the first time.
        timed = named if self._taken is None else {"created_at": self._taken, **named}

        self._is_made = True
        prepare_ledger(self._ledger)
        built = build_record(self._ledger, **timed)
        settling = Settling(self._counters, self._budgets, self.request_id if self.is_held else None, self.amount)
        keys = [one.key for one in self._limits]
        (record,) = store_batch(
            self._ledger,
            [named],
            [built],
            before=lambda connection: self._counters.lock(connection, built, keys),
            after=settling.conclude if self._budgets else None,
        ).records
        self.is_held, self._is_made, self._is_settled = False, False, True
        settling.finish(record)
        self._budgets = []  # settled again, it is the same call, and is counted
        return record

    async def settle_async(self, **call: Any) -> UsageRecord:  # noqa: ANN401
        """As `settle`, while the event loop goes on."""
        return await asyncio.shield(asyncio.to_thread(lambda: self.settle(**call)))

    def release(self) -> None:
        """Holds nothing for the call any more: it was not made, or it failed. What is settled stays settled."""
        if not self.is_held:
            return

        release = partial(self._counters.release, self.request_id)
        run_with_retries(self._ledger, release, EXPIRES)
        self.is_held = False


def hold(
    *,
    usable: Any,  # noqa: ANN401 (any mapped object, or a pair)
    estimate_usd: Decimal | float | str,
    provider: LlmProvider | str | None = None,
    proxy: LlmProxy | str | None = None,
    model: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    lifetime: timedelta = LIFETIME,
    budgets: Path | None = None,
    ledger: Ledger | None = None,
) -> Hold:
    """Room for a call of about `estimate_usd` under every limit that it is under, or none: entered, it holds the amount
    until the call is settled, released (at the end of the block) or older than `lifetime`.

    The limits are the budgets with `enforce: true` of the file `budgets` (default: FLEXLIB_BUDGETS, else
    `params/budgets.yaml`), which is read again when it changes: those of the whole, and of what is told here of the
    call. `metadata` of `{"department": None}` tells that it is in none. Periods are those of UTC. However many calls
    are under way at once, what is spent passes a limit by no more than the sum of (actual - held) of the calls settled;
    held is what was held of that limit, nothing for a call that turned out to be of another one.

    Raises `InvalidCall`, also where a budget is enforced of something, as a model, of which nothing is told; `BadFile`;
    entered, `LimitReached`. Where the ledger cannot be asked the answer is no, by `LimitUnknown`, for 30 s at once.
    Where FLEXLIB_GUARD is open it is yes, with a warning in the log; also where the file is wrong, or too little is
    told of the call, which is held to the other limits then.

    >>> import flexlib as fl
    >>> with fl.hold(usable=("user", 42), estimate_usd="0.20", provider="openai", model="gpt-4o") as held:
    ...     call = held.settle(prompt_tokens=1000)
    >>> call.total_tokens
    1000
    """
    if not isinstance(lifetime, timedelta) or not timedelta(0) < lifetime <= LONGEST:
        raise InvalidCall(
            _("lifetime is {lifetime}; give a timedelta above 0 and of at most {days} day.").format(
                lifetime=lifetime, days=LONGEST.days
            )
        )
    ledger = ledger or find_ledger()
    call, amount = read_call(ledger, usable, estimate_usd, "estimate_usd", provider, proxy, model, metadata)
    return Hold(ledger, *_find_limits(budgets, call), call, amount, lifetime)


def allow(
    usable: Any,  # noqa: ANN401
    amount: Decimal | float | str,
    *,
    provider: LlmProvider | str | None = None,
    proxy: LlmProxy | str | None = None,
    model: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    budgets: Path | None = None,
    ledger: Ledger | None = None,
) -> bool:
    """Whether every limit of such a call has room for `amount` (US$) now; nothing is held. Its arguments and what it
    raises are those of `hold`, but for `LimitReached`.

    >>> import flexlib as fl
    >>> fl.allow(("user", 42), "0.20")
    True
    """
    ledger = ledger or find_ledger()
    call, asked = read_call(ledger, usable, amount, "amount", provider, proxy, model, metadata)
    _enforced, limits = _find_limits(budgets, call)

    def look() -> bool:
        counters, now = Counters(ledger), read_clock()
        counters.ensure(limits)
        with ledger.connect() as connection:
            counted = [counters.read(connection, one.key, now) for one in limits]
        pairs = zip(limits, counted, strict=True)
        return all(one.spent + one.held + asked <= limit.budget.amount for limit, one in pairs)

    return ask_ledger(ledger, look, otherwise=True) if limits else True


def _find_limits(path: Path | None, call: Mapping[str, Any]) -> tuple[Sequence[Budget], list[Limit]]:
    """The budgets that are enforced, and the limits of theirs that the call is under, by what is told of it."""
    guard = find_guard()
    path, is_named = (Path(path), True) if path else guard[:2]
    budgets: list[Budget] = []
    try:
        budgets = load_limits(path, guard.organization, is_named=is_named)
        check_told(budgets, call)
    except (BadFile, InvalidCall) as error:
        if not guard.is_open:
            raise
        let_through(error)
    return budgets, find_limits(budgets, call, read_clock())
