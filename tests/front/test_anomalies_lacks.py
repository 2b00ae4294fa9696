"""What a day lacks in prices, or is not known of, is no measure of what is usual, and is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from credits_samples import certify, make_rows
from report_samples import read_words
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store
from stored import write_snapshot

from flexlib.cli.anomalies import describe_anomalies, render_anomalies
from flexlib.dates import Month
from flexlib.front.anomalies import MonthAnomalies, find_month_anomalies
from flexlib.i18n import speak
from flexlib.page.unusual import show_unusual


def fill(root: Path, month: Month, usd: str, last: int = 31, lacking: str = "", **special: str) -> None:
    """A call a day by ana of so much, `special`: of that day of the month (`d17`) instead; beside it by `lacking`
    one that has no price, of ben of another model."""
    calls = []
    for day in month.span:
        if day.day <= last:
            who = {"usable_type": "key", "usable_key": "ana"}
            calls.append(call(f"a{day}", f"{day}T10:00:00", special.get(f"d{day.day}", usd), **who))
            if lacking:
                other = {"usable_type": "key", "usable_key": lacking, "model": "mine" if lacking == "ben" else "gpt-4o"}
                calls.append(call(f"b{day}", f"{day}T11:00:00", None, **other))
    store(root, "import", month, *calls)


def judge(root: Path) -> MonthAnomalies:
    return find_month_anomalies(SEPTEMBER, root, of="usd", names=True)


def list_found(made: MonthAnomalies) -> list[tuple[str, date, Decimal]]:
    return [(one.layer, one.date, one.amount) for one in made.found]


def test_days_before_that_lack_prices_are_no_measure_of_what_is_usual(tmp_path: Path) -> None:
    fill(tmp_path, AUGUST, "0.4", lacking="ana")
    fill(tmp_path, SEPTEMBER, "4")
    made = judge(tmp_path)
    assert (made.found, made.days_before, made.days_known) == ((), 0, 30)
    assert made.missing == (
        "31 days before September 2025 lack the price of more than 10.0\u00a0% of their calls: their sums tell nothing "
        "of what is usual.",
    )


@pytest.mark.parametrize(("others", "known"), [(9, 30), (8, 0)])
def test_a_day_that_lacks_the_price_of_one_call_in_ten_is_a_measure(tmp_path: Path, others: int, known: int) -> None:
    for month in (AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, *(
            call(f"{place}-{day}", f"{day}T10:00:00", "1" if place else None, usable_type="key", usable_key="ana")
            for day in month.span for place in range(others + 1)
        ))  # fmt: skip
    assert judge(tmp_path).days_known == known


def test_where_too_few_days_are_known_whole_the_month_cannot_be_judged(tmp_path: Path) -> None:
    fill(tmp_path, AUGUST, "0.4", lacking="ana")
    fill(tmp_path, SEPTEMBER, "4", last=5)
    made = judge(tmp_path)
    assert render_anomalies(made, 10).endswith(": cannot say, 5 days are known, a weekday takes 14.")
    assert made.found == ()


def test_a_person_whose_calls_have_prices_is_judged_beside_one_whose_calls_have_none(tmp_path: Path) -> None:
    fill(tmp_path, AUGUST, "4", lacking="ben")
    fill(tmp_path, SEPTEMBER, "4", lacking="ben", d17="90")
    made = judge(tmp_path)
    assert {layer for layer, day, amount in list_found(made) if (day, amount) == (date(2025, 9, 17), Decimal(90))} == {
        "user", "model",
    }  # fmt: skip
    assert made.limits == (
        "Of the month's 30 days 0 are known.",
        "All together cannot be judged: 0 days are known, a weekday takes 14.",
        "1 spender cannot be judged: too many of their days lack prices.",
        "Models: 1 cannot be judged, too many of its days lack prices.",
    )
    assert read_words(show_unusual(made).render_html()).count("All together cannot be judged: ") == 1
    told = describe_anomalies(made)
    assert (told["outcome"], told["reason"]) == ("in part", None)  # of people and models there is none
    reasons = {name: layer["reason"] for name, layer in told["layers"].items()}
    assert reasons == {"day": "0 days are known, a weekday takes 14", "user": None, "model": None}


def test_nothing_unusual_is_none_of_what_can_be_judged_where_all_together_cannot(tmp_path: Path) -> None:
    fill(tmp_path, AUGUST, "4", lacking="ben")
    fill(tmp_path, SEPTEMBER, "4", lacking="ben")
    made = judge(tmp_path)
    assert render_anomalies(made, 10).splitlines()[0].endswith(": none of what can be judged")
    said = "Of what can be judged no day was far above its own weekday. Of the month's 30 days 0 are known."
    assert read_words(show_unusual(made).render_html()).startswith(said)


def test_who_has_use_on_every_day_lacks_prices_and_not_days_of_use(tmp_path: Path) -> None:
    """Of 10 calls a day 2 have no price, of 40 of all people; and one used something on a single day."""
    whose: dict[str, Any] = {"usable_type": "key"}
    for month in (AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, call("n", f"{month}-17T10:00:00", "9", usable_key="new", **whose), *(
            call(f"{who}{day}-{place}", f"{day}T10:00:00", "1" if place >= lacking else None, usable_key=who, **whose)
            for day in month.span for who, count, lacking in (("ana", 30, 0), ("u3", 10, 2)) for place in range(count)
        ))  # fmt: skip
    made = judge(tmp_path)
    said = "1 spender cannot be judged: too many of their days lack prices."
    assert made.limits == (said,)
    assert render_anomalies(made, 10).splitlines()[-2:] == [
        "1 spender with too few days of use to tell what is usual.", said,
    ]  # fmt: skip
    assert read_words(show_unusual(made).render_html()).endswith(f"{said} 1 spender has too few days of use to tell.")
    layer = describe_anomalies(made)["layers"]["user"]
    assert (layer["rows_too_new"], layer["rows_without_prices"]) == (1, 1)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("model", "Models: 1 cannot be judged, too many of its days lack prices."),
        ("department", "Departments: 1 cannot be judged, too many of its days lack prices."),
    ],
)
def test_no_day_is_not_said_of_what_was_not_judged_whatever_is_looked_at(tmp_path: Path, key: str, said: str) -> None:
    """A thousand calls a day, and of one model, and of one department, two with a price beside one without."""
    big = {"model": "gpt-4o", "metadata": '{"department": "Ventas"}'}
    small = big | ({"model": "gpt-5"} if key == "model" else {"metadata": '{"department": "Datos"}'})
    for month in (Month(2025, 7), AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, *(
            call(f"{name}{day}", f"{day}", usd, grain="day", requests=count, usable_type="user", usable_id=1, **of)
            for day in month.span
            for name, usd, count, of in (("a", "100", 1000, big), ("b", "9" if day.day == 18 else "0.5", 2, small),
                                         ("c", None, 1, small))
        ))  # fmt: skip
    made = find_month_anomalies(SEPTEMBER, tmp_path, of="usd", by=["department"])
    assert (made.found, made.limits) == ((), (said,))
    assert render_anomalies(made, 10).splitlines() == [
        "Unusual days of September 2025 in US$, at least 1 each: none of what can be judged", said]  # fmt: skip
    assert read_words(show_unusual(made).render_html()) == (
        f"Of what can be judged no day was far above its own weekday. {said}"
    )
    told = describe_anomalies(made)
    assert (told["outcome"], told["reason"], told["layers"][key]["rows_without_prices"]) == ("in part", None, 1)


@pytest.mark.parametrize("usd", [None, "3"], ids=["no price", "a price of one call in two"])
def test_whoever_has_use_without_a_price_is_not_judged_however_little_of_it_is_known(
    tmp_path: Path, usd: str | None
) -> None:
    """Of B one call a day has no price, beside it at most one of less than a use of A, which has all prices; C began
    on the last day, and could not be judged with prices either."""
    whose = {who: {"usable_type": "key", "usable_key": who, "metadata": f'{{"department": "{who}"}}'} for who in "ABC"}
    for month in (Month(2025, 7), AUGUST, SEPTEMBER):
        late = [call("c", "2025-09-30", None, model="a", **whose["C"])] if month == SEPTEMBER else []
        store(tmp_path, "ledger", month, *late, *(
            call(f"{who}{place}-{day}", f"{day}", amount, model=who.lower(), **whose[who])
            for day in month.span
            for who, amounts in (("A", ["500", *["5"] * 39]), ("B", [None, *[usd] * bool(usd)]))
            for place, amount in enumerate(amounts)
        ))  # fmt: skip
    made = find_month_anomalies(SEPTEMBER, tmp_path, by=["department"])
    assert made.limits == (
        "1 spender cannot be judged: too many of their days lack prices.",
        "Models: 1 cannot be judged, too many of its days lack prices.",
        "Departments: 1 cannot be judged, too many of its days lack prices.",
    )
    looked_at = 30 if usd is None else 60
    assert {layer: (one.lacking, one.tested) for layer, one in made.layers.items()} == {
        "day": (0, 30), "user": (1, looked_at), "model": (1, looked_at), "department": (1, looked_at),
    }  # fmt: skip
    assert describe_anomalies(made)["outcome"] == "in part"


def test_all_together_is_not_judged_where_every_day_with_use_lacks_prices(tmp_path: Path) -> None:
    """Used on Mondays alone, each time with one call that has no price; the other days are known to be of nothing."""
    for month in (Month(2025, 7), AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, call(f"z{month}", f"{month.last}T12:00:00", "0"), *(
            call(f"{name}{day}", f"{day}T10:00:00", usd, usable_type="user", usable_id=1)
            for day in month.span if day.weekday() == 0 for name, usd in (("a", "5"), ("b", None))
        ))  # fmt: skip
    made = judge(tmp_path)
    assert "All together cannot be judged: too many of its days lack prices." in made.limits
    assert render_anomalies(made, 10).splitlines()[0].endswith(": none of what can be judged")


def test_credits_lack_no_prices_and_are_no_calls(tmp_path: Path) -> None:
    """Of October, read on the 30th before the day was over."""
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        rows = make_rows(month, *[2500] * min(month.days, 30 if month != OCTOBER else 29))
        certificate = replace(certify(month, rows), read_at=datetime(2025, 10, 30, 12, tzinfo=timezone.utc))
        write_snapshot(rows, certificate, (), {}, tmp_path)
    made = find_month_anomalies(OCTOBER, tmp_path)
    assert made.limits == ("Of the month's 31 days 29 are known.",)


def test_a_layer_is_called_by_its_title_in_each_language(tmp_path: Path) -> None:
    told = '{"department": "Ventas"}'
    for month in (AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, *(
            call(f"{name}{day}", f"{day}T10:00:00", usd, metadata=told, model=name)
            for day in month.span for name, usd in (("a", "4"), ("b", None))
        ))  # fmt: skip
    made = find_month_anomalies(SEPTEMBER, tmp_path, of="usd", by=["department", "task_type"])
    said = "Departments cannot be judged: 0 days are known, a weekday takes 14."
    assert said in made.limits
    assert "Task type cannot be judged: 0 days are known, a weekday takes 14." in made.limits
    with speak("es"):
        assert any(one.startswith("Departamentos: no se puede evaluar, ") for one in made.limits)


def test_a_day_that_came_to_much_more_at_least_is_unusual(tmp_path: Path) -> None:
    fill(tmp_path, AUGUST, "4")
    fill(tmp_path, SEPTEMBER, "4", d17="90", lacking="ana")
    assert ("day", date(2025, 9, 17), Decimal(90)) in list_found(judge(tmp_path))


def test_of_a_month_whose_rows_end_early_is_said_how_many_days_are_known(tmp_path: Path) -> None:
    fill(tmp_path, AUGUST, "4")
    fill(tmp_path, SEPTEMBER, "4", last=5)
    made, known = judge(tmp_path), "Of the month's 30 days 5 are known, but for 10.0\u00a0% of their calls at most."
    ends = "The last row of imported files is of 5 Sep, so that no later day is known."
    assert describe_anomalies(made)["missing"] == [ends, known]
    assert render_anomalies(made, 10).endswith(f": none\n{known}")
    assert read_words(show_unusual(made).render_html()) == (
        "No day that is known was far above its own weekday, of a person, of a model or of all together. "
        + known.replace("\u00a0", " ")
    )
