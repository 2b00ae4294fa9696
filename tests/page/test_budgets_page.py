"""Budgets on the page of a month: those in its unit, the worst first, and nobody by name who is not asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from report_samples import read_words, store_month
from spend_samples import SEPTEMBER, call, store

from flexlib.analysis.budgets import BudgetLine, Outcome
from flexlib.console.table import render_table
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.front.answers import Answers
from flexlib.front.spend import load_spend
from flexlib.i18n import speak
from flexlib.page.budgets import heading_for_budgets, plot_budgets, show_budgets
from flexlib.tables.budgets import table_budgets
from flexlib.tables.definition import Kind
from flexlib.tables.frozen import freeze_table, thaw_table

LINE = BudgetLine(
    "all credits", "flex_credits", "month", SEPTEMBER.span, Outcome.WILL_BE_OVER, Decimal("80.5"), Decimal(100), "",
    True, 111.5, 101.0, 155.25, date(2025, 9, 29), date(2025, 9, 24),
)  # fmt: skip
OVER = replace(LINE, name="mail", outcome=Outcome.OVER, spent=Decimal(120), day=date(2025, 9, 12), is_running=False)
HELD = replace(LINE, name="chat", outcome=Outcome.WITHIN, spent=Decimal(5), expected=None, low=None, high=None)
UNSURE = replace(HELD, outcome=Outcome.NEAR, spent=Decimal(90), lacks="rows of 2025-09 are missing", is_unknown=True)


def find_lines(root: Path, of: str, file: Path, names: bool = False) -> list[BudgetLine]:
    spend = replace(load_spend("2025-09", None, root, zone="UTC", names=names), budgets=file)
    return Answers(spend, of).budgets


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([LINE, OVER, HELD], "Of 3 budgets 1 is exceeded, 1 is expected to be exceeded"),
        ([OVER, OVER, HELD], "Of 3 budgets 2 are exceeded"),
        ([replace(HELD, outcome=Outcome.CANNOT_SAY), replace(HELD, outcome=Outcome.NEAR)],
         "Of 2 budgets 1 cannot be judged, 1 is nearly used up"),
        ([UNSURE, replace(HELD, outcome=Outcome.CANNOT_SAY, is_unknown=True)],
         "Of 2 budgets 1 is nearly used up or exceeded, 1 cannot be judged"),
        ([UNSURE, UNSURE, replace(UNSURE, is_unknown=False)],
         "Of 3 budgets 2 are nearly used up or exceeded, 1 is nearly used up"),
        ([UNSURE], "chat: the budget is nearly used up or exceeded"),
        ([HELD, HELD], "All 2 budgets are held"),
        ([HELD], "The budget is held"),
        ([LINE], "all credits: the budget is expected to be exceeded"),
    ],
)  # fmt: skip
def test_the_heading_counts_what_is_passed_first(lines: list[BudgetLine], said: str) -> None:
    assert heading_for_budgets(lines).heading == said


def test_the_worst_budget_stands_first_with_its_forecast_and_its_band() -> None:
    words = read_words(show_budgets([HELD, LINE, OVER]).render_html())
    assert words.rindex("mail") < words.rindex("all credits") < words.rindex("chat")
    (row,) = table_budgets([LINE]).rows
    assert [row[name] for name in ("spent", "of", "share", "expected", "band", "outcome", "why")] == [
        Decimal("80.5"), 100, 805, Decimal("111.5"), "101.00 to 155.25", "will be over", "will be exceeded on 29 Sep"
    ]  # fmt: skip
    (row,) = table_budgets([replace(LINE, low=99.5)]).rows  # four of five forecasts end above 99.50
    assert (row["outcome"], row["why"]) == ("likely over", "is expected to be exceeded on 29 Sep")
    (row,) = table_budgets([OVER]).rows
    assert (row["expected"], row["why"]) == ("", "exceeded on 12 Sep")
    (row,) = table_budgets([HELD]).rows
    assert row["why"] == "too early for a forecast"


def test_amounts_of_budgets_are_numbers_in_files_and_in_several_units_have_theirs_beside_them() -> None:
    pesos = replace(HELD, unit="clp", spent=Decimal(1_000_000), amount=Decimal(4_000_000), lacks="82 calls")
    (row,) = table_budgets([pesos]).rows
    table = table_budgets([pesos])
    assert [row[name] for name in ("spent", "least", "of", "unit", "share")] == [
        1_000_000, "at least", 4_000_000, "", 250
    ]  # fmt: skip
    assert [one.note for one in table.columns if one.key in ("spent", "share")] == ["least", "least"]
    (row,) = table_budgets([replace(pesos, spent=Decimal(0))]).rows
    assert [row[name] for name in ("spent", "least", "share")] == [None, "", None]
    words = read_words(show_budgets([replace(LINE, unit="usd"), pesos]).render_html())
    assert "100.00 US$ 80.5 %" in words
    assert "1,000,000 at least 4,000,000 CLP 25.0 % at least" in words  # pesos have no cents
    table = thaw_table(freeze_table(table_budgets([replace(LINE, unit="usd"), pesos, HELD])))  # as a workbook has it
    (of,) = (one for one in table.columns if one.key == "of")
    assert [of.find_kind(row) for row in table.rows] == [Kind.USD, Kind.CLP, Kind.USD]
    assert "4,000,000 CLP" in " ".join(render_table(table, SEPTEMBER.span).split())


def test_what_may_be_over_stands_above_what_is_near_and_what_used_less_of_what_cannot_be_judged() -> None:
    lines = [replace(UNSURE, name="near", spent=Decimal(99), is_unknown=False), UNSURE,
             replace(UNSURE, name="unknown", outcome=Outcome.CANNOT_SAY, spent=Decimal(10))]  # fmt: skip
    words = read_words(show_budgets(lines).render_html())
    assert words.rindex(" 90.00 at least ") < words.rindex(" 10.00 at least ") < words.rindex(" 99.00 at least ")
    assert [row["outcome"] for row in table_budgets(lines).rows] == ["near", "near or over", "cannot say"]


def test_of_days_the_one_that_used_most_says_how_many_are_over() -> None:
    day = replace(OVER, period="day", span=replace(SEPTEMBER.span, last=SEPTEMBER.first), over=3, count=23)
    (row,) = table_budgets([day]).rows
    assert (row["when"], row["why"]) == ("1 Sep, 3 of 23 days over", "")
    assert heading_for_budgets([day]).note.endswith(" the one that used most stands for all.")


def test_bars_are_of_budgets_that_have_an_amount_and_end_at_twice_of_it() -> None:
    nothing, much = replace(OVER, amount=Decimal(0)), replace(OVER, spent=Decimal(5000))
    assert plot_budgets([nothing]) is None
    chart = plot_budgets([much, nothing])
    assert chart is not None
    axes = chart.figure.axes[0]
    assert (axes.get_xlim(), [bar.get_extents().width > 0 for bar in axes.patches]) == ((0, 200), [True])
    assert [text.get_text() for text in axes.texts] == ["5,000.0 % →"]  # it goes on beyond the chart
    assert "mail: 5,000.0 % of 100.00 flex credits, over, exceeded on 12 Sep" in chart.description
    assert "no share" in read_words(show_budgets([nothing]).render_html())
    assert show_budgets([]).render_html() == ""


def test_of_what_nothing_is_known_there_is_no_bar_and_of_a_lower_bound_the_percent_is_one() -> None:
    unknown = replace(HELD, name="none", outcome=Outcome.CANNOT_SAY, spent=Decimal(0), lacks="82 calls")
    pesos = replace(OVER, unit="clp", lacks="7 calls")
    with speak("es"):
        chart = plot_budgets([unknown, pesos])
        assert chart is not None
        axes = chart.figure.axes[0]
        labels = [text.get_text() for text in axes.get_yticklabels()]
    assert len(axes.patches) == 1
    assert [labels[0], labels[2]] == ["al menos 120,0 % de $100", "– de 100,00 créditos flex"]
    assert "mail: al menos 120,0 % de $100, superado" in chart.description
    assert [said for said, _colour in chart.legend] == ["superado"]


def test_what_is_expected_above_a_budget_is_seen_also_without_a_band() -> None:
    chart = plot_budgets([replace(LINE, spent=Decimal(76), expected=120.0, low=None, high=None)])
    assert chart is not None
    left, right = chart.figure.axes[0].get_xlim()
    assert left < 120 < right
    assert chart.render_html().count("<svg") == 2


def test_a_page_has_the_budgets_in_its_unit_of_the_month_that_is_running(tmp_path: Path) -> None:
    """10,000 hundredths a day, known up to 15 September; calls of US$ 2."""
    months = [Month(2025, 7), Month(2025, 8), SEPTEMBER]
    for month in months:
        is_last = month == SEPTEMBER
        days = range(1, 16 if is_last else month.days + 1)
        read_at = (
            datetime(2025, 9, 16, 6, tzinfo=timezone.utc) if is_last else datetime(2025, 10, 3, tzinfo=timezone.utc)
        )
        store_month(tmp_path, [(day, "ana", "gpt-4", 0, 10_000) for day in days], month=month, read_at=read_at)
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05T10:00:00", "2", usable_type="user", usable_id=42))
    (file := tmp_path / "b.yaml").write_text("""\
