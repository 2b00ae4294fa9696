"""The arguments of `record_usage` out of an API's answer: `record_usage(usable=user, **read_openai_response(answer))`.

An answer is the decoded JSON or the SDK's own object. Where providers nest their counts differently, ours is one way:
the prompt holds all that went in, cached tokens too, and the completion all that came out, reasoning too; each token is
counted once. Counts that a price list may price by themselves are given in the metadata; recording reads them into
columns of their own. An answer's own id becomes the request id, so that an answer recorded twice is one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import InvalidCall
from flexlib.formats import format_number
from flexlib.i18n import _
from flexlib.ledger.db.columns import USD_DECIMALS
from flexlib.ledger.record.values import read_money
from flexlib.nesting import format_given

AUTHORS: Mapping[str, LlmProvider] = {
    text: provider
    for text, provider in LlmProvider.spellings().items()
    if provider not in (LlmProvider.UNKNOWN, LlmProvider.GROQ)  # Groq serves, it makes no models
}
"""Who made a model, by the part of an OpenRouter id before the slash."""


def read_openai_response(
    response: Any,  # noqa: ANN401 (an SDK's object or its JSON)
    provider: LlmProvider = LlmProvider.OPENAI,
    model: str | None = None,
) -> dict[str, Any]:
    """Of OpenAI, and of whoever answers as it does: chat completions, responses, embeddings, images, transcriptions.

    `provider`: whose answer it is, such as `LlmProvider.XAI`, whose reasoning stands beside the completion: the total
    decides. `model`: of an answer that does not name it, as those of images and transcriptions do not. Raises
    `InvalidCall` when the answer holds no usage, or one that contradicts itself.
    """
    answer = _to_plain(response)
    if model is not None:
        answer.setdefault("model", model)
    flavor = _find_flavor(answer)
    arguments = _read(answer, provider, "openai", flavor)
    if flavor != "embeddings":
        arguments |= _read_modalities(answer, arguments)
    return arguments | _place_reasoning(answer["usage"], arguments)


def read_anthropic_response(response: Any) -> dict[str, Any]:  # noqa: ANN401
    """Of Anthropic: messages, whose `input_tokens` leave out what the cache gave and took."""
    return _read(_to_plain(response), LlmProvider.ANTHROPIC, "anthropic", "default")


def read_google_response(response: Any) -> dict[str, Any]:  # noqa: ANN401
    """Of Google: Gemini, which counts thoughts beside the candidates."""
    return _read(_to_plain(response), LlmProvider.GOOGLE, "google", "default", usage_name="usageMetadata")


def read_mistral_response(response: Any) -> dict[str, Any]:  # noqa: ANN401
    """Of Mistral: chat completions and embeddings."""
    answer = _to_plain(response)
    flavor = _find_flavor(answer)
    if flavor == "embeddings":
        answer["usage"].setdefault("completion_tokens", 0)
    arguments = _read(answer, LlmProvider.MISTRAL, "mistral", "default")
    arguments |= _place_reasoning(answer["usage"], arguments)
    return {**arguments, "task_type": LlmTaskType.EMBEDDING} if flavor == "embeddings" else arguments


def read_openrouter_response(response: Any, provider: LlmProvider | None = None) -> dict[str, Any]:  # noqa: ANN401
    """Of OpenRouter, with what it charged: USD. With a key of one's own the provider's charge is added to the amount.

    With such a key and no word on that charge the amount is not known, and is not the fee alone: the fee stands in the
    metadata as `openrouter_fee`, and the call is left to the price list.

    `provider`: who made the model, where the model's id does not say it. Raises `InvalidCall` when neither does.
    """
    answer = _to_plain(response)
    author = str(answer.get("model", "")).partition("/")[0].lower()
    maker = provider or AUTHORS.get(author)
    if maker is None:
        raise InvalidCall(
            _(
                "who made {given} is not known; give provider= one of {llmprovider}; LlmProvider.UNKNOWN has "
                "it counted as unmapped."
            ).format(given=format_given(answer.get("model")), llmprovider=", ".join(LlmProvider))
        )
    flavor = "default" if _find_flavor(answer) == "responses" else "chat"
    if isinstance(answer.get("usage"), dict):
        answer["usage"].setdefault("output_tokens" if flavor == "default" else "completion_tokens", 0)
    arguments = _read(answer, maker, "openrouter", flavor)
    arguments |= _place_reasoning(answer["usage"], arguments)
    usage = answer["usage"]
    cost = read_money("usage.cost", usage.get("cost"), USD_DECIMALS)
    upstream = read_money("upstream cost", usage.get("cost_details", {}).get("upstream_inference_cost"), USD_DECIMALS)
    arguments["proxy"] = LlmProxy.OPENROUTER
    if cost is None:
        return arguments
    if not usage.get("is_byok"):
        return {**arguments, "cost": cost, "amount_in_usd": cost}
    if upstream is None:
        fee = {"openrouter_fee": f"{cost.normalize():f}"}
        return {**arguments, "metadata": {**arguments.get("metadata", {}), **fee}}
    return {**arguments, "cost": cost, "amount_in_usd": cost + upstream}


def _read(
    answer: dict[str, Any], provider: LlmProvider, seller: str, flavor: str, usage_name: str = "usage"
) -> dict[str, Any]:
    from flexlib.money.extra_counts import EXTRA_COUNTS
    from flexlib.money.price_book import load_book

    usage = answer.get(usage_name)
    if not isinstance(usage, dict):
        raise InvalidCall(
            _(
                "this answer of {seller} holds no {usage_name}; a stream has it in its last part, if it was asked for."
            ).format(seller=seller, usage_name=usage_name)
        )
    try:
        # Not by genai-prices' own `extract_usage`, which refuses the answers of models that no list knows yet.
        __, counts = next(one for one in load_book().providers if one.id == seller).extract_usage(
            answer, api_flavor=flavor
        )
    except (ValueError, LookupError) as error:
        raise InvalidCall(
            _("the usage of this answer of {seller} cannot be read: {error}.").format(seller=seller, error=error)
        ) from error
    metadata = {
        "reasoning_tokens": counts.output_reasoning_tokens,
        "tier": "fast" if usage.get("speed") == "fast" else answer.get("service_tier") or usage.get("service_tier"),
        **{name: vars(counts).get(name) for name in EXTRA_COUNTS},
    }
    model = answer.get("modelVersion" if usage_name == "usageMetadata" else "model")
    if not model:
        raise InvalidCall(_("this answer of {seller} does not name its model.").format(seller=seller))
    arguments = {
        "provider": provider,
        "model": model,
        "task_type": LlmTaskType.EMBEDDING if flavor == "embeddings" else LlmTaskType.TEXT,
        "prompt_tokens": counts.input_tokens or 0,
        "completion_tokens": counts.output_tokens or 0,
        "cached_tokens": counts.cache_read_tokens or 0,
        "cache_write_tokens": counts.cache_write_tokens or 0,
        "metadata": {name: value for name, value in metadata.items() if value} or None,
        "request_id": answer.get("id") or answer.get("responseId"),
        "created_at": _read_created(answer.get("created") or answer.get("created_at")),
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _place_reasoning(usage: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The completion with the reasoning, where the total says that it stands beside it; nothing where it is in it.

    Raises `InvalidCall` for a total that is neither.
    """
    total = usage.get("total_tokens")
    prompt, completion = arguments["prompt_tokens"], arguments["completion_tokens"]
    reasoning = (arguments.get("metadata") or {}).get("reasoning_tokens", 0)
    if total is None or total == prompt + completion:
        return {}
    if reasoning and total == prompt + completion + reasoning:
        return {"completion_tokens": completion + reasoning}
    raise InvalidCall(
        _(
            "the usage of this answer contradicts itself: {prompt} tokens in, {completion} out and "
            "{reasoning} of reasoning are not {total} in all; record it with the counts of the bill."
        ).format(
            prompt=format_number(prompt),
            completion=format_number(completion),
            reasoning=format_number(reasoning),
            total=format_number(total),
        )
    )


