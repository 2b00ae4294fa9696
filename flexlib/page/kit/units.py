"""What amounts are of, and how a chart writes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from flexlib.formats import format_amount
from flexlib.i18n import Label, _, mark_text
from flexlib.page.kit.markup import escape, render_element

Amount = Decimal | int


@dataclass(frozen=True)
class Unit:
    """What amounts are of: the words of the axis, and how one is written."""

    heading: str
    words: str
    places: str

    @property
    def title(self) -> str:
        """In the reader's language."""
        return _(self.heading)

    @property
    def sign(self) -> str:
        """What stands before an amount of money in the reader's language: `CLP`, in Spanish `$`."""
        return _(self.words).format(amount="").strip()

    def write(self, amount: Amount) -> str:
        return _(self.words).format(amount=format_amount(Decimal(amount), self.places))


UNITS: Mapping[str, Unit] = {
    "usd": Unit("US$", mark_text("US$ {amount}"), "0.01"),
    "clp": Unit("CLP", mark_text("CLP {amount}"), "1"),
    "flex_credits": Unit("Flex credits", mark_text("{amount} flex credits"), "0.01"),
    "prompt_credits": Unit("Prompt credits", mark_text("{amount} prompt credits"), "0.01"),
    "requests": Unit("Requests", mark_text("{amount} requests"), "1"),
    "prompt_tokens": Unit("Prompt tokens", mark_text("{amount} prompt tokens"), "1"),
    "completion_tokens": Unit("Completion tokens", mark_text("{amount} completion tokens"), "1"),
    "total_tokens": Unit("Tokens", mark_text("{amount} tokens"), "1"),
}


def render_sign(unit: str) -> str:
    """The sign of a currency before the number of a card, at a distance where the language has one; of other units
    nothing."""
    if unit not in ("usd", "clp"):
        return ""
    is_apart = _(UNITS[unit].words).format(amount="").endswith(" ")
    return render_element("small", escape(UNITS[unit].sign), class_="" if is_apart else "tight")


def name_label(label: str) -> str:
    """As it is shown: what stands for several is no name."""
    return _(label) if isinstance(label, Label) else label
