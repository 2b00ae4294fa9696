"""What a bill says twice: equal lines, lines of one id, totals of its own; the right sum by hand beside each."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from test_charges import HEADER, bill, sums

from flexlib.certificate import State
from flexlib.checks import explain_check
from flexlib.errors import BadFile
from flexlib.ingest.charges.importing import prepare_charges
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.charges.sums import find_sum_lines, has_run
from flexlib.sources.files.paths import InputFile

DAYS = "2025-05-01,tokens,2.50\n2025-05-02,tokens,2.50\n"


@pytest.mark.parametrize(
    ("text", "billed", "doubled"),
    [
        (DAYS + "2025-05-01,tokens,2.50\n", "7.5", 1),  # 5.00, if the first page was saved twice
        (DAYS + DAYS, "10", 2),
        ("2025-05-01,seat,30\n" * 3, "90", 2),  # or three seats
        (DAYS + "2025-05-01,tokens,2.5\n", "7.5", 1),  # however it is written
        (DAYS + "2025-05-01T00:00:00Z, Tokens  ,$2.500\n", "7.5", 1),
        (DAYS + "2025-05-01,tokens,2.51\n", "7.51", 0),
        ("2025-05-01,tokens,0\n" * 2 + "2025-05-02,,\n" * 2, "0", 0),  # nothing is charged twice
        ("2025-05-01,a,1\n2025-05-01,b,1\n2025-05-02,a,1\n", "3", 0),
        ('2025-05-01,"a\nb",1\n' * 2, "2", 1),
        ('2025-05-01,"a\nb",1\n2025-05-01,"a\nc",1\n2025-05-01,"a\nd",1\n', "3", 0),
    ],
)
def test_lines_that_are_equal_in_every_column_are_told_until_somebody_says_that_each_is_a_charge(
    tmp_path: Path, text: str, billed: str, doubled: int
) -> None:
    (found,) = bill(tmp_path, HEADER + text)
    assert sums([found]) == {"2025-05": {"USD": billed}}
    assert found.certificate.state is (State.UNRECONCILED if doubled else State.COMPLETE)
    assert found.certificate.sums.figures.get("doubled_lines", []) == ([["bill.csv", doubled]] if doubled else [])
    for is_said in (True, False):  # once said, it holds when the file comes again
        (found,) = bill(tmp_path, HEADER + text, distinct=is_said)
        assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": billed}}, State.COMPLETE)


def test_the_sentence_says_how_to_decide_and_a_mended_file_takes_the_place_of_the_other(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, HEADER + DAYS + "2025-05-01,tokens,2.50\n")
    assert explain_check(found.certificate.sums) == (
        "1 line of bill.csv says in every column what a line before says: import bill.csv again with --distinct if "
        "each is a charge of its own, or without the repeated lines and with --supersedes bill.csv"
    )
    (found,) = bill(tmp_path, HEADER + DAYS, supersedes=("bill.csv",))
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "5"}}, State.COMPLETE)


def test_lines_that_differ_in_a_column_that_feeds_no_field_are_two(tmp_path: Path) -> None:
    head = "day,item,usd,line\n"
    (found,) = bill(tmp_path, f"{head}2025-05-01,a,1,web\n2025-05-01,a,1,app\n")
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "2"}}, State.COMPLETE)
    for one, other in (("1.1", "1.10"), ("10.0.0.1", "10.0.0.10"), ("aBc", "AbC"), ("1,000", "1000")):
        text = f'{head}2025-05-01,a,5,"{one}"\n2025-05-01,a,5,"{other}"\n'
        (found,) = bill(tmp_path, text, replace_months=True)
        assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "10"}}, State.COMPLETE)
    (found,) = bill(tmp_path, f"{head}2025-05-01,a,1,web\n2025-05-01,A,$1.0,web\n", name="b.csv", replace_months=True)
    assert found.certificate.state is State.UNRECONCILED


def test_a_page_that_was_saved_twice_is_told_whatever_it_says_of_the_next_one(tmp_path: Path) -> None:
    row = {"day": "2025-05-01", "item": "tokens", "usd": "2.50"}
    lines = [row | {"has_more": True, "next_page": "page_1"}, row | {"has_more": True, "next_page": "page_2"}]
    (found,) = bill(tmp_path, "\n".join(map(json.dumps, lines)), name="pages.jsonl")
    assert found.certificate.sums.figures["doubled_lines"] == [["pages.jsonl", 1]]


def test_what_stands_beside_the_number_of_a_page_tells_lines_apart(tmp_path: Path) -> None:
    row = {"day": "2025-05-01", "item": "tokens", "usd": "2.50"}
    lines = [row | {"of": {"page": page, "project": name}} for page, name in ((1, "a"), (2, "b"), (3, "b"))]
    (found,) = bill(tmp_path, "\n".join(map(json.dumps, lines)), name="pages.jsonl")
    assert found.certificate.sums.figures["doubled_lines"] == [["pages.jsonl", 1]]  # of 2 before: the project too


def test_a_line_of_an_id_that_stands_before_counts_once_and_another_charge_under_it_is_refused(tmp_path: Path) -> None:
    rows = ("2025-05-01,a,1,x1", "2025-05-01,a,1,x2", "2025-05-01,a,1,x1", "2025-05-01,a,7,x2", "2025-05-01,a,1,")
    (found,) = bill(tmp_path, "day,item,usd,line\n" + "\n".join(rows), line_id="line")
    assert sums([found]) == {"2025-05": {"USD": "3"}}  # x1, x2 and the one without an id
    assert found.certificate.left_out == ({"kind": "repeated lines", "rows": 1},)
    assert [(row.line, row.reason) for row in found.quarantined] == [
        (5, "line_id stands before with other content: x2")
    ]


ROWS = "2025-05-01,API,10\n2025-05-02,images,5.50\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROWS + "Total,,15.50\n", ""),
        (ROWS + "2025-05-31,Total,15.5\n", ""),
        (ROWS + "2025-05-31,Total,17\n", "bill.csv says that its amount of line 4 is 17, and its rows sum up to 15.5"),
        (ROWS + "Total,,17\n", "bill.csv says that its amount of line 4 is 17, and its rows sum up to 15.5"),
        (ROWS + "Total,,\n", ""),  # it says no figure
        ("Total,,15.50\n" + ROWS, ""),
        ("2025-05-01,a,10\n,Subtotal,10\n2025-05-02,b,5\n,Subtotal,5\n2025-05-31,tax,0.5\n,Grand total,15.5\n", ""),
        ("2025-05-01,a,7.754\n2025-05-02,b,7.754\nTotal,,15.5\n", ""),  # 15.508: each row may be rounded
    ],
)
def test_a_total_of_the_bill_s_own_is_no_charge_and_is_held_against_its_rows(
    tmp_path: Path, text: str, said: str
) -> None:
    (found,) = bill(tmp_path, HEADER + text)
    right = "15.508" if "7.754" in text else "15.5"
    assert sums([found]) == {"2025-05": {"USD": right}}
    assert found.certificate.state is (State.UNRECONCILED if said else State.COMPLETE)
    assert explain_check(found.certificate.sums).partition(":")[0] == said


@pytest.mark.parametrize("word", [
    "Total due", "Amount due", "Invoice total", "Balance due", "Total USD", "TOTAL (USD)", "Total:", "Total usage",
    "Total for May 2025", "Total excl. tax", "Total a pagar", "Neto", "Total neto",
])  # fmt: skip
def test_a_total_is_none_of_the_charges_by_whatever_words_it_begins(tmp_path: Path, word: str) -> None:
    (found,) = bill(tmp_path, f"{HEADER}2025-05-01,API,100\n2025-05-02,images,50\n2025-05-31,{word},150\n")
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "150"}}, State.COMPLETE)
    (found,) = bill(tmp_path, f"{HEADER}2025-05-01,API,100\n2025-05-31,{word},70\n", replace_months=True)
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "100"}}, State.UNRECONCILED)


def test_the_total_after_a_tax_sums_what_stands_before(tmp_path: Path) -> None:
    rows = "2025-05-01,API,100\n2025-05-31,Subtotal,100\n2025-05-31,VAT 19%,19\n2025-05-31,Amount due,119\n"
    (found,) = bill(tmp_path, HEADER + rows)
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "119"}}, State.COMPLETE)


@pytest.mark.parametrize(("text", "billed", "lines"), [
    ("2025-05-01,API,,100\n2025-05-01,images,,50\n2025-05-31,Zusammen,,150\n", "300", [4]),  # 150
    ("2025-05-01,API,o3,100\n2025-05-31,Zusammen,,100\n", "200", [3]),  # 100
    ("2025-05-01,API,,150\n2025-05-31,Support,,150\n", "300", []),  # two of one price, by the names of both
    ("2025-05-01,API,,100\n2025-05-31,Grand sum,,100\n2025-05-31,VAT,,19\n2025-05-31,To pay,,119\n", "338", [3, 5]),
    ("2025-05-01,Grand sum,,150\n2025-05-01,API,,100\n2025-05-02,images,,50\n", "300", [2]),  # 150
    ("2025-05-01,Grand sum,,150\n2025-05-01,API,,100\n2025-05-02,images,,50\n2025-05-31,VAT,,28.5\n", "328.5", [2]),
    ("2025-05-01,API,,100\n2025-05-02,images,,50\n2025-05-31,Netto hier,,150\n2025-05-31,VAT,,28.5\n", "328.5", [4]),
    ("2025-05-01,a,,1\n2025-05-02,b,,3\n2025-05-02,Web,,4\n"
     "2025-05-03,c,,5\n2025-05-03,d,,8\n2025-05-03,App,,13\n2025-05-31,Both,,17\n", "51", [4, 7, 8]),  # 17
    ("2025-05-01,API,,1\n2025-05-02,API,,3.005\n2025-05-03,,,4.01\n", "8.015", [4]),  # 4.005, rounded
    ("2025-05-01,,,1\n2025-05-02,,,3\n2025-05,,,4\n", "8", [4]),  # 4: a month beside its days
    ("2025-05,,,4\n2025-05-01,,,1\n2025-05-02,,,3\n", "8", [2]),
    ("2025-05-01,,,4\n2025-05,,,4\n", "8", [3]),  # 4
    ("2025-05-01,ChatGPT Team,,30\n2025-05-01,Claude Team,,30\n", "60", []),
    ("2025-05-01,Input,,5\n2025-05-02,Output,,5\n2025-05-31,Zusammen,,10\n", "20", [4]),  # 10
    ("2025-05-01,a,,3\n2025-05-02,b,,4\n2025-05-03,c,,7\n2025-05-31,Zusammen,,14\n", "28", [5]),  # 14: c is chance
    ("2025-05-01,a,,3\n2025-05-02,b,,4\n2025-05-03,c,,7\n2025-05-04,d,,6\n2025-05-31,Zusammen,,20\n", "40", [6]),  # 20
    ("2025-05-01,a,,3\n2025-05-01,Zusammen,,14\n2025-05-02,b,,4\n2025-05-03,c,,7\n", "28", [3]),  # by name
    ("2025-05-01,a,,3\n2025-05-02,b,,4\n2025-05-03,c,,7\n2025-05-04,d,,6\n2025-05-31,Netto hier,,20\n"
     "2025-05-31,VAT,,3.8\n", "43.8", [6]),  # 23.8
    ("2025-05-01,OpenAI,,12\n2025-05-01,a,,5\n2025-05-01,b,,7\n"
     "2025-05-01,Anthropic,,20\n2025-05-01,c,,9\n2025-05-01,d,,11\n", "64", [2, 5]),  # 32
    ("2025-05-01,OpenAI,,12\n2025-05-01,a,,5\n2025-05-01,b,,7\n2025-05-01,Anthropic,,20\n2025-05-01,c,,9\n"
     "2025-05-01,d,,11\n2025-05-31,Both,,32\n", "96", [2, 5, 8]),  # 32: heads of sections, a sum of all behind
    ("2025-05-01,Both,,32\n2025-05-01,a,,5\n2025-05-01,b,,7\n2025-05-01,OpenAI,,12\n2025-05-01,c,,9\n"
     "2025-05-01,d,,11\n2025-05-31,Anthropic,,20\n", "96", [2, 5, 8]),  # 32: a sum of all first, feet of sections
    ("2025-05-01,OpenAI,,12\n2025-05-01,a,,5\n2025-05-01,b,,7\n2025-05-01,Both,,32\n2025-05-01,Anthropic,,20\n"
     "2025-05-01,c,,9\n2025-05-01,d,,11\n", "96", [2, 5, 6]),  # 32: between the sections
    ("2025-05-01,OpenAI,,12\n2025-05-01,a,,5\n2025-05-01,b,,7\n2025-05-01,Anthropic,,20\n2025-05-01,c,,20\n"
     "2025-05-31,VAT,,6.08\n2025-05-31,To pay,,38.08\n", "108.16", [2, 6, 8]),  # 38.08: one section is of one line
    ("2025-05-01,a,,5.5\n2025-05-01,b,,7\n2025-05-01,c,,60\n2025-05-01,Web,,123.47\n2025-05-01,d,,100.21\n"
     "2025-05-01,e,,23.26\n2025-05-01,f,,400\n", "719.44", [5]),  # 595.97: no chance, though a part of the bill
    ("2025-05-01,a,,5\n2025-05-01,b,,7\n2025-05-01,c,,60\n2025-05-01,Web,,30\n2025-05-01,d,,10\n"
     "2025-05-01,e,,20\n2025-05-01,f,,400\n", "532", []),  # of such round prices one is often that of two others
    ("2025-05-01,x,o3,100.21\n2025-05-01,x,o3,23.26\n2025-05-01,x,o3,123.47\n2025-05-01,x,o4,400\n",
     "646.94", [4]),  # 523.47: whatever it is called, by such an amount
    ("2025-05-01,a,,0.1\n2025-05-01,b,,0.2\n2025-05-31,Both,,0.30000000000000004\n", "0.60000000000000004", [4]),
    ("2025-05-01,seat,,30\n2025-05-01,API,,30\n2025-05-02,API,,30\n", "90", []),
    ("2025-05-01,API,,10.11\n2025-05-01,tokens,,10.11\n2025-05-01,Images,,5.17\n2025-05-01,pictures,,5.17\n",
     "30.56", [3, 5]),  # 15.28: sections of a single line
    ("2025-05-01,Ana,,20\n2025-05-01,Ben,,20\n2025-05-01,Eva,,20\n2025-05-01,Tom,,20\n", "80", []),  # seats
    ("2025-05-01,seat,,30\n2025-05-01,API,,30\n2025-05-02,API,,31\n2025-05-03,API,,7\n", "98", []),
    ("2025-05-01,API,o3,1\n2025-05-02,API,o3,3\n2025-05-03,API,all models,4\n", "8", []),  # of another day
    ("2025-05-01,API,o3,1\n2025-05-02,API,o3,3\n2025-05-03,API,o4,4\n", "8", []),
    ("2025-05-01,,,1\n2025-05-02,,,3\n2025-05-03,,,4\n", "8", []),
    ("2025-05-01,a,,1\n2025-05-02,b,,3\n2025-05-03,c,,4\n2025-05-03,d,,9\n", "17", []),  # what follows is no tax
    ("2025-05-01,a,,1\n2025-05-02,b,,3\n2025-05-03,c,,4\nTotal,,,8\n", "8", []),  # the bill's own total counts it
])  # fmt: skip
def test_a_line_that_charges_what_those_beside_it_do_is_told_until_somebody_says_that_it_is_a_charge(
    tmp_path: Path, text: str, billed: str, lines: list[int]
) -> None:
    text = f"day,item,which,usd\n{text}"
    (found,) = bill(tmp_path, text, model="which")
    assert sums([found]) == {"2025-05": {"USD": billed}}
    assert found.certificate.state is (State.UNRECONCILED if lines else State.COMPLETE)
    assert found.certificate.sums.figures.get("sum_lines", []) == [["bill.csv", line] for line in lines]
    named = f"line{'s' * bool(lines[1:])} {', '.join(map(str, lines))} of bill.csv "
    assert explain_check(found.certificate.sums).startswith(named * bool(lines))
    (found,) = bill(tmp_path, text, model="which", distinct=True)
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": billed}}, State.COMPLETE)


def draw_section(chance: Random, depth: int, *, has_head: bool) -> list[tuple[Decimal, bool]]:
    """A section's amounts, each with whether it sums others: its lines or sections, its sum above or below them."""
    if not depth:
        return [(Decimal(chance.randint(1, 100_000)) / 100, False)]
    parts = [draw_section(chance, chance.randint(0, depth - 1), has_head=has_head) for _ in range(chance.randint(2, 4))]
    lines = [line for part in parts for line in part]
    whole = (sum((amount for amount, is_sum in lines if not is_sum), Decimal(0)), True)
    return [whole, *lines] if has_head else [*lines, whole]


