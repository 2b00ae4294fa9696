"""`flexlib forecast` as a shell sees it: a month's forecast, a file's backtest, and what it refuses."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from flexlib.cli.main import main

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"


@pytest.fixture
def series(tmp_path: Path) -> str:
    """100 on a workday, 0 on a weekend, from January to 10 September 2025."""
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(253)]
    lines = ["date,value", *(f"{day},{100 if day.weekday() < 5 else 0}" for day in days)]
    (path := tmp_path / "daily.csv").write_text("\n".join(lines), "utf-8")
    return str(path)


def test_a_series_is_forecast_for_the_month_that_runs(series: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "--series", series, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["month"], said["as_of"], said["outcome"]) == ("2025-09", "2025-09-10", "forecast")
    assert (said["expected"], said["low"], said["high"]) == (2200, 2200, 2200)  # 22 workdays in September 2025


def test_a_backtest_says_by_day_of_the_month_how_often_the_band_held(
    series: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", "--series", series, "--backtest", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["backtest"]
    assert [line["known"] for line in lines] == [0, 5, 10, 15, 20, 25]
    last = lines[-1]
    assert [line["held"] for line in lines] == [line["bands"] for line in lines]  # none is missed by a last digit
    assert (last["months"], last["bands"], last["held"], last["coverage"], last["mean_error"]) == (8, 6, 6, 1, 0)
    assert main(["forecast", "--series", series, "--backtest"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["25", "8", "6", "of", "6", "100%", "0.0%"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--year", "2024", "--month", "12"], "begins on 2025-01-01: ask for a month from then on"),
        (["--month", "3"], "of which month? Give --year and --month, or neither for that of the last day"),
        (["--year", "2025"], "of which month? Give --year and --month, or neither for that of the last day"),
        (["--year", "2025", "--month", "3", "--backtest"], "--backtest is of all months of the file"),
        (["--as-of", "2024-12-31"], "daily.csv has no day up to 2024-12-31."),
        (["--as-of", "2024-12-31", "--backtest"], "daily.csv has no day up to 2024-12-31."),
    ],
)
def test_of_a_series_no_other_month_is_shown_than_the_one_that_was_asked_for(
    words: list[str], sentence: str, series: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", "--series", series, *words]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


@pytest.mark.parametrize("words", [[], ["--backtest"]])
def test_of_a_series_without_a_day_that_is_said(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path := tmp_path / "daily.csv").write_text("date,value\n", "utf-8")
    assert main(["forecast", "--series", str(path), *words]) == 2
    assert f"{path} has no day." in capsys.readouterr().err


def test_where_no_month_is_whole_a_backtest_says_so(series: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "--series", series, "--as-of", "2025-01-30", "--backtest"]) == 0
    assert capsys.readouterr().out == "No month is known whole: there is none to try a forecast on.\n"


def test_a_stored_month_is_forecast_from_the_days_known_by_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    words = ["forecast", "--year", "2025", "--month", "9"]
    assert main([*words, "--json"]) == 0  # the month is over: nothing is left to forecast
    whole = json.loads(capsys.readouterr().out)
    assert (whole["as_of"], whole["known"], whole["expected"]) == ("2025-09-30", 9961, 9961)
    assert main(words) == 0
    assert "2025-09  9,961.00, all of its days are known" in capsys.readouterr().out
    assert main([*words, "--as-of", "2025-09-15", "--budget", "5000", "--json"]) == 0
    half = json.loads(capsys.readouterr().out)
    assert half["outcome"] == "no band yet"
    assert 0 < half["known"] < half["expected"]
    assert half["low"] is None
    assert half["backtest"][0] == {
        "known": 15, "months": 1, "bands": 0, "held": 0, "coverage": None,
        "mean_error": half["backtest"][0]["mean_error"], "mean_width": None,
    }  # fmt: skip
    assert main([*words, "--as-of", "2025-10-01"]) == 2
    assert "as of 2025-10-01 all of 2025-09 is over; name one of its days" in capsys.readouterr().err
    assert main([*words, "--as-of", "2025-09-15", "--of", "usd"]) == 0
    assert "2025-09  357.53 expected by what is known, no band yet: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["forecast"], "of which month?"),
        (["forecast", "--series", "nowhere.csv"], "nowhere.csv is not there."),
        (["forecast", "--year", "2025", "--month", "9", "--backtest"], "add --series FILE"),
        (["forecast", "--year", "2025", "--month", "9", "--band", "80"], "between 0 and 1"),
        (["forecast", "--year", "2025", "--month", "9", "--holidays", "Atlantis"], "neither a file nor a country"),
        (["forecast", "--year", "2024", "--month", "9"], "No day up to 2024-09-30 is stored"),
    ],
)
def test_what_cannot_be_forecast_is_said_in_a_sentence(
    words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    assert main(words) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("amount", ["much", "-5", "1e400", "nan", "1_000", ""])
def test_a_budget_that_is_no_amount_is_refused_in_a_sentence(amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["forecast", "--year", "2025", "--month", "9", f"--budget={amount}"])
    said = f"{amount!r} is not an amount of 0 or more; write it as 120000 or 1200.50\n"
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_series_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path := tmp_path / "daily.csv").write_text("day,amount\n2025-01-01,3\n", "utf-8")
    assert main(["forecast", "--series", str(path)]) == 2
    assert "no daily series: a CSV with the columns date,value" in capsys.readouterr().err


def test_a_date_of_a_series_that_is_none_is_told_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path := tmp_path / "daily.csv").write_text("date,value\n45901,3\n", "utf-8")
    assert main(["forecast", "--series", str(path)]) == 2
    assert "'45901' is no date" in capsys.readouterr().err


def test_holidays_come_from_a_country_or_a_file(
    series: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (free := tmp_path / "free.csv").write_text("2025-09-18,Fiestas Patrias\n2025-09-19\n", "utf-8")
    main(["forecast", "--series", series, "--holidays", str(free), "--json"])
    assert json.loads(capsys.readouterr().out)["expected"] == 2000  # a Thursday and a Friday like the quietest weekday
    main(["forecast", "--series", series, "--holidays", "CL", "--json"])
    assert json.loads(capsys.readouterr().out)["expected"] == pytest.approx(2200, 0.1)  # earlier holidays were workdays
