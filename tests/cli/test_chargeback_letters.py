"""The page of a chargeback, and its letters: each holds its own part, and nothing of anybody else's."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import read_cells, read_words
from spend_samples import SEPTEMBER, call, ingest_charges, store, store_credits

from flexlib.cli.main import main
from flexlib.report.letters import name_files
from flexlib.report.notes import note_files
from flexlib.sources.charges.mapping import ChargeMapping

WORDS = ["chargeback", "--year", "2025", "--month", "9", "--per", "department"]
ODD = ["HR", "hr", "H R", "h_r", "CON", "..", "a/b", "a\\b"]
NAMES = ("Platform", "../Ventas & <b>Sur</b>", "Legal")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three departments with US$ 11.11, 22.22 and 44.44 each on a model of their own, 88.88 of nobody, and a bill."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    amounts = {"Platform": ("11.11", "gpt-5"), NAMES[1]: ("22.22", "gpt-4o"), "Legal": ("44.44", "claude-sonnet-4")}
    calls = [
        call(name, "2025-09-02T10:00:00", usd, model=model, metadata=json.dumps({"department": name}))
        for name, (usd, model) in amounts.items()
    ]
    store(root, "import", SEPTEMBER, *calls, call("nobody", "2025-09-02T11:00:00", "88.88", model="gpt-5-mini"))
    store_credits(root, (30, "user-1", "MODEL_A", 0, 33300))
    (tmp_path / "bill.csv").write_text("from,to,usd\n2025-09-01,2025-10-01,777.77\n")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="openai")
    ingest_charges([tmp_path / "bill.csv"], mapping, root)
    (tmp_path / "rules.yaml").write_text("pools:\n  - {name: licence, usd: '300', rule: equal}\n")
    return root


def write_letters(tmp_path: Path, *words: str, code: int = 4) -> dict[str, str]:
    """The text of each page by the name of its file; the month's bill differs from its calls, so the code is 4."""
    rules, out = str(tmp_path / "rules.yaml"), str(tmp_path / "out")
    assert main([*WORDS, "--rules", rules, "--output-dir", out, *words]) == code
    return {file.name: file.read_text("utf-8") for file in (tmp_path / "out" / "2025-09" / "chargeback").glob("*.html")}


def test_a_letter_holds_its_part_and_nothing_of_the_others_or_of_the_whole(data: Path, tmp_path: Path) -> None:
    letters = write_letters(tmp_path)
    assert sorted(letters) == [
        "department_legal.html", "department_platform.html", "department_ventas_b_sur_b_f67141ec.html",
    ]  # fmt: skip
    page = letters["department_platform.html"]
    assert read_cells(page, "table-items") == [
        ["Direct use", "11.11"], ["Licence shared equally", "100.00"], ["Total", "111.11"],
    ]  # fmt: skip
    said = "A second figure of the month, such as a bill, differs from the calls; yours are as counted."
    assert f"{said} Ask who sends this page." in read_words(page)
    assert read_cells(page, "table-models") == [["gpt-5", "11.11"], ["All models", "11.11"]]
    # Of others: their names and models, what they and nobody used, the credits, the bill, the pool, the whole.
    others = ("Ventas", "Legal", "gpt-4o", "claude", "gpt-5-mini", "22.22", "44.44", "88.88", "33.3", "13.32", "333.00")
    wholes = ("777.77", "611.12", "300.00", "791.09", "1,091.09", "Unmapped", "billed")
    assert [text for text in (*others, *wholes) if text.lower() in page.lower()] == []


def test_a_letter_names_the_zone_whose_days_it_is_of(data: Path, tmp_path: Path) -> None:
    for zone, code in (("UTC", 4), ("America/Santiago", 3)):  # October, of which it has three hours, is not stored
        page = write_letters(tmp_path, "--zone", zone, code=code)["department_platform.html"]
        assert read_words(page).count(f"Chargeback · department · days of {zone} ") == 1


def test_the_letter_of_a_smaller_part_of_a_shared_call_says_that_it_has_no_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02", "1", usable_type="user", usable_id=1),
          call("b", "2025-09-02", None, usable_type="user", usable_id=1))  # fmt: skip
    (file := tmp_path / "people.csv").write_text("who,kind,department,share\n1,user,A,60\n1,user,B,40\n", "utf-8")
    (rules := tmp_path / "rules.yaml").write_text("pools:\n  - {name: fee, usd: '9', rule: use}\n")
    words = ["--roster", str(file), "--rules", str(rules), "--output-dir", str(tmp_path / "out")]
    assert main([*WORDS, *words]) == 0
    page = (tmp_path / "out" / "2025-09" / "chargeback" / "department_b.html").read_text("utf-8")
    assert read_cells(page, "table-items")[:2] == [
        ["Direct use at least; parts of calls without a price", "0.40"],
        ["Fee shared by use; your parts of calls without a price count for nothing", "3.60"],
    ]  # fmt: skip


