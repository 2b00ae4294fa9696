"""`flexlib site`: all months as pages that need no server, whose totals are those of `flexlib spend`."""

from __future__ import annotations

import json
import os
import re
import shutil
import xml.etree.ElementTree as ET
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from report_samples import FIXTURE, read_cells, write_manifest
from spend_samples import AUGUST, LATER, OCTOBER, SEPTEMBER, call, store

from flexlib.analysis.ranking import share_out
from flexlib.cli import main
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.formats import format_amount
from flexlib.page.kit.table import render_spark
from flexlib.proof import Unclosed
from flexlib.report.inputs import Inputs
from flexlib.report.manifest import hash_bytes, read_headlines
from flexlib.report.offline import find_loaded
from flexlib.settings import load_settings
from flexlib.site.facts import OF, find_reports
from flexlib.site.tables import table_of_month
from flexlib.site.write import write_site
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.store.disk import write_whole
from flexlib.store.snapshots import load_usage

ATOM = "{http://www.w3.org/2005/Atom}"
ROSTER = "who,kind,department\n7,user,Data & <Co>\n8,user,Ventas\n"
LAST = Month(2025, 11)


def fill(root: Path) -> None:
    """August US$ 3 of gpt-4o; of September nothing; October 1 of gpt-4o, 4 of gpt-5; November one without a price."""
    seven, eight = ({"usable_type": "user", "usable_id": one} for one in (7, 8))
    store(root, "ledger", AUGUST, call("a", "2025-08-05", "3", **seven))
    store(
        root,
        "ledger",
        OCTOBER,
        call("b", "2025-10-05", "1", **seven),
        call("c", "2025-10-06", "4", model="gpt-5", **eight),
    )
    store(root, "ledger", LAST, call("d", "2025-11-05", None, model="mine", **seven))


def report(folder: Path, name: str, text: str, **changes: Any) -> None:  # noqa: ANN401
    """A page as `flexlib report` leaves it, with its manifest."""
    file = folder / f"{name}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    write_manifest(file, **changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("site")
    fill(home / "data")
    (home / "people.csv").write_text(ROSTER, "utf-8")
    report(home / "reports" / "2025-10", "llm_usage", "<title>LLM spend</title><h2>Ñandú took half</h2>")
    report(home / "reports" / "2025", "year", "<title>The year</title>")
    report(home / "reports" / "2025-07", "old", "<title>Before all</title>")
    report(home / "reports" / "2025-10", "index", "a report of this name is not the page of the month")
    report(home / "reports" / "2025-10", "named", "x", parameters={"names": True})
    report(home / "reports" / "2025-10", "people", "x", files={"credits/2025-10/v/people.json": "0"})
    report(home / "reports" / "2025-10", "touched", "x", page={"sha256": "0", "headlines": {}})
    (home / "reports" / "2025-10" / "bare.html").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("FLEXLIB_DATA", "data")
        patch.setenv("FLEXLIB_ORGANIZATION", "people.csv")
        assert main(["site"]) == 3  # September is not stored
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", "people.csv")
    return tmp_path


@pytest.fixture
def site(home: Path) -> Path:
    return home / "site"


def read(file: Path) -> str:
    return file.read_text("utf-8")


