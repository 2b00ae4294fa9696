"""Several files in one go: each month stored once, nothing counted twice, and what may be one call said to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.certificate import State, UsageCertificate
from flexlib.checks import explain_check
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import BadFile, BadParameter
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import MonthImport, import_files
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.store.origins import ORIGINS
from flexlib.store.snapshots import list_months, list_snapshots, load_usage

MAY, JUNE = Month(2026, 5), Month(2026, 6)
LATER = datetime(2026, 12, 1, tzinfo=timezone.utc)
PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4o",
}
DAYS: dict[str, Any] = {"grain": "day"}
MIDNIGHT = "2026-05-01T00:00:00Z,1000,100"


def write(folder: Path, name: str, *rows: str, head: str = "time,in,out") -> InputFile:
    (folder / name).write_text("\n".join([head, *rows, ""]), "utf-8")
    return InputFile(folder / name, name)


def bring(root: Path, *files: InputFile, mapping: dict[str, Any] | None = None, **decisions: Any) -> list[MonthImport]:  # noqa: ANN401
    how = CallMapping(**PLAIN | (mapping or {}))
    return import_files([(file, how) for file in files], root, Decisions(**decisions), now=LATER)


def bring_one(root: Path, *files: InputFile, **options: Any) -> MonthImport:  # noqa: ANN401
    (month,) = bring(root, *files, **options)
    return month


def read_tokens(root: Path, month: Month = MAY) -> list[tuple[int, int]]:
    rows = load_usage(month, root).relation.select("prompt_tokens, completion_tokens").fetchall()
    return sorted(rows)


def read_origins(root: Path) -> list[str]:
    """The file of each row, in the order of the rows."""
    stored = load_usage(MAY, root)
    files = stored.certificate.files  # type: ignore[union-attr]
    return [files[number]["name"] for number in pq.read_table(stored.path / ORIGINS)["file"].to_pylist()]


def explain(month: MonthImport) -> str:
    return explain_check(month.certificate.sums)


def test_the_months_of_several_files_are_stored_once_each(tmp_path: Path) -> None:
    one = write(tmp_path, "a.csv", "2026-05-03 10:00:00.1,1,1", "2026-06-03 10:00:00.1,2,1")
    two = write(tmp_path, "b.csv", "2026-05-02 10:00:00.1,4,1")
    may, june = bring(tmp_path / "data", one, two)
    assert [len(list_snapshots("usage", month, tmp_path / "data")) for month in (MAY, JUNE)] == [1, 1]
    assert (may.certificate.state, may.certificate.rows_read, may.certificate.prompt_tokens) == (State.COMPLETE, 2, 5)
    assert [(entry["name"], entry["rows"]) for entry in may.certificate.files] == [("a.csv", 1), ("b.csv", 1)]
    assert may.added_by_file == {"a.csv": 1, "b.csv": 1}
    assert june.added_by_file == {"a.csv": 1}
    assert read_origins(tmp_path / "data") == ["b.csv", "a.csv"]


def test_all_of_a_command_again_changes_nothing_in_whatever_order(tmp_path: Path) -> None:
    shared = [f"2026-05-09 10:00:00.{n},9,9" for n in (5, 6, 7)]
    files = [write(tmp_path, f"{n}.csv", f"2026-05-0{n} 10:00:00.1,{n},1", *shared) for n in (1, 2, 3)]
    first = bring_one(tmp_path / "data", *files)
    assert (first.certificate.rows, first.certificate.rows_read, first.certificate.duplicate_rows) == (6, 12, 6)
    assert first.certificate.state is State.COMPLETE
    again = bring_one(tmp_path / "data", *reversed(files))
    assert (again.is_new, again.added_rows, again.certificate) == (False, 0, first.certificate)
    assert not bring_one(tmp_path / "data", files[1]).is_new


def test_one_file_that_is_bad_stores_nothing_of_the_others(tmp_path: Path) -> None:
    good, bad = write(tmp_path, "good.csv", MIDNIGHT), write(tmp_path, "bad.csv", "2026-05-01,x,5")
    with pytest.raises(BadFile, match=r"^bad.csv holds no row that can be taken; line 2: prompt_tokens is not"):
        bring(tmp_path / "data", good, bad)
    with pytest.raises(BadFile, match="^other.csv has no column 'in' for --prompt-tokens"):
        bring(tmp_path / "data", good, write(tmp_path, "other.csv", "1,2", head="time,tokens"))
    assert list_months(tmp_path / "data") == []


def test_a_try_under_wrong_columns_leaves_no_month_that_is_in_the_way_of_the_right_one(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "2026-05-01 10:00:00.1,many,1000,100", head="time,note,in,out")
    with pytest.raises(BadFile, match="holds no row that can be taken"):
        bring(tmp_path / "data", file, mapping={"prompt_tokens": "note"})
    assert list_months(tmp_path / "data") == []
    assert bring_one(tmp_path / "data", file).certificate.state is State.COMPLETE


def test_the_same_bytes_count_once_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    rows = [f"2026-05-0{day},1000,100" for day in (1, 2, 3)]
    files = [write(tmp_path, name, *rows) for name in ("a.csv", "b.csv")]
    how = CallMapping(**PLAIN)
    (month,) = import_files([(file, how) for file in files], tmp_path / "data", now=LATER, note=said.append)
    assert (month.certificate.rows, month.certificate.state) == (3, State.COMPLETE)
    assert said == ["b.csv is the same as a.csv, byte for byte: it counts once."]


def test_two_files_of_the_same_bytes_count_twice_where_they_are_said_to_be_distinct_and_twice_only(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    how = CallMapping(**PLAIN)
    files = [write(tmp_path, name, MIDNIGHT) for name in ("a.csv", "b.csv")]
    for decisions, rows in ((None, 0), (Decisions(distinct=True), 2), (Decisions(distinct=True), 2)):
        if decisions is None:
            with pytest.raises(BadFile, match="leave it out if it is a copy, else import both in one command with"):
                import_files([(file, how) for file in files], tmp_path / "data", note=said.append)
            continue
        (month,) = import_files([(file, how) for file in files], tmp_path / "data", decisions, note=said.append)
        assert (month.certificate.rows, month.certificate.state) == (rows, State.COMPLETE)
    assert said == []  # that it counts once is not said of a file that is refused


@pytest.mark.parametrize("together", [True, False])
def test_a_file_of_a_row_or_two_that_is_another_to_the_byte_may_be_of_another_key_and_is_refused(
    tmp_path: Path, together: bool
) -> None:
    one, other = (write(tmp_path, name, MIDNIGHT) for name in ("a.csv", "b.csv"))
    if not together:
        bring(tmp_path / "data", one)
    with pytest.raises(BadFile, match="b.csv is the same as a.csv, byte for byte|a.csv is the same as b.csv"):
        bring(tmp_path / "data", *([one, other] if together else [other]))
    assert bring_one(tmp_path / "data", one).certificate.rows == 1


@pytest.mark.parametrize("base", [True, False])
def test_a_row_of_two_keys_in_files_of_one_name_is_refused_in_one_command_and_said_later(
    tmp_path: Path, base: bool
) -> None:
    said: list[str] = []
    for key in ("k1", "k2"):
        (tmp_path / key).mkdir()
        write(tmp_path, f"{key}/usage.csv", MIDNIGHT)  # 2 rows if they are of two keys, 1 if one is a copy
    how, names = CallMapping(**PLAIN), ["usage.csv"] * 2 if base else ["k1/usage.csv", "k2/usage.csv"]
    one, other = (InputFile(tmp_path / key / "usage.csv", name) for key, name in zip(("k1", "k2"), names, strict=True))
    with pytest.raises(BadFile, match="usage.csv is the same as .*k2/usage.csv, byte for byte, and too short"):
        import_files([(one, how), (other, how)], tmp_path / "data")
    import_files([(one, how)], tmp_path / "data")
    if base:  # the stored name is all that is known of where it was
        import_files([(other, how)], tmp_path / "data", note=said.append)
        assert said == [
            "usage.csv is the same as usage.csv, which is stored, byte for byte: it counts once. If it holds calls of "
            "somebody else, import both in one command with --distinct."
        ]
    else:
        with pytest.raises(BadFile, match="k2/usage.csv is the same as k1/usage.csv, byte for byte"):
            import_files([(other, how)], tmp_path / "data")


def test_rows_that_cannot_be_taken_are_named_with_their_file(tmp_path: Path) -> None:
    files = [
        write(tmp_path, f"{name}.csv", f"2026-05-01 10:00:0{name}.1,1,1", "2026-05-01 10:00:00,,1") for name in "12"
    ]
    done = bring_one(tmp_path / "data", *files)
    assert done.certificate.state is State.GAP
    assert [(row.file, row.line) for row in done.quarantined] == [("1.csv", 3), ("2.csv", 3)]


# Two files that may hold the same calls


@pytest.mark.parametrize("at_once", [True, False])
def test_equal_rows_without_an_id_in_two_files_may_be_two_calls(tmp_path: Path, at_once: bool) -> None:
    root = tmp_path / "data"
    files = [write(tmp_path, "key1.csv", MIDNIGHT), write(tmp_path, "key2.csv", MIDNIGHT, "")]
    done = bring_one(root, *files) if at_once else [bring_one(root, file) for file in files][-1]
    assert (done.certificate.rows, done.certificate.state) == (1, State.UNRECONCILED)
    assert explain(done) == (
        "1 row of key2.csv may repeat calls in key1.csv, and no call ids can tell: import key2.csv again with "
        "--distinct if they are other calls, with --supersedes key1.csv if it is the newer file, or key1.csv again "
        "with --supersedes key2.csv if that is"
    )
    assert bring_one(root, files[1]).certificate == done.certificate  # said again, it is still not decided
    decided = bring_one(root, files[1], distinct=True)
    assert (decided.certificate.state, decided.certificate.rows) == (State.COMPLETE, 2)
    assert decided.certificate.amount_in_usd == "0.0070000000"  # twice 1000 x 2.50 + 100 x 10.00 USD a million
    assert "Whoever imported key2.csv said that its rows are separate calls." in decided.certificate.notes
    for again in ([files[1]], [files[0]], files):
        assert bring_one(root, *again).certificate == decided.certificate


@pytest.mark.parametrize(("count", "state"), [(1, State.UNRECONCILED), (2, State.UNRECONCILED), (3, State.COMPLETE)])
def test_a_few_equal_calls_of_less_than_a_second_may_be_of_two_projects(
    tmp_path: Path, count: int, state: State
) -> None:
    rows = [f"2026-05-01T00:00:0{n}.123Z,1000,100" for n in range(count)]
    files = [write(tmp_path, "a.csv", *rows), write(tmp_path, "b.csv", *rows, "")]
    done = bring_one(tmp_path / "data", *files)
    assert (done.certificate.rows, done.certificate.state) == (count, state)
    newer = bring_one(tmp_path / "data", files[1], supersedes=("a.csv",)).certificate
    assert (newer.rows, newer.state) == (count, State.COMPLETE)
    with pytest.raises(BadFile, match="a.csv was superseded before by what is now said to be distinct; give a.csv too"):
        bring_one(tmp_path / "data", files[1], distinct=True)
    distinct = bring_one(tmp_path / "data", *files, distinct=True).certificate
    assert (distinct.rows, distinct.state) == (2 * count, State.COMPLETE)


def test_rows_with_ids_of_their_own_are_told_apart_by_them(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{n}.csv", f"{MIDNIGHT},call-{n}", head="time,in,out,id") for n in (1, 2)]
    done = bring_one(tmp_path / "data", *files, mapping={"request_id": "id"})
    assert (done.certificate.rows, done.certificate.state) == (2, State.COMPLETE)


def test_one_id_with_other_content_in_two_files_of_a_command_is_refused(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{n}.csv", f"2026-05-01T00:00:00Z,{n},1,call", head="time,in,out,id") for n in (1, 2)]
    with pytest.raises(BadFile, match="^2.csv says something else than 1.csv of 1 call of the same id, such as call;"):
        bring(tmp_path / "data", *files, mapping={"request_id": "id"})
    assert list_months(tmp_path / "data") == []
    bring(tmp_path / "data", *files, mapping={"request_id": "id"}, supersedes=("1.csv",))
    assert read_tokens(tmp_path / "data") == [(2, 1)]


OLD_DAYS = ("2026-05-14T00:00:00Z,200,20", "2026-05-15T00:00:00Z,400,40")
NEW_DAYS = ("2026-05-14T00:00:00Z,200,20", "2026-05-15T00:00:00Z,1000,100", "2026-05-16T00:00:00Z,50,5")
ALL_DAYS = [(50, 5), (200, 20), (1000, 100)]


@pytest.mark.parametrize("order", ["together", "old first", "new first"])
def test_the_day_that_an_older_export_had_in_part_counts_once_when_somebody_says_so(tmp_path: Path, order: str) -> None:
    root = tmp_path / "data"
    old, new = write(tmp_path, "old.csv", *OLD_DAYS), write(tmp_path, "new.csv", *NEW_DAYS)
    orders: dict[str, list[list[InputFile]]] = {
        "together": [[old, new]],
        "old first": [[old], [new]],
        "new first": [[new], [old]],
    }
    steps = orders[order]
    done = [bring_one(root, *files, mapping=DAYS) for files in steps][-1]
    assert done.certificate.state is State.UNRECONCILED
    assert "old.csv" in explain(done)
    assert "new.csv" in explain(done)
    decided = bring_one(root, new, mapping=DAYS, supersedes=("old.csv",))
    proof = decided.certificate
    assert read_tokens(root) == ALL_DAYS
    assert (proof.state, proof.rows_read, proof.rows) == (State.COMPLETE, 5, 3)
    if order != "new first":  # then a row of the old file was there already, and counts as a duplicate
        assert proof.duplicate_rows == 0
        assert proof.left_out == ({"kind": "superseded rows", "rows": 2},)
        assert "Rows of old.csv that were dropped because new.csv covers the same periods: 2." in proof.notes
    for again in ((old,), (new,), (old, new)):
        assert bring_one(root, *again, mapping=DAYS).certificate.rows_sha256 == proof.rows_sha256
        assert load_usage(MAY, root).certificate.state is State.COMPLETE
    assert read_tokens(root) == ALL_DAYS


def test_what_the_older_export_alone_has_stays(tmp_path: Path) -> None:
    root = tmp_path / "data"
    old = write(tmp_path, "old.csv", "2026-05-01T00:00:00Z,7,7", *OLD_DAYS)
    done = bring_one(root, old, write(tmp_path, "new.csv", *NEW_DAYS), mapping=DAYS, supersedes=("old.csv",))
    assert read_tokens(root) == [(7, 7), *ALL_DAYS]
    assert (done.certificate.state, done.certificate.sums.result) == (State.COMPLETE, "agrees")


def test_an_older_file_of_the_same_name_is_the_one_that_is_stored(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bring(root, write(tmp_path, "usage.csv", *OLD_DAYS), mapping=DAYS)
    done = bring_one(root, write(tmp_path, "usage.csv", *NEW_DAYS), mapping=DAYS, supersedes=("usage.csv",))
    assert (done.certificate.state, read_tokens(root)) == (State.COMPLETE, ALL_DAYS)


def test_an_older_file_that_nobody_knows_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "new.csv", *NEW_DAYS)
    with pytest.raises(BadFile, match="no file old.csv was imported into these months; theirs are new.csv."):
        bring(tmp_path / "data", file, mapping=DAYS, supersedes=("old.csv",))


def test_days_of_other_keys_models_and_providers_are_others(tmp_path: Path) -> None:
    head, how = "time,in,out,key,model", DAYS | {"usable_key": "key", "usable_type": "key", "model_column": "model"}
    one = write(tmp_path, "a.csv", "2026-05-15T00:00:00Z,400,40,k1,gpt-4o", head=head)
    two = write(tmp_path, "b.csv", "2026-05-15T00:00:00Z,1000,100,k2,gpt-4o", head=head)
    three = write(tmp_path, "c.csv", "2026-05-15T00:00:00Z,1000,100,k1,gpt-4.1", head=head)
    assert bring_one(tmp_path / "data", one, two, three, mapping=how).certificate.state is State.COMPLETE


def test_a_day_that_is_more_in_one_count_and_less_in_another_may_be_a_corrected_one(tmp_path: Path) -> None:
    one, two = (write(tmp_path, f"{n}.csv", f"2026-05-15T00:00:00Z,{n}00,{5 - n}0") for n in (1, 2))
    assert bring_one(tmp_path / "data", one, two, mapping=DAYS).certificate.state is State.UNRECONCILED


def test_calls_and_the_sum_of_their_day_in_another_file_may_be_the_same(tmp_path: Path) -> None:
    root = tmp_path / "data"
    log = write(tmp_path, "log.csv", "2026-05-15T10:00:00.5Z,400,40", "2026-05-16T10:00:00.5Z,1,1")
    days = write(tmp_path, "days.csv", "2026-05-15T00:00:00Z,1000,100")
    bring(root, log)
    done = bring_one(root, days, mapping=DAYS)
    assert done.certificate.state is State.UNRECONCILED
    assert explain(done).startswith("1 row of days.csv may repeat calls in log.csv")
    decided = bring_one(root, days, mapping=DAYS, supersedes=("log.csv",))
    assert (decided.certificate.state, read_tokens(root)) == (State.COMPLETE, [(1, 1), (1000, 100)])


@given(cut=st.integers(0, 20), overlap=st.integers(0, 5), grown=st.integers(0, 900), at_once=st.booleans())
@settings(max_examples=25, deadline=None)
def test_two_exports_that_overlap_give_the_month_or_are_not_reconciled(
    tmp_path_factory: pytest.TempPathFactory, cut: int, overlap: int, grown: int, at_once: bool
) -> None:
    folder = tmp_path_factory.mktemp("exports")
    days = [f"2026-05-{day:02d}T00:00:00Z,{day}000,{day}" for day in range(1, 22)]
    partial = f"2026-05-{cut + 1:02d}T00:00:00Z,{max((cut + 1) * 1000 - grown, 0)},{cut + 1}"
    old = write(folder, "old.csv", *days[:cut], partial)
    new = write(folder, "new.csv", *days[max(cut - overlap, 0) :])
    for files in [(old, new)] if at_once else [(old,), (new,)]:
        done = bring_one(folder / "data", *files, mapping=DAYS)
    right = sum(range(1, 22)) * 1000
    assert done.certificate.state is State.UNRECONCILED or done.certificate.prompt_tokens == right
    decided = bring_one(folder / "data", new, mapping=DAYS, supersedes=("old.csv",)).certificate
    assert (decided.prompt_tokens, decided.state, decided.sums.result) == (right, State.COMPLETE, "agrees")


# Replacing


def test_replacing_a_month_that_has_other_files_asks_and_names_what_would_be_dropped(tmp_path: Path) -> None:
    root = tmp_path / "data"
    other = write(tmp_path, "other.csv", "2026-05-01T00:00:00.1Z,1000,100")
    mine = write(tmp_path, "mine.csv", "2026-05-02T00:00:00.1Z,5000,500")
    bring(root, other, mine)
    before = load_usage(MAY, root).certificate
    with pytest.raises(BadParameter) as caught:
        bring(root, mine, replace_months=True)
    assert str(caught.value) == (
        "--replace rebuilds the months from what is given alone, and would drop other.csv of 2026-05 (1 row); "
        "add --yes to drop them, or give those files too."
    )
    assert caught.value.exit_code == 2
    assert load_usage(MAY, root).certificate == before
    both = bring_one(root, mine, other, replace_months=True)
    assert both.certificate.amount_in_usd == "0.0210000000"
    dropped = bring_one(root, mine, replace_months=True, drops_others=True)
    assert dropped.certificate.amount_in_usd == "0.0175000000"


def test_a_corrected_file_of_the_same_name_replaces_itself_without_a_question(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bring(root, write(tmp_path, "a.csv", MIDNIGHT))
    done = bring_one(root, write(tmp_path, "a.csv", "2026-05-01T00:00:00Z,7,7"), replace_months=True)
    assert (done.certificate.rows, read_tokens(root)) == (1, [(7, 7)])


def test_a_month_of_an_older_flexlib_that_did_not_keep_its_files_says_so(tmp_path: Path) -> None:
    root = tmp_path / "data"
    old, new = write(tmp_path, "old.csv", *OLD_DAYS), write(tmp_path, "new.csv", *NEW_DAYS)
    bring(root, old, new, mapping=DAYS)
    stored = load_usage(MAY, root)
    (stored.path / ORIGINS).unlink()
    assert isinstance(stored.certificate, UsageCertificate)
    older = replace(stored.certificate, origins_sha256="")
    (stored.path / "certificate.json").write_text(older.to_json())
    with pytest.raises(BadFile, match="which rows of 2026-05 came from which of its files, an older"):
        bring(root, new, mapping=DAYS, supersedes=("old.csv",))
    assert bring_one(root, new, old, mapping=DAYS).certificate.state is State.UNRECONCILED
    done = bring_one(root, new, old, mapping=DAYS, replace_months=True, supersedes=("old.csv",))
    assert (done.certificate.state, read_tokens(root)) == (State.COMPLETE, ALL_DAYS)


def test_many_files_are_read_one_after_another(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{n}.csv", f"2026-05-01 10:00:00.{n:03d},{n},1") for n in range(1, 41)]
    done = bring_one(tmp_path / "data", *files)
    assert (done.certificate.rows, done.certificate.prompt_tokens) == (40, 820)
    assert done.certificate.amount_in_usd == str(Decimal(820 * 25 + 40 * 100).scaleb(-7).quantize(Decimal("1e-10")))
