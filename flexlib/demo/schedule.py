"""Which answer gets which fault: entries such as `429=2@analytics#3-5*0.1`, the switches for single ones, and seeds."""

from __future__ import annotations

import math
import random
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

from flexlib.demo.api import CONSUMPTION, ApiResponse, Request
from flexlib.demo.company import Company
from flexlib.demo.faults import FAULTS, ROWS, Asked
from flexlib.demo.people import Person
from flexlib.demo.query import read_queries
from flexlib.errors import BadSetting
from flexlib.i18n import _

ENDPOINTS = {
    "analytics": "/api/v1/Analytics",
    "users": "/api/v1/UserPageAnalytics",
    "balance": "/api/v1/GetTeamCreditBalance",
    "consumption": CONSUMPTION,
}
ALIKE = {"balance": "/api/v1/GetUsageConfig"}
"""What takes the same permission, and fails with it."""
ENTRY = re.compile(r"([a-z0-9-]+)(?:=([^@#*]+))?(?:@([\w-]+))?(?:#(\d+)(-)?(\d*))?(?:\*([\d.]+(?:e-\d+)?))?")
FORM = "NAME[=VALUE][@WHERE][#FIRST[-[LAST]]][*SHARE]"
SEED = "seed:"
WAITS = ("0", "0d", "0r", "0a", "none", "3600")
SEEDED: dict[str, tuple[tuple[str, ...], str]] = {
    "429": (WAITS, ""),
    "503": (WAITS, ""),
    "slow": (("0.02", "0.4"), ""),
    "slow-queries": (("0.01",), "analytics"),
    "clock": (("Wed Sep 10 00:00:00 2025", "Mon Jan  1 00:00:00 2125", "now"), ""),
    "fewer": (("", "1"), "analytics users consumption"),
    "fewer-in-all": (("1", "20"), "analytics users consumption"),
    "twice": (("",), "analytics users consumption"),
    "pages": (("3", "20"), "consumption"),
    "queries": (("1", "3"), "analytics"),
    "rate": (("40",), ""),
    "hourly": (("2",), "consumption"),
    **dict.fromkeys(("gone", "no-sums", "reversed", "fewer-results"), (("",), "analytics")),
    **dict.fromkeys(("last-page", "repeat-page"), (("",), "consumption")),
    **dict.fromkeys(ROWS, (("",), "0 1 2 3 4 5 6 7")),
}
"""What stands behind a name, and where it can do anything, in a schedule that is drawn from a seed."""


@dataclass(frozen=True)
class Entry:
    """A fault, and the answers that get it: of one endpoint or user, from the first to the last, a share of them."""

    fault: str
    value: str = ""
    where: str = ""
    """One of `ENDPOINTS`, or a user, by key or by number in the list of people; empty: all."""
    first: int = 1
    last: float = math.inf
    share: float = 1.0
    after: float = 0.0
    """The share of answers that gets what excludes it."""

    def __str__(self) -> str:
        last = "-" if self.last == math.inf else f"-{self.last:g}" if self.last > self.first else ""
        parts = ("=" + self.value, "@" + self.where, f"#{self.first}{last}", f"*{self.share:g}")
        return self.fault + "".join(part for part in parts if part not in ("=", "@", "#1-", "*1"))


def parse_schedule(text: str) -> list[Entry]:
    """The entries of a text, such as `cut@analytics#2,html*0.1` or `seed:17`. Raises `BadSetting`."""
    if text.startswith(SEED):
        if not text.removeprefix(SEED).isdecimal():
            raise BadSetting(_("{text!r} is no seed; write it as {seed}17.").format(text=text, seed=SEED))
        return list(draw_schedule(int(text.removeprefix(SEED))))
    return [_parse_entry(part) for part in text.split(",")]


