"""Which notice was claimed, and what became of it: stored before anything is sent, and never sent twice by itself."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from flexlib.deliver.due import Times
from flexlib.errors import DiskFailed, InvalidRequest
from flexlib.i18n import _, mark_text, to_english
from flexlib.refusals import explain_refusal
from flexlib.store.disk import PRIVATE, PRIVATE_FOLDER, lock_file, report_disk
from flexlib.store.outbox import Standing

NOTICES, REPORTS = "notices", "mails"
"""Folders in the data folder: of notices of budgets, and of months that are mailed."""
LISTED_BY = {NOTICES: "flexlib check", REPORTS: "flexlib send"}
"""The commands that name the keys of what is open."""
CLAIMS = "claims.sqlite"
SHORTEST_KEY = 6
BUSY = 30.0
"""Seconds that a run waits for another's transaction, which takes milliseconds."""
COLUMNS = (
    "key, channel, recipient, language, event, is_own, standing, due, state, message, changed, trouble, quiet, names"
)
TABLE = f"""CREATE TABLE IF NOT EXISTS claims ({COLUMNS.replace("key", "key TEXT PRIMARY KEY", 1)})"""
ADDED = ("quiet", "names")
"""Columns that a table of before lacks: the hours of quiet, and the ids of the messages that a claim was in."""
INDEX = "CREATE INDEX IF NOT EXISTS claims_by_state ON claims (state, channel, recipient)"


class Fate(StrEnum):
    """What became of a notice."""

    WAITING = mark_text("waiting")
    """It is not due yet, or nothing was tried."""
    UNKNOWN = mark_text("unknown")
    """Claimed, and nobody knows whether it was sent: what a run that dies leaves, and a server that does not answer."""
    SENT = mark_text("sent")
    FAILED = mark_text("failed")
    """Refused, so that it is known not to have been sent; the next run tries again."""
    SETTLED = mark_text("settled")
    """Somebody said that there is no more to do about it."""
    REPLACED = mark_text("replaced")
    """Not sent, and never to be: a later one tells what holds instead."""
    WITHDRAWN = mark_text("withdrawn")
    """Not sent, since no rule names its reader any more; told anew where one does again."""


@dataclass(frozen=True)
class Claim:
    """That one event of one budget is told to one recipient, once."""

    channel: str
    recipient: str
    language: str
    event: str
    """A percent, or an outcome."""
    standing: Standing
    due: datetime
    is_own: bool = False
    """Whether the recipient is whom the budget is of."""
    times: Times = Times()
    """Of which the hours of quiet hold whenever it is tried, also late or again."""
    names: tuple[str, ...] = ()
    """The ids of the messages that it was in."""

    @property
    def key(self) -> str:
        """The same for the same event, recipient and channel, however much is spent and whatever the language."""
        return _hash([self.channel, self.recipient, self.event, *self.standing.identity])


@dataclass(frozen=True)
class Message:
    """The notices that one recipient gets at once, under an id that follows from their keys."""

    id: str
    channel: str
    recipient: str
    language: str
    claims: tuple[Claim, ...]
    fate: Fate
    changed: datetime
    """When it was claimed, or when that became of it."""
    trouble: str = ""


