"""A newcomer's first hour: every block of commands in the README, in its order, in a fresh copy, on made-up data."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rates_server import serve_rates

HOME = Path(__file__).parents[1]
SECTIONS = {
    text.partition("\n")[0]: re.findall(r"```(console|python)\n(.*?)```", text, re.DOTALL)
    for text in re.split(r"^## ", (HOME / "README.md").read_text("utf-8"), flags=re.MULTILINE)
}
"""The blocks of each section of the README by its heading."""
PROGRAMS = Path(sys.executable).parent

OTHERWISE = {
    "make test": "this is one of the tests",
    "pip install 'flexlib[reports]'": "tests/test_wheel.py installs the wheel",
}
"""What is not run here, and why."""
CURSOR = """\
Date,User,Kind,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost
2025-{month}-02T10:00:00.000Z,ana,Usage-based,claude-4-sonnet,No,0,1000,0,200,1200,0.01
"""
ANTHROPIC = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type
2025-11-02,Claude Sonnet 4.5,Default,ci,message,200k,input_no_cache,1.25,1.25,token
"""
OPENAI = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id
1756684800,1756771200,2025-09-01T00:00:00+00:00,2025-09-02T00:00:00+00:00,1.5,usd,"gpt-4o-2024-08-06, input",p,o
"""
FILES = {
    "calls.csv": "id,time,model,in,out\na1,2025-09-16T10:00:00Z,gpt-4o,1000,200\n",
    "usage-events.csv": CURSOR.format(month=10),
    "exports/usage.csv": CURSOR.format(month="08"),
    "cost.csv": ANTHROPIC,
    "openai_costs.csv": OPENAI,
}
"""What other systems export, where the README names such a file."""
PRINTED = (
    *("flexlib compare", "flexlib export", "flexlib forecast", "flexlib check", "flexlib notify", "flexlib what-if"),
    *("flexlib chargeback", "flexlib organization check", "flexlib verify", "flexlib anomalies"),
)
"""Commands that print here what the README says; tests/test_readme.py holds other blocks against the fixture."""
IS_NOWHERE, BILL_DIFFERS, LIMIT_PASSED = 3, 4, 5
EXITS = {
    "flexlib import openai_costs.csv": BILL_DIFFERS,  # the bill given here is another than the calls
    "flexlib spend --year 2025 --month 9": BILL_DIFFERS,  # once it is imported
    "flexlib check --year 2025 --month 9": LIMIT_PASSED,
    "flexlib organization check --year 2025 --month 9": IS_NOWHERE,
}
"""Commands that rightly exit with another code than 0."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a newcomer has after the clone and the installation, and no settings."""
    folder = tmp_path_factory.mktemp("clone") / "flexlib"
    (folder / ".venv").mkdir(parents=True)
    for name in ("README.md", "Makefile", "pyproject.toml", ".env.example"):
        shutil.copyfile(HOME / name, folder / name)
    for name in ("notebooks", "params", "tests/data/fixture"):
        shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns(".*"))
    for entry in Path(sys.prefix).iterdir():
        (folder / ".venv" / entry.name).symlink_to(entry)
    (folder / ".venv" / "report").unlink(missing_ok=True)
    (folder / ".venv" / "report").touch()  # so `make` knows that all is installed
    return folder


def clean_environment() -> dict[str, str]:
    """As in a shell in which the environment is active, without any setting of this machine or of the other tests."""
    kept = {name: value for name, value in os.environ.items() if not re.match("FLEXLIB_|WINDSURF_|SERVICE_KEY", name)}
    return kept | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}


def run(command: list[str], folder: Path) -> str:
    """What it prints."""
    done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def write_script(block: str, rates: str) -> str:
    """The commands of a block as a script that ends at the first that fails."""
    lines = ["set -e"]
    for line in (one[2:] for one in block.splitlines() if one.startswith("$ ")):
        command = re.sub(r"\s+#.*", "", line)
        if command in OTHERWISE:
            continue
        if command.startswith("flexlib fx update"):
            command += f" --mindicador-url {rates} --frankfurter-url {rates}"
        code = next((code for start, code in EXITS.items() if re.split(" --(?:as-of|demo)", command)[0] == start), 0)
        lines.append(f"{command} || [ $? = {code} ]" if code else command)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def ready(clone: Path) -> Iterator[tuple[Path, str]]:
    """The same with files of other systems, and where a server of exchange rates is."""
    for name, text in FILES.items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(text, "utf-8")
    shutil.copyfile(clone / "params" / "presets" / "my_gateway.yaml", clone / "my_gateway.yaml")
    gateway = {"id": ["g1"], "time": ["2025-07-02T10:00:00"], "model": ["gpt-4o"], "input": [10], "output": [5]}
    pq.write_table(pa.table(gateway), clone / "calls.parquet")
    with serve_rates() as rates:
        rates.mindicador = {f"2025-09-{day:02d}": "950.5" for day in range(1, 31)}
        yield clone, rates.url


@pytest.mark.heavy
@pytest.mark.timeout(300)
@pytest.mark.parametrize("section", [heading for heading, blocks in SECTIONS.items() if blocks])
def test_every_block_of_the_readme_works_in_its_order(ready: tuple[Path, str], section: str) -> None:
    """Each section goes on where those before it ended."""
    clone, rates = ready
    for kind, block in SECTIONS[section]:
        is_python = kind == "python"
        script = [sys.executable, "-c", block] if is_python else ["bash", "-c", write_script(block, rates)]
        printed = run(script, clone)
        command, _, said = block.removeprefix("$ ").partition("\n")
        if command.startswith(PRINTED):
            assert printed == said


@pytest.mark.heavy
def test_the_readme_s_blocks_have_written_these_pages(clone: Path) -> None:
    """After all sections."""
    assert (clone / "site" / "demo" / "departments" / "platform.html").exists()
    # Those of the site are counted by tests/site.
    pages = {str(page.relative_to(clone)) for page in clone.rglob("*.html")}
    assert {page for page in pages if not page.startswith("site/")} == {
        *(
            f"{where}reports/demo/2025-09/{name}.html"
            for where in ("", "work/")
            for name in ("flex_credits", "llm_usage")
        ),
        "reports/2025-09/llm_usage.html",
    }


def test_the_readme_shows_what_each_of_these_commands_prints() -> None:
    shown = [block.removeprefix("$ ") for blocks in SECTIONS.values() for _, block in blocks]
    assert [one for one in PRINTED if not any(block.startswith(one) for block in shown)] == []


def ask(url: str) -> Any:  # noqa: ANN401 (JSON)
    """What the server answers; it says where it is a moment before it listens there."""
    until = time.monotonic() + 30
    while True:
        try:
            with urlopen(url) as answer:
                return json.load(answer)
        except URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


@pytest.mark.heavy
def test_make_lab_opens_on_the_notebook_to_start_with(clone: Path) -> None:
    command = ["make", "lab", "LAB=--no-browser --port=0 --allow-root"]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=clone, env=clean_environment(), start_new_session=True, **options) as lab:
        assert lab.stdout is not None
        try:
            said = re.compile(r"(http://\S+)/lab/tree/start_here\.ipynb\?(token=\w+)")
            address = next(match for line in lab.stdout if (match := said.search(line)))
            listed = {one["name"] for one in ask(f"{address[1]}/api/contents?{address[2]}")["content"]}
        finally:
            os.killpg(lab.pid, signal.SIGTERM)
    assert listed == {file.name for file in (HOME / "notebooks").glob("*.ipynb")}
