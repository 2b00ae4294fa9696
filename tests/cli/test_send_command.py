"""`flexlib send`: what each reader gets, once, and when nothing is sent."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from decimal import Decimal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from notice_samples import Script, serve_script
from report_samples import write_manifest
from spend_samples import OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.checks import Check
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.deliver import mail
from flexlib.export.workbook import write_workbook
from flexlib.report.folder import find_packaged
from flexlib.report.inputs import Inputs, hash_rates, name_input
from flexlib.report.manifest import hash_bytes, name_manifest
from flexlib.report.notes import note_files
from flexlib.settings import load_settings
from flexlib.store.snapshots import list_newest
from flexlib.tables.document import Document

OF_ZONES = {"flexlib": {"kinds": {"zone": "zone"}}}
SEND = ["send", "--year", "2025", "--month", "9"]
READERS = """
mails:
  - {to: finance@example.com, attach: [pdf, xlsx]}
  - {to: ana@example.com, department: Platform}
  - {to: eva@example.com, department: Ventas & <b>Sur</b>, language: es}
"""
PART = "department: Platform"
OWN = {"file": "notebooks/llm_usage.ipynb",
       "sha256": hash_bytes((find_packaged() / "notebooks" / "llm_usage.ipynb").read_bytes())}  # fmt: skip
DIFFERS = Check("differs", "rows against the sum", 1, "the sum holds 1.00 more")
PARTS = {"Platform": ("11.11", "gpt-5"), "Ventas & <b>Sur</b>": ("22.22", "gpt-4o"), "Legal": ("44.44", "claude-opus")}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr(mail, "READ", 0.3)
    with serve_script("smtp") as script:
        monkeypatch.setenv("FLEXLIB_SMTP_URL", f"smtp+plain://127.0.0.1:{script.port}")
        monkeypatch.setenv("FLEXLIB_SMTP_FROM", "flexlib@example.com")
        yield script


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three departments and a report of the month: US$ 77.77 in all."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mail.yaml").write_text(READERS, "utf-8")
    monkeypatch.setenv("FLEXLIB_MAIL", "mail.yaml")
    store_month(tmp_path / "data")
    make_page(tmp_path)
    return tmp_path / "data"


def store_month(root: Path, legal: str = "44.44") -> None:
    amounts = PARTS | {"Legal": (legal, "claude-opus")}
    store(root, "import", SEPTEMBER, *(
        call(f"{name} {usd}", "2025-09-02T10:00:00", usd, model=model, metadata=json.dumps({"department": name}))
        for name, (usd, model) in amounts.items()
    ))  # fmt: skip


def make_page(folder: Path, *months: Month) -> Path:
    """A page with what a proof says of the stored rows, and its notebook: all that is asked of a report."""
    page = folder / "reports" / "2025-09" / "llm_usage.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    stored = (one for month in months or (SEPTEMBER,) for one in list_newest(month, folder / "data"))
    page.write_text(" ".join(one.certificate.rows_sha256 for one in stored), "utf-8")
    page.with_suffix(".ipynb").write_text(json.dumps({"metadata": {}, "cells": []}), "utf-8")
    write_manifest(page, notebook=OWN)
    return page


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main([*SEND, *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def read_mail(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def read_bodies(found: EmailMessage) -> tuple[str, str]:
    """Text and HTML."""
    text, html = found.get_body(("plain",)), found.get_body(("html",))
    assert text is not None
    assert html is not None
    return str(text.get_content()), str(html.get_content())


def test_each_mail_of_one_run_is_in_one_language_whoever_was_written_to_before(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text("mails: [{to: a@b.c, language: es}, {to: d@e.f, language: en}]")
    found = json.loads(run(capsys, "--dry-run", "--json")[1])["messages"]
    said = {one["recipient"]: read_bodies(read_mail(Path(one["file"]).read_bytes()))[0] for one in found}
    whys = "(agosto no está guardado)", "(August is not stored)"
    assert [[why in said[to] for why in whys] for to in ("a@b.c", "d@e.f")] == [[True, False], [False, True]]


def test_a_dry_run_writes_each_mail_as_a_file_of_its_owner_s_and_sends_and_stores_nothing(
    script: Script, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = run(capsys, "--dry-run", "--json")
    found = {one["recipient"]: one for one in json.loads(said)["messages"]}
    assert {to: (one["what"], one["usd"]) for to, one in found.items()} == {
        "finance@example.com": ("2025-09 month", "77.77"),
        "ana@example.com": ("2025-09 department Platform", "11.11"),
        "eva@example.com": ("2025-09 department Ventas & <b>Sur</b>", "22.22"),
    }
    assert (code, script.asked, (data / "mails").exists()) == (1, [], False)  # what is to be attached is not there
    files = [Path(one["file"]) for one in found.values()]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
    whole = read_mail(Path(found["finance@example.com"]["file"]).read_bytes())
    text, html = read_bodies(whole)
    assert whole["Subject"] == "LLM spend of September 2025: US$ 77.77"
    assert "Spend: US$ 77.77" in text
    assert max(map(len, text.splitlines())) <= 78
    (picture,) = [part for part in whole.walk() if part["Content-ID"]]
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html
    assert picture.get_content().startswith(b"\x89PNG")
    assert len(html.encode()) < 100_000
    assert "http" not in html


def test_of_a_reader_who_gets_no_mail_any_more_a_dry_run_leaves_none(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody else has put there stays."""
    readers = tmp_path / "mail.yaml"
    readers.write_text(f"mails: [{{to: a@b.c, {PART}}}, {{to: b@b.c, {PART}}}]")
    gone, stays = (Path(one["file"]) for one in json.loads(run(capsys, "--dry-run", "--json")[1])["messages"])
    (own := gone.with_name("own.eml")).write_text("From: me@b.c\n\nHello")
    readers.write_text(f"mails: [{{to: b@b.c, {PART}}}]")
    run(capsys, "--dry-run")
    assert {*gone.parent.glob("*.eml")} == {stays, own}


