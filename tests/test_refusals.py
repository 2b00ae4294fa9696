"""What the operating system refuses: real refusals of real commands, in both languages, with advice that fits."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import BadZipFile

import pytest

from flexlib.i18n import speak
from flexlib.refusals import ADVICE, WORDS, explain_refusal

FIXTURE = Path(__file__).parent / "data" / "fixture"
EXPORT = ["export", "--format", "csv", "--year", "2025", "--month", "9"]
needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="to root nothing is refused")


def run(*words: str, folder: Path) -> str:
    """What the command says on stderr of why it failed."""
    surroundings = {**os.environ, "FLEXLIB_DATA": str(FIXTURE)}
    surroundings.pop("FLEXLIB_LANG", None)
    command = [sys.executable, "-m", "flexlib", *words]
    ended = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert ended.returncode in (1, 2), ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "t/month.csv cannot be written (file exists); move what is in the way or choose another folder."),
        ("es", "t/month.csv no se puede escribir (el archivo ya existe); quite lo que estorba o elija otra carpeta."),
    ],
)
def test_a_file_where_a_folder_must_be_is_no_lack_of_room(tmp_path: Path, language: str, sentence: str) -> None:
    (tmp_path / "t").write_text("")
    assert sentence in run(*EXPORT, "--output", "t/month.csv", "--lang", language, folder=tmp_path)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["report", "-f", "gone.yaml"], "no existe ese archivo o carpeta"),
        (["month", "--plan", "gone.yaml"], "no existe ese archivo o carpeta"),
        (["record", "--jsonl", "folder"], "es una carpeta"),
        (["record", "--jsonl", "x" * 300], "el nombre es demasiado largo"),
    ],
)
def test_in_spanish_the_systems_reason_is_spanish(tmp_path: Path, words: list[str], reason: str) -> None:
    (tmp_path / "folder").mkdir()
    said = run(*words, "--lang", "es", folder=tmp_path)
    assert reason in said
    assert not [english for english in WORDS.values() if english in said.lower()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_only_a_full_disk_asks_for_room(tmp_path: Path) -> None:
    said = run(*EXPORT, "--output", "/dev/full", "--lang", "es", folder=tmp_path)
    assert "(no queda espacio en el dispositivo); libere espacio o elija otra carpeta." in said
    assert {number for number, advice in ADVICE.items() if advice == "make room"} == {
        errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
    }  # fmt: skip


@needs_permissions
def test_a_folder_that_may_not_be_written_asks_for_the_right_to(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    said = run(*EXPORT, "--output-dir", "closed", folder=tmp_path)
    assert "(permission denied); let yourself write there or choose another folder." in said


@pytest.mark.parametrize("number", sorted(WORDS))
def test_each_reason_is_in_both_languages(number: int) -> None:
    error = OSError(number, os.strerror(number))
    with speak("es"):
        assert explain_refusal(error) != WORDS[number]
    assert explain_refusal(error) == WORDS[number]


def test_what_is_no_refusal_of_the_system_says_its_own_words() -> None:
    assert {explain_refusal(one) for one in (ValueError("not a gzip"), OSError("not a gzip"))} == {"not a gzip"}
    assert explain_refusal(OSError(errno.ENOLCK, "No locks available")) == "no locks available"


@pytest.mark.parametrize(("error", "told"), [
    (UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid continuation byte"), "it is not in UTF-8; save it so"),
    (BadZipFile("File is not a zip file"), "it is no zip file, or a part of one"),
    (EOFError("Compressed file ended before the end-of-stream marker was reached"),
     "it is packed and breaks off before its end"),
    (json.JSONDecodeError("Expecting value", "{\n", 2), "it is not as JSON is written in line 2, column 1"),
])  # fmt: skip
def test_what_a_library_refuses_a_file_with_is_told_in_words_of_ours(error: Exception, told: str) -> None:
    assert explain_refusal(error) == told
    with speak("es"):
        assert explain_refusal(error) != told
