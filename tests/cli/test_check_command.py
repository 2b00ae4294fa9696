"""`flexlib check`: budgets beside what was stored, to the last digit, and what is wrong in the file of the budgets."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, ingest_charges, store, store_credits

from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.store.budgets import read_budgets

WORDS = ["check", "--year", "2025", "--month", "9"]
ANA: dict[str, Any] = {"usable_type": "user", "usable_id": 42}
KEY: dict[str, Any] = {"usable_type": "key", "usable_key": "3f1c"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """August 31: US$ 5. September: Ana 0.60 on the 2nd and 0.50 on the 9th, a key 2.00 of gpt-5 on the 9th, for the
    platform; nothing for a call on the 30th; and 2.00 credits on that day."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", AUGUST, call("z", "2025-08-31T10:00:00", "5", **ANA))
    calls = [
        call("a", "2025-09-02T10:00:00", "0.60", **ANA),
        call("b", "2025-09-09T10:00:00", "0.50", **ANA),
        call("c", "2025-09-09T11:00:00", "2", model="gpt-5", metadata='{"department": "Platform"}', **KEY),
        call("d", "2025-09-30T12:00:00", "0"),  # the file goes on to the month's end
    ]
    store(root, "import", SEPTEMBER, *calls)
    store_credits(root, (30, "user-1", "MODEL_A", 0, 200))
    return root


def check(file: Path, capsys: pytest.CaptureFixture[str], *lines: str) -> tuple[int, list[dict[str, Any]]]:
    file.write_text("budgets:\n" + "".join(f"  - {{{line}}}\n" for line in lines), "utf-8")
    code, said = main([*WORDS, "--budgets", str(file), "--json"]), capsys.readouterr()
    assert said.out, said.err
    return code, json.loads(said.out)["budgets"]


@pytest.mark.parametrize(
    ("line", "spent", "outcome", "day"),
    [
        ("whole: true, currency: usd, amount: '3.18'", "3.18", "near", None),  # 3.10, and 2 credits at US$ 0.04
        ("whole: true, currency: usd, amount: '3.17'", "3.18", "over", "2025-09-30"),
        ("usable: [user, 42], currency: usd, amount: '1.00'", "1.1", "over", "2025-09-09"),
        ("usable: [key, 3f1c], currency: usd, amount: '3'", "2", "within", None),
        ("person: 3F1C, currency: usd, amount: '2'", "2", "near", None),
        ("person: user-1, currency: flex_credits, amount: '1'", "2", "over", "2025-09-30"),
        ("model: gpt-5, currency: usd, amount: '1.99'", "2", "over", "2025-09-09"),
        ("provider: OpenAI, currency: usd, amount: '100'", "3.1", "within", None),
        ("department: Platform, currency: usd, amount: '2'", "2", "near", None),
        ("whole: true, currency: flex_credits, amount: '4'", "2", "within", None),
    ],
)
def test_a_budget_is_held_against_what_is_its_own(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, spent: str, outcome: str, day: str | None
) -> None:
    code, (found,) = check(tmp_path / "b.yaml", capsys, f"name: b, {line}")
    assert (found["spent"], found["outcome"], found["day"]) == (spent, outcome, day)
    assert code == (5 if outcome == "over" else 0)


