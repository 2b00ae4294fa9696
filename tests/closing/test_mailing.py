"""What a month's run is to mail and cannot is said at its door: by a dry run, and before the first step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report_samples import FIXTURE
from spend_samples import SEPTEMBER, call, store

from flexlib.cli.main import main

MONTH = ["month", "--year", "2025", "--month", "9", "--plan", "month.yaml"]
READERS = "mails: [{to: a@example.com, attach: [xlsx]}]"
PDF = "mails: [{to: a@example.com, attach: pdf}]"
SHARED = "share: yes\nwith: [xlsx]\n"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SERVER = "smtp://mail.example.com"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", "data")
    monkeypatch.setenv("FLEXLIB_SMTP_FROM", "flexlib@example.com")
    monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_KNOWN", "https://hooks.example.com/known")
    store(tmp_path / "data", "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "1.00"))
    return tmp_path


@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize(
    ("plan", "readers", "notices", "server", "said"),
    [
        ("", "mails: [{to: a@example.com}]", "", "", [
            "mail.yaml says who is mailed, and no mail server is known; set FLEXLIB_SMTP_URL in the environment or in "
            ".env, or write mail: no into month.yaml."]),
        ("", "", "notices: [{email: a@example.com}]", "", [
            "notices.yaml says who is mailed, and no mail server is known; set FLEXLIB_SMTP_URL in the environment or "
            "in .env, or write notices: no into month.yaml."]),
        ("share: yes\n", READERS, "", SERVER, [
            "mail.yaml attaches xlsx, which nothing makes; write with: [xlsx] into month.yaml, or take xlsx out of "
            "attach."]),
        ("with: [xlsx]\n", READERS, "", SERVER, [
            "mail.yaml attaches xlsx, which may show departments of few people; write share: yes into month.yaml, or "
            "take xlsx out of attach."]),
        ("zone: America/Santiago\nwith: [xlsx]\n", READERS, "", SERVER, [
            "mail.yaml attaches xlsx, which may show departments of few people: they are left out of months of UTC "
            "alone, and month.yaml has zone: America/Santiago. Take xlsx out of attach, or the zone out of the plan."]),
        ("zone: Mars\n", "mails: [{to: ana}]", "", SERVER, [
            "line 1 of month.yaml: 'Mars' is not a time zone; write it as America/Santiago or UTC."]),
        ("", "mails: [{to: ana}]", "", SERVER, ["line 1 of mail.yaml has to: 'ana'; give e-mail addresses."]),
        ("with: [pdf]\n", PDF, "", SERVER, [
            "mail.yaml attaches pdf, which may show departments of few people; write share: yes into month.yaml, or "
            "take pdf out of attach."]),
        ("zone: America/Santiago\nwith: [pdf, xlsx]\n", PDF.replace("pdf", "[xlsx, pdf]"), "", SERVER, [
            "mail.yaml attaches pdf, xlsx, which may show departments of few people: they are left out of months of "
            "UTC alone, and month.yaml has zone: America/Santiago. Take pdf, xlsx out of attach, or the zone out of "
            "the plan."]),
        ("reports: [llm_usage.ipynb]\n", PDF, "", SERVER, [
            "mail.yaml attaches pdf, which nothing makes; write with: [pdf] into month.yaml, or take pdf out of "
            "attach.",
            "mail.yaml attaches pdf, which may show departments of few people; write share: yes into month.yaml, or "
            "take pdf out of attach."]),
        ("reports: [flex_credits]\n", "mails: [{to: a@example.com}]", "", SERVER, [
            "mail.yaml says who is mailed the month, which needs the page llm_usage, and nothing makes it; add "
            "llm_usage to reports in month.yaml, or write mail: no there."]),
        ("", "", "notices: [{slack: [ops, Known]}, {webhook: ops}]", "", [
            "notices.yaml tells the webhook ops, whose address is not known; set FLEXLIB_WEBHOOK_URL_OPS in the "
            "environment or in .env, or write notices: no into month.yaml.",
            "notices.yaml tells a webhook, whose messages are signed; set FLEXLIB_WEBHOOK_SECRET in the environment or "
            "in .env, name the webhook as slack, or write notices: no into month.yaml."]),
    ],
)  # fmt: skip
def test_what_cannot_be_mailed_is_refused_before_the_first_step(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], dry: list[str], plan: str,
    readers: str, notices: str, server: str, said: list[str],
) -> None:  # fmt: skip
    write_files(monkeypatch, plan, readers, notices, server)
    assert main([*MONTH, *dry]) == 2
    assert capsys.readouterr().err.removeprefix("flexlib: ").replace(f"{home}/", "").splitlines() == said
    assert not (home / "reports").exists()


@pytest.mark.parametrize(
    ("plan", "readers", "notices", "server"),
    [
        (SHARED, READERS, "", SERVER),
        ("with: [xlsx]\nreports: [{notebook: llm_usage, parameters: {share: yes}}]\n", READERS, "", SERVER),
        ("share: yes\nwith: [pdf]\nreports: [llm_usage.ipynb]\n", PDF, "", SERVER),
        ("notices: no\n", "", "notices: [{webhook: ops}]", ""),
        ("", "", "notices: [{slack: [KNOWN, known]}]", ""),
        ("mail: no\nnotices: no\n", READERS, "notices: [{email: a@example.com}]", ""),
        ("", "", "notices: [{file: told.jsonl}]", ""),
    ],
)
def test_what_can_be_mailed_and_what_is_not_to_be_is_not_refused(
    monkeypatch: pytest.MonkeyPatch, plan: str, readers: str, notices: str, server: str
) -> None:
    write_files(monkeypatch, plan, readers, notices, server)
    assert main([*MONTH, "--dry-run"]) == 0


@pytest.mark.parametrize("zone", ["", "zone: America/Santiago\n"])
def test_a_pdf_of_our_own_page_is_attached_in_each_zone_where_it_reads_no_budgets(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], zone: str
) -> None:
    """A notebook of one's own under that name may show anything, and needs a parameter by which it does not."""
    write_files(monkeypatch, f"{zone}with: [pdf]\n", PDF, "", SERVER)
    monkeypatch.delenv("FLEXLIB_BUDGETS")
    assert main([*MONTH, "--dry-run"]) == 0
    (home / "notebooks").mkdir()
    own = json.loads((NOTEBOOKS / "llm_usage.ipynb").read_text("utf-8"))
    for one in own["cells"]:
        one["source"] = [line for line in one["source"] if not line.startswith("share: bool")]
    (home / "notebooks" / "llm_usage.ipynb").write_text(json.dumps(own), "utf-8")
    for share in ("", "share: yes\n") if not zone else ("",):
        write_files(monkeypatch, f"{zone}{share}with: [pdf]\n", PDF, "", SERVER)
        monkeypatch.delenv("FLEXLIB_BUDGETS")
        capsys.readouterr()
        assert main([*MONTH, "--dry-run"]) == 2
        said = ("they are left out of months of UTC alone, and month.yaml has zone: America/Santiago. Take pdf" if zone
                else "and llm_usage.ipynb has no parameter share by which it leaves them out; take pdf")  # fmt: skip
        assert said in capsys.readouterr().err


