"""environment.yml gives conda users what pyproject.toml gives pip users."""

import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

HOME = Path(__file__).parents[1]

CONDA_NAMES = {"duckdb": "python-duckdb", "matplotlib": "matplotlib-base", "tzdata": "python-tzdata"}
"""Where conda-forge calls a package otherwise than PyPI."""


def list_requirements(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, with these extras and those that they name."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    named = [text for extra in extras for text in project["optional-dependencies"][extra]]
    found: list[Requirement] = []
    for one in map(Requirement, [*(() if extras else project["dependencies"]), *named]):
        found += list_requirements(*one.extras) if one.name == "flexlib" else [one]
    return found


def read_pyproject() -> dict[str, str]:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    requirements = [*list_requirements(), *list_requirements("reports")]
    wanted = {CONDA_NAMES.get(one.name, one.name): str(one.specifier) for one in requirements}
    return wanted | {"python": project["requires-python"]}


def read_environment() -> dict[str, str]:
    lines = yaml.safe_load((HOME / "environment.yml").read_text())["dependencies"]
    by_pip = lines[-1]["pip"][:-1]  # what conda-forge does not have
    requirements = [Requirement(line) for line in [*lines[:-1], *by_pip] if line != "pip"]
    return {one.name: str(one.specifier) for one in requirements}


def test_environment_yml_names_what_an_analyst_needs_with_the_bounds_of_pyproject() -> None:
    assert read_environment() == read_pyproject()


def test_environment_yml_installs_flexlib_itself_from_the_checkout() -> None:
    lines = yaml.safe_load((HOME / "environment.yml").read_text())["dependencies"]
    assert lines[-1]["pip"][-1] == "--editable ."


def test_every_dependency_carries_its_reason() -> None:
    lines = (HOME / "pyproject.toml").read_text().splitlines()
    dependencies = [line for line in lines if line.startswith('    "') and ">=" in line]
    assert [line for line in dependencies if "  # " not in line] == []
    assert len(dependencies) > 35


def test_the_package_is_found_from_the_folder_that_holds_the_clone(tmp_path: Path) -> None:
    (tmp_path / "flexlib").symlink_to(HOME)  # a folder of the package's name, with the package one level below
    script = "import flexlib; from flexlib import record_usage; print(flexlib.__file__)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.stdout.strip(), ran.stderr) == (str(HOME / "flexlib" / "__init__.py"), "")


def test_what_a_company_writes_into_a_copy_of_an_example_is_not_kept_by_git() -> None:
    ignored = (HOME / ".gitignore").read_text().splitlines()
    own = {f"params/{file.name.replace('.example', '')}" for file in (HOME / "params").glob("*.example.*")}
    assert own - {*ignored} == set()
