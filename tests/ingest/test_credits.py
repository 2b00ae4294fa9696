"""A month brought up to date: killed, run twice, on a full disk, in another server's folder, and what a run leaves."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from harness import (
    BALANCE,
    COMPANY,
    CONSUMPTION,
    KEY,
    QUERIES,
    SEPTEMBER,
    Answer,
    Request,
    answer_json,
    count_requests,
    forward,
    read_credits,
    serve,
    sum_credits,
    sum_rows,
)

from flexlib.analysis.credits import credits_statistics
from flexlib.certificate import CreditsCertificate, State
from flexlib.console.certificate import render_certificate
from flexlib.dates import Month, Span
from flexlib.demo import demo_server
from flexlib.errors import BadMonth, DiskFailed, OtherServer, RouteRefused, ServerUnreachable
from flexlib.ingest.windsurf.fetch import ensure_credits, update_credits
from flexlib.page.credits.proof import show_proof
from flexlib.settings import Settings
from flexlib.store.server import read_server
from flexlib.store.snapshots import find_snapshot, list_snapshots
from flexlib.store.version import Snapshot

Demo = Callable[..., str]
Fetch = Callable[..., Snapshot]

PROMPT, FLEX = sum_rows(sum_credits())
BUSIEST = COMPANY.rank_spenders(SEPTEMBER)[0]
USERS = 300

pytestmark = pytest.mark.usefixtures("hurry")


def certify(snapshot: Snapshot) -> CreditsCertificate:
    assert isinstance(snapshot.certificate, CreditsCertificate)
    return snapshot.certificate


@contextmanager
def start_fetch(url: str, data: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`flexlib fetch` of September as a process of its own; killed at the end if it is still there."""
    environment = {"WINDSURF_BASE_URL": url, "WINDSURF_SERVICE_KEY": KEY, "FLEXLIB_DATA": str(data)}
    command = [sys.executable, "-m", "flexlib", "fetch", "--year", "2025", "--month", "9", *words]
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 20) -> None:
    """Returns once it happened, which `process` is to bring about."""
    end = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def list_files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_what_a_run_leaves_and_nothing_else(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    snapshot = fetch(demo())
    version = snapshot.path.relative_to(tmp_path / "data")
    assert str(version.parent) == "credits/2025-09"
    kept = ("certificate.json", "credits.parquet", "people.json", "raw/answers.jsonl.gz")
    assert list_files(tmp_path / "data") == {
        "server.json", "credits/2025-09/.lock", "credits/2025-09/.last.json",
        *(f"{version}/{name}" for name in kept),
    }  # fmt: skip
    assert certify(snapshot).rows_sha256.startswith(snapshot.path.name[-8:])
    assert pq.read_table(snapshot.parquet).num_rows == certify(snapshot).rows


def test_people_are_in_one_file_that_nobody_else_can_read(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    snapshot = fetch(demo(), "user")
    holding = {
        path for path in (tmp_path / "data").rglob("*") if path.is_file() and b"@example.com" in read_plain(path)
    }
    assert holding == {snapshot.path / "people.json"}
    assert stat.S_IMODE((snapshot.path / "people.json").stat().st_mode) == 0o600
    assert len(snapshot.people) == USERS


def read_plain(path: Path) -> bytes:
    """What is in a file, also in a compressed one."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return json.dumps([table.to_pylist(), str(table.schema.metadata)], default=str).encode() + path.read_bytes()
    return path.read_bytes()


def test_a_second_run_asks_only_for_the_user_who_failed_and_the_month_is_complete_once_he_answers(
    fetch: Fetch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with demo_server("--users", str(USERS), "--failing-user", BUSIEST, "--request-log", str(log)) as url:
        first = certify(fetch(url, "user", verify=0))
        sent = count_requests(log, QUERIES)
        second = certify(fetch(url, "user", verify=0))
        assert count_requests(log, QUERIES) - sent == 1 + 8  # the team's sum; all attempts for the one user
    assert (first.state, second.state) == (State.GAP, State.GAP)
    assert (first.failed_users, second.failed_users) == ((BUSIEST,), (BUSIEST,))
    whole = tmp_path / "whole"
    with demo_server("--users", str(USERS), "--request-log", str(whole)) as url:
        third = fetch(url, "user", verify=0)
        assert count_requests(whole, QUERIES) == 1 + 1
    assert certify(third).state is State.COMPLETE
    assert read_credits(third) == sum_credits()
    versions = list_snapshots("credits", SEPTEMBER, tmp_path / "data")
    assert [version.certificate.state for version in versions] == [State.GAP, State.GAP, State.COMPLETE]
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") == third
    assert not (tmp_path / "data" / "credits" / "2025-09" / ".draft").exists()


@pytest.mark.heavy
def test_killed_ten_times_it_ends_as_if_it_had_never_been_and_asks_nothing_again_that_was_read(
    demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    undisturbed = fetch(demo(), "user", data=tmp_path / "undisturbed")
    log, data, workers = tmp_path / "log", tmp_path / "killed", 4
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    slow = ("--users", str(USERS), "--latency", "0.04", "--request-log", str(log))
    words = ("--route", "user", "--workers", str(workers), "--verify", "0")
    with demo_server(*slow) as url:
        kills = 0
        for _ in range(10):
            enough = count_requests(log, QUERIES) + chance.randrange(1, 27)
            with start_fetch(url, data, *words) as process:
                wait_for(lambda enough=enough: count_requests(log, QUERIES) >= enough, process)  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.02))
                kills += process.poll() is None
                process.send_signal(signal.SIGKILL)
        assert kills == 10, f"seed {seed}: a run ended before it was killed"
        assert find_snapshot("credits", SEPTEMBER, data) is None
        asked_by_killed = count_requests(log, QUERIES)
        with start_fetch(url, data, *words) as process:
            output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    snapshot = find_snapshot("credits", SEPTEMBER, data)
    assert snapshot is not None
    assert certify(snapshot).rows_sha256 == certify(undisturbed).rows_sha256, f"seed {seed}"
    assert snapshot.parquet.read_bytes() == undisturbed.parquet.read_bytes()
    assert certify(snapshot).state is State.COMPLETE
    sums = 11  # of the team, once a run
    in_flight = 10 * workers  # answers that were on their way when the run was killed
    assert certify(snapshot).requests_resumed >= asked_by_killed - in_flight - sums
    assert USERS + sums <= count_requests(log, QUERIES) <= USERS + sums + in_flight
    assert "COMPLETE" in output
    assert not list(data.rglob(".ingesting")) + list(data.rglob(".draft"))


def test_two_runs_at_once_the_second_leaves_with_exit_code_2_or_waits(demo: Demo, tmp_path: Path) -> None:
    url, data = demo(), tmp_path / "data"
    folder, released = data / "credits" / "2025-09", threading.Event()

    def hold(request: Request) -> Answer:
        if request.path == QUERIES:
            released.wait(60)
        return forward(url, request)

    with serve(hold) as door, start_fetch(door, data, "--verify", "1") as first:
        wait_for(lambda: (folder / ".draft" / "header.json").exists(), first)
        with start_fetch(url, data) as second, start_fetch(url, data, "--wait", "--verify", "1") as third:
            _, sentence = second.communicate(timeout=60)
            assert (first.poll(), third.poll()) == (None, None)
            released.set()
            first_said, _ = first.communicate(timeout=60)
            third_said, errors = third.communicate(timeout=60)
    assert (first.returncode, second.returncode, third.returncode) == (0, 2, 0)
    assert sentence == (
        f"flexlib: Another run (process {first.pid}) is reading 2025-09 into {folder}; wait for it to end, "
        "or add --wait.\n"
    )
    assert ("COMPLETE" in first_said, "COMPLETE" in third_said, errors) == (True, True, "")
    hashes = [certify(one).rows_sha256 for one in list_snapshots("credits", SEPTEMBER, data)]
    assert hashes == [hashes[0]] * 2


def age_draft(folder: Path, hours: float) -> None:
    """Makes the draft as old as if its run had been killed that long ago."""
    header = json.loads((folder / "header.json").read_text())
    header["started_at"] = (datetime.fromisoformat(header["started_at"]) - timedelta(hours=hours)).isoformat()
    (folder / "header.json").write_text(json.dumps(header))


@pytest.mark.parametrize(("hours", "resumed"), [(2.9, True), (3.1, False)])
def test_what_a_killed_run_left_is_used_for_three_hours(
    hours: float, resumed: bool, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    fetch(demo("--failing-user", BUSIEST), "user", verify=0)
    age_draft(tmp_path / "data" / "credits" / "2025-09" / ".draft", hours)
    certificate = certify(fetch(demo(), "user", verify=0))
    assert certificate.state is State.COMPLETE
    assert (certificate.requests_resumed >= USERS - 1) == resumed
    assert certificate.requests_sent < 10 if resumed else certificate.requests_sent >= USERS
    age = datetime.now(timezone.utc) - certificate.read_at
    assert age > timedelta(hours=2.8) if resumed else age < timedelta(minutes=5)


def test_what_another_keys_run_left_is_not_used(fetch: Fetch, demo: Demo, tmp_path: Path) -> None:
    fetch(demo("--failing-user", BUSIEST), "user", verify=0)
    with demo_server("--users", str(USERS), "--key", "another-key") as url:
        certificate = certify(fetch(url, "user", verify=0, key="another-key"))
    assert (certificate.state, certificate.requests_resumed) == (State.COMPLETE, 0)


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: the kernel refuses, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("route", ["team", "batch", "user", "consumption"])
@pytest.mark.parametrize("size", [0, 8_000, 60_000])
def test_a_file_that_cannot_grow_is_one_sentence_and_the_old_snapshot_is_intact(
    size: int, route: str, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    url = demo()
    old = fetch(url, verify=0)
    before = {name: (tmp_path / "data" / name).read_bytes() for name in list_files(tmp_path / "data")}
    with (
        file_limit(size),
        pytest.raises(DiskFailed, match=r"Could not write into .*: file too large\. Nothing that was"),
    ):
        fetch(url, route)
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") == old
    left = {name for name in list_files(tmp_path / "data") if "/.draft/" not in name}
    assert left == set(before)
    assert {name: (tmp_path / "data" / name).read_bytes() for name in before if ".lock" not in name} == {
        name: content for name, content in before.items() if ".lock" not in name
    }
    assert read_credits(fetch(url, route, verify=0)) == sum_credits()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that is soon full; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by root only; the tests with file limits hold here too")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("room", [1, 30_000, 100_000])
def test_a_full_disk_is_one_sentence_with_exit_code_1_and_the_old_snapshot_is_intact(
    room: int, demo: Demo, fetch: Fetch, small_disk: Path
) -> None:
    url = demo()
    old = fetch(url, data=small_disk, verify=0)
    filler = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(b"x" * max(0, free - room))
    with start_fetch(url, small_disk, "--route", "user") as process:
        output, sentence = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert sentence.startswith(f"flexlib: Could not write into {small_disk}")
    assert "no space left on device. Nothing that was stored before has changed; make room" in sentence
    assert sentence.count("\n") == 1
    assert not list(small_disk.rglob("*.tmp")) + list(small_disk.rglob(".ingesting"))
    assert find_snapshot("credits", SEPTEMBER, small_disk) == old
    filler.unlink()
    assert read_credits(fetch(url, "user", data=small_disk, verify=0)) == sum_credits()


def test_the_current_month_is_provisional(demo: Demo, fetch: Fetch) -> None:
    month = Month.containing(datetime.now(timezone.utc).date())
    certificate = certify(fetch(demo(), "user", month=month, verify=5))
    assert (certificate.state, certificate.state.exit_code) == (State.PROVISIONAL, 0)


def settings_for(url: str, tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", url, KEY)


def rewrite(snapshot: Snapshot, certificate: CreditsCertificate) -> None:
    (snapshot.path / "certificate.json").write_text(certificate.to_json())


def test_a_complete_month_is_not_read_again_unless_it_is_fetched(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    settings = settings_for(demo(), tmp_path)
    first = fetch(settings.base_url)
    assert ensure_credits(SEPTEMBER.span, settings) == [first]
    assert ensure_credits(SEPTEMBER.span, replace(settings, service_key=None)) == [first]
    assert fetch(settings.base_url) != first


def test_a_month_that_is_not_there_or_has_a_gap_is_read_again(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    settings = settings_for(demo(), tmp_path)
    august, september = ensure_credits(Span(Month(2025, 8).last, SEPTEMBER.first), settings, verify=0)
    assert (august.month, september.month) == (Month(2025, 8), SEPTEMBER)
    rewrite(september, replace(certify(september), users_failed=1, failed_users=(BUSIEST,)))
    again = ensure_credits(SEPTEMBER.span, settings, verify=0)
    assert again != [september]
    assert certify(again[0]).state is State.COMPLETE


@pytest.mark.parametrize(("hours", "read_again"), [(2.9, False), (3.1, True)])
def test_a_provisional_month_is_read_again_after_three_hours(
    hours: float, read_again: bool, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    settings = settings_for(demo(), tmp_path)
    month = Month.containing(datetime.now(timezone.utc).date())
    first = fetch(settings.base_url, month=month, verify=0)
    stored = certify(first)
    rewrite(first, replace(stored, read_at=stored.read_at - timedelta(hours=hours)))
    [second] = ensure_credits(month.span, settings, verify=0)
    assert (second.path != first.path) == read_again


def test_a_month_to_come_is_refused_before_any_other_is_asked_for(tmp_path: Path, demo: Demo) -> None:
    settings = settings_for(demo(), tmp_path)
    now = Month.containing(datetime.now(timezone.utc).date())
    sentence = f"{now.next.title} has not begun yet; ask for days up to {now.title}."
    with pytest.raises(BadMonth) as refused:
        update_credits(now.next, settings)
    assert str(refused.value) == sentence
    with pytest.raises(BadMonth, match="has not begun yet"):
        ensure_credits(Span(now.first, now.next.next.last), settings)
    assert not (tmp_path / "data").exists()


def test_another_servers_folder_is_refused_by_both_names(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    fetch(demo(), verify=0)
    with demo_server("--users", "20", "--seed", "7") as other:
        for run in (lambda: fetch(other), lambda: ensure_credits(SEPTEMBER.span, settings_for(other, tmp_path))):
            with pytest.raises(OtherServer) as refused:
                run()
            assert refused.value.exit_code == 2
            assert str(refused.value) == (
                f"{tmp_path / 'data'} holds data of demo (seed=2025 users=300), and the settings name "
                "demo (seed=7 users=20); set FLEXLIB_DATA to a folder of its own."
            )


def test_a_demo_server_is_known_as_one_also_at_another_port_and_a_real_one_is_not(
    demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    certificate = certify(fetch(demo(), verify=0))
    assert (certificate.demo, certificate.server) == (True, "demo (seed=2025 users=300)")
    assert certify(fetch(demo("--nil-numbers", "0.1"), verify=0)).demo
    assert read_server(tmp_path / "data")["demo"] is True

    def disguise(request: Request) -> Answer:
        answer = forward(demo(), request)
        return replace(
            answer, headers={name: value for name, value in answer.headers.items() if name != "Flexlib-Demo"}
        )

    with serve(disguise) as door:
        real = certify(fetch(door, data=tmp_path / "real", verify=0))
        assert (real.demo, real.server) == (False, door)
        with pytest.raises(OtherServer):
            fetch(door)


def test_an_address_where_nobody_answers_does_not_own_the_folder(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachable, match="Nothing answers at http://127.0.0.1:9; is the server running"):
        fetch("http://127.0.0.1:9")
    with serve(lambda _: Answer(503)) as door, pytest.raises(ServerUnreachable, match="did not list the team's people"):
        fetch(door)
    assert read_server(tmp_path / "data") == {}
    assert certify(fetch(demo(), verify=0)).state is State.COMPLETE


def test_a_refusal_that_has_passed_is_not_held_against_a_route_when_no_other_is_left(
    demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    with pytest.raises(RouteRefused):
        fetch(demo("--data-source-gone", "--deny", "balance"))
    assert set(read_server(tmp_path / "data")["refused"]) == {"team"}
    file = tmp_path / "data" / "server.json"
    facts = json.loads(file.read_text())
    facts["refused"] |= dict.fromkeys(("batch", "user"), facts["refused"]["team"])
    file.write_text(json.dumps(facts))
    certificate = certify(fetch(demo("--deny", "consumption")))
    assert (certificate.state, certificate.route) == (State.COMPLETE, "team")
    assert "consumption failed" in certificate.route_reason


def test_a_refusal_is_remembered_for_a_week(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    fetch(demo("--refuse-aggregation"), verify=0)
    file = tmp_path / "data" / "server.json"
    for days, route in ((6.9, "batch"), (7.1, "team")):
        facts = json.loads(file.read_text())
        facts["refused"]["team"]["at"] = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()
        file.write_text(json.dumps(facts))
        assert certify(fetch(demo(), verify=0)).route == route


@pytest.mark.parametrize("words", [("--route", "user"), ("--route", "consumption")])
def test_the_key_is_in_nothing_that_a_run_writes_or_says(words: tuple[str, ...], tmp_path: Path) -> None:
    key = "sk-ws-01-Zq7/hidden+key=="

    def echo(request: Request) -> Answer:
        """A server that puts the key into every answer, plain and escaped."""
        answer = forward(url, replace(request, text=request.text))
        if not answer.text.startswith(b"{"):
            return answer
        extra = (
            json.dumps({"echo": key})[1:-1] + ', "escaped": "' + key.replace("/", "\\/").replace("+", "\\u002b") + '"'
        )
        return replace(answer, text=answer.text[:-1] + b", " + extra.encode() + b"}")

    data = tmp_path / "data"
    with (
        demo_server("--users", "40", "--key", key, "--share-503", "0.05", "--garbage-user", "3") as url,
        serve(echo) as door,
    ):
        said = [run_fetch(door, data, key, *words)]
        said.append(run_fetch(door, data, key + "wrong", *words))
        broken = "import flexlib.ingest.windsurf.route_choice as c\ndef fail(*a): raise RuntimeError(f'boom {a}')\n"
        broken += "c._build_rows = fail\n"
        said.append(run_fetch(door, data, key, *words, before=broken))
    assert "RuntimeError: boom" in said[2]
    assert "Traceback" in said[2]
    for text in said:
        assert key not in text
    files = [path for path in data.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if any(form in read_plain(path) for form in forms(key))] == []


def test_what_a_server_says_brings_no_key_no_e_mail_and_nothing_that_steers_a_terminal(
    demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    url, steering = demo(), "\x1b]52;c;eA==\x07\x9b2J"
    words = f"no, {KEY}: ask ana@corp.example {steering}"

    def answer(request: Request) -> Answer:
        """Every no with these words, each in another place; the balance with the key as the name of a member."""
        if request.path == QUERIES and "aggregations" in request.body["query_requests"][0]:
            return Answer(400, b"", reason=words)
        if request.path == CONSUMPTION:
            return answer_json({"error": words + "\u202e"}, 400)
        there = forward(url, request)
        if request.path != BALANCE:
            return there
        more = {KEY: 1, "owner": "ana@corp.example", "billingCycleEnd": f"\u202e{KEY} ana@corp.example"}
        return answer_json(there.read() | more)

    with serve(answer) as door:
        snapshot = fetch(door)
    certificate = certify(snapshot)
    assert certificate.state is State.COMPLETE
    assert certificate.route_reason.startswith(
        "team was refused (HTTP 400: no, [service key]: ask [email] �]52;c;eA==��2J)"
    )
    shown = render_certificate(certificate)
    assert shown.replace("\n", "").isprintable()
    page = show_proof(certificate, credits_statistics(snapshot.frame)).text
    files = [tmp_path / "data" / "server.json", snapshot.path / "certificate.json"]
    for said in (page, shown, *(file.read_text("utf-8") for file in files)):
        assert [bad for bad in (KEY, "ana@corp", "\x1b", "\x9b", "\u202e", "\\u202e", "\\u001b") if bad in said] == []
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and KEY.encode() in read_plain(path)]
    assert kept == []


def test_a_row_whose_model_is_no_name_is_a_gap_as_recording_refuses_it(demo: Demo, fetch: Fetch) -> None:
    url, strange = demo(), iter(["x" * 256, "gpt\u202e4", " "])

    def answer(request: Request) -> Answer:
        there = forward(url, request)
        if request.path != QUERIES or "aggregations" not in request.body["query_requests"][0]:
            return there
        value = there.read()
        for row in value["queryResults"][0]["responseItems"][:3]:
            row["item"]["model"] = next(strange)
        return answer_json(value)

    with serve(answer) as door:
        certificate = certify(fetch(door, "team", verify=0))
    assert (certificate.state, certificate.quarantined_rows) == (State.GAP, 3)


def forms(key: str) -> list[bytes]:
    """The key as it could stand in a file."""
    return [key.encode(), key.replace("/", "\\/").encode(), key.replace("+", "\\u002b").encode()]


def run_fetch(url: str, data: Path, key: str, *words: str, before: str = "") -> str:
    """All that `flexlib fetch` says, with FLEXLIB_DEBUG, after the statements `before`."""
    environment = {
        "WINDSURF_BASE_URL": url,
        "WINDSURF_SERVICE_KEY": key,
        "FLEXLIB_DATA": str(data),
        "FLEXLIB_DEBUG": "1",
    }
    script = before + "import sys, flexlib.cli\nsys.exit(flexlib.cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "fetch", "--year", "2025", "--month", "9", "--progress", *words]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr
