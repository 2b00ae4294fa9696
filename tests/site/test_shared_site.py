"""A site that is shared: departments of few people are one line of the same total, in every month and model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from report_samples import write_manifest
from spend_samples import AUGUST, SEPTEMBER, call, store, store_credits

from flexlib.addresses import hide_email
from flexlib.analysis.chargeback import NOBODY
from flexlib.cli.main import main
from flexlib.errors import InvalidRequest
from flexlib.front.answers import Answers
from flexlib.front.heads import count_heads, count_users
from flexlib.front.sharing import find_folded, fold_table, keep_shared
from flexlib.front.spend import load_spend
from flexlib.page.budgets import show_budgets
from flexlib.report.folder import find_packaged
from flexlib.report.manifest import hash_bytes
from flexlib.site.facts import Facts


def fill(root: Path) -> None:
    """Legal has 2 people in August and 5 in September, Sales 6, Data 8; each call is US$ 1.5."""
    for month, legal in ((AUGUST, 2), (SEPTEMBER, 5)):
        people = {"Legal": legal, "Sales": 6, "Data": 8}
        store(root, "import", month, *(
            call(f"{name}{one}", f"{month}-02T10:00:00", "1.5", model=("gpt-4o", "gpt-5")[one % 2], usable_type="user",
                 usable_key=f"{name}{one}", metadata=f'{{"department": "{name}"}}')
            for name, count in people.items() for one in range(count)
        ))  # fmt: skip


def test_a_department_that_is_small_in_one_month_is_folded_in_all_and_totals_stay(tmp_path: Path) -> None:
    fill(tmp_path)
    spend = load_spend(AUGUST, SEPTEMBER, tmp_path, zone="UTC", names=False)
    assert find_folded(spend, "department") == {"Legal", "Sales"}
    whole, facts = Facts(spend).by_month, Facts(spend, is_shared=True)
    shared, models = facts.by_month, facts.by_model
    assert set(shared["department"]) == {"Data", "Small groups"}
    assert ("model" in shared, "department" in models) == (False, False)  # of a department's models one is somebody's
    for keys, table in ((["month"], shared), (["model"], models), (["month", "model"], models)):
        for name in ("usd", "requests", "prompt_tokens", "unpriced_requests"):
            assert table.groupby(keys)[name].sum().to_dict() == whole.groupby(keys)[name].sum().to_dict()
    assert [*map(str, shared.dtypes)] == [*map(str, whole.drop(columns="model").dtypes)]


def test_people_are_counted_by_what_they_used_and_each_unit_has_enough_of_them(tmp_path: Path) -> None:
    """Legal has credits alone, Billing calls alone: together they are a line whose credits are Legal's."""
    used = {"Legal": (2, 0), "Billing": (0, 6), "Search": (0, 7), "Data": (8, 0)}
    rows = [(one + 1, f"{name}{one}", "MODEL_X", 0, 100) for name, (count, _) in used.items() for one in range(count)]
    people = {key: {"name": key, "email": f"{key}@example.com"} for _, key, *_ in rows}
    rows += [(20, "Idle0", "MODEL_X", 0, 0)]  # who used nothing is nobody's company
    store_credits(tmp_path, *rows, people=people | {"Idle0": {"name": "Idle", "email": "Idle0@example.com"}})
    store(tmp_path, "import", SEPTEMBER, *(
        call(f"{name}{one}", "2025-09-02", usable_type="user", usable_key=hide_email(f"{name}{one}@example.com"))
        for name, (_, count) in used.items() for one in range(count)
    ))  # fmt: skip
    lines = [f"{name}{one}@example.com,{name}" for name, counts in used.items() for one in range(sum(counts))]
    idle = [f"Idle{one}@example.com,Idle" for one in range(5)]
    roster = tmp_path / "organization.csv"
    roster.write_text("\n".join(["who,department", *lines, *idle, ""]), "utf-8")
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False, roster=roster)
    counts = count_users(spend, "department")[SEPTEMBER.first]
    assert {name: one.get("flex_credits of credits", 0) for name, one in counts.items()} == {
        "Legal": 2, "Data": 8, "Billing": 0, "Search": 0, "Idle": 0,
    }  # fmt: skip
    assert find_folded(spend, "department") >= {"Legal", "Data"}
    assert not find_folded(spend, "department") & {"Billing", "Search"}


