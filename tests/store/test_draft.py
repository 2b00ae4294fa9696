"""What a run that was cut off leaves: used again for three hours by the same question, and never in part."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.errors import DiskFailed
from flexlib.store.draft import Draft

NOON = datetime(2025, 10, 21, 12, tzinfo=timezone.utc)
PERSON = {"key": "k", "email": "ana@example.com", "name": "Ana", "prompt_credits": 0}


def leave(folder: Path, *texts: str, identity: str = "server key", now: datetime = NOON) -> None:
    """A draft with these answers whose run then died."""
    draft = Draft(folder, identity, now)
    for text in texts:
        draft.add("users", text, "user", users=[text])
    draft.keep_people([PERSON])
    draft.close(discard=False)


def resume(folder: Path, identity: str = "server key", now: datetime = NOON) -> list[str]:
    """The answers that a next run takes over."""
    draft = Draft(folder, identity, now)
    draft.close(discard=False)
    return [line["text"] for line in draft.resumed]


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: the kernel refuses, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_next_run_takes_over_every_answer_and_the_moment_of_the_first(tmp_path: Path) -> None:
    leave(tmp_path / "draft", "a", "b")
    leave(tmp_path / "draft", "c", now=NOON + timedelta(hours=1))
    draft = Draft(tmp_path / "draft", "server key", NOON + timedelta(hours=2))
    assert [line["text"] for line in draft.find("users", "user")] == ["a", "b", "c"]
    assert draft.find("users", "batch") == []
    assert draft.people == [PERSON]
    assert draft.started_at == NOON
    draft.close(discard=True)
    assert not (tmp_path / "draft").exists()


@pytest.mark.parametrize(
    ("identity", "later", "kept"),
    [
        ("server key", timedelta(hours=3), ["a"]),
        ("server key", timedelta(hours=3, seconds=1), []),
        ("server key", timedelta(seconds=-1), []),  # the clock was set back: nobody knows how old it is
        ("server other-key", timedelta(0), []),
        ("other key", timedelta(0), []),
    ],
)
def test_after_three_hours_or_for_another_server_or_key_it_is_thrown_away(
    identity: str, later: timedelta, kept: list[str], tmp_path: Path
) -> None:
    leave(tmp_path / "draft", "a")
    draft = Draft(tmp_path / "draft", identity, NOON + later)
    assert [line["text"] for line in draft.resumed] == kept
    assert (draft.people is None) == (kept == [])
    draft.close(discard=False)


@given(texts=st.lists(st.text(max_size=30), max_size=5), data=st.data())
def test_cut_off_at_any_byte_the_whole_answers_are_kept_and_the_next_one_stands_on_its_own(
    texts: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut") / "draft"
    leave(folder, *texts)
    answers = folder / "answers.jsonl"
    content = answers.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    answers.write_bytes(content[:cut])
    whole = texts[: content[:cut].count(b"\n")]
    leave(folder, "next")
    assert resume(folder) == [*whole, "next"]


@pytest.mark.parametrize("spoilt", [b"5\n", b"[]\n", b"{}\n", b'"purpose"\n', b"[" * 5000 + b"\n"])
def test_a_line_that_is_no_answer_is_asked_again(spoilt: bytes, tmp_path: Path) -> None:
    leave(tmp_path / "draft", "a")
    with open(tmp_path / "draft" / "answers.jsonl", "ab") as answers:
        answers.write(spoilt)
    assert resume(tmp_path / "draft") == ["a"]


def test_what_follows_a_spoilt_line_is_asked_again(tmp_path: Path) -> None:
    leave(tmp_path / "draft", "a", "b", "c")
    answers = tmp_path / "draft" / "answers.jsonl"
    lines = answers.read_bytes().splitlines(keepends=True)
    answers.write_bytes(lines[0] + b"\0" * (len(lines[1]) - 1) + b"\n" + lines[2])
    assert resume(tmp_path / "draft") == ["a"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "{}",
        "[]",
        '{"identity": "server key", "started_at": "soon"}',
        '{"identity": "server key", "started_at": 5}',
        '{"identity": "server key", "started_at": "2025-10-21T12:00:00"}',
    ],
)
def test_a_draft_without_a_whole_header_is_thrown_away(header: str, tmp_path: Path) -> None:
    leave(tmp_path / "draft", "a")
    (tmp_path / "draft" / "header.json").write_text(header)
    assert resume(tmp_path / "draft") == []


def test_people_and_answers_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    leave(tmp_path / "draft", "a")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "draft").iterdir()}
    assert modes["people.json"] == modes["answers.jsonl"] == 0o600


def test_a_full_disk_is_one_sentence_and_costs_only_the_answer_that_did_not_fit(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "draft", "server key", NOON)
    draft.add("users", "fits")
    with file_limit(200), pytest.raises(DiskFailed, match=f"Could not write into {tmp_path}/draft: file too large"):
        draft.add("users", "x" * 300)
    draft.close(discard=False)
    assert resume(tmp_path / "draft") == ["fits"]


@pytest.mark.parametrize("spoilt", ["", "junk", "{}", "[1]", '{"a": [{}]}', "null", "[" * 5000])
def test_a_spoilt_list_of_people_is_asked_for_again(spoilt: str, tmp_path: Path) -> None:
    leave(tmp_path / "draft")
    (tmp_path / "draft" / "people.json").write_text(spoilt)
    draft = Draft(tmp_path / "draft", "server key", NOON)
    assert draft.people is None
    draft.close(discard=True)
