"""Who is told of which budgets, at which thresholds, in what way: out of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flexlib.addresses import EMAIL, WEBHOOK
from flexlib.analysis.budgets import Outcome, list_reached
from flexlib.deliver.due import Times, read_time
from flexlib.errors import BadFile, BadParameter
from flexlib.guesses import explain_no_zone, read_zone
from flexlib.i18n import LANGUAGES, _, join_and, join_or, join_texts
from flexlib.nesting import Faults, format_given
from flexlib.nesting.yaml_texts import Place, decode_yaml, explain_unread, find_places
from flexlib.store.budgets import MOST_PERCENT
from flexlib.store.outbox import Standing

CHANNELS = ("email", "slack", "webhook", "file")
PERSON, OWNER = "person", "owner"
"""In place of an address: whom the budget is of, and who answers for the team that it is of."""
PERSONAL = ("person", "usable")
"""What budgets of one person are of."""
OWNED = ("team",)
SCOPES = ("whole", *PERSONAL, "model", "provider", "department", "project", *OWNED)
OUTCOMES = (Outcome.CANNOT_SAY, Outcome.WILL_BE_OVER, Outcome.OVER)
COMMON = {"zone", "language", "quiet"}
FIELDS = COMMON | {"budgets", "scope", "at", "digest", *CHANNELS}
HOOK = re.compile(r"[a-z0-9_]{1,40}")


@dataclass(frozen=True)
class Rule:
    """Who is told, as `params/notices.example.yaml` explains it."""

    budgets: tuple[str, ...]
    """Their names; empty for all."""
    scopes: tuple[str, ...]
    at: tuple[int | Outcome, ...]
    """Percents and outcomes; empty for the thresholds of the budget, over and will be over."""
    channel: str
    to: tuple[str, ...]
    language: str
    times: Times

    def covers(self, standing: Standing) -> bool:
        """Whether it is of this budget."""
        has_reader = (PERSON not in self.to or standing.is_personal) and (
            OWNER not in self.to or standing.scope in OWNED
        )
        return has_reader and standing.scope in self.scopes and (not self.budgets or standing.budget in self.budgets)

    def list_events(self, standing: Standing) -> list[str]:
        """What there is to tell of a budget, the least grave first.

        >>> from datetime import date; from decimal import Decimal
        >>> month = date(2025, 9, 1), date(2025, 9, 30)
        >>> of = Standing("b", "whole", (), "usd", Decimal(10), (75, 150), *month, "over", Decimal(11))
        >>> Rule((), SCOPES, (), "email", ("a@example.com",), "en", Times()).list_events(of)
        ['75', 'over']
        """
        percents = [one for one in self.at if isinstance(one, int)] if self.at else standing.thresholds
        outcomes = [one for one in self.at if isinstance(one, Outcome)] if self.at else OUTCOMES[1:]
        # Of nothing every share is reached from the beginning.
        reached = list_reached(standing.amount, list(percents), standing.spent) if standing.amount else []
        are = {standing.outcome, *[str(Outcome.CANNOT_SAY)] * standing.is_unknown}
        return [*map(str, reached), *(str(one) for one in OUTCOMES if one in outcomes and str(one) in are)]


def read_rules(path: Path) -> list[Rule]:
    """The rules of a YAML file as `params/notices.example.yaml` explains it. Raises `BadFile` with all faults and their
    lines."""
    try:
        text = path.read_text("utf-8")
        content, (whole, places) = decode_yaml(text), find_places(text, path, "notices")
    except (OSError, ValueError) as error:
        raise BadFile(explain_unread(path, error)) from error
    if isinstance(content, dict) and content.keys() - (known := {*COMMON, "notices"}):
        raise BadFile("\n".join(whole.explain_fields(_("a file of notices"), content, known)))
    listed = content.get("notices") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise BadFile(
            _(
                "{path} has no list of notices: give `notices:` and below it whom to tell of which budgets; "
                "beside it only {common}."
            ).format(path=path, common=", ".join(sorted(COMMON)))
        )
    common = {name: value for name, value in content.items() if name != "notices"}
    faults = Faults()
    rules = [faults.read(_read_rule, one, common, place) for one, place in zip(listed, places, strict=True)]
    faults.tell()
    return rules


def _read_rule(one: Any, common: Mapping[str, Any], where: Place) -> Rule:  # noqa: ANN401 (YAML)
    faults = Faults()
    faults.found += where.explain_fields(_("a notice"), one, FIELDS)
    if not isinstance(one, dict):
        faults.tell()
    channels = [channel for channel in CHANNELS if channel in one]
    if len(channels) != 1:
        said = _("{where}: nothing says how the notice is sent; add one line of {known}, such as email: a@example.com.")
        if channels:
            said = _("{where}: it is sent by {channels} at once; write a notice of its own for each.")
        faults.found.append(said.format(where=where, channels=join_and(channels), known=", ".join(CHANNELS)))
    if "budgets" in one and "scope" in one:
        said = _("{where}: it has budgets and scope; name the budgets, or what they are of.")
        faults.found.append(said.format(where=where))
    own = {**common, **one}
    language = own.get("language", LANGUAGES[0])
    if language not in LANGUAGES:
        said = _("{where}: the language is {given}; choose {languages}.")
        place, languages = where.at("language"), join_or(LANGUAGES)
        faults.found.append(said.format(where=place, given=format_given(language), languages=languages))
    channel = channels[0] if len(channels) == 1 else ""
    to: Any = faults.read(_read_recipients, channel, one[channel], where.at(channel)) if channel else None
    scopes = faults.read(_read_scopes, one, to or (), where.at("scope"))
    budgets = faults.read(_list_texts, one["budgets"], "budgets", where.at("budgets")) if "budgets" in one else []
    events = faults.read(_read_events, one.get("at", []), where.at("at"))
    times = faults.read(_read_times, own, where)
    faults.tell()
    return Rule(tuple(budgets), scopes, events, channels[0], to, language, times)


def _read_recipients(channel: str, value: object, where: Place) -> tuple[str, ...]:
    return tuple(_read_recipient(channel, each, where) for each in _list_texts(value, channel, where))


def _list_texts(value: object, name: str, where: Place) -> list[str]:
    texts: list[Any] = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(each, str) and each.strip() for each in texts):
        raise BadFile(
            _("{where} has {name}: {given}; give a text, or a list of texts.").format(
                where=where, name=name, given=format_given(value)
            )
        )
    return [each.strip() for each in texts]


def _read_recipient(channel: str, text: str, where: Place) -> str:
    if channel == "email" and text not in (PERSON, OWNER) and not EMAIL.fullmatch(text):
        raise BadFile(
            _("{where} has email: {given}; give an address, {person} or {owner}.").format(
                where=where, given=format_given(text), person=PERSON, owner=OWNER
            )
        )
    if channel in ("slack", "webhook") and not HOOK.fullmatch(text.lower()):
        raise BadFile(
            _(
                "{where}: a {channel} has a name of letters and digits, such as ops; its address, a secret, "
                "stands in {webhook}OPS in the environment or .env."
            ).format(where=where, channel=channel, webhook=WEBHOOK)
        )
    return text if channel == "file" else text.lower()


def _read_scopes(one: Mapping[str, Any], to: tuple[str, ...], where: Place) -> tuple[str, ...]:
    scopes = _list_texts(one["scope"], "scope", where) if "scope" in one else list(SCOPES)
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise BadFile(
            _("{where}: there are no budgets of {unknown}; choose {scopes}.").format(
                where=where, unknown=", ".join(unknown), scopes=", ".join(SCOPES)
            )
        )
    for role, possible in ((PERSON, PERSONAL), (OWNER, OWNED)):
        if role in to:
            scopes = [scope for scope in scopes if scope in possible]
            if not scopes or len(to) > 1:
                raise BadFile(
                    _("{where}: email: {role} is of budgets of {possible}, and stands alone.").format(
                        where=where, role=role, possible=", ".join(possible)
                    )
                )
    return tuple(scopes)


def _read_events(value: object, where: Place) -> tuple[int | Outcome, ...]:
    found: list[int | Outcome] = []
    for each in value if isinstance(value, list) else [value]:
        if type(each) is int and 0 < each <= MOST_PERCENT:
            found.append(each)
        elif isinstance(each, str) and each in OUTCOMES:
            found.append(Outcome(each))
        else:
            raise BadFile(
                _("{where} has at: {given}; give percents, such as 90, {outcomes}.").format(
                    where=where, given=format_given(value), outcomes=", ".join(OUTCOMES)
                )
            )
    return tuple(found)


def _read_times(given: Mapping[str, Any], where: Place) -> Times:
    faults = Faults()
    zone = faults.read(_read_zone, given.get("zone", "UTC"), where.at("zone"))
    quiet = faults.read(_read_quiet, given.get("quiet") or [], where.at("quiet"))
    digest = None if given.get("digest") is None else faults.read(_read_clock, given["digest"], where.at("digest"))
    faults.tell()
    return Times(zone, quiet, digest)


def _read_zone(zone: object, where: Place) -> ZoneInfo:
    try:
        return read_zone(zone)
    except BadParameter as error:
        raise BadFile(join_texts([str(where), explain_no_zone(zone)], ": ")) from error


def _read_quiet(quiet: object, where: Place) -> tuple[time, time] | None:
    ends = [_read_clock(each, where) for each in quiet] if isinstance(quiet, list) else []
    if quiet and (len(ends) != 2 or ends[0] == ends[1]):
        raise BadFile(
            _('{where} has quiet: {given}; give its two ends in quotes, as ["20:00", "08:00"].').format(
                where=where, given=format_given(quiet)
            )
        )
    return (ends[0], ends[1]) if ends else None


def _read_clock(clock: object, where: Place) -> time:
    try:
        return read_time(clock)
    except ValueError as error:
        raise BadFile(
            _('{where}: {error} is no time of day; write it in quotes, as "08:00".').format(where=where, error=error)
        ) from error
