"""Two files of the same calls that say them in other ways: never their sum as if it were proven."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flexlib.certificate import State
from flexlib.checks import explain_check
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import BadFile, BadParameter, SnapshotChanged
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import MonthImport, import_files
from flexlib.money.same_calls import split_model
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.spend.month import load_month_usage
from flexlib.store.snapshots import load_usage

PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4o",
}
DAY, HOUR = {"grain": "day"}, {"grain": "hour"}


def write(folder: Path, name: str, *rows: str, head: str = "time,in,out") -> InputFile:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([head, *rows, ""]), "utf-8")
    return InputFile(folder / name, Path(name).name)


def bring(root: Path, *files: tuple[InputFile, dict[str, Any]], **decisions: Any) -> MonthImport:  # noqa: ANN401
    (month,) = import_files([(file, CallMapping(**PLAIN | how)) for file, how in files], root, Decisions(**decisions))
    return month


def check_open(month: MonthImport, *names: str) -> None:
    assert month.certificate.state is State.UNRECONCILED
    assert all(name in explain_check(month.certificate.sums) for name in names), explain_check(month.certificate.sums)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_tier_that_one_file_does_not_say_may_be_any(tmp_path: Path, swapped: bool) -> None:
    plain = write(tmp_path, "plain.csv", "2026-05-15T00:00:00Z,1000000,1000")  # 2.51 USD, not twice that
    tiers = write(tmp_path, "tiers.csv", "2026-05-15T00:00:00Z,1000000,1000,default", head="time,in,out,tier")
    files = [(plain, DAY), (tiers, DAY | {"tier": "tier"})]
    check_open(bring(tmp_path / "data", *(reversed(files) if swapped else files)), "plain.csv", "tiers.csv")


def test_a_day_of_more_tokens_and_fewer_cached_ones_may_be_the_same_day(tmp_path: Path) -> None:
    how = DAY | {"cached_tokens": "cached", "cache": "included"}
    old = write(tmp_path, "old.csv", "2026-05-15T00:00:00Z,1000000,1,500", head="time,in,out,cached")
    new = write(tmp_path, "new.csv", "2026-05-15T00:00:00Z,2000000,1,0", head="time,in,out,cached")
    check_open(bring(tmp_path / "data", (old, how), (new, how)), "old.csv", "new.csv")
    decided = bring(tmp_path / "data", (new, how), supersedes=("old.csv",)).certificate
    assert (decided.state, decided.prompt_tokens) == (State.COMPLETE, 2_000_000)


@pytest.mark.parametrize("how", [DAY, HOUR])
def test_hours_and_the_day_that_they_are_of_may_be_the_same_calls(tmp_path: Path, how: dict[str, Any]) -> None:
    hours = write(tmp_path, "hours.csv", "2026-05-15T01:00:00Z,1000,0", "2026-05-15T02:00:00Z,1000,0")
    day = write(tmp_path, "day.csv", "2026-05-15T00:00:00Z,2000,0")  # 2000 tokens in all, not 4000
    check_open(bring(tmp_path / "data", (hours, how), (day, DAY)), "hours.csv", "day.csv")


def test_days_that_follow_each_other_are_others_even_where_the_clock_changes(tmp_path: Path) -> None:
    first = write(tmp_path, "first.csv", "2026-05-15T04:00:00Z,1000,0")
    second = write(tmp_path, "second.csv", "2026-05-16T03:00:00Z,1000,0")  # an hour earlier: summer time
    done = bring(tmp_path / "data", (first, DAY), (second, DAY)).certificate
    assert (done.state, done.prompt_tokens) == (State.COMPLETE, 2000)


def test_a_model_under_the_names_of_two_sellers_is_one(tmp_path: Path) -> None:
    day = write(tmp_path, "day.csv", "2026-05-15T00:00:00Z,1000,0")
    call = write(tmp_path, "log.csv", "2026-05-15T10:00:00Z,1000,0")
    dated, written = {"model": "gpt-4o-2024-08-06"}, {"model": "openai/gpt-4o"}
    check_open(bring(tmp_path / "data", (day, DAY | dated), (call, written)), "day.csv", "log.csv")
    other = bring(tmp_path / "other", (day, DAY | dated), (call, {"model": "gpt-4o-2024-05-13"}))
    assert (other.certificate.state, other.certificate.prompt_tokens) == (State.COMPLETE, 2000)


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("openai", "openai/gpt-4o", ("gpt-4o", None)),
        ("openai", "gpt-4.1-2025-04-14", ("gpt-4.1", "20250414")),
        ("anthropic", "us.anthropic.claude-sonnet-4-20250514-v1:0", ("claude-sonnet-4", "20250514")),
        ("anthropic", "claude-sonnet-4@20250514", ("claude-sonnet-4", "20250514")),
        ("anthropic", "claude-4.5-sonnet", ("claude-sonnet-4-5", None)),  # as Cursor writes it
    ],
)
def test_the_name_of_a_model_is_without_its_maker_and_date(provider: str, model: str, name: tuple[str, str]) -> None:
    assert split_model(provider, model, None) == name


def test_a_log_exported_again_in_another_order_counts_once(tmp_path: Path) -> None:
    rows = [f"2026-05-15T00:00:0{n}.5Z,1000,0" for n in range(9)]
    one, two = write(tmp_path, "a.csv", *rows), write(tmp_path, "b.csv", *reversed(rows))
    done = bring(tmp_path / "data", (one, {}), (two, {})).certificate
    assert (done.state, done.prompt_tokens) == (State.COMPLETE, 9000)


def test_a_call_that_two_other_logs_share_by_chance_is_not_dropped_in_silence(tmp_path: Path) -> None:
    shared = "2026-05-15T00:00:05.5Z,1000000,0"
    one = write(tmp_path, "a.csv", shared, *(f"2026-05-15T00:00:0{n}.1Z,7,0" for n in range(9)))
    two = write(tmp_path, "b.csv", shared, *(f"2026-05-15T00:00:0{n}.2Z,7,0" for n in range(9)))
    check_open(bring(tmp_path / "data", (one, {}), (two, {})), "a.csv", "b.csv")


@pytest.mark.parametrize(
    ("count", "twins", "is_asked"),
    [(40, 40, True), (40, 36, True), (40, 35, False), (10, 10, True), (9, 9, False)],  # ten, and nine of ten
)
def test_one_export_under_two_sets_of_ids_is_asked_about_and_calls_of_one_file_are_not(
    tmp_path: Path, count: int, twins: int, is_asked: bool
) -> None:
    ids = {"request_id": "id"}
    calls = [f"2026-05-15T10:{n:02}:07Z,{1000 + n},100" for n in range(count)]
    again = [*calls[:twins], *(f"2026-05-15T11:{n:02}:07Z,{1000 + n},100" for n in range(count - twins))]
    one = write(tmp_path, "a.csv", *(f"a{n},{row}" for n, row in enumerate(calls)), head="id,time,in,out")
    two = write(tmp_path, "b.csv", *(f"b{n},{row}" for n, row in enumerate(again)), head="id,time,in,out")
    made = bring(tmp_path / "data", (one, ids), (two, ids))
    assert made.certificate.state is (State.UNRECONCILED if is_asked else State.COMPLETE)
    if is_asked:
        check_open(made, f"{twins} rows of b.csv may repeat calls in a.csv")
        kept = bring(tmp_path / "data", (two, ids), supersedes=("a.csv",), drops_others=True).certificate
        assert (kept.state, kept.rows) == (State.COMPLETE, count)
        bring(tmp_path / "other", (one, ids))
        both = bring(tmp_path / "other", (two, ids), distinct=True).certificate
        assert (both.state, both.rows) == (State.COMPLETE, 2 * count)
    every = [f"c{n},2026-05-15T10:00:07Z,1000,100" for n in range(count)]  # of one file, at one moment
    only = bring(tmp_path / "only", (write(tmp_path, "c.csv", *every, head="id,time,in,out"), ids)).certificate
    assert (only.state, only.rows) == (State.COMPLETE, count)


OTHER = {"created_at": "start", "prompt_tokens": "prompt", "completion_tokens": "completion"}
OTHER_HEAD = "start,prompt,completion"
START = datetime(2026, 5, 15)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("count", [1, 30])
def test_a_call_that_two_systems_logged_milliseconds_apart_is_asked_about(
    tmp_path: Path, count: int, swapped: bool
) -> None:
    proxy = [f"2026-05-15T10:{n:02}:00.999Z,{1000 + n},100" for n in range(count)]
    trace = [f"2026-05-15T10:{n:02}:01.002Z,{1000 + n},100" for n in range(count)]
    files = [
        (write(tmp_path, "proxy.csv", *proxy), {}),
        (write(tmp_path, "trace.csv", *trace, head=OTHER_HEAD), OTHER),
    ]
    files = files[::-1] if swapped else files
    month = bring(tmp_path / "data", *files)
    assert month.certificate.state is State.UNRECONCILED  # 1,000 tokens of one call, not 2,000
    decided = bring(tmp_path / "data", *files, distinct=True).certificate
    assert (decided.state, decided.rows) == (State.COMPLETE, 2 * count)


@pytest.mark.parametrize("newer", [0, 1])
@pytest.mark.parametrize("late", ["10:00:00.999", "10:00:01.005"])  # by a clock that is early, or late
def test_what_two_systems_logged_is_one_call_once_the_log_of_one_supersedes_that_of_the_other(
    tmp_path: Path, late: str, newer: int
) -> None:
    days, keyed = ("15", "16", "17"), {"usable_key": "key", "usable_type": "key"}
    proxy = [f"2026-05-{day}T10:00:01.002Z,1000,{day},k1" for day in days]
    trace = [f"2026-05-{day}T{late}Z,1000,{day}" for day in days]  # 3 calls of 1,000 tokens, not 6 nor 4
    files: list[tuple[InputFile, dict[str, Any]]] = [
        (write(tmp_path, "proxy.csv", *proxy, head="time,in,out,key"), keyed),
        (write(tmp_path, "trace.csv", *trace, head=OTHER_HEAD), OTHER),
    ]
    for file in files:
        month = bring(tmp_path / "data", file)
    assert month.certificate.state is State.UNRECONCILED
    done = bring(tmp_path / "data", files[newer], supersedes=(files[1 - newer][0].name,)).certificate
    assert (done.state, done.rows, done.prompt_tokens) == (State.COMPLETE, 3, 3000)


def test_the_logs_of_two_applications_are_others_though_a_call_in_twenty_is_as_long(tmp_path: Path) -> None:
    one = [f"2026-05-15T10:{n:02}:00.1Z,{7 if n % 20 == 0 else n + 100},5" for n in range(60)]
    two = [f"2026-05-15T10:{n:02}:00.4Z,{7 if n % 20 == 0 else n + 500},5" for n in range(60)]
    first, second = write(tmp_path, "one.csv", *one), write(tmp_path, "two.csv", *two, head=OTHER_HEAD)
    done = bring(tmp_path / "data", (first, {}), (second, OTHER)).certificate
    assert (done.state, done.rows) == (State.COMPLETE, 120)
    same = write(tmp_path, "same.csv", "2026-05-15T10:00:00.4Z,7,5", "2026-05-15T10:01:00.4Z,7,5")
    done = bring(
        tmp_path / "same", (first, {}), (same, {})
    ).certificate  # of one system, which tells one time of a call
    assert (done.state, done.rows) == (State.COMPLETE, 62)


@pytest.mark.parametrize("newer", [0, 1])
@pytest.mark.parametrize("seconds", [5, 3600, -16_200])  # by a slow system, or another zone
def test_the_log_of_one_system_at_one_distance_from_that_of_another_is_asked_about(
    tmp_path: Path, seconds: int, newer: int
) -> None:
    moments = [START + timedelta(hours=9, seconds=17 * n * n) for n in range(6)]
    late = [moment + timedelta(seconds=seconds) for moment in moments]
    files: list[tuple[InputFile, dict[str, Any]]] = [
        (write(tmp_path, "proxy.csv", *(f"{one.isoformat()}Z,{1000 + n},9" for n, one in enumerate(moments))), {}),
        (write(tmp_path, "trace.csv", *(f"{one.isoformat()}Z,{1000 + n},9" for n, one in enumerate(late)),
               head=OTHER_HEAD), OTHER),
    ]  # fmt: skip
    for file in files:
        month = bring(tmp_path / "data", file)
    assert month.certificate.state is State.UNRECONCILED
    done = bring(tmp_path / "data", files[newer], supersedes=(files[1 - newer][0].name,)).certificate
    assert (done.state, done.rows, done.prompt_tokens) == (State.COMPLETE, 6, 6015)


@pytest.mark.parametrize(("count", "spread"), [(3, 300), (6, 300), (4, 3_000)])  # milliseconds of a burst
def test_a_burst_of_calls_that_another_system_logged_in_another_zone_is_asked_about(
    tmp_path: Path, count: int, spread: int
) -> None:
    draw = random.Random(count)
    moments = [START + timedelta(hours=9, milliseconds=draw.randrange(spread)) for _ in range(count)]
    late = [moment + timedelta(hours=3, milliseconds=draw.randrange(20)) for moment in moments]
    one = write(tmp_path, "proxy.csv", *(f"{at.isoformat()}Z,{500 + n},9" for n, at in enumerate(moments)))
    two = write(
        tmp_path, "trace.csv", *(f"{at.isoformat()}Z,{500 + n},9" for n, at in enumerate(late)), head=OTHER_HEAD
    )
    check_open(bring(tmp_path / "data", (one, {}), (two, OTHER)), f"{count} calls of trace.csv")
    # the same prompts asked again three hours later, one after the other, have answers of other times
    again = [START + timedelta(hours=12, milliseconds=draw.randrange(300) + n * 900) for n in range(count)]
    two = write(tmp_path, "again.csv", *(f"{at.isoformat()}Z,{500 + n},9" for n, at in enumerate(again)),
                head=OTHER_HEAD)  # fmt: skip
    done = bring(tmp_path / "honest", (one, {}), (two, OTHER)).certificate
    assert (done.state, done.rows) == (State.COMPLETE, 2 * count)


def draw_bursts(seed: int, count: int) -> list[tuple[datetime, int, int]]:
    """Calls of one template in bursts of five at any time of a day."""
    draw = random.Random(seed)
    starts = [START + timedelta(milliseconds=draw.randrange(86_400_000)) for _ in range(count // 5)]
    return [
        (at + timedelta(milliseconds=draw.randrange(300)), *draw.choice(TEMPLATE)) for at in starts for _ in range(5)
    ]


def test_five_calls_of_a_hundred_of_one_template_in_the_logs_of_two_systems_are_asked_about(tmp_path: Path) -> None:
    def write_log(name: str, calls: list[tuple[datetime, int, int]], head: str) -> InputFile:
        return write(tmp_path, name, *(f"{at.isoformat()}Z,{into},{out}" for at, into, out in calls), head=head)

    mine, theirs = draw_bursts(1, 100), draw_bursts(2, 95)
    late = [(at + timedelta(milliseconds=31 + n), into, out) for n, (at, into, out) in enumerate(mine[::20])]
    first = write_log("proxy.csv", mine, "time,in,out")
    honest = write_log("trace.csv", draw_bursts(2, 100), OTHER_HEAD)
    done = bring(tmp_path / "honest", (first, {}), (honest, OTHER)).certificate
    assert (done.state, done.rows) == (State.COMPLETE, 200)
    shared = write_log("shared.csv", [*theirs, *late], OTHER_HEAD)  # 195 calls, not 200
    check_open(bring(tmp_path / "data", (first, {}), (shared, OTHER)), "5 calls of shared.csv")


MAY, JUNE = Month(2026, 5), Month(2026, 6)
EDGE = ["2026-05-10T10:00:00.5Z,500,50", "2026-05-31T23:59:59.990Z,1000,100"]
LATE_EDGE = ["2026-06-01T00:00:00.015Z,1000,100", "2026-06-02T10:00:00.5Z,700,70"]


def bring_edge(root: Path, folder: Path, *words: tuple[int, dict[str, Any]]) -> None:
    """The log of one system until the month's edge and that of another one from there on, which share a call."""
    files: list[tuple[InputFile, dict[str, Any]]] = [
        (write(folder, "proxy.csv", *EDGE), {}),
        (write(folder, "trace.csv", *LATE_EDGE, head=OTHER_HEAD), OTHER),
    ]
    for place, decisions in ((0, {}), (1, {}), *words):
        import_files([(files[place][0], CallMapping(**PLAIN | files[place][1]))], root, Decisions(**decisions))


