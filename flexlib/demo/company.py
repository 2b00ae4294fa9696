"""The made-up company behind the demo server: who spent what on which day, from a seed number alone."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from flexlib.dates import Month
from flexlib.demo.offers import OFFERS, find_offers
from flexlib.demo.people import Person, make_people, make_unlisted_people
from flexlib.setting_values import FIRST_MADE_UP

ALLOWANCE = 20_000
"""Hundredths of a credit that each seat has in a month before it draws on the flex pool."""

ACTIVE_SHARE = 0.0765  # of all people, once the ramp-up is over
STEADY_SHARE = 0.9  # of those who have taken it up, active in a given month
ROWS_A_PERSON = 37.0  # a month, of those who are active, before season and ramp-up
PROMPTS_A_ROW = (1, 2, 3, 5, 8, 13, 21, 34)  # a run of the agent is billed as several prompts
PROMPTS_WEIGHTS = (15, 14, 13, 14, 14, 12, 10, 8)
IDES, IDE_WEIGHTS = ("windsurf", "jetbrains", "vscode"), (80, 14, 6)
WEEKENDERS = 3  # of ten people; the others never work on a weekend or holiday
WEEKEND, DEADLINE = 0.25, 2.3  # of a common weekday's use
SEASON = {1: 0.85, 2: 0.6, 12: 0.85}  # the southern summer
NO_MODEL = "<nil>"
HOLIDAYS = frozenset(
    {(1, 1), (5, 1), (5, 21), (7, 16), (8, 15), (9, 18), (9, 19), (10, 12), (10, 31), (11, 1), (12, 8), (12, 25)}
)  # Chile's, those with a fixed day


class Row(NamedTuple):
    """One run of the agent. Credits are hundredths; `day` is an ISO date, as on the wire."""

    key: str
    day: str
    model: str
    ide: str
    prompt_credits: int
    flex_credits: int


@dataclass(frozen=True)
class Ledger:
    """One whole month: all rows, sorted by day and key, and the same rows by key."""

    rows: tuple[Row, ...]
    by_key: dict[str, tuple[Row, ...]]


class Company:
    """`users` people of whom about one in seventeen spends; the same `seed`, `users` and month give the same rows.

    `unlisted` more keys spend too and are not among `people`; the share `nil_models` of the rows has lost its model.
    Neither changes anything else.
    """

    def __init__(self, seed: int = 2025, users: int = 5930, unlisted: int = 0, nil_models: float = 0.0) -> None:
        self.seed, self.users, self.nil_models = seed, users, nil_models
        self.people = make_people(seed, users)
        self.unlisted = make_unlisted_people(seed, unlisted)
        self._ledgers: dict[Month, Ledger] = {}
        self._is_late = False
        self._by_key = {person.key: person for person in self.people + self.unlisted}
        # Whoever stands early in this order has taken the tool up early, and spends by a weight of its own.
        self._adopters = list(self.people)
        random.Random(f"adoption:{seed}:{users}").shuffle(self._adopters)

    def refresh(self) -> Company:
        """The same company, as the vendor has it later: everybody's last run of each month came in twice."""
        later = copy.copy(self)
        later._ledgers, later._is_late = {}, True
        return later

    def read_ledger(self, month: Month) -> Ledger:
        """The whole `month`, future days included."""
        if month not in self._ledgers:
            self._ledgers[month] = self._make_ledger(month)
        return self._ledgers[month]

    def find_person(self, key: str) -> Person:
        """Who holds `key`; a `KeyError` when nobody does."""
        return self._by_key[key]

    def rank_spenders(self, month: Month) -> list[str]:
        """The keys that spent in `month`, most credits first, unlisted included."""
        spent = {
            key: sum(row.prompt_credits + row.flex_credits for row in rows)
            for key, rows in self.read_ledger(month).by_key.items()
        }
        return sorted(spent, key=lambda key: (-spent[key], key))

    def read_rows(self, first: str, last: str, key: str | None = None) -> Iterator[Row]:
        """The rows from the ISO day `first` to `last`, of one key or of all; sorted by day and key."""
        for month in _find_months(first, last):
            ledger = self.read_ledger(month)
            rows = ledger.rows if key is None else ledger.by_key.get(key, ())
            yield from (row for row in rows if first <= row.day <= last)

    def read_days(self, first: str, last: str) -> dict[str, list[str]]:
        """On which days from `first` to `last` each key was used; much quicker than reading the rows."""
        days: dict[str, list[str]] = {}
        for month in _find_months(first, last):
            for person, drawn, _ in self._draw_runs(month):
                days.setdefault(person.key, []).extend(day for day in sorted(set(drawn)) if first <= day <= last)
        return {key: used for key, used in days.items() if used}

    def _make_ledger(self, month: Month) -> Ledger:
        by_key = {
            person.key: tuple(_forget_models(_draw_rows(self.seed, person, days, rng), self.nil_models, rng))
            for person, days, rng in self._draw_runs(month)
        }
        if self._is_late:
            by_key = {key: (*rows, rows[-1]) for key, rows in by_key.items()}
        rows = sorted((row for rows in by_key.values() for row in rows), key=attrgetter("day", "key"))
        return Ledger(tuple(rows), by_key)

    def _draw_runs(self, month: Month) -> Iterator[tuple[Person, list[str], random.Random]]:
        """Who uses the tool in the month, on which ISO day each run is, and the generator that goes on from there."""
        ramp = _ramp_up(month)
        volume = ROWS_A_PERSON * SEASON.get(month.month, 1.0) * (0.5 + 0.65 * ramp)
        use = _weigh_days(month, random.Random(f"days:{self.seed}:{month}"))
        week_use = {day: weight for day, weight in use.items() if weight > WEEKEND}
        adopters = self._adopters[: math.ceil(len(self._adopters) * ACTIVE_SHARE * ramp / STEADY_SHARE)]
        for position, person in [*enumerate(adopters), *enumerate(self.unlisted)]:
            rng = random.Random(f"runs:{self.seed}:{month}:{person.key}")
            if rng.random() < STEADY_SHARE or person in self.unlisted:
                expected = volume * _weigh_person(position)
                count = max(1, round(rng.gauss(expected, math.sqrt(expected))))
                drawn_from = use if position % 10 < WEEKENDERS else week_use
                yield person, sorted(rng.choices(list(drawn_from), list(drawn_from.values()), k=count)), rng


