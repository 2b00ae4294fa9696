"""Calls that are recorded and imported, under two ids: told where clocks, zones or names differ, and where sums do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spend_samples import OCTOBER, SEPTEMBER, call, store

from flexlib.certificate import State
from flexlib.dates import Month
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.store.origins import ORIGINS

Row = dict[str, Any]
COUNT = 200
TOLD = (
    "calls of traces.csv in 2025-09 may be recorded, too, by a clock, a time zone or a name of the model that differs"
)
SUMMED = "rows of days.csv in 2025-09 sum calls of times in which calls of those models are recorded"


def draw_calls(seed: int, prefix: str, days: tuple[int, int] = (1, 30)) -> list[Row]:
    """Calls of US$ 1 each, of lengths that seldom come twice, at any moment of the days."""
    random = Random(seed)
    first, last = (datetime(2025, 9, day) for day in days)
    made = []
    for number in range(COUNT):
        moment = first + (last - first) * random.random() + timedelta(hours=12)
        row = call(f"{prefix}{number}", moment.isoformat(timespec="milliseconds"), "1")
        made.append(row | {"prompt_tokens": random.randrange(10, 9000), "completion_tokens": random.randrange(1, 900)})
    return [row | {"total_tokens": row["prompt_tokens"] + row["completion_tokens"]} for row in made]


def log_again(calls: list[Row], **changes: Any) -> list[Row]:  # noqa: ANN401
    """The same calls, as a log has them that gives ids of its own."""
    return [row | {"id": f"t{row['id']}"} | changes for row in calls]


def move(calls: list[Row], seconds: float) -> list[Row]:
    return [row | {"created_at": row["created_at"] + timedelta(seconds=seconds)} for row in calls]


def bring(root: Path, month: Month, imported: list[Row], **said: Any) -> None:  # noqa: ANN401
    file = {"name": "traces.csv", "sha256": "0" * 64, "rows": len(imported), "quarantined": 0, "mapping": {}} | said
    store(root, "import", month, *imported, files=(file,))


def load(root: Path, recorded: list[Row], imported: list[Row], **said: Any) -> MonthUsage:  # noqa: ANN401
    store(root, "ledger", SEPTEMBER, *recorded)
    bring(root, SEPTEMBER, imported, **said)
    return load_month_usage(SEPTEMBER, root)


@pytest.mark.parametrize(
    ("again", "count"),
    [
        (lambda calls: move(calls, 0.3), COUNT),
        (lambda calls: move(calls, -0.9), COUNT),
        (lambda calls: move(calls, 3 * 3600), COUNT),  # another zone's clock
        (lambda calls: [row | {"model": "gpt-4o-2024-08-06"} for row in calls], COUNT),
        (lambda calls: [row | {"model": "openai/gpt-4o"} for row in calls], COUNT),
        (lambda calls: [row | {"created_at": row["created_at"].replace(microsecond=0)} for row in calls], COUNT),
        (lambda calls: move(calls[: COUNT // 10], 0.3), COUNT // 10),  # of some of them alone
        (lambda calls: [*move(calls[COUNT // 2 :], 0.3), *draw_calls(3, "n", (16, 30))], COUNT // 2),
        (lambda calls: [*move(calls[: COUNT // 2], 3 * 3600), *draw_calls(3, "n")], COUNT // 2),
        (lambda calls: [*move(calls[30:], 3 * 3600), *draw_calls(3, "n")[:30]], COUNT - 30),
        (lambda calls: [*move(calls[: COUNT // 10], -3 * 3600), *draw_calls(3, "n")], COUNT // 10),
    ],
    ids=[
        "300 ms",
        "-900 ms",
        "3 h",
        "dated name",
        "seller's name",
        "whole seconds",
        "a tenth",
        "half, and others",
        "half in 3 h, and others",
        "most in 3 h, and others",
        "a tenth in -3 h, and others",
    ],
)
def test_a_log_of_recorded_calls_under_its_own_ids_leaves_the_month_unreconciled(
    tmp_path: Path, again: Callable[[list[Row]], list[Row]], count: int
) -> None:
    calls = draw_calls(1, "r")
    calls.sort(key=lambda row: row["created_at"])
    usage = load(tmp_path, calls, log_again(again(calls)))
    (said,) = usage.possible_duplicates
    assert said.startswith(f"{count} {TOLD}")
    assert usage.state is State.UNRECONCILED


def shuffle(calls: list[Row]) -> list[Row]:
    """Calls that are as long, at the moments of others."""
    return [row | {"created_at": other["created_at"]} for row, other in zip(calls, draw_calls(5, "m"), strict=True)]


@pytest.mark.parametrize(
    "others",
    [
        draw_calls(2, "o"),
        shuffle(draw_calls(1, "r")),
        [*shuffle(draw_calls(1, "r"))[:100], *draw_calls(3, "n")[100:]],
        move(draw_calls(1, "r"), 1_000),
        [row | {"model": "gpt-5"} for row in draw_calls(1, "r")],
    ],
    ids=["other calls", "as long", "half as long", "at no zone's distance", "another model"],
)
def test_calls_of_another_application_are_others(tmp_path: Path, others: list[Row]) -> None:
    usage = load(tmp_path, draw_calls(1, "r"), log_again(others))
    assert (usage.state, usage.possible_duplicates) == (State.COMPLETE, ())


def test_calls_of_few_lengths_that_two_applications_make_by_the_minute_are_others(tmp_path: Path) -> None:
    """One in four is at the other's moment and as long, by chance, as it is where one is moved by a minute."""
    random = Random(7)
    recorded, imported = (
        [call(f"{name}{minute}", (datetime(2025, 9, 2) + timedelta(minutes=minute, milliseconds=late)).isoformat())
         | {"prompt_tokens": (tokens := random.choice([100, 200, 300, 400])), "total_tokens": tokens}
         for minute in range(2000)] for name, late in (("a", 15), ("b", 400))
    )  # fmt: skip
    assert load(tmp_path, recorded, imported).possible_duplicates == ()