def count_tokens(root: Path, zone: str = "UTC") -> list[tuple[str, int | None]]:
    """State and prompt tokens of May and June; no tokens where both may be one call."""
    found = []
    for month in (MAY, JUNE):
        usage = load_month_usage(month, root, zone=zone)
        ((tokens,),) = usage.rows.aggregate("sum(prompt_tokens)::BIGINT").fetchall()
        found.append((usage.state.name, tokens))
    return found


def test_one_call_on_both_sides_of_a_month_s_edge_in_the_logs_of_two_systems_is_asked_about(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bring_edge(root, tmp_path)
    assert count_tokens(root) == [("UNRECONCILED", 1500), ("UNRECONCILED", 1700)]  # 500 + 1000 + 700 of three calls
    said = load_month_usage(MAY, root).list_problems()
    assert said[0].startswith(
        "1 call of trace.csv in 2026-06 may be of proxy.csv in 2026-05 too, by clocks that differ"
    )
    for zone, in_may, in_june in (("America/Santiago", True, False), ("Asia/Tokyo", False, True)):
        told = [bool(load_month_usage(month, root, zone=zone).edges) for month in (MAY, JUNE)]
        assert told == [in_may, in_june]  # the edge lies four hours before the end of May, or after the first of June


@pytest.mark.parametrize(
    ("decision", "tokens"),
    [
        ((1, {"supersedes": ("proxy.csv",)}), [500, 1700]),  # 2,200 of three calls, not 3,200
        ((0, {"supersedes": ("trace.csv",)}), [1500, 700]),
        ((1, {"distinct": True}), [1500, 1700]),
        ((0, {"distinct": True}), [1500, 1700]),
    ],
)
def test_a_call_on_both_sides_of_a_month_s_edge_counts_as_whoever_imports_it_says(
    tmp_path: Path, decision: tuple[int, dict[str, Any]], tokens: list[int]
) -> None:
    root = tmp_path / "data"
    for words in ([decision], [decision, (0, {}), (1, {})]):  # brought again, it stays as it was said
        bring_edge(root, tmp_path, *words)
        assert count_tokens(root) == [("COMPLETE", tokens[0]), ("COMPLETE", tokens[1])]


def test_both_logs_of_a_call_on_both_sides_of_a_month_s_edge_may_come_in_the_command_that_decides(
    tmp_path: Path,
) -> None:
    files = [(write(tmp_path, "proxy.csv", *EDGE), CallMapping(**PLAIN)),
             (write(tmp_path, "trace.csv", *LATE_EDGE, head=OTHER_HEAD), CallMapping(**PLAIN | OTHER))]  # fmt: skip
    import_files(files, tmp_path / "data", Decisions(supersedes=("proxy.csv",)))
    assert count_tokens(tmp_path / "data") == [("COMPLETE", 500), ("COMPLETE", 1700)]


@pytest.mark.parametrize("newer", [0, 1])
@pytest.mark.parametrize("hours", [3, -3])
def test_of_two_logs_in_two_zones_also_the_calls_that_lie_in_two_months_count_once(
    tmp_path: Path, hours: int, newer: int
) -> None:
    moments = [datetime(2026, 5, 31, 12) + timedelta(hours=n, seconds=17 * n * n) for n in range(24)]
    late = [moment + timedelta(hours=hours) for moment in moments]
    files: list[tuple[InputFile, dict[str, Any]]] = [
        (write(tmp_path, "proxy.csv", *(f"{one.isoformat()}Z,{1000 + n},9" for n, one in enumerate(moments))), {}),
        (write(tmp_path, "trace.csv", *(f"{one.isoformat()}Z,{1000 + n},9" for n, one in enumerate(late)),
               head=OTHER_HEAD), OTHER),
    ]  # fmt: skip
    root = tmp_path / "data"
    mapped = [(file, CallMapping(**PLAIN | how)) for file, how in files]
    import_files(mapped, root)
    assert {state for state, _ in count_tokens(root)} == {"UNRECONCILED"}
    import_files([mapped[newer]], root, Decisions(supersedes=(files[1 - newer][0].name,)))
    found = count_tokens(root)
    assert {state for state, _ in found} == {"COMPLETE"}
    assert sum(tokens or 0 for _, tokens in found) == sum(range(1000, 1024))  # each of the 24 calls once


def test_two_logs_of_many_calls_that_are_others_are_not_asked_about_for_one_at_the_edge(tmp_path: Path) -> None:
    # of two applications, each asked every minute of two days with lengths of its own; at the edge by chance as long
    start, root = datetime(2026, 5, 31), tmp_path / "data"
    one = [f"{(start + timedelta(minutes=n, milliseconds=-10)).isoformat()}Z,{1000 + n},9" for n in range(2880)]
    two = [f"{(start + timedelta(minutes=n, milliseconds=15)).isoformat()}Z,{2440 if n == 1440 else n + 9000},9"
           for n in range(2880)]  # fmt: skip
    files = [(write(tmp_path, "proxy.csv", *one), CallMapping(**PLAIN)),
             (write(tmp_path, "trace.csv", *two, head=OTHER_HEAD), CallMapping(**PLAIN | OTHER))]  # fmt: skip
    import_files(files, root)
    assert [state for state, _ in count_tokens(root)] == ["COMPLETE", "COMPLETE"]


@pytest.mark.parametrize("few", [3, 20])
def test_calls_of_two_applications_that_are_as_long_are_at_no_one_distance(tmp_path: Path, few: int) -> None:
    one, two = draw_calls(TEMPLATE, 3, 1), draw_calls(TEMPLATE, 4, 1)[:few]
    first, second = write(tmp_path, "one.csv", *one), write(tmp_path, "two.csv", *two, head=OTHER_HEAD)
    assert bring(tmp_path / "data", (first, {}), (second, OTHER)).certificate.state is State.COMPLETE


def draw_calls(lengths: list[tuple[int, int]], seed: int, every: int, late: int = 0) -> list[str]:
    """100 calls of a day at multiples of `every` seconds, each of one of the lengths, `late` milliseconds later."""
    draw, rows = random.Random(seed), []
    for _ in range(100):
        moment = START + timedelta(seconds=draw.randrange(0, 86_400, every), milliseconds=draw.randrange(500) + late)
        rows.append("{}Z,{},{}".format(moment.isoformat(timespec="milliseconds"), *draw.choice(lengths)))
    return rows


WIDE = [(prompt, out) for prompt in range(100, 4000, 7) for out in range(5, 400, 11)]
TEMPLATE = [(400 + more, out) for more in (0, 0, 0, 5, 9, 12) for out in (1, 1, 2, 3)]


@pytest.mark.parametrize("every", [1, 60])  # at any time, or by the minute
@pytest.mark.parametrize("lengths", [WIDE, TEMPLATE])
def test_a_fifth_of_the_calls_in_the_logs_of_two_systems_is_asked_about_and_as_long_calls_of_two_applications_are_not(
    tmp_path: Path, lengths: list[tuple[int, int]], every: int
) -> None:
    one, two = draw_calls(lengths, 1, every), draw_calls(lengths, 2, every)
    first, second = write(tmp_path, "one.csv", *one), write(tmp_path, "two.csv", *two, head=OTHER_HEAD)
    done = bring(tmp_path / "honest", (first, {}), (second, OTHER)).certificate
    assert (done.state, done.rows) == (State.COMPLETE, 200)
    late = draw_calls(lengths, 1, every, late=400)[:20]
    again = write(tmp_path, "again.csv", *late, *two[20:], head=OTHER_HEAD)  # 180 calls, not 200
    check_open(bring(tmp_path / "data", (first, {}), (again, OTHER)), "20 calls of again.csv")
    assert bring(tmp_path / "data", (again, OTHER), distinct=True).certificate.state is State.COMPLETE


@pytest.mark.parametrize("swapped", [False, True])
def test_a_log_need_not_say_through_which_seller_its_calls_went(tmp_path: Path, swapped: bool) -> None:
    sold = {"proxy": "openrouter", "amount_in_usd": "usd"}
    day = write(tmp_path, "day.csv", "2026-05-15T00:00:00Z,1000,100,0.01", head="time,in,out,usd")  # one call, not two
    log = write(tmp_path, "log.csv", "2026-05-15T10:00:00.003Z,1000,100")
    files = [(day, DAY | sold), (log, {"model": "openai/gpt-4o"})]
    check_open(bring(tmp_path / "data", *(files[::-1] if swapped else files)), "day.csv", "log.csv")
    lite = write(tmp_path, "lite.csv", "2026-05-15T10:00:00.003Z,1000,100,0.01", head="time,in,out,usd")
    named = {"model": "openrouter/openai/gpt-4o", "provider": LlmProvider.UNKNOWN, "amount_in_usd": "usd"}
    check_open(bring(tmp_path / "lite", files[0], (lite, named)), "day.csv", "lite.csv")
    makers_day = (write(tmp_path, "maker.csv", "2026-05-15T00:00:00Z,500,5"), DAY)  # of OpenAI, whose keys are others
    done = bring(tmp_path / "two", files[0], makers_day).certificate
    assert (done.state, done.prompt_tokens) == (State.COMPLETE, 1500)
    later = write(tmp_path, "later.csv", "2026-05-16T10:00:00.003Z,1000,100")
    assert bring(tmp_path / "three", files[0], (later, {})).certificate.state is State.COMPLETE


@pytest.mark.parametrize("how", [{}, DAY])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_maker_counts_what_went_over_a_seller_by_the_company_s_own_key(
    tmp_path: Path, swapped: bool, how: dict[str, Any]
) -> None:
    sold = how | {"proxy": "openrouter", "cost": "fee", "amount_in_usd": "fee + own"}
    head, start = "time,in,out,fee,own", "2026-05-15T00:00:00.0Z,1000,100"
    maker = (write(tmp_path, "maker.csv", start), DAY)
    own = (write(tmp_path, "own.csv", f"{start},0.0001,0.0035", head=head), sold)  # 0.0036 in all, not 0.0071
    check_open(bring(tmp_path / "data", *((maker, own) if swapped else (own, maker))), "maker.csv", "own.csv")
    sellers = (write(tmp_path, "sellers.csv", f"{start},0.0035,0", head=head), sold)  # by the seller's key
    done = bring(tmp_path / "other", *((maker, sellers) if swapped else (sellers, maker))).certificate
    assert (done.state, done.prompt_tokens) == (State.COMPLETE, 2000)


def test_replacing_by_another_project_s_file_of_the_same_name_asks(tmp_path: Path) -> None:
    first = write(tmp_path, "p1/usage.csv", "2026-05-14T10:00:00Z,1000,0")
    second = write(tmp_path, "p2/usage.csv", "2026-05-15T10:00:00Z,5,0")
    bring(tmp_path / "data", (first, {}))
    with pytest.raises(BadParameter, match="would drop usage.csv of 2026-05"):
        bring(tmp_path / "data", (second, {}), replace_months=True)
    assert load_usage(Month(2026, 5), tmp_path / "data").certificate.rows == 1
    longer = write(tmp_path, "p3/usage.csv", "2026-05-14T10:00:00Z,900,0", "2026-05-15T10:00:00Z,5,0")
    done = bring(tmp_path / "data", (longer, {}), replace_months=True).certificate
    assert (done.state, done.prompt_tokens) == (State.COMPLETE, 905)  # corrected, and with more: nothing is lost


@pytest.mark.parametrize("stored_before", [False, True])
def test_a_file_does_not_supersede_itself(tmp_path: Path, stored_before: bool) -> None:
    file = write(tmp_path, "b.csv", "2026-05-15T00:00:00Z,1000,0")
    if stored_before:
        bring(tmp_path / "data", (file, {}))
    why = "was imported before, by the same columns" if stored_before else "is not imported yet"
    with pytest.raises(BadFile, match=f"^b.csv cannot supersede itself: it {why}. Leave --supersedes out, or name the"):
        bring(tmp_path / "data", (file, {}), supersedes=("b.csv",))


def test_which_columns_a_file_might_lack_does_not_make_it_another(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "2026-05-15T00:00:00Z,1000,0")
    first = bring(tmp_path / "data", (file, {}))
    again = bring(tmp_path / "data", (file, {"optional": ("in",), "preset": "openai-usage"}))
    assert (again.added_rows, again.certificate.prompt_tokens) == (0, first.certificate.prompt_tokens)


def test_a_preset_that_reads_otherwise_than_before_says_how_to_read_anew(tmp_path: Path) -> None:
    file, preset = write(tmp_path, "a.csv", "2026-05-15T00:00:00Z,1000,0"), {"preset": "openai-usage"}
    bring(tmp_path / "data", (file, preset))
    sentence = (
        "^a.csv is stored in 2026-05 already, as an older flexlib read openai-usage; leave it out to keep that, "
        "or import it with --supersedes a.csv to read it anew.$"
    )
    with pytest.raises(BadFile, match=sentence):
        bring(tmp_path / "data", (file, preset | DAY))
    done = bring(tmp_path / "data", (file, preset | DAY), supersedes=("a.csv",)).certificate
    assert (done.state, done.prompt_tokens) == (State.COMPLETE, 1000)


def test_a_log_that_says_the_standard_tier_where_it_said_none_says_the_same(tmp_path: Path) -> None:
    head, how = "time,in,out,id,tier", {"request_id": "id"}
    old = write(tmp_path, "old.csv", "2026-05-15T10:00:00.1Z,1000,0,a", head="time,in,out,id")
    new = write(
        tmp_path,
        "new.csv",
        "2026-05-15T10:00:00.1Z,1000,0,a,standard",
        "2026-05-15T10:00:00.2Z,500,0,b,batch",
        head=head,
    )
    bring(tmp_path / "data", (old, how | {"optional": ("x",)}))
    done = bring(tmp_path / "data", (new, how | {"tier": "tier"})).certificate
    assert done.prompt_tokens == 1500
    batch = write(tmp_path, "batch.csv", "2026-05-15T10:00:00.1Z,1000,0,a,batch", head=head)  # half the price
    with pytest.raises(BadFile, match="batch.csv says something else than old.csv of 1 call of the same id"):
        bring(tmp_path / "data", (batch, how | {"tier": "tier"}))


def pack_origins(*files: int) -> bytes:
    pq.write_table(pa.table({"file": pa.array(files, pa.int32())}), packed := io.BytesIO())
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("origins.parquet", lambda _: b"junk"),
        ("origins.parquet", lambda _: pack_origins(0, 0, 0, 0)),  # as many rows as there are, of another file
        ("raw/answers.jsonl.gz", lambda whole: whole[:-9]),
        ("raw/answers.jsonl.gz", lambda _: b"junk"),
        ("people.json", lambda _: b"junk"),
        ("people.json", lambda _: b"[1]"),
    ],
)
def test_a_stored_file_that_was_spoilt_is_named_and_nothing_is_built_on_it(
    name: str, spoil: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    days = [write(tmp_path, f"{day}.csv", f"2026-05-{day}T00:00:00Z,{day}000,1", f"2026-05-{day}T00:00:00Z,x,1")
            for day in (15, 16, 17)]  # fmt: skip
    bring(tmp_path / "data", (days[0], DAY), (days[1], DAY))
    stored = load_usage(Month(2026, 5), tmp_path / "data", "import")
    (file := stored.path / name).write_bytes(spoil(file.read_bytes() if file.exists() else b""))
    with pytest.raises(SnapshotChanged, match=rf"{name} cannot be read .*: it was changed or damaged; move .* away"):
        bring(tmp_path / "data", (days[2], DAY))
    assert load_usage(Month(2026, 5), tmp_path / "data", "import") == stored


def test_calls_whose_ids_the_newer_file_lacks_are_not_dropped_unless_somebody_says_so(tmp_path: Path) -> None:
    how, times = {"request_id": "id"}, ("10:00", "10:01", "10:02")
    old = write(tmp_path, "old.csv", *(f"c{t},2026-05-15T{t}:00Z,7,1" for t in times), head="id,time,in,out")
    rows = (f"c{t},2026-05-15T{t}:00Z,7,2" for t in (times[0], times[2]))  # without the one at 10:01
    new = write(tmp_path, "new.csv", *rows, head="id,time,in,out")
    bring(tmp_path / "data", (old, how))
    with pytest.raises(BadParameter, match=r"would drop 1 call whose ids the newer files do not have; add --yes"):
        bring(tmp_path / "data", (new, how), supersedes=("old.csv",))
    done = bring(tmp_path / "data", (new, how), supersedes=("old.csv",), drops_others=True).certificate
    assert (done.state, done.rows, done.completion_tokens) == (State.COMPLETE, 2, 4)


def test_of_two_session_files_that_share_a_call_the_older_gives_way_with_that_call_alone(tmp_path: Path) -> None:
    how = {"request_id": "id", "repeated": "last"}
    old = write(tmp_path, "s1.jsonl.csv", "m1,2026-05-15T10:30:00Z,7,1", *_list_own("a"), head="id,time,in,out")
    new = write(tmp_path, "s2.jsonl.csv", "m1,2026-05-15T10:30:00Z,7,9", *_list_own("b"), head="id,time,in,out")
    with pytest.raises(BadFile, match=r"import both with --supersedes s1\.jsonl\.csv, or s2\.jsonl\.csv if"):
        bring(tmp_path / "data", (old, how), (new, how))
    done = bring(tmp_path / "data", (old, how), (new, how), supersedes=("s1.jsonl.csv",)).certificate
    # 20 + 20 calls of 100 / 10 tokens, and m1 as the newer file has it.
    assert (done.state, done.rows, done.prompt_tokens, done.completion_tokens) == (State.COMPLETE, 41, 4007, 409)
    again = bring(tmp_path / "data", (old, how), (new, how)).certificate
    assert (again.rows, again.completion_tokens) == (41, 409)


@pytest.mark.parametrize("is_named_alike", [False, True])
def test_a_call_that_a_log_ends_in_the_next_month_is_that_month_s_once_the_newer_file_supersedes_the_older(
    tmp_path: Path, is_named_alike: bool
) -> None:
    how, head = {"request_id": "id", "repeated": "last"}, "id,time,in,out"
    rows = ["m1,2026-05-31T23:59:59Z,100,1", "m2,2026-05-31T10:00:00Z,20,2", "m1,2026-06-01T00:00:10Z,100,10000"]
    names = ("a/log.csv", "b/log.csv" if is_named_alike else "new.csv")
    old, new = (write(tmp_path, name, *rows[: n + 2], head=head) for n, name in enumerate(names))
    root, name = tmp_path / "data", old.name
    bring(root, (old, how))
    bring_all = partial(import_files, [(new, CallMapping(**PLAIN | how))], root)
    assert [one.certificate.state for one in bring_all()] == [State.COMPLETE, State.COMPLETE]
    june = load_month_usage(JUNE, root)
    assert (june.state, june.same_ids) == (State.UNRECONCILED, 1)
    assert june.list_problems()[0].endswith("of a log that grew, the newer file with --supersedes of the older one.")
    assert [one.certificate.completion_tokens for one in bring_all(Decisions(supersedes=(name,)))] == [2, 10000]
    assert [one.certificate.completion_tokens for one in bring_all()] == [2, 10000]
    states = {load_month_usage(month, root).state for month in (MAY, JUNE)}
    assert states == {State.COMPLETE}


def test_of_two_logs_the_one_that_says_less_of_a_call_is_not_taken_for_the_newer(tmp_path: Path) -> None:
    how, head = {"request_id": "id", "repeated": "last"}, "id,time,in,out"
    old = write(tmp_path, "old.csv", "m1,2026-05-31T23:59:59Z,100,1", head=head)
    new = write(tmp_path, "new.csv", "m1,2026-06-01T00:00:10Z,100,10000", head=head)
    for file in (old, new):
        bring(tmp_path / "data", (file, how))
    with pytest.raises(BadParameter, match="would drop calls of gpt-4o on 2026-06-01"):
        bring(tmp_path / "data", (old, how), supersedes=("new.csv",))


def _list_own(letter: str) -> list[str]:
    return [f"{letter}{minute},2026-05-15T10:{minute:02d}:10Z,100,10" for minute in range(20)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), None])
