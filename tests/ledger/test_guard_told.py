"""What a hold has to be told of a call, and what counts where the call turns out to be of something else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from databases import execute, query

from flexlib.errors import InvalidCall, LedgerUnavailable, LimitReached
from flexlib.ledger import Ledger
from flexlib.ledger.guard import hold as guard
from flexlib.ledger.guard.counted import list_counted
from flexlib.ledger.guard.counters import Counters
from flexlib.ledger.guard.hold import allow, hold
from flexlib.store.budgets import read_budgets
from flexlib.store.outbox import list_standings

USER = ("user", 42)
CALL: dict[str, Any] = {"provider": "openai", "model": "gpt-4o"}
UNPRICED = {"provider": "openai", "model": "nobody-lists-it"}
NIGHT = datetime(2025, 9, 30, 23, 59, tzinfo=timezone.utc)

Limit = Callable[..., Path]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """A minute before October."""
    now = [NIGHT]
    monkeypatch.setattr(guard, "read_clock", lambda: now[0])
    return now


@pytest.fixture
def limit(tmp_path: Path) -> Limit:
    """Writes a file of limits of US$ 0.10, called by what they are of."""

    def write(*scopes: str) -> Path:
        file = tmp_path / "budgets.yaml"
        rest = 'currency: usd, amount: "0.10", enforce: true'
        file.write_text("\n".join(["budgets:", *(f'  - {{name: "{one}", {one}, {rest}}}' for one in scopes)]))
        return file

    return write


def read_counters(ledger: Ledger) -> dict[str, tuple[Decimal, Decimal]]:
    """What is spent and held, in US$, by what it is of."""
    steps = "/ 1e10" if ledger.backend == "sqlite" else ""
    rows = query(ledger, f"SELECT value, spent {steps}, held {steps} FROM llm_usage_limit_counters")
    return {name: (Decimal(str(spent)).normalize(), Decimal(str(held)).normalize()) for name, spent, held in rows}


IN_DEPARTMENT = 'metadata={"department": ... or None} for the budget department: Platform'


@pytest.mark.parametrize(
    ("scopes", "told", "lacking"),
    [
        (["model: gpt-4o"], {}, "model=... for the budget model: gpt-4o"),
        (["model: gpt-4o"], {"provider": "openai"}, "model=... for the budget model: gpt-4o"),
        (["provider: openai"], {"model": "gpt-4o"}, "provider=..., proxy=... for the budget provider: openai"),
        (["department: Platform"], CALL, IN_DEPARTMENT),
        (["department: Platform"], {"metadata": {"team": "Core"}}, IN_DEPARTMENT),
        (["project: A"], {"metadata": {}}, 'metadata={"project": ... or None} for the budget project: A'),
        (["team: Core"], {}, 'metadata={"team": ... or None} for the budget team: Core'),
        (["whole: true", "model: gpt-4o", "model: o3", "provider: openai"], {},
         "model=... for the budget model: gpt-4o and provider=..., proxy=... for the budget provider: openai"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_open", [True, False])
def test_a_hold_that_is_not_told_what_an_enforced_budget_is_of_is_refused_before_the_call_or_let_through_with_a_warning(
    sqlite_ledger: Ledger,
    limit: Limit,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scopes: list[str],
    told: dict[str, Any],
    lacking: str,
    is_open: bool,
) -> None:
    if is_open:
        monkeypatch.setenv("FLEXLIB_GUARD", "open")
    file = limit(*scopes)
    said = f"Which limits the call is under has to be known before it is made: give {lacking}."
    for ask in (
        lambda: hold(usable=USER, estimate_usd="0.05", budgets=file, ledger=sqlite_ledger, **told).take(),
        lambda: allow(USER, "0.05", budgets=file, ledger=sqlite_ledger, **told),
    ):
        caplog.clear()
        if is_open:
            assert ask()
            assert "letting the call through" in caplog.text
            assert said in caplog.text
            continue
        with pytest.raises(InvalidCall) as no:
            ask()
        assert str(no.value) == said


@pytest.mark.usefixtures("clock")
def test_with_an_open_guard_a_call_that_does_not_tell_its_model_is_held_to_the_limits_that_it_tells_and_counts_in_all(
    ledger: Ledger, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a budget of a model is added while applications run that tell none."""
    monkeypatch.setenv("FLEXLIB_GUARD", "open")
    file = limit("model: gpt-4o", "usable: [user, 42]")
    with hold(usable=USER, estimate_usd="0.04", budgets=file, ledger=ledger) as held:
        held.settle(**CALL, amount_in_usd="0.07")
    spent = (Decimal("0.07"), Decimal(0))
    assert read_counters(ledger) == {"gpt-4o": spent, "user\x1f42": spent}
    assert not allow(USER, "0.04", budgets=file, ledger=ledger)
    with pytest.raises(LimitReached):
        hold(usable=USER, estimate_usd="0.04", budgets=file, ledger=ledger).take()
    with pytest.raises(LimitReached):
        hold(usable=("user", 7), estimate_usd="0.04", budgets=file, ledger=ledger, **CALL).take()


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("whole: true", {}),
        ("usable: [user, 42]", {}),
        ("usable: [user, 42]", {"usable": None}),  # of nobody
        ("model: gpt-4o", {"model": "o3"}),
        ("provider: openai", {"provider": "anthropic"}),
        ("provider: openai", {"proxy": "openrouter"}),
        ("department: Platform", {"metadata": {"department": "Data"}}),
        ("department: Platform", {"metadata": {"department": None}}),  # of none
    ],
)
def test_a_hold_that_is_told_it_is_asked_no_more(
    sqlite_ledger: Ledger, limit: Limit, scope: str, told: dict[str, Any]
) -> None:
    call = {"usable": USER, "estimate_usd": "0.10", "budgets": limit(scope), "ledger": sqlite_ledger, **told}
    assert hold(**call).amount == Decimal("0.10")


