"""Budgets to be told of, and servers for mail and webhooks that do what a script says, over real connections."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from aiosmtpd.smtp import SMTP

from flexlib.addresses import MailServer, NoticeServers
from flexlib.deliver.due import Times
from flexlib.deliver.rules import SCOPES, Rule
from flexlib.store.outbox import Standing

NOON = datetime(2025, 9, 23, 12, tzinfo=timezone.utc)
PASSWORD = "pass word"
SECRET = "a secret of many letters"
OPENAI = Standing(
    "OpenAI", "provider", ("openai",), "usd", Decimal("300.00"), (75, 90), date(2025, 9, 1), date(2025, 9, 30), "over",
    Decimal("312.5"), day=date(2025, 9, 24),
)  # fmt: skip
ANA = replace(OPENAI, budget="for Ana", scope="person", of=("ana@example.com",))


def rule(channel: str = "email", *to: str, **changes: Any) -> Rule:  # noqa: ANN401
    """Of all budgets, at their own thresholds."""
    return replace(Rule((), SCOPES, (), channel, to or ("finance@example.com",), "en", Times()), **changes)


@dataclass
class Script:
    """What a server does with each message that comes, in this order; `ok` once the list is at its end."""

    faults: list[str]
    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    """The messages that it took, whatever it answered."""
    asked: list[bytes] = field(default_factory=list)
    """All that came to it whole."""
    is_over: threading.Event = field(default_factory=threading.Event)
    starttls: ssl.SSLContext | None = None
    offered: str = "AUTH PLAIN"
    """What it says that it can beside mail."""
    logins: list[list[str]] = field(default_factory=list)
    """User and password of each attempt."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    has_message: threading.Event = field(default_factory=threading.Event)

    def draw(self) -> str:
        with self.lock:
            return self.faults.pop(0) if self.faults else "ok"

    @property
    def mail_server(self) -> MailServer:
        return MailServer("127.0.0.1", self.port, "smtp+plain", "flexlib@example.com")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=us"

    def servers(self) -> NoticeServers:
        return NoticeServers(None, (("ops", self.url),), SECRET)

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that it took."""
        found = re.compile(rb"(?i)^(?:message-id: <flexlib\.|webhook-id: )([0-9a-f]+)", re.MULTILINE)
        return [match[1].decode() for one in self.taken if (match := found.search(one))]


SMTP_FAULTS = (
    *("banner 421", "banner 554", "ehlo 502", "mail 451", "mail 553", "rcpt 450", "rcpt 550", "data 451", "data 554"),
    *("close at banner", "close at mail", "close at rcpt", "close at data", "body 452", "body 554"),
    *("taken, then closed", "lost, then closed", "taken, said twice", "taken, no answer", "no answer at rcpt"),
)
"""A step and the code that it is answered with; or what becomes of the mail once it is there, and what is said."""
HTTP_FAULTS = (
    *("302", "400", "404", "410", "429", "500", "503", "429 later", "204", "502 taken", "502", "504 taken"),
    *("taken, then closed", "lost, then closed", "taken, said twice", "taken, no answer", "taken, no HTTP", "refused"),
)


@contextmanager
def serve_script(kind: str, *faults: str, tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    """A server of mail (`smtp`) or of a webhook (`http`) on this machine."""
    script, threads = Script(list(faults)), list[threading.Thread]()
    talk = _talk_smtp if kind == "smtp" else _talk_http
    with socket.create_server(("127.0.0.1", 0)) as listening:
        script.port = listening.getsockname()[1]
        listening.settimeout(0.02)

        def accept() -> None:
            while not script.is_over.is_set():
                with suppress(TimeoutError):
                    line, _ = listening.accept()
                    threads.append(threading.Thread(target=_hold, args=(line, talk, script, tls)))
                    threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield script
        finally:
            script.is_over.set()
            for one in threads:
                one.join()


@contextmanager
def serve_mail(box: Any, **how: Any) -> Iterator[int]:  # noqa: ANN401
    """The port of a server of aiosmtpd's that hands `box` what it takes; `how`: as `aiosmtpd.smtp.SMTP` takes it."""
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(loop.create_server(lambda: SMTP(box, loop=loop, **how), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        tasks = asyncio.all_tasks(loop)
        for one in tasks:
            one.cancel()
        loop.run_until_complete(asyncio.wait([*tasks, loop.create_task(asyncio.sleep(0.01))]))
        loop.close()


def _hold(line: socket.socket, talk: Any, script: Script, tls: ssl.SSLContext | None) -> None:  # noqa: ANN401
    line.settimeout(10)
    with line, suppress(OSError), tls.wrap_socket(line, server_side=True) if tls else nullcontext(line) as spoken:
        talk(spoken, script)


def _talk_smtp(line: socket.socket, script: Script, *, is_begun: bool = False) -> None:
    """One connection, over which several mails may come; the fault of a mail is drawn when it begins."""
    words = line.makefile("rb")
    fault, is_drawn = script.draw(), True
    offers = ["STARTTLS"] if script.starttls and not is_begun else [script.offered]

    def say(step: str, usual: str) -> bool:
        """Answers a step; False where the connection ends."""
        if fault == f"close at {step}":
            return False
        if fault == f"no answer at {step}":
            script.is_over.wait(5)
            return False
        code = fault.partition(" ")[2] if fault.startswith(f"{step} ") else usual
        line.sendall(f"{code} said\r\n".encode())
        return True

    if not is_begun and not say("banner", "220") or fault.startswith("banner"):
        return
    while order := words.readline():
        verb = order[:4].upper()
        if verb in (b"EHLO", b"HELO"):
            line.sendall(b"".join(f"250-{offer}\r\n".encode() for offer in ("hello", *offers)))
            if not say("ehlo", "250"):
                return
        elif verb == b"STAR" and script.starttls:
            line.sendall(b"220 said\r\n")
            with script.starttls.wrap_socket(line, server_side=True) as spoken:
                _talk_smtp(spoken, script, is_begun=True)
            return
        elif verb == b"AUTH":
            script.logins.append(base64.b64decode(order.split()[-1]).decode().split("\0")[1:])
            line.sendall(b"235 said\r\n" if script.logins[-1][1] == PASSWORD else b"535 said\r\n")
        elif verb in (b"RSET", b"QUIT"):
            line.sendall(b"250 said\r\n")
        elif verb == b"MAIL":
            fault, is_drawn = fault if is_drawn else script.draw(), False
            if not say("mail", "250"):
                return
        elif verb == b"RCPT":
            if not say("rcpt", "250"):
                return
        elif verb == b"DATA":
            if not say("data", "354"):
                return
            if fault.startswith("data"):
                continue
            mail = b""
            while (part := words.readline()) != b".\r\n":
                if not part:
                    return
                mail += part[1:] if part.startswith(b"..") else part
            # A fault of a step that has passed on this connection is none.
            fault = fault if fault.startswith(("body", "taken", "lost")) else "ok"
            if not _take(mail, fault, line, script, lambda: say("body", "250")):
                return


def _take(mail: bytes, fault: str, line: socket.socket, script: Script, answer: Any) -> bool:  # noqa: ANN401
    script.asked.append(mail)
    if "taken" in fault or fault == "ok" or fault == "204":
        script.taken.append(mail)
    script.has_message.set()
    if fault.endswith("then closed"):
        return False
    if fault.endswith("no answer"):
        script.is_over.wait(5)
        return False
    if not answer():
        return False
    if fault.endswith("said twice"):
        answer()
    return True


def _talk_http(line: socket.socket, script: Script) -> None:
    words = line.makefile("rb")
    fault = script.draw()
    if fault == "refused":
        return
    head = b""
    while (part := words.readline()) not in (b"\r\n", b""):
        head += part
    if not head.startswith(b"POST "):
        return
    size = re.search(rb"(?i)content-length: (\d+)", head)
    request = head + b"\r\n" + words.read(int(size[1]) if size else 0)
    code = fault[:3] if fault[:3].isdigit() else "200"
    later = "Retry-After: 7200\r\n" if fault.endswith("later") else "Retry-After: 0\r\n"
    where = "Location: /elsewhere\r\n" if code == "302" else ""

    def answer() -> bool:
        said = f"HTTP/1.1 {code} said\r\n{later}{where}Content-Length: 2\r\n\r\nok"
        line.sendall(b"what?\r\n\r\n" if fault.endswith("no HTTP") else said.encode())
        return True

    _take(request, fault, line, script, answer)
