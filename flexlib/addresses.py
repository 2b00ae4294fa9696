"""Addresses of servers, as settings give them: what is refused, and what is never shown; and e-mails, of which one
person has several spellings."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from flexlib.errors import BadSetting
from flexlib.i18n import _
from flexlib.setting_values import LOOPBACK

EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")
"""An e-mail address as every mail server takes it."""
HIDDEN_EMAIL = re.compile(r"email-[0-9a-f]{24}\b")
"""What stands for an e-mail in stored rows, see `hide_email`."""
UNSEEN = dict.fromkeys((0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF))
"""What a text may hold beside an e-mail and nobody sees: soft hyphens, spaces and joiners without width, the marks of
direction that Windows puts around a copied address, and of a byte order."""
LOWERED = "İΣς", "iσσ"
"""Letters that Python and DuckDB lower each in its own way, or otherwise at the end of a word, and what they become."""
HIDE_EMAIL = rf"""CREATE MACRO hide_email(x) AS CASE WHEN contains(x, '@') THEN 'email-' || left(sha256(lower(translate(
    nfc_normalize(regexp_replace(
        x, '[\x{{ad}}\x{{200b}}-\x{{200f}}\x{{202a}}-\x{{202e}}\x{{2060}}-\x{{2069}}\x{{feff}}]', '', 'g')),
    {", ".join(map(repr, LOWERED))}))), 24) ELSE x END;"""
"""`hide_email` as a macro of DuckDB."""
MAIL, MAIL_FROM, SIGNING = "FLEXLIB_SMTP_URL", "FLEXLIB_SMTP_FROM", "FLEXLIB_WEBHOOK_SECRET"
WEBHOOK = "FLEXLIB_WEBHOOK_URL_"
"""Before the name of a webhook, in capitals."""
NOTICE_VARIABLES = (MAIL, MAIL_FROM, SIGNING)
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""The ways to a mail server: TLS after STARTTLS, TLS from the beginning, none; and their usual ports."""
SHORTEST_SECRET = 16
"""Fewer letters can be guessed from what they sign."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over; printing it shows no password."""

    host: str
    port: int
    scheme: str
    """One of `PORTS`."""
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class NoticeServers:
    """Where notices go, of which the addresses of webhooks are secrets, too."""

    mail: MailServer | None = None
    webhooks: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The name of each in small letters, and its URL."""
    secret: str | None = field(default=None, repr=False)
    """What signs the messages of webhooks."""

    @property
    def secrets(self) -> Iterator[str]:
        """What no sentence may hold."""
        yield from (url for _, url in self.webhooks)
        yield from filter(None, (self.secret, self.mail.password if self.mail else None))


def compose_text(text: str) -> str:
    """A text with its accents as letters have them, and without what nobody sees of it."""
    return unicodedata.normalize("NFC", text.translate(UNSEEN))


def simplify_email(text: str) -> str:
    """An e-mail, or a text that is none, however its capitals and accents are written and whatever of it nobody sees.

    >>> simplify_email("Jose\u0301@example.com\u200b") == "jos\u00e9@example.com"
    True
    """
    return compose_text(text).translate(str.maketrans(*LOWERED)).lower()


def hide_email(text: str) -> str:
    """What stands for an e-mail in stored rows, the same for all its spellings; another text stays. `HIDE_EMAIL` does
    the same in SQL.

    >>> hide_email("Ana@example.com\u200b") == hide_email("ana@example.com")
    True
    """
    return f"email-{hashlib.sha256(simplify_email(text).encode()).hexdigest()[:24]}" if "@" in text else text


def read_servers(values: Mapping[str, str | None]) -> NoticeServers:
    """The servers that these settings name. Raises `BadSetting`, whose sentence shows no URL and no password."""
    given = {name: text for name, value in values.items() if (text := (value or "").strip())}
    hooks = [(name.removeprefix(WEBHOOK).lower(), _check_webhook(name, url)) for name, url in given.items()
             if name.startswith(WEBHOOK)]  # fmt: skip
    secret = given.get(SIGNING)
    if secret is not None and len(secret) < SHORTEST_SECRET:
        raise BadSetting(
            _("{signing} is shorter than {shortest_secret} letters; draw a longer one.").format(
                signing=SIGNING, shortest_secret=SHORTEST_SECRET
            )
        )
    return NoticeServers(_read_mail(given), tuple(sorted(hooks)), secret)


def _read_mail(given: Mapping[str, str]) -> MailServer | None:
    if MAIL not in given:
        return None
    try:
        url = urlsplit(given[MAIL])
        port = url.port or PORTS[url.scheme]
    except (KeyError, ValueError) as error:
        raise BadSetting(
            _(
                "{mail} must look like smtp://user:password@host:587, or begin with smtps:// for TLS from "
                "the beginning, with smtp+plain:// for none; in a password @, : and / stand as %40, %3A and "
                "%2F."
            ).format(mail=MAIL)
        ) from error
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise BadSetting(
            _("{mail} must be scheme, user, password, host and port only, and name a host.").format(mail=MAIL)
        )
    if password and url.scheme == "smtp+plain" and url.hostname not in LOOPBACK:
        raise BadSetting(
            _("{mail} must begin with smtp:// or smtps://: without TLS the password would travel in the clear.").format(
                mail=MAIL
            )
        )
    sender = given.get(MAIL_FROM) or user
    if not EMAIL.fullmatch(sender):
        raise BadSetting(
            _("{mail_from} must be the e-mail address that notices come from.").format(mail_from=MAIL_FROM)
        )
    return MailServer(url.hostname, port, url.scheme, sender, user, password)


def _check_webhook(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadSetting(_("{name} is no URL; copy it again.").format(name=name)) from error
    if parts.scheme not in ("http", "https") or not host or port == 0 or parts.username or not url.isascii() or (
        not url.isprintable() or " " in url or parts.fragment
    ):  # fmt: skip
        raise BadSetting(
            _("{name} must be a URL that begins with https://, without a user; copy it again.").format(name=name)
        )
    if parts.scheme == "http" and host not in LOOPBACK:
        raise BadSetting(_("{name} must be https: what it says would travel in the clear.").format(name=name))
    return url
