"""`flexlib fx`: the commands as a shell sees them, against real servers and a real folder."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from rates_server import RatesServer, serve_rates

from flexlib.cli.fx import add_commands, run_fx
from flexlib.dates import Month
from flexlib.errors import BadMonth, BadParameter, InvalidRequest
from flexlib.money.fx import find_santiago_day
from flexlib.settings import load_settings
from flexlib.store.fx import load_rates

SEPTEMBER = ["--year", "2025", "--month", "9"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RatesServer]:
    """Both services with the business days of August to October 2025; the data folder is `tmp_path`."""
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    with serve_rates() as server:
        days = [day for month in (8, 9, 10) for day in Month(2025, month).span if day.weekday() < 5]
        server.mindicador = {str(day): f"9{day:%m.%d}" for day in days}
        server.frankfurter = dict(server.mindicador)
        yield server


def run(server: RatesServer, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    words = (*words, "--mindicador-url", server.url, "--frankfurter-url", server.url)
    return run_fx(parser.parse_args(["fx", *words]), load_settings())


def test_update_says_what_it_added_and_where_it_is(
    server: RatesServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(server, "update", *SEPTEMBER) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Rates of 2025-09-01 to 2025-09-30: 66 observations added, 66 kept in all.",
        "  asked: mindicador.cl 2025 (66 days)",
        f"  file: {tmp_path / 'rates' / 'usd_clp.csv'}",
    ]
    assert err == ""


def test_show_gives_each_day_its_rate_source_and_observation(
    server: RatesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(server, "update", *SEPTEMBER)
    capsys.readouterr()
    assert run(server, "show", "--start-date", "2025-09-12", "--end-date", "2025-09-15") == 0
    assert capsys.readouterr().out == (
        "Observed dollar, 2025-09-12 to 2025-09-15: pesos for 1 USD\n"
        "  2025-09-12        909.12  mindicador.cl\n"
        "  2025-09-13        909.12  mindicador.cl, carried from 2025-09-12\n"
        "  2025-09-14        909.12  mindicador.cl, carried from 2025-09-12\n"
        "  2025-09-15        909.15  mindicador.cl\n"
    )


def test_show_as_json_keeps_values_exact(server: RatesServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.mindicador["2025-09-12"] = "954.12345678"
    run(server, "update", *SEPTEMBER)
    capsys.readouterr()
    assert run(server, "show", *SEPTEMBER, "--json") == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (facts["span"], len(facts["days"]), facts["missing"]) == ("2025-09-01 to 2025-09-30", 30, [])
    assert facts["days"][12] == {
        "day": "2025-09-13",
        "value": "954.12345678",
        "observed_on": "2025-09-12",
        "source": "mindicador.cl",
    }


def test_day_without_a_rate_is_shown_as_such_and_exits_3(
    server: RatesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(server, "show", "--start-date", "2025-09-12", "--end-date", "2025-09-12") == 3
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == "  2025-09-12       no rate"
    assert err == "No rate for 2025-09-12 (missing: amounts of these days stay without CLP).\n"


def test_update_with_missing_days_exits_3_and_names_them(
    server: RatesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for service in (server.mindicador, server.frankfurter):
        for day in range(1, 31):
            service.pop(f"2025-09-{day:02d}", None)
    assert run(server, "update", *SEPTEMBER, "--json") == 3
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["missing"][0], facts["missing"][-1]) == ("2025-09-04", "2025-09-30")
    assert "2025-09-10 and 20 more days (missing" in err


def test_update_as_json_reports_changes_and_disagreements(
    server: RatesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(server, "update", *SEPTEMBER)
    server.mindicador["2025-09-10"], server.frankfurter["2025-09-11"] = "911.11", "1000"
    capsys.readouterr()
    assert run(server, "update", *SEPTEMBER, "--check", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [(one["day"], one["kept"]["value"], one["other"]["value"]) for one in facts["changed"]] == [
        ("2025-09-10", "909.10", "911.11")
    ]
    assert [(one["day"], one["other"]["value"]) for one in facts["disagreements"]] == [("2025-09-11", "1000")]


def test_offline_update_with_a_kept_table_says_so_and_exits_0(
    server: RatesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(server, "update", *SEPTEMBER)
    capsys.readouterr()
    server.faults = ["403"]
    assert run(server, "update", *SEPTEMBER) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Rates of 2025-09-01 to 2025-09-30: 0 observations added, 66 kept in all.\n")
    assert "refuses the question with status 403" in err


def test_month_is_this_one_when_none_is_named(server: RatesServer, capsys: pytest.CaptureFixture[str]) -> None:
    month = Month.containing(find_santiago_day(datetime.now(timezone.utc)))
    run(server, "show", "--json")
    assert json.loads(capsys.readouterr().out)["span"] == str(month.span)


def test_half_a_span_or_a_check_of_what_is_only_shown_is_wrong_usage(server: RatesServer) -> None:
    with pytest.raises(BadMonth, match="give either --year and --month"):
        run(server, "update", "--start-month", "3")
    with pytest.raises(InvalidRequest, match="flexlib fx update --check"):
        run(server, "show", *SEPTEMBER, "--check")


def test_a_rate_that_contradicts_the_opposite_pair_of_that_day_is_refused(
    server: RatesServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(server, "set", "2025-09-30", "0.8", "--pair", "USD/EUR", "--source", "ECB") == 0
    with pytest.raises(BadParameter) as error:
        run(server, "set", "2025-09-30", "1.5", "--pair", "EUR/USD", "--source", "bank")
    assert str(error.value) == (
        "1.5 EUR/USD of 2025-09-30 contradicts 0.8 USD/EUR of that day, which is kept from ECB; correct that one "
        "instead: flexlib fx set 2025-09-30 VALUE --pair USD/EUR --source SOURCE"
    )
    assert not load_rates(tmp_path, ("EUR", "USD")).days
    for day, value in (("2025-09-30", "1.25"), ("2025-10-01", "1.5")):  # 1 / 0.8; another day
        assert run(server, "set", day, value, "--pair", "EUR/USD", "--source", "bank") == 0
    capsys.readouterr()


@pytest.mark.parametrize(("value", "pair"), [("1.2", "EUR/USD"), ("0.833333", "USD/EUR")])
def test_a_rate_that_is_kept_in_both_directions_is_corrected_by_either(
    server: RatesServer, tmp_path: Path, value: str, pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong, one in (("1.1", "EUR/USD"), ("0.909091", "USD/EUR")):  # right would be 1.2, and 1 / 1.2 = 0.833333
        assert run(server, "set", "2025-09-30", wrong, "--pair", one, "--source", "ECB") == 0
    capsys.readouterr()
    assert run(server, "set", "2025-09-30", value, "--pair", pair, "--source", "bank") == 0
    overruled = {"EUR/USD": "0.909091", "USD/EUR": "1.1"}[pair]
    assert f"  superseded: 2025-09-30, {overruled} of ECB of the opposite pair\n" in capsys.readouterr().out
    base, quote = pair.split("/")
    assert [str(one.value) for one in load_rates(tmp_path, (base, quote)).observations] == [value]
    assert not load_rates(tmp_path, (quote, base)).days
    kept = (tmp_path / "rates" / f"{quote}_{base}.csv".lower()).read_text("utf-8")
    assert f"2025-09-30,{overruled},ECB," in kept


def keep(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    return run_fx(parser.parse_args(["fx", *words]), load_settings())


def test_a_rate_of_any_pair_is_set_by_hand_and_the_one_before_it_is_kept(
    server: RatesServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep("set", "2025-09-30", "1.1741", "--pair", "eur/usd", "--source", "ECB") == 0
    assert keep("set", "2025-09-30", "1.18", "--pair", "EUR/USD", "--source", "the bank") == 0
    assert "changed: 2025-09-30, 1.1741 of ECB, 1.18 of the bank; the first is kept" in capsys.readouterr().out
    kept = (tmp_path / "rates" / "eur_usd.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[:3] for line in kept[1:]] == [
        ["2025-09-30", "1.1741", "ECB"], ["2025-09-30", "1.18", "the bank"],
    ]  # fmt: skip
    assert keep("show", "--pair", "EUR/USD", "--start-date", "2025-09-30", "--end-date", "2025-09-30") == 0
    assert capsys.readouterr().out == "2025-09-30 to 2025-09-30: USD for 1 EUR\n  2025-09-30          1.18  the bank\n"
    assert not (tmp_path / "rates" / "usd_clp.csv").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,Rate\n2025-09-29,1.17\n2025-09-30,1.1741\n", ["--source", "ECB"]),
        ("TIME_PERIOD,OBS_VALUE,source\n2025-09-29,1.17,ECB\n2025-09-30,1.1741,ECB\n", []),
        (
            "day,value,source,fetched_at,superseded_at\n2025-09-29,1.2,ECB,2025-10-01,2025-10-02\n"
            "2025-09-29,1.17,ECB,2025-10-02,\n2025-09-30,1.1741,ECB,2025-10-02,\n",
            [],
        ),
    ],
)
def test_rates_are_imported_from_a_file(
    server: RatesServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: list[str]
) -> None:
    (tmp_path / "ecb.csv").write_text(text, "utf-8")
    assert keep("import", str(tmp_path / "ecb.csv"), "--pair", "EUR/USD", "--json", *words) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": str(tmp_path / "rates" / "eur_usd.csv"), "added": 2, "changed": [], "overruled": [],
    }  # fmt: skip


@pytest.mark.parametrize("pair", ["EUX/USD", "USD/PES", "XXX/USD", "EUR/EUR", "EURO/USD", "EUR"])
def test_a_pair_of_what_is_no_currency_is_refused_in_a_sentence_and_nothing_is_kept(
    server: RatesServer, tmp_path: Path, pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        keep("set", "2025-09-30", "1.1741", "--pair", pair, "--source", "ECB")
    assert ended.value.code == 2
    said = f"'{pair}' is no pair of currencies as EUR/USD (ISO 4217)"
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["set", "2025-09-30", "1.17"], "fx set takes a date, a value and a source"),
        (["set", "30.9.2025", "1.17", "--source", "ECB"], "30.9.2025 1.17 is not a rate"),
        (["set", "2025-09-30", "0", "--source", "ECB"], "2025-09-30 0 is not a rate"),
        (
            ["set", "2025-09-01", "1.234", "--source", "SII"],
            "would make a dollar worth 1.2340 pesos, which is not 100 to",
        ),
        (
            ["set", "2025-09-01", "95012", "--source", "SII"],
            "worth 95,012.0000 pesos, .* add --odd-value if it is right",
        ),
        (["set", "2025-09-01", "0.95", "--pair", "CLP/USD", "--source", "x"], "would make a dollar worth 1.0526 pesos"),
        (["import"], "fx import takes one file"),
        (["import", "absent.csv"], "absent.csv is not a file that exists"),
        (["show", "2025-09-30"], "fx show takes no '2025-09-30'"),
    ],
)
def test_what_is_no_rate_is_refused_in_a_sentence(server: RatesServer, words: list[str], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        keep(*words)


def test_a_value_that_a_dollar_is_hardly_worth_is_kept_where_somebody_says_so(
    server: RatesServer, tmp_path: Path
) -> None:
    (tmp_path / "sii.csv").write_text("fecha,valor\n2025-09-01,1.234\n", "utf-8")
    with pytest.raises(InvalidRequest, match=r"2025-09-01 1\.234 would make a dollar worth"):
        keep("import", str(tmp_path / "sii.csv"), "--source", "SII")
    assert not (tmp_path / "rates").exists()
    assert keep("import", str(tmp_path / "sii.csv"), "--source", "SII", "--odd-value") == 0
    assert keep("set", "2025-09-02", "1234", "--source", "SII") == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("when,value\n2025-09-30,1\n", "needs a column date and a column value; it has when, value"),
        ("date,value\n2025-09-30,one\n", "line 2 is not a rate"),
        ("date,value,Año\n2025-09-30,1.08,x\n".encode("latin-1"), "is not a CSV in UTF-8"),
        ("date,value\n2025-09-30,1.08\n".encode("utf-16"), "is not a CSV in UTF-8"),
        ("date,value\n2025-09-30," + "1" * 200_000 + "\n", "is not a CSV in UTF-8; save it as one"),
        ("date,value\n2025-09-30,1\n2025-09-30,2\n", "gives 2025-09-30 two values"),
        ("fecha;valor\n2025-09-30;1.234\n", "line 2 is not a rate"),  # a thousand and more, or a bit over one
        ("fecha;valor\n01-09-2025;964,50\n", "line 2 is not a rate"),  # of January or of September
    ],
)
def test_a_file_of_rates_that_cannot_be_read_is_named_with_its_line(
    server: RatesServer, tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    csv.field_size_limit(131_072)  # Python's own, which another reader of this process may have raised
    (tmp_path / "ecb.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidRequest, match=sentence):
        keep("import", str(tmp_path / "ecb.csv"), "--pair", "EUR/USD", "--source", "ECB")
    assert not (tmp_path / "rates").exists()


@pytest.mark.parametrize("head", ["Fecha;Valor\n", "", "\ufeffPeriodo;Valor\n"])
def test_a_file_as_chile_s_bank_writes_it_is_read_exactly(
    server: RatesServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str
) -> None:
    (tmp_path / "bc.csv").write_text(head + "01-09-2025;964,50\n30-09-2025;1.012,35\n", "utf-8")
    assert keep("import", str(tmp_path / "bc.csv"), "--source", "Banco Central") == 0
    assert [f"{one.day} {one.value}" for one in load_rates(load_settings().data).observations] == [
        "2025-09-01 964.50", "2025-09-30 1012.35",
    ]  # fmt: skip
