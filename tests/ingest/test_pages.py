"""A page of an API that says that more follow is whole only where the next one is imported with it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from preset_samples import build_mapping, price_file, read_rows

from flexlib.certificate import State
from flexlib.cli.import_output import explain_month
from flexlib.console.certificate import explain_state
from flexlib.enums import LlmProvider
from flexlib.errors import BadFile
from flexlib.ingest.charges.importing import prepare_charges
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import MonthImport, import_files
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.sources.presets import choose_preset

MAY, DAY, HOUR = 1_777_593_600, 86_400, 3_600
MORE = "more pages follow page 1, and the next one is not here: import all pages in one command"


def write(folder: Path, name: str, content: object) -> Path:
    """JSON, or of a list JSON lines where the name says so."""
    is_lines = name.endswith(".jsonl") and isinstance(content, list)
    text = "\n".join(map(json.dumps, content)) if is_lines and isinstance(content, list) else json.dumps(content)
    (file := folder / name).write_text(text, "utf-8")
    return file


def build_page(first: int, days: int, *, more: bool, length: int = DAY) -> dict[str, Any]:
    """A page of OpenAI's usage: 1,000 prompt tokens in each period."""
    result = {"input_tokens": 1000, "output_tokens": 10, "num_model_requests": 2, "input_cached_tokens": 0,
              "model": "gpt-4o-2024-08-06"}  # fmt: skip
    data = [
        {"start_time": MAY + nth * length, "end_time": MAY + (nth + 1) * length, "results": [result]}
        for nth in range(first, first + days)
    ]
    return {"object": "page", "data": data, "has_more": more, "next_page": "page_2" if more else None}


def bring(folder: Path, *pages: object, suffix: str = "json") -> MonthImport:
    files = [write(folder, f"page{nth}.{suffix}", page) for nth, page in enumerate(pages)]
    given = [(InputFile(file, file.name), build_mapping(file)) for file in files]
    (found,) = import_files(given, folder / "data")
    return found


def test_half_a_month_of_pages_is_a_gap_and_says_what_to_do(tmp_path: Path) -> None:
    found = bring(tmp_path, build_page(0, 15, more=True))
    assert (found.certificate.state, found.certificate.prompt_tokens) == (State.GAP, 15_000)
    assert [(row.reason, row.file) for row in found.quarantined] == [(MORE, "page0.json")]
    assert explain_month(found) == f"{MORE}. Until then the totals are a lower bound."  # no file to fix, no line


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("in_one_file", [False, True])
def test_pages_that_follow_each_other_are_the_whole_month(tmp_path: Path, *, in_one_file: bool, suffix: str) -> None:
    pages = [build_page(0, 15, more=True), build_page(15, 16, more=False)]
    found = bring(tmp_path, pages, suffix=suffix) if in_one_file else bring(tmp_path, *pages, suffix=suffix)
    assert (found.certificate.state, found.certificate.prompt_tokens) == (State.COMPLETE, 31_000)
    (tmp_path / "open").mkdir()
    found = bring(tmp_path / "open", pages[:1], suffix=suffix)
    assert (found.certificate.state, found.certificate.prompt_tokens) == (State.GAP, 15_000)


def test_a_page_missing_in_the_middle_is_a_gap(tmp_path: Path) -> None:
    found = bring(tmp_path, build_page(0, 15, more=True), build_page(16, 15, more=False))
    assert found.certificate.state is State.GAP


def test_all_pages_imported_after_the_first_alone_close_the_gap(tmp_path: Path) -> None:
    assert bring(tmp_path, build_page(0, 15, more=True)).certificate.state is State.GAP
    found = bring(tmp_path, build_page(0, 15, more=True), build_page(15, 16, more=False))
    assert (found.certificate.state, found.certificate.prompt_tokens) == (State.COMPLETE, 31_000)


@pytest.mark.parametrize("other", [
    pytest.param(build_page(0, 31, more=False), id="another project's month"),
    pytest.param(build_page(8, 23, more=False), id="it begins a day after the missing one"),
    pytest.param(build_page(3, 28, more=False), id="it begins before the missing one"),
    pytest.param({"data": [{"starting_at": "2026-05-08T00:00:00Z", "ending_at": "2026-05-09T00:00:00Z", "results": [
        {"uncached_input_tokens": 1, "cache_read_input_tokens": 0, "output_tokens": 1, "model": "claude-opus-4-8",
         "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
         "server_tool_use": {"web_search_requests": 0}}]}], "has_more": False, "next_page": None}, id="another API's"),
])  # fmt: skip
def test_no_page_of_another_list_stands_for_the_missing_one(tmp_path: Path, other: object) -> None:
    assert bring(tmp_path, build_page(0, 7, more=True), other).certificate.state is State.GAP


