"""Usage out of the answers of each API: every token once, whatever the provider nests."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.ledger import InvalidCall, Ledger, UsageQuery, record_many, record_usage
from flexlib.ledger.record.responses import (
    read_anthropic_response,
    read_google_response,
    read_mistral_response,
    read_openai_response,
    read_openrouter_response,
)

SECONDS = 1757505600
NOON = datetime(2025, 9, 10, 12, tzinfo=timezone.utc)

OPENAI_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": SECONDS,
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hola"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": None},
    },
}
OPENAI_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": SECONDS,
    "model": "o3",
    "usage": {
        "input_tokens": 328,
        "input_tokens_details": {"cached_tokens": 100},
        "output_tokens": 52,
        "output_tokens_details": {"reasoning_tokens": 40},
        "total_tokens": 380,
    },
}
OPENAI_EMBEDDING = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-4-5-20250929",
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 50,
        "cache_read_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 20,
        "service_tier": "standard",
        "server_tool_use": None,
    },
}
GOOGLE = {
    "responseId": "g-1",
    "modelVersion": "gemini-2.5-pro",
    "candidates": [],
    "usageMetadata": {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 600,
        "candidatesTokenCount": 50,
        "thoughtsTokenCount": 200,
        "totalTokenCount": 1250,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1000}],
    },
}
MISTRAL = {
    "id": "m-1",
    "object": "chat.completion",
    "created": SECONDS,
    "model": "mistral-large-latest",
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
OPENROUTER = {
    "id": "gen-1",
    "created": SECONDS,
    "model": "meta-llama/llama-3.3-70b-instruct",
    "usage": {
        "prompt_tokens": 194,
        "completion_tokens": 30,
        "total_tokens": 224,
        "cost": 0.00014,
        "is_byok": False,
        "cost_details": {"upstream_inference_cost": None},
        "prompt_tokens_details": {"cached_tokens": 128},
        "completion_tokens_details": {"reasoning_tokens": 12},
    },
}

READ: list[tuple[Callable[[Any], dict[str, Any]], dict[str, Any], dict[str, Any]]] = [
    (
        read_openai_response,
        OPENAI_CHAT,
        {
            "provider": LlmProvider.OPENAI,
            "model": "gpt-4o-2024-08-06",
            "task_type": LlmTaskType.TEXT,
            "prompt_tokens": 2006,  # the cached 1920 are in it
            "completion_tokens": 300,  # the reasoning 64 are in it
            "cached_tokens": 1920,
            "cache_write_tokens": 0,
            "metadata": {"reasoning_tokens": 64, "tier": "default"},
            "request_id": "chatcmpl-1",
            "created_at": NOON,
        },
    ),
    (
        read_openai_response,
        OPENAI_RESPONSE,
        {
            "provider": LlmProvider.OPENAI,
            "model": "o3",
            "task_type": LlmTaskType.TEXT,
            "prompt_tokens": 328,
            "completion_tokens": 52,
            "cached_tokens": 100,
            "cache_write_tokens": 0,
            "metadata": {"reasoning_tokens": 40},
            "request_id": "resp_1",
            "created_at": NOON,
        },
    ),
    (
        read_openai_response,
        OPENAI_EMBEDDING,
        {
            "provider": LlmProvider.OPENAI,
            "model": "text-embedding-3-small",
            "task_type": LlmTaskType.EMBEDDING,
            "prompt_tokens": 8,
            "completion_tokens": 0,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
        },
    ),
    (
        read_anthropic_response,
        ANTHROPIC,
        {
            "provider": LlmProvider.ANTHROPIC,
            "model": "claude-sonnet-4-5-20250929",
            "task_type": LlmTaskType.TEXT,
            "prompt_tokens": 1150,  # 100 + 50 + 1000: its own count leaves the cache out
            "completion_tokens": 20,
            "cached_tokens": 1000,
            "cache_write_tokens": 50,
            "metadata": {"tier": "standard"},
            "request_id": "msg_1",
        },
    ),
    (
        read_google_response,
        GOOGLE,
        {
            "provider": LlmProvider.GOOGLE,
            "model": "gemini-2.5-pro",
            "task_type": LlmTaskType.TEXT,
            "prompt_tokens": 1000,
            "completion_tokens": 250,  # 50 + 200: thoughts are counted beside the candidates
            "cached_tokens": 600,
            "cache_write_tokens": 0,
            "metadata": {"reasoning_tokens": 200},
            "request_id": "g-1",
        },
    ),
    (
        read_mistral_response,
        MISTRAL,
        {
            "provider": LlmProvider.MISTRAL,
            "model": "mistral-large-latest",
            "task_type": LlmTaskType.TEXT,
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "request_id": "m-1",
            "created_at": NOON,
        },
    ),
    (
        read_openrouter_response,
        OPENROUTER,
        {
            "provider": LlmProvider.META,
            "model": "meta-llama/llama-3.3-70b-instruct",
            "task_type": LlmTaskType.TEXT,
            "prompt_tokens": 194,
            "completion_tokens": 30,
            "cached_tokens": 128,
            "cache_write_tokens": 0,
            "metadata": {"reasoning_tokens": 12},
            "request_id": "gen-1",
            "created_at": NOON,
            "proxy": LlmProxy.OPENROUTER,
            "cost": Decimal("0.00014"),
            "amount_in_usd": Decimal("0.00014"),
        },
    ),
]


@pytest.mark.parametrize(("read", "answer", "arguments"), READ)
def test_an_answer_gives_the_arguments_of_its_record(
    read: Callable[[Any], dict[str, Any]], answer: dict[str, Any], arguments: dict[str, Any]
) -> None:
    untouched = deepcopy(answer)
    assert read(answer) == arguments
    assert answer == untouched


def test_an_answer_recorded_twice_is_one_call(ledger: Ledger) -> None:
    for read, answer, arguments in READ:
        records = [record_usage(usable=("user", 1), **read(answer), ledger=ledger) for _ in range(2)]
        tokens = arguments["prompt_tokens"] + arguments["completion_tokens"]
        assert {record.total_tokens for record in records} == {tokens}
        assert (records[0] == records[1]) is ("request_id" in arguments)
    assert UsageQuery(ledger).count() == len(READ) + 1  # an embedding's answer has no id


def test_an_answer_of_a_model_that_no_list_knows_yet_is_recorded_unpriced(ledger: Ledger) -> None:
    for read, answer, name in (
        (read_openai_response, OPENAI_CHAT, "model"),
        (read_anthropic_response, ANTHROPIC, "model"),
        (read_google_response, GOOGLE, "modelVersion"),
        (read_mistral_response, MISTRAL, "model"),
    ):
        record = record_usage(usable=None, **read({**answer, name: "unheard-of-9"}), ledger=ledger)
        assert (record.model, record.amount_in_usd) == ("unheard-of-9", None)
        assert "does not know 'unheard-of-9'" in str(record.unpriced)


CACHED_FOR_AN_HOUR = {
    "model": "claude-sonnet-4-20250514",
    "usage": {
        "input_tokens": 10,
        "output_tokens": 100,
        "cache_creation_input_tokens": 1_000_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400_000, "ephemeral_1h_input_tokens": 600_000},
    },
}
SEARCHED = {
    "model": "claude-sonnet-4-20250514",
    "usage": {"input_tokens": 1000, "output_tokens": 100, "server_tool_use": {"web_search_requests": 2}},
}
HEARD = {
    "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {
        "promptTokenCount": 1_000_000,
        "candidatesTokenCount": 1500,
        "totalTokenCount": 1_001_500,
        "promptTokensDetails": [
            {"modality": "AUDIO", "tokenCount": 900_000},
            {"modality": "TEXT", "tokenCount": 100_000},
        ],
    },
}
SEEN = {
    "modelVersion": "gemini-2.5-pro",
    "usageMetadata": {
        "promptTokenCount": 1000,
        "candidatesTokenCount": 100,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 1000}],
    },
}
SPOKEN = {
    "model": "gpt-4o-audio-preview",
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 1000,
        "prompt_tokens_details": {"audio_tokens": 900},
        "completion_tokens_details": {"audio_tokens": 800},
    },
}
EXTRA_COUNTS: list[tuple[Callable[[Any], dict[str, Any]], dict[str, Any], dict[str, int], str | None]] = [
    # Sonnet 4: 3 in, 3.75 into the cache, 6 for an hour, 15 out: 10*3 + 400000*3.75 + 600000*6 + 100*15 = 5101530 / 1e6
    (read_anthropic_response, CACHED_FOR_AN_HOUR, {"cache_write_1h_tokens": 600_000}, "5.10153"),
    # 1000*3 + 100*15 = 4500 / 1e6, and two searches at 10 USD a thousand
    (read_anthropic_response, SEARCHED, {"web_searches": 2}, "0.0245"),
    # Gemini 2.5 Flash: 0.30 in, 1 for sound, 2.50 out: 100000*0.3 + 900000*1 + 1500*2.5 = 933750 / 1e6
    (read_google_response, HEARD, {"input_audio_tokens": 900_000}, "0.93375"),
    # Gemini 2.5 Pro sees at the price of text: 1000*1.25 + 100*10 = 2250 / 1e6
    (read_google_response, SEEN, {"input_image_tokens": 1000}, "0.00225"),
    # OpenAI never sold sound at the price of text, and this list has no other
    (read_openai_response, SPOKEN, {"input_audio_tokens": 900, "output_audio_tokens": 800}, None),
]


@pytest.mark.parametrize("copies", [1, 9])  # one by one, and as a table
def test_counts_with_a_price_of_their_own_are_kept_and_charged(ledger: Ledger, copies: int) -> None:
    calls = [
        {"usable": None, "created_at": NOON, "request_id": f"{case}-{copy}", **read(answer)}
        for case, (read, answer, _, _) in enumerate(EXTRA_COUNTS)
        for copy in range(copies)
    ]
    record_many(calls, ledger=ledger)
    records = {one.request_id: one for one in UsageQuery(ledger)}
    assert len(records) == len(EXTRA_COUNTS) * copies
    for call_id, record in records.items():
        _, _, counts, usd = EXTRA_COUNTS[int(call_id.partition("-")[0])]
        assert counts.items() <= (record.metadata or {}).items()
        assert record.amount_in_usd == (None if usd is None else Decimal(usd))
        assert (record.unpriced is None) is (usd is not None)


def test_counts_that_do_not_fit_the_call_leave_it_unpriced(ledger: Ledger) -> None:
    call = {**read_google_response(HEARD), "prompt_tokens": 5}
    record = record_usage(usable=None, **call, ledger=ledger)
    assert record.amount_in_usd is None
    assert "input_audio_tokens (900000) cannot exceed input_tokens (5)" in str(record.unpriced)


class Answer:
    """An SDK's object: its fields by a method."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def model_dump(self, *, by_alias: bool) -> dict[str, Any]:
        return self.content if by_alias else {}


