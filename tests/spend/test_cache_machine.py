"""Whatever is stored, priced, damaged or asked, in any order: an answer that was kept is what no cache gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from harness import ONE_EXAMPLE_IN
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis_server import start_redis
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, ingest_charges, store, store_credits

from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import FlexlibError
from flexlib.front.spend import Spend, load_spend
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import import_files
from flexlib.money.fx import Rate
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.spend import edges, recorded_twice
from flexlib.store import cache
from flexlib.store.cache import choose_cache, open_store
from flexlib.store.cache_files import FOLDER
from flexlib.store.fx import KeptRate, write_kept_rates
from flexlib.store.snapshots import list_newest

MONTHS = (AUGUST, SEPTEMBER, OCTOBER)
MOMENTS = ("-01T00:00:00.005", "-01T03:30", "-15T12:00", "-28T23:59:59.990")
CALLS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(MOMENTS),
        st.sampled_from([None, "1", "2.5000000001"]),
        st.sampled_from(["gpt-4o", "openai/gpt-4o", "other"]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one[0],
)
KEYS = (("model",), ("day", "source"), ("month", "hour"), ("user",))
UNITS = ("usd", "clp", "flex_credits", "requests")
ZONES = ("UTC", "America/Santiago", "Asia/Tokyo")
LOGS = {
    "proxy.csv": ("time,in,out", "2025-08-10T10:00:00.5Z,500,50", "2025-08-31T23:59:59.990Z,1000,100"),
    "trace.csv": ("start,prompt,answer", "2025-09-01T00:00:00.015Z,1000,100", "2025-09-02T10:00:00.5Z,700,70"),
}
"""Of two systems, which share a call on both sides of a month's edge."""


def describe(root: Path, first: Month, last: Month, zone: str) -> list[str]:
    """All that is asked of these months, as text that shows types, or why nothing can be said."""
    for kept in (recorded_twice._recall_doubts, edges._recall_met):  # in the process: no matter here
        kept.cache_clear()
    try:
        spend = load_spend(first, last, root, zone=zone, names=False)
        return [*_describe_sums(spend), *_describe_months(spend)]
    except FlexlibError as error:
        return [f"{type(error).__name__}: {error}"]


def _describe_sums(spend: Spend) -> Iterator[str]:
    for unit in UNITS:
        yield f"{unit}: {spend.total(unit)!r}"
    for keys in KEYS:
        table = spend.by(*keys)
        yield f"{keys}: {table.dtypes.to_dict()} {table.astype(object).to_dict('list')!r}"


def _describe_months(spend: Spend) -> Iterator[str]:
    yield f"{spend.state} {spend.missing}"
    for one in spend.loaded:
        doubts = one.repeated, one.same_ids, one.lookalikes, one.edges, one.recorded_twice
        yield f"{one.month}: {one.count_rows()} {doubts} {one.possible_duplicates}"