def test_one_second_page_does_not_close_two_first_ones(tmp_path: Path) -> None:
    mine, other = build_page(0, 15, more=True), build_page(0, 15, more=True)
    other["data"][0]["results"][0]["project_id"] = "proj_2"
    found = bring(tmp_path, mine, other, build_page(15, 16, more=False))
    assert found.certificate.state is State.GAP
    assert [row.reason for row in found.quarantined] == [MORE]


def test_what_is_missing_after_the_month_s_last_day_is_of_the_next(tmp_path: Path) -> None:
    assert bring(tmp_path, build_page(0, 31, more=True)).certificate.state is State.COMPLETE


def test_a_page_that_tells_only_its_number_is_followed_by_the_next_number(tmp_path: Path) -> None:
    row = {"start_time": MAY, "end_time": None, "input_tokens": 1, "output_tokens": 1, "num_model_requests": 1,
           "input_cached_tokens": 0, "model": "gpt-4o-2024-08-06"}  # fmt: skip
    pages = [
        {"data": [row | {"start_time": MAY + nth * DAY}], "meta": {"page": nth, "totalPages": 3}} for nth in (1, 2, 3)
    ]
    assert bring(tmp_path, *pages).certificate.state is State.COMPLETE
    another = {"data": pages[0]["data"], "meta": {"page": 2, "totalPages": 2}}
    for name, given in {"second": pages[::2], "another": [pages[0], another, pages[2]]}.items():
        (folder := tmp_path / name).mkdir()
        assert bring(folder, *given).certificate.state is State.GAP


CALLS = CallMapping(created_at="time", model_column="model", provider=LlmProvider.OPENAI, prompt_tokens="input",
                    completion_tokens="output", request_id="id")  # fmt: skip
NEXT, BEFORE = "more pages follow page 1, and the next one", "other pages come before page 1, and the one before it"
OF_250 = "page 1 is of 250 rows, and 2 are here"


def bring_lists(
    folder: Path, *pages: dict[str, Any], request_id: str | None = "id", distinct: bool = False
) -> MonthImport:
    """Each page with the next two calls, of 100 prompt tokens each."""
    files = []
    for nth, page in enumerate(pages):
        rows = [{"time": f"2026-05-{2 * nth + one:02d}T10:00:00Z", "model": "gpt-4o-2024-08-06", "input": 100,
                 "output": 10, "id": f"{nth}-{one}"} for one in (1, 2)]  # fmt: skip
        files.append(write(folder, f"page{nth}.json", {"data": rows} | page))
    given = [(InputFile(file, file.name), replace(CALLS, request_id=request_id)) for file in files]
    (found,) = import_files(given, folder / "data", Decisions(distinct=distinct))
    return found


@pytest.mark.parametrize(("said", "missing"), [
    ({"has_more": "true"}, NEXT),
    ({"IsTruncated": True, "NextMarker": "m"}, NEXT),
    ({"NextToken": "t"}, NEXT),
    ({"@odata.nextLink": "https://example.com"}, NEXT),
    ({"meta": {"pagination": {"next_cursor": "c"}}}, NEXT),
    ({"meta": {"pagination": {"page": 1, "pageCount": 3}}}, NEXT),
    ({"page": "1", "total_pages": "2"}, NEXT),
    ({"totalPages": 2, "number": 0}, NEXT),
    ({"offset": 0, "total": 250}, NEXT),
    ({"page": 2, "total_pages": 2}, BEFORE),
    ({"page": 3, "has_more": False}, BEFORE),
    ({"offset": 100, "limit": 100}, BEFORE),
    ({"count": 250, "next": None, "previous": "https://example.com"}, BEFORE),
    ({"prev_cursor": "c", "next_cursor": None}, BEFORE),
    ({"pageInfo": {"hasNextPage": False, "hasPreviousPage": True}}, BEFORE),
    ({"total": 250}, OF_250),
    ({"meta": {"total_count": 250}, "has_more": False}, OF_250),
    ({"LastEvaluatedKey": {"id": {"S": "2"}}, "Count": 2, "ScannedCount": 2}, NEXT),
    ({"metadata": {"continue": "c", "remainingItemCount": 248}}, NEXT),
    ({"links": [{"rel": "self", "href": "u"}, {"rel": "next", "href": "https://example.com"}]}, NEXT),
    ({"number": 0, "size": 2, "first": True, "last": False}, NEXT),
    ({"isLast": False}, NEXT),
    ({"hasMore": "yes"}, NEXT),
    ({"page": "1 of 2"}, NEXT),
    ({"hits": {"total": {"value": 10_000, "relation": "gte"}}}, NEXT),
    ({"hits": {"total": {"value": 250, "relation": "eq"}}, "took": 3, "_scroll_id": "c"}, OF_250),
    ({"startAt": 0, "maxResults": 2, "total": 250}, NEXT),
    ({"draw": 1, "recordsTotal": 300, "recordsFiltered": 250}, OF_250),
    ({"recordsTotal": 250}, OF_250),
    ({"total": 250.0}, OF_250),
    ({"total": "250.0"}, OF_250),
])  # fmt: skip
def test_a_page_beside_which_others_are_missing_is_a_gap(tmp_path: Path, said: dict[str, Any], missing: str) -> None:
    found = bring_lists(tmp_path, said)
    assert found.certificate.state is State.GAP
    (row,) = found.quarantined
    assert row.reason == f"{missing}{' is not here' * ('250' not in missing)}: import all pages in one command"
    again = explain_state(found.certificate)  # as it is told of the stored month
    assert again == "pages are missing: the total is a lower bound; import all pages in one command."