@lru_cache
def _find_months(first: str, last: str) -> tuple[Month, ...]:
    months, month = [], FIRST_MADE_UP
    while month.first.isoformat() <= last:
        if month.last.isoformat() >= first:
            months.append(month)
        month = month.next
    return tuple(months)


def _ramp_up(month: Month) -> float:
    """How far the company has taken the tool up, from 0 to 1; half-way in June 2025."""
    age = (month.year - 2025) * 12 + month.month
    return 1 / (1 + math.exp(-(age - 6) / 2.5))


def _weigh_person(position: int) -> float:
    """Share of the common use: a long tail with the mean 1, spread evenly over any first n positions."""
    quantile = (position * 0.6180339887498949 + 0.31) % 1.0
    return 1 / (quantile + 0.013) / math.log(1.013 / 0.013)


def _weigh_days(month: Month, rng: random.Random) -> dict[str, float]:
    """Use of each ISO day, 1 for a common weekday, at most `WEEKEND` on a day without work."""
    working = [day for day in month.span if day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS]
    deadline = next(day for day in working if day.day >= 15)
    weights = {day: DEADLINE if day == deadline else 1.0 for day in working}
    return {
        day.isoformat(): weights[day] * rng.uniform(0.85, 1.15) if day in weights else WEEKEND * rng.uniform(0.6, 1.0)
        for day in month.span
    }


def _draw_rows(seed: int, person: Person, days: list[str], rng: random.Random) -> Iterator[Row]:
    habits = random.Random(f"habits:{seed}:{person.key}")
    ide = habits.choices(IDES, IDE_WEIGHTS)[0]
    liked = dict(zip(OFFERS, habits.choices((0.1, 0.4, 1.0, 4.0), k=len(OFFERS)), strict=True))
    prompts = iter(rng.choices(PROMPTS_A_ROW, PROMPTS_WEIGHTS, k=len(days)))
    left = ALLOWANCE
    for offers, group in groupby(days, key=find_offers):
        run_days = list(group)
        weights = [offer.appeal * liked[offer] for offer in offers]
        for day, offer in zip(run_days, rng.choices(offers, weights, k=len(run_days)), strict=True):
            cost = offer.multiplier * next(prompts)
            prompt = min(cost, left)
            left -= prompt
            yield Row(person.key, day, offer.model, ide, prompt, cost - prompt)


def _forget_models(rows: Iterator[Row], share: float, rng: random.Random) -> Iterator[Row]:
    for row in list(rows):
        yield row._replace(model=NO_MODEL) if rng.random() < share else row
