"""Presets: what the files of one system mean, as data; which column feeds which field, and how well that is known.

A preset is a YAML file: those in `flexlib/data/presets/`, and any that a company writes for its own gateway. It says

- `name`, `title`, `source` (where the system says it, or gives the file), `evidence` (`documented`, seen in `samples`,
  or told by the `rows`), `dataset` (`usage` or `charges`), `notes` for what is not settled.
- `recognize`: the columns that a file of it must have, and `unless`: those that it must not have. `a | b` is either.
- `mapping`: the fields of `CallMapping`, or of `ChargeMapping`. A column may be a list: the first that the file has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flexlib.errors import BadFile, BadParameter
from flexlib.home import find_home
from flexlib.i18n import _, join_and, join_or, join_texts
from flexlib.nesting.yaml_texts import decode_yaml
from flexlib.sources.files.fields import AskedColumns
from flexlib.sources.files.files import list_columns
from flexlib.sources.files.json_rows import list_json_rows
from flexlib.sources.files.kinds import find_kind
from flexlib.sources.presets.preset import Preset
from flexlib.sources.presets.yaml_files import read_preset

SUFFIXES = (".yaml", ".yml")
WRITTEN = Path("params", "presets")
"""Where a project keeps presets of its own."""
USAGE_WORDS = re.compile("token|model|usage|cost|amount|price|spend|credit|bill|charge|request|usd", re.IGNORECASE)

SHOWN = 3
"""How many presets a file that fits none is held against: more is no sentence any more."""


class UnknownFile(BadFile):
    """A file whose columns are of no known system."""

    def __init__(self, sentence: str, *places: Iterable[str]) -> None:
        super().__init__(sentence)
        self.speaks_of_usage = any(USAGE_WORDS.search(column) for columns in places for column in columns)
        """Whether a column is named as if there were calls or money in it."""


def list_presets() -> list[Preset]:
    """The presets that come with flexlib, by name."""
    return list(_load_own().values())


def list_written() -> dict[str, Path]:
    """The presets in the project's folder, by the name that each says: what else it says may be wrong."""
    found = dict[str, Path]()
    for file in sorted((find_home() / WRITTEN).glob(f"*{SUFFIXES[0]}")):
        with suppress(OSError, ValueError):
            said = decode_yaml(file.read_text("utf-8"))
            found |= {str(said["name"]): file} if isinstance(said, dict) and "name" in said else {}
    return found


def load_preset(name_or_file: str | Path) -> Preset:
    """The preset of that name, or of that file, which ends in .yaml or .yml.

    A name may be that of one in `params/presets` of the project. Raises `BadParameter` where there is none, or with the
    first thing that is wrong in it.
    """
    text, here = str(name_or_file), list_written()
    if text.lower().endswith(SUFFIXES):
        return read_preset(Path(text))
    if (found := _load_own().get(text.strip().lower())) is None and text.strip() in here:
        return read_preset(here[text.strip()])
    if found is None:
        raise BadParameter(
            _(
                "there is no preset {text!r}; it must be one of {own}, or a file of your own that ends in {suffixes}."
            ).format(text=text, own=", ".join([*_load_own(), *here]), suffixes=SUFFIXES[0])
        )
    return found


def choose_preset(file: Path, name_or_file: str | Path | None = None, **options: Any) -> tuple[Preset, list[str]]:  # noqa: ANN401
    """The preset of that name or file, else the one that fits the columns of `file`; and those columns.

    `options` are those of `list_columns`. Raises `BadFile` and `BadParameter`.
    """
    if name_or_file is None:
        preset = find_preset(*(places := _list_places(file, **options)), name=file.name)
    else:
        preset, places = load_preset(name_or_file), _list_places(file, **options)
    return preset, min(places, key=lambda columns: len(preset.list_missing(columns)))


def find_preset(*places: Iterable[str], name: str = "the file") -> Preset:
    """The one preset whose columns are all in one place of a file; JSON may have rows in several. Raises `BadFile`.

    The sentence names those that fit, or nearly, with what they lack. `name` is what it calls the file.
    """
    known = [list(columns) for columns in places]
    missing = {one: min((one.list_missing(columns) for columns in known), key=len) for one in list_presets()}
    fitting = [preset for preset, lacking in missing.items() if not lacking]
    if len(fitting) == 1:
        return fitting[0]
    advice = _("name it with --from, or its columns with --timestamp and the other options.")
    if here := list_written():
        advice = _("name it with --from, which also takes {here} of this folder, or its columns with --timestamp and "
                   "the other options.").format(here=join_and(here))  # fmt: skip
    if fitting:
        raise BadFile(
            _("{name} could come from {fitting}; {advice}").format(
                name=name, fitting=join_or(one.name for one in fitting), advice=advice
            )
        )
    near = sorted((one for one in missing if len(missing[one]) < len(one.recognize)), key=lambda one: len(missing[one]))
    lacks = _("{name} lacks {columns}")
    told = join_texts(lacks.format(name=one.name, columns=", ".join(missing[one])) for one in near[:SHOWN])
    raise UnknownFile(
        _("{name}'s columns match no known system{value}; {advice}").format(
            name=name, value=" (" + told + ")" if told else "", advice=advice
        ),
        *known,
    )


def check_asked(file: Path, asked: AskedColumns, **options: Any) -> None:  # noqa: ANN401
    """Raises `UnknownFile` for a file that has none of the columns that are asked for; `options` as `choose_preset`."""
    places = _list_places(file, **options)
    if all(asked.split_sums(columns).needed.isdisjoint(columns) for columns in places):
        raise UnknownFile(_("{name} has none of the columns that the options name.").format(name=file.name), *places)


def describe_preset(preset: Preset) -> dict[str, str]:
    """What a list of presets shows of it."""
    names = ("name", "title", "dataset", "evidence", "source", "notes")
    return {name: getattr(preset, name) for name in names}


def _list_places(file: Path, **options: Any) -> list[list[str]]:  # noqa: ANN401
    """The columns of the rows in each place where the file may have them."""
    if find_kind(file) in ("json", "jsonl"):
        if not (places := list(list_json_rows(file).values())):
            raise BadFile(_("{name} holds no rows; export it again.").format(name=file.name))
        return places
    return [list_columns(file, **options)]


@cache
def _load_own() -> dict[str, Preset]:
    folder = files("flexlib").joinpath("data", "presets")
    found = [read_preset(Path(str(file))) for file in folder.iterdir() if file.name.endswith(SUFFIXES)]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: preset.name)}