@pytest.mark.parametrize(("pages", "missing"), [
    ([{"number": 1, "size": 2, "first": False, "last": True}], f"{BEFORE} is not here"),
    ([{"truncated": True}], f"{NEXT} is not here"),
    ([{"cursor": "c"}], f"{NEXT} is not here"),
    ([{"cursor": "c"}, {"cursor": "d"}], f"{NEXT} is not here"),
    ([{"_scroll_id": "c"}], f"{NEXT} is not here"),
    ([{"count": 250}], OF_250),  # or of requests
    ([{"done": False}], f"{NEXT} is not here"),
    ([{"continue": True}], f"{NEXT} is not here"),
])  # fmt: skip
@pytest.mark.parametrize("request_id", ["id", None])
def test_what_may_mean_something_else_is_a_gap_until_somebody_says_that_this_is_all(
    tmp_path: Path, pages: list[dict[str, Any]], missing: str, request_id: str | None
) -> None:
    found = bring_lists(tmp_path, *pages, request_id=request_id)
    assert found.certificate.state is State.GAP
    told = f"{missing}, unless --distinct says that this is all: import all pages in one command"
    assert found.quarantined[0].reason == told
    for is_said in (True, False):  # once said, it holds when the file comes again
        found = bring_lists(tmp_path, *pages, request_id=request_id, distinct=is_said)
        assert (found.certificate.state, found.certificate.prompt_tokens) == (State.COMPLETE, 200 * len(pages))
    (tmp_path / "sure").mkdir()
    found = bring_lists(tmp_path / "sure", {"has_more": True}, distinct=True)  # which nothing but its pages clears
    assert found.certificate.state is State.GAP


@pytest.mark.parametrize("pages", [
    pytest.param([{"has_more": "false", "next": None, "previous": ""}], id="nothing follows"),
    pytest.param([{"total": 2}], id="as many rows as it says"),
    pytest.param([{"total": 200}], id="a total that is the sum of a column"),
    pytest.param([{"total": 220}], id="a total that is the sum of all tokens"),
    pytest.param([{"number": 12, "total": 238, "tax": 38}], id="an invoice's number and total"),
    pytest.param([{"totalPages": 1, "totalElements": 2, "number": 0, "first": True, "last": True}], id="the only page"),
    pytest.param([{"number": nth, "totalPages": 2, "totalElements": 4} for nth in (0, 1)], id="counted from 0"),
    pytest.param([{"number": nth, "first": nth == 0, "last": nth == 1} for nth in (0, 1)], id="slices counted from 0"),
    pytest.param([{"number": n, "first": n == 0, "hasNext": n == 0} for n in (0, 1)], id="slices by a flag"),
    pytest.param([{"startAt": 2 * nth, "maxResults": 2, "total": 4} for nth in (0, 1)], id="by where they start"),
    pytest.param([{"page": f"{nth} of 2"} for nth in (1, 2)], id="the number and how many there are in one text"),
    pytest.param([{"links": [{"rel": "next", "href": None}, {"rel": "last", "href": "u"}]}], id="a link to nothing"),
    pytest.param([{"cursor": "c", "has_more": False}], id="a cursor, and nothing follows"),
    pytest.param([{"cursor": "c", "next_cursor": None}], id="a cursor of the page itself"),
    pytest.param([{"cursor": "c", "limit": 100}], id="a cursor behind a page that is not full"),
    pytest.param([{"_scroll_id": "c", "hits": {"total": {"value": 2, "relation": "eq"}}}], id="a scroll of all hits"),
    pytest.param([{"count": 100, "page": 1, "pages": 1}], id="a count that is a limit"),
    pytest.param([{"count": 2}], id="a count of the rows"),
    pytest.param([{"draw": 1, "recordsTotal": 9, "recordsFiltered": 2}], id="all that was asked for of more"),
    pytest.param([{"truncated": False, "isLast": True, "hasMore": "no"}], id="nothing follows, by other words"),
    pytest.param([{"total": 17.5}], id="a total of money"),
    pytest.param([{"offset": 2 * nth, "limit": 2, "total": 6} for nth in (0, 1, 2)], id="by offsets"),
    pytest.param([{"page": 1, "pages": 2, "next": "u"}, {"page": 2, "pages": 2, "previous": "u"}], id="both ways"),
])  # fmt: skip
def test_pages_that_are_all_here_are_the_whole(tmp_path: Path, pages: list[dict[str, Any]]) -> None:
    found = bring_lists(tmp_path, *pages)
    assert (found.certificate.state, found.certificate.prompt_tokens) == (State.COMPLETE, 200 * len(pages))


