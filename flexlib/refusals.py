"""What an operating system, Python's readers and SQLite say no with, in the reader's language, and what helps."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
import zipfile
import zlib

from flexlib.i18n import Translated, _, mark_text

WORDS = {
    errno.ENOENT: mark_text("no such file or directory"),
    errno.EACCES: mark_text("permission denied"),
    errno.EPERM: mark_text("operation not permitted"),
    errno.ENOSPC: mark_text("no space left on device"),
    errno.EDQUOT: mark_text("disk quota exceeded"),
    errno.EFBIG: mark_text("file too large"),
    errno.EROFS: mark_text("read-only file system"),
    errno.EISDIR: mark_text("is a directory"),
    errno.ENOTDIR: mark_text("not a directory"),
    errno.EEXIST: mark_text("file exists"),
    errno.ENAMETOOLONG: mark_text("file name too long"),
    errno.EMFILE: mark_text("too many open files"),
    errno.ENFILE: mark_text("too many open files"),
    errno.EIO: mark_text("input/output error"),
    errno.EADDRINUSE: mark_text("address already in use"),
}
"""As Linux words them, whatever the system."""
ROOM = mark_text("make room")
GRANT = mark_text("let yourself write there")
IN_THE_WAY = mark_text("move what is in the way")
OTHERWISE = mark_text("see to the disk")
ADVICE = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: ROOM,
    errno.EACCES: GRANT,
    errno.EPERM: GRANT,
    errno.EROFS: GRANT,
    errno.ENOENT: mark_text("make the folder"),
    errno.EISDIR: IN_THE_WAY,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EEXIST: IN_THE_WAY,
    errno.ENAMETOOLONG: mark_text("shorten the name"),
    errno.EMFILE: mark_text("allow more open files (ulimit -n)"),
    errno.ENFILE: mark_text("close other programs"),
}
"""What helps where something is to be written."""

SQLITE = {
    "SQLITE_BUSY": mark_text("database is locked"),
    "SQLITE_LOCKED": mark_text("database is locked"),
    "SQLITE_PROTOCOL": mark_text("database is locked"),
    "SQLITE_NOTADB": mark_text("file is not a database"),
    "SQLITE_CORRUPT": mark_text("the file of the database is damaged"),
    "SQLITE_FULL": mark_text("no space left on device"),
    "SQLITE_READONLY": mark_text("the database may only be read"),
    "SQLITE_CANTOPEN": mark_text("the file of the database cannot be opened"),
    "SQLITE_PERM": mark_text("permission denied"),
    "SQLITE_IOERR": mark_text("disk I/O error"),
    "SQLITE_NOMEM": mark_text("out of memory"),
    "SQLITE_INTERRUPT": mark_text("it was interrupted"),
}
"""By the beginnings of SQLite's names of errors."""

BROKEN: tuple[tuple[type[Exception], str], ...] = (
    (UnicodeDecodeError, mark_text("it is not in UTF-8; save it so")),
    (zipfile.BadZipFile, mark_text("it is no zip file, or a part of one")),
    (gzip.BadGzipFile, mark_text("it is no gzip file, or a part of one")),
    (EOFError, mark_text("it is packed and breaks off before its end")),
    (zlib.error, mark_text("it is packed and breaks off before its end")),
    (csv.Error, mark_text("it is no table of CSV")),
)
"""What Python's readers refuse a file with: their own words are English, and for programmers."""


def explain_refusal(error: Exception) -> str:
    """Why, within a sentence; of an error that is neither the system's nor a reader's its own words, which are ours.

    >>> explain_refusal(FileNotFoundError(2, "No such file or directory", "bill.csv"))
    'no such file or directory'
    """
    for kind, why in BROKEN:
        if isinstance(error, kind):
            return _(why)
    if isinstance(error, json.JSONDecodeError):
        said = _("it is not as JSON is written in line {line}, column {column}")
        return said.format(line=error.lineno, column=error.colno)
    if said := explain_sqlite(error):
        return said
    number = find_number(error)
    if number in WORDS:
        return _(WORDS[number])
    words = getattr(error, "strerror", None) or (os.strerror(number) if number else "")
    own = error.args[0] if len(error.args) == 1 else None
    return words.lower() or (own if isinstance(own, Translated) else str(error))


def explain_sqlite(error: BaseException) -> str:
    """Why SQLite refused, within a sentence; empty where it was not SQLite, or for a reason of which there are many."""
    name = str(getattr(error, "sqlite_errorname", ""))
    return next((_(said) for key, said in SQLITE.items() if name.startswith(key)), "")


def advise_writer(error: Exception) -> str:
    """What to do so that it can be written, within a sentence.

    >>> advise_writer(PermissionError(13, "Permission denied"))
    'let yourself write there'
    """
    return _(ADVICE.get(find_number(error), OTHERWISE))


def find_number(error: Exception) -> int:
    """The system's number of what it refused; 0 where it says none."""
    return (isinstance(error, OSError) and error.errno) or 0
