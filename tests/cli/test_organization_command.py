"""`flexlib organization check`, and what other commands make of the file that says who belongs where."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, store, store_credits

from flexlib.addresses import hide_email
from flexlib.cli.main import main

WORDS = ["organization", "check", "--year", "2025", "--month", "9"]
HEAD = "who,kind,department,team,project,from,until,share\n"
FILE = (
    HEAD
    + """\
ana@example.com,,Data,,,,2025-09-14,
ana@example.com,,Sales,,,2025-09-15,,
7,user,Data,,,,2025-09-05,
7,user,Data,,,2025-09-10,,
dora@example.com,,Sales,,,,,
eva@example.com,,Sales,,,,2025-08-31,
*,chat,,Assistant,,,,
Assistant,team,Customers,,,,,
"""
)
NOWHERE = 3


@pytest.fixture
def roster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ana 2.50 credits on the 2nd and 10.00 on the 20th, Ben 1.00; user 7 US$ 1 on the 2nd, a chat US$ 2, a key 4."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    people = {"u-1": {"name": "Ana", "email": "ana@example.com"}, "u-2": {"name": "Ben", "email": "ben@example.com"}}
    rows = [(2, "u-1", "m", 0, 250), (20, "u-1", "m", 0, 1000), (3, "u-2", "m", 0, 100)]
    store_credits(root, *rows, people=people)
    store(root, "import", SEPTEMBER,
          call("a", "2025-09-02T10:00:00", "1", usable_type="user", usable_id=7),
          call("b", "2025-09-02T10:00:00", "2", model="gpt-5", usable_type="chat", usable_id=1),
          call("c", "2025-09-03T10:00:00", "4", usable_type="key", usable_key="3f1c"))  # fmt: skip
    file = tmp_path / "organization.csv"
    file.write_text(FILE, "utf-8")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(file))
    return file


def check(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code, said = main([*WORDS, "--json", *words]), capsys.readouterr()
    assert said.out, said.err
    return code, json.loads(said.out)


def test_who_spends_and_is_nowhere_is_listed_under_a_pseudonym_and_ends_with_3(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, made = check(capsys)
    assert code == NOWHERE
    found = [(one["user"], one["usd"], one["flex_credits"]) for one in made["spends_and_is_nowhere"]]
    assert [one[1:] for one in found] == [("4", None), ("0.04", "1")]
    assert found[0][0].startswith("key ")
    assert found[0][0] != "key 3f1c"
    assert found[1][0].startswith("Person ")
    assert "ben" not in json.dumps(made).lower()
    main([*WORDS, "--json"])
    lacks = f"{roster} lacks lines: 2 spend and are listed nowhere."
    assert capsys.readouterr().err.splitlines()[-1] == lacks


def test_with_names_people_stand_as_the_file_and_the_team_have_them(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = check(capsys, "--names")
    assert [one["user"] for one in made["spends_and_is_nowhere"]] == ["key 3f1c", "Ben"]
    assert made["listed_and_never_spends"] == [{"line": 6, "kind": "person", "who": "dora@example.com"}]


def test_who_spends_between_two_lines_is_said_to_be_listed_and_on_which_days_not(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = roster.parent / "data"
    store(root, "import", SEPTEMBER,
          call("d", "2025-09-02T10:00:00", "1", usable_type="user", usable_id=7),
          call("e", "2025-09-07T10:00:00", "5", usable_type="user", usable_id=7))  # fmt: skip
    roster.write_text(FILE + "ben@example.com,,Data,,,,2025-08-31,\n", "utf-8")
    code, made = check(capsys)
    assert (code, made["spends_and_is_nowhere"]) == (NOWHERE, [])
    seven, ben = made["spends_on_days_not_listed"]
    assert [one["line"] for one in seven["lines"]] == [4, 5]
    assert (seven["usd"], seven["days"]) == ("5", [{"first": "2025-09-06", "last": "2025-09-09"}])
    assert [one["line"] for one in ben["lines"]] == [10]
    assert ben["days"] == [{"first": "2025-09-01", "last": "2025-09-30"}]
    assert main(WORDS) == NOWHERE
    said = capsys.readouterr().out
    assert "Spends but is listed nowhere: nobody\n" in said
    assert "Is listed, but not on days on which it spends: 2\n" in said
    assert "  line 4 and line 5             US$ 5.00, not listed 6 Sep to 9 Sep\n" in said
    assert "Person " not in said  # whoever has the file would know whose pseudonym it is
    assert "Person " not in json.dumps(made)
    assert main([*WORDS, "--names"]) == NOWHERE
    said = capsys.readouterr().out
    assert "  user 7, line 4 and line 5     US$ 5.00, not listed 6 Sep to 9 Sep\n" in said
    assert "  Ben, line 10" in said


def test_on_days_without_a_line_of_its_own_a_key_is_where_the_line_for_all_keys_has_it_and_not_nowhere(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "cleo,key,Gamma,,,,2025-09-10,\ncleo,key,Beta,,,2025-09-12,2025-09-20,\ncleo,key,Rest,,,2025-09-25,,\n"
    roster.write_text(HEAD + lines + "*,key,Rest,,,,2025-09-22,\n", "utf-8")
    _, made = check(capsys)
    assert [(one["day"], one["line"], _name(one["before"]), _name(one["after"])) for one in made["changed"]] == [
        ("2025-09-11", 2, "Gamma", "Rest"),
        ("2025-09-12", 3, "Rest", "Beta"),
        ("2025-09-21", 3, "Beta", "Rest"),
        ("2025-09-23", 5, "Rest", None),
        ("2025-09-25", 4, None, "Rest"),
    ]
    assert made["gaps"] == [{"line": 3, "kind": "key", "first": "2025-09-23", "last": "2025-09-24"}]
    roster.write_text(HEAD + lines, "utf-8")
    assert [one["line"] for one in check(capsys)[1]["gaps"]] == [2, 3]


def _name(parts: list[dict[str, Any]] | None) -> str | None:
    return parts[0]["department"] if parts else None


def test_with_names_a_hash_of_an_email_stands_as_the_email_that_the_file_or_the_list_of_people_has(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    eva, ben, who = (hide_email(f"{one}@example.com") for one in ("eva", "ben", "who"))
    calls = [call(one, "2025-09-07T10:00:00", usable_type="user", usable_key=one) for one in (eva, ben, who)]
    key = call("c", "2025-09-03T10:00:00", usable_type="key", usable_key="3f1c")
    store(roster.parent / "data", "import", SEPTEMBER, key, *calls)
    _, made = check(capsys, "--names")
    assert [one["user"] for one in made["spends_on_days_not_listed"]] == ["eva@example.com"]
    assert {one["user"] for one in made["spends_and_is_nowhere"]} == {
        "ben@example.com",
        f"user {who}",
        "Ben",
        "key 3f1c",
    }
    (note,) = made["notes"]
    assert note.startswith("1 user who spends is known only by a hash of the e-mail")
    assert str(roster) in note
    assert "email-" not in json.dumps(check(capsys)[1])


def test_a_team_that_has_no_line_is_named_with_who_names_it_and_ends_with_3(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(capsys)[1]["teams_without_a_line"] == []
    everybody = "ben@example.com,,Data,,,,,\n3f1c,key,Data,,,,,\n"
    roster.write_text(FILE + everybody, "utf-8")
    assert check(capsys)[0] == 0
    roster.write_text(FILE + everybody.replace("ben@example.com,,Data,,", "ben@example.com,,,Asistant,"), "utf-8")
    code, made = check(capsys)
    assert (code, made["spends_and_is_nowhere"]) == (NOWHERE, [])
    assert made["teams_without_a_line"] == [{"line": 10, "kind": "person", "team": "Asistant"}]
    main(WORDS)
    assert "Names a team that no line puts in a department: 1\n  line 10  Asistant\n" in capsys.readouterr().out
    # Where no team has a line, teams are all that there is.
    roster.write_text(HEAD + "ben@example.com,,,Asistant,,,,\n", "utf-8")
    assert check(capsys)[1]["teams_without_a_line"] == []


def test_a_team_that_only_a_call_names_and_that_has_no_line_is_named_with_its_sum_and_ends_with_3(
    roster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the application that misspells it does."""
    everybody = FILE + "ben@example.com,,Data,,,,,\n3f1c,key,Data,,,,,\n"
    roster.write_text(everybody, "utf-8")
    said = {"metadata": '{"team": "Asistant"}'}
    store(tmp_path / "data", "ledger", SEPTEMBER,
          call("d", "2025-09-04T10:00:00", "8", **said), call("e", "2025-09-05T10:00:00", "16", **said),
          call("f", "2025-09-05T10:00:00", "32", metadata='{"team": "Assistant"}'))  # fmt: skip
    code, made = check(capsys)
    assert (code, made["spends_and_is_nowhere"], made["teams_without_a_line"]) == (NOWHERE, [], [])
    (lost,) = made["teams_of_calls_without_a_line"]
    assert (lost["team"], lost["requests"], lost["usd"]) == ("Asistant", 2, "24")
    main(WORDS)
    shown = f"Calls name a team that no line puts in a department: 1\n  {'Asistant':<28}  US$ 24.00\n"
    assert shown in capsys.readouterr().out
    # Where no team has a line, teams are all that there is.
    roster.write_text(HEAD + "".join(one + "\n" for one in everybody.split()[1:] if ",team," not in one), "utf-8")
    assert check(capsys)[1]["teams_of_calls_without_a_line"] == []


