"""Notices by e-mail: over SMTP, step by step, so that it is known at each fault whether the mail is on its way."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from flexlib.addresses import MAIL, MailServer
from flexlib.deliver.claims import Message
from flexlib.deliver.sending import (
    CONNECT,
    ENDED,
    READ,
    WHOLE,
    NotKnown,
    NotSent,
    cut_after,
    explain_trouble,
    trust_by,
)
from flexlib.deliver.texts import write_end, write_lines, write_subject
from flexlib.deliver.troubles import (
    MAIL_SERVER,
    NO_CONNECTION,
    NO_LOGIN,
    NO_PASSWORD,
    NO_STARTTLS,
    REFUSES,
    REFUSES_ONE,
    SILENT,
    UNREADABLE,
    UNUSABLE,
)
from flexlib.formats import clean_text
from flexlib.i18n import _
from flexlib.privacy import clean_message
from flexlib.trust import NamedPath

GO_ON = 354
"""What a server says to DATA when it will take the mail."""
POLICY = SMTP.clone(cte_type="7bit")
"""Letters that every server takes, whatever stands in the mail."""
DOTS = re.compile(rb"^\.", re.MULTILINE)
HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
SLOWEST = 50_000
"""Bytes a second that a line to a server has at least: what is attached may take so long."""


class MailChannel:
    """Hands mail over to one server, all over one connection as long as that holds."""

    def __init__(self, server: MailServer, ca_bundle: NamedPath | None = None) -> None:
        self._server = server
        self._ca_bundle = ca_bundle
        self._line: smtplib.SMTP | None = None

    def send(self, message: Message) -> None:
        self.post(build_mail(message, self._server.sender), message.recipient)

    def post(self, written: EmailMessage, recipient: str) -> None:
        """Hands over any mail. Raises `NotSent` or `NotKnown`."""
        mail = DOTS.sub(b"..", written.as_bytes())
        whole = WHOLE + len(mail) / SLOWEST
        if self._line is not None:
            try:
                with cut_after(whole, self._find_socket):
                    self._try(lambda line: self._prepare(line, recipient))
                    self._hand_over(mail)
                return
            except NotSent as error:
                if self._line is not None or not error.lasts:
                    raise
                # Else it has waited too long for this server, or taken enough mails over one line.
        with cut_after(whole, self._find_socket):
            self._connect()
            self._try(lambda line: self._prepare(line, recipient))
            self._hand_over(mail)

    def _find_socket(self) -> socket.socket | None:
        return getattr(self._line, "sock", None)

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(OSError, smtplib.SMTPException):
                line.close()

    def _connect(self) -> None:
        """A line over which mails may go. Raises `NotSent`."""
        name = socket.gethostname()
        own = name if HOST.fullmatch(name) else "localhost"
        context = trust_by(self._ca_bundle)
        is_tls = self._server.scheme == "smtps"
        line = smtplib.SMTP_SSL(local_hostname=own, timeout=CONNECT, context=context) if is_tls else smtplib.SMTP(
            local_hostname=own, timeout=CONNECT)  # fmt: skip
        vars(line)["_host"] = (
            self._server.host
        )  # whose certificate it must be; smtplib asks for it where it connects at once
        self._line = line

        def open_line(line: smtplib.SMTP) -> None:
            code, said = line.connect(self._server.host, self._server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            line.ehlo_or_helo_if_needed()
            if self._server.scheme == "smtp":
                line.starttls(context=context)
            if self._server.user and self._server.password:
                self._log_in(line, self._server.user, self._server.password)
            assert line.sock is not None
            line.sock.settimeout(READ)

        self._try(open_line, opens=True)

    def _log_in(self, line: smtplib.SMTP, user: str, password: str) -> None:
        try:
            line.login(user, password)
        except smtplib.SMTPException as error:
            if type(error) is smtplib.SMTPException:  # it knows other ways only, which smtplib has no name for
                raise smtplib.SMTPNotSupportedError from error
            raise

    def _try(self, act: Callable[[smtplib.SMTP], None], *, opens: bool = False) -> None:
        """Does what comes before the mail itself. Raises `NotSent`; a line that serves no more is closed."""
        assert self._line is not None
        try:
            act(self._line)
        except smtplib.SMTPAuthenticationError as error:
            self.close()
            said = _(NO_PASSWORD)
            raise NotSent(said.format(name=self._name, setting=MAIL, code=error.smtp_code), lasts=True) from error
        except smtplib.SMTPResponseException as error:
            lasts = opens or error.smtp_code == 421  # which ends the connection
            if lasts:
                self.close()
            said = _(NO_CONNECTION) if opens else _(REFUSES_ONE)
            raise NotSent(said.format(name=self._name, read=_read(error)), lasts=lasts) from error
        except smtplib.SMTPNotSupportedError as error:
            said = _(NO_LOGIN) if self._is_secret else _(NO_STARTTLS)
            self.close()
            raise NotSent(said.format(name=self._name, setting=MAIL), lasts=True) from error
        except (OSError, ValueError) as error:  # of which all of smtplib are some, and those of TLS
            self.close()
            raise NotSent(_(UNUSABLE).format(name=self._name, explain=_explain(error)), lasts=True) from error

    def _prepare(self, line: smtplib.SMTP, recipient: str) -> None:
        """All up to the mail itself, which a server that has not said to go on cannot have."""
        line.rset()
        for code, said, wanted in (
            (*line.mail(self._server.sender), 2),
            (*line.rcpt(recipient), 2),
            (*line.docmd("DATA"), 3),
        ):
            if code // 100 != wanted or (wanted == 3 and code != GO_ON):
                raise smtplib.SMTPResponseException(code, said)

    def _hand_over(self, mail: bytes) -> None:
        assert self._line is not None
        try:
            self._line.send(mail + b".\r\n")
            code, said = self._line.getreply()
        except OSError as error:
            self.close()
            raise NotKnown(
                _(SILENT).format(name=self._name, explain=_explain(error)),
                lasts=True,
            ) from error
        if code // 100 not in (2, 4, 5):  # it had the mail, and what it said is no answer
            self.close()
            raise NotKnown(_(UNREADABLE).format(name=self._name), lasts=True)
        if code // 100 != 2:
            raise NotSent(_(REFUSES).format(name=self._name, read=_read(smtplib.SMTPResponseException(code, said))))

    @property
    def _is_secret(self) -> bool:
        """Whether what the line asked for of TLS is there."""
        return self._server.scheme != "smtp" or isinstance(self._find_socket(), ssl.SSLSocket)

    @property
    def _name(self) -> str:
        return _(MAIL_SERVER).format(host=self._server.host, port=self._server.port)


def build_mail(message: Message, sender: str) -> EmailMessage:
    """The mail of a message; sent again it has the same Message-ID, by which mail programs know it."""
    mail = open_mail(message, sender, write_subject(message))
    mail.set_content("\n\n".join([*write_lines(message), "-- \n" + write_end(message)]) + "\n")
    mail["Content-Language"] = message.language
    return mail


def open_mail(message: Message, sender: str, subject: str) -> EmailMessage:
    """A mail with its head, and nothing in it yet."""
    mail = EmailMessage(policy=POLICY)
    mail["Subject"] = clean_text(subject)
    mail["From"], mail["To"] = sender, message.recipient
    mail["Date"] = format_datetime(datetime.now(timezone.utc))
    mail["Message-ID"] = f"<flexlib.{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    return mail


def _read(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    return f"{error.smtp_code} {clean_message(said.decode('utf-8', 'replace') if isinstance(said, bytes) else said)}"


def _explain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return _(ENDED)
    return clean_message(str(error)) if isinstance(error, smtplib.SMTPException) else explain_trouble(error)
