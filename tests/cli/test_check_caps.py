"""`flexlib check --caps`: what somebody has set at Windsurf, beside the budgets; asked of a real server, never set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_samples import store_month

from flexlib.cli.main import main
from flexlib.demo import Company
from flexlib.sources.windsurf.caps import read_cap

PEOPLE = Company(2025, 300).people
CAPPED, FREE = PEOPLE[5].email, PEOPLE[6].email
"""Of the first the server has a cap of 1,005 credits, of the second none; of the team 500,000."""


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any, str]]:
    """Runs the command on a month of one credit with these budgets of flex credits, and a server."""
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "demo-key")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    store_month(tmp_path / "data", [(1, "ana", "gpt-4", 0, 100)])

    def run(url: str, *lines: str, form: str = "--json") -> tuple[int, Any, str]:
        monkeypatch.setenv("WINDSURF_BASE_URL", url)
        budgets = "".join(f"  - {{{line}, currency: flex_credits}}\n" for line in lines)
        (tmp_path / "b.yaml").write_text(f"budgets:\n{budgets}", "utf-8")
        words = ["check", "--year", "2025", "--month", "9", "--budgets", str(tmp_path / "b.yaml"), "--caps"]
        code, said = main([*words, *([form] if form else [])]), capsys.readouterr()
        return code, json.loads(said.out)["caps"] if form and said.out else said.out, said.err

    return run


def test_a_cap_that_is_not_the_budget_is_a_finding(demo: Callable[..., str], check: Callable[..., Any]) -> None:
    code, caps, _ = check(
        demo(),
        "name: whole, whole: true, amount: '100000'",
        "name: same, whole: true, amount: '500000.00', period: cycle, begins: 15",
        "name: day, whole: true, amount: '5', period: day",  # no cap is of a day
        "name: model, model: gpt-4, amount: '5'",
        f"name: capped, person: {CAPPED}, amount: '2000'",
        f"name: free, person: {FREE}, amount: '2000'",
        "name: key, person: ana, amount: '2000'",
    )
    assert [(one["name"], one["outcome"], one["amount"], one["cap"]) for one in caps] == [
        ("whole", "differs", "100000", "500000"),
        ("same", "agrees", "500000", "500000"),
        ("capped", "differs", "2000", "1005"),
        ("free", "no cap", "2000", None),
        ("key", "not read", "2000", None),
    ]
    assert code == 4
    assert caps[-1]["why"] == "a cap is of an e-mail; name the person of this budget by it"


def test_it_is_printed_below_the_budgets(demo: Callable[..., str], check: Callable[..., Any]) -> None:
    lines = "name: whole, whole: true, amount: '100000'", "name: same, whole: true, amount: '500000'"
    code, said, _ = check(demo(), *lines, form="")
    assert code == 4
    assert said.splitlines()[-3:] == [
        "Caps at Windsurf",
        "  DIFFERS      whole  500,000.00, 400,000.00 above the budget of 100,000.00 flex credits",
        "  AGREES       same   500,000.00, as the budget",
    ]
    code, said, _ = check(demo(), "name: model, model: gpt-4, amount: '5'", form="")
    assert said.splitlines()[-1].startswith("Caps at Windsurf: no budget of flex credits is of everything or of a ")
    assert code == 0


def test_a_key_that_may_not_read_caps_leaves_the_budgets_as_they_are(
    demo: Callable[..., str], check: Callable[..., Any]
) -> None:
    code, (cap,), _ = check(demo("--deny", "balance"), "name: whole, whole: true, amount: '100000'")
    assert (code, cap["outcome"], cap["cap"]) == (3, "not read", None)
    assert cap["why"] == "the server refused it (HTTP 403: Insufficient permissions); the key needs Billing Read"


def test_without_a_key_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, demo: Callable[..., str], check: Callable[..., Any]
) -> None:
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "")
    code, said, error = check(demo(), "name: whole, whole: true, amount: '100000'")
    assert (code, said) == (2, "")
    assert error.startswith("flexlib: No service key: ")


@pytest.mark.parametrize("answer", [[], {"addOnCreditCap": -1}, {"addOnCreditCap": True}, {"addOnCreditCap": "1e9"},
                                    {"addOnCreditCap": 1.5}, {"addOnCreditCap": 10**15}])  # fmt: skip
def test_what_is_no_cap_is_not_taken_for_one(answer: Any) -> None:  # noqa: ANN401 (JSON)
    with pytest.raises(ValueError, match=r"no cap|not an object"):
        read_cap(answer)
