"""What is missing of a month is missing of its budgets, whatever bills tell of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, ingest_charges, store

from flexlib.analysis.budgets import Outcome
from flexlib.front.budgets import BudgetPeriod, check_budgets
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.store.budgets import read_budgets

ALL, OPENAI, ANTHROPIC = "whole: true", "provider: openai", "provider: anthropic"
GONE = "rows of 2025-09 are missing"


def bill(root: Path, amount: str, end: str = "2025-10-01", currency: str = "USD", provider: str = "openai") -> None:
    """A bill from 1 September up to the day before `end`."""
    (file := root / "bill.csv").write_text(f"from,to,sum\n2025-09-01,{end},{amount}\n", "utf-8")
    mapping = ChargeMapping(period_start="from", period_end="to", end_date="excluded", amount="sum", currency=currency,
                            provider=provider)  # fmt: skip
    ingest_charges([file], mapping, root)


def check(root: Path, scope: str, period: str = "month", currency: str = "usd") -> list[BudgetPeriod]:
    line = f"name: b, {scope}, currency: {currency}, amount: '100', period: {period}"
    (file := root / "budgets.yaml").write_text(f"budgets:\n  - {{{line}}}\n", "utf-8")
    return list(check_budgets(SEPTEMBER, root, read_budgets(file)).periods)


def tell(root: Path, scope: str, currency: str = "usd") -> tuple[Outcome, Decimal, str, bool]:
    (one,) = check(root, scope, currency=currency)
    return one.outcome, one.spent, one.lacks, one.is_unknown


@pytest.fixture
def unstored(tmp_path: Path) -> Path:
    """US$ 5 of OpenAI in a file of September; nothing of the ledger, which August had."""
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-05", "7", provider="anthropic"))
    store(tmp_path, "import", AUGUST, call("x", "2025-08-05", "1"))
    store(tmp_path, "import", SEPTEMBER, call("b", "2025-09-05", "5"))
    return tmp_path


@pytest.fixture
def quarantined(tmp_path: Path) -> Path:
    """US$ 7 of Anthropic and 5 of OpenAI, and three rows that could not be read."""
    calls = call("a", "2025-09-05", "7", provider="anthropic"), call("b", "2025-09-05", "5")
    store(tmp_path, "ledger", SEPTEMBER, *calls, quarantined_rows=3)
    return tmp_path


def test_everything_lacks_a_source_that_is_not_stored_beside_a_bill_too(unstored: Path) -> None:
    bill(unstored, "5")
    assert tell(unstored, ALL) == (Outcome.CANNOT_SAY, Decimal(5), GONE, True)
    assert tell(unstored, OPENAI) == (Outcome.WITHIN, Decimal(5), "", False)  # its bill is all of it
    assert {one.lacks for one in check(unstored, ALL, "week")} == {
        f"a bill has no days: make it a budget of a month; {GONE}"
    }


def test_everything_lacks_rows_that_could_not_be_read_beside_a_bill_too(quarantined: Path) -> None:
    bill(quarantined, "5")
    assert tell(quarantined, ALL) == (Outcome.CANNOT_SAY, Decimal(12), GONE, True)
    assert tell(quarantined, ANTHROPIC) == (Outcome.CANNOT_SAY, Decimal(7), GONE, True)
    assert tell(quarantined, OPENAI) == (Outcome.WITHIN, Decimal(5), "", False)


def test_a_provider_lacks_rows_of_the_days_that_its_bill_is_not_of(quarantined: Path) -> None:
    """Its bill ends with the third, its call of the fifth is counted beside it."""
    bill(quarantined, "2", end="2025-09-04")
    assert tell(quarantined, OPENAI) == (Outcome.CANNOT_SAY, Decimal(7), GONE, True)


def test_what_a_bill_lacks_and_what_rows_lack_is_each_told_once(quarantined: Path) -> None:
    bill(quarantined, "2", currency="EUR")
    lost = "of openai not all is known"
    assert tell(quarantined, ALL) == (Outcome.CANNOT_SAY, Decimal(7), f"{lost}; {GONE}", True)


def test_a_bill_without_a_rate_makes_no_row_missing(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05", "5"))
    bill(tmp_path, "2", currency="EUR")
    assert tell(tmp_path, ALL)[2:] == ("of openai not all is known", True)


def test_pesos_lack_what_dollars_do(quarantined: Path) -> None:
    bill(quarantined, "5000", currency="CLP")
    _outcome, _spent, lacks, is_unknown = tell(quarantined, ALL, "clp")
    assert (lacks.endswith(f"; {GONE}"), is_unknown) == (True, True)


def test_a_provider_lacks_lines_of_its_bill_that_could_not_be_read(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05", "5"))
    bill(tmp_path, "5\n2025-09-01,2025-10-01,broken")
    assert tell(tmp_path, OPENAI) == (Outcome.CANNOT_SAY, Decimal(5), GONE, True)


def find_first_week(root: Path) -> tuple[Outcome, Decimal, bool]:
    (one,) = [one for one in check(root, ALL, "week") if one.span.first == SEPTEMBER.first]
    return one.outcome, one.spent, one.is_unknown


def test_what_a_maker_bills_of_calls_through_openrouter_is_no_lower_bound_of_a_week(tmp_path: Path) -> None:
    """Of US$ 120 OpenRouter billed 6, the maker the rest to the company's own key: its bill is of 80."""
    own = call("a", "2025-09-05", "120", proxy="openrouter", cost=Decimal(6))
    store(tmp_path, "ledger", SEPTEMBER, own, call("b", "2025-09-05", "2", provider="anthropic"),
          call("e", "2025-09-05", "1"),
          call("c", "2025-09-05", "3", proxy="openrouter", cost=Decimal(3)),
          call("d", "2025-09-05", "4", proxy="openrouter", cost=Decimal(1), provider="anthropic"))  # fmt: skip
    assert find_first_week(tmp_path) == (Outcome.OVER, Decimal(130), False)
    bill(tmp_path, "80")
    assert find_first_week(tmp_path) == (Outcome.CANNOT_SAY, Decimal(9), True)


def test_calls_that_no_bill_is_for_are_a_lower_bound_of_a_week(tmp_path: Path) -> None:
    """The only bill is of somebody of whom no call is stored."""
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "120"))
    bill(tmp_path, "1", provider="perplexity")
    assert find_first_week(tmp_path) == (Outcome.OVER, Decimal(120), False)
