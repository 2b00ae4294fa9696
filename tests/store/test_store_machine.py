"""Whatever is done to a folder of months, in any order: the newest whole version is the month, and none changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from credits_samples import certify, make_rows
from harness import ONE_EXAMPLE_IN
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from stored import write_snapshot
from victims import Victims, start_victims

from flexlib.dates import Month
from flexlib.errors import AlreadyRunning, DiskFailed, SnapshotMissing
from flexlib.store.snapshots import find_snapshot, list_snapshots, load_credits, lock_month

MONTHS = (Month(2025, 9), Month(2025, 10))
FLEX = st.lists(st.integers(0, 10**6), max_size=4)

Version = tuple[int, ...]
"""The flex credits of its days."""


class StoreModel:
    """The law: what was written whole is there in the order of writing, and nothing else."""

    def __init__(self) -> None:
        self.versions: dict[Month, list[Version]] = {month: [] for month in MONTHS}

    def write(self, month: Month, flex: Version) -> None:
        self.versions[month].append(flex)

    def break_off(self, month: Month, flex: Version) -> None:
        """Half a version is none."""


class StoreMachine(RuleBasedStateMachine):
    """Every step is done to the folder and to the model, and then they are compared."""

    def __init__(self, root: Path, victims: Victims, model: StoreModel) -> None:
        super().__init__()
        self.root, self.victims, self.model = root, victims, model
        self.files: dict[Path, bytes] = {}
        """Every file of every version, as it was first seen."""
        self.held: dict[Month, ExitStack] = {}

    def teardown(self) -> None:
        for stack in self.held.values():
            stack.close()

    @rule(month=st.sampled_from(MONTHS), flex=FLEX)
    def write(self, month: Month, flex: list[int]) -> None:
        if month in self.held:
            with pytest.raises(AlreadyRunning), lock_month("credits", month, self.root):
                pass
            return
        rows = make_rows(month, *flex)
        with lock_month("credits", month, self.root):
            stored = write_snapshot(rows, certify(month, rows), ["one", "two"], {}, self.root)
        self.model.write(month, tuple(flex))
        assert stored.frame["flex_credits"].tolist() == flex

    @rule(month=st.sampled_from(MONTHS), flex=FLEX)
    def write_on_a_full_disk(self, month: Month, flex: list[int]) -> None:
        def break_off() -> Iterator[str]:
            yield "one"
            raise OSError(28, "No space left on device")

        rows = make_rows(month, *flex)
        with pytest.raises(DiskFailed):
            write_snapshot(rows, certify(month, rows), break_off(), {}, self.root)
        self.model.break_off(month, tuple(flex))

    @precondition(lambda self: len(self.held) < len(MONTHS))
    @rule(number=st.integers(0, 1), flex=FLEX, lines=st.sampled_from([0, 1, 50_000]))
    def kill_a_run_that_writes(self, number: int, flex: list[int], lines: int) -> None:
        free = [month for month in MONTHS if month not in self.held]
        month = free[number % len(free)]
        self.victims.write_and_die(self.root, str(month), flex, lines)
        self.model.break_off(month, tuple(flex))
        assert [path.name for path in (self.root / "credits" / str(month)).glob(".ingesting/version")], (
            "killed half-way"
        )

    @precondition(lambda self: len(self.held) < len(MONTHS))
    @rule(number=st.integers(0, 1))
    def another_run_takes_a_month(self, number: int) -> None:
        free = [month for month in MONTHS if month not in self.held]
        month = free[number % len(free)]
        self.held[month] = ExitStack()
        self.held[month].enter_context(self.victims.hold(self.root, str(month)))

    @precondition(lambda self: self.held)
    @rule()
    def the_run_that_holds_a_month_is_killed(self) -> None:
        self.held.popitem()[1].close()

    @invariant()
    def the_folder_is_the_model(self) -> None:
        for month, versions in self.model.versions.items():
            found = list_snapshots("credits", month, self.root)
            rows = [tuple(pq.read_table(one.parquet)["flex_credits"].to_pylist()) for one in found]
            assert rows == versions
            assert [one.certificate.rows for one in found] == [len(flex) for flex in versions]
            if versions:
                assert load_credits(month, self.root) == find_snapshot("credits", month, self.root) == found[-1]
            else:
                with pytest.raises(SnapshotMissing):
                    load_credits(month, self.root)
            for path in (path for one in found for path in sorted(one.path.rglob("*")) if path.is_file()):
                self.files.setdefault(path, path.read_bytes())
        assert {path: path.read_bytes() for path in self.files} == self.files


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with start_victims() as started:
        yield started


@pytest.fixture
def make_root(tmp_path: Path) -> Callable[[], Path]:
    numbers = count()
    return lambda: tmp_path / str(next(numbers))


def run(make_root: Callable[[], Path], victims: Victims, examples: int, steps: int) -> None:
    profile = settings(
        max_examples=max(examples // ONE_EXAMPLE_IN, 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine: Any = lambda: StoreMachine(make_root(), victims, StoreModel())  # noqa: E731 (typed as a class)
    run_state_machine_as_test(machine, settings=profile)


def test_a_folder_holds_what_a_list_would(make_root: Callable[[], Path], victims: Victims) -> None:
    run(make_root, victims, examples=15, steps=15)


@pytest.mark.heavy
def test_a_folder_holds_what_a_list_would_through_long_histories(
    make_root: Callable[[], Path], victims: Victims
) -> None:
    run(make_root, victims, examples=25, steps=50)


class HalfIsAVersion(StoreModel):
    """What a run that was killed had written would count."""

    def break_off(self, month: Month, flex: Version) -> None:
        self.write(month, flex)


class OldestIsTheMonth(StoreModel):
    """A new version would stand behind the old ones."""

    def write(self, month: Month, flex: Version) -> None:
        self.versions[month].insert(0, flex)


class EqualIsTheSame(StoreModel):
    """A version with the rows of the one before would be no version."""

    def write(self, month: Month, flex: Version) -> None:
        if self.versions[month][-1:] != [flex]:
            super().write(month, flex)


class OneMonthForAll(StoreModel):
    """The months would share their versions."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = dict.fromkeys(MONTHS, self.versions[MONTHS[0]])