@pytest.mark.parametrize(("lines", "usd", "flex"), [
    ("ben@example.com,,,,Rocket,,,\n3f1c,key,Data,,,,,\n", "0.04", "1"),  # a project, which is no department
    ("ben@example.com,,Data,,,,,\n3f1c,key,,Field,,,,\nField,team,Sales,,,2025-09-04,,\n", "4", None),  # a day too late
])  # fmt: skip
def test_who_belongs_somewhere_but_to_no_department_is_named_with_its_sum_and_ends_with_3(
    lines: str, usd: str, flex: str | None, roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roster.write_text(FILE + lines, "utf-8")
    code, made = check(capsys)
    assert (code, made["spends_and_is_nowhere"]) == (NOWHERE, [])
    (found,) = made["spends_and_is_in_no_department"]
    assert (found["usd"], found["flex_credits"]) == (usd, flex)
    main(WORDS)
    assert "Is listed, but in no department: 1\n  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("column", "level", "many"),
    [("department", "department", "departments"), ("team", "team", "teams"), ("project", "project", "projects"),
     ("cost_centre", "cost_centre", "cost centres")],
)  # fmt: skip
def test_what_calls_write_in_another_way_than_the_file_is_told_of_each_level(
    roster: Path, capsys: pytest.CaptureFixture[str], column: str, level: str, many: str
) -> None:
    """The file has Operación, calls operacion and ops; of what the file alone writes in two ways its own note tells."""
    told = [json.dumps({level: name}) for name in ("operacion", "ops")]
    calls = [call(name, "2025-09-02T10:00:00", "1", metadata=name) for name in told]
    store(roster.parent / "data", "import", SEPTEMBER, *calls)
    roster.write_text(f"who,kind,{column}\nk1,key,Operación\nk2,key,Data\nk3,key,data\n", "utf-8")
    main(WORDS)
    told = [line for line in capsys.readouterr().err.splitlines() if "write them alike" in line]
    assert told == [
        f"'Data' and 'data' are {many} of their own; write them alike if they are one.",
        f"'Operación' and 'operacion' are {many} of their own; write them alike if they are one.",
    ]


