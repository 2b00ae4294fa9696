"""Brings the catalogues of sentences up to date with the code and the notebooks: what `make catalogue` does.

New sentences come in without a translation, which a test asks for; those that nothing says any more go. No place in the
code and no date is written, so that only what changed differs.
"""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from flexlib.i18n import DOMAIN, LANGUAGES, LOCALE

HOME = Path(__file__).parents[1]
SHOWN: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "Column": ((1, 3), ("heading", "total", "unknown")),
    "Fact": ((0,), ("name",)),
    "Format": ((0,), ("title",)),
    "Heading": ((0, 1), ("heading", "note")),
    "StateBadge": ((2, 3, 4, 5), ("word", "heading", "total_prefix", "warning")),
    "Switch": ((2,), ("text",)),
    "Table": ((1,), ("caption", "summary")),
    "Unit": ((0,), ("title",)),
    "_": ((0,), ()),  # also within an f-string, which the extraction passes over
    "replace": ((), ("caption", "summary", "heading", "unknown")),
}
"""What is defined before a language is known: which of its texts, by place and by name, are translated where they are
shown."""
TITLE = "title"
"""A parameter whose default is shown: that of charts."""
KEYWORDS = {"_": None, "mark_text": None, "translate_count": (1, 2)}
"""The functions whose texts are translated; of the last one and many."""
ANALYST = "analyst"
"""The tag of cells that no page shows."""
LONG_AGO = datetime(2025, 1, 1, tzinfo=timezone.utc)
"""When each catalogue was made, as its file says: the same sentences are the same bytes."""
PLACE = re.compile(r"\{(\w+)[^{}]*\}")
"""A name in braces, without its format."""

MessageId = str | tuple[str, str]


def list_sentences(home: Path = HOME) -> set[MessageId]:
    """Every sentence that the code and the notebooks say; of those that count, one and many."""
    found: set[MessageId] = set(list_prose(home))
    for file in sorted((home / "flexlib").rglob("*.py")):
        with file.open("rb") as source:
            for _line, text, _comments, _context in extract("python", source, KEYWORDS, options={"encoding": "utf-8"}):
                found.add(text if isinstance(text, str) else (text[0], text[1]))
        tree = ast.parse(file.read_bytes())
        found.update(list_defined(tree))
        found.update(list_counted(tree))
    return found


def list_counted(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What `format_count` says of one thing and of many.

    >>> list(list_counted(ast.parse("format_count(len(calls), 'call')")))
    [('{count} call', '{count} calls')]
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "format_count":
            for thing in _read_texts(*node.args[1:]):
                yield f"{{count}} {thing}", f"{{count}} {thing}s"


def list_defined(tree: ast.AST) -> Iterator[str]:
    """The texts of `SHOWN`, and the titles of charts.

    >>> list(list_defined(ast.parse("Column('usd', 'Spent' if paid else 'Owed', total='All')")))
    ['Spent', 'Owed', 'All']
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SHOWN:
            places, names = SHOWN[node.func.id]
            yield from _read_texts(*(one for place, one in enumerate(node.args) if place in places))
            yield from _read_texts(*(one.value for one in node.keywords if one.arg in names))
        elif isinstance(node, ast.FunctionDef):
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from _read_texts(*(default for one, default in pairs if one.arg == TITLE and default))


def _read_texts(*nodes: ast.expr) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.IfExp):
            yield from _read_texts(node.body, node.orelse)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"[^\W\d_]", node.value):
            yield node.value


def list_prose(home: Path = HOME) -> Iterator[str]:
    """The cells of text that pages show, and the titles of pages and charts."""
    for file in sorted((home / "notebooks").glob("*.ipynb")):
        for cell in json.loads(file.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield from list_titles(ast.parse("".join(cell["source"])))
            elif ANALYST not in cell["metadata"].get("tags", ()):
                yield "".join(cell["source"])


def list_titles(tree: ast.AST) -> Iterator[str]:
    """What cells call a page or a chart.

    >>> list(list_titles(ast.parse("show_title('Spend', month); plot(of='usd', title='By day')")))
    ['Spend', 'By day']
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from _read_texts(*node.args[: name.endswith(f"_{TITLE}")])
            yield from _read_texts(*(one.value for one in node.keywords if one.arg == TITLE))


def find_file(code: str, end: str = "po") -> Path:
    return LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.{end}"


def read_catalogue(code: str) -> Catalog:
    with find_file(code).open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN)


def update_catalogue(code: str, sentences: set[MessageId]) -> Catalog:
    """The catalogue with just these sentences, each with the translation that it had."""
    before, after = read_catalogue(code), Catalog(locale=code, domain=DOMAIN, header_comment="", fuzzy=False)
    for one in sorted(sentences, key=str):
        known = before.get(one if isinstance(one, str) else one[0])
        after.add(one, known.string if known and known.id == one else "")
    return after


def render_catalogue(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_po(written, catalogue, width=100, omit_header=True, sort_output=True)
    about = f'"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {catalogue.plural_forms}\\n"\n'
    return f'msgid ""\nmsgstr ""\n{about}\n'.encode() + written.getvalue().rstrip() + b"\n"


def compile_catalogue(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = LONG_AGO
    write_mo(written, catalogue)
    return written.getvalue()


def find_faults(catalogue: Catalog, sentences: set[MessageId]) -> list[str]:
    """What a reader of that language would miss, or meet in another one."""
    held = {message.id: message for message in catalogue if message.id}
    faults = [f"not in the catalogue: {one}" for one in sorted(sentences - held.keys(), key=str)]
    faults += [f"said by nothing any more: {one}" for one in sorted(held.keys() - sentences, key=str)]
    return faults + [fault for message in held.values() for fault in _find_faults(message)]


def _find_faults(message: Message) -> Iterator[str]:
    ids, texts = ((one,) if isinstance(one, str) else tuple(one or ()) for one in (message.id, message.string))
    if message.fuzzy:
        yield f"a guess: {message.id}"
    if not all(texts) or not texts:
        yield f"not translated: {message.id}"
        return
    if len(ids) == 1:
        if (own := set(PLACE.findall(texts[0]))) != (wanted := set(PLACE.findall(ids[0]))):
            yield f"names {sorted(own)} for {sorted(wanted)}: {message.id}"
        return
    wanted = set(PLACE.findall(ids[1]))
    for text in texts:
        if not set(PLACE.findall(text)) <= wanted:
            yield f"names {sorted(set(PLACE.findall(text)))} for {sorted(wanted)}: {message.id}"
    if set(PLACE.findall(texts[-1])) != wanted:
        yield f"does not name {sorted(wanted)} of many: {message.id}"


if __name__ == "__main__":
    for language in LANGUAGES[1:]:
        whole = update_catalogue(language, list_sentences())
        find_file(language).write_bytes(render_catalogue(whole))
        find_file(language, "mo").write_bytes(compile_catalogue(whole))
        print("\n".join(find_faults(whole, list_sentences())) or f"{find_file(language)} is whole")
