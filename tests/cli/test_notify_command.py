"""`flexlib notify`: what it prints, how it ends, and what `flexlib check` shows of what is open."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from notice_samples import SECRET, Script, serve_script
from spend_samples import SEPTEMBER, call, store

from flexlib import hold, record_usage
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.deliver import mail
from flexlib.store.outbox import Standing, put_standing

HOME = Path(__file__).parents[2]
MONTH = ["--year", "2025", "--month", "9", "--as-of", "2025-09-30"]


@pytest.fixture
def script() -> Iterator[Script]:
    with serve_script("smtp") as script:
        yield script


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Script) -> Path:
    """US$ 5 of 4 on September 2, of 10 of Ana's; finance and Ana are told by mail."""
    monkeypatch.setattr(mail, "READ", 0.3)
    root = tmp_path / "data"
    ana: dict[str, Any] = {"usable_type": "user", "usable_key": "ana@example.com"}
    store(root, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "5", **ana))
    for name, text in {
        "FLEXLIB_BUDGETS": "budgets:\n  - {name: all, whole: true, currency: usd, amount: '4'}\n"
        "  - {name: Ana, usable: [user, ana@example.com], currency: usd, amount: '6'}\n",
        "FLEXLIB_NOTICES": "notices:\n  - {email: finance@example.com, language: es, budgets: all}\n"
        "  - {email: person}\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
        monkeypatch.setenv(name, str(tmp_path / f"{name}.yaml"))
    monkeypatch.setenv("FLEXLIB_SMTP_URL", f"smtp+plain://127.0.0.1:{script.port}")
    monkeypatch.setenv("FLEXLIB_SMTP_FROM", "flexlib@example.com")
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_each_is_told_once(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, wrong = run(capsys, "notify", *MONTH)
    assert (code, wrong) == (0, "")
    assert said.splitlines() == [
        "Notices of September 2025",
        "  SENT     e-mail to ana@example.com: Budget Ana: 83.3 % used",
        "  SENT     e-mail to finance@example.com: Presupuesto all: superado",
    ]
    assert len(script.taken) == 2
    assert run(capsys, "notify", *MONTH) == (0, "Notices of September 2025: none\n", "")
    assert run(capsys, "notify") == (0, "Notices: none\n", "")
    assert len(script.taken) == 2


def test_a_dry_run_shows_the_text_and_sends_and_stores_nothing(
    script: Script, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = run(capsys, "notify", *MONTH, "--dry-run")
    assert code == 0
    assert said == (
        "Notices of September 2025, not sent (--dry-run)\n"
        "  e-mail to ana@example.com\n"
        "    Budget Ana: 83.3 % used\n"
        "    - Ana: 83.3 % of the budget of September 2025 is used, US$ 5.00 of US$ 6.00.\n"
        "  e-mail to finance@example.com\n"
        "    Presupuesto all: superado\n"
        "    - all: el presupuesto de septiembre de 2025 se superó el 2 de septiembre, "
        "con US$5,00 de US$4,00\n"
        "      (125,0 %).\n"
    )
    assert (script.asked, (data / "notices").exists()) == ([], False)


def test_what_is_refused_ends_with_1_and_goes_with_the_next_run(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script.faults[:] = ["rcpt 550"]
    code, said, wrong = run(capsys, "notify", *MONTH)
    assert (code, [line.split()[0] for line in said.splitlines()]) == (1, ["Notices", "FAILED", "SENT"])
    assert "refuses a mail: 550 said." in wrong
    assert len(wrong.splitlines()) == 1
    code, said, _ = run(capsys, "check", *MONTH, "--json")
    (shown,) = json.loads(said)["notices"]
    assert (shown["fate"], shown["recipient"]) == ("failed", "ana@example.com")
    assert run(capsys, "notify") == (0, "Notices\n  SENT     e-mail to ana@example.com: Budget Ana: 83.3 % used\n", "")


def test_the_trouble_of_a_notice_is_stored_in_english_and_told_in_the_readers_language(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script.faults[:] = ["rcpt 550"]
    _, _, wrong = run(capsys, "notify", *MONTH, "--lang", "es")
    assert "rechaza un correo: 550 said." in wrong
    (shown,) = json.loads(run(capsys, "check", *MONTH, "--json", "--lang", "es")[1])["notices"]
    assert "refuses a mail: 550 said." in shown["trouble"]
    told = " ".join(run(capsys, "check", *MONTH, "--lang", "es")[1].split())
    assert "El servidor de correo 127.0.0.1:" in told
    assert "rechaza un correo: 550 said." in told


def test_what_is_not_known_is_shown_by_check_until_somebody_says_what_became_of_it(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script.faults[:] = ["taken, then closed", "taken, then closed"]
    code, _, wrong = run(capsys, "notify", *MONTH)
    assert code == 1
    assert "had the mail and gave no answer: it ended the connection, or was too slow" in wrong
    code, said, _ = run(capsys, "notify")  # the second was not tried
    assert (code, "UNKNOWN" in said) == (1, True)
    code, said, _ = run(capsys, "check", *MONTH)
    lines = [line for line in said.splitlines() if line.startswith("  NOTICE")]
    assert (code, len(lines)) == (5, 2)
    shown = json.loads(run(capsys, "check", *MONTH, "--json")[1])["notices"]
    assert [one["fate"] for one in shown] == ["unknown", "unknown"]
    ana, finance = (one["key"][:12] for one in shown)
    assert f"flexlib notify --resend {ana}" in lines[0]
    assert script.ids == [one["key"] for one in shown]

    code, said, _ = run(capsys, "notify", "--resend", ana)
    assert (code, said.splitlines()[1]) == (0, "  SENT     e-mail to ana@example.com: Budget Ana: 83.3 % used")
    assert script.ids == [shown[0]["key"], shown[1]["key"], shown[0]["key"]]
    code, said, _ = run(capsys, "notify", "--settle", finance)
    assert (code, said.splitlines()[1][:11]) == (0, "  SETTLED  ")
    assert json.loads(run(capsys, "check", *MONTH, "--json")[1])["notices"] == []
    for key in (ana, "abc", "0123456789ab"):
        code, _, wrong = run(capsys, "notify", "--resend", key)
        assert (code, wrong) == (2, f"flexlib: {key} is the key of no single notice whose fate is open; "
                                    "flexlib check lists them.\n")  # fmt: skip


def test_a_webhook_s_address_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "FLEXLIB_NOTICES.yaml").write_text(
        "notices:\n  - {slack: ops, budgets: all}\n  - {webhook: bill}\n", "utf-8"
    )
    with serve_script("http", "404", "500") as hook:
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_OPS", f"{hook.url}&token=T0B0")
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_BILL", f"{hook.url}&token=T0B0")
        monkeypatch.setenv("FLEXLIB_WEBHOOK_SECRET", SECRET)
        code, said, wrong = run(capsys, "notify", *MONTH)
    assert (code, said.count("FAILED"), said.count("UNKNOWN")) == (1, 1, 1)
    assert "The webhook ops refused the message (status 404)." in wrong
    assert not {"T0B0", "127.0.0.1", SECRET} & set((said + wrong).split("/"))
    assert all(hidden not in said + wrong for hidden in ("T0B0", hook.url, SECRET))


def test_who_cannot_be_told_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budgets = tmp_path / "FLEXLIB_BUDGETS.yaml"
    budgets.write_text("budgets: [{name: b, person: key-1, currency: usd, amount: '6'}]", "utf-8")
    code, said, wrong = run(capsys, "notify", *MONTH)
    assert (code, said) == (
        1,
        "Notices of September 2025: none\n",
    )  # nobody passed anything
    assert "which is no budget of 2025-09: nobody is told of it. Check the name." in wrong
    budgets.write_text("budgets: [{name: b, usable: [user, 42], currency: usd, amount: '6'}]", "utf-8")
    notices = tmp_path / "FLEXLIB_NOTICES.yaml"
    notices.write_text("notices: [{email: person, at: [cannot say]}]", "utf-8")
    code, _, wrong = run(capsys, "notify", *MONTH)
    assert (code, wrong) == (
        1,
        "Nobody is told about the budget b: it names no e-mail address; name the person by e-mail.\n",
    )


def test_the_owner_of_a_team_is_told_of_its_budget(
    tmp_path: Path, data: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    store(data, "import", SEPTEMBER, call("a", "2025-09-02T10:00:00", "5", metadata='{"team": "Payments"}'))
    (tmp_path / "FLEXLIB_BUDGETS.yaml").write_text(
        "budgets: [{name: b, team: Payments, currency: usd, amount: '4'}]", "utf-8"
    )
    (tmp_path / "FLEXLIB_NOTICES.yaml").write_text("notices: [{email: owner, at: [over]}]", "utf-8")
    roster = tmp_path / "roster.csv"
    roster.write_text("who,team,owner\nana@example.com,Payments,Boss@example.com\n", "utf-8")
    roster.chmod(0o600)
    code, said, wrong = run(capsys, "notify", *MONTH, "--roster", str(roster))
    assert (code, said.splitlines()[1:], wrong) == (
        0,
        ["  SENT     e-mail to boss@example.com: Budget b: exceeded"],
        "",
    )
    assert len(script.taken) == 1


def test_of_made_up_data_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(HOME / "tests" / "data" / "fixture", tmp_path / "made up")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "made up"))
    code, _, wrong = run(capsys, "notify", *MONTH)
    assert (code, "made-up data, of which nobody is told" in wrong, script.asked) == (2, True, [])


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--notices", "nowhere.yaml"], "nowhere.yaml is not there; copy params/notices.example.yaml to it"),
        (["--year", "2025"], "give --year and --month, or neither"),
    ],
)
def test_wrong_usage_is_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], fault: str) -> None:
    code, _, wrong = run(capsys, "notify", *words)
    assert (code, fault in wrong, len(wrong.splitlines())) == (2, True, 1)


