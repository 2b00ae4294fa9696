"""`flexlib ledger` and `flexlib record`: what they print, what they store, their exit codes, lines that are refused."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from databases import execute

from flexlib.cli import ledger as ledger_command
from flexlib.cli import record as record_command
from flexlib.cli.stream import LineStream
from flexlib.errors import BadFile, InvalidRequest
from flexlib.ledger import (
    InvalidCall,
    Ledger,
    LedgerFailed,
    LedgerMissing,
    UsageQuery,
    UsageRecord,
    find_ledger,
    record_usage,
)
from flexlib.ledger.db.migrate import MIGRATIONS
from flexlib.ledger.db.table import HEAD, HOLDS, STATISTICS
from flexlib.ledger.record.lines import RefusedLine, record_batches
from flexlib.money.price_book import load_book
from flexlib.settings import load_settings

CALL: dict[str, Any] = {"usable": ["user", 42], "provider": "openai", "model": "gpt-4o", "amount_in_usd": "0.1"}


NAMES = (
    "usable, provider, model, task_type, prompt_tokens, completion_tokens, cost, amount_in_usd, amount_in_clp, proxy, "
    "metadata, request_id, cached_tokens, cache_write_tokens, extra_counts, tier, duration_ms, status, created_at, "
    "grain, requests"
)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for room in (record_command, ledger_command):
        room.add_commands(commands)
    arguments = parser.parse_args(words)
    return int(arguments.run(arguments, load_settings()))


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger_url: str) -> Path:
    """The data folder of the settings, whose ledger is ready."""
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", ledger_url)
    return tmp_path


def write_lines(file: Path, *lines: Any) -> str:  # noqa: ANN401
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return str(file)


def test_status_before_and_after_init(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.delenv("FLEXLIB_DATABASE_URL", raising=False)
    assert run("ledger", "status") == 0
    assert capsys.readouterr().out == f"No ledger in {tmp_path}/ledger.sqlite (sqlite). Run: flexlib ledger init\n"
    with pytest.raises(LedgerMissing, match="Run: flexlib ledger init"):
        run("ledger", "upgrade")
    assert run("ledger", "init") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Backend   sqlite",
        f"Place     {tmp_path}/ledger.sqlite",
        f"Revision  {HEAD}",
        "Rows      0",
    ]
    record_usage(**{**CALL, "usable": ("user", 42)}, created_at="2025-09-10T12:00Z")
    assert run("ledger", "status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["rows"], status["first"], status["last"]) == (1, *["2025-09-10T12:00:00+00:00"] * 2)
    assert run("ledger", "upgrade") == 0


@pytest.mark.parametrize(
    ("scope", "minutes", "is_told"), [("model", 5, True), ("model", -5, False), ("team", 5, False), (None, 0, False)]
)
def test_an_upgrade_says_that_what_was_held_of_models_is_held_no_longer_where_any_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    scope: str | None, minutes: int, *, is_told: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.delenv("FLEXLIB_DATABASE_URL", raising=False)
    config, engine = Config(), sa.create_engine(f"sqlite:///{tmp_path}/ledger.sqlite")
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        now = datetime.now(timezone.utc)
        times = {"first": now, "until": now + timedelta(days=1), "expires": now + timedelta(minutes=minutes)}
        if scope:
            held = {"hold": "a", "scope": scope, "value": "gpt-4o", "amount": Decimal("1"), **times}
            connection.execute(sa.insert(STATISTICS.metadata.tables[HOLDS]).values(held))
    engine.dispose()
    told = "What was held of limits of models for calls under way is held no longer.\n"
    for said in (told * is_told, ""):
        assert run("ledger", "upgrade") == 0
        assert capsys.readouterr().err == said


def test_one_call_from_the_shell(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--usable", "user:42", "--provider", "openai", "--model", "gpt-4o", "--prompt-tokens", "1000"]
    words += ["--completion-tokens", "500", "--request-id", "a", "--created-at", "2025-09-10T12:00:00Z"]
    words += ["--metadata", '{"note": "ana@empresa.cl"}', "--duration-ms", "12", "--status", "ok"]
    assert run("record", *words) == 0
    assert capsys.readouterr() == (
        "a  openai gpt-4o  1,500 tokens  USD 0.0075\n",
        f"It is in the ledger {find_ledger().place}; reports show it when its month is closed: "
        "flexlib close --year 2025 --month 9\n",
    )
    assert run("record", *words, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record | {"updated_at": ""} == dict.fromkeys(UsageRecord._fields) | {
        "id": 1,
        "request_id": "a",
        "created_at": "2025-09-10T12:00:00+00:00",
        "grain": "call",
        "requests": 1,
        "usable_type": "user",
        "usable_id": 42,
        "provider": "openai",
        "model": "gpt-4o",
        "proxy": None,
        "task_type": "text",
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "total_tokens": 1500,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "cost": None,
        "amount_in_usd": "0.0075000000",
        "price_source": f"{load_book().name} (openai)",
        "unconverted": "no exchange rate is known for the day of the call",
        "duration_ms": 12,
        "status": "ok",
        "metadata": {"note": "[email]"},
        "masked": "email",
        "updated_at": "",
    }
    key = ("--usable", "key:3f1c-8d2e", "--tier", "batch", "--extra-counts", '{"web_searches": 3}')
    assert run("record", "--provider", "meta", "--model", "mine", *key, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["usable_key"] == "3f1c-8d2e"
    assert (record["usable_id"], record["tier"], record["web_searches"]) == (None, "batch", 3)
    assert UsageQuery().by_usable(("key", "3f1c-8d2e")).count() == 1
    assert run("record", "--provider", "meta", "--model", "mine") == 0
    assert "unpriced: " in capsys.readouterr().out
    assert find_ledger().data == home
    assert UsageQuery().count() == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--provider", "openai"], "a call needs --model; or send many with --jsonl -"),
        ([], "a call needs --provider and --model"),
        (
            ["--provider", "openai", "--model", "x", "--usable", "user"],
            "--usable is 'user'; write it as user:42 or key:3f1c-8d2e.",
        ),
        (["--provider", "openai", "--model", "x", "--metadata", "{"], "--metadata is not JSON"),
        (["--jsonl", "-", "--model", "x", "--provider", "y"], "--jsonl takes whole calls from its lines; leave model"),
        (["--provider", "acme", "--model", "x"], "provider is 'acme'; it must be one of openai"),
    ],
)
def test_wrong_usage_says_what_to_write(home: Path, words: list[str], message: str) -> None:
    assert home.exists()
    with pytest.raises(InvalidRequest, match=message) as caught:
        run("record", *words)
    assert caught.value.exit_code == 2


def test_a_stream_of_lines_in_batches(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = [{**CALL, "request_id": str(number)} for number in range(2500)]
    file = write_lines(home / "calls.jsonl", *calls, "", *calls[:50])
    assert run("record", "--jsonl", file) == 0
    assert capsys.readouterr() == ("2,550 read, 2,500 stored, 50 repeated, 0 refused\n", "")
    assert run("record", "--jsonl", file, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"read": 2550, "stored": 0, "repeated": 2550, "refused": [], "rejects": None}
    assert UsageQuery().count() == 2500


def test_a_bad_line_is_reported_by_its_number_and_kept_and_stops_no_other(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_usage(**{**CALL, "usable": ("user", 42)}, request_id="there", status="ok")
    bad = {
        3: ('{"provider": "openai"', "not JSON (at column 22)."),
        4: ("[1]", "a line must be a JSON object, not list."),
        6: (json.dumps({**CALL, "prompt_tokens": -1}), "prompt_tokens is -1; it must be from 0 to 1000000000000."),
        7: (json.dumps({**CALL, "tokens": 1}), f"'tokens': not what a call has; it has {NAMES}."),
        8: (json.dumps({"provider": "openai"}), "model must be given."),
        9: (json.dumps({**CALL, "request_id": "there", "status": "error"}),
            "The request id 'there' is stored already, and status differs: send a new call under an id of its own."),
        12: (json.dumps({**CALL, "amount_in_usd": None, "extra_counts": {"web_searches": 10**12}}),
            "price refused: an amount is 10,000,000,000 USD or more; look at the numbers of tokens."),
    }  # fmt: skip
    lines: list[Any] = [{**CALL, "request_id": str(number)} for number in range(1, 21)]
    for number, (text, _) in bad.items():
        lines[number - 1] = text
    file = write_lines(home / "calls.jsonl", *lines)
    rejects = home / "kept" / "bad.jsonl"
    assert run("record", "--jsonl", file, "--rejects", str(rejects)) == 3
    out, err = capsys.readouterr()
    assert out == "20 read, 13 stored, 0 repeated, 7 refused\n"
    reported = [f"line {number} refused: {reason}" for number, (_, reason) in bad.items()]
    assert sorted(err.splitlines()[:-1]) == sorted(reported)
    assert err.splitlines()[-1] == f"flexlib: the refused lines are in {rejects}; correct them and send them again."
    kept = [json.loads(line) for line in rejects.read_text("utf-8").splitlines()]
    assert sorted((one["line"], one["text"], one["reason"]) for one in kept) == [
        (number, text, reason) for number, (text, reason) in bad.items()
    ]
    assert S_IMODE(rejects.stat().st_mode) == 0o600
    assert UsageQuery().count() == 14


def test_bytes_that_are_no_utf_8_refuse_their_line_only(home: Path) -> None:
    file = home / "calls.jsonl"
    good = json.dumps({**CALL, "request_id": "good"}).encode()
    file.write_bytes(b'{"provider": "openai", "model": "caf\xe9"}\n' + good + b"\n")
    assert run("record", "--jsonl", str(file)) == 3
    assert [one.request_id for one in UsageQuery()] == ["good"]
    (kept,) = (home / "rejected").iterdir()
    assert b"caf\xe9" in kept.read_bytes()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"created_at": "0001-01-01T00:00:00+04:00"}, "created_at is 0001-01-01T00:00:00+04:00; a call happens"),
        ({"created_at": "9999-12-31T23:59:59-05:00"}, "created_at is 9999-12-31T23:59:59-05:00; a call happens"),
        ("[" * 65 + "]" * 65, "not JSON that can be read (it is nested more than 64 levels deep)."),
        ("[" * 100_000, "not JSON that can be read (it is nested more than 64 levels deep)."),
        ('{"model": "x", "provider": "openai", "usable": ' + "[" * 3000 + "]" * 3000 + "}", "not JSON that"),
        ('{"model": "x", "provider": "openai", "metadata": ' + '{"a": ' * 64 + "{}" + "}" * 65,
         "not JSON that can be read (it is nested more than 64 levels deep)."),
        ("9" * 5000, "not JSON that can be read (a number has thousands"),
        ({"usable": "user"}, "usable is 'user'; write it as user:42 or key:3f1c-8d2e."),
        ({"usable": "user:" + "9" * 19}, "usable user has the id 9999999999999999999; it must be a whole number"),
        ({"prompt-tokens": 1, "x": None}, f"'prompt-tokens', 'x': not what a call has; it has {NAMES}."),
        ({"provider": None, "model": None}, "provider and model must be given."),
    ],
)  # fmt: skip
def test_a_line_that_breaks_its_reader_stops_no_other(home: Path, line: Any, reason: str) -> None:  # noqa: ANN401
    broken = json.dumps({**CALL, **line}) if isinstance(line, dict) else line
    good = [json.dumps({**CALL, "request_id": name}) for name in ("before", "after")]
    report = record_batches([[good[0], broken, good[1]]], find_ledger(), rejects=home / "bad.jsonl")
    assert (report.stored, [one.number for one in report.refused]) == (2, [2])
    assert report.refused[0].reason.startswith(reason)
    assert sorted(one.request_id for one in UsageQuery()) == ["after", "before"]


def test_a_line_says_who_as_the_option_does_and_null_is_the_default(ledger: Ledger) -> None:
    nothing = dict.fromkeys(NAMES.split(", ")) | {"prompt_tokens": 1, "completion_tokens": 0}
    lines = [
        "\ufeff" + json.dumps({**CALL, "usable": "user:42", "request_id": "text"}),
        json.dumps({**nothing, "provider": "openai", "model": " gpt-4o ", "request_id": "null"}) + "\r\n",
    ]
    report = record_batches([lines], ledger)
    assert report.refused == []
    stored = {one.request_id: one for one in UsageQuery(ledger)}
    assert stored["text"].usable == ("user", 42)
    assert stored["null"].usable is None
    assert (stored["null"].task_type, stored["null"].model, stored["null"].unpriced) == ("text", "gpt-4o", None)


def test_tokens_that_are_null_are_not_none(ledger: Ledger) -> None:
    report = record_batches([[json.dumps({**CALL, "prompt_tokens": None})]], ledger)
    (refused,) = report.refused
    assert refused.reason == "prompt_tokens null: not known is not 0; give the number of tokens."


def test_a_stream_that_ends_in_a_failure_names_the_line_to_go_on_from(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    execute(
        sqlite_ledger,
        "CREATE TRIGGER full BEFORE INSERT ON llm_usage_statistics WHEN NEW.model = 'o3' "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    calls: list[dict[str, Any]] = [
        {"request_id": "1"},
        {"request_id": "1", "prompt_tokens": 7},
        *({"request_id": n} for n in "3456"),
    ]
    lines = [json.dumps(CALL | call) for call in [*calls, {"model": "o3"}, {"request_id": "8"}]]
    with pytest.raises(LedgerFailed, match=r"no room.* The lines before line 5 are done; go on from it"):
        record_batches([lines], sqlite_ledger, rejects=tmp_path / "bad.jsonl")
    assert sorted(one.request_id for one in UsageQuery(sqlite_ledger)) == ["1", "3", "4"]


@contextmanager
def feed(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`flexlib record --jsonl -` in a process of its own, its stdin held open."""
    command = [sys.executable, "-W", "error", "-c", "from flexlib.cli import main; raise SystemExit(main())"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "record", "--jsonl", "-", *words], stdin=pipe, stdout=pipe, stderr=pipe) as one:
        try:
            yield one
        finally:
            one.kill()


