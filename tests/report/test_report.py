"""A report is one file that is whole or not there, the same for the same month, and keeps what it must not tell."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from report_samples import FIXTURE, SEPTEMBER, THINKING, Row, read_cells, read_words, store_month

from flexlib.cli import main
from flexlib.errors import BadParameter, DiskFailed, NotebookFailed
from flexlib.report.fresh import explain_unshared, read_zone
from flexlib.report.kernel import ReportKernel, choose_environment, open_kernel
from flexlib.report.manifest import name_manifest, read_manifest
from flexlib.report.parameters import check_request, find_notebook, list_notebooks, read_parameters
from flexlib.report.run import open_exporter, render_notebook, run_report
from flexlib.settings import Settings, load_settings

NB: Any = nbformat  # ships no types

MONTH = {"year": 2025, "month": 9}

ROWS: list[Row] = [(2, "ana", THINKING, 100, 100_000), (15, "ben", "MODEL_SWE_1", 0, 20_050), (16, "gone", "x", 0, 100)]

KEY = "b7c1d2e3-1111-4222-8333-444455556666"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_report(check_request("flex_credits", MONTH), tmp_path_factory.mktemp("reports"), FIXTURE)


@pytest.fixture(scope="module")
def html(page: Path) -> str:
    return page.read_text("utf-8")


def write_notebook(folder: Path, *sources: str, parameters: str = "year: int = 2025\nmonth: int = 9") -> Path:
    """A notebook with a cell of parameters and one of each source."""
    first = NB.v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
    cells = [NB.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    path = folder / "sample.ipynb"
    NB.write(NB.v4.new_notebook(cells=[first, *cells]), path)
    return path


# What is written


def test_the_page_lies_in_the_months_folder_with_its_notebook(page: Path) -> None:
    assert page.parent.name == "2025-09"
    assert sorted(file.name for file in page.parent.iterdir()) == [
        *(f"flex_credits.{end}" for end in ("html", "ipynb", "manifest.json"))
    ]
    kept = NB.read(page.with_suffix(".ipynb"), as_version=4)
    assert kept.metadata.papermill.parameters == MONTH


def test_the_executed_notebook_names_its_files_and_not_where_on_this_machine_they_are(
    page: Path, tmp_path: Path
) -> None:
    text = page.with_suffix(".ipynb").read_text("utf-8")
    noted = json.loads(text)["metadata"]["papermill"]
    assert (noted["input_path"], noted["output_path"]) == ("flex_credits.ipynb", "flex_credits.ipynb")
    assert [place for place in (str(page.parent), str(find_notebook("flex_credits").parent)) if place in text] == []
    failing = write_notebook(tmp_path, "1 / 0")
    with pytest.raises(NotebookFailed):
        run_report(check_request(str(failing), MONTH), tmp_path / "reports", FIXTURE)
    (kept,) = (tmp_path / "reports").rglob("sample.failed.ipynb")
    assert NB.read(kept, as_version=4).metadata.papermill.output_path == "sample.ipynb"


def test_the_same_month_gives_the_same_bytes_again(page: Path, tmp_path: Path) -> None:
    assert run_report(check_request("flex_credits", MONTH), tmp_path, FIXTURE).read_bytes() == page.read_bytes()


def test_the_page_asks_for_nothing_from_outside(html: str) -> None:
    assert re.findall(r"https?:|//[a-z]", html, re.IGNORECASE) == []
    assert re.findall(r"<(?:script|link|iframe|img|object|embed)\b|@import|url\(", html, re.IGNORECASE) == []
    assert set(re.findall(r'(?:href|src)="([^"]*)"', html)) == {"#proof"}


def test_the_page_is_small_and_has_no_code(html: str) -> None:
    assert len(html.encode()) < 500_000
    for word in ("import ", "store.load_credits", "papermill", "In [", "flex-lab", "For analysts"):
        assert word not in html


def test_the_title_names_month_and_demo(html: str) -> None:
    assert "<title>Flex credits September 2025 Demo data</title>" in html


def test_each_id_stands_once_and_each_label_leads_to_one(html: str) -> None:
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    labels = {name for names in re.findall(r'aria-labelledby="([^"]+)"', html) for name in names.split()}
    assert labels
    assert labels <= set(ids)


def test_the_order_is_answer_first_and_proof_at_the_end(html: str) -> None:
    places = [
        html.index(mark)
        for mark in (
            'class="flex-badge',
            'class="flex-headlines',
            'id="chart-days"',
            'id="table-models"',
            'id="chart-weekdays"',
            'id="chart-people"',
            'id="table-peaks"',
            'id="table-people"',
            'id="proof"',
            "Notes and definitions",
        )
    ]
    assert places == sorted(places)


def test_all_totals_of_the_page_are_the_certificates(html: str) -> None:
    tables = ["table-models", "table-peaks", "table-days", "table-people"]
    assert {read_cells(html, table)[-1][1] for table in tables} == {"9,961.00"}
    assert "<dt>Flex credits</dt><dd>9,961.00</dd>" in html


def test_a_lower_bound_a_stranger_and_real_data_are_told_in_the_page(tmp_path: Path) -> None:
    store_month(
        tmp_path, ROWS, users_failed=1, failed_users=("cy",), unmapped_keys=1, unmapped_users=("gone",), demo=False
    )
    html = run_report(check_request("flex_credits", MONTH), tmp_path / "reports", tmp_path).read_text("utf-8")
    assert "<title>Flex credits September 2025</title>" in html
    assert read_words(html).count("1 person of 5,930 could not be read") == 2
    assert "Flex credits at least 1,201.50 August is not stored, so nothing to compare with" in read_words(html)
    assert read_cells(html, "table-people")[-2:] == [
        ["Not on the list of people 1 key", "1.00", "", "0.1 %"],
        ["All 3", "1,201.50", "", "100.0 %"],
    ]


def test_names_stand_in_the_page_only_where_they_were_asked_for(tmp_path: Path) -> None:
    store_month(tmp_path, ROWS)
    (tmp_path / "data.txt").touch()  # as files are made here
    plain, named = (
        run_report(check_request("flex_credits", {**MONTH, "names": names}), tmp_path / str(names), tmp_path).read_text(
            "utf-8"
        )
        for names in (False, True)
    )
    assert len({*re.findall(r"Person \w{8}", plain)}) == 3
    assert [line[0] for line in read_cells(named, "table-people")] == ["Ana", "Ben", "Gone", "All 3"]
    assert not re.search(r"\b(?:Ana|Ben|ana|ben|gone)\b|@example", plain)
    modes = {
        name: {file.suffix: file.stat().st_mode & 0o777 for file in tmp_path.glob(f"{name}/2025-09/flex_credits*")}
        for name in ("True", "False")
    }
    assert modes["True"] == dict.fromkeys((".html", ".ipynb", ".json"), 0o600)
    assert modes["False"][".html"] == (tmp_path / "data.txt").stat().st_mode & 0o777


def test_a_month_that_is_not_over_is_reported_up_to_its_last_day_read(tmp_path: Path) -> None:
    store_month(tmp_path, ROWS[:1], read_at=datetime(2025, 9, 4, 12, tzinfo=timezone.utc))
    html = run_report(check_request("flex_credits", MONTH), tmp_path / "reports", tmp_path).read_text("utf-8")
    assert [line[0] for line in read_cells(html, "table-days")] == [
        "1 Sep Mon",
        "2 Sep Tue",
        "3 Sep Wed",
        "4 Sep Thu",
        "All days",
    ]
    assert "before the month was over" in html


def test_a_month_without_a_single_row_is_a_report_too(tmp_path: Path) -> None:
    store_month(tmp_path, [])
    html = run_report(check_request("flex_credits", MONTH), tmp_path / "reports", tmp_path).read_text("utf-8")
    assert "No flex credits were used" in html
    assert 'id="table-models"' not in html


# When something is wrong


def test_a_failed_cell_keeps_the_marked_notebook_and_writes_no_page(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "raise ZeroDivisionError('by zero; choose another --month')", "print('after')")
    with pytest.raises(NotebookFailed, match=r"Cell \d of sample\.ipynb failed: ZeroDivisionError") as caught:
        run_report(check_request(str(notebook), MONTH), tmp_path / "reports", FIXTURE)
    kept = tmp_path / "reports" / "demo" / "2025-09" / "sample.failed.ipynb"
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]
    assert "by zero; choose another -p month. No page was written; " in str(caught.value)  # as a report takes it
    assert "papermill-error-cell" in kept.read_text("utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600  # nobody knows whom it names


def test_a_kernel_that_cannot_start_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Any = ReportKernel.kernel_spec
    kernels: list[ReportKernel] = []

    def choose(kernel: ReportKernel) -> KernelSpec:
        spec: KernelSpec = whole.fget(kernel)
        if kernel not in kernels:
            kernels.append(kernel)
        if kernel is kernels[0]:
            spec.argv = [sys.executable, "-c", "raise SystemExit('Address already in use')"]
        return spec

    monkeypatch.setattr(ReportKernel, "kernel_spec", property(choose))
    page = run_report(check_request(str(write_notebook(tmp_path, "print('here')")), MONTH), tmp_path / "out", FIXTURE)
    assert ("here" in page.read_text("utf-8"), len(kernels)) == (True, 2)


def test_kernels_that_start_at_once_cannot_take_each_others_port_and_nobody_else_gets_at_their_sockets() -> None:
    with open_kernel(FIXTURE, FIXTURE) as one, open_kernel(FIXTURE, FIXTURE) as other:
        folders = [Path(kernel.connection_file).parent for kernel in (one, other)]
        assert [kernel.transport for kernel in (one, other)] == ["ipc", "ipc"]
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]
        assert folders[0] != folders[1]
    assert [folder.exists() for folder in folders] == [False, False]


@pytest.mark.parametrize("name", ["x" * 100, "\u00f1" * 50])
def test_a_folder_too_long_for_the_name_of_a_socket_leaves_a_kernel_with_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is counted in bytes."""
    (long := tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    page = run_report(check_request(str(write_notebook(tmp_path, "print('here')")), MONTH), tmp_path / "out", FIXTURE)
    assert ("here" in page.read_text("utf-8"), list(long.iterdir())) == (True, [])


def test_a_cell_that_hangs_ends_at_its_limit_and_so_does_the_kernel(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "import os, time", "print(os.getpid(), flush=True)\ntime.sleep(600)")
    with pytest.raises(NotebookFailed, match="A cell of sample.ipynb took more than 2 s and was stopped. No page"):
        run_report(check_request(str(notebook), MONTH), tmp_path / "out", FIXTURE, cell_limit=2)
    assert [one.name for one in (tmp_path / "out").rglob(".report-*")] == []


def test_a_kernel_that_dies_is_a_failed_notebook(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "import os\nos._exit(1)")
    with pytest.raises(NotebookFailed, match=r"The kernel of sample\.ipynb ended in the middle"):
        run_report(check_request(str(notebook), MONTH), tmp_path / "reports", FIXTURE)
    assert [file.name for file in (tmp_path / "reports" / "demo" / "2025-09").iterdir()] == ["sample.failed.ipynb"]


def test_a_failed_run_leaves_the_page_of_an_earlier_one_and_a_good_one_removes_the_mark(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "demo" / "2025-09"
    run_report(check_request(str(write_notebook(tmp_path, "print('good')")), MONTH), tmp_path / "reports", FIXTURE)
    before = (folder / "sample.html").read_bytes()
    bad = write_notebook(tmp_path, "1 / 0")
    with pytest.raises(NotebookFailed):
        run_report(check_request(str(bad), MONTH), tmp_path / "reports", FIXTURE)
    assert (folder / "sample.html").read_bytes() == before
    assert (folder / "sample.failed.ipynb").exists()
    run_report(check_request(str(write_notebook(tmp_path, "print('good')")), MONTH), tmp_path / "reports", FIXTURE)
    assert sorted(file.name for file in folder.iterdir()) == ["sample.html", "sample.ipynb", "sample.manifest.json"]


def test_a_month_that_is_not_stored_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotebookFailed, match=r"SnapshotMissing: .*Run: flexlib fetch --year 2025 --month 3"):
        run_report(check_request("flex_credits", {"year": 2025, "month": 3}), tmp_path, FIXTURE)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(DiskFailed, match="Could not write into .*reports/demo/2025-09"):
        run_report(check_request("flex_credits", MONTH), tmp_path / "reports", FIXTURE)


@pytest.mark.parametrize(
    "source",
    [
        "from IPython.display import HTML\nHTML('<script src=\"//cdn.example/x.js\"></script>')",
        'from IPython.display import HTML\nHTML(\'<img alt="x" src="https://example.com/x.png">\')',
        "from IPython.display import HTML\nHTML('<p style=\"background:url(https://example.com/x.png)\">x</p>')",
    ],
    ids=["script", "picture", "style"],
)
def test_an_output_that_would_load_something_is_refused(tmp_path: Path, source: str) -> None:
    notebook = write_notebook(tmp_path, source)
    with pytest.raises(NotebookFailed, match="would load or run something"):
        run_report(check_request(str(notebook), MONTH), tmp_path / "reports", FIXTURE)
    assert not list((tmp_path / "reports").rglob("*.html"))


def test_a_text_that_only_looks_so_is_left(tmp_path: Path) -> None:
    source = "from IPython.display import HTML\nHTML('<p>model https://x/v1?src=https://y url(//z) &lt;script</p>')"
    page = run_report(check_request(str(write_notebook(tmp_path, source)), MONTH), tmp_path / "reports", FIXTURE)
    assert "https://x/v1?src=https://y url(//z)" in page.read_text("utf-8")


def test_a_link_that_a_reader_may_follow_is_left(tmp_path: Path) -> None:
    node = NB.v4.new_notebook(cells=[NB.v4.new_markdown_cell("See [the price](https://example.com/price).", id="a")])
    assert 'href="https://example.com/price"' in render_notebook(node)


def test_of_pages_only_the_first_compiles_the_rules_of_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes longer than all else of a page; nbformat before 5.11 did so eleven times for each."""
    import fastjsonschema

    exporter, node = open_exporter(), NB.v4.new_notebook()
    first = render_notebook(node, exporter)
    monkeypatch.setattr(fastjsonschema, "compile", lambda _: pytest.fail("compiled anew"))
    assert render_notebook(node, exporter) == first


def test_words_and_frames_of_an_analysts_own_cells_reach_the_page(tmp_path: Path) -> None:
    notebook = write_notebook(
        tmp_path, "print('a < b')", "import pandas\npandas.DataFrame({'n': [1]})", "'<i>text</i>'"
    )
    html = run_report(check_request(str(notebook), MONTH), tmp_path / "reports", FIXTURE).read_text("utf-8")
    assert '<pre class="plain">a &lt; b\n</pre>' in html
    assert 'class="dataframe"' in html
    assert "&#39;&lt;i&gt;text&lt;/i&gt;&#39;" in html


# What a kernel is given


def test_the_kernel_is_this_python_and_has_the_data_but_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
    monkeypatch.setenv("SERVICE_KEY", KEY)
    source = (
        "import os, sys\nfrom flexlib.settings import load_settings\n"
        "print(sys.executable, load_settings().data, load_settings().service_key, os.getcwd(), len(dict(os.environ)))"
    )
    notebook = write_notebook(tmp_path, source, "import os\nprint(sorted(os.environ.values()))")
    run_report(check_request(str(notebook), MONTH), tmp_path / "reports", FIXTURE)
    text = (tmp_path / "reports" / "demo" / "2025-09" / "sample.ipynb").read_text("utf-8")
    assert f"{sys.executable} {FIXTURE} None {tmp_path} " in text
    assert KEY not in text


SECRET_SETTINGS = {
    "FLEXLIB_DATABASE_URL": "postgresql+psycopg://writer:pa55word@db/ledger",
    "WINDSURF_SERVICE_KEY": KEY,
    "OPENAI_API_KEY": "sk-0penai",
    "HTTPS_PROXY": "http://me:pr0xy@proxy:3128",
    "JUPYTER_TOKEN": "jupyt3r",
}


def test_no_password_of_the_surroundings_reaches_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (SECRET_SETTINGS | {"LC_TIME": "C.UTF-8", "TZ": "America/Santiago"}).items():
        monkeypatch.setenv(name, value)
    source = (
        "import os\nfrom flexlib.settings import load_settings\nfor name in sorted(os.environ):\n"
        "    print(f'{name}={os.environ[name]}.')\n"
        "settings = load_settings()\nprint(settings, settings.database_url, settings.service_key)"
    )
    page = run_report(check_request(str(write_notebook(tmp_path, source)), MONTH), tmp_path / "reports", FIXTURE)
    for file in (page, page.with_suffix(".ipynb")):
        text = file.read_text("utf-8")
        assert [value for value in SECRET_SETTINGS.values() if value in text] == []
        for line in ("LC_TIME=C.UTF-8.", "TZ=America/Santiago.", f"FLEXLIB_DATA={FIXTURE}.", "FLEXLIB_DATABASE_URL=."):
            assert line in text


def test_a_notebook_finds_no_secret_in_the_file_env_either(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in SECRET_SETTINGS.items()))
    settings = load_settings(choose_environment({"PATH": "/bin"}, FIXTURE), tmp_path)
    assert settings == Settings(data=FIXTURE)


def test_a_notebook_finds_files_that_are_named_from_where_the_command_runs(tmp_path: Path) -> None:
    given = {"FLEXLIB_BUDGETS": "b.yaml", "FLEXLIB_ORGANIZATION": str(tmp_path / "o.csv")}
    passed = choose_environment(given, FIXTURE)
    assert (passed["FLEXLIB_BUDGETS"], passed["FLEXLIB_ORGANIZATION"]) == (
        str(Path("b.yaml").absolute()), str(tmp_path / "o.csv")
    )  # fmt: skip


def test_the_notebook_says_nothing_on_stderr(page: Path) -> None:
    kept = NB.read(page.with_suffix(".ipynb"), as_version=4)
    assert [output for cell in kept.cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"] == []


# Parameters


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"year": 2025}, "The parameter month is missing; flex_credits takes year, month, names, share, country."),
        (
            {},
            "The parameters year and month are missing; flex_credits takes year, month, names, share, "
            "country. Give them: --year 2025 --month 9.",
        ),
        (
            {**MONTH, "mnoth": 3},
            "Unknown parameter mnoth (did you mean month?); flex_credits takes year, month",
        ),
        ({"year": "2025", "month": 9}, "The parameter year must be int, such as 2025, not '2025'"),
        ({"year": 2025, "month": 9.0}, "The parameter month must be int, such as 9, not 9.0"),
        ({"year": 2025, "month": True}, "The parameter month must be int, such as 9, not True"),
        ({**MONTH, "names": 1}, "The parameter names must be bool, such as False, not 1"),
        ({**MONTH, "service_key": "x"}, "The parameter service_key looks like a secret"),
        ({**MONTH, "api_token": "x"}, "The parameter api_token looks like a secret"),
        ({**MONTH, "names": "sk-abc123"}, "The parameter names looks like a secret"),
        ({**MONTH, "names": KEY}, "The parameter names looks like a secret"),
        ({**MONTH, "names": ["a", KEY]}, "The parameter names looks like a secret"),
        ({**MONTH, "names": "A" * 40}, "The parameter names looks like a secret"),
        ({**MONTH, "names": "my demo-key"}, "The parameter names looks like a secret"),
    ],
)
def test_a_parameter_that_is_missing_unknown_wrong_or_secret_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(BadParameter) as refused:
        check_request("flex_credits", given, service_key="demo-key")
    assert str(refused.value).startswith(message)
    assert not any(secret in str(refused.value) for secret in ("sk-abc", KEY, "A" * 40, "demo-key"))


@pytest.mark.parametrize("name", ["max_tokens", "keyboard", "monkey", "author", "credits"])
def test_a_name_that_only_sounds_like_a_secret_is_taken(tmp_path: Path, name: str) -> None:
    notebook = write_notebook(tmp_path, parameters=f"{name}: int = 1")
    assert check_request(str(notebook), {name: 2}).values == {name: 2}


def test_a_bad_parameter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(BadParameter):
        run_report(check_request("flex_credits", {**MONTH, "mnoth": 3}), tmp_path / "reports", FIXTURE)
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("notebook", "name", "value", "said"),
    [
        ("compare_months", "top", 0, "The parameter top must be 1 or more, not 0."),
        ("latency", "top", -1, "The parameter top must be 1 or more, not -1."),
        ("forecast", "day", 32, "The parameter day must be from 0 to 31, not 32."),
        ("forecast", "day", -1, "The parameter day must be from 0 to 31, not -1."),
        ("forecast", "budget", -0.5, "The parameter budget must be 0 or more, not -0.5."),
        ("cost_effectiveness", "cap", -1, "The parameter cap must be 0 or more, not -1."),
        ("forecast", "country", "XX", "'XX' is no country whose holidays are known; write it as CL."),
        ("llm_usage", "country", "Chile", "'Chile' is no country whose holidays are known; write it as CL."),
        ("year", "zone", "Chile", "'Chile' is not a time zone; write it as America/Santiago or UTC."),
    ],
)
def test_a_value_that_is_not_what_the_notebook_says_it_is_is_refused(
    notebook: str, name: str, value: object, said: str
) -> None:
    month = {"year": 2025} | ({} if notebook == "year" else {"month": 9})
    with pytest.raises(BadParameter) as refused:
        check_request(notebook, {**month, name: value})
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("notebook", "values"),
    [
        ("compare_months", {"top": 1, "against": "2025-07@1", "zone": "America/Santiago"}),
        ("compare_months", {"against": ""}),
        ("forecast", {"day": 31, "budget": 0, "country": ""}),
        ("forecast", {"day": 0, "budget": 120000.5, "country": "ar"}),
        ("cost_effectiveness", {"cap": 0}),
    ],
)
def test_a_value_that_is_what_the_notebook_says_it_is_is_taken(notebook: str, values: dict[str, object]) -> None:
    assert check_request(notebook, {**MONTH, **values}).values == {**MONTH, **values}


@pytest.mark.parametrize("zone", ["Sur", "Cuba"])
def test_a_notebook_of_ones_own_may_call_something_else_a_zone_a_top_or_what_it_is_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], zone: str
) -> None:
    """And its page is of UTC, as that of one without such a parameter."""
    told = (
        "year: int = 2025\nmonth: int = 9\nzone: str = 'Norte'  # of sales\nagainst: str = ''\ntop: int = 1  # 0: all"
    )
    source = "import flexlib as fl\nprint(zone, against, top, fl.load(fl.Month(year, month)).total('requests'))"
    write_notebook(tmp_path, source, parameters=told)
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    monkeypatch.chdir(tmp_path)
    words = ["-p", "zone", zone, "-p", "against", "budget", "-p", "top", "0", "--with", "focus"]
    assert main(["report", "--notebook", "sample.ipynb", "--year", "2025", "--month", "9", "--offline", *words]) == 0
    page = tmp_path / "reports" / "demo" / "2025-09" / "sample_vs_budget.html"
    assert f"{zone} budget 0 1507" in page.read_text("utf-8")
    assert read_zone(page) == "UTC"
    manifest = read_manifest(name_manifest(page))
    manifest["parameters"]["share"] = True
    assert (manifest["zone"], explain_unshared(manifest)) == ("UTC", "")
    del manifest["zone"]  # as of a page of before: of a notebook that nobody has, the value tells
    assert (explain_unshared(manifest) == "") is (zone == "Sur")


def test_our_notebooks_say_of_each_parameter_of_a_kind_that_it_is_one() -> None:
    """A copy of theirs keeps it."""
    kinds = {"zone": "zone", "against": "version", "top": "count", "country": "country", "day": "day",
             "budget": "amount", "cap": "amount", "rules": "file", "scores": "file"}  # fmt: skip
    for name in list_notebooks():
        for one in read_parameters(find_notebook(name)).values():
            assert one.meaning == kinds.get(one.name, ""), (name, one.name)


def test_a_notebook_without_year_and_month_is_run_and_its_page_is_of_no_month(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = write_notebook(tmp_path, "print('top', top)", parameters="top: int = 10")
    words = ["report", "--notebook", str(notebook), "-p", "top", "3", "--output-dir", str(tmp_path / "reports")]
    assert main(words) == 0
    assert capsys.readouterr().out == f"📄 {tmp_path / 'reports' / 'sample.html'}\n"
    assert "top 3" in (tmp_path / "reports" / "sample.html").read_text("utf-8")
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"files": [str(tmp_path / "reports" / "sample.html")], "certificates": []}
    assert main([*words, "--year", "2025"]) == 2
    assert "Unknown parameter year; sample takes top." in capsys.readouterr().err


def test_a_month_that_does_not_exist_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="month must be a whole number from 1 to 12"):
        run_report(check_request("flex_credits", {"year": 2025, "month": 13}), tmp_path / "reports", FIXTURE)
    assert not (tmp_path / "reports").exists()


def test_parameters_are_read_with_kind_and_default(tmp_path: Path) -> None:
    source = "top: int = 10  # how many\nmodels: list[str] = ['a']\nfree = None\n"
    read = read_parameters(write_notebook(tmp_path, parameters=source))
    assert [(one.name, one.kind, one.default) for one in read.values()] == [
        ("top", "int", "10"),
        ("models", "list[str]", "['a']"),
        ("free", "", "None"),
    ]


def test_a_notebook_is_found_by_name_and_by_path_and_an_unknown_one_names_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_notebook("flex_credits") == find_notebook("flex_credits.ipynb")
    assert find_notebook("flex_credits").parent.name == "notebooks"
    own = write_notebook(tmp_path)
    assert find_notebook("sample.ipynb") == own
    with pytest.raises(BadParameter, match="There is no notebook 'flex'; there is .*flex_credits"):
        find_notebook("flex")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Hello", "it is not as JSON is written in line 1, column 1"),
        ("{}", "it lacks 'nbformat'"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "it lacks 'cells'"),
        ('{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}', "it is not of Jupyter's format 4"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}}]}',
         "it lacks 'source'"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "x", "metadata": {}, '
         '"source": []}]}', "a cell is 'x', and not code, markdown or raw"),
        ('{"nbformat": 4, "nbformat": 4}', "the name 'nbformat' is given twice"),
        ("[" * 100_000, "it is nested more than 64 levels deep"),
    ],
    ids=["text", "no format", "no cells", "older", "no source", "no kind", "twice", "deep"],
)  # fmt: skip
def test_a_file_that_is_no_notebook_is_one_sentence(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "broken.ipynb"
    file.write_text(text)
    with pytest.raises(BadParameter) as refused:
        check_request(str(file), {"year": 2025, "month": 9})
    assert str(refused.value) == f"{file} cannot be read as a notebook ({why}); save it again from Jupyter."


def test_braces_in_the_names_of_folders_are_no_parameters(tmp_path: Path) -> None:
    folder = tmp_path / "{year} {"
    folder.mkdir()
    request = check_request(str(write_notebook(folder, "print(year)")), {"year": 2025, "month": 9})
    page = run_report(request, folder / "{x}", tmp_path)
    assert page == folder / "{x}" / "2025-09" / "sample.html"
    assert "2025" in page.read_text("utf-8")


def test_a_notebook_says_which_months_it_reads() -> None:
    requests = [check_request(name, MONTH) for name in ("flex_credits", "llm_usage", "forecast")]
    assert [(one.reads, one.months_before) for one in requests] == [("credits", 1), ("usage", 1), ("usage", 8)]


def test_the_sample_month_is_the_one_the_notebook_shows() -> None:
    defaults = {name: one.default for name, one in read_parameters(find_notebook("flex_credits")).items()}
    month = {"year": str(SEPTEMBER.year), "month": str(SEPTEMBER.month)}
    assert defaults == month | {"names": "False", "share": "False", "country": "'CL'"}
