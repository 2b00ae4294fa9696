"""Queries of /Analytics: what one asks for, and the documented rules it must keep, with their messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne

CASCADE = "QUERY_DATA_SOURCE_CASCADE_DATA"

NUMBERS = ("prompts_used", "flex_credits_used")
"""The numeric fields of CASCADE, in hundredths of a credit."""

FUNCTION_PREFIX = "QUERY_AGGREGATION_"
FUNCTIONS = {FUNCTION_PREFIX + name: name for name in ("COUNT", "SUM", "AVG", "MAX", "MIN")}
OPERATORS: dict[str, Callable[[str | int, str | int], bool]] = {
    "QUERY_FILTER_EQUAL": eq,
    "QUERY_FILTER_NOT_EQUAL": ne,
    "QUERY_FILTER_GREATER_THAN": gt,
    "QUERY_FILTER_LESS_THAN": lt,
    "QUERY_FILTER_GE": ge,
    "QUERY_FILTER_LE": le,
}
# What each kind of field can be asked for, besides its plain value.
KINDS = {
    "string": {"COUNT"},
    "numeric": {"SUM", "MAX", "MIN", "AVG"},
    "boolean": {"SUM", "COUNT"},
    "percent": set[str](),
}
DISTINCT = {
    "distinct_users": "[api_key]",
    "distinct_developer_days": "[api_key date]",
    "distinct_developer_hours": "[api_key date hour]",
}


def _source(string: str, numeric: str, boolean: str = "", percent: str = "") -> dict[str, str]:
    kinds = {"string": string, "numeric": numeric, "boolean": boolean, "percent": percent}
    return {field: kind for kind, fields in kinds.items() for field in fields.split()}


SOURCES = {
    CASCADE: _source("api_key date model ide metadata", " ".join(NUMBERS)),
    "QUERY_DATA_SOURCE_USER_DATA": _source(
        f"api_key date hour language ide version {' '.join(DISTINCT)}",
        "num_acceptances num_lines_accepted num_bytes_accepted",
    ),
    "QUERY_DATA_SOURCE_CHAT_DATA": _source(
        "api_key model_id date ide version latest_intent_type",
        "num_chats_received chat_loc_used",
        "chat_accepted chat_inserted_at_cursor chat_applied",
    ),
    "QUERY_DATA_SOURCE_COMMAND_DATA": _source(
        "api_key date timestamp language ide version command_source provider_source",
        "lines_added lines_removed bytes_added bytes_removed selection_lines selection_bytes",
        "accepted",
    ),
    "QUERY_DATA_SOURCE_PCW_DATA": _source(
        "language ide version",
        "",
        "",
        "percent_code_written codeium_bytes user_bytes total_bytes codeium_bytes_by_autocomplete "
        "codeium_bytes_by_command",
    ),
}


class QueryRefused(Exception):
    """A query that breaks a rule; its text is the `error` of the answer 400."""


@dataclass(frozen=True)
class Selection:
    """A field of the answer: `function` is SUM, COUNT, ... or empty for the plain value."""

    field: str
    alias: str
    function: str


@dataclass(frozen=True)
class Filter:
    """A condition on one field; numbers are compared as numbers, everything else as text."""

    field: str
    operator: str
    value: str | int

    def accepts(self, value: str | int) -> bool:
        return OPERATORS[self.operator](value, self.value)


@dataclass(frozen=True)
class Query:
    """One query that keeps the rules: what it selects, by what it groups (field, alias), what it leaves out."""

    source: str
    selections: tuple[Selection, ...]
    groups: tuple[tuple[str, str], ...]
    filters: tuple[Filter, ...]

    @property
    def key(self) -> str | None:
        """The one api key it asks for, if it does."""
        wanted = ("api_key", "QUERY_FILTER_EQUAL")
        return next((str(one.value) for one in self.filters if (one.field, one.operator) == wanted), None)

    @property
    def is_aggregated(self) -> bool:
        return bool(self.groups) or any(selection.function for selection in self.selections)


def parse_query(body: object) -> Query:
    """The query that one member of `query_requests` asks for. Raises `QueryRefused` with the documented message."""
    if not isinstance(body, dict):
        raise QueryRefused("invalid query request")
    source = body.get("data_source")
    if source not in SOURCES:
        raise QueryRefused("invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED")
    fields = SOURCES[source]
    selections = tuple(_parse_selection(part) for part in _read_parts(body, "selections"))
    groups = tuple((_read_text(part, "field"), _read_text(part, "name")) for part in _read_parts(body, "aggregations"))
    _check_aliases(selections, groups)
    for selection in selections:
        _check_function(selection, _find_kind(fields, selection.field))
    if len({bool(selection.function) for selection in selections}) > 1:
        raise QueryRefused("all selection fields should have an aggregation function, or none of them should")
    for field, _ in groups:
        _check_group(field, _find_kind(fields, field))
    if groups and any(not selection.function for selection in selections):
        raise QueryRefused("selection fields should have an aggregation function when there are aggregations")
    return Query(source, selections, groups, tuple(_parse_filter(p, fields) for p in _read_parts(body, "filters")))


def read_queries(bodies: list[object]) -> list[Query]:
    """The queries of `query_requests`, none where one breaks a rule."""
    try:
        return [parse_query(one) for one in bodies]
    except QueryRefused:
        return []


def _read_parts(body: dict[str, object], name: str) -> list[dict[str, object]]:
    parts = body.get(name) or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise QueryRefused(f"invalid {name}")
    return parts


def _read_text(part: dict[str, object], name: str) -> str:
    text = part.get(name)
    if not isinstance(text, str) or not text:
        raise QueryRefused(f"missing {name}")
    return text


def _parse_selection(part: dict[str, object]) -> Selection:
    field = _read_text(part, "field")
    # An enum value that the server does not know is the unspecified one, as with the data source.
    function = FUNCTIONS.get(str(part.get("aggregation_function")), "")
    default = f"{function}_{field}".lower() if function else field
    return Selection(field, str(part.get("name") or default), function)


def _parse_filter(part: dict[str, object], fields: dict[str, str]) -> Filter:
    field, value = _read_text(part, "name"), part.get("value")
    kind = _find_kind(fields, field)
    operator = part.get("filter")
    if operator not in OPERATORS:
        raise QueryRefused("invalid query filter: QUERY_FILTER_UNSPECIFIED")
    if not isinstance(value, str):
        raise QueryRefused(f"missing value of the filter on {field}")
    if kind != "numeric":
        return Filter(field, str(operator), value)
    if not re.fullmatch(r"-?\d+", value):
        raise QueryRefused(f"invalid value of the filter on {field}: {value}")
    return Filter(field, str(operator), int(value))


def _find_kind(fields: dict[str, str], field: str) -> str:
    kind = fields.get("date" if re.fullmatch(r"date UTC[+-]\d+", field) else field)
    if kind is None:
        raise QueryRefused(f"invalid field: {field}")
    return kind


def _check_aliases(selections: tuple[Selection, ...], groups: tuple[tuple[str, str], ...]) -> None:
    aliases = [selection.alias for selection in selections] + [alias for _, alias in groups]
    if not aliases:
        raise QueryRefused("at least one field or aggregation is required")
    for position, alias in enumerate(aliases):
        if alias in aliases[:position]:
            raise QueryRefused(f"duplicate field alias for selection/aggregation: {alias}")


def _check_function(selection: Selection, kind: str) -> None:
    if selection.function and selection.function not in KINDS[kind]:
        function = FUNCTION_PREFIX + selection.function
        raise QueryRefused(f"invalid aggregation function for {kind} type field {selection.field}: {function}")


def _check_group(field: str, kind: str) -> None:
    if field in DISTINCT:
        raise QueryRefused(
            f"tried to aggregate on a distinct field: {field}. "
            f"Consider aggregating on the non-distinct fields instead: {DISTINCT[field]}"
        )
    if kind != "string":
        raise QueryRefused(f"invalid aggregation field of {kind} type: {field}")