def test_a_call_in_one_file_made_in_a_call_of_another_may_be_the_same(
    tmp_path: Path, order: tuple[int, int] | None
) -> None:
    how = {"request_id": "id", "parent_id": "parent", "where": ("type=call",)}
    head = "time,in,out,id,parent,type"
    outer = write(tmp_path, "outer.csv", "2026-05-03T10:00:00Z,1000,100,o1,,call", head=head)
    inner = write(tmp_path, "inner.csv", "2026-05-03T10:00:01Z,1000,100,o2,o1,call", head=head)
    other = write(tmp_path, "other.csv", "2026-05-03T10:00:01Z,5000,900,o3,o1,call", head=head)  # more than o1: no part
    third = write(tmp_path, "third.csv", "2026-05-04T10:00:01Z,1,1,o4,,call", head=head)
    root, files = tmp_path / "data", [(outer, how), (inner, how)]
    assert bring(root, files[0], (other, how)).certificate.state is State.COMPLETE
    root = tmp_path / "again"
    found = [bring(root, files[n]) for n in order][-1] if order else bring(root, *files)
    first, last = (files[n][0].name for n in order or (0, 1))
    check_open(found, f"1 row of {last} may repeat calls in {first}")  # 1,000 tokens, or 2,000
    check_open(bring(root, (third, how)), f"1 row of {last} may repeat calls in {first}")
    decided = bring(root, files[(order or (0, 1))[-1]], distinct=True).certificate
    assert (decided.state, decided.prompt_tokens) == (State.COMPLETE, 2001)


