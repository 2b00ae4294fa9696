"""The fields that columns of a file of calls can feed, which of its columns do, and what its own words mean."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flexlib.enums import OPTIONS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter
from flexlib.i18n import _
from flexlib.privacy import LONGEST_NAME
from flexlib.schema import EXTRA_COUNTS
from flexlib.sources.files.numbers import SUMMED
from flexlib.sources.registry import clean_cell

if TYPE_CHECKING:
    from flexlib.sources.files.mapping import CallMapping

MEMBERS: dict[str, type[LlmProvider | LlmProxy | LlmTaskType]] = {
    "provider": LlmProvider,
    "proxy": LlmProxy,
    "task_type": LlmTaskType,
}
"""The enum of each field that has one."""


def read_aliases(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Of each field of `MEMBERS`, the member that a word in lower case stands for; "" where it stands for nothing.

    Raises `BadParameter` for a text that is not `word=member`, and for a word that would mean two things in one field.
    """
    found: dict[str, dict[str, str]] = {field: {} for field in MEMBERS}
    for text in texts:
        word, __, said = (part.strip().lower() for part in text.rpartition("="))
        if not word:
            raise BadParameter(_("{text!r} is no alias; write one such as Azure=openai.").format(text=text))
        known = {field: members.spellings() for field, members in MEMBERS.items()}
        means = {field: str(spellings[said]) for field, spellings in known.items() if said in spellings}
        if said and not means:
            raise BadParameter(
                _(
                    "{text!r} is no alias: the right must be a provider ({llmprovider}), a proxy "
                    "({llmproxy}), a task type ({llmtasktype}) or nothing."
                ).format(
                    text=text,
                    llmprovider=", ".join(LlmProvider),
                    llmproxy=", ".join(LlmProxy),
                    llmtasktype=", ".join(LlmTaskType),
                )
            )
        for name, member in (means or dict.fromkeys(MEMBERS, "")).items():
            other = found[name].setdefault(word, member)
            if other != member:
                raise BadParameter(_("{word!r} has two aliases, {other!r} and {member!r}; give one of them.")
                    .format(word=word, other=other, member=member))  # fmt: skip
    return found


def read_members(field: str, texts: Iterable[str]) -> dict[str, str]:
    """Who is meant by each pattern of models' names, in order. Raises `BadParameter` for what is no `pattern=name`."""
    found: dict[str, str] = {}
    for text in texts:
        pattern, __, name = (part.strip().lower() for part in text.rpartition("="))
        if not pattern:
            raise BadParameter(_("{text!r} names no {field}; write a pattern and a {field}, such as claude*=anthropic.")
                .format(text=text, field=field))  # fmt: skip
        found.setdefault(pattern, MEMBERS[field].parse(name))
    return found


def name_option(field: str) -> str:
    """The option of `flexlib import` by which somebody says which column feeds a field.

    >>> name_option("created_at"), name_option("prompt_tokens"), name_option("model"), name_option("web_searches")
    ('--timestamp', '--prompt-tokens', '--model-column', '--extra-count web_searches=')
    """
    if field in EXTRA_COUNTS:
        return f"--extra-count {field}="
    return f"--{OPTIONS.get(field, field) or f'{field}-column'}".replace("_", "-")


FIELDS = [
    "created_at",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "provider",
    "model",
    "proxy",
    "task_type",
    "cost",
    "amount_in_usd",
    "amount_in_clp",
    "duration_ms",
    "status",
    "usable_type",
    "usable_id",
    "request_id",
    "tier",
    "batch",
    "currency",
    "requests",
    "usable_key",
    "ended_at",
    "parent_id",
    *EXTRA_COUNTS,
]
"""What a column, or a sum of them, can feed."""


CHOICES: dict[str, tuple[str | None, ...]] = {
    "cache": (None, "apart", "included"),
    "reasoning": (None, "apart", "included"),
    "amount_unit": ("usd", "cents"),
    "amount_zero": (None, "known", "unknown"),
    "duration_unit": ("ms", "s"),
    "repeated": ("refuse", "last"),
    "date_order": (None, "dmy", "mdy"),
}
"""The words that a field of the mapping knows."""


