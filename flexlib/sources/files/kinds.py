"""Which kind of file holds the calls, by its name, and its text unpacked, without a quote that swallows rows."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.refusals import explain_refusal

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".json": "json",
}
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
COMPRESSIONS = (".gz", ".zst", ".bz2")
BREAKS_OFF = "Truncated compressed stream"
"""What Arrow says of a packed file that ends too soon."""


def explain_broken(file: Path, *, is_utf8: bool, is_too_long: bool) -> str:
    """What is wrong with a file called `{name}`, for `{reason}`, and what to do, in a sentence."""
    if not is_utf8:
        said = _("{name} cannot be read: line {line} is not UTF-8 text; save the file as UTF-8 (iconv -f latin1 -t "
                 "utf-8 {name} > ...).")  # fmt: skip
        return said.format(name="{name}", line=_find_undecodable(file))
    if is_too_long:
        return _(
            "{name} cannot be read ({reason}); a quote is not closed, or a row is longer than {most} MB: fix it first."
        )
    return _("{name} cannot be read ({reason}); fix it and import it again.")


def explain_reader(error: Exception) -> str:
    """Why a file cannot be read, within a sentence; what Arrow says of it is quoted as its own."""
    if str(error).startswith(BREAKS_OFF):
        error = EOFError()
    why = explain_refusal(error)
    words = (why or type(error).__name__).splitlines()[0]
    return _("its reader says “{words}”").format(words=words) if why == str(error) else why


def explain_file(file: Path, error: Exception, most: int, *, is_too_long: bool) -> str:
    """Why a file cannot be read and what to do, in a sentence; `most`: MB that a row may have."""
    is_utf8 = "UTF8" not in str(error) and not isinstance(error, UnicodeDecodeError)
    said = explain_broken(file, is_utf8=is_utf8, is_too_long=is_too_long)
    return said.format(name=file.name, reason=explain_reader(error), most=most)


def _find_undecodable(file: Path) -> int:
    """The first line of a file that is not UTF-8."""
    stream: Any = pa.input_stream(str(file), compression="detect")
    with io.BufferedReader(stream) as lines:
        for number, line in enumerate(lines, start=1):
            if line.decode("utf-8", "replace").encode() != line:
                return number
    return 1


def check_file(file: Path) -> None:
    """Raises `BadFile` when it is not there."""
    if not file.is_file():
        said = _("{file} does not exist; give the path of a file or folder.")
        if file.exists():
            said = _("{file} is not a file; give the path of a file or folder.")
        raise BadFile(said.format(file=file))


def find_kind(file: Path) -> str:
    """`csv`, `json`, `jsonl` or `parquet`, by the suffix. Raises `BadFile` when it is another or there is no file."""
    check_file(file)
    kind = name_kind(file.name)
    if kind is None and file.suffix.lower() in WORKBOOKS:
        said = _("{name} is a workbook, of whose sheets none is read; save the one that holds the rows as CSV UTF-8.")
        raise BadFile(said.format(name=file.name))
    if kind is None:
        raise BadFile(
            _(
                "{name} does not end like a file of calls; it must end in {kinds}, and after that, but for "
                "Parquet, it may end in {compressions}."
            ).format(name=file.name, kinds=", ".join(KINDS), compressions=", ".join(COMPRESSIONS))
        )
    return kind


def name_kind(name: str) -> str | None:
    """The kind of a file by how its name ends; None where it does not end like a file of calls.

    >>> name_kind("usage.json.gz"), name_kind("notes.txt")
    ('json', None)
    """
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    is_packed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = KINDS.get(suffixes[-2] if is_packed and len(suffixes) > 1 else "".join(suffixes[-1:]))
    return None if is_packed and kind == "parquet" else kind


def check_encoding(file: Path) -> None:
    """Raises `BadFile` when the text is UTF-16, as some spreadsheets save it."""
    with pa.input_stream(str(file), compression="detect") as stream:
        start = stream.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in start:
        raise BadFile(_("{name} is UTF-16; save it as UTF-8.").format(name=file.name))


def open_text(file: Path, newline: str | None = None, errors: str = "replace") -> io.TextIOWrapper:
    """The text of a file, unpacked as its name says."""
    stream: Any = pa.input_stream(str(file), compression="detect")
    return io.TextIOWrapper(stream, "utf-8-sig", errors=errors, newline=newline)


def check_quotes(file: Path, lines: Iterable[str], spans: Mapping[int, int], delimiter: str) -> None:
    """A stray quote makes one value of all the rows up to the next one, which would be lost without a word: `BadFile`.

    `lines` are those of the file; `spans` says of how many lines each longer row is, by the first.
    """
    numbered = enumerate(lines, start=1)
    for number, text in numbered:
        if number in spans:
            rest = (next(numbered, (0, ""))[1] for _ in range(spans[number] - 1))
            _check_row(file, number, "".join([text, *rest]), delimiter)


def _check_row(file: Path, line: int, text: str, delimiter: str) -> None:
    try:
        is_row = len(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))) == 1
    except csv.Error:  # such as a letter after the quote that closes
        is_row = False
    if not is_row:
        raise BadFile(
            _(
                "{name} has a quote in line {line} that is never closed, or a stray one before the quote "
                "that closes it; fix it and import it again."
            ).format(name=file.name, line=line)
        )
