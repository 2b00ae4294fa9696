"""One log in two files that meet at a month's edge, each by another clock: what both have counts once, or is asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
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
NameCall = Callable[[int, str], str]
"""The id of a call by its place and the name of its file."""


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


def name_by_export(place: int, file: str) -> str:
    """An id that each export makes anew."""
    return f"{file}-{place}"


def number_lines(place: int, file: str) -> str:
    """An id that is the number of the line, so that two exports have the same ones, of other calls."""
    return str(place)


def name_always(place: int, file: str) -> str:
    """The id of a call, whatever exports it, where the files are of the same calls."""
    return f"call-{place}"


def ask_by_night(*hours: int) -> list[Call]:
    """A job of forty calls, each of another length, at the same minutes of each night."""
    draw = random.Random(3)
    return [
        (EDGE + timedelta(days=day, hours=hour, minutes=place, seconds=draw.random()), 1_000 + place, 50 + place)
        for day in range(-3, 3)
        for hour in hours
        for place in range(40)
    ]


def bring(  # noqa: PLR0913 (what tells two exports apart)
    root: Path,
    calls: Iterable[Call],
    late: int,
    *,
    is_one_system: bool,
    name_call: NameCall | None = None,
    repeated: str = "refuse",
    **decisions: Any,  # noqa: ANN401
) -> None:
    """May by a clock that is so many hours behind, so that it has the first of June's calls too; then June in UTC. With
    ids where these have names, `name_always` by the places in `calls`, others by those in the file."""
    clock = timedelta(hours=late)
    placed = [*enumerate(sorted(calls))]
    months = (
        [(place, (moment - clock, a, b)) for place, (moment, a, b) in placed if moment - clock < EDGE],
        [one for one in placed if one[1][0] >= EDGE],
    )
    for name, found, said in zip(("may.csv", "june.csv"), months, ({}, decisions), strict=True):
        has_more = name == "june.csv" and not is_one_system
        rows = found if name_call is name_always else [*enumerate(call for _place, call in found)]
        columns = ["time", "in", "out", *(["extra"] if has_more else []), *(["id"] if name_call else [])]
        lines = [",".join(columns)]
        for place, (moment, a, b) in rows:
            ids = [name_call(place, name)] if name_call else []
            lines.append(",".join([f"{moment.isoformat()}Z", str(a), str(b), *(["0"] if has_more else []), *ids]))
        root.mkdir(exist_ok=True)
        (root / name).write_text("\n".join([*lines, ""]), "utf-8")
        kinds: dict[str, Any] = {"cached_tokens": "extra"} if has_more else {}
        kinds |= {"request_id": "id", "repeated": repeated} if name_call else {}
        mapping = CallMapping(created_at="time", prompt_tokens="in", completion_tokens="out", model="gpt-4o",
                              provider=LlmProvider.OPENAI, **kinds)  # fmt: skip
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


@pytest.mark.parametrize("name_call", [None, name_by_export])
@pytest.mark.parametrize("is_one_system", [True, False])
@pytest.mark.parametrize("hours", [1, 3, 6, 12, 24])
def test_calls_that_are_asked_by_the_clock_are_those_of_their_month(
    tmp_path: Path, hours: int, is_one_system: bool, name_call: NameCall | None
) -> None:
    calls = ask_by_clock(hours)
    bring(tmp_path, calls, 0, is_one_system=is_one_system, name_call=name_call)
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("name_call", [None, name_by_export])
@pytest.mark.parametrize(("count", "lengths"), [(600, 5), (6_000, 50), (6_000, 1_000)])
def test_months_of_one_application_whose_calls_are_of_few_lengths_share_none(
    tmp_path: Path, count: int, lengths: int, name_call: NameCall | None
) -> None:
    bring(tmp_path, draw_calls(count, lengths), 0, is_one_system=True, name_call=name_call)
    assert count_calls(tmp_path) == (count, ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("hours", [2, 6, 12])
@pytest.mark.parametrize("begins", [True, False])
def test_what_is_asked_by_the_clock_and_begins_or_ends_beside_the_edge_is_of_its_month(
    tmp_path: Path, hours: int, begins: bool
) -> None:
    calls = ask_by_clock(hours, -hours) if begins else ask_by_clock(hours, end=hours)
    bring(tmp_path, calls, 0, is_one_system=True)
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("name_call", [name_by_export, number_lines])
@pytest.mark.parametrize(("count", "lengths"), [(600, 50), (3_000, 1_000)])
def test_calls_that_two_exports_of_one_system_have_under_other_ids_and_by_other_clocks_are_asked_about(
    tmp_path: Path, count: int, lengths: int, name_call: NameCall
) -> None:
    calls = draw_calls(count, lengths)
    twice = sum(EDGE <= moment < EDGE + timedelta(hours=4) for moment, *_ in calls)
    bring(tmp_path, calls, 4, is_one_system=True, name_call=name_call)
    assert count_calls(tmp_path) == (count + twice, ["UNRECONCILED", "UNRECONCILED"])
    (said,) = load_month_usage(JUNE, tmp_path / "data").edges
    assert said.startswith(
        f"{twice} calls of june.csv in 2026-06 may be of may.csv in 2026-05 too, by clocks that differ"
    )
    decided, distinct = tmp_path / "decided", tmp_path / "distinct"
    bring(decided, calls, 4, is_one_system=True, name_call=name_call, supersedes=("may.csv",))
    assert count_calls(decided) == (count, ["COMPLETE", "COMPLETE"])
    bring(distinct, calls, 4, is_one_system=True, name_call=name_call, distinct=True)
    assert count_calls(distinct) == (count + twice, ["COMPLETE", "COMPLETE"])


def test_a_call_far_from_the_edge_stays_that_has_the_number_of_one_that_a_file_supersedes(tmp_path: Path) -> None:
    calls = [one for one in draw_calls(1_800, 600) if one[0] >= EDGE - timedelta(days=2)]
    bring(tmp_path, calls, 4, is_one_system=True, name_call=number_lines, supersedes=("may.csv",))
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("decided", [{}, {"supersedes": ("may.csv",)}])
@pytest.mark.parametrize("is_one_system", [True, False])
def test_calls_that_two_exports_have_by_other_clocks_under_the_same_ids_count_once(
    tmp_path: Path, decided: dict[str, Any], is_one_system: bool
) -> None:
    calls = draw_calls(600, 50)
    bring(tmp_path, calls, 4, is_one_system=is_one_system, name_call=name_always, **decided)
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


def test_logs_whose_ids_are_those_of_the_answers_are_not_held_against_each_other(tmp_path: Path) -> None:
    calls = draw_calls(600, 50)
    twice = sum(EDGE <= moment < EDGE + timedelta(hours=4) for moment, *_ in calls)
    bring(tmp_path, calls, 4, is_one_system=True, name_call=name_by_export, repeated="last")
    assert count_calls(tmp_path) == (len(calls) + twice, ["COMPLETE", "COMPLETE"])


@pytest.mark.parametrize("hours", [(23,), (2,), (22, 2), (21, 3, 5), (1, 13)])
@pytest.mark.parametrize("is_one_system", [True, False])
@pytest.mark.parametrize("name_call", [None, name_by_export])
def test_a_job_of_each_night_is_of_its_month(
    tmp_path: Path, hours: tuple[int, ...], is_one_system: bool, name_call: NameCall | None
) -> None:
    calls = ask_by_night(*hours)
    bring(tmp_path, calls, 0, is_one_system=is_one_system, name_call=name_call)
    assert count_calls(tmp_path) == (len(calls), ["COMPLETE", "COMPLETE"])


def test_files_with_ids_that_are_of_both_months_share_none(tmp_path: Path) -> None:
    for seed, name in enumerate(("one.csv", "other.csv")):
        rows = enumerate(sorted(draw_calls(600, 50, seed)))
        lines = [f"{moment.isoformat()}Z,{a},{b},{name_by_export(place, name)}" for place, (moment, a, b) in rows]
        (tmp_path / name).write_text("\n".join(["time,in,out,id", *lines, ""]), "utf-8")
        mapping = CallMapping(created_at="time", prompt_tokens="in", completion_tokens="out", request_id="id",
                              model="gpt-4o", provider=LlmProvider.OPENAI)  # fmt: skip
        import_files([(InputFile(tmp_path / name, name), mapping)], tmp_path / "data", Decisions())
    assert count_calls(tmp_path) == (1_200, ["COMPLETE", "COMPLETE"])


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
