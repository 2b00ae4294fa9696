"""What `import flexlib` offers, as its docstrings show it."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from shutil import copytree
from types import ModuleType

import pytest

import flexlib

FIXTURE = Path(__file__).parent / "data" / "fixture"

HOUSE = Path(flexlib.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(file.relative_to(HOUSE.parent).with_suffix("").parts)
    for file in HOUSE.rglob("*.py")
    if "    >>> " in file.read_text("utf-8") and file.name != "__init__.py"
)

OFFERED = [
    "LimitReached",
    "LlmProvider",
    "LlmProxy",
    "LlmTaskType",
    "Month",
    "Span",
    "__version__",
    "allow",
    "hold",
    "load",
    "months",
    "record_direct_usage",
    "record_many",
    "record_openrouter_usage",
    "record_usage",
    "usage",
]


def test_tab_completion_shows_what_is_meant_for_users_and_nothing_else() -> None:
    assert dir(flexlib) == OFFERED
    # Rooms that are loaded are there by their names too.
    public = {name for name, one in vars(flexlib).items() if name[0] != "_" and not isinstance(one, ModuleType)}
    assert public - {*OFFERED, "annotations"} == set()
    assert [name for name in OFFERED if getattr(flexlib, name).__doc__ is None] == []


def test_the_rooms_that_notebooks_use_are_attributes() -> None:
    assert flexlib.analysis.usage_by_day.__name__ == "usage_by_day"
    with pytest.raises(AttributeError, match="module 'flexlib' has no attribute 'aggregate'"):
        _ = flexlib.aggregate


@pytest.mark.parametrize("name", [name for name in OFFERED if name != "__version__"])
def test_what_is_offered_shows_an_example_that_runs(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copytree(FIXTURE, tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    examples = doctest.DocTestParser().get_doctest(getattr(flexlib, name).__doc__, {}, name, None, None)
    done = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples)
    assert (done.failed, done.attempted > 0) == (0, True)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_every_room_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copytree(FIXTURE, tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert (done.failed, done.attempted > 0) == (0, True)


def test_an_import_of_flexlib_alone_loads_no_library() -> None:
    heavy = {"pandas", "pyarrow", "duckdb", "sqlalchemy", "matplotlib", "requests", "narwhals"}
    code = "import sys, flexlib; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert heavy & {name.partition(".")[0] for name in loaded} == set()
