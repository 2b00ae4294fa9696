"""The headlines of a chargeback, and the letters out of it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_samples import read_cells
from spend_samples import SEPTEMBER, call, ingest_charges, store, store_credits

from flexlib.cli.main import main
from flexlib.front.chargeback import Chargeback, charge_month
from flexlib.front.chargeback_rules import ChargebackRules
from flexlib.front.spend import load_spend
from flexlib.page.chargeback import build_letter, heading_for_charges, show_charge_headlines
from flexlib.page.mail.part import build_part_mail
from flexlib.report.manifest import read_headlines
from flexlib.sources.charges.mapping import ChargeMapping

WORDS = ["chargeback", "--year", "2025", "--month", "9"]
MOVED = "without the month's sum of somebody who moved within it"


def of(department: str) -> dict[str, str]:
    return {"metadata": json.dumps({"department": department})}


def charge(root: Path, roster: Path | None = None) -> Chargeback:
    return charge_month(load_spend(SEPTEMBER, SEPTEMBER, root, zone="UTC", names=False, roster=roster), "department")


def write_map(folder: Path) -> Path:
    """1 is in A until the middle of September, then in B; 2 is in A, 3 in B."""
    (file := folder / "people.csv").write_text(
        "who,kind,department,from,until\n1,user,A,,2025-09-14\n1,user,B,2025-09-15,\n2,user,A,,\n3,user,B,,\n", "utf-8"
    )
    return file


def by_user(number: int) -> dict[str, Any]:
    return {"usable_type": "user", "usable_id": number}


def test_what_calls_without_a_price_are_left_out_of_is_charged_at_least(tmp_path: Path) -> None:
    priced = {"amount_in_clp": Decimal(900), "metadata": json.dumps({"department": "Legal"})}
    of = {"metadata": json.dumps({"department": "Platform"})}
    store(
        tmp_path,
        "import",
        SEPTEMBER,
        *(call(f"p{number}", "2025-09-02T10:00:00", "1", **priced) for number in range(20)),
        call("b", "2025-09-02T10:00:00", "5", **of),
        call("c", "2025-09-02T10:00:00", None, model="mine", **of),
    )
    spend = load_spend(SEPTEMBER, SEPTEMBER, tmp_path, zone="UTC", names=False)
    made = charge_month(spend, "department", ChargebackRules())
    html = show_charge_headlines(made).render_html()
    assert '<dt>Charged <b class="bad">at least</b></dt><dd><small>US$</small>25.00</dd>' in html
    assert '<dt>In pesos <b class="bad">at least</b></dt>' in html
    assert "<dt>Charged to nobody</dt>" in html  # nothing is
    letters = {line.name: build_letter(made, line, [], with_total=True)[1].render_html() for line in made.parts}
    marked = '<dt>Charged <b class="bad">at least</b></dt>'
    assert {name: marked in html for name, html in letters.items()} == {"Legal": False, "Platform": True}
    assert '<dt>The whole month <b class="bad">at least</b></dt>' in letters["Legal"]


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Platform US$ 2, Sales 1; October, of which the first hours are of Santiago's September, is not stored."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    moment = "2025-09-09T10:00:00"
    store(root, "import", SEPTEMBER, call("a", moment, "2", **of("Platform")), call("b", moment, **of("Sales")))
    return root


def test_where_rows_of_the_month_are_missing_every_way_to_read_a_line_says_at_least(
    short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ("--zone", "America/Santiago")
    assert main([*WORDS, *there, "--json"]) == 3
    made = json.loads(capsys.readouterr().out)
    assert {line["line"]: line["lacks"] for line in made["lines"]} == {
        "Platform": ["clp", "rows"], "Sales": ["clp", "rows"],  # no rate is stored
    }  # fmt: skip
    assert main([*WORDS, *there, "--per", "department", "--output-dir", "out", "--csv", "b.csv"]) == 3
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in shown if line[0] in ("Platform", "Sales", "TOTAL,")] == [
        ["Platform", "2.00", "at", "least"], ["Sales", "1.00", "at", "least"], ["TOTAL,", "AT", "LEAST", "3.00"],
    ]  # fmt: skip
    assert [line.split(",")[-1] for line in Path("b.csv").read_text().splitlines()] == ["lacks", "clp rows", "clp rows"]
    letter = Path("out", "2025-09", "chargeback", "department_platform.html").read_text("utf-8")
    assert read_headlines(letter)["Charged at least"] == "US$ 2.00"


def test_a_month_without_a_gap_lacks_no_rows(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--json"]) == 0
    assert [line["lacks"] for line in json.loads(capsys.readouterr().out)["lines"]] == [["clp"], ["clp"]]


@pytest.mark.parametrize(
    ("failed", "lacks", "total"),
    [(0, ["clp"], ["TOTAL"]), (1, ["clp", "flex_credits", "rows"], ["TOTAL,", "AT", "LEAST"])],
)
def test_credits_of_which_somebody_s_could_not_be_read_are_charged_at_least(
    short: Path, capsys: pytest.CaptureFixture[str], failed: int, lacks: list[str], total: list[str]
) -> None:
    store_credits(short, (5, "user-1", "MODEL_A", 0, 10_000), users_failed=failed)
    main([*WORDS, "--json"])
    assert {line["line"]: line["lacks"] for line in json.loads(capsys.readouterr().out)["lines"]}["Unmapped"] == lacks
    main([*WORDS, "--of", "flex_credits"])
    (said,) = (line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("TOTAL"))
    assert said[: said.index("100.00")] == total


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ("100", "Of what is known, 79.4 %, US$ 100.00, belongs to none of the departments; of them A has most, "
                      "US$ 25.00"),
        ("10", "Of what is known, A is charged US$ 25.00, 69.4 % of the whole"),
        (None, "A is charged US$ 25.00, 96.2 % of the whole"),
    ],
)  # fmt: skip
def test_the_heading_of_a_chargeback_ranks_lower_bounds_as_what_is_known(
    tmp_path: Path, moved: str | None, said: str
) -> None:
    """A has US$ 25 of its own, B 1; `moved` is of somebody who was in both."""
    rows = [call("a", "2025-09-09", "25", **by_user(2)), call("b", "2025-09-09", "1", **by_user(3))]
    sums = [call("m", "2025-09-01", moved, grain="month", requests=9, **by_user(1))] if moved else []
    store(tmp_path, "import", SEPTEMBER, *rows, *sums)
    heading = heading_for_charges(charge(tmp_path, write_map(tmp_path))).heading
    assert heading.replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("rate", "said", "pesos"),
    [
        ("900", f"at least; 3 calls without a price, 5 calls without pesos, {MOVED}",
                f"5 calls without pesos, {MOVED}"),
        (None, f"at least; 3 calls without a price, {MOVED}", "6 calls without pesos"),  # of a dash nothing moved
    ],
)  # fmt: skip
def test_what_a_line_lacks_is_said_unit_by_unit_and_once_what_somebody_moved_with(
    tmp_path: Path, rate: str | None, said: str, pesos: str
) -> None:
    """A has three priced calls, of which one has a rate at best, and three without a price."""
    calls = [call(f"p{number}", "2025-09-09", "10", **by_user(2)) for number in range(2)]
    calls += [call("r", "2025-09-09", "10", amount_in_clp=rate and Decimal(rate), **by_user(2))]
    calls += [call(f"u{number}", "2025-09-09", None, **by_user(2)) for number in range(3)]
    sums = call("m", "2025-09-01", "100", grain="month", requests=9, **by_user(1))
    store(tmp_path, "import", SEPTEMBER, *calls, sums)
    made = charge(tmp_path, write_map(tmp_path))
    (line,) = (one for one in made.parts if one.name == "A")
    letter = "".join(piece.render_html() for piece in build_letter(made, line, []))
    assert read_cells(letter, "table-items")[0][0] == f"Direct use {said}"
    cards = {card.name: card.note for card in build_part_mail(made, line, []).cards}
    assert (cards["Charged"], cards["In pesos"]) == (f"3 calls without a price, {MOVED}", pesos)


def test_who_has_all_prices_is_charged_in_full_where_those_of_others_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of A the one call has its price, of B none: the month is a gap, of which no row is missing."""
    pesos = {"amount_in_clp": Decimal(6300)}
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    calls = (call("a", "2025-09-05", "7", **of("A"), **pesos), call("b", "2025-09-05", None, model="mine", **of("B")))
    store(tmp_path, "ledger", SEPTEMBER, *calls, lacking=1)
    assert main([*WORDS, "--json"]) == 3
    found = json.loads(capsys.readouterr().out)["lines"]
    assert {line["line"]: line["lacks"] for line in found} == {"A": [], "B": ["clp", "usd"]}
    made = charge(tmp_path)
    (line,) = (one for one in made.parts if one.name == "A")
    letter = "".join(piece.render_html() for piece in build_letter(made, line, []))
    mail = build_part_mail(made, line, [])
    assert ("at least" in letter, "yours may be more" in letter) == (False, False)
    assert (mail.cards[0].value, mail.warnings, mail.badge.word) == ("US$ 7.00", (), "Complete")


def test_what_a_bill_lacks_is_missing_beside_the_calls_and_from_whoever_shares_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what Mistral billed in euros no rate is known: A has its US$ 7 for sure."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "ledger", SEPTEMBER, call("a", "2025-09-05", "7", **of("A")))
    (bill := tmp_path / "bill.csv").write_text("day,amount,currency\n2025-09-30,5,EUR\n", "utf-8")
    mapping = ChargeMapping(period_start="day", amount="amount", currency="currency", provider="mistral")
    ingest_charges([bill], mapping, root)
    (rules := tmp_path / "rules.yaml").write_text("billed_beside: equal\n", "utf-8")
    for more, lacks in (([], {"A": ["clp"]}), (["--rules", str(rules)], {"A": ["clp", "rows"]})):
        assert main([*WORDS, "--json", *more]) == 3
        lines = json.loads(capsys.readouterr().out)["lines"]
        assert {line["line"]: line["lacks"] for line in lines if line["line"] == "A"} == lacks
        assert any("rows" in line["lacks"] for line in lines)
