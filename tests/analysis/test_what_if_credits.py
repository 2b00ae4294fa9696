"""Credits with other models and with a cap, by hand."""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd
from spend_samples import build_credits

from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if_credits import exchange_models, find_multipliers, simulate_cap

Row = tuple[int, str, str, int, int]
"""The day, the user, the model, plan and flex credits in hundredths."""


def bring(*rows: Row) -> duckdb.DuckDBPyRelation:
    return duckdb.from_arrow(build_credits(*rows))


def spend(model: str, each: int, days: range, user: str = "u") -> list[Row]:
    """Each day another number of prompts, the first 1,000 hundredths of it out of the plan."""
    spent = [(day, each * (1 + day % 5)) for day in days]
    return [(day, f"{user}{day % 2}", model, min(total, 100), total - min(total, 100)) for day, total in spent]


def test_what_divides_all_rows_of_a_model_is_what_a_prompt_costs() -> None:
    rows = [row for user in "abc" for row in spend("sonnet", 300, range(1, 31), user)]
    few = spend("rare", 200, range(1, 20))
    changed = [row for user in "ab" for each, days in ((200, range(1, 8)), (300, range(8, 31)))
               for row in spend("promo", each, days, user)]  # fmt: skip
    halved = [row for user in "abcd" for each, days in ((200, range(1, 10)), (100, range(10, 31)))
              for row in spend("halved", each, days, user)]  # fmt: skip
    tokens = [(1 + day % 30, "ana", "tokens", 0, 101 + day) for day in range(60)]
    every = bring(*rows, *few, *changed, *halved, *tokens)
    found = {row["model_uid"]: row for row in read_rows(find_multipliers(every))}
    assert (found["sonnet"]["multiplier"], found["sonnet"]["rows"]) == (300, 90)
    assert found["sonnet"]["credits"] == 3 * 300 * sum(1 + day % 5 for day in range(1, 31))
    assert found["rare"]["multiplier"] is None  # 19 rows prove nothing
    assert found["promo"]["multiplier"] is None  # 1.00 divides 2.00 and 3.00 of all, 3.00 those from the 8th on
    assert found["halved"]["multiplier"] is None  # 1.00 divides all, 2.00 those up to the 9th
    assert found["tokens"]["multiplier"] is None  # billed by what was used: a hundredth of a credit is no prompt


def test_a_cheaper_model_saves_its_own_flex_credits_and_at_most_what_the_freed_plan_covers_too() -> None:
    dear = [(day, "ana", "dear", 200, 200) for day in range(1, 31)]
    cheap = [(day, "ana", "cheap", 100, 0) for day in range(1, 30)] + [(30, "ana", "cheap", 100, 700)]
    odd = [(1, "ben", "dear", 400, 0)]
    rows = bring(*dear, *cheap, *odd)
    multipliers = find_multipliers(rows)
    assert [row["multiplier"] for row in read_rows(multipliers)] == [400, 100]
    (line,) = read_rows(exchange_models(rows, multipliers))
    # 31 prompts at 4.00 would be at 1.00; of 60.00 flex credits 45.00 less. Ana's plan would cover 45.00 more; she has
    # 67.00 flex credits in all. Ben has none to save.
    assert (line["prompts"], line["flex_credits"], line["saved_low"], line["saved_high"]) == (31, 6000, 4500, 6700)
    assert (line["to_model_uid"], line["others"], line["to_multiplier"]) == ("cheap", 0, 100)


def test_a_cap_meets_who_spent_more_on_the_day_on_which_it_was_passed() -> None:
    rows = bring(
        (3, "ana", "m", 0, 20_000), (1, "ana", "n", 0, 10_000), (2, "ben", "m", 0, 30_000), (4, "ana", "m", 9, 5)
    )
    (line,) = read_rows(simulate_cap(rows, 30_000))
    assert (line["user"], line["flex_credits"], line["over"]) == ("ana", 30_005, 5)
    assert line["reached_on"] == date(2025, 9, 4)
    assert read_rows(simulate_cap(rows, 30_005)) == []
    assert [row["user"] for row in read_rows(simulate_cap(rows, 0))] == ["ana", "ben"]


def read_multiplier(*rows: Row) -> int | None:
    (line,) = read_rows(find_multipliers(bring(*rows)))
    return line["multiplier"]  # type: ignore[no-any-return]


