"""A month's mail by a real mail server with TLS and login; its size; and what a browser makes of it."""

from __future__ import annotations

import base64
import email
import json
import re
import subprocess
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from harness import make_certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from notice_samples import serve_mail
from report_samples import FIXTURE, SEPTEMBER

from flexlib.addresses import MailServer
from flexlib.analysis.allocation import Rule
from flexlib.certificate import State
from flexlib.deliver.claims import Fate
from flexlib.deliver.months import Content, Said, Told, name_channel, open_claims, plan_claim, send_month
from flexlib.deliver.readers import Reader
from flexlib.front.chargeback import charge_month
from flexlib.front.chargeback_rules import ChargebackRules, PoolRule
from flexlib.front.spend import load_spend
from flexlib.i18n import speak
from flexlib.page.chargeback import explain_items
from flexlib.page.kit.parts import BADGES, Heading
from flexlib.page.mail.markup import MOST_BYTES, render_mail
from flexlib.page.mail.month import build_month_mail, build_section, say_unpriced
from flexlib.page.mail.part import build_part_mail
from flexlib.page.mail.parts import Card, MailPage, Section
from flexlib.page.mail.text import write_mail
from flexlib.tables.definition import Column, Kind, Table, Total

NOW = datetime(2025, 10, 3, 12, tzinfo=timezone.utc)
READER = Reader("ana@example.com", "department", "Ventas")
CONTENT = Content("Gasto de septiembre", "Línea\n.\n.. Fin\n", "<p>Línea</p>", "es", {"chart": b"\x89PNG"})


class Inbox:
    """Keeps what it takes, and who logged in."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[tuple[bytes, bool]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        found = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 taken"

    def log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:  # noqa: ANN401
        self.logins.append((data.login, session.ssl is not None))
        return AuthResult(success=data.password == b"p@ss word")


@pytest.mark.parametrize(("password", "fate"), [("p@ss word", Fate.SENT), ("another", Fate.FAILED)])
def test_over_tls_and_with_a_login_a_mail_arrives_whole_and_once(tmp_path: Path, password: str, fate: Fate) -> None:
    box, (context, bundle) = Inbox(), make_certificate(tmp_path)
    how = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": box.log_in}
    claims = open_claims(tmp_path)
    claim = plan_claim((), SEPTEMBER, READER, Said(Decimal("11.11"), "COMPLETE"), NOW)
    (tmp_path / "llm_usage.pdf").write_bytes(bytes(range(256)) * 40)
    contents = {(name_channel(SEPTEMBER, READER), READER.to): replace(CONTENT, files=[tmp_path / "llm_usage.pdf"])}
    with serve_mail(box, **how) as port, claims.hold():
        server = MailServer("localhost", port, "smtp", "flexlib@example.com", "ana", password)
        (sent,) = send_month(claims, [claim], contents, server, ("SSL_CERT_FILE", str(bundle)))
        if fate is Fate.SENT:
            assert send_month(claims, [claim], contents, server, ("SSL_CERT_FILE", str(bundle))) == []
    assert (sent.fate, box.logins) == (fate, [(b"ana", True)])
    assert len(box.mails) == (fate is Fate.SENT)
    for one in box.mails:
        assert [part.get_content_type() for part in one.walk()] == [
            "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
            "application/pdf",
        ]  # fmt: skip
        text = one.get_body(("plain",))
        assert text is not None
        assert (text.get_content().splitlines(), one["Content-Language"]) == (CONTENT.text.splitlines(), "es")
        (attached,) = one.iter_attachments()
        assert attached.get_content() == bytes(range(256)) * 40


@pytest.mark.parametrize("fate", [Fate.SENT, Fate.UNKNOWN, Fate.FAILED, Fate.WAITING])
@pytest.mark.parametrize(
    ("then", "now", "is_same"),
    [
        (("20", True), ("20", True), True),
        (("20", False), ("20", False), True),
        (("20", True), ("20", False), False),
        (("20", False), ("20", True), False),
        (("20", True), ("21", True), False),
        (("20", None), ("20", True), True),  # not noted: it is not sent again
        (("20", None), ("20", False), True),
        ((None, True), (None, False), True),  # not known is no amount, nor a bound of one
    ],
)
def test_a_claim_of_a_total_holds_as_long_as_the_total_and_whether_it_is_a_lower_bound_do(
    fate: Fate, then: tuple[str | None, bool | None], now: tuple[str | None, bool], *, is_same: bool
) -> None:
    old, new = (None if one is None else Decimal(one) for one in (then[0], now[0]))
    claim = plan_claim((), SEPTEMBER, READER, Said(old, "GAP", bool(then[1])), NOW)
    if then[1] is None:
        claim = replace(claim, standing=replace(claim.standing, low=None, high=None))
    past = [Told(claim, fate, NOW)]
    assert (plan_claim(past, SEPTEMBER, READER, Said(new, "GAP", now[1]), NOW) is claim) == is_same


LONG = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


@settings(max_examples=40)
@given(name=LONG, count=st.integers(0, 1500), warnings=st.lists(LONG, max_size=40), sections=st.integers(0, 4))
def test_a_mail_is_less_than_what_gmail_cuts_whatever_is_in_it(
    name: str, count: int, warnings: list[str], sections: int
) -> None:
    columns = [Column("name", "Model", total="All"), Column("usd", "US$", Kind.USD, Total.KNOWN)]
    table = Table(
        "t", "Spend", columns, [{"name": f"{name[:60]} {place}", "usd": Decimal(place)} for place in range(count)]
    )
    page = MailPage(
        "Spend", "Monthly", "LLM spend", BADGES[State.GAP], "Read.", warnings, [Card("Spend", "US$ 1.00")],
        [Section(f"Section {place}", table=table) for place in range(sections)],
    )  # fmt: skip
    html, shown = render_mail(page)
    assert len(html.encode()) < MOST_BYTES
    assert html.endswith("</html>\n")
    assert len(shown.sections) == sections or "cut to a size" in html
    text = write_mail(shown)
    assert max(map(len, text.splitlines())) <= 78 or len(name) > 70
    assert [line for line in text.splitlines() if line.startswith("Section")] == [one.heading for one in shown.sections]


def test_a_month_mail_is_in_the_readers_language_and_knows_a_month_without_flex_credits() -> None:
    spend = load_spend(SEPTEMBER, None, FIXTURE, zone="UTC", names=False)
    with speak("es"):
        page = build_month_mail(spend.loaded[0], spend.before, Decimal(0))
        assert page.cards[2].value == "0,00"
        assert build_section(Heading("No amount is known", "")).heading == "No se conoce ningún monto"
        assert say_unpriced(1_234) == "1.234 llamadas sin precio"
    assert say_unpriced(0) == ""


def test_what_a_month_with_gaps_came_to_is_at_least_that_in_each_unit_and_against_the_month_before() -> None:
    spend = load_spend(SEPTEMBER, SEPTEMBER, FIXTURE, zone="UTC", names=False)
    usage = replace(spend.loaded[0], missing=("an hour is not stored",))
    before = replace(spend.before, obstacle="")
    cards = {one.name: one.value for one in build_month_mail(usage, before, None).cards}
    assert [name for name, value in cards.items() if value.startswith("at least ")] == [
        "Spend", "In pesos", "Against August"
    ]  # fmt: skip


def test_of_a_month_that_is_a_lower_bound_the_mail_states_no_fall() -> None:
    spend = load_spend(SEPTEMBER, SEPTEMBER, FIXTURE, zone="UTC", names=False)
    usage = replace(spend.loaded[0], rows=spend.loaded[0].calls)  # US$ 3.13 and calls without a price; August: 350.16
    card = build_month_mail(usage, replace(spend.before, obstacle=""), None).cards[3]
    assert (card.name, card.value, card.note) == ("Against August", "–", "US$ 350.16")


def test_the_mail_of_a_part_says_how_each_item_comes_about_as_its_letter_does() -> None:
    rules = ChargebackRules(pools=(PoolRule("seats", Decimal(30), date.min, date.max, "usd_a_seat", Rule.HEAD, 10),))
    made = charge_month(load_spend(SEPTEMBER, None, FIXTURE, zone="UTC", names=False), "team", rules)
    line = made.parts[0]
    (section,) = build_part_mail(made, line, []).sections
    assert section.table is not None
    assert [row["rule"] for row in section.table.rows] == [explain_items(made, line)[name] for name in line.charged]
    assert "US$ 30.00 a seat and month" in str(section.table.rows)


PROBE = """<script>
const seen = [...document.querySelectorAll("body *")].filter(one => one.offsetParent && one.className != "preview");
const right = Math.max(...seen.map(one => one.getBoundingClientRect().right));
const letters = seen.filter(one => one.innerText && one.children.length == 0).map(one =>
  parseFloat(getComputedStyle(one).fontSize));
