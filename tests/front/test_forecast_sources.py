"""A source of which a month is not stored: its days are not known whole, and that is said."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.front.anomalies import find_month_anomalies
from flexlib.front.forecast import forecast_month
from flexlib.front.spend import load_spend
from flexlib.front.year import MARKS, list_models, measure_months
from flexlib.site.facts import Facts, list_amounts
from flexlib.site.tables import table_of_month

JULY = Month(2025, 7)
SAID = (
    "Nothing of imported files is stored of 2025-09: what it holds there is not known, and is not zero. Run: flexlib "
    "import FILE --provider ... --model ...; where it was not in use then: flexlib sources --ended import 2025-08"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files of August and October, of September only Windsurf's credits, which had begun no earlier."""
    for month in (AUGUST, OCTOBER):
        store(tmp_path, "import", month, *(call(f"{day}", f"{day}T10:00:00", "5") for day in month.span))
    store_credits(tmp_path, *((day, "key-1", "MODEL_X", 0, 10_000) for day in range(1, 31)))
    return tmp_path


def test_a_forecast_says_which_source_lacks_the_month_and_that_it_is_at_least(root: Path) -> None:
    made = forecast_month(SEPTEMBER, root, of="usd", as_of=date(2025, 9, 30))
    assert made.is_least
    assert [text for text in made.missing if text.startswith("Nothing of ")] == [SAID]
    assert not forecast_month(SEPTEMBER, root, of="credits").is_least


def test_the_console_says_at_least(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    command = ["forecast", "--year", "2025", "--month", "9", "--of", "usd", "--budget", "500"]
    assert main(command) == 3
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "Forecast of 2025-09 in US$: at least 120.00 known up to 30 Sep"
    assert lines[1] == "  2025-09  at least 120.00: what is missing comes on top"
    assert lines[-1] == "  500.00 cannot be dated: what is known is a lower bound."
    assert SAID in shown.err
    assert main([*command, "--json"]) == 3
    made = json.loads(capsys.readouterr().out)
    assert (made["known"], made["known_is_at_least"], made["low"], made["high"]) == (120.0, True, 120.0, None)


def test_of_a_month_after_all_known_days_no_zero_is_called_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, "import", AUGUST, *(call(f"{day}", f"{day}T10:00:00", "5") for day in AUGUST.span))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    main(["forecast", "--year", "2025", "--month", "10", "--of", "usd"])
    said = capsys.readouterr().out.splitlines()[0]
    assert said == "Forecast of 2025-10 in US$: none of it known, only days up to 31 Aug"


def test_unusual_days_are_said_to_lack_the_source(root: Path) -> None:
    assert SAID in find_month_anomalies(SEPTEMBER, root, of="usd").missing
    # Of credits nothing lacks; the month does, and is told to be a gap with the reason.
    assert SAID in find_month_anomalies(SEPTEMBER, root, of="credits").missing


def test_a_source_that_began_later_is_no_gap(tmp_path: Path) -> None:
    store(tmp_path, "import", AUGUST, *(call(f"{day}", f"{day}T10:00:00", "5") for day in AUGUST.span))
    store(tmp_path, "import", SEPTEMBER, *(call(f"{day}", f"{day}T10:00:00", "5") for day in SEPTEMBER.span))
    store_credits(tmp_path, (5, "key-1", "MODEL_X", 0, 10_000))
    made = forecast_month(Month(2025, 9), tmp_path, of="usd")
    assert not [text for text in made.missing if "not zero" in text]


@pytest.mark.parametrize("as_of", [None, date(2025, 9, 30)])
def test_a_gap_before_the_last_file_and_the_months_after_it_are_told(tmp_path: Path, as_of: date | None) -> None:
    for source, months in {"import": (JULY, SEPTEMBER), "ledger": (AUGUST, SEPTEMBER), "litellm": (JULY,)}.items():
        for month in months:
            store(tmp_path, source, month, *(call(f"{source}{day}", f"{day}T10:00:00", "5") for day in month.span))
    made = forecast_month(SEPTEMBER, tmp_path, of="usd", as_of=as_of)
    told = [text for text in made.missing if "not zero" in text]
    assert told[0] == SAID.replace("2025-08", "2025-07").replace("2025-09", "2025-08")
    assert [text[:52] for text in told[1:]] == ["Nothing of litellm is stored of 2025-08 to 2025-09: "]
    assert not [text for text in made.missing if text.startswith("The last row of litellm")]


def test_a_year_says_that_the_month_is_at_least_and_shows_no_zero_for_what_is_not_known(root: Path) -> None:
    spend = load_spend(AUGUST, OCTOBER, root, zone="UTC", names=False)
    assert SAID in spend.missing
    months = measure_months(spend)
    assert ["usd" in row["lacks"] for row in months] == [False, True, True]  # October has no credits
    (calls,) = (row for row in list_models(spend, "usd") if row["model"] == "gpt-4o")
    assert [calls[month] for month in ("2025-08", "2025-09", "2025-10")] == [155, None, 155]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Files of July and September, the ledger of July to September; gpt-4o is in both, claude-x in files alone, and
    gpt-5 in the ledger alone."""
    for month in (JULY, AUGUST, SEPTEMBER):
        day = f"{month.first}T10:00:00"
        store(tmp_path, "ledger", month, call("a", day, "1"), call("b", day, "2", model="gpt-5"))
        if month != AUGUST:
            store(tmp_path, "import", month, call("c", day, "5"), call("d", day, "7", model="claude-x"))
    return tmp_path


def test_what_a_source_that_is_not_stored_may_hold_more_of_is_not_known_in_a_year(two: Path) -> None:
    rows = list_models(load_spend(JULY, SEPTEMBER, two, zone="UTC", names=False), "usd")
    assert [[row[name] for name in row if name not in MARKS] for row in rows] == [
        ["claude-x", 14, 7, None, 7],
        ["gpt-4o", 13, 6, None, 6],
        ["gpt-5", 6, 2, 2, 2],
    ]


def test_a_site_says_at_least_of_every_model_where_a_source_is_not_stored(two: Path) -> None:
    facts = Facts(load_spend(JULY, SEPTEMBER, two, zone="UTC", names=False))
    assert [row["lacking"] for row in facts.models] == [{"2025-08"}] * 3
    assert {row["model"]: list_amounts(row, facts.span) for row in facts.models} == {
        "claude-x": [700, None, 700],
        "gpt-4o": [600, 100, 600],
        "gpt-5": [200, 200, 200],
    }
    table = table_of_month(facts.models, "model", AUGUST, {}, "Model", "table-models")
    assert [row["model"] for row in table.rows] == ["gpt-5", "gpt-4o"]  # those that were used
