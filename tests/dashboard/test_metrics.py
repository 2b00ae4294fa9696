"""The running month as OpenMetrics, read by Prometheus's own parser: exact, nobody's name, absent where not known."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from dashboard_server import ask, serve_dashboard
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from flexlib.dashboard.metrics import Metrics
from flexlib.ledger import Ledger, open_ledger, record_many

NOW = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
CALL = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o", "task_type": "text", "prompt_tokens": 10,
        "completion_tokens": 5, "created_at": NOW, "cost": "0.25", "status": "ok"}  # fmt: skip
BUDGETS = """budgets:
- {name: "All \\"of\\" us", currency: usd, amount: 10, whole: true}
- {name: OpenAI a day, currency: usd, amount: 2, period: day, provider: openai}
- {name: Seven, currency: usd, amount: 1, usable: [user, 7]}
- {name: Ana, currency: usd, amount: 1, person: ana@example.com}
- {name: Credits, currency: flex_credits, amount: 1, whole: true}
"""


def record(ledger: Ledger, *changes: dict[str, object]) -> None:
    record_many([CALL | {"request_id": f"r{place}"} | one for place, one in enumerate(changes)], ledger=ledger)


def parse(text: str) -> dict[tuple[str, str], float]:
    """The values by the name and the values of the first two labels, which stand by their names."""
    return {
        (sample.name, " ".join([*sample.labels.values()][:2])): float(sample.value)
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }  # fmt: skip


def read(ledger: Ledger, budgets: Path | None = None) -> dict[tuple[str, str], float]:
    return parse(Metrics(ledger, budgets, lambda: NOW).write().decode())


def test_the_month_s_sums_stand_by_provider_and_model(ledger: Ledger) -> None:
    record(ledger, {}, {"status": "error 500"}, {"created_at": NOW - timedelta(days=15)},
           {"model": 'a "model"\n', "cost": None})  # fmt: skip
    found = read(ledger)
    route = "gpt-4o openai"
    assert found["flexlib_ledger_up", ""] == 1
    assert found["flexlib_month_calls", route] == 2  # none of August
    assert found["flexlib_month_failed_calls", route] == 1
    assert found["flexlib_month_tokens", route] == 30
    assert found["flexlib_month_spend_usd", route] == 0.5
    (other,) = (labels for name, labels in found if name == "flexlib_month_unpriced_calls" and labels != route)
    assert found["flexlib_month_unpriced_calls", other] == 1
    assert ("flexlib_month_spend_usd", other) not in found  # not known is not 0


def test_budgets_of_no_people_stand_as_shares_of_their_running_period(ledger: Ledger, tmp_path: Path) -> None:
    (file := tmp_path / "budgets.yaml").write_text(BUDGETS)
    record(ledger, {}, {"created_at": NOW - timedelta(days=1)}, {"provider": "anthropic", "model": "claude-sonnet-4"},
           {"proxy": "openrouter"})  # fmt: skip
    text = Metrics(ledger, file, lambda: NOW).write().decode()
    shares = {labels: value for (name, labels), value in parse(text).items() if name == "flexlib_budget_used_ratio"}
    assert shares == {'All "of" us usd': 0.1, "OpenAI a day usd": 0.125}  # openrouter bills the last one
    assert "user" not in text
    assert "ana" not in text.replace("Gauge", "")


@pytest.mark.parametrize(
    ("cost", "priced", "shares"),
    [("0.25", 1, {}), ("0.25", 9, {'All "of" us usd': 0.225}), ("11", 1, {'All "of" us usd': 1.1})],
)
def test_a_budget_of_whose_calls_too_many_have_no_price_has_no_share_unless_it_is_exceeded(
    ledger: Ledger, tmp_path: Path, cost: str, priced: int, shares: dict[str, float]
) -> None:
    (file := tmp_path / "budgets.yaml").write_text(BUDGETS)
    day: dict[str, object] = {"created_at": NOW - timedelta(days=1)}
    record(ledger, *[day | {"cost": cost}] * priced, day | {"cost": None, "model": "of-no-list"})
    found = {
        labels: value for (name, labels), value in read(ledger, file).items() if name == "flexlib_budget_used_ratio"
    }
    assert found == {**shares, "OpenAI a day usd": 0.0}


def test_a_file_of_budgets_that_cannot_be_read_is_said(ledger: Ledger, tmp_path: Path) -> None:
    (file := tmp_path / "budgets.yaml").write_text("budgets: 7")
    record(ledger, {})
    found = read(ledger, file)
    assert found["flexlib_budgets_up", ""] == 0
    assert found["flexlib_month_calls", "gpt-4o openai"] == 1
    assert not [name for name, _labels in found if name == "flexlib_budget_used_ratio"]


def test_a_lost_ledger_has_no_values_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("lost")
    (file := folder / "budgets.yaml").write_text(BUDGETS)
    ledger = open_ledger(data=folder)
    record(ledger, {})
    monkeypatch.setattr("flexlib.dashboard.metrics.KEPT_SECONDS", 0.0)
    metrics = Metrics(ledger, file, lambda: NOW)
    whole = parse(metrics.write().decode())
    (folder / "ledger.sqlite").rename(folder / "away")
    assert parse(metrics.write().decode()) == {("flexlib_ledger_up", ""): 0, ("flexlib_budgets_up", ""): 1}
    (folder / "away").rename(folder / "ledger.sqlite")
    assert parse(metrics.write().decode()) == whole
    ledger.close()


def test_the_server_gives_them_under_the_page_s_rules(tmp_path: Path) -> None:
    ledger = open_ledger(data=tmp_path / "data")
    now = datetime.now(timezone.utc)
    record_many([CALL | {"request_id": "now", "created_at": now, "cost": Decimal("0.25")}], ledger=ledger)
    ledger.close()
    (tmp_path / "viewer").write_text("v" * 20)
    with serve_dashboard(tmp_path / "data", "--token-file", str(tmp_path / "viewer")) as url:
        for refused in (ask(f"{url}metrics"), ask(f"{url}metrics", Authorization=f"Bearer {'w' * 20}")):
            assert refused[0] == 403
            assert "flexlib_" not in refused[2]
        status, headers, text = ask(f"{url}metrics", Authorization=f"Bearer {'v' * 20}")
    assert status == 200
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert "Set-Cookie" not in headers
    assert parse(text)["flexlib_month_spend_usd", "gpt-4o openai"] == 0.25
