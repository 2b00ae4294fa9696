"""Bills beside counts: which is the spend, and the difference taken apart to the last digit; right values by hand."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spend_samples import call, ingest_charges, store, store_credits

from flexlib.analysis import usage_statistics
from flexlib.certificate import State
from flexlib.checks import BillTolerance
from flexlib.cli.send_said import say_month
from flexlib.dates import Month
from flexlib.front.spend import load_spend
from flexlib.ingest.fx import keep_rates
from flexlib.money.fx import Rate
from flexlib.money.unit_prices import EXACT
from flexlib.names import match_model
from flexlib.page.mail.month import build_month_mail
from flexlib.page.usage.cards import show_month_headlines
from flexlib.senders import name_provider
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.spend import total_spend
from flexlib.spend.before import load_month_before
from flexlib.spend.billed import Billed, Count
from flexlib.spend.bills import MonthBills, ProviderBill
from flexlib.spend.comparing import compare_counts_with_bills
from flexlib.spend.differences import DifferenceKind
from flexlib.spend.month import MonthUsage, load_month_usage

MAY = Month(2025, 5)
LATER = datetime(2025, 12, 1, tzinfo=timezone.utc)
NOT_COUNTED, NOT_BILLED = DifferenceKind.NOT_COUNTED, DifferenceKind.NOT_BILLED
PRICED_OTHERWISE, OUTSIDE = DifferenceKind.PRICED_OTHERWISE, DifferenceKind.OUTSIDE_BILL
HEADER = "day,item,model,usd,list,money,kind\n"


def bill(
    root: Path,
    text: str,
    provider: str = "openai",
    name: str = "bill.csv",
    **more: Any,  # noqa: ANN401
) -> None:
    columns: dict[str, Any] = {
        "line_item": "item",
        "model": "model",
        "list_amount": "list",
        "currency": "money",
        "kind": "kind",
    }
    mapping = ChargeMapping(period_start="day", amount="usd", provider=provider, **columns | more)
    root.mkdir(exist_ok=True)
    (root / name).write_text(HEADER + text, "utf-8")
    ingest_charges([root / name], mapping, root, now=LATER)


def calls(root: Path, *amounts: tuple[int, str, str | None], **more: Any) -> None:  # noqa: ANN401
    """A call each: day of May, model, dollars."""
    rows = [call(f"c{nth}", f"2025-05-{day:02d}T12:00", usd, model=model, **more)
            for nth, (day, model, usd) in enumerate(amounts)]  # fmt: skip
    store(root, "import", MAY, *rows)


def load(root: Path) -> MonthUsage:
    return load_month_usage(MAY, root)


def told(found: MonthBills) -> list[tuple[Any, ...]]:
    return [(one.day and one.day.day, one.model, one.kind, str(one.usd), one.reason) for one in found.differences]


def only(found: MonthBills) -> ProviderBill:
    (one,) = found.providers
    return one


def test_a_usage_file_and_the_bill_of_its_days_do_not_add_up(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "0.14726"), (2, "gpt-4o", "0.10"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,0.795874,,USD,\n2025-05-02,a,gpt-4o,0.1,,USD,\n")
    found = load(tmp_path).bills
    one = only(found)
    assert (str(one.counted_usd), str(one.billed_usd)) == ("0.2472600000", "0.895874000000000000")
    assert found.spend_usd == Decimal("0.895874")  # and not 1.143134
    assert one.difference_usd == Decimal("0.648614")
    assert [(line[:3], Decimal(line[3])) for line in told(found)] == [
        ((1, "gpt-4o", PRICED_OTHERWISE), Decimal("0.648614"))
    ]
    assert load(tmp_path).state is State.COMPLETE  # less than US$ 1


@pytest.mark.parametrize(
    ("counted", "billed", "state"),
    [
        ("100", "101.01", State.COMPLETE),  # 1.01 is above a dollar, and within 1 % of 101.01
        ("100", "101.02", State.UNRECONCILED),  # 1.02 is above 1 % of 101.02, which is 1.0102
        ("0.1", "1.1", State.COMPLETE),  # ten times as much, and no more than a dollar
        ("0.1", "1.11", State.UNRECONCILED),
        ("101.02", "100", State.UNRECONCILED),
    ],
)
def test_a_difference_above_one_percent_and_a_dollar_is_not_reconciled(
    tmp_path: Path, counted: str, billed: str, state: State
) -> None:
    calls(tmp_path, (1, "gpt-4o", counted))
    bill(tmp_path, f"2025-05-01,a,gpt-4o,{billed},,USD,\n")
    assert load(tmp_path).state is state


def test_what_differs_is_named_and_makes_the_month_unreconciled(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "100"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,150,,USD,\n")
    month = load(tmp_path)
    assert month.state is State.UNRECONCILED
    assert month.bills.spend_usd == 150
    assert month.list_problems() == [
        "OpenAI: US$ 150.00 was billed and US$ 100.00 counted; differences of US$ 50.00 are unexplained, and flexlib "
        "spend lists them."
    ]


def test_one_call_without_a_price_explains_its_share_of_a_bill_and_no_more(tmp_path: Path) -> None:
    many = {"requests": 999, "grain": "day"}
    priced = call("a", "2025-05-01T00:00", "99.90", **many)
    store(tmp_path, "import", MAY, priced, call("b", "2025-05-01T12:00", None, model="gpt-4o"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,100000,,USD,\n")
    month = load(tmp_path)
    assert (month.state, only(month.bills).unexplained_usd) == (State.UNRECONCILED, Decimal("99900.10"))
    assert told(month.bills)[0][4] == "1 of 1,000 calls has no price, which explains only a part"
    bill(tmp_path, "2025-05-01,b,gpt-4o,-99900,,USD,usage\n", name="less.csv")  # 100 in all
    assert only(load(tmp_path).bills).unexplained_usd == 0


@pytest.mark.parametrize(
    ("usd", "reason"),
    [
        (None, "nothing that was counted has a price"),
        ("1", "at least 1 of at least 2 calls have no price"),
    ],
)
def test_a_sum_of_unknown_many_calls_without_a_price_is_not_said_to_be_one_call(
    tmp_path: Path, usd: str | None, reason: str
) -> None:
    unsized = call("a", "2025-05-01T00:00", None, requests=None, grain="day")
    store(tmp_path, "import", MAY, unsized, *([call("b", "2025-05-01T12:00", usd)] if usd else []))
    bill(tmp_path, "2025-05-01,a,gpt-4o,2,,USD,\n")
    assert told(load(tmp_path).bills)[0][4] == reason


def test_calls_of_which_none_has_a_price_explain_whatever_is_billed_for_them(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "1"), (1, "gpt-x", None))
    bill(tmp_path, "2025-05-01,a,gpt-4o,1,,USD,\n2025-05-01,b,gpt-x,700,,USD,\n")
    assert load(tmp_path).state is State.COMPLETE


def test_what_is_not_billed_of_one_model_does_not_cancel_what_is_dearer_of_another(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4", "100"), (1, "gpt-5", "100"))
    bill(tmp_path, "2025-05-01,a,gpt-5,200,,USD,\n")
    month = load(tmp_path)
    assert (month.state, only(month.bills).unexplained_usd) == (State.UNRECONCILED, Decimal(200))  # 100 and 100


def test_a_call_that_is_billed_a_day_later_is_no_difference_of_the_month(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "100"), (2, "gpt-4o", "50"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,60,,USD,\n2025-05-02,a,gpt-4o,90,,USD,\n")  # -40 and +40
    assert (load(tmp_path).state, only(load(tmp_path).bills).unexplained_usd) == (State.COMPLETE, Decimal(0))


def test_what_is_billed_for_no_model_may_be_for_the_one_that_is_not_billed(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4", "100"), (1, "gpt-5", "20"))
    bill(tmp_path, "2025-05-01,a,gpt-5,20,,USD,\n2025-05-01,API,,103,,USD,\n")
    assert only(load(tmp_path).bills).unexplained_usd == 3  # 103 - 100


def test_the_tolerances_are_parameters(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "100"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,150,,USD,\n")
    assert load(tmp_path).state is State.UNRECONCILED
    for tolerance in (BillTolerance(usd=Decimal(50)), BillTolerance(share=Decimal("0.5"))):
        assert load_month_usage(MAY, tmp_path, tolerance=tolerance).state is State.COMPLETE


def test_each_difference_is_one_of_four_kinds(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "1"), (1, "gpt-5", "2"), (2, "gpt-4o", "3"), (3, "gpt-4o", "4"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,1.5,,USD,\n2025-05-01,search,,0.25,,USD,\n2025-05-02,b,gpt-4o,3,,USD,\n")
    found = load(tmp_path).bills
    assert [(line[:3], Decimal(line[3])) for line in told(found)] == [
        ((1, None, NOT_COUNTED), Decimal("0.25")),
        ((1, "gpt-4o", PRICED_OTHERWISE), Decimal("0.5")),
        ((1, "gpt-5", NOT_BILLED), Decimal(-2)),
        ((3, "gpt-4o", OUTSIDE), Decimal(-4)),
    ]
    one = only(found)
    assert one.spend_usd == Decimal("8.75")  # 4.75 billed for the first two days, and 4 counted on the third
    assert one.basis == "bill and count"
    assert (one.first, one.last) == (date(2025, 5, 1), date(2025, 5, 2))


def test_a_credit_and_a_tax_are_explained_by_the_bill_itself(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "100"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,100,,USD,\n2025-05-01,grant,,-50,,USD,\n2025-05-01,VAT,,19,,USD,tax\n")
    month = load(tmp_path)
    assert (month.state, month.bills.spend_usd) == (State.COMPLETE, Decimal(69))  # 100 - 50 + 19
    assert [(line[2], line[3][:5], line[4]) for line in told(month.bills)] == [
        (NOT_BILLED, "-50.0", "credit: grant"),
        (NOT_COUNTED, "19.00", "tax: VAT"),
    ]


def test_a_credit_of_half_a_dollar_makes_the_sum_exact_and_no_bound(tmp_path: Path) -> None:
    bill(tmp_path, "2025-05-01,a,gpt-4o,2,,USD,\n2025-05-02,grant,,-0.50,,USD,\n")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.bills.is_at_least, month.state) == (Decimal("1.5"), False, State.COMPLETE)


def test_a_contract_below_the_list_is_explained_by_the_list_price_that_the_bill_says(tmp_path: Path) -> None:
    calls(tmp_path, (1, "claude-sonnet-4-5", "100"), provider="anthropic")
    bill(tmp_path, "2025-05-01,a,Claude Sonnet 4.5,80,100,USD,\n", "anthropic")
    month = load(tmp_path)
    assert (month.state, month.bills.spend_usd) == (State.COMPLETE, Decimal(80))
    assert told(month.bills)[0][2::2] == (PRICED_OTHERWISE, "the bill's own list price is 100.00")


def test_a_bill_gives_calls_without_a_price_their_money(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "1"), (1, "gpt-x", None), (2, "gpt-x", None))
    assert load(tmp_path).bills.is_at_least
    bill(tmp_path, "2025-05-01,a,gpt-4o,1,,USD,\n2025-05-01,b,gpt-x,7,,USD,\n2025-05-02,b,gpt-x,2,,USD,\n")
    one = only(load(tmp_path).bills)
    assert (one.spend_usd, one.is_at_least, one.unpriced_requests, one.is_reconciled) == (Decimal(10), False, 2, True)


@pytest.mark.parametrize(
    ("billed", "state", "at_least"),
    [
        ("2025-05", State.COMPLETE, False),
        ("2025-05-02", State.COMPLETE, False),
        ("2025-05-01", State.GAP, True),  # says nothing of the 2nd
    ],
)
def test_a_bill_of_all_calls_without_a_price_makes_the_month_whole(
    tmp_path: Path, billed: str, state: State, at_least: bool
) -> None:
    priced, unpriced = call("a", "2025-05-02T12:00", "1"), call("b", "2025-05-02T12:00", None, model="gpt-x")
    store(tmp_path, "import", MAY, priced, unpriced, lacking=1)
    assert load(tmp_path).state is State.GAP
    bill(tmp_path, f"{billed},a,,2,,USD,\n")
    month = load(tmp_path)
    assert (month.state, month.bills.is_at_least) == (state, at_least)
    assert any("no price: the total" in one for one in month.list_problems()) is at_least


@pytest.mark.parametrize(
    ("billed", "state", "problems"),
    [
        # The bill says what the sum of anthropic cost: 1 of 12 calls is without a price, less than a tenth
        ("2025-05", State.COMPLETE, []),
        ("2025-05-02", State.GAP, ["without a price: claude-x, own."]),  # says nothing of the 1st
    ],
)
def test_a_sum_of_unknown_size_that_a_bill_covers_leaves_the_month_whole_whatever_others_lack(
    tmp_path: Path, billed: str, state: State, problems: list[str]
) -> None:
    priced = call("a", "2025-05-01T00:00", "1", requests=10, grain="day")
    unsized = call("b", "2025-05-01T00:00", None, requests=None, grain="day", provider="anthropic", model="claude-x")
    own = call("c", "2025-05-01T12:00", None, provider="meta", model="own")
    models = tuple({"provider": one["provider"], "model": one["model"], "proxy": None} for one in (unsized, own))
    said = {"requests": 12, "unsized_rows": 1, "unpriced": models}
    store(tmp_path, "import", MAY, priced, unsized, own, lacking=2, **said)
    assert load(tmp_path).state is State.GAP
    bill(tmp_path, f"{billed},a,,2,,USD,\n", "anthropic")
    month = load(tmp_path)
    assert (month.bills.is_at_least, month.state) == (True, state)
    assert [one.split("; ")[-1] for one in month.list_problems() if "no price" in one or "a price" in one] == problems


@pytest.mark.parametrize(("billed", "at_least"), [("2025-05", False), ("2025-05-01", True)])
def test_a_bill_of_a_day_does_not_say_what_a_sum_of_the_month_without_a_price_cost(
    tmp_path: Path, billed: str, at_least: bool
) -> None:
    store(tmp_path, "import", MAY, call("a", "2025-05-01T00:00", None, grain="month"), lacking=1)
    bill(tmp_path, f"{billed},a,,9,,USD,\n")
    assert load(tmp_path).bills.is_at_least is at_least


@pytest.mark.parametrize(
    ("billed", "usd", "state", "at_least"),
    [
        (("2025-05-01", "2025-05-31"), None, State.GAP, True),  # no line of the 15th: nobody knows what it cost
        (("2025-05-01", "2025-05-15", "2025-05-31"), None, State.COMPLETE, False),
        (("2025-05",), None, State.COMPLETE, False),
        (("2025-05-01", "2025-05-31"), "30", State.UNRECONCILED, True),  # 0.50 billed, 30 counted on the 15th
        (("2025-05-14", "2025-05-16"), "0.75", State.COMPLETE, False),  # less than US$ 1 differs
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
def test_a_bill_covers_the_days_that_it_has_lines_of_and_none_between(
    tmp_path: Path, zone: str, billed: tuple[str, ...], usd: str | None, state: State, at_least: bool
) -> None:
    store(tmp_path, "import", MAY, call("a", "2025-05-15T12:00", usd), lacking=0 if usd else 1)
    store(tmp_path, "import", Month(2025, 6))
    bill(tmp_path, "".join(f"{day},a,,0.25,,USD,\n" for day in billed))
    month = load_month_usage(MAY, tmp_path, zone=zone)
    assert (month.bills.is_at_least, month.state) == (at_least, state)
    assert month.bills.spend_usd == len(billed) * Decimal("0.25")


@pytest.mark.parametrize(("usd", "said"), [("30", "at least US$ 0.50"), ("0.75", "US$ 0.50")])
def test_a_bill_that_lacks_days_makes_a_lower_bound_on_the_page_and_in_the_mail_too(
    tmp_path: Path, usd: str, said: str
) -> None:
    """In words of the console alone it was one: what page and mail lacked was calls."""
    store(tmp_path, "import", MAY, call("a", "2025-05-15T12:00", usd))
    bill(tmp_path, "2025-05-14,a,,0.25,,USD,\n2025-05-16,a,,0.25,,USD,\n")
    spend = load_spend(MAY, None, tmp_path, zone="UTC", names=False)
    month = spend.loaded[0]
    mail = build_month_mail(month, load_month_before(month, tmp_path), None)
    assert mail.subject.endswith(f": {said}")
    assert say_month(spend).is_least is ("at least" in said)
    shown = show_month_headlines(month, total_spend(month), [], usage_statistics(month.calls)).text
    assert ("at least" in shown) is ("at least" in said)


def test_a_bill_of_days_without_one_of_them_does_not_say_what_a_sum_of_the_month_cost(tmp_path: Path) -> None:
    store(tmp_path, "import", MAY, call("a", "2025-05-01T00:00", None, grain="month"), lacking=1)
    days = [f"2025-05-{day:02d},a,,1,,USD,\n" for day in range(1, 32)]
    bill(tmp_path, "".join(days[:14] + days[15:]))
    assert load(tmp_path).bills.is_at_least
    bill(tmp_path, days[14], name="rest.csv")
    assert not load(tmp_path).bills.is_at_least


def test_a_bill_alone_is_the_spend_and_nothing_contradicts_it(tmp_path: Path) -> None:
    bill(tmp_path, "2025-05-01,seats,,19,,USD,fee\n2025-05-01,premium,,39,,USD,\n", "github")
    month = load(tmp_path)
    assert (month.state, month.bills.spend_usd, only(month.bills).counted_usd) == (State.COMPLETE, Decimal(58), None)
    assert sorted(line[4] for line in told(month.bills)) == ["fee: seats", "no call of this provider is stored"]


def test_a_monthly_invoice_is_compared_by_the_month(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "10"), (31, "gpt-5", "20"))
    bill(tmp_path, "2025-05,API usage,,30.5,,USD,\n")
    found = load(tmp_path).bills
    assert (found.spend_usd, [line[:3] for line in told(found)]) == (Decimal("30.5"), [(None, None, PRICED_OTHERWISE)])


def test_euros_are_in_no_sum_until_a_rate_is_kept(tmp_path: Path) -> None:
    bill(tmp_path, "2025-05-01,a,gpt-4o,1.50,,EUR,\n2025-05-01,b,gpt-4o,0.50,,USD,\n")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.bills.is_at_least, month.state) == (Decimal("0.5"), True, State.GAP)
    assert only(month.bills).unconverted == (("EUR", Decimal("1.5")),)
    assert month.list_problems() == [
        "OpenAI: EUR 1.50 was billed but is in no total, because no rate is stored; run: flexlib fx set 2025-05-01 "
        "VALUE --pair EUR/USD --source TEXT."
    ]
    keep_rates([Rate(date(2025, 5, 1), Decimal("1.13"), "ECB")], ("EUR", "USD"), tmp_path)
    month = load(tmp_path)
    assert month.bills.spend_usd == Decimal("2.195")  # 1.50 x 1.13 + 0.50
    assert (month.bills.is_at_least, month.state) == (False, State.COMPLETE)


def test_each_day_without_a_rate_is_named(tmp_path: Path) -> None:
    bill(tmp_path, "".join(f"2025-05-{day:02d},a,gpt-4o,1,,EUR,\n" for day in (3, 4, 9)))
    (problem,) = load(tmp_path).list_problems()
    assert "flexlib fx set 2025-05-03 VALUE" in problem
    assert problem.endswith("and so for 2 more days to 2025-05-09, or bring all with flexlib fx import FILE.")


def test_pesos_become_dollars_by_the_observed_dollar_and_stay_what_they_are(tmp_path: Path) -> None:
    keep_rates([Rate(date(2025, 5, 1), Decimal(950), "bcch")], ("USD", "CLP"), tmp_path)
    bill(tmp_path, "2025-05-01,a,gpt-4o,19000,,CLP,\n")
    one = only(load(tmp_path).bills)
    assert (one.spend_usd, one.spend_clp) == (Decimal(20), Decimal(19000))  # 19,000 / 950


def test_a_bill_in_dollars_is_pesos_at_the_rate_of_its_day(tmp_path: Path) -> None:
    keep_rates([Rate(date(2025, 5, 1), Decimal(950), "bcch")], ("USD", "CLP"), tmp_path)
    bill(tmp_path, "2025-05-01,a,gpt-4o,2,,USD,\n")
    assert only(load(tmp_path).bills).spend_clp == 1900
    bill(tmp_path, "2025-05-30,a,gpt-4o,2,,USD,\n", name="other.csv")
    one = only(load(tmp_path).bills)
    assert (one.spend_clp, one.requests_without_clp) == (Decimal(1900), 1)  # at least: no rate of 30 May


def test_a_month_of_another_zone_is_judged_by_the_bills_month_which_is_utcs(tmp_path: Path) -> None:
    rows = [call("a", "2025-05-10T12:00", "10"), call("b", "2025-05-01T02:00", "40")]  # the second is of 30 April there
    store(tmp_path, "import", MAY, *rows)
    bill(tmp_path, "2025-05-01,a,,40,,USD,\n2025-05-10,a,,10,,USD,\n")
    month = load_month_usage(MAY, tmp_path, zone="America/Santiago")
    assert (month.bills.spend_usd, only(month.bills).difference_usd) == (Decimal(50), Decimal(40))
    assert (only(month.bills).is_reconciled, only(month.bills).unexplained_usd) == (True, Decimal(0))
    assert told(load(tmp_path).bills) == []  # in UTC both are of May, and agree


def test_a_bill_that_contradicts_the_calls_does_so_in_every_zone(tmp_path: Path) -> None:
    calls(tmp_path, (10, "gpt-4o", "100"))
    bill(tmp_path, "2025-05-10,a,gpt-4o,150,,USD,\n")
    for zone in ("UTC", "America/Santiago"):
        month = load_month_usage(MAY, tmp_path, zone=zone)
        assert (only(month.bills).unexplained_usd, only(month.bills).is_reconciled) == (Decimal(50), False)
        assert "differences of US$ 50.00 are unexplained" in month.list_problems()[-1]


def test_windsurfs_credits_and_other_providers_count_beside_a_bill(tmp_path: Path) -> None:
    september = Month(2025, 9)
    store(tmp_path, "import", september, call("a", "2025-09-01T12:00", "5", provider="anthropic"))
    store_credits(tmp_path, (1, "u", "claude-sonnet-4", 0, 10_000))
    bill(tmp_path, "2025-09-01,a,gpt-4o,3,,USD,\n")
    found = load_month_usage(september, tmp_path).bills
    assert {one.provider: (str(one.spend_usd and one.spend_usd.normalize()), one.basis) for one in found.providers} == {
        "windsurf": ("4", "count"),  # 100 credits at 0.04
        "anthropic": ("5", "count"),
        "openai": ("3", "bill"),
    }


def test_who_sends_the_bill_is_the_proxy_where_there_is_one(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "2"), proxy="openrouter")
    bill(tmp_path, "2025-05-01,a,openai/gpt-4o,2,,USD,\n", "OpenRouter")
    one = only(load(tmp_path).bills)
    assert (one.provider, one.counted_usd, one.billed_usd, told(load(tmp_path).bills)) == (
        "openrouter",
        Decimal(2),
        Decimal(2),
        [],
    )


def test_a_clouds_bill_may_be_for_calls_that_stand_under_their_maker(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "2"))
    bill(tmp_path, "2025-05-01,gpt 4o Inp glbl Tokens,,2,,USD,\n", "microsoft")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.state) == (Decimal(4), State.UNRECONCILED)
    assert month.list_problems()[0].startswith(
        "Microsoft Azure: US$ 2.00 was billed, and calls of openai were counted, which no bill names; if it pays"
    )


@pytest.mark.parametrize(
    ("more", "right"), [({"provider": "openai"}, 2), ({"bills": "openai"}, 2), ({"bills": "other"}, 4)]
)
def test_either_advice_on_a_clouds_bill_makes_the_month_whole(tmp_path: Path, more: dict[str, Any], right: int) -> None:
    calls(tmp_path, (1, "gpt-4o", "2"))
    for options in ({"provider": "azure"}, {"provider": "azure"} | more):
        bill(tmp_path, "2025-05-01,gpt 4o Inp glbl Tokens,,2,,USD,\n", **options)
    assert (load(tmp_path).bills.spend_usd, load(tmp_path).state) == (Decimal(right), State.COMPLETE)


VERTEX = "2025-05-01,Gemini 2.5 Pro input,,10,,USD,\n2025-05-01,Claude Sonnet 4.5 input,,20,,USD,\n"


def test_a_clouds_bill_pays_for_the_calls_of_the_makers_that_whoever_imports_it_names(tmp_path: Path) -> None:
    """Gemini for 10 and Claude for 20 on Vertex; OpenAI's 7, which no bill is for."""
    found = (("google", "gemini-2.5-pro", "10"), ("anthropic", "claude-sonnet-4-5", "20"), ("openai", "gpt-4o", "7"))
    made = [call(who, "2025-05-01T12:00", usd, provider=who, model=model) for who, model, usd in found]
    store(tmp_path, "import", MAY, *made)
    bill(tmp_path, VERTEX, "Google Cloud")
    assert load(tmp_path).state is State.UNRECONCILED
    assert "--bills anthropic,google,openai if it does" in load(tmp_path).list_problems()[0]
    bill(tmp_path, VERTEX, "Google Cloud", bills="google,anthropic")
    month = load(tmp_path)
    assert {one.provider: (one.counted_usd, one.billed_usd, one.requests) for one in month.bills.providers} == {
        "google cloud": (Decimal(30), Decimal(30), 2),
        "openai": (Decimal(7), None, 1),
    }
    assert (month.bills.spend_usd, month.state) == (Decimal(37), State.COMPLETE)
    bill(tmp_path, VERTEX.replace(",20,", ",45,"), "Google Cloud", bills="google,anthropic", name="dearer.csv")
    assert load(tmp_path).state is State.UNRECONCILED


