"""From which length on a provider keeps a prompt in a cache: no shorter one is read from it, however often it is sent.

Where a provider has documented several lengths for one model, the longest stands here: a saving that is promised must
be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from flexlib.names import match_sold_model

OPENAI = 1_024
"""Of all models: OpenAI's guide to prompt caching (developers.openai.com/api/docs/guides/prompt-caching), as LiteLLM's
table of least lengths repeated it on 7 October 2026. Azure sells the same models."""

ANTHROPIC: Mapping[str, int] = {
    **dict.fromkeys(("claude-opus-5", "claude-fable-5", "claude-mythos-5"), 512),
    **dict.fromkeys(("claude-opus-4-8", "claude-sonnet-5", "claude-sonnet-4-5", "claude-sonnet-4"), 1_024),
    **dict.fromkeys(("claude-opus-4-1", "claude-opus-4", "claude-opus-3"), 1_024),
    **dict.fromkeys(("claude-sonnet-3-7", "claude-sonnet-3-5"), 1_024),
    **dict.fromkeys(("claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-3-5", "claude-haiku-3"), 2_048),
    **dict.fromkeys(("claude-opus-4-6", "claude-opus-4-5", "claude-haiku-4-5"), 4_096),
}
"""Anthropic's page on prompt caching (platform.claude.com/docs/en/build-with-claude/prompt-caching), as of August 2026
and, of models that it no longer lists, of July 2025; on Bedrock and Google Cloud, too. Sonnet 4.6 was at 2,048 when it
came, and so users measured it; since then the page says 1,024."""

GOOGLE: Mapping[str, int] = {
    "gemini-2-5-flash": 2_048,
    **dict.fromkeys(("gemini-2-5-pro", "gemini-3-pro", "gemini-3-flash", "gemini-3-1-pro", "gemini-3-5-flash"), 4_096),
    **dict.fromkeys(("gemini-3-6-flash", "gemini-3-7-flash", "gemini-3-8-flash", "gemini-4-argon"), 4_096),
}
"""Of implicit caching (ai.google.dev/gemini-api/docs/caching, 13 October 2026, and as of May and July of models that it
no longer lists). 2.5 Pro was at 4,096 until July and is at 2,048, 2.5 Flash was at 1,024; 3 Flash and 3.5 Flash were at
1,024, and 3.5 Flash is at 4,096."""

OTHER = "lite|image|tts|audio|live|embedding|computer"
"""Words after the name of a model that make another one of it. What else may follow says how it thinks, how it is sold
(`thinking`, `beta`, `batch`), or its date."""

LONGEST = 4_096
"""The longest that is documented of any model: what a model has of which nothing is known."""

DOCUMENTED: Mapping[str, Mapping[str, int]] = {"openai": {"": OPENAI}, "anthropic": ANTHROPIC, "google": GOOGLE}
"""By maker and model, as `match_sold_model` writes it."""


class LeastLength(NamedTuple):
    """The tokens of the shortest prompt that is kept, and whether the maker says that of this model."""

    tokens: int
    is_documented: bool


@cache
def find_least_length(maker: str, model: str) -> LeastLength:
    """That of a model; `LONGEST` where it is not known.

    >>> find_least_length("anthropic", "us.anthropic.claude-3-5-haiku-20241022-v1:0").tokens
    2048
    >>> find_least_length("mistral", "mistral-large")
    LeastLength(tokens=4096, is_documented=False)
    """
    own, bare = DOCUMENTED.get(maker), match_sold_model(model)
    found = [tokens for name, tokens in (own or {}).items() if _is_version(bare, name)]
    return LeastLength(found[0] if found else LONGEST, bool(found))


def _is_version(model: str, name: str) -> bool:
    """Whether a model is the named one, at whatever date and however it thinks, and no later version of it."""
    return not name or bool(re.fullmatch(rf"{name}(-0)?(?!-?\d{{1,2}}(?!\d))(-(?!({OTHER})\b)\w+)*", model))
