"""The enums: every member of the table's description, labels in two languages, and no silent unknown."""

from __future__ import annotations

import pickle
import re

import pytest

from flexlib.enums import (
    EXTRA_COUNTS,
    FAILED,
    GRAINS,
    KINDS_OF_CHARGE,
    OF_A_DAY,
    OF_AN_HOUR,
    OPTIONS,
    OTHER_SPELLINGS,
    LlmProvider,
    LlmProxy,
    LlmTaskType,
)
from flexlib.errors import BadParameter

PROVIDERS = {
    "OPENAI": "OpenAI",
    "ANTHROPIC": "Anthropic",
    "GOOGLE": "Google",
    "META": "Meta",
    "STABILITY": "Stability AI",
    "MIDJOURNEY": "Midjourney",
    "MISTRAL": "Mistral",
    "COHERE": "Cohere",
    "PERPLEXITY": "Perplexity",
    "GROQ": "Groq",
    "XAI": "xAI",
    "DEEPSEEK": "DeepSeek",
    "AMAZON": "Amazon",
    "UNKNOWN": "Sin asignar",
}
PROXIES = {
    "OPENROUTER": "OpenRouter",
    "TOGETHER": "Together AI",
    "REPLICATE": "Replicate",
    "HUGGINGFACE": "Hugging Face",
    "ANYSCALE": "Anyscale",
    "FIREWORKS": "Fireworks AI",
    "WINDSURF": "Windsurf",
    "CURSOR": "Cursor",
    "BEDROCK": "Amazon Bedrock",
}
TASK_TYPES = {
    "TEXT": "Generación de texto",
    "IMAGE": "Generación de imágenes",
    "AUDIO": "Generación de audio",
    "VIDEO": "Generación de video",
    "EMBEDDING": "Embeddings",
    "MODERATION": "Moderación de contenido",
    "FINE_TUNING": "Fine-tuning",
}


@pytest.mark.parametrize(
    ("members", "expected"), [(LlmProvider, PROVIDERS), (LlmProxy, PROXIES), (LlmTaskType, TASK_TYPES)]
)
def test_every_member_is_there_with_its_spanish_label(
    members: type[LlmProvider | LlmProxy | LlmTaskType], expected: dict[str, str]
) -> None:
    assert {member.name: member.label("es") for member in members} == expected


def test_what_is_stored_is_the_value_and_not_the_label() -> None:
    assert f"{LlmProvider.STABILITY} {LlmProxy.HUGGINGFACE} {LlmTaskType.FINE_TUNING}" == (
        "stability huggingface fine_tuning"
    )


def test_labels_are_english_unless_asked_otherwise() -> None:
    assert LlmTaskType.MODERATION.label() == "Content moderation"
    assert LlmProvider.UNKNOWN.label() == "Unmapped"


@pytest.mark.parametrize("text", ["xai", "XAI", " xAI "])
def test_a_member_is_known_by_value_or_label_in_any_case(text: str) -> None:
    assert LlmProvider.parse(text) is LlmProvider.XAI


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        ("aws, aws bedrock, AWS.Bedrock, bedrock, bedrock_converse, amazon bedrock, amazon-bedrock", "amazon"),
        ("cohere_chat", "cohere"),
        ("deepseek-ai", "deepseek"),
        ("gemini, vertex, vertex ai, vertex_ai, vertex_ai_beta, vertexai, google ai studio, google-vertex", "google"),
        ("google_genai, gcp.gemini, gcp.gen_ai, gcp.vertex_ai", "google"),
        ("meta-llama, meta_llama", "meta"),
        ("mistralai, mistral ai, mistral_ai", "mistral"),
        ("azure, azure openai, azure-openai, azure_openai, azure.ai.openai, text-completion-openai", "openai"),
        ("stabilityai", "stability"),
        ("x-ai, x_ai", "xai"),
    ],
)
def test_makers_are_known_as_gateways_write_them(texts: str, value: str) -> None:
    assert {LlmProvider.parse(text) for text in texts.split(", ")} == {value}


def test_proxies_are_known_as_gateways_write_them() -> None:
    assert [LlmProxy.parse(text) for text in ("fireworks_ai", "together_ai", "togetherai")] == [
        LlmProxy.FIREWORKS,
        LlmProxy.TOGETHER,
        LlmProxy.TOGETHER,
    ]


