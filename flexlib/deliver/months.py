"""A month mailed to its readers: each mail is claimed before it is sent, so that none goes twice or is unsaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

from flexlib.addresses import MailServer
from flexlib.dates import Month
from flexlib.deliver.claims import REPORTS, Claim, Claims, Fate, Message
from flexlib.deliver.delivery import deliver_due, send_again
from flexlib.deliver.mail import MailChannel, open_mail
from flexlib.deliver.readers import Reader
from flexlib.deliver.sending import Channel
from flexlib.store.outbox import Figure, Standing
from flexlib.trust import NamedPath

EVENT = "month"
TYPES = {
    "pdf": ("application", "pdf"),
    "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
"""Of what is attached."""
REACHED = (Fate.SENT, Fate.UNKNOWN, Fate.SETTLED)
"""What a reader has, or may have."""
OPEN = (Fate.FAILED, Fate.WAITING)
"""What is known not to have been sent, and is tried again."""


@dataclass(frozen=True)
class Content:
    """One mail as it is written."""

    subject: str
    text: str
    html: str
    language: str
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """PNG by the name that the HTML gives it."""
    files: Sequence[Path] = ()
    """What is attached."""


Contents = Mapping[tuple[str, str], Content]
"""What each gets, by the channel of the month and part and by the recipient."""


def name_channel(month: Month, reader: Reader) -> str:
    """Under which the claims of a month and part stand."""
    return f"{month} {reader.part}"


def read_month(message: Message) -> Month:
    """The month that a message is of."""
    return Month.containing(message.claims[0].standing.first)


@dataclass(frozen=True)
class Said:
    """What a mail says at its top."""

    total: Decimal | None
    """In US$; None where it is not known."""
    state: str
    is_least: bool = False
    figures: tuple[Figure, ...] = ()
    """The amounts beside it."""


@dataclass(frozen=True)
class Told:
    """That a reader was to be told what a month, or part, came to; and what became of it."""

    claim: Claim
    fate: Fate
    changed: datetime

    @property
    def total(self) -> Decimal | None:
        """None where it was told that it is not known."""
        return read_total(self.claim)

    @property
    def is_least(self) -> bool | None:
        return is_least(self.claim)

    def tells(self, said: Said) -> bool:
        """Whether it said the same; what was not noted of it is taken to be the same: mails of before are not all sent
        again."""
        then, is_same = self.claim.standing, self.total == said.total and self.is_least in (None, said.is_least)
        return is_same and (not then.figures or (then.outcome, then.figures) == (said.state, said.figures))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The files that were asked for and could not be attached."""
        return self.claim.standing.of[2:]


def read_total(claim: Claim) -> Decimal | None:
    """The total that a claim tells, in US$; None where it tells that it is not known."""
    return None if claim.standing.lacks else claim.standing.spent


def is_least(claim: Claim) -> bool | None:
    """Whether the total that a claim tells is a lower bound, as an exact one is an upper bound, too; None of a total
    that is not known, and of mails of before this was noted."""
    low, high = claim.standing.low, claim.standing.high
    return None if low is None and high is None else low is not None


def find_past(claims: Claims, month: Month, reader: Reader) -> list[Told]:
    """All of this month and part that was claimed for this reader, whatever became of it; the newest stands last."""
    whom = name_channel(month, reader), reader.to
    theirs = (one for one in claims.list_messages(*Fate) if (one.channel, one.recipient) == whom)
    return sorted(
        (Told(claim, one.fate, one.changed) for one in theirs for claim in one.claims),
        key=lambda one: _count(one.claim),
    )


def find_told(past: Sequence[Told]) -> Told | None:
    """What of it the reader has been told last, or may have been."""
    return next((one for one in reversed(past) if one.fate in REACHED), None)


