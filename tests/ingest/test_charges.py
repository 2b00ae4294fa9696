"""Bills stored month by month: sums by hand beside the file, nothing counted twice without a word, nothing guessed."""

from __future__ import annotations

import gzip
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spend_samples import ingest_charges
from stored import read_version

from flexlib.certificate import ChargesCertificate, State
from flexlib.checks import explain_check
from flexlib.dates import Month
from flexlib.errors import BadFile, BadParameter
from flexlib.i18n import speak
from flexlib.ingest.charges.importing import ChargesImport, prepare_charges
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.paths import InputFile
from flexlib.store.snapshots import list_months, list_newest, list_snapshots, load_usage
from flexlib.store.version import parse_certificate

MAY, JUNE = Month(2025, 5), Month(2025, 6)
LATER = datetime(2025, 12, 1, tzinfo=timezone.utc)
HEADER = "day,item,usd\n"


def bill(root: Path, text: str, *, name: str = "bill.csv", **more: Any) -> list[ChargesImport]:  # noqa: ANN401
    """The file imported, columns `day`, `item`, `usd` unless the mapping says otherwise."""
    options = {key: more.pop(key) for key in ("supersedes", "distinct", "replace_months") if key in more}
    columns = {"period_start": "day", "line_item": "item", "amount": "usd", "currency": "USD", "provider": "openai"}
    root.mkdir(exist_ok=True)
    file = root / name
    file.write_text(text, "utf-8")
    return ingest_charges([file], ChargeMapping(**columns | more), root / "data", now=LATER, **options)


def sums(found: list[ChargesImport]) -> dict[str, dict[str, str]]:
    return {
        str(one.certificate.month): {line["currency"]: line["amount"] for line in one.certificate.amounts}
        for one in found
    }


def test_cents_are_hundredths_of_their_currency(tmp_path: Path) -> None:
    text = HEADER + "2025-05-01,tokens,20.18\n2025-05-02,tokens,5.5\n"
    assert sums(bill(tmp_path, text, amount_unit="cents")) == {"2025-05": {"USD": "0.2568"}}  # 0.2018 + 0.055


def test_euros_are_never_added_to_dollars(tmp_path: Path) -> None:
    text = "day,item,usd,money\n2025-05-01,a,1.50,EUR\n2025-05-01,b,0.50,USD\n"
    assert sums(bill(tmp_path, text, currency="money")) == {"2025-05": {"EUR": "1.5", "USD": "0.5"}}


def test_a_mark_that_contradicts_the_currency_is_a_row_that_cannot_be_taken(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, HEADER + "2025-05-01,a,€1.50\n2025-05-01,b,$0.50\n")
    assert sums([found]) == {"2025-05": {"USD": "0.5"}}
    assert found.certificate.state is State.GAP
    assert [row.reason for row in found.quarantined] == ["the amount is in EUR, and its currency is USD: €1.50"]


def test_a_credit_lowers_the_sum_and_is_no_gap(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, HEADER + "2025-05-01,tokens,2.00\n2025-05-31,promotion,(0.50)\n")
    assert sums([found]) == {"2025-05": {"USD": "1.5"}}
    assert found.certificate.state is State.COMPLETE
    assert load_usage(MAY, tmp_path / "data", "bill-files").frame["kind"].tolist() == ["usage", "credit"]


def test_a_charge_of_two_months_is_of_the_one_in_which_it_begins_and_the_certificate_says_so(tmp_path: Path) -> None:
    text = "day,end,item,usd\n2025-05-20,2025-06-20,seats,30\n2025-05-31,2025-06-01,tokens,1\n"
    (found,) = bill(tmp_path, text, period_end="end")
    assert sums([found]) == {"2025-05": {"USD": "31"}}
    assert found.certificate.notes[1] == ("1 charge of a period that ends in a later month: counted where it begins.")


