"""Tallies are the ledger's sums at any time, whoever writes, folds or dies; questions have the same answer of both."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from databases import execute, query
from pandas.testing import assert_frame_equal
from test_writers import WRITERS, check_rows, run_writers

from flexlib.ledger import (
    Ledger,
    LedgerMissing,
    UsageQuery,
    get_stats_by_task_type,
    get_total_cost_by_period,
    get_usage_by_day,
    get_usage_by_provider_and_model,
    get_usage_by_proxy,
    get_usage_by_usable,
    record_many,
    record_usage,
)
from flexlib.ledger.read.queries import sum_by_hour
from flexlib.ledger.tally import fold as folding
from flexlib.ledger.tally.current import are_there
from flexlib.ledger.tally.fold import fold_changes
from flexlib.ledger.tally.switch import count_differences, read_status, turn_off, turn_on
from flexlib.ledger.tally.tables import CHANGES, TALLIES

FIRST = datetime(2025, 9, 1, tzinfo=timezone.utc)
TABLE = "llm_usage_statistics"
BOUNDS = [None, FIRST + timedelta(hours=5), FIRST + timedelta(days=1, hours=3, minutes=7, microseconds=1),
          FIRST + timedelta(days=9)]  # fmt: skip
"""On days, on hours, and on neither."""

QUESTIONS: list[Callable[..., Any]] = [
    get_usage_by_provider_and_model,
    get_stats_by_task_type,
    get_usage_by_proxy,
    get_usage_by_usable,
    get_usage_by_day,
]


def draw_call(draw: random.Random) -> dict[str, Any]:
    usd = draw.choice([None, Decimal(draw.randrange(10**12)).scaleb(-10), Decimal("-0.5"), Decimal(0)])
    call: dict[str, Any] = {
        "usable": draw.choice([None, ("user", 1), ("user", 2), ("key", "a-1")]),
        "provider": draw.choice(["openai", "anthropic"]),
        "model": draw.choice(["gpt-4o", "own-model"]),
        "proxy": draw.choice([None, "openrouter"]),
        "task_type": draw.choice(["text", "embedding"]),
        "prompt_tokens": draw.randrange(1000),
        "completion_tokens": draw.randrange(100),
        "request_id": str(draw.randrange(300)),
        "created_at": FIRST + timedelta(seconds=draw.randrange(86_400 * 34)),
    }
    if usd is not None and usd >= 0:
        call |= {"amount_in_usd": usd, "amount_in_clp": Decimal(draw.randrange(10**6)).scaleb(-4)}
    if draw.random() < 0.2:
        call |= {"grain": draw.choice(["hour", "day", "month"]), "requests": draw.randrange(1, 9)}
    return call


def ask_all(ledger: Ledger) -> list[Any]:
    """The answers to all questions in all periods, also of some calls only."""
    usage = UsageQuery(ledger)
    some = [usage, usage.by_provider("openai").direct(), usage.by_usable(("user", 1), ("key", "a-1"))]
    answers: list[Any] = []
    for within in some:
        for place, low in enumerate(BOUNDS):
            for high in [None, *BOUNDS[place + 1 :]]:
                answers.append(get_total_cost_by_period(low, high, within=within))
                answers += [ask(low, high, within=within) for ask in QUESTIONS]
                answers.append(sorted(map(repr, sum_by_hour(low, high, within=within))))
    return answers


def assert_alike(one: list[Any], other: list[Any]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        if isinstance(mine, pd.DataFrame):
            assert_frame_equal(mine, theirs)
        else:
            assert mine == theirs


def ask_from_calls(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    with monkeypatch.context() as patch:
        patch.setattr("flexlib.ledger.read.queries.are_there", lambda _: False)
        return ask_all(ledger)


def do_something(ledger: Ledger, draw: random.Random) -> None:
    """A thing that a ledger bears: recorded, sent again, repriced or moved by SQL, deleted, folded, counted anew."""
    what = draw.randrange(8)
    one = f"request_id = '{draw.randrange(300)}'"
    if what < 2:
        record_usage(**{**draw_call(draw), "request_id": None}, ledger=ledger)
    elif what == 2:
        calls = {call["request_id"]: call for call in (draw_call(draw) for _ in range(20))}
        stored = {row[0] for row in query(ledger, f"SELECT request_id FROM {TABLE}")}
        fresh = [call for name, call in calls.items() if name not in stored]
        record_many([*fresh, *fresh[:3]], ledger=ledger)  # some sent twice
    elif what == 3:
        execute(ledger, f"UPDATE {TABLE} SET amount_in_usd = 7, prompt_tokens = 5, "
                        f"total_tokens = completion_tokens + 5 "
                        f"WHERE cached_tokens = 0 AND cache_write_tokens = 0 AND {one}")  # fmt: skip
    elif what == 4:
        execute(ledger, f"UPDATE {TABLE} SET amount_in_usd = NULL, model = 'renamed', usable_type = NULL, "
                        f"usable_id = NULL, usable_key = NULL WHERE {one}")  # fmt: skip
    elif what == 5:
        execute(ledger, f"DELETE FROM {TABLE} WHERE {one} OR provider = 'anthropic' AND prompt_tokens < 20")
    elif what == 6:
        fold_changes(ledger)
    elif draw.random() < 0.3:
        turn_on(ledger)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_done_to_a_ledger_its_tallies_are_its_sums(
    ledger: Ledger, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    record_many([{**draw_call(draw), "request_id": f"before {number}"} for number in range(50)], ledger=ledger)
    assert turn_on(ledger).is_on
    for _ in range(60):
        do_something(ledger, draw)
        assert count_differences(ledger) == 0
    assert read_status(ledger).changes > 0
    expected = ask_from_calls(ledger, monkeypatch)
    assert_alike(ask_all(ledger), expected)
    fold_changes(ledger)
    assert read_status(ledger).changes == 0
    assert_alike(ask_all(ledger), expected)


def test_a_question_reads_the_tallies_and_not_the_calls(ledger: Ledger) -> None:
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=3, created_at=FIRST, ledger=ledger)
    turn_on(ledger)
    execute(ledger, f"UPDATE {TALLIES} SET usd = usd * 2")
    assert get_total_cost_by_period("2025-09-01", "2025-09-01", "usd", within=UsageQuery(ledger)) == 6
    assert count_differences(ledger) == 3  # an hour's and a day's of the route, a day's of the usable
    noon = FIRST + timedelta(hours=12)
    assert get_total_cost_by_period(FIRST, noon + timedelta(seconds=1), "usd", within=UsageQuery(ledger)) == 6
    assert get_total_cost_by_period(FIRST, FIRST + timedelta(seconds=1), "usd", within=UsageQuery(ledger)) == 3
    turn_on(ledger)
    assert count_differences(ledger) == 0
    assert turn_off(ledger).is_on is False
    assert get_total_cost_by_period(None, None, "usd", within=UsageQuery(ledger)) == 3
    with pytest.raises(LedgerMissing, match="Run: flexlib ledger tallies on"):
        count_differences(ledger)


def test_who_reads_many_changes_folds_them_for_the_next(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MANY", 3)
    turn_on(ledger)
    for _ in range(4):
        record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, ledger=ledger)
    assert read_status(ledger).changes == 4
    assert get_total_cost_by_period(None, None, "usd", within=UsageQuery(ledger)) == 4
    assert read_status(ledger).changes == 0
    assert get_total_cost_by_period(None, None, "usd", within=UsageQuery(ledger)) == 4


def test_folding_does_not_wait_for_another(ledger: Ledger) -> None:
    turn_on(ledger)
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, ledger=ledger)
    with folding._write_alone(ledger) as connection:  # noqa: SLF001
        connection.exec_driver_sql(f"DELETE FROM {CHANGES} WHERE 1 = 0")
        assert fold_changes(ledger) is False
    assert read_status(ledger).changes == 1
    assert fold_changes(ledger) is True
    assert query(ledger, "PRAGMA busy_timeout" if ledger.path else "SELECT 10000") == [(10_000,)]


def test_a_call_whose_transaction_is_undone_is_in_no_tally(ledger: Ledger) -> None:
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, request_id="a", ledger=ledger)
    turn_on(ledger)
    with ledger.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="SERIALIZABLE" if ledger.path else "READ COMMITTED")
        with connection.begin() as transaction:
            connection.execute(sa.text(f"DELETE FROM {TABLE}"))
            transaction.rollback()
    assert (count_differences(ledger), read_status(ledger).changes) == (0, 0)


FOLDER = """
import sys
from pathlib import Path
from flexlib.ledger import open_ledger
from flexlib.ledger.tally.fold import fold_changes
ledger = open_ledger(sys.argv[1], data=Path("/nonexistent"))
print("ready", flush=True)
while True:
    fold_changes(ledger)
