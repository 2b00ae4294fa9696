"""`flexlib chargeback`: the lines are the month, to the last digit, whatever is unmapped, billed or shared."""

from __future__ import annotations

import csv
import json
import stat
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_samples import read_words
from spend_samples import SEPTEMBER, call, ingest_charges, store, store_credits

import flexlib as fl
from flexlib.addresses import hide_email
from flexlib.cli.chargeback import LEVELS as OFFERED
from flexlib.cli.main import main
from flexlib.front.chargeback import LEVELS
from flexlib.front.spend import Spend
from flexlib.front.table import SpendTable
from flexlib.money.fx import Rate, sort_rates
from flexlib.proof import State
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.store.fx import KeptRate, write_kept_rates
from flexlib.tables.chargeback import LEVEL_NAMES, PLURALS

WORDS = ["chargeback", "--year", "2025", "--month", "9"]
UNITS = ("flex_credits", "usd", "clp")


def of(department: str, project: str = "one") -> dict[str, str]:
    return {"metadata": json.dumps({"department": department, "project": project})}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """September: Platform US$ 3.004 in two calls, Sales 1.003, nobody 0.5; 2.00 credits of user-1, 1.00 of user-2."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    calls = [
        call("a", "2025-09-02T10:00:00", "2.004", usable_type="user", usable_id=1, **of("Platform")),
        call("b", "2025-09-03T10:00:00", "1", usable_type="user", usable_id=2, **of("Platform", "two")),
        call("c", "2025-09-09T10:00:00", "1.003", usable_type="user", usable_id=3, **of("Sales")),
        call("d", "2025-09-09T11:00:00", "0.5", usable_type="application", usable_id=3),
    ]
    store(root, "import", SEPTEMBER, *calls)
    store_credits(root, (30, "user-1", "MODEL_A", 0, 200), (30, "user-2", "MODEL_A", 0, 100))
    return root


def charge(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code, said = main([*WORDS, "--json", *words]), capsys.readouterr()
    assert said.out, said.err
    return code, json.loads(said.out)


def write_rules(folder: Path, text: str) -> list[str]:
    (file := folder / "rules.yaml").write_text(text, "utf-8")
    return ["--rules", str(file)]


def list_totals(made: dict[str, Any], unit: str = "usd_exact") -> dict[str, str | None]:
    return {line["line"]: line["total"][unit] for line in made["lines"]}


def list_items(made: dict[str, Any], name: str, unit: str = "usd") -> dict[str, str | None]:
    return {line["line"]: item[unit] for line in made["lines"] for item in line["items"] if item["item"] == name}


def test_each_department_has_its_own_use_and_what_is_on_no_map_a_line_of_its_own(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, made = charge(capsys)
    assert code == 0
    assert [(line["line"], line["kind"]) for line in made["lines"]] == [
        ("Platform", "part"), ("Sales", "part"), ("Unmapped", "unmapped"),
    ]  # fmt: skip
    # 0.5, and 3 credits at US$ 0.04.
    assert list_totals(made) == {"Platform": "3.004", "Sales": "1.003", "Unmapped": "0.62"}
    assert list_totals(made, "flex_credits") == {"Platform": None, "Sales": None, "Unmapped": "3"}
    assert all(one["agrees"] for one in made["checks"])


def test_cents_are_rounded_together_and_sum_to_the_rounded_month(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """3.004 + 1.003 + 0.62 = 4.627: alone they would be 3.00, 1.00 and 0.62, one cent short."""
    _, made = charge(capsys)
    assert list_totals(made, "usd") == {"Platform": "3.01", "Sales": "1", "Unmapped": "0.62"}
    assert made["total"]["usd"] == "4.63"


def test_what_is_billed_beside_the_calls_is_a_line_and_the_lines_are_what_flexlib_spend_says(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The calls came to 4.507, the bill to 50."""
    (tmp_path / "bill.csv").write_text("from,to,usd\n2025-09-01,2025-10-01,50\n")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="openai")
    ingest_charges([tmp_path / "bill.csv"], mapping, data)
    code, made = charge(capsys)
    assert list_totals(made) == {
        "Platform": "3.004", "Sales": "1.003", "Unmapped": "0.62", "Billed beside the calls": "45.493",
    }  # fmt: skip
    assert sum(Decimal(amount or 0) for amount in list_totals(made).values()) == Decimal("50.12")
    assert code == 4  # the bill differs from the calls: the month is not reconciled, and that is said
    _, shared = charge(capsys, *write_rules(tmp_path, "billed_beside: equal"))
    assert list_items(shared, "billed beside the calls", "usd_exact") == {
        "Platform": "22.7465", "Sales": "22.7465", "Billed beside the calls": "-45.493",
    }  # fmt: skip
    assert list_totals(shared)["Billed beside the calls"] == "0"


