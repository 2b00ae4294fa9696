"""Errors in the reader's language: whatever a file, a database or a server is refused with, all of the sentence is
translated but names, paths and figures."""

from __future__ import annotations

import gzip
import io
import shlex
import socket
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from marked_language import CLOSE, OPEN, Marked, list_plain, read_plainly

from flexlib import i18n
from flexlib.addresses import MailServer
from flexlib.cli.main import main
from flexlib.deliver.mail import MailChannel
from flexlib.deliver.sending import NotSent
from flexlib.errors import FlexlibError
from flexlib.ledger.door import open_ledger
from flexlib.settings import load_settings
from flexlib.sources.windsurf import client
from flexlib.sources.windsurf.client import Client
from flexlib.sources.windsurf.wire import ApiRequest
from flexlib.store.credit_prices import load_credit_prices

CALL = "record --usable user:42 --provider openai --model gpt-4o --prompt-tokens 7"
ROW = "id,time,model,in\na,2025-09-16T10:00:00Z,gpt-4o,1000\n"
IMPORT = (
    "import {file} --request-id id --timestamp time --provider openai --model-column model --prompt-tokens in"
    " --completion-tokens in"
)
MONTH = "--year 2025 --month 9"
REPORT = f"report --notebook broken.ipynb --offline {MONTH}"
SERIES = "forecast --series given.csv"
PRICES = b"from,until,usd_per_credit,source\n"
LATIN = "é\n".encode("cp1252")
PACKED = gzip.compress(ROW.encode() * 1000)


def pack(text: str) -> bytes:
    """An archive with one file of calls."""
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("calls.csv", text)
    return packed.getvalue()


