"""What a notice says, in the reader's language, with numbers and days as they are written there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from flexlib.analysis.budgets import Outcome
from flexlib.dates import Month, Span
from flexlib.deliver.claims import Claim, Message
from flexlib.formats import UNKNOWN, clean_text, format_amount, format_money
from flexlib.i18n import MONTH_NAMES
from flexlib.store.outbox import Standing

MONTHS: Mapping[str, Sequence[str]] = {
    "en": MONTH_NAMES.split(),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
}  # fmt: skip
SPANISH_SIGNS = str.maketrans(",.", ".,")

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "subject": "Budget {name}: {what}",
        "subjects": "Budgets ({what})",
        "is reached": "{share} used",
        "is over": "exceeded",
        "is will be over": "expected to be exceeded",
        "is cannot say": "cannot be judged",
        "reached": "{name}: {share} of the budget {period} is used, {spent} of {amount}.",
        "over": "{name}: the budget {period} is exceeded{on}, with {spent} of {amount}{share}.",
        "will be over": "{name}: the budget {period} is expected to be exceeded{on}. Used so far: {spent} of {amount}"
        "{share}; expected by the end of the period: {expected}.",
        "cannot say": "{name}: too much is missing to judge the budget {period}; {spent} of {amount} is known.",
        "on": " on {day}",
        "share": " ({share})",
        "at least": "at least {amount}",
        "some reached": "at {share} or more: {count}",
        "some over": "exceeded: {count}",
        "some will be over": "expected to be exceeded: {count}",
        "some cannot say": "cannot be judged: {count}",
        "more": "And {count} more; flexlib check shows all.",
        "personal": "Budgets of individual people: {what}.",
        "end": "You are told once for each threshold. flexlib notify, {id}",
        "day": "{day} {month}",
        "dated": "{day} {month} {year}",
        "of day": "of {first}",
        "of month": "of {month} {year}",
        "of span": "from {first} to {last}",
        "band": " (80 %: {low} to {high})",
        "percent": "{number} %",
        "usd": "US$ {number}",
        "clp": "CLP {number}",
        "flex_credits": "{number} flex credits",
    },
    "es": {
        "subject": "Presupuesto {name}: {what}",
        "subjects": "Presupuestos ({what})",
        "is reached": "{share} usado",
        "is over": "superado",
        "is will be over": "se prevé que se supere",
        "is cannot say": "no se puede saber",
        "reached": "{name}: se ha usado el {share} del presupuesto {period}, {spent} de {amount}.",
        "over": "{name}: el presupuesto {period} se superó{on}, con {spent} de {amount}{share}.",
        "will be over": "{name}: se prevé que el presupuesto {period} se supere{on}. Usado hasta ahora: {spent} "
        "de {amount}{share}; previsto al final del período: {expected}.",
        "cannot say": "{name}: faltan demasiados datos para decir algo del presupuesto {period}; se conocen {spent} de "
        "{amount}.",
        "on": " el {day}",
        "share": " ({share})",
        "at least": "al menos {amount}",
        "some reached": "desde el {share}: {count}",
        "some over": "superados: {count}",
        "some will be over": "se prevé que se superen: {count}",
        "some cannot say": "no se puede saber: {count}",
        "more": "Y {count} más; flexlib check los muestra todos.",
        "personal": "Presupuestos de una sola persona: {what}.",
        "end": "Se avisa una sola vez por cada umbral. flexlib notify, {id}",
        "day": "{day} de {month}",
        "dated": "{day} de {month} de {year}",
        "of day": "del {first}",
        "of month": "de {month} de {year}",
        "of span": "del {first} al {last}",
        "band": " (80 %: {low} a {high})",
        "percent": "{number} %",
        "usd": "US$ {number}",
        "clp": "${number}",
        "flex_credits": "{number} créditos flex",
    },
}
"""Sentences and their parts, by language; a space before the sign of percent, which no line may end before."""
MOST_LINES = 50
"""Nobody reads more of them, and some readers of webhooks take no longer text."""
SPACE = "\u00a0"
GRAVE = {str(one): place for place, one in enumerate((Outcome.CANNOT_SAY, Outcome.WILL_BE_OVER, Outcome.OVER), 2000)}
"""Outcomes after all percents, the gravest last."""


def write_subject(message: Message) -> str:
    """One line: `Budget OpenAI: 85.7 % used`."""
    words = WORDS[message.language]
    told = list_told(message)
    if len(told) == 1 and is_open(told[0]):
        return words["subject"].format(
            name=clean_text(told[0].standing.budget), what=_write_event(told[0], message.language)
        )
    return words["subjects"].format(what=_count_events(told, message.language))


def write_lines(message: Message) -> list[str]:
    """A sentence for each budget, and for those of other people only how many there are."""
    told, language = list_told(message), message.language
    lines = [write_sentence(one, language) for one in told if is_open(one)]
    hidden = [one for one in told if not is_open(one)]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [WORDS[language]["more"].format(count=len(lines) - MOST_LINES)]
    if hidden:
        lines.append(WORDS[language]["personal"].format(what=_count_events(hidden, language)))
    return lines


def write_end(message: Message) -> str:
    return WORDS[message.language]["end"].format(id=message.id[:12])


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
    'OpenAI: se ha usado el 85,7 % del presupuesto de septiembre de 2025, US$ 2.569,90 de US$ 3.000,00.'
    """
    of, words = claim.standing, WORDS[language]
    amount, spent = _write_amount(of.amount, of.unit, language), _write_beside(of.spent, of.unit, language)
    share = write_share(claim, language)
    is_share = claim.event.isdigit()
    shown_day = of.day if of.first != of.last else None
    return words["reached" if is_share else claim.event].format(
        name=clean_text(of.budget),
        period=_write_period(Span(of.first, of.last), language),
        spent=words["at least"].format(amount=spent) if of.lacks else spent,
        amount=amount,
        share=share if is_share or not share else words["share"].format(share=share),
        on=words["on"].format(day=_write_day(shown_day, "day", language)) if shown_day else "",
        expected=_write_expected(of, language),
    )


