"""Rows that sum others are no calls, and a total that a file says of itself is held against its rows."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from preset_samples import build_mapping

from flexlib.certificate import State, UsageCertificate
from flexlib.checks import explain_check
from flexlib.enums import LlmProvider
from flexlib.ingest.files.importing import import_usage
from flexlib.sources.files.mapping import CallMapping

PLAIN: dict[str, Any] = {"created_at": "date", "prompt_tokens": "in", "completion_tokens": "out",
                         "provider": LlmProvider.OPENAI, "model_column": "model", "grain": "day"}  # fmt: skip
ROWS = "2026-05-01,gpt-4o,web,1000,100\n2026-05-02,gpt-4o,app,2000,200\n"


def bring(folder: Path, text: str, *, head: str = "date,model,key,in,out\n", **mapping: Any) -> UsageCertificate:  # noqa: ANN401
    (file := folder / "usage.csv").write_text(f"{head}{text}\n", "utf-8")
    (found,) = import_usage(file, CallMapping(**PLAIN | mapping), folder / "data")
    return found.certificate


@pytest.mark.parametrize(
    "total",
    [
        "2026-05-02,Total,,3000,300",  # with the last date, in the place of a model
        "2026-05-02,gpt-4o,Grand total,3000,300",  # in a column that feeds nothing
        "Total,,,3000,300",
        "2026-05-02,,Sum,3000,300",
        "2026-05-02,all models,,3000,300",
        "2026-05-02,Total May,,3000,300",
    ],
)
def test_a_row_that_sums_the_others_is_no_call(tmp_path: Path, total: str) -> None:
    found = bring(tmp_path, f"{ROWS}{total}\n")
    assert (found.state_of_rows, found.rows, found.prompt_tokens) == (State.COMPLETE, 2, 3000)
    assert found.left_out == ({"kind": "total rows", "rows": 1},)


@pytest.mark.parametrize("rows", ["{rows}{total}", "{total}{rows}"])
def test_a_row_of_a_name_of_its_own_that_has_the_tokens_of_all_others_is_told(tmp_path: Path, rows: str) -> None:
    text = rows.format(rows=ROWS, total="2026-05-02,Grand sum,,3000,300\n")
    found = bring(tmp_path, text)
    assert (found.sums.reasons, found.prompt_tokens) == (("doubled_rows",), 6000)  # 3000
    (tmp_path / "other").mkdir()
    other = text.replace("Grand sum,,3000,300", "gpt-4o,everybody,3000,300")  # of the model, which others have
    assert bring(tmp_path / "other", other).sums.reasons == ()


PRICED = "date,model,team,in,out,usd\n2026-05-01,gpt-4o,web,1000,100,1.50\n2026-05-02,gpt-4o,app,2000,200,2.50\n"
ONE = "date,model,team,in,out,usd\n2026-05-01,gpt-4o,web,1000,100,1.50\n"

AGAIN = "2026-05-02,gpt-4o,app,7,1,1\n2026-05-02,gpt-4o,total,7,1,1"


@pytest.mark.parametrize(("text", "usd", "rows", "wrong"), [
    (f"{PRICED}2026-05-02,Total,,0,0,4.00", "4", 2, ""),  # it sums the amounts alone
    (f"{PRICED}2026-05-02,Total,,3000,300,", "4", 2, ""),  # it sums the tokens alone
    (f"{PRICED}2026-05-02,Total,,3000,300,4.01", "4", 2, ""),  # of 1.504 and 2.504, rounded
    (f"{PRICED}2026-05-02,Total,,3000,300,400", "4", 2, "amount of line 4 is 400, and its rows sum up to 4"),
    (f"{PRICED}2026-05-02,Total,,3001,300,4.00", "4", 2, "tokens of line 4 is 3301, and its rows sum up to 3300"),
    (f"{PRICED}2026-05-02,Total,,0,0,400", "4", 2, "amount of line 4 is 400, and its rows sum up to 4"),
    (f"{PRICED}2026-05-02,gpt-4o,total,3000,300,4.00", "4", 2, ""),
    (f"{PRICED}2026-05-02,gpt-4o,total,3000,300,1.50", "5.5", 3, ""),  # a team of that name
    (f"{ONE}2026-05-01,gpt-4o,total,1000,100,4.00", "5.5", 2, ""),
    (f"{ONE}2026-05-01,gpt-4o,total,1000,100,1.50", "3", 2, "usage.csv again with --distinct"),  # it may be either
    (f"{ONE}2026-05-01,gpt-4o,total,1000,100,1.50\n{AGAIN}", "2.5", 2, ""),  # each of two is the total of a row
    (f"{PRICED}2026-05-02,,total,3000,300,4\n2026-05-03,gpt-4o,web,7,1,1\n2026-05-03,,total,7,1,1", "5", 3, ""),
])  # fmt: skip
def test_a_total_is_held_against_tokens_and_amounts_and_a_team_may_have_the_word_as_its_name(
    tmp_path: Path, text: str, usd: str, rows: int, wrong: str
) -> None:
    found = bring(tmp_path, text, head="", amount_in_usd="usd")
    assert (Decimal(found.amount_in_usd or 0), found.rows) == (Decimal(usd), rows)
    assert found.state_of_rows is (State.UNRECONCILED if wrong else State.COMPLETE)
    assert wrong in explain_check(found.sums)


def test_a_total_that_a_version_before_took_for_a_call_goes_when_its_file_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{ROWS}2026-05-02,Total,,3000,300"
    with monkeypatch.context() as before:
        before.setattr("flexlib.sources.files.rows.find_total", lambda _: "NULL")
        assert bring(tmp_path, text).prompt_tokens == 6000
    found = bring(tmp_path, text)
    assert (found.state_of_rows, found.prompt_tokens, found.rows, found.duplicate_rows) == (State.COMPLETE, 3000, 2, 0)
    assert found.left_out == ({"kind": "total rows", "rows": 1},)


def test_the_total_of_each_day_and_that_of_all_are_no_calls(tmp_path: Path) -> None:
    days = "2026-05-01,gpt-4o,web,1000,100\n2026-05-01,Subtotal,,1000,100\n"
    days += "2026-05-02,gpt-4o,app,2000,200\n2026-05-02,gpt-4o,web,5,1\n2026-05-02,Subtotal,,2005,201\n"
    found = bring(tmp_path, f"{days}2026-05-02,Grand total,,3005,301\n")
    assert (found.state_of_rows, found.prompt_tokens) == (State.COMPLETE, 3005)
    assert found.left_out == ({"kind": "total rows", "rows": 3},)


def test_a_row_whose_key_is_the_word_but_whose_counts_are_no_sum_is_a_call(tmp_path: Path) -> None:
    found = bring(tmp_path, f"{ROWS}2026-05-02,gpt-4o,Total,70,7\n")
    assert (found.state_of_rows, found.prompt_tokens, found.left_out) == (State.COMPLETE, 3070, ())


def test_a_total_that_the_rows_do_not_sum_up_to_is_not_reconciled(tmp_path: Path) -> None:
    found = bring(tmp_path, f"{ROWS}2026-05-02,Total,,4000,300\n")
    assert (found.state_of_rows, found.prompt_tokens) == (State.UNRECONCILED, 3000)
    assert explain_check(found.sums) == (
        "usage.csv says that its tokens of line 4 is 4300, and its rows sum up to 3300: export it again"
    )


@pytest.mark.parametrize(("tokens", "usd", "state"), [
    (300, 0.003, State.COMPLETE),
    (300, 0.0030000000000000005, State.COMPLETE),  # as floats add up
    (400, 0.003, State.UNRECONCILED),
    (300, 0.004, State.UNRECONCILED),
    (300, "n/a", State.COMPLETE),  # no number, so nothing to hold
    (300, "$0.50", State.COMPLETE),
    (300, {"usd": 1}, State.COMPLETE),
    (300, float("nan"), State.COMPLETE),
])  # fmt: skip
def test_the_totals_of_ccusage_are_held_against_its_days(
    tmp_path: Path, tokens: int, usd: object, state: State
) -> None:
    model = {"modelName": "claude-sonnet-4-5", "inputTokens": 100, "outputTokens": 50, "cacheCreationTokens": 20,
             "cacheReadTokens": 80, "cost": 0.001}  # fmt: skip
    days = [{"date": f"2026-05-0{day}", "modelBreakdowns": [model]} for day in (1, 2, 3)]
    (file := tmp_path / "ccusage.json").write_text(
        json.dumps({"daily": days, "totals": {"inputTokens": tokens, "totalCost": usd}})
    )
    (found,) = import_usage(file, build_mapping(file), tmp_path / "data")
    assert found.certificate.state_of_rows is state
