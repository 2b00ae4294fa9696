"""The switches of the demo server: how it misbehaves, and what kind of team it serves."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flexlib.dates import Month
from flexlib.errors import BadMonth, BadSetting

T = TypeVar("T")


def _switch(default: T, text: str, parse: Callable[[str], object] | None = None, metavar: str | None = None) -> T:
    """A field of `Faults` that is also a switch; without `parse` it takes no value, and a tuple may be given twice."""
    metadata = {"text": text, "parse": parse, "metavar": metavar}
    return dataclasses.field(default=default, metadata=metadata)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not zero or more")
    return number


def _share(text: str) -> float:
    share = _number(text)
    if share > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; give a number from 0 to 1")
    return share


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(allowed)}")
        return text

    return parse


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except BadMonth as error:
        raise argparse.ArgumentTypeError(str(error)) from error


@dataclass(frozen=True)
class Faults:
    """How the server departs from a whole and quick one; as it stands, not at all.

    Users are named by their key, or by their number in the list of UserPageAnalytics, from 0. Shares are of all
    requests, each of which suffers at most one of them.
    """

    latency: float = _switch(0.0, "waiting time of each request", _number, "SECONDS")
    query_latency: float = _switch(0.0, "waiting time for each query in a request", _number, "SECONDS")
    rate_limit: float = _switch(0.0, "requests a second, 429 above it; 0: no limit", _number, "NUMBER")
    retry_after: int = _switch(1, "Retry-After of --share-429", _count, "SECONDS")
    share_429: float = _switch(0.0, "requests refused with 429 and Retry-After", _share, "SHARE")
    share_503: float = _switch(0.0, "requests answered 503 with a gateway's HTML", _share, "SHARE")
    share_cut: float = _switch(0.0, "connections closed before or in the middle of the answer", _share, "SHARE")
    share_truncated: float = _switch(0.0, "answers 200 whose JSON breaks off", _share, "SHARE")
    share_html: float = _switch(0.0, "answers 200 with an HTML page", _share, "SHARE")
    fault_seed: int = _switch(1, "seed of the shares", int, "NUMBER")

    nil_numbers: float = _switch(0.0, "zeros written as <nil>", _share, "SHARE")
    nil_models: float = _switch(0.0, "rows whose model is <nil>", _share, "SHARE")
    garbage_user: tuple[str, ...] = _switch((), "his flex credits read abc, -5, NaN", str, "USER")
    outside_user: tuple[str, ...] = _switch((), "his last row has a day outside the span", str, "USER")
    undated_user: tuple[str, ...] = _switch((), "his last row has no day", str, "USER")
    failing_user: tuple[str, ...] = _switch((), "503 to each request with a query for him", str, "USER")
    refused_user: tuple[str, ...] = _switch((), "400 to each request with a query for him", str, "USER")
    unlisted_keys: int = _switch(0, "keys that spend and are not on the user list", _count, "NUMBER")

    refuse_aggregation: bool = _switch(False, "400 to each query with an aggregation function")
    data_source_gone: bool = _switch(False, "QUERY_DATA_SOURCE_CASCADE_DATA is unknown")
    max_queries: int = _switch(0, "queries a request, 400 above it; 0: no limit", _count, "NUMBER")
    max_items_query: int = _switch(0, "items a query result, cut short silently; 0: no limit", _count, "NUMBER")
    max_items_response: int = _switch(0, "items an answer, cut short silently; 0: no limit", _count, "NUMBER")

    deny: tuple[str, ...] = _switch(
        (), "the key lacks a permission", _choice("analytics", "users", "balance", "consumption"), "PERMISSION"
    )
    billing_cycle: Month | None = _switch(None, "month of the balance; by default the current one", _month, "YYYY-MM")
    balance_offset: int = _switch(0, "whole credits added to the balance's use", int, "CREDITS")
    billing_strategy: str = _switch("CREDITS", "CREDITS, ACU or QUOTA", _choice("CREDITS", "ACU", "QUOTA"), "NAME")
    consumption_unit: str = _switch(
        "credits", "of the consumption endpoint: credits or hundredths", _choice("credits", "hundredths"), "UNIT"
    )
    consumption_limit: int = _switch(10, "requests an hour of the consumption endpoint", _count, "NUMBER")
    request_log: Path | None = _switch(None, "a JSON line a request: time, path, queries, status", Path, "FILE")

    def __post_init__(self) -> None:
        shares = [self.share_429, self.share_503, self.share_cut, self.share_truncated, self.share_html]
        if sum(shares) > 1:
            raise BadSetting(f"the shares of failing requests add up to {sum(shares):g}; keep them at 1 or below.")


def add_switches(parser: argparse._ActionsContainer) -> None:
    """Gives `parser` (or a group of its options) one option for each field of `Faults`."""
    for field in dataclasses.fields(Faults):
        options: dict[str, Any] = {"help": field.metadata["text"], "default": field.default}
        if field.metadata["parse"] is None:
            options["action"] = "store_true"
        else:
            options |= {"type": field.metadata["parse"], "metavar": field.metadata["metavar"]}
        if isinstance(field.default, tuple):
            options |= {"action": "append", "default": []}
        parser.add_argument(f"--{field.name.replace('_', '-')}", **options)


def read_switches(arguments: argparse.Namespace) -> Faults:
    """The faults that the parsed options ask for. Raises `BadSetting` when they contradict each other."""
    given: dict[str, Any] = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Faults)}
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Faults(**values)
