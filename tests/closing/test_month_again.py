"""What a month's run takes for changed: another folder of data, a file that an option names, another price list."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import FIXTURE, write_manifest
from test_month_run import ALL, Killed, list_outcomes, make_runner, open_closing, say_nothing, store_import

from flexlib.cli.month_output import print_step
from flexlib.closing.inputs import Closing
from flexlib.closing.making import find_site
from flexlib.closing.plan import ReportLine
from flexlib.closing.process import Ran, Run
from flexlib.closing.run import RUN, open_progress, preview_month, run_month
from flexlib.closing.steps import Outcome, Record, decide, list_found
from flexlib.closing.table import find_budgets, find_fetch, find_notices
from flexlib.i18n import speak, to_english
from flexlib.settings import Settings, load_settings
from flexlib.site.write import write_site
from flexlib.store.row_hash import hash_file


def run_again(closing: Closing, run: Run, ran: list[str]) -> list[str]:
    """What is run the next time."""
    ran.clear()
    run_month(open_progress(closing), run, say_nothing)
    return sorted(ran)


def test_another_folder_of_data_is_another_month(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path)
    run_again(closing, run, ran)
    shutil.copytree(tmp_path / "data", tmp_path / "other")
    closing = replace(closing, settings=replace(closing.settings, data=tmp_path / "other"))
    assert run_again(closing, run, ran) == sorted(ALL)


def test_an_import_of_which_nothing_is_stored_any_more_is_done_again(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path)
    run_again(closing, run, ran)
    assert run_again(closing, run, ran) == ["notify"]
    shutil.rmtree(tmp_path / "data" / "usage")
    assert run_again(closing, run, ran) == ["import", "notify"]  # which brings back what the others have read


@pytest.mark.parametrize("options", [("--from", "{file}"), ("--from={file}",)])
def test_a_file_that_an_option_names_is_read(tmp_path: Path, options: tuple[str, ...]) -> None:
    (file := tmp_path / "map.yaml").write_text("one")
    closing = open_closing(tmp_path, import_options=tuple(one.format(file=file) for one in options))
    run, ran = make_runner(tmp_path)
    run_again(closing, run, ran)
    file.write_text("another")
    assert run_again(closing, run, ran) == ["import", "notify"]


def test_files_of_one_name_in_two_folders_are_two_inputs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.yaml").write_text(name)
    hashed = open_closing(tmp_path).hash_files([tmp_path / "a" / "x.yaml", tmp_path / "b" / "x.yaml"])
    assert [*hashed] == [f"{tmp_path}/a/x.yaml", f"{tmp_path}/b/x.yaml"]


def test_what_a_run_notes_is_its_owners(tmp_path: Path) -> None:
    closing = open_closing(tmp_path)
    run_month(open_progress(closing), make_runner(tmp_path)[0], say_nothing)
    assert (closing.folder / RUN).stat().st_mode & 0o777 == 0o600


def test_one_way_of_failing_is_the_same_whatever_it_says_and_whatever_failed_before(tmp_path: Path) -> None:
    closing, since = open_closing(tmp_path), list[str | None]()
    fails = [{"report": 1}, *[{"check": 1}] * 3]  # the reports are not run any more
    for number, codes in enumerate(fails):
        run, _ = make_runner(tmp_path, codes)

        def run_at(words: Sequence[str], run: Run = run, number: int = number) -> Ran:
            done = run(words)
            return replace(done, said=(f"flexlib: at 10:0{number} it failed.",)) if done.has_failed else done

        (tmp_path / "budgets.yaml").write_text(f"{number}")
        progress = open_progress(closing)
        progress.began = f"run {number}"
        run_month(progress, run_at, say_nothing)
        since.append(progress.failing_since)
    assert since == ["run 0", "run 1", "run 1", "run 1"]


def test_a_failure_is_the_same_after_a_run_that_was_killed(tmp_path: Path) -> None:
    closing, (run, _) = open_closing(tmp_path), make_runner(tmp_path, {"check": 1})

    def kill(words: Sequence[str]) -> Ran:
        raise Killed

    for number, one in enumerate((run, kill, run)):
        progress = open_progress(closing)
        progress.began = f"run {number}"
        with suppress(Killed):
            run_month(progress, one, say_nothing)
    assert progress.failing_since == "run 0"


def test_another_price_list_makes_another_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path)
    run_again(closing, run, ran)
    monkeypatch.setattr("flexlib.report.manifest.list_versions", lambda: {"genai-prices": "99.9"})
    assert run_again(closing, run, ran) == sorted(ALL)


@pytest.mark.parametrize("end", [".ipynb", ".manifest.json"])
def test_what_lies_behind_a_page_belongs_to_it(tmp_path: Path, end: str) -> None:
    closing, ran = open_closing(tmp_path), list[str]()

    def run(words: Sequence[str]) -> Ran:
        ran.append(words[2])
        for name in (".html", ".ipynb", ".manifest.json"):
            (tmp_path / f"{words[2]}{name}").write_text("made")
        return Ran(0, {"files": [f"{tmp_path}/{words[2]}.html"]}, ())

    run_month(open_progress(closing), run, say_nothing)
    (tmp_path / f"chargeback{end}").unlink()
    whys = [why for step, _, why in preview_month(open_progress(closing)) if step.name == "report chargeback"]
    assert whys == [f"{tmp_path}/chargeback{end} is gone, or another than it made"]


@pytest.mark.parametrize("is_inside", [True, False])
def test_what_a_page_has_read_belongs_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_inside: bool
) -> None:
    """A file of the project is looked at; of another, of which a manifest has no place, nobody knows."""
    closing = open_closing(tmp_path, reports=(ReportLine("llm_usage"),), exports=())
    monkeypatch.setattr("flexlib.closing.inputs.find_home", lambda: tmp_path)
    (read := tmp_path / "contract.csv").write_text("price,4")
    page, ran = tmp_path / "llm_usage.html", list[str]()

    def run(words: Sequence[str]) -> Ran:
        ran.append(words[0])
        files = {read.name if is_inside else f"0123abcd/{read.name}": hash_file(read)}
        page.touch()
        write_manifest(page, files=files)
        return Ran(0, {"files": [str(page)]}, ())

    run_again(closing, run, ran)
    assert ("report" in run_again(closing, run, ran)) is not is_inside
    read.write_text("price,9")
    assert "report" in run_again(closing, run, ran)


def test_two_lines_of_one_notebook_are_two_steps(tmp_path: Path) -> None:
    months = ["2025-07", "2025-06"]
    lines = tuple(ReportLine("compare_months", {"against": one}) for one in months)
    closing, (run, ran) = open_closing(tmp_path, reports=lines), make_runner(tmp_path)
    progress = open_progress(closing)
    run_month(progress, run, say_nothing)
    assert {one for one in list_outcomes(progress) if one.startswith("report")} == {
        "report compare_months_vs_2025-06",
        "report compare_months_vs_2025-07",
    }
    assert run_again(closing, run, ran) == ["notify"]


def test_budgets_that_are_named_and_not_there_are_a_failure_and_not_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_BUDGETS", str(tmp_path / "gone.yaml"))
    closing = open_closing(tmp_path)
    closing = replace(closing, settings=replace(closing.settings, budgets=load_settings().budgets))
    run, ran = make_runner(tmp_path, {"check": 2})
    assert run_month(open_progress(closing), run, say_nothing) == 2
    assert ran == ["import", "check"]


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        (ReportLine("year"), True),
        (ReportLine("compare_months", {"against": "2025-11"}), True),
        (ReportLine("compare_months", {"against": "2025-11@20251201T000000.000000Z-01234567"}), True),
        (ReportLine("llm_usage", {"zone": "America/Santiago"}), True),
        (ReportLine("compare_months"), False),
        (ReportLine("llm_usage"), False),
    ],
)
def test_a_report_that_reads_later_months_runs_again_when_one_is_stored(
    tmp_path: Path, line: ReportLine, *, runs: bool
) -> None:
    closing, (run, ran) = open_closing(tmp_path, reports=(line,), exports=()), make_runner(tmp_path)
    run_again(closing, run, ran)
    store_import(tmp_path / "data", "2025-11")
    page = f"report --notebook {line.notebook}"
    assert run_again(closing, run, ran) == (["notify", page] if runs else ["notify"])


@pytest.mark.parametrize("page", ["index.html", "2025-09/index.html", "model-gpt.html"])
def test_a_site_that_lacks_a_page_is_built_again(tmp_path: Path, page: str) -> None:
    closing, ran = open_closing(tmp_path, left_out=frozenset({"rates"}), reports=(), exports=()), list[str]()
    store_import(tmp_path / "data")
    site = tmp_path / "site"

    def run(words: Sequence[str]) -> Ran:
        ran.append(words[0])
        files = {name: name.encode() for name in ("index.html", "2025-09/index.html", "model-gpt.html")}
        done = write_site(files, site) if words[0] == "site" else None
        return Ran(0, {"folder": str(site), **vars(done)} if done else {}, ())

    run_again(closing, run, ran)
    assert "site" not in run_again(closing, run, ran)
    (site / page).unlink()
    assert "site" in run_again(closing, run, ran)
    assert "site" not in run_again(closing, run, ran)


def test_what_the_zone_has_of_the_next_month_is_brought_before_a_page_is_made(tmp_path: Path) -> None:
    closing = replace(open_closing(tmp_path), settings=Settings(FIXTURE), is_demo=True)
    (step,) = find_fetch(closing)
    assert step.current == "stored and settled"
    (step,) = find_fetch(replace(closing, plan=replace(closing.plan, zone="America/Santiago")))
    assert step.current == ""  # October is not there
    assert step.words[step.words.index("--end-date") + 1] == "2025-10-31"


def test_notices_budgets_and_the_site_are_of_the_zone_of_the_pages(tmp_path: Path) -> None:
    closing = open_closing(tmp_path, zone="America/Santiago")
    for find in (find_budgets, find_notices, find_site):
        (step,) = find(closing)
        assert "--zone America/Santiago" in " ".join(step.words)


def test_a_month_is_settled_three_hours_after_its_end_in_its_zone_and_in_utc(tmp_path: Path) -> None:
    ends = {"UTC": "2025-10-01 03:00", "America/Santiago": "2025-10-01 06:00", "Asia/Tokyo": "2025-10-01 03:00"}
    found = {zone: f"{open_closing(tmp_path, zone=zone).settled_at:%Y-%m-%d %H:%M}" for zone in ends}
    assert found == ends


def test_a_step_says_which_budgets_are_exceeded_and_which_reports_the_site_lacks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = {"budgets": [{"name": name, "outcome": outcome, "is_unknown": False} for name, outcome in
                         (("Sales", "over"), ("Data", "near"), ("Sales", "over"), ("All", "over"))]}  # fmt: skip
    assert [*list_found(("check",), facts)] == ["exceeded: Sales and All"]
    facts = {"budgets": [{"name": name, "outcome": outcome, "lacks": "August is not stored", "is_unknown": True}
                         for name, outcome in (("All", "cannot say"), ("Data", "near"))]}  # fmt: skip
    assert [*list_found(("check",), facts)] == ["cannot be judged, as flexlib check explains: All and Data"]
    print_step(Record("organization", Outcome.KEPT, exit_code=3, said=("1 spends and is listed nowhere",)), shows=True)
    assert "\n    1 spends and is listed nowhere\n" in capsys.readouterr().out
    left = [f"2025-0{number}/a.html is left out: its manifest was edited." for number in range(1, 6)]
    found = tuple(list_found(("site",), {"left_out": left}))
    assert found == ("reports that the site leaves out: 5", *left[:3])
    print_step(Record("site", Outcome.KEPT, found=found), shows=True)
    assert "\n    reports that the site leaves out: 5\n    2025-01/a.html is left out" in capsys.readouterr().out
    of_others = {"budgets": [{"name": "All"}], "left_out": [{"rows": 3}]}  # as a notice and a certificate may have them
    assert [*list_found(("notify",), of_others)] == [*list_found(("import",), [of_others])] == []


def test_without_the_peso_the_month_is_closed_and_the_failure_is_told(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path, left_out=frozenset({"site"})), make_runner(tmp_path, {"fx": 1})
    progress = open_progress(closing)
    assert run_month(progress, run, say_nothing) == 1
    assert sorted(ran) == sorted([*ALL, "fx"])
    assert [one.step for one in progress.all_records if one.outcome is Outcome.FAILED] == ["rates"]


def test_what_a_run_itself_says_of_its_steps_is_english_for_programs(tmp_path: Path) -> None:
    closing, run = open_closing(tmp_path, reports=(ReportLine("none"),)), make_runner(tmp_path)[0]
    with speak("es"):
        progress = open_progress(closing)
        run_month(progress, run, say_nothing)
        (budgets,) = find_budgets(closing)
        __, why = decide(replace(budgets, words=("check",), inputs={}), Record("budgets", Outcome.DONE, ran_at="2025"))
    told = {one["step"]: one.get("why") for one in to_english(progress.describe(is_over=True))["steps"]}
    assert told["reports"].startswith("There is no notebook 'none'")
    assert not progress.records["reports"][0].why.startswith("There is")
    assert to_english(why) == "changed: the command"
    assert why == "cambió: el comando"


@pytest.mark.parametrize("brings", [True, False])
def test_a_preview_reckons_with_what_a_step_before_would_store(tmp_path: Path, *, brings: bool) -> None:
    left_out = frozenset({"rates"} if brings else {"rates", "import"})
    closing = open_closing(tmp_path, left_out=left_out, reports=None, exports=("csv",))
    found = {step.name: (runs, why) for step, runs, why in preview_month(open_progress(closing))}
    more = "; it runs where import brings anything new" if brings else ""
    assert {name: found[name] for name in ("reports", "export csv", "site")} == {
        "reports": (brings, f"nothing of 2025-09 is stored{more}"),
        "export csv": (brings, f"nothing of 2025-09 is stored{more}"),
        "site": (brings, f"no month is stored{more}"),
    }
