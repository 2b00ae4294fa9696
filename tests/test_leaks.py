"""What is shared holds nobody's name, e-mail, key or id, in whatever form; and the search finds one in each form."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pytest
from leaks import find_in, find_leaks, plant
from report_samples import FIXTURE, SEPTEMBER

from flexlib.cli.main import main
from flexlib.store.snapshots import list_newest, load_credits

KNOWN = ("Ana María Ñúñez", "ana.munoz@empresa.cl", "3f2a9c1e-77aa-4b1c-9d00-5e6f7a8b9c0d", "Bernardo O'Higgins")

SMALL = "Kleinstabteilung"


@pytest.mark.parametrize("text", KNOWN)
def test_a_planted_leak_is_found_in_each_form(text: str, tmp_path: Path) -> None:
    forms = plant(text)
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    assert find_leaks(tmp_path, KNOWN) == {name: {text} for name in forms}
    assert find_in(b"\n".join([b"before after", *(one.encode()[:-1] for one in KNOWN)]), KNOWN) == set()


@pytest.mark.parametrize("kind", ["book.xlsx", "rows.csv.gz", "chart.png"])
def test_a_broken_archive_inside_is_searched_as_it_stands_and_one_by_itself_is_told(kind: str) -> None:
    """The time of day in an archive decided whether a guess at its escapes looked like another one."""
    broken = plant("nobody at all")[kind].replace(b"PK\x01\x02", b"PK\x01\x03")[:-9] + KNOWN[1].encode()
    if kind == "book.xlsx":
        broken += plant("nobody at all")[kind][-22:]
    with pytest.raises((BadZipFile, EOFError, zlib.error)):
        find_in(broken, KNOWN)
    quoted = "".join(f"%{one:02X}" for one in broken).encode()
    assert find_in(quoted, KNOWN) == {KNOWN[1]}


def test_a_name_of_a_file_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "Ana.Munoz@empresa.cl.html").write_bytes(b"")
    assert find_leaks(tmp_path, KNOWN) == {"Ana.Munoz@empresa.cl.html": {"ana.munoz@empresa.cl"}}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture's company, its people under names that are looked for."""
    root = tmp_path_factory.mktemp("company") / "data"
    shutil.copytree(FIXTURE, root)
    (root / "server.json").unlink()  # of people who are not made up pseudonyms come from a key
    return root


def list_known(root: Path) -> set[str]:
    """Names, e-mails and keys of everybody, and the key of the pseudonyms."""
    people: dict[str, dict[str, Any]] = load_credits(SEPTEMBER, root).people
    known = {str(value) for key, one in people.items() for value in (key, *one.values()) if len(str(value)) > 5}
    rows = [
        row for one in list_newest(SEPTEMBER, root, ["usage"]) for row in one.relation.select("usable_key").fetchall()
    ]
    known |= {str(key) for (key,) in rows if key and len(key) > 5}
    known |= {(root / "pseudonyms.key").read_text("ascii").strip()}
    return known


