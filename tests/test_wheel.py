"""What pip users get: a wheel in an empty environment, outside the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
FIXTURE = HOME / "tests" / "data" / "fixture"

pytestmark = pytest.mark.heavy

Ran = subprocess.CompletedProcess[str]


class Installed:
    """An environment that has the wheel, and a folder of a user of it."""

    def __init__(self, home: Path, wheel: Path, extra: str = "") -> None:
        self.home = home
        self.bin = home / "venv" / "bin"
        uv = Path(sys.executable).with_name("uv")
        make, install = (
            ([str(uv), "venv", "--quiet", "--python", sys.executable],
             [str(uv), "pip", "install", "--quiet", "--python", str(self.bin / "python")])
            if uv.exists() else
            ([sys.executable, "-m", "venv"], [str(self.bin / "python"), "-m", "pip", "install", "--quiet"])
        )  # fmt: skip
        subprocess.run([*make, str(home / "venv")], check=True)
        subprocess.run([*install, f"{wheel}{extra}"], check=True)

    def run(
        self, program: str, *words: str, data: Path, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "FLEXLIB_DATA": str(data)}
        command, where = [str(self.bin / program), *words], folder or self.home
        return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of what a release has, and of nothing that lies about."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=HOME, check=True, capture_output=True)
    (file,) = folder.glob("flexlib-*.whl")
    return file


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("base"), wheel)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "data"))


def test_the_wheel_carries_what_the_package_reads_and_nothing_of_the_developers(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        *(f"flexlib/project/{name}" for name in ("notebooks/flex_credits.ipynb", "notebooks/llm_usage.ipynb")),
        *("flexlib/project/params/flex_credits.yaml", "flexlib/project/.env.example", "flexlib/data/models.csv"),
        *("flexlib/data/makers.csv", "flexlib/project/params/presets/my_gateway.yaml"),
        *("flexlib/templates/flexlib/index.html.j2", "flexlib/templates/folder/README.md"),
    }
    assert sorted(wanted - names) == []
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"flexlib"}
    assert [name for name in names if "checkpoint" in name or "__pycache__" in name] == []


def test_an_application_that_only_records_installs_no_notebooks(base: Installed, data: Path) -> None:
    script = (
        "from flexlib import record_usage\n"
        "call = record_usage(usable=('user', 42), provider='openai', model='gpt-4o', prompt_tokens=1200,"
        " completion_tokens=300, created_at='2025-09-15T14:00:00Z')\n"
        "import importlib.util as util, json\n"
        "names = ('jupyterlab', 'papermill', 'matplotlib', 'nbconvert', 'requests', 'tornado', 'psycopg')\n"
        "print(json.dumps([str(call.amount_in_usd), [name for name in names if util.find_spec(name)]]))"
    )
    ran = base.run("python", "-c", script, data=data)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == ["0.0060000000", []]


def test_months_are_read_with_nothing_but_the_base(base: Installed, data: Path) -> None:
    script = "import flexlib as fl; print(list(fl.months()['month']), fl.load('2025-09').total('flex_credits'))"
    ran = base.run("python", "-c", script, data=data)
    assert (ran.stdout, ran.stderr) == ("['2025-08', '2025-09'] 9961.00\n", "")
    assert base.run("flexlib", "certificate", "--year", "2025", "--month", "9", data=data).returncode == 0


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("report --year 2025 --month 9", "reports"),
        ("report --year 2025 --month 9 --offline", "reports"),
        ("demo", "reports"),
        ("report --year 2025 --month 9 --demo", "reports"),
        ("fetch --year 2025 --month 9", "fetch"),
        ("fx update --year 2025 --month 9", "fetch"),
    ],
)
def test_a_command_whose_extra_is_missing_names_it(base: Installed, data: Path, words: str, extra: str) -> None:
    ran = base.run("flexlib", *words.split(), data=data)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].endswith(f"which is not installed; run: pip install 'flexlib[{extra}]'")


def test_an_analyst_without_a_checkout_lays_out_a_folder_and_makes_a_report(
    wheel: Path, data: Path, tmp_path: Path
) -> None:
    analyst = Installed(tmp_path, wheel, "[reports]")
    assert analyst.run("flexlib", "init", "work", data=data).returncode == 0
    work = tmp_path / "work"
    ran = analyst.run("flexlib", "report", "--year", "2025", "--month", "9", "--offline", data=data, folder=work)
    assert (ran.returncode, ran.stderr) == (0, f"Data: made up by flexlib's demo, no real people or spend ({data}).\n")
    page = (work / "reports/demo/2025-09/flex_credits.html").read_text("utf-8")
    assert "9,961.00" in page
    notebook = work / "notebooks/flex_credits.ipynb"
    notebook.write_text(notebook.read_text("utf-8").replace("It is never a zero", "Our own words"))
    outside = ("report", "--year", "2025", "--month", "9", "--offline", "--output-dir")
    assert analyst.run("flexlib", *outside, "own", data=data, folder=work).returncode == 0
    assert "Our own words" in (work / "own/demo/2025-09/flex_credits.html").read_text("utf-8")
    assert analyst.run("flexlib", *outside, "packaged", data=data, folder=tmp_path).returncode == 0
    assert (tmp_path / "packaged/demo/2025-09/flex_credits.html").read_text("utf-8") == page
