"""Which limits a call is under, and in which period: what is asked of the guard before any database is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from flexlib.dates import Span
from flexlib.enums import LlmProvider
from flexlib.errors import BadFile, InvalidCall
from flexlib.ledger import open_ledger
from flexlib.ledger.guard import limits
from flexlib.ledger.guard.call import SEPARATOR, read_call
from flexlib.ledger.guard.limits import (
    build_limit,
    check_limits,
    find_limits,
    find_period,
    find_tightest,
    load_limits,
    place_limits,
)
from flexlib.setting_values import has_file
from flexlib.store.budgets import Budget

NOON = datetime(2025, 9, 10, 12, tzinfo=timezone.utc)
AMOUNT = 'currency: usd, amount: "1.00", period: month, enforce: true'


def load(folder: Path, *budgets: str) -> list[Budget]:
    path = folder / "budgets.yaml"
    path.write_text("budgets:\n" + "".join(f"  - {{{one}}}\n" for one in budgets))
    return load_limits(path, is_named=True)


def list_names(budgets: list[Budget], now: datetime = NOON, **call: Any) -> list[str]:  # noqa: ANN401
    return [one.budget.name for one in find_limits(budgets, call, now)]


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("whole: true", {}),
        ("usable: [user, 42]", {"usable": ("user", 42)}),
        ("usable: [key, ab-1]", {"usable": ("key", "ab-1")}),
        ("provider: OpenAI", {"provider": LlmProvider.OPENAI}),
        ("provider: openrouter", {"provider": LlmProvider.OPENAI, "proxy": "openrouter"}),
        ("model: gpt-4o-2024-08-06", {"model": "openai/GPT-4o-2024-08-06"}),
        ("department: Platform", {"metadata": {"department": " Platform "}}),
        ("project: '7'", {"metadata": {"project": 7}}),
        ("team: Core", {"metadata": {"team": "Core"}}),
    ],
)
def test_a_call_is_under_the_limit_of_what_it_names(scope: str, call: Mapping[str, Any], tmp_path: Path) -> None:
    budgets = load(tmp_path, f"name: one, {scope}, {AMOUNT}")
    assert list_names(budgets, **call) == ["one"]


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("usable: [user, 42]", {"usable": ("user", 43)}),
        ("usable: [user, 42]", {"usable": ("team", 42)}),
        ("usable: [user, 42]", {}),
        ("provider: openai", {"provider": LlmProvider.OPENAI, "proxy": "openrouter"}),  # the proxy sends the bill
        ("provider: openai", {}),
        ("model: gpt-4o", {"model": "gpt-4o-mini"}),
        ("model: gpt-4o", {}),
        ("department: Platform", {"metadata": {"department": "platform"}}),
        ("department: Platform", {"metadata": {"team": "Platform"}}),
        ("project: 'True'", {"metadata": {"project": True}}),  # no text, and no whole number
        ("project: '1.0'", {"metadata": {"project": 1.0}}),
        ("team: Core", {}),
    ],
)
def test_a_call_that_names_something_else_or_nothing_is_not(
    scope: str, call: Mapping[str, Any], tmp_path: Path
) -> None:
    assert list_names(load(tmp_path, f"name: one, {scope}, {AMOUNT}"), **call) == []


def test_limits_come_in_the_order_of_their_counters_and_one_that_is_not_enforced_is_none(tmp_path: Path) -> None:
    budgets = load(
        tmp_path,
        f"name: all, whole: true, {AMOUNT}",
        f"name: seller, provider: openai, {AMOUNT}",
        'name: told, whole: true, currency: usd, amount: "1.00", period: month',
    )
    assert [one.name for one in budgets] == ["all", "seller"]
    assert list_names(budgets, provider=LlmProvider.OPENAI) == ["seller", "all"]


@pytest.mark.parametrize(
    ("period", "moment", "first", "last"),
    [
        ("period: month", "2025-09-30T23:59:59.999999+00:00", "2025-09-01", "2025-09-30"),
        ("period: month", "2025-10-01T00:00:00+00:00", "2025-10-01", "2025-10-31"),
        ("period: month", "2025-09-30T22:00:00-03:00", "2025-10-01", "2025-10-31"),  # already October in UTC
        ("period: day", "2025-09-10T00:00:00+00:00", "2025-09-10", "2025-09-10"),
        ("period: week", "2025-09-07T23:00:00+00:00", "2025-09-01", "2025-09-07"),
        ("period: week", "2025-09-08T00:00:00+00:00", "2025-09-08", "2025-09-14"),
        ("period: cycle, begins: 15", "2025-09-14T12:00:00+00:00", "2025-08-15", "2025-09-14"),
        ("period: cycle, begins: 15", "2025-09-15T00:00:00+00:00", "2025-09-15", "2025-10-14"),
    ],
)
def test_a_period_is_of_the_days_of_utc(period: str, moment: str, first: str, last: str, tmp_path: Path) -> None:
    (budget,) = load(tmp_path, f'name: one, whole: true, currency: usd, amount: "1.00", enforce: true, {period}')
    span = find_period(budget, datetime.fromisoformat(moment))
    assert (str(span.first), str(span.last)) == (first, last)
    made = build_limit(budget, span)
    assert made.span == span
    assert made.key[2:] == (
        datetime.fromisoformat(f"{first}T00:00+00:00"),
        datetime.fromisoformat(f"{last}T00:00+00:00") + timedelta(days=1),
    )


def test_limits_stay_while_their_periods_last_and_are_placed_anew_once_one_has_turned(tmp_path: Path) -> None:
    day, month = load(
        tmp_path,
        'name: day, whole: true, currency: usd, amount: "1.00", period: day, enforce: true',
        f"name: month, whole: true, {AMOUNT}",
    )
    found = [build_limit(one, find_period(one, NOON)) for one in (day, month)]
    midnight = NOON.replace(hour=0)
    for moment in (midnight, NOON, midnight + timedelta(days=1, microseconds=-1)):
        assert place_limits(found, moment) is found
    for moment, first in ((midnight + timedelta(days=1), 11), (midnight - timedelta(microseconds=1), 9)):
        placed = [(one.budget.name, one.key[2].day, one.key[3].day) for one in place_limits(found, moment)]
        assert placed == [("month", 1, 1), ("day", first, first + 1)]


def test_of_several_budgets_of_one_counter_the_smallest_holds_wherever_it_stands(tmp_path: Path) -> None:
    two, one, three = load(
        tmp_path,
        *(
            f'name: {name}, whole: true, currency: usd, amount: "{amount}", period: month, enforce: true'
            for name, amount in (("two", "2.00"), ("one", "1.00"), ("three", "3.00"))
        ),
    )
    for order in ((two, one, three), (one, two, three), (three, two, one)):
        found = find_tightest(build_limit(budget, find_period(budget, NOON)) for budget in order)
        assert [(key[0], budget.name) for key, budget in found.items()] == [("whole", "one")]


def test_a_usable_is_counted_as_the_database_writes_it(tmp_path: Path) -> None:
    budgets = load(tmp_path, f"name: a, usable: [user, 42], {AMOUNT}", f"name: b, usable: [user, x], {AMOUNT}")
    keys = [build_limit(one, Span(NOON.date(), NOON.date())).key[:2] for one in budgets]
    assert keys == [("usable", f"user{SEPARATOR}42"), ("usable", f"user{SEPARATOR}x")]


def test_a_file_is_read_again_when_it_changes_and_missed_where_somebody_named_it(tmp_path: Path) -> None:
    assert [one.name for one in load(tmp_path, f"name: one, whole: true, {AMOUNT}")] == ["one"]
    assert [one.name for one in load(tmp_path, f"name: another, whole: true, {AMOUNT}")] == ["another"]
    absent = tmp_path / "absent.yaml"
    assert load_limits(absent, is_named=False) == []
    with pytest.raises(BadFile, match=r"absent.yaml is not there; the limits"):
        load_limits(absent, is_named=True)
    with pytest.raises(BadFile, match=r"x\.\.\. .* cannot be read: file name too long\.$"):
        load_limits(tmp_path / ("x" * 300), is_named=False)


def test_a_file_that_is_put_in_place_while_it_is_looked_for_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "budgets.yaml"

    def put(path: Path) -> bool:
        load(tmp_path, f"name: one, whole: true, {AMOUNT}")
        return has_file(path)

    monkeypatch.setattr(limits, "has_file", put)
    assert [one.name for one in load_limits(path, is_named=True)] == ["one"]


def test_a_limit_of_nobody_who_can_be_recorded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="the budget one cannot be enforced, since no call can name what it is of"):
        load(tmp_path, f"name: one, usable: [user, ana@example.com], {AMOUNT}")


def test_without_a_file_there_is_no_limit_whatever_the_organization_says(tmp_path: Path) -> None:
    assert load_limits(tmp_path / "budgets.yaml", tmp_path / "organization.csv", is_named=False) == []


def test_a_limit_of_a_department_to_which_the_organization_s_file_gives_people_is_refused(tmp_path: Path) -> None:
    people = tmp_path / "organization.csv"
    people.write_text("who,department\nana@example.com,Platform\n")
    budgets = load(tmp_path, f"name: one, department: Platform, {AMOUNT}")
    path = tmp_path / "budgets.yaml"
    with pytest.raises(BadFile, match="one is to be enforced for a department that"):
        load_limits(path, people, is_named=True)
    other = load(tmp_path, f"name: one, department: Data, {AMOUNT}", f"name: two, whole: true, {AMOUNT}")
    assert load_limits(path, people, is_named=True) == other
    check_limits(path, [replace(one, is_enforced=False) for one in budgets], people)  # no call is held to them
    check_limits(path, budgets, None)  # without such a file nothing else says who is in it
    check_limits(path, budgets, tmp_path / "absent.csv")


def test_an_organization_that_is_gone_when_it_is_looked_at_is_none_and_one_that_goes_after_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at three times: for whether it has changed, for whether it is there, and to be read."""
    people, path = tmp_path / "organization.csv", tmp_path / "budgets.yaml"
    budgets = load(tmp_path, f"name: one, department: Platform, {AMOUNT}")

    def look_late(path: Path) -> bool:
        path.unlink()
        return has_file(path)

    def look_early(path: Path) -> bool:
        was_there = has_file(path)
        path.unlink()
        return was_there

    people.write_text("who,department\nana@example.com,Platform\n")
    monkeypatch.setattr(limits, "has_file", look_late)
    assert load_limits(path, people, is_named=True) == budgets
    people.write_text("who,department\nana@example.com,Platform\n")
    monkeypatch.setattr(limits, "has_file", look_early)
    with pytest.raises(BadFile, match=r"organization.csv is not there; name the file that says who belongs"):
        load_limits(path, people, is_named=True)
    monkeypatch.setattr(limits, "has_file", has_file)
    assert load_limits(path, people, is_named=True) == budgets  # what was told is not kept
    people.write_text("who,department\nana@example.com,Platform\n")
    with pytest.raises(BadFile, match="one is to be enforced for a department that"):  # nor that there was none
        load_limits(path, people, is_named=True)