def test_a_file_that_is_said_to_be_distinct_is_not_asked_about(tmp_path: Path) -> None:
    calls = draw_calls(1, "r")
    usage = load(tmp_path, calls, log_again(move(calls, 0.3)), distinct=True)
    assert (usage.state, usage.possible_duplicates) == (State.COMPLETE, ())


def test_what_is_of_no_known_file_is_asked_about_though_a_file_is_said_to_be_distinct(tmp_path: Path) -> None:
    """As an older flexlib stored a month of two files."""
    calls = draw_calls(1, "r")
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    file = {"name": "traces.csv", "sha256": "0" * 64, "rows": COUNT, "quarantined": 0, "mapping": {}, "distinct": True}
    store(tmp_path, "import", SEPTEMBER, *log_again(move(calls, 0.3)), files=(file, file | {"sha256": "1" * 64}))
    (said,) = load_month_usage(SEPTEMBER, tmp_path).possible_duplicates
    assert said.startswith(f"{COUNT} calls of imported files in 2025-09 may be recorded, too")


def test_calls_under_one_id_count_once_and_are_not_asked_about(tmp_path: Path) -> None:
    calls = draw_calls(1, "r")
    usage = load(tmp_path, calls, calls)
    assert (usage.state, usage.possible_duplicates, usage.count_rows()) == (State.COMPLETE, (), COUNT)


def sum_days(calls: list[Row], **changes: Any) -> Iterator[Row]:  # noqa: ANN401
    """A row a day, as a provider's own export has them."""
    days: dict[str, list[Row]] = {}
    for row in calls:
        days.setdefault(row["created_at"].date().isoformat(), []).append(row)
    for day, rows in days.items():
        tokens = {
            name: sum(row[name] for row in rows) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        }
        usd = str(sum((row["amount_in_usd"] for row in rows), Decimal(0)))
        yield call(f"d{day}", day, usd) | tokens | {"grain": "day", "requests": len(rows)} | changes


def test_a_providers_sums_of_days_in_which_its_calls_are_recorded_leave_the_month_unreconciled(tmp_path: Path) -> None:
    calls = draw_calls(1, "r", (1, 10))
    days = [*sum_days(calls), *sum_days(draw_calls(4, "x", (20, 29)))]
    met = len([*sum_days(calls)])
    usage = load(tmp_path, calls, days, name="days.csv")
    (said,) = usage.possible_duplicates
    assert said.startswith(f"{met} {SUMMED}")
    assert usage.state is State.UNRECONCILED


@pytest.mark.parametrize("changes", [{"model": "gpt-5"}, {"provider": "azure"}])
def test_sums_of_another_model_or_provider_are_others(tmp_path: Path, changes: dict[str, str]) -> None:
    calls = draw_calls(1, "r")
    usage = load(tmp_path, calls, [*sum_days(calls, **changes)])
    assert (usage.state, usage.possible_duplicates) == (State.COMPLETE, ())


def test_sums_of_days_on_which_nothing_is_recorded_are_others(tmp_path: Path) -> None:
    usage = load(tmp_path, draw_calls(1, "r", (1, 10)), [*sum_days(draw_calls(4, "x", (20, 29)))])
    assert (usage.state, usage.possible_duplicates) == (State.COMPLETE, ())


def to_last_evening(calls: list[Row], day: int = 30) -> list[Row]:
    """The same calls from nine in the evening on, at odd moments of each minute."""
    start = datetime(2025, 9, day, 21)
    return [row | {"created_at": start + timedelta(seconds=50 * n, milliseconds=n * n % 9973)}
            for n, row in enumerate(calls)]  # fmt: skip


def move_to_october(calls: list[Row]) -> list[Row]:
    """As calls of their own."""
    return [row | {"id": f"o{row['id']}"} for row in move(calls, 30 * 86_400)]


