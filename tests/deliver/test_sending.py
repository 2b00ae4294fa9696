"""What becomes of a message at each fault of a real server: sent, known not to be sent, or not known."""

from __future__ import annotations

import base64
import email
import hmac
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness import make_certificate
from notice_samples import ANA, HTTP_FAULTS, NOON, OPENAI, PASSWORD, SECRET, SMTP_FAULTS, rule, serve_mail, serve_script

from flexlib.addresses import MailServer, NoticeServers
from flexlib.deliver import delivery, lines, mail, webhook, withdrawn
from flexlib.deliver.claims import Claims, Fate, Message
from flexlib.deliver.delivery import open_channels, send_again, tell
from flexlib.deliver.sending import explain_trouble
from flexlib.deliver.troubles import TROUBLES, tell_trouble
from flexlib.i18n import _, speak, to_english

SENT, FAILED, UNKNOWN = Fate.SENT, Fate.FAILED, Fate.UNKNOWN


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not answer is waited for, but not for seconds."""
    monkeypatch.setattr(mail, "READ", 0.3)
    monkeypatch.setattr(mail, "CONNECT", 0.3)
    monkeypatch.setattr(webhook, "READ", 0.3)
    monkeypatch.setattr(webhook, "CONNECT", 0.3)
    monkeypatch.setattr(webhook, "PAUSE", 0.01)


def tell_finance(root: Path, servers: NoticeServers, channel: str = "email", *to: str) -> list[Message]:
    return tell([rule(channel, *to)], [OPENAI], root, servers, now=NOON)[1]


@pytest.mark.parametrize("fault", SMTP_FAULTS)
def test_a_mail_whose_fate_is_not_known_is_said_and_one_that_was_refused_goes_again(tmp_path: Path, fault: str) -> None:
    with serve_script("smtp", fault) as script:
        servers = NoticeServers(script.mail_server)
        (first,) = tell_finance(tmp_path, servers)
        (*_, second) = tell_finance(tmp_path, servers) or [first]
        if fault == "taken, said twice":
            expected = SENT, SENT, 1
        elif fault in ("taken, then closed", "taken, no answer"):
            expected = UNKNOWN, UNKNOWN, 1
        elif fault == "lost, then closed":
            expected = UNKNOWN, UNKNOWN, 0
        else:  # refused or ended before the server had it
            expected = FAILED, SENT, 1
        assert (first.fate, second.fate, len(script.taken)) == expected, first.trouble
        assert bool(first.trouble) == (first.fate is not SENT)
        assert "finance@example.com" not in first.trouble


CLASSES = re.compile(r"disconnected|statusline|linetoolong|incompleteread|exception|[a-z]error", re.IGNORECASE)


@pytest.mark.parametrize(("error", "told"), [
    (RemoteDisconnected("Remote end closed connection without response"), "it ended the connection, or was too slow"),
    (ConnectionResetError(104, "Connection reset by peer"), "it ended the connection, or was too slow"),
    (ConnectionRefusedError(111, "Connection refused"), "no server listens there"),
    (socket.gaierror(-2, "Name or service not known"), "no address is known for its name"),
    (OSError(101, "Network is unreachable"), "no connection to it can be made, or it broke"),
    (OSError(), "no connection to it can be made, or it broke"),
    (TimeoutError(), "it does not answer"),
    (BadStatusLine("?"), "it does not answer as a server should"),
    (ValueError("x"), "it does not answer as a server should"),
])  # fmt: skip
def test_what_is_wrong_with_a_connection_is_told_in_words(error: Exception, told: str) -> None:
    assert explain_trouble(error) == told


@pytest.mark.parametrize("fault", HTTP_FAULTS)
def test_a_webhook_whose_fate_is_not_known_is_said_and_one_that_refused_is_asked_again(
    tmp_path: Path, fault: str
) -> None:
    with serve_script("http", fault) as script:
        (first,) = tell_finance(tmp_path, script.servers(), "slack", "ops")
        (*_, second) = tell_finance(tmp_path, script.servers(), "slack", "ops") or [first]
        if fault in ("204", "429", "503", "taken, said twice"):  # of which 429 and 503 are asked again at once
            expected = SENT, SENT, 1
        elif "taken" in fault:
            expected = UNKNOWN, UNKNOWN, 1
        elif fault in ("500", "502", "lost, then closed", "refused"):  # it may have heard, for all that is known
            expected = UNKNOWN, UNKNOWN, 0
        else:
            expected = FAILED, SENT, 1
        assert (first.fate, second.fate, len(script.taken)) == expected, first.trouble
        assert "hook" not in first.trouble.replace("webhook", "")  # nothing of the address
        assert not CLASSES.search(first.trouble)  # in words, not by Python's names
        if fault == "lost, then closed":
            told = "The webhook ops was asked and gave no answer: it ended the connection, or was too slow."
            assert first.trouble == told


def test_where_no_server_is_nothing_was_sent(tmp_path: Path) -> None:
    with serve_script("smtp") as script:
        gone, hooks = script.mail_server, script.servers()
    for servers, channel, to in (
        (NoticeServers(gone), "email", "finance@example.com"),
        (hooks, "slack", "ops"),
        (NoticeServers(), "email", "ana@example.com"),
        (NoticeServers(), "webhook", "x"),
    ):
        (told,) = [one for one in tell_finance(tmp_path, servers, channel, to) if one.recipient == to]
        assert told.fate is FAILED, told
    assert Claims(tmp_path).list_messages(UNKNOWN) == []


def test_what_is_not_known_to_be_sent_goes_again_when_asked_under_the_same_id(tmp_path: Path) -> None:
    with serve_script("smtp", "taken, then closed") as script:
        servers = NoticeServers(script.mail_server)
        (told,) = tell_finance(tmp_path, servers)
        again = send_again(Claims(tmp_path), told, open_channels(servers, tmp_path, None))
        assert (again.fate, script.ids) == (SENT, [told.id, told.id])
        assert tell_finance(tmp_path, servers) == []


def test_a_server_that_hangs_is_not_waited_for_again_in_the_same_run(tmp_path: Path) -> None:
    readers = [f"{letter}@example.com" for letter in "abcde"]
    with serve_script("smtp", "taken, no answer") as script:
        servers = NoticeServers(script.mail_server)
        fates = [one.fate for one in tell([rule("email", *readers)], [OPENAI], tmp_path, servers, now=NOON)[1]]
        assert (fates, len(script.asked)) == ([UNKNOWN, *[FAILED] * 4], 1)
        fates = [one.fate for one in tell([rule("email", *readers)], [OPENAI], tmp_path, servers, now=NOON)[1]]
        assert (fates, len(script.asked)) == ([*[SENT] * 4, UNKNOWN], 5)


def test_a_server_that_answers_byte_by_byte_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "WHOLE", 0.2)
    monkeypatch.setattr(webhook, "READ", 30.0)
    with serve_script("http", "taken, no answer") as script:
        (told,) = tell_finance(tmp_path, script.servers(), "slack", "ops")
    assert told.fate is UNKNOWN


def test_one_refused_reader_keeps_nobody_else_from_being_told(tmp_path: Path) -> None:
    """Over one connection, as a mail server is used."""
    with serve_script("smtp", "ok", "rcpt 550", "ok", "body 452", "close at mail", "ok") as script:
        readers = [f"{letter}@example.com" for letter in "abcdef"]
        told = tell([rule("email", *readers)], [OPENAI], tmp_path, NoticeServers(script.mail_server), now=NOON)[1]
    assert [one.fate for one in told] == [SENT, FAILED, SENT, FAILED, SENT, SENT]


class Inbox:
    """A mail server of aiosmtpd's that keeps what it takes."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        found = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(found, EmailMessage)
        assert [found["To"]] == envelope.rcpt_tos
        self.mails.append(found)
        return "250 taken"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    box = Inbox()
    with serve_mail(box) as port:
        yield box, port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_over_tls_a_mail_and_a_password_go_only_to_a_server_that_is_known(
    tmp_path: Path, certificate: tuple[ssl.SSLContext, Path], scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "CONNECT", 10.0)
    context, bundle = certificate
    with serve_script("smtp", tls=context if scheme == "smtps" else None) as script:
        script.starttls = context if scheme == "smtp" else None
        server = MailServer("127.0.0.1", script.port, scheme, "a@b.cl", "ana", PASSWORD)
        (told,) = tell_finance(tmp_path, NoticeServers(server))
        assert (told.fate, "its certificate is not one that this machine trusts" in told.trouble) == (FAILED, True)
        assert (script.asked, script.logins) == ([], [])
        wrong = NoticeServers(replace(server, password="wrong"))
        (told,) = tell([rule()], [OPENAI], tmp_path, wrong, ("SSL_CERT_FILE", str(bundle)), now=NOON)[1]
        assert told.trouble.endswith("does not take the user and password of FLEXLIB_SMTP_URL (535).")
        (told,) = tell([rule()], [OPENAI], tmp_path, NoticeServers(server), ("SSL_CERT_FILE", str(bundle)), now=NOON)[1]
        assert (told.fate, len(script.taken), script.logins[-1]) == (SENT, 1, ["ana", PASSWORD])


