"""The tables of a letter sum to what it charges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.chargeback import DIRECT, ChargeLine, LineKey, LineKind
from flexlib.analysis.ranking import NEW
from flexlib.analysis.small_groups import SMALL_GROUPS
from flexlib.analysis.top import NOT_LISTED, OTHER_MODELS, find_label
from flexlib.i18n import speak
from flexlib.page.kit.units import name_label
from flexlib.tables.chargeback import name_line, table_charges, table_models
from flexlib.tables.definition import Kind, format_value


def make_line(usd: str, clp: str) -> ChargeLine:
    charged = {DIRECT: {"usd": Decimal(usd), "clp": Decimal(clp)}}
    return ChargeLine(LineKey(LineKind.PART, "Legal"), {}, charged, 1, 0, 0)


def make_row(model: str, usd: str, clp: str) -> dict[str, Any]:
    return {"model": model, "flex_credits": None, "usd": Decimal(usd), "clp": Decimal(clp)}


def test_names_like_our_labels_stay_as_they_are_and_ours_are_translated() -> None:
    charged = {DIRECT: {"usd": Decimal(2)}, "pool": {"usd": Decimal(1)}}
    names = ("Other", "new", "Not on the list of people", "Small groups", SMALL_GROUPS)
    lines = [ChargeLine(LineKey(LineKind.PART, name), {}, charged, 1, 0, 0) for name in names]
    with speak("es"):
        table = table_charges(lines, [*charged], "department")
        assert [format_value(row["line"], Kind.TEXT) for row in table.rows] == [*names[:-1], "Grupos pequeños"]
        assert [one.title for one in table.columns[1:3]] == ["Uso directo", "Pool"]
        assert [name_line(line) for line in lines] == [*names[:-1], "Grupos pequeños"]
        assert name_label("Other") == "Other"
        assert [format_value(one, Kind.TEXT) for one in (OTHER_MODELS, NOT_LISTED)] == [
            "Otros", "Fuera de la lista de personas"]  # fmt: skip
        assert format_value(NEW, Kind.CHANGE) == "nuevo"
        assert format_value(str(NEW), Kind.CHANGE) == "nuevo"  # as a frame gives it back
    assert find_label("Other", OTHER_MODELS) is OTHER_MODELS


def test_models_are_rounded_to_what_the_direct_use_is_charged_with_and_those_of_nothing_left_out() -> None:
    rows = [make_row("a", "1.004", "10.4"), make_row("b", "1.004", "10.4"), make_row("c", "0", "0")]
    table = table_models(rows, make_line("2.01", "21"))
    assert [(row["model"], str(row["usd"]), str(row["clp"])) for row in table.rows] == [
        ("a", "1.01", "11"), ("b", "1.00", "10"),
    ]  # fmt: skip
    assert [column.total for column in table.columns] == ["All models", Decimal("2.01"), Decimal(21)]


def test_use_that_is_charged_to_everybody_is_shown_as_it_is() -> None:
    (row,) = table_models([make_row("a", "1.004", "10.4")], make_line("0", "0")).rows
    assert (row["usd"], row["clp"]) == (Decimal("1.004"), Decimal("10.4"))


@given(st.lists(st.decimals(0, 10**6, places=10), min_size=1, max_size=8))
def test_whatever_models_cost_they_sum_to_the_cents_of_the_line(amounts: list[Decimal]) -> None:
    rows = [make_row(str(place), str(amount), "0") for place, amount in enumerate(amounts)]
    total = sum(amounts).quantize(Decimal("0.01"))  # type: ignore[union-attr] # never of nothing
    table = table_models(rows, make_line(str(total), "0"))
    assert sum(row["usd"] for row in table.rows) == total if any(amounts) else not table.rows
