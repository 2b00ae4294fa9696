"""The picture of the house, as data: which room may know which, and who alone may touch what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import flexlib

HOUSE = Path(flexlib.__file__).parent
LONGEST_ROOM = 250  # lines; past that a room is two rooms

WORDS = {"month", "errors", "schema", "enums", "names", "formats", "settings", "certificate", "period"}
"""What every room speaks; they know only each other."""

SOURCES = {"sources/windsurf", "sources/calls", "sources/rates", "sources/ledger"}

ARROWS: dict[str, set[str]] = {
    "sources/windsurf": WORDS,
    "sources/calls": WORDS,
    "sources/rates": WORDS | {"money"},
    "sources/ledger": WORDS | {"ledger"},
    "ledger": WORDS | {"money", "store"},
    "money": WORDS,
    "store": WORDS | {"money"},
    "update": WORDS
    | {"sources/windsurf", "sources/calls", "sources/rates", "sources/ledger", "ledger", "money", "store"},
    "aggregate": WORDS,
    "spend": WORDS | {"aggregate", "money", "store"},
    "page": WORDS | {"aggregate", "spend", "store"},
    "console": WORDS | {"aggregate"},
    "export": WORDS | {"aggregate"},
    "report": WORDS | {"page", "store"},
    "demo": WORDS,
    "cli": {"*"},
    "__init__": WORDS | {"ledger"},
    "__main__": {"cli"},
} | {word: WORDS | ({"aggregate"} if word == "names" else set()) for word in WORDS}

DOORS = {
    "requests": {"sources/windsurf", "sources/rates"},
    "requests_futures": {"sources/windsurf"},
    "sqlalchemy": {"ledger"},
    "alembic": {"ledger"},
    "psycopg": {"ledger"},
    "matplotlib": {"page"},
    "papermill": {"report"},
    "nbconvert": {"report"},
    "nbclient": {"report"},
    "jupyter_client": {"report"},
    "tornado": {"demo"},
    "pyspark": {"store"},
    "genai_prices": {"money", "ledger"},
}
"""Libraries that only these rooms may import."""


def name_room(path: tuple[str, ...]) -> str:
    return "/".join(path[:2]) if path[0] == "sources" and len(path) > 1 else path[0]


def list_imports(source: str) -> Iterator[str]:
    """Every module that the source imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
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


def list_files() -> Iterator[tuple[str, Path]]:
    for file in sorted(HOUSE.rglob("*.py")):
        yield name_room(file.relative_to(HOUSE).with_suffix("").parts), file


def test_every_import_follows_an_arrow_of_the_picture() -> None:
    wrong = [f"{file.relative_to(HOUSE)}: {arrow}" for room, file in list_files()
             for arrow in find_wrong_arrows(room, file.read_text("utf-8"))]  # fmt: skip
    assert wrong == []


def test_an_import_against_the_arrows_is_found() -> None:
    assert find_wrong_arrows("aggregate", "from flexlib.store import scan") == ["aggregate -> store"]
    assert find_wrong_arrows("page", "def late():\n    import requests") == ["page -> requests"]
    assert find_wrong_arrows("sources/calls", "from flexlib.sources import windsurf") == [
        "sources/calls -> sources/windsurf"
    ]


def test_nothing_below_the_line_reaches_the_network_or_a_database() -> None:
    below = ("aggregate", "spend", "page", "console", "export", "report")
    above = SOURCES | {"ledger", "update"}
    assert {room: ARROWS[room] & above for room in below} == dict.fromkeys(below, set())


def test_no_room_is_so_long_that_it_is_two() -> None:
    long = {str(file.relative_to(HOUSE)): lines for _, file in list_files()
            if (lines := len(file.read_text("utf-8").splitlines())) > LONGEST_ROOM}  # fmt: skip
    assert long == {}


def test_every_room_says_what_it_is_and_what_it_gives() -> None:
    silent = []
    for _, file in list_files():
        tree = ast.parse(file.read_text("utf-8"))
        names = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
                 if isinstance(target, ast.Name)}  # fmt: skip
        defines = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)
        needs_all = defines and "__all__" not in names and file.name != "__main__.py" and "versions" not in file.parts
        if not ast.get_docstring(tree) or (needs_all and file.name != "env.py"):
            silent.append(str(file.relative_to(HOUSE)))
    assert silent == []
