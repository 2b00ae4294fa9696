"""Whether the words by which a file is read are known, and say something of a column that is named."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from flexlib.errors import BadParameter
from flexlib.i18n import _, join_or
from flexlib.sources.files.fields import CHOICES

if TYPE_CHECKING:
    from flexlib.sources.files.mapping import CallMapping


def check_choices(mapping: CallMapping) -> None:
    """Raises `BadParameter` for a word that a field does not know, and for one that stands for nothing."""
    for name, choices in CHOICES.items():
        if getattr(mapping, name) not in choices:
            known = join_or(choice for choice in choices if choice)
            raise BadParameter(
                _("{name} must be {known}, not {value!r}.").format(name=name, known=known, value=getattr(mapping, name))
            )
    has_amount = mapping.amount_in_usd or mapping.cost
    needs = {
        "cache": (mapping.cached_tokens or mapping.cache_write_tokens,
                  _("the column of the cached or the written tokens")),
        "reasoning": (mapping.reasoning_tokens, _("the column of the reasoning tokens")),
        "amount_unit": (has_amount, amount := _("the column of the amount")), "amount_zero": (has_amount, amount),
        "duration_unit": (mapping.duration_ms, _("the column of the duration")),
        "repeated": (mapping.request_id, _("the column of the ids")),
    }  # fmt: skip
    defaults = {field.name: field.default for field in fields(mapping)}
    for name, (column, missing) in needs.items():
        if getattr(mapping, name) != defaults[name] and not column:
            raise BadParameter(
                _("{name} is {value}, but of what? Name {missing} too.").format(
                    name=name, value=getattr(mapping, name), missing=missing
                )
            )