def test_a_percent_is_not_rounded_onto_a_threshold_that_is_not_reached(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, (found,) = check(tmp_path / "b.yaml", capsys, "name: b, whole: true, currency: usd, amount: '3.181'")
    assert found["thresholds_reached"] == [75, 90]
    main([*WORDS, "--budgets", str(tmp_path / "b.yaml")])
    assert "NEAR         b  3.18 of 3.18 US$, 99.9 %" in capsys.readouterr().out


def test_of_days_weeks_and_cycles_each_has_its_own_sum(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ana = "usable: [user, 42], currency: usd, amount: '0.55'"
    code, found = check(
        tmp_path / "b.yaml",
        capsys,
        *(f"name: {period}, {ana}, period: {period}" for period in ("day", "week")),
        f"name: cycle, {ana}, period: cycle, begins: 5",
    )
    by_period = {(one["name"], one["first"]): one["spent"] for one in found if one["spent"] not in ("0", None)}
    assert code == 5
    assert by_period == {
        ("day", "2025-09-02"): "0.6",
        ("day", "2025-09-09"): "0.5",
        ("week", "2025-09-01"): "0.6",
        ("week", "2025-09-08"): "0.5",
        ("cycle", "2025-08-05"): "5.6",  # August's, too
        ("cycle", "2025-09-05"): "0.5",
    }
    assert [one["outcome"] for one in found if one["first"] == "2025-09-09"] == ["near"]


def test_what_is_missing_is_no_room_left(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the calls without a price: 5 of 10 dollars are known, and what the others cost is not."""
    store(data, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "5"), call("b", "2025-09-02T11:00:00", None),
          lacking=1)  # fmt: skip
    code, found = check(
        tmp_path / "b.yaml",
        capsys,
        "name: ten, provider: openai, currency: usd, amount: '10'",
        "name: six, provider: openai, currency: usd, amount: '6'",
        "name: four, provider: openai, currency: usd, amount: '4'",
        "name: long ago, whole: true, currency: flex_credits, amount: '10', period: cycle, begins: 10",
    )
    assert [(one["outcome"], one["lacks"]) for one in found] == [
        ("cannot say", "1 call without a price"),
        ("near", "1 call without a price"),  # whatever it cost
        ("over", "1 call without a price"),
        ("cannot say", "no credits of 2025-08"),
        ("cannot say", "no credits of 2025-10"),  # though they were read in December
    ]
    assert code == 5
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml")]) == 5
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "  CANNOT SAY   ten       at least 5.00 of 10.00 US$, at least 50.0 %; 1 call without a price"
    assert said[2] == "  NEAR OR OVER six       at least 5.00 of 6.00 US$, at least 83.3 %; 1 call without a price"
    assert check(tmp_path / "b.yaml", capsys, "name: ten, provider: openai, currency: usd, amount: '10'")[0] == 3


@pytest.mark.parametrize(
    ("lang", "flex", "pesos", "dollars"),
    [
        ("en", "– of 10.00 flex credits; no credits of 2025-09",
         "– of 100,000 CLP; rows of 2025-09 are missing; 1 call without pesos",
         "at least 20.00 of 10.00 US$, at least 200.0 %; exceeded on 2 Sep; rows of 2025-09 are missing"),
        ("es", "– de 10,00 créditos flex; sin créditos de 2025-09",
         "– de $100.000; faltan filas de 2025-09; 1 llamada sin pesos",
         "al menos US$20,00 de US$10,00, al menos 200,0 %; se superó el 2 sept; faltan filas de 2025-09"),
    ],
)  # fmt: skip
def test_of_what_nothing_is_known_no_amount_and_no_percent_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    lang: str, flex: str, pesos: str, dollars: str,
) -> None:  # fmt: skip
    """Read before the month was over; no rates, no credits."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "20", **ANA), lacking=0, rows_read=2,
          quarantined_rows=1)  # fmt: skip
    of = {"credits": ("flex_credits", 10), "pesos": ("clp", 100_000), "dollars": ("usd", 10)}
    lines = [f"name: {name}, whole: true, currency: {unit}, amount: '{size}'" for name, (unit, size) in of.items()]
    _code, found = check(tmp_path / "b.yaml", capsys, *lines)
    assert [one["spent"] for one in found] == [None, None, "20"]
    main([*WORDS, "--budgets", str(tmp_path / "b.yaml"), "--lang", lang])
    said = [line.split("  ")[-1] for line in capsys.readouterr().out.splitlines()]
    assert said[1:4] == [flex, pesos, dollars]


def test_a_budget_that_is_used_up_to_the_last_digit_will_be_exceeded_on_a_day_after(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dollar a day: by 15 September 15 are used, by the 25th 25 will be; a 26th dollar is the first beyond them."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    for month, days in ((AUGUST, 31), (SEPTEMBER, 15)):
        calls = (f"2025-{month.month:02d}-{day:02d}T10:00:00" for day in range(1, days + 1))
        store(root, "import", month, *(call(when, when, "1") for when in calls))
    known = "whole: true, currency: usd, amount: "
    code, found = check(tmp_path / "b.yaml", capsys, *(f"name: b{one}, {known}'{one}'" for one in (15, 25, 29.5, 30)))
    assert code == 0
    assert [(one["outcome"], one["day"], one["earliest"]) for one in found] == [
        ("will be over", "2025-09-16", None),
        ("will be over", "2025-09-26", None),
        ("will be over", "2025-09-30", None),
        ("within", None, None),  # all of it will be used, nothing beyond it
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (1, [("over", None), ("within", None)]),  # no day of October was over
        (3, [("over", "nothing of 2025-10"), ("cannot say", "nothing of 2025-10")]),
    ],
)
def test_a_month_that_has_begun_and_is_not_stored_is_no_room_left(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    day: int,
    expected: list[tuple[str, str | None]],
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    read_at = datetime(2025, 10, day, 4, tzinfo=timezone.utc)
    store(root, "import", SEPTEMBER, call("d", "2025-09-30T12:00:00", "5"), read_at=read_at)
    cycle = "whole: true, currency: usd, period: cycle, begins: 20"
    lines = [f"name: {name}, {cycle}, amount: '{amount}'" for name, amount in (("little", "4"), ("much", "100"))]
    found = check(tmp_path / "b.yaml", capsys, *lines)[1]
    assert [(one["outcome"], one["lacks"]) for one in found if one["first"] == "2025-09-20"] == expected


@pytest.mark.parametrize("scope", ["model: gpt-6", "provider: nobody", "team: payments", "person: nobody@example.com"])
def test_of_whom_no_row_is_nothing_can_be_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], scope: str
) -> None:
    """A name that is written wrong would be within its budget for ever."""
    code, (found,) = check(tmp_path / "b.yaml", capsys, f"name: b, {scope}, currency: usd, amount: '1'")
    assert (code, found["outcome"]) == (3, "cannot say")
    assert found["lacks"] == f"no stored row is of {scope.partition(': ')[2]}: check the name"


@pytest.mark.parametrize(
    ("roster", "scope", "lacks"),
    [
        (True, "department: Vnetas", "no stored row is of Vnetas: check the name (did you mean Ventas?)"),
        (True, "department: ventas", "no stored row is of ventas: check the name (did you mean Ventas?)"),
        (True, "department: '  Ventas '", None),
        # Some calls name it so, and the people of the file are in another.
        (True, "department: PLATFORM", "the organization's file writes it Platform: check the name"),
        (True, "team: Ventsa", "no stored row is of Ventsa: check the name"),
        (True, "provider: OpneAI", "no stored row is of OpneAI: check the name (did you mean OpenAI?)"),
        (False, "department: Plattform", "no stored row is of Plattform: check the name (did you mean PLATFORM?)"),
    ],
)
def test_a_budget_whose_name_is_written_in_another_way_is_not_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], roster: bool, scope: str,
    lacks: str | None,
) -> None:  # fmt: skip
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "1", **ANA),
          call("b", "2025-09-30T23:00:00", "1", metadata='{"department": "PLATFORM"}', **KEY))  # fmt: skip
    if roster:
        monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(file := tmp_path / "organization.csv"))
        file.write_text("who,kind,department\n42,user,Ventas\n7,user,Platform\n", "utf-8")
    code, (found,) = check(tmp_path / "b.yaml", capsys, f"name: b, {scope}, currency: usd, amount: '10'")
    assert (code, found["outcome"], found["lacks"]) == (3 if lacks else 0, "cannot say" if lacks else "within", lacks)


