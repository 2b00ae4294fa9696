"""The month's report: its checks find what is there to find, its tables add up, unknown is a dash and never a zero."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_samples import read_cells
from spend_samples import SEPTEMBER, call, store, store_credits

from flexlib.analysis import usage as aggregate_usage
from flexlib.analysis.ranking import rank_sellers
from flexlib.cli.main import main
from flexlib.enums import LlmProvider
from flexlib.errors import BadRecord, SnapshotChanged
from flexlib.front.people import hide_month
from flexlib.i18n import speak
from flexlib.ingest.files.importing import import_usage
from flexlib.ledger import open_ledger, record_usage
from flexlib.page.kit.table import render_table
from flexlib.page.usage.headings import heading_for_quality, heading_for_usables
from flexlib.page.usage.sections import show_month_headlines, show_month_proof, show_month_title
from flexlib.sources.files.mapping import CallMapping
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.spend.quality import check_quality, list_rates, list_unmapped, list_unpriced
from flexlib.store.snapshots import list_snapshots
from flexlib.tables.usage import table_quality, table_spend_by_seller, table_spend_by_usable, table_unpriced

LIST_PRICE = "0.00025"  # 100 prompt tokens of gpt-4o at 2.50 USD a million
RATE: dict[str, Any] = {
    "fx_rate": Decimal("950.5"), "fx_date": date(2025, 9, 5), "fx_source": "mindicador.cl",
}  # fmt: skip


@pytest.fixture
def usage(tmp_path: Path) -> MonthUsage:
    """Seven calls of the ledger, each odd in its own way but the first, one imported twice, and Windsurf's credits."""
    store(
        tmp_path, "ledger", SEPTEMBER,
        call("plain", "2025-09-05T12:00", LIST_PRICE, amount_in_clp=Decimal("0.2376"), **RATE,
             usable_type="user", usable_id=7),
        call("unpriced", "2025-09-05T12:00", None, unpriced="no list names it"),
        call("half more", "2025-09-05T12:00", "0.000375"),
        call("more than half more", "2025-09-05T12:00", "0.0003751"),
        call("far but by a book", "2025-09-05T12:00", "9", price_source="a book"),
        call("unmapped", "2025-09-05T12:00", "1", provider="unknown", model="<own>"),
        call("through windsurf", "2025-09-05T12:00", "1", proxy="windsurf"),
    )  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, call("plain", "2025-09-05T12:00", LIST_PRICE))
    store_credits(tmp_path, (5, "u", "gpt-5-low", 0, 100))
    return load_month_usage(SEPTEMBER, tmp_path)


def test_each_question_finds_its_rows_and_no_other(usage: MonthUsage) -> None:
    assert {one.question: one.count for one in check_quality(usage)} == {
        "No amount in USD": 1,
        "No amount in CLP": 7,
        "No user named": 6,
        "A negative number": 0,
        "Total is not prompt + completion": 0,
        "Amount far from tokens x list price": 1,
        "An amount of 0 beside tokens": 0,
        "Sums of calls priced as short ones": 0,
        "Calls held by two sources": 1,
        "Ids of two different calls": 0,
        "Possible duplicates in two sources": 0,
        "Calls through Windsurf beside its credits": 1,
    }


