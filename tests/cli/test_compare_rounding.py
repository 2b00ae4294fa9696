"""What is shown of a change adds up: the difference and its parts are rounded by one rule, on console and page."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import read_words
from spend_samples import AUGUST, SEPTEMBER

from flexlib.analysis.compare import Use, Uses, take_apart
from flexlib.certificate import State
from flexlib.cli.compare import render_comparison
from flexlib.front.compare import Comparison
from flexlib.page import answers


def compare(before: Uses, after: Uses, unit: str) -> Comparison:
    change = take_apart(before, after)
    return Comparison(AUGUST.span, SEPTEMBER.span, unit, change, State.COMPLETE, (), (False, False), ())


def read_number(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.+-]", "", text.replace("\u2212", "-")))


def read_console(made: Comparison) -> tuple[Decimal, list[Decimal]]:
    """The difference, and its parts."""
    first, *others = render_comparison(made, 5).splitlines()
    parts = others[: next(place for place, line in enumerate(others) if not line.startswith("  "))]
    difference = re.findall(r"[+-][\d,.]*\d", first)[0]
    return read_number(difference), [read_number(re.split(r"\s{3,}", line.strip())[1]) for line in parts]


def read_page(made: Comparison) -> tuple[Decimal, list[Decimal]]:
    """The difference, and what came, went and stayed, and what is not measured."""
    said = read_words(answers.show_why(made.change, made.unit, AUGUST).text)
    head, __, rest = said.partition(" vs August: ")
    groups = re.sub(r" \(.*\)", "", rest.rstrip(".")).split(";")
    return read_number(head), [read_number(one.split()[-1]) for one in groups]


@pytest.mark.parametrize(
    ("unit", "moved", "shown"),
    [("clp", "52.5", "53"), ("clp", "53.5", "54"), ("clp", "-52.5", "-53"), ("usd", "0.125", "0.13")],
)
def test_half_a_unit_is_rounded_alike_in_the_difference_and_in_its_only_part(unit: str, moved: str, shown: str) -> None:
    one = {"eva": {"opus": Use(abs(Decimal(moved)), 1)}}
    made = compare(*(({}, one) if Decimal(moved) > 0 else (one, {})), unit)
    for difference, parts in (read_console(made), read_page(made)):
        assert difference == Decimal(shown)
        assert [part for part in parts if part] == [Decimal(shown)]


AMOUNTS = st.integers(0, 4_000).map(lambda eighths: Decimal(eighths) / 8000)
"""Halves of a cent, and of a peso, among them."""
USES = st.builds(Use, AMOUNTS.map(lambda one: one * 1000) | AMOUNTS, st.integers(1, 9) | st.none())
SPANS: st.SearchStrategy[Uses] = st.dictionaries(
    st.integers(0, 4), st.dictionaries(st.integers(0, 2), USES, max_size=3), max_size=4
)


@given(before=SPANS, after=SPANS, unit=st.sampled_from(["clp", "usd", "flex_credits"]))
def test_the_parts_shown_sum_to_the_difference_shown(before: Uses, after: Uses, unit: str) -> None:
    made = compare(before, after, unit)
    (console, parts), (page, groups) = read_console(made), read_page(made)
    assert sum(parts) == console
    assert sum(groups) == page == console