@pytest.mark.parametrize("who", ["anthropic", "Microsoft"])
def test_a_maker_that_two_bills_may_be_for_is_in_neither_of_them_without_a_word(tmp_path: Path, who: str) -> None:
    """Anthropic's 20: its own bill holds them, or two clouds' are said to."""
    calls(tmp_path, (1, "claude-sonnet-4-5", "20"), provider="anthropic")
    bill(tmp_path, "2025-05-01,Claude input,,20,,USD,\n", "Google Cloud", bills="anthropic")
    assert load(tmp_path).state is State.COMPLETE
    more = {} if who == "anthropic" else {"bills": "anthropic"}
    bill(tmp_path, "2025-05-01,a,,5,,USD,\n", who, name="other.csv", **more)
    found = {one.provider: one.counted_usd for one in load(tmp_path).bills.providers}
    assert (found["google cloud"], found["anthropic"]) == (None, Decimal(20))
    assert load(tmp_path).state is State.UNRECONCILED


def test_the_bill_of_aws_is_for_what_was_called_through_bedrock_and_for_amazons_own_models(tmp_path: Path) -> None:
    through = call("a", "2025-05-01T12:00", "60", provider="anthropic", model="claude-sonnet-4-5", proxy="bedrock")
    store(tmp_path, "import", MAY, through, call("b", "2025-05-01T12:00", "40", provider="amazon", model="nova-pro"))
    bill(tmp_path, "2025-05-01,a,,100.25,,USD,\n", "Amazon Web Services")
    one = only(load(tmp_path).bills)
    assert (one.provider, one.counted_usd, one.spend_usd) == ("aws", Decimal(100), Decimal("100.25"))
    assert load(tmp_path).state is State.COMPLETE