@pytest.mark.parametrize(("order", "told"), [((0, 1), "20 rows of inner.csv may"), ((1, 0), "1 row of outer.csv may")])
def test_the_rows_of_the_file_that_is_given_are_counted_and_not_those_in_them(
    tmp_path: Path, order: tuple[int, int], told: str
) -> None:
    how, head = {"request_id": "id", "parent_id": "parent"}, "time,in,out,id,parent"
    made = [f"2026-05-03T10:00:{nth:02}Z,50,5,i{nth},o1" for nth in range(1, 21)]
    outer = write(tmp_path, "outer.csv", "2026-05-03T10:00:00Z,1000,100,o1,", head=head)
    files = outer, write(tmp_path, "inner.csv", *made, head=head)
    check_open([bring(tmp_path / "data", (files[place], how)) for place in order][-1], told)


def test_a_call_that_has_by_chance_as_long_an_answer_as_one_in_it_is_a_call_of_its_own_where_somebody_says_so(
    tmp_path: Path,
) -> None:
    how = {"request_id": "id", "parent_id": "parent"}
    rows = "2026-05-03T10:00:00Z,1000,1,o1,", "2026-05-03T10:00:01Z,1500,1,o2,o1"
    both = write(tmp_path, "both.csv", *rows, head="time,in,out,id,parent")
    assert bring(tmp_path / "data", (both, how)).certificate.state is State.GAP
    for distinct in (True, False):  # it is not asked again
        done = bring(tmp_path / "data", (both, how), distinct=distinct).certificate
        assert (done.state, done.prompt_tokens) == (State.COMPLETE, 2500)


@pytest.mark.parametrize("named", [0, 1])
@pytest.mark.parametrize("lengths", [(5, 1000), (1000, 5)])
def test_of_an_answer_in_two_session_files_the_greater_count_holds_whichever_file_is_named_older(
    tmp_path: Path, lengths: tuple[int, int], named: int
) -> None:
    how = {"request_id": "id", "repeated": "last"}
    rows = [[f"m1,2026-05-15T10:30:00Z,7,{out}", f"o{out},2026-05-15T11:00:00Z,1,1"] for out in lengths]
    files = [write(tmp_path, f"s{n}.csv", *lines, head="id,time,in,out") for n, lines in enumerate(rows)]
    bring(tmp_path / "data", (files[named], how))
    done = bring(tmp_path / "data", (files[1 - named], how), supersedes=(files[named].name,)).certificate
    assert (done.state, done.rows, done.completion_tokens) == (State.COMPLETE, 3, 1002)
