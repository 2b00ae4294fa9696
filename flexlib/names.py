"""Model ids -> names and providers: a dated table (`data/models.csv`), a rule for readable ids, and the id itself.

The table: one row an id and meaning, valid on days from `from` up to but without `until`; empty is open. The slots
MODEL_PRIVATE_n are reused, so one id may have several rows. `seen_in` says what kind of source has the meaning.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from flexlib.dates import Span
from flexlib.enums import UNKNOWN_MODEL
from flexlib.i18n import _

UNNAMED = "Unknown model"
"""The name of what the server itself does not name."""

UNNAMED_IDS = {UNKNOWN_MODEL, "", "UNKNOWN"}


@dataclass(frozen=True)
class Family:
    """How the readable ids of one family are written: `gpt-5-4-high` is brand, glue, version, effort."""

    brand: str
    provider: str
    glue: str = " "
    effort: str = ""
    """What follows a word of effort, as the client's own catalogue has it: `GPT-5.2 High Thinking`."""


FAMILIES = {
    "claude": Family("Claude", "Anthropic"),
    "gpt": Family("GPT", "OpenAI", glue="-", effort=" Thinking"),
    "o1": Family("o1", "OpenAI", effort=" Reasoning"),
    "o3": Family("o3", "OpenAI", effort=" Reasoning"),
    "o4": Family("o4", "OpenAI", effort=" Reasoning"),
    "gemini": Family("Gemini", "Google"),
    "grok": Family("Grok", "xAI"),
    "kimi": Family("Kimi", "Moonshot AI"),
    "glm": Family("GLM", "Z.ai"),
    "minimax": Family("MiniMax", "MiniMax"),
    "deepseek": Family("DeepSeek", "DeepSeek"),
    "swe": Family("SWE", "Windsurf", glue="-"),
    "adaptive": Family("Adaptive", "Windsurf"),
    "arena": Family("Arena", "Windsurf"),
}

EFFORTS = {"low": "Low", "medium": "Medium", "high": "High", "xhigh": "XHigh"}

WORDS = {**EFFORTS, "none": "No Thinking", "priority": "Fast", "oss": "OSS"}

WORD = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[^-]+")

READABLE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9.]+)*")

VERSION = re.compile(r"(?<![0-9])(?<![0-9]{4}-)([a-z]?[0-9]{1,2})-([0-9]{1,2})(?=-|$)")
"""`4-6` in `claude-opus-4-6`, `k2-5` in `kimi-k2-5`; not the month and day of `2024-08-06`."""


def name_model(uid: str, day: date | None = None) -> str:
    """The name of a model as it was on a day, or as it is now; the id itself for one never seen."""
    if uid in UNNAMED_IDS:
        return UNNAMED
    if uid in _read_table():
        meaning = _find_meaning(uid, day)
        return meaning.name if meaning else uid
    return _write_name(uid) or uid


def find_provider(uid: str, day: date | None = None) -> str | None:
    """Who makes the model, such as `Anthropic`; None where that is not known."""
    if uid in _read_table():
        meaning = _find_meaning(uid, day)
        return meaning.provider if meaning else None
    return FAMILIES[uid.split("-")[0]].provider if _write_name(uid) else None


@cache
def find_maker(name: str) -> str | None:
    """Who makes the model that `name_model` calls so; None where that is not known.

    >>> find_maker("SWE-1"), find_maker("Kimi K2.5"), find_maker("Adaptive"), find_maker("mine")
    ('Windsurf', 'Moonshot AI', 'Windsurf', None)
    """
    listed = (meaning.provider for meanings in _read_table().values() for meaning in meanings if meaning.name == name)
    by_brand = (
        one.provider for one in FAMILIES.values() if f"{name} ".startswith((f"{one.brand} ", one.brand + one.glue))
    )
    return next(listed, None) or next(by_brand, None)


def label_models(uids: Iterable[str], days: Span | None = None) -> dict[str, str]:
    """A name for each id, no two alike.

    Ids of one name get the id in brackets behind it, `GPT-5-Codex [MODEL_PRIVATE_5]`; an id that changes its meaning
    within `days` gets both names, `A / B`. Without `days` the names are today's.
    """
    names = {uid: _name_over(uid, days) for uid in sorted(set(uids))}
    uses = Counter(names.values())
    return {uid: name if uses[name] == 1 else f"{name} [{uid}]" for uid, name in names.items()}


@dataclass(frozen=True)
class _Meaning:
    name: str
    provider: str
    first: date
    end: date

    def covers(self, day: date) -> bool:
        return self.first <= day < self.end