def test_negative_and_contradicting_numbers_are_found(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05T12:00", "-1"), call("b", "2025-09-05T12:00", "1"))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    broken = usage.rows.select("* REPLACE (CASE id WHEN 'b' THEN 7 ELSE total_tokens END AS total_tokens)")
    found = {one.question: one.count for one in check_quality(replace(usage, rows=broken))}
    assert (found["A negative number"], found["Total is not prompt + completion"]) == (1, 1)


def test_stored_reasons_and_rates_are_said_in_the_reader_s_language(usage: MonthUsage) -> None:
    known = "CASE WHEN unpriced IS NULL THEN NULL ELSE 'genai-prices 0.2.3 has no price list of replicate' END"
    rows = usage.rows.select(f"* REPLACE ({known} AS unpriced, 'made up' AS fx_source)")
    with speak("es"):
        assert [one["source"] for one in list_rates(rows)] == ["inventado"]
        others = rows.select("* REPLACE ('Other' AS fx_source)")
        assert [one["source"] for one in list_rates(others)] == ["Other"]  # as somebody wrote it
        assert [one["reason"] for one in list_unpriced(rows)] == [
            "genai-prices 0.2.3 no tiene una lista de precios de replicate"
        ]


def test_rates_unpriced_and_unmapped_are_listed(usage: MonthUsage) -> None:
    assert list_rates(usage.rows) == [
        {"day": "2025-09-05", "value": "950.50", "source": "mindicador.cl", "calls": 1, "is_least": False}
    ]
    assert list_unpriced(usage.rows) == [
        {
            "provider": "openai",
            "model": "gpt-4o",
            "proxy": None,
            "reason": "no list names it",
            "calls": 1,
            "is_least": False,
        }
    ]
    assert list_unmapped(usage.rows) == [
        {"model": "<own>", "proxy": None, "calls": 1, "is_least": False, "made_by": None}
    ]


def test_headlines_show_both_currencies_with_the_rate_its_date_and_its_source(usage: MonthUsage) -> None:
    totals = aggregate_usage.total_cost_by_period(usage.rows)
    assert isinstance(totals, dict)
    statistics = aggregate_usage.usage_statistics(usage.calls)
    html = show_month_headlines(usage, totals, list_rates(usage.rows), statistics).text
    assert "<small>US$</small>11.04" in html  # 9 + 1 + 1 + 0.04 of Windsurf, and thousandths
    assert "1 call without a price" in html
    assert "at 950.50 (2025-09-05), mindicador.cl; 7 calls without an amount in pesos" in html
    assert "<dd>7</dd>" in html


def test_the_headlines_calls_are_those_of_the_tables_windsurfs_too(usage: MonthUsage) -> None:
    totals = aggregate_usage.total_cost_by_period(usage.rows)
    assert isinstance(totals, dict)
    by_day = aggregate_usage.usage_by_day(usage.rows)
    html = show_month_headlines(usage, totals, (), aggregate_usage.usage_statistics(usage.calls), by_day=by_day).text
    assert "<dt>Calls</dt><dd>8</dd>" in html  # 7 calls, and a request that Windsurf counted
    assert '<dd class="note">1 by Windsurf</dd>' in html


def test_windsurfs_tokens_are_a_dash_and_the_table_adds_up(usage: MonthUsage) -> None:
    table = table_spend_by_seller(rank_sellers(aggregate_usage.usage_by_model_and_proxy(usage.windsurf)))
    assert read_cells(render_table(table), "table-sellers") == [
        ["Windsurf", "1", "–", "–", "0.04", "", "100.0 %"],
        ["All", "1", "–", "–", "0.04", "", "100.0 %"],
    ]


def test_users_beyond_the_top_are_one_line_and_the_total_stays(tmp_path: Path) -> None:
    calls = [call(str(one), "2025-09-05T12:00", usable_type="user", usable_id=one) for one in range(9)]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    by_usable = aggregate_usage.usage_by_usable(load_month_usage(SEPTEMBER, tmp_path).calls)
    table = table_spend_by_usable(by_usable, 3)
    lines = read_cells(render_table(table), "table-usables")
    assert [line[0] for line in lines] == ["user 0", "user 1", "user 2", "6 others", "All"]
    assert [line[3] for line in lines[-2:]] == ["6.00", "9.00"]
    assert sum(float(line[5].removesuffix(" %")) for line in lines[:-1]) == pytest.approx(100)
    assert len(table_spend_by_usable(by_usable, 8).rows) == 9  # no line for one other


def test_users_with_a_text_key_are_users_of_their_own_under_a_mask(tmp_path: Path) -> None:
    keys = [call(key, "2025-09-05T12:00", usable_type="key", usable_key=key) for key in ("3f1c-secret", "12345678")]
    store(tmp_path, "ledger", SEPTEMBER, *keys, call("nobody's", "2025-09-05T12:00"))  # a RUT looks like a mask
    (tmp_path / "pseudonyms.key").write_text("ab" * 32)
    usage = hide_month(load_month_usage(SEPTEMBER, tmp_path), {})
    by_usable = aggregate_usage.usage_by_usable(usage.calls)
    html = render_table(table_spend_by_usable(by_usable))
    assert sorted(line[:2] for line in read_cells(html, "table-usables")) == [
        ["All", "3"],
        ["Without a user", "1"],
        ["key 7b1878a6c3", "1"],
        ["key a3d62c030d", "1"],
    ]
    assert "secret" not in html
    assert "12345678" not in html
    assert heading_for_usables(by_usable).heading == "2 users and applications"
    assert {one.question: one.count for one in check_quality(usage)}["No user named"] == 1


def test_a_kind_of_user_without_id_and_key_is_nobody_named(tmp_path: Path) -> None:
    empty = call("a", "2025-09-05T12:00", usable_type="key", usable_key=None)
    store(tmp_path, "ledger", SEPTEMBER, empty, call("b", "2025-09-05T12:00", usable_type="key", usable_key="3f1c"))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    by_usable = aggregate_usage.usage_by_usable(usage.calls)
    lines = read_cells(render_table(table_spend_by_usable(by_usable)), "table-usables")
    assert sorted(line[0] for line in lines if "not named" in line[0]) == ["key, not named"]
    assert heading_for_usables(by_usable).heading == "1 user or application"
    assert {one.question: one.count for one in check_quality(usage)}["No user named"] == 1


def test_of_users_in_one_line_the_calls_are_unknown_where_those_of_one_are(tmp_path: Path) -> None:
    calls = [call(str(one), "2025-09-05T12:00", usable_type="user", usable_id=one) for one in range(12)]
    calls[11] |= {"grain": "day", "requests": None}
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    table = table_spend_by_usable(aggregate_usage.usage_by_usable(load_month_usage(SEPTEMBER, tmp_path).calls))
    lines = read_cells(render_table(table), "table-usables")
    assert [line[:3] for line in lines[-2:]] == [["2 others", "–", "200"], ["All", "–", "1,200"]]


def test_texts_of_the_rows_are_escaped(usage: MonthUsage) -> None:
    rows = [{"provider": "openai", "model": "<b>", "proxy": None, "reason": "<i>", "calls": 1}]
    html = render_table(table_unpriced(rows))
    assert "&lt;b&gt;" in html
    assert "<i>" not in html


def test_questions_that_find_nothing_are_one_line_with_their_names(usage: MonthUsage) -> None:
    checks = check_quality(usage)
    lines = read_cells(render_table(table_quality(checks)), "table-quality")
    for line, question in zip(
        lines,
        [
            "No amount in USD",
            "No amount in CLP",
            "No user named",
            "Amount far from tokens x list price",
            "Calls held by two sources",
            "Calls through Windsurf beside its credits",
        ],
        strict=True,
    ):
        assert line[0].startswith(question)
    assert "Nothing found: A negative number; Total is not prompt + completion; An amount of 0" in (
        heading_for_quality(checks).note
    )


def test_proof_holds_every_certificate_and_the_title_the_worst_state(usage: MonthUsage) -> None:
    statistics = aggregate_usage.usage_statistics(usage.calls)
    proof = show_month_proof(usage, statistics).text
    assert "not compared: a call is in two" in proof
    for name in ("the ledger, 2025-09", "imported files, 2025-09", "Windsurf, 2025-09"):
        assert name in proof
    assert proof.count("SHA-256") == 3
    assert "Complete" in show_month_title("LLM usage", usage).text
    gap = replace(usage, missing=("an hour is not stored",))
    title = show_month_title("LLM usage", gap).text
    assert "! Gap" in title
    assert "an hour is not stored" in title


def test_proof_refuses_calls_that_are_not_those_of_the_certificates(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05T12:00"), call("b", "2025-09-05T12:00"))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    statistics = aggregate_usage.usage_statistics(usage.calls)
    assert (
        "2 stored rows of calls, 200 prompt and 0 completion tokens on both" in show_month_proof(usage, statistics).text
    )
    with pytest.raises(BadRecord, match=r"are \(2, 100, 0\), they say \(2, 200, 0\)"):
        show_month_proof(usage, aggregate_usage.usage_statistics(usage.calls.filter("id = 'a'")))


def test_report_closes_the_ledgers_month_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "data"
    ledger = open_ledger(data=root)
    record_usage(
        usable=None, provider="openai", model="gpt-4o", prompt_tokens=100, created_at="2025-09-05T12:00Z", ledger=ledger
    )
    words = ["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--output-dir", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["certificates"] == [{"month": "2025-09", "state": "COMPLETE"}]
    assert "US$ 0.00025" in Path(made["files"][0]).read_text("utf-8")
    assert len(list_snapshots("usage", SEPTEMBER, root)) == 1
    ledger.close()


def test_a_month_of_another_zone_whose_next_one_has_no_call_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = open_ledger(data=tmp_path / "data")
    record_usage(
        usable=None, provider="openai", model="gpt-4o", prompt_tokens=100, created_at="2025-09-05T12:00Z", ledger=ledger
    )
    ledger.close()
    words = ["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--output-dir", str(tmp_path)]
    assert main([*words, "-p", "zone", "America/Santiago", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["state"], made["missing"], made["doubts"]) == ("COMPLETE", [], [])
    assert made["certificates"][-1] == {"month": "2025-10", "state": "COMPLETE"}


def test_calls_that_may_count_twice_are_told_on_the_page_on_stderr_and_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path / "data", "ledger", SEPTEMBER, call("a", "2025-09-05T12:00"))
    store(tmp_path / "data", "import", SEPTEMBER, call("made of its content", "2025-09-05T12:00"))
    words = ["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--output-dir", str(tmp_path)]
    assert main(words) == 4
    sentence = "1 call of imported files in 2025-09 may be recorded, too, by a clock, a time zone or a name"
    assert f"2025-09 is UNRECONCILED: {sentence}" in capsys.readouterr().err
    page = (tmp_path / "2025-09" / "llm_usage.html").read_text("utf-8")
    assert page.count(sentence) == 2  # at the top and in the proof
    assert "Unreconciled" in page


def test_amounts_that_are_not_those_of_the_certificate_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("time,in,out\n2025-09-05 12:00:00,100,0\n", "utf-8")
    mapping = CallMapping(
        created_at="time", prompt_tokens="in", completion_tokens="out", provider=LlmProvider.OPENAI, model="gpt-4o"
    )
    import_usage(file, mapping, tmp_path / "data")
    parquet = list_snapshots("usage", SEPTEMBER, tmp_path / "data")[0].parquet
    rows = pq.read_table(parquet)
    place = rows.schema.get_field_index("amount_in_usd")
    pq.write_table(
        rows.set_column(place, rows.schema.field(place), pa.array([Decimal(1000)], pa.decimal128(20, 10))), parquet
    )
    with pytest.raises(SnapshotChanged, match="usage.parquet is not the file that its certificate is of"):
        load_month_usage(SEPTEMBER, tmp_path / "data")


def test_the_month_of_a_report_is_loaded_once_by_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_again(*_: object, **__: object) -> MonthUsage:
        raise AssertionError("the command loads the month too")

    store(tmp_path / "data", "ledger", SEPTEMBER, call("a", "2025-09-01"))
    monkeypatch.setattr("flexlib.spend.month.load_month_usage", load_again)
    words = ["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--offline", "--json"]
    assert main([*words, "--output-dir", str(tmp_path / "reports")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["missing"], said["doubts"]) == ("COMPLETE", [], [])


def test_a_page_of_rows_that_sum_many_calls_agrees_with_its_certificate(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01"), call("b", "2025-09-02", grain="day", requests=52))
    usage = load_month_usage(SEPTEMBER, tmp_path)
    proof = show_month_proof(usage, aggregate_usage.usage_statistics(usage.calls))
    assert "2 stored rows of calls, 200 prompt and 0 completion tokens on both" in proof.text