def test_of_applications_beside_one_small_department_all_is_one_line(tmp_path: Path) -> None:
    calls = [call(f"l{one}", "2025-09-02", usable_type="user", usable_id=one, metadata='{"department": "Legal"}')
             for one in range(2)]  # fmt: skip
    calls += [call(name, "2025-09-02", usable_type="app", usable_id=7, metadata=f'{{"department": "{name}"}}')
              for name in ("Gateway", "Search")]  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, *calls)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False)
    assert find_folded(spend, "department") == {"Legal", "Gateway", "Search"}


def test_a_department_that_pays_for_the_seats_of_a_few_is_folded_though_it_used_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    roster = tmp_path / "organization.csv"
    few = [f"idle{one}@example.com,Idle" for one in range(2)] + [f"x{one}@example.com,Many" for one in range(9)]
    roster.write_text("\n".join(["who,department", *few, ""]), "utf-8")
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False, roster=roster)
    folded = find_folded(spend, "department")
    assert ("Idle" in folded, len(folded) >= 2) == (True, True)


def test_what_is_shared_is_of_one_zone_since_two_of_them_less_each_other_are_a_few_calls(tmp_path: Path) -> None:
    fill(tmp_path)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="America/Santiago", names=False)
    for share in (find_folded, lambda spend, _level: keep_shared(spend, [])):
        with pytest.raises(InvalidRequest, match="those of America/Santiago less those of UTC would be a few people's"):
            share(spend, "department")


def test_a_page_that_is_shared_has_no_budget_of_a_few_people_and_says_how_many_it_leaves_out(tmp_path: Path) -> None:
    fill(tmp_path)
    scopes = ["whole: true", "department: Data", "department: Legal", "person: Data2"]
    file = tmp_path / "budgets.yaml"
    file.write_text("budgets:\n" + "".join(
        f"  - {{name: '{scope}', {scope}, currency: usd, amount: '90'}}\n" for scope in scopes
    ))  # fmt: skip
    spend = replace(load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False), budgets=file)
    whole, shared = Answers(spend, "usd"), Answers(spend, "usd", share=True)
    assert ([one.name for one in whole.budgets], whole.left_out) == ([*scopes[:3], "A person's budget, 1"], 0)
    assert ([one.name for one in shared.budgets], shared.left_out) == (scopes[:2], 2)
    said = "2 budgets are left out: they may show what a few people used."
    shown = [said in show_budgets(one.budgets, one.left_out).render_html() for one in (whole, shared)]
    assert shown == [False, True]


LISTED = {"Legal": 3, "Sales": 7, "Data": 9}
"""People of each department of the organization's file."""


def list_everybody() -> dict[str, str]:
    """The department of each person of `LISTED`, by the key that credits have."""
    return {f"{name}{one}".lower(): name for name, count in LISTED.items() for one in range(count)}


def write_organization(path: Path) -> Path:
    lines = [f"{user}@example.com,{name}" for user, name in list_everybody().items()]
    path.write_text("\n".join(["who,department", *lines, ""]), "utf-8")
    return path


def test_a_person_with_credits_and_calls_is_one_person(tmp_path: Path) -> None:
    everybody, roster = list_everybody(), write_organization(tmp_path / "organization.csv")
    people = {user: {"name": user.title(), "email": f"{user}@example.com"} for user in everybody}
    store_credits(tmp_path, *((1, user, "MODEL_X", 0, 100) for user in everybody), people=people)
    calls = [
        call(user, "2025-09-02T10:00:00", usable_type="user", usable_key=hide_email(f"{user}@example.com"))
        for user in everybody
    ]
    calls.append(call("nobody", "2025-09-02T10:00:00", usable_type="user", metadata='{"department": "Legal"}'))
    store(tmp_path, "import", SEPTEMBER, *calls)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False, roster=roster)
    assert find_folded(spend, "department") == {"Legal", "Sales"}
    counted = {key.name: count for key, count in count_heads(spend, "department").items()}
    assert counted == LISTED
    assert NOBODY not in count_heads(spend, "user")  # a call of nobody has no head


