"""Nobody waits for a library that a command does not use, or has to install it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_architecture import list_files, list_imports
from test_environment import list_requirements

from flexlib.errors import MODULES_OF_EXTRAS

FIXTURE = Path(__file__).parent / "data" / "fixture"

LEDGER = {"sqlalchemy", "alembic", "psycopg"}
FRAMES = {"pandas", "numpy", "pyarrow", "duckdb", "narwhals"}
CHARTS = {"matplotlib"}
NOTEBOOKS = {"papermill", "nbconvert", "nbformat", "nbclient", "jupyter_client", "ipykernel", "yaml"}
NETWORK = {"requests", "requests_futures", "urllib3", "tornado", "asyncio"}
PRICES = {"genai_prices"}
BAR = {"tqdm"}
FORMATS = {"lark", "arrow"}  # of texts in any JSON: a second of work, and no notebook has them
ALL = LEDGER | FRAMES | CHARTS | NOTEBOOKS | NETWORK | PRICES | BAR | FORMATS

CALLS = "id,time,model,in,out\na,2025-09-03T10:00:00Z,gpt-4o,10,5\n"
COLUMNS = (
    "--request-id id --timestamp time --provider openai --model-column model --prompt-tokens in --completion-tokens out"
)
SEPTEMBER = "--year 2025 --month 9"
RECORD = "record --provider openai --model gpt-4o --usable user:1 --prompt-tokens 9 --created-at 2025-09-03T10:00:00Z"

UNUSED = {
    "import flexlib": ALL | {"dotenv"},
    "--help": ALL,
    RECORD: FRAMES | CHARTS | NOTEBOOKS | NETWORK - {"asyncio"} | BAR,
    "ledger status": ALL - LEDGER - {"asyncio"},
    # pyarrow looks for pandas by itself wherever it is handed a list
    f"close {SEPTEMBER}": CHARTS | NOTEBOOKS | NETWORK - {"asyncio"} | BAR,
    f"reprice {SEPTEMBER}": CHARTS | NOTEBOOKS | NETWORK - {"asyncio"} | BAR | {"narwhals"},
    f"import calls.csv {COLUMNS}": LEDGER | CHARTS | NOTEBOOKS | NETWORK - {"asyncio"} | BAR,
    # the fixture's certificates hold no hash of their files, so the rows are read to be held against theirs
    f"certificate {SEPTEMBER}": ALL - {"numpy", "pyarrow"},
    f"certificate {SEPTEMBER} --source import": ALL - {"numpy", "pyarrow"},
    f"fx show {SEPTEMBER}": ALL,
    f"by-model {SEPTEMBER} --demo": LEDGER | CHARTS | NOTEBOOKS | PRICES | {"pandas"},
    # papermill has requests
    f"report {SEPTEMBER} --offline": LEDGER | BAR | PRICES | FORMATS | {"pandas", "requests_futures"},
}
"""What each command must not have loaded when it has done its work."""


def list_loaded(command: str, folder: Path) -> set[str]:
    """The modules of `ALL` that a Python of its own has loaded after the command."""
    run = "" if command == "import flexlib" else f"from flexlib.cli import main; code = main({command.split()!r})"
    script = f"""
import sys, flexlib
code = 0
try:
    {run or "pass"}
except SystemExit as left:
    code = left.code
print()
print(code, *sorted({ALL | {"dotenv"}!r} & set(sys.modules)))
"""
    shutil.copytree(FIXTURE, folder / "data")  # makes the folder too
    (folder / "calls.csv").write_text(CALLS)
    if command.startswith(("close", "reprice", "ledger")):
        list_loaded(RECORD, folder / "before")
        (folder / "before/data/ledger.sqlite").rename(folder / "data/ledger.sqlite")
    environment = os.environ | {"FLEXLIB_DATA": str(folder / "data")}
    ran = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    code, *loaded = ran.stdout.splitlines()[-1].split()
    lacks_prices = command.startswith("import calls.csv")  # 46 of the fixture's then 424 requests: more than a tenth
    assert (code, ran.returncode) == ("3" if lacks_prices else "0", 0), ran.stderr
    return set(loaded)


@pytest.mark.parametrize("command", UNUSED)
def test_a_command_loads_nothing_that_it_does_not_use(command: str, tmp_path: Path) -> None:
    assert sorted(UNUSED[command] & list_loaded(command, tmp_path)) == []


def find_distributions(module: str) -> set[str]:
    return {name.lower() for name in importlib.metadata.packages_distributions().get(module, [])}


def list_third_party() -> set[str]:
    sources = (file.read_text("utf-8") for _, file in list_files())
    modules = {module.partition(".")[0] for source in sources for module in list_imports(source)}
    return modules - set(sys.stdlib_module_names) - {"flexlib", "pyspark"}


def test_what_is_imported_is_asked_for_in_pyproject() -> None:
    base = {one.name for one in list_requirements()}
    extra = {module for modules in MODULES_OF_EXTRAS.values() for module in modules}
    assert [
        module for module in sorted(list_third_party() - extra) if base.isdisjoint(find_distributions(module))
    ] == []


@pytest.mark.parametrize("extra", sorted(set(MODULES_OF_EXTRAS) - {"spark"}))
def test_the_modules_of_an_extra_are_those_that_pyproject_asks_for(extra: str) -> None:
    asked = {one.name for one in list_requirements(extra)} - {one.name for one in list_requirements()}
    if extra != "fetch":
        asked -= {one.name for one in list_requirements("fetch")}
    for other in {"pdf": ("reports",), "dashboard": ("reports", "excel")}.get(extra, ()):  # what it shows
        asked -= {one.name for one in list_requirements(other)}
    brought = {name for module in MODULES_OF_EXTRAS[extra] for name in find_distributions(module)}
    # Imported by us, brought by what we ask for.
    come_along = {"adbc-driver-manager", "ipython", "jupyter-core", "jupyter-server", "traitlets"}
    assert {name.replace("_", "-") for name in brought} - come_along == asked