def send(process: subprocess.Popen[bytes], *names: str) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(json.dumps({**CALL, "request_id": name}) + "\n" for name in names).encode())
    process.stdin.flush()


def wait_for_rows(count: int) -> None:
    end = time.monotonic() + 30
    while (found := UsageQuery().count()) != count:
        assert time.monotonic() < end, f"{found} rows, not {count}"
        time.sleep(0.05)


def test_lines_of_a_pipe_that_stays_open_are_stored_soon(home: Path) -> None:
    with feed() as process:
        send(process, "a", "b", "c")
        wait_for_rows(3)
        send(process, "d")
        wait_for_rows(4)
        assert process.poll() is None
        out, err = process.communicate(json.dumps({**CALL, "request_id": "e"}).encode())  # without its line's end
        assert (process.returncode, out, err) == (0, b"5 read, 5 stored, 0 repeated, 0 refused\n", b"")
    assert home.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_stream_when_what_was_sent_is_stored(home: Path, number: signal.Signals, code: int) -> None:
    with feed() as process:
        send(process, "first")
        wait_for_rows(1)
        send(process, *map(str, range(1500)))
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.wait(30) == code
        assert process.stdout.read() == b"1,501 read, 1,501 stored, 0 repeated, 0 refused\n"
        said = f"flexlib: Stopped by {number.name}, with 1,501 lines done.\n"
        assert process.stderr.read() == said.encode()
    assert UsageQuery().count() == 1501
    assert home.exists()


