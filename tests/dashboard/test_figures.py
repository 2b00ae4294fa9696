"""The figures of a view are the front door's: sums, shares, changes, rows, each with the address that leads to it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_samples import FIXTURE, read_cells
from spend_samples import call, store

import flexlib as fl
from flexlib.dashboard.figures import MOST_LINES, Figures, name_value
from flexlib.dashboard.held import hold_spend
from flexlib.dashboard.page import render_chart, render_head, render_sums
from flexlib.dashboard.view import GROUPS, UNITS, View, parse_view
from flexlib.dates import Month
from flexlib.front.spend import Spend, load_spend
from flexlib.page.kit.table import render_table
from flexlib.store.ended import change_ended

SEPTEMBER, AUGUST = Month(2025, 9), Month(2025, 8)
VIEW = View((SEPTEMBER, SEPTEMBER))
HOW: Any = {"zone": "UTC", "names": False}


@pytest.fixture(scope="module")
def spend() -> Spend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", str(FIXTURE))
        return fl.load(SEPTEMBER)


@pytest.fixture(scope="module")
def august() -> Spend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", str(FIXTURE))
        return fl.load(AUGUST)


@pytest.mark.parametrize("by", ["model", "provider", "source", "user", "day", "weekday"])
@pytest.mark.parametrize("of", UNITS)
def test_the_lines_are_those_of_the_front_door_and_shares_are_the_whole(of: str, by: str, spend: Spend) -> None:
    lines = Figures(replace(VIEW, of=of, by=by), spend).lines
    expected = spend.by(by)[of].dropna()
    assert sorted(line[of] for line in lines if line[of] is not None) == sorted(expected)
    assert sum(line["share"] or 0 for line in lines) == 1000


def test_a_name_leads_to_its_rows_and_their_sum_is_its_line(spend: Spend) -> None:
    for line in Figures(VIEW, spend).lines:
        narrowed = Figures(parse_view(line["page"].removeprefix("?")), spend)
        assert narrowed.view.shows_rows
        (own,) = narrowed.lines
        assert own["usd"] == line["usd"]
        assert narrowed.table_rows()[1] > 0


def test_rows_are_the_newest_and_say_how_many_others_there_are(spend: Spend) -> None:
    table, count = Figures(VIEW, spend).table_rows()
    times = [row["created_at"][:10] for row in table.rows]
    assert (len(times), count) == (MOST_LINES, len(spend.calls) + len(spend.credits))
    assert times == sorted(times, reverse=True)
    assert f"and {count - MOST_LINES:,} more" in render_sums(Figures(replace(VIEW, shows_rows=True), spend))


def test_rows_of_calls_say_what_each_cost(spend: Spend) -> None:
    view = VIEW.narrow("source", "import").narrow("day", "2025-09-03")
    table, count = Figures(view, spend).table_rows()
    day = spend.calls.filter("created_at::DATE = '2025-09-03'").frame()
    assert count == len(day) == len(table.rows)
    known = [row["usd"] for row in table.rows if row["usd"] is not None]
    assert sum(known) == day["amount_in_usd"].dropna().sum()


def test_a_change_is_on_what_the_same_came_to_then_and_what_is_gone_is_a_line(spend: Spend, august: Spend) -> None:
    then = august
    figures = Figures(replace(VIEW, against=(AUGUST, AUGUST), of="flex_credits"), spend, then)
    before = then.by("model").set_index("model")["flex_credits"].dropna()
    found = {line["name"]: line["then"] for line in figures.lines if line["then"]}
    assert found == {name: amount for name, amount in before.items() if amount}
    total = (spend.total("flex_credits"), then.total("flex_credits"))
    assert total == (Decimal("9961.00"), Decimal("8754.00"))
    assert "+13.8" in render_head(figures)
    in_usd = Figures(replace(VIEW, against=(AUGUST, AUGUST)), spend, then)
    assert "350.16; August 2025 lacks imported files" in render_head(in_usd)
    assert "<dt>Change</dt><dd>–</dd>" in render_head(in_usd)
    assert {line["change"] for line in in_usd.lines} == {None}
    assert figures.table_sums().sum_column(figures.table_sums().columns[4]) == total[1]


def test_a_source_that_has_ended_is_nothing_and_one_that_is_not_stored_is_no_zero(tmp_path: Path) -> None:
    """The ledger 2 and then 3, imported files 5 and then nothing: of 3 against 7 there is a change once these ended."""
    for source, month, usd in (("ledger", AUGUST, "2"), ("import", AUGUST, "5"), ("ledger", SEPTEMBER, "3")):
        store(tmp_path, source, month, call(f"{source} {month}", f"{month}-05", usd))
    view = replace(VIEW, against=(AUGUST, AUGUST))
    now, then = (load_spend(one, None, tmp_path, **HOW) for one in (SEPTEMBER, AUGUST))
    assert Figures(view, now, then).obstacle == "September 2025 lacks imported files"
    assert now.before.obstacle == "September lacks imported files"
    change_ended("import", AUGUST, tmp_path, is_over=True)
    now, then = (load_spend(one, None, tmp_path, **HOW) for one in (SEPTEMBER, AUGUST))
    figures = Figures(view, now, then)
    assert (figures.obstacle, now.before.obstacle) == ("", "")
    assert "<dt>Change</dt><dd>−57.1\u00a0%</dd>" in render_head(figures)


def test_of_months_of_which_one_is_not_stored_no_change_is_stated(tmp_path: Path) -> None:
    june, july = Month(2025, 6), Month(2025, 7)
    for month, usd in ((june, "2"), (july, "5"), (SEPTEMBER, "90")):
        store(tmp_path, "ledger", month, call(str(month), f"{month}-05", usd))
    now, then = (load_spend(*one, tmp_path, **HOW) for one in ((AUGUST, SEPTEMBER), (june, july)))
    figures = Figures(View((AUGUST, SEPTEMBER), against=(june, july)), now, then)
    assert figures.obstacle == "August 2025 – September 2025 is not whole"
    assert "<dt>Change</dt><dd>–</dd>" in render_head(figures)


def test_a_long_table_ends_in_a_line_of_the_others_and_its_total_stays(spend: Spend) -> None:
    figures = Figures(replace(VIEW, by="user", of="flex_credits"), spend)
    short, whole = figures.table_sums(5), figures.table_sums(None)
    assert (len(short.rows), short.rows[-1]["name"]) == (6, f"and {len(whole.rows) - 5} more")
    assert short.sum_column(short.columns[2]) == whole.sum_column(whole.columns[2]) == Decimal("9961.00")


@pytest.mark.parametrize("value", ["' OR 1=1 --", "no such model", '"; DROP TABLE x', ""])
def test_a_value_out_of_an_address_is_a_value_and_nothing_else(value: str, spend: Spend) -> None:
    figures = Figures(VIEW.narrow("model", value), spend)
    assert (figures.lines, figures.table_rows()[1], figures.draw()) == ([], 0, None)
    assert "no amount is known" in render_chart(figures)


def test_what_names_hold_is_no_markup(spend: Spend) -> None:
    shown = render_head(Figures(VIEW.narrow("model", "<script>alert(1)</script>"), spend))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("by", GROUPS)
def test_every_group_can_be_shown(by: str, spend: Spend) -> None:
    figures = Figures(replace(VIEW, by=by), spend)
    assert figures.lines
    assert "flex-chart" in render_chart(figures)


def test_values_are_named_as_everywhere() -> None:
    pairs = [("provider", "openai"), ("source", "import"), ("month", "2025-09-01"), ("weekday", "1"), ("hour", "7"),
             ("weekday", "x"), ("model", None)]  # fmt: skip
    named = ["OpenAI", "imported files", "September 2025", "Monday", "7:00", "x", "not given"]
    assert [name_value(*pair) for pair in pairs] == named


def test_a_department_that_has_but_parts_of_calls_without_a_price_has_at_least_its_amount_and_no_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = {"usable_type": "user", "usable_id": 7}
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "1", **of), call("b", "2025-09-05", None, **of))
    (file := tmp_path / "people.csv").write_text("who,kind,department,share\n7,user,A,70\n7,user,B,30\n", "utf-8")
    shared = load_spend(SEPTEMBER, SEPTEMBER, tmp_path, zone="UTC", names=False, roster=file)
    html = render_table(Figures(replace(VIEW, by="department"), shared).table_sums())
    assert [cells[:3] + cells[-1:] for cells in read_cells(html, "table-sums")[:2]] == [
        ["A", "", "0.70 at least", "1"], ["B", "", "0.30 at least", "–"],
    ]  # fmt: skip


def test_a_department_that_the_months_sum_of_somebody_who_moved_may_be_of_has_at_least_its_amount_and_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {"grain": "month", "requests": 9, "usable_type": "user"}
    for span, day, first in ((AUGUST, "2025-08-01", "90"), (SEPTEMBER, "2025-09-01", "100")):
        rows = [
            call(f"{day} {who}", day, usd, usable_id=who, **whole)
            for who, usd in {1: first, 2: first, 3: first}.items()
        ]
        store(tmp_path, "import", span, *rows)
    (roster := tmp_path / "people.csv").write_text(
        "who,kind,department,from,until\n1,user,A,,2025-09-14\n1,user,B,2025-09-15,\n2,user,A,,\n3,user,C,,\n", "utf-8"
    )
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    view = replace(VIEW, against=(AUGUST, AUGUST), by="department")
    for read in (fl.load, lambda month: hold_spend(fl.load(month))):
        now, then = read(SEPTEMBER), read(AUGUST)
        lines = {line["department"]: line for line in Figures(view, now, then).lines}
        assert {name: (line["usd"], line["note"], line["change"]) for name, line in lines.items()} == {
            None: (100, "", None), "A": (100, "at least", None), "C": (100, "", 111),
        }  # fmt: skip
        heads = {name: render_head(Figures(view.narrow("department", name), now, then)) for name in ("A", "C")}
        assert {name: "at least" in head for name, head in heads.items()} == {"A": True, "C": False}


def test_where_rows_of_a_month_are_missing_its_lines_are_lower_bounds_as_its_total_is(tmp_path: Path) -> None:
    """August 7, and September 5 of which a row could not be taken: of whom, of which model or day nobody knows."""
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-05", "7"))
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05", "5", model="gpt-5"), quarantined_rows=1)
    both = load_spend(AUGUST, SEPTEMBER, tmp_path, **HOW)
    expected = {
        "model": [["gpt-4o", "7.00 at least"], ["gpt-5", "5.00 at least"]],
        "month": [["August 2025", "7.00"], ["September 2025", "5.00 at least"]],
        "day": [["2025-08-05", "7.00"], ["2025-09-05", "5.00 at least"]],
        "source": [["the ledger", "12.00 at least"]],
    }
    for by, lines in expected.items():
        cells = read_cells(render_table(Figures(replace(VIEW, by=by), both).table_sums()), "table-sums")
        assert [[one[0], one[2]] for one in cells] == [*lines, ["All together, at least", "12.00"]]
    whole = Figures(replace(VIEW, by="model"), load_spend(AUGUST, AUGUST, tmp_path, **HOW)).table_sums()
    assert [[one[0], one[2]] for one in read_cells(render_table(whole), "table-sums")] == [
        ["gpt-4o", "7.00"], ["All together", "7.00"],
    ]  # fmt: skip


def test_a_source_that_is_whole_is_no_lower_bound_beside_one_that_is_not_stored(tmp_path: Path) -> None:
    for source, month, usd in (("ledger", AUGUST, "2"), ("import", AUGUST, "5"), ("ledger", SEPTEMBER, "3")):
        store(tmp_path, source, month, call(f"{source} {month}", f"{month}-05", usd))
    both = load_spend(AUGUST, SEPTEMBER, tmp_path, **HOW)
    cells = read_cells(render_table(Figures(replace(VIEW, by="source"), both).table_sums()), "table-sums")
    assert sorted([one[0], one[2]] for one in cells) == [
        ["All together, at least", "10.00"], ["imported files", "5.00 at least"], ["the ledger", "5.00"],
    ]  # fmt: skip


def test_of_what_was_used_in_the_compared_months_alone_no_call_lacks_a_price(tmp_path: Path) -> None:
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-05", "7", model="gone"))
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05", "5"), call("c", "2025-09-05", None, model="mine"))
    now, then = (load_spend(one, None, tmp_path, **HOW) for one in (SEPTEMBER, AUGUST))
    table = Figures(replace(VIEW, against=(AUGUST, AUGUST)), now, then).table_sums()
    cells = read_cells(render_table(table), "table-sums")
    assert {one[0]: one[-1] for one in cells} == {
        "gpt-4o": "0", "mine": "1", "gone": "0", "All together, at least": "1",
    }  # fmt: skip
    assert "unpriced_requests" not in table.explain_dashes()