def test_what_calls_without_a_price_are_left_out_of_is_said_to_be_at_least_that_as_in_the_mail(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = {"metadata": json.dumps({"department": "Platform"})}
    priced = (call(f"p{number}", "2025-09-02T10:00:00", "1", **of) for number in range(20))
    legal = call("l", "2025-09-02T10:00:00", "5", metadata=json.dumps({"department": "Legal"}))
    unpriced = call("u", "2025-09-03T10:00:00", None, model="mine", **of)
    store(tmp_path / "data", "import", SEPTEMBER, *priced, legal, unpriced)
    make_page(tmp_path)
    readers = "{to: a@b.c}, {to: d@e.f, department: Platform}, {to: g@h.i, department: Legal}"
    (tmp_path / "mail.yaml").write_text(f"mails: [{readers}]")
    found = json.loads(run(capsys, "--dry-run", "--json")[1])["messages"]
    assert {one["recipient"]: (one["usd"], one["at_least"]) for one in found} == {
        "a@b.c": ("25", True), "d@e.f": ("20", True), "g@h.i": ("5", False),
    }  # fmt: skip
    mails = {one["recipient"]: str(read_mail(Path(one["file"]).read_bytes())["Subject"]) for one in found}
    assert {to: "at least" in subject for to, subject in mails.items()} == {
        "a@b.c": True,
        "d@e.f": True,
        "g@h.i": False,
    }
    assert "a@b.c: 2025-09 month, spend at least US$ 25.00\n" in run(capsys, "--dry-run")[1]
    assert "d@e.f: 2025-09 department Platform, charged at least US$ 20.00\n" in run(capsys)[1]  # and as it is sent


def test_a_total_that_is_no_longer_at_least_that_or_only_now_is_is_mailed_again_though_the_amount_is_the_same(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c, {PART}}}]")
    of = {"metadata": json.dumps({"department": "Platform"})}

    def send(price: str | None) -> list[str]:
        priced = (call(f"p{number}", "2025-09-02T10:00:00", "1", **of) for number in range(20))
        store(tmp_path / "data", "import", SEPTEMBER, *priced, call("u", "2025-09-03T10:00:00", price, **of))
        make_page(tmp_path)
        return run(capsys)[1].splitlines()[1:]

    said = "  SENT     a@b.c: 2025-09 department Platform, charged "
    for price, now, then in ((None, "at least US$ 20.00", None), ("0", "US$ 20.00", "at least US$ 20.00"),
                             (None, "at least US$ 20.00", "US$ 20.00")):  # fmt: skip
        assert send(price) == [said + now]
        text = " ".join(read_bodies(read_mail(script.taken[-1]))[0].split())
        assert ("This replaces the mail of" in text, f"in which the total was {then}." in text) == (bool(then),) * 2
        assert send(price) == []
    with closing(sqlite3.connect(tmp_path / "data" / "mails" / "claims.sqlite")) as base, base:  # before it was noted
        bare = "json_remove(json_set(standing, '$.low', json('null'), '$.high', json('null')), '$.figures')"
        base.execute(f"UPDATE claims SET standing = {bare}")
    assert [send(price) for price in ("0", None)] == [[], []]


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({"clp": None}, {"clp": "10000"}, "CLP: –."),
        ({"clp": "10000"}, {"clp": "10001"}, "CLP 10,000."),
        ({"clp": "10000.1"}, {"clp": "10000.2"}, None),  # shown as the same
        ({"clp": "10000"}, {"clp": "10000", "lost": 1}, "the total was US$ 11.11."),
        ({"clp": None, "sums": DIFFERS}, {"clp": "10000"}, "Unreconciled; CLP: –."),
        ({"clp": "10000", "sums": DIFFERS}, {"clp": "10000"}, "Unreconciled."),
        ({"clp": "10000"}, {"clp": "10000"}, None),
    ],
)
def test_a_mail_whose_state_or_pesos_changed_is_sent_again_though_the_us_dollars_are_the_same(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str], then: dict[str, Any], now: dict[str, Any],
    said: str | None,
) -> None:  # fmt: skip
    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c}}, {{to: d@e.f, {PART}}}]")

    def send(clp: str | None, lost: int = 0, **told: Any) -> int:  # noqa: ANN401
        of = {"metadata": json.dumps({"department": "Platform"}), "amount_in_clp": clp and Decimal(clp)}
        store(
            tmp_path / "data", "import", SEPTEMBER, call("x", "2025-09-02T10:00:00", "11.11", **of),
            quarantined_rows=lost, **told,
        )  # fmt: skip
        make_page(tmp_path)
        count = len(script.taken)
        run(capsys)
        return len(script.taken) - count

    assert [send(**then), send(**then)] == [2, 0]
    assert [send(**now), send(**now)] == [2 * bool(said), 0]
    for content in script.taken[2:]:
        text = " ".join(read_bodies(read_mail(content))[0].split())
        assert "This replaces the mail of" in text
        assert str(said) in text


