"""The folder of an analyst: what comes along, and whose notebooks a report takes."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from flexlib.errors import InvalidRequest
from flexlib.report.folder import EXAMPLE, find_packaged, lay_out_folder
from flexlib.report.parameters import find_notebook

HOME = Path(__file__).parents[2]


def list_files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_folder_gets_the_notebooks_the_parameters_and_the_settings_to_fill_in(tmp_path: Path) -> None:
    made = lay_out_folder(tmp_path / "new" / "work")
    assert [file.name for file in made] == ["notebooks", "params", ".env.example", "README.md"]
    assert list_files(tmp_path / "new" / "work") == [
        ".env.example",
        "README.md",
        *(f"notebooks/{file.name}" for file in sorted((HOME / "notebooks").glob("*.ipynb"))),
        "params/budgets.example.yaml",
        "params/chargeback.example.yaml",
        "params/events.yaml",
        "params/flex_credits.yaml",
        "params/mail.example.yaml",
        "params/month.example.yaml",
        "params/notices.example.yaml",
        "params/organization.example.csv",
        "params/presets/my_gateway.yaml",
        "params/presets/my_invoice.yaml",
    ]
    notebook = Path("notebooks/llm_usage.ipynb")
    assert (tmp_path / "new" / "work" / notebook).read_bytes() == (HOME / notebook).read_bytes()


def test_what_its_owner_wrote_beside_the_examples_is_not_laid_out_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "checkout"
    for name in ("notebooks", "params"):
        shutil.copytree(HOME / name, source / name)
    shutil.copyfile(HOME / ".env.example", source / ".env.example")
    own = {"organization.csv", "budgets.yaml", "notices.yaml"}
    for name in own:
        (source / "params" / name).write_text("ana@example.com")
    monkeypatch.setattr("flexlib.report.folder.find_packaged", lambda: source)
    lay_out_folder(tmp_path / "work")
    laid_out = {*list_files(tmp_path / "work" / "params")}
    assert {"organization.example.csv", "events.yaml"} <= laid_out
    assert laid_out.isdisjoint(own)


def test_a_wheel_carries_each_parameter_file_by_name_so_that_none_of_its_owner_comes_along() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    own = {one.name.replace(EXAMPLE, "") for one in (HOME / "params").glob(f"*{EXAMPLE}.*")}
    wanted = {f"params/{file.name}" for file in (HOME / "params").iterdir() if file.name not in own}
    assert {name for name in carried if name.startswith("params")} == wanted
    assert all(carried[name] == f"flexlib/project/{name}" for name in carried)


@pytest.mark.parametrize("name", ["notebooks", "params", ".env.example", "README.md"])
def test_nothing_is_overwritten_and_nothing_is_begun(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(InvalidRequest, match=f"already has {name}, and nothing is overwritten"):
        lay_out_folder(tmp_path)
    assert list_files(tmp_path) == [name]


def test_a_notebook_of_the_folder_one_works_in_goes_before_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_notebook("llm_usage") == find_packaged() / "notebooks" / "llm_usage.ipynb"
    lay_out_folder(tmp_path)
    assert find_notebook("llm_usage") == tmp_path / "notebooks" / "llm_usage.ipynb"
    (tmp_path / "notebooks" / "llm_usage.ipynb").unlink()
    assert find_notebook("llm_usage") == find_packaged() / "notebooks" / "llm_usage.ipynb"