def test_what_openrouter_says_of_an_own_key_is_on_the_makers_bill_and_counts_once(tmp_path: Path) -> None:
    """OpenRouter's own 0.50 for a call on the company's key, whose 10 OpenAI bills; and 4 for a call on its own."""
    own_key, other = {"cost": Decimal("0.50"), "proxy": "openrouter"}, {"cost": Decimal(4), "proxy": "openrouter"}
    store(
        tmp_path, "import", MAY,
        call("a", "2025-05-01T12:00", "10.50", **own_key), call("b", "2025-05-01T13:00", "4", **other),
    )  # fmt: skip
    assert {one.provider: (one.counted_usd, one.requests) for one in load(tmp_path).bills.providers} == {
        "openai": (Decimal(10), 0), "openrouter": (Decimal("4.50"), 2),
    }  # fmt: skip
    bill(tmp_path, "2025-05-01,a,gpt-4o,10,,USD,\n")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.state, told(month.bills)) == (
        Decimal("14.50"),
        State.COMPLETE,
        [],
    )  # not 24.50


@pytest.mark.parametrize("who", ["openai", "cursor"])
def test_fees_without_a_line_of_usage_may_pay_for_the_calls_until_somebody_says(tmp_path: Path, who: str) -> None:
    calls(tmp_path, (1, "gpt-4o", "1000"), **({"proxy": who} if who == "cursor" else {}))
    text = "2025-05,invoice,,1000,,USD,Subscription\n2025-05,VAT,,190,,USD,tax\n"
    bill(tmp_path, text, who)
    assert load(tmp_path).state is State.UNRECONCILED
    assert load(tmp_path).list_problems() == [
        f"{name_provider(who)}: US$ 1,190.00 was billed without a line for usage, and US$ 1,000.00 counted; if it "
        "pays for those calls, both are in the spend. Import the bill again with --bills calls if it does, with "
        "--bills other if it does not."
    ]
    for said, right in (("calls", 1190), ("other", 2190)):
        bill(tmp_path, text, who, bills=said)
        assert (load(tmp_path).bills.spend_usd, load(tmp_path).state) == (Decimal(right), State.COMPLETE)


