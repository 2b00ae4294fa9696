"""The months of a year side by side: a month that is not stored is a gap and no zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Annotation
from report_samples import read_cells
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.certificate import State
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.front.spend import Spend
from flexlib.front.spend import load_spend as open_spend
from flexlib.front.year import list_models, list_places, measure_months
from flexlib.page.kit.amounts import Cell, plot_amounts
from flexlib.page.kit.chart import Chart
from flexlib.page.kit.table import render_table
from flexlib.page.kit.theme import LIGHT
from flexlib.page.year import (
    heading_for_months,
    heading_for_year_models,
    show_year_headlines,
    show_year_title,
)
from flexlib.site.facts import Facts
from flexlib.site.tables import table_months as table_months_of_site
from flexlib.store.ended import change_ended
from flexlib.tables.year import table_models, table_months, table_places

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"


def load_spend(first: Month, last: Month, root: Path) -> Spend:
    return open_spend(first, last, root, zone="UTC", names=False)


@pytest.fixture
def year(tmp_path: Path) -> Spend:
    """August US$ 3 of gpt-4o; of September nothing is stored; October US$ 1 of gpt-4o, 4 of gpt-5, one unpriced."""
    user = {"usable_type": "user", "usable_id": 7}
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-05", "3", **user))
    store(
        tmp_path, "ledger", OCTOBER,
        call("b", "2025-10-05", "1", **user),
        call("c", "2025-10-06", "4", model="gpt-5", usable_type="user", usable_id=8),
        *(call(f"d{number}", "2025-10-07", "0", **user) for number in range(20)),
        call("e", "2025-10-08", None, model="mine", **user),
    )  # fmt: skip
    return load_spend(AUGUST, OCTOBER, tmp_path)


def test_a_month_has_its_spend_its_users_and_the_price_of_a_million_tokens(year: Spend) -> None:
    august, september, october = measure_months(year)
    assert (august["usd"], august["users"], august["requests"], august["total_tokens"]) == (Decimal(3), 1, 1, 100)
    assert august["usd_per_million"] == Decimal(30_000)  # US$ 3 for 100 tokens
    assert (october["usd"], october["lacks"], october["users"], october["requests"]) == (
        Decimal(5),
        {"usd", "clp"},
        2,
        23,
    )
    assert october["people"] is None  # nobody has credits: not known, and no zero
    assert september == {"month": date(2025, 9, 1)} | dict.fromkeys(september.keys() - {"month"})


def test_a_model_has_zero_in_a_stored_month_and_nothing_in_one_that_is_not(year: Spend) -> None:
    first, second, third = list_models(year, "usd")
    whole: dict[str, Any] = {"2025-09": None, "missing": {"2025-09"}, "lacking": {"2025-09"}, "running": set()}
    assert first == {"model": "gpt-4o", "2025-08": 3, "2025-10": 1, "total": 4, **whole}
    assert second == {"model": "gpt-5", "2025-08": 0, "2025-10": 4, "total": 4, **whole}
    lacks: dict[str, Any] = {name: {"2025-09", "2025-10"} for name in ("missing", "lacking")} | {"running": set()}
    unknown = {"2025-09": None, "2025-10": None, "total": None, **lacks}
    assert third == {"model": "mine", "2025-08": 0, **unknown}
    assert [row["model"] for row in list_models(year, "flex_credits")] == []


def test_the_tables_have_a_line_for_every_month_and_a_dash_for_what_is_not_known(year: Spend) -> None:
    months = table_months(measure_months(year))
    assert [row["said"] for row in months.rows] == ["complete", "not stored", "complete"]
    assert [row["note_usd"] for row in months.rows] == ["", "", "at least"]
    html = render_table(table_models(list_models(year, "usd"), year.span))
    assert ">–<" in html
    assert ">Sep<" in html


def test_a_model_of_which_no_amount_is_known_has_a_line_and_the_sums_beside_it_are_at_least(tmp_path: Path) -> None:
    rows = call("a", "2025-08-05", "3"), call("b", "2025-08-06", None), call("c", "2025-08-06", None, model="mystery")
    store(tmp_path, "ledger", AUGUST, *rows)
    table = table_models(list_models(load_spend(AUGUST, AUGUST, tmp_path), "usd"), AUGUST.span)
    assert [(row["model"], row["total"], row.get("note_total")) for row in table.rows] == [
        ("gpt-4o", 3, "at least"), ("mystery", None, None)]  # fmt: skip
    assert "All models, at least" in render_table(table)


def test_models_past_the_twelfth_are_one_line_with_their_sums() -> None:
    span = load_spend(Month(2025, 8), Month(2025, 9), FIXTURE).span
    models = [{"model": f"m{n}", "2025-08": Decimal(n), "2025-09": None, "total": Decimal(n)} for n in range(20, 0, -1)]
    table = table_models(models, span)
    assert len(table.rows) == 13
    assert table.rows[-1] == {"model": "Other", "2025-08": 36, "2025-09": None, "total": 36}  # 8 + 7 + ... + 1


def test_the_page_says_what_came_to_most_what_took_over_and_what_is_not_stored(year: Spend) -> None:
    months, models = measure_months(year), list_models(year, "usd")
    assert heading_for_year_models(models).heading == "Of what is known, gpt-4o came to most in Aug, gpt-5 in Oct"
    priced = [row for row in models if row["model"] != "mine"]
    assert heading_for_year_models(priced).heading == "In Aug gpt-4o came to most, in Oct gpt-5"
    assert heading_for_months(months).heading == "October 2025: at least +66.7\u00a0% against August 2025"
    fallen = [one | {"usd": one["usd"] and Decimal(1000) - one["usd"]} for one in months]  # a bound may be more
    assert heading_for_months(fallen).heading == "The months side by side"
    assert "2 of 3 months stored" in (title := show_year_title("Spend", year).render_html())
    assert "Nothing of 2025-09 is stored." in title
    headlines = show_year_headlines(months).render_html()
    assert "at least" in headlines
    assert "US$ 8.00" in headlines
    assert year.state is State.GAP


def test_a_month_that_is_not_whole_is_a_lower_bound_in_every_unit(tmp_path: Path) -> None:
    store(
        tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "3"), call("b", "2025-09-05", None, model="x"), lacking=1
    )
    months = measure_months(load_spend(SEPTEMBER, SEPTEMBER, tmp_path))
    assert (months[0]["state"], months[0]["lacks"]) == (State.GAP, {"usd", "clp", "flex_credits"})
    assert table_months(months).rows[0]["note_usd"] == "at least"
    assert "<b>at least</b>" in show_year_headlines(months).render_html()
    assert "<b>at least</b>" in show_year_headlines([months[0] | {"clp": Decimal(9)}], "clp").render_html()


def test_a_year_states_no_change_between_months_of_other_sources(tmp_path: Path) -> None:
    """Of October against August: files that August lacks are no rise; against September, which has them, it is one."""
    for month, usd in ((AUGUST, "1"), (SEPTEMBER, "2"), (OCTOBER, "3")):
        store(tmp_path, "ledger", month, call(f"{month}", f"{month}-05", usd))
    store(tmp_path, "import", OCTOBER, call("i", "2025-10-05T10:00", "3"))
    plain = "The months side by side"
    assert heading_for_months(measure_months(load_spend(AUGUST, OCTOBER, tmp_path))).heading == plain
    store(tmp_path, "import", SEPTEMBER, call("j", "2025-09-05T10:00", "2"))
    found = heading_for_months(measure_months(load_spend(AUGUST, OCTOBER, tmp_path)))
    assert found.heading == "October 2025: +50.0\u00a0% against September 2025"


def test_no_change_is_stated_on_a_lower_bound_or_on_nothing_and_no_lower_bound_is_the_least(year: Spend) -> None:
    august, _, october = measure_months(year)
    plain = "The months side by side"
    assert heading_for_months([august | {"lacks": {"usd"}}, october]).heading == plain
    assert heading_for_months([august | {"usd": Decimal(0)}, october]).heading == plain
    assert heading_for_months([august, october | {"usd": Decimal(3), "lacks": set()}]).heading.startswith(
        "October 2025: ±"
    )
    assert "the least in" not in show_year_headlines([august, october | {"usd": Decimal(1)}]).render_html()
    part = show_year_headlines([august, october]).render_html()
    assert "the least in August 2025, US$ 3.00; of what is known" in part.replace("\u00a0", " ")
    assert "of what is known" not in show_year_headlines([august, august | {"usd": Decimal(4)}]).render_html()


def test_a_year_of_which_no_amount_is_known_says_so(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", None, model="mine"))
    year = load_spend(SEPTEMBER, SEPTEMBER, tmp_path)
    assert heading_for_year_models(list_models(year, "usd")).heading == "No amount is known"
    assert heading_for_months(measure_months(year)).heading == "The months side by side"
    assert "no amount is known" in show_year_headlines(measure_months(year)).render_html()


def test_a_year_of_one_month_has_eleven_gaps_and_no_zero(tmp_path: Path) -> None:
    store(
        tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "3"), read_at=datetime(2026, 1, 1, tzinfo=timezone.utc)
    )
    year = load_spend(Month(2025, 1), Month(2025, 12), tmp_path)
    months, (model,) = measure_months(year), list_models(year, "usd")
    gaps = [month for month in year.span.months if month != SEPTEMBER]
    assert [model[str(month)] for month in gaps] == [None] * 11
    assert [row["usd"] for row in months] == [None] * 8 + [3] + [None] * 3
    assert [row["said"] for row in table_months(months).rows].count("not stored") == 11
    assert render_table(table_months(months)).count(">0<") == 0
    assert "in 1 month" in show_year_headlines(months).render_html()


@pytest.mark.parametrize(
    ("read_at", "state", "said"),
    [
        # On the day that it is read November runs and December is to come.
        ("2025-11-30", State.PROVISIONAL, ["complete", "not over yet", "to come"]),
        # A month is over with its last day.
        ("2025-12-01", State.GAP, ["complete", "not stored", "not over yet"]),
        ("2026-01-01", State.GAP, ["complete", "not stored", "not stored"]),
    ],
)
def test_a_month_that_was_not_over_when_the_newest_data_was_read_is_no_gap(
    tmp_path: Path, read_at: str, state: State, said: list[str]
) -> None:
    moment = datetime.fromisoformat(f"{read_at}T10:00+00:00")
    store(tmp_path, "ledger", OCTOBER, call("a", "2025-10-05", "3"), read_at=moment)
    year = load_spend(OCTOBER, Month(2025, 12), tmp_path)
    assert year.state is state
    assert [row["said"] for row in table_months(measure_months(year)).rows] == said


def test_the_page_of_a_running_year_names_the_months_to_come_and_what_it_lacks_of_months_before(tmp_path: Path) -> None:
    moment = datetime(2025, 11, 29, tzinfo=timezone.utc)
    store(tmp_path, "ledger", OCTOBER, call("a", "2025-10-05", "3", amount_in_clp=Decimal(9)), read_at=moment)
    year = load_spend(OCTOBER, Month(2025, 12), tmp_path)
    assert year.missing == (
        "2025-11 was not over when data was last read, on 2025-11-29; nothing of it is stored.",
        "To come when data was last read, on 2025-11-29: 2025-12.",
    )
    assert "Provisional: the total is not final." in show_year_title("Spend", year).render_html()
    assert load_spend(SEPTEMBER, Month(2025, 12), tmp_path).missing == ("Nothing of 2025-09 is stored.", *year.missing)
    assert load_spend(SEPTEMBER, Month(2025, 12), tmp_path).state is State.GAP
    # What is stored of a later month shows that those before it had begun.
    store(tmp_path, "ledger", Month(2026, 1), call("a", "2026-01-05", "3", amount_in_clp=Decimal(9)))
    assert load_spend(OCTOBER, Month(2025, 12), tmp_path).missing == ("Nothing of 2025-11 to 2025-12 is stored.",)


def test_months_after_every_source_has_ended_are_no_gap_and_the_year_says_so(tmp_path: Path) -> None:
    moment = datetime(2026, 2, 1, tzinfo=timezone.utc)
    store(tmp_path, "ledger", OCTOBER, call("a", "2025-10-05", "3", amount_in_clp=Decimal(9)), read_at=moment)
    change_ended("ledger", OCTOBER, tmp_path, is_over=True)
    year = load_spend(OCTOBER, Month(2025, 12), tmp_path)
    assert (year.state, year.missing) == (State.COMPLETE, ())
    months = measure_months(year)
    assert [row["said"] for row in table_months(months).rows] == ["complete", "not in use", "not in use"]
    assert "at least" not in show_year_headlines(months).render_html()


def test_a_year_of_nothing_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing, match="Nothing of 2025-01-01 to 2025-12-31 is stored in .* Run: flexlib fetch"):
        load_spend(Month(2025, 1), Month(2025, 12), tmp_path)


def test_credits_have_their_price_and_their_spenders() -> None:
    august, september = measure_months(load_spend(Month(2025, 8), Month(2025, 9), FIXTURE))
    assert (august["flex_credits"], august["people"], august["usd_per_credit"]) == (8754, 18, Decimal("0.04"))
    assert (september["flex_credits"], september["usd"]) == (9961, Decimal("401.57132695"))


def plot_models(first: str, last: str, *amounts: tuple[str, str, int]) -> Chart:
    cells = [Cell(Month.parse(month).first, model, amount) for month, model, amount in amounts]
    span = Span(Month.parse(first).first, Month.parse(last).last)
    return plot_amounts(cells, "requests", span, title="Models by month", name="mine", by_month=True, by_model=True)


def test_the_last_column_says_what_its_parts_are_and_a_phone_has_the_legend() -> None:
    """Three models in December, the smallest in the middle: each beside its part, a line apart at least."""
    months = [(f"2025-{month:02}", "gpt-4o", 10) for month in range(1, 13)]
    chart = plot_models("2025-01", "2025-12", *months, ("2025-12", "o3", 1), ("2025-12", "gpt-5", 2))
    assert chart.is_labelled
    assert '<ul class="flex-legend phone">' in chart.render_html()
    (axes,) = chart.figure.axes
    texts = {text.get_text(): text.xy[1] for text in axes.texts if isinstance(text, Annotation)}
    low, middle, high = texts["gpt-4o"], texts["gpt-5"], texts["o3"]
    line = (axes.get_ylim()[1] - axes.get_ylim()[0]) * 15 / 260
    assert [low, middle] == pytest.approx([5, 11])  # the middles of 0 to 10 and of 10 to 12
    assert high - middle >= line * 0.999
    assert [text for text in chart.narrow_figure.axes[0].texts if text.get_text()] == []
    assert [label.get_text() for label in chart.narrow_figure.axes[0].get_xticklabels()][:2] == ["Jan", "Mar"]


def test_words_stand_beside_the_last_month_that_is_stored_in_its_colours_and_below_the_upper_edge() -> None:
    """Of a year of which August and September are stored, with five models too small to be seen in their columns."""
    models = {"gpt-4o": 10_000} | {f"small-{number}": 6 - number for number in range(1, 6)}
    chart = plot_models("2025-01", "2025-12", *((f"2025-0{month}", *one) for month in (8, 9) for one in models.items()))
    (axes,) = chart.figure.axes
    words = [text for text in axes.texts if isinstance(text, Annotation)]
    assert [text.get_text() for text in words] == [*models]
    assert {text.xy[0] for text in words} == {8.6}  # September's column ends at 8.35
    heights = [text.xy[1] for text in words]
    line = axes.get_ylim()[1] * 15 / 260
    assert heights[-1] <= axes.get_ylim()[1]
    assert min(above - below for below, above in pairwise(heights)) >= line * 0.999
    keys = {line.get_color() for line in axes.lines if line.get_linewidth() == 8}
    assert keys == {LIGHT[colour] for _, colour in chart.legend}
    # The months after it are room for the words: the plot is as wide as one without them.
    assert round(axes.get_position().x1 * 1040) == 1030
    (of_all,) = plot_models("2025-01", "2025-12", ("2025-12", "gpt-4o", 2), ("2025-12", "small", 1)).figure.axes
    assert round(of_all.get_position().x1 * 1040) == 1030 - (14 + 8 + 8 * len("gpt-4o"))


def test_columns_of_which_a_model_is_gone_at_the_end_keep_their_legend() -> None:
    months = [(f"2025-{month:02}", "gpt-4o", 10) for month in range(1, 13)]
    chart = plot_models("2025-01", "2025-12", *months, ("2025-03", "o3", 1))
    assert not chart.is_labelled
    assert '<ul class="flex-legend">' in chart.render_html()


def test_departments_stand_month_by_month_where_something_says_who_belongs_where(tmp_path: Path) -> None:
    for month, day, usd in ((AUGUST, "2025-08-02", "1"), (SEPTEMBER, "2025-09-20", "2")):
        calls = [call(f"{month}-{user}", day, usd, usable_type="user", usable_id=user) for user in (7, 8)]
        store(tmp_path, "ledger", month, *calls)
    months = load_spend(AUGUST, OCTOBER, tmp_path)
    assert list_places(months, "usd") == []
    roster = tmp_path / "people.csv"
    roster.write_text("who,kind,department,until,from\n7,user,Data,2025-09-14,\n7,user,Sales,,2025-09-15\n")
    placed = replace(months, roster=roster)
    rows = list_places(placed, "usd")
    assert [(row["department"], row["2025-08"], row["2025-09"], row["2025-10"], row["total"]) for row in rows] == [
        ("in no department", 1, 2, None, 3), ("Sales", 0, 2, None, 2), ("Data", 1, 0, None, 1)]  # fmt: skip
    assert sum(row["total"] for row in rows) == sum(row["total"] for row in list_models(placed, "usd"))
    html = render_table(table_places(rows, placed.span))
    assert ">Sales<" in html
    assert "All departments" in html
    with pytest.raises(InvalidRequest, match="'floor' is nothing to belong to; choose department, team"):
        list_places(placed, "usd", "floor")


def test_a_model_whose_months_cancel_out_stands_with_both(tmp_path: Path) -> None:
    """Else the line of all models would not be the months' totals."""
    for month, day, usd in ((AUGUST, "2025-08-02", "5"), (SEPTEMBER, "2025-09-20", "-5")):
        rows = call(f"{month}", day, "10"), call(f"{month}-back", day, usd, model="returned")
        store(tmp_path, "ledger", month, *rows)
    models = list_models(load_spend(AUGUST, SEPTEMBER, tmp_path), "usd")
    assert [(row["model"], row["2025-08"], row["2025-09"], row["total"]) for row in models] == [
        ("gpt-4o", 10, 10, 20), ("returned", 5, -5, 0)]  # fmt: skip


