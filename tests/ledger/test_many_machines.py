"""Twenty writers and five viewers on one PostgreSQL with a Redis, all of which break in the middle: no call is lost or
doubled, and what was shown meanwhile was true at some moment between its question and its answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import accumulate
from pathlib import Path

import pytest
from databases import query, start_postgresql
from redis_server import RedisServer
from use_ledger import CLOSED, name_amount, read_log

from flexlib.ingest.ledger import close_month
from flexlib.ledger import UsageQuery, init_ledger, open_ledger, record_many
from flexlib.ledger.tally.switch import count_differences, read_status, turn_on

MACHINES = Path(__file__).with_name("use_ledger.py")
WRITERS, VIEWERS = 20, 5
CALLS = 800
"""Of all writers together: so many that each event falls among them."""
LONGEST_WAIT = 120.0
"""Seconds; a machine that is slower has other troubles."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such signals there")


@contextmanager
def begin_machines(url: str, folder: Path, redis: str) -> Iterator[subprocess.Popen[bytes]]:
    """All of them, until they end by themselves; else they are killed."""
    command = [sys.executable, str(MACHINES), url, str(folder), redis, str(WRITERS), str(VIEWERS)]
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def send(folder: Path, name: str, number: signal.Signals) -> None:
    os.kill(int((folder / f"{name}.pid").read_text()), number)


def wait_until(machines: subprocess.Popen[bytes], folder: Path, count: Callable[[Path], int], least: float) -> None:
    end = time.monotonic() + LONGEST_WAIT
    while count(folder) < least:
        assert machines.poll() is None
        assert time.monotonic() < end, f"waited in vain for {least} by {count.__name__}"
        time.sleep(0.02)


def count_stored(folder: Path) -> int:
    return sum(file.read_text().count('"stored"') for file in folder.glob("writer-*.jsonl"))


def count_shown(folder: Path) -> int:
    """How many viewers have asked all that they ask."""
    return sum('"closed"' in file.read_text() for file in folder.glob("viewer-*.jsonl"))


def list_calls(folder: Path) -> Iterator[tuple[str, Decimal, float, float | None]]:
    """Each call that a writer ever sent: its id, amount, when it was first sent, and when the writer was told that it
    is stored; None: it never was."""
    for writer in range(WRITERS):
        calls: dict[int, tuple[float, float | None]] = {}
        for number, said, moment in read_log(folder / f"writer-{writer}.jsonl"):
            sent, told = calls.get(number, (moment, None))
            calls[number] = sent, moment if said == "stored" else told
        for number, (sent, told) in calls.items():
            yield f"{writer}-{number}", name_amount(writer, number), sent, told


class Bounds:
    """How many calls, and dollars, are there at least and at most at a moment."""

    def __init__(self, moments: list[tuple[float, Decimal]]) -> None:
        ordered = sorted(moments)
        self.moments = [moment for moment, _usd in ordered]
        self.usd = [Decimal(0), *accumulate(usd for _moment, usd in ordered)]

    def find_before(self, moment: float) -> tuple[int, Decimal]:
        place = bisect_left(self.moments, moment)
        return place, self.usd[place]

    def find_until(self, moment: float) -> tuple[int, Decimal]:
        place = bisect_right(self.moments, moment)
        return place, self.usd[place]


def test_twenty_writers_and_five_viewers_survive_what_breaks(tmp_path: Path) -> None:
    with start_postgresql() as server, RedisServer(tmp_path / "redis") as redis:
        url = server.create()
        ledger = open_ledger(url, data=tmp_path)
        init_ledger(ledger)
        old = {"usable": None, "provider": "openai", "model": "gpt-4o", "created_at": "2025-08-10T12:00Z"}
        record_many([{**old, "amount_in_usd": "0.25"} for _number in range(40)], ledger=ledger)
        close_month(CLOSED, tmp_path, ledger=ledger)
        turn_on(ledger)
        ledger.close()
        with begin_machines(url, tmp_path, redis.url) as machines:
            wait_until(machines, tmp_path, count_shown, VIEWERS)
            events: dict[float, Callable[[], object]] = {
                0.1: lambda: send(tmp_path, "viewer-0", signal.SIGSTOP),
                0.2: redis.kill,
                0.3: server.restart,
                0.5: lambda: send(tmp_path, "writer-3", signal.SIGKILL),
                0.6: redis.start,
                0.7: lambda: send(tmp_path, "viewer-0", signal.SIGCONT),
                0.8: server.restart,
                1.0: (tmp_path / "stop").touch,
            }
            for share, act in events.items():
                wait_until(machines, tmp_path, count_stored, CALLS * share)
                act()
            assert machines.wait(LONGEST_WAIT) == 0

        calls = list(list_calls(tmp_path))
        assert [name for name, _usd, _sent, told in calls if told is None] == []  # each was sent until it was stored
        september = "SELECT request_id FROM llm_usage_statistics WHERE created_at >= '2025-09-01' ORDER BY request_id"
        assert [name for (name,) in query(ledger, september)] == sorted(name for name, *_more in calls)
        assert UsageQuery(ledger).between("2025-09-01", "2025-09-30").sum("amount_in_usd") == sum(
            usd for _name, usd, *_moments in calls
        )
        assert (count_differences(ledger), read_status(ledger).is_current) == (0, True)
        ledger.close()
    resent = sum(said == "lost" for one in range(WRITERS) for _, said, _ in read_log(tmp_path / f"writer-{one}.jsonl"))
    assert resent > 0  # somebody met a restart
    check_viewers(tmp_path, calls)


def check_viewers(folder: Path, calls: list[tuple[str, Decimal, float, float | None]]) -> None:
    """That each figure was true, that a viewer never saw less than before, and that in the end each is shown all."""
    told = Bounds([(moment, usd) for _name, usd, _sent, moment in calls if moment is not None])
    sent = Bounds([(moment, usd) for _name, usd, moment, _told in calls])
    for viewer in range(VIEWERS):
        last: dict[str, str | None] = {}
        before = Decimal(0)
        for kind, begun, done, count, text in read_log(folder / f"viewer-{viewer}.jsonl"):
            last[kind] = text
            if text is None:
                continue
            usd = Decimal(text)
            if kind == "closed":
                assert usd == 10
                continue
            least, most = told.find_before(begun), sent.find_until(done)
            assert least[1] <= usd <= most[1], (viewer, kind, begun, done)
            assert count is None or least[0] <= count <= most[0], (viewer, kind, begun, done)
            assert before <= usd
            before = usd
        assert [kind for kind in ("look", "total", "hours", "closed") if last[kind] is None] == []