def test_two_systems_whose_names_nothing_joins_may_name_the_same_people(tmp_path: Path) -> None:
    """Three people with an e-mail in one system and a number in another look like six."""
    said = {"usable_type": "user", "metadata": '{"department": "Legal"}'}
    others = {"usable_type": "user", "metadata": '{"department": "Data"}'}
    calls = [call(f"k{one}", "2025-09-02", usable_key=hide_email(f"{one}@example.com"), **said) for one in range(3)]
    calls += [call(f"n{one}", "2025-09-02", usable_id=one, **said) for one in range(3)]
    calls += [call(f"d{one}", "2025-09-02", usable_id=one, **others) for one in range(10, 18)]
    store(tmp_path, "import", SEPTEMBER, *calls)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False)
    assert find_folded(spend, "department") == {"Legal", "Data"}


def test_calls_of_somebody_who_is_not_named_are_of_one_person(tmp_path: Path) -> None:
    """Of no person a department would be nobody's, and stand by itself."""
    calls = [call("a", "2025-09-02", usable_type="user", metadata='{"department": "Legal"}')]
    calls += [
        call(f"d{one}", "2025-09-02", usable_type="user", usable_id=one, metadata='{"department": "Data"}')
        for one in range(8)
    ]
    store(tmp_path, "import", SEPTEMBER, *calls)
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False)
    assert find_folded(spend, "department") == {"Legal", "Data"}


def test_a_department_that_is_called_as_the_small_ones_keeps_its_own_line(tmp_path: Path) -> None:
    fill(tmp_path)
    named = '{"department": "Small groups"}'
    people = [
        call(f"s{one}", "2025-09-03", "0.5", usable_type="user", usable_key=f"s{one}", metadata=named)
        for one in range(9)
    ]
    store(tmp_path, "ledger", SEPTEMBER, *people)
    spend = load_spend(AUGUST, SEPTEMBER, tmp_path, zone="UTC", names=False)
    for keys in (["department"], ["department", "month"]):
        table = fold_table(spend.by(*keys), find_folded(spend, "department"), "in no department")
        assert table.groupby("department")["usd"].sum().astype(float).to_dict() == {
            "Data": 24.0, "Small groups": 4.5, "Small groups *": 28.5,
        }  # fmt: skip


def test_no_page_of_a_shared_site_names_a_department_of_few_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    for words in ([], ["--share"]):
        folder = tmp_path / "_".join(["site", *words])
        assert main(["site", "--reports", str(tmp_path / "none"), *words, "--output", str(folder)]) == 0
        files = [
            one
            for one in folder.rglob("*")
            if one.is_file() and b"legal" in (one.name.encode() + one.read_bytes()).lower()
        ]
        assert bool(files) == (not words), files


def report(folder: Path, name: str, notebook: str, sha256: str = "", **changes: Any) -> None:  # noqa: ANN401
    """A page as `flexlib report` leaves it, of a notebook as flexlib brings it, with its manifest."""
    file = folder / f"{name}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("Legal: 3.00", "utf-8")
    own = find_packaged() / "notebooks" / f"{notebook}.ipynb"
    told = {"file": f"notebooks/{notebook}.ipynb", "sha256": sha256 or hash_bytes(own.read_bytes())}
    write_manifest(file, notebook=told, **changes)


