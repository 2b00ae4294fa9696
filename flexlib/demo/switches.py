"""The switches of the demo server: what kind of team it serves, and one for each fault that is asked for by itself."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from flexlib.dates import Month
from flexlib.demo.schedule import FORM, Entry, parse_schedule
from flexlib.demo.team import Team
from flexlib.errors import BadMonth, BadSetting
from flexlib.i18n import _, write_number


class Switch(NamedTuple):
    """An option; with a `fault` it is an entry of the schedule, into which its value is put, without it of the team."""

    name: str
    fault: str
    text: str
    parse: Callable[[str], Any] | None = None
    metavar: str | None = None
    default: Any = None
    choices: tuple[str, ...] | None = None


def _parse_number(text: str, most: float = math.inf) -> str:
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(_("{text!r} is no number").format(text=text)) from error
    if not 0 <= number <= most or number == math.inf:
        share = _("{text!r} is no share; give a number from 0 to 1")
        raise argparse.ArgumentTypeError((share if most == 1 else _("{text!r} is not zero or more")).format(text=text))
    return text


def _parse_count(text: str) -> str:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(_("{text!r} is no whole number from 0 on").format(text=text))
    return text


def _parse_limit(text: str) -> str:
    return _parse_number(text) if set(text) - set("0.") else ""


def _parse_month(text: str) -> Month:
    try:
        return Month.parse(text)
    except BadMonth as error:
        raise argparse.ArgumentTypeError(str(error)) from error


_share = partial(_parse_number, most=1)

SWITCHES = (
    Switch("latency", "slow={}", "waiting time of each request", _parse_number, "SECONDS"),
    Switch("query-latency", "slow-queries={}", "waiting time for each query in a request", _parse_number, "SECONDS"),
    Switch("rate-limit", "rate={}", "requests a second, 429 above it; 0: no limit", _parse_limit, "NUMBER"),
    Switch("share-429", "429={wait}*{}", "requests refused with 429 and Retry-After", _share, "SHARE"),
    Switch("share-503", "503*{}", "requests answered 503 with a gateway's HTML", _share, "SHARE"),
    Switch("share-cut", "cut*{}", "connections closed before or in the middle of the answer", _share, "SHARE"),
    Switch("share-truncated", "truncated*{}", "answers 200 whose JSON breaks off", _share, "SHARE"),
    Switch("share-html", "html*{}", "answers 200 with an HTML page", _share, "SHARE"),
    Switch("retry-after", "", "Retry-After of --share-429", _parse_count, "SECONDS", "1"),
    Switch("fault-seed", "", "seed of the shares", int, "NUMBER", 1),
    Switch("nil-numbers", "", "zeros written as <nil>", lambda text: float(_share(text)), "SHARE", 0.0),
    Switch("nil-models", "", "rows whose model is <nil>", lambda text: float(_share(text)), "SHARE", 0.0),
    Switch("garbage-user", "garbage@{}", "his flex credits read abc, -5, NaN", str, "USER"),
    Switch("outside-user", "outside@{}", "his last row has a day outside the span", str, "USER"),
    Switch("undated-user", "undated@{}", "his last row has no day", str, "USER"),
    Switch("failing-user", "503@{}", "503 to each request with a query for him", str, "USER"),
    Switch("refused-user", "400@{}", "400 to each request with a query for him", str, "USER"),
    Switch("unlisted-keys", "", "keys that spend and are not on the user list", int, "NUMBER", 0),
    Switch("refuse-aggregation", "no-sums@analytics", "400 to each query with an aggregation function"),
    Switch("data-source-gone", "gone@analytics", "QUERY_DATA_SOURCE_CASCADE_DATA is unknown"),
    Switch("max-queries", "queries={}", "queries a request, 400 above it; 0: no limit", _parse_limit, "NUMBER"),
    Switch("max-items-query", "fewer={}@analytics", "items a query result, cut short silently; 0: no limit",
           _parse_limit, "NUMBER"),
    Switch("max-items-response", "fewer-in-all={}@analytics", "items an answer, cut short silently; 0: no limit",
           _parse_limit, "NUMBER"),
    Switch("deny", "403@{}", "the key lacks a permission", str, "PERMISSION",
           choices=("analytics", "users", "balance", "consumption")),
    Switch("billing-cycle", "", "month of the balance; by default the current one", _parse_month, "YYYY-MM"),
    Switch("balance-offset", "", "whole credits added to the balance's use", int, "CREDITS", 0),
    Switch("billing-strategy", "", "CREDITS, ACU or QUOTA", str, "NAME", "CREDITS", ("CREDITS", "ACU", "QUOTA")),
    Switch("consumption-unit", "", "of the consumption endpoint: credits or hundredths", str, "UNIT", "credits",
           ("credits", "hundredths")),
    Switch("consumption-limit", "hourly={}@consumption", "requests an hour of the consumption endpoint", _parse_count,
           "NUMBER", "10"),
    Switch("request-log", "", "a JSON line a request: time, path, queries, status", Path, "FILE"),
    Switch("faults", "{}", "which answer gets which fault: seed:NUMBER, or entries {form}", str, "SCHEDULE"),
)  # fmt: skip
"""As they stand, the server is a whole and quick one."""


def add_switches(parser: argparse._ActionsContainer) -> None:
    """Gives `parser` (or a group of its options) one option for each switch."""
    for switch in SWITCHES:
        options: dict[str, Any] = {"help": _(switch.text).format(form=FORM), "default": switch.default}
        if switch.parse is None:
            options["action"] = "store_true"
        else:
            options |= {"type": switch.parse, "metavar": switch.metavar, "choices": switch.choices}
        if switch.fault and switch.default is None and switch.parse:
            options |= {"action": "append", "default": []}
        parser.add_argument(f"--{switch.name}", **options)


def read_team(arguments: argparse.Namespace) -> Team:
    """The kind of team that the parsed options ask for."""
    return Team(**{field.name: getattr(arguments, field.name) for field in fields(Team)})


def read_entries(arguments: argparse.Namespace) -> list[Entry]:
    """The schedule that the parsed options ask for. Raises `BadSetting` for one that cannot be followed."""
    entries, after = [], 0.0
    for switch in SWITCHES:
        given = getattr(arguments, switch.name.replace("-", "_"))
        if not switch.fault or not given:
            continue
        for value in filter(None, given) if isinstance(given, list) else [given]:
            for entry in parse_schedule(switch.fault.format(value, wait=arguments.retry_after)):
                if "*" in switch.fault:  # of these a request suffers one at most
                    entry, after = replace(entry, after=after), after + entry.share
                entries.append(entry)
    if after > 1:
        said = _("the shares of failing requests add up to {sum}; keep them at 1 or below.")
        raise BadSetting(said.format(sum=write_number(f"{after:g}")))
    return entries
