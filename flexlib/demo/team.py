"""What the server tells of the team itself: its people and its balance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from flexlib.dates import Month
from flexlib.demo.company import ALLOWANCE, Company
from flexlib.demo.people import Person
from flexlib.demo.query import QueryRefused

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
POOL = 500_000  # whole credits that the team has bought for a billing cycle


@dataclass(frozen=True)
class Team:
    """What kind of team the server has, and how it writes what it says of it."""

    nil_numbers: float = 0.0
    """The share of the zeros that is `<nil>`."""
    billing_cycle: Month | None = None
    """The month of the balance; None: the current one."""
    balance_offset: int = 0
    """Whole credits that are added to the balance's use."""
    billing_strategy: str = "CREDITS"
    """Or ACU, or QUOTA."""
    consumption_unit: str = "credits"
    """Or hundredths."""


def write_time(time: datetime) -> str:
    """`time` as the server writes it, such as `2025-09-01T00:00:00Z`."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def find_freshness(now: datetime) -> datetime:
    """The last moment before `now` at which the vendor's data was refreshed: each three hours."""
    return now.replace(hour=now.hour - now.hour % 3, minute=0, second=0, microsecond=0)


def answer_people(body: Mapping[str, object], company: Company, now: datetime, team: Team) -> dict[str, Any]:
    """The answer of UserPageAnalytics. Raises `QueryRefused` for a time that cannot be read."""
    first = read_day(body, "start_timestamp", now - timedelta(days=365))
    last = min(read_day(body, "end_timestamp", now), now.date().isoformat())
    days = company.read_days(first, last)
    cycle = team.billing_cycle or Month.containing(now.date())
    spent: dict[str, int] = {}
    for row in company.read_rows(*_bound_cycle(cycle, now)):
        spent[row.key] = spent.get(row.key, 0) + row.prompt_credits
    fresh = write_time(find_freshness(now))
    people = [
        _write_person(person, days.get(person.key, []), spent.get(person.key, 0), fresh) for person in company.people
    ]
    return {"userTableStats": people, **_write_cycle(cycle)}


def answer_balance(company: Company, now: datetime, team: Team) -> dict[str, Any]:
    """The answer of GetTeamCreditBalance, in whole credits."""
    cycle = team.billing_cycle or Month.containing(now.date())
    hundredths = sum(row.flex_credits for row in company.read_rows(*_bound_cycle(cycle, now)))
    used = hundredths // 100 + team.balance_offset
    return {
        "promptCreditsPerSeat": ALLOWANCE // 100,
        "numSeats": company.users,
        "addOnCreditsAvailable": POOL - used,
        "addOnCreditsUsed": used,
        **_write_cycle(cycle),
    }


def _bound_cycle(cycle: Month, now: datetime) -> tuple[str, str]:
    return cycle.first.isoformat(), min(cycle.last, now.date()).isoformat()


def _write_cycle(cycle: Month) -> dict[str, str]:
    return {"billingCycleStart": write_time(cycle.previous.end), "billingCycleEnd": write_time(cycle.end)}


def _write_person(person: Person, days: list[str], prompt_credits: int, fresh: str) -> dict[str, Any]:
    """One row of the list; what is zero or never was is left out."""
    row: dict[str, Any] = {
        "name": person.name,
        "email": person.email,
        "apiKey": person.key,
        "lastUpdateTime": fresh.replace("Z", ".000000Z"),
        "role": person.role,
        "signupTime": f"{person.signed_up}T13:30:00Z",
        "teamStatus": "USER_TEAM_STATUS_APPROVED",
    }
    if days:
        row |= {"activeDays": len(days), "lastChatUsageTime": f"{days[-1]}T20:15:00Z"}
    if prompt_credits:
        row["promptCreditsUsed"] = prompt_credits
    return row


def read_day(body: Mapping[str, object], name: str, default: datetime) -> str:
    """The ISO day, in UTC, of the RFC 3339 time under `name`, or of `default`. Raises `QueryRefused`."""
    text = body.get(name)
    if text is None:
        return default.date().isoformat()
    if not isinstance(text, str) or not RFC_3339.fullmatch(text):
        raise QueryRefused("invalid timestamp format")
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc).date().isoformat()
    except (ValueError, OverflowError) as error:
        raise QueryRefused("invalid timestamp format") from error