def test_over_tls_a_webhook_is_asked_only_where_it_is_known(
    tmp_path: Path, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "CONNECT", 10.0)
    context, bundle = certificate
    with serve_script("http", tls=context) as script:
        servers = NoticeServers(None, (("ops", script.url.replace("http:", "https:")),), SECRET)
        (told,) = tell_finance(tmp_path, servers, "slack", "ops")
        assert (told.fate, script.asked) == (FAILED, [])
        (told,) = tell([rule("slack", "ops")], [OPENAI], tmp_path, servers, ("SSL_CERT_FILE", str(bundle)), now=NOON)[1]
        assert (told.fate, len(script.taken)) == (SENT, 1)
        (told,) = tell(
            [rule("slack", "ops")], [ANA], tmp_path, servers, ("SSL_CERT_FILE", str(tmp_path / "none.pem")), now=NOON
        )[1]
        assert (told.fate, told.trouble.startswith("SSL_CERT_FILE is ")) == (FAILED, True), told.trouble


def test_a_person_gets_a_mail_in_their_language_and_others_learn_only_that_there_is_one(
    tmp_path: Path, inbox: tuple[Inbox, int]
) -> None:
    box, port = inbox
    rules = [rule("email", "person", language="es"), rule("email", "finance@example.com")]
    servers = NoticeServers(MailServer("127.0.0.1", port, "smtp+plain", "flexlib@example.com"))
    _, told = tell(rules, [ANA, OPENAI], tmp_path, servers, now=NOON)
    assert [one.fate for one in told] == [SENT, SENT]
    own, finance = (
        next(one for one in box.mails if one["To"] == to) for to in ("ana@example.com", "finance@example.com")
    )
    assert (own["Subject"], own["Content-Language"]) == ("Presupuesto for Ana: superado", "es")
    assert own.get_content().replace("\u00a0", " ").splitlines()[0] == (
        "for Ana: el presupuesto de septiembre de 2025 se superó el 24 de septiembre, con US$312,50 de US$300,00 "
        "(104,1 %)."
    )
    said = finance.get_content()
    assert "ana" not in said.lower().replace("finance", "")
    assert said.splitlines()[0].replace("\u00a0", " ") == (
        "OpenAI: the budget of September 2025 is exceeded on 24 September, with US$ 312.50 of US$ 300.00 (104.1 %)."
    )
    assert "Budgets of individual people, here without their names (exceeded: 1)." in said
    assert own["Message-ID"] == f"<flexlib.{told[0].id}@example.com>"
    assert (own["Auto-Submitted"], own["From"]) == ("auto-generated", "flexlib@example.com")
    assert tell(rules, [ANA, OPENAI], tmp_path, servers, now=NOON)[1] == []
    assert len(box.mails) == 2


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_without_tls_gets_no_mail_where_tls_is_asked_for(tmp_path: Path, scheme: str) -> None:
    with serve_script("smtp") as script:
        server = replace(script.mail_server, scheme=scheme, user="a", password="pass-word")
        (told,) = tell_finance(tmp_path, NoticeServers(server))
        assert (told.fate, script.asked, script.logins) == (FAILED, [], [])
        assert "pass-word" not in told.trouble
        assert ("has no STARTTLS, which FLEXLIB_SMTP_URL asks for. smtps:// is" in told.trouble) == (scheme == "smtp")