def test_every_month_has_its_line_its_page_and_the_total_of_spend(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = {cells[0]: cells for cells in read_cells(read(site / "index.html"), "table-months")}
    for month in (AUGUST, OCTOBER):
        main(["spend", "--year", "2025", "--month", str(month.month), "--json"])
        spent = json.loads(capsys.readouterr().out)["amount_in_usd"]
        assert lines[month.title][2] == format_amount(Decimal(spent))
        assert f"US$ {lines[month.title][2]}</dd>" in read(site / str(month) / "index.html")
    assert [*lines] == [
        "November 2025", "October 2025", "September 2025", "August 2025", "July 2025", "All months, at least"
    ]  # fmt: skip


def test_months_of_a_site_are_those_of_its_zone_as_its_pages_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where a site of another zone is there; a page of another zone is named as one. Of October there, whose last
    hours are in UTC's November, not all is stored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    store(tmp_path / "data", "ledger", SEPTEMBER, call("a", "2025-09-05T12:00:00", "3"))
    store(tmp_path / "data", "ledger", OCTOBER, call("b", "2025-10-01T01:00:00", "4"),
          call("c", "2025-10-20T12:00:00", "16"))  # fmt: skip
    report(tmp_path / "reports" / "2025-09", "llm_usage", "<title>LLM spend</title>", parameters={})
    report(tmp_path / "reports" / "2025-09", "there", "<title>There</title>", parameters={"zone": "America/Santiago"})
    zones = {"UTC": (["20.00", "3.00"], "There"), "America/Santiago": (["16.00 at least", "7.00"], "LLM spend")}
    for zone in ("UTC", *zones):
        assert main(["site", "--zone", zone]) == 0
        index, page = (read(tmp_path / "site" / name) for name in ("index.html", "2025-09/index.html"))
        sums, other = zones[zone]
        assert [cells[2] for cells in read_cells(index, "table-months")[:2]] == sums
        assert f"days of {zone}</p>" in index
        assert f"days of {zone}</p>" in page
        assert ("as flexlib spend says it" in page) is (zone == "UTC")
        other_zone = "America/Santiago" if zone == "UTC" else "UTC"
        assert re.findall(r">([\w ]+)</a> <small>of days of ([\w/]+)</small>", page) == [(other, other_zone)]
    assert main(["site", "--zone", "America/Santiago", "--share"]) == 2
    assert "what is shared is of months of UTC alone" in capsys.readouterr().err


def test_a_month_that_is_not_stored_is_a_gap_and_no_zero(site: Path) -> None:
    index = read(site / "index.html")
    (september,) = [cells for cells in read_cells(index, "table-months") if cells[0] == "September 2025"]
    assert september[2:] == ["–", "–", "–", "–", "–", "not stored"]
    assert "Not stored: July 2025, September 2025." in index
    assert not (site / "2025-09").exists()
    november = next(cells for cells in read_cells(index, "table-months") if cells[0] == "November 2025")
    assert november[2] == "–"  # no call of it has a price


def test_a_site_of_months_between_which_one_is_not_stored_is_a_gap_as_its_badge_and_exit_code_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    for month in (AUGUST, OCTOBER):
        store(tmp_path / "data", "ledger", month, call("a", f"{month}-05", amount_in_clp=Decimal(900)))
    assert (main(["site"]), main(["sources"])) == (3, 3)
    assert "Nothing of 2025-09 is stored." in capsys.readouterr().err
    index = read(tmp_path / "site" / "index.html")
    assert "<b>! Gap</b>2 months are stored" in index
    assert "Gap: the total is a lower bound." in index
    assert "All months, at least" in index
    assert main(["site"]) == 3  # also where nothing is written
    store(tmp_path / "data", "ledger", SEPTEMBER, call("a", "2025-09-05", amount_in_clp=Decimal(900)))
    assert main(["site"]) == 0
    assert "All months, at least" not in read(tmp_path / "site" / "index.html")
    assert "<b>✓ Complete</b>3 months are stored" in read(tmp_path / "site" / "index.html")


def test_a_month_in_which_nothing_was_in_use_is_no_gap_of_a_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    for month in (AUGUST, OCTOBER):
        store(tmp_path / "data", "ledger", month, call("a", f"{month}-05", amount_in_clp=Decimal(900)))
    assert main(["sources", "--ended", "ledger", "2025-08"]) == 0
    assert main(["site"]) == 0
    index = read(tmp_path / "site" / "index.html")
    assert "<b>✓ Complete</b>2 months are stored" in index
    assert "Not stored: September 2025." in index
    assert "All months, at least" not in index


def test_a_month_of_which_only_a_report_is_left_has_a_page(site: Path) -> None:
    july = read(site / "2025-07" / "index.html")
    assert "Nothing of July 2025 is stored." in july
    assert 'href="../2025-07/old.html"' in july


def test_every_link_leads_to_a_file_of_the_site_or_to_a_place_on_its_page(site: Path) -> None:
    pages = [*site.rglob("index.html"), *site.rglob("models/*.html"), *site.rglob("departments/*.html")]
    assert len(pages) == 1 + 4 + 3 + 2
    for page in pages:
        links = [unescape(one) for one in re.findall(r'href="([^"]*)"', read(page))]
        assert "feed.xml" in [Path(one).name for one in links]
        inside = set(re.findall(r' id="([^"]+)"', read(page)))
        assert [one for one in links if one.startswith("#") and one[1:] not in inside] == []
        assert [one for one in links if not one.startswith("#") and not (page.parent / one).is_file()] == []


def test_the_months_lead_to_each_other_past_gaps(site: Path) -> None:
    october = read(site / "2025-10" / "index.html")
    assert re.findall(r'href="([^"]+)" rel="(prev|next)"', october) == [
        ("../2025-08/index.html", "prev"), ("../2025-11/index.html", "next")
    ]  # fmt: skip
    assert 'rel="next"' not in read(site / "2025-11" / "index.html")


def test_models_and_departments_sum_to_the_same_and_what_has_no_price_is_a_dash(site: Path) -> None:
    index = read(site / "index.html")
    models, departments = (read_cells(index, f"table-{name}") for name in ("models", "departments"))
    assert [(cells[0], cells[2]) for cells in models] == [
        ("gpt-4o", "4.00 at least"), ("gpt-5", "4.00 at least"), ("mine", "–"), ("All together, at least", "8.00")
    ]  # fmt: skip
    assert [(cells[0], cells[2]) for cells in departments] == [
        ("Data & <Co>", "4.00 at least"), ("Ventas", "4.00 at least"), ("All together, at least", "8.00")
    ]  # fmt: skip
    (page,) = (site / "departments").glob("data*.html")
    assert [cells[0] for cells in read_cells(read(page), "table-models")] == [
        "gpt-4o",
        "mine",
        "All together, at least",
    ]
    assert "<Co>" not in read(page)  # what somebody wrote is no markup


def test_what_calls_without_a_price_are_missing_from_is_said_to_be_at_least_so_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [call("a", "2025-08-05", "3"), call("b", "2025-08-06", None), call("c", "2025-08-07", "1", model="gpt-5")]
    store(tmp_path / "data", "ledger", AUGUST, *two)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    assert main(["site", "--output", str(tmp_path / "site"), "--reports", str(tmp_path)]) == 0
    texts = [read(next((tmp_path / "site" / "models").glob(f"{name}*"))) for name in ("gpt_4o", "gpt_5")]
    spent = [[pair for pair in read_headlines(text).items() if pair[0].startswith("Spend")] for text in texts]
    assert spent == [[("Spend at least", "US$ 3.00")], [("Spend", "US$ 1.00")]]
    assert ["of the amounts that are known" in text for text in texts] == [True, True]
    assert re.search(r"2025-08 \w+ at least US\$ 4.00", read(tmp_path / "site" / "index.html"))
    assert "<title>August 2025: at least US$ 4.00</title>" in read(tmp_path / "site" / "feed.xml")


def test_nothing_is_loaded_from_anywhere_and_only_the_search_may_run(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = read(page)
        feed = r'<link rel="alternate" type="application/atom\+xml" href="(?:\.\./)?feed\.xml">\n'
        scripts = r"<script>.*?</script>|<script type=\"application/json\" id=\"search-index\">.*?</script>"
        assert find_loaded(re.sub(feed, "", re.sub(scripts, "", text, flags=re.DOTALL))) is None
        assert ("script-src" in text) == ("<script" in text) == (page == site / "index.html")
    assert re.findall(r"https?:|//[a-z]", read(site / "index.html").split("<script>")[0]) == []


def test_the_search_knows_every_page_and_no_markup_ends_it(site: Path) -> None:
    text = re.search(r'id="search-index">(.*?)</script>', read(site / "index.html"), re.DOTALL)
    assert text is not None
    entries = json.loads(text[1])
    assert "<" not in text[1]
    assert [(one["title"], one["kind"]) for one in entries] == [
        ("November 2025", "Month"), ("October 2025", "Month"), ("August 2025", "Month"), ("July 2025", "Month"),
        ("gpt-4o", "Model"), ("gpt-5", "Model"), ("mine", "Model"),
        ("Data & <Co>", "Department"), ("Ventas", "Department"),
        ("The year", "Report"), ("Before all", "Report"), ("LLM spend", "Report"),
    ]  # fmt: skip
    assert "Ñandú took half" in entries[-1]["text"]
    assert [one["href"] for one in entries if not (site / one["href"]).is_file()] == []


def test_a_report_is_shown_as_it_is_unless_it_names_people_or_nothing_proves_it(home: Path, site: Path) -> None:
    assert sorted(one.name for one in (site / "2025-10").iterdir()) == ["index.html", "llm_usage.html"]
    (own,) = (home / "reports").rglob("llm_usage.html")
    assert (site / "2025-10" / "llm_usage.html").read_bytes() == own.read_bytes()
    assert "a report of this name" not in read(site / "2025-10" / "index.html")
    assert find_reports(home / "reports", Inputs(load_settings(), home / "data"))[1] == [
        "2025-10/bare.html is left out: it has no manifest, so that nobody knows whether it shows people by name.",
        "2025-10/index.html is left out: the page of its month has this name; give the notebook another.",
        "2025-10/named.html is left out: it shows people by name.",
        "2025-10/people.html is left out: it shows people by name.",
        "2025-10/touched.html is left out: it was changed after it was made.",
    ]


def test_the_feed_has_an_entry_a_month_with_ids_that_stay(site: Path) -> None:
    feed = ET.parse(site / "feed.xml").getroot()
    entries = feed.findall(f"{ATOM}entry")
    assert [one.findtext(f"{ATOM}title") for one in entries] == [
        "November 2025: –", "October 2025: US$ 5.00", "August 2025: US$ 3.00"
    ]  # fmt: skip
    ids = [one.findtext(f"{ATOM}id") or "" for one in (feed, *entries)]
    assert len(set(ids)) == 4
    assert all(one.startswith("urn:uuid:") for one in ids)
    assert feed.findtext(f"{ATOM}updated") == "2025-12-01T00:00:00Z"  # when the newest was read; no clock
    assert [one.find(f"{ATOM}link").get("href") for one in entries] == [  # type: ignore[union-attr]
        "2025-11/index.html", "2025-10/index.html", "2025-08/index.html"
    ]  # fmt: skip


def test_of_a_month_that_is_stored_again_only_the_pages_that_it_is_on_are_written(
    home: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {one: one.stat().st_mtime_ns for one in site.rglob("*") if one.is_file()}
    main(["site", "--json"])
    done = json.loads(capsys.readouterr().out)
    assert (done["written"], done["removed"], len(done["kept"])) == ([], [], len(times) - 1)  # but the listing
    assert {one: one.stat().st_mtime_ns for one in site.rglob("*") if one.is_file()} == times
    store(home / "data", "ledger", OCTOBER, call("c", "2025-10-06", "4", model="gpt-5"))
    main(["site", "--json"])
    done = json.loads(capsys.readouterr().out)
    assert {"2025-10/index.html", "index.html", "feed.xml"} <= {*done["written"]}
    assert {"2025-08/index.html", "2025-07/index.html", "2025/year.html"} <= {*done["kept"]}


def test_while_nothing_changes_no_month_is_read_and_whatever_changes_is_shown(
    home: Path, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read_months = list[Month]()

    def load(month: Month, *others: Any, **named: Any) -> MonthUsage:  # noqa: ANN401
        read_months.append(month)
        return load_month_usage(month, *others, **named)

    monkeypatch.setattr("flexlib.front.spend.load_month_usage", load)

    def build() -> tuple[int, int]:
        """How many months were read, and files written."""
        read_months.clear()
        capsys.readouterr()
        assert main(["site", "--json"]) == 3
        return len(read_months), len(json.loads(capsys.readouterr().out)["written"])

    kept = site / "2025-08" / "index.html"
    before = {one: one.read_bytes() for one in site.rglob("*") if one.is_file()}
    assert build() == (0, 0)
    kept.write_text("by hand", "utf-8")
    assert build() == (3, 1)
    kept.unlink()
    assert build() == (3, 1)
    assert {one: one.read_bytes() for one in site.rglob("*") if one.is_file()} == before
    (home / "people.csv").write_text(ROSTER.replace("Ventas", "Sales"), "utf-8")
    assert build() > (3, 0)
    report(home / "reports" / "2025-10", "more", "<title>More</title>")
    assert build() == (3, 3)  # itself, its month, and the first page
    (home / "data" / "prices").mkdir()
    (home / "data" / "prices" / "windsurf_credits.csv").write_text("from,until,usd_per_credit,source\n", "utf-8")
    assert build() == (3, 3)  # which none of the reports has read: it may be of another total
    assert build() == (0, 0)
    told = Unclosed("There is more.", is_gap=True)
    monkeypatch.setattr("flexlib.front.months.find_look", lambda *_: lambda month: told)
    assert build() > (3, 0)
    monkeypatch.setenv("FLEXLIB_LANG", "es")
    assert build()[1] > len(before) / 2
    assert build() == (0, 0)


def test_a_file_that_is_the_same_keeps_its_time_and_one_that_is_gone_is_taken_away(tmp_path: Path) -> None:
    write_site({"a.html": b"1", "b/c.html": b"2", "d.html": b"3"}, tmp_path)
    before = (tmp_path / "a.html").stat().st_mtime_ns
    (tmp_path / "d.html").write_text("by hand")
    done = write_site({"a.html": b"1", "e.html": b"4"}, tmp_path)
    assert (done.kept, done.written, done.removed, done.foreign) == (
        ("a.html",), ("e.html",), ("b/c.html",), ("d.html",)
    )  # fmt: skip
    assert (tmp_path / "a.html").stat().st_mtime_ns == before
    assert not (tmp_path / "b").exists()
    assert (tmp_path / "d.html").read_text() == "by hand"


def test_a_run_that_is_stopped_after_any_file_is_made_good_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"index.html": b"1", "a/b.html": b"2"}
    second = {"index.html": b"3", "c/d.html": b"4"}
    third = {"index.html": b"5"}
    for files in (first, second):  # of a folder that is new, and of one that has a site
        for stop in range(9):
            folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
            if files is second:
                write_site(first, folder)
            done = 0

            def write_or_stop(file: Path, content: str | bytes, stop: int = stop) -> None:
                nonlocal done
                if done == stop:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    (file.parent / f".{file.name}.0123abcd.tmp").touch()  # as a process that is killed leaves it
                    raise KeyboardInterrupt
                done += 1
                write_whole(file, content)

            monkeypatch.setattr("flexlib.site.write.write_whole", write_or_stop)
            with suppress(KeyboardInterrupt):
                write_site(files, folder)
            monkeypatch.undo()
            assert write_site(third, folder).foreign == ()
            assert sorted(one.name for one in folder.iterdir()) == ["index.html", "site.json"]
            assert json.loads(read(folder / "site.json")) == {"files": {"index.html": hash_bytes(b"5")}}
            if done < stop:  # the run had ended before
                break
        else:
            pytest.fail("it never ended")


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    mine, listing = tmp_path / "mine", tmp_path / "mine" / "site.json"
    mine.mkdir()
    (mine / "index.html").write_text("mine")
    with pytest.raises(InvalidRequest, match="mine has other files than those of a site"):
        write_site({"index.html": b"1"}, mine)
    assert [one.name for one in mine.iterdir()] == ["index.html"]
    listing.write_text('{"files": ["x"]}')
    with pytest.raises(InvalidRequest, match="is not the listing of a site"):
        write_site({"index.html": b"1"}, mine)
    (tmp_path / "outside").write_text("x")
    listing.write_text(json.dumps({"files": {"../outside": hash_bytes(b"x")}}))
    write_site({"index.html": b"1"}, mine)
    assert (tmp_path / "outside").exists()  # a listing takes away nothing outside its folder


def test_a_site_may_lie_around_one_that_was_there_first(tmp_path: Path) -> None:
    """That of the demo is the first that a newcomer makes, and lies within that of the own data."""
    write_site({"index.html": b"demo"}, tmp_path / "site" / "demo")
    write_site({"index.html": b"own"}, tmp_path / "site")
    texts = [(tmp_path / "site" / place).read_text("utf-8") for place in ("index.html", "demo/index.html")]
    assert texts == ["own", "demo"]


def test_without_a_stored_month_there_is_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "--output", str(tmp_path / "site")]) == 2
    assert "Nothing is stored in" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_no_person_is_in_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    assert main(["site", "--output", str(tmp_path / "site"), "--reports", str(tmp_path)]) == 0
    text = "".join(read(one) for one in (tmp_path / "site").rglob("*") if one.is_file())
    people = [json.loads(read(one)) for one in FIXTURE.rglob("people.json")]
    named = {value for one in people for key, who in one.items() for value in (key, *who.values()) if value}
    assert len(named) > 100
    assert [one for one in named if one in text] == []
    assert "Demo data" in text


def test_a_line_is_interrupted_where_a_month_is_not_known() -> None:
    assert render_spark([1, None, 3, 4], "accent").count("<polyline") == 2
    assert "stroke-linecap" in render_spark([1, None, 3, 4], "accent")  # a single month is a dot
    assert render_spark([1, None], "accent") == "–"


@pytest.mark.parametrize("amounts", [["1", "1", "1"], ["1", "2", "4", "0.001", None], ["5", "1", "1", "1", "1", "1"]])
def test_shares_are_those_of_a_report_and_sum_to_all(amounts: list[str | None]) -> None:
    rows: list[dict[str, Any]]
    rows = [{"model": f"m{place}", "2025-09": None if one is None else Decimal(one), "total": 0, "used": ["2025-09"],
             "lacking": set(), "missing": set()}
            for place, one in enumerate(amounts)]  # fmt: skip
    table = table_of_month(rows, "model", Month(2025, 9), {}, "Model", "table-models")
    assert sum(row["share"] or 0 for row in table.rows) == 1000
    assert [row["share"] for row in table.rows] == share_out([row[OF] for row in table.rows])


def test_a_report_of_a_month_that_was_stored_anew_with_other_rows_is_shown_and_said_to_be_older(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its total and that of the site's own page of the month are then two."""
    rows = {month: load_usage(month, home / "data", "ledger").certificate.rows_sha256
            for month in (AUGUST, OCTOBER)}  # fmt: skip
    read_ = {f"usage/{month}/ledger": {"rows_sha256": sha256} for month, sha256 in rows.items()}
    gone = {"usage/2025-07/ledger": {"rows_sha256": "0"}}
    report(home / "reports" / "2025-10", "mine", "<title>Mine</title>", snapshots=read_ | gone)
    capsys.readouterr()
    main(["site"])
    assert "made of other data" not in capsys.readouterr().err
    store(home / "data", "ledger", AUGUST, call("a", "2025-08-05", "7"), read_at=LATER + timedelta(days=1))
    main(["site"])
    said = "made of other data of 2025-08 than are stored now"
    assert f"2025-10/mine.html was {said}, and the site says so" in capsys.readouterr().err
    page = read(home / "site" / "2025-10" / "index.html")
    assert f'<a href="../2025-10/mine.html">Mine</a> <small>{said}</small>' in page
    assert page.count(said) == 1


def test_a_report_is_said_to_be_older_than_a_source_of_its_period_that_was_stored_since_or_is_gone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = load_usage(OCTOBER, home / "data", "ledger").certificate.rows_sha256
    report(home / "reports" / "2025-10", "mine", "<title>Mine</title>",
           snapshots={f"usage/{OCTOBER}/ledger": {"rows_sha256": rows}})  # fmt: skip
    page, told = home / "reports" / "2025-10" / "mine.html", "mine.html was made of other data of 2025-10 than are"
    store(home / "data", "import", OCTOBER, call("b", "2025-10-05", "7"), read_at=LATER)

    def build(days_after: int) -> bool:
        os.utime(page, (moment := (LATER + timedelta(days=days_after)).timestamp(), moment))
        capsys.readouterr()
        main(["site"])
        return told in capsys.readouterr().err

    assert [build(1), build(-1)] == [False, True]
    shutil.rmtree(home / "data" / "usage" / "2025-10" / "ledger")
    assert build(1)


def test_a_report_that_was_made_with_another_price_than_there_is_now_is_marked_and_the_others_are_kept(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A site that is made again of the same writes nothing."""
    sought = ["prices/windsurf_credits.csv"]
    report(home / "reports" / "2025-10", "mine", "<title>Mine</title>", sought=sought)
    report(home / "reports" / "2025-11", "old", "<title>Old</title>", sought=sought)
    said = "made with other inputs than there are now"
    main(["site"])
    assert said not in capsys.readouterr().err
    (home / "data" / "prices").mkdir()
    (prices := home / "data" / "prices" / "windsurf_credits.csv").write_text(
        "from,until,usd_per_credit,source\n2025-01-01,,0.02,contract\n"
    )
    report(home / "reports" / "2025-11", "old", "<title>Old</title>", sought=[])
    os.utime(prices, (0, 0))  # its time says nothing
    main(["site"])
    told = capsys.readouterr().err
    assert f"2025-10/mine.html was {said} (the file prices/windsurf_credits.csv), and the site says so" in told
    assert "2025-11/old.html was" not in told
    page = read(home / "site" / "2025-10" / "index.html")
    assert f"<small>{said}: the file prices/windsurf_credits.csv</small>" in page
    main(["site", "--json"])
    again = json.loads(capsys.readouterr().out)
    assert again["written"] == []
    assert again["moved"] == {"2025-10/mine.html": ["the file prices/windsurf_credits.csv"]}


def test_a_department_that_has_but_parts_of_calls_without_a_price_has_at_least_its_amount_and_no_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    of = {"usable_type": "user", "usable_id": 7}
    store(tmp_path / "data", "ledger", AUGUST, call("a", "2025-08-05", "1", **of), call("b", "2025-08-05", None, **of))
    (roster := tmp_path / "o.csv").write_text("who,kind,department,share\n7,user,Data,70\n7,user,Legal,30\n", "utf-8")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster))
    assert main(["site", "--output", str(tmp_path / "site")]) == 0
    first, part = ((tmp_path / "site" / one).read_text("utf-8") for one in ("index.html", "departments/legal.html"))
    assert read_cells(first, "table-departments")[:2] == [
        ["Data", "–", "0.70 at least", "70.0 %", "1"], ["Legal", "–", "0.30 at least", "30.0 %", "–"],
    ]  # fmt: skip
    assert read_cells(part, "table-months")[0][1:] == ["0.30 at least", "–", "0", "0", "–"]


def test_a_department_that_the_months_sum_of_somebody_who_moved_may_be_of_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    whole = {"grain": "month", "requests": 9, "usable_type": "user"}
    store(tmp_path / "data", "import", SEPTEMBER, *(call(f"m{who}", "2025-09-01", usd, usable_id=who, **whole)
                                                    for who, usd in {1: "100", 2: "5", 3: "40"}.items()))  # fmt: skip
    (roster := tmp_path / "people.csv").write_text(
        "who,kind,department,from,until\n1,user,A,,2025-09-14\n1,user,B,2025-09-15,\n2,user,A,,\n3,user,C,,\n", "utf-8"
    )
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster))
    assert main(["site", "--output", str(tmp_path / "site")]) == 0
    pages = {name: (tmp_path / "site" / "departments" / f"{name}.html").read_text("utf-8") for name in ("a", "c")}
    assert [read_cells(page, "table-months")[0][1] for page in pages.values()] == ["5.00 at least", "40.00"]
    said = "Somebody moved within September 2025; their sum of that month is in no department."
    assert {name: (said in page, "Gap" in page) for name, page in pages.items()} == {
        "a": (True, True), "c": (False, False),
    }  # fmt: skip
    month = (tmp_path / "site" / "2025-09" / "index.html").read_text("utf-8")
    assert [row[2] for row in read_cells(month, "table-departments")[:3]] == ["100.00", "40.00", "5.00 at least"]
