"""What the guard knows of a call: what a hold is told, and what a call is of, as the triggers of the table find it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from flexlib.enums import LlmProvider, LlmProxy
from flexlib.errors import InvalidCall
from flexlib.i18n import _, join_and
from flexlib.ledger.db.columns import USD_DECIMALS
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.values import LONGEST_NAME, read_member, read_money, read_text
from flexlib.money.price_book import name_model
from flexlib.store.budgets import Budget

SEPARATOR = "\x1f"
"""Between the type and the id of a usable, as the triggers of the table write it."""

IN_METADATA = ("department", "project", "team")
"""Scopes that only a call's own metadata names."""

ARGUMENTS = {
    "provider": "provider=..., proxy=...",
    "model": "model=...",
    **{scope: f'metadata={{"{scope}": ... or None}}' for scope in IN_METADATA},
}
"""By which a hold is told what a call is of; who used it, or that nobody did, it is always told. Without a proxy the
provider sends the bill itself, as of `record_usage`."""


def read_call(
    ledger: Ledger,
    usable: Any,  # noqa: ANN401
    amount: Decimal | float | str,
    name: str,
    provider: LlmProvider | str | None,
    proxy: LlmProxy | str | None,
    model: str | None,
    metadata: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], Decimal]:
    """What is named of the call, and what it may cost."""
    asked = read_money(name, amount, USD_DECIMALS)
    if asked is None:
        raise InvalidCall(
            _("{name} is {amount}; give what the call may cost in US$, 0 or more.").format(name=name, amount=amount)
        )
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidCall(_("metadata must be a dict, not {name}.").format(name=type(metadata).__name__))
    named = {
        "usable": usable,
        "provider": None if provider is None else read_member("provider", provider, LlmProvider),
        "proxy": None if proxy is None else read_member("proxy", proxy, LlmProxy),
        "model": None if model is None else read_text("model", model, LONGEST_NAME, strip=True),
        "metadata": None if metadata is None else ledger.guard.mask(metadata)[0],  # as it is recorded
    }
    return {name: value for name, value in named.items() if value is not None or name == "usable"}, asked


def check_told(budgets: Iterable[Budget], call: Mapping[str, Any]) -> None:
    """Raises `InvalidCall` where a budget is enforced of something of which nothing is told of the call, as read by
    `read_call`: it would pass the limit unseen. That it is in no department is told by `{"department": None}`."""
    lacking: dict[str, str] = {}
    for one in budgets:
        if not _is_told(one.scope, call):
            lacking.setdefault(one.scope, one.name)
    if lacking:
        given = [
            _("{argument} for the budget {name}").format(argument=ARGUMENTS[scope], name=name)
            for scope, name in lacking.items()
        ]
        raise InvalidCall(
            _("Which limits the call is under has to be known before it is made: give {arguments}.").format(
                arguments=join_and(given)
            )
        )


def _is_told(scope: str, call: Mapping[str, Any]) -> bool:
    if scope in IN_METADATA:
        return scope in call.get("metadata", ())
    if scope == "provider":
        return "provider" in call or "proxy" in call
    return scope != "model" or "model" in call


def name_values(call: Mapping[str, Any], usable: tuple[str | None, int | None, str | None]) -> dict[str, str | None]:
    """What a call is of, by scope, as the triggers of the table find it; None where it is of nothing."""
    named, sender = call.get("metadata") or {}, call.get("proxy") or call.get("provider")
    return {
        "whole": "",
        "usable": write_usable(usable),
        "provider": None if sender is None else str(sender),
        "model": None if call.get("model") is None else name_model(call["model"]),
        **{name: _write_text(named.get(name)) for name in IN_METADATA},
    }


def name_record(record: UsageRecord, *, with_model: bool = True) -> dict[str, str | None]:
    """What a recorded call is of, by scope; its model only where asked, whose name the price lists have, which take
    long to read."""
    call = record._asdict() | ({} if with_model else {"model": None})
    return name_values(call, (record.usable_type, record.usable_id, record.usable_key))


def write_usable(usable: tuple[str | None, int | None, str | None]) -> str | None:
    """The type and the id as one text; None for nobody."""
    kind, number, key = usable
    return None if kind is None else f"{kind}{SEPARATOR}{key if number is None else number}"


def _write_text(value: object) -> str | None:
    """A value in the metadata as the triggers of the table read it: a text, or a whole number."""
    if isinstance(value, str):
        return value.strip(" ")
    return str(value) if type(value) is int else None
