"""Who is mailed a month, or a part of it: out of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexlib.addresses import EMAIL
from flexlib.errors import BadFile
from flexlib.i18n import LANGUAGES, _, join_and, join_or
from flexlib.nesting import Faults, format_given
from flexlib.nesting.yaml_texts import Place, decode_yaml, explain_unread, find_places
from flexlib.store.membership import LEVELS

ATTACHABLE = ("pdf", "xlsx")
COMMON = {"language", "attach", "largest_mb"}
FIELDS = {"to", *LEVELS, "language", "attach"}
LARGEST_MB = 10
"""Of what is attached to one mail, unless told otherwise: written as letters it is 14 MB, and many servers take 20."""
MOST_MB = 100
WHOLE = "month"
"""Of what a mail is that is of no part."""


@dataclass(frozen=True)
class Reader:
    """Who gets what."""

    to: str
    """The address, in small letters."""
    level: str = ""
    """Of what it is a part, one of `LEVELS`; empty for the whole month."""
    name: str = ""
    """Of the part."""
    language: str | None = None
    """None: that of the run."""
    attach: tuple[str, ...] = ()
    """Of `ATTACHABLE`; nothing to a part, since what lies beside a report is of the whole."""

    @property
    def part(self) -> str:
        """`department Platform`; `month` of the whole."""
        return f"{self.level} {self.name}" if self.level else WHOLE


@dataclass(frozen=True)
class Readers:
    """All of a file."""

    readers: tuple[Reader, ...]
    largest: int = LARGEST_MB * 1_000_000
    """Bytes that are attached to one mail at the most."""


def read_readers(path: Path) -> Readers:
    """The readers of a YAML file as `params/mail.example.yaml` explains it. Raises `BadFile` with all faults, each
    with its line."""
    try:
        text = path.read_text("utf-8")
        content, (whole, places) = decode_yaml(text), find_places(text, path, "mails")
    except (OSError, ValueError) as error:
        raise BadFile(explain_unread(path, error)) from error
    if isinstance(content, dict) and content.keys() - (known := {*COMMON, "mails"}):
        raise BadFile("\n".join(whole.explain_fields(_("a file of mails"), content, known)))
    listed = content.get("mails") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise BadFile(
            _("{path} has no list of mails: give `mails:` and below it who gets what; beside it only {common}.").format(
                path=path, common=", ".join(sorted(COMMON))
            )
        )
    faults, found = Faults(), dict[tuple[str, str], Reader]()
    language = faults.read(_read_language, content.get("language"), whole.at("language"))
    attached = faults.read(_read_attached, content.get("attach", []), "", whole.at("attach")) or []
    for one, where in zip(listed, places, strict=True):
        for reader in faults.read(_read_entry, one, language, attached, where) or ():
            if (key := (reader.to, reader.part)) in found:
                faults.found.append(
                    _("{where}: {to} gets the {part} already, by a line before; take one out.").format(
                        where=where, to=reader.to, part=reader.part
                    )
                )
            found[key] = reader
    largest = faults.read(_read_largest, content.get("largest_mb", LARGEST_MB), whole.at("largest_mb"))
    faults.tell()
    return Readers(tuple(found.values()), largest)


def _read_entry(one: Any, language: str | None, attached: list[str], where: Place) -> list[Reader]:  # noqa: ANN401 (YAML)
    """`language` and `attached`: of all entries that say no other."""
    faults = Faults()
    faults.found += where.explain_fields(_("a mail"), one, FIELDS)
    faults.tell()
    level, name = faults.read(_read_part, one, where) or ("", "")
    language = faults.read(_read_language, one.get("language", language), where.at("language"))
    attach = faults.read(_read_attached, one.get("attach", [] if level else attached), level, where.at("attach"))
    addresses = faults.read(_read_addresses, one.get("to"), where.at("to"))
    faults.tell()
    return [Reader(each.lower(), level, name, language, tuple(attach)) for each in addresses]


def _read_part(one: Mapping[str, Any], where: Place) -> tuple[str, str]:
    """The level and the name of what a mail is of; of the whole month both are empty."""
    levels = [level for level in LEVELS if level in one]
    if len(levels) > 1:
        raise BadFile(
            _("{where}: it is of {levels}; name one, or none for the whole month.").format(
                where=where, levels=join_and(levels)
            )
        )
    if not levels:
        return "", ""
    name = one[level := levels[0]]
    if not (isinstance(name, str) and name.strip()):
        raise BadFile(
            _("{where} has {level}: {given}; give its name, in quotes where it is a number.").format(
                where=where.at(level), level=level, given=format_given(name)
            )
        )
    return level, name.strip()


def _read_language(language: Any, where: Place) -> str | None:  # noqa: ANN401 (YAML)
    if language is not None and language not in LANGUAGES:
        raise BadFile(
            _("{where}: the language is {given}; choose {languages}.").format(
                where=where, given=format_given(language), languages=join_or(LANGUAGES)
            )
        )
    return None if language is None else str(language)


def _read_attached(given: object, level: str, where: Place) -> list[str]:
    if level and given:
        raise BadFile(
            _("{where} has attach for a {level}, which has no files beside the report; take attach out.").format(
                where=where, level=level
            )
        )
    attach = [] if level else _list_texts(given, "attach", where)
    if wrong := [each for each in attach if each not in ATTACHABLE]:
        raise BadFile(
            _("{where} has attach: {given}; choose {attachable}.").format(
                where=where, given=format_given(wrong[0]), attachable=join_or(ATTACHABLE)
            )
        )
    return attach


def _read_addresses(to: object, where: Place) -> list[str]:
    addresses = _list_texts(to, "to", where)
    if not addresses or (bad := [each for each in addresses if not EMAIL.fullmatch(each)]):
        said = _("{where} has to: {given}; give e-mail addresses.")
        raise BadFile(said.format(where=where, given=format_given(bad[0] if addresses else to)))
    return addresses


def _list_texts(value: object, name: str, where: Place) -> list[str]:
    texts: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and each.strip() for each in texts):
        raise BadFile(
            _("{where} has {name}: {given}; give a text, or a list of texts.").format(
                where=where, name=name, given=format_given(value)
            )
        )
    return [each.strip() for each in texts]


def _read_largest(value: object, where: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_MB:
        raise BadFile(
            _("{where} has largest_mb: {given}; give megabytes, from above 0 to {most_mb}.").format(
                where=where, given=format_given(value), most_mb=MOST_MB
            )
        )
    return int(value * 1_000_000)
