"""Sums of hours in two files that meet at a month's edge, each by another clock: what both have counts once, or is
asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

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
HOUR = timedelta(hours=1)
Row = tuple[datetime, str, int, int, int]
"""When, the model, calls, prompt tokens, completion tokens."""
DrawHour = Callable[[random.Random, int], list[tuple[str, int, int, int]]]
"""What an hour sums, by its number from the edge."""


def use_much(draw: random.Random, _hour: int) -> list[tuple[str, int, int, int]]:
    """An office's use of two models."""
    return [(model, draw.randrange(5, 60), draw.randrange(9_000, 900_000), draw.randrange(900, 90_000))
            for model in ("gpt-4o", "gpt-4o-mini")]  # fmt: skip


def use_little(draw: random.Random, _hour: int) -> list[tuple[str, int, int, int]]:
    """An application that answers one of five questions, once an hour."""
    place = draw.randrange(5)
    return [("gpt-4o", 1, 100 + place, 10 + place)]


def use_always(_draw: random.Random, _hour: int) -> list[tuple[str, int, int, int]]:
    """A check of the same sixty calls each hour."""
    return [("gpt-4o", 60, 600, 60)]


def use_nightly(_draw: random.Random, hour: int) -> list[tuple[str, int, int, int]]:
    """A job of the same calls at 23:00 and, of others, at 1:00."""
    kinds = {23: ("gpt-4o", 40, 4_000, 400), 1: ("gpt-4o", 50, 5_000, 500)}
    return [kinds[hour % 24]] if hour % 24 in kinds else []


def sum_hours(use: DrawHour, seed: int = 7) -> list[Row]:
    """The three days on each side of the edge."""
    draw = random.Random(seed)
    return [(EDGE + hour * HOUR, *one) for hour in range(-72, 72) for one in use(draw, hour)]


def read(path: Path, lines: list[str], grain: Literal["call", "hour"], root: Path, **decisions: Any) -> None:  # noqa: ANN401 (decisions)
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([*lines, ""]), "utf-8")
    requests = "calls" if grain == "hour" else None
    mapping = CallMapping(created_at="time", prompt_tokens="in", completion_tokens="out", model_column="model",
                          provider=LlmProvider.OPENAI, grain=grain, requests=requests)  # fmt: skip
    import_files([(InputFile(path, path.name), mapping)], root, Decisions(**decisions))


def bring(root: Path, rows: list[Row], late: timedelta, *, as_calls: bool = False, **decisions: Any) -> None:  # noqa: ANN401
    """May by a clock that is so far behind, so that it has the first of June's hours too; then June in UTC, as sums too
    or call by call."""
    may = [(when - late, model, calls, a, b) for when, model, calls, a, b in rows if when - late < EDGE]
    june = [one for one in rows if one[0] >= EDGE]
    of_hours = [f"{when.isoformat()}Z,{model},{calls},{a},{b}" for when, model, calls, a, b in may]
    read(root / "may.csv", ["time,model,calls,in,out", *of_hours], "hour", root / "data")
    lines = ["time,model,calls,in,out"]
    for when, model, calls, a, b in june:
        of_calls = [(1, 1)] * (calls - 1) + [(a - calls + 1, b - calls + 1)]
        split = [(1, *one) for one in of_calls] if as_calls else [(calls, a, b)]
        lines += [f"{(when + timedelta(seconds=7 * place)).isoformat()}Z,{model},{count},{one},{other}"
                  for place, (count, one, other) in enumerate(split)]  # fmt: skip
    read(root / "june.csv", lines, "call" if as_calls else "hour", root / "data", **decisions)


def count_tokens(root: Path) -> tuple[int, list[str]]:
    """The prompt tokens of both months, and how far each is to be trusted."""
    loaded = [load_month_usage(month, root / "data") for month in (MAY, JUNE)]
    rows = [one.rows.aggregate("coalesce(sum(prompt_tokens), 0)::BIGINT").fetchall() for one in loaded]
    return sum(count for ((count,),) in rows), [str(one.state) for one in loaded]


@pytest.mark.parametrize("late", [HOUR, 4 * HOUR, timedelta(hours=5, minutes=30), 12 * HOUR])
def test_sums_of_hours_that_two_clocks_put_into_two_months_are_asked_about_until_a_file_supersedes_the_other(
    tmp_path: Path, late: timedelta
) -> None:
    rows = sum_hours(use_much)
    whole, both = sum(row[3] for row in rows), [row[3] for row in rows if EDGE <= row[0] < EDGE + late]
    hours = "1 hour" if late == HOUR else f"{-(-late // HOUR)} hours"
    bring(tmp_path, rows, late)
    assert count_tokens(tmp_path) == (whole + sum(both), ["UNRECONCILED", "UNRECONCILED"])
    (said,) = load_month_usage(JUNE, tmp_path / "data").edges
    assert said.startswith(f"june.csv has in {hours} of 2026-06 the very tokens that may.csv has")
    bring(tmp_path / "decided", rows, late, supersedes=("may.csv",))
    assert count_tokens(tmp_path / "decided") == (whole, ["COMPLETE", "COMPLETE"])
    bring(tmp_path / "distinct", rows, late, distinct=True)
    assert count_tokens(tmp_path / "distinct") == (whole + sum(both), ["COMPLETE", "COMPLETE"])


def test_calls_that_sum_to_the_hours_that_another_clock_puts_into_the_month_before_are_asked_about(
    tmp_path: Path,
) -> None:
    rows = sum_hours(use_much)
    bring(tmp_path, rows, 4 * HOUR, as_calls=True)
    assert count_tokens(tmp_path)[1] == ["UNRECONCILED", "UNRECONCILED"]
    bring(tmp_path / "decided", rows, 4 * HOUR, as_calls=True, supersedes=("may.csv",))
    assert count_tokens(tmp_path / "decided") == (sum(row[3] for row in rows), ["COMPLETE", "COMPLETE"])


def use_much_beside_a_check(draw: random.Random, hour: int) -> list[tuple[str, int, int, int]]:
    """An office's use, and a check of another model, which is the same each hour."""
    return [*use_much(draw, hour), ("gpt-4.1", 60, 600, 60)]


def test_hours_that_tell_no_distance_go_with_those_that_do(tmp_path: Path) -> None:
    rows = sum_hours(use_much_beside_a_check)
    bring(tmp_path, rows, 4 * HOUR, supersedes=("may.csv",))
    assert count_tokens(tmp_path) == (sum(row[3] for row in rows), ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("use", [use_much, use_little, use_always, use_nightly])
@pytest.mark.parametrize("seed", range(2))
def test_hours_that_each_file_has_of_its_own_month_are_not_asked_about(
    tmp_path: Path, use: DrawHour, seed: int
) -> None:
    rows = sum_hours(use, seed)
    bring(tmp_path, rows, timedelta())
    assert count_tokens(tmp_path) == (sum(row[3] for row in rows), ["COMPLETE", "COMPLETE"])
