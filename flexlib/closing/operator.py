"""Tells who runs the month that a step has failed, or that the run could not begin: by e-mail, once for each way of
failing."""

from __future__ import annotations

import os
import shlex
from datetime import datetime, timezone
from decimal import Decimal

from flexlib.addresses import MailServer
from flexlib.closing.inputs import Closing
from flexlib.closing.run import RUN, Progress
from flexlib.closing.steps import Outcome, Record, hash_made, list_failed
from flexlib.commands import write_command
from flexlib.deliver.claims import Claim, Claims, Fate, Message
from flexlib.deliver.delivery import deliver_due
from flexlib.deliver.mail import MailChannel, open_mail
from flexlib.deliver.sending import Channel
from flexlib.deliver.troubles import tell_trouble
from flexlib.errors import FlexlibError
from flexlib.formats import format_moment
from flexlib.i18n import Translated, _, find_language
from flexlib.store.outbox import Standing
from flexlib.trust import NamedPath

OPERATOR = "operator"
"""The folder of its claims, in the data folder: one each for every month, since a mail tells of one month alone."""


def tell_operator(progress: Progress) -> str:
    """Sends the mail, where a step has failed and somebody is named; gives a sentence on what became of it, which is
    empty where there was nothing to tell. Raises `DiskFailed`."""
    closing = progress.closing
    to, failed = closing.plan.operator, _list(progress, Outcome.FAILED)
    if not failed or to is None:
        return ""
    if closing.is_made_up:
        return _("Of made-up data nobody is told: {address} gets no mail.").format(address=to)
    settings, now = closing.settings, datetime.now(timezone.utc)
    claims = Claims(settings.data, f"{OPERATOR}/{closing.month}")
    ways = (f"{step} {way}" for step, way in list_failed(progress.all_records).items())
    event = ", ".join([progress.failing_since or "", *ways])
    span = closing.month.span
    standing = Standing(OPERATOR, "month", (), "usd", Decimal(0), (), span.first, span.last, "failed", Decimal(0))
    claim = Claim("email", to, find_language(), event, standing, now)
    server, bundle = settings.servers.mail, settings.ca_bundle
    with claims.hold():
        claims.add([claim], now)
        channels: dict[str, Channel] = {"email": FailureChannel(progress, server, bundle)} if server else {}
        tried = deliver_due(claims, channels, now, {("email", to)})
        (told,) = (one for one in claims.list_messages(*Fate) if claim.key in {each.key for each in one.claims})
    if told.fate in (Fate.SENT, Fate.SETTLED):
        if told.id not in {one.id for one in tried}:
            said = _("{address} was told of it by e-mail, {moment}; nothing is sent again.")
            return said.format(address=to, moment=format_moment(told.changed))
        return _("{address} has been told of it by e-mail.").format(address=to)
    if told.fate is Fate.UNKNOWN:
        return _("It is not known whether the mail to {address} has arrived; it is not sent again.").format(address=to)
    return _("{address} could not be told: {why}").format(address=to, why=tell_trouble(told.trouble))


def tell_refusal(closing: Closing, error: FlexlibError) -> str:
    """As `tell_operator` of a run that could not begin, or go on; it is told again where a run came in between."""
    hide = closing.settings.hide_key
    refused = Record("month", Outcome.FAILED, Translated(hide(str(error)), hide(error.english)))
    progress = Progress(closing, {}, records={"": [refused]}, failing_since=hash_made(closing.folder / RUN))
    try:
        return tell_operator(progress)
    except FlexlibError as other:
        return _("{address} could not be told: {why}").format(address=closing.plan.operator, why=other)


class FailureChannel:
    """Sends what failed by one mail server."""

    def __init__(self, progress: Progress, server: MailServer, ca_bundle: NamedPath | None) -> None:
        self._progress, self._sender, self._way = progress, server.sender, MailChannel(server, ca_bundle)

    def send(self, message: Message) -> None:
        mail = open_mail(message, self._sender, write_subject(self._progress))
        mail.set_content(write_text(self._progress))
        mail["Content-Language"] = message.language
        self._way.post(mail, message.recipient)

    def close(self) -> None:
        self._way.close()


def write_subject(progress: Progress) -> str:
    failed = _list(progress, Outcome.FAILED)
    what = ", ".join(one.step for one in failed)
    return _("flexlib month {month}: failed: {what}").format(month=progress.closing.month, what=what)


def write_text(progress: Progress) -> str:
    """What failed and why, what was therefore not run, and what to do."""
    failed, not_run = _list(progress, Outcome.FAILED), _list(progress, Outcome.NOT_RUN)
    lines = [_("The run that closes {month} could not finish.").format(month=progress.closing.month.title), ""]
    for one in failed:
        lines += [
            _("{step} failed: {why}").format(step=one.step, why=one.why),
            *(f"    {more}" for more in one.besides),
        ]
    if not_run:
        names = ", ".join(one.step for one in not_run)
        lines += ["", _("Not run, since it needs what failed: {names}. No older report was sent.").format(names=names)]
    lines += ["", _("Fix it, and run it again; what is done is not done twice:")]
    lines += [
        f"    cd {shlex.quote(os.getcwd())}",
        "    " + write_command(f"flexlib {shlex.join(progress.closing.words)}"),
    ]
    if progress.began:  # else no step did
        lines += ["", _("All steps stand in {file}.").format(file=progress.closing.folder / RUN)]
    lines += ["", "-- ", _("This is told once for each way of failing. flexlib {command}").format(command="month")]
    return "\n".join(lines) + "\n"


def _list(progress: Progress, outcome: Outcome) -> list[Record]:
    return [one for one in progress.all_records if one.outcome is outcome]
