"""The calls that the made-up company's applications make to LLMs, the same every time: a file a month, and stored."""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from flexlib.dates import Month
from flexlib.demo.company import HOLIDAYS
from flexlib.ingest.files.importing import import_usage
from flexlib.ingest.fx import REACH, keep_rates
from flexlib.money.fx import MADE_UP, USD_CLP, Rate
from flexlib.setting_values import FIRST_MADE_UP
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import IMPORT
from flexlib.store.snapshots import find_snapshot

CALLS_A_DAY = 420
"""On a weekday of the first month."""
GROWTH = 1.055  # a month
WEEKEND = 0.3  # of a weekday's calls
RETRIES = 2.6  # times a usual day's calls, on the day of the month on which a provider was down
FAILURES, FAILURES_THEN = 0.008, 0.3  # of the calls, on a usual day and on that one
CACHED = (0, 0, 30, 70)  # percent of a prompt, where a model caches
SLOW_AT, SLOWER = {"anthropic": range(17, 20)}, 1.8
"""The hours of the day, UTC, in which a provider takes so many times as long."""
HOURS = (2, 1, 1, 5, 5, 1, 0, 0, 0, 0, 1, 4, 10, 14, 15, 13, 9, 13, 16, 14, 11, 7, 4, 3)
"""How busy each hour is, UTC: Chile's offices, and a batch in their night."""

MAPPING = CallMapping(
    request_id="request_id",
    created_at="time",
    provider_column="provider",
    model_column="model",
    proxy_column="proxy",
    task_type_column="task_type",
    prompt_tokens="prompt_tokens",
    cached_tokens="cached_tokens",
    cache="included",
    completion_tokens="completion_tokens",
    amount_in_usd="usd",
    status="status",
    duration_ms="duration_ms",
    usable_type_column="application",
    usable_id="instance",
)
"""What the columns of a month's file mean."""

Call = dict[str, str | int]


@dataclass(frozen=True)
class Use:
    """What one application asks of one model."""

    weight: int
    """How often, of all calls."""
    application: str
    provider: str
    model: str
    prompt: int
    """Tokens of a typical prompt."""
    completion: int
    first: date = date.min
    """The day on which it began."""
    end: date = date.max
    """The day from which it is no more."""
    proxy: str = ""
    task: str = "text"
    usd: str = ""
    """What a call costs, where tokens do not say."""
    is_cached: bool = False


USES = (
    Use(22, "support-chat", "openai", "gpt-4o-mini", 2_600, 240),
    Use(12, "support-chat", "openai", "gpt-5", 24_000, 2_400, date(2025, 8, 11)),
    Use(9, "support-chat", "openai", "gpt-4-turbo", 5_200, 380, end=date(2025, 8, 18)),
    Use(13, "code-review", "anthropic", "claude-sonnet-4-20250514", 95_000, 2_600, date(2025, 5, 26), is_cached=True),
    Use(2, "code-review", "anthropic", "claude-opus-4-1-20250805", 64_000, 2_900, date(2025, 9, 2), is_cached=True),
    Use(7, "contract-reader", "openai", "gpt-4.1", 110_000, 1_100, is_cached=True),
    Use(5, "contract-reader", "anthropic", "claude-3-5-haiku-20241022", 21_000, 420),
    Use(8, "search", "google", "google/gemini-2.5-flash", 6_400, 320, proxy="openrouter"),
    Use(16, "search", "openai", "text-embedding-3-small", 900, 0, task="embedding"),
    Use(4, "search", "openai", "gpt-4.1-nano", 1_900, 60),
    Use(5, "meeting-notes", "xai", "grok-4", 26_000, 1_400, date(2025, 7, 14)),
    Use(4, "meeting-notes", "openai", "gpt-4.1-mini", 12_500, 640),
    Use(3, "sales-mail", "cohere", "command-r-08-2024", 1_500, 410),
    Use(3, "sales-mail", "anthropic", "claude-3-7-sonnet-20250219", 3_300, 520),
    Use(2, "campaign-images", "openai", "gpt-image-1", 0, 0, task="image", usd="0.042"),
    Use(1, "sales-mail", "meta", "acme-tone-of-voice-8b", 1_200, 350, date(2025, 9, 15), proxy="replicate"),
)  # fmt: skip
"""Real models at their real sizes of use; the last is the company's own, which no list prices."""