"""


@pytest.mark.heavy
def test_after_writers_and_folders_were_killed_the_tallies_are_the_sums(ledger: Ledger, ledger_url: str) -> None:
    turn_on(ledger)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", FOLDER, ledger_url], stdout=subprocess.PIPE)

    folders, over = [start(), start()], threading.Event()
    codes: list[int] = []

    def kill_folders() -> None:
        draw = random.Random(7)
        while not over.is_set():
            assert folders[0].stdout is not None
            folders[0].stdout.readline()
            time.sleep(draw.uniform(0.0, 0.2))
            folders[0].kill()
            folders[0].communicate()
            codes.append(folders[0].returncode)
            folders[:] = [folders[1], start()]

    thread = threading.Thread(target=kill_folders)
    thread.start()
    try:
        run_writers(ledger, ledger_url, count=300, kills=4)
    finally:
        over.set()
        thread.join()
        for one in folders:
            one.kill()
            one.communicate()
    check_rows(ledger, 300)
    assert len(codes) > 2
    assert {*codes} == {-9}  # each was folding until then
    assert count_differences(ledger) == 0
    assert UsageQuery(ledger).count() == WRITERS * 300
    fold_changes(ledger)
    assert (count_differences(ledger), read_status(ledger).changes) == (0, 0)


def test_calls_written_into_a_partition_by_its_name_are_followed(postgresql_ledger: Ledger) -> None:
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=FIRST, ledger=postgresql_ledger)
    turn_on(postgresql_ledger)
    execute(postgresql_ledger, f"UPDATE {TABLE}_2025_09 SET amount_in_usd = 5")
    assert get_total_cost_by_period(FIRST, None, "usd", within=UsageQuery(postgresql_ledger)) == 5
    assert count_differences(postgresql_ledger) == 0


def test_where_a_counted_partition_is_dropped_the_calls_are_read(postgresql_ledger: Ledger) -> None:
    ledger, usage = postgresql_ledger, UsageQuery(postgresql_ledger)
    for month in ("2025-08-10", "2025-09-10"):
        record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=month, ledger=ledger)
    turn_on(ledger)
    execute(ledger, f"DROP TABLE {TABLE}_2025_08")
    assert get_total_cost_by_period(None, None, "usd", within=usage) == 1
    assert read_status(ledger).is_current is False
    assert turn_on(ledger).is_current
    assert get_total_cost_by_period(None, None, "usd", within=usage) == 1
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at="2025-11-10", ledger=ledger)
    fold_changes(ledger)
    execute(ledger, f"TRUNCATE {TABLE}")
    assert (get_total_cost_by_period(None, None, "usd", within=usage), count_differences(ledger)) == (None, 0)


def test_who_may_only_record_records_and_who_may_only_read_the_calls_reads_them(postgresql_ledger: Ledger) -> None:
    ledger = postgresql_ledger
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=FIRST, ledger=ledger)
    turn_on(ledger)
    role = "narrow_" + str(ledger.engine.url.database)
    execute(ledger, f"CREATE ROLE {role}")
    try:
        execute(ledger, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO {role}")
        execute(ledger, f"GRANT SELECT ON llm_usage_limit_counters TO {role}")
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql(f"SET ROLE {role}")
            connection.exec_driver_sql(f"UPDATE {TABLE} SET amount_in_usd = 4")
            assert not are_there(connection)
            connection.exec_driver_sql("RESET ROLE")
        assert get_total_cost_by_period(FIRST, None, "usd", within=UsageQuery(ledger)) == 4
        assert count_differences(ledger) == 0
    finally:
        execute(ledger, f"DROP OWNED BY {role}")
        execute(ledger, f"DROP ROLE {role}")


def test_calls_written_as_a_replica_writes_them_are_followed(postgresql_ledger: Ledger) -> None:
    ledger, within = postgresql_ledger, UsageQuery(postgresql_ledger)
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=FIRST, ledger=ledger)
    turn_on(ledger)
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at="2025-10-01", ledger=ledger)
    execute(ledger, f"SET session_replication_role = replica; UPDATE {TABLE} SET amount_in_usd = 5; "
                    "RESET session_replication_role")  # fmt: skip
    assert get_total_cost_by_period(None, None, "usd", within=within) == 10
    assert (read_status(ledger).is_current, count_differences(ledger)) == (True, 0)


DETACHED = f"ALTER TABLE {TABLE} DETACH PARTITION {TABLE}_2025_08; "
ATTACHED = (
    f"; ALTER TABLE {TABLE} ATTACH PARTITION {TABLE}_2025_08 "
    "FOR VALUES FROM ('2025-08-01 00:00+00') TO ('2025-09-01 00:00+00')"
)
REPRICED = f"UPDATE {TABLE}_2025_08 SET amount_in_usd = 5"


@pytest.mark.parametrize(
    ("done", "usd"),
    [
        (f"TRUNCATE {TABLE}_2025_08", 1),
        (DETACHED + REPRICED + ATTACHED, 6),
        (
            f"ALTER TABLE {TABLE} DISABLE TRIGGER {TALLIES}_follow; {REPRICED}; "
            f"ALTER TABLE {TABLE} ENABLE TRIGGER {TALLIES}_follow",
            6,
        ),
    ],
)
@pytest.mark.parametrize("is_folded", [False, True])
def test_what_no_trigger_sees_is_noticed_and_the_calls_are_read(
    postgresql_ledger: Ledger, done: str, usd: int, is_folded: bool
) -> None:
    ledger, within = postgresql_ledger, UsageQuery(postgresql_ledger)
    for month in ("2025-08-10", "2025-09-10"):
        record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=month, ledger=ledger)
    turn_on(ledger)
    execute(ledger, done)
    if is_folded:
        fold_changes(ledger)
    assert get_total_cost_by_period(None, None, "usd", within=within) == usd
    assert read_status(ledger).is_current is False
    assert turn_on(ledger).is_current
    assert get_total_cost_by_period(None, None, "usd", within=within) == usd


def test_a_partition_attached_with_calls_in_it_is_not_taken_for_a_counted_one(postgresql_ledger: Ledger) -> None:
    ledger, within = postgresql_ledger, UsageQuery(postgresql_ledger)
    for month in ("2025-08-10", "2025-09-10"):
        record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=month, ledger=ledger)
    execute(ledger, f"{DETACHED} ALTER TABLE {TABLE}_2025_08 RENAME TO archive")
    turn_on(ledger)
    execute(ledger, ATTACHED.lstrip("; ").replace(f"{TABLE}_2025_08", "archive"))
    assert get_total_cost_by_period(None, None, "usd", within=within) == 2
    assert read_status(ledger).is_current is False


def test_a_new_month_and_a_partition_that_was_only_rewritten_stay_in_the_tallies(
    postgresql_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, within = postgresql_ledger, UsageQuery(postgresql_ledger)
    turn_on(ledger)
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=FIRST, ledger=ledger)
    assert read_status(ledger).is_current
    execute(ledger, f"VACUUM FULL {TABLE}_2025_09")
    assert read_status(ledger).is_current
    monkeypatch.setattr("flexlib.ledger.tally.current.FEW", 0)
    assert read_status(ledger).is_current is False  # until somebody who may write has looked
    assert get_total_cost_by_period(None, None, "usd", within=within) == 1
    assert read_status(ledger).is_current


def test_where_the_triggers_went_with_a_table_that_was_rebuilt_the_calls_are_read(sqlite_ledger: Ledger) -> None:
    ledger, within = sqlite_ledger, UsageQuery(sqlite_ledger)
    turn_on(ledger)
    (definition,) = next(iter(query(ledger, f"SELECT sql FROM sqlite_master WHERE name = '{TABLE}'")))
    rebuilt = definition.replace(f'"{TABLE}"', "rebuilt", 1)
    for statement in (rebuilt, f"DROP TABLE {TABLE}", f"ALTER TABLE rebuilt RENAME TO {TABLE}"):
        execute(ledger, statement)
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=FIRST, ledger=ledger)
    assert get_total_cost_by_period(None, None, "usd", within=within) == 1
    assert read_status(ledger).is_current is False
    assert turn_on(ledger).is_current
    record_usage(usable=None, provider="openai", model="m", amount_in_usd=1, created_at=FIRST, ledger=ledger)
    assert get_total_cost_by_period(None, None, "usd", within=within) == 2
    assert (read_status(ledger).is_current, count_differences(ledger)) == (True, 0)