def test_what_is_stored_of_a_bill_is_the_same_in_every_language(tmp_path: Path) -> None:
    text = "day,end,item,usd\n2025-05-31,2025-05-31,seats,$x\n" + "2025-05-20,2025-06-20,seats,30\n" * 1_200
    stored = []
    for folder, code in (("one", "en"), ("other", "es"), ("other", "en")):  # no new version of the other
        with speak(code):
            (found,) = bill(tmp_path / folder, text, period_end="end", end_date="excluded", distinct=True)
        note = "1,200 charges of a period that ends in a later month: counted where it begins."
        assert note in found.certificate.notes
        (version,) = list_snapshots("charges", MAY, tmp_path / folder / "data")
        stored.append(read_version(version))
    assert stored[0] == stored[1] == stored[2]


@pytest.mark.parametrize(
    ("periods", "right"),
    [
        (["2025-05-01,2025-05-02", "2025-05-02,2025-05-03"], 2),  # days that abut: the end is not in them
        (["2025-05-01,2025-05-07", "2025-05-08,2025-05-14"], 8),  # weeks, and the next begins behind them
        (["2025-05-01,2025-05-08", "2025-05-08,2025-05-15"], 8),
        (["2025-05-01,2025-05-31"], 32),  # a month, last day and first day behind it
        (["2025-05-01,2025-06-01"], 32),
        (["2025-05-20,2025-06-19"], 51),
        (["2025-05-20,2025-06-20"], 51),
        (["2025-05-01,2026-04-30"], 366),
        (["2025-05-01,2025-05-01"], 2),
        (["2025-05-01,"], 2),
        (["2025-05,"], 32),
        (["2025-05-01T00:00:00Z,2025-05-02T00:00:00Z"], 2),
        (["1746057600,1746144000"], 2),
        (["2025-05-01,2025-05-02"], None),  # one day or two
        (["2025-05-01,2025-05-02", "2025-05-03,2025-05-04"], None),  # two days of four, or all of them
        (["2025-05-01,2025-05-10"], None),
        (["2025-05-01,2025-05-31", "2025-05-01,2025-06-01"], None),
    ],
)
def test_whether_the_last_date_of_a_period_is_in_it_is_proven_by_the_rows_or_asked(
    tmp_path: Path, periods: list[str], right: int | None
) -> None:
    """`right`: the day of May, counted on, with which the first period is over."""
    text = "day,end,item,usd\n" + "".join(f"{period},a,1\n" for period in periods)
    if right is None:
        with pytest.raises(BadFile, match="no row proves whether the last date is in it; say so in a preset"):
            bill(tmp_path, text, period_end="end")
        for said, days in (("included", 1), ("excluded", 0)):
            (found, *_) = bill(tmp_path, text, period_end="end", end_date=said)
            assert found.certificate.rows == len(periods)
            ends = load_usage(MAY, tmp_path / "data", "bill-files").frame["period_end"].tolist()
            assert ends[0] == datetime.fromisoformat(periods[0].split(",")[1]) + timedelta(days=days)
    else:
        bill(tmp_path, text, period_end="end")
        first = load_usage(MAY, tmp_path / "data", "bill-files").frame["period_end"].tolist()[0]
        assert first == datetime(2025, 5, 1) + timedelta(days=right - 1)


def test_the_same_file_again_changes_nothing_and_read_otherwise_takes_its_own_place(tmp_path: Path) -> None:
    text = HEADER + "2025-05-01,tokens,150\n"
    assert [one.is_new for one in bill(tmp_path, text)] == [True]
    assert [(one.is_new, one.added_rows) for one in bill(tmp_path, text)] == [(False, 0)]
    assert sums(bill(tmp_path, text, amount_unit="cents")) == {"2025-05": {"USD": "1.5"}}


def test_a_file_read_otherwise_leaves_the_month_in_which_it_was(tmp_path: Path) -> None:
    text = HEADER + "05/06/2025,tokens,1\n"
    assert sums(bill(tmp_path, text, date_order="mdy")) == {"2025-05": {"USD": "1"}}
    assert sums(bill(tmp_path, text, date_order="dmy")) == {"2025-05": {}, "2025-06": {"USD": "1"}}


