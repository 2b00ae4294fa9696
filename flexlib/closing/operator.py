"""Tells who runs the month that a step has failed: by e-mail, once for each way of failing."""

from __future__ import annotations

from flexlib.closing.run import RUN, Progress
from flexlib.closing.steps import Outcome, Record, hash_text
from flexlib.deliver.claims import Fate
from flexlib.deliver.once import send_once, write_mail
from flexlib.i18n import _, find_language
from flexlib.store.server import is_made_up


def tell_operator(progress: Progress) -> str:
    """Sends the mail, where a step has failed and somebody is named; gives a sentence on what became of it, which is
    empty where there was nothing to tell. Raises `DiskFailed`."""
    closing = progress.closing
    to, failed = closing.plan.operator, _list(progress, Outcome.FAILED)
    if not failed or to is None:
        return ""
    if is_made_up(closing.settings.data):
        return _("Of made-up data nobody is told: {address} gets no mail.").format(address=to)
    settings = closing.settings
    ways = (f"{one.step} {one.exit_code}" for one in failed)
    said = "\n".join([str(closing.month), to, progress.failing_since or "", *ways])
    key = hash_text(said)[:24]
    sender = settings.servers.mail.sender if settings.servers.mail else to
    mail = write_mail(key, sender, to, write_subject(progress), write_text(progress), find_language())
    fate, trouble = send_once(
        key, mail, settings.data, settings.servers.mail, settings.ca_bundle and settings.ca_bundle[1]
    )
    if fate is Fate.SENT:
        return _("{address} has been told of it by e-mail.").format(address=to)
    if fate is Fate.UNKNOWN:
        return _("It is not known whether the mail to {address} has arrived; it is not sent again.").format(address=to)
    return _("{address} could not be told: {why}").format(address=to, why=trouble)


def write_subject(progress: Progress) -> str:
    failed = _list(progress, Outcome.FAILED)
    what = ", ".join(one.step for one in failed)
    return _("flexlib month {month}: failed: {what}").format(month=progress.closing.month, what=what)


def write_text(progress: Progress) -> str:
    """What failed and why, what was therefore not run, and what to do."""
    failed, not_run = _list(progress, Outcome.FAILED), _list(progress, Outcome.NOT_RUN)
    lines = [_("The run that closes {month} could not finish.").format(month=progress.closing.month.title), ""]
    lines += [_("{step} failed: {why}").format(step=one.step, why=one.why) for one in failed]
    if not_run:
        names = ", ".join(one.step for one in not_run)
        lines += ["", _("Not run, since it needs what failed: {names}. No older report was sent.").format(names=names)]
    command = f"flexlib month --year {progress.closing.month.year} --month {progress.closing.month.month}"
    lines += ["", _("Fix it, and run it again; what is done is not done twice:"), f"    {command}"]
    lines += ["", _("All steps stand in {file}.").format(file=progress.closing.folder / RUN)]
    lines += ["", "-- ", _("This is told once for each way of failing. flexlib {command}").format(command="month")]
    return "\n".join(lines) + "\n"


def _list(progress: Progress, outcome: Outcome) -> list[Record]:
    return [one for one in progress.all_records if one.outcome is outcome]