class PlainAnswer:
    def to_dict(self) -> dict[str, Any]:
        return OPENAI_CHAT


def test_the_objects_of_the_sdks_are_answers_too() -> None:
    assert read_google_response(Answer(GOOGLE)) == read_google_response(GOOGLE)
    assert read_openai_response(PlainAnswer()) == read_openai_response(OPENAI_CHAT)


def test_with_a_key_of_ones_own_the_providers_charge_is_added() -> None:
    usage = {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}
    answer = {**OPENROUTER, "usage": {"prompt_tokens": 194, "completion_tokens": 30, **usage}}
    arguments = read_openrouter_response(answer)
    assert (arguments["cost"], arguments["amount_in_usd"]) == (Decimal("0.001"), Decimal("0.021"))


def test_with_a_key_of_ones_own_an_unstated_charge_is_never_zero(ledger: Ledger) -> None:
    tokens = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    answers = [
        {"id": f"{model} {fee}", "model": model, "created": SECONDS, "usage": {**tokens, "cost": fee, "is_byok": True}}
        for model, fee in (("openai/gpt-4o", 0.0), ("openai/gpt-4o", 0.001), ("openai/gpt-unheard-of", 0.0))
    ]
    read = [read_openrouter_response(answer) for answer in answers]
    assert all({"cost", "amount_in_usd"}.isdisjoint(one) for one in read)
    assert [one["metadata"] for one in read] == [{"openrouter_fee": fee} for fee in ("0", "0.001", "0")]
    records = [record_usage(usable=None, **one, ledger=ledger) for one in read]
    listed = Decimal("0.0125")  # 1000 at 2.50 USD and 1000 at 10 USD a million
    assert [(one.cost, one.amount_in_usd) for one in records] == [(None, listed), (None, listed), (None, None)]
    assert records[2].unpriced is not None


