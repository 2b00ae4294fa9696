"""The demo server as a process: one line of output, and no trace of it once it is no longer needed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from flexlib.demo import demo_server
from flexlib.errors import ServerUnreachable

COMMAND = [sys.executable, "-m", "flexlib.demo", "--users", "20"]
HOLDER = """
import time
from flexlib.demo import demo_server
with demo_server("--users", "20") as url:
    print(url, flush=True)
    time.sleep(600)
"""


@contextmanager
def run_process(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def listens(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionError:  # refused, or reset by a server that is just ending
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_at_once_with_exit_code_0_and_one_line_said(number: signal.Signals) -> None:
    with run_process(*COMMAND, "--port", "0", "--latency", "60") as process:
        line = read_line(process)
        said = r"Demo server with 20 people at (http://127\.0\.0\.1:\d+) \(key: demo-key\)\. Ctrl-C stops it\.\n"
        match = re.fullmatch(said, line)
        assert match is not None, line
        assert requests.get(match[1], timeout=5).status_code == 200
        with pytest.raises(requests.Timeout):
            requests.post(match[1] + "/api/v1/Analytics", json={}, timeout=0.2)
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)  # half of what the request above waits for
    assert (process.returncode, output, errors) == (0, "", "")


def test_the_context_manager_stops_it_also_after_an_error() -> None:
    urls = []

    def fail_within() -> None:
        with demo_server("--users", "20") as url:
            urls.append(url)
            assert listens(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_within()
    assert not listens(urls[0])


def test_it_stops_when_the_process_that_started_it_is_killed() -> None:
    with run_process(sys.executable, "-c", HOLDER) as holder:
        url = read_line(holder).strip()
        assert listens(url)
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        deadline = time.monotonic() + 5
        while listens(url) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not listens(url)


def test_ctrl_c_in_a_terminal_is_not_for_the_server() -> None:
    with run_process(sys.executable, "-c", HOLDER) as holder:
        url = read_line(holder).strip()
        asked = ["ps", "-o", "pgid=", "--ppid", str(holder.pid)]
        group = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        assert listens(url)
        assert group.isdecimal()
        assert int(group) != os.getpgid(holder.pid)


def test_it_listens_on_the_loopback_alone() -> None:
    with demo_server("--users", "20") as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--share-503", "5"], "'5' is no share; give a number from 0 to 1"),
        (["--users", "0"], "'0' is no number of people; give 1 or more"),
        (["--failing-user", "20"], "no user '20'; give a key, or a number from 0 to 19."),
        (["--share-503", "0.7", "--share-cut", "0.7"], "add up to 1.4; keep them at 1 or below."),
        (["--billing-cycle", "September"], "'September' is not a month; write it as 2025-09."),
        (["--now", "2019-01-01"], "is before 2025-01-01"),
        (["--request-log", "/nowhere/at/all"], "the request log /nowhere/at/all cannot be written"),
    ],
)
def test_options_that_make_no_sense_end_it_with_one_sentence_and_exit_code_2(options: list[str], sentence: str) -> None:
    done = subprocess.run([*COMMAND, "--port", "0", *options], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with demo_server("--users", "20") as url:
        port = url.rsplit(":", 1)[1]
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr == f"port {port} cannot be used (address already in use); give another, or 0 for any.\n"


def test_a_server_that_does_not_start_is_an_error_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ServerUnreachable, match="the demo server did not start"), demo_server("--users", "none"):
        pass
    assert "'none' is no number of people" in capfd.readouterr().err


def test_importing_it_loads_no_web_server() -> None:
    script = (
        "import sys, flexlib.demo; print([name for name in ('tornado', 'requests', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
