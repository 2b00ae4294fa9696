"""The made-up company: plausible, and the same from its seed in every process."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest

from flexlib.dates import Month
from flexlib.demo import Company
from flexlib.demo.company import ALLOWANCE, Row

SEPTEMBER = Month(2025, 9)
DIGEST = """
import hashlib, sys
from flexlib.demo import Company
from flexlib.dates import Month
company = Company(2025, 300)
if "--other-months-first" in sys.argv:
    company.read_ledger(Month(2026, 2)), company.read_ledger(Month(2025, 1))
print(hashlib.sha256(repr((company.people, company.read_ledger(Month(2025, 9)).rows)).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def rows(company: Company) -> tuple[Row, ...]:
    return company.read_ledger(SEPTEMBER).rows


def sum_flex_by_day(rows: tuple[Row, ...]) -> dict[str, int]:
    """Hundredths of a flex credit on each ISO day."""
    days: Counter[str] = Counter()
    for row in rows:
        days[row.day] += row.flex_credits
    return days


def test_september_has_about_350_active_of_5930_people(company: Company, rows: tuple[Row, ...]) -> None:
    assert len(company.people) == 5930
    assert 330 <= len({row.key for row in rows}) <= 370


def test_september_has_about_12500_rows_and_120000_flex_credits(rows: tuple[Row, ...]) -> None:
    assert 12_000 <= len(rows) <= 13_000
    assert 11_500_000 <= sum(row.flex_credits for row in rows) <= 12_500_000
    assert 4_000_000 <= sum(row.prompt_credits for row in rows) <= 8_000_000


def test_the_top_tenth_spends_most_of_the_flex_credits(rows: tuple[Row, ...]) -> None:
    spent: Counter[str] = Counter()
    for row in rows:
        spent[row.key] += row.flex_credits
    top = [spending for _, spending in spent.most_common(len(spent) // 10)]
    assert 0.5 < sum(top) / spent.total() < 0.9


def test_weekends_and_the_national_holidays_are_quiet_and_the_15th_is_the_peak(rows: tuple[Row, ...]) -> None:
    days = sum_flex_by_day(rows)
    weekday, saturday = days["2025-09-10"], days["2025-09-13"]
    assert saturday < weekday / 10
    assert days["2025-09-18"] < weekday / 10  # Independence Day, a Thursday
    assert days["2025-09-19"] < weekday / 10  # Army Day, a Friday
    assert max(days, key=lambda day: days[day]) == "2025-09-15"


@pytest.mark.parametrize(
    ("model", "first_day"),
    [("MODEL_CHAT_GPT_5_CODEX", "2025-09-23"), ("MODEL_PRIVATE_2", "2025-09-29"), ("MODEL_PRIVATE_3", "2025-09-29")],
)
def test_a_model_that_arrives_within_the_month_is_used_from_its_first_day_on(
    rows: tuple[Row, ...], model: str, first_day: str
) -> None:
    assert min(row.day for row in rows if row.model == model) == first_day


def test_use_rises_from_january_to_december(company: Company) -> None:
    months = [len(company.read_ledger(Month(2025, number)).rows) for number in (1, 3, 6, 9, 11)]
    assert all(before < after for before, after in pairwise(months))
    assert months[0] < months[3] / 8


def test_a_seat_draws_on_the_flex_pool_only_once_its_allowance_is_spent(company: Company) -> None:
    for rows in company.read_ledger(SEPTEMBER).by_key.values():
        assert sum(row.prompt_credits for row in rows) <= ALLOWANCE
        if any(row.flex_credits for row in rows):
            assert sum(row.prompt_credits for row in rows) == ALLOWANCE


def test_each_row_costs_something_in_steps_of_half_a_credit(rows: tuple[Row, ...]) -> None:
    for row in rows:
        assert row.prompt_credits >= 0
        assert row.flex_credits >= 0
        assert (row.prompt_credits + row.flex_credits) > 0
        assert (row.prompt_credits + row.flex_credits) % 50 == 0


def test_people_have_unique_mailboxes_at_example_com_and_unique_keys(company: Company) -> None:
    assert len({person.email for person in company.people}) == 5930
    assert len({person.key for person in company.people}) == 5930
    for person in company.people:
        assert re.fullmatch(r"[a-z.0-9]+@example\.com", person.email)
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", person.key)


def test_the_same_seed_gives_the_same_rows_in_every_process_whatever_was_read_before() -> None:
    here = Company(2025, 300)
    expected = hashlib.sha256(repr((here.people, here.read_ledger(SEPTEMBER).rows)).encode()).hexdigest()
    for hash_seed, options in (("1", []), ("2", ["--other-months-first"])):
        command = [sys.executable, "-c", DIGEST, *options]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        assert output.strip() == expected


def test_another_seed_gives_another_company() -> None:
    assert Company(1, 300).people[0] != Company(2, 300).people[0]
    assert Company(1, 300).read_ledger(SEPTEMBER).rows != Company(2, 300).read_ledger(SEPTEMBER).rows


def test_strangers_spend_and_change_nobody_elses_rows() -> None:
    alone, joined = Company(2025, 300), Company(2025, 300, unlisted=2)
    keys = {person.key for person in joined.unlisted}
    rows = joined.read_ledger(SEPTEMBER).rows
    assert len(keys) == 2
    assert keys <= {row.key for row in rows}
    assert joined.people == alone.people
    assert tuple(row for row in rows if row.key not in keys) == alone.read_ledger(SEPTEMBER).rows


def test_lost_models_change_nothing_but_the_model() -> None:
    whole, lossy = Company(2025, 300), Company(2025, 300, nil_models=0.2)
    pairs = list(zip(whole.read_ledger(SEPTEMBER).rows, lossy.read_ledger(SEPTEMBER).rows, strict=True))
    assert all(a._replace(model="") == b._replace(model="") for a, b in pairs)
    assert 0.1 < sum(b.model == "<nil>" for _, b in pairs) / len(pairs) < 0.3


def test_days_of_use_are_those_of_the_rows(company: Company) -> None:
    days = company.read_days("2025-08-20", "2025-09-10")
    rows = list(company.read_rows("2025-08-20", "2025-09-10"))
    assert days == {key: sorted({row.day for row in rows if row.key == key}) for key in {row.key for row in rows}}
    assert {row.day[:7] for row in rows} == {"2025-08", "2025-09"}


def test_there_is_nothing_before_2025() -> None:
    assert list(Company(2025, 300).read_rows("2024-12-01", "2024-12-31")) == []


def test_spenders_are_ranked_by_their_credits(company: Company, rows: tuple[Row, ...]) -> None:
    ranked = company.rank_spenders(SEPTEMBER)
    spent: Counter[str] = Counter()
    for row in rows:
        spent[row.key] += row.prompt_credits + row.flex_credits
    assert [spent[key] for key in ranked] == sorted(spent.values(), reverse=True)