def test_a_price_of_a_credit_that_moves_by_a_tenth_of_a_cent_is_seen(year: Spend) -> None:
    prices = (Decimal("0.04"), None, Decimal("1.1") / 30)
    months = [row | {"usd_per_credit": one} for row, one in zip(measure_months(year), prices, strict=True)]
    written = render_table(table_months(months))
    assert ">0.0400<" in written
    assert ">0.0367<" in written


def test_departments_that_the_months_sum_of_somebody_who_moved_may_be_of_have_at_least_their_amount(
    tmp_path: Path,
) -> None:
    for month in (AUGUST, SEPTEMBER):
        whole = {"grain": "month", "requests": 9, "usable_type": "user"}
        store(tmp_path, "import", month, call(f"{month}-7", f"{month}-01", "100", usable_id=7, **whole),
              call(f"{month}-8", f"{month}-01", "5", usable_id=8, **whole))  # fmt: skip
    (roster := tmp_path / "people.csv").write_text(
        "who,kind,department,until,from\n7,user,Data,2025-09-14,\n7,user,Sales,,2025-09-15\n8,user,Data,,\n"
    )
    placed = replace(load_spend(AUGUST, SEPTEMBER, tmp_path), roster=roster)
    rows = list_places(placed, "usd")
    assert [(row["department"], row["2025-09"], row["lacking"]) for row in rows] == [
        ("Data", 5, {"2025-09"}), ("in no department", 100, set())]  # fmt: skip
    assert list_places(placed, "flex_credits") == []
    html = render_table(table_places(rows, placed.span))
    assert [html.count(f"{amount} <small>at least</small>") for amount in (5, 110)] == [1, 1]
    assert html.count("at least") == 2
    assert ">All departments<" in html  # the sum that may be partly theirs is in the line of none


