"""Answers of /Analytics: a query over the company's rows gives items, flat maps from alias to text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from zlib import crc32

from flexlib.demo.company import Company, Row
from flexlib.demo.query import CASCADE, Filter, Query, Selection

REDUCERS: dict[str, Callable[[list[int]], int | float]] = {
    "SUM": sum,
    "MAX": lambda values: max(values, default=0),
    "MIN": lambda values: min(values, default=0),
    "AVG": lambda values: sum(values) / len(values) if values else 0,
}
READERS: dict[str, Callable[[Row], str | int]] = {
    "api_key": attrgetter("key"),
    "date": attrgetter("day"),
    "model": attrgetter("model"),
    "ide": attrgetter("ide"),
    "metadata": lambda row: "",
    "prompts_used": attrgetter("prompt_credits"),
    "flex_credits_used": attrgetter("flex_credits"),
}


Item = dict[str, str]
"""One item of an answer."""


def answer_query(query: Query, company: Company, today: str, nil_numbers: float = 0.0) -> list[Item]:
    """The items of one query over the days up to `today`: raw rows by day and key, or groups as they first occur.

    Half of the zeros are absent, as proto3 leaves them out, the same ones each time; the share `nil_numbers` of all
    zeros is `<nil>` instead.
    """
    if query.source != CASCADE:
        return []
    rows = _read_rows(query, company, today)
    if not query.is_aggregated:
        return [_make_item(_read_values(query, row), nil_numbers) for row in rows]
    return list(_group_rows(query, rows, nil_numbers))


def _read_rows(query: Query, company: Company, today: str) -> Iterator[Row]:
    first, last = "", today
    others: list[Filter] = []
    for condition in query.filters:
        if (condition.field, condition.operator) == ("date", "QUERY_FILTER_GE"):
            first = max(first, str(condition.value))
        elif (condition.field, condition.operator) == ("date", "QUERY_FILTER_LE"):
            last = min(last, str(condition.value))
        else:
            others.append(condition)
    rows = company.read_rows(first, last, query.key)
    return (row for row in rows if all(other.accepts(READERS[other.field](row)) for other in others))


def _read_values(query: Query, row: Row) -> dict[str, str | int | float]:
    return {selection.alias: READERS[selection.field](row) for selection in query.selections}


def _group_rows(query: Query, rows: Iterator[Row], nil_numbers: float) -> Iterator[Item]:
    groups: dict[tuple[str | int, ...], list[Row]] = {} if query.groups else {(): []}
    for row in rows:
        groups.setdefault(tuple(READERS[field](row) for field, _ in query.groups), []).append(row)
    for group, members in groups.items():
        named = {alias: value for (_, alias), value in zip(query.groups, group, strict=True)}
        sums = {selection.alias: _reduce_rows(selection, members) for selection in query.selections}
        yield _make_item(named | sums, nil_numbers)


def _reduce_rows(selection: Selection, rows: list[Row]) -> int | float:
    if selection.function == "COUNT":
        return len(rows)
    return REDUCERS[selection.function]([int(READERS[selection.field](row)) for row in rows])


def _make_item(values: dict[str, str | int | float], nil_numbers: float) -> Item:
    written = {
        alias: str(value) if value else _write_zero(alias, value, values, nil_numbers)
        for alias, value in values.items()
    }
    return {alias: text for alias, text in written.items() if text}


def _write_zero(alias: str, value: str | int | float, values: dict[str, str | int | float], nil_numbers: float) -> str:
    """`<nil>`, `0` or nothing: one of them for the same item each time. Empty text is always absent."""
    if value == "":
        return ""
    number = crc32(f"{alias} {values}".encode())
    if number < nil_numbers * 2**32:
        return "<nil>"
    return "0" if number % 2 else ""
