"""Credits with other models and with a cap, by hand."""

from __future__ import annotations

from datetime import date

import duckdb
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
