"""Session files of assistants, and spans: Claude Code, Codex, ccusage, OpenTelemetry; sums made by hand beside."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from preset_samples import (
    Sums,
    build_mapping,
    count_left_out,
    find_preset_name,
    price_file,
    read_rows,
    sum_rows,
    write_lines,
)

from flexlib.certificate import UsageCertificate
from flexlib.checks import explain_check
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import import_files
from flexlib.sources.files import read_calls
from flexlib.sources.files.codex import read_codex
from flexlib.sources.files.ids import OR_DISTINCT
from flexlib.sources.files.paths import InputFile
from flexlib.sources.files.spans import read_spans

MODEL = "claude-sonnet-4-5-20250929"


def answer(second: int, name: str, usage: dict[str, Any], model: str = MODEL) -> dict[str, Any]:
    """A line of Claude Code: one block of the answer `name`, with the usage known by then."""
    message = {"id": name, "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    return {"type": "assistant", "timestamp": f"2026-05-01T10:00:{second:02}.000Z", "sessionId": "s1",
            "requestId": f"req_{name}", "uuid": f"u{second}", "message": message}  # fmt: skip


USAGE = {"input_tokens": 4, "cache_creation_input_tokens": 3000, "cache_read_input_tokens": 10000, "output_tokens": 1,
         "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000},
         "service_tier": "standard"}  # fmt: skip

CLAUDE_CODE: list[dict[str, Any]] = [
    {"type": "summary", "summary": "A talk", "leafUuid": "u9"},
    {"type": "user", "timestamp": "2026-05-01T10:00:00.000Z", "sessionId": "s1", "message": {"role": "user"}},
    answer(1, "msg_1", USAGE),
    answer(2, "msg_1", USAGE | {"output_tokens": 500}),
    answer(
        3, "msg_2", {"input_tokens": 10, "cache_read_input_tokens": 13000, "output_tokens": 200, "speed": "standard"}
    ),
    answer(4, "msg_3", {"input_tokens": 0, "output_tokens": 0}, "<synthetic>"),
]


def test_of_a_streamed_answer_of_claude_code_the_last_line_counts(tmp_path: Path) -> None:
    file = write_lines(tmp_path, "session.jsonl", *CLAUDE_CODE)
    assert find_preset_name(file) == "claude-code"
    # msg_1: 4 fresh, 3000 written, 10000 read; msg_2: 10 fresh, 13000 read
    assert sum_rows(file) == Sums(2, 2, 26014, 700, cached=23000, written=3000, untold=2)
    first = read_rows(file)[0]
    assert (first["completion_tokens"], first["cache_write_1h_tokens"], first["id"]) == (500, 1000, "msg_1")
    assert count_left_out(file)["answers of the program itself"] == 1


def test_an_hour_s_write_of_claude_code_has_its_own_price(tmp_path: Path) -> None:
    file = write_lines(tmp_path, "session.jsonl", *CLAUDE_CODE)
    # 14 x 3 + 2000 x 3.75 + 1000 x 6 + 23000 x 0.30 + 700 x 15, by the million
    assert price_file(file, tmp_path / "data") == (Decimal("0.030942"), 0)


def test_a_fast_answer_of_claude_code_is_of_another_tier(tmp_path: Path) -> None:
    fast = answer(5, "msg_4", USAGE | {"speed": "fast"}, "claude-opus-4-6")
    assert [row["tier"] for row in read_rows(write_lines(tmp_path, "session.jsonl", *CLAUDE_CODE, fast))] == [
        *("standard", None, "fast")
    ]


def count(second: int, last: dict[str, int] | None, total: dict[str, int] | None) -> dict[str, Any]:
    """A line of Codex that counts tokens."""
    info = {name: value for name, value in {"last_token_usage": last, "total_token_usage": total}.items() if value}
    return {"timestamp": f"2026-05-01T10:00:{second:02}.000Z", "type": "event_msg",
            "payload": {"type": "token_count", "info": info or None, "rate_limits": {}}}  # fmt: skip


def use(fresh: int, cached: int, output: int) -> dict[str, int]:
    return {"input_tokens": fresh + cached, "cached_input_tokens": cached, "output_tokens": output,
            "reasoning_output_tokens": output // 2, "total_tokens": fresh + cached + output}  # fmt: skip


def turn(second: int, model: str) -> dict[str, Any]:
    return {"timestamp": f"2026-05-01T10:00:{second:02}.000Z", "type": "turn_context", "payload": {"model": model}}


def meta(second: int, name: str, **more: str) -> dict[str, Any]:
    return {"timestamp": f"2026-05-01T10:00:{second:02}.000Z", "type": "session_meta",
            "payload": {"id": name, "cli_version": "0.60.0", "cwd": "/srv/app", **more}}  # fmt: skip


def test_a_call_of_codex_has_the_model_of_the_turn_before_it(tmp_path: Path) -> None:
    lines = [
        meta(0, "s1"),
        count(1, None, None),
        turn(2, "gpt-5"),
        count(3, use(100, 900, 50), use(100, 900, 50)),
        count(4, use(100, 900, 50), use(100, 900, 50)),  # told again
        turn(5, "gpt-5-codex"),
        count(6, None, use(300, 2900, 250)),  # 200 fresh, 2000 cached, 200 out since then
        count(7, use(10, 0, 5), use(310, 2900, 255)),
    ]
    file = write_lines(tmp_path, "rollout.jsonl", *lines)
    assert find_preset_name(file) == "codex"
    assert sum_rows(file) == Sums(3, 3, 3210, 255, cached=2900, untold=3)
    assert [(row["model"], row["prompt_tokens"]) for row in read_rows(file)] == [
        *(("gpt-5", 1000), ("gpt-5-codex", 2200), ("gpt-5-codex", 10))
    ]
    assert count_left_out(file) == {"limits without usage": 1, "usage told before": 1}


def test_lines_of_codex_that_come_twice_are_calls_once_and_the_total_grows_on_from_the_first(tmp_path: Path) -> None:
    block = [
        count(3, use(100, 900, 50), None),
        count(6, None, use(300, 2900, 250)),
        count(7, None, use(310, 2900, 255)),
    ]
    lines = [meta(0, "s1"), turn(2, "gpt-5"), *block, *block[:2], count(8, None, use(320, 2900, 260))]
    file = write_lines(tmp_path, "rollout.jsonl", *lines)
    assert [row["prompt_tokens"] for row in read_rows(file)] == [1000, 3200, 10, 10]
    assert count_left_out(file) == {"usage told before": 2}


def test_values_of_codex_that_are_none_are_no_fault_of_ours_and_a_session_without_an_id_lends_none() -> None:
    lines = [
        {"type": "event_msg", "timestamp": "t", "payload": {"type": "token_count", "info": "?"}},
        {"type": "event_msg", "timestamp": "t", "payload": {"type": "token_count", "info": {"total_token_usage": [1]}}},
    ]
    assert [(row["id"], row["kind"]) for row in read_codex(lines)] == [(None, "call"), (None, "call")]


def test_a_fork_whose_beginning_nothing_tells_has_calls_of_which_nothing_is_known() -> None:
    lines = [meta(30, "s2", forked_from_id="s1") | {"timestamp": "?"}, turn(30, "gpt-5"), count(30, use(1, 0, 5), None)]
    assert list(read_codex(lines)) == [{"kind": "call"}]


def test_values_of_spans_and_of_codex_that_are_of_no_type_are_no_fault_of_ours() -> None:
    spans = [{"attributes": [{"key": ["x"], "value": {}}, {"key": "gen_ai.operation.name", "value": {"a": [1]}}]}]
    assert [row["kind"] for row in read_spans([*spans, {"attributes": {"gen_ai.operation.name": []}}])] == [
        *("other span", "other span")
    ]
    totals: list[Any] = [{"input_tokens": "?"}, {"input_tokens": 5}]
    lines = [count(second, None, total) for second, total in enumerate(totals)]
    assert [row.get("input_tokens") for row in read_codex(lines)] == [None, 5]


def test_what_a_forked_session_of_codex_repeats_of_its_parent_is_no_call(tmp_path: Path) -> None:
    lines = [
        meta(30, "s2", forked_from_id="s1"),
        meta(30, "s1"),
        turn(30, "gpt-5"),
        count(30, use(100, 900, 50), use(100, 900, 50)),
        count(31, use(10, 0, 5), use(110, 900, 55)),
        count(45, use(20, 1000, 7), use(130, 1900, 62)),
    ]
    file = write_lines(tmp_path, "rollout.jsonl", *lines)
    assert sum_rows(file) == Sums(1, 1, 1020, 7, cached=1000, untold=1)
    assert count_left_out(file) == {"of the parent session": 2}


def list_session(name: str, begun: str, times: str, **more: str) -> list[dict[str, Any]]:
    """A session of Codex with a call of 100,000 and 1,000 tokens at each of the times."""
    told = [count(0, use(100_000, 0, 1000), use(100_000 * nth, 0, 1000 * nth)) for nth in range(1, 10)]
    calls = [one | {"timestamp": f"2026-05-01T10:00:{time}Z"} for one, time in zip(told, times.split(), strict=False)]
    begin = f"2026-05-01T10:00:{begun}Z"
    return [meta(0, name, **more) | {"timestamp": begin}, turn(0, "gpt-5-codex") | {"timestamp": begin}, *calls]


OWN = " 40.000 45.000"


@pytest.mark.parametrize(
    ("begun", "copied", "is_fork", "kinds"),
    [
        ("30.000", "11.000 12.000 13.000", True, 3 * ["of the parent session"]),  # named, within the replay
        ("30.000", "30.500 30.500 30.500", True, 3 * ["of the parent session"]),
        ("30.000", "11.000 12.000 13.000", False, 3 * ["perhaps of the parent session"]),  # 5 calls, of which 3 asked
        ("30.000", "30.500 30.500 30.500", False, 3 * ["perhaps of the parent session"]),
        ("30.000", "33.500 33.500 33.500", True, 3 * ["perhaps of the parent session"]),  # later than the replay
        ("04.000", "05.000 05.060", False, 2 * ["perhaps of the parent session"]),
        ("06.000", "05.000", False, ["perhaps of the parent session"]),  # or the clock was set back
        ("04.000", "05.000 25.000 25.050", False, 3 * ["call"]),  # not from the first call on
    ],
)
def test_a_call_of_codex_is_left_out_only_where_a_fork_is_named_and_else_asked_about(
    begun: str, copied: str, is_fork: bool, kinds: list[str]
) -> None:
    more = {"forked_from_id": "s1"} if is_fork else {}
    rows = list(read_codex(list_session("s2", begun, copied + OWN, **more)))
    assert [row["kind"] for row in rows] == [*kinds, "call", "call"]


@pytest.mark.parametrize(
    ("begun", "copied", "more"),
    [
        ("30.000", "03.000 06.000 09.000 12.000", {}),
        ("30.000", "30.500 30.500 30.500 30.500", {}),
        ("30.000", "33.500 33.500 33.500 33.500", {"forked_from_id": "s1"}),
    ],
)
def test_what_a_session_of_codex_begins_with_of_another_one_counts_once_where_that_is_here_and_is_asked_about_elsewhere(
    tmp_path: Path, begun: str, copied: str, more: dict[str, str]
) -> None:
    parent = write_lines(tmp_path, "a.jsonl", *list_session("s1", "00.000", "03.000 06.000 09.000 12.000"))
    fork = write_lines(tmp_path, "b.jsonl", *list_session("s2", begun, copied + OWN, **more))
    once = ("COMPLETE", 6, 600_000)  # four calls of 100,000 that both have, and two of the fork's own
    for number, commands in enumerate(
        ([[parent, fork]], [[fork, parent]], [[parent], [fork]], [[fork], [parent, fork]])
    ):
        found = [bring_sessions(tmp_path / f"data{number}", *files) for files in commands]
        assert (found[-1].state.name, found[-1].rows, found[-1].prompt_tokens) == once
        assert found[-1].left_out == ({"kind": "of the parent session", "rows": 4},)
        if commands[0] == [fork]:
            assert (found[0].state.name, found[0].rows) == ("UNRECONCILED", 6)
            assert "with that session's file" in explain_check(found[0].sums)
    apart = bring_sessions(tmp_path / "data0", parent, fork, distinct=True)
    assert (apart.state.name, apart.rows, apart.prompt_tokens) == ("COMPLETE", 10, 1_000_000)


def bring_sessions(root: Path, *files: Path, **decisions: Any) -> UsageCertificate:  # noqa: ANN401
    mapped = [(InputFile(file, file.name), build_mapping(file)) for file in files]
    (found,) = import_files(mapped, root, Decisions(**decisions))
    return found.certificate


def test_of_several_copies_of_a_session_each_call_counts_once(tmp_path: Path) -> None:
    first = list_session("s1", "00.000", "03.000 06.000")
    second = list_session("s2", "30.000", "03.000 06.000 40.000")  # goes on with a call of its own
    third = list_session("s3", "50.000", "03.000 06.000 40.000 55.000")  # and so does a copy of that
    again = list_session("s4", "00.000", "03.000 06.000 20.000")  # whose beginning was copied as well
    files = [write_lines(tmp_path, f"{n}.jsonl", *one) for n, one in enumerate((third, first, again, second))]
    found = bring_sessions(tmp_path / "data", *files)
    assert (found.state.name, found.rows, found.prompt_tokens) == ("COMPLETE", 5, 500_000)  # at 3, 6, 20, 40, 55


@pytest.mark.parametrize("times", ["03.000 26.000", "05.000 26.000"])  # at one whole second, or not
def test_two_sessions_of_codex_that_were_asked_the_same_first_are_two(tmp_path: Path, times: str) -> None:
    one = list_session("s1", "00.000", "03.000 16.000")
    two = list_session("s2", "00.500", times)
    two[-1]["payload"]["info"] = count(0, use(90_000, 0, 900), use(190_000, 0, 1900))["payload"]["info"]
    files = [write_lines(tmp_path, f"{n}.jsonl", *lines) for n, lines in enumerate((one, two))]
    found = bring_sessions(tmp_path / "data", *files)
    assert (found.state.name, found.rows, found.prompt_tokens) == ("COMPLETE", 4, 390_000)


def test_no_call_of_a_codex_session_is_left_out_for_its_time(tmp_path: Path) -> None:
    session = list_session("s1", "04.000", "05.000 05.060 25.000 25.050 35.000")
    file = write_lines(tmp_path, "s.jsonl", *session)
    (found,) = import_files([(InputFile(file, file.name), build_mapping(file))], tmp_path / "data")
    assert (found.certificate.state.name, found.certificate.rows, found.certificate.prompt_tokens) == (
        *("UNRECONCILED", 5, 500_000),
    )
    assert not found.certificate.left_out


def test_sessions_of_codex_in_one_file_begin_their_totals_anew(tmp_path: Path) -> None:
    first, second = use(100, 900, 50), use(20, 0, 7)
    lines = [meta(0, "s1"), turn(1, "gpt-5"), count(3, first, first), meta(10, "s2"), turn(11, "gpt-5"),
             count(13, first, first), count(14, second, use(120, 900, 57))]  # fmt: skip
    assert sum_rows(write_lines(tmp_path, "all.jsonl", *lines)) == Sums(3, 3, 2020, 107, cached=1800, untold=3)


def test_sessions_of_codex_that_are_written_in_turns_keep_their_totals_and_models(tmp_path: Path) -> None:
    lines = [meta(0, "s1"), turn(1, "gpt-5"), count(2, None, use(100, 0, 10)),
             meta(10, "s2"), turn(11, "o3"), count(12, None, use(50, 0, 5)),
             meta(0, "s1"), count(21, use(30, 0, 3), use(130, 0, 13)), count(22, None, use(150, 0, 15))]  # fmt: skip
    rows = read_rows(write_lines(tmp_path, "all.jsonl", *lines))
    told = sorted((row["prompt_tokens"], row["completion_tokens"], row["model"]) for row in rows)
    assert told == [(20, 2, "gpt-5"), (30, 3, "gpt-5"), (50, 5, "o3"), (100, 10, "gpt-5")]
    assert len({row["id"] for row in rows}) == 4


def test_a_first_total_of_codex_greater_than_its_call_tells_that_the_beginning_is_missing(tmp_path: Path) -> None:
    lines = [meta(0, "s1"), turn(1, "gpt-5"), count(3, use(30, 0, 3), use(1030, 0, 103)),
             count(4, use(5, 0, 1), use(1035, 0, 104))]  # fmt: skip
    ((line, reason),) = list_faults(write_lines(tmp_path, "s.jsonl", *lines))
    assert "30, and the session's total has grown by 1030" in reason


def test_a_total_of_codex_that_grew_by_more_than_its_call_tells_of_one_that_is_missing(tmp_path: Path) -> None:
    lines = [
        meta(0, "s1"),
        turn(1, "gpt-5"),
        *(count(3, *[use(100, 0, 50)] * 2), count(9, use(20, 0, 7), use(500, 0, 90))),
    ]
    with read_calls(file := write_lines(tmp_path, "s.jsonl", *lines), build_mapping(file)) as calls:
        (row,) = calls.list_quarantined()
        assert "20, and the session's total has grown by 400" in row.reason


def test_a_day_of_ccusage_is_told_by_model(tmp_path: Path) -> None:
    model = {"modelName": MODEL, "inputTokens": 100, "outputTokens": 50, "cacheCreationTokens": 20,
             "cacheReadTokens": 80, "cost": 0.001}  # fmt: skip
    days = [{"date": "2026-05-01", "inputTokens": 300, "modelBreakdowns": [model, model | {"modelName": "gpt-5"}]},
            {"date": "2026-05-02", "inputTokens": 100, "modelBreakdowns": [model | {"cost": 0}]}]  # fmt: skip
    file = write_lines(tmp_path, "ccusage.json", {"daily": days, "totals": {"inputTokens": 300, "totalCost": 0.002}})
    assert find_preset_name(file) == "ccusage"
    assert sum_rows(file) == Sums(3, None, 600, 150, cached=240, written=60, usd=Decimal("0.002"), untold=1)


def span(number: int, operation: str | None, **attributes: object) -> dict[str, Any]:
    told = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "openai"} | attributes
    return {"name": f"{operation} x", "context": {"trace_id": "0xt", "span_id": f"0x{number}"},
            "start_time": f"2026-05-01T10:00:{number % 60:02}.000000Z", "end_time": "2026-05-01T10:01:00.000000Z",
            "attributes": {name: value for name, value in told.items() if value is not None}}  # fmt: skip


TOKENS = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100,
          "gen_ai.usage.cache_read.input_tokens": 800, "gen_ai.response.model": "gpt-4o-2024-08-06"}  # fmt: skip

SPANS = [
    span(1, "invoke_agent", **TOKENS),  # the sum of those below it
    span(2, "chat", **TOKENS),
    span(3, "execute_tool"),
    span(4, "chat", **{"gen_ai.request.model": "gpt-4o", "error.type": "timeout"}),
    span(5, "embeddings", **{"gen_ai.usage.input_tokens": 2000, "gen_ai.request.model": "text-embedding-3-small"}),
]


def test_of_spans_those_that_call_a_model_count(tmp_path: Path) -> None:
    file = write_lines(tmp_path, "spans.jsonl", *SPANS)
    assert find_preset_name(file) == "otel"
    assert sum_rows(file) == Sums(2, 2, 3000, 100, cached=800, untold=2)
    assert count_left_out(file) == {"other spans": 2, "failed calls": 1}
    assert [row["task_type"] for row in read_rows(file)] == ["text", "embedding"]


def test_a_page_of_spans_that_is_none_is_a_call_of_which_nothing_is_known() -> None:
    broken = [{"resourceSpans": [1]}, {"resourceSpans": [{"scopeSpans": [None]}]}, {"resourceSpans": 5}]
    assert (
        list(read_spans([*broken, {"resourceSpans": [{"scopeSpans": [{"spans": ["?"]}]}]}])) == [{"kind": "call"}] * 4
    )


def test_otlp_says_the_same_in_pages(tmp_path: Path) -> None:
    def write(value: object) -> dict[str, object]:
        return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}

    spans = [
        {"traceId": "t", "spanId": str(number), "name": one["name"], "startTimeUnixNano": f"17776296{number:02}000000000",
         "endTimeUnixNano": f"17776296{number:02}250000000",
         "attributes": [{"key": name, "value": write(value)} for name, value in one["attributes"].items()]}
        for number, one in enumerate(SPANS)
    ]  # fmt: skip
    scope = {"scope": {"name": "openai"}, "spans": spans}
    file = write_lines(tmp_path, "traces.json", {"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]})
    assert find_preset_name(file) == "otel"
    assert sum_rows(file) == Sums(2, 2, 3000, 100, cached=800, untold=2)
    assert [row["duration_ms"] for row in read_rows(file)] == [250, 250]


def within(parent: int, one: dict[str, Any]) -> dict[str, Any]:
    return one | {"parent_id": f"0x{parent}"}


def test_a_call_traced_twice_counts_once_the_inner_one(tmp_path: Path) -> None:
    spans = [
        span(1, None, **TOKENS | {"gen_ai.usage.input_tokens": 3000, "gen_ai.usage.output_tokens": 200}),  # their sum
        within(1, span(2, "chat", **TOKENS)),  # of a framework
        within(2, span(3, "execute_tool")),
        within(3, span(4, "chat", **TOKENS)),  # of the client that it calls
        within(1, span(5, "chat", **TOKENS | {"gen_ai.usage.input_tokens": 2000})),
    ]
    file = write_lines(tmp_path, "spans.jsonl", *spans)
    assert sum_rows(file) == Sums(2, 2, 3000, 200, cached=1600, untold=2)
    assert count_left_out(file) == {"sums of calls in them": 2, "other spans": 1}


def test_a_span_that_counts_more_than_the_calls_in_it_says_that_some_are_missing(tmp_path: Path) -> None:
    spans = [span(1, None, **TOKENS | {"gen_ai.usage.input_tokens": 9000}), within(1, span(2, "chat", **TOKENS))]
    with read_calls(file := write_lines(tmp_path, "spans.jsonl", *spans), build_mapping(file)) as calls:
        (row,) = calls.list_quarantined()
    said = f"it counts more tokens than the calls in it that are here ({OR_DISTINCT}): 9100"
    assert (row.line, row.reason) == (1, said)


def list_faults(file: Path) -> list[tuple[int | None, str]]:
    with read_calls(file, build_mapping(file)) as calls:
        return [(row.line, row.reason) for row in calls.list_quarantined()]


def test_a_call_that_counts_less_than_the_calls_in_it_is_one_of_its_own(tmp_path: Path) -> None:
    larger = TOKENS | {"gen_ai.usage.input_tokens": 5000, "gen_ai.usage.output_tokens": 900}
    file = write_lines(tmp_path, "spans.jsonl", span(1, "chat", **TOKENS), within(1, span(2, "chat", **larger)))
    assert sum_rows(file) == Sums(2, 2, 6000, 1000, cached=1600, untold=2)
    assert list_faults(file) == []


def test_an_inner_call_that_stands_twice_counts_once_towards_the_sum(tmp_path: Path) -> None:
    outer = span(1, None, **TOKENS | {"gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 200})
    inner = within(1, span(2, "chat", **TOKENS))
    file = write_lines(tmp_path, "spans.jsonl", outer, inner, inner)
    assert list_faults(file) == [(1, f"it counts more tokens than the calls in it that are here ({OR_DISTINCT}): 2200")]


def test_what_may_be_the_call_in_it_or_another_is_a_fault(tmp_path: Path) -> None:
    fewer, other = {"gen_ai.usage.input_tokens": 900}, {"gen_ai.request.model": "o3", "gen_ai.response.model": "o3"}
    for told in (fewer, other):
        spans = [span(1, "chat", **TOKENS | told), within(1, span(2, "chat", **TOKENS))]
        ((line, reason),) = list_faults(write_lines(tmp_path, "spans.jsonl", *spans))
        assert (line, reason[:44]) == (1, "it may count what the calls in it count too ")
        with read_calls(tmp_path / "spans.jsonl", build_mapping(tmp_path / "spans.jsonl"), is_distinct=True) as calls:
            assert [calls.count_month(month).rows for month in calls.months] == [2]


def test_a_long_chain_of_equal_calls_is_not_one_call(tmp_path: Path) -> None:
    chain = [span(0, "chat", **TOKENS), *(within(n - 1, span(n, "chat", **TOKENS)) for n in range(1, 500))]
    faults = list_faults(write_lines(tmp_path, "spans.jsonl", *chain))
    assert [line for line, _ in faults] == list(range(1, 496))  # the last one, and the four around it
    assert count_left_out(file := tmp_path / "spans.jsonl") == {"sums of calls in them": 4}
    with read_calls(file, build_mapping(file), is_distinct=True) as calls:
        assert [calls.count_month(month).rows for month in calls.months] == [496]


def test_cached_tokens_of_spans_have_an_older_name_too(tmp_path: Path) -> None:
    one = span(1, "chat", **{**TOKENS, "gen_ai.usage.cache_read.input_tokens": None,
                             "gen_ai.usage.cache_read_input_tokens": 700})  # fmt: skip
    assert sum_rows(write_lines(tmp_path, "spans.jsonl", one)).cached == 700