@pytest.mark.parametrize(
    ("pesos", "beside", "shares"),
    [
        (None, "47500", {}),
        ("950", "44650", {"Platform": "22325", "Sales": "22325", "Billed beside the calls": "-44650"}),
    ],
)
def test_pesos_of_calls_that_have_none_are_not_shared_as_if_they_were_billed_beside_them(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    pesos: str | None,
    beside: str,
    shares: dict[str, str],
) -> None:
    """Calls of US$ 3 and a bill of 50, which is 47,500 pesos: 47 dollars beside the calls are 44,650."""
    calls = [call(name, "2025-09-02T10:00:00", usd, amount_in_clp=pesos and Decimal(pesos) * int(usd), **of(name))
             for name, usd in (("Platform", "2"), ("Sales", "1"))]  # fmt: skip
    store(data, "import", SEPTEMBER, *calls)
    rates = sort_rates([Rate(SEPTEMBER.first, Decimal(950), "test")])
    write_kept_rates([KeptRate(one, SEPTEMBER.end) for one in rates], data)
    (tmp_path / "bill.csv").write_text("from,to,usd\n2025-09-01,2025-10-01,50\n")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="openai")
    ingest_charges([tmp_path / "bill.csv"], mapping, data)
    _, made = charge(capsys, *write_rules(tmp_path, "billed_beside: equal"))
    assert list_items(made, "direct use", "clp_exact")["Billed beside the calls"] == beside
    shared = list_items(made, "billed beside the calls", "clp_exact")
    assert {line: amount for line, amount in shared.items() if amount is not None} == shares
    assert list_items(made, "billed beside the calls", "usd_exact")["Sales"] == "23.5"
    told = [one for one in made["notes"] if "pesos are also those of 2 calls" in one]
    assert len(told) == (0 if pesos else 1)


def test_a_bill_without_a_rate_has_no_pesos_and_not_none_of_them(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(data, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "30", amount_in_clp=Decimal(28500), **of("A")))
    (tmp_path / "bill.csv").write_text("from,to,usd\n2025-09-01,2025-10-01,50\n")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="openai")
    ingest_charges([tmp_path / "bill.csv"], mapping, data)
    _, made = charge(capsys)
    assert list_totals(made, "usd_exact")["Billed beside the calls"] == "20"
    assert list_totals(made, "clp_exact") == {"A": "28500", "Unmapped": None, "Billed beside the calls": None}


@pytest.mark.parametrize(
    ("bills", "billed", "line"),
    [
        ("2025-09-01,2025-09-15,25,openai\n2025-09-15,2025-10-01,25,openai\n", "20", "-4750"),
        ("2025-09-01,2025-10-01,50,openai\n2025-09-15,2025-10-01,10,anthropic\n", "30", "9500"),
    ],
)
def test_pesos_of_bills_of_which_a_part_has_a_rate_are_not_shared_as_if_they_were_those_of_the_dollars(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], bills: str, billed: str, line: str
) -> None:
    """They are as much less as the rest has no rate; the line itself is what makes the lines sum to the month."""
    calls = [call(name, "2025-09-20T10:00:00", usd, amount_in_clp=Decimal(950) * int(usd), **of(name))
             for name, usd in (("Platform", "20"), ("Sales", "10"))]  # fmt: skip
    store(data, "import", SEPTEMBER, *calls)
    write_kept_rates([KeptRate(Rate(date(2025, 9, 15), Decimal(950), "test"), SEPTEMBER.end)], data)
    (tmp_path / "bill.csv").write_text(f"from,to,usd,who\n{bills}")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="who")
    ingest_charges([tmp_path / "bill.csv"], mapping, data)
    _, made = charge(capsys, *write_rules(tmp_path, "billed_beside: equal"))
    assert list_items(made, "direct use", "usd_exact")["Billed beside the calls"] == billed
    assert list_items(made, "direct use", "clp_exact")["Billed beside the calls"] == line
    shared = list_items(made, "billed beside the calls", "clp_exact")
    assert {name: amount for name, amount in shared.items() if amount is not None} == {}
    (told,) = (one for one in made["notes"] if "its pesos lack what OpenAI billed" in one)
    assert told.endswith("so they are not shared; run: flexlib fx set 2025-09-01 VALUE --source TEXT")


