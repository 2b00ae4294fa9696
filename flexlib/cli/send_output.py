"""Mails of a month as the command shows them: what became of each, and what to do about it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.cli.notice_output import WIDTH
from flexlib.formats import clean_text, format_moment, format_plain, format_usd
from flexlib.i18n import _

if TYPE_CHECKING:
    from flexlib.deliver.claims import Claim, Message


def render_mail(message: Message, file: Path | None = None) -> str:
    """A line: its fate, or its file; whom it goes to, what it is of, and the total that it tells."""
    from flexlib.deliver.readers import WHOLE

    fate = "" if file else f"{_(str(message.fate)).upper():<{WIDTH}} "
    whom, of, total = clean_text(message.recipient), _name_channel(message.channel), _read_total(message)
    if total is None:
        line = f"  {fate}{whom}: {of}, {_('total not known')}"
    else:
        said = _("{of}, spend {usd}") if message.channel.partition(" ")[2] == WHOLE else _("{of}, charged {usd}")
        usd = format_usd(total)
        if _is_least(message):
            usd = _("at least {amount}").format(amount=usd)
        line = f"  {fate}{whom}: " + said.format(of=of, usd=usd)
    return line + f"\n    📄 {clean_text(str(file))}" * bool(file)


def explain_mail(message: Message) -> str:
    """What is known of a mail that is not known to be sent, and what to do, in a sentence."""
    from flexlib.deliver.claims import Fate
    from flexlib.deliver.troubles import tell_trouble

    words = {
        "key": message.id[:12], "reader": clean_text(message.recipient), "what": _name_mail(message.channel),
        "moment": format_moment(message.changed), "trouble": clean_text(tell_trouble(message.trouble)),
        "month": "--year {} --month {}".format(*map(int, message.channel[:7].split("-"))),
    }  # fmt: skip
    if message.fate is Fate.UNKNOWN:
        said = _(
            "It is not known whether the mail of {what} was sent to {reader}, {moment}. {trouble} flexlib send {month} "
            "--resend {key} sends it again, --settle {key} notes that it has arrived."
        )
    else:
        said = _(
            "The mail of {what} was not sent to {reader}, {moment}. {trouble} flexlib send {month} tries again, with "
            "--settle {key} it gives it up."
        )
    return " ".join(said.format(**words).split())


def _name_channel(channel: str) -> str:
    """`2025-09 department Platform` as a reader says it."""
    month, level, *name = _read_channel(channel)
    return clean_text(" ".join((month, level or _("month"), *name)))


def _name_mail(channel: str) -> str:
    """The same within a sentence: `2025-09 (department Platform)`, `2025-09` of the whole month."""
    month, level, *name = _read_channel(channel)
    return clean_text(f"{month} ({' '.join((level, *name))})" if level else month)


def _read_channel(channel: str) -> tuple[str, ...]:
    """The month, what a part of it is of, and its name; of the whole month no more than the month."""
    from flexlib.deliver.readers import WHOLE
    from flexlib.tables.chargeback import name_level

    month, level, *name = channel.split(" ", 2)
    return month, "" if level == WHOLE else name_level(level), *name


def describe_mail(message: Message, file: Path | None = None) -> dict[str, Any]:
    """For JSON: whom it goes to, what it is of, what became of it; amounts as exact text."""
    return {
        "key": message.id,
        "recipient": message.recipient,
        "what": message.channel,
        "usd": None if (total := _read_total(message)) is None else format_plain(total),
        "at_least": total is not None and _is_least(message),
        "fate": str(message.fate),
        "changed": message.changed.isoformat(),
        "trouble": message.trouble or None,
        "file": str(file) if file else None,
    }


def _read_total(message: Message) -> Decimal | None:
    """What it tells, by its newest claim; None where it is not known."""
    from flexlib.deliver.months import read_total

    return read_total(_find_newest(message))


def _is_least(message: Message) -> bool:
    """Whether that is a lower bound."""
    from flexlib.deliver.months import is_least

    return bool(is_least(_find_newest(message)))


def _find_newest(message: Message) -> Claim:
    return max(message.claims, key=lambda one: int(one.standing.of[1]))