def test_a_fee_beside_a_line_of_usage_is_billed_on_top(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "10"))
    bill(tmp_path, "2025-05-01,a,gpt-4o,10,,USD,\n2025-05-01,seats,,20,,USD,fee\n")
    assert (load(tmp_path).bills.spend_usd, load(tmp_path).state) == (Decimal(30), State.COMPLETE)


@pytest.mark.parametrize(("provider", "right"), [("openai", 2), ("openai llc", 2), ("github", 4), ("anthropic", 4)])
def test_a_bill_under_the_makers_name_or_of_another_maker_is_no_clouds(
    tmp_path: Path, provider: str, right: int
) -> None:
    calls(tmp_path, (1, "gpt-4o", "2"))
    bill(tmp_path, "2025-05-01,a,,2,,USD,\n", provider)
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.state) == (Decimal(right), State.COMPLETE)


def test_a_bill_of_somebody_unknown_may_be_for_calls_unless_none_of_it_is_usage(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "2"))
    bill(tmp_path, "2025-05-01,a,,2,,USD,\n", "reseller")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.state) == (Decimal(4), State.UNRECONCILED)
    bill(tmp_path, "2025-05-01,a,,2,,USD,\n", "reseller", bills="other")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.state) == (Decimal(4), State.COMPLETE)


