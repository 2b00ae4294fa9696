"""What all lines of a view come to is a lower bound where anything that the view is of is missing, and only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_samples import read_cells
from spend_samples import SEPTEMBER, call, store, store_credits

from flexlib.dashboard.figures import Figures
from flexlib.dashboard.view import View
from flexlib.dates import Month
from flexlib.front.spend import Spend, load_spend
from flexlib.page.kit.table import render_table

VIEW = View((SEPTEMBER, SEPTEMBER))
HOW: Any = {"zone": "UTC", "names": False}


def test_all_together_is_a_lower_bound_also_where_what_is_missing_has_no_line(tmp_path: Path) -> None:
    """July 7 of the ledger, and September 5 of imported files; August, and September's ledger, are not stored."""
    store(tmp_path, "ledger", Month(2025, 7), call("a", "2025-07-05", "7"))
    store(tmp_path, "import", SEPTEMBER, call("b", "2025-09-05", "5"))
    three, september = (load_spend(one, SEPTEMBER, tmp_path, **HOW) for one in (Month(2025, 7), SEPTEMBER))
    for spend, total in ((three, "12.00"), (september, "5.00")):
        for by in ("model", "source", "month", "day"):
            assert read_sums(replace(VIEW, by=by), spend)[-1] == ["All together, at least", total]
    imported = replace(VIEW, by="source").narrow("source", "import")
    assert read_sums(imported, september) == [["imported files", "5.00"], ["All together", "5.00"]]


@pytest.mark.parametrize("by", ["source", "model", "month", "day"])
def test_credits_are_whole_beside_calls_of_which_rows_are_missing(tmp_path: Path, by: str) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "7"), quarantined_rows=2)
    store_credits(tmp_path, (5, "u", "m", 0, 500))
    spend = load_spend(SEPTEMBER, SEPTEMBER, tmp_path, **HOW)
    assert read_sums(replace(VIEW, by=by, of="flex_credits"), spend)[-1] == ["All together", "5.00"]
    assert read_sums(replace(VIEW, by=by), spend)[-1] == ["All together, at least", "7.20"]  # credits cost 0.20


def read_sums(view: View, spend: Spend) -> list[list[str]]:
    return [[one[0], one[2]] for one in read_cells(render_table(Figures(view, spend).table_sums()), "table-sums")]
