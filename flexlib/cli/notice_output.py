"""Notices as commands show them: what was sent, what is open, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.formats import clean_text, format_count, format_moment
from flexlib.i18n import _, mark_text

if TYPE_CHECKING:
    from flexlib.deliver.claims import Message

WAYS = {
    "email": mark_text("e-mail to {reader}"),
    "slack": mark_text("Slack {reader}"),
    "webhook": mark_text("webhook {reader}"),
    "file": mark_text("file {reader}"),
}
"""How a message goes to its reader."""

WIDTH = 8
"""Of a fate, before a space."""


def list_open(root: Path) -> list[Message]:
    """The messages of the data folder of which there is more to do: not known whether sent, refused, or waiting."""
    from flexlib.deliver.claims import Claims, Fate

    return Claims(root).list_messages(Fate.UNKNOWN, Fate.FAILED, Fate.WAITING)


def render_open(messages: Iterable[Message], left: int = 0) -> Iterator[str]:
    """A line for each that somebody has to look at, and one for all that wait; `left`: how many a guard has left."""
    from flexlib.deliver.claims import Fate

    waiting = left
    for one in messages:
        if one.fate is Fate.WAITING:
            waiting += 1
        else:
            yield _("  NOTICE       {open}.").format(open=explain_open(one))
    if waiting:
        yield _("  NOTICE       {messages} not sent yet; flexlib notify sends what is due").format(
            messages=format_count(waiting, "message")
        )


def explain_open(message: Message) -> str:
    """What is known of a message that is not known to be sent, and what to do, in a sentence."""
    from flexlib.deliver.claims import Fate
    from flexlib.deliver.troubles import tell_trouble

    key = message.id[:12]
    to = f"{name_reader(message)}, {format_moment(message.changed)}"
    trouble = f" {clean_text(tell_trouble(message.trouble))}" if message.trouble else ""
    if message.fate is Fate.UNKNOWN:
        then = _("flexlib notify --resend {key} sends it again, --settle {key} notes that it has arrived").format(
            key=key
        )
        return _("It is not known whether a notice was sent: {to}.{trouble} {then}").format(
            to=to, trouble=trouble, then=then
        )
    return _(
        "A notice was not sent: {to}.{trouble} flexlib notify tries again, with --settle {key} it gives it up"
    ).format(to=to, trouble=trouble, key=key)


def name_reader(message: Message) -> str:
    """`e-mail to ana@example.com`; of a webhook its name, never its address."""
    return _(WAYS[message.channel]).format(reader=clean_text(message.recipient))


def render_message(message: Message) -> str:
    """A line: its fate, whom it goes to, what it is about, and why it does not go."""
    from flexlib.deliver.claims import Fate
    from flexlib.deliver.texts import SPACE, write_subject
    from flexlib.deliver.troubles import tell_trouble

    due = max(one.due for one in message.claims)
    until = _(" (until {due})").format(due=format_moment(due)) if message.fate is Fate.WAITING else ""
    why = f" ({clean_text(tell_trouble(message.trouble))})" if message.fate is Fate.WITHDRAWN else ""
    return (
        f"  {_(str(message.fate)).upper():<{WIDTH}} {name_reader(message)}{until}: "
        f"{write_subject(message).replace(SPACE, ' ')}{why}"
    )


def describe_message(message: Message) -> dict[str, Any]:
    """For JSON: as a webhook gets it, with its reader and fate; of a webhook the name, never its address."""
    from flexlib.deliver.webhook import describe_message as describe_told

    told = describe_told(message)
    return {
        "key": told.pop("id"),
        "channel": message.channel,
        "recipient": message.recipient,
        "fate": str(message.fate),
        "changed": message.changed.isoformat(),
        "due": max(one.due for one in message.claims).isoformat(),
        "trouble": message.trouble or None,
        **told,
    }