def read_extra_counts(texts: Iterable[str]) -> dict[str, str]:
    """The column of each extra count. Raises `BadParameter` for a text that is not `NAME=COLUMN`, or a name twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, __, column = (part.strip() for part in text.partition("="))
        if name not in EXTRA_COUNTS or not column:
            raise BadParameter(_("{text!r} is no extra count; write NAME=COLUMN, the name one of {extra_counts}.")
                .format(text=text, extra_counts=', '.join(EXTRA_COUNTS)))  # fmt: skip
        if found.setdefault(name, column) != column:
            raise BadParameter(_("{name} has two columns, {found!r} and {column!r}; give one of them.")
                .format(name=name, found=found[name], column=column))  # fmt: skip
    return found


def split_sum(column: str, known: Container[str]) -> list[str]:
    """The columns of a sum such as `a + b`, with or without blanks; a column of that very name wins over it.

    Raises `BadParameter` where it has one twice, which would count it twice.
    """
    parts = [part.strip() for part in column.split("+")]
    if column in known or not all(parts):
        return [column]
    if twice := next((part for part in parts if parts.count(part) > 1), None):
        raise BadParameter(_("the sum {column!r} counts {twice!r} twice; name each of its columns once.")
            .format(column=column, twice=twice))  # fmt: skip
    return parts


@dataclass(frozen=True)
class AskedColumns:
    """What is asked of the rows of a JSON; until `split_sums`, sums of columns stand as they were given."""

    columns: tuple[str, ...]
    counts: frozenset[str]
    """Those that are summed: of what stands above several rows, the sum would be wrong."""
    needed: frozenset[str]
    """Those by which the rows are known, where nobody says where they are."""
    rows_path: str | None = None
    reader: str | None = None
    """Who makes rows of a file that has none."""
    optional: frozenset[str] = frozenset()
    """Those that a file may lack."""
    begins: str = ""
    ends: str = ""
    totals: Mapping[str, str] = field(default_factory=dict)
    """Those of the beginning and the end of a row's period, and the column that each of the file's own totals sums."""
    tells_empty: bool = False
    """Whether a period without rows is one itself, which says that there was nothing."""

    def split_sums(self, known: Container[str]) -> AskedColumns:
        """The same with each column of a sum by itself; `known`: the columns of the file."""

        def split(columns: Iterable[str]) -> Iterable[str]:
            return (part for column in columns for part in split_sum(column, known))

        needed = frozenset(split(self.needed)) - self.optional
        return replace(self, columns=tuple(split(self.columns)), counts=frozenset(split(self.counts)), needed=needed)


VALUE = re.compile(r"[-+]?[$€£]?\d[\d.,:/TZ -]*")
"""A number, a date or a time: no name of a column."""

NAMES = ("model", "status", "usable_type", "usable_key", "request_id", "tier")
"""The fields that are names and ids of something."""
UNPRINTABLE = r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]"

IN_ID = frozenset(FIELDS) - {"request_id", "reasoning_tokens", "currency", "ended_at", "parent_id"}
"""The fields whose column has a part in a row's id by its value, or by one that follows from it."""


def list_asked(mapping: CallMapping, known: list[str]) -> dict[str, str]:
    """The column of each text: under the name of its field, of which a part of a sum has its place behind it."""
    asked: dict[str, str] = {}
    for name, column in mapping.columns.items():
        parts = split_sum(column, known) if name in SUMMED else [column]
        if len(parts) == 1:
            asked[name] = column
        else:
            asked |= {f"{name}_{place}": part for place, part in enumerate(parts)}
    others = {"metadata": mapping.metadata, "condition": mapping.conditions}
    return asked | {f"{name}_{n}": column for name, columns in others.items() for n, column in enumerate(columns)}


def list_rest(mapping: CallMapping, known: list[str], asked: dict[str, str]) -> dict[str, str]:
    """The columns that have no part in a row's id by themselves, in the order of their names; none up to 0.2.0."""
    told = {column for name, column in asked.items() if is_in_id(name)}
    others = sorted(column for column in known if column and column not in told and known.count(column) == 1)
    return {f"rest_{place}": column for place, column in enumerate(others)} if mapping.rules > 1 else {}


def list_in_words(known: Sequence[str], *, is_csv: bool) -> str:
    """What a sentence says of the columns that a file has; of a CSV whose first line holds values, none of them."""
    names = [clean_cell(column) for column in known]
    if is_csv and any(VALUE.fullmatch(one) or one != column for one, column in zip(names, known, strict=True)):
        return _("its first line holds values; add one with the names of its columns")
    return _("its columns are {names}").format(names=", ".join(names))


def find_name_faults(said: Container[str]) -> dict[str, str]:
    """SQL of why the names and ids of a row are none, as they are limited where they are recorded; not quoted."""
    texts = [name for name in NAMES if name in said]
    lengths, whole = ", ".join(f"length({name})" for name in texts), ", ".join(texts)
    is_odd = f"greatest({lengths}) > {LONGEST_NAME} OR regexp_matches(concat({whole}), '{UNPRINTABLE}')"
    return {is_odd: f"'a name or an id is not of at most {LONGEST_NAME} printable characters'"} if texts else {}


def is_in_id(name: str) -> bool:
    """Whether the text of that name has a part in a row's id."""
    return name in IN_ID or name.startswith("metadata_")


def name_field(name: str) -> str:
    """The field of a part of a sum, or of one of several columns; no other name ends in a number."""
    return name.rstrip("_0123456789")
