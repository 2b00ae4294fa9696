"""The text of the console, line for line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from flexlib.analysis.credits import (
    credits_by_day,
    credits_by_day_and_model,
    credits_by_model,
    credits_by_month,
    credits_statistics,
)
from flexlib.analysis.top import name_models
from flexlib.console.table import render_by_model, render_table
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.formats import clean_text
from flexlib.tables.credits import table_daily_credits, table_monthly_credits
from flexlib.tables.definition import Column, Kind, Table, Total

SEPTEMBER = Month(2025, 9).span

DOUBLE = "=" * 100
SINGLE = "-" * 100


def make_rows(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """Rows of credits from day, model, prompt and flex credits in hundredths."""
    days, models, prompt, flex = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "date": pd.to_datetime(list(days)).astype("datetime64[us]"),
            "user": "ana",
            "model_uid": models,
            "prompt_credits": prompt,
            "flex_credits": flex,
            "requests": 1,
        }
    )


def render(rows: pd.DataFrame, days: Span = SEPTEMBER, *, lower_bound: bool = False) -> str:
    return render_by_model(
        name_models(credits_by_day_and_model(rows), days),
        name_models(credits_by_model(rows), days),
        credits_statistics(rows),
        days,
        lower_bound=lower_bound,
    )


def make_month_of_the_first_script() -> pd.DataFrame:
    """30 days with data, 25 with flex credits, two days and the totals as the first script's users know them."""
    rows = [
        ("2025-09-01", "claude-3.5-sonnet", 0, 245075),
        ("2025-09-01", "gpt-4", 0, 171000),
        ("2025-09-01", "claude-opus", 0, 0),
        ("2025-09-02", "claude-3.5-sonnet", 0, 210050),
        ("2025-09-02", "gpt-4", 0, 179200),
        ("2025-09-03", "claude-3.5-sonnet", 0, 7523450 - 245075 - 210050 - 22),
        ("2025-09-03", "gpt-4", 0, 4589025 - 171000 - 179200),
        ("2025-09-03", "claude-opus", 0, 432525),
    ]
    for number in range(27):
        day = datetime(2025, 9, 4) + timedelta(days=number)
        rows.append((f"{day:%Y-%m-%d}", "claude-3.5-sonnet", 100, 1 if number < 22 else 0))
    return make_rows(*rows)


def test_a_long_name_of_a_model_is_whole_in_several_lines_and_nothing_is_wider_than_the_rulers() -> None:
    long, words = "x" * 300, "a model " * 20 + "end"
    text = render(make_rows(("2025-09-01", long, 0, 245075), ("2025-09-01", words, 0, 10), ("2025-09-01", "m", 0, 5)))
    lines = text.splitlines()
    assert max(map(len, lines)) == 100
    assert "".join(line for line in lines if line.strip("x ") == "" or " xxx" in f" {line}").count("x") == 600
    assert [" ".join(line.split()) for line in lines if line.endswith("%)")] == [
        f"{'x' * 74} 2,450.75 (100.0%)",
        "a model " * 9 + "a 0.10 ( 0.0%)",
        "m 0.05 ( 0.0%)",
        "GRAND TOTAL 2,450.90 (100.0%)",
    ]


def test_the_text_is_that_of_the_first_script_line_for_line() -> None:
    rows = make_month_of_the_first_script()
    text = render_by_model(
        credits_by_day_and_model(rows).assign(model=lambda frame: frame["model_uid"]),
        credits_by_model(rows).assign(model=lambda frame: frame["model_uid"]),
        credits_statistics(rows),
        SEPTEMBER,
    )
    assert text.startswith(
        """\
====================================================================================================
FLEX CREDITS BY MODEL - SEPTEMBER 2025
====================================================================================================

📅 2025-09-01 - September 01, 2025
----------------------------------------------------------------------------------------------------
   claude-3.5-sonnet                                    2,450.75
   gpt-4                                                1,710.00
   DAILY TOTAL                                          4,160.75

📅 2025-09-02 - September 02, 2025
----------------------------------------------------------------------------------------------------
   claude-3.5-sonnet                                    2,100.50
   gpt-4                                                1,792.00
   DAILY TOTAL                                          3,892.50

📅 2025-09-03 - September 03, 2025
"""
    )
    assert text.endswith(
        """\
📅 2025-09-30 - September 30, 2025
----------------------------------------------------------------------------------------------------
   DAILY TOTAL                                              0.00

====================================================================================================
TOTALS BY MODEL
====================================================================================================
claude-3.5-sonnet                                      75,234.50  ( 60.0%)
gpt-4                                                  45,890.25  ( 36.6%)
claude-opus                                             4,325.25  (  3.4%)
----------------------------------------------------------------------------------------------------
GRAND TOTAL                                           125,450.00  (100.0%)
====================================================================================================

📊 Statistics:
   - Days with data: 30
   - Total models used: 3
   - Total flex credits: 125,450.00
   - Avg flex credits/day: 4,181.67

⚠️  Days with flex credits: 25
"""
    )
    assert text.count("📅") == 30