def _write_expected(of: Standing, language: str) -> str:
    """`US$ 338.85 (80 %: US$ 310.00 to US$ 390.00)`, the share being that of forecasts whose band holds."""
    if of.expected is None:
        return UNKNOWN
    low, high = (None if one is None else _write_beside(one, of.unit, language) for one in (of.low, of.high))
    band = WORDS[language]["band"].format(low=low, high=high) if low and high and low != high else ""
    return _write_amount(of.expected, of.unit, language) + band


def write_share(claim: Claim, language: str) -> str:
    """How much of the budget is used, in percent; empty of a budget of nothing."""
    of = claim.standing
    if not of.amount:
        return ""
    number = f"{100 * of.spent / of.amount:,.1f}"
    return WORDS[language]["percent"].format(number=_localize(number, language)).replace(" ", SPACE)


def _write_event(claim: Claim, language: str) -> str:
    name = "reached" if claim.event.isdigit() else claim.event
    return WORDS[language][f"is {name}"].format(share=write_share(claim, language))


def _count_events(claims: Sequence[Claim], language: str) -> str:
    """`exceeded: 2, at 90 % or more: 1`."""
    words, said = WORDS[language], []
    for event, count in Counter(one.event for one in claims).items():
        share = words["percent"].format(number=event).replace(" ", SPACE)
        said.append(words[f"some {'reached' if event.isdigit() else event}"].format(share=share, count=count))
    return ", ".join(said)


def _rank(event: str) -> int:
    return int(event) if event.isdigit() else GRAVE[event]


def _write_number(amount: Decimal, unit: str, language: str) -> str:
    number = format_amount(amount) if unit == "flex_credits" else format_money(amount, unit.upper())
    return _localize(number, language)


def _write_amount(amount: Decimal, unit: str, language: str) -> str:
    return WORDS[language][unit].format(number=_write_number(amount, unit, language)).replace(" ", SPACE, 1)


def _write_beside(amount: Decimal, unit: str, language: str) -> str:
    """The same beside an amount that says of how many credits it is."""
    write = _write_number if unit == "flex_credits" else _write_amount
    return write(amount, unit, language)


def _localize(number: str, language: str) -> str:
    return number.translate(SPANISH_SIGNS) if language == "es" else number


def _write_day(day: date, form: str, language: str) -> str:
    month = MONTHS[language][day.month - 1]
    return WORDS[language][form].format(day=day.day, month=month, year=day.year)


def _write_period(span: Span, language: str) -> str:
    words, first, last = WORDS[language], span.first, span.last
    if first == last:
        return words["of day"].format(first=_write_day(first, "dated", language))
    if span == Month.containing(first).span:
        return words["of month"].format(month=MONTHS[language][first.month - 1], year=first.year)
    form = "day" if first.year == last.year else "dated"
    return words["of span"].format(first=_write_day(first, form, language), last=_write_day(last, "dated", language))
