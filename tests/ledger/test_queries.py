"""Scopes and sums: half-open periods, None where nothing is priced, what is missing counted, all exact."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.ledger import (
    InvalidCall,
    Ledger,
    UsageQuery,
    get_stats_by_task_type,
    get_total_cost_by_period,
    get_usage_by_day,
    get_usage_by_provider_and_model,
    get_usage_by_proxy,
    get_usage_by_usable,
    open_ledger,
    record_many,
    record_usage,
    usage,
)
from flexlib.ledger.read.queries import MEASURES

OPENAI, ANTHROPIC, GOOGLE = LlmProvider.OPENAI, LlmProvider.ANTHROPIC, LlmProvider.GOOGLE
SANTIAGO = ZoneInfo("America/Santiago")

CALLS: list[dict[str, Any]] = [
    {"request_id": name, "usable": usable, "provider": provider, "model": model, "proxy": proxy, "task_type": task_type,
     "prompt_tokens": prompt, "completion_tokens": completion, "amount_in_usd": usd, "amount_in_clp": clp,
     "created_at": f"2025-{moment}Z"}
    for name, usable, provider, model, proxy, task_type, prompt, completion, usd, clp, moment in [
        ("a", ("user", 1), OPENAI, "gpt-4o", None, "text", 100, 50, "0.00015", "0.1457", "09-01T00:00:00"),
        ("b", ("user", 1), OPENAI, "gpt-4o", "openrouter", "text", 10, 5, "1e-10", None, "09-01T23:59:59.999999"),
        ("c", ("user", 2), ANTHROPIC, "claude-2", "openrouter", "text", 1, 1, "2", "1941", "09-02T00:00:00"),
        ("d", ("team", 1), GOOGLE, "my-model", None, "image", 7, 0, None, None, "09-15T12:00:00"),
        ("e", None, GOOGLE, "my-model", "together", "image", 0, 3, None, None, "09-30T23:59:59.999999"),
        ("f", ("user", 1), OPENAI, "gpt-4o", None, "text", 1000, 0, "5", "5000", "10-01T00:00:00"),
    ]
]  # fmt: skip


@pytest.fixture
def filled(ledger: Ledger) -> UsageQuery:
    record_many(CALLS, ledger=ledger)
    return UsageQuery(ledger)


def names(scope: UsageQuery) -> str:
    return "".join(record.request_id for record in scope)


def test_scopes_narrow_and_compose_in_any_order(filled: UsageQuery) -> None:
    assert names(filled) == "abcdef"
    assert names(filled.by_provider(OPENAI)) == "abf"
    assert names(filled.by_provider(OPENAI, "Anthropic")) == "abcf"
    assert names(filled.by_proxy(LlmProxy.OPENROUTER, "together")) == "bce"
    assert names(filled.via_openrouter()) == "bc"
    assert names(filled.direct()) == "adf"
    assert names(filled.by_task_type(LlmTaskType.IMAGE)) == "de"
    assert names(filled.by_model("claude-2", "my-model")) == "cde"
    assert names(filled.by_usable(("user", 1))) == "abf"
    assert names(filled.by_usable(("user", 1), ("team", 1))) == "abdf"
    assert names(filled.unpriced()) == "de"
    both = filled.by_provider(OPENAI).via_openrouter()
    assert names(both) == names(filled.via_openrouter().by_provider(OPENAI)) == "b"
    assert names(both.between("2025-09-02", None)) == ""
    assert names(filled.by_provider(OPENAI).by_provider(GOOGLE)) == ""
    assert names(filled) == "abcdef"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-09-01", "2025-09-30", "abcde"),  # a bare day as the end means that whole day
        (date(2025, 9, 1), date(2025, 9, 1), "ab"),
        ("2025-09-01", "2025-09-30T00:00Z", "abcd"),  # a time as the end is not in it
        ("2025-09-01", datetime(2025, 10, 1), "abcde"),
        ("2025-09-01T00:00:00.000001Z", datetime(2025, 10, 1, 0, 0, 0, 1), "bcdef"),
        (datetime(2025, 9, 1, 21, tzinfo=timezone(timedelta(hours=-3))), "2025-09-02T00:00:00Z", ""),
        (datetime(2025, 9, 1, 20, 59, tzinfo=timezone(timedelta(hours=-3))), "2025-09-02T00:00:00.000001Z", "bc"),
        (None, "2025-09-01", "ab"),
        ("2025-10-01", None, "f"),
        (None, None, "abcdef"),
    ],
)
def test_between_is_half_open(filled: UsageQuery, start: Any, end: Any, expected: str) -> None:  # noqa: ANN401
    assert names(filled.between(start, end)) == expected


def test_days_of_a_zone_begin_and_end_there(ledger: Ledger) -> None:
    # On 7 September 2025 Santiago's clocks went from UTC-4 to UTC-3 at midnight, which therefore did not exist.
    moments = {"a": "07T03:59:59.999999", "b": "07T04:00", "c": "08T02:59:59.999999", "d": "08T03:00"}
    call = {"usable": None, "provider": "openai", "model": "gpt-4o", "amount_in_usd": 1}
    record_many(
        [{**call, "request_id": name, "created_at": f"2025-09-{moment}Z"} for name, moment in moments.items()],
        ledger=ledger,
    )
    scope = UsageQuery(ledger)
    assert names(scope.between("2025-09-07", "2025-09-07", SANTIAGO)) == "bc"
    days = get_usage_by_day("2025-09-06", "2025-09-08", zone=SANTIAGO, within=scope)
    assert [*days["date"].dt.day] == [6, 7, 8]
    assert [*days["request_count"]] == [1, 2, 1]
    assert [*get_usage_by_day(within=scope)["request_count"]] == [2, 2]  # of UTC


def test_a_sum_of_a_day_keeps_its_date_in_every_zone_and_one_of_a_month_has_none(ledger: Ledger) -> None:
    call = {"usable": None, "provider": "openai", "model": "gpt-4o", "amount_in_usd": 1}
    sums = [("hour", 3, "02T02:00"), ("day", 50, "02T00:00"), ("month", 700, "01T00:00")]
    record_many(
        [{**call, "grain": grain, "requests": calls, "created_at": f"2025-09-{time}Z"} for grain, calls, time in sums],
        ledger=ledger,
    )
    scope = UsageQuery(ledger)
    frame = get_usage_by_day("2025-09-01", "2025-09-30", zone=SANTIAGO, within=scope)
    # The hour is one of 1 September in Santiago.
    assert [str(moment) for moment in frame["date"]] == ["2025-09-01 00:00:00", "2025-09-02 00:00:00", "NaT"]
    assert [*frame["request_count"]] == [3, 50, 700]
    only = get_usage_by_day("2025-09-02", "2025-09-02", zone=SANTIAGO, within=scope)
    assert [*only["request_count"]] == [50]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: usage.between("2025-09-30", "2025-09-01"), "the period starts at 2025-09-30 and ends before that, at"),
        (
            lambda: usage.between("2025-09-31", None),
            "start is '2025-09-31'; write it as 2025-09-01 or 2025-09-01T12:00:00Z.",
        ),
        (lambda: usage.between(None, "soon"), "end is 'soon'; write it as"),
        (lambda: usage.by_provider("acme"), "provider is 'acme'; it must be one of openai"),
        (lambda: usage.by_proxy("none"), "proxy is 'none'; it must be one of openrouter"),
        (lambda: usage.by_model(), "by_model needs at least one value."),
        (lambda: usage.by_usable("user"), "usable str has the id None"),
        (lambda: usage.sum("model"), "model is not a column that can be summed"),
        (lambda: usage.sum("id"), "id is not a column that can be summed"),
        (lambda: get_total_cost_by_period(None, None, "eur"), "'eur' is not a currency of the ledger"),  # type: ignore[arg-type]
    ],
)
def test_a_question_that_makes_no_sense_is_refused(ask: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidCall, match=re.escape(message)):
        ask()


def test_nobody_is_looked_up_as_nobody(filled: UsageQuery) -> None:
    assert names(filled.by_usable(None)) == "e"


def test_count_sum_first_and_frame(filled: UsageQuery) -> None:
    september = filled.between("2025-09-01", "2025-09-30")
    assert september.count() == 5
    assert (september.sum("total_tokens"), september.sum("amount_in_usd")) == (177, Decimal("2.0001500001"))
    assert september.by_provider(GOOGLE).sum("amount_in_usd") is None
    assert filled.by_model("none").sum("prompt_tokens") is None
    assert filled.by_model("none").first() is None
    first = filled.first()
    assert first is not None
    assert first.request_id == "a"
    frame = september.to_frame()
    assert [*frame["request_id"]] == [*"abcde"]
    assert frame["amount_in_usd"][0] == Decimal("0.00015")


def test_total_cost_is_a_number_or_both_currencies_with_what_they_lack(filled: UsageQuery) -> None:
    period = "2025-09-01", "2025-09-30"
    assert get_total_cost_by_period(*period, within=filled) == {
        "usd": Decimal("2.0001500001"),
        "clp": Decimal("1941.1457"),
        "unpriced_usd": 2,
        "unpriced_clp": 3,
    }
    assert get_total_cost_by_period(*period, "usd", within=filled) == Decimal("2.0001500001")
    assert get_total_cost_by_period(*period, currency="clp", within=filled) == Decimal("1941.1457")


def test_a_period_without_one_priced_call_costs_none_not_zero(filled: UsageQuery) -> None:
    nothing_priced = get_total_cost_by_period("2025-09-10", "2025-09-30", within=filled)
    assert nothing_priced == {"usd": None, "clp": None, "unpriced_usd": 2, "unpriced_clp": 2}
    no_call = get_total_cost_by_period("2024-01-01", "2024-12-31", within=filled)
    assert no_call == {"usd": None, "clp": None, "unpriced_usd": 0, "unpriced_clp": 0}


def rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(None if one is pd.NA or one != one else one for one in row) for row in frame.itertuples(index=False)]


def test_usage_by_provider_and_model(filled: UsageQuery) -> None:
    frame = get_usage_by_provider_and_model("2025-09-01", "2025-09-30", within=filled)
    assert list(frame) == ["provider", "model", *MEASURES]
    assert rows(frame) == [
        ("anthropic", "claude-2", 1, 1, 2, Decimal(2), Decimal(1941), 1, 0, 0),
        ("google", "my-model", 7, 3, 10, None, None, 2, 2, 2),
        ("openai", "gpt-4o", 110, 55, 165, Decimal("0.0001500001"), Decimal("0.1457"), 2, 0, 1),
    ]
    assert {str(frame[name].dtype) for name in MEASURES if name not in ("total_usd", "total_clp")} == {"int64"}
    assert frame["total_usd"][1] is None
    assert rows(get_usage_by_provider_and_model(within=filled))[2][2:6] == (1110, 55, 1165, Decimal("5.0001500001"))


def test_stats_by_task_type(filled: UsageQuery) -> None:
    assert rows(get_stats_by_task_type("2025-09-01", "2025-09-30", within=filled)) == [
        ("image", 7, 3, 10, None, None, 2, 2, 2),
        ("text", 111, 56, 167, Decimal("2.0001500001"), Decimal("1941.1457"), 3, 0, 1),
    ]
    openrouter = get_stats_by_task_type("2025-09-01", "2025-09-30", within=filled.via_openrouter())
    assert rows(openrouter) == [("text", 11, 6, 17, Decimal("2.0000000001"), Decimal(1941), 2, 0, 1)]


def test_usage_by_proxy_has_direct_calls_last(filled: UsageQuery) -> None:
    counted = get_usage_by_proxy("2025-09-01", "2025-09-30", within=filled)[["proxy", "request_count"]]
    assert rows(counted) == [("openrouter", 2), ("together", 1), (None, 2)]


def test_usage_by_usable_has_nobody_last(filled: UsageQuery) -> None:
    counted = get_usage_by_usable(within=filled)[["usable_type", "usable_id", "request_count", "total_usd"]]
    assert rows(counted) == [
        ("team", 1, 1, None),
        ("user", 1, 3, Decimal("5.0001500001")),
        ("user", 2, 1, Decimal(2)),
        (None, None, 1, None),
    ]


def test_usage_by_day(filled: UsageQuery) -> None:
    frame = get_usage_by_day("2025-09-01", "2025-09-30", within=filled)
    counted = rows(frame[["date", "total_tokens", "total_usd", "unpriced_usd"]])
    assert counted == [
        (pd.Timestamp("2025-09-01"), 165, Decimal("0.0001500001"), 0),
        (pd.Timestamp("2025-09-02"), 2, Decimal(2), 0),
        (pd.Timestamp("2025-09-15"), 7, None, 1),
        (pd.Timestamp("2025-09-30"), 3, None, 1),
    ]


def test_frames_of_nothing_have_their_columns(ledger: Ledger) -> None:
    nothing = UsageQuery(ledger)
    for frame in (get_usage_by_provider_and_model(within=nothing), get_usage_by_day(within=nothing)):
        assert len(frame) == 0
        assert list(frame)[-len(MEASURES) :] == list(MEASURES)


amounts = st.none() | st.decimals(0, 9 * 10**8, places=10)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([OPENAI, ANTHROPIC]), st.sampled_from(["a", "b"]), st.integers(0, 10**12), amounts, amounts
        ),
        max_size=25,
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_those_of_the_decimals_themselves(tmp_path_factory: pytest.TempPathFactory, drawn: list[Any]) -> None:
    ledger = open_ledger(data=tmp_path_factory.mktemp("ledger"))
    calls = [
        {"usable": None, "provider": provider, "model": model, "prompt_tokens": tokens, "amount_in_usd": usd,
         "amount_in_clp": clp and clp.quantize(Decimal("1e-4")), "proxy": "windsurf"}
        for provider, model, tokens, usd, clp in drawn
    ]  # fmt: skip
    record_many(calls, ledger=ledger)
    expected = []
    with localcontext() as context:
        context.prec = 60
        for key in sorted({(call["provider"], call["model"]) for call in calls}):
            group = [call for call in calls if (call["provider"], call["model"]) == key]
            sums: list[Decimal | None] = []
            for name in ("amount_in_usd", "amount_in_clp"):
                known = [call[name] for call in group if call[name] is not None]
                sums.append(sum(known) if known else None)
            tokens = sum(call["prompt_tokens"] for call in group)
            missing = [sum(call[name] is None for call in group) for name in ("amount_in_usd", "amount_in_clp")]
            expected.append((*key, tokens, 0, tokens, *sums, len(group), *missing))
    assert rows(get_usage_by_provider_and_model(within=UsageQuery(ledger))) == expected
    ledger.close()


def test_a_stream_of_records_sees_one_state(ledger: Ledger) -> None:
    record_many([{**CALLS[0], "request_id": f"{number:04}"} for number in range(2500)], ledger=ledger)
    stream = iter(UsageQuery(ledger))
    seen = [next(stream).request_id]
    record_usage(**{**CALLS[0], "request_id": "later"}, ledger=ledger)
    seen += [record.request_id for record in stream]
    assert seen == [f"{number:04}" for number in range(2500)]
    assert UsageQuery(ledger).count() == 2501


def test_the_scopes_of_the_settings_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.delenv("FLEXLIB_DATABASE_URL", raising=False)
    record_usage(**CALLS[0])
    assert names(usage.by_provider(OPENAI).direct().between("2025-09-01", "2025-09-01")) == "a"
    assert get_total_cost_by_period("2025-09-01", "2025-09-30", "usd") == Decimal("0.00015")