def ensure_demo_calls(month: Month, root: Path) -> None:
    """Imports the made-up calls of the month, at made-up rates of the dollar, into the demo's data folder `root`;
    nothing where they are there, as they were stored and not stale."""
    stored = find_snapshot(IMPORT.dataset, month, root, IMPORT.name)
    is_damaged = stored is not None and not stored.is_unchanged
    if stored is not None and not (is_damaged or stored.certificate.is_stale()):
        return
    now = datetime.now(timezone.utc)
    ensure_demo_rates(month, root, now)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"demo-calls-{month}.csv"
        if write_calls(month, file, now):
            import_usage(file, MAPPING, root, replace_months=is_damaged, wait=True)


def ensure_demo_rates(month: Month, root: Path, now: datetime | None = None) -> None:
    """Keeps the made-up rates of the dollar of the month in the demo's data folder `root`; none before the company
    began."""
    if month < FIRST_MADE_UP:
        return
    now = now or datetime.now(timezone.utc)
    # From a week before it on to a week behind it: its first day may be a holiday, its last one too.
    days = (month.first - REACH + timedelta(days=number) for number in range(month.span.days + 2 * REACH.days))
    rates = [Rate(day, _make_up_rate(day), MADE_UP) for day in days if day.weekday() < 5 and day <= now.date()]
    keep_rates(rates, USD_CLP, root, now, overrules=False)


def _make_up_rate(day: date) -> Decimal:
    """Plausible, the same every time, and nobody's."""
    return Decimal("948.30") + (day.toordinal() * 37 % 113) * Decimal("0.27")


def write_calls(month: Month, file: Path, now: datetime, seed: int = 2025) -> int:
    """Writes the calls of the month up to `now` as a CSV, in the order of time; gives how many there are."""
    calls = [call for call in make_calls(month, seed) if str(call["time"]) < f"{now.astimezone(timezone.utc):%F %T}"]
    if calls:
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(calls[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(calls)
    return len(calls)


def make_calls(month: Month, seed: int = 2025) -> list[Call]:
    """All calls of the month, in the order of time; none before the company began."""
    if month < FIRST_MADE_UP:
        return []
    chance = random.Random(f"calls:{seed}:{month}")
    age = (month.year - FIRST_MADE_UP.year) * 12 + month.month - FIRST_MADE_UP.month
    busy = CALLS_A_DAY * GROWTH**age
    down = chance.choice([day for day in month.span if _is_work_day(day)])
    drawn = sorted(
        (call for day in month.span for call in _draw_day(chance, day, busy, is_down=day == down)),
        key=lambda call: str(call["time"]),
    )
    return [{"request_id": f"demo-{month}-{number:06d}", **call} for number, call in enumerate(drawn)]


def _draw_day(chance: random.Random, day: date, busy: float, *, is_down: bool) -> Iterator[Call]:
    uses = [use for use in USES if use.first <= day < use.end]
    count = busy * (1 if _is_work_day(day) else WEEKEND) * chance.uniform(0.85, 1.15) * (RETRIES if is_down else 1)
    for use in chance.choices(uses, [use.weight for use in uses], k=round(count)):
        moment = datetime.combine(day, time(chance.choices(range(24), HOURS)[0]))
        moment += timedelta(milliseconds=chance.randrange(3_600_000))
        yield _draw_call(chance, use, moment, FAILURES_THEN if is_down else FAILURES)


def _draw_call(chance: random.Random, use: Use, moment: datetime, failures: float) -> Call:
    prompt = round(chance.lognormvariate(0, 0.6) * use.prompt)
    completion = round(chance.lognormvariate(0, 0.7) * use.completion)
    usd, status = use.usd, "ok"
    slower = SLOWER if moment.hour in SLOW_AT.get(use.provider, ()) else 1
    if chance.random() < failures:
        status = chance.choice(("error", "timeout", "rate_limited"))
        completion = 0
        if status != "timeout":  # turned away: nothing was read, nothing is billed
            prompt, usd = 0, "0"
    return {
        "time": f"{moment:%F %T}.{moment.microsecond // 1000:03d}",
        "provider": use.provider,
        "model": use.model,
        "proxy": use.proxy,
        "task_type": use.task,
        "prompt_tokens": prompt,
        "cached_tokens": prompt * chance.choice(CACHED) // 100 if use.is_cached else 0,
        "completion_tokens": completion,
        "usd": usd,
        "status": status,
        "duration_ms": round(chance.lognormvariate(0, 0.4) * (300 + 9 * completion + prompt // 60) * slower),
        "application": use.application,
        "instance": chance.choice((1, 1, 1, 2)),
    }


def _is_work_day(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS
