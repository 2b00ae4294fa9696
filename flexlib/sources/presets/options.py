"""The options of `flexlib import` by which a file is read again as it was, out of what its certificate says of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from flexlib.addresses import HIDDEN_EMAIL
from flexlib.commands import HIDDEN
from flexlib.enums import OPTIONS
from flexlib.errors import FlexlibError
from flexlib.sources.files.fields import split_sum
from flexlib.sources.presets import load_preset
from flexlib.sources.presets.preset import ADDED, DATASETS

WITHOUT_OPTION = {
    *("makers", "sellers", "totals", "reader", "tier_columns", "currency", "ended_at", "parent_id"),
    *("period_start", "period_end", "end_date", "amount", "list_amount", "quantity", "line_item", "line_id", "key"),
    *("unit", "kind"),
}
"""What only a preset says of how a file is read."""
UNSAID = {"preset", "evidence", "rules", "optional"}
"""No part of how it is read."""


def name_import_options(entry: Mapping[str, Any]) -> str:
    """The options by which a file was taken, as its `entry` in a certificate says; empty where nothing tells them: of a
    preset that has no name here, or by which it would be read otherwise now.

    >>> name_import_options({"preset": "litellm", "mapping": {"created_at": "time"}})
    ''
    >>> name_import_options({"mapping": {"created_at": "When", "model": "gpt-4", "metadata": ["team", "cost centre"]}})
    "--timestamp When --model gpt-4 --metadata team --metadata 'cost centre'"
    """
    said = entry.get("mapping", {})
    preset, mapping = entry.get("preset") or said.get("preset"), _strip(said)
    beside = _list_beside(preset, mapping) if preset else mapping
    if beside is None or not WITHOUT_OPTION.isdisjoint(beside):
        return ""
    words = ["--from", preset] if preset else []
    for field, given in beside.items():
        option = f"--{OPTIONS.get(field) or field}".replace("_", "-")
        for one in given if isinstance(given, list) else [given]:
            # By the opaque key that is kept of an e-mail, a condition would find nothing.
            words += [option, HIDDEN if HIDDEN_EMAIL.search(one) else one]
    return shlex.join(words)


def _list_beside(name: str, mapping: Mapping[str, Any]) -> dict[str, Any] | None:
    """What options say beside the preset of that name; None where it does not read a file so, whatever they say."""
    columns = {part for text in mapping.values() if isinstance(text, str) for part in (text, *split_sum(text, ()))}
    try:
        preset = load_preset(name)
        own = _strip(preset.build_mapping(columns).describe())
        usual = {field.name: field.default for field in fields(DATASETS[preset.dataset])}
        beside = dict[str, Any]()
        for field in sorted(own.keys() | mapping.keys()):
            now, default = mapping.get(field), usual.get(field)
            if now is None and isinstance(default, str):  # what the preset says is taken back
                now = str(default)
            elif field in ADDED:
                now = [one for one in now or () if one not in own.get(field, ())]
            if now and now != own.get(field):
                beside[field] = now
        given = {field: tuple(one) if isinstance(one, list) else one for field, one in beside.items()}
        return beside if _strip(preset.build_mapping(columns, **given).describe()) == mapping else None
    except FlexlibError:
        return None


def _strip(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {field: said for field, said in mapping.items() if field not in UNSAID}
