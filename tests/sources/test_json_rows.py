"""JSON of any form: arrays, pages and lists inside a row become rows, each with what stands above it; none is lost."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import BadFile
from flexlib.sources.files import json_values, read_calls
from flexlib.sources.files.json_rows import list_json_rows
from flexlib.sources.files.mapping import CallMapping

MAY = Month(2026, 5)
DAY = 1_777_593_600  # 2026-05-01
PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4o",
}
ROWS = [{"time": DAY, "in": 1000, "out": 100}, {"time": DAY + 60, "in": 2000, "out": 200}]


def write(folder: Path, content: object, name: str = "usage.json") -> Path:
    file = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


def take(file: Path, **mapping: Any) -> list[tuple[int, int]]:  # noqa: ANN401
    """The tokens of all rows, by prompt; no row is refused."""
    with read_calls(file, CallMapping(**PLAIN | mapping)) as calls:
        assert calls.list_quarantined() == []
        return sorted(calls.read_month().select("prompt_tokens, completion_tokens").fetchall())


@pytest.mark.parametrize("name", ["usage.json", "usage.json.gz"])
@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        json.dumps(ROWS, indent=2),
        "\n".join(map(json.dumps, ROWS)),
        "".join(json.dumps(row, indent=1) for row in ROWS),
        {"data": ROWS, "has_more": False},
        {"object": "page", "usage": {"daily": ROWS}},
        [{"data": ROWS[:1]}, {"data": ROWS[1:]}],
        "\n".join(json.dumps({"data": [row]}) for row in ROWS),
        {"data": [{"results": ROWS[:1]}, {"results": []}, {"results": ROWS[1:]}]},
        "\ufeff" + json.dumps(ROWS),
    ],
    ids=["array", "indented", "lines", "one after another", "page", "deep", "pages", "page lines", "buckets", "bom"],
)
def test_rows_are_found_in_every_form_of_json(tmp_path: Path, content: object, name: str) -> None:
    assert take(write(tmp_path, content, name)) == [(1000, 100), (2000, 200)]


def test_what_stands_above_a_list_belongs_to_each_of_its_rows(tmp_path: Path) -> None:
    page = {
        "object": "page",
        "data": [
            {
                "start_time": DAY,
                "results": [{"model": "gpt-4o", "in": 1, "out": 2}, {"model": "o3", "in": 3, "out": 4}],
            },
            {"start_time": DAY + 86400, "results": [{"model": "o3", "in": 5, "out": 6}]},
        ],
    }
    file = write(tmp_path, page)
    assert list_json_rows(file) == {
        "": ["object", "data"],
        "data[]": ["object", "start_time", "results"],
        "data[].results[]": ["object", "start_time", "model", "in", "out"],
    }
    mapping = PLAIN | {"created_at": "start_time", "model_column": "model", "rows_path": "data[].results[]"}
    with read_calls(file, CallMapping(**mapping)) as calls:
        rows = calls.read_month().select("created_at, model, prompt_tokens").order("prompt_tokens").fetchall()
    assert rows == [
        (datetime(2026, 5, 1), "gpt-4o", 1),
        (datetime(2026, 5, 1), "o3", 3),
        (datetime(2026, 5, 2), "o3", 5),
    ]


def test_a_list_in_a_row_of_json_lines_is_unrolled_where_a_column_asks_for_it(tmp_path: Path) -> None:
    lines = [
        {"time": DAY, "r": [{"i": 1000, "o": 10}, {"i": 2000, "o": 20}]},
        {"time": DAY + 1, "r": [{"i": 4000, "o": 40}]},
    ]
    file = write(tmp_path, "\n".join(map(json.dumps, lines)), "log.jsonl")
    found = take(file, prompt_tokens="r[].i", completion_tokens="r[].o")
    assert found == [(1000, 10), (2000, 20), (4000, 40)]


def test_an_index_in_a_path_would_lose_the_other_elements_and_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps({"time": DAY, "r": [{"i": 1000}, {"i": 2000}], "out": 1}), "log.jsonl")
    with pytest.raises(BadFile, match=r"^log.jsonl: 'r.0.i' takes one element of a list, .*write 'r\[\].i', which"):
        take(file, prompt_tokens="r.0.i")


def test_a_key_that_is_a_number_is_no_index(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps({"time": DAY, "r": {"0": {"i": 1000}}, "out": 1}), "log.jsonl")
    assert take(file, prompt_tokens="r.0.i") == [(1000, 1)]


def test_a_count_above_a_list_would_count_once_for_each_row_and_is_refused(tmp_path: Path) -> None:
    day = {"time": DAY, "in": 3000, "models": [{"name": "a", "out": 1}, {"name": "b", "out": 2}]}
    with pytest.raises(
        BadFile, match=r"^usage.json: 'in' stands above the rows of days\[\].models\[\] and would count"
    ):
        take(write(tmp_path, {"days": [day]}), rows_path="days[].models[]")
    one = {"time": DAY, "in": 3000, "models": [{"name": "a", "out": 1}]}
    assert take(write(tmp_path, {"days": [one]}), rows_path="days[].models[]") == [(3000, 1)]


@pytest.mark.parametrize("sum_of", ["a + b", "a+b", "a +b"])
def test_a_sum_of_columns_is_one_with_blanks_or_without(tmp_path: Path, sum_of: str) -> None:
    page = {"data": [{"time": DAY, "a": 5, "results": [{"b": 1, "out": 1}, {"b": 2, "out": 1}]}]}
    with pytest.raises(BadFile, match="^usage.json: 'a' stands above the rows of data"):  # 5 + 1 + 2, not 13
        take(write(tmp_path, page), prompt_tokens=sum_of, rows_path="data[].results[]")
    rows = [{"time": DAY, "a": 5, "b": 1, "out": 1}]
    other = [{"time": DAY, "a": 7, "out": 1}]
    assert take(write(tmp_path, {"x": rows, "y": other}), prompt_tokens=sum_of) == [(6, 1)]  # y has no b


def test_a_column_named_like_a_sum_is_that_column(tmp_path: Path) -> None:
    rows = [{"time": DAY, "a+b": 9, "a": 1, "b": 2, "out": 1}]
    assert take(write(tmp_path, {"x": rows, "y": [{"time": DAY, "a": 1, "b": 2, "out": 1}]}),
                prompt_tokens="a+b") == [(9, 1)]  # fmt: skip


@pytest.mark.parametrize("said", [{"where": ("typ!=user",)}, {"no_calls": ("others: typ=user",)}])
def test_a_condition_on_a_key_that_no_line_has_is_a_slip(tmp_path: Path, said: dict[str, Any]) -> None:
    file = write(tmp_path, "\n".join(json.dumps(row | {"type": "user"}) for row in ROWS), "log.jsonl")
    with pytest.raises(BadFile, match="^log.jsonl has no column 'typ' for the rows to take; its columns are time, in"):
        take(file, **said)


def test_an_element_without_the_list_is_a_row_that_cannot_be_taken_and_not_lost(tmp_path: Path) -> None:
    page = {"data": [{"results": ROWS}, {"time": DAY}]}
    with read_calls(write(tmp_path, page), CallMapping(**PLAIN, rows_path="data[].results[]")) as calls:
        (bad,) = calls.list_quarantined()
        assert (bad.line, bad.reason) == (
            3,
            "no completion_tokens; "
            "prompt_tokens is not a whole number from 0 to 1000000000000000: data[].results[] is no list",
        )


def test_two_lists_that_may_be_the_rows_are_asked_about(tmp_path: Path) -> None:
    file = write(tmp_path, {"a": ROWS, "b": ROWS})
    with pytest.raises(
        BadFile, match=r"^usage.json may have its rows in a\[\] \(.*\) or b\[\] .*; say which: --rows-path a"
    ):
        take(file)
    assert take(file, rows_path="b[]") == [(1000, 100), (2000, 200)]


def test_a_list_in_a_row_that_is_no_row_changes_nothing(tmp_path: Path) -> None:
    rows = [row | {"messages": [{"role": "user"}, {"role": "assistant"}]} for row in ROWS]
    assert take(write(tmp_path, rows)) == [(1000, 100), (2000, 200)]
    assert take(write(tmp_path, rows[:1])) == [(1000, 100)]


def test_a_missing_column_is_named_by_the_name_that_the_file_has(tmp_path: Path) -> None:
    with pytest.raises(
        BadFile, match=r"^usage.json has no column 'tokens' for --prompt-tokens; its columns are time, in, out"
    ):
        take(write(tmp_path, ROWS), prompt_tokens="tokens")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"time": 1}, ', "usage.json ends in the middle of its array, after value 1; export it again."),
        ('[{"time": 1} {"time": 2}]', r"usage.json is no JSON after its value 1 \(a comma is missing\)"),
        ('{"time": 1', "usage.json is no JSON"),
        ("", "usage.json holds no rows; export it again."),
        ("[]", "usage.json holds no rows; export it again."),
        ("[" * 5000, "usage.json is nested too deep in its value 1"),
        ("\xff\xfe[", "."),
    ],
)
def test_broken_json_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        take(write(tmp_path, text))


def test_text_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    file = tmp_path / "usage.json"
    file.write_bytes(json.dumps(ROWS, ensure_ascii=False).encode().replace(b"time", b"t\xe9me", 1))
    with pytest.raises(BadFile, match=r"line \d is not UTF-8 text; save the file as UTF-8"):
        take(file)


def test_a_line_that_is_no_json_is_a_row_that_cannot_be_taken(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps(ROWS[0]) + "\n" + json.dumps(ROWS[1]) + "\n{broken\n")
    with read_calls(file, CallMapping(**PLAIN)) as calls:
        assert [(row.line, row.text) for row in calls.list_quarantined()] == [(3, "{broken")]
        assert calls.count_month(MAY).rows == 2


def test_an_object_that_does_not_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MOST_IN_VALUE", 1000)
    monkeypatch.setattr(json_values, "CHUNK", 100)
    with pytest.raises(
        BadFile, match="has an object of more than 0 MB, or is no JSON in its value 1; write its rows as"
    ):
        take(write(tmp_path, {"data": ROWS * 100}))
    assert len(take(write(tmp_path, [row | {"time": DAY + n} for n, row in enumerate(ROWS * 100)]))) == 200


@pytest.mark.parametrize("name", ["calls.jsonl.gz", "calls.csv.gz"])
def test_a_line_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(json_values, "MOST_IN_VALUE", 1 << 20)
    (file := tmp_path / name).write_bytes(gzip.compress(b"time," + b"a" * (2 << 20)))
    with pytest.raises(BadFile, match=f"^{name} has a line of more than 1 MB; split it first.$"):
        take(file)


def test_a_number_keeps_the_digits_that_the_file_gives(tmp_path: Path) -> None:
    file = write(tmp_path, '[{"time": 1777593600, "in": 1, "out": 2, "usd": 0.0000012345}]')
    with read_calls(file, CallMapping(**PLAIN, amount_in_usd="usd")) as calls:
        assert calls.read_month().select("amount_in_usd").fetchall() == [(Decimal("0.0000012345"),)]


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=4), min_size=1, max_size=5), st.integers(1, 50))
def test_however_rows_are_cut_into_pages_all_are_read(
    tmp_path_factory: pytest.TempPathFactory, pages: list[list[int]], chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("pages")
    content = [{"data": [{"time": DAY, "in": n, "out": 1, "text": 'a"]}'} for n in page]} for page in pages]
    before, json_values.CHUNK = json_values.CHUNK, chunk
    try:
        rows = list_json_rows(write(folder, content))
        assert ("data[]" in rows) == any(pages)
        if any(pages):
            assert take(write(folder, content)) == sorted((n, 1) for page in pages for n in page)
    finally:
        json_values.CHUNK = before
