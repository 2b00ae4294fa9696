"""The fields that columns of a file of calls can feed, and what the file's own words for them mean."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from flexlib.enums import OPTIONS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter
from flexlib.schema import EXTRA_COUNTS

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
        word, _, name = (part.strip().lower() for part in text.rpartition("="))
        if not word:
            raise BadParameter(f"{text!r} is no alias; write one such as Azure=openai.")
        known = {field: members.spellings() for field, members in MEMBERS.items()}
        means = {field: str(spellings[name]) for field, spellings in known.items() if name in spellings}
        if name and not means:
            raise BadParameter(
                f"{text!r} is no alias: the right must be a provider ({', '.join(LlmProvider)}), "
                f"a proxy ({', '.join(LlmProxy)}), a task type ({', '.join(LlmTaskType)}) or nothing."
            )
        for field, member in (means or dict.fromkeys(MEMBERS, "")).items():
            other = found[field].setdefault(word, member)
            if other != member:
                raise BadParameter(f"{word!r} has two aliases, {other!r} and {member!r}; give one of them.")
    return found


def read_makers(texts: Iterable[str]) -> dict[str, LlmProvider]:
    """The maker of each pattern of models' names, in order. Raises `BadParameter` for what is no `pattern=provider`."""
    found: dict[str, LlmProvider] = {}
    for text in texts:
        pattern, _, name = (part.strip().lower() for part in text.rpartition("="))
        if not pattern:
            raise BadParameter(f"{text!r} tells no maker; write a pattern and a provider, such as claude*=anthropic.")
        found.setdefault(pattern, LlmProvider.parse(name))
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
    *EXTRA_COUNTS,
]
"""What a column, or a sum of them, can feed."""


def read_extra_counts(texts: Iterable[str]) -> dict[str, str]:
    """The column of each extra count. Raises `BadParameter` for a text that is not `NAME=COLUMN`, or a name twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, column = (part.strip() for part in text.partition("="))
        if name not in EXTRA_COUNTS or not column:
            raise BadParameter(
                f"{text!r} is no extra count; write NAME=COLUMN, the name one of {', '.join(EXTRA_COUNTS)}."
            )
        if found.setdefault(name, column) != column:
            raise BadParameter(f"{name} has two columns, {found[name]!r} and {column!r}; give one of them.")
    return found


def split_sum(column: str, known: Container[str]) -> list[str]:
    """The columns of a sum such as `a + b`, with or without blanks; a column of that very name wins over it."""
    parts = [part.strip() for part in column.split("+")]
    return [column] if column in known or not all(parts) else parts


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

    def split_sums(self, known: Container[str]) -> AskedColumns:
        """The same with each column of a sum by itself; `known`: the columns of the file."""

        def split(columns: Iterable[str]) -> Iterable[str]:
            return (part for column in columns for part in split_sum(column, known))

        needed = frozenset(split(self.needed)) - self.optional
        return replace(self, columns=tuple(split(self.columns)), counts=frozenset(split(self.counts)), needed=needed)