def test_without_a_stated_cost_the_price_list_of_openrouter_counts() -> None:
    answer = {**OPENROUTER, "usage": {"prompt_tokens": 194, "completion_tokens": 30}}
    assert {"cost", "amount_in_usd"} & read_openrouter_response(answer).keys() == set()


def test_a_maker_that_is_not_known_is_never_chosen_silently() -> None:
    answer = {**OPENROUTER, "model": "qwen/qwen3-max"}
    with pytest.raises(InvalidCall, match=r"who made 'qwen/qwen3-max' is not known; give provider= one of openai, .*"):
        read_openrouter_response(answer)
    assert read_openrouter_response(answer, LlmProvider.UNKNOWN)["provider"] is LlmProvider.UNKNOWN


@pytest.mark.parametrize(
    ("read", "answer", "message"),
    [
        (read_openai_response, {"id": "x", "model": "gpt-4o", "choices": []}, "this answer of openai holds no usage;"),
        (read_google_response, {"modelVersion": "x"}, "this answer of google holds no usageMetadata;"),
        (read_anthropic_response, {"model": "x", "usage": {}}, "the usage of this answer of anthropic cannot be read"),
        (read_mistral_response, {"usage": MISTRAL["usage"]}, "this answer of mistral does not name its model."),
        (read_openai_response, "text", "an answer must be decoded JSON or an SDK's object, not str."),
    ],
)
def test_an_answer_without_usage_is_refused(
    read: Callable[[Any], dict[str, Any]], answer: Any, message: str  # noqa: ANN401
) -> None:  # fmt: skip
    with pytest.raises(InvalidCall, match=re.escape(message)):
        read(answer)


