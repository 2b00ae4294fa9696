"""One preset: which column feeds which field in the files of one system, for those columns that a file has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from flexlib.enums import OPTIONS
from flexlib.errors import BadParameter
from flexlib.i18n import _
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.fields import MEMBERS, split_sum
from flexlib.sources.files.mapping import CallMapping

Evidence = Literal["documented", "samples", "rows"]

DATASETS: dict[str, type[CallMapping] | type[ChargeMapping]] = {"usage": CallMapping, "charges": ChargeMapping}
"""How the files of each data set are read."""

ADDED = {"extra_counts", "aliases", "metadata", "where", "no_calls", "not_billed", "billed", "optional"}
"""Lists to which an option adds; of the others, what is given stands in their place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Preset:
    """How the files of one system are read."""

    name: str
    title: str
    evidence: Evidence
    source: str
    """Where the system says what its files hold; of those that say nothing, where they come from."""
    dataset: str
    recognize: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    notes: str = ""
    mapping: Mapping[str, Any] = field(default_factory=dict)

    def list_missing(self, columns: Iterable[str]) -> list[str]:
        """What a file with these columns lacks, or has too much, to be one of this system; empty where it fits."""
        known = set(columns)
        lacking = [one for one in self.recognize if known.isdisjoint(_split(one))]
        return lacking + [f"no {one}" for one in self.unless if not known.isdisjoint(_split(one))]

    def build_mapping(
        self,
        columns: Iterable[str] | None = None,
        **given: Any,  # noqa: ANN401
    ) -> CallMapping | ChargeMapping:
        """The mapping for a file with these columns (None: not known); what is `given` wins over what the preset says.

        Raises `BadParameter`, naming the preset, where that makes no sense.
        """
        known = None if columns is None else set(columns)
        told: dict[str, Any] = {
            name: _choose(value, known) if isinstance(value, list) else value for name, value in self.mapping.items()
        }
        told |= {name: _join(name, told.get(name), value) for name, value in given.items() if value not in (None, ())}
        build = DATASETS[self.dataset]
        wanted = {one.name for one in fields(build)}
        if strange := sorted(told.keys() - wanted):
            option = (OPTIONS.get(strange[0]) or strange[0]).replace("_", "-")
            raise BadParameter(
                _("{name}: --{option} does not apply to a file of {dataset}; leave it out.").format(
                    name=self.name, option=option, dataset=self.dataset
                )
            )
        try:
            for name in MEMBERS.keys() & told.keys() if build is CallMapping else ():
                told[name] = MEMBERS[name].parse(told[name])
            return build(**told, preset=self.name, evidence=self.evidence)
        except BadParameter as error:
            raise BadParameter(_("{name}: {error}").format(name=self.name, error=error)) from error


def _join(name: str, said: Any, given: Any) -> Any:  # noqa: ANN401
    """What is given, behind what the preset says of other things where it is a list of them."""
    if not isinstance(said, tuple) or name not in ADDED:
        return given
    named = {_find_subject(name, one) for one in given}
    return (*(one for one in said if _find_subject(name, one) not in named), *given)


def _find_subject(name: str, text: str) -> str:
    """What an entry is about: the count of `count=column`, the word of `word=member`, else all of it."""
    subjects = {"extra_counts": text.partition("=")[0], "aliases": text.rpartition("=")[0].lower()}
    return subjects.get(name, text).strip()


def _split(columns: str) -> list[str]:
    """The columns of `a | b`."""
    return [one.strip() for one in columns.split("|")]


def _choose(columns: list[str], known: set[str] | None) -> str:
    """The first that the file has, of columns and sums of them; else the first: the reader says that it is missing."""
    for one in columns:
        if known is None or known.issuperset(split_sum(one, known)):
            return one
    return columns[0]
