"""What is not told after all: claims whose readers their file of rules names no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from flexlib.deliver.claims import Claim, Claims, Fate, Message
from flexlib.deliver.troubles import UNNAMED
from flexlib.i18n import _

TABLE = "CREATE TABLE IF NOT EXISTS named (key TEXT, file TEXT, PRIMARY KEY (key, file))"
"""Which files of rules name the reader of a claim: there may be several, run in turn."""


def note_named(claims: Claims, named: Iterable[Claim], file: Path) -> None:
    """Stores that the rules of a file name the readers of these."""
    with claims.change() as base:
        base.execute(TABLE)
        rows = [(one.key, str(file.resolve())) for one in named]
        base.executemany("INSERT OR IGNORE INTO named VALUES (?, ?)", rows)


def withdraw(claims: Claims, file: Path, is_named: Callable[[Claim], bool], now: datetime) -> list[Message]:
    """Takes off the list, and gives, what waits or was refused and whose reader no rule names any more; the caller
    holds `claims`.

    What may have been sent stays, and what another file still names. What was claimed by a file that is gone `file`
    decides on; what no file is known to have named, as what a flexlib of before left, stays until one has.
    """
    messages = claims.list_messages(Fate.WAITING, Fate.FAILED)
    found = [one for message in messages for one in message.claims]
    gone = {one.key for one in found if not is_named(one)}
    note_named(claims, (one for one in found if one.key not in gone), file)
    if not gone:
        return []
    own = str(file.resolve())
    with claims.change() as base:
        named = base.execute("SELECT key, file FROM named").fetchall()
    lost = gone & {key for key, _file in named}
    lost -= {key for key, other in named if other != own and Path(other).is_file()}
    why = _(UNNAMED).format(file=file)
    withdrawn = [
        claims.mark(replace(message, claims=theirs), Fate.WITHDRAWN, now, why)
        for message in messages
        if (theirs := tuple(one for one in message.claims if one.key in lost))
    ]
    with claims.change() as base:  # only now: a run that dies before leaves what tells the next one whose they are
        base.executemany("DELETE FROM named WHERE key = ? AND file = ?", [(key, own) for key in gone])
    return withdrawn