def test_a_total_that_is_the_sum_of_a_column_nobody_counts_is_one_of_rows(tmp_path: Path) -> None:
    row = {"time": "2026-05-01T10:00:00Z", "model": "gpt-4o-2024-08-06", "input": 100, "output": 10, "seats": 5}
    file = write(tmp_path, "page.json", {"data": [row | {"id": str(nth)} for nth in range(4)], "total": 20})
    (found,) = import_files([(InputFile(file, file.name), CALLS)], tmp_path / "data")
    assert [one.reason[:39] for one in found.quarantined] == ["page 1 is of 20 rows, and 4 are here: i"]


def test_a_page_that_is_saved_twice_stands_for_no_other_one(tmp_path: Path) -> None:
    rows = [{"time": f"2026-05-0{day}T10:00:00Z", "model": "gpt-4o", "input": 100, "output": 10, "id": str(day)}
            for day in (1, 2, 3, 4, 5, 6)]  # fmt: skip
    first, copy, second = ({"data": data, "totalCount": 6} for data in (rows[:3], rows[:3], rows[3:]))
    copy["saved"] = "again"
    for given, state in (([first, copy], State.GAP), ([first, copy, second], State.COMPLETE)):
        (folder := tmp_path / str(state)).mkdir()
        files = [write(folder, f"page{nth}.json", page) for nth, page in enumerate(given)]
        (found,) = import_files([(InputFile(file, file.name), CALLS) for file in files], folder / "data")
        assert found.certificate.state is state


def test_a_row_that_two_pages_have_is_one_of_those_that_they_say_there_are(tmp_path: Path) -> None:
    rows = [{"time": f"2026-05-0{day}T10:00:00Z", "model": "gpt-4o-2024-08-06", "input": 100, "output": 10,
             "id": str(day)} for day in range(1, 10)]  # fmt: skip
    numbers = [{"page": nth, "total_pages": 2, "total": 9} for nth in (1, 2)]
    plain = [{"total": 9}] * 2
    cases = [("moved", rows[4:8], numbers, 8), ("plain", rows[3:8], plain, 8), ("turned", rows[4::-1], plain, 5)]
    for name, second, said, here in [*cases, ("all", rows[5:], numbers, 9)]:
        (folder := tmp_path / name).mkdir()
        pages = [{"data": data} | told for data, told in zip((rows[:5], second), said, strict=True)]
        files = [write(folder, f"page{nth}.json", page) for nth, page in enumerate(pages)]
        (found,) = import_files([(InputFile(file, file.name), CALLS) for file in files], folder / "data")
        lacks = [f"page 1 is of 9 rows, and {here} are here: import all pages in one command"] if here < 9 else []
        assert ([row.reason for row in found.quarantined], found.certificate.prompt_tokens) == (lacks, 100 * here)


def test_a_period_whose_rows_are_null_is_unknown_and_one_of_an_empty_list_is_without_use(tmp_path: Path) -> None:
    for results, state in ((None, State.GAP), ([], State.COMPLETE)):
        page = build_page(0, 3, more=False)
        page["data"][1]["results"] = results
        (folder := tmp_path / str(state)).mkdir()
        assert (found := bring(folder, page)).certificate.state is state
        assert found.certificate.prompt_tokens == 2_000


