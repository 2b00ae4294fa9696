"""Days that are not like others: planned events out of a file, and the free days of a country."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from flexlib.errors import BadFile
from flexlib.free_days import list_holidays as list_holidays  # where notebooks look for it
from flexlib.home import find_home
from flexlib.i18n import _
from flexlib.nesting import Faults, format_given
from flexlib.nesting.yaml_texts import Place, decode_yaml, explain_unread, find_places
from flexlib.setting_values import has_file

EVENTS = Path("params", "events.yaml")
"""Where planned events are looked for, in the folder of the project."""

FIELDS = {"date", "first", "last", "name", "scope"}


@dataclass(frozen=True)
class Event:
    """Something planned, from its first to its last day."""

    name: str
    first: date
    last: date
    scope: Mapping[str, str] = field(default_factory=dict)
    """Whom it is about, such as `{"model": "o3"}`; empty: everything."""


def read_events(path: Path) -> list[Event]:
    """The events of a YAML file as `params/events.yaml` explains it. Raises `BadFile` with all faults, each with its
    line."""
    try:
        text = path.read_text("utf-8")
        content, (_whole, places) = decode_yaml(text), find_places(text, path, "events")
    except (OSError, ValueError) as error:
        raise BadFile(explain_unread(path, error)) from error
    listed = content.get("events") if isinstance(content, dict) and content.keys() == {"events"} else None
    if not isinstance(listed, list):
        raise BadFile(
            _("{path} is no list of events: give `events:` and below it a date and a name each.").format(path=path)
        )
    faults = Faults()
    events = [faults.read(_read_event, one, place) for one, place in zip(listed, places, strict=True)]
    faults.tell()
    return events


def read_planned() -> list[Event]:
    """The events of `params/events.yaml` in the folder of the project; none where there is no such file. Raises
    `BadFile`."""
    path = find_home() / EVENTS
    return read_events(path) if has_file(path) else []


def find_event(events: Iterable[Event], day: date, layer: str, who: str) -> str:
    """The name of the event that explains a day of somebody or something, empty where none does. One with a scope
    explains no sum over others.

    >>> hackathon = Event("Hackathon", date(2025, 9, 15), date(2025, 9, 16), {"model": "o3"})
    >>> find_event([hackathon], date(2025, 9, 16), "model", "o3"), find_event([hackathon], date(2025, 9, 16), "day", "")
    ('Hackathon', '')
    """
    for event in events:
        if event.first <= day <= event.last and (not event.scope or event.scope.get(layer) == who):
            return event.name
    return ""


def _read_event(one: Any, where: Place) -> Event:  # noqa: ANN401 (YAML)
    if strange := [*where.explain_fields(_("an event"), one, FIELDS)]:
        raise BadFile("\n".join(strange))
    faults, name, scope = Faults(), one.get("name"), one.get("scope") or {}
    first, last = one.get("first", one.get("date")), one.get("last", one.get("date"))
    is_plain = ("date" in one) != ("first" in one or "last" in one)
    if type(first) is not date or type(last) is not date or first > last or not is_plain:
        said = _("{where}: the event has no day; give a date such as 2025-09-15, or a first and a last one.")
        faults.found.append(said.format(where=where.at("date" if "date" in one else "first")))
    if not isinstance(name, str) or not name.strip():
        faults.found.append(_("{where}: the event has no name; say what was planned.").format(where=where.at("name")))
    if not isinstance(scope, dict):
        said = _("{where}: the scope of the event is {given}; write it as {{model: o3}}.")
        faults.found.append(said.format(where=where.at("scope"), given=format_given(scope)))
    faults.tell()
    return Event(str(name).strip(), first, last, {str(key): str(value) for key, value in scope.items()})
