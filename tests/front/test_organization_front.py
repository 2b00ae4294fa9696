"""Sums by department, team, project and cost centre: by the day of each row, exact at each level."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spend_samples import AUGUST, SEPTEMBER, call, store, store_credits

from flexlib.addresses import hide_email
from flexlib.errors import BadFile, InvalidRequest
from flexlib.front.compare import compare_spans
from flexlib.front.narrow import count_shares
from flexlib.front.organization import place_rows, split_amounts
from flexlib.front.spend import Spend, load_spend
from flexlib.schema import USAGE
from flexlib.store.membership import LEVELS, Place
from flexlib.store.organization import read_organization

HEAD = "who,kind,department,team,project,cost_centre,from,until,share\n"


def load(root: Path, lines: str, *, zone: str = "UTC", names: bool = False) -> Spend:
    (root / "people.csv").write_text(HEAD + lines, "utf-8")
    return load_spend("2025-09", None, root, zone=zone, names=names, roster=root / "people.csv")


def pick(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    """The columns row by row, what is missing as None."""
    rows = frame[list(columns)].itertuples(index=False)
    return [tuple(None if pd.isna(value) else value for value in row) for row in rows]


def by_user(name: str, when: str = "2025-09-10T10:00:00", usd: str = "1", **columns: Any) -> dict[str, Any]:  # noqa: ANN401
    return call(name, when, usd, **{"usable_type": "user", "usable_id": 7} | columns)


def test_a_call_is_its_persons_and_one_of_nobody_is_a_line_of_its_own(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a"), call("b", "2025-09-10", "5", usable_type="key", usable_key="k"))
    assert pick(load(tmp_path, "7,user,Data,,,,,,\n").by("department"), "department", "requests", "usd") == [
        (None, 1, Decimal(5)), ("Data", 1, Decimal(1))]  # fmt: skip


def test_a_transfer_within_the_month_splits_it_by_day(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a", "2025-09-14T23:59:00", "1"),
          by_user("b", "2025-09-15T00:00:00", "2"), by_user("c", "2025-09-15", "4", grain="day"))  # fmt: skip
    found = load(tmp_path, "7,user,Data,,,,,2025-09-14,\n7,user,Sales,,,,2025-09-15,,\n")
    assert pick(found.by("department"), "department", "usd") == [("Sales", Decimal(6)), ("Data", Decimal(1))]


def test_the_day_of_a_transfer_is_that_of_the_zone(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a", "2025-09-15T02:00:00"))  # the 14th in Santiago
    lines = "7,user,Data,,,,,2025-09-14,\n7,user,Sales,,,,2025-09-15,,\n"
    for zone, department in (("UTC", "Sales"), ("America/Santiago", "Data")):
        assert pick(load(tmp_path, lines, zone=zone).by("department"), "department") == [(department,)]


def test_a_sum_of_a_month_is_of_whom_nothing_moved_within_it_and_else_of_none(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a", "2025-09-01", "8", grain="month"))
    moved = "7,user,Data,,A,,,2025-09-14,\n7,user,Data,,B,,2025-09-15,,\n"
    assert pick(load(tmp_path, moved).by("department", "project"), "department", "project", "usd") == [
        ("Data", None, Decimal(8))]  # fmt: skip
    for lines in ("7,user,Data,,A,,,2025-09-14,\n", "7,user,Data,,A,,2025-09-02,,\n"):
        assert pick(load(tmp_path, lines).by("department"), "department") == [(None,)]
    whole = load(tmp_path, "7,user,Data,,A,,2025-09-01,2025-09-30,\n7,user,Sales,,A,,2025-10-01,,\n")
    assert pick(whole.by("department"), "department") == [("Data",)]


def test_shares_split_amounts_to_the_last_digit_and_leave_the_count_to_the_largest(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a", usd="0.0000000001"), by_user("b", usd="1"),
          by_user("c", usd=None))  # type: ignore[arg-type] # fmt: skip
    found = load(tmp_path, "7,user,Data,,A,,,,33.3\n7,user,Data,,B,,,,33.3\n7,user,Data,,C,,,,33.4\n").by("project")
    assert pick(found, "project", "requests", "total_tokens", "usd", "unpriced_requests") == [
        ("C", 3, 300, Decimal("0.3340000001"), 1),
        ("A", 0, 0, Decimal("0.333"), 0),
        ("B", 0, 0, Decimal("0.333"), 0),
    ]


@pytest.mark.parametrize(("share", "moved"), [("60", 4), ("40", 6), ("33.3333", Decimal("6.66667"))])
def test_a_share_that_goes_to_another_department_is_volume_and_no_price(
    share: str, moved: Decimal, tmp_path: Path
) -> None:
    """Ten calls of US$ 1 a month each; from September on the share of user 7 that is not Platform's is Data's."""
    for month in (AUGUST, SEPTEMBER):
        calls = [by_user(f"{month}{user}{number}", f"{month}-10T10:00:00", usable_id=user)
                 for user in (7, 8) for number in range(10)]  # fmt: skip
        store(tmp_path, "ledger", month, *calls)
    rest = 100 - Decimal(share)
    file = tmp_path / "people.csv"
    file.write_text(f"{HEAD}7,user,Platform,,,,,2025-08-31,\n8,user,Data,,,,,,\n7,user,Platform,,,,2025-09-01,,{share}\n"
                    f"7,user,Data,,,,2025-09-01,,{rest}\n", "utf-8")  # fmt: skip
    made = compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path, of="usd", by="department", roster=file)
    found = {key[1]: {name: part for name, part in parts.items() if part}  # type: ignore[index]
             for key, parts in made.change.sum_by_person().items()}  # fmt: skip
    assert found == {"Platform": {"volume": -moved}, "Data": {"volume": moved}}


def test_a_share_of_credits_that_goes_to_another_department_is_volume(tmp_path: Path) -> None:
    """Both days of credits are half of Data: a request each of 2.50, of which it has 1.25 and half a request."""
    store_credits(tmp_path, (2, "u-1", "m", 0, 250), (3, "u-1", "m", 0, 250))
    spend = load(tmp_path, "u-1,,Data,,,,,,50\nu-1,,Sales,,,,,,50\n")
    counted = count_shares(spend, ("source", "department"), "true", {})
    assert counted is not None
    assert sorted(counted.values.tolist()) == [["windsurf", "Data", 1, 0], ["windsurf", "Sales", 1, 0]]
    assert count_shares(spend, ("source", "model"), "true", {}) is None  # each row is one


def test_what_rounding_leaves_over_is_drawn_by_the_id_of_the_row_and_not_by_the_order_of_lines(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, *(by_user(name, usd="0.0000000003") for name in "abcdef"))
    for lines in ("7,user,,,B,,,,50\n7,user,,,A,,,,50\n", "7,user,,,A,,,,50\n7,user,,,B,,,,50\n"):
        found = load(tmp_path, lines).by("project")
        assert pick(found, "project", "usd") == [("A", Decimal("10e-10")), ("B", Decimal("8e-10"))]  # 4 of 6


def test_what_a_call_says_of_itself_wins_then_its_team_its_key_and_its_person(tmp_path: Path) -> None:
    said = {"a": {"department": "Own"}, "b": {"team": "Search"}, "c": {"team": "none of the file"}, "d": {}}
    store(tmp_path, "ledger", SEPTEMBER,
          *(call(name, "2025-09-10", "1", usable_type="key", usable_key="k", metadata=json.dumps(one))
            for name, one in said.items()),
          call("e", "2025-09-10", "1", usable_type="application", usable_key="k"))  # fmt: skip
    found = load(tmp_path, "k,key,OfKey,T,,,,,\nk,,OfPerson,,,,,,\nSearch,team,OfTeam,,P,,,,\n")
    found_by = sorted(pick(found.by("department", "team", "project"), "department", "team", "project"), key=str)
    assert found_by == [
        ("OfKey", "T", None), ("OfKey", "none of the file", None), ("OfPerson", None, None), ("OfTeam", "Search", "P"),
        ("Own", "T", None)]  # fmt: skip


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Two developers with credits, one of them known by e-mail and by key alike."""
    people = {"u-1": {"name": "Ana", "email": "ana@example.com"}, "u-2": {"name": "B", "email": ""}}
    rows = (2, "u-1", "claude-sonnet-4", 100, 250), (20, "u-2", "claude-sonnet-4", 3, 1001)
    store_credits(tmp_path, *rows, people=people)
    return tmp_path


