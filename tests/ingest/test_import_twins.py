"""The same calls in two files of one system, under other ids or by another clock: never twice in a COMPLETE month."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flexlib.certificate import State
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import import_files
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.store.snapshots import load_usage

PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4o",
}
IDS = {"request_id": "id"}
SEPTEMBER = Month(2025, 9)
WIDE = [(prompt, out) for prompt in range(100, 4000, 7) for out in range(5, 400, 11)]
TEMPLATE = [(400 + more, out) for more in (0, 0, 0, 5, 9, 12) for out in (1, 1, 2, 3)]
ONE = [(400, 1)]

Call = tuple[datetime, int, int]


def draw_calls(seed: int, count: int = 300, lengths: Sequence[tuple[int, int]] = WIDE, every: int = 1) -> list[Call]:
    """Calls of September, by its 2nd to 29th, at multiples of so many milliseconds."""
    draw = random.Random(seed)
    moments = sorted(draw.randrange(0, 28 * 86_400_000, every) for _ in range(count))
    return [(datetime(2025, 9, 2) + timedelta(milliseconds=at), *draw.choice(lengths)) for at in moments]


def pick(calls: list[Call], first: int, last: int) -> list[Call]:
    return [call for call in calls if first <= call[0].day <= last]


def write(path: Path, calls: Sequence[Call], *, has_ids: bool = False) -> InputFile:
    """The calls as they are, in no zone; where it has ids, those of this export alone."""
    names: Iterator[str] = (f"{path.stem}-{n}," if has_ids else "" for n in range(len(calls)))
    rows = [f"{next(names)}{at.isoformat(timespec='milliseconds')},{into},{out}" for at, into, out in calls]
    path.write_text("\n".join(["id," * has_ids + "time,in,out", *rows, ""]), "utf-8")
    return InputFile(path, path.name)


def bring(root: Path, file: InputFile, how: dict[str, Any], **decisions: Any) -> tuple[State, int]:  # noqa: ANN401
    """The state of September, and its calls."""
    import_files([(file, CallMapping(**PLAIN | how))], root, Decisions(**decisions))
    certificate = load_usage(SEPTEMBER, root, "import").certificate
    return certificate.state, certificate.rows


def bring_two(root: Path, one: Sequence[Call], two: Sequence[Call], *, has_ids: bool = False) -> State:
    """The state after the one and then the two are imported by the same command, each in a file of its own."""
    root.mkdir()
    files = [write(root / f"{name}.csv", calls, has_ids=has_ids) for name, calls in (("a", one), ("b", two))]
    for file in files:
        state, _ = bring(root / "data", file, IDS if has_ids else {})
    return state


def move(calls: list[Call], **by: float) -> list[Call]:
    return [(at + timedelta(**by), into, out) for at, into, out in calls]


@pytest.mark.parametrize("lengths", [WIDE, ONE])
@pytest.mark.parametrize("is_older", [False, True])  # the second file, in time
def test_two_rolling_exports_that_give_ids_anew_are_asked_about(
    tmp_path: Path, is_older: bool, lengths: list[tuple[int, int]]
) -> None:
    calls = draw_calls(1, lengths=lengths)  # 300 calls, not the 200 and 260 or so of both files
    parts = [pick(calls, 1, 20), pick(calls, 5, 30)]
    parts = parts[::-1] if is_older else parts
    assert bring_two(tmp_path / "ms", *parts, has_ids=True) is State.UNRECONCILED
    files = [InputFile(tmp_path / "ms" / f"{name}.csv", f"{name}.csv") for name in "ab"]
    done = bring(tmp_path / "ms/data", files[1], IDS, supersedes=("a.csv",), drops_others=True)
    assert done == (State.COMPLETE, 300)


@pytest.mark.parametrize("every", [1, 1000])  # in milliseconds, and in whole seconds
def test_a_rolling_export_of_some_calls_under_other_ids_is_asked_about(tmp_path: Path, every: int) -> None:
    calls = draw_calls(2, every=every)
    some = pick(calls, 5, 30)[::3]  # of one project, in an export of all until the 20th
    assert bring_two(tmp_path / "data", pick(calls, 1, 20), some, has_ids=True) is State.UNRECONCILED
    assert bring_two(tmp_path / "swapped", some, pick(calls, 1, 20), has_ids=True) is State.UNRECONCILED


@pytest.mark.parametrize(
    ("seconds", "first", "last"),
    [(0.4, 10, 15), (-0.4, 10, 30), (0.4, 17, 30), (-10_800, 10, 15), (10_800, 5, 30), (-10_800, 1, 30)],
)
def test_calls_under_other_ids_by_another_clock_are_asked_about(
    tmp_path: Path, seconds: float, first: int, last: int
) -> None:
    calls = draw_calls(3)
    parts = [pick(calls, 1, 20), move(pick(calls, first, last), seconds=seconds)]
    assert bring_two(tmp_path / "data", *parts, has_ids=True) is State.UNRECONCILED
    assert bring_two(tmp_path / "swapped", *parts[::-1], has_ids=True) is State.UNRECONCILED


@pytest.mark.parametrize(("hours", "first", "last"), [(-3, 10, 15), (3, 5, 30), (-3, 17, 30), (3, 1, 30)])
def test_a_log_without_ids_exported_once_in_utc_and_once_in_local_time_is_asked_about(
    tmp_path: Path, hours: int, first: int, last: int
) -> None:
    calls = draw_calls(4)
    parts = [pick(calls, 1, 20), move(pick(calls, first, last), hours=hours)]
    for name, (one, two) in {"data": parts, "swapped": parts[::-1]}.items():
        assert bring_two(tmp_path / name, one, two) is State.UNRECONCILED
    files = [InputFile(tmp_path / "data" / f"{name}.csv", f"{name}.csv") for name in "ab"]
    state, rows = bring(tmp_path / "data/data", files[1], {}, supersedes=("a.csv",), drops_others=True)
    assert (state, rows) == (State.COMPLETE, count_kept(parts[0], parts[1], parts[0], pick(calls, first, last)))


@pytest.mark.parametrize("count", [20, 150, 250])  # of 300
def test_a_log_that_shares_some_of_its_calls_with_one_in_another_zone_is_asked_about(
    tmp_path: Path, count: int
) -> None:
    calls, others = draw_calls(1), draw_calls(99)
    moved = sorted([*move(calls[:count], hours=3), *others[count:]])
    assert bring_two(tmp_path / "data", calls, moved) is State.UNRECONCILED
    as_long = [(other[0], into, out) for other, (_, into, out) in zip(others, moved, strict=True)]
    assert bring_two(tmp_path / "others", calls, sorted(as_long)) is State.COMPLETE


@pytest.mark.parametrize("has_ids", [False, True])
@pytest.mark.parametrize(
    ("every", "lengths"),  # at any time, or by the second, the minute and the hour
    [(1, TEMPLATE), (1, ONE), (1000, WIDE), (60_000, TEMPLATE), (3_600_000, WIDE), (3_600_000, ONE)],
)
def test_two_projects_of_one_system_are_not_asked_about(
    tmp_path: Path, every: int, lengths: list[tuple[int, int]], has_ids: bool
) -> None:
    one, two = (
        move(draw_calls(seed, lengths=lengths, every=every), milliseconds=more) for seed, more in ((5, 0), (6, 1700))
    )
    for name, (first, last) in {"rolling": (5, 30), "short": (10, 12)}.items():
        calls = pick(one, 1, 20 if name == "rolling" else 30), pick(two, first, last)
        assert bring_two(tmp_path / name, *calls, has_ids=has_ids) is State.COMPLETE


@pytest.mark.parametrize("hours", [1, 12])
def test_the_logs_of_two_days_of_a_task_that_asks_the_same_by_the_clock_are_others(tmp_path: Path, hours: int) -> None:
    days = [
        [(datetime(2025, 9, day, hour, 0, n), 500 + n, 1) for hour in range(0, 24, hours) for n in range(20)]
        for day in (8, 9)
    ]
    assert bring_two(tmp_path / "data", *days) is State.COMPLETE
    assert bring_two(tmp_path / "ids", *days, has_ids=True) is State.COMPLETE


def count_kept(old: list[Call], new: list[Call], old_calls: list[Call], new_calls: list[Call]) -> int:
    """How many calls are left of two files, as they write them and as they were, once the new one supersedes the old
    one: those of the new one, and of the old one none that is of it or written in its time."""
    first, last = new[0][0], new[-1][0]
    rest = [call for told, call in zip(old, old_calls, strict=True) if not first <= told[0] <= last]
    return len(new) + len(set(rest) - set(new_calls))


SANTIAGO = "America/Santiago"


def tell_locally(calls: list[Call]) -> list[Call]:
    """By the clock of Santiago, that goes from 4 to 3 hours behind UTC at the start of 7 September 2025."""
    zones = ZoneInfo("UTC"), ZoneInfo(SANTIAGO)
    return [
        (at.replace(tzinfo=zones[0]).astimezone(zones[1]).replace(tzinfo=None), into, out) for at, into, out in calls
    ]


@pytest.mark.parametrize(("first", "last", "swapped"), [(5, 30, False), (1, 30, True), (2, 11, False), (2, 11, True)])
def test_two_exports_a_clock_change_apart_are_asked_about(tmp_path: Path, first: int, last: int, swapped: bool) -> None:
    calls = draw_calls(7)
    ways = [(write(tmp_path / "a.csv", tell_locally(pick(calls, 1, 20))), {}),  # as if that were UTC
            (write(tmp_path / "b.csv", tell_locally(pick(calls, first, last))), {"timezone": SANTIAGO})]  # fmt: skip
    for file, how in ways[::-1] if swapped else ways:
        state, _ = bring(tmp_path / "data", file, how)
    assert state is State.UNRECONCILED
    old, new = pick(calls, 1, 20), pick(calls, first, last)
    state, rows = bring(tmp_path / "data", *ways[1], supersedes=("a.csv",), drops_others=True)
    assert (state, rows) == (State.COMPLETE, count_kept(tell_locally(old), new, old, new))
    again = bring_two(tmp_path / "same", old, tell_locally(new))
    assert again is State.UNRECONCILED  # by one command, once in UTC


def test_before_a_change_of_the_clock_no_call_gives_way_by_the_clock_after_it(tmp_path: Path) -> None:
    """Four hours apart before the change and three after it: what is three hours apart before it are two calls."""
    old, new = pick(draw_calls(7), 1, 20), pick(draw_calls(7), 5, 30)
    shared = (new[0][0] + timedelta(hours=1), 4001, 77)
    alone = (shared[0] + timedelta(hours=1), 4001, 77)
    old, new = sorted([*old, shared, alone]), sorted([*new, shared])
    assert bring_two(tmp_path / "data", tell_locally(old), new) is State.UNRECONCILED
    file = InputFile(tmp_path / "data/b.csv", "b.csv")
    done = bring(tmp_path / "data/data", file, {}, supersedes=("a.csv",), drops_others=True)
    assert done == (State.COMPLETE, count_kept(tell_locally(old), new, old, new))