@pytest.mark.parametrize(
    "scope",
    ["department: Delta", "department: Later", "team: new", "person: Eva@example.com", "usable: [user, 9]",
     "usable: [application, bot]"],
)  # fmt: skip
def test_a_budget_of_a_name_that_the_organizations_file_has_is_within_it_before_anything_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scope: str
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "1", **ANA))
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(file := tmp_path / "organization.csv"))
    lines = ["42,user,Ventas,,", "9,user,Delta,new,", "eva@example.com,person,Delta,,", "bot,application,Delta,,",
             "7,user,Later,,2025-10-01"]  # fmt: skip
    file.write_text("\n".join(["who,kind,department,team,from", *lines]), "utf-8")
    code, (found,) = check(tmp_path / "b.yaml", capsys, f"name: b, {scope}, currency: usd, amount: '10'")
    assert (code, found["outcome"], found["spent"], found["lacks"]) == (0, "within", "0", None)


def test_a_person_is_found_by_an_e_mail_that_a_file_had_and_a_sender_by_any_name(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"email-{sha256(b'ana@example.com').hexdigest()[:24]}"
    rows = [call("a", "2025-09-02T10:00:00", "5", usable_type="user", usable_key=key),
            call("b", "2025-09-03T10:00:00", "7", proxy="bedrock", model="Claude-X")]  # fmt: skip
    store(data, "import", SEPTEMBER, *rows)
    code, found = check(
        tmp_path / "b.yaml",
        capsys,
        *(f"name: b{number}, {scope}, currency: usd, amount: '4'" for number, scope in enumerate(
            ["person: Ana@example.com", "usable: [user, ana@example.com]", "provider: AWS", "provider: bedrock",
             "model: claude-x", "person: ana\u200b@example.com"])),
    )  # fmt: skip
    assert (code, [one["spent"] for one in found]) == (5, ["5", "5", "7", "7", "7", "5"])


def test_a_model_is_found_by_every_spelling_that_the_price_list_has_as_one(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(data, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "5", model="openai/gpt-4.1"),
          call("b", "2025-09-03T10:00:00", "7", model="gpt-4.1-mini"))  # fmt: skip
    for model in ("gpt-4.1", "GPT-4.1", "openai/gpt-4.1", "gpt-4.1-2025-04-14"):
        _, (found,) = check(tmp_path / "b.yaml", capsys, f"name: b, model: {model}, currency: usd, amount: '4'")
        assert (found["spent"], found["outcome"]) == ("5", "over"), model


def test_a_limit_of_a_department_with_people_is_refused_as_the_guard_refuses_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text("who,department\nana@example.com,Platform\n")
    (tmp_path / "b.yaml").write_text(
        "budgets: [{name: b, department: Platform, currency: usd, amount: '1', enforce: true}]"
    )
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml"), "--roster", str(tmp_path / "people.csv")]) == 2
    assert "b is to be enforced for a department that" in capsys.readouterr().err


def test_a_bill_is_what_a_provider_cost_and_has_no_days(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """OpenAI's calls of September came to 3.10, its bill to 50."""
    (tmp_path / "bill.csv").write_text("from,to,usd\n2025-09-01,2025-10-01,50\n")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="usd", currency="USD", provider="openai")
    ingest_charges([tmp_path / "bill.csv"], mapping, data)
    openai = "provider: openai, currency: usd, amount: '40'"
    code, found = check(
        tmp_path / "b.yaml",
        capsys,
        f"name: month, {openai}",
        f"name: week, {openai}, period: week",
        "name: all, whole: true, currency: usd, amount: '60'",
    )
    told = {(one["name"], one["outcome"], one["spent"]) for one in found}
    assert code == 5
    assert {("month", "over", "50"), ("all", "near", "50.08")} <= told
    assert {outcome for name, outcome, _ in told if name == "week"} == {"cannot say"}


def bill_september(tmp_path: Path, root: Path, amount: str, currency: str = "USD") -> None:
    (tmp_path / "bill.csv").write_text(f"from,to,sum\n2025-09-01,2025-10-01,{amount}\n", "utf-8")
    mapping = ChargeMapping(period_start="from", period_end="to", amount="sum", currency=currency, provider="openai")
    ingest_charges([tmp_path / "bill.csv"], mapping, root)


@pytest.fixture
def billed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Calls of 3 September: US$ 8 of OpenAI and 3 of Anthropic."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-03T10:00:00", "8"),
          call("b", "2025-09-03T11:00:00", "3", provider="anthropic", model="claude-x"),
          call("c", "2025-09-30T23:00:00", "0"),
          call("d", "2025-09-30T23:00:00", "0", provider="anthropic", model="claude-x"))  # fmt: skip
    return root


