"""A month that lacks a source which had begun is not whole, until somebody says that the source has ended."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.certificate import State
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.errors import BadFile, SnapshotMissing
from flexlib.front.budgets import check_budgets
from flexlib.front.forecast import forecast_month
from flexlib.front.spend import load_spend
from flexlib.page.usage.sections import show_month_title
from flexlib.spend.before import load_month_before
from flexlib.spend.month import load_month_usage
from flexlib.store.budgets import read_budgets
from flexlib.store.ended import FILE, find_awaited, find_over, list_lacking, list_stored, read_ended, write_ended

JULY = Month(2025, 7)
SAID = (
    "Nothing of imported files is stored of 2025-09: what it holds there is not known, and is not zero. Run: flexlib "
    "import FILE --provider ... --model ...; where it was not in use then: flexlib sources --ended import 2025-08"
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


def test_a_source_that_is_stored_again_is_not_over_in_that_month(tmp_path: Path) -> None:
    store(tmp_path, "import", JULY, *(call(f"{day}", f"{day}T10:00:00", "20") for day in JULY.span))
    days = [day for day in SEPTEMBER.span if day.day <= 10]
    store(tmp_path, "import", SEPTEMBER, *(call(f"{day}", f"{day}T10:00:00", "20") for day in days))
    write_ended({"import": [JULY]}, tmp_path)
    assert (find_over(AUGUST, tmp_path), find_over(SEPTEMBER, tmp_path)) == ({"import"}, set())
    made = forecast_month(SEPTEMBER, tmp_path, of="usd")
    assert (made.known, made.this.expected) == (200.0, 600.0)


def test_of_made_up_data_nobody_is_told_to_bring_files_or_a_ledger(tmp_path: Path) -> None:
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05", "3"))
    store_credits(tmp_path, (2, "u-1", "m", 0, 250))
    missing = [load_spend(SEPTEMBER, None, tmp_path, zone=zone, names=False).missing for zone in ("UTC", "Asia/Tokyo")]
    assert all("flexlib import FILE" in " ".join(said) for said in missing)
    (tmp_path / "server.json").write_text('{"demo": true}', "utf-8")
    missing = [load_spend(SEPTEMBER, None, tmp_path, zone=zone, names=False).missing for zone in ("UTC", "Asia/Tokyo")]
    assert all("imported files" in " ".join(said) and "flexlib import" not in " ".join(said) for said in missing)
    with pytest.raises(SnapshotMissing, match=r"Run: flexlib fetch --year 2026 --month 9$"):
        load_spend("2026-09", None, tmp_path, zone="UTC", names=False)


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
    assert [text[:61] for text in month.missing] == ["2025-10-01 00:00 to 2025-10-01 03:00 UTC is not in it for the"]


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


def test_a_change_on_the_month_before_counts_a_source_that_has_ended_as_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    month, words = load_month_usage(SEPTEMBER, root), ["compare", "2025-08", "2025-09", "--of", "usd", "--json"]
    assert (
        load_month_before(month, root).obstacle == "August lacks the ledger, Windsurf"
    )  # which may have begun earlier
    assert main(words) == 3
    assert SAID in capsys.readouterr().err
    write_ended({"import": [AUGUST]}, root)
    assert find_over(SEPTEMBER, root) == {"import"}
    assert main(words) == 0
    shown = capsys.readouterr()
    made = json.loads(shown.out)
    assert (made["parts"]["gone"], "imported files" in shown.err) == ("-1", False)


def test_a_budget_of_credits_is_judged_where_windsurf_has_ended(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    store(root, "ledger", OCTOBER, call("c", "2025-10-05"))
    file = tmp_path / "budgets.yaml"
    file.write_text(BUDGETS.replace("usd", "flex_credits"))
    words = ["check", "--year", "2025", "--month", "10", "--budgets", str(file), "--json"]
    found = []
    for ended in ({}, {"windsurf": [SEPTEMBER], "import": [AUGUST]}):
        write_ended(ended, root)
        code = main(words)
        (line,) = json.loads(capsys.readouterr().out)["budgets"]
        found.append((code, line["outcome"], line["spent"]))
    assert found == [(3, "cannot say", None), (0, "within", "0")]


def test_credits_of_a_month_after_windsurfs_end_are_not_forecast(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    write_ended({"windsurf": [SEPTEMBER]}, root)
    assert main(["forecast", "--year", "2025", "--month", "10"]) == 2
    assert capsys.readouterr().err == (
        "flexlib: Windsurf had ended before 2025-10, as flexlib sources was told: there are no credits to forecast.\n"
    )


def test_what_has_ended_is_not_expected_of_days_to_come(tmp_path: Path) -> None:
    for source, amount in (("import", "20"), ("ledger", "10")):
        for month in (JULY, AUGUST):
            store(tmp_path, source, month, *(call(f"{source}{day}", f"{day}T10:00:00", amount) for day in month.span))
    write_ended({"import": [AUGUST]}, tmp_path)
    made = forecast_month(SEPTEMBER, tmp_path, of="usd", as_of=AUGUST.last)
    assert (made.this.expected, made.is_least) == (300.0, False)
    write_ended({}, tmp_path)
    made = forecast_month(SEPTEMBER, tmp_path, of="usd", as_of=AUGUST.last)
    assert made.this.expected == 900.0


def test_a_budget_of_a_period_that_began_before_the_end_of_a_source_has_what_it_came_to(tmp_path: Path) -> None:
    for source, amount, months in (("import", "20", (JULY, AUGUST)), ("ledger", "10", (JULY, AUGUST, SEPTEMBER))):
        for month in months:
            store(tmp_path, source, month, *(call(f"{source}{day}", f"{day}T10:00:00", amount) for day in month.span))
    write_ended({"import": [AUGUST]}, tmp_path)
    file = tmp_path / "budgets.yaml"
    file.write_text(BUDGETS.replace("'100', period: month", "'1000', period: cycle, begins: 20"))
    first, _ = check_budgets(SEPTEMBER, tmp_path, read_budgets(file), as_of=date(2025, 9, 20)).periods
    assert (first.span.first, first.spent, first.expected) == (
        date(2025, 8, 20),
        Decimal(550),
        None,
    )  # 12 x 30 + 19 x 10
    (running,) = check_budgets(SEPTEMBER, tmp_path, read_budgets(file), as_of=date(2025, 9, 5)).periods
    assert (running.spent, running.expected) == (Decimal(410), 550.0)


def test_a_forecast_after_a_month_that_lacks_a_source_has_no_upper_end_and_dates_a_budget_by_what_is_known(
    tmp_path: Path,
) -> None:
    for source, months in {"import": (JULY, AUGUST), "ledger": (JULY, AUGUST, SEPTEMBER)}.items():
        for month in months:
            store(tmp_path, source, month, *(call(f"{source}{day}", f"{day}T10:00:00", "10") for day in month.span))
    made = forecast_month(OCTOBER, tmp_path, of="usd", budget=100)
    assert made.is_least
    assert made.reached == (date(2025, 10, 10), None, date(2025, 10, 18))


def test_a_month_of_bills_alone_lacks_what_was_stored_before(tmp_path: Path) -> None:
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05"))
    (tmp_path / "charges" / "2025-09" / "bill-files" / "20251201T000000.000000Z-00000000").mkdir(parents=True)
    assert list_lacking(tmp_path) == {"import": [SEPTEMBER]}
    assert list_stored(tmp_path, bills=True)["bill-files"] == [SEPTEMBER]


def test_an_earlier_version_of_a_month_is_not_judged_by_what_other_months_have_now(root: Path) -> None:
    assert load_month_usage(SEPTEMBER, root, version=1).unstored == ()


def test_what_a_neighbouring_month_lacks_is_told_beside_a_source_of_which_nothing_is_stored(tmp_path: Path) -> None:
    store(tmp_path, "import", AUGUST, call("a", "2025-08-31T20:00:00", None), lacking=1)
    store(tmp_path, "ledger", SEPTEMBER, call("b", "2025-09-05"))
    month = load_month_usage(SEPTEMBER, tmp_path, zone="Asia/Tokyo")
    assert month.unstored == ("import",)
    assert [text for text in month.list_problems(month.unstored) if text.startswith("imported files, 2025-08")]


def test_a_report_gives_programs_the_source_that_its_month_lacks(root: Path) -> None:
    state = show_month_title("LLM spend", load_month_usage(SEPTEMBER, root)).text
    assert "Nothing of imported files is stored of 2025-09" in state.split("<script")[-1]


def test_a_damaged_file_of_ends_keeps_a_month_from_being_stored(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    (root / FILE).write_text("{")
    calls = tmp_path / "calls.csv"
    calls.write_text("id,at,model,in,out,usd\nx,2025-10-01T10:00:00Z,gpt-4o,1,1,1\n")
    columns = "--provider openai --model-column model --timestamp at --prompt-tokens in --completion-tokens out"
    assert main(["import", str(calls), *columns.split(), "--amount-usd", "usd", "--request-id", "id"]) == 2
    assert "ended.json" in capsys.readouterr().err
    assert not (root / "usage" / "2025-10" / "import").exists()


@pytest.mark.parametrize(
    "written",
    ['{"import": {"2025-08": 1}}', '{"import": ["2025-13"]}', "[]", '{"import": 5}', "{", '{"import": "2025-08"}'],
    ids=str,
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
