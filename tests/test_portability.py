"""Systems that are not POSIX: what only POSIX has is imported nowhere, and what takes its place works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexlib.cli import stream
from flexlib.cli.stream import LineStream

FIXTURE = Path(__file__).parent / "data" / "fixture"

POSIX_ONLY = ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog")

IMPORT_ALL = """
import importlib, pkgutil, flexlib
names = [one.name for one in pkgutil.walk_packages(flexlib.__path__, "flexlib.") if not one.name.endswith("__main__")]
names = [name for name in names if name != "flexlib.ledger.db.migrations.env"]  # Alembic runs it, nobody imports it
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def run_without_posix(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs Python where these modules cannot be imported, in its children neither."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({POSIX_ONLY}))\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    return subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_modules_are_kept_away(tmp_path: Path) -> None:
    assert "ModuleNotFoundError: import of fcntl halted" in run_without_posix(tmp_path, "-c", "import fcntl").stderr


def test_every_module_is_imported_without_what_only_posix_has(tmp_path: Path) -> None:
    done = run_without_posix(tmp_path, "-W", "error", "-c", IMPORT_ALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 100


def test_a_report_is_made_without_what_only_posix_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    done = run_without_posix(tmp_path, "-m", "flexlib", "report", "--offline", "--year", "2025", "--month", "9")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)  # whose data it is, and no more
    assert "September 2025" in (tmp_path / "reports" / "demo" / "2025-09" / "flex_credits.html").read_text("utf-8")


def test_a_stream_is_read_to_its_end_where_no_pipe_can_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CAN_WAIT", False)
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo\nth")
    batches = iter(LineStream(reader, stop=-1))  # a descriptor that select would refuse
    assert next(batches) == ["one", "two"]
    os.write(writer, b"ree")
    os.close(writer)
    assert list(batches) == [["three"]]
    os.close(reader)