def test_a_bill_of_all_that_azure_sells_takes_nothing_from_what_openai_itself_is_paid(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "100"))
    bill(tmp_path, "2025-05-01,Virtual Machines,,100.50,,USD,\n", "azure")
    month = load(tmp_path)
    assert (month.bills.spend_usd, month.state) == (Decimal("200.50"), State.UNRECONCILED)


def test_one_clouds_bill_under_two_of_its_names_is_not_paid_twice_without_a_word(tmp_path: Path) -> None:
    bill(tmp_path, "2025-05-01,a,,3,,USD,\n", "azure", "details.csv")
    bill(tmp_path, "2025-05-01,b,,3,,USD,\n", "Microsoft", "focus.csv")
    assert load(tmp_path).state is State.UNRECONCILED


def test_a_clouds_bill_beside_calls_that_have_a_bill_repeats_nothing(tmp_path: Path) -> None:
    calls(tmp_path, (1, "gpt-4o", "2"))
    bill(tmp_path, "2025-05-01,a,,2,,USD,\n", "openai", "openai.csv")
    bill(tmp_path, "2025-05-01,a,,3,,USD,\n", "aws", "aws.csv")
    assert (load(tmp_path).bills.spend_usd, load(tmp_path).state) == (Decimal(5), State.COMPLETE)


