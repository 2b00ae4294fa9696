"""The picture of the house, as data: which room may know which, and who alone may touch what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import flexlib
from flexlib.sources.registry import IMPORT, LEDGER, WINDSURF, list_sources

HOUSE = Path(flexlib.__file__).parent
LONGEST_ROOM = 250  # lines; past that a room is two rooms
HEAVY = Path(__file__).with_name("heavy.txt")

WORDS = {
    "addresses",
    "dates",
    "errors",
    "schema",
    "enums",
    "currencies",
    "names",
    "senders",
    "formats",
    "free_days",
    "home",
    "i18n",
    "guesses",
    "nesting",
    "privacy",
    "settings",
    "setting_values",
    "proof",
    "reasons",
    "refusals",
    "trust",
    "stored_notes",
    "checks",
    "certificate",
    "commands",
    "sources/registry",
}
"""What every room speaks; they know only each other."""

ARROWS: dict[str, set[str]] = {
    "sources/windsurf": WORDS,
    "sources/files": WORDS,
    "sources/presets": WORDS | {"sources/files", "sources/charges"},
    "sources/charges": WORDS | {"sources/files"},
    "sources/fx": WORDS | {"money"},
    "sources/rates_file": WORDS | {"money"},
    "ledger": WORDS | {"money", "store"},
    "money": WORDS,
    "store": WORDS | {"money", "sources/presets"},
    "ingest": WORDS
    | {"sources/windsurf", "sources/files", "sources/presets", "sources/charges", "sources/fx"}
    | {"ledger", "money", "store"},
    "analysis": WORDS | {"money"},
    "spend": WORDS | {"analysis", "money", "store"},
    "deliver": WORDS | {"analysis", "store"},
    "tables": WORDS | {"analysis", "money", "spend"},
    "page": WORDS | {"analysis", "money", "spend", "store", "tables"},
    "console": WORDS | {"analysis", "tables"},
    "export": WORDS | {"analysis", "store", "tables"},
    "front": WORDS | {"ledger", "analysis", "money", "spend", "store", "page"},
    "report": WORDS | {"page", "store"},
    "closing": WORDS | {"deliver", "ingest", "ledger", "money", "report", "store"},
    "site": WORDS | {"analysis", "front", "page", "report", "store", "tables"},
    "dashboard": WORDS | {"analysis", "export", "front", "ledger", "page", "spend", "store", "tables", "__init__"},
    "demo": WORDS | {"ingest", "money", "sources/files", "store"},
    "cli": {"*"},
    "__init__": WORDS | {"ledger", "front", "store"},
    "__main__": {"cli"},
} | dict.fromkeys(WORDS, WORDS)

SOURCES = {room for room in ARROWS if room.startswith("sources/")} - WORDS

DOORS = {
    "requests": {"sources/windsurf", "sources/fx"},
    "requests_futures": {"sources/windsurf"},
    "urllib3": {"sources/windsurf"},
    "smtplib": {"deliver"},
    "sqlite3": {"ledger", "deliver"},
    "sqlalchemy": {"ledger"},
    "alembic": {"ledger"},
    "psycopg": {"ledger"},
    "adbc_driver_manager": {"ledger"},
    "adbc_driver_sqlite": {"ledger"},
    "adbc_driver_postgresql": {"ledger"},
    "matplotlib": {"page"},
    "papermill": {"report"},
    "nbconvert": {"report"},
    "nbclient": {"report"},
    "jupyter_client": {"dashboard", "report"},
    "jupyter_server": {"dashboard"},
    "prometheus_client": {"dashboard"},
    "voila": {"dashboard"},
    "ipywidgets": {"dashboard"},
    "tornado": {"dashboard", "demo"},
    "holidays": {"free_days"},
    "questionary": {"cli"},
    "babel": set(),  # catalogues are made with it; nobody needs it to read them
    "gettext": {"i18n"},
    "tqdm": {"cli", "ingest"},
    "yaml": {"nesting"},
    "pyspark": {"store"},
    "redis": {"store"},
    "python_calamine": {"store"},
    "xlsxwriter": {"export"},
    "weasyprint": {"report"},
    "resvg_py": {"page"},
    "genai_prices": {"money", "ledger"},
}
"""Libraries that only these rooms may import."""


READERS = {
    "dotenv": {"settings"},
    "environ": {"settings", "ledger/door", "report/kernel", "store/engines"},
    "load_settings": {"settings", "__init__", "cli/main", "ledger/door", "dashboard/widgets"},
}
"""Who alone reads settings, at the door of a run, as a viewer's kernel is one. (A server of Spark is Spark's own:
SPARK_REMOTE.)"""


NAMES_OF_SOURCES = {source.name for source in list_sources()}
OTHER_MEANINGS = {"enums": {WINDSURF.name}, "demo/company": {WINDSURF.name}} | {
    "cli/ledger": {LEDGER.name}, "cli/doctor": {LEDGER.name}, "cli/import_options": {IMPORT.name},
    "closing/table": {IMPORT.name, LEDGER.name}, "closing/plan": {IMPORT.name, LEDGER.name},
    "cli/fx": {IMPORT.name}, "__init__": {LEDGER.name},
    "ledger/record/lines": {LEDGER.name}, "ledger/record/recording": {LEDGER.name},
}  # fmt: skip
"""Where the same word is no source: the proxy Windsurf, a folder's name, commands, findings, a parameter, a package."""


