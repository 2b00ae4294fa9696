"""What the switches do to chosen users and to the length of an answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from itertools import cycle
from typing import TypeVar

from flexlib.demo.answers import Item
from flexlib.demo.company import Company
from flexlib.demo.faults import Faults
from flexlib.demo.query import Query
from flexlib.errors import BadSetting

T = TypeVar("T")

GARBAGE = ("abc", "-5", "NaN")
OUTSIDE_DAY = "2019-12-31"

USER_SWITCHES = ("garbage_user", "outside_user", "undated_user", "failing_user", "refused_user")


def resolve_users(faults: Faults, company: Company) -> Faults:
    """`faults` with each user named by the key. Raises `BadSetting` for one whom the company does not know."""
    known = {person.key for person in company.people + company.unlisted}
    keys = {
        name: tuple(_resolve_user(user, company, known) for user in getattr(faults, name)) for name in USER_SWITCHES
    }
    return dataclasses.replace(faults, **keys)  # type: ignore[arg-type]


def _resolve_user(user: str, company: Company, known: set[str]) -> str:
    if user in known:
        return user
    if user.isdecimal() and int(user) < len(company.people):
        return company.people[int(user)].key
    raise BadSetting(f"no user {user!r}; give a key, or a number from 0 to {len(company.people) - 1}.")


class Spoiler:
    """What the chosen users of `faults` (resolved) make of one answer, whose rows are given to it from the last on.

    A user's last row, because the first ones of a month rarely cost flex credits.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._garbage = cycle(GARBAGE)
        self._met: set[str] = set()

    def spoil_row(self, key: str | None, row: dict[str, T], numbers: list[str], days: list[str]) -> dict[str, T | str]:
        """`row` of the user `key`, whose flex credits stand under the names `numbers` and whose day under `days`."""
        spoiled: dict[str, T | str] = {**row}
        if key in self._faults.garbage_user:
            spoiled |= {name: next(self._garbage) for name in numbers}
        if key is None or key in self._met:
            return spoiled
        self._met.add(key)
        if key in self._faults.outside_user:
            spoiled |= dict.fromkeys(days, OUTSIDE_DAY)
        if key in self._faults.undated_user:
            spoiled = {name: value for name, value in spoiled.items() if name not in days}
        return spoiled


def spoil_items(items: list[Item], query: Query, faults: Faults) -> list[Item]:
    """`items` with the garbage, the outside day and the missing day that `faults` (resolved) has for their users."""
    if not (faults.garbage_user or faults.outside_user or faults.undated_user):
        return items
    numbers = [selection.alias for selection in query.selections if selection.field == "flex_credits_used"]
    days = [selection.alias for selection in query.selections if selection.field == "date" and not selection.function]
    days += [alias for field, alias in query.groups if field == "date"]
    spoiler = Spoiler(faults)
    spoiled = [Item(spoiler.spoil_row(item.key, item.values, numbers, days), item.key) for item in reversed(items)]
    return spoiled[::-1]


def cut_answers(answers: Iterable[list[Item]], faults: Faults) -> list[list[Item]]:
    """`answers`, one list a query, cut short without a word at the items a query and the items in all."""
    cut, left = [], faults.max_items_response
    for items in answers:
        if faults.max_items_query:
            items = items[: faults.max_items_query]
        if faults.max_items_response:
            items = items[:left]
            left -= len(items)
        cut.append(items)
    return cut