@pytest.mark.usefixtures("pango")
def test_nothing_that_is_shared_names_anybody(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages with their notebooks, manifests, CSV, a chargeback, mails: all that is made without --names, with people
    in departments, and budgets of the whole, of a department and of a person."""
    monkeypatch.setenv("FLEXLIB_DATA", str(company))
    emails = sorted(one["email"] for one in load_credits(SEPTEMBER, company).people.values())
    roster, budgets = tmp_path / "organization.csv", tmp_path / "budgets.yaml"
    lines = [f"{one},{('Data', 'Sales')[n % 2]}\n" for n, one in enumerate(emails)]
    roster.write_text("who,department\n" + "".join(lines))
    of, units = ("whole: true", "department: Sales", f"person: {emails[0]}"), ("flex_credits", "usd")
    lines = [f'  - {{name: "{unit}, {one}", {one}, currency: {unit}, amount: "100"}}\n' for one in of for unit in units]
    budgets.write_text("budgets:\n" + "".join(lines))
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster))
    monkeypatch.setenv("FLEXLIB_BUDGETS", str(budgets))
    month, out = ["--year", "2025", "--month", "9"], ["--output-dir", str(tmp_path / "shared")]
    (tmp_path / "mail.yaml").write_text("mails: [{to: finance@example.org}, {to: team@example.org, team: search}]")
    for words in (
        ["report", *month, "--offline", *out],
        ["report", *month, "--offline", *out, "--notebook", "llm_usage", "--with", "xlsx,pdf,png"],
        ["report", *month, "--offline", *out, "--notebook", "chargeback", "-p", "level", "person"],
        ["chargeback", *month, "--by", "person", "--csv", str(tmp_path / "shared" / "billing.csv")],
        ["export", *month, "--format", "csv", "--output", str(tmp_path / "shared" / "month.csv")],
        ["send", *month, "--dry-run", *out, "--readers", str(tmp_path / "mail.yaml")],
    ):
        assert main(words) in (0, 3, 4), (words, capsys.readouterr().err)
    (tmp_path / "shared" / "said.txt").write_text(capsys.readouterr().out, "utf-8")
    files = {file.suffix for file in (tmp_path / "shared").rglob("*") if file.is_file()}
    assert files >= {".xlsx", ".pdf", ".png", ".html", ".ipynb", ".json", ".csv", ".eml", ".txt"}
    known = list_known(company)
    assert len(known) > 100
    assert find_leaks(tmp_path / "shared", known) == {}
    # Though budgets have read who everybody is, to place people: whoever may read the folder may read the pages.
    (tmp_path / "plain.txt").touch()
    pages = [one for one in (tmp_path / "shared").rglob("*.html") if one.with_suffix(".manifest.json").is_file()]
    read = {one.stem for one in pages if "people.json" in one.with_suffix(".manifest.json").read_text("utf-8")}
    assert read == {"flex_credits", "llm_usage"}
    assert {one.stat().st_mode for one in pages} == {(tmp_path / "plain.txt").stat().st_mode}
    # The same search finds them where they were asked for.
    assert main(
        ["chargeback", *month, "--by", "person", "--names", "--csv", str(tmp_path / "named" / "named.csv")]
    ) in (0, 3, 4)
    assert find_leaks(tmp_path / "named", known) != {}


def test_what_a_month_makes_for_everybody_shows_no_department_of_a_few_people_in_any_file(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages and exports alike; the same file that nobody has asked to share shows it."""
    monkeypatch.setenv("FLEXLIB_DATA", str(company))
    emails = sorted(one["email"] for one in load_credits(SEPTEMBER, company).people.values())
    roster, budgets, plan = (tmp_path / name for name in ("organization.csv", "budgets.yaml", "month.yaml"))
    roster.write_text(
        "who,department\n" + "".join(f"{one},{SMALL if n < 2 else 'Data'}\n" for n, one in enumerate(emails))
    )
    budgets.write_text(f"budgets: [{{name: {SMALL}, department: {SMALL}, currency: usd, amount: '10000'}}]\n")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster))
    monkeypatch.setenv("FLEXLIB_BUDGETS", str(budgets))
    month, shared = ["--year", "2025", "--month", "9"], tmp_path / "shared"
    text = "share: yes\nrates: no\nsite: no\nreports: [llm_usage]\nwith: [csv]\n"
    text += "exports: [csv, focus, parquet, xlsx, json]\n"
    plan.write_text(text)
    assert main(["month", *month, "--plan", str(plan), "--output-dir", str(shared)]) in (0, 3, 4), capsys.readouterr()
    (tmp_path / "shared" / "2025-09" / "run.json").unlink()  # for its owner alone
    made = {file.name for file in (shared / "2025-09").glob("[!.]*")}
    of_page = {f"llm_usage.{end}" for end in ("html", "ipynb", "manifest.json")}
    assert made == of_page | {f"llm_usage_2025-09.{end}" for end in ("xlsx", "json")}
    assert find_leaks(shared, {SMALL}) == {}
    for form in ("json", "xlsx"):
        assert main(["export", *month, "--format", form, "--output-dir", str(tmp_path / form)]) in (0, 3, 4)
        assert find_leaks(tmp_path / form, {SMALL}) != {}