def name_room(path: tuple[str, ...]) -> str:
    return "/".join(path[:2]) if path[0] == "sources" and len(path) > 1 else path[0]


@cache
def walk_source(source: str) -> list[ast.AST]:
    """Every node of it: each question is asked of every file."""
    return list(ast.walk(ast.parse(source)))


def list_imports(source: str) -> Iterator[str]:
    """Every module that the source imports, wherever it does."""
    for node in walk_source(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in ("flexlib", "flexlib.sources")
            yield from (f"{node.module}.{alias.name}" for alias in node.names) if whole else [node.module]


def find_wrong_arrows(room: str, source: str) -> list[str]:
    wrong = []
    for module in list_imports(source):
        parts = tuple(module.split("."))
        if parts[0] == "flexlib" and len(parts) > 1:
            other = name_room(parts[1:])
            if other not in {room, "__version__"} | ARROWS[room] and "*" not in ARROWS[room]:
                wrong.append(f"{room} -> {other}")
        elif room not in DOORS.get(parts[0], {room}):
            wrong.append(f"{room} -> {parts[0]}")
    return wrong


def find_readers(source: str) -> set[str]:
    """The words of `READERS` that the source uses: as a module, a name, or what it takes from another."""
    used = set(list_imports(source))
    for node in walk_source(source):
        if isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            used.add("environ" if node.attr == "getenv" else node.attr)
    return used & READERS.keys()


def list_files() -> Iterator[tuple[str, Path]]:
    for file in sorted(HOUSE.rglob("*.py")):
        yield name_room(file.relative_to(HOUSE).with_suffix("").parts), file


def test_every_import_follows_an_arrow_of_the_picture() -> None:
    wrong = [f"{file.relative_to(HOUSE)}: {arrow}" for room, file in list_files()
             for arrow in find_wrong_arrows(room, file.read_text("utf-8"))]  # fmt: skip
    assert wrong == []


def test_an_import_against_the_arrows_is_found() -> None:
    assert find_wrong_arrows("analysis", "from flexlib.store import scan") == ["analysis -> store"]
    assert find_wrong_arrows("page", "def late():\n    import requests") == ["page -> requests"]
    assert find_wrong_arrows("sources/files", "from flexlib.sources import windsurf") == [
        "sources/files -> sources/windsurf"
    ]


def test_settings_are_read_at_the_doors_and_nowhere_else() -> None:
    found: dict[str, set[str]] = {word: set() for word in READERS}
    for _, file in list_files():
        for word in find_readers(file.read_text("utf-8")):
            found[word].add(str(file.relative_to(HOUSE).with_suffix("").as_posix()))
    assert {word: files - READERS[word] for word, files in found.items()} == dict.fromkeys(READERS, set())


def test_a_reader_of_settings_is_found() -> None:
    assert find_readers("import os\nroot = os.getenv('FLEXLIB_DATA')") == {"environ"}
    assert find_readers("from os import environ") == {"environ"}
    assert find_readers("from flexlib import settings\nroot = settings.load_settings().data") == {"load_settings"}
    assert find_readers("def late():\n    from dotenv import dotenv_values") == {"dotenv"}


def find_source_names(source: str) -> set[str]:
    texts = (node.value for node in walk_source(source) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str)} & NAMES_OF_SOURCES


def test_the_names_of_sources_stand_in_the_registry_and_nowhere_else() -> None:
    found = {
        name: find_source_names(file.read_text("utf-8")) - OTHER_MEANINGS.get(name, set())
        for _, file in list_files()
        if (name := str(file.relative_to(HOUSE).with_suffix("").as_posix())) != "sources/registry"
    }
    assert {name: names for name, names in found.items() if names} == {}


def test_the_name_of_a_source_is_found() -> None:
    assert find_source_names("folder = root / 'import'") == {"import"}


def test_nothing_below_the_line_reaches_the_network_or_a_database() -> None:
    below = ("analysis", "spend", "tables", "page", "console", "export", "report", "site")
    above = SOURCES | {"ledger", "ingest", "deliver"}
    assert {room: ARROWS[room] & above for room in below} == dict.fromkeys(below, set())


def test_no_room_is_so_long_that_it_is_two() -> None:
    long = {str(file.relative_to(HOUSE)): lines for _, file in list_files()
            if (lines := len(file.read_text("utf-8").splitlines())) > LONGEST_ROOM}  # fmt: skip
    assert long == {}


def test_every_room_says_what_it_is() -> None:
    silent = [str(file.relative_to(HOUSE)) for _, file in list_files()
              if file.name != "__main__.py" and not ast.get_docstring(ast.parse(file.read_text("utf-8")))]  # fmt: skip
    assert silent == []


def list_heavy_that_is_gone(lines: list[str]) -> list[str]:
    """Of the names in `heavy.txt` those of no file or test."""
    tests = Path(__file__).parent
    files = {file.relative_to(tests).as_posix(): file.read_text("utf-8") for file in tests.rglob("test_*.py")}
    named = [line.partition("::") for line in lines if line and not line.startswith("#")]
    return [file + sign + test for file, sign, test in named if f"def {test}" not in files.get(file, "")]


def test_what_is_marked_heavy_exists() -> None:
    assert list_heavy_that_is_gone(HEAVY.read_text("utf-8").splitlines()) == []
    assert list_heavy_that_is_gone(["test_dates.py", "test_dates.py::test_gone"]) == ["test_dates.py::test_gone"]