def test_two_bills_of_the_same_days_are_not_reconciled_until_somebody_decides(tmp_path: Path) -> None:
    bill(tmp_path, HEADER + "2025-05-14,a,1\n2025-05-15,a,0.4\n", name="old.csv")
    text = HEADER + "2025-05-14,a,1\n2025-05-15,a,1\n"
    (found,) = bill(tmp_path, text, name="new.csv")
    assert found.certificate.state is State.UNRECONCILED
    said = explain_check(found.certificate.sums)
    assert "old.csv and new.csv" in said or "new.csv and old.csv" in said
    assert "both bill openai from 2025-05-14 to 2025-05-15" in said
    (found,) = bill(tmp_path, text, name="new.csv", supersedes=("old.csv",))
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "2"}}, State.COMPLETE)


DAYS = [f"2025-05-{day:02d},USD,openai,{{0}}\n" for day in range(1, 32)]
WHOLE = "".join(DAYS).format(10)


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (WHOLE, "".join(DAYS).format(11), ""),
        (WHOLE, (DAYS[0] + DAYS[30]).format(1), "2025-05-02 of openai in USD, 2025-05-03 .*, ...;"),
        (
            DAYS[0].format(100) + "2025-05-01,USD,anthropic,200\n",
            DAYS[0].format(101),
            "2025-05-01 of anthropic in USD;",
        ),
        (DAYS[0].format(100) + "2025-05-01,USD,anthropic,0\n", DAYS[0].format(101), ""),
        (DAYS[0].format(100), DAYS[0].format(90).replace("USD", "EUR"), "2025-05-01 of openai in USD;"),
        (DAYS[0].format(1), DAYS[0].format(2).replace("openai", "OpenAI LLC"), ""),
        ("2025-05,USD,openai,310\n", WHOLE, ""),
        (WHOLE, "2025-05,USD,openai,310\n", ""),
    ],
)
@pytest.mark.parametrize("how", ["supersedes", "replaces", "in one command"])
def test_a_newer_bill_takes_the_place_of_the_days_that_it_bills_too_and_of_no_other_unasked(
    tmp_path: Path, how: str, old: str, new: str, lost: str
) -> None:
    head = "day,money,who,usd\n"
    files = [tmp_path / folder / f"{name}.csv" for folder, name in (("a", "bill"), ("b", "bill"), ("c", "new"))]
    for file, text in zip(files, (old, new, new), strict=True):
        file.parent.mkdir()
        file.write_text(head + text, "utf-8")
    mapping = ChargeMapping(period_start="day", amount="usd", currency="money", provider="who")
    ways: dict[str, tuple[list[Path], dict[str, Any]]] = {
        "supersedes": ([files[2]], {"supersedes": ("bill.csv",)}),
        "replaces": ([files[1]], {"replace_months": True}),
        "in one command": ([files[0], files[2]], {"supersedes": ("bill.csv",)}),
    }
    given, more = ways[how]
    if how != "in one command":
        ingest_charges([files[0]], mapping, tmp_path / "data")
    if lost:
        with pytest.raises(BadParameter, match=f"bill.csv bills and the newer bills do not: {lost}"):
            ingest_charges(given, mapping, tmp_path / "data", drops_others=False, **more)
    (found,) = ingest_charges(given, mapping, tmp_path / "data", drops_others=bool(lost), **more)
    assert [entry["name"] for entry in found.certificate.files] == [given[-1].name]


def test_two_bills_that_both_hold_are_added_once_somebody_says_so(tmp_path: Path) -> None:
    bill(tmp_path, HEADER + "2025-05-14,a,1\n", name="one-project.csv")
    (found,) = bill(tmp_path, HEADER + "2025-05-14,a,2\n", name="other.csv", distinct=True)
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "3"}}, State.COMPLETE)