def test_a_letter_says_the_people_the_seats_and_the_percent_behind_its_amounts(data: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "pools:\n  - {name: seats, usd_a_seat: '30', seats: 40, rule: head, from: 2025-09-16}\n"
        "taxes:\n  - {name: IVA, percent: '19'}\n"
    )
    people = "who,department,from\n" + "".join(
        f"p{number},Platform,2025-09-{day}\n" for number, day in ((1, 1), (2, 16))
    )
    (tmp_path / "people.csv").write_text(people.replace("2025-09-1\n", "2025-09-01\n"))
    roster = ["--roster", str(tmp_path / "people.csv")]
    page = write_letters(tmp_path, *roster)["department_platform.html"]
    # A person of the whole month and one of half of it; half of US$ 30 for each.
    assert read_cells(page, "table-items") == [
        ["Direct use", "11.11"],
        ["Seats shared by people; your people: 1.5; US$ 30.00 a seat and month; for 15 days", "22.50"],
        ["IVA 19 % of all above", "6.39"],
        ["Total", "40.00"],
    ]
    assert "40 seats" not in page  # how many seats there are is of the whole
    page = write_letters(tmp_path, *roster, "--with-total")["department_platform.html"]
    assert "for 15 days; 40 seats in all" in read_words(page)


def test_a_letter_names_each_price_of_a_seat_with_its_days(data: Path, tmp_path: Path) -> None:
    """30 days at two prices: 17 at US$ 30, 13 at 31, of 12 seats and 9."""
    (tmp_path / "rules.yaml").write_text(
        "pools:\n  - {name: seats, usd_a_seat: '31', seats: 9, rule: equal, from: 2025-09-18}\n"
        "  - {name: seats, usd_a_seat: '30', seats: 12, rule: equal, until: 2025-09-17}\n"
    )
    page = write_letters(tmp_path)["department_platform.html"]
    # A third of 204.00 and 120.90.
    said = "Seats shared equally; US$ 30.00 a seat and month; for 17 days; US$ 31.00 a seat and month; for 13 days"
    assert read_cells(page, "table-items")[1] == [said, "108.30"]
    words = read_words(write_letters(tmp_path, "--with-total")["department_platform.html"])
    assert "for 17 days; 12 seats in all; US$ 31.00 a seat and month; for 13 days; 9 seats in all" in words


def test_the_whole_is_said_only_where_it_is_asked_for(data: Path, tmp_path: Path) -> None:
    page = write_letters(tmp_path, "--with-total")["department_platform.html"]
    # The bill of 777.77 for all calls, 13.32 of credits, and the licence of 300.
    assert "The whole month US$ 1,091.09 of all departments" in read_words(page)


def test_a_name_is_text_on_its_page_and_leads_out_of_no_folder(data: Path, tmp_path: Path) -> None:
    page = write_letters(tmp_path)["department_ventas_b_sur_b_f67141ec.html"]
    assert "<b>Sur" not in page
    assert "../Ventas &amp; &lt;b&gt;Sur&lt;/b&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_the_lines_of_all_letters_and_what_is_nobody_s_are_the_month(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = write_letters(tmp_path, "--json")
    made = json.loads(capsys.readouterr().out)
    assert [Path(page).name for page in made["pages"]] == [*(f"department_{one}.html" for one in (
        "legal", "ventas_b_sur_b_f67141ec", "platform"))]  # fmt: skip
    assert len(letters) == 3
    totals = {read_cells(page, "table-items")[-1][1] for page in letters.values()}
    assert totals == {"144.44", "122.22", "111.11"}
    assert {line["line"]: line["total"]["usd"] for line in made["lines"][3:]} == {
        "Unmapped": "102.2", "Billed beside the calls": "611.12",
    }  # fmt: skip


def test_pages_of_those_who_are_charged_no_more_are_named_and_left(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "out" / "2025-09" / "chargeback" / "department_gone.html"
    old.parent.mkdir(parents=True)
    old.write_text("of before")
    write_letters(tmp_path)
    assert "and of nobody who is charged now: department_gone.html; delete what you" in capsys.readouterr().err
    assert old.read_text() == "of before"


def test_letters_that_name_people_are_their_owner_s_alone(data: Path, tmp_path: Path) -> None:
    words = ["chargeback", "--year", "2025", "--month", "9", "--per", "person", "--output-dir"]
    assert main([*words, str(tmp_path / "names"), "--names"]) == main([*words, str(tmp_path / "hidden")]) == 4
    for folder, is_private in (("names/2025-09/chargeback/people", True), ("hidden/2025-09/chargeback", False)):
        files = [file for file in (tmp_path / folder).iterdir() if file.is_file()]
        assert files
        assert (stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700) is is_private  # names of files are people's
        assert {stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files} == {is_private}
    umask = os.umask(0)
    os.umask(umask)
    assert not umask & 0o044  # else the second half proves nothing


def test_letters_of_people_are_verified_as_those_of_departments_are(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["chargeback", "--year", "2025", "--month", "9", "--output-dir", str(tmp_path / "out"), "--per"]
    assert main([*words, "person", "--names"]) == main([*words, "department"]) == 4
    (page := tmp_path / "out" / "2025-09" / "month.html").touch()
    note_files([page], names=False)
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "out"), "--json"]) == 0
    found = {Path(one["page"]).parent.name: one["result"] for one in json.loads(capsys.readouterr().out)}
    assert found == {"people": "as_made", "chargeback": "as_made", "2025-09": "as_made"}