def test_flex_credits_that_come_to_more_are_mailed_again_though_it_is_less_than_a_cent(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text("mails: [{to: a@b.c}]")
    found = []
    for hundredths in (None, 100, 101):
        if hundredths:
            store_credits(data, (2, "u", "MODEL", 0, hundredths))
        make_page(tmp_path)
        run(capsys)
        text = " ".join(read_bodies(read_mail(script.taken[-1]))[0].split())
        found.append((len(script.taken), re.findall("Flex credits: ([^ ]*)", text)[-1], "which said: " in text))
    assert found == [(1, "–", False), (2, "1.00", False), (3, "1.01", True)]


def test_a_part_holds_nothing_of_the_others_or_of_the_whole(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    _, said, _ = run(capsys, "--dry-run", "--json")
    files = {one["recipient"]: Path(one["file"]) for one in json.loads(said)["messages"]}
    ana, eva = (read_mail(files[f"{name}@example.com"].read_bytes()) for name in ("ana", "eva"))
    for body in (*read_bodies(ana), str(ana["Subject"])):
        others = ("Ventas", "Legal", "gpt-4o", "claude", "22.22", "44.44", "77.77")
        assert [text for text in others if text in body] == []
        assert "11.11" in body
    assert ["Chargeback: your part of the month · days of UTC" in body for body in read_bodies(ana)] == [True] * 2
    text, html = read_bodies(eva)
    assert eva["Subject"] == "Imputado a Ventas & <b>Sur</b> por LLM, septiembre de 2025: US$22,22"
    assert ("<b>Sur" in html, "Ventas &amp; &lt;b&gt;Sur&lt;/b&gt;" in html, "US$22,22" in text) == (False, True, True)


def test_each_reader_is_mailed_once_and_again_where_the_total_is_another(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text("mails: [{to: finance@example.com}, {to: a@b.c, department: Platform}]")
    assert run(capsys) == (0, (
        "Mails of September 2025\n"
        "  SENT     a@b.c: 2025-09 department Platform, charged US$ 11.11\n"
        "  SENT     finance@example.com: 2025-09 month, spend US$ 77.77\n"
    ), "")  # fmt: skip
    assert run(capsys) == (0, "Mails of September 2025: none\n", "")
    for legal, then, now in (("55.55", "77.77", "88.88"), ("44.44", "88.88", "77.77")):  # and back again
        store_month(tmp_path / "data", legal)
        make_page(tmp_path)
        assert run(capsys)[1].splitlines()[1:] == [f"  SENT     finance@example.com: 2025-09 month, spend US$ {now}"]
        text, _ = read_bodies(read_mail(script.taken[-1]))
        assert "This replaces the mail of" in text
        assert f"the total was US$ {then}." in " ".join(text.split())
    assert len(script.taken) == 4
    assert len(set(script.ids)) == 4


def test_what_is_refused_goes_with_the_next_run_and_what_may_have_arrived_is_said_and_not_sent_again(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c, {PART}}}, {{to: b@b.c, {PART}}}]")
    script.faults[:] = ["rcpt 550", "taken, then closed"]
    code, said, wrong = run(capsys)
    assert (code, [line.split()[0] for line in said.splitlines()[1:]]) == (1, ["FAILED", "UNKNOWN"])
    assert "The mail of 2025-09 (department Platform) was not sent to a@b.c" in wrong
    assert "It is not known whether the mail of 2025-09 (department Platform) was sent to b@b.c" in wrong
    code, said, wrong = run(capsys)
    assert (code, [line.split()[:2] for line in said.splitlines()[1:]]) == (
        1,
        [["SENT", "a@b.c:"], ["UNKNOWN", "b@b.c:"]],
    )
    wrong = run(capsys, "--lang", "es")[2]  # what is stored in English, too
    assert "No se sabe si el correo de 2025-09 (departamento Platform) se envió a b@b.c" in wrong
    assert "recibió el correo y no respondió: cortó la conexión, o tardó demasiado." in wrong
    key = wrong.partition("--resend ")[2].split()[0]
    assert run(capsys, "--resend", key)[:2] == (
        0, "Mails of September 2025\n  SENT     b@b.c: 2025-09 department Platform, charged US$ 11.11\n"
    )  # fmt: skip
    assert sorted(script.ids)[0] != sorted(script.ids)[2]
    assert len(script.ids) == 3  # b's twice, because it was asked for
    assert len(set(script.ids)) == 2
    assert run(capsys) == (0, "Mails of September 2025: none\n", "")


def test_mails_of_this_month_stand_before_those_of_others_in_every_fate(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text("mails: [{to: a@b.c}]")
    august = Month(2025, 8)
    store(tmp_path / "data", "import", august, call("old", "2025-08-02T10:00:00", "1.00"))
    page = make_page(tmp_path)
    (old := tmp_path / "reports" / "2025-08").mkdir()
    sha = [one.certificate.rows_sha256 for one in list_newest(august, tmp_path / "data")]
    (old / page.name).write_text(" ".join(sha), "utf-8")
    shutil.copy(page.with_suffix(".ipynb"), old)
    write_manifest(old / page.name, notebook=OWN)
    script.faults[:] = ["taken, then closed"] * 2
    assert main(["send", "--year", "2025", "--month", "8"]) == 1
    capsys.readouterr()
    for _ in range(2):  # the second time nothing of this month is tried
        code, said, wrong = run(capsys)
        assert (code, [line.split()[0] for line in said.splitlines()[1:]]) == (1, ["UNKNOWN"] * 2)
        assert [re.findall(r"2025-\d\d", line)[0] for line in wrong.splitlines()] == ["2025-09", "2025-08"]


def test_after_a_failed_try_a_reader_gets_one_mail_that_names_what_they_have_and_nothing_where_they_have_it(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readers = tmp_path / "mail.yaml"
    readers.write_text("mails: [{to: a@b.c}]")

    def store_again(legal: str) -> None:
        store_month(tmp_path / "data", legal)
        make_page(tmp_path)

    script.faults[:] = ["rcpt 550"]
    assert run(capsys)[0] == 1
    readers.write_text("mails: [{to: a@b.c, language: es}]")
    store_again("55.55")
    assert run(capsys)[:2] == (0, "Mails of September 2025\n  SENT     a@b.c: 2025-09 month, spend US$ 88.88\n")
    assert len(script.taken) == 1  # in the new language alone
    assert "Este correo reemplaza" not in read_bodies(read_mail(script.taken[0]))[0]
    store_again("66.66")
    script.faults[:] = ["rcpt 550"]
    assert run(capsys)[0] == 1
    store_again("55.55")  # which they have
    assert run(capsys) == (0, "Mails of September 2025: none\n", "")
    readers.write_text("mails: [{to: a@b.c}]")
    store_again("66.66")
    script.faults[:] = ["rcpt 550"]
    assert run(capsys)[0] == 1
    assert run(capsys)[1].splitlines()[1:] == ["  SENT     a@b.c: 2025-09 month, spend US$ 99.99"]
    text = " ".join(read_bodies(read_mail(script.taken[-1]))[0].split())
    assert "This replaces the mail of" in text
    assert "the total was US$ 88.88." in text
    assert len(script.taken) == 2


def test_a_total_that_is_not_known_is_no_zero_and_a_change_below_a_cent_is_none(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def store_costs(usd: str | None) -> None:
        tags = json.dumps({"department": "Platform"})
        store(tmp_path / "data", "import", SEPTEMBER, call("x", "2025-09-02T10:00:00", usd, metadata=tags), lacking=1)
        make_page(tmp_path)

    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c}}, {{to: b@b.c, {PART}}}]")
    store_costs(None)
    _, said, _ = run(capsys, "--dry-run", "--json")
    assert [one["usd"] for one in json.loads(said)["messages"]] == [None, None]
    assert sorted(run(capsys)[1].splitlines()[1:]) == [
        "  SENT     a@b.c: 2025-09 month, total not known",
        "  SENT     b@b.c: 2025-09 department Platform, total not known",
    ]
    assert run(capsys)[1] == "Mails of September 2025: none\n"
    for usd in ("0", "0.0001", "0.0002"):
        store_costs(usd)
        run(capsys)
    assert len(script.taken) == 4
    for content in script.taken[2:]:
        assert "in which the total was not known." in " ".join(read_bodies(read_mail(content))[0].split())


def test_a_part_that_lacks_the_price_of_a_call_says_at_least(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = json.dumps({"department": "Platform"})
    calls = (
        call(name, "2025-09-02T10:00:00", usd, metadata=tags, model=model)
        for name, usd, model in (("x", "11.11", "gpt-5"), ("y", None, "mine"))
    )
    store(tmp_path / "data", "import", SEPTEMBER, *calls, lacking=1)
    make_page(tmp_path)
    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c, {PART}}}]")
    run(capsys)
    found = read_mail(script.taken[0])
    assert found["Subject"] == "Charged to Platform for LLMs, September 2025: at least US$ 11.11"
    text = read_bodies(found)[0]
    assert "Charged: at least US$ 11.11" in text
    assert "1 call without a price" in text


