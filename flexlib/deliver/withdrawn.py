"""What is not told after all: claims whose readers their file of rules names no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from flexlib.deliver.claims import Claim, Claims, Fate, Message
from flexlib.deliver.troubles import UNNAMED
from flexlib.i18n import _
from flexlib.store.outbox import Standing

TABLE = "CREATE TABLE IF NOT EXISTS named (key TEXT, file TEXT, PRIMARY KEY (key, file))"
"""Which files of rules name the reader of a claim: there may be several, run in turn."""


def note_named(claims: Claims, named: Iterable[Claim], file: Path) -> None:
    """Stores that the rules of a file name the readers of these."""
    with claims.change() as base:
        base.execute(TABLE)
        rows = [(one.key, str(file.resolve())) for one in named]
        base.executemany("INSERT OR IGNORE INTO named VALUES (?, ?)", rows)


@dataclass(frozen=True)
class Left:
    """What waits or was refused, by whether the rules of a file name its reader."""

    named: tuple[Claim, ...] = ()
    gone: tuple[Claim, ...] = ()
    """Those whose reader no rule of the file names any more."""
    standings: tuple[Standing, ...] = ()
    """What those of them were to tell that the file decides on: its readers of today have to be told of it, whoever
    else still names the reader of before."""
    lost: tuple[Message, ...] = ()
    """What no other file names either."""


def find_left(claims: Claims, file: Path, is_named: Callable[[Claim], bool]) -> Left:
    """What is left to be told, by what the rules of `file` name; nothing is stored.

    What may have been sent is not of it. What was claimed by a file that is gone `file` decides on; on what no file is
    known to have named, as what a flexlib of before left, nobody does until one has.
    """
    messages = claims.list_messages(Fate.WAITING, Fate.FAILED)
    found = [one for message in messages for one in message.claims]
    gone = {one.key: one for one in found if not is_named(one)}
    files, own = _read_files(claims) if gone else {}, str(file.resolve())
    others = {key: {one for one in files.get(key, ()) if one != own and Path(one).is_file()} for key in gone}
    own_keys = {key for key in gone if files.get(key, set()) - others[key]}
    lost = {key for key in own_keys if not others[key]}
    return Left(
        tuple(one for one in found if one.key not in gone),
        tuple(gone.values()),
        tuple(dict.fromkeys(one.standing for key, one in gone.items() if key in own_keys)),
        tuple(
            replace(message, claims=theirs)
            for message in messages
            if (theirs := tuple(one for one in message.claims if one.key in lost))
        ),
    )


def _read_files(claims: Claims) -> dict[str, set[str]]:
    """The files that name the reader of each claim, by its key."""
    found: dict[str, set[str]] = {}
    with claims.open() as base:
        if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'named'").fetchall():
            for key, file in base.execute("SELECT key, file FROM named").fetchall():
                found.setdefault(key, set()).add(file)
    return found


def withdraw(claims: Claims, file: Path, left: Left, now: datetime) -> list[Message]:
    """Takes off the list, and gives, what no rule names the reader of any more; the caller holds `claims`, and has
    claimed what the readers of today are to be told instead."""
    note_named(claims, left.named, file)
    why = _(UNNAMED).format(file=file)
    withdrawn = [claims.mark(one, Fate.WITHDRAWN, now, why) for one in left.lost]
    own = str(file.resolve())
    with claims.change() as base:  # only now: a run that dies before leaves what tells the next one whose they are
        base.executemany("DELETE FROM named WHERE key = ? AND file = ?", [(one.key, own) for one in left.gone])
    return withdrawn
