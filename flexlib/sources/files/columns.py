"""The columns of a file that a mapping asks for, under the names by which SQL knows their texts; and all others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flexlib.sources.files.fields import FIELDS, split_sum
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.numbers import SUMMED
from flexlib.sources.registry import clean_cell

VALUE = re.compile(r"[-+]?[$€£]?\d[\d.,:/TZ -]*")
"""A number, a date or a time: no name of a column."""

IN_ID = frozenset(FIELDS) - {"request_id", "reasoning_tokens", "currency"}
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
        return "its first line holds values; add one with the names of its columns"
    return f"its columns are {', '.join(names)}"


def is_in_id(name: str) -> bool:
    """Whether the text of that name has a part in a row's id."""
    return name in IN_ID or name.startswith("metadata_")


def name_field(name: str) -> str:
    """The field of a part of a sum, or of one of several columns; no other name ends in a number."""
    return name.rstrip("_0123456789")