@pytest.mark.parametrize(
    ("billed", "called"),
    [
        ("Claude Opus 4.6", "claude-opus-4-6"),
        ("gpt-5-nano", "gpt-5-nano-2025-08-07"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("Claude Haiku 3.5", "claude-3-5-haiku-20241022"),
        ("Claude Opus 3", "claude-3-opus-20240229"),
    ],
)
def test_a_model_has_one_name_in_bills_and_calls(billed: str, called: str) -> None:
    assert match_model(billed) == match_model(called)


DAYS = st.dates(date(2025, 5, 1), date(2025, 5, 4))
MODELS = st.sampled_from(["gpt-4o", "gpt-5"])
MONEY = st.decimals(-1000, 1000, places=12)
COUNTS = st.builds(
    lambda day, model, usd, many: Count("openai", day, model, usd, None, many, 0 if usd is not None else many, 0),
    st.none() | DAYS, MODELS, st.none() | st.decimals(0, 1000, places=10), st.integers(1, 5),
)  # fmt: skip
BILLED = st.builds(
    lambda day, length, model, kind, usd, listed: Billed(
        "openai", day, max(day, date(2025, 5, length)), model, kind, "", usd, None, listed, "USD", usd or Decimal(1)
    ),
    DAYS, st.integers(1, 6), st.none() | MODELS, st.sampled_from(["usage", "usage", "credit", "tax", "fee"]),
    st.none() | MONEY, st.none() | MONEY,
)  # fmt: skip


@given(st.lists(COUNTS, max_size=12), st.lists(BILLED, max_size=12))
def test_counted_and_the_differences_are_what_is_billed_to_the_last_digit(
    counts: list[Count], charges: list[Billed]
) -> None:
    found = compare_counts_with_bills(counts, charges)
    for one in found.providers:
        if one.billed_usd is None:
            assert one.spend_usd == one.counted_usd
            continue
        differences = [difference for difference in found.differences if difference.provider == one.provider]
        with localcontext(EXACT):
            outside = -sum((other.usd for other in differences if other.kind is OUTSIDE), Decimal(0))
            assert sum((other.usd for other in differences), one.counted_usd or Decimal(0)) == one.billed_usd
        assert one.spend_usd == one.billed_usd + outside
        assert one.billed_usd == sum(charge.usd for charge in charges if charge.usd is not None)


@pytest.mark.parametrize(
    ("billed", "clp", "lacking"),
    [
        ("", "1800", 1),  # as counted: the 1st has pesos, the 2nd none
        ("2025-05-01,a,,3,,USD,\n", "2700", 1),  # 3 x 900; of the 2nd the bill says nothing
        ("2025-05-02,a,,5,,USD,\n", "1800", 1),  # the 1st as counted, no rate for the bill
        ("2025-05-01,a,,3,,USD,\n2025-05-02,a,,5,,USD,\n", "2700", 1),
        ("2025-05,a,,9,,USD,\n", "8100", 0),  # by the rate of the day on which it begins
        ("2025-05-01,a,,3,,USD,\n2025-05-02,a,,-1,,USD,\n", None, 1),  # without the credit it is no lower bound
    ],
)
def test_pesos_that_are_known_stay_at_least_when_a_bill_comes(
    tmp_path: Path, billed: str, clp: str | None, lacking: int
) -> None:
    rated = {"amount_in_clp": Decimal(1800), "fx_rate": Decimal(900)}
    store(tmp_path, "import", MAY, call("a", "2025-05-01T12:00", "2", **rated), call("b", "2025-05-02T12:00", "4"))
    keep_rates([Rate(date(2025, 5, 1), Decimal(900), "made up")], ("USD", "CLP"), tmp_path)
    if billed:
        bill(tmp_path, billed)
    found = load(tmp_path).bills
    assert (found.spend_clp, found.requests_without_clp) == (clp and Decimal(clp), lacking)


def test_of_a_bill_without_any_rate_the_pesos_of_its_calls_are_the_least_unless_it_is_less(tmp_path: Path) -> None:
    rated = {"amount_in_clp": Decimal(1800), "fx_rate": Decimal(900)}
    store(tmp_path, "import", MAY, call("a", "2025-05-01T12:00", "2", **rated))
    bill(tmp_path, "2025-05-01,a,,3,,USD,\n")
    found = load(tmp_path).bills
    assert (found.spend_clp, found.requests_without_clp) == (Decimal(1800), 1)
    bill(tmp_path, "2025-05-01,b,,-1.5,,USD,usage\n", name="less.csv")
    assert load(tmp_path).bills.spend_clp is None


def test_calls_that_nobody_counted_beside_a_bill_are_unknown_and_not_zero(tmp_path: Path) -> None:
    bill(tmp_path, "2025-05-01,seats,,19,,USD,fee\n", "github")
    found = load(tmp_path).bills
    assert (only(found).calls, found.calls, found.calls_at_least) == (None, None, True)
    calls(tmp_path, (1, "gpt-4o", "1"))
    found = load(tmp_path).bills
    assert ([one.calls for one in found.providers], found.calls, found.calls_at_least) == ([None, 1], 1, True)
