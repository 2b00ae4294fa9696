"""Whoever looks while tallies are made, emptied or cannot be added up has the calls' own sums all the same."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from databases import execute
from test_writers import WRITERS, check_rows, run_writers

from flexlib.ledger import Ledger, LedgerFailed, LedgerMissing, UsageQuery, get_total_cost_by_period, record_usage
from flexlib.ledger.tally import fold as folding
from flexlib.ledger.tally import switch
from flexlib.ledger.tally.current import are_current, are_there
from flexlib.ledger.tally.switch import count_differences, read_status, turn_off, turn_on
from flexlib.ledger.tally.tables import PARTITIONS

FIRST = datetime(2025, 9, 1, tzinfo=timezone.utc)
TABLE = "llm_usage_statistics"


def record(ledger: Ledger, usd: str = "1") -> None:
    amounts: dict[str, Any] = {"amount_in_usd": Decimal(usd), "created_at": FIRST}
    record_usage(usable=None, provider="openai", model="m", **amounts, ledger=ledger)


def sum_dollars(ledger: Ledger) -> Any:  # noqa: ANN401 (a decimal, or None)
    return get_total_cost_by_period(None, None, "usd", within=UsageQuery(ledger))


@pytest.mark.parametrize("was_on", [False, True])
def test_who_began_to_read_before_tallies_were_made_reads_the_calls(postgresql_ledger: Ledger, was_on: bool) -> None:
    record(postgresql_ledger)
    if was_on:
        turn_on(postgresql_ledger)
    with postgresql_ledger.read() as connection:
        connection.execute(sa.text("SELECT 1"))  # from here on it sees this state, in which the new tallies are empty
        turn_on(postgresql_ledger)
        assert not (are_there(connection) and are_current(connection))
    with postgresql_ledger.read() as connection:
        assert are_there(connection)
        assert are_current(connection)


def test_what_is_emptied_while_another_folds_is_in_no_tally(postgresql_ledger: Ledger) -> None:
    record(postgresql_ledger)
    turn_on(postgresql_ledger)
    record(postgresql_ledger)
    empty = threading.Thread(target=execute, args=(postgresql_ledger, f"TRUNCATE {TABLE}"))
    with folding._write_alone(postgresql_ledger) as connection:  # noqa: SLF001
        folding.fold(connection)
        empty.start()
        while not _count_waiting(postgresql_ledger):
            pass
    empty.join()
    assert (sum_dollars(postgresql_ledger), count_differences(postgresql_ledger)) == (None, 0)


def _count_waiting(ledger: Ledger) -> int:
    with ledger.engine.connect() as connection:
        is_it = "wait_event_type = 'Lock' AND datname = current_database()"
        return connection.scalar(sa.text(f"SELECT count(*) FROM pg_stat_activity WHERE {is_it}")) or 0


def test_who_waits_while_tallies_are_taken_away_reads_the_calls(postgresql_ledger: Ledger) -> None:
    record(postgresql_ledger)
    turn_on(postgresql_ledger)
    answers: list[Any] = []
    reader = threading.Thread(target=lambda: answers.append(sum_dollars(postgresql_ledger)))
    with postgresql_ledger.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            connection.exec_driver_sql(f"DROP TABLE {PARTITIONS}")
            reader.start()
            while not _count_waiting(postgresql_ledger):
                pass
    reader.join()
    assert answers == [1]
    assert read_status(postgresql_ledger).is_on is False


def note_changes(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *amount: str) -> None:
    """So many that the next reader folds them."""
    turn_on(ledger)
    monkeypatch.setattr(folding, "MANY", 1)
    for _ in range(2):
        record(ledger, *amount)


def test_sums_beyond_what_a_tally_holds_are_still_answered(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_changes(sqlite_ledger, monkeypatch, "600000000")
    assert sum_dollars(sqlite_ledger) == 1_200_000_000
    assert sum_dollars(sqlite_ledger) == 1_200_000_000
    turn_off(sqlite_ledger)
    assert sum_dollars(sqlite_ledger) == 1_200_000_000


def test_who_may_not_write_into_a_file_reads_sums_of_many_changes(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_changes(sqlite_ledger, monkeypatch)
    sqlite_ledger.close()
    sa.event.listen(sqlite_ledger.engine, "connect", lambda driver, _: driver.execute("PRAGMA query_only = 1"))
    assert sum_dollars(sqlite_ledger) == 2


def test_others_record_while_calls_are_counted(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record(ledger, "3")
    sum_calls = switch._sum_calls  # noqa: SLF001

    def write_around(connection: sa.Connection) -> None:
        record(ledger)
        sum_calls(connection)
        record(ledger, "5")
        execute(ledger, f"UPDATE {TABLE} SET model = 'other' WHERE amount_in_usd > 2")
        assert sum_dollars(ledger) == 9
        assert not read_status(ledger).is_current

    monkeypatch.setattr(switch, "_sum_calls", write_around)
    assert turn_on(ledger).is_current
    assert (sum_dollars(ledger), count_differences(ledger)) == (9, 0)
    folding.fold_changes(ledger)
    assert (sum_dollars(ledger), count_differences(ledger)) == (9, 0)


def test_where_counting_was_cut_off_the_calls_are_read_until_it_is_done(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ledger)
    with monkeypatch.context() as patch:
        patch.setattr(switch, "_take_over", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            turn_on(ledger)
    record(ledger)
    assert not folding.fold_changes(ledger)
    assert sum_dollars(ledger) == 2
    with pytest.raises(LedgerMissing, match="are being counted, .* If nobody is counting them now, run: flexlib"):
        count_differences(ledger)  # not that there are none: to turn them on overtakes who may still be counting
    assert turn_on(ledger).is_current
    assert (sum_dollars(ledger), count_differences(ledger)) == (2, 0)


def test_who_counts_and_was_overtaken_says_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record(ledger)
    take_over = switch._take_over  # noqa: SLF001
    with monkeypatch.context() as patch:
        patch.setattr(switch, "_take_over", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            turn_on(ledger)  # another, who has begun
    with ledger.engine.connect() as connection, pytest.raises(LedgerFailed, match="Another turned tallies on or off"):
        take_over(connection, -1)
    turn_off(ledger)
    assert not folding.fold_changes(ledger)


COUNTER = """
import sys
from flexlib.ledger import open_ledger
from flexlib.ledger.tally.switch import turn_on
from pathlib import Path
ledger = open_ledger(sys.argv[1], data=Path("/nonexistent"))
print("ready", flush=True)
while True:
    turn_on(ledger)
"""
CALLS = 150


@pytest.mark.heavy
def test_after_who_counts_was_killed_among_writers_the_next_count_is_whole(ledger: Ledger, ledger_url: str) -> None:
    over = threading.Event()
    codes: list[int] = []

    def kill_counters() -> None:
        while not over.is_set():
            counter = subprocess.Popen([sys.executable, "-c", COUNTER, ledger_url], stdout=subprocess.PIPE)
            assert counter.stdout is not None
            counter.stdout.readline()
            time.sleep(0.05 * (len(codes) % 5))
            counter.kill()
            counter.communicate()
            codes.append(counter.returncode)

    thread = threading.Thread(target=kill_counters)
    thread.start()
    try:
        run_writers(ledger, ledger_url, count=CALLS, kills=2)
    finally:
        over.set()
        thread.join()
    check_rows(ledger, CALLS)
    assert codes[:2] == [-9, -9]
    assert turn_on(ledger).is_current
    assert count_differences(ledger) == 0
    assert UsageQuery(ledger).count() == WRITERS * CALLS