@given(
    st.lists(
        st.text(max_size=12) | st.sampled_from(["HR", "hr", "H R", "h_r", "CON", "..", "a/b", "a\\b"]), unique=True
    )
)
def test_files_have_names_of_plain_letters_and_no_two_are_one_on_any_disk(names: list[str]) -> None:
    files = name_files(names)
    assert list(files) == names
    assert len({file.casefold() for file in files.values()}) == len(names)
    assert all(file and set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for file in files.values())
    assert all(len(file) <= 70 for file in files.values())


REPORT = [
    "report",
    "--notebook",
    "chargeback",
    "--year",
    "2025",
    "--month",
    "9",
    "--offline",
    "-p",
    "level",
    "department",
]


def test_the_page_has_every_line_and_its_certificate(data: Path, tmp_path: Path) -> None:
    assert main([*REPORT, "--output-dir", str(tmp_path / "out")]) == 4  # of the bill
    text = (tmp_path / "out" / "2025-09" / "chargeback.html").read_text("utf-8")
    assert read_cells(text, "table-charges")[-2:] == [
        ["Billed beside the calls", "611.12", ""], ["Total", "791.09", "333.00"],
    ]  # fmt: skip
    words = read_words(text)
    assert "Legal is charged US$ 44.44, 5.6\u00a0% of the whole" in words.replace("5.6 %", "5.6\u00a0%")
    assert "Sum of departments = total: 333.00 flex credits and US$ 791.09, to the last digit" in words


@pytest.mark.heavy
def test_a_page_whose_lines_are_not_the_month_is_not_made(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook runs in a process of its own: its Python is told to lose a line."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import flexlib.front.spend as room\n"
        "whole = room.Spend.by\n"
        "room.Spend.by = lambda spend, *keys: whole(spend, *keys).iloc[1:]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    assert main([*REPORT, "--output-dir", str(tmp_path / "out")]) == 4
    assert "The chargeback of 2025-09 is not the whole month: its lines sum to" in capsys.readouterr().err
    assert not (tmp_path / "out" / "2025-09" / "chargeback.html").exists()


def test_the_letter_of_whom_the_months_sum_of_somebody_who_moved_may_be_says_at_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    whole = {"grain": "month", "requests": 9, "usable_type": "user"}
    store(root, "import", SEPTEMBER, *(call(f"m{who}", "2025-09-01", usd, usable_id=who, **whole)
                                       for who, usd in {1: "100", 2: "5", 3: "40"}.items()))  # fmt: skip
    (file := tmp_path / "people.csv").write_text(
        "who,kind,department,from,until\n1,user,A,,2025-09-14\n1,user,B,2025-09-15,\n2,user,A,,\n3,user,C,,\n", "utf-8"
    )
    assert main([*WORDS, "--roster", str(file), "--output-dir", str(tmp_path / "out"), "--with-total"]) == 0
    folder = tmp_path / "out" / "2025-09" / "chargeback"
    pages = {name: (folder / f"department_{name}.html").read_text("utf-8") for name in ("a", "c")}
    assert read_cells(pages["a"], "table-items")[0] == [
        "Direct use at least; without the month's sum of somebody who moved within it", "5.00",
    ]  # fmt: skip
    assert read_cells(pages["c"], "table-items")[0] == ["Direct use", "40.00"]
    said = "Somebody moved within the month, and nothing says how much of their sum of it is yours: yours may be more."
    shown = {name: (said in read_words(page), "! Gap" in read_words(page), page.count("<b class=\"bad\">at least</b>"))
             for name, page in pages.items()}  # fmt: skip
    assert shown == {"a": (True, True, 1), "c": (False, False, 0)}  # the whole month is all of it


def test_the_letter_of_whom_such_a_sum_may_be_says_at_least_though_it_pays_only_a_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    whole = {"grain": "month", "requests": 9, "usable_type": "user"}
    store(root, "import", SEPTEMBER, call("m1", "2025-09-01", "10", usable_id=1, **whole))
    (file := tmp_path / "people.csv").write_text(
        "who,kind,department,from,until\n1,user,Alpha,,2025-09-14\n1,user,Beta,2025-09-15,\n3,user,Other,,\n", "utf-8"
    )
    (tmp_path / "rules.yaml").write_text("pools:\n  - {name: fee, usd: '60', rule: head}\n")
    letters = write_letters(tmp_path, "--roster", str(file), "--with-total", code=0)
    direct = {name: read_cells(page, "table-items")[0][0] for name, page in sorted(letters.items())}
    assert direct == {
        "department_alpha.html": "Direct use at least; without the month's sum of somebody who moved within it",
        "department_beta.html": "Direct use at least; without the month's sum of somebody who moved within it",
        "department_other.html": "Direct use",
    }
    assert {name for name, page in letters.items() if "Somebody moved within the month" in read_words(page)} == {
        "department_alpha.html", "department_beta.html",
    }  # fmt: skip