def test_calls_that_a_bill_replaces_are_no_lower_bound_of_a_week(
    billed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """OpenAI's bill is of US$ 5: of the week its calls say nothing; those of Anthropic, without one, do."""
    bill_september(tmp_path, billed, "5")
    of = {"openai": "provider: openai", "anthropic": "provider: anthropic", "all": "whole: true"}
    _, made = check(tmp_path / "b.yaml", capsys, *(
        f"name: {name} {amount} {period}, {scope}, currency: usd, amount: '{amount}', period: {period}"
        for name, scope in of.items() for amount in (4, 10) for period in ("week", "month")
    ))  # fmt: skip
    found = {one["name"]: (one["outcome"], one["spent"], one["thresholds_reached"], one["is_unknown"])
             for one in made if one["first"] == "2025-09-01"}  # fmt: skip
    none = "cannot say", None, list[int](), True
    assert found == {
        "openai 4 week": none, "openai 10 week": none,  # its calls came to 8
        "anthropic 4 week": ("near", "3", [75], False), "anthropic 10 week": ("within", "3", [], False),
        "all 4 week": ("near", "3", [75], True), "all 10 week": ("cannot say", "3", [], True),
        "openai 4 month": ("over", "5", [75, 90, 100], False), "openai 10 month": ("within", "5", [], False),
        "anthropic 4 month": ("near", "3", [75], False), "anthropic 10 month": ("within", "3", [], False),
        "all 4 month": ("over", "8", [75, 90, 100], False), "all 10 month": ("near", "8", [75], False),
    }  # fmt: skip


def test_calls_that_a_bill_without_a_rate_replaces_are_no_lower_bound_of_the_month(
    billed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bill_september(tmp_path, billed, "1", "EUR")
    lines = [f"name: b{amount}, provider: openai, currency: usd, amount: '{amount}'" for amount in (7, 10)]
    code, made = check(tmp_path / "b.yaml", capsys, *lines)
    assert [(one["outcome"], one["spent"], one["lacks"]) for one in made] == [
        ("cannot say", None, "of openai not all is known")] * 2  # fmt: skip
    assert code == 3


def test_each_budget_has_a_line_whatever_is_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls of August and September, credits of none: what is not there is not within its budget."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", AUGUST, call("z", "2025-08-31T10:00:00", "5", **ANA))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", None, requests=None, grain="day", **ANA))
    code, found = check(
        tmp_path / "b.yaml",
        capsys,
        "name: credits, whole: true, currency: flex_credits, amount: '1'",
        "name: unpriced, whole: true, currency: usd, amount: '1'",
    )
    assert (code, [(one["name"], one["outcome"]) for one in found]) == (
        3, [("credits", "cannot say"), ("unpriced", "cannot say")]
    )  # fmt: skip
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml"), "--as-of", "2025-08-20"]) == 2
    assert "as of 2025-08-20 no day of 2025-09 is known" in capsys.readouterr().err


GOOD = "name: b, whole: true, currency: usd, amount: '1'"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("whole: true, currency: usd, amount: '1'", "the budget has no name"),
        (
            "name: b, currency: usd, amount: '1'",
            "b does not say whose spend it limits; add one line of whole",
        ),
        (
            "name: b, whole: true, model: x, currency: usd, amount: '1'",
            "b limits the spend of whole and model at once; keep one of them",
        ),
        ("name: b, whole: yes please, currency: usd, amount: '1'", "write whole: true"),
        ("name: b, usable: 42, currency: usd, amount: '1'", "write it as usable: [user, 42]"),
        ("name: b, model: [x], currency: usd, amount: '1'", "write it as model: a name"),
        ("name: b, whole: true, currency: eur, amount: '1'", "b has the currency 'eur'; it must be one of"),
        ("name: b, whole: true, currency: usd", "b has no amount; give it one, such as "),
        ("name: b, whole: true, amount: '1'", "b has no currency; give it one of flex_credits, usd, clp"),
        ("name: 42, whole: true, currency: usd, amount: '1'", "the name of a budget is 42; write it as text"),
        ("name: [b], whole: true, currency: usd, amount: '1'", "the name of a budget is ['b']; write it as text"),
        (
            "name: b, whole: true, currency: usd, amount: '1,200.00'",
            "b has the amount '1,200.00'; write it as digits with at most one point",
        ),
        ("name: b, whole: true, currency: usd, amount: '1e400'", "b has the amount '1e400'; write it as digits"),
        (f"{GOOD}, thresholds: [75, forcast]", "give whole percents of 1 to 1,000 and forecast, such as [75, "),
        (f"{GOOD}, thresholds: forecast", "b has the thresholds 'forecast'"),
        ("name: b, whole: true, currency: usd, amount: 1_200.50", "b has the amount 1_200.50; write it as digits"),
        ("name: b, whole: true, currency: usd, amount: '-1'", "b has the amount '-1'"),
        (f"{GOOD}, period: year", "b has the period 'year'; choose day, week, month, cycle"),
        (f"{GOOD}, period: cycle", "begins on None"),
        (f"{GOOD}, period: cycle, begins: 31", "begins on 31"),
        (f"{GOOD}, begins: 5", "begins on 5"),
        (f"{GOOD}, thresholds: [0.5]", "b has the thresholds [0.5]"),
        (f"{GOOD}, colour: red", "colour is no field of a budget; write one of "),
        (f"{GOOD}, enforce: yes please", "b has enforce: 'yes please'; write enforce: true"),
    ],
)
def test_a_fault_in_the_file_is_one_sentence_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, fault: str
) -> None:
    (tmp_path / "b.yaml").write_text(f"# mine\nbudgets:\n  - {{{line}}}\n", "utf-8")
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"flexlib: line 3 of {tmp_path / 'b.yaml'}")
    assert fault in said
    assert len(said.splitlines()) == 1