def test_a_page_that_lies_there_is_mailed_though_the_plan_does_not_make_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(monkeypatch, "reports: [flex_credits]\n", "mails: [{to: a@example.com}]", "", SERVER)
    assert main([*MONTH, "--dry-run"]) == 2
    (home / "reports" / "2025-09").mkdir(parents=True)
    (home / "reports" / "2025-09" / "llm_usage.html").touch()
    assert main([*MONTH, "--dry-run"]) == 0


def test_of_made_up_data_nobody_is_told_so_that_nothing_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it lies."""
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    write_files(monkeypatch, "", READERS, "notices: [{email: a@example.com}]", "")
    assert main([*MONTH, "--dry-run", "--json"]) == 0
    steps = {one["step"]: one for one in json.loads(capsys.readouterr().out)["steps"]}
    assert [(steps[name]["runs"], steps[name]["why"]) for name in ("notices", "mail")] == [
        (False, "of made-up data nobody is told")
    ] * 2


def write_files(monkeypatch: pytest.MonkeyPatch, plan: str, readers: str, notices: str, server: str) -> None:
    Path("month.yaml").write_text(f"rates: no\n{plan}" if "Mars" not in plan else plan, "utf-8")
    Path("budgets.yaml").write_text("budgets: [{name: all, whole: true, currency: usd, amount: '1'}]", "utf-8")
    monkeypatch.setenv("FLEXLIB_BUDGETS", "budgets.yaml")
    for setting, name, text in (("MAIL", "mail.yaml", readers), ("NOTICES", "notices.yaml", notices)):
        if text:
            Path(name).write_text(text, "utf-8")
            monkeypatch.setenv(f"FLEXLIB_{setting}", name)
    if server:
        monkeypatch.setenv("FLEXLIB_SMTP_URL", server)


@pytest.mark.parametrize(("plan", "given"), [("", "-p zone Cuba"), ("zone: America/Santiago\n", "")])
def test_a_zone_of_sales_of_a_notebook_of_ones_own_is_none_of_the_plan(
    home: Path, capsys: pytest.CaptureFixture[str], plan: str, given: str
) -> None:
    """Beside a file that is of days of UTC it stands, and the plan's own zone is not handed to it."""
    source = "year: int = 2025\nmonth: int = 9\nzone: str = 'Norte'"
    cell: dict[str, Any] = {"cell_type": "code", "id": "a", "source": source,
            "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None}  # fmt: skip
    (home / "sales.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8"
    )
    beside = "with: [focus]\n" * (not plan)
    line = "{notebook: sales.ipynb, parameters: {zone: Cuba}}" if given else "sales.ipynb"
    (home / "month.yaml").write_text(f"{plan}{beside}reports:\n  - {line}\n", "utf-8")
    assert main([*MONTH, "--dry-run", "--json"]) in (0, 3)
    (report,) = [one for one in json.loads(capsys.readouterr().out)["steps"] if "sales" in json.dumps(one)]
    assert ("zone" in json.dumps(report)) is bool(given)
