"""A month of which a call has no price: what is expected is of what is known, and no lower bound of what will come; the
console, JSON, the page and the check of a budget say the same."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.front.forecast import forecast_month
from flexlib.page.forecast import heading_for_forecast, plot_forecast
from flexlib.page.forecasted import describe_band, describe_reached

MONTH = ["--year", "2025", "--month", "9", "--as-of", "2025-09-15", "--holidays", "none"]
FORECAST = ["forecast", *MONTH, "--of", "usd"]
BEFORE = tuple(Month(2025, number) for number in (4, 5, 6, 7))


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """US$ 4 to 8 a day from April to 15 September; and the same with a call on 3 September that has no price."""
    for month in (*BEFORE, AUGUST, SEPTEMBER):
        days = [day for day in month.span if day <= date(2025, 9, 15)]
        calls = [call(f"{day}", f"{day}T10:00:00", str(4 + day.toordinal() * 7 % 5)) for day in days]
        store(tmp_path / "all", "import", month, *calls)
        more = [call("mystery", "2025-09-03T11:00:00", None)] if month == SEPTEMBER else []
        store(tmp_path / "lacking", "import", month, *calls, *more)
    return tmp_path / "all", tmp_path / "lacking"


def test_a_call_without_a_price_takes_the_upper_end_away_and_leaves_the_rest(
    roots: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = []
    for root in roots:
        monkeypatch.setenv("FLEXLIB_DATA", str(root))
        assert main([*FORECAST, "--budget", "150", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    whole, lacking = told
    assert whole["low"] < whole["expected"] < whole["high"]
    for one, other in ((whole, lacking), (whole["next_month"], lacking["next_month"])):
        assert (other["expected"], other["low"], other["high"]) == (one["expected"], one["low"], None)
    day = date.fromisoformat(whole["budget_reached"]["expected"])
    assert date(2025, 9, 15) < day <= date(2025, 9, 30)
    assert (lacking["budget_reached"]["expected"], lacking["budget_reached"]["earliest"]) == (f"{day}", None)

    assert main([*FORECAST, "--budget", "150"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == (
        f"  2025-09  {lacking['expected']:.2f} expected by what is known (80%: lower end {lacking['low']:.2f}, from "
        f"{lacking['origins']} earlier forecasts); what is missing comes on top"
    )
    assert (
        lines[-1]
        == f"  150.00 is expected to be used up by about {day.day} Sep, earlier if what is missing adds to it."
    )
    assert main([*FORECAST, "--budget", "1000"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "  1,000.00 is not expected to be used up within 2025-09 by what is known; what is missing comes on top."
    )

    (file := tmp_path / "b.yaml").write_text("budgets: [{name: b, whole: true, currency: usd, amount: '150'}]", "utf-8")
    assert main(["check", *MONTH, "--budgets", str(file)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.endswith(
        f"expected {lacking['expected']:.2f} by what is known (80%: lower end {lacking['low']:.2f}), is "
        f"expected to be exceeded by about {day.day} Sep, earlier if what is missing adds to it; 1 call without a price"
    )
    assert main(["check", *MONTH, "--budgets", str(file), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["budgets"]
    assert [found[name] for name in ("expected", "low", "high", "day", "earliest")] == [
        lacking["expected"], lacking["low"], None, f"{day}", None
    ]  # fmt: skip


def test_the_page_of_a_forecast_that_lacks_a_call_says_what_the_console_does(roots: tuple[Path, Path]) -> None:
    made = forecast_month(SEPTEMBER, roots[1], of="usd", as_of=date(2025, 9, 15), budget=150)
    expected, low = made.this.expected, made.this.low
    assert expected is not None
    assert low is not None
    assert describe_band(made.this) == f"80\u00a0%: lower end {low:.0f}; what is missing comes on top"
    heading = heading_for_forecast(made)
    assert heading.heading == f"September may end near US$\u00a0{expected:.0f} by what is known"
    assert heading.note.endswith("What is missing comes on top, and the band has no upper end.")
    assert (
        describe_reached(made, 150)[1]
        == "150 are expected to be used up by about then, earlier if what is missing adds to it"
    )
    chart = plot_forecast(made)
    assert chart is not None
    assert chart.legend[0][0] == "Known; expected dashed"
