"""A limit that is enforced holds while calls are under way, on both databases."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any
from unittest.mock import patch

import pytest
from databases import execute, query

from flexlib.errors import (
    LIMIT_PASSED,
    BadFile,
    ConflictingUsage,
    InvalidCall,
    LedgerUnavailable,
    LimitReached,
    LimitUnknown,
)
from flexlib.ledger import Ledger, open_ledger, record_many, record_usage, upgrade_ledger
from flexlib.ledger.guard import call as guard_call
from flexlib.ledger.guard import counters, limits
from flexlib.ledger.guard import hold as guard
from flexlib.ledger.guard.hold import Hold, allow, hold
from flexlib.money import price_book
from flexlib.money.price_book import name_model
from flexlib.store.outbox import list_standings

USER = ("user", 42)
COST = "openai", "gpt-4o"
NOON = datetime(2025, 9, 30, 12, tzinfo=timezone.utc)

Clock = Callable[[timedelta], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Noon of the last of September; called, it goes on."""
    now = [NOON]
    monkeypatch.setattr(guard, "read_clock", lambda: now[0])
    return lambda passed: now.__setitem__(0, now[0] + passed)


@pytest.fixture
def limit(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of limits, in US$: `of` is a scope and whom it is of."""

    def write(*limits: tuple[str, str], period: str = "month") -> Path:
        file = tmp_path / "budgets.yaml"
        lines = [
            f'  - {{name: limit {number}, {of}, currency: usd, amount: "{amount}", period: {period}, enforce: true}}'
            for number, (of, amount) in enumerate(limits, 1)
        ]
        file.write_text("\n".join(["budgets:", *lines]))
        os.utime(file, ns=(time.time_ns(),) * 2)
        return file

    return write


def take(file: Path, ledger: Ledger, amount: str, usable: Any = USER, **call: Any) -> Hold:  # noqa: ANN401
    return hold(usable=usable, estimate_usd=amount, budgets=file, ledger=ledger, **call).take()


def settle(held: Hold, amount: str | None, **call: Any) -> Any:  # noqa: ANN401
    return held.settle(**{"provider": COST[0], "model": COST[1], "amount_in_usd": amount, **call})


def record(ledger: Ledger, amount: str, usable: Any = USER, **call: Any) -> None:  # noqa: ANN401
    named = {"provider": COST[0], "model": COST[1], "created_at": guard.read_clock(), **call}
    record_usage(usable=usable, amount_in_usd=amount, ledger=ledger, **named)


def read_counters(ledger: Ledger) -> list[tuple[str, Decimal, Decimal]]:
    steps = "/ 1e10" if ledger.backend == "sqlite" else ""
    rows = query(ledger, f"SELECT scope, spent {steps}, held {steps} FROM llm_usage_limit_counters ORDER BY 1, first")
    return [(scope, Decimal(str(spent)).normalize(), Decimal(str(held)).normalize()) for scope, spent, held in rows]


@pytest.mark.usefixtures("clock")
def test_what_is_spent_and_held_leaves_no_room_for_more_than_the_limit(
    ledger: Ledger, limit: Callable[..., Path]
) -> None:
    file = limit(("usable: [user, 42]", "1.00"))
    record(ledger, "0.50")  # before there is a counter
    held = take(file, ledger, "0.30")
    with pytest.raises(LimitReached) as caught:
        take(file, ledger, "0.2000000001")
    error = caught.value
    assert (error.limit, error.amount, error.spent, error.held, error.asked) == (
        "limit 1", Decimal("1.00"), Decimal("0.5"), Decimal("0.3"), Decimal("0.2000000001"))  # fmt: skip
    assert (
        str(error) == "The limit limit 1 (US$ 1.00) has no room for US$ 0.2000000001: "
        "US$ 0.50 is spent and US$ 0.30 held for calls in progress."
    )
    assert error.exit_code == LIMIT_PASSED
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 (from another process)
    assert take(file, ledger, "0.20").is_held
    assert settle(held, "0.25").amount_in_usd == Decimal("0.25")
    assert read_counters(ledger) == [("usable", Decimal("0.75"), Decimal("0.2"))]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("upgraded", ["never", "before the month's first call", "after it"])
def test_what_is_written_as_a_replica_writes_it_counts_also_in_a_ledger_of_before(
    postgresql_ledger: Ledger, limit: Callable[..., Path], upgraded: str
) -> None:
    ledger, calls = postgresql_ledger, "llm_usage_statistics"
    if upgraded != "never":
        execute(ledger, f"ALTER TABLE {calls} ENABLE TRIGGER llm_usage_limit_counters_count")  # as it was made before
    for moment in ("before the month's first call", "after it"):
        if upgraded == moment:
            upgrade_ledger(ledger)
        if moment != "after it":
            record(ledger, "1")
    take(limit(("whole: true", "100")), ledger, "10")
    execute(ledger, f"SET session_replication_role = replica; UPDATE {calls} SET amount_in_usd = 5; "
                    "RESET session_replication_role")  # fmt: skip
    assert read_counters(ledger) == [("whole", Decimal(5), Decimal(10))]


@pytest.mark.usefixtures("clock")
def test_a_call_that_is_settled_twice_counts_once(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"))
    held, other = take(file, ledger, "0.40"), take(file, ledger, "0.10")
    first = settle(held, "0.30")
    assert settle(held, "0.30") == first
    with pytest.raises(ConflictingUsage):
        settle(held, "0.31")
    held.release()
    assert read_counters(ledger) == [("whole", Decimal("0.3"), Decimal("0.1"))]
    other.release()
    other.release()
    assert read_counters(ledger) == [("whole", Decimal("0.3"), Decimal(0))]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("scope", ["usable: [user, 42]", "usable: [user, 7]"])
def test_a_hold_that_is_settled_is_not_entered_for_another_call(
    sqlite_ledger: Ledger, limit: Callable[..., Path], scope: str
) -> None:
    """Settled with the same again, the second call would be taken for the first, and be in no sum; released, it may be
    entered again, as for a call that is tried again."""
    held = take(limit((scope, "1.00")), sqlite_ledger, "0.40")
    held.release()
    with held:
        settle(held, "0.30")
    with pytest.raises(InvalidCall, match="This hold is settled, and is of one call; ask for another"):
        held.take()
    assert query(sqlite_ledger, "SELECT count(*) FROM llm_usage_statistics") == [(1,)]


@pytest.mark.usefixtures("clock")
def test_every_limit_of_a_call_is_held_or_none(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("usable: [user, 42]", "1.00"), ("department: Platform", "0.10"), ("model: GPT-4o", "9"))
    record(ledger, "0.05", usable=("user", 7), metadata={"department": "Platform"})
    call = {"metadata": {"department": "Platform"}, "model": "gpt-4o"}
    with pytest.raises(LimitReached, match=r"The limit limit 2 \(US"):
        take(file, ledger, "0.06", **call)
    zero = Decimal(0)
    counters = [("department", Decimal("0.05"), zero), ("model", Decimal("0.05"), zero), ("usable", zero, zero)]
    assert read_counters(ledger) == counters
    held = take(file, ledger, "0.05", **call)
    assert settle(held, "0.04").metadata == {"department": "Platform"}  # as it was held
    found = [("department", Decimal("0.09")), ("model", Decimal("0.09")), ("usable", Decimal("0.04"))]
    assert read_counters(ledger) == [(*one, zero) for one in found]


@pytest.mark.usefixtures("clock")
def test_a_call_counts_whoever_records_changes_or_deletes_it(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("usable: [key, svc-1]", "5"), ("provider: openrouter", "5"))
    usable = ("key", "svc-1")
    take(file, ledger, "0", usable=usable, proxy="openrouter").release()
    call = {"usable": usable, "provider": "openai", "model": "gpt-4o", "created_at": NOON}
    record_many([{**call, "amount_in_usd": "0.5", "request_id": str(one)} for one in range(3)], ledger=ledger)
    record(ledger, "1", usable=usable, proxy="openrouter", request_id="routed")
    record(ledger, "1", usable=("key", "svc-2"), created_at="2025-08-31T23:59:59Z")
    assert read_counters(ledger) == [("provider", Decimal(1), Decimal(0)), ("usable", Decimal("2.5"), Decimal(0))]
    less = "2500000000" if ledger.backend == "sqlite" else "0.25"
    execute(ledger, f"UPDATE llm_usage_statistics SET amount_in_usd = {less} WHERE request_id IN ('1', 'routed')")
    execute(ledger, "UPDATE llm_usage_statistics SET amount_in_usd = NULL WHERE request_id = '2'")
    execute(ledger, "DELETE FROM llm_usage_statistics WHERE request_id = '0'")
    assert read_counters(ledger) == [("provider", Decimal("0.25"), Decimal(0)), ("usable", Decimal("0.5"), Decimal(0))]


def test_what_nothing_is_heard_of_expires(ledger: Ledger, limit: Callable[..., Path], clock: Clock) -> None:
    file = limit(("whole: true", "1.00"))
    lost = take(file, ledger, "0.90")
    clock(guard.LIFETIME - timedelta(seconds=1))
    assert not allow(USER, "0.20", budgets=file, ledger=ledger)
    with pytest.raises(LimitReached):
        take(file, ledger, "0.20")
    clock(timedelta(seconds=1))
    assert allow(USER, "1.00", budgets=file, ledger=ledger)
    assert take(file, ledger, "0.20").is_held
    assert settle(lost, "0.85").amount_in_usd == Decimal("0.85")  # it was made after all: nothing is lost
    assert read_counters(ledger) == [("whole", Decimal("0.85"), Decimal("0.2"))]


def test_a_limit_that_is_raised_and_a_month_that_turns_are_right_at_once(
    ledger: Ledger, limit: Callable[..., Path], clock: Clock
) -> None:
    file = limit(("usable: [user, 42]", "1.00"))
    held = take(file, ledger, "0.90")
    assert not allow(USER, "0.20", budgets=file, ledger=ledger)
    limit(("usable: [user, 42]", "2.00"))
    assert allow(USER, "0.20", budgets=file, ledger=ledger)
    clock(timedelta(hours=12))  # October
    record(ledger, "0.10")
    settle(held, "0.80")  # begun in September, ended in October: it counts when it was held
    new = take(file, ledger, "1.00")
    assert read_counters(ledger) == [("usable", Decimal("0.8"), Decimal(0)), ("usable", Decimal("0.1"), Decimal(1))]
    new.release()


@pytest.mark.usefixtures("clock")
def test_a_call_without_a_price_goes_on_being_held(ledger: Ledger, limit: Callable[..., Path], clock: Clock) -> None:
    file = limit(("whole: true", "1.00"))
    with hold(usable=USER, estimate_usd="0.70", budgets=file, ledger=ledger) as held:
        assert settle(held, None, model="nobody-lists-it").unpriced
    clock(timedelta(hours=11))
    assert not allow(USER, "0.31", budgets=file, ledger=ledger)
    assert read_counters(ledger) == [("whole", Decimal(0), Decimal("0.7"))]
    price = "6000000000" if ledger.backend == "sqlite" else "0.6"
    execute(ledger, f"UPDATE llm_usage_statistics SET amount_in_usd = {price}")  # as flexlib close and reprice do
    assert read_counters(ledger) == [("whole", Decimal("0.6"), Decimal(0))]


@pytest.mark.usefixtures("clock")
def test_a_call_without_a_price_that_is_sent_twice_is_held_once(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"))
    for _ in range(2):
        settle(take(file, ledger, "0.40"), None, model="nobody-lists-it", request_id="answer-1")
    assert read_counters(ledger) == [("whole", Decimal(0), Decimal("0.4"))]


@pytest.mark.usefixtures("clock")
def test_a_call_is_under_the_limits_that_its_record_counts_for(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("provider: openai", "1"), ('project: "42"', "1"), ("model: gpt-4o", "1"))
    other: dict[str, Any] = {"provider": "anthropic", "model": "claude-sonnet-4", "metadata": {"project": None}}
    calls: list[dict[str, Any]] = [
        other | {"provider": " OpenAI "},
        other | {"metadata": {"project": 42}},
        other | {"metadata": {"project": " 42 "}},
        other | {"model": " GPT-4o "},
    ]
    for call in calls:
        with pytest.raises(LimitReached):
            take(file, ledger, "5", **call)
    record(ledger, "0.75", provider="OPENAI", model="GPT-4o", metadata={"project": 42})
    for call in calls:
        assert not allow(USER, "0.26", budgets=file, ledger=ledger, **call)
        assert allow(USER, "0.25", budgets=file, ledger=ledger, **call)
    for wrong in ({"provider": "nobody"}, {"metadata": ["x"]}, {"model": 7}):
        with pytest.raises(InvalidCall):
            take(file, ledger, "0.1", **wrong)


@pytest.mark.parametrize("named", ["gpt-4.1", "openai/gpt-4.1", "GPT-4.1-2025-04-14"])
def test_a_limit_of_a_model_holds_for_every_spelling_of_it(
    ledger: Ledger, limit: Callable[..., Path], named: str
) -> None:
    file = limit((f"model: {named}", "1"))
    record(ledger, "0.25", model="openai/gpt-4.1")  # before there is a limit
    record(ledger, "5", model="gpt-4.1-mini")
    with pytest.raises(LimitReached):
        take(file, ledger, "0.76", model="gpt-4.1")
    record(ledger, "0.25", model="GPT-4.1")  # whoever records it, without a hold
    record_many([{"usable": USER, "provider": "openai", "model": "gpt-4.1-2025-04-14", "amount_in_usd": "0.25"}],
                ledger=ledger)  # fmt: skip
    for model in ("openai/gpt-4.1", "gpt-4.1"):
        assert not allow(USER, "0.26", model=model, budgets=file, ledger=ledger)
        assert allow(USER, "0.25", model=model, budgets=file, ledger=ledger)
    execute(ledger, "DELETE FROM llm_usage_statistics WHERE model = 'GPT-4.1'")
    assert allow(USER, "0.50", model="gpt-4.1", budgets=file, ledger=ledger)


def test_a_model_that_gets_another_name_counts_under_it_with_what_is_recorded(
    ledger: Ledger, limit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Price lists learn what a new spelling is: its calls of before are of the limit as well."""
    file = limit(("model: gpt-4.1", "1"), ("model: gpt-4.1-new", "9"))
    record(ledger, "0.10", model="gpt-4.1-new")
    for model in ("gpt-4.1", "gpt-4.1-new"):  # both have a counter
        take(file, ledger, "0", model=model).release()
    record(ledger, "0.25", model="gpt-4.1")
    under_way = take(file, ledger, "0.20", model="gpt-4.1")
    for module in (price_book, counters, limits, guard_call):
        monkeypatch.setattr(module, "name_model", lambda model: name_model(model.removesuffix("-new")))
    newer = open_ledger(ledger._url.render_as_string(hide_password=False), data=ledger.data)  # noqa: SLF001
    for model in ("gpt-4.1", "gpt-4.1-new"):
        assert not allow(USER, "0.46", model=model, budgets=file, ledger=newer)
        assert allow(USER, "0.45", model=model, budgets=file, ledger=newer)
    assert settle(under_way, "0.30", model="gpt-4.1").amount_in_usd == Decimal("0.3")
    record(ledger, "0.10", model="gpt-4.1-new")  # by a process that has not heard of it
    assert allow(USER, "0.25", model="gpt-4.1", budgets=file, ledger=newer)
    assert not allow(USER, "0.26", model="gpt-4.1", budgets=file, ledger=newer)
    execute(ledger, "DELETE FROM llm_usage_statistics")
    assert {(spent, held) for _, spent, held in read_counters(ledger)} == {(Decimal(0), Decimal(0))}
    newer.close()


def test_a_call_counts_in_the_period_in_which_it_was_held(
    ledger: Ledger, limit: Callable[..., Path], clock: Clock
) -> None:
    file = limit(("whole: true", "1.00"), period="day")
    begun = [take(file, ledger, "0.25") for _ in range(4)]
    clock(timedelta(hours=12))
    new = [take(file, ledger, "0.25") for _ in range(4)]
    for held in (*begun, *new):
        held.settle(provider="openai", model="gpt-4o", amount_in_usd="0.25")
    assert read_counters(ledger) == [("whole", Decimal(1), Decimal(0))] * 2


def test_a_call_is_held_in_the_period_in_which_its_hold_is_entered(
    ledger: Ledger, limit: Callable[..., Path], clock: Clock
) -> None:
    """Asked for before midnight and entered after it: it would count in the new month, of which nobody asked."""
    file = limit(("usable: [user, 42]", "1.00"))
    asked = [hold(usable=USER, estimate_usd="0.60", budgets=file, ledger=ledger) for _ in range(2)]
    clock(timedelta(hours=12))  # October
    with asked[0] as held:
        with pytest.raises(LimitReached):
            asked[1].take()
        settle(held, "0.60")
    assert read_counters(ledger) == [("usable", Decimal("0.6"), Decimal(0))]


def test_a_hold_that_is_asked_for_again_after_midnight_needs_room_in_the_new_month(
    ledger: Ledger, limit: Callable[..., Path], clock: Clock
) -> None:
    """The answer of before midnight was lost; by its name alone it would count as held in the month that has begun."""
    file = limit(("whole: true", "1.00"), ("usable: [user, 42]", "1.00"))
    first = take(file, ledger, "0.50")
    first.is_held = False
    clock(timedelta(hours=12))  # October
    take(file, ledger, "1.00")
    with pytest.raises(LimitReached):
        first.take()
    amounts = [(scope, held) for scope, _spent, held in read_counters(ledger)]
    assert amounts == [(scope, Decimal(held)) for scope in ("usable", "whole") for held in ("0.5", "1")]


def test_a_hold_whose_answer_was_lost_is_held_once(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"), ("usable: [user, 42]", "0.75"))
    held = take(file, ledger, "0.50")
    held.is_held = False
    held.take()
    assert [each for _, _, each in read_counters(ledger)] == [Decimal("0.5")] * 2
    held.release()
    assert [each for _, _, each in read_counters(ledger)] == [Decimal(0)] * 2


def test_an_amount_is_held_and_let_go_in_a_statement_each_on_postgresql(
    ledger: Ledger, limit: Callable[..., Path]
) -> None:
    """However many limits there are, and without a transaction, whose ends would be waited for, too."""
    if ledger.backend == "sqlite":
        pytest.skip("a file has no round trips")
    import psycopg

    file = limit(("whole: true", "1.00"), ("usable: [user, 42]", "1.00"), ("provider: openai", "1.00"))
    take(file, ledger, "0.10", provider="openai").release()  # the counters are there
    asked = [
        patch.object(psycopg.Connection, name, autospec=True, side_effect=getattr(psycopg.Connection, name))
        for name in ("execute", "transaction")
    ]
    with asked[0] as execute, asked[1] as transaction:
        held = take(file, ledger, "0.10", provider="openai")
        assert (execute.call_count, transaction.call_count) == (1, 0)
        held.release()
        assert (execute.call_count, transaction.call_count) == (2, 0)


def test_calls_that_turn_out_to_be_of_others_do_not_wait_for_those_that_were_told_so_before(
    ledger: Ledger, limit: Callable[..., Path]
) -> None:
    """The whole was locked before the provider, which it was not told to be of: two waited for each other."""
    file = limit(("whole: true", "100"), ("provider: openai", "100"))
    record(ledger, "0.01")
    hold(usable=USER, estimate_usd="0.01", provider="openai", budgets=file, ledger=ledger).take().release()

    def work(provider: str) -> None:
        for _ in range(40):
            with hold(usable=USER, estimate_usd="0.01", budgets=file, ledger=ledger, provider=provider) as held:
                held.settle(provider="openai", model="gpt-4o", amount_in_usd="0.01")

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(work, provider) for provider in ("anthropic", "openai") * 2]
        for one in done:
            one.result()
    assert read_counters(ledger) == [(scope, Decimal("1.61"), Decimal(0)) for scope in ("provider", "whole")]
    if ledger.backend == "postgresql":
        ledger.close()
        time.sleep(1)  # the server writes down what its sessions met once they have ended
        met = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert query(ledger, met) == [(0,)]


@pytest.mark.usefixtures("clock")
def test_no_call_is_settled_at_another_time_than_that_at_which_it_was_held(
    sqlite_ledger: Ledger, limit: Callable[..., Path]
) -> None:
    file = limit(("usable: [user, 42]", "1.00"))
    for usable in (USER, ("user", 43)):  # also of one that is under no limit
        held = take(file, sqlite_ledger, "0.30", usable)
        with pytest.raises(InvalidCall, match="counts at the time at which it was held: settle takes no created_at"):
            settle(held, "0.30", created_at="2020-01-01T00:00:00Z")
    assert read_counters(sqlite_ledger) == [("usable", Decimal(0), Decimal("0.3"))]


def test_an_answer_that_is_sent_again_under_another_hold_is_the_same_call(
    ledger: Ledger, limit: Callable[..., Path], clock: Clock
) -> None:
    file, answer = limit(("whole: true", "1.00")), {"request_id": "answer-1", "provider": "openai", "model": "gpt-4o"}
    first = take(file, ledger, "0.40").settle(**answer, amount_in_usd="0.3")
    assert first.created_at == NOON
    clock(timedelta(minutes=1))
    assert take(file, ledger, "0.40").settle(**answer, amount_in_usd="0.3") == first
    assert read_counters(ledger) == [("whole", Decimal("0.3"), Decimal(0))]


@pytest.mark.usefixtures("clock")
def test_what_was_held_for_a_call_that_could_not_be_recorded_is_not_given_back(
    ledger: Ledger, limit: Callable[..., Path]
) -> None:
    file = limit(("whole: true", "1.00"))
    wrong = hold(usable=USER, estimate_usd="0.7", budgets=file, ledger=ledger)
    with pytest.raises(InvalidCall), wrong as held:
        held.settle(provider="openai", model="gpt-4o", prompt_tokens=-1)
    assert read_counters(ledger) == [("whole", Decimal(0), Decimal("0.7"))]
    settle(wrong, "0.6")
    assert read_counters(ledger) == [("whole", Decimal("0.6"), Decimal(0))]


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(minutes=-10), timedelta.max, 5, None])
def test_a_lifetime_that_is_none_is_refused(sqlite_ledger: Ledger, lifetime: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidCall, match="give a timedelta above 0 and of at most 1 day"):
        hold(usable=USER, estimate_usd="1", lifetime=lifetime, ledger=sqlite_ledger)