RULES = """
unmapped: {unmapped}
pools:
  - {{name: seats, usd_a_seat: "10", seats: 3, rule: {rule}}}
taxes:
  - {{name: IVA, percent: "19"}}
"""


@pytest.mark.parametrize(
    ("rule", "shares"),
    [
        ("none", {"seats": "30"}),
        ("equal", {"Platform": "15", "Sales": "15"}),
        ("use", {"Platform": "19.48", "Sales": "6.5", "Unmapped": "4.02"}),  # 3.004, 1.003 and 0.62 of 4.627
        ("head", {"Platform": "12", "Sales": "6", "Unmapped": "12"}),  # two people, one, and two who are nowhere
    ],
)
def test_a_pool_is_shared_by_its_rule_apart_from_use_and_nothing_is_lost(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, shares: dict[str, str]
) -> None:
    code, made = charge(capsys, *write_rules(tmp_path, RULES.format(unmapped="none", rule=rule)))
    assert code == 0
    assert list_items(made, "seats") == shares
    assert list_items(made, "direct use", "usd_exact")["Platform"] == "3.004"
    # (4.627 + 30) with 19 percent, to the last digit
    assert sum(Decimal(amount or 0) for amount in list_totals(made).values()) == Decimal("41.20613")
    assert made["total"]["usd"] == "41.21"


