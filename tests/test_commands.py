"""What readers without a console are told: what is the matter, without the commands that mend it."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from flexlib.checks import Check, explain_check
from flexlib.cli.main import main
from flexlib.commands import COMMAND, leave_out_commands
from flexlib.dates import Month
from flexlib.front.spend import load_spend
from flexlib.i18n import speak
from flexlib.page.mail.month import build_month_mail
from flexlib.reasons import REASONS
from flexlib.stored_notes import NOTES, tell_note

CREDITS = (
    *("flex_credits_hundredths", "flex_credits_here", "rows", "rows_here", "flex_credits_alone", "flex_credits_first"),
    "used_hundredths",
)
FIGURES: dict[str, Any] = {
    **dict.fromkeys(CREDITS, 100),
    "answer": "HTTP 500", "differing_users": ["ana"], "not_asked": 1, "sample": 5, "cycle": "2025-09-02 to 2025-10-01",
    "as_unit": {"credits": [1, 2], "hundredths": [3, 4]}, "here": [1, 2], "there": [3, 4],
    "changed_amounts": {"amount_in_usd": ["3", "4"]}, "own_totals": [["a.csv", "total", "3", "4"]],
    "found": {"rows": 3}, "rows_found": 4, "distinct_ids": 3,
    "possible_duplicates": [["new log.csv", 2]], "overlaps": [["a.csv", "b.csv", "OpenAI", "1", "2"]],
    "shared_rows": [["new log.csv", "old.csv", 2]], "doubled_rows": [["y.csv", 2]], "doubled_lines": [["y.csv", 2]],
    "sum_lines": [["bill.csv", 7]], "payment_lines": [["bill.csv", 7]],
}  # fmt: skip
NO_FACT = {"switched_off"}
"""A reason that is an option: why nothing was checked, which is no check that differs."""


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("reason", sorted(REASONS.keys() - NO_FACT))
def test_of_each_reason_of_a_check_the_fact_stays_without_the_command(reason: str, language: str) -> None:
    with speak(language):
        told = explain_check(Check("differs", reasons=(reason,), figures=FIGURES))
        (left,) = leave_out_commands([f"imported files, 2025-09: {told}."])
    fact = left.removeprefix("imported files, 2025-09: ").removesuffix(".")
    assert fact
    assert told.startswith(fact)
    assert not COMMAND.search(fact)
    assert re.match(r"[:;] imp|$", told.removeprefix(fact))


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("note", NOTES)
def test_of_each_note_of_a_month_the_fact_stays_without_the_command(note: str, language: str) -> None:
    filled = {name: "flexlib close" if name == "command" else "3" for _, name, _, _ in Formatter().parse(note) if name}
    with speak(language):
        told = tell_note(note.format(**filled))
        (left,) = leave_out_commands([told])
    assert not COMMAND.search(left)
    assert told.startswith(left.removesuffix("."))
    assert len(left) > len("3 filas")


def test_a_mail_of_a_month_that_may_count_rows_twice_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else the month lacks."""
    rows = [f"2025-09-03T00:00:00Z,gpt-4o,openai,{tokens},50,1" for tokens in (100, 101, 102)]
    (tmp_path / "y.csv").write_text("\n".join(["When,Model,Prov,in,out,req", *rows, ""]), "utf-8")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    columns = (
        "--timestamp When --model-column Model --provider-column Prov --prompt-tokens in --completion-tokens out "
        "--requests req --grain day"
    )
    assert main(["import", str(tmp_path / "y.csv"), *columns.split()]) == 4
    spend = load_spend(Month(2025, 9), None, tmp_path / "data", zone="UTC", names=False)
    assert build_month_mail(spend.loaded[0], spend.before, None).warnings == [
        "Unreconciled: two sums that must agree do not, or something may count twice.",
        "imported files, 2025-09: 2 rows of y.csv are of the same time, model and user as a row before, all others or "
        "a session before.",
        "Ask who sends this mail.",
    ]
