"""One writer at a time, and files that are there whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from flexlib.errors import AlreadyRunning, DiskFailed
from flexlib.store.disk import PRIVATE, lock_file, lock_folder, replace_whole, write_whole


def count_up(file: Path) -> None:
    for _ in range(50):
        with lock_file(file.with_name(".lock")):
            file.write_text(str(int(file.read_text()) + 1))


def test_of_several_processes_one_at_a_time_is_let_in(tmp_path: Path) -> None:
    file = tmp_path / "number"
    file.write_text("0")
    processes = [multiprocessing.get_context("spawn").Process(target=count_up, args=(file,)) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert file.read_text() == "200"


def test_a_folder_names_its_holder_only_as_long_as_it_is_held(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "month", "2025-09", wait=False):
        assert (tmp_path / "month" / ".lock-holder").read_text() == str(os.getpid())
    assert [file.name for file in (tmp_path / "month").iterdir()] == [".lock"]


def test_an_error_inside_is_not_taken_for_a_lock_that_is_held(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="the server"), lock_folder(tmp_path, "2025-09", wait=False):
        raise TimeoutError("the server")
    lock = lock_folder(tmp_path, "2025-09", wait=False)
    with lock_folder(tmp_path, "2025-09", wait=False), pytest.raises(AlreadyRunning), lock:
        pass


def test_a_lock_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = lock_folder(tmp_path / "file" / "month", "2025-09", wait=False)
    with pytest.raises(DiskFailed, match="Could not write into .*file/month: not a directory"), lock:
        pass


@pytest.mark.parametrize(("content", "stored"), [("ñ,1\r\n2\n", "ñ,1\r\n2\n".encode()), (b"\xff\x00", b"\xff\x00")])
def test_text_and_bytes_are_stored_as_they_are(tmp_path: Path, content: str | bytes, stored: bytes) -> None:
    write_whole(tmp_path / "new" / "file", content)
    assert (tmp_path / "new" / "file").read_bytes() == stored
    write_whole(tmp_path / "new" / "file", "other", 0o600)
    assert (tmp_path / "new" / "file").read_bytes() == b"other"
    assert (tmp_path / "new" / "file").stat().st_mode & 0o777 == 0o600
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_what_cannot_be_written_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "file", "before")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", "after")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file", "before")]


def test_of_a_link_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for content in ("new", "again"):
        write_whole(tmp_path / "link", content)
        assert (tmp_path / "file").read_text() == content
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has neither")
def test_what_is_no_file_gets_the_bytes_and_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "all of it")
    assert os.read(reader, 100) == b"all of it"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    write_whole(Path(os.devnull), "lost")
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space left"):
            write_whole(Path("/dev/full"), "x")
        assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="as on Windows")
def test_a_file_that_the_command_prints_into_is_refused_under_its_other_name(tmp_path: Path) -> None:
    with (tmp_path / "printed").open("w") as out, pytest.raises(OSError, match="it is where the command prints"):
        write_whole(Path(f"/dev/fd/{out.fileno()}"), "x")


def test_a_file_that_another_takes_away_meanwhile_is_put_in_place_whole_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file := tmp_path / "answer").write_text("old")
    look = Path.stat

    def look_and_take_away(path: Path, **how: bool) -> os.stat_result:
        found = look(path, **how)
        if how.get("follow_symlinks", True):  # the look at what is there, not the one whether it is a link
            file.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "stat", look_and_take_away)
    with replace_whole(file, PRIVATE) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
    monkeypatch.undo()
    assert (file.read_text(), oct(file.stat().st_mode & 0o777)) == ("new", "0o600")
