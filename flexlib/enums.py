"""Providers, proxies and task types of LLM calls, with labels in Spanish and English; a new member is one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Literal, Self

from flexlib.errors import BadParameter
from flexlib.i18n import _, join_or

Language = Literal["es", "en"]


UNKNOWN_MODEL = "<nil>"
"""What the server writes for a model it does not name; empty and absent ids are stored as this too."""

GRAINS = frozenset({"call", "hour", "day", "month"})
"""What a row of usage stands for: one call, or the sum of an hour's, a day's, a month's."""

SOURCE_SAYS_ZERO = "the source gives 0"
"""Why a row has no amount, and gets none by a list, whose source writes 0 for what it does not know."""

NOT_SAID_BILLED = "nothing says whether it is billed (--billed or --not-billed does)"
"""The same of a row whose amount is that of a kind of use which is known neither to be billed nor to be free."""

SOURCE_REASONS = (SOURCE_SAYS_ZERO, NOT_SAID_BILLED)

KINDS_OF_CHARGE = frozenset({"usage", "fee", "credit", "tax", "adjustment"})
"""What a line of a bill is for; only `usage` can be held against calls."""

OF_AN_HOUR = ("call", "hour")
"""Grains whose rows lie within an hour, and so have another time, day or month in another zone."""

OF_A_DAY = (*OF_AN_HOUR, "day")
"""Grains whose rows lie within a day."""


EXTRA_COUNTS = (
    "cache_write_1h_tokens",
    "cache_audio_read_tokens",
    "cache_image_read_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "input_video_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "output_video_tokens",
    "web_searches",
)
"""Counts that price lists may price by themselves; all but searches are parts of the counts that every call has."""

OTHER_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "amazon": ("aws", "aws bedrock", "aws.bedrock", "bedrock", "bedrock_converse", "amazon bedrock", "amazon-bedrock"),
    "cohere": ("cohere_chat",),
    "deepseek": ("deepseek-ai",),
    "google": (
        (
            "gemini",
            "vertex",
            "vertex ai",
            "vertex_ai",
            "vertex_ai_beta",
            "vertexai",
            "google ai studio",
            "google-vertex",
        )
        + ("google_genai", "gcp.gemini", "gcp.gen_ai", "gcp.vertex_ai")
    ),
    "meta": ("meta-llama", "meta_llama"),
    "mistral": ("mistralai", "mistral ai", "mistral_ai"),
    "openai": ("azure", "azure openai", "azure-openai", "azure_openai", "azure.ai.openai", "text-completion-openai"),
    "stability": ("stabilityai",),
    "xai": ("x-ai", "x_ai"),
    "fireworks": ("fireworks_ai",),
    "together": ("together_ai", "togetherai"),
}
"""How gateways write a maker, by our value: OpenRouter's ids, LiteLLM's `custom_llm_provider`, OpenTelemetry's
`gen_ai.provider.name`. Azure's models are OpenAI's, at OpenAI's prices; what Azure sells of others no list knows."""


