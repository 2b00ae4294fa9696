"""What the counters of limits say by now, on both databases, to whoever tells of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from flexlib.ledger import Ledger, hold, open_ledger, record_usage
from flexlib.ledger.guard.counted import list_counted
from flexlib.store.budgets import read_budgets

NOW = datetime.now(timezone.utc)


def test_a_limit_says_what_is_spent_of_it_and_one_that_nothing_was_held_of_says_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text(
        "budgets:\n  - {name: user, usable: [user, 42], currency: usd, amount: '1', enforce: true}\n"
        "  - {name: model, model: gpt-4.1, currency: usd, amount: '1', period: day, enforce: true}\n",
        "utf-8",
    )
    budgets = read_budgets(file)
    assert list_counted(ledger, budgets, NOW) == []
    with hold(usable=("user", 42), estimate_usd="0.20", model="gpt-4o", budgets=file, ledger=ledger) as held:
        held.settle(provider="openai", amount_in_usd="0.25")
    record_usage(usable=("user", 42), provider="openai", model="gpt-4o", amount_in_usd="0.50", ledger=ledger)
    ((budget, span, spent),) = list_counted(ledger, budgets, NOW)
    assert (budget.name, spent) == ("user", Decimal("0.75"))
    assert NOW.date() in span
    # In the next period, of which nothing was held yet, the one before is still told.
    assert list_counted(ledger, budgets, NOW + (span.last - NOW.date()) + timedelta(days=1)) == [(budget, span, spent)]


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert list_counted(open_ledger(data=tmp_path), [], NOW) == []
    assert list(tmp_path.iterdir()) == []
