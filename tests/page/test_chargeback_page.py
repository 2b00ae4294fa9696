"""The page of a chargeback, where what is nobody's is the largest part of a month."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from flexlib.analysis.chargeback import DIRECT, NOBODY, ChargeLine, LineKey, LineKind
from flexlib.dates import Month
from flexlib.page import chargeback as page
from flexlib.page.kit.theme import LIGHT, OTHER


def make_line(key: LineKey, usd: str) -> ChargeLine:
    amounts = {DIRECT: {"usd": Decimal(usd)}}
    return ChargeLine(key, amounts, amounts, 1, 0, 0)


def make_month(level: str = "department", **usd: str) -> Any:  # noqa: ANN401
    own = {"nobody": NOBODY, "beside": LineKey(LineKind.BESIDE)}
    keys = {name: own.get(name) or LineKey(LineKind.PART, name) for name in usd}
    lines = tuple(make_line(keys[name], amount) for name, amount in usd.items())
    parts = tuple(line for line in lines if line.key.kind is LineKind.PART)
    whole = sum((Decimal(one) for one in usd.values()), Decimal(0))
    return SimpleNamespace(lines=lines, parts=parts, level=level, folded="", total=lambda _unit: whole)


@pytest.mark.parametrize(
    ("usd", "heading"),
    [
        (
            {"Data": "20", "Legal": "8", "nobody": "72"},
            "72.0 % of the whole, US$ 72.00, belongs to none of the departments; of them Data has most, US$ 20.00",
        ),
        ({"Data": "40", "Legal": "20", "nobody": "40"}, "Data is charged US$ 40.00, 40.0 % of the whole"),
        ({"Data": "20", "nobody": "30", "beside": "50"}, "Data is charged US$ 20.00, 20.0 % of the whole"),
        ({"Data": "80", "Legal": "20"}, "Data is charged US$ 80.00, 80.0 % of the whole"),
    ],
)
def test_the_heading_says_first_what_is_of_nobody_where_that_is_the_largest_part(
    usd: dict[str, str], heading: str
) -> None:
    assert page.heading_for_charges(make_month(**usd)).heading.replace("\u00a0", " ") == heading


def test_the_chart_has_what_is_of_nobody_as_a_grey_bar() -> None:
    grey = f"var(--flex-{OTHER}"
    for usd, is_grey in (({"Data": "20", "nobody": "72"}, True), ({"Data": "20"}, False)):
        chart = page.plot_charges(make_month(**usd), Month(2025, 9).span)
        assert chart is not None
        assert ("Unmapped US$ 72.00" in chart.description) is is_grey
        assert (grey in chart.render_html() or LIGHT[OTHER] in chart.render_html()) is is_grey