def test_a_shared_site_leaves_out_each_report_that_may_show_departments_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    folder = tmp_path / "reports" / "2025-09"
    report(folder, "chargeback", "chargeback", parameters={"level": "department"})
    report(folder, "year", "year", parameters={"share": False})
    report(folder, "folded", "chargeback", parameters={"level": "department", "share": True})
    report(folder, "flex_credits", "flex_credits", files={"rates/usd_clp.csv": "0", "params/events.yaml": "0"})
    report(folder, "budgets", "flex_credits", files={"b3b5906f/budgets.json": "0"})
    report(folder, "untold", "flex_credits", files={"data.csv": "0"})  # a file of no known place may be of budgets
    report(folder, "edited", "flex_credits", sha256="0")
    everything = ["budgets.html", "chargeback.html", "edited.html", "flex_credits.html", "folded.html", "untold.html",
                  "year.html"]  # fmt: skip
    for words, shown in (([], everything), (["--share"], ["flex_credits.html", "folded.html"])):
        assert main(["site", "--reports", str(folder.parent), "--output", str(tmp_path / "site"), *words]) == 0
        assert sorted(one.name for one in (tmp_path / "site" / "2025-09").iterdir()) == sorted(["index.html", *shown])
        said = capsys.readouterr().err
        if "--share" not in words:
            (tmp_path / "site").rename(tmp_path / "all")
        assert [one for one in everything if f"2025-09/{one} is left out: it may show departments" in said] == [
            one for one in everything if one not in shown
        ]


def test_a_shared_site_has_no_report_of_another_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    report(tmp_path / "reports" / "2025-09", "llm_usage", "llm_usage", parameters={"zone": "America/Santiago"})
    words = ["--reports", str(tmp_path / "reports"), "--output", str(tmp_path / "site")]
    assert main(["site", "--share", *words]) == 0
    assert "it is of America/Santiago, and what is shared of UTC alone" in capsys.readouterr().err
    assert not (tmp_path / "site" / "2025-09" / "llm_usage.html").exists()


def test_a_site_that_is_shared_is_replaced_by_none_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    words = ["site", "--reports", str(tmp_path / "none"), "--output", str(tmp_path / "site")]
    assert [main(words), main([*words, "--share"])] == [0, 0]
    before = {one: one.read_bytes() for one in (tmp_path / "site").rglob("*") if one.is_file()}
    assert main(words) == 2
    said = capsys.readouterr().err
    assert ("share: yes" in said, "name another folder with --output" in said) == (True, True)
    assert {one: one.read_bytes() for one in (tmp_path / "site").rglob("*") if one.is_file()} == before
    assert main([*words, "--share"]) == 0


def test_pages_made_with_budgets_are_shown_on_a_shared_site_only_without_those_of_a_few_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor are they in the workbook beside the page."""
    fill(tmp_path / "data")
    for name in ("notebooks", "params"):
        (tmp_path / name).mkdir()
    shutil.copy(find_packaged() / "notebooks" / "llm_usage.ipynb", tmp_path / "notebooks")
    (tmp_path / "params" / "budgets.yaml").write_text("budgets:\n" + "".join(
        f"  - {{name: 'all of {scope}', {scope}, currency: usd, amount: '9'}}\n"
        for scope in ("whole: true", "department: Data", "department: Legal")
    ))  # fmt: skip
    (tmp_path / ".env.example").touch()  # the home of a project
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    words = ["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--offline", "--with", "xlsx"]
    page, site = tmp_path / "reports" / "2025-09" / "llm_usage.html", tmp_path / "site"
    for flags, shown in (([], ["whole: true", "department: Data", "department: Legal"]),
                         (["--share"], ["whole: true", "department: Data"])):  # fmt: skip
        assert main([*words, *flags]) == 0
        book = CalamineWorkbook.from_path(page.with_suffix(".xlsx"))
        sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
        cells = {str(cell) for rows in sheets for row in rows for cell in row}
        for scope in ("whole: true", "department: Data", "department: Legal"):
            found = (f"all of {scope}" in page.read_text("utf-8"), f"all of {scope}" in cells)
            assert found == (scope in shown, scope in shown), (flags, scope)
        capsys.readouterr()
        assert main(["site", "--share", "--output", str(site)]) == 0
        is_left_out = "2025-09/llm_usage.html is left out: it may show departments" in capsys.readouterr().err
        assert (is_left_out, (site / "2025-09" / "llm_usage.html").exists()) == (not flags, bool(flags))