def test_ids_are_shown_by_name() -> None:
    rows = make_rows(("2025-09-01", "MODEL_PRIVATE_3", 0, 245075), ("2025-09-01", "MODEL_PRIVATE_2", 0, 171000))
    assert "   Claude Sonnet 4.5 Thinking                           2,450.75\n" in render(rows)
    assert "   Claude Sonnet 4.5                                    1,710.00\n" in render(rows)


def test_two_ids_of_one_name_are_two_lines_with_their_ids() -> None:
    rows = make_rows(("2025-09-01", "MODEL_PRIVATE_5", 0, 200), ("2025-09-01", "MODEL_CHAT_GPT_5_CODEX", 0, 100))
    assert "GPT-5-Codex [MODEL_PRIVATE_5]                               2.00  ( 66.7%)\n" in render(rows)
    assert "GPT-5-Codex [MODEL_CHAT_GPT_5_CODEX]                        1.00  ( 33.3%)\n" in render(rows)


def test_a_model_without_flex_credits_is_in_the_totals_and_in_no_day() -> None:
    text = render(make_rows(("2025-09-01", "gpt-4", 0, 500), ("2025-09-01", "o3", 900, 0)))
    assert text.count("o3 ") == 1
    assert "\no3                                                          0.00  (  0.0%)\n" in text


def test_a_long_name_moves_all_numbers_and_is_not_cut() -> None:
    long = "claude-" + "-".join(["sonnet"] * 8)
    rows = make_rows(("2025-09-01", long, 0, 200), ("2025-09-01", "gpt-4", 0, 100))
    names = ("   Claude", "   GPT-4", "   DAILY TOTAL", "Claude", "GPT-4", "GRAND TOTAL")
    amounts = [line.partition("  (")[0] for line in render(rows).splitlines() if line.startswith(names)]
    assert [len(line) for line in amounts] == [81] * 6
    assert " ".join(["Sonnet"] * 8) in render(rows)


def test_a_month_without_rows_has_a_total_of_zero_and_no_average() -> None:
    text = render(make_rows(("2025-09-01", "gpt-4", 0, 1)).head(0))
    assert "GRAND TOTAL                                                 0.00  (  0.0%)\n" in text
    assert "   - Avg flex credits/day: -\n" in text
    assert "Days with flex credits: 0\n" in text


def test_totals_that_lack_somebody_say_at_least() -> None:
    rows = make_rows(("2025-09-01", "gpt-4", 0, 500))
    assert "AT LEAST" not in render(rows)
    assert "⚠️  AT LEAST: not everything is known; every total here is a lower bound.\n" in render(
        rows, lower_bound=True
    )
    assert "GRAND TOTAL (AT LEAST)                                      5.00  (100.0%)\n" in render(
        rows, lower_bound=True
    )
    for table in (table_daily_credits(credits_by_day(rows)), table_monthly_credits(credits_by_month(rows))):
        assert "\nTOTAL (AT LEAST) " in render_table(table, SEPTEMBER, lower_bound=True)


def test_days_that_are_no_whole_month_are_written_out() -> None:
    text = render(make_rows(("2025-09-05", "gpt-4", 0, 500)), Span(date(2025, 9, 5), date(2025, 9, 20)))
    assert text.splitlines()[1] == "FLEX CREDITS BY MODEL - 2025-09-05 TO 2025-09-20"


def test_what_would_steer_the_terminal_is_not_printed() -> None:
    assert clean_text("a\u202eb\x9b2J 38\u00a0% ñ") == "a�b�2J 38\u00a0% ñ"
    assert "\x1b" not in render(make_rows(("2025-09-01", "\x1b[31mred", 0, 500)))


def test_frames_of_different_months_are_refused() -> None:
    rows = make_rows(("2025-09-01", "gpt-4", 0, 500))
    by_day_and_model, by_model = name_models(credits_by_day_and_model(rows)), name_models(credits_by_model(rows))
    with pytest.raises(InvalidRequest, match="differ in their total"):
        render_by_model(by_day_and_model, by_model, replace(credits_statistics(rows), flex_credits=501), SEPTEMBER)


def test_the_days_stand_in_a_table_with_their_total() -> None:
    rows = make_rows(("2025-09-01", "gpt-4", 12345600, 416075), ("2025-09-02", "gpt-4", 0, 389250))
    assert render_table(table_daily_credits(credits_by_day(rows)), SEPTEMBER) == (
        f"{DOUBLE}\n"
        "FLEX CREDITS BY DAY - SEPTEMBER 2025\n"
        f"{DOUBLE}\n"
        "DAY                                 FLEX CREDITS  PROMPT CREDITS        REQUESTS\n"
        f"{SINGLE}\n"
        "2025-09-01 - September 01, 2025         4,160.75      123,456.00               1\n"
        "2025-09-02 - September 02, 2025         3,892.50            0.00               1\n"
        f"{SINGLE}\n"
        "TOTAL                                   8,053.25      123,456.00               2\n"
        f"{DOUBLE}\n"
    )