@pytest.mark.parametrize("offered", ["8BITMIME", "AUTH NTLM"])
def test_a_server_that_takes_no_password_is_not_said_to_lack_tls(tmp_path: Path, offered: str) -> None:
    with serve_script("smtp") as script, speak("es"):
        script.offered = offered
        server = replace(script.mail_server, user="a", password="pass-word")
        (told,) = tell_finance(tmp_path, NoticeServers(server))
    assert (told.fate, to_english(told.trouble)) == (
        FAILED,
        f"The mail server 127.0.0.1:{script.port} takes no user and password, which FLEXLIB_SMTP_URL has; take them "
        "out, or name another server.",
    )
    with speak("es"):
        assert tell_trouble(f"Not tried any more: {to_english(told.trouble)}") == (
            f"No se intentó: El servidor de correo 127.0.0.1:{script.port} no acepta usuario ni contraseña, que "
            "FLEXLIB_SMTP_URL tiene; quítelos o indique otro servidor."
        )


@pytest.mark.parametrize("module", [delivery, lines, mail, webhook, withdrawn])
def test_every_trouble_of_a_message_is_known_in_the_readers_language(module: ModuleType) -> None:
    """What else is raised is a setting's own sentence, which no run stores that could begin."""
    text = Path(module.__file__ or "").read_text("utf-8")
    assert re.findall(r"""raise Not\w+\(\s*_\(\s*["'].*""", text) == []
    with speak("es"):
        assert [one for one in TROUBLES if str(_(one)) == one] == []


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_webhook_is_asked_through_the_proxy_of_the_environment(
    tmp_path: Path, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is a name that no one but the proxy can resolve."""
    monkeypatch.setattr(webhook, "CONNECT", 10.0)
    context, bundle = make_certificate(tmp_path, "DNS:hooks.example.com")
    asked: list[bytes] = []

    def stand_between(listening: socket.socket, port: int) -> None:
        line, _ = listening.accept()
        with line, line.makefile("rb") as words:
            while (part := words.readline()) not in (b"\r\n", b""):
                asked.append(part.strip())
            if b"Proxy-Authorization: Basic YW5hOnJpZ2h0" not in asked:  # ana:right
                line.sendall(b"HTTP/1.1 407 said\r\n\r\n")
                return
            line.sendall(b"HTTP/1.1 200 said\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as other:
                back = threading.Thread(target=pour, args=(other, line))
                back.start()
                pour(line, other)
                back.join()

    def pour(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while part := one.recv(65536):
                other.sendall(part)
            other.shutdown(socket.SHUT_WR)

    with serve_script("http", tls=context) as script, socket.create_server(("127.0.0.1", 0)) as listening:
        between = threading.Thread(target=stand_between, args=(listening, script.port))
        between.start()
        monkeypatch.setenv("https_proxy", f"http://ana:{password}@127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        servers = NoticeServers(None, (("ops", "https://hooks.example.com/T0"),), SECRET)
        (told,) = tell([rule("slack", "ops")], [OPENAI], tmp_path, servers, ("SSL_CERT_FILE", str(bundle)), now=NOON)[1]
        between.join()
    assert asked[0].startswith(b"CONNECT hooks.example.com:443 ")
    if password == "right":
        assert (told.fate, len(script.taken)) == (SENT, 1), told.trouble
    else:
        assert (told.fate, told.trouble) == (
            FAILED,
            "The webhook ops cannot be reached: the proxy on the way says 407.",
        )


def test_a_signed_webhook_proves_who_wrote_it_and_when(tmp_path: Path) -> None:
    with serve_script("http") as script:
        (told,) = tell([rule("webhook", "ops")], [OPENAI, ANA], tmp_path, script.servers(), now=NOON)[1]
    head, _, body = script.taken[0].partition(b"\r\n\r\n")
    headers = {name.lower(): text for name, text in re.findall(r"(?m)^([\w-]+): (.*?)\r?$", head.decode())}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["webhook-id"] == told.id
    content = json.loads(body)
    openai, ana = sorted(content["notices"], key=lambda one: "budget" not in one)
    assert (openai["budget"], openai["event"], openai["spent"], openai["day"]) == (
        "OpenAI",
        "over",
        "312.5",
        "2025-09-24",
    )
    assert ana == {"event": "over", "scope": "person", "first": "2025-09-01", "last": "2025-09-30"}


def test_what_slack_shows_links_to_nothing_and_calls_nobody(tmp_path: Path) -> None:
    with serve_script("http") as script:
        tell([rule("slack", "ops")], [replace(OPENAI, budget="<!channel> & co")], tmp_path, script.servers(), now=NOON)
    text = json.loads(script.taken[0].partition(b"\r\n\r\n")[2])["text"]
    assert text.splitlines()[0] == "*Budget &lt;!channel&gt; &amp; co: exceeded*"


def test_a_file_gets_a_line_that_only_its_owner_reads(tmp_path: Path) -> None:
    (told,) = tell_finance(tmp_path, NoticeServers(), "file", "notices.jsonl")
    file = tmp_path / "notices.jsonl"
    assert (told.fate, json.loads(file.read_text("utf-8"))["id"]) == (SENT, told.id)
    assert file.stat().st_mode & 0o777 == 0o600
    (missing,) = tell_finance(tmp_path, NoticeServers(), "file", "nowhere/notices.jsonl")
    assert (missing.fate, "cannot be written" in missing.trouble) == (FAILED, True)