@pytest.mark.parametrize("text", ["fine_tuning", "FINE_TUNING", "Fine-tuning"])
def test_a_task_type_is_known_by_its_name_too(text: str) -> None:
    assert LlmTaskType.parse(text) is LlmTaskType.FINE_TUNING


@pytest.mark.parametrize("text", ["opneai", "", "openai,anthropic"])
def test_an_unknown_provider_is_refused_with_the_list(text: str) -> None:
    expected = (
        f"{text!r} is not a known provider; it must be one of openai, anthropic, google, meta, stability, midjourney, "
        "mistral, cohere, perplexity, groq, xai, deepseek, amazon, unknown."
    )
    with pytest.raises(BadParameter, match=f"^{re.escape(expected)}$"):
        LlmProvider.parse(text)


def test_an_unknown_task_type_is_called_by_its_kind() -> None:
    with pytest.raises(BadParameter, match="^'chat' is not a known task type; it must be one of text, image, audio"):
        LlmTaskType.parse("chat")


@pytest.mark.parametrize("members", [LlmProvider, LlmProxy, LlmTaskType])
def test_no_text_names_two_members(members: type[LlmProvider | LlmProxy | LlmTaskType]) -> None:
    texts = [
        text for member in members for text in {str(member), member.label("es").lower(), member.label("en").lower()}
    ]
    others = [text for member in members for text in OTHER_SPELLINGS.get(str(member), ())]
    assert sorted(texts + others) == sorted(members.spellings())


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadParameter, match="'fr' is not a language of the labels; ask for es or en"):
        LlmTaskType.TEXT.label("fr")  # type: ignore[arg-type]
    with pytest.raises(BadParameter, match="'fr' is not a language of the labels; ask for es or en"):
        LlmTaskType.TEXT.units("fr")  # type: ignore[arg-type]


def test_tokens_price_what_is_measured_in_tokens() -> None:
    assert [task for task in LlmTaskType if task.uses_token_pricing] == [
        task for task in LlmTaskType if "tokens" in task.units()
    ]
    assert not LlmTaskType.IMAGE.uses_token_pricing


def test_units_are_named_in_both_languages() -> None:
    assert LlmTaskType.IMAGE.units("es") == ("imágenes", "píxeles")
    assert LlmTaskType.IMAGE.units("en") == ("images", "pixels")
    for task in LlmTaskType:
        assert len(task.units("es")) == len(task.units("en"))


def test_each_task_type_has_an_icon_of_its_own() -> None:
    assert len({task.icon for task in LlmTaskType}) == len(LlmTaskType) == 7


def test_a_member_survives_being_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(LlmTaskType.AUDIO)) is LlmTaskType.AUDIO


def test_a_row_stands_for_a_call_or_a_sum_and_some_lie_within_an_hour_or_a_day() -> None:
    assert sorted(GRAINS) == ["call", "day", "hour", "month"]
    assert sorted(KINDS_OF_CHARGE) == ["adjustment", "credit", "fee", "tax", "usage"]
    assert (OF_AN_HOUR, OF_A_DAY) == (("call", "hour"), ("call", "hour", "day"))


def test_a_field_whose_option_has_another_name_or_none_is_told() -> None:
    named = {"created_at": "timestamp", "amount_in_usd": "amount-usd", "amount_in_clp": "amount-clp"}
    lists = {"no_calls": "no-call", "aliases": "alias", "extra_counts": "extra-count"}
    own = ("provider", "model", "proxy", "task_type", "usable_type", "currency", "batch")
    assert named | lists | dict.fromkeys(own) == OPTIONS


def test_counts_that_lists_price_by_themselves_are_parts_of_the_tokens_and_searches() -> None:
    kinds = [f"{side}_{kind}_tokens" for side in ("input", "output") for kind in ("audio", "image", "video")]
    cached = ["cache_write_1h_tokens", "cache_audio_read_tokens", "cache_image_read_tokens"]
    assert list(EXTRA_COUNTS) == [*cached, *kinds, "web_searches"]


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ("error", True), ("Timed out", True), ("RATE_LIMIT", True), ("cancelled", True), ("500", True),
        ("429 Too Many Requests", True), ("200", False), ("4xx", False), ("4000", False), ("code 500", False),
        ("ok", False), ("", False),
    ],
)  # fmt: skip
def test_a_call_failed_where_its_status_says_so_in_words_or_in_a_code_of_http(status: str, failed: bool) -> None:
    assert bool(FAILED.search(status)) is failed