def test_what_is_attached_for_all_is_of_the_whole_and_not_for_a_part(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports" / "2025-09" / "llm_usage.pdf").write_bytes(b"%PDF")
    note_files([tmp_path / "reports" / "2025-09" / "llm_usage.pdf"], names=False)
    (tmp_path / "mail.yaml").write_text(f"attach: pdf\nmails: [{{to: a@b.c, {PART}}}, {{to: b@b.c}}]")
    assert run(capsys)[0] == 0
    attached = [[part.get_filename() for part in read_mail(one).iter_attachments()] for one in script.taken]
    assert attached == [[], ["llm_usage.pdf"]]


def test_what_is_settled_is_not_sent(script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c, {PART}}}]")
    script.faults[:] = ["lost, then closed"]
    key = run(capsys)[2].partition("--resend ")[2].split()[0]
    assert (
        "the key of no single notice whose fate is open; flexlib send lists them" in run(capsys, "--settle", "f" * 9)[2]
    )
    assert run(capsys, "--settle", key)[0] == 0
    assert run(capsys) == (0, "Mails of September 2025: none\n", "")
    assert script.taken == []


def test_files_beside_the_page_are_attached_within_the_limit_and_what_is_not_is_said(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    page.with_suffix(".pdf").write_bytes(b"%PDF" + bytes(60_000))
    note_files([page.with_suffix(".pdf")], names=False)
    text = "largest_mb: 0.1\nattach: [pdf, xlsx]\nmails: [{to: a@b.c}]"
    (tmp_path / "mail.yaml").write_text(text)
    code, _, wrong = run(capsys)
    assert (code, "llm_usage.xlsx is not there and not attached to the mail to a@b.c." in wrong) == (1, True)
    found = read_mail(script.taken[0])
    assert [part.get_filename() for part in found.iter_attachments()] == ["llm_usage.pdf"]
    assert "llm_usage.xlsx is not attached: it was not made." in read_bodies(found)[0]
    page.with_suffix(".xlsx").write_bytes(bytes(60_000))  # with the PDF more than that
    note_files([page.with_suffix(".xlsx")], names=False)
    (tmp_path / "mail.yaml").write_text(text.replace("a@b.c", "c@b.c"))
    assert run(capsys)[0] == 0
    found = read_mail(script.taken[1])
    assert [part.get_filename() for part in found.iter_attachments()] == ["llm_usage.pdf"]
    assert "llm_usage.xlsx is too large to be attached (0.1 MB)" in read_bodies(found)[0]
    os.utime(page.with_suffix(".pdf"), (0, 0))
    (tmp_path / "mail.yaml").write_text(text.replace("a@b.c", "d@b.c"))
    assert "llm_usage.pdf was made of another page and is not attached to the mail to d@b.c." in run(capsys)[2]
    note_files([page.with_suffix(".pdf")], names=False, page=page)
    os.utime(page.with_suffix(".pdf"))  # it is newer, and of the page before
    page.write_text(page.read_text("utf-8") + "<!-- again -->", "utf-8")
    write_manifest(page, notebook=OWN)
    (tmp_path / "mail.yaml").write_text(text.replace("a@b.c", "e@b.c"))
    assert "llm_usage.pdf was made of another page and is not attached to the mail to e@b.c." in run(capsys)[2]
    found = read_mail(script.taken[-1])
    assert [*found.iter_attachments()] == []
    assert "llm_usage.pdf is not attached: it was made of another page." in read_bodies(found)[0]


def test_what_may_show_departments_of_few_people_is_not_attached_to_a_mail_whose_body_folds_them(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workbook with the month's facts, or of whose origin nothing tells; any file of a page that read budgets."""
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    for place, (is_shared, has_budgets, attached) in enumerate(
        [(True, False, ["llm_usage.pdf", "llm_usage.xlsx"]), (False, False, ["llm_usage.pdf"]), (True, True, [])]
    ):
        write_manifest(page, notebook=OWN, files={"b3b5906f/budgets.json": "0"} if has_budgets else {})
        page.with_suffix(".pdf").write_bytes(b"%PDF")
        write_workbook(Document("LLM spend", "September 2025"), page.with_suffix(".xlsx"), is_shared=is_shared)
        note_files([page.with_suffix(".pdf"), page.with_suffix(".xlsx")], names=False)
        (tmp_path / "mail.yaml").write_text(f"attach: [pdf, xlsx]\nmails: [{{to: a{place}@b.c}}]")
        code, _, wrong = run(capsys)
        found = read_mail(script.taken[-1])
        assert [part.get_filename() for part in found.iter_attachments()] == attached
        assert (code, "may show departments of few people" in wrong) == (
            (0, False) if len(attached) == 2 else (1, True)
        )
        left_out = "llm_usage.xlsx is not attached: it may show departments of few people."
        assert (left_out in read_bodies(found)[0]) == (len(attached) < 2)


@pytest.mark.parametrize(("zone", "command"), [
    ("UTC", "flexlib report --notebook llm_usage --year 2025 --month 9 --with pdf,xlsx --share"),
    ("America/Santiago", ""),  # where none could be made
])  # fmt: skip
def test_of_a_workbook_that_is_not_attached_the_whole_command_is_said_that_makes_it(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str], zone: str, command: str
) -> None:
    """With all that lies beside the page, which is then another one."""
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    told = {"metadata": OF_ZONES | {"papermill": {"parameters": {"zone": zone}}}, "cells": []}
    page.with_suffix(".ipynb").write_text(json.dumps(told), "utf-8")
    write_manifest(page, notebook=OWN, parameters={"zone": zone})
    page.with_suffix(".pdf").write_bytes(b"%PDF")
    write_workbook(Document("LLM spend", "September 2025"), page.with_suffix(".xlsx"))
    note_files([page.with_suffix(".pdf"), page.with_suffix(".xlsx")], names=False)
    (tmp_path / "mail.yaml").write_text("attach: [xlsx]\nmails: [{to: a@b.c}]")
    code, _, wrong = run(capsys)
    assert code == 1
    why = f" unless {command} makes it" if command else f", which are left out of months of UTC alone, not of {zone}"
    file = Path("reports", "2025-09", "llm_usage.xlsx")
    assert wrong == f"{file} is not attached to the mail to a@b.c: it may show departments of few people{why}.\n"


@pytest.mark.parametrize(
    ("language", "known", "ask"),
    [
        ("en", ("Nothing of the ledger is stored of 2025-09", "2 rows could not be taken."), "Ask who sends"),
        (
            "es",
            ("De registro de llamadas no hay nada guardado de 2025-09", "no se pudieron tomar 2 filas."),
            "Pregunte a quien envía",
        ),
    ],
)
def test_a_mail_of_the_whole_says_what_is_not_known_and_whom_to_ask_and_has_no_command(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str,
    known: tuple[str, ...], ask: str,
) -> None:  # fmt: skip
    """Who is mailed has no console."""
    store(data, "ledger", Month(2025, 8), call("a", "2025-08-02T10:00:00"))
    store(data, "import", SEPTEMBER, call("b", "2025-09-02T10:00:00"), quarantined_rows=2)
    page = make_page(tmp_path)
    told = json.loads(name_manifest(page).read_text("utf-8"))["snapshots"]
    (tmp_path / "mail.yaml").write_text(f"mails: [{{to: a@b.c, language: {language}}}]")
    assert (run(capsys)[0], told) == (3, {})
    for text in read_bodies(read_mail(script.taken[-1])):
        body = " ".join(text.split())
        assert [one for one in (*known, ask) if one not in body] == []
        assert re.findall(r"flexlib (?:fetch|close|certificate|sources)|--[a-z]+", body) == []


def test_a_file_that_a_mail_lacked_is_said_until_it_follows_in_a_mail_that_replaces_it(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports" / "2025-09" / "llm_usage.xlsx"

    def make_workbook(*, is_shared: bool) -> None:
        write_workbook(Document("LLM spend", "September 2025"), file, is_shared=is_shared)
        note_files([file], names=False)

    (tmp_path / "mail.yaml").write_text("attach: [xlsx]\nmails: [{to: a@b.c}]")
    make_workbook(is_shared=False)
    assert run(capsys)[0] == 1
    code, said, wrong = run(capsys)
    assert (code, said) == (1, "Mails of September 2025: none\n")
    assert "llm_usage.xlsx is not attached to the mail to a@b.c: it may show departments" in wrong
    make_workbook(is_shared=True)
    assert run(capsys) == (
        0, "Mails of September 2025\n  SENT     a@b.c: 2025-09 month, spend US$ 77.77\n", ""
    )  # fmt: skip
    found = read_mail(script.taken[-1])
    assert [part.get_filename() for part in found.iter_attachments()] == ["llm_usage.xlsx"]
    text = " ".join(read_bodies(found)[0].split())
    assert "This replaces the mail of" in text
    assert "which lacked llm_usage.xlsx." in text
    file.unlink()  # which they have
    assert run(capsys) == (0, "Mails of September 2025: none\n", "")
    assert len(set(script.ids)) == 2


def test_a_file_that_a_mail_in_doubt_lacked_and_that_goes_with_it_again_does_not_go_a_third_time(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports" / "2025-09" / "llm_usage.xlsx"
    (tmp_path / "mail.yaml").write_text("attach: [xlsx]\nmails: [{to: a@b.c}]")
    write_workbook(Document("LLM spend", "September 2025"), file, is_shared=False)
    note_files([file], names=False)
    script.faults[:] = ["taken, then closed"]
    key = run(capsys)[2].partition("--resend ")[2].split()[0]
    write_workbook(Document("LLM spend", "September 2025"), file, is_shared=True)
    note_files([file], names=False)
    assert run(capsys, "--resend", key)[0] == 0
    found = read_mail(script.taken[-1])
    assert [part.get_filename() for part in found.iter_attachments()] == ["llm_usage.xlsx"]
    assert run(capsys) == (0, "Mails of September 2025: none\n", "")
    assert len(script.taken) == 2


def test_files_of_another_zone_than_the_mail_are_not_attached_since_two_zones_less_each_other_are_a_few_calls(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    for of_page, of_mail, attached in (
        ("UTC", "UTC", ["llm_usage.pdf"]),
        ("America/Santiago", "America/Santiago", ["llm_usage.pdf"]),
        ("Asia/Tokyo", "UTC", []),
    ):
        told = {"metadata": OF_ZONES | {"papermill": {"parameters": {"zone": of_mail}}}, "cells": []}
        page.with_suffix(".ipynb").write_text(json.dumps(told), "utf-8")
        write_manifest(page, notebook=OWN, parameters={"zone": of_page})
        page.with_suffix(".pdf").write_bytes(b"%PDF")
        note_files([page.with_suffix(".pdf")], names=False)
        (tmp_path / "mail.yaml").write_text(f"attach: [pdf]\nmails: [{{to: {of_page.split('/')[-1]}@b.c}}]")
        wrong = run(capsys)[2]
        names = [part.get_filename() for part in read_mail(script.taken[-1]).iter_attachments()]
        said = f"it is of {of_page}, and what is shared of UTC alone." in wrong
        assert (names, said) == (attached, not attached)


def test_a_file_that_shows_names_or_was_changed_or_of_which_nobody_knows_is_not_attached(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports" / "2025-09" / "llm_usage.xlsx"

    def change_by_hand() -> None:
        note_files([file], names=False)
        file.write_bytes(b"by hand")

    reasons: dict[str, Callable[[], object]] = {
        "nobody knows how it was made, or whether it shows people by name": lambda: None,
        "it shows people by name": lambda: note_files([file], names=True),
        "it was changed after it was made": change_by_hand,
    }
    for number, (why, make) in enumerate(reasons.items()):
        file.write_bytes(b"made")
        make()
        (tmp_path / "mail.yaml").write_text(f"attach: [xlsx]\nmails: [{{to: a{number}@b.c}}]")
        code, _, wrong = run(capsys)
        assert (code, f"llm_usage.xlsx is not attached to the mail to a{number}@b.c: {why}.\n" in wrong) == (1, True)
        found = read_mail(script.taken[-1])
        assert [*found.iter_attachments()] == []
        assert f"llm_usage.xlsx is not attached: {why}." in " ".join(read_bodies(found)[0].split())


def test_a_report_that_is_missing_failed_or_older_than_its_snapshot_is_not_sent(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    command = "Run: flexlib report --notebook llm_usage --year 2025 --month 9\n"
    failed = page.with_name("llm_usage.failed.ipynb")
    failed.touch()
    code, said, wrong = run(capsys)
    assert (code, said) == (1, "")
    assert wrong.startswith("flexlib: The last run of this report failed, so nothing is sent:")
    failed.unlink()
    store_month(data, "45.45")
    code, said, wrong = run(capsys)
    assert (code, said) == (4, "")
    assert wrong.startswith("flexlib: The report is older than what is stored of 2025-09 from import")
    assert wrong.endswith(command)
    page.unlink()
    assert run(capsys)[0] == 2
    assert (script.asked, (data / "mails").exists()) == ([], False)


@pytest.mark.parametrize(
    "named", [{"parameters": {"names": True}}, {"files": {"usage/2025-09/import/v/people.json": "0"}}]
)
def test_a_report_that_shows_people_by_name_or_may_is_not_sent(
    named: dict[str, Any], script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    page.with_suffix(".pdf").touch()
    write_manifest(page, **named)
    code, said, wrong = run(capsys)
    assert (code, said) == (2, "")
    assert "llm_usage.html shows people by name, so nothing is sent. Make it without names: flexlib report" in wrong
    name_manifest(page).unlink()
    code, said, wrong = run(capsys)
    assert (code, said) == (2, "")
    assert "has no manifest, so that nobody knows whether it shows people by name" in wrong
    assert (script.asked, (data / "mails").exists()) == ([], False)


def test_a_part_that_the_month_does_not_have_is_said_and_the_others_are_mailed(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text(
        "mails: [{to: a@b.c, department: Platfrom}, {to: b@b.c, department: Legal}, {to: c@b.c, team: x}]"
    )
    code, said, wrong = run(capsys)
    assert (code, said.splitlines()[1:]) == (1, ["  SENT     b@b.c: 2025-09 department Legal, charged US$ 44.44"])
    assert "a@b.c is not mailed: nobody is charged as department Platfrom in 2025-09; check the name" in wrong
    assert "c@b.c is not mailed: no call of 2025-09 names a team in its metadata" in wrong


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mails: []", "has no list of mails"),
        ("mails: [{to: ana}]", "line 1 of mail.yaml has to: 'ana'; give e-mail addresses."),
        ("mails:\n  - {department: Platform}", "line 2 of mail.yaml has to: None"),
        ("mails:\n  - {to: a@b.c, team: 7}", "line 2 of mail.yaml has team: 7; give its name, in quotes"),
        ("mails:\n  - {to: a@b.c, team: x, department: y}", "it is of department and team; name one"),
        ("mails:\n  - {to: a@b.c, cc: d@b.c}", "line 2 of mail.yaml: cc is no field of a mail; write one of attach"),
        ("mails:\n  - {to: a@b.c}\n  - {to: A@b.c}", "line 3 of mail.yaml: a@b.c gets the month already"),
        ("mails: [{to: a@b.c, language: fr}]", "the language is 'fr'; choose en or es."),
        ("mails: [{to: a@b.c, team: x, attach: pdf}]", "line 1 of mail.yaml has attach for a team, which has no files"),
        ("mails: [{to: a@b.c, attach: doc}]", "has attach: 'doc'; choose pdf or xlsx."),
        ("mails: [{to: a@b.c}]\nlargest_mb: 1000", "has largest_mb: 1000; give megabytes, from above 0 to 100."),
    ],
)
def test_a_file_of_readers_that_is_wrong_is_one_sentence_and_nothing_is_sent(
    text: str, sentence: str, script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text(text, "utf-8")
    code, said, wrong = run(capsys)
    assert (code, said, len(wrong.splitlines()), script.asked) == (2, "", 1, [])
    assert sentence in wrong.replace(f"{tmp_path}/", "")


def test_all_that_is_wrong_in_a_file_of_readers_is_said_at_once(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text(
        "language: fr\nlargest_mb: x\nmails:\n  - {to: ana, attach: doc}\n  - {to: a@b.c, team: 7, language: de}",
        "utf-8",
    )
    code, said, wrong = run(capsys)
    assert (code, said, script.asked) == (2, "", [])
    assert [line.partition("give")[0].replace(f"{tmp_path}/", "") for line in wrong.splitlines()] == [
        "flexlib: line 1 of mail.yaml: the language is 'fr'; choose en or es.",
        "line 4 of mail.yaml has attach: 'doc'; choose pdf or xlsx.",
        "line 4 of mail.yaml has to: 'ana'; ",
        "line 5 of mail.yaml has team: 7; ",
        "line 5 of mail.yaml: the language is 'de'; choose en or es.",
        "line 2 of mail.yaml has largest_mb: 'x'; ",
    ]


def test_a_month_of_another_zone_is_mailed_without_departments_and_says_so(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.yaml").write_text("mails: [{to: a@b.c}]")
    notebook = tmp_path / "reports" / "2025-09" / "llm_usage.ipynb"
    found = []
    for zone in ("UTC", "America/Santiago"):
        told = {"metadata": OF_ZONES | {"papermill": {"parameters": {"zone": zone}}}, "cells": []}
        notebook.write_text(json.dumps(told), "utf-8")
        run(capsys)
        text = " ".join(read_bodies(read_mail(script.taken[-1]))[0].split())
        found.append(("Platform" in text, "this month is of America/Santiago." in text))
        store_month(tmp_path / "data", "55.55")
        make_page(tmp_path)
    assert found == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("read_at", "code", "wrong"),
    [
        (datetime(2025, 10, 15, tzinfo=timezone.utc), 0, ""),
        # Santiago's September ends on 1 October at 3:00 UTC, and what was used then may come three hours later.
        (datetime(2025, 10, 1, 5, tzinfo=timezone.utc), 4, "What is stored of 2025-10 from import is stale (read 1"),
    ],
)
def test_a_month_of_a_zone_is_mailed_once_its_hours_of_the_next_one_were_over_when_that_was_read(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str], read_at: datetime, code: int, wrong: str
) -> None:
    (tmp_path / "mail.yaml").write_text("mails: [{to: a@b.c}]")
    store(tmp_path / "data", "import", OCTOBER, call("x", "2025-10-01T01:00:00"), read_at=read_at)
    page = make_page(tmp_path, SEPTEMBER, OCTOBER)
    told = {"metadata": OF_ZONES | {"papermill": {"parameters": {"zone": "America/Santiago"}}}, "cells": []}
    page.with_suffix(".ipynb").write_text(json.dumps(told), "utf-8")
    found = run(capsys)
    assert (found[0], len(script.taken)) == (code, 1 - bool(code))
    assert wrong in found[2]


def test_a_report_that_was_made_with_other_prices_rates_settings_or_people_is_not_sent(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "reports" / "2025-09" / "llm_usage.html"
    months = {"usage/2025-09/import": {"rows_sha256": list_newest(SEPTEMBER, data)[0].certificate.rows_sha256}}
    head, day = "day,value,source,fetched_at,superseded_at\n", "2025-09-01,965.85,x,2025-10-03T06:00:00+00:00,\n"
    prices, rates, people = data / "prices" / "windsurf_credits.csv", data / "rates" / "usd_clp.csv", Path("people.csv")
    for folder in (prices.parent, rates.parent):
        folder.mkdir()
    rates.write_text(head + day)

    def make() -> None:
        read = {"rates/usd_clp.csv": hash_bytes(rates.read_bytes())}
        told = {"parameters": {"year": 2025, "month": 9}, "snapshots": months, "files": read}
        kept = load_settings().judging
        sought = ["organization", "prices/windsurf_credits.csv", "rates/???_???.csv"]
        write_manifest(page, notebook=OWN, **told, settings=kept, rates=hash_rates(told, data), sought=sought)

    def name_people() -> None:
        people.touch()
        monkeypatch.setenv("FLEXLIB_ORGANIZATION", "people.csv")

    changes: dict[str, Callable[[], object]] = {
        "the file prices/windsurf_credits.csv": lambda: prices.write_text("from,until,usd_per_credit,source\n"),
        "the file rates/usd_clp.csv": lambda: rates.write_text(head + day.replace("965", "865")),
        "the setting FLEXLIB_MOST_UNPRICED": lambda: monkeypatch.setenv("FLEXLIB_MOST_UNPRICED", "0.2"),
        "the file people.csv": name_people,
    }
    for name, change in changes.items():
        make()
        change()
        code, said, wrong = run(capsys, "--output-dir", "reports/.")
        assert (code, said) == (4, "")
        assert f"was made with other inputs than there are now ({name}), so nothing is sent. Run: flexlib" in wrong
        for there, then in ((prices, None), (people, None), (rates, head + day)):
            there.write_text(then) if then else there.unlink(missing_ok=True)
        monkeypatch.delenv("FLEXLIB_MOST_UNPRICED", raising=False)
        monkeypatch.delenv("FLEXLIB_ORGANIZATION", raising=False)
    make()
    rates.write_text(head + day + day.replace("2025-09", "2025-11"))  # of a day that no page of September shows
    assert "SENT     ana@example.com" in run(capsys)[1]


def test_a_month_that_was_stored_again_since_the_page_read_it_is_named_in_words(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that the page looks back on, so that the hash of its rows does not stand in it."""
    store(data, "import", SEPTEMBER.previous, call("a", "2025-08-02", "1"))
    then = {"usage/2025-08/import": {"rows_sha256": "0" * 64}}
    write_manifest(tmp_path / "reports" / "2025-09" / "llm_usage.html", notebook=OWN, snapshots=then)
    said = "made with other inputs than there are now (the calls of 2025-08 (import)), so nothing is sent. Run: flexlib"
    assert said in run(capsys)[2]


@pytest.mark.parametrize(
    ("kept", "added", "months", "told", "is_other"),
    [
        ("2025-09-30", "2025-10-01", ["credits/2025-09"], {}, False),  # the first of the next month
        (
            "2025-09-26",
            "2025-10-01",
            ["credits/2025-09"],
            {},
            True,
        ),  # by which it is known that the 30th has the 26th's
        ("2025-09-29", "2025-09-30", ["credits/2025-09"], {}, True),
        ("2025-09-30", "2025-10-01", ["credits/2025-09", "charges/2025-10"], {}, True),
        ("2025-09-30", "2025-10-01", ["credits/2025-09", "credits/2025-10"], {"zone": "America/Santiago"}, False),
        ("2025-09-29", "2025-09-30", ["usage/2025-09"], {}, False),  # calls have their pesos
        ("2025-09-30", "2025-09-01", ["usage/2025-09"], {}, True),  # by which a month's pool is converted
    ],
)
def test_a_rate_makes_a_page_another_where_it_holds_on_a_day_whose_rate_the_page_takes(
    tmp_path: Path, kept: str, added: str, months: list[str], told: dict[str, str], *, is_other: bool
) -> None:
    data = tmp_path / "data"
    (rates := data / "rates" / "usd_clp.csv").parent.mkdir(parents=True)
    lines = [f"{day},965.85,x,2025-10-03T06:00:00+00:00,\n" for day in (kept, added)]
    rates.write_text((head := "day,value,source,fetched_at,superseded_at\n") + lines[0])
    then: dict[str, Any] = {"snapshots": {f"{one}/x": {} for one in months}, "settings": {}, "notebook": {"file": "x"}}
    then |= {"parameters": {"year": 2025, "month": 9, **told}, "files": {"rates/usd_clp.csv": ""}}
    then |= {"rates": hash_rates(then, data), "sought": []}
    rates.write_text(head + "".join(sorted(lines)))
    moved = Inputs(load_settings(), data).list_moved(then, Path("x.html"))
    assert moved == ["the file rates/usd_clp.csv"] * is_other


@pytest.mark.parametrize(
    ("made_with", "roster", "outcome"),
    [
        ("a.csv", "b.csv", "the file b.csv"),
        ("a.csv", "a.csv", "sent"),
        ("a.csv", "copy.csv", "sent"),  # of the same lines
        ("budgets.yaml", "b.csv", "the file b.csv"),  # its departments, if any, are those of the calls
        (None, "b.csv", "sent"),  # our page without budgets has no departments
    ],
)
def test_a_report_whose_departments_are_of_another_file_than_those_of_the_mail_is_not_sent(
    script: Script, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], made_with: str | None, roster: str,
    outcome: str,
) -> None:  # fmt: skip
    files = {name: Path(name).absolute() for name in ("a.csv", "b.csv", "copy.csv", "budgets.yaml")}
    for name, file in files.items():
        file.write_text(f"person,department\nana@example.com,{'Legal' if name == 'b.csv' else 'Platform'}\n", "utf-8")
    read = {name_input(file, data): hash_bytes(file.read_bytes()) for name, file in files.items() if name == made_with}
    write_manifest(
        tmp_path / "reports" / "2025-09" / "llm_usage.html", notebook=OWN, files=read,
        organization=next(iter(read), None) if made_with == "a.csv" else None,
        sought=["organization"] if made_with else [],
    )  # fmt: skip
    code, said, wrong = run(capsys, "--roster", roster)
    if outcome == "sent":
        assert "SENT     ana@example.com" in said
    else:
        assert (code, said) == (4, "")
        assert f"with other inputs than there are now ({outcome}), so nothing is sent. Run: FLEXLIB_O" in wrong
        assert "Run: FLEXLIB_ORGANIZATION=b.csv flexlib report --notebook llm_usage --year 2025 --month 9\n" in wrong


def test_a_report_that_is_not_in_the_usual_folder_is_made_again_in_its_own(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--month 9 --output-dir elsewhere" in run(capsys, "--output-dir", "elsewhere")[2]
