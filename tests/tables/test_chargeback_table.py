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
from flexlib.page.mail.parts import list_columns
from flexlib.tables.brief_charges import table_brief_charges
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


ITEMS = {DIRECT: "1403.35", "fees": "10000.00", "pool": "6349.33", "IVA": "3372.91"}  # 21,125.59 in all


def make_charges() -> tuple[list[ChargeLine], list[str]]:
    parts = {"Legal": list(ITEMS), "Sales": [DIRECT, "IVA"], "Idle": ["pool"]}
    return [
        ChargeLine(LineKey(LineKind.PART, name), {}, {one: {"usd": Decimal(ITEMS[one])} for one in of}, 1, 0, 0)
        for name, of in parts.items()
    ], [*ITEMS]


def test_what_a_phone_shows_of_a_charge_adds_up_to_what_it_comes_to() -> None:
    table = table_charges(*make_charges(), "department")
    keys = [column.key for column in table.columns if not column.is_optional]
    assert keys == ["line", *(f"item {name}" for name in ITEMS), "usd"]
    shown = [[row[key] or Decimal(0) for key in keys[1:]] for row in table.rows]
    assert [(sum(parts), str(total)) for *parts, total in shown] == [
        (Decimal("21125.59"), "21125.59"), (Decimal("4776.26"), "4776.26"), (Decimal("6349.33"), "6349.33"),
    ]  # fmt: skip


def test_a_mail_has_direct_use_and_all_other_items_as_one_which_add_up() -> None:
    with speak("es"):
        table = table_brief_charges(*make_charges(), "department")
        columns = list_columns(table)
        assert [one.title for one in columns] == ["Departamento", "Uso directo", "Otros ítems", "US$"]
    lines = [[format_value(row[one.key], one.kind) for one in columns] for row in table.rows]
    assert lines == [
        ["Legal", "1,403.35", "19,722.24", "21,125.59"],
        ["Sales", "1,403.35", "3,372.91", "4,776.26"],
        ["Idle", "", "6,349.33", "6,349.33"],
    ]
    assert [str(table.sum_column(one)) for one in columns[1:]] == ["2806.70", "29444.48", "32251.18"]


def test_a_mail_names_the_item_where_there_is_one_beside_direct_use() -> None:
    charged = {DIRECT: {"usd": Decimal(2)}, "pool": {"usd": Decimal(1)}}
    lines = [ChargeLine(LineKey(LineKind.PART, "Legal"), {}, charged, 1, 0, 0)]
    columns = list_columns(table_brief_charges(lines, [*charged], "department"))
    assert [one.title for one in columns] == ["Department", "Direct use", "Pool", "US$"]


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