@pytest.fixture
def gap(tmp_path: Path) -> Spend:
    """August US$ 60 of gpt-4.1 and 7 of gpt-4o; September 40 of gpt-4.1, 50 of gpt-4o-mini, and a row that could not be
    taken."""
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05", "60", model="gpt-4.1"), call("b", "2025-08-05", "7"))
    rows = call("c", "2025-09-05", "40", model="gpt-4.1"), call("d", "2025-09-05", "50", model="gpt-4o-mini")
    store(tmp_path, "import", SEPTEMBER, *rows, quarantined_rows=1)
    return load_spend(AUGUST, SEPTEMBER, tmp_path)


def test_a_month_whose_rows_are_not_all_there_is_a_lower_bound_of_every_model_and_what_has_none_of_it_is_not_known(
    gap: Spend,
) -> None:
    models = list_models(gap, "usd")
    assert [(row["model"], row["2025-08"], row["2025-09"], row["total"], row["lacking"]) for row in models] == [
        ("gpt-4.1", 60, 40, 100, {"2025-09"}), ("gpt-4o-mini", 0, 50, 50, {"2025-09"}),
        ("gpt-4o", 7, None, 7, {"2025-09"})]  # fmt: skip
    html = render_table(table_models(models, gap.span))
    assert "All models, at least" in html
    assert [html.count(f">{amount} <small>at least</small>") for amount in (40, 100, 60, 0)] == [1, 1, 0, 0]
    said = "Of what is known, gpt-4.1 came to most in Aug, gpt-4o-mini in Sep"
    assert heading_for_year_models(models).heading == said


