"""Whatever is held, settled, released, recorded, changed and raised, in any order: counters say what a plain list says,
and what is spent passes a limit by no more than calls cost beyond what was held for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from databases import Postgresql, execute, query
from harness import ONE_EXAMPLE_IN
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from flexlib.errors import LimitReached
from flexlib.ledger import Ledger, open_ledger, record_usage
from flexlib.ledger.guard import hold as guard
from flexlib.ledger.guard.hold import LIFETIME, Hold, hold

FIRST = datetime(2025, 9, 29, 12, tzinfo=timezone.utc)
USERS = (1, 2)
SCOPES = ("user 1", "user 2", "whole")
CENTS = st.integers(0, 60)
PICK = st.integers(0, 10**6)
PASSES = st.sampled_from([timedelta(minutes=3), LIFETIME, timedelta(days=1)])


@dataclass
class Call:
    """A recorded call, in cents."""

    user: int
    made: datetime
    cents: int | None


@dataclass
class Held:
    """A hold as the model knows it."""

    hold: Hold
    user: int
    month: int
    cents: int
    expires: datetime


class GuardMachine(RuleBasedStateMachine):
    """One limit of each of two users and one of the whole, each of a month."""

    clock: list[datetime]

    def __init__(self, make: Callable[[], tuple[Ledger, Path, Callable[[], None]]], clock: list[datetime]) -> None:
        super().__init__()
        self.ledger, folder, self.put_away = make()
        self.file, self.clock = folder / "budgets.yaml", clock
        self.clock[0] = FIRST
        self.limits = {"user 1": 100, "user 2": 100, "whole": 150}
        self.calls: dict[str, Call] = {}
        self.holds: list[Held] = []
        self.kept: dict[str, Held] = {}
        """Of recorded calls without a price."""
        self.counted: set[tuple[str, int]] = set()
        self.allowance: dict[tuple[str, int], int] = {}
        """By how much what is spent of a limit in a month may pass it."""
        self.write_limits()

    def teardown(self) -> None:
        self.ledger.close()
        self.put_away()

    def write_limits(self) -> None:
        lines = [
            f"  - {{name: {name}, {'whole: true' if name == 'whole' else f'usable: [user, {name[-1]}]'}, "
            f'currency: usd, amount: "{cents / 100:.2f}", enforce: true}}'
            for name, cents in self.limits.items()
        ]
        self.file.write_text("\n".join(["budgets:", *lines, "#" * sum(self.limits.values())]))

    def spent(self, scope: str, month: int) -> int:
        calls = [one for one in self.calls.values() if one.made.month == month]
        return sum(one.cents or 0 for one in calls if scope in ("whole", f"user {one.user}"))

    def held(self, scope: str, month: int) -> list[Held]:
        known = [*self.holds, *self.kept.values()]
        return [one for one in known if one.month == month and scope in ("whole", f"user {one.user}")]

    def permit(self, scope: str, month: int, cents: int) -> None:
        self.allowance[scope, month] = self.allowance.get((scope, month), 0) + cents

    @rule(user=st.sampled_from(USERS), cents=CENTS)
    def take(self, user: int, cents: int) -> None:
        now = self.clock[0]
        self.counted |= {(scope, now.month) for scope in (f"user {user}", "whole")}
        taken = hold(usable=("user", user), estimate_usd=Decimal(cents) / 100, budgets=self.file, ledger=self.ledger)
        room = True
        for scope in (f"user {user}", "whole"):
            spent, limit = self.spent(scope, now.month), self.limits[scope]
            alive = sum(one.cents for one in self.held(scope, now.month) if one.expires > now)
            room &= spent + alive + cents <= limit
        try:
            taken.take()
        except LimitReached:
            assert not room
            return
        assert room
        self.holds.append(Held(taken, user, now.month, cents, now + LIFETIME))

    @precondition(lambda self: self.holds)
    @rule(pick=PICK, cents=st.none() | CENTS)
    def settle(self, pick: int, cents: int | None) -> None:
        one = self.holds.pop(pick % len(self.holds))
        there, taken = self.list_held(), one.expires - LIFETIME
        call: dict[str, Any] = {"provider": "openai", "model": "nobody-lists-it"}
        call |= {} if cents is None else {"amount_in_usd": Decimal(cents) / 100}
        record = one.hold.settle(**call)
        assert one.hold.settle(**call) == record
        assert record.created_at == taken
        self.calls[record.request_id] = Call(one.user, taken, cents)
        if cents is None:
            until = datetime(taken.year, taken.month + 1, 1, tzinfo=timezone.utc)
            self.kept[record.request_id] = replace(one, expires=until)
        for scope in (f"user {one.user}", "whole"):
            covered = one.cents if (one.hold.request_id, scope) in there else 0
            self.permit(scope, taken.month, max(0, (cents or 0) - covered))

    def list_held(self) -> set[tuple[str, str]]:
        """What is held of which limit: an amount that has expired goes where there is no room for another."""
        rows = query(self.ledger, "SELECT hold, scope, value FROM llm_usage_limit_holds")
        return {(name, "whole" if scope == "whole" else f"user {value[-1]}") for name, scope, value in rows}

    @precondition(lambda self: self.holds)
    @rule(pick=PICK)
    def release(self, pick: int) -> None:
        self.holds.pop(pick % len(self.holds)).hold.release()

    @rule(user=st.sampled_from(USERS), cents=CENTS)
    def record(self, user: int, cents: int) -> None:
        call: dict[str, Any] = {"provider": "openai", "model": "gpt-4o", "amount_in_usd": Decimal(cents) / 100}
        made = record_usage(usable=("user", user), ledger=self.ledger, created_at=self.clock[0], **call)
        self.calls[made.request_id] = Call(user, self.clock[0], cents)
        for scope in (f"user {user}", "whole"):
            self.permit(scope, self.clock[0].month, cents)

    @precondition(lambda self: self.calls)
    @rule(pick=PICK, cents=st.none() | CENTS)
    def change(self, pick: int, cents: int | None) -> None:
        """The call is priced anew, or its price is taken away."""
        name, call = sorted(self.calls.items())[pick % len(self.calls)]
        amount = "NULL" if cents is None else str(cents * 10**8) if self.ledger.path else str(Decimal(cents) / 100)
        execute(self.ledger, f"UPDATE llm_usage_statistics SET amount_in_usd = {amount} WHERE request_id = '{name}'")
        for scope in (f"user {call.user}", "whole"):
            self.permit(scope, call.made.month, max(0, (cents or 0) - (call.cents or 0)))
        if cents is not None:
            self.kept.pop(name, None)
        call.cents = cents

    @precondition(lambda self: self.calls)
    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        name = sorted(self.calls)[pick % len(self.calls)]
        execute(self.ledger, f"DELETE FROM llm_usage_statistics WHERE request_id = '{name}'")
        del self.calls[name]
        self.kept.pop(name, None)

    @rule(scope=st.sampled_from(SCOPES), more=st.integers(1, 50))
    def raise_limit(self, scope: str, more: int) -> None:
        self.limits[scope] += more
        self.write_limits()

    @rule(passed=PASSES)
    def wait(self, passed: timedelta) -> None:
        self.clock[0] += passed

    @invariant()
    def counters_say_what_the_calls_and_the_holds_sum_up_to(self) -> None:
        first = "first / 1000000" if self.ledger.path else "extract(epoch FROM first)"
        steps = "/ 100000000" if self.ledger.path else "* 100"
        columns = f"scope, value, {first}, spent {steps}, held {steps}"
        found = {}
        for scope, value, begun, spent, held in query(self.ledger, f"SELECT {columns} FROM llm_usage_limit_counters"):
            month = datetime.fromtimestamp(int(begun), timezone.utc).month
            found["whole" if scope == "whole" else f"user {value[-1]}", month] = int(spent), int(held)
        assert found.keys() == self.counted
        there = self.list_held()
        for (scope, month), (spent, held) in found.items():
            assert spent == self.spent(scope, month)
            assert held == sum(one.cents for one in self.held(scope, month) if (one.hold.request_id, scope) in there)
            assert spent <= self.limits[scope] + self.allowance.get((scope, month), 0)
        known = [*self.holds, *self.kept.values()]
        assert all((one.hold.request_id, "whole") in there or one.expires <= self.clock[0] for one in known)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    now = [FIRST]
    monkeypatch.setattr(guard, "read_clock", lambda: now[0])
    return now


def run(make: Callable[[], tuple[Ledger, Path, Callable[[], None]]], clock: list[datetime], examples: int) -> None:
    run_state_machine_as_test(
        lambda: GuardMachine(make, clock),  # type: ignore[arg-type]
        settings=settings(
            max_examples=max(5, examples // ONE_EXAMPLE_IN),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_on_sqlite_counters_and_the_bound_hold_whatever_happens(
    sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory, clock: list[datetime]
) -> None:
    def make() -> tuple[Ledger, Path, Callable[[], None]]:
        folder = tmp_path_factory.mktemp("guard")
        copy(sqlite_file, folder)
        return open_ledger(data=folder), folder, lambda: None

    run(make, clock, 40)


@pytest.mark.heavy
def test_on_postgresql_counters_and_the_bound_hold_whatever_happens(
    postgresql: Postgresql, tmp_path_factory: pytest.TempPathFactory, clock: list[datetime]
) -> None:
    def make() -> tuple[Ledger, Path, Callable[[], None]]:
        folder, url = tmp_path_factory.mktemp("guard"), postgresql.create(template="template_ledger")
        return open_ledger(url, data=folder), folder, lambda: postgresql.drop(url)

    run(make, clock, 15)
