"""What kind of file it is, by its name, and whether its text is one that is read."""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow as pa

from flexlib.errors import BadFile

__all__ = ["check_encoding", "find_kind"]

KINDS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
COMPRESSIONS = (".gz", ".zst", ".bz2")


def find_kind(file: Path) -> str:
    """`csv`, `jsonl` or `parquet`, by the suffix. Raises `BadFile` when it is another or the file is not there."""
    if not file.is_file():
        raise BadFile(f"{file} is not a file that is there; give the path of a CSV, JSON lines or Parquet of calls.")
    suffix = file.suffix.lower()
    is_packed = suffix in COMPRESSIONS
    kind = KINDS.get(Path(file.stem).suffix.lower() if is_packed else suffix)
    if kind is None or (is_packed and kind == "parquet"):
        raise BadFile(
            f"{file.name} does not end like a file of calls; it must end in {', '.join(KINDS)}, "
            f"and after that, but for Parquet, it may end in {', '.join(COMPRESSIONS)}."
        )
    return kind


def check_encoding(file: Path) -> None:
    """Raises `BadFile` when the text is UTF-16, as some spreadsheets save it."""
    with pa.input_stream(str(file), compression="detect") as stream:
        start = stream.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in start:
        raise BadFile(f"{file.name} is UTF-16; save it as UTF-8.")