budgets:
  - {name: credits, whole: true, currency: flex_credits, amount: "2000"}
  - {name: Ana Soto, usable: [user, 42], currency: usd, amount: "1"}
  - {name: Eva Diaz, person: eva@example.com, currency: usd, amount: "1"}
""")
    (line,) = find_lines(tmp_path, "credits", file)
    assert (line.name, str(line.outcome), line.spent, line.expected) == (
        "credits",
        "will be over",
        Decimal(1500),
        3000.0,
    )
    money = find_lines(tmp_path, "usd", file)
    assert [(one.name, str(one.outcome)) for one in money] == [
        ("A person's budget, 1", "over"),
        ("A person's budget, 2", "cannot say"),
    ]
    assert "eva" not in read_words(show_budgets(money).render_html()).lower()
    assert [one.name for one in find_lines(tmp_path, "usd", file, names=True)] == ["Ana Soto", "Eva Diaz"]


def test_without_a_file_or_a_budget_in_its_unit_a_page_has_no_budgets(tmp_path: Path) -> None:
    store_month(tmp_path, [(1, "ana", "gpt-4", 0, 100)])
    (file := tmp_path / "b.yaml").write_text('budgets: [{name: b, whole: true, currency: usd, amount: "1"}]')
    assert find_lines(tmp_path, "credits", file) == []
    assert Answers(load_spend("2025-09", None, tmp_path, zone="UTC", names=False), "credits").budgets == []


def test_a_file_that_is_not_there_is_a_sentence_and_no_page_without_budgets(tmp_path: Path) -> None:
    store_month(tmp_path, [(1, "ana", "gpt-4", 0, 100)])
    with pytest.raises(BadFile, match=r"gone.yaml cannot be read \(no such file or directory\); name the YAML file"):
        find_lines(tmp_path, "credits", tmp_path / "gone.yaml")