@cache
def _read_table() -> dict[str, list[_Meaning]]:
    table: dict[str, list[_Meaning]] = {}
    text = (files("flexlib") / "data" / "models.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        first = date.fromisoformat(row["from"]) if row["from"] else date.min
        end = date.fromisoformat(row["until"]) if row["until"] else date.max
        table.setdefault(row["uid"], []).append(_Meaning(row["name"], row["provider"], first, end))
    return {uid: sorted(meanings, key=lambda meaning: meaning.first) for uid, meanings in table.items()}


def _find_meaning(uid: str, day: date | None) -> _Meaning | None:
    meanings = _read_table()[uid]
    if day is None:
        return meanings[-1]
    return next((meaning for meaning in meanings if meaning.covers(day)), None)


def _name_over(uid: str, days: Span | None) -> str:
    if days is None:
        return name_model(uid)
    turns = [meaning.first for meaning in _read_table().get(uid, []) if meaning.first in days]
    return " / ".join(dict.fromkeys(name_model(uid, day) for day in (days.first, *turns)))


def _write_name(uid: str) -> str | None:
    """`Claude Sonnet 4.6 Thinking 1M` of `claude-sonnet-4-6-thinking-1m`; None when the id is no readable one."""
    first, *words = WORD.findall(VERSION.sub(r"\1.\2", uid)) or [""]
    family = FAMILIES.get(first)
    if family is None or not READABLE.fullmatch(uid):
        return None
    name = family.brand
    glue, effort = family.glue, family.effort
    for word in words:
        if word == "codex" or (name.endswith("-Codex") and word in ("mini", "max")):
            name, effort = f"{name}-{word.title()}", ""
        elif word in EFFORTS:
            name += f" {EFFORTS[word]}{effort}"
        else:
            name += glue + _write_word(word)
        glue = " "
    return name


def _write_word(word: str) -> str:
    if word in WORDS:
        return WORDS[word]
    if re.fullmatch(r"[a-z]?[0-9.]+[a-z]?", word):
        return word if word == "4o" else word.upper()
    return word.capitalize()


DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of pseudonyms: 32 that nobody takes for each other when they are read out (Crockford's)."""

SHOWN_DIGITS = 8
"""One of a million million; two people of 6,000 have the same once in 60,000 companies."""

PSEUDONYM = re.compile(rf"Person [{DIGITS}]{{{SHOWN_DIGITS},}}")


NAMED = re.compile(rf"\bPerson (?=[{DIGITS}]{{{SHOWN_DIGITS},}}\b|[0-9]{{3,}}\b)")


def show_people(text: str) -> str:
    """Pseudonyms as a reader's language has them: `Person 0r473cz1` is stored, and a page in Spanish says `Persona`."""
    return NAMED.sub(_("Person") + " ", text) if "Person " in text else text


def name_under(secret: bytes, users: Iterable[str]) -> dict[str, str]:
    """A pseudonym for each user: the same wherever the secret is, and nobody without it reads the user from it.

    Where two begin alike both are longer, as no two people may be one.

    >>> name_under(b"ours", ["ana", "ben"])
    {'ana': 'Person 0r473cz1', 'ben': 'Person z2f5n78x'}
    """
    words = {user: _write_digits(hashlib.blake2b(user.encode(), key=secret[:64], digest_size=20).digest())
             for user in set(users)}  # fmt: skip
    taken = Counter(word[:SHOWN_DIGITS] for word in words.values())
    return {user: f"Person {word if taken[word[:SHOWN_DIGITS]] > 1 else word[:SHOWN_DIGITS]}"
            for user, word in sorted(words.items())}  # fmt: skip


def _write_digits(digest: bytes) -> str:
    number = int.from_bytes(digest)
    return "".join(DIGITS[number >> shift & 31] for shift in range(8 * len(digest) - 5, -1, -5))


MASK_DIGITS = 10
"""Hexadecimal, of a masked key: as many as a pseudonym's, one of a million million."""


def write_mask(secret: bytes, column: str) -> str:
    """All columns, that of the users' text keys masked, as SQL: the same digits for a key wherever the secret is, and
    nobody without it reads the key from them, nor from the digits whether a guess is right.

    >>> write_mask(b"ours", "usable_key")[:40]
    "* REPLACE (left(sha256('55392fdc6ec0be6c"
    """
    salt = hashlib.blake2b(b"keys", key=secret[:64], digest_size=32).hexdigest()  # the secret itself is in no query
    return f"* REPLACE (left(sha256('{salt}' || {column}), {MASK_DIGITS}) AS {column})"


def match_model(name: str) -> str:
    """What one model is called in bills and in calls alike: without its maker, its date and its punctuation.

    >>> match_model("Claude Opus 4.6") == match_model("anthropic/claude-opus-4-6-20260115")
    True
    >>> match_model("Claude Haiku 3.5") == match_model("claude-3-5-haiku-20241022")
    True
    """
    text = re.sub(r"[-@](\d{8}|\d{4}-\d{2}-\d{2})$", "", name.lower().rpartition("/")[2])
    bare = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
    return re.sub(r"^claude-(\d(?:-\d)?)-([a-z]+)", r"claude-\2-\1", bare)  # as Anthropic's bills and later ids have it


def match_sold_model(name: str) -> str:
    """As `match_model`, of what Bedrock sells of Anthropic and Cohere: without the region and maker before the name,
    and the version after it.

    >>> match_sold_model("us.anthropic.claude-3-5-haiku-20241022-v1:0")
    'claude-haiku-3-5'
    """
    return match_model(re.sub(r"-v\d+(:\d+)*$", "", re.sub(r"^.*(?=claude|command)", "", name.lower())))