class CacheMachine(RuleBasedStateMachine):
    """After each step all is asked three times: without a cache, with one, and with one that knows it by now."""

    def __init__(self, root: Path, url: str | None) -> None:
        super().__init__()
        self.root, self.url, self.asked = root, url, 0
        root.mkdir()
        cache._open.clear()

    @initialize()
    def store_something_at_the_edges(self) -> None:
        for number, month in enumerate(MONTHS[1:]):
            self.store_a_month(month, "ledger", [(number * 2 + one, MOMENTS[one * 3], "1", "gpt-4o") for one in (0, 1)])
        self.store_credits(100, "ana")

    @rule(month=st.sampled_from(MONTHS), source=st.sampled_from(["ledger", "import"]), calls=CALLS)
    def store_a_month(self, month: Month, source: str, calls: list[tuple[int, str, str | None, str]]) -> None:
        """Also again: with other calls, or the same at another price."""
        rows = [call(f"c{name}", f"{month}{moment}", usd, model=model) for name, moment, usd, model in calls]
        store(self.root, source, month, *rows)

    @rule(credits=st.integers(0, 500), user=st.sampled_from(["ana", "luis"]))
    def store_credits(self, credits: int, user: str) -> None:  # noqa: A002
        store_credits(self.root, (3, user, "MODEL_X", 10, credits), (4, user, "MODEL_Y", 0, 100))

    @rule(name=st.sampled_from([*LOGS]), decision=st.sampled_from([{}, {"distinct": True}, {"supersedes": True}]))
    def import_a_log(self, name: str, decision: dict[str, bool]) -> None:
        (other,) = LOGS.keys() - {name}
        said: dict[str, Any] = {"supersedes": (other,)} if "supersedes" in decision else decision
        (self.root.parent / name).write_text("\n".join([*LOGS[name], ""]), "utf-8")
        columns = zip(("created_at", "prompt_tokens", "completion_tokens"), LOGS[name][0].split(","), strict=True)
        how: dict[str, Any] = {**dict(columns), "provider": LlmProvider.OPENAI, "model": "gpt-4o"}
        given = [(InputFile(self.root.parent / name, name), CallMapping(**how))]
        try:
            import_files(given, self.root, Decisions(**said))
        except FlexlibError:  # such as of a month that another sample stored without its files
            return

    @rule(usd=st.sampled_from(["1", "7.25"]))
    def import_a_bill(self, usd: str) -> None:
        file = self.root.parent / "bill.csv"
        file.write_text(f"day,item,usd\n2025-09-15,a,{usd}\n", "utf-8")
        ingest_charges([file], ChargeMapping(period_start="day", amount="usd", provider="openai", line_item="item",
                                             currency="USD"), self.root)  # fmt: skip

    @rule(usd=st.sampled_from(["0.04", "0.03"]), until=st.sampled_from(["2025-09-04", ""]))
    def agree_on_a_price_of_credits(self, usd: str, until: str) -> None:
        file = self.root / "prices" / "windsurf_credits.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"from,until,usd_per_credit,source\n,{until},{usd},contract\n", "utf-8")

    @rule(value=st.sampled_from(["950", "951.5"]), day=st.sampled_from([2, 4]))
    def fetch_rates(self, value: str, day: int) -> None:
        rate = Rate(date(2025, 9, day), Decimal(value), "a bank")
        write_kept_rates([KeptRate(rate, datetime(2025, 10, 1, tzinfo=timezone.utc))], self.root)

    @rule(place=st.integers(0, 50), how=st.sampled_from(["cut", "swap", "zero", "other"]))
    def damage_an_answer(self, place: int, how: str) -> None:
        files = sorted((self.root / FOLDER).glob("*.json"))
        if files:
            file, other = files[place % len(files)], files[(place + 1) % len(files)]
            content = file.read_bytes()
            made = {"cut": content[: len(content) // 2], "swap": other.read_bytes(), "zero": bytes(len(content))}
            file.write_bytes(made.get(how, content.replace(b"1", b"2")))

    @rule()
    def clear(self) -> None:
        choose_cache(self.url)
        if store := open_store(self.root):
            store.clear()

    @rule()
    def ask_again(self) -> None:
        """In the next zone."""

    @invariant()
    def every_answer_is_what_no_cache_gives(self) -> None:
        self.asked += 1
        self.ask(ZONES[self.asked % len(ZONES)])

    def ask(self, zone: str) -> None:
        choose_cache("off")
        expected = describe(self.root, AUGUST, OCTOBER, zone)
        choose_cache(self.url)
        for _time in range(2):
            assert describe(self.root, AUGUST, OCTOBER, zone) == expected

    @rule(month=st.sampled_from(MONTHS))
    def tamper_with_a_month(self, month: Month) -> None:
        """What was changed is no answer, though the month is known; put back, it is what it was."""
        if not (newest := list_newest(month, self.root)):
            return
        file = newest[0].file
        content = file.read_bytes()
        file.write_bytes(content[:-9] + b"?" + content[-8:])
        self.ask("UTC")
        assert describe(self.root, month, month, "UTC")[0].startswith("SnapshotChanged")
        file.write_bytes(content)


@pytest.fixture(autouse=True)
def _everything_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORTH", 0), ("_open", {}), ("_told", set()), ("_chosen", None)):
        monkeypatch.setattr(cache, name, value)


def run(tmp_path: Path, url: str | None, examples: int, steps: int = 8, **more: Any) -> None:  # noqa: ANN401
    numbers = count()
    profile = settings(
        **more,
        max_examples=max(examples // ONE_EXAMPLE_IN, 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    def make() -> CacheMachine:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return CacheMachine(folder / "data", url)

    machine: Any = make
    run_state_machine_as_test(machine, settings=profile)


def test_with_answers_in_files_every_answer_is_what_no_cache_gives(tmp_path: Path) -> None:
    run(tmp_path, None, examples=8)


def test_with_answers_in_a_redis_every_answer_is_what_no_cache_gives(tmp_path: Path) -> None:
    with start_redis() as url:
        run(tmp_path, url, examples=3)


@pytest.mark.parametrize("lost", ["files", "rest", "question"])
def test_a_question_that_lacked_anything_would_be_found_out(
    tmp_path: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def name(basis: cache.Basis, question: object) -> str:
        parts = {"files": [sha for _file, sha in basis.files], "rest": basis.rest, "question": question}
        del parts[lost]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    monkeypatch.setattr(cache, "_name_question", name)
    # An answer to another question is of another shape, too: whatever fails, it is found out. It need not be the least.
    with pytest.raises((AssertionError, LookupError, TypeError, ValueError, AttributeError, duckdb.Error)):
        run(tmp_path, None, examples=20 * ONE_EXAMPLE_IN, phases=[Phase.generate], report_multiple_bugs=False)
