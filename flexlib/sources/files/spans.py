"""Spans of OpenTelemetry as plain rows: of OTLP's pages, of a span a line as SDKs print it, or of flat attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

CALLS = {"chat", "text_completion", "generate_content", "embeddings"}
"""The operations (`gen_ai.operation.name`) that call a model; an agent's span sums up the calls below it."""

COUNTS = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
}
"""The attributes of each column; the later ones are of older conventions."""

TIMES = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "timestamp")
NANOSECONDS = r"[0-9]{18,19}"
ENDS = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")

PARENTS = ("parentSpanId", "parent_span_id", "parent_id")

CALL, FAILED, OTHER = "call", "failed call", "other span"

Span = dict[str, Any]


def read_spans(lines: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """A row for each span; `kind` tells which of them call a model. What is no JSON (None) is a call of its own."""
    for line in lines:
        for span in _list_spans(line):
            yield _read_span(span) if isinstance(span, dict) else {"kind": CALL}


def _list_spans(line: Any) -> Iterator[Any]:  # noqa: ANN401 (JSON)
    """The spans of a line; what stands in the place of a page or its spans and is none comes as it is."""
    pages = isinstance(line, dict) and (line.get("resourceSpans") or line.get("resource_spans"))
    if not pages:
        yield line
        return
    for page in _list_in(pages):
        scopes = (page.get("scopeSpans") or page.get("scope_spans") or []) if isinstance(page, dict) else page
        for scope in _list_in(scopes):
            yield from _list_in((scope.get("spans") or []) if isinstance(scope, dict) else scope)


def _list_in(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read_span(span: Span) -> dict[str, Any]:
    told = span | _read_attributes(span.get("attributes"))
    row = {column: _find(told, names) for column, names in COUNTS.items()}
    context: Span = found if isinstance(found := span.get("context"), dict) else span
    ids = [_find(context, names) for names in (("traceId", "trace_id"), ("spanId", "span_id"))]
    operation = str(told.get("gen_ai.operation.name") or "")
    error = told.get("error.type")
    if operation == "embeddings":
        row["output_tokens"] = row["output_tokens"] or 0
    uses_tokens = row["input_tokens"] is not None or bool(row["output_tokens"])
    is_call = operation in CALLS or (not operation and uses_tokens)
    return row | {
        "kind": FAILED if is_call and not uses_tokens and error else CALL if is_call else OTHER,
        "id": "-".join(map(str, ids)) if all(ids) else told.get("gen_ai.response.id"),
        "parent": f"{ids[0]}-{parent}" if all(ids) and (parent := _find(span, PARENTS)) else None,
        "timestamp": _find(span, TIMES),
        "operation": "embedding" if operation == "embeddings" else "text",
        "error": error,
        "duration_ms": _measure(_find(span, TIMES), _find(span, ENDS)),
    }


def _read_attributes(attributes: object) -> Span:
    """The attributes by their names, of OTLP's list of keys and typed values as of an object."""
    if isinstance(attributes, dict):
        return attributes
    pairs = [one for one in attributes if isinstance(one, dict)] if isinstance(attributes, list) else []
    return {str(one.get("key", "")): _read_value(one.get("value")) for one in pairs}


def _read_value(value: object) -> Any:  # noqa: ANN401 (JSON)
    return next(iter(value.values()), None) if isinstance(value, dict) else value


def _find(told: Span, names: Iterable[str]) -> Any:  # noqa: ANN401 (JSON)
    return next((told[name] for name in names if told.get(name) is not None), None)


def _measure(start: object, end: object) -> float | None:
    """Milliseconds between two times in nanoseconds; those written otherwise are not measured."""
    if re.fullmatch(NANOSECONDS, str(start)) and re.fullmatch(NANOSECONDS, str(end)):
        return (int(str(end)) - int(str(start))) / 1_000_000
    return None