@pytest.mark.parametrize("has_ledger", [True, False])  # in October, too
def test_calls_that_another_zone_s_clock_puts_into_the_next_month_are_told_of_that(
    tmp_path: Path, has_ledger: bool
) -> None:
    calls = to_last_evening(draw_calls(1, "r"))
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    bring(tmp_path, SEPTEMBER, draw_calls(6, "z", (5, 20)))
    bring(tmp_path, OCTOBER, log_again(move(calls, 3 * 3600)))
    if has_ledger:
        store(tmp_path, "ledger", OCTOBER, *move_to_october(draw_calls(9, "k", (5, 20))))
    assert load_month_usage(SEPTEMBER, tmp_path).possible_duplicates == ()
    (said,) = load_month_usage(OCTOBER, tmp_path).possible_duplicates
    assert said.startswith(f"{COUNT} {TOLD.replace('-09', '-10')}")


def test_calls_of_another_application_beyond_the_edge_are_others(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, *to_last_evening(draw_calls(1, "r")))
    others = shuffle(draw_calls(1, "o"))
    others = [row | {"created_at": datetime(2025, 10, 1) + (row["created_at"] - datetime(2025, 9, 1)) / 150}
              for row in others]  # fmt: skip
    bring(tmp_path, OCTOBER, others)
    assert load_month_usage(OCTOBER, tmp_path).possible_duplicates == ()


@pytest.mark.parametrize(("late", "told"), [(False, ()), (True, (COUNT // 2, "traces.csv"))])
def test_the_month_of_another_zone_is_told_of_its_own_calls_alone(
    tmp_path: Path, late: bool, told: tuple[int | str, ...]
) -> None:
    """Of October's first hours, until three, Santiago's September has some."""
    store(tmp_path, "ledger", SEPTEMBER, *draw_calls(5, "q", (5, 20)))
    bring(tmp_path, SEPTEMBER, draw_calls(6, "z", (5, 20)))
    calls = move_to_october(draw_calls(1, "r", (5, 20)))
    if late:
        calls[: COUNT // 2] = move(to_last_evening(calls[: COUNT // 2]), 3.5 * 3600)
    store(tmp_path, "ledger", OCTOBER, *calls)
    bring(tmp_path, OCTOBER, log_again(move(calls, 0.3)))
    usage = load_month_usage(SEPTEMBER, tmp_path, zone="America/Santiago")
    assert tuple((one.calls, one.file) for one in usage.recorded_twice) == ((told,) if told else ())
    assert usage.state is (State.UNRECONCILED if told else State.COMPLETE)
    assert load_month_usage(OCTOBER, tmp_path).recorded_twice[0].calls == COUNT


@pytest.mark.parametrize("is_distinct", [False, True])
def test_calls_at_the_moments_of_recorded_ones_are_told_by_their_file_and_not_if_it_is_distinct(
    tmp_path: Path, is_distinct: bool
) -> None:
    calls = sorted(draw_calls(1, "r"), key=lambda row: row["created_at"])
    again = log_again([*calls[:80], *move(calls[80:], 0.3)])
    usage = load(tmp_path, calls, again, distinct=is_distinct)
    assert [said.split(" may be")[0] for said in usage.possible_duplicates] == (
        [] if is_distinct else [f"{COUNT} calls of traces.csv in 2025-09"]
    )
    assert usage.state is (State.COMPLETE if is_distinct else State.UNRECONCILED)


def test_one_call_at_the_moment_of_a_recorded_one_is_told_though_its_file_shares_no_more(tmp_path: Path) -> None:
    """Chance would give one in a second, and not in a millisecond."""
    calls = draw_calls(1, "r")
    usage = load(tmp_path, calls, [*log_again(calls[:1]), *draw_calls(2, "o")])
    assert len(usage.possible_duplicates) == 1


def test_what_is_said_to_be_distinct_later_is_not_asked_about_though_it_was_before(tmp_path: Path) -> None:
    """What was found once is kept while the process lives, for that version and what is said of its files."""
    calls = draw_calls(1, "r")
    states = [load(tmp_path, calls, log_again(move(calls, 0.3)), distinct=said).state for said in (False, True, False)]
    assert states == [State.UNRECONCILED, State.COMPLETE, State.UNRECONCILED]


def test_a_month_that_is_made_anew_in_its_place_is_asked_about_anew(tmp_path: Path) -> None:
    """As a data folder that is restored under a kernel which goes on: the path of a version does not tell."""
    recorded, others = draw_calls(1, "r"), draw_calls(2, "o")
    imported = sorted([*move(log_again(recorded), 0.3), *others], key=lambda row: row["created_at"])
    files = tuple({"name": name, "sha256": name[0] * 64, "rows": COUNT, "quarantined": 0, "mapping": {}} | said
                  for name, said in (("traces.csv", {}), ("own.csv", {"distinct": True})))  # fmt: skip
    store(tmp_path, "ledger", SEPTEMBER, *recorded)
    store(tmp_path, "import", SEPTEMBER, *imported, files=files)
    (version,) = (path for path in (tmp_path / "usage/2025-09/import").iterdir() if path.is_dir())
    found = []
    for shared in (1, 0):  # the file that has the recorded calls
        places = [shared if row["id"].startswith("tr") else 1 - shared for row in imported]
        pq.write_table(pa.table({"file": pa.array(places, pa.int32())}), version / ORIGINS)
        found.append([one.calls for one in load_month_usage(SEPTEMBER, tmp_path).recorded_twice])
    assert found == [[], [COUNT]]
