"""Choosing an engine: days are cut on it, and what cannot be chosen is said in a sentence."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from usage_rows import write_usage

from flexlib.errors import InvalidRequest
from flexlib.store.engines import read_days


def test_days_are_cut_out_of_the_files_first_and_last_included(tmp_path: Path) -> None:
    file = write_usage(tmp_path / "a team's calls.parquet", 300, day=date(2025, 9, 1), days=30)
    rows = read_days([file], "created_at", date(2025, 9, 3), date(2025, 9, 4))
    ends = rows.aggregate("count(*), min(created_at), max(created_at)").fetchall()
    assert ends == [(20, datetime(2025, 9, 3), datetime(2025, 9, 4, 21, 36))]  # ten a day, 2.4 hours apart


def test_another_engine_is_refused() -> None:
    engine: Any = "dask"
    with pytest.raises(InvalidRequest, match="'dask' is not an engine; choose duckdb or spark"):
        read_days([], "created_at", date(2025, 9, 1), date(2025, 9, 1), engine)


def test_without_pyspark_the_sentence_says_how_to_install_it() -> None:
    lines = (
        "import sys; sys.modules['pyspark'] = None",  # so Python itself marks a module that is not to be found
        "from flexlib import errors; from flexlib.store import engines",
        "try: engines.open_spark()",
        "except errors.EngineMissing as error: print(error)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout == "Spark is not installed; run: pip install 'flexlib[spark]'\n"


def test_nothing_of_spark_is_imported_until_it_is_asked_for() -> None:
    line = "import sys, flexlib.store, flexlib.analysis; print([m for m in sys.modules if 'spark' in m.lower()])"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
