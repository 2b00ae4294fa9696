"""The official validator reads what is exported as FOCUS: with the criteria that hold, no rule fails but one of two of
which one must."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from focus_validator import CONTRADICTION, PYTHON, find_python, install_validator, read_rules, validate
from spend_samples import SEPTEMBER, call, store, store_credits
from test_focus_front import bill

from flexlib.cli.main import main

pytestmark = pytest.mark.heavy

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
REASONS = {
    "Rule skipped - CheckDecimalValue validation is not yet implemented",
    "Rule skipped - all child rules were skipped",
    "Rule skipped - marked as MAY/OPTIONAL and not enforced",
    "Rule skipped - validation is dynamic and cannot be pre-generated",
    "rule not applicable",
    "upstream dependency was skipped",
}
"""Why the validator skips rules: what it cannot check, and what is of columns that are not there."""


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = find_python()
    if python is None:
        pytest.skip(f"there is no Python {PYTHON}, which the validator needs")
    return install_validator(tmp_path_factory.mktemp("focus"), python)


def export(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    file = root / "focus.csv"
    main(["export", "--format", "focus", "--year", "2025", "--month", "9", "--output", str(file)])
    return file


def store_every_kind(root: Path) -> Path:
    """Calls by tokens, requests and rows, refunds, credits at two prices, and a bill with whatever it can have."""
    none = dict.fromkeys(("prompt_tokens", "total_tokens"), 0)
    said = json.dumps({"department": "Platform", "team": "=1+1", "project": 'a "b", ñ'})
    pesos = {"amount_in_clp": Decimal(965), "fx_rate": Decimal(965), "fx_date": SEPTEMBER.first}
    store(
        root, "import", SEPTEMBER,
        call("a", "2025-09-01", "0.5", tier="batch", metadata=said), call("b", "2025-09-02", "0.25"),
        call("c", "2025-09-02", None, model="o9"), call("d", "2025-09-20", "-2"), call("e", "2025-09-20", "0"),
        call("f", "2025-09-03", "0.04", task_type="image", provider="google", model="imagen", **none),
        call("g", "2025-09-01", "7", grain="month", requests=None, provider="mistral", **none),
        call("h", "2025-09-05", "1", proxy="openrouter", cost=Decimal("0.05"), **pesos),
    )  # fmt: skip
    bill(
        root, "2025-09-01,u,gpt-4o,0.75,USD,", "2025-09-02,u,gpt-4o,0.2,USD,", "2025-09-02,u,o9,2,USD,",
        "2025-09-02,VAT,,0.56,USD,tax", "2025-09-02,promotion,,-1,USD,credit", "2025-09-02,seats,,9,USD,fee",
    )  # fmt: skip
    store_credits(root, (3, "key-1", "claude-sonnet-4", 150, 250), (12, "key-1", "claude-sonnet-4", 0, 333))
    (root / "prices").mkdir()
    prices = "from,until,usd_per_credit,source\n2025-09-01,2025-09-10,0.03125,contract\n"
    (root / "prices" / "windsurf_credits.csv").write_text(prices, "utf-8")
    return root


@pytest.mark.parametrize("month", ["fixture", "every kind"])
def test_the_validator_fails_no_rule_that_can_be_kept(
    month: str, validator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    is_fixture = month == "fixture"
    data = Path(shutil.copytree(FIXTURE, root, dirs_exist_ok=True)) if is_fixture else store_every_kind(root)
    verdict = validate(export(data, monkeypatch), validator)
    print(verdict.render())  # with -s or -rP: every rule that is skipped
    if is_fixture:
        summary = verdict.render().partition("\n  skipped")[0]
        assert summary in (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert set(verdict.failed) - CONTRADICTION == set()
    assert len(verdict.failed) == 1
    assert len(verdict.passed) >= 258
    assert set(verdict.skipped.values()) == REASONS


def test_the_two_rules_of_which_one_must_fail_contradict_each_other(validator: Path) -> None:
    rules = [read_rules(validator)[one]["ValidationCriteria"] for one in sorted(CONTRADICTION)]
    assert [one["Condition"] for one in rules] == [{}, {}]  # for every row
    assert [one["Requirement"] for one in rules] == [
        {"CheckFunction": "CheckValue", "ColumnName": "InvoiceId", "Value": None},
        {"CheckFunction": "CheckNotValue", "ColumnName": "InvoiceId", "Value": None},
    ]


def test_the_validator_notices_tags_that_are_no_json_and_a_currency_that_is_none(
    validator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = export(store_every_kind(tmp_path), monkeypatch)
    text = file.read_text("utf-8")
    file.write_text(text.replace('"{""task_type""', '"{""task_type').replace(",USD,2025", ",dollars,2025"), "utf-8")
    failed = validate(file, validator).failed
    assert {"Tags-C-001-M", "BillingCurrency-C-003-M"} <= failed.keys()
