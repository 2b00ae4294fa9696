"""`flexlib anomalies` as a shell sees it: calls with one spike, planned events, and what it refuses."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from flexlib.cli.main import main

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
WORDS = ["anomalies", "--year", "2025", "--month", "9", "--of", "usd"]
COLUMNS = ["--timestamp", "time", "--prompt-tokens", "input", "--completion-tokens", "output", "--request-id", "id"]
COLUMNS += ["--provider", "openai", "--usable-id", "user", "--usable-type", "user", "--model-column", "model"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """August and September 2025: four users with two calls a day of US$ 0.25 each; on Tuesday, 16 September, the third
    one makes 100 calls of a token more."""
    folder = tmp_path_factory.mktemp("calls")
    lines = ["time,input,output,id,user,model"]
    for number in range(61):
        day = date(2025, 8, 1) + timedelta(days=number)
        for user in range(1, 5):
            calls = 100 if (day, user) == (date(2025, 9, 16), 3) else 2
            tokens = 100_000 + (calls == 100)
            lines += [
                f"{day}T12:00:{call % 60:02}Z,{tokens},0,{day}-{user}-{call},{user},gpt-4o" for call in range(calls)
            ]
    (folder / "calls.csv").write_text("\n".join(lines), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", str(folder / "data"))
        assert main(["import", str(folder / "calls.csv"), *COLUMNS]) == 0
    return folder / "data"


@pytest.fixture(autouse=True)
def shown(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(data))
    monkeypatch.chdir(tmp_path)  # without params/events.yaml


def test_the_spike_is_listed_for_whom_it_was_and_all_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["month"], said["of"], said["least"], said["outcome"]) == ("2025-09", "usd", 1, "judged")
    assert said["days_before"] == 31
    # 100 calls of 100,001 tokens at US$ 2.50 a million are 25.00025; the other three people's six are 1.50.
    assert {(one["layer"], one["date"], one["amount"]) for one in said["unusual"]} == {
        ("day", "2025-09-16", "26.50025"), ("user", "2025-09-16", "25.00025"), ("model", "2025-09-16", "26.50025"),
    }  # fmt: skip
    (person,) = (one for one in said["unusual"] if one["layer"] == "user")
    assert person["expected"] == pytest.approx(0.5, rel=0.1)
    assert said["false_alarms"] < 0.15
    whole = said["unusual"][0]
    assert whole["people"] == {"count": 4, "each": 6.63, "usual_count": 4, "usual_each": 0.5}


def test_the_list_says_how_many_false_alarms_to_expect(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(WORDS) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "Unusual days of September 2025 in US$, at least 1 each: 3, of which under 0.1 may be false alarms"
    )
    assert "(4 spenders at 6.63 each, on such a weekday 4 at 0.50)" in said


def test_planned_events_are_named_and_not_alarmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = tmp_path / "events.yaml"
    events.write_text("events:\n  - {first: 2025-09-15, last: 2025-09-17, name: Load test}\n", "utf-8")
    assert main([*WORDS, "--events", str(events), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {one["event"] for one in said["unusual"]} == {"Load test"}
    assert said["false_alarms"] == 0
    assert main([*WORDS, "--events", str(events)]) == 0
    planned = capsys.readouterr().out.partition("Planned\n")[2].splitlines()
    assert [line.split("  ")[2].strip() for line in planned[:3]] == [
        "Load test",
        "Load test, user 3",
        "Load test, gpt-4o",
    ]
    events.write_text("events:\n  - {date: 2025-09-16, name: Load test, scope: {model: gpt-4o}}\n", "utf-8")
    assert main([*WORDS, "--events", str(events), "--json"]) == 0
    unusual = json.loads(capsys.readouterr().out)["unusual"]
    assert [(one["layer"], one["event"]) for one in unusual] == [("day", None), ("user", None), ("model", "Load test")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 2025-09-16", "is no list of events"),
        ("events: [{date: 2025-09-16}]", "has no name"),
        ("events: [{date: soon, name: x}]", "has no day"),
        ("events: [{date: 2025-09-16, name: x, who: y}]", "who is no field of an event"),
        ("events: [", "cannot be read as YAML"),
    ],
)
def test_a_file_of_events_that_is_none_is_one_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events.yaml").write_text(text, "utf-8")
    assert main([*WORDS, "--events", str(tmp_path / "events.yaml")]) == 2
    assert said in capsys.readouterr().err


def test_a_month_that_is_not_stored_or_has_no_such_amount_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["anomalies", "--year", "2024", "--month", "1"]) == 2
    assert "Nothing of 2024-01 is stored" in capsys.readouterr().err
    assert main(["anomalies", "--year", "2025", "--month", "9", "--of", "credits"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.endswith("no day of 2025-09 has flex credits; choose another with --of, usd.")  # it takes no clp


@pytest.mark.parametrize("top", ["-1", "0", "ten"])
def test_a_number_of_days_shown_that_is_none_is_refused(top: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*WORDS, "--top", top])
    assert f"'{top}' is not a number from 1 to 1000" in capsys.readouterr().err


def test_a_month_of_credits_without_unusual_days_says_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    assert main(["anomalies", "--year", "2025", "--month", "9"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("in flex credits, at least 20 each: none")


def test_planned_events_are_those_of_the_project_in_whichever_of_its_folders_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("notebooks", "params"):
        (tmp_path / name).mkdir()
    (tmp_path / ".env").touch()
    events = tmp_path / "params" / "events.yaml"
    events.write_text("events:\n  - {date: 2025-09-16, name: Load test}\n", "utf-8")
    for folder in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(folder)
        assert main([*WORDS, "--json"]) == 0
        assert {one["event"] for one in json.loads(capsys.readouterr().out)["unusual"]} == {"Load test"}
