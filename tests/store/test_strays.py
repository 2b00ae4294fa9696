"""What lies among the months and is none: told with what mends it, and never fatal where it holds no data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, store, store_credits

from flexlib.cli import main
from flexlib.errors import SnapshotChanged
from flexlib.front.spend import load_spend
from flexlib.proof import State
from flexlib.sources.registry import IMPORT
from flexlib.store.last import LAST, check_kept, write_last
from flexlib.store.snapshots import find_snapshot, list_newest, list_snapshots
from flexlib.store.strays import list_misplaced, list_strays

WHEN = ("--year", "2025", "--month", "9")
GONE = (
    "was stored last of 2025-09 and is gone, so that 2025-09 lacks it; put it back, or take {last} away if what is "
    "left holds."
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with credits of September, and calls of it and of August."""
    data = tmp_path / "data"
    monkeypatch.setenv("FLEXLIB_DATA", str(data))
    store_credits(data, (2, "u-1", "claude-sonnet-4", 100, 250))
    for month in (AUGUST, SEPTEMBER):
        store(data, "import", month, call(f"a-{month}", f"{month}-01T10:00:00", "0.01"))
    assert list_strays(data) == []
    return data


@pytest.mark.parametrize(
    "place",
    ["usage/2025-09/foo/", "credits/not-a-month/", "usage/notes.txt", "usage/2025-09/import/x.csv",
     "2025-09/", "charges/2025-9/"],
)  # fmt: skip
def test_what_is_foreign_is_named_by_doctor_alone_and_ends_nothing(
    root: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if place.endswith("/") else path.write_text("x")
    assert main(["doctor", "--json"]) in (0, 4)  # of the months, whose credits nobody has witnessed
    strays = [one for one in json.loads(capsys.readouterr().out) if one["name"] == "stray"]
    text = f"{path} is nothing that flexlib stored, and is not read; move it away"
    assert strays == [{"name": "stray", "text": text, "exit_code": 0}]
    main(["spend", *WHEN])
    assert "not read" not in capsys.readouterr().err
    path.rmdir() if place.endswith("/") else path.unlink()
    assert list_strays(root) == []


@pytest.mark.parametrize(
    ("here", "there"),
    [("usage/2025-09/import", "usage/2025-9/import"), ("usage/2025-09/import", "usage/2025-09/more/import"),
     ("usage/2025-09/import", "usage/a/b/c/d/e/f/import"),
     ("usage/2025-09", "Usage/2025-09"), ("credits/2025-09", "credits/2025-09/windsurf")],
)  # fmt: skip
def test_a_version_where_nothing_is_read_is_told_by_whatever_reads_its_month_until_it_is_moved_as_told(
    root: Path, here: str, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = here.split("/")[0]
    stored = find_snapshot(dataset, SEPTEMBER, root)
    assert stored is not None
    (root / "aside").mkdir()
    shutil.move(root / here, root / "aside" / "moved")
    (root / there).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(root / "aside" / "moved", root / there)
    (root / "aside").rmdir()
    moved = next(root.rglob(stored.path.name))
    folder = root / "/".join(here.split("/") if dataset == "credits" else ["usage", "2025-09", "import"])
    said = (
        f"{moved} is of the {dataset} of 2025-09 and lies where nothing is read, so that 2025-09 lacks it; "
        f"move it to {folder / stored.path.name}, or move it out of {root}."
    )
    for words in (["by-model", "--year", "2025"], ["compare", "2025-08", "2025-09", "--of", "usd"], ["forecast", *WHEN],
                  ["latency", *WHEN], ["anomalies", *WHEN], ["spend", *WHEN, "--json"]):  # fmt: skip
        code = main(words)
        shown = capsys.readouterr()
        assert shown.err.count(said) == 1, words
    spent = json.loads(shown.out)
    assert (code, spent["state"], spent["at_least"]) == (3, "GAP", True)
    for command in ("spend", "latency", "anomalies"):  # of August, which lacks nothing
        main([command, "--year", "2025", "--month", "8"])
        assert said not in capsys.readouterr().err
    assert main(["doctor", "--json"]) == 3
    assert {"name": "stray", "text": said[:-1], "exit_code": 3} in json.loads(capsys.readouterr().out)
    loaded = load_spend("2025-08", "2025-09", root, zone="UTC", names=False)
    assert (loaded.state, loaded.missing.count(said)) == (State.GAP, 1)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.move(moved, folder)
    assert list_misplaced(root) == []
    assert stored.path in [one.path for one in list_newest(SEPTEMBER, root)]


def test_a_version_that_lies_directly_in_its_month_is_told(root: Path) -> None:
    stored = find_snapshot("usage", SEPTEMBER, root)
    assert stored is not None
    shutil.move(stored.path, stored.path.parents[1])
    assert [one[: len(str(root)) + 15] for one in list_misplaced(root)] == [
        f"{root}/usage/2025-09/"[: len(str(root)) + 15]
    ]


@pytest.mark.parametrize("is_newer", [True, False])
def test_a_version_beside_another_one_is_not_to_be_moved_where_it_would_hide_that_or_be_hidden(
    root: Path, is_newer: bool
) -> None:
    first = find_snapshot("usage", SEPTEMBER, root)
    store(root, "import", SEPTEMBER, call("b", "2025-09-02T10:00:00", "0.02"))
    second = find_snapshot("usage", SEPTEMBER, root)
    assert first is not None
    assert second is not None
    stray, kept = (second, first) if is_newer else (first, second)
    moved = root / "usage" / "old" / stray.path.name
    moved.parent.mkdir()
    shutil.move(stray.path, moved)
    assert list_misplaced(root) == [
        f"{moved} is of the usage of 2025-09 and lies where nothing is read, so that 2025-09 may lack it beside "
        f"{kept.path}, of which {second.path.name} is the newer; where its rows are not all in that one, store 2025-09 "
        f"again: {IMPORT.format_command(SEPTEMBER)}; then move it out of {root}."
    ]


@pytest.mark.parametrize(
    ("change", "code", "usd", "said"),
    [
        ("rename", 3, "0.03", "bears a newer name than {new}, which was stored last of 2025-09, and is not read; take "
         "it away, or {last} if it is what holds."),
        ("delete", 3, "0.01", GONE),
        ("delete all", 3, None, GONE),
        ("before", 0, "0.01", ""),  # an older flexlib kept nothing of that: the newest name is the month
    ],
)  # fmt: skip
def test_no_older_version_is_read_in_silence_in_the_place_of_the_one_that_was_stored_last(
    root: Path, change: str, code: int, usd: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(root / "credits")
    store(root, "import", SEPTEMBER, call("a", "2025-09-01T10:00:00", "0.01"), call("b", "2025-09-02T10:00", "0.02"))
    old, new = (one.path for one in list_snapshots("usage", SEPTEMBER, root))
    last = root / "usage" / "2025-09" / LAST
    if change == "rename":
        old.rename(old.with_name(f"20991231T000000.000000Z-{old.name[-8:]}"))
    elif change == "delete":
        shutil.rmtree(new)
    elif change == "delete all":
        shutil.rmtree(old.parent)
        store(root, "ledger", SEPTEMBER, call("c", "2025-09-03T10:00", "1"))
    else:
        last.unlink()
        shutil.rmtree(new)
    assert main(["spend", *WHEN, "--json"]) == code
    shown = capsys.readouterr()
    assert json.loads(shown.out)["amount_in_usd"] == usd or change == "delete all"  # of the ledger alone, "at least"
    sentence = said.format(new=new.name, last=last)
    assert sentence in shown.err
    if change == "delete":  # nothing is built on the older one, which would lack it for ever
        with pytest.raises(SnapshotChanged, match="is gone, so that 2025-09 lacks it; put it back"):
            check_kept(last.parent, "import")
    if code:
        last.unlink()
        # Of the files none is left, and those of August await them.
        assert main(["spend", *WHEN]) == (3 if change == "delete all" else 0)


def test_what_is_said_to_be_stored_last_and_is_spoilt_is_one_sentence(root: Path) -> None:
    last = root / "usage" / "2025-09" / LAST
    for text in ("", "[]", '{"import": ["x"]}', '{"../import": []}', '{"import": 5}'):
        last.write_text(text)
        with pytest.raises(SnapshotChanged, match=f"^{last} is not what flexlib wrote; take it away\\.$"):
            list_newest(SEPTEMBER, root)


def test_a_run_that_dies_while_it_puts_a_version_in_place_leaves_the_one_or_the_other(root: Path) -> None:
    month = root / "usage" / "2025-09"
    (stored,) = list_newest(SEPTEMBER, root, ["usage"])
    store(root, "import", SEPTEMBER, call("b", "2025-09-02T10:00", "0.02"))
    (newest,) = list_newest(SEPTEMBER, root, ["usage"])
    write_last(month, "import", [stored.path, newest.path])  # it died after the version stood there
    assert list_newest(SEPTEMBER, root, ["usage"]) == [newest]
    shutil.rmtree(newest.path)  # and before
    assert (list_newest(SEPTEMBER, root, ["usage"]), list_misplaced(root)) == ([stored], [])


def test_a_source_that_nobody_knows_makes_no_path_to_move_to(root: Path) -> None:
    stored = find_snapshot("usage", SEPTEMBER, root)
    assert stored is not None
    (root / "usage" / "2025-9").mkdir()
    shutil.move(stored.path, root / "usage" / "2025-9")
    file = root / "usage" / "2025-9" / stored.path.name / "certificate.json"
    file.write_text(file.read_text("utf-8").replace('"source": "import"', '"source": "../../x"'))
    (said,) = list_misplaced(root)
    assert said.endswith(f"so that 2025-09 lacks it; store its files again, or move it out of {root}.")


def test_a_copy_that_somebody_kept_is_no_loss_and_a_source_that_nobody_knows_is_counted_and_told(root: Path) -> None:
    stored = find_snapshot("usage", SEPTEMBER, root)
    assert stored is not None
    shutil.copytree(stored.path, stored.path.parent / "kept")
    shutil.copytree(stored.path.parent, root / "usage" / "2025-09" / "toy", ignore=shutil.ignore_patterns("kept"))
    assert [(str(one.path.relative_to(root)), one.what.split(";")[0], one.month) for one in list_strays(root)] == [
        ("usage/2025-09/import/kept", "is a copy of what is stored of 2025-09, and is not read", None),
        ("usage/2025-09/toy", "is counted as a source that flexlib does not know", None),
    ]
    assert list_misplaced(root) == []


def test_a_link_to_what_is_stored_is_named_and_not_what_it_leads_to(root: Path) -> None:
    (root / "usage" / "all").symlink_to(root / "usage")
    (root / "usage" / "gone").symlink_to(root / "nowhere")
    assert [(one.path.name, one.what.partition(";")[0]) for one in list_strays(root)] == [
        ("all", "is a link to what is stored of 2025-08, and is not read"),
        ("all", "is a link to what is stored of 2025-09, and is not read"),
        ("gone", "is nothing that flexlib stored, and is not read"),
    ]