def test_without_such_a_budget_nothing_need_be_told(sqlite_ledger: Ledger, limit: Limit) -> None:
    assert allow(USER, "5", budgets=limit(), ledger=sqlite_ledger)


TURNED_OUT = [
    ("model: gpt-4o", "gpt-4o", {"model": "gpt-4o-mini"}, {"model": "gpt-4o-2024-08-06"}),
    ("provider: openai", "openai", {"provider": "anthropic"}, {"provider": "openai"}),
    ("provider: openrouter", "openrouter", {"provider": "openai"}, {"proxy": "openrouter"}),
    ("department: Platform", "Platform", {"metadata": {"department": None}}, {"metadata": {"department": "Platform"}}),
    ("team: Core", "Core", {"metadata": {"team": "Data"}}, {"metadata": {"team": "Core"}}),
    ("usable: [user, 42]", "user\x1f42", {"usable": None}, {"usable": USER}),
]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("scope", "value", "told", "was"), TURNED_OUT)
def test_a_call_that_turns_out_to_be_of_another_limit_counts_in_it_at_once(
    ledger: Ledger, limit: Limit, scope: str, value: str, told: dict[str, Any], was: dict[str, Any]
) -> None:
    """The counter is made though nobody was ever held to that limit, and what the call passed is told; what is spent
    beyond it is what the call cost, of which nothing was held of this limit."""
    file = limit(scope)
    call = {"usable": USER, **told}
    held = hold(estimate_usd="0.20", budgets=file, ledger=ledger, **call).take()
    assert read_counters(ledger) == {}
    for _ in range(2):  # settled again, it is the same call
        held.settle(**{**CALL, **told, **was}, amount_in_usd="0.20")
    assert read_counters(ledger) == {value: (Decimal("0.2"), Decimal(0))}
    assert [
        (one.name, str(spent.normalize())) for one, _, spent in list_counted(ledger, read_budgets(file), NIGHT)
    ] == [(scope, "0.2")]
    assert [(one.budget, one.outcome) for one in list_standings(ledger.data).values()] == [(scope, "over")] * 3
    call |= was
    assert not allow(amount="0.01", budgets=file, ledger=ledger, **call)
    with pytest.raises(LimitReached, match=r"US\$ 0.20 is spent and US\$ 0.00 held"):
        hold(estimate_usd="0.01", budgets=file, ledger=ledger, **call).take()