def test_bills_of_other_days_or_of_other_providers_lie_side_by_side(tmp_path: Path) -> None:
    bill(tmp_path, HEADER + "2025-05-14,a,1\n", name="first.csv")
    bill(tmp_path, HEADER + "2025-05-15,a,2\n", name="second.csv")
    (found,) = bill(tmp_path, HEADER + "2025-05-15,a,4\n", name="third.csv", provider="anthropic")
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "7"}}, State.COMPLETE)


def test_bills_by_day_of_another_zone_lie_side_by_side_where_their_days_do(tmp_path: Path) -> None:
    text = "day,end,item,usd\n2025-05-{0}T07:00:00Z,2025-05-{1}T07:00:00Z,a,1\n"  # days of California
    bill(tmp_path, text.format(14, 15), period_end="end", name="first.csv")
    (found,) = bill(tmp_path, text.format(15, 16), period_end="end", name="second.csv")
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "2"}}, State.COMPLETE)
    (found,) = bill(tmp_path, text.format(15, 17), period_end="end", name="third.csv")
    (overlap,) = found.certificate.sums.figures["overlaps"]
    assert sorted(overlap) == ["2025-05-15", "2025-05-16", "openai", "second.csv", "third.csv"]


def test_a_file_replaced_drops_the_months_other_files_when_asked(tmp_path: Path) -> None:
    bill(tmp_path, HEADER + "2025-05-14,a,1\n", name="first.csv")
    (found,) = bill(tmp_path, HEADER + "2025-05-15,a,2\n", name="second.csv", replace_months=True)
    assert sums([found]) == {"2025-05": {"USD": "2"}}


def test_what_another_run_stores_while_an_import_waits_is_not_dropped_unasked(tmp_path: Path) -> None:
    first, second, root = tmp_path / "first.csv", tmp_path / "second.csv", tmp_path / "data"
    first.write_text(HEADER + "2025-05-14,a,1\n", "utf-8")
    second.write_text(HEADER + "2025-05-15,a,2\n", "utf-8")
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    with ThreadPoolExecutor() as pool:
        with prepare_charges([(InputFile(first, first.name), mapping)], root) as store_months:
            said: dict[str, Any] = {"replace_months": True, "drops_others": False, "wait": True}
            waiting = pool.submit(ingest_charges, [second], mapping, root, **said)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
            store_months()
        with pytest.raises(BadParameter, match="would drop first.csv of 2025-05"):
            waiting.result()


def test_list_amounts_that_sum_to_nothing_are_a_known_nothing(tmp_path: Path) -> None:
    text = "day,item,usd,list\n2025-05-01,a,3,20\n2025-05-02,promo,-1,-20\n2025-06-01,a,2,\n"
    may, june = bill(tmp_path, text, list_amount="list")
    assert may.certificate.amounts == ({"currency": "USD", "amount": "2", "list_amount": "0", "rows": 2},)
    assert june.certificate.amounts[0]["list_amount"] is None


def test_every_month_of_an_import_is_whole_on_the_disk_before_the_first_one_is_put_in_place(tmp_path: Path) -> None:
    file, root = tmp_path / "bill.csv", tmp_path / "data"
    file.write_text(HEADER + "2025-05-31,a,1\n2025-06-01,a,2\n", "utf-8")
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    with prepare_charges([(InputFile(file, file.name), mapping)], root) as store_months:
        written = {month: root / "charges" / str(month) / ".ingesting" / "version" for month in (MAY, JUNE)}
        before = {month: {one.name: one.read_bytes() for one in draft.iterdir() if one.is_file()} for month, draft in
                  written.items()}  # fmt: skip
        assert all(found.keys() >= {"charges.parquet", "certificate.json"} for found in before.values())
        assert list_months(root) == []
        store_months()
        for month, found in before.items():
            (stored,) = list_newest(month, root)
            assert {one.name: one.read_bytes() for one in stored.path.iterdir() if one.is_file()} == found
    assert not list(root.rglob(".ingesting"))