def find_in(amounts: list[Decimal]) -> list[int]:
    day = {"period_start": datetime(2025, 5, 1), "period_end": datetime(2025, 5, 2), "model": None, "key": None}
    told = [day | {"line_item": f"n{n}", "amount": one} for n, one in enumerate(amounts)]
    return find_sum_lines(amounts, told) if has_run(amounts) else []


def test_a_bill_with_sums_is_asked_about_wherever_they_stand_and_next_to_none_without() -> None:
    chance = Random(7)
    for number in range(200):
        has_head = chance.random() < 0.5
        sections = [draw_section(chance, chance.randint(1, 2), has_head=has_head) for _ in range(chance.randint(1, 4))]
        place = number % 4  # of a grand sum: first, between sections, last; none
        whole = (sum((amount for one in sections for amount, is_sum in one if not is_sum), Decimal(0)), True)
        grand = [[whole]] if place < 3 else []
        at = (0, len(sections) // 2, len(sections), 0)[place]
        lines = [line for one in (*sections[:at], *grand, *sections[at:]) for line in one]
        assert find_in([amount for amount, _ in lines]), lines
    honest = [[Decimal(chance.randint(1, 100_000)) / 100 for _ in range(chance.randint(1, 30))] for _ in range(500)]
    assert sum(bool(find_in(amounts)) for amounts in honest) <= 5  # 1 % of what is asked for no reason
    prices = [19, 20, 25, 30, 39, 40, 60, 100]
    seats = [[Decimal(chance.choice(prices)) for _ in range(chance.randint(1, 12))] for _ in range(300)]
    assert sum(bool(find_in(amounts)) for amounts in seats) <= 9  # 3 % where prices are round, and few


@pytest.mark.parametrize(("text", "billed", "lines"), [
    ("01,API,100\n01,Seats,50\n31,Total,150\n31,Paid,-150\n31,Balance due,0\n", "150", []),  # 0.00 is due, 150 billed
    ("01,API,100\n01,Seats,50\n31,Payment received - thank you,-150\n", "150", []),
    ("01,API,100\n01,Seats,50\n31,Total,150\n31,Paid,-40\n31,Balance due,110\n", "110", [5]),  # or 150: who knows
    ("01,API,100\n31,Promotional credit,-100\n31,Total,0\n", "0", []),  # a credit makes the bill less
    ("01,API,100\n01,Paid by card,-100\n31,API,250\n31,Paid by credit card,-250\n", "350", []),  # two invoices
    ("01,API,100\n31,Payment terms discount,-100\n", "0", []),
    ("01,API,100\n31,Paid support,30\n", "130", []),
    ("01,Paid plan,20\n03,Paid plan credit,-20\n04,API,7\n", "7", []),
    ("01,Pago por uso API,100\n03,Pago por uso (nota de crédito),-100\n04,Soporte,7\n", "7", []),
    ("01,API,100\n03,Payment reversal,-100\n04,x,1\n", "1", []),
    ("01,Payments API,100\n03,Payments API (credit),-100\n04,x,1\n", "1", []),
    ("01,Payments API,100\n03,Payments API,-100\n04,x,1\n", "1", [3]),  # 1 or 101
    ("01,API,100\n01,Seats,50\n31,Payment from ACME Ltd.,-150\n", "0", [4]),  # 0 or 150
    ("01,API,100\n31,Amount paid (Visa **** 4242) on May 31 2025,-100\n", "100", []),
    ("01,API,100\n31,Payment marketing,-100\n", "0", [3]),  # or 100
    ("01,API,100\n31,Pago recibido,-100\n", "100", []),
])  # fmt: skip
def test_a_payment_of_what_stands_before_it_is_no_charge_and_one_of_something_else_is_told(
    tmp_path: Path, text: str, billed: str, lines: list[int]
) -> None:
    (found,) = bill(tmp_path, HEADER + re.sub(r"(?m)^(\d\d),", r"2025-05-\1,", text))
    assert sums([found]) == {"2025-05": {"USD": billed}}
    assert found.certificate.state is (State.UNRECONCILED if lines else State.COMPLETE)
    assert found.certificate.sums.figures.get("payment_lines", []) == [["bill.csv", line] for line in lines]
    if lines:
        assert f"line {lines[0]} of bill.csv may be a payment, which makes no bill less: " in explain_check(
            found.certificate.sums
        )
        (found,) = bill(tmp_path, (tmp_path / "bill.csv").read_text("utf-8"), distinct=True)
        assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": billed}}, State.COMPLETE)


def test_a_total_in_each_currency_is_held_against_the_rows_in_it(tmp_path: Path) -> None:
    rows = "day,item,usd,money\n2025-05-01,a,2,EUR\n2025-05-01,b,3,USD\n,Total,2,EUR\n,Total,4,USD\n"
    (found,) = bill(tmp_path, rows, currency="money")
    assert sums([found]) == {"2025-05": {"EUR": "2", "USD": "3"}}
    assert found.certificate.sums.figures["own_totals"] == [["bill.csv", "amount of line 5", "4", "3"]]


def test_a_total_whose_amount_cannot_be_read_is_refused_as_any_row_is(tmp_path: Path) -> None:
    (found,) = bill(tmp_path, f"{HEADER}{ROWS}2025-05-31,Total,1x0\n")
    assert (sums([found]), found.certificate.state) == ({"2025-05": {"USD": "15.5"}}, State.GAP)
    assert [(row.line, row.reason) for row in found.quarantined] == [(4, "amount is not an amount: 1x0")]


def test_a_month_of_nothing_but_a_total_that_no_rows_sum_up_to_is_told(tmp_path: Path) -> None:
    may, june = bill(tmp_path, f"{HEADER}{ROWS}2025-06-30,Total,80\n")  # of June's lines, which are not here
    assert sums([may, june]) == {"2025-05": {"USD": "15.5"}, "2025-06": {}}
    assert {may.certificate.state, june.certificate.state} == {State.UNRECONCILED}
    (may,) = bill(tmp_path, f"{HEADER}{ROWS}2025-06-01,Total,15.5\n", name="may.csv", supersedes=("bill.csv",))[:1]
    assert may.certificate.state is State.COMPLETE  # the bill's own date


def test_a_bill_of_totals_alone_holds_no_charges(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="bill.csv holds no charges, only totals; export it again with the lines that th"):
        bill(tmp_path, HEADER + "Total,,17\n2025-06-01,Total,17\n")


def test_a_bill_given_twice_counts_once_and_that_is_said(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(HEADER + DAYS, "utf-8")
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    files = [(InputFile(tmp_path / name, name), mapping) for name in ("a.csv", "b.csv")]
    said: list[str] = []
    with prepare_charges(files, tmp_path / "data", note=said.append) as store_months:
        assert sums(store_months()) == {"2025-05": {"USD": "5"}}
    assert said == ["b.csv is the same as a.csv, byte for byte: it counts once."]
