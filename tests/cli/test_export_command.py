"""`flexlib export` as a shell sees it: a file whole or not at all, its sum proved, the same bytes each time."""

from __future__ import annotations

import csv
import json
import resource
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from spend_samples import SEPTEMBER, call, store, store_credits

import flexlib as fl
from flexlib.cli.main import main
from flexlib.front import focus
from flexlib.front.spend import Spend

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
ASKED = ["export", "--format", "focus", "--year", "2025", "--month", "9"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(file: str) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_the_fixture_s_file_sums_to_its_spend_and_is_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(FIXTURE, "data")
    assert main([*ASKED, "--output", "one.csv"]) == 0
    out, err = capsys.readouterr()
    assert out == "📄 one.csv\n1,182 charges that sum to US$ 401.57; the spend of 2025-09 is at least that\n"
    assert "2025-09: 46 calls without a price left out: what they cost is not known.\n" in err
    rows = read("one.csv")
    assert len(rows) == 1182
    assert sum(Decimal(row["BilledCost"]) for row in rows) == fl.load("2025-09").total("usd") == Decimal("401.57132695")
    assert sum(Decimal(row["x_BilledCostInClp"]) for row in rows) == fl.load("2025-09").total("clp")
    assert main([*ASKED, "--output", "two.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "focus", "month": "2025-09", "state": "COMPLETE", "file": "two.csv", "rows": 1182,
        "amount_in_usd": "401.57132695", "at_least": True,
        "notes": ["46 calls without a price left out: what they cost is not known."],
    }  # fmt: skip
    assert Path("one.csv").read_bytes() == Path("two.csv").read_bytes()


def test_without_a_name_the_file_is_called_after_its_format_and_month_and_made_up_data() -> None:
    store(Path("data"), "ledger", SEPTEMBER, call("a", "2025-09-05"))
    assert main(ASKED) == 0
    assert [file.name for file in Path("output").iterdir()] == ["focus_2025-09.csv"]


def test_a_file_with_names_is_its_owner_s_alone_and_one_without_has_none(tmp_path: Path) -> None:
    people = {"key-1": {"name": "Ana Rojas", "email": "ana@empresa.cl"}}
    store_credits(Path("data"), (3, "key-1", "claude-sonnet-4", 0, 100), people=people)
    Path("named.csv").touch()
    assert main([*ASKED, "--output", "named.csv", "--names"]) in (0, 4)
    assert json.loads(read("named.csv")[0]["Tags"])["user"] == "Ana Rojas"
    assert Path("named.csv").stat().st_mode & 0o777 == 0o600
    assert main([*ASKED, "--output", "plain.csv"]) in (0, 4)
    assert "Ana" not in Path("plain.csv").read_text("utf-8")
    assert "key-1" not in Path("plain.csv").read_text("utf-8")


def test_a_month_of_another_zone_has_the_calls_and_the_days_of_that_zone() -> None:
    """02:00 UTC is the evening before in Santiago."""
    october = SEPTEMBER.next
    store(Path("data"), "ledger", SEPTEMBER.previous)
    store(
        Path("data"), "ledger", SEPTEMBER, call("a", "2025-09-01T02:00:00", "1"), call("b", "2025-09-02T02:00:00", "2")
    )
    store(Path("data"), "ledger", october, call("c", "2025-10-01T02:00:00", "4"))
    asked = ["export", "--format", "csv", "--year", "2025", "--month", "9", "--output", "one.csv"]
    assert main([*asked, "--zone", "America/Santiago"]) == 0
    assert [(row["day"], float(row["usd"])) for row in read("one.csv")] == [("2025-09-01", 2), ("2025-09-30", 4)]
    assert main(asked) == 0
    assert [(row["day"], float(row["usd"])) for row in read("one.csv")] == [("2025-09-01", 1), ("2025-09-02", 2)]


def test_charges_that_do_not_sum_to_the_spend_are_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(Path("data"), "ledger", SEPTEMBER, call("a", "2025-09-05", "1"), call("b", "2025-09-06", "2"))
    built = focus.build_focus

    def lose_a_charge(spend: Spend) -> focus.Charges:
        charges = built(spend)
        return focus.Charges(charges.rows.limit(1), charges.notes)

    monkeypatch.setattr(focus, "build_focus", lose_a_charge)
    Path("kept.csv").write_text("as it was", "utf-8")
    assert main([*ASKED, "--output", "kept.csv"]) == 4
    assert "its charges sum to US$ 1, the spend of 2025-09 is US$ 3" in capsys.readouterr().err
    assert Path("kept.csv").read_text("utf-8") == "as it was"
    assert sorted(file.name for file in Path().iterdir()) == ["data", "kept.csv"]


def test_a_month_that_lacks_prices_is_written_and_exits_as_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    store(Path("data"), "ledger", SEPTEMBER, call("a", "2025-09-05", None, model="mine"), lacking=1)
    assert main([*ASKED, "--output", "none.csv"]) == 3
    out, err = capsys.readouterr()
    assert out == "📄 none.csv\n0 charges; the spend of 2025-09 is not known\n"  # and no US$ 0.00
    assert "1 call without a price left out" in err
    assert main([*ASKED, "--output", "none.csv", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [told[name] for name in ("rows", "amount_in_usd", "at_least")] == [0, None, False]
    assert read("none.csv") == []
    assert Path("none.csv").read_text("utf-8").startswith("BilledCost,BillingAccountId,")


def test_what_cannot_be_written_or_is_not_stored_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--output", "x.csv"]) == 2
    assert "Nothing of 2025-09 is stored" in capsys.readouterr().err
    store(Path("data"), "ledger", SEPTEMBER, call("a", "2025-09-05"))
    Path("folder").mkdir()
    assert main([*ASKED, "--output", "folder"]) == 1
    assert "flexlib: folder cannot be written" in capsys.readouterr().err
    assert sorted(file.name for file in Path().iterdir()) == ["data", "folder"]


def test_plain_facts_have_the_same_sum_and_a_line_without_an_amount_for_what_has_no_price(
    capsys: pytest.CaptureFixture[str],
) -> None:
    people = {"key-1": {"name": "Ana Rojas", "email": "ana@empresa.cl"}}
    store_credits(Path("data"), (3, "key-1", "claude-sonnet-4", 150, 250), people=people)
    said = json.dumps({"department": "Platform", "team": "=1"})
    pesos = {"amount_in_clp": Decimal(965), "fx_rate": Decimal(965), "fx_date": SEPTEMBER.first}
    who = {"usable_type": "user", "usable_id": 7, "metadata": said}
    calls = [call("a", "2025-09-05", "1", **who, **pesos), call("b", "2025-09-05", None, **who)]
    store(Path("data"), "ledger", SEPTEMBER, *calls, lacking=1)
    main(["export", "--format", "csv", "--year", "2025", "--month", "9", "--output", "facts.csv"])
    assert "1 call without a price: usd is empty there, not 0." in capsys.readouterr().err
    flex, plan, *called = read("facts.csv")
    assert {name: value for name, value in called[0].items() if value} == {
        "day": "2025-09-05", "last_day": "2025-09-05", "person": "user 7", "department": "Platform", "team": "'=1",
        "charge": "usage", "model": "gpt-4o", "provider": "OpenAI", "maker": "OpenAI", "task_type": "text",
        "requests": "1", "input_tokens": "100", "cached_tokens": "0", "output_tokens": "0", "usd": "1.0000000000",
        "clp": "965.0000", "exchange_rate": "965.00000000",
    }  # fmt: skip
    assert (called[1]["usd"], called[1]["requests"]) == ("", "1")
    assert [(row["flex_credits"], row["plan_credits"], row["usd"]) for row in (flex, plan)] == [
        ("2.50", "", "0.1000000000"), ("", "1.50", "0.0000000000")]  # fmt: skip
    assert sum(Decimal(row["usd"] or 0) for row in read("facts.csv")) == fl.load("2025-09").total("usd")


def test_a_full_disk_is_a_sentence_and_the_file_that_was_there_stays(folder: Path) -> None:
    shutil.copytree(FIXTURE, "data")
    Path("kept.csv").write_text("as it was", "utf-8")

    def allow_little() -> None:  # for every file of the process, as a disk that is nearly full does
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [sys.executable, "-m", "flexlib", *ASKED, "--output", "kept.csv"]
    ran = subprocess.run(command, capture_output=True, text=True, preexec_fn=allow_little)
    assert ran.returncode == 1
    assert "kept.csv cannot be written (file too large); make room or choose another folder.\n" in ran.stderr
    assert Path("kept.csv").read_text("utf-8") == "as it was"
    assert sorted(file.name for file in folder.iterdir()) == ["data", "kept.csv"]


def test_an_unknown_format_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "--format", "lotus", "--year", "2025", "--month", "9"])
    assert ended.value.code == 2
    assert "focus" in capsys.readouterr().err