def _read_modalities(answer: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The task and the counts of an answer with images or sound, where its usage has their details."""
    usage, found = answer["usage"], dict[str, int]()
    for side in ("input", "output"):
        # Transcriptions write `input_token_details`, all others `input_tokens_details`.
        details = usage.get(f"{side}_tokens_details") or usage.get(f"{side}_token_details") or {}
        for kind in ("audio", "image"):
            if count := details.get(f"{kind}_tokens"):
                found[f"{side}_{kind}_tokens"] = count
    is_image = "data" in answer and "input_tokens" in usage
    is_transcription = "text" in answer and "output" not in answer and "choices" not in answer
    task = LlmTaskType.IMAGE if is_image else LlmTaskType.AUDIO if is_transcription else None
    told = {"metadata": {**(arguments.get("metadata") or {}), **found}} if found else {}
    return told if task is None else {**told, "task_type": task}


def _find_flavor(answer: Mapping[str, Any]) -> str:
    usage = answer.get("usage")
    if isinstance(usage, Mapping) and "input_tokens" in usage:
        return "responses"
    return "chat" if not isinstance(usage, Mapping) or "completion_tokens" in usage else "embeddings"


def _read_created(seconds: object) -> datetime | None:
    whole = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return datetime.fromtimestamp(float(seconds), timezone.utc) if whole else None  # type: ignore[arg-type]


def _to_plain(response: Any) -> dict[str, Any]:  # noqa: ANN401
    """The answer as JSON has it, without what is null; the caller's own is not touched."""
    if hasattr(response, "model_dump"):
        response = response.model_dump(by_alias=True)
    elif hasattr(response, "to_dict"):
        response = response.to_dict()
    if not isinstance(response, Mapping):
        raise InvalidCall(
            _("an answer must be decoded JSON or an SDK's object, not {name}.").format(name=type(response).__name__)
        )
    return {name: _drop_nulls(value) for name, value in response.items() if value is not None}


def _drop_nulls(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: _drop_nulls(one) for name, one in value.items() if one is not None}
    return value