def test_credits_of_a_month_of_which_somebody_could_not_be_read_are_a_lower_bound_of_every_model(
    tmp_path: Path,
) -> None:
    store_credits(tmp_path, (5, "a", "MODEL_X", 0, 10_000))
    store(tmp_path, "import", SEPTEMBER, call("c", "2025-09-05", "40"), quarantined_rows=1)
    (row,) = list_models(load_spend(SEPTEMBER, SEPTEMBER, tmp_path), "flex_credits")
    assert (row["total"], row["lacking"]) == (100, set())  # a row of a file has no credits
    store_credits(tmp_path, (5, "a", "MODEL_X", 0, 10_000), users_failed=1)
    (row,) = list_models(load_spend(SEPTEMBER, SEPTEMBER, tmp_path), "flex_credits")
    assert (row["total"], row["lacking"]) == (100, {"2025-09"})


def test_what_came_to_most_in_a_month_that_runs_did_so_of_what_is_known(tmp_path: Path) -> None:
    for month, model, day in ((AUGUST, "a", "2025-08-05"), (SEPTEMBER, "b", "2025-09-05")):
        read_at = datetime(2025, 9, 10, tzinfo=timezone.utc)
        store(tmp_path, "import", month, call(day, day, "5", model=model), read_at=read_at)
    models = list_models(load_spend(AUGUST, SEPTEMBER, tmp_path), "usd")
    assert heading_for_year_models(models).heading == "Of what is known, a came to most in Aug, b in Sep"
    assert [row["lacking"] for row in models] == [set(), set()]