def _parse_entry(text: str) -> Entry:
    found = ENTRY.fullmatch(text)
    if found is None or not _is_value(found[1], found[2] or "0"):
        raise BadSetting(
            _("{text!r} is no fault; write it as {form}, or {seed}NUMBER for some drawn by chance.").format(
                text=text, form=FORM, seed=SEED
            )
        )
    name, value, where, first, to, last, share = found.groups(default="")
    if name not in FAULTS:
        raise BadSetting(
            _("no fault {name!r}; there are {faults}.").format(name=name, faults=", ".join(sorted(FAULTS)))
        )
    if name in ROWS and (not where or where in ENDPOINTS):
        raise BadSetting(_("{name!r} is of one user; name him, as in {name}@0.").format(name=name))
    end = float(last) if last else math.inf if to or not first else float(first)
    return Entry(name, value, where, int(first or 1), end, float(share or 1))


def _is_value(name: str, value: str) -> bool:
    try:
        return name == "clock" or float(value.rstrip("dra") if name.isdecimal() else value) >= 0
    except ValueError:
        return name.isdecimal() and value == "none"


def draw_schedule(seed: int) -> Iterator[Entry]:
    """One to six faults of any kind, the same for the same seed."""
    rng = random.Random(f"faults:{seed}")
    for name in rng.choices(sorted(FAULTS), k=rng.choice((1, 2, 3, 4, 6))):
        values, where = SEEDED.get(name, (("",), ""))
        first = rng.choice((1, 1, 1, 2, 4))
        last, share = rng.choice((first, math.inf, math.inf)), rng.choice((1.0, 1.0, 0.5, 0.2))
        yield Entry(name, rng.choice(values), rng.choice(where.split() or ["", *ENDPOINTS]), first, last, share)


class Schedule:
    """The faults of a server. Raises `BadSetting` for a user whom the company does not know."""

    def __init__(self, entries: list[Entry], seed: int, company: Company) -> None:
        self._seed = seed
        self._entries = [(entry, _find_person(entry.where, company), deque[float]()) for entry in entries]
        self._met = [0] * len(entries)
        self._asked: dict[bytes, int] | None = (
            {} if any(one.share < 1 or one.fault == "cut" for one in entries) else None
        )

    def answer(self, request: Request, answer: Callable[[Request], ApiResponse]) -> ApiResponse:
        """The answer to a request, through every fault that it gets; the first entry is the last to touch it."""
        number = self._draw(request)
        for index, (entry, person, passed) in reversed(list(enumerate(self._entries))):
            if not _concerns(entry, person, request):
                continue
            self._met[index] += 1
            is_met = entry.first <= self._met[index] <= entry.last
            if is_met and entry.after <= number < entry.after + entry.share:
                answer = partial(_meet, entry, person, passed, number, answer)
        return answer(request)

    def _draw(self, request: Request) -> float:
        """A number from 0 to 1 for the request and how often it was asked, whatever was asked in between."""
        if self._asked is None:
            return 0.0
        asked = blake2b(repr(request).encode(), digest_size=16).digest()
        self._asked[asked] = self._asked.get(asked, 0) + 1
        return random.Random(f"{self._seed}:{self._asked[asked]}:{asked.hex()}").random()


def _meet(
    entry: Entry,
    person: Person | None,
    passed: deque[float],
    number: float,
    answer: Callable[[Request], ApiResponse],
    request: Request,
) -> ApiResponse:
    return FAULTS[entry.fault](Asked(request, answer, entry.value, person, passed, number))


def _concerns(entry: Entry, person: Person | None, request: Request) -> bool:
    """Whether the entry is of such requests: those to its endpoint, or with a query for its user."""
    if person is None or entry.fault in ROWS:
        return entry.where not in ENDPOINTS or request.path in (ENDPOINTS[entry.where], ALIKE.get(entry.where))
    return person.key in (query.key for query in read_queries(request.queries))


def _find_person(where: str, company: Company) -> Person | None:
    if where in ("", *ENDPOINTS):
        return None
    known = {person.key: person for person in company.people + company.unlisted}
    known |= {str(number): person for number, person in enumerate(company.people)}
    if where not in known:
        raise BadSetting(
            _("no user {where!r}; give a key, or a number from 0 to {count}.").format(
                where=where, count=len(company.people) - 1
            )
        )
    return known[where]
