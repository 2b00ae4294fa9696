"""What a notice says, in the reader's language, with numbers and days as they are written there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from flexlib.analysis.budgets import Outcome, find_known, measure_used
from flexlib.dates import Month, Span
from flexlib.deliver.claims import Claim, Message
from flexlib.formats import UNKNOWN, clean_text, format_amount, format_money
from flexlib.i18n import _, list_month_names, mark_text, speak, write_number
from flexlib.store.outbox import Standing

IS = {
    "reached": mark_text("{share} used"),
    "over": mark_text("exceeded"),
    "will be over": mark_text("expected to be exceeded"),
    "cannot say": mark_text("cannot be judged"),
}
"""What a budget is, by the event that is told."""
SENTENCES = {
    "reached": mark_text("{name}: {share} of the budget {period} is used, {spent} of {amount}."),
    "over": mark_text("{name}: the budget {period} is exceeded{on}, with {spent} of {amount}{share}."),
    "will be over": mark_text(
        "{name}: the budget {period} is expected to be exceeded{on}. Used so far: {spent} of {amount}{share}; expected "
        "by the end of the period: {expected}."
    ),
    "cannot say": mark_text("{name}: too much is missing to judge the budget {period}; {spent} of {amount} is known."),
}
SOME = {
    "reached": mark_text("at {share} or more: {count}"),
    "over": mark_text("exceeded: {count}"),
    "will be over": mark_text("expected to be exceeded: {count}"),
    "cannot say": mark_text("cannot be judged: {count}"),
}
"""How many of several budgets are that."""
DAYS = {"day": mark_text("{day} {month}"), "dated": mark_text("{day} {month} {year}")}
AMOUNTS = {
    "usd": mark_text("US$ {amount}"),
    "clp": mark_text("CLP {amount}"),
    "flex_credits": mark_text("{amount} flex credits"),
}
MOST_LINES = 50
"""Nobody reads more of them, and some readers of webhooks take no longer text."""
SPACE = "\u00a0"
GRAVE = {str(one): place for place, one in enumerate((Outcome.CANNOT_SAY, Outcome.WILL_BE_OVER, Outcome.OVER), 2000)}
"""Outcomes after all percents, the gravest last."""


def write_subject(message: Message) -> str:
    """One line: `Budget OpenAI: 85.6 % used`."""
    told = list_told(message)
    with speak(message.language):
        if len(told) == 1 and is_open(told[0]):
            said = _("Budget {name}: {what}")
            return said.format(name=clean_text(told[0].standing.budget), what=_write_event(told[0]))
        return _("Budgets ({what})").format(what=_count_events(told))


def write_lines(message: Message) -> list[str]:
    """A sentence for each budget, and for those of other people only how many there are."""
    told = list_told(message)
    lines = [write_sentence(one, message.language) for one in told if is_open(one)]
    hidden = [one for one in told if not is_open(one)]
    with speak(message.language):
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [_("And {count} more; ask who sends this.").format(count=len(lines) - MOST_LINES)]
        if hidden:
            lines.append(
                _("Budgets of individual people, here without their names ({what}).").format(what=_count_events(hidden))
            )
    return lines


def write_end(message: Message) -> str:
    with speak(message.language):
        return _("You are told once for each threshold. flexlib notify, {id}").format(id=message.id[:12])


def list_told(message: Message) -> list[Claim]:
    """Of each budget and period the gravest event, the gravest of all first."""
    found: dict[tuple[str, ...], Claim] = {}
    for one in sorted(message.claims, key=lambda one: _rank(one.event)):
        found[one.standing.identity] = one
    return sorted(found.values(), key=lambda one: (-_rank(one.event), one.standing.identity))


def is_open(claim: Claim) -> bool:
    """Whether its reader may learn whose budget it is: their own, or nobody's in particular."""
    return not claim.standing.is_personal or claim.is_own


