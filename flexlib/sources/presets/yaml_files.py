"""Presets as YAML: read and held against what a preset may say; the first thing that is wrong is one sentence."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from flexlib.errors import BadParameter
from flexlib.i18n import _, join_or
from flexlib.nesting import decode_yaml
from flexlib.sources.charges.mapping import COLUMNS, COLUMNS_OR_VALUES
from flexlib.sources.files.fields import FIELDS
from flexlib.sources.presets.preset import DATASETS, Evidence, Preset

CHARGE_COLUMNS = (*COLUMNS, *COLUMNS_OR_VALUES)

KNOWN = "known"
"""What `makers` and `sellers` say for the tables of these names in `flexlib/data`."""


NOT_SAID = ("preset", "evidence", "rules")
"""Fields of a mapping that no preset says: flexlib itself fills them."""


def read_preset(file: Path) -> Preset:
    """The preset that a YAML file holds. Raises `BadParameter`, naming the file and the key."""
    try:
        said = decode_yaml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameter(
            _("the preset {file} cannot be read ({error}); give the path of a YAML file.").format(
                file=file, error=error
            )
        ) from error
    except ValueError as error:
        raise BadParameter(_("the preset {file} is no YAML: {error}.").format(file=file, error=error)) from error
    return _build_preset(file.name, said)


def _build_preset(file: str, said: object) -> Preset:
    known = {one.name: one for one in fields(Preset)}
    if not isinstance(said, dict):
        raise BadParameter(
            _("{file} is no preset: it must hold name, title, evidence, source, dataset and mapping.").format(file=file)
        )
    if strange := [name for name in said if name not in known]:
        raise BadParameter(
            _("{file} has a key {strange!r}, which no preset has; it may have {known}.").format(
                file=file, strange=strange[0], known=", ".join(known)
            )
        )
    if lacking := [name for name, one in known.items() if _is_needed(one) and not said.get(name)]:
        raise BadParameter(_("{file} has no {lacking!r}; every preset says it.").format(file=file, lacking=lacking[0]))
    for name, wanted in {"evidence": get_args(Evidence), "dataset": tuple(DATASETS)}.items():
        if said[name] not in wanted:
            raise BadParameter(
                _("{file}: {name!r} must be {wanted}, not {said!r}.").format(
                    file=file, name=name, wanted=join_or(wanted), said=said[name]
                )
            )
    mapping = said.get("mapping")
    if not isinstance(mapping, dict) or not mapping:
        raise BadParameter(_("{file}: 'mapping' must say which column feeds which field.").format(file=file))
    texts = {name: _read_texts(file, known[name], value, ()) for name, value in said.items() if name != "mapping"}
    columns = {one.name: one for one in fields(DATASETS[said["dataset"]]) if one.name not in NOT_SAID}
    if strange := [name for name in mapping if name not in columns]:
        raise BadParameter(
            _(
                "{file}: 'mapping' names a field {strange!r}, which {dataset} does not have; it may name {columns}."
            ).format(file=file, strange=strange[0], dataset=said["dataset"], columns=", ".join(columns))
        )
    asked = [*FIELDS, *(f"{name}_column" for name in FIELDS)] if said["dataset"] == "usage" else CHARGE_COLUMNS
    told = {name: _read_texts(file, columns[name], value, asked) for name, value in mapping.items()}
    return Preset(**texts, mapping=told | _expand_known(told))


def _is_needed(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _read_texts(file: str, one: Field[Any], value: object, columns: Collection[str]) -> Any:  # noqa: ANN401
    """A text, or a tuple of texts where the field holds one; a list in one of `columns` is of those to choose from."""
    is_tuple = "tuple" in str(one.type)
    texts = value if isinstance(value, list) else [value]
    if isinstance(value, list) and (not value or not is_tuple and one.name not in columns):
        raise BadParameter(
            _("{file}: {name!r} must be one text, not a list of {count}.").format(
                file=file, name=one.name, count=len(value)
            )
        )
    if wrong := [text for text in texts if not isinstance(text, str) or not text]:
        raise BadParameter(
            _("{file}: {name!r} must be text, not {wrong!r}; put it into quotes.").format(
                file=file, name=one.name, wrong=wrong[0]
            )
        )
    return tuple(texts) if is_tuple else value


def _expand_known(told: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("makers", "sellers"):
        if told.get(name) == (KNOWN,):
            with files("flexlib").joinpath("data", f"{name}.csv").open(encoding="utf-8") as table:
                found[name] = tuple("=".join(row) for row in csv.reader(table))[1:]
    return found
