"""What a page answers first is what was found, in words; nothing where there is nothing to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from report_samples import FIXTURE, read_cells, read_words, store_month
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.analysis.compare import Use, take_apart
from flexlib.analysis.forecast import Forecast, Outcome
from flexlib.analysis.savings import suggest_failures
from flexlib.cli.compare import render_comparison
from flexlib.dates import Month
from flexlib.front.anomalies import find_month_anomalies
from flexlib.front.answers import Answers
from flexlib.front.compare import compare_loaded, compare_spans
from flexlib.front.events import Event
from flexlib.front.forecast import forecast_loaded
from flexlib.front.spend import load_spend
from flexlib.page import answers
from flexlib.page.compare import heading_for_movers, heading_for_parts, plot_parts, show_compare_headlines
from flexlib.page.forecast import heading_for_backtest, heading_for_forecast, plot_forecast, show_forecast_headlines
from flexlib.page.kit.table import render_table
from flexlib.tables.compare import table_parts, table_people

CHANGE = take_apart(
    {"ana": {"opus": Use(Decimal(100), 10)}, "ben": {"opus": Use(Decimal(30), 3)}},
    {"ana": {"opus": Use(Decimal(180), 12)}, "eva": {"gpt-4": Use(Decimal(5), 1)}},
)
"""130 to 185: ana +80 (volume +25, price +55), eva new +5, ben gone -30."""


def find_answers(root: Path, of: str = "credits", country: str = "") -> Answers:
    return Answers(load_spend("2025-09", None, root, zone="UTC", names=False), of, country)


def test_why_it_changed_is_a_line_whose_parts_sum_to_the_difference() -> None:
    said = "1 new spender +5.00; 1 who stopped −30.00; the same 1 spender +80.00 (how much they used +25.00, "
    shown = answers.show_why(CHANGE, "flex_credits", AUGUST)
    assert read_words(shown.text) == f"+55.00 vs August: {said}what a request or token of each cost +55.00)."
    said = read_words(answers.show_why(CHANGE, "usd", AUGUST, is_least=True).text)
    assert said.startswith("At least +US$ 55.00 vs August: ")
    assert "; 1 who stopped or are missing −30.00; " in said  # whose rows could not be read has not stopped
    assert answers.show_why(None, "usd", AUGUST).text == ""
    thirds = take_apart({"ben": {"opus": Use(Decimal("0.004"), 1)}}, {"eva": {"opus": Use(Decimal("9.009"), 1)}})
    words = read_words(answers.show_why(thirds, "usd", AUGUST).text)  # 9.005 and its parts 9.009 and -0.004, in cents
    assert words == "+US$ 9.01 vs August: 1 new spender +9.01; 1 who stopped 0.00; the same 0 spenders 0.00."


def test_a_refund_of_who_did_not_stay_is_none_of_what_the_same_spenders_did(tmp_path: Path) -> None:
    """Ana spends 10 in both months; Eva nothing in either, and gets 30 back."""
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05", "10", usable_type="key", usable_key="ana"))
    rows = [call("b", "2025-09-05", "10", usable_type="key", usable_key="ana"),
            call("c", "2025-09-06", "-30", usable_type="key", usable_key="eva")]  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, *rows)
    made = compare_loaded(AUGUST.span, load_spend("2025-09", None, tmp_path, zone="UTC", names=False), "usd")
    said = read_words(answers.show_why(made.change, "usd", AUGUST).text)
    assert said.endswith("the same 1 spender 0.00; refunds and credit notes −30.00.")
    words = read_words(show_compare_headlines(made).text)
    assert words.endswith("The same spenders 1 0.00 Refunds −30.00 but for those of new and gone spenders")


def test_what_is_not_measured_is_none_of_what_the_same_spenders_did(tmp_path: Path) -> None:
    """Of Ana it is known what each request cost: 10, then 12. Eva's calls are two in August, of which one has no price:
    what she moved, 5 to 9, is nobody's volume, mix or price."""
    ana, eva = ({"usable_type": "key", "usable_key": name} for name in ("ana", "eva"))
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05", "10", **ana), call("b", "2025-08-05", "5", **eva),
          call("c", "2025-08-06", None, **eva))  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, call("d", "2025-09-05", "12", **ana), call("e", "2025-09-05", "9", **eva))
    made = compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path, of="usd")
    assert read_words(answers.show_change(made).text) == (
        "+US$ 6.00 vs August: 0 new spenders 0.00; 0 who stopped 0.00; the same 2 spenders +2.00 "
        "(what a request or token of each cost +2.00); what is not all counted or priced +4.00."
    )
    words = read_words(show_compare_headlines(made).text)
    assert words.endswith("The same spenders 2 +2.00 Not all counted +4.00 not taken apart")
    assert "  what is not all counted or priced (unmeasured)             +4.00\n" in render_comparison(made, 5)


