"""Which models are known not to think before they answer: any other may write many times as many tokens as those.

A model that thinks only where it is asked to, as Claude 3.7 and 4 or GPT-5.1, may think: the calls do not tell.
"""

from __future__ import annotations

import re
from functools import cache

from flexlib.names import match_sold_model

OPENAI = r"gpt-(3|4)(?!\d)"
"""GPT-3.5, 4, 4.1, 4o and their like: of OpenAI's models only "gpt-5 and o-series models" reason, says its API's
reference on `reasoning` (as openai-python 3.57 has it, November 2026)."""

ANTHROPIC = r"claude-((sonnet|haiku|opus)-3(-5)?(?!-?\d{1,2}(?!\d))|(2|instant))(?!\d)"
"""Claude 3.5 and those before: the page on extended thinking begins with 3.7 (platform.claude.com/docs/en/docs/
build-with-claude/extended-thinking, as of August 2025 and since)."""

COHERE = r"command(-r|-a-03|-light|$)"
"""Those before Command A Reasoning, "Cohere's first model able to engage in thinking and reasoning"
(docs.cohere.com/v2/changelog/2025-08-21-command-a-reasoning)."""

NEVER = {"openai": OPENAI, "anthropic": ANTHROPIC, "cohere": COHERE}


@cache
def may_think(maker: str, model: str) -> bool:
    """Whether a model may think first; also where it is not known.

    >>> may_think("openai", "gpt-4.1"), may_think("openai", "gpt-5"), may_think("meta", "llama-4")
    (False, True, True)
    """
    never = NEVER.get(maker)
    return never is None or re.match(never, match_sold_model(model)) is None
