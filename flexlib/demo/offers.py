"""The models the demo company could choose, with the days on which they were on offer and what a prompt cost then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Offer:
    """A model from the ISO day `first` to the day before `end`; a prompt costs `multiplier` hundredths of a credit."""

    model: str
    first: str
    end: str
    multiplier: int
    appeal: float


STILL = "9999-12-31"

# MODEL_PRIVATE_n are slots that the vendor uses again, so a slot may stand here twice.
OFFERS = (
    Offer("claude-3.5-sonnet", "2024-06-20", "2025-07-01", 100, 5),
    Offer("MODEL_CHAT_GPT_4O_2024_08_06", "2024-08-06", "2026-02-01", 100, 1.2),
    Offer("MODEL_DEEPSEEK_V3", "2025-01-10", "2025-09-01", 50, 0.6),
    Offer("MODEL_CLAUDE_3_7_SONNET_20250219", "2025-02-24", "2026-01-10", 100, 3),
    Offer("MODEL_CLAUDE_3_7_SONNET_20250219_THINKING", "2025-02-24", "2026-01-10", 200, 2),
    Offer("MODEL_GOOGLE_GEMINI_2_5_PRO", "2025-03-25", "2026-05-01", 100, 1.5),
    Offer("MODEL_CHAT_GPT_4_1_2025_04_14", "2025-04-14", STILL, 100, 1.5),
    Offer("MODEL_CHAT_O3", "2025-04-16", "2026-03-01", 100, 0.7),
    Offer("MODEL_SWE_1", "2025-05-15", "2026-01-15", 50, 1),
    Offer("MODEL_CLAUDE_4_SONNET", "2025-05-22", "2026-04-01", 200, 7),
    Offer("MODEL_CLAUDE_4_SONNET_THINKING", "2025-05-22", "2026-04-01", 300, 6),
    Offer("MODEL_KIMI_K2", "2025-07-16", "2026-02-10", 50, 0.5),
    Offer("MODEL_PRIVATE_6", "2025-08-07", "2026-03-15", 50, 1),
    Offer("MODEL_PRIVATE_7", "2025-08-07", "2026-03-15", 100, 2.5),
    Offer("MODEL_PRIVATE_8", "2025-08-07", "2026-03-15", 200, 2),
    Offer("MODEL_PRIVATE_4", "2025-08-28", "2026-03-15", 50, 1.5),
    Offer("MODEL_CHAT_GPT_5_CODEX", "2025-09-23", "2026-04-15", 100, 3),
    Offer("MODEL_PRIVATE_2", "2025-09-29", "2026-08-01", 200, 12),
    Offer("MODEL_PRIVATE_3", "2025-09-29", "2026-08-01", 300, 14),
    Offer("MODEL_PRIVATE_11", "2025-10-15", "2026-09-01", 100, 4),
    Offer("MODEL_SWE_1_5", "2025-10-29", "2026-09-01", 50, 3),
    Offer("MODEL_PRIVATE_13", "2025-11-13", "2026-06-01", 50, 2),
    Offer("MODEL_PRIVATE_14", "2025-11-13", "2026-06-01", 100, 3),
    Offer("MODEL_PRIVATE_9", "2025-11-19", "2026-06-01", 100, 3),
    Offer("MODEL_CLAUDE_4_5_OPUS", "2025-11-24", "2026-07-01", 300, 12),
    Offer("MODEL_GPT_5_2_MEDIUM", "2025-12-11", "2026-08-01", 200, 4),
    Offer("claude-opus-4-6", "2026-02-05", "2026-10-01", 300, 14),
    Offer("gpt-5-3-codex-medium", "2026-02-12", "2026-10-15", 200, 6),
    Offer("claude-sonnet-4-6", "2026-02-17", STILL, 200, 14),
    Offer("claude-sonnet-4-6-thinking", "2026-02-17", STILL, 300, 10),
    Offer("gpt-5-4-low", "2026-03-10", STILL, 100, 6),
    Offer("swe-1-6", "2026-04-20", STILL, 50, 5),
    Offer("gpt-5-5-medium", "2026-06-02", STILL, 200, 9),
)


@cache
def find_offers(day: str) -> tuple[Offer, ...]:
    """What could be chosen on an ISO day."""
    return tuple(offer for offer in OFFERS if offer.first <= day < offer.end)
