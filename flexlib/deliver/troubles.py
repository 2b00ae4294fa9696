"""Why a message was not sent, or may not have been: stored in English beside it, and told in the language of who reads
it."""

from __future__ import annotations

from flexlib.i18n import Translated, _, mark_text, to_english
from flexlib.stored_notes import match_sentences

NOT_TRIED = mark_text("Not tried any more: {broken}")
NO_SERVER = mark_text("No mail server is known; set {mail} in the environment or in .env.")
MAIL_SERVER = mark_text("The mail server {host}:{port}")
NO_PASSWORD = mark_text("{name} does not take the user and password of {setting} ({code}).")
NO_LOGIN = mark_text("{name} takes no user and password, which {setting} has; take them out, or name another server.")
NO_STARTTLS = mark_text(
    "{name} has no STARTTLS, which {setting} asks for. smtps:// is TLS from the beginning, smtp+plain:// none."
)
NO_CONNECTION = mark_text("{name} refuses a connection: {read}.")
REFUSES_ONE = mark_text("{name} refuses a mail: {read}.")
REFUSES = mark_text("{name} refuses the mail: {read}.")
UNUSABLE = mark_text("{name} cannot be used: {explain}.")
SILENT = mark_text("{name} had the mail and gave no answer: {explain}.")
UNREADABLE = mark_text("{name} had the mail and gave no answer that can be read.")
UNWRITTEN = mark_text("{file} cannot be written: {why}.")
WEBHOOK_NAME = mark_text("The webhook {recipient}")
NO_ADDRESS = mark_text("{name} has no address; set {webhook}{recipient} in the environment or in .env.")
UNCLEAR = mark_text("{name}: status {status}, which does not say whether it was taken.")
REDIRECTS = mark_text("{name} redirects (status {status}), which is not followed.")
REFUSES_MESSAGE = mark_text("{name} refused the message (status {status}).")
UNSIGNED = mark_text("A webhook's messages are signed; set {signing}, or name it as slack.")
BAD_SECRET = mark_text("{signing} begins with {prefix} and is no base64 after it; copy it again.")
PROXY = mark_text("the proxy on the way says {status}")
UNREACHED = mark_text("{name} cannot be reached: {why}.")
ASKED = mark_text("{name} was asked and gave no answer: {trouble}.")
UNNAMED = mark_text("no rule of {file} names this reader any more")
TROUBLES = (
    NOT_TRIED, NO_SERVER, NO_PASSWORD, NO_LOGIN, NO_STARTTLS, NO_CONNECTION, REFUSES_ONE, REFUSES,
    UNUSABLE, SILENT, UNREADABLE, UNWRITTEN, NO_ADDRESS, UNCLEAR, REDIRECTS, REFUSES_MESSAGE, UNSIGNED,
    BAD_SECRET, UNREACHED, ASKED, UNNAMED, PROXY, MAIL_SERVER, WEBHOOK_NAME,
)  # fmt: skip
"""What holds another sentence comes before it."""
NESTED = ("name", "broken", "explain", "why", "trouble")
"""What of a sentence is ours again."""


def tell_trouble(stored: str) -> str:
    """A stored trouble in the reader's language; what a server said, and what nobody knows, as it is.

    >>> from flexlib.i18n import speak
    >>> with speak("es"):
    ...     tell_trouble("The mail server brk.cl:587 had the mail and gave no answer: it does not answer.")
    'El servidor de correo brk.cl:587 recibió el correo y no respondió: no responde.'
    """
    stored = to_english(stored)
    for sentence, found in match_sentences(stored, TROUBLES):
        filled = {name: tell_trouble(one) if name in NESTED else one for name, one in found.items()}
        return _(sentence).format(**filled)
    told = _(stored)
    return told if told != stored else Translated(stored, stored)
