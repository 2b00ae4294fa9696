"""Every test runs in surroundings of its own: no settings of the machine, no `.env`, an empty data folder."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ctypes.util import find_library
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from harness import KEY, ONE_EXAMPLE_IN, SEPTEMBER, USERS
from hypothesis import HealthCheck, is_hypothesis_test, settings

from flexlib.demo import demo_server
from flexlib.i18n import use_language
from flexlib.ingest.windsurf.fetch import update_credits
from flexlib.report.execute import import_notebooks
from flexlib.settings import Settings
from flexlib.sources.windsurf import client
from flexlib.store.version import Snapshot

# Compiled modules are kept, whatever the surroundings say: else each of hundreds of processes, every notebook's kernel
# too, compiles pandas, matplotlib and flexlib for itself, which takes longer than all that is tested.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What is shown is compared in English, whatever the machine speaks; tests of other languages ask for them.
os.environ["FLEXLIB_LANG"] = "en"

MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 6 * 1024**3
"""Bytes that must be free there: a whole run, with its databases, leaves less than one GB."""

# Where there is a file system in memory, temporary files lie there: thousands of small ones are made and removed, and
# each is written through to the disk, which takes longer than all that is tested.
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY:
    os.environ.setdefault("TMPDIR", str(MEMORY))
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    tempfile.tempdir = None  # asks again

# How long an example takes, or takes to be made, says more of the machine than of the code.
settings.register_profile("flexlib", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flexlib")

# Before any test does: by itself nbformat has a grammar compiled, in each worker for longer than all else is imported.
import_notebooks()

pytest_plugins = ["ledger_fixtures"]

HERE = Path(__file__).parent
NOBODY = "http://127.0.0.1:9"

HEAVY = {line for line in (HERE / "heavy.txt").read_text("utf-8").splitlines() if line and not line.startswith("#")}
"""Files and tests that take long, by their names below this folder."""

HEAVY_SECONDS = 900
"""The time limit of a heavy test: Spark starts, a wheel is installed."""

WORKERS = 3 / 2
"""So many for each core: tests wait for servers, browsers and other processes a third of their time."""

LONGEST = (
    *("test_readme_commands.py", "cli/test_month_command.py", "ledger/test_guard_writers.py"),
    *("store/test_engines_spark.py", "store/test_engines_spark_command.py", "ledger/test_ledger_machine.py"),
    *("test_wheel.py", "store/test_store_machine.py", "sources/presets/test_every_preset.py"),
    *("ingest/test_import_files.py", "report/test_notebooks.py", "ingest/test_credits.py", "ledger/test_writers.py"),
    *("test_leaks.py", "test_words.py", "ingest/test_import_overlaps.py", "ingest/test_pages.py"),
    *("ingest/test_damage_seeds.py", "cli/test_report_months.py", "cli/test_console_languages.py"),
    *("test_imports.py", "analysis/test_credit_sums.py", "ingest/test_routes.py", "page/test_bills_page.py"),
)
"""Begun first: a worker that begins one of them when the others are done keeps everybody waiting."""


def pytest_xdist_auto_num_workers() -> int:
    given = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")  # of xdist, also where several run at once
    return int(given) if given else max(2, int((os.cpu_count() or 1) * WORKERS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not HEAVY.isdisjoint((_name_file(item), f"{_name_file(item)}::{getattr(item, 'originalname', '')}")):
            item.add_marker("heavy")
        if item.get_closest_marker("heavy"):
            item.add_marker(pytest.mark.timeout(HEAVY_SECONDS))
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(_name_file(item), len(places)))
    functions: set[Any] = {getattr(item, "function", None) for item in items}
    for law in filter(is_hypothesis_test, functions):
        few = max(law._hypothesis_internal_use_settings.max_examples // ONE_EXAMPLE_IN, 1)
        law._hypothesis_internal_use_settings = settings(law._hypothesis_internal_use_settings, max_examples=few)


def _name_file(item: pytest.Item) -> str:
    return _name_path(item.path)


@cache
def _name_path(path: Path) -> str:
    return path.relative_to(HERE).as_posix() if path.is_relative_to(HERE) else path.name


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are set, if only to nothing, so that no `.env` speaks; the data folder is the test's own."""
    for name in os.environ:
        if name.startswith("WINDSURF_"):
            monkeypatch.delenv(name)
    for name in ("WINDSURF_SERVICE_KEY", "SERVICE_KEY", "WINDSURF_CONSUMPTION_UNIT", "FLEXLIB_DEBUG"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("WINDSURF_BASE_URL", NOBODY)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    use_language("en")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The command that starts a browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return _need_program("Chromium", next(filter(None, map(shutil.which, names)), None))


@pytest.fixture(scope="session")
def pango() -> None:
    """What draws letters on paper, which no package brings: most systems have it, CI installs it."""
    for name in ("pangoft2-1.0", "harfbuzz-subset"):
        _need_program(f"Pango ({name})", find_library(name))


def _need_program(name: str, found: str | None) -> str:
    if not found:
        if os.environ.get("FLEXLIB_NEED_BROWSER") == "1":
            pytest.fail(f"FLEXLIB_NEED_BROWSER is 1 and there is no {name}")
        pytest.skip(f"no {name} on this machine; FLEXLIB_NEED_BROWSER=1 makes that a failure")
    return found


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """Ctrl-C reaches the programs that tests start, also where the tests themselves run with it ignored (`nohup`, `&`):
    what is ignored is inherited, and a program of ours rightly goes on ignoring it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def demo() -> Iterator[Callable[..., str]]:
    """Gives the URL of a demo server of 300 people with these options; a module shares it among its tests."""
    urls: dict[tuple[str, ...], str] = {}
    with ExitStack() as running:

        def start(*options: str) -> str:
            if options not in urls:
                common = ("--users", str(USERS), "--consumption-limit", "100000")
                urls[options] = running.enter_context(demo_server(*common, *options))
            return urls[options]

        yield start


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., Snapshot]:
    """Fetches September 2025 (or `month`) of the server at a URL into the test's data folder (or `data`).

    Two users are asked again, the biggest spender and one at random, unless `verify` says otherwise.
    """

    def run(url: str, route: str = "auto", **options: Any) -> Snapshot:  # noqa: ANN401
        options.setdefault("verify", 2)
        unit = options.pop("unit", None)
        settings = Settings(options.pop("data", tmp_path / "data"), url, options.pop("key", KEY), unit)
        return update_credits(options.pop("month", SEPTEMBER), settings, route=route, **options)

    return run


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, without the seconds between them."""
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.02)
