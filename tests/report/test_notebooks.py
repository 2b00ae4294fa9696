"""Notebooks stay thin, hold no picture, no person and no path, and show what their code shows today.

nbval compares the stored outputs with fresh ones, but neither pictures nor a cell that stored nothing: those rules are
here, each with a sample that must fail.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import papermill
import pytest
import yaml
from refresh_notebooks import refresh_notebook, refresh_notebooks
from report_samples import FIXTURE, THINKING, store_month

from flexlib.analysis.chargeback import UNITS as CHARGED
from flexlib.errors import NotebookFailed, OtherServer, SnapshotMissing
from flexlib.front.chargeback import LEVELS as CHARGED_LEVELS
from flexlib.front.uses import UNITS
from flexlib.home import find_home
from flexlib.report.parameters import check_request, find_notebook, read_parameters
from flexlib.store.membership import LEVELS

HOME = find_home()
NOTEBOOKS = sorted((HOME / "notebooks").glob("*.ipynb"))
PLAIN = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

Notebook = dict[str, Any]


def read_notebook(path: Path) -> Notebook:
    notebook: Notebook = json.loads(path.read_text("utf-8"))
    return notebook


def list_faults(notebook: Notebook) -> list[str]:
    """What a notebook of ours must not be, a sentence each."""
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    faults = [] if len(cells) <= 12 else [f"{len(cells)} cells are more than a dozen"]
    if {name: notebook["metadata"].get(name) for name in PLAIN} != PLAIN or notebook["metadata"].keys() - {
        *PLAIN,
        "flexlib",
    }:
        faults.append("the metadata are of one machine")
    if len({cell.get("id") for cell in cells}) < len(cells):
        faults.append("cells without an id of their own")
    if [cell["execution_count"] for cell in code] != [*range(1, len(code) + 1)]:
        faults.append("cells were not run once, in order")
    if [number for number, cell in enumerate(code) if "parameters" in cell["metadata"].get("tags", [])] != [0]:
        faults.append("the first cell of code, and no other, holds the parameters")
    if "fl.load(" not in "".join(code[1]["source"]):
        faults.append("the cell after the parameters does not load a month, by which unknown parameters are refused")
    for cell in code:
        faults += [
            f"cell {cell.get('id')}: {fault}" for fault in [*_list_code_faults(cell), *_list_output_faults(cell)]
        ]
    return faults


def _list_code_faults(cell: Notebook) -> list[str]:
    source = "".join(cell["source"])
    faults = ["is long"] if len(source.splitlines()) > 14 else []
    if cell["metadata"].keys() - {"tags"}:
        faults.append("has metadata of a run")
    tree = ast.parse(source)
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.Try, ast.With)
    faults += [f"has logic: {type(node).__name__}" for node in ast.walk(tree) if isinstance(node, kinds)]
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    faults += [f"has a path: {word}" for word in words if re.search(r"[/\\]|\.(?:parquet|csv|json)$", word)]
    if re.search(
        r"\b(?:import requests|requests\.\w|urllib|update|sources|ledger|environ|Path|filterwarnings|sys\.path)\b",
        source,
    ):
        faults.append("reaches further than the snapshots")
    return faults


def _list_output_faults(cell: Notebook) -> list[str]:
    outputs = cell["outputs"]
    if "parameters" in cell["metadata"].get("tags", []):
        return ["shows something"] if outputs else []
    faults = [] if len(outputs) == 1 else [f"has {len(outputs)} outputs and not one"]
    for output in outputs:
        if output["output_type"] != "execute_result":
            faults.append(f"has an output that is {output.get('name', output['output_type'])}")
            continue
        if pictures := [kind for kind in output["data"] if kind.startswith("image/")]:
            faults.append(f"stores a picture: {pictures[0]}")
        plain, html = ("".join(output["data"].get(kind, "")) for kind in ("text/plain", "text/html"))
        is_frame = 'class="dataframe"' in html  # short by its own rule
        if (len(plain) > 100 and not is_frame) or "0x" in plain:
            faults.append("has a long text form, or one that changes")
        if re.search(r"https?://|@[\w-]+\.|data:image", html):
            faults.append("shows an address, a link or a picture in its HTML")
    return faults


def run(*words: str, data: Path = FIXTURE, cwd: Path = HOME) -> subprocess.CompletedProcess[str]:
    """A Python module as a program on the snapshots in `data`."""
    environment = {**os.environ, "FLEXLIB_DATA": str(data)}
    return subprocess.run([sys.executable, "-m", *words], env=environment, cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin_and_clean(path: Path) -> None:
    assert list_faults(read_notebook(path)) == []


def _store_png(notebook: Notebook) -> None:
    notebook["cells"][4]["outputs"][0]["data"]["image/png"] = "iVBORw0KGgo="


def _define(notebook: Notebook) -> None:
    notebook["cells"][4]["source"] = "def show(rows):\n    return rows\n\nshow(1)"


def _warn(notebook: Notebook) -> None:
    notebook["cells"][4]["outputs"].append({"output_type": "stream", "name": "stderr", "text": "Warning"})


def _forget_output(notebook: Notebook) -> None:
    notebook["cells"][4]["outputs"] = []


def _name_a_person(notebook: Notebook) -> None:
    notebook["cells"][4]["outputs"][0]["data"]["text/html"] = "ana@example.com"


def _read_a_file(notebook: Notebook) -> None:
    notebook["cells"][4]["source"] = "rows = open('/data/rows.csv')\nrows"


def _time_a_cell(notebook: Notebook) -> None:
    notebook["cells"][4]["metadata"]["papermill"] = {"duration": 0.1}


def _run_twice(notebook: Notebook) -> None:
    notebook["cells"][4]["execution_count"] = 17


def _keep_a_kernel(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"]["display_name"] = "my-env"


def _move_parameters(notebook: Notebook) -> None:
    notebook["cells"][1]["metadata"] = {}


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_store_png, "cell days: stores a picture: image/png"),
        (_define, "cell days: has logic: FunctionDef"),
        (_warn, "cell days: has an output that is stderr"),
        (_forget_output, "cell days: has 0 outputs and not one"),
        (_name_a_person, "cell days: shows an address, a link or a picture in its HTML"),
        (_read_a_file, "cell days: has a path: /data/rows.csv"),
        (_time_a_cell, "cell days: has metadata of a run"),
        (_run_twice, "cells were not run once, in order"),
        (_keep_a_kernel, "the metadata are of one machine"),
        (_move_parameters, "the first cell of code, and no other, holds the parameters"),
    ],
)
def test_a_notebook_that_breaks_a_rule_is_refused(spoil: Callable[[Notebook], None], fault: str) -> None:
    notebook = read_notebook(find_notebook("flex_credits"))
    spoil(notebook)
    assert fault in list_faults(notebook)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_parameter_has_a_kind_and_says_what_it_is(path: Path) -> None:
    parameters = read_parameters(path).values()
    assert [one.name for one in parameters if not one.kind] == []
    cell = next(cell for cell in read_notebook(path)["cells"] if "parameters" in cell["metadata"].get("tags", []))
    assert [line for line in cell["source"] if not re.search(r"# *\w", line)] == []
    assert {"year", "month"} - {one.name for one in parameters} == ({"month"} if path.stem == "year" else set())


FOR_NOTEBOOKS = [
    path for path in sorted((HOME / "params").glob("*.yaml")) if path.stem != "events" and ".example" not in path.stem
]


@pytest.mark.parametrize("path", FOR_NOTEBOOKS, ids=lambda path: path.stem)
def test_a_file_of_parameters_fits_the_notebook_of_its_name(path: Path) -> None:
    values = yaml.safe_load(path.read_text("utf-8"))
    assert check_request(path.stem, values).values == values


# What is stored is what the code shows today


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_refreshing_a_notebook_gives_the_bytes_that_are_stored(path: Path) -> None:
    assert refresh_notebook(path, FIXTURE) == path.read_text("utf-8"), "run: make refresh"


@pytest.mark.heavy
def test_nbval_sees_a_wrong_number_and_no_wrong_picture_which_is_why_there_must_be_none(tmp_path: Path) -> None:
    notebook = find_notebook("flex_credits")
    text = notebook.read_text("utf-8")
    wrong = text.replace("9,961.00", "9,961.01", 1)
    assert wrong != text
    (tmp_path / "number.ipynb").write_text(wrong, "utf-8")
    picture = read_notebook(notebook)
    _store_png(picture)
    (tmp_path / "picture.ipynb").write_text(json.dumps(picture), "utf-8")
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "60", "-q", "-p", "no:cacheprovider"]
    failed = run("pytest", *options, ".", cwd=tmp_path)
    code = [cell for cell in picture["cells"] if cell["cell_type"] == "code"]
    assert failed.returncode == 1
    assert re.findall(r"^FAILED (\S+)::", failed.stdout, re.MULTILINE) == ["number.ipynb"]
    assert f"1 failed, {2 * len(code) - 1} passed" in failed.stdout


def test_real_people_never_reach_a_stored_notebook(tmp_path: Path) -> None:
    store_month(tmp_path, [(1, "ana", THINKING, 0, 100)], demo=False)
    with pytest.raises(OtherServer, match="is not made-up data"):
        refresh_notebooks(HOME / "notebooks", tmp_path)


def test_without_a_fixture_nothing_is_refreshed(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing, match=r"Run: python tests/make_fixture\.py"):
        refresh_notebooks(HOME / "notebooks", tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "failed: ZeroDivisionError"),
        ("from IPython.display import Image\nImage(data=b'x', format='png')", r"shows a picture \(image/png\)"),
    ],
)
def test_a_notebook_that_fails_or_shows_a_picture_stays_as_it_was(tmp_path: Path, source: str, message: str) -> None:
    notebook = read_notebook(find_notebook("flex_credits"))
    notebook["cells"] = [notebook["cells"][3] | {"source": source, "outputs": []}]
    path = tmp_path / "sample.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    before = path.read_bytes()
    with pytest.raises(NotebookFailed, match=message):
        refresh_notebooks(tmp_path, FIXTURE)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("notebook", "choices"),
    [
        ("chargeback", {"level": {"", *CHARGED_LEVELS}, "of": {*CHARGED}}),
        ("compare_months", {"of": {"", *UNITS}}),
        ("forecast", {"of": {"", *UNITS}}),
        ("year", {"by": {*LEVELS}, "of": {*UNITS.values()}}),
    ],
)
def test_a_notebook_offers_what_its_functions_take(notebook: str, choices: dict[str, set[str]]) -> None:
    known = read_parameters(find_notebook(notebook)).values()
    assert {one.name: {*one.choices} for one in known if one.choices} == choices


# Papermill by itself


def test_plain_papermill_runs_the_notebook_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    done = run("papermill", "notebooks/flex_credits.ipynb", str(out), "-p", "year", "2025", "-p", "month", "8")
    assert done.returncode == 0, done.stderr
    assert "<span>August 2025</span>" in out.read_text("utf-8")
    assert "July is not stored" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("flex_credits", {"month": 3}, "Run: flexlib fetch --year 2025 --month 3"),
        *(
            (
                name,
                {"yaer": 2025},
                "BadParameter: Unknown parameter yaer (did you mean year?); this notebook takes year, month",
            )
            for name in ("flex_credits", "start_here")
        ),
    ],
)
def test_plain_papermill_fails_on_a_month_that_is_not_stored_and_on_a_parameter_that_there_is_not(
    name: str, parameters: dict[str, int], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    with pytest.raises(papermill.PapermillExecutionError, match=re.escape(said)):
        papermill.execute_notebook(find_notebook(name), tmp_path / "out.ipynb", parameters, progress_bar=False)
