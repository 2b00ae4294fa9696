"""`flexlib spend` as a shell sees it: the month's money, what it is out of, and its exit code."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import flexlib as fl
from flexlib.cli.main import main

MAY = ["--year", "2025", "--month", "5"]
CALLS = ["--provider", "openai", "--model-column", "m", "--timestamp", "t", "--prompt-tokens", "i"]
CALLS += ["--completion-tokens", "o", "--amount-usd", "usd"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def bring_calls(*amounts: str) -> None:
    rows = "".join(f"2025-05-0{day}T12:00:00Z,gpt-5-nano,10,1,{usd}\n" for day, usd in enumerate(amounts, 1))
    Path("usage.csv").write_text(f"t,m,i,o,usd\n{rows}", "utf-8")
    assert main(["import", "usage.csv", *CALLS]) == 0


def bring_bill(usd: str, currency: str = "usd", codes: tuple[int, ...] = (0, 3, 4)) -> None:
    header = "start_time,end_time,amount_value,amount_currency,line_item,project_id\n"
    lines = f'1746057600,1746144000,{usd},{currency},"gpt-5-nano, input_tokens",p\n1746144000,1746230400,,,,p\n'
    Path("bill.csv").write_text(header + lines, "utf-8")
    assert main(["import", "bill.csv"]) in codes


def ask(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["spend", *MAY, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_bill_is_the_spend_and_the_calls_are_counted_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    bring_calls("0.14726", "0.10")  # 0.24726
    bring_bill("0.895874")
    code, said = ask(capsys)
    assert code == 0
    names = ("state", "amount_in_usd", "at_least", "requests", "prompt_tokens", "completion_tokens")
    assert [said[name] for name in (*names, "unpriced_requests", "amount_in_clp")] == [
        "COMPLETE", "0.895874", False, 2, 20, 2, 0, None,
    ]  # fmt: skip
    assert said["providers"] == [
        {
            "provider": "openai", "counted_usd": "0.24726", "billed_usd": "0.895874", "difference_usd": "0.648614",
            "spend_usd": "0.895874", "at_least": False, "requests": 2, "requests_at_least": False, "basis": "bill",
            "unconverted": {},
        }
    ]  # fmt: skip
    assert [(one["day"], one["kind"], one["difference_usd"]) for one in said["differences"]] == [
        ("2025-05-01", "priced otherwise", "0.748614"),
        ("2025-05-02", "not billed", "-0.1"),
    ]


def test_import_and_months_say_of_a_month_what_spend_says_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    bring_calls("10", "10")
    capsys.readouterr()
    bring_bill("50", codes=(4,))
    err = capsys.readouterr().err
    reason = "OpenAI: US$ 50.00 was billed and US$ 20.00 counted; differences of US$ 30.00 are unexplained"
    assert err == f"2025-05 is UNRECONCILED: {reason}, and flexlib spend lists them.\n"
    assert main(["import", "usage.csv", *CALLS, "--json"]) == 4  # the calls, whose own sums agree, again
    (month,) = json.loads(capsys.readouterr().out)["months"]
    assert (month["state"], month["month_state"]) == ("COMPLETE", "UNRECONCILED")
    assert ask(capsys)[0] == 4
    assert fl.months()["state"].tolist() == ["UNRECONCILED"]
    capsys.readouterr()
    assert main(["doctor"]) == 4
    assert "months    1 UNRECONCILED\n" in capsys.readouterr().out


def test_the_largest_difference_stands_first_and_one_below_a_cent_is_only_in_the_sum(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bring_calls("10.0041", "0.10")
    bring_bill("10")
    capsys.readouterr()
    assert main(["spend", *MAY]) == 0
    out = capsys.readouterr().out
    assert "0.01" not in out
    lines = [line for line in out.partition("WHERE THEY DIFFER")[2].splitlines() if "-0.1" in line]
    assert [line.split()[0] for line in lines] == ["OpenAI", "ALL"]  # -0.1, and -0.1041 in all


def test_what_differs_stands_once_on_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    row = "2025-05-01T12:00:00Z,gpt-5-nano,10,1,1\n"
    sums = [*CALLS, "--grain", "day", "--requests", "o"]
    Path("one.csv").write_text(f"t,m,i,o,usd\n{row}", "utf-8")
    Path("two.csv").write_text(f"t,m,i,o,usd\n{row}2025-05-02T12:00:00Z,gpt-5-nano,10,1,1\n", "utf-8")
    assert main(["import", "one.csv", *sums]) == 0
    capsys.readouterr()
    assert main(["import", "two.csv", *sums]) == 4
    out, err = capsys.readouterr()
    assert (out + err).count("1 row of two.csv may repeat calls in one.csv") == 1
    assert main(["certificate", *MAY, "--source", "import"]) == 4
    out, err = capsys.readouterr()
    assert (out + err).count("1 row of two.csv may repeat calls in one.csv") == 1


def test_without_a_bill_the_count_is_the_spend(capsys: pytest.CaptureFixture[str]) -> None:
    bring_calls("0.14726", "0.10")
    code, said = ask(capsys)
    assert (code, said["amount_in_usd"], said["differences"]) == (0, "0.24726", [])
    (one,) = said["providers"]
    assert (one["billed_usd"], one["difference_usd"], one["basis"]) == (None, None, "count")


def test_spellings_of_a_model_are_one_of_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "2025-05-01T12:00:00Z,gpt-4.1,10,1,0.10\n2025-05-02T12:00:00Z,openai/gpt-4.1,20,2,0.20\n"
    Path("usage.csv").write_text(f"t,m,i,o,usd\n{rows}2025-05-02T12:00:00Z,mine,1,1,\n", "utf-8")
    assert main(["import", "usage.csv", *CALLS]) == 3
    _, said = ask(capsys)
    assert said["models"] == [
        {
            "provider": "openai", "model": "gpt-4.1", "requests": 2, "requests_at_least": False, "prompt_tokens": 30,
            "completion_tokens": 3, "unpriced_requests": 0, "spellings": ["gpt-4.1", "openai/gpt-4.1"],
            "counted_usd": "0.3",
        },
        {
            "provider": "openai", "model": "mine", "requests": 1, "requests_at_least": False, "prompt_tokens": 1,
            "completion_tokens": 1, "unpriced_requests": 1, "spellings": ["mine"], "counted_usd": None,
        },
    ]  # fmt: skip


def test_a_bill_that_says_something_else_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    bring_calls("10", "10")
    bring_bill("50")
    capsys.readouterr()
    assert main(["spend", *MAY]) == 4
    out, err = capsys.readouterr()
    assert "not explained" in out
    assert err == (
        "2025-05 is UNRECONCILED: OpenAI: US$ 50.00 was billed and US$ 20.00 counted; differences of US$ 30.00 are "
        "unexplained.\n"
    )
    assert fl.load("2025-05").missing[0].endswith("are unexplained, and flexlib spend lists them.")


def test_each_line_says_the_state_that_its_reason_makes_the_month_s_own_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("usage.csv").write_text(
        "t,m,i,o,usd\n2025-05-01T12:00:00Z,gpt-5-nano,10,1,20\n2025-05-03T12:00:00Z,mine,10,1,\n", "utf-8"
    )
    assert main(["import", "usage.csv", *CALLS]) == 3
    bring_bill("50")
    capsys.readouterr()
    assert main(["spend", *MAY]) == 3
    gap, also = capsys.readouterr().err.splitlines()
    assert gap.startswith("2025-05 is GAP: imported files, 2025-05: 1 of 2 calls has no price")  # and no bill either
    assert also.startswith("2025-05 is also UNRECONCILED: OpenAI: US$ 50.00 was billed and US$ 20.00 counted")


def test_the_demo_has_a_spend_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["spend", "--demo", "--year", "2025", "--month", "9", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["providers"][0]["provider"]) == ("COMPLETE", "windsurf")
    assert not (tmp_path / "data" / "usage").exists()  # it stands apart


def test_advice_on_bills_is_no_advice_on_calls(capsys: pytest.CaptureFixture[str]) -> None:
    Path("usage.csv").write_text("t,m,i,o,usd\n2025-05-01T12:00:00Z,gpt-5-nano,10,1,1\n", "utf-8")
    assert main(["import", "usage.csv", *CALLS, "--bills", "calls"]) == 2
    assert "--bills is for a file of charges, and --timestamp of one of calls" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "settings", "code"),
    [
        ([], {}, 4),  # 20 counted, 50 billed: 30 unexplained
        (["--tolerance-usd", "29.99"], {}, 4),
        (["--tolerance-usd", "30"], {}, 0),
        (["--tolerance-share", "0.6"], {}, 0),  # 0.6 x 50
        ([], {"FLEXLIB_BILL_TOLERANCE_USD": "30"}, 0),
        ([], {"FLEXLIB_BILL_TOLERANCE_SHARE": "0.59"}, 4),
        (["--tolerance-usd", "0"], {"FLEXLIB_BILL_TOLERANCE_USD": "30"}, 4),  # the option wins
        (["--tolerance-usd", "-1"], {}, 2),
        (["--tolerance-share", "2"], {}, 2),
        ([], {"FLEXLIB_BILL_TOLERANCE_USD": "much"}, 2),
    ],
)
def test_the_tolerance_is_an_option_and_a_setting(
    monkeypatch: pytest.MonkeyPatch, options: list[str], settings: dict[str, str], code: int
) -> None:
    bring_calls("10", "10")
    bring_bill("50")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert main(["spend", *MAY, *options]) == code
    if code != 2 and not options:  # the page's door says the same
        assert fl.load("2025-05").state.exit_code == code


def test_euros_without_a_rate_are_apart_and_with_one_are_dollars(capsys: pytest.CaptureFixture[str]) -> None:
    bring_bill("1.50", "eur")
    code, said = ask(capsys)
    assert (code, said["amount_in_usd"], said["at_least"]) == (3, None, True)
    assert said["providers"][0]["unconverted"] == {"EUR": "1.5"}
    assert main(["spend", *MAY]) == 3
    assert "EUR 1.5 in no total" in capsys.readouterr().out
    assert main(["fx", "set", "2025-05-01", "1.13", "--pair", "EUR/USD", "--source", "ECB"]) == 0
    code, said = ask(capsys)
    assert (code, said["amount_in_usd"], said["at_least"]) == (0, "1.695", False)  # 1.50 x 1.13


def test_calls_without_a_price_make_it_at_least(capsys: pytest.CaptureFixture[str]) -> None:
    Path("usage.csv").write_text(
        "t,m,i,o,usd\n2025-05-01T12:00:00Z,no-such-model,10,1,\n2025-05-01T12:00:00Z,gpt-5-nano,10,1,2\n", "utf-8"
    )
    main(["import", "usage.csv", *CALLS])
    _, said = ask(capsys)
    assert (said["amount_in_usd"], said["at_least"], said["unpriced_requests"]) == ("2", True, 1)
    main(["spend", *MAY])
    assert "AT LEAST" in capsys.readouterr().out


def test_a_month_of_which_nothing_is_stored_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spend", *MAY]) == 2
    assert "Nothing of 2025-05 is stored" in capsys.readouterr().err


def test_a_bill_has_a_certificate_of_its_own_and_a_column_among_the_months(capsys: pytest.CaptureFixture[str]) -> None:
    bring_bill("1.50")
    capsys.readouterr()
    assert main(["certificate", *MAY, "--source", "bill-files"]) == 0
    out = capsys.readouterr().out
    assert "  US$             1.50 billed\n" in out
    assert "agrees (3 compared): the rows of the bills, summed by currency" in out
    (month,) = fl.months().to_dict("records")
    assert (month["month"], month["usage"], month["charges"], month["state"]) == (
        "2025-05", "", "bill-files", "COMPLETE",
    )  # fmt: skip
    loaded = fl.load("2025-05")
    assert loaded.total("usd") == Decimal("1.50")
    assert loaded.missing == (
        "What OpenAI billed has no rate for pesos, or not on all days: the total in CLP lacks some of it.",
        "2025-05: by(...) sums calls, nothing; with the bills, total() and flexlib spend say US$ 1.50.",
    )


def test_calls_that_have_pesos_are_none_without_them_where_the_bill_lacks_a_rate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = "".join(f"2025-05-0{day}T12:00:00Z,gpt-5-nano,10,1,0.1,95\n" for day in (1, 2))
    Path("usage.csv").write_text(f"t,m,i,o,usd,clp\n{rows}", "utf-8")
    assert main(["import", "usage.csv", *CALLS, "--amount-clp", "clp"]) == 0
    assert fl.load("2025-05").missing == ()
    bring_bill("0.895874")
    said = "What OpenAI billed has no rate for pesos, or not on all days: the total in CLP lacks some of it."
    assert [one for one in fl.load("2025-05").missing if "CLP" in one or "pesos" in one] == [said]
    assert ask(capsys)[1]["amount_in_clp_at_least"] is True


def test_the_total_is_the_bill_where_there_is_one_and_sums_of_calls_say_that_they_are_not() -> None:
    bring_calls("0.14726", "0.10")
    assert fl.load("2025-05").missing == ("2 calls without pesos: not in the total in CLP.",)
    bring_bill("0.895874")
    assert fl.load("2025-05").missing[-1] == (
        "2025-05: by(...) sums calls, US$ 0.25; with the bills, total() and flexlib spend say US$ 0.90."
    )
    assert fl.load("2025-05").total("usd") == Decimal("0.895874")
    assert fl.load("2025-05").by("model")["usd"].tolist() == [Decimal("0.24726")]


def test_what_differs_is_folded_behind_the_first_twelve_and_json_lists_each(capsys: pytest.CaptureFixture[str]) -> None:
    days = range(1, 21)
    Path("usage.csv").write_text(
        "t,m,i,o,usd\n" + "".join(f"2025-05-{day:02d}T12:00:00Z,gpt-5-nano,10,1,1\n" for day in days)
    )
    assert main(["import", "usage.csv", *CALLS]) == 0
    begin = 1746057600  # 1 May 2025
    Path("bill.csv").write_text(
        "start_time,end_time,amount_value,amount_currency,line_item,project_id\n"
        + "".join(
            f'{begin + 86400 * (day - 1)},{begin + 86400 * day},{1 + day},usd,"gpt-5-nano, input",p\n' for day in days
        )
    )
    assert main(["import", "bill.csv"]) == 4
    code, said = ask(capsys)
    assert (code, len(said["differences"])) == (4, 20)
    main(["spend", *MAY])
    shown = capsys.readouterr().out
    assert "2025-05-09" in shown  # the largest twelve: 21 - 1 down to 10 - 1
    assert "2025-05-08" not in shown
    line = next(line for line in shown.splitlines() if line.startswith("8 others"))
    assert line.split()[2:5] == ["8.00", "44.00", "36.00"]  # 8 counted, 2 + ... + 9 billed
    assert "8 not explained; --json lists each" in shown


def test_a_sum_of_unknown_many_calls_makes_the_requests_at_least(capsys: pytest.CaptureFixture[str]) -> None:
    bring_calls("0.10")
    assert ask(capsys)[1]["requests_at_least"] is False
    Path("days.csv").write_text("t,m,i,o,usd\n2025-05-20,gpt-5-nano,10,1,0.5\n")
    assert main(["import", "days.csv", *CALLS]) == 0
    said = ask(capsys)[1]
    assert (said["requests"], said["requests_at_least"]) == (2, True)


def test_what_has_no_price_is_unknown_and_never_zero(capsys: pytest.CaptureFixture[str]) -> None:
    # A call that cost nothing beside one of which nobody knows: not US$ 0.00.
    rows = "2025-05-01T12:00:00Z,mine,0,0,0\n2025-05-02T12:00:00Z,mine,1,1,\n"
    Path("usage.csv").write_text(f"t,m,i,o,usd\n{rows}", "utf-8")
    assert main(["import", "usage.csv", *CALLS]) == 3
    _, said = ask(capsys)
    (one,) = said["providers"]
    assert (one["counted_usd"], one["spend_usd"], one["at_least"], said["amount_in_usd"]) == (None, None, True, None)
    assert said["models"][0]["counted_usd"] is None
    assert main(["spend", *MAY]) == 3
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("OpenAI"))
    assert line.split() == ["OpenAI", "2", "–", "–", "–", "–", "unpriced"]
    assert fl.load("2025-05").by("model")["usd"].tolist() == [None]
    assert fl.load("2025-05").total("usd") is None
    assert main(["certificate", *MAY, "--source", "import"]) == 3
    assert "US$             unknown, 1 row without a price" in capsys.readouterr().out


def test_a_number_of_calls_that_is_not_known_is_at_least_so_many_everywhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = "2025-05-01,gpt-5-nano,10,1,1,3\n2025-05-02,gpt-5-nano,10,1,1,\n"
    Path("usage.csv").write_text(f"t,m,i,o,usd,n\n{rows}", "utf-8")
    assert main(["import", "usage.csv", *CALLS, "--grain", "day", "--requests", "n"]) == 0
    _, said = ask(capsys)
    for part in (said, said["providers"][0], said["models"][0]):
        assert (part["requests"], part["requests_at_least"]) == (4, True)  # 3, and 1 at least
    assert main(["spend", *MAY]) == 0
    out = capsys.readouterr().out
    assert [line.split()[1:4] for line in out.splitlines() if line.startswith(("OpenAI", "ALL"))] == [
        ["at", "least", "4"]
    ] * 2
