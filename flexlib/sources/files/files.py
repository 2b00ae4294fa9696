"""Files of calls as text: every value of a CSV or of JSON lines as it stands there, with its line; nothing guessed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.sources.files.json_values import decode_exact, find_suspects, judge_line, read_lines
from flexlib.sources.files.kinds import check_encoding, check_quotes, explain_file, find_kind, open_text

DELIMITERS = ",;\t|"
EXCEL_DELIMITER = re.compile(r"sep=(.)", re.IGNORECASE)
"""The first line by which Excel is told what parts the columns; it is no row."""
BLOCKS = (1 << 20, 16 << 20)
"""Bytes read at a time: Arrow reads 32 such blocks ahead, so they are small until a row is longer than one; no row may
be longer than the last."""
ABSENT = "\x1f"
"""A delimiter that no JSON text can hold: each line is then one column."""
STRADDLES = "straddling"
"""What Arrow says of a row that does not end in the block in which it begins, nor in the next."""
PEEKED_LINES = 100
NEWLINE = ord("\n")


@dataclass(frozen=True)
class _Header:
    columns: list[str]
    delimiter: str
    lines: int


def list_columns(file: Path, delimiter: str | None = None) -> list[str]:
    """The file's columns; of JSON lines the keys (and paths) of the first lines. Raises `BadFile`."""
    kind = find_kind(file)
    with report_file(file):
        if kind == "parquet":
            return list(pq.read_schema(file).names)
        check_encoding(file)
        return _read_header(file, delimiter).columns if kind == "csv" else _list_keys(file)


def read_csv(
    file: Path, columns: Mapping[str, str], delimiter: str | None = None, others: Mapping[str, str] | None = None
) -> Iterator[pa.Table]:
    """The rows of a CSV in pieces: `line`, `lines` (how many it spans), `problem` (why it cannot be read, or null),
    under each name of `columns` its text and of `others` its bytes. Blank lines are no rows. Raises `BadFile`.
    """
    with report_file(file):
        header = _read_header(file, delimiter)
        twice = [column for column in columns.values() if header.columns.count(column) > 1]
        if twice:
            said = _("{name} has more than one column {column!r}; give each a name of its own.")
            raise BadFile(said.format(name=file.name, column=twice[0]))
        places = {name: header.columns.index(column) for name, column in columns.items()}
        # What is not asked for is read as bytes: it need not be UTF-8.
        types = [pa.string() if place in places.values() else pa.binary() for place in range(len(header.columns))]
        places |= {name: header.columns.index(column) for name, column in (others or {}).items()}
        parse = arrow_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True, ignore_empty_lines=False)
        spans: dict[int, int] = {}
        for rows in _read_pieces(file, types, header.lines, parse):
            long = rows.select(["line", "lines"]).filter(pc.greater(rows["lines"], 1))
            spans |= dict(zip(long["line"].to_pylist(), long["lines"].to_pylist(), strict=True))
            texts = {name: rows[str(place)] for name, place in places.items()}
            yield pa.table({"line": rows["line"], "lines": rows["lines"], "problem": rows["problem"], **texts})
        if spans:
            csv.field_size_limit(max(BLOCKS[-1], csv.field_size_limit()))  # of the whole process
            with open_text(file) as lines:
                check_quotes(file, lines, spans, header.delimiter)


def read_jsonl(file: Path, keys: Iterable[str] = (), *, rounds: bool = False) -> Iterator[pa.Table]:
    """The lines of a file in pieces: `line`, `lines`, `problem` as `read_csv` gives them, and `text`.

    In that, numbers that no float holds are strings, unless it `rounds` them. To name one of `keys` twice in an object
    is a problem.
    """
    suspects = find_suspects(keys)
    with report_file(file):
        parse = arrow_csv.ParseOptions(delimiter=ABSENT, quote_char=False, ignore_empty_lines=False)
        for rows in _read_pieces(file, [pa.string()], 0, parse):
            rows = rows.rename_columns({"0": "text"})
            texts = rows["text"].combine_chunks()
            is_suspect = pc.fill_null(pc.match_substring_regex(texts, suspects), False)  # noqa: FBT003 - pyarrow's own
            if not rounds and pc.any(is_suspect).as_py():
                judged = [judge_line(text) for text in texts.filter(is_suspect).to_pylist()]
                for place, name in enumerate(("text", "problem")):
                    told = pa.array([one[place] for one in judged], pa.string())
                    column = pc.replace_with_mask(rows[name].combine_chunks(), is_suspect, told)
                    rows = rows.set_column(rows.column_names.index(name), name, column)
            yield rows


def find_lines(file: Path, spans: Mapping[int, int]) -> dict[int, str]:
    """The raw text that begins at each line of `spans`, as many lines as it says. Raises `BadFile`."""
    owners = {line + offset: line for line, length in spans.items() for offset in range(length)}
    found = dict.fromkeys(spans, "")
    with report_file(file), open_text(file) as lines:
        for number, text in enumerate(lines, start=1):
            if number in owners:
                found[owners[number]] += text
    return {line: text.rstrip("\n") for line, text in found.items()}


@contextmanager
def report_file(file: Path) -> Iterator[None]:
    """Turns what a reader says of a broken file into `BadFile`: one sentence with what to do."""
    try:
        yield
    except (OSError, pa.ArrowInvalid, csv.Error, EOFError, UnicodeDecodeError) as error:
        raise BadFile(explain_file(file, error, BLOCKS[-1] >> 20, is_too_long=STRADDLES in str(error))) from error