def test_what_is_named_of_a_call_is_read_as_it_is_recorded(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")

    def read(amount: Any = "0.20", **given: Any) -> tuple[dict[str, Any], Any]:  # noqa: ANN401
        named = dict.fromkeys(("provider", "proxy", "model", "metadata")) | given
        return read_call(ledger, ("user", 42), amount, "estimate_usd", **named)

    call, asked = read(provider="openai", model=" gpt-4o ", metadata={"team": "Core"})
    assert call == {"usable": ("user", 42), "provider": "openai", "model": "gpt-4o", "metadata": {"team": "Core"}}
    assert str(asked) == "0.2000000000"
    assert read(0)[1] == 0
    assert read_call(ledger, None, 0, "amount", None, None, None, None)[0] == {"usable": None}
    assert read(proxy="openrouter")[0]["proxy"] == "openrouter"
    with pytest.raises(InvalidCall, match="estimate_usd is None; give what the call may cost in US"):
        read(None)
    with pytest.raises(InvalidCall, match="estimate_usd is '-0.01'; an amount is a finite number, zero or more"):
        read("-0.01")
    with pytest.raises(InvalidCall, match="metadata must be a dict, not list"):
        read(metadata=[])


def test_a_file_that_changes_is_read_again_though_its_time_and_size_are_what_they_were(tmp_path: Path) -> None:
    file, amounts = tmp_path / "budgets.yaml", []
    for amount in ("9.00", "1.00"):
        file.write_text(f'budgets: [{{name: one, whole: true, currency: usd, amount: "{amount}", enforce: true}}]')
        os.utime(file, (10**9, 10**9))
        amounts += [str(one.amount) for one in load_limits(file, is_named=True)]
    assert amounts == ["9.00", "1.00"]
