"""How calls ended: what a status says, what it costs, and what an import left out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from report_samples import read_cells
from spend_samples import SEPTEMBER, call, store

from flexlib.certificate import UsageCertificate
from flexlib.enums import FAILED
from flexlib.page.kit.table import render_table
from flexlib.spend.failures import list_statuses
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.tables.usage import table_statuses


def load(root: Path) -> MonthUsage:
    store(
        root, "ledger", SEPTEMBER,
        call("a", "2025-09-05", "2", status="ok"), call("b", "2025-09-05", "1", status="ok"),
        call("c", "2025-09-05", "4", status="timeout"), call("d", "2025-09-05", None),
        call("e", "2025-09-05", "8", status="ok", grain="day", requests=7),
    )  # fmt: skip
    return load_month_usage(SEPTEMBER, root)


@pytest.mark.parametrize(
    ("word", "failed"),
    [
        *((word, True) for word in ("error", "FAILED", "timeout", "timed out", "cancelled", "429", "rate_limited")),
        *((word, False) for word in ("ok", "success", "200", "stop", "length", "end_turn", "4000", "cached")),
    ],
)  # fmt: skip
def test_a_status_says_that_a_call_failed_in_words_that_are_known(word: str, failed: bool) -> None:
    assert bool(FAILED.search(word)) is failed


def test_statuses_are_counted_as_they_stand_with_what_they_cost(tmp_path: Path) -> None:
    html = render_table(table_statuses(list_statuses(load(tmp_path))))
    assert read_cells(html, "table-statuses") == [
        ["ok", "9", "11.00"],
        ["timeout failed", "1", "4.00"],
        ["Not said", "1", "–"],
        ["All", "11", "15.00"],
    ]


def test_failed_calls_that_an_import_left_out_are_counted_too(tmp_path: Path) -> None:
    usage = load(tmp_path)
    kinds = ({"kind": "failed calls", "rows": 3}, {"kind": "empty days", "rows": 9})
    certificate = usage.snapshots[0].certificate
    assert isinstance(certificate, UsageCertificate)
    stored = SimpleNamespace(certificate=replace(certificate, left_out=kinds))
    statuses = list_statuses(replace(usage, snapshots=(stored,)))  # type: ignore[arg-type]
    assert statuses[-1] == {
        "status": "failed calls", "calls": 3, "failed": True, "left_out": True, "total_usd": None, "unpriced": 3,
    }  # fmt: skip
    assert len(statuses) == 4
    assert [line["unpriced"] for line in statuses] == [0, 0, 1, 3]
    assert sum(line["total_usd"] or Decimal(0) for line in statuses) == 15