def count_reasoning(total: int | None) -> dict[str, Any]:
    """An answer of xAI: 1,000 in, 100 out, 3,000 of reasoning."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": total}
    details = {"completion_tokens_details": {"reasoning_tokens": 3000}}
    return {"id": "x", "model": "grok-4", "created": SECONDS, "choices": [], "usage": usage | details}


def test_reasoning_beside_the_completion_is_part_of_it_where_the_total_says_so(ledger: Ledger) -> None:
    answer = read_openai_response(count_reasoning(4100), LlmProvider.XAI)
    record = record_usage(usable=None, **answer, ledger=ledger)
    assert (record.provider, record.completion_tokens) == (LlmProvider.XAI, 3100)
    assert record.amount_in_usd == Decimal("0.0495")  # 1000 at 3 and 3100 at 15 USD a million
    assert read_openai_response(count_reasoning(1100))["completion_tokens"] == 100  # there it is in it
    assert read_openai_response(count_reasoning(None))["completion_tokens"] == 100


@pytest.mark.parametrize("read", [read_openai_response, read_mistral_response])
def test_a_total_that_is_no_sum_of_the_others_is_refused(read: Callable[[Any], dict[str, Any]]) -> None:
    expected = "1,000 tokens in, 100 out and 3,000 of reasoning are not 4,099 in all"
    if read is read_mistral_response:
        expected = "are not 4,099 in all"
    with pytest.raises(InvalidCall, match=expected):
        read(count_reasoning(4099))


IMAGE = {
    "created": SECONDS,
    "data": [{"b64_json": "aGk="}],
    "usage": {
        "input_tokens": 100,
        "output_tokens": 4160,
        "total_tokens": 4260,
        "input_tokens_details": {"text_tokens": 60, "image_tokens": 40},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 4160},
    },
}
TRANSCRIPTION = {
    "text": "Hola",
    "usage": {
        "type": "tokens",
        "input_tokens": 14,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
        "output_tokens": 45,
        "total_tokens": 59,
    },
}


@pytest.mark.parametrize(
    ("answer", "model", "task", "counts"),
    [
        (IMAGE, "gpt-image-1", LlmTaskType.IMAGE, {"input_image_tokens": 40, "output_image_tokens": 4160}),
        (TRANSCRIPTION, "gpt-4o-transcribe", LlmTaskType.AUDIO, {"input_audio_tokens": 14}),
    ],
)
def test_answers_with_images_and_sound_are_read_with_their_counts(
    answer: dict[str, Any], model: str, task: LlmTaskType, counts: dict[str, int]
) -> None:
    read = read_openai_response(answer, model=model)
    assert (read["model"], read["task_type"], read["metadata"]) == (model, task, counts)
    assert (read["prompt_tokens"], read["completion_tokens"]) == (
        answer["usage"]["input_tokens"],
        answer["usage"]["output_tokens"],
    )


def test_an_answer_of_the_fast_mode_is_not_one_at_the_standard_price(ledger: Ledger) -> None:
    fast = {**ANTHROPIC, "usage": {**ANTHROPIC["usage"], "speed": "fast"}}  # type: ignore[dict-item]
    record = record_usage(usable=None, **read_anthropic_response(fast), ledger=ledger)
    assert (record.tier, record.amount_in_usd) == ("fast", None)