def test_all_faults_of_a_file_are_told_in_one_run_each_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [GOOD, GOOD, "name: c, whole: true, currency: eur, amount: x, colour: red", "whole: true, period: year"]
    (tmp_path / "b.yaml").write_text("budgets:\n" + "".join(f"  - {{{line}}}\n" for line in lines), "utf-8")
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml")]) == 2
    said = capsys.readouterr().err.removeprefix("flexlib: ").replace(f" of {tmp_path / 'b.yaml'}", "").splitlines()
    assert [one.partition(";")[0] for one in said] == [
        "line 3: two budgets are called 'b'", "line 4: colour is no field of a budget",
        "line 4: c has the currency 'eur'",
        "line 4: c has the amount 'x'", "line 5: the budget has no name", "line 5: the budget has no currency",
        "line 5: the budget has no amount", "line 5: the budget has the period 'year'",
    ]  # fmt: skip
    (tmp_path / "b.yaml").write_text("budgets:\n" + 12 * "  - 1\n", "utf-8")
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert (len(told), told[-1]) == (11, "And 2 more.")


@pytest.mark.parametrize("written", ["'2.50'", "2.50", "2.5", "'2'", "2"])
def test_an_amount_is_what_is_written_in_quotes_or_not(tmp_path: Path, written: str) -> None:
    (tmp_path / "b.yaml").write_text(f"budgets: [{{name: b, whole: true, currency: usd, amount: {written}}}]", "utf-8")
    (found,) = read_budgets(tmp_path / "b.yaml")
    assert str(found.amount) == written.strip("'")


@pytest.mark.parametrize("text", ["", "budgets: 1", "budgets: [", "[]", "budgets: []\nmore: 1"])
def test_what_is_no_list_of_budgets_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "b.yaml").write_text(text, "utf-8")
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("text", ["budgets: []", "budgets:"])
def test_a_list_without_budgets_limits_nothing_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "b.yaml").write_text(text, "utf-8")
    assert main([*WORDS, "--json", "--budgets", str(tmp_path / "b.yaml")]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["budgets"] == []
    assert printed.err.startswith(f"{tmp_path / 'b.yaml'} has no budgets: nothing is limited.\n")


@pytest.mark.parametrize(("place", "what"), [("", "a folder"), ("/dev/null", "no file")])
def test_what_is_no_file_is_not_said_to_be_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, what: str
) -> None:
    assert main([*WORDS, "--budgets", str(path := tmp_path / place)]) == 2
    assert capsys.readouterr().err == f"flexlib: {path} is {what}; name the YAML file of your budgets.\n"


