"""Which kind of file holds the calls, by its name, and its text unpacked."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import Any

import pyarrow as pa

from flexlib.errors import BadFile

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".json": "json",
}
COMPRESSIONS = (".gz", ".zst", ".bz2")


def find_kind(file: Path) -> str:
    """`csv`, `json`, `jsonl` or `parquet`, by the suffix. Raises `BadFile` when it is another or there is no file."""
    if not file.is_file():
        raise BadFile(
            f"{file} does not exist, or is not a file; give the path of a CSV, JSON lines or Parquet of calls."
        )
    kind = name_kind(file.name)
    if kind is None:
        raise BadFile(
            f"{file.name} does not end like a file of calls; it must end in {', '.join(KINDS)}, "
            f"and after that, but for Parquet, it may end in {', '.join(COMPRESSIONS)}."
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
        raise BadFile(f"{file.name} is UTF-16; save it as UTF-8.")


def open_text(file: Path, newline: str | None = None, errors: str = "replace") -> io.TextIOWrapper:
    """The text of a file, unpacked as its name says."""
    stream: Any = pa.input_stream(str(file), compression="detect")
    return io.TextIOWrapper(stream, "utf-8-sig", errors=errors, newline=newline)