class Claims:
    """The claims of a data folder; each change is on the disk when its method returns. Raises `DiskFailed`."""

    def __init__(self, root: Path, folder: str = NOTICES) -> None:
        self._file = root / folder / CLAIMS

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lets one run at a time send, so that what another one claimed is not taken for what a dead one left."""
        with report_disk(self._file.parent):
            self._file.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        with lock_file(self._file.with_name(".lock")):
            yield

    def add(self, claims: Iterable[Claim], now: datetime) -> list[Claim]:
        """Stores those that are not there yet, or were withdrawn, as waiting, and gives them."""
        new = []
        with self.change() as base:
            for one in claims:
                base.execute("DELETE FROM claims WHERE key = ? AND state = ?", (one.key, Fate.WITHDRAWN))
                told = one.channel, one.recipient, one.language, one.event, one.is_own
                stood = json.dumps(one.standing.to_json())
                quiet = one.times.write_quiet()
                row = one.key, *told, stood, _write(one.due), Fate.WAITING, None, _write(now), None, quiet, None
                if base.execute(f"INSERT OR IGNORE INTO claims VALUES ({','.join('?' * len(row))})", row).rowcount:
                    new.append(one)
                else:  # by the rules of today
                    base.execute("UPDATE claims SET quiet = ? WHERE key = ?", (quiet, one.key))
        return new

    def list_new(self, claims: Iterable[Claim]) -> list[Claim]:
        """Those that `add` would give; nothing is stored."""
        stays = {*Fate} - {Fate.WITHDRAWN}
        known = {claim.key for message in self.list_messages(*stays) for claim in message.claims}
        return [one for one in claims if one.key not in known]

    def take(self, now: datetime, of: Collection[tuple[str, str]] | None = None) -> Iterator[Message]:
        """Each message that is due, of these channels and recipients (None: of all), claimed as not known whether sent
        before it is given. What has come due, and is in its hours of quiet, as where a run was late or something failed
        before, waits for their end."""
        is_due = "state IN (?, ?) AND due <= ?"
        now_due = Fate.WAITING, Fate.FAILED, _write(now)
        with self.change() as base:
            hours = base.execute(f"SELECT DISTINCT quiet FROM claims WHERE {is_due} AND quiet IS NOT NULL", now_due)
            for (quiet,) in hours.fetchall():
                if end := Times.read_quiet(quiet).find_quiet_end(now):
                    row = _write(end), *now_due, quiet
                    base.execute(f"UPDATE claims SET due = ? WHERE {is_due} AND quiet = ?", row)
            found = base.execute(f"SELECT DISTINCT channel, recipient, language FROM claims WHERE {is_due}", now_due)
            readers = sorted(one for one in found.fetchall() if of is None or one[:2] in of)
        for reader in readers:
            is_theirs = f"channel = ? AND recipient = ? AND language = ? AND {is_due}"
            with self.change() as base:
                rows = base.execute(f"SELECT key FROM claims WHERE {is_theirs} ORDER BY key", (*reader, *now_due))
                name = _hash([key for (key,) in rows.fetchall()])
                base.execute(
                    "UPDATE claims SET state = ?, message = ?, changed = ?, trouble = NULL, "
                    f"names = trim(coalesce(names, '') || ' ' || ?) WHERE {is_theirs}",
                    (Fate.UNKNOWN, name, _write(now), name, *reader, *now_due),
                )
            yield from (one for one in self.list_messages(Fate.UNKNOWN) if one.id == name)

    def mark(self, message: Message, fate: Fate, now: datetime, trouble: str = "") -> Message:
        """Stores what became of a message, its trouble in English, and gives it so."""
        with self.change() as base:
            row = fate, _write(now), to_english(trouble) or None
            change = "UPDATE claims SET state = ?, changed = ?, trouble = ? WHERE key = ?"
            base.executemany(change, [(*row, one.key) for one in message.claims])
        return replace(message, fate=fate, changed=now, trouble=trouble)

    def list_messages(self, *fates: Fate) -> list[Message]:
        """The messages of these fates, in the order of their recipients; nothing is made where nothing is."""
        if not self._file.exists():
            return []
        marks = ",".join("?" * len(fates))
        with self.open() as base:
            if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'claims'").fetchall():
                return []
            which = f"state IN ({marks}) ORDER BY channel, recipient, message, key"
            rows = base.execute(f"SELECT {COLUMNS} FROM claims WHERE {which}", fates).fetchall()
        found: dict[tuple[str, ...], Message] = {}
        for __, channel, to, language, event, own, standing, due, state, name, changed, trouble, quiet, names in rows:
            stood, times = Standing.from_json(json.loads(standing)), Times.read_quiet(quiet) if quiet else Times()
            moment, told = datetime.fromisoformat(due), tuple((names or "").split())
            claim = Claim(channel, to, language, event, stood, moment, bool(own), times, told)
            key = name or "", channel, to, language, state, "" if name else due
            claims = (*(found[key].claims if key in found else ()), claim)
            said = Fate(state), datetime.fromisoformat(changed), trouble or ""
            found[key] = Message(name or name_message(claims), channel, to, language, claims, *said)
        return list(found.values())

    def find_open(self, key: str) -> Message:
        """The one message, not known to be sent, whose id begins so; of one that has become a part of a larger one,
        since it was tried again, that part. Raises `InvalidRequest`."""
        found: dict[str, list[Message]] = {}
        for message in self.list_messages(Fate.UNKNOWN, Fate.FAILED):
            for name in {message.id, *(name for one in message.claims for name in one.names)}:
                if name.startswith(key.lower()):
                    claims = tuple(one for one in message.claims if name in (message.id, *one.names))
                    found.setdefault(name, []).append(replace(message, claims=claims))
        if len(key) < SHORTEST_KEY or [len(one) for one in found.values()] != [1]:
            said = _("{key} is the key of no single notice whose fate is open; {command} lists them.")
            raise InvalidRequest(said.format(key=key, command=LISTED_BY[self._file.parent.name]))
        return next(iter(found.values()))[0]

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction; the file is made if need be, for its owner alone."""
        folder = self._file.parent
        with report_disk(folder):
            folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_RDWR | os.O_CREAT, PRIVATE))
        with self.open() as base:
            base.execute("PRAGMA synchronous = EXTRA")  # a claim outlives a power cut
            base.execute("BEGIN IMMEDIATE")
            base.execute(TABLE)
            base.execute(INDEX)
            yield base
            base.execute("COMMIT")

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """The file as it is, which has to be there; what is stored goes through `change`."""
        base = None
        try:
            base = sqlite3.connect(self._file, timeout=BUSY, isolation_level=None)
            there = {name for _other, name, *_other in base.execute("PRAGMA table_info(claims)").fetchall()}
            for name in ADDED if there else ():
                if name not in there:
                    base.execute(f"ALTER TABLE claims ADD COLUMN {name}")
            yield base
        except sqlite3.Error as error:
            raise DiskFailed(
                _(
                    "{file}, which keeps what was sent, cannot be used: {error}; nothing more is sent. Fix it, "
                    "or make room."
                ).format(file=self._file, error=explain_refusal(error))
            ) from error
        finally:
            if base is not None:
                base.close()


def name_message(claims: Iterable[Claim]) -> str:
    """The id of the message that holds these claims, whatever their order."""
    return _hash(sorted(one.key for one in claims))


def _hash(texts: list[str]) -> str:
    return sha256(json.dumps(texts).encode()).hexdigest()[:24]


def _write(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")
