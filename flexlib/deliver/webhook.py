"""Notices to webhooks, those of Slack and its likes, and signed ones: each asked so that it is known whether it heard.

Python's own HTTP client tells whether the request had begun when something failed; others only that it did.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import random
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from flexlib import __version__
from flexlib.addresses import SIGNING, WEBHOOK, NoticeServers
from flexlib.deliver.claims import Claim, Message
from flexlib.deliver.sending import CONNECT, READ, WHOLE, NotKnown, NotSent, cut_after, explain_trouble, trust_by
from flexlib.deliver.texts import is_open, list_told, write_lines, write_sentence, write_subject
from flexlib.deliver.troubles import (
    ASKED,
    BAD_SECRET,
    NO_ADDRESS,
    PROXY,
    REDIRECTS,
    REFUSES_MESSAGE,
    UNCLEAR,
    UNREACHED,
    UNSIGNED,
    WEBHOOK_NAME,
)
from flexlib.formats import format_plain
from flexlib.i18n import _
from flexlib.setting_values import LOOPBACK
from flexlib.trust import NamedPath

BUSY = (429, 503)
"""Come later: nothing was done."""
TRIES = 3
PAUSE = 1.0
"""Seconds before the second try; doubled before the third."""
MOST_PAUSE = 30.0
"""Who asks for longer is asked by the next run."""
PREFIX = "whsec_"
"""Before a secret in base64, as the standard of signed webhooks writes it."""
PROXY_SAYS = re.compile(r"Tunnel connection failed: (\d{3})")
"""Python's words for the refusal of a proxy."""
SLACK_SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class WebhookChannel:
    """Posts messages to the webhooks that the settings name."""

    def __init__(self, servers: NoticeServers, ca_bundle: NamedPath | None = None, *, is_slack: bool) -> None:
        self._servers = servers
        self._ca_bundle = ca_bundle
        self._is_slack = is_slack

    def send(self, message: Message) -> None:
        name = _(WEBHOOK_NAME).format(recipient=message.recipient)
        url = dict(self._servers.webhooks).get(message.recipient)
        if url is None:
            raise NotSent(_(NO_ADDRESS).format(name=name, webhook=WEBHOOK, recipient=message.recipient.upper()))
        content = {"text": write_text(message)} if self._is_slack else describe_message(message)
        body = json.dumps(content, ensure_ascii=False).encode()
        for number in range(TRIES):
            headers = {"Content-Type": "application/json", "User-Agent": f"flexlib/{__version__}"}
            if not self._is_slack:
                headers |= sign_message(message.id, int(time.time()), body, self._required_secret)
            response = self._post(name, url, body, headers)
            if 200 <= response.status < 300:
                return
            if response.status < 200 or response.status >= 500 and response.status not in BUSY:
                raise NotKnown(_(UNCLEAR).format(name=name, status=response.status))
            asked = _read_retry_after(response.headers.get("Retry-After", ""))
            pause = max(PAUSE * 2**number * random.uniform(0.5, 1.5), asked)
            if response.status not in BUSY or number + 1 == TRIES or pause > MOST_PAUSE:
                break
            time.sleep(pause)
        if 300 <= response.status < 400:
            raise NotSent(_(REDIRECTS).format(name=name, status=response.status))
        raise NotSent(_(REFUSES_MESSAGE).format(name=name, status=response.status))

    def close(self) -> None:
        """Each request has a connection of its own."""

    @property
    def _required_secret(self) -> str:
        if not self._servers.secret:
            raise NotSent(
                _(UNSIGNED).format(signing=SIGNING),
                lasts=True,
            )
        return self._servers.secret

    def _post(self, name: str, url: str, body: bytes, headers: Mapping[str, str]) -> HTTPResponse:
        """The head of the answer; the rest is not read, and no redirection followed."""
        parts = urlsplit(url)
        target = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
        line: HTTPConnection | None = None
        try:
            line = self._choose_line(url)
            with cut_after(WHOLE, lambda: getattr(line, "sock", None)):
                try:
                    line.connect()
                except (OSError, HTTPException, ValueError) as error:
                    said = PROXY_SAYS.match(str(error))
                    proxy = _(PROXY)
                    why = proxy.format(status=said[1]) if said else explain_trouble(error)
                    raise NotSent(_(UNREACHED).format(name=name, why=why)) from error
                line.sock.settimeout(READ)
                try:
                    line.request("POST", target, body, dict(headers))
                    return line.getresponse()
                except (OSError, HTTPException) as error:
                    raise NotKnown(_(ASKED).format(name=name, trouble=explain_trouble(error))) from error
        finally:
            if line is not None:
                line.close()

    def _choose_line(self, url: str) -> HTTPConnection:
        """To the server, or through the proxy that the environment names."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "http":  # on this machine
            return HTTPConnection(host, parts.port, timeout=CONNECT)
        context = trust_by(self._ca_bundle)
        proxy = None if host in LOOPBACK or proxy_bypass(host) else getproxies().get("https")
        if not proxy:
            return HTTPSConnection(host, parts.port, timeout=CONNECT, context=context)
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        line = HTTPSConnection(through.hostname or "", through.port or 80, timeout=CONNECT, context=context)
        user = f"{unquote(through.username or '')}:{unquote(through.password or '')}"
        known = {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if through.username else {}
        line.set_tunnel(host, parts.port or 443, known)
        return line


def sign_message(name: str, moment: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers by which a receiver knows who sent it, when, and that it is the same when it comes again: those of
    standardwebhooks.com, HMAC-SHA256 of id, second and body.

    >>> sign_message("msg", 1614265330, b"{}", "a secret of letters")["webhook-signature"]
    'v1,myeLlwaAna6nMG7fDWmfT2XbaAq1pZYP8TG5Bm7x9FE='
    """
    key = secret.encode()
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise NotSent(
                _(BAD_SECRET).format(signing=SIGNING, prefix=PREFIX),
                lasts=True,
            ) from error
    signature = hmac.digest(key, f"{name}.{moment}.".encode() + body, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def describe_message(message: Message) -> dict[str, Any]:
    """A message as JSON: amounts as exact text in the unit of the budget, and the sentences that a reader gets.

    Of a budget of one person, which its reader is not, it says what happened and when, not whose it is or how much.
    """
    return {
        "id": message.id,
        "language": message.language,
        "subject": write_subject(message),
        "text": "\n".join(write_lines(message)),
        "notices": [
            {
                "event": claim.event if not claim.event.isdigit() else int(claim.event),
                "scope": claim.standing.scope,
                "first": claim.standing.first.isoformat(),
                "last": claim.standing.last.isoformat(),
                **(_describe_amounts(claim, message.language) if is_open(claim) else {}),
            }
            for claim in list_told(message)
        ],
    }


def _describe_amounts(claim: Claim, language: str) -> dict[str, Any]:
    of = claim.standing
    return {
        "budget": of.budget,
        "of": list(of.of),
        "unit": of.unit,
        "amount": format_plain(of.amount),
        "spent": format_plain(of.spent),
        "is_lower_bound": of.lacks,
        "outcome": of.outcome,
        "is_sure": of.is_sure,
        "is_unknown": of.is_unknown,
        **{
            name: None if (value := getattr(of, name)) is None else format_plain(value)
            for name in ("expected", "low", "high")
        },
        "day": of.day and of.day.isoformat(),
        "text": write_sentence(claim, language),
    }


def write_text(message: Message) -> str:
    """What Slack and its likes show, in which nothing is taken for a link or a name."""
    text = "\n".join([f"*{write_subject(message)}*", *(f"• {line}" for line in write_lines(message))])
    return "".join(SLACK_SIGNS.get(sign, sign) for sign in text)


def _read_retry_after(text: str) -> float:
    """Seconds, by a number of them or by a date."""
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
