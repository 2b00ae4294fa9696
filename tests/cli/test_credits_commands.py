"""The commands on credits, as a person and a script meet them: what is said where, and which code comes back."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from harness import COMPANY, KEY, SEPTEMBER, sum_credits, sum_rows

from flexlib.certificate import CreditsCertificate
from flexlib.cli import main
from flexlib.dates import Month
from flexlib.demo import demo_server
from flexlib.formats import format_credits
from flexlib.settings import load_settings
from flexlib.store.snapshots import find_snapshot, load_credits
from flexlib.store.version import Snapshot

Demo = Callable[..., str]
Fetch = Callable[..., Snapshot]
ApiRequest = Callable[..., None]

WHEN = ("--year", "2025", "--month", "9")
PROMPT, FLEX = sum_rows(sum_credits())
BUSIEST = COMPANY.rank_spenders(SEPTEMBER)[0]

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the server that the commands ask."""

    def choose(url: str) -> None:
        monkeypatch.setenv("WINDSURF_BASE_URL", url)
        monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)

    return choose


def test_fetch_says_the_proof_and_nothing_on_stderr_when_the_month_is_whole(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo())
    assert main(["fetch", *WHEN]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = [line.split(maxsplit=1) for line in said.out.splitlines()]
    assert said.out.startswith("CERTIFICATE - SEPTEMBER 2025\n")
    assert ["State", "COMPLETE"] in lines
    assert "  Flex credits    9,197.50\n" in said.out
    assert "  Users           300 asked, 20 active, 0 failed\n" in said.out
    assert "  Route           team (the first choice, and the server answered it)\n" in said.out


def test_json_stands_alone_on_stdout_and_is_what_is_stored(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo())
    assert main(["fetch", *WHEN, "--json", "--progress"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["flex_credits_hundredths"], told["users_asked"]) == ("COMPLETE", FLEX, 300)
    assert told["rows_sha256"] == load_credits(SEPTEMBER, load_settings().data).certificate.rows_sha256
    assert main(["certificate", *WHEN, "--json"]) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == (told, "")


def test_json_of_months_is_a_list(demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]) -> None:
    asking(demo())
    span = ("--start-date", "2025-08-20", "--end-date", "2025-10-02")
    assert main(["fetch", *span, "--json", "--verify", "0"]) == 0
    assert [one["month"] for one in json.loads(capsys.readouterr().out)] == ["2025-08", "2025-09", "2025-10"]
    assert main(["certificate", *span, "--json"]) == 0
    assert [one["state"] for one in json.loads(capsys.readouterr().out)] == ["COMPLETE"] * 3


@pytest.mark.parametrize(
    ("options", "route", "code", "sentence"),
    [
        (
            ("--failing-user", BUSIEST),
            "user",
            3,
            f"2025-09 is GAP: 1 user could not be read ({BUSIEST}): the total is a",
        ),
        (
            ("--garbage-user", BUSIEST),
            "team",
            3,
            "rows could not be taken: the total is a lower bound; run flexlib fetch",
        ),
        (("--max-items-query", "200"), "user", 4, "2025-09 is UNRECONCILED: sums: the server's own sum holds"),
        (
            ("--billing-cycle", "2025-09", "--balance-offset", "9"),
            "auto",
            4,
            "2025-09 is UNRECONCILED: balance: the balance says 9,206.00 were used, 9,197.50 are here.",
        ),
    ],
)
def test_what_is_not_whole_is_stored_told_on_stderr_and_seen_by_a_script(
    options: tuple[str, ...],
    route: str,
    code: int,
    sentence: str,
    demo: Demo,
    asking: ApiRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asking(demo(*options))
    assert main(["fetch", *WHEN, "--route", route]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert main(["certificate", *WHEN]) == code
    assert capsys.readouterr().out == said.out


@pytest.mark.parametrize(
    ("options", "route", "code"),
    [
        (("--max-items-query", "300"), "team", 4),
        (("--refused-user", BUSIEST), "user", 1),
        (("--deny", "analytics"), "auto", 1),
        (("--billing-strategy", "QUOTA"), "consumption", 1),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_nothing_is_stored(
    options: tuple[str, ...], route: str, code: int, demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo(*options))
    assert main(["fetch", *WHEN, "--route", route]) == code
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("flexlib: ")
    assert find_snapshot("credits", SEPTEMBER, load_settings().data) is None


def test_a_month_that_is_not_over_is_provisional_with_a_line_on_stderr_and_exit_code_0(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo())
    now = Month.containing(datetime.now(timezone.utc).date())
    assert main(["fetch", "--year", str(now.year), "--month", str(now.month), "--verify", "0", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["state"] == "PROVISIONAL"
    assert said.err == (
        f"{now} is PROVISIONAL: it was read before the month was over and settled; the total will still grow.\n"
    )


def test_another_servers_folder_is_one_sentence_with_exit_code_2(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asking(demo())
    main(["fetch", *WHEN, "--verify", "0"])
    capsys.readouterr()
    with demo_server("--users", "20") as other:
        asking(other)
        for command in ("fetch", "by-model", "daily", "monthly"):
            assert main([command, *WHEN]) == 2
            assert capsys.readouterr().err == (
                f"flexlib: {tmp_path / 'data'} holds data of demo (seed=2025 users=300), and the settings name "
                "demo (seed=2025 users=20); set FLEXLIB_DATA to a folder of its own.\n"
            )


def test_what_is_stored_of_another_server_is_shown_without_a_key_and_no_server_is_said_to_be_asked(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(demo())
    main(["fetch", *WHEN, "--verify", "0"])
    asking("https://windsurf.test")
    monkeypatch.delenv("WINDSURF_SERVICE_KEY")
    capsys.readouterr()
    assert main(["by-model", *WHEN, "--json"]) == 0
    assert "windsurf.test" not in capsys.readouterr().err


def read_bar(text: str) -> str:
    """The bar as it stands at the end, its running parts replaced."""
    last = [part for part in re.split(r"[\r\n]", text) if "/" in part and "user/s" in part][-1]
    last = re.sub(r"\|[█ ▏▎▍▌▋▊▉]+\|", "|████|", last)
    # Blanks at its end cover what a longer one had left there.
    return re.sub(r"\[[\d:]+<[\d:]+, +[\d.]+user/s", "[00:00<00:00, 0user/s", last).rstrip()


@pytest.mark.parametrize("route", ["team", "user"])
def test_progress_reads_as_the_seeds(
    route: str, demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(demo())
    monkeypatch.delenv("COLUMNS", raising=False)  # of a terminal that would cut it
    assert main(["fetch", *WHEN, "--route", route, "--verify", "0", "--progress"]) == 0
    said = capsys.readouterr().err
    assert read_bar(said) == (
        "📊 Processing users: 100%|████| 300/300 [00:00<00:00, 0user/s, active=20, data_points=805]"
    )
    assert said.endswith("\n\n✅ Complete! Processed 300 users | Active: 20 | Data points: 805\n")


def test_progress_of_a_gap_does_not_say_complete(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo("--failing-user", BUSIEST))
    assert main(["fetch", *WHEN, "--route", "user", "--verify", "0", "--progress"]) == 3
    said = capsys.readouterr().err
    assert "⚠️  GAP: Processed 300 users | Active: 19 | Failed: 1 | Data points: 534\n" in said
    assert "✅" not in said


def test_a_failure_has_a_line_of_its_own_below_the_bar(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo("--refused-user", BUSIEST))
    assert main(["fetch", *WHEN, "--route", "user", "--progress"]) == 1
    assert re.search(r"\nflexlib: .* refused to answer for the user", capsys.readouterr().err)


def test_by_model_fetches_what_is_not_there_and_then_needs_no_server(
    asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["by-model", *WHEN, "--output-dir", str(tmp_path / "output"), "--workers", "50"]
    with demo_server("--users", "300") as url:
        asking(url)
        assert main(words) == 0
        first = capsys.readouterr()
    assert main(words) == 0
    second = capsys.readouterr()
    assert first == second
    assert first.err == ""
    assert "FLEX CREDITS BY MODEL - SEPTEMBER 2025" in first.out
    assert re.search(r"^GRAND TOTAL +9,197\.50 +\(100\.0%\)$", first.out, re.MULTILINE)
    file = tmp_path / "output" / f"flex_credits_by_model_demo_september_2025_{date.today()}.csv"
    assert first.out.endswith(f"📄 {file}\n")
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert list(rows[0]) == ["event_date", "date_formatted", "model", "flex_credits"]
    assert sum(round(float(row["flex_credits"]) * 100) for row in rows) == FLEX


def mark(snapshot: Snapshot, **changes: Any) -> None:  # noqa: ANN401
    """The stored month with another certificate."""
    assert isinstance(snapshot.certificate, CreditsCertificate)
    (snapshot.path / "certificate.json").write_text(replace(snapshot.certificate, **changes).to_json())


def test_by_model_marks_a_total_that_lacks_somebody_as_a_lower_bound(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asking(demo("--failing-user", BUSIEST, "--refuse-aggregation"))
    assert main(["by-model", *WHEN, "--output-dir", str(tmp_path)]) == 3
    said = capsys.readouterr()
    assert "GRAND TOTAL (AT LEAST)" in said.out
    assert "1 user could not be read" in said.err


def test_by_model_reads_a_gap_again_and_leaves_a_complete_month_alone(
    demo: Demo, fetch: Fetch, asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asking(demo())
    whole = fetch(demo(), verify=0)
    words = ["by-model", *WHEN, "--json", "--verify", "0"]
    assert main(words) == 0
    assert load_credits(SEPTEMBER, load_settings().data) == whole
    mark(whole, users_failed=1, failed_users=(BUSIEST,))
    assert main(words) == 0
    assert load_credits(SEPTEMBER, load_settings().data) != whole


@pytest.mark.parametrize(
    ("command", "column"),
    [("by-model", "flex_credits"), ("daily", "flex_credits"), ("monthly", "flex_credits")],
)
def test_json_rows_sum_to_the_month_in_whole_hundredths_and_no_csv_is_written(
    command: str, column: str, demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asking(demo())
    assert main([command, *WHEN, "--json", "--output-dir", str(tmp_path / "output")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["certificates"] == [{"month": "2025-09", "state": "COMPLETE"}]
    assert sum(row[f"{column}_hundredths"] for row in told["rows"]) == FLEX
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("command", "stem", "columns"),
    [
        (
            "daily",
            "team_daily_flex_credits_demo_september_2025",
            "event_date,date_formatted,total_flex_credits,total_prompt_credits,data_points",
        ),
        (
            "monthly",
            "team_monthly_credits_demo_september_2025",
            "month,month_formatted,total_flex_credits,total_prompt_credits,total_credits_used,data_points",
        ),
    ],
)
def test_days_and_months_are_files_with_the_seeds_columns_that_sum_to_the_month(
    command: str,
    stem: str,
    columns: str,
    demo: Demo,
    asking: ApiRequest,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    asking(demo())
    assert main([command, *WHEN, "--output-dir", str(tmp_path)]) == 0
    assert format_credits(FLEX) in capsys.readouterr().out
    text = (tmp_path / f"{stem}_{date.today()}.csv").read_text()
    assert text.splitlines()[0] == columns
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(round(float(row["total_flex_credits"]) * 100) for row in rows) == FLEX
    assert sum(round(float(row["total_prompt_credits"]) * 100) for row in rows) == PROMPT
    assert sum(int(row["data_points"]) for row in rows) == 805


def test_days_of_several_months_are_asked_for_by_dates(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(demo())
    span = ("--start-date", "2025-08-31", "--end-date", "2025-09-02")
    assert main(["daily", *span, "--json", "--verify", "0"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    spent = {**sum_credits(Month(2025, 8)), **sum_credits()}
    expected = sum(flex for (day, _, _), (_, flex) in spent.items() if date(2025, 8, 31) <= day <= date(2025, 9, 2))
    assert sum(row["flex_credits_hundredths"] for row in rows) == expected


def test_a_folder_that_cannot_be_written_is_one_sentence(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asking(demo())
    (tmp_path / "file").write_text("")
    assert main(["daily", *WHEN, "--output-dir", str(tmp_path / "file")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("flexlib: ")
    assert "A fault in flexlib" not in said
    assert said.count("\n") == 1


def test_demo_asks_made_up_people_in_a_folder_of_their_own_without_a_key(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flexlib", "fetch", "--demo", *WHEN, "--json", "--verify", "2"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == f"Data: made up by flexlib's demo, no real people or spend ({tmp_path}/data/demo).\n"
    told = json.loads(done.stdout)
    assert (done.returncode, told["state"], told["demo"], told["users_asked"]) == (0, "COMPLETE", True, 5930)
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data" / "demo") is not None
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None


def test_demo_without_key_asks_the_real_server_once_there_is_a_key(
    demo: Demo, asking: ApiRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asking(demo())
    assert main(["fetch", "--demo", "without-key", *WHEN, "--verify", "0"]) == 0
    assert capsys.readouterr().err == f"A service key is set, so this is of {demo()} and not of the demo.\n"
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is not None
