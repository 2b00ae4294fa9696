"""Months of flex credits alone, as far as sums of their days need them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from flexlib.analysis.top import NOT_LISTED
from flexlib.certificate import Certificate, State
from flexlib.dates import Month
from flexlib.front.people import call_people, find_pseudonyms
from flexlib.names import name_model
from flexlib.schema import CREDITS
from flexlib.sources.registry import WINDSURF
from flexlib.store.engines import to_exact_frame
from flexlib.store.snapshots import find_snapshot
from flexlib.store.version import Snapshot


@dataclass(frozen=True)
class CreditsMonth:
    """A month of credits alone, as far as sums of its days need it."""

    snapshot: Snapshot

    @property
    def month(self) -> Month:
        return self.snapshot.month

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        return (self.snapshot.certificate,)

    @property
    def proofs(self) -> tuple[Certificate, ...]:
        """As of `MonthUsage`: its days are those of UTC."""
        return self.certificates

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        return (self.snapshot,)

    @property
    def state(self) -> State:
        return self.snapshot.certificate.state

    @property
    def unstored(self) -> tuple[str, ...]:
        """As of `MonthUsage`: it is stored."""
        return ()

    def list_problems(self, known: Collection[str] = ()) -> list[str]:
        """As of `MonthUsage`: its certificate says all."""
        return []


@dataclass(frozen=True)
class CreditsDays:
    """The flex credits of some months by day, user and model, summed from Windsurf's own rows: a page on credits needs
    no calls, no prices and no rates for its days."""

    loaded: tuple[CreditsMonth, ...]
    stored: tuple[Month, ...]
    root: Path
    names: bool
    absent: tuple[Month, ...] = ()

    @classmethod
    def read(cls, months: Iterable[Month], root: Path, *, names: bool) -> CreditsDays:
        """Those of the months that are stored."""
        found = [one for month in months if (one := find_snapshot(WINDSURF.dataset, month, root))]
        return cls(tuple(map(CreditsMonth, found)), tuple(one.month for one in found), root, names)

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        return tuple(one for month in self.loaded for one in month.certificates)

    def by(self, *keys: str) -> pd.DataFrame:
        """The keys (`day`, `month`, `user`, `model`), `flex_credits` (credits, exact) and `requests`."""
        table = self._rows.aggregate(
            f"{', '.join(keys)}, sum(flex_credits)::DECIMAL(38, 0) AS flex_credits, sum(requests)::BIGINT AS requests",
            ", ".join(keys),
        ).to_arrow_table()
        frame = to_exact_frame(table.sort_by([(key, "ascending") for key in keys]))
        return frame.assign(flex_credits=[amount.scaleb(-2) for amount in frame["flex_credits"]])

    def read_rows(self) -> duckdb.DuckDBPyRelation:
        """In the columns of `schema.CREDITS`, people and models as the reader knows them; who is not on the list is one
        person each all the same."""
        if not self.loaded:
            return duckdb.from_arrow(CREDITS.empty_table())
        return self._rows.select(
            'day AS date, person AS "user", model AS model_uid, prompt_credits, flex_credits, requests'
        )

    @cached_property
    def _rows(self) -> duckdb.DuckDBPyRelation:
        spent = [one.snapshot for one in self.loaded]
        pseudonyms = find_pseudonyms(spent, self.root)
        keys, called = call_people(spent, pseudonyms, names=self.names)
        apart = [f"{pseudonyms[key]}, not on the list" if name == NOT_LISTED else name
                 for key, name in zip(keys, called, strict=True)]  # fmt: skip
        texts = {"user": keys, "called": called, "person": apart}
        people = duckdb.from_arrow(pa.table({name: pa.array(text, pa.string()) for name, text in texts.items()}))
        rows = reduce(lambda one, other: one.union(other), (one.relation for one in spent))
        seen = rows.select("model_uid, CAST(date AS DATE) AS day").distinct().fetchall()
        names = [{"model_uid": uid, "day": day, "model": name_model(uid, day)} for uid, day in seen]
        named = pa.schema([("model_uid", pa.string()), ("day", pa.date32()), ("model", pa.string())])
        models = duckdb.from_arrow(pa.Table.from_pylist(names, named))
        found = rows.select('CAST(date AS DATE) AS day, "user", model_uid, prompt_credits, flex_credits, requests')
        found = found.join(people, "user").join(models, "model_uid, day")
        return found.select(
            "day::TIMESTAMP AS day, date_trunc('month', day)::TIMESTAMP AS month, called AS \"user\", person, model, "
            "prompt_credits, flex_credits, requests"
        )
