"""JSON that is no JSON lines: arrays and pages of rows, and lists inside a row, written as a line for each row.

What stands above a list (the day of a page, the model of a call) belongs to each of its elements, so that the reader of
JSON lines finds it there; where a row and a level above it have the same key, the row's own counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from flexlib.errors import BadFile
from flexlib.i18n import _, join_or
from flexlib.sources.files.codex import read_codex
from flexlib.sources.files.fields import AskedColumns
from flexlib.sources.files.files import PEEKED_LINES, report_file, walk_keys
from flexlib.sources.files.json_values import MOST_IN_VALUE, JsonValue, decode_exact, read_lines, read_values
from flexlib.sources.files.kinds import check_encoding, find_kind, open_text
from flexlib.sources.files.pages import Page, list_pages
from flexlib.sources.files.spans import read_spans

DEEPEST_LIST = 4
"""Levels of objects and lists in which rows are looked for: pages have two or three."""

READERS: dict[str, Callable[[Iterable[Any]], Iterator[dict[str, Any]]]] = {"codex": read_codex, "otel": read_spans}
"""Who makes rows of the values of a file that has none; a value that is no JSON is None."""

Row = dict[str, Any]


def list_json_rows(file: Path) -> dict[str, list[str]]:
    """The columns of the rows under each path where a file of JSON may have them; "" is each object itself.

    Told by its first objects. Raises `BadFile`.
    """
    found: dict[str, dict[str, None]] = {}
    for value in islice(_read_objects(file), PEEKED_LINES):
        for path in _list_paths(value.value):
            keys = found.setdefault(path, {})
            for levels, lengths in islice(_descend(value.value, _split_path(path)), PEEKED_LINES):
                keys |= dict.fromkeys(walk_keys(_merge(levels)) if all(lengths) else ())
    return {path: list(keys) for path, keys in found.items()}


def write_json_lines(file: Path, asked: AskedColumns, folder: Path) -> tuple[Path, list[Page]]:
    """The file itself where its format gives a line for each row, else one in `folder` that does; and its pages, if it
    has any. Raises `BadFile`."""
    kind, pages = find_kind(file), list[Page]()
    if kind not in ("json", "jsonl"):
        return file, pages
    target = folder / f"{file.stem}.jsonl"
    if asked.reader:
        rows = READERS[asked.reader](value.value for value in _read_objects(file))
        return _write_lines(target, (json.dumps(row, ensure_ascii=False) for row in rows), file), pages
    if any("+" in column for column in asked.columns):
        asked = asked.split_sums({column for columns in list_json_rows(file).values() for column in columns})
    _check_indexes(file, asked.columns)
    path = asked.rows_path or _find_deepest(file, asked.columns)
    if not path:
        path = _choose_path(file, asked.needed, has_lines=kind == "jsonl")
    if kind == "jsonl" and not path:
        return file, pages
    return _write_lines(target, _write_rows(file, path, asked, pages), file), pages


def _write_lines(target: Path, lines: Iterable[str], file: Path) -> Path:
    with open(target, "w", encoding="utf-8") as out:
        out.writelines(f"{text}\n" for text in lines)
        if not out.tell():
            raise BadFile(_("{name} holds no rows; export it again.").format(name=file.name))
    return target


def _write_rows(file: Path, path: str, asked: AskedColumns, pages: list[Page]) -> Iterator[str]:
    """The rows as lines; what pages there are, and whether more follow, is added to `pages`."""
    steps = _split_path(path)
    if steps is None:
        raise BadFile(_("{name}: {path!r} is no path to rows; write one that ends in a list, such as data[].")
            .format(name=file.name, path=path))  # fmt: skip
    listed = [column for column in asked.columns if "[]" in column]
    unknown, depth = [column for column in asked.columns if column in asked.counts][:1], len(sum(steps, []))
    for value in _read_objects(file):
        if not steps or not isinstance(value.value, dict):
            yield value.text if "\n" not in value.text else json.dumps(value.value, ensure_ascii=False)
            continue
        pages += list_pages(value.value, steps, asked, len(pages) + 1)
        for levels, lengths in _descend(value.value, steps):
            _check_counts(file, path, asked.counts, levels, lengths)
            row = _merge(levels)
            if not all(lengths) and not (asked.tells_empty and asked.begins in row):
                continue
            if isinstance(row, dict):
                row |= {column: _find_listed(levels, column) for column in listed}
                row |= {one: f"{path} is no list" for one in unknown if len(lengths) < depth and one not in row}
            yield json.dumps(row, ensure_ascii=False)


def _read_objects(file: Path) -> Iterator[JsonValue]:
    """The values of a file of JSON, of an array at its top the elements; a line of JSON lines that is none as it is."""
    with report_file(file):
        check_encoding(file)
        if not _has_lines(file):
            with open_text(file, errors="strict") as text:
                yield from read_values(file, text)
            return
        with open_text(file, errors="strict") as lines:
            for line in filter(None, map(str.strip, read_lines(file, lines))):
                try:
                    yield JsonValue(decode_exact(line), line)
                except ValueError:
                    yield JsonValue(None, line)


def _has_lines(file: Path) -> bool:
    """Whether its rows are lines: then one that is broken is a row that cannot be taken, and the others are."""
    if find_kind(file) == "jsonl":
        return True
    with open_text(file) as text:
        lines = iter(lambda: text.readline(MOST_IN_VALUE), "")
        first, second = ([*islice(filter(str.strip, lines), 2)] + ["", ""])[:2]
    try:
        return isinstance(decode_exact(first), dict) and second.lstrip().startswith("{")
    except ValueError:
        return False


def _check_indexes(file: Path, columns: Iterable[str]) -> None:
    known: set[str] | None = None
    for column in columns:
        if any(key.isdecimal() for key in column.split(".")):
            known = known or {key for keys in list_json_rows(file).values() for key in keys}
            if column not in known:
                row = re.sub(r"\.\d+(?=\.|$)", "[]", column)
                raise BadFile(_("{name}: {column!r} takes one element of a list, and the others' would be lost; write "
                    "{row!r}, which takes each as a row.").format(name=file.name, column=column, row=row))  # fmt: skip


def _find_deepest(file: Path, columns: Iterable[str]) -> str:
    """The list whose elements are the rows, as columns such as `r[].input` say it; "" where none does."""
    paths = sorted({column[: column.rindex("[]") + 2] for column in columns if "[]" in column}, key=len)
    for path in paths:
        if not paths[-1].startswith(path):
            raise BadFile(_("{name}: a row is an element of {path} or of {paths}, not of both; name one list.")
                .format(name=file.name, path=path, paths=paths[-1]))  # fmt: skip
    return paths[-1] if paths else ""


def _choose_path(file: Path, needed: frozenset[str], *, has_lines: bool) -> str:
    """The one place whose rows have all that is asked for. Raises `BadFile` where several have. A line of JSON lines is
    a row itself, unless only the lists in it have that: then it is a page."""
    found = list_json_rows(file)
    if has_lines and (needed <= {*found.get("", ())} or not any(needed <= {*one} for one in found.values())):
        return ""
    fits = [path for path, columns in found.items() if needed <= set(columns)]
    fits = [path for path in fits if not any(path != other and path.startswith(other) for other in fits)]
    lists = [path for path in found if path]
    if len(fits) == 1 or not lists:
        return fits[0] if fits else ""
    if not fits and len(lists) == 1 and len([*islice(_read_objects(file), 2)]) == 1:
        return lists[0]  # the reader then says which column is missing
    if not fits and len([*islice(_read_objects(file), 2)]) == 2:
        return ""
    choice = join_or(f"{path} ({', '.join(found[path][:12])})" for path in fits or lists)
    raise BadFile(_("{name} may have its rows in {choice}; say which: --rows-path {fits}.")
        .format(name=file.name, choice=choice, fits=(fits or lists)[0]))  # fmt: skip


def _list_paths(value: object, path: str = "", depth: int = 0) -> Iterator[str]:
    """ "" and the path of every list of objects."""
    if not isinstance(value, dict) or depth > DEEPEST_LIST:
        return
    if not path or path.endswith("[]"):
        yield path
    for key, below in value.items():
        if "." in key or "[]" in key:
            continue
        inside = f"{path}.{key}" if path else key
        if isinstance(below, dict):
            yield from _list_paths(below, inside, depth + 1)
        elif isinstance(below, list):
            paths = (one for element in below[:PEEKED_LINES] for one in _list_paths(element, f"{inside}[]", depth + 1))
            yield from dict.fromkeys(paths)


def _split_path(path: str) -> list[list[str]] | None:
    """The keys that lead to each list of the path; None where it does not end in a list."""
    path = path.removeprefix("[]").lstrip(".")
    *lists, rest = path.split("[]")
    return None if rest else [one.lstrip(".").split(".") for one in lists]


def _descend(value: Any, steps: list[list[str]] | None) -> Iterator[tuple[list[Any], list[int]]]:  # noqa: ANN401
    """Each row of a value as the objects that lead to it, itself last, with the length of each list on the way.

    What has no such list is a row itself, to be judged as one; of an empty list there is one that says nothing.
    """
    if not steps:
        yield [value], []
        return
    levels, holder = [], value
    for key in steps[0]:
        levels.append(holder)
        holder = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, list):
        yield [value], []
        return
    for element in holder or [{}]:
        for below, lengths in _descend(element, steps[1:]):
            yield levels + below, [1] * (len(levels) - 1) + [len(holder), *lengths]


def _merge(levels: list[Any]) -> Any:  # noqa: ANN401
    """A row with what stands above it; lists above are not repeated in each row."""
    if not isinstance(levels[-1], dict):
        return levels[-1]
    row: Row = {}
    for level, below in pairwise(levels):
        row |= {key: value for key, value in level.items() if not isinstance(value, list) and value is not below}
    return row | levels[-1]


def _find_listed(levels: list[Any], column: str) -> Any:  # noqa: ANN401
    """The value of a column such as `r[].input`: of the level that has as many lists above it."""
    depth = _find_owner(levels, column) or 0
    value = levels[depth] if depth < len(levels) else None
    for key in column.split("[]")[-1].lstrip(".").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _check_counts(file: Path, path: str, counts: Iterable[str], levels: list[Any], lengths: list[int]) -> None:
    """A count above a list of several rows would count once for each of them: `BadFile`."""
    for column in counts:
        owner = _find_owner(levels, column)
        if owner is not None and max(lengths[owner:], default=1) > 1:
            raise BadFile(_("{name}: {column!r} stands above the rows of {path} and would count once for each of them; "
                "name the column of the rows.").format(name=file.name, column=column, path=path))  # fmt: skip


def _find_owner(levels: list[Any], column: str) -> int | None:
    """The place of the level whose value the row has; None where none has."""
    if "[]" in column:
        return sum(len(path.lstrip(".").split(".")) for path in column.split("[]")[:-1])
    keys = {column, column.split(".")[0]}
    places = range(len(levels) - 1, -1, -1)
    return next((place for place in places if isinstance(levels[place], dict) and keys & levels[place].keys()), None)