def test_where_nobody_has_a_department_none_is_missed(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = ("ana@example.com,", "ben@example.com,", "7,user", "1,chat", "3f1c,key")
    roster.write_text(HEAD + "".join(f"{one},,,Rocket,,,\n" for one in people), "utf-8")
    code, made = check(capsys)
    assert (code, made["spends_and_is_in_no_department"]) == (0, [])


def test_departments_sum_to_everything(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, made = check(capsys)
    assert [(one["department"], one["users"], one["usd"], one["flex_credits"]) for one in made["departments"]] == [
        (None, 2, "4.04", "1"), ("Customers", 1, "2", None), ("Data", 2, "1.1", "2.5"), ("Sales", 1, "0.4", "10"),
    ]  # fmt: skip


def test_what_changed_in_the_month_and_what_it_leaves_open(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, made = check(capsys)
    changed = [(one["line"], one["day"], *((side and side[0]["department"]) for side in (one["before"], one["after"])))
               for one in made["changed"]]  # fmt: skip
    assert changed == [(7, "2025-09-01", "Sales", None), (4, "2025-09-06", "Data", None),
                       (5, "2025-09-10", None, "Data"), (3, "2025-09-15", "Data", "Sales")]  # fmt: skip
    assert made["gaps"] == [{"line": 4, "kind": "person", "first": "2025-09-06", "last": "2025-09-09"}]


def test_the_console_says_the_same_line_by_line(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--top", "1"]) == NOWHERE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Organization of September 2025: {roster}, 8 lines"
    assert lines[1].split() == ["in", "no", "department", "2", "users", "1.00", "flex", "credits,", "US$", "4.04"]
    assert [line for line in lines if not line.startswith(" ")][1:] == [
        "Spends but is listed nowhere: 2", "Is listed but never spends: 1", "Changed since August 2025: 4",
        "Is not listed between two lines: 1"]  # fmt: skip
    assert "  and 1 more" in lines


def test_where_everybody_is_somewhere_the_code_is_that_of_the_month(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roster.write_text(FILE + "ben@example.com,,Data,,,,,\n3f1c,key,Data,,,,,\n7,user,Data,,,2025-09-06,2025-09-09,\n")
    assert check(capsys)[0] == 0


def test_without_a_file_the_command_says_where_it_is_looked_for(
    roster: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLEXLIB_ORGANIZATION")
    assert main(WORDS) == 2
    assert "copy params/organization.example.csv" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*WORDS, "--roster", "none.csv"])
    assert "none.csv is not there" in capsys.readouterr().err


def test_a_faulty_file_is_refused_with_its_lines_before_anything_is_read(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roster.write_text(HEAD + "ana@example.com,,,,,,,\n*,,Data,,,,,\n")
    assert main(WORDS) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "line 2 of " in said.err
    assert "line 3 of " in said.err


@pytest.mark.parametrize(("line", "spent"), [
    ("department: Data, currency: usd", "1.1"),
    ("department: Sales, currency: flex_credits", "10"),
    ("team: Assistant, currency: usd", "2"),
])  # fmt: skip
def test_a_budget_of_a_department_or_team_holds_to_the_file(
    roster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, spent: str
) -> None:
    budgets = tmp_path / "budgets.yaml"
    budgets.write_text(f"budgets:\n  - {{name: one, {line}, amount: '100'}}\n")
    assert main(["check", "--year", "2025", "--month", "9", "--budgets", str(budgets), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["budgets"]
    assert found["spent"] == spent


def test_unusual_days_are_looked_for_by_department_too(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["anomalies", "--year", "2025", "--month", "9", "--by", "department", "--json"]) == 0
    assert "department" in json.loads(capsys.readouterr().out)["layers"]


def test_a_month_is_compared_with_another_by_department(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = call("z", "2025-08-30T10:00:00", "5", usable_type="user", usable_id=7)
    store(roster.parent / "data", "import", AUGUST, rows)
    words = ["compare", "2025-08", "2025-09", "--of", "usd", "--by", "department", "--top", "10"]
    assert main([*words, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["departments"] == {"new": 2, "gone": 0, "stayed": 1}
    found = {(one["source"], one["department"]): one["difference"] for one in made["by_department"]}
    assert {who: amount for (source, who), amount in found.items() if source == "import"} == {
        "Data": "-4", "not given": "4", "Customers": "2"}  # fmt: skip
    assert {who: amount for (source, who), amount in found.items() if source != "import"} == {
        "Sales": "0.4", "Data": "0.1", "not given": "0.04"}  # fmt: skip
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "Departments with the largest changes" in said
    assert "2 new departments" in said
    assert "Data, imported files" in said
    assert main(["compare", "2025-09@1", "2025-09", "--by", "department"]) == 2
    assert "leave --by out" in capsys.readouterr().err


def test_a_sum_of_a_month_of_somebody_who_moved_within_it_is_said_to_be_in_nothing(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "1 sum of a whole month of somebody who moved within it: what changed then is in nothing."
    whole = call("w", "2025-09-01", "8", grain="month", usable_type="user", usable_id=9)
    store(roster.parent / "data", "import", SEPTEMBER, whole)
    store(roster.parent / "data", "import", AUGUST, call("z", "2025-08-30T10:00:00", "5"))
    roster.write_text(HEAD + "9,user,Data,,,,2025-09-14,\n9,user,Sales,,,2025-09-15,,\n")
    main(WORDS)
    assert said in capsys.readouterr().out
    assert check(capsys)[1]["sums_of_the_month_undecided"] == 1
    main(["compare", "2025-08", "2025-09", "--of", "usd", "--by", "department"])
    assert "what changed of Data and Sales, and of what is in none of them, is not measured." in capsys.readouterr().err


def test_of_departments_that_the_months_sum_of_somebody_who_moved_may_be_of_no_change_is_measured(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for month in (AUGUST, SEPTEMBER):  # user 9 US$ 100 each month, user 10 US$ 40, then 50
        of_month = {"grain": "month", "usable_type": "user"}
        store(roster.parent / "data", "sums", month, call(f"{month}-9", f"{month}-01", "100", usable_id=9, **of_month),
              call(f"{month}-10", f"{month}-01", str(10 * month.month - 40), usable_id=10, **of_month))  # fmt: skip
    roster.write_text(HEAD + "9,user,Data,,,,2025-09-14,\n9,user,Sales,,,2025-09-15,,\n10,user,IT,,,,,\n")
    main(["compare", "2025-08", "2025-09", "--of", "usd", "--by", "department", "--json"])
    made = json.loads(capsys.readouterr().out)
    parts = {(one["source"], one["department"]): one.keys() - {"source", "department", "difference"}
             for one in made["by_department"] if one["source"] == "sums"}  # fmt: skip
    assert parts[("sums", "Data")] == parts[("sums", "not given")] == {"unmeasured"}
    assert "unmeasured" not in parts[("sums", "IT")]
    assert made["departments"]["gone"] == 0


def test_the_example_is_a_file_without_a_fault() -> None:
    from flexlib.store.organization import read_organization

    example = Path(__file__).parents[2] / "params" / "organization.example.csv"
    made = read_organization(example)
    assert (len(made.memberships), made.notes, len(made.gaps)) == (71, (), 1)


def test_the_doctor_says_whether_there_is_a_file_and_what_is_wrong_with_it(
    roster: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> tuple[int, str]:
        code = main(["doctor", "--json"])
        (found,) = (one["text"] for one in json.loads(capsys.readouterr().out) if one["name"] == "people")
        return code, found

    assert look() == (0, f"{roster}, 8 lines, 1 gap")
    roster.write_text(HEAD + "ana@example.com,,,,,,,\n")
    code, said = look()
    assert code == 2
    assert said.startswith("line 2 of ")
    monkeypatch.delenv("FLEXLIB_ORGANIZATION")
    assert look()[1].startswith("no file says who belongs to which department")


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
@pytest.mark.parametrize("words", [
    ["chargeback", "--year", "2025", "--month", "9"], ["anomalies", "--year", "2025", "--month", "9"], WORDS,
    ["compare", "2025-09", "2025-09", "--by", "department"],
])  # fmt: skip
def test_every_command_that_reads_a_file_of_people_that_is_not_its_own_says_once_that_others_may_read_it(
    roster: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    other = roster.rename(roster.with_name("hr.csv"))
    other.chmod(0o644)
    said = f"Others may read {other}, which holds people: chmod 600 {other}\n"
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(other))
    main(words)
    assert capsys.readouterr().err.count(said) == 1
    monkeypatch.delenv("FLEXLIB_ORGANIZATION")
    main([*words, "--roster", str(other)])
    assert capsys.readouterr().err.count(said) == 1
    assert other.stat().st_mode & 0o777 == 0o644  # it may be another's own
    other.chmod(0o600)
    main([*words, "--roster", str(other)])
    assert "Others may read" not in capsys.readouterr().err


def test_the_smaller_part_of_somebody_whose_calls_have_no_price_has_at_least_so_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02", "1", usable_type="user", usable_id=7),
          call("b", "2025-09-02", None, usable_type="user", usable_id=7))  # fmt: skip
    (file := tmp_path / "organization.csv").write_text(f"{HEAD}7,user,A,,,,,60\n7,user,B,,,,,40\n", "utf-8")
    main([*WORDS, "--roster", str(file)])
    assert "  B                                 1 user  at least US$ 0.40\n" in capsys.readouterr().out
    __, made = check(capsys, "--roster", str(file))
    assert [(one["requests"], one["unpriced_requests"]) for one in made["departments"]] == [(2, 1), (0, None)]
