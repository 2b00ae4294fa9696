"""Answers kept under a hash of all that they are made of, so that whoever asks the same again has them at once.

Why none is ever stale: an answer is looked up by its question alone, and the question has everything in it that the
answer depends on: the SHA-256 of each file's bytes, which every load computes anew, the SQL, what the zone's clocks
show, the prices and rates, and flexlib's own code with its libraries. Where any of these is another, so is the
question, and the old answer is never found again. Nothing is looked up by the name of a month, so nothing has to be
thrown away when a month is stored; what nobody asks for is the first to go once there is too much.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flexlib.formats import clean_text
from flexlib.i18n import _
from flexlib.setting_values import CACHE_OFF, hide_password
from flexlib.store.cache_files import MOST_BYTES, AnswerFiles, AnswerStore
from flexlib.store.row_hash import is_still

WORTH = 2 * 2**20
"""Bytes of rows below which nothing is kept: they are summed sooner than an answer is looked up."""
LARGEST = MOST_BYTES // 16
"""Bytes of an answer above which it is not kept: it would drive out all others."""
LIBRARIES = ("duckdb", "narwhals", "pyarrow", "pandas", "genai-prices")
"""Whose versions are in every question: what they compute, or know, is in the answers."""
STARTED = time.time_ns()
"""A file of code that was changed since is not the one that this process runs by, as that of a dashboard that goes on
while flexlib is installed anew."""

EMAIL = re.compile(r"@[\w.-]*\.[^\W\d]{2,}")
"""What makes a text one that may hold an e-mail address; the version in `claude-3-5-haiku@20241022` is none."""

AWAY_SECONDS = 30.0
"""For which a place that failed is not asked again: each question would wait for it."""

_chosen: str | None = None
_open: dict[str, AnswerStore | None] = {}
_away: dict[str, float] = {}
_told: set[str] = set()


def choose_cache(url: str | None) -> None:
    """Says for this process where answers are kept: at the URL of a Redis; None: in files in the data folder; `off`:
    nowhere."""
    global _chosen  # noqa: PLW0603 (as the language is)
    _chosen = url


def is_off() -> bool:
    """Whether nothing is kept, as the settings say."""
    return _chosen == CACHE_OFF


@dataclass(frozen=True)
class Basis:
    """All that an answer is made of, besides what is asked."""

    root: Path
    """The data folder."""
    files: tuple[tuple[Path, str], ...]
    """The files of rows, and the SHA-256 of the bytes that each had in this load."""
    size: int
    """How many bytes those have."""
    rest: str = ""
    """What else decides what is read from them, exact and in full."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the files still are those that were hashed; one that is gone, or cannot be read any more, is not."""
        try:
            return all(is_still(file, sha256) for file, sha256 in self.files)
        except OSError:
            return False


def join_bases(bases: Sequence[Basis]) -> Basis:
    """What something is made of that is made of all of these."""
    first = bases[0]
    files = tuple(file for one in bases for file in one.files)
    rest = json.dumps([(len(one.files), one.rest) for one in bases])
    return Basis(first.root, files, sum(one.size for one in bases), rest)


def recall(basis: Basis | None, question: object, answer: Callable[[], Any]) -> Any:  # noqa: ANN401
    """What `answer` gives: plain values, Decimals, days, and lists and dictionaries of these; kept from an earlier time
    where it is. `basis`: None of what cannot be named in full, which is not kept; `question`: what is asked of it, of
    plain values. An answer that may hold an e-mail address is not kept."""
    if basis is None:
        return answer()
    found = find_answer(basis, question)
    if found is None:
        found = answer()
        keep_answer(basis, question, found)
    return found


def find_answer(basis: Basis, question: object) -> Any:  # noqa: ANN401
    """What was kept for the question, see `recall`; None where nothing is."""
    store = open_store(basis.root) if basis.size >= WORTH and _name_code() else None
    if store is None:
        return None
    name = _name_question(basis, question)
    content = _try(store, lambda: store.read(name))
    if content is None:
        return None
    if (body := _check(content, name)) is None:
        _tell(_("An answer in {place} is damaged; it is computed anew.").format(place=store.place))
        return None
    return json.loads(body, object_hook=_read_exact)["answer"]


