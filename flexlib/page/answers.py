"""What a month's page answers first: why it changed, where it will end, what is unusual, and what may be tried."""

from __future__ import annotations

from decimal import Decimal

from flexlib.analysis.compare import METHOD, NOTHING, OF_STAYED, OF_WHOMEVER, SAID, Change
from flexlib.analysis.savings import Saving
from flexlib.dates import Month
from flexlib.formats import (
    capitalize_first,
    format_number,
    format_short_day,
    format_signed,
)
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.compare import Compared
from flexlib.page.forecasted import Forecasted, bound_month, write_estimate
from flexlib.page.kit.markup import Html
from flexlib.page.kit.parts import show_line
from flexlib.page.unusual import show_peak as show_peak
from flexlib.page.unusual import show_unusual as show_unusual
from flexlib.tables.compare import UNITS, list_parts, write_between, write_in_words

AMOUNTS = {
    "flex_credits": mark_text("{amount}"),
    "usd": mark_text("US$\u00a0{amount}"),
    "clp": mark_text("CLP\u00a0{amount}"),
}
"""An amount under a headline of the same unit."""
SIGNS = ("+", "\u2212")
"""Of `format_signed`; they stand before the currency."""

HEADS = {
    (False, False): mark_text("{amount} vs {month}:"),
    (False, True): mark_text("At least {amount} vs {month}:"),
    (True, False): mark_text("As counted, {amount} vs {month}:"),
    (True, True): mark_text("As counted, at least {amount} vs {month}:"),
}
"""Of a month whose headline is what bills say and not what was counted, and of one that lacks something."""


def show_why(
    change: Change | None, unit: str, earlier: Month, *, is_counted: bool = False, is_least: bool = False
) -> Html:
    """Why the month differs from the one before, in a line: who is new, who stopped, what the same people did.

    `is_counted`: the headline is another sum; `is_least`: the month lacks something.
    """
    if change is None:
        return Html("change", "")
    parts, people, (__, places) = list_parts(change, unit), change.people, UNITS[unit]

    def write(amount: Decimal) -> str:
        return format_signed(amount, places)

    said_of = {name: f"{_(words)} {write(parts[name])}" for name, words in SAID.items() if parts.get(name)}
    reasons = ", ".join(said_of[name] for name in OF_STAYED if name in said_of)
    stayed = sum((parts.get(name, NOTHING) for name in OF_STAYED), NOTHING)
    stopped = _("{count} who stopped or are missing {amount}") if is_least else _("{count} who stopped {amount}")
    said = [
        translate_count("{count} new spender {amount}", "{count} new spenders {amount}", people["new"]).format(
            count=format_number(people["new"]), amount=write(parts["new"])
        ),
        stopped.format(count=format_number(people["gone"]), amount=write(parts["gone"])),
        translate_count(
            "the same {count} spender {amount}", "the same {count} spenders {amount}", people["stayed"]
        ).format(count=format_number(people["stayed"]), amount=write(stayed))
        + (reasons and f" ({reasons})"),
        *(said_of[name] for name in OF_WHOMEVER if name in said_of),
    ]
    written = write(change.difference)
    sign = written[:1] if written[:1] in SIGNS else ""
    money = sign + _(AMOUNTS[unit]).format(amount=written.removeprefix(sign))
    head = _(HEADS[is_counted, is_least]).format(amount=money, month=earlier.name)
    return show_line("change", f"{head} ", f"{'; '.join(said)}.", _(METHOD))


def show_change(made: Compared | None, *, is_counted: bool = False) -> Html:
    """`show_why` of a comparison with the month before; `is_counted`: the headline is what bills say."""
    if made is None:
        return Html("change", "")
    earlier = made.before.months[0]
    return show_why(made.change, made.unit, earlier, is_counted=is_counted, is_least=made.lacking[1])


def show_outlook(made: Forecasted | None) -> Html:
    """Where a month that is running will end, in a line; nothing of one that is over."""
    if made is None:
        return Html("outlook", "")
    one, name = bound_month(made), made.month.name
    known = _("at least {amount} known up to {day}") if made.is_least else _("{amount} known up to {day}")
    known = known.format(amount=write_in_words(write_estimate(made.known), made.unit), day=format_short_day(made.as_of))
    if one.expected is None:
        head = _("Where {month} will end cannot be said:").format(month=name)
        return show_line("outlook", f"{head} ", f"{one.reason}; {known}.")
    expected, low, high = (write_estimate(end or 0.0) for end in (one.expected, one.low, one.high))
    if made.is_least:
        head = _("{month} may end near {amount} by what is known:")
        head = head.format(month=name, amount=write_in_words(expected, made.unit))
        said = _("{known}; what is missing comes on top.")
        if one.low is None:
            said = _("{known}; what is missing comes on top; no band yet, {reason}.")
        said = said.format(known=known, reason=one.reason)
        return show_line("outlook", f"{capitalize_first(head)} ", said)
    if one.low is None:
        head = _("{month} may end near {amount}:").format(month=name, amount=write_in_words(expected, made.unit))
        said = _("{known}; no band yet, {reason}.").format(known=known, reason=one.reason)
        return show_line("outlook", f"{capitalize_first(head)} ", said)
    held = next((line for line in made.backtest.to_dict("records") if line["bands"]), None)
    head = _("{month} will probably end between {amounts}:")
    head = head.format(month=name, amounts=write_between(low, high, made.unit))
    said = _("four times in five the sum should end between these two; {known}.").format(known=known)
    if held:
        said = _(
            "four times in five the sum should end between these two, and in earlier months it did {held} of {bands} "
            "times; {known}."
        )
        said = said.format(held=held["held"], bands=held["bands"], known=known)
    return show_line("outlook", f"{capitalize_first(head)} ", said)


def show_saving(saving: Saving | None) -> Html:
    """The one thing that the month's own numbers suggest to try; nothing where they do not."""
    return Html("saving", "") if saving is None else show_line("saving", _("A saving to try:") + " ", saving.sentence)
