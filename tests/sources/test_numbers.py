"""Numbers of files, text by text: what each is read as under each sense of the dot, and why a text is none."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from flexlib.i18n import speak
from flexlib.sources.files.numbers import (
    MOST_TOKENS,
    NUMBERS,
    SUMMED,
    add_parts,
    build_macros,
    find_amount,
    find_number_faults,
    read_fraction,
    show_cells,
    type_numbers,
)
from flexlib.stored_notes import tell_reasons

Number = int | Decimal | None


LARGE = "is %d or more in size, and what is kept with %d decimals must be less"


def read(
    name: str, text: str | None, decimal: str | None = None, *, typed: bool = False, **units: bool
) -> tuple[Number, str | None]:
    """The value that a text has in a column of this name, and why it has none."""
    in_cents = {name: unit for name, unit in units.items() if name == "in_cents"}
    [(condition, reason)] = find_number_faults([name], decimal, **in_cents).items()
    with duckdb.connect() as connection:
        connection.execute(build_macros(decimal))
        row = connection.execute(
            f"SELECT value_{name}, CASE WHEN {condition} THEN {reason} END FROM ("  # noqa: S608
            f"SELECT *, {show_cells([name])} AS shown FROM ("
            f"SELECT *, {type_numbers(**units)[name]} AS value_{name} FROM ("
            f"SELECT *, NULL AS created_at, 0 AS value_created_ns, {read_fraction(name)} AS plain_{name} FROM ("
            f"SELECT ?::VARCHAR AS {name}, ?::BOOLEAN AS typed_{name}))))",
            [text, typed],
        ).fetchone()
    assert row is not None
    with speak("es"):  # each reason is known by what tells it in another language
        assert row[1] is None or tell_reasons(row[1]) != row[1]
    return row[0], row[1]


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("0", None, 0),
        ("123456789", None, 123456789),
        ("12.0", None, 12),
        ("12.", None, 12),
        ("1234.000", None, 1234),
        ("3000000000", None, 3_000_000_000),
        ("1000000000000000", None, MOST_TOKENS),
        ("1,234", ".", 1234),
        ("1.234", ",", 1234),
        ("1.234.567", ",", 1234567),
        ("12,0", ",", 12),
        ("1,234,567.0", ".", 1234567),
    ],
)
def test_a_count_is_a_whole_number(text: str, decimal: str | None, value: int) -> None:
    assert read("prompt_tokens", text, decimal) == (value, None)
    assert read("web_searches", text, decimal) == (value, None)
    assert read("usable_id", text, decimal) == (value, None)


@pytest.mark.parametrize(
    ("text", "decimal", "why"),
    [
        ("-1", None, "prompt_tokens is not a whole number from 0 to 1000000000000000: -1"),
        ("1.5", None, "prompt_tokens is not a whole number from 0 to 1000000000000000: 1.5"),
        ("1e3", None, "prompt_tokens is not a whole number from 0 to 1000000000000000: 1e3"),
        ("1000000000000001", None, "prompt_tokens is not a whole number from 0 to 1000000000000000: 1000000000000001"),
        ("1,234", None, "prompt_tokens is not a whole number from 0 to 1000000000000000: 1,234"),
        ("1.234", ".", "prompt_tokens is not a whole number from 0 to 1000000000000000 under --decimal .: 1.234"),
        ("12,34", ".", "prompt_tokens is not a whole number from 0 to 1000000000000000 under --decimal .: 12,34"),
        ("0,123", ".", "prompt_tokens is not a whole number from 0 to 1000000000000000 under --decimal .: 0,123"),
        ("1.000", None, "prompt_tokens is ambiguous (1.000: thousands or decimals?); give --decimal"),
        ("1.234.567", None, "prompt_tokens is ambiguous (1.234.567: thousands or decimals?); give --decimal"),
        ("12.000000", None, "prompt_tokens is ambiguous (12.000000: thousands or decimals?); give --decimal"),
    ],
)
def test_what_is_no_count_says_why(text: str, decimal: str | None, why: str) -> None:
    assert read("prompt_tokens", text, decimal) == (None, why)


def test_a_number_of_json_or_parquet_is_never_ambiguous() -> None:
    assert read("prompt_tokens", "1.000", typed=True) == (1, None)
    assert read("cost", "1.234", typed=True) == (Decimal("1.234"), None)


def test_an_id_has_no_upper_end() -> None:
    assert read("usable_id", "3000000000") == (3_000_000_000, None)
    assert read("usable_id", "ana") == (None, "usable_id is not a whole number: [text]")


@pytest.mark.parametrize(
    ("name", "text", "decimal", "value"),
    [
        ("cost", "0.125", None, "0.125"),
        ("cost", ".5", None, "0.5"),
        ("cost", "1234.500", None, "1234.5"),
        ("cost", "2.5e-05", None, "0.000025"),
        ("cost", "1.234,5", ",", "1234.5"),
        ("cost", "1,234.5", ".", "1234.5"),
        ("cost", "$1.32", None, "1.32"),
        ("cost", "US$ 1.32", None, "1.32"),
        ("cost", "1.32 USD", None, "1.32"),
        ("cost", "1,234.50", None, "1234.5"),
        ("cost", "1.234.567,5", None, "1234567.5"),
        ("cost", "$1,234", ".", "1234"),
        ("cost", "$1.234,5", ",", "1234.5"),
        ("cost", "-0.50", None, "-0.5"),
        ("cost", "-$0.50", None, "-0.5"),
        ("cost", "$-0.50", None, "-0.5"),
        ("cost", "(0.50)", None, "-0.5"),
        ("cost", "($1,234.50)", None, "-1234.5"),
        ("cost", "-2.5e-05", None, "-0.000025"),
        ("cost", "0.00000000005", None, "0.0000000001"),  # half of the last place goes up
        ("amount_in_usd", "0.12345678914", None, "0.1234567891"),
        ("amount_in_clp", "0.00005", None, "0.0001"),
        ("amount_in_clp", "0", None, "0"),
        ("amount_in_clp", "0e5", None, "0"),
        ("duration_ms", "1.5", None, "2"),
        ("duration_ms", "1.4", None, "1"),
    ],
)
def test_an_amount_is_exact_and_rounded_half_up_to_what_is_kept(
    name: str, text: str, decimal: str | None, value: str
) -> None:
    assert read(name, text, decimal) == (Decimal(value), None)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("cost", "nothing", "cost is not a number: [text]"),
        ("cost", "€1.50", "cost is not a number: €1.50"),
        ("cost", "12,50", "cost is not a number: 12,50"),
        ("cost", "(1.50", "cost is not a number: (1.50"),
        ("cost", "(-1.50)", "cost is not a number: (-1.50)"),
        ("cost", "--1", "cost is not a number: --1"),
        ("cost", "-1e-30", "cost has more than 10 decimals, and would be 0: -1e-30"),
        ("cost", "$1,234", "cost is ambiguous ($1,234: thousands or decimals?); give --decimal"),
        ("cost", "-1.000", "cost is ambiguous (-1.000: thousands or decimals?); give --decimal"),
        ("cost", "1.000", "cost is ambiguous (1.000: thousands or decimals?); give --decimal"),
        ("cost", "0.00000000004", "cost has more than 10 decimals, and would be 0: 0.00000000004"),
        ("amount_in_clp", "1e-9", "amount_in_clp has more than 4 decimals, and would be 0: 1e-9"),
        ("cost", "1e11", f"cost {LARGE % (10**10, 10)}: 1e11"),
        ("cost", "-10000000000", f"cost {LARGE % (10**10, 10)}: -10000000000"),
        ("amount_in_usd", "$10,000,000,000.00", f"amount_in_usd {LARGE % (10**10, 10)}: $10,000,000,000.00"),
        ("amount_in_clp", "1e400", f"amount_in_clp {LARGE % (10**16, 4)}: 1e400"),
        ("duration_ms", "-1", "duration_ms is not a number at or above 0: -1"),
    ],
)
def test_what_is_no_amount_says_why_and_never_becomes_nothing(name: str, text: str, why: str) -> None:
    assert read(name, text) == (None, why)


def test_the_limit_of_an_amount_in_cents_is_in_cents() -> None:
    assert read("cost", "999999999999", in_cents=True) == (Decimal("9999999999.99"), None)
    assert read("cost", "1e12", in_cents=True) == (None, f"cost {LARGE % (10**12, 10)}: 1e12")
    assert read("amount_in_clp", "1e12", in_cents=True) == (10**12, None)
    assert read("amount_in_clp", "1e16", in_cents=True) == (None, f"amount_in_clp {LARGE % (10**16, 4)}: 1e16")


@pytest.mark.parametrize(
    "name",
    [
        *("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "web_searches"),
        *("requests", "cost", "amount_in_usd", "amount_in_clp", "duration_ms", "usable_id"),
    ],
)
def test_every_number_is_read_and_no_text_is_no_fault(name: str) -> None:
    assert read(name, "7") == (7, None)
    assert read(name, None) == (None, None)


@pytest.mark.parametrize(
    ("name", "text", "units", "value"),
    [
        ("amount_in_usd", "20.18", {"in_cents": True}, "0.2018"),
        ("cost", "(5.5)", {"in_cents": True}, "-0.055"),
        ("amount_in_usd", "0.00000001", {"in_cents": True}, "0.0000000001"),
        ("amount_in_clp", "5.5", {"in_cents": True}, "5.5"),  # pesos have no cents
        ("duration_ms", "2.0", {"in_seconds": True}, "2000"),
        ("duration_ms", "0.0015", {"in_seconds": True}, "2"),
    ],
)
def test_a_unit_scales_its_columns(name: str, text: str, units: dict[str, bool], value: str) -> None:
    assert read(name, text, None, **units) == (Decimal(value), None)


def test_an_amount_in_cents_never_becomes_nothing() -> None:
    why = "cost has more than 10 decimals, and would be 0: 0.000000001"
    assert read("cost", "0.000000001", in_cents=True) == (None, why)


@pytest.mark.parametrize(
    ("name", "texts", "total", "is_number"),
    [
        ("cost", ("$1.20", "0.30"), "1.5", True),
        ("cost", ("free", "0.5"), "0.5", True),
        ("cost", ("free", None), None, True),
        ("cost", ("0.5", "much"), "much", False),
        ("duration_ms", ("1.5", "2"), "3.5", True),
        ("duration_ms", ("$1", "2"), "$1", False),
        ("prompt_tokens", ("1", "2"), "3", True),
        ("prompt_tokens", (None, "2"), "2", True),
        ("prompt_tokens", ("1.5", "2"), "1.5", False),
    ],
)
def test_the_parts_of_a_number_are_summed_and_the_first_that_is_none_is_refused_as_it_would_be_alone(
    name: str, texts: tuple[str | None, str | None], total: str | None, is_number: bool
) -> None:
    text, is_whole = add_parts(name, ["a", "b"])
    with duckdb.connect() as connection:
        connection.execute(build_macros(None))
        columns = "?::VARCHAR AS a, ?::VARCHAR AS b, false AS typed_a, false AS typed_b"
        row = connection.execute(f"SELECT {text}, {is_whole} FROM (SELECT {columns})", texts).fetchone()  # noqa: S608
    assert row is not None
    assert row[1] == is_number
    assert Decimal(row[0]) == Decimal(total) if total and is_number else row[0] == total, row


def test_every_number_but_an_id_may_be_a_sum() -> None:
    assert [name for name in NUMBERS if name not in SUMMED] == ["usable_id"]


@pytest.mark.parametrize(
    ("text", "amount"),
    [*((word, None) for word in ("-", "–", "—", "free", "Included")), ("0", "0"), ("-1", "-1"), ("$2", "$2")],  # noqa: RUF001
)
def test_a_word_for_an_amount_that_is_not_told_is_none(text: str, amount: str | None) -> None:
    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT {find_amount('cost')} FROM (SELECT ? AS cost)", [text]).fetchone()  # noqa: S608
    assert row == (amount,)
