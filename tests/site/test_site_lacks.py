"""What a site says of months that are not whole, and of those of which a part may be elsewhere."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from report_samples import read_cells
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store

from flexlib.cli import main
from flexlib.dates import Month
from flexlib.report.manifest import read_headlines

RUNNING = datetime(2025, 10, 10, tzinfo=timezone.utc)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def read(name: str) -> str:
    """A page of the site that is made now."""
    main(["site"])
    return Path("site", name).read_text("utf-8")


@pytest.mark.parametrize(
    ("usd", "told", "source", "change", "why"),
    [
        ("20", {}, "import", "\u221281.8 %", "US$ 110.00 then"),
        # More of it is to come, or rows of it are missing: nobody knows whether it is a fall.
        ("20", {"read_at": RUNNING}, "import", "–", "US$ 110.00 then; October was not over"),
        ("90", {"quarantined_rows": 1}, "import", "–", "US$ 110.00 then; October is not whole"),
        # What is not stored is not zero, and no rise where it is.
        ("20", {}, "ledger", "–", "US$ 110.00 then; September lacks the ledger"),
    ],
)
def test_a_month_page_states_no_change_that_is_not_known(
    root: Path, usd: str, told: dict[str, Any], source: str, change: str, why: str
) -> None:
    store(root, "import", SEPTEMBER, call("a", "2025-09-05", "110"))
    store(root, source, OCTOBER, call("b", "2025-10-05", usd), **told)
    page = read("2025-10/index.html")
    assert read_headlines(page)["Against the month before"].replace("\u00a0", " ") == change
    assert f">{why}</dd>" in page.replace("\u00a0", " ")


@pytest.mark.parametrize(("usd", "change"), [("20", "–"), ("121", "at least +10.0 %")])
def test_of_a_month_that_lacks_prices_a_rise_is_known_and_a_fall_is_not(root: Path, usd: str, change: str) -> None:
    store(root, "import", SEPTEMBER, call("a", "2025-09-05", "110"))
    store(root, "import", OCTOBER, call("b", "2025-10-05", usd), call("c", "2025-10-05", None))
    headlines = read_headlines(read("2025-10/index.html"))
    assert headlines["Against the month before"].replace("\u00a0", " ") == change


def test_the_pages_of_a_model_say_the_same_of_a_month_whose_rows_are_not_all_there(root: Path) -> None:
    store(root, "import", AUGUST, call("a", "2025-08-05", "60", model="gpt-4.1"), call("b", "2025-08-05", "7"))
    store(root, "import", SEPTEMBER, call("c", "2025-09-05", "40", model="gpt-4.1"), quarantined_rows=1)
    index = read("index.html")
    assert [cells[2] for cells in read_cells(index, "table-models")] == ["100.00 at least", "7.00 at least", "107.00"]
    assert "All together, at least" in index
    assert "Of what is known, gpt-4.1 came to most in Aug and in Sep" in index
    pages = [next(Path("site", "models").glob(f"{name}*")).read_text("utf-8") for name in ("gpt_4_1", "gpt_4o")]
    assert [[cells[:2] for cells in read_cells(page, "table-months")] for page in pages] == [
        [["August 2025", "60.00"], ["September 2025", "40.00 at least"], ["All months, at least", "100.00"]],
        [["August 2025", "7.00"], ["All months, at least", "7.00"]],
    ]
    assert ["Spend at least" in read_headlines(page) for page in pages] == [True, True]
    # Of its own months gpt-4o's is whole: whose the row is that could not be taken nobody knows.
    assert ["</b>the worst state of its months" in page for page in pages] == [True, False]
    assert [(("Rows of 2025-09 are missing." in page), ("</b>it may have come to more" in page))
            for page in pages] == [(False, False), (True, True)]  # fmt: skip


def test_every_page_says_at_least_of_all_months_where_one_of_them_is_not_stored(root: Path) -> None:
    """US$ 11 of one model in July and 10 of another in September; of August nothing is stored."""
    store(root, "import", Month(2025, 7), call("a", "2025-07-05", "11"))
    store(root, "import", SEPTEMBER, call("b", "2025-09-05", "10", model="gpt-5"))
    index = read("index.html")
    assert read_headlines(index)["Spent at least"] == "US$ 21.00"
    assert read_cells(index, "table-months")[-1][0] == "All months, at least"
    assert [[cells[0], cells[2]] for cells in read_cells(index, "table-models")] == [
        ["gpt-4o", "11.00 at least"], ["gpt-5", "10.00 at least"], ["All together, at least", "21.00"],
    ]  # fmt: skip
    page = next(Path("site", "models").glob("gpt_4o*")).read_text("utf-8")
    assert read_headlines(page)["Spend at least"] == "US$ 11.00"
    assert "</b>it may have come to more" in page
    assert "Rows of 2025-08 are missing." in page
    assert "of the amounts that are known" in page
    assert [cells[:2] for cells in read_cells(page, "table-months")] == [
        ["July 2025", "11.00"], ["All months, at least", "11.00"],
    ]  # fmt: skip


def test_the_sum_of_lines_that_lack_something_is_at_least_so_much(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = {number: {"usable_type": "user", "usable_id": number} for number in (7, 8)}
    rows = call("a", "2025-08-05", "100", **of[7]), call("b", "2025-08-05", "100", model="b", **of[8])
    store(root, "ledger", AUGUST, *rows, call("c", "2025-08-06", None, **of[7]))
    Path("people.csv").write_text("who,kind,department\n7,user,Data\n8,user,Legal\n")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", "people.csv")
    for name in ("index.html", "2025-08/index.html"):
        page = read(name)
        for table in ("table-departments", "table-models"):
            last = read_cells(page, table)[-1]
            assert (last[0], last[2]) == ("All together, at least", "200.00")


def test_a_department_of_whose_months_only_another_may_have_more_says_so_everywhere(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data has a line of August alone; who was in it until the middle of September has one sum of that month."""
    of = {number: {"usable_type": "user", "usable_id": number} for number in (7, 8)}
    store(root, "import", AUGUST, call("a", "2025-08-05", "30", **of[7]))
    whole = call("b", "2025-09-01", "100", grain="month", requests=9, **of[7])
    store(root, "import", SEPTEMBER, whole, call("c", "2025-09-05", "40", **of[8]))
    Path("people.csv").write_text(
        "who,kind,department,until,from\n7,user,Data,2025-09-14,\n7,user,Sales,,2025-09-15\n8,user,Legal,,\n"
    )
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", "people.csv")
    index = read("index.html")
    assert [[cells[0], cells[2]] for cells in read_cells(index, "table-departments")] == [
        ["in no department", "100.00"], ["Legal", "40.00"], ["Data", "30.00 at least"], ["All together", "170.00"],
    ]  # fmt: skip
    page = Path("site", "departments", "data.html").read_text("utf-8")
    assert "! Gap</b>it may have come to more" in page
    assert "Somebody moved within September 2025; their sum of that month is in no department." in page
    assert read_headlines(page)["Spend at least"] == "US$ 30.00"
    last = {name: read_cells(page, f"table-{name}")[-1] for name in ("months", "models")}
    assert last["months"][:2] == ["All months, at least", "30.00"]
    assert [last["models"][place] for place in (0, 2)] == ["All together, at least", "30.00"]