const broken = [...document.images].filter(one => !one.complete || one.naturalWidth == 0).length;
document.body.innerHTML = "<pre id=found>" + JSON.stringify({
  width: innerWidth, right: Math.ceil(right), smallest: Math.min(...letters), broken, images: document.images.length
}) + "</pre>";
</script></body>"""


@pytest.mark.parametrize("width", [600, 320])
def test_a_browser_shows_all_of_a_mail_at_the_width_of_a_mail_and_of_a_phone(
    chromium: str, tmp_path: Path, width: int
) -> None:
    spend = load_spend(SEPTEMBER, None, FIXTURE, zone="UTC", names=False)
    html, page = render_mail(build_month_mail(spend.loaded[0], spend.before, Decimal("9961.00")))
    for one in page.sections:
        if one.picture:
            data = base64.b64encode(one.picture.png).decode()
            html = html.replace(f"cid:{one.picture.name}", f"data:image/png;base64,{data}")
    (tmp_path / "mail.html").write_text(html.replace("</body>", PROBE), "utf-8")
    (tmp_path / "frame.html").write_text(
        f'<iframe src="mail.html" style="border:0;width:{width}px;height:900px"></iframe><script>'
        "onload = () => { document.body.innerText = frames[0].document.getElementById('found').innerText }</script>"
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--hide-scrollbars"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom"]
    command = [chromium, *flags, (tmp_path / "frame.html").as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r"\{.*\}", dom)
    assert found, dom[-2000:]
    seen = json.loads(found[0])
    assert (seen["width"], seen["broken"], seen["images"]) == (width, 0, 1)
    assert seen["right"] <= width
    assert seen["smallest"] >= 11