def test_what_waits_is_counted_by_check_and_goes_when_it_is_due(
    tmp_path: Path, script: Script, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an hour of quiet, which ends in one."""
    now = datetime.now(timezone.utc)
    first, last = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 1))
    notices = tmp_path / "FLEXLIB_NOTICES.yaml"
    notices.write_text(f"quiet: ['{first}', '{last}']\nnotices: [{{email: a@example.com, budgets: all}}]", "utf-8")
    code, said, wrong = run(capsys, "notify", *MONTH)
    assert (code, wrong, script.asked) == (0, "", [])
    assert f", {last} UTC): Budget all: exceeded" in said
    assert said.splitlines()[1].startswith("  WAITING  e-mail to a@example.com (until ")
    waiting = f"{{email: a@example.com, budgets: all, quiet: ['{first}', '{last}']}}"
    notices.write_text(f"notices: [{{email: b@example.com, budgets: all}}, {waiting}]", "utf-8")
    days = date(2025, 9, 1), date(2025, 9, 30)
    standing = Standing("all", "whole", (), "usd", Decimal(4), (75,), *days, "over", Decimal(5))
    put_standing(data, standing, 75)
    waits = "  NOTICE       2 messages not sent yet; flexlib notify sends what is due"
    assert run(capsys, "check", *MONTH)[1].splitlines()[-1] == waits
    code, said, _ = run(capsys, "notify")
    assert [line.split()[:4] for line in said.splitlines()[1:]] == [
        ["SENT", "e-mail", "to", "b@example.com:"], ["WAITING", "e-mail", "to", "a@example.com"]]  # fmt: skip


def test_a_limit_of_the_guard_is_told_of_by_what_the_ledger_has_counted(
    tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    """No month is closed, and no budget looked at: 90 cents of a dollar are spent by now, of which 50 were held."""
    budgets = tmp_path / "FLEXLIB_BUDGETS.yaml"
    budgets.write_text(
        "budgets: [{name: all, usable: [key, 3f1c], currency: usd, amount: '1', enforce: true, period: month},"
        " {name: never held, whole: true, currency: usd, amount: '0.10'}]",
        "utf-8",
    )
    assert run(capsys, "notify") == (0, "Notices: none\n", "")
    call: dict[str, Any] = {"provider": "openai", "model": "gpt-4o", "usable": ("key", "3f1c")}
    with hold(usable=("key", "3f1c"), estimate_usd="0.50") as held:
        held.settle(**call, amount_in_usd="0.50")
    assert run(capsys, "notify") == (0, "Notices: none\n", "")
    record_usage(**call, amount_in_usd="0.40")  # without a hold
    sent = "Notices\n  SENT     e-mail to finance@example.com: Presupuesto all: 90,0 % usado\n"
    assert run(capsys, "notify") == (0, sent, "")
    assert run(capsys, "notify") == (0, "Notices: none\n", "")
    record_usage(**call, amount_in_usd="0.11")
    assert run(capsys, "notify")[1].endswith("Presupuesto all: superado\n")
    assert len(script.taken) == 2


def test_who_is_taken_out_of_the_rules_is_told_nothing_more_of_what_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`old` refuses once, and `new` takes its place; a line says that `old` is told no more, and no line twice."""
    notices, other = tmp_path / "FLEXLIB_NOTICES.yaml", tmp_path / "others.yaml"
    notices.write_text("notices: [{slack: old, budgets: all, at: [over]}]", "utf-8")
    with serve_script("http", "403") as old, serve_script("http") as new:
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_OLD", old.url)
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_NEW", new.url)
        assert run(capsys, "notify", *MONTH)[1].splitlines()[1] == "  FAILED   Slack old: Budget all: exceeded"
        notices.write_text("notices: [{slack: new, budgets: all, at: [over]}]", "utf-8")
        code, said, wrong = run(capsys, "notify", *MONTH)
        assert (code, wrong, said.splitlines()[1:]) == (0, "", [
            f"  WITHDRAWN Slack old: Budget all: exceeded (no rule of {notices} names this reader any more)",
            "  SENT     Slack new: Budget all: exceeded",
        ])  # fmt: skip
        assert (len(old.asked), len(new.taken)) == (1, 1)
        assert run(capsys, "notify", *MONTH)[1] == "Notices of September 2025: none\n"
        # Whoever is named again is told, and another file's rules withdraw nothing of this one's.
        notices.write_text("notices: [{slack: old, budgets: all, at: [over]}]", "utf-8")
        old.faults[:] = ["403"]
        assert run(capsys, "notify", *MONTH)[1].splitlines()[1] == "  FAILED   Slack old: Budget all: exceeded"
        other.write_text("notices: [{slack: new, budgets: all, at: [over]}]", "utf-8")
        code, said, _ = run(capsys, "notify", "--notices", str(other), "--json")
        assert [(one["recipient"], one["fate"]) for one in json.loads(said)["messages"]] == [("old", "sent")]


def test_who_asks_for_budgets_that_cannot_be_judged_is_told_of_one_that_is_near_and_may_be_over(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """US$ 5 of 6 are known, and half of the calls have no price."""
    calls = call("a", "2025-09-02T10:00:00", "5"), call("b", "2025-09-02T11:00:00", None)
    store(data, "import", SEPTEMBER, *calls, lacking=1)
    (tmp_path / "FLEXLIB_BUDGETS.yaml").write_text(
        "budgets: [{name: all, whole: true, currency: usd, amount: '6'}]", "utf-8"
    )
    rules = "{webhook: ops, at: cannot say}, {email: a@example.com, at: [75]}, {email: b@example.com, at: over}"
    (tmp_path / "FLEXLIB_NOTICES.yaml").write_text(f"notices: [{rules}]", "utf-8")
    with serve_script("http") as hook:
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_OPS", hook.url)
        monkeypatch.setenv("FLEXLIB_WEBHOOK_SECRET", SECRET)
        code, said, _ = run(capsys, "notify", *MONTH)
        assert (code, said.splitlines()) == (0, [
            "Notices of September 2025",
            "  SENT     e-mail to a@example.com: Budget all: at least 83.3 % used",
            "  SENT     webhook ops: Budget all: cannot be judged",
        ])  # fmt: skip
        (taken,) = hook.taken
    (notice,) = json.loads(taken.partition(b"\r\n\r\n")[2])["notices"]
    told = {name: notice[name] for name in ("event", "outcome", "spent", "is_lower_bound", "is_unknown", "is_sure")}
    assert told == {
        "event": "cannot say", "outcome": "near", "spent": "5", "is_lower_bound": True, "is_unknown": True,
        "is_sure": None,
    }  # fmt: skip


@pytest.mark.parametrize(("first", "is_sure"), [(6, True), (8, False)])
def test_a_webhook_is_told_whether_it_is_sure_that_a_budget_will_be_over(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], first: int,
    is_sure: bool,
) -> None:  # fmt: skip
    """A dollar a day up to 15 September, of which 30 will be used; by six weeks there is no band."""
    for month in (Month(2025, number) for number in range(first, 10)):
        days = [day for day in month.span if day.isoformat() <= "2025-09-15"]
        store(data, "import", month, *(call(str(day), f"{day}T10:00:00", "1") for day in days))
    (tmp_path / "FLEXLIB_BUDGETS.yaml").write_text(
        "budgets: [{name: all, whole: true, currency: usd, amount: '25'}]", "utf-8"
    )
    (tmp_path / "FLEXLIB_NOTICES.yaml").write_text("notices: [{webhook: ops}]", "utf-8")
    with serve_script("http") as hook:
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_OPS", hook.url)
        monkeypatch.setenv("FLEXLIB_WEBHOOK_SECRET", SECRET)
        assert run(capsys, "notify", *MONTH[:4])[0] == 0
        (taken,) = hook.taken
    (notice,) = json.loads(taken.partition(b"\r\n\r\n")[2])["notices"]
    assert (notice["event"], notice["is_sure"], notice["is_unknown"]) == ("will be over", is_sure, False)


def test_who_takes_a_readers_place_is_told_also_by_a_run_that_looks_at_no_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ended with its period nobody looks at again; a dry run shows it, and takes nothing away."""
    notices = tmp_path / "FLEXLIB_NOTICES.yaml"
    with serve_script("http", "403") as old, serve_script("http") as new:
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_OLD", old.url)
        monkeypatch.setenv("FLEXLIB_WEBHOOK_URL_NEW", new.url)
        notices.write_text("notices: [{slack: old, budgets: all, at: [over]}]", "utf-8")
        assert run(capsys, "notify", *MONTH)[0] == 1
        notices.write_text("notices: [{slack: new, budgets: all, at: [over]}]", "utf-8")
        code, said, _ = run(capsys, "notify", "--dry-run")
        assert (code, said.splitlines()[1:3]) == (0, ["  Slack new", "    Budget all: exceeded"])
        code, said, wrong = run(capsys, "notify")
        assert (code, wrong, said.splitlines()[1:]) == (0, "", [
            f"  WITHDRAWN Slack old: Budget all: exceeded (no rule of {notices} names this reader any more)",
            "  SENT     Slack new: Budget all: exceeded",
        ])  # fmt: skip
        assert run(capsys, "notify") == (0, "Notices: none\n", "")