@pytest.mark.parametrize("law", [StoreModel, HalfIsAVersion, OldestIsTheMonth, EqualIsTheSame, OneMonthForAll])
def test_a_folder_that_did_otherwise_would_be_found_out(
    law: type[StoreModel], make_root: Callable[[], Path], victims: Victims
) -> None:
    machine = StoreMachine(make_root(), victims, law())
    with nullcontext() if law is StoreModel else pytest.raises(AssertionError):
        for flex in ([1], [1], [2, 3]):
            machine.write(MONTHS[0], flex)
            machine.the_folder_is_the_model()
        machine.kill_a_run_that_writes(0, [4], 1)
        machine.the_folder_is_the_model()
        machine.another_run_takes_a_month(0)
        machine.write(MONTHS[0], [5])
        machine.the_folder_is_the_model()
        machine.the_run_that_holds_a_month_is_killed()
        machine.write(MONTHS[0], [5])
        machine.the_folder_is_the_model()
    machine.teardown()


def test_a_version_that_somebody_changed_would_be_found_out(make_root: Callable[[], Path], victims: Victims) -> None:
    machine = StoreMachine(make_root(), victims, StoreModel())
    machine.write(MONTHS[0], [1])
    machine.the_folder_is_the_model()
    machine.write(MONTHS[0], [2])
    (first, _) = list_snapshots("credits", MONTHS[0], machine.root)
    (first.path / "people.json").write_text("{ }")
    with pytest.raises(AssertionError):
        machine.the_folder_is_the_model()
