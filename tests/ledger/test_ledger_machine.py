"""Whatever is done to a ledger, in any order, it holds what a plain dictionary would: no call lost, none twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from shutil import copy
from typing import Any

import pyarrow.parquet as pq
import pytest
from databases import Postgresql
from genai_prices.data import providers
from harness import ONE_EXAMPLE_IN
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_model import DAYS, KINDS, Entry, LedgerModel, Row, add, make_call
from victims import Victims, start_victims

from flexlib.certificate import State, UsageCertificate
from flexlib.dates import Month
from flexlib.ingest.ledger import close_month
from flexlib.ledger import ConflictingUsage, Ledger, UsageQuery, open_ledger, record_many, record_usage
from flexlib.ledger.record.changing import fill_amounts, reprice_month
from flexlib.ledger.record.record import build_record
from flexlib.ledger.record.writing import insert_records, make_room, open_transaction
from flexlib.money.fx import Rate
from flexlib.money.price_book import PriceBook, build_book
from flexlib.store.fx import KeptRate, write_kept_rates

SEPTEMBER = Month(2025, 9)
OVER = datetime(2025, 10, 1, 3, tzinfo=timezone.utc)

NEW = st.tuples(st.sampled_from(KINDS), st.sampled_from(DAYS), st.integers(0, 5000))
PICK = st.integers(0, 10**6)
Opened = tuple[Ledger, str, Callable[[], None]]
"""A ledger, its URL, and how it is put away."""


class Crash(Exception):
    """Power cut."""


@cache
def build_book_at(factor: int) -> PriceBook:
    """The book in which gpt-4o costs so many times what it costs."""
    openai = deepcopy(next(one for one in providers if one.id == "openai"))
    (gpt,) = (one for one in openai.models if one.id == "gpt-4o")
    prices = gpt.prices[-1].prices if isinstance(gpt.prices, list) else gpt.prices
    vars(prices).update(input_mtok=factor * Decimal("2.50"), output_mtok=factor * Decimal("10.00"))
    return build_book(f"times {factor}", [openai])


class LedgerMachine(RuleBasedStateMachine):
    """Every step is done to the ledger and to the model, and then they are compared."""

    def __init__(self, make: Callable[[], Opened], victims: Victims, model: LedgerModel) -> None:
        super().__init__()
        self.ledger, self.url, self.put_away = make()
        self.victims, self.model = victims, model
        self.sent: dict[str, tuple[str, date, int]] = {}
        """All that was ever sent, stored or not: an application may send it again."""
        self.versions: dict[Path, bytes] = {}

    def teardown(self) -> None:
        self.ledger.close()
        self.put_away()

    def name_calls(self, new: list[tuple[str, date, int]]) -> list[str]:
        names = [f"call-{number}" for number, _ in enumerate(new, len(self.sent))]
        self.sent |= dict(zip(names, new, strict=True))
        return names

    def make_calls(self, names: list[str]) -> list[dict[str, Any]]:
        return [make_call(name, *self.sent[name]) for name in names]

    def pick(self, number: int) -> str:
        return list(self.sent)[number % len(self.sent)]

    def note(self, names: list[str]) -> None:
        for name in names:
            self.model.record(name, *self.sent[name])

    @initialize(new=st.lists(NEW, min_size=2, max_size=4))
    def begin(self, new: list[tuple[str, date, int]]) -> None:
        names = self.name_calls(new)
        record_many(self.make_calls(names), ledger=self.ledger)
        self.note(names)

    @rule(new=NEW)
    def record(self, new: tuple[str, date, int]) -> None:
        names = self.name_calls([new])
        (call,) = self.make_calls(names)
        stored = record_usage(**call, ledger=self.ledger)
        self.note(names)
        assert stored.request_id == names[0]

    @precondition(lambda self: self.sent)
    @rule(number=PICK)
    def send_again(self, number: int) -> None:
        name = self.pick(number)
        (call,) = self.make_calls([name])
        first, second = (record_usage(**call, ledger=self.ledger) for _ in range(2))
        self.note([name, name])
        assert first == second

    @precondition(lambda self: self.model.calls)
    @rule(number=PICK)
    def send_other_content(self, number: int) -> None:
        name = list(self.model.calls)[number % len(self.model.calls)]
        (call,) = self.make_calls([name])
        with pytest.raises(ConflictingUsage):
            record_usage(**call | {"prompt_tokens": call["prompt_tokens"] + 1}, ledger=self.ledger)

    @rule(new=st.lists(NEW, max_size=12), again=st.lists(PICK, max_size=3))
    def record_a_batch(self, new: list[tuple[str, date, int]], again: list[int]) -> None:
        names = self.name_calls(new)
        names += [self.pick(number) for number in again] if self.sent else []
        stored = record_many(self.make_calls(names), ledger=self.ledger)
        self.note(names)
        assert [one.request_id for one in stored] == names

    @rule(new=st.lists(NEW, min_size=1, max_size=12), how=st.sampled_from(["conflict", "error", "kill", "late kill"]))
    def lose_a_batch(self, new: list[tuple[str, date, int]], how: str) -> None:
        names = self.name_calls(new)
        calls = self.make_calls(names)
        if how == "conflict":
            (old,) = self.make_calls(list(self.model.calls)[:1])
            with pytest.raises(ConflictingUsage):
                record_many([*calls, old | {"completion_tokens": 11}], ledger=self.ledger)
        elif how == "error":
            records = [build_record(self.ledger, **call) for call in calls]
            make_room(self.ledger, records)
            with pytest.raises(Crash), open_transaction(self.ledger) as connection:  # noqa: PT012
                insert_records(self.ledger, connection, records)
                raise Crash
        else:
            stored = how == "late kill"  # the answer is lost, the calls are not
            self.victims.record_and_die(self.url, self.ledger.data, calls, stored=stored)
            self.note(names if stored else [])

    @rule(days=st.sets(st.sampled_from(DAYS), min_size=2), hundredths=st.integers(50_000, 150_000))
    def rates_arrive(self, days: set[date], hundredths: int) -> None:
        for day in sorted(days):
            self.model.rates.setdefault(day, Decimal(hundredths + day.day) / 100)
        kept = [KeptRate(Rate(day, value, "mindicador.cl"), OVER) for day, value in self.model.rates.items()]
        write_kept_rates(kept, self.ledger.data)

    @rule()
    def fill(self) -> None:
        fill_amounts(SEPTEMBER, self.ledger)
        self.model.fill()

    @rule(factor=st.sampled_from([1, 2, 3]), apply=st.booleans())
    def reprice(self, factor: int, apply: bool) -> None:  # noqa: FBT001
        reprice_month(SEPTEMBER, self.ledger, book=build_book_at(factor), apply=apply)
        if apply:
            self.model.reprice(factor)

    @rule()
    def close(self) -> None:
        snapshot = close_month(SEPTEMBER, self.ledger.data, ledger=self.ledger, now=OVER)
        self.model.fill()
        certificate = snapshot.certificate
        assert isinstance(certificate, UsageCertificate)
        expected = self.model.rows(month_only=True)
        unpriced = [row for row in expected.values() if row[1] is None]
        assert certificate.state is (State.GAP if 10 * len(unpriced) > len(expected) else State.COMPLETE)
        columns = ["id", "prompt_tokens", "amount_in_usd", "amount_in_clp"]
        rows = pq.read_table(snapshot.parquet, columns=columns).to_pylist()
        assert {
            row["id"]: (row["prompt_tokens"], row["amount_in_usd"], row["amount_in_clp"]) for row in rows
        } == expected
        assert len(rows) == certificate.rows == len(expected)
        for told, place in ((certificate.amount_in_usd, 1), (certificate.amount_in_clp, 2)):
            assert (told and Decimal(told)) == add([row[place] for row in expected.values()])
        if not self.model.changed:
            assert snapshot.parquet == list(self.versions)[-1]
        self.model.changed = False
        self.versions.setdefault(snapshot.parquet, hash_file(snapshot.parquet))

    @invariant()
    def the_ledger_is_the_model(self) -> None:
        usage = UsageQuery(self.ledger)
        found: dict[str, Row] = {
            one.request_id: (one.prompt_tokens, one.amount_in_usd, one.amount_in_clp) for one in usage.all()
        }
        expected = self.model.rows()
        assert found == expected
        assert usage.count() == len(expected)
        for name, place in (("prompt_tokens", 0), ("amount_in_usd", 1), ("amount_in_clp", 2)):
            assert usage.sum(name) == add([row[place] for row in expected.values()])
        assert {file: hash_file(file) for file in self.versions} == self.versions


def hash_file(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with start_victims() as started:
        yield started


@pytest.fixture
def make_sqlite(sqlite_file: Path, tmp_path: Path) -> Callable[[], Opened]:
    numbers = count()

    def make() -> Opened:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        copy(sqlite_file, folder)
        url = f"sqlite:///{folder}/ledger.sqlite"
        return open_ledger(url, data=folder), url, lambda: None

    return make


@pytest.fixture
def make_postgresql(postgresql: Postgresql, tmp_path: Path) -> Callable[[], Opened]:
    numbers = count()

    def make() -> Opened:
        url = postgresql.create(template="template_ledger")
        return open_ledger(url, data=tmp_path / str(next(numbers))), url, lambda: postgresql.drop(url)

    return make


def run(
    make: Callable[[], Opened],
    victims: Victims,
    examples: int,
    steps: int,
) -> None:
    profile = settings(
        max_examples=max(examples // ONE_EXAMPLE_IN, 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine: Any = lambda: LedgerMachine(make, victims, LedgerModel())  # noqa: E731 (typed as a class)
    run_state_machine_as_test(machine, settings=profile)


def test_a_ledger_on_sqlite_holds_what_a_dictionary_would(make_sqlite: Callable[[], Opened], victims: Victims) -> None:
    run(make_sqlite, victims, examples=15, steps=15)


def test_a_ledger_on_postgresql_holds_what_a_dictionary_would(
    make_postgresql: Callable[[], Opened], victims: Victims
) -> None:
    run(make_postgresql, victims, examples=6, steps=12)


@pytest.mark.heavy
@pytest.mark.parametrize(("backend", "examples"), [("sqlite", 30), ("postgresql", 15)])
def test_a_ledger_holds_what_a_dictionary_would_through_long_histories(
    backend: str, examples: int, request: pytest.FixtureRequest, victims: Victims
) -> None:
    run(request.getfixturevalue(f"make_{backend}"), victims, examples=examples, steps=50)


class Twice(LedgerModel):
    """A call sent again would be another call."""

    def record(self, name: str, kind: str, day: date, prompt: int) -> None:
        super().record(f"{name} again" if name in self.calls else name, kind, day, prompt)


class BookAboveAll(LedgerModel):
    """A book would change what the caller gave."""

    def reprice(self, factor: int) -> None:
        for entry in self.calls.values():
            if entry.kind == "given" and self.is_in_the_month(entry):
                entry.kind = "by the book"
        super().reprice(factor)


class RatesOnlyWhenRecorded(LedgerModel):
    """What had no rate when it was recorded would never have pesos."""

    def fill(self) -> None:
        return


class PesosStay(LedgerModel):
    """Another book would leave the pesos at the old price."""

    def reprice(self, factor: int) -> None:
        pesos = {name: entry.clp for name, entry in self.calls.items()}
        super().reprice(factor)
        for name, clp in pesos.items():
            self.calls[name].clp = clp


class Floats(LedgerModel):
    """Amounts would go through a float."""

    def price(self, entry: Entry, factor: int) -> Decimal:
        return Decimal(float(super().price(entry, factor)))


@pytest.mark.parametrize("law", [LedgerModel, Twice, BookAboveAll, RatesOnlyWhenRecorded, PesosStay, Floats])
def test_a_ledger_that_did_otherwise_would_be_found_out(
    law: type[LedgerModel], make_sqlite: Callable[[], Opened], victims: Victims
) -> None:
    machine = LedgerMachine(make_sqlite, victims, law())
    with nullcontext() if law is LedgerModel else pytest.raises(AssertionError):
        machine.begin([(kind, DAYS[0], 5000) for kind in KINDS])
        machine.the_ledger_is_the_model()
        machine.send_again(0)
        machine.the_ledger_is_the_model()
        machine.rates_arrive({DAYS[0]}, 95_055)
        machine.close()
        machine.the_ledger_is_the_model()
        machine.reprice(2, apply=True)
        machine.the_ledger_is_the_model()
        machine.close()
    machine.teardown()
