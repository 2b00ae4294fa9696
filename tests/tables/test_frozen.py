"""A table that is kept as JSON is the same table afterwards, to the last digit."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.top import OTHER_MODELS
from flexlib.i18n import Label
from flexlib.tables.definition import Column, Kind, Table, Total
from flexlib.tables.frozen import freeze_table, thaw_table

VALUES = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
)
TOTALS = st.one_of(st.sampled_from(Total), VALUES.filter(lambda value: not isinstance(value, date)))


@given(st.lists(st.tuples(VALUES, VALUES), max_size=5), TOTALS)
def test_what_is_kept_of_a_table_is_read_back_as_it_was(rows: list[tuple[object, object]], total: object) -> None:
    columns = [Column("a", "A", note="b", unknown="no idea"), Column("c", "C", Kind.USD, total)]  # type: ignore[arg-type]
    lines = [{"a": first, "b": "beside", "c": second} for first, second in rows]
    table = Table("t", "T", columns, lines, frozenset({0}), "opened", closing=lines[:1])
    again = thaw_table(json.loads(json.dumps(freeze_table(table))))
    assert [*again.columns] == columns
    assert [*again.rows] == lines
    assert ([*again.closing], again.others, again.summary) == (lines[:1], frozenset({0}), "opened")


def test_nothing_of_a_row_is_kept_but_what_a_column_shows() -> None:
    table = Table("t", "T", [Column("name", "Name", note="more")], [{"name": "x", "more": "y", "usable_key": "secret"}])
    assert freeze_table(table)["rows"] == [{"name": "x", "more": "y"}]


def test_what_is_only_drawn_has_no_values() -> None:
    table = Table("t", "T", [Column("days", "Days", Kind.SPARK)], [{"days": (1, 2)}])
    assert thaw_table(freeze_table(table)).rows == [{}]


def test_a_value_that_no_table_holds_is_refused() -> None:
    with pytest.raises(TypeError, match="a table holds no complex"):
        freeze_table(Table("t", "T", [Column("a", "A")], [{"a": 1j}]))


def test_a_label_of_ours_is_one_afterwards_and_a_name_like_it_is_none() -> None:
    table = Table("t", "T", [Column("name", "Name")], [{"name": OTHER_MODELS}, {"name": "Other"}])
    again = thaw_table(json.loads(json.dumps(freeze_table(table))))
    assert [type(row["name"]) for row in again.rows] == [Label, str]


def test_hundredths_stay_whole_numbers_and_a_day_a_day() -> None:
    row = {"day": date(2025, 9, 1), "credits": 150, "usd": Decimal("0.10")}
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("credits", "Credits", Kind.CREDITS),
        Column("usd", "US$", Kind.USD),
    ]
    kept = freeze_table(Table("t", "T", columns, [row]))["rows"]
    assert kept == [{"day": {"date": "2025-09-01"}, "credits": 150, "usd": {"decimal": "0.10"}}]
