"""`flexlib verify`: a page is what its inputs give, byte for byte, or it is said what is not what it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import nbformat
import pytest
from marked_language import Marked, find_unmarked
from report_samples import FIXTURE
from spend_samples import SEPTEMBER, call, store, store_credits

from flexlib import i18n
from flexlib.cli import main
from flexlib.errors import BadFile
from flexlib.i18n import speak, use_language
from flexlib.report.folder import find_packaged
from flexlib.report.fresh import explain_misplaced
from flexlib.report.inputs import Inputs
from flexlib.report.manifest import (
    EXTRAS,
    MANIFEST,
    build_manifest,
    hash_bytes,
    name_manifest,
    read_manifest,
    seal_manifest,
)
from flexlib.report.moved import list_figures, list_moved
from flexlib.report.no_page import cut_end
from flexlib.report.notes import forget_gone, is_older, note_files, verify_files
from flexlib.report.parameters import check_request
from flexlib.report.places import describe_edits, describe_places
from flexlib.report.reads import list_reads, shows_people
from flexlib.report.run import run_report
from flexlib.report.verdict import Verdict
from flexlib.report.verify import list_pages, verify_pages
from flexlib.settings import load_settings

SAMPLE = """\
import flexlib as fl
from flexlib.page.kit.parts import show_cards
september = fl.load("2025-09")
show_cards([("Calls", f"{september.total('requests'):,}", "of September"), ("US$", "3.13", "")])"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small notebook, its data and its page, which `verify` is to find as it is."""
    folder = tmp_path_factory.mktemp("verify")
    shutil.copytree(FIXTURE, folder / "data")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SAMPLE, id="one")])  # type: ignore[no-untyped-call]
    (folder / "notebooks").mkdir()
    nbformat.write(notebook, folder / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    (folder / ".env.example").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FLEXLIB_DATA", "data")
        assert main(["report", "--notebook", "small", "--offline", "--json"]) == 0
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for one test to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    return tmp_path


def find_page(home: Path) -> Path:
    return home / "reports" / "demo" / "small.html"


def verify(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]]]:
    capsys.readouterr()
    code = main(["verify", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def seal_again(file: Path, **changes: Any) -> None:  # noqa: ANN401
    manifest = read_manifest(file) | changes
    file.write_text(json.dumps(manifest | {"seal": seal_manifest(manifest)}), "utf-8")


def test_a_page_that_nothing_happened_to_is_the_same(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "reports/demo"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "SAME          reports/demo/small.html",
        "AS MADE       reports/demo/small.ipynb",
    ]


def test_who_waits_is_told_which_page_is_made_again(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["verify", "reports/demo/small.html"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["verify", "reports/demo/small.html", "--json"]) == 0
    assert capsys.readouterr().err == "Making reports/demo/small.html again (1 of 1).\n"


def test_files_beside_a_page_and_letters_are_named_each_with_whether_they_are_as_they_were_made(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody noted cannot be checked, and is not passed over."""
    folder = home / "reports" / "demo"
    (folder / "chargeback").mkdir()
    names = ("a.csv", "b.xlsx", "chargeback/department_legal.html", "chargeback/whose.html", "gone.pdf")
    files = [folder / name for name in names]
    for file in files:
        file.write_text("4.00")
    (folder / "run.json").touch()
    note_files([*files[:3], files[4]], names=False)
    files[4].unlink()
    files[4].symlink_to("nowhere.pdf")
    assert verify(capsys, "reports/demo/chargeback/department_legal.html")[0] == 0
    for file in files[1:3]:
        file.write_text("9.00")
    code, found = verify(capsys, "reports/demo")
    assert code == 4
    assert {one["page"].removeprefix("reports/demo/"): (one["result"], one["exit_code"]) for one in found} == {
        "small.html": ("same", 0),
        "a.csv": ("as_made", 0),
        "b.xlsx": ("changed", 4),
        "chargeback/department_legal.html": ("changed", 4),
        "chargeback/whose.html": ("not_checked", 3),
        "gone.pdf": ("not_checked", 3),
        "small.ipynb": ("as_made", 0),
    }
    assert verify(capsys, "reports/demo/chargeback/department_legal.html")[0] == 4


def test_a_file_that_was_made_of_the_page_and_is_gone_is_told_until_the_page_is_made_without_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = find_page(home)
    page.with_suffix(".xlsx").write_text("4.00")
    note_files([page.with_suffix(".xlsx")], names=False, page=page)
    assert verify(capsys, "reports/demo")[0] == 0
    page.with_suffix(".xlsx").unlink()
    code, found = verify(capsys, "reports/demo")
    assert (code, found[-1]["page"], found[-1]["result"]) == (3, "reports/demo/small.xlsx", "not_checked")
    for end in (".html", MANIFEST):
        shutil.copy(page.with_name(f"small{end}"), page.with_name(f"other{end}"))
    code, found = verify(capsys, "reports/demo/other.html")  # of which nothing is gone
    assert (code, [one["result"] for one in found]) == (0, ["same"])
    assert verify(capsys, "reports/demo/small.html")[0] == 3
    for end in (".html", MANIFEST):
        page.with_name(f"other{end}").unlink()
    forget_gone(page)
    assert verify(capsys, "reports/demo")[0] == 0


def test_a_file_that_was_made_of_an_earlier_page_is_not_as_made_whatever_its_time(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = find_page(home)
    file, text = page.with_suffix(".xlsx"), page.read_text("utf-8")
    file.write_text("4.00")
    page.write_text(text.replace("<title>", "<title>Before: "), "utf-8")
    note_files([file], names=False, page=page)
    page.write_text(text, "utf-8")
    os.utime(file)  # as after a copy
    assert is_older(file, page)
    code, found = verify(capsys, "reports/demo")
    assert (code, {one["page"]: one["result"] for one in found}["reports/demo/small.xlsx"]) == (4, "changed")
    note_files([file], names=False, page=page)
    assert not is_older(file, page)
    assert verify(capsys, "reports/demo")[0] == 0


@pytest.mark.parametrize(("folder", "why"), [
    ("2025-09", ""), ("2025-08", "it is of 2025-09 and lies in the folder 2025-08, not in 2025-09"),
    ("2025", "it is of 2025-09 and lies in the folder 2025, not in 2025-09"), ("elsewhere", ""),
])  # fmt: skip
def test_a_page_in_the_folder_of_another_month_is_no_page_of_it(folder: str, why: str, tmp_path: Path) -> None:
    assert explain_misplaced(tmp_path / folder / "x.html", {"parameters": {"year": 2025, "month": 9}}) == why
    strange = {"month": 9}, {"year": None, "month": 9}, {"year": "2025", "month": 9}, {"year": 2025, "month": "9"}
    for told in ({}, *strange):
        assert explain_misplaced(tmp_path / folder / "x.html", {"parameters": told}) == ""


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_page_in_the_folder_of_another_month_is_judged_as_any_and_its_place_is_said_besides(
    home: Path, capsys: pytest.CaptureFixture[str], *, is_edited: bool
) -> None:
    """As in an archive by months of delivery."""
    notebook = nbformat.read(home / "notebooks" / "small.ipynb", 4)  # type: ignore[no-untyped-call]
    told = nbformat.v4.new_code_cell("year: int = 2025\nmonth: int = 9", metadata={"tags": ["parameters"]}, id="of")  # type: ignore[no-untyped-call]
    notebook.cells.insert(0, told)
    nbformat.write(notebook, home / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    page = run_report(check_request("small", {"year": 2025, "month": 9}), home / "reports", home / "data")
    page.parent.rename(page.parent.with_name("2025-10"))
    page = page.parent.with_name("2025-10") / page.name
    if is_edited:
        page.write_text(page.read_text("utf-8").replace("1,507", "1,508"), "utf-8")
    nothing = dict.fromkeys((True, False), "")
    (found,) = verify_pages([page], dict.fromkeys((True, False), home / "data"), told={}, unclosed=nothing)
    place = "small.html is no page of this folder: it is of 2025-09 and lies in the folder 2025-10, not in 2025-09."
    assert (found.verdict, found.exit_code) == ((Verdict.DIFFERS, 4) if is_edited else (Verdict.SAME, 0))
    assert found.sentences[-1] == place
    assert any("has “Calls 1,508”" in one for one in found.sentences) is is_edited
    assert len(found.sentences) == (3 if is_edited else 1)


@pytest.mark.parametrize(("folder", "is_misplaced"), [("2025", False), ("2024", True), ("2025-08", True)])
def test_a_month_that_is_filed_in_the_folder_of_its_year_is_in_no_wrong_one(
    tmp_path: Path, folder: str, *, is_misplaced: bool
) -> None:
    told = {"parameters": {"year": 2025, "month": 9}}
    assert (explain_misplaced(tmp_path / folder / "x.html", told, may_be_of_year=True) != "") is is_misplaced


def test_a_manifest_holds_what_the_notebook_read_and_no_more(home: Path) -> None:
    manifest = read_manifest(name_manifest(find_page(home)))
    assert [*manifest["snapshots"]] == ["credits/2025-09/windsurf", "usage/2025-09/import"]
    assert manifest["snapshots"]["usage/2025-09/import"]["sums"]["USD"] == "3.1313269500"
    assert manifest["notebook"]["file"] == "notebooks/small.ipynb"
    assert manifest["page"]["headlines"] == {"Calls": "1,507", "US$": "3.13"}
    assert manifest["versions"].keys() >= {"flexlib", "flexlib's files", "Python", "genai-prices", "duckdb"}
    assert manifest["settings"] == {
        "FLEXLIB_BILL_TOLERANCE_SHARE": "0.01", "FLEXLIB_BILL_TOLERANCE_USD": "1", "FLEXLIB_MOST_UNPRICED": "0.1"
    }  # fmt: skip


@pytest.mark.heavy  # a run of a notebook each
@pytest.mark.parametrize(("asked", "is_read"), [("unusual", False), ("unusual, found.budgets", True)])
def test_a_page_is_of_other_inputs_where_there_is_what_it_would_have_read_or_settings_name_no_more_what_it_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, asked: str, *, is_read: bool
) -> None:
    """Whoever reads budgets asks who belongs where."""
    notebook = nbformat.read(home / "notebooks" / "small.ipynb", 4)  # type: ignore[no-untyped-call]
    answers = "from flexlib.front.answers import Answers\nfound = Answers(september, 'usd')"
    notebook.cells[0].source += f"\n{answers}\nfound.{asked};"
    nbformat.write(notebook, home / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    (home / "params").mkdir()
    for name in ("budgets.yaml", "other.yaml"):
        (home / "elsewhere").mkdir(exist_ok=True)
        (home / "elsewhere" / name).write_text(f"budgets: [{{name: {name}, currency: usd, amount: 5, whole: true}}]")
    monkeypatch.setenv("FLEXLIB_BUDGETS", "elsewhere/budgets.yaml")
    page = run_report(check_request("small", {}), home / "reports", home / "data")
    manifest = read_manifest(name_manifest(page))

    def list_inputs(*, budgets: str = "elsewhere/budgets.yaml", organization: str = "", new: str = "") -> list[str]:
        settings = {"FLEXLIB_DATA": "data", "FLEXLIB_BUDGETS": budgets, "FLEXLIB_ORGANIZATION": organization}
        if new:
            (home / new).parent.mkdir(exist_ok=True)
            (home / new).write_text("new")
        found = Inputs(load_settings(settings), home / "data").list_moved(manifest, page)
        if new:
            (home / new).unlink()
        return found

    assert list_inputs() == []
    assert list_inputs(budgets="") == ["the file elsewhere/budgets.yaml"] * is_read
    assert list_inputs(budgets="elsewhere/other.yaml") == ["the file elsewhere/other.yaml"] * is_read
    assert list_inputs(organization="people.csv", new="people.csv") == ["the file people.csv"] * is_read
    for file in ("params/events.yaml", "data/prices/windsurf_credits.csv", "data/ended.json"):
        assert list_inputs(new=file) == [f"the file {file.removeprefix('data/')}"]
    for file in ("params/chargeback.yaml", "params/flex_credits.yaml", "data/prices/notes.csv"):
        assert list_inputs(new=file) == []


@pytest.mark.heavy  # a run of a notebook each
@pytest.mark.parametrize("named", ["{outside}/rules.yaml", "../../outside/rules.yaml", "mine/rules.yaml"])
def test_a_page_is_of_other_inputs_where_a_file_that_its_own_parameter_names_was_changed_or_is_gone(
    home: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Wherever that lies: from the folder of the notebook on, or from that of the project."""
    monkeypatch.setattr("flexlib.report.reads.SYSTEM", [])  # a test may run in /dev/shm
    (project := home / "project").mkdir()
    for name in ("notebooks", ".env.example"):
        (home / name).rename(project / name)
    monkeypatch.chdir(project)
    outside, cell = home / "outside", "from flexlib.front.chargeback import find_rules\nfind_rules(rules)"
    notebook = nbformat.read(project / "notebooks" / "small.ipynb", 4)  # type: ignore[no-untyped-call]
    told = nbformat.v4.new_code_cell("rules: str = ''", metadata={"tags": ["parameters"]}, id="of")  # type: ignore[no-untyped-call]
    notebook.cells = [told, nbformat.v4.new_code_cell(cell, id="rules"), *notebook.cells]  # type: ignore[no-untyped-call]
    nbformat.write(notebook, project / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    given = named.format(outside=outside)
    file = Path(os.path.abspath(project / ("." if given.startswith("mine") else "notebooks") / given))
    file.parent.mkdir()
    file.write_text("pools: []")
    page = run_report(check_request("small", {"rules": given}), home / "reports", home / "data")
    manifest, inputs = (
        read_manifest(name_manifest(page)),
        Inputs(load_settings({"FLEXLIB_DATA": "data"}), home / "data"),
    )
    assert any(one.endswith("/rules.yaml") for one in manifest["files"])
    said = ["the file mine/rules.yaml" if given.startswith("mine") else "the file rules.yaml"]
    assert inputs.list_moved(manifest, page) == []
    file.write_text("pools: [] # other")
    assert inputs.list_moved(manifest, page) == said
    file.unlink()
    assert inputs.list_moved(manifest, page) == said


def test_no_place_of_this_machine_and_no_person_is_in_a_manifest(home: Path) -> None:
    text = name_manifest(find_page(home)).read_text("utf-8")
    people = json.loads(next(FIXTURE.rglob("people.json")).read_text("utf-8"))
    named = [*people, *(value for who in people.values() for value in who.values() if value)]
    assert len(named) > 100
    assert [one for one in (*named, str(home), str(Path.home())) if one in text] == []


@pytest.mark.parametrize(
    ("read", "text", "shows"),
    [
        (lambda file: file, "Nobody", True),  # by the notebook itself, for whatever it likes
        (lambda file: [file], "Nobody", False),  # to place people in departments or budgets
        (lambda file: [file], "The budget of ANA@example.com&#39;s team", True),
        (lambda file: [file], "mariana@example.com, diana@example.community", False),
        (lambda file: [file], 'sums of "9f86d081-ab"', True),
        (lambda file: [file], "a week of 7 days", False),  # a key so short stands anywhere
    ],
)
def test_who_people_are_is_shown_where_it_is_read_for_more_than_to_place_them_or_stands_in_the_page(
    tmp_path: Path, read: Callable[[str], object], text: str, *, shows: bool
) -> None:
    file, log = tmp_path / "people.json", tmp_path / "reads"
    file.write_text(json.dumps({"9f86d081-ab": {"email": "ana@example.com", "name": "Ana"}, "7": {"name": "Ben"}}))
    log.write_text(json.dumps(read(str(file))) + "\n" + json.dumps(str(tmp_path / "other")) + "\n")
    assert shows_people(log, ["a page", text]) is shows


def test_one_digit_changed_by_hand_is_found_with_its_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = find_page(home)
    page.write_text(page.read_text("utf-8").replace("1,507", "1,508"), "utf-8")
    code, (found,) = verify(capsys, str(page))
    assert (code, found["result"], found["inputs"]) == (4, "differs", [])
    assert found["sentences"][0] == "small.html is not the page that was made: it was changed afterwards."
    assert "has “Calls 1,508” where it was made with “Calls 1,507”" in found["sentences"][1]


@pytest.mark.parametrize("moved", ["a setting", "a month", "all months", "the notebook"])
def test_an_edit_is_named_with_its_line_apart_from_what_moved(
    moved: str, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = find_page(home)
    page.write_text(page.read_text("utf-8").replace("1,507", "1,508"), "utf-8")
    if moved == "a setting":  # which the page does not show
        monkeypatch.setenv("FLEXLIB_MOST_UNPRICED", "0.2")
    if moved == "a month":
        monkeypatch.setenv("FLEXLIB_MOST_UNPRICED", "0.2")  # so that the stored versions alone do not give the page
        store(home / "data", "import", SEPTEMBER, call("a", "2025-09-05", "3"))
    if moved == "all months":  # so that nothing can be made again
        shutil.rmtree(home / "data" / "usage")
        shutil.rmtree(home / "data" / "credits")
    if moved == "the notebook":
        (home / "notebooks" / "small.ipynb").unlink()
    code, (found,) = verify(capsys, str(page))
    assert (code, found["result"]) == (4, "differs")
    assert found["sentences"][0] == "small.html is not the page that was made: it was changed afterwards."
    assert "has “Calls 1,508” where it was made with “Calls 1,507”." in found["sentences"][1]
    rest = {
        "a setting": ["1 input is not what it was; made again, small.html is as it was made, without the change."],
        "a month": ["Made again, small.html is another page: what it is made of has moved."],
    }
    assert found["sentences"][2:4] == rest.get(moved, found["sentences"][2:4])
    assert any("could not be made again" in one for one in found["sentences"]) is (
        moved in ("all months", "the notebook")
    )
    page.with_suffix(".ipynb").write_text("{}")  # of which nothing can be made
    found = verify(capsys, str(page))[1][0]
    assert any("has “Calls 1,508”" in one for one in found["sentences"]) is (moved == "a setting")
    unknown = "Where it was changed cannot be told: neither its inputs nor the notebook beside it give that page again."
    assert (unknown in found["sentences"]) is (moved != "a setting")


def test_a_manifest_that_was_edited_or_is_missing_and_a_page_that_is_missing_are_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, file = find_page(home), name_manifest(find_page(home))
    whole = file.read_text("utf-8")
    file.write_text(whole.replace('"1,507"', '"1,508"'), "utf-8")
    code, (found,) = verify(capsys, str(page))
    assert (code, found["result"]) == (4, "differs")
    assert "was edited after it was written" in found["sentences"][0]
    file.write_text("[]", "utf-8")
    assert verify(capsys, str(page))[0] == 4
    file.write_text(whole, "utf-8")
    seal_again(file, form=2)
    assert "of a form that this flexlib does not know" in verify(capsys, str(page))[1][0]["sentences"][0]
    file.unlink()
    code, (found, _) = verify(capsys, "reports/demo")  # and its notebook
    assert (code, found["result"]) == (3, "not_verified")
    assert "small.html has no manifest" in found["sentences"][0]
    file.write_text(whole, "utf-8")
    page.unlink()
    code, (found, _) = verify(capsys, "reports")
    assert (code, found["sentences"][0][:23]) == (3, "small.html is not there")


@pytest.mark.parametrize("change", [
    {"sums": {"USD": "9O.00"}}, {"sums": {"USD": "NaN"}}, {"sums": {"USD": "1E+999999999"}}, {"sums": {"USD": 9}},
    {"sums": "9.00"}, {"rows": "9"}, {"version": "../2025-08"}, {"state": None},
])  # fmt: skip
def test_a_month_in_a_manifest_that_was_sealed_again_in_no_form_is_told_of_its_page_alone(
    home: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object]
) -> None:
    file, name = name_manifest(find_page(home)), "usage/2025-09/import"
    months = read_manifest(file)["snapshots"]
    seal_again(file, snapshots=months | {name: months[name] | change})
    assert_strange(home, capsys)


@pytest.mark.parametrize("change", [
    {"snapshots": {"usage/2025-09": {}}}, {"snapshots": {"usage/2025-13/import": {}}}, {"snapshots": []},
    {"snapshots": {"other/2025-09/import": {}}}, {"language": "xx"}, {"parameters": []}, {"made_up": "no"},
    {"files": {"x": 1}}, {"notebook": {}}, {"pseudonyms": 9}, {"sought": 9}, {"versions": None},
])  # fmt: skip
def test_a_manifest_that_was_sealed_again_in_no_form_is_told_of_its_page_alone(
    home: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object]
) -> None:
    seal_again(name_manifest(find_page(home)), **change)
    assert_strange(home, capsys)


def assert_strange(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = find_page(home)
    other = page.with_name("other.html")
    shutil.copy(page, other)
    code, found = verify(capsys, "reports/demo")
    assert (code, found[0]["page"], found[0]["result"]) == (4, "reports/demo/other.html", "not_verified")
    assert found[1]["sentences"] == [
        f"{name_manifest(page).relative_to(home)} is of a form that this flexlib does not know; make the page again."
    ]


def test_what_is_no_page_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "is no page of a report, and no folder that has any" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("reports/2025-09", "flexlib report --year 2025 --month 9"),
        ("reports/2025", "flexlib report --year 2025 --notebook year"),
        ("reports/demo/2025-09", "flexlib report --year 2025 --month 9 --demo"),
        ("reports/2025-09/latency.html", "flexlib report --notebook latency --year 2025 --month 9"),
        ("reports/2025/year.html", "flexlib report --notebook year --year 2025"),
        ("reports/2025-09/my own.html", "flexlib report --notebook 'my own' --year 2025 --month 9"),
        (
            "reports/2025-09/compare_months_vs_2025-07.html",
            "flexlib report --notebook compare_months --year 2025 --month 9 -p against 2025-07",
        ),
    ],
)
def test_of_a_folder_or_page_that_is_not_there_it_is_said_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(find_packaged() / "notebooks" / "latency.ipynb", tmp_path / "notebooks" / "my own.ipynb")
    assert main(["verify", place]) == 2
    assert capsys.readouterr().err == f"flexlib: {place} is not there; this makes it: {command}\n"


@pytest.mark.parametrize(
    "place",
    [
        "nowhere", "reports", "bill.pdf", "reports/2025-09/spend.xlsx", "Desktop/latency.html",
        "reports/2025-09/x.html", "reports/2025-09/year.html", "reports/2025/latency.html",
        "reports/2025-13/latency.html", "reports/2025-09/latency_vs_2025-07.html",
    ],
)  # fmt: skip
def test_of_what_no_report_makes_no_command_is_said_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verify", place]) == 2
    said = capsys.readouterr().err
    assert said == f"flexlib: {place} is not there; give a page of a report, or a folder of pages.\n"
    (tmp_path / place).mkdir(parents=True)
    assert main(["verify", place]) == 2
    said = capsys.readouterr().err
    assert said == f"flexlib: {place} is no page of a report, and no folder that has any.\n"


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("No key is set.", "No key is set"),
        ("or flexlib import FILE --from ...", "or flexlib import FILE --from ..."),
        ("or flexlib import FILE --from ....", "or flexlib import FILE --from ..."),
        ("There is none", "There is none"),
    ],
)
def test_a_sentence_within_another_loses_its_full_stop_and_not_the_dots_of_a_command(sentence: str, part: str) -> None:
    assert cut_end(BadFile(sentence)) == part


def test_the_notebook_of_a_report_that_failed_is_no_page_and_named_with_what_makes_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "2025-09"
    folder.mkdir()
    (folder / "chargeback.failed.ipynb").write_text("{}", "utf-8")
    (found,) = verify_files(tmp_path, [], [])
    assert (found.verdict, found.exit_code) == (Verdict.FAILED, 0)
    assert found.sentences == (
        "chargeback.failed.ipynb is no page: it shows how far a report came that failed. This makes the page again: "
        "flexlib report --notebook chargeback --year 2025 --month 9",
    )
    (folder / "chargeback.failed.ipynb").rename(folder / "nobody_s.failed.ipynb")
    (found,) = verify_files(tmp_path, [], [])
    assert found.sentences == ("nobody_s.failed.ipynb is no page: it shows how far a report came that failed.",)


def test_letters_of_other_commands_are_not_asked_for_a_manifest(tmp_path: Path) -> None:
    for name in ("2025-09/a.html", "2025-09/chargeback/department_x.html", "2025/year.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [one.name for one in list_pages(tmp_path)] == ["year.html", "a.html"]


def test_a_month_that_was_stored_again_is_named_with_both_totals_and_the_page_was_right_then(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(home / "data", "import", SEPTEMBER, call("a", "2025-09-05", "3"))
    code, (found, _) = verify(capsys, "reports/demo")  # and its notebook
    assert (code, found["result"]) == (4, "differs")
    assert found["sentences"] == [
        "Made again, small.html is another page: what it is made of has moved.",
        "Of the stored versions of then it is made again byte for byte: it was right when it was made.",
    ]
    assert [one["sentence"] for one in found["figures"]] == ["Calls: 1,507 then, 1,085 now (−422)."]
    (moved,) = found["inputs"]
    assert moved["sentence"] == (
        "The calls of 2025-09 (import) were stored again: 423 rows, 3.1313269500 USD, 3,018.0710 CLP, COMPLETE then, "
        "1 row, COMPLETE now (−422 rows)."
    )
    for version in (home / "data" / "usage" / "2025-09" / "import").iterdir():
        shutil.rmtree(version)
    shutil.rmtree(home / "data" / "credits" / "2025-09")
    code, (found, _) = verify(capsys, "reports/demo")  # and its notebook
    assert (code, found["result"]) == (3, "not_verified")
    assert found["sentences"][1] == (
        "The credits of 2025-09 (windsurf) are no longer stored in the version that the page was made of."
    )


@pytest.mark.heavy  # three runs of a notebook
def test_a_page_that_shows_people_was_right_for_the_version_that_has_its_own(home: Path) -> None:
    """What lies in the stored version is of then like the rows."""
    notebook = nbformat.read(home / "notebooks" / "small.ipynb", 4)  # type: ignore[no-untyped-call]
    notebook.cells[0].source = SAMPLE.replace('load("2025-09")', 'load("2025-09", names=True)').replace(
        '"3.13"', "str(september.certificates[0].read_at) + str(len(september.people))"
    )
    nbformat.write(notebook, home / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    page = run_report(check_request("small", {}), home / "reports", home / "data")
    (before,) = (one for one in read_manifest(name_manifest(page))["files"] if one.endswith("people.json"))
    store_credits(home / "data", (2, "u-1", "m", 0, 250), people={"u-1": {"name": "Ana", "email": "a@b.cl"}})
    nothing = dict.fromkeys((True, False), "")
    (found,) = verify_pages([page], dict.fromkeys((True, False), home / "data"), told={}, unclosed=nothing)
    assert found.sentences[1:] == (
        "Of the stored versions of then it is made again byte for byte: it was right when it was made.",
    )
    assert not [one.sentence for one in found.inputs if before in one.sentence]


@pytest.mark.parametrize(("of_page", "of_reader"), [("es", "en"), ("en", "es"), ("es", "es")])
def test_why_a_page_cannot_be_made_again_is_told_without_what_lay_in_the_folder_of_the_attempt(
    home: Path, capsys: pytest.CaptureFixture[str], of_page: str, of_reader: str
) -> None:
    """Whatever the languages are of who reads it and of the page."""
    seal_again(name_manifest(find_page(home)), language=of_page)
    shutil.rmtree(home / "data" / "usage" / "2025-09")
    shutil.rmtree(home / "data" / "credits" / "2025-09")
    assert main(["--lang", of_reader, "verify", "reports/demo/small.html"]) == 3
    use_language("en")
    said = capsys.readouterr().out
    assert ("could not be made again: " if of_reader == "en" else "No se pudo hacer de nuevo small.html: ") in said
    assert ("Cell 1 of small.ipynb failed: " in said) is ("en" in (of_reader, of_page))
    assert "small.failed.ipynb" not in said
    assert "reports/demo" in said
    assert tempfile.gettempdir() not in said.replace(str(home), "")


def test_of_a_page_that_was_made_with_an_organization_it_is_said_that_none_is_given(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SAMPLE.replace("show_cards([", 'september.by("department")\nshow_cards([')
    cell = nbformat.v4.new_code_cell(source, id="one")  # type: ignore[no-untyped-call]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), home / "notebooks" / "placed.ipynb")  # type: ignore[no-untyped-call]
    (home / "people.csv").write_text("who,kind,department\n7,user,Legal\n", "utf-8")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", "people.csv")
    assert main(["report", "--notebook", "placed", "--offline", "--json"]) == 0
    assert read_manifest(home / "reports" / "demo" / "placed.manifest.json")["organization"] == "people.csv"
    monkeypatch.delenv("FLEXLIB_ORGANIZATION")
    code, (found,) = verify(capsys, "reports/demo/placed.html")
    assert (code, found["result"]) == (1, "not_verified")
    assert found["sentences"][0] == (
        "It was made with people.csv, and no file of an organization is given now: FLEXLIB_ORGANIZATION=FILE."
    )
    assert "placed.html could not be made again" in found["sentences"][1]


@pytest.mark.parametrize(
    ("organization", "lacking"),
    [
        ({"organization": None}, ""),  # it was made without one
        ({"organization": "5f2a/people.xlsx"}, "people.xlsx"),
        ({}, "people.csv"),  # of a version before, which did not say it: not of tables in the data folder
    ],
)
def test_a_table_in_the_data_folder_is_not_taken_for_the_file_of_an_organization(
    home: Path, capsys: pytest.CaptureFixture[str], organization: dict[str, str | None], lacking: str
) -> None:
    file = name_manifest(find_page(home))
    manifest = {name: value for name, value in read_manifest(file).items() if name not in ("seal", "organization")}
    tables = ("rates/usd_clp.csv", "prices/windsurf_credits.csv", "5f2a/people.csv", "5f2a/people.xlsx")
    manifest |= {"files": dict.fromkeys(tables, "0")} | organization
    file.write_text(json.dumps(manifest | {"seal": seal_manifest(manifest)}), "utf-8")
    for dataset in ("usage", "credits"):
        shutil.rmtree(home / "data" / dataset / "2025-09")
    _, (found,) = verify(capsys, "reports/demo/small.html")
    said = f"It was made with {lacking}, and no file of an organization is given now: FLEXLIB_ORGANIZATION=FILE."
    assert [one for one in found["sentences"] if "organization" in one] == [said] * bool(lacking)


def test_a_manifest_that_was_edited_and_sealed_again_is_found_by_the_page(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = name_manifest(find_page(home))
    seal_again(file, page=read_manifest(file)["page"] | {"headlines": {"Calls": "9"}})
    code, (found, _) = verify(capsys, "reports/demo")  # and its notebook
    assert code == 4
    assert found["sentences"] == ["The manifest says otherwise than the page that is made again: it was edited."]


@pytest.mark.heavy  # runs of a notebook
@pytest.mark.parametrize(
    ("also", "is_stored_again"), [("", False), ("certificate_sha256", False), ("state", True), ("version", False)]
)
def test_sums_in_a_manifest_that_was_sealed_again_are_held_against_the_stored_version_that_it_names(
    home: Path, capsys: pytest.CaptureFixture[str], also: str, *, is_stored_again: bool
) -> None:
    """Also where that is not the newest any more, or is gone and another has its rows; they are never repeated."""
    file, name = name_manifest(find_page(home)), "credits/2025-09/windsurf"
    months = read_manifest(file)["snapshots"]
    edits = {
        "certificate_sha256": "0" * 64,
        "state": "GAP",
        "version": f"20250930T120000.000000Z-{months[name]['rows_sha256'][:8]}",
    }
    false = {"sums": {"flex credits": "123456.00"}} | {one: edits[one] for one in edits if one == also}
    seal_again(file, snapshots=months | {name: months[name] | false})
    if is_stored_again:
        store_credits(home / "data", (5, "a", "MODEL_X", 0, 5000))
    code, (found, _) = verify(capsys, "reports/demo")
    assert (code, found["result"]) == (4, "differs")
    state = "GAP" if also == "state" else "COMPLETE"
    assert (
        f"The credits of 2025-09 (windsurf): the manifest says 791 rows, 123,456.00 flex credits, {state}, the stored "
        "version that it names 791 rows, 9,961.00 flex credits, COMPLETE; the manifest was edited."
    ) in found["sentences"]
    moved = " ".join(one["sentence"] for one in found["inputs"])
    assert "123,456" not in moved
    assert ("791 rows, 9,961.00 flex credits, COMPLETE then" in moved) is is_stored_again


@pytest.mark.heavy  # runs of a notebook
def test_headlines_in_a_manifest_that_was_sealed_again_are_held_against_the_page(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = name_manifest(find_page(home))
    told = read_manifest(file)["page"]
    true = told["headlines"]["Calls"]
    seal_again(file, page=told | {"headlines": told["headlines"] | {"Calls": "9"}})
    store(home / "data", "import", SEPTEMBER, call("a", "2025-09-05", "3"))
    code, (found, _) = verify(capsys, "reports/demo")
    assert (code, found["result"]) == (4, "differs")
    assert found["sentences"][0] == "The manifest says other headlines than the page that it is of: it was edited."
    assert [one["then"] for one in found["figures"]] == [true]


@pytest.mark.heavy  # runs of a notebook
@pytest.mark.parametrize("of_reader", ["en", "es"])
@pytest.mark.parametrize(("of_page", "amount"), [("en", "US$ 52.53"), ("es", "US$52,53")])
def test_headlines_are_read_in_the_language_of_the_page_whoever_reads_it(
    home: Path, capsys: pytest.CaptureFixture[str], of_page: str, amount: str, of_reader: str
) -> None:
    """In Spanish nothing stands between the sign of a currency and its number."""
    notebook = nbformat.read(home / "notebooks" / "small.ipynb", 4)  # type: ignore[no-untyped-call]
    notebook.cells[0].source = """\
import flexlib as fl
from flexlib.i18n import write_number
from flexlib.page.kit.parts import show_cards
from flexlib.page.kit.units import render_sign
fl.load("2025-09")
show_cards([("Spend", render_sign("usd") + write_number("52.53"), "")])"""
    nbformat.write(notebook, home / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    assert main(["--lang", of_page, "report", "--notebook", "small", "--offline", "--json"]) == 0
    page = find_page(home)
    assert list(read_manifest(name_manifest(page))["page"]["headlines"].values()) == [amount]
    use_language(of_reader)
    code, (found, _) = verify(capsys, "reports/demo", "--lang", of_reader)
    assert (code, found["result"], found["sentences"]) == (0, "same", [])
    page.write_text(page.read_text("utf-8").replace("52", "57"), "utf-8")
    code, (found, _) = verify(capsys, "reports/demo", "--lang", of_reader)
    use_language("en")
    assert (code, found["result"], found.get("figures", [])) == (4, "differs", [])
    assert not [one for one in found["sentences"] if "manifest" in one]


@pytest.mark.heavy  # three runs of a notebook
def test_a_page_of_a_month_that_the_ledger_had_not_closed_was_right_when_it_was_made(home: Path) -> None:
    notebook = nbformat.read(home / "notebooks" / "small.ipynb", 4)  # type: ignore[no-untyped-call]
    notebook.cells[0].source = SAMPLE.replace('"3.13"', '" ".join(september.missing)')
    nbformat.write(notebook, home / "notebooks" / "small.ipynb")  # type: ignore[no-untyped-call]
    unclosed = json.dumps({"2025-09": ("September is not closed.", True)})
    page = run_report(check_request("small", {}), home / "reports", home / "data", unclosed=unclosed)
    assert "September is not closed." in page.read_text("utf-8")
    store(home / "data", "import", SEPTEMBER, call("a", "2025-09-05", "3"))
    both = {True: unclosed, False: unclosed}
    (found,) = verify_pages([page], dict.fromkeys((True, False), home / "data"), told={}, unclosed=both)
    assert found.sentences[1:] == (
        "Of the stored versions of then it is made again byte for byte: it was right when it was made.",
    )


@pytest.mark.parametrize("place", [".work/project", "usr/local/project", "run/media/project"])
def test_what_lies_in_the_project_is_an_input_wherever_the_project_is(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexlib.report.reads.SYSTEM", [str(tmp_path / one) for one in ("usr", "run")])
    home = tmp_path / place
    read = [home / "params" / "x.yaml", home / ".cache" / "y", tmp_path / "usr" / "z", tmp_path / "mine.csv"]
    for file in read:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (home / "notebooks").mkdir()
    (home / ".env.example").touch()
    monkeypatch.chdir(home)
    (log := tmp_path / "log").write_text("".join(json.dumps(str(one)) + "\n" for one in read))
    assert list_reads(log, home / "data") == sorted([read[0], read[3]])


def test_two_files_of_one_name_are_two_in_a_manifest_and_their_folders_are_nobodys_business(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexlib.report.reads.SYSTEM", [])  # a test may run in /dev/shm
    places = [tmp_path.parent / f"{tmp_path.name}-{one}" for one in "ab"]
    read = [*(place / "scores.csv" for place in places), home / "scores.csv", home / "data" / "scores.csv"]
    for number, file in enumerate(read):
        file.parent.mkdir(exist_ok=True)
        file.write_text(str(number))
    (log := tmp_path / "log").write_text("".join(json.dumps(str(one)) + "\n" for one in read))
    text = build_manifest(check_request("small", {}), find_page(home), log, home / "data", told={}, unclosed="")
    files = json.loads(text)["files"]
    assert sorted(files.values()) == sorted(hash_bytes(str(number).encode()) for number in range(4))
    assert "scores.csv" in files
    assert str(tmp_path.parent) not in text


def test_the_extras_of_whose_libraries_pages_are_made_are_extras() -> None:
    assert {*EXTRAS} <= {*metadata("flexlib").get_all("Provides-Extra", [])}


# What moved


def of_snapshot(version: str, rows: int, usd: str) -> dict[str, Any]:
    return {
        "version": version, "rows": rows, "sums": {"USD": usd}, "state": "COMPLETE", "rows_sha256": f"{rows} {usd}"
    }  # fmt: skip


def make_manifest(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "snapshots": {"usage/2025-09/import": of_snapshot("a", 423, "3.13")}, "files": {"params/x.yaml": "a" * 64},
        "notebook": {"file": "n.ipynb", "sha256": "b" * 64}, "settings": {"FLEXLIB_MOST_UNPRICED": "0.1"},
        "language": "en", "pseudonyms": None, "unclosed": None, "versions": {"duckdb": "2.0.1"},
    } | changes  # fmt: skip


def test_every_input_that_moved_is_a_sentence_with_by_how_much() -> None:
    now = make_manifest(
        snapshots={
            "usage/2025-09/import": of_snapshot("b", 430, "3.50"), "usage/2025-08/import": of_snapshot("c", 1, "1")
        },
        files={"params/x.yaml": "c" * 64, "params/y.yaml": "d" * 64}, versions={"duckdb": "2.1.0"},
        settings={"FLEXLIB_MOST_UNPRICED": "0.2"}, pseudonyms="0123",
    )  # fmt: skip
    assert [one.sentence for one in list_moved(make_manifest(), now)] == [
        "The calls of 2025-09 (import) were stored again: 423 rows, 3.13 USD, COMPLETE then, "
        "430 rows, 3.50 USD, COMPLETE now (+7 rows, +0.37 USD).",
        "The calls of 2025-08 (import) are read now and were not then: 1 row, 1 USD, COMPLETE.",
        "The file params/x.yaml is not what it was: SHA-256 aaaaaaaaaaaa… then, SHA-256 cccccccccccc… now.",
        "The file params/y.yaml was not used then, and is now.",
        "The setting FLEXLIB_MOST_UNPRICED is not what it was: 0.1 then, 0.2 now.",
        "The key of the pseudonyms was not used then, and is now.",
        "The version of duckdb is not what it was: 2.0.1 then, 2.1.0 now.",
    ]
    assert list_moved(now, now) == []


@pytest.mark.parametrize(("state", "said"), [
    ("COMPLETE", "123.456 filas, 12.083,50 USD, COMPLETE."),
    ("GAP", "123.456 filas, 12.083,50 USD, COMPLETE entonces; 123.456 filas, 12.083,50 USD, GAP ahora."),
])  # fmt: skip
def test_of_the_same_rows_it_is_said_that_they_were_read_again_and_when(state: str, said: str) -> None:
    """Also who their people are, which lies beside them, is no file that came or went."""
    versions = "20261130T025338.796327Z-5524e4fc", "20261130T030115.509290Z-5524e4fc"
    then, now = (
        make_manifest(
            snapshots={"credits/2025-09/windsurf": of_snapshot(version, 123456, "12083.50") | {"state": found}},
            files={f"credits/2025-09/{version}/people.json": "a" * 64},
        )
        for version, found in zip(versions, ("COMPLETE", state), strict=True)
    )
    with speak("es"):
        assert [one.sentence for one in list_moved(then, now)] == [
            "Los créditos de 2025-09 (windsurf) son las mismas filas, leídas de nuevo el 30 nov 2026, 03:01 UTC: "
            + said
        ]


def test_people_of_a_month_that_was_read_again_are_others_only_where_they_are() -> None:
    def make(version: str, people: str, other: str) -> dict[str, Any]:
        files = {f"credits/2025-09/{version}/people.json": people, "credits/2025-08/0/people.json": other}
        months = {"credits/2025-09/windsurf": of_snapshot(version, 1, version),
                  "credits/2025-08/windsurf": of_snapshot("0", 1, "1")}  # fmt: skip
        return make_manifest(snapshots=months, files=files)

    moved = list_moved(make("1", "a" * 64, "a" * 64), make("2", "b" * 64, "c" * 64))
    assert [(one.sentence[:70], one.is_stored) for one in moved[1:]] == [
        ("The file credits/2025-09/windsurf/people.json is not what it was: SHA-", True),
        ("The file credits/2025-08/0/people.json is not what it was: SHA-256 aaa", False),
    ]


def test_what_moved_is_told_whole_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is read no more, what is of another unit, and by how much a headline moved."""
    several = {f"{kind}/2025-09/windsurf": of_snapshot("a", 1, "1.5") for kind in ("credits", "usage", "charges")}
    several["credits/2025-09/windsurf"]["sums"] = {"flex credits": "9.50"}
    then = make_manifest(snapshots=several, versions={"duckdb": "not installed"})
    now = make_manifest(
        snapshots={name: {**one, "rows": 2, "sums": {"flex credits": "10.75"}} for name, one in several.items()}
        | {"usage/2025-09/import": of_snapshot("c", 1, "1")},
        language="es", unclosed="0123", settings={}, notebook={"file": "n.ipynb", "sha256": "c" * 64},
    )  # fmt: skip
    monkeypatch.setattr(i18n, "_find_translations", Marked)
    moved = [*list_moved(then, now), *list_moved(now, then), *list_figures({"1": "2.50"}, {"1": "3"}, "en")]
    names = re.compile(
        r"\b(duckdb|windsurf|import|n\.ipynb|params/x\.yaml|FLEXLIB_MOST_UNPRICED|COMPLETE|en|es|[abc]{12})\b"
    )
    unmarked = [find_unmarked(names.sub("", one.sentence)) for one in moved]
    assert [one for one in unmarked if one] == []


def test_what_moved_is_told_in_spanish_with_its_numbers() -> None:
    now = make_manifest(snapshots={"usage/2025-09/import": of_snapshot("b", 430, "3.50")}, language="es")
    with speak("es"):
        assert [one.sentence for one in list_moved(make_manifest(), now)] == [
            "Las llamadas de 2025-09 (import) se guardaron de nuevo: 423 filas, 3,13 USD, COMPLETE entonces; "
            "430 filas, 3,50 USD, COMPLETE ahora (+7 filas, +0,37 USD).",
            "El idioma no es lo que era: en entonces, es ahora.",
        ]


@pytest.mark.parametrize(("language", "then", "now", "by"), [
    ("en", "US$ 401.57", "US$ 412.03", " (+10.46)"),
    ("es", "US$1.401,57", "US$1.400,57", " (−1)"),  # as Chile writes it
    ("en", "4.7 s", "1.7 s", " (−3)"),
    ("es", "32,9 %", "30,9 %", " (−2)"),
    ("en", "US$ 0.040", "US$ 0.0405", " (+0.0005)"),
    ("en", "1,507", "1,508", " (+1)"),
    ("es", "1.507", "1.508", " (+1)"),
    ("en", "15 Sep", "16 Sep", " (+1)"),
    ("en", "1.5.7", "1.5.8", ""),
    ("en", "–", "12", ""),
    ("en", "−20.00", "−30.00", " (−10)"),
    ("en", "−20.00", "+20.00", " (+40)"),
    ("en", "-20.00", "20.00", " (+40)"),
    ("es", "US$−1.020,00", "US$ +20,00", " (+1,040)"),
    ("en", "−US$ 20.00", "US$ 20.00", ""),
    ("en", "20.00 −", "20.00", ""),
    ("en", "gpt-4", "gpt-5", ""),
    ("en", "30 Sep", "1 Oct", ""),
    ("en", "900 ms", "1.2 s", ""),
])  # fmt: skip
def test_a_headline_that_moved_says_by_how_much(language: str, then: str, now: str, by: str) -> None:
    before, after = ({"Of it": one, "same": "1"} for one in (then, now))
    assert [one.sentence for one in list_figures(before, after, language)] == [f"Of it: {then} then, {now} now{by}."]


def test_a_headline_of_a_longer_name_is_another() -> None:
    said = [
        one.sentence for one in list_figures({"Calls unpriced": "3", "Spend": "1"}, {"Calls": "3", "Spend": "2"}, "en")
    ]
    assert said == ["Calls unpriced: 3 then, – now.", "Spend: 1 then, 2 now (+1).", "Calls: – then, 3 now."]
    then, now = {"Spend at least": "3", "Spend": "9"}, {"Spend": "3"}
    assert [one.sentence for one in list_figures(then, now, "en")] == [
        "Spend at least: 3 then, – now.", "Spend: 9 then, 3 now (−6).",
    ]  # fmt: skip


@pytest.mark.parametrize(("then", "now", "said"), [
    ("Spend at least", "Spend", "Spend: at least US$ 3.00 then, US$ 3.00 now (+0)."),
    ("Gasto", "Gasto al menos", "Gasto: US$ 3.00 then, al menos US$ 3.00 now (+0)."),
])  # fmt: skip
def test_a_headline_that_only_lost_its_at_least_is_one_figure(then: str, now: str, said: str) -> None:
    figures = ({then: "US$ 3.00", "Calls": "2"}, {now: "US$ 3.00", "Calls": "2"})
    assert [one.sentence for one in list_figures(*figures, "en")] == [said]


def test_of_many_lines_that_differ_the_first_are_named() -> None:
    made = "\n".join(f"<td>{number}</td>" for number in range(9))
    said = describe_places(made.replace("<td>", "<td>1"), made)
    assert said[0] == "Line 1 has “10” where the page that is made again has “0”."
    assert (len(said), said[-1]) == (4, "6 further lines differ.")
    assert describe_places("<td>2.04 \r", "<td>2.04") == [
        r"Line 1 has “<td>2.04 \r” where the page that is made again has “<td>2.04”."
    ]
    assert describe_places("<td>2\u00a004</td>", "<td>2 04</td>") == [
        r"Line 1 has “<td>2\xa004</td>” where the page that is made again has “<td>2 04</td>”."
    ]
    assert describe_places("a\nb", "a") == ["It has 2 lines, the page that is made again 1."]
    assert describe_places("a", "a\nb") == ["It has 1 line, the page that is made again 2."]
    assert describe_edits("a", "a\nb") == ["It has 1 line and was made with 2."]


def test_the_same_page_of_the_same_inputs_has_the_same_manifest(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "reads"
    log.write_text("".join(json.dumps(str(one)) + "\n" for one in (tmp_path / "data").rglob("*") if one.is_file()))
    one, other = (
        build_manifest(check_request("small", {}), find_page(home), log, tmp_path / "data", told={}, unclosed="")
        for _ in range(2)
    )
    assert one == other
    assert "people.json" in one  # which a notebook with names opens: by its hash


@pytest.mark.heavy  # a page of the demo, which is made twice
def test_a_page_of_the_demo_is_the_same_after_commands_that_read_more_of_its_months(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    month = ["--demo", "--year", "2025", "--month", "9"]
    assert main(["report", *month, "--output-dir", "reports"]) == 0
    for command in ("anomalies", "forecast"):
        assert main([command, *month]) == 0
    code, (page, *_beside) = verify(capsys, "reports/demo/2025-09")
    assert (code, page["result"]) == (0, "same")
