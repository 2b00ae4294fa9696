"""A call that a file says again is held against what was said before, column by column."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from flexlib.errors import BadFile
from flexlib.ingest.files import said_again
from flexlib.ingest.files.said_again import compare_calls
from flexlib.money.amounts import FILLED
from flexlib.privacy import PrivacyGuard
from flexlib.schema import USAGE

CALL: dict[str, Any] = {
    "id": "one",
    "created_at": datetime(2025, 9, 1),
    "provider": "openai",
    "model": "gpt-4o",
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "total_tokens": 12,
    "requests": 1,
    "grain": "call",
}
OTHER = {
    pa.string(): "openrouter",
    pa.int64(): 41,
    pa.timestamp("us"): datetime(2025, 9, 2),
    pa.bool_(): True,
}
"""A value that no call above has, by type."""


def compare(found: list[dict[str, Any]], known: list[dict[str, Any]], lifted: tuple[str, ...] = ()) -> dict[str, int]:
    connection = duckdb.connect()
    for name, calls in (("found", found), ("stored", known)):
        rows = pa.Table.from_pylist(calls, schema=USAGE)
        connection.register(name, rows.append_column("file", pa.array([len(name)] * len(calls), pa.int32())))
    return compare_calls(connection, "found", "stored", {5: "new.csv", 6: "old.csv"}, PrivacyGuard(), lifted)


def differ(name: str) -> dict[str, Any]:
    value = '{"a": 1}' if name == "metadata" else OTHER.get(USAGE.field(name).type, Decimal(3))
    return CALL | {name: value}


SAID = [name for name in USAGE.names if name not in (*FILLED, "id", "masked")]


@pytest.mark.parametrize("name", [*SAID, "amount_in_usd", "amount_in_clp"])
def test_a_call_of_which_one_column_says_something_else_is_refused(name: str) -> None:
    other = differ(name)
    with pytest.raises(BadFile, match=r"new\.csv says something else than old\.csv of 1 call of the same id"):
        compare([other], [CALL])
    assert compare([other], [other]) == {"rows": 1, "prompt_tokens": other["prompt_tokens"],
                                         "completion_tokens": other["completion_tokens"]}  # fmt: skip


def test_what_was_filled_in_since_does_not_make_another_call_of_it() -> None:
    priced = {"amount_in_usd": Decimal(2), "price_source": "list", "amount_in_clp": Decimal(9), "fx_source": "bank"}
    assert compare([CALL], [CALL | priced])["rows"] == 1
    in_usd = {"cost": Decimal(2)}
    assert compare([CALL | in_usd], [CALL | in_usd | {"amount_in_usd": Decimal(2)}])["rows"] == 1


def test_no_tier_is_the_standard_one() -> None:
    assert compare([CALL | {"tier": "standard"}], [CALL])["rows"] == 1


def test_what_was_masked_before_it_was_stored_is_what_the_file_says() -> None:
    said = CALL | {"metadata": '{"who": "ana@example.com"}'}
    with pytest.raises(BadFile, match="says something else"):
        compare([said], [CALL | {"metadata": '{"who": "somebody"}'}])
    masked = CALL | {"metadata": '{"who": "[email]"}', "masked": "email"}
    assert compare([said], [masked])["rows"] == 1


def test_a_field_that_an_older_flexlib_left_in_the_metadata_says_nothing_else_where_it_is_not_stored() -> None:
    failed = CALL | {"status": "failed"}
    assert compare([failed], [CALL], ("status",))["rows"] == 1
    with pytest.raises(BadFile, match="says something else"):
        compare([failed], [CALL | {"status": "succeeded"}], ("status",))
    with pytest.raises(BadFile, match="says something else"):
        compare([CALL], [failed], ("status",))


def test_calls_are_held_side_by_side_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said_again, "MOST_WIDE", 2)
    names = [f"call-{number}" for number in range(20)]
    known = [CALL | {"id": name} for name in names]
    found = [call | {"model": "o3"} if place % 3 else call for place, call in enumerate(known)]
    with pytest.raises(BadFile, match="of 13 calls of the same id, such as call-1;"):
        compare(found, known)