def plan_claim(
    past: Sequence[Told],
    month: Month,
    reader: Reader,
    said: Said,
    now: datetime,
    files: Mapping[str, bool] | None = None,
) -> Claim:
    """That this reader is told what is `said` of the month, or part, with those of the `files` that can be attached:
    the claim of before where the last mail that reached them says so already and lacked none of them, or where one of
    it is still to be sent, else one more."""
    told, newest = find_told(past), past[-1] if past else None
    left_out = tuple(name for name, can_go in (files or {}).items() if not can_go)
    lacked = any((files or {}).get(name) for name in told.left_out) if told else False
    if told is not None and told.tells(said) and not lacked:
        return told.claim
    is_open = newest is not None and newest.fate in OPEN and newest.left_out == left_out
    if newest is not None and is_open and newest.tells(said):
        return newest.claim
    count = 1 + (_count(newest.claim) if newest else 0)
    of, amount = (reader.part, str(count), *left_out), said.total or Decimal(0)
    first: date = month.first
    standing = Standing(
        EVENT, EVENT, of, "usd", amount, (), first, month.last, said.state, amount, lacks=said.total is None,
        low=said.total if said.is_least else None, high=None if said.is_least else said.total, figures=said.figures,
    )  # fmt: skip
    return Claim(name_channel(month, reader), reader.to, reader.language or "", EVENT, standing, now)


def build_month_mail(content: Content, message: Message, sender: str) -> EmailMessage:
    """The mail: text, beside it HTML with its pictures, and what is attached."""
    mail = open_mail(message, sender, content.subject)
    mail.set_content(content.text)
    mail.add_alternative(content.html, subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    assert isinstance(html, EmailMessage)
    for name, png in content.pictures.items():
        html.add_related(png, "image", "png", cid=f"<{name}>", disposition="inline", filename=f"{name}.png")
    for file in content.files:
        kind, subtype = TYPES[file.suffix.removeprefix(".")]
        mail.add_attachment(file.read_bytes(), kind, subtype, filename=file.name)
    mail["Content-Language"] = content.language
    return mail


class MonthChannel:
    """Sends months by one mail server; `contents`: by channel and recipient."""

    def __init__(self, contents: Contents, server: MailServer, ca_bundle: NamedPath | None) -> None:
        self._contents, self._sender, self._way = contents, server.sender, MailChannel(server, ca_bundle)

    def send(self, message: Message) -> None:
        content = self._contents[message.channel, message.recipient]
        self._way.post(build_month_mail(content, message, self._sender), message.recipient)

    def close(self) -> None:
        self._way.close()


def open_month_channels(
    contents: Contents, server: MailServer | None, ca_bundle: NamedPath | None
) -> dict[str, Channel]:
    """The way of sending of each part: one mail server, or none."""
    if server is None:
        return {}
    return dict.fromkeys({channel for channel, _ in contents}, MonthChannel(contents, server, ca_bundle))


def send_month(
    claims: Claims,
    planned: Sequence[Claim],
    contents: Contents,
    server: MailServer | None,
    ca_bundle: NamedPath | None = None,
) -> list[Message]:
    """Claims what is planned, sends what of it is not sent yet, and gives each message that was tried, or of whatever
    month is open, with its fate; the caller holds `claims`. What else was to be told to these readers, and was not, is
    replaced by it: nobody gets two mails of a month and part in one run."""
    now, of = datetime.now(timezone.utc), {(one.channel, one.recipient) for one in planned}
    claims.add(planned, now)
    keys = {one.key for one in planned}
    for message in claims.list_messages(*OPEN):
        others = tuple(one for one in message.claims if one.key not in keys)
        if others and (message.channel, message.recipient) in of:
            claims.mark(replace(message, claims=others), Fate.REPLACED, now, message.trouble)
    tried = deliver_due(claims, open_month_channels(contents, server, ca_bundle), now, of)
    known = {one.id for one in tried}
    left = claims.list_messages(Fate.UNKNOWN, Fate.FAILED, Fate.WAITING)
    return [*tried, *(one for one in left if one.id not in known)]


def send_month_again(
    claims: Claims,
    message: Message,
    planned: Sequence[Claim],
    contents: Contents,
    server: MailServer | None,
    ca_bundle: NamedPath | None = None,
) -> Message:
    """Sends a message of which it is not known whether it was sent, with the month and the files of today: so that what
    is `planned` for its reader is sent, too. The caller holds `claims`."""
    sent = send_again(claims, message, open_month_channels(contents, server, ca_bundle))
    if sent.fate is Fate.SENT:
        today = tuple(one for one in planned if (one.channel, one.recipient) == (sent.channel, sent.recipient))
        claims.add(today, sent.changed)
        claims.mark(replace(sent, claims=today), sent.fate, sent.changed)
    return sent


def open_claims(root: Path) -> Claims:
    """The claims of months that are mailed."""
    return Claims(root, REPORTS)


def _count(claim: Claim) -> int:
    """The how-manieth mail of its month and part to its reader it is of."""
    return int(claim.standing.of[1])
