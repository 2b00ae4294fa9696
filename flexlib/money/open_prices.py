"""What price lists leave open, and what is known of it: hours of the day without dates, requests at several prices.

A list of genai-prices can say of an entry that it holds from a day on, or at an hour of the day, not both, and nothing
of weekends; and for some models it names the highest of several prices. `data/price_hours.csv` says on which days the
hours of a list hold, `data/request_prices.csv` what a request costs by what the caller chose. Each row has the text
that says so (or two) and the day on which a stored copy of it was read: the address may show another text by now. What
neither table tells is unpriced: a price that may hold is not one. Rows say days of UTC, so a day on which a price
changed at an hour is open. Holidays in China are off-peak; days that may be some are open in the hours, such as all
weekdays of a year whose holidays nobody had read yet.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from flexlib.i18n import mark_text

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

ALL_DAYS = frozenset(range(7))
DAYS: Mapping[str, frozenset[int]] = {"all": ALL_DAYS, "mon-fri": frozenset(range(5)), "sat-sun": frozenset({5, 6})}
"""Days of the week, Monday 0, by the words of the table."""

LISTED, DATED, OPEN_HOURS, OPEN_DAY = "listed", "dated", "open hours", "open day"
"""What a row says of its days: the list's hours hold; the price of the date holds at every hour; in those hours the
price is not known; it is not known at all."""

OPEN = mark_text("the list names a price by the hour for this model, and does not say whether it applied on that day")
CHOICE = mark_text(
    "the list names the highest of several prices of a request of this model, and the call does not tell which"
)


@dataclass(frozen=True)
class HourRule:
    """What holds on some days of the week, from `first` up to but without `end`."""

    first: date
    end: date
    weekdays: frozenset[int]
    says: str

    def covers(self, day: date) -> bool:
        return self.first <= day < self.end and day.weekday() in self.weekdays


def list_hour_rules(seller: str | None, model: ModelInfo) -> tuple[HourRule, ...]:
    """What is known of the hours in the list's entry, the first that covers a day decides; none where it has no hours.

    Where the table is silent, hours beside dated prices are of unknown days, and hours alone hold.
    """
    dated = model.prices if isinstance(model.prices, list) else []
    if not any(has_hours(one.constraint) for one in dated):
        return ()
    beside = any(hasattr(one.constraint, "start_date") for one in dated)
    rest = HourRule(date.min, date.max, ALL_DAYS, OPEN_HOURS if beside else LISTED)
    return (*_read_hour_rules().get((seller, model.id), ()), rest)


def has_hours(constraint: object) -> bool:
    """Whether an entry holds at some hours of the day only."""
    return hasattr(constraint, "start_time")


def select_prices(seller: str, model: ModelInfo, moment: datetime) -> tuple[ModelPrice, date | None] | None:
    """The prices of that moment and the day from which they hold; None where the list leaves them open."""
    if not isinstance(model.prices, list):
        return model.prices, None
    rules = list_hour_rules(seller, model)
    says = next((one.says for one in rules if one.covers(moment.date())), LISTED)
    active = [one for one in reversed(model.prices) if one.constraint is None or one.constraint.active(moment)]
    if says == DATED:
        active = [one for one in active if not has_hours(one.constraint)]
    chosen = active[0] if active else model.prices[0]
    if says == OPEN_DAY or (says == OPEN_HOURS and has_hours(chosen.constraint)):
        return None
    return chosen.prices, getattr(chosen.constraint, "start_date", None) if active else None


@cache
def find_request_prices(seller: str, model: str) -> Mapping[str, Decimal] | None:
    """USD for 1,000 requests by what the caller chose; None where the list's own price is the only one.

    Empty where there are several, and what a call tells does not decide between them: a row without a choice.
    """
    rows = [row for row in read_data_table("request_prices.csv") if (row["list"], row["model"]) == (seller, model)]
    return {row["choice"]: Decimal(row["usd_for_1000"]) for row in rows if row["choice"]} if rows else None


@cache
def _read_hour_rules() -> Mapping[tuple[str | None, str], tuple[HourRule, ...]]:
    rules: dict[tuple[str | None, str], tuple[HourRule, ...]] = {}
    for row in read_data_table("price_hours.csv"):
        first = date.fromisoformat(row["from"]) if row["from"] else date.min
        end = date.fromisoformat(row["until"]) if row["until"] else date.max
        key = row["list"], row["model"]
        rules[key] = (*rules.get(key, ()), HourRule(first, end, DAYS[row["days"]], row["says"]))
    return rules


def read_data_table(name: str) -> list[dict[str, str]]:
    """The rows of a table that the package carries."""
    text = (files("flexlib") / "data" / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