def test_a_file_that_ends_in_the_middle_of_a_month_is_not_all_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """US$ 1 a day in August and up to 20 September; nobody knows whether the file goes on. A ledger's month does."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    for month, days in ((AUGUST, 31), (SEPTEMBER, 20)):
        calls = [call(f"{month}{day}", f"{month}-{day:02}T10:00:00", "1") for day in range(1, days + 1)]
        store(root, "import", month, *calls)
    budgets = "name: b, whole: true, currency: usd, amount: '25'", "name: day, whole: true, currency: usd, amount: '2'"
    lines = budgets[0], f"{budgets[1]}, period: day"
    _, (whole, *by_day) = check(tmp_path / "b.yaml", capsys, *lines)
    assert (whole["outcome"], whole["spent"], whole["expected"], whole["is_running"]) == (
        "will be over",
        "20",
        30,
        True,
    )
    assert whole["day"] == "2025-09-26"
    assert [one["first"][-2:] for one in by_day][-1] == "20"  # of the days after it nothing is known
    main([*WORDS, "--budgets", str(tmp_path / "b.yaml")])
    assert "The last row of imported files is of 20 Sep, so that no later day is known" in capsys.readouterr().err
    assert main([*WORDS, "--budgets", str(tmp_path / "b.yaml"), "--as-of", "2025-09-30", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["budgets"][0]["outcome"] == "near"
    assert said.err == ""


@pytest.mark.parametrize(
    ("amount", "thresholds", "reached"),
    [("25", "[75, forecast]", [75, "forecast"]), ("25", "[75]", [75]), ("40", "[40, forecast]", [40])],
)
def test_the_forecast_is_a_threshold_where_a_budget_names_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    amount: str,
    thresholds: str,
    reached: list[object],
) -> None:
    """US$ 1 a day, 20 of 30 are known."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    for month, days in ((AUGUST, 31), (SEPTEMBER, 20)):
        store(root, "import", month, *(
            call(f"{month}{day}", f"{month}-{day:02}T10:00:00", "1") for day in range(1, days + 1)
        ))  # fmt: skip
    line = f"name: b, whole: true, currency: usd, amount: '{amount}', thresholds: {thresholds}"
    _, (found,) = check(tmp_path / "b.yaml", capsys, line)
    assert (found["thresholds_reached"], found["expected"]) == (reached, 30)


def test_a_running_month_says_when_it_will_be_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """4,530 credits are known on the 15th; the other days are expected to bring more than 4,070 others."""
    monkeypatch.setenv("FLEXLIB_BUDGETS", str(tmp_path / "b.yaml"))
    monkeypatch.setenv("FLEXLIB_DATA", str(Path(__file__).parents[1] / "data" / "fixture"))
    (tmp_path / "b.yaml").write_text(
        "budgets: [{name: b, whole: true, currency: flex_credits, amount: '8600'}]", "utf-8"
    )
    assert main([*WORDS, "--as-of", "2025-09-15"]) == 0
    said = capsys.readouterr().out.splitlines()[1]
    assert said == (
        "  LIKELY OVER  b  4,530.00 of 8,600.00 flex credits, 52.6 %; expected 8,629.47, is expected to be exceeded on "
        "30 Sep"
    )


