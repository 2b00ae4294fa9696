"""Amounts are exact from the text on, whatever the form of JSON, and an object that names a key twice is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexlib.enums import LlmProvider
from flexlib.errors import BadFile, BadParameter
from flexlib.sources.files import read_calls
from flexlib.sources.files.mapping import CallMapping

MAPPING: dict[str, Any] = {"created_at": "time", "prompt_tokens": "in", "completion_tokens": "out",
                           "provider": LlmProvider.OPENAI, "model": "gpt-4o", "amount_in_usd": "usd"}  # fmt: skip
EXACT = Decimal("1234567890.1234567891")  # a float has 1234567890.1234567
ROW = '{"time": 1777593600, "in": 9007199254740, "out": 1, "usd": 1234567890.1234567891}'


def read(file: Path, **options: Any) -> tuple[list[Any], list[str]]:  # noqa: ANN401
    """The amounts that are taken, and why rows are not."""
    with read_calls(file, CallMapping(**MAPPING | options)) as calls:
        amounts = calls.read_month().select("amount_in_usd").fetchall()
        return [one for (one,) in amounts], [row.reason for row in calls.list_quarantined()]


def write(folder: Path, name: str, text: str) -> Path:
    (file := folder / name).write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", ROW),
        ("a.json", f"[{ROW}]"),
        ("a.json", f'{{"data": [{{"results": [{ROW}]}}]}}'),
        ("a.jsonl", f'{{"data": [{ROW}]}}'),
    ],
)
def test_an_amount_is_exact_in_every_form_of_json(tmp_path: Path, name: str, text: str) -> None:
    path = {"rows_path": "data[]"} if name == "a.jsonl" and "data" in text else {}
    assert read(write(tmp_path, name, text), **path) == ([EXACT], [])


def test_an_exact_amount_below_an_object_is_exact_too(tmp_path: Path) -> None:
    text = '{"time": 1777593600, "in": 1, "out": 1, "u": {"a.b": "x: 12345678901.1", "usd": 1234567890.1234567891}}'
    assert read(write(tmp_path, "a.jsonl", text), amount_in_usd="u.usd") == ([EXACT], [])


def test_a_line_that_names_a_key_twice_is_refused_and_the_others_are_taken(tmp_path: Path) -> None:
    good = ROW.replace("1234567890.1234567891", "0.5")
    nested = '{"time": 1777593600, "in": 1, "out": 1, "usd": 1, "u": {"n": 1, "n": 2}}'
    file = write(tmp_path, "a.jsonl", "\n".join([good, ROW.replace('"in"', '"in": 5, "in"'), nested]))
    assert read(file, metadata=("u.n",)) == (
        [Decimal("0.5")],
        ["the key 'in' twice in one object", "the key 'n' twice in one object"],
    )


def test_a_page_that_names_a_key_twice_refuses_the_file(tmp_path: Path) -> None:
    row = ROW.replace('"in"', '"in": 5, "in"')
    with pytest.raises(BadFile, match=r"a.json has the key 'in' twice in one object, in its value 1"):
        read(write(tmp_path, "a.json", f'{{"data": [{row}]}}'))


def test_a_sum_that_has_a_column_twice_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "time,in,out,usd\n1777593600,5,1,1\n")
    with pytest.raises(BadParameter, match=r"the sum 'in \+ in' counts 'in' twice; name each of its columns once"):
        read(file, prompt_tokens="in + in")


def test_a_float_that_programs_write_keeps_its_digits(tmp_path: Path) -> None:
    value = 0.1 + 0.2  # 0.30000000000000004
    row = {"time": 1777593600, "in": 1, "out": 1, "usd": value}
    assert read(write(tmp_path, "a.json", json.dumps([row]))) == ([Decimal("0.3000000000")], [])