def test_the_sum_of_lines_that_lack_something_is_at_least_so_much_of_departments_too(tmp_path: Path) -> None:
    of = {number: {"usable_type": "user", "usable_id": number} for number in (7, 8)}
    rows = call("a", "2025-08-05", "100", **of[7]), call("b", "2025-08-05", "100", **of[8])
    store(tmp_path, "ledger", AUGUST, *rows, call("c", "2025-08-06", None, **of[7]))
    (roster := tmp_path / "people.csv").write_text("who,kind,department\n7,user,Data\n8,user,Legal\n")
    placed = replace(load_spend(AUGUST, AUGUST, tmp_path), roster=roster)
    table = table_places(list_places(placed, "usd"), AUGUST.span)
    assert [(row["department"], row["total"], row.get("note_total")) for row in table.rows] == [
        ("Data", 100, "at least"), ("Legal", 100, None)]  # fmt: skip
    assert "All departments, at least" in render_table(table)


@pytest.mark.parametrize(
    ("last", "said"),
    [("b", "In Aug 2024 a came to most, in Sep 2025 b"), ("a", "a came to most in Aug 2024 and in Sep 2025")],
)
def test_months_of_several_years_are_named_with_their_year(tmp_path: Path, last: str, said: str) -> None:
    for month, model, day in ((Month(2024, 8), "a", "2024-08-05"), (SEPTEMBER, last, "2025-09-05")):
        store(tmp_path, "import", month, call(day, day, "5", model=model))
    spend = load_spend(Month(2024, 8), SEPTEMBER, tmp_path)
    models = list_models(spend, "usd")
    assert heading_for_year_models(models).heading == said
    headings = [column.heading for column in table_models(models, spend.span).columns]
    assert (headings[1], *headings[-2:]) == ("Aug 2024", "Sep 2025", "All months")
    assert "in Sep 2025; US$ 50,000.00 in Aug 2024" in show_year_headlines(measure_months(spend)).render_html()


