"""Conditions on what stands in the columns of a row: which rows are calls, which of them are not billed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from flexlib.addresses import hide_email
from flexlib.errors import BadParameter
from flexlib.i18n import _

OTHER_ROWS = "other rows"
"""The kind of the rows that a filter leaves out."""

CONDITION = re.compile(r"\s*(?P<column>[^=]*[^=!\s])\s*(?P<sign>!?=)(?P<values>.*)", re.DOTALL)


EMAIL = re.compile(r"[^\s=|&]*@[^\s=|&]*")


@dataclass(frozen=True)
class Condition:
    """What a column says: one of `values` (in lower case, "" where it is empty; `*` is any text), or none of them."""

    column: str
    values: tuple[str, ...]
    is_one: bool = True

    def holds(self, text: str | None) -> bool:
        """Whether a row with that text in the column meets it, as `write_condition` says it in SQL."""
        said = (text or "").strip().lower()
        return (said in self.values or any(one.fullmatch(said) for one in self._patterns)) == self.is_one

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        patterns = [".*".join(map(re.escape, value.split("*"))) for value in self.values if "*" in value]
        return [re.compile(one, re.DOTALL) for one in patterns]


def read_conditions(text: str) -> list[Condition]:
    """The conditions that must all hold; with ` & ` between them. Raises `BadParameter`.

    >>> read_conditions("type=assistant|tool & model!=<synthetic>")[1]
    Condition(column='model', values=('<synthetic>',), is_one=False)
    """
    found = [CONDITION.fullmatch(part) for part in text.split(" & ")]
    conditions = [
        Condition(one["column"], tuple(value.strip().lower() for value in one["values"].split("|")), one["sign"] == "=")
        for one in found
        if one
    ]
    if len(conditions) < len(found):
        raise BadParameter(
            _("{text!r} is no condition; write COLUMN=VALUE, COLUMN=VALUE|VALUE or COLUMN!=VALUE.").format(text=text)
        )
    return conditions


def read_kinds(texts: Iterable[str]) -> dict[str, list[list[Condition]]]:
    """The conditions of each kind of rows that are no calls, any of which makes one. Raises `BadParameter`."""
    found: dict[str, list[list[Condition]]] = {}
    for text in texts:
        kind, __, rest = text.partition(":")
        if not kind.strip() or "=" in kind or not rest:
            raise BadParameter(
                _("{text!r} names no rows; write KIND: COLUMN=VALUE, such as failed calls: status=error.").format(
                    text=text
                )
            )
        found.setdefault(kind.strip(), []).append(read_conditions(rest))
    return found


def list_columns(texts: Iterable[str], kinds: Iterable[str] = ()) -> list[str]:
    """The columns that conditions, and those of kinds of rows, ask for; each once."""
    several = [read_conditions(text) for text in texts]
    several += [one for found in read_kinds(kinds).values() for one in found]
    return list(dict.fromkeys(one.column for conditions in several for one in conditions))


@dataclass(frozen=True)
class RowFilter:
    """Which rows are left out, and what they are called."""

    where: Sequence[Sequence[Condition]]
    """A row meets all of them, or it is one of the other rows."""
    kinds: Mapping[str, Sequence[Sequence[Condition]]]

    def name_kind(self, texts: Mapping[str, str | None]) -> str:
        """The kind of a row with these texts by column; empty for one that is taken."""
        if not all(one.holds(texts.get(one.column)) for conditions in self.where for one in conditions):
            return OTHER_ROWS
        for kind, several in self.kinds.items():
            if any(all(one.holds(texts.get(one.column)) for one in conditions) for conditions in several):
                return kind
        return ""


def read_filter(where: Iterable[str], kinds: Iterable[str]) -> RowFilter:
    """The filter of these texts. Raises `BadParameter`."""
    return RowFilter([read_conditions(text) for text in where], read_kinds(kinds))


def hide_emails(text: str) -> str:
    """The condition as a certificate keeps it: opaque keys stand for the e-mails in it."""
    return EMAIL.sub(lambda one: hide_email(one[0]), text)


def write_condition(conditions: Iterable[Condition], names: dict[str, str]) -> str:
    """SQL that is true where all hold; `names`: under which name the text of each column stands."""
    return " AND ".join(_compare(one, names) for one in conditions)


def write_any(several: Iterable[Iterable[Condition]], names: dict[str, str]) -> str:
    """SQL that is true where all conditions of one list hold."""
    return " OR ".join(f"({write_condition(conditions, names)})" for conditions in several)


def _compare(one: Condition, names: dict[str, str]) -> str:
    values = ", ".join("'" + value.replace("'", "''") + "'" for value in one.values)
    text = f"coalesce(lower({names[one.column]}), '')"
    if not any("*" in value for value in one.values):
        return f"{text} {'IN' if one.is_one else 'NOT IN'} ({values})"
    likes = (re.sub(r"([%_\\])", r"\\\1", value).replace("*", "%").replace("'", "''") for value in one.values)
    said = " OR ".join(f"{text} LIKE '{like}' ESCAPE '\\'" for like in likes)
    return f"{'' if one.is_one else 'NOT '}({said})"


STANDARD = "'standard', 'default', 'global', 'not_available'"
"""What names no tier of its own: the usual one, and inference wherever there is room."""
WINDOWS = "WHEN '≤ 200k' THEN '0-200k' WHEN '> 200k' THEN '200k-1m'"
"""Of Anthropic's CSV, as its API names them."""


def join_tiers(tiers: Sequence[str]) -> str:
    """SQL of the tier that several texts name, without those that name none of their own; the first where all do."""
    texts = [f"lower({one})" for one in tiers]
    named = [f"CASE WHEN {one} NOT IN ({STANDARD}) THEN CASE {one} {WINDOWS} ELSE {one} END END" for one in texts]
    return f"coalesce(nullif(concat_ws(' + ', {', '.join(named)}), ''), {tiers[0]})"