@pytest.mark.parametrize("names", [True, False])
def test_developers_are_found_by_email_or_key_also_behind_pseudonyms(team: Path, names: bool) -> None:
    found = load(team, "ANA@example.com,,Data,,,,,,\nu-2,,Sales,,A,,,,50\nu-2,,Sales,,B,,,,50\n", names=names)
    assert pick(found.by("department"), "department", "flex_credits", "prompt_credits") == [
        ("Sales", Decimal("10.01"), Decimal("0.03")), ("Data", Decimal("2.50"), Decimal("1.00"))]  # fmt: skip
    assert pick(found.by("project"), "project", "flex_credits", "prompt_credits") == [
        ("A", Decimal("5.01"), Decimal("0.02")), ("B", Decimal("5.00"), Decimal("0.01")),
        (None, Decimal("2.50"), Decimal("1.00"))]  # fmt: skip
    assert found.by("department", "user")["user"].notna().all()


def test_a_key_of_a_developer_goes_before_its_email(team: Path) -> None:
    found = load(
        team, "ana@example.com,,OfPerson,,,,,,\nu-1,key,OfKey,,,,,2025-09-01,\nu-1,,OfKeyToo,,,,2025-09-02,,\n"
    )
    assert pick(found.by("department"), "department") == [(None,), ("OfKeyToo",)]


