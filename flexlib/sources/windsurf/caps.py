"""The caps on add-on credits that the team has set at Windsurf: read, and never set."""

from __future__ import annotations

from flexlib.sources.windsurf.wire import Answer, ApiRequest, show_value

NAMES = ("addOnCreditCap", "add_on_credit_cap")
"""As the server answers, and as its page writes it."""

MOST = 10**13
"""Credits: no team comes near."""


def ask_cap(email: str = "") -> ApiRequest:
    """The cap of a person, or of the whole team without one; the value is whole credits, None where there is no cap."""
    scope = {"user_email": email} if email else {"team_level": True}
    return ApiRequest(
        "cap", "/api/v1/GetUsageConfig", scope, permission="Billing Read", optional=True, max_retry_after=0,
        read=read_cap,
    )  # fmt: skip


def read_cap(answer: Answer) -> int | None:
    """The cap in whole credits; None of an answer without one. Raises `ValueError` for what is no cap.

    >>> read_cap({"addOnCreditCap": 500}), read_cap({"add_on_credit_cap": "20"}), read_cap({})
    (500, 20, None)
    """
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    value = next((answer[name] for name in NAMES if answer.get(name) is not None), None)
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > len(str(MOST)):
        raise ValueError(f"{show_value(value)} is no cap")
    return int(text)
