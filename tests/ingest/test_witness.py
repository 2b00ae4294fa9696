"""A month of credits that no second figure of the server's confirms is not whole, whatever else went well."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from harness import (
    BALANCE,
    COMPANY,
    CONSUMPTION,
    KEY,
    PEOPLE,
    QUERIES,
    Answer,
    Request,
    answer_json,
    forward,
    serve,
    sum_credits,
    sum_rows,
)

import flexlib as fl
from flexlib.certificate import CreditsCertificate, State
from flexlib.cli import main
from flexlib.settings import load_settings
from flexlib.store.snapshots import find_snapshot

Demo = Callable[..., str]
SEPTEMBER = fl.Month(2025, 9)
WHEN = ("--year", "2025", "--month", "9")
LISTED = 10

pytestmark = pytest.mark.usefixtures("hurry")


def cut_list(url: str, *, seats: int = 300, listed: Callable[[str], bool] | None = None) -> Callable[[Request], Answer]:
    """The demo server with ten people on its list, which gives no sum over the team and no second endpoint."""

    def handle(request: Request) -> Answer:
        if request.path == CONSUMPTION:
            return answer_json({"error": "not found"}, 404)
        if request.path == QUERIES:
            filters = request.body["query_requests"][0]["filters"]
            if not any(one["name"] == "api_key" for one in filters):
                return answer_json({"error": "no"}, 400)
        answer = forward(url, request)
        value: dict[str, Any] = json.loads(answer.text) if answer.status == 200 and request.path != "/" else {}
        if request.path == PEOPLE:
            people = sorted(value["userTableStats"], key=lambda one: str(one["apiKey"]))
            kept = [one for one in people if listed(str(one["apiKey"]))] if listed else people[:LISTED]
            return answer_json({"userTableStats": kept})
        if request.path == BALANCE:
            return answer_json(value | {"numSeats": seats})
        return answer

    return handle


def fetch(url: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, CreditsCertificate]:
    monkeypatch.setenv("WINDSURF_BASE_URL", url)
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
    code = main(["fetch", *WHEN, *words])
    snapshot = find_snapshot("credits", SEPTEMBER, load_settings().data)
    assert snapshot is not None
    assert isinstance(snapshot.certificate, CreditsCertificate)
    return code, snapshot.certificate


def test_a_list_cut_short_that_nothing_is_held_against_is_not_complete(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with serve(cut_list(demo())) as url:
        code, proof = fetch(url, monkeypatch)
        assert (code, proof.state, proof.users_asked) == (4, State.UNWITNESSED, LISTED)
        error = capsys.readouterr().err
        assert error.startswith(
            "2025-09 is UNWITNESSED: no second figure of the server's confirms the total "
            "(sums: the server gives no sum over the whole team; independent total: "
        )
        assert error.endswith(
            "people listed: 10, seats of the team: 300; fetch it again, "
            "or set FLEXLIB_NO_WITNESS=yes if the server offers none.\n"
        )
        # Nor is it once it is stored: by no command, and the exit code stays.
        assert main(["by-model", *WHEN]) == 4
        assert "2025-09 is UNWITNESSED" in capsys.readouterr().err
        assert main(["spend", *WHEN]) == 4
        assert fl.load("2025-09").state is State.UNWITNESSED
    assert main(["report", *WHEN, "--offline"]) == 4
    page = next((tmp_path / "reports").rglob("*flex_credits*.html")).read_text("utf-8")
    assert 'class="flex-badge warn"' in page
    assert "? Unwitnessed" in page


def test_a_balance_that_agrees_does_not_speak_for_the_prompt_credits_of_whoever_is_not_listed(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list lacks one who spent prompt credits only; the balance, which is of flex credits, agrees."""
    spent = {key: [sum(part) for part in zip(*((row.prompt_credits, row.flex_credits) for row in rows), strict=True)]
             for key, rows in COMPANY.read_ledger(SEPTEMBER).by_key.items()}  # fmt: skip
    missing = next(key for key, (prompt, flex) in sorted(spent.items()) if prompt and not flex)
    cut = cut_list(demo("--billing-cycle", "2025-09"), listed=lambda key: key != missing)
    with serve(cut) as url:
        code, proof = fetch(url, monkeypatch)
    assert (code, proof.state, proof.flex_credits_hundredths) == (4, State.UNWITNESSED, sum_rows(sum_credits())[1])
    said = capsys.readouterr().err
    assert "balance: a key that is not on the list of people may have spent it, which the routes team and" in said
    assert "people listed: 299, seats of the team: 300" in said


def test_a_company_whose_server_offers_nothing_says_so_and_the_badge_stays(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_NO_WITNESS", "yes")
    with serve(cut_list(demo(), seats=LISTED)) as url:
        code, proof = fetch(url, monkeypatch, "--json")
    assert (code, proof.state, proof.accepted_by) == (0, State.UNWITNESSED, "FLEXLIB_NO_WITNESS")
    said = capsys.readouterr()
    assert json.loads(said.out)["accepted_by"] == "FLEXLIB_NO_WITNESS"
    assert said.err.endswith("people listed: 10; FLEXLIB_NO_WITNESS says that the server offers none.\n")
    assert main(["spend", *WHEN]) == 0
    assert main(["report", *WHEN, "--offline"]) == 0
    page = next((tmp_path / "reports").rglob("*flex_credits*.html")).read_text("utf-8")
    assert "? Unwitnessed" in page
    monkeypatch.setenv("FLEXLIB_NO_WITNESS", "1")
    assert main(["certificate", *WHEN]) == 2
    assert capsys.readouterr().err.endswith("flexlib: FLEXLIB_NO_WITNESS is '1'; it must be yes, or not set.\n")


def test_the_setting_excuses_no_month_that_something_could_be_held_against(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_NO_WITNESS", "yes")
    code, proof = fetch(demo(), monkeypatch)
    assert (code, proof.state, proof.accepted_by) == (0, State.COMPLETE, "")


@pytest.mark.parametrize(
    ("date", "state"),
    [
        ("Sat, 20 Sep 2025 10:00:00 GMT", State.PROVISIONAL),
        ("Wednesday, 01-Oct-25 02:59:59 GMT", State.PROVISIONAL),
        ("Wed Oct  1 03:00:00 2025", State.COMPLETE),
        ("no date", State.COMPLETE),
    ],
)
def test_a_month_is_not_over_until_it_is_by_the_servers_clock_too(
    date: str, state: State, demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tell_date(request: Request) -> Answer:
        answer = forward(demo(), request)
        return dataclasses.replace(answer, headers=answer.headers | {"Date": date})

    with serve(tell_date) as url:
        code, proof = fetch(url, monkeypatch)
    assert (code, proof.state) == (0, state)
    error = capsys.readouterr().err
    if date.startswith("Sat"):
        assert proof.as_of == datetime(2025, 9, 20, 10, tzinfo=timezone.utc)
        assert error == (
            "2025-09 is PROVISIONAL: by the server's clock, 20 Sep 2025, 10:00 UTC, it was read before the month "
            "was over and settled; the total will still grow.\n"
        )