def test_a_bill_covers_a_day_of_an_empty_list_and_not_one_of_null(tmp_path: Path) -> None:
    result = {"amount": {"value": 2, "currency": "usd"}, "line_item": "gpt-4o", "project_id": None}
    days = {}
    for name, empty in (("null", None), ("empty", [])):
        data = [{"start_time": MAY + nth * DAY, "end_time": MAY + (nth + 1) * DAY, "results": results}
                for nth, results in enumerate(([result], empty, [result]))]  # fmt: skip
        file = write(tmp_path, f"{name}.json", {"data": data, "has_more": False, "next_page": None})
        preset, columns = choose_preset(file)
        mapping = preset.build_mapping(columns)
        assert isinstance(mapping, ChargeMapping)
        with prepare_charges([(InputFile(file, file.name), mapping)], tmp_path / name) as store:
            (found,) = store()
        days[name] = (found.certificate.state, found.certificate.rows, found.certificate.amounts[0]["amount"])
    assert days == {"null": (State.GAP, 2, "4"), "empty": (State.COMPLETE, 3, "4")}


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_a_page_of_a_bill_is_a_gap_as_well(tmp_path: Path, suffix: str) -> None:
    result = {"amount": {"value": 2, "currency": "usd"}, "line_item": "gpt-4o", "project_id": None}
    data = [{"start_time": MAY, "end_time": MAY + DAY, "results": [result]}]
    for more, state in ((True, State.GAP), (False, State.COMPLETE)):
        file = write(tmp_path, f"{more}.{suffix}", {"data": data, "has_more": more, "next_page": None})
        preset, columns = choose_preset(file)
        mapping = preset.build_mapping(columns)
        assert isinstance(mapping, ChargeMapping)
        with prepare_charges([(InputFile(file, file.name), mapping)], tmp_path / str(more)) as store:
            (found,) = store()
        assert (found.certificate.state, found.certificate.amounts[0]["amount"]) == (state, "2")


@pytest.mark.parametrize(("length", "grain"), [(60, "hour"), (HOUR, "hour"), (DAY, "day")])
def test_the_end_of_a_period_tells_its_grain(tmp_path: Path, length: int, grain: str) -> None:
    file = write(tmp_path, "usage.json", build_page(0, 3, more=False, length=length))
    assert [row["grain"] for row in read_rows(file)] == [grain] * 3


def test_hours_that_tell_no_end_are_no_days(tmp_path: Path) -> None:
    page = build_page(0, 3, more=False, length=HOUR)
    for period in page["data"]:
        del period["end_time"]
    with pytest.raises(BadFile, match=r"has a time within a day in line 2 \(1777597200\).* give --grain hour"):
        read_rows(write(tmp_path, "usage.json", page))


def test_the_tier_of_anthropic_s_api_is_the_one_that_is_not_standard_and_two_have_no_price(tmp_path: Path) -> None:
    base = {"uncached_input_tokens": 1000, "cache_read_input_tokens": 0, "output_tokens": 100,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "server_tool_use": {"web_search_requests": 0}, "model": "claude-opus-4-8"}  # fmt: skip
    expected: list[tuple[dict[str, str], str, Decimal | None]] = [
        ({"service_tier": "standard", "inference_geo": "global"}, "standard", Decimal("0.0075")),  # 5 and 25 a million
        ({"service_tier": "standard", "speed": "fast"}, "fast", Decimal("0.0150")),  # 10 and 50
        ({"service_tier": "batch"}, "batch", Decimal("0.00375")),
        ({"service_tier": "batch", "speed": "fast"}, "batch + fast", None),
        ({"service_tier": "standard", "inference_geo": "us"}, "us", None),
        ({"service_tier": "priority"}, "priority", None),
    ]
    for nth, (told, tier, usd) in enumerate(expected):
        bucket = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z", "results": [base | told]}
        file = write(tmp_path, f"{nth}.json", {"data": [bucket], "has_more": False, "next_page": None})
        assert [row["tier"] for row in read_rows(file)] == [tier]
        assert price_file(file, tmp_path / str(nth)) == (usd, 0 if usd else 1)


def test_a_bill_that_may_be_a_page_is_whole_once_somebody_says_so(tmp_path: Path) -> None:
    file = write(tmp_path, "bill.json", {"data": [{"day": "2026-05-01", "item": "API", "usd": "2.50"}], "cursor": "c"})
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    for distinct, state in ((False, State.GAP), (True, State.COMPLETE), (False, State.COMPLETE)):
        decisions = Decisions(distinct=distinct)
        with prepare_charges([(InputFile(file, file.name), mapping)], tmp_path / "data", decisions) as store_months:
            (found,) = store_months()
        assert (found.certificate.state, found.certificate.amounts[0]["amount"]) == (state, "2.5")