def test_a_developer_on_no_list_is_found_by_its_key(tmp_path: Path) -> None:
    store_credits(tmp_path, (2, "gone", "claude-sonnet-4", 0, 300), people={}, unlisted=("gone",))
    assert pick(load(tmp_path, "gone,,Data,,,,,,\n").by("department"), "department") == [("Data",)]


def test_a_user_whose_email_an_import_hid_is_found_by_it(tmp_path: Path) -> None:
    store(
        tmp_path,
        "import",
        SEPTEMBER,
        call("a", "2025-09-10", usable_type="user", usable_key=hide_email("ana@example.com")),
    )
    assert pick(load(tmp_path, "Ana@example.com,,Data,,,,,,\n").by("department"), "department") == [("Data",)]


def test_without_a_file_the_metadata_tells_as_before(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a", metadata=json.dumps({"department": "Own"})), by_user("b"))
    found = load_spend("2025-09", None, tmp_path, zone="UTC", names=False)
    assert pick(found.by("department"), "department", "usd") == [("Own", 1), (None, 1)]
    with pytest.raises(
        InvalidRequest, match="no row has a cost_centre: neither .*(--roster FILE or FLEXLIB_ORGANIZATION)"
    ):
        found.by("cost_centre")


def test_with_a_file_that_names_nobody_who_spends_everything_is_unmapped(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a"))
    assert pick(load(tmp_path, "8,user,Data,,,,,,\n").by("cost_centre"), "cost_centre", "usd") == [(None, 1)]


def test_a_faulty_file_stops_what_needs_it_and_nothing_else(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, by_user("a"))
    found = load(tmp_path, ",,Data,,,,,,\n")
    assert found.total("usd") == Decimal(1)
    with pytest.raises(BadFile, match="line 2"):
        found.by("department")


def test_months_side_by_side_have_each_its_own_days(tmp_path: Path) -> None:
    store(tmp_path, "ledger", AUGUST, by_user("a", "2025-08-31T10:00:00"))
    store(tmp_path, "ledger", SEPTEMBER, by_user("b", usd="2"))
    load(tmp_path, "7,user,Data,,,,,2025-08-31,\n7,user,Sales,,,,2025-09-01,,\n")
    both = load_spend("2025-08", "2025-09", tmp_path, zone="UTC", names=False, roster=tmp_path / "people.csv")
    assert pick(both.by("month", "department"), "month", "department", "usd") == [
        (datetime(2025, 8, 1), "Data", 1), (datetime(2025, 9, 1), "Sales", 2)]  # fmt: skip


FIXTURE = Path(__file__).parents[1] / "data" / "fixture"


def test_whatever_the_file_says_of_a_company_each_level_sums_to_the_whole(tmp_path: Path) -> None:
    chance = random.Random(2025)
    months = load_spend("2025-08", "2025-09", FIXTURE, zone="UTC", names=True)
    people = [snapshot.people for month in months.loaded for snapshot in month.snapshots]
    emails = {one["email"] for listed in people for one in listed.values()}
    lines = []
    for who in [*sorted(emails), *(f"{number},user" for number in range(1, 26))]:
        said = f"{who}{'' if ',' in who else ','}"
        for first, last in (("", "2025-09-14"), ("2025-09-15", "")):
            shares = chance.choice([(100,), (60, 40), (33.3, 33.3, 33.4), ()])
            lines += [f"{said},D{chance.randrange(4)},T{chance.randrange(9)},P{number},,{first},{last},{share}\n"
                      for number, share in enumerate(shares)]  # fmt: skip
    file = tmp_path / "people.csv"
    file.write_text(HEAD + "".join(chance.sample(lines, len(lines))), "utf-8")
    both = load_spend("2025-08", "2025-09", FIXTURE, zone="UTC", names=False, roster=file)
    whole = both.by("source")
    for keys in (("department",), ("team", "day"), ("project", "user"), LEVELS):
        table = both.by(*keys)
        assert table[keys[0]].nunique() > 1
        for unit in ("flex_credits", "prompt_credits", "usd", "clp", "requests", "unpriced_requests"):
            assert table[unit].dropna().sum() == whole[unit].dropna().sum(), (keys, unit)


DAYS = st.integers(0, 29).map(lambda number: date(2025, 9, 1) + timedelta(number))
SPLITS = st.sampled_from([(100,), (60, 40), (50, 50), (33, 33, 34), (1, 99), (12, 13, 75)])
NAMES = st.sampled_from(["", "A", "B", "Ñ 'C'"])


@st.composite
def list_lines(draw: st.DrawFn) -> list[tuple[str, date, date, str, str, int]]:
    """Lines of four users without a fault: cut at some days, each span of shares, or a gap."""
    lines: list[tuple[str, date, date, str, str, int]] = []
    for user in range(4):
        cuts = sorted(draw(st.sets(DAYS, max_size=4)))
        for first, end in zip([date(2025, 1, 1), *cuts], [*cuts, date(2025, 12, 31)], strict=True):
            for share in draw(st.one_of(SPLITS, st.just(()))):
                lines.append((str(user), first, end - timedelta(1), draw(NAMES) or "D", draw(NAMES), share))
    return lines


STEPS = st.integers(-(10**20) + 1, 10**20 - 1)
CALLS = st.fixed_dictionaries({
    "usable_id": st.integers(0, 4), "day": DAYS, "usd": st.none() | STEPS, "clp": st.none() | STEPS,
    "flex": st.none() | st.integers(-5, 10**15), "requests": st.none() | st.integers(0, 10**9),
    "tokens": st.integers(0, 10**12), "grain": st.sampled_from(["call", "day", "month"]),
})  # fmt: skip
Split = dict[tuple[str, Place], tuple[Any, ...]]


def split_calls(calls: list[dict[str, Any]], lines: list[tuple[str, date, date, str, str, int]], file: Path) -> Split:
    file.write_text(HEAD + "".join(
        f"{who},user,\"{department}\",,\"{project}\",,{first},{last},{share}\n"
        for who, first, last, department, project, share in lines
    ) + "nobody,,X,,,,,,\n", "utf-8")  # fmt: skip
    rows = [
        call(str(number), f"{date(2025, 9, 1) if one['grain'] == 'month' else one['day']}T00:00", None,
             grain=one["grain"], usable_type="user", usable_id=one["usable_id"],
             amount_in_usd=None if one["usd"] is None else Decimal(one["usd"]).scaleb(-10),
             amount_in_clp=None if one["clp"] is None else Decimal(one["clp"]).scaleb(-4),
             requests=one["requests"], total_tokens=one["tokens"])
        for number, one in enumerate(calls)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=USAGE)
    for name in ("flex_credits", "prompt_credits"):
        table = table.append_column(name, pa.array([one["flex"] for one in calls], pa.int64()))
    whole = duckdb.from_arrow(table).select("*, NULL::VARCHAR AS spender, metadata AS told")
    organization = read_organization(file)
    kept = split_amounts(place_rows(whole, SEPTEMBER, organization, []), organization).select(
        f"id, {', '.join(LEVELS)}, amount_in_usd, amount_in_clp, flex_credits, requests, total_tokens"
    )
    return {(row[0], Place(*row[1:5])): row[5:] for row in kept.fetchall()}


def expect_places(one: dict[str, Any], lines: list[tuple[str, date, date, str, str, int]]) -> dict[Place, Fraction]:
    """What a row is of, found line by line and day by day."""

    def expect(day: date) -> dict[Place, Fraction]:
        found: dict[Place, Fraction] = defaultdict(Fraction)
        for who, first, last, department, project, share in lines:
            if who == str(one["usable_id"]) and first <= day <= last:
                found[Place(department, None, project or None)] += Fraction(share, 100)
        return found or {Place(): Fraction(1)}

    if one["grain"] != "month":
        return expect(one["day"])
    days = [expect(date(2025, 9, number)) for number in range(1, 31)]
    if all(day == days[0] for day in days):
        return days[0]
    names = ({place[level] for day in days for place in day} for level in range(len(LEVELS)))
    return {Place(*(one.pop() if len(one) == 1 else None for one in names)): Fraction(1)}


@settings(max_examples=40)
@given(calls=st.lists(CALLS, max_size=8), lines=list_lines(), seed=st.integers())
def test_whatever_the_file_says_no_digit_is_lost_and_each_day_has_its_share(
    calls: list[dict[str, Any]], lines: list[tuple[str, date, date, str, str, int]], seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    file = tmp_path_factory.getbasetemp() / "people.csv"
    found = split_calls(calls, lines, file)
    assert split_calls(calls, random.Random(seed).sample(lines, len(lines)), file) == found
    for number, one in enumerate(calls):
        expected = expect_places(one, lines)
        parts = {place: part for (name, place), part in found.items() if name == str(number)}
        assert parts.keys() == expected.keys()
        given_ = (one["usd"], one["clp"], one["flex"])
        for column, (whole, decimals) in enumerate(zip(given_, (10, 4, 0), strict=True)):
            amounts = {place: part[column] for place, part in parts.items()}
            if whole is None:
                assert set(amounts.values()) == {None}
                continue
            steps = {place: int(Decimal(amount).scaleb(decimals)) for place, amount in amounts.items()}
            assert sum(steps.values()) == whole
            assert all(abs(steps[place] - whole * share) < 1 for place, share in expected.items())
            assert all(step * whole >= 0 for step in steps.values())
        if one["requests"] is not None:
            assert sum(part[3] for part in parts.values()) == one["requests"]
        assert sum(part[4] for part in parts.values()) == one["tokens"]


@settings(max_examples=20)
@given(
    amount=st.integers(1, 10**6), count=st.integers(1, 200),
    shares=st.sampled_from([(33, 33, 34), (50, 50), (12, 13, 75), (1, 1, 1, 1, 96)]), sign=st.sampled_from([1, -1]),
)  # fmt: skip
def test_over_many_rows_nobody_has_more_for_the_rounding(
    amount: int, count: int, shares: tuple[int, ...], sign: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By chance alone a part is off by more than four times the root of the rows once in 10**13 times (Hoeffding)."""
    lines = [("7", date(2025, 1, 1), date(2025, 12, 31), "D", f"P{place}", part) for place, part in enumerate(shares)]
    one = {"usable_id": 7, "day": date(2025, 9, 3), "usd": sign * amount, "clp": None, "flex": sign * amount,
           "requests": 1, "tokens": 1, "grain": "call"}  # fmt: skip
    found = split_calls([one] * count, lines, tmp_path_factory.getbasetemp() / "people.csv")
    for place, share in enumerate(shares):
        got = [part[2] for (_, where), part in found.items() if where.project == f"P{place}"]
        exact = Fraction(sign * amount * count * share, 100)
        assert abs(sum(got) - exact) < 4 * count**0.5


def test_a_sum_by_department_makes_no_ids_of_credits_where_nobody_is_of_two(tmp_path: Path) -> None:
    """Of a large company these are millions of hashes, which only the parts of one row are drawn by."""
    store_credits(tmp_path, (1, "u", "x", 0, 100))
    roster, plans = tmp_path / "organization.csv", []
    for shares in ("u,A,\n", "u,A,50%\nu,B,50%\n"):
        roster.write_text(f"who,department,share\n{shares}", "utf-8")
        placed = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False, roster=roster)._placed
        plan = placed.aggregate("department, sum(flex_credits)", "department").explain()
        plans.append({*re.findall(r"\w+", plan)})
    assert ["id" in one for one in plans] == [False, True]
