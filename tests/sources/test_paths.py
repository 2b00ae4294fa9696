"""What a command may name: files, folders, patterns, archives and the standard input; what is not there is told."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from flexlib.addresses import hide_email
from flexlib.errors import BadFile, BadParameter
from flexlib.sources.files import paths
from flexlib.sources.files.paths import find_files, hide_emails

HEAD = "time,in,out\n"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(HEAD, "utf-8")


def pack(file: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file


def name_files(folder: Path, *texts: str, **options: object) -> list[str]:
    return [file.name for file in find_files(texts, folder / "scratch", **options).files]  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["caf\udce9.csv", "", "*.csv"])
def test_a_name_that_is_not_in_utf_8_is_told_however_it_was_given(given: str, tmp_path: Path) -> None:
    write(tmp_path, "caf\udce9.csv")
    with pytest.raises(BadFile, match=r"^caf.\.csv has a name that is not in UTF-8; rename it\.$"):
        find_files([str(tmp_path / given)], tmp_path / "scratch")


def test_archives_of_one_name_are_told_apart_by_the_paths_that_were_given(tmp_path: Path) -> None:
    given = [str(tmp_path / month / "exports.zip") for month in ("may", "june")]
    for one in given:
        Path(one).parent.mkdir()
        pack(Path(one), {"u.csv": HEAD})
    assert name_files(tmp_path, *given) == [f"{one}/u.csv" for one in given]


def test_a_folder_stands_for_the_files_of_calls_below_it_by_name_and_names_the_others(tmp_path: Path) -> None:
    write(
        tmp_path, "b.csv", "a/usage.JSONL.gz", "a/notes.txt", ".hidden.csv", "a/.git/x.csv", "__MACOSX/b.csv", "c.json"
    )
    found = find_files([str(tmp_path)], tmp_path / "scratch")
    assert [file.name for file in found.files] == ["b.csv", "c.json", "a/usage.JSONL.gz"]
    assert found.others == ["a/notes.txt"]


def test_what_flexlib_itself_has_stored_is_none_of_a_folder_s_files(tmp_path: Path) -> None:
    write(tmp_path, "usage.csv", "data/usage/2025-09/import/v/usage.parquet")
    assert name_files(tmp_path, str(tmp_path), skipped=(tmp_path / "data").resolve()) == ["usage.csv"]


def test_a_pattern_stands_for_the_files_that_fit_it(tmp_path: Path) -> None:
    write(tmp_path, "may/1.csv", "may/2.csv", "june/1.csv", "may/notes.txt")
    assert name_files(tmp_path, str(tmp_path / "may" / "*")) == ["1.csv", "2.csv"]
    assert len(name_files(tmp_path, str(tmp_path / "**" / "1.csv"))) == 2
    with pytest.raises(BadFile, match=r"no file matches .*\*\.parquet; give the path"):
        name_files(tmp_path, str(tmp_path / "*.parquet"))


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    write(tmp_path, "usage[1].csv", "usage1.csv")
    assert name_files(tmp_path, str(tmp_path / "usage[1].csv")) == ["usage[1].csv"]


def test_a_file_that_is_named_twice_is_one(tmp_path: Path) -> None:
    write(tmp_path, "usage.csv")
    assert name_files(tmp_path, str(tmp_path), str(tmp_path / "usage.csv")) == ["usage.csv"]


def test_two_files_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    write(tmp_path, "a/usage.csv", "b/usage.csv")
    given = [str(tmp_path / name / "usage.csv") for name in "ab"]
    assert name_files(tmp_path, *given) == given


def test_the_files_in_an_archive_are_named_after_it(tmp_path: Path) -> None:
    members = {
        "usage.csv": HEAD,
        "may/usage.csv": HEAD + "x\n",
        "notes.txt": "no",
        "__MACOSX/usage.csv": "",
        "may/": "",
    }
    pack(tmp_path / "exports.zip", members)
    found = find_files([str(tmp_path / "exports.zip")], tmp_path / "scratch")
    assert [file.name for file in found.files] == ["exports.zip/usage.csv", "exports.zip/may/usage.csv"]
    assert [file.path.read_text() for file in found.files] == [HEAD, HEAD + "x\n"]
    assert found.others == ["exports.zip/notes.txt"]


def test_an_archive_that_becomes_too_much_stops_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "MOST_UNPACKED", 1 << 20)
    file = pack(tmp_path / "bomb.zip", {"usage.csv": "0" * (5 << 20)})
    assert file.stat().st_size < 10_000
    with pytest.raises(BadFile, match=r"^bomb.zip unpacks to more than .* GB; unpack it and import what is in it.$"):
        name_files(tmp_path, str(file))
    assert sum(one.stat().st_size for one in (tmp_path / "scratch").rglob("*") if one.is_file()) <= 1 << 20


def test_a_member_cannot_be_written_outside_of_the_scratch_folder(tmp_path: Path) -> None:
    pack(tmp_path / "evil.zip", {"../../usage.csv": HEAD, "/abs/usage.csv": HEAD})
    found = find_files([str(tmp_path / "evil.zip")], tmp_path / "scratch")
    assert [tmp_path / "scratch" in file.path.parents for file in found.files] == [True]
    assert not (tmp_path.parent / "usage.csv").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no archive", "broken.zip cannot be unpacked"), (b"", "broken.zip cannot be unpacked")],
    ids=["text", "empty"],
)
def test_a_broken_archive_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "broken.zip").write_bytes(content)
    with pytest.raises(BadFile, match=said):
        name_files(tmp_path, str(tmp_path / "broken.zip"))


def test_an_archive_without_files_of_calls_is_told(tmp_path: Path) -> None:
    pack(tmp_path / "notes.zip", {"notes.txt": "no"})
    with pytest.raises(BadFile, match=r"notes.zip holds no file of calls; their names end in .csv"):
        name_files(tmp_path, str(tmp_path / "notes.zip"))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (HEAD.encode(), "stdin.csv"),
        (b"\xef\xbb\xbf" + HEAD.encode(), "stdin.csv"),
        (b'\n{"time": 1}\n', "stdin.json"),
        (b"[1]", "stdin.json"),
        (b"PAR1....", "stdin.parquet"),
        (gzip.compress(HEAD.encode(), mtime=0), "stdin.csv.gz"),
        (gzip.compress(b"[]", mtime=0), "stdin.json.gz"),
    ],
)
def test_the_first_bytes_of_the_standard_input_tell_its_format(tmp_path: Path, content: bytes, kind: str) -> None:
    found = find_files(["-"], tmp_path / "scratch", stdin=io.BytesIO(content))
    assert [(file.name, file.path.name) for file in found.files] == [("stdin", kind)]
    assert found.files[0].path.read_bytes() == content


def test_a_format_that_is_named_wins(tmp_path: Path) -> None:
    found = find_files(["-"], tmp_path / "scratch", stdin=io.BytesIO(b"[x],y\n"), format_name="csv")
    assert found.files[0].path.name == "stdin.csv"


def test_an_empty_standard_input_and_one_given_twice_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="the standard input is empty"):
        find_files(["-"], tmp_path / "scratch", stdin=io.BytesIO())
    with pytest.raises(BadParameter, match="give it once"):
        find_files(["-", "-"], tmp_path / "scratch", stdin=io.BytesIO(b"x"))


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path, "a/usage.csv")
    os.symlink(tmp_path, tmp_path / "a" / "again")
    assert name_files(tmp_path, str(tmp_path)) == ["a/usage.csv"]


@pytest.mark.parametrize("written", ["jos\u00e9@corp.com", "Jose\u0301@corp.com", "jos\u00e9\u200b@corp.com"])
def test_an_e_mail_in_a_file_s_name_is_opaque_however_a_disk_or_a_system_writes_it(written: str) -> None:
    """With the accent apart it stood in certificates as it is."""
    assert hide_emails(f"may/{written}.csv") == f"may/{hide_email('josé@corp.com')}.csv"
