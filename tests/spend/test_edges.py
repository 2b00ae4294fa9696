"""One log in two files that meet at a month's edge, each by another clock: what both have counts once, or is asked."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import import_files
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.spend.month import load_month_usage

MAY, JUNE = Month(2026, 5), Month(2026, 6)
EDGE = datetime(2026, 6, 1)
Call = tuple[datetime, int, int]
"""When, prompt tokens, completion tokens."""


def draw_calls(count: int, lengths: int, seed: int = 7) -> list[Call]:
    """Calls at random in the three days on each side of the edge, of so many lengths."""
    draw = random.Random(seed)
    known = [(draw.randrange(50, 9_000), draw.randrange(1, 900)) for _ in range(lengths)]
    return [(EDGE + timedelta(days=draw.uniform(-3, 3)), *draw.choice(known)) for _ in range(count)]


def ask_by_clock(hours: int, first: int = -72, end: int = 72) -> list[Call]:
    """The same five calls every so many hours, at about the same second."""
    draw, starts = random.Random(hours), range(first, end, hours)
    return [
        (EDGE + timedelta(hours=start, seconds=7 * place + draw.random()), 1_000 + place, 50)
        for start in starts
        for place in range(5)
    ]


def bring(root: Path, calls: Iterable[Call], late: int, *, is_one_system: bool, **decisions: Any) -> None:  # noqa: ANN401
    """May by a clock that is so many hours behind, so that it has the first of June's calls too; then June in UTC."""
    kinds: dict[str, dict[str, Any]] = {"time,in,out": {}, "time,in,out,extra": {"cached_tokens": "extra"}}
    heads = ["time,in,out", "time,in,out" if is_one_system else "time,in,out,extra"]
    clock = timedelta(hours=late)
    months: tuple[list[Call], list[Call]] = (
        [(moment - clock, a, b) for moment, a, b in calls if moment - clock < EDGE],
        [one for one in calls if one[0] >= EDGE],
    )
    for name, head, rows, said in zip(("may.csv", "june.csv"), heads, months, ({}, decisions), strict=True):
        root.mkdir(exist_ok=True)
        lines = [f"{moment.isoformat()}Z,{a},{b}" + ",0" * (head != heads[0]) for moment, a, b in rows]
        (root / name).write_text("\n".join([head, *lines, ""]), "utf-8")
        mapping = CallMapping(created_at="time", prompt_tokens="in", completion_tokens="out", model="gpt-4o",
                              provider=LlmProvider.OPENAI, **kinds[head])  # fmt: skip
        import_files([(InputFile(root / name, name), mapping)], root / "data", Decisions(**said))


def count_calls(root: Path) -> tuple[int, list[str]]:
    """How many calls both months count, and how far each is to be trusted."""
    loaded = [load_month_usage(month, root / "data") for month in (MAY, JUNE)]
    return sum(len(one.rows) for one in loaded), [str(one.state) for one in loaded]


@pytest.mark.parametrize("is_one_system", [True, False])
@pytest.mark.parametrize(("count", "lengths"), [(600, 50), (3_000, 1_000), (6_000, 5)])
def test_calls_that_two_clocks_put_into_two_months_are_asked_about_until_a_file_supersedes_the_other(
    tmp_path: Path, count: int, lengths: int, is_one_system: bool
) -> None:
    calls = draw_calls(count, lengths)
    twice = sum(EDGE <= moment < EDGE + timedelta(hours=4) for moment, *_ in calls)
    bring(tmp_path, calls, 4, is_one_system=is_one_system)
    assert count_calls(tmp_path) == (count + twice, ["UNRECONCILED", "UNRECONCILED"])
    (said,) = load_month_usage(JUNE, tmp_path / "data").edges
    assert said.startswith(
        f"{twice} calls of june.csv in 2026-06 may be of may.csv in 2026-05 too, by clocks that differ"
    )
    bring(tmp_path / "decided", calls, 4, is_one_system=is_one_system, supersedes=("may.csv",))
    assert count_calls(tmp_path / "decided") == (count, ["COMPLETE", "COMPLETE"])
    bring(tmp_path / "distinct", calls, 4, is_one_system=is_one_system, distinct=True)
    assert count_calls(tmp_path / "distinct") == (count + twice, ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("is_one_system", [True, False])
@pytest.mark.parametrize("hours", [1, 3, 6, 12, 24])
def test_calls_that_are_asked_by_the_clock_are_those_of_their_month(
    tmp_path: Path, hours: int, is_one_system: bool
) -> None:
    calls = ask_by_clock(hours)
    bring(tmp_path, calls, 0, is_one_system=is_one_system)
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize(("count", "lengths"), [(600, 5), (6_000, 50), (6_000, 1_000)])
def test_months_of_one_application_whose_calls_are_of_few_lengths_share_none(
    tmp_path: Path, count: int, lengths: int
) -> None:
    bring(tmp_path, draw_calls(count, lengths), 0, is_one_system=True)
    assert count_calls(tmp_path) == (count, ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("hours", [2, 6, 12])
@pytest.mark.parametrize("begins", [True, False])
def test_what_is_asked_by_the_clock_and_begins_or_ends_beside_the_edge_is_of_its_month(
    tmp_path: Path, hours: int, begins: bool
) -> None:
    calls = ask_by_clock(hours, -hours) if begins else ask_by_clock(hours, end=hours)
    bring(tmp_path, calls, 0, is_one_system=True)
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


def test_a_month_that_is_made_anew_in_its_place_is_asked_about_anew(tmp_path: Path) -> None:
    """As a data folder that is restored under a kernel which goes on: the path of a version does not tell."""
    calls = draw_calls(600, 50)
    bring(tmp_path, calls, 4, is_one_system=True)
    counted, states = count_calls(tmp_path)
    (file,) = (tmp_path / "data/usage/2026-06/import").glob("*/certificate.json")
    said = json.loads(file.read_text("utf-8"))
    said["files"][0]["distinct"] = True
    file.write_text(json.dumps(said), "utf-8")
    assert (states, count_calls(tmp_path)) == (["UNRECONCILED"] * 2, (counted, ["COMPLETE"] * 2))
