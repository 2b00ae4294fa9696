"""One stored version of a month: its rows, its certificate, its people."""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from flexlib.certificate import CERTIFICATES, CREDITS_NAMES, AnyCertificate, CreditsCertificate
from flexlib.checks import read_check
from flexlib.dates import Month
from flexlib.sources.registry import WINDSURF
from flexlib.store.engines import to_exact_frame
from flexlib.store.usage_files import read_usage

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

People: TypeAlias = "dict[str, dict[str, str]]"


@dataclass(frozen=True)
class Snapshot:
    """One stored version of a month; its parts are read when they are asked for."""

    dataset: str
    """`credits`, `usage` or `charges`."""
    month: Month
    path: Path
    shows_people: bool = True
    """Whether `people` gives anybody's name."""

    @property
    def source(self) -> str:
        """The name of the source whose month it is, as in `sources.registry`."""
        return WINDSURF.name if self.dataset == WINDSURF.dataset else self.path.parent.name

    @property
    def parquet(self) -> Path:
        return self.path / f"{self.dataset}.parquet"

    @cached_property
    def certificate(self) -> AnyCertificate:
        return parse_certificate((self.path / "certificate.json").read_text("utf-8"))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame, columns and units as in `schema`; decimals stay exact, integers that may be null
        are `Int64`.
        """
        import pyarrow.parquet as pq

        return to_exact_frame(
            self.relation.to_arrow_table() if self.dataset == "usage" else pq.read_table(self.parquet)
        )

    @cached_property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """The rows as a DuckDB relation; nothing is read until it is used."""
        if self.dataset == "usage":
            return read_usage([self.parquet])
        import duckdb

        return duckdb.read_parquet(glob.escape(str(self.parquet)))

    @cached_property
    def people(self) -> People:
        """E-mail and name by user key: personal data, ask only where names were asked for."""
        if not self.shows_people:
            return {}
        file = self.path / "people.json"
        people: People = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return people


def parse_certificate(text: str) -> AnyCertificate:
    """The certificate that `to_json` wrote, of this version or of one before."""
    values = json.loads(text)
    # Those of flexlib 0.1.0 do not say which they are; only credits are fetched by a route.
    dataset = values.pop("dataset", "credits" if "route" in values else "usage")
    for name in ("state", "at_least"):  # they follow from the rest
        values.pop(name, None)
    if dataset == CreditsCertificate.dataset:
        values = {own: values.pop(name) for own, name in CREDITS_NAMES.items() if name in values} | values
    values["month"] = Month.parse(values["month"])
    values["read_at"] = datetime.fromisoformat(values["read_at"])
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif isinstance(value, dict):
            values[name] = read_check(value)
    return CERTIFICATES[dataset](**values)