def test_what_is_shared_holds_no_budget_of_a_few_people(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Legal has 2 people, Sales 6, Data 8: Legal and Sales would be one line. 6 people in no department have credits:
    of a single one, all departments would be one line."""
    store_credits(data, *((1, f"u{one}", "m", 0, 200) for one in range(6)))
    store(data, "import", SEPTEMBER, *(
        call(f"{name}{one}", "2025-09-02T10:00:00", "1", usable_type="user", usable_key=f"{name}{one}",
             metadata=f'{{"department": "{name}", "team": "t"}}')
        for name, count in {"Legal": 2, "Sales": 6, "Data": 8}.items() for one in range(count)
    ))  # fmt: skip
    scopes = ["whole: true", "provider: openai", "model: gpt-4o", "usable: [user, Data1]", "person: Data2", "team: t"]
    scopes += ["department: Legal", "department: Sales", "department: Data"]
    lines = [f"name: '{scope}', {scope}, currency: usd, amount: '90'" for scope in scopes]
    lines.append("name: a day, department: Data, currency: usd, amount: '90', period: day")
    file = tmp_path / "b.yaml"
    file.write_text("budgets:\n" + "".join(f"  - {{{line}}}\n" for line in lines), "utf-8")
    for words in ([], ["--json"]):
        main([*WORDS, "--budgets", str(file), "--share", *words])
        said = capsys.readouterr()
        assert [one for one in [*scopes, "a day"] if one in said.out] == [*scopes[:3], "department: Data"]
        assert "6 budgets are left out: they may show what a few people used." in said.err
        assert "Legal" not in said.out


@pytest.mark.parametrize(
    ("provider", "expected"),
    [("mistral", None), ("openai", 30)],  # of openai itself the day is not known: it is expected to be as others
)
def test_a_day_of_which_only_calls_without_a_price_are_known_is_not_known_to_their_own_provider_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], provider: str, expected: int
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    days = [call(f"{day}", f"2025-09-{day:02}T10:00:00", "1") for day in range(1, 30) if day != 10]
    lacking = [call(f"m{day}", f"2025-09-{day}T10:00:00", None, provider=provider, model="m9") for day in (10, 30)]
    store(tmp_path, "import", SEPTEMBER, *days, *lacking)
    _, (found,) = check(tmp_path / "b.yaml", capsys, "name: b, provider: openai, currency: usd, amount: '100'")
    assert (found["spent"], found["lacks"], found["expected"]) == (
        "28", "2 calls without a price" if expected else None, expected,
    )  # fmt: skip


@pytest.mark.parametrize("priced", ["2", None])
def test_a_month_without_any_price_is_over_for_a_provider_whose_calls_it_has_none_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], priced: str | None
) -> None:
    """Of OpenAI's calls in September one has a price, or none: of Mistral, a dollar a day in August, there is none."""
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    august = [call(f"m{day}", f"2025-08-{day:02}T10:00:00", provider="mistral", model="m9") for day in range(1, 32)]
    store(tmp_path, "import", AUGUST, *august)
    days = [call(f"{day}", f"2025-09-{day:02}T10:00:00", None) for day in range(2, 31)]
    store(tmp_path, "import", SEPTEMBER, call("1", "2025-09-01T10:00:00", priced), *days)
    _, found = check(
        tmp_path / "b.yaml",
        capsys,
        "name: mistral, provider: mistral, currency: usd, amount: '10'",
        "name: openai, provider: openai, currency: usd, amount: '10'",
    )
    assert [(one["outcome"], one["is_running"], one["expected"]) for one in found[:1]] == [("within", False, None)]
    assert found[1]["outcome"] == "cannot say"


def test_each_part_of_a_shared_call_without_a_price_lacks_it_though_the_largest_counts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of Ana's four calls have no price; she is 60 % in A and 40 % in B, where nobody else is."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    calls = [call(name, "2025-09-02T10:00:00", None, **ANA) for name in "abc"]
    store(root, "import", SEPTEMBER, *calls, call("d", "2025-09-03T10:00:00", "1", **ANA),
          call("e", "2025-09-30T23:00:00", "0", usable_type="user", usable_id=7))  # fmt: skip
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster := tmp_path / "organization.csv"))
    roster.write_text("who,kind,department,share\n42,user,A,60\n42,user,B,40\n7,user,C,\n", "utf-8")
    budgets = [f"name: {name} {unit}, department: {name}, currency: {unit}, amount: '30'"
               for name in "ABC" for unit in ("usd", "clp")]  # fmt: skip
    code, made = check(tmp_path / "budgets.yaml", capsys, *budgets)
    assert (code, [(one["name"], one["outcome"], one["spent"], one["lacks"]) for one in made]) == (3, [
        ("A usd", "cannot say", "0.6", "3 calls without a price"),
        ("A clp", "cannot say", None, "4 calls without pesos"),
        ("B usd", "cannot say", "0.4", "parts of calls without a price"),
        ("B clp", "cannot say", None, "parts of calls without pesos"),
        ("C usd", "within", "0", None),
        ("C clp", "cannot say", None, "1 call without pesos"),
    ])  # fmt: skip


def test_a_part_of_a_shared_call_lacks_as_much_of_its_calls_as_the_others_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a thousand calls one has no price: at least so much, and too little to say nothing."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", None, **ANA),
          call("b", "2025-09-30", "10", grain="day", requests=999, **ANA))  # fmt: skip
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster := tmp_path / "organization.csv"))
    roster.write_text("who,kind,department,share\n42,user,A,60\n42,user,B,40\n", "utf-8")
    of = [f"name: {name}, department: {name}, currency: usd, amount: '30'" for name in "AB"]
    code, made = check(tmp_path / "budgets.yaml", capsys, *of)
    assert (code, [(one["outcome"], one["spent"], one["lacks"]) for one in made]) == (0, [
        ("within", "6", "1 call without a price"), ("within", "4", "parts of calls without a price")])  # fmt: skip


@pytest.mark.parametrize("requests", [None, 9])
def test_a_sum_of_a_month_has_no_day_whether_or_not_it_says_of_how_many_calls_it_is(
    requests: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ana, 60 % in A and 40 % in B, has a sum of US$ 100 of September. What credits come to are others' days."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-01", "100", grain="month", requests=requests, **ANA),
          call("b", "2025-09-30T23:00:00", "0"))  # fmt: skip
    store_credits(root, (30, "user-1", "MODEL_A", 0, 200))
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster := tmp_path / "organization.csv"))
    roster.write_text("who,kind,department,share\n42,user,A,60\n42,user,B,40\n", "utf-8")
    budgets = [f"name: {name} {period}, {of}, currency: usd, amount: '500', period: {period}"
               for name, of in {"all": "whole: true", "A": "department: A", "B": "department: B"}.items()
               for period in ("day", "month")]  # fmt: skip
    budgets.append("name: credits, whole: true, currency: flex_credits, amount: '500', period: day")
    code, made = check(tmp_path / "budgets.yaml", capsys, *budgets)
    said = {one["name"]: (one["outcome"], one["spent"], one["lacks"]) for one in made}
    none = ("cannot say", None, "sums of a month have no day")
    assert code == 3
    assert (said["A day"], said["B day"]) == (none, none)
    assert said["all day"] == ("cannot say", "0.08", none[2])
    assert [said[f"{name} month"] for name in ("all", "A", "B")] == [
        ("within", "100.08", None), ("within", "60", None), ("within", "40", None)]  # fmt: skip
    assert said["credits"] == ("within", "2", None)