def test_thirty_rows_with_use_prove_a_multiplier_of_a_tenth_of_a_credit_or_more() -> None:
    assert read_multiplier(*((1, f"u{number:02}", "m", 0, 10) for number in range(30))) == 10
    assert read_multiplier(*((1, f"u{number:02}", "m", 0, 9) for number in range(30))) is None
    nothing = (1, "u29", "m", 0, 0)
    assert read_multiplier(*((1, f"u{number:02}", "m", 0, 10) for number in range(29)), nothing) is None
    # The first day alone proves 0.20, all rows divide by 0.10: it changed within the month.
    days = [(day, f"u{number:02}", "m", 0, 20 if day == 1 else 10) for day in (1, 2) for number in range(30)]
    assert read_multiplier(*days) is None
    # So do twenty rows on one side of the change, few as they are; nineteen may be even by chance, but not those of
    # both sides.
    for rows, after, each in ((20, 10, None), (19, 10, 10), (19, 30, None)):
        first, others = (
            [(day, f"u{number:02}", "m", 0, cost) for number in range(rows)] for day, cost in ((1, 20), (2, after))
        )
        assert read_multiplier(*first, *others) == each
    # Nor does it matter whether the dearer prompts came first, last, or between cheaper ones.
    for costs in ((20, 10), (10, 20), (10, 20, 10)):
        days = [(day, f"u{number:02}", "m", 0, cost) for day, cost in enumerate(costs, 1) for number in range(20)]
        assert read_multiplier(*days) is None
    # A single row of a hundredth of a credit: the model is billed by its tokens.
    assert read_multiplier(*((1, f"u{number:02}", "m", 0, 10) for number in range(30)), (2, "u00", "m", 0, 1)) is None


def test_multipliers_stand_by_the_credits_of_their_models_and_of_two_alike_by_name() -> None:
    rows = bring((1, "u", "few", 0, 500), (1, "v", "b", 400, 600), (1, "w", "a", 900, 0), (2, "w", "a", 0, 100))
    found = find_multipliers(rows)
    assert [(row["model_uid"], row["credits"], row["divisor"]) for row in read_rows(found)] == [
        ("a", 1_000, 100),
        ("b", 1_000, 1_000),
        ("few", 500, 500),
    ]
    kinds = {"model_uid": "object", "rows": "int64", "credits": "int64", "divisor": "int64", "multiplier": "Int64"}
    assert find_multipliers(bring()).dtypes.astype(str).to_dict() == kinds  # of a month of nothing too


def test_each_model_with_flex_credits_is_held_against_each_cheaper_one_the_smallest_step_first() -> None:
    rows = bring(
        (1, "ana", "dear", 0, 600), (1, "ana", "z", 0, 900), (1, "ben", "y", 0, 900), (1, "eva", "free", 300, 0),
        (1, "eva", "low", 100, 0),
    )  # fmt: skip
    names = pd.DataFrame({"model_uid": ["low", "z", "y", "dear", "free"], "multiplier": [100, 300, 300, 600, 300]})
    lines = read_rows(exchange_models(rows, names))
    assert [(line["model_uid"], line["to_model_uid"], line["others"], line["saved_low"]) for line in lines] == [
        ("y", "low", 0, 600),
        ("z", "low", 0, 600),
        ("dear", "z", 2, 300),  # the first of three at 3.00
        ("dear", "low", 0, 500),
    ]  # nobody spent a flex credit on free


def test_no_more_is_saved_than_what_the_plan_gets_free() -> None:
    rows = bring((1, "ana", "dear", 300, 100), (1, "ana", "other", 0, 10_000))
    names = pd.DataFrame({"model_uid": ["dear", "cheap"], "multiplier": [400, 100]})
    (line,) = read_rows(exchange_models(rows, names))
    # One prompt at 4.00 would be at 1.00: 3.00 less of plan and flex credits, 0.75 of its own flex credit.
    assert (line["prompts"], line["saved_low"], line["saved_high"]) == (1, 75, 300)


def test_a_cap_is_met_on_the_first_day_beyond_it_and_who_is_furthest_beyond_is_first() -> None:
    rows = bring(
        *((day, "ben", "m", 0, 100) for day in range(1, 5)), *((day, "ana", "m", 0, 100) for day in range(1, 5)),
        (9, "eva", "m", 0, 500),
    )  # fmt: skip
    lines = [(row["user"], row["over"], row["reached_on"]) for row in read_rows(simulate_cap(rows, 150))]
    second = date(2025, 9, 2)
    assert lines == [("eva", 350, date(2025, 9, 9)), ("ana", 250, second), ("ben", 250, second)]
