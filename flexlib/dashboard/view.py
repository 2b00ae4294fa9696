"""What is looked at, as a value and as the query of an address: each is the other written differently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.i18n import LANGUAGES, _

Months = tuple[Month, Month]
"""The first and the last of a span."""

UNITS = ("usd", "clp", "flex_credits")
GROUPS = (
    *("model", "provider", "source", "user", "department", "team", "project", "cost_centre"),
    *("task_type", "proxy", "day", "month", "weekday", "hour"),
)
"""What a view can be summed by and narrowed to; each a key of `Spend.by`."""

MOST_ONLY = 8
"""As many narrowings as anybody can follow; an address of more was not made here."""
FLAGS = {"rows": "shows_rows", "live": "is_live"}
"""What an address says by `yes`, and what it is in a view."""
CHOICES = {"of": UNITS, "by": GROUPS, "lang": LANGUAGES}
IS, LACKS = "is.", "lacks"
"""How a narrowing begins in an address: to a value of a key, and to the rows that have none."""


@dataclass(frozen=True)
class View:
    """What is shown. `months` None: the newest that is stored."""

    months: Months | None = None
    against: Months | None = None
    """The months that they are compared with."""
    of: str = "usd"
    by: str = "model"
    only: tuple[tuple[str, str | None], ...] = ()
    """The rows that count: those of this value (None: of none) of each key, in the order in which they were chosen."""
    shows_rows: bool = False
    """Whether the rows stand below the sums."""
    is_live: bool = False
    """Whether it is the running month, as it is recorded."""
    lang: str = ""
    """`en` or `es`; empty: the server's."""

    def narrow(self, key: str, value: str | None) -> View:
        """With the rows of this value alone, shown below the sums."""
        kept = tuple(pair for pair in self.only if pair[0] != key)
        return replace(self, only=(*kept, (key, value)), shows_rows=True)

    def widen(self, key: str) -> View:
        """Without what it was narrowed to by that key."""
        return replace(self, only=tuple(pair for pair in self.only if pair[0] != key))


def format_view(view: View) -> str:
    """The query of its address, without `?`; what is as usual is left out.

    >>> format_view(View(by="user").narrow("model", "GPT-5 & more"))
    'by=user&is.model=GPT-5+%26+more&rows=yes'
    """
    usual, pairs = View(), list[tuple[str, str]]()
    for name in ("months", "against"):
        if months := getattr(view, name):
            pairs.append((name, f"{months[0]}..{months[1]}"))
    pairs += [
        (name, getattr(view, name)) for name in ("of", "by", "lang") if getattr(view, name) != getattr(usual, name)
    ]
    pairs += [(LACKS, key) if value is None else (IS + key, value) for key, value in view.only]
    pairs += [(name, "yes") for name, flag in FLAGS.items() if getattr(view, flag)]
    return urlencode(pairs)


def parse_view(query: str) -> View:
    """The view of an address. Raises `InvalidRequest` (`BadMonth` of a month) where it is none that we make.

    >>> parse_view("by=user&lacks=model").only
    (('model', None),)
    """
    found: dict[str, Any] = {}
    only: dict[str, str | None] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        key = value if name == LACKS else name.removeprefix(IS)
        if name in found or ((name == LACKS or name.startswith(IS)) and key in only):
            raise InvalidRequest(_("{name!r} stands twice in the address of this view.").format(name=name))
        if name in ("months", "against"):
            found[name] = _parse_months(value)
        elif name in FLAGS and value == "yes":
            found[name] = True
        elif value in CHOICES.get(name, ()):
            found[name] = value
        elif (name == LACKS or name.startswith(IS)) and key in GROUPS and len(only) < MOST_ONLY:
            only[key] = None if name == LACKS else value
        else:
            said = _("{name}={value} is nothing that a view can have; begin again from the first page.")
            raise InvalidRequest(said.format(name=name, value=value))
    return View(**{FLAGS.get(name, name): value for name, value in found.items()}, only=tuple(only.items()))


def _parse_months(text: str) -> Months:
    first, between, last = text.partition("..")
    months = Month.parse(first), Month.parse(last if between else first)
    if months[1] < months[0]:
        raise InvalidRequest(_("{text} ends before it begins.").format(text=text))
    return months