def test_rows_that_are_no_charges_are_counted_by_kind_and_are_no_gap(tmp_path: Path) -> None:
    text = HEADER + "2025-05-01,a,1\n2025-05-01,seat,30\n2025-05-01,b,2\nTotal,,33\n"
    (found,) = bill(tmp_path, text, where=("item!=seat",), no_calls=("total rows: day=Total",))
    assert sums([found]) == {"2025-05": {"USD": "3"}}
    assert found.certificate.left_out == ({"kind": "other rows", "rows": 1}, {"kind": "total rows", "rows": 1})
    assert (found.certificate.rows_read, found.certificate.state) == (4, State.COMPLETE)


def test_a_day_on_which_nothing_was_charged_is_a_charge_of_nothing(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, HEADER + "2025-05-01,a,1\n2025-05-02,,\n2025-05-03,a,\n")
    assert (found.certificate.rows, sums([found])) == (2, {"2025-05": {"USD": "1"}})
    assert [row.reason for row in found.quarantined] == ["no amount"]  # something was charged, and nobody knows what


def test_a_row_without_an_amount_is_no_charge_of_nothing_where_no_other_column_says_so(tmp_path: Path) -> None:
    text = "day,item,usd\n2025-05-01,,\n2025-05-02,,n/a\n2025-05-03,,5\n"
    (found,) = bill(tmp_path, text, line_item=None)
    assert (found.certificate.rows, sums([found])) == (1, {"2025-05": {"USD": "5"}})
    assert [row.reason for row in found.quarantined] == ["no amount", "no amount"]


def test_a_currency_written_in_the_amount_is_never_taken_for_another(tmp_path: Path) -> None:
    text = "day,item,usd,list\n2025-05-01,a,EUR 12.00,\n2025-05-01,b,12.00 CLP,\n2025-05-01,c,1,€2\n2025-05-01,d,1,\n"
    (found,) = bill(tmp_path, text, list_amount="list")
    assert sums([found]) == {"2025-05": {"USD": "1"}}
    assert [row.reason for row in found.quarantined] == [
        "the amount is in EUR, and its currency is USD: EUR 12.00",
        "the amount is in CLP, and its currency is USD: 12.00 CLP",
        "the list amount is in EUR, and its currency is USD: €2",
    ]


@pytest.mark.parametrize(
    ("condition", "right"),
    [
        ("item=Tokens", "3"),  # whatever its case: 1 + 2
        ("item=tokens & team=web", "1"),
        ("item!=seat & team!=web", "2"),
    ],
)
def test_a_condition_means_for_a_bill_what_it_means_for_calls(tmp_path: Path, condition: str, right: str) -> None:
    text = "day,item,usd,team\n2025-05-01,tokens,1,Web\n2025-05-01,TOKENS,2,app\n2025-05-01,seat,30,app\n"
    assert sums(bill(tmp_path, text, where=(condition,))) == {"2025-05": {"USD": right}}
    (found,) = bill(tmp_path, text, no_calls=(f"tokens: {condition}",), name="other.csv", replace_months=True)
    assert sums([found]) == {"2025-05": {"USD": str(33 - int(right))}}


@pytest.mark.parametrize(
    ("slip", "sentence"),
    [
        ({"amount": "cots"}, "no column 'cots' for amount"),
        ({"where": ("typ!=user",)}, "no column 'typ' for the rows to take"),
        ({"no_calls": ("seats: typ=seat",)}, "no column 'typ' for the rows to take"),
    ],
)
def test_a_key_that_no_line_has_is_a_slip(tmp_path: Path, slip: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadFile, match=f"{sentence}; its columns are day, item, usd, type"):
        bill(tmp_path, '{"day": "2025-05-01", "item": null, "usd": "7", "type": "user"}\n', name="bill.jsonl", **slip)
    assert list_months(tmp_path / "data") == []


def test_a_key_that_comes_late_is_none(tmp_path: Path) -> None:
    lines = ['{"day": "2025-05-01", "item": "a", "usd": "1"}'] * 1_001
    lines.append('{"day": "2025-05-01", "item": "a", "usd": "1", "type": "seat"}')
    (found,) = bill(tmp_path, "\n".join(lines), name="bill.jsonl", no_calls=("seats: type=seat",))
    assert sums([found]) == {"2025-05": {"USD": "1001"}}


