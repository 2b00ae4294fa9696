"""The cards of a page on calls: what they say where something is not told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from flexlib.i18n import speak
from flexlib.page.kit.kept import strip_markup
from flexlib.page.kit.units import render_sign
from flexlib.page.usage.cards import _describe_pesos


def test_pesos_by_a_rate_of_which_nobody_says_whose_it_is_stand_without_a_source() -> None:
    """As a caller may record them: the day and the rate alone."""
    totals: Any = {"usd": Decimal(1), "clp": Decimal(950), "unpriced_clp": 0}
    rate = {"day": "2025-09-05", "value": "950.50", "source": None}
    assert _describe_pesos(totals, [rate], []) == "at 950.50 (2025-09-05)"
    assert _describe_pesos(totals, [{**rate, "source": "bank"}], []) == "at 950.50 (2025-09-05), bank"


@pytest.mark.parametrize(("language", "text"), [("en", "Spent US$ 401.57 flat"), ("es", "Spent US$401.57 flat")])
def test_a_sign_stands_from_its_number_in_a_file_as_it_does_in_each_language(language: str, text: str) -> None:
    with speak(language):
        assert strip_markup(f"<b>Spent</b>{render_sign('usd')}401.57<small>flat</small>") == text


def test_no_blank_stands_where_only_markup_ends() -> None:
    assert strip_markup('<b class="more">+16.6 %</b> vs <i>August</i>; 82 calls') == "+16.6 % vs August; 82 calls"