@pytest.mark.usefixtures("clock")
def test_a_call_without_a_price_is_held_of_what_it_turns_out_to_be_of(ledger: Ledger, limit: Limit) -> None:
    """Also where there is no counter yet, and nothing of what it was told to be of; sent again, once."""
    file = limit("model: gpt-4o", "model: nobody-lists-it", "whole: true")
    for _ in range(2):
        held = hold(usable=USER, estimate_usd="0.04", model="gpt-4o", budgets=file, ledger=ledger).take()
        assert read_counters(ledger)["gpt-4o"] == (Decimal(0), Decimal("0.04"))
        held.settle(**UNPRICED, request_id="answer-1")
        held.settle(**UNPRICED, request_id="answer-1")
    kept = (Decimal(0), Decimal("0.04"))
    assert read_counters(ledger) == {"gpt-4o": (Decimal(0), Decimal(0)), "nobody-lists-it": kept, "": kept}


def test_a_call_that_turns_out_to_be_of_a_limit_counts_in_the_period_in_which_it_was_held(
    ledger: Ledger, limit: Limit, clock: list[datetime]
) -> None:
    held = hold(usable=USER, estimate_usd="0.20", model="o3", budgets=limit("model: gpt-4o"), ledger=ledger).take()
    clock[0] += timedelta(minutes=2)  # October
    assert held.settle(**CALL, amount_in_usd="0.20").created_at == NIGHT
    (first,) = query(ledger, "SELECT first FROM llm_usage_limit_counters")[0]
    begun = datetime.fromtimestamp(first / 1e6, timezone.utc) if ledger.backend == "sqlite" else first
    assert begun == datetime(2025, 9, 1, tzinfo=timezone.utc)


@pytest.mark.usefixtures("clock")
def test_a_counter_that_cannot_be_made_loses_no_call_and_is_made_when_it_is_settled_again(
    ledger: Ledger, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("The ledger was busy.")

    held = hold(usable=USER, estimate_usd="0.20", model="o3", budgets=limit("model: gpt-4o"), ledger=ledger).take()
    with monkeypatch.context() as busy:
        busy.setattr(Counters, "ensure", fail)
        with pytest.raises(LedgerUnavailable):
            held.settle(**CALL, amount_in_usd="0.20")
    assert query(ledger, "SELECT count(*) FROM llm_usage_statistics") == [(1,)]
    held.settle(**CALL, amount_in_usd="0.20")
    assert read_counters(ledger) == {"gpt-4o": (Decimal("0.2"), Decimal(0))}
    assert len(list_standings(ledger.data)) == 3


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("scopes", "more"), [([], 0), (["usable: [user, 7]"], 0), (["usable: [user, 42]"], 3)])
def test_settling_asks_the_database_for_the_limits_of_the_call_alone(
    postgresql_ledger: Ledger, limit: Limit, scopes: list[str], more: int
) -> None:
    """Its locks, its release and what is counted then; beside what recording a call asks."""
    import psycopg

    asked = []
    for one in ([], scopes):
        file = limit(*one)
        for _ in range(2):  # at first the partition and the counter are made
            held = hold(usable=USER, estimate_usd="0.01", budgets=file, ledger=postgresql_ledger).take()
            execute_it = psycopg.Connection.execute
            with patch.object(psycopg.Connection, "execute", autospec=True, side_effect=execute_it) as execute:
                held.settle(**CALL, amount_in_usd="0.01")
            count = execute.call_count
        asked.append(count)
    assert asked[1] - asked[0] == more


@pytest.mark.usefixtures("clock")
def test_what_is_held_for_a_call_without_a_price_is_free_once_the_call_is_deleted(ledger: Ledger, limit: Limit) -> None:
    file = limit("usable: [user, 42]", "whole: true")
    for name in ("gone", "stays"):
        with hold(usable=USER, estimate_usd="0.03", budgets=file, ledger=ledger) as held:
            held.settle(**UNPRICED, request_id=name)
    under_way = hold(usable=USER, estimate_usd="0.01", budgets=file, ledger=ledger).take()
    execute(ledger, "DELETE FROM llm_usage_statistics WHERE request_id = 'gone'")
    left = (Decimal(0), Decimal("0.04"))
    assert read_counters(ledger) == {"": left, "user\x1f42": left}
    execute(ledger, "DELETE FROM llm_usage_statistics")
    under_way.release()
    assert read_counters(ledger) == dict.fromkeys(("", "user\x1f42"), (Decimal(0), Decimal(0)))
    assert query(ledger, "SELECT count(*) FROM llm_usage_limit_holds") == [(0,)]