@pytest.mark.parametrize(("who", "kind"), [("Ana@x.cl", "email"), ("ana-perez", "name")])
def test_who_a_bill_is_charged_to_stands_in_the_people_file_only(tmp_path: Path, who: str, kind: str) -> None:
    bill(tmp_path, f"day,item,usd,who\n2025-05-01,a,1,{who}\n", key="who")
    snapshot = load_usage(MAY, tmp_path / "data", "bill-files")
    (key,) = snapshot.frame["key"]
    assert key.startswith("email-" if kind == "email" else "key-")
    assert "ana" not in key
    assert snapshot.people == {key: {"email": "", "name": ""} | {kind: who}}
    assert stat.S_IMODE((snapshot.path / "people.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("who", "plain"),
    [("ANA@x.cl", "ana@x.cl"), ("an\u200ba@x.cl", "ana@x.cl"), ("jose\u0301@x.cl", "jos\u00e9@x.cl")],
)
def test_whoever_a_bill_is_charged_to_has_the_key_that_calls_have(tmp_path: Path, who: str, plain: str) -> None:
    """Also with what nobody sees in the e-mail, or with decomposed accents."""
    bill(tmp_path, f"day,item,usd,who\n2025-05-01,a,1,{who}\n", key="who")
    (key,) = load_usage(MAY, tmp_path / "data", "bill-files").frame["key"]
    assert key == f"email-{sha256(plain.encode()).hexdigest()[:24]}"


def test_a_row_that_cannot_be_taken_is_kept_with_its_text(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, HEADER + "2025-05-01,a,1\n2025-05-02,b,twelve\n,c,1\n")
    assert [(row.line, row.reason) for row in found.quarantined] == [
        (3, "amount is not an amount: twelve"),
        (4, "no period"),
    ]
    raw = load_usage(MAY, tmp_path / "data", "bill-files").path / "raw" / "answers.jsonl.gz"
    kept = [json.loads(line) for line in gzip.decompress(raw.read_bytes()).splitlines()]
    assert [one["text"] for one in kept] == ["2025-05-02,b,twelve", ",c,1"]


def test_json_lines_and_parquet_say_the_same_as_csv(tmp_path: Path) -> None:
    lines = [
        {"day": "2025-05-01", "cost": {"value": 1.234, "currency": "usd"}},
        {"day": "2025-05-02", "cost.value": "2"},
    ]
    text = "\n".join(map(json.dumps, lines))
    paths = {"line_item": None, "amount": "cost.value", "currency": "cost.currency"}
    (found,) = bill(tmp_path / "lines", text, name="bill.jsonl", **paths)
    assert [row.reason for row in found.quarantined] == ["no currency"]
    assert sums([found]) == {"2025-05": {"USD": "1.234"}}
    table = pa.table({"day": [datetime(2025, 5, 1)], "item": ["a"], "usd": [Decimal("1.234")]})
    pq.write_table(table, tmp_path / "bill.parquet")
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    assert sums(ingest_charges([tmp_path / "bill.parquet"], mapping, tmp_path / "other", now=LATER)) == {
        "2025-05": {"USD": "1.234"}
    }


def test_a_bad_row_of_a_parquet_with_nested_columns_is_kept_and_the_others_are_taken(tmp_path: Path) -> None:
    table = pa.table({"day": ["2025-05-01", "2025-05-02"], "usd": ["1.5", "twelve"], "tags": [[{"k": "v"}], []]})
    pq.write_table(table, tmp_path / "bill.parquet")
    mapping = ChargeMapping(period_start="day", amount="usd", currency="USD", provider="openai", line_item="tags")
    (found,) = ingest_charges([tmp_path / "bill.parquet"], mapping, tmp_path / "data")
    assert sums([found]) == {"2025-05": {"USD": "1.5"}}
    assert [(row.line, row.reason, json.loads(row.text)["usd"]) for row in found.quarantined] == [
        (2, "amount is not an amount: twelve", "twelve")
    ]


def test_the_certificate_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, HEADER + "2025-05-01,a,1\n")
    again = parse_certificate(found.certificate.to_json())
    assert isinstance(again, ChargesCertificate)
    assert again == found.certificate
    assert (again.sums.result, again.rows) == ("agrees", 1)


