"""Where a budget stands, as it is told: kept in the data folder, by who sees it reach a threshold, until it is sent."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.store.disk import PRIVATE, PRIVATE_FOLDER, sync
from flexlib.store.membership import PERSON, PERSONS

OUTBOX = Path("notices", "outbox")
"""In the data folder; only its owner reads it, since budgets name people."""
FILES = "[!.]*.json"
"""Those that are whole."""


class Figure(NamedTuple):
    """An amount as it is shown."""

    unit: str
    amount: str | None
    """None where it is not known."""
    is_least: bool


@dataclass(frozen=True)
class Standing:
    """What a budget came to in one of its periods, by what is known."""

    budget: str
    """Its name."""
    scope: str
    of: tuple[str, ...]
    """Whom it is of, as its file says."""
    unit: str
    amount: Decimal
    thresholds: tuple[int, ...]
    """In percent of the amount; by them it is told, unless a rule says otherwise."""
    first: date
    last: date
    """Of the period."""
    outcome: str
    """`within`, `near`, `will be over`, `over` or `cannot say`."""
    spent: Decimal
    lacks: bool = False
    """Whether something is missing from it."""
    expected: Decimal | None = None
    """What is expected by the end of the period."""
    low: Decimal | None = None
    high: Decimal | None = None
    """The ends of the forecast's band; None where there is none."""
    day: date | None = None
    """On which it was exceeded, or is expected to be."""
    is_unknown: bool = False
    """Whether too much is missing to tell that it is not over."""
    is_sure: bool | None = None
    """Of one that will be over, whether the whole band of the forecast is above the amount."""
    figures: tuple[Figure, ...] = ()
    """Of a month that is mailed: what its mail says beside US$; empty of mails of before this was noted."""

    @property
    def is_personal(self) -> bool:
        """Whether it is of one human, whose affair it is."""
        return self.scope == PERSON or self.scope == "usable" and (self.of[0].lower() in PERSONS or "@" in self.of[1])

    @property
    def identity(self) -> tuple[str, ...]:
        """Which budget it is, of which amount, in which period: the same however much is spent of it."""
        days = self.first.isoformat(), self.last.isoformat()
        return (self.budget, self.scope, *self.of, self.unit, f"{self.amount.normalize():f}", *days)

    def to_json(self) -> dict[str, Any]:
        return {name: _write(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Standing:
        """The standing that `to_json` wrote. Raises `KeyError`, `TypeError`, `ValueError` or `ArithmeticError`."""
        read = {
            **{name: date.fromisoformat(content[name]) for name in ("first", "last")},
            **{name: Decimal(content[name]) for name in ("amount", "spent")},
            **{name: tuple(content[name]) for name in ("of", "thresholds")},
            **{name: None if content[name] is None else Decimal(content[name]) for name in ("expected", "low", "high")},
            "figures": tuple(Figure(*one) for one in content.get("figures", ())),
            "day": None if content["day"] is None else date.fromisoformat(content["day"]),
        }
        return cls(**content | read)


def put_standing(root: Path, standing: Standing, threshold: int) -> bool:
    """Leaves in the data folder `root` that a budget has reached a threshold, in percent, for `flexlib notify` to tell;
    False where that lies there already.

    On the disk when it returns: one small file, without a lock, and nothing is sent. Raises `OSError`.
    """
    folder = root / OUTBOX
    key = sha256(json.dumps([*standing.identity, threshold]).encode()).hexdigest()[:32]
    file, temporary = folder / f"{key}.json", folder / f".{key}.{secrets.token_hex(4)}.tmp"
    if file.exists():
        return False
    folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    try:
        with open(temporary, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, PRIVATE)) as out:
            json.dump(standing.to_json(), out, ensure_ascii=False)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
        sync(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def count_left(root: Path) -> int:
    """How many lie there to be told."""
    return sum(1 for _ in (root / OUTBOX).glob(FILES))


def list_standings(root: Path) -> dict[Path, Standing]:
    """What lies there to be told, by its file. Raises `BadFile` for a file that cannot be read."""
    found = {}
    for file in sorted((root / OUTBOX).glob(FILES)):
        try:
            found[file] = Standing.from_json(decode_json(file.read_text("utf-8")))
        except FileNotFoundError:  # another run has taken it
            continue
        except (OSError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise BadFile(
                _("{file}, which says that a budget reached a threshold, cannot be read; move it away.").format(
                    file=file
                )
            ) from error
    return found


def _write(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value
