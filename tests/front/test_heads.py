"""How many people use something of a department: no more than it has, whatever calls say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from spend_samples import SEPTEMBER, call, store

from flexlib.addresses import hide_email
from flexlib.analysis.chargeback import NOBODY, LineKey, LineKind
from flexlib.front.heads import SEATS, count_heads, count_users, name_line
from flexlib.front.sharing import find_folded
from flexlib.front.spend import Spend, load_spend

CALLS = "requests of calls"


def load(root: Path, members: Mapping[str, int], callers: Mapping[str, tuple[str, int]]) -> Spend:
    """`members`: of each department of the organization's file how many it has; `callers`: which department the calls
    name, whose people make them, and how many of these."""
    listed = [f"{name}{one}@example.com,{name}" for name, count in members.items() for one in range(count)]
    (root / "organization.csv").write_text("\n".join(["who,department", *listed, ""]), "utf-8")
    store(root, "import", SEPTEMBER, *(
        call(f"{named}-{one}", "2025-09-02", usable_type="user", usable_key=hide_email(f"{whose}{one}@example.com"),
             metadata=json.dumps({"department": named}))
        for named, (whose, count) in callers.items() for one in range(count)
    ))  # fmt: skip
    return load_spend(SEPTEMBER, None, root, zone="UTC", names=False, roster=root / "organization.csv")


def test_a_department_without_members_that_calls_of_others_name_is_of_one_person(tmp_path: Path) -> None:
    """Nobody knows for whom six of Data's wrote its name: it is no group of six."""
    spend = load(tmp_path, {"Data": 9, "Sales": 7}, {"Data": ("Data", 9), "Sales": ("Sales", 7), "Trial": ("Data", 6)})
    trial = count_users(spend, "department")[SEPTEMBER.first]["Trial"]
    assert (trial[SEATS], trial[CALLS]) == (0, 1)
    assert find_folded(spend, "department") == {"Trial", "Sales", "Data"}  # of seats Sales alone would be the line


def test_calls_of_others_that_name_a_small_department_make_no_line_larger(tmp_path: Path) -> None:
    """Legal has 2 members, and 4 of Data's name it: with the 2 of Sales that call it is a line of 4, not of 6."""
    callers = {"Legal": ("Data", 4), "Sales": ("Sales", 2), "Data": ("Data", 9)}
    spend = load(tmp_path, {"Legal": 2, "Sales": 6, "Data": 9}, callers)
    counts = count_users(spend, "department")[SEPTEMBER.first]
    assert {name: (one[SEATS], one[CALLS]) for name, one in counts.items()} == {
        "Legal": (2, 2), "Sales": (6, 2), "Data": (9, 9),
    }  # fmt: skip
    assert find_folded(spend, "department") == {"Legal", "Sales", "Data"}


@pytest.mark.parametrize(
    ("until", "heads", "seats"),
    [
        ("2025-08-31", {"Data": "1", "": "1"}, 1),
        ("2025-09-10", {"Data": "4/3", "": "2/3"}, 2),  # 10 of 30 days
        ("2025-09-30", {"Data": "2"}, 2),
    ],
)
def test_who_spends_after_the_last_day_in_the_file_is_nobody_s_person_on_the_other_days(
    tmp_path: Path, until: str, heads: dict[str, str], seats: int
) -> None:
    """Ana and Ben use something on the 20th; Ben's line in the file of Data ends before, on that day or after."""
    rows = [("ana", ""), ("ben", until)]
    lines = [f"{name}@example.com,Data,2025-01-01,{last}" for name, last in rows]
    (tmp_path / "organization.csv").write_text("\n".join(["who,department,from,until", *lines, ""]), "utf-8")
    calls = [call(name, "2025-09-20", usable_type="user", usable_key=hide_email(f"{name}@example.com"))
             for name, _ in rows]  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, *calls)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False, roster=tmp_path / "organization.csv")
    assert {line.name: str(count) for line, count in count_heads(spend, "department").items()} == heads
    assert count_users(spend, "department")[SEPTEMBER.first]["Data"][SEATS] == seats


@pytest.mark.parametrize(
    ("day", "heads"),
    [
        ("2025-09-05", {"Blue": "1", "": "1/3"}),  # of 30 days the 10 that Ben is listed
        ("2025-09-20", {"Blue": "1", "": "1"}),  # those, and the 20 on which he used something and is not
    ],
)
def test_who_has_no_team_in_the_file_is_nobody_s_person_for_the_days_that_it_names_alone(
    tmp_path: Path, day: str, heads: dict[str, str]
) -> None:
    """Ben is in Data without a team until the 10th; what he used is nobody's on any day."""
    lines = ["who,department,team,from,until", "ana@example.com,Data,Blue,2025-01-01,",
             "ben@example.com,Data,,2025-01-01,2025-09-10"]  # fmt: skip
    (tmp_path / "organization.csv").write_text("\n".join([*lines, ""]), "utf-8")
    calls = [call(name, at, usable_type="user", usable_key=hide_email(f"{name}@example.com"))
             for name, at in (("ana", "2025-09-20"), ("ben", day))]  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, *calls)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False, roster=tmp_path / "organization.csv")
    assert {line.name: str(count) for line, count in count_heads(spend, "team").items()} == heads


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT])
def test_what_has_no_name_is_the_line_of_nobody(nothing: object) -> None:
    assert name_line(nothing) == NOBODY
    assert name_line("") == LineKey(LineKind.PART, "")
