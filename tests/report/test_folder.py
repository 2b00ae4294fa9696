"""The folder of an analyst: what comes along, and whose notebooks a report takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexlib.errors import InvalidRequest
from flexlib.report.folder import find_packaged, lay_out_folder
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
        "params/notices.example.yaml",
        "params/organization.example.csv",
        "params/presets/my_gateway.yaml",
        "params/presets/my_invoice.yaml",
    ]
    notebook = Path("notebooks/llm_usage.ipynb")
    assert (tmp_path / "new" / "work" / notebook).read_bytes() == (HOME / notebook).read_bytes()


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