def _read_pieces(file: Path, types: list[Any], skipped: int, parse: arrow_csv.ParseOptions) -> Iterator[pa.Table]:
    """Columns named by their place, and `line`, `lines`, `problem`; rows of another width have a problem only."""
    given = 0
    for block in BLOCKS:
        try:
            for piece in _read_blocks(file, types, skipped, parse, block):
                new = piece.filter(pc.greater(piece["line"], given)) if block != BLOCKS[0] else piece
                given = pc.max(new["line"]).as_py() or given
                yield new
            return
        except pa.ArrowInvalid as error:
            if STRADDLES not in str(error) or block == BLOCKS[-1]:
                raise


def _read_blocks(
    file: Path, types: list[Any], skipped: int, parse: arrow_csv.ParseOptions, block: int
) -> Iterator[pa.Table]:
    names = [str(place) for place in range(len(types))]
    broken: dict[int, tuple[int, int]] = {}

    def note_broken(row: Any) -> str:  # noqa: ANN401 - pyarrow's InvalidRow has no types
        broken[row.number - skipped] = (row.text.count("\n"), row.actual_columns)
        return "skip"

    parse.invalid_row_handler = note_broken
    reader = arrow_csv.open_csv(
        pa.input_stream(str(file), compression="detect"),
        # Rows are numbered by one thread only.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=block, column_names=names, skip_rows=skipped),
        parse_options=parse,
        convert_options=arrow_csv.ConvertOptions(column_types=dict(zip(names, types, strict=True))),
    )
    row, line = 0, skipped
    for batch in reader:
        piece, row, line = _number_rows(pa.Table.from_batches([batch]), broken, row, line)
        yield piece
    last = pa.table({name: pa.array([], kind) for name, kind in zip(names, types, strict=True)})
    yield _number_rows(last, broken, row, line)[0]


def _number_rows(rows: pa.Table, broken: dict[int, tuple[int, int]], row: int, line: int) -> tuple[pa.Table, int, int]:
    """`rows` that follow after `row` and `line`, with the broken ones that stand among them; and the last of both."""
    ahead = np.array(sorted(broken), np.int64)
    numbers = np.arange(row + 1, row + 1 + len(rows) + len(ahead))
    is_whole = ~np.isin(numbers, ahead)
    # The reader reads ahead: what is broken behind the next whole row belongs to a later piece.
    end = next(iter(np.flatnonzero(is_whole)[len(rows) :]), len(numbers))
    numbers, is_whole = numbers[:end], is_whole[:end]
    spans = np.ones(len(numbers), np.int64)
    spans[is_whole] += _count_newlines(rows)
    mine = [int(number) for number in numbers[~is_whole]]
    spans[~is_whole] += np.array([broken[number][0] for number in mine], np.int64)
    starts = line + 1 + np.cumsum(spans) - spans
    width = rows.num_columns
    widths = [broken.pop(number)[1] for number in mine]
    told = [f"{found} column{'s' * (found != 1)} where the header has {width}" for found in widths]
    problems = pa.array(told, pa.string())
    whole = rows.append_column("line", pa.array(starts[is_whole])).append_column("lines", pa.array(spans[is_whole]))
    whole = whole.append_column("problem", pa.nulls(len(rows), pa.string()))
    if pc.any(is_blank := _find_blank(rows)).as_py():
        whole = whole.filter(pc.invert(is_blank))
    others = pa.table({"line": starts[~is_whole], "lines": spans[~is_whole], "problem": problems})
    piece = pa.concat_tables([whole, others], promote_options="default")
    return piece, row + len(numbers), line + int(spans.sum())


def _count_newlines(rows: pa.Table) -> Any:  # noqa: ANN401 - an array of numpy
    counts = np.zeros(len(rows), np.int64)
    for column in rows.columns:
        texts = column.combine_chunks()
        bytes_of_all = texts.buffers()[2]
        if bytes_of_all and (np.frombuffer(bytes_of_all, np.uint8) == NEWLINE).any():  # few columns have any
            counts += pc.count_substring(texts, "\n").to_numpy()
    return counts


def _find_blank(rows: pa.Table) -> pa.ChunkedArray:
    is_blank = pc.equal(pc.binary_length(rows.column(0)), 0)
    for column in rows.columns[1:]:
        if not pc.any(is_blank).as_py():
            break
        is_blank = pc.and_(is_blank, pc.equal(pc.binary_length(column), 0))
    return is_blank


def _read_header(file: Path, delimiter: str | None) -> _Header:
    with open_text(file) as lines:
        every = read_lines(file, lines)
        first = next(every, "")
        said = EXCEL_DELIMITER.fullmatch(first.rstrip("\n"))
        first = next(every, "") if said else first
    chosen = delimiter or (said[1] if said else max(DELIMITERS, key=first.count))
    with open_text(file, newline="") as lines:
        above = 1 if said else 0
        reader = csv.reader(islice(lines, above, None), delimiter=chosen)
        columns = [column.strip() for column in next(reader, [])]
        if not any(columns):
            raise BadFile(_("{name} begins with no line of column names; add one.").format(name=file.name))
        return _Header(columns, chosen, above + reader.line_num)


def _list_keys(file: Path) -> list[str]:
    keys: dict[str, None] = {}
    with open_text(file) as lines:
        for __, text in zip(range(PEEKED_LINES), read_lines(file, lines), strict=False):
            try:
                keys |= dict.fromkeys(walk_keys(decode_exact(text)))
            except ValueError:
                continue  # the line is judged, and quarantined, when the rows are read
    return list(keys)


def walk_keys(value: object, path: str = "") -> Iterator[str]:
    """The path of every value in an object, down to lists."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from walk_keys(below, f"{path}.{key}" if path else key)
    elif path:
        yield path
