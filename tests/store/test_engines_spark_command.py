"""A command on Spark, in a process of its own: it prints what it prints on DuckDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import KEY
from spark_samples import OPTIONS

from flexlib.store.version import Snapshot

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("by-model", {"PYSPARK_SUBMIT_ARGS": f"--master local[2] {OPTIONS}", "TZ": "America/Santiago"}),
        ("daily", {"SPARK_REMOTE": "local[2]", "PYSPARK_SUBMIT_ARGS": OPTIONS}),
    ],
    ids=["in Chile", "connect"],
)
def test_the_command_prints_the_same_from_a_process_of_its_own(
    tmp_path: Path, demo: Callable[..., str], fetch: Callable[..., Snapshot], name: str, settings: dict[str, str]
) -> None:
    data, url = tmp_path / "data of a team", demo()
    fetch(url, data=data)
    server = {"FLEXLIB_DATA": str(data), "WINDSURF_BASE_URL": url, "WINDSURF_SERVICE_KEY": KEY}
    command = [sys.executable, "-m", "flexlib", name, "--year", "2025", "--month", "9", "--json", "--engine"]
    outputs = {}
    for engine, added in (("duckdb", {}), ("spark", settings)):
        environment = os.environ | server | added
        done = subprocess.run(
            [*command, engine], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        outputs[engine] = json.loads(done.stdout)
    assert outputs["spark"] == outputs["duckdb"]
    assert len(outputs["duckdb"]["rows"]) > 20
