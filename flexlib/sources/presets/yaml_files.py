"""Presets as YAML: read and held against what a preset may say; the first thing that is wrong is one sentence."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from flexlib.errors import BadParameter
from flexlib.i18n import _, join_or
from flexlib.nesting import explain_fields, format_given, name_line
from flexlib.nesting.yaml_texts import decode_yaml, find_yaml_lines
from flexlib.refusals import explain_refusal
from flexlib.sources.charges.mapping import COLUMNS, COLUMNS_OR_VALUES
from flexlib.sources.files.fields import FIELDS
from flexlib.sources.presets.preset import DATASETS, Evidence, Preset

CHARGE_COLUMNS = (*COLUMNS, *COLUMNS_OR_VALUES)

KNOWN = "known"
"""What `makers` and `sellers` say for the tables of these names in `flexlib/data`."""


NOT_SAID = ("preset", "evidence", "rules")
"""Fields of a mapping that no preset says: flexlib itself fills them."""


EXAMPLES = {
    "name": "my-gateway", "title": "Our own gateway", "evidence": "rows", "dataset": "usage",
    "source": "https://wiki.example.com/export", "mapping": "{created_at: time}",
}  # fmt: skip
"""Of what every preset says."""
Find = Callable[[object], str]


def read_preset(file: Path) -> Preset:
    """The preset that a YAML file holds. Raises `BadParameter`, naming the file and the key."""
    try:
        text = file.read_text("utf-8")
        said = decode_yaml(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameter(
            _("the preset {file} cannot be read ({error}); give the path of a YAML file.").format(
                file=file, error=explain_refusal(error)
            )
        ) from error
    except ValueError as error:
        raise BadParameter(_("the preset {file} is no YAML: {error}.").format(file=file, error=error)) from error

    def find(name: object) -> str:  # only where something is wrong: the lines of all presets take a while
        lines = find_yaml_lines(text, within="mapping") | find_yaml_lines(text)
        return name_line(lines[str(name)], file.name) if str(name) in lines else file.name

    return _build_preset(file.name, said, find)


def _build_preset(file: str, said: object, find: Find) -> Preset:
    """`find` tells where a key stands, in words."""
    known = {one.name: one for one in fields(Preset)}
    if not isinstance(said, dict):
        raise BadParameter(
            _("{file} is no preset: it must hold name, title, evidence, source, dataset and mapping.").format(file=file)
        )
    if strange := [name for name in said if name not in known]:
        raise BadParameter(explain_fields(find(strange[0]), _("a preset"), {strange[0]: ""}, known))
    if lacking := [name for name, one in known.items() if _is_needed(one) and not said.get(name)]:
        text = _("{file} does not say its {lacking}, as every preset must; add a line such as {example}.")
        example = f"{lacking[0]}: {EXAMPLES[lacking[0]]}"
        raise BadParameter(text.format(file=find(lacking[0]), lacking=lacking[0], example=example))
    for name, wanted in {"evidence": get_args(Evidence), "dataset": tuple(DATASETS)}.items():
        if said[name] not in wanted:
            raise BadParameter(
                _("{file}: {name} is {said!r}; write {wanted}.").format(
                    file=find(name), name=name, wanted=join_or(wanted), said=said[name]
                )
            )
    mapping = said.get("mapping")
    if not isinstance(mapping, dict) or not mapping:
        text = _("{file}: mapping does not say which column feeds which field; write lines such as created_at: time "
                 "below it.")  # fmt: skip
        raise BadParameter(text.format(file=find("mapping")))
    texts = {name: _read_texts(find, known[name], value, ()) for name, value in said.items() if name != "mapping"}
    columns = {one.name: one for one in fields(DATASETS[said["dataset"]]) if one.name not in NOT_SAID}
    if strange := [name for name in mapping if name not in columns]:
        what = _("the mapping of {dataset}").format(dataset=said["dataset"])
        raise BadParameter(explain_fields(find(strange[0]), what, {strange[0]: ""}, columns))
    asked = [*FIELDS, *(f"{name}_column" for name in FIELDS)] if said["dataset"] == "usage" else CHARGE_COLUMNS
    told = {name: _read_texts(find, columns[name], value, asked) for name, value in mapping.items()}
    return Preset(**texts, mapping=told | _expand_known(told))


def _is_needed(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _read_texts(find: Find, one: Field[Any], value: object, columns: Collection[str]) -> Any:  # noqa: ANN401
    """A text, or a tuple of texts where the field holds one; a list in one of `columns` is of those to choose from."""
    is_tuple = "tuple" in str(one.type)
    texts = value if isinstance(value, list) else [value]
    if isinstance(value, list) and (not value or not is_tuple and one.name not in columns):
        raise BadParameter(
            _("{file}: {name} is a list of {count}; write one text.").format(
                file=find(one.name), name=one.name, count=len(value)
            )
        )
    if wrong := [text for text in texts if not isinstance(text, str) or not text]:
        said = _('{file}: {name} is {wrong}; write it as a text, in quotes: "{text}".')
        if wrong[0] in (None, ""):
            said = _("{file}: {name} says nothing; write its text, or leave the line out.")
        elif isinstance(wrong[0], dict | list):
            said = _("{file}: {name} is {wrong}, which are several values; write one text.")
        raise BadParameter(said.format(file=find(one.name), name=one.name, wrong=format_given(wrong[0]), text=wrong[0]))
    return tuple(texts) if is_tuple else value


def _expand_known(told: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("makers", "sellers"):
        if told.get(name) == (KNOWN,):
            with files("flexlib").joinpath("data", f"{name}.csv").open(encoding="utf-8") as table:
                found[name] = tuple("=".join(row) for row in csv.reader(table))[1:]
    return found