def keep_answer(basis: Basis, question: object, answer: Any) -> None:  # noqa: ANN401
    """Keeps the answer to the question, see `recall`, where the files are still what they were when it was asked."""
    store = open_store(basis.root) if basis.size >= WORTH and _name_code() else None
    if store is None or not basis.is_unchanged:
        return
    name = _name_question(basis, question)
    body = json.dumps({"name": name, "answer": answer}, default=_write_exact, allow_nan=False, ensure_ascii=False)
    content = f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}".encode()
    if len(content) <= LARGEST and not EMAIL.search(body):
        _try(store, lambda: store.write(name, content))


def open_store(root: Path) -> AnswerStore | None:
    """Where answers over the data folder `root` are kept; None where nowhere."""
    if is_off():
        return None
    key = _chosen or str(root)
    if key in _away and time.monotonic() >= _away[key]:
        del _away[key]
        _open.pop(key, None)
    if key not in _open:
        _open[key] = _open_redis(_chosen) if _chosen else AnswerFiles.open(root)
    return _open[key]


def _open_redis(url: str) -> AnswerStore | None:
    try:
        from flexlib.store.cache_redis import AnswerRedis
    except ImportError:
        _tell(_("Redis is not installed, so that no answers are kept; run: pip install 'flexlib[redis]'"))
        return None
    return AnswerRedis(url, hide_password(url))


def _try(store: AnswerStore, act: Callable[[], bytes | None]) -> bytes | None:
    """What the store gives; one that fails is said to, once, and is not asked for a while."""
    try:
        return act()
    except store.failures as error:
        for key in [key for key, one in _open.items() if one is store]:
            _open[key], _away[key] = None, time.monotonic() + AWAY_SECONDS
        why = type(error).__name__
        _tell(_("{place} keeps no answers now ({why}): they are computed.").format(place=store.place, why=why))
        return None


def _check(content: bytes, name: str) -> str | None:
    """The body of what was kept; None where it is damaged, or of another question."""
    digest, _end, body = content.partition(b"\n")
    is_whole = hashlib.sha256(body).hexdigest().encode() == digest
    text = body.decode() if is_whole else ""
    return text if text.startswith(json.dumps({"name": name})[:-1]) else None


def _name_question(basis: Basis, question: object) -> str:
    """The hash of all that the answer depends on. Raises `TypeError` where something in it has no exact text."""
    hashes = [sha256 for _file, sha256 in basis.files]
    text = json.dumps([_name_code(), hashes, basis.rest, question], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _name_code() -> str | None:
    """The hash of flexlib's code, its own data and the versions of its libraries: no number that somebody forgets to
    raise. None where they cannot be told, or are others than this process runs by, so that nothing is kept."""
    house, loaded = Path(__file__).parents[1], sys.modules
    try:
        modules = {one: loaded.get(one.replace("-", "_")) for one in LIBRARIES}
        libraries = " ".join(f"{one} {getattr(it, '__version__', None) or version(one)}" for one, it in modules.items())
        files = sorted((*house.rglob("*.py"), *(house / "data").rglob("*.*")))
        code = {file: file.read_bytes() for file in files if file.stat().st_ctime_ns <= STARTED}
    except (PackageNotFoundError, OSError):
        return None
    digest = hashlib.sha256(libraries.encode())
    for file, content in code.items():
        digest.update(f"\n{file.relative_to(house).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest() if Path(__file__) in code and len(code) == len(files) else None


def _tell(sentence: str) -> None:
    """Says it on stderr, once in a process."""
    if sentence not in _told:
        _told.add(sentence)
        print(clean_text(f"flexlib: {sentence}"), file=sys.stderr)


def _write_exact(value: object) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    raise TypeError(f"{type(value).__name__} is not kept")


READERS: dict[str, Callable[[str], object]] = {
    "$decimal": Decimal,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
}
"""How values are read that JSON has none of."""


def _read_exact(members: dict[str, Any]) -> Any:  # noqa: ANN401
    if len(members) == 1 and (name := next(iter(members))) in READERS:
        return READERS[name](members[name])
    return members
