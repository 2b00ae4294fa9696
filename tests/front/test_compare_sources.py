"""A source that is stored of one side only: what is not stored is not zero, and makes nobody new or gone."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

import flexlib as fl
from flexlib.cli.main import main
from flexlib.errors import InvalidRequest
from flexlib.front.anomalies import find_month_anomalies
from flexlib.front.compare import compare_spans
from flexlib.front.forecast import forecast_month
from flexlib.front.versions import compare_named
from flexlib.store.ended import write_ended

ANA: dict[str, Any] = {"usable_type": "user", "usable_id": 7}


def store_both(root: Path) -> None:
    """Calls of both months, Windsurf's credits of September alone."""
    for month in (AUGUST, SEPTEMBER):
        store(root, "import", month, call(f"{month}", f"{month}-05T10:00:00", "5", **ANA))
    store_credits(root, (5, "key-1", "MODEL_X", 0, 10_000))


def test_who_spends_by_a_source_that_the_month_before_lacks_is_not_new(tmp_path: Path) -> None:
    store_both(tmp_path)
    made = compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path, of="usd")
    assert made.change.people == {"new": 0, "gone": 0, "stayed": 1}
    assert {name: part for name, part in made.change.sum_parts().items() if part} == {"unmeasured": Decimal(4)}
    assert made.lacking == (True, False)
    said = "Nothing of Windsurf is stored of 2025-08: what it holds there is not known, and is not zero."
    assert made.missing[0] == said


def test_the_console_says_at_least_and_what_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_both(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert main(["compare", "2025-09", "2025-08", "--of", "usd"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(
        "August 2025 against September 2025 in US$: at least 5.00, and 9.00 before; what is known differs by -4.00\n"
    )
    assert "0 spenders who stopped" in shown.out
    assert "Nothing of Windsurf is stored of 2025-08" in shown.err


@pytest.mark.parametrize("is_back", [False, True])
def test_a_month_of_which_nothing_has_the_unit_is_compared_with_none(tmp_path: Path, is_back: bool) -> None:
    store_both(tmp_path)
    spans = (SEPTEMBER.span, AUGUST.span) if is_back else (AUGUST.span, SEPTEMBER.span)
    with pytest.raises(InvalidRequest, match="August 2025 has no flex credits; choose another with --of, usd[.]$"):
        compare_spans(*spans, tmp_path, of="credits")


def test_without_a_unit_the_first_is_taken_that_each_side_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """September has credits and dollars, August dollars alone."""
    store_both(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert main(["compare", "2025-08", "2025-09", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == "usd"
    assert main(["compare", "2025-08", "2025-09", "--of", "credits"]) == 2
    assert "August 2025 has no flex credits" in capsys.readouterr().err
    assert compare_named("", fl.load("2025-09"), "").unit == "usd"
    assert forecast_month(SEPTEMBER, tmp_path).unit == "flex_credits"
    assert forecast_month(AUGUST, tmp_path).unit == "usd"
    assert find_month_anomalies(SEPTEMBER, tmp_path).unit == "flex_credits"
    assert find_month_anomalies(AUGUST, tmp_path).unit == "usd"


def test_without_a_unit_what_is_in_use_and_not_stored_yet_is_awaited_in_credits(tmp_path: Path) -> None:
    """In dollars a budget of credits would not be used up, and nobody would know why."""
    store_both(tmp_path)
    store(tmp_path, "import", OCTOBER, call("o", "2025-10-05T10:00:00", "5", **ANA))
    assert forecast_month(OCTOBER, tmp_path).unit == "flex_credits"
    with pytest.raises(InvalidRequest, match="October 2025 has no flex credits; choose another with --of, usd[.]$"):
        compare_spans(SEPTEMBER.span, OCTOBER.span, tmp_path)
    write_ended({"windsurf": [SEPTEMBER]}, tmp_path)
    assert compare_spans(SEPTEMBER.span, OCTOBER.span, tmp_path).unit == "usd"


def test_where_no_side_has_any_amount_credits_are_asked_for(tmp_path: Path) -> None:
    for month in (AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, call(f"{month}", f"{month}-05T10:00:00", None, **ANA))
    with pytest.raises(InvalidRequest, match="neither August 2025 nor September 2025 has flex credits[.]$"):
        compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path)