@pytest.mark.usefixtures("clock")
def test_counters_that_are_gone_are_made_again(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"))
    record(ledger, "0.40")
    take(file, ledger, "0.10").release()
    execute(ledger, "DELETE FROM llm_usage_limit_counters")
    with pytest.raises(LimitUnknown, match="Counters of limits that were there are gone, as in a backup; they"):
        take(file, ledger, "0.70")
    with pytest.raises(LimitReached, match=r"US\$ 0.40 is spent and US\$ 0.00 held"):
        take(file, ledger, "0.70")


@pytest.mark.usefixtures("clock")
def test_a_call_that_was_made_is_recorded_though_its_counters_are_gone(
    ledger: Ledger, limit: Callable[..., Path]
) -> None:
    held = take(limit(("whole: true", "1.00")), ledger, "0.10")
    execute(ledger, "DELETE FROM llm_usage_limit_counters")
    assert settle(held, "0.05").amount_in_usd == Decimal("0.05")
    assert query(ledger, "SELECT count(*) FROM llm_usage_limit_holds") == [(0,)]


@pytest.mark.usefixtures("clock")
def test_what_cannot_be_given_back_hides_no_error_of_the_block(
    ledger: Ledger, limit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("The ledger was busy.")

    file = limit(("whole: true", "1.00"))
    held = hold(usable=USER, estimate_usd="0.1", budgets=file, ledger=ledger).take()
    monkeypatch.setattr(guard, "run_with_retries", fail)
    held.__exit__(ValueError, ValueError(), None)
    assert "What was held for a call could not be given back, and expires: The ledger was busy." in caplog.text
    with pytest.raises(LedgerUnavailable):
        held.__exit__(None, None, None)


@pytest.mark.usefixtures("clock")
def test_a_coroutine_that_is_cancelled_while_it_waits_for_room_holds_nothing(
    ledger: Ledger, limit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, begun, take_it = limit(("whole: true", "1.00")), Event(), Hold.take

    def take_slowly(self: Hold) -> Hold:
        begun.set()
        time.sleep(0.2)
        return take_it(self)

    monkeypatch.setattr(Hold, "take", take_slowly)

    async def call() -> None:
        async with hold(usable=USER, estimate_usd="0.7", budgets=file, ledger=ledger):
            raise AssertionError("nobody waits for it any more")

    async def cancel() -> None:
        task = asyncio.ensure_future(call())
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert read_counters(ledger) == [("whole", Decimal(0), Decimal(0))]


@pytest.mark.usefixtures("clock")
def test_a_block_that_fails_holds_nothing_any_more(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"))
    with pytest.raises(ZeroDivisionError), hold(usable=USER, estimate_usd="1", budgets=file, ledger=ledger):
        1 / 0  # noqa: B018
    assert read_counters(ledger) == [("whole", Decimal(0), Decimal(0))]


@pytest.mark.usefixtures("clock")
def test_coroutines_hold_while_others_go_on(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"))
    entered = []

    async def call(number: int) -> None:
        async with hold(usable=("user", number), estimate_usd="0.25", budgets=file, ledger=ledger) as held:
            entered.append(number)
            await asyncio.sleep(0.05)
            await held.settle_async(provider="openai", model="gpt-4o", amount_in_usd="0.25")

    async def call_all() -> list[object]:
        return await asyncio.gather(*map(call, range(8)), return_exceptions=True)

    refused = [one for one in asyncio.run(call_all()) if one is not None]
    assert (len(entered), {type(one) for one in refused}, len(refused)) == (4, {LimitReached}, 4)
    assert read_counters(ledger) == [("whole", Decimal(1), Decimal(0))]


def test_threads_that_begin_a_period_at_once_begin_it_with_what_is_recorded(
    ledger: Ledger, limit: Callable[..., Path]
) -> None:
    file = limit(("whole: true", "100"))
    begin = Barrier(6)

    def work(number: int) -> None:
        begin.wait()
        for place in range(5):
            call: dict[str, Any] = {"provider": "openai", "model": "gpt-4o", "amount_in_usd": "0.01"}
            record_usage(usable=("user", number), ledger=ledger, request_id=f"{number}-{place}", **call)
            with hold(usable=("user", number), estimate_usd="0.5", budgets=file, ledger=ledger) as held:
                held.settle(**call)

    threads = [Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_counters(ledger) == [("whole", Decimal("0.6"), Decimal(0))]


def test_without_a_limit_nothing_is_asked_and_nothing_held(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("usable: [user, 42]", "1.00"))
    with hold(usable=("user", 43), estimate_usd="500", budgets=file, ledger=ledger) as held:
        assert not held.is_held
        assert held.settle(provider="openai", model="gpt-4o", prompt_tokens=5).prompt_tokens == 5
    assert read_counters(ledger) == []


def test_a_file_of_limits_that_somebody_named_and_that_is_not_there_lets_no_call_through(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert allow(USER, "500", ledger=sqlite_ledger)  # there is none in the project
    for named in (None, tmp_path / "bugdets.yaml"):
        monkeypatch.setenv("FLEXLIB_BUDGETS", str(tmp_path / "bugdets.yaml"))
        with pytest.raises(BadFile, match=r"bugdets.yaml is not there; the limits that calls are held to stand in it"):
            hold(usable=USER, estimate_usd="500", budgets=named, ledger=sqlite_ledger)


@pytest.mark.usefixtures("clock")
def test_a_threshold_that_a_call_passes_is_left_to_be_told_once(ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("usable: [user, 42]", "1.00"), ("whole: true", "9"))

    def settle_one(amount: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
        settle(take(file, ledger, "0.1"), amount)
        left = list_standings(ledger.data)
        for one in left:
            one.unlink()
        return [(one.budget, one.outcome, str(one.spent.normalize()), one.of) for one in left.values()]

    of = ("user", "42")
    assert settle_one("0.74") == []
    assert settle_one("0.01") == [("limit 1", "near", "0.75", of)]
    assert settle_one("0.01") == []
    assert settle_one("0.40") == [("limit 1", "over", "1.16", of)] * 2  # 90 and 100 %


@pytest.mark.usefixtures("clock")
def test_where_an_alert_cannot_be_kept_the_call_is_recorded_all_the_same(
    ledger: Ledger, limit: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    (ledger.data / "notices").write_text("in the way")
    assert settle(take(limit(("whole: true", "1")), ledger, "0.1"), "0.8").amount_in_usd == Decimal("0.8")
    assert "That limit 1 reached 75 % of its budget could not be kept for a notice" in caplog.text


@pytest.fixture
def no_ledger(tmp_path: Path) -> Ledger:
    """A ledger on a server that is not there."""
    return open_ledger("postgresql://nobody@127.0.0.1:9/none", data=tmp_path, retry_seconds=0.1)


def test_where_the_ledger_cannot_be_asked_the_answer_is_no(no_ledger: Ledger, limit: Callable[..., Path]) -> None:
    file = limit(("whole: true", "1.00"))
    with pytest.raises(LimitUnknown, match=r"^Whether a limit has room could not be checked, so the call is ref") as no:
        take(file, no_ledger, "0.01")
    assert isinstance(no.value, LimitReached)
    assert str(pickle.loads(pickle.dumps(no.value))) == str(no.value)  # noqa: S301
    with pytest.raises(LimitUnknown):
        allow(USER, "0.01", budgets=file, ledger=no_ledger)


def test_an_open_guard_lets_the_call_be_made_and_says_so(
    no_ledger: Ledger, limit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FLEXLIB_GUARD", "open")
    file = limit(("whole: true", "1.00"))
    with caplog.at_level(logging.WARNING, "flexlib.ledger"):
        for _ in range(2):
            assert not take(file, no_ledger, "0.01").is_held
    said = r"Limits could not be checked; letting the call through \((\d+) so far in this process\): The ledger"
    first, second = map(int, re.findall(said, caplog.text))
    assert second == first + 1


@pytest.mark.parametrize("amount", ["-0.01", "NaN", None, "x"])
def test_an_estimate_that_is_none_is_refused(ledger: Ledger, limit: Callable[..., Path], amount: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidCall, match="estimate_usd"):
        hold(usable=USER, estimate_usd=amount, budgets=limit(("whole: true", "1")), ledger=ledger)


def test_a_file_of_limits_that_is_wrong_lets_no_call_through(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "budgets.yaml"
    for line, why in {
        '{name: a, person: ana@example.com, currency: usd, amount: "1", enforce: true}': "enforced for a person; a",
        '{name: a, whole: true, currency: clp, amount: "1", enforce: true}': "enforced in clp; what a call costs",
        '{name: a, whole: true, currency: usd, amount: "1", enforce: 1}': "has enforce: 1; write enforce: true",
        '{name: a, whole: true, currency: usd, amount: "900000001", enforce: true}': "the most is 900,000,000 US",
        '{name: a, provider: AWS Inc, currency: usd, amount: "1", enforce: true}': "enforced for AWS Inc; calls are of",
    }.items():
        file.write_text(f"budgets:\n  - {line}")
        os.utime(file, ns=(time.time_ns(),) * 2)
        with pytest.raises(BadFile, match=f"^line 2 of .*budgets.yaml: a .*{why}"):
            hold(usable=USER, estimate_usd="1", budgets=file, ledger=ledger)
    file.write_text(
        'budgets:\n  - {name: a, usable: [user, ana@example.com], currency: usd, amount: "1", enforce: true}'
    )
    said = "the budget a cannot be enforced, since no call can name what it is of: the id of usable user looks"
    with pytest.raises(BadFile, match=said):
        hold(usable=("user", 7), estimate_usd="1", budgets=file, ledger=ledger)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "budgets\n"])
def test_a_file_of_limits_that_is_empty_or_wrong_stops_calls_unless_the_guard_is_open_which_counts_them(
    ledger: Ledger, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A write that failed leaves an empty file, too."""
    file = tmp_path / "budgets.yaml"
    file.write_text(text)
    said = "is no list of budgets" if text == "budgets\n" else "is empty, which may be a mistake"
    for ask in (take, lambda *given: allow(USER, "0.01", budgets=given[0], ledger=ledger)):
        monkeypatch.delenv("FLEXLIB_GUARD", raising=False)
        with pytest.raises(BadFile, match=said):
            ask(file, ledger, "0.01")
        monkeypatch.setenv("FLEXLIB_GUARD", "open")
        caplog.clear()
        with caplog.at_level(logging.WARNING, "flexlib.ledger"):
            assert ask(file, ledger, "0.01")
        assert "letting the call through" in caplog.text
        assert said in caplog.text
    assert settle(take(file, ledger, "0.01"), "0.02").amount_in_usd == Decimal("0.02")


@pytest.mark.parametrize("text", ["budgets:\n", "budgets: []\n"])
def test_a_file_that_says_that_there_are_no_budgets_limits_nothing(
    ledger: Ledger, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text(text)
    assert allow(USER, "1000", budgets=file, ledger=ledger)
    assert caplog.text == ""


def test_a_limit_of_a_department_that_an_organization_gives_people_is_refused(
    ledger: Ledger, limit: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the metadata of calls alone it would be less than what `flexlib check` counts for the department."""
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(tmp_path / "organization.csv"))
    file = limit(("department: Platform", "1"), ("team: search", "1"))
    told: dict[str, Any] = {"metadata": {"department": None, "team": None}}
    assert allow(USER, "0.1", budgets=file, ledger=ledger, **told)
    people = "who,kind,department,team\nana@example.com,,Platform,\n"
    (tmp_path / "organization.csv").write_text(people)
    why = r"budgets.yaml: limit 1 is to be enforced for a department that .*organization.csv gives people or keys"
    with pytest.raises(BadFile, match=why):
        allow(USER, "0.1", budgets=file, ledger=ledger)
    (tmp_path / "organization.csv").write_text("who,kind,department\nana@example.com,,Data\nsearch,team,Data\n")
    assert allow(USER, "0.1", budgets=file, ledger=ledger, **told)  # calls name their team themselves
