"""From rules and budgets to claims, and from claims to messages that are sent: each once, or said not to be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from flexlib.addresses import EMAIL, MAIL, NoticeServers
from flexlib.deliver.claims import Claim, Claims, Fate, Message, name_message
from flexlib.deliver.lines import FileChannel
from flexlib.deliver.mail import MailChannel
from flexlib.deliver.rules import OWNER, PERSON, Rule
from flexlib.deliver.sending import Channel, NotSent, SendingFailed
from flexlib.deliver.troubles import NO_SERVER, NOT_TRIED
from flexlib.deliver.webhook import WebhookChannel
from flexlib.deliver.withdrawn import Left, find_left, note_named, withdraw
from flexlib.i18n import Translated, _, to_english
from flexlib.store.disk import report_disk
from flexlib.store.outbox import Standing, list_standings
from flexlib.trust import NamedPath

FindOwner = Callable[[Standing], str | None]
"""The e-mail of who answers for the team that a budget is of; None where none is known."""


@dataclass(frozen=True)
class Plan:
    """Who is to be told what, and what cannot be told."""

    claims: tuple[Claim, ...]
    untold: tuple[str, ...]
    """A sentence for each budget whose reader has no known address."""


def know_no_owner(standing: Standing) -> str | None:
    """That of a company without an organization file."""
    return None


def plan_notices(
    rules: Sequence[Rule],
    standings: Iterable[Standing],
    now: datetime,
    find_owner: FindOwner = know_no_owner,
) -> Plan:
    """Who is told of which budgets, by the rules; where two rules tell one recipient the
    same, the first decides on language and time."""
    found: dict[str, Claim] = {}
    untold: dict[str, None] = {}
    for standing in standings:
        own = find_person(standing)
        for rule in rules:
            events = rule.list_events(standing) if rule.covers(standing) else []
            for to in rule.to if events else ():
                recipient = find_recipient(to, standing, find_owner)
                if not recipient or rule.channel == "email" and not EMAIL.fullmatch(recipient):
                    untold[_explain_untold(standing, to)] = None
                    continue
                for event in events:
                    due = rule.times.find_due(now)
                    claim = Claim(rule.channel, recipient, rule.language, event, standing, due, recipient == own,
                                  rule.times)  # fmt: skip
                    found.setdefault(claim.key, claim)
    return Plan(tuple(found.values()), tuple(untold))


def find_recipient(to: str, standing: Standing, find_owner: FindOwner) -> str | None:
    """Whom a rule means of a budget, which may name a role; None or empty where nobody is known."""
    if to == PERSON:
        return find_person(standing)
    return (find_owner(standing) or "").lower() if to == OWNER else to


def find_person(standing: Standing) -> str | None:
    """The e-mail of whom a budget is of, where it names one."""
    named = standing.of[-1].lower() if standing.is_personal else ""
    return named if EMAIL.fullmatch(named) else None


def _is_named(claim: Claim, rules: Sequence[Rule], find_owner: FindOwner) -> bool:
    """Whether a rule would still tell its reader of that budget; an owner, too, where today none is known."""
    means = [(to, find_recipient(to, claim.standing, find_owner)) for rule in rules
             if rule.channel == claim.channel and rule.covers(claim.standing) for to in rule.to]  # fmt: skip
    return any(whom == claim.recipient or to == OWNER and not whom for to, whom in means)


def list_left(claims: Claims, rules: Sequence[Rule], file: Path, find_owner: FindOwner) -> Left:
    """What waits or was refused, by whether these rules of `file` name its reader."""
    return find_left(claims, file, lambda one: _is_named(one, rules, find_owner))


def _explain_untold(standing: Standing, to: str) -> str:
    if to == OWNER:
        said = _("Nobody is told about the budget {name}: no e-mail address of the owner of {scope} {of} is known.")
        return said.format(name=standing.budget, scope=standing.scope, of=standing.of[0])
    said = _("Nobody is told about the budget {name}: it names no e-mail address; name the person by e-mail.")
    return said.format(name=standing.budget)


def open_channels(servers: NoticeServers, root: Path, ca_bundle: NamedPath | None) -> dict[str, Channel]:
    """The ways of sending that there are; without a mail server none by e-mail."""
    channels: dict[str, Channel] = {
        "slack": WebhookChannel(servers, ca_bundle, is_slack=True),
        "webhook": WebhookChannel(servers, ca_bundle, is_slack=False),
        "file": FileChannel(root),
    }
    return channels | ({"email": MailChannel(servers.mail, ca_bundle)} if servers.mail else {})


def gather(claims: Iterable[Claim]) -> list[Message]:
    """The messages that claims would become, all those of a reader in one."""
    now, found = datetime.now(timezone.utc), dict[tuple[str, str, str], list[Claim]]()
    for one in claims:
        found.setdefault((one.channel, one.recipient, one.language), []).append(one)
    return [Message(name_message(each), *whom, tuple(each), Fate.WAITING, now) for whom, each in sorted(found.items())]


def tell(
    rules: Sequence[Rule],
    standings: Iterable[Standing],
    root: Path,
    servers: NoticeServers,
    ca_bundle: NamedPath | None = None,
    find_owner: FindOwner = know_no_owner,
    now: datetime | None = None,
    file: Path | None = None,
) -> tuple[Plan, list[Message]]:
    """Claims what is to be told of these budgets and of those left in the data folder `root`, withdraws what the rules
    of `file` name no reader for any more, of which they tell whom they name today, sends what is due, and gives each
    message that was withdrawn or tried, is open or waits, with its fate. Raises `BadFile` and `DiskFailed`."""
    now, claims = now or datetime.now(timezone.utc), Claims(root)
    with claims.hold():
        left = list_standings(root)
        moved = list_left(claims, rules, file, find_owner) if file else Left()
        plan = plan_notices(rules, [*left.values(), *standings, *moved.standings], now, find_owner)
        claims.add(plan.claims, now)
        with report_disk(root):
            for standing in left:  # what they say is claimed now
                standing.unlink(missing_ok=True)
        withdrawn = []
        if file is not None:
            note_named(claims, plan.claims, file)
            withdrawn = withdraw(claims, file, moved, now)
        tried = deliver_due(claims, open_channels(servers, root, ca_bundle), now)
        known = {one.id for one in tried}
        waiting = [one for one in claims.list_messages(Fate.UNKNOWN, Fate.FAILED, Fate.WAITING) if one.id not in known]
    return plan, [*withdrawn, *tried, *waiting]


def deliver_due(
    claims: Claims,
    channels: Mapping[str, Channel],
    now: datetime | None = None,
    of: Collection[tuple[str, str]] | None = None,
) -> list[Message]:
    """Sends what is due, to the channels and recipients `of` (None: to all), and gives each message with its fate; the
    caller holds `claims`.

    A way that does not serve is not tried again in this run: what would go there waits for the next.
    """
    now = now or datetime.now(timezone.utc)
    broken: dict[Channel, str] = {}
    with ExitStack() as opened:
        for channel in {*channels.values()}:
            opened.enter_context(closing(channel))
        return [_send(claims, one, channels, broken, now) for one in claims.take(now, of)]


def send_again(claims: Claims, message: Message, channels: Mapping[str, Channel]) -> Message:
    """Sends a message of which it is not known whether it was sent, under the same id; the caller holds `claims`."""
    now = datetime.now(timezone.utc)
    message = claims.mark(message, Fate.UNKNOWN, now)
    try:
        return _send(claims, message, channels, {}, now)
    finally:
        for channel in channels.values():
            channel.close()


def _send(
    claims: Claims, message: Message, channels: Mapping[str, Channel], broken: dict[Channel, str], now: datetime
) -> Message:
    try:
        channel = channels.get(message.channel)
        if channel is None:
            raise NotSent(_(NO_SERVER).format(mail=MAIL), lasts=True)
        if channel in broken:
            raise NotSent(_(NOT_TRIED).format(broken=broken[channel]))
        channel.send(message)
    except SendingFailed as error:
        said = Translated(str(error), str(to_english(error)))
        if error.lasts and channel is not None:
            broken[channel] = said
        fate = Fate.FAILED if isinstance(error, NotSent) else Fate.UNKNOWN
        return claims.mark(message, fate, now, said)
    return claims.mark(message, Fate.SENT, now)
