"""CSV files and JSON rows: their exact text."""

from __future__ import annotations

import csv
import json
from datetime import date
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.credits import credits_by_day, credits_by_day_and_model, credits_by_month
from flexlib.analysis.top import name_models
from flexlib.dates import Month, Span
from flexlib.errors import DiskFailed
from flexlib.export import (
    name_file,
    to_json_rows,
    write_csv,
)
from flexlib.formats import format_credits, format_month, format_share, round_half_up
from flexlib.i18n import speak
from flexlib.tables.credits import (
    table_credits_by_day_and_model,
    table_daily_credits,
    table_monthly_credits,
)

TODAY = date(2025, 10, 21)


def write_by_model(by_day_and_model: pd.DataFrame, path: Path) -> Path:
    return write_csv(table_credits_by_day_and_model(by_day_and_model), path)


def write_daily(by_day: pd.DataFrame, path: Path) -> Path:
    return write_csv(table_daily_credits(by_day), path)


def write_monthly(by_month: pd.DataFrame, path: Path) -> Path:
    return write_csv(table_monthly_credits(by_month), path)


def make_rows(*models: str) -> pd.DataFrame:
    """One day's rows of credits: 2,450.75 flex credits of the first model, none of the others; 0.05 prompt credits."""
    return pd.DataFrame(
        {
            "date": pd.to_datetime(["2025-09-01"] * len(models)).astype("datetime64[us]"),
            "user": "ana",
            "model_uid": models,
            "prompt_credits": 5,
            "flex_credits": [245075] + [0] * (len(models) - 1),
            "requests": pd.array([None] * len(models), dtype="Int64"),
        }
    )


def test_by_model_a_date_with_a_comma_is_quoted_and_zeros_are_lines(tmp_path: Path) -> None:
    named = name_models(credits_by_day_and_model(make_rows("MODEL_PRIVATE_2", "gpt-4")))
    path = write_by_model(named, tmp_path / "new folder" / "by_model.csv")
    assert path.read_bytes() == (
        b"event_date,date_formatted,model,flex_credits\n"
        b'2025-09-01,"September 01, 2025",Claude Sonnet 4.5,2450.75\n'
        b'2025-09-01,"September 01, 2025",GPT-4,0.00\n'
    )


def test_daily_columns(tmp_path: Path) -> None:
    path = write_daily(credits_by_day(make_rows("a", "b")), tmp_path / "daily.csv")
    assert path.read_text("utf-8") == (
        "event_date,date_formatted,total_flex_credits,total_prompt_credits,data_points\n"
        '2025-09-01,"September 01, 2025",2450.75,0.10,2\n'
    )


def test_monthly_columns(tmp_path: Path) -> None:
    path = write_monthly(credits_by_month(make_rows("a", "b")), tmp_path / "monthly.csv")
    assert path.read_text("utf-8") == (
        "month,month_formatted,total_flex_credits,total_prompt_credits,total_credits_used,data_points\n"
        "2025-09,September 2025,2450.75,0.10,2450.85,2\n"
    )


@pytest.mark.parametrize(
    "uid",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\nx", " =1", "\ufeff=1", "\u00a0 +1", "\u200b@A1"]
    + ["＝1+1", "＋1", "－1", "＠SUM(A1)", "−1"],
)
def test_a_model_id_that_a_spreadsheet_would_run_is_text(uid: str, tmp_path: Path) -> None:
    path = write_by_model(name_models(credits_by_day_and_model(make_rows(uid))), tmp_path / "x.csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == [f"'{uid}"]


def test_what_would_be_a_formula_behind_a_semicolon_that_ends_a_cell_is_text(tmp_path: Path) -> None:
    path = write_by_model(name_models(credits_by_day_and_model(make_rows("a;=1+1; @b;c"))), tmp_path / "x.csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["a;'=1+1;' @b;c"]


def test_what_is_written_is_read_back_whatever_the_id(tmp_path: Path) -> None:
    uid = 'a "quoted", long\nid, ñ 𝔐'
    path = write_by_model(name_models(credits_by_day_and_model(make_rows(uid))), tmp_path / "x.csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == [uid]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    named = name_models(credits_by_day_and_model(make_rows("gpt-4")))
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(DiskFailed, match=r"taken.csv cannot be written \(is a directory\)"):
        write_by_model(named, tmp_path / "taken.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]
    (tmp_path / "file").write_text("kept")
    with pytest.raises(DiskFailed, match="cannot be written"):
        write_by_model(named, tmp_path / "file" / "x.csv")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_file_is_replaced(tmp_path: Path) -> None:
    write_daily(credits_by_day(make_rows("a", "b")), tmp_path / "x.csv")
    path = write_monthly(credits_by_month(make_rows("a")), tmp_path / "x.csv")
    assert path.read_text("utf-8").startswith("month,")
    assert list(tmp_path.iterdir()) == [path]


def test_json_says_the_unit_in_the_key_and_keeps_integers() -> None:
    rows = json.loads(json.dumps(to_json_rows(credits_by_day(make_rows("a", "b")))))
    assert rows == [
        {
            "date": "2025-09-01",
            "prompt_credits_hundredths": 10,
            "flex_credits_hundredths": 245075,
            "requests": None,
            "data_points": 2,
            "rows": 2,
            "users": 1,
            "cumulative_flex_credits_hundredths": 245075,
            "rank": 1,
        }
    ]
    assert to_json_rows(credits_by_month(make_rows("a")))[0]["month"] == "2025-09"


def test_a_file_is_named_after_its_month_and_the_day_it_was_made() -> None:
    name = name_file("flex_credits_by_model", Month(2025, 9).span, TODAY)
    assert name == "flex_credits_by_model_september_2025_2025-10-21.csv"


def test_a_file_has_one_name_in_every_language() -> None:
    with speak("es"):
        named = name_file("x", Month(2025, 9).span, date(2025, 10, 21))
    assert named == "x_september_2025_2025-10-21.csv"


def test_a_file_of_other_days_is_named_after_them() -> None:
    name = name_file("flex_credits_by_model", Span(date(2025, 9, 5), date(2025, 9, 20)), TODAY)
    assert name == "flex_credits_by_model_2025-09-05_to_2025-09-20_2025-10-21.csv"


@pytest.mark.parametrize(
    ("hundredths", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (7523450, "75,234.50"), (-123456, "-1,234.56")]
)
def test_credits_have_two_decimals(hundredths: int, text: str) -> None:
    assert format_credits(hundredths) == text


@given(st.integers(-(10**18), 10**18))
def test_written_credits_are_the_same_number(hundredths: int) -> None:
    assert Fraction(format_credits(hundredths, thousands="")) * 100 == hundredths


def test_shares_have_one_decimal() -> None:
    assert [format_share(permille) for permille in (0, 34, 600, 1000, -5)] == ["0.0", "3.4", "60.0", "100.0", "-0.5"]


def test_months_are_english() -> None:
    names = [format_month(date(2025, month, 1)).removesuffix(" 2025") for month in range(1, 13)]
    assert " ".join(names) == ("January February March April May June July August September October November December")


def test_halves_are_rounded_up() -> None:
    assert [round_half_up(Fraction(twice, 2)) for twice in range(5)] == [0, 1, 1, 2, 2]
