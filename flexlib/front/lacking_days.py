"""The days of a month of which rows are known to be missing: what lacks at a month's edge, its other days have."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from flexlib.dates import Span
from flexlib.front.credits_days import CreditsMonth
from flexlib.guesses import read_zone
from flexlib.proof import State
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage
from flexlib.spend.zones import list_pieces, write_hours


def list_lacking_days(month: MonthUsage | CreditsMonth, of: str) -> list[Span]:
    """Those of which what is stored is known not to be all, the price of its calls aside; `of`: `credits`, whose days
    are those of UTC, `usd` or `clp`."""
    return [days for days, _hours in list_lacking(month, of)]


def list_lacking(month: MonthUsage | CreditsMonth, of: str, *, bills: bool = True) -> list[tuple[Span, str]]:
    """The same, each with the hours of UTC that a neighbouring month lacks there; empty where it is the month itself
    that lacks something. `bills`: also what these lack."""
    if of == "credits" or isinstance(month, CreditsMonth):
        read = [one.certificate for one in month.snapshots if one.dataset == WINDSURF.dataset]
        lacks = WINDSURF.name in month.unstored or any(one.state_of_rows is State.GAP for one in read)
        return [(month.month.span, "")] if lacks else []
    # What bills lack is of no day, as is a source of which nothing is stored.
    of_bills = month.of_bills.bills.list_problems() if bills and month.has_bills else []
    if month.unstored or any(made is State.GAP for made, _text in of_bills):
        return [(month.month.span, "")]
    short = {*month.short, *(one.month for one in month.snapshots if one.certificate.state_of_rows is State.GAP)}
    there = read_zone(month.zone)

    def show(moment: datetime) -> datetime:
        return moment.replace(tzinfo=timezone.utc).astimezone(there)

    return [
        (
            Span(show(first).date(), show(end - timedelta(microseconds=1)).date()),
            "" if one == month.month else write_hours(first, end),
        )
        for one, first, end in list_pieces(month.month, month.zone)
        if one in short
    ]
