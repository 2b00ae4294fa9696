"""A month that lacks a source which had begun is not whole, until somebody says that the source has ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.certificate import State
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.front.spend import load_spend
from flexlib.spend.month import load_month_usage
from flexlib.store.ended import FILE, find_awaited, list_lacking, read_ended, write_ended

JULY = Month(2025, 7)
SAID = (
    "Nothing of imported files is stored of 2025-09: what it holds there is not known, and is not zero. Run: flexlib "
    "import FILE --provider ... --model ...; where it was not in use any more: flexlib sources --ended import 2025-08"
)
BUDGETS = "budgets:\n  - {name: all, whole: true, currency: usd, amount: '100', period: month}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files of August; of September the ledger and credits, which had not begun before."""
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05"))
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05", metadata='{"team": "Core"}'))
    store_credits(tmp_path, (5, "key-1", "MODEL_X", 0, 10_000))
    return tmp_path


def test_a_single_month_that_lacks_a_source_is_a_gap_and_says_which(root: Path) -> None:
    month = load_month_usage(SEPTEMBER, root)
    assert (month.unstored, month.state, month.list_problems()) == (("import",), State.GAP, [SAID])
    spend = load_spend(SEPTEMBER, None, root, zone="UTC", names=False)
    assert (spend.state, spend.missing[:1]) == (State.GAP, (SAID,))


def test_the_month_before_a_source_began_lacks_nothing_of_it(root: Path) -> None:
    month = load_month_usage(AUGUST, root)
    assert (month.unstored, month.state) == ((), State.COMPLETE)


def test_what_is_stored_later_alone_is_not_awaited_before(root: Path) -> None:
    store(root, "ledger", OCTOBER, call("c", "2025-10-05"))
    assert find_awaited(SEPTEMBER, root) == {"import": AUGUST}
    assert list_lacking(root) == {"windsurf": [OCTOBER], "import": [SEPTEMBER, OCTOBER], "ledger": []}


def test_several_months_tell_of_a_source_once(root: Path) -> None:
    store(root, "ledger", OCTOBER, call("c", "2025-10-05"))
    missing = load_spend(AUGUST, OCTOBER, root, zone="UTC", names=False).missing
    assert [text[:60] for text in missing if "not zero" in text] == [
        "Nothing of imported files is stored of 2025-09 to 2025-10: w",
        "Nothing of Windsurf is stored of 2025-10: what it holds ther",
    ]


def test_a_month_is_whole_without_a_source_that_has_ended_until_it_is_stored_again(root: Path) -> None:
    write_ended({"import": [AUGUST]}, root)
    assert load_month_usage(SEPTEMBER, root).state is State.COMPLETE
    store(root, "import", OCTOBER, call("c", "2025-10-05"))
    assert load_month_usage(SEPTEMBER, root).state is State.COMPLETE
    assert find_awaited(OCTOBER.next, root)["import"] == OCTOBER


def test_an_end_that_lies_before_the_last_month_stored_ends_nothing_after_it(root: Path) -> None:
    write_ended({"import": [JULY]}, root)
    assert load_month_usage(SEPTEMBER, root).unstored == ("import",)


def test_no_hours_of_a_source_that_has_ended_are_missing_from_another_zones_month(root: Path) -> None:
    write_ended({"import": [AUGUST], "ledger": [SEPTEMBER]}, root)
    month = load_month_usage(SEPTEMBER, root, zone="America/Santiago")
    assert (month.missing, month.unstored) == ((), ())
    write_ended({}, root)
    month = load_month_usage(SEPTEMBER, root, zone="America/Santiago")
    assert month.unstored == ("import",)
    assert [text[:61] for text in month.missing] == ["2025-10-01 00:00 to 2025-10-01 03:00 UTC is not in it for led"]


@pytest.mark.parametrize(
    "words",
    [
        ["spend", "--json"],
        ["check", "--budgets", "budgets.yaml", "--json"],
        ["chargeback", "--by", "team", "--json"],
        ["export", "--format", "focus", "--output-dir", "out"],
        ["forecast", "--of", "usd", "--json"],
        ["anomalies", "--of", "usd", "--json"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_of_such_a_month_says_so_and_ends_with_3(
    root: Path,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    Path("budgets.yaml").write_text(
        "budgets:\n  - {name: all, whole: true, currency: usd, amount: '100', period: month}\n"
    )
    assert main([*words, "--year", "2025", "--month", "9"]) == 3
    shown = capsys.readouterr()
    assert SAID in shown.out + shown.err
    write_ended({"import": [AUGUST]}, root)
    assert main([*words, "--year", "2025", "--month", "9"]) == 0
    shown = capsys.readouterr()
    assert "not zero" not in shown.out + shown.err


def test_no_budget_is_within_its_limit_in_a_month_that_lacks_a_source(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    file = tmp_path / "budgets.yaml"
    file.write_text(BUDGETS)
    main(["check", "--year", "2025", "--month", "9", "--budgets", str(file), "--json"])
    (line,) = json.loads(capsys.readouterr().out)["budgets"]
    assert (line["outcome"], line["lacks"]) == ("cannot say", "rows of 2025-09 are missing")


@pytest.mark.parametrize(
    "written", ['{"import": ["2025-13"]}', "[]", '{"import": 5}', "{", '{"import": "2025-08"}'], ids=str
)
def test_what_is_not_what_flexlib_wrote_of_ends_is_told(root: Path, written: str) -> None:
    (root / FILE).write_text(written)
    with pytest.raises(BadFile, match="ended.json, which says which sources have ended, cannot be read"):
        read_ended(root)


MONTHS = [Month(2025, number) for number in range(1, 13)]


@given(st.sets(st.sampled_from(MONTHS), min_size=1), st.sets(st.sampled_from(MONTHS)), st.sampled_from(MONTHS))
def test_a_source_is_awaited_where_it_is_stored_before_and_no_end_lies_between(
    tmp_path_factory: pytest.TempPathFactory, stored: set[Month], ends: set[Month], month: Month
) -> None:
    root = tmp_path_factory.mktemp("root")
    for one in stored:
        (root / "usage" / str(one) / "import" / "20251201T000000.000000Z-00000000").mkdir(parents=True)
    write_ended({"import": [*ends]}, root)
    is_awaited = False
    for one in MONTHS[: MONTHS.index(month)]:  # month by month, as somebody would who lives through them
        is_awaited = (is_awaited or one in stored) and one not in ends
    assert ("import" in find_awaited(month, root)) == is_awaited
    assert (month in list_lacking(root)["import"]) == (is_awaited and month not in stored and month <= max(stored))