Case = tuple[str, str, bytes | str, str]
CASES: dict[str, Case] = {
    "a file that is no database": (CALL, "ledger.sqlite", "no database " * 100, "file is not a database"),
    "a zip that is none": (IMPORT.format(file="given.zip"), "given.zip", "none", "it is no zip file"),
    "a zip that breaks off": (IMPORT.format(file="given.zip"), "given.zip", pack(ROW * 99)[:-40], "it is no zip file"),
    "a gzip that breaks off": (IMPORT.format(file="given.csv.gz"), "given.csv.gz", PACKED[:-20], "cannot be read"),
    "a series of a word": (SERIES, "given.csv", "date,value\n2025-09-01,a word\n", "is no number"),
    "a series of no day": (SERIES, "given.csv", "date,value\nsome day,1\n", "is no date"),
    "a series without values": (SERIES, "given.csv", "date\n2025-09-01\n", "it has no column"),
    "a series in another encoding": (SERIES, "given.csv", LATIN, "it is not in UTF-8"),
    "an empty series": (SERIES, "given.csv", "", "is no daily series"),
    "a notebook without a format": (REPORT, "broken.ipynb", "{}", "it lacks"),
    "a notebook of another format": (REPORT, "broken.ipynb", '{"nbformat": 3}', "it is not of Jupyter's format"),
    "a notebook that is a list": (REPORT, "broken.ipynb", "[]", "it is not built as one"),
    "a notebook that breaks off": (REPORT, "broken.ipynb", '{"nbformat":', "it is not as JSON is written"),
    "parameters of a notebook": (f"{REPORT} -p a [", "broken.ipynb", "{}", "The parameters cannot be read"),
    "metadata that is no JSON": (f"{CALL} --metadata '{{'", "other", "", "is not JSON"),
    "a preset in another encoding": ("import given.csv --from own.yaml", "own.yaml", LATIN, "it is not in UTF-8"),
    "scores in another encoding": (f"what-if {MONTH} --scores given.csv", "given.csv", LATIN, "it is not in UTF-8"),
    "a score that is none": (
        f"what-if {MONTH} --scores given.csv", "given.csv", "model,score,cases,date\ngpt-4o,good,1,2025-09-01\n",
        "its cells are not as its columns are",
    ),
    "days off in another encoding": (
        "forecast --series series.csv --holidays given.csv", "given.csv", LATIN, "it is not in UTF-8"
    ),
    "a day off that is none": (
        "forecast --series series.csv --holidays given.csv", "given.csv", "some day\n", "begins with no date"
    ),
}  # fmt: skip
"""What is run where a file of this name has this content, and of what the refusal speaks."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the data folder too, for a reader of the marked language."""
    monkeypatch.chdir(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "FLEXLIB_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.setattr(i18n, "_find_translations", Marked)
    for room in ("i18n", "cli.main", "cli.month"):
        monkeypatch.setattr(sys.modules[f"flexlib.{room}"], "use_language", lambda code: None)
    assert open_ledger.__kwdefaults__
    monkeypatch.setitem(open_ledger.__kwdefaults__, "retry_seconds", 0.05)
    return tmp_path


def refuse(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says of why it failed."""
    capsys.readouterr()
    assert main(shlex.split(words)) in (1, 2)
    return capsys.readouterr().err.strip().rsplit("\n", 1)[-1]


@pytest.mark.parametrize("name", CASES)
def test_whatever_a_file_is_refused_with_is_translated(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, file, content, why = CASES[name]
    (folder / "series.csv").write_text("date,value\n" + "".join(f"2025-09-{day:02d},1\n" for day in range(1, 31)))
    (folder / "given.csv").write_text(ROW)
    if words.startswith("what-if"):
        assert main(shlex.split(f"{CALL} --created-at 2025-09-16T10:00:00Z")) == 0
        assert main(["close", *MONTH.split()]) == 0
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    said = refuse(words, capsys)
    assert why in read_plainly(said), said
    assert list_plain(said, folder) == [], said


def read_prices(folder: Path) -> object:
    return load_credit_prices(folder)


def read_settings(folder: Path) -> object:
    return load_settings({}, folder)


@pytest.mark.parametrize(("read", "file", "content", "why"), [
    (read_prices, "prices/windsurf_credits.csv", LATIN, "it is not in UTF-8; save it so"),
    (read_prices, "prices/windsurf_credits.csv", PRICES + b",,a lot,us\n", "is no number"),
    (read_prices, "prices/windsurf_credits.csv", PRICES + b"once,,1,us\n", "its cells are not as"),
    (read_settings, ".env", LATIN, "is not in UTF-8; save it so"),
])  # fmt: skip
def test_whatever_a_file_of_every_command_is_refused_with_is_translated(
    read: Callable[[Path], object], file: str, content: bytes, why: str, folder: Path
) -> None:
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    with pytest.raises(FlexlibError) as refused:
        read(folder)
    said = str(refused.value)
    assert why in read_plainly(said)
    assert list_plain(said, folder) == []


def test_a_ledger_that_another_locks_says_so_and_what_became_of_the_call_in_the_reader_s_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(CALL)) == 0
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = refuse(CALL, capsys)
    assert "database is locked. It is not certain that the call is stored" in read_plainly(said)
    assert list_plain(said, folder) == [], said


def test_a_file_that_takes_its_own_place_is_told_so_in_the_reader_s_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "given.csv").write_text(ROW)
    said = refuse(f"{IMPORT.format(file='given.csv')} --supersedes given.csv", capsys)
    assert "it is not imported yet." in read_plainly(said)
    assert list_plain(said, folder) == []
    assert main(shlex.split(IMPORT.format(file="given.csv"))) == 0
    said = refuse(f"{IMPORT.format(file='given.csv')} --supersedes given.csv", capsys)
    assert "it was imported before, by the same columns." in read_plainly(said)
    assert list_plain(said, folder) == []


def test_a_port_that_is_taken_is_told_in_the_reader_s_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        said = refuse(f"demo --port {taken.getsockname()[1]}", capsys)
    assert "address already in use" in read_plainly(said)
    assert list_plain(said, folder) == []


BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize(("content", "why"), [(None, "which is not there"), ("none", "holds no certificate")])
def test_certificates_that_cannot_be_read_are_told_by_the_setting_that_names_them(
    name: str, content: str | None, why: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if content is not None:
        (folder / "ours.pem").write_text(content)
    monkeypatch.setenv(name, str(folder / "ours.pem"))
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "a-key")
    monkeypatch.setenv("WINDSURF_BASE_URL", "http://127.0.0.1:9")
    said = refuse(f"fetch {MONTH}", capsys)
    mailing = MailChannel(MailServer("127.0.0.1", 9, "smtps", "a@example.com"), (name, str(folder / "ours.pem")))
    with pytest.raises(NotSent) as unsent:
        mailing._connect()
    for sentence in (said, str(unsent.value)):
        assert name in sentence
        assert not [other for other in BUNDLES if other != name and other in sentence]
        assert why in read_plainly(sentence)
        assert list_plain(sentence, folder) == []


@contextmanager
def find_closed_port() -> Iterator[int]:
    """A port on which nobody listens."""
    with closing(socket.socket()) as line:
        line.bind(("127.0.0.1", 0))
        yield line.getsockname()[1]


@pytest.mark.usefixtures("folder")
def test_a_connection_that_fails_is_told_in_words_and_not_by_the_name_of_a_class(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "ATTEMPTS", 1)
    with find_closed_port() as port, Client(f"http://127.0.0.1:{port}", "key", 1) as asking:
        reply = asking.ask_one(ApiRequest("team", "/path"))
    assert read_plainly(reply.failed) == "no connection to it can be made, or it broke"
    assert list_plain(reply.failed, tmp_path) == []


def test_a_word_of_a_library_within_a_translated_sentence_is_found(tmp_path: Path) -> None:
    said = f"flexlib: {OPEN}The ledger {CLOSE}{tmp_path}/a.sqlite{OPEN} refused: {CLOSE}file is encrypted{OPEN}.{CLOSE}"
    assert list_plain(said, tmp_path) == ["file", "is", "encrypted"]
