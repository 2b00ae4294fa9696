"""What a ledger should hold, in plain Python: calls by their ids, exact amounts, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

KINDS = ("by the book", "given", "given pesos", "of no book")
DAYS = (date(2025, 9, 3), date(2025, 9, 23), date(2025, 10, 3))
"""So far apart that no rate is carried from one to the next; the last lies outside the month."""
PROMPT_USD, COMPLETION_USD = Decimal("2.50"), Decimal("10.00")
"""A million tokens of gpt-4o, as published."""

Row = tuple[int, Decimal | None, Decimal | None]
"""Tokens of the prompt, dollars, pesos."""


def make_call(name: str, kind: str, day: date, prompt: int) -> dict[str, Any]:
    """The arguments of `record_usage`."""
    call: dict[str, Any] = {"request_id": name, "usable": ("user", 42), "provider": "openai", "model": "gpt-4o"}
    call |= {"prompt_tokens": prompt, "completion_tokens": 10, "created_at": f"{day}T15:00:00Z"}
    other = {
        "given": {"amount_in_usd": "0.5"},
        "given pesos": {"amount_in_clp": "7"},
        "of no book": {"model": "no-such-model"},
    }
    return call | other.get(kind, {})


@dataclass
class Entry:
    """A call and its amounts."""

    kind: str
    day: date
    prompt: int
    usd: Decimal | None = None
    clp: Decimal | None = None
    rate: Decimal | None = None
    """At which its pesos were made of its dollars."""


@dataclass
class LedgerModel:
    """The law: each id once, what was given stays, a price list and a rate fill only what nobody gave."""

    calls: dict[str, Entry] = field(default_factory=dict)
    rates: dict[date, Decimal] = field(default_factory=dict)
    changed: bool = True
    """Whether the month is another than when it was closed last."""

    def record(self, name: str, kind: str, day: date, prompt: int) -> None:
        """A call that is sent, for the first time or again."""
        if name in self.calls:
            return
        entry = self.calls[name] = Entry(kind, day, prompt)
        if kind == "given":
            entry.usd = Decimal("0.5")
        elif kind != "of no book":
            entry.usd = self.price(entry, 1)
        if kind == "given pesos":
            entry.clp = Decimal(7)
        self.convert(entry)
        self.changed |= self.is_in_the_month(entry)

    def fill(self) -> None:
        """Rates that have come since."""
        for entry in self.calls.values():
            if self.is_in_the_month(entry):
                self.changed |= self.convert(entry)

    def reprice(self, factor: int) -> None:
        """The book at so many times today's prices."""
        for entry in self.calls.values():
            usd = self.price(entry, factor)
            if entry.kind in ("by the book", "given pesos") and self.is_in_the_month(entry) and entry.usd != usd:
                entry.usd = usd
                if entry.rate is not None:
                    entry.clp = self.in_pesos(usd, entry.rate)
                self.changed = True

    def convert(self, entry: Entry) -> bool:
        """Pesos where there are none, at the rate of the day; whether there are any now."""
        if entry.clp is not None or entry.usd is None or entry.day not in self.rates:
            return False
        entry.rate = self.rates[entry.day]
        entry.clp = self.in_pesos(entry.usd, entry.rate)
        return True

    def price(self, entry: Entry, factor: int) -> Decimal:
        return factor * (entry.prompt * PROMPT_USD + 10 * COMPLETION_USD) / 1_000_000

    def in_pesos(self, usd: Decimal, rate: Decimal) -> Decimal:
        return (usd * rate).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)

    def is_in_the_month(self, entry: Entry) -> bool:
        return entry.day.month == 9

    def rows(self, *, month_only: bool = False) -> dict[str, Row]:
        """What is to be read, by id."""
        return {
            name: (entry.prompt, entry.usd, entry.clp)
            for name, entry in self.calls.items()
            if not month_only or self.is_in_the_month(entry)
        }


def add(amounts: list[Any]) -> Any:  # noqa: ANN401
    """The exact sum of those that are known, as SQL has it: None where none is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None