def write_sentence(claim: Claim, language: str) -> str:
    """What is told of one budget.

    >>> from datetime import datetime; from flexlib.store.outbox import Standing
    >>> month = date(2025, 9, 1), date(2025, 9, 30)
    >>> of = Standing("OpenAI", "provider", ("openai",), "usd", Decimal(3000), (), *month, "near", Decimal("2569.90"))
    >>> write_sentence(Claim("email", "a@example.com", "es", "75", of, datetime(2025, 9, 20)), "es").replace(SPACE, " ")
    'OpenAI: se ha usado el 85,6 % del presupuesto de septiembre de 2025, US$2.569,90 de US$3.000,00.'
    """
    with speak(language):
        return _write_sentence(claim)


def _write_sentence(claim: Claim) -> str:
    of, is_share, share = claim.standing, claim.event.isdigit(), _write_share(claim)
    amount, spent = _write_amount(of.amount, of.unit), _write_beside(of.spent, of.unit)
    shown_day = of.day if of.first != of.last else None
    said = _(SENTENCES["reached" if is_share else claim.event])
    if claim.event == Outcome.CANNOT_SAY and find_known(of.spent, lacks=of.lacks) is None:
        said = _("{name}: too much is missing to judge the budget {period} of {amount}; nothing that it used is known.")
    return said.format(
        name=clean_text(of.budget),
        period=_write_period(Span(of.first, of.last)),
        spent=_("at least {amount}").format(amount=spent) if of.lacks else spent,
        amount=amount,
        share=share if is_share or not share else f" ({share})",
        on=_(" on {day}").format(day=_write_day(shown_day, "day")) if shown_day else "",
        expected=_write_expected(of),
    )


def _write_expected(of: Standing) -> str:
    """`US$ 338.85 (80 %: US$ 310.00 to US$ 390.00)`, the share being that of forecasts whose band holds."""
    if of.expected is None:
        return UNKNOWN
    low, high = (None if one is None else _write_beside(one, of.unit) for one in (of.low, of.high))
    band = _(" (80 %: {low} to {high})").format(low=low, high=high) if low and high and low != high else ""
    if low and not high:  # what is missing comes on top
        band = _(" by what is known (80 %: lower end {low})").format(low=low)
    return _write_amount(of.expected, of.unit) + band


def write_share(claim: Claim, language: str) -> str:
    """How much of the budget is used, in percent; empty of a budget of nothing."""
    with speak(language):
        return _write_share(claim)


def _write_share(claim: Claim) -> str:
    used = measure_used(claim.standing.spent, claim.standing.amount)
    if used is None:
        return ""
    said = write_number(f"{Decimal(used).scaleb(-1):,}{SPACE}%")
    return _("at least {amount}").format(amount=said) if claim.standing.lacks else said


def _write_event(claim: Claim) -> str:
    share = _write_share(claim)
    return _(IS["reached" if claim.event.isdigit() else claim.event]).format(share=share)


def _count_events(claims: Sequence[Claim]) -> str:
    """`exceeded: 2, at 90 % or more: 1`."""
    counts = Counter(one.event for one in claims).items()
    return ", ".join(
        _(SOME["reached" if event.isdigit() else event]).format(share=f"{event}{SPACE}%", count=count)
        for event, count in counts
    )


def _rank(event: str) -> int:
    return int(event) if event.isdigit() else GRAVE[event]


def _write_number(amount: Decimal, unit: str) -> str:
    return format_amount(amount) if unit == "flex_credits" else format_money(amount, unit.upper())


def _write_amount(amount: Decimal, unit: str) -> str:
    return _(AMOUNTS[unit]).format(amount=_write_number(amount, unit)).replace(" ", SPACE, 1)


def _write_beside(amount: Decimal, unit: str) -> str:
    """The same beside an amount that says of how many credits it is."""
    return _write_number(amount, unit) if unit == "flex_credits" else _write_amount(amount, unit)


def _write_day(day: date, form: str) -> str:
    return _(DAYS[form]).format(day=day.day, month=list_month_names()[day.month - 1], year=day.year)


def _write_period(span: Span) -> str:
    first, last = span.first, span.last
    if first == last:
        return _("of {first}").format(first=_write_day(first, "dated"))
    if span == Month.containing(first).span:
        return _("of {month}").format(month=Month.containing(first).title)
    form = "day" if first.year == last.year else "dated"
    return _("from {first} to {last}").format(first=_write_day(first, form), last=_write_day(last, "dated"))