def test_unmapped_use_is_shared_only_by_a_rule_and_stands_on_its_line_with_what_was_taken_off(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = charge(capsys, *write_rules(tmp_path, RULES.format(unmapped="none", rule="use")))
    assert list_items(made, "unmapped") == {}
    _, made = charge(capsys, *write_rules(tmp_path, "unmapped: equal"))
    assert list_items(made, "unmapped", "usd_exact") == {"Platform": "0.31", "Sales": "0.31", "Unmapped": "-0.62"}
    assert list_items(made, "unmapped", "flex_credits") == {"Platform": "1.5", "Sales": "1.5", "Unmapped": "-3"}
    assert list_totals(made)["Unmapped"] == "0"


def test_the_use_of_a_shared_line_goes_to_the_others_and_plan_credits_take_off_what_they_paid(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "pools:\n  - {name: gateway, line: Sales, rule: equal}\n  - {name: plan, plan_credits: '2', rule: none}\n"
    _, made = charge(capsys, *write_rules(tmp_path, rules))
    assert list_items(made, "gateway", "usd_exact") == {"Platform": "1.003", "Sales": "-1.003"}
    assert list_items(made, "plan", "usd_exact") == {"plan": "-0.08"}  # two of three credits at 0.04
    assert list_items(made, "plan", "flex_credits") == {"plan": "-2"}
    assert "plan: 2.00 of the flex credits used are paid with the plan, and are taken off." in made["notes"]
    _, made = charge(capsys, *write_rules(tmp_path, rules.replace("'2'", "'500'")))
    assert list_items(made, "plan", "flex_credits") == {"plan": "-3"}  # never more than was used
    _, made = charge(capsys, "--by", "project", *write_rules(tmp_path, rules))
    assert list_items(made, "gateway") == {}  # no project is called so


def test_a_pool_that_nobody_can_be_charged_with_stays_a_line_and_says_so(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zero = call("z", "2025-09-02T10:00:00", "0", usable_type="application", usable_id=1, **of("Idle"))
    store(data, "import", SEPTEMBER, zero)
    for rule in ("use", "head"):
        _, made = charge(capsys, *write_rules(tmp_path, RULES.format(unmapped="equal", rule=rule)))
        assert list_items(made, "seats") == {"seats": "30"}
        assert made["notes"][-1] == f"seats: to be shared by {rule}, but no line has any; it stays a line of its own."


def test_fees_are_in_pesos_at_the_rate_of_the_first_day_and_without_one_it_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = write_rules(tmp_path, "pools:\n  - {name: fee, usd: '10', rule: equal, from: 2025-09-16}\n")
    _, made = charge(capsys, *rules)
    assert list_items(made, "fee", "usd_exact") == {"Platform": "2.5", "Sales": "2.5"}  # for 15 of 30 days
    assert list_items(made, "fee", "clp") == {"Platform": None, "Sales": None}
    assert made["notes"][0].startswith("fee is not in pesos, because no rate for 2025-09-01 is stored; run: flexlib fx")
    rates = sort_rates([Rate(SEPTEMBER.first, Decimal(951), "test")])
    write_kept_rates([KeptRate(one, SEPTEMBER.end) for one in rates], data)
    _, made = charge(capsys, *rules)
    assert list_items(made, "fee", "clp") == {"Platform": "2378", "Sales": "2377"}  # 4755 in two: 2377.5 each


def test_calls_without_a_price_are_counted_on_their_line_and_are_no_zero(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(data, "import", SEPTEMBER, call("u", "2025-09-02T10:00:00", None, **of("Research")), call("v", "2025-09-02"))
    _, made = charge(capsys)
    (line,) = [line for line in made["lines"] if line["line"] == "Research"]
    assert (line["total"]["usd"], line["unpriced_requests"]) == (None, 1)


def test_what_a_part_of_a_shared_call_lacks_is_said_of_each_though_the_call_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """User 1 is 60 % in A and 40 % in B; of two calls one has no price. User 2 is half in C and half in D, of none."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02", "1", usable_type="user", usable_id=1),
          *(call(f"b{who}", "2025-09-02", None, usable_type="user", usable_id=who) for who in (1, 2)))  # fmt: skip
    (file := tmp_path / "people.csv").write_text(
        "who,kind,department,share\n1,user,A,60\n1,user,B,40\n2,user,C,50\n2,user,D,50\n", "utf-8"
    )
    words = ["--roster", str(file), *write_rules(tmp_path, "pools:\n  - {name: fee, usd: '9', rule: use}\n")]
    __, made = charge(capsys, *words, "--csv", str(tmp_path / "billing.csv"))
    assert [(one["line"], one["requests"], one["unpriced_requests"], one["unconverted_requests"])
            for one in made["lines"]] == [
        ("A", 2, 1, 2), ("B", 0, None, None), ("C", 1, 1, 1), ("D", 0, None, None)]  # fmt: skip
    said = "too small a share: A (1 call), B (parts of calls), C (1 call), D (parts of calls)."
    assert made["notes"][-1].endswith(said)
    with (tmp_path / "billing.csv").open(encoding="utf-8", newline="") as rows:
        own = [row for row in csv.DictReader(rows) if row["item"] == "direct use"]
    assert [(row["usd"], row["unpriced_requests"]) for row in own] == [
        ("0.60", "1"), ("0.40", ""), ("", "1"), ("", "")]  # fmt: skip
    assert main([*WORDS, *words]) == 0
    said = "– in Not priced: parts of calls that are counted where a larger part is"
    assert said in capsys.readouterr().out


def test_pesos_of_some_calls_are_not_passed_off_as_those_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of Platform's two calls one has pesos, of Sales' none."""
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    pesos = {"amount_in_clp": Decimal("1900.0000"), "fx_rate": Decimal(950), "fx_date": SEPTEMBER.first}
    store(tmp_path / "data", "import", SEPTEMBER,
          call("a", "2025-09-02T10:00:00", "2", **pesos, **of("Platform")),
          call("b", "2025-09-03T10:00:00", "1", **of("Platform")),
          call("c", "2025-09-09T10:00:00", "1", **of("Sales")))  # fmt: skip
    code, made = charge(capsys)
    assert (code, [(one["line"], one["total"]["clp"], one["unconverted_requests"]) for one in made["lines"]]) == (
        0, [("Platform", "1900", 1), ("Sales", None, 1)],
    )  # fmt: skip
    main([*WORDS, "--per", "department", "--output-dir", str(tmp_path / "out"), "--csv", str(tmp_path / "b.csv")])
    said = capsys.readouterr().out
    assert "2 calls without pesos: not in the total in CLP." in said
    assert "WITHOUT PESOS" in said
    rows = csv.DictReader((tmp_path / "b.csv").read_text("utf-8").splitlines())
    assert [(row["line"], row["clp"], row["unconverted_requests"]) for row in rows] == [
        ("Platform", "1900", "1"), ("Sales", "", "1"),
    ]  # fmt: skip
    for name, words in (("platform", "direct use; 1 call without pesos"), ("sales", "1 call without pesos")):
        page = next((tmp_path / "out").rglob(f"department_{name}.html")).read_text("utf-8")
        assert words in read_words(page)
        assert ("at least; 1 call without pesos" in read_words(page)) == (name == "platform")


def test_a_file_for_billing_has_a_row_for_each_item_and_sums_to_the_month(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = write_rules(tmp_path, RULES.format(unmapped="equal", rule="head"))
    assert main([*WORDS, *rules, "--csv", str(tmp_path / "b.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text("utf-8").splitlines()))
    assert list(rows[0]) == [
        "month", "level", "line", "kind", "item", "rule", *UNITS, "usd_exact", "clp_exact", "unpriced_requests",
        "unconverted_requests", "lacks",
    ]  # fmt: skip
    assert rows[0]["item"] == "direct use"
    assert {row["rule"] for row in rows if row["item"] == "seats"} == {"head"}
    assert sum(Decimal(row["usd"]) for row in rows) == Decimal("41.21")
    assert sum(Decimal(row["usd_exact"]) for row in rows) == Decimal("41.20613")
    used = [Decimal(row["usd_exact"]) for row in rows if row["item"] in ("direct use", "unmapped")]
    assert sum(used) == Decimal("4.627")
    text = capsys.readouterr().out
    assert "Certificate: Sum of departments = total: 3.00 flex credits, US$ 4.627, to the last digit" in text.replace(
        " and US$", ", US$"
    )


def test_with_names_a_person_known_by_a_hash_of_the_e_mail_stands_by_the_e_mail(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As far as the organization's file has it; without names nobody does."""
    calls = [call(one, "2025-09-07T10:00:00", "3", usable_type="user", usable_key=hide_email(f"{one}@example.com"))
             for one in ("eva", "who")]  # fmt: skip
    store(data, "import", SEPTEMBER, *calls)
    roster = tmp_path / "people.csv"
    roster.write_text("who,department\nEva@example.com,Data\n", "utf-8")
    words = ["--by", "person", "--roster", str(roster)]
    _, made = charge(capsys, *words, "--names")
    lines = {one["line"] for one in made["lines"]}
    assert {"Eva@example.com", f"user {hide_email('who@example.com')}"} <= lines
    assert f"user {hide_email('eva@example.com')}" not in lines
    assert "example.com" not in json.dumps(charge(capsys, *words)[1]["lines"])


def test_a_file_that_names_people_is_its_owner_s_alone(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*WORDS, "--by", "person", "--csv"]
    assert main([*words, str(tmp_path / "names.csv"), "--names"]) == 0
    assert main([*words, str(tmp_path / "hidden.csv")]) == 0
    assert stat.S_IMODE((tmp_path / "names.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "hidden.csv").stat().st_mode) & 0o044
    assert "user-1" not in (tmp_path / "hidden.csv").read_text("utf-8")


def break_sums(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A sum by `key` that loses its last line, as a fault in it would."""
    whole = Spend.by

    def lose(spend: Spend, *keys: str) -> SpendTable:
        table = whole(spend, *keys)
        return table.iloc[:-1] if keys == (key,) else table

    monkeypatch.setattr(Spend, "by", lose)


@pytest.mark.parametrize("how", ["--json", "--csv", "--per"])
def test_lines_that_are_not_the_month_fail_the_run_and_nothing_is_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    break_sums(monkeypatch, "department")
    out = ["--output-dir", str(tmp_path / "reports")]
    words = {"--json": [], "--csv": [str(tmp_path / "b.csv")], "--per": ["department"]}[how]
    assert main([*WORDS, how, *words, *out]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    why = "its lines sum to 0 flex_credits (own use), the month to 3. Nothing was written"
    assert said.err.startswith(f"flexlib: The chargeback of 2025-09 is not the whole month: {why}")
    assert not (tmp_path / "b.csv").exists()
    assert not (tmp_path / "reports").exists()


def test_a_line_made_larger_is_found_though_it_is_one_digit_in_the_last_place(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Spend.by

    def add(spend: Spend, *keys: str) -> SpendTable:
        table = whole(spend, *keys)
        table["usd"] = [amount + Decimal("1e-10") * (place == 0) for place, amount in enumerate(table["usd"])]
        return table

    monkeypatch.setattr(Spend, "by", add)
    assert main(WORDS) == 4
    assert "its lines sum to 4.6270000001 usd (own use), the month to 4.627" in capsys.readouterr().err


def test_the_months_lines_of_each_level_are_the_same_month(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums: dict[str, set[Decimal]] = defaultdict(set)
    for level in ("department", "project", "person"):
        _, made = charge(capsys, "--by", level)
        for unit in UNITS:
            sums[unit].add(sum((Decimal(line["total"][f"{unit}_exact"] or 0) for line in made["lines"]), Decimal(0)))
    assert sums == {"flex_credits": {Decimal(3)}, "usd": {Decimal("4.627")}, "clp": {Decimal(0)}}


MAP = """kind,who,department,from,until
person,1,Sales,,2025-09-10
person,1,Legal,2025-09-11,
person,2,Legal,,
person,3,Idle,,
"""


def test_the_map_says_where_use_is_and_how_many_people_each_has_by_day(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call's own metadata go before it. 1 is ten days of thirty in Sales, then in Legal, where 2 is."""
    days = {"a": ("03", 1), "b": ("20", 1), "c": ("21", 2)}
    calls = [call(name, f"2025-09-{day}", usable_type="user", usable_id=who) for name, (day, who) in days.items()]
    store(data, "import", SEPTEMBER, *calls, call("d", "2025-09-09", "5", usable_type="user", usable_id=1, **of("IT")))
    (tmp_path / "people.csv").write_text(MAP, "utf-8")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(tmp_path / "people.csv"))
    _, made = charge(capsys, *write_rules(tmp_path, "pools:\n  - {name: seats, usd: '9', rule: head}\n"))
    assert list_items(made, "direct use") == {"IT": "5", "Legal": "2", "Sales": "1", "Idle": "0", "Unmapped": "0.12"}
    # Of 1/3, 5/3 and 1 people, and two of Windsurf's who are on no line; IT has none on the map, and Idle, which used
    # nothing, has a seat.
    assert list_items(made, "seats") == {"IT": "0", "Legal": "3", "Sales": "0.6", "Idle": "1.8", "Unmapped": "3.6"}


def test_each_person_pays_for_a_seat_and_those_that_nobody_known_has_are_the_unmapped_s(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five people used something: of ten seats at US$ 10 five are nobody's."""
    rules = RULES.replace("seats: 3", "seats: 10").format(unmapped="none", rule="head")
    _, made = charge(capsys, *write_rules(tmp_path, rules))
    assert list_items(made, "seats") == {"Platform": "20", "Sales": "10", "Unmapped": "70"}
    said = "seats: 5.0 of 10 seats belong to nobody in the organization's file and to nobody who used anything"
    assert f"{said}; they are charged to Unmapped." in made["notes"]
    _, made = charge(capsys, *write_rules(tmp_path, rules.replace("unmapped: none", "unmapped: use")))
    assert list_items(made, "seats") == {"Platform": "66.67", "Sales": "33.33"}
    assert made["notes"][-1].startswith("seats: the fee of 10 seats is shared among 3.0 people, all that")


def test_a_map_that_is_not_there_is_said_by_its_name(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (WORDS, ["check", *WORDS[1:]], ["compare", "2025-08", "2025-09"]):
        with pytest.raises(SystemExit, match="2"):
            main([*command, "--roster", "nope.csv"])
        assert "--roster: nope.csv is not there; name the file that says who belongs" in capsys.readouterr().err
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", "/nope.csv")
    assert main(WORDS) == 2
    assert "/nope.csv is not there; name the file that says who belongs" in capsys.readouterr().err


def test_a_pool_by_use_says_whose_calls_without_a_price_weigh_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(data, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "5", **of("Sales")),
          call("b", "2025-09-02T10:00:00", None, **of("Idle")))  # fmt: skip
    rules = "pools:\n  - {name: fee, usd: '9', rule: use}\n  - {name: plan, plan_credits: '1', rule: use}\n"
    words = write_rules(tmp_path, rules)
    assert main([*WORDS, *words]) == 0
    said = "fee: calls without a price count for nothing, so these lines have too small a share: Idle (1 call)."
    assert said in capsys.readouterr().out.splitlines()
    _, made = charge(capsys, *words)
    assert said in made["notes"]
    assert not any(one.startswith("plan: calls") for one in made["notes"])  # flex credits are all known
    assert list_items(made, "fee")["Idle"] == "0"


def test_a_pool_that_ends_on_the_first_of_the_month_says_that_this_day_is_charged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = "pools:\n  - {{name: fee, usd: '9', rule: equal, until: {}}}\n"
    _, made = charge(capsys, *write_rules(tmp_path, entry.format("2025-09-01")))
    said = "fee is still charged on 2025-09-01, its last day; if it should end before, write until: 2025-08-31."
    assert said in made["notes"]
    _, made = charge(capsys, *write_rules(tmp_path, entry.format("2025-08-31")))
    assert (made["notes"], list_items(made, "fee")) == ([], {})


def test_a_sum_of_a_month_has_no_day_and_who_moved_within_it_is_in_no_department(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whose = {1: "2", 2: "3"}
    rows = [call(f"m{who}", "2025-09-01", usd, grain="month", requests=9, usable_type="user", usable_id=who)
            for who, usd in whose.items()]  # fmt: skip
    store(data, "import", SEPTEMBER, *rows)
    (tmp_path / "people.csv").write_text(MAP, "utf-8")
    code, made = charge(capsys, "--roster", str(tmp_path / "people.csv"))
    assert (code, list_items(made, "direct use")) == (0, {"Legal": "3", "Unmapped": "2.12"})
    assert {line["line"]: line["lacks"] for line in made["lines"]} == {
        "Legal": ["clp", "moved"], "Unmapped": ["clp"],  # no rate is stored
    }  # fmt: skip
    (note,) = made["notes"]
    assert note.startswith("1 sum of a whole month is of somebody who moved within it: nothing says how much")
    assert note.endswith("which days, so it is under Unmapped.")
    assert main([*WORDS, "--roster", str(tmp_path / "people.csv"), "--csv", str(tmp_path / "billing.csv")]) == 0
    shown = capsys.readouterr()
    assert [one for one in (shown.out + shown.err).splitlines() if "somebody who moved" in one] == [note]
    lines = [line.split()[:3] for line in shown.out.splitlines() if line.startswith(("Legal", "Unmapped", "TOTAL"))]
    assert lines == [["Legal", "3.00", "at"], ["Unmapped", "2.12", "3.00"], ["TOTAL", "5.12", "3.00"]]
    with (tmp_path / "billing.csv").open(encoding="utf-8") as written:
        assert {line["line"]: line["lacks"] for line in csv.DictReader(written)} == {
            "Legal": "clp moved", "Unmapped": "clp",
        }  # fmt: skip


def test_plan_credits_of_a_month_without_credits_are_no_line_and_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "2", **of("Platform")))
    _, made = charge(capsys, *write_rules(tmp_path, "pools:\n  - {name: plan, plan_credits: '500', rule: use}\n"))
    assert list_totals(made) == {"Platform": "2"}
    assert not [one for one in made["notes"] if "stays a line of its own" in one]


def test_credits_cost_what_the_contract_says_of_their_day(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_credits(data, (2, "user-1", "MODEL_A", 0, 1000), (30, "user-1", "MODEL_A", 0, 1000))
    (data / "prices").mkdir()
    prices = "from,until,usd_per_credit,source\n,2025-09-16,0.02,ours\n2025-09-16,,0.03,ours from then on\n"
    (data / "prices" / "windsurf_credits.csv").write_text(prices, "utf-8")
    _, made = charge(capsys)
    assert list_totals(made)["Unmapped"] == "1"  # 10 credits at 0.02, 10 at 0.03, and a call of 0.5


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("2025-10-01", []),
        ("2025-09-30", ["The credits of 2025-09-30 are at the list price: "
                        "prices/windsurf_credits.csv has none for it. Its until is the "
                        "first day on which a price holds no more."]),
        ("2025-09-20", ["The credits of 2 days, the first 2025-09-20, are at the list price: "
                        "prices/windsurf_credits.csv has none for them. Its until is the "
                        "first day on which a price holds no more."]),
        ("2025-09-02", []),  # all is at the list price: the contract is over
    ],
)  # fmt: skip
def test_days_that_a_contract_leaves_to_the_list_are_told(
    data: Path, capsys: pytest.CaptureFixture[str], ends: str, said: list[str]
) -> None:
    used = ((day, "user-1", "MODEL_A", 0, 1000) for day in (2, 20, 30))
    store_credits(data, *used, (21, "user-1", "MODEL_A", 100, 0))
    (data / "prices").mkdir()
    prices = f"from,until,usd_per_credit,source\n,{ends},0.02,ours\n"
    (data / "prices" / "windsurf_credits.csv").write_text(prices, "utf-8")
    assert [one for one in charge(capsys)[1]["missing"] if "list price" in one] == said
    assert [one for one in fl.load("2025-09").missing if "list price" in one] == said
    assert fl.load("2025-09").state is State.COMPLETE
    (data / "budgets.yaml").write_text("budgets: [{name: all, whole: true, currency: usd, amount: '900'}]", "utf-8")
    for words in (["spend"], ["check", "--budgets", str(data / "budgets.yaml")]):
        assert main([*words, "--year", "2025", "--month", "9"]) == 0
        told = [line.removeprefix("2025-09: ") for line in capsys.readouterr().err.splitlines()]
        assert [line for line in told if "list price" in line] == said


def test_with_a_map_of_nobody_who_spent_everything_is_unmapped_and_without_one_it_is_said(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, "--by", "cost_centre"]) == 2
    said = capsys.readouterr().err
    assert "no call of 2025-09 names a cost_centre in its metadata, and no map says who belongs where" in said
    (tmp_path / "people.csv").write_text("who,cost_centre\nnobody,7\n", "utf-8")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(tmp_path / "people.csv"))
    code, made = charge(capsys, "--by", "cost_centre")
    assert (code, list_totals(made)) == (0, {"Unmapped": "4.627"})


def test_the_command_offers_every_level_there_is() -> None:
    assert set(OFFERED) == set(LEVELS) == set(LEVEL_NAMES) == set(PLURALS)


def test_what_is_asked_wrongly_is_one_sentence(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--rules", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml is not there; copy params/chargeback.example.yaml to it" in capsys.readouterr().err
    assert main([*WORDS, *write_rules(tmp_path, "pools:\n  - {name: a, usd: '1', rule: fair}\n")]) == 2
    assert capsys.readouterr().err.startswith(f"flexlib: line 2 of {tmp_path / 'rules.yaml'}: a: the rule is 'fair'")
    with pytest.raises(SystemExit, match="2"):
        main([*WORDS, "--by", "planet"])
    capsys.readouterr()
    assert main([*WORDS, "--with-total"]) == 2
    assert "--with-total is of pages, of which none is written; add --per department" in capsys.readouterr().err


def test_what_is_shared_has_no_line_of_a_few_people_and_the_same_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Legal has 2 people; Sales, the smallest of the others, 6; Data 8; the calls of the gateway are of nobody."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    people = {"Legal": 2, "Sales": 6, "Data": 8}
    calls = [
        call(f"{name} {one}", "2025-09-02T10:00:00", "1.5", usable_type="user", usable_key=f"{name}{one}", **of(name))
        for name, count in people.items()
        for one in range(count)
    ]
    calls.append(call("gateway", "2025-09-02T10:00:00", "7", usable_type="application", usable_id=1, **of("Gateway")))
    store(root, "import", SEPTEMBER, *calls)
    named, shared = (charge(capsys, *words)[1] for words in ([], ["--share"]))
    assert list_totals(named) == {"Data": "12", "Sales": "9", "Gateway": "7", "Legal": "3"}
    assert list_totals(shared) == {"Data": "12", "Gateway": "7", "Small groups": "12"}
    assert shared["total"] == named["total"]
    assert shared["checks"] == named["checks"]
    assert main([*WORDS, "--share", "--by", "project"]) == 2
    assert "what is shared is by department alone" in capsys.readouterr().err
    assert main([*WORDS, "--share", "--per", "department"]) == 2
    pool = "pools:\n  - {name: legal for all, line: Legal, rule: equal}\n"
    capsys.readouterr()
    assert main([*WORDS, "--share", *write_rules(tmp_path, pool)]) == 2
    assert "legal for all is the use of a few people" in capsys.readouterr().err


def test_a_department_called_as_flexlib_calls_a_line_of_its_own_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    user: dict[str, Any] = {"usable_type": "user"}
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "5", usable_id=1, **user, **of("Unmapped")),
          call("b", "2025-09-02T10:00:00", "7", usable_id=2, **user))  # fmt: skip
    said = "Metadata of calls says department: 'Unmapped', as flexlib calls a line of its own; the two are kept apart, "
    said += "name it otherwise."
    _, made = charge(capsys)
    assert [(line["line"], line["kind"], line["total"]["usd"]) for line in made["lines"]] == [
        ("Unmapped", "part", "5"), ("Unmapped", "unmapped", "7"),
    ]  # fmt: skip
    assert made["notes"] == [said]
    _, made = charge(capsys, "--share")
    assert [one for one in made["notes"] if "Metadata" in one] == []  # of few people no name is on a shared page
    (file := tmp_path / "people.csv").write_text("who,department\nana@example.com,Sales\n")
    main(["organization", "check", "--year", "2025", "--month", "9", "--roster", str(file)])
    assert said in capsys.readouterr().err
