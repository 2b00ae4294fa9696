"""Who made the model of a call, who stood between, what it was for: SQL that reads the words that name them."""

from __future__ import annotations

from flexlib.sources.files.fields import MEMBERS, read_aliases, read_makers
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.texts import quote

MAKER = "CASE WHEN contains(model, '/') THEN trim(split_part(model, '/', 1)) END"


def find_words(mapping: CallMapping) -> dict[str, str]:
    """SQL for the text that names each member; null where there is none, or an alias says that it means nothing."""
    words = {}
    for name, aliases in read_aliases(mapping.aliases).items():
        text = _find_maker(mapping) if name == "provider" and mapping.takes_maker_from_model else name
        empty = ", ".join(quote(word) for word in ["", *(word for word, member in aliases.items() if not member)])
        words[name] = f"CASE WHEN lower({text}) NOT IN ({empty}) THEN {text} END"
    return words


def _find_maker(mapping: CallMapping) -> str:
    """SQL for the maker that the name of a model tells: by the mapping's patterns, else before its slash."""
    fits = [
        f"WHEN lower(model) GLOB {quote(one)} THEN {quote(maker)}" for one, maker in read_makers(mapping.makers).items()
    ]
    return f"CASE {' '.join(fits)} ELSE {MAKER} END" if fits else MAKER


def name_member(field: str, mapping: CallMapping) -> str:
    """SQL for the member that a text names; null where it names none, the mapping's own where there is no text."""
    texts = MEMBERS[field].spellings() | read_aliases(mapping.aliases)[field]
    spellings = ", ".join(f"{quote(text)}: {quote(member)}" for text, member in texts.items() if member)
    constant = write_constant(getattr(mapping, field))
    if field not in mapping.columns and not (field == "provider" and mapping.takes_maker_from_model):
        return constant
    return f"CASE WHEN {field} IS NULL THEN {constant} ELSE (MAP {{{spellings}}})[lower({field})] END"


def write_constant(text: str | None) -> str:
    return "NULL::VARCHAR" if text is None else quote(text)