def test_a_department_called_as_flexlib_calls_those_in_none_is_a_row_of_its_own(tmp_path: Path) -> None:
    def of_user(number: int) -> dict[str, Any]:
        return {"usable_type": "user", "usable_id": number}

    told = '{"department": "in no department"}'
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-02", "5", metadata=told, **of_user(1)),
          call("b", "2025-08-02", "7", **of_user(2)))  # fmt: skip
    months = load_spend(AUGUST, AUGUST, tmp_path)
    rows = list_places(months, "usd")
    assert [(row["department"], row["total"]) for row in rows] == [("in no department *", 7), ("in no department", 5)]
    assert [(row["department"], row["total"]) for row in Facts(months).departments] == [
        ("in no department *", 7), ("in no department", 5)]  # fmt: skip
    assert [row["department"] for row in list_places(months, "usd", share=True)] == ["Small groups"]


def test_where_a_month_is_not_stored_the_sums_of_all_months_are_lower_bounds(tmp_path: Path) -> None:
    july = Month(2025, 7)
    store(tmp_path, "ledger", july, call("a", "2025-07-05", "11", model="a"))
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05", "10", model="b"))
    spend = load_spend(july, SEPTEMBER, tmp_path)
    models = list_models(spend, "usd")
    assert [row["lacking"] for row in models] == [{"2025-08"}, {"2025-08"}]
    table = table_models(models, spend.span)
    assert table.columns[0].total == "All models, at least"
    assert [row["note_total"] for row in table.rows] == ["at least", "at least"]
    assert "Spent <b>at least</b>" in show_year_headlines(measure_months(spend)).render_html()
    change_ended("ledger", july, tmp_path, is_over=True)
    models = list_models(load_spend(july, SEPTEMBER, tmp_path), "usd")
    assert [row["lacking"] for row in models] == [set(), set()]


