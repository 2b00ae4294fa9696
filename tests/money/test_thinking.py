"""Which models are known not to think first, by whatever name they are called."""

from __future__ import annotations

import pytest

from flexlib.money.thinking import may_think


@pytest.mark.parametrize(
    ("maker", "model", "may"),
    [
        ("openai", "gpt-4.1-2025-04-14", False),
        ("openai", "openai/gpt-4o-mini", False),
        ("openai", "gpt-3.5-turbo", False),
        ("openai", "gpt-5-mini", True),
        ("openai", "o3", True),
        ("openai", "gpt-oss-120b", True),
        ("openai", "gpt-45", True),  # a later one, of which nothing is known
        ("anthropic", "claude-3-5-haiku-20241022", False),
        ("anthropic", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", False),
        ("anthropic", "claude-3-opus-20240229", False),
        ("anthropic", "claude-2.1", False),
        ("anthropic", "claude-3-7-sonnet-20250219", True),  # where it is asked to
        ("anthropic", "claude-sonnet-4-20250514", True),
        ("anthropic", "claude-haiku-35", True),
        ("cohere", "command-r-plus", False),
        ("cohere", "cohere.command-r-v1:0", False),
        ("cohere", "command-a-03-2025", False),
        ("cohere", "command-a-reasoning-08-2025", True),
        ("meta", "gpt-4o", True),  # of another maker
    ],
)
def test_a_model_may_think_unless_its_maker_says_that_it_cannot(maker: str, model: str, may: bool) -> None:
    assert may_think(maker, model) is may
