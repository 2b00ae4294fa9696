"""Makes tests/data/calls.csv again: the LLM calls of a small made-up company in September 2025, from a seed.

Run it as `python tests/make_calls.py`; then the fixture month must be made again too.
"""

from __future__ import annotations

import csv
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

CALLS = Path(__file__).parent / "data" / "calls.csv"

MODELS = {  # how often, typical prompt and completion, made-up USD a million tokens of each, proxy, task type
    ("openai", "gpt-4o-mini"): (38, 900, 160, "0.15", "0.60", "", "text"),
    ("anthropic", "claude-sonnet-4"): (26, 5200, 420, "3.00", "15.00", "", "text"),
    ("google", "gemini-2.5-flash"): (16, 2400, 210, "0.30", "2.50", "openrouter", "text"),
    ("openai", "text-embedding-3-small"): (12, 350, 0, "0.02", "0", "", "embedding"),
    ("mistral", "mistral-small"): (8, 700, 240, "", "", "together", "text"),  # no amount is known of these
}
HOURS = {12: 2, 13: 5, 14: 6, 15: 4, 16: 2, 17: 5, 18: 7, 19: 5, 20: 2}
"""The office's hours, in UTC."""
TEAMS = ("search", "support", "billing")


def make_calls(seed: int = 2025) -> list[dict[str, str | int]]:
    """About 400 calls, in order of time."""
    chance, clock = random.Random(seed), random.Random(f"durations:{seed}")
    calls: list[dict[str, str | int]] = []
    for day in (date(2025, 9, number) for number in range(1, 31)):
        busy = 3 if day.weekday() > 4 else 14 + day.day // 4
        for _ in range(max(0, round(chance.gauss(busy, busy / 5)))):
            calls.append(_make_call(chance, day, clock))
    return sorted(calls, key=lambda call: str(call["time"]))


def _make_call(chance: random.Random, day: date, clock: random.Random) -> dict[str, str | int]:
    (provider, model), facts = chance.choices(list(MODELS.items()), [facts[0] for facts in MODELS.values()])[0]
    _, typical, answer, price_in, price_out, proxy, task = facts
    prompt = max(8, round(chance.lognormvariate(0, 0.9) * typical))
    completion = max(1, round(chance.lognormvariate(0, 0.8) * answer)) if answer else 0
    cached = prompt * chance.choice((0, 0, 25, 60)) // 100 if provider == "anthropic" else 0
    hour = chance.choices(list(HOURS), list(HOURS.values()))[0]
    moment = datetime(day.year, day.month, day.day, hour) + timedelta(microseconds=chance.randrange(3_600_000_000))
    usd = (Decimal(price_in) * prompt + Decimal(price_out) * completion) / 1_000_000 if price_in else None
    return {
        "time": f"{moment:%Y-%m-%d %H:%M:%S.%f}{chance.randrange(10)}",  # 100 ns, as real logs have them
        "provider": provider,
        "model": model,
        "proxy": proxy,
        "task_type": task,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": cached,
        "duration_ms": round(clock.lognormvariate(0, 0.5) * (250 + 8 * completion + prompt // 50)),
        "usd": "" if usd is None else f"{usd:.8f}",
        "user_id": chance.randrange(1, 25),
        "team": chance.choice(TEAMS),
    }


if __name__ == "__main__":
    made = make_calls()
    with CALLS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(made[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(made)