def test_a_month_that_is_not_stored_lacks_no_credits_where_they_were_not_in_use(tmp_path: Path) -> None:
    store(tmp_path, "ledger", Month(2025, 7), call("a", "2025-07-05", "11"))
    store_credits(tmp_path, (5, "a", "MODEL_X", 0, 10_000))
    (row,) = list_models(load_spend(Month(2025, 7), SEPTEMBER, tmp_path), "flex_credits")
    assert (row["total"], row["lacking"]) == (100, set())


@pytest.mark.parametrize(
    ("pesos", "told"),
    [
        ((None, None), ["All that is stored", "21.00", "–"]),  # no rate at all: of pesos there is no sum
        ((9900, None), ["All that is stored, CLP at least", "21.00", "9,900"]),
        ((9900, 9000), ["All that is stored", "21.00", "18,900"]),
    ],
)
def test_where_only_pesos_are_missing_the_dollars_of_all_months_are_exact(
    tmp_path: Path, pesos: tuple[int | None, ...], told: list[str]
) -> None:
    for month, usd, clp in zip((AUGUST, SEPTEMBER), ("11", "10"), pesos, strict=True):
        amount = {"amount_in_clp": clp and Decimal(clp)}
        store(tmp_path, "ledger", month, call(str(month), f"{month}-05", usd, **amount))
    spend = load_spend(AUGUST, SEPTEMBER, tmp_path)
    assert read_cells(render_table(table_months(measure_months(spend))), "table-months")[-1][:3] == told
    last = read_cells(render_table(table_months_of_site(Facts(spend), {})), "table-months")[-1]
    assert [last[0], *last[2:4]] == [told[0].replace("All that is stored", "All months"), *told[1:]]