def test_charges_are_a_data_set_of_their_own(tmp_path: Path) -> None:
    bill(tmp_path, HEADER + "2025-05-01,a,1\n2025-06-01,a,1\n")
    assert list_months(tmp_path / "data") == [MAY, JUNE]
    assert [(one.dataset, one.source) for one in list_newest(MAY, tmp_path / "data")] == [("charges", "bill-files")]


@pytest.mark.parametrize(
    ("text", "more", "sentence"),
    [
        (HEADER + "01/02/2025,a,1\n", {}, "writes dates such as 01/02/2025; say whether days or months stand first"),
        (HEADER + "2025-05-01,a,1\n", {"model": "sku"}, "no column 'sku' for model; its columns are day, item, usd"),
        (HEADER + "2025-05-01,a,1\n", {"currency": "BillingCurrency"}, "no column 'BillingCurrency' for currency"),
        (HEADER + "2025-05-01,a,1\n", {"provider": "ProviderName"}, "no column 'ProviderName' for provider"),
        ("day,item,usd,Vendor\n2025-05-01,a,1,x\n", {"provider": "vendor"}, "no column 'vendor' for provider"),
        (HEADER + "2025-05-01,a,1\n", {"where": ("sku=a",)}, "no column 'sku'"),
        (HEADER + '2025-05-01,a,"1,5"\n2025-05-01,b,1.5\n', {}, "writes amounts both as 1,5 and as 1.5; say what"),
        (HEADER + "Mayo,a,1\n", {}, "holds no row that can be taken; line 2: not a time of 2000 to 2099: Mayo"),
        (HEADER, {}, "holds no charges"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence_and_nothing_is_stored(
    tmp_path: Path, text: str, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadFile, match=sentence):
        bill(tmp_path, text, **more)
    assert list_months(tmp_path / "data") == []


def test_a_mapping_that_makes_no_sense_is_refused() -> None:
    for wrong in ({"amount_unit": "pence"}, {"date_order": "ymd"}, {"where": ("day",)}, {"no_calls": ("day=Total",)}):
        with pytest.raises(BadParameter):
            ChargeMapping(period_start="day", amount="usd", currency="USD", provider="openai", **wrong)


def test_a_file_that_no_stored_month_has_supersedes_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="no bill 'other.csv' is stored; there are none"):
        bill(tmp_path, HEADER + "2025-05-01,a,1\n", supersedes=("other.csv",))


def test_a_bill_again_under_another_name_is_nothing_new(tmp_path: Path) -> None:
    text = HEADER + "2025-05-01,a,1\n2025-05-02,a,x\n"  # with a row that cannot be taken
    first = bill(tmp_path, text, name="a.csv")[0]
    again = bill(tmp_path, text, name="b.csv")[0]
    assert (again.is_new, again.added_rows, again.certificate) == (False, 0, first.certificate)


def test_a_charge_in_what_is_no_currency_is_named_with_its_line(tmp_path: Path) -> None:
    text = "day,item,usd,code\n2025-05-01,a,1,EUX\n2025-05-02,a,2,EUR\n2025-05-03,a,3,BGN\n"
    (found,) = bill(tmp_path, text, currency="code")
    assert [row.reason for row in found.quarantined] == ["not the code of a currency: EUX"]
    assert sums([found]) == {"2025-05": {"EUR": "2", "BGN": "3"}}


def test_a_bill_whose_currency_is_none_is_refused_as_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no column 'EUX' for currency"):
        bill(tmp_path, HEADER + "2025-05-01,a,1\n", currency="EUX")
