"""A mail that is no notice of a budget, once: claimed before it goes, so that a run that dies sends it at most once."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from flexlib.addresses import MAIL, MailServer
from flexlib.deliver.claims import Claims, Fate
from flexlib.deliver.mail import POLICY, MailChannel
from flexlib.deliver.sending import NotSent, SendingFailed
from flexlib.nesting import decode_json
from flexlib.store.disk import PRIVATE, PRIVATE_FOLDER, report_disk, write_whole

MAILS = Path("notices", "mails")
"""In the data folder: a file for each mail, which says what became of it."""


def write_mail(key: str, sender: str, recipient: str, subject: str, text: str, language: str) -> EmailMessage:
    """A mail of plain text; sent again it has the same Message-ID, by which mail programs know it."""
    mail = EmailMessage(policy=POLICY)
    mail["Subject"], mail["From"], mail["To"] = subject, sender, recipient
    mail["Date"] = format_datetime(datetime.now(timezone.utc))
    mail["Message-ID"] = f"<flexlib.{key}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    mail.set_content(text)
    mail["Content-Language"] = language
    return mail


def send_once(
    key: str, mail: EmailMessage, root: Path, server: MailServer | None, ca_bundle: str | None = None
) -> tuple[Fate, str]:
    """Sends the mail of this key, unless it was sent or may have been, and gives what is known of it, and what went
    wrong. One that is known not to have been sent is tried again the next time. Raises `DiskFailed`."""
    folder = root / MAILS
    file = folder / f"{key}.json"
    with report_disk(folder):
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    with Claims(root).hold():
        fate, trouble = _read(file)
        if fate in (Fate.SENT, Fate.UNKNOWN, Fate.SETTLED):
            return fate, trouble
        if server is None:
            return Fate.FAILED, f"No mail server is known; set {MAIL} in the environment or in .env."
        _keep(file, Fate.UNKNOWN, "", mail)
        try:
            with closing(MailChannel(server, ca_bundle)) as channel:
                channel.post(mail, mail["To"])
            fate, trouble = Fate.SENT, ""
        except SendingFailed as error:
            fate, trouble = Fate.FAILED if isinstance(error, NotSent) else Fate.UNKNOWN, str(error)
        _keep(file, fate, trouble, mail)
    return fate, trouble


def _read(file: Path) -> tuple[Fate, str]:
    """Of a file that cannot be read nobody knows whether its mail was sent."""
    try:
        facts = decode_json(file.read_text("utf-8"))
        return Fate(facts["fate"]), str(facts["trouble"])
    except FileNotFoundError:
        return Fate.WAITING, ""
    except (OSError, ValueError, KeyError, TypeError):
        return Fate.UNKNOWN, f"{file} cannot be read."


def _keep(file: Path, fate: Fate, trouble: str, mail: EmailMessage) -> None:
    facts = {"fate": fate, "trouble": trouble, "to": mail["To"], "subject": mail["Subject"],
             "changed": datetime.now(timezone.utc).isoformat(timespec="seconds")}  # fmt: skip
    with report_disk(file.parent):
        write_whole(file, json.dumps(facts, indent=1, ensure_ascii=False) + "\n", PRIVATE)
