"""The files of calls that a command names: files, folders, patterns, archives and the standard input."""

from __future__ import annotations

import glob
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from flexlib.addresses import compose_text, hide_email
from flexlib.errors import BadFile, BadParameter
from flexlib.formats import format_number, is_utf8
from flexlib.i18n import _
from flexlib.refusals import explain_refusal
from flexlib.sources.files.kinds import COMPRESSIONS, KINDS, check_file, name_kind

STDIN = "-"

MOST_UNPACKED = 8 << 30
"""Bytes that one archive may become: forty million rows; what becomes more was made to fill a disk."""
MOST_MEMBERS = 10_000
"""Files in one archive: a file an hour for a year; listing more takes longer than reading them."""

PIECE = 1 << 20


EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.(?!(?:csv|tsv|jsonl?|ndjson|parquet|zip|gz|zst|bz2)\b)[\w-]+)*")
"""An e-mail in a file's name, without how that ends."""


def hide_emails(name: str) -> str:
    """The name of a file with an opaque key for each e-mail in it.

    >>> hide_emails("may/ana@empresa.cl.csv")
    'may/email-cbead2e8e0f0a9348c7e7157.csv'
    """
    # Disks may keep an accent apart from its letter, where no e-mail would be found.
    return EMAIL.sub(lambda one: hide_email(one[0]), compose_text(name)) if "@" in name else name


@dataclass(frozen=True)
class InputFile:
    """A file of calls."""

    path: Path
    """Where it can be read."""
    name: str
    """What it is called in sentences and certificates: `usage.csv`, in a folder `may/usage.csv`, in an archive
    `exports.zip/usage.csv`; e-mails in it are opaque keys."""
    given: str = ""
    """Its path as whoever gave it knows it, where it is read from a copy."""
    is_named: bool = True
    """Whether the command names it, and not a folder, a pattern or an archive that it is in."""

    def __post_init__(self) -> None:
        if not is_utf8(f"{self.path}{self.name}"):
            raise BadFile(_("{name} has a name that is not in UTF-8; rename it.").format(name=self.name))
        object.__setattr__(self, "name", hide_emails(self.name))


@dataclass(frozen=True)
class InputFiles:
    """What the paths of a command stand for."""

    files: list[InputFile]
    """In the order of the paths, those of a folder by name; none twice."""
    others: list[str]
    """Files in folders, patterns and archives whose names do not end like a file of calls."""


def find_files(
    paths: Sequence[str],
    scratch: Path,
    *,
    format_name: str | None = None,
    stdin: BinaryIO | None = None,
    skipped: Path | None = None,
) -> InputFiles:
    """The files that `paths` stand for; what comes out of an archive or `stdin` is put into `scratch`.

    A folder stands for all files below it whose names end like a file of calls, but hidden ones and those in `skipped`;
    `-` for `stdin`, whose format its first bytes tell where `format_name` does not. Raises `BadFile` where there is
    nothing, and `BadParameter` for `-` given twice.
    """
    if list(paths).count(STDIN) > 1:
        raise BadParameter(_("- is the standard input, which is read once; give it once."))
    found: dict[Path, InputFile] = {}
    others: list[str] = []
    for path in paths:
        if path == STDIN:
            listed: Iterable[InputFile] = [_keep_stdin(stdin, scratch, format_name)]
        else:
            listed = _find_named(path, skipped)
        for file in listed:
            if file.path.name.lower().endswith(".zip"):
                for member in _unpack(file, scratch / str(len(found)), others):
                    found.setdefault(member.path, member)
            elif path == STDIN or file.path == Path(path) or name_kind(file.name):
                found.setdefault(file.path.resolve(), file)
            else:
                others.append(file.name)
    if not found:
        raise BadFile(
            _(
                "{paths} holds no file of calls; their names end in {kinds} or .zip, and after that some in "
                "{compressions}."
            ).format(paths=" ".join(paths), kinds=", ".join(KINDS), compressions=", ".join(COMPRESSIONS))
        )
    return InputFiles(_tell_apart(list(found.values())), others)


def _find_named(text: str, skipped: Path | None) -> Iterator[InputFile]:
    path = Path(text)
    if path.is_dir():
        yield from _walk(path, skipped)
    elif path.exists() or not glob.has_magic(text):
        if not path.exists():  # before anything is said of how it is to be read
            check_file(path)
        yield InputFile(path, path.name)
    else:
        matches = [Path(one) for one in sorted(glob.glob(text, recursive=True))]
        if not matches:
            raise BadFile(
                _("no file matches {text}; give the path of a file of calls, or of their folder.").format(text=text)
            )
        for match in matches:
            yield from _walk(match, skipped) if match.is_dir() else [InputFile(match, match.name, is_named=False)]