def test_a_line_that_a_signal_cut_is_kept_among_the_refused(home: Path) -> None:
    with feed() as process:
        send(process, "first")
        wait_for_rows(1)
        assert process.stdin is not None
        process.stdin.write(b'{"provider": "op')
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    (kept,) = (home / "rejected").iterdir()
    assert json.loads(kept.read_text("utf-8"))["text"] == '{"provider": "op'
    assert UsageQuery().count() == 1


def test_one_more_signal_ends_what_does_not_end_unless_it_came_with_the_first() -> None:
    code = "import time; from flexlib.cli.stream import StopSignals\n"
    code += "with StopSignals():\n  print(flush=True)\n  while True: time.sleep(0.01)"
    command = [sys.executable, "-W", "error", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said == b"flexlib: Stopped at once; the last lines may not be stored. Send them again.\n"


def test_a_stop_in_a_file_on_disk_leaves_the_line_that_was_not_read_whole(tmp_path: Path) -> None:
    stopped, stop = os.pipe()
    text = b"".join(b"%07d\n" % number for number in range(20_000))
    (tmp_path / "lines").write_bytes(b"x" + text)
    with (tmp_path / "lines").open("rb") as file:
        batches = iter(LineStream(file.fileno(), stopped))
        lines = next(batches)
        os.write(stop, b"!")
        lines += [line for batch in batches for line in batch]
    assert (len(lines), lines[-1]) == (8191, "0008190")  # of 64 KiB
    os.close(stop)
    os.close(stopped)


def test_a_file_that_is_not_there(home: Path) -> None:
    with pytest.raises(BadFile, match="none.jsonl cannot be read: no such file or directory"):
        run("record", "--jsonl", str(home / "none.jsonl"))


def test_lines_come_from_another_program_through_a_pipe(home: Path) -> None:
    lines = "".join(json.dumps({**CALL, "request_id": str(number)}) + "\n" for number in range(30))
    command = [sys.executable, "-W", "error", "-m", "flexlib", "record", "--jsonl", "-", "--progress"]
    done = subprocess.run(command, input=lines + "no\n", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "31 read, 30 stored, 0 repeated, 1 refused\n")
    assert "line 31 refused: not JSON (at column 1)." in done.stderr
    assert "31call" in done.stderr.replace(" ", "")  # the bar
    assert home.exists()


def test_lines_without_trouble_make_no_rejects_file(ledger: Ledger) -> None:
    seen: list[RefusedLine] = []
    report = record_batches([[json.dumps(CALL)]], ledger, on_refusal=seen.append)
    assert (report.stored, report.rejects, seen) == (1, None, [])
    assert not (ledger.data / "rejected").exists()
    with pytest.raises(InvalidCall):
        record_usage(usable=None, provider="acme", model="x", ledger=ledger)
