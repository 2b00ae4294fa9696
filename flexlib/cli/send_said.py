"""What a mail of a month says at its top, by which it is sent again, and what it says of the mail that it replaces."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from flexlib.analysis.chargeback import ChargeLine
from flexlib.certificate import State
from flexlib.deliver.months import Said, Told
from flexlib.formats import format_moment, round_amount
from flexlib.front.spend import Spend
from flexlib.i18n import _, join_and
from flexlib.page.kit.parts import BADGES
from flexlib.page.kit.units import UNITS
from flexlib.page.letter_lacks import find_part_state, is_part_least
from flexlib.page.mail.month import MONEY, is_month_least, write_least
from flexlib.spend import total_spend
from flexlib.spend.month import MonthUsage
from flexlib.store.outbox import Figure
from flexlib.tables.chargeback import UNIT_NAMES

BESIDE = ("clp", "flex_credits")
"""The amounts beside US$."""


def say_month(spend: Spend) -> Said:
    """Of a whole month."""
    usage, totals = spend.loaded[0], total_spend(spend.loaded[0])
    least = {one: is_month_least(usage, totals, one) for one in MONEY}
    figures = (_build_figure(one, spend.total(one), is_least=least.get(one, False)) for one in BESIDE)
    return Said(_round("usd", spend.total("usd")), str(usage.state), least["usd"], tuple(figures))


def say_part(line: ChargeLine, usage: MonthUsage) -> Said:
    """Of one of those who are charged."""
    figures = (_build_figure(one, line.total(one), is_least=is_part_least([line], one)) for one in BESIDE)
    state, is_least = str(find_part_state(line, usage)), is_part_least([line])
    return Said(_round("usd", line.total("usd")), state, is_least, tuple(figures))


def explain_replaced(told: Told, said: Said, files: Sequence[str]) -> list[str]:
    """A sentence on what another mail `told`, where this one says something else or brings one of the `files` that it
    lacked."""
    brought = [name for name in files if name in told.left_out]
    is_same = told.tells(said)
    if is_same and not brought:
        return []
    if is_same:
        text = _("This replaces the mail of {moment}, which lacked {files}.")
    elif told.total is None and said.total is not None:
        text = _("This replaces the mail of {moment}, in which the total was not known.")
    elif told.total != said.total or told.is_least not in (None, said.is_least):
        text = _("This replaces the mail of {moment}, in which the total was {amount}.")
    else:
        text = _("This replaces the mail of {moment}, which said: {said}.")
    moment, amount = format_moment(told.changed), write_least("usd", told.total, is_least=told.is_least)
    others = "; ".join(_list_others(told, said))
    return [text.format(moment=moment, amount=amount, files=join_and(brought), said=others)]


def _list_others(told: Told, said: Said) -> list[str]:
    """What another mail said that this one says otherwise, beside the total."""
    then = told.claim.standing
    found = [_(BADGES[State(then.outcome)].word)] if then.outcome != said.state else []
    for one in then.figures:
        if one not in said.figures:
            written = write_least(one.unit, Decimal(one.amount) if one.amount else None, is_least=one.is_least)
            found.append(written if one.amount else f"{_(UNIT_NAMES[one.unit])}: {written}")
    return found


def _build_figure(unit: str, amount: Decimal | int | None, *, is_least: bool) -> Figure:
    rounded = _round(unit, amount)
    return Figure(unit, None if rounded is None else f"{rounded:f}", is_least and rounded is not None)


def _round(unit: str, amount: Decimal | int | None) -> Decimal | None:
    """As it is shown: what changes below that is no change."""
    return None if amount is None else round_amount(Decimal(amount), UNITS[unit].places)
