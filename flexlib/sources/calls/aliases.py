"""What the words of a file mean where they name no member of the enums: told by the user, never guessed."""

from __future__ import annotations

from collections.abc import Iterable

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter

__all__ = ["MEMBERS", "read_aliases"]

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