def test_a_table_without_a_total_ends_below_its_last_line() -> None:
    table = Table("t", "Moves", [Column("now", "Now"), Column("then", "Instead")], [{"now": "a", "then": "b"}])
    assert render_table(table, SEPTEMBER).splitlines()[-2:] == [f"{'a':32}  b", DOUBLE]


def test_the_months_stand_in_a_table_with_their_total() -> None:
    rows = make_rows(("2025-09-01", "gpt-4", 100, 416075), ("2025-10-02", "gpt-4", 0, 389250))
    assert render_table(table_monthly_credits(credits_by_month(rows)), Span(date(2025, 9, 1), date(2025, 10, 31))) == (
        f"{DOUBLE}\n"
        "CREDITS BY MONTH - 2025-09-01 TO 2025-10-31\n"
        f"{DOUBLE}\n"
        "MONTH                               FLEX CREDITS  PROMPT CREDITS   TOTAL CREDITS        REQUESTS\n"
        f"{SINGLE}\n"
        "2025-09 - September 2025                4,160.75            1.00        4,161.75               1\n"
        "2025-10 - October 2025                  3,892.50            0.00        3,892.50               1\n"
        f"{SINGLE}\n"
        "TOTAL                                   8,053.25            1.00        8,054.25               2\n"
        f"{DOUBLE}\n"
    )


def test_a_table_too_wide_for_a_terminal_says_its_unit_once_and_its_last_text_below() -> None:
    columns = [
        Column("who", "Provider", total="All providers"),
        Column("day", "Day", Kind.DAY),
        Column("usd", "Counted US$", Kind.USD, Total.SUM),
        Column("more", "Difference US$", Kind.USD, Total.SUM),
        Column("why", "Why"),
    ]
    row = {"who": "OpenAI", "day": date(2025, 5, 1), "usd": Decimal("1.5"), "more": Decimal("-0.001"), "why": "w" * 90}
    text = render_table(Table("t", "Differences", columns, [row]), Month(2025, 5).span)
    assert max(map(len, text.splitlines())) == 100
    assert text.splitlines()[1:9] == [
        "DIFFERENCES, US$ - MAY 2025", "=" * 100,
        "PROVIDER       DAY         COUNTED  DIFFERENCE",
        "    WHY", "-" * 100,
        "OpenAI         2025-05-01     1.50     > -0.01",
        f"    {'w' * 90}", "-" * 100,
    ]  # fmt: skip


@pytest.mark.parametrize("last", [(), (Column("why", "Why"),)])
@pytest.mark.parametrize("name", ["Departamento" * 20 + "!", "Gerencia de Operaciones " * 10 + "!"])
def test_a_name_of_250_letters_is_whole_in_lines_no_longer_than_the_rulers(name: str, last: tuple[Column, ...]) -> None:
    """As wide beside it as numbers leave room; whether the last column is one of texts, which stand below, or not."""
    columns = [Column("who", "Department", total="Total"), Column("usd", "US$", Kind.USD, Total.SUM), *last]
    rows = [{"who": who, "usd": Decimal("1.5"), "why": "none"} for who in (name, "Data")]
    lines = render_table(Table("t", "Charged", columns, rows), SEPTEMBER).splitlines()
    assert max(map(len, lines)) <= len(SINGLE)
    assert len(lines) < 20
    text = "".join(lines).replace(" ", "")
    assert name.replace(" ", "") in text.replace("1.50none", "").replace("1.50", "")


def test_a_table_that_is_too_wide_has_headings_and_texts_in_several_lines_and_no_word_is_cut() -> None:
    columns = [
        Column("now", "Now", total="All"),
        Column("calls", "Calls that say how long they took", Kind.COUNT, total=1902),
        Column("other", "Instead"),
        *(Column(f"usd{number}", "US$ in that other case", Kind.USD) for number in range(4)),
    ]
    costs = {f"usd{number}": Decimal("1234.5") for number in range(4)}
    row = {"now": "claude-sonnet-4-20250514 Anthropic, text generation", "calls": 1902,
           "other": "claude-3-5-haiku-20241022 Anthropic", **costs}  # fmt: skip
    lines = render_table(Table("t", "Costs", columns, [row]), SEPTEMBER).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[3:] == [
        "                          CALLS",
        "                           THAT",
        "                            SAY",
        "                            HOW                               US$ IN    US$ IN    US$ IN    US$ IN",
        "                           LONG                                 THAT      THAT      THAT      THAT",
        "                           THEY                                OTHER     OTHER     OTHER     OTHER",
        "NOW                        TOOK  INSTEAD                        CASE      CASE      CASE      CASE",
        SINGLE,
        "claude-sonnet-4-20250514  1,902  claude-3-5-haiku-20241022  1,234.50  1,234.50  1,234.50  1,234.50",
        "Anthropic, text                  Anthropic",
        "generation",
        SINGLE,
        "ALL                       1,902",
        DOUBLE,
    ]