def _walk(folder: Path, skipped: Path | None) -> Iterator[InputFile]:
    """The files below a folder by name; hidden ones, and what flexlib itself has stored, are none of them."""
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(one for one in folders if not _is_hidden(one) and (here / one).resolve() != skipped)
        for name in sorted(names):
            if not _is_hidden(name):
                yield InputFile(here / name, (here / name).relative_to(folder).as_posix(), is_named=False)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _unpack(archive: InputFile, folder: Path, others: list[str]) -> Iterator[InputFile]:
    """The files of calls in an archive, each written into `folder`. Raises `BadFile`."""
    left, count = MOST_UNPACKED, 0
    try:
        with zipfile.ZipFile(archive.path) as opened:
            members = [one for one in opened.infolist() if not one.is_dir()]
            if len(members) > MOST_MEMBERS:
                raise BadFile(
                    _("{name} holds over {most_members} files; unpack it and import the folder.").format(
                        name=archive.name, most_members=format_number(MOST_MEMBERS)
                    )
                )
            for member in members:
                name = PurePosixPath(member.filename)
                if any(_is_hidden(part) for part in name.parts):
                    continue
                if name_kind(name.name) is None:
                    others.append(f"{archive.name}/{name}")
                    continue
                if member.flag_bits & 1:
                    raise BadFile(
                        _("{name}/{name_2} is encrypted; unpack it with its password first.").format(
                            name=archive.name, name_2=name
                        )
                    )
                target = folder / str(count) / name.name
                target.parent.mkdir(parents=True)
                with opened.open(member) as packed, open(target, "wb") as out:
                    left -= _copy(packed, out, left, archive.name)
                count += 1
                given = f"{archive.given or archive.path}/{name}"
                yield InputFile(target, f"{archive.name}/{name}", given, is_named=False)
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, ValueError) as error:
        reason = explain_refusal(error)
        if isinstance(error, NotImplementedError):
            reason = _("it is packed in a way that is not known here")
        elif isinstance(error, ValueError) and not isinstance(error, UnicodeDecodeError):
            reason = explain_refusal(zipfile.BadZipFile())
        raise BadFile(
            _("{name} cannot be unpacked ({reason}); unpack it and import the folder.").format(
                name=archive.name, reason=reason
            )
        ) from error
    if not count:
        raise BadFile(
            _("{name} holds no file of calls; their names end in {kinds}.").format(
                name=archive.name, kinds=", ".join(KINDS)
            )
        )


def _copy(packed: IO[bytes], out: BinaryIO, left: int, name: str) -> int:
    written = 0
    while piece := packed.read(PIECE):
        written += len(piece)
        if written > left:
            raise BadFile(
                _("{name} unpacks to more than {most_unpacked} GB; unpack it and import what is in it.").format(
                    name=name, most_unpacked=MOST_UNPACKED >> 30
                )
            )
        out.write(piece)
    return written


def _keep_stdin(stdin: BinaryIO | None, scratch: Path, format_name: str | None) -> InputFile:
    """The standard input as a file, since it is read more than once."""
    if stdin is None:
        raise BadParameter(_("there is no standard input to read; give the path of a file."))
    first = stdin.read(PIECE)
    if not first:
        raise BadFile(_("the standard input is empty; give the path of a file, or pipe one into the command."))
    told = _tell_format(first)
    packed = ".gz" if told.endswith(".gz") else ""
    target = scratch / f"stdin.{format_name + packed if format_name else told}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as out:
        out.write(first)
        shutil.copyfileobj(stdin, out, PIECE)
    return InputFile(target, "stdin", "stdin")


def _tell_format(first: bytes) -> str:
    """The format of what begins with these bytes, as the end of a name."""
    if first.startswith(b"PK\x03\x04"):
        return "zip"
    if first.startswith(b"PAR1"):
        return "parquet"
    if first.startswith(b"\x1f\x8b"):
        return f"{_tell_format(zlib.decompressobj(wbits=31).decompress(first, PIECE))}.gz"
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json" if text[:1] in (b"{", b"[") else "csv"


def _tell_apart(files: list[InputFile]) -> list[InputFile]:
    """Files of one name get the path that was given: else a sentence about two would name one."""
    names = [file.name for file in files]
    return [replace(file, name=file.given or str(file.path)) if names.count(file.name) > 1 else file for file in files]