def test_of_the_made_up_months_in_pesos_nearly_all_that_the_same_spenders_moved_is_not_measured() -> None:
    words = read_words(show_compare_headlines(compare_spans(AUGUST.span, SEPTEMBER.span, FIXTURE, of="clp")).text)
    assert words.endswith("The same spenders 11 +15,615 Not all counted +179,153 not taken apart")


def test_where_a_month_will_end_is_said_while_it_runs_alone(tmp_path: Path) -> None:
    """100 flex credits a day (of 10,000 hundredths), read on 16 September: 15 days are known."""
    for month, last in ((Month(2025, 7), 31), (AUGUST, 31)):
        store_month(tmp_path, [(day, "ana", "gpt-4", 0, 10_000) for day in range(1, last + 1)], month=month)
    days = [(day, "ana", "gpt-4", 0, 10_000) for day in range(1, 16)]
    store_month(tmp_path, days, read_at=datetime(2025, 9, 16, 6, tzinfo=timezone.utc))
    outlook = find_answers(tmp_path).outlook
    assert outlook is not None
    assert (outlook.known, outlook.this.expected) == (1500, 3000)
    said = read_words(answers.show_outlook(outlook).text)
    assert said.startswith("September may end near 3,000 flex credits: 1,500 flex credits known up to 15 Sep; no band ")
    band = replace(outlook, path=(Forecast(3000.0, 1400.0, 4000.0, 9, Outcome.FORECAST),), so_far=1550.0)
    said = read_words(answers.show_outlook(band).text)
    assert said.startswith(
        "September will probably end between 1,550 and 4,000 flex credits: "
    )  # no less than it has already
    store_month(tmp_path, days, read_at=datetime(2025, 9, 16, 7, tzinfo=timezone.utc), users_failed=1)
    said = read_words(answers.show_outlook(find_answers(tmp_path).outlook).text)
    assert ": at least 1,500 flex credits known up to 15 Sep; " in said
    store_month(tmp_path, days, read_at=datetime(2025, 10, 3, tzinfo=timezone.utc))
    assert answers.show_outlook(find_answers(tmp_path).outlook).text == ""


