"""Answers that are kept: found again for the very same question alone, whole or not at all, and never too many."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from redis_server import RedisServer, start_redis

from flexlib.store import cache, cache_files, row_hash
from flexlib.store.cache import Basis, choose_cache, join_bases, keep_answer, open_store, recall
from flexlib.store.cache_files import FOLDER, AnswerStore
from flexlib.store.row_hash import hash_file


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with start_redis() as url:
        yield url


@pytest.fixture(autouse=True)
def _cache_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the process of what another test has chosen or heard."""
    for name, empty in (("_open", {}), ("_away", {}), ("_told", set()), ("_chosen", None), ("WORTH", 0)):
        monkeypatch.setattr(cache, name, empty)


@pytest.fixture(params=["files", "redis"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data folder, whose answers are in files or in an empty Redis."""
    if request.param == "redis":
        choose_cache(request.getfixturevalue("redis_url"))
        find_store(tmp_path).clear()
    return tmp_path


def find_store(root: Path) -> AnswerStore:
    store = open_store(root)
    assert store is not None
    return store


def write_basis(root: Path, content: str = "rows", rest: str = "") -> Basis:
    file = root / "rows.parquet"
    file.write_text(content)
    return Basis(root, ((file, hash_file(file)),), len(content), rest)


def fail() -> None:
    raise AssertionError("it was to be kept")


def test_an_answer_comes_back_as_it_was_given_with_its_types(root: Path) -> None:
    answer = {
        "amounts": [Decimal("1.50"), Decimal("0E-10"), None], "calls": 2**70, "text": "ñ \u2028",
        "at": [date(2025, 9, 1), datetime(2025, 9, 1, 12, 0, 0, 1)], "is": [True, {"a": 1, "b": []}],
    }  # fmt: skip
    basis = write_basis(root)
    assert recall(basis, "all", lambda: answer) == answer
    found = recall(basis, "all", fail)
    assert (found, repr(found)) == (answer, repr(answer))  # 1.5 equals 1.50, and is not it


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (write_basis(root, "other rows"), "all"),
        lambda root: (write_basis(root, rest="another zone"), "all"),
        lambda root: (write_basis(root), "another question"),
        lambda root: (join_bases([write_basis(root), write_basis(root)]), "all"),
    ],
)
def test_what_is_made_of_anything_else_is_another_question(
    root: Path, change: Callable[[Path], tuple[Basis, str]]
) -> None:
    recall(write_basis(root), "all", lambda: 1)
    basis, question = change(root)
    assert recall(basis, question, lambda: 2) == 2
    assert recall(write_basis(root), "all", fail) == 1


def test_other_code_asks_another_question(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recall(write_basis(root), "all", lambda: 1)
    monkeypatch.setattr(cache, "_name_code", lambda: "of another flexlib")
    assert recall(write_basis(root), "all", lambda: 2) == 2


def test_a_question_without_an_exact_text_is_refused(root: Path) -> None:
    with pytest.raises(TypeError):
        recall(write_basis(root), {"zone": object()}, lambda: 1)


def test_what_is_small_what_holds_an_e_mail_address_and_what_is_large_is_not_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    basis = write_basis(root)
    recall(basis, "who", lambda: ["ana@acme.example"])
    recall(basis, "who, in a model", lambda: ["gpt-4o ana.rojas@mail.acme.cl"])
    recall(basis, "much", lambda: "x" * cache.LARGEST)
    monkeypatch.setattr(cache, "WORTH", basis.size + 1)
    recall(basis, "little", lambda: 1)
    assert find_store(root).measure().answers == 0


def test_a_version_of_a_model_is_no_address(root: Path) -> None:
    recall(write_basis(root), "models", lambda: ["claude-3-5-haiku@20241022", "gemini@001.5"])
    assert find_store(root).measure().answers == 1


@pytest.mark.parametrize(("name", "value"), [("LIBRARIES", ("a-library-that-nobody-has",)), ("STARTED", 0)])
def test_where_the_code_cannot_be_told_or_is_another_than_runs_nothing_is_kept(
    root: Path, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, name, value)
    cache._name_code.cache_clear()
    assert recall(write_basis(root), "all", lambda: 1) == 1
    assert find_store(root).measure().answers == 0
    cache._name_code.cache_clear()


def test_what_was_read_from_a_file_that_is_no_more_the_one_that_was_hashed_is_not_kept(root: Path) -> None:
    basis = write_basis(root)
    (root / "rows.parquet").write_text("rows that somebody changed meanwhile")
    assert recall(basis, "all", lambda: "of the changed ones") == "of the changed ones"
    assert recall(write_basis(root), "all", lambda: "of the right ones") == "of the right ones"


@pytest.mark.skipif(os.name == "nt", reason="no such times there")
@pytest.mark.parametrize(("settled", "hashed"), [(0, 1), (3600 * 10**9, 4)])
def test_files_are_hashed_once_for_all_answers_unless_they_were_written_just_before(
    root: Path, settled: int, hashed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    digest = hashlib.file_digest

    def watch(*given: Any) -> Any:  # noqa: ANN401
        read.append(given)
        return digest(*given)

    monkeypatch.setattr(hashlib, "file_digest", watch)
    monkeypatch.setattr(row_hash, "SETTLED_NS", settled)
    basis = write_basis(root)
    assert [recall(basis, number, partial(int, number)) for number in range(3)] == [0, 1, 2]
    assert (len(read), find_store(root).measure().answers) == (hashed, 3)


@pytest.mark.skipif(os.name == "nt", reason="no such times there")
@pytest.mark.parametrize("replace", [False, True])
def test_a_file_that_was_changed_with_the_size_and_the_time_it_had_is_not_the_one_that_was_hashed(
    root: Path, replace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_hash, "SETTLED_NS", 0)
    basis, file, other = write_basis(root), root / "rows.parquet", root / "other"
    was = file.stat()
    while file.stat().st_ctime_ns == was.st_ctime_ns:  # until the clock of its disk goes on
        (other if replace else file).write_text("swor")
        os.utime(other if replace else file, ns=(was.st_atime_ns, was.st_mtime_ns))
        if replace:
            other.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (was.st_size, was.st_mtime_ns)
    assert recall(basis, "all", lambda: "of the changed ones") == "of the changed ones"
    assert recall(write_basis(root), "all", lambda: "of the right ones") == "of the right ones"


def test_what_was_read_from_a_file_that_is_gone_by_now_is_given_and_not_kept(root: Path) -> None:
    basis = write_basis(root)

    def read() -> int:
        (root / "rows.parquet").unlink()
        return 1

    assert recall(basis, "all", read) == 1
    assert recall(write_basis(root), "all", lambda: 2) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: b"",
        lambda content: content.replace(b"41", b"42"),
        lambda content: content + b" ",
        lambda content: b"\x00" * len(content),
    ],
)
def test_a_damaged_answer_is_computed_anew_said_once_and_replaced(
    root: Path, damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    basis, store = write_basis(root), find_store(root)
    for question in ("one", "other"):
        name = cache._name_question(basis, question)
        recall(basis, question, lambda: 41)
        kept = store.read(name)
        assert kept is not None
        store.write(name, damage(kept))
        assert recall(basis, question, lambda: 43) == 43
        assert recall(basis, question, fail) == 43
    assert capsys.readouterr().err == f"flexlib: An answer in {store.place} is damaged; it is computed anew.\n"


def test_an_answer_under_the_name_of_another_is_none(root: Path) -> None:
    basis, store = write_basis(root), find_store(root)
    recall(basis, "one", lambda: 1)
    content = store.read(cache._name_question(basis, "one"))
    assert content is not None
    store.write(cache._name_question(basis, "other"), content)
    assert recall(basis, "other", lambda: 2) == 2


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    basis = write_basis(tmp_path)
    for number in range(4):
        recall(basis, number, lambda: "x" * 1000)
        file = tmp_path / FOLDER / f"{cache._name_question(basis, number)}.json"
        os.utime(file, (number, number))  # a file system may not tell them apart
    recall(basis, 0, fail)
    monkeypatch.setattr(cache_files, "MOST_BYTES", 4500)
    monkeypatch.setattr(cache_files, "KEPT_BYTES", 3500)
    recall(basis, 4, lambda: "x" * 1000)
    status = find_store(tmp_path).measure()
    assert (status.answers, status.bytes <= 3500) == (3, True)
    for number in (0, 3, 4):
        recall(basis, number, fail)


def test_a_redis_is_asked_for_one_key_by_each_answer_and_lets_it_go_a_week_after_the_last_question(
    tmp_path: Path, redis_url: str
) -> None:
    server = redis.Redis.from_url(redis_url)
    server.flushall()
    server.config_resetstat()
    choose_cache(redis_url)
    basis = write_basis(tmp_path)
    recall(basis, "all", lambda: 1)
    assert {"cmdstat_get": 1, "cmdstat_set": 1}.items() <= count_commands(server).items()
    assert not {"cmdstat_hgetall", "cmdstat_zrange", "cmdstat_scan"} & count_commands(server).keys()
    (key,) = server.keys()
    server.expire(key, 60)
    recall(basis, "all", fail)
    assert 6 * 24 * 3600 < server.ttl(key) <= 7 * 24 * 3600


def count_commands(server: redis.Redis) -> dict[str, int]:
    return {name: stat["calls"] for name, stat in server.info("commandstats").items()}


def test_what_a_redis_took_away_by_itself_is_computed_anew_and_no_longer_counted(
    tmp_path: Path, redis_url: str
) -> None:
    server = redis.Redis.from_url(redis_url)
    server.flushall()
    server.set("somebody else's", "x")
    choose_cache(redis_url)
    basis = write_basis(tmp_path)
    recall(basis, "one", lambda: 1)
    server.delete(*server.keys("flexlib:answer:*"))
    recall(basis, "other", lambda: 2)
    (kept,) = server.keys("flexlib:answer:*")
    status = find_store(tmp_path).measure()
    assert (status.answers, status.bytes, status.most_bytes) == (1, server.strlen(kept), None)
    assert recall(basis, "one", lambda: 3) == 3
    assert (find_store(tmp_path).clear(), server.keys()) == (2, [b"somebody else's"])


def test_clear_takes_all_away_and_says_how_many(root: Path) -> None:
    basis, store = write_basis(root), find_store(root)
    for number in range(3):
        recall(basis, number, lambda: "x")
    assert (store.clear(), store.clear(), store.measure().answers) == (3, 0, 0)
    assert recall(basis, 0, lambda: "y") == "y"


def test_clear_takes_what_a_killed_process_left_half_written_and_not_what_one_is_writing(tmp_path: Path) -> None:
    recall(write_basis(tmp_path), "all", lambda: 1)
    left, new = (tmp_path / FOLDER / name for name in (".left.json.0a1b2c3d.tmp", ".new.json.0a1b2c3d.tmp"))
    for file in (left, new):
        file.write_text("ha")
    os.utime(left, (1, 1))
    assert (find_store(tmp_path).clear(), [*(tmp_path / FOLDER).iterdir()]) == (1, [new])


def test_many_write_and_clear_at_once_and_each_gets_its_own_answer(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    basis, store = write_basis(root), find_store(root)

    def ask(number: int) -> Any:  # noqa: ANN401
        if number % 20 == 0:
            store.clear()
        return recall(basis, number % 7, lambda: number % 7)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == [number % 7 for number in range(200)]
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    recall(write_basis(tmp_path), "all", lambda: 1)
    folder = tmp_path / FOLDER
    assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.iterdir())] == [0o700, 0o600]


def test_in_a_data_folder_that_cannot_be_written_nothing_is_kept_and_nothing_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and may(path, mode))  # root may write all
    assert [recall(write_basis(tmp_path), "all", partial(int, one)) for one in (1, 2)] == [1, 2]
    assert (not (tmp_path / FOLDER).exists(), capsys.readouterr().err) == (True, "")


def test_a_full_disk_is_said_once_and_answers_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_files, "write_whole", refuse)
    assert [recall(write_basis(tmp_path), one, partial(int, one)) for one in (1, 2)] == [1, 2]
    assert (
        capsys.readouterr().err == f"flexlib: {tmp_path / FOLDER} keeps no answers now (OSError): they are computed.\n"
    )


def test_off_keeps_nothing(tmp_path: Path) -> None:
    choose_cache("off")
    keep_answer(write_basis(tmp_path), "all", 1)
    assert (open_store(tmp_path), not (tmp_path / FOLDER).exists()) == (None, True)


def test_a_redis_that_is_away_or_silent_is_asked_once_said_once_and_its_password_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never answers
        port = silent.getsockname()[1]
        choose_cache(f"redis://me:s3cret@127.0.0.1:{port}/0")
        assert [recall(write_basis(tmp_path), one, partial(int, one)) for one in range(50)] == list(range(50))
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()  # nobody came a second time
    said = f"flexlib: redis://127.0.0.1:{port}/0 keeps no answers now (TimeoutError): they are computed.\n"
    assert capsys.readouterr().err == said
    choose_cache(f"redis://me:s3cret@127.0.0.1:{port}/1")
    assert recall(write_basis(tmp_path), "all", lambda: 1) == 1
    assert "redis://127.0.0.1:" in (said := capsys.readouterr().err)
    assert "s3cret" not in said


def test_a_redis_in_which_another_wrote_what_is_no_answer_can_be_cleared(
    tmp_path: Path, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    choose_cache(redis_url)
    find_store(tmp_path).clear()
    with redis.Redis.from_url(redis_url) as others:
        others.hset("flexlib:answer:theirs", "size", "much")
    assert [recall(write_basis(tmp_path), one, partial(int, one)) for one in (1, 2)] == [1, 2]
    with pytest.raises(find_store(tmp_path).failures):
        find_store(tmp_path).measure()
    assert (find_store(tmp_path).clear(), find_store(tmp_path).measure().answers) == (3, 0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("answer", [b"+OK\r\n", b":1\r\n", b"*1\r\n:1\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_answers_and_is_no_redis_is_said_once_and_answers_are_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def reply() -> None:
            came, _address = server.accept()
            came.settimeout(5)
            with came:
                while came.recv(4096):
                    came.sendall(answer)

        pool.submit(reply)
        choose_cache(f"redis://127.0.0.1:{server.getsockname()[1]}")
        assert [recall(write_basis(tmp_path), one, partial(int, one)) for one in (1, 2)] == [1, 2]
        cache._open.clear()  # lets the connection go
    assert capsys.readouterr().err.count("keeps no answers now") == 1


def test_a_redis_that_comes_back_is_used_again_and_what_it_missed_was_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "AWAY_SECONDS", 0.0)
    basis = write_basis(tmp_path)
    with RedisServer(tmp_path / "redis") as server:
        choose_cache(server.url)
        recall(basis, "all", lambda: 1)
        server.kill()
        assert [recall(basis, "all", partial(int, one)) for one in (2, 3)] == [2, 3]
        server.start()
        assert [recall(basis, "all", partial(int, one)) for one in (4, 5)] == [4, 4]
    assert capsys.readouterr().err.count("keeps no answers now") == 1