class Labelled(StrEnum):
    """Members with a value, which is what is stored, and a label for readers in each language."""

    _labels: dict[str, str]

    def __new__(cls, value: str, es: str, en: str = "") -> Self:
        return cls._create(value, es, en)

    @classmethod
    def _create(cls, value: str, es: str, en: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member._labels = {"es": es, "en": en or es}
        return member

    @classmethod
    def parse(cls, text: str) -> Self:
        """The member that `text` names, by its value or a label, in any case.

        Raises `BadParameter`, with the list of those that exist.
        """
        member = cls.spellings().get(text.strip().lower())
        if member is None:
            kind = re.sub("(?<=[a-z])(?=[A-Z])", " ", cls.__name__.removeprefix("Llm")).lower()
            raise BadParameter(
                _("{text!r} is not a known {kind}; it must be one of {cls}.").format(
                    text=text, kind=kind, cls=", ".join(cls)
                )
            )
        return member

    @classmethod
    @cache
    def spellings(cls) -> dict[str, Self]:
        """Every text that names a member, in lower case; the same dictionary each time."""
        return {
            text.lower(): member
            for member in cls
            for text in (member.value, *member._labels.values(), *OTHER_SPELLINGS.get(member.value, ()))
        }

    def label(self, language: Language = "en") -> str:
        """The name that readers see. Raises `BadParameter` for a language that is not there."""
        if language not in self._labels:
            raise BadParameter(
                _("{language!r} is not a language of the labels; ask for {labels}.").format(
                    language=language, labels=join_or(self._labels)
                )
            )
        return self._labels[language]


class LlmProvider(Labelled):
    """Who made the model.

    >>> import flexlib as fl
    >>> fl.LlmProvider.parse("OpenAI")
    <LlmProvider.OPENAI: 'openai'>
    """

    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    GOOGLE = "google", "Google"
    META = "meta", "Meta"
    STABILITY = "stability", "Stability AI"
    MIDJOURNEY = "midjourney", "Midjourney"
    MISTRAL = "mistral", "Mistral"
    COHERE = "cohere", "Cohere"
    PERPLEXITY = "perplexity", "Perplexity"
    GROQ = "groq", "Groq"
    XAI = "xai", "xAI"
    DEEPSEEK = "deepseek", "DeepSeek"
    AMAZON = "amazon", "Amazon"
    UNKNOWN = "unknown", "Sin asignar", "Unmapped"  # said by the caller, never chosen for him


class LlmProxy(Labelled):
    """Who stood between the caller and the provider, and sends the bill.

    >>> import flexlib as fl
    >>> fl.LlmProxy.OPENROUTER.label()
    'OpenRouter'
    """

    OPENROUTER = "openrouter", "OpenRouter"
    TOGETHER = "together", "Together AI"
    REPLICATE = "replicate", "Replicate"
    HUGGINGFACE = "huggingface", "Hugging Face"
    ANYSCALE = "anyscale", "Anyscale"
    FIREWORKS = "fireworks", "Fireworks AI"
    WINDSURF = "windsurf", "Windsurf"
    CURSOR = "cursor", "Cursor"
    BEDROCK = "bedrock", "Amazon Bedrock"


class LlmTaskType(Labelled):
    """What the call was for; with an icon, the units it is usually measured in, and whether tokens set its price.

    >>> import flexlib as fl
    >>> fl.LlmTaskType.TEXT.label("en")
    'Text generation'
    """

    icon: str
    uses_token_pricing: bool
    _units: dict[str, tuple[str, ...]]

    def __new__(cls, value: str, es: str, en: str, icon: str, units: str, by_tokens: bool) -> Self:
        member = cls._create(value, es, en)
        member.icon = icon
        member.uses_token_pricing = by_tokens
        spanish, english = (tuple(side.split(", ")) for side in units.split(" / "))
        member._units = {"es": spanish, "en": english}
        return member

    TEXT = "text", "Generación de texto", "Text generation", "💬", "tokens / tokens", True
    IMAGE = "image", "Generación de imágenes", "Image generation", "🎨", "imágenes, píxeles / images, pixels", False
    AUDIO = "audio", "Generación de audio", "Audio generation", "🔊", "segundos, minutos / seconds, minutes", False
    VIDEO = "video", "Generación de video", "Video generation", "🎬", "segundos, cuadros / seconds, frames", False
    EMBEDDING = "embedding", "Embeddings", "Embeddings", "🧭", "tokens / tokens", True
    MODERATION = "moderation", "Moderación de contenido", "Content moderation", "🚦", "tokens / tokens", True
    FINE_TUNING = "fine_tuning", "Fine-tuning", "Fine-tuning", "🎯", "tokens, épocas / tokens, epochs", True

    def units(self, language: Language = "en") -> tuple[str, ...]:
        """The units that such a task is usually measured in. Raises `BadParameter` as `label` does."""
        self.label(language)
        return self._units[language]


OPTIONS = {
    "created_at": "timestamp",
    "amount_in_usd": "amount-usd",
    "amount_in_clp": "amount-clp",
    "no_calls": "no-call",
    "aliases": "alias",
    "extra_counts": "extra-count",
    **dict.fromkeys(("provider", "model", "proxy", "task_type", "usable_type", "currency", "batch")),
}
"""The option of `flexlib import` that names the column of a field, where that is not the field's own name."""

FAILED = re.compile(
    r"error|fail|exception|time[d_ ]*out|cancel|abort|reject|denied|refused|rate[ _-]?limit|overloaded|unavailable"
    r"|^[45]\d\d\b",
    re.IGNORECASE,
)
"""Words of a status, or of HTTP's codes, that say that a call failed; a status of other words is none, and is shown."""