def test_a_month_without_an_amount_of_the_unit_has_no_answers_and_no_fault(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", None, model="mine"))
    found = find_answers(tmp_path, "usd", "CL")
    assert (found.comparison, found.outlook, found.unusual) == (None, None, None)
    assert [day for day in found.holidays if day.month == 9 and day.year == 2025] == [
        date(2025, 9, 18),
        date(2025, 9, 19),
    ]
    pieces = answers.show_change(None), answers.show_unusual(None), answers.show_peak(None), answers.show_saving(None)
    assert [piece.render_html() for piece in pieces] == [""] * 4


def test_the_unusual_days_stand_in_a_table_and_the_highest_day_says_what_it_was_made_of(tmp_path: Path) -> None:
    """Ten people with 10 credits each weekday; on 16 September (a Tuesday) ana has 1,250, and three more come."""
    people = [f"u{number}" for number in range(10)]
    for month, last in ((AUGUST, 31), (SEPTEMBER, 30)):
        rows = [(day, user, "gpt-4", 0, 1000) for day in range(1, last + 1) for user in people]
        if month == SEPTEMBER:
            rows = [row for row in rows if row[:2] != (16, "u0")]
            rows += [(16, "u0", "gpt-4", 0, 125_000), *((16, f"new{number}", "gpt-4", 0, 1000) for number in range(3))]
        store_month(tmp_path, rows, month=month)
    found = find_answers(tmp_path).unusual
    assert found is not None
    # 9 + 3 people at 10 credits and one at 1,250: 1,370 of 13 people, against 10 at 10.
    whole = find_month_anomalies(SEPTEMBER, tmp_path)  # by way of calls, prices and rates
    assert (found.found, found.peak, found.layers.keys()) == (whole.found, whole.peak, whole.layers.keys())
    said = "16 Sep, the highest day: 13 spenders at 105.38 flex credits each, against 10 at 10.00 flex credits on such"
    assert read_words(answers.show_peak(found).text) == f"{said} a weekday."
    planned = find_month_anomalies(
        SEPTEMBER, tmp_path, events=[Event("Hackathon", date(2025, 9, 16), date(2025, 9, 16))]
    )
    named = read_words(answers.show_peak(planned).text)
    assert named.startswith("16 Sep, the highest day, planned (Hackathon): 13 spenders at ")
    html = answers.show_unusual(found).render_html()
    lines = read_cells(html, "table-unusual")
    assert {"1,250.00", "1,370.00"} <= {line[2] for line in lines}
    assert "16 Sep Tue" in {line[1] for line in lines}  # a day, and so one in a workbook
    assert "16 Sep: 13 spenders at 105 each, against 10 at 10" in html
    cents = [replace(one, heads=(13, 0.314, 10, 0.12)) if one.heads else one for one in found.found]
    html = answers.show_unusual(replace(found, unit="usd", found=tuple(cents))).render_html()
    assert "16 Sep: 13 spenders at 0.31 each, against 10 at 0.12" in html  # not 0 against 0


def test_who_is_too_new_to_be_judged_is_said_and_not_called_usual(tmp_path: Path) -> None:
    store_month(tmp_path, [(5, "ana", "gpt-4", 0, 12_345)])
    said = read_words(answers.show_unusual(find_answers(tmp_path).unusual).render_html())
    assert said.endswith("or of all together. 1 spender has too few days of use to tell.")


def test_calls_that_failed_are_a_suggestion_where_they_cost_a_hundredth_or_more() -> None:
    statuses = [
        {"status": "ok", "failed": False, "calls": 90, "total_usd": Decimal(99), "unpriced": 4},
        {"status": "timeout", "failed": True, "calls": 9, "total_usd": Decimal("0.9"), "unpriced": 0},
        {"status": "refused", "failed": True, "calls": 6, "total_usd": Decimal("0.1"), "unpriced": 5},
        {"status": "left out", "failed": True, "calls": 7, "total_usd": None, "unpriced": 7},
    ]
    found = suggest_failures(statuses, Decimal(100))
    assert found is not None
    said = "10 calls that failed cost US$ 1.00, most of it with the status timeout; what 12 more cost is not known: see"
    assert found.sentence.startswith(said)
    assert suggest_failures(statuses, Decimal(101)) is None
    split = [
        {"status": name, "failed": True, "calls": 1, "total_usd": Decimal(1), "unpriced": 0} for name in ("a", "b")
    ]
    found = suggest_failures(split, Decimal(9))
    assert found is not None
    assert "US$ 2.00, the largest part of it with the status a" in found.sentence  # a half is not most of it


@pytest.mark.parametrize("of", ["credits", "usd", "clp"])
def test_the_page_of_a_change_shows_parts_that_add_up(of: str) -> None:
    later = load_spend("2025-09", None, FIXTURE, zone="UTC", names=False)
    made = compare_loaded(AUGUST.span, later, of)
    lines = read_cells(render_table(table_parts(made.change, made.unit)), "table-parts")
    amounts = [Decimal(line[1].replace(",", "").replace("−", "-")) for line in lines]
    assert sum(amounts[:-1]) == amounts[-1]
    people = read_cells(render_table(table_people(made.change, made.unit, 3)), "table-movers")
    assert (len(people), people[-1][0], people[-1][1]) == (5, "All", lines[-1][1])
    if of == "credits":
        words = read_words(show_compare_headlines(made).text)
        assert words.startswith(
            "September 9,961.00 +13.8 % vs August August 8,754.00 Flex credits Difference +1,207.00"
        )
        assert heading_for_parts(made).heading == "7 new spenders moved most: +4,378.00"
        heading = heading_for_movers(made.change.sum_by_person(), "people")
        assert heading is not None
        assert heading.heading == "2 of 25 people made 50\u00a0% of all that moved"
        described = "From 8,754.00 to 9,961.00 in Flex credits: New +4,378.00, Stopped −1,286.50, How much −562.86"
        assert plot_parts(made).description.startswith(described)


def test_the_page_of_a_forecast_says_what_is_known_and_when_the_budget_is_used_up() -> None:
    loaded = load_spend("2025-09", None, FIXTURE, zone="UTC", names=False)
    made = forecast_loaded(loaded, day=15, budget=4000)
    words = read_words(show_forecast_headlines(made, 4000).text)
    assert "Known of it 4,530 up to 15 Sep 2025" in words
    assert "Budget 15 Sep 4,000 were used up" in words
    assert "there is no band yet" in heading_for_forecast(made).heading
    chart = plot_forecast(made, 4000, [date(2025, 9, 18)])
    assert chart is not None
    assert [name for name, _ in chart.legend] == ["Known; expected dashed, in its band", "Budget", "Holiday"]
    running = replace(made, reached=(None, None, None), so_far=6000.0)  # of which 1,470 by the day that is running
    assert "Budget already 5,999 are used up" in read_words(show_forecast_headlines(running, 5999).text)
    whole = forecast_loaded(loaded)
    assert heading_for_forecast(whole).heading == "September is over: 9,961 flex credits"


@pytest.mark.parametrize(("held", "is_wide"), [(12, True), (10, False)])
def test_a_band_that_always_held_is_said_to_be_wider_than_it_had_to_be(held: int, is_wide: bool) -> None:
    found = heading_for_backtest(pd.DataFrame({"months": [12], "bands": [12], "held": [held]}))
    assert found is not None
    assert found.heading == f"The band held {held} of 12 times"
    assert ("wider than it had to be" in found.note) is is_wide