@pytest.mark.parametrize(
    "lines",
    [
        "42,user,A,,,2025-09-14\n42,user,B,,2025-09-15,\n",
        "T,team,A,,,2025-09-14\nT,team,B,,2025-09-15,\n42,user,,T,,\n",
    ],
)
def test_a_sum_of_a_month_of_somebody_who_moved_may_be_of_each_department_that_it_is_not_counted_in(
    lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ana moves from A to B, by herself or with her team; C has nothing to do with it."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-01", "100", grain="month", requests=9, **ANA),
          *(call(f"b{who}", "2025-09-30T23:00:00", "1", usable_type="user", usable_id=who) for who in (1, 2)),
          call("c", "2025-09-30T23:00:00", "1", usable_type="user", usable_id=3))  # fmt: skip
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster := tmp_path / "organization.csv"))
    roster.write_text(f"who,kind,department,team,from,until\n{lines}1,user,A,,,\n2,user,B,,,\n3,user,C,,,\n", "utf-8")
    code, made = check(tmp_path / "budgets.yaml", capsys, *(
        f"name: {name}, department: {name}, currency: usd, amount: '30'" for name in "ABC"
    ))  # fmt: skip
    said = "somebody moved within September 2025; their sum of that month is in no department"
    assert (code, [(one["name"], one["outcome"], one["spent"], one["lacks"]) for one in made]) == (3, [
        ("A", "cannot say", "1", said), ("B", "cannot say", "1", said), ("C", "within", "1", None)])  # fmt: skip


def test_a_budget_that_is_near_and_may_be_over_is_not_passed_as_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """US$ 25 of department A are known, and 100 of somebody who moved into or out of it; of B, half of what it has."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    store(root, "import", SEPTEMBER, call("a", "2025-09-01", "100", grain="month", requests=9, **ANA),
          call("b", "2025-09-30T23:00:00", "25", usable_type="user", usable_id=1),
          call("c", "2025-09-30T23:00:00", "25", usable_type="user", usable_id=3))  # fmt: skip
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(roster := tmp_path / "organization.csv"))
    lines = ["42,user,A,,2025-09-14", "42,user,B,2025-09-15,", "1,user,A,,", "3,user,C,,"]
    roster.write_text("\n".join(["who,kind,department,from,until", *lines]), "utf-8")
    file, of = tmp_path / "budgets.yaml", "name: {0}, department: {0}, currency: usd, amount: '{1}'"
    found = []
    for name, amount in (("A", 30), ("A", 24), ("A", 100), ("C", 30)):
        code, (one,) = check(file, capsys, of.format(name, amount))
        found.append((code, one["outcome"], one["is_unknown"]))
    assert found == [(3, "near", True), (5, "over", False), (3, "cannot say", True), (0, "near", False)]
    check(file, capsys, of.format("A", 30))
    assert main([*WORDS, "--budgets", str(file)]) == 3
    said = capsys.readouterr().out.splitlines()[1]
    assert said.startswith("  NEAR OR OVER A  at least 25.00 of 30.00 US$, at least 83.3 %; ")


def test_json_says_whether_it_is_sure_that_a_budget_will_be_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """US$ 1 on most days, 9 on every fifth, up to 15 September: the band of what is expected is wide."""
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    for month in (Month(2025, 6), Month(2025, 7), AUGUST, SEPTEMBER):
        days = [day for day in month.span if day.isoformat() <= "2025-09-15"]
        store(root, "import", month, *(
            call(str(day), f"{day}T10:00:00", "9" if day.toordinal() % 5 == 0 else "1") for day in days
        ))  # fmt: skip
    _, (first,) = check(tmp_path / "b.yaml", capsys, "name: b, whole: true, currency: usd, amount: '1000'")
    between, below = (first["low"] + first["expected"]) / 2, first["low"] - 1
    assert first["spent"] < f"{below:.2f}"
    code, made = check(tmp_path / "b.yaml", capsys, *(
        f"name: b{place}, whole: true, currency: usd, amount: '{amount:.2f}'"
        for place, amount in enumerate((1000, between, below, 3))
    ))  # fmt: skip
    assert code == 5
    assert [(one["outcome"], one["is_sure"]) for one in made] == [
        ("within", None), ("will be over", False), ("will be over", True), ("over", None)]  # fmt: skip
    main([*WORDS, "--budgets", str(tmp_path / "b.yaml")])
    said = capsys.readouterr().out.splitlines()
    assert [line[2:14].strip() for line in said[2:4]] == ["LIKELY OVER", "WILL BE OVER"]
